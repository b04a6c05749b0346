(* Three affine couplings: when C is invertible, a diagonal equivalence.

   Main results
     three_affine_normal   scales move to the middle: U L U with scales is a
                           product U X, [E 0; Y D], U Z
     three_affine          if C is invertible, M = [A B; C D] is such a product
                           with the scales E, Delta iff
                           E C^-1 Delta = A C^-1 D - B
     schur_of_inverse      that matrix is -c^-1, c the lower left block of M^-1

   Role.  So three layers with positive scales do iff -c^-1 and C^-1 are
   positively diagonally equivalent.  Everything holds over every commutative
   ring with units. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section ThreeAffine.
Variables (R : comUnitRingType) (n : nat).
Implicit Types A B C D E X Y Z : 'M[R]_n.

Definition UX X : 'M[R]_(n + n) := block_mx 1%:M X 0 1%:M.

(* affine couplings with the scales S, one after the other *)
Theorem three_affine_normal (S1 S2 S3 : 'M[R]_n) X Y Z :
  S3 \in unitmx ->
  block_mx S1 X 0 1%:M *m block_mx 1%:M 0 Y S2 *m block_mx S3 Z 0 1%:M
  = UX X *m block_mx (S1 *m S3) 0 (Y *m S3) S2 *m UX (invmx S3 *m Z).
Proof.
move=> u3; rewrite /UX !mulmx_block !(mulmx1, mul1mx, mulmx0, mul0mx, addr0, add0r).
by congr block_mx; rewrite ?mulmxDl !mulmxA ?mulmxK // -?mulmxA ?mulmxA.
Qed.

Theorem three_affine A B C D E Delta : C \in unitmx ->
  (exists X Z, block_mx A B C D = UX X *m block_mx E 0 C Delta *m UX Z) <->
  E *m invmx C *m Delta = A *m invmx C *m D - B.
Proof.
move=> uC; rewrite /UX; split=> [[X [Z]]|eqS].
  rewrite !mulmx_block !(mulmx1, mul1mx, mulmx0, mul0mx, addr0, add0r).
  case/eq_block_mx => -> -> _ ->.
  rewrite !(mulmxDl, mulmxDr) !mulmxA !(mulmxK, mulmxKV) //.
  by rewrite addrCA addrK.
exists ((A - E) *m invmx C), (invmx C *m (D - Delta)).
rewrite !mulmx_block !(mulmx1, mul1mx, mulmx0, mul0mx, addr0, add0r).
rewrite mulmxKV // mulKVmx // [E + _]addrC !subrK mulmxA mulmxBr; congr block_mx.
by rewrite !mulmxBl eqS opprB addrA addrNK [RHS]addrC subrK.
Qed.

Theorem schur_of_inverse A B C D (a b c d : 'M[R]_n) : C \in unitmx ->
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  B *m c - A *m invmx C *m D *m c = 1%:M.
Proof.
move=> uC; rewrite mulmx_block scalar_mx_block; case/eq_block_mx => e1 _ e2 _.
have ae : C *m a = - (D *m c) by apply/eqP; rewrite -addr_eq0 e2.
have -> : B *m c - A *m invmx C *m D *m c = A *m a + B *m c.
  by rewrite -[a](mulKmx uC) ae !mulmxN !mulmxA addrC.
by [].
Qed.
End ThreeAffine.
