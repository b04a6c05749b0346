(* Shears: additive coupling layers as block matrices, and products of them in any order.

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
     word b m M     M is a product of m alternating shears, U first if b
     shears_alternate   a product of at most m shears, in any order, is a word of m letters
     pairs_of_UL, pairs_of_LU   a word of an even number of letters, in pairs
     word_swap      exchanging the halves exchanges U and L

   Then, over a field: what words of up to five letters fulfil; and couplings with positive scales,
   which are words times a positive diagonal matrix.

   References.  The layers: Koehler, Mehta, Risteski, Representational aspects
   of depth and conditioning in normalizing flows, ICML 2021, arXiv:2010.01155. *)
From HB Require Import structures.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype bigop.
From mathcomp Require Import ssralg ssrnum zmodp poly matrix mxalgebra mxpoly.
From exactflow.certificates Require Export definitions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Local Open Scope ring_scope.

(* sums: two sums are equal up to the order of their terms.
   expand: multiply out, and drop factors 1 and terms 0; blocks: the same block by block. *)
Local Ltac sums := rewrite -[LHS]addr0 -[RHS]addr0 -?addrA;
  repeat match goal with
  | |- ?x = ?x => reflexivity
  | |- ?a + _ = ?a + _ => congr (_ + _)
  | |- ?a + _ = _ => rewrite [in RHS](addrCA _ a)
  end.
Ltac blocks := repeat progress
  rewrite ?mulmx_block ?mulmx0 ?mul0mx ?mulmx1 ?mul1mx ?addr0 ?add0r.
Ltac expand := repeat progress
  rewrite ?mulmxDl ?mulmxDr ?mulmxBl ?mulmxBr ?mulmxN ?mulNmx ?mulmx0 ?mul0mx ?mulmx1 ?mul1mx
    ?addr0 ?add0r ?mulmxA ?opprD ?opprK.

(* Named, so that rewriting need not search for what is additive. *)
Section Additive.
Variables (V : zmodType) (n : nat).

Lemma scalar_mxB (a b : V) : (a - b)%:M = a%:M - b%:M :> 'M_n.
Proof. by apply/matrixP=> i j; rewrite !mxE mulrnBl. Qed.

Lemma scalar_mxN (a : V) : (- a)%:M = - a%:M :> 'M_n.
Proof. by apply/matrixP=> i j; rewrite !mxE mulNrn. Qed.

Lemma diag_mxB (r s : 'rV[V]_n) : diag_mx (r - s) = diag_mx r - diag_mx s.
Proof. by apply/matrixP=> i j; rewrite !mxE mulrnBl. Qed.

Lemma trmxD m (A B : 'M[V]_(m, n)) : (A + B)^T = A^T + B^T.
Proof. by apply/matrixP=> i j; rewrite !mxE. Qed.

Lemma trmxB m (A B : 'M[V]_(m, n)) : (A - B)^T = A^T - B^T.
Proof. by apply/matrixP=> i j; rewrite !mxE. Qed.

Lemma trmxN m (A : 'M[V]_(m, n)) : (- A)^T = - A^T.
Proof. by apply/matrixP=> i j; rewrite !mxE. Qed.

Lemma mxtraceB (A B : 'M[V]_n) : \tr (A - B) = \tr A - \tr B.
Proof. by rewrite -sumrB; apply: eq_bigr => i _; rewrite !mxE. Qed.

Lemma mxtraceN (A : 'M[V]_n) : \tr (- A) = - \tr A.
Proof. by rewrite -sumrN; apply: eq_bigr => i _; rewrite mxE. Qed.
End Additive.

(* congr block_mx would try to convert each block into the other. *)
Lemma eq_block V m1 m2 n1 n2 (A A' : 'M[V]_(m1, n1)) (B B' : 'M_(m1, n2)) (C C' : 'M_(m2, n1)) D D' :
  A = A' -> B = B' -> C = C' -> D = D' -> block_mx A B C D = block_mx A' B' C' D'.
Proof. by move=> -> -> -> ->. Qed.

Ltac eq_blocks := apply: eq_block; try match goal with
  | |- ?A = ?A => reflexivity | |- @GRing.zero _ = @GRing.zero _ => reflexivity
  | |- @scalar_mx _ _ ?a = @scalar_mx _ _ ?a => reflexivity end.

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
Proof. by blocks; eq_blocks; rewrite addrC. Qed.

Lemma mul_block_U m n X (A : 'M_(m, p)) B (C : 'M_(n, p)) D :
  block_mx A B C D *m U X = block_mx A (B + A *m X) C (D + C *m X).
Proof. by rewrite /U; blocks; eq_blocks; rewrite addrC. Qed.

Lemma mul_block_L m n Y (A : 'M_(m, p)) B (C : 'M_(n, p)) D :
  block_mx A B C D *m L Y = block_mx (A + B *m Y) B (C + D *m Y) D.
Proof. by rewrite /L; blocks. Qed.

Lemma mul_diag_block m n (a : 'M_p) (d : 'M_q) (A : 'M_(p, m)) (B : 'M_(p, n)) C D :
  block_mx a 0 0 d *m block_mx A B C D = block_mx (a *m A) (a *m B) (d *m C) (d *m D) :> 'M[R]__.
Proof. by rewrite mulmx_block !mul0mx !addr0 !add0r. Qed.

Lemma mul_block_diag m n (a : 'M_p) (d : 'M_q) (A : 'M_(m, p)) B (C : 'M_(n, p)) D :
  block_mx A B C D *m block_mx a 0 0 d = block_mx (A *m a) (B *m d) (C *m a) (D *m d) :> 'M[R]__.
Proof. by rewrite mulmx_block !mulmx0 !addr0 !add0r. Qed.

Lemma mul_UU X Z : U X *m U Z = U (Z + X).
Proof. by rewrite [U Z in LHS]/U mul_U mulmx0 addr0 mulmx1. Qed.

Lemma mul_UK X (M : 'M_(p + q)) : U (- X) *m (U X *m M) = M.
Proof. by rewrite -[M]submxK !mul_U !mulNmx !addrK. Qed.

Lemma mul_LK Y (M : 'M_(p + q)) : L (- Y) *m (L Y *m M) = M.
Proof. by rewrite -[M]submxK !mul_L !mulNmx !addrK. Qed.

Lemma mul_LL Y : L (- Y) *m L Y = 1%:M.
Proof. by rewrite -[L Y]mulmx1 mul_LK. Qed.

(* A first shear, and five for what it leaves. *)
Lemma move_L T X Y Z W V M : L T *m M = U X *m L Y *m U Z *m L W *m U V ->
  M = L (- T) *m U X *m L Y *m U Z *m L W *m U V.
Proof. by move=> e; rewrite -[LHS](mul_LK T) e !(mulmxA (L (- T))). Qed.

Lemma inverse_ULUL X Y Z W a b c d : U X *m L Y *m U Z *m L W *m block_mx a b c d = 1%:M ->
  a = 1%:M + Z *m Y /\ c = - (Y + W *m a).
Proof.
rewrite -!mulmxA => /(canRL (mul_UK X))/(canRL (mul_LK Y)).
rewrite mul_L mul_U mulmx1 mul_L add0r mulmx1 => /eq_block_mx[ea _ ec _].
split; last by rewrite opprD -ec addrK.
by rewrite ec mulmxN in ea; apply: canRL (subrK _) ea.
Qed.

Lemma mul_ULUL X Y Z W (P : 'M_q) (C : 'M_(q, p)) : P = 1%:M + Y *m Z -> C = Y + P *m W ->
  U X *m L Y *m U Z *m L W = block_mx (1%:M + Z *m W + X *m C) (Z + X *m P) C P.
Proof.
move=> -> ->; have <- : W + Y *m (1%:M + Z *m W) = Y + (1%:M + Y *m Z) *m W.
  by rewrite mulmxDr mulmxDl mulmx1 mul1mx mulmxA addrCA.
by rewrite -(mulmxA (_ *m _)) [U Z *m _]mul_U add0r !mulmx1 -(mulmxA (U X)) mul_L mul_U.
Qed.

Lemma mul_ULULU X Y Z W V (P : 'M_q) (C : 'M_(q, p)) :
  P = 1%:M + Y *m Z -> C = Y + P *m W ->
  U X *m L Y *m U Z *m L W *m U V =
  block_mx (1%:M + Z *m W + X *m C)
           ((1%:M + Z *m W + X *m C) *m V + (Z + X *m P)) C (P + C *m V).
Proof.
move=> eP eC; rewrite (mul_ULUL X eP eC) mul_block_U.
by rewrite (addrC P) (addrC (Z + _)).
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
rewrite (mul_ULUL _ (esym YZ) hC) mulmxKV // (addrC Z) subrK; congr (block_mx _ B C P).
have ZPY : (1%:M - Z *m invmx P *m Y) *m S = 1%:M.
  have YS : Y *m S = P *m Y by rewrite -ZY -YZ mulmxDr mulmxDl mulmx1 mul1mx !mulmxA.
  by rewrite mulmxBl mul1mx -!mulmxA YS mulKmx // -ZY addrK.
have -> : A = 1%:M - Z *m invmx P *m Y + B *m invmx P *m C.
  by apply/(canRL (subrK _))/(can_inj (mulmxK uS)); rewrite AS ZPY.
rewrite (mulmxA Z) mulmxBr !mulmxBl; move: (Z *m _ *m C) (Z *m _ *m Y) (B *m _ *m C) => a b c.
by rewrite [a - b]addrC -!addrA; do 2!congr (_ + _); rewrite addrC subrK.
Qed.

Lemma tr_U (R : comUnitRingType) p q (X : 'M[R]_(p, q)) : (U X)^T = L X^T.
Proof. by rewrite tr_block_mx !tr_scalar_mx trmx0. Qed.

Lemma tr_L (R : comUnitRingType) p q (Y : 'M[R]_(q, p)) : (L Y)^T = U Y^T.
Proof. by rewrite tr_block_mx !tr_scalar_mx trmx0. Qed.

(* ---------------------------------------------------- products of shears in any order *)
Section Words.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types (M N K : 'M[R]_(p + q)) (b c : bool).

Definition letter b K := if b then exists X, K = U X else exists Y, K = L Y.

Fixpoint word b m M :=
  if m is m'.+1 then exists K N, [/\ letter b K, word (~~ b) m' N & M = K *m N] else M = 1%:M.

Lemma letter_shear b K : letter b K -> shear K.
Proof. by case: b; [left | right]. Qed.

Lemma letter1 b : letter b 1%:M.
Proof. by case: b; exists 0; rewrite ?U0 ?L0. Qed.

Lemma letterM b K N : letter b K -> letter b N -> letter b (K *m N).
Proof.
case: b => [] [X ->] [Y ->]; first by rewrite mul_UU; exists (Y + X).
by exists (Y + X); rewrite [L Y]/L mul_L !mulmx1 mulmx0 addr0.
Qed.

Lemma word_U m X N : word false m N -> word true m.+1 (U X *m N).
Proof. by move=> wN; exists (U X), N; split=> //; exists X. Qed.

Lemma word_L m Y N : word true m N -> word false m.+1 (L Y *m N).
Proof. by move=> wN; exists (L Y), N; split=> //; exists Y. Qed.

Lemma wordU m M : word true m.+1 M -> exists X, exists2 N, word false m N & M = U X *m N.
Proof. by case=> _ [N [[X ->] wN eM]]; exists X, N. Qed.

Lemma wordL m M : word false m.+1 M -> exists Y, exists2 N, word true m N & M = L Y *m N.
Proof. by case=> _ [N [[Y ->] wN eM]]; exists Y, N. Qed.

(* Words with few letters, U first. *)
Lemma word2E M : word true 2 M -> exists X Y, M = U X *m L Y.
Proof. by move=> /wordU[X [_ /wordL[Y [_ -> ->]] ->]]; exists X, Y; rewrite mulmx1. Qed.

Lemma word3E M : word true 3 M -> exists X Y Z, M = U X *m L Y *m U Z.
Proof.
move=> /wordU[X [_ /wordL[Y [_ /wordU[Z [_ -> ->]] ->]] ->]].
by exists X, Y, Z; rewrite mulmx1 mulmxA.
Qed.

Lemma word4E M : word true 4 M -> exists X Y Z W, M = U X *m L Y *m U Z *m L W.
Proof.
intros [X [_ [Y [_ [Z [W ->]]%word2E ->]]%wordL ->]]%wordU.
by exists X, Y, Z, W; rewrite !mulmxA.
Qed.

Lemma word5E M : word true 5 M -> exists X Y Z W V, M = U X *m L Y *m U Z *m L W *m U V.
Proof.
intros [X [_ [Y [_ [Z [W [V ->]]]%word3E ->]]%wordL ->]]%wordU.
by exists X, Y, Z, W, V; rewrite !mulmxA.
Qed.

Lemma word6E M : word true 6 M -> exists X Y Z W V T, M = U X *m L Y *m U Z *m L W *m U V *m L T.
Proof.
intros [X [_ [Y [_ [Z [W [V [T ->]]]]%word4E ->]]%wordL ->]]%wordU.
by exists X, Y, Z, W, V, T; rewrite !mulmxA.
Qed.

Lemma word_grow b m M : word b m M -> word b m.+1 M.
Proof.
elim: m b M => [|m IH] b M; last by move=> [K [N [lK /IH wN ->]]]; exists K, N.
by move=> ->; exists 1%:M, 1%:M; rewrite mulmx1; split=> //; apply: letter1.
Qed.

Lemma word_letter b c m K M : letter c K -> word b m M -> word c m.+1 (K *m M).
Proof.
have [<- lK | bc lK wM] := eqVneq b c; last first.
  by exists K, M; split=> //; rewrite -(_ : b = ~~ c) //; case: (b) (c) bc => -[].
case: m => [|m] wM; first by exists K, M; split.
move: wM => [K' [N [lK' wN ->]]]; rewrite mulmxA; apply: word_grow.
by exists (K *m K'), N; split=> //; apply: letterM.
Qed.

Theorem shears_alternate m (Ks : seq 'M[R]_(p + q)) :
  (forall K, K \in Ks -> shear K) -> (size Ks <= m)%N ->
  exists b, word b m (\big[mulmx/1%:M]_(K <- Ks) K).
Proof.
elim: Ks m => [|K Ks IH] m shears.
  by move=> _; exists true; rewrite big_nil; elim: m => // m; apply: word_grow.
case: m => // m /IH[K' K's|b wM]; first by apply: shears; rewrite inE K's orbT.
have [[X ->]|[Y ->]] := shears K (mem_head _ _); rewrite big_cons.
  by exists true; apply: word_letter wM; exists X.
by exists false; apply: word_letter wM; exists Y.
Qed.

Let cons T (x : T) (s : nat -> T) i := if i is i'.+1 then s i' else x.

Lemma pairs_of_UL k M : word true k.*2 M ->
  exists (X : nat -> _) (Y : nat -> _), M = \big[mulmx/1%:M]_(i < k) (U (X i) *m L (Y i)).
Proof.
elim: k M => [|k IH] M; first by move=> /= ->; exists (fun=> 0), (fun=> 0); rewrite big_ord0.
move=> /wordU[X0 [_ /wordL[Y0 [N /IH[X [Y ->]] ->]] ->]].
by exists (cons X0 X), (cons Y0 Y); rewrite big_ord_recl mulmxA.
Qed.

Lemma pairs_of_LU k M : word false k.*2 M ->
  exists (X : nat -> _) (Y : nat -> _), M = \big[mulmx/1%:M]_(i < k) (L (Y i) *m U (X i)).
Proof.
elim: k M => [|k IH] M; first by move=> /= ->; exists (fun=> 0), (fun=> 0); rewrite big_ord0.
move=> /wordL[Y0 [_ /wordU[X0 [N /IH[X [Y ->]] ->]] ->]].
by exists (cons X0 X), (cons Y0 Y); rewrite big_ord_recl mulmxA.
Qed.

(* a letter of the last one's kind, appended *)
Lemma word_append b m M K : word b m.+1 M -> letter (odd m (+) b) K -> word b m.+1 (M *m K).
Proof.
elim: m b M => [|m IH] b M [K1 [N [l1]]].
  by move=> /= -> -> lK; exists (K1 *m K), 1%:M; rewrite !mulmx1; split=> //; apply: letterM.
move=> wN -> lK; exists K1, (N *m K); rewrite mulmxA; split=> //.
by apply: IH wN _; rewrite addbN -addNb.
Qed.
End Words.

(* Exchanging the halves. *)
Section Swap.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types M N : 'M[R]_(p + q).

Definition swap M : 'M[R]_(q + p) :=
  block_mx (drsubmx M) (dlsubmx M) (ursubmx M) (ulsubmx M).

Lemma swap_block (A : 'M[R]_p) B C (D : 'M_q) : swap (block_mx A B C D) = block_mx D C B A.
Proof. by rewrite /swap block_mxKul block_mxKur block_mxKdl block_mxKdr. Qed.

Lemma swap_mul M N : swap (M *m N) = swap M *m swap N.
Proof.
rewrite -[M]submxK -[N]submxK mulmx_block !swap_block mulmx_block.
by eq_blocks; apply: addrC.
Qed.

Lemma swap1 : swap 1%:M = 1%:M.
Proof. by rewrite scalar_mx_block swap_block -scalar_mx_block. Qed.

Lemma word_swap b m M : word b m M -> word (~~ b) m (swap M).
Proof.
elim: m b M => [|m IH] b M; first by move=> /= ->; rewrite swap1.
move=> [K [N [lK /IH wN ->]]]; exists (swap K), (swap N); rewrite swap_mul; split=> //.
by case: b lK {wN} => [] [X ->]; exists X; rewrite swap_block.
Qed.
End Swap.

Definition power (F : fieldType) n k (P : 'M[F]_n) := iter k (mulmx P) 1%:M.

Lemma powerS (F : fieldType) n k (P : 'M[F]_n) : power k.+1 P = P *m power k P. Proof. by []. Qed.

Lemma power_intertwine (F : fieldType) m n (P : 'M[F]_m) (Q : 'M_n) X k :
  P *m X = X *m Q -> power k P *m X = X *m power k Q.
Proof.
move=> e; elim: k => [|k IH]; first by rewrite mul1mx mulmx1.
by rewrite !powerS -mulmxA IH (mulmxA P) e -mulmxA.
Qed.

(* Words of shears: what alternating products of up to five shears fulfil.

   Halves are of n entries, over a field.  The lemmas are about words that start with U; [a b; c d]
   is the inverse of M = [A B; C D].  shears_alternate and word_swap reduce all others to these. *)
Definition is_shear (F : fieldType) n (K : 'M[F]_(n + n)) :=
  (exists X, K = block_mx 1%:M X 0 1%:M) \/ (exists Y, K = block_mx 1%:M 0 Y 1%:M).

Section Words.
Variables (F : fieldType) (n : nat).
Implicit Types (A B C D a b c d X Y Z V W : 'M[F]_n) (M N : 'M[F]_(n + n)).

Lemma word1P A B C D : word true 1 (block_mx A B C D) ->
  [/\ A = 1%:M, C = 0 & D = 1%:M].
Proof. by move=> /wordU[X [_ ->]]; rewrite mulmx1 => /eq_block_mx[]. Qed.

Lemma word2P A B C D : word true 2 (block_mx A B C D) ->
  D = 1%:M /\ A - B *m C = 1%:M.
Proof.
move=> /word2E[X [Y]]; rewrite mul_U add0r => /eq_block_mx[-> -> -> ->].
by rewrite !mulmx1 addrK.
Qed.

Lemma word3P A B C D : word true 3 (block_mx A B C D) ->
  exists X Z, [/\ X *m C = A - 1%:M, C *m Z = D - 1%:M & X + A *m Z = B].
Proof.
move=> /word3E[X [Y [Z]]]; rewrite mul_U mul_block_U add0r !mulmx1 => /eq_block_mx[-> -> -> ->].
by exists X, Z; split=> //; rewrite addrC addKr.
Qed.

Lemma word4P A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  exists X Y Z W,
    [/\ D = 1%:M + Y *m Z, a = 1%:M + Z *m Y, C = Y + D *m W & B = Z + X *m D].
Proof.
intros inv [X [Y [Z [W e]]]]%word4E; rewrite e in inv; have [-> _] := inverse_ULUL inv.
move: e; rewrite (mul_ULUL X erefl erefl) => /eq_block_mx[_ -> -> ->].
by exists X, Y, Z, W.
Qed.

(* What follows for the lower left block c of the inverse. *)
Lemma word3_inverse A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 3 (block_mx A B C D) -> c = - C.
Proof.
intros inv [X [Y [Z e]]]%word3E; rewrite e -!mulmxA in inv; move/(canRL (mul_UK X)): inv.
rewrite mul_U mul_L !mulmx1 => /eq_block_mx[-> _ /eqP + _]; rewrite mulmx1 addr_eq0 => /eqP ->.
by move: e; rewrite mul_U mul_block_U => /eq_block_mx[_ _ -> _].
Qed.

Lemma word4_inverse A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  exists W, C + c = D *m W - W *m a.
Proof.
intros inv [X [Y [Z [W e]]]]%word4E; exists W; rewrite e in inv; have [_ ->] := inverse_ULUL inv.
move: e; rewrite (mul_ULUL X erefl erefl) => /eq_block_mx[_ _ -> ->].
by rewrite opprD addrACA subrr add0r.
Qed.

(* Of five letters, M U(-V) is of four: its blocks D - C V and a + V c are as D and a there. *)
Definition linked D C a c := exists V Y Z,
  D - C *m V = 1%:M + Y *m Z /\ a + V *m c = 1%:M + Z *m Y.

Lemma linkedT D C a c : linked D C a c -> linked a^T c^T D^T C^T.
Proof.
intros [V [Y [Z [eD ea]]]]; exists (- V^T), Y^T, Z^T.
split; first by rewrite mulmxN opprK -trmx_mul -trmxD ea trmxD trmx1 trmx_mul.
by rewrite mulNmx -trmx_mul -trmxB eD trmxD trmx1 trmx_mul.
Qed.

Lemma word4_linked A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  linked D 0 a 0.
Proof.
intros inv [_ [Y [Z [_ [eD ea _ _]]]]]%(word4P inv); exists 0, Y, Z.
by rewrite !mul0mx subr0 addr0.
Qed.

Lemma word5_linked A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 5 (block_mx A B C D) ->
  linked D C a c.
Proof.
intros inv [X [Y [Z [W [V e]]]]]%word5E; rewrite e -(mulmxA _ (U V)) [U V *m _]mul_U in inv.
have [ea _] := inverse_ULUL inv; exists V, Y, Z; split=> //.
by move: e; rewrite (mul_ULULU X V erefl erefl) => /eq_block_mx[_ _ -> ->]; rewrite addrK.
Qed.

(* Five letters, if C = 0, or in the other order if B = 0. *)
Lemma word5_upper A B D a b c d :
  block_mx A B 0 D *m block_mx a b c d = 1%:M -> word true 5 (block_mx A B 0 D) ->
  exists Y Z, D = 1%:M + Y *m Z /\ a = 1%:M + Z *m Y.
Proof.
move=> inv w; have [V [Y [Z []]]] := word5_linked inv w.
move: inv; rewrite mulmx_block !mul0mx !add0r scalar_mx_block => /eq_block_mx[_ _ Dc /mulmx1C dD].
have -> : c = 0 by rewrite -[c]mul1mx -dD -mulmxA Dc mulmx0.
by rewrite mulmx0 subr0 addr0 => eD ea; exists Y, Z.
Qed.

Lemma word5_lower A C D a b c d :
  block_mx A 0 C D *m block_mx a b c d = 1%:M -> word false 5 (block_mx A 0 C D) ->
  exists Y Z, D = 1%:M + Y *m Z /\ a = 1%:M + Z *m Y.
Proof.
move=> inv /word_swap; rewrite swap_block => w.
have inv' : block_mx D C 0 A *m block_mx d c b a = 1%:M.
  by have := congr1 (@swap _ _ _) inv; rewrite swap_mul !swap_block swap1.
have [Y [Z [eA ed]]] := word5_upper inv' w; exists (- Z *m a), Y.
move: inv; rewrite mulmx_block !mul0mx !addr0 scalar_mx_block => /eq_block_mx[Aa Ab _ dD].
have b0 : b = 0 by rewrite -[b]mul1mx -(mulmx1C Aa) -mulmxA Ab mulmx0.
rewrite b0 mulmx0 add0r in dD.
have ea : a = 1%:M + Y *m (- Z *m a).
  by rewrite mulNmx mulmxN -[X in X - _]Aa {1}eA mulmxDl mul1mx mulmxA addrK.
split=> //; have dZ : d *m (1%:M + - Z *m a *m Y) = 1%:M.
  have da : d *m Z = Z *m A by rewrite ed eA mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
  rewrite mulmxDr mulmx1 !mulNmx mulmxN !mulmxA da -(mulmxA Z) Aa mulmx1 ed.
  by rewrite addrK.
by rewrite -[LHS]mulmx1 -[X in _ *m X = _]dZ mulmxA dD mul1mx.
Qed.

(* ------------------------------------------------------------------- traces *)
Lemma same_traces D a k : linked D 0 a 0 -> \tr (power k D - power k a) = 0.
Proof.
intros [V [Y [Z [eD ea]]]]; rewrite mul0mx mulmx0 subr0 addr0 in eD ea.
have DY : D *m Y = Y *m a by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
rewrite mxtraceB; apply/eqP; rewrite subr_eq0; apply/eqP; elim: k => // k IH.
rewrite !powerS {1}eD {1}ea !mulmxDl !mul1mx !mxtraceD IH -(mulmxA Y) (mxtrace_mulC Y).
by rewrite -(mulmxA Z _ Y) (power_intertwine k DY) mulmxA.
Qed.

(* --------------------------------------------------------- linear equations *)
Lemma multiplier3 A B C D P Q R : word true 3 (block_mx A B C D) ->
  C *m P + R = 0 -> Q *m C + R *m A = 0 ->
  \tr (P *m (A - 1%:M) + (Q *m (D - 1%:M) + R *m B)) = 0.
Proof.
case/word3P=> X [Z [<- <- <-]] hX hZ.
rewrite mulmxDr !mxtraceD !mulmxA mxtrace_mulC mulmxA.
rewrite [X in _ + X]addrCA addrA -!mxtraceD -!mulmxDl hX hZ.
by rewrite !mul0mx addr0 mxtrace0.
Qed.

Lemma multiplier4 A B C D a b c d P Q R :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  a *m P - P *m D + (Q + B *m R) = 0 -> Q *m D = 0 -> D *m R = 0 ->
  \tr (Q *m C + R *m (D - 1%:M)) = 0.
Proof.
intros inv [X [Y [Z [W [eD ea -> eB]]]]]%(word4P inv) hY hW hX.
have DY : D *m Y = Y *m a by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
have -> : D - 1%:M = Y *m (B - X *m D) by rewrite eB addrK eD addrC addKr.
have -> : Q *m (Y + D *m W) = Q *m Y by rewrite mulmxDr mulmxA hW mul0mx addr0.
have fX : \tr (R *m (Y *m (B - X *m D))) = \tr (B *m R *m Y).
  rewrite mulmxA mxtrace_mulC mulmxBl -(mulmxA X) (mulmxA D) hX mul0mx mulmx0.
  by rewrite subr0 mulmxA.
have fP : \tr ((a *m P - P *m D) *m Y) = 0.
  by rewrite mulmxBl mxtraceB -!mulmxA DY mxtrace_mulC -mulmxA subrr.
by rewrite mxtraceD fX -[LHS]add0r -{1}fP -!mxtraceD -!mulmxDl hY mul0mx mxtrace0.
Qed.

(* -------------------------------------------------------------------- ranks *)
(* The value at D of the polynomial of these coefficients, ascending. *)
Definition value (f : seq F) D : 'M[F]_n := foldr (fun x E => x%:M + E *m D) (0 : 'M_n) f.
Implicit Types (f p : seq F) (S P Q : 'M[F]_n).

Lemma value_mul f D X a : D *m X = X *m a -> value f D *m X = X *m value f a.
Proof.
move=> e; elim: f => [|x f IH] /=; first by rewrite mul0mx mulmx0.
by rewrite mulmxDl mulmxDr scalar_mxC -mulmxA e !mulmxA IH.
Qed.

Lemma valueT f D : (value f D)^T = value f D^T.
Proof.
elim: f => [|x f IH] /=; first by rewrite trmx0.
by rewrite trmxD tr_scalar_mx trmx_mul IH (value_mul f (erefl _)).
Qed.

Lemma value_fixed f D (v : 'rV_n) : v *m D = v -> v *m value f D = foldr +%R 0 f *: v.
Proof.
move=> e; elim: f => [|x f IH] /=; first by rewrite mulmx0 scale0r.
by rewrite mulmxDr mulmxA IH -scalemxAl e mul_mx_scalar scalerDl.
Qed.

(* The rows R that f(D) kills, and images of f(a) and of what p(a) kills. *)
Lemma rank_clash D a Y Z f p S P Q : D = 1%:M + Y *m Z -> a = 1%:M + Z *m Y ->
  foldr +%R 0 f != 0 -> S *m value p D *m value f D = 0 -> value p a *m Q = 0 ->
  (\rank (S *m value p D) + \rank (value f a *m P + Q)%R <= n)%N.
Proof.
move=> eD ea f1; set R := S *m value p D => Rf pQ; set T := (_ + Q)%R.
have DY : D *m Y = Y *m a by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
have RYT : R *m Y *m T = 0.
  rewrite mulmxDr mulmxA -(mulmxA R) -(value_mul f DY) !mulmxA Rf !mul0mx add0r.
  by rewrite -(mulmxA S) (value_mul p DY) -!mulmxA pQ !mulmx0.
apply: (leq_trans _ (mulmx0_rank_max RYT)); rewrite leq_add2r -(mxrank_mul_ker R Y).
rewrite -[leqRHS]addn0 leq_add2l leqn0 mxrank_eq0 -submx0; apply/rV_subP => v.
rewrite sub_capmx => /andP[/submxP[w ew]] /sub_kermxP vY; rewrite submx0.
have vf : v *m value f D = 0 by rewrite ew -mulmxA Rf mulmx0.
have vD : v *m D = v by rewrite eD mulmxDr mulmx1 mulmxA vY mul0mx addr0.
by move/eqP: vf; rewrite (value_fixed f vD) scaler_eq0 (negbTE f1).
Qed.

(* The same at the eigenvalue 1. *)
Lemma rank_clash_at_one D a Y Z p S P Q (f := [:: -1; 1]) :
  D = 1%:M + Y *m Z -> a = 1%:M + Z *m Y ->
  S *m value p D *m value f D *m value f D = 0 -> value p a *m Q = 0 ->
  (\rank (S *m value p D *m value f D) + \rank (value f a *m P + Q)%R <= n)%N.
Proof.
move=> eD ea; have fE E : value f E = E - 1%:M by rewrite /= mul0mx addr0 mul1mx addrC scalar_mxN.
have [eN em] : D - 1%:M = Y *m Z /\ a - 1%:M = Z *m Y by rewrite eD ea !(addrC 1%:M) !addrK.
rewrite !fE eN em.
set R := S *m value p D *m (Y *m Z) => Rf pQ; set T := (_ + Q)%R.
have DY : D *m Y = Y *m a by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
have Za : a *m (Z *m Y) = Z *m Y *m a by rewrite ea mulmxDl mulmxDr mul1mx mulmx1.
pose G := S *m value p D *m Y; pose K := kermx (R *m Y).
have RE : R = G *m Z by rewrite /R /G -!mulmxA.
have GQ : G *m Q = 0 by rewrite /G -(mulmxA S) (value_mul p DY) -!mulmxA pQ !mulmx0.
have RYQ : R *m Y *m Q = 0.
  have -> : R *m Y *m Q = S *m Y *m (value p a *m (Z *m Y)) *m Q.
    by rewrite /R -!mulmxA [Y *m (value p a *m _)]mulmxA -(value_mul p DY) -!mulmxA.
  by rewrite (value_mul p Za) -!mulmxA pQ !mulmx0.
pose H := col_mx (R *m Y) (K *m G).
have HT : H *m T = 0.
  have RYm : R *m Y *m (Z *m Y) = 0 by rewrite -mulmxA (mulmxA Y) mulmxA Rf mul0mx.
  have KGm : K *m G *m (Z *m Y) = 0 by rewrite -mulmxA (mulmxA G) -RE mulmx_ker.
  rewrite mul_col_mx !mulmxDr !(mulmxA _ (Z *m Y)) RYm KGm RYQ -(mulmxA K) GQ.
  by rewrite !mul0mx mulmx0 !addr0 col_mx0.
apply: (leq_trans _ (mulmx0_rank_max HT)); rewrite leq_add2r.
rewrite -(mxrank_mul_ker R Y) -(mxrank_mul_ker H Z) addnC leq_add //.
  rewrite mul_col_mx -(mulmxA R) Rf -mulmxA -RE.
  rewrite mxrankS // -addsmxE; apply: (submx_trans _ (addsmxSr _ _)).
  apply/rV_subP => v; rewrite sub_capmx => /andP[/submxP[w ->]] /sub_kermxP wRY.
  by rewrite submxMr //; apply/sub_kermxP; rewrite mulmxA.
rewrite mxrankS // sub_capmx; apply/andP; split.
  by rewrite -addsmxE addsmxSl.
by apply/sub_kermxP; rewrite -mulmxA.
Qed.
End Words.

(* ------------------------------------------------ c a multiple of C, five letters *)
Section Multiple.
Variables (F : fieldType) (n : nat).
Implicit Types (C D G V Y Z a c : 'M[F]_n).

(* Traces of powers of an r x r matrix fulfil a linear recurrence. *)
Lemma recurrence r (T : 'M[F]_r) : exists s : 'rV_r, forall j,
  \tr (power (j + r) T) = \sum_(i < r) s 0 i * \tr (power (j + i) T).
Proof.
case: r T => [|r] T; first by exists 0 => j; rewrite big_ord0 /mxtrace big_ord0.
pose p := char_poly T; have sp : size p = r.+2 by rewrite size_char_poly.
have powerE j : power j T = T ^+ j by elim: j => // j IH; rewrite powerS IH exprS.
exists (\row_i - p`_i) => j.
have e : \sum_(i < r.+2) p`_i *: T ^+ i = 0.
  have e0 : horner_mx T (\sum_(i < r.+2) p`_i *: 'X^i) = 0.
    by rewrite -sp -poly_def coefK Cayley_Hamilton.
  rewrite -[RHS]e0 raddf_sum; apply: eq_bigr => i _.
  by rewrite /= horner_mxZ rmorphXn /= horner_mx_X.
have {e} : \tr (\sum_(i < r.+2) p`_i *: T ^+ (j + i)) = 0.
  rewrite -[RHS](mxtrace0 F r.+1) -[X in _ = \tr X](mulr0 (T ^+ j)) -[X in _ * X]e mulr_sumr.
  by congr (\tr _); apply: eq_bigr => i _; rewrite -scalerAr exprD.
have -> : \tr (\sum_(i < r.+2) p`_i *: T ^+ (j + i)) = \sum_(i < r.+2) p`_i * \tr (T ^+ (j + i)).
  by rewrite raddf_sum; apply: eq_bigr => i _; rewrite /= mxtraceZ.
have p1 : p`_r.+1 = 1 by have /monicP := char_poly_monic T; rewrite /lead_coef -/p sp.
rewrite big_ord_recr /= p1 mul1r addrC => /eqP; rewrite addr_eq0 powerE => /eqP ->.
by rewrite -sumrN; apply: eq_bigr => i _; rewrite mxE powerE mulNr.
Qed.

(* Powers of D on the columns of C, if D C = C N, are those of an r x r matrix. *)
Lemma traces_on_image D C N G : D *m C = C *m N -> C *m G *m C = C ->
  exists r (T : 'M[F]_r), r%:R = \tr (C *m G) /\
    forall j, \tr (power j D *m (C *m G)) = \tr (power j T).
Proof.
move=> DC GC; have [H HQ] := row_fullP (col_base_full C).
have [K RK] := row_freeP (row_base_free C).
move: (\rank C) (col_base C) (row_base C) H K (mulmx_base C) HQ RK => r Q R H K QR HQ RK.
pose T := R *m N *m K; exists r, T.
have DQ : D *m Q = Q *m T by rewrite -[LHS]mulmx1 -RK mulmxA -(mulmxA D) QR DC -QR !mulmxA.
have RGQ : R *m G *m Q = 1%:M.
  have : H *m (C *m G *m C) *m K = H *m C *m K by rewrite GC.
  by rewrite -QR !mulmxA HQ mul1mx -!mulmxA RK !mulmx1 !mulmxA.
have gT j : \tr (power j D *m (C *m G)) = \tr (power j T).
  rewrite -QR -(mulmxA Q) mulmxA (power_intertwine j DQ) -mulmxA mxtrace_mulC.
  by rewrite -mulmxA RGQ mulmx1.
by split=> //; have := gT 0%N; rewrite mul1mx mxtrace1.
Qed.

Lemma traces_split D a C G k : k != 0 -> C *m a = k *: (D *m C) -> C *m G *m C = C ->
  (forall j, \tr (power j D) = \tr (power j a)) ->
  exists r (T : 'M[F]_r), r%:R = \tr (C *m G) /\
    forall j, \tr ((1%:M - C *m G) *m power j D) + \tr (power j T)
      = \tr (power j a *m (1%:M - G *m C)) + k ^+ j * \tr (power j T).
Proof.
move=> k0 Ca GC tj.
have DC : D *m C = C *m (k^-1 *: a) by rewrite -scalemxAr Ca scalerA mulVf ?scale1r.
have [r [T [rT gT]]] := traces_on_image DC GC; exists r, T; split=> // j.
have Caj : C *m power j a = k ^+ j *: (power j D *m C).
  elim: j => [|j IH]; first by rewrite mulmx1 mul1mx expr0 scale1r.
  rewrite !powerS mulmxA Ca -scalemxAl -(mulmxA D C) IH -scalemxAr scalerA exprS.
  by rewrite mulmxA.
rewrite -gT mxtrace_mulC -mxtraceD -mulmxDr subrK mulmx1 tj -mxtraceZ (mulmxA _ C) scalemxAl -Caj.
by rewrite -(mulmxA C) (mxtrace_mulC C) -mulmxA -mxtraceD -mulmxDr subrK mulmx1.
Qed.

Lemma traces_of_multiple D C a c k V Y Z G :
  D - C *m V = 1%:M + Y *m Z -> a + V *m c = 1%:M + Z *m Y ->
  k != 0 -> c = (- k) *: C -> C *m a + D *m c = 0 -> C *m G *m C = C ->
  let E := 1%:M - C *m G in let P := 1%:M - G *m C in
  exists r (T : 'M[F]_r), r%:R = \tr (C *m G) /\
    forall j, \tr (power j (E *m D) *m E) + \tr (power j T)
      = \tr (P *m power j (a *m P)) + k ^+ j * \tr (power j T).
Proof.
move=> eD ea k0 ec inv GC E P; set D' := D - _ in eD; set a' := a + _ in ea.
have Ca : C *m a' = k *: (D' *m C).
  move/eqP: inv; rewrite addr_eq0 => /eqP; rewrite ec -scalemxAr scaleNr opprK => inv.
  by rewrite mulmxDr inv ec -!scalemxAr scaleNr mulmxA mulmxBl scalerBr.
have EC : E *m C = 0 by rewrite mulmxBl mul1mx GC subrr.
have CP : C *m P = 0 by rewrite mulmxBr mulmx1 mulmxA GC subrr.
have ED : E *m D = E *m D' by rewrite mulmxBr mulmxA EC mul0mx subr0.
have aP : a *m P = a' *m P.
  by rewrite mulmxDl ec -scalemxAr -scalemxAl -mulmxA CP mulmx0 scaler0 addr0.
have EDE : E *m D *m E = E *m D'.
  have DC : D' *m C = k^-1 *: (C *m a') by rewrite Ca scalerA mulVf ?scale1r.
  by rewrite ED mulmxBr mulmx1 (mulmxA _ C) -(mulmxA E) DC -scalemxAr mulmxA EC mul0mx scaler0
    mul0mx subr0.
have PaP : a' *m P = P *m (a *m P).
  rewrite aP mulmxBl mul1mx -(mulmxA G) (mulmxA C) Ca -scalemxAl -mulmxA CP.
  by rewrite mulmx0 scaler0 mulmx0 subr0.
have [|r [T [rT hT]]] := traces_split (D := D') (a := a') k0 Ca GC.
  move=> j; apply/eqP; rewrite -subr_eq0 -mxtraceB same_traces //.
  by exists 0, Y, Z; rewrite !mul0mx subr0 addr0.
exists r, T; split=> // j; rewrite (power_intertwine j EDE) -(power_intertwine j PaP).
exact: hT.
Qed.
End Multiple.

(* Couplings with positive scales: shears, and one positive diagonal matrix.

   A coupling is [S X; 0 1] or [1 0; Y S], S diagonal and positive.

   Main results
     word_push          a positive diagonal matrix moves through a word from left to right
     couplings_word     so a product of at most m couplings, in any order, is a word of m letters
                        times such a matrix
     scaled_word_swap   exchanging the halves exchanges the kinds of letters
     scaled_inverse     the blocks of M diag(y, x) and of its inverse *)
Definition positive_row (F : numDomainType) n (s : 'rV[F]_n) := forall i, 0 < s 0 i.

Section Rows.
Variables (F : numFieldType) (n : nat).
Implicit Types s t : 'rV[F]_n.

Definition inv_row s : 'rV[F]_n := \row_i (s 0 i)^-1.

Lemma inv_row_gt0 s : positive_row s -> positive_row (inv_row s).
Proof. by move=> s_gt0 i; rewrite mxE invr_gt0. Qed.

Lemma mul_row_gt0 s t : positive_row s -> positive_row t -> positive_row (\row_i (s 0 i * t 0 i)).
Proof. by move=> s_gt0 t_gt0 i; rewrite mxE mulr_gt0. Qed.

Lemma one_row_gt0 : positive_row (const_mx 1 : 'rV[F]_n).
Proof. by move=> i; rewrite mxE ltr01. Qed.

Lemma diag_inv s : positive_row s -> diag_mx s *m diag_mx (inv_row s) = 1%:M.
Proof.
move=> s_gt0; rewrite mulmx_diag -diag_const_mx; congr diag_mx.
by apply/rowP => i; rewrite !mxE divff // gt_eqF.
Qed.

Lemma unit_positive s : positive_row s -> diag_mx s \in unitmx.
Proof. by move=> s_gt0; have [] := mulmx1_unit (diag_inv s_gt0). Qed.
End Rows.

Section Couplings.
Variables (F : numFieldType) (p q : nat).
Implicit Types (s : 'rV[F]_p) (t : 'rV[F]_q) (M W : 'M[F]_(p + q)).

Definition scales s t : 'M[F]_(p + q) := block_mx (diag_mx s) 0 0 (diag_mx t).
Definition scaled_U s X : 'M[F]_(p + q) := block_mx (diag_mx s) X 0 1%:M.
Definition scaled_L t Y : 'M[F]_(p + q) := block_mx 1%:M 0 Y (diag_mx t).

Lemma scales1 : scales (const_mx 1) (const_mx 1) = 1%:M.
Proof. by rewrite /scales !diag_const_mx -scalar_mx_block. Qed.

Lemma scaled_UE s X : scaled_U s X = U X *m scales s (const_mx 1).
Proof. by rewrite mul_U diag_const_mx; blocks. Qed.

Lemma scaled_LE t Y : scaled_L t Y = L Y *m scales (const_mx 1) t.
Proof. by rewrite mul_L diag_const_mx; blocks. Qed.

Lemma scales_mul s t s' t' : scales s t *m scales s' t'
  = scales (\row_i (s 0 i * s' 0 i)) (\row_i (t 0 i * t' 0 i)).
Proof. by rewrite mul_diag_block !mulmx0 !mulmx_diag. Qed.

Lemma block_scales (A : 'M_p) B C (D : 'M_q) s t : block_mx A B C D *m scales s t =
  block_mx (A *m diag_mx s) (B *m diag_mx t) (C *m diag_mx s) (D *m diag_mx t).
Proof. exact: mul_block_diag. Qed.

Lemma scales_block (A : 'M_p) B C (D : 'M_q) s t : scales s t *m block_mx A B C D =
  block_mx (diag_mx s *m A) (diag_mx s *m B) (diag_mx t *m C) (diag_mx t *m D).
Proof. exact: mul_diag_block. Qed.

Lemma scalesK s t : positive_row s -> positive_row t ->
  scales s t *m scales (inv_row s) (inv_row t) = 1%:M.
Proof. by move=> s0 t0; rewrite block_scales !mul0mx !diag_inv // [RHS]scalar_mx_block. Qed.

Lemma word_push b m s t W : positive_row s -> positive_row t -> word b m W ->
  exists2 W', word b m W' & scales s t *m W = W' *m scales s t.
Proof.
move=> s0 t0; elim: m b W => [|m IH] b W; first by move=> ->; exists 1%:M; rewrite ?mulmx1 ?mul1mx.
move=> [K [N [lK /IH[N' wN' eN] ->]]].
suff [K' lK' eK] : exists2 K', letter b K' & scales s t *m K = K' *m scales s t.
  by exists (K' *m N'); [exists K', N' | rewrite mulmxA eK -!mulmxA eN].
case: b lK {wN'} => [] [X ->].
  exists (U (diag_mx s *m X *m invmx (diag_mx t))); first by eexists.
  by rewrite mul_U mul_diag_block !mulmx1 !mulmx0 !addr0 ?add0r mulmxKV ?unit_positive.
exists (L (diag_mx t *m X *m invmx (diag_mx s))); first by eexists.
by rewrite mul_L mul_diag_block !mulmx1 !mulmx0 !addr0 ?add0r mulmxKV ?unit_positive.
Qed.

(* m alternating shears, U first if b, and positive scales. *)
Definition scaled_word b m M := exists W s t,
  [/\ word b m W, positive_row s, positive_row t & M = W *m scales s t].

Lemma scaled_word1 b m : scaled_word b m 1%:M.
Proof.
exists 1%:M, (const_mx 1), (const_mx 1); rewrite scales1 mulmx1.
split; [| exact: one_row_gt0 | exact: one_row_gt0 | by []].
by elim: m b => // m IH b; apply: word_grow.
Qed.

Lemma scaled_word_letter b c m s t K M : letter c K -> positive_row s -> positive_row t ->
  scaled_word b m M -> scaled_word c m.+1 (K *m scales s t *m M).
Proof.
intros lK s0 t0 [W [s' [t' [wW s'0 t'0 ->]]]]; have [W' wW' e] := word_push s0 t0 wW.
exists (K *m W'), (\row_i (s 0 i * s' 0 i)), (\row_i (t 0 i * t' 0 i)).
split; [exact: word_letter wW' | exact: mul_row_gt0 | exact: mul_row_gt0 |].
by rewrite -scales_mul -mulmxA (mulmxA _ W) e !mulmxA.
Qed.

Lemma scaled_word_U b m s X M : positive_row s -> scaled_word b m M ->
  scaled_word true m.+1 (scaled_U s X *m M).
Proof.
by move=> s0 wM; rewrite scaled_UE; apply: scaled_word_letter wM;
  [exists X | | apply: one_row_gt0].
Qed.

Lemma scaled_word_L b m t Y M : positive_row t -> scaled_word b m M ->
  scaled_word false m.+1 (scaled_L t Y *m M).
Proof.
by move=> t0 wM; rewrite scaled_LE; apply: scaled_word_letter wM;
  [exists Y | apply: one_row_gt0 |].
Qed.

Theorem couplings_word m (Ks : seq 'M[F]_(p + q)) :
  (forall K, K \in Ks -> coupling K) -> (size Ks <= m)%N ->
  exists b, scaled_word b m (\big[mulmx/1%:M]_(K <- Ks) K).
Proof.
elim: Ks m => [|K Ks IH] m hK; first by exists true; rewrite big_nil; apply: scaled_word1.
case: m => // m /IH[K' K's|b wM]; first by apply: hK; rewrite inE K's orbT.
destruct (hK K (mem_head _ _)) as [[s [X [s_gt0 ->]]]|[s [X [s_gt0 ->]]]]; rewrite big_cons.
  by exists true; apply: scaled_word_U wM.
by exists false; apply: scaled_word_L wM.
Qed.

Lemma unscaled_word b m M : scaled_word b m M ->
  exists s t, [/\ positive_row s, positive_row t & word b m (M *m scales s t)].
Proof.
intros [W [s [t [wW s0 t0 ->]]]]; exists (inv_row s), (inv_row t).
by rewrite -mulmxA scalesK // mulmx1; split=> //; apply: inv_row_gt0.
Qed.

Lemma scaled_inverse A B C D a b (c : 'M_(q, p)) (d : 'M_q) s t :
  positive_row s -> positive_row t ->
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  block_mx A B C D *m scales s t *m block_mx (diag_mx (inv_row s) *m a) (diag_mx (inv_row s) *m b)
    (diag_mx (inv_row t) *m c) (diag_mx (inv_row t) *m d) = 1%:M.
Proof.
by move=> s0 t0 inv; rewrite -scales_block -mulmxA (mulmxA (scales s t)) scalesK // mul1mx.
Qed.
End Couplings.

Lemma scaled_word_swap (F : numFieldType) p q b m (M : 'M[F]_(p + q)) :
  scaled_word b m M -> scaled_word (~~ b) m (swap M).
Proof.
intros [W [s [t [wW s0 t0 ->]]]]; exists (swap W), t, s.
by rewrite swap_mul /scales swap_block; split=> //; apply: word_swap.
Qed.
