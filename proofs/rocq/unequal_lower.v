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

     unequal_lower_bound_diag   if M = diag(A, D), it is not one of 2 k + 3 layers, either
     unequal_example      diag(A, t), with A = diag(t^-q, 1, ..) and t a scalar other
                          than 0 and 1, is such a matrix
     five_not_enough_odd  for (n, n + 1): it is no product of five layers

   Take k + 1 = ceil(q/p): 2 ceil(q/p) layers are too few, and for diag(A, t) one more
   is, too.  (A shorter product is one of as many layers, some of which are the identity.)

   Plan.  Of the k + 1 factors L one does not count: an L on the right end leaves
   D alone, and one on the left end leaves d alone. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix mxalgebra.
From exactflow Require Import shears.
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
End LowerBound.

(* For diag(A, D) one layer more: an odd layer on the left end leaves D and d alone. *)
Theorem unequal_lower_bound_diag (F : fieldType) p q k (A : 'M[F]_p) (D : 'M[F]_q) :
  (k * p < q)%N -> block_mx A 0 0 D \in unitmx -> D - 1%:M \in unitmx ->
  forall X0 Y0 X Y, block_mx A 0 0 D <> U X0 *m pairs_LU k.+1 X Y /\
                    block_mx A 0 0 D <> L Y0 *m pairs_UL k.+1 X Y.
Proof.
set M := block_mx A 0 0 D => small uM uD X0 Y0 X Y.
have uAD : A \in unitmx /\ D \in unitmx.
  by apply/andP; move: uM; rewrite unitmxE det_ublock unitrM -!unitmxE.
have [uA uDu] := uAD.
have iM : invmx M = block_mx (invmx A) 0 0 (invmx D).
  rewrite -[RHS](mulKmx uM) /M; blocks.
  by rewrite !mulmxV // -scalar_mx_block mulmx1.
have ud : invmx D - 1%:M \in unitmx.
  rewrite -(mulKmx uDu (_ - _)) mulmxBr mulmxV // mulmx1 unitmx_mul unitmx_inv uDu.
  by rewrite -opprB -scaleN1r unitmxZ ?unitrN1.
move: small; rewrite ltnNge => /negP small; split=> e; apply: small.
  rewrite -(mxrank_unit ud); have <- : drsubmx (invmx (pairs_LU k.+1 X Y)) = invmx D.
    have -> : pairs_LU k.+1 X Y = U (- X0) *m M by rewrite e mul_UK.
    have -> : invmx (U (- X0) *m M) = invmx M *m U X0.
      have uUM : U (- X0) *m M \in unitmx by rewrite unitmx_mul unit_U.
      apply: (can_inj (mulmxK uUM)); rewrite mulVmx // -mulmxA -{1}[X0]opprK mul_UK.
      by rewrite mulVmx.
    by rewrite iM mul_block_U block_mxKdr mul0mx addr0.
  exact: rank_lower_left.
rewrite -(mxrank_unit uD); have <- : drsubmx (pairs_UL k.+1 X Y) = D.
  rewrite -[pairs_UL _ _ _](mul_LK Y0) -e mul_L block_mxKdr mulmx0 addr0.
  by [].
exact: rank_lower_right.
Qed.

(* An example: diag(A, t) with t a scalar other than 0 and 1. *)
Theorem unequal_example (F : fieldType) p q k (t : F) : t != 0 -> t != 1 ->
  (k * p.+1 < q)%N ->
  exists2 M : 'M[F]_(p.+1 + q), \det M = 1 &
    forall X0 Y0 X Y, M <> U X0 *m pairs_LU k.+1 X Y /\ M <> L Y0 *m pairs_UL k.+1 X Y.
Proof.
move=> t0 t1 small; pose a : 'rV[F]_p.+1 := \row_i if i == 0 then t ^- q else 1.
have da : \det (diag_mx a) = t ^- q.
  rewrite det_diag (bigD1 ord0) //= mxE eqxx big1 ?mulr1 // => i /negbTE i0.
  by rewrite mxE i0.
have dM : \det (block_mx (diag_mx a) 0 0 (t%:M : 'M_q)) = 1.
  by rewrite det_ublock da det_scalar mulVf // expf_neq0.
exists (block_mx (diag_mx a) 0 0 t%:M) => //; apply: unequal_lower_bound_diag => //.
  by rewrite unitmxE dM unitr1.
by rewrite -raddfB unitmxE det_scalar unitrX // unitfE subr_eq0.
Qed.

(* Halves of n and n + 1 entries: five layers are too few, in both orders. *)
Corollary five_not_enough_odd (F : fieldType) n (t : F) : t != 0 -> t != 1 ->
  exists M : 'M[F]_(n.+1 + n.+2),
  [/\ \det M = 1, forall X Y Z W V, M <> U X *m L Y *m U Z *m L W *m U V &
                   forall X Y Z W V, M <> L X *m U Y *m L Z *m U W *m L V].
Proof.
move=> t0 t1; have [|M dM hM] := @unequal_example F n n.+2 1 t t0 t1.
  by rewrite mul1n.
exists M; split=> // [X Y Z W V|Y X W Z V] e.
  pose Xs i := if i is 0 then Z else V; pose Ys i := if i is 0 then Y else W.
  have [+ _] := hM X Y Xs Ys; apply.
  by rewrite e /pairs_LU !big_ord_recr big_ord0 /= mul1mx !mulmxA.
pose Xs i := if i is 0 then X else Z; pose Ys i := if i is 0 then W else V.
have [_] := hM X Y Xs Ys; apply.
by rewrite e /pairs_UL !big_ord_recr big_ord0 /= mul1mx !mulmxA.
Qed.
