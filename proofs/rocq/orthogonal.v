(* Orthogonal matrices over real closed fields: rotations are six shears of bounded norms, every
   matrix is eleven couplings conditioned as it is, and Gaussians are of two couplings. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import ssrAC order tuple fingroup perm.
From mathcomp Require Import ssralg ssrnum zmodp poly matrix mxalgebra mxpoly.
From mathcomp Require path.
From exactflow.certificates Require Import shears.
From exactflow Require Import involutions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Local Open Scope ring_scope.

(* Rotations: six shears of bounded norms, over every real closed field. *)

(* Rotations: six shears whose norms do not grow with the dimension.

   M = [A B; C D] is orthogonal, with halves of n and e + n entries, and is made of the
   six shears of FiveByInvolution.  bounded s X says that |X x| <= s |x| for all x.

   Main results
     bounded_mul, bounded_sub, bounded_tr   norms of products, differences, transposes
     det_Theta     Theta = Jh^T Ch has the determinant of M
     six_bounded   if W0, k and g have norms at most 1, k and g being orthogonal, then
                   W0, X, Y, Z, W, V have norms at most 1, 4, 1, 2, 2, 2

   Plan.  Y consists of columns of an orthogonal matrix and Z is (k - 1) Y^T; D' is
   orthogonal, and D'' = D + W0 B has norm at most 1, since D'' D''^T = 1 + W0 W0^T - C' C'^T
   for C' = C + W0 A.  For X: B - A C'^T D'' is -J^T.

   References.  The construction is new to our knowledge; see FiveByInvolution. *)
Section Norms.
Variable R : realFieldType.

Definition dot m (x y : 'cV[R]_m) := (x^T *m y) 0 0.
Definition bounded (k : R) m n (X : 'M[R]_(m, n)) :=
  forall x : 'cV_n, dot (X *m x) (X *m x) <= k ^+ 2 * dot x x.

Lemma dotC m (x y : 'cV_m) : dot x y = dot y x.
Proof. by rewrite /dot -[x^T *m y]trmxK trmx_mul trmxK mxE. Qed.

Lemma dotDl m (x y z : 'cV_m) : dot (x + y) z = dot x z + dot y z.
Proof. by rewrite /dot trmxD mulmxDl mxE. Qed.

Lemma dotDr m (x y z : 'cV_m) : dot x (y + z) = dot x y + dot x z.
Proof. by rewrite /dot mulmxDr mxE. Qed.

Lemma dotNl m (x z : 'cV_m) : dot (- x) z = - dot x z.
Proof. by rewrite /dot trmxN mulNmx mxE. Qed.

Lemma dotZ n (x y : 'cV[R]_n) a b : dot (a *: x) (b *: y) = a * b * dot x y.
Proof. by rewrite /dot [(_ *: x)^T]linearZ /= -scalemxAl -scalemxAr scalerA mxE. Qed.

Lemma dot_col m n (u v : 'cV[R]_m) (w x : 'cV[R]_n) :
  dot (col_mx u w) (col_mx v x) = dot u v + dot w x.
Proof. by rewrite /dot tr_col_mx mul_row_col mxE. Qed.

Lemma dot_mul m n (X : 'M_(m, n)) x y : dot (X *m x) y = dot x (X^T *m y).
Proof. by rewrite /dot trmx_mul mulmxA. Qed.

Lemma dot_ge0 m (x : 'cV_m) : 0 <= dot x x.
Proof. by rewrite /dot mxE; apply: sumr_ge0 => i _; rewrite mxE -expr2 sqr_ge0. Qed.

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
move=> bX bY x; rewrite -mulmxA; apply: le_trans (bX _) _; rewrite exprMn -[X in _ <= X]mulrA.
by rewrite ler_wpM2l ?sqr_ge0.
Qed.

Lemma bounded_le k l m n (X : 'M[R]_(m, n)) : 0 <= k -> k <= l -> bounded k X -> bounded l X.
Proof.
move=> k0 kl bX x; apply: le_trans (bX x) _; rewrite ler_wpM2r ?dot_ge0 //.
by rewrite lerXn2r ?nnegrE // (le_trans k0).
Qed.

Lemma bounded_opp k m n (X : 'M[R]_(m, n)) : bounded k X -> bounded k (- X).
Proof. by move=> bX x; rewrite mulNmx dotNl dotC dotNl opprK. Qed.

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

Let W0u : W0^T *m u = 0.
Proof.
have [uu _ C'u _] := gram_row orthC; have [_ rows] := rowsM'; apply: gram_eq0.
have [+ _ _ _] := gram_row orthJ; rewrite /v; move: (D'') (C') rows C'u => Q P rows Pu Qu.
have := congr1 (fun X => u^T *m X *m u) rows; rewrite /= !mulmxDr !mulmxDl mulmx1 uu.
rewrite -!mulmxA Pu !mulmx0 add0r !trmx_mul !trmxK -!mulmxA in Qu *; rewrite Qu.
by rewrite -[LHS]addr0 => /addrI <-.
Qed.

Let bA : bounded 1 A.
Proof. by apply: (@bounded_gram _ _ _ _ _ C); have [] := gram_block orthM. Qed.

Let JJ : J^T *m J = 1%:M.
Proof. by have [] := gram_row orthJ. Qed.

Let ChCh : u *m u^T + C' *m C'^T = 1%:M.
Proof. by move: (mulmx1C orthC); rewrite tr_row_mx mul_row_col. Qed.

(* |D''^T x|^2 = |x|^2 + |W0^T x|^2 - |C'^T x|^2, and W0^T x = W0^T C' C'^T x. *)
Let bD'' : bounded 1 D''.
Proof.
rewrite -[D'']trmxK; apply: bounded_tr => x; rewrite expr1n mul1r.
have [_ rows] := rowsM'; have [_ _ _ CC] := gram_row orthC.
have eq1 : dot (C'^T *m x) (C'^T *m x) + dot (D''^T *m x) (D''^T *m x)
    = dot x x + dot (W0^T *m x) (W0^T *m x).
  by rewrite !dot_mul !trmxK -!dotDr !mulmxA -mulmxDl rows mulmxDl mul1mx.
rewrite -(lerD2l (dot (C'^T *m x) (C'^T *m x))) eq1 addrC lerD2r.
have -> : W0^T *m x = W0^T *m C' *m (C'^T *m x).
  rewrite -[in LHS](mul1mx x) -ChCh mulmxDl mulmxDr !mulmxA W0u.
  by rewrite !mul0mx add0r.
have := bounded_mul (bounded_tr bW0) (bounded_isometry CC).
by rewrite mul1r => /(_ (C'^T *m x)); rewrite expr1n mul1r.
Qed.

Let D'D' : D'^T *m D' = 1%:M.
Proof.
have KK : K^T *m K = 1%:M.
  by rewrite tr_block_mx !trmx0 trmx1 mul_diag_block !mulmx0 mulmx1 orthk -scalar_mx_block.
rewrite /D' !trmx_mul trmxK -!mulmxA [Ch^T *m _]mulmxA orthC mul1mx [K^T *m _]mulmxA KK mul1mx.
exact: mulmx1C.
Qed.

(* The upper right block of M' U (- C'^T D''), by its products with v and J. *)
Let E : B - A *m C'^T *m D'' = - J^T.
Proof.
have [_ _ C'u CC] := gram_row orthC; have [rA rows] := rowsM'.
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
have [ZY YZ] := intertwiner_solves orthC ug gJ; have [_ _ _ CC] := gram_row orthC.
have := five_by_involution inverse orthC oJ uk ZY YZ.
rewrite !opprK -/Jh -/D' !(invmx_orthogonal D'D') (invmx_orthogonal orthg) -trmx_mul.
set Y := rsubmx _; rewrite -[dsubmx _]trmxK trmx_dsub trmxK -/Y; set Z := _ *m Y^T.
set W := D'^T *m _; set V := C'^T *m _; set X := _ *m D'^T => eM.
have YY : Y^T *m Y = 1%:M.
  have : (Ch *m g)^T *m (Ch *m g) = 1%:M.
    by rewrite trmx_mul -mulmxA [Ch^T *m _]mulmxA orthC mul1mx.
  by rewrite -[Ch *m g]hsubmxK => /gram_row[].
have bY := bounded_isometry YY; have bD' := bounded_isometry D'D'.
have bC := bounded_tr (bounded_isometry CC).
have bZ : bounded 2 Z.
  rewrite -[2]mulr1; apply: bounded_mul (bounded_tr bY).
  by apply: bounded_sub; apply: bounded_isometry; rewrite // trmx1 mulmx1.
have bX : bounded 4 X.
  rewrite -[4]mulr1; apply: bounded_mul (bounded_tr bD').
  rewrite (_ : 4 = 2 + 2); last by rewrite -natrD.
  apply: (bounded_sub _ bZ); rewrite /V mulmxA mulmxBr opprB addrA addrAC E addrC.
  apply: bounded_sub; last exact: bounded_tr (bounded_isometry JJ).
  by have := bounded_mul (bounded_mul bA bC) bD'; rewrite !mulr1.
have bW : bounded 2 W.
  rewrite -[2]mul1r; apply: bounded_mul; first exact: bounded_tr.
  exact: bounded_sub (bounded_isometry CC) bY.
have bV : bounded 2 V by rewrite -[2]mul1r; apply: bounded_mul bC (bounded_sub bD'' bD').
clearbody X V W Z; clearbody Y.
by exists X, Y, Z, W, V; split; [apply: move_L; rewrite mul_L | split].
Qed.
End SixBounded.

(* Reversals: every rotation of halves (n, n) or (n, n + 1) is six shears of norms at most
   1, 4, 1, 2, 2, 2, given the first of them.

   Main results, over a real closed field
     orthogonal_reversed   an orthogonal T is reversed by a symmetric K with K^2 = 1 that
                           fixes a given vector, and tr K - tr (K T) = 1 - det T
     orthogonal_product    hence T = K L, both symmetric involutions
     orthogonal_similar    symmetric involutions of one trace are similar by an orthogonal
                           matrix
     six_rotation          an orthogonal M of determinant 1 is six shears of these norms
                           if L W0 * M has orthonormal columns, |W0| <= 1

   Idea.  No eigenvalue is needed.  The reflection s in T e1 - e1 takes T e1 back to e1,
   so s T = diag(1, T'), and by induction some K' that fixes the lower part of T e1
   reverses T'.  If s = 1 then K = diag(1, K'), else K = diag(1, K' T'): the two traces
   change places.  A square root is taken only to turn a given vector into c e1.

   References.  Products of two involutions in orthogonal groups: Wonenburger, J. Math.
   Mech. 16 (1966); the six shears are new to our knowledge, see FiveByInvolution. *)
(* The reflection that takes w to - w. *)
Section Reflections.
Variables (R : realFieldType) (m : nat).
Implicit Types (w x y : 'cV[R]_m) (K : 'M[R]_m).

Definition refl w : 'M[R]_m := 1%:M - (2 / dot w w) *: (w *m w^T).

Lemma dot_eq0 x : (dot x x == 0) = (x == 0).
Proof.
apply/eqP/eqP => [xx|->]; last by rewrite /dot mulmx0 mxE.
by apply: gram_eq0; rewrite [_ *m _]mx11_scalar -/(dot x x) xx -scalemx1 scale0r.
Qed.

Lemma rank1_mul w x : w *m w^T *m x = dot w x *: w.
Proof. by rewrite -mulmxA [w^T *m x]mx11_scalar mul_mx_scalar. Qed.

Lemma refl_mul w x : refl w *m x = x - (2 / dot w w * dot w x) *: w.
Proof. by rewrite mulmxBl mul1mx -scalemxAl rank1_mul scalerA. Qed.

Lemma refl_sym w : (refl w)^T = refl w.
Proof. by rewrite trmxB linearZ /= trmx1 trmx_mul trmxK. Qed.

Lemma refl_commute w K : K^T = K -> K *m w = w -> K *m refl w = refl w *m K.
Proof.
move=> symK Kw; rewrite mulmxBr mulmxBl mulmx1 mul1mx -scalemxAr -scalemxAl mulmxA Kw.
by rewrite -mulmxA -[in w^T *m K]symK -trmx_mul Kw.
Qed.

Lemma refl_swap x y : dot x x = dot y y -> refl (x - y) *m x = y.
Proof.
move=> xy; set w := x - y; have ww : dot w w = dot w x *+ 2.
  by rewrite dotB -xy dotDl dotNl [dot y x]dotC mulrnBl mulr2n.
rewrite refl_mul; have [/eqP|w0] := eqVneq (dot w w) 0.
  by rewrite dot_eq0 => /eqP w0; rewrite w0 scaler0 subr0; apply/eqP; rewrite -subr_eq0 -/w w0.
by rewrite mulrAC mulr_natl -ww divff // scale1r opprB addrC subrK.
Qed.

Lemma reflK w : refl w *m refl w = 1%:M.
Proof.
have : 2 / dot w w * (2 / dot w w * dot w w) = 2 / dot w w + 2 / dot w w.
  have [->|ww] := eqVneq (dot w w) 0; first by rewrite invr0 !mulr0 addr0.
  by rewrite divfK // mulr_natr mulr2n.
rewrite /refl; move: (2 / dot w w) => c cc.
rewrite mulmxBl mul1mx -scalemxAl mulmxBr mulmx1 -scalemxAr mulmxA rank1_mul -scalemxAl.
by rewrite scalerBr !scalerA cc scalerDl opprB addrK subrK.
Qed.

Lemma trace_refl w K : w != 0 -> K *m w = w -> \tr (refl w *m K) = \tr K - 2.
Proof.
move=> w0 Kw; rewrite mulmxBl mul1mx mxtraceB -scalemxAl mxtraceZ -mulmxA mxtrace_mulC.
by rewrite -mulmxA Kw trace_mx11 divfK // dot_eq0.
Qed.

Lemma det_refl w : w != 0 -> \det (refl w) = - 1.
Proof.
move=> w0; pose c := 2 / dot w w; pose N : 'M_(1 + m) := block_mx 1%:M (c *: w^T) w 1%:M.
have <- : \det N = \det (refl w).
  rewrite -[LHS]mul1r -(det_L (- w)) -det_mulmx mul_L mulmx1 subrr mulNmx det_ublock det1 mul1r.
  by rewrite -scalemxAr.
rewrite -[LHS]mul1r -(det_U (- (c *: w^T))) -det_mulmx mul_U mulmx1 subrr det_lblock det1 mulr1.
rewrite mulNmx -scalemxAl [w^T *m w]mx11_scalar -/(dot w w) scale_scalar_mx divfK ?dot_eq0 //.
by rewrite det_mx11 !mxE eqxx !mulr1n [2]mulr2n opprD addrA subrr sub0r det_U.
Qed.
End Reflections.

Section Reversal.
Variable R : rcfType.

Lemma dot_e1 n : dot (e1 R n) (e1 R n) = 1.
Proof. by rewrite /dot tr_col_mx mul_row_col trmx1 mulmx1 mulmx0 addr0 mxE eqxx. Qed.

Lemma refl_reversed_step n a b T (w : 'cV[R]_(1 + n) := col_mx a b) : w != 0 ->
  T^T *m T = 1%:M -> reversed T b -> reversed (refl w *m diag1 T) (e1 _ n).
Proof.
move=> w0; apply: reversed_step (det_refl w0) => K sym Kb.
have Kw : diag1 K *m w = w by rewrite diag1_mul Kb.
have symK : (diag1 K)^T = diag1 K by rewrite diag1_tr sym.
split; first by rewrite trmx_mul symK refl_sym refl_commute.
by rewrite trace_refl // diag1_trace [2]mulr2n opprD addrACA subrr add0r.
Qed.

Lemma to_e1 n (f : 'cV[R]_(1 + n)) :
  exists c, refl (f - c *: e1 R n) *m f = c *: e1 R n.
Proof.
have dotZ a (x y : 'cV[R]_(1 + n)) : dot x (a *: y) = a * dot x y.
  by rewrite /dot -scalemxAr mxE.
exists (Num.sqrt (dot f f)); apply: refl_swap.
by rewrite dotZ dotC dotZ dot_e1 mulr1 -expr2 sqr_sqrtr // dot_ge0.
Qed.

Theorem orthogonal_reversed n (T : 'M[R]_n) f : T^T *m T = 1%:M -> reversed T f.
Proof.
elim: n T f => [|n IH] T f TT.
  by exists 1%:M; rewrite !mul1mx trmx1 [T]flatmx0 trmx0 det_mx00 /mxtrace !big_ord0 !subrr.
have {IH} first (M : 'M[R]_(1 + n)) : M^T *m M = 1%:M -> reversed M (e1 R n).
  move=> MM; pose g : 'cV_(1 + n) := M *m e1 R n.
  have gg : dot g g = dot (e1 R n) (e1 R n) by rewrite dot_mul mulmxA MM mul1mx.
  have sg := refl_swap gg; set w := g - e1 R n in sg.
  have [||T' eT TT'] := @fixes_first R 1 n (refl w *m M); first by rewrite -mulmxA.
    by rewrite trmx_mul refl_sym mulmxA -(mulmxA _ (refl w) (refl w)) reflK mulmx1.
  have -> : M = refl w *m diag1 T' by rewrite /diag1 -eT mulmxA reflK mul1mx.
  have [w0|w0] := eqVneq w 0.
    by rewrite w0 /refl mul0mx scaler0 subr0 mul1mx; apply: reversed_diag1 (IH T' 0 TT').
  by rewrite -[w]vsubmxK; apply: refl_reversed_step; rewrite ?vsubmxK //; apply: IH.
have [c sf] := to_e1 (f : 'cV_(1 + n)); set s := refl _ in sf.
have ss : s *m s = 1%:M by apply: reflK.
apply: (reversed_conj (refl_sym _) ss); rewrite -/s sf.
destruct (first (s *m T *m s) (orthogonal_conj (refl_sym _) ss TT)) as [K [? ? ? Ke ?]].
by exists K; split=> //; rewrite -scalemxAr Ke.
Qed.

Corollary orthogonal_product n (T : 'M[R]_n) : T^T *m T = 1%:M -> exists K L : 'M_n,
  [/\ T = K *m L, K *m K = 1%:M /\ K^T = K, L *m L = 1%:M /\ L^T = L &
      \tr K - \tr L = 1 - \det T].
Proof.
by move=> TT; apply: (reversed_product TT (orthogonal_reversed 0 TT)).
Qed.

(* A symmetric involution other than -1 fixes a vector; a reflection takes it to e1. *)
Lemma involution_step n (S : 'M[R]_(1 + n)) : S^T = S -> S *m S = 1%:M -> S != - 1%:M ->
  exists (h : 'M[R]_(1 + n)) k,
    [/\ h^T *m h = 1%:M, S *m h = h *m diag1 k, k^T = k & k *m k = 1%:M].
Proof.
move=> symS SS; rewrite -subr_eq0 opprK => nS.
have [x x0] : exists x : 'cV[R]_(1 + n), S *m x + x != 0.
  have /matrix0Pn[i [j nij]] := nS; exists (delta_mx j 0).
  rewrite -[X in _ + X]mul1mx -mulmxDl -colE; apply: contra_neq nij => /colP/(_ i).
  by rewrite !mxE.
pose f := S *m x + x; have Sf : S *m f = f by rewrite mulmxDr mulmxA SS mul1mx addrC.
have [c sf] := to_e1 f; set s := refl _ in sf; have ss : s *m s = 1%:M by apply: reflK.
have sym : s^T = s by apply: refl_sym.
have c0 : c != 0.
  by apply: contra_neq x0 => c0; rewrite -/f -[f]mul1mx -ss -mulmxA sf c0 scale0r mulmx0.
have Ne : s *m S *m s *m e1 R n = e1 R n.
  have -> : e1 R n = c^-1 *: (s *m f) by rewrite sf scalerA mulVf // scale1r.
  by rewrite -!scalemxAr -!mulmxA (mulmxA s s) ss mul1mx Sf.
have NN : (s *m S *m s)^T *m (s *m S *m s) = 1%:M.
  by apply: (orthogonal_conj sym ss); rewrite symS.
have [k eN kk] := @fixes_first R 1 n _ Ne NN.
have symk : k^T = k.
  by apply: diag1_inj; rewrite -diag1_tr /diag1 -eN !trmx_mul sym symS mulmxA.
exists s, k; rewrite sym ss symk; split=> //; last by rewrite -{1}symk.
by rewrite /diag1 -eN !mulmxA ss mul1mx.
Qed.

(* Symmetric involutions of one trace are similar by an orthogonal matrix. *)
Theorem orthogonal_similar n (S T : 'M[R]_n) :
  S^T = S -> T^T = T -> S *m S = 1%:M -> T *m T = 1%:M -> \tr S = \tr T ->
  exists2 g, g^T *m g = 1%:M & S *m g = g *m T.
Proof.
elim: n S T => [|n IH] S T symS symT SS TT trST.
  by exists 1%:M; [rewrite trmx1 mulmx1 | rewrite [S]flatmx0 [T]flatmx0 mul0mx mulmx0].
have [g ug Sg] := similar_involutions SS TT trST.
have [S1|nS] := eqVneq S (- 1%:M).
  exists 1%:M; first by rewrite trmx1 mulmx1.
  by apply: (can_inj (mulKmx ug)); rewrite mul1mx mulmx1 -Sg S1 mulNmx mulmxN mulmx1 mul1mx.
have nT : T != - 1%:M.
  apply: contra_neq nS => T1; apply: (can_inj (mulmxK ug)).
  by rewrite Sg T1 mulNmx mulmxN mulmx1 mul1mx.
destruct (@involution_step n S symS SS nS) as [h [k [hh Sh symk kk]]].
destruct (@involution_step n T symT TT nT) as [h' [k' [hh' Th symk' kk']]].
have conj (h0 S0 : 'M[R]_(1 + n)) D : h0^T *m h0 = 1%:M -> S0 *m h0 = h0 *m D -> \tr S0 = \tr D.
  move=> hh0 Sh0; rewrite -[D]mul1mx -hh0 -mulmxA -Sh0 mulmxA mxtrace_mulC mulmxA.
  by rewrite (mulmx1C hh0) mul1mx.
have trk : \tr k = \tr k'.
  by apply: (addrI 1); rewrite -!diag1_trace -(conj h S (diag1 k)) // -(conj h' T (diag1 k')).
have [l ll kl] := IH k k' symk symk' kk kk' trk.
exists (h *m diag1 l *m h'^T).
  rewrite !trmx_mul trmxK -!mulmxA (mulmxA h^T) hh mul1mx (mulmxA (diag1 l)^T).
  by rewrite diag1_tr diag1M ll diag1_1 mul1mx; apply: mulmx1C.
rewrite !mulmxA Sh -(mulmxA h (diag1 k)) diag1M kl -diag1M -!mulmxA; congr (_ *m (_ *m _)).
by rewrite -[RHS]mulmx1 -(mulmx1C hh') mulmxA -(mulmxA h'^T T) Th mulmxA hh' mul1mx.
Qed.

(* K = diag(1, k) reverses Theta, and g carries K Theta to K. *)
Theorem reversal_exists e n (Theta : 'M[R]_(e + n)) : (e <= 1)%N ->
  Theta^T *m Theta = 1%:M -> \det Theta = 1 ->
  exists (k : 'M[R]_n) (g : 'M[R]_(e + n)),
    [/\ k^T *m k = 1%:M, g^T *m g = 1%:M &
        block_mx 1%:M 0 0 k *m Theta *m g = g *m block_mx 1%:M 0 0 k].
Proof.
move=> e1 TT dT; have [|k [symk kk KT KTKT trK]] := reversed_first e1 TT dT.
  by move=> f _; apply: orthogonal_reversed.
have KK : (block_mx 1%:M 0 0 k : 'M_(e + n)) *m block_mx 1%:M 0 0 k = 1%:M.
  by rewrite mulmx_block !mul0mx !mulmx0 mulmx1 !addr0 add0r kk -scalar_mx_block.
have sym : (block_mx 1%:M 0 0 k : 'M_(e + n))^T = block_mx 1%:M 0 0 k.
  by rewrite tr_block_mx trmx1 !trmx0 symk.
have [g gg gK] := orthogonal_similar KT sym KTKT KK trK.
by exists k, g; rewrite symk.
Qed.

(* Only W0 is left to choose. *)
Theorem six_rotation e n (A : 'M[R]_n) (B : 'M_(n, e + n)) (C W0 : 'M_(e + n, n))
    (D : 'M_(e + n)) (u : 'M_(e + n, e)) :
  let Ch : 'M_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M_(e + n) := row_mx ((D + W0 *m B)^T *m u) (D^T *m W0 - B^T) in
  (e <= 1)%N -> (block_mx A B C D)^T *m block_mx A B C D = 1%:M ->
  \det (block_mx A B C D) = 1 -> Ch^T *m Ch = 1%:M -> Jh^T *m Jh = 1%:M -> bounded 1 W0 ->
  exists X Y Z W V,
    block_mx A B C D = L (- W0) *m U X *m L Y *m U Z *m L W *m U V /\
    [/\ bounded 4 X, bounded 1 Y, bounded 2 Z, bounded 2 W & bounded 2 V].
Proof.
move=> Ch Jh e1 oM dM oC oJ bW0.
have oT : (Jh^T *m Ch)^T *m (Jh^T *m Ch) = 1%:M.
  by rewrite trmx_mul trmxK -mulmxA (mulmxA Jh) (mulmx1C oJ) mul1mx.
have dT : \det (Jh^T *m Ch) = 1 by rewrite -dM; apply: det_Theta.
destruct (reversal_exists e1 oT dT) as [k [g [kk gg gK]]].
exact: six_bounded oM oC oJ kk gg bW0 gK.
Qed.
End Reversal.

(* Symmetric matrices and singular values over a real closed field, without complex
   numbers.

   Main results
     spectral              every symmetric S is Q diag(d) Q^T, where Q^T Q = 1
     singular_values       every square C is P diag(d) Q^T, where P^T P = Q^T Q = 1, d >= 0

   Plan.  By induction S = [a b^T; b S'] with S' = Q diag(l) Q^T; in the basis of the
   columns of Q it is bordered, [a c^T; c diag(l)], and its characteristic polynomial

     (t - a) prod_j (t - l_j) - sum_i c_i^2 prod_(j != i) (t - l_j)

   is at most 0 where t is the largest of a and the l_j, and positive further on: it has
   a root between, so S has an eigenvector.  Unit vectors x and y with C x = s y and
   C^T y = s x are taken to e1 by reflections, and split off: for y = x an eigenvector of
   C = S; else for an eigenvector x of C^T C.

   References.  Standard; the reflections: Householder, Unitary triangularization of a
   nonsymmetric matrix, J. ACM 5 (1958). *)
(* If E D = P, the bordered matrix times [P, - r E; 0, 1] is triangular. *)
Lemma det_bordered (K : comRingType) n (a P : K) (r : 'rV[K]_n) (c : 'cV[K]_n) (D E : 'M[K]_n) :
  E *m D = P%:M ->
  P * \det (block_mx a%:M r c D) = (P * a - (r *m E *m c) 0 0) * \det D.
Proof.
move=> ED; have := det_mulmx (block_mx P%:M (- (r *m E)) 0 1%:M) (block_mx a%:M r c D).
rewrite det_ublock det1 mulr1 det_scalar1 => <-; rewrite mulmx_block !mul0mx !mul1mx !add0r.
rewrite !mulNmx -scalar_mxM -(mulmxA r E D) ED mul_mx_scalar mul_scalar_mx subrr det_lblock.
by rewrite det_mx11 !mxE eqxx mulr1n.
Qed.

Lemma det_arrow (K : idomainType) n (a : K) (r : 'rV[K]_n) (c : 'cV[K]_n) (x : 'I_n -> K) :
  \prod_j x j != 0 -> \det (block_mx a%:M r c (diag_mx (\row_j x j))) =
  a * \prod_j x j - \sum_i r 0 i * c i 0 * \prod_(j | j != i) x j.
Proof.
move=> P0; pose E := diag_mx (\row_i \prod_(j | j != i) x j).
have ED : E *m diag_mx (\row_j x j) = (\prod_j x j)%:M.
  rewrite mulmx_diag -diag_const_mx; congr diag_mx; apply/rowP=> i.
  by rewrite !mxE mulrC [RHS](bigD1 i).
apply: (mulfI P0); rewrite (det_bordered _ _ _ ED) det_diag mulrC [_ * a]mulrC.
congr (_ * (_ - _)); first by apply: eq_bigr => j _; rewrite mxE.
by rewrite mxE; apply: eq_bigr => i _; rewrite mul_mx_diag !mxE mulrAC.
Qed.

Lemma corner (R : comRingType) n (N : 'M[R]_(1 + n)) s :
  N *m e1 R n = s *: e1 R n -> N^T *m e1 R n = s *: e1 R n ->
  N = block_mx s%:M 0 0 (drsubmx N).
Proof.
rewrite -{1 2 3}[N]submxK tr_block_mx !mul_block_col !mulmx1 !mulmx0 !addr0 scale_col_mx scaler0.
rewrite scale_scalar_mx mulr1 => /eq_col_mx[-> ->] /eq_col_mx[_ ur0].
by rewrite -[ursubmx N]trmxK ur0 trmx0.
Qed.

Section RealSpectral.
Variable R : rcfType.

Lemma char_poly_bordered n (a : R) (b : 'cV[R]_n) (l : 'rV[R]_n) :
  char_poly (block_mx a%:M b^T b (diag_mx l)) =
  ('X - a%:P) * \prod_j ('X - (l 0 j)%:P)
  - \sum_i (b i 0 ^+ 2)%:P * \prod_(j | j != i) ('X - (l 0 j)%:P).
Proof.
have -> : char_poly (block_mx a%:M b^T b (diag_mx l)) =
    \det (block_mx ('X - a%:P)%:M (- map_mx polyC b^T) (- map_mx polyC b)
      (diag_mx (\row_j ('X - (l 0 j)%:P)))).
  rewrite /char_poly /char_poly_mx map_block_mx (@scalar_mx_block _ 1 n) opp_block_mx.
  rewrite add_block_mx !sub0r map_scalar_mx map_diag_mx scalar_mxB.
  congr (\det (block_mx _ _ _ _)); rewrite -diag_const_mx -diag_mxB; congr diag_mx.
  by apply/rowP=> j; rewrite !mxE.
rewrite det_arrow; last by apply/monic_neq0/monic_prod_XsubC.
by congr (_ - _); apply: eq_bigr => i _; rewrite !mxE mulrNN -polyCM -expr2.
Qed.

Lemma root_bordered n (a : R) (b : 'cV_n) (l : 'rV_n) :
  exists t, root (char_poly (block_mx a%:M b^T b (diag_mx l))) t.
Proof.
rewrite char_poly_bordered; set p := _ - _; pose s := \sum_i b i 0 ^+ 2.
have pE t : p.[t] = (t - a) * \prod_j (t - l 0 j)
    - \sum_i b i 0 ^+ 2 * \prod_(j | j != i) (t - l 0 j).
  rewrite hornerD hornerN hornerM hornerXsubC horner_sum horner_prod; congr (_ * _ - _).
    by apply: eq_bigr => i _; rewrite hornerXsubC.
  apply: eq_bigr => i _; rewrite hornerM hornerC horner_prod; congr (_ * _).
  by apply: eq_bigr => j _; rewrite hornerXsubC.
pose t0 := \big[Num.max/a]_j l 0 j; pose t1 := t0 + (1 + s).
have le_l j : l 0 j <= t0 by apply: le_bigmax.
have s0 : 0 <= s by apply: sumr_ge0 => i _; apply: sqr_ge0.
have le_t1 x : x <= t0 -> 1 + s <= t1 - x by rewrite lerBrDr addrC lerD2r.
have [||t _ rt] := @poly_ivt R p t0 t1; [by rewrite lerDl addr_ge0 | | by exists t].
apply/andP; split; rewrite pE.
  rewrite subr_le0 (_ : _ * _ = 0); first apply: sumr_ge0 => i _.
    by apply: mulr_ge0 (sqr_ge0 _) _; apply: prodr_ge0 => j _; rewrite subr_ge0.
  apply: (big_ind (fun t => (t - a) * \prod_j (t - l 0 j) = 0)) => [|x y|j _].
  - by rewrite subrr mul0r.
  - by case: leP.
  - by rewrite [X in _ * X](bigD1 j) //= subrr mul0r mulr0.
have ge1 j : 1 <= t1 - l 0 j by apply: le_trans (le_t1 _ (le_l j)); rewrite lerDl.
have prod0 (Q : pred 'I_n) : 0 <= \prod_(j | Q j) (t1 - l 0 j).
  by apply: prodr_ge0 => j _; apply: le_trans ler01 (ge1 j).
rewrite subr_ge0; apply: le_trans (_ : s * \prod_j (t1 - l 0 j) <= _).
  rewrite mulr_suml; apply: ler_sum => i _; apply: (ler_wpM2l (sqr_ge0 _)).
  by rewrite [X in _ <= X](bigD1 i) //=; apply: ler_peMl (prod0 _) (ge1 i).
apply: (ler_wpM2r (prod0 _)); apply: le_trans (le_t1 a _); first by rewrite lerDr.
exact: bigmax_ge_id.
Qed.

Lemma unit_multiple n (y : 'cV[R]_n) : y != 0 ->
  exists2 c : R, 0 < c & dot (c *: y) (c *: y) = 1.
Proof.
rewrite -dot_eq0 => yy; have y0 : 0 < dot y y by rewrite lt_def yy dot_ge0.
exists (Num.sqrt (dot y y))^-1; first by rewrite invr_gt0 sqrtr_gt0.
by rewrite dotZ -invfM -expr2 sqr_sqrtr ?ltW // mulVf.
Qed.

Definition diagonalized n (S : 'M[R]_n) := exists (Q : 'M_n) (d : 'rV_n),
  Q^T *m Q = 1%:M /\ S = Q *m diag_mx d *m Q^T.

Lemma eigenvector n (S : 'M[R]_(1 + n)) : S^T = S -> diagonalized (drsubmx S) ->
  exists (x : 'cV_(1 + n)) (mu : R), dot x x = 1 /\ S *m x = mu *: x.
Proof.
rewrite -{1 2 4}[S]submxK tr_block_mx => /eq_block_mx[_ <- _ _] [Q [d [QQ ->]]].
rewrite [ulsubmx S]mx11_scalar; move: (ulsubmx S 0 0) (dlsubmx S) => a b.
have [mu] := root_bordered a (Q^T *m b) d; set N := block_mx _ _ _ _ => root_mu.
have NN : N^T = N by rewrite tr_block_mx trmxK tr_diag_mx tr_scalar_mx.
have bQ : block_mx a%:M b^T b (Q *m diag_mx d *m Q^T) *m diag1 Q = diag1 Q *m N.
  rewrite mul_block_diag mul_diag_block !mul1mx !mulmx1.
  by rewrite trmx_mul trmxK mulmxA (mulmx1C QQ) mul1mx -(mulmxA _ Q^T) QQ mulmx1.
move: root_mu; rewrite -eigenvalue_root_char => /eigenvalueP[v vN v0].
have Nv : N *m v^T = mu *: v^T by rewrite -NN -trmx_mul vN linearZ.
have /unit_multiple[c _ xx] : diag1 Q *m v^T != 0.
  move: v0; rewrite -trmx_eq0; apply: contra_neq => /(congr1 (mulmx (diag1 Q^T))).
  by rewrite mulmxA diag1M QQ diag1_1 mul1mx mulmx0.
exists (c *: (diag1 Q *m v^T)), mu; split=> //.
by rewrite [RHS]scalerA mulrC -scalerA -scalemxAr [mu *: _]scalemxAr -Nv !mulmxA bQ.
Qed.

(* Reflections take x and y to e1; what is left is C'. *)
Lemma split_off n (C : 'M[R]_(1 + n)) x y s :
  dot x x = 1 -> dot y y = 1 -> C *m x = s *: y -> C^T *m y = s *: x ->
  let H := refl (x - e1 R n) in let K := refl (y - e1 R n) in
  forall P Q d, drsubmx (K *m C *m H) = P *m diag_mx d *m Q^T ->
  C = K *m diag1 P *m diag_mx (row_mx (const_mx s) d) *m (H *m diag1 Q)^T.
Proof.
move=> xx yy Cx Cy H K P Q d C'E.
have [Hx Ky] : H *m x = e1 R n /\ K *m y = e1 R n by split; apply: refl_swap; rewrite dot_e1.
have [HH KK] : H *m H = 1%:M /\ K *m K = 1%:M by split; apply: reflK.
have [He Ke] : H *m e1 R n = x /\ K *m e1 R n = y.
  by split; [rewrite -Hx mulmxA HH mul1mx | rewrite -Ky mulmxA KK mul1mx].
have [HS KS] : H^T = H /\ K^T = K by split; apply: refl_sym.
clearbody H K.
have NE : K *m C *m H = block_mx s%:M 0 0 (P *m diag_mx d *m Q^T).
  rewrite -C'E; apply: corner; first by rewrite -!mulmxA He Cx -scalemxAr Ky.
  by rewrite !trmx_mul HS KS -!mulmxA Ke Cy -scalemxAr Hx.
have -> : C = K *m (K *m C *m H) *m H by rewrite !mulmxA KK mul1mx -mulmxA HH mulmx1.
have -> : K *m C *m H = diag1 P *m diag_mx (row_mx (const_mx s) d) *m diag1 Q^T.
  rewrite NE diag_mx_row diag_const_mx mul_diag_block mul_block_diag !mul1mx.
  by rewrite !mulmx1 !mulmx0 mul0mx.
by rewrite trmx_mul HS diag1_tr !mulmxA.
Qed.

Lemma refl_diag1 n w (Q : 'M[R]_n) : Q^T *m Q = 1%:M ->
  (refl w *m diag1 Q)^T *m (refl w *m diag1 Q) = 1%:M.
Proof.
move=> QQ; rewrite trmx_mul refl_sym mulmxA -(mulmxA _ (refl w) (refl w)) reflK mulmx1.
by rewrite diag1_tr diag1M QQ diag1_1.
Qed.

Theorem spectral n (S : 'M[R]_n) : S^T = S -> diagonalized S.
Proof.
elim: n S => [|n IH]; first by exists 1%:M, 0; split; rewrite [LHS]flatmx0 [RHS]flatmx0.
rewrite -[n.+1]/(1 + n)%N => S sym.
have [|x [mu [xx Sx]]] := eigenvector sym; first by apply: IH; rewrite trmx_drsub sym.
have Sx' : S^T *m x = mu *: x by rewrite sym.
have split := split_off xx xx Sx Sx'; set H := refl _ in split.
have [|Q [d [QQ S'E]]] := IH (drsubmx (H *m S *m H)).
  by rewrite trmx_drsub !trmx_mul refl_sym sym mulmxA.
by exists (H *m diag1 Q), (row_mx (const_mx mu) d); split; [apply: refl_diag1 | apply: split].
Qed.

(* If C x = 0 then C is singular, and C^T y = 0 for some y, too. *)
Lemma singular_pair n (C : 'M[R]_(1 + n)) : exists (x y : 'cV_(1 + n)) (s : R),
  [/\ dot x x = 1, dot y y = 1, 0 <= s, C *m x = s *: y & C^T *m y = s *: x].
Proof.
have sym : (C^T *m C)^T = C^T *m C by rewrite trmx_mul trmxK.
have [|x [mu [xx Cx]]] := eigenvector sym; first by apply: spectral; rewrite trmx_drsub sym.
exists x; have [Cx0|Cx0] := eqVneq (C *m x) 0.
  have : C \notin unitmx.
    apply: contraL (oner_neq0 R) => uC.
    by rewrite -xx -[x](mulKmx uC) Cx0 mulmx0 negbK dot_eq0.
  rewrite -row_free_unit -kermx_eq0 => /rowV0Pn[v /sub_kermxP vC].
  rewrite -trmx_eq0 => /unit_multiple[c _ yy].
  exists (c *: v^T), 0; split=> //; first by rewrite scale0r.
  by rewrite -scalemxAr -trmx_mul vC trmx0 scaler0 scale0r.
have [c c0 yy] := unit_multiple Cx0; exists (c *: (C *m x)), c^-1.
split=> //; [by rewrite invr_ge0 ltW | by rewrite scalerA mulVf ?gt_eqF // scale1r |].
move: yy; rewrite dotZ dot_mul mulmxA Cx -[x in dot x _]scale1r dotZ xx mul1r mulr1 => cmu.
by rewrite -scalemxAr mulmxA Cx scalerA -[c in LHS](mulfK (lt0r_neq0 c0)) mulrAC cmu mul1r.
Qed.

Theorem singular_values n (C : 'M[R]_n) : exists (P Q : 'M[R]_n) (d : 'rV[R]_n),
  [/\ P^T *m P = 1%:M, Q^T *m Q = 1%:M, forall i, 0 <= d 0 i & C = P *m diag_mx d *m Q^T].
Proof.
elim: n C => [|n IH].
  by exists 1%:M, 1%:M, 0; split; [| | by case |]; rewrite [LHS]flatmx0 [RHS]flatmx0.
rewrite -[n.+1]/(1 + n)%N => C; destruct (singular_pair C) as [x [y [s [xx yy s0 Cx Cy]]]].
have := split_off xx yy Cx Cy; set H := refl _; set K := refl _ => split.
destruct (IH (drsubmx (K *m C *m H))) as [P [Q [d [PP QQ d0 C'E]]]].
exists (K *m diag1 P), (H *m diag1 Q), (row_mx (const_mx s) d).
split; [exact: refl_diag1 | exact: refl_diag1 | | exact: split].
by move=> i; rewrite mxE; case: splitP => j _; rewrite ?mxE.
Qed.
End RealSpectral.

(* Rotations: the first of the six shears, for every orthogonal matrix.

   M = [A B; C D] is orthogonal, with halves of n and e + n entries.

   Main results
     first_layer   some W0 of norm at most 1 makes the columns of C + W0 A orthonormal,
                   completed to an orthogonal matrix by some u, and so J and v of
                   FiveByInvolution
     six_every_rotation   hence, over a real closed field, every M of determinant 1 is six
                   shears of norms at most 1, 4, 1, 2, 2, 2, for halves (n, n), (n, n + 1)

   Plan.  The singular values give the polar decomposition [0 C] = O H of a square matrix:
   O is orthogonal, H symmetric and >= 0.  With G = (1 + H)^-1 let W0 = O G [0 A]^T.  Since
   [0 A]^T [0 A] = diag(0, 1) - H^2, the columns of C + W0 A are the last n of O; u is the
   others.  No basis is chosen, and nothing depends on which singular values agree.

   References.  The construction is new to our knowledge; see FiveByInvolution. *)
(* D J = W0 + C Z^T and B J = - 1 + A Z^T, where J = D^T W0 - B^T and Z Z^T = W0^T W0. *)
Lemma orthogonal_J (R : comRingType) e n m (A Z : 'M[R]_n) (B : 'M[R]_(n, m))
    (C C' W0 : 'M[R]_(m, n)) (D : 'M[R]_m) (u : 'M[R]_(m, e)) :
  block_mx A B C D *m (block_mx A B C D)^T = 1%:M -> C' = C + W0 *m A -> Z = A - W0^T *m C ->
  let Ch := row_mx u C' in let Jh := row_mx ((D + W0 *m B)^T *m u) (D^T *m W0 - B^T) in
  Ch^T *m Ch = 1%:M -> Ch *m Ch^T = 1%:M -> W0^T *m Ch = row_mx 0 Z -> Jh^T *m Jh = 1%:M.
Proof.
rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[AA AtC CA CC].
move=> C'E ZE Ch Jh oC oC' W0Ch.
have ZZ : Z *m Z^T = W0^T *m W0.
  have := mulmxA W0^T Ch (Ch^T *m W0).
  rewrite (mulmxA Ch) oC' mul1mx W0Ch -[Ch^T *m W0]trmxK trmx_mul trmxK W0Ch tr_row_mx.
  by rewrite mul_row_col mul0mx add0r.
move: W0Ch; rewrite mul_mx_row => /eq_row_mx[Wu _]; have [uu _ C'u _] := gram_row oC.
have Cu : C^T *m u = 0.
  by move: C'u; rewrite C'E trmxD mulmxDl trmx_mul -mulmxA Wu mulmx0 addr0.
have ZT : Z^T = A^T - C^T *m W0 by rewrite ZE trmxB trmx_mul trmxK.
have DDu : D *m (D^T *m u) = u.
  by have := mulmxDl (C *m C^T) (D *m D^T) u; rewrite CC mul1mx -!mulmxA Cu mulmx0 add0r.
have XJ p (X : 'M_(p, m)) Y S T : Y *m A^T + X *m B^T = T -> Y *m C^T + X *m D^T = S ->
    X *m (D^T *m W0 - B^T) = S *m W0 - T + Y *m Z^T.
  move=> <- <-; rewrite ZT !mulmxBr mulmxDl !mulmxA opprD addrACA.
  by rewrite [RHS]addrC -!addrA addKr [RHS]addrC addrA addrK addrC.
have := XJ _ D C _ _ CA CC; rewrite mul1mx subr0 => DJ.
have := XJ _ B A _ _ AA AtC; rewrite mul0mx add0r => BJ.
have vE : (D + W0 *m B)^T *m u = D^T *m u.
  by rewrite trmxD mulmxDl trmx_mul -mulmxA Wu mulmx0 addr0.
rewrite /Jh vE; apply: row_gram; first by rewrite trmx_mul trmxK -mulmxA DDu.
  by rewrite trmx_mul trmxK -mulmxA DJ mulmxDr mulmxA (gram0 Wu) (gram0 Cu) mul0mx addr0.
rewrite trmxB trmx_mul !trmxK mulmxBl -mulmxA DJ BJ mulmxDr -ZZ ZE mulmxBl mulmxA.
by rewrite subrK opprD opprK addrC subrK.
Qed.

Lemma bounded_diag (R : rcfType) (k : R) m (d : 'rV[R]_m) :
  (forall i, 0 <= d 0 i <= k) -> bounded k (diag_mx d).
Proof.
move=> dk x; rewrite /dot mul_diag_mx !mxE mulr_sumr; apply: ler_sum => i _; rewrite !mxE.
have /andP[d0 d1] := dk i; rewrite -!expr2 exprMn ler_wpM2r ?sqr_ge0 //.
by rewrite lerXn2r ?nnegrE // (le_trans d0).
Qed.

(* The polar decomposition X = O H, with G = (1 + H)^-1. *)
Lemma polar (R : rcfType) m (X : 'M[R]_m) : exists O H G : 'M[R]_m,
  [/\ O^T *m O = 1%:M, O *m H = X & H^T = H] /\
  [/\ G^T = G, G *m H = 1%:M - G & bounded 1 G].
Proof.
destruct (singular_values X) as [P [Q [d [PP QQ d0 XE]]]].
pose g : 'rV[R]_m := \row_i (1 + d 0 i)^-1.
have sym (r : 'rV[R]_m) : (Q *m diag_mx r *m Q^T)^T = Q *m diag_mx r *m Q^T.
  by rewrite !trmx_mul trmxK tr_diag_mx mulmxA.
have mulQ (M N : 'M[R]_m) : M *m Q^T *m (Q *m N) = M *m N.
  by rewrite mulmxA -(mulmxA M) QQ mulmx1.
exists (P *m Q^T), (Q *m diag_mx d *m Q^T), (Q *m diag_mx g *m Q^T); split; split.
- by rewrite trmx_mul trmxK -mulmxA (mulmxA P^T) PP mul1mx (mulmx1C QQ).
- by rewrite -(mulmxA Q) mulQ mulmxA.
- exact: sym.
- exact: sym.
- have gd : diag_mx g *m diag_mx d = 1%:M - diag_mx g.
    rewrite mulmx_diag -diag_const_mx -diag_mxB; congr diag_mx; apply/rowP=> i; rewrite !mxE.
    by rewrite -[X in _ * X](addKr 1) mulrDr mulrN1 mulVf ?gt_eqF ?ltr_pwDl // addrC.
  rewrite -(mulmxA Q (diag_mx d)) mulQ mulmxA -(mulmxA Q) gd mulmxBr mulmx1 mulmxBl.
  by rewrite (mulmx1C QQ).
have bQ := bounded_isometry QQ; rewrite -[1]mulr1; apply: bounded_mul (bounded_tr bQ).
rewrite -[1]mulr1; apply: bounded_mul bQ _; apply: bounded_diag => i.
by rewrite mxE invr_ge0 invf_le1 ?ltr_pwDl // lerDl addr_ge0 /=.
Qed.

Section FirstLayer.
Variables (R : rcfType) (e n : nat).
Variables (A : 'M[R]_n) (B : 'M[R]_(n, e + n)) (C : 'M[R]_(e + n, n)) (D : 'M[R]_(e + n)).
Hypothesis orthM : (block_mx A B C D)^T *m block_mx A B C D = 1%:M.

Theorem first_layer : exists (W0 : 'M_(e + n, n)) (u : 'M_(e + n, e)),
  let Ch : 'M_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M_(e + n) := row_mx ((D + W0 *m B)^T *m u) (D^T *m W0 - B^T) in
  [/\ Ch^T *m Ch = 1%:M, Jh^T *m Jh = 1%:M & bounded 1 W0].
Proof.
destruct (polar (row_mx 0 C : 'M_(e + n))) as [O [H [G [[OO OH HT] [GT GH bG0]]]]].
have bG := bounded_mul (bounded_isometry OO) bG0; rewrite mulr1 in bG.
pose F : 'M[R]_(e + n) := block_mx 0 0 0 1%:M; pose Ah : 'M_(n, e + n) := row_mx 0 A.
have HF : H *m F = H.
  have -> : H = O^T *m row_mx 0 C by rewrite -OH mulmxA OO mul1mx.
  by rewrite -mulmxA mul_row_block; blocks.
have AA : Ah^T *m Ah = F - H *m H.
  have -> : H *m H = (row_mx 0 C)^T *m row_mx 0 C.
    by rewrite -OH trmx_mul -mulmxA [O^T *m _]mulmxA OO mul1mx HT.
  rewrite !tr_row_mx !mul_col_row !trmx0 !mul0mx !mulmx0.
  have [gramC _] := gram_block orthM.
  by rewrite opp_block_mx add_block_mx !(oppr0, addr0) -gramC addrK.
have GF : G *m F = F - G *m H by rewrite -{1}[G](subKr 1%:M) -GH mulmxBl mul1mx -mulmxA HF.
have GAA : G *m (Ah^T *m Ah) = F - H.
  by rewrite AA mulmxBr GF mulmxA {2}GH mulmxBl mul1mx opprB addrA subrK.
have OF : O *m F = row_mx 0 (rsubmx O) by rewrite -{1}[O]hsubmxK mul_row_block; blocks.
pose W0 : 'M_(e + n, n) := O *m G *m Ah^T; exists W0, (lsubmx O) => Ch Jh.
have ChE : Ch = O.
  have : row_mx 0 C + W0 *m Ah = row_mx 0 (rsubmx O) :> 'M_(e + n).
    by rewrite -!mulmxA GAA mulmxBr OH OF addrC subrK.
  by rewrite mul_mx_row add_row_mx => /eq_row_mx[_ C'E]; rewrite /Ch C'E hsubmxK.
have ChO : Ch^T *m Ch = 1%:M by rewrite ChE.
split; first exact: ChO.
  apply: (orthogonal_J (mulmx1C orthM) erefl erefl ChO (mulmx1C ChO)); rewrite -/Ch ChE.
  have -> : row_mx 0 (A - W0^T *m C) = Ah - W0^T *m (O *m H).
    by rewrite OH mul_mx_row mulmx0 opp_row_mx add_row_mx subr0.
  have WO : W0^T *m O = Ah *m G by rewrite !trmx_mul trmxK GT -!mulmxA OO mulmx1.
  by rewrite mulmxA WO -mulmxA GH mulmxBr mulmx1 subKr.
rewrite -[1]mulr1; apply: bounded_mul bG _; apply: (@bounded_gram _ _ _ _ _ B^T).
rewrite !trmxK tr_row_mx mul_row_col trmx0 mulmx0 add0r.
by move: (mulmx1C orthM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[].
Qed.
End FirstLayer.

Theorem six_every_rotation (R : rcfType) e n (M : 'M[R]_(n + (e + n))) :
  (e <= 1)%N -> M^T *m M = 1%:M -> \det M = 1 ->
  exists W0 X Y Z W V,
  [/\ M = L W0 *m U X *m L Y *m U Z *m L W *m U V, bounded 1 W0, bounded 4 X, bounded 1 Y &
      [/\ bounded 2 Z, bounded 2 W & bounded 2 V]].
Proof.
rewrite -[M]submxK; move: (ulsubmx M) (ursubmx M) (dlsubmx M) (drsubmx M) => A B C D e1 oM dM.
destruct (first_layer oM) as [W0 [u [oC oJ bW0]]].
destruct (six_rotation e1 oM dM oC oJ bW0) as [X [Y [Z [W [V [eM [bX bY bZ bW bV]]]]]]].
by exists (- W0), X, Y, Z, W, V; split; [| apply: bounded_opp | | | split].
Qed.

(* Conditions: a shear whose shift has norm at most 4 has condition at most 18. *)
Section Condition.
Variable R : rcfType.

(* 18 |u|^2 + 18 |w|^2 - |u + v|^2 - |w|^2 >= |u|^2 + |4 u - v / 4|^2, where |v| <= 4 |w|. *)
Lemma add_of_norm_four m n (u v : 'cV[R]_m) (w : 'cV[R]_n) : dot v v <= 4 ^+ 2 * dot w w ->
  dot (u + v) (u + v) + dot w w <= 18 * (dot u u + dot w w).
Proof.
rewrite expr2 -natrM -[(4 * 4)%N]/16%N => bv.
have := dot_ge0 (4 *: u - 4^-1 *: v); rewrite dotB !dotZ mulfV ?pnatr_eq0 // mul1r -invfM.
rewrite -natrM -[(4 * 4)%N]/16%N subr_ge0 dotDl !dotDr [dot v u]dotC => uv.
move: (dot u u) (dot u v) (dot v v) (dot w w) (dot_ge0 u) bv uv => a c b d a0 bv uv.
have -> : a + c + (c + b) = a + b + c *+ 2 by rewrite mulr2n [RHS]addrACA [b + c]addrC.
apply: le_trans (_ : a + b + (16 * a + 16^-1 * b) + d <= _); first by rewrite lerD2r lerD2l.
have b_le : b + 16^-1 * b <= d *+ 17.
  have le_d : 16^-1 * b <= d by rewrite mulrC ler_pdivrMr ?ltr0n // mulrC.
  by rewrite [d *+ 17]mulrSr -[d *+ 16]mulr_natl lerD.
rewrite addrACA; apply: le_trans (_ : a + 16 * a + d *+ 17 + d <= _).
  by rewrite lerD2r lerD2l.
by rewrite !mulr_natl -mulrS -addrA -mulrSr mulrnDl lerD2r [X in _ <= X]mulrSr lerDl.
Qed.

Lemma root_18 : Num.sqrt 18 ^+ 2 = 18 :> R.
Proof. by rewrite sqr_sqrtr ?ler0n. Qed.

Lemma bounded_U p q (X : 'M[R]_(p, q)) : bounded 4 X -> bounded (Num.sqrt 18) (U X).
Proof.
move=> bX x; rewrite root_18 -[x]vsubmxK mul_block_col !mul1mx mul0mx add0r !dot_col.
exact: add_of_norm_four.
Qed.

Lemma bounded_L p q (Y : 'M[R]_(q, p)) : bounded 4 Y -> bounded (Num.sqrt 18) (L Y).
Proof.
move=> bY x; rewrite root_18 -[x]vsubmxK mul_block_col !mul1mx mul0mx addr0 !dot_col.
by rewrite ![dot (usubmx x) _ + _]addrC [Y *m _ + _]addrC; apply: add_of_norm_four.
Qed.

Lemma condition_U p q (X : 'M[R]_(p, q)) : bounded 4 X -> condition_at_most 18 (U X).
Proof.
move=> bX; exists (Num.sqrt 18), (Num.sqrt 18).
have -> : invmx (U X) = U (- X).
  by rewrite -[LHS]mul1mx -(U0 R p q) -(addNr X) addrC -mul_UU mulmxK ?unit_U.
rewrite sqrtr_ge0 -expr2 root_18; split=> //; first exact: bounded_U.
exact: bounded_U (bounded_opp bX).
Qed.

Lemma condition_L p q (Y : 'M[R]_(q, p)) : bounded 4 Y -> condition_at_most 18 (L Y).
Proof.
move=> bY; exists (Num.sqrt 18), (Num.sqrt 18).
have -> : invmx (L Y) = L (- Y) by rewrite -[RHS](mulmxK (unit_L Y)) mul_LL mul1mx.
rewrite sqrtr_ge0 -expr2 root_18; split=> //; first exact: bounded_L.
exact: bounded_L (bounded_opp bY).
Qed.

Lemma shears_of_condition_18 p q (W0 Y W : 'M[R]_(q, p)) (X Z V : 'M[R]_(p, q)) :
  bounded 1 W0 -> bounded 4 X -> bounded 1 Y -> bounded 2 Z -> bounded 2 W -> bounded 2 V ->
  exists Ks : seq 'M[R]_(p + q),
  [/\ size Ks = 6, forall K, K \in Ks -> shear K /\ condition_at_most 18 K &
      L W0 *m U X *m L Y *m U Z *m L W *m U V = \big[mulmx/1%:M]_(K <- Ks) K].
Proof.
move=> bW0 bX bY bZ bW bV.
have cU (T : 'M[R]_(p, q)) : bounded 4 T -> shear (U T) /\ condition_at_most 18 (U T).
  by move=> bT; split; [left; exists T | apply: condition_U].
have cL (T : 'M[R]_(q, p)) : bounded 4 T -> shear (L T) /\ condition_at_most 18 (L T).
  by move=> bT; split; [right; exists T | apply: condition_L].
have b1 k l (T : 'M[R]_(k, l)) : bounded 1 T -> bounded 4 T.
  by apply: bounded_le; rewrite ?ler01 ?ler1n.
have b2 k l (T : 'M[R]_(k, l)) : bounded 2 T -> bounded 4 T.
  by apply: bounded_le; rewrite ?ler0n ?ler_nat.
exists [:: L W0; U X; L Y; U Z; L W; U V].
split; [by [] | | by rewrite !big_cons big_nil mulmx1 !mulmxA].
do 6?(apply/forall_cons; split); [exact/cL/b1 | exact: cU | exact/cL/b1 | exact/cU/b2 |
  exact/cL/b2 | exact/cU/b2 | by []].
Qed.

Theorem six_of_condition_18 e n (M : 'M[R]_(n + (e + n))) :
  (e <= 1)%N -> M^T *m M = 1%:M -> \det M = 1 -> exists Ks : seq 'M[R]_(n + (e + n)),
  [/\ size Ks = 6, forall K, K \in Ks -> shear K /\ condition_at_most 18 K &
      M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof.
move=> e1 oM dM; destruct (six_every_rotation e1 oM dM)
  as [W0 [X [Y [Z [W [V [-> bW0 bX bY [bZ bW bV]]]]]]]].
exact: shears_of_condition_18 bW0 bX bY bZ bW bV.
Qed.
End Condition.

(* Couplings keep a half: a norm is at most the condition number, and of shears its root. *)
Section CouplingNorms.
Variables (R : realFieldType) (p q : nat).
Implicit Types K M : 'M[R]_(p + q).

Lemma inverse_norm m (K : 'M[R]_m) j b :
  K \in unitmx -> delta_mx 0 j *m K = delta_mx 0 j :> 'rV_m ->
  0 <= b -> bounded b (invmx K) -> 1 <= b.
Proof.
move=> uK keeps b0 /(_ (delta_mx j 0)).
have -> : dot (delta_mx j 0 : 'cV[R]_m) (delta_mx j 0) = 1.
  by rewrite /dot trmx_delta mul_delta_mx mxE !eqxx.
rewrite mulr1 -[1 <= b](@expr_ge1 _ 2) //; apply: le_trans.
rewrite /dot mxE (bigD1 j) //= mxE -expr2 -colE mxE.
have -> : invmx K j j = 1.
  have := congr1 (mulmx^~ (invmx K)) keeps; rewrite /= mulmxK // -rowE => /rowP/(_ j).
  by rewrite !mxE !eqxx => <-.
by rewrite expr1n lerDl; apply: sumr_ge0 => i _; rewrite mxE -expr2 sqr_ge0.
Qed.

Lemma coupling_norm k K : (0 < p)%N -> (0 < q)%N -> coupling K -> condition_at_most k K ->
  bounded k K.
Proof.
intros p0 q0 cK [a [b [a0 b0 ab ba bb]]]; apply: (bounded_le a0 _ ba).
suff b1 : 1 <= b by apply: le_trans ab; rewrite ler_peMr.
have pos m (s : 'rV[R]_m) : (forall i, 0 < s 0 i) -> \prod_i s 0 i != 0.
  by move=> s0; rewrite gt_eqF // prodr_gt0.
case: cK bb => [] [s [T [s0 ->]]].
  apply: (@inverse_norm _ _ (rshift p (Ordinal q0))) => //.
    by rewrite unitmxE det_ublock det1 mulr1 det_diag unitfE pos.
  by rewrite delta_mx_rshift mul_row_block !mul0mx !add0r mulmx0 mulmx1.
apply: (@inverse_norm _ _ (lshift q (Ordinal p0))) => //.
  by rewrite unitmxE det_lblock det1 mul1r det_diag unitfE pos.
by rewrite delta_mx_lshift mul_row_block !mul0mx !addr0 mulmx0 mulmx1.
Qed.

Let sign : 'M[R]_(p + q) := block_mx 1%:M 0 0 (- 1%:M).

Let sign_norm : bounded 1 sign.
Proof.
apply: bounded_isometry; rewrite tr_block_mx trmxN !trmx0 !trmx1 mulmx_block.
by rewrite !mulmx0 !mul0mx mulNmx mulmxN opprK !mulmx1 addr0 !add0r -scalar_mx_block.
Qed.

(* K^-1 is K up to signs. *)
Lemma shear_norm k K : shear K -> condition_at_most k K ->
  forall x, dot (K *m x) (K *m x) <= k * dot x x.
Proof.
intros sK [a [b [a0 b0 ab ba bb]]].
have flip A B C D : sign *m block_mx A B C D *m sign = block_mx A (- B) (- C) D.
  by rewrite mul_diag_block mul_block_diag !mulNmx !mul1mx !mulmxN !mulmx1 opprK.
have {}bb : bounded b K.
  have -> : K = sign *m invmx K *m sign.
    case: sK => [] [T ->].
      have -> : invmx (U T) = U (- T).
        by rewrite -[RHS](mulmxK (unit_U T)) mul_UU subrr U0 mul1mx.
      by rewrite flip opprK oppr0.
    have -> : invmx (L T) = L (- T) by rewrite -[RHS](mulmxK (unit_L T)) mul_LL mul1mx.
    by rewrite flip opprK oppr0.
  by rewrite -[b]mulr1 -[b]mul1r; apply: bounded_mul (bounded_mul _ _) _.
have small m : bounded m K -> m * m <= a * b ->
    forall x, dot (K *m x) (K *m x) <= k * dot x x.
  move=> bm mm x; apply: le_trans (bm x) _.
  by rewrite ler_wpM2r ?dot_ge0 // expr2 (le_trans mm).
have [le|/ltW le] := leP a b; first by apply: small ba _; rewrite ler_wpM2l.
by apply: small bb _; rewrite ler_wpM2r.
Qed.

(* A shear of condition below 2.618.., where k^2 + 1 = 3 k, has a shift of norm below 1: the vectors
   (X y, (k - 1) y) show it. *)
Definition shift_bound (k : R) := (1 + (k - 1) ^+ 2 / k) / 2.

Lemma shift_bound01 k : 1 < k -> k ^+ 2 + 1 < 3 * k -> 0 <= shift_bound k < 1.
Proof.
move=> k1 small; have k0 : 0 < k by apply: lt_trans ltr01 k1.
have r0 : 0 <= (k - 1) ^+ 2 / k by rewrite divr_ge0 ?sqr_ge0 // ltW.
have r1 : (k - 1) ^+ 2 / k < 1.
  by rewrite ltr_pdivrMr // mul1r sqrrB1 addrAC ltrBlDr -mulrS -mulr_natl.
rewrite divr_ge0 ?addr_ge0 ?ler01 ?ler0n //= ltr_pdivrMr ?ltr0n // mul1r.
by rewrite (_ : 2 = 1 + 1) ?ltrD2l // -mulr2n.
Qed.

Lemma shift_norm k m n (X : 'M[R]_(m, n)) : 1 < k ->
  (forall y, k ^+ 2 * dot (X *m y) (X *m y) + (k - 1) ^+ 2 * dot y y
    <= k * (dot (X *m y) (X *m y) + (k - 1) ^+ 2 * dot y y)) ->
  bounded (shift_bound k) X.
Proof.
move=> k1 near y; have k0 : 0 < k by apply: lt_trans ltr01 k1.
have km0 : 0 < k - 1 by rewrite subr_gt0.
rewrite /shift_bound; set r := _ / k; apply: (@le_trans _ _ (r * dot y y)).
  have {near} := near y; rewrite mulrDr /r.
  move: (dot (_ *m _) _) (dot y y) ((k - 1) ^+ 2) => N M s near.
  rewrite mulrAC ler_pdivlMr // mulrC -(ler_pM2l km0) !mulrBl !mul1r lerBlDr addrAC lerBrDr.
  by rewrite mulrA -expr2 [X in _ <= X]addrC.
rewrite ler_wpM2r ?dot_ge0 //.
have := sqr_ge0 (1 - r); rewrite -[X in 0 <= X](subKr ((1 + r) ^+ 2)) subr_sqrDB mul1r subr_ge0.
by rewrite expr_div_n ler_pdivlMr ?exprn_gt0 ?ltr0n // -natrX mulr_natr.
Qed.

Lemma shift_norm_of_U k (X : 'M[R]_(p, q)) : 1 < k ->
  condition_at_most k (U X) -> bounded (shift_bound k) X.
Proof.
move=> k1 cond; apply: (shift_norm k1) => y.
have uX : shear (U X) by left; exists X.
have := shear_norm uX cond (col_mx (X *m y) ((k - 1) *: y)).
have -> : U X *m col_mx (X *m y) ((k - 1) *: y) = col_mx (k *: (X *m y)) ((k - 1) *: y).
  by rewrite mul_block_col mul0mx !mul1mx add0r -scalemxAr scalerBl scale1r addrC subrK.
by rewrite !dot_col !dotZ -!expr2.
Qed.

Lemma shift_norm_of_L k (Y : 'M[R]_(q, p)) : 1 < k ->
  condition_at_most k (L Y) -> bounded (shift_bound k) Y.
Proof.
move=> k1 cond; apply: (shift_norm k1) => x.
have uY : shear (L Y) by right; exists Y.
have := shear_norm uY cond (col_mx ((k - 1) *: x) (Y *m x)).
have -> : L Y *m col_mx ((k - 1) *: x) (Y *m x) = col_mx ((k - 1) *: x) (k *: (Y *m x)).
  rewrite mul_block_col mul0mx !mul1mx addr0 -scalemxAr; congr col_mx.
  by rewrite scalerBl scale1r subrK.
by rewrite !dot_col !dotZ -!expr2 addrC [X in _ <= k * X]addrC.
Qed.

Lemma product_norm c (Ks : seq 'M[R]_(p + q)) : 0 <= c ->
  (forall K, K \in Ks -> forall x, dot (K *m x) (K *m x) <= c * dot x x) ->
  forall x, dot (\big[mulmx/1%:M]_(K <- Ks) K *m x) (\big[mulmx/1%:M]_(K <- Ks) K *m x) <=
    c ^+ size Ks * dot x x.
Proof.
move=> c0; elim: Ks => [|K Ks IH] small x; first by rewrite big_nil mul1mx mul1r.
rewrite big_cons /= -mulmxA; apply: le_trans (small K (mem_head _ _) _) _.
rewrite exprS -mulrA; apply: (ler_wpM2l c0); apply: IH => K' K's.
by apply: small; rewrite in_cons K's orbT.
Qed.

Theorem coupling_norms N k (Ks : seq 'M[R]_(p + q)) : (0 < p)%N -> (0 < q)%N -> 1 <= k ->
  (size Ks <= N)%N ->
  ((forall K, K \in Ks -> coupling K /\ condition_at_most k K) ->
    bounded (k ^+ N) (\big[mulmx/1%:M]_(K <- Ks) K)) /\
  ((forall K, K \in Ks -> shear K /\ condition_at_most k K) -> forall x,
    dot (\big[mulmx/1%:M]_(K <- Ks) K *m x) (\big[mulmx/1%:M]_(K <- Ks) K *m x) <=
    k ^+ N * dot x x).
Proof.
move=> p0 q0 k1 few; have k0 : 0 <= k := le_trans ler01 k1; split=> kind x.
  apply: le_trans (@product_norm (k ^+ 2) _ _ _ x) _; first by rewrite sqr_ge0.
    by move=> K /kind[cK /(coupling_norm p0 q0 cK)]; apply.
  by rewrite exprAC ler_wpM2r ?dot_ge0 // lerXn2r ?nnegrE ?exprn_ge0 // ler_weXn2l.
apply: le_trans (product_norm (k0) _ x) _; first by move=> K /kind[sK]; apply: shear_norm.
by rewrite ler_wpM2r ?dot_ge0 // ler_weXn2l.
Qed.
End CouplingNorms.

(* Half turns.

   Six alternating shears that make -1, with shifts A, .., F: the upper left blocks of
   U A L B U C and of its inverse up to signs say A B + E D = -2; and so do C D + A F and E F + C B,
   for the letters may be rotated.

   Main results
     half_turn_norms   so the norms of A, B, D and E are not all below 1
     no_half_turn      nor are those of at most six shears, in any order, that make -1
     short_shears      where condition numbers are below (3 + sqrt 5) / 2, norms are

   Plan.  In any order, neighbours of one type merge, to six alternating shears with norms below
   n1, .., n6 where the n add up to at most 6.  Then one of n1 n2 + n5 n4, n3 n4 + n1 n6 and
   n5 n6 + n3 n2 is at most 2: they add up to (n1 + n3 + n5) (n2 + n4 + n6), which is at most 9,
   less n1 n4 + n3 n6 + n5 n2. *)
Lemma half_turn_blocks (R : comUnitRingType) p q (A C E : 'M[R]_(p, q)) (B D F : 'M_(q, p)) :
  U A *m L B *m U C *m L D *m U E *m L F = - 1%:M -> A *m B + E *m D = - (1%:M + 1%:M).
Proof.
move=> e; have : U A *m L B *m U C *m (- (L D *m U E *m L F)) = 1%:M.
  by rewrite mulmxN !mulmxA e opprK.
move/mulmx1C; rewrite mulNmx -!(mulmxA (L D)) -(mulmxA (U E)) => /(congr1 -%R); rewrite opprK.
move/(canRL (mul_LK D))/(canRL (mul_UK E))/(canRL (mul_LK F)).
rewrite scalar_mx_block opp_block_mx !oppr0 mul_L mul_U mul_L [U A *m _]mul_U mul_block_U.
move/eq_block_mx=> [+ _ _ _].
rewrite !mulNmx !mulmxN !mulmx1 ?mulmx0 ?oppr0 ?add0r ?opprK.
by move/(canRL (addKr 1%:M)) ->; rewrite addrA subrK opprD.
Qed.

Lemma rotate_half_turn (R : comUnitRingType) n (K N : 'M[R]_n) :
  K *m N = - 1%:M -> N *m K = - 1%:M.
Proof.
move=> e; have /mulmx1C : K *m - N = 1%:M by rewrite mulmxN e opprK.
by rewrite mulNmx => /(congr1 -%R); rewrite opprK.
Qed.

(* One of the three is at most 2. *)
Lemma weights_of_six x u y v z w : (x + y + z + (u + v + w) <= 6)%N ->
  [|| x * u + z * v <= 2, y * v + x * w <= 2 | z * w + y * u <= 2]%N.
Proof.
move=> six; have [//|h1] := leqP (x * u + z * v) 2; have [//|h2] := leqP (y * v + x * w) 2.
have [//|h3] := leqP (z * w + y * u) 2; exfalso.
have e : (x * u + z * v + (y * v + x * w) + (z * w + y * u) + (x * v + y * w + z * u)
    = (x + y + z) * (u + v + w))%N.
  by rewrite addn.[AC (2*2*2*3) ((1*7*4)*(6*3*8)*(9*2*5))] !mulnDl !mulnDr.
have st : ((x + y + z) * (u + v + w) <= 9)%N.
  rewrite -(leq_pmul2l (m := 4)) //; apply: leq_trans (nat_AGM2 _ _) _.
  by rewrite (leq_exp2r _ 6).
have : (x * v + y * w + z * u == 0)%N.
  rewrite -leqn0 -(leq_add2l (3 + 3 + 3)); apply: (leq_trans _ st).
  by rewrite -e leq_add2r !leq_add.
rewrite !addn_eq0 !muln_eq0 => /andP[/andP[/orP[]/eqP n0 yw] zu]; move: h1 h2 h3 yw zu {six e st};
  rewrite n0 ?mul0n ?muln0 ?add0n ?addn0.
  case: z => [|z]; first by rewrite mul0n.
  case: y => [|y]; first by rewrite mul0n.
  by move=> _ _ + /= /eqP w0 /eqP u0; rewrite w0 u0 !muln0.
case: u => [|u]; first by rewrite muln0.
case: w => [|w]; first by rewrite muln0.
by rewrite !orbF => _ _ + /eqP y0 /eqP z0; rewrite y0 z0.
Qed.

Section HalfTurn.
Variables (R : realFieldType) (p q : nat).

Lemma bounded_add k l m n (X Y : 'M[R]_(m, n)) : 0 <= k -> 0 <= l ->
  bounded k X -> bounded l Y -> bounded (k + l) (X + Y).
Proof.
move=> k0 l0 bX bY x; rewrite mulmxDl dotDl !dotDr [dot (Y *m x) (X *m x)]dotC.
have none r (u : 'cV[R]_r) : dot u u <= 0 -> u = 0.
  by move=> le; apply/eqP; rewrite -dot_eq0 eq_le le dot_ge0.
have cs : dot (X *m x) (Y *m x) <= k * l * dot x x.
  have [k1|k1] := eqVneq k 0.
    have := bX x; rewrite k1 expr0n mul0r => /none ->.
    by rewrite -[0](mul0mx _ (0 : 'cV[R]_1)) !mul0r dot_mul trmx0 mul0mx /dot trmx0 mul0mx mxE.
  have [l1|l1] := eqVneq l 0.
    have := bY x; rewrite l1 expr0n mul0r => /none ->.
    by rewrite mulr0 mul0r /dot mulmx0 mxE.
  have kl : 0 < k * l by rewrite mulr_gt0 // lt_def ?k1 ?l1.
  move: (bX x) (bY x) (dot_ge0 (l *: (X *m x) - k *: (Y *m x))); rewrite dotB !dotZ -!expr2.
  rewrite subr_ge0 [l * k]mulrC => ha hb hc; rewrite -(ler_pM2l kl) -(@ler_pMn2r _ 2) //.
  apply: le_trans hc _; apply: le_trans (lerD (ler_wpM2l (sqr_ge0 l) ha)
    (ler_wpM2l (sqr_ge0 k) hb)) _.
  rewrite [l ^+ 2 * _]mulrCA -mulr2n [k * l * (_ * _)]mulrA -[k * l * (k * l)]expr2 exprMn.
  by rewrite !mulrA.
apply: le_trans (lerD (lerD (bX x) cs) (lerD cs (bY x))) _.
by rewrite sqrrD mulr2n !mulrDl !addrA.
Qed.

Lemma bounded_two k : (0 < p)%N -> 0 <= k -> bounded k (- (1%:M + 1%:M) : 'M[R]_p) -> 2 <= k.
Proof.
case: p => // r _ k0 /(_ (delta_mx 0 0)); rewrite mulNmx dotNl dotC dotNl opprK mulmxDl mul1mx.
have d1 : dot (delta_mx 0 0 : 'cV[R]_r.+1) (delta_mx 0 0) = 1.
  by rewrite /dot trmx_delta mul_delta_mx mxE !eqxx.
rewrite dotDl !dotDr !d1 mulr1 => four; rewrite -(ler_pXn2r (n := 2)) ?nnegrE ?ler0n //.
by apply: le_trans four; rewrite -natrX -!mulr2n -mulrnA.
Qed.

Variable a : R.
Hypothesis a0 : 0 <= a.

Lemma half_turn_weights (A E : 'M_(p, q)) (B D : 'M_(q, p)) k l m n : (0 < p)%N ->
  A *m B + E *m D = - (1%:M + 1%:M) -> bounded (a *+ k) A -> bounded (a *+ l) B ->
  bounded (a *+ m) E -> bounded (a *+ n) D -> 2 <= a ^+ 2 *+ (k * l + m * n).
Proof.
move=> p0 e bA bB bE bD; have an i : 0 <= a *+ i by rewrite mulrn_wge0.
have mul i j : a *+ i * (a *+ j) = a ^+ 2 *+ (i * j) by rewrite mulrnAl mulrnAr -mulrnA mulnC expr2.
have := bounded_add _ _ (bounded_mul bA bB) (bounded_mul bE bD); rewrite e !mul -mulrnDr.
by move=> /(_ _ _)/bounded_two; apply; rewrite ?mulrn_wge0 ?sqr_ge0.
Qed.
Lemma half_turn_norms (A E : 'M_(p, q)) (B D : 'M_(q, p)) : (0 < p)%N ->
  A *m B + E *m D = - (1%:M + 1%:M) ->
  bounded a A -> bounded a B -> bounded a D -> bounded a E -> 1 <= a.
Proof.
move=> p0 e bA bB bD bE;
have := half_turn_weights (k := 1) (l := 1) (m := 1) (n := 1) p0 e bA bB bE bD.
by rewrite lerMn2r /= expr_ge1.
Qed.

(* Letters of norm at most a n. *)
Definition weighted b n (K : 'M[R]_(p + q)) := if b then exists2 X, bounded (a *+ n) X & K = U X
  else exists2 Y, bounded (a *+ n) Y & K = L Y.
Fixpoint weighted_word b c (M : 'M[R]_(p + q)) := if c is n :: c' then exists K N,
  [/\ weighted b n K, weighted_word (~~ b) c' N & M = K *m N] else M = 1%:M.

Lemma weighted_mul b m n K N : weighted b m K -> weighted b n N -> weighted b (n + m) (K *m N).
Proof.
have an i : 0 <= a *+ i by rewrite mulrn_wge0.
rewrite /weighted mulrnDr; case: b => [] [X bX ->] [Y bY ->].
  by exists (Y + X); [apply: bounded_add | rewrite mul_UU].
exists (Y + X); first exact: bounded_add.
by rewrite [L Y]/L mul_L !mulmx1 mulmx0 addr0.
Qed.

Lemma weighted_grow b c M : weighted_word b c M -> weighted_word b (rcons c 0%N) M.
Proof.
have none m n : bounded (a *+ 0) (0 : 'M[R]_(m, n)).
  by move=> x; rewrite mul0mx /dot trmx0 mul0mx mxE expr0n mul0r.
elim: c b M => [|n c IH] b M /= => [->|[K [N [wK /IH wN ->]]]]; last by exists K, N.
exists 1%:M, 1%:M; rewrite mulmx1; split=> //.
by case: b; exists 0; rewrite ?U0 ?L0.
Qed.

Lemma weighted_cons b b' c K M : weighted b 1 K -> weighted_word b' c M ->
  exists c', [/\ size c' = (size c).+1, sumn c' = (sumn c).+1 & weighted_word b c' (K *m M)].
Proof.
move=> wK; have [->|bb'] := eqVneq b' b; last first.
  exists (1%N :: c); split=> //; exists K, M; rewrite (_ : ~~ b = b') //.
  by move: bb'; case: (b) (b') => [] [].
case: c => [/= ->|n c [N [M' [wN wM' ->]]]].
  by exists [:: 1%N]; split=> //; exists K, 1%:M; split.
exists (rcons ((n + 1)%N :: c) 0%N); rewrite size_rcons -cats1 sumn_cat /= !addn0 addn1.
split=> //; rewrite cats1 mulmxA -addn1; apply: (@weighted_grow b ((n + 1)%N :: c)).
by exists (K *m N), M'; split=> //; apply: weighted_mul.
Qed.

Lemma weighted_shears (Ks : seq 'M[R]_(p + q)) m : (size Ks <= m)%N ->
  (forall K, K \in Ks -> exists b, weighted b 1 K) -> exists b c,
  [/\ size c = m, sumn c = size Ks & weighted_word b c (\big[mulmx/1%:M]_(K <- Ks) K)].
Proof.
elim: Ks m => [|K Ks IH] m.
  move=> _ _; exists true, (nseq m 0%N); rewrite big_nil size_nseq sumn_nseq; split=> //.
  elim: m => [//|m IH]; rewrite -addn1 nseqD cats1; exact: weighted_grow.
case: m => // m /IH {}IH short.
have [K' K's|b [c [<- e w]]] := IH; first by apply: short; rewrite inE K's orbT.
have [b' wK] := short K (mem_head _ _); have [c' [size_c' sum_c' w']] := weighted_cons wK w.
by exists b', c'; rewrite size_c' sum_c' e big_cons.
Qed.

Lemma no_weighted_half_turn (A C E : 'M[R]_(p, q)) (B D F : 'M_(q, p)) x u y v z w :
  (0 < p)%N -> a < 1 -> (x + y + z + (u + v + w) <= 6)%N ->
  bounded (a *+ x) A -> bounded (a *+ u) B -> bounded (a *+ y) C -> bounded (a *+ v) D ->
  bounded (a *+ z) E -> bounded (a *+ w) F ->
  U A *m L B *m U C *m L D *m U E *m L F <> - 1%:M.
Proof.
move=> p0 a1 six bA bB bC bD bE bF e1.
have few k : (k <= 2)%N -> 2 <= a ^+ 2 *+ k -> False.
  move=> k2 le; suff : 2 < (2 : R) by rewrite ltxx.
  apply: le_lt_trans le (le_lt_trans (ler_wpMn2l (sqr_ge0 _) k2) _).
  by rewrite ltrMn2r /= expr_lt1.
have e2 : U C *m L D *m U E *m L F *m U A *m L B = - 1%:M.
  by rewrite -mulmxA; apply: rotate_half_turn; rewrite !mulmxA.
have e3 : U E *m L F *m U A *m L B *m U C *m L D = - 1%:M.
  by rewrite -mulmxA; apply: rotate_half_turn; rewrite !mulmxA.
case/or3P: (weights_of_six six) => /few; apply.
- exact: half_turn_weights p0 (half_turn_blocks e1) bA bB bE bD.
- exact: half_turn_weights p0 (half_turn_blocks e2) bC bD bA bF.
exact: half_turn_weights p0 (half_turn_blocks e3) bE bF bC bB.
Qed.

Theorem no_half_turn (Ks : seq 'M[R]_(p + q)) : (0 < p)%N -> a < 1 -> (size Ks <= 6)%N ->
  (forall K, K \in Ks -> exists b, weighted b 1 K) ->
  \big[mulmx/1%:M]_(K <- Ks) K <> - 1%:M.
Proof.
move=> p0 a1 size6 /(weighted_shears size6)[b [c [c6 sum_c w]]] e; rewrite {}e in w.
rewrite -{}sum_c in size6; move: c c6 size6 w.
case=> [|x [|u [|y [|v [|z [|w []]]]]]] //= _; rewrite addn0 => six.
case: b; intros [_ [_ [[A bA ->] [_ [_ [[B bB ->] [_ [_ [[C bC ->] [_ [_ [[D bD ->]
  [_ [_ [[E bE ->] [_ [_ [[F bF ->] -> ->]]] ->]]] ->]]] ->]]] ->]]] e]]].
  apply: (no_weighted_half_turn p0 a1 _ bA bB bC bD bE bF); last by rewrite e mulmx1 !mulmxA.
  by rewrite addn.[AC (3*3) (1*(4*(2*(5*(3*6)))))].
apply: (no_weighted_half_turn p0 a1 _ bB bC bD bE bF bA).
  by rewrite addn.[AC (3*3) (6*(1*(4*(2*(5*3)))))].
by apply: rotate_half_turn; rewrite e mulmx1 !mulmxA.
Qed.
End HalfTurn.

Lemma condition_le (R : realFieldType) n k l (K : 'M[R]_n) :
  k <= l -> condition_at_most k K -> condition_at_most l K.
Proof. by intros kl [a [b [a0 b0 ab ba bb]]]; exists a, b; split=> //; apply: le_trans kl. Qed.

(* l^2 + 1 < 3 l between 2 and (3 + sqrt 5) / 2, a root of l^2 + 1 = 3 l. *)
Lemma below_root (R : rcfType) (k : R) : k < (3 + Num.sqrt 5) / 2 ->
  exists l, [/\ k <= l, 1 < l & l ^+ 2 + 1 < 3 * l].
Proof.
move=> lt; pose s : R := Num.sqrt 5; have ss : s ^+ 2 = 5 by rewrite sqr_sqrtr ?ler0n.
have s1 : 1 < s by rewrite -(ltr_pXn2r (n := 2)) ?nnegrE ?sqrtr_ge0 ?ler01 // ss expr1n ltr1n.
pose l := Num.max k 2; have l2 : 2 <= l by rewrite le_max lexx orbT.
exists l; split; [by rewrite le_max lexx | by rewrite lt_max ltr1n orbT |].
have below : l < (3 + s) / 2.
  by rewrite gt_max lt ltr_pdivlMr ?ltr0n // -natrM (natrD _ 3 1) ltrD2l.
have above : (3 - s) / 2 < l.
  by apply: lt_le_trans l2; rewrite ltr_pdivrMr ?ltr0n // ltrBlDr -natrM
    (natrD _ 3 1) -addrA ltrDl addr_gt0 ?ltr01 // (lt_trans _ s1) ?ltr01.
have sum : (3 - s) / 2 + (3 + s) / 2 = 3.
  by rewrite -mulrDl addrACA addNr addr0 -natrD -[(3 + 3)%N]/(3 * 2)%N natrM mulfK ?pnatr_eq0.
have product : (3 + s) / 2 * ((3 - s) / 2) = 1.
  rewrite mulf_div [(3 + s) * _]mulrC -subr_sqr ss -natrX -natrB // -natrM divff //.
  by rewrite pnatr_eq0.
move: ((3 + s) / 2) ((3 - s) / 2) sum product below above => phi psi sum product below above.
suff e3 : l ^+ 2 + 1 - 3 * l = (l - phi) * (l - psi).
  by rewrite -subr_lt0 e3 nmulr_rlt0 ?subr_lt0 // subr_gt0.
by rewrite -sum -product mulrDl mulrBl !mulrBr opprB opprD addrACA expr2 ![_ * l]mulrC.
Qed.

Lemma short_shears (R : rcfType) p q (k : R) : k < (3 + Num.sqrt 5) / 2 -> exists a,
  [/\ 0 <= a, a < 1 & (forall X : 'M_(p, q), condition_at_most k (U X) -> bounded a X) /\
    forall Y : 'M_(q, p), condition_at_most k (L Y) -> bounded a Y].
Proof.
move=> /below_root[l [kl l1 small]]; have /andP[a0 a1] := shift_bound01 l1 small.
exists (shift_bound l); split=> //; split=> [X|Y] /(condition_le kl).
  exact: shift_norm_of_U.
exact: shift_norm_of_L.
Qed.

(* Gaussians: which covariances two couplings generate, or one. *)

(* The algebra of Gaussians: which covariances one and two couplings generate.

   From white noise a flow with matrix F generates N(0, F F^T).

   Main results
     two_layers      U (X, D1) L (T, D2) generates Sigma if T T^T = B - D2 D2^T
                     and the Schur complement of B is D1 (1 - T^T B^-1 T) D1^T
     two_layers_R    the same with T = D2 R, from the two equations for R:
                     R R^T = D2^-1 B D2^-1 - 1 and R^T R = D1 S^-1 D1 - 1
     one_layer       one coupling that moves the second half generates Sigma iff
                     Sigma11 = 1 and the Schur complement is its squared scales *)
Section Gaussians.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types (A : 'M[R]_p) (B : 'M[R]_q) (C X : 'M[R]_(p, q)) (T : 'M[R]_(q, p)).

Definition covariance m (F : 'M[R]_m) := F *m F^T.

Lemma two_layers_product (D1 : 'M[R]_p) X T (D2 : 'M[R]_q) :
  block_mx D1 X 0 1%:M *m block_mx 1%:M 0 T D2 = block_mx (D1 + X *m T) (X *m D2) T D2.
Proof. by rewrite mulmx_block !mulmx1 !mulmx0 ?mul0mx !mul1mx !add0r. Qed.

Theorem two_layers A B C (D1 : 'M[R]_p) (D2 : 'M[R]_q) T :
  B \in unitmx -> B^T = B -> T *m T^T = B - D2 *m D2^T ->
  A - C *m invmx B *m C^T = D1 *m (1%:M - T^T *m invmx B *m T) *m D1^T ->
  let X := (C - D1 *m T^T) *m invmx B in
  covariance (block_mx D1 X 0 1%:M *m block_mx 1%:M 0 T D2) = block_mx A C C^T B.
Proof.
move=> uB symB /(canLR (subrK _)) eqB /(canRL (subrK _)) AE X.
have XB : X *m B + D1 *m T^T = C by rewrite mulmxKV // subrK.
pose Y := invmx B *m T *m D1^T.
have XE : X *m T *m D1^T = C *m Y - D1 *m T^T *m Y by rewrite -mulmxBl !mulmxA.
have XT : X^T = invmx B *m C^T - Y.
  by rewrite trmx_mul trmx_inv symB trmxB trmx_mul trmxK mulmxBr mulmxA.
have YE : D1 *m (1%:M - T^T *m invmx B *m T) *m D1^T = D1 *m D1^T - D1 *m T^T *m Y.
  by rewrite mulmxBr mulmx1 mulmxBl !mulmxA.
clearbody X Y.
have ur : (D1 + X *m T) *m T^T + X *m D2 *m D2^T = C.
  by rewrite mulmxDl -!mulmxA -addrA -mulmxDr eqB addrC.
rewrite two_layers_product /covariance tr_block_mx mulmx_block ur eqB.
have -> : T *m (D1 + X *m T)^T + D2 *m (X *m D2)^T = C^T.
  by rewrite -ur (trmxD (_ *m T^T)) !trmx_mul !trmxK.
apply: eq_block => //; rewrite trmxD !(trmx_mul X) mulmxDr !mulmxA -addrA -mulmxDl ur AE.
rewrite mulmxDl XE XT YE mulmxBr mulmxA [C *m Y - _]addrC addrA -addrA.
by rewrite [C *m Y + _]addrC subrK.
Qed.

Lemma inverse_of_product n (M N : 'M[R]_n) : M \in unitmx -> N \in unitmx ->
  invmx (M *m N) = invmx N *m invmx M.
Proof.
move=> uM uN; have e : M *m N *m (invmx N *m invmx M) = 1%:M.
  by rewrite mulmxA mulmxK // mulmxV.
by rewrite -[LHS]mulmx1 -e mulKmx // unitmx_mul uM.
Qed.

(* push-through: 1 - R^T (1 + R R^T)^-1 R inverts 1 + R^T R *)
Lemma push_through (Q : 'M[R]_(q, p)) :
  1%:M + Q *m Q^T \in unitmx ->
  (1%:M + Q^T *m Q) *m (1%:M - Q^T *m invmx (1%:M + Q *m Q^T) *m Q) = 1%:M.
Proof.
move=> uQ; rewrite mulmxBr mulmx1 !mulmxA mulmxDl mul1mx.
have -> : Q^T + Q^T *m Q *m Q^T = Q^T *m (1%:M + Q *m Q^T).
  by rewrite mulmxDr mulmx1 mulmxA.
by rewrite mulmxK // addrK.
Qed.

(* the equations of the theorem, for a square root T = D2 R; S is the Schur
   complement of B, and D1, D2 are symmetric, as diagonal matrices are *)
Theorem two_layers_R A B C (D1 : 'M[R]_p) (D2 : 'M[R]_q) (Q : 'M[R]_(q, p)) :
  let S := A - C *m invmx B *m C^T in
  [/\ B \in unitmx, B^T = B, S \in unitmx, D1 \in unitmx & D2 \in unitmx] ->
  D1^T = D1 -> D2^T = D2 ->
  Q *m Q^T = invmx D2 *m B *m invmx D2 - 1%:M ->
  Q^T *m Q = D1 *m invmx S *m D1 - 1%:M ->
  exists X : 'M[R]_(p, q),
  covariance (block_mx D1 X 0 1%:M *m block_mx 1%:M 0 (D2 *m Q) D2) = block_mx A C C^T B.
Proof.
move=> S [uB symB uS u1 u2] sym1 sym2 eqQ eqS.
exists ((C - D1 *m (D2 *m Q)^T) *m invmx B); apply: two_layers => //.
  rewrite trmx_mul sym2 mulmxA -[D2 *m Q *m Q^T]mulmxA eqQ mulmxBr mulmx1 mulmxBl.
  by rewrite !mulmxA mulmxV // mul1mx mulmxKV.
have eqB : invmx B = invmx D2 *m invmx (1%:M + Q *m Q^T) *m invmx D2.
  have -> : 1%:M + Q *m Q^T = invmx D2 *m B *m invmx D2 by rewrite eqQ addrC subrK.
  rewrite !inverse_of_product ?unitmx_mul ?unitmx_inv ?u2 ?uB // !invmxK.
  by rewrite !mulmxA mulVmx // mul1mx mulmxK.
have uQ : 1%:M + Q *m Q^T \in unitmx.
  by rewrite eqQ addrC subrK !unitmx_mul !unitmx_inv u2 uB.
have -> : (D2 *m Q)^T *m invmx B *m (D2 *m Q) = Q^T *m invmx (1%:M + Q *m Q^T) *m Q.
  rewrite trmx_mul sym2 eqB !mulmxA mulmxK // -!mulmxA.
  by rewrite [invmx D2 *m (D2 *m Q)]mulmxA mulVmx // mul1mx.
have one := push_through uQ; have [uI _] := mulmx1_unit one.
rewrite -[X in D1 *m X](mulKmx uI) one mulmx1.
have -> : 1%:M + Q^T *m Q = D1 *m invmx S *m D1 by rewrite eqS addrC subrK.
rewrite !inverse_of_product ?unitmx_mul ?unitmx_inv ?u1 ?uS // invmxK sym1.
by rewrite !mulmxA mulmxV // mul1mx mulmxKV.
Qed.

(* one coupling that moves the second half, with the squares of its scales *)
Theorem one_layer A B C (D2 : 'M[R]_q) :
  B^T = B ->
  (exists T, covariance (block_mx 1%:M 0 T D2) = block_mx A C C^T B) <->
  A = 1%:M /\ B - C^T *m C = D2 *m D2^T.
Proof.
move=> symB; split=> [[T]|[-> eqS]].
  rewrite /covariance tr_block_mx mulmx_block trmx1 trmx0 !mulmx1 !mul1mx !mulmx0 !mul0mx !addr0.
  case/eq_block_mx => -> <- _ <-; split=> //.
  by rewrite trmxK addrC addKr.
exists C^T; rewrite /covariance tr_block_mx mulmx_block trmx1 trmx0.
rewrite !mulmx1 !mul1mx !mulmx0 !mul0mx !addr0 trmxK -eqS addrC subrK //.
Qed.
End Gaussians.

(* Couplings with positive scales for a given Gaussian: two exist if the halves have
   one or two entries; when one exists, for every size.

   Main results, for Sigma positive definite over a real closed field
     spiked_small          scales e > 0 turn N, positive definite of size 1 or 2, into
                           the identity and a spike of any length that is large
                           enough: diag(e) N diag(e) = 1 + x x^T with x^T x = rho
     two_layers_exist      hence, for halves of these sizes, some U (X, D1) L (T, D2)
                           generates Sigma, with D1, D2 > 0 diagonal
     two_layers_exist_LU   and so does some L (T, D2) U (X, D1)
     one_layer_L           some L (T, D2) does iff Sigma11 = 1 and the Schur complement
                           is diagonal, for every size
     one_layer_U           the same for U (X, D1), with Sigma22 *)
Lemma scaled_blocks (K : comUnitRingType) m (a b c e f u v : K) :
  e ^+ 2 * a = 1 + u ^+ 2 -> e * f * b = u * v -> f ^+ 2 * c = 1 + v ^+ 2 ->
  let E := diag_mx (row_mx (const_mx e) (const_mx f)) in let x := col_mx u%:M v%:M in
  E *m block_mx a%:M b%:M b%:M c%:M *m E = 1%:M + x *m x^T :> 'M_(m + m).
Proof.
move=> eu euv ev E x; rewrite /E /x diag_mx_row !diag_const_mx mul_diag_block mul_block_diag.
rewrite tr_col_mx mul_col_row !tr_scalar_mx -!scalar_mxM scalar_mx_block add_block_mx !add0r.
rewrite -!raddfD -!expr2 -eu -ev [v * u]mulrC -euv (mulrAC e a) (mulrAC f c) (mulrAC e b).
by rewrite (mulrAC f b) (mulrC f e).
Qed.

Lemma spike_product (K : comRingType) (a b c e f u v : K) :
  f ^+ 2 * c = 1 + v ^+ 2 -> (e * f) ^+ 2 * (a * c - b ^+ 2) = 1 + (u ^+ 2 + v ^+ 2) ->
  u * v = e * f * b -> (1 + v ^+ 2) * (e ^+ 2 * a) = (1 + v ^+ 2) * (1 + u ^+ 2).
Proof.
move=> ff dd uv; rewrite -{1}ff mulrACA -exprMn [f * e]mulrC [c * a]mulrC -[a * c](subrK (b ^+ 2)).
rewrite mulrDr dd -exprMn -uv exprMn mulrDl mul1r mulrDr mulr1 addrA.
by rewrite -!addrA [v ^+ 2 * _]mulrC.
Qed.

Lemma outer_product (K : fieldType) m n (r : K) (v : 'cV[K]_m) (w : 'cV[K]_n) :
  r != 0 -> w^T *m w = (r ^+ 2)%:M ->
  r^-1 *: (v *m w^T) *m (r^-1 *: (v *m w^T))^T = v *m v^T.
Proof.
move=> r0 ww; rewrite [(_ *: _)^T]linearZ /= trmx_mul trmxK -scalemxAl -scalemxAr scalerA mulmxA.
rewrite -(mulmxA v) ww mul_mx_scalar -scalemxAl scalerA -invfM -expr2.
by rewrite mulVf ?scale1r // expf_neq0.
Qed.

Section PositiveDefinite.
Variable R : rcfType.

Definition posdef n (M : 'M[R]_n) :=
  M^T = M /\ forall x : 'cV_n, x != 0 -> 0 < (x^T *m M *m x) 0 0.

Lemma posdef_unit n (M : 'M[R]_n) : posdef M -> M \in unitmx.
Proof.
case=> _ pos; rewrite -row_free_unit -kermx_eq0; apply/rowV0P => v /sub_kermxP vM.
apply/eqP; apply: contraT => nv; have := pos v^T.
by rewrite trmxK vM mul0mx mxE ltxx trmx_eq0 => /(_ nv).
Qed.

Lemma posdef_diag n (M : 'M[R]_n) i : posdef M -> 0 < M i i.
Proof.
case=> _ /(_ (delta_mx i 0)); rewrite trmx_delta -rowE -colE !mxE; apply.
by apply/eqP => /matrixP/(_ i 0)/eqP; rewrite !mxE !eqxx oner_eq0.
Qed.

Lemma posdef_congruent m n (M : 'M[R]_m) (K : 'M_(m, n)) L :
  L *m K = 1%:M -> posdef M -> posdef (K^T *m M *m K).
Proof.
intros LK [sym pos]; split=> [|x nx]; first by rewrite !trmx_mul trmxK sym mulmxA.
rewrite !mulmxA -trmx_mul -mulmxA; apply: pos; apply: contra_neq nx => Kx.
by rewrite -[x]mul1mx -LK -mulmxA Kx mulmx0.
Qed.

Lemma posdef_inv n (M : 'M[R]_n) : posdef M -> posdef (invmx M).
Proof.
move=> pM; have uM := posdef_unit pM; have := posdef_congruent (mulmxV uM) pM.
by rewrite trmx_inv pM.1 mulVmx // mul1mx.
Qed.

Section Blocks.
Variables (p q : nat) (A : 'M[R]_p) (B : 'M[R]_q) (C : 'M[R]_(p, q)).

Lemma posdef_exchange : posdef (block_mx A C C^T B) -> posdef (block_mx B C^T C^T^T A).
Proof.
pose K m n : 'M[R]_(m + n, n + m) := block_mx 0 1%:M 1%:M 0.
have KT m n : (K m n)^T = K n m by rewrite tr_block_mx !trmx0 !trmx1.
have swap m n r t (X : 'M_(m, r)) (Y : 'M_(m, t)) Z W :
    K n m *m block_mx X Y Z W = block_mx Z W X Y.
  by rewrite mulmx_block !mul0mx !mul1mx !add0r !addr0.
have KK : (K p q)^T *m K p q = 1%:M by rewrite KT swap -scalar_mx_block.
move/(posdef_congruent KK); rewrite KT swap trmxK.
by rewrite mulmx_block !mulmx0 !mulmx1 !addr0 !add0r.
Qed.

Lemma posdef_dr : posdef (block_mx A C C^T B) -> posdef B.
Proof.
have LK : row_mx (0 : 'M[R]_(q, p)) 1%:M *m col_mx 0 1%:M = 1%:M.
  by rewrite mul_row_col; expand.
by move/(posdef_congruent LK); rewrite tr_col_mx trmx0 trmx1 mul_row_block mul_row_col; expand.
Qed.

Lemma posdef_schur : posdef (block_mx A C C^T B) -> posdef (A - C *m invmx B *m C^T).
Proof.
move=> pM; pose K : 'M_(p + q, p) := col_mx 1%:M (- (invmx B *m C^T)).
have LK : row_mx 1%:M 0 *m K = 1%:M by rewrite mul_row_col mul0mx addr0 mulmx1.
have := posdef_congruent LK pM; rewrite -mulmxA mul_block_col !mulmx1 !mulmxN.
rewrite mulKVmx ?(posdef_unit (posdef_dr pM)) // subrr.
by rewrite tr_col_mx trmx1 mul_row_col mulmx0 addr0 mul1mx mulmxA.
Qed.
End Blocks.

Definition spiked n := forall N : 'M[R]_n, posdef N ->
  exists r : R, forall rho, r <= rho -> exists (e : 'rV[R]_n) (x : 'cV[R]_n),
  [/\ forall i, 0 < e 0 i, diag_mx e *m N *m diag_mx e = 1%:M + x *m x^T
    & x^T *m x = rho%:M].

Lemma square_root (x y : R) : 0 <= x -> 0 < y -> exists2 s : R, 0 < s & s ^+ 2 * y = 1 + x.
Proof.
move=> x0 y0; have y1 : 0 < (1 + x) / y by rewrite divr_gt0 ?ltr_pwDl.
by exists (Num.sqrt ((1 + x) / y)); rewrite ?sqrtr_gt0 // sqr_sqrtr ?ltW // divfK ?gt_eqF.
Qed.

Lemma spiked_1 : spiked 1.
Proof.
move=> N /posdef_diag-/(_ 0) a0; exists 0 => rho rho0.
have [e e0 ee] := square_root rho0 a0.
exists e%:M, (Num.sqrt rho)%:M; split; first by move=> i; rewrite ord1 mxE.
  apply/matrixP => i j; rewrite !ord1 mul_diag_mx mul_mx_diag !mxE big_ord1 !mxE !mulr1n.
  by rewrite mulrAC -!expr2 ee sqr_sqrtr.
by rewrite tr_scalar_mx -scalar_mxM -expr2 sqr_sqrtr.
Qed.

Lemma sum_of_squares_and_product (rho p : R) :
  `|p *+ 2| <= rho -> exists u v : R, u ^+ 2 + v ^+ 2 = rho /\ u * v = p.
Proof.
rewrite ler_norml -subr_ge0 opprK addrC => /andP[ge_p]; rewrite -subr_ge0 => ge_m.
pose g := Num.sqrt ((rho + p *+ 2) / 4%:R); pose h := Num.sqrt ((rho - p *+ 2) / 4%:R).
have gg : g ^+ 2 = (rho + p *+ 2) / 4%:R by rewrite sqr_sqrtr ?divr_ge0.
have hh : h ^+ 2 = (rho - p *+ 2) / 4%:R by rewrite sqr_sqrtr ?divr_ge0.
have four (x : R) : x *+ 2 *+ 2 / 4%:R = x.
  by rewrite -mulrnA -[x *+ _]mulr_natr mulfK ?pnatr_eq0.
exists (g + h), (g - h); split.
  rewrite sqrrD sqrrB ![_ + _ + h ^+ 2]addrAC addrACA subrr addr0 gg hh -!mulrDl.
  by rewrite [rho + _ + _]addrACA subrr addr0 -!mulr2n four.
by rewrite mulrC -subr_sqr gg hh -mulrBl opprB addrC addrA subrK -mulr2n four.
Qed.

(* with d the determinant, s^2 d = 1 + rho = det (1 + x x^T) gives the product s of
   the scales, and so u v = s b *)
Lemma spike (a b c : R) : 0 < c -> 0 < a * c - b ^+ 2 ->
  exists r : R, forall rho, r <= rho -> exists e f u v : R,
  [/\ 0 < e, 0 < f, u ^+ 2 + v ^+ 2 = rho
    & [/\ e ^+ 2 * a = 1 + u ^+ 2, e * f * b = u * v & f ^+ 2 * c = 1 + v ^+ 2]].
Proof.
move=> c0; set d := a * c - b ^+ 2 => d0; pose k := b ^+ 2 / d.
have k0 : 0 <= k *+ 4 by rewrite mulrn_wge0 // divr_ge0 ?sqr_ge0 ?ltW.
exists (1 + k *+ 4) => rho le_r.
have rho0 : 0 < rho by apply: lt_le_trans le_r; rewrite ltr_pwDl.
have [s s0 ss] := square_root (ltW rho0) d0.
have [|u [v [uv_rho uv]]] := @sum_of_squares_and_product rho (s * b).
  rewrite -ler_sqr ?nnegrE ?(ltW rho0) // real_normK ?num_real // exprMn_n exprMn.
  have -> : b ^+ 2 = d * k by rewrite mulrC divfK ?gt_eqF.
  rewrite mulrA ss -mulrnAr mulrDl mul1r expr2 (le_trans _ (ler_wpM2l (ltW rho0) le_r)) //.
  by rewrite [rho * (1 + _)]mulrDr mulr1 lerD2r (le_trans _ le_r) // lerDr.
have [f f0 ff] := square_root (sqr_ge0 v) c0.
exists (s / f), f, u, v; split; rewrite ?divr_gt0 //; split; rewrite ?divfK ?gt_eqF //.
have v1 : 1 + v ^+ 2 != 0 by rewrite gt_eqF // ltr_pwDl ?sqr_ge0.
by apply: (mulfI v1); apply: (spike_product (b := b) ff); rewrite divfK ?gt_eqF ?uv_rho.
Qed.

Lemma spiked_2 : spiked (1 + 1).
Proof.
move=> N pN; have sym : dlsubmx N = (ursubmx N)^T by rewrite trmx_ursub pN.1.
have := pN; rewrite -[N]submxK sym.
rewrite [ulsubmx N]mx11_scalar [ursubmx N]mx11_scalar [drsubmx N]mx11_scalar.
move: (ulsubmx N 0 0) (ursubmx N 0 0) (drsubmx N 0 0) => a b c pM.
have := posdef_diag 0 (posdef_schur pM); have := posdef_diag 0 (posdef_dr pM).
rewrite tr_scalar_mx invmx_scalar -!scalar_mxM -scalar_mxB !mxE !mulr1n => c0.
rewrite -(pmulr_lgt0 _ c0) mulrBl mulrAC divfK ?gt_eqF // -expr2.
move=> /(spike c0)[r h]; exists r => rho /h h'.
destruct h' as [e [f [u [v [e0 f0 uv [eu euv ev]]]]]].
exists (row_mx (const_mx e) (const_mx f)), (col_mx u%:M v%:M); split.
- by move=> i; rewrite mxE; case: splitP => j _; rewrite mxE.
- exact: scaled_blocks eu euv ev.
by rewrite tr_col_mx mul_row_col !tr_scalar_mx -!scalar_mxM -raddfD -!expr2 uv.
Qed.

Lemma spiked_small n : (0 < n <= 2)%N -> spiked n.
Proof. by case: n => [|[|[|]]] // _; [apply: spiked_1 | apply: spiked_2]. Qed.

Theorem two_layers_exist p q (A : 'M[R]_p) (B : 'M[R]_q) C :
  (0 < p <= 2)%N -> (0 < q <= 2)%N -> posdef (block_mx A C C^T B) ->
  exists (s1 : 'rV[R]_p) (s2 : 'rV[R]_q) X T, [/\ forall i, 0 < s1 0 i, forall i, 0 < s2 0 i
    & covariance (block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 T (diag_mx s2))
      = block_mx A C C^T B].
Proof.
move=> /spiked_small spk_p /spiked_small spk_q pM.
have [pB pS] := (posdef_dr pM, posdef_schur pM).
destruct (spk_p _ (posdef_inv pS)) as [r1 h1], (spk_q _ pB) as [r2 h2].
pose rho := Num.max 1 (Num.max r1 r2).
have le1 : r1 <= rho by rewrite !le_max lexx orbT.
have le2 : r2 <= rho by rewrite !le_max lexx !orbT.
destruct (h1 rho le1) as [e1 [x [pos1 eqx xx]]], (h2 rho le2) as [e2 [y [pos2 eqy yy]]].
have rho0 : 0 < rho by rewrite lt_max ltr01.
pose s2 := \row_i (e2 0 i)^-1.
have ds : diag_mx s2 *m diag_mx e2 = 1%:M.
  rewrite mulmx_diag -diag_const_mx; congr diag_mx; apply/rowP => i.
  by rewrite !mxE mulVf // gt_eqF.
have [us _] := mulmx1_unit ds.
have is2 : invmx (diag_mx s2) = diag_mx e2 by rewrite -[LHS]mulmx1 -ds mulKmx.
have u1 : diag_mx e1 \in unitmx.
  by rewrite unitmxE det_diag unitfE; apply/prodf_neq0 => i _; rewrite gt_eqF.
have r0 : Num.sqrt rho != 0 by rewrite gt_eqF // sqrtr_gt0.
rewrite -[rho]sqr_sqrtr ?ltW // in xx yy.
pose Q := (Num.sqrt rho)^-1 *: (y *m x^T).
have QT : Q^T = (Num.sqrt rho)^-1 *: (x *m y^T) by rewrite linearZ /= trmx_mul trmxK.
have QQ : Q *m Q^T = y *m y^T by apply: outer_product.
have QTQ : Q^T *m Q = x *m x^T by rewrite -{2}[Q]trmxK QT; apply: outer_product.
have [||||| X eqX] := @two_layers_R _ p q A B C (diag_mx e1) (diag_mx s2) Q.
- exact: And5 (posdef_unit pB) pB.1 (posdef_unit pS) u1 us.
- exact: tr_diag_mx.
- exact: tr_diag_mx.
- by rewrite QQ is2 eqy addrC addKr.
- by rewrite QTQ eqx addrC addKr.
exists e1, s2, X, (diag_mx s2 *m Q).
by split; [exact: pos1 | move=> i; rewrite mxE invr_gt0 | exact: eqX].
Qed.

(* one coupling, with positive scales s *)
Theorem one_layer_L p q (A : 'M[R]_p) (B : 'M[R]_q) C : posdef (block_mx A C C^T B) ->
  (exists (s : 'rV[R]_q) T, (forall i, 0 < s 0 i) /\
     covariance (block_mx 1%:M 0 T (diag_mx s)) = block_mx A C C^T B) <->
  A = 1%:M /\ is_diag_mx (B - C^T *m C).
Proof.
move=> pM; have one := one_layer A C _ (posdef_dr pM).1.
split=> [[s [T [_ eqs]]]|[A1 /diag_mxP[d eqd]]].
  have [|-> ->] := (one (diag_mx s)).1; first by exists T.
  by rewrite tr_diag_mx mulmx_diag diag_mx_is_diag.
have d0 i : 0 < d 0 i.
  have := posdef_diag i (posdef_schur (posdef_exchange pM)).
  by rewrite trmxK A1 invmx1 mulmx1 eqd mxE eqxx.
pose s := \row_i Num.sqrt (d 0 i); exists s.
have [|T eqT] := (one (diag_mx s)).2; last by exists T; split=> // i; rewrite mxE sqrtr_gt0.
split=> //; rewrite eqd tr_diag_mx mulmx_diag; congr diag_mx; apply/rowP => i.
by rewrite !mxE -expr2 sqr_sqrtr // ltW.
Qed.

(* the other letters, by exchange of the halves *)
Lemma covariance_exchange p q (A A' : 'M[R]_p) (B B' : 'M[R]_q) C C' D D' :
  covariance (block_mx A C D B) = block_mx A' C' D' B' ->
  covariance (block_mx B D C A) = block_mx B' D' C' A'.
Proof.
rewrite /covariance !tr_block_mx !mulmx_block => /eq_block_mx[<- <- <- <-].
by eq_blocks; rewrite addrC.
Qed.

Theorem two_layers_exist_LU p q (A : 'M[R]_p) (B : 'M[R]_q) C :
  (0 < p <= 2)%N -> (0 < q <= 2)%N -> posdef (block_mx A C C^T B) ->
  exists (s1 : 'rV[R]_p) (s2 : 'rV[R]_q) X T, [/\ forall i, 0 < s1 0 i, forall i, 0 < s2 0 i
    & covariance (block_mx 1%:M 0 T (diag_mx s2) *m block_mx (diag_mx s1) X 0 1%:M)
      = block_mx A C C^T B].
Proof.
move=> small_p small_q /posdef_exchange/(two_layers_exist small_q small_p).
intros [s2 [s1 [T [X [pos2 pos1 e]]]]]; move: e.
rewrite trmxK two_layers_product => /covariance_exchange <-.
by exists s1, s2, X, T; split=> //; blocks; rewrite [T *m X + _]addrC.
Qed.

Theorem one_layer_U p q (A : 'M[R]_p) (B : 'M[R]_q) C : posdef (block_mx A C C^T B) ->
  (exists (s : 'rV[R]_p) X, (forall i, 0 < s 0 i) /\
     covariance (block_mx (diag_mx s) X 0 1%:M) = block_mx A C C^T B) <->
  B = 1%:M /\ is_diag_mx (A - C *m C^T).
Proof.
move=> /posdef_exchange/one_layer_L; rewrite trmxK => <-.
by split; intros [s [X [pos eqs%covariance_exchange]]]; exists s, X.
Qed.
End PositiveDefinite.

(* Every matrix of positive determinant is eleven couplings, conditioned as the matrix.

   Halves of n and e + n entries, e <= 1.

   Main results
     rotations_and_separated   M = P diag(d) Q^T with rotations P and Q, where no entry of the
                   first half of d is above one of the second
     four_couplings   the last two shears of P, diag(d) and the first three of Q^T are four
                   couplings
     eleven_couplings   if M and its inverse have norms at most k, M is eleven couplings of
                   condition at most 18 k
     eleven_of_condition_18_times   so if det M = 1, of at most 18 times the condition of M

   Plan.  The singular values, sorted, are d = (a b, s f) with a, s <= 1 <= b, f.  Small factors
   scale two layers and large factors two others, so that no layer has both.  The shift of the
   second of the four has a term a b Y / f, which is small, since no entry of b is above one of f.

   References.  The construction is new to our knowledge; see FiveByInvolution. *)
Section Eleven.
Variable R : rcfType.

Lemma unit_diag m (d : 'rV[R]_m) : (forall i, 0 < d 0 i) -> diag_mx d \in unitmx.
Proof.
by move=> d0; rewrite unitmxE det_diag unitfE; apply/prodf_neq0 => i _; rewrite gt_eqF.
Qed.

Definition inverses m (d : 'rV[R]_m) : 'rV[R]_m := \row_i (d 0 i)^-1.

Lemma mul_inverses m (d : 'rV[R]_m) : (forall i, 0 < d 0 i) ->
  diag_mx (inverses d) *m diag_mx d = 1%:M.
Proof.
by move=> d0; rewrite mulmx_diag -diag_const_mx; congr diag_mx; apply/rowP=> i;
  rewrite !mxE mulVf ?gt_eqF.
Qed.

Lemma invmx_diag m (d : 'rV[R]_m) : (forall i, 0 < d 0 i) ->
  invmx (diag_mx d) = diag_mx (inverses d).
Proof. by move=> d0; rewrite -[RHS](mulmxK (unit_diag d0)) mul_inverses ?mul1mx. Qed.

Lemma condition_diag (k l : R) m (d : 'rV[R]_m) : 0 < l -> 0 <= k ->
  (forall i, l <= d 0 i <= k) -> condition_at_most (k / l) (diag_mx d).
Proof.
move=> l0 k0 ld; have d0 i : 0 < d 0 i by have /andP[le _] := ld i; apply: lt_le_trans le.
exists k, l^-1; rewrite invmx_diag // invr_ge0 (ltW l0) k0; split=> //; apply: bounded_diag.
  by move=> i; rewrite ltW //; have /andP[] := ld i.
by move=> i; rewrite mxE invr_ge0 ltW // lef_pV2 ?posrE //; have /andP[] := ld i.
Qed.

Lemma condition_mul (k l : R) m (K N : 'M[R]_m) : K \in unitmx -> N \in unitmx ->
  condition_at_most k K -> condition_at_most l N -> condition_at_most (k * l) (K *m N).
Proof.
move=> uK uN [a [b [a0 b0 ab bK bK']]] [c [d [c0 d0 cd bN bN']]]; exists (a * c), (d * b).
rewrite !mulr_ge0 // inverse_of_product //; split=> //; [|exact: bounded_mul|exact: bounded_mul].
by rewrite [d * b]mulrC mulrACA ler_pM ?mulr_ge0.
Qed.

Lemma dot00 m : dot (0 : 'cV[R]_m) 0 = 0. Proof. by apply/eqP; rewrite dot_eq0. Qed.

Lemma four_couplings p q (T S : 'M[R]_(q, p)) (X Y Z : 'M[R]_(p, q)) (a b b' : 'M[R]_p)
    (c f f' : 'M[R]_q) : b' *m b = 1%:M -> f' *m f = 1%:M ->
  L T *m U X *m block_mx (a *m b) 0 0 (c *m f) *m U Y *m L S *m U Z =
  L T *m block_mx 1%:M 0 0 c *m (U (X *m c + a *m (b *m Y *m f')) *m block_mx a 0 0 1%:M) *m
  (block_mx 1%:M 0 0 f *m L (S *m b')) *m (block_mx b 0 0 1%:M *m U Z).
Proof.
move=> bb ff; pose K := X *m c + a *m (b *m Y *m f').
have KE : K *m f = a *m b *m Y + X *m (c *m f).
  by rewrite mulmxDl -!mulmxA ff mulmx1 addrC !mulmxA.
have inner : U X *m block_mx (a *m b) 0 0 (c *m f) *m U Y *m L S =
    block_mx 1%:M 0 0 c *m (U K *m block_mx a 0 0 1%:M) *m (block_mx 1%:M 0 0 f *m L (S *m b')) *m
    block_mx b 0 0 1%:M.
  have bK m (N : 'M_(m, q)) : N *m (S *m b') *m b = N *m S by rewrite -!mulmxA bb mulmx1.
  rewrite /U /L; blocks; rewrite KE; eq_blocks.
  - by rewrite (mulmxA K) KE [RHS]mulmxDl bK.
  - by [].
  - by rewrite mulmxA bK.
transitivity (L T *m (U X *m block_mx (a *m b) 0 0 (c *m f) *m U Y *m L S) *m U Z).
  by rewrite !mulmxA.
by rewrite inner -/K !mulmxA.
Qed.

(* A diagonal matrix of signs with the determinant of an orthogonal matrix. *)
Lemma det_orthogonal n (P : 'M[R]_n) : P^T *m P = 1%:M -> \det P ^+ 2 = 1.
Proof. by move/(congr1 determinant); rewrite det_mulmx det_tr det1 -expr2. Qed.

Lemma signs n (P : 'M[R]_n) : P^T *m P = 1%:M ->
  exists2 j : 'rV[R]_n, forall i, j 0 i ^+ 2 = 1 & \det (diag_mx j) = \det P.
Proof.
case: n P => [|n] P /det_orthogonal PP; first by exists 0; [case | rewrite !det_mx00].
exists (\row_i if i == 0 then \det P else 1) => [i|].
  by rewrite mxE; case: ifP; rewrite ?PP ?expr1n.
rewrite det_diag big_ord_recl big1 ?mulr1 ?mxE // => i _.
by rewrite mxE eq_sym (negPf (neq_lift _ _)).
Qed.

(* The entries in ascending order: those of the first half are at most those of the second. *)
Lemma separated n m (d : 'rV[R]_(n + m)) : exists (s : 'S_(n + m)) c,
  (forall i, d 0 (s (lshift m i)) <= c) /\ (forall j, c <= d 0 (s (rshift n j))).
Proof.
pose t := [tuple d 0 i | i < n + m]; pose u := path.sort <=%R t.
have /tuple_permP[s tE] : perm_eq u t by rewrite path.perm_sort.
have nthE (i : 'I_(n + m)) : nth 0 u i = d 0 (s i).
  by rewrite tE -tnth_nth !tnth_mktuple.
have size_u : size u = (n + m)%N by rewrite path.size_sort size_tuple.
have sorted_u : path.sorted <=%R u by exact: (path.sort_sorted (@le_total _ _)).
have le := path.sorted_leq_nth le_trans lexx 0 sorted_u.
have lt_last a b k : (k < a + b -> a.-1 < a + b)%N.
  by case: a => [|a] /=; [apply: leq_ltn_trans | rewrite addSn ltnS leq_addr].
have n_lt (i : 'I_(n + m)) := lt_last _ _ _ (ltn_ord i).
exists s, (nth 0 u n.-1); split => [i|j]; rewrite -nthE; apply: le; rewrite ?inE ?size_u //=.
- exact: ltn_ord (lshift m i).
- exact: n_lt (lshift m i).
- by rewrite -ltnS prednK // (leq_ltn_trans _ (ltn_ord i)).
- exact: n_lt (rshift n j).
- exact: ltn_ord (rshift n j).
- by rewrite (leq_trans (leq_pred n)) ?leq_addr.
Qed.

Lemma orthogonal_perm N (s : 'S_N) : (perm_mx s)^T *m perm_mx s = 1%:M :> 'M[R]_N.
Proof. by rewrite tr_perm_mx -perm_mxM mulVg perm_mx1. Qed.

Lemma permuted_diag N (s : 'S_N) (d : 'rV[R]_N) :
  perm_mx s *m diag_mx d *m (perm_mx s)^T = diag_mx (col_perm s d).
Proof.
rewrite tr_perm_mx -col_permE -row_permE.
by apply/matrixP=> i j; rewrite !mxE (inj_eq perm_inj).
Qed.

Lemma bounded_diag_le (k : R) m (d : 'rV[R]_m) i :
  0 <= k -> 0 <= d 0 i -> bounded k (diag_mx d) -> d 0 i <= k.
Proof.
move=> k0 d0 /(_ (delta_mx i 0)).
have -> : diag_mx d *m delta_mx i 0 = d 0 i *: delta_mx i 0 :> 'cV_m.
  by apply/matrixP=> j l; rewrite mul_diag_mx !mxE; case: eqP => [->|]; rewrite ?mulr0.
rewrite dotZ; have -> : dot (delta_mx i 0) (delta_mx i 0) = 1 :> R.
  by rewrite /dot trmx_delta mul_delta_mx mxE !eqxx.
by rewrite !mulr1 -expr2 ler_pXn2r ?nnegrE.
Qed.

(* M = P diag(d) Q^T with rotations P and Q, no entry of the first half of d above one of the
   second. *)
Lemma rotations_and_separated n m (M : 'M[R]_(n + m)) : 0 < \det M ->
  exists (P Q : 'M[R]_(n + m)) (d : 'rV[R]_(n + m)) c,
  [/\ P^T *m P = 1%:M /\ \det P = 1, Q^T *m Q = 1%:M /\ \det Q = 1,
      forall i, 0 < d 0 i, M = P *m diag_mx d *m Q^T &
      (forall i, d 0 (lshift m i) <= c) /\ (forall j, c <= d 0 (rshift n j))].
Proof.
move=> M0; destruct (singular_values M) as [P0 [Q0 [d0 [PP QQ d_ge0 ME]]]].
destruct (separated d0) as [s [c sep]].
pose S : 'M[R]_(n + m) := perm_mx s; pose d := col_perm s d0.
have SS : S^T *m S = 1%:M := orthogonal_perm s.
have orth (A B : 'M[R]_(n + m)) : A^T *m A = 1%:M -> B^T *m B = 1%:M ->
    (A *m B)^T *m (A *m B) = 1%:M.
  by move=> AA BB; rewrite trmx_mul -mulmxA (mulmxA A^T) AA mul1mx.
have SST : (S^T)^T *m S^T = 1%:M by rewrite trmxK (mulmx1C SS).
have oP := orth _ _ PP SST; have oQ := orth _ _ QQ SST.
destruct (signs oP) as [j jj detj]; pose J := diag_mx j.
have JJ : J *m J = 1%:M.
  by rewrite mulmx_diag -diag_const_mx; congr diag_mx; apply/rowP=> i; rewrite !mxE -expr2 jj.
have JT : J^T = J by rewrite tr_diag_mx.
have oJ : J^T *m J = 1%:M by rewrite JT.
pose P := P0 *m S^T *m J; pose Q := Q0 *m S^T *m J.
have MP : M = P *m diag_mx d *m Q^T.
  have -> : P *m diag_mx d *m Q^T = P0 *m (S^T *m (J *m diag_mx d *m J) *m S) *m Q0^T.
    by rewrite /P /Q !trmx_mul JT trmxK !mulmxA.
  have -> : J *m diag_mx d *m J = diag_mx d.
    by rewrite [J *m _]diag_mxC -mulmxA JJ mulmx1.
  have -> : S^T *m diag_mx d *m S = diag_mx d0.
    by rewrite -permuted_diag !mulmxA SS mul1mx -mulmxA SS mulmx1.
  exact: ME.
have detP : \det P = 1 by rewrite det_mulmx detj -expr2 det_orthogonal.
have {}oP : P^T *m P = 1%:M := orth _ _ oP oJ.
have {}oQ : Q^T *m Q = 1%:M := orth _ _ oQ oJ.
clearbody P Q; have d_ge i : 0 <= d 0 i by rewrite mxE.
have detM : \det M = \det (diag_mx d) * \det Q.
  by rewrite MP !det_mulmx det_tr detP mul1r.
have prod_neq0 : \det (diag_mx d) != 0.
  by apply: contraTneq M0 => d1; rewrite detM d1 mul0r ltxx.
have d_gt i : 0 < d 0 i.
  by rewrite lt_def d_ge andbT; move: prod_neq0; rewrite det_diag => /prodf_neq0; apply.
have detQ : \det Q = 1.
  have : 0 < \det Q.
    move: M0; rewrite detM pmulr_rgt0 //.
    by rewrite lt_def prod_neq0 det_diag prodr_ge0.
  have /eqP := det_orthogonal oQ; rewrite sqrf_eq1 => /orP[/eqP -> //|/eqP ->].
  by rewrite oppr_gt0 ltr10.
exists P, Q, d, c; split=> //.
by move: sep => [lo hi]; split => i; rewrite mxE.
Qed.

(* The shears of the transpose of a rotation are the inverses of those of the rotation. *)
Lemma inverse_of_six p q (W0 Y W : 'M[R]_(q, p)) (X Z V : 'M[R]_(p, q)) (Q : 'M[R]_(p + q)) :
  Q^T *m Q = 1%:M -> Q = L W0 *m U X *m L Y *m U Z *m L W *m U V ->
  Q^T = U (- V) *m L (- W) *m U (- Z) *m L (- Y) *m U (- X) *m L (- W0).
Proof.
move=> QQ QE; set N := RHS; suff NQ : N *m Q = 1%:M.
  by rewrite -[N]mulmx1 -(mulmx1C QQ) mulmxA NQ mul1mx.
have cU (T : 'M[R]_(p, q)) (K : 'M_(p + q)) : U (- T) *m (U T *m K) = K.
  by rewrite mulmxA mul_UU addrN U0 mul1mx.
have cL (T : 'M[R]_(q, p)) (K : 'M_(p + q)) : L (- T) *m (L T *m K) = K.
  by rewrite mulmxA mul_LL mul1mx.
by rewrite /N QE -!mulmxA cL cU cL cU cL mul_UU addrN U0.
Qed.

Lemma eleven_factors N (A B C D E F X G H I J K O N1 N2 N3 N4 : 'M[R]_N) :
  E *m F *m X *m G *m H *m I = N1 *m N2 *m N3 *m N4 ->
  A *m B *m C *m D *m E *m F *m X *m (G *m H *m I *m J *m K *m O) =
  A *m (B *m (C *m (D *m (N1 *m (N2 *m (N3 *m (N4 *m (J *m (K *m O))))))))).
Proof.
move=> e; transitivity (A *m B *m C *m D *m (E *m F *m X *m G *m H *m I) *m J *m K *m O).
  by rewrite !mulmxA.
by rewrite e !mulmxA.
Qed.

(* Of what M = P diag(d) Q^T is made, with orthogonal P and Q: entries of d are bounded by |M|. *)
Lemma singular_value_le n (M P Q : 'M[R]_n) (d : 'rV[R]_n) k i : P^T *m P = 1%:M ->
  Q^T *m Q = 1%:M -> M = P *m diag_mx d *m Q^T -> 0 <= d 0 i -> 0 <= k -> bounded k M ->
  d 0 i <= k.
Proof.
move=> PP QQ ME d0 k0 bM; apply: bounded_diag_le k0 d0 _.
have -> : diag_mx d = P^T *m M *m Q by rewrite ME !mulmxA PP mul1mx -mulmxA QQ mulmx1.
rewrite -[k]mul1r -[1 * k]mulr1; apply: bounded_mul (bounded_isometry QQ).
by apply: bounded_mul bM; apply: bounded_tr; apply: bounded_isometry.
Qed.

Lemma inverse_of_decomposition n (M P Q : 'M[R]_n) (d : 'rV[R]_n) : P^T *m P = 1%:M ->
  Q^T *m Q = 1%:M -> (forall i, 0 < d 0 i) -> M = P *m diag_mx d *m Q^T ->
  invmx M = Q *m diag_mx (inverses d) *m P^T.
Proof.
move=> PP QQ d0 ->; have [uP uP'] := mulmx1_unit PP; have [uQ uQ'] := mulmx1_unit QQ.
rewrite !inverse_of_product ?unitmx_mul ?uP' ?uQ ?unit_diag // invmx_diag // mulmxA.
by rewrite -(invmx_orthogonal QQ) -(invmx_orthogonal PP) invmxK.
Qed.

(* No norm of a matrix of determinant 1 is below 1. *)
Lemma norm_ge1 n m (M : 'M[R]_(n + m)) a : (0 < n + m)%N -> \det M = 1 -> 0 <= a ->
  bounded a M -> 1 <= a.
Proof.
move=> d_gt0 M1 a0 bM; have M0 : 0 < \det M by rewrite M1.
destruct (rotations_and_separated M0) as [P [Q [d [c [[PP dP] [QQ dQ] d0 ME _]]]]].
have D1 : \prod_i d 0 i = 1.
  by move: M1; rewrite ME !det_mulmx det_tr dP dQ mul1r mulr1 det_diag.
rewrite leNgt; apply/negP=> a1; suff : \prod_i d 0 i < 1 by rewrite D1 ltxx.
apply: le_lt_trans (_ : \prod_(i < n + m) a < 1).
  by apply: ler_prod => i _; rewrite ltW ?d0 // (singular_value_le PP QQ ME (ltW (d0 i)) a0 bM).
by rewrite prodr_const card_ord exprn_ilt1 -?lt0n.
Qed.

(* A shear of condition at most 18, times a diagonal matrix whose entries are from 1 / k to 1, or
   from 1 to k. *)
Section Scaled.
Variables (p q : nat) (k : R).
Hypothesis k1 : 1 <= k.
Let k0 : 0 < k := lt_le_trans ltr01 k1.
Let k'0 : 0 < k^-1. Proof. by rewrite invr_gt0. Qed.
Let k'1 : k^-1 <= 1. Proof. by rewrite invf_le1. Qed.
Let low (x : R) := k^-1 <= x <= 1.
Let high (x : R) := 1 <= x <= k.
Let ok (N : 'M[R]_(p + q)) := coupling N /\ condition_at_most (18 * k) N.

Let low_gt0 x : low x -> 0 < x. Proof. by case/andP=> le _; apply: lt_le_trans k'0 le. Qed.
Let high_gt0 x : high x -> 0 < x. Proof. by case/andP=> le _; apply: lt_le_trans ltr01 le. Qed.

Let entries (Q : R -> Prop) (r : 'rV[R]_p) (v : 'rV[R]_q) : (forall i, Q (r 0 i)) ->
  (forall j, Q (v 0 j)) -> forall i, Q (row_mx r v 0 i).
Proof. by move=> hr hv i; rewrite mxE; case: splitP. Qed.

Lemma condition_low n (r : 'rV[R]_n) : (forall i, low (r 0 i)) ->
  diag_mx r \in unitmx /\ condition_at_most k (diag_mx r).
Proof.
move=> r1; split; first by apply: unit_diag => i; apply: low_gt0.
by have := condition_diag k'0 ler01 r1; rewrite mul1r invrK.
Qed.

Lemma condition_high n (r : 'rV[R]_n) : (forall i, high (r 0 i)) ->
  diag_mx r \in unitmx /\ condition_at_most k (diag_mx r).
Proof.
move=> r1; split; first by apply: unit_diag => i; apply: high_gt0.
by have := condition_diag ltr01 (ltW k0) r1; rewrite divr1.
Qed.

Let low1 n (i : 'I_n) : low ((const_mx 1 : 'rV[R]_n) 0 i).
Proof. by rewrite /low mxE k'1 lexx. Qed.
Let high1 n (i : 'I_n) : high ((const_mx 1 : 'rV[R]_n) 0 i).
Proof. by rewrite /high mxE k1 lexx. Qed.

Lemma lower_shear_then_low (T : 'M[R]_(q, p)) (s : 'rV[R]_q) : bounded 4 T ->
  (forall i, low (s 0 i)) -> ok (L T *m block_mx 1%:M 0 0 (diag_mx s)).
Proof.
move=> bT s1; split.
  by right; exists s, T; split=> [i|]; [exact: low_gt0 | rewrite /L; blocks].
rewrite -[1%:M]diag_const_mx -diag_mx_row.
have [u c] := condition_low (@entries low _ _ (@low1 p) s1).
exact: condition_mul (unit_L T) u (condition_L bT) c.
Qed.

Lemma upper_shear_then_low (X : 'M[R]_(p, q)) (a : 'rV[R]_p) : bounded 4 X ->
  (forall i, low (a 0 i)) -> ok (U X *m block_mx (diag_mx a) 0 0 1%:M).
Proof.
move=> bX a1; split.
  by left; exists a, X; split=> [i|]; [exact: low_gt0 | rewrite /U; blocks].
rewrite -[1%:M]diag_const_mx -diag_mx_row.
have [u c] := condition_low (@entries low _ _ a1 (@low1 q)).
exact: condition_mul (unit_U X) u (condition_U bX) c.
Qed.

Lemma high_then_lower_shear (T : 'M[R]_(q, p)) (f : 'rV[R]_q) : bounded 4 T ->
  (forall i, high (f 0 i)) -> ok (block_mx 1%:M 0 0 (diag_mx f) *m L T).
Proof.
move=> bT f1; split.
  by right; exists f, (diag_mx f *m T); split=> [i|]; [exact: high_gt0 | rewrite /L; blocks].
rewrite -[1%:M]diag_const_mx -diag_mx_row mulrC.
have [u c] := condition_high (@entries high _ _ (@high1 p) f1).
exact: condition_mul u (unit_L T) c (condition_L bT).
Qed.

Lemma high_then_upper_shear (X : 'M[R]_(p, q)) (b : 'rV[R]_p) : bounded 4 X ->
  (forall i, high (b 0 i)) -> ok (block_mx (diag_mx b) 0 0 1%:M *m U X).
Proof.
move=> bX b1; split.
  by left; exists b, (diag_mx b *m X); split=> [i|]; [exact: high_gt0 | rewrite /U; blocks].
rewrite -[1%:M]diag_const_mx -diag_mx_row mulrC.
have [u c] := condition_high (@entries high _ _ b1 (@high1 q)).
exact: condition_mul u (unit_U X) c (condition_U bX).
Qed.

Lemma coupling_of_shear N : shear N -> condition_at_most 18 N -> ok N.
Proof.
move=> sN cN; split; last by apply: condition_le cN; rewrite ler_peMr ?ler0n.
by case: sN => -[X ->]; [left | right]; exists (const_mx 1), X; split=> [j|];
  rewrite ?mxE ?diag_const_mx ?ltr01.
Qed.

Lemma coupling_of_lower (l : R) T : 0 <= l -> l <= 4 -> bounded l T -> ok (L T).
Proof.
move=> l0 l4 bT; apply: coupling_of_shear; first by right; exists T.
exact: condition_L (bounded_le l0 l4 bT).
Qed.

Lemma coupling_of_upper (l : R) X : 0 <= l -> l <= 4 -> bounded l X -> ok (U X).
Proof.
move=> l0 l4 bX; apply: coupling_of_shear; first by left; exists X.
exact: condition_U (bounded_le l0 l4 bX).
Qed.

(* The shift of the second of the four couplings. *)
Lemma shift_of_second (X Y : 'M[R]_(p, q)) (a b : 'rV[R]_p) (s f : 'rV[R]_q) t : 0 < t ->
  bounded 2 X -> bounded 2 Y -> (forall i, low (a 0 i)) -> (forall i, low (s 0 i)) ->
  (forall i, 0 < b 0 i <= t) -> (forall i, t <= f 0 i) ->
  bounded 4 (X *m diag_mx s + diag_mx a *m (diag_mx b *m Y *m diag_mx (inverses f))).
Proof.
move=> t0 bX bY a1 s1 bt tf; have bounded_low n (r : 'rV[R]_n) : (forall i, low (r 0 i)) ->
    bounded 1 (diag_mx r).
  by move=> r1; apply: bounded_diag => i; rewrite (ltW (low_gt0 (r1 i))); case/andP: (r1 i).
have -> : 4 = 2 * 1 + 1 * (t * 2 * t^-1) :> R.
  by rewrite mulr1 mul1r mulrAC mulfV ?gt_eqF // mul1r -natrD.
have two : 0 <= 2 :> R := ler0n _ _.
apply: bounded_add; rewrite ?mulr1 ?mul1r ?mulr_ge0 ?invr_ge0 ?(ltW t0) //.
  by rewrite -[2]mulr1; apply: bounded_mul bX (bounded_low _ _ s1).
rewrite -[t * 2 / t]mul1r; apply: bounded_mul (bounded_low _ _ a1) _.
apply: bounded_mul; first apply: bounded_mul bY.
  by apply: bounded_diag => i; case/andP: (bt i) => /ltW -> ->.
apply: bounded_diag => i; have f0 := lt_le_trans t0 (tf i).
by rewrite mxE invr_ge0 (ltW f0) lef_pV2 ?posrE ?tf.
Qed.
End Scaled.

(* The singular values d = (a b, s f): a and s are at most 1, b and f at least 1. *)
Lemma split_at_one n m (d : 'rV[R]_(n + m)) c k : 1 <= k -> (forall i, k^-1 <= d 0 i <= k) ->
  (forall i, d 0 (lshift m i) <= c) -> (forall j, c <= d 0 (rshift n j)) ->
  exists (a b : 'rV[R]_n) (s f : 'rV[R]_m) t, [/\
    diag_mx d = block_mx (diag_mx a *m diag_mx b) 0 0 (diag_mx s *m diag_mx f),
    (forall i, k^-1 <= a 0 i <= 1) /\ (forall j, k^-1 <= s 0 j <= 1),
    (forall i, 1 <= b 0 i <= k) /\ (forall j, 1 <= f 0 j <= k), 0 < t &
    (forall i, b 0 i <= t) /\ (forall j, t <= f 0 j)].
Proof.
move=> k1 dk lo hi; pose S1 i := d 0 (lshift m i); pose S2 j := d 0 (rshift n j).
exists (\row_i Num.min 1 (S1 i)), (\row_i Num.max 1 (S1 i)), (\row_j Num.min 1 (S2 j)),
  (\row_j Num.max 1 (S2 j)), (Num.max 1 c).
have k'1 : k^-1 <= 1 by rewrite invf_le1 // (lt_le_trans ltr01).
have dl i : k^-1 <= S1 i <= k := dk _; have dr j : k^-1 <= S2 j <= k := dk _.
split.
- rewrite -[d in LHS]hsubmxK diag_mx_row !mulmx_diag.
  have mm x : Num.min 1 x * Num.max 1 x = x :> R.
    by rewrite /Num.min /Num.max; case: ifP => _; rewrite ?mul1r ?mulr1.
  by eq_blocks; congr diag_mx; apply/rowP=> i; rewrite !mxE mm.
- by split=> i; rewrite mxE le_min k'1 ge_min lexx;
    [case/andP: (dl i) => -> | case/andP: (dr i) => ->].
- by split=> i; rewrite mxE ge_max k1 le_max lexx;
    [case/andP: (dl i) => _ -> | case/andP: (dr i) => _ ->].
- by rewrite lt_max ltr01.
by split=> i; rewrite mxE ge_max !le_max lexx /=; [rewrite lo | rewrite hi]; rewrite orbT.
Qed.

Theorem eleven_couplings e n (M : 'M[R]_(n + (e + n))) (k : R) : (e <= 1)%N -> 0 < \det M ->
  1 <= k -> bounded k M -> bounded k (invmx M) -> exists Ks : seq 'M[R]_(n + (e + n)),
  [/\ size Ks = 11, forall K, K \in Ks -> coupling K /\ condition_at_most (18 * k) K &
      M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof.
move=> e1 M0 k1 bM bM'; have k0 : 0 < k := lt_le_trans ltr01 k1.
destruct (rotations_and_separated M0) as [P [Q [d [c [[PP dP] [QQ dQ] d0 ME [lo hi]]]]]].
have dk i : k^-1 <= d 0 i <= k.
  have iE := inverse_of_decomposition PP QQ d0 ME; have dE : inverses d 0 i = (d 0 i)^-1.
    by rewrite mxE.
  rewrite (singular_value_le PP QQ ME (ltW (d0 i)) (ltW k0) bM) andbT.
  rewrite -[d 0 i]invrK lef_pV2 ?posrE ?invr_gt0 // -dE.
  by apply: (singular_value_le QQ PP iE _ (ltW k0) bM'); rewrite dE invr_ge0 ltW.
destruct (split_at_one k1 dk lo hi) as [a [b [s [f [t [dE [a1 s1] [b1 f1] t0 [bt tf]]]]]]].
have b0 i : 0 < b 0 i by case/andP: (b1 i) => le _; apply: lt_le_trans ltr01 le.
have f0 i : 0 < f 0 i by case/andP: (f1 i) => le _; apply: lt_le_trans ltr01 le.
destruct (six_every_rotation e1 PP dP)
  as [W0 [X [Y [Z [W [V [PE bW0 bX bY [bZ bW bV]]]]]]]].
destruct (six_every_rotation e1 QQ dQ)
  as [W0' [X' [Y' [Z' [W' [V' [QE bW0' bX' bY' [bZ' bW' bV']]]]]]]].
have QTE := inverse_of_six QQ QE.
have b4 r v (N : 'M[R]_(r, v)) : bounded 2 N -> bounded 4 N.
  by apply: bounded_le; rewrite ?ler0n ?ler_nat.
have bT : bounded 2 (- W' *m diag_mx (inverses b)).
  rewrite -[2]mulr1; apply: bounded_mul; first exact: bounded_opp.
  by apply: bounded_diag => i; rewrite mxE invr_ge0 ltW // invf_le1 //; case/andP: (b1 i).
have bK : bounded 4 (V *m diag_mx s + diag_mx a *m (diag_mx b *m - V' *m diag_mx (inverses f))).
  by apply: (shift_of_second k1 t0 bV (bounded_opp bV') a1 s1) => // i; rewrite b0 bt.
have middle := four_couplings W (- W') V (- V') (- Z') (diag_mx a) (diag_mx s)
  (mul_inverses b0) (mul_inverses f0).
have ok1 := lower_shear_then_low k1 (b4 _ _ _ bW) s1.
have ok2 := upper_shear_then_low k1 bK a1.
have ok3 := high_then_lower_shear k1 (b4 _ _ _ bT) f1.
have ok4 := high_then_upper_shear k1 (b4 _ _ _ (bounded_opp bZ')) b1.
pose ok (N : 'M[R]_(n + (e + n))) := coupling N /\ condition_at_most (18 * k) N.
have [N1 [N2 [N3 [N4 [{}middle {}ok1 {}ok2 {}ok3 {}ok4]]]]] : exists N1 N2 N3 N4,
    [/\ L W *m U V *m diag_mx d *m U (- V') *m L (- W') *m U (- Z') = N1 *m N2 *m N3 *m N4,
        ok N1, ok N2, ok N3 & ok N4] by rewrite dE middle; do 4?eexists; split.
exists [:: L W0; U X; L Y; U Z; N1; N2; N3; N4; L (- Y'); U (- X'); L (- W0')].
have okL (N : 'M[R]_(e + n, n)) : bounded 1 N -> ok (L N).
  by apply: coupling_of_lower; rewrite ?ler01 ?ler1n.
have okU l (N : 'M[R]_(n, e + n)) : 0 <= l -> l <= 4 -> bounded l N -> ok (U N).
  exact: coupling_of_upper.
have p2 : 0 <= 2 :> R := ler0n _ _; have p4 : 0 <= 4 :> R := ler0n _ _.
have le24 : 2 <= 4 :> R by rewrite ler_nat.
have le44 : 4 <= 4 :> R by exact: lexx.
split; first by [].
  do 11?(apply/forall_cons; split); [exact: okL | exact: (okU _ _ p4 le44 bX) | exact: okL |
    exact: (okU _ _ p2 le24 bZ) | exact: ok1 | exact: ok2 | exact: ok3 | exact: ok4 |
    exact/okL/bounded_opp | exact: (okU _ _ p4 le44 (bounded_opp bX')) | exact/okL/bounded_opp |
    by []].
rewrite !big_cons big_nil mulmx1 ME QTE PE; exact: eleven_factors middle.
Qed.

Theorem eleven_of_condition_18_times e n (M : 'M[R]_(n + (e + n))) (k : R) : (e <= 1)%N ->
  \det M = 1 -> 1 <= k -> condition_at_most k M -> exists Ks : seq 'M[R]_(n + (e + n)),
  [/\ size Ks = 11, forall K, K \in Ks -> coupling K /\ condition_at_most (18 * k) K &
      M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof.
move=> e1 M1 k1 [a [b [a0 b0 ab bM bM']]].
have [empty|some] := leqP (n + (e + n)) 0.
  have none (K : 'M[R]_(n + (e + n))) : bounded k K.
    move=> x; suff -> : x = 0 by rewrite mulmx0 !dot00 mulr0.
    by apply/matrixP=> -[i lt] ?; have := leq_trans lt empty; rewrite ltn0.
  by apply: eleven_couplings; rewrite ?M1.
have a1 : 1 <= a by apply: (norm_ge1 (M := M)).
have b1 : 1 <= b by apply: (norm_ge1 (M := invmx M)); rewrite ?det_inv ?M1 ?invr1.
apply: eleven_couplings; rewrite ?M1 //.
  by apply: bounded_le bM => //; apply: le_trans ab; rewrite ler_peMr.
by apply: bounded_le bM' => //; apply: le_trans ab; rewrite ler_peMl.
Qed.
End Eleven.
