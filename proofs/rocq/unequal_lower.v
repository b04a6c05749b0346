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
From mathcomp Require Import all_ssreflect ssralg zmodp matrix mxalgebra.
From exactflow Require Import shears words.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

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
Theorem unequal_diagonal (A : 'M[F]_p) (D : 'M[F]_q) k (Ks : seq 'M[F]_(p + q)) : (k * p < q)%N ->
  D - 1%:M \in unitmx -> (forall K, K \in Ks -> shear K) -> (size Ks <= k.+1.*2.+1)%N ->
  block_mx A 0 0 D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> small uD1 shears /(shears_alternate shears)[b] + e; set M := block_mx A 0 0 D in e *.
have : \det M = 1.
  rewrite e; elim: Ks {e} shears => [|K Ks IH] shears; first by rewrite big_nil det1.
  rewrite big_cons det_mulmx IH => [|K' K's]; last by apply: shears; rewrite inE K's orbT.
  by case: (shears K (mem_head _ _)) => [] [X ->]; rewrite ?det_U ?det_L mulr1.
rewrite -e => dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
have [uA uD] : A \in unitmx /\ D \in unitmx.
  by apply/andP; rewrite !unitmxE -unitrM -(det_ublock A 0) -/M dM unitr1.
case=> [K [N [lK wN eM]]]; apply: (@unequal_words (~~ b) M k small).
- by rewrite block_mxKdr.
- have -> : invmx M = block_mx (invmx A) 0 0 (invmx D).
    by rewrite -[RHS](mulKmx uM) /M; blocks; rewrite !mulmxV // -scalar_mx_block mulmx1.
  rewrite block_mxKdr; have -> : invmx D - 1%:M = - (D - 1%:M) *m invmx D.
    by rewrite mulNmx mulmxBl mul1mx mulmxV // opprB.
  by rewrite unitmx_mul unitmx_inv uD -scaleN1r unitmxZ ?unitrN1 ?uD1.
suff [K' lK' ->] : exists2 K', letter b K' & M = N *m K'.
  by apply: (@word_append _ _ _ _ k.*2.+1) wN _; rewrite /= odd_double /= negbK.
case: b lK {wN} => [] [X eK]; rewrite {}eK {K} in eM.
  exists (U (invmx A *m X *m D)); first by eexists.
  apply: (can_inj (mul_UK X)); rewrite mulmxA -eM.
  by rewrite mul_U mul_block_U; blocks; rewrite mulmxA mulKVmx.
exists (L (invmx D *m X *m A)); first by eexists.
apply: (can_inj (mul_LK X)); rewrite mulmxA -eM.
by rewrite mul_L mul_block_L; blocks; rewrite mulmxA mulKVmx.
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
  by apply: unequal_diagonal small _; rewrite -raddfB unitmxE det_scalar unitrX // unitfE subr_eq0.
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
exists (col_mx 0 1%:M), (col_mx 0 1%:M), (row_mx 0 (- 2%:M)), (row_mx 0 (- 2%:M)).
have e : 1%:M - 2%:M = - 1%:M :> 'M[R]_1.
  by rewrite -raddfB -raddfN; congr (_%:M); rewrite opprD addNKr.
rewrite -!mulmxA [L _ in RHS]/L !mul_U mul_L mul_U !mulmx1 !mul_col_row !mulmx0 !mul0mx.
rewrite (scalar_mx_block 1 1) !add0r !mul1mx !add_block_mx !mul_row_block !mul_row_col !addr0.
rewrite !mulmx0 !add0r !mulmx1 e add_row_mx !mulmxN mulmx1 opprK addNr.
by rewrite !addr0 row_mx0 mulmx0 mulmx1 subrr addr0.
Qed.
