(* The least number of shears of a matrix, over the rationals: written by exactflow.

   Theorem least_number_of_shears, at the end, says of one matrix that it is a
   product of so many shears and of no fewer.  To trust it, read its statement,
   is_shear, rational and matrix_of; coqc checks the rest.

   Plan.  The words of one letter fewer that start with U and with L must both be
   impossible.  An obstruction is what the lemmas of the last part need, its
   conditions computed on lists of rationals by vm_compute. *)
From exactflow.certificates Require Export shears rationals.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Close Scope Q_scope.
Local Open Scope ring_scope.

(* Trace k: the k-th powers of D and a have different traces.
   Linear Ws: multipliers of linear equations that the letters fulfil.
   Ranks of_a at_1 f p K P Q G H r s: with the ranks r and s of K p(D) and f(a) P + Q,
   rank_clash is violated, or rank_clash_at_one if f is x - 1, then not written.
   a, P and Q are written transposed, and exchanged with D, if of_a holds.
   Multiple r G k g Ws: if c = - k C and C G C = C, of rank r, traces_of_multiple tells
   the traces g of the powers of an r x r matrix; Ws refutes their recurrence. *)
Inductive obstruction :=
  | Trace of nat
  | Linear of seq rows
  | Ranks of bool & bool & seq Q & seq Q & rows & rows & rows & rows & rows & nat & nat
  | Multiple of nat & rows & Q & seq Q & seq Q.

Declare Scope rows_scope.
Delimit Scope rows_scope with L.
Section Check.
Variable n : nat.
Local Notation "x + y" := (add n x y) : rows_scope.
Local Notation "x * y" := (mul n x y) : rows_scope.
Local Notation "- x" := (opp n x) : rows_scope.
Local Notation "x - y" := (add n x (opp n y)) : rows_scope.
Local Notation I := (one n).
Local Open Scope rows_scope.
Implicit Types (A B C D a b c d : rows) (m : nat).

Definition inverse A B C D a b c d :=
  [&& same n (A * a + B * c) I, vanishes n (A * b + B * d),
      vanishes n (C * a + D * c) & same n (C * b + D * d) I].

Definition nonzero (s : seq rows) := ~~ is_zero (trace n (foldr (add n) (zero n) s)).

(* K f(D), and whether it is K f(D - C V) for all V. *)
Definition act (f : seq Q) K D := foldr (fun x E => scale n x K + E * D) (zero n) f.
Fixpoint fixed f K D C :=
  if f is x :: f' then vanishes n (act f' K D * C) && fixed f' K D C else true.

Definition is_x_minus_1 f :=
  if f is [:: x; y] then is_zero (Qplus x (Qmake 1 1)) && is_zero (Qplus y (Qmake (-1) 1))
  else false.
Definition clash at_1 f p K P Q G H r s D C a c :=
  let R := act p K D in
  let R' := if at_1 then act f R D else R in
  let T := act f P a + Q in
  [&& fixed p K D C, fixed f R D C, fixed f R' D C, vanishes n (act f R' D) &
      if at_1 then is_x_minus_1 f else ~~ is_zero (foldr Qplus (Qmake 0 1) f)] &&
  [&& fixed f P a c, fixed p Q a c, vanishes n (act p Q a) &
      [&& same n (R' * G) (ones n r), same n (T * H) (ones n s), (r <= n)%N, (s <= n)%N &
          (n < r + s)%N]].

Definition at_place (s : seq Q) j := nth (Qmake 0 1) s j.
Definition power_of k j := iter j (Qmult k) (Qmake 1 1).
Definition recurs (g weights : seq Q) i :=
  sum (size weights) (fun j => Qmult (at_place weights j) (at_place g (i + j)%N)).
Definition multiple r G k g weights C D a c :=
  let E := I - C * G in let P := I - G * C in
  let factor j := Qplus (Qmake 1 1) (Qopp (power_of k j)) in
  let rank := Qmake (Z.of_nat r) 1 in
  [&& ~~ is_zero k, vanishes n (c + scale n k C), vanishes n (C * a + D * c),
      same n (C * G * C) C & is_zero (Qplus rank (Qopp (trace n (C * G))))] &&
  [&& is_zero (Qplus rank (Qopp (at_place g 0))), (size weights + r <= size g)%N,
      all (fun j => ~~ is_zero (factor j) && is_zero (Qplus (Qmult (factor j) (at_place g j))
          (trace n (iter j (mul n (E * D)) I * E - P * iter j (mul n (a * P)) I))))
        (iota 1 (size g).-1),
      all (fun i => is_zero (recurs g weights i)) (iota 0 r) & ~~ is_zero (recurs g weights r)].

Definition excludes m (o : obstruction) A B C D a c : bool :=
  match o, m with
  | Trace k, _ => ((m == 4) || [&& m == 5, vanishes n C & vanishes n c]) &&
      nonzero [:: iter k (mul n D) I; - iter k (mul n a) I]
  | Ranks of_a at_1 f p K P Q G H r s, _ =>
      ((m == 4) || (m == 5)) &&
      let: (C', c') := if m == 4 then (zero n, zero n) else (C, c) in
      let test := clash at_1 f p K P Q G H r s in
      if of_a then test (tr n a) (tr n c') D C' else test D C' (tr n a) (tr n c')
  | Multiple r G k g weights, 5 => multiple r G k g weights C D a c
  | Linear [:: P; Q; R; T], 0 => nonzero [:: P * (A - I); Q * C; R * (D - I); T * B]
  | Linear [:: P; Q; R], 1 => nonzero [:: P * (A - I); Q * C; R * (D - I)]
  | Linear [:: P; Q], 2 => nonzero [:: P * (D - I); Q * (A - B * C - I)]
  | Linear [:: P; Q; R], 3 =>
      [&& vanishes n (C * P + R), vanishes n (Q * C + R * A) &
          nonzero [:: P * (A - I); Q * (D - I); R * B]]
  | Linear [:: P; Q; R], 4 =>
      [&& vanishes n (a * P - P * D + (Q + B * R)), vanishes n (Q * D),
          vanishes n (D * R) & nonzero [:: Q * C; R * (D - I)]]
  | _, _ => false
  end.
End Check.

Section Sound.
Variable n : nat.
Local Notation mx := (matrix_of n).
Implicit Types A B C D a b c d : rows.

Definition listE := (addE, oppE, mulE, oneE, zeroE).

Lemma powerE k s : mx (iter k (mul n s) (one n)) = power k (mx s).
Proof. by elim: k => [|k IH] /=; rewrite ?oneE // mulE IH. Qed.

Lemma inverseP A B C D a b c d : inverse n A B C D a b c d ->
  block_mx (mx A) (mx B) (mx C) (mx D) *m block_mx (mx a) (mx b) (mx c) (mx d) = 1%:M.
Proof.
case/and4P=> /sameP e1 /vanishesP e2 /vanishesP e3 /sameP e4.
by rewrite mulmx_block -!mulE -!addE e1 e2 e3 e4 oneE -scalar_mx_block.
Qed.

Lemma nonzeroP s : nonzero n s -> \tr (foldr (fun P X => mx P + X) 0 s) != 0.
Proof.
apply: contra => /eqP e; apply/is_zeroP; rewrite traceE -[RHS]e; congr (\tr _).
by elim: s {e} => [|P s IH]; rewrite /= ?zeroE // addE IH.
Qed.

Lemma actE f S D : mx (act n f S D) = mx S *m value (map rational f) (mx D).
Proof.
elim: f => [|x f IH] /=; first by rewrite zeroE mulmx0.
by rewrite addE scaleE mulE IH mulmxDr mul_mx_scalar mulmxA.
Qed.

Lemma fixedP f S D C V : fixed n f S D C ->
  mx (act n f S D) = mx S *m value (map rational f) (mx D - mx C *m V).
Proof.
elim: f => [|x f IH] /=; first by rewrite zeroE mulmx0.
case/andP=> /vanishesP; rewrite mulE => fC /IH e.
rewrite addE scaleE mulE mulmxDr mul_mx_scalar mulmxA -e mulmxBr mulmxA fC.
by rewrite mul0mx subr0.
Qed.

Lemma rank_at_least s t r : same n (mul n s t) (ones n r) -> (r <= n)%N ->
  (r <= \rank (mx s))%N.
Proof.
move/sameP; rewrite mulE onesE => e r_n.
by rewrite -(rank_pid_mx rat r_n r_n) -e mxrankM_maxl.
Qed.

Lemma sum_of f : rational (foldr Qplus (Qmake 0 1) f) = foldr +%R 0 (map rational f).
Proof.
elim: f => [|x f IH] /=; first by rewrite /rational mul0r.
by rewrite rationalD IH.
Qed.

Lemma is_x_minus_1P f : is_x_minus_1 f -> map rational f = [:: -1; 1].
Proof.
case: f => [|x [|y [|? ?]]] //= /andP[/is_zeroP + /is_zeroP]; rewrite !rationalD.
rewrite /(rational (Qmake 1 1)) /(rational (Qmake (-1) 1)) /= !divr1.
by move=> /eqP + /eqP; rewrite addr_eq0 subr_eq0 => /eqP-> /eqP->.
Qed.

Lemma clashP at_1 f p K P Q G H r s D C a c : clash n at_1 f p K P Q G H r s D C a c ->
  ~ linked (mx D) (mx C) (mx a)^T (mx c)^T.
Proof.
case/andP=> /and5P[fK fR fR' R0 f1].
case/and4P=> fP fQ /vanishesP Q0 /and5P[rR rT r_n s_n n_rs] [V [Y [Z [eD ea]]]].
have {rR r_n}r_R := rank_at_least rR r_n; have {rT s_n}s_T := rank_at_least rT s_n.
suff : (r + s <= n)%N by rewrite leqNgt n_rs.
apply: leq_trans (leq_add r_R s_T) _; rewrite -[X in (_ + X)%N]mxrank_tr addE linearD /=.
have e : mx a - mx c *m (- V^T) = (1%:M + Z *m Y)^T.
  by rewrite -ea linearD /= trmx_mul !trmxK mulmxN opprK.
move/(congr1 trmx): Q0; rewrite (fixedP (- V^T) fP) (fixedP (- V^T) fQ) e trmx0.
rewrite !trmx_mul !valueT trmxK => pQ.
case: at_1 f1 fR' R0 {r_R s_T} => [/is_x_minus_1P|] f1 fR' /vanishesP.
  rewrite (fixedP V fR') (fixedP V fR) (fixedP V fK) eD f1 => R0.
  exact: rank_clash_at_one (erefl _) (erefl _) R0 pQ.
rewrite (fixedP V fR') (fixedP V fK) eD => R0.
apply: rank_clash (erefl _) (erefl _) _ R0 pQ.
by rewrite -sum_of; apply/eqP => /is_zeroP; apply/negP.
Qed.

Lemma power_ofE k j : rational (power_of k j) = rational k ^+ j.
Proof.
elim: j => [|j IH]; first by rewrite /rational /= divr1.
by rewrite exprS -IH -rationalM.
Qed.

Lemma multipleP r G k g weights C D a c : multiple n r G k g weights C D a c ->
  ~ linked (mx D) (mx C) (mx a) (mx c).
Proof.
case/andP=> /and5P[k0 /vanishesP ec /vanishesP inv /sameP GC /is_zeroP er].
case/and5P=> /is_zeroP g0 size_g /allP gE /allP zero_i nz [V [Y [Z [eD ea]]]].
have {}k0 : rational k != 0 by apply/eqP => /is_zeroP; apply/negP.
have {}ec : mx c = (- rational k) *: mx C.
  by apply/eqP; rewrite scaleNr -addr_eq0 -scaleE -addE ec.
rewrite addE !mulE in inv; rewrite !mulE in GC.
have [r' [T [er' tr_T]]] := traces_of_multiple eD ea k0 ec inv GC.
have rankE : rational (Qmake (Z.of_nat r) 1) = r%:R by rewrite /rational /= whole_nat divr1.
rewrite rationalD rationalN traceE mulE rankE in er.
have r'r : r' = r by apply/eqP; rewrite -(eqr_nat rat) er' eq_sym -subr_eq0 er.
rewrite {r'}r'r in T er' tr_T *; rewrite rationalD rationalN rankE in g0.
have g_T j : (j < size g)%N -> rational (at_place g j) = \tr (power j T).
  case: j => [|j] lt_j; first by rewrite /= mxtrace1; apply/eqP; rewrite eq_sym -subr_eq0 g0.
  have /gE/andP[f0 /is_zeroP] : j.+1 \in iota 1 (size g).-1.
    by rewrite mem_iota add1n prednK // (leq_trans _ lt_j).
  rewrite rationalD rationalM traceE !(addE, oppE, mulE, powerE, oneE).
  rewrite linearB /= => /eqP; rewrite addr_eq0 opprB => /eqP e.
  have {}f0 : rational (Qplus (Qmake 1 1) (Qopp (power_of k j.+1))) != 0.
    by apply/eqP => /is_zeroP; apply/negP.
  apply: (mulfI f0); rewrite e; apply/eqP; rewrite rationalD rationalN power_ofE.
  rewrite -[rational (Qmake 1 1)]/(1 / 1) divr1 mulrBl mul1r subr_eq addrAC eq_sym subr_eq.
  by rewrite addrC; apply/eqP/(tr_T j.+1).
have [s rec] := recurrence T.
case/negP: nz; apply/is_zeroP.
have sumg i : (i <= r)%N -> rational (recurs g weights i)
    = \sum_(j < size weights) rational (at_place weights j) * \tr (power (j + i) T).
  move=> i_r; rewrite sumE; apply: eq_bigr => j _; rewrite rationalM g_T 1?addnC //.
  by apply: leq_trans size_g; rewrite -addSn leq_add.
rewrite sumg //.
under eq_bigr do rewrite rec mulr_sumr.
rewrite exchange_big big1 //= => i _.
under eq_bigr do rewrite mulrCA.
rewrite -mulr_sumr -sumg 1?ltnW //.
have /zero_i/is_zeroP -> : (i : nat) \in iota 0 r by rewrite mem_iota ltn_ord.
by rewrite mulr0.
Qed.

Lemma excludesP m o A B C D a b c d :
  excludes n m o A B C D a c -> inverse n A B C D a b c d ->
  ~ word true m (block_mx (mx A) (mx B) (mx C) (mx D)).
Proof.
case: o => [k|Ws|of_a at_1 f p K P Q G H r s|r G k g weights] /=;
  last by case: m => [|[|[|[|[|[|m]]]]]] // /multipleP no_link /inverseP i /(word5_linked i).
- case/andP=> m45 /nonzeroP + /inverseP inv w.
  rewrite /= addr0 oppE !powerE => /eqP; apply; apply: same_traces.
  case/orP: m45 => [/eqP e|/and3P[/eqP e /vanishesP C0 /vanishesP c0]]; rewrite e in w.
    exact: word4_linked inv w.
  by have := word5_linked inv w; rewrite C0 c0.
- case: Ws => [|P [|Q [|R [|S [|? ?]]]]]; case: m => [|[|[|[|[|m]]]]] //.
  + move/nonzeroP => nz _ /word2P[eD eA]; case/negP: nz.
    by rewrite /= !listE eD eA !subrr !mulmx0 !addr0 mxtrace0.
  + move/nonzeroP => nz _ /word1P[eA eC eD]; case/negP: nz.
    by rewrite /= !listE eD eA eC !subrr !mulmx0 !addr0 mxtrace0.
  + case/and3P => /vanishesP + /vanishesP + /nonzeroP nz _ w; rewrite !listE => hX hZ.
    by case/negP: nz; rewrite /= !listE addr0 (multiplier3 w hX hZ).
  + case/and4P => /vanishesP + /vanishesP + /vanishesP + /nonzeroP nz /inverseP inv w.
    rewrite !listE => hY hW hX; case/negP: nz.
    by rewrite /= !listE addr0 (multiplier4 inv w hY hW hX).
  + move/nonzeroP => nz _ /= e; case/negP: nz; move: e.
    rewrite /= !listE [1%:M]scalar_mx_block => /eq_block_mx[-> -> -> ->].
    by rewrite !subrr !mulmx0 !addr0 mxtrace0.
set Cc := if m == 4 then _ else _ => /andP[m45] ok /inverseP inv w.
have {m45 w inv} : linked (mx D) (mx Cc.1) (mx a) (mx Cc.2).
  rewrite /Cc; case/orP: m45 w => /eqP-> w; first by rewrite /= zeroE; apply: word4_linked inv w.
  exact: word5_linked inv w.
case: Cc ok => C' c' /=; case: of_a => /clashP; rewrite !trE ?trmxK // => nl /linkedT.
exact: nl.
Qed.
End Sound.

(* ----------------------------------------------------------- the whole claim *)
(* A layer: whether it moves the first half, and its block. *)
Definition layer := (bool * rows)%type.
Definition shear_of n (l : layer) : 'M[rat]_(n + n) :=
  if l.1 then U (matrix_of n l.2) else L (matrix_of n l.2).

Fixpoint product n (s : seq layer) : rows * rows * rows * rows :=
  if s is (u, X) :: s' then
    let: (A, B, C, D) := product n s' in
    if u then (add n A (mul n X C), add n B (mul n X D), C, D)
    else (A, B, add n C (mul n X A), add n D (mul n X B))
  else (one n, zero n, zero n, one n).

Definition holds n (M N : rows) (s : seq layer) (of_U of_L : obstruction) :=
  let: (A, B, C, D) := (block n M 0 0, block n M 0 n, block n M n 0, block n M n n) in
  let: (a, b, c, d) := (block n N 0 0, block n N 0 n, block n N n 0, block n N n n) in
  let: (A', B', C', D') := product n s in
  [&& same n A A', same n B B', same n C C', same n D D' &
    nilp s || [&& inverse n A B C D a b c d, inverse n D C B A d c b a,
      excludes n (size s).-1 of_U A B C D a c & excludes n (size s).-1 of_L D C B A d b]].

Lemma productP n s : let: (A, B, C, D) := product n s in
  block_mx (matrix_of n A) (matrix_of n B) (matrix_of n C) (matrix_of n D) =
  \big[mulmx/1%:M]_(K <- map (shear_of n) s) K.
Proof.
elim: s => [|[u X] s].
  by rewrite /= big_nil oneE zeroE -scalar_mx_block.
rewrite /= big_cons; case: (product n s) => [[[A B] C] D] <-.
by case: u; rewrite !(addE, mulE) (mul_U, mul_L).
Qed.

Lemma holds_product n M N s of_U of_L : holds n M N s of_U of_L ->
  matrix_of (n + n) M = \big[mulmx/1%:M]_(K <- map (shear_of n) s) K.
Proof.
rewrite /holds blocksE; have := productP n s; case: product => [[[A' B'] C'] D'] e.
by case/and5P=> /sameP -> /sameP -> /sameP -> /sameP -> _.
Qed.

Lemma holdsP n M N s of_U of_L (M' := matrix_of (n + n) M) : holds n M N s of_U of_L ->
  (exists Ks : seq 'M[rat]_(n + n),
    [/\ size Ks = size s, forall K, K \in Ks -> is_shear K &
       M' = \big[mulmx/1%:M]_(K <- Ks) K]) /\
  forall Ks : seq 'M[rat]_(n + n), (forall K, K \in Ks -> is_shear K) ->
    M' = \big[mulmx/1%:M]_(K <- Ks) K -> (size s <= size Ks)%N.
Proof.
rewrite /holds {}/M' blocksE; move: (block n M 0 0) (block n M 0 n) => A B.
move: (block n M n 0) (block n M n n) (block n N 0 0) (block n N 0 n) => C D a b.
move: (block n N n 0) (block n N n n) (productP n s) => c d.
case: product => [[[A' B'] C'] D'] e.
case/and5P=> /sameP eA /sameP eB /sameP eC /sameP eD why; split.
  exists (map (shear_of n) s).
  rewrite size_map eA eB eC eD e; split=> // K.
  elim: (s) => // [[u X] s' IH]; rewrite inE => /predU1P[->|//].
  by case: u; [left | right]; exists (matrix_of n X).
move=> Ks sh eK; rewrite leqNgt; apply/negP => fewer.
case/orP: why => [/nilP s0|]; first by rewrite s0 in fewer.
case/and4P=> invU invL /excludesP exU /excludesP exL.
have [|[] w] := @shears_alternate _ _ _ (size s).-1 Ks sh; first by case: (size s) fewer.
  by move: w; rewrite -eK; apply: exU invU.
by move/word_swap: w; rewrite -eK swap_block; apply: exL invL.
Qed.

(* The same in other words: no product of fewer. *)
Lemma no_fewer d (kind : 'M[rat]_d -> Prop) k (M : 'M[rat]_d) (made : Prop) :
  (made /\ forall Ks : seq 'M[rat]_d, (forall K, K \in Ks -> kind K) ->
    M = \big[mulmx/1%:M]_(K <- Ks) K -> (k <= size Ks)%N) ->
  made /\ forall Ks : seq 'M[rat]_d, (forall K, K \in Ks -> kind K) -> (size Ks < k)%N ->
    M <> \big[mulmx/1%:M]_(K <- Ks) K.
Proof.
case=> is_made least; split=> // Ks kinds fewer e.
by have := least Ks kinds e; rewrite leqNgt fewer.
Qed.
