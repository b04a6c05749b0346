(* The least number of shears of a matrix whose halves differ in size.

   Plan.  grow appends coordinates to either half that nothing moves, so that both have n.  It
   takes products to products and shears to shears; so a matrix needs at least as many shears as
   the grown one. *)
From exactflow.certificates Require Export depth.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Close Scope Q_scope.
Local Open Scope ring_scope.

Definition is_unequal_shear p q (K : 'M[rat]_(p + q)) :=
  (exists X : 'M_(p, q), K = block_mx 1%:M X 0 1%:M) \/
  (exists Y : 'M_(q, p), K = block_mx 1%:M 0 Y 1%:M).

Section Grow.
Variables n p q : nat.
Hypotheses (p_n : (p <= n)%N) (q_n : (q <= n)%N).
Local Notation P := (pid_mx p : 'M[rat]_(n, p)).
Local Notation R := (pid_mx q : 'M[rat]_(n, q)).

Lemma pidT m k : (k <= m)%N -> (pid_mx k)^T *m (pid_mx k : 'M[rat]_(m, k)) = 1%:M.
Proof. by move=> k_m; rewrite tr_pid_mx mul_pid_mx !(minn_idPr _) // pid_mx_1. Qed.

Definition grow (M : 'M[rat]_(p + q)) : 'M[rat]_(n + n) := block_mx
  (P *m ulsubmx M *m P^T + (1%:M - P *m P^T)) (P *m ursubmx M *m R^T)
  (R *m dlsubmx M *m P^T) (R *m drsubmx M *m R^T + (1%:M - R *m R^T)).

Let J : 'M[rat]_(n + n, p + q) := block_mx P 0 0 R.

Lemma JJ : J^T *m J = 1%:M.
Proof.
rewrite tr_block_mx !trmx0 mulmx_block !mulmx0 !mul0mx !addr0 !add0r !pidT //.
by rewrite -scalar_mx_block.
Qed.

Lemma growE M : grow M = J *m M *m J^T + (1%:M - J *m J^T).
Proof.
rewrite -{2}[M]submxK tr_block_mx !trmx0 !mulmx_block !(mulmx0, mul0mx, addr0, add0r).
by rewrite [1%:M]scalar_mx_block opp_block_mx !add_block_mx !oppr0 !addr0.
Qed.

Lemma grow_mul M N : grow (M *m N) = grow M *m grow N.
Proof.
rewrite !growE; set E := 1%:M - J *m J^T.
have EJ : E *m J = 0 by rewrite mulmxBl mul1mx -mulmxA JJ mulmx1 subrr.
have JE : J^T *m E = 0 by rewrite mulmxBr mulmx1 mulmxA JJ mul1mx subrr.
have EE : E *m E = E by rewrite {1}/E mulmxBl mul1mx -mulmxA JE mulmx0 subr0.
clearbody E; rewrite mulmxDl !mulmxDr EE !mulmxA EJ !mul0mx add0r -!mulmxA JE !mulmx0 addr0.
by rewrite (mulmxA J^T) JJ mul1mx.
Qed.

Lemma grow1 : grow 1%:M = 1%:M.
Proof. by rewrite growE mulmx1 addrC subrK. Qed.

Lemma grow_inj M N : grow M = grow N -> M = N.
Proof.
have back K : J^T *m grow K *m J = K.
  rewrite growE mulmxDr mulmxDl !mulmxA JJ mul1mx -mulmxA JJ mulmx1 mulmxBr mulmx1.
  by rewrite !mulmxA JJ mul1mx subrr mul0mx addr0.
by move=> e; rewrite -(back M) e back.
Qed.

Definition unequal_shear (u : bool) (X : 'M[rat]_(p, q)) (Y : 'M[rat]_(q, p)) : 'M[rat]_(p + q) :=
  if u then block_mx 1%:M X 0 1%:M else block_mx 1%:M 0 Y 1%:M.

Lemma grow_shear u X Y : grow (unequal_shear u X Y)
  = if u then U (P *m X *m R^T) else L (R *m Y *m P^T).
Proof.
rewrite /grow; case: u; rewrite /= block_mxKul block_mxKur block_mxKdl block_mxKdr;
  by rewrite !mulmx1 !mulmx0 !mul0mx ![_ + (1%:M - _)]addrC !subrK.
Qed.

Lemma grow_prod (Ks : seq 'M[rat]_(p + q)) :
  grow (\big[mulmx/1%:M]_(K <- Ks) K) = \big[mulmx/1%:M]_(K <- [seq grow K | K <- Ks]) K.
Proof. by elim: Ks => [|K Ks IH]; rewrite ?big_nil ?grow1 // !big_cons grow_mul IH. Qed.

(* ------------------------------------------------------------- by computation *)
Definition inside m k (F : nat -> nat -> Q) := tabulate n (fun i j =>
  if (i < m)%N && (j < k)%N then F i j else Qmake Z0 1).
Definition inside_one m (F : nat -> nat -> Q) := tabulate n (fun i j =>
  if (i < m)%N && (j < m)%N then F i j else Qmake (if i == j then 1%Z else 0%Z) 1).

Lemma insideE m k F : (m <= n)%N -> (k <= n)%N -> matrix_of n (inside m k F) =
  (pid_mx m : 'M[rat]_(n, m)) *m (\matrix_(i, j) rational (F i j)) *m (pid_mx k : 'M_(n, k))^T.
Proof.
move=> m_n k_n; apply/matrixP => i j; rewrite tabulateE !mxE.
have left (l : 'I_k) : ((pid_mx m : 'M[rat]_(n, m)) *m (\matrix_(i, j) rational (F i j))) i l
    = if (i < m)%N then rational (F i l) else 0.
  rewrite mxE; case: ltnP => i_m.
    rewrite (bigD1 (Ordinal i_m)) //= !mxE /= eqxx i_m mul1r big1 ?addr0 // => t ne.
    rewrite !mxE; case: eqP => e; last by rewrite mul0r.
    by case/eqP: ne; apply: val_inj.
  by rewrite big1 // => t _; rewrite !mxE ltnNge i_m andbF mul0r.
under eq_bigr do rewrite left !mxE.
case: (ltnP j k) => j_k; last first.
  by rewrite andbF /rational mul0r big1 // => t _; rewrite andbF mulr0.
rewrite andbT (bigD1 (Ordinal j_k)) //= eqxx /= mulr1 big1 ?addr0; last first.
  move=> t ne; case: eqP => e; last by rewrite mulr0.
  by case/eqP: ne; apply: val_inj.
by case: ifP => // _; rewrite /rational mul0r.
Qed.

Lemma inside_oneE m F : (m <= n)%N -> matrix_of n (inside_one m F) =
  (pid_mx m : 'M[rat]_(n, m)) *m (\matrix_(i, j) rational (F i j)) *m (pid_mx m : 'M_(n, m))^T
  + (1%:M - (pid_mx m : 'M[rat]_(n, m)) *m (pid_mx m : 'M_(n, m))^T).
Proof.
move=> m_n; rewrite -insideE // tr_pid_mx mul_pid_mx !(minn_idPr _) //.
apply/matrixP => i j; rewrite !(tabulateE, mxE) -val_eqE /=.
case: ltnP => i_m /=; last by rewrite andbF subr0 [RHS]addrC; case: eqP => _;
  rewrite /rational /= ?mul0r ?divr1 ?addr0.
case: ltnP => j_m; first by rewrite andbT subrr addr0.
by case: eqP => [e|_]; [rewrite -e leqNgt i_m in j_m | rewrite /rational /= ?mul0r ?subrr ?subr0 ?addr0].
Qed.

(* The list of the grown matrix, corner by corner. *)
Definition grown (s : rows) : rows := tabulate (n + n) (fun i j =>
  let one := Qmake (if i == j then 1%Z else 0%Z) 1 in
  if (i < n)%N then
    if (j < n)%N then if (i < p)%N && (j < p)%N then entry s i j else one
    else if (i < p)%N && (j - n < q)%N then entry s i (p + (j - n)) else Qmake Z0 1
  else
    if (j < n)%N then if (i - n < q)%N && (j < p)%N then entry s (p + (i - n)) j else Qmake Z0 1
    else if (i - n < q)%N && (j - n < q)%N then entry s (p + (i - n)) (p + (j - n)) else one).

Lemma grownE s : matrix_of (n + n) (grown s) = grow (matrix_of (p + q) s).
Proof.
rewrite /grow.
have -> : ulsubmx (matrix_of (p + q) s) = \matrix_(i, j) rational (entry s i j).
  by apply/matrixP => i j; rewrite !mxE.
have -> : ursubmx (matrix_of (p + q) s) = \matrix_(i, j) rational (entry s i (p + j)).
  by apply/matrixP => i j; rewrite !mxE.
have -> : dlsubmx (matrix_of (p + q) s) = \matrix_(i, j) rational (entry s (p + i) j).
  by apply/matrixP => i j; rewrite !mxE.
have -> : drsubmx (matrix_of (p + q) s) = \matrix_(i, j) rational (entry s (p + i) (p + j)).
  by apply/matrixP => i j; rewrite !mxE.
rewrite -(inside_oneE (fun i j => entry s i j)) // -(insideE (fun i j => entry s i (p + j))) //.
rewrite -(insideE (fun i j => entry s (p + i) j)) //.
rewrite -(inside_oneE (fun i j => entry s (p + i) (p + j))) //.
apply/matrixP => i j; rewrite tabulateE.
have low (k : 'I_n) : (n + k < n)%N = false by rewrite ltnNge leq_addr.
by case: (split_ordP i) => i' ->; case: (split_ordP j) => j' ->;
  rewrite ?(block_mxEul, block_mxEur, block_mxEdl, block_mxEdr) tabulateE /= ?ltn_ord ?low ?addKn
    ?eqn_add2l.
Qed.

(* ----------------------------------------------------------- the whole claim *)
Definition grown_layer (l : layer) : layer :=
  (l.1, if l.1 then inside p q (entry l.2) else inside q p (entry l.2)).
Definition unequal_shear_of (l : layer) : 'M[rat]_(p + q) := unequal_shear l.1
  (\matrix_(i, j) rational (entry l.2 i j)) (\matrix_(i, j) rational (entry l.2 i j)).

Lemma grown_layerE l : shear_of n (grown_layer l) = grow (unequal_shear_of l).
Proof. by rewrite grow_shear /shear_of; case: l => [[] X] /=; rewrite insideE. Qed.

Lemma is_unequal_shearP K : is_unequal_shear K -> exists u X Y, K = unequal_shear u X Y.
Proof. by case=> [[X ->]|[Y ->]]; [exists true, X, 0 | exists false, 0, Y]. Qed.
End Grow.

Definition unequal_holds n p q (M N : rows) (s : seq layer) (of_U of_L : obstruction) :=
  [&& (p <= n)%N, (q <= n)%N &
    holds n (grown n p q M) (grown n p q N) (map (grown_layer n p q) s) of_U of_L].

Lemma unequal_holdsP n p q M N s of_U of_L (M' := matrix_of (p + q) M) :
  unequal_holds n p q M N s of_U of_L ->
  (exists Ks : seq 'M[rat]_(p + q),
    [/\ size Ks = size s, forall K, K \in Ks -> is_unequal_shear K &
       M' = \big[mulmx/1%:M]_(K <- Ks) K]) /\
  forall Ks : seq 'M[rat]_(p + q), (forall K, K \in Ks -> is_unequal_shear K) ->
    M' = \big[mulmx/1%:M]_(K <- Ks) K -> (size s <= size Ks)%N.
Proof.
case/and3P=> p_n q_n ok; split.
  exists (map (unequal_shear_of p q) s); rewrite size_map; split=> // [K|].
    elim: (s) => //= l s' IH; rewrite inE => /predU1P[->|//]; rewrite /unequal_shear_of.
    by case: (l.1); [left | right]; eexists.
  apply: (grow_inj p_n q_n); rewrite -grownE // (holds_product ok) grow_prod // -!map_comp.
  by congr (\big[mulmx/1%:M]_(K <- _) K); apply: eq_map => l; apply: grown_layerE.
move=> Ks sh e; have [_ least] := holdsP ok; rewrite -(size_map (grown_layer n p q) s).
rewrite -(size_map (@grow n p q) Ks); apply: least; last by rewrite grownE // -/M' e grow_prod.
move=> _ /mapP[K /sh/is_unequal_shearP[u [X [Y ->]]] ->]; rewrite grow_shear //.
by case: u; [left | right]; eexists.
Qed.
