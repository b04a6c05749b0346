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

   Plan.  Every coupling is a shear times a positive diagonal matrix, and these
   move through shears from left to right (push_U, push_L): a product of m
   couplings is one of m alternating shears times diag(E, Delta), a word.  By
   four_affine and ULULU_block_upper, D = (1 + Y Z) Delta and E a = 1 + Z Y for some
   Y and Z.  The sums of the k-minors of 1 + Y Z and 1 + Z Y agree, being
   coefficients of one polynomial; positive scales leave the signs of the minors.
   Exchanging the two halves exchanges U and L, A and D, a and d.

   Reference.  Koehler, Mehta, Risteski, ICML 2021, arXiv:2010.01155. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp poly mxpoly matrix mxalgebra.
From exactflow Require Import shears six_suffice five_do_not positive_scales.
From exactflow Require Import four_affine principal_minors.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Section OpposedMinors.
Variables (F : numFieldType) (n : nat).
Implicit Types (A B C D X Y Z W a d : 'M[F]_n) (s t : 'rV[F]_n) (M N : 'M[F]_(n + n)).

Definition positive s := forall i, 0 < s 0 i.

Lemma unit_positive s : positive s -> diag_mx s \in unitmx.
Proof. by move=> s_gt0; rewrite unitmxE unitfE gt_eqF // det_diag_gt0. Qed.

(* What the blocks of a product satisfy, and what opposed minors exclude. *)
Definition tied D a := exists s t Y Z, [/\ positive s, positive t,
  D = (1%:M + Y *m Z) *m diag_mx t & diag_mx s *m a = 1%:M + Z *m Y].

Lemma opposed_not_tied k D a : opposed k D a -> ~ tied D a.
Proof.
move=> [z z0 [signs [S Sk nz]]] [s [t [Y [Z [s_gt0 t_gt0 eD ea]]]]].
have kn : (k <= n)%N by rewrite -Sk -[X in (_ <= X)%N]card_ord max_card.
have prod_gt0 (T : {set 'I_n}) r : positive r -> 0 < \prod_(i in T) r 0 i.
  by move=> r_gt0; apply: prodr_gt0.
have {}signs (T : {set 'I_n}) : #|T| == k ->
    0 <= z * minor (1%:M + Y *m Z) T /\ z * minor (1%:M + Z *m Y) T <= 0.
  move=> /eqP/signs[]; rewrite eD principal_minor_mulr mulrCA pmulr_rge0 ?prod_gt0 //.
  by split=> //; rewrite -ea principal_minor_mull mulrCA pmulr_rle0 ?prod_gt0.
have /(congr1 (fun p : {poly F} => p`_(n - k))) := char_poly_YZ Y Z.
rewrite !coef_char_poly // => /(mulfI (negbT (signr_eq0 _ _)))/(congr1 ( *%R z))/eqP.
rewrite -subr_eq0 !big_distrr -sumrB psumr_eq0 => [|T /signs[]]; last first.
  by rewrite -oppr_ge0; apply: addr_ge0.
move/eqP/signs: (Sk) => [D_ge0 a_le0] /allP/(_ S (mem_index_enum _)); rewrite Sk eqxx /=.
rewrite paddr_eq0 ?oppr_ge0 // oppr_eq0 !mulf_eq0 (negbTE z0) /= => /andP[/eqP D0].
move: nz; rewrite eD principal_minor_mulr D0 mulr0 eqxx -ea principal_minor_mull /=.
by rewrite mulf_eq0 => /negbTE->; rewrite gt_eqF ?prod_gt0.
Qed.

(* Words: alternating shears, U first if b, times a positive diagonal matrix. *)
Definition shear (b : bool) X : 'M[F]_(n + n) := if b then U X else L X.
Definition scales s t : 'M[F]_(n + n) := block_mx (diag_mx s) 0 0 (diag_mx t).

Fixpoint word b m M :=
  if m is m'.+1 then exists X N, word (~~ b) m' N /\ M = shear b X *m N
  else exists s t, [/\ positive s, positive t & M = scales s t].

Lemma push_U s t X : positive t ->
  scales s t *m U X = U (diag_mx s *m X *m invmx (diag_mx t)) *m scales s t.
Proof. by move=> /unit_positive ut; rewrite mul_U /scales; blocks; rewrite mulmxKV. Qed.

Lemma push_L s t Y : positive s ->
  scales s t *m L Y = L (diag_mx t *m Y *m invmx (diag_mx s)) *m scales s t.
Proof. by move=> /unit_positive us; rewrite mul_L /scales; blocks; rewrite mulmxKV. Qed.

Lemma word_scales b m s t M : positive s -> positive t ->
  word b m M -> word b m (scales s t *m M).
Proof.
move=> s_gt0 t_gt0; elim: m b M => [|m IH] b M /=.
  move=> [s' [t' [s'_gt0 t'_gt0 ->]]].
  exists (\row_i (s 0 i * s' 0 i)), (\row_i (t 0 i * t' 0 i)).
  by split=> [i|i|]; rewrite ?mxE ?mulr_gt0 // /scales; blocks; rewrite !mulmx_diag.
move=> [X [N [wN ->]]]; rewrite mulmxA.
have [X' ->] : exists X', scales s t *m shear b X = shear b X' *m scales s t.
  by case: b {wN}; [rewrite push_U // | rewrite push_L //]; eexists.
by exists X', (scales s t *m N); rewrite mulmxA; split=> //; apply: IH.
Qed.

Lemma word_grow b m M : word b m M -> word b m.+1 M.
Proof.
elim: m b M => [|m IH] b M wM; last first.
  by move: wM => [Y [N [wN ->]]]; exists Y, N; split=> //; apply: IH.
by exists 0, M; split; rewrite // /shear U0 L0 if_same mul1mx.
Qed.

Lemma word_shear b c m X M : word b m M -> word c m.+1 (shear c X *m M).
Proof.
have [<- /word_grow[Y [N [wN ->]]] | bc wM] := eqVneq b c; last first.
  by exists X, M; split=> //; case: b c bc wM => [] [].
exists (Y + X), N; split=> //; rewrite mulmxA; congr (_ *m _).
by case: b {wN}; [apply: mul_UU | rewrite [LHS]mul_L mulmx1 mulmx0 addr0].
Qed.

Lemma word_U b m s X M : positive s -> word b m M -> word true m.+1 (scaled_U s X *m M).
Proof.
move=> s_gt0 wM; have -> : scaled_U s X = shear true X *m scales s (const_mx 1).
  by rewrite mul_U diag_const_mx; blocks.
by rewrite -mulmxA; apply: word_shear (word_scales _ _ wM) => // i; rewrite mxE ltr01.
Qed.

Lemma word_L b m s Y M : positive s -> word b m M -> word false m.+1 (scaled_L s Y *m M).
Proof.
move=> s_gt0 wM; have -> : scaled_L s Y = shear false Y *m scales (const_mx 1) s.
  by rewrite mul_L diag_const_mx; blocks.
by rewrite -mulmxA; apply: word_shear (word_scales _ _ wM) => // i; rewrite mxE ltr01.
Qed.

Lemma word1 b m : word b m 1%:M.
Proof.
elim: m b => [|m IH] b; last exact: word_grow.
exists (const_mx 1), (const_mx 1).
by split=> [i|i|]; rewrite ?mxE ?ltr01 // /scales !diag_const_mx -scalar_mx_block.
Qed.

Lemma couplings_word m (Ks : seq 'M[F]_(n + n)) :
  (forall K, K \in Ks -> coupling K) -> (size Ks <= m)%N ->
  exists b, word b m (\big[mulmx/1%:M]_(K <- Ks) K).
Proof.
elim: Ks m => [|K Ks IH] m hK; first by exists true; rewrite big_nil; apply: word1.
case: m => // m /IH[K' K's|b wM]; first by apply: hK; rewrite inE K's orbT.
have [[s [X [s_gt0 ->]]]|[s [X [s_gt0 ->]]]] := hK K (mem_head _ _); rewrite big_cons.
  by exists true; apply: word_U wM.
by exists false; apply: word_L wM.
Qed.

(* Four letters, U first; five if C = 0, or in the other order if B = 0. *)
Lemma word_four A B C D a b c d : word true 4 (block_mx A B C D) ->
  block_mx A B C D *m block_mx a b c d = 1%:M -> tied D a.
Proof.
move=> [X [? [[Y [? [[Z [? [[W [? [[s [t [s_gt0 t_gt0 ->]]] ->]]] ->]]] ->]]] eM]]] inv.
by rewrite !mulmxA in eM; have [eD ea] := four_affine inv eM; exists s, t, Y, Z.
Qed.

Lemma word_five u A B C D a b c d : word u 5 (block_mx A B C D) ->
  block_mx A B C D *m block_mx a b c d = 1%:M -> (if u then C else B) = 0 -> tied D a.
Proof.
move=> [X [? [[Y [? [[Z [? [[W [? [[V [? [[s [t [s_gt0 t_gt0 ->]]] ->]]] ->]]] ->]]] ->]]] eM]]].
have [uS uT] := (unit_positive s_gt0, unit_positive t_gt0); move=> inv zero.
pose K := shear u X *m shear (~~ u) Y *m shear u Z *m shear (~~ u) W *m shear u V.
have {}eM : block_mx A B C D = K *m scales s t by rewrite eM !negbK !mulmxA.
have Aa : A *m a = 1%:M.
  move: inv (mulmx1C inv); rewrite scalar_mx_block !mulmx_block.
  case: u zero {K eM} => -> /eq_block_mx[+ _ _ _] /eq_block_mx[+ _ _ _].
    by rewrite mulmx0 addr0 => _ /mulmx1C.
  by rewrite mul0mx addr0.
move: eM; rewrite -[K]submxK mulmx_block; blocks.
case/eq_block_mx => eA eB eC eD.
suff [P [Q [Kd Ka]]] : exists P Q,
    drsubmx K = 1%:M + P *m Q /\ (1%:M + Q *m P) *m ulsubmx K = 1%:M.
  exists s, t, P, Q; split; rewrite // -?Kd //.
  by rewrite -[RHS]mulmx1 -[X in _ = _ *m X]Aa eA !mulmxA Ka mul1mx.
have := esym (submxK K); rewrite {1}/K; case: (u) zero eB eC => -> eB eC.
  have -> : dlsubmx K = 0 by rewrite -[LHS](mulmxK uS) -eC mul0mx.
  by move/ULULU_block_upper => ?; exists Y, Z.
have -> : ursubmx K = 0 by rewrite -[LHS](mulmxK uT) -eB mul0mx.
by move/LULUL_block_lower => ?; exists Z, W.
Qed.

(* Exchanging the two halves. *)
Definition swap M := block_mx (drsubmx M) (dlsubmx M) (ursubmx M) (ulsubmx M).

Lemma swapM M N : swap (M *m N) = swap M *m swap N.
Proof.
rewrite -[M]submxK -[N]submxK mulmx_block /swap.
rewrite !(block_mxKul, block_mxKur, block_mxKdl, block_mxKdr) mulmx_block.
by congr block_mx; apply: addrC.
Qed.

Lemma swap_block A B C D : swap (block_mx A B C D) = block_mx D C B A.
Proof. by rewrite /swap block_mxKul block_mxKur block_mxKdl block_mxKdr. Qed.

Lemma word_swap b m M : word b m M -> word (~~ b) m (swap M).
Proof.
elim: m b M => [|m IH] b M /=.
  by move=> [s [t [s_gt0 t_gt0 ->]]]; exists t, s; rewrite /scales swap_block.
move=> [X [N [/IH wN ->]]]; exists X, (swap N); split=> //.
by rewrite swapM; congr (_ *m _); case: b {wN}; apply: swap_block.
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
rewrite e -!mulmxA -[scaled_L s4 W]mulmx1; apply: word_U; last apply: word_L;
  last apply: word_U; last apply: word_L (word1 true 0); by move=> i; case/and4P: (s_gt0 i).
Qed.

Theorem opposed_not_five k s1 s2 s3 s4 s5 X Y Z W V : opposed k D a -> C = 0 ->
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i]) ->
  block_mx A B C D <> scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W *m
                      scaled_U s5 V.
Proof.
move=> opp C0 s_gt0 e; case: (opposed_not_tied opp); apply: (word_five (u := true)) inv C0.
rewrite e -!mulmxA -[scaled_U s5 V]mulmx1; apply: word_U; last apply: word_L;
  last apply: word_U; last apply: word_L; last apply: word_U (word1 false 0);
  by move=> i; case/and5P: (s_gt0 i).
Qed.

Theorem opposed_need_five k l (Ks : seq 'M[F]_(n + n)) : opposed k D a -> opposed l A d ->
  (forall K, K \in Ks -> coupling K) -> (size Ks <= 4)%N ->
  block_mx A B C D <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
move=> oppDa oppAd hK /(couplings_word hK) [[]] + e; rewrite -e.
  by move=> w; apply: opposed_not_tied oppDa (word_four w inv).
have := congr1 swap inv; rewrite swapM scalar_mx_block !swap_block -scalar_mx_block => inv'.
move/word_swap; rewrite swap_block => w.
exact: opposed_not_tied oppAd (word_four w inv').
Qed.
End Theorems.

(* Four couplings: all scales at the end. *)
Theorem scales_last s1 s2 s3 s4 X Y Z W :
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i & 0 < s4 0 i]) ->
  exists X' Y' Z' W' s t, [/\ positive s, positive t &
    scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W =
    U X' *m L Y' *m U Z' *m L W' *m scales s t].
Proof.
move=> s_gt0; have : word true 4 (scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m scaled_L s4 W).
  rewrite -!mulmxA -[scaled_L s4 W]mulmx1; apply: word_U; last apply: word_L;
    last apply: word_U; last apply: word_L (word1 true 0); by move=> i; case/and4P: (s_gt0 i).
move=> [X' [? [[Y' [? [[Z' [? [[W' [? [[s [t [s_gt t_gt ->]]] ->]]] ->]]] ->]]] ->]]].
by exists X', Y', Z', W', s, t; rewrite !mulmxA.
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
