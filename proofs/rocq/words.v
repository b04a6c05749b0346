(* Products of shears in any order.

   Main results
     shears_alternate   a product of at most m shears, in any order, is one of m alternating
                        shears, the first of which is a U or an L
     pairs_of_UL, pairs_of_LU   an even number of alternating shears, in pairs
     five_in_any_order  five shears in any order are U L U L U or L U L U L

   Role.  Lower bounds are proved for alternating shears; here they are had for all. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix.
From exactflow Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Words.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types (M N K : 'M[R]_(p + q)) (b c : bool).

Definition letter b K := if b then exists X, K = U X else exists Y, K = L Y.

(* m alternating shears, U first if b *)
Fixpoint word b m M :=
  if m is m'.+1 then exists K N, [/\ letter b K, word (~~ b) m' N & M = K *m N] else M = 1%:M.

Lemma letter1 b : letter b 1%:M.
Proof. by case: b; exists 0; rewrite ?U0 ?L0. Qed.

Lemma letterM b K N : letter b K -> letter b N -> letter b (K *m N).
Proof.
case: b => [] [X ->] [Y ->]; first by rewrite mul_UU; exists (Y + X).
by exists (Y + X); rewrite [L Y]/L mul_L !mulmx1 mulmx0 addr0.
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

Lemma five_in_any_order (R : comUnitRingType) p q (Ks : seq 'M[R]_(p + q)) :
  (forall K, K \in Ks -> shear K) -> (size Ks <= 5)%N ->
  (exists X Y Z W V, \big[mulmx/1%:M]_(K <- Ks) K = U X *m L Y *m U Z *m L W *m U V) \/
  (exists X Y Z W V, \big[mulmx/1%:M]_(K <- Ks) K = L X *m U Y *m L Z *m U W *m L V).
Proof.
move=> shears /(shears_alternate shears) [[]]
  [_ [_ [[X ->] [_ [_ [[Y ->] [_ [_ [[Z ->] [_ [_ [[W ->] [_ [_ [[V ->] -> ->]]] ->]]] ->]]] ->]]] ->]]].
  by left; exists X, Y, Z, W, V; rewrite mulmx1 !mulmxA.
by right; exists X, Y, Z, W, V; rewrite mulmx1 !mulmxA.
Qed.
