(* Four affine couplings: what they force on the blocks of a matrix and its inverse.

   Main results
     char_poly_YZ    1 + Y Z and 1 + Z Y have one characteristic polynomial
     rank_YZ         and g (1 + Y Z) and g (1 + Z Y) one rank, for every polynomial
                     g with g(1) != 0: they are similar but for the eigenvalue 1
     four_affine     if M = U X * L Y * U Z * L W * diag(E, Delta), then D Delta^-1
                     and E a are such a pair, D and a being the lower right block
                     of M and the upper left block of its inverse

   Role.  A diagonal matrix of positive scales moves to the end of a product of
   couplings (opposed_minors.v); so four couplings with scales are possible only if
   D Delta^-1 and E a are such a pair for some positive diagonals E and Delta.

   References.  Sylvester's determinant identity; H. Flanders 1951. *)
From mathcomp Require Import all_ssreflect ssralg poly mxpoly zmodp matrix mxalgebra.
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
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  block_mx A B C D = U X *m L Y *m U Z *m L W *m block_mx E 0 0 Delta ->
  D = (1%:M + Y *m Z) *m Delta /\ E *m a = 1%:M + Z *m Y.
Proof.
move=> inv e; split.
  move: e; rewrite -!mulmxA mul_L mul_U mul_L mul_U !(mulmx0, addr0, add0r).
  by case/eq_block_mx=> _ _ _ ->; rewrite mulmxDl mul1mx mulmxA.
have : block_mx E 0 0 Delta *m block_mx a b c d
  = L (- W) *m (U (- Z) *m (L (- Y) *m U (- X))).
  transitivity (L (- W) *m (U (- Z) *m (L (- Y) *m (U (- X) *m block_mx A B C D)))
    *m block_mx a b c d); last by rewrite -!mulmxA inv mulmx1.
  by rewrite e -!mulmxA mul_UK mul_LK mul_UK mul_LK.
rewrite mul_L mul_U mul_L; blocks; case/eq_block_mx=> -> _ _ _.
by rewrite mulNmx mulmxN opprK.
Qed.
End FourAffine.

Lemma horner_mx_intertwine (F : fieldType) n (P Q Y : 'M[F]_n.+1) g :
  P *m Y = Y *m Q -> horner_mx P g *m Y = Y *m horner_mx Q g.
Proof.
move=> PY; elim/poly_ind: g => [|g c IH]; first by rewrite !rmorph0 mul0mx mulmx0.
rewrite !rmorphD !rmorphM /= !horner_mx_X !horner_mx_C mulmxDl mulmxDr -!mulmxE.
by rewrite -mulmxA PY !mulmxA IH scalar_mxC.
Qed.

Theorem rank_YZ (F : fieldType) n (Y Z : 'M[F]_n.+1) g : g.[1] != 0 ->
  \rank (horner_mx (1%:M + Y *m Z) g) = \rank (horner_mx (1%:M + Z *m Y) g).
Proof.
move=> g1; suff le (P Q : 'M_n.+1) :
  (\rank (horner_mx (1%:M + Q *m P) g) <= \rank (horner_mx (1%:M + P *m Q) g))%N.
  by apply/eqP; rewrite eqn_leq !le.
set G := horner_mx (_ + P *m _) g; set H := horner_mx _ g.
have GP : G *m P = P *m H.
  by apply: horner_mx_intertwine; rewrite mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
rewrite -(leq_sub2lE _ (rank_leq_row H)) -!mxrank_ker.
have /mxrank_injP <- : (kermx G :&: kermx P)%MS == 0.
  set v := capmx _ _.
  have /sub_kermxP vP : (v <= kermx P)%MS by apply: capmxSr.
  have /sub_kermxP : (v <= kermx G)%MS by apply: capmxSl.
  suff -> : v *m G = g.[1] *: v by move/eqP; rewrite scaler_eq0 (negbTE g1).
  have -> : g.[1] *: v = horner_mx 1%:M g *m v.
    by rewrite -mul_scalar_mx -!diag_const_mx horner_mx_diag map_const_mx.
  symmetry; apply: horner_mx_intertwine.
  by rewrite mul1mx mulmxDr mulmx1 mulmxA vP mul0mx addr0.
rewrite mxrankS //; apply/sub_kermxP.
by rewrite -mulmxA -GP mulmxA mulmx_ker mul0mx.
Qed.
