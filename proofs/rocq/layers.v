(* How many layers a matrix needs: shears and couplings, on halves of any sizes. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finset perm ssralg ssrnum zmodp poly matrix mxalgebra mxpoly rat.
From exactflow.certificates Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Local Open Scope ring_scope.

(* How many shears a matrix of determinant 1 needs, halves of n and n entries: six suffice, five do
   not; with zero padding three do. *)

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

Lemma det_schur (R : comUnitRingType) m n (r : 'M[R]_(m, n)) c S :
  \det (block_mx 1%:M r c S) = \det (S - c *m r).
Proof.
have <- : L c *m block_mx 1%:M r 0 (S - c *m r) = block_mx 1%:M r c S.
  by rewrite mul_L mulmx1 add0r subrK.
by rewrite det_mulmx det_L det_ublock det1 !mul1r.
Qed.

Lemma det_exchange (R : comUnitRingType) m n (r : 'M[R]_(m, n)) c :
  \det (1%:M - r *m c) = \det (1%:M - c *m r).
Proof.
have := det_mulmx (U (- r)) (block_mx 1%:M r c 1%:M); rewrite mul_U !mulNmx mulmx1 subrr.
by rewrite det_lblock det1 mulr1 det_U mul1r det_schur.
Qed.

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
Proof. by have := sim_conj (block_mx A B C D) (mul_LL t); rewrite mul_L mul_block_L !mulmxN. Qed.

Lemma sim_U m n A B C D (t : 'M[F]_(m, n)) :
  sim (block_mx A B C D)
      (block_mx (A + t *m C) (B + t *m D - (A + t *m C) *m t) C (D - C *m t)).
Proof.
have e : U (- t) *m U t = 1%:M by rewrite mul_UU subrr U0.
by have := sim_conj (block_mx A B C D) e; rewrite mul_U mul_block_U !mulmxN.
Qed.

(* If b is no eigenvalue of K, the block beside or below b can be cleared. *)
Lemma sim_clear_lower m n b x (K : 'M[F]_n) : b%:M - K \in unitmx ->
  sim (block_mx (b%:M : 'M_m) 0 x K) (block_mx b%:M 0 0 K).
Proof.
move=> u; have := sim_L b%:M 0 x K (- (invmx (b%:M - K) *m x)).
rewrite mul0mx mulmx0 addr0 subr0 scalar_mxC -addrA -mulmxBl mulmxN mulKVmx //.
by rewrite subrr.
Qed.

Lemma sim_clear_upper m n b x (K : 'M[F]_n) : b%:M - K \in unitmx ->
  sim (block_mx (b%:M : 'M_m) x 0 K) (block_mx b%:M 0 0 K).
Proof.
move=> u; have := sim_U b%:M x 0 K (x *m invmx (b%:M - K)).
rewrite mul0mx mulmx0 addr0 subr0 -scalar_mxC -addrA -mulmxBr -(opprB b%:M) mulmxN mulmxKV //.
by rewrite subrr.
Qed.

Lemma sim_diag m n (B : 'M[F]_m) (K K' : 'M[F]_n) :
  sim K K' -> sim (block_mx B 0 0 K) (block_mx B 0 0 K').
Proof.
case=> Q uQ h; exists (block_mx 1%:M 0 0 Q).
  by rewrite unitmxE det_ublock det1 mul1r -unitmxE.
by rewrite !mul_diag_block !mulmx0 mul1mx mulmx1 h.
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
intros hs [P [uP aP] h]; destruct (exists_not_eigenvalue P hs) as [b [b0 bav ub]].
have hb := sim_clear_lower (- (P *m c)) ub.
exists (block_mx b%:M 0 (- (P *m c)) P).
  split; last by move=> x /(avoids_diag bav aP); apply/sim_not_eigenvalue/sim_sym/hb.
  rewrite unitmxE det_lblock unitrM andbC -unitmxE uP det_scalar.
  by rewrite unitfE expf_neq0.
have -> : block_mx b%:M 0 (- (P *m c)) P *m block_mx (1%:M : 'M_1) r c S =
  block_mx b%:M (b *: r) 0 (P *m (S - c *m r)).
  rewrite mulmx_block !mul0mx !mulmx1 !addr0 addNr mul_scalar_mx; congr block_mx.
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
have /sub_rVP[a] := negbNE (h2 i); rewrite mulmxDl -!rowE => /rowP h.
have e j : N 0 j + N i j = a * ((j == 0)%:R + (j == i)%:R) by have := h j; rewrite !mxE.
have oi : 0 != i by rewrite eq_sym.
have := e 0; rewrite (off _ _ i0) (negbTE oi) !addr0 eqxx => ->.
by have := e i; rewrite (off _ _ oi) (negbTE i0) !add0r eqxx.
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
have /orP[hT|] := orbN ((n <= 1)%N || ~~ is_scalar_mx (S - c *m r)).
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
  by rewrite (mulmxBl (_ *m P)) mulmxK // mulmxBl mulmxKV // subKr.
have e := ULUL_of_schur (A := A) (B := B - A *m V) (C := C) uP YZ ZY.
exists ((B - A *m V - Z) *m invmx P), Y, Z, (invmx P *m (C - Y)), V.
rewrite -e; first by rewrite mul_block_U subrK mulKVmx // (addrC P) subrK.
rewrite schur !mulmxA -(mulmxA _ C) CY -!(mulmxA K) PGP.
by apply: mulmx1C; rewrite -mulmxA.
Qed.

Lemma det_lower_invertible (R : comUnitRingType) n (A B C D : 'M[R]_n) :
  C \in unitmx ->
  \det (block_mx A B C D) = \det (C *m (A *m invmx C *m D - B)).
Proof.
move=> uC; rewrite -[LHS]mul1r -(det_U ((1%:M - A) *m invmx C)) -det_mulmx mul_U.
rewrite mulmxKV // (addrC A) subrK det_schur; congr (\det _).
rewrite -!(mulmxA _ (invmx C)) mulmxBl mul1mx mulmxDr (mulmxBr C (_ *m D)) mulKVmx // mulmxBr.
by rewrite opprD opprB (addrC D) addrA subrK addrC.
Qed.

Section Factors.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types (X Z V : 'M[R]_(p, q)) (Y W : 'M[R]_(q, p)) (M N : 'M[R]_(p + q)).

Lemma tr_ULULU X Y Z W V : (U X *m L Y *m U Z *m L W *m U V)^T =
  L V^T *m U W^T *m L Z^T *m U Y^T *m L X^T.
Proof. by rewrite !trmx_mul !tr_U !tr_L !mulmxA. Qed.

Lemma inverse_LULULU (W0 : 'M_(q, p)) X Y Z W V M : M \in unitmx ->
  invmx M = L W0 *m U X *m L Y *m U Z *m L W *m U V ->
  M = U (- V) *m L (- W) *m U (- Z) *m L (- Y) *m U (- X) *m L (- W0).
Proof.
move=> uM e; have := mulVmx uM; rewrite e -!mulmxA.
move/(canRL (mul_LK W0))/(canRL (mul_UK X))/(canRL (mul_LK Y)).
by move/(canRL (mul_UK Z))/(canRL (mul_LK W))/(canRL (mul_UK V)) ->; rewrite mulmx1.
Qed.

Lemma left_column M N : N *m M = 1%:M ->
  ulsubmx N *m ulsubmx M + ursubmx N *m dlsubmx M = 1%:M.
Proof.
rewrite -{1}[N]submxK -{1}[M]submxK mulmx_block scalar_mx_block => /eq_block_mx[e _ _ _].
exact: e.
Qed.
End Factors.

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
move=> uB dM; destruct (@five_ULULU M^T) as [X [Y [Z [W [V e]]]]].
- by rewrite -trmx_ursub unitmx_tr.
- by rewrite det_tr.
by exists V^T, W^T, Z^T, Y^T, X^T; rewrite -[M]trmxK e tr_ULULU.
Qed.

Theorem six_LULULU (M : 'M[F]_(n + n)) : \det M = 1 ->
  exists W0 X Y Z W V : 'M[F]_n,
    M = L W0 *m U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
have [W0 uC] := stable_range (left_column (mulVmx uM)).
destruct (@five_ULULU (L W0 *m M)) as [X [Y [Z [W [V e]]]]].
- by rewrite -[M]submxK mul_L block_mxKdl.
- by rewrite det_mulmx det_L mul1r.
by exists (- W0), X, Y, Z, W, V; apply: move_L.
Qed.

(* The other order, by inversion. *)
Corollary six_ULULUL (M : 'M[F]_(n + n)) : \det M = 1 ->
  exists X Y Z W V T : 'M[F]_n,
    M = U X *m L Y *m U Z *m L W *m U V *m L T.
Proof.
move=> dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
have /six_LULULU : \det (invmx M) = 1 by rewrite det_inv dM invr1.
intros [T [V [W [Z [Y [X e]]]]]]; exists (- X), (- Y), (- Z), (- W), (- V), (- T).
exact: inverse_LULULU e.
Qed.
End Suffice.

Lemma det_six (R : comUnitRingType) p q (X Z V : 'M[R]_(p, q)) (W0 Y W : 'M_(q, p)) :
  \det (L W0 *m U X *m L Y *m U Z *m L W *m U V) = 1.
Proof. by rewrite !det_mulmx !det_L !det_U !mulr1. Qed.

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
  by rewrite mul_diag_block !mulmx0 mulmx1 mulmxV // -scalar_mx_block.
case: b w => w; [destruct (word5_upper inv w) as [Y [Z [e1 ea]]]
  | destruct (word5_lower inv w) as [Y [Z [e1 ea]]]]; exact: square_zero e1 ea (mulmxV uA).
Qed.

(* A = [1 + x y, x; y, 1] with y x other than 0 is such that (A - 1)^2 is not 0. *)
Lemma not_square_zero (F : fieldType) n :
  exists2 A : 'M[F]_n.+2, \det A = 1 & (A - 1%:M) *m (A - 1%:M) != 0.
Proof.
pose x : 'M[F]_(1, n.+1) := delta_mx 0 0; pose y : 'M[F]_(n.+1, 1) := delta_mx 0 0.
pose A : 'M[F]_(1 + n.+1) := U x *m L y.
have dA : \det A = 1 by rewrite det_mulmx det_U det_L mulr1.
suff A_sq : (A - 1%:M) *m (A - 1%:M) != 0 by exists A.
have -> : A - 1%:M = block_mx (x *m y) x y 0.
  rewrite /A mul_U add0r mulmx1 [X in _ - X]scalar_mx_block opp_block_mx add_block_mx !subr0.
  by rewrite subrr addrC addKr.
apply/eqP; rewrite mulmx_block -block_mx0 => /eq_block_mx[_ _ _ /matrixP/(_ 0 0)].
by rewrite mulmx0 addr0 mul_delta_mx !mxE eqxx => /eqP; rewrite oner_eq0.
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

Lemma ones_inverse (R : comUnitRingType) n (A a : 'M[R]_n) : A *m a = 1%:M ->
  block_mx 1%:M (1%:M - A) 1%:M 1%:M *m block_mx a (1%:M - a) (- a) a = 1%:M.
Proof.
move=> Aa; have e : (1%:M - A) *m a = a - 1%:M by rewrite mulmxBl mul1mx Aa.
rewrite mulmx_block !mul1mx mulmxN e opprB subrK subrr (addrA _ a) subrK subrr (addrC a) subrK.
by rewrite [RHS]scalar_mx_block.
Qed.

(* [1 1 - A; 1 1], whose lower left block is invertible, takes five. *)
Theorem four_not_enough (F : fieldType) n : exists2 M : 'M[F]_(n.+2 + n.+2),
  \det M = 1 /\ dlsubmx M \in unitmx &
  forall Ks : seq 'M_(n.+2 + n.+2), (forall K, K \in Ks -> shear K) -> (size Ks <= 4)%N ->
  M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
have [A dA A_sq] := not_square_zero F n.
have AA : A *m invmx A = 1%:M by rewrite mulmxV // unitmxE dA unitr1.
have inv := ones_inverse AA.
have no (Y Z : 'M_n.+2) : 1%:M = 1%:M + Y *m Z -> invmx A = 1%:M + Z *m Y -> False.
  by move=> e1 ea; case/eqP: A_sq; apply: square_zero e1 ea AA.
exists (block_mx 1%:M (1%:M - A) 1%:M 1%:M) => [|Ks shears four].
  by rewrite block_mxKdl unitmx1 det_schur mul1mx subKr.
have [[] + e] := shears_alternate shears four; rewrite -e.
  by intros [_ [Y [Z [_ [e1 ea _ _]]]]]%(word4P inv); apply: no e1 ea.
move: inv => /(congr1 (@swap _ _ _)); rewrite swap_mul !swap_block swap1 => inv.
move=> /word_swap; rewrite swap_block; intros [_ [Y [Z [_ [e1 ea _ _]]]]]%(word4P inv).
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
move=> uM /acts_asP[MA M0]; have := left_column (mulVmx uM).
by rewrite MA M0 mulmx0 addr0 => /mulmx1_unit[].
Qed.

Theorem zero_padding_two X Y A :
  acts_as (U X *m L Y) A \/ acts_as (L Y *m U X) A -> A = 1%:M.
Proof.
case=> /acts_asP; rewrite ?[U X *m L Y]mul_U ?[L Y *m U X]mul_L.
  by rewrite block_mxKul block_mxKdl => -[<- ->]; rewrite mulmx0 addr0.
by rewrite block_mxKul => -[].
Qed.
End ZeroPadding.

(* Halves of p <= q entries: how many shears some matrices need, and how many do for all.

   First, over every commutative ring with units:
     word_even            a block diagonal product of 2 k + 1 alternating shears is one of 2 k
     shears_even          the same of at most 2 k + 1 shears in any order *)

Section Even.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types (M N K : 'M[R]_(p + q)) (A : 'M[R]_p) (D : 'M[R]_q).

Lemma word_det b m M : word b m M -> \det M = 1.
Proof.
elim: m b M => [|m IH] b M /=; first by move=> ->; rewrite det1.
move=> [K [N [lK /IH dN ->]]]; rewrite det_mulmx dN mulr1.
by case: b lK => [] [X ->]; rewrite ?det_U ?det_L.
Qed.

(* The first letter of diag(A, D) moves to the end. *)
Lemma letter_to_end b A D K N : letter b K -> \det (block_mx A 0 0 D) = 1 ->
  block_mx A 0 0 D = K *m N -> exists2 K', letter b K' & block_mx A 0 0 D = N *m K'.
Proof.
move=> lK dM; have [uA uD] : A \in unitmx /\ D \in unitmx.
  by apply/andP; rewrite !unitmxE -unitrM -(det_ublock A 0) dM unitr1.
case: b lK => [] [X ->] eM.
  exists (U (invmx A *m X *m D)); first by eexists.
  apply: (can_inj (mul_UK X)); rewrite mulmxA -eM.
  by rewrite mul_U mul_block_U !mulmx0 mul0mx !addr0 !add0r mulmxA mulKVmx.
exists (L (invmx D *m X *m A)); first by eexists.
apply: (can_inj (mul_LK X)); rewrite mulmxA -eM.
by rewrite mul_L mul_block_L !mulmx0 mul0mx !addr0 !add0r mulmxA mulKVmx.
Qed.

Theorem word_even b k A D :
  word b k.*2.+1 (block_mx A 0 0 D) -> word (~~ b) k.*2 (block_mx A 0 0 D).
Proof.
move=> w; have dM := word_det w; case: w => K [N [lK wN eM]].
have [K' lK' {eM}] := letter_to_end lK dM eM; case: k wN => [/= ->|k wN ->].
  rewrite mul1mx; case: b lK' {lK} => [] [X ->] /eq_block_mx[-> _ _ ->];
  by rewrite [RHS]scalar_mx_block.
by apply: (@word_append _ _ _ _ k.*2.+1) wN _; rewrite /= odd_double /= negbK.
Qed.

Lemma word_shears b m M : word b m M -> exists Ks : seq 'M[R]_(p + q),
  [/\ forall K, K \in Ks -> shear K, size Ks = m & M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof.
elim: m b M => [|m IH] b M /=; first by move=> ->; exists [::]; rewrite big_nil.
move=> [K [N [lK /IH[Ks [shears <- ->]] ->]]]; exists (K :: Ks); rewrite big_cons; split=> // K'.
by rewrite inE => /predU1P[->|/shears//]; case: b lK => [] [X ->]; [left | right]; exists X.
Qed.

Corollary shears_even k A D (Ks : seq 'M[R]_(p + q)) :
  (forall K, K \in Ks -> shear K) -> (size Ks <= k.*2.+1)%N ->
  block_mx A 0 0 D = \big[mulmx/1%:M]_(K <- Ks) K ->
  exists Js : seq 'M[R]_(p + q), [/\ forall J, J \in Js -> shear J, size Js = k.*2
    & block_mx A 0 0 D = \big[mulmx/1%:M]_(J <- Js) J].
Proof.
by move=> shears /(shears_alternate shears)[b] + e; rewrite -e => /word_even/word_shears.
Qed.

End Even.

(* Unequal splits p + q: at least 2 ceil(q/p) + 2 layers for some matrices.

   Main results
     rank_lower_mul       the number rank_lower M, the rank of the lower q rows of
                          M - 1, is subadditive; it is 0 for U X and at most p
                          for L Y
     rank_lower_right     rank (D - 1) <= k p if M = [A B; C D] is a product of
                          k + 1 pairs U L
     rank_lower_left      rank (d - 1) <= k p if M is a product of k + 1 pairs L U
                          and M^-1 = [a b; c d]
     unequal_lower_bound  so, if 1 is an eigenvalue neither of D nor of d, and
                          k p < q, then M is a product of 2 (k + 1) layers in
                          neither order

     unequal_any_order    nor of 2 (k + 1) layers or fewer, in any order
     unequal_diagonal     diag(A, D) not even of one layer more
     minus_one_two_needs_six   diag(1, -1, -1) on the halves (1, 2)
     unequal_example      diag(A, t), with A = diag(t^-q, 1, ..) and t a scalar other
                          than 0 and 1, is such a matrix of determinant 1

   Take k + 1 = ceil(q/p): for some matrices 2 ceil(q/p) + 1 layers are too few.

   Plan.  Of the k + 1 factors L one does not count: an L on the right end leaves
   D alone, and one on the left end leaves d alone. *)
Section LowerBound.
Variables (F : fieldType) (p q : nat).
Implicit Types (M N : 'M[F]_(p + q)) (X : nat -> 'M[F]_(p, q)) (Y : nat -> 'M[F]_(q, p)).

Definition pairs_UL k X Y := \big[mulmx/1%:M]_(i < k) (U (X i) *m L (Y i)).
Definition pairs_LU k X Y := \big[mulmx/1%:M]_(i < k) (L (Y i) *m U (X i)).

Definition rank_lower M := \rank (dsubmx (M - 1%:M)).

Lemma rank_lower_mul M N : (rank_lower (M *m N) <= rank_lower M + rank_lower N)%N.
Proof.
rewrite /rank_lower.
have -> : M *m N - 1%:M = (M - 1%:M) *m N + (N - 1%:M).
  by rewrite mulmxBl mul1mx addrA subrK.
rewrite linearD /= -mul_dsub_mx; apply: leq_trans (mxrank_add _ _) _.
by rewrite leq_add2r mxrankM_maxl.
Qed.

Lemma rank_lower_inv M : M \in unitmx -> (rank_lower (invmx M) <= rank_lower M)%N.
Proof.
move=> uM; rewrite /rank_lower.
have -> : invmx M - 1%:M = - (M - 1%:M) *m invmx M.
  by rewrite mulNmx mulmxBl mulmxV // mul1mx opprB.
by rewrite -mul_dsub_mx linearN /= (leq_trans (mxrankM_maxl _ _)) // mxrank_opp.
Qed.

Lemma rank_lower_U (K : 'M_(p, q)) : rank_lower (U K) = 0%N.
Proof.
rewrite /rank_lower /U [X in _ - X]scalar_mx_block opp_block_mx add_block_mx !subrr.
by rewrite block_mxEv col_mxKd row_mx0 mxrank0.
Qed.

Lemma rank_lower_L (K : 'M_(q, p)) : (rank_lower (L K) <= p)%N.
Proof.
rewrite /rank_lower; have -> : dsubmx (L K - 1%:M) = K *m row_mx 1%:M 0.
  rewrite /L [X in _ - X]scalar_mx_block opp_block_mx add_block_mx block_mxEv.
  by rewrite col_mxKd !subr0 subrr mul_mx_row mulmx1 mulmx0.
exact: leq_trans (mxrankM_maxl _ _) (rank_leq_col _).
Qed.

Lemma rank_lower_block M : (\rank (drsubmx M - 1%:M)%R <= rank_lower M)%N.
Proof.
have -> : drsubmx M - 1%:M = dsubmx (M - 1%:M) *m col_mx 0 1%:M.
  rewrite mul_dsub_mx mulmxBl mul1mx -[M in RHS]submxK mul_block_col !mulmx0.
  by rewrite !mulmx1 !add0r linearB /= !col_mxKd.
exact: mxrankM_maxl.
Qed.

Lemma rank_lower_UL k X Y : (rank_lower (pairs_UL k X Y) <= k * p)%N.
Proof.
elim: k => [|k IH]; rewrite /pairs_UL ?big_ord_recr /=.
  by rewrite big_ord0 /rank_lower subrr linear0 mxrank0.
apply: leq_trans (rank_lower_mul _ _) _; rewrite mulSnr leq_add //.
by apply: leq_trans (rank_lower_mul _ _) _; rewrite rank_lower_U rank_lower_L.
Qed.

Theorem rank_lower_right k X Y :
  (\rank (drsubmx (pairs_UL k.+1 X Y) - 1%:M)%R <= k * p)%N.
Proof.
rewrite /pairs_UL big_ord_recr /= mulmxA; set M := _ *m U _.
have -> : drsubmx (M *m L (Y k)) = drsubmx M.
  by rewrite -[M in LHS]submxK mul_block_L block_mxKdr.
apply: leq_trans (rank_lower_block _) (leq_trans (rank_lower_mul _ _) _).
by rewrite rank_lower_U addn0 rank_lower_UL.
Qed.

(* The pairs L U and U L, shifted by one. *)
Lemma pairs_LU_shift k X Y :
  pairs_LU k.+1 X Y = L (Y 0%N) *m (pairs_UL k X (fun i => Y i.+1) *m U (X k)).
Proof.
elim: k => [|k IH].
  by rewrite /pairs_LU /pairs_UL big_ord_recr /= !big_ord0 !mul1mx.
rewrite /pairs_LU big_ord_recr /= -/(pairs_LU _ X Y) IH.
by rewrite /pairs_UL big_ord_recr /= !mulmxA.
Qed.

Lemma pairs_UL_unit k X Y : pairs_UL k X Y \in unitmx.
Proof.
elim: k => [|k IH]; rewrite /pairs_UL ?big_ord_recr /=.
  by rewrite big_ord0 unitmx1.
by rewrite !unitmx_mul unit_U unit_L !andbT.
Qed.

Theorem rank_lower_left k X Y :
  (\rank (drsubmx (invmx (pairs_LU k.+1 X Y)) - 1%:M)%R <= k * p)%N.
Proof.
rewrite pairs_LU_shift; set M := _ *m U _.
have uM : M \in unitmx by rewrite unitmx_mul pairs_UL_unit unit_U.
have -> : invmx (L (Y 0%N) *m M) = invmx M *m L (- Y 0%N).
  have uLM : L (Y 0%N) *m M \in unitmx by rewrite unitmx_mul unit_L.
  by rewrite -[RHS](mulmxK uLM) -(mulmxA (invmx M)) mul_LK mulVmx // mul1mx.
have -> : drsubmx (invmx M *m L (- Y 0%N)) = drsubmx (invmx M).
  by rewrite -[invmx M in LHS]submxK mul_block_L block_mxKdr.
apply: leq_trans (rank_lower_block _) (leq_trans (rank_lower_inv uM) _).
apply: leq_trans (rank_lower_mul _ _) _.
by rewrite rank_lower_U addn0 rank_lower_UL.
Qed.

Theorem unequal_lower_bound M k : (k * p < q)%N ->
  drsubmx M - 1%:M \in unitmx -> drsubmx (invmx M) - 1%:M \in unitmx ->
  forall X Y, M <> pairs_UL k.+1 X Y /\ M <> pairs_LU k.+1 X Y.
Proof.
rewrite ltnNge => /negP small uD ud X Y; split=> e; apply: small.
  by rewrite -(mxrank_unit uD) e rank_lower_right.
by rewrite -(mxrank_unit ud) e rank_lower_left.
Qed.

Lemma unequal_words b M k : (k * p < q)%N ->
  drsubmx M - 1%:M \in unitmx -> drsubmx (invmx M) - 1%:M \in unitmx -> ~ word b k.+1.*2 M.
Proof.
move=> small uD ud; case: b => [/pairs_of_UL | /pairs_of_LU] [X [Y e]].
  exact: (unequal_lower_bound small uD ud X Y).1 e.
exact: (unequal_lower_bound small uD ud X Y).2 e.
Qed.

(* Shears in any order. *)
Theorem unequal_any_order M k (Ks : seq 'M[F]_(p + q)) : (k * p < q)%N ->
  drsubmx M - 1%:M \in unitmx -> drsubmx (invmx M) - 1%:M \in unitmx ->
  (forall K, K \in Ks -> shear K) -> (size Ks <= k.+1.*2)%N ->
  M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> small uD ud shears /(shears_alternate shears)[b] + e; rewrite -e.
exact: unequal_words.
Qed.

(* For diag(A, D) one shear more: the first one moves to the end. *)
Lemma unequal_diagonal_word (A : 'M[F]_p) (D : 'M[F]_q) k b : (k * p < q)%N ->
  D - 1%:M \in unitmx -> ~ word b k.+1.*2.+1 (block_mx A 0 0 D).
Proof.
move=> small uD1 w; have dM := word_det w; have [uA uD] : A \in unitmx /\ D \in unitmx.
  by apply/andP; rewrite !unitmxE -unitrM -(det_ublock A 0) dM unitr1.
apply: (@unequal_words (~~ b) _ k small); last exact: (word_even (k := k.+1)) w.
  by rewrite block_mxKdr.
have uM : block_mx A 0 0 D \in unitmx by rewrite unitmxE dM unitr1.
have -> : invmx (block_mx A 0 0 D) = block_mx (invmx A) 0 0 (invmx D).
  by rewrite -[RHS](mulKmx uM) mul_diag_block !mulmx0 !mulmxV // -scalar_mx_block mulmx1.
rewrite block_mxKdr; have -> : invmx D - 1%:M = - (D - 1%:M) *m invmx D.
  by rewrite mulNmx mulmxBl mul1mx mulmxV // opprB.
by rewrite unitmx_mul unitmx_inv uD -scaleN1r unitmxZ ?unitrN1 ?uD1.
Qed.

Theorem unequal_diagonal (A : 'M[F]_p) (D : 'M[F]_q) k (Ks : seq 'M[F]_(p + q)) : (k * p < q)%N ->
  D - 1%:M \in unitmx -> (forall K, K \in Ks -> shear K) -> (size Ks <= k.+1.*2.+1)%N ->
  block_mx A 0 0 D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> small uD1 shears /(shears_alternate shears)[b] + e; rewrite -e.
exact: unequal_diagonal_word.
Qed.
End LowerBound.

(* An example: diag(A, t) with t a scalar other than 0 and 1. *)
Theorem unequal_example (F : fieldType) p q k (t : F) : t != 0 -> t != 1 ->
  (k * p.+1 < q)%N ->
  exists2 M : 'M[F]_(p.+1 + q), \det M = 1 &
    forall Ks : seq 'M_(p.+1 + q), (forall K, K \in Ks -> shear K) ->
    (size Ks <= k.+1.*2.+1)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> t0 t1 small; pose a : 'rV[F]_p.+1 := \row_i if i == 0 then t ^- q else 1.
exists (block_mx (diag_mx a) 0 0 t%:M) => [|Ks]; last first.
  by apply: unequal_diagonal small _; rewrite -scalar_mxB unitmxE det_scalar unitrX // unitfE subr_eq0.
rewrite det_ublock det_scalar det_diag (bigD1 ord0) //= mxE eqxx big1 ?mulr1 ?mulVf ?expf_neq0 //.
by move=> i /negbTE i0; rewrite mxE i0.
Qed.

(* The smallest of depth six: diag(1, -1, -1) on the halves (1, 2).  On (2, 1) it takes four. *)
Corollary minus_one_two_needs_six (F : fieldType) (Ks : seq 'M[F]_(1 + 2)) : (2 : F) != 0 ->
  (forall K, K \in Ks -> shear K) -> (size Ks <= 5)%N ->
  block_mx 1%:M 0 0 (- 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> two; apply: (@unequal_diagonal _ 1 2 _ _ 1) => //.
by rewrite -opprD -raddfD -raddfN unitmxE det_scalar unitrX // unitrN unitfE.
Qed.

Lemma two_one_takes_four (R : comUnitRingType) :
  exists X Z : 'M[R]_(1 + 1, 1), exists Y W : 'M[R]_(1, 1 + 1),
    block_mx (block_mx 1%:M 0 0 (- 1%:M)) 0 0 (- 1%:M) = U X *m L Y *m U Z *m L W.
Proof.
pose Z : 'M[R]_(1 + 1, 1) := col_mx 0 1%:M; pose Y : 'M[R]_(1, 1 + 1) := row_mx 0 (- 2%:M).
have e : 1%:M - 2%:M = - 1%:M :> 'M[R]_1.
  by rewrite -scalar_mxB -scalar_mxN; congr (_%:M); rewrite opprD addNKr.
have YZ : 1%:M + Y *m Z = - 1%:M by rewrite mul_row_col mul0mx add0r mulmx1.
have ZY : 1%:M + Z *m Y = block_mx 1%:M 0 0 (- 1%:M).
  by rewrite mul_col_row !mul0mx mulmx0 mul1mx (scalar_mx_block 1 1) add_block_mx !addr0 e.
have uP : - 1%:M \in @unitmx R 1 by rewrite -scaleN1r unitmxZ ?unitrN1 ?unitmx1.
rewrite (ULUL_of_schur uP YZ ZY); first by do 4 eexists.
by rewrite !mul0mx subr0 mul_diag_block !mul1mx mulmx0 mulNmx mul1mx opprK [RHS]scalar_mx_block.
Qed.

(* Unequal splits p + q with p <= q: at most 2 m + 4 layers, m = ceil(q/p).

   M has determinant 1 and the field more than p elements.

   Main results
     peel                 if the lower left block of N has rank p, and k <= p,
                          q - k >= p, then N is diag(N2, 1_k), up to a change of
                          basis of the second half and up to U's on both sides and
                          one L; and N2 is again such a matrix, on p + (q - k)
     unequal_rank_p       N is then a product U L U .. L U of 2 m + 3 layers
     first_shear          L W * M is such a matrix N for some W
     unequal_upper_bound  every M is a product of 2 m + 4, starting with L

   Plan.  Write N = [A B; C D], N^-1 = [a b; c d].  Both C and c have rank p, so
   by stable_range some H has H C = 1 and H c invertible.  With V = H D - H,
   D' = D - C V satisfies H D' = H, and is invertible because the upper left
   block of (N U(-V))^-1 is a + V c = - H c.  Let K consist of k rows of H,
   completed to a basis h.  In this basis D' = [d1 d2; 0 1] and K C = [1 0], and
   d1 is invertible, so that one L turns C into [C2; 0] with C2 at will: let it
   be of rank p, with d2 = C2 x.  Then a U clears d2, and a U on the other side
   clears what is above 1_k.  Repeat until q = p, where five shears do. *)
Section UpperBound.
Variable F : fieldType.

(* ULU r M: M is a product U L U .. L U with r factors L. *)
Fixpoint ULU p q r (M : 'M[F]_(p + q)) : Prop :=
  if r is r'.+1 then
    exists (Y : 'M_(q, p)) (X : 'M_(p, q)) (N : 'M_(p + q)),
      ULU r' N /\ M = N *m L Y *m U X
  else exists X : 'M_(p, q), M = U X.

Lemma ULU_left p q r X (M : 'M[F]_(p + q)) : ULU r M -> ULU r (U X *m M).
Proof.
elim: r M => [|r IH] M /=; first by case=> X' ->; exists (X' + X); rewrite mul_UU.
by case=> Y [X' [N [/IH hN ->]]]; exists Y, X', (U X *m N); rewrite !mulmxA.
Qed.

Lemma ULU_right p q r X (M : 'M[F]_(p + q)) : ULU r M -> ULU r (M *m U X).
Proof.
case: r => [|r] /=; first by case=> X' ->; exists (X + X'); rewrite mul_UU.
by case=> Y [X' [N [hN ->]]]; exists Y, (X + X'), N; rewrite -mul_UU !mulmxA.
Qed.

(* A change of basis in the second half. *)
Definition basis p q (h : 'M[F]_q) : 'M[F]_(p + q) := block_mx 1%:M 0 0 h.

Lemma basisM p q (h g : 'M[F]_q) : basis p h *m basis p g = basis p (h *m g).
Proof. by rewrite mul_diag_block !mulmx0 mulmx1. Qed.

Lemma basis1 p q : basis p (1%:M : 'M[F]_q) = 1%:M.
Proof. by rewrite /basis -scalar_mx_block. Qed.

Lemma conj_basisM p q (g h : 'M[F]_q) (M N : 'M_(p + q)) : h *m g = 1%:M ->
  basis p g *m (M *m N) *m basis p h
  = (basis p g *m M *m basis p h) *m (basis p g *m N *m basis p h).
Proof.
move=> hg; rewrite -!mulmxA (mulmxA (basis p h)) basisM hg basis1 mul1mx.
by rewrite !mulmxA.
Qed.

Lemma conj_basisU p q (g h : 'M[F]_q) (X : 'M_(p, q)) : h *m g = 1%:M ->
  basis p g *m U X *m basis p h = U (X *m h).
Proof. by move=> hg; rewrite mul_diag_block mul_block_diag !mul1mx !mulmx1 mulmx0 (mulmx1C hg). Qed.

Lemma conj_basisL p q (g h : 'M[F]_q) (Y : 'M_(q, p)) : h *m g = 1%:M ->
  basis p g *m L Y *m basis p h = L (g *m Y).
Proof. by move=> hg; rewrite mul_diag_block mul_block_diag !mul1mx !mulmx1 mul0mx (mulmx1C hg). Qed.

Lemma ULU_basis p q r (g h : 'M[F]_q) (M : 'M[F]_(p + q)) :
  h *m g = 1%:M -> ULU r M -> ULU r (basis p g *m M *m basis p h).
Proof.
move=> hg; elim: r M => [|r IH] M /=.
  by case=> X ->; exists (X *m h); apply: conj_basisU.
case=> Y [X [N [/IH hN ->]]]; exists (g *m Y), (X *m h), (basis p g *m N *m basis p h).
by rewrite -(conj_basisU X hg) -(conj_basisL Y hg) !conj_basisM.
Qed.

(* N2 on p + q coordinates, and the identity on k more. *)
Definition embed p q k (N : 'M[F]_(p + q)) : 'M[F]_(p + (q + k)) :=
  block_mx (ulsubmx N) (row_mx (ursubmx N) 0)
           (col_mx (dlsubmx N) 0) (block_mx (drsubmx N) 0 0 1%:M).

Lemma embed_block p q k A (B : 'M[F]_(p, q)) C D : embed k (block_mx A B C D) =
  block_mx A (row_mx B 0) (col_mx C 0) (block_mx D 0 0 1%:M).
Proof. by rewrite /embed block_mxKul block_mxKur block_mxKdl block_mxKdr. Qed.

Lemma embedM p q k (M N : 'M[F]_(p + q)) :
  embed k (M *m N) = embed k M *m embed k N.
Proof.
rewrite -[M]submxK -[N]submxK mulmx_block !embed_block.
move: (ulsubmx M) (ursubmx M) (dlsubmx M) (drsubmx M) => A B C D.
move: (ulsubmx N) (ursubmx N) (dlsubmx N) (drsubmx N) => A' B' C' D'.
rewrite [RHS]mulmx_block; eq_blocks.
- by rewrite mul_row_col mul0mx addr0.
- by rewrite mul_row_block mul_mx_row !mulmx0 !mul0mx !addr0 add_row_mx addr0.
- by rewrite mul_block_col mul_col_mx !mulmx0 !mul0mx !addr0 add_col_mx addr0.
by rewrite mul_col_row mul_diag_block !mulmx0 !mul0mx mulmx1 add_block_mx !addr0 add0r.
Qed.

Lemma embedU p q k (X : 'M[F]_(p, q)) : embed k (U X) = U (row_mx X 0).
Proof. by rewrite embed_block col_mx0 -scalar_mx_block. Qed.

Lemma embedL p q k (Y : 'M[F]_(q, p)) : embed k (L Y) = L (col_mx Y 0).
Proof. by rewrite embed_block row_mx0 -scalar_mx_block. Qed.

Lemma det_embed p q k (N : 'M[F]_(p + q)) : \det (embed k N) = \det N.
Proof.
rewrite /embed block_mxA row_mx0 col_mx0 submxK -[RHS]mulr1 -[in RHS](det1 _ k).
rewrite -(det_ublock _ 0); move: (block_mx _ _ _ _) => K.
by case: _ / (esym _) K => K; rewrite castmx_id.
Qed.

Lemma ULU_embed p q r k (N : 'M[F]_(p + q)) : ULU r N -> ULU r (embed k N).
Proof.
elim: r N => [|r IH] N /=; first by case=> X ->; exists (row_mx X 0); rewrite embedU.
case=> Y [X [N' [/IH hN ->]]].
by exists (col_mx Y 0), (row_mx X 0), (embed k N'); rewrite !embedM embedU embedL.
Qed.

(* Three choices of matrices. *)
Lemma complete_rows k q (K : 'M[F]_(k, q + k)) (J : 'M_(q + k, k)) :
  K *m J = 1%:M -> exists2 h0 : 'M_(q, q + k), h0 *m J = 0 & col_mx h0 K \in unitmx.
Proof.
move=> KJ; have rJ : \rank (kermx J) = q.
  have rJ : \rank J = k.
    by apply/anti_leq; rewrite rank_leq_col -{1}(mxrank1 F k) -KJ mxrankM_maxr.
  by rewrite mxrank_ker rJ addnK.
have [h0 free_h0 h0J] : exists2 h0 : 'M_(q, q + k), row_free h0 & h0 *m J = 0.
  have : exists2 h0 : 'M_(\rank (kermx J), q + k), row_free h0 & h0 *m J = 0.
    exists (row_base (kermx J)); first exact: row_base_free.
    by apply/sub_kermxP; rewrite eq_row_base.
  by rewrite rJ.
have [r h0r] : exists r, h0 *m r = 1%:M by exists (pinvmx h0); apply: mulmxVp.
exists h0 => //; suff /mulmx1_unit[] : col_mx h0 K *m row_mx (r - J *m K *m r) J = 1%:M by [].
rewrite mul_col_row !mulmxBr !mulmxA h0J KJ !mul0mx mul1mx subrr subr0 h0r.
by rewrite -scalar_mx_block.
Qed.

Lemma exists_span p q k (d : 'M[F]_(q, k)) : (k <= p)%N -> (p <= q)%N ->
  exists (C : 'M_(q, p)) (x : 'M_(p, k)) (l : 'M_(p, q)),
    C *m x = d /\ l *m C = 1%:M.
Proof.
move=> kp pq; exists (col_ebase d *m pid_mx p), (pid_mx (\rank d) *m row_ebase d),
  (pid_mx p *m invmx (col_ebase d)); split.
  rewrite mulmxA -(mulmxA (col_ebase d)) mul_pid_mx minnA minnn (minn_idPr _).
    exact: mulmx_ebase.
  exact: leq_trans (rank_leq_col _) kp.
rewrite mulmxA mulmxKV ?col_ebase_unit // mul_pid_mx minnn (minn_idPr pq).
exact: pid_mx_1.
Qed.

Lemma exists_projection p q (C c : 'M[F]_(q, p)) (l l' : 'M_(p, q)) :
  l *m C = 1%:M -> l' *m c = 1%:M ->
  exists H : 'M_(p, q), H *m C = 1%:M /\ H *m c \in unitmx.
Proof.
move=> lC lc; have [|W uW] :=
    @stable_range F q p (c - C *m (l *m c)) (l *m c) l' (l' *m C).
  by rewrite mulmxBr lc !mulmxA subrK.
exists (l + W *m (1%:M - C *m l)); split.
  by rewrite mulmxDl lC -mulmxA mulmxBl mul1mx -mulmxA lC mulmx1 subrr mulmx0 addr0.
by rewrite mulmxDl -mulmxA mulmxBl mul1mx -mulmxA.
Qed.

(* stable_range for a tall block: its rank becomes p. *)
Lemma stable_range_tall p k (A a : 'M[F]_p) (C : 'M_(p + k, p)) c :
  a *m A + c *m C = 1%:M -> exists W l, l *m (C + W *m A) = 1%:M.
Proof.
move=> e.
pose A' := block_mx A 0 0 (1%:M : 'M_k); pose C' := row_mx C (0 : 'M_(p + k, k)).
have [|W uW] := @stable_range F _ _ A' C' (block_mx a 0 0 1%:M) (col_mx c 0).
  rewrite mul_diag_block mul_col_row !mulmx0 mul0mx mulmx1 add_block_mx e !addr0.
  by rewrite -scalar_mx_block.
exists (lsubmx W), (usubmx (invmx (C' + W *m A'))).
have := mulVmx uW; move: (invmx _) => N.
rewrite -{1}[W]hsubmxK mul_row_block add_row_mx mulmx0 addr0 -{1}[N]vsubmxK mul_col_row.
by rewrite scalar_mx_block => /eq_block_mx[].
Qed.

(* The blocks of N^-1. *)
Lemma inverse_blocks p q (N : 'M[F]_(p + q)) (l : 'M_(p, q)) : \det N = 1 ->
  l *m dlsubmx N = 1%:M -> exists a b c d l',
  [/\ N *m block_mx a b c d = 1%:M, dlsubmx N *m a + drsubmx N *m c = 0 &
      l' *m c = 1%:M :> 'M_p].
Proof.
move=> dN lC; have uN : N \in unitmx by rewrite unitmxE dN unitr1.
have := mulmxV uN; rewrite -[invmx N]submxK -{1}[N]submxK.
move: (invmx N) => N'.
move: (ulsubmx N') (ursubmx N') (dlsubmx N') (drsubmx N') => a b c d e.
exists a, b, c, d, (ursubmx N - ulsubmx N *m (l *m drsubmx N)).
move: (e); rewrite mulmx_block scalar_mx_block => /eq_block_mx[e1 _ e2 _].
split=> //; first by rewrite -[N in LHS]submxK e scalar_mx_block.
have ea : a = - (l *m drsubmx N *m c).
  rewrite -[a]mul1mx -lC -!mulmxA; apply/eqP; rewrite -addr_eq0 -mulmxDr.
  by rewrite e2 mulmx0.
by rewrite mulmxBl -mulmxA addrC -mulmxN -ea e1.
Qed.

Lemma unit_lower_right p q (A : 'M[F]_p) B C (D : 'M_q) a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> a \in unitmx -> D \in unitmx.
Proof.
rewrite mulmx_block scalar_mx_block => /eq_block_mx[_ _ e1 e2] ua.
suff /mulmx1_unit[] : D *m (d - c *m invmx a *m b) = 1%:M by [].
have eC : C = - (D *m c *m invmx a).
  by rewrite -[C](mulmxK ua); apply/eqP; rewrite -addr_eq0 -mulmxDl e1 mul0mx.
by rewrite mulmxBr -e2 eC !mulmxA addrC mulNmx.
Qed.

(* What remains when D' = [d1 d2; 0 1] and C = [c1; E] in the new basis. *)
Lemma clear_corner p q k (A : 'M[F]_p) B c1 E d1 d2 :
  d1 \in unitmx -> (k <= p)%N -> (p <= q)%N ->
  exists T X Y (N2 : 'M_(p + q)) (l : 'M_(p, q)), l *m dlsubmx N2 = 1%:M /\
  U T *m (block_mx A B (col_mx c1 E) (block_mx d1 d2 0 (1%:M : 'M_k)) *m L Y *m U X)
  = embed k N2.
Proof.
move=> u1 kp pq; have [C2 [x [l [C2x lC2]]]] := exists_span d2 kp pq.
pose Y : 'M_(q + k, p) := - col_mx (invmx d1 *m (c1 - d2 *m E - C2)) E.
pose X : 'M_(p, q + k) := - row_mx 0 x.
pose A2 := A + B *m Y; pose B2 := B + A2 *m X.
exists (row_mx 0 (- rsubmx B2)), X, Y, (block_mx A2 (lsubmx B2) C2 d1), l.
rewrite block_mxKdl; split=> //.
have eC : col_mx c1 E + block_mx d1 d2 0 1%:M *m Y = col_mx C2 0.
  rewrite /Y mulmxN mul_block_col mulKVmx // mul0mx mul1mx add0r.
  rewrite opp_col_mx add_col_mx subrr; congr col_mx.
  by rewrite addrAC subrK subKr.
have eD : block_mx d1 d2 0 1%:M + col_mx C2 0 *m X = block_mx d1 0 0 1%:M.
  rewrite /X mulmxN mul_col_row C2x !mulmx0 mul0mx.
  by rewrite opp_block_mx add_block_mx !oppr0 !addr0 subrr.
rewrite mul_block_L eC -/A2 mul_block_U eD -/B2 mul_U mul_row_col mul_row_block.
rewrite !mul0mx !mulmx0 mulmx1 !addr0 add0r.
by rewrite embed_block -{1}[B2]hsubmxK add_row_mx addr0 subrr.
Qed.

(* Some U on the right makes D keep the rows of H, which is a left inverse of C. *)
Lemma keep_rows p q (A : 'M[F]_p) B C (D : 'M_q) a b c d (H : 'M_(p, q)) :
  block_mx A B C D *m block_mx a b c d = 1%:M -> H *m C = 1%:M -> H *m c \in unitmx ->
  let V := H *m D - H in H *m (D - C *m V) = H /\ D - C *m V \in unitmx.
Proof.
move=> inv HC uHc V; split; first by rewrite mulmxBr mulmxA HC mul1mx subKr.
have e0 : C *m a + D *m c = 0.
  by move: inv; rewrite mulmx_block scalar_mx_block => /eq_block_mx[].
apply: (@unit_lower_right _ _ A (B - A *m V) C _ (a + V *m c) (b + V *m d) c d).
  by rewrite -!mulmxN -mul_block_U -mul_U -mulmxA mul_UK.
have -> : a + V *m c = - (H *m c).
  by rewrite mulmxBl -[a]mul1mx -HC -!mulmxA addrA -mulmxDr e0 mulmx0 add0r.
by rewrite -scaleN1r unitmxZ ?unitrN1.
Qed.

(* k of these rows belong to a basis h, in which D' is [d1 d2; 0 1], and C is [h0 C; E]. *)
Lemma corner_basis p q k (C : 'M[F]_(q + k, p)) (D' : 'M_(q + k)) (H : 'M_(p, q + k)) :
  (k <= p)%N -> H *m C = 1%:M -> H *m D' = H -> D' \in unitmx ->
  exists (h g : 'M[F]_(q + k)) (c1 : 'M_(q, p)) E d1 d2,
  [/\ h *m g = 1%:M, h *m C = col_mx c1 E, h *m D' *m g = block_mx d1 d2 0 1%:M &
      d1 \in unitmx].
Proof.
move=> kp HC HD' uD'; pose E : 'M[F]_(k, p) := pid_mx k; pose K := E *m H.
have KC : K *m C = E by rewrite -mulmxA HC mulmx1.
have KD' : K *m D' = K by rewrite -mulmxA HD'.
have [|h0 _ uh] := @complete_rows _ _ K (C *m pid_mx k).
  by rewrite mulmxA KC mul_pid_mx minnn (minn_idPr kp) pid_mx_1.
have hg := mulmxV uh; set h := col_mx h0 K in uh hg; set g := invmx h in hg.
have Kg : K *m g = row_mx 0 1%:M.
  by move: hg; rewrite mul_col_mx scalar_mx_block block_mxEv => /eq_col_mx[].
pose d := h0 *m D' *m g.
have hD'g : h *m D' *m g = block_mx (lsubmx d) (rsubmx d) 0 1%:M.
  by rewrite !mul_col_mx KD' Kg block_mxEv hsubmxK.
exists h, g, (h0 *m C), E, (lsubmx d), (rsubmx d); split=> //; first by rewrite mul_col_mx KC.
have : h *m D' *m g \in unitmx by rewrite !unitmx_mul uh uD' unitmx_inv.
by rewrite hD'g !unitmxE det_ublock det1 mulr1.
Qed.

Theorem peel p q k (N : 'M[F]_(p + (q + k))) (l : 'M_(p, q + k)) :
  (k <= p)%N -> (p <= q)%N -> \det N = 1 -> l *m dlsubmx N = 1%:M ->
  exists (N2 : 'M_(p + q)) (l2 : 'M_(p, q)),
  [/\ \det N2 = 1, l2 *m dlsubmx N2 = 1%:M & forall r, ULU r N2 -> ULU r.+1 N].
Proof.
move=> kp pq dN lC; destruct (inverse_blocks dN lC) as [a [b [c [d [l' [inv _ lc]]]]]].
have [H [HC uHc]] := exists_projection lC lc.
rewrite -[N]submxK in dN inv *; rewrite {lC lc}.
move: (ulsubmx N) (ursubmx N) (dlsubmx N) (drsubmx N) HC dN inv => A B C D HC dN inv.
have [HD' uD'] := keep_rows inv HC uHc.
pose V := H *m D - H; rewrite -/V in HD' uD'; pose D' := D - C *m V; pose B' := B - A *m V.
have [h [g [c1 [E [d1 [d2 [hg hC hD'g u1]]]]]]] := corner_basis kp HC HD' uD'.
destruct (clear_corner A (B' *m g) c1 E d2 u1 kp pq) as [T [X [Y [N2 [l2 [lN2 eN2]]]]]].
pose P := basis p h *m block_mx A B' C D' *m basis p g.
have eP : P = block_mx A (B' *m g) (col_mx c1 E) (block_mx d1 d2 0 1%:M).
  by rewrite /P mul_diag_block mul_block_diag !mul1mx !mulmx1 hD'g hC.
have eNV : block_mx A B C D *m U (- V) = block_mx A B' C D' by rewrite mul_block_U !mulmxN.
rewrite -eP in eN2; exists N2, l2; split=> // [|r].
  rewrite -(det_embed k) -eN2 !det_mulmx !det_L !det_U mul1r !mulr1 mulrAC.
  by rewrite -!det_mulmx basisM hg basis1 mul1mx -eNV det_mulmx dN det_U mulr1.
move/(ULU_embed k); rewrite -eN2 => /(ULU_left (- T))/(ULU_right (- X)).
rewrite mul_UK -(mulmxA _ (U X)) mul_UU addNr U0 mulmx1.
have gh := mulmx1C hg; move/(ULU_basis hg) => hP.
exists (g *m (- Y)), V, (basis p g *m (P *m L Y) *m basis p h); split=> //.
rewrite -(conj_basisL _ hg) -conj_basisM // -(mulmxA P) -[in L Y](opprK Y) mul_LL mulmx1.
rewrite /P !mulmxA basisM gh basis1 mul1mx -(mulmxA _ (basis p g)) basisM gh basis1 mulmx1.
by rewrite -eNV -mulmxA mul_UU subrr U0 mulmx1.
Qed.

Lemma ULU_pairs p q r (M : 'M[F]_(p + q)) :
  ULU r M -> exists X0 X Y, M = U X0 *m pairs_LU r X Y.
Proof.
elim: r M => [|r IH] M /=.
  case=> X0 ->; exists X0, (fun=> 0), (fun=> 0).
  by rewrite /pairs_LU big_ord0 mulmx1.
case=> Y' [X' [N [/IH[X0 [X [Y ->]]] ->]]]; exists X0.
exists (fun i => if (i < r)%N then X i else X').
exists (fun i => if (i < r)%N then Y i else Y').
rewrite [in RHS]/pairs_LU big_ord_recr /= ltnn.
rewrite (eq_bigr (fun i : 'I_r => L (Y i) *m U (X i))) => [|i _]; last by rewrite ltn_ord.
by rewrite mulmxA mulmxA.
Qed.

Variables (s : seq F) (p : nat).
Hypotheses (us : uniq s) (large : (p < size s)%N).

Lemma ULU_full_rank m q (N : 'M[F]_(p + q)) (l : 'M_(p, q)) :
  (p <= q)%N -> (q <= m.+1 * p)%N -> \det N = 1 -> l *m dlsubmx N = 1%:M ->
  ULU m.+2 N.
Proof.
elim: m q N l => [|m IH] q N l pq qm dN lC.
  have e : p = q by apply/anti_leq; rewrite pq -[p]mul1n.
  case: _ / e N l dN lC {pq qm} => N l dN /mulmx1_unit[_ uC].
  destruct (five_ULULU us large uC dN) as [X [Y [Z [W [V ->]]]]].
  exists W, V, (U X *m L Y *m U Z); split=> //.
  by exists Y, Z, (U X); split=> //; exists X.
have [q' [k [eq kp pq' q'm]]] : exists q' k,
    [/\ q = q' + k, k <= p, p <= q' & q' <= m.+1 * p]%N.
  exists (q - minn p (q - p))%N, (minn p (q - p)).
  have [pqp|/ltnW qpp] := leqP p (q - p).
    by rewrite subnK //; split; rewrite // leq_subLR -mulSn.
  by rewrite subKn // subnKC // leq_pmull.
subst q; have [N2 [l2 [dN2 lN2]]] := peel kp pq' dN lC.
by apply; apply: IH lN2.
Qed.

Theorem unequal_rank_p m q (N : 'M[F]_(p + q)) : (0 < m)%N ->
  (p <= q)%N -> (q <= m * p)%N -> \det N = 1 -> \rank (dlsubmx N) = p ->
  exists X0 X Y, N = U X0 *m pairs_LU m.+1 X Y.
Proof.
case: m => // m _ pq qm dN rC.
have /row_fullP[l lC] : row_full (dlsubmx N) by rewrite /row_full rC.
exact: ULU_pairs (ULU_full_rank pq qm dN lC).
Qed.

Lemma first_shear q (M : 'M[F]_(p + q)) : (p <= q)%N -> \det M = 1 ->
  exists W l, l *m dlsubmx (L W *m M) = 1%:M.
Proof.
move=> pq dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
suff [W [l lC]] : exists W l, l *m (dlsubmx M + W *m ulsubmx M) = 1%:M.
  by exists W, l; rewrite -[M]submxK mul_L block_mxKdl.
move: (ulsubmx M) (ulsubmx (invmx M)) (dlsubmx M) (ursubmx (invmx M)) (left_column (mulVmx uM)).
by rewrite -(subnKC pq) => A a C c; apply: stable_range_tall.
Qed.

Theorem unequal_upper_bound m q (M : 'M[F]_(p + q)) : (0 < m)%N ->
  (p <= q)%N -> (q <= m * p)%N -> \det M = 1 ->
  exists X Y, M = pairs_LU m.+2 X Y.
Proof.
move=> m0 pq qm dM; have [W [l lC]] := first_shear pq dM.
have [|| X0 [X [Y e]]] := @unequal_rank_p m q (L W *m M) m0 pq qm.
- by rewrite det_mulmx det_L mul1r.
- by apply/eqP/row_fullP; exists l.
exists (fun i => if i is i'.+1 then X i' else X0).
exists (fun i => if i is i'.+1 then Y i' else - W).
by rewrite /pairs_LU big_ord_recl /= -[LHS](mul_LK W) e mulmxA.
Qed.
End UpperBound.

(* Two scalar blocks: halves of p < q entries for which seven shears do not suffice.

   M = diag(alpha, beta) has a first half of p and a second half of q entries, e = q - p, and
   r alpha beta = 1; F is any field, and no power r^i with i > 0 is 1.

   Main results
     ULULU_spectra        if [alpha 0; C beta] = U X * L Y * U Z * L W * U V, then beta - C V =
                          1 + Y Z and r (beta - V C) = 1 + Z Y
     orbit                so beta is a power of r, if it is not 1
     scalar_blocks_six    if M is a product of six alternating shears, in either order, and
                          beta != 1, then e divides p and beta = r^(p / e)
     scalar_blocks_seven  if not, M is no product of seven shears or fewer, in any order
     seven_not_enough     some M of determinant 1 needs more than seven, if e does not divide p,
                          or e is even and 2 != 0, and F has an element of infinite order;
     eight_is_largest     and eight do for all M of determinant 1, if q <= 2 p
     four_six, three_five   diag(8, -1/4) on the halves (4, 6) and diag(32, 1/8) on (3, 5) need
                          more than seven over the rational numbers, and eight do

   Plan.  Removing an L at one end of the six leaves [alpha 0; C beta] = ULULU.  By
   ULULU_spectra S = beta - V C, of size p, and D = beta - C V, of size q, have the same
   eigenvalues other than beta, and r S and D the same other than 1 (eigenvalue_flip).  1 is one
   of D = 1 + Y Z, as p < q (eigenvalue_one), so one of S.  If a is one of S, r a is one of r S, so
   of D, and of S unless r a = beta.  So beta is one of r, .., r^p, or S has the p + 1 eigenvalues
   1, r, .., r^p.  With beta = r^k, the determinant says r^p = beta^e = r^(k e), so p = k e.
   No multiplicities are needed. *)
Section Six.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types (A : 'M[R]_p) (D : 'M[R]_q).

(* An L is at one end of six alternating shears; on the other side of the equation it leaves the
   upper right block 0. *)
Lemma five_of_six b A D : word b 6 (block_mx A 0 0 D) ->
  exists C X Y Z W V, U X *m L Y *m U Z *m L W *m U V = block_mx A 0 C D.
Proof.
case: b => w.
  destruct (word6E w) as [X [Y [Z [W [V [T e]]]]]]; exists (D *m - T), X, Y, Z, W, V.
  by rewrite -[LHS]mulmx1 -(mulmx1C (mul_LL T)) mulmxA -e mul_block_L !mul0mx addr0 add0r.
destruct (wordL w) as [T [N wN e]]; destruct (word5E wN) as [X [Y [Z [W [V eN]]]]].
exists (- T *m A), X, Y, Z, W, V.
by rewrite -eN -[LHS](mul_LK T) -e mul_L !mulmx0 addr0 add0r.
Qed.
End Six.

Section Spectra.
Variable F : fieldType.

(* c + Y Z and c + Z Y have the same eigenvalues, but for c. *)
Lemma eigenvalue_flip m n (Y : 'M[F]_(m, n)) (Z : 'M_(n, m)) c a : a != c ->
  eigenvalue (c%:M + Y *m Z) a -> eigenvalue (c%:M + Z *m Y) a.
Proof.
move=> ac /eigenvalueP[v va v0]; apply/eigenvalueP; exists (v *m Y).
  by rewrite scalemxAl -va !mulmxDr mulmxDl !mulmxA !mul_mx_scalar scalemxAl.
apply: contra_neq v0 => vY; move/eqP: va; rewrite mulmxDr mulmxA vY mul0mx addr0 mul_mx_scalar.
by rewrite eq_sym -subr_eq0 -scalerBl scaler_eq0 subr_eq0 (negbTE ac) => /eqP.
Qed.

Lemma eigenvalue_one m n (Y : 'M[F]_(m, n)) (Z : 'M_(n, m)) : (n < m)%N ->
  eigenvalue (1%:M + Y *m Z) 1.
Proof.
move=> nm; have : kermx Y != 0.
  by rewrite -mxrank_eq0 mxrank_ker -lt0n subn_gt0 (leq_ltn_trans (rank_leq_col Y)).
case/rowV0Pn => v /sub_kermxP vY v0; apply/eigenvalueP; exists v => //.
by rewrite mulmxDr mulmx1 mulmxA vY mul0mx addr0 scale1r.
Qed.

Lemma ULULU_spectra p q (alpha beta r : F) C X Y Z W V : r * (alpha * beta) = 1 ->
  U X *m L Y *m U Z *m L W *m U V = block_mx alpha%:M 0 C beta%:M :> 'M_(p + q) ->
  beta%:M + - C *m V = 1%:M + Y *m Z /\ r *: (beta%:M + V *m - C) = 1%:M + Z *m Y.
Proof.
move=> rab e; split.
  move: e; rewrite (mul_ULULU X V erefl erefl) => /eq_block_mx[_ _ -> <-].
  by rewrite mulNmx addrK.
pose N : 'M_(p + q) := block_mx (beta * r)%:M 0 (- (r *: C)) (alpha * r)%:M.
have inv : block_mx alpha%:M 0 C beta%:M *m N = 1%:M.
  rewrite mulmx_block !mul0mx !mulmx0 !addr0 add0r -!scalar_mxM mulmxN mul_mx_scalar mul_scalar_mx.
  rewrite scalerA subrr.
  by rewrite [beta * (_ * _)]mulrCA mulrA mulrC rab [RHS]scalar_mx_block.
rewrite -e -[_ *m N]mulmxA [U V *m N]mul_U in inv; have [<- _] := inverse_ULUL inv.
by rewrite scalerDr scale_scalar_mx mulrC !mulmxN scalerN scalemxAr.
Qed.

Definition infinite_order (r : F) := r != 0 /\ forall i, (0 < i)%N -> r ^+ i != 1.

Lemma powers_inj r : infinite_order r -> injective (GRing.exp r).
Proof.
move=> [r0 inf] i j; wlog ij : i j / (i <= j)%N => [H|].
  by case/orP: (leq_total i j) => /H // h /esym/h.
move: ij; rewrite leq_eqVlt => /predU1P[-> //|ij].
rewrite -(subnKC (ltnW ij)) exprD -{1}[r ^+ i]mulr1 => /(mulfI (expf_neq0 i r0))/esym/eqP.
by rewrite (negbTE (inf _ _)) ?subn_gt0.
Qed.

(* beta is one of r, .., r^p, or these are eigenvalues of beta - V C, and so is 1: too many. *)
Lemma orbit p q (alpha beta r : F) C X Y Z W V :
  (p < q)%N -> r * (alpha * beta) = 1 -> beta != 1 -> infinite_order r ->
  U X *m L Y *m U Z *m L W *m U V = block_mx alpha%:M 0 C beta%:M :> 'M_(p + q) ->
  exists2 k, (0 < k)%N & beta = r ^+ k.
Proof.
move=> pq rab b1 inf /(ULULU_spectra rab)[eD eS].
have [/existsP[k /eqP->]|no] := boolP [exists k : 'I_p, beta == r ^+ k.+1]; first by exists k.+1.
have ev j : (j <= p)%N -> eigenvalue (beta%:M + V *m - C) (r ^+ j).
  elim: j => [_|j IH jp].
    by apply: eigenvalue_flip; rewrite ?eD ?eigenvalue_one // eq_sym.
  apply: eigenvalue_flip.
    by apply: contra no => /eqP<-; apply/existsP; exists (Ordinal jp).
  rewrite eD; apply: eigenvalue_flip; first exact: inf.2.
  have /eigenvalueP[v ve v0] := IH (ltnW jp); apply/eigenvalueP; exists v => //.
  by rewrite -eS -scalemxAr ve scalerA -exprS.
have := @max_poly_roots _ (char_poly (beta%:M + V *m - C)) [seq r ^+ j | j <- iota 0 p.+1].
rewrite size_char_poly size_map size_iota ltnn => few; suff : false by []; apply: few.
- by rewrite monic_neq0 ?char_poly_monic.
- by apply/allP => _ /mapP[j + ->]; rewrite mem_iota -eigenvalue_root_char; apply: ev.
by rewrite map_inj_uniq ?iota_uniq //; apply: powers_inj.
Qed.

Theorem scalar_blocks_six p q (alpha beta r : F) b : (p < q)%N ->
  r * (alpha * beta) = 1 -> beta != 1 -> (forall i, (0 < i)%N -> r ^+ i != 1) ->
  word b 6 (block_mx alpha%:M 0 0 beta%:M : 'M_(p + q)) ->
  (q - p %| p)%N /\ beta = r ^+ (p %/ (q - p)).
Proof.
move=> pq rab b1 inf w; have r0 : r != 0.
  by apply: contra_eq_neq rab => ->; rewrite mul0r eq_sym oner_eq0.
destruct (five_of_six w) as [C [X [Y [Z [W [V e]]]]]].
have [k k0 bk] := orbit pq rab b1 (conj r0 inf) e.
suff kp : p = (k * (q - p))%N by rewrite {2 3}kp mulnK ?subn_gt0 // dvdn_mull -?bk.
apply: (powers_inj (conj r0 inf)); rewrite exprM -bk.
have := word_det w; rewrite det_ublock !det_scalar -{1}(subnKC (ltnW pq)) exprD mulrA -exprMn.
by move/(congr1 (GRing.mul (r ^+ p))); rewrite mulrA -exprMn rab expr1n mul1r mulr1.
Qed.

(* Nor of seven shears or fewer, in any order. *)
Theorem scalar_blocks_seven p q (alpha beta r : F) (Ks : seq 'M[F]_(p + q)) : (p < q)%N ->
  r * (alpha * beta) = 1 -> beta != 1 -> (forall i, (0 < i)%N -> r ^+ i != 1) ->
  ~~ (q - p %| p)%N || (beta != r ^+ (p %/ (q - p))) ->
  (forall K, K \in Ks -> shear K) -> (size Ks <= 7)%N ->
  block_mx alpha%:M 0 0 beta%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> pq rab b1 inf no shears /(shears_alternate shears)[b] + e; rewrite -e.
move/(@word_even _ _ _ b 3)/(scalar_blocks_six pq rab b1 inf) => -[ep eb].
by move: no; rewrite ep -eb eqxx.
Qed.

(* alpha = t^-q and beta = t^p if e does not divide p; if it does, k times, and e is even,
   alpha = (-1)^k t^-q and beta = - (-1)^k t^p. *)
Theorem seven_not_enough p q (t : F) : (0 < p < q)%N -> infinite_order t ->
  ~~ (q - p %| p)%N || ~~ odd (q - p) && ((2 : F) != 0) ->
  exists2 M : 'M[F]_(p + q), \det M = 1 &
    forall Ks : seq 'M_(p + q), (forall K, K \in Ks -> shear K) -> (size Ks <= 7)%N ->
    M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
case/andP => p0 pq [t0 inf]; have e0 : (0 < q - p)%N by rewrite subn_gt0.
have tpq : t ^+ q = t ^+ (q - p) * t ^+ p by rewrite -exprD subnK // ltnW.
have tq0 : t ^+ q != 0 by rewrite expf_neq0.
have [ep|nep _] := boolP (q - p %| p)%N; last first.
  exists (block_mx (t ^- q)%:M 0 0 (t ^+ p)%:M) => [|Ks].
    by rewrite det_ublock !det_scalar exprVn -!exprM mulnC mulVf // expf_neq0.
  apply: (@scalar_blocks_seven _ _ _ _ (t ^+ (q - p))); rewrite ?nep ?inf //.
    by rewrite mulrCA -tpq mulVf.
  by move=> i i0; rewrite -exprM inf // muln_gt0 e0.
case/andP => /negbTE even two; pose k := (p %/ (q - p))%N.
have kp : p = (k * (q - p))%N by rewrite divnK.
have op : odd p = false by rewrite kp oddM even andbF.
have oq : odd q = false by rewrite -(subnK (ltnW pq)) oddD even op.
exists (block_mx ((-1) ^+ k * t ^- q)%:M 0 0 (- ((-1) ^+ k * t ^+ p))%:M) => [|Ks].
  rewrite det_ublock !det_scalar [(- (_ * _)) ^+ q]exprNn -[(-1) ^+ q]signr_odd oq mul1r.
  rewrite !exprMn -!exprM.
  rewrite -[(-1) ^+ (k * p)]signr_odd -[(-1) ^+ (k * q)]signr_odd !oddM op oq !andbF !mul1r.
  by rewrite exprVn -exprM mulnC mulVf // expf_neq0.
have sq i (b : bool) : (0 < i)%N -> (-1) ^+ b * t ^+ i != 1.
  move=> i0; apply/eqP => /(congr1 (fun x => x ^+ 2)).
  rewrite exprMn sqrr_sign mul1r expr1n -exprM => /eqP.
  by rewrite (negbTE (inf _ _)) // muln_gt0 i0.
have rk : (- t ^+ (q - p)) ^+ k = (-1) ^+ k * t ^+ p.
  by rewrite exprNn -exprM mulnC -kp.
apply: (@scalar_blocks_seven _ _ _ _ (- t ^+ (q - p))) => //.
- by rewrite mulNr !mulrN opprK mulrACA -expr2 sqrr_sign mul1r mulrCA -tpq mulVf.
- by rewrite -mulNr -signr_odd -signrN sq.
- by move=> i i0; rewrite exprNn -exprM -signr_odd sq // muln_gt0 e0.
rewrite ep rk /= eq_sym -subr_eq0 opprK -mulr2n -mulr_natl mulf_eq0 (negbTE two).
by rewrite mulf_eq0 signr_eq0 expf_eq0 (negbTE t0) andbF.
Qed.

(* Up to q = 2 p eight do, so eight is the largest number for these halves. *)
Theorem eight_is_largest p q (t : F) : (0 < p < q)%N -> (q <= 2 * p)%N -> infinite_order t ->
  ~~ (q - p %| p)%N || ~~ odd (q - p) && ((2 : F) != 0) ->
  (forall M : 'M[F]_(p + q), \det M = 1 -> exists X Y, M = pairs_LU 4 X Y) /\
  exists2 M : 'M[F]_(p + q), \det M = 1 &
    forall Ks : seq 'M_(p + q), (forall K, K \in Ks -> shear K) -> (size Ks <= 7)%N ->
    M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> pq q2 inf no; split=> [M dM|]; last exact: seven_not_enough pq inf no.
have [us lt] : uniq [seq t ^+ i | i <- iota 0 p.+1] /\ (p < size [seq t ^+ i | i <- iota 0 p.+1])%N.
  by rewrite size_map size_iota map_inj_uniq ?iota_uniq //; apply: powers_inj.
apply: (unequal_upper_bound (m := 2) us lt _ _ q2 dM) => //; by case/andP: pq => _ /ltnW.
Qed.
End Spectra.

(* Two examples over the rational numbers, of determinant 1. *)
Lemma inverse_powers n (r : rat) : (1 < n)%N -> `|r| = n%:R^-1 ->
  forall i, (0 < i)%N -> r ^+ i != 1.
Proof.
move=> n1 rn i i0; have : `|r| < 1 by rewrite rn invf_lt1 ?ltr1n ?ltr0n // ltnW.
by apply: contraTneq => ri; rewrite -(expr_lt1 i0) // -normrX ri normr1 ltxx.
Qed.

Corollary four_six (Ks : seq 'M[rat]_(4 + 6)) :
  (forall K, K \in Ks -> shear K) -> (size Ks <= 7)%N ->
  block_mx 8%:M 0 0 (- 4^-1)%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> shears seven; have r2 : `|- 2^-1| = 2^-1 :> rat by rewrite normrN ger0_norm ?invr_ge0.
by apply: scalar_blocks_seven (@inverse_powers 2 _ isT r2) _ shears seven.
Qed.

Corollary three_five (Ks : seq 'M[rat]_(3 + 5)) :
  (forall K, K \in Ks -> shear K) -> (size Ks <= 7)%N ->
  block_mx 32%:M 0 0 8^-1%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> shears seven; have r4 : `|4^-1| = 4^-1 :> rat by rewrite ger0_norm ?invr_ge0.
by apply: scalar_blocks_seven (@inverse_powers 4 _ isT r4) _ shears seven.
Qed.

Lemma det_powers (F : fieldType) (u t : F) k l p q : u ^+ q = 1 -> t != 0 -> (k * p = l * q)%N ->
  \det (block_mx (t ^+ k)%:M 0 0 (u * t ^- l)%:M : 'M[F]_(p + q)) = 1.
Proof.
move=> uq t0 kl; rewrite det_ublock !det_scalar exprMn uq mul1r exprVn -!exprM kl divff //.
exact: expf_neq0.
Qed.

Lemma det_four_six : \det (block_mx 8%:M 0 0 (- 4^-1)%:M : 'M[rat]_(4 + 6)) = 1.
Proof.
by have := @det_powers rat (-1) 2 3 2 4 6 (sqrr_sign _ 3) isT erefl; rewrite -!natrX mulN1r.
Qed.

Lemma det_three_five : \det (block_mx 32%:M 0 0 8^-1%:M : 'M[rat]_(3 + 5)) = 1.
Proof.
by have := @det_powers rat 1 2 5 3 3 5 (expr1n _ _) isT erefl; rewrite -!natrX mul1r.
Qed.

Corollary four_six_and_three_five_eight :
  (exists X Y, block_mx 8%:M 0 0 (- 4^-1)%:M = pairs_LU 4 X Y :> 'M[rat]_(4 + 6)) /\
  (exists X Y, block_mx 32%:M 0 0 8^-1%:M = pairs_LU 4 X Y :> 'M[rat]_(3 + 5)).
Proof.
have r2 : `|2^-1| = 2^-1 :> rat by rewrite ger0_norm ?invr_ge0.
have half : infinite_order (2^-1 : rat) by split; last exact: (@inverse_powers 2 _ isT r2).
split; first exact: (eight_is_largest _ _ half _).1 _ det_four_six.
exact: (eight_is_largest _ _ half _).1 _ det_three_five.
Qed.

(* An odd number of coordinates: halves of n and n + 1 entries. *)

(* Halves of n and n + 1 entries: five shears if an off-diagonal block has rank n, and six
   always; with the above, six in every dimension.

   M = [A B; C D] has determinant 1 and halves of n and e + n entries; the field has more
   than n + 1 elements.

   Main results
     ULULU_of_solvable    let C have rank n.  M is five shears U L U L U if N is solvable:
                          some [1 0; t S] carries it to a matrix similar to diag(1, S);
                          here N is D in a basis in which C = [0; 1], up to what a U on
                          the left of M and one on its right can change
     solvable_spanning    N = [v w; k K] is solvable if v + w x = 1 for some x,
     solvable_hyperplane  and always if e = 1
     five_spanning        so five shears do, for every e, if C and D C together have rank
                          e + n,
     five_ULULU_hyperplane   and always if e = 1
     unequal_hyperplane   on halves of n and (m + 1) n + 1 entries 2 m + 6 shears do
     six_every_LULULU, six_every_ULULUL   six shears do, for e = 0 and e = 1

   Plan.  U X * M * U V = [1 0; C N] for some X and V.  For T = [1 0; t S] N, T - 1 is Y Z
   and S - 1 is Z Y (sim_shears), and U L U L can be read off (ULUL_of_schur).  Row and
   column operations make N = [1 w; 0 K] if v + w x = 1 (solvable_L): then S with S K
   similar to S and without eigenvalue 1 does (commutator_avoiding).  If e = 1 this is so
   unless w = 0 and v is another number than 1.  Then S is wanted such that diag(v, S K)
   is similar to diag(1, S) (exchange).  If K is a number l, S = diag(l^-1, l^-2, ..);
   else v K is similar to [1 r; c H], and S = [v 0; - P c, P], where P T is similar to P,
   for T = v^-1 (H - c r), and has neither eigenvalue 1 nor v.

   References.  To our knowledge new.  Nearest: J. Urschel 2024 for halves of one size;
   A. R. Sourour 1986 for products of matrices with prescribed spectra. *)
Section Hyperplane.
Variable F : fieldType.

Lemma sim_shears e n (T : 'M[F]_(e + n)) (S : 'M_n) : sim T (block_mx 1%:M 0 0 S) ->
  exists Y Z, 1%:M + Y *m Z = T /\ 1%:M + Z *m Y = S.
Proof.
case=> Q uQ /(canRL (mulKmx uQ)) ->; have := mulVmx uQ; have := mulmxV uQ.
move: (invmx Q) => P; rewrite -[Q]vsubmxK -[P]hsubmxK.
move: (usubmx Q) (dsubmx Q) (lsubmx P) (rsubmx P) => Qu Qd Pl Pr.
rewrite mul_col_row scalar_mx_block => /eq_block_mx[_ _ _ QP] PQ.
exists Pr, ((S - 1%:M) *m Qd); split; last by rewrite -mulmxA QP mulmx1 addrC subrK.
rewrite -PQ mul_block_col !mul_row_col mul1mx !mul0mx addr0 add0r.
by rewrite -addrA -mulmxDr mulmxBl mul1mx [Qd + _]addrC subrK.
Qed.

(* Some [1 0; t S] carries N to a matrix similar to diag(1, S). *)
Definition solvable e n (N : 'M[F]_(e + n)) :=
  exists t (S : 'M_n), S \in unitmx /\
    sim (block_mx 1%:M 0 t S *m N) (block_mx 1%:M 0 0 S).

Lemma solvable_L e n x y (N : 'M[F]_(e + n)) : solvable (L y *m N *m L x) -> solvable N.
Proof.
case=> t [S [uS h]]; exists (x + t + S *m y), S; split=> //.
apply: sim_trans h.
have -> : block_mx 1%:M 0 (x + t + S *m y) S = L x *m block_mx 1%:M 0 t S *m L y.
  by rewrite mul_L mul_block_L mul0mx !mulmx0 mulmx1 !addr0 [t + x]addrC.
exists (L (- x)); first exact: unit_L.
by rewrite -!mulmxA mul_LK (mulmx1C (mul_LL x)) mulmx1.
Qed.

Lemma ULULU_block e n (N : 'M[F]_(e + n)) : \det N = 1 -> solvable N ->
  ULU 2 (block_mx 1%:M 0 (col_mx 0 1%:M) N : 'M_(n + (e + n))).
Proof.
intros dN [t [S [uS h]]]; destruct (sim_shears h) as [Y [Z [YZ ZY]]].
set P := block_mx _ _ t S in h YZ; pose C : 'M[F]_(e + n, n) := col_mx 0 1%:M.
have uP : P \in unitmx by rewrite unitmxE det_lblock det1 mul1r -unitmxE.
have uT : P *m N \in unitmx by rewrite unitmx_mul uP unitmxE dN unitr1.
pose V := row_mx (- t) (1%:M - S) *m N.
have CV : P *m N + C *m V = N.
  rewrite mulmxA mul_col_row !mul0mx !mul1mx -mulmxDl add_block_mx !addr0 subrr (addrC S) subrK.
  by rewrite -scalar_mx_block mul1mx.
have NZ : N *m (invmx (P *m N) *m C) = col_mx 0 (invmx S).
  apply: (can_inj (mulKmx uP)); rewrite mulmxA mulKVmx // mul_block_col !mulmx0 mul0mx !add0r.
  by rewrite mulmxV.
have e4 := ULUL_of_schur (A := 1%:M) (B := - V) (C := C) uT YZ ZY.
exists (invmx (P *m N) *m (C - Y)), V, (U ((- V - Z) *m invmx (P *m N)) *m L Y *m U Z); split.
  by exists Y, Z, (U ((- V - Z) *m invmx (P *m N))); split=> //; eexists.
rewrite -e4; first by rewrite mul_block_U CV mul1mx addNr.
rewrite !mulNmx opprK -mulmxA -(mulmxA _ N) NZ mul_row_col mulmx0 add0r mulmxBl mul1mx mulmxV //.
by rewrite addrC subrK mulVmx.
Qed.

Variables (s : seq F).
Hypotheses (us : uniq s).

Lemma solvable_spanning e n nu w k (A : 'M[F]_n) (x : 'M_(n, e)) : (n.+1 < size s)%N ->
  nu + w *m x = 1%:M -> \det (block_mx nu w k A) = 1 -> solvable (block_mx nu w k A).
Proof.
move=> hs nwx dN; pose y := - (k + A *m x).
have e1 : L y *m block_mx nu w k A *m L x = block_mx 1%:M w 0 (A + y *m w).
  by rewrite -mulmxA mul_block_L mul_L nwx mulmx1 subrr.
have dA : \det (A + y *m w) = 1.
  have := congr1 determinant e1; rewrite !det_mulmx !det_L mul1r mulr1 dN.
  by rewrite det_ublock det1 mul1r.
have [S [uS aS] h] := commutator_avoiding us (oner_neq0 F) hs dA.
apply: (@solvable_L _ _ x y); rewrite e1; exists 0, S; split=> //.
rewrite mul_diag_block !mul1mx mulmx0.
have := sim_not_eigenvalue h aS => /(sim_clear_upper w)/sim_trans; apply.
exact/sim_diag/sim_sym.
Qed.

(* diag(a, b, D) and diag(b, a, D) are similar. *)
Lemma sim_swap n a b (D : 'M[F]_n) :
  sim (block_mx (a%:M : 'M_1) 0 0 (block_mx (b%:M : 'M_1) 0 0 D))
      (block_mx (b%:M : 'M_1) 0 0 (block_mx (a%:M : 'M_1) 0 0 D)).
Proof.
pose X : 'M[F]_(1 + 1) := block_mx 0 1%:M 1%:M 0; pose Q := embed n X.
have QQ : Q *m Q = 1%:M.
  rewrite -embedM mulmx_block !mul0mx !mulmx0 !mulmx1 !addr0 !add0r embed_block row_mx0 col_mx0.
  by rewrite -!scalar_mx_block.
exists Q; first by case/mulmx1_unit: QQ.
rewrite /Q embed_block mul_block_diag mul_diag_block !mul_diag_block; apply: eq_block.
- by rewrite mul0mx mulmx0.
- by rewrite mul_row_block mul_mx_row !mul1mx !mul0mx !mulmx0 !addr0 mulmx1.
- by rewrite mul_col_mx mul_block_col mul1mx !mul0mx !mulmx0 !addr0 mulmx1.
by rewrite !mul0mx !mulmx0 mul1mx mulmx1.
Qed.

(* Exchange: S has the eigenvalues of S K with mu exchanged for 1. *)
Section Exchange.
Variable mu : F.
Hypothesis mu0 : mu != 0.

Definition exchange n (K : 'M[F]_n) := exists2 S, S \in unitmx &
  sim (block_mx (mu%:M : 'M_1) 0 0 (S *m K)) (block_mx (1%:M : 'M_1) 0 0 S).

Lemma exchange_sim n (K K' : 'M[F]_n) : sim K K' -> exchange K' -> exchange K.
Proof.
case=> Q uQ h [S uS hS]; exists (invmx Q *m S *m Q).
  by rewrite !unitmx_mul unitmx_inv uQ uS.
have h1 : sim (invmx Q *m S *m Q *m K) (S *m K').
  by exists Q => //; rewrite -!mulmxA mulKVmx // h.
have h2 : sim S (invmx Q *m S *m Q) by apply: sim_conj; rewrite mulmxV.
exact: sim_trans (sim_trans (sim_diag _ h1) hS) (sim_diag _ h2).
Qed.

Lemma exchange_nonscalar n (K : 'M[F]_(1 + n)) : (n.+2 < size s)%N ->
  mu * \det K = 1 -> ~~ is_scalar_mx K -> exchange K.
Proof.
move=> hs dK nK.
have [||r [c [T [h hT]]]] := @nonscalar_split F n (mu *: K).
- rewrite detZ mulf_neq0 ?expf_neq0 //.
  by apply: contra_eq_neq dK => ->; rewrite mulr0 eq_sym oner_eq0.
- apply: contra nK => /is_scalar_mxP[a e]; apply/is_scalar_mxP; exists (mu^-1 * a).
  by rewrite -scale_scalar_mx -e scalerK.
pose T' := mu^-1 *: (T - c *m r).
have [|||P [uP aP] hP] := @com_nonscalar F s us [:: 1; mu] n T'.
- by rewrite addn2.
- rewrite detZ -det_schur -(sim_det h) detZ exprVn exprS -mulrA.
  by rewrite [mu * _]mulrCA dK mulr1 mulVf ?expf_neq0.
- case/orP: hT => [->//|hT]; apply/orP; right; apply: contra hT => /is_scalar_mxP[a e].
  by apply/is_scalar_mxP; exists (mu * a); rewrite -scale_scalar_mx -e scalerKV.
have a1 : 1%:M - P \in unitmx by apply: aP; rewrite inE eqxx.
have amu : mu%:M - P \in unitmx by apply: aP; rewrite !inE eqxx orbT.
apply: (@exchange_sim _ _ (mu^-1 *: block_mx 1%:M r c T)).
  case: h => Q uQ h; exists Q => //.
  by rewrite -scalemxAl -h -scalemxAr scalerK.
have hS := sim_clear_lower (- (P *m c)) amu.
set S := block_mx _ _ _ P in hS.
exists S; first by rewrite unitmxE det_lblock unitrM -!unitmxE uP unitmxE det_scalar1 unitfE mu0.
have -> : S *m (mu^-1 *: block_mx 1%:M r c T) = block_mx 1%:M r 0 (P *m T').
  rewrite -scalemxAr mulmx_block !mulmx1 !mul0mx !addr0 addNr scale_block_mx scaler0 mul_scalar_mx.
  rewrite scalerK // scale_scalar_mx mulVf // -scalemxAr mulmxBr mulNmx mulmxA.
  by rewrite addrC.
have := sim_clear_upper r (sim_not_eigenvalue hP a1).
move/sim_trans=> /(_ _ (sim_diag _ (sim_sym hP)))/sim_diag/sim_trans; apply.
exact: sim_trans (sim_swap _ _ _) (sim_sym (sim_diag _ hS)).
Qed.

Let diagonal n (f : nat -> F) : 'M_n := diag_mx (\row_i f i).

Lemma diagonal_split n f :
  diagonal n.+1 f = block_mx ((f 0%N)%:M : 'M_1) 0 0 (diagonal n (f \o S)).
Proof.
rewrite /diagonal -diag_const_mx -diag_mx_row; congr diag_mx; apply/rowP => i.
by rewrite !mxE; case: splitP => j ij; rewrite !mxE ij // ord1.
Qed.

Lemma sim_rotate n f :
  sim (block_mx ((f n)%:M : 'M_1) 0 0 (diagonal n f)) (diagonal n.+1 f).
Proof.
elim: n f => [|n IH] f.
  rewrite diagonal_split; exists 1%:M; rewrite ?unitmx1 // mul1mx mulmx1.
  by congr block_mx; rewrite [LHS]thinmx0 [RHS]thinmx0.
rewrite [diagonal n.+1 f]diagonal_split [diagonal n.+2 f]diagonal_split.
by apply: (sim_trans (sim_swap _ _ _)); apply/sim_diag/IH.
Qed.

Lemma exchange_scalar n l : mu * l ^+ n = 1 -> exchange (l%:M : 'M_n).
Proof.
case: n => [|n] h.
  exists 1%:M; rewrite ?unitmx1 //; move: h; rewrite expr0 mulr1 => ->.
  exists 1%:M; rewrite ?unitmx1 // mul1mx mulmx1.
  by congr block_mx; rewrite [LHS]thinmx0 [RHS]thinmx0.
have l0 : l != 0 by apply: contra_eq_neq h => ->; rewrite expr0n mulr0 eq_sym oner_eq0.
pose f i := l^-1 ^+ i; exists (diagonal n.+1 (f \o S)).
  rewrite unitmxE det_diag unitfE; apply/prodf_neq0 => i _.
  by rewrite mxE expf_neq0 ?invr_eq0.
have := sim_rotate n.+1 f; rewrite [diagonal n.+2 f]diagonal_split.
have -> : f n.+1 = mu by rewrite (canRL (mulfK (expf_neq0 _ l0)) h) mul1r /f exprVn.
suff -> : diagonal n.+1 (f \o S) *m l%:M = diagonal n.+1 f by [].
rewrite mul_mx_scalar -linearZ; congr diag_mx; apply/rowP => i.
by rewrite !mxE /f /= exprS mulVKf.
Qed.
End Exchange.

Lemma solvable_hyperplane n (N : 'M[F]_(1 + n)) : (n.+1 < size s)%N -> \det N = 1 -> solvable N.
Proof.
rewrite -[N]submxK; move: (ulsubmx N) (ursubmx N) (dlsubmx N) (drsubmx N) => nu w k A.
move=> {N} hs dN; have [w0|w0] := eqVneq w 0; last first.
  apply: (@solvable_spanning _ _ _ _ _ _ (pinvmx w *m (1%:M - nu))) => //.
  by rewrite mulmxA mulmxVp ?mul1mx 1?addrC ?subrK // /row_free rank_rV w0.
have [nu1|nu1] := eqVneq nu 1%:M.
  by apply: (@solvable_spanning _ _ _ _ _ _ 0) => //; rewrite nu1 mulmx0 addr0.
move: dN; rewrite w0 [nu]mx11_scalar; set mu := nu 0 0.
rewrite det_lblock det_scalar1 => dN.
have mu0 : mu != 0 by apply: contra_eq_neq dN => ->; rewrite mul0r eq_sym oner_eq0.
have [S uS h] : exchange mu A.
  have [/is_scalar_mxP[l el]|] := boolP (is_scalar_mx A).
    by rewrite el; apply: exchange_scalar; rewrite -det_scalar -el.
  case: n A k w w0 hs dN => [|n] A k w w0 hs dN; last exact: exchange_nonscalar.
  by case/is_scalar_mxP; exists 0; rewrite [LHS]thinmx0 [RHS]thinmx0.
exists (- (mu^-1 *: (S *m k))), S; split=> //.
rewrite mulmx_block !mul1mx !mul0mx !mulmx0 !addr0 add0r mulNmx mul_mx_scalar scalerA mulfV //.
by rewrite scale1r addNr.
Qed.

(* The blocks C and D of M = [A B; C D] in a basis in which C = [0; 1]. *)
Lemma ULULU_of_solvable e n (M : 'M[F]_(n + (e + n))) l : \det M = 1 ->
  l *m dlsubmx M = 1%:M ->
  exists (u : 'M_(e, e + n)) (N : 'M_(e + n)), [/\ u *m dlsubmx M = 0 /\ row_free u, \det N = 1,
    ursubmx N = u *m drsubmx M *m dlsubmx M & solvable N -> ULU 2 M].
Proof.
rewrite -[M]submxK block_mxKdl block_mxKdr.
move: (ulsubmx M) (ursubmx M) (dlsubmx M) (drsubmx M) => A B C D {M} dM lC.
have [u uC uh] := complete_rows lC; set h := col_mx u l in uh; pose g := invmx h.
have hg : h *m g = 1%:M by apply: mulmxV.
have gh : g *m h = 1%:M by apply: mulVmx.
have hC : h *m C = col_mx 0 1%:M by rewrite mul_col_mx uC lC.
have gC : g *m col_mx 0 1%:M = C by rewrite -hC mulmxA gh mul1mx.
have gE : g = row_mx (lsubmx g) C.
  by rewrite -[in RHS]gC -{1 3}[g]hsubmxK mul_row_col mulmx0 add0r mulmx1.
pose X := (1%:M - A) *m l; pose V := - (B + X *m D); pose N := D + C *m V.
have eN : U X *m (block_mx A B C D *m U V) = block_mx 1%:M 0 C N.
  rewrite mulmxA mul_U mul_block_U -[X *m C]mulmxA lC mulmx1 [A + _]addrC subrK mul1mx.
  by rewrite subrr.
have dN : \det N = 1.
  have := congr1 determinant eN; rewrite !det_mulmx !det_U dM !mul1r => ->.
  by rewrite det_lblock det1 mul1r.
have dN' : \det (h *m N *m g) = 1.
  by rewrite !det_mulmx mulrAC -det_mulmx hg det1 mul1r.
exists u, (h *m N *m g); split=> //.
- split=> //; apply/row_freeP; exists (lsubmx g); move: hg; rewrite gE mul_col_row row_mxKl.
  by rewrite scalar_mx_block => /eq_block_mx[].
- rewrite gE mul_col_mx mul_col_row block_mxKur /N mulmxDr mulmxA uC mul0mx addr0.
  by [].
- move/(ULULU_block dN')/(ULU_basis hg).
  rewrite mul_diag_block mul_block_diag mulmx0 mul0mx !mulmx1.
  rewrite gC !mulmxA gh mul1mx -mulmxA gh mulmx1 -eN => /(ULU_left (- X))/(ULU_right (- V)).
  by rewrite mul_UK -mulmxA mul_UU addNr U0 mulmx1.
Qed.

(* The five shears that ULU 2 stands for. *)
Lemma ULU_five p q (M : 'M[F]_(p + q)) : ULU 2 M ->
  exists X Y Z W V, M = U X *m L Y *m U Z *m L W *m U V.
Proof.
by case=> W [V [_ [[Y [Z [_ [[X ->] ->]]]] ->]]]; exists X, Y, Z, W, V.
Qed.

Variables (n : nat) (large : (n.+1 < size s)%N).

(* No column is out of reach: those of C and of D C span everything. *)
Theorem five_spanning e (M : 'M[F]_(n + (e + n))) : \det M = 1 ->
  \rank (dlsubmx M) = n ->
  \rank (row_mx (dlsubmx M) (drsubmx M *m dlsubmx M)) = (e + n)%N ->
  exists X Y Z W V, M = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> dM /eqP/row_fullP[l lC] /eqP/row_freeP[K CK].
have [u [N [[uC /row_freeP[x ux] dN wE hN]]]] := ULULU_of_solvable dM lC.
apply/ULU_five/hN; rewrite -[N]submxK in dN *.
apply: (@solvable_spanning _ _ _ _ _ _ (dsubmx K *m x *m (1%:M - ulsubmx N))) => //.
rewrite !mulmxA; suff -> : ursubmx N *m dsubmx K *m x = 1%:M by rewrite mul1mx addrC subrK.
rewrite -ux -[u in RHS]mulmx1 -CK -{2}[K]vsubmxK mul_row_col mulmxDr !mulmxA uC mul0mx add0r.
by rewrite wE.
Qed.

Theorem five_ULULU_hyperplane (M : 'M[F]_(n + n.+1)) : \det M = 1 ->
  \rank (dlsubmx M) = n -> exists X Y Z W V, M = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> dM /eqP/row_fullP[l lC]; destruct (@ULULU_of_solvable 1 n M l dM lC) as [u [N [_ dN _ hN]]].
by apply/ULU_five/hN/solvable_hyperplane.
Qed.

Corollary five_LULUL_hyperplane (M : 'M[F]_(n + n.+1)) : \det M = 1 ->
  \rank (ursubmx M) = n -> exists X Y Z W V, M = L X *m U Y *m L Z *m U W *m L V.
Proof.
move=> dM rB; destruct (@five_ULULU_hyperplane M^T) as [X [Y [Z [W [V e]]]]].
- by rewrite det_tr.
- by rewrite -trmx_ursub mxrank_tr.
by exists V^T, W^T, Z^T, Y^T, X^T; rewrite -[M]trmxK e tr_ULULU.
Qed.

(* Halves of n and q = m n + 1 entries: 2 m + 3 shears if the lower left block has rank n. *)
Lemma ULU_hyperplane m q (N : 'M[F]_(n + q)) l : q = (m * n + n.+1)%N ->
  \det N = 1 -> l *m dlsubmx N = 1%:M -> ULU m.+2 N.
Proof.
elim: m q N l => [|m IH] q N l e; move: e N l => -> N l dN lC.
  destruct (@ULULU_of_solvable 1 n N l dN lC) as [u [N' [_ dN' _ hN]]].
  by apply/hN/solvable_hyperplane.
have e : ((m * n + n.+1) + n = m.+1 * n + n.+1)%N by rewrite addnC addnA.
move: N l dN lC; rewrite -e => N l dN lC.
have [|N2 [l2 [dN2 lN2]]] := peel (leqnn n) _ dN lC; first by rewrite addnS ltnW // ltnS leq_addl.
by apply; apply: IH lN2.
Qed.

(* So 2 m + 4 always, as many as some matrix needs. *)
Theorem unequal_hyperplane m q (M : 'M[F]_(n + q)) : q = (m.+1 * n).+1 -> \det M = 1 ->
  exists X Y, M = pairs_LU m.+3 X Y.
Proof.
move=> e dM; have nq : (n <= q)%N by rewrite e mulSn ltnW // ltnS leq_addr.
have [W [l lC]] := first_shear nq dM.
have [||X0 [X [Y eN]]] := ULU_pairs (@ULU_hyperplane m q (L W *m M) l _ _ lC).
- by rewrite e mulSn addnS addnC.
- by rewrite det_mulmx det_L mul1r.
exists (fun i => if i is i'.+1 then X i' else X0).
exists (fun i => if i is i'.+1 then Y i' else - W).
by rewrite /pairs_LU big_ord_recl /= -[LHS](mul_LK W) eN mulmxA.
Qed.

(* The halves of every dimension: e = 0 or 1. *)
Theorem six_every_LULULU e (M : 'M[F]_(n + (e + n))) : (e <= 1)%N -> \det M = 1 ->
  exists W0 X Y Z W V, M = L W0 *m U X *m L Y *m U Z *m L W *m U V.
Proof.
case: e M => [|[|//]] M _ dM; first exact: six_LULULU us (ltnW large) M dM.
have [W0 [l lC]] := first_shear (leqnSn n) dM.
destruct (@five_ULULU_hyperplane (L W0 *m M)) as [X [Y [Z [W [V e]]]]].
- by rewrite det_mulmx det_L mul1r.
- by apply/eqP/row_fullP; exists l.
by exists (- W0), X, Y, Z, W, V; apply: move_L.
Qed.

Corollary six_every_ULULUL e (M : 'M[F]_(n + (e + n))) : (e <= 1)%N -> \det M = 1 ->
  exists X Y Z W V T, M = U X *m L Y *m U Z *m L W *m U V *m L T.
Proof.
move=> e1 dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
have /six_every_LULULU : \det (invmx M) = 1 by rewrite det_inv dM invr1.
case/(_ e1)=> T [V [W [Z [Y [X h]]]]]; exists (- X), (- Y), (- Z), (- W), (- V), (- T).
exact: inverse_LULULU h.
Qed.
End Hyperplane.

(* Couplings with positive scales: which matrices are products of them, and of how many. *)

(* Positive scales: affine couplings, not only additive ones.

   A coupling is [S X; 0 1] or [1 0; Y S], with S diagonal and positive.

   Main results
     six_couplings           if matrices of determinant 1 are products of six shears,
                             one of nonzero determinant is of six couplings, five of
                             them additive; the scale of the sixth is \det M in one
                             entry and 1 in the others
     det_couplings_gt0       a product of any number of couplings has a positive
                             determinant, for any split p + q
     det_gt0P                so, for q = p and q = p + 1, the products of couplings are
                             the matrices of positive determinant

   Reference.  Koehler, Mehta, Risteski, ICML 2021, arXiv:2010.01155. *)
(* One scale is enough. *)
Definition first_entry (R : comUnitRingType) n (a : R) : 'rV_n.+1 :=
  \row_i (if i == 0 then a else 1).

Lemma det_first_entry (R : comUnitRingType) n (a : R) :
  \det (diag_mx (first_entry n a)) = a.
Proof.
rewrite det_diag (bigD1 ord0) //= mxE eqxx big1 ?mulr1 // => i /negbTE i0.
by rewrite mxE i0.
Qed.

Theorem six_couplings (F : numFieldType) p q (M : 'M[F]_(p + q.+1)) :
  (forall N : 'M[F]_(p + q.+1), \det N = 1 -> exists W0 X Y Z W V,
     N = L W0 *m U X *m L Y *m U Z *m L W *m U V) ->
  \det M != 0 ->
  exists W0 X Y Z W V,
    M = scaled_L (first_entry q (\det M)) W0 *m
        U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> six dM; set S := diag_mx (first_entry q (\det M)).
pose T : 'M[F]_(p + q.+1) := block_mx 1%:M 0 0 S.
have dT : \det T = \det M by rewrite det_ublock det1 mul1r det_first_entry.
have uT : T \in unitmx by rewrite unitmxE dT unitfE.
have : \det (invmx T *m M) = 1 by rewrite det_mulmx det_inv dT mulVf.
intros [W0 [X [Y [Z [W [V e]]]]]]%six.
exists (S *m W0), X, Y, Z, W, V.
have -> : scaled_L (first_entry q (\det M)) (S *m W0) = T *m L W0.
  by rewrite /L mul_diag_block mulmx0 !mul1mx mulmx1.
by rewrite -[LHS](mulKVmx uT) e !(mulmxA T).
Qed.

Section PositiveScales.
Variable F : numFieldType.

Lemma det_diag_gt0 n (s : 'rV[F]_n) : (forall i, 0 < s 0 i) -> 0 < \det (diag_mx s).
Proof. by move=> s_gt0; rewrite det_diag prodr_gt0. Qed.

Theorem det_couplings_gt0 p q (Ks : seq 'M[F]_(p + q)) :
  (forall K, K \in Ks -> coupling K) -> 0 < \det (\big[mulmx/1%:M]_(K <- Ks) K).
Proof.
elim: Ks => [|K Ks IH] hK; first by rewrite big_nil det1.
rewrite big_cons det_mulmx mulr_gt0 ?IH // => [|K' K'Ks]; last first.
  by apply: hK; rewrite inE K'Ks orbT.
destruct (hK K (mem_head _ _)) as [[s [X [s_gt0 ->]]]|[s [Y [s_gt0 ->]]]].
  by rewrite det_ublock det1 mulr1 det_diag_gt0.
by rewrite det_lblock det1 mul1r det_diag_gt0.
Qed.

Lemma coupling_U p q (X : 'M[F]_(p, q)) : coupling (U X).
Proof.
left; exists (const_mx 1), X; split=> [i|]; first by rewrite mxE ltr01.
by rewrite diag_const_mx.
Qed.

Lemma coupling_L p q (Y : 'M[F]_(q, p)) : coupling (L Y).
Proof.
right; exists (const_mx 1), Y; split=> [i|]; first by rewrite mxE ltr01.
by rewrite diag_const_mx.
Qed.

Theorem det_gt0P e n (M : 'M[F]_(n + (e + n))) : (e <= 1)%N -> (0 < e + n)%N ->
  0 < \det M <->
  exists Ks : seq 'M[F]_(n + (e + n)), [/\ size Ks = 6, forall K, K \in Ks -> coupling K &
                 M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof.
move=> e1 en; split=> [dM | [Ks [_ hK ->]]]; last exact: det_couplings_gt0.
have [s us large] := num_seq F n.+1.
have six (N : 'M[F]_(n + (e + n))) dN := six_every_LULULU us large (M := N) e1 dN.
case: (e + n)%N (prednK en) M dM six => // q _ M dM six.
destruct (six_couplings six (M := M)) as [W0 [X [Y [Z [W [V h]]]]]]; first by rewrite gt_eqF.
exists [:: scaled_L (first_entry q (\det M)) W0; U X; L Y; U Z; L W; U V]; split=> //.
  move=> K; rewrite !inE => /or4P[||| /or3P[]] /eqP ->;
    [|exact: coupling_U|exact: coupling_L|exact: coupling_U|exact: coupling_L|exact: coupling_U].
  right; do 2!eexists; split; last by []; move=> i; rewrite mxE.
  by case: eqP => // _; apply: ltr01.
by rewrite !big_cons big_nil mulmx1 !mulmxA -h.
Qed.
End PositiveScales.

(* Three affine couplings: when C is invertible, a diagonal equivalence.

   Main results
     three_affine_normal   scales move to the middle: U L U with scales is a
                           product U X, [E 0; Y D], U Z
     three_affine          if C is invertible, M = [A B; C D] is such a product
                           with the scales E, Delta iff
                           E C^-1 Delta = A C^-1 D - B
     schur_of_inverse      that matrix is -c^-1, c the lower left block of M^-1 *)
Section ThreeAffine.
Variables (R : comUnitRingType) (n : nat).
Implicit Types A B C D E X Y Z : 'M[R]_n.

(* affine couplings with the scales S, one after the other *)
Theorem three_affine_normal (S1 S2 S3 : 'M[R]_n) X Y Z :
  S3 \in unitmx ->
  block_mx S1 X 0 1%:M *m block_mx 1%:M 0 Y S2 *m block_mx S3 Z 0 1%:M
  = U X *m block_mx (S1 *m S3) 0 (Y *m S3) S2 *m U (invmx S3 *m Z).
Proof.
move=> u3; have S3Z (K : 'M_n) : K *m S3 *m (invmx S3 *m Z) = K *m Z by rewrite -mulmxA mulKVmx.
rewrite [in RHS]mul_U [RHS]mul_block_U !mulmx_block !mulmx1 !mul1mx !mulmx0 !addr0 !add0r.
by rewrite (mulmxA X) -mulmxDl !S3Z (addrC (X *m S2)) (addrC S2).
Qed.

Theorem three_affine A B C D E Delta : C \in unitmx ->
  (exists X Z, block_mx A B C D = U X *m block_mx E 0 C Delta *m U Z) <->
  E *m invmx C *m Delta = A *m invmx C *m D - B.
Proof.
move=> uC; split=> [[X [Z]]|eqS].
  rewrite mul_U mul_block_U add0r => /eq_block_mx[-> -> _ ->].
  rewrite (mulmxDl E) mulmxK // mulmxDr [_ *m (C *m Z)]mulmxA (mulmxDl _ X C) mulmxKV //.
  by rewrite opprD addrACA subrr addr0 mulmxDl addrK.
exists ((A - E) *m invmx C), (invmx C *m (D - Delta)).
rewrite mul_U mul_block_U add0r mulmxKV // mulKVmx // [E + _]addrC [Delta + _]addrC !subrK.
rewrite mulmxA mulmxBr !mulmxBl eqS opprB; eq_blocks.
by rewrite [RHS]addrC addrA subrK [RHS]addrC subrK.
Qed.

Theorem schur_of_inverse A B C D (a b c d : 'M[R]_n) : C \in unitmx ->
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  B *m c - A *m invmx C *m D *m c = 1%:M.
Proof.
move=> uC; rewrite mulmx_block scalar_mx_block; case/eq_block_mx => e1 _ e2 _.
have ae : C *m a = - (D *m c) by apply/eqP; rewrite -addr_eq0 e2.
have -> : B *m c - A *m invmx C *m D *m c = A *m a + B *m c.
  by rewrite -[a](mulKmx uC) ae !mulmxN !mulmxA addrC.
by [].
Qed.
End ThreeAffine.

(* Four affine couplings: what they force on the blocks of a matrix and its inverse.

   Main results
     char_poly_YZ    1 + Y Z and 1 + Z Y have one characteristic polynomial
     rank_YZ         and g (1 + Y Z) and g (1 + Z Y) one rank, for every polynomial
                     g with g(1) != 0: they are similar but for the eigenvalue 1
     four_affine     if M = U X * L Y * U Z * L W * diag(E, Delta), then D Delta^-1
                     and E a are such a pair, D and a being the lower right block
                     of M and the upper left block of its inverse

   References.  Sylvester's determinant identity; H. Flanders 1951. *)
Section FourAffine.
Variables (F : fieldType) (n : nat).
Implicit Types A B C D E X Y Z W : 'M[F]_n.

Lemma sylvester (R : idomainType) (s : R) (y z : 'M[R]_n) : s != 0 ->
  \det (s%:M - y *m z) = \det (s%:M - z *m y).
Proof.
move=> s0; pose N := block_mx s%:M y z 1%:M.
have upper : \det N = \det (s%:M - y *m z).
  rewrite -[LHS]mul1r -(det_U (- y)) -det_mulmx mul_U mulNmx mulmx1 subrr.
  by rewrite det_lblock det1 mulr1.
rewrite -upper; apply: (mulfI (expf_neq0 n s0)).
rewrite -{1}(det_scalar n s) -[X in X * _]mul1r -{1}(det1 R n).
rewrite -(det_lblock 1%:M (- z) s%:M) -det_mulmx mulmx_block !mul1mx !mul0mx.
rewrite !mulmx1 !addr0 mulNmx scalar_mxC addNr det_ublock det_scalar.
by rewrite mulNmx addrC.
Qed.

Theorem char_poly_YZ Y Z : char_poly (1%:M + Y *m Z) = char_poly (1%:M + Z *m Y).
Proof.
have e P Q : char_poly_mx (1%:M + P *m Q)
  = ('X - 1 : {poly F})%:M - map_mx polyC P *m map_mx polyC Q.
  by rewrite /char_poly_mx map_mxD map_mx1 map_mxM opprD addrA -scalar_mxB.
by rewrite /char_poly !e sylvester // -[1]/(1%:P) polyXsubC_eq0.
Qed.

Theorem four_affine A B C D a b c d E Delta X Y Z W :
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  block_mx A B C D = U X *m L Y *m U Z *m L W *m block_mx E 0 0 Delta ->
  D = (1%:M + Y *m Z) *m Delta /\ E *m a = 1%:M + Z *m Y.
Proof.
move=> inv e; split.
  move: e; rewrite -!mulmxA mul_L mul_U mul_L mul_U !(mulmx0, addr0, add0r).
  by case/eq_block_mx=> _ _ _ ->; rewrite mulmxDl mul1mx mulmxA.
rewrite e -[_ *m block_mx E _ _ _ *m _]mulmxA mul_diag_block in inv.
by have [] := inverse_ULUL inv.
Qed.
End FourAffine.

Lemma horner_mx_intertwine (F : fieldType) n (P Q Y : 'M[F]_n.+1) g :
  P *m Y = Y *m Q -> horner_mx P g *m Y = Y *m horner_mx Q g.
Proof.
move=> PY; elim/poly_ind: g => [|g c IH]; first by rewrite !rmorph0 mul0mx mulmx0.
rewrite !rmorphD !rmorphM /= !horner_mx_X !horner_mx_C mulmxDl mulmxDr -!mulmxE.
by rewrite -mulmxA PY !mulmxA IH scalar_mxC.
Qed.

Theorem rank_YZ (F : fieldType) n (Y Z : 'M[F]_n.+1) g : g.[1] != 0 ->
  \rank (horner_mx (1%:M + Y *m Z) g) = \rank (horner_mx (1%:M + Z *m Y) g).
Proof.
move=> g1; suff le (P Q : 'M_n.+1) :
  (\rank (horner_mx (1%:M + Q *m P) g) <= \rank (horner_mx (1%:M + P *m Q) g))%N.
  by apply/eqP; rewrite eqn_leq !le.
set G := horner_mx (_ + P *m _) g; set H := horner_mx _ g.
have GP : G *m P = P *m H.
  by apply: horner_mx_intertwine; rewrite mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
rewrite -(leq_sub2lE _ (rank_leq_row H)) -!mxrank_ker.
have /mxrank_injP <- : (kermx G :&: kermx P)%MS == 0.
  set v := capmx _ _.
  have /sub_kermxP vP : (v <= kermx P)%MS by apply: capmxSr.
  have /sub_kermxP : (v <= kermx G)%MS by apply: capmxSl.
  suff -> : v *m G = g.[1] *: v by move/eqP; rewrite scaler_eq0 (negbTE g1).
  have -> : g.[1] *: v = horner_mx 1%:M g *m v.
    by rewrite -mul_scalar_mx -!diag_const_mx horner_mx_diag map_const_mx.
  symmetry; apply: horner_mx_intertwine.
  by rewrite mul1mx mulmxDr mulmx1 mulmxA vP mul0mx addr0.
rewrite mxrankS //; apply/sub_kermxP.
by rewrite -mulmxA -GP mulmxA mulmx_ker mul0mx.
Qed.

(* Principal minors, and the coefficients of the characteristic polynomial.

   The principal minor of N at a set S of rows is the determinant of N with the
   rows and columns outside S replaced by those of the identity.

   Main results
     det_add_diag           det (diag y + N) is the sum over all S of the minor at
                            S times the product of y outside S
     coef_char_poly         so the coefficient of the characteristic polynomial at
                            n - k is (-1)^k times the sum of the k-minors
     principal_minor_scale  scaling rows and columns multiplies the minor by the
                            scales in S

   Plan.  Leibniz: if the rows outside S are those of the identity, a permutation
   that counts fixes what is outside S, so the columns do not matter; and a product
   of sums over all rows is the sum over S of the products that take N in S. *)
Section PrincipalMinors.
Variables (R : comRingType) (n : nat).
Implicit Types (N : 'M[R]_n) (S : {set 'I_n}) (s t y : 'rV[R]_n).

Lemma principal_minor_rows N S :
  principal_minor N S = \det (\matrix_(i, j) if i \in S then N i j else (i == j)%:R).
Proof.
apply: eq_bigr => s _; congr (_ * _).
have [/forallP fix_s | /forallPn[i]] := boolP [forall i, (i \in S) || (i == s i)].
  apply: eq_bigr => i _; rewrite !mxE; case: (boolP (i \in S)) => //= iS.
  case: ifPn => // siS; have := fix_s (s i); rewrite (negbTE siS) (inj_eq perm_inj) /=.
  by move=> /eqP si; rewrite -si iS in siS.
rewrite negb_or => /andP[/negbTE iS /negbTE si].
by rewrite (bigD1 i) // [RHS](bigD1 i) //= !mxE iS si !mul0r.
Qed.

Lemma principal_minor_scalar (c : R) S : principal_minor c%:M S = c ^+ #|S|.
Proof.
pose y : 'rV[R]_n := \row_i if i \in S then c else 1.
have -> : principal_minor c%:M S = \det (diag_mx y).
  rewrite principal_minor_rows; congr (\det _); apply/matrixP => i j; rewrite !mxE.
  by case: ifP => // _; rewrite mulr1n.
by rewrite det_diag -prodr_const [RHS]big_mkcond; apply: eq_bigr => i _; rewrite mxE.
Qed.

(* A row that is y in S and 1 outside. *)
Lemma det_within y S :
  \det (diag_mx (\row_i if i \in S then y 0 i else 1)) = \prod_(i in S) y 0 i.
Proof. by rewrite det_diag [RHS]big_mkcond; apply: eq_bigr => i _; rewrite mxE. Qed.

Lemma principal_minor_mull y N S :
  principal_minor (diag_mx y *m N) S = (\prod_(i in S) y 0 i) * principal_minor N S.
Proof.
rewrite !principal_minor_rows -det_within -det_mulmx; congr (\det _).
by apply/matrixP => i j; rewrite !mul_diag_mx !mxE; case: ifP; rewrite ?mul1r.
Qed.

Lemma principal_minor_mulr y N S :
  principal_minor (N *m diag_mx y) S = (\prod_(i in S) y 0 i) * principal_minor N S.
Proof.
have tr M : principal_minor M S = principal_minor M^T S.
  rewrite /principal_minor -det_tr; congr (\det _); apply/matrixP => i j.
  by rewrite !mxE andbC eq_sym.
by rewrite tr trmx_mul tr_diag_mx principal_minor_mull -tr.
Qed.

Lemma det_add_diag y N :
  \det (diag_mx y + N) = \sum_(S : {set 'I_n}) (\prod_(i in ~: S) y 0 i) * principal_minor N S.
Proof.
transitivity (\sum_(S : {set 'I_n}) \det (\matrix_(i, j) if i \in S then N i j else diag_mx y i j)).
  rewrite exchange_big; apply: eq_bigr => s _; rewrite -big_distrr; congr (_ * _).
  under eq_bigr do rewrite mxE addrC.
  by rewrite bigA_distr; apply: eq_big => // S _; apply: eq_bigr => i _; rewrite [RHS]mxE.
apply: eq_bigr => S _; rewrite principal_minor_rows -det_within -det_mulmx.
congr (\det _); apply/matrixP => i j; rewrite mul_diag_mx !mxE inE.
by case: ifP; rewrite ?mul1r ?mulr_natr.
Qed.
End PrincipalMinors.

Theorem coef_char_poly (R : comRingType) n (N : 'M[R]_n) k : (k <= n)%N ->
  (char_poly N)`_(n - k) = (-1) ^+ k * \sum_(S : {set 'I_n} | #|S| == k) principal_minor N S.
Proof.
move=> kn; rewrite /char_poly /char_poly_mx -diag_const_mx det_add_diag coef_sum.
rewrite big_distrr [RHS]big_mkcond; apply: eq_bigr => S _ /=.
have -> : principal_minor (- map_mx polyC N) S = ((-1) ^+ #|S| * principal_minor N S)%:P.
  rewrite -scaleN1r -mul_scalar_mx -diag_const_mx principal_minor_mull.
  rewrite (eq_bigr (fun=> -1)) => [|i _]; last by rewrite mxE.
  rewrite prodr_const polyCM polyC_exp polyCN; congr (_ * _).
  apply: etrans _ (det_map_mx polyC _); congr (\det _); apply/matrixP => i j; rewrite !mxE.
  by case: ifP; rewrite // rmorph_nat.
under eq_bigr do rewrite mxE; rewrite prodr_const coefMC coefXn.
have -> : (n - k == #|~: S|)%N = (#|S| == k).
  have := cardsC S; rewrite card_ord -(eqn_add2r k) subnK // => {1}<-.
  by rewrite addnC eqn_add2l.
by case: eqP => [->|]; rewrite ?mul1r ?mul0r.
Qed.

(* Opposed minors: how many couplings with positive scales are not enough.

   D and a are opposed at k if, up to one common factor, the principal k-minors of
   D are >= 0, those of a are <= 0, and not all of them vanish.  Below D is the
   lower right block of M, and a the upper left block of its inverse; A and d are
   the other two.

   Main results
     opposed_not_four       if D and a are opposed, M is no product of couplings
                            U L U L;
     opposed_not_five       nor of U L U L U, if C = 0
     opposed_need_five      if D and a, and also A and d, are opposed, M is no product
                            of four couplings or fewer, in any order
     opposed_need_six       if B = C = 0 and D and a are opposed, of five or fewer
     minus_one_need_six     so diag(-1, 1) needs six;
     block_ones_need_five   [1 1; 2 1] in n x n blocks needs five,
     block_ones_five        and is five shears if n is even;
     twos_need_six          diag(1, D) needs six, D being 1 on the diagonal and 2
                            elsewhere: opposed at 2, but not at 1

   Plan.  A product of m couplings is one of m alternating shears times a positive
   diagonal matrix (couplings_word).  By word4P and word5_upper, D Delta = 1 + Y Z and
   E a = 1 + Z Y for some Y and Z and positive diagonal E and Delta.  The sums of the k-minors of 1 + Y Z and 1 + Z Y agree, being
   coefficients of one polynomial; positive scales leave the signs of the minors.
   Exchanging the two halves exchanges U and L, A and D, a and d.

   Reference.  Koehler, Mehta, Risteski, ICML 2021, arXiv:2010.01155. *)
Section OpposedMinors.
Variables (F : numFieldType) (n : nat).
Implicit Types (A B C D X Y Z W a d : 'M[F]_n) (s t : 'rV[F]_n) (M N : 'M[F]_(n + n)).

(* What the blocks of a product satisfy, and what opposed minors exclude. *)
Definition tied D a := exists s t Y Z, [/\ positive_row s, positive_row t,
  D *m diag_mx t = 1%:M + Y *m Z & diag_mx s *m a = 1%:M + Z *m Y].

Lemma opposed_not_tied k D a : opposed k D a -> ~ tied D a.
Proof.
intros [z z0 [signs [S Sk nz]]] [s [t [Y [Z [s_gt0 t_gt0 eD ea]]]]].
have kn : (k <= n)%N by rewrite -Sk -[X in (_ <= X)%N]card_ord max_card.
have prod_gt0 (T : {set 'I_n}) (r : 'rV[F]_n) : positive_row r -> 0 < \prod_(i in T) r 0 i.
  by move=> r_gt0; apply: prodr_gt0.
have {}signs (T : {set 'I_n}) : #|T| == k ->
    0 <= z * principal_minor (1%:M + Y *m Z) T /\ z * principal_minor (1%:M + Z *m Y) T <= 0.
  move=> /eqP/signs[D_ge0 a_le0]; split.
    by rewrite -eD principal_minor_mulr mulrCA pmulr_rge0 ?prod_gt0.
  by rewrite -ea principal_minor_mull mulrCA pmulr_rle0 ?prod_gt0.
have /(congr1 ( *%R z))/eqP : \sum_(T : {set 'I_n} | #|T| == k) principal_minor (1%:M + Y *m Z) T =
    \sum_(T : {set 'I_n} | #|T| == k) principal_minor (1%:M + Z *m Y) T.
  by apply: (mulfI (negbT (signr_eq0 F k))); rewrite -!(coef_char_poly _ kn) char_poly_YZ.
rewrite -subr_eq0 !big_distrr -sumrB psumr_eq0 => [|T /signs[]]; last first.
  by rewrite -oppr_ge0; apply: addr_ge0.
move/eqP/signs: (Sk) => [D_ge0 a_le0] /allP/(_ S (mem_index_enum _)); rewrite Sk eqxx /=.
rewrite paddr_eq0 ?oppr_ge0 // oppr_eq0 !mulf_eq0 (negbTE z0) /= -eD -ea.
rewrite principal_minor_mulr principal_minor_mull !mulf_eq0.
rewrite (gt_eqF (prod_gt0 S _ t_gt0)) (gt_eqF (prod_gt0 S _ s_gt0)) /=.
by case/andP=> D0 a0; rewrite D0 a0 in nz.
Qed.

(* Four letters, U first; five if C = 0, or in the other order if B = 0. *)
Lemma word_four A B C D a b c d : scaled_word true 4 (block_mx A B C D) ->
  block_mx A B C D *m block_mx a b c d = 1%:M -> tied D a.
Proof.
move=> /unscaled_word[s [t [s0 t0 w]]] /(scaled_inverse s0 t0).
rewrite block_scales in w *; intros [_ [Y [Z [_ [eD ea _ _]]]]]%word4P; last exact: w.
by exists (inv_row s), t, Y, Z; split=> //; apply: inv_row_gt0.
Qed.

Lemma word_five u A B C D a b c d : scaled_word u 5 (block_mx A B C D) ->
  block_mx A B C D *m block_mx a b c d = 1%:M -> (if u then C else B) = 0 -> tied D a.
Proof.
move=> /unscaled_word[s [t [s0 t0 w]]] /(scaled_inverse s0 t0).
rewrite block_scales in w *; case: u w => w inv /= e; rewrite e mul0mx in w inv.
  destruct (word5_upper inv w) as [Y [Z [eD ea]]].
  by exists (inv_row s), t, Y, Z; split=> //; apply: inv_row_gt0.
destruct (word5_lower inv w) as [Y [Z [eD ea]]].
by exists (inv_row s), t, Y, Z; split=> //; apply: inv_row_gt0.
Qed.

Lemma scaled_word_ULUL b m s1 s2 s3 s4 X Y Z W M :
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) -> scaled_word b m M ->
  scaled_word true m.+4 (scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W *m M).
Proof.
move=> s_gt0 wM; have [s10 s20 s30 s40] : [/\ positive_row s1, positive_row s2, positive_row s3
  & positive_row s4] by split=> i; case/and4P: (s_gt0 i).
rewrite -!mulmxA.
exact: scaled_word_U _ s10 (scaled_word_L _ s20 (scaled_word_U _ s30 (scaled_word_L _ s40 wM))).
Qed.

(* All scales at the end. *)
Theorem scales_last s1 s2 s3 s4 X Y Z W :
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) ->
  exists X' Y' Z' W' s t, [/\ positive_row s, positive_row t &
    scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W =
    U X' *m L Y' *m U Z' *m L W' *m scales s t].
Proof.
move/(scaled_word_ULUL X Y Z W)/(_ (scaled_word1 F n n true 0)).
intros [K [s [t [w s0 t0 e]]]]; destruct (word4E w) as [X' [Y' [Z' [W' eK]]]].
by exists X', Y', Z', W', s, t; rewrite -eK -e mulmx1.
Qed.

(* The theorems, for M = [A B; C D] with the inverse [a b; c d]. *)
Section Theorems.
Variables A B C D a b c d : 'M[F]_n.
Hypothesis inv : block_mx A B C D *m block_mx a b c d = 1%:M.

Theorem opposed_not_four k s1 s2 s3 s4 X Y Z W : opposed k D a ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) ->
  block_mx A B C D <> scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W.
Proof.
move=> opp s_gt0 e; apply: (opposed_not_tied opp) (word_four _ inv).
rewrite e -[_ *m scaled_L s4 W]mulmx1; exact: scaled_word_ULUL (scaled_word1 _ _ _ true 0).
Qed.

Theorem opposed_not_five k s1 s2 s3 s4 s5 X Y Z W V : opposed k D a -> C = 0 ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i]) ->
  block_mx A B C D <> scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W *m
                      scaled_U s5 V.
Proof.
move=> opp C0 s_gt0 e; apply: (opposed_not_tied opp) (word_five (u := true) _ inv C0).
have s40 i : [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i].
  by case/and5P: (s_gt0 i) => -> -> -> -> _.
have s50 : positive_row s5 by move=> i; case/and5P: (s_gt0 i).
rewrite e -[scaled_U s5 V]mulmx1.
exact: scaled_word_ULUL s40 (scaled_word_U V s50 (scaled_word1 _ _ _ true 0)).
Qed.

Theorem opposed_need_five k l (Ks : seq 'M[F]_(n + n)) : opposed k D a -> opposed l A d ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 4)%N ->
  block_mx A B C D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> oppDa oppAd hK /(couplings_word hK) [[]] + e; rewrite -e.
  by move=> w; apply: opposed_not_tied oppDa (word_four w inv).
have := congr1 (@swap _ _ _) inv; rewrite swap_mul scalar_mx_block !swap_block -scalar_mx_block => inv'.
move/scaled_word_swap; rewrite swap_block => w.
exact: opposed_not_tied oppAd (word_four w inv').
Qed.
End Theorems.

Theorem opposed_need_six k A D (Ks : seq 'M[F]_(n + n)) : opposed k D (invmx A) ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 5)%N ->
  block_mx A 0 0 D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> opp hK /(couplings_word hK)[b] + e; rewrite -e => w.
have : \det (block_mx A 0 0 D) != 0 by rewrite e gt_eqF ?det_couplings_gt0.
rewrite det_ublock mulf_eq0 negb_or -!unitfE -!unitmxE => /andP[uA uD].
apply: opposed_not_tied opp (word_five (b := 0) (c := 0) (d := invmx D) w _ (if_same _ _)).
by rewrite mul_diag_block !mulmx0 !mulmxV // -scalar_mx_block.
Qed.

Lemma opposed_scaled k D a s : positive_row s -> opposed k D a -> opposed k D (diag_mx s *m a).
Proof.
move=> s0 [z z0 [signs [S Sk nz]]]; exists z => //.
have pos (T : {set 'I_n}) : 0 < \prod_(i in T) s 0 i by apply: prodr_gt0.
split=> [T Tk|]; last by exists S; rewrite // principal_minor_mull mulf_eq0 (gt_eqF (pos S)).
by rewrite principal_minor_mull mulrCA pmulr_rle0 //; apply: signs.
Qed.

(* Examples. *)
Lemma opposed_scalars (u : F) : (0 < n)%N -> u != 0 -> opposed 1 (u%:M : 'M[F]_n) (- u)%:M.
Proof.
move=> n_gt0 u0; exists u^-1; first by rewrite invr_eq0.
split=> [S S1 |]; rewrite ?principal_minor_scalar ?S1.
  by rewrite mulrN mulVf // oppr_le0 ler01.
by exists [set Ordinal n_gt0]; rewrite ?cards1 // principal_minor_scalar cards1 expr1 u0.
Qed.

Theorem minus_one_need_six (Ks : seq 'M[F]_(n + n)) : (0 < n)%N ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 5)%N ->
  block_mx (- 1%:M) 0 0 1%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> n_gt0; apply: (@opposed_need_six 1); rewrite -scaleN1r scalemx1 invmx_scalar invrN1.
exact: opposed_scalars (oner_neq0 F).
Qed.

(* [1 1; 2 1] in blocks: the inverse is [-1 1; 2 -1]. *)
Theorem block_ones_need_five (Ks : seq 'M[F]_(n + n)) : (0 < n)%N ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 4)%N ->
  block_mx 1%:M 1%:M 2%:M 1%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> n_gt0; have opp := opposed_scalars n_gt0 (oner_neq0 F).
apply: (opposed_need_five (b := 1%:M) (c := 2%:M) _ opp opp).
have two : 2%:M = 1%:M + 1%:M :> 'M[F]_n by rewrite -raddfD.
rewrite mulmx_block scalar_mxN !mulmxN !mulmx1 !mul1mx subrr addNr two addKr addrK.
by rewrite [RHS]scalar_mx_block.
Qed.

Theorem block_ones_five : ~~ odd n -> exists X Y Z W V : 'M[F]_n,
  block_mx 1%:M 1%:M 2%:M 1%:M = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> even; have [s us large] := num_seq F n; apply: (five_ULULU us large).
  by rewrite block_mxKdl unitmxE det_scalar unitfE expf_neq0 ?pnatr_eq0.
have <- : L 2%:M *m block_mx 1%:M 1%:M 0 (- 1)%:M
  = block_mx 1%:M 1%:M 2%:M 1%:M :> 'M[F]_(n + n).
  by rewrite mul_L !mulmx1 add0r -raddfD /= [2]mulr2n addKr.
by rewrite det_mulmx det_L det_ublock det1 !mul1r det_scalar -signr_odd (negbTE even).
Qed.

(* diag(1, D), where D has 1 on the diagonal and 2 elsewhere: its diagonal entries
   are not opposed to those of 1, but the 2-minors, 1 - 4 = -3, are. *)
Lemma minor_ones (x : F) (S : {set 'I_n}) :
  principal_minor (const_mx x - 1%:M) S = (-1) ^+ #|S| * (1 - x *+ #|S|).
Proof.
pose v : 'rV[F]_n := \row_i (i \in S)%:R; pose u : 'cV[F]_n := \col_i (x * (i \in S)%:R).
pose s : 'rV[F]_n := \row_i (-1) ^+ (i \in S).
have vs : v *m diag_mx s = - v.
  by apply/rowP=> i; rewrite mul_mx_diag !mxE; case: (i \in S); rewrite ?mul1r // mul0r oppr0.
have -> : principal_minor (const_mx x - 1%:M) S = \det ((1%:M - u *m v) *m diag_mx s).
  rewrite mulmxBl mul1mx -mulmxA vs mulmxN opprK; congr (\det _); apply/matrixP => i j.
  rewrite !mxE big_ord1 !mxE; case: eqP => [<-|_].
    by case: (i \in S); rewrite /= ?mulr1 ?mulr0 ?addr0 // addrC.
  by case: (i \in S); case: (j \in S); rewrite /= ?mulr1 ?mulr0 ?mul0r ?subr0 ?add0r.
rewrite det_mulmx det_exchange mulrC; congr (_ * _).
  rewrite det_diag -prodr_const [RHS]big_mkcond; apply: eq_bigr => i _.
  by rewrite mxE; case: (i \in S).
rewrite det_mx11 !mxE -sumr_const [in RHS]big_mkcond; congr (1 - _); apply: eq_bigr => i _.
by rewrite !mxE; case: (i \in S); rewrite ?mulr0 ?mulr1 ?mul1r.
Qed.

Lemma det_twos : \det (const_mx 2 - 1%:M : 'M[F]_n) = (-1) ^+ n * (1 - 2 *+ n).
Proof.
have := minor_ones 2 [set: 'I_n]; rewrite cardsT card_ord => <-; congr (\det _).
by apply/matrixP=> i j; rewrite [RHS]mxE !inE.
Qed.

Lemma opposed_twos : (1 < n)%N -> opposed 2 (const_mx 2 - 1%:M : 'M[F]_n) 1%:M.
Proof.
move=> n_gt1; exists (-1); first by rewrite oppr_eq0 oner_neq0.
have e (S : {set 'I_n}) : #|S| = 2 -> principal_minor (const_mx 2 - 1%:M) S = -3%:R :> F.
  move=> S2; rewrite minor_ones S2 sqrrN expr1n mul1r -mulrnA.
  by rewrite (mulrSr _ 3) opprD addrCA subrr addr0.
split=> [S S2|].
  by rewrite e // principal_minor_scalar expr1n !mulN1r opprK ler0n oppr_le0 ler01.
exists [set Ordinal (ltnW n_gt1); Ordinal n_gt1]; first by rewrite cards2.
by rewrite principal_minor_scalar expr1n oner_neq0 orbT.
Qed.

Theorem twos_need_six (Ks : seq 'M[F]_(n + n)) : (1 < n)%N ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 5)%N ->
  block_mx 1%:M 0 0 (const_mx 2 - 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by move=> n_gt1; apply: (@opposed_need_six 2); rewrite invmx1; apply: opposed_twos. Qed.

Theorem scaled_twos_need_six s (Ks : seq 'M[F]_(n + n)) : positive_row s -> (1 < n)%N ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 5)%N ->
  block_mx (diag_mx s) 0 0 (const_mx 2 - 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> s0 n_gt1; apply: (@opposed_need_six 2).
have -> : invmx (diag_mx s) = diag_mx (inv_row s) *m 1%:M.
  by apply: (can_inj (mulKmx (unit_positive s0))); rewrite mulmx1 mulmxV ?unit_positive ?diag_inv.
exact: opposed_scaled (inv_row_gt0 s0) (opposed_twos n_gt1).
Qed.
End OpposedMinors.

(* diag(A, -1) on halves p and q with k p < q: 1 is no eigenvalue of -1 times positive scales. *)
Theorem minus_one_needs_more (F : numFieldType) p q k (A : 'M[F]_p) (Ks : seq 'M[F]_(p + q)) :
  (k * p < q)%N -> (forall K, K \in Ks -> coupling K) -> (size Ks <= k.+1.*2.+1)%N ->
  block_mx A 0 0 (- 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> small hK /(couplings_word hK)[b] + e; rewrite -e => /unscaled_word[s [t [_ t0]]].
rewrite block_scales !mul0mx; apply: (unequal_diagonal_word small).
rewrite mulNmx mul1mx -opprD -diag_const_mx -(raddfD (@diag_mx F q)) -scaleN1r.
rewrite unitmxZ ?unitrN1 // unitmxE unitfE gt_eqF // det_diag_gt0 // => i.
by rewrite !mxE addr_gt0 ?ltr01 //; apply: t0.
Qed.

(* Six is sharp in every dimension that is at least 3, for some matrix of determinant 1. *)
Theorem six_couplings_sharp (F : numFieldType) e n : (e <= 1)%N -> (2 < n + (e + n))%N ->
  exists2 M : 'M[F]_(n + (e + n)), \det M = 1 &
    forall Ks : seq 'M[F]_(n + (e + n)), (forall K, K \in Ks -> coupling K) ->
    (size Ks <= 5)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
case: e => [|[|//]] _; rewrite ?add0n ?add1n; last first.
  case: n => // n _; pose a : F := (-1) ^+ n.+2.
  exists (block_mx (diag_mx (first_entry n a)) 0 0 (- 1%:M)) => [|Ks].
    by rewrite det_ublock det_first_entry -scaleN1r detZ det1 mulr1 /a -exprMn mulrN1 opprK expr1n.
  by apply: (@minus_one_needs_more F n.+1 n.+2 1); rewrite mul1n.
case: n => [|[|n]] // _; have [odd_n|even_n] := boolP (odd n).
  have d0 : 0 < \det (const_mx 2 - 1%:M : 'M[F]_n.+2).
    by rewrite det_twos -signr_odd /= negbK odd_n expr1 mulN1r opprB subr_gt0 -mulrnA ltr1n mul2n !doubleS.
  exists (block_mx (diag_mx (first_entry n.+1 (\det (const_mx 2 - 1%:M : 'M[F]_n.+2))^-1)) 0 0
    (const_mx 2 - 1%:M)) => [|Ks].
    by rewrite det_ublock det_first_entry mulVf ?gt_eqF.
  apply: scaled_twos_need_six => // i; rewrite mxE; case: ifP => _; rewrite ?ltr01 ?invr_gt0 //.
exists (block_mx (- 1%:M) 0 0 1%:M) => [|Ks]; last exact: minus_one_need_six.
by rewrite det_minus_one -signr_odd /= negbK (negbTE even_n) expr0.
Qed.
