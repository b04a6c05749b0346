(* Four affine couplings: what they force on the blocks of a matrix and its inverse.

   Main results
     char_poly_YZ    1 + Y Z and 1 + Z Y have one characteristic polynomial
     four_affine     if M = U X * L Y * U Z * L W * diag(E, Delta), then D Delta^-1
                     and E a have one, D and a being the lower right block of M
                     and the upper left block of its inverse

   Role.  A diagonal matrix of positive scales moves to the end of a product of
   couplings (push_U, push_L in positive_scales.v); so four couplings with scales
   are possible only if some positive diagonals E and Delta make these two
   polynomials equal.

   Reference.  Sylvester's determinant identity. *)
From mathcomp Require Import all_ssreflect ssralg poly mxpoly zmodp matrix.
From exactflow Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section FourAffine.
Variables (F : fieldType) (n : nat).
Implicit Types A B C D E X Y Z W : 'M[F]_n.

Lemma sylvester (R : idomainType) (s : R) (y z : 'M[R]_n) : s != 0 ->
  \det (s%:M - y *m z) = \det (s%:M - z *m y).
Proof.
move=> s0; pose N := block_mx s%:M y z 1%:M.
have upper : \det N = \det (s%:M - y *m z).
  rewrite -[LHS]mul1r -(det_U (- y)) -det_mulmx mul_U mulNmx mulmx1 subrr.
  by rewrite det_lblock det1 mulr1.
rewrite -upper; apply: (mulfI (expf_neq0 n s0)).
rewrite -{1}(det_scalar n s) -[X in X * _]mul1r -{1}(det1 R n).
rewrite -(det_lblock 1%:M (- z) s%:M) -det_mulmx mulmx_block !mul1mx !mul0mx.
rewrite !mulmx1 !addr0 mulNmx scalar_mxC addNr det_ublock det_scalar.
by rewrite mulNmx addrC.
Qed.

Theorem char_poly_YZ Y Z : char_poly (1%:M + Y *m Z) = char_poly (1%:M + Z *m Y).
Proof.
have e P Q : char_poly_mx (1%:M + P *m Q)
  = ('X - 1)%:M - map_mx polyC P *m map_mx polyC Q :> 'M_n.
  by rewrite /char_poly_mx map_mxD map_mx1 map_mxM opprD addrA -raddfB.
by rewrite /char_poly !e sylvester // -[1]/(1%:P) polyXsubC_eq0.
Qed.

Theorem four_affine A B C D a b c d E Delta X Y Z W :
  E \in unitmx -> Delta \in unitmx ->
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  block_mx A B C D = U X *m L Y *m U Z *m L W *m block_mx E 0 0 Delta ->
  char_poly (D *m invmx Delta) = char_poly (E *m a).
Proof.
move=> uE uD inv e.
have eD : D = (1%:M + Y *m Z) *m Delta.
  move: e; rewrite -!mulmxA mul_L mul_U mul_L mul_U !(mulmx0, addr0, add0r).
  by case/eq_block_mx=> _ _ _ ->; rewrite mulmxDl mul1mx mulmxA.
have ea : E *m a = 1%:M + Z *m Y.
  have : block_mx E 0 0 Delta *m block_mx a b c d
    = L (- W) *m (U (- Z) *m (L (- Y) *m U (- X))).
    transitivity (L (- W) *m (U (- Z) *m (L (- Y) *m (U (- X) *m block_mx A B C D)))
      *m block_mx a b c d); last by rewrite -!mulmxA inv mulmx1.
    by rewrite e -!mulmxA mul_UK mul_LK mul_UK mul_LK.
  rewrite mul_L mul_U mul_L; blocks; case/eq_block_mx=> -> _ _ _.
  by rewrite mulNmx mulmxN opprK.
by rewrite eD ea mulmxK // char_poly_YZ.
Qed.
End FourAffine.
