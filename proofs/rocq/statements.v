(* The headline statements, in MathComp's own words.

   Role.  To trust the theorems one has to trust the kernel of Rocq and to
   understand the statements of this file; nothing of ours occurs in them.  Each
   proof is one line that points to the file where the work is done, and each is
   followed by the list of axioms it depends on, which is empty.

   MathComp's notation.  'M[F]_n is the type of n x n matrices over F,
   'M[F]_(p, q) of p x q matrices, 'cV[F]_n of columns; *m multiplies matrices;
   1%:M is the identity; block_mx A B C D is [A B; C D]; col_mx x y is x above
   y; ulsubmx, ursubmx, dlsubmx, drsubmx are the upper left, upper right, lower
   left and lower right blocks; A \in unitmx says that A is invertible; diag_mx s
   is diagonal, with the row s : 'rV[F]_n on the diagonal; \big[mulmx/1%:M]_(..)
   is a product, from left to right.  A numFieldType is a field like rat, the real
   or the complex numbers; 0 < z says of a complex z that it is real and positive.
   A fieldType with more than n elements is one with a list s without repetitions
   (uniq s) that is longer than n (n < size s); finite or not does not matter.

   Hence block_mx 1%:M X 0 1%:M is the shear U X and block_mx 1%:M 0 Y 1%:M the
   shear L Y of the other files. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix mxalgebra rat.
From exactflow Require Import shears six_suffice five_do_not zero_padding.
From exactflow Require Import positive_scales unequal_lower unequal_upper.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

(* Over a field with more than n elements, every matrix of determinant 1 is a
   product of six shears. *)
Theorem six_shears (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 ->
  exists W0 X Y Z W V : 'M[F]_n,
    M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
        block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
        block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M.
Proof. by move=> us large; apply: six_LULULU us large M. Qed.
Print Assumptions six_shears.

(* The same in the other order. *)
Theorem six_shears_other_order (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 ->
  exists X Y Z W V T : 'M[F]_n,
    M = block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
        block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
        block_mx 1%:M V 0 1%:M *m block_mx 1%:M 0 T 1%:M.
Proof. by move=> us large; apply: six_ULULUL us large M. Qed.
Print Assumptions six_shears_other_order.

(* Over the rationals: exactly the matrices of determinant 1. *)
Theorem six_shears_rat n (M : 'M[rat]_(n + n)) :
  \det M = 1 <->
  exists W0 X Y Z W V : 'M[rat]_n,
    M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
        block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
        block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M.
Proof.
split=> [|[W0 [X [Y [Z [W [V ->]]]]]]]; last exact: det_six.
by have [s us large] := num_seq rat n; apply: six_LULULU us large M.
Qed.
Print Assumptions six_shears_rat.

(* Five suffice if the lower left block is invertible. *)
Theorem five_shears_lower_left (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 -> dlsubmx M \in unitmx ->
  exists X Y Z W V : 'M[F]_n,
    M = block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
        block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
        block_mx 1%:M V 0 1%:M.
Proof. by move=> us large dM uC; apply: five_ULULU us large M uC dM. Qed.
Print Assumptions five_shears_lower_left.

(* Five suffice, in the other order, if the upper right block is invertible. *)
Theorem five_shears_upper_right (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 -> ursubmx M \in unitmx ->
  exists X Y Z W V : 'M[F]_n,
    M = block_mx 1%:M 0 X 1%:M *m block_mx 1%:M Y 0 1%:M *m
        block_mx 1%:M 0 Z 1%:M *m block_mx 1%:M W 0 1%:M *m
        block_mx 1%:M 0 V 1%:M.
Proof. by move=> us large dM uB; apply: five_LULUL us large M uB dM. Qed.
Print Assumptions five_shears_upper_right.

(* Six cannot be replaced by five: over every field, for every n >= 2. *)
Theorem five_shears_do_not_suffice (F : fieldType) n : (1 < n)%N ->
  exists M : 'M[F]_(n + n),
  [/\ \det M = 1,
      forall X Y Z W V : 'M[F]_n,
        M <> block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
             block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
             block_mx 1%:M V 0 1%:M &
      forall X Y Z W V : 'M[F]_n,
        M <> block_mx 1%:M 0 X 1%:M *m block_mx 1%:M Y 0 1%:M *m
             block_mx 1%:M 0 Z 1%:M *m block_mx 1%:M W 0 1%:M *m
             block_mx 1%:M 0 V 1%:M].
Proof. by case: n => [|[|n]] // _; apply: five_not_enough. Qed.
Print Assumptions five_shears_do_not_suffice.

(* Zero padding: an invertible A acts by three shears. *)
Theorem zero_padding_by_three (R : comUnitRingType) n (A : 'M[R]_n) (x : 'cV[R]_n) :
  A \in unitmx ->
  block_mx 1%:M 0 (- 1%:M) 1%:M *m block_mx 1%:M (1%:M - invmx A) 0 1%:M *m
  block_mx 1%:M 0 A 1%:M *m col_mx x 0 = col_mx (A *m x) 0.
Proof. by move=> uA; apply: zero_padding_three uA x. Qed.
Print Assumptions zero_padding_by_three.

(* Two shears, in either order, act as A only if A = 1. *)
Theorem zero_padding_not_by_two (R : comUnitRingType) n (A X Y : 'M[R]_n) :
  (forall x : 'cV[R]_n,
     block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m col_mx x 0
     = col_mx (A *m x) 0) \/
  (forall x : 'cV[R]_n,
     block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M X 0 1%:M *m col_mx x 0
     = col_mx (A *m x) 0) ->
  A = 1%:M.
Proof. exact: zero_padding_two. Qed.
Print Assumptions zero_padding_not_by_two.

(* Only invertible matrices act by invertible ones, shears or not. *)
Theorem zero_padding_needs_invertible
    (R : comUnitRingType) n (A : 'M[R]_n) (M : 'M[R]_(n + n)) :
  M \in unitmx -> (forall x : 'cV[R]_n, M *m col_mx x 0 = col_mx (A *m x) 0) ->
  A \in unitmx.
Proof. exact: zero_padding_unit. Qed.
Print Assumptions zero_padding_needs_invertible.

(* Positive scales: over every numFieldType, a matrix with \det M > 0 is a product
   of six couplings, five of them shears; the scale of the sixth is \det M in one
   entry and 1 in the others. *)
Theorem six_couplings_one_scale (F : numFieldType) n (M : 'M[F]_(n.+1 + n.+1)) :
  0 < \det M ->
  exists W0 X Y Z W V : 'M[F]_n.+1,
    M = block_mx 1%:M 0 W0 (diag_mx (\row_i (if i == 0 then \det M else 1))) *m
        block_mx 1%:M X 0 1%:M *m
        block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
        block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M.
Proof.
move=> dM; have [s us large] := num_seq F n.+1.
by apply: six_couplings us large _; rewrite gt_eqF.
Qed.
Print Assumptions six_couplings_one_scale.

(* \det M > 0 is necessary for any number of couplings with positive scales, and
   any split p + q of the coordinates. *)
Theorem couplings_preserve_orientation
    (F : numFieldType) p q (Ks : seq 'M[F]_(p + q)) :
  (forall K, K \in Ks ->
    (exists (s : 'rV[F]_p) X,
       (forall i, 0 < s 0 i) /\ K = block_mx (diag_mx s) X 0 1%:M) \/
    (exists (s : 'rV[F]_q) Y,
       (forall i, 0 < s 0 i) /\ K = block_mx 1%:M 0 Y (diag_mx s))) ->
  0 < \det (\big[mulmx/1%:M]_(K <- Ks) K).
Proof. exact: det_couplings_gt0. Qed.
Print Assumptions couplings_preserve_orientation.

(* Together, for the equal split: exactly the matrices with \det M > 0 are
   products of couplings, and six are enough. *)
Theorem couplings_iff_orientation (F : numFieldType) n (M : 'M[F]_(n.+1 + n.+1)) :
  0 < \det M <->
  exists Ks : seq 'M[F]_(n.+1 + n.+1),
  [/\ size Ks = 6,
      forall K, K \in Ks ->
        (exists (s : 'rV[F]_n.+1) X,
           (forall i, 0 < s 0 i) /\ K = block_mx (diag_mx s) X 0 1%:M) \/
        (exists (s : 'rV[F]_n.+1) Y,
           (forall i, 0 < s 0 i) /\ K = block_mx 1%:M 0 Y (diag_mx s)) &
      M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof. exact: det_gt0P. Qed.
Print Assumptions couplings_iff_orientation.

(* Positive scales do not make five enough.  If the diagonal entries of D are
   >= 0, those of A^-1 are <= 0, and not all of them vanish, then diag(A, D) is
   a product of five couplings in neither order. *)
Theorem opposed_blocks_need_six (F : numFieldType) n (A D : 'M[F]_n)
    (s1 s2 s3 s4 s5 : 'rV[F]_n) (X Y Z W V : 'M[F]_n) :
  A \in unitmx -> (forall i, 0 <= D i i) -> (forall i, invmx A i i <= 0) ->
  (exists i, D i i != 0 \/ invmx A i i != 0) ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i]) ->
  block_mx A 0 0 D <>
    block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 Y (diag_mx s2) *m
    block_mx (diag_mx s3) Z 0 1%:M *m block_mx 1%:M 0 W (diag_mx s4) *m
    block_mx (diag_mx s5) V 0 1%:M /\
  block_mx A 0 0 D <>
    block_mx 1%:M 0 X (diag_mx s1) *m block_mx (diag_mx s2) Y 0 1%:M *m
    block_mx 1%:M 0 Z (diag_mx s3) *m block_mx (diag_mx s4) W 0 1%:M *m
    block_mx 1%:M 0 V (diag_mx s5).
Proof. by move=> uA D_ge0 a_le0 nz s_gt0; apply: opposed_not_five. Qed.
Print Assumptions opposed_blocks_need_six.

(* In particular diag(-1, 1), whose determinant is 1 if n is even. *)
Theorem minus_one_needs_six_couplings (F : numFieldType) n
    (s1 s2 s3 s4 s5 : 'rV[F]_n) (X Y Z W V : 'M[F]_n) : (0 < n)%N ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i]) ->
  block_mx (- 1%:M) 0 0 1%:M <>
    block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 Y (diag_mx s2) *m
    block_mx (diag_mx s3) Z 0 1%:M *m block_mx 1%:M 0 W (diag_mx s4) *m
    block_mx (diag_mx s5) V 0 1%:M /\
  block_mx (- 1%:M) 0 0 1%:M <>
    block_mx 1%:M 0 X (diag_mx s1) *m block_mx (diag_mx s2) Y 0 1%:M *m
    block_mx 1%:M 0 Z (diag_mx s3) *m block_mx (diag_mx s4) W 0 1%:M *m
    block_mx 1%:M 0 V (diag_mx s5).
Proof.
case: n s1 s2 s3 s4 s5 X Y Z W V => // n s1 s2 s3 s4 s5 X Y Z W V _ s_gt0.
exact: minus_one_not_five_couplings.
Qed.
Print Assumptions minus_one_needs_six_couplings.

Theorem minus_one_determinant (R : comUnitRingType) n :
  \det (block_mx (- 1%:M) 0 0 1%:M : 'M[R]_(n + n)) = (- 1) ^+ n.
Proof. exact: det_minus_one. Qed.
Print Assumptions minus_one_determinant.

(* Unequal splits p + q, lower bound.  If 1 is an eigenvalue neither of the lower
   right block of M nor of that of M^-1, and k p < q, then M is a product of
   2 (k + 1) alternating shears in neither order.  With k + 1 = ceil(q/p): at
   least 2 ceil(q/p) + 1 layers. *)
Theorem unequal_splits_lower_bound (F : fieldType) p q k (M : 'M[F]_(p + q)) :
  (k * p < q)%N ->
  drsubmx M - 1%:M \in unitmx -> drsubmx (invmx M) - 1%:M \in unitmx ->
  forall (X : nat -> 'M[F]_(p, q)) (Y : nat -> 'M[F]_(q, p)),
  M <> \big[mulmx/1%:M]_(i < k.+1)
         (block_mx 1%:M (X i) 0 1%:M *m block_mx 1%:M 0 (Y i) 1%:M) /\
  M <> \big[mulmx/1%:M]_(i < k.+1)
         (block_mx 1%:M 0 (Y i) 1%:M *m block_mx 1%:M (X i) 0 1%:M).
Proof. exact: unequal_lower_bound. Qed.
Print Assumptions unequal_splits_lower_bound.

(* Such matrices of determinant 1 exist, over every field of at least 3 elements. *)
Theorem unequal_splits_lower_bound_example (F : fieldType) p q k (t : F) :
  t != 0 -> t != 1 -> (0 < p)%N -> (k * p < q)%N ->
  exists2 M : 'M[F]_(p + q), \det M = 1 &
  forall (X : nat -> 'M[F]_(p, q)) (Y : nat -> 'M[F]_(q, p)),
  M <> \big[mulmx/1%:M]_(i < k.+1)
         (block_mx 1%:M (X i) 0 1%:M *m block_mx 1%:M 0 (Y i) 1%:M) /\
  M <> \big[mulmx/1%:M]_(i < k.+1)
         (block_mx 1%:M 0 (Y i) 1%:M *m block_mx 1%:M (X i) 0 1%:M).
Proof. by case: p => // p t0 t1 _; apply: unequal_example t0 t1. Qed.
Print Assumptions unequal_splits_lower_bound_example.

(* Upper bound, for p <= q <= m p and over a field with more than p elements:
   2 m + 4 layers, that is, m + 2 pairs.  With m = ceil(q/p): 2 ceil(q/p) + 4. *)
Theorem unequal_splits_upper_bound
    (F : fieldType) (s : seq F) p q m (M : 'M[F]_(p + q)) :
  uniq s -> (p < size s)%N -> (0 < m)%N ->
  (p <= q)%N -> (q <= m * p)%N -> \det M = 1 ->
  exists (X : nat -> 'M[F]_(p, q)) (Y : nat -> 'M[F]_(q, p)),
    M = \big[mulmx/1%:M]_(i < m.+2)
          (block_mx 1%:M 0 (Y i) 1%:M *m block_mx 1%:M (X i) 0 1%:M).
Proof. by move=> us large; apply: unequal_upper_bound us large m q M. Qed.
Print Assumptions unequal_splits_upper_bound.

(* If the lower left block has rank p, 2 m + 3 layers. *)
Theorem unequal_splits_full_rank
    (F : fieldType) (s : seq F) p q m (M : 'M[F]_(p + q)) :
  uniq s -> (p < size s)%N -> (0 < m)%N ->
  (p <= q)%N -> (q <= m * p)%N -> \det M = 1 ->
  \rank (dlsubmx M) = p ->
  exists (X0 : 'M[F]_(p, q)) (X : nat -> 'M[F]_(p, q)) (Y : nat -> 'M[F]_(q, p)),
    M = block_mx 1%:M X0 0 1%:M *m
        \big[mulmx/1%:M]_(i < m.+1)
          (block_mx 1%:M 0 (Y i) 1%:M *m block_mx 1%:M (X i) 0 1%:M).
Proof. by move=> us large; apply: unequal_rank_p us large m q M. Qed.
Print Assumptions unequal_splits_full_rank.
