(* How many shears a matrix of determinant 1 needs, halves of n and n entries: six suffice, five do
   not; with zero padding three do. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import perm ssralg ssrnum zmodp poly matrix mxalgebra mxpoly.
From exactflow.certificates Require Import shears words.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* Stable range: one shear makes the lower left block as good as it can be.

   Main result
     stable_range   if a A + c C = 1, with C square and A of any height, then
                    C + W A is invertible for some W

   Plan.  Induction on the corank of C.  While C is singular, some row a_i of A
   is not in its row space (otherwise 1 = a A + c C would be).  Take u in the
   left kernel of C and w with u w = 1: the rows of C + w a_i span those of C
   and, through u, the row a_i.  So the rank grows. *)
Section StableRange.
Variable F : fieldType.

Lemma dual_vector n (u : 'rV[F]_n) : u != 0 -> exists w : 'cV_n, u *m w = 1%:M.
Proof.
move=> u0; exists (pinvmx u); apply: mulmxVp.
by rewrite /row_free rank_rV u0.
Qed.

Theorem stable_range m n (A : 'M[F]_(m, n)) (C : 'M_n) (a : 'M_(n, m)) (c : 'M_n) :
  a *m A + c *m C = 1%:M -> exists W, C + W *m A \in unitmx.
Proof.
have [k] := ubnP (n - \rank C); elim: k C c a => // k IH C c a le_k aAcC.
have [fC | sC] := boolP (row_free C).
  by exists 0; rewrite mul0mx addr0 -row_free_unit.
have [AC|/row_subPn[i ai]] := boolP (A <= C)%MS.
  case/negP: sC; rewrite row_free_unit -row_full_unit -sub1mx -aAcC.
  by rewrite addmx_sub // mulmx_sub.
have: kermx C != 0 by rewrite kermx_eq0.
case/rowV0Pn => u /sub_kermxP uC /dual_vector[w uw].
pose V := w *m delta_mx 0 i; pose C' := C + V *m A.
have ai_C' : (row i A <= C')%MS.
  apply/submxP; exists u.
  by rewrite mulmxDr uC add0r /V !mulmxA uw mul1mx rowE.
have C_C' : (C <= C')%MS.
  rewrite -{1}[C](addrK (V *m A)) addmx_sub // eqmx_opp /V -mulmxA -rowE.
  exact: mulmx_sub.
have lt_rank : (\rank C < \rank C')%N.
  by apply: rank_ltmx; rewrite /ltmx C_C'; apply: contra ai; apply: submx_trans.
have [||W uW] := IH C' c (a - c *m V).
- apply: leq_trans (ltn_sub2l (leq_trans lt_rank (rank_leq_row _)) lt_rank) _.
  exact: le_k.
- by rewrite /C' mulmxBl mulmxDr -mulmxA addrC addrAC addrA subrK addrC.
by exists (V + W); rewrite mulmxDl addrA.
Qed.
End StableRange.

(* Commutators: every N of determinant 1 is P^-1 G^-1 P G.

   Main results
     commutator   over a field with more than n elements, every n x n matrix N
                  of determinant 1 has an invertible P such that P N is similar
                  to P, that is, G (P N) = P G for an invertible G
     commutator_avoiding   with more than n + 1, a given x != 0 is no eigenvalue of P
     com_nonscalar   if N is no scalar, and over a field with more than n + |av|
                  elements, no element of the list av is an eigenvalue of P

   Plan.  N = w 1 with w ^ n = 1 (com_scalar): P is a cyclic permutation matrix
   and G = diag(1, w, w ^ 2, ..).  Otherwise induct on n (com_nonscalar):
   N is similar to [1 r; c S] with r != 0 (nonscalar_form), and T = S - c r has
   determinant 1; if T is scalar, conjugate by [1 0; t 1] with r t = 0 and it no
   longer is (nonscalar_split).  By induction P' T is similar to P'.  Take b != 0
   outside of av that is no eigenvalue of P' and put P = [b 0; - P' c, P'].  Then
   P N = [b, b r; 0, P' T], and both P and P N are similar to diag(b, P') (com_step).

   References.  K. Shoda 1936, R. C. Thompson 1961 (commutators). *)
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
rewrite unitmxE det_ublock unitrM -!unitmxE aP // andbT -scalar_mxB unitmxE det_scalar1.
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
  by rewrite scalar_mxB -ha addrC addKr.
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

(* Six shears suffice, and five if an off-diagonal block is invertible.

   M is a 2n x 2n matrix of determinant 1 over a field with more than n elements.

   Main results
     five_ULULU   M = U X * L Y * U Z * L W * U V if the block C is invertible
     five_LULUL   M = L X * U Y * L Z * U W * L V if the block B is invertible
     six_LULULU   M = L W0 * U X * L Y * U Z * L W * U V, always
     six_ULULUL   the same in the other order
     infinite_seq, num_seq   a field with an injection from nat, such as every
                  numFieldType (rat, the reals), has more than n elements

   Plan.  Step 1: by stable_range, L W0 makes C invertible.  Step 2:
   N = (C (A C^-1 D - B))^-1 has determinant 1, so by commutator some invertible
   P and G satisfy G P N = P G.  Step 3: with Y = G C, Z = Y^-1 (P - 1),
   V = C^-1 (D - P), B' = B - A V, W = P^-1 (C - Y) and X = (B' - Z) P^-1 the
   five factors multiply to M (ULULU_of_similarity).

   References.  Koehler, Mehta, Risteski 2021 (a bounded number suffices);
   J. Urschel, Representing the special linear group with block unitriangular
   matrices, 2024 (the sharp counts). *)
(* Step 3. *)
Lemma ULULU_of_similarity (R : comUnitRingType) n (A B C D P N G : 'M[R]_n) :
  C \in unitmx -> P \in unitmx -> G \in unitmx ->
  N *m (C *m (A *m invmx C *m D - B)) = 1%:M ->
  G *m (P *m N) = P *m G ->
  exists X Y Z W V, block_mx A B C D = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> uC uP uG hN hG; pose K : 'M_n := A *m invmx C *m D - B.
pose Y := G *m C; pose Z := invmx Y *m (P - 1%:M); pose V := invmx C *m (D - P).
have uY : Y \in unitmx by rewrite unitmx_mul uG.
have YZ : 1%:M + Y *m Z = P by rewrite mulKVmx // addrC subrK.
have ZY : 1%:M + Z *m Y = invmx Y *m P *m Y.
  by rewrite /Z -mulmxA mulmxBl mul1mx mulmxBr mulmxA mulVmx // addrC subrK.
have CY : C *m invmx Y = invmx G.
  by apply: (can_inj (mulmxK uY)); rewrite mulmxKV // mulKmx.
have PGP : invmx P *m invmx G *m P *m G = N.
  by rewrite -mulmxA -hG -!mulmxA !mulKmx.
have schur : A - (B - A *m V) *m invmx P *m C = K *m invmx P *m C.
  have -> : B - A *m V = A *m invmx C *m P - K.
    by rewrite /V /K mulmxA mulmxBr !opprB addrCA.
  by rewrite !mulmxBl mulmxK // mulmxKV // subKr.
have e := ULUL_of_schur (A := A) (B := B - A *m V) (C := C) uP YZ ZY.
exists ((B - A *m V - Z) *m invmx P), Y, Z, (invmx P *m (C - Y)), V.
rewrite -e; first by rewrite mul_block_U subrK mulKVmx // [P + _]addrC subrK.
rewrite schur !mulmxA -(mulmxA _ C) CY -!(mulmxA K) PGP.
by apply: mulmx1C; rewrite -mulmxA.
Qed.

Lemma det_lower_invertible (R : comUnitRingType) n (A B C D : 'M[R]_n) :
  C \in unitmx ->
  \det (block_mx A B C D) = \det (C *m (A *m invmx C *m D - B)).
Proof.
move=> uC; set K := _ - B.
transitivity (\det (L (- 1%:M) *m (U 1%:M *m (U (- (A *m invmx C)) *m
    block_mx A B C D)))); first by rewrite !det_mulmx !(det_L, det_U) !mul1r.
rewrite !mul_U mul_L !(mulNmx, mul1mx) mulmxKV // subrr add0r.
rewrite -[B - _]opprB -/K [- K + D]addrC subrr subKr.
by rewrite det_ublock det_mulmx.
Qed.

Section Suffice.
Variables (F : fieldType) (s : seq F) (n : nat).
Hypotheses (us : uniq s) (large : (n < size s)%N).

Theorem five_ULULU (M : 'M[F]_(n + n)) : dlsubmx M \in unitmx -> \det M = 1 ->
  exists X Y Z W V : 'M[F]_n, M = U X *m L Y *m U Z *m L W *m U V.
Proof.
rewrite -[M]submxK block_mxKdl.
move: (ulsubmx M) (ursubmx M) (dlsubmx M) (drsubmx M) => A B C D uC.
rewrite det_lower_invertible //; set CK := C *m _ => dCK.
have uCK : CK \in unitmx by rewrite unitmxE dCK unitr1.
have /(commutator us large)[P uP /sim_sym[G uG hG]] : \det (invmx CK) = 1.
  by rewrite det_inv dCK invr1.
exact: ULULU_of_similarity uC uP uG (mulVmx uCK) hG.
Qed.

Corollary five_LULUL (M : 'M[F]_(n + n)) : ursubmx M \in unitmx -> \det M = 1 ->
  exists X Y Z W V : 'M[F]_n, M = L X *m U Y *m L Z *m U W *m L V.
Proof.
move=> uB dM; have [||X [Y [Z [W [V e]]]]] := @five_ULULU M^T.
- by rewrite -trmx_ursub unitmx_tr.
- by rewrite det_tr.
exists V^T, W^T, Z^T, Y^T, X^T.
by rewrite -[M]trmxK e !trmx_mul !(tr_U, tr_L) !mulmxA.
Qed.

Theorem six_LULULU (M : 'M[F]_(n + n)) : \det M = 1 ->
  exists W0 X Y Z W V : 'M[F]_n,
    M = L W0 *m U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
have /stable_range[W0 uC] :
    ulsubmx (invmx M) *m ulsubmx M + ursubmx (invmx M) *m dlsubmx M = 1%:M.
  have := mulVmx uM; move: (invmx M) => M'.
  rewrite -{1}[M']submxK -{1}[M]submxK mulmx_block.
  by rewrite scalar_mx_block => /eq_block_mx[].
have [||X [Y [Z [W [V e]]]]] := @five_ULULU (L W0 *m M).
- by rewrite -[M]submxK mul_L block_mxKdl.
- by rewrite det_mulmx det_L mul1r.
by exists (- W0), X, Y, Z, W, V; rewrite -[LHS](mul_LK W0) e !mulmxA.
Qed.

(* The other order, by inversion. *)
Corollary six_ULULUL (M : 'M[F]_(n + n)) : \det M = 1 ->
  exists X Y Z W V T : 'M[F]_n,
    M = U X *m L Y *m U Z *m L W *m U V *m L T.
Proof.
move=> dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
have /six_LULULU : \det (invmx M) = 1 by rewrite det_inv dM invr1.
case=> [T [V [W [Z [Y [X e]]]]]]; exists (- X), (- Y), (- Z), (- W), (- V), (- T).
rewrite -[RHS](mulmxKV uM) -[LHS]mul1mx; congr (_ *m _).
by rewrite e -!mulmxA !(mul_LK, mul_UK) -[U X]mulmx1 mul_UK.
Qed.
End Suffice.

Lemma det_six (R : comUnitRingType) p q (X Z V : 'M[R]_(p, q)) (W0 Y W : 'M_(q, p)) :
  \det (L W0 *m U X *m L Y *m U Z *m L W *m U V) = 1.
Proof. by rewrite !det_mulmx !(det_U, det_L) !mulr1. Qed.

(* Infinite fields have as many elements as we like. *)
Lemma infinite_seq (F : fieldType) (f : nat -> F) n : injective f ->
  exists2 s : seq F, uniq s & (n < size s)%N.
Proof.
move=> f_inj; exists [seq f i | i <- iota 0 n.+1].
  by rewrite map_inj_uniq // iota_uniq.
by rewrite size_map size_iota.
Qed.

Lemma num_seq (F : numFieldType) n : exists2 s : seq F, uniq s & (n < size s)%N.
Proof.
by apply: (@infinite_seq F (fun i => i%:R)) => i j /eqP; rewrite eqr_nat => /eqP.
Qed.

(* Five shears do not suffice, over any field.

   Main results
     five_square_zero     diag(A, 1) is a product of five shears only if (A - 1)^2 = 0
     four_not_enough      for n >= 2 some matrix of determinant 1 with an invertible lower
                          left block is no product of at most four, in any order
     five_not_enough      for n >= 2 some matrix of determinant 1 is no product
                          of at most five shears, in any order

   Plan.  D = 1 + Y Z and A^-1 = 1 + Z Y can differ only in the way in which Y Z
   and Z Y do (Flanders 1951).  For D = 1 this says Y Z = 0, so Z Y squares to 0.
   The other order follows by exchanging the halves (word5_lower).

   References.  J. Urschel, Representing the special linear group with block
   unitriangular matrices, 2024; H. Flanders 1951 (Y Z versus Z Y). *)
Lemma square_zero (R : comUnitRingType) n (A a Y Z : 'M[R]_n) :
  1%:M = 1%:M + Y *m Z -> a = 1%:M + Z *m Y -> A *m a = 1%:M -> (A - 1%:M) *m (A - 1%:M) = 0.
Proof.
rewrite -{1}[1%:M]addr0 => /addrI/esym YZ -> /mulmx1C hA.
have YA : Y *m A = Y.
  by rewrite -[RHS]mulmx1 -hA mulmxA mulmxDr mulmx1 mulmxA YZ mul0mx addr0.
have -> : A - 1%:M = - (Z *m Y).
  by rewrite -[1%:M]hA mulmxDl mul1mx -mulmxA YA opprD addNKr.
by rewrite mulNmx mulmxN opprK -mulmxA (mulmxA Y) YZ mul0mx mulmx0.
Qed.

Lemma five_square_zero (F : fieldType) n (A : 'M[F]_n) b : A \in unitmx ->
  word b 5 (block_mx A 0 0 1%:M : 'M_(n + n)) -> (A - 1%:M) *m (A - 1%:M) = 0.
Proof.
move=> uA w; have inv : block_mx A 0 0 (1%:M : 'M_n) *m block_mx (invmx A) 0 0 1%:M = 1%:M.
  by blocks; rewrite mulmxV // -scalar_mx_block.
by case: b w => [/(word5_upper inv)|/(word5_lower inv)] [Y [Z [e1 ea]]];
  apply: square_zero e1 ea (mulmxV uA).
Qed.

(* A = diag([0 1; -1 1], 1) is such that (A - 1)^2 is not 0. *)
Lemma not_square_zero (F : fieldType) n :
  exists2 A : 'M[F]_n.+2, \det A = 1 & (A - 1%:M) *m (A - 1%:M) != 0.
Proof.
pose A2 : 'M[F]_(1 + 1) := U 1%:M *m L (- 1%:M).
pose A : 'M[F]_(2 + n) := block_mx A2 0 0 1%:M.
have A2_sq : (A2 - 1%:M) *m (A2 - 1%:M) != 0.
  have -> : A2 = block_mx 0 1%:M (- 1%:M) 1%:M.
    by rewrite /A2 /L mul_U mul1mx mulmx1 add0r subrr.
  rewrite scalar_mx_block opp_block_mx add_block_mx !subr0 !add0r subrr.
  rewrite mulmx_block !mulmx0 mulmx1 !addr0 -block_mx0.
  apply/eqP => /eq_block_mx[_ /matrixP/(_ 0 0)/eqP + _ _].
  by rewrite !mxE eqxx oppr_eq0 oner_eq0.
have A_sq : (A - 1%:M) *m (A - 1%:M) != 0.
  rewrite /A scalar_mx_block opp_block_mx add_block_mx !subr0 subrr.
  rewrite mulmx_block !mulmx0 !addr0; apply: contra A2_sq.
  by rewrite -block_mx0 => /eqP/eq_block_mx[->].
have dA2 : \det A2 = 1 by rewrite det_mulmx det_U det_L mulr1.
have dA : \det A = 1 by rewrite det_ublock det1 mulr1.
by exists A.
Qed.

(* The example is diag(A, 1). *)
Theorem five_not_enough (F : fieldType) n : exists2 M : 'M[F]_(n.+2 + n.+2), \det M = 1 &
  forall Ks : seq 'M_(n.+2 + n.+2), (forall K, K \in Ks -> shear K) -> (size Ks <= 5)%N ->
  M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
have [A dA A_sq] := not_square_zero F n.
exists (block_mx A 0 0 1%:M) => [|Ks shears five]; first by rewrite det_ublock det1 mulr1.
have [b + e] := shears_alternate shears five; rewrite -e => /five_square_zero.
by rewrite unitmxE dA unitr1 => /(_ isT)/eqP; apply/negP.
Qed.

(* [1 1 - A; 1 1], whose lower left block is invertible, takes five. *)
Theorem four_not_enough (F : fieldType) n : exists2 M : 'M[F]_(n.+2 + n.+2),
  \det M = 1 /\ dlsubmx M \in unitmx &
  forall Ks : seq 'M_(n.+2 + n.+2), (forall K, K \in Ks -> shear K) -> (size Ks <= 4)%N ->
  M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
have [A dA A_sq] := not_square_zero F n; pose B := 1%:M - A.
have AA : A *m invmx A = 1%:M by rewrite mulmxV // unitmxE dA unitr1.
have eB : B *m invmx A = invmx A - 1%:M by rewrite mulmxBl mul1mx AA.
have eB' : invmx A *m B = invmx A - 1%:M by rewrite mulmxBr mulmx1 (mulmx1C AA).
have inv : block_mx 1%:M B 1%:M 1%:M *m
    block_mx (invmx A) (1%:M - invmx A) (- invmx A) (invmx A) = 1%:M.
  rewrite mulmx_block !mul1mx mulmxN eB opprB [RHS]scalar_mx_block; congr block_mx.
  - by rewrite addrC subrK.
  - by rewrite addrA subrK subrr.
  - by rewrite subrr.
  by rewrite subrK.
have inv' : block_mx 1%:M 1%:M B 1%:M *m
    block_mx (invmx A) (- invmx A) (1%:M - invmx A) (invmx A) = 1%:M.
  by have := congr1 (@swap _ _ _) inv; rewrite swap_mul !swap_block swap1.
have no (Y Z : 'M_n.+2) : 1%:M = 1%:M + Y *m Z -> invmx A = 1%:M + Z *m Y -> False.
  by move=> e1 ea; case/eqP: A_sq; apply: square_zero e1 ea AA.
exists (block_mx 1%:M B 1%:M 1%:M) => [|Ks shears four].
  rewrite block_mxKdl unitmx1; split=> //.
  have <- : U B *m block_mx A 0 1%:M 1%:M = block_mx 1%:M B 1%:M 1%:M.
    by rewrite mul_U !mulmx1 add0r /B addrC subrK.
  by rewrite det_mulmx det_U mul1r det_lblock dA det1 mulr1.
have [[] + e] := shears_alternate shears four; rewrite -e.
  by move=> /(word4P inv)[_ [Y [Z [_ [e1 ea _ _]]]]]; apply: no e1 ea.
move=> /word_swap; rewrite swap_block => /(word4P inv')[_ [Y [Z [_ [e1 ea _ _]]]]].
exact: no e1 ea.
Qed.

(* For even n the matrix diag(-1, 1) has determinant 1. *)
Lemma det_minus_one (R : comUnitRingType) n :
  \det (block_mx (- 1%:M) 0 0 1%:M : 'M[R]_(n + n)) = (- 1) ^+ n.
Proof. by rewrite det_ublock det1 mulr1 -scaleN1r detZ det1 mulr1. Qed.

(* Zero padding: three shears do what no number of them does without.

   n data are padded with n zeros; A acts on the padded data if (x, 0) goes to
   (A x, 0) for every x.

   Main results
     zero_padding_three   an invertible A acts by L A, U (1 - A^-1), L (-1), in
                          this order: (x, 0), (x, A x), (A x, A x), (A x, 0)
     zero_padding_unit    whatever acts by an invertible matrix is invertible
     zero_padding_two     with two shears, in either order, only A = 1 acts *)
Section ZeroPadding.
Variables (R : comUnitRingType) (n : nat).
Implicit Types A X Y : 'M[R]_n.

Definition acts_as (M : 'M[R]_(n + n)) A :=
  forall x : 'cV_n, M *m col_mx x 0 = col_mx (A *m x) 0.

Lemma acts_asP (M : 'M_(n + n)) A :
  acts_as M A <-> ulsubmx M = A /\ dlsubmx M = 0.
Proof.
have ME (x : 'cV_n) : M *m col_mx x 0 = col_mx (ulsubmx M *m x) (dlsubmx M *m x).
  by rewrite -{1}[M]submxK mul_block_col !mulmx0 !addr0.
split=> [act | [uM dM] x]; last by rewrite ME uM dM mul0mx.
have ext (K K' : 'M_n) : (forall x : 'cV_n, K *m x = K' *m x) -> K = K'.
  by move=> e; apply/trmx_inj/row_matrixP => i; rewrite -!tr_col !colE e.
by split; apply: ext => x; have := act x; rewrite ME ?mul0mx => /eq_col_mx[].
Qed.

Theorem zero_padding_three A : A \in unitmx ->
  acts_as (L (- 1%:M) *m U (1%:M - invmx A) *m L A) A.
Proof.
move=> uA; apply/acts_asP; rewrite -mulmxA.
rewrite mul_U mul_L block_mxKul block_mxKdl.
have -> : 1%:M + (1%:M - invmx A) *m A = A.
  by rewrite mulmxBl mul1mx mulVmx // addrC subrK.
by rewrite mulNmx mul1mx subrr.
Qed.

Theorem zero_padding_unit (M : 'M_(n + n)) A :
  M \in unitmx -> acts_as M A -> A \in unitmx.
Proof.
move=> uM /acts_asP[MA M0].
suff /mulmx1_unit[] : ulsubmx (invmx M) *m A = 1%:M by [].
have := mulVmx uM; move: (invmx M) => M'.
rewrite -{1}[M']submxK -[M]submxK mulmx_block scalar_mx_block MA M0.
by case/eq_block_mx => + _ _ _; rewrite mulmx0 addr0.
Qed.

Theorem zero_padding_two X Y A :
  acts_as (U X *m L Y) A \/ acts_as (L Y *m U X) A -> A = 1%:M.
Proof.
case=> /acts_asP; rewrite ?[U X *m L Y]mul_U ?[L Y *m U X]mul_L.
  by rewrite block_mxKul block_mxKdl => -[<- ->]; rewrite mulmx0 addr0.
by rewrite block_mxKul => -[].
Qed.
End ZeroPadding.
