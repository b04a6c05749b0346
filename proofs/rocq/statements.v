(* The headline statements, in MathComp's own words.

   Role.  To trust the theorems one has to trust the kernel of Rocq and to
   understand the statements of this file; nothing of ours occurs in them but the
   three abbreviations below.  Each proof is one line that points to the file where
   the work is done.  headlines.v has the main ones in fewer words.

   MathComp's notation.  'M[F]_n is the type of n x n matrices over F,
   'M[F]_(p, q) of p x q matrices, 'cV[F]_n of columns; *m multiplies matrices;
   1%:M is the identity; block_mx A B C D is [A B; C D]; col_mx x y is x above
   y; ulsubmx, ursubmx, dlsubmx, drsubmx are the upper left, upper right, lower
   left and lower right blocks; A \in unitmx says that A is invertible; diag_mx s
   is diagonal, with the row s : 'rV[F]_n on the diagonal; is_diag_mx A says that A
   is diagonal; \big[mulmx/1%:M]_(..) is a product, from left to right; char_poly P
   is the characteristic polynomial of P, \tr P its trace, P^T its transpose.

   Number systems.  A numFieldType is a field like rat, the real or the complex
   numbers; 0 < z says of a complex z that it is real and positive.  An rcfType is a
   real closed field, like the real or the real algebraic numbers.  A fieldType with
   more than n elements is one with a list s without repetitions (uniq s) that is
   longer than n (n < size s); finite or not does not matter.

   Polynomials and minors.  p`_i is the coefficient of X^i in p, and horner_mx P g is
   g(P).  {set 'I_n} are the sets of some of the n indices; the principal minor of N
   at S is written as the determinant of N with the rows and columns outside S
   replaced by those of the identity.

   Hence block_mx 1%:M X 0 1%:M is the shear U X and block_mx 1%:M 0 Y 1%:M the
   shear L Y of the other files. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finset perm ssralg ssrnum ssrint archimedean zmodp matrix.
From mathcomp Require Import mxalgebra rat poly mxpoly.
From exactflow.certificates Require Import shears.
From exactflow Require Import layers involutions orthogonal integers maps.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Local Open Scope ring_scope.

(* Three abbreviations: K is a shear; K is a coupling with positive scales; and f is a coupling as a
   map of columns: it moves the coordinates in M, x_i to s_i x_i + t_i, where the scales s_i, all in
   G, and the shifts t_i are any functions of the coordinates in B. *)
Definition is_shear {R : comUnitRingType} {p q} (K : 'M[R]_(p + q)) :=
  (exists X : 'M_(p, q), K = block_mx 1%:M X 0 1%:M) \/
  (exists Y : 'M_(q, p), K = block_mx 1%:M 0 Y 1%:M).

Definition is_coupling {F : numFieldType} {p q} (K : 'M[F]_(p + q)) :=
  (exists (s : 'rV[F]_p) X, (forall i, 0 < s 0 i) /\ K = block_mx (diag_mx s) X 0 1%:M) \/
  (exists (s : 'rV[F]_q) Y, (forall i, 0 < s 0 i) /\ K = block_mx 1%:M 0 Y (diag_mx s)).

Definition is_coupling_map (R : ringType) (G : {pred R}) d (M B : {set 'I_d})
    (f : 'cV[R]_d -> 'cV[R]_d) := exists s t : 'I_d -> 'cV[R]_d -> R,
  [/\ forall i x, s i x \in G,
      forall i (x y : 'cV_d), (forall j, j \in B -> x j 0 = y j 0) -> s i x = s i y /\ t i x = t i y
    & forall x i, f x i 0 = if i \in M then s i x * x i 0 + t i x else x i 0].

(* Over a field with more than n elements, every matrix of determinant 1 is a
   product of six shears. *)
Theorem six_shears (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 ->
  exists W0 X Y Z W V : 'M[F]_n,
    M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
        block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
        block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M.
Proof. by move=> us large; apply: six_LULULU us large M. Qed.

(* The same in the other order. *)
Theorem six_shears_other_order (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 ->
  exists X Y Z W V T : 'M[F]_n,
    M = block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
        block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
        block_mx 1%:M V 0 1%:M *m block_mx 1%:M 0 T 1%:M.
Proof. by move=> us large; apply: six_ULULUL us large M. Qed.

(* Over the rationals: exactly the matrices of determinant 1. *)
Theorem six_shears_rat n (M : 'M[rat]_(n + n)) :
  \det M = 1 <->
  exists W0 X Y Z W V : 'M[rat]_n,
    M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
        block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
        block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M.
Proof.
split; last by intros [W0 [X [Y [Z [W [V ->]]]]]]; apply: det_six.
by have [s us large] := num_seq rat n; apply: six_LULULU us large M.
Qed.

(* Five suffice if the lower left block is invertible. *)
Theorem five_shears_lower_left (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 -> dlsubmx M \in unitmx ->
  exists X Y Z W V : 'M[F]_n,
    M = block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
        block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
        block_mx 1%:M V 0 1%:M.
Proof. by move=> us large dM uC; apply: five_ULULU us large M uC dM. Qed.

(* Five suffice, in the other order, if the upper right block is invertible. *)
Theorem five_shears_upper_right (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 -> ursubmx M \in unitmx ->
  exists X Y Z W V : 'M[F]_n,
    M = block_mx 1%:M 0 X 1%:M *m block_mx 1%:M Y 0 1%:M *m
        block_mx 1%:M 0 Z 1%:M *m block_mx 1%:M W 0 1%:M *m
        block_mx 1%:M 0 V 1%:M.
Proof. by move=> us large dM uB; apply: five_LULUL us large M uB dM. Qed.

(* Nor are four, in any order: over every field, for every n >= 2. *)
Theorem four_shears_do_not_suffice (F : fieldType) n : (1 < n)%N ->
  exists2 M : 'M[F]_(n + n), \det M = 1 /\ dlsubmx M \in unitmx & forall Ks : seq 'M[F]_(n + n),
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= 4)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by case: n => [|[|n]] // _; apply: four_not_enough. Qed.

(* Six cannot be replaced by five, in any order: over every field, for every n >= 2. *)
Theorem five_shears_do_not_suffice (F : fieldType) n : (1 < n)%N ->
  exists2 M : 'M[F]_(n + n), \det M = 1 & forall Ks : seq 'M[F]_(n + n),
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= 5)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by case: n => [|[|n]] // _; apply: five_not_enough. Qed.

(* Every dimension: halves of n and e + n entries, e = 0 or 1.  Over a field with more
   than n + 1 elements, every matrix of determinant 1 is a product of six shears, in both
   orders. *)
Theorem six_layers_every_dimension (F : fieldType) (s : seq F) e n (M : 'M[F]_(n + (e + n))) :
  (e <= 1)%N -> uniq s -> (n.+1 < size s)%N -> \det M = 1 ->
  (exists (W0 : 'M[F]_(e + n, n)) (X : 'M[F]_(n, e + n)) (Y : 'M[F]_(e + n, n))
          (Z : 'M[F]_(n, e + n)) (W : 'M[F]_(e + n, n)) (V : 'M[F]_(n, e + n)),
    M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
        block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
        block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M) /\
  (exists (X : 'M[F]_(n, e + n)) (Y : 'M[F]_(e + n, n)) (Z : 'M[F]_(n, e + n))
          (W : 'M[F]_(e + n, n)) (V : 'M[F]_(n, e + n)) (T : 'M[F]_(e + n, n)),
    M = block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
        block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
        block_mx 1%:M V 0 1%:M *m block_mx 1%:M 0 T 1%:M).
Proof.
move=> e1 us hs dM.
exact: (conj (six_every_LULULU us hs e1 dM) (six_every_ULULUL us hs e1 dM)).
Qed.

(* Over the rationals, the reals and the like: exactly the matrices of determinant 1. *)
Theorem six_layers_every_dimension_iff (F : numFieldType) e n (M : 'M[F]_(n + (e + n))) :
  (e <= 1)%N ->
  \det M = 1 <->
  exists (W0 : 'M[F]_(e + n, n)) (X : 'M[F]_(n, e + n)) (Y : 'M[F]_(e + n, n))
          (Z : 'M[F]_(n, e + n)) (W : 'M[F]_(e + n, n)) (V : 'M[F]_(n, e + n)),
    M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
        block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
        block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M.
Proof.
move=> e1; split; last by intros [W0 [X [Y [Z [W [V ->]]]]]]; apply: det_six.
by have [s us hs] := num_seq F n.+1; apply: (six_every_LULULU us hs e1).
Qed.

(* Halves of n and n + 1 entries: five if the lower left block has rank n, and, in the
   other order, if the upper right block has. *)
Theorem five_shears_full_rank (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n.+1)) :
  uniq s -> (n.+1 < size s)%N -> \det M = 1 ->
  (\rank (dlsubmx M) = n ->
    exists (X : 'M[F]_(n, n.+1)) (Y : 'M[F]_(n.+1, n)) (Z : 'M[F]_(n, n.+1))
           (W : 'M[F]_(n.+1, n)) (V : 'M[F]_(n, n.+1)),
    M = block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
        block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
        block_mx 1%:M V 0 1%:M) /\
  (\rank (ursubmx M) = n ->
    exists (X : 'M[F]_(n.+1, n)) (Y : 'M[F]_(n, n.+1)) (Z : 'M[F]_(n.+1, n))
           (W : 'M[F]_(n, n.+1)) (V : 'M[F]_(n.+1, n)),
    M = block_mx 1%:M 0 X 1%:M *m block_mx 1%:M Y 0 1%:M *m
        block_mx 1%:M 0 Z 1%:M *m block_mx 1%:M W 0 1%:M *m
        block_mx 1%:M 0 V 1%:M).
Proof.
move=> us hs dM.
exact: (conj (five_ULULU_hyperplane us hs dM) (five_LULUL_hyperplane us hs dM)).
Qed.

(* Otherwise six cannot be replaced by five, in any order: over every field of at least 3
   elements. *)
Theorem five_shears_do_not_suffice_odd (F : fieldType) n (t : F) :
  t != 0 -> t != 1 -> (0 < n)%N ->
  exists2 M : 'M[F]_(n + n.+1), \det M = 1 & forall Ks : seq 'M[F]_(n + n.+1),
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= 5)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by case: n => // n t0 t1 _; apply: (unequal_example (k := 1) t0 t1); rewrite mul1n. Qed.

(* Halves of n and e + n entries, e <= n: five if C has rank n, and C and D C side by side
   have rank e + n, where C is the lower left and D the lower right block. *)
Theorem five_shears_spanning (F : fieldType) (s : seq F) e n (M : 'M[F]_(n + (e + n))) :
  uniq s -> (n.+1 < size s)%N -> \det M = 1 ->
  \rank (dlsubmx M) = n ->
  \rank (row_mx (dlsubmx M) (drsubmx M *m dlsubmx M)) = (e + n)%N ->
  exists (X : 'M[F]_(n, e + n)) (Y : 'M[F]_(e + n, n)) (Z : 'M[F]_(n, e + n))
         (W : 'M[F]_(e + n, n)) (V : 'M[F]_(n, e + n)),
    M = block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
        block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
        block_mx 1%:M V 0 1%:M.
Proof. by move=> us hs; apply: (five_spanning us hs). Qed.

(* Zero padding: an invertible A acts by three shears. *)
Theorem zero_padding_by_three (R : comUnitRingType) n (A : 'M[R]_n) (x : 'cV[R]_n) :
  A \in unitmx ->
  block_mx 1%:M 0 (- 1%:M) 1%:M *m block_mx 1%:M (1%:M - invmx A) 0 1%:M *m
  block_mx 1%:M 0 A 1%:M *m col_mx x 0 = col_mx (A *m x) 0.
Proof. by move=> uA; apply: zero_padding_three uA x. Qed.

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

(* Only invertible matrices act by invertible ones, shears or not. *)
Theorem zero_padding_needs_invertible
    (R : comUnitRingType) n (A : 'M[R]_n) (M : 'M[R]_(n + n)) :
  M \in unitmx -> (forall x : 'cV[R]_n, M *m col_mx x 0 = col_mx (A *m x) 0) ->
  A \in unitmx.
Proof. exact: zero_padding_unit. Qed.

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
by apply: (six_couplings (six_LULULU us large)); rewrite gt_eqF.
Qed.

(* \det M > 0 is necessary for any number of couplings with positive scales, and
   any split p + q of the coordinates. *)
Theorem couplings_preserve_orientation
    (F : numFieldType) p q (Ks : seq 'M[F]_(p + q)) :
  (forall K, K \in Ks -> is_coupling K) ->
  0 < \det (\big[mulmx/1%:M]_(K <- Ks) K).
Proof. exact: det_couplings_gt0. Qed.

(* Together, for the equal split: exactly the matrices with \det M > 0 are
   products of couplings, and six are enough. *)
Theorem couplings_iff_orientation (F : numFieldType) n (M : 'M[F]_(n.+1 + n.+1)) :
  0 < \det M <->
  exists Ks : seq 'M[F]_(n.+1 + n.+1),
  [/\ size Ks = 6,
      forall K, K \in Ks -> is_coupling K &
      M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof. exact: (@det_gt0P F 0). Qed.

(* And in every dimension: halves of n and e + n entries, e = 0 or 1, not both empty. *)
Theorem couplings_iff_orientation_every_dimension (F : numFieldType)
    e n (M : 'M[F]_(n + (e + n))) :
  (e <= 1)%N -> (0 < e + n)%N ->
  0 < \det M <->
  exists Ks : seq 'M[F]_(n + (e + n)),
  [/\ size Ks = 6,
      forall K, K \in Ks -> is_coupling K &
      M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof. exact: det_gt0P. Qed.

(* Positive scales do not make five enough.  Call D and a opposed at k if, up to a
   common factor z, say 1 or -1, the principal k-minors of D are >= 0, those of a are
   <= 0, and not all of them vanish.  (For k = 1 these are the diagonal entries.)  If
   D and A^-1 are opposed, diag(A, D) is no product of five couplings or fewer, in any
   order: so of six exactly, if its determinant is positive. *)
Theorem opposed_blocks_need_six (F : numFieldType) n k (z : F) (A D : 'M[F]_n)
    (Ks : seq 'M[F]_(n + n)) :
  let minor (N : 'M[F]_n) (S : {set 'I_n}) :=
    \det (\matrix_(i, j) if (i \in S) && (j \in S) then N i j else (i == j)%:R) in
  z != 0 ->
  (forall S : {set 'I_n}, #|S| = k -> 0 <= z * minor D S /\ z * minor (invmx A) S <= 0) ->
  (exists2 S : {set 'I_n}, #|S| = k & (minor D S != 0) || (minor (invmx A) S != 0)) ->
  (forall K, K \in Ks -> is_coupling K) ->
  (size Ks <= 5)%N -> block_mx A 0 0 D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> minor z0 signs nz.
exact: opposed_need_six (ex_intro2 _ _ z z0 (conj signs nz)).
Qed.

(* In particular diag(-1, 1), whose determinant is 1 if n is even. *)
Theorem minus_one_needs_six_couplings (F : numFieldType) n (Ks : seq 'M[F]_(n + n)) :
  (0 < n)%N ->
  (forall K, K \in Ks -> is_coupling K) ->
  (size Ks <= 5)%N ->
  block_mx (- 1%:M) 0 0 1%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by move=> n_gt0; apply: minus_one_need_six. Qed.

(* And diag(1, D), D being 1 on the diagonal and 2 elsewhere: opposed at k = 2, while
   all diagonal entries are 1. *)
Theorem two_minors_need_six_couplings (F : numFieldType) n (Ks : seq 'M[F]_(n + n)) :
  (1 < n)%N ->
  (forall K, K \in Ks -> is_coupling K) ->
  (size Ks <= 5)%N ->
  block_mx 1%:M 0 0 (const_mx 2 - 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by move=> n_gt1; apply: twos_need_six. Qed.

(* D has the determinant (-1)^(n - 1) (2 n - 1), which is positive if n is odd. *)
Theorem two_minors_determinant (F : numFieldType) n :
  \det (const_mx 2 - 1%:M : 'M[F]_n) = (- 1) ^+ n * (1 - 2 *+ n).
Proof. exact: det_twos. Qed.

Theorem minus_one_determinant (R : comUnitRingType) n :
  \det (block_mx (- 1%:M) 0 0 1%:M : 'M[R]_(n + n)) = (- 1) ^+ n.
Proof. exact: det_minus_one. Qed.

(* Nor can six be replaced by five in any dimension that is at least 3; for halves of n and n + 1
   entries because of this: diag(A, -1) takes more than 2 (k + 1) + 1 couplings if k p < q. *)
Theorem five_couplings_do_not_suffice (F : numFieldType) e n : (e <= 1)%N -> (2 < n + (e + n))%N ->
  exists2 M : 'M[F]_(n + (e + n)), \det M = 1 & forall Ks : seq 'M[F]_(n + (e + n)),
  (forall K, K \in Ks -> is_coupling K) ->
  (size Ks <= 5)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. exact: six_couplings_sharp. Qed.

Theorem unequal_couplings_diagonal (F : numFieldType) p q k (A : 'M[F]_p)
    (Ks : seq 'M[F]_(p + q)) : (k * p < q)%N ->
  (forall K, K \in Ks -> is_coupling K) ->
  (size Ks <= k.+1.*2.+1)%N -> block_mx A 0 0 (- 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. exact: minus_one_needs_more. Qed.

(* Unequal splits p + q, lower bound.  If 1 is an eigenvalue neither of the lower
   right block of M nor of that of M^-1, and k p < q, then M is no product of
   2 (k + 1) shears or fewer, in any order.  With k + 1 = ceil(q/p): it takes at least
   2 ceil(q/p) + 1. *)
Theorem unequal_splits_lower_bound (F : fieldType) p q k (M : 'M[F]_(p + q))
    (Ks : seq 'M[F]_(p + q)) : (k * p < q)%N ->
  drsubmx M - 1%:M \in unitmx -> drsubmx (invmx M) - 1%:M \in unitmx ->
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= k.+1.*2)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. exact: unequal_any_order. Qed.

(* For diag(A, D), if 1 is no eigenvalue of D, at least 2 ceil(q/p) + 2. *)
Theorem unequal_splits_diagonal (F : fieldType) p q k (A : 'M[F]_p) (D : 'M[F]_q)
    (Ks : seq 'M[F]_(p + q)) : (k * p < q)%N -> D - 1%:M \in unitmx ->
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= k.+1.*2.+1)%N -> block_mx A 0 0 D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. exact: unequal_diagonal. Qed.

(* Such matrices of determinant 1 exist, over every field of at least 3 elements. *)
Theorem unequal_splits_lower_bound_example (F : fieldType) p q k (t : F) :
  t != 0 -> t != 1 -> (0 < p)%N -> (k * p < q)%N ->
  exists2 M : 'M[F]_(p + q), \det M = 1 & forall Ks : seq 'M[F]_(p + q),
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= k.+1.*2.+1)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by case: p => // p t0 t1 _; apply: unequal_example t0 t1. Qed.

(* The smallest: diag(1, -1, -1), where -1 is not 1, is no product of five shears on the
   halves (1, 2).  On (2, 1) it is one of four. *)
Theorem smallest_of_depth_six (F : fieldType) (Ks : seq 'M[F]_(1 + 2)) : (2 : F) != 0 ->
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= 5)%N -> block_mx 1%:M 0 0 (- 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. exact: minus_one_two_needs_six. Qed.

Theorem four_on_the_other_halves (R : comUnitRingType) :
  exists X Z : 'M[R]_(2, 1), exists Y W : 'M[R]_(1, 2),
    block_mx (block_mx 1%:M 0 0 (- 1%:M)) 0 0 (- 1%:M) =
    block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
    block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M :> 'M[R]_(1 + 1 + 1).
Proof. exact: two_one_takes_four. Qed.

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

(* If p < q and p divides q - 1, the lower bound is the largest number that a matrix of determinant 1 needs:
   for q = (m + 1) p + 1, 2 m + 6 = 2 ceil(q/p) + 2, over a field of more than p + 1 elements. *)
Theorem unequal_splits_divisible (F : fieldType) (s : seq F) p m (q := (m.+1 * p).+1)
    (M : 'M[F]_(p + q)) : uniq s -> (p.+1 < size s)%N -> \det M = 1 ->
  exists (X : nat -> 'M[F]_(p, q)) (Y : nat -> 'M[F]_(q, p)),
    M = \big[mulmx/1%:M]_(i < m.+3)
          (block_mx 1%:M 0 (Y i) 1%:M *m block_mx 1%:M (X i) 0 1%:M).
Proof. by move=> us large; apply: (unequal_hyperplane us large). Qed.

(* Two scalar blocks.  diag(alpha, beta), of determinant 1 on halves of p < q entries, with
   r alpha beta = 1 and no power of r 1, is no product of seven shears, unless e = q - p divides p
   and beta = r^(p / e). *)
Theorem scalar_blocks_need_eight (F : fieldType) p q (alpha beta r : F) (Ks : seq 'M[F]_(p + q)) :
  (p < q)%N -> r * (alpha * beta) = 1 -> beta != 1 -> (forall i, (0 < i)%N -> r ^+ i != 1) ->
  ~~ (q - p %| p)%N || (beta != r ^+ (p %/ (q - p))) ->
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= 7)%N -> block_mx alpha%:M 0 0 beta%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. exact: scalar_blocks_seven. Qed.

(* So on halves of p < q <= 2 p entries eight is the largest number that a matrix of determinant 1
   needs, if e does not divide p, or is even: over fields with an element t of infinite order. *)
Theorem eight_is_the_largest (F : fieldType) p q (t : F) :
  (0 < p < q)%N -> (q <= 2 * p)%N -> t != 0 -> (forall i, (0 < i)%N -> t ^+ i != 1) ->
  ~~ (q - p %| p)%N || ~~ odd (q - p) && ((2 : F) != 0) ->
  (forall M : 'M[F]_(p + q), \det M = 1 ->
    exists (X : nat -> 'M[F]_(p, q)) (Y : nat -> 'M[F]_(q, p)),
    M = \big[mulmx/1%:M]_(i < 4) (block_mx 1%:M 0 (Y i) 1%:M *m block_mx 1%:M (X i) 0 1%:M)) /\
  exists2 M : 'M[F]_(p + q), \det M = 1 & forall Ks : seq 'M[F]_(p + q),
  (forall K, K \in Ks -> is_shear K) ->
  (size Ks <= 7)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by move=> pq q2 t0 inf; apply: eight_is_largest pq q2 (conj t0 inf). Qed.

(* A shear whose shift is any function, so also a rounded one, is a bijection of
   the columns over any additive group, the integers among them. *)
Theorem rounded_shears_are_bijections (V : zmodType) p q
    (t : 'M[V]_(p, 1) -> 'M[V]_(q, 1)) (u : 'M[V]_(q, 1) -> 'M[V]_(p, 1)) :
  bijective (fun x : 'M[V]_(p + q, 1) => col_mx (usubmx x) (dsubmx x + t (usubmx x)))
  /\ bijective (fun x : 'M[V]_(p + q, 1) => col_mx (usubmx x + u (dsubmx x)) (dsubmx x)).
Proof. by split; [apply: rounded_lower_bijective | apply: rounded_upper_bijective]. Qed.

(* Over the rationals or the reals: a shear of integers with rounded shift (floor
   of what is 1/2 larger) is the linear shear and a remainder, of at most 1/2 in the
   half that moves and 0 in the other.  inl T moves the second half, inr T the first. *)
Theorem rounded_shear_is_near (R : archiRealFieldType) p q
    (x : 'M[int]_(p + q, 1)) (K : 'M[R]_(q, p) + 'M[R]_(p, q)) :
  let shift m n (T : 'M[R]_(m, n)) (y : 'M[int]_(n, 1)) : 'M[int]_(m, 1) :=
    map_mx (fun z => Num.floor (z + 2%:R^-1)) (T *m map_mx intr y) in
  let rounded (y : 'M[int]_(p + q, 1)) (K : 'M[R]_(q, p) + 'M[R]_(p, q)) := match K with
    | inl T => col_mx (usubmx y) (dsubmx y + shift _ _ T (usubmx y))
    | inr T => col_mx (usubmx y + shift _ _ T (dsubmx y)) (dsubmx y) end in
  let linear K : 'M[R]_(p + q) := match K with
    | inl T => block_mx 1%:M 0 T 1%:M | inr T => block_mx 1%:M T 0 1%:M end in
  let moves (K : 'M[R]_(q, p) + 'M[R]_(p, q)) (j : 'I_(p + q)) := match K with
    | inl _ => p <= j | inr _ => j < p end%N in
  exists2 r : 'cV[R]_(p + q), map_mx intr (rounded x K) = linear K *m map_mx intr x + r &
    forall j, `|r j 0| <= if moves K j then 2%:R^-1 else 0.
Proof. exact: rounded_shear_step. Qed.

(* Any number of them: the integers that come out are, in coordinate i, within half the
   absolute row sums of the products of all later shears, over the halves that moved. *)
Theorem rounded_flow_is_near (R : archiRealFieldType) p q
    (x : 'M[int]_(p + q, 1)) (s : seq ('M[R]_(q, p) + 'M[R]_(p, q))) i :
  let shift m n (T : 'M[R]_(m, n)) (y : 'M[int]_(n, 1)) : 'M[int]_(m, 1) :=
    map_mx (fun z => Num.floor (z + 2%:R^-1)) (T *m map_mx intr y) in
  let rounded (y : 'M[int]_(p + q, 1)) (K : 'M[R]_(q, p) + 'M[R]_(p, q)) := match K with
    | inl T => col_mx (usubmx y) (dsubmx y + shift _ _ T (usubmx y))
    | inr T => col_mx (usubmx y + shift _ _ T (dsubmx y)) (dsubmx y) end in
  let linear K : 'M[R]_(p + q) := match K with
    | inl T => block_mx 1%:M 0 T 1%:M | inr T => block_mx 1%:M T 0 1%:M end in
  let moves (K : 'M[R]_(q, p) + 'M[R]_(p, q)) (j : 'I_(p + q)) := match K with
    | inl _ => p <= j | inr _ => j < p end%N in
  let product s := foldl (fun P K => linear K *m P) 1%:M s in
  `|(map_mx intr (foldl rounded x s) - product s *m map_mx intr x) i 0| <=
    \sum_(k < size s) \sum_(j | moves (nth (inl 0) s k) j) `|product (drop k.+1 s) i j| / 2%:R.
Proof. exact: rounded_flow. Qed.

(* Two couplings with scales D1 and D2 (diagonal matrices are symmetric) and the
   shift D2 Q generate the covariance [A C; C^T B] if Q meets the two equations in
   which S is the Schur complement of B. *)
Theorem two_couplings_generate (R : comUnitRingType) p q (A D1 : 'M[R]_p)
    (B D2 : 'M[R]_q) (C : 'M[R]_(p, q)) (Q : 'M[R]_(q, p)) :
  let S := A - C *m invmx B *m C^T in
  [/\ B \in unitmx, B^T = B, S \in unitmx, D1 \in unitmx & D2 \in unitmx] ->
  D1^T = D1 -> D2^T = D2 ->
  Q *m Q^T = invmx D2 *m B *m invmx D2 - 1%:M ->
  Q^T *m Q = D1 *m invmx S *m D1 - 1%:M ->
  exists X : 'M[R]_(p, q),
    let F := block_mx D1 X 0 1%:M *m block_mx 1%:M 0 (D2 *m Q) D2 in
    F *m F^T = block_mx A C C^T B.
Proof. exact: two_layers_R. Qed.

(* One coupling that moves the second half, with scales D2, generates it for some
   shift iff A = 1 and the Schur complement of A is D2 D2^T. *)
Theorem one_coupling_generates (R : comUnitRingType) p q (A : 'M[R]_p)
    (B D2 : 'M[R]_q) (C : 'M[R]_(p, q)) : B^T = B ->
  (exists T, let F := block_mx 1%:M 0 T D2 in F *m F^T = block_mx A C C^T B) <->
  A = 1%:M /\ B - C^T *m C = D2 *m D2^T.
Proof. exact: one_layer. Qed.

(* Over a real closed field, halves of one or two entries: two couplings with positive
   scales s1 and s2, in either order, generate every positive definite Sigma. *)
Theorem two_couplings_exist (R : rcfType) p q (A : 'M[R]_p) (B : 'M[R]_q)
    (C : 'M[R]_(p, q)) :
  let Sigma := block_mx A C C^T B in
  (0 < p <= 2)%N -> (0 < q <= 2)%N -> Sigma^T = Sigma ->
  (forall x : 'cV[R]_(p + q), x != 0 -> 0 < (x^T *m Sigma *m x) 0 0) ->
  (exists (s1 : 'rV[R]_p) (s2 : 'rV[R]_q) X T,
     let F := block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 T (diag_mx s2) in
     [/\ forall i, 0 < s1 0 i, forall i, 0 < s2 0 i & F *m F^T = Sigma]) /\
  (exists (s1 : 'rV[R]_p) (s2 : 'rV[R]_q) X T,
     let F := block_mx 1%:M 0 T (diag_mx s2) *m block_mx (diag_mx s1) X 0 1%:M in
     [/\ forall i, 0 < s1 0 i, forall i, 0 < s2 0 i & F *m F^T = Sigma]).
Proof. by split; [apply: two_layers_exist | apply: two_layers_exist_LU]. Qed.

(* One coupling with positive scales s generates a positive definite Sigma, of any
   size, iff the half that stays has covariance 1 and the Schur complement is
   diagonal. *)
Theorem one_coupling_exists (R : rcfType) p q (A : 'M[R]_p) (B : 'M[R]_q)
    (C : 'M[R]_(p, q)) :
  let Sigma := block_mx A C C^T B in
  Sigma^T = Sigma ->
  (forall x : 'cV[R]_(p + q), x != 0 -> 0 < (x^T *m Sigma *m x) 0 0) ->
  ((exists (s : 'rV[R]_q) T, let F := block_mx 1%:M 0 T (diag_mx s) in
      (forall i, 0 < s 0 i) /\ F *m F^T = Sigma) <->
    A = 1%:M /\ is_diag_mx (B - C^T *m C)) /\
  ((exists (s : 'rV[R]_p) X, let F := block_mx (diag_mx s) X 0 1%:M in
      (forall i, 0 < s 0 i) /\ F *m F^T = Sigma) <->
    B = 1%:M /\ is_diag_mx (A - C *m C^T)).
Proof. by split; [apply: one_layer_L | apply: one_layer_U]. Qed.

(* If C is invertible then [A B; C D] is U X times [E 0; C Delta] times U Z iff
   E C^-1 Delta is A C^-1 D - B. *)
Theorem three_couplings_iff (R : comUnitRingType) n (A B C D E Delta : 'M[R]_n) :
  C \in unitmx ->
  (exists X Z, block_mx A B C D =
     block_mx 1%:M X 0 1%:M *m block_mx E 0 C Delta *m block_mx 1%:M Z 0 1%:M) <->
  E *m invmx C *m Delta = A *m invmx C *m D - B.
Proof. exact: three_affine. Qed.

(* Four couplings with positive scales are four shears, and then scales s and t. *)
Theorem scales_move_to_the_end (F : numFieldType) n (s1 s2 s3 s4 : 'rV[F]_n)
    (X Y Z W : 'M[F]_n) :
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) ->
  exists X' Y' Z' W' (s t : 'rV[F]_n),
  [/\ forall i, 0 < s 0 i, forall i, 0 < t 0 i &
    block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 Y (diag_mx s2) *m
    block_mx (diag_mx s3) Z 0 1%:M *m block_mx 1%:M 0 W (diag_mx s4) =
    block_mx 1%:M X' 0 1%:M *m block_mx 1%:M 0 Y' 1%:M *m
    block_mx 1%:M Z' 0 1%:M *m block_mx 1%:M 0 W' 1%:M *m
    block_mx (diag_mx s) 0 0 (diag_mx t)].
Proof. exact: scales_last. Qed.

(* If [A B; C D] with the inverse [a b; c d] is four shears U L U L and then diag(E, Delta),
   then D Delta^-1 and E a have one characteristic polynomial. *)
Theorem four_couplings_force (F : fieldType) n
    (A B C D a b c d E Delta X Y Z W : 'M[F]_n) : Delta \in unitmx ->
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  block_mx A B C D =
    block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
    block_mx 1%:M 0 W 1%:M *m block_mx E 0 0 Delta ->
  char_poly (D *m invmx Delta) = char_poly (E *m a).
Proof. move=> u inv /(four_affine inv)[-> ->]; rewrite (mulmxK u); exact: char_poly_YZ. Qed.

(* They are even similar but for the eigenvalue 1: for every polynomial g that does
   not vanish at 1, g (D Delta^-1) and g (E a) have one rank. *)
Theorem four_couplings_force_ranks (F : fieldType) n
    (A B C D a b c d E Delta X Y Z W : 'M[F]_n.+1) (g : {poly F}) : Delta \in unitmx ->
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  block_mx A B C D =
    block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
    block_mx 1%:M 0 W 1%:M *m block_mx E 0 0 Delta ->
  g.[1] != 0 ->
  \rank (horner_mx (D *m invmx Delta) g) = \rank (horner_mx (E *m a) g).
Proof. by move=> u inv /(four_affine inv)[-> ->]; rewrite mulmxK //; apply: rank_YZ. Qed.

(* The coefficients of the characteristic polynomial are the sums of the principal
   minors of one size, up to sign. *)
Theorem principal_minors_are_coefficients (R : comRingType) n (N : 'M[R]_n) k : (k <= n)%N ->
  (char_poly N)`_(n - k) = (-1) ^+ k * \sum_(S : {set 'I_n} | #|S| == k)
    \det (\matrix_(i, j) if (i \in S) && (j \in S) then N i j else (i == j)%:R).
Proof. exact: coef_char_poly. Qed.

(* Positive scales change no sign of a minor.  If D and a are opposed at k, M is no
   product of four couplings in the order U L U L; *)
Theorem opposed_minors_exclude_four (F : numFieldType) n k (z : F)
    (A B C D a b c d : 'M[F]_n) (s1 s2 s3 s4 : 'rV[F]_n) (X Y Z W : 'M[F]_n) :
  let minor (N : 'M[F]_n) (S : {set 'I_n}) :=
    \det (\matrix_(i, j) if (i \in S) && (j \in S) then N i j else (i == j)%:R) in
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  z != 0 ->
  (forall S : {set 'I_n}, #|S| = k -> 0 <= z * minor D S /\ z * minor a S <= 0) ->
  (exists2 S : {set 'I_n}, #|S| = k & (minor D S != 0) || (minor a S != 0)) ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) ->
  block_mx A B C D <>
    block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 Y (diag_mx s2) *m
    block_mx (diag_mx s3) Z 0 1%:M *m block_mx 1%:M 0 W (diag_mx s4).
Proof.
move=> minor inv z0 signs nz; apply: (opposed_not_four inv (k := k)).
exact: ex_intro2 _ _ z z0 (conj signs nz).
Qed.

(* nor of five, U L U L U, if C = 0. *)
Theorem opposed_minors_exclude_five (F : numFieldType) n k (z : F)
    (A B D a b c d : 'M[F]_n) (s1 s2 s3 s4 s5 : 'rV[F]_n) (X Y Z W V : 'M[F]_n) :
  let minor (N : 'M[F]_n) (S : {set 'I_n}) :=
    \det (\matrix_(i, j) if (i \in S) && (j \in S) then N i j else (i == j)%:R) in
  block_mx A B 0 D *m block_mx a b c d = 1%:M ->
  z != 0 ->
  (forall S : {set 'I_n}, #|S| = k -> 0 <= z * minor D S /\ z * minor a S <= 0) ->
  (exists2 S : {set 'I_n}, #|S| = k & (minor D S != 0) || (minor a S != 0)) ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i]) ->
  block_mx A B 0 D <>
    block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 Y (diag_mx s2) *m
    block_mx (diag_mx s3) Z 0 1%:M *m block_mx 1%:M 0 W (diag_mx s4) *m
    block_mx (diag_mx s5) V 0 1%:M.
Proof.
move=> minor inv z0 signs nz; apply: (opposed_not_five inv (k := k)) => //.
exact: ex_intro2 _ _ z z0 (conj signs nz).
Qed.

(* If D and a are opposed at k, and A and d at l, then M is no product of four
   couplings or fewer, in any order. *)
Theorem opposed_minors_need_five (F : numFieldType) n k l (z w : F)
    (A B C D a b c d : 'M[F]_n) (Ks : seq 'M[F]_(n + n)) :
  let minor (N : 'M[F]_n) (S : {set 'I_n}) :=
    \det (\matrix_(i, j) if (i \in S) && (j \in S) then N i j else (i == j)%:R) in
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  z != 0 ->
  (forall S : {set 'I_n}, #|S| = k -> 0 <= z * minor D S /\ z * minor a S <= 0) ->
  (exists2 S : {set 'I_n}, #|S| = k & (minor D S != 0) || (minor a S != 0)) ->
  w != 0 ->
  (forall S : {set 'I_n}, #|S| = l -> 0 <= w * minor A S /\ w * minor d S <= 0) ->
  (exists2 S : {set 'I_n}, #|S| = l & (minor A S != 0) || (minor d S != 0)) ->
  (forall K, K \in Ks -> is_coupling K) ->
  (size Ks <= 4)%N -> block_mx A B C D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> minor inv z0 zs znz w0 ws wnz.
apply: (opposed_need_five inv (k := k) (l := l)).
  exact: ex_intro2 _ _ z z0 (conj zs znz).
exact: ex_intro2 _ _ w w0 (conj ws wnz).
Qed.

(* For example [1 1; 2 1] in n x n blocks, of determinant 1 if n is even: then five
   shears are enough, and four couplings are not. *)
Theorem ones_need_five_couplings (F : numFieldType) n (Ks : seq 'M[F]_(n + n)) :
  (0 < n)%N ->
  (forall K, K \in Ks -> is_coupling K) ->
  (size Ks <= 4)%N ->
  block_mx 1%:M 1%:M 2%:M 1%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof. by move=> n_gt0; apply: block_ones_need_five. Qed.

Theorem ones_are_five_shears (F : numFieldType) n : ~~ odd n ->
  exists X Y Z W V : 'M[F]_n,
    block_mx 1%:M 1%:M 2%:M 1%:M =
    block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
    block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
    block_mx 1%:M V 0 1%:M.
Proof. exact: block_ones_five. Qed.

(* Two involutions, for halves of n and e + n entries: e = 0 is the equal split, e = 1
   that of an odd number of coordinates.  Let [A B; C D] have the inverse [a b; c d], and
   let W0 make C + W0 A orthonormal columns, which the e columns u complete to a square
   orthogonal matrix Ch; let Jh be orthogonal, too.  If K = diag(1, k) is an involution
   that reverses Theta = Jh^T Ch, and K and K Theta have one trace, then [A B; C D] is six
   shears, the first of which is -W0. *)
Theorem six_shears_by_involution (F : numFieldType) e n
    (A a k : 'M[F]_n) (B b : 'M[F]_(n, e + n)) (C c W0 : 'M[F]_(e + n, n))
    (D d : 'M[F]_(e + n)) (u : 'M[F]_(e + n, e)) :
  let Ch : 'M[F]_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M[F]_(e + n) := row_mx ((D + W0 *m B)^T *m u) (d *m W0 - c) in
  let K : 'M[F]_(e + n) := block_mx 1%:M 0 0 k in let Theta := Jh^T *m Ch in
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  Ch^T *m Ch = 1%:M -> Jh^T *m Jh = 1%:M ->
  k *m k = 1%:M -> K *m Theta *m K *m Theta = 1%:M -> \tr (K *m Theta) = \tr K ->
  exists X Y Z W V,
    block_mx A B C D =
      block_mx 1%:M 0 (- W0) 1%:M *m block_mx 1%:M X 0 1%:M *m
      block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
      block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M.
Proof.
by move=> Ch Jh K Theta inv oC oJ kk KT; apply: six_by_involution inv oC oJ kk _; rewrite mulmxA.
Qed.

(* More generally, over every commutative ring with units: it is enough that k and g are
   invertible and that g carries K Theta to K. *)
Theorem six_shears_by_intertwiner (R : comUnitRingType) e n
    (A a k : 'M[R]_n) (B b : 'M[R]_(n, e + n)) (C c W0 : 'M[R]_(e + n, n))
    (D d g : 'M[R]_(e + n)) (u : 'M[R]_(e + n, e)) :
  let Ch : 'M[R]_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M[R]_(e + n) := row_mx ((D + W0 *m B)^T *m u) (d *m W0 - c) in
  let K : 'M[R]_(e + n) := block_mx 1%:M 0 0 k in
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  Ch^T *m Ch = 1%:M -> Jh^T *m Jh = 1%:M ->
  k \in unitmx -> g \in unitmx -> K *m (Jh^T *m Ch) *m g = g *m K ->
  exists X Y Z W V,
    block_mx A B C D =
      block_mx 1%:M 0 (- W0) 1%:M *m block_mx 1%:M X 0 1%:M *m
      block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
      block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M.
Proof. by move=> Ch Jh K inv oC oJ uk; apply: six_by_intertwiner inv oC oJ uk. Qed.

(* Norms.  If [A B; C D] is orthogonal, W0 has norm at most 1, and k and g are orthogonal,
   too, then the shifts W0, X, Y, Z, W and V of the six shears have norms at most 1, 4, 1,
   2, 2 and 2, whatever the dimension: |X x| <= 4 |x|, and so on, in squares. *)
Theorem six_shears_of_bounded_norm (R : realFieldType) e n
    (A k : 'M[R]_n) (B : 'M[R]_(n, e + n)) (C W0 : 'M[R]_(e + n, n))
    (D g : 'M[R]_(e + n)) (u : 'M[R]_(e + n, e)) :
  let Ch : 'M[R]_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M[R]_(e + n) := row_mx ((D + W0 *m B)^T *m u) (D^T *m W0 - B^T) in
  let K : 'M[R]_(e + n) := block_mx 1%:M 0 0 k in
  let bounded s p q (X : 'M[R]_(p, q)) := forall x : 'cV_q,
    ((X *m x)^T *m (X *m x)) 0 0 <= s ^+ 2 * (x^T *m x) 0 0 in
  (block_mx A B C D)^T *m block_mx A B C D = 1%:M ->
  Ch^T *m Ch = 1%:M -> Jh^T *m Jh = 1%:M -> k^T *m k = 1%:M -> g^T *m g = 1%:M ->
  bounded 1 _ _ W0 -> K *m (Jh^T *m Ch) *m g = g *m K ->
  exists X Y Z W V,
    block_mx A B C D =
      block_mx 1%:M 0 (- W0) 1%:M *m block_mx 1%:M X 0 1%:M *m
      block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
      block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M /\
    [/\ bounded 4 _ _ X, bounded 1 _ _ Y, bounded 2 _ _ Z, bounded 2 _ _ W
      & bounded 2 _ _ V].
Proof. by move=> Ch Jh K b oM oC oJ ok og bW0 gK; apply: six_bounded oM oC oJ ok og bW0 gK. Qed.

(* Over the integers.  Two involutions K1 and K2 of any two sizes n and q, similar or not
   where n = q, are 1 + Z Y and 1 + Y Z for integer Y and Z iff n - tr K1 = q - tr K2. *)
Theorem integer_involutions_of_equal_trace n q (K1 : 'M[int]_n) (K2 : 'M[int]_q) :
  K1 *m K1 = 1%:M -> K2 *m K2 = 1%:M ->
  n%:R - \tr K1 = q%:R - \tr K2 <->
  exists (Y : 'M[int]_(q, n)) (Z : 'M[int]_(n, q)),
    1%:M + Z *m Y = K1 /\ 1%:M + Y *m Z = K2.
Proof. exact: equal_traces. Qed.

(* Every orthogonal integer matrix is a product of two orthogonal integer involutions; their
   traces agree if its determinant is 1, and differ by 2 if it is -1. *)
Theorem integer_orthogonal_two_involutions n (T : 'M[int]_n) : T *m T^T = 1%:M ->
  exists K L : 'M[int]_n,
  [/\ T = K *m L, K *m K = 1%:M /\ K^T = K, L *m L = 1%:M /\ L^T = L &
      \tr K - \tr L = 1 - \det T].
Proof. by move=> TT; apply: (product_of_involutions int_discrete); apply: mulmx1C. Qed.

(* Over a real closed field, such as the real or the real algebraic numbers, every orthogonal
   matrix is a product of two symmetric involutions; their traces agree if its determinant
   is 1, and differ by 2 if it is -1. *)
Theorem orthogonal_two_involutions (R : rcfType) n (T : 'M[R]_n) : T^T *m T = 1%:M ->
  exists K L : 'M[R]_n,
  [/\ T = K *m L, K *m K = 1%:M /\ K^T = K, L *m L = 1%:M /\ L^T = L &
      \tr K - \tr L = 1 - \det T].
Proof. exact: orthogonal_product. Qed.

(* Over a real closed field W0, k and g exist: every orthogonal matrix of determinant 1, in
   every dimension, even or odd, is six shears of these norms. *)
Theorem every_rotation_is_six_bounded_shears (R : rcfType) e n (M : 'M[R]_(n + (e + n))) :
  let bounded k p q (X : 'M[R]_(p, q)) := forall x : 'cV_q,
    ((X *m x)^T *m (X *m x)) 0 0 <= k ^+ 2 * (x^T *m x) 0 0 in
  (e <= 1)%N -> M^T *m M = 1%:M -> \det M = 1 ->
  exists W0 X Y Z W V,
  [/\ M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
          block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
          block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M,
      bounded 1 _ _ W0, bounded 4 _ _ X, bounded 1 _ _ Y &
      [/\ bounded 2 _ _ Z, bounded 2 _ _ W & bounded 2 _ _ V]].
Proof. by move=> b; apply: six_every_rotation. Qed.

(* So each of the six shears has condition number at most 18. *)
Theorem every_rotation_is_six_of_condition_18 (R : rcfType) e n (M : 'M[R]_(n + (e + n))) :
  let bounded (k : R) (K : 'M[R]_(n + (e + n))) := forall x : 'cV_(n + (e + n)),
    ((K *m x)^T *m (K *m x)) 0 0 <= k ^+ 2 * (x^T *m x) 0 0 in
  (e <= 1)%N -> M^T *m M = 1%:M -> \det M = 1 -> exists Ks : seq 'M[R]_(n + (e + n)),
  [/\ size Ks = 6,
      forall K, K \in Ks -> is_shear K /\
        exists a b : R, [/\ 0 <= a, 0 <= b, a * b <= 18, bounded a K & bounded b (invmx K)] &
      M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof. exact: six_of_condition_18. Qed.

(* A coupling keeps a half, so it has no larger norm than condition number k; a shear, whose
   inverse is itself up to signs, no larger one than the root of k.  So N couplings have norm at
   most k^N, and N shears at most k^(N / 2): here in squares. *)
Theorem norms_from_conditions (R : realFieldType) p q N (k : R) (Ks : seq 'M[R]_(p + q)) :
  let bounded (k : R) (K : 'M[R]_(p + q)) := forall x : 'cV_(p + q),
    ((K *m x)^T *m (K *m x)) 0 0 <= k * (x^T *m x) 0 0 in
  let conditioned K := exists a b : R,
    [/\ 0 <= a, 0 <= b, a * b <= k, bounded (a ^+ 2) K & bounded (b ^+ 2) (invmx K)] in
  (0 < p)%N -> (0 < q)%N -> 1 <= k -> (size Ks <= N)%N ->
  ((forall K, K \in Ks -> is_coupling K /\ conditioned K) ->
    bounded ((k ^+ N) ^+ 2) (\big[mulmx/1%:M]_(K <- Ks) K)) /\
  ((forall K, K \in Ks -> is_shear K /\ conditioned K) ->
    bounded (k ^+ N) (\big[mulmx/1%:M]_(K <- Ks) K)).
Proof. exact: coupling_norms. Qed.

(* The orthogonal integer matrices are the signed permutations: for some permutation s of
   the indices, the one entry of row i that is not 0 is in column s i; it is -1 if b i
   holds and 1 if not. *)
Theorem integer_orthogonal_iff_signed_permutation d (M : 'M[int]_d) :
  M *m M^T = 1%:M <->
  exists (s : {perm 'I_d}) (b : 'I_d -> bool),
    M = \matrix_(i, j) ((-1) ^+ b i *+ (s i == j)).
Proof. exact: (orthogonal_signed_permutation int_discrete). Qed.

(* Every signed permutation of determinant 1, on halves of n and n (e = 0) or n + 1 (e = 1)
   entries, is a product of six shears with integer entries, in both orders.  None of them
   exceeds 2 in absolute value, in each row of a shift the absolute values add up to at most 4,
   and at most 11 n + e entries of the six shifts are not 0. *)
Theorem six_integer_shears e n (M : 'M[int]_(n + (e + n))) :
  let small p q (X : 'M[int]_(p, q)) :=
    (forall i j, `|X i j| <= 2) /\ forall i, \sum_j `|X i j| <= 4 in
  let nonzeros p q (X : 'M[int]_(p, q)) := (\sum_i \sum_j (X i j != 0))%N in
  (e <= 1)%N -> M *m M^T = 1%:M -> \det M = 1 ->
  (exists W0 X Y Z W V,
   [/\ M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
            block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
            block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M,
       small _ _ W0 /\ small _ _ X, small _ _ Y /\ small _ _ Z, small _ _ W /\ small _ _ V &
       (nonzeros _ _ W0 + nonzeros _ _ X + nonzeros _ _ Y + nonzeros _ _ Z + nonzeros _ _ W +
          nonzeros _ _ V <= 11 * n + e)%N]) /\
  (exists X Y Z W V T,
   [/\ M = block_mx 1%:M X 0 1%:M *m block_mx 1%:M 0 Y 1%:M *m
            block_mx 1%:M Z 0 1%:M *m block_mx 1%:M 0 W 1%:M *m
            block_mx 1%:M V 0 1%:M *m block_mx 1%:M 0 T 1%:M,
       small _ _ X /\ small _ _ Y, small _ _ Z /\ small _ _ W, small _ _ V /\ small _ _ T &
       (nonzeros _ _ X + nonzeros _ _ Y + nonzeros _ _ Z + nonzeros _ _ W + nonzeros _ _ V +
          nonzeros _ _ T <= 11 * n + e)%N]).
Proof.
move=> s c e1 MM dM; split; first exact: (six_small_LULULU int_discrete).
exact: (six_small_ULULUL int_discrete).
Qed.

(* Couplings as maps, over every ring, commutative or not.  Scales are from a set G that is closed
   under products: 1 alone, the units, or the positive elements.  iteri N f x is f_(N - 1) (.. (f_0 x)).

   N couplings, each of which moves at most as many coordinates as A has, and reads at most as
   many others as there are, are 2 N - 1 couplings that move A and the others in turn, followed
   by a signed permutation of determinant 1, if A is what the first one moves, or suits it. *)
Theorem couplings_under_one_mask (R : ringType) (G : {pred R}) d N (A : {set 'I_d})
    (M B : nat -> {set 'I_d}) (f : nat -> 'cV[R]_d -> 'cV[R]_d) :
  1 \in G /\ {in G &, forall a b, a * b \in G} ->
  (forall k, (k < N)%N -> is_coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|A|)%N /\ (#|B k| <= #|~: A|)%N) ->
  M 0%N \subset A -> B 0%N \subset ~: A ->
  exists (P : 'M[int]_d) (g : nat -> 'cV[R]_d -> 'cV[R]_d),
  [/\ P *m P^T = 1%:M, \det P = 1,
      forall k, is_coupling_map G (if odd k then ~: A else A) (if odd k then A else ~: A) (g k)
    & forall x, iteri N f x = map_mx intr P *m iteri (2 * N).-1 g x].
Proof. by move=> Gc fC; apply: (one_mask Gc fC). Qed.

(* In all they are 2 N + 4, if A is half of the coordinates, *)
Theorem couplings_under_one_mask_in_all (R : ringType) (G : {pred R}) d N (A : {set 'I_d})
    (M B : nat -> {set 'I_d}) (f : nat -> 'cV[R]_d -> 'cV[R]_d) :
  1 \in G /\ {in G &, forall a b, a * b \in G} ->
  (d./2 <= #|A| <= uphalf d)%N ->
  (forall k, (k < N)%N -> is_coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|A|)%N /\ (#|B k| <= #|~: A|)%N) ->
  M 0%N \subset A -> B 0%N \subset ~: A ->
  exists2 g : nat -> 'cV[R]_d -> 'cV[R]_d,
    forall k, is_coupling_map G (if odd k then ~: A else A) (if odd k then A else ~: A) (g k)
  & forall x, iteri N f x = iteri (2 * N + 4) g x.
Proof. by move=> Gc A2 fC; apply: one_mask_all Gc A2 fC. Qed.

(* and 2 N + 6, if it is any half. *)
Theorem couplings_under_any_mask (R : ringType) (G : {pred R}) d N (C : {set 'I_d})
    (M B : nat -> {set 'I_d}) (f : nat -> 'cV[R]_d -> 'cV[R]_d) :
  1 \in G /\ {in G &, forall a b, a * b \in G} -> (d./2 <= #|C| <= uphalf d)%N ->
  (forall k, (k < N)%N -> is_coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|C|)%N /\ (#|B k| <= #|~: C|)%N) ->
  exists2 g : nat -> 'cV[R]_d -> 'cV[R]_d,
    forall k, is_coupling_map G (if odd k then ~: C else C) (if odd k then C else ~: C) (g k)
  & forall x, iteri N f x = iteri (2 * N + 6) g x.
Proof. by move=> Gc C2 fC; apply: one_mask_other Gc C2 fC. Qed.

(* The permutation is needed: x_k += r x_i is one coupling under a mask that moves k and not i,
   but no three that move A and the others in turn, in either order, if A has i and k, whatever
   the functions are, and scales are units. *)
Theorem three_under_one_mask_insufficient (R : unitRingType) d (A : {set 'I_d}) i k (r : R) :
  let f (x : 'cV[R]_d) := x + (r * x i 0) *: delta_mx k 0 in
  i \in A -> k \in A -> i != k -> r != 0 ->
  is_coupling_map GRing.unit [set k] [set i] f /\
  forall g : nat -> 'cV[R]_d -> 'cV[R]_d,
    (forall j, is_coupling_map GRing.unit
      (if odd j then ~: A else A) (if odd j then A else ~: A) (g j)) \/
    (forall j, is_coupling_map GRing.unit
      (if odd j then A else ~: A) (if odd j then ~: A else A) (g j)) ->
  ~ (forall x, f x = iteri 3 g x).
Proof.
by apply: permutation_needed => //; split=> [|a b ua ub]; rewrite ?unitr1 ?unitrMl.
Qed.

(* Two couplings with scales delta, y2 = delta z2 + t1 z1 and x1 = delta z1 + t2 y2, whose
   shifts read one coordinate and are sums of ramps: t1 has the values b_0, .., b_N, between
   which it changes where the coordinate j of z1 is in the tau behind a knot; t2 is a_i where
   the coordinate k of y2 is at most r from that of b_i.  If delta times the coordinate k of
   z2 is at most r, and z1 is on no ramp, they put z into (a_m + delta z1, b_m + delta z2), m
   the number of knots passed; if z1 is on a ramp, they put it into delta z and a point whose
   halves are between a_m and a_(m + 1), and between b_m and b_(m + 1). *)
Theorem two_couplings_map_near_atoms (R : realFieldType) p q N (a : nat -> 'cV[R]_p)
    (b : nat -> 'cV[R]_q) (knot : nat -> R) (j : 'I_p) (k : 'I_q) (tau delta r : R) :
  let ramp (l h x : R) := if x <= l then 0 else if h <= x then 1 else (x - l) / (h - l) in
  let t1 (z : 'cV_p) := b 0%N +
    \sum_(i < N) ramp (knot i) (knot i + tau) (z j 0) *: (b i.+1 - b i) in
  let t2 (y : 'cV_q) := a 0%N +
    \sum_(i < N) ramp (b i k 0 + r) (b i.+1 k 0 - r) (y k 0) *: (a i.+1 - a i) in
  0 < tau -> (forall i l, (i < l < N)%N -> knot i + tau <= knot l) ->
  (forall i l, (i < l <= N)%N -> r *+ 2 < b l k 0 - b i k 0) ->
  forall (z1 : 'cV_p) (z2 : 'cV_q), `|delta * z2 k 0| <= r -> let y2 := delta *: z2 + t1 z1 in
  exists (m : nat) (u v : R),
  [/\ 0 <= u <= 1, 0 <= v <= 1, y2 = delta *: z2 + (b m + u *: (b m.+1 - b m)) &
      delta *: z1 + t2 y2 = delta *: z1 + (a m + v *: (a m.+1 - a m))] /\
  [/\ (m <= N)%N, forall i, (i < N)%N -> (knot i + tau <= z1 j 0) = (i < m)%N &
      (forall i, (i < N)%N -> ~~ (knot i < z1 j 0 < knot i + tau)) -> u = 0 /\ v = 0].
Proof. exact: two_couplings_with_ramps. Qed.

(* One coupling keeps what it does not move; where it puts two points that differ there into
   c + delta z, delta is 1. *)
Theorem one_coupling_keeps_a_half (R : idomainType) d (M B : {set 'I_d})
    (f : 'cV[R]_d -> 'cV[R]_d) (s t : 'I_d -> 'cV[R]_d -> R) :
  (forall i (x y : 'cV_d), (forall j, j \in B -> x j 0 = y j 0) ->
    s i x = s i y /\ t i x = t i y) ->
  (forall x i, f x i 0 = if i \in M then s i x * x i 0 + t i x else x i 0) ->
  (forall x j, j \notin M -> f x j 0 = x j 0) /\
  forall c delta (x y : 'cV[R]_d) j, j \notin M -> x j 0 != y j 0 ->
    f x = c + delta *: x -> f y = c + delta *: y -> delta = 1.
Proof. by move=> st fE; apply: (@one_coupling_keeps R predT d M B); exists s, t. Qed.

(* Finite maps.  Points are pairs of halves, rows of p and of q entries.  Every map that is injective
   on a finite set of points agrees there with four layers, each of which adds to one half some
   function of the other; *)
Theorem four_layers_any_finite_map (F : numDomainType) p q (X : seq ('rV[F]_p * 'rV[F]_q))
    (pi : 'rV[F]_p * 'rV[F]_q -> 'rV[F]_p * 'rV[F]_q) :
  let first (u : 'rV[F]_q -> 'rV[F]_p) (x : 'rV[F]_p * 'rV[F]_q) := (x.1 + u x.2, x.2) in
  let second (t : 'rV[F]_p -> 'rV[F]_q) (x : 'rV[F]_p * 'rV[F]_q) := (x.1, x.2 + t x.1) in
  (0 < p)%N -> (0 < q)%N -> {in X &, injective pi} ->
  exists t u v w, {in X, forall x, first w (second v (first u (second t x))) = pi x}.
Proof. move=> first second p0 q0 inj; exact: four_couplings_rows p0 q0 inj. Qed.

(* over halves in any two groups, three layers, in either order, exchange (0, 0) and (0, b) and fix
   (a, 0) and (a, b) if and only if b + b = 0; *)
Theorem three_layers_exchange (V W : zmodType) (a : V) (b : W) :
  let first (u : W -> V) (x : V * W) := (x.1 + u x.2, x.2) in
  let second (t : V -> W) (x : V * W) := (x.1, x.2 + t x.1) in
  let exchanges (f : V * W -> V * W) :=
    [/\ f (0, 0) = (0, b), f (0, b) = (0, 0), f (a, 0) = (a, 0) & f (a, b) = (a, b)] in
  a != 0 ->
  (exists t u v, exchanges (fun x => second v (first u (second t x)))) \/
  (exists u t v, exchanges (fun x => first v (second t (first u x)))) <-> b + b = 0.
Proof. move=> first second ex a0; exact: three_couplings a0. Qed.

(* and not even with positive scales do three layers, in either order, realize every such map. *)
Theorem three_scaled_layers_insufficient (F : numDomainType) p q :
  let first (s u : 'rV[F]_q -> 'rV[F]_p) (x : 'rV[F]_p * 'rV[F]_q) :=
    (\row_i (s x.2 0 i * x.1 0 i + u x.2 0 i), x.2) in
  let second (s t : 'rV[F]_p -> 'rV[F]_q) (x : 'rV[F]_p * 'rV[F]_q) :=
    (x.1, \row_j (s x.1 0 j * x.2 0 j + t x.1 0 j)) in
  let positive m n (s : 'rV[F]_m -> 'rV[F]_n) := forall x i, 0 < s x 0 i in
  (0 < p)%N -> (0 < q)%N ->
  exists (X : seq ('rV[F]_p * 'rV[F]_q)) pi, [/\ {in X &, injective pi},
    forall s1 t1 s2 t2 s3 t3, positive _ _ s1 -> positive _ _ s2 -> positive _ _ s3 ->
      ~ {in X, forall x, second s3 t3 (first s2 t2 (second s1 t1 x)) = pi x} &
    forall s1 t1 s2 t2 s3 t3, positive _ _ s1 -> positive _ _ s2 -> positive _ _ s3 ->
      ~ {in X, forall x, first s3 t3 (second s2 t2 (first s1 t1 x)) = pi x}].
Proof. exact: some_map_needs_four. Qed.

(* Few parameters.  Where maps have p parameters in the cube |theta_j| <= r, and are Lip-Lipschitz on
   it, in the largest coordinate and some distance D of what they make, not every one of more than
   N^p targets that are sep apart is nearer than w to some f theta, if the N^p cubes of side 2 r / N
   are so small that Lip 2 r / N <= sep - 2 w. *)
Theorem few_parameters_miss_a_target (R : realFieldType) (T : Type) (D : T -> T -> R) p N n
    (f : ('I_p -> R) -> T) (target : 'I_n -> T) (r Lip sep w : R) :
  (forall x y z, D x z <= D x y + D y z) -> (forall x y, D x y = D y x) ->
  (forall s t h, 0 <= h -> (forall j, [/\ `|s j| <= r, `|t j| <= r & `|s j - t j| <= h]) ->
    D (f s) (f t) <= Lip * h) ->
  (forall i j, i != j -> sep <= D (target i) (target j)) ->
  (0 < N)%N -> 0 <= r -> (N ^ p < n)%N -> Lip * (2 * r / N%:R) <= sep - 2 * w ->
  ~ forall i, exists2 s, forall j, `|s j| <= r & D (f s) (target i) < w.
Proof. exact: few_parameters_miss. Qed.
