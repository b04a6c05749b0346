(* Rational matrices as lists of lists, so that the kernel computes with them.

   matrix_of n s is the n x n matrix over the rationals whose entries are written
   in s, fractions of integers; rational says what such a fraction is.  For each
   operation on lists a lemma says that it is the one on matrices: addE, mulE, ..
   Needs MathComp (algebra). *)
From Coq Require Export ZArith QArith Lia.
From mathcomp Require Export ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype bigop.
From mathcomp Require Export ssralg ssrnum zmodp matrix mxalgebra rat poly mxpoly.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Close Scope Q_scope.
Local Open Scope ring_scope.

Definition whole (z : Z) : rat :=
  match z with
  | Z0 => 0
  | Zpos p => (Pos.to_nat p)%:R
  | Zneg p => - (Pos.to_nat p)%:R
  end.
Definition rational (q : Q) : rat := whole (Qnum q) / (Pos.to_nat (Qden q))%:R.
Definition rows := seq (seq Q).
Definition entry (s : rows) i j : Q := nth (Qmake Z0 1) (nth [::] s i) j.
Definition matrix_of n (s : rows) : 'M[rat]_n := \matrix_(i, j) rational (entry s i j).

(* Whether a list has d rows of d entries: without this it may be longer than what is said of it. *)
Definition square (T : Type) d (s : seq (seq T)) :=
  (size s == d) && all (fun r => size r == d) s.

(* ------------------------------------------------ computing with rationals *)
Lemma whole_nat n : whole (Z.of_nat n) = n%:R.
Proof. by case: n => // n; rewrite /= SuccNat2Pos.id_succ. Qed.

Lemma wholeN z : whole (- z) = - whole z.
Proof. by case: z => [|p|p] /=; rewrite ?oppr0 ?opprK. Qed.

Lemma whole_sub a b : whole (Z.of_nat a - Z.of_nat b) = a%:R - b%:R.
Proof.
case: (leqP b a) => [|/ltnW] le_ab.
  have -> : (Z.of_nat a - Z.of_nat b)%Z = Z.of_nat (a - b)%N.
    by move/ssrnat.leP: le_ab => ?; rewrite Nat2Z.inj_sub.
  by rewrite whole_nat natrB.
have -> : (Z.of_nat a - Z.of_nat b)%Z = (- Z.of_nat (b - a)%N)%Z.
  by move/ssrnat.leP: le_ab => ?; rewrite Nat2Z.inj_sub //; lia.
by rewrite wholeN whole_nat natrB // opprB.
Qed.

Lemma split_whole z : exists a b, z = (Z.of_nat a - Z.of_nat b)%Z.
Proof. by exists (Z.to_nat z), (Z.to_nat (- z)); lia. Qed.

Lemma wholeD x y : whole (x + y) = whole x + whole y.
Proof.
have [a [b ->]] := split_whole x; have [c [d ->]] := split_whole y.
have -> : (Z.of_nat a - Z.of_nat b + (Z.of_nat c - Z.of_nat d))%Z
  = (Z.of_nat (a + c)%N - Z.of_nat (b + d)%N)%Z by rewrite !Nat2Z.inj_add; lia.
by rewrite !whole_sub !natrD opprD addrACA.
Qed.

Lemma wholeM x y : whole (x * y) = whole x * whole y.
Proof.
have [a [b ->]] := split_whole x; have [c [d ->]] := split_whole y.
have -> : ((Z.of_nat a - Z.of_nat b) * (Z.of_nat c - Z.of_nat d))%Z
  = (Z.of_nat (a * c + b * d)%N - Z.of_nat (a * d + b * c)%N)%Z.
  by rewrite !Nat2Z.inj_add !Nat2Z.inj_mul; lia.
by rewrite !whole_sub !natrD !natrM mulrBl !mulrBr opprD opprB addrACA.
Qed.

Lemma whole_eq0 z : whole z = 0 -> z = 0%Z.
Proof.
have pos p : (Pos.to_nat p)%:R != 0 :> rat by rewrite pnatr_eq0; apply/eqP; lia.
by case: z => //= p /eqP; rewrite ?oppr_eq0 (negbTE (pos p)).
Qed.

Lemma whole_pos p : whole (Zpos p) = (Pos.to_nat p)%:R.
Proof. by []. Qed.

Lemma den_neq0 p : (Pos.to_nat p)%:R != 0 :> rat.
Proof. by apply/eqP => /(@whole_eq0 (Zpos p)). Qed.

Lemma rational_eq x y : Qeq x y -> rational x = rational y.
Proof.
rewrite /Qeq /rational => /(congr1 whole); rewrite !wholeM !whole_pos => e.
by apply/eqP; rewrite eqr_div ?den_neq0 // e.
Qed.

Lemma rational_red x : rational (Qred x) = rational x.
Proof. exact: rational_eq (Qred_correct x). Qed.

Lemma rationalD x y : rational (Qplus x y) = rational x + rational y.
Proof.
rewrite /rational /= wholeD !wholeM.
by rewrite Pos2Nat.inj_mul natrM addf_div ?den_neq0.
Qed.

Lemma rationalM x y : rational (Qmult x y) = rational x * rational y.
Proof. by rewrite /rational /= wholeM Pos2Nat.inj_mul natrM mulf_div. Qed.

Lemma rationalN x : rational (Qopp x) = - rational x.
Proof. by rewrite /rational /= wholeN mulNr. Qed.

Definition is_zero (x : Q) := if Qnum x is Z0 then true else false.
Lemma is_zeroP x : reflect (rational x = 0) (is_zero x).
Proof.
rewrite /is_zero /rational; case: x => [[|p|p] d] /=; constructor.
- by rewrite mul0r.
- by apply/eqP; rewrite mulf_neq0 ?invr_eq0 ?den_neq0.
- by apply/eqP; rewrite mulf_neq0 ?invr_eq0 ?oppr_eq0 ?den_neq0.
Qed.

Definition nonnegative (x : Q) := if Qnum x is Zneg _ then false else true.
Lemma nonnegativeP x : nonnegative x -> 0 <= rational x.
Proof. by case: x => [[|p|p] q] //= _; rewrite /rational /= ?mul0r // divr_ge0. Qed.

Definition above_0 (x : Q) := if Qnum x is Zpos _ then true else false.
Lemma above_0P x : reflect (0 < rational x) (above_0 x).
Proof.
have pos p : 0 < (Pos.to_nat p)%:R :> rat by rewrite lt0r den_neq0 ler0n.
rewrite /above_0 /rational; case: x => [[|p|p] q] /=; constructor.
- by rewrite mul0r ltxx.
- by rewrite divr_gt0.
- by apply/negP; rewrite mulNr oppr_gt0 -leNgt divr_ge0 ?ler0n.
Qed.

(* ------------------------------------------- computing with square matrices *)
Section Lists.
Variable n : nat.
Implicit Types s t : rows.
Local Notation mx := (matrix_of n).

Definition tabulate (f : nat -> nat -> Q) : rows := mkseq (fun i => mkseq (f i) n) n.
Definition sum (f : nat -> Q) : Q :=
  foldr (fun k x => Qred (Qplus (f k) x)) (Qmake Z0 1) (iota 0 n).
Definition one := tabulate (fun i j => Qmake (if i == j then 1%Z else 0%Z) 1).
Definition zero := tabulate (fun _ _ => Qmake Z0 1).
Definition add s t := tabulate (fun i j => Qred (Qplus (entry s i j) (entry t i j))).
Definition opp s := tabulate (fun i j => Qopp (entry s i j)).
Definition mul s t := tabulate (fun i j => sum (fun k => Qmult (entry s i k) (entry t k j))).
Definition scale x s := tabulate (fun i j => Qred (Qmult x (entry s i j))).
Definition tr s := tabulate (fun i j => entry s j i).
Definition ones r := tabulate (fun i j => Qmake (if (i == j) && (i < r)%N then 1%Z else 0%Z) 1).
Definition trace s := sum (fun i => entry s i i).
Definition everywhere (f : nat -> nat -> bool) :=
  all (fun i => all (fun j => f i j) (iota 0 n)) (iota 0 n).
Definition vanishes s := everywhere (fun i j => is_zero (entry s i j)).
Definition same s t := vanishes (add s (opp t)).

Lemma tabulateE f (i j : 'I_n) : mx (tabulate f) i j = rational (f i j).
Proof. by rewrite mxE /entry !nth_mkseq. Qed.

Lemma sumE f : rational (sum f) = \sum_(k < n) rational (f k).
Proof.
rewrite -(big_mkord xpredT (fun k => rational (f k))) /index_iota subn0 /sum.
elim: (iota 0 n) => [|k s IH]; first by rewrite big_nil /rational mul0r.
by rewrite big_cons -IH -rationalD; apply: rational_red.
Qed.

Lemma oneE : mx one = 1%:M.
Proof.
apply/matrixP => i j; rewrite tabulateE mxE val_eqE.
by case: (i == j); rewrite /rational /= ?mul0r ?divr1.
Qed.

Lemma zeroE : mx zero = 0.
Proof. by apply/matrixP => i j; rewrite tabulateE mxE /rational mul0r. Qed.

Lemma addE s t : mx (add s t) = mx s + mx t.
Proof. by apply/matrixP => i j; rewrite tabulateE rational_red rationalD !mxE. Qed.

Lemma oppE s : mx (opp s) = - mx s.
Proof. by apply/matrixP => i j; rewrite tabulateE rationalN !mxE. Qed.

Lemma mulE s t : mx (mul s t) = mx s *m mx t.
Proof.
apply/matrixP => i j; rewrite tabulateE sumE mxE.
by apply: eq_bigr => k _; rewrite rationalM !mxE.
Qed.

Lemma scaleE x s : mx (scale x s) = rational x *: mx s.
Proof. by apply/matrixP => i j; rewrite tabulateE rational_red rationalM !mxE. Qed.

Lemma trE s : mx (tr s) = (mx s)^T.
Proof. by apply/matrixP => i j; rewrite tabulateE !mxE. Qed.

Lemma onesE r : mx (ones r) = pid_mx r.
Proof.
apply/matrixP => i j; rewrite tabulateE mxE.
by case: (_ && _); rewrite /rational /= ?mul0r ?divr1.
Qed.

Lemma traceE s : rational (trace s) = \tr (mx s).
Proof. by rewrite sumE; apply: eq_bigr => i _; rewrite mxE. Qed.

Lemma everywhereP (f : nat -> nat -> bool) : reflect (forall i j : 'I_n, f i j) (everywhere f).
Proof.
have inside (k : nat) : (k \in iota 0 n) = (k < n)%N by rewrite mem_iota.
apply: (iffP allP) => [e i j|e i]; first by apply: (allP (e _ _)); rewrite inside.
rewrite inside => lt_i; apply/allP => j; rewrite inside => lt_j.
exact: (e (Ordinal lt_i) (Ordinal lt_j)).
Qed.

Lemma vanishesP s : reflect (mx s = 0) (vanishes s).
Proof.
apply: (iffP (everywhereP _)) => [z|/matrixP z i j].
  by apply/matrixP => i j; rewrite !mxE; apply/is_zeroP/z.
by have := z i j; rewrite !mxE => /is_zeroP.
Qed.

Lemma sameP s t : reflect (mx s = mx t) (same s t).
Proof.
apply: (iffP (vanishesP _)); rewrite addE oppE.
  exact: subr0_eq.
by move->; rewrite subrr.
Qed.
End Lists.

Definition block n (s : rows) i0 j0 := tabulate n (fun i j => entry s (i0 + i) (j0 + j)).
Lemma blocksE n s : matrix_of (n + n) s =
  block_mx (matrix_of n (block n s 0 0)) (matrix_of n (block n s 0 n))
           (matrix_of n (block n s n 0)) (matrix_of n (block n s n n)).
Proof.
apply/matrixP => i j; rewrite mxE.
by case: (split_ordP i) => i' ->; case: (split_ordP j) => j' ->;
  rewrite ?(block_mxEul, block_mxEur, block_mxEdl, block_mxEdr) tabulateE.
Qed.
