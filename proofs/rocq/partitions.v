(* Halves of p <= q entries: how many shears some matrices need, and how many do for all.

   First, over every commutative ring with units:
     word_even            a block diagonal product of 2 k + 1 alternating shears is one of 2 k
     shears_even          the same of at most 2 k + 1 shears in any order *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import ssralg ssrnum zmodp poly matrix mxalgebra mxpoly rat.
From exactflow.certificates Require Import shears.
From exactflow Require Import six.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Local Open Scope ring_scope.

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
  by rewrite mul_U mul_block_U; blocks; rewrite mulmxA mulKVmx.
exists (L (invmx D *m X *m A)); first by eexists.
apply: (can_inj (mul_LK X)); rewrite mulmxA -eM.
by rewrite mul_L mul_block_L; blocks; rewrite mulmxA mulKVmx.
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
  by rewrite -[RHS](mulKmx uM); blocks; rewrite !mulmxV // -scalar_mx_block mulmx1.
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
exists (col_mx 0 1%:M), (col_mx 0 1%:M), (row_mx 0 (- 2%:M)), (row_mx 0 (- 2%:M)).
have e : 1%:M - 2%:M = - 1%:M :> 'M[R]_1.
  by rewrite -raddfB -raddfN; congr (_%:M); rewrite opprD addNKr.
rewrite -!mulmxA [L _ in RHS]/L !mul_U mul_L mul_U !mulmx1 !mul_col_row !mulmx0 !mul0mx.
rewrite (scalar_mx_block 1 1) !add0r !mul1mx !add_block_mx !mul_row_block !mul_row_col !addr0.
rewrite !mulmx0 !add0r !mulmx1 e add_row_mx !mulmxN mulmx1 opprK addNr.
by rewrite !addr0 row_mx0 mulmx0 mulmx1 subrr addr0.
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
Proof. by rewrite /basis; blocks. Qed.

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
Proof. by move=> hg; rewrite /basis /U; blocks; rewrite (mulmx1C hg). Qed.

Lemma conj_basisL p q (g h : 'M[F]_q) (Y : 'M_(q, p)) : h *m g = 1%:M ->
  basis p g *m L Y *m basis p h = L (g *m Y).
Proof. by move=> hg; rewrite /basis /L; blocks; rewrite (mulmx1C hg). Qed.

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
rewrite -[M]submxK -[N]submxK mulmx_block !embed_block [RHS]mulmx_block.
rewrite mul_row_col mul_col_row mulmx_block mul_mx_row mul_col_mx.
rewrite mul_row_block mul_block_col; blocks.
by rewrite add_row_mx add_col_mx add_block_mx !addr0 !add0r.
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
  rewrite mulmx_block mul_col_row; blocks.
  by rewrite add_block_mx e !addr0 -scalar_mx_block.
exists (lsubmx W), (usubmx (invmx (C' + W *m A'))).
have := mulVmx uW; move: (invmx _) => N.
rewrite -{1}[W]hsubmxK /A' /C' mul_row_block.
rewrite add_row_mx; blocks; rewrite -{1}[N]vsubmxK mul_col_row scalar_mx_block.
by case/eq_block_mx.
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
  rewrite /Y mulmxN mul_block_col mulKVmx //; blocks.
  rewrite opp_col_mx add_col_mx subrr; congr col_mx.
  by rewrite addrAC subrK subKr.
have eD : block_mx d1 d2 0 1%:M + col_mx C2 0 *m X = block_mx d1 0 0 1%:M.
  rewrite /X mulmxN mul_col_row C2x; blocks.
  by rewrite opp_block_mx add_block_mx !oppr0 !addr0 subrr.
rewrite mul_block_L eC -/A2 mul_block_U eD -/B2 mul_U mul_row_col mul_row_block.
blocks.
by rewrite embed_block -{1}[B2]hsubmxK add_row_mx addr0 subrr.
Qed.

Theorem peel p q k (N : 'M[F]_(p + (q + k))) (l : 'M_(p, q + k)) :
  (k <= p)%N -> (p <= q)%N -> \det N = 1 -> l *m dlsubmx N = 1%:M ->
  exists (N2 : 'M_(p + q)) (l2 : 'M_(p, q)),
  [/\ \det N2 = 1, l2 *m dlsubmx N2 = 1%:M & forall r, ULU r N2 -> ULU r.+1 N].
Proof.
move=> kp pq dN lC; have [a [b [c [d [l' [NN' e0 lc]]]]]] := inverse_blocks dN lC.
have [H [HC uHc]] := exists_projection lC lc.
move: dN HC e0 NN' {lC}; rewrite -[N]submxK block_mxKdl block_mxKdr.
move: (ulsubmx N) (ursubmx N) (dlsubmx N) (drsubmx N) => A B C D dN HC e0 NN'.
pose V := H *m D - H; pose D' := D - C *m V; pose B' := B - A *m V.
have HD' : H *m D' = H by rewrite mulmxBr mulmxA HC mul1mx subKr.
have eNV : block_mx A B C D *m U (- V) = block_mx A B' C D'.
  by rewrite mul_block_U !mulmxN.
have uD' : D' \in unitmx.
  apply: (@unit_lower_right _ _ A B' C D' (a + V *m c) (b + V *m d) c d).
    by rewrite -eNV -mul_U -mulmxA mul_UK NN'.
  have -> : a + V *m c = - (H *m c).
    rewrite mulmxBl -[a]mul1mx -HC -!mulmxA addrA -mulmxDr e0 mulmx0 add0r.
    by [].
  by rewrite -scaleN1r unitmxZ ?unitrN1.
pose E : 'M[F]_(k, p) := pid_mx k; pose K := E *m H.
have KC : K *m C = E by rewrite -mulmxA HC mulmx1.
have KD' : K *m D' = K by rewrite -mulmxA HD'.
have [|h0 _ uh] := @complete_rows _ _ K (C *m pid_mx k).
  by rewrite mulmxA KC mul_pid_mx minnn (minn_idPr kp) pid_mx_1.
set h := col_mx h0 K in uh; pose g := invmx h.
have hg : h *m g = 1%:M by apply: mulmxV.
have Kg : K *m g = row_mx 0 1%:M.
  by move: hg; rewrite mul_col_mx scalar_mx_block block_mxEv => /eq_col_mx[].
pose d1 := lsubmx (h0 *m D' *m g); pose d2 := rsubmx (h0 *m D' *m g).
have hD'g : h *m D' *m g = block_mx d1 d2 0 1%:M.
  by rewrite !mul_col_mx KD' Kg block_mxEv hsubmxK.
have u1 : d1 \in unitmx.
  have : h *m D' *m g \in unitmx by rewrite !unitmx_mul uh uD' unitmx_inv.
  by rewrite hD'g !unitmxE det_ublock det1 mulr1.
have [T [X [Y [N2 [l2 [lN2 eN2]]]]]] :=
  clear_corner A (B' *m g) (h0 *m C) E d2 u1 kp pq.
pose P := basis p h *m block_mx A B' C D' *m basis p g.
have eP : P = block_mx A (B' *m g) (col_mx (h0 *m C) E) (block_mx d1 d2 0 1%:M).
  by rewrite /P /basis; blocks; rewrite hD'g mul_col_mx KC.
rewrite -eP in eN2; exists N2, l2; split=> // [|r].
  rewrite -(det_embed k) -eN2 !det_mulmx !(det_U, det_L) mul1r !mulr1 mulrAC.
  rewrite -!det_mulmx basisM hg basis1 mul1mx -eNV det_mulmx dN det_U mulr1.
  by [].
move/(ULU_embed k); rewrite -eN2 => /(ULU_left (- T))/(ULU_right (- X)).
rewrite mul_UK -(mulmxA _ (U X)) mul_UU addNr U0 mulmx1.
have gh : g *m h = 1%:M by apply: mulVmx.
move/(ULU_basis hg) => hP.
exists (g *m (- Y)), V, (basis p g *m (P *m L Y) *m basis p h).
split=> //; rewrite -(conj_basisL _ hg) -conj_basisM // -(mulmxA P).
rewrite -[in L Y](opprK Y) mul_LL mulmx1 /P !mulmxA basisM gh basis1 mul1mx.
by rewrite -(mulmxA _ (basis p g)) basisM gh basis1 mulmx1 -eNV -mulmxA mul_UU subrr
           U0 mulmx1.
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
rewrite /pairs_LU big_ord_recr /= ltnn -!mulmxA; congr (_ *m (_ *m _)).
by apply: eq_bigr => i _; rewrite ltn_ord.
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
  have [X [Y [Z [W [V ->]]]]] := five_ULULU us large uC dN.
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
have := mulVmx uM; move: (invmx M) => M'; rewrite -{1}[M']submxK -{1}[M]submxK.
rewrite mulmx_block scalar_mx_block => /eq_block_mx[e _ _ _].
move: (ulsubmx M) (ulsubmx M') (dlsubmx M) (ursubmx M') e.
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
case: b => [] [_ [_ [[X1 ->] [_ [_ [[X2 ->] [_ [_ [[X3 ->] [_ [_ [[X4 ->]
  [_ [_ [[X5 ->] [_ [_ [[X6 ->] -> ->]]] ->]]] ->]]] ->]]] ->]]] e]]]; rewrite mulmx1 in e.
  exists (D *m - X6), X1, X2, X3, X4, X5.
  move/(congr1 (mulmx^~ (L (- X6)))): e; rewrite mul_block_L !mul0mx addr0 add0r => ->.
  by rewrite -!mulmxA -{1}[X6]opprK mul_LL mulmx1.
exists (- X1 *m A), X2, X3, X4, X5, X6.
by move/(congr1 (mulmx (L (- X1)))): e; rewrite mul_LK mul_L !mulmx0 addr0 add0r !mulmxA => ->.
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
  rewrite /N; blocks; rewrite -!scalar_mxM mulmxN mul_mx_scalar mul_scalar_mx scalerA subrr.
  by rewrite [beta * (_ * _)]mulrCA mulrA mulrC rab [RHS]scalar_mx_block.
have : U V *m N = L (- W) *m (U (- Z) *m (L (- Y) *m U (- X))).
  by rewrite -[RHS]mulmx1 -inv -e -!mulmxA mul_UK mul_LK mul_UK mul_LK.
rewrite mul_L mul_U mul_U mul_L; blocks; case/eq_block_mx => e1 _ _ _.
rewrite !mulmxN mulNmx !opprK in e1; rewrite -e1.
by rewrite scalerDr scale_scalar_mx mulrC mulmxN scalerN scalemxAr.
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
have [C [X [Y [Z [W [V e]]]]]] := five_of_six w.
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

Lemma det_four_six : \det (block_mx 8%:M 0 0 (- 4^-1)%:M : 'M[rat]_(4 + 6)) = 1.
Proof. by rewrite det_ublock !det_scalar. Qed.

Lemma det_three_five : \det (block_mx 32%:M 0 0 8^-1%:M : 'M[rat]_(3 + 5)) = 1.
Proof. by rewrite det_ublock !det_scalar. Qed.

Corollary four_six_and_three_five_eight :
  (exists X Y, block_mx 8%:M 0 0 (- 4^-1)%:M = pairs_LU 4 X Y :> 'M[rat]_(4 + 6)) /\
  (exists X Y, block_mx 32%:M 0 0 8^-1%:M = pairs_LU 4 X Y :> 'M[rat]_(3 + 5)).
Proof.
have r2 : `|2^-1| = 2^-1 :> rat by rewrite ger0_norm ?invr_ge0.
have half : infinite_order (2^-1 : rat) by split; last exact: (@inverse_powers 2 _ isT r2).
split; first exact: (eight_is_largest _ _ half _).1 _ det_four_six.
exact: (eight_is_largest _ _ half _).1 _ det_three_five.
Qed.
