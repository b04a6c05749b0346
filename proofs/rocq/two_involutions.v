(* Two involutions: five shears in closed form from orthonormal columns.

   The halves have n and e + n entries; e = 0 is the equal split, e = 1 the odd one.
   M = [A B; C D] has the inverse [a b; c d].  The columns of C, and those of J = -c,
   are orthonormal; the e columns of u complete C to a square orthogonal matrix Ch,
   and v = D^T u does the same for J: Ch = [u C] and Jh = [v J].

   Main results
     five_by_involution   M = U X * L Y * U Z * L W * U V with X, W and V in closed
                          form, for every solution Y, Z of the two equations
                          1 + Z Y = k and 1 + Y Z = Ch * diag(1, k) * Jh^T

   Role.  What a permutation or a rotation needs: there k is chosen such that the
   two equations have an evident solution.  All else is products of what is given,
   so over the integers the shears are integer.

   References.  The construction is new to our knowledge.  Nearest: products of two
   involutions, Djokovic 1967; Gustafson, Halmos, Radjavi 1976. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix.
From exactflow Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section FiveByInvolution.
Variables (R : comUnitRingType) (e n : nat).
Variables (A : 'M[R]_n) (B : 'M[R]_(n, e + n)) (C : 'M[R]_(e + n, n)) (D : 'M[R]_(e + n)).
Variables (a : 'M[R]_n) (b : 'M[R]_(n, e + n)) (c : 'M[R]_(e + n, n)) (d : 'M[R]_(e + n)).
Variables (u : 'M[R]_(e + n, e)) (k : 'M[R]_n).

Let J : 'M_(e + n, n) := - c.
Let v : 'M_(e + n, e) := D^T *m u.
Let Ch : 'M_(e + n) := row_mx u C.
Let Jh : 'M_(e + n) := row_mx v J.
Let D' := Ch *m block_mx 1%:M 0 0 k *m Jh^T.
Let V := C^T *m (D - D').
Let B' : 'M_(n, e + n) := B - A *m V.

Hypothesis inv : block_mx A B C D *m block_mx a b c d = 1%:M.
Hypotheses (orthC : Ch^T *m Ch = 1%:M) (orthJ : Jh^T *m Jh = 1%:M).
Hypothesis uk : k \in unitmx.

Let gramC : [/\ u^T *m u = 1%:M, u^T *m C = 0, C^T *m u = 0 & C^T *m C = 1%:M].
Proof.
by move: orthC; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
Qed.

Let gramJ : v^T *m J = 0 /\ J^T *m J = 1%:M.
Proof.
by move: orthJ; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
Qed.

Let uD' : u^T *m D' = v^T.
Proof.
have [uu uC _ _] := gramC; rewrite !mulmxA mul_mx_row uu uC mul_row_block.
by rewrite !mulmx0 mulmx1 mul0mx !addr0 tr_row_mx mul_row_col mul1mx mul0mx addr0.
Qed.

Let D'c : D' *m c = - (C *m k).
Proof.
have [vJ JJ] := gramJ; rewrite -[c]opprK -/J mulmxN -mulmxA tr_row_mx mul_col_mx vJ JJ.
by rewrite -mulmxA mul_block_col !mulmx0 !mulmx1 !add0r mul_row_col mulmx0 add0r.
Qed.

Let unitD' : D' \in unitmx.
Proof.
have [_ uC] := mulmx1_unit orthC; have [uJ _] := mulmx1_unit orthJ.
by rewrite !unitmx_mul uC uJ andbT unitmxE det_ublock det1 mul1r.
Qed.

(* D' = D - C V, for the columns of C span what is orthogonal to u. *)
Let eqD : D' + C *m V = D.
Proof.
have : Ch *m Ch^T = 1%:M by apply: mulmx1C.
rewrite tr_row_mx mul_row_col mulmxA addrC => /(canRL (addrK _)) ->.
by rewrite mulmxBl mul1mx -mulmxA mulmxBr uD' trmx_mul trmxK subrr mulmx0 subr0 addrC subrK.
Qed.

Let eqA : A *m k + B' *m c = 1%:M.
Proof.
have [_ _ _ CC] := gramC.
move: inv; rewrite mulmx_block scalar_mx_block => /eq_block_mx[ABac _ CDac _].
have -> : k = a + V *m c.
  rewrite -[LHS]mul1mx -CC -mulmxA -[C *m k]opprK -D'c.
  rewrite -[a]mul1mx -CC -mulmxA (canRL (addrK _) CDac) sub0r.
  by rewrite -[V *m c]mulmxA -mulmxDr mulmxBl addKr.
by rewrite mulmxDr mulmxBl mulmxA addrA addrAC addrK.
Qed.

Theorem five_by_involution (Y : 'M_(e + n, n)) (Z : 'M_(n, e + n)) :
  1%:M + Z *m Y = k -> 1%:M + Y *m Z = D' ->
  let W := invmx D' *m (C - Y) in
  let X := (B' - Z) *m invmx D' in
  block_mx A B C D = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> ZY YZ W X.
have D'W : D' *m W = C - Y by rewrite mulKVmx.
have XD' : X *m D' = B' - Z by rewrite mulmxKV.
clearbody W X.
have Wk : W *m k = - c - Y.
  have eY : Y *m k = D' *m Y by rewrite -ZY -YZ mulmxDr mulmxDl mulmx1 mul1mx mulmxA.
  rewrite -[LHS](mulKmx unitD') [D' *m _]mulmxA D'W mulmxBl eY -[C *m k]opprK -D'c.
  by rewrite -mulmxN -mulmxBr mulKmx.
rewrite (mul_ULULU X V (P := D') (C := C)) ?YZ //; last by rewrite D'W addrC subrK.
rewrite eqD XD' (addrC Z) subrK; have -> : 1%:M + Z *m W + X *m C = A.
  apply: (can_inj (mulmxK uk)); rewrite -[RHS](addrK (B' *m c)) eqA !(mulmxDl _ _ k) -!mulmxA Wk.
  rewrite -[C *m k]opprK -D'c -mulmxN [X *m _]mulmxA XD' mul1mx -ZY.
  rewrite mulmxBr [(B' - Z) *m _]mulmxBl !mulmxN opprK [_ - Z *m Y]addrC -!addrA addNKr.
  by rewrite [- (B' *m c) + _]addrC addKr.
by rewrite addrC subrK.
Qed.
End FiveByInvolution.
