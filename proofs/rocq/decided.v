(* What is decided: products of at most four shears as conditions on blocks; what excludes five
   couplings of diagonal blocks; couplings of matrices as maps; and permutations of a square. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finset perm ssralg ssrnum zmodp poly polydiv matrix mxalgebra mxpoly.
From exactflow.certificates Require Import shears.
From exactflow Require Import layers.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Local Open Scope ring_scope.

(* At most four shears.  [a b; c d] is the inverse of M = [A B; C D].

   Main results
     two_UL      U X L Y: D = 1 and A = 1 + B C
     three_ULU   U X L Y U Z, over a field: the rows of A - 1 are in the row space of C, the columns
                 of D - 1 in its column space, and C B C is what it then has to be
     four_ULUL   U X L Y U Z L W: D = 1 + Y Z and a = 1 + Z Y, where Y = C - D W and c = - Y - W a
     four_ULUL_unit   if D is invertible, W is D^-1 (C - Y)
     four_ULUL_similar   if D - 1 is, too, D and a are similar *)
Section UpToFour.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types (A a : 'M[R]_p) (B b X Z : 'M[R]_(p, q)) (C c Y W : 'M[R]_(q, p)) (D d : 'M[R]_q).

Lemma one_U A B C D : (exists X, block_mx A B C D = U X) <-> [/\ A = 1%:M, C = 0 & D = 1%:M].
Proof. by split=> [[X /eq_block_mx[]]|[-> -> ->]] //; exists B. Qed.

Lemma one_L A B C D : (exists Y, block_mx A B C D = L Y) <-> [/\ A = 1%:M, B = 0 & D = 1%:M].
Proof. by split=> [[Y /eq_block_mx[]]|[-> -> ->]] //; exists C. Qed.

Lemma two_UL A B C D :
  (exists X Y, block_mx A B C D = U X *m L Y) <-> D = 1%:M /\ A = 1%:M + B *m C.
Proof.
split=> [[X [Y]]|[-> ->]]; last by exists B, C; rewrite mul_U !mulmx1 add0r.
by rewrite mul_U add0r => /eq_block_mx[-> -> -> ->]; rewrite !mulmx1.
Qed.

Lemma three_ULU_solution A B C D : (exists X Y Z, block_mx A B C D = U X *m L Y *m U Z) <->
  exists X Z, [/\ X *m C = A - 1%:M, C *m Z = D - 1%:M & X + A *m Z = B].
Proof.
split=> [[X [Y [Z]]]|[X [Z [eA eD eB]]]].
  rewrite mul_U mul_block_U add0r !mulmx1 => /eq_block_mx[-> -> -> ->].
  by exists X, Z; split=> //; rewrite addrC addKr.
exists X, C, Z; rewrite mul_U mul_block_U add0r !mulmx1 eA eD -eB.
have cancel n (N : 'M[R]_n) : 1%:M + (N - 1%:M) = N by rewrite addrC subrK.
by rewrite !cancel.
Qed.

Theorem four_ULUL A B C D a b c d : block_mx A B C D *m block_mx a b c d = 1%:M ->
  (exists X Y Z W, block_mx A B C D = U X *m L Y *m U Z *m L W) <->
  exists Y Z W, [/\ D = 1%:M + Y *m Z, a = 1%:M + Z *m Y, C = Y + D *m W & c = - Y - W *m a].
Proof.
move=> inv; split=> [[X [Y [Z [W e]]]]|[Y [Z [W [eD ea eC ec]]]]].
  exists Y, Z, W; rewrite e in inv; have [ea ec] := inverse_ULUL inv.
  move: e; rewrite (mul_ULUL X erefl erefl) => /eq_block_mx[_ _ -> ->].
  by split; rewrite // ec opprD.
have NM := mulmx1C inv; set N := block_mx a b c d in inv NM.
have eN : L Y *m (U Z *m (L W *m N)) = U (b + Z *m (d + W *m b)).
  have cW : c + W *m a = - Y by rewrite ec subrK.
  move: inv; rewrite /N mulmx_block scalar_mx_block => /eq_block_mx[_ _ _ dD].
  rewrite mul_L mul_U mul_L cW mulmxN ea addrK mulmx1 addNr.
  congr block_mx; rewrite -[RHS]dD eC mulmxDl -[RHS]addrA -(mulmxA D) -mulmxDr (addrC (W *m b)).
  by rewrite eD mulmxDl mul1mx mulmxDr mulmxA addrCA.
move: (b + _) eN => T eN; exists (- T), Y, Z, W.
have eP : L Y *m (U Z *m L W) = U T *m block_mx A B C D by rewrite -eN -!mulmxA NM mulmx1.
by rewrite -!mulmxA eP mul_UK.
Qed.

Corollary four_ULUL_unit A B C D a b c d : block_mx A B C D *m block_mx a b c d = 1%:M ->
  D \in unitmx -> (exists X Y Z W, block_mx A B C D = U X *m L Y *m U Z *m L W) <->
  exists Y Z, D = 1%:M + Y *m Z /\ a = 1%:M + Z *m Y.
Proof.
move=> inv uD; rewrite (four_ULUL inv); split=> [[Y [Z [_ [eD ea _ _]]]]|[Y [Z [eD ea]]]].
  by exists Y, Z.
exists Y, Z, (invmx D *m (C - Y)); split=> //; first by rewrite mulKVmx // addrC subrK.
have Ca : C *m a = - (D *m c).
  move: inv; rewrite mulmx_block scalar_mx_block => /eq_block_mx[_ _ /eqP + _].
  by rewrite addr_eq0 => /eqP.
have Ya : Y *m a = D *m Y by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
rewrite -mulmxA mulmxBl Ca Ya mulmxBr mulmxN !mulKmx // opprB addKr.
by rewrite opprK.
Qed.

(* In terms of words, and of products in any order. *)
Lemma word1_iff A B C D :
  word true 1 (block_mx A B C D) <-> [/\ A = 1%:M, C = 0 & D = 1%:M].
Proof.
split=> [/wordU[X [_ ->]]|[-> -> ->]]; first by rewrite mulmx1 => /eq_block_mx[].
by rewrite -[block_mx _ _ _ _]mulmx1; apply: word_U.
Qed.

Lemma word2_iff A B C D :
  word true 2 (block_mx A B C D) <-> D = 1%:M /\ A = 1%:M + B *m C.
Proof.
rewrite -two_UL; split=> [/word2E//|[X [Y ->]]].
by rewrite -[L Y]mulmx1; apply/word_U/word_L.
Qed.

Lemma word3_iff A B C D : word true 3 (block_mx A B C D) <->
  exists X Z, [/\ X *m C = A - 1%:M, C *m Z = D - 1%:M & X + A *m Z = B].
Proof.
rewrite -three_ULU_solution; split=> [/word3E//|[X [Y [Z ->]]]].
by rewrite -[U Z]mulmx1 -mulmxA; apply/word_U/word_L/word_U.
Qed.

Lemma word4_iff M : word true 4 M <-> exists X Y Z W, M = U X *m L Y *m U Z *m L W.
Proof.
split=> [/word4E//|[X [Y [Z [W ->]]]]].
by rewrite -[L W]mulmx1 -!mulmxA; apply/word_U/word_L/word_U/word_L.
Qed.
End UpToFour.

(* Products in any order, with the halves exchanged or not. *)
Lemma word_swapE (R : comUnitRingType) p q b m (M : 'M[R]_(p + q)) :
  word b m (swap M) <-> word (~~ b) m M.
Proof.
split=> /word_swap; rewrite ?negbK //.
by rewrite -{2}[M]submxK -[M in swap (swap M)]submxK !swap_block.
Qed.

Lemma shears_words (R : comUnitRingType) p q m (A : 'M[R]_p) B C (D : 'M_q) :
  product_of_at_most m shear (block_mx A B C D) <->
  word true m (block_mx A B C D) \/ word true m (block_mx D C B A).
Proof.
rewrite -(swap_block A B C D) word_swapE; split=> [[Ks [le kind ->]]|].
  by have [[] w] := shears_alternate kind le; [left | right].
by case=> /word_shears[Ks [kind <- ->]]; exists Ks.
Qed.

(* Over a field the linear equations are conditions on ranks. *)
Section Field.
Variable F : fieldType.

Definition three_conditions p q (A : 'M[F]_p) (B : 'M_(p, q)) (C : 'M_(q, p)) (D : 'M_q) :=
  [/\ (A - 1%:M <= C)%MS, ((D - 1%:M)^T <= C^T)%MS &
      C *m B *m C = C *m (A - 1%:M) + (D - 1%:M) *m C
        + C *m (A - 1%:M) *m pinvmx C *m (D - 1%:M) *m C].

Lemma three_linear p q (A : 'M[F]_p) (B : 'M_(p, q)) (C : 'M_(q, p)) (D : 'M_q) :
  (exists X Z, [/\ X *m C = A - 1%:M, C *m Z = D - 1%:M & X + A *m Z = B]) <->
  three_conditions A B C D.
Proof.
rewrite /three_conditions; move: (pinvmx C) (mulmxKpV (submx_refl C)) => G CGC.
have pC m (K : 'M_(m, q)) : K *m C *m G *m C = K *m C by rewrite -!mulmxA (mulmxA C) CGC.
split=> [[X [Z [eA eD eB]]]|[/submxP[X eA] /submxP[Z' /(congr1 trmx)]]].
  have EA : A = X *m C + 1%:M by rewrite eA subrK.
  split; [by rewrite -eA submxMl | by rewrite -eD trmx_mul submxMl |].
  rewrite -eB -eA -eD EA mulmxDl mul1mx !mulmxDr !mulmxDl !mulmxA pC.
  by rewrite [X in _ + X = _]addrC addrA.
rewrite trmx_mul !trmxK; move: (Z'^T) => Z eD eB.
have EA : A = X *m C + 1%:M by rewrite -eA subrK.
have CEC : C *m (B - X - A *m Z) *m C = 0.
  rewrite !mulmxBr !mulmxBl eB eA eD EA mulmxDl mul1mx mulmxDr mulmxDl !mulmxA pC.
  by rewrite -[X in X - _ - _]addrA (addrC (C *m X *m C)) addrK (addrC (C *m Z *m C)) subrr.
have : X + A *m Z + (B - X - A *m Z) = B by rewrite -[B - _ - _]addrA -opprD addrC subrK.
move: (B - X - A *m Z) CEC => E CEC eE.
exists (X + G *m C *m E), (Z + (E - G *m (C *m E))); split.
- by rewrite mulmxDl eA -!mulmxA (mulmxA C) CEC mulmx0 addr0.
- by rewrite mulmxDr eD mulmxBr !mulmxA CGC subrr addr0.
have fixes : A *m (E - G *m (C *m E)) = E - G *m (C *m E).
  by rewrite EA mulmxDl mul1mx -mulmxA mulmxBr !mulmxA CGC subrr mulmx0 add0r.
by rewrite mulmxDr fixes -eE addrACA mulmxA [G *m C *m E + _]addrC subrK.
Qed.
End Field.

(* Blocks D and a that four shears make have one characteristic polynomial. *)
Theorem four_shears_char_poly (F : fieldType) n (A B C D a b c d : 'M[F]_n) :
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  product_of_at_most 4 shear (block_mx A B C D) ->
  char_poly D = char_poly a \/ char_poly A = char_poly d.
Proof.
move=> inv /shears_words[] w; [left | right].
  have [_ [Y [Z [_ [-> -> _ _]]]]] := word4P inv w; exact: char_poly_YZ.
have inv' : block_mx D C B A *m block_mx d c b a = 1%:M.
  by have := congr1 (@swap _ _ _) inv; rewrite swap_mul !swap_block swap1.
have [_ [Y [Z [_ [-> -> _ _]]]]] := word4P inv' w; exact: char_poly_YZ.
Qed.

(* Where neither D nor D - 1 is singular, Y is invertible: four are similarity. *)
Theorem four_ULUL_similar (F : fieldType) n (A B C D a b c d : 'M[F]_n) :
  block_mx A B C D *m block_mx a b c d = 1%:M -> D \in unitmx -> D - 1%:M \in unitmx ->
  (exists X Y Z W, block_mx A B C D = U X *m L Y *m U Z *m L W) <-> sim D a.
Proof.
move=> inv uD u1; rewrite (four_ULUL_unit inv uD); split.
  move=> [Y [Z [eD ea]]]; have uYZ : Y *m Z \in unitmx by rewrite -[Y *m Z](addKr 1%:M) -eD addrC.
  apply: sim_sym; exists Y; first by move: uYZ; rewrite unitmx_mul => /andP[].
  by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
move=> /sim_sym[Y uY Ya]; exists Y, (invmx Y *m (D - 1%:M)); rewrite mulKVmx // addrC subrK.
by split=> //; rewrite -mulmxA mulmxBl mul1mx -Ya mulmxBr mulKmx // mulVmx // addrC subrK.
Qed.

(* Diagonal blocks: five couplings keep the number of negative entries.  If [A 0; 0 D] is five, then
   D and A^-1 times positive scales have one spectrum. *)
Section Signs.
Variables (F : numFieldType) (n : nat).
Implicit Types x y s t : 'rV[F]_n.

Lemma char_poly_diag x :
  char_poly (diag_mx x) = \prod_(z <- [seq x 0 i | i <- enum 'I_n]) ('X - z%:P).
Proof.
rewrite big_map big_enum /= char_poly_trig ?diag_mx_is_trig //.
by apply: eq_bigr => i _; rewrite mxE eqxx.
Qed.

Lemma same_spectrum x y : char_poly (diag_mx x) = char_poly (diag_mx y) ->
  #|[set i | x 0 i < 0]| = #|[set i | y 0 i < 0]|.
Proof.
rewrite !char_poly_diag => /prod_XsubC_eq/seq.permP/(_ (fun z => z < 0)).
by rewrite !count_map -!size_filter !cardsE !cardE /enum_mem; apply: id.
Qed.

Lemma negative_diag x y : (exists s t Y Z, [/\ positive_row s, positive_row t,
    diag_mx y *m diag_mx t = 1%:M + Y *m Z & diag_mx s *m invmx (diag_mx x) = 1%:M + Z *m Y]) ->
  diag_mx x \in unitmx -> #|[set i | x 0 i < 0]| = #|[set i | y 0 i < 0]|.
Proof.
intros [s [t [Y [Z [s0 t0 ey ex]]]]] ux; pose x' : 'rV[F]_n := \row_i (x 0 i)^-1.
have xi i : x 0 i != 0.
  by move: ux; rewrite unitmxE unitfE det_diag => /prodf_neq0; apply.
have ix : invmx (diag_mx x) = diag_mx x'.
  apply: (can_inj (mulKmx ux)); rewrite mulmxV // mulmx_diag -diag_const_mx; congr diag_mx.
  by apply/rowP => i; rewrite !mxE mulfV.
move: ey ex; rewrite ix !mulmx_diag => ey ex.
have := char_poly_YZ Y Z; rewrite -ey -ex => /same_spectrum.
have -> : [set i | (\row_i0 (y 0 i0 * t 0 i0)) 0 i < 0] = [set i | y 0 i < 0].
  by apply/setP => i; rewrite !inE mxE pmulr_llt0.
have -> // : [set i | (\row_i0 (s 0 i0 * x' 0 i0)) 0 i < 0] = [set i | x 0 i < 0].
by apply/setP => i; rewrite !inE !mxE pmulr_rlt0 // invr_lt0.
Qed.

Theorem negative_entries x y (Ks : seq 'M[F]_(n + n)) :
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 5)%N ->
  block_mx (diag_mx x) 0 0 (diag_mx y) = \big[mulmx/1%:M]_(K <- Ks) K ->
  #|[set i | x 0 i < 0]| = #|[set i | y 0 i < 0]|.
Proof.
move=> hK /(couplings_word hK)[b] + e; rewrite -e => w.
have : \det (block_mx (diag_mx x) 0 0 (diag_mx y)) != 0 by rewrite e gt_eqF ?det_couplings_gt0.
rewrite det_ublock mulf_eq0 negb_or -!unitfE -!unitmxE => /andP[ux uy].
apply: negative_diag (ux).
apply: (word_five (b := 0) (c := 0) (d := invmx (diag_mx y)) w _ (if_same _ _)).
by rewrite mul_diag_block !mulmx0 !mulmxV // -scalar_mx_block.
Qed.
End Signs.

(* A matrix that is a coupling, as a map of columns. *)
Section CouplingMaps.
Variables (R : comUnitRingType) (G : {pred R}).

Lemma coupling_map_entries d (M : {set 'I_d}) (K : 'M[R]_d) : 1 \in G ->
  coupling_map G M (~: M) (mulmx K) <->
  exists2 s : 'I_d -> R, forall i, s i \in G & forall i k, (i \notin M) || (k \in M) ->
    K i k = (if i \in M then s i else 1) * (i == k)%:R.
Proof.
move=> G1; split=> [[s [t [sG dep KE]]]|[s sG KE]].
  exists (fun i => s i 0) => // i k.
  have -> : K i k = (K *m (delta_mx k 0 : 'cV_d)) i 0 by rewrite -(colE k K) mxE.
  rewrite KE !mxE eqxx andbT; case: ifP => [iM /= kM|_ _]; last by rewrite mul1r.
  have [|-> ->] := dep i (delta_mx k 0 : 'cV_d) 0.
    by move=> j; rewrite inE !mxE andbT => jM; case: eqP jM => [->|//]; rewrite kM.
  by have := KE 0 i; rewrite mulmx0 iM mxE mulr0 add0r => <-; rewrite addr0.
exists (fun i _ => s i), (fun i x => \sum_(k | k \notin M) K i k * x k 0); split=> [//|i x y e|x i].
  by split=> //; apply: eq_bigr => k kM; rewrite e // inE.
rewrite mxE; case: ifPn => iM.
  rewrite (bigID (mem M)) /=; congr (_ + _).
  rewrite (bigD1 i) //= KE ?iM ?orbT // eqxx mulr1 big1 ?addr0 // => k /andP[kM ki].
  by rewrite KE ?kM ?orbT // eq_sym (negbTE ki) mulr0 mul0r.
rewrite (bigD1 i) //= KE ?iM // (negbTE iM) eqxx mulr1 mul1r big1 ?addr0 // => k ki.
by rewrite KE ?iM // (negbTE iM) eq_sym (negbTE ki) mulr0 mul0r.
Qed.

Variables p q : nat.
Implicit Type K : 'M[R]_(p + q).
Definition first_half : {set 'I_(p + q)} := [set i : 'I_(p + q) | (i < p)%N].

Lemma in_first (i : 'I_p) : lshift q i \in first_half. Proof. by rewrite inE /=. Qed.
Lemma in_second (j : 'I_q) : (rshift p j \in first_half) = false.
Proof. by rewrite inE /= ltnNge leq_addr. Qed.

Lemma coupling_map_first K : 1 \in G -> coupling_map G first_half (~: first_half) (mulmx K) <->
  exists (s : 'rV_p) X, (forall i, s 0 i \in G) /\ K = block_mx (diag_mx s) X 0 1%:M.
Proof.
move=> G1; rewrite coupling_map_entries //; split=> [[s sG KE]|[s [X [sG ->]]]].
  exists (\row_i s (lshift q i)), (ursubmx K); split=> [i|]; first by rewrite mxE.
  rewrite -{1}[K]submxK; congr block_mx; apply/matrixP => i j;
    rewrite !mxE KE ?in_first ?in_second ?orbT //.
  - by rewrite eq_lshift mulr_natr.
  - by rewrite eq_rlshift mulr0.
  by rewrite eq_rshift mul1r.
exists (fun i => if split i is inl j then s 0 j else 1) => [i|i k]; first by case: split.
case: (split_ordP i) => {}i ->; case: (split_ordP k) => {}k ->;
  rewrite ?in_first ?in_second //= => _.
- by rewrite block_mxEul mxE eq_lshift mulr_natr.
- by rewrite block_mxEdl mxE eq_rlshift mulr0.
by rewrite block_mxEdr mxE eq_rshift mul1r.
Qed.

Lemma coupling_map_second K : 1 \in G -> coupling_map G (~: first_half) first_half (mulmx K) <->
  exists (s : 'rV_q) Y, (forall i, s 0 i \in G) /\ K = block_mx 1%:M 0 Y (diag_mx s).
Proof.
move=> G1; rewrite -{2}[first_half]setCK coupling_map_entries //.
split=> [[s sG KE]|[s [X [sG ->]]]].
  exists (\row_i s (rshift p i)), (dlsubmx K); split=> [i|]; first by rewrite mxE.
  rewrite -{1}[K]submxK; congr block_mx; apply/matrixP => i j.
  - by rewrite !mxE KE !in_setC ?in_first //= eq_lshift mul1r.
  - by rewrite !mxE KE !in_setC ?in_first //= eq_lrshift mulr0.
  by rewrite !mxE KE !in_setC ?in_second //= eq_rshift mulr_natr.
exists (fun i => if split i is inr j then s 0 j else 1) => [i|i k]; first by case: split.
case: (split_ordP i) => {}i ->; case: (split_ordP k) => {}k ->;
  rewrite !in_setC ?in_first ?in_second //= => _.
- by rewrite block_mxEul mxE eq_lshift mul1r.
- by rewrite block_mxEur mxE eq_lrshift mulr0.
by rewrite block_mxEdr mxE eq_rshift mulr_natr.
Qed.
End CouplingMaps.

Lemma linear_columns (R : comUnitRingType) d (f : {linear 'cV[R]_d -> 'cV[R]_d}) :
  exists K : 'M[R]_d, f =1 mulmx K.
Proof.
exists (\matrix_(i, j) f (delta_mx j 0) i 0) => x.
rewrite {1}[x]matrix_sum_delta linear_sum; apply/colP => i.
rewrite !mxE summxE; apply: eq_bigr => j _; rewrite big_ord1 linearZ !mxE mulrC.
by [].
Qed.

Lemma shear_map (R : comUnitRingType) p q (K : 'M[R]_(p + q)) :
  shear K <-> coupling_map (pred1 1) (first_half p q) (~: first_half p q) (mulmx K) \/
    coupling_map (pred1 1) (~: first_half p q) (first_half p q) (mulmx K).
Proof.
have ones n (s : 'rV[R]_n) : (forall i, s 0 i \in pred1 1) -> diag_mx s = 1%:M.
  by move=> s1; rewrite -diag_const_mx; congr diag_mx; apply/rowP => i; rewrite mxE; apply/eqP/s1.
have one n i : (const_mx 1 : 'rV[R]_n) 0 i \in pred1 1 by rewrite !inE mxE.
rewrite coupling_map_first ?coupling_map_second ?inE //.
split=> [[[X ->]|[Y ->]]|[[s [X [/ones -> ->]]]|[s [Y [/ones -> ->]]]]].
- by left; exists (const_mx 1), X; rewrite diag_const_mx.
- by right; exists (const_mx 1), Y; rewrite diag_const_mx.
- by left; exists X.
by right; exists Y.
Qed.

Section LinearMaps.
Variables (F : numFieldType) (p q : nat).
Let positive := [pred c : F | 0 < c].
Let is_map f := coupling_map positive (first_half p q) (~: first_half p q) f \/
  coupling_map positive (~: first_half p q) (first_half p q) f.

Lemma coupling_matrix_map (K : 'M[F]_(p + q)) : coupling K <-> is_map (mulmx K).
Proof. by rewrite /is_map coupling_map_first ?coupling_map_second ?inE ?ltr01. Qed.

Lemma linear_coupling_map (f : {linear 'cV[F]_(p + q) -> 'cV[F]_(p + q)}) :
  is_map f <-> exists2 K, coupling K & f =1 mulmx K.
Proof.
have same M B g h : g =1 h -> coupling_map positive M B g -> coupling_map positive M B h.
  by move=> gh [s [t [sG dep gE]]]; exists s, t; split=> // x i; rewrite -gh.
split=> [|[K /coupling_matrix_map mK fK]]; last first.
  by case: mK => mK; [left | right]; apply: same mK => x; rewrite fK.
have [K fK] := linear_columns f; move=> mf; exists K => //; apply/coupling_matrix_map.
by case: mf => mf; [left | right]; apply: same mf.
Qed.
End LinearMaps.

(* Halves of one entry: four shears, and diag(t, t^-1) takes them. *)
Lemma two_by_two_three (F : fieldType) (M : 'M[F]_(1 + 1)) : dlsubmx M \in unitmx -> \det M = 1 ->
  exists X Y Z, M = U X *m L Y *m U Z.
Proof.
rewrite -[M]submxK block_mxKdl; move: (ulsubmx M) (ursubmx M) (dlsubmx M) (drsubmx M) => A B C D uC.
rewrite det_lower_invertible // det_mx11 => dK.
have CK : C *m (A *m invmx C *m D - B) = 1%:M by rewrite [LHS]mx11_scalar dK.
have [_] := three_affine A B D 1%:M 1%:M uC; case=> [|X [Z ->]]; last by exists X, C, Z.
by rewrite mul1mx mulmx1 -[RHS](mulKmx uC) CK mulmx1.
Qed.

Theorem two_by_two_four (F : fieldType) (M : 'M[F]_(1 + 1)) : \det M = 1 ->
  product_of_at_most 4 shear M.
Proof.
move=> dM; suff [Y [X [Y' [Z e]]]] : exists Y X Y' Z, M = L Y *m (U X *m L Y' *m U Z).
  exists [:: L Y; U X; L Y'; U Z]; split=> [//|K|]; last first.
    by rewrite !big_cons big_nil mulmx1 e !mulmxA.
  by rewrite !inE => /or4P[] /eqP ->;
    [right; exists Y | left; exists X | right; exists Y' | left; exists Z].
have [u|sing] := boolP (dlsubmx M \in unitmx).
  have [X [Y [Z e]]] := two_by_two_three u dM; exists 0, X, Y, Z.
  by rewrite L0 mul1mx.
have uM : M \in unitmx by rewrite unitmxE dM unitr1.
have [W uC] := stable_range (left_column (mulVmx uM)).
have [||X [Y [Z e]]] := @two_by_two_three F (L W *m M).
- by rewrite -[M]submxK mul_L block_mxKdl.
- by rewrite det_mulmx det_L mul1r.
by exists (- W), X, Y, Z; rewrite -e mul_LK.
Qed.

Theorem two_by_two_not_three (F : fieldType) (t : F) : t != 0 -> t != 1 ->
  let M : 'M[F]_(1 + 1) := block_mx t%:M 0 0 (t^-1)%:M in
  \det M = 1 /\ ~ product_of_at_most 3 shear M.
Proof.
move=> t0 t1 M; split; first by rewrite det_ublock !det_scalar1 mulfV.
have no (u v : F) : u != 1 -> ~ word true 3 (block_mx u%:M 0 0 v%:M : 'M_(1 + 1)).
  move=> u1 /word3_iff[X [Z [+ _ _]]]; rewrite mulmx0 => /esym/matrixP/(_ 0 0)/eqP.
  by rewrite !mxE eqxx subr_eq0 (negbTE u1).
by move=> /shears_words[]; apply: no; rewrite // invr_eq1.
Qed.

(* A half without entries: no shear moves anything, and a coupling scales. *)
Theorem empty_half (R : comUnitRingType) q k (M : 'M[R]_(0 + q)) :
  product_of_at_most k shear M <-> M = 1%:M.
Proof.
split=> [[Ks [_ + ->]]|->]; last by exists [::]; rewrite big_nil.
elim: Ks => [|K Ks IH] kind; first by rewrite big_nil.
rewrite big_cons IH => [|N NKs]; last by apply: kind; rewrite inE NKs orbT.
rewrite mulmx1; have [[X ->]|[Y ->]] := kind K (mem_head _ _).
  by rewrite (flatmx0 X) U0.
by rewrite (thinmx0 Y) L0.
Qed.

(* Permutations of the corners of the unit square by additive couplings of pairs of numbers.

   Main results
     realized_by_two     two layers permute the corners only as the identity does
     realized_by_three   three layers realize exactly the permutations of three_suffice: the
                         identity, two quarter turns and two reflections

   Plan.  Let three layers move the second half first, x2 -> B = x2 + t x1 -> y2 = B + v y1, and
   x1 -> y1 = x1 + u B.  Then y2 - x2 = t x1 + v y1.  So y2 - x2 agrees at two points of one x1 and
   one y1; each point (0, i) and (1, j) of one y1 give t 1 - t 0 as an integer; and where this makes
   B equal at two points, y1 - x1 is, too.  These are comparisons of integers, which the kernel
   makes for each permutation. *)
Section Square.
Variable F : numDomainType.
Implicit Types (t u v : F -> F) (a i j k l : bool).

Definition square : seq (bool * bool) :=
  [:: (false, false); (false, true); (true, false); (true, true)].
Definition corner (x : bool * bool) : F * F := (x.1%:R, x.2%:R).

Lemma alternate_two layers : (size layers <= 2)%N -> exists t u,
  (forall x, foldr (@move_half F F) x layers = move_first u (move_second t x)) \/
  (forall x, foldr (@move_half F F) x layers = move_second t (move_first u x)).
Proof.
case: layers => [|[u|t] [|[u'|t'] [|? ?]]] //= _.
- by exists (fun=> 0), (fun=> 0); left=> -[x y]; rewrite /move_first /move_second /= !addr0.
- by exists (fun=> 0), u; left=> -[x y]; rewrite /move_first /move_second /= !addr0.
- exists (fun=> 0), (fun y => u' y + u y); left=> -[x y].
  by rewrite /move_first /move_second /= !(addr0, addrA).
- by exists t', u; left.
- by exists t, (fun=> 0); left=> -[x y]; rewrite /move_first /move_second /= !addr0.
- by exists t, u'; right.
exists (fun z => t' z + t z), (fun=> 0); left=> -[x y].
by rewrite /move_first /move_second /= !(addr0, addrA).
Qed.

Lemma alternate_three layers : (size layers <= 3)%N ->
  (exists t u v, forall x, foldr (@move_half F F) x layers = move_second v (move_first u (move_second t x))) \/
  (exists u t v, forall x, foldr (@move_half F F) x layers = move_first v (move_second t (move_first u x))).
Proof.
case: layers => [|layer layers] le.
  left; exists (fun=> 0), (fun=> 0), (fun=> 0) => -[x y].
  by rewrite /move_first /move_second /= !addr0.
have [t [u [] e]] := alternate_two (le : (size layers <= 2)%N).
  case: layer {le} => [w|w].
    right; exists (fun=> 0), t, (fun y => u y + w y) => -[x y].
    by rewrite /= e /move_first /move_second /= !(addr0, addrA).
  by left; exists t, u, w => x; rewrite /= e.
case: layer {le} => [w|w].
  by right; exists u, t, w => x; rewrite /= e.
left; exists (fun=> 0), u, (fun y => t y + w y) => -[x y].
by rewrite /= e /move_first /move_second /= !(addr0, addrA).
Qed.

Lemma bits z (b c : bool) :
  false%:R + z = b%:R -> true%:R + z = c%:R :> F -> (b = false) * (c = true).
Proof.
rewrite add0r => -> /eqP; rewrite -natrD eqr_nat; by case: b c => [] [].
Qed.

Lemma two_moves layers (pi : bool * bool -> bool * bool) : (size layers <= 2)%N ->
  (forall x, foldr (@move_half F F) (corner x) layers = corner (pi x)) -> forall x, pi x = x.
Proof.
move=> /alternate_two[t [u [] e]] real; rewrite /move_first /move_second /= in e.
  have e1 a i : a%:R + u (pi (a, i)).2%:R = (pi (a, i)).1%:R :> F.
    by have := real (a, i); rewrite e => -[<- <-].
  have e2 a i : i%:R + t a%:R = (pi (a, i)).2%:R by have := real (a, i); rewrite e => -[_ <-].
  have p2 a i : (pi (a, i)).2 = i by have := bits (e2 a false) (e2 a true); case: i => -[].
  have e1' a i : a%:R + u i%:R = (pi (a, i)).1%:R by rewrite -e1 p2.
  have p1 a i : (pi (a, i)).1 = a by have := bits (e1' false i) (e1' true i); case: a => -[].
  by case=> a i; rewrite [LHS]surjective_pairing p1 p2.
have e2 a i : i%:R + t (pi (a, i)).1%:R = (pi (a, i)).2%:R :> F.
  by have := real (a, i); rewrite e => -[<- <-].
have e1 a i : a%:R + u i%:R = (pi (a, i)).1%:R by have := real (a, i); rewrite e => -[<-].
have p1 a i : (pi (a, i)).1 = a by have := bits (e1 false i) (e1 true i); case: a => -[].
have e2' a i : i%:R + t a%:R = (pi (a, i)).2%:R by rewrite -e2 p1.
have p2 a i : (pi (a, i)).2 = i by have := bits (e2' a false) (e2' a true); case: i => -[].
by case=> a i; rewrite [LHS]surjective_pairing p1 p2.
Qed.

(* The comparisons of integers that three layers, the second half first, imply. *)
Definition both (holds : bool -> bool) := holds false && holds true.
Definition three_possible (pi : bool * bool -> bool * bool) :=
  both (fun a => ((pi (a, false)).1 == (pi (a, true)).1) ==>
    ((pi (a, false)).2 + 1 == (pi (a, true)).2)%N) &&
  both (fun i => both (fun j => ((pi (false, i)).1 == (pi (true, j)).1) ==>
    both (fun k => both (fun l =>
      let: (P, Q) := ((pi (true, j)).2 + i, (pi (false, i)).2 + j)%N in
      ((P + l == Q + k)%N ==> ~~ (pi (false, k)).1 && (pi (true, l)).1) &&
      (((pi (false, k)).1 == (pi (true, l)).1) ==>
        (P + ((pi (false, k)).2 + l) == Q + ((pi (true, l)).2 + k))%N))))).

Lemma bothP (holds : bool -> bool) : (forall b, holds b) -> both holds.
Proof. by move=> all; apply/andP. Qed.

Lemma sub_add (x y a b : F) : x + a = y + b <-> x - y = b - a.
Proof.
split=> [/(canRL (addrK a)) ->|/(canRL (subrK y)) ->]; first by rewrite [y + b]addrC addrAC addrK.
by rewrite addrAC subrK addrC.
Qed.

Lemma three_moves t u v pi :
  (forall x, move_second v (move_first u (move_second t (corner x))) = corner (pi x)) ->
  three_possible pi.
Proof.
rewrite /move_first /move_second => real; pose B a i := i%:R + t a%:R.
have e1 a i : a%:R + u (B a i) = (pi (a, i)).1%:R by have := real (a, i); case=> <-.
have e2 a i : B a i + v (pi (a, i)).1%:R = (pi (a, i)).2%:R.
  by have [<- <-] := real (a, i).
have same_end i j : (pi (false, i)).1 = (pi (true, j)).1 ->
    ((pi (true, j)).2 + i)%:R + t false%:R = ((pi (false, i)).2 + j)%:R + t true%:R.
  move=> e; rewrite !natrD -!e2 e -!(addrA _ _%:R) -/(B false i) -/(B true j).
  by rewrite addrAC [RHS]addrAC [B true j + _]addrC.
apply/andP; split.
  apply: bothP => a; apply/implyP=> /eqP e.
  have := bits (z := t a%:R + v (pi (a, true)).1%:R) (b := (pi (a, false)).2) (c := (pi (a, true)).2).
  by rewrite -!e2 e /B !addrA => /(_ erefl erefl)[-> ->].
apply: bothP => i; apply: bothP => j; apply/implyP=> /eqP/same_end/(sub_add _ _ _ _).1 eij.
apply: bothP => k; apply: bothP => l; apply/andP; split; apply/implyP=> /eqP.
  move/(congr1 (fun n => n%:R : F)); rewrite !natrD -!natrD natrD (natrD _ (_ + _)).
  move/(sub_add _ _ _ _).1; rewrite eij => /esym/(sub_add _ _ _ _).2 eB.
  by have := bits (e1 false k); rewrite /B eB => /(_ _ (e1 true l))[-> ->].
move/same_end/(sub_add _ _ _ _).1; rewrite -eij => /esym/(sub_add _ _ _ _).2; rewrite -!natrD => /eqP.
by rewrite eqr_nat.
Qed.


(* The half that moves second moves first, and the reverse. *)
Definition mirrored (pi : bool * bool -> bool * bool) (x : bool * bool) :=
  let y := pi (x.2, x.1) in (y.2, y.1).

Lemma mirrored_moves t u v pi :
  (forall x, move_first v (move_second u (move_first t (corner x))) = corner (pi x)) <->
  (forall x, move_second v (move_first u (move_second t (corner x))) = corner (mirrored pi x)).
Proof.
by split=> real [a i]; have := real (i, a); rewrite /mirrored /=; case: (pi _) => ? ? [e1 e2];
  congr (_, _).
Qed.

(* The permutation that takes the corners, in the order of square, to a list of images. *)
Definition permutation_to (images : seq (bool * bool)) x := nth x images (index x square).
Definition three_suffice images :=
  three_possible (permutation_to images) || three_possible (mirrored (permutation_to images)).
Definition realized (k : nat) images := exists2 layers, (size layers <= k)%N &
  [seq foldr (@move_half F F) (corner x) layers | x <- square] = map corner images.

Lemma realizedP layers images : images \in permutations square ->
  [seq foldr (@move_half F F) (corner x) layers | x <- square] = map corner images ->
  forall x, foldr (@move_half F F) (corner x) layers = corner (permutation_to images x).
Proof.
rewrite mem_permutations => /perm_size.
by case: images => [|? [|? [|? [|? [|? ?]]]]] // _ [? ? ? ?] [[] []].
Qed.

Lemma realized_by_two images : images \in permutations square -> realized 2%N images -> images = square.
Proof.
move=> perm [layers size2] /(realizedP perm)/(two_moves size2) e.
move: perm e; rewrite mem_permutations => /perm_size.
case: images => [|x [|y [|z [|w [|? ?]]]]] // _ e.
by rewrite /square -(e (false, false)) -(e (false, true)) -(e (true, false)) -(e (true, true)).
Qed.

Lemma needed_for_three images : images \in permutations square -> realized 3%N images ->
  three_suffice images.
Proof.
move=> perm [layers size3] /(realizedP perm) real; apply/orP.
have [[t [u [v e]]]|[u [t [v e]]]] := alternate_three size3.
  by left; apply: (three_moves (t := t) (u := u) (v := v)) => x; rewrite -e.
right; apply: (three_moves (t := u) (u := t) (v := v)); apply/mirrored_moves => x.
by rewrite -e; apply: real.
Qed.

Lemma quarter_turn a i : move_second (fun y => y - 1) (move_first (fun B => 1 - B)
  (move_second id (corner (a, i)))) = corner (~~ i, a).
Proof.
have neg (b : bool) : 1 - b%:R = (~~ b)%:R :> F by case: b; rewrite ?subrr ?subr0.
rewrite /move_second /move_first /=; have -> : a%:R + (1 - (i%:R + a%:R)) = (~~ i)%:R :> F.
  by rewrite opprD (addrA 1) addrC subrK neg.
by congr (_, _); rewrite -neg [1 - _ - 1]addrAC subrr add0r addrAC subrr add0r.
Qed.

Lemma quarter_turn_back a i : move_second (fun y => 1 - y) (move_first id
  (move_second -%R (corner (a, i)))) = corner (i, ~~ a).
Proof.
have neg (b : bool) : 1 - b%:R = (~~ b)%:R :> F by case: b; rewrite ?subrr ?subr0.
rewrite /move_second /move_first /corner /= -neg [a%:R + _]addrC subrK.
by congr (_, _); rewrite addrC addrA subrK.
Qed.

(* The first layer tells the points of the two first coordinates apart. *)
Definition side (B : F) : F := if (B == 0%:R) || (B == 1%:R) then 1 else - 1.

Lemma reflection a i : move_second (fun y => (y - 1) *+ 2) (move_first side
  (move_second (fun x => x *+ 2) (corner (a, i)))) = corner (~~ a, i).
Proof.
have sideE : a%:R + side (i%:R + a%:R *+ 2) = (~~ a)%:R :> F.
  rewrite /side -mulrnA -natrD !eqr_nat.
  by case: a i => [] []; rewrite /= ?subrr ?add0r.
rewrite /move_second /move_first /= sideE -addrA -mulrnDl addrA -natrD.
by case: a {sideE}; rewrite subrr mul0rn addr0.
Qed.

Lemma three_layers t u v pi images : images = [seq pi x | x <- square] ->
  (forall a i, move_second v (move_first u (move_second t (corner (a, i)))) = corner (pi (a, i))) ->
  realized 3%N images.
Proof.
move=> -> real; exists [:: inr v; inl u; inr t] => //; rewrite -map_comp; apply: eq_map => -[a i].
exact: real.
Qed.

Lemma three_layers_mirrored t u v pi images : images = [seq mirrored pi x | x <- square] ->
  (forall a i, move_second v (move_first u (move_second t (corner (a, i)))) = corner (pi (a, i))) ->
  realized 3%N images.
Proof.
move=> -> real; exists [:: inl v; inr u; inl t] => //; rewrite -map_comp; apply: eq_map => x.
by apply: (mirrored_moves t u v (mirrored pi)).2 => -[a i]; rewrite real.
Qed.

Lemma enough_for_three images : images \in permutations square -> three_suffice images ->
  realized 3%N images.
Proof.
move=> perm three; have : images \in [seq s <- permutations square | three_suffice s].
  by rewrite mem_filter three.
have -> : [seq s <- permutations square | three_suffice s] = [::
  square; [seq (x.2, ~~ x.1) | x <- square]; [seq (x.1, ~~ x.2) | x <- square];
  [seq (~~ x.1, x.2) | x <- square]; [seq (~~ x.2, x.1) | x <- square]] by vm_compute.
rewrite !inE => /orP[/eqP->|]; first by exists [::].
case/or4P=> /eqP ->.
- exact: three_layers erefl quarter_turn_back.
- exact: (three_layers_mirrored (pi := fun x => (~~ x.1, x.2)) erefl reflection).
- exact: three_layers erefl reflection.
exact: three_layers erefl quarter_turn.
Qed.

Theorem realized_by_three images : images \in permutations square ->
  realized 3%N images <-> three_suffice images.
Proof. by move=> perm; split; [apply: needed_for_three | apply: enough_for_three]. Qed.
End Square.
