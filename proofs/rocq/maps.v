(* Couplings as maps: rounded shears, plateaus for atoms, finite maps, and what few parameters miss. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finfun finset ssralg ssrnum ssrint archimedean zmodp matrix.
From exactflow.certificates Require Import definitions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Local Open Scope ring_scope.

(* Rounded shears: bijections of integer columns, and how far from the linear map.

   Main results
     rounded_lower_bijective, rounded_upper_bijective
                        a shift may be any function, so a rounded one: x is had
                        back by subtracting what was added
     run_linear         affine steps y <- S y + r compose to the product of the S
                        plus the images of the r by all later S
     run_bound          coordinate by coordinate, the composition is within the sum of
                        the |r|, each times the absolute value of the later products
     round_bound        rounding, floor (x + 1/2), moves by at most 1/2
     rounded_shear_step a shear with rounded shift is a step y <- S y + r whose r
                        is at most 1/2, and zero in the half that stays
     rounded_flow       so rounded shears, of any number, are within half the absolute
                        row sums of the later products, over the halves that move *)
Section Bijections.
Variables (V : zmodType) (p q : nat).
Implicit Types x : 'M[V]_(p + q, 1).

Definition lower (t : 'M[V]_(p, 1) -> 'M[V]_(q, 1)) x :=
  col_mx (usubmx x) (dsubmx x + t (usubmx x)).

Definition upper (t : 'M[V]_(q, 1) -> 'M[V]_(p, 1)) x :=
  col_mx (usubmx x + t (dsubmx x)) (dsubmx x).

Theorem rounded_lower_bijective t : bijective (lower t).
Proof.
by exists (lower (fun y => - t y)) => x;
  rewrite /lower !col_mxKu !col_mxKd ?addrK ?addrNK vsubmxK.
Qed.

Theorem rounded_upper_bijective t : bijective (upper t).
Proof.
by exists (upper (fun y => - t y)) => x;
  rewrite /upper !col_mxKu !col_mxKd ?addrK ?addrNK vsubmxK.
Qed.
End Bijections.

Section Distance.
Variables (R : realDomainType) (d : nat).
Implicit Types (A : 'M[R]_d) (x r : 'cV[R]_d) (s : seq ('M[R]_d * 'cV[R]_d)).

(* affine steps y <- A y + r, in the order in which x meets them *)
Definition run s x := foldl (fun y Ar => Ar.1 *m y + Ar.2) x s.

Definition product s : 'M[R]_d := foldl (fun P Ar => Ar.1 *m P) 1%:M s.

Lemma product_cons A r s : product ((A, r) :: s) = product s *m A.
Proof.
have go (Q : 'M[R]_d) t : foldl (fun P Ar => Ar.1 *m P) Q t = product t *m Q.
  elim/last_ind: t => [|t Ar IH]; first by rewrite /product /= mul1mx.
  by rewrite /product !foldl_rcons -/(product t) IH mulmxA.
by rewrite {1}/product /= mulmx1 go.
Qed.

Theorem run_linear s x : run s x = product s *m x + run s 0.
Proof.
elim: s x => [|[A r] s IH] x; first by rewrite mul1mx addr0.
by rewrite product_cons /run /= -!/(run _ _) IH [in RHS]IH mulmx0 add0r mulmxDr mulmxA addrA.
Qed.

Theorem run_bound s x i :
  `|(run s x - product s *m x) i 0|
    <= \sum_(k < size s) \sum_j `|product (drop k.+1 s) i j| * `|(nth (0, 0) s k).2 j 0|.
Proof.
rewrite run_linear addrC addKr.
elim: s => [|[A r] s IH]; first by rewrite /run /= mxE normr0 big_ord0.
rewrite big_ord_recl {1}/run /= drop0 mulmx0 add0r -/(run _ _) run_linear mxE.
apply: le_trans (ler_normD _ _) _; apply: lerD IH.
by rewrite mxE; apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => j _; rewrite normrM.
Qed.
End Distance.

Section Rounding.
Variable R : archiRealFieldType.

Definition round (x : R) : int := Num.floor (x + 2%:R^-1).

Theorem round_bound x : `|(round x)%:~R - x| <= 2%:R^-1.
Proof.
have /andP[lo hi] := floor_itv (x + 2%:R^-1).
have half : 2%:R^-1 + 2%:R^-1 = 1 :> R by rewrite [RHS]splitr mul1r.
rewrite ler_norml; apply/andP; split.
  move: hi; rewrite intrD mulr1z -ltrBlDr -addrA -{2}half opprD addNKr => /ltW.
  by rewrite lerBrDl.
by rewrite lerBlDl.
Qed.

Definition embed m (x : 'M[int]_(m, 1)) : 'cV[R]_m := map_mx intr x.

Definition rounded_shift m n (T : 'M[R]_(m, n)) (x : 'M[int]_(n, 1)) : 'M[int]_(m, 1) :=
  map_mx round (T *m embed x).

Variables p q : nat.

(* inl T moves the second half, inr T the first. *)
Implicit Types (K : 'M[R]_(q, p) + 'M[R]_(p, q)) (x : 'M[int]_(p + q, 1)).

Definition rounded x K :=
  match K with inl T => lower (rounded_shift T) x | inr T => upper (rounded_shift T) x end.
Definition linear_shear K : 'M[R]_(p + q) := match K with inl T => L T | inr T => U T end.
Definition moves K (j : 'I_(p + q)) := match K with inl _ => p <= j | inr _ => j < p end%N.

Theorem rounded_shear_step x K :
  exists2 r : 'cV[R]_(p + q), embed (rounded x K) = linear_shear K *m embed x + r &
    forall j, `|r j 0| <= if moves K j then 2%:R^-1 else 0.
Proof.
have eE : embed x = col_mx (embed (usubmx x)) (embed (dsubmx x)) by rewrite -map_col_mx vsubmxK.
case: K => T /=.
  exists (col_mx 0 (embed (rounded_shift T (usubmx x)) - T *m embed (usubmx x))) => [|j].
    rewrite eE /lower {1}/embed map_col_mx mul_block_col add_col_mx !mul1mx mul0mx !addr0.
    by congr col_mx; rewrite map_mxD [RHS]addrC addrA subrK addrC.
  case: (split_ordP j) => k ->; rewrite ?(col_mxEu, col_mxEd) /= ?leq_addr; last first.
    by rewrite !mxE; apply: round_bound.
  by rewrite mxE normr0 leqNgt ltn_ord.
exists (col_mx (embed (rounded_shift T (dsubmx x)) - T *m embed (dsubmx x)) 0) => [|j].
  rewrite eE /upper {1}/embed map_col_mx mul_block_col add_col_mx !mul1mx mul0mx add0r addr0.
  by congr col_mx; rewrite map_mxD -addrA [T *m _ + _]addrC subrK.
case: (split_ordP j) => k ->; rewrite ?(col_mxEu, col_mxEd) /= ?ltn_ord.
  by rewrite !mxE; apply: round_bound.
by rewrite mxE normr0.
Qed.

Definition linear_flow s := foldl (fun P K => linear_shear K *m P) 1%:M s.

Theorem rounded_flow x s i :
  `|(embed (foldl rounded x s) - linear_flow s *m embed x) i 0| <=
    \sum_(k < size s) \sum_(j | moves (nth (inl 0) s k) j)
      `|linear_flow (drop k.+1 s) i j| / 2%:R.
Proof.
have [t [st et rt]] : exists t : seq ('M[R]_(p + q) * 'cV_(p + q)),
    [/\ map fst t = map linear_shear s, embed (foldl rounded x s) = run t (embed x) &
    forall k j, (k < size s)%N ->
      `|(nth (0, 0) t k).2 j 0| <= if moves (nth (inl 0) s k) j then 2%:R^-1 else 0].
  elim: s x => [|K s IH] x; first by exists [::].
  destruct (IH (rounded x K)) as [t [st et rt]], (rounded_shear_step x K) as [r er br].
  exists ((linear_shear K, r) :: t); split; first by rewrite /= st.
    by rewrite /= et er.
  by case=> [|k] j; [move=> _; apply: br | apply: rt].
have prodE m : product (drop m t) = linear_flow (drop m s).
  elim: s t m {et rt} st => [|K s IH] [|[A r] t] // [|m] //= [eA st]; last exact: IH.
  have := IH t 0%N st; rewrite !drop0 eA /linear_flow /= product_cons => ->.
  suff go (Q : 'M_(p + q)) : foldl (fun P K => linear_shear K *m P) Q s = linear_flow s *m Q.
    by rewrite mulmx1 (go (linear_shear K)).
  elim/last_ind: s {IH st} => [|s K' IH]; first by rewrite /linear_flow /= mul1mx.
  by rewrite /linear_flow !foldl_rcons IH mulmxA.
have sz : size t = size s by rewrite -(size_map fst) st size_map.
have := prodE 0%N; rewrite !drop0 => <-; rewrite et; apply: le_trans (run_bound _ _ _) _.
rewrite sz; apply: ler_sum => k _; rewrite [X in _ <= X]big_mkcond; apply: ler_sum => j _.
rewrite prodE; have := rt k j (ltn_ord k); case: ifP => _ h; first by rewrite ler_wpM2l.
by rewrite (le_anti (introT andP (conj h (normr_ge0 _)))) mulr0.
Qed.
End Rounding.

(* Two couplings put a copy of the noise around every atom, and one does not.

   Main results
     two_couplings_with_ramps   y2 = delta z2 + t1 z1, x1 = delta z1 + t2 y2, for shifts t1 and
                     t2 that are sums of ramps, put z = (z1, z2) into (a_m + delta z1,
                     b_m + delta z2), if m knots, and no ramp, are below the coordinate j of z1;
                     on a ramp, and wherever it leads y2, into delta z and a point whose halves
                     are between a_m and a_(m + 1), and between b_m and b_(m + 1)
     one_coupling_keeps   what a coupling does not move it keeps; so where it puts two points
                     that differ there into c + delta z, delta is 1

   Plan.  A sum of ramps one behind the other is a ladder: at x the ramps before the m-th are
   1, those behind it 0, so the sum telescopes to c_m and a part of the next step.  y2 stays
   within r of the segment from b_m to b_(m + 1), in the coordinate k, so t2 is on a_m or on
   the way from a_m to a_(m + 1). *)
Section Ramps.
Variable R : realFieldType.
Implicit Types x : R.

(* 0 up to l, 1 from h on, linear between. *)
Definition ramp (l h x : R) := if x <= l then 0 else if h <= x then 1 else (x - l) / (h - l).

Lemma ramp01 (l h x : R) : l < h -> 0 <= ramp l h x <= 1.
Proof.
move=> lh; rewrite /ramp; have [_|lx] := leP x l; first by rewrite lexx ler01.
have [_|xh] := leP h x; first by rewrite lexx ler01.
have pos : 0 < h - l by rewrite subr_gt0.
rewrite ler_pdivrMr // mul1r lerD2r (ltW xh) andbT.
by apply: divr_ge0; rewrite subr_ge0 ltW.
Qed.

(* Of ramps one behind the other those before the m-th are 1, and those behind it 0. *)
Lemma ladder (V : lmodType R) (c : nat -> V) (l h : nat -> R) x m N : (m <= N)%N ->
  (forall i, (i < N)%N -> l i < h i) -> (forall i, (i < m)%N -> h i <= x) ->
  (forall i, (m < i < N)%N -> x <= l i) ->
  c 0%N + \sum_(i < N) ramp (l i) (h i) x *: (c i.+1 - c i)
    = c m + (if (m < N)%N then ramp (l m) (h m) x else 0) *: (c m.+1 - c m).
Proof.
elim: N m => [|N IH] m; first by rewrite leqn0 => /eqP-> _ _ _; rewrite big_ord0 scale0r.
move=> mN lh before behind; rewrite big_ord_recr /= addrA.
have lh' i : (i < N)%N -> l i < h i by move=> iN; apply/lh/ltnW.
have behind' k i : (k < i < N)%N -> (m <= k)%N -> x <= l i.
  by move=> /andP[ki iN] mk; apply: behind; rewrite (leq_ltn_trans mk ki) ltnW.
move: mN before behind'; rewrite leq_eqVlt ltnS => /predU1P[->|mN] before behind'.
  rewrite (IH N) // => [|i iN|i]; last 2 first.
  - by apply/before/ltnW.
  - by case/andP => Ni /(ltn_trans Ni); rewrite ltnn.
  rewrite !ltnn !scale0r !addr0 /ramp before // lt_geF ?scale1r; last first.
    by apply: lt_le_trans (lh _ (ltnSn N)) (before _ _).
  by rewrite addrC subrK.
rewrite (IH m) // => [|i /behind'/(_ (leqnn m))//].
rewrite mN; move: mN; rewrite leq_eqVlt => /predU1P[->|mN].
  by rewrite ltnn scale0r addr0.
by rewrite mN [ramp (l N) _ _]/ramp behind ?mN ?ltnSn // scale0r addr0.
Qed.

(* m is the number of ramps before x. *)
Lemma ramps_before N (knot : nat -> R) tau x : 0 < tau ->
  (forall i l, (i < l < N)%N -> knot i + tau <= knot l) ->
  exists m, [/\ (m <= N)%N, forall i, (i < N)%N -> (knot i + tau <= x) = (i < m)%N,
    (m < N)%N -> x < knot m + tau & forall i, (m < i < N)%N -> x <= knot i].
Proof.
move=> tau_gt0 knots; pose m := find (fun i => x < knot i + tau) (iota 0 N).
have mN : (m <= N)%N by rewrite -[X in (_ <= X)%N](size_iota 0 N) find_size.
have before i : (i < m)%N -> knot i + tau <= x.
  move=> im; have := before_find 0%N im; rewrite nth_iota ?(leq_trans im) // add0n leNgt.
  by move->.
have at_m : (m < N)%N -> x < knot m + tau.
  move=> m_lt; have : has (fun i => x < knot i + tau) (iota 0 N).
    by rewrite has_find size_iota.
  by move/(nth_find 0%N); rewrite nth_iota // add0n.
have behind i : (m < i < N)%N -> x <= knot i.
  move=> /andP[mi iN]; apply/ltW/(lt_le_trans (at_m (ltn_trans mi iN))).
  by apply: knots; rewrite mi.
exists m; split=> // i iN; have [/before//|mi] := ltnP i m; apply/negbTE; rewrite -ltNge.
have [im|im] := leqP i m.
  have im' : i = m by apply/anti_leq; rewrite im.
  by rewrite im' in iN *; apply: at_m.
by apply: le_lt_trans (behind i _) _; rewrite ?im ?ltrDl.
Qed.

(* On the way from b_m to b_(m + 1), and within r, no other ramp between two of them is met. *)
Lemma ramps_on_the_way N (b : nat -> R) r u e m : (m <= N)%N ->
  (forall i l, (i < l <= N)%N -> r *+ 2 < b l - b i) -> - r <= e <= r -> 0 <= u <= 1 ->
  ((m < N)%N = false -> u = 0) -> let y := e + (b m + u * (b m.+1 - b m)) in
  (forall i, (i < m)%N -> b i.+1 - r <= y) /\ (forall i, (m < i < N)%N -> y <= b i + r).
Proof.
move=> mN apart /andP[e_ge e_le] /andP[u0 u1] last_u y.
have r_ge0 : 0 <= r *+ 2.
  by have := le_trans e_ge e_le; rewrite -subr_ge0 opprK -mulr2n.
have b_le i l : (i <= l <= N)%N -> b i <= b l.
  move=> /andP[]; rewrite leq_eqVlt => /predU1P[->//|il lN].
  by rewrite -subr_ge0 (le_trans r_ge0) // ltW // apart // il.
have gap : (m < N)%N -> 0 <= b m.+1 - b m by move=> lt; rewrite subr_ge0 b_le // leqnSn.
split=> [i im|i /andP[mi iN]].
  apply: le_trans (_ : b m - r <= _); first by rewrite lerD2r b_le // im.
  rewrite /y addrCA lerD2l -[- r]addr0 lerD //.
  by case: ltnP last_u gap => [_ _ /(_ isT)/(mulr_ge0 u0)|_ /(_ erefl)-> _] //; rewrite mul0r.
apply: le_trans (_ : b m.+1 + r <= _); last by rewrite lerD2r b_le // mi ltnW.
rewrite /y addrC lerD // -lerBrDl ler_piMl //.
by apply/gap/(ltn_trans mi).
Qed.

Theorem two_couplings_with_ramps p q N (a : nat -> 'cV[R]_p) (b : nat -> 'cV[R]_q)
    (knot : nat -> R) (j : 'I_p) (k : 'I_q) (tau delta r : R) :
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
Proof.
move=> t1 t2 tau_gt0 knots apart z1 z2; rewrite ler_norml => dz y2.
have up i : knot i < knot i + tau by rewrite ltrDl.
have [m [mN before at_m behind]] := ramps_before (z1 j 0) tau_gt0 knots.
pose part (l h x : R) := if (m < N)%N then ramp l h x else 0.
have part01 l h x : ((m < N)%N -> l < h) -> 0 <= part l h x <= 1.
  by rewrite /part; case: ltnP => [_ /(_ isT)/ramp01|] //; rewrite lexx ler01.
pose u := part (knot m) (knot m + tau) (z1 j 0).
have t1E : t1 z1 = b m + u *: (b m.+1 - b m).
  apply: (@ladder _ b knot (fun i => knot i + tau)) => // i im.
  by rewrite before // (leq_trans im).
have y2k : y2 k 0 = delta * z2 k 0 + (b m k 0 + u * (b m.+1 k 0 - b m k 0)).
  by rewrite /y2 t1E !mxE.
have steps i : (i < N)%N -> b i k 0 + r < b i.+1 k 0 - r.
  by move=> iN; rewrite ltrBrDr -addrA -mulr2n addrC -ltrBrDr apart // ltnSn.
have [|y_ge y_le] := ramps_on_the_way mN apart dz (part01 _ _ (z1 j 0) (fun _ => up m)).
  by rewrite /part => ->.
rewrite -/u -y2k in y_ge y_le.
exists m, u, (part (b m k 0 + r) (b m.+1 k 0 - r) (y2 k 0)); split; split=> //.
- exact: part01.
- by apply: part01 => /steps.
- by rewrite /y2 t1E.
- by congr (_ + _); apply: (@ladder _ a (fun i => b i k 0 + r) (fun i => b i.+1 k 0 - r)).
move=> off; rewrite /u /part; have [m_lt|] := boolP (m < N)%N; last by [].
have x_le : z1 j 0 <= knot m by have := off m m_lt; rewrite at_m // andbT -leNgt.
have u0 : u = 0 by rewrite /u /part m_lt /ramp x_le.
rewrite {1}/ramp x_le; split=> //.
by case/andP: dz => _ dz; rewrite /ramp y2k u0 mul0r addr0 addrC lerD2l dz.
Qed.
End Ramps.

Theorem one_coupling_keeps (R : idomainType) (G : {pred R}) d (M B : {set 'I_d}) f :
  coupling_map G M B f ->
  (forall x j, j \notin M -> f x j 0 = x j 0) /\
  forall c delta (x y : 'cV[R]_d) j, j \notin M -> x j 0 != y j 0 ->
    f x = c + delta *: x -> f y = c + delta *: y -> delta = 1.
Proof.
intros [s [t [_ _ fE]]]; have keep (x : 'cV[R]_d) j : j \notin M -> f x j 0 = x j 0.
  by move=> /negPf jM; rewrite fE jM.
split=> // c delta x y j jM xy /colP/(_ j) + /colP/(_ j); rewrite !keep // !mxE => fx fy.
have : (1 - delta) * (x j 0 - y j 0) = 0.
  rewrite mulrBl mul1r mulrBr {1}fx {1}fy; move: (c j 0) (delta * _) (delta * _) => u v w.
  by rewrite opprD addrACA subrr add0r subrr.
by move/eqP; rewrite mulf_eq0 !subr_eq0 (negPf xy) orbF => /eqP.
Qed.

(* Finite maps: four couplings realize every one, and three do not.

   A point is a pair of halves; move_first and move_second are those of definitions.v.

   Main results
     four_couplings       a map that is injective on a finite set X of points agrees there with
                          move_first w \o move_second v \o move_first u \o move_second t, for
                          halves in any two infinite abelian groups V and W
     four_couplings_rows  so over rows of p >= 1 and q >= 1 entries of a numDomainType, such as
                          the integers, the rational and the real numbers
     three_couplings      three, in either order, exchange (0, 0) and (0, b) and fix (a, 0) and
                          (a, b) if and only if b + b = 0; then one does (exchange_by_one)
     three_couplings_rows   so over these rows three do not
     three_scaled         nor do three that also multiply each entry of the half that moves by
                          a positive number, in either order, realize the map of {0, 1, 2}^2
                          that exchanges (0, 0) with (0, 1) and (1, 2) with (2, 2), over every
                          numDomainType, for all p, q >= 1
     four_for_exchanges   which four without scales do

   Plan.  Let y = pi x.  Some t makes B = x2 + t x1 injective on X, and some t' makes A =
   y1 + t' y2 injective on pi X: a value of t at a time, each avoids finitely many (spread).
   Hence A - x1 is a function u of B, and y2 - B a function v of A; and y1 = A - t' y2.
   Three layers of which two move the second half act on a fibre x1 = y1 by x2 -> s x2 + t,
   with s = 1 or s > 0, and such maps exchange no two points (no_exchange). *)
(* There are lists without repetitions of any length. *)
Definition infinite (T : eqType) := forall n, exists2 s : seq T, uniq s & (n < size s)%N.

Lemma fresh (T : eqType) (bad : seq T) : infinite T -> exists c, c \notin bad.
Proof.
move=> /(_ (size bad))[s us lt]; have /allPn[c _ cP] : ~~ all (mem bad) s; last by exists c.
by apply/negP => /allP/(uniq_leq_size us); rewrite leqNgt lt.
Qed.

(* If f tells the points of X apart, every function on X is one of f x. *)
Lemma function_of (A B : eqType) (C : zmodType) (X : seq A) (f : A -> B) (h : A -> C) :
  {in X &, injective f} -> exists u, {in X, forall x, u (f x) = h x}.
Proof.
move=> inj; exists (fun b => nth 0 (map h X) (index b (map f X))) => x xX.
by rewrite (nth_map x) ?nth_index_map // -(size_map f) index_mem map_f.
Qed.

Section Additive.
Variables V W : zmodType.
Implicit Types (x y : V * W) (X : seq (V * W)).

Lemma spread X : infinite W -> exists t, {in X &, injective (fun x => x.2 + t x.1)}.
Proof.
move=> infW; suff [t inj] : exists t,
    {in [pred x in X | x.1 \in map fst X] &, injective (fun x => x.2 + t x.1)}.
  by exists t => x y xX yX; apply: inj; rewrite inE ?xX ?yX map_f.
elim: (map fst X) => [|k ks [t inj]]; first by exists (fun=> 0) => x y; rewrite inE andbF.
have [c cP] := fresh [seq y.2 + t y.1 - x.2 | x <- X, y <- X] infW.
have new x y : x \in X -> y \in X -> x.2 + c <> y.2 + t y.1.
  move=> xX yX e; case/negP: cP; apply/allpairsP; exists (x, y); split=> //=.
  by rewrite -e addrC addKr.
exists (fun a => if a == k then c else t a) => x y; rewrite !inE => /andP[xX xk] /andP[yX yk].
case: (eqVneq x.1 k) xk => [xk _|_ xk]; case: (eqVneq y.1 k) yk => [yk _|_ yk].
- by move/addIr => e; rewrite [x]surjective_pairing [y]surjective_pairing e xk yk.
- by move/(new _ _ xX yX).
- by move/esym/(new _ _ yX xX).
by apply: inj; rewrite inE ?xX ?yX.
Qed.
End Additive.

Theorem four_couplings (V W : zmodType) (X : seq (V * W)) (pi : V * W -> V * W) :
  infinite V -> infinite W -> {in X &, injective pi} ->
  exists (t : V -> W) (u : W -> V) (v : V -> W) (w : W -> V),
    {in X, forall x, (move_first w \o move_second v \o move_first u \o move_second t) x = pi x}.
Proof.
move=> infV infW inj; have [t tP] := spread X infW.
have [t' t'P] := spread [seq (y.2, y.1) | y <- map pi X] infV.
have [u uP] := function_of (fun x => (pi x).1 + t' (pi x).2 - x.1) tP.
have inj' : {in X &, injective (fun x => (pi x).1 + t' (pi x).2)}.
  move=> x y xX yX e; apply: inj => //.
  suff [e2 e1] : ((pi x).2, (pi x).1) = ((pi y).2, (pi y).1).
    by rewrite [pi x]surjective_pairing [pi y]surjective_pairing e1 e2.
  by apply: t'P; last exact: e; apply: (map_f (fun z => (z.2, z.1))); apply: map_f.
have [v vP] := function_of (fun x => (pi x).2 - (x.2 + t x.1)) inj'.
exists t, u, v, (fun a => - t' a) => x xX; rewrite /move_first /move_second /=.
have add_sub (Z : zmodType) (a b : Z) : a + (b - a) = b by rewrite addrC subrK.
by rewrite uP // add_sub vP // add_sub addrK -surjective_pairing.
Qed.

Lemma infinite_rows (F : numDomainType) p : (0 < p)%N -> infinite 'rV[F]_p.
Proof.
case: p => // p _ n; exists [seq const_mx i%:R | i <- iota 0 n.+1]; last first.
  by rewrite size_map size_iota.
rewrite map_inj_uniq ?iota_uniq // => i j /matrixP/(_ 0 0)/eqP.
by rewrite !mxE eqr_nat => /eqP.
Qed.

Lemma infinite_numbers (F : numDomainType) : infinite F.
Proof.
move=> n; exists [seq i%:R | i <- iota 0 n.+1]; last by rewrite size_map size_iota.
by rewrite map_inj_uniq ?iota_uniq // => i j /eqP; rewrite eqr_nat => /eqP.
Qed.

(* The points of a list are taken to those of another one. *)
Corollary four_couplings_lists (V W : zmodType) (points images : seq (V * W)) :
  infinite V -> infinite W -> uniq points -> uniq images -> size points = size images ->
  exists layers : seq ((W -> V) + (V -> W)),
    size layers = 4 /\ [seq foldr (@move_half V W) x layers | x <- points] = images.
Proof.
move=> infV infW up ui same; pose pi x := nth x images (index x points).
have inj : {in points &, injective pi}.
  move=> x y xX yX /eqP; rewrite /pi (set_nth_default y) -?same ?index_mem //.
  by rewrite nth_uniq -?same ?index_mem // => /eqP e; rewrite -(nth_index x xX) e nth_index.
have [t [u [v [w e]]]] := four_couplings infV infW inj.
exists [:: inl w; inr v; inl u; inr t]; split=> //.
rewrite (eq_in_map _ pi points).1 //; case: points up same {inj e t u v w} @pi => [|x s] us same pi.
  by rewrite (size0nil (esym same)).
apply: (@eq_from_nth _ x) => [|i]; rewrite size_map // => lt.
by rewrite (nth_map x) // /pi index_uniq // (set_nth_default x) // -same.
Qed.

Theorem four_couplings_rows (F : numDomainType) p q (X : seq ('rV[F]_p * 'rV[F]_q))
    (pi : 'rV[F]_p * 'rV[F]_q -> 'rV[F]_p * 'rV[F]_q) :
  (0 < p)%N -> (0 < q)%N -> {in X &, injective pi} ->
  exists (t : 'rV_p -> 'rV_q) (u : 'rV_q -> 'rV_p) (v : 'rV_p -> 'rV_q) (w : 'rV_q -> 'rV_p),
    {in X, forall x, (move_first w \o move_second v \o move_first u \o move_second t) x = pi x}.
Proof. by move=> p0 q0; apply: four_couplings; apply: infinite_rows. Qed.

(* Three do not, in general. *)
Section Three.
Variables V W : zmodType.
Implicit Types (t : V -> W) (u : W -> V) (a : V) (b : W) (f : V * W -> V * W).

Definition exchanges a b f :=
  [/\ f (0, 0) = (0, b), f (0, b) = (0, 0), f (a, 0) = (a, 0) & f (a, b) = (a, b)].

Lemma exchange_by_one a b : a != 0 -> b + b = 0 ->
  exchanges a b (move_second (fun x => if x == 0 then b else 0)).
Proof. by move=> /negbTE a0 bb; split; rewrite /move_second /= ?eqxx ?a0 ?bb ?addr0 ?add0r. Qed.

Theorem three_couplings a b : a != 0 ->
  (exists t u t', exchanges a b (move_second t' \o move_first u \o move_second t)) \/
  (exists u t u', exchanges a b (move_first u' \o move_second t \o move_first u)) <-> b + b = 0.
Proof.
move=> a0; split=> [|bb]; last first.
  left; exists (fun x => if x == 0 then b else 0), (fun=> 0), (fun=> 0).
  have [e1 e2 e3 e4] := exchange_by_one a0 bb.
  by split; rewrite /= ?(e1, e2, e3, e4) /move_first /move_second /= !addr0.
case=> [[t [u [v []]]] | [u [t [v []]]]]; rewrite /move_first /move_second /=.
  move=> [e1 e2] [e3 e4] _ _; rewrite e1 in e2; rewrite e3 in e4.
  by rewrite -{2}e2 add0r addrA.
move=> [_ e2] [e3 e4] [e5 e6] _; rewrite e4 in e3; rewrite e6 -addrA -[RHS]addr0 in e5.
have eu : 0 + u b = 0 + u 0 by apply: (addIr (v 0)); rewrite e3 add0r (addrI _ e5).
by rewrite -{2}e2 add0r -eu.
Qed.
End Three.

Corollary three_couplings_rows (F : numDomainType) p q : (0 < p)%N -> (0 < q)%N ->
  let exchanges11 := exchanges (const_mx 1 : 'rV[F]_p) (const_mx 1 : 'rV[F]_q) in
  (forall t u t', ~ exchanges11 (move_second t' \o move_first u \o move_second t)) /\
  (forall u t u', ~ exchanges11 (move_first u' \o move_second t \o move_first u)).
Proof.
case: p q => // p [//|q] _ _ E; have a0 : const_mx 1 != 0 :> 'rV[F]_p.+1.
  by apply/eqP => /matrixP/(_ 0 0)/eqP; rewrite !mxE oner_eq0.
have two : const_mx 1 + const_mx 1 != 0 :> 'rV[F]_q.+1.
  by apply/eqP => /matrixP/(_ 0 0)/eqP; rewrite !mxE -mulr2n pnatr_eq0.
split=> f g h e; apply/negP: two; rewrite negbK; apply/eqP/(three_couplings _ a0).
  by left; exists f, g, h.
by right; exists f, g, h.
Qed.

(* Nor with positive scales. *)
Section Scales.
Variables (F : numDomainType) (p q : nat).

(* The point (i, j) of {0, 1, 2}^2, all entries of a half being the same, and the map. *)
Definition point (k : nat * nat) : 'rV[F]_p * 'rV[F]_q := (const_mx k.1%:R, const_mx k.2%:R).
Definition two_exchanges (k : nat * nat) : nat * nat :=
  if k == (0, 0)%N then (0, 1)%N else if k == (0, 1)%N then (0, 0)%N else
  if k == (1, 2)%N then (2, 2)%N else if k == (2, 2)%N then (1, 2)%N else k.
Definition realizes_exchanges f :=
  forall k, (k.1 < 3)%N -> (k.2 < 3)%N -> f (point k) = point (two_exchanges k).

Lemma no_exchange (s r t v x y : F) : 0 < s -> 0 < r ->
  r * (s * x + t) + v = y -> r * (s * y + t) + v = x -> x = y.
Proof.
move=> s0 r0 ey ex; have rs0 : r * s + 1 != 0 by rewrite gt_eqF // addr_gt0 ?ltr01 ?mulr_gt0.
have := congr2 (fun a b => a - b) ey ex => /eqP.
rewrite opprD addrACA subrr addr0 -mulrBr opprD addrACA subrr addr0 -mulrBr mulrA -subr_eq0.
by rewrite opprB -[X in _ + X]mul1r -mulrDl mulf_eq0 (negbTE rs0) subr_eq0 => /eqP.
Qed.

Theorem three_scaled : (0 < p)%N -> (0 < q)%N ->
  (forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ realizes_exchanges (scale_second s3 t3 \o scale_first s2 t2 \o scale_second s1 t1)) /\
  (forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ realizes_exchanges (scale_first s3 t3 \o scale_second s2 t2 \o scale_first s1 t1)).
Proof.
move=> p0 q0; split=> s1 t1 s2 t2 s3 t3 pos1 _ pos3 real.
  case: (real (0, 0)%N isT isT) (real (0, 1)%N isT isT) => [e1 e2] [e3 e4].
  rewrite e1 in e2; rewrite e3 in e4.
  move/matrixP/(_ 0 (Ordinal q0)): e4; move/matrixP/(_ 0 (Ordinal q0)): e2; rewrite !mxE /=.
  move/no_exchange => h /h; move/(_ (pos1 _ _) (pos3 _ _))/eqP.
  by rewrite eqr_nat.
case: (real (1, 2)%N isT isT) (real (2, 2)%N isT isT) => [e1 e2] [e3 e4].
rewrite e2 in e1; rewrite e4 in e3.
move/matrixP/(_ 0 (Ordinal p0)): e3; move/matrixP/(_ 0 (Ordinal p0)): e1; rewrite !mxE /=.
move/no_exchange => h /h; move/(_ (pos1 _ _) (pos3 _ _))/eqP.
by rewrite eqr_nat.
Qed.

Lemma exchanges_map : (0 < p)%N -> (0 < q)%N -> exists (X : seq ('rV[F]_p * 'rV[F]_q)) pi,
  {in X &, injective pi} /\ forall f, {in X, f =1 pi} -> realizes_exchanges f.
Proof.
move=> p0 q0; pose K := [seq (i, j) | i <- iota 0 3, j <- iota 0 3].
have inj : injective point.
  move=> [i j] [k l] [/matrixP/(_ 0 (Ordinal p0)) + /matrixP/(_ 0 (Ordinal q0))].
  by rewrite !mxE => /eqP + /eqP; rewrite !eqr_nat => /eqP -> /eqP ->.
have [pi piP] := function_of (X := K) (point \o two_exchanges) (in2W inj).
exists (map point K), pi; split=> [|f e [i j] /= i3 j3].
  move=> _ _ /mapP[k kK ->] /mapP[l lK ->]; rewrite !piP // => /inj kl; congr point.
  have same : all (fun k => all (fun l => (two_exchanges k == two_exchanges l) ==> (k == l)) K) K.
    exact: isT.
  by move/allP/(_ k kK)/allP/(_ l lK): same; rewrite kl eqxx => /eqP.
have kK : (i, j) \in K by apply: allpairs_f; rewrite mem_iota.
by rewrite -[RHS](piP _ kK) e // map_f.
Qed.

Theorem some_map_needs_four : (0 < p)%N -> (0 < q)%N ->
  exists (X : seq ('rV[F]_p * 'rV[F]_q)) pi, [/\ {in X &, injective pi},
  forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ {in X, forall x, scale_second s3 t3 (scale_first s2 t2 (scale_second s1 t1 x)) = pi x} &
  forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ {in X, forall x, scale_first s3 t3 (scale_second s2 t2 (scale_first s1 t1 x)) = pi x}].
Proof.
move=> p0 q0; destruct (exchanges_map p0 q0) as [X [pi [inj real]]], (three_scaled p0 q0) as [no1 no2].
by exists X, pi; split=> // s1 t1 s2 t2 s3 t3 pos1 pos2 pos3 /real; [apply: no1 | apply: no2].
Qed.

(* Four without scales do. *)
Theorem four_for_exchanges : (0 < p)%N -> (0 < q)%N ->
  exists (t : 'rV[F]_p -> 'rV[F]_q) (u : 'rV[F]_q -> 'rV[F]_p) v w,
  realizes_exchanges (move_first w \o move_second v \o move_first u \o move_second t).
Proof.
move=> p0 q0; destruct (exchanges_map p0 q0) as [X [pi [inj real]]].
destruct (four_couplings_rows p0 q0 inj) as [t [u [v [w e]]]].
by exists t, u, v, w; apply: real.
Qed.
End Scales.

(* Counting: maps of few parameters miss one of many targets.

   f theta are points, theta in the cube |theta_j| <= r, and D is a distance of points: on the cube
   f is Lip-Lipschitz in the largest coordinate.  Cut the cube into N^p cubes; two of more than N^p targets
   that are nearer than w to some f theta share one, and so are nearer than 2 w + 2 r Lip / N. *)
Section Counting.
Variable R : realFieldType.

(* An interval of length l from a is N of length l / N. *)
Lemma part_of_interval N (l x : R) : (0 < N)%N -> 0 <= l -> 0 <= x <= l ->
  exists k : 'I_N, k%:R * (l / N%:R) <= x <= k.+1%:R * (l / N%:R).
Proof.
case: N => // N _ l0 /andP[x0 xl].
have end_N : x <= N.+1%:R * (l / N.+1%:R) by rewrite mulrCA mulfV ?mulr1 // pnatr_eq0.
have [k xk least] := ex_minnP (ex_intro (fun k => x <= k.+1%:R * (l / N.+1%:R)) N end_N).
have kN : (k < N.+1)%N by rewrite ltnS least.
exists (Ordinal kN); rewrite xk andbT /=; case: k {kN} xk least => [|k] _ least; first by rewrite mul0r.
by rewrite leNgt; apply/negP => /ltW/least; rewrite ltnn.
Qed.

Theorem few_parameters_miss (T : Type) (D : T -> T -> R) p N n (f : ('I_p -> R) -> T)
    (target : 'I_n -> T) (r Lip sep w : R) :
  (forall x y z, D x z <= D x y + D y z) -> (forall x y, D x y = D y x) ->
  (forall s t h, 0 <= h -> (forall j, [/\ `|s j| <= r, `|t j| <= r & `|s j - t j| <= h]) ->
    D (f s) (f t) <= Lip * h) ->
  (forall i j, i != j -> sep <= D (target i) (target j)) ->
  (0 < N)%N -> 0 <= r -> (N ^ p < n)%N -> Lip * (2 * r / N%:R) <= sep - 2 * w ->
  ~ forall i, exists2 s, forall j, `|s j| <= r & D (f s) (target i) < w.
Proof.
move=> tri sym lip apart N0 r0 many fine near.
have [s sP] := fin_all_exists (fun i => let: ex_intro2 s sr sw := near i in
  ex_intro (fun s => (forall j, `|s j| <= r) /\ D (f s) (target i) < w) s (conj sr sw)).
have cell i : exists g : {ffun 'I_p -> 'I_N}, forall j,
    (g j)%:R * (2 * r / N%:R) <= s i j + r <= (g j).+1%:R * (2 * r / N%:R).
  have [|g gP] := @fin_all_exists _ (fun _ => 'I_N) (fun j (k : 'I_N) =>
      k%:R * (2 * r / N%:R) <= s i j + r <= k.+1%:R * (2 * r / N%:R)).
    move=> j; have [/(_ j)] := sP i; rewrite ler_norml => /andP[lo hi] _.
    apply: part_of_interval; rewrite ?mulr_ge0 //.
    by rewrite -lerBlDr sub0r lo mulrDl !mul1r lerD2r.
  by exists (finfun g) => j; rewrite ffunE.
have [g gP] := fin_all_exists cell.
have /injectivePn[i [k ik gg]] : ~~ injectiveb g.
  apply/negP => /injectiveP/leq_card; rewrite card_ffun !card_ord leqNgt => /negP; exact.
have h : D (f (s i)) (f (s k)) <= sep - 2 * w.
  apply: le_trans fine; apply: lip => [|j]; first by rewrite divr_ge0 ?mulr_ge0.
  have [[/(_ j) si _] [/(_ j) sk _]] := (sP i, sP k); split=> //.
  have := gP k j; have := gP i j; rewrite gg.
  move: (_ / _) (s i j) (s k j) => c x y; rewrite mulrSr mulrDl mul1r => /andP[x1 x2] /andP[y1 y2].
  have e : x - y = (x + r) - (y + r) by rewrite opprD addrACA subrr addr0.
  rewrite e ler_norml; apply/andP; split.
    rewrite lerBrDl -lerBrDr opprK; apply: le_trans y2 _; by rewrite lerD2r.
  rewrite lerBlDl; apply: le_trans x2 _; by rewrite lerD2r.
have [_ near_i] := sP i; have [_ near_k] := sP k.
have := apart i k ik; apply/negP; rewrite -ltNge.
apply: le_lt_trans (tri _ (f (s i)) _) _; apply: le_lt_trans (lerD (lexx _) (tri _ (f (s k)) _)) _.
rewrite sym; have -> : sep = w + ((sep - 2 * w) + w).
  by rewrite addrC -addrA -mulr2n -[w *+ 2]mulr_natl subrK.
by apply: ltrD => //; apply: ler_ltD.
Qed.
End Counting.
