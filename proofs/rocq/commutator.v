(* Commutators: every N of determinant 1 is P^-1 G^-1 P G.

   Main results
     commutator   over a field with more than n elements, every n x n matrix N
                  of determinant 1 has an invertible P such that P N is similar
                  to P, that is, G (P N) = P G for an invertible G
     commutator_avoiding   with more than n + 1, a given x != 0 is no eigenvalue of P
     com_nonscalar   if N is no scalar, and over a field with more than n + |av|
                  elements, no element of the list av is an eigenvalue of P

   Role.  The lemma behind step 2 of six_suffice.v, and behind hyperplane.v.

   Plan.  N = w 1 with w ^ n = 1 (com_scalar): P is a cyclic permutation matrix
   and G = diag(1, w, w ^ 2, ..).  Otherwise induct on n (com_nonscalar):
   N is similar to [1 r; c S] with r != 0 (nonscalar_form), and T = S - c r has
   determinant 1; if T is scalar, conjugate by [1 0; t 1] with r t = 0 and it no
   longer is (nonscalar_split).  By induction P' T is similar to P'.  Take b != 0
   outside of av that is no eigenvalue of P' and put P = [b 0; - P' c, P'].  Then
   P N = [b, b r; 0, P' T], and both P and P N are similar to diag(b, P') (com_step).

   References.  K. Shoda 1936, R. C. Thompson 1961 (commutators). *)
From mathcomp Require Import all_ssreflect perm ssralg zmodp poly matrix.
From mathcomp Require Import mxalgebra mxpoly.
From exactflow Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Commutator.
Variable F : fieldType.

(* Similarity, and the property to be proved: P has no eigenvalue in av. *)
Definition sim n (A B : 'M[F]_n) := exists2 Q, Q \in unitmx & Q *m A = B *m Q.
Definition avoids (av : seq F) n (P : 'M[F]_n) := {in av, forall x, x%:M - P \in unitmx}.
Definition com av n (N : 'M[F]_n) :=
  exists2 P, P \in unitmx /\ avoids av P & sim P (P *m N).

Lemma sim_conj n (A Q Q' : 'M[F]_n) : Q' *m Q = 1%:M -> sim A (Q *m A *m Q').
Proof.
move=> h; exists Q; last by rewrite -!mulmxA h mulmx1.
by have [] := mulmx1_unit h.
Qed.

Lemma sim_sym n (A B : 'M[F]_n) : sim A B -> sim B A.
Proof.
case=> Q uQ h; exists (invmx Q); first by rewrite unitmx_inv.
by apply: (canRL (mulmxK uQ)); rewrite -mulmxA -h mulKmx.
Qed.

Lemma sim_trans n (B A C : 'M[F]_n) : sim A B -> sim B C -> sim A C.
Proof.
case=> Q uQ h [R uR k]; exists (R *m Q); first by rewrite unitmx_mul uR.
by rewrite -mulmxA h !mulmxA k.
Qed.

Lemma sim_det n (A B : 'M[F]_n) : sim A B -> \det A = \det B.
Proof.
case=> Q uQ /(congr1 determinant); rewrite !det_mulmx mulrC.
by apply: mulIf; rewrite -unitfE -unitmxE.
Qed.

(* Conjugation by a shear. *)
Lemma sim_L m n A B C D (t : 'M[F]_(n, m)) :
  sim (block_mx A B C D)
      (block_mx (A - B *m t) B (C + t *m A - (D + t *m B) *m t) (D + t *m B)).
Proof.
have := @sim_conj _ (block_mx A B C D) (L t) (L (- t)).
rewrite -{1}[L t]mulmx1 mul_LK mul_L => /(_ erefl).
by rewrite [L (- t)]/L; blocks; rewrite !mulmxN.
Qed.

Lemma sim_U m n A B C D (t : 'M[F]_(m, n)) :
  sim (block_mx A B C D)
      (block_mx (A + t *m C) (B + t *m D - (A + t *m C) *m t) C (D - C *m t)).
Proof.
have := @sim_conj _ (block_mx A B C D) (U t) (U (- t)).
rewrite -{1}[U t]mulmx1 mul_UK mul_U => /(_ erefl).
by rewrite [U (- t)]/U; blocks; rewrite !mulmxN [_ + (B + _)]addrC [_ + D]addrC.
Qed.

(* If b is no eigenvalue of K, the block beside or below b can be cleared. *)
Lemma sim_clear_lower m n b x (K : 'M[F]_n) : b%:M - K \in unitmx ->
  sim (block_mx (b%:M : 'M_m) 0 x K) (block_mx b%:M 0 0 K).
Proof.
move=> u; pose t := - (invmx (b%:M - K) *m x).
have := sim_L b%:M 0 x K t.
rewrite !(mul0mx, mulmx0, subr0, addr0) mul_mx_scalar -mul_scalar_mx.
by rewrite -addrA -mulmxBl mulmxN mulKVmx // subrr.
Qed.

Lemma sim_clear_upper m n b x (K : 'M[F]_n) : b%:M - K \in unitmx ->
  sim (block_mx (b%:M : 'M_m) x 0 K) (block_mx b%:M 0 0 K).
Proof.
move=> u; pose t := x *m invmx (b%:M - K).
have := sim_U b%:M x 0 K t.
rewrite !(mul0mx, mulmx0, subr0, addr0) mul_scalar_mx -mul_mx_scalar.
by rewrite -addrA -mulmxBr -opprB mulmxN mulmxKV // subrr.
Qed.

Lemma sim_diag m n (B : 'M[F]_m) (K K' : 'M[F]_n) :
  sim K K' -> sim (block_mx B 0 0 K) (block_mx B 0 0 K').
Proof.
case=> Q uQ h; exists (block_mx 1%:M 0 0 Q).
  by rewrite unitmxE det_ublock det1 mul1r -unitmxE.
by blocks; rewrite h.
Qed.

Lemma sim_not_eigenvalue n b (K K' : 'M[F]_n) :
  sim K K' -> b%:M - K \in unitmx -> b%:M - K' \in unitmx.
Proof.
case=> Q uQ h uK; suff -> : b%:M - K' = Q *m (b%:M - K) *m invmx Q.
  by rewrite !unitmx_mul uQ uK unitmx_inv.
by rewrite mulmxBr h scalar_mxC -mulmxBl mulmxK.
Qed.

Lemma com_sim av n (A B : 'M[F]_n) : sim A B -> com av B -> com av A.
Proof.
case=> Q uQ h [P [uP aP] [R uR k]]; exists (invmx Q *m P *m Q).
  split; first by rewrite !unitmx_mul unitmx_inv uQ uP.
  move=> x /aP; apply: sim_not_eigenvalue; exact: sim_conj (mulmxV uQ).
exists (invmx Q *m R *m Q); first by rewrite !unitmx_mul unitmx_inv uQ uR.
rewrite -!mulmxA !(mulKVmx uQ) (mulmxA Q A) h -(mulmxA B Q) mulKVmx //.
by congr (_ *m _); rewrite !mulmxA k.
Qed.

Lemma det_schur n r c (S : 'M[F]_n) :
  \det (block_mx (1%:M : 'M_1) r c S) = \det (S - c *m r).
Proof.
have <- : L c *m block_mx 1%:M r 0 (S - c *m r) = block_mx 1%:M r c S.
  by rewrite mul_L mulmx1 add0r subrK.
by rewrite det_mulmx det_L det_ublock det1 !mul1r.
Qed.

(* The field has more than n elements: s lists some, without repetition. *)
Variable s : seq F.
Hypothesis us : uniq s.

Lemma exists_not_eigenvalue av n (K : 'M[F]_n) : ((n + size av).+1 < size s)%N ->
  exists b, [/\ b != 0, b \notin av & b%:M - K \in unitmx].
Proof.
move=> hs; pose q : {poly F} := \prod_(x <- 0 :: av) ('X - x%:P).
have mq : char_poly K * q \is monic.
  by rewrite monicMl ?char_poly_monic // monic_prod_XsubC.
have : ~~ all (root (char_poly K * q)) s.
  apply/negP => h; have := max_poly_roots (monic_neq0 mq) h us.
  rewrite size_Mmonic ?monic_neq0 ?char_poly_monic ?monic_prod_XsubC //.
  by rewrite size_char_poly size_prod_XsubC addSn !addnS ltnNge hs.
case/allPn => b _; rewrite rootM root_prod_XsubC inE !negb_or => /and3P[nb b0 bav].
exists b; split=> //; move: nb.
rewrite -eigenvalue_root_char /eigenvalue negbK kermx_eq0.
by rewrite row_free_unit -opprB -scaleN1r unitmxZ ?unitrN1.
Qed.

Lemma avoids_diag av n b (P : 'M[F]_n) : b \notin av -> avoids av P ->
  avoids av (block_mx (b%:M : 'M_1) 0 0 P).
Proof.
move=> bav aP x xav; rewrite (scalar_mx_block 1 n) opp_block_mx add_block_mx !subr0.
rewrite unitmxE det_ublock unitrM -!unitmxE aP // andbT -raddfB unitmxE det_scalar1.
by rewrite unitfE subr_eq0; apply: contraNneq bav => <-.
Qed.

Lemma com_step av n r c (S : 'M[F]_n) : ((n + size av).+1 < size s)%N ->
  com av (S - c *m r) -> com av (block_mx (1%:M : 'M_1) r c S).
Proof.
move=> hs [P [uP aP] h]; have [b [b0 bav ub]] := exists_not_eigenvalue P hs.
have hb := sim_clear_lower (- (P *m c)) ub.
exists (block_mx b%:M 0 (- (P *m c)) P).
  split; last by move=> x /(avoids_diag bav aP); apply/sim_not_eigenvalue/sim_sym/hb.
  rewrite unitmxE det_lblock unitrM andbC -unitmxE uP det_scalar.
  by rewrite unitfE expf_neq0.
have -> : block_mx b%:M 0 (- (P *m c)) P *m block_mx (1%:M : 'M_1) r c S =
  block_mx b%:M (b *: r) 0 (P *m (S - c *m r)).
  blocks; rewrite mul_scalar_mx addNr; congr block_mx.
  by rewrite mulmxBr mulNmx mulmxA addrC.
apply: (sim_trans hb); apply: (sim_trans (sim_diag _ h)).
by apply/sim_sym/sim_clear_upper/(sim_not_eigenvalue h).
Qed.

(* A matrix is scalar if every vector is an eigenvector. *)
Lemma nonscalar_vec n (N : 'M[F]_n.+1) : ~~ is_scalar_mx N ->
  exists v : 'rV_n.+1, ~~ (v *m N <= v)%MS.
Proof.
pose d i : 'rV[F]_n.+1 := delta_mx 0 i; move=> sN.
have [/existsP[i hi]|] := boolP [exists i, ~~ (d i *m N <= d i)%MS].
  by exists (d i).
rewrite negb_exists => /forallP h1.
have [/existsP[i hi]|] :=
  boolP [exists i, ~~ ((d 0 + d i)%R *m N <= (d 0 + d i)%R)%MS].
  by exists (d 0 + d i).
rewrite negb_exists => /forallP h2; case/negP: sN.
have off i j : i != j -> N i j = 0.
  move=> ij; have /sub_rVP[a] := negbNE (h1 i).
  rewrite -rowE => /rowP/(_ j); rewrite !mxE eqxx eq_sym (negbTE ij) => ->.
  by rewrite mulr0.
apply/is_scalar_mxP; exists (N 0 0); apply/matrixP => i j; rewrite mxE.
have [<-{j}|/off //] := altP (i =P j).
have [->//|i0] := altP (i =P 0).
have /sub_rVP[a] := negbNE (h2 i); rewrite mulmxDl -!rowE => /rowP e.
have := e 0; have := e i; rewrite !mxE !eqxx [0 == i]eq_sym (negbTE i0) /=.
rewrite !addr0 !add0r (off i 0) // (off 0 i) 1?eq_sym // add0r addr0.
by move=> -> ->.
Qed.

Lemma complete_to_basis n (v : 'M[F]_(1, 1 + n)) : v != 0 ->
  exists2 Q : 'M[F]_(1 + n), Q \in unitmx & (v :=: usubmx Q)%MS.
Proof.
move=> v0; exists (row_ebase v); first exact: row_ebase_unit.
have -> : usubmx (row_ebase v) = pid_mx 1 *m row_ebase v.
  by rewrite -{2}[row_ebase v]vsubmxK pid_mx_row mul_row_col mul1mx mul0mx addr0.
rewrite -{1}[v]mulmx_ebase rank_rV v0 -mulmxA.
by apply: eqmxMfull; rewrite row_full_unit col_ebase_unit.
Qed.

Lemma nonscalar_form n (N : 'M[F]_(1 + n)) : ~~ is_scalar_mx N ->
  exists r c S, r != 0 /\ sim N (block_mx (1%:M : 'M_1) r c S).
Proof.
case/nonscalar_vec => v hv.
have v0 : v != 0 by apply: contra hv => /eqP ->; rewrite mul0mx sub0mx.
have [Q uQ vQ] := complete_to_basis v0.
pose N1 := Q *m N *m invmx Q.
have s1 : sim N N1 by exists Q; rewrite // /N1 mulmxKV.
rewrite -[N1]submxK in s1.
set A := ulsubmx N1 in s1; set r := ursubmx N1 in s1.
have r0 : r != 0.
  apply: contra hv => /eqP r0.
  rewrite vQ (eqmxMr _ vQ) mul_usub_mx -[Q *m N](mulmxKV uQ) -/N1 -mul_usub_mx.
  rewrite -[usubmx N1]hsubmxK (r0 : rsubmx (usubmx N1) = 0) -{1}[Q]vsubmxK.
  by rewrite mul_row_col mul0mx addr0 submxMl.
pose t := pinvmx r *m (A - 1%:M).
have rt : r *m t = A - 1%:M.
  by rewrite mulmxA mulmxVp ?mul1mx // /row_free rank_rV r0.
have := sim_trans s1 (sim_L _ _ _ _ t); rewrite rt subKr => h.
by exists r; do 2!eexists; split; first exact: r0; exact: h.
Qed.

(* The Schur complement can be kept from being scalar, too. *)
Lemma nonscalar_split n (N : 'M[F]_(1 + n)) : \det N != 0 -> ~~ is_scalar_mx N ->
  exists r c S, sim N (block_mx (1%:M : 'M_1) r c S) /\
    ((n <= 1)%N || ~~ is_scalar_mx (S - c *m r)).
Proof.
move=> dN /nonscalar_form[r [c [S [r0 h]]]].
have dT : \det (S - c *m r) != 0 by rewrite -det_schur -(sim_det h).
have [hT|] := boolP ((n <= 1)%N || ~~ is_scalar_mx (S - c *m r)).
  by exists r, c, S.
rewrite negb_or negbK -ltnNge => /andP[n1 /is_scalar_mxP[l hT]].
have l0 : l != 0.
  by apply: contra_neq dT => l0; rewrite hT l0 det_scalar expr0n gtn_eqF // ltnW.
have [t t0 rt] : exists2 t : 'cV[F]_n, t != 0 & r *m t = 0.
  have : cokermx r != 0.
    by rewrite cokermx_eq0 /row_full rank_rV r0 ltn_eqF.
  case/matrix0Pn => i [j ij]; exists (col j (cokermx r)).
    by apply: contra ij => /eqP/colP/(_ i); rewrite !mxE => ->.
  by rewrite colE mulmxA mulmx_coker mul0mx.
have rf : row_free r by rewrite /row_free rank_rV r0.
have tr0 : t *m r != 0.
  apply: contra t0 => /eqP tr.
  by rewrite -[t]mulmx1 -(mulmxVp rf) mulmxA tr mul0mx.
have := sim_L 1%:M r c S t; rewrite rt subr0 mulmxDl -(mulmxA t) rt mulmx0 addr0.
rewrite mulmx1 => h2; exists r, (c + t - S *m t), (S + t *m r).
split; first exact: sim_trans h h2.
have -> : S + t *m r - (c + t - S *m t) *m r = l%:M + l *: (t *m r).
  have -> : S = l%:M + c *m r by rewrite -hT subrK.
  rewrite (mulmxDl _ _ t) -(mulmxA c) rt mulmx0 addr0 mul_scalar_mx.
  rewrite !(mulmxDl, mulNmx) -scalemxAl.
  by rewrite -[_ + _ + t *m r]addrA -addrA subKr.
rewrite leqNgt n1 /=; apply/is_scalar_mxP => -[a ha].
have e : t *m r = (l^-1 * (a - l))%:M.
  rewrite -scale_scalar_mx; apply: (canRL (scalerK l0)).
  by rewrite raddfB /= -ha addrC addKr.
have := congr1 (mulmx^~ t) e.
rewrite -mulmxA rt mulmx0 mul_scalar_mx => /esym/eqP.
rewrite scaler_eq0 (negbTE t0) orbF => /eqP e0.
by move: tr0; rewrite e e0 raddf0 eqxx.
Qed.

Lemma com_nonscalar av n (N : 'M[F]_n) : (n + size av < size s)%N ->
  \det N = 1 -> (n <= 1)%N || ~~ is_scalar_mx N -> com av N.
Proof.
elim: n N => [|n IH] N hs dN hN.
  exists 1%:M; last by exists 1%:M; rewrite ?unitmx1 // [LHS]thinmx0 [RHS]thinmx0.
  by split=> [|x _]; rewrite unitmxE det_mx00 unitr1.
have [r [c [S [h hT]]]] : exists r c S, sim N (block_mx (1%:M : 'M_1) r c S) /\
    ((n <= 1)%N || ~~ is_scalar_mx (S - c *m r)).
  case/orP: hN => [|nN]; last by apply: nonscalar_split; rewrite ?dN ?oner_neq0.
  case: n N dN {IH hs} => // N dN _; exists 0, 0, 1%:M; split=> //.
  rewrite -scalar_mx_block [N]mx11_scalar -det_mx11 dN.
  by exists 1%:M; rewrite ?unitmx1.
apply: (com_sim h); apply: com_step => //; apply: IH => //; first exact: ltnW.
by rewrite -det_schur -(sim_det h).
Qed.

Lemma com_scalar n (w : F) : \det (w%:M : 'M_n.+1) = 1 -> com [::] (w%:M : 'M_n.+1).
Proof.
rewrite det_scalar => wn; pose p := perm (@addIr 'I_n.+1 Zp1).
have w0 : w != 0 by apply: contra_eq_neq wn => ->; rewrite expr0n eq_sym oner_eq0.
exists (perm_mx p)^T; first by rewrite unitmx_tr unitmx_perm; split=> // ?.
exists (diag_mx (\row_i w ^+ i)).
  rewrite unitmxE det_diag unitfE; apply/prodf_neq0 => i _.
  by rewrite mxE expf_neq0.
rewrite mul_mx_scalar; apply/matrixP => i j.
rewrite mul_diag_mx -scalemxAl mul_mx_diag !mxE permE.
case: eqP => [<-|]; last by rewrite !(mulr0, mul0r).
by rewrite mulr1 mul1r /= modnDmr expr_mod // addn1 exprS.
Qed.

Theorem commutator n (N : 'M[F]_n) : (n < size s)%N -> \det N = 1 ->
  exists2 P, P \in unitmx & sim P (P *m N).
Proof.
move=> hs dN; suff [P []] : com [::] N by exists P.
have [|] := boolP ((n <= 1)%N || ~~ is_scalar_mx N).
  by apply: com_nonscalar; rewrite ?addn0.
rewrite negb_or negbK => /andP[n1 /is_scalar_mxP[w hw]].
case: n N hs n1 dN hw => // n N _ _ dN hw.
by move: dN; rewrite hw; apply: com_scalar.
Qed.

(* A multiple of P avoids one given value. *)
Corollary commutator_avoiding n x (N : 'M[F]_n) : x != 0 ->
  (n.+1 < size s)%N -> \det N = 1 ->
  exists2 P, P \in unitmx /\ x%:M - P \in unitmx & sim P (P *m N).
Proof.
move=> x0 hs /(commutator (ltnW hs))[P uP [G uG GP]].
have [b [b0 _ ub]] : exists b, [/\ b != 0, b \notin [::] & b%:M - P \in unitmx].
  by apply: exists_not_eigenvalue; rewrite addn0.
exists ((x / b) *: P); last first.
  by exists G => //; rewrite -!(scalemxAl, scalemxAr) GP.
have u : x / b \is a GRing.unit by rewrite unitfE mulf_neq0 ?invr_eq0.
have -> : x%:M - (x / b) *: P = (x / b) *: (b%:M - P).
  by rewrite scalerBr scale_scalar_mx divfK.
by rewrite !unitmxZ.
Qed.
End Commutator.
