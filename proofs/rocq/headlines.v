(* The theorems, in the words of definitions.v.

   Role.  A reader who has understood definitions.v, and the few definitions beside the last
   theorems here, reads what is proved.  The proofs derive it from statements.v, which is in
   MathComp's own words but for three abbreviations; some derive it from maps.v, integers.v and
   orthogonal.v, which is faster, and those on what is decided and on the edges from decided.v.
   `formal` compiles the statements of both files once more where nothing but MathComp, and for
   this file definitions.v, is known.

   A fieldType with more than n elements is one with a list s without repetitions (uniq s)
   that is longer than n; \det, \rank, \tr and the rest are MathComp's, as in statements.v. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finset perm ssralg ssrnum ssrint archimedean zmodp matrix.
From mathcomp Require Import mxalgebra rat poly mxpoly.
From exactflow.certificates Require Import definitions shears.
From exactflow Require maps integers orthogonal decided statements.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Local Open Scope ring_scope.

(* A product of k + 1 matrices is one of k, and one more. *)
Section Products.
Variables (R : comUnitRingType) (n : nat) (kind : 'M[R]_n -> Prop).

Lemma product1 K : kind K -> product_of_at_most 1 kind K.
Proof. by move=> kK; exists [:: K]; rewrite big_seq1; split=> // N; rewrite inE => /eqP->. Qed.

Lemma productS k M K : product_of_at_most k kind M -> kind K ->
  product_of_at_most k.+1 kind (M *m K).
Proof.
intros [Ks [le kKs ->]] kK; exists (rcons Ks K); rewrite size_rcons big_rcons; split=> // N.
by rewrite mem_rcons inE => /orP[/eqP->|/kKs].
Qed.
End Products.

Local Ltac a_shear := match goal with |- shear (U _) => left | |- shear (block_mx _ _ 0 _) => left
  | _ => right end; eexists; reflexivity.
Local Ltac all_shears := repeat (apply productS; last a_shear); apply product1; a_shear.

Lemma pairs (R : comUnitRingType) p q k M (X : nat -> 'M[R]_(p, q)) (Y : nat -> 'M[R]_(q, p)) m :
  product_of_at_most k shear M -> product_of_at_most (k + m.*2) shear
    (M *m \big[mulmx/1%:M]_(i < m) (L (Y i) *m U (X i))).
Proof.
elim: m => [|m IH] prodM; first by rewrite big_ord0 mulmx1 addn0.
by rewrite big_ord_recr /= doubleS !addnS !mulmxA; do 2?(apply: productS; last a_shear); apply: IH.
Qed.

Lemma det_of_shears (R : comUnitRingType) p q k (M : 'M[R]_(p + q)) :
  product_of_at_most k shear M -> \det M = 1.
Proof.
move=> [Ks [_ + ->]]; elim: Ks => [|K Ks IH] kind; first by rewrite big_nil det1.
rewrite big_cons det_mulmx IH => [|K' K's]; last by apply: kind; rewrite inE K's orbT.
by case: (kind K (mem_head _ _)) => [] [X ->]; rewrite (det_U, det_L) mulr1.
Qed.

(* Six shears suffice: over a field of more than n elements, the matrices of determinant 1 are
   exactly the products of six. *)
Theorem six_layers (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 <-> product_of_at_most 6 shear M.
Proof.
move=> us large; split=> [dM|]; last exact: det_of_shears.
by destruct (statements.six_shears us large dM) as [W0 [X [Y [Z [W [V ->]]]]]]; all_shears.
Qed.

(* The six may alternate, and start with either half. *)
Theorem six_layers_alternate (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 ->
  (exists W0 X Y Z W V, M = L W0 *m U X *m L Y *m U Z *m L W *m U V) /\
  (exists X Y Z W V T, M = U X *m L Y *m U Z *m L W *m U V *m L T).
Proof.
move=> us large dM; split; first exact: statements.six_shears us large dM.
exact: statements.six_shears_other_order us large dM.
Qed.

(* Five suffice where an off-diagonal block is invertible. *)
Theorem five_layers (F : fieldType) (s : seq F) n (M : 'M[F]_(n + n)) :
  uniq s -> (n < size s)%N -> \det M = 1 ->
  dlsubmx M \in unitmx \/ ursubmx M \in unitmx -> product_of_at_most 5 shear M.
Proof.
intros us large dM [[X [Y [Z [W [V ->]]]]]%(statements.five_shears_lower_left us large dM)
  |[X [Y [Z [W [V ->]]]]]%(statements.five_shears_upper_right us large dM)]; all_shears.
Qed.

(* Some matrices with an invertible off-diagonal block need five. *)
Theorem five_layers_are_needed (F : fieldType) n : (1 < n)%N ->
  exists2 M : 'M[F]_(n + n), \det M = 1 & dlsubmx M \in unitmx /\ ~ product_of_at_most 4 shear M.
Proof.
case/(statements.four_shears_do_not_suffice F)=> M [dM uC] no; exists M => //; split=> //.
by intros [Ks [four kind e]]; apply: no Ks kind four e.
Qed.

(* Five do not always suffice. *)
Theorem five_layers_do_not_suffice (F : fieldType) n : (1 < n)%N ->
  exists2 M : 'M[F]_(n + n), \det M = 1 & ~ product_of_at_most 5 shear M.
Proof.
case/(statements.five_shears_do_not_suffice F)=> M dM no; exists M => // -[Ks [five kind]].
exact: no Ks kind five.
Qed.

(* Nor do they on halves of n and n + 1 entries. *)
Theorem five_layers_do_not_suffice_odd (F : fieldType) n (t : F) :
  t != 0 -> t != 1 -> (0 < n)%N ->
  exists2 M : 'M[F]_(n + n.+1), \det M = 1 & ~ product_of_at_most 5 shear M.
Proof.
move=> t0 t1 /(statements.five_shears_do_not_suffice_odd t0 t1)[M dM no].
by exists M => // -[Ks [five kind]]; apply: no Ks kind five.
Qed.

(* Six suffice in every dimension: on halves of n and n (e = 0) or n + 1 (e = 1) entries. *)
Theorem six_layers_in_every_dimension (F : fieldType) (s : seq F) e n (M : 'M[F]_(n + (e + n))) :
  (e <= 1)%N -> uniq s -> (n.+1 < size s)%N -> \det M = 1 <-> product_of_at_most 6 shear M.
Proof.
move=> e1 us large; split=> [dM|]; last exact: det_of_shears.
destruct (statements.six_layers_every_dimension e1 us large dM)
  as [[W0 [X [Y [Z [W [V ->]]]]]] _]; all_shears.
Qed.

(* With positive scales, six couplings are exactly the matrices of positive determinant. *)
Theorem six_couplings (F : numFieldType) e n (M : 'M[F]_(n + (e + n))) :
  (e <= 1)%N -> (0 < e + n)%N -> 0 < \det M <-> product_of_at_most 6 coupling M.
Proof.
move=> e1 en; split=> [|[Ks [_ kind ->]]]; last first.
  exact: statements.couplings_preserve_orientation kind.
move/(statements.couplings_iff_orientation_every_dimension _ e1 en) => [Ks [size6 kind ->]].
by exists Ks; rewrite size6.
Qed.

(* Five couplings with positive scales are not enough, in every dimension that is at least 3, even
   for matrices of determinant 1. *)
Theorem six_couplings_are_needed (F : numFieldType) e n : (e <= 1)%N -> (2 < n + (e + n))%N ->
  exists2 M : 'M[F]_(n + (e + n)), \det M = 1 & ~ product_of_at_most 5 coupling M.
Proof.
move=> e1 /(statements.five_couplings_do_not_suffice F e1)[M dM no].
by exists M => // -[Ks [five kind]]; apply: no Ks kind five.
Qed.

(* Couplings preserve orientation, whatever the halves and however many there are. *)
Theorem couplings_keep_orientation (F : numFieldType) p q k (M : 'M[F]_(p + q)) :
  product_of_at_most k coupling M -> 0 < \det M.
Proof. by case=> Ks [_ kind ->]; apply: statements.couplings_preserve_orientation kind. Qed.

(* No positive scales help diag(A, D) if D and A^-1 have opposed minors: it is no product of five
   couplings. *)
Theorem blocks_need_six (F : numFieldType) n k (A D : 'M[F]_n) : opposed k D (invmx A) ->
  ~ product_of_at_most 5 coupling (block_mx A 0 0 D).
Proof.
intros [z z0 [signs nz]] [Ks [five kind e]].
exact: (statements.opposed_blocks_need_six z0 signs nz kind five e).
Qed.

(* If both diagonal blocks of M and of its inverse have opposed minors, M is no product of four
   couplings. *)
Theorem blocks_need_five (F : numFieldType) n k l (A B C D a b c d : 'M[F]_n) :
  block_mx A B C D *m block_mx a b c d = 1%:M -> opposed k D a -> opposed l A d ->
  ~ product_of_at_most 4 coupling (block_mx A B C D).
Proof.
intros inv [z z0 [zs zn]] [w w0 [ws wn]] [Ks [four kind e]].
exact: (statements.opposed_minors_need_five inv z0 zs zn w0 ws wn kind four e).
Qed.

(* diag(-1, 1) is no product of five couplings. *)
Theorem minus_one_needs_six (F : numFieldType) n : (0 < n)%N ->
  ~ product_of_at_most 5 coupling (block_mx (- 1%:M) 0 0 1%:M : 'M[F]_(n + n)).
Proof.
by intros n0 [Ks [five kind e]]; apply: (statements.minus_one_needs_six_couplings n0 kind five e).
Qed.

(* If M, of the inverse [a b; c d], is four couplings, the first and the third of which, as factors,
   move the first half, then scales tie D to a. *)
Theorem four_couplings_tie (F : numFieldType) n (A B C D a b c d : 'M[F]_n)
    (s1 s2 s3 s4 : 'rV[F]_n) X Y Z W :
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) ->
  block_mx A B C D =
    block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 Y (diag_mx s2) *m
    block_mx (diag_mx s3) Z 0 1%:M *m block_mx 1%:M 0 W (diag_mx s4) ->
  exists s t : 'rV[F]_n, [/\ forall i, 0 < s 0 i, forall i, 0 < t 0 i &
    char_poly (D *m invmx (diag_mx t)) = char_poly (diag_mx s *m a)].
Proof.
move=> inv s0 e; destruct (statements.scales_move_to_the_end X Y Z W s0)
  as [X' [Y' [Z' [W' [s [t [s_gt t_gt e']]]]]]].
have u : diag_mx t \in unitmx.
  by rewrite unitmxE unitfE det_diag; apply/prodf_neq0 => i _; rewrite gt_eqF.
exists s, t; split; [exact: s_gt | exact: t_gt |].
exact: (statements.four_couplings_force u inv (etrans e e')).
Qed.

(* On halves of p and q entries, where k p < q, some matrix is no product of 2 k + 3 shears in any
   order; with k + 1 = ceil(q/p), it takes 2 ceil(q/p) + 2. *)
Theorem partitions_lower_bound (F : fieldType) p q k (t : F) :
  t != 0 -> t != 1 -> (0 < p)%N -> (k * p < q)%N ->
  exists2 M : 'M[F]_(p + q), \det M = 1 & ~ product_of_at_most (2 * k + 3) shear M.
Proof.
move=> t0 t1 p0 /(statements.unequal_splits_lower_bound_example t0 t1 p0)[M dM no].
by exists M => // -[Ks []]; rewrite mul2n addn3 => le kind; apply: no kind le.
Qed.

(* Every matrix of determinant 1 is a product of 2 m + 4 shears, where p <= q <= m p. *)
Theorem partitions_upper_bound (F : fieldType) (s : seq F) p q m (M : 'M[F]_(p + q)) :
  uniq s -> (p < size s)%N -> (0 < m)%N -> (p <= q)%N -> (q <= m * p)%N ->
  \det M = 1 -> product_of_at_most (2 * m + 4) shear M.
Proof.
move=> us large m0 pq qmp dM.
have [X [Y ->]] := statements.unequal_splits_upper_bound us large m0 pq qmp dM.
have -> : (2 * m + 4 = 0 + m.+2.*2)%N by rewrite mul2n addnC.
move: (mul1mx (\big[mulmx/1%:M]_(i < m.+2) (L (Y i) *m U (X i)))) => <-.
by apply: pairs; exists [::]; rewrite big_nil.
Qed.

(* 2 m + 3 are enough where the lower left block has rank p. *)
Theorem partitions_full_rank (F : fieldType) (s : seq F) p q m (M : 'M[F]_(p + q)) :
  uniq s -> (p < size s)%N -> (0 < m)%N -> (p <= q)%N -> (q <= m * p)%N ->
  \det M = 1 -> \rank (dlsubmx M) = p -> product_of_at_most (2 * m + 3) shear M.
Proof.
move=> us large m0 pq qmp dM rC.
have [X0 [X [Y ->]]] := statements.unequal_splits_full_rank us large m0 pq qmp dM rC.
have -> : (2 * m + 3 = 1 + m.+1.*2)%N by rewrite mul2n addnC.
apply: pairs.
by apply: product1; a_shear.
Qed.

(* If p < q and p divides q - 1, the largest number is 2 ceil(q/p) + 2: here q = (m + 1) p + 1. *)
Theorem partitions_exact (F : fieldType) (s : seq F) (t : F) p m :
  uniq s -> (p.+1 < size s)%N -> t != 0 -> t != 1 -> (0 < p)%N -> let q := (m.+1 * p).+1 in
  (forall M : 'M[F]_(p + q), \det M = 1 -> product_of_at_most (2 * m + 6) shear M) /\
  exists2 M : 'M[F]_(p + q), \det M = 1 & ~ product_of_at_most (2 * m + 5) shear M.
Proof.
move=> us large t0 t1 p0 q; split=> [M dM|]; last first.
  have [M dM no] := @partitions_lower_bound F p q m.+1 t t0 t1 p0 (ltnSn _).
  have e : (2 * m + 5 = 2 * m.+1 + 3)%N by rewrite mulnS [RHS]addnAC [RHS]addnC.
  by exists M; rewrite ?e.
have [X [Y ->]] := statements.unequal_splits_divisible us large dM.
have := @pairs F p q 0 1%:M X Y m.+3; rewrite mul1mx (_ : 2 * m + 6 = 0 + m.+3.*2)%N; last first.
  by rewrite mul2n add0n !doubleS !addnS addn0.
by apply; exists [::]; rewrite big_nil.
Qed.

(* For p < q <= 2 p eight are needed, and enough, if q - p does not divide p, or is even: over a
   field with an element t of infinite order, where 2 != 0 if q - p is even. *)
Theorem partitions_eight (F : fieldType) p q (t : F) :
  (0 < p < q)%N -> (q <= 2 * p)%N -> t != 0 -> (forall i, (0 < i)%N -> t ^+ i != 1) ->
  ~~ (q - p %| p)%N || ~~ odd (q - p) && ((2 : F) != 0) ->
  (forall M : 'M[F]_(p + q), \det M = 1 -> product_of_at_most 8 shear M) /\
  exists2 M : 'M[F]_(p + q), \det M = 1 & ~ product_of_at_most 7 shear M.
Proof.
move=> pq q2 t0 inf no; have [all8 [M dM few]] := statements.eight_is_the_largest pq q2 t0 inf no.
split=> [N /all8[X [Y ->]]|]; last by exists M => // -[Ks [seven kind]]; apply: few Ks kind seven.
have := @pairs F p q 0 1%:M X Y 4; rewrite mul1mx; apply.
by exists [::]; rewrite big_nil.
Qed.

(* Seven do not make diag(alpha, beta) if r alpha beta = 1, no power of r is 1, and beta is none of
   1 and r^(p / (q - p)). *)
Theorem scalar_blocks (F : fieldType) p q (alpha beta r : F) :
  (p < q)%N -> r * (alpha * beta) = 1 -> beta != 1 -> (forall i, (0 < i)%N -> r ^+ i != 1) ->
  ~~ (q - p %| p)%N || (beta != r ^+ (p %/ (q - p))) ->
  ~ product_of_at_most 7 shear (block_mx alpha%:M 0 0 beta%:M : 'M_(p + q)).
Proof.
intros pq rab b1 inf no [Ks [seven kind e]].
exact: (statements.scalar_blocks_need_eight pq rab b1 inf no kind seven e).
Qed.

(* What is decided: products of at most one, two and three shears are conditions on the blocks, in
   any order of the shears and for halves of any sizes p and q. *)
Theorem one_layer_iff (R : comUnitRingType) p q (A : 'M[R]_p) (B : 'M_(p, q)) C (D : 'M_q) :
  product_of_at_most 1 shear (block_mx A B C D) <->
  [/\ A = 1%:M, D = 1%:M & B = 0 \/ C = 0].
Proof.
rewrite decided.shears_words !decided.word1_iff.
by split=> [[[-> -> ->]|[-> -> ->]]|[-> -> [] ->]]; [split; auto | split; auto | right | left].
Qed.

Theorem two_layers_iff (R : comUnitRingType) p q (A : 'M[R]_p) (B : 'M_(p, q)) C (D : 'M_q) :
  product_of_at_most 2 shear (block_mx A B C D) <->
  D = 1%:M /\ A = 1%:M + B *m C \/ A = 1%:M /\ D = 1%:M + C *m B.
Proof. by rewrite decided.shears_words !decided.word2_iff. Qed.

(* Three, the first of which, as a factor, moves the first half: over a field, the rows of A - 1 are
   in the row space of C, the columns of D - 1 in its column space, and C B C is what X + A Z = B,
   X C = A - 1 and C Z = D - 1 make it.  pinvmx C is any G with C G C = C. *)
Definition three_conditions (F : fieldType) p q (A : 'M[F]_p) (B : 'M_(p, q)) (C : 'M_(q, p))
    (D : 'M_q) := [/\ (A - 1%:M <= C)%MS, ((D - 1%:M)^T <= C^T)%MS &
  C *m B *m C = C *m (A - 1%:M) + (D - 1%:M) *m C
    + C *m (A - 1%:M) *m pinvmx C *m (D - 1%:M) *m C].

Theorem three_layers_iff (F : fieldType) p q (A : 'M[F]_p) (B : 'M_(p, q)) C (D : 'M_q) :
  product_of_at_most 3 shear (block_mx A B C D) <->
  three_conditions A B C D \/ three_conditions D C B A.
Proof. by rewrite decided.shears_words !decided.word3_iff !decided.three_linear. Qed.

(* Over every commutative ring three are a linear equation, *)
Theorem three_layers_linear (R : comUnitRingType) p q (A : 'M[R]_p) (B : 'M_(p, q)) C (D : 'M_q) :
  (exists X Y Z, block_mx A B C D = U X *m L Y *m U Z) <->
  exists X Z, [/\ X *m C = A - 1%:M, C *m Z = D - 1%:M & X + A *m Z = B].
Proof. exact: decided.three_ULU_solution. Qed.

(* and four, for a matrix of the inverse [a b; c d], these equations. *)
Theorem four_layers_iff (R : comUnitRingType) p q (A : 'M[R]_p) (B : 'M_(p, q)) C (D : 'M_q)
    a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  (exists X Y Z W, block_mx A B C D = U X *m L Y *m U Z *m L W) <->
  exists Y Z W, [/\ D = 1%:M + Y *m Z, a = 1%:M + Z *m Y, C = Y + D *m W & c = - Y - W *m a].
Proof. exact: decided.four_ULUL. Qed.

(* Where D is invertible two of them are left; *)
Theorem four_layers_invertible_iff (R : comUnitRingType) p q
    (A : 'M[R]_p) (B : 'M_(p, q)) C (D : 'M_q) a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> D \in unitmx ->
  (exists X Y Z W, block_mx A B C D = U X *m L Y *m U Z *m L W) <->
  exists Y Z, D = 1%:M + Y *m Z /\ a = 1%:M + Z *m Y.
Proof. exact: decided.four_ULUL_unit. Qed.

(* and where 1 is no eigenvalue of D, on halves of one size, D and a are similar. *)
Theorem four_layers_similar_iff (F : fieldType) n (A B C D a b c d : 'M[F]_n) :
  block_mx A B C D *m block_mx a b c d = 1%:M -> D \in unitmx -> D - 1%:M \in unitmx ->
  (exists X Y Z W, block_mx A B C D = U X *m L Y *m U Z *m L W) <->
  exists2 Q, Q \in unitmx & Q *m D = a *m Q.
Proof. exact: decided.four_ULUL_similar. Qed.

(* Four shears, in any order, force D and a, or A and d, to one characteristic polynomial. *)
Theorem four_layers_force (F : fieldType) n (A B C D a b c d : 'M[F]_n) :
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  product_of_at_most 4 shear (block_mx A B C D) ->
  char_poly D = char_poly a \/ char_poly A = char_poly d.
Proof. exact: decided.four_shears_char_poly. Qed.

(* Five couplings make diagonal blocks only if these have as many negative entries; *)
Theorem signs_need_six (F : numFieldType) n (x y : 'rV[F]_n) :
  #|[set i | x 0 i < 0]| <> #|[set i | y 0 i < 0]| ->
  ~ product_of_at_most 5 coupling (block_mx (diag_mx x) 0 0 (diag_mx y)).
Proof. by move=> differ [Ks [five kind e]]; apply/differ/(decided.negative_entries kind five e). Qed.

(* so diag(1, -1, -1, 1, 1, 1), of no opposed minors, takes six. *)
Theorem two_signs_take_six (F : numFieldType) :
  let x : 'rV[F]_3 := \row_i (if i == 0 then 1 else -1) in
  let M : 'M[F]_(3 + 3) := block_mx (diag_mx x) 0 0 1%:M in
  product_of_at_most 6 coupling M /\ ~ product_of_at_most 5 coupling M.
Proof.
move=> x M; split.
  apply/(@six_couplings F 0 3) => //; rewrite det_ublock det1 mulr1 det_diag !big_ord_recl big_ord0.
  by rewrite !mxE /= !mulr1 mul1r mulrNN mulr1 ltr01.
rewrite /M -diag_const_mx; apply: signs_need_six => e.
have : lift ord0 ord0 \in [set i | (const_mx 1 : 'rV[F]_3) 0 i < 0].
  have /eqP/cards0_eq none : #|[set i | (const_mx 1 : 'rV[F]_3) 0 i < 0]| == 0.
    by rewrite cards_eq0; apply/eqP/setP => i; rewrite !inE mxE ltr10.
  move: e; rewrite none cards0 => /cards0_eq/setP/(_ (lift ord0 ord0)).
  by rewrite !inE mxE /= oppr_lt0 ltr01.
by rewrite inE mxE ltr10.
Qed.

(* Edges: on halves of one entry four shears do, and some matrices take them; *)
Theorem partitions_one_one (F : fieldType) (t : F) : t != 0 -> t != 1 ->
  (forall M : 'M[F]_(1 + 1), \det M = 1 -> product_of_at_most 4 shear M) /\
  exists2 M : 'M[F]_(1 + 1), \det M = 1 & ~ product_of_at_most 3 shear M.
Proof.
move=> t0 t1; split; first exact: decided.two_by_two_four.
by have [dM no] := decided.two_by_two_not_three t0 t1; eexists; [exact: dM | exact: no].
Qed.

(* and beside a half without entries shears are 1. *)
Theorem partitions_zero (R : comUnitRingType) q k (M : 'M[R]_(0 + q)) :
  product_of_at_most k shear M <-> M = 1%:M.
Proof. exact: decided.empty_half. Qed.

(* One meaning of coupling: a matrix is a shear, or a coupling, if and only if as a map of columns it
   is one that moves one half and reads the other, with scales 1, or positive ones; *)
Theorem shear_as_map (R : comUnitRingType) p q (K : 'M[R]_(p + q)) :
  let first := [set i : 'I_(p + q) | (i < p)%N] in
  shear K <-> coupling_map (pred1 1) first (~: first) (mulmx K) \/
    coupling_map (pred1 1) (~: first) first (mulmx K).
Proof. exact: decided.shear_map. Qed.

Theorem coupling_as_map (F : numFieldType) p q (K : 'M[F]_(p + q)) :
  let first := [set i : 'I_(p + q) | (i < p)%N] in let positive := [pred c : F | 0 < c] in
  coupling K <-> coupling_map positive first (~: first) (mulmx K) \/
    coupling_map positive (~: first) first (mulmx K).
Proof. exact: decided.coupling_matrix_map. Qed.

(* and every such map that is linear is the map of a coupling. *)
Theorem linear_map_as_coupling (F : numFieldType) p q
    (f : {linear 'cV[F]_(p + q) -> 'cV[F]_(p + q)}) :
  let first := [set i : 'I_(p + q) | (i < p)%N] in let positive := [pred c : F | 0 < c] in
  coupling_map positive first (~: first) f \/ coupling_map positive (~: first) first f <->
  exists2 K, coupling K & f =1 mulmx K.
Proof. exact: decided.linear_coupling_map. Qed.

(* Every rotation of an even (e = 0) or odd (e = 1) number of coordinates is six shears of norms at
   most 1, 4, 1, 2, 2 and 2. *)
Theorem rotations (R : rcfType) e n (M : 'M[R]_(n + (e + n))) :
  (e <= 1)%N -> M^T *m M = 1%:M -> \det M = 1 ->
  exists W0 X Y Z W V, [/\ M = L W0 *m U X *m L Y *m U Z *m L W *m U V,
    bounded 1 W0, bounded 4 X, bounded 1 Y & [/\ bounded 2 Z, bounded 2 W & bounded 2 V]].
Proof. exact: statements.every_rotation_is_six_bounded_shears. Qed.

(* If six alternating shears make -1, the first, second, fourth and fifth shift are not all of norm
   below 1. *)
Theorem half_turn_norms (R : realFieldType) p q (A C E : 'M[R]_(p, q)) (B D F : 'M_(q, p)) k :
  (0 < p)%N -> 0 <= k -> U A *m L B *m U C *m L D *m U E *m L F = - 1%:M ->
  bounded k A -> bounded k B -> bounded k D -> bounded k E -> 1 <= k.
Proof.
move=> p0 k0 e bA bB bD bE.
exact (orthogonal.half_turn_norms k0 p0 (orthogonal.half_turn_blocks e) bA bB bD bE).
Qed.

(* If six alternating shears make -1, the first, second, fourth and fifth are not all of condition
   below (3 + sqrt 5) / 2 = 2.618.. *)
Theorem half_turn_conditions (R : rcfType) p q (A C E : 'M[R]_(p, q)) (B D F : 'M_(q, p)) k :
  (0 < p)%N -> U A *m L B *m U C *m L D *m U E *m L F = - 1%:M ->
  condition_at_most k (U A) -> condition_at_most k (L B) -> condition_at_most k (L D) ->
  condition_at_most k (U E) -> (3 + Num.sqrt 5) / 2 <= k.
Proof.
move=> p0 e cA cB cD cE; rewrite leNgt; apply/negP => lt.
have [a [a0 a1 [bU bL]]] := orthogonal.short_shears p q lt.
have := orthogonal.half_turn_norms a0 p0 (orthogonal.half_turn_blocks e)
  (bU _ cA) (bL _ cB) (bL _ cD) (bU _ cE).
by rewrite leNgt a1.
Qed.

(* Of six shears or fewer, in any order, that make -1, not all are of condition below it. *)
Theorem half_turn_in_any_order (R : rcfType) p q (k : R) : (0 < p)%N ->
  product_of_at_most 6 (fun K => shear K /\ condition_at_most k K) (- 1%:M : 'M[R]_(p + q)) ->
  (3 + Num.sqrt 5) / 2 <= k.
Proof.
move=> p0 [Ks [six kind e]]; rewrite leNgt; apply/negP => lt.
have [a [a0 a1 [bU bL]]] := orthogonal.short_shears p q lt.
apply: (orthogonal.no_half_turn a0 p0 a1 six) (esym e) => K /kind[[[X ->]|[Y ->]] c].
  by exists true, X; first exact: bU.
by exists false, Y; first exact: bL.
Qed.

(* Each of the six shears of a rotation has condition number at most 18. *)
Theorem rotations_condition (R : rcfType) e n (M : 'M[R]_(n + (e + n))) :
  (e <= 1)%N -> M^T *m M = 1%:M -> \det M = 1 ->
  product_of_at_most 6 (fun K => shear K /\ condition_at_most 18 K) M.
Proof.
move=> e1 oM dM; destruct (statements.every_rotation_is_six_of_condition_18 e1 oM dM)
  as [Ks [six kind eM]].
by exists Ks; rewrite six.
Qed.

(* Every matrix of determinant 1, in every dimension, is eleven couplings, each of condition number
   at most 18 times that of the matrix. *)
Theorem eleven_couplings (R : rcfType) e n (M : 'M[R]_(n + (e + n))) k :
  (e <= 1)%N -> \det M = 1 -> 1 <= k -> condition_at_most k M ->
  product_of_at_most 11 (fun K => coupling K /\ condition_at_most (18 * k) K) M.
Proof.
move=> e1 dM k1 cM.
destruct (orthogonal.eleven_of_condition_18_times e1 dM k1 cM) as [Ks [eleven kind eM]].
by exists Ks; rewrite eleven.
Qed.

(* Every matrix of positive determinant, whose norm and that of its inverse are at most k >= 1, is
   eleven couplings, each of condition number at most 18 k. *)
Theorem eleven_couplings_by_norms (R : rcfType) e n (M : 'M[R]_(n + (e + n))) k :
  (e <= 1)%N -> 0 < \det M -> 1 <= k -> bounded k M -> bounded k (invmx M) ->
  product_of_at_most 11 (fun K => coupling K /\ condition_at_most (18 * k) K) M.
Proof.
move=> e1 dM k1 bM bM'.
destruct (orthogonal.eleven_couplings e1 dM k1 bM bM') as [Ks [eleven kind eM]].
by exists Ks; rewrite eleven.
Qed.

(* Every signed permutation of determinant 1, in every dimension, is six shears of integers of
   absolute value at most 2; at most 11 n of them (11 n + 1 if the halves differ) are not 0. *)
Theorem signed_permutations e n (M : 'M[int]_(n + (e + n))) :
  let small p q (X : 'M[int]_(p, q)) := forall i j, `|X i j| <= 2 in
  let nonzeros p q (X : 'M[int]_(p, q)) := (\sum_i \sum_j (X i j != 0))%N in
  (e <= 1)%N -> M *m M^T = 1%:M -> \det M = 1 ->
  exists W0 X Y Z W V, [/\ M = L W0 *m U X *m L Y *m U Z *m L W *m U V,
    [/\ small _ _ W0, small _ _ X & small _ _ Y], [/\ small _ _ Z, small _ _ W & small _ _ V] &
    (nonzeros _ _ W0 + nonzeros _ _ X + nonzeros _ _ Y + nonzeros _ _ Z + nonzeros _ _ W +
       nonzeros _ _ V <= 11 * n + e)%N].
Proof.
move=> small nonzeros e1 MM dM.
destruct (integers.six_small_LULULU integers.int_discrete e1 MM dM)
  as [W0 [X [Y [Z [W [V [eM [[s1 _] [s2 _]] [[s3 _] [s4 _]] [[s5 _] [s6 _]] few]]]]]]].
by exists W0, X, Y, Z, W, V.
Qed.

(* N couplings of condition number at most k have norm at most k^N, and N shears at most k^(N / 2),
   since each keeps a half. *)
Theorem norms_of_couplings (R : realFieldType) p q N (k : R) (M : 'M[R]_(p + q)) :
  (0 < p)%N -> (0 < q)%N -> 1 <= k ->
  (product_of_at_most N (fun K => coupling K /\ condition_at_most k K) M -> bounded (k ^+ N) M) /\
  (product_of_at_most N (fun K => shear K /\ condition_at_most k K) M -> forall x : 'cV_(p + q),
    ((M *m x)^T *m (M *m x)) 0 0 <= k ^+ N * (x^T *m x) 0 0).
Proof.
move=> p0 q0 k1; split=> -[Ks [few kind ->]].
  exact: (statements.norms_from_conditions p0 q0 k1 few).1.
exact: (statements.norms_from_conditions p0 q0 k1 few).2.
Qed.

(* After zero padding three shears act as any invertible matrix. *)
Theorem zero_padding (R : comUnitRingType) n (A : 'M[R]_n) (x : 'cV[R]_n) : A \in unitmx ->
  L (- 1%:M) *m U (1%:M - invmx A) *m L A *m col_mx x 0 = col_mx (A *m x) 0.
Proof. exact: statements.zero_padding_by_three. Qed.

(* Two shears after zero padding act only as the identity. *)
Theorem zero_padding_sharp (R : comUnitRingType) n (A X Y : 'M[R]_n) :
  (forall x : 'cV[R]_n, U X *m L Y *m col_mx x 0 = col_mx (A *m x) 0) \/
  (forall x : 'cV[R]_n, L Y *m U X *m col_mx x 0 = col_mx (A *m x) 0) -> A = 1%:M.
Proof. exact: statements.zero_padding_not_by_two. Qed.

(* Two couplings generate every Gaussian with halves of one or two entries. *)
Theorem gaussians (R : rcfType) p q (Sigma : 'M[R]_(p + q)) :
  (0 < p <= 2)%N -> (0 < q <= 2)%N -> Sigma^T = Sigma ->
  (forall x : 'cV[R]_(p + q), x != 0 -> 0 < (x^T *m Sigma *m x) 0 0) ->
  exists2 F, product_of_at_most 2 coupling F & F *m F^T = Sigma.
Proof.
rewrite -[Sigma]submxK; move: (ulsubmx _) (ursubmx _) (dlsubmx _) (drsubmx _) => A C C' B p2 q2.
move=> sym; have eC : C^T = C' by move: sym; rewrite tr_block_mx => /eq_block_mx[].
subst C'; move=> pos; have [+ _] := statements.two_couplings_exist p2 q2 sym pos.
intros [s [t [X [T [s_gt t_gt e]]]]].
exists (block_mx (diag_mx s) X 0 1%:M *m block_mx 1%:M 0 T (diag_mx t)); last exact: e.
by apply: productS; [apply: product1; left; exists s, X | right; exists t, T].
Qed.

(* One coupling generates a Gaussian if and only if the half that stays is standard normal, and the
   Schur complement diagonal. *)
Theorem gaussians_by_one (R : rcfType) p q (A : 'M[R]_p) (B : 'M[R]_q) (C : 'M[R]_(p, q)) :
  let Sigma := block_mx A C C^T B in Sigma^T = Sigma ->
  (forall x : 'cV[R]_(p + q), x != 0 -> 0 < (x^T *m Sigma *m x) 0 0) ->
  (exists2 K, coupling K & K *m K^T = Sigma) <->
  A = 1%:M /\ is_diag_mx (B - C^T *m C) \/ B = 1%:M /\ is_diag_mx (A - C *m C^T).
Proof.
move=> Sigma sym pos; have [one two] := statements.one_coupling_exists sym pos; split.
  intros [K [[s [X [s_gt ->]]]|[s [T [s_gt ->]]]] e]; first by right; apply/two; exists s, X.
  by left; apply/one; exists s, T.
case=> [/one|/two] [s [X [s_gt e]]].
  by exists (block_mx 1%:M 0 X (diag_mx s)); [right; exists s, X | exact: e].
by exists (block_mx (diag_mx s) X 0 1%:M); [left; exists s, X | exact: e].
Qed.

(* Four layers realize every map that is injective on a finite set of points. *)
Theorem finite_maps (F : numDomainType) p q (X : seq ('rV[F]_p * 'rV[F]_q))
    (pi : 'rV[F]_p * 'rV[F]_q -> 'rV[F]_p * 'rV[F]_q) :
  (0 < p)%N -> (0 < q)%N -> {in X &, injective pi} -> exists t u v w,
  {in X, forall x, move_first w (move_second v (move_first u (move_second t x))) = pi x}.
Proof. exact: statements.four_layers_any_finite_map. Qed.

(* Three layers do not realize every such map, not even with positive scales. *)
Theorem finite_maps_sharp (F : numDomainType) p q : (0 < p)%N -> (0 < q)%N ->
  exists (X : seq ('rV[F]_p * 'rV[F]_q)) pi, [/\ {in X &, injective pi},
  forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ {in X, forall x, scale_second s3 t3 (scale_first s2 t2 (scale_second s1 t1 x)) = pi x} &
  forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ {in X, forall x, scale_first s3 t3 (scale_second s2 t2 (scale_first s1 t1 x)) = pi x}].
Proof. exact: statements.three_scaled_layers_insufficient. Qed.

(* Of the 24 permutations of the corners of the square {0, 1}^2 one takes no coupling, four take
   three, and nineteen take four: images lists the images of the corners in order, and least images
   is the least number. *)
Theorem permutations_of_a_square (F : numDomainType) :
  let corners := [:: (false, false); (false, true); (true, false); (true, true)] in
  let point (x : bool * bool) : F * F := (x.1%:R, x.2%:R) in
  let realized k images := exists2 layers : seq ((F -> F) + (F -> F)), (size layers <= k)%N &
    [seq foldr (@move_half F F) (point x) layers | x <- corners] = [seq point x | x <- images] in
  exists2 least : seq (bool * bool) -> nat,
    {in permutations corners, forall images k, realized k images <-> (least images <= k)%N} &
    [seq count (fun images => least images == k) (permutations corners) | k <- iota 0 5]
      = [:: 1; 0; 0; 4; 19]%N.
Proof.
move=> corners point realized; have grow k l images : realized k images -> (k <= l)%N ->
    realized l images.
  by move=> [layers le e] kl; exists layers => //; apply: leq_trans le kl.
exists (fun images => if images == corners then 0%N else
  if decided.three_suffice images then 3%N else 4%N); last by vm_compute.
move=> images perm k; have by_three := decided.realized_by_three F perm.
case: eqP => [->|other]; first by split=> // _; exists [::].
case: ifP by_three => [_ by_three|_ by_three]; split=> [real|/(grow _ _ _)]; try apply.
- by rewrite leqNgt; apply/negP => lt; apply/other/(decided.realized_by_two (F := F) perm)/grow/lt.
- exact/by_three.
- by rewrite leqNgt; apply/negP => lt; have /by_three : realized 3%N images by apply: grow real lt.
have point_inj : injective point.
  move=> [a b] [c d] [/eqP + /eqP]; rewrite !eqr_nat.
  by case: a b c d => [] [] [] [].
move: perm; rewrite mem_permutations => perm; have infinite := @maps.infinite_numbers F.
have [||| layers [size4 e]] := @maps.four_couplings_lists _ _ (map point corners)
    (map point images) infinite infinite.
- by rewrite map_inj_uniq.
- by rewrite map_inj_uniq // (perm_uniq perm).
- by rewrite !size_map (perm_size perm).
by exists layers; [rewrite size4 | rewrite -e -map_comp].
Qed.

(* Couplings under masks M k of their own, each of which moves at most as many coordinates as A has,
   and reads at most as many others (B k) as there are, are couplings under one mask: N of them are
   2 N - 1 that move A and the others in turn, and a signed permutation of determinant 1, if the
   first one moves and reads what these do. *)
Theorem one_mask (R : ringType) (G : {pred R}) d N (A : {set 'I_d}) (M B : nat -> {set 'I_d})
    (f : nat -> 'cV[R]_d -> 'cV[R]_d) :
  1 \in G /\ {in G &, forall a b, a * b \in G} ->
  (forall k, (k < N)%N -> coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|A|)%N /\ (#|B k| <= #|~: A|)%N) ->
  M 0%N \subset A -> B 0%N \subset ~: A ->
  exists (P : 'M[int]_d) (g : nat -> 'cV[R]_d -> 'cV[R]_d),
  [/\ P *m P^T = 1%:M, \det P = 1,
      forall k, coupling_map G (if odd k then ~: A else A) (if odd k then A else ~: A) (g k)
    & forall x, iteri N f x = map_mx intr P *m iteri (2 * N).-1 g x].
Proof. exact: statements.couplings_under_one_mask. Qed.

(* They are 2 N + 4 couplings in all under the mask A of the first one, if A is half of the
   coordinates. *)
Theorem one_mask_in_all (R : ringType) (G : {pred R}) d N (A : {set 'I_d})
    (M B : nat -> {set 'I_d}) (f : nat -> 'cV[R]_d -> 'cV[R]_d) :
  1 \in G /\ {in G &, forall a b, a * b \in G} -> (d./2 <= #|A| <= uphalf d)%N ->
  (forall k, (k < N)%N -> coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|A|)%N /\ (#|B k| <= #|~: A|)%N) ->
  M 0%N \subset A -> B 0%N \subset ~: A ->
  exists2 g : nat -> 'cV[R]_d -> 'cV[R]_d,
    forall k, coupling_map G (if odd k then ~: A else A) (if odd k then A else ~: A) (g k)
  & forall x, iteri N f x = iteri (2 * N + 4) g x.
Proof. exact: statements.couplings_under_one_mask_in_all. Qed.

(* Couplings under masks of their own, each of which moves at most p coordinates and reads at most q
   others, are 2 N + 6 under any one mask C that moves p and keeps q of them in turn, where p and q
   differ by at most 1. *)
Theorem one_mask_of_choice (R : ringType) (G : {pred R}) d N (C : {set 'I_d})
    (M B : nat -> {set 'I_d}) (f : nat -> 'cV[R]_d -> 'cV[R]_d) :
  1 \in G /\ {in G &, forall a b, a * b \in G} -> (d./2 <= #|C| <= uphalf d)%N ->
  (forall k, (k < N)%N -> coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|C|)%N /\ (#|B k| <= #|~: C|)%N) ->
  exists2 g : nat -> 'cV[R]_d -> 'cV[R]_d,
    forall k, coupling_map G (if odd k then ~: C else C) (if odd k then C else ~: C) (g k)
  & forall x, iteri N f x = iteri (2 * N + 6) g x.
Proof. exact: statements.couplings_under_any_mask. Qed.

(* Three couplings under one mask do not replace one under another, in either order: x_k += r x_i is
   none, if A has both, though scales are any units. *)
Theorem one_mask_sharp (R : unitRingType) d (A : {set 'I_d}) i k (r : R) :
  let f (x : 'cV[R]_d) := x + (r * x i 0) *: delta_mx k 0 in
  i \in A -> k \in A -> i != k -> r != 0 ->
  coupling_map GRing.unit [set k] [set i] f /\ forall g : nat -> 'cV[R]_d -> 'cV[R]_d,
    (forall j, coupling_map GRing.unit (if odd j then ~: A else A) (if odd j then A else ~: A) (g j))
    \/ (forall j, coupling_map GRing.unit (if odd j then A else ~: A) (if odd j then ~: A else A) (g j))
    -> ~ (forall x, f x = iteri 3 g x).
Proof. exact: statements.three_under_one_mask_insufficient. Qed.

(* One coupling keeps what it does not move; where it puts two points that differ there into
   c + delta z, delta is 1. *)
Theorem one_layer_keeps_a_half (R : idomainType) (G : {pred R}) d (M B : {set 'I_d})
    (f : 'cV[R]_d -> 'cV[R]_d) : coupling_map G M B f ->
  (forall x j, j \notin M -> f x j 0 = x j 0) /\
  forall c delta (x y : 'cV[R]_d) j, j \notin M -> x j 0 != y j 0 ->
    f x = c + delta *: x -> f y = c + delta *: y -> delta = 1.
Proof.
by intros [s [t [_ st fE]]]; apply: (@statements.one_coupling_keeps_a_half _ _ M B f s t st fE).
Qed.

(* A shear whose shift is any function, so also a rounded one, is a bijection. *)
Theorem any_shear_is_a_bijection (V W : zmodType) (u : W -> V) (t : V -> W) :
  bijective (move_first u) /\ bijective (move_second t).
Proof.
split; [exists (move_first (fun y => - u y)) | exists (move_second (fun x => - t x))] => -[x y];
  by rewrite /move_first /move_second /= ?addrK ?subrK.
Qed.

(* Layers of integer columns: inl T adds T times the first half to the second, inr T adds T times
   the second to the first, to the nearest integers; as a matrix, without rounding; and which
   coordinates move. *)
Definition rounded_shift (R : archiRealFieldType) m n (T : 'M[R]_(m, n)) (y : 'M[int]_(n, 1)) :
  'M[int]_(m, 1) := map_mx (fun z => Num.floor (z + 2%:R^-1)) (T *m map_mx intr y).
Definition rounded_shear (R : archiRealFieldType) p q (y : 'M[int]_(p + q, 1))
    (K : 'M[R]_(q, p) + 'M[R]_(p, q)) := match K with
  | inl T => col_mx (usubmx y) (dsubmx y + rounded_shift T (usubmx y))
  | inr T => col_mx (usubmx y + rounded_shift T (dsubmx y)) (dsubmx y) end.
Definition without_rounding (R : archiRealFieldType) p q (K : 'M[R]_(q, p) + 'M[R]_(p, q)) :=
  match K with inl T => L T | inr T => U T end.
Definition moves (R : archiRealFieldType) p q (K : 'M[R]_(q, p) + 'M[R]_(p, q)) (j : 'I_(p + q)) :=
  match K with inl _ => p <= j | inr _ => j < p end%N.

(* Rounded shears stay near the linear map: within half the absolute row sums of the products of all
   later shears, over the coordinates that moved. *)
Theorem rounded_shears_are_near (R : archiRealFieldType) p q
    (x : 'M[int]_(p + q, 1)) (s : seq ('M[R]_(q, p) + 'M[R]_(p, q))) i :
  let product s := foldl (fun P K => without_rounding K *m P) 1%:M s in
  `|(map_mx intr (foldl (@rounded_shear R p q) x s) - product s *m map_mx intr x) i 0| <=
    \sum_(k < size s) \sum_(j | moves (nth (inl 0) s k) j) `|product (drop k.+1 s) i j| / 2%:R.
Proof. exact: (statements.rounded_flow_is_near x s i). Qed.

(* 0 up to l, 1 from h on, and linear between; a_0 before the first ramp, a_N after the last. *)
Definition ramp (R : realFieldType) (l h x : R) :=
  if x <= l then 0 else if h <= x then 1 else (x - l) / (h - l).
Definition staircase (R : realFieldType) p N (a : nat -> 'cV[R]_p) (l h : nat -> R) (x : R) :=
  a 0%N + \sum_(i < N) ramp (l i) (h i) x *: (a i.+1 - a i).

(* Two couplings put the noise around atoms: with one scale delta, and staircases of the coordinate
   j of z1 and of the coordinate k of y2 as shifts, they put (z1, z2) into (a_m + delta z1,
   b_m + delta z2), m the number of ramps behind, if z1 is on none and delta z2 is small. *)
Theorem atoms_on_plateaus (R : realFieldType) p q N (a : nat -> 'cV[R]_p) (b : nat -> 'cV[R]_q)
    (knot : nat -> R) (j : 'I_p) (k : 'I_q) (tau delta r : R) (z1 : 'cV_p) (z2 : 'cV_q) :
  0 < tau -> (forall i l, (i < l < N)%N -> knot i + tau <= knot l) ->
  (forall i l, (i < l <= N)%N -> r *+ 2 < b l k 0 - b i k 0) ->
  `|delta * z2 k 0| <= r -> (forall i, (i < N)%N -> ~~ (knot i < z1 j 0 < knot i + tau)) ->
  let y2 := delta *: z2 + staircase N b knot (fun i => knot i + tau) (z1 j 0) in
  let y1 := delta *: z1 + staircase N a (fun i => b i k 0 + r) (fun i => b i.+1 k 0 - r) (y2 k 0) in
  exists m, [/\ (m <= N)%N, forall i, (i < N)%N -> (knot i + tau <= z1 j 0) = (i < m)%N,
    y1 = a m + delta *: z1 & y2 = b m + delta *: z2].
Proof.
move=> tau0 knots apart small off y2 y1.
destruct (statements.two_couplings_map_near_atoms a j tau0 knots apart z1 small)
  as [m [u [v [[_ _ e2 e1] [mN behind on]]]]]; have [u0 v0] := on off.
exists m; split=> //.
  by rewrite [y1]e1 v0 scale0r addr0 addrC.
by rewrite [y2]e2 u0 scale0r addr0 addrC.
Qed.

(* Few parameters miss one of many targets: where f has p of them, each within r of 0, and is
   Lip-Lipschitz there, and N^p cubes of side 2 r / N are fewer than the targets, which are sep
   apart, and so small that Lip 2 r / N <= sep - 2 w, some target is not within w of any f theta. *)
Theorem few_parameters (R : realFieldType) (T : Type) (D : T -> T -> R) p N n
    (f : ('I_p -> R) -> T) (target : 'I_n -> T) (r Lip sep w : R) :
  (forall x y z, D x z <= D x y + D y z) -> (forall x y, D x y = D y x) ->
  (forall s t h, 0 <= h -> (forall j, [/\ `|s j| <= r, `|t j| <= r & `|s j - t j| <= h]) ->
    D (f s) (f t) <= Lip * h) ->
  (forall i j, i != j -> sep <= D (target i) (target j)) ->
  (0 < N)%N -> 0 <= r -> (N ^ p < n)%N -> Lip * (2 * r / N%:R) <= sep - 2 * w ->
  ~ forall i, exists2 s, forall j, `|s j| <= r & D (f s) (target i) < w.
Proof. exact: statements.few_parameters_miss_a_target. Qed.
