(* Positive scales: affine couplings, not only additive ones.

   A coupling is [S X; 0 1] or [1 0; Y S], with S diagonal and positive.

   Main results
     six_couplings           a matrix of nonzero determinant is a product of six,
                             five of them additive; the scale of the sixth is
                             \det M in one entry and 1 in the others
     det_couplings_gt0       a product of any number of couplings has a positive
                             determinant, for any split p + q
     det_gt0P                so, for p = q, the products of couplings are the
                             matrices of positive determinant
     scaled_ULULU_trace      if diag(A, D) is a product of five couplings, then
                             tr (D Q^-1) = tr (P A^-1) for some positive
                             diagonal P and Q
     opposed_not_five        so diag(A, D) is no such product, in either order, if
                             the diagonal entries of D are >= 0, those of A^-1
                             are <= 0, and not all vanish

   Plan.  A positive diagonal matrix can be moved through a coupling from left to
   right (push_U, push_L), so that five scaled couplings are five shears times
   diag(P, Q).  By ULULU_block_upper, D Q^-1 = 1 + Y Z and P A^-1 = 1 + Z Y; now
   tr Y Z = tr Z Y.  The other order follows by transposition.

   Reference.  Koehler, Mehta, Risteski, ICML 2021, arXiv:2010.01155. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix mxalgebra.
From exactflow Require Import shears six_suffice five_do_not.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Definition scaled_U (R : comUnitRingType) p q s X : 'M[R]_(p + q) :=
  block_mx (diag_mx s) X 0 1%:M.
Definition scaled_L (R : comUnitRingType) p q s Y : 'M[R]_(p + q) :=
  block_mx 1%:M 0 Y (diag_mx s).

(* One scale is enough. *)
Definition first_entry (R : comUnitRingType) n (a : R) : 'rV_n.+1 :=
  \row_i (if i == 0 then a else 1).

Lemma det_first_entry (R : comUnitRingType) n (a : R) :
  \det (diag_mx (first_entry n a)) = a.
Proof.
rewrite det_diag (bigD1 ord0) //= mxE eqxx big1 ?mulr1 // => i /negbTE i0.
by rewrite mxE i0.
Qed.

Theorem six_couplings (F : fieldType) (s : seq F) n (M : 'M[F]_(n.+1 + n.+1)) :
  uniq s -> (n.+1 < size s)%N -> \det M != 0 ->
  exists W0 X Y Z W V : 'M[F]_n.+1,
    M = scaled_L (first_entry n (\det M)) W0 *m
        U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> us large dM; set S := diag_mx (first_entry n (\det M)).
pose T : 'M[F]_(n.+1 + n.+1) := block_mx 1%:M 0 0 S.
have dT : \det T = \det M by rewrite det_ublock det1 mul1r det_first_entry.
have uT : T \in unitmx by rewrite unitmxE dT unitfE.
have : \det (invmx T *m M) = 1 by rewrite det_mulmx det_inv dT mulVf.
case/(six_LULULU us large) => W0 [X [Y [Z [W [V e]]]]].
exists (S *m W0), X, Y, Z, W, V.
have -> : scaled_L (first_entry n (\det M)) (S *m W0) = T *m L W0.
  by rewrite /T /L; blocks.
by rewrite -[LHS](mulKVmx uT) e !mulmxA.
Qed.

Section PositiveScales.
Variable F : numFieldType.

Definition coupling p q (K : 'M[F]_(p + q)) :=
  (exists (s : 'rV_p) X, (forall i, 0 < s 0 i) /\ K = scaled_U s X) \/
  (exists (s : 'rV_q) Y, (forall i, 0 < s 0 i) /\ K = scaled_L s Y).

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

Lemma coupling_U p q (X : 'M_(p, q)) : coupling (U X).
Proof.
left; exists (const_mx 1), X; split=> [i|]; first by rewrite mxE ltr01.
by rewrite /scaled_U diag_const_mx.
Qed.

Lemma coupling_L p q (Y : 'M_(q, p)) : coupling (L Y).
Proof.
right; exists (const_mx 1), Y; split=> [i|]; first by rewrite mxE ltr01.
by rewrite /scaled_L diag_const_mx.
Qed.

Theorem det_gt0P n (M : 'M[F]_(n.+1 + n.+1)) :
  0 < \det M <->
  exists Ks, [/\ size Ks = 6, forall K, K \in Ks -> coupling K &
                 M = \big[mulmx/1%:M]_(K <- Ks) K].
Proof.
split=> [dM | [Ks [_ hK ->]]]; last exact: det_couplings_gt0.
have [s us large] := num_seq F n.+1.
have [|W0 [X [Y [Z [W [V e]]]]]] := six_couplings us large (M := M).
  by rewrite gt_eqF.
exists [:: scaled_L (first_entry n (\det M)) W0; U X; L Y; U Z; L W; U V]; split=> //.
  move=> K; rewrite !inE => /or4P[||| /or3P[]] /eqP ->; try exact: coupling_U;
    try exact: coupling_L.
  right; do 2!eexists; split; last by []; move=> i; rewrite mxE.
  by case: eqP => // _; apply: ltr01.
by rewrite !big_cons big_nil mulmx1 !mulmxA -e.
Qed.

(* Positive diagonal matrices, and how they move through a coupling. *)
Definition posdiag n (P : 'M[F]_n) := 
  exists2 s : 'rV_n, forall i, 0 < s 0 i & P = diag_mx s.

Lemma posdiag1 n : posdiag (1%:M : 'M_n).
Proof.
exists (const_mx 1) => [i|]; first by rewrite mxE ltr01.
by rewrite diag_const_mx.
Qed.

Lemma posdiag_mul n (P : 'M_n) (s : 'rV_n) :
  posdiag P -> (forall i, 0 < s 0 i) -> posdiag (P *m diag_mx s).
Proof.
case=> e e_gt0 -> s_gt0; exists (\row_i (e 0 i * s 0 i)) => [i|].
  by rewrite mxE mulr_gt0.
by rewrite mulmx_diag.
Qed.

Lemma all_gt0 n (s1 s2 s3 s4 s5 : 'rV[F]_n) :
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i]) ->
  [/\ forall i, 0 < s1 0 i, forall i, 0 < s2 0 i, forall i, 0 < s3 0 i,
      forall i, 0 < s4 0 i & forall i, 0 < s5 0 i].
Proof. by move=> s_gt0; split=> i; have /and5P[] := s_gt0 i. Qed.

Lemma posdiag_unit n (P : 'M_n) : posdiag P -> P \in unitmx.
Proof.
by case=> s s_gt0 ->; rewrite unitmxE unitfE gt_eqF // det_diag_gt0.
Qed.

Definition block_diag p q (P : 'M[F]_p) (Q : 'M[F]_q) := block_mx P 0 0 Q.

Lemma push_U p q (P : 'M_p) (Q : 'M_q) (s : 'rV_p) X : posdiag P -> posdiag Q ->
  (forall i, 0 < s 0 i) ->
  exists X' P', posdiag P' /\
    block_diag P Q *m scaled_U s X = U X' *m block_diag P' Q.
Proof.
move=> pP pQ s_gt0; exists (P *m X *m invmx Q), (P *m diag_mx s).
split; first exact: posdiag_mul.
by rewrite /block_diag mul_U /scaled_U; blocks; rewrite mulmxKV ?posdiag_unit.
Qed.

Lemma push_L p q (P : 'M_p) (Q : 'M_q) (s : 'rV_q) Y : posdiag P -> posdiag Q ->
  (forall i, 0 < s 0 i) ->
  exists Y' Q', posdiag Q' /\
    block_diag P Q *m scaled_L s Y = L Y' *m block_diag P Q'.
Proof.
move=> pP pQ s_gt0; exists (Q *m Y *m invmx P), (Q *m diag_mx s).
split; first exact: posdiag_mul.
by rewrite /block_diag mul_L /scaled_L; blocks; rewrite mulmxKV ?posdiag_unit.
Qed.

(* diag(A, D) is a product of five couplings: what follows. *)
Section Five.
Variable n : nat.
Variables s1 s2 s3 s4 s5 : 'rV[F]_n.
Hypothesis s_gt0 : forall i,
  [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i].
Implicit Types A D X Y Z W V : 'M[F]_n.

Definition traces_agree A D := exists P Q,
  [/\ posdiag P, posdiag Q & \tr (D *m invmx Q) = \tr (P *m invmx A)].

Lemma split_diag A D (P Q : 'M_n) (K : 'M_(n + n)) : posdiag P -> posdiag Q ->
  block_mx A 0 0 D = K *m block_diag P Q ->
  block_mx (A *m invmx P) 0 0 (D *m invmx Q) = K.
Proof.
move=> /posdiag_unit uP /posdiag_unit uQ e.
have -> : block_mx (A *m invmx P) 0 0 (D *m invmx Q)
  = block_mx A 0 0 D *m block_diag (invmx P) (invmx Q).
  by rewrite /block_diag; blocks.
rewrite e -mulmxA [block_diag P Q *m _]mulmx_block; blocks.
by rewrite !mulmxV // -scalar_mx_block mulmx1.
Qed.

Lemma split_traces A D (P Q : 'M_n) : posdiag P -> posdiag Q -> A \in unitmx ->
  (A *m invmx P \in unitmx -> \tr (D *m invmx Q) = \tr (invmx (A *m invmx P))) ->
  traces_agree A D.
Proof.
move=> pP pQ uA e; have uP := posdiag_unit pP.
have uAP : A *m invmx P \in unitmx by rewrite unitmx_mul uA unitmx_inv.
exists P, Q; split; rewrite ?e //; congr (\tr _).
by rewrite -[RHS](mulmxK uAP) !mulmxA mulmxKV // mulmxV // mul1mx.
Qed.

Theorem scaled_ULULU_trace A D X Y Z W V : A \in unitmx ->
  block_mx A 0 0 D = scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m
                     scaled_L s4 W *m scaled_U s5 V ->
  traces_agree A D.
Proof.
move=> uA; have [p1 p2 p3 p4 p5] := all_gt0 s_gt0.
have [X' [P1 [P1p e1]]] := push_U X (posdiag1 n) (posdiag1 n) p1.
have [Y' [Q2 [Q2p e2]]] := push_L Y P1p (posdiag1 n) p2.
have [Z' [P3 [P3p e3]]] := push_U Z P1p Q2p p3.
have [W' [Q4 [Q4p e4]]] := push_L W P3p Q2p p4.
have [V' [P5 [P5p e5]]] := push_U V P3p Q4p p5.
rewrite -[scaled_U s1 X]mul1mx scalar_mx_block e1 -(mulmxA _ _ (scaled_L s2 _)).
rewrite e2 mulmxA -(mulmxA _ _ (scaled_U s3 _)) e3 mulmxA.
rewrite -(mulmxA _ _ (scaled_L s4 _)) e4 mulmxA -(mulmxA _ _ (scaled_U s5 _)) e5.
rewrite mulmxA => /(split_diag P5p Q4p) e; apply: split_traces P5p Q4p uA _ => uAP.
exact: ULULU_trace uAP e.
Qed.

Theorem scaled_LULUL_trace A D X Y Z W V : A \in unitmx ->
  block_mx A 0 0 D = scaled_L s1 X *m scaled_U s2 Y *m scaled_L s3 Z *m
                     scaled_U s4 W *m scaled_L s5 V ->
  traces_agree A D.
Proof.
move=> uA; have [p1 p2 p3 p4 p5] := all_gt0 s_gt0.
have [X' [Q1 [Q1p e1]]] := push_L X (posdiag1 n) (posdiag1 n) p1.
have [Y' [P2 [P2p e2]]] := push_U Y (posdiag1 n) Q1p p2.
have [Z' [Q3 [Q3p e3]]] := push_L Z P2p Q1p p3.
have [W' [P4 [P4p e4]]] := push_U W P2p Q3p p4.
have [V' [Q5 [Q5p e5]]] := push_L V P4p Q3p p5.
rewrite -[scaled_L s1 X]mul1mx scalar_mx_block e1 -(mulmxA _ _ (scaled_U s2 _)).
rewrite e2 mulmxA -(mulmxA _ _ (scaled_L s3 _)) e3 mulmxA.
rewrite -(mulmxA _ _ (scaled_U s4 _)) e4 mulmxA -(mulmxA _ _ (scaled_L s5 _)) e5.
rewrite mulmxA => /(split_diag P4p Q5p) e; apply: split_traces P4p Q5p uA _ => uAP.
exact: LULUL_trace uAP e.
Qed.

(* The traces cannot agree if all their terms have opposite signs. *)
Lemma opposed_traces A D :
  (forall i, 0 <= D i i) -> (forall i, invmx A i i <= 0) ->
  (exists i, D i i != 0 \/ invmx A i i != 0) -> ~ traces_agree A D.
Proof.
move=> D_ge0 a_le0 [i Da] [_ [_ [[e e_gt0 ->] [d d_gt0 ->]]]].
have ud : diag_mx d \in unitmx by apply: posdiag_unit; exists d.
set E := D *m _; set a := invmx A in a_le0 Da *.
have DE j : D j j = E j j * d 0 j.
  by rewrite -{1}[D](mulmxKV ud) mul_mx_diag mxE.
have E_ge0 j : 0 <= E j j by rewrite -(pmulr_lge0 _ (d_gt0 j)) -DE.
have ea_ge0 j : 0 <= - (e 0 j * a j j) by rewrite -mulrN pmulr_rge0 // oppr_ge0.
have eaE j : (diag_mx e *m a) j j = e 0 j * a j j by rewrite mul_diag_mx mxE.
move/eqP; rewrite -subr_eq0 /mxtrace -sumrB psumr_eq0 => [|j _]; last first.
  by rewrite eaE addr_ge0.
move/allP/(_ i (mem_index_enum _)); rewrite eaE paddr_eq0 //.
rewrite oppr_eq0 mulf_eq0 (gt_eqF (e_gt0 i)) /= => /andP[/eqP Ei ai].
by case: Da => [|/negP[//]]; rewrite DE Ei mul0r eqxx.
Qed.

Theorem opposed_not_five A D : A \in unitmx ->
  (forall i, 0 <= D i i) -> (forall i, invmx A i i <= 0) ->
  (exists i, D i i != 0 \/ invmx A i i != 0) ->
  forall X Y Z W V,
    block_mx A 0 0 D <> scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m
                        scaled_L s4 W *m scaled_U s5 V /\
    block_mx A 0 0 D <> scaled_L s1 X *m scaled_U s2 Y *m scaled_L s3 Z *m
                        scaled_U s4 W *m scaled_L s5 V.
Proof.
move=> uA D_ge0 a_le0 nz X Y Z W V.
by split=> [/(scaled_ULULU_trace uA) | /(scaled_LULUL_trace uA)];
  apply: opposed_traces.
Qed.
End Five.

(* The instance diag(-1, 1). *)
Corollary minus_one_not_five_couplings n (s1 s2 s3 s4 s5 : 'rV[F]_n.+1)
    (X Y Z W V : 'M[F]_n.+1) :
  (forall i, [&& 0 < s1 0 i, 0 < s2 0 i, 0 < s3 0 i, 0 < s4 0 i & 0 < s5 0 i]) ->
  block_mx (- 1%:M) 0 0 1%:M <> scaled_U s1 X *m scaled_L s2 Y *m scaled_U s3 Z *m
                                scaled_L s4 W *m scaled_U s5 V /\
  block_mx (- 1%:M) 0 0 1%:M <> scaled_L s1 X *m scaled_U s2 Y *m scaled_L s3 Z *m
                                scaled_U s4 W *m scaled_L s5 V.
Proof.
move=> s_gt0; rewrite -scaleN1r scalemx1.
apply: opposed_not_five => // [|i|i|]; rewrite ?invmx_scalar ?invrN1.
- by rewrite unitmxE det_scalar unitrX ?unitrN1.
- by rewrite mxE eqxx ler01.
- by rewrite mxE eqxx oppr_le0 ler01.
- by exists 0; left; rewrite mxE eqxx oner_eq0.
Qed.
End PositiveScales.
