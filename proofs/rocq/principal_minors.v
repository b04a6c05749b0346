(* Principal minors, and the coefficients of the characteristic polynomial.

   The principal minor of N at a set S of rows is the determinant of N with the
   rows and columns outside S replaced by those of the identity.

   Main results
     det_add_diag           det (diag y + N) is the sum over all S of the minor at
                            S times the product of y outside S
     coef_char_poly         so the coefficient of the characteristic polynomial at
                            n - k is (-1)^k times the sum of the k-minors
     principal_minor_scale  scaling rows and columns multiplies the minor by the
                            scales in S

   Role.  Positive scales do not change the sign of a minor (opposed_minors.v).

   Plan.  Leibniz: if the rows outside S are those of the identity, a permutation
   that counts fixes what is outside S, so the columns do not matter; and a product
   of sums over all rows is the sum over S of the products that take N in S. *)
From mathcomp Require Import all_ssreflect ssralg poly mxpoly perm zmodp matrix.
From exactflow Require Import definitions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section PrincipalMinors.
Variables (R : comRingType) (n : nat).
Implicit Types (N : 'M[R]_n) (S : {set 'I_n}) (s t y : 'rV[R]_n).

Lemma principal_minor_rows N S :
  minor N S = \det (\matrix_(i, j) if i \in S then N i j else (i == j)%:R).
Proof.
apply: eq_bigr => s _; congr (_ * _).
have [/forallP fix_s | /forallPn[i]] := boolP [forall i, (i \in S) || (i == s i)].
  apply: eq_bigr => i _; rewrite !mxE; case: (boolP (i \in S)) => //= iS.
  case: ifPn => // siS; have := fix_s (s i); rewrite (negbTE siS) (inj_eq perm_inj) /=.
  by move=> /eqP si; rewrite -si iS in siS.
rewrite negb_or => /andP[/negbTE iS /negbTE si].
by rewrite (bigD1 i) // [RHS](bigD1 i) //= !mxE iS si !mul0r.
Qed.

Lemma principal_minor_scalar (c : R) S : minor c%:M S = c ^+ #|S|.
Proof.
pose y : 'rV[R]_n := \row_i if i \in S then c else 1.
have -> : minor c%:M S = \det (diag_mx y).
  rewrite principal_minor_rows; congr (\det _); apply/matrixP => i j; rewrite !mxE.
  by case: ifP => // _; rewrite mulr1n.
by rewrite det_diag -prodr_const [RHS]big_mkcond; apply: eq_bigr => i _; rewrite mxE.
Qed.

(* A row that is y in S and 1 outside. *)
Lemma det_within y S :
  \det (diag_mx (\row_i if i \in S then y 0 i else 1)) = \prod_(i in S) y 0 i.
Proof. by rewrite det_diag [RHS]big_mkcond; apply: eq_bigr => i _; rewrite mxE. Qed.

Lemma principal_minor_mull y N S :
  minor (diag_mx y *m N) S = (\prod_(i in S) y 0 i) * minor N S.
Proof.
rewrite !principal_minor_rows -det_within -det_mulmx; congr (\det _).
by apply/matrixP => i j; rewrite !mul_diag_mx !mxE; case: ifP; rewrite ?mul1r.
Qed.

Lemma principal_minor_mulr y N S :
  minor (N *m diag_mx y) S = (\prod_(i in S) y 0 i) * minor N S.
Proof.
have tr M : minor M S = minor M^T S.
  rewrite /minor -det_tr; congr (\det _); apply/matrixP => i j.
  by rewrite !mxE andbC eq_sym.
by rewrite tr trmx_mul tr_diag_mx principal_minor_mull -tr.
Qed.

Lemma det_add_diag y N :
  \det (diag_mx y + N) = \sum_(S : {set 'I_n}) (\prod_(i in ~: S) y 0 i) * minor N S.
Proof.
transitivity (\sum_(S : {set 'I_n}) \det (\matrix_(i, j) if i \in S then N i j else diag_mx y i j)).
  rewrite exchange_big; apply: eq_bigr => s _; rewrite -big_distrr; congr (_ * _).
  under eq_bigr do rewrite mxE addrC.
  by rewrite bigA_distr; apply: eq_big => // S _; apply: eq_bigr => i _; rewrite [RHS]mxE.
apply: eq_bigr => S _; rewrite principal_minor_rows -det_within -det_mulmx.
congr (\det _); apply/matrixP => i j; rewrite mul_diag_mx !mxE inE.
by case: ifP; rewrite ?mul1r ?mulr_natr.
Qed.
End PrincipalMinors.

Theorem coef_char_poly (R : comRingType) n (N : 'M[R]_n) k : (k <= n)%N ->
  (char_poly N)`_(n - k) = (-1) ^+ k * \sum_(S : {set 'I_n} | #|S| == k) minor N S.
Proof.
move=> kn; rewrite /char_poly /char_poly_mx -diag_const_mx det_add_diag coef_sum.
rewrite big_distrr [RHS]big_mkcond; apply: eq_bigr => S _ /=.
have -> : minor (- map_mx polyC N) S = ((-1) ^+ #|S| * minor N S)%:P.
  rewrite -scaleN1r -mul_scalar_mx -diag_const_mx principal_minor_mull.
  under eq_bigr do rewrite mxE; rewrite prodr_const polyCM rmorphXn rmorphN1 -det_map_mx.
  congr (_ * \det _); apply/matrixP => i j; rewrite !mxE.
  by case: ifP; rewrite // rmorph_nat.
under eq_bigr do rewrite mxE; rewrite prodr_const coefMC coefXn.
have -> : (n - k == #|~: S|)%N = (#|S| == k).
  have := cardsC S; rewrite card_ord -(eqn_add2r k) subnK // => {1}<-.
  by rewrite addnC eqn_add2l.
by case: eqP => [->|]; rewrite ?mul1r ?mul0r.
Qed.
