(* Two couplings put a copy of the noise around every atom, and one does not.

   Main results
     two_couplings_on_plateaus   shifts t1 and t2 such that y2 = delta z2 + t1 z1 and
                     x1 = delta z1 + t2 y2 put z into (a_i + delta z1, b_i + delta z2), where
                     z1 is in the i-th of N cells and delta z2' is at most r; t2 reads one
                     coordinate y2', in which the b_i are more than 2 r apart
     one_coupling_keeps   what a coupling does not move it keeps; so where it puts two points
                     that differ there into c + delta z, delta is 1

   Role.  The algebra behind universal approximation by two couplings: with cells of measures
   w_i and small delta and r the image of the noise is near the measure of the atoms. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp fingroup perm matrix.
From exactflow Require Import one_mask.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Theorem two_couplings_on_plateaus (R : realDomainType) p q N (a : 'I_N -> 'cV[R]_p)
    (b : 'I_N -> 'cV[R]_q) (k : 'I_q) (delta r : R) (cell : 'cV[R]_p -> 'I_N) :
  (forall i j, i != j -> r *+ 2 < `|b i k 0 - b j k 0|) ->
  exists (t1 : 'cV[R]_p -> 'cV[R]_q) (t2 : R -> 'cV[R]_p), forall z1 z2,
    let y2 := delta *: z2 + t1 z1 in
    `|delta * z2 k 0| <= r ->
    col_mx (delta *: z1 + t2 (y2 k 0)) y2
      = col_mx (a (cell z1)) (b (cell z1)) + delta *: col_mx z1 z2.
Proof.
move=> apart; exists (b \o cell).
exists (fun u => if [pick i | `|u - b i k 0| <= r] is Some i then a i else 0) => z1 z2 y2 small.
have y2E : y2 k 0 - b (cell z1) k 0 = delta * z2 k 0 by rewrite !mxE addrK.
rewrite scale_col_mx add_col_mx [a _ + _]addrC [b _ + _]addrC; congr col_mx; congr (_ + _).
case: pickP => [i near|/(_ (cell z1))]; last by rewrite y2E small.
congr a; apply/eqP; apply: contraT => /apart; rewrite ltNge => /negP[].
rewrite -[b i k 0 - _](subrKA (y2 k 0)) addrC mulr2n; apply: le_trans (ler_normD _ _) _.
by rewrite lerD // ?y2E // distrC.
Qed.

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
