(* The first shear of a rotation, from its CS decomposition.

   The first n columns of M are [O c P; Q s P], with orthogonal O and P, orthonormal
   columns Q, which u completes, and diagonal c and s >= 0 with c^2 + s^2 = 1.

   Main results
     first_C       W0 = Q c (1 + s)^-1 O^T makes C + W0 A = Q P, orthonormal columns
     first_orthJ   and J and v of two_involutions.v are orthonormal, too
     first_bounded   |W0| <= 1
     six_cs        over a real closed field M, of determinant 1, is six shears of norms
                   at most 1, 4, 1, 2, 2, 2, for halves (n, n) and (n, n + 1)

   Role.  That every orthogonal M has a CS decomposition is the spectral theorem for A^T A;
   it is well known, and not here.

   References.  Paige and Wei, History and generality of the CS decomposition, Linear
   Algebra Appl. 208/209 (1994); the shears are new to our knowledge. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix.
From exactflow Require Import shears rotations reversal.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Section FirstShear.
Variables (R : realFieldType) (e n : nat).
Variables (B : 'M[R]_(n, e + n)) (D : 'M[R]_(e + n)) (c s : 'rV[R]_n).
Variables (O P : 'M[R]_n) (u : 'M[R]_(e + n, e)) (Q : 'M[R]_(e + n, n)).

Let A := O *m diag_mx c *m P.
Let C := Q *m diag_mx s *m P.
Let w := \row_i (c 0 i / (1 + s 0 i)).
Definition first_shift := Q *m diag_mx w *m O^T.

Hypothesis orthM : (block_mx A B C D)^T *m block_mx A B C D = 1%:M.
Hypotheses (orthO : O^T *m O = 1%:M) (orthP : P^T *m P = 1%:M).
Hypothesis orthH : (row_mx u Q)^T *m row_mx u Q = 1%:M.
Hypotheses (cs : forall i, c 0 i ^+ 2 + s 0 i ^+ 2 = 1) (s_ge0 : forall i, 0 <= s 0 i).

Let s1 i : 1 + s 0 i != 0. Proof. by rewrite gt_eqF // ltr_wpDr. Qed.

Let w_c i : w 0 i * (1 + s 0 i) = c 0 i. Proof. by rewrite mxE divfK. Qed.

Let cw i : s 0 i + w 0 i * c 0 i = 1.
Proof.
apply: (mulIf (s1 i)); rewrite mulrDl mul1r [w 0 i * _ * _]mulrAC w_c mulrDr mulr1 -!expr2.
by rewrite -addrA [s 0 i ^+ 2 + _]addrC cs addrC.
Qed.

Let diagw : diag_mx s + diag_mx w *m diag_mx c = 1%:M.
Proof.
apply/matrixP=> i j; rewrite mulmx_diag !mxE; case: eqVneq => [->|_]; last by rewrite addr0.
by rewrite !mulr1n -[RHS](cw j) mxE.
Qed.

Let diagc : diag_mx c - diag_mx w *m diag_mx s = diag_mx w.
Proof.
apply/matrixP=> i j; rewrite mulmx_diag !mxE; case: eqVneq => [->|_]; last by rewrite subr0.
by rewrite !mulr1n -{1}w_c mxE mulrDr mulr1 addrK.
Qed.

Let blocksH : [/\ u^T *m u = 1%:M, u^T *m Q = 0, Q^T *m u = 0 & Q^T *m Q = 1%:M].
Proof.
by move: orthH; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
Qed.

Lemma first_C : C + first_shift *m A = Q *m P.
Proof.
rewrite /first_shift /C /A !mulmxA -(mulmxA _ O^T) orthO mulmx1 -mulmxDl -!mulmxA -mulmxDr.
by rewrite diagw mulmx1.
Qed.

Lemma first_orthC (Ch := row_mx u (C + first_shift *m A)) : Ch^T *m Ch = 1%:M.
Proof.
have [uu uQ Qu QQ] := blocksH; rewrite /Ch first_C tr_row_mx mul_col_row trmx_mul !mulmxA uu uQ.
rewrite mul0mx -(mulmxA _ _ u) Qu mulmx0 -(mulmxA P^T) QQ mulmx1 orthP.
by rewrite -scalar_mx_block.
Qed.

Let rows : A *m C^T + B *m D^T = 0 /\ C *m C^T + D *m D^T = 1%:M.
Proof.
by move: (mulmx1C orthM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[].
Qed.

Lemma first_orthJ (J := D^T *m first_shift - B^T) (v := (D + first_shift *m B)^T *m u) :
  (row_mx v J)^T *m row_mx v J = 1%:M.
Proof.
have [uu _ Qu QQ] := blocksH; have [AC CC] := rows.
have Wu : first_shift^T *m u = 0 by rewrite !trmx_mul -!mulmxA Qu !mulmx0.
have Cu : C^T *m u = 0 by rewrite !trmx_mul -!mulmxA Qu !mulmx0.
have eF : A - first_shift^T *m C = O *m diag_mx w *m P.
  rewrite /first_shift !trmx_mul tr_diag_mx trmxK /A /C -!mulmxA (mulmxA Q^T) QQ mul1mx.
  by rewrite -mulmxBr (mulmxA (diag_mx w)) -mulmxBl diagc.
have FF : first_shift^T *m first_shift = O *m diag_mx w *m P *m (O *m diag_mx w *m P)^T.
  rewrite /first_shift !trmx_mul tr_diag_mx trmxK -!mulmxA (mulmxA Q^T) QQ mul1mx.
  by rewrite (mulmxA P) (mulmx1C orthP) mul1mx.
move: (first_shift) eF FF Wu @J @v => W eF FF Wu J v.
have vE : v = D^T *m u by rewrite /v linearD /= trmx_mul mulmxDl -mulmxA Wu mulmx0 addr0.
have Dv : D *m v = u.
  rewrite vE mulmxA (canRL (addKr _) CC) mulmxDl mulNmx -mulmxA Cu mulmx0 oppr0 add0r.
  exact: mul1mx.
have Bv : B *m v = 0.
  by rewrite vE mulmxA (canRL (addKr _) AC) addr0 mulNmx -mulmxA Cu mulmx0 oppr0.
have JT : J^T = W^T *m D - B by rewrite /J linearB /= trmx_mul !trmxK.
have vv : v^T *m v = 1%:M by rewrite {1}vE trmx_mul trmxK -mulmxA Dv.
have Jv : J^T *m v = 0 by rewrite JT mulmxBl -mulmxA Dv Bv Wu subrr.
have JJ : J^T *m J = 1%:M.
  have zM : row_mx 1%:M (- W^T) *m block_mx A B C D = row_mx (A - W^T *m C) (- J^T).
    by rewrite mul_row_block !mul1mx !mulNmx JT opprB.
  have : row_mx (A - W^T *m C) (- J^T) *m (row_mx (A - W^T *m C) (- J^T))^T = 1%:M + W^T *m W.
    rewrite -zM trmx_mul -mulmxA (mulmxA (block_mx A B C D)) (mulmx1C orthM) mul1mx.
    by rewrite tr_row_mx mul_row_col trmx1 mulmx1 linearN /= trmxK mulNmx mulmxN opprK.
  rewrite tr_row_mx mul_row_col linearN /= trmxK mulNmx mulmxN opprK eF FF addrC.
  by move/addIr.
have vJ : v^T *m J = 0 by rewrite -[LHS]trmxK trmx_mul trmxK Jv trmx0.
by rewrite tr_row_mx mul_col_row vv vJ Jv JJ -scalar_mx_block.
Qed.

Lemma first_bounded : bounded 1 first_shift.
Proof.
have [_ _ _ QQ] := blocksH; have bw : bounded 1 (diag_mx w).
  move=> x; rewrite expr1n mul1r /dot !mxE ler_sum // => i _.
  rewrite mul_diag_mx !mxE -!expr2 exprMn -[leRHS]mul1r ler_wpM2r ?sqr_ge0 //.
  rewrite expr_div_n ler_pdivrMr ?exprn_gt0 ?ltr_wpDr // mul1r.
  apply: (@le_trans _ _ 1); first by rewrite -(cs i) lerDl sqr_ge0.
  by rewrite expr_ge1 ?lerDl // addr_ge0.
have := bounded_mul (bounded_mul (bounded_isometry QQ) bw) (bounded_tr (bounded_isometry orthO)).
by rewrite !mulr1.
Qed.
End FirstShear.

Theorem six_cs (R : rcfType) e n (B : 'M[R]_(n, e + n)) (D : 'M_(e + n)) (c s : 'rV_n)
    (O P : 'M_n) (u : 'M_(e + n, e)) (Q : 'M_(e + n, n)) :
  let M := block_mx (O *m diag_mx c *m P) B (Q *m diag_mx s *m P) D in
  (e <= 1)%N -> M^T *m M = 1%:M -> \det M = 1 ->
  O^T *m O = 1%:M -> P^T *m P = 1%:M -> (row_mx u Q)^T *m row_mx u Q = 1%:M ->
  (forall i, c 0 i ^+ 2 + s 0 i ^+ 2 = 1) -> (forall i, 0 <= s 0 i) ->
  exists W0 X Y Z W V,
  [/\ M = L W0 *m U X *m L Y *m U Z *m L W *m U V, bounded 1 W0, bounded 4 X, bounded 1 Y &
      [/\ bounded 2 Z, bounded 2 W & bounded 2 V]].
Proof.
move=> M e1 oM dM oO oP oH cs s_ge0; have bW := first_bounded oO oH cs s_ge0.
have oC := first_orthC oO oP oH cs s_ge0; have oJ := first_orthJ oM oP oH s_ge0.
have [X [Y [Z [W [V [eM [bX bY bZ bW' bV]]]]]]] := six_rotation e1 oM dM oC oJ bW.
exists (- first_shift c s O Q), X, Y, Z, W, V; split=> // x.
by rewrite mulNmx dotNl dotC dotNl opprK; apply: bW.
Qed.
