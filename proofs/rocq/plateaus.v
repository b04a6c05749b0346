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
   the way from a_m to a_(m + 1).

   Role.  What happens at each point in the theorem that two couplings approximate every law:
   the bound of W2 needs no more of the flow.  The measures are not here. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp fingroup perm matrix.
From exactflow Require Import one_mask.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

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
move=> t1 t2 tau_gt0 knots apart z1 z2; rewrite ler_norml => /andP[dz_ge dz_le] y2.
have up i : knot i < knot i + tau by rewrite ltrDl.
have r_ge0 : 0 <= r *+ 2.
  by have := le_trans dz_ge dz_le; rewrite -subr_ge0 opprK -mulr2n.
set x := z1 j 0; pose m := find (fun i => x < knot i + tau) (iota 0 N).
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
pose u := if (m < N)%N then ramp (knot m) (knot m + tau) x else 0.
have u01 : 0 <= u <= 1.
  by rewrite /u; case: ifP => _; rewrite ?ramp01 // lexx ler01.
have t1E : t1 z1 = b m + u *: (b m.+1 - b m).
  by apply: (@ladder _ b knot (fun i => knot i + tau)).
have y2k : y2 k 0 = delta * z2 k 0 + (b m k 0 + u * (b m.+1 k 0 - b m k 0)).
  by rewrite /y2 t1E !mxE.
have b_le i l : (i <= l <= N)%N -> b i k 0 <= b l k 0.
  move=> /andP[]; rewrite leq_eqVlt => /predU1P[->//|il lN].
  by rewrite -subr_ge0 (le_trans r_ge0) // ltW // apart // il.
have steps i : (i < N)%N -> b i k 0 + r < b i.+1 k 0 - r.
  by move=> iN; rewrite ltrBrDr -addrA -mulr2n addrC -ltrBrDr apart // ltnSn.
have [w_ge w_le] : 0 <= u * (b m.+1 k 0 - b m k 0) /\
    ((m < N)%N -> u * (b m.+1 k 0 - b m k 0) <= b m.+1 k 0 - b m k 0).
  have [m_lt|] := boolP (m < N)%N; last by rewrite /u => /negPf->; rewrite mul0r.
  have gap : 0 <= b m.+1 k 0 - b m k 0 by rewrite subr_ge0 b_le // leqnSn.
  by case/andP: u01 => u0 u1; rewrite mulr_ge0 // ler_piMl.
have y_ge : b m k 0 - r <= y2 k 0.
  by rewrite y2k addrCA lerD2l -[- r]addr0 lerD.
have y_le : (m < N)%N -> y2 k 0 <= b m.+1 k 0 + r.
  by move=> /w_le w1; rewrite y2k addrC lerD // -lerBrDl.
pose v := if (m < N)%N then ramp (b m k 0 + r) (b m.+1 k 0 - r) (y2 k 0) else 0.
have v01 : 0 <= v <= 1.
  by rewrite /v; case: ifP => mN'; rewrite ?ramp01 ?steps // lexx ler01.
exists m, u, v; split; split=> //.
- by rewrite /y2 t1E.
- congr (_ + _).
  apply: (@ladder _ a (fun i => b i k 0 + r) (fun i => b i.+1 k 0 - r)) => // [i im|i /andP[mi iN]].
    apply: le_trans y_ge; rewrite lerD2r; apply: b_le.
    by rewrite im.
  apply: le_trans (y_le (ltn_trans mi iN)) _; rewrite lerD2r; apply: b_le.
  by rewrite mi ltnW.
- move=> i iN; have [/before//|mi] := ltnP i m; apply/negbTE; rewrite -ltNge.
  have [im|im] := leqP i m.
    have im' : i = m by apply/anti_leq; rewrite im.
    by rewrite im' in iN *; apply: at_m.
  apply: lt_trans (at_m (ltn_trans im iN)) (le_lt_trans _ (up i)).
  by apply: knots; rewrite im.
- move=> off; have [m_lt|] := boolP (m < N)%N; last by rewrite /u /v => /negPf->.
  have x_le : x <= knot m by have := off m m_lt; rewrite at_m // andbT -leNgt.
  have u0 : u = 0 by rewrite /u m_lt /ramp x_le.
  by split=> //; rewrite /v m_lt /ramp y2k u0 mul0r addr0 addrC lerD2l dz_le.
Qed.
End Ramps.

Theorem one_coupling_keeps (R : idomainType) (G : {pred R}) d (M B : {set 'I_d}) f :
  coupling G M B f ->
  (forall x j, j \notin M -> f x j 0 = x j 0) /\
  forall c delta (x y : 'cV[R]_d) j, j \notin M -> x j 0 != y j 0 ->
    f x = c + delta *: x -> f y = c + delta *: y -> delta = 1.
Proof.
move=> [s [t [_ _ fE]]]; have keep (x : 'cV[R]_d) j : j \notin M -> f x j 0 = x j 0.
  by move=> /negPf jM; rewrite fE jM.
split=> // c delta x y j jM xy /colP/(_ j) + /colP/(_ j); rewrite !keep // !mxE => fx fy.
have : (1 - delta) * (x j 0 - y j 0) = 0.
  rewrite mulrBl mul1r mulrBr {1}fx {1}fy; move: (c j 0) (delta * _) (delta * _) => u v w.
  by rewrite opprD addrACA subrr add0r subrr.
by move/eqP; rewrite mulf_eq0 !subr_eq0 (negPf xy) orbF => /eqP.
Qed.
