(* Rotations: six shears whose norms do not grow with the dimension.

   M = [A B; C D] is orthogonal, with halves of n and e + n entries, and is made of the
   six shears of two_involutions.v.  bounded s X says that |X x| <= s |x| for all x.

   Main results
     bounded_mul, bounded_sub, bounded_tr   norms of products, differences, transposes
     det_Theta     Theta = Jh^T Ch has the determinant of M
     six_bounded   if W0, k and g have norms at most 1, k and g being orthogonal, then
                   W0, X, Y, Z, W, V have norms at most 1, 4, 1, 2, 2, 2

   Plan.  Y consists of columns of an orthogonal matrix and Z is (k - 1) Y^T; D' is
   orthogonal, and D'' = D + W0 B has norm at most 1, since D'' D''^T = 1 + W0 W0^T - C' C'^T
   for C' = C + W0 A.  For X: B - A C'^T D'' is -J^T.

   Role.  real_reversal.v finds k and g for every M of determinant 1, if e <= 1.

   References.  The construction is new to our knowledge; see two_involutions.v. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix.
From exactflow Require Import shears two_involutions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Section Norms.
Variable R : realFieldType.

Definition dot m (x y : 'cV[R]_m) := (x^T *m y) 0 0.
Definition bounded (k : R) m n (X : 'M[R]_(m, n)) :=
  forall x : 'cV_n, dot (X *m x) (X *m x) <= k ^+ 2 * dot x x.

Lemma dotC m (x y : 'cV_m) : dot x y = dot y x.
Proof. by rewrite /dot -[x^T *m y]trmxK trmx_mul trmxK mxE. Qed.

Lemma dotDl m (x y z : 'cV_m) : dot (x + y) z = dot x z + dot y z.
Proof. by rewrite /dot linearD mulmxDl mxE. Qed.

Lemma dotDr m (x y z : 'cV_m) : dot x (y + z) = dot x y + dot x z.
Proof. by rewrite /dot mulmxDr mxE. Qed.

Lemma dotNl m (x z : 'cV_m) : dot (- x) z = - dot x z.
Proof. by rewrite /dot linearN mulNmx mxE. Qed.

Lemma dot_mul m n (X : 'M_(m, n)) x y : dot (X *m x) y = dot x (X^T *m y).
Proof. by rewrite /dot trmx_mul mulmxA. Qed.

Lemma dot_ge0 m (x : 'cV_m) : 0 <= dot x x.
Proof. by rewrite /dot mxE sumr_ge0 // => i _; rewrite mxE -expr2 sqr_ge0. Qed.

Lemma dotB m (x y : 'cV_m) : dot (x - y) (x - y) = dot x x + dot y y - dot x y *+ 2.
Proof.
rewrite dotDl !dotDr !dotNl ![dot _ (- y)]dotC !dotNl [dot y x]dotC mulr2n opprD opprK.
by rewrite [- _ + dot y y]addrC addrACA.
Qed.

Lemma bounded_isometry m n (X : 'M_(m, n)) : X^T *m X = 1%:M -> bounded 1 X.
Proof. by move=> XX x; rewrite dot_mul mulmxA XX mul1mx expr1n mul1r. Qed.

Lemma bounded_mul k l m n p (X : 'M_(m, n)) (Y : 'M_(n, p)) :
  bounded k X -> bounded l Y -> bounded (k * l) (X *m Y).
Proof.
move=> bX bY x; rewrite -mulmxA; apply: le_trans (bX _) _; rewrite exprMn -[leRHS]mulrA.
by rewrite ler_wpM2l ?sqr_ge0.
Qed.

(* The parallelogram law. *)
Lemma bounded_sub k m n (X Y : 'M_(m, n)) :
  bounded k X -> bounded k Y -> bounded (k + k) (X - Y).
Proof.
move=> bX bY x; rewrite mulmxBl; have := dot_ge0 (X *m x - - (Y *m x)).
move: (bX x) (bY x); set a := X *m x; set b := Y *m x => ha hb.
rewrite !dotB [dot a (- b)]dotC !dotNl [dot b (- b)]dotC dotNl opprK [dot b a]dotC mulNrn opprK.
move=> h; apply: le_trans (_ : (dot a a + dot b b) *+ 2 <= _).
  by rewrite mulr2n lerD2l -subr_ge0 opprK.
by rewrite -mulr2n exprMn_n mulrnAl -[(2 ^ 2)%N]/(2 * 2)%N mulrnA lerMn2r /= mulr2n lerD.
Qed.

(* 0 <= |x - X X^T x|^2 <= |x|^2 - |X^T x|^2 *)
Lemma bounded_tr m n (X : 'M_(m, n)) : bounded 1 X -> bounded 1 X^T.
Proof.
move=> bX x; rewrite expr1n mul1r; have := dot_ge0 (x - X *m (X^T *m x)).
rewrite dotB [dot x (X *m _)]dotC [dot (X *m _) x]dot_mul => h.
rewrite -subr_ge0; apply: le_trans h _.
by rewrite mulr2n opprD addrA lerD2r -addrA gerDl subr_le0 (le_trans (bX _)) // expr1n mul1r.
Qed.

Lemma gram_eq0 m n (X : 'M[R]_(m, n)) : X^T *m X = 0 -> X = 0.
Proof.
move/matrixP=> XX; apply/matrixP=> i j; have := XX j j; rewrite !mxE => /psumr_eq0P s0.
apply/eqP; rewrite -sqrf_eq0 expr2; have := s0 _ i isT.
by rewrite mxE => -> // l _; rewrite mxE -expr2 sqr_ge0.
Qed.

Lemma bounded_gram m n p (X : 'M_(m, p)) (Y : 'M_(n, p)) :
  X^T *m X + Y^T *m Y = 1%:M -> bounded 1 X.
Proof.
move=> XY x; rewrite expr1n mul1r.
have -> : dot x x = dot (X *m x) (X *m x) + dot (Y *m x) (Y *m x).
  by rewrite !dot_mul -dotDr !mulmxA -mulmxDl XY mul1mx.
by rewrite lerDl dot_ge0.
Qed.

Lemma invmx_orthogonal n (Q : 'M[R]_n) : Q^T *m Q = 1%:M -> invmx Q = Q^T.
Proof.
by move=> QQ; have [_ uQ] := mulmx1_unit QQ; rewrite -[LHS]mul1mx -QQ mulmxK.
Qed.
End Norms.

Section SixBounded.
Variables (R : realFieldType) (e n : nat).
Variables (A : 'M[R]_n) (B : 'M[R]_(n, e + n)) (C : 'M[R]_(e + n, n)) (D : 'M[R]_(e + n)).
Variables (W0 : 'M[R]_(e + n, n)) (u : 'M[R]_(e + n, e)) (k : 'M[R]_n) (g : 'M[R]_(e + n)).

Let C' : 'M_(e + n, n) := C + W0 *m A.
Let D'' : 'M_(e + n) := D + W0 *m B.
Let J : 'M_(e + n, n) := D^T *m W0 - B^T.
Let v : 'M_(e + n, e) := D''^T *m u.
Let Ch : 'M_(e + n) := row_mx u C'.
Let Jh : 'M_(e + n) := row_mx v J.
Let K : 'M_(e + n) := block_mx 1%:M 0 0 k.
Let D' := Ch *m K *m Jh^T.

Hypothesis orthM : (block_mx A B C D)^T *m block_mx A B C D = 1%:M.
Hypotheses (orthC : Ch^T *m Ch = 1%:M) (orthJ : Jh^T *m Jh = 1%:M).
Hypotheses (orthk : k^T *m k = 1%:M) (orthg : g^T *m g = 1%:M).
Hypotheses (bW0 : bounded 1 W0) (gK : K *m (Jh^T *m Ch) *m g = g *m K).

(* The rows of M' = L W0 * M, and its inverse. *)
Let rowsM' : A *m C'^T + B *m D''^T = W0^T /\ C' *m C'^T + D'' *m D''^T = 1%:M + W0 *m W0^T.
Proof.
have : L W0 *m block_mx A B C D *m (L W0 *m block_mx A B C D)^T = L W0 *m U W0^T.
  by rewrite trmx_mul tr_L -mulmxA [block_mx A _ _ _ *m _]mulmxA (mulmx1C orthM) mul1mx.
rewrite !mul_L tr_block_mx mulmx_block mulmx1 => /eq_block_mx[_ -> _ ->].
by rewrite addrC.
Qed.

Let inverse : block_mx A B C' D'' *m block_mx (A^T - C^T *m W0) C^T (- J) D^T = 1%:M.
Proof.
rewrite opprB -[A^T - _]/(A^T + - _) -[B^T - _]/(B^T + - _) -!mulmxN -mul_block_L -mul_L -mulmxA.
by rewrite -tr_block_mx [block_mx A _ _ _ *m _]mulmxA (mulmx1C orthM) mul1mx mulmx1C // mul_LL.
Qed.

Let uC' : [/\ u^T *m u = 1%:M, C'^T *m u = 0 & C'^T *m C' = 1%:M].
Proof.
by move: orthC; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
Qed.

Let W0u : W0^T *m u = 0.
Proof.
have [uu C'u _] := uC'; have [_ rows] := rowsM'; apply: gram_eq0.
have : v^T *m v = 1%:M.
  by move: orthJ; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
rewrite /v; move: (D'') (C') rows C'u => Q P rows Pu Qu.
have := congr1 (fun X => u^T *m X *m u) rows; rewrite /= !mulmxDr !mulmxDl mulmx1 uu.
rewrite -!mulmxA Pu !mulmx0 add0r !trmx_mul !trmxK -!mulmxA in Qu *; rewrite Qu.
by rewrite -[LHS]addr0 => /addrI <-.
Qed.

Let bA : bounded 1 A.
Proof.
apply: (@bounded_gram _ _ _ _ _ C).
by move: orthM; rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[].
Qed.

Let JJ : J^T *m J = 1%:M.
Proof. by move: orthJ; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[]. Qed.

Let ChCh : u *m u^T + C' *m C'^T = 1%:M.
Proof. by move: (mulmx1C orthC); rewrite tr_row_mx mul_row_col. Qed.

(* |D''^T x|^2 = |x|^2 + |W0^T x|^2 - |C'^T x|^2, and W0^T x = W0^T C' C'^T x. *)
Let bD'' : bounded 1 D''.
Proof.
rewrite -[D'']trmxK; apply: bounded_tr => x; rewrite expr1n mul1r.
have [_ rows] := rowsM'; have [_ _ CC] := uC'.
have eq1 : dot (C'^T *m x) (C'^T *m x) + dot (D''^T *m x) (D''^T *m x)
    = dot x x + dot (W0^T *m x) (W0^T *m x).
  by rewrite !dot_mul !trmxK -!dotDr !mulmxA -mulmxDl rows mulmxDl mul1mx.
rewrite -(lerD2l (dot (C'^T *m x) (C'^T *m x))) eq1 addrC lerD2r.
have -> : W0^T *m x = W0^T *m C' *m (C'^T *m x).
  rewrite -[X in W0^T *m X = _]mul1mx -ChCh !(mulmxDl, mulmxDr) !mulmxA W0u.
  by rewrite !mul0mx add0r.
have := bounded_mul (bounded_tr bW0) (bounded_isometry CC).
by rewrite mul1r => /(_ (C'^T *m x)); rewrite expr1n mul1r.
Qed.

Let D'D' : D'^T *m D' = 1%:M.
Proof.
have KK : K^T *m K = 1%:M.
  rewrite tr_block_mx mulmx_block !trmx0 trmx1 !mulmx0 !mul0mx !mulmx1 addr0 !add0r orthk.
  by rewrite [RHS]scalar_mx_block.
rewrite /D' !trmx_mul trmxK -!mulmxA [Ch^T *m _]mulmxA orthC mul1mx [K^T *m _]mulmxA KK mul1mx.
exact: mulmx1C.
Qed.

(* The upper right block of M' U (- C'^T D''), by its products with v and J. *)
Let E : B - A *m C'^T *m D'' = - J^T.
Proof.
have [_ C'u CC] := uC'; have [rA rows] := rowsM'.
have Bv : B *m v = 0.
  by rewrite mulmxA (canRL (addKr _) rA) addrC mulmxBl W0u -mulmxA C'u mulmx0 subrr.
have Dv : D'' *m v = u.
  rewrite mulmxA (canRL (addKr _) rows) mulmxDl mulNmx -mulmxA C'u mulmx0 oppr0 add0r.
  by rewrite mulmxDl mul1mx -mulmxA W0u mulmx0 addr0.
move: inverse; rewrite mulmx_block scalar_mx_block => /eq_block_mx[AB _ CD _].
have AD : A *m C'^T *m D'' *m J = A *m (A^T - C^T *m W0).
  rewrite -[A^T - _]mul1mx -CC -[C'^T *m C' *m _]mulmxA (canRL (addrK _) CD) sub0r !mulmxN opprK.
  by rewrite !mulmxA.
set F := B - _; have FJ : F *m Jh = row_mx 0 (- 1%:M).
  rewrite mul_mx_row !(mulmxBl B) Bv -[_ *m D'' *m v]mulmxA Dv -[A *m _ *m u]mulmxA C'u.
  by rewrite mulmx0 subrr AD -AB mulmxN opprD opprK addrC.
rewrite -[LHS]mulmx1 -(mulmx1C orthJ) mulmxA FJ tr_row_mx mul_row_col mul0mx add0r.
by rewrite mulNmx mul1mx.
Qed.

Lemma det_Theta : \det (Jh^T *m Ch) = \det (block_mx A B C D).
Proof.
have := det_frames inverse orthC; rewrite /= opprK => /(_ orthJ) ->.
by rewrite -mul_L det_mulmx det_L mul1r.
Qed.

Theorem six_bounded : exists X Y Z W V,
  block_mx A B C D = L (- W0) *m U X *m L Y *m U Z *m L W *m U V /\
  [/\ bounded 4 X, bounded 1 Y, bounded 2 Z, bounded 2 W & bounded 2 V].
Proof.
have [_ uk] := mulmx1_unit orthk; have [_ ug] := mulmx1_unit orthg.
have oJ : (row_mx v (- - J))^T *m row_mx v (- - J) = 1%:M by rewrite opprK.
have gJ : K *m ((row_mx v (- - J))^T *m Ch) *m g = g *m K by rewrite opprK.
have [ZY YZ] := intertwiner_solves orthC ug gJ; have [_ _ CC] := uC'.
have := five_by_involution inverse orthC oJ uk ZY YZ.
rewrite !opprK -/Jh -/D' !(invmx_orthogonal D'D') (invmx_orthogonal orthg) -trmx_mul.
set Y := rsubmx _; rewrite -[dsubmx _]trmxK trmx_dsub trmxK -/Y; set Z := _ *m Y^T => eM.
have YY : Y^T *m Y = 1%:M.
  have : (Ch *m g)^T *m (Ch *m g) = 1%:M.
    by rewrite trmx_mul -mulmxA [Ch^T *m _]mulmxA orthC mul1mx.
  rewrite -[Ch *m g]hsubmxK tr_row_mx mul_col_row scalar_mx_block.
  by case/eq_block_mx.
have bY := bounded_isometry YY; have bD' := bounded_isometry D'D'.
have bC := bounded_tr (bounded_isometry CC).
have bZ : bounded 2 Z.
  rewrite -[2]mulr1; apply: bounded_mul (bounded_tr bY).
  by apply: bounded_sub; apply: bounded_isometry; rewrite // trmx1 mulmx1.
rewrite -[block_mx A B C D](mul_LK W0) mul_L eM; do 5!eexists; split; first by rewrite !mulmxA.
split=> //.
- rewrite -[4]mulr1; apply: bounded_mul (bounded_tr bD').
  rewrite (_ : 4 = 2 + 2); last by rewrite -natrD.
  apply: (bounded_sub _ bZ); rewrite mulmxBr opprB addrA addrAC E addrC.
  apply: bounded_sub; last exact: bounded_tr (bounded_isometry JJ).
  by have := bounded_mul (bounded_mul bA bC) bD'; rewrite !mulr1.
- rewrite -[2]mul1r; apply: bounded_mul; first exact: bounded_tr.
  by apply: (bounded_sub _ bY); apply: bounded_isometry.
- by rewrite -[2]mul1r; apply: bounded_mul => //; apply: bounded_sub.
Qed.
End SixBounded.
