(* Shears: additive coupling layers as block matrices.

   A vector of p + q entries splits into a first half of p and a second half of
   q entries.  U X moves the first half by X times the second, L Y moves the
   second half by Y times the first:

     U X = [1 X; 0 1],   L Y = [1 0; Y 1].

   Role.  Every other file speaks of products of U's and L's; what it needs to
   know about their blocks, inverses, transposes and determinants is here.

   Main results
     mul_U, mul_L   multiplying by a shear on the left: a block row operation
     mul_block_U, mul_block_L   and on the right: a block column operation
     mul_ULULU      the four blocks of U X * L Y * U Z * L W * U V
     ULUL_of_schur  [A B; C P] is U X * L Y * U Z * L W if P = 1 + Y Z and S = 1 + Z Y
                    is the inverse of the Schur complement of P
     tr_U, tr_L     transposition exchanges the two types
     det_U, det_L   shears have determinant 1

   References.  The layers: Koehler, Mehta, Risteski, Representational aspects
   of depth and conditioning in normalizing flows, ICML 2021, arXiv:2010.01155. *)
From HB Require Import structures.
From mathcomp Require Import all_ssreflect ssralg zmodp matrix.
From exactflow Require Export definitions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(* sums: two sums are equal up to the order of their terms.
   expand: multiply out, and drop factors 1 and terms 0. *)
Ltac sums := rewrite -[LHS]addr0 -[RHS]addr0 -?addrA;
  repeat match goal with
  | |- ?x = ?x => reflexivity
  | |- ?a + _ = ?a + _ => congr (_ + _)
  | |- ?a + _ = _ => rewrite [in RHS](addrCA _ a)
  end.
Ltac expand := rewrite ?(mulmxDl, mulmxDr, mulmxBl, mulmxBr, mulmxN, mulNmx,
  mul1mx, mulmx1, mulmx0, mul0mx, addr0, add0r, mulmxA, opprD, opprK).
Ltac blocks := rewrite ?(mulmx_block, mul1mx, mulmx1, mul0mx, mulmx0, addr0, add0r).

(* Matrices of any size, 0 included, can be multiplied in a row by \big. *)
HB.instance Definition _ (R : comUnitRingType) n :=
  Monoid.isLaw.Build 'M[R]_n 1%:M mulmx
    (@mulmxA R n n n n) (@mul1mx R n n) (@mulmx1 R n n).

Section Shears.
Variable R : comUnitRingType.
Variables p q : nat.
Implicit Types (X Z V : 'M[R]_(p, q)) (Y W : 'M[R]_(q, p)).

Lemma det_U X : \det (U X) = 1.
Proof. by rewrite det_ublock !det1 mulr1. Qed.

Lemma det_L Y : \det (L Y) = 1.
Proof. by rewrite det_lblock !det1 mulr1. Qed.

Lemma unit_U X : U X \in unitmx.
Proof. by rewrite unitmxE det_U unitr1. Qed.

Lemma unit_L Y : L Y \in unitmx.
Proof. by rewrite unitmxE det_L unitr1. Qed.

Lemma U0 : U (0 : 'M[R]_(p, q)) = 1%:M. Proof. by rewrite [RHS]scalar_mx_block. Qed.
Lemma L0 : L (0 : 'M[R]_(q, p)) = 1%:M. Proof. by rewrite [RHS]scalar_mx_block. Qed.

Lemma mul_U m n X (A : 'M_(p, m)) (B : 'M_(p, n)) (C : 'M_(q, m)) D :
  U X *m block_mx A B C D = block_mx (A + X *m C) (B + X *m D) C D.
Proof. by blocks. Qed.

Lemma mul_L m n Y (A : 'M_(p, m)) (B : 'M_(p, n)) (C : 'M_(q, m)) D :
  L Y *m block_mx A B C D = block_mx A B (C + Y *m A) (D + Y *m B).
Proof. by blocks; congr block_mx; rewrite addrC. Qed.

Lemma mul_block_U m n X (A : 'M_(m, p)) B (C : 'M_(n, p)) D :
  block_mx A B C D *m U X = block_mx A (B + A *m X) C (D + C *m X).
Proof. by rewrite /U; blocks; congr block_mx; rewrite addrC. Qed.

Lemma mul_block_L m n Y (A : 'M_(m, p)) B (C : 'M_(n, p)) D :
  block_mx A B C D *m L Y = block_mx (A + B *m Y) B (C + D *m Y) D.
Proof. by rewrite /L; blocks. Qed.

Lemma mul_UU X Z : U X *m U Z = U (Z + X).
Proof. by rewrite [U Z in LHS]/U mul_U mulmx0 addr0 mulmx1. Qed.

Lemma mul_UK X (M : 'M_(p + q)) : U (- X) *m (U X *m M) = M.
Proof. by rewrite -[M]submxK !mul_U !mulNmx !addrK. Qed.

Lemma mul_LK Y (M : 'M_(p + q)) : L (- Y) *m (L Y *m M) = M.
Proof. by rewrite -[M]submxK !mul_L !mulNmx !addrK. Qed.

Lemma mul_LL Y : L (- Y) *m L Y = 1%:M.
Proof. by rewrite -[L Y]mulmx1 mul_LK. Qed.

Lemma mul_ULULU X Y Z W V (P : 'M_q) (C : 'M_(q, p)) :
  P = 1%:M + Y *m Z -> C = Y + P *m W ->
  U X *m L Y *m U Z *m L W *m U V =
  block_mx (1%:M + Z *m W + X *m C)
           ((1%:M + Z *m W + X *m C) *m V + (Z + X *m P)) C (P + C *m V).
Proof.
move=> -> ->; rewrite -!mulmxA [L W *m U V]mul_L mul_U mul_L mul_U.
by congr block_mx; expand; sums.
Qed.
End Shears.

(* Four shears, if the Schur complement of P is the inverse of S = 1 + Z Y. *)
Lemma ULUL_of_schur (R : comUnitRingType) p q (A S : 'M[R]_p) B C (P : 'M_q) Y Z :
  P \in unitmx -> 1%:M + Y *m Z = P -> 1%:M + Z *m Y = S ->
  (A - B *m invmx P *m C) *m S = 1%:M ->
  block_mx A B C P = U ((B - Z) *m invmx P) *m L Y *m U Z *m L (invmx P *m (C - Y)).
Proof.
move=> uP YZ ZY AS; have [_ uS] := mulmx1_unit AS.
have hC : C = Y + P *m (invmx P *m (C - Y)) by rewrite mulKVmx // addrC subrK.
rewrite -[RHS]mulmx1 -[1%:M](U0 R p q) (mul_ULULU _ 0 (esym YZ) hC).
rewrite !mulmx0 addr0 add0r mulmxKV // [Z + _]addrC subrK; congr block_mx.
have ZPY : (1%:M - Z *m invmx P *m Y) *m S = 1%:M.
  have YS : Y *m S = P *m Y by rewrite -ZY -YZ mulmxDr mulmxDl mulmx1 mul1mx !mulmxA.
  by rewrite mulmxBl mul1mx -!mulmxA YS mulKmx // -ZY addrK.
have -> : A = 1%:M - Z *m invmx P *m Y + B *m invmx P *m C.
  by apply/(canRL (subrK _))/(can_inj (mulmxK uS)); rewrite AS ZPY.
expand; move: (Z *m _ *m C) (Z *m _ *m Y) (B *m _ *m C) => a b c.
by rewrite [a - b]addrC -!addrA; do 2!congr (_ + _); rewrite addrC subrK.
Qed.

Lemma tr_U (R : comUnitRingType) p q (X : 'M[R]_(p, q)) : (U X)^T = L X^T.
Proof. by rewrite tr_block_mx !tr_scalar_mx trmx0. Qed.

Lemma tr_L (R : comUnitRingType) p q (Y : 'M[R]_(q, p)) : (L Y)^T = U Y^T.
Proof. by rewrite tr_block_mx !tr_scalar_mx trmx0. Qed.
