(* The algebra of Gaussians: which covariances one and two couplings generate.

   From white noise a flow with matrix F generates N(0, F F^T).

   Main results
     two_layers      U (X, D1) L (T, D2) generates Sigma if T T^T = B - D2 D2^T
                     and the Schur complement of B is D1 (1 - T^T B^-1 T) D1^T
     two_layers_R    the same with T = D2 R, from the two equations for R:
                     R R^T = D2^-1 B D2^-1 - 1 and R^T R = D1 S^-1 D1 - 1
     one_layer       one coupling that moves the second half generates Sigma iff
                     Sigma11 = 1 and the Schur complement is its squared scales

   Role.  D1, D2 and R are given here, over every commutative ring with units.  For
   halves of one or two entries gaussian_existence.v finds them; that they exist for
   larger ones is Brouwer's theorem, and not proved. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix.
From exactflow Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

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
move=> uB symB eqT eqS X.
have XB : X *m B = C - D1 *m T^T by rewrite mulmxKV.
have XE : X = (C - D1 *m T^T) *m invmx B by [].
have XT : X^T = invmx B *m (C^T - T *m D1^T).
  by rewrite trmx_mul trmx_inv symB linearB /= trmx_mul trmxK.
clearbody X.
have eqB : T *m T^T + D2 *m D2^T = B by rewrite eqT subrK.
rewrite two_layers_product /covariance tr_block_mx mulmx_block.
have ur : (D1 + X *m T) *m T^T + X *m D2 *m D2^T = C.
  by rewrite mulmxDl -!mulmxA -addrA -mulmxDr eqB XB addrC subrK.
have -> : T *m (D1 + X *m T)^T + D2 *m (X *m D2)^T = C^T.
  by rewrite -ur [in RHS]linearD /= !trmx_mul !trmxK.
have ul : (D1 + X *m T) *m (D1 + X *m T)^T + X *m D2 *m (X *m D2)^T
    = (D1 + X *m T) *m D1^T + C *m X^T.
  rewrite [in X in X + _ = _]linearD /= [in X in X + _ = _]trmx_mul mulmxDr.
  by rewrite [(X *m D2)^T]trmx_mul !mulmxA -addrA -mulmxDl ur.
have AE : A = D1 *m (1%:M - T^T *m invmx B *m T) *m D1^T + C *m invmx B *m C^T.
  by rewrite -eqS subrK.
rewrite ur ul eqB XT; congr block_mx; rewrite [RHS]AE XE.
rewrite !(mulmxDl, mulmxDr, mulmxBl, mulmxBr) ?mulmx1 !mulmxA.
rewrite !(mulNmx, mulmxN) !mulmxA -!addrA; congr (_ + _).
by rewrite addrC -!addrA addNr addr0.
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
