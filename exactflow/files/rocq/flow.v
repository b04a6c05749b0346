(* A flow of coupling layers and a matrix, over the rationals.

   Theorem flow_of_couplings of a certificate says that each factor is a coupling, and what their
   product has to do with the target.  Its words are defined in the first part; coqc checks the
   rest: products of integers over common denominators, row by row. *)
From exactflow.certificates Require Export rationals.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Close Scope Q_scope.
Local Open Scope ring_scope.

(* Integers over a common denominator: a matrix, row by row. *)
Definition fractions := (positive * seq (seq Z))%type.
Definition over D s : fractions := (D, s).
Arguments over D%_positive.
Definition matrix_over d (s : fractions) : 'M[rat]_d :=
  \matrix_(i, j) rational (Qmake (nth 0%Z (nth [::] s.2 i) j) s.1).

(* A layer: whether it moves the first half, a denominator, and over it the scale and the shift of
   each coordinate that is moved.  The halves are lists of coordinates. *)
Definition layer := (bool * positive * seq Z * seq (seq Z))%type.
Definition moves_first D scale shift : layer := (true, D, scale, shift).
Definition moves_second D scale shift : layer := (false, D, scale, shift).
Arguments moves_first D%_positive.
Arguments moves_second D%_positive.
Definition matrix_of_layer d (first second : seq nat) (l : layer) : 'M[rat]_d :=
  let: (u, D, scale, shift) := l in
  let: (moved, others) := if u then (first, second) else (second, first) in
  \matrix_(i, j)
    if (i : nat) \notin moved then (i == j)%:R
    else if i == j then rational (Qmake (nth 0%Z scale (index (i : nat) moved)) D)
    else if (j : nat) \in others then
      rational (Qmake (nth 0%Z (nth [::] shift (index (i : nat) moved)) (index (j : nat) others)) D)
    else 0.

(* The identity but for the rows of the coordinates that are moved: there a positive scale on
   the diagonal, and anything in the columns of the others. *)
Definition is_coupling d (moved : seq nat) (K : 'M[rat]_d) := forall i j : 'I_d,
  [/\ (i : nat) \notin moved -> K i j = (i == j)%:R, (i : nat) \in moved -> i = j -> 0 < K i j &
      (i : nat) \in moved -> (j : nat) \in moved -> i <> j -> K i j = 0].

(* The diagonal matrix with -1 at the flips. *)
Definition signs d (flips : seq nat) : 'M[rat]_d :=
  diag_mx (\row_i (if (i : nat) \in flips then -1 else 1)).

(* Whether a coordinate is one of those listed; and p / q. *)
Definition among (listed : seq nat) d (i : 'I_d) := (i : nat) \in listed.
Definition fraction p q : rat := rational (Qmake p q).
Arguments fraction p%_Z q%_positive.

(* ------------------------------------------------------------- by computation *)
Fixpoint add_multiple (w : Z) (r sum : seq Z) : seq Z :=
  match r, sum with
  | x :: r', y :: sum' => (w * x + y)%Z :: add_multiple w r' sum'
  | x :: r', [::] => (w * x)%Z :: add_multiple w r' [::]
  | [::], _ => sum
  end.
Definition combination n (weights : seq Z) (s : seq (seq Z)) : seq Z :=
  foldr (fun k => add_multiple (nth 0%Z weights k) (nth [::] s k)) [::] (iota 0 n).

(* x / g if g divides x, else anything: from the lowest bit on, as no bit is to be guessed. *)
Fixpoint quotient (steps : nat) (x : Z) (g : positive) : Z :=
  match steps, x, g with
  | steps'.+1, Zpos (xO p), xO g' => quotient steps' (Zpos p) g'
  | steps'.+1, Zpos (xO p), _ => Z.double (quotient steps' (Zpos p) g)
  | steps'.+1, Zpos p, _ => Z.succ_double (quotient steps' (Z.div2 (Zpos p - Zpos g)) g)
  | _, _, _ => 0%Z
  end.
Definition exact_quotient g x := let steps := Pos.size_nat (Z.to_pos (Z.abs x)) in
  if x is Zneg p then Z.opp (quotient steps (Zpos p) g) else quotient steps x g.

(* A denominator and rows, divided by g, if g divides all. *)
Definition divided (g : positive) (D : positive) (s : seq (seq Z)) : option fractions :=
  let pairs := [seq [seq (x, exact_quotient g x) | x <- r] | r <- s] in
  if exact_quotient g (Zpos D) is Zpos D' then
    if Pos.eqb D (g * D')%positive && all (all (fun x => Z.eqb x.1 (Zpos g * x.2))) pairs then
      Some (D', [seq [seq x.2 | x <- r] | r <- pairs])
    else None
  else None.

Section Flow.
Variables (d : nat) (first second flips : seq nat).
Local Notation mx := (matrix_of_layer d first second).

(* The rows of a product, those of either half over a denominator of their own. *)
Definition state := (fractions * fractions)%type.

Definition moved_rows (g : positive) E (scale : seq Z) (shift : seq (seq Z)) n (m o : fractions) :=
  divided g (E * (m.1 * o.1))
    [seq add_multiple (x.1 * Zpos o.1) x.2.1
           (add_multiple (Zpos m.1) (combination n x.2.2 o.2) [::])
     | x <- zip scale (zip m.2 shift)].

Definition fits n k (scale : seq Z) (shift m : seq (seq Z)) :=
  [&& size scale == n, size shift == n, size m == n, all (fun r => size r == k) shift &
      all (fun x => Z.ltb 0 x) scale].

Definition step (g : positive) (l : layer) (st : state) : option state :=
  let: (u, E, scale, shift) := l in
  let: (m, o) := st in
  let: (n, k) := (size first, size second) in
  if u then
    if fits n k scale shift m.2 then omap (fun m' => (m', o)) (moved_rows g E scale shift k m o)
    else None
  else
    if fits k n scale shift o.2 then omap (fun o' => (m, o')) (moved_rows g E scale shift n o m)
    else None.

Definition sign_rows half : fractions :=
  (1%positive, [seq [seq if i == j then if i \in flips then (-1)%Z else 1%Z else 0%Z
                    | j <- iota 0 d] | i <- half]).

Fixpoint run (divisors : seq positive) (ls : seq layer) : option state :=
  if ls is l :: ls' then obind (step (head 1%positive divisors) l) (run (behead divisors) ls')
  else Some (sign_rows first, sign_rows second).

Definition row_at (st : state) i : positive * seq Z :=
  if i \in first then (st.1.1, nth [::] st.1.2 (index i first))
  else (st.2.1, nth [::] st.2.2 (index i second)).

Definition derived (is_gram : bool) st i j : Q :=
  let: (D, r) := row_at st i in
  if is_gram then let: (E, s) := row_at st j in
    Qmake (foldr (fun k => Z.add (nth 0%Z r k * nth 0%Z s k)) 0%Z (iota 0 d)) (D * E)
  else Qmake (nth 0%Z r j) D.

Definition near (bound : option Q) x y := if bound is Some b then
    let z := Qplus x (Qopp y) in nonnegative (Qplus b (Qopp z)) && nonnegative (Qplus b z)
  else Qeq_bool x y.

Definition holds is_gram bound (pads : seq nat) (t : fractions) (ls : seq layer) divisors : bool :=
  [&& perm_eq (first ++ second) (iota 0 d), square d t.2 &
  if run divisors ls is Some st then
    everywhere d (fun i j => (j \in pads) ||
      near bound (Qmake (nth 0%Z (nth [::] t.2 i) j) t.1) (derived is_gram st i j))
  else false].

(* ------------------------------------------------------------------ soundness *)
Local Notation frac D z := (rational (Qmake z D)).

Lemma fracE D z : frac D z = whole z / (Pos.to_nat D)%:R. Proof. by []. Qed.

Lemma nth_add_multiple w r sum j :
  nth 0%Z (add_multiple w r sum) j = (w * nth 0%Z r j + nth 0%Z sum j)%Z.
Proof.
elim: r sum j => [|x r IH] [|y sum] [|j] //=; rewrite ?nth_nil ?IH ?nth_nil; try lia.
Qed.

Lemma whole_combination n ws s j : whole (nth 0%Z (combination n ws s) j)
  = \sum_(k < n) whole (nth 0%Z ws k) * whole (nth 0%Z (nth [::] s k) j).
Proof.
rewrite -(big_mkord xpredT (fun k => whole (nth 0%Z ws k) * whole (nth 0%Z (nth [::] s k) j))).
rewrite /index_iota subn0 /combination.
elim: (iota 0 n) => [|k ks IH]; first by rewrite big_nil nth_nil.
by rewrite big_cons -IH /= nth_add_multiple wholeD wholeM.
Qed.

Lemma dividedP g D s t : divided g D s = Some t -> [/\ size t.2 = size s &
  forall i j, frac t.1 (nth 0%Z (nth [::] t.2 i) j) = frac D (nth 0%Z (nth [::] s i) j)].
Proof.
rewrite /divided; case: exact_quotient => [|D'|] //; case: ifP => // /andP[/Pos.eqb_spec ->].
move/(all_nthP [::]) => ok [<-] /=; rewrite !size_map; split=> // i j.
apply: rational_eq; rewrite /Qeq /=.
case: (ltnP i (size s)) => i_s; last by rewrite !(@nth_default _ [::]) ?size_map // !nth_nil.
have := ok i; rewrite !size_map => /(_ i_s)/(all_nthP (0%Z, 0%Z))/(_ j).
rewrite !(nth_map [::]) ?size_map //; set r := nth [::] s i.
case: (ltnP j (size r)) => j_r; last by rewrite !(@nth_default _ 0%Z) ?size_map.
rewrite (nth_map 0%Z) // => /(_ isT)/Z.eqb_spec /=.
rewrite (nth_map (0%Z, 0%Z)) ?size_map // (nth_map 0%Z) //=.
move: (exact_quotient g _) => q e; have -> : nth 0%Z r j = (Zpos g * q)%Z by exact: e.
by rewrite Pos2Z.inj_mul; lia.
Qed.

Lemma moved_rowsP g E scale shift n m o t i j : moved_rows g E scale shift n m o = Some t ->
  size shift = size scale -> size m.2 = size scale -> (i < size scale)%N ->
  frac t.1 (nth 0%Z (nth [::] t.2 i) j)
  = frac E (nth 0%Z scale i) * frac m.1 (nth 0%Z (nth [::] m.2 i) j)
    + \sum_(k < n) frac E (nth 0%Z (nth [::] shift i) k) * frac o.1 (nth 0%Z (nth [::] o.2 k) j).
Proof.
move=> /dividedP[_ e] s1 s2 i_s; rewrite e (nth_map (0%Z, ([::], [::]))); last first.
  by rewrite !size_zip s1 s2 !minnn.
rewrite !nth_zip ?size_zip ?s1 ?s2 ?minnn //= !nth_add_multiple nth_nil.
rewrite !fracE !Pos2Nat.inj_mul !natrM !(wholeD, wholeM) whole_combination addr0.
under [in RHS]eq_bigr do rewrite !fracE mulf_div.
rewrite -mulr_suml !whole_pos mulrDl; congr (_ + _).
  by rewrite [X in X / _]mulrAC [X in _ / X]mulrA -!mulf_div divff ?den_neq0 // mulr1.
by rewrite [X in _ / X]mulrCA -mulf_div divff ?den_neq0 // mul1r.
Qed.

(* The rows that a state stands for. *)
Definition value (st : state) : 'M[rat]_d := \matrix_(i, j)
  let: (D, r) := row_at st i in frac D (nth 0%Z r j).

Hypothesis halves : perm_eq (first ++ second) (iota 0 d).

Lemma in_halves (i : 'I_d) : (i : nat) \in first = ((i : nat) \notin second).
Proof.
have := perm_uniq halves; rewrite iota_uniq cat_uniq => /and3P[_ /hasPn disjoint _].
have := perm_mem halves i; rewrite mem_cat mem_iota ltn_ord => i_in.
case i2 : (_ \in second) i_in => /=; last by rewrite orbF => ->.
by move=> _; apply/negbTE/disjoint.
Qed.

(* The sum over a half is one over its places. *)
Lemma sum_half (half : seq nat) (F : nat -> rat) : uniq half -> {subset half <= iota 0 d} ->
  \sum_(k < d) (if (k : nat) \in half then F (index (k : nat) half) else 0)
  = \sum_(t < size half) F t.
Proof.
move=> half_uniq half_d.
rewrite -(big_mkord xpredT (fun k => if k \in half then F (index k half) else 0)) -big_mkcond /=.
rewrite -big_filter (perm_big half) /=; last first.
  apply: uniq_perm; rewrite ?filter_uniq ?iota_uniq // => k; rewrite mem_filter.
  by case: (boolP (k \in half)) => // /half_d; rewrite /index_iota subn0.
rewrite (big_nth 0%N) big_mkord; apply: eq_bigr => t _; by rewrite index_uniq.
Qed.

Lemma moved_rows_times (moved others : seq nat) g E scale shift m o t (P : 'M[rat]_d) :
  moved_rows g E scale shift (size others) m o = Some t ->
  fits (size moved) (size others) scale shift m.2 ->
  uniq others -> {subset others <= iota 0 d} ->
  (forall i : 'I_d, (i : nat) \in moved -> forall j, P i j =
    frac m.1 (nth 0%Z (nth [::] m.2 (index (i : nat) moved)) j)) ->
  (forall i : 'I_d, (i : nat) \in others -> forall j, P i j =
    frac o.1 (nth 0%Z (nth [::] o.2 (index (i : nat) others)) j)) ->
  forall i : 'I_d, (i : nat) \in moved -> (i : nat) \notin others -> forall j : 'I_d,
  \sum_k (if i == k then frac E (nth 0%Z scale (index (i : nat) moved))
          else if (k : nat) \in others then frac E (nth 0%Z
            (nth [::] shift (index (i : nat) moved)) (index (k : nat) others))
          else 0) * P k j
  = frac t.1 (nth 0%Z (nth [::] t.2 (index (i : nat) moved)) j).
Proof.
move=> eqt /and5P[/eqP s1 /eqP s2 /eqP s3 _ _] others_uniq others_d Pm Po i im io j.
rewrite (moved_rowsP _ eqt) ?s1 ?s2 ?s3 ?index_mem // (bigD1 i) //= eqxx Pm //; congr (_ + _).
rewrite -(@sum_half others (fun k => frac E (nth 0%Z (nth [::] shift (index (i : nat) moved)) k)
  * frac o.1 (nth 0%Z (nth [::] o.2 k) j))) //.
rewrite [RHS](bigD1 i) //= (negbTE io) add0r; apply: eq_bigr => k; rewrite eq_sym => /negbTE ->.
by case: ifP => [/Po -> //|]; rewrite mul0r.
Qed.

Lemma stepP g l st st' : step g l st = Some st' -> value st' = mx l *m value st.
Proof.
have := perm_uniq halves; rewrite iota_uniq cat_uniq => /and3P[uniq1 _ uniq2].
have sub1 : {subset first <= iota 0 d} by move=> k k1; rewrite -(perm_mem halves) mem_cat k1.
have sub2 : {subset second <= iota 0 d}.
  by move=> k k2; rewrite -(perm_mem halves) mem_cat k2 orbT.
have V1 (i : 'I_d) : (i : nat) \in first -> forall j, value st i j =
    frac st.1.1 (nth 0%Z (nth [::] st.1.2 (index (i : nat) first)) j).
  by move=> i1 j; rewrite mxE /row_at i1.
have V2 (i : 'I_d) : (i : nat) \in second -> forall j, value st i j =
    frac st.2.1 (nth 0%Z (nth [::] st.2.2 (index (i : nat) second)) j).
  by move=> i2 j; rewrite mxE /row_at in_halves i2.
have same (i j : 'I_d) : \sum_k (i == k)%:R * value st k j = value st i j.
  rewrite (bigD1 i) //= eqxx mul1r big1 ?addr0 // => k; rewrite eq_sym => /negbTE ->.
  by rewrite mul0r.
case: l st V1 V2 same => [[[[] E] scale] shift] [m o] V1 V2 same /=; case: ifP => // ok;
  case e: moved_rows => [t|] //= [<-]; apply/matrixP => i j; rewrite [LHS]mxE [RHS]mxE /row_at /=.
- case i1: ((i : nat) \in first).
    under eq_bigr do rewrite mxE i1 /=.
    rewrite (moved_rows_times e ok uniq2 sub2 V1 V2) //.
    by rewrite -in_halves.
  under eq_bigr do rewrite mxE i1 /=.
  by rewrite same mxE /row_at i1.
- rewrite in_halves; case i2: ((i : nat) \in second) => /=.
    under eq_bigr do rewrite mxE i2 /=.
    by rewrite (moved_rows_times e ok uniq1 sub1 V2 V1) // in_halves i2.
  under eq_bigr do rewrite mxE i2 /=.
  by rewrite same mxE /row_at in_halves i2.
Qed.

Lemma runP gs ls st : run gs ls = Some st ->
  value st = (\big[mulmx/1%:M]_(K <- [seq mx l | l <- ls]) K) *m signs d flips.
Proof.
elim: ls gs st => [|l ls IH] gs st /=.
  case=> <-; rewrite big_nil mul1mx; apply/matrixP => i j; rewrite !mxE /row_at.
  have half_row (half : seq nat) : (i : nat) \in half ->
      frac 1 (nth 0%Z (nth [::] (sign_rows half).2 (index (i : nat) half)) j)
      = (if (i : nat) \in flips then -1 else 1) *+ (i == j).
    move=> i_half; rewrite (nth_map 0%N) ?index_mem // nth_index // (nth_map 0%N) ?size_iota //.
    rewrite nth_iota // add0n val_eqE.
    by case: eqP => _; case: ((i : nat) \in flips); rewrite /rational /= ?mul0r ?divr1.
  by case i1: (_ \in first); apply: half_row; rewrite // -[_ \in _]negbK -in_halves i1.
case e: run => [st0|] //= /stepP ->; rewrite big_cons (IH _ _ e) mulmxA //.
Qed.

Lemma fits_coupling u E scale shift moved others m :
  (moved, others) = (if u then (first, second) else (second, first)) ->
  fits (size moved) (size others) scale shift m -> is_coupling moved (mx (u, E, scale, shift)).
Proof.
move=> eu /and5P[/eqP s1 _ _ _ /(all_nthP 0%Z) pos] i j.
rewrite /matrix_of_layer -eu mxE; case im: ((i : nat) \in moved); split=> // _.
  move=> <-; rewrite eqxx; apply/above_0P.
  have := pos (index (i : nat) moved); rewrite s1 index_mem => /(_ im).
  by rewrite /above_0 /=; case: nth.
move=> jm /eqP/negbTE ->; suff -> : ((j : nat) \in others) = false by [].
by case: u eu => -[e1 e2]; move: jm; rewrite e1 e2 in_halves ?negbK; [move/negbTE | move=> ->].
Qed.

Lemma run_couplings gs ls st : run gs ls = Some st ->
  forall K, K \in [seq mx l | l <- ls] -> is_coupling first K \/ is_coupling second K.
Proof.
elim: ls gs st => [|l ls IH] gs st //=.
case e: run => [st0|] //= step_l K; rewrite inE => /predU1P[->|]; last exact: IH e K.
case: l st0 step_l {e} => [[[[] E] scale] shift] [m o] /=; case: ifP => // ok _; [left | right].
- exact: (fits_coupling (u := true) _ _ ok).
- exact: (fits_coupling (u := false) _ _ ok).
Qed.

Lemma derivedE is_gram st (i j : 'I_d) : rational (derived is_gram st i j)
  = (if is_gram then value st *m (value st)^T else value st) i j.
Proof.
rewrite /derived; case ri: (row_at st i) => [D r]; case: is_gram; last by rewrite mxE ri.
case rj: (row_at st j) => [E s]; rewrite mxE fracE Pos2Nat.inj_mul natrM.
rewrite (_ : whole _ = \sum_(k < d) whole (nth 0%Z r k) * whole (nth 0%Z s k)).
  rewrite mulr_suml; apply: eq_bigr => k _; rewrite !mxE ri rj !fracE mulf_div //.
rewrite -(big_mkord xpredT (fun k => whole (nth 0%Z r k) * whole (nth 0%Z s k))).
rewrite /index_iota subn0; elim: (iota 0 d) => [|k ks IH]; first by rewrite big_nil.
by rewrite big_cons /= wholeD wholeM IH.
Qed.

Definition agree (bound : option Q) (x y : rat) : Prop :=
  if bound is Some b then is_true (`|x - y| <= rational b) else x = y.

Lemma nearP bound x y : near bound x y -> agree bound (rational x) (rational y).
Proof.
case: bound => [b|] /=; last by move/Qeq_bool_eq/rational_eq.
case/andP=> /nonnegativeP + /nonnegativeP; rewrite !(rationalD, rationalN).
by rewrite ler_norml subr_ge0 -lerBlDl sub0r => -> ->.
Qed.
End Flow.

Section Claim.
Variables (d : nat) (first second flips pads : seq nat) (t : fractions) (ls : seq layer).
Variable divisors : seq positive.
Let M := matrix_over d t.
Let Ks := [seq matrix_of_layer d first second l | l <- ls].
Let Q := (\big[mulmx/1%:M]_(K <- Ks) K) *m signs d flips.
Let couplings := forall K, K \in Ks -> is_coupling first K \/ is_coupling second K.

Lemma holdsP is_gram bound : holds d first second flips is_gram bound pads t ls divisors ->
  couplings /\ forall i j : 'I_d, (j : nat) \notin pads ->
    agree bound (M i j) ((if is_gram then Q *m Q^T else Q) i j).
Proof.
case/and3P=> halves _; case e: run => [st|] // /everywhereP near_all; split.
  by move=> K; apply: (run_couplings halves e).
move=> i j jp; have := near_all i j; rewrite (negbTE jp) => /nearP; rewrite derivedE.
by rewrite (runP halves e) /M mxE.
Qed.

(* The same, and that first and second are a partition and the rows at the pads are zero. *)
Definition claimed is_gram bound := holds d first second flips is_gram bound pads t ls divisors &&
  everywhere d (fun i j => (i \notin pads) || is_zero (Qmake (nth 0%Z (nth [::] t.2 i) j) t.1)).

Lemma claimedP is_gram bound : claimed is_gram bound = true ->
  [/\ perm_eq (first ++ second) (iota 0 d), size Ks = size ls, couplings,
      forall i j : 'I_d, among pads i -> M i j = 0 &
      forall i j : 'I_d, ~~ among pads j ->
        agree bound (M i j) ((if is_gram then Q *m Q^T else Q) i j)].
Proof.
case/andP=> ok /everywhereP zeros; have [Ks_couplings near_all] := holdsP ok.
split=> //; first by case/andP: ok.
  by rewrite size_map.
by move=> i j ip; rewrite mxE; apply/is_zeroP; have := zeros i j; rewrite [_ \in _]ip.
Qed.
End Claim.
