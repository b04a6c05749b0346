(* Couplings with positive scales: which matrices are products of them, and of how many. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype bigop.
From mathcomp Require Import finset perm ssralg ssrnum zmodp poly matrix mxalgebra mxpoly.
From exactflow.certificates Require Import shears words couplings.
From exactflow Require Import six partitions odd_dimension.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Local Open Scope ring_scope.

(* Positive scales: affine couplings, not only additive ones.

   A coupling is [S X; 0 1] or [1 0; Y S], with S diagonal and positive.

   Main results
     six_couplings           if matrices of determinant 1 are products of six shears,
                             one of nonzero determinant is of six couplings, five of
                             them additive; the scale of the sixth is \det M in one
                             entry and 1 in the others
     det_couplings_gt0       a product of any number of couplings has a positive
                             determinant, for any split p + q
     det_gt0P                so, for q = p and q = p + 1, the products of couplings are
                             the matrices of positive determinant

   Reference.  Koehler, Mehta, Risteski, ICML 2021, arXiv:2010.01155. *)
(* One scale is enough. *)
Definition first_entry (R : comUnitRingType) n (a : R) : 'rV_n.+1 :=
  \row_i (if i == 0 then a else 1).

Lemma det_first_entry (R : comUnitRingType) n (a : R) :
  \det (diag_mx (first_entry n a)) = a.
Proof.
rewrite det_diag (bigD1 ord0) //= mxE eqxx big1 ?mulr1 // => i /negbTE i0.
by rewrite mxE i0.
Qed.

Theorem six_couplings (F : numFieldType) p q (M : 'M[F]_(p + q.+1)) :
  (forall N : 'M[F]_(p + q.+1), \det N = 1 -> exists W0 X Y Z W V,
     N = L W0 *m U X *m L Y *m U Z *m L W *m U V) ->
  \det M != 0 ->
  exists W0 X Y Z W V,
    M = scaled_L (first_entry q (\det M)) W0 *m
        U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> six dM; set S := diag_mx (first_entry q (\det M)).
pose T : 'M[F]_(p + q.+1) := block_mx 1%:M 0 0 S.
have dT : \det T = \det M by rewrite det_ublock det1 mul1r det_first_entry.
have uT : T \in unitmx by rewrite unitmxE dT unitfE.
have : \det (invmx T *m M) = 1 by rewrite det_mulmx det_inv dT mulVf.
case/six => W0 [X [Y [Z [W [V e]]]]].
exists (S *m W0), X, Y, Z, W, V.
have -> : scaled_L (first_entry q (\det M)) (S *m W0) = T *m L W0.
  by rewrite /T /L; blocks.
by rewrite -[LHS](mulKVmx uT) e !mulmxA.
Qed.

Section PositiveScales.
Variable F : numFieldType.

Lemma det_diag_gt0 n (s : 'rV[F]_n) : (forall i, 0 < s 0 i) -> 0 < \det (diag_mx s).
Proof. by move=> s_gt0; rewrite det_diag prodr_gt0. Qed.

Theorem det_couplings_gt0 p q (Ks : seq 'M[F]_(p + q)) :
  (forall K, K \in Ks -> coupling K) -> 0 < \det (\big[mulmx/1%:M]_(K <- Ks) K).
Proof.
elim: Ks => [|K Ks IH] hK; first by rewrite big_nil det1.
rewrite big_cons det_mulmx mulr_gt0 ?IH // => [|K' K'Ks]; last first.
  by apply: hK; rewrite inE K'Ks orbT.
have [[s [X [s_gt0 ->]]]|[s [Y [s_gt0 ->]]]] := hK K (mem_head _ _).
  by rewrite det_ublock det1 mulr1 det_diag_gt0.
by rewrite det_lblock det1 mul1r det_diag_gt0.
Qed.

Lemma coupling_U p q (X : 'M[F]_(p, q)) : coupling (U X).
Proof.
left; exists (const_mx 1), X; split=> [i|]; first by rewrite mxE ltr01.
by rewrite diag_const_mx.
Qed.

Lemma coupling_L p q (Y : 'M[F]_(q, p)) : coupling (L Y).
Proof.
right; exists (const_mx 1), Y; split=> [i|]; first by rewrite mxE ltr01.
by rewrite diag_const_mx.
Qed.

Theorem det_gt0P e n (M : 'M[F]_(n + (e + n))) : (e <= 1)%N -> (0 < e + n)%N ->
  0 < \det M <->
  exists Ks : seq 'M[F]_(n + (e + n)), [/\ size Ks = 6, forall K, K \in Ks -> coupling K &
                 M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof.
move=> e1 en; split=> [dM | [Ks [_ hK ->]]]; last exact: det_couplings_gt0.
have [s us large] := num_seq F n.+1.
have six (N : 'M[F]_(n + (e + n))) dN := six_every_LULULU us large (M := N) e1 dN.
case: (e + n)%N (prednK en) M dM six => // q _ M dM six.
have [|W0 [X [Y [Z [W [V h]]]]]] := six_couplings six (M := M); first by rewrite gt_eqF.
exists [:: scaled_L (first_entry q (\det M)) W0; U X; L Y; U Z; L W; U V]; split=> //.
  move=> K; rewrite !inE => /or4P[||| /or3P[]] /eqP ->; try exact: coupling_U;
    try exact: coupling_L.
  right; do 2!eexists; split; last by []; move=> i; rewrite mxE.
  by case: eqP => // _; apply: ltr01.
by rewrite !big_cons big_nil mulmx1 !mulmxA -h.
Qed.
End PositiveScales.

(* Three affine couplings: when C is invertible, a diagonal equivalence.

   Main results
     three_affine_normal   scales move to the middle: U L U with scales is a
                           product U X, [E 0; Y D], U Z
     three_affine          if C is invertible, M = [A B; C D] is such a product
                           with the scales E, Delta iff
                           E C^-1 Delta = A C^-1 D - B
     schur_of_inverse      that matrix is -c^-1, c the lower left block of M^-1 *)
Section ThreeAffine.
Variables (R : comUnitRingType) (n : nat).
Implicit Types A B C D E X Y Z : 'M[R]_n.

(* affine couplings with the scales S, one after the other *)
Theorem three_affine_normal (S1 S2 S3 : 'M[R]_n) X Y Z :
  S3 \in unitmx ->
  block_mx S1 X 0 1%:M *m block_mx 1%:M 0 Y S2 *m block_mx S3 Z 0 1%:M
  = U X *m block_mx (S1 *m S3) 0 (Y *m S3) S2 *m U (invmx S3 *m Z).
Proof.
move=> u3; rewrite /U !mulmx_block !(mulmx1, mul1mx, mulmx0, mul0mx, addr0, add0r).
by congr block_mx; rewrite ?mulmxDl !mulmxA ?mulmxK // -?mulmxA ?mulmxA.
Qed.

Theorem three_affine A B C D E Delta : C \in unitmx ->
  (exists X Z, block_mx A B C D = U X *m block_mx E 0 C Delta *m U Z) <->
  E *m invmx C *m Delta = A *m invmx C *m D - B.
Proof.
move=> uC; rewrite /U; split=> [[X [Z]]|eqS].
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

(* Four affine couplings: what they force on the blocks of a matrix and its inverse.

   Main results
     char_poly_YZ    1 + Y Z and 1 + Z Y have one characteristic polynomial
     rank_YZ         and g (1 + Y Z) and g (1 + Z Y) one rank, for every polynomial
                     g with g(1) != 0: they are similar but for the eigenvalue 1
     four_affine     if M = U X * L Y * U Z * L W * diag(E, Delta), then D Delta^-1
                     and E a are such a pair, D and a being the lower right block
                     of M and the upper left block of its inverse

   References.  Sylvester's determinant identity; H. Flanders 1951. *)
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
  by rewrite /char_poly_mx map_mxD map_mx1 map_mxM opprD addrA -scalar_mxB.
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

   Plan.  Leibniz: if the rows outside S are those of the identity, a permutation
   that counts fixes what is outside S, so the columns do not matter; and a product
   of sums over all rows is the sum over S of the products that take N in S. *)
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
  under eq_bigr do rewrite mxE; rewrite prodr_const polyCM polyC_exp polyCN -det_map_mx.
  congr (_ * \det _); apply/matrixP => i j; rewrite !mxE.
  by case: ifP; rewrite // rmorph_nat.
under eq_bigr do rewrite mxE; rewrite prodr_const coefMC coefXn.
have -> : (n - k == #|~: S|)%N = (#|S| == k).
  have := cardsC S; rewrite card_ord -(eqn_add2r k) subnK // => {1}<-.
  by rewrite addnC eqn_add2l.
by case: eqP => [->|]; rewrite ?mul1r ?mul0r.
Qed.

(* Opposed minors: how many couplings with positive scales are not enough.

   D and a are opposed at k if, up to one common factor, the principal k-minors of
   D are >= 0, those of a are <= 0, and not all of them vanish.  Below D is the
   lower right block of M, and a the upper left block of its inverse; A and d are
   the other two.

   Main results
     opposed_not_four       if D and a are opposed, M is no product of couplings
                            U L U L;
     opposed_not_five       nor of U L U L U, if C = 0
     opposed_need_five      if D and a, and also A and d, are opposed, M is no product
                            of four couplings or fewer, in any order
     opposed_need_six       if B = C = 0 and D and a are opposed, of five or fewer
     minus_one_need_six     so diag(-1, 1) needs six;
     block_ones_need_five   [1 1; 2 1] in n x n blocks needs five,
     block_ones_five        and is five shears if n is even;
     twos_need_six          diag(1, D) needs six, D being 1 on the diagonal and 2
                            elsewhere: opposed at 2, but not at 1

   Plan.  A product of m couplings is one of m alternating shears times a positive
   diagonal matrix (couplings_word).  By word4P and word5_upper, D Delta = 1 + Y Z and
   E a = 1 + Z Y for some Y and Z and positive diagonal E and Delta.  The sums of the k-minors of 1 + Y Z and 1 + Z Y agree, being
   coefficients of one polynomial; positive scales leave the signs of the minors.
   Exchanging the two halves exchanges U and L, A and D, a and d.

   Reference.  Koehler, Mehta, Risteski, ICML 2021, arXiv:2010.01155. *)
Section OpposedMinors.
Variables (F : numFieldType) (n : nat).
Implicit Types (A B C D X Y Z W a d : 'M[F]_n) (s t : 'rV[F]_n) (M N : 'M[F]_(n + n)).

(* What the blocks of a product satisfy, and what opposed minors exclude. *)
Definition tied D a := exists s t Y Z, [/\ positive_row s, positive_row t,
  D *m diag_mx t = 1%:M + Y *m Z & diag_mx s *m a = 1%:M + Z *m Y].

Lemma opposed_not_tied k D a : opposed k D a -> ~ tied D a.
Proof.
move=> [z z0 [signs [S Sk nz]]] [s [t [Y [Z [s_gt0 t_gt0 eD ea]]]]].
have kn : (k <= n)%N by rewrite -Sk -[X in (_ <= X)%N]card_ord max_card.
have prod_gt0 (T : {set 'I_n}) (r : 'rV[F]_n) : positive_row r -> 0 < \prod_(i in T) r 0 i.
  by move=> r_gt0; apply: prodr_gt0.
have {}signs (T : {set 'I_n}) : #|T| == k ->
    0 <= z * minor (1%:M + Y *m Z) T /\ z * minor (1%:M + Z *m Y) T <= 0.
  move=> /eqP/signs[D_ge0 a_le0]; split.
    by rewrite -eD principal_minor_mulr mulrCA pmulr_rge0 ?prod_gt0.
  by rewrite -ea principal_minor_mull mulrCA pmulr_rle0 ?prod_gt0.
have /(congr1 ( *%R z))/eqP : \sum_(T : {set 'I_n} | #|T| == k) minor (1%:M + Y *m Z) T =
    \sum_(T : {set 'I_n} | #|T| == k) minor (1%:M + Z *m Y) T.
  by apply: (mulfI (negbT (signr_eq0 F k))); rewrite -!(coef_char_poly _ kn) char_poly_YZ.
rewrite -subr_eq0 !big_distrr -sumrB psumr_eq0 => [|T /signs[]]; last first.
  by rewrite -oppr_ge0; apply: addr_ge0.
move/eqP/signs: (Sk) => [D_ge0 a_le0] /allP/(_ S (mem_index_enum _)); rewrite Sk eqxx /=.
rewrite paddr_eq0 ?oppr_ge0 // oppr_eq0 !mulf_eq0 (negbTE z0) /= -eD -ea.
rewrite principal_minor_mulr principal_minor_mull !mulf_eq0.
rewrite (gt_eqF (prod_gt0 S _ t_gt0)) (gt_eqF (prod_gt0 S _ s_gt0)) /=.
by case/andP=> D0 a0; rewrite D0 a0 in nz.
Qed.

(* Four letters, U first; five if C = 0, or in the other order if B = 0. *)
Lemma word_four A B C D a b c d : scaled_word true 4 (block_mx A B C D) ->
  block_mx A B C D *m block_mx a b c d = 1%:M -> tied D a.
Proof.
move=> /unscaled_word[s [t [s0 t0 w]]] /(scaled_inverse s0 t0).
rewrite block_scales in w *; case/word4P/(_ w) => _ [Y [Z [_ [eD ea _ _]]]].
by exists (inv_row s), t, Y, Z; split=> //; apply: inv_row_gt0.
Qed.

Lemma word_five u A B C D a b c d : scaled_word u 5 (block_mx A B C D) ->
  block_mx A B C D *m block_mx a b c d = 1%:M -> (if u then C else B) = 0 -> tied D a.
Proof.
move=> /unscaled_word[s [t [s0 t0 w]]] /(scaled_inverse s0 t0).
rewrite block_scales in w *; case: u w => w inv /= e; rewrite e mul0mx in w inv.
  have [Y [Z [eD ea]]] := word5_upper inv w.
  by exists (inv_row s), t, Y, Z; split=> //; apply: inv_row_gt0.
have [Y [Z [eD ea]]] := word5_lower inv w.
by exists (inv_row s), t, Y, Z; split=> //; apply: inv_row_gt0.
Qed.

(* The theorems, for M = [A B; C D] with the inverse [a b; c d]. *)
Section Theorems.
Variables A B C D a b c d : 'M[F]_n.
Hypothesis inv : block_mx A B C D *m block_mx a b c d = 1%:M.

Theorem opposed_not_four k s1 s2 s3 s4 X Y Z W : opposed k D a ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) ->
  block_mx A B C D <> scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W.
Proof.
move=> opp s_gt0 e; case: (opposed_not_tied opp); apply: word_four inv.
rewrite e -!mulmxA -[scaled_L s4 W]mulmx1; apply: scaled_word_U; last apply: scaled_word_L;
  last apply: scaled_word_U; last apply: scaled_word_L (scaled_word1 _ _ _ true 0); by move=> i; case/and4P: (s_gt0 i).
Qed.

Theorem opposed_not_five k s1 s2 s3 s4 s5 X Y Z W V : opposed k D a -> C = 0 ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i]) ->
  block_mx A B C D <> scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W *m
                      scaled_U s5 V.
Proof.
move=> opp C0 s_gt0 e; case: (opposed_not_tied opp); apply: (word_five (u := true)) inv C0.
rewrite e -!mulmxA -[scaled_U s5 V]mulmx1; apply: scaled_word_U; last apply: scaled_word_L;
  last apply: scaled_word_U; last apply: scaled_word_L; last apply: scaled_word_U (scaled_word1 _ _ _ false 0);
  by move=> i; case/and5P: (s_gt0 i).
Qed.

Theorem opposed_need_five k l (Ks : seq 'M[F]_(n + n)) : opposed k D a -> opposed l A d ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 4)%N ->
  block_mx A B C D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> oppDa oppAd hK /(couplings_word hK) [[]] + e; rewrite -e.
  by move=> w; apply: opposed_not_tied oppDa (word_four w inv).
have := congr1 (@swap _ _ _) inv; rewrite swap_mul scalar_mx_block !swap_block -scalar_mx_block => inv'.
move/scaled_word_swap; rewrite swap_block => w.
exact: opposed_not_tied oppAd (word_four w inv').
Qed.
End Theorems.

(* Four couplings: all scales at the end. *)
Theorem scales_last s1 s2 s3 s4 X Y Z W :
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) ->
  exists X' Y' Z' W' s t, [/\ positive_row s, positive_row t &
    scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W =
    U X' *m L Y' *m U Z' *m L W' *m scales s t].
Proof.
move=> s_gt0; have : scaled_word true 4 (scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W).
  rewrite -!mulmxA -[scaled_L s4 W]mulmx1; apply: scaled_word_U; last apply: scaled_word_L;
    last apply: scaled_word_U; last apply: scaled_word_L (scaled_word1 _ _ _ true 0); by move=> i; case/and4P: (s_gt0 i).
move=> [_ [s [t [[_ [_ [[X' ->] [_ [_ [[Y' ->] [_ [_ [[Z' ->] [_ [_ [[W' ->] /= -> ->]]] ->]]] ->]]] ->]]] s0 t0 ->]]]].
by exists X', Y', Z', W', s, t; rewrite mulmx1 !mulmxA.
Qed.

Theorem opposed_need_six k A D (Ks : seq 'M[F]_(n + n)) : opposed k D (invmx A) ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 5)%N ->
  block_mx A 0 0 D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> opp hK /(couplings_word hK)[b] + e; rewrite -e => w.
have : \det (block_mx A 0 0 D) != 0 by rewrite e gt_eqF ?det_couplings_gt0.
rewrite det_ublock mulf_eq0 negb_or -!unitfE -!unitmxE => /andP[uA uD].
apply: opposed_not_tied opp (word_five (b := 0) (c := 0) (d := invmx D) w _ (if_same _ _)).
by blocks; rewrite !mulmxV // -scalar_mx_block.
Qed.

(* Examples. *)
Lemma opposed_scalars (u : F) : (0 < n)%N -> u != 0 -> opposed 1 (u%:M : 'M[F]_n) (- u)%:M.
Proof.
move=> n_gt0 u0; exists u^-1; first by rewrite invr_eq0.
split=> [S S1 |]; rewrite ?principal_minor_scalar ?S1.
  by rewrite mulrN mulVf // oppr_le0 ler01.
by exists [set Ordinal n_gt0]; rewrite ?cards1 // principal_minor_scalar cards1 expr1 u0.
Qed.

Theorem minus_one_need_six (Ks : seq 'M[F]_(n + n)) : (0 < n)%N ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 5)%N ->
  block_mx (- 1%:M) 0 0 1%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> n_gt0; apply: (@opposed_need_six 1); rewrite -scaleN1r scalemx1 invmx_scalar invrN1.
exact: opposed_scalars (oner_neq0 F).
Qed.

(* [1 1; 2 1] in blocks: the inverse is [-1 1; 2 -1]. *)
Theorem block_ones_need_five (Ks : seq 'M[F]_(n + n)) : (0 < n)%N ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 4)%N ->
  block_mx 1%:M 1%:M 2%:M 1%:M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> n_gt0; have opp := opposed_scalars n_gt0 (oner_neq0 F).
apply: (opposed_need_five (b := 1%:M) (c := 2%:M) _ opp opp).
rewrite mulmx_block -!scalar_mxM -!raddfD /= scalar_mx_block.
congr block_mx; rewrite !(mulr1, mul1r, mulrN1) ?addNr ?subrr ?raddf0 //.
  by rewrite [2]mulr2n addKr.
by rewrite [2]mulr2n addrK.
Qed.

Theorem block_ones_five : ~~ odd n -> exists X Y Z W V : 'M[F]_n,
  block_mx 1%:M 1%:M 2%:M 1%:M = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> even; have [s us large] := num_seq F n; apply: (five_ULULU us large).
  by rewrite block_mxKdl unitmxE det_scalar unitfE expf_neq0 ?pnatr_eq0.
have <- : L 2%:M *m block_mx 1%:M 1%:M 0 (- 1)%:M
  = block_mx 1%:M 1%:M 2%:M 1%:M :> 'M[F]_(n + n).
  by rewrite mul_L !mulmx1 add0r -raddfD /= [2]mulr2n addKr.
by rewrite det_mulmx det_L det_ublock det1 !mul1r det_scalar -signr_odd (negbTE even).
Qed.

(* diag(1, D), where D has 1 on the diagonal and 2 elsewhere: its diagonal entries
   are not opposed to those of 1, but the 2-minors, 1 - 4 = -3, are. *)
Lemma minor_ones (x : F) (S : {set 'I_n}) :
  minor (const_mx x - 1%:M) S = (-1) ^+ #|S| * (1 - x *+ #|S|).
Proof.
pose v : 'rV[F]_n := \row_i (i \in S)%:R; pose u := x *: v^T.
pose s : 'rV[F]_n := \row_i (-1) ^+ (i \in S).
have -> : minor (const_mx x - 1%:M) S = \det (diag_mx s + u *m v).
  congr (\det _); apply/matrixP => i j; rewrite !mxE big_ord1 !mxE.
  by case: eqP => [<-|_]; case: (i \in S); case: (j \in S); rewrite /= ?mulr1n ?mulr0n
    ?(mulr0, mulr1, addr0, add0r, subr0) // addrC.
have ss : diag_mx s *m diag_mx s = 1%:M.
  rewrite mulmx_diag -diag_const_mx; congr diag_mx; apply/rowP => i.
  by rewrite !mxE -signr_addb addbb.
have <- : \det (diag_mx s) = (-1) ^+ #|S|.
  rewrite det_diag -prodr_const [RHS]big_mkcond; apply: eq_bigr => i _.
  by rewrite mxE; case: (i \in S).
have <- : \det (1%:M + v *m diag_mx s *m u) = 1 - x *+ #|S|.
  rewrite det_mx11 !mxE /= -sumr_const [in RHS]big_mkcond -sumrN; congr (_ + _).
  apply: eq_bigr => i _; rewrite mul_mx_diag !mxE; case: (i \in S).
    by rewrite !mul1r mulr1 mulN1r.
  by rewrite mulr0 mulr0 oppr0.
pose N := block_mx (diag_mx s) (- u) v 1%:M.
transitivity (\det N).
  rewrite -[RHS]mul1r -(det_U u) -det_mulmx mul_U mulmx1 addNr.
  by rewrite det_lblock det1 mulr1.
rewrite -[LHS]mul1r -{1}(det_L (- (v *m diag_mx s))) -det_mulmx mul_L !mulNmx.
by rewrite -(mulmxA v _ (diag_mx s)) ss mulmx1 subrr det_ublock mulmxN opprK.
Qed.

Lemma det_twos : \det (const_mx 2 - 1%:M : 'M[F]_n) = (-1) ^+ n * (1 - 2 *+ n).
Proof.
have := minor_ones 2 [set: 'I_n]; rewrite cardsT card_ord => <-; congr (\det _).
by apply/matrixP=> i j; rewrite [RHS]mxE !inE.
Qed.

Theorem twos_need_six (Ks : seq 'M[F]_(n + n)) : (1 < n)%N ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 5)%N ->
  block_mx 1%:M 0 0 (const_mx 2 - 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> n_gt1; apply: (@opposed_need_six 2); exists (-1); first by rewrite oppr_eq0 oner_neq0.
have e (S : {set 'I_n}) : #|S| = 2 -> minor (const_mx 2 - 1%:M) S = -3%:R :> F.
  move=> S2; rewrite minor_ones S2 sqrrN expr1n mul1r -mulrnA.
  by rewrite (mulrSr _ 3) opprD addrCA subrr addr0.
rewrite invmx1; split=> [S S2|].
  by rewrite e // principal_minor_scalar expr1n !mulN1r opprK ler0n oppr_le0 ler01.
exists [set Ordinal (ltnW n_gt1); Ordinal n_gt1]; first by rewrite cards2.
by rewrite principal_minor_scalar expr1n oner_neq0 orbT.
Qed.
End OpposedMinors.

(* diag(A, -1) on halves p and q with k p < q: 1 is no eigenvalue of -1 times positive scales. *)
Theorem minus_one_needs_more (F : numFieldType) p q k (A : 'M[F]_p) (Ks : seq 'M[F]_(p + q)) :
  (k * p < q)%N -> (forall K, K \in Ks -> coupling K) -> (size Ks <= k.+1.*2.+1)%N ->
  block_mx A 0 0 (- 1%:M) <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> small hK /(couplings_word hK)[b] + e; rewrite -e => /unscaled_word[s [t [_ t0]]].
rewrite block_scales !mul0mx; apply: (unequal_diagonal_word small).
rewrite mulNmx mul1mx -opprD -diag_const_mx -(raddfD (@diag_mx F q)) -scaleN1r.
rewrite unitmxZ ?unitrN1 // unitmxE unitfE gt_eqF // det_diag_gt0 // => i.
by rewrite !mxE addr_gt0 ?ltr01 //; apply: t0.
Qed.

(* Six is sharp in every dimension that is at least 3. *)
Theorem six_couplings_sharp (F : numFieldType) e n : (e <= 1)%N -> (2 < n + (e + n))%N ->
  exists2 M : 'M[F]_(n + (e + n)), 0 < \det M &
    forall Ks : seq 'M[F]_(n + (e + n)), (forall K, K \in Ks -> coupling K) ->
    (size Ks <= 5)%N -> M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
case: e => [|[|//]] _; rewrite ?add0n ?add1n; last first.
  case: n => // n _; pose a : F := (-1) ^+ n.+2.
  exists (block_mx (diag_mx (first_entry n a)) 0 0 (- 1%:M)) => [|Ks].
    rewrite det_ublock det_first_entry -scaleN1r detZ det1 mulr1 /a -exprMn mulrN1 opprK expr1n.
    exact: ltr01.
  by apply: (@minus_one_needs_more F n.+1 n.+2 1); rewrite mul1n.
case: n => [|[|n]] // _; have [odd_n|even_n] := boolP (odd n).
  exists (block_mx 1%:M 0 0 (const_mx 2 - 1%:M)) => [|Ks]; last exact: twos_need_six.
  rewrite det_ublock det1 mul1r det_twos -signr_odd /= negbK odd_n expr1 mulN1r opprB.
  by rewrite subr_gt0 -mulrnA ltr1n mul2n !doubleS.
exists (block_mx (- 1%:M) 0 0 1%:M) => [|Ks]; last exact: minus_one_need_six.
by rewrite det_minus_one -signr_odd /= negbK (negbTE even_n) expr0 ltr01.
Qed.
