(* Couplings with positive scales: shears, and one positive diagonal matrix.

   A coupling is [S X; 0 1] or [1 0; Y S], S diagonal and positive.

   Main results
     word_push          a positive diagonal matrix moves through a word from left to right
     couplings_word     so a product of at most m couplings, in any order, is a word of m letters
                        times such a matrix
     scaled_word_swap   exchanging the halves exchanges the kinds of letters
     scaled_inverse     the blocks of M diag(y, x) and of its inverse *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype bigop.
From mathcomp Require Import ssralg ssrnum zmodp matrix.
From exactflow.certificates Require Export shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Open Scope ring_scope.

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
Proof. by rewrite /scales; blocks; rewrite !mulmx_diag. Qed.

Lemma block_scales (A : 'M_p) B C (D : 'M_q) s t : block_mx A B C D *m scales s t =
  block_mx (A *m diag_mx s) (B *m diag_mx t) (C *m diag_mx s) (D *m diag_mx t).
Proof. by rewrite /scales; blocks. Qed.

Lemma scales_block (A : 'M_p) B C (D : 'M_q) s t : scales s t *m block_mx A B C D =
  block_mx (diag_mx s *m A) (diag_mx s *m B) (diag_mx t *m C) (diag_mx t *m D).
Proof. by rewrite /scales; blocks. Qed.

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
  by rewrite mul_U /scales; blocks; rewrite mulmxKV ?unit_positive.
exists (L (diag_mx t *m X *m invmx (diag_mx s))); first by eexists.
by rewrite mul_L /scales; blocks; rewrite mulmxKV ?unit_positive.
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
move=> lK s0 t0 [W [s' [t' [wW s'0 t'0 ->]]]]; have [W' wW' e] := word_push s0 t0 wW.
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
have [[s [X [s_gt0 ->]]]|[s [X [s_gt0 ->]]]] := hK K (mem_head _ _); rewrite big_cons.
  by exists true; apply: scaled_word_U wM.
by exists false; apply: scaled_word_L wM.
Qed.

Lemma unscaled_word b m M : scaled_word b m M ->
  exists s t, [/\ positive_row s, positive_row t & word b m (M *m scales s t)].
Proof.
move=> [W [s [t [wW s0 t0 ->]]]]; exists (inv_row s), (inv_row t).
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
move=> [W [s [t [wW s0 t0 ->]]]]; exists (swap W), t, s.
by rewrite swap_mul /scales swap_block; split=> //; apply: word_swap.
Qed.
