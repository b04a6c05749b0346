(* The least number of couplings with positive scales of a matrix, over the rationals.

   A coupling is [S X; 0 1] or [1 0; Y S], S diagonal and positive.  Theorem
   least_number_of_couplings, at the end, says of one matrix that it is a product
   of so many couplings and of no fewer.  To trust it, read its statement,
   is_coupling, rational and matrix_of; coqc checks the rest.

   Plan.  A product of couplings is one of shears, times a positive diagonal matrix
   (couplings_word); so M diag(y, x) is a word for some positive y and x. *)
From exactflow.certificates Require Export depth.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Close Scope Q_scope.
Local Open Scope ring_scope.

Definition is_coupling n (K : 'M[rat]_(n + n)) :=
  (exists (s : 'rV_n) X, (forall i, 0 < s 0 i) /\ K = block_mx (diag_mx s) X 0 1%:M) \/
  (exists (s : 'rV_n) Y, (forall i, 0 < s 0 i) /\ K = block_mx 1%:M 0 Y (diag_mx s)).

(* tr P F + tr Q G for positive diagonal F and G. *)
Lemma trace_weights n (P : 'M[rat]_n) s : \tr (P *m diag_mx s) = \sum_i P i i * s 0 i.
Proof. by rewrite mul_mx_diag; apply: eq_bigr => i _; rewrite mxE. Qed.

(* ------------------------------------------- polynomials at positive numbers *)
Arguments Qred : simpl never.
Arguments Qplus : simpl never.
Arguments Qmult : simpl never.
Arguments rational : simpl never.

(* A polynomial is a list of terms: coefficient, exponents of the variables. *)
Definition monomial := seq nat.
Definition polynomial := seq (Q * monomial).
Implicit Types (e : monomial) (p q : polynomial) (v : seq rat).

Fixpoint power_at v e : rat :=
  if v is x :: v' then if e is k :: e' then x ^+ k * power_at v' e' else 1 else 1.
Definition at_ v p := foldr (fun term y => rational term.1 * power_at v term.2 + y) 0 p.

Fixpoint times_monomial e e' : monomial :=
  match e, e' with
  | j :: e, k :: e' => (j + k)%N :: times_monomial e e'
  | [::], _ => e'
  | _, [::] => e
  end.
Fixpoint insert (term : Q * monomial) p : polynomial :=
  if p is term' :: p' then
    if term.2 == term'.2 then (Qred (Qplus term.1 term'.1), term.2) :: p'
    else term' :: insert term p'
  else [:: term].
Definition plus p q := foldr insert q p.
Definition times_term (term : Q * monomial) q : polynomial :=
  [seq (Qred (Qmult term.1 term'.1), times_monomial term.2 term'.2) | term' <- q].
Definition times p q := foldr (fun term => plus (times_term term q)) [::] p.
Definition constant x : polynomial := [:: (x, [::])].
Definition variable i : polynomial := [:: (Qmake 1 1, rcons (nseq i 0%N) 1%N)].

Section Values.
Variable v : seq rat.

Lemma power_at0 u : power_at u [::] = 1. Proof. by case: u. Qed.

Lemma power_atM e e' : power_at v (times_monomial e e') = power_at v e * power_at v e'.
Proof.
elim: v e e' => [|x u IH] [|j e] [|k e'] //=; rewrite ?mul1r ?mulr1 //.
by rewrite IH exprD mulrACA.
Qed.

Lemma at_insert term p : at_ v (insert term p) = rational term.1 * power_at v term.2 + at_ v p.
Proof.
elim: p => [|term' p IH] //=; case: eqP => [-> | _] /=; last by rewrite IH addrCA.
by rewrite rational_red rationalD mulrDl addrA.
Qed.

Lemma at_plus p q : at_ v (plus p q) = at_ v p + at_ v q.
Proof. by elim: p => [|term p IH] /=; rewrite ?add0r // at_insert IH addrA. Qed.

Lemma at_times p q : at_ v (times p q) = at_ v p * at_ v q.
Proof.
elim: p => [|term p IH] /=; first by rewrite mul0r.
rewrite at_plus IH mulrDl; congr (_ + _); elim: q {IH} => [|term' q IH] /=.
  by rewrite mulr0.
by rewrite IH rational_red rationalM power_atM mulrACA mulrDr.
Qed.

Lemma at_constant x : at_ v (constant x) = rational x.
Proof. by rewrite /= power_at0 mulr1 addr0. Qed.

Lemma at_variable i : at_ v (variable i) = nth 1 v i.
Proof.
rewrite /= addr0 -[rational _]/(1 / 1) divr1 mul1r.
elim: v i => [|x u IH] [|i] //=; last by rewrite mul1r IH.
by rewrite expr1 power_at0 mulr1.
Qed.

Lemma at_gt0 p : all (fun x => 0 < x) v -> all (fun term => nonnegative term.1) p ->
  has (fun term => above_0 term.1) p -> 0 < at_ v p.
Proof.
move=> v0; have e0 e : 0 < power_at v e.
  elim: v e v0 => [|x u IH] [|k e] //= /andP[x0 /IH u0]; by rewrite mulr_gt0 ?exprn_gt0.
have ge0 q : all (fun term => nonnegative term.1) q -> 0 <= at_ v q.
  elim: q => //= term q IH /andP[/nonnegativeP ? /IH ?].
  by rewrite addr_ge0 // mulr_ge0 // ltW.
elim: p => //= term p IH /andP[term0 p0] /orP[/above_0P pos|/(IH p0) pos].
  by rewrite ltr_pwDl ?ge0 // mulr_gt0.
by rewrite ltr_wpDl // mulr_ge0 ?nonnegativeP // ltW.
Qed.
End Values.
Arguments plus : simpl never.
Arguments times : simpl never.

(* Matrices of polynomials, the traces of their powers, and elementary symmetric functions of
   eigenvalues by Newton's identities. *)
Section Traces.
Variables (n : nat) (v : seq rat).
Definition sum_of_polynomials (f : nat -> polynomial) :=
  foldr (fun k => plus (f k)) [::] (iota 0 n).
Definition pentry (P : seq (seq polynomial)) i j := nth [::] (nth [::] P i) j.
Definition ptabulate f : seq (seq polynomial) := mkseq (fun i => mkseq (f i) n) n.
Definition pmul P R :=
  ptabulate (fun i j => sum_of_polynomials (fun k => times (pentry P i k) (pentry R k j))).
Definition values P : 'M[rat]_n := \matrix_(i, j) at_ v (pentry P i j).

Lemma pentryE f (i j : 'I_n) : pentry (ptabulate f) i j = f i j.
Proof. by rewrite /pentry !nth_mkseq. Qed.

Lemma at_sum f : at_ v (sum_of_polynomials f) = \sum_(k < n) at_ v (f k).
Proof.
rewrite -(big_mkord xpredT (fun k => at_ v (f k))) /index_iota subn0 /sum_of_polynomials.
by elim: (iota 0 n) => [|k s IH]; rewrite ?big_nil // big_cons -IH -at_plus.
Qed.

Lemma pmulE P R : values (pmul P R) = values P *m values R.
Proof.
apply/matrixP => i j; rewrite !mxE pentryE at_sum.
by apply: eq_bigr => k _; rewrite at_times !mxE.
Qed.

Definition power_traces P :=
  [seq sum_of_polynomials (fun i => pentry (iter k (pmul P) P) i i) | k <- iota 0 n].

Lemma power_tracesE P : [seq at_ v t | t <- power_traces P]
  = [seq \tr (power k.+1 (values P)) | k <- iota 0 n].
Proof.
rewrite -map_comp; apply: eq_map => k; rewrite /comp at_sum.
have -> : power k.+1 (values P) = values (iter k (pmul P) P).
  by elim: k => [|k IH]; rewrite powerS ?mulmx1 // IH /= pmulE.
by apply: eq_bigr => i _; rewrite mxE.
Qed.
End Traces.

Fixpoint alternating (x : Q) (es ps : seq polynomial) : polynomial :=
  if es is e :: es' then if ps is p :: ps' then
    plus (times (constant x) (times e p)) (alternating (Qopp x) es' ps')
  else [::] else [::].
(* From the traces ps of powers and e_(k-1), .., e_0, which are es: m more of these. *)
Fixpoint symmetric m k (ps es : seq polynomial) :=
  if m is m'.+1 then
    symmetric m' k.+1 ps (alternating (Qmake 1 (Pos.of_nat k)) es ps :: es)
  else es.

Section Symmetric.
Variable v : seq rat.
Local Notation at_v := (map (at_ v)).

Lemma same_symmetric m k ps ps' es es' : at_v ps = at_v ps' -> at_v es = at_v es' ->
  at_v (symmetric m k ps es) = at_v (symmetric m k ps' es').
Proof.
have alt x fs fs' qs qs' : at_v fs = at_v fs' -> at_v qs = at_v qs' ->
    at_ v (alternating x fs qs) = at_ v (alternating x fs' qs').
  elim: fs fs' qs qs' x => [|f fs IH] [|f' fs'] [|q qs] [|q' qs'] x //= [ef efs] [eq eqs].
  by rewrite !(at_plus _ (times _ _)) !at_times ef eq (IH _ _ _ _ efs eqs).
move=> eps; elim: m k es es' => //= m IH k es es' ees; apply: IH; congr (_ :: _) => //=.
exact: alt.
Qed.
End Symmetric.

(* ------------------------------------------- obstructions, by computation *)
(* Weights Ws: multipliers of linear equations, some of whose unknowns are positive.
   Signs ps: multipliers of e_n, .., e_1 of D diag(x) minus those of diag(y) a, x, y > 0,
   that give a polynomial in x and y without a negative coefficient. *)
Inductive scaled_obstruction := Weights of seq rows | Signs of seq polynomial.

Section ScaledCheck.
Variable n : nat.
Local Notation "x + y" := (add n x y) : rows_scope.
Local Notation "x * y" := (mul n x y) : rows_scope.
Local Notation "- x" := (opp n x) : rows_scope.
Local Notation "x - y" := (add n x (opp n y)) : rows_scope.
Local Notation I := (one n).
Local Open Scope rows_scope.
Implicit Types (A B C D a b c d : rows) (m : nat).

(* Whether tr P F + tr Q G = tr R is impossible for positive diagonal F and G. *)
Definition one_sided P Q R :=
  let weights := [seq entry P i i | i <- iota 0 n] ++ [seq entry Q i i | i <- iota 0 n]
    ++ [:: Qopp (trace n R)] in
  all nonnegative weights && has above_0 weights.

Definition times_variable j (x : Q) := times (constant x) (variable j).
Definition symmetric_of P := symmetric n 1 (power_traces n P) [:: constant (Qmake 1 1)].
Definition total ps D a :=
  let D' := symmetric_of (ptabulate n (fun i j => times_variable j (entry D i j))) in
  let a' := symmetric_of (ptabulate n (fun i j => times_variable (n + i) (entry a i j))) in
  foldr (fun t => plus (times t.1 (plus t.2.1 (times (constant (Qmake (-1) 1)) t.2.2)))) [::]
    (zip ps (zip D' a')).

Definition scaled_excludes m (o : scaled_obstruction) A B C D a c : bool :=
  match o, m with
  | Weights [:: P; Q; Di], 2 =>
      (vanishes n Q || same n (D * Di) I) &&
      one_sided P Q (P * D + Q * (A - B * Di * C))
  | Weights [:: P; Q; R], 3 =>
      [&& vanishes n (C * Q), vanishes n (R * C) &
          one_sided (P * C + A * Q) (c * P + R) (Q + R * D)]
  | Weights [:: Q], 4 =>
      [&& vanishes n (a * Q), vanishes n (Q * D) & one_sided (Q * C) (c * Q) (zero n)]
  | Signs ps, _ => [&& (m == 4) || [&& m == 5, vanishes n C & vanishes n c],
      all (fun term => nonnegative term.1) (total ps D a) &
      has (fun term => above_0 term.1) (total ps D a)]
  | _, _ => false
  end.
End ScaledCheck.

Section ScaledSound.
Variable n : nat.
Local Notation mx := (matrix_of n).
Implicit Types A B C D a b c d : rows.

Lemma one_sidedP P Q R f g : one_sided n P Q R -> positive_row f -> positive_row g ->
  \tr (mx P *m diag_mx f) + \tr (mx Q *m diag_mx g) != \tr (mx R).
Proof.
move=> + f0 g0; rewrite /one_sided !all_cat !has_cat !all_map !has_map /= andbT orbF.
rewrite !trace_weights -traceE; case/andP=> /and3P[/allP P0 /allP Q0 /nonnegativeP].
rewrite rationalN => R0 pos; rewrite -subr_eq0 gt_eqF //.
have inside (i : 'I_n) : (i : nat) \in iota 0 n by rewrite mem_iota ltn_ord.
have ge0 (S : rows) h : positive_row h -> (forall i : 'I_n, nonnegative (entry S i i)) ->
    0 <= \sum_i mx S i i * h 0 i.
  move=> h0 S0; apply: sumr_ge0 => i _; rewrite mxE mulr_ge0 ?nonnegativeP //; exact: ltW.
have gt0 (S : rows) h : positive_row h -> (forall i : 'I_n, nonnegative (entry S i i)) ->
    has (preim (fun i => entry S i i) above_0) (iota 0 n) -> 0 < \sum_i mx S i i * h 0 i.
  move=> h0 S0 /hasP[i]; rewrite mem_iota => /= lt_i /above_0P Si.
  rewrite (bigD1 (Ordinal lt_i)) //=; apply: ltr_pwDl; first by rewrite mxE mulr_gt0.
  by apply: sumr_ge0 => j _; rewrite mxE mulr_ge0 ?nonnegativeP //; apply: ltW.
have PP i := P0 _ (inside i); have QQ i := Q0 _ (inside i).
case/or3P: pos => [/(gt0 _ _ f0 PP) pos|/(gt0 _ _ g0 QQ) pos|/above_0P].
- by rewrite -addrA ltr_pwDl ?addr_ge0 ?ge0.
- by rewrite addrAC ltr_wpDl ?addr_ge0 ?ge0.
by rewrite rationalN => pos; rewrite ltr_wpDl ?addr_ge0 ?ge0.
Qed.

Lemma at_total v ps es es' : map (at_ v) es = map (at_ v) es' ->
  at_ v (foldr (fun t => plus (times t.1 (plus t.2.1 (times (constant (Qmake (-1) 1)) t.2.2))))
    [::] (zip ps (zip es es'))) = 0.
Proof.
elim: ps es es' => [|p ps IH] [|e es] [|e' es'] //= [ee /IH {}IH].
rewrite (at_plus _ (times _ _)) IH at_times (at_plus _ _ (times _ _)) at_times at_constant.
by rewrite ee -[rational _]/(- 1 / 1) divr1 mulN1r subrr mulr0 addr0.
Qed.

Lemma signsP ps D a x y : positive_row x -> positive_row y ->
  linked (mx D *m diag_mx x) 0 (diag_mx y *m mx a) 0 ->
  all (fun term => nonnegative term.1) (total n ps D a) ->
  has (fun term => above_0 term.1) (total n ps D a) -> False.
Proof.
move=> x0 y0 link nneg pos.
pose v := [seq x 0 i | i <- enum 'I_n] ++ [seq y 0 i | i <- enum 'I_n].
have size_x (z : 'rV[rat]_n) : size [seq z 0 i | i <- enum 'I_n] = n.
  by rewrite size_map size_enum_ord.
have nth_x (z : 'rV[rat]_n) (i : 'I_n) : nth 1 [seq z 0 i | i <- enum 'I_n] i = z 0 i.
  by rewrite (nth_map i) ?size_enum_ord // nth_ord_enum.
have eD : values n v (ptabulate n (fun i j => times_variable j (entry D i j)))
    = mx D *m diag_mx x.
  rewrite mul_mx_diag; apply/matrixP => i j; rewrite !mxE pentryE at_times at_constant.
  by rewrite at_variable nth_cat size_x ltn_ord nth_x.
have ea : values n v (ptabulate n (fun i j => times_variable (n + i) (entry a i j)))
    = diag_mx y *m mx a.
  rewrite mul_diag_mx; apply/matrixP => i j; rewrite !mxE pentryE at_times at_constant.
  by rewrite at_variable nth_cat size_x ltnNge leq_addr /= addKn nth_x mulrC.
have v0 : all (fun z => 0 < z) v.
  by rewrite all_cat !all_map; apply/andP; split; apply/allP => i _ /=.
have := at_gt0 v0 nneg pos; rewrite at_total ?ltxx //.
apply: same_symmetric => //; rewrite !power_tracesE eD ea; apply: eq_map => k.
by have /eqP := same_traces k.+1 link; rewrite linearB subr_eq0 => /eqP.
Qed.

Lemma scaled_excludesP m o A B C D a b c d :
  scaled_excludes n m o A B C D a c -> inverse n A B C D a b c d ->
  ~ scaled_word true m (block_mx (mx A) (mx B) (mx C) (mx D)).
Proof.
move=> ok /inverseP inv /unscaled_word[y [x [y0 x0]]].
have := scaled_inverse y0 x0 inv; rewrite block_scales.
have y0' := inv_row_gt0 y0; have x0' := inv_row_gt0 x0.
have [yK xK] := (diag_inv y0, diag_inv x0).
set y' := inv_row y in y0' yK *; set x' := inv_row x in x0' xK * => inv' w.
have [y'K x'K] := (mulmx1C yK, mulmx1C xK).
case: o ok => [Ws|ps] /=; last first.
  case/and3P=> m45 nneg pos; apply: signsP x0 y0' _ nneg pos.
  case/orP: m45 => [/eqP em|/and3P[/eqP em /vanishesP C0 /vanishesP c0]]; rewrite em in w.
    exact: word4_linked inv' w.
  by have := word5_linked inv' w; rewrite C0 c0 mul0mx mulmx0.
case: Ws => [|P [|Q [|R [|? ?]]]]; case: m w => [|[|[|[|[|m]]]]] w //.
- case/and3P=> /vanishesP + /vanishesP + /one_sidedP/(_ y0 x0')/eqP.
  rewrite !listE mxtrace0 => aQ QD; apply.
  have [W eW] := word4_inverse inv' w.
  rewrite -!mulmxA [\tr (mx c *m _)]mxtrace_mulC -mulmxA -mxtraceD -mulmxDr eW.
  rewrite mulmxBr linearB /= !mulmxA QD !mul0mx mxtrace0 sub0r mxtrace_mulC !mulmxA aQ.
  by rewrite !mul0mx mxtrace0 oppr0.
- case/andP=> Q_D /one_sidedP/(_ x0' y0')/eqP; apply; rewrite !listE.
  have [Dx ABC] := word2P w.
  have eD : mx D = diag_mx x' by rewrite -[LHS]mulmx1 -xK mulmxA Dx mul1mx.
  rewrite mxtraceD eD; congr (_ + _); case/orP: Q_D => [/vanishesP ->|/sameP].
    by rewrite !mul0mx.
  rewrite mulE oneE eD => x'R.
  have -> : mx R = diag_mx x by rewrite -[LHS]mul1mx -xK -mulmxA x'R mulmx1.
  congr (\tr (_ *m _)); rewrite -[LHS]mul1mx -ABC mulmxBl -!mulmxA yK !mulmx1.
  by rewrite !mulmxA.
case/and3P=> /vanishesP + /vanishesP + /one_sidedP/(_ y0 x0')/eqP; rewrite !listE.
move=> CQ RC; apply; have [X [Z [eA eD _]]] := word3P w; have ec := word3_inverse inv' w.
have eR : mx R *m mx D = mx R *m diag_mx x'.
  rewrite -[mx D]mulmx1 -xK [mx D *m _]mulmxA -(subrK 1%:M (mx D *m _)) -eD mulmxDl mul1mx.
  by rewrite mulmxDr !mulmxA RC !mul0mx add0r.
have eA' : mx A = X *m mx C + diag_mx y'.
  rewrite -[LHS]mulmx1 -yK mulmxA -(subrK 1%:M (mx A *m _)) -eA mulmxDl mul1mx.
  by rewrite -!mulmxA yK mulmx1.
have eQ : \tr (mx A *m mx Q *m diag_mx y) = \tr (mx Q).
  rewrite eA' !mulmxDl -(mulmxA X) CQ mulmx0 mul0mx add0r -mulmxA mxtrace_mulC -mulmxA.
  by rewrite yK mulmx1.
rewrite !mulmxDl !mxtraceD eQ eR addrACA -[RHS]add0r; congr (_ + _).
rewrite -!mulmxA [\tr (mx c *m _)]mxtrace_mulC -mulmxA -mxtraceD -mulmxDr ec subrr.
by rewrite mulmx0 mxtrace0.
Qed.
End ScaledSound.

(* ----------------------------------------------------------- the whole claim *)
(* A layer: whether it moves the first half, its scale, its block. *)
Definition scaled_layer := (bool * seq Q * rows)%type.

Section ScaledClaim.
Variable n : nat.
Local Notation mx := (matrix_of n).
Definition row_of (s : seq Q) : 'rV[rat]_n := \row_i rational (nth (Qmake 0 1) s i).
Definition diagonal (s : seq Q) :=
  tabulate n (fun i j => if i == j then nth (Qmake 0 1) s i else Qmake 0 1).

Lemma diagonalE s : mx (diagonal s) = diag_mx (row_of s).
Proof.
by apply/matrixP => i j; rewrite tabulateE !mxE val_eqE; case: eqP => [->|_].
Qed.

Fixpoint scaled_product (s : seq scaled_layer) : rows * rows * rows * rows :=
  if s is (u, r, X) :: s' then
    let: (A, B, C, D) := scaled_product s' in
    if u then (add n (mul n (diagonal r) A) (mul n X C), add n (mul n (diagonal r) B) (mul n X D),
               C, D)
    else (A, B, add n (mul n X A) (mul n (diagonal r) C), add n (mul n X B) (mul n (diagonal r) D))
  else (one n, zero n, zero n, one n).

Definition coupling_of (l : scaled_layer) : 'M[rat]_(n + n) :=
  let: (u, r, X) := l in
  if u then block_mx (diag_mx (row_of r)) (mx X) 0 1%:M
  else block_mx 1%:M 0 (mx X) (diag_mx (row_of r)).

Lemma scaled_productP s : let: (A, B, C, D) := scaled_product s in
  block_mx (mx A) (mx B) (mx C) (mx D) = \big[mulmx/1%:M]_(K <- map coupling_of s) K.
Proof.
elim: s => [|[[u r] X] s]; first by rewrite /= big_nil oneE zeroE -scalar_mx_block.
rewrite /= big_cons; case: (scaled_product s) => [[[A B] C] D] <-.
by case: u; rewrite !(addE, mulE, diagonalE) mulmx_block !(mul1mx, mul0mx, addr0, add0r).
Qed.

Definition positive_layer (l : scaled_layer) :=
  all (fun i => above_0 (nth (Qmake 0 1) l.1.2 i)) (iota 0 n).

Lemma positive_layerP l : positive_layer l -> is_coupling (coupling_of l).
Proof.
case: l => [[u r] X] /allP r0; have r_gt0 : positive_row (row_of r).
  by move=> i; rewrite mxE; apply/above_0P/r0; rewrite mem_iota ltn_ord.
by case: u {r0}; [left | right]; exists (row_of r), (mx X).
Qed.

(* One layer, not more, that starts with U. *)
Definition one_layer A C D := [&& everywhere n (fun i j =>
    if i == j then above_0 (entry A i j) else is_zero (entry A i j)),
  vanishes n C & same n D (one n)].

Lemma one_layerP A B C D (s : 'rV[rat]_n) X : positive_row s ->
  block_mx (mx A) (mx B) (mx C) (mx D) = block_mx (diag_mx s) X 0 1%:M -> one_layer A C D.
Proof.
move=> s0 /eq_block_mx[eA _ eC eD]; apply/and3P; split.
- apply/everywhereP => i j; have := congr1 (fun P : 'M_n => P i j) eA; rewrite /= !mxE -val_eqE.
  by case: eqP => _ e; [apply/above_0P | apply/is_zeroP]; rewrite e ?mulr1n.
- exact/vanishesP.
by apply/sameP; rewrite oneE.
Qed.

Definition scaled_holds (M N : rows) (s : seq scaled_layer) (of_U of_L : scaled_obstruction) :=
  let: (A, B, C, D) := (block n M 0 0, block n M 0 n, block n M n 0, block n M n n) in
  let: (a, b, c, d) := (block n N 0 0, block n N 0 n, block n N n 0, block n N n n) in
  let: (A', B', C', D') := scaled_product s in
  [&& same n A A', same n B B', same n C C', same n D D' & all positive_layer s &&
    match (size s).-1 with
    | 0 => nilp s || ~~ [&& same n A (one n), vanishes n B, vanishes n C & same n D (one n)]
    | 1 => ~~ one_layer A C D && ~~ one_layer D B A
    | m => [&& inverse n A B C D a b c d, inverse n D C B A d c b a,
        scaled_excludes n m of_U A B C D a c & scaled_excludes n m of_L D C B A d b]
    end].

Lemma scaled_holdsP M N s of_U of_L (M' := matrix_of (n + n) M) : scaled_holds M N s of_U of_L ->
  (exists Ks : seq 'M[rat]_(n + n),
    [/\ size Ks = size s, forall K, K \in Ks -> is_coupling K &
       M' = \big[mulmx/1%:M]_(K <- Ks) K]) /\
  forall Ks : seq 'M[rat]_(n + n), (forall K, K \in Ks -> is_coupling K) ->
    M' = \big[mulmx/1%:M]_(K <- Ks) K -> (size s <= size Ks)%N.
Proof.
rewrite /scaled_holds {}/M' blocksE; move: (block n M 0 0) (block n M 0 n) => A B.
move: (block n M n 0) (block n M n n) (block n N 0 0) (block n N 0 n) => C D a b.
move: (block n N n 0) (block n N n n) (scaled_productP s) => c d.
case: scaled_product => [[[A' B'] C'] D'] e.
case/and5P=> /sameP eA /sameP eB /sameP eC /sameP eD /andP[s0 why]; split.
  exists (map coupling_of s); rewrite size_map eA eB eC eD e; split=> // K.
  elim: (s) s0 => //= l s' IH /andP[l0 s0']; rewrite inE => /predU1P[->|/(IH s0')//].
  exact: positive_layerP.
move=> Ks sh eK; rewrite leqNgt; apply/negP => fewer.
case em : (size s).-1 why => [|[|m]].
- case/orP=> [/nilP s_nil|/negP[]]; first by rewrite s_nil in fewer.
  have : (size Ks <= 0)%N by rewrite -em; case: (size s) fewer.
  rewrite leqn0 size_eq0 => /eqP Ks0; move: eK; rewrite Ks0 big_nil scalar_mx_block.
  case/eq_block_mx=> eA1 eB1 eC1 eD1; apply/and4P.
  by split; try (apply/sameP; rewrite oneE); try apply/vanishesP.
- case/andP=> /negP noU /negP noL.
  have K_coupling : is_coupling (block_mx (mx A) (mx B) (mx C) (mx D)).
    have : (size Ks <= 1)%N by rewrite -em; case: (size s) fewer.
    case: Ks sh eK {fewer} => [|K [|? ?]] sh //= -> _; last first.
      by rewrite big_cons big_nil mulmx1; apply: sh; rewrite mem_head.
    rewrite big_nil scalar_mx_block; left; exists (const_mx 1), 0.
    by split=> [i|]; rewrite ?mxE // diag_const_mx.
  case: K_coupling => [[r [X [r0]]]|[r [X [r0 /(congr1 (@swap _ _ _))]]]].
    by move/(one_layerP r0).
  by rewrite !swap_block => /(one_layerP r0).
case/and4P=> invU invL /scaled_excludesP exU /scaled_excludesP exL.
have [|[] w] := couplings_word (m := m.+2) sh; first by rewrite -em; case: (size s) fewer.
  by move: w; rewrite -eK; apply: exU invU.
by move/scaled_word_swap: w; rewrite -eK swap_block; apply: exL invL.
Qed.
End ScaledClaim.
