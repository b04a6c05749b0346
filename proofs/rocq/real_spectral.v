(* Symmetric matrices over a real closed field, without complex numbers.

   Main results
     reflector     every unit vector x is H e0 for a symmetric H with H^2 = 1
     spectral      every symmetric S is Q diag(d) Q^T, where Q^T Q = 1
     symmetric_eigenvector   so it has a unit eigenvector, if there is one coordinate

   Plan.  By induction S = [a b^T; b S'] with S' = Q diag(l) Q^T; in the basis of the
   columns of Q it is bordered, [a c^T; c diag(l)], and its characteristic polynomial

     (t - a) prod_j (t - l_j) - sum_i c_i^2 prod_(j != i) (t - l_j)

   is at most 0 where t is the largest of a and the l_j, and positive further on: it has
   a root between.  A reflector moves the eigenvector to e0, and splits it off.

   Role.  From here come the singular values and the planes of a rotation: over every
   real closed field, the real algebraic numbers as well as the reals.

   References.  Reflectors: Householder, Unitary triangularization of a nonsymmetric
   matrix, J. ACM 5 (1958).  The rest is standard. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp poly matrix mxalgebra mxpoly.
From exactflow Require Import shears rotations.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Section RealSpectral.
Variable R : rcfType.

Lemma gram_dot n (x y : 'cV[R]_n) : x^T *m y = (dot x y)%:M.
Proof. by rewrite [LHS]mx11_scalar. Qed.

Lemma gram_delta n i : (delta_mx i 0 : 'cV[R]_n)^T *m delta_mx i 0 = 1%:M.
Proof. by rewrite trmx_delta mul_delta_mx [LHS]mx11_scalar mxE. Qed.

Lemma unit_multiple n (y : 'cV[R]_n) : y != 0 -> exists c : R, (c *: y)^T *m (c *: y) = 1%:M.
Proof.
move=> y0; exists (Num.sqrt (dot y y))^-1.
have yy : dot y y != 0 by apply: contra_neq y0 => yy; apply: gram_eq0; rewrite gram_dot yy raddf0.
rewrite [(_ *: y)^T]linearZ /= -scalemxAl -scalemxAr scalerA gram_dot.
by rewrite -invfM -expr2 sqr_sqrtr ?dot_ge0 // scale_scalar_mx mulVf.
Qed.

(* H = 1 - v v^T / h with v = x - e and v^T v = 2 h *)
Lemma reflector n (x : 'cV[R]_n.+1) : x^T *m x = 1%:M ->
  exists H : 'M_n.+1, [/\ H^T = H, H *m H = 1%:M & H *m delta_mx 0 0 = x].
Proof.
set e := delta_mx 0 0 => xx; have ee : dot e e = 1 by rewrite /dot gram_delta mxE.
have [->|nx] := eqVneq x e; first by exists 1%:M; rewrite trmx1 !mul1mx.
pose v := x - e; pose h := 1 - dot x e.
have vv : dot v v = h *+ 2 by rewrite dotB ee /dot xx mxE mulrnBl mulr2n.
have h0 : h != 0.
  apply: contra_neq nx => h0; apply/eqP; rewrite -subr_eq0; apply/eqP/gram_eq0.
  by rewrite gram_dot vv h0 mul0rn raddf0.
exists (1%:M - h^-1 *: (v *m v^T)); split.
- by rewrite linearB linearZ /= trmx_mul trmxK trmx1.
- rewrite mulmxBl mul1mx mulmxBr mulmx1 -scalemxAl -scalemxAr mulmxA -[v *m _ *m v]mulmxA.
  rewrite gram_dot vv mul_mx_scalar -scalemxAl !scalerA [_ * (h *+ 2)]mulrnAr mulVf //.
  by rewrite mulr2n mulrDr mulr1 scalerDl opprB addrK subrK.
rewrite mulmxBl mul1mx -scalemxAl -mulmxA gram_dot dotDl dotNl ee mul_mx_scalar scalerA.
by rewrite -[_ - 1]opprB mulrN mulVf // scaleN1r opprK addrC subrK.
Qed.

Lemma char_poly_bordered n (a : R) (b : 'cV_n) (l : 'rV_n) :
  char_poly (block_mx a%:M b^T b (diag_mx l)) =
  ('X - a%:P) * \prod_j ('X - (l 0 j)%:P)
  - \sum_i (b i 0 ^+ 2)%:P * \prod_(j | j != i) ('X - (l 0 j)%:P).
Proof.
set P := \prod_j _; set p := _ - _; pose B := map_mx polyC b.
pose D := diag_mx (\row_j ('X - (l 0 j)%:P)).
pose E := diag_mx (\row_i \prod_(j | j != i) ('X - (l 0 j)%:P)).
have ED : E *m D = P%:M.
  rewrite mulmx_diag -diag_const_mx; congr diag_mx; apply/rowP=> i.
  by rewrite !mxE mulrC /P [RHS](bigD1 i).
have P0 : P != 0 by apply/monic_neq0/monic_prod_XsubC.
have -> : char_poly (block_mx a%:M b^T b (diag_mx l)) =
    \det (block_mx ('X - a%:P)%:M (- B^T) (- B) D).
  rewrite /char_poly /char_poly_mx map_block_mx (@scalar_mx_block _ 1 n) opp_block_mx.
  rewrite add_block_mx !sub0r map_scalar_mx map_trmx map_diag_mx raddfB /=.
  congr (\det (block_mx _ _ _ _)); rewrite -diag_const_mx -raddfB /=; congr diag_mx.
  by apply/rowP=> j; rewrite !mxE.
apply: (mulfI P0).
have : block_mx P%:M (B^T *m E) 0 1%:M *m block_mx ('X - a%:P)%:M (- B^T) (- B) D
    = block_mx p%:M 0 (- B) D.
  blocks; rewrite -!mulmxA ED !mul_mx_scalar mul_scalar_mx scalerN addNr; congr block_mx.
  apply/matrixP=> i j; rewrite !ord1 !mulmxN !mxE !mulr1n; congr (_ - _).
  by apply: eq_bigr => k _; rewrite mul_diag_mx !mxE mulrCA -expr2 rmorphXn /= mulrC.
move/(congr1 determinant); rewrite det_mulmx det_ublock det_lblock det1 mulr1 !det_scalar1.
by move=> ->; rewrite mulrC det_diag; congr (_ * _); apply: eq_bigr => j _; rewrite mxE.
Qed.

Lemma root_bordered n (a : R) (b : 'cV_n) (l : 'rV_n) :
  exists t, root (char_poly (block_mx a%:M b^T b (diag_mx l))) t.
Proof.
rewrite char_poly_bordered; set p := _ - _; pose s := \sum_i b i 0 ^+ 2.
have pE t : p.[t] = (t - a) * \prod_j (t - l 0 j)
    - \sum_i b i 0 ^+ 2 * \prod_(j | j != i) (t - l 0 j).
  rewrite !hornerE horner_sum horner_prod; congr (_ * _ - _); apply: eq_bigr => i _.
    by rewrite !hornerE.
  by rewrite !hornerE horner_prod; congr (_ * _); apply: eq_bigr => j _; rewrite !hornerE.
pose t0 := \big[Num.max/a]_j l 0 j; pose t1 := t0 + (1 + s).
have le_l j : l 0 j <= t0 by apply: le_bigmax.
have s0 : 0 <= s by apply: sumr_ge0 => i _; apply: sqr_ge0.
have le_t1 x : x <= t0 -> 1 + s <= t1 - x by rewrite lerBrDr addrC lerD2r.
have [||t _ rt] := @poly_ivt R p t0 t1; [by rewrite lerDl addr_ge0 | | by exists t].
apply/andP; split; rewrite pE.
  rewrite subr_le0 (_ : _ * _ = 0) ?sumr_ge0 // => [i _|].
    by rewrite mulr_ge0 ?sqr_ge0 // prodr_ge0 // => j _; rewrite subr_ge0.
  apply: (big_ind (fun t => (t - a) * \prod_j (t - l 0 j) = 0)) => [|x y|j _].
  - by rewrite subrr mul0r.
  - by case: leP.
  - by rewrite [X in _ * X](bigD1 j) //= subrr mul0r mulr0.
have ge1 j : 1 <= t1 - l 0 j by apply: le_trans (le_t1 _ (le_l j)); rewrite lerDl.
have prod0 (Q : pred 'I_n) : 0 <= \prod_(j | Q j) (t1 - l 0 j).
  by rewrite prodr_ge0 // => j _; rewrite (le_trans ler01).
rewrite subr_ge0; apply: le_trans (_ : s * \prod_j (t1 - l 0 j) <= _).
  rewrite mulr_suml ler_sum // => i _; rewrite ler_wpM2l ?sqr_ge0 //.
  by rewrite [leRHS](bigD1 i) //= ler_peMl ?prod0.
by rewrite ler_wpM2r ?prod0 // (le_trans _ (le_t1 _ _)) ?bigmax_ge_id // lerDr.
Qed.

Lemma orthogonal_border n (Q : 'M[R]_n) : Q^T *m Q = 1%:M ->
  let T : 'M_(1 + n) := block_mx 1%:M 0 0 Q in
  T^T = block_mx 1%:M 0 0 Q^T /\ T^T *m T = 1%:M.
Proof.
move=> QQ T; have TE : T^T = block_mx 1%:M 0 0 Q^T by rewrite tr_block_mx !trmx0 trmx1.
by split=> //; rewrite TE; blocks; rewrite QQ [RHS]scalar_mx_block.
Qed.

Lemma eigenvector_bordered n a (b : 'cV[R]_n) Q (d : 'rV_n) : Q^T *m Q = 1%:M ->
  let S : 'M_(1 + n) := block_mx a%:M b^T b (Q *m diag_mx d *m Q^T) in
  exists (x : 'cV_(1 + n)) (mu : R), x^T *m x = 1%:M /\ S *m x = mu *: x.
Proof.
move=> QQ S; have [mu] := root_bordered a (Q^T *m b) d.
rewrite -eigenvalue_root_char => /eigenvalueP[v vM v0].
have [] := orthogonal_border QQ; set T := block_mx _ _ _ _ => TE TT.
have ST : S *m T = T *m block_mx a%:M (Q^T *m b)^T (Q^T *m b) (diag_mx d).
  by blocks; rewrite trmx_mul trmxK mulmxA (mulmx1C QQ) mul1mx -[_ *m Q^T *m Q]mulmxA QQ mulmx1.
have vN : block_mx a%:M (Q^T *m b)^T (Q^T *m b) (diag_mx d) *m v^T = mu *: v^T.
  by have := congr1 trmx vM; rewrite trmx_mul linearZ /= tr_block_mx trmxK tr_diag_mx tr_scalar_mx.
have /unit_multiple[c xx] : T *m v^T != 0.
  move: v0; rewrite -trmx_eq0; apply: contra_neq => /(congr1 (mulmx T^T)).
  by rewrite mulmxA TT mul1mx mulmx0.
exists (c *: (T *m v^T)), mu; split=> //.
by rewrite -scalemxAr mulmxA ST -mulmxA vN -scalemxAr scalerA mulrC -scalerA.
Qed.

Lemma split_off n (N : 'M[R]_(1 + n)) mu :
  N *m delta_mx 0 0 = mu *: (delta_mx 0 0 : 'cV_(1 + n)) ->
  N^T *m delta_mx 0 0 = mu *: (delta_mx 0 0 : 'cV_(1 + n)) ->
  N = block_mx mu%:M 0 0 (drsubmx N).
Proof.
have -> : delta_mx 0 0 = col_mx 1%:M 0 :> 'cV[R]_(1 + n).
  apply/matrixP=> i j; rewrite !mxE (ord1 j) -(inj_eq val_inj) /=.
  by case: splitP => k ->; rewrite mxE ?(ord1 k).
rewrite -[N]submxK tr_block_mx block_mxKdr !mul_block_col !mulmx1 !mulmx0 !addr0.
rewrite scale_col_mx scaler0 scale_scalar_mx mulr1 => /eq_col_mx[-> ->] /eq_col_mx[_ ur0].
by rewrite -[ursubmx N]trmxK ur0 trmx0.
Qed.

Theorem spectral n (S : 'M[R]_n) : S^T = S -> exists (Q : 'M_n) (d : 'rV_n),
  Q^T *m Q = 1%:M /\ S = Q *m diag_mx d *m Q^T.
Proof.
elim: n S => [|n IH]; first by exists 1%:M, 0; split; rewrite [LHS]flatmx0 [RHS]flatmx0.
rewrite -[n.+1]/(1 + n)%N => S sym.
have [x [mu [xx Sx]]] :
    exists (x : 'cV_(1 + n)) (mu : R), x^T *m x = 1%:M /\ S *m x = mu *: x.
  move: sym; rewrite -[S]submxK tr_block_mx => /eq_block_mx[_ <- _ /IH[Q [d [QQ ->]]]].
  by rewrite [ulsubmx _]mx11_scalar; apply: eigenvector_bordered.
have [H [HT HH He]] := reflector xx; pose N : 'M_(1 + n) := H *m S *m H.
have NN : N^T = N by rewrite !trmx_mul HT sym mulmxA.
have NE : N = block_mx mu%:M 0 0 (drsubmx N).
  by apply: split_off; rewrite ?NN -!mulmxA He Sx -scalemxAr -He mulmxA HH mul1mx.
have [|Q [d [QQ N'E]]] := IH (drsubmx N); first by rewrite trmx_drsub NN.
have [TE TT] := orthogonal_border QQ; set T := block_mx _ _ _ _ in TE TT.
exists (H *m T), (row_mx (const_mx mu) d); rewrite trmx_mul HT; split.
  by rewrite -mulmxA [H *m (H *m _)]mulmxA HH mul1mx.
have NT : N = T *m diag_mx (row_mx (const_mx mu) d) *m T^T.
  by rewrite NE N'E TE diag_mx_row diag_const_mx; blocks.
by rewrite !mulmxA -(mulmxA H T) -(mulmxA H) -NT !mulmxA HH mul1mx -mulmxA HH mulmx1.
Qed.

Corollary symmetric_eigenvector n (S : 'M[R]_n.+1) : S^T = S ->
  exists (x : 'cV_n.+1) (mu : R), x^T *m x = 1%:M /\ S *m x = mu *: x.
Proof.
move=> /spectral[Q [d [QQ ->]]]; exists (Q *m delta_mx 0 0), (d 0 0).
rewrite trmx_mul -!mulmxA ![Q^T *m _]mulmxA QQ !mul1mx gram_delta; split=> //.
rewrite scalemxAr; congr (_ *m _); apply/matrixP=> i j.
by rewrite mul_diag_mx !mxE !ord1; case: eqP => [->|]; rewrite ?mulr0.
Qed.
End RealSpectral.
