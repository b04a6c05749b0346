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
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix mxalgebra.
From exactflow Require Import shears stable_range commutator.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

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
