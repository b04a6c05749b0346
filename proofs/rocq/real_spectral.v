(* Symmetric matrices and singular values over a real closed field, without complex
   numbers.

   Main results
     spectral              every symmetric S is Q diag(d) Q^T, where Q^T Q = 1
     singular_values       every square C is P diag(d) Q^T, where P^T P = Q^T Q = 1, d >= 0

   Plan.  By induction S = [a b^T; b S'] with S' = Q diag(l) Q^T; in the basis of the
   columns of Q it is bordered, [a c^T; c diag(l)], and its characteristic polynomial

     (t - a) prod_j (t - l_j) - sum_i c_i^2 prod_(j != i) (t - l_j)

   is at most 0 where t is the largest of a and the l_j, and positive further on: it has
   a root between, so S has an eigenvector.  Unit vectors x and y with C x = s y and
   C^T y = s x are taken to e1 by reflections, and split off: for y = x an eigenvector of
   C = S; else for an eigenvector x of C^T C.

   Role.  first_layer.v needs singular values, over every real closed field: the real
   algebraic numbers as well as the reals.

   References.  Standard; the reflections: Householder, Unitary triangularization of a
   nonsymmetric matrix, J. ACM 5 (1958). *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp poly matrix mxalgebra mxpoly.
From exactflow Require Import shears rotations reversal real_reversal.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Section RealSpectral.
Variable R : rcfType.

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

Lemma dotZ n (x : 'cV[R]_n) a b : dot (a *: x) (b *: x) = a * b * dot x x.
Proof. by rewrite /dot [(_ *: x)^T]linearZ /= -scalemxAl -scalemxAr scalerA mxE. Qed.

Lemma unit_multiple n (y : 'cV[R]_n) : y != 0 ->
  exists2 c : R, 0 < c & dot (c *: y) (c *: y) = 1.
Proof.
rewrite -dot_eq0 => yy; have y0 : 0 < dot y y by rewrite lt_def yy dot_ge0.
exists (Num.sqrt (dot y y))^-1; first by rewrite invr_gt0 sqrtr_gt0.
by rewrite dotZ -invfM -expr2 sqr_sqrtr ?ltW // mulVf.
Qed.

Definition diagonalized n (S : 'M[R]_n) := exists (Q : 'M_n) (d : 'rV_n),
  Q^T *m Q = 1%:M /\ S = Q *m diag_mx d *m Q^T.

Lemma eigenvector n (S : 'M[R]_(1 + n)) : S^T = S -> diagonalized (drsubmx S) ->
  exists (x : 'cV_(1 + n)) (mu : R), dot x x = 1 /\ S *m x = mu *: x.
Proof.
rewrite -{1 2 4}[S]submxK tr_block_mx => /eq_block_mx[_ <- _ _] [Q [d [QQ ->]]].
rewrite [ulsubmx S]mx11_scalar; move: (ulsubmx S 0 0) (dlsubmx S) => a b.
have [mu] := root_bordered a (Q^T *m b) d; set N := block_mx _ _ _ _ => root_mu.
have NN : N^T = N by rewrite tr_block_mx trmxK tr_diag_mx tr_scalar_mx.
move: root_mu; rewrite -eigenvalue_root_char => /eigenvalueP[v vN v0].
have Nv : N *m v^T = mu *: v^T by rewrite -NN -trmx_mul vN linearZ.
have /unit_multiple[c _ xx] : diag1 Q *m v^T != 0.
  move: v0; rewrite -trmx_eq0; apply: contra_neq => /(congr1 (mulmx (diag1 Q^T))).
  by rewrite mulmxA diag1M QQ diag1_1 mul1mx mulmx0.
exists (c *: (diag1 Q *m v^T)), mu; split=> //.
rewrite [RHS]scalerA mulrC -scalerA -scalemxAr [mu *: _]scalemxAr -Nv !mulmxA.
congr (_ *: (_ *m _)); rewrite /diag1 /N; blocks.
by rewrite trmx_mul trmxK mulmxA (mulmx1C QQ) mul1mx -[_ *m Q^T *m Q]mulmxA QQ mulmx1.
Qed.

(* Reflections take x and y to e1; what is left is C'. *)
Lemma split_off n (C : 'M[R]_(1 + n)) x y s :
  dot x x = 1 -> dot y y = 1 -> C *m x = s *: y -> C^T *m y = s *: x ->
  let H := refl (x - e1 R n) in let K := refl (y - e1 R n) in
  forall P Q d, drsubmx (K *m C *m H) = P *m diag_mx d *m Q^T ->
  C = K *m diag1 P *m diag_mx (row_mx (const_mx s) d) *m (H *m diag1 Q)^T.
Proof.
move=> xx yy Cx Cy H K P Q d C'E.
have [Hx Ky] : H *m x = e1 R n /\ K *m y = e1 R n by split; apply: refl_swap; rewrite dot_e1.
have [HH KK] : H *m H = 1%:M /\ K *m K = 1%:M by split; apply: reflK.
have [He Ke] : H *m e1 R n = x /\ K *m e1 R n = y.
  by split; [rewrite -Hx mulmxA HH mul1mx | rewrite -Ky mulmxA KK mul1mx].
have NE : K *m C *m H = block_mx s%:M 0 0 (P *m diag_mx d *m Q^T).
  have : (K *m C *m H)^T *m e1 R n = s *: e1 R n.
    by rewrite !trmx_mul !refl_sym -!mulmxA Ke Cy -scalemxAr Hx.
  have : K *m C *m H *m e1 R n = s *: e1 R n by rewrite -!mulmxA He Cx -scalemxAr Ky.
  move: (K *m C *m H) C'E => N; rewrite -{2 3 4}[N]submxK => <-.
  rewrite tr_block_mx !mul_block_col !mulmx1 !mulmx0 !addr0 scale_col_mx scaler0.
  rewrite scale_scalar_mx mulr1 => /eq_col_mx[-> ->] /eq_col_mx[_ ur0].
  by rewrite -[ursubmx N]trmxK ur0 trmx0.
have -> : C = K *m (K *m C *m H) *m H by rewrite !mulmxA KK mul1mx -mulmxA HH mulmx1.
rewrite NE trmx_mul refl_sym diag1_tr diag_mx_row diag_const_mx !mulmxA; congr (_ *m _).
by rewrite -!mulmxA /diag1; congr (_ *m _); blocks.
Qed.

Lemma refl_diag1 n w (Q : 'M[R]_n) : Q^T *m Q = 1%:M ->
  (refl w *m diag1 Q)^T *m (refl w *m diag1 Q) = 1%:M.
Proof.
move=> QQ; rewrite trmx_mul refl_sym mulmxA -(mulmxA _ (refl w) (refl w)) reflK mulmx1.
by rewrite diag1_tr diag1M QQ diag1_1.
Qed.

Theorem spectral n (S : 'M[R]_n) : S^T = S -> diagonalized S.
Proof.
elim: n S => [|n IH]; first by exists 1%:M, 0; split; rewrite [LHS]flatmx0 [RHS]flatmx0.
rewrite -[n.+1]/(1 + n)%N => S sym.
have [|x [mu [xx Sx]]] := eigenvector sym; first by apply: IH; rewrite trmx_drsub sym.
have Sx' : S^T *m x = mu *: x by rewrite sym.
have split := split_off xx xx Sx Sx'; set H := refl _ in split.
have [|Q [d [QQ S'E]]] := IH (drsubmx (H *m S *m H)).
  by rewrite trmx_drsub !trmx_mul refl_sym sym mulmxA.
by exists (H *m diag1 Q), (row_mx (const_mx mu) d); split; [apply: refl_diag1 | apply: split].
Qed.

(* If C x = 0 then C is singular, and C^T y = 0 for some y, too. *)
Lemma singular_pair n (C : 'M[R]_(1 + n)) : exists (x y : 'cV_(1 + n)) (s : R),
  [/\ dot x x = 1, dot y y = 1, 0 <= s, C *m x = s *: y & C^T *m y = s *: x].
Proof.
have sym : (C^T *m C)^T = C^T *m C by rewrite trmx_mul trmxK.
have [|x [mu [xx Cx]]] := eigenvector sym; first by apply: spectral; rewrite trmx_drsub sym.
exists x; have [Cx0|Cx0] := eqVneq (C *m x) 0.
  have : C \notin unitmx.
    apply: contraL (oner_neq0 R) => uC.
    by rewrite -xx -[x](mulKmx uC) Cx0 mulmx0 negbK dot_eq0.
  rewrite -row_free_unit -kermx_eq0 => /rowV0Pn[v /sub_kermxP vC].
  rewrite -trmx_eq0 => /unit_multiple[c _ yy].
  exists (c *: v^T), 0; split=> //; first by rewrite scale0r.
  by rewrite -scalemxAr -trmx_mul vC trmx0 scaler0 scale0r.
have [c c0 yy] := unit_multiple Cx0; exists (c *: (C *m x)), c^-1.
split=> //; [by rewrite invr_ge0 ltW | by rewrite scalerA mulVf ?gt_eqF // scale1r |].
move: yy; rewrite dotZ dot_mul mulmxA Cx -[x in dot x _]scale1r dotZ xx mul1r mulr1 => cmu.
by rewrite -scalemxAr mulmxA Cx scalerA -[c in LHS](mulfK (lt0r_neq0 c0)) mulrAC cmu mul1r.
Qed.

Theorem singular_values n (C : 'M[R]_n) : exists (P Q : 'M_n) (d : 'rV_n),
  [/\ P^T *m P = 1%:M, Q^T *m Q = 1%:M, forall i, 0 <= d 0 i & C = P *m diag_mx d *m Q^T].
Proof.
elim: n C => [|n IH].
  by exists 1%:M, 1%:M, 0; split; rewrite ?[LHS]flatmx0 ?[RHS]flatmx0 // => i; rewrite mxE.
rewrite -[n.+1]/(1 + n)%N => C; have [x [y [s [xx yy s0 Cx Cy]]]] := singular_pair C.
have := split_off xx yy Cx Cy; set H := refl _; set K := refl _ => split.
have [P [Q [d [PP QQ d0 C'E]]]] := IH (drsubmx (K *m C *m H)).
exists (K *m diag1 P), (H *m diag1 Q), (row_mx (const_mx s) d).
split; [exact: refl_diag1 | exact: refl_diag1 | | exact: split].
by move=> i; rewrite mxE; case: splitP => j _; rewrite ?mxE.
Qed.
End RealSpectral.
