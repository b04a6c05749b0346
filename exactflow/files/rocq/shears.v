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

   References.  The layers: Koehler, Mehta, Risteski, Representational aspects
   of depth and conditioning in normalizing flows, ICML 2021, arXiv:2010.01155. *)
From HB Require Import structures.
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype bigop.
From mathcomp Require Import ssralg zmodp matrix.
From exactflow.certificates Require Export definitions.
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

(* Named, so that rewriting need not search for what is additive. *)
Section Additive.
Variables (V : zmodType) (n : nat).

Lemma scalar_mxB (a b : V) : (a - b)%:M = a%:M - b%:M :> 'M_n.
Proof. by apply/matrixP=> i j; rewrite !mxE mulrnBl. Qed.

Lemma scalar_mxN (a : V) : (- a)%:M = - a%:M :> 'M_n.
Proof. by apply/matrixP=> i j; rewrite !mxE mulNrn. Qed.

Lemma diag_mxB (r s : 'rV[V]_n) : diag_mx (r - s) = diag_mx r - diag_mx s.
Proof. by apply/matrixP=> i j; rewrite !mxE mulrnBl. Qed.

Lemma mxtraceB (A B : 'M[V]_n) : \tr (A - B) = \tr A - \tr B.
Proof. by rewrite -sumrB; apply: eq_bigr => i _; rewrite !mxE. Qed.

Lemma mxtraceN (A : 'M[V]_n) : \tr (- A) = - \tr A.
Proof. by rewrite -sumrN; apply: eq_bigr => i _; rewrite mxE. Qed.
End Additive.

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
move=> -> ->; have eC : W + Y *m (1%:M + Z *m W) = Y + (1%:M + Y *m Z) *m W.
  by rewrite mulmxDr mulmxDl mulmx1 mul1mx mulmxA addrCA.
rewrite -!mulmxA [U Z *m _]mulmxA [L W in LHS]/L mul_U add0r !mulmx1 !mulmxA.
by rewrite -(mulmxA (U X)) mul_L eC mul_U mul_block_U; congr block_mx; apply: addrC.
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
move=> [_ [_ [[X0 ->] [_ [N [[Y0 ->] /IH[X [Y ->]] ->]]] ->]]].
by exists (cons X0 X), (cons Y0 Y); rewrite big_ord_recl mulmxA.
Qed.

Lemma pairs_of_LU k M : word false k.*2 M ->
  exists (X : nat -> _) (Y : nat -> _), M = \big[mulmx/1%:M]_(i < k) (L (Y i) *m U (X i)).
Proof.
elim: k M => [|k IH] M; first by move=> /= ->; exists (fun=> 0), (fun=> 0); rewrite big_ord0.
move=> [_ [_ [[Y0 ->] [_ [N [[X0 ->] /IH[X [Y ->]] ->]]] ->]]].
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
by congr block_mx; apply: addrC.
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
