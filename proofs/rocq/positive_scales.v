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
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix mxalgebra.
From exactflow Require Import shears six_suffice hyperplane.
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

Theorem six_couplings (F : fieldType) p q (M : 'M[F]_(p + q.+1)) :
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
by rewrite /scaled_U diag_const_mx.
Qed.

Lemma coupling_L p q (Y : 'M[F]_(q, p)) : coupling (L Y).
Proof.
right; exists (const_mx 1), Y; split=> [i|]; first by rewrite mxE ltr01.
by rewrite /scaled_L diag_const_mx.
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
