(* Five shears do not suffice, over any field.

   Main results
     ULULU_block_upper    if U X * L Y * U Z * L W * U V = [A B; 0 D], then
                          D = 1 + Y Z and (1 + Z Y) A = 1
     LULUL_block_lower    the same of the other order, if it is [A 0; C D]
     square_zero          so diag(A, 1) is such a product only if (A - 1)^2 = 0
     five_not_enough      for n >= 2 some matrix of determinant 1 is a product
                          of at most five shears, in any order
     minus_one_not_five   nor is diag(-1, 1), if 2 != 0 in the field

   Plan.  D = 1 + Y Z and A^-1 = 1 + Z Y can differ only in the way in which Y Z
   and Z Y do (Flanders 1951).  For D = 1 this says Y Z = 0, so Z Y squares to 0.
   The other order follows by transposition.

   References.  J. Urschel, Representing the special linear group with block
   unitriangular matrices, 2024; H. Flanders 1951 (Y Z versus Z Y). *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix mxalgebra.
From exactflow Require Import shears words.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Obstruction.
Variables (R : comUnitRingType) (n : nat).
Implicit Types A B D X Y Z W V : 'M[R]_n.

Lemma ULULU_block_upper A B D X Y Z W V :
  U X *m L Y *m U Z *m L W *m U V = block_mx A B 0 D ->
  D = 1%:M + Y *m Z /\ (1%:M + Z *m Y) *m A = 1%:M.
Proof.
rewrite (mul_ULULU X V erefl erefl) => /eq_block_mx[hA _ hC].
rewrite hC mul0mx addr0 => hD; split=> //; rewrite -hA hC mulmx0 addr0.
have -> : (1%:M + Z *m Y) *m (1%:M + Z *m W)
  = 1%:M + Z *m (Y + (1%:M + Y *m Z) *m W) by expand; sums.
by rewrite hC mulmx0 addr0.
Qed.

(* The other order, if the upper right block is 0, by transposition. *)
Lemma LULUL_block_lower A C D X Y Z W V :
  L X *m U Y *m L Z *m U W *m L V = block_mx A 0 C D ->
  D = 1%:M + Z *m W /\ (1%:M + W *m Z) *m A = 1%:M.
Proof.
move/(congr1 trmx); rewrite !trmx_mul !tr_U !tr_L !mulmxA tr_block_mx !trmx0.
case/ULULU_block_upper => /(congr1 trmx) + /(congr1 trmx).
rewrite trmx_mul ![(_ + _)^T]linearD /= !trmx_mul !trmxK !tr_scalar_mx => ->.
by move/mulmx1C.
Qed.

Lemma square_zero A Y Z : 1%:M = 1%:M + Y *m Z -> (1%:M + Z *m Y) *m A = 1%:M ->
  (A - 1%:M) *m (A - 1%:M) = 0.
Proof.
rewrite -{1}[1%:M]addr0 => /addrI/esym YZ hA.
have YA : Y *m A = Y.
  by rewrite -[RHS]mulmx1 -hA mulmxA mulmxDr mulmx1 mulmxA YZ mul0mx addr0.
have -> : A - 1%:M = - (Z *m Y).
  by rewrite -[1%:M]hA mulmxDl mul1mx -mulmxA YA opprD addNKr.
by rewrite mulNmx mulmxN opprK -mulmxA (mulmxA Y) YZ mul0mx mulmx0.
Qed.

Lemma ULULU_square_zero A X Y Z W V :
  U X *m L Y *m U Z *m L W *m U V = block_mx A 0 0 1%:M ->
  (A - 1%:M) *m (A - 1%:M) = 0.
Proof. by case/ULULU_block_upper; apply: square_zero. Qed.

Lemma LULUL_square_zero A X Y Z W V :
  L X *m U Y *m L Z *m U W *m L V = block_mx A 0 0 1%:M ->
  (A - 1%:M) *m (A - 1%:M) = 0.
Proof. by case/LULUL_block_lower; apply: square_zero. Qed.
End Obstruction.

(* The example is diag(A, 1) with A = diag([0 1; -1 1], 1). *)
Theorem five_not_enough (F : fieldType) n : exists2 M : 'M[F]_(n.+2 + n.+2), \det M = 1 &
  forall Ks : seq 'M_(n.+2 + n.+2), (forall K, K \in Ks -> shear K) -> (size Ks <= 5)%N ->
  M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
pose A2 : 'M[F]_(1 + 1) := U 1%:M *m L (- 1%:M).
pose A : 'M[F]_(2 + n) := block_mx A2 0 0 1%:M.
have A2_sq : (A2 - 1%:M) *m (A2 - 1%:M) != 0.
  have -> : A2 = block_mx 0 1%:M (- 1%:M) 1%:M.
    by rewrite /A2 /L mul_U mul1mx mulmx1 add0r subrr.
  rewrite scalar_mx_block opp_block_mx add_block_mx !subr0 !add0r subrr.
  rewrite mulmx_block !mulmx0 mulmx1 !addr0 -block_mx0.
  apply/eqP => /eq_block_mx[_ /matrixP/(_ 0 0)/eqP + _ _].
  by rewrite !mxE eqxx oppr_eq0 oner_eq0.
have A_sq : (A - 1%:M) *m (A - 1%:M) != 0.
  rewrite /A scalar_mx_block opp_block_mx add_block_mx !subr0 subrr.
  rewrite mulmx_block !mulmx0 !addr0; apply: contra A2_sq.
  by rewrite -block_mx0 => /eqP/eq_block_mx[->].
have dA2 : \det A2 = 1 by rewrite det_mulmx det_U det_L mulr1.
have dA : \det A = 1 by rewrite det_ublock det1 mulr1.
exists (block_mx A 0 0 1%:M) => [|Ks shears five]; first by rewrite det_ublock det1 mulr1.
case: (five_in_any_order shears five) => [] [X [Y [Z [W [V ->]]]]] /esym.
  by move/ULULU_square_zero/eqP; apply/negP.
by move/LULUL_square_zero/eqP; apply/negP.
Qed.

Corollary minus_one_not_five (F : fieldType) n (X Y Z W V : 'M[F]_n.+1) :
  (2 : F) != 0 ->
  block_mx (- 1%:M) 0 0 1%:M <> U X *m L Y *m U Z *m L W *m U V /\
  block_mx (- 1%:M) 0 0 1%:M <> L X *m U Y *m L Z *m U W *m L V.
Proof.
move=> two.
have sq : (- 1%:M - 1%:M) *m (- 1%:M - 1%:M) != 0 :> 'M[F]_n.+1.
  rewrite -opprD mulNmx mulmxN opprK -raddfD -scalar_mxM /=.
  apply/eqP => /matrixP/(_ 0 0)/eqP; rewrite !mxE eqxx mulr1n mulf_eq0.
  by rewrite (negbTE two).
split=> /esym; [move/ULULU_square_zero | move/LULUL_square_zero] => /eqP;
  exact/negP.
Qed.

(* For even n the matrix diag(-1, 1) has determinant 1. *)
Lemma det_minus_one (R : comUnitRingType) n :
  \det (block_mx (- 1%:M) 0 0 1%:M : 'M[R]_(n + n)) = (- 1) ^+ n.
Proof. by rewrite det_ublock det1 mulr1 -scaleN1r detZ det1 mulr1. Qed.
