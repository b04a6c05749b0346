(* The least number of shears of a matrix, over the rationals: written by exactflow.

   A shear is [1 X; 0 1] or [1 0; Y 1], with blocks of n x n entries.  Theorem
   least_number_of_shears, at the end, says of one matrix that it is a product of
   so many shears and of no fewer.  To trust it, read its statement, is_shear,
   rational and matrix_of; coqc checks the rest.  Needs MathComp (algebra).

   Plan.  Products of fewer shears are alternating products U X * L Y * U Z * ..
   of exactly one fewer, in one of two orders (fewer_are_words).  Exchanging the
   halves turns one order into the other (word_swap).  Each obstruction is a
   lemma about words that start with U; its conditions are computed, on lists of
   lists of rationals, by vm_compute. *)
From Coq Require Import ZArith QArith Lia.
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix mxalgebra rat.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Close Scope Q_scope.
Open Scope ring_scope.

Definition whole (z : Z) : rat :=
  match z with
  | Z0 => 0
  | Zpos p => (Pos.to_nat p)%:R
  | Zneg p => - (Pos.to_nat p)%:R
  end.
Definition rational (q : Q) : rat := whole (Qnum q) / (Pos.to_nat (Qden q))%:R.
Definition rows := seq (seq Q).
Definition entry (s : rows) i j : Q := nth (Qmake Z0 1) (nth [::] s i) j.
Definition matrix_of n (s : rows) : 'M[rat]_n := \matrix_(i, j) rational (entry s i j).

Definition is_shear n (K : 'M[rat]_(n + n)) :=
  (exists X, K = block_mx 1%:M X 0 1%:M) \/ (exists Y, K = block_mx 1%:M 0 Y 1%:M).

(* ------------------------------------------------ computing with rationals *)
Lemma whole_nat n : whole (Z.of_nat n) = n%:R.
Proof. by case: n => // n; rewrite /= SuccNat2Pos.id_succ. Qed.

Lemma wholeN z : whole (- z) = - whole z.
Proof. by case: z => [|p|p] /=; rewrite ?oppr0 ?opprK. Qed.

Lemma whole_sub a b : whole (Z.of_nat a - Z.of_nat b) = a%:R - b%:R.
Proof.
case: (leqP b a) => [|/ltnW] le_ab.
  have -> : (Z.of_nat a - Z.of_nat b)%Z = Z.of_nat (a - b)%N.
    by move/leP: le_ab => ?; rewrite Nat2Z.inj_sub.
  by rewrite whole_nat natrB.
have -> : (Z.of_nat a - Z.of_nat b)%Z = (- Z.of_nat (b - a)%N)%Z.
  by move/leP: le_ab => ?; rewrite Nat2Z.inj_sub //; lia.
by rewrite wholeN whole_nat natrB // opprB.
Qed.

Lemma split_whole z : exists a b, z = (Z.of_nat a - Z.of_nat b)%Z.
Proof. by exists (Z.to_nat z), (Z.to_nat (- z)); lia. Qed.

Lemma wholeD x y : whole (x + y) = whole x + whole y.
Proof.
have [a [b ->]] := split_whole x; have [c [d ->]] := split_whole y.
have -> : (Z.of_nat a - Z.of_nat b + (Z.of_nat c - Z.of_nat d))%Z
  = (Z.of_nat (a + c)%N - Z.of_nat (b + d)%N)%Z by rewrite !Nat2Z.inj_add; lia.
by rewrite !whole_sub !natrD opprD addrACA.
Qed.

Lemma wholeM x y : whole (x * y) = whole x * whole y.
Proof.
have [a [b ->]] := split_whole x; have [c [d ->]] := split_whole y.
have -> : ((Z.of_nat a - Z.of_nat b) * (Z.of_nat c - Z.of_nat d))%Z
  = (Z.of_nat (a * c + b * d)%N - Z.of_nat (a * d + b * c)%N)%Z.
  by rewrite !Nat2Z.inj_add !Nat2Z.inj_mul; lia.
by rewrite !whole_sub !natrD !natrM mulrBl !mulrBr opprD opprB addrACA.
Qed.

Lemma whole_eq0 z : whole z = 0 -> z = 0%Z.
Proof.
have pos p : (Pos.to_nat p)%:R != 0 :> rat by rewrite pnatr_eq0; apply/eqP; lia.
by case: z => //= p /eqP; rewrite ?oppr_eq0 (negbTE (pos p)).
Qed.

Lemma whole_pos p : whole (Zpos p) = (Pos.to_nat p)%:R.
Proof. by []. Qed.

Lemma den_neq0 p : (Pos.to_nat p)%:R != 0 :> rat.
Proof. by apply/eqP => /(@whole_eq0 (Zpos p)). Qed.

Lemma rational_eq x y : Qeq x y -> rational x = rational y.
Proof.
rewrite /Qeq /rational => /(congr1 whole); rewrite !wholeM !whole_pos => e.
by apply/eqP; rewrite eqr_div ?den_neq0 // e.
Qed.

Lemma rationalD x y : rational (Qred (Qplus x y)) = rational x + rational y.
Proof.
rewrite (rational_eq (Qred_correct _)) /rational /= wholeD !wholeM.
by rewrite Pos2Nat.inj_mul natrM addf_div ?den_neq0.
Qed.

Lemma rationalM x y : rational (Qmult x y) = rational x * rational y.
Proof. by rewrite /rational /= wholeM Pos2Nat.inj_mul natrM mulf_div. Qed.

Lemma rationalN x : rational (Qopp x) = - rational x.
Proof. by rewrite /rational /= wholeN mulNr. Qed.

Definition is_zero (x : Q) := if Qnum x is Z0 then true else false.
Lemma is_zeroP x : reflect (rational x = 0) (is_zero x).
Proof.
rewrite /is_zero /rational; case: x => [[|p|p] d] /=; constructor.
- by rewrite mul0r.
- by apply/eqP; rewrite mulf_neq0 ?invr_eq0 ?den_neq0.
- by apply/eqP; rewrite mulf_neq0 ?invr_eq0 ?oppr_eq0 ?den_neq0.
Qed.

(* ------------------------------------------- computing with square matrices *)
Section Lists.
Variable n : nat.
Implicit Types s t : rows.
Notation mx := (matrix_of n).

Definition tabulate (f : nat -> nat -> Q) : rows := mkseq (fun i => mkseq (f i) n) n.
Definition sum (f : nat -> Q) : Q :=
  foldr (fun k x => Qred (Qplus (f k) x)) (Qmake Z0 1) (iota 0 n).
Definition one := tabulate (fun i j => Qmake (if i == j then 1%Z else 0%Z) 1).
Definition zero := tabulate (fun _ _ => Qmake Z0 1).
Definition add s t := tabulate (fun i j => Qred (Qplus (entry s i j) (entry t i j))).
Definition opp s := tabulate (fun i j => Qopp (entry s i j)).
Definition mul s t := tabulate (fun i j => sum (fun k => Qmult (entry s i k) (entry t k j))).
Definition trace s := sum (fun i => entry s i i).
Definition vanishes s := all (fun i => all (fun j => is_zero (entry s i j)) (iota 0 n)) (iota 0 n).
Definition same s t := vanishes (add s (opp t)).

Lemma tabulateE f (i j : 'I_n) : mx (tabulate f) i j = rational (f i j).
Proof. by rewrite mxE /entry !nth_mkseq. Qed.

Lemma sumE f : rational (sum f) = \sum_(k < n) rational (f k).
Proof.
rewrite -(big_mkord xpredT (fun k => rational (f k))) /index_iota subn0 /sum.
elim: (iota 0 n) => [|k s IH]; first by rewrite big_nil /rational mul0r.
by rewrite big_cons /= rationalD IH.
Qed.

Lemma oneE : mx one = 1%:M.
Proof.
apply/matrixP => i j; rewrite tabulateE mxE val_eqE.
by case: (i == j); rewrite /rational /= ?mul0r ?divr1.
Qed.

Lemma zeroE : mx zero = 0.
Proof. by apply/matrixP => i j; rewrite tabulateE mxE /rational mul0r. Qed.

Lemma addE s t : mx (add s t) = mx s + mx t.
Proof. by apply/matrixP => i j; rewrite tabulateE rationalD !mxE. Qed.

Lemma oppE s : mx (opp s) = - mx s.
Proof. by apply/matrixP => i j; rewrite tabulateE rationalN !mxE. Qed.

Lemma mulE s t : mx (mul s t) = mx s *m mx t.
Proof.
apply/matrixP => i j; rewrite tabulateE sumE mxE.
by apply: eq_bigr => k _; rewrite rationalM !mxE.
Qed.

Lemma traceE s : rational (trace s) = \tr (mx s).
Proof. by rewrite sumE; apply: eq_bigr => i _; rewrite mxE. Qed.

Lemma vanishesP s : vanishes s -> mx s = 0.
Proof.
move/allP=> zs; apply/matrixP => i j; rewrite !mxE; apply/is_zeroP.
have inside (k : 'I_n) : (k : nat) \in iota 0 n by rewrite mem_iota ltn_ord.
exact: (allP (zs _ (inside i)) _ (inside j)).
Qed.

Lemma sameP s t : same s t -> mx s = mx t.
Proof. by move/vanishesP; rewrite addE oppE => /subr0_eq. Qed.
End Lists.

Definition block n (s : rows) i0 j0 := tabulate n (fun i j => entry s (i0 + i) (j0 + j)).
Lemma blocksE n s : matrix_of (n + n) s =
  block_mx (matrix_of n (block n s 0 0)) (matrix_of n (block n s 0 n))
           (matrix_of n (block n s n 0)) (matrix_of n (block n s n n)).
Proof.
apply/matrixP => i j; rewrite mxE.
by case: (split_ordP i) => i' ->; case: (split_ordP j) => j' ->;
  rewrite ?(block_mxEul, block_mxEur, block_mxEdl, block_mxEdr) tabulateE.
Qed.

(* ----------------------------------------------------- words of shears *)
Section Words.
Variables (F : fieldType) (n : nat).
Implicit Types (A B C D a b c d X Y Z V W : 'M[F]_n) (M N : 'M[F]_(n + n)).

Definition U X : 'M[F]_(n + n) := block_mx 1%:M X 0 1%:M.
Definition L Y : 'M[F]_(n + n) := block_mx 1%:M 0 Y 1%:M.
Definition shear (u : bool) X := if u then U X else L X.

Fixpoint word u k M : Prop :=
  if k is k'.+1 then exists X N, word (~~ u) k' N /\ M = shear u X *m N else M = 1%:M.

Lemma mul_U X A B C D :
  U X *m block_mx A B C D = block_mx (A + X *m C) (B + X *m D) C D.
Proof. by rewrite mulmx_block !mul1mx !mul0mx !add0r. Qed.

Lemma mul_L Y A B C D :
  L Y *m block_mx A B C D = block_mx A B (C + Y *m A) (D + Y *m B).
Proof.
by rewrite mulmx_block !mul1mx !mul0mx !addr0; congr block_mx; rewrite addrC.
Qed.

Lemma mul_shears u X Y : shear u X *m shear u Y = shear u (X + Y).
Proof.
by case: u; rewrite /= ?mul_U ?mul_L ?mulmx0 ?mulmx1 ?addr0 ?add0r // addrC.
Qed.

Lemma shear0 u : shear u 0 = 1%:M.
Proof. by case: u; rewrite /= [RHS]scalar_mx_block. Qed.

Lemma word_longer u k M : word u k M -> word u k.+1 M.
Proof.
elim: k u M => [|k IH] u M.
  by move=> /= ->; exists 0, 1%:M; rewrite shear0 mulmx1.
by case=> X [N [/IH wN ->]]; exists X, N.
Qed.

Lemma word_more u k m M : (k <= m)%N -> word u k M -> word u m M.
Proof.
elim: m => [|m IH]; first by rewrite leqn0 => /eqP ->.
by rewrite leq_eqVlt => /predU1P[->|le_km] // /(IH le_km)/word_longer.
Qed.

Lemma products_are_words (Ks : seq 'M[F]_(n + n)) :
  (forall K, K \in Ks -> exists u X, K = shear u X) ->
  exists u, word u (size Ks) (\big[mulmx/1%:M]_(K <- Ks) K).
Proof.
elim: Ks => [|K Ks IH] sh; first by exists true; rewrite big_nil.
have [K' K'Ks|u wu] := IH; first by apply: sh; rewrite inE K'Ks orbT.
have [v [X ->]] := sh _ (mem_head K Ks); rewrite big_cons /=.
case: (eqVneq u (~~ v)) wu => [->|neq_uv] wu.
  by exists v, X, (\big[mulmx/1%:M]_(K <- Ks) K).
have {neq_uv wu} : word v (size Ks) (\big[mulmx/1%:M]_(K <- Ks) K).
  by case: u v neq_uv wu => [] [].
case: (size Ks) => [/= -> |k [Y [N [wN ->]]]].
  by exists v, X, 1%:M.
exists v; apply: (@word_longer v k.+1); exists (X + Y), N; split=> //.
by rewrite mulmxA mul_shears.
Qed.

Lemma fewer_are_words (Ks : seq 'M[F]_(n + n)) k :
  (forall K, K \in Ks -> exists u X, K = shear u X) -> (size Ks <= k)%N ->
  word true k (\big[mulmx/1%:M]_(K <- Ks) K) \/ word false k (\big[mulmx/1%:M]_(K <- Ks) K).
Proof.
move=> /products_are_words[u wu] le_k.
by have {}wu := word_more le_k wu; case: u wu => ?; [left | right].
Qed.

Definition swap M := block_mx (drsubmx M) (dlsubmx M) (ursubmx M) (ulsubmx M).

Lemma swap_block A B C D : swap (block_mx A B C D) = block_mx D C B A.
Proof. by rewrite /swap block_mxKul block_mxKur block_mxKdl block_mxKdr. Qed.

Lemma swap_mul M N : swap (M *m N) = swap M *m swap N.
Proof.
rewrite -[M]submxK -[N]submxK mulmx_block !swap_block mulmx_block.
by congr block_mx; rewrite addrC.
Qed.

Lemma word_swap u k M : word u k M -> word (~~ u) k (swap M).
Proof.
elim: k u M => [|k IH] u M; first by move=> /= ->; rewrite scalar_mx_block swap_block.
case=> X [N [/IH wN ->]]; exists X, (swap N); split=> //.
by rewrite swap_mul; case: (u); rewrite /= swap_block.
Qed.

(* ------------------------------- what words of up to five letters fulfil *)
(* [a b; c d] is the inverse of M = [A B; C D]. *)
Lemma word1P A B C D : word true 1 (block_mx A B C D) ->
  [/\ A = 1%:M, C = 0 & D = 1%:M].
Proof. by case=> X [N [/= -> ]]; rewrite mulmx1 => /eq_block_mx[]. Qed.

Lemma word2P A B C D : word true 2 (block_mx A B C D) ->
  D = 1%:M /\ A - B *m C = 1%:M.
Proof.
case=> X [_ [[Y [N [/= -> ->]]]]]; rewrite mulmx1 mul_U add0r => /eq_block_mx[-> -> -> ->].
by rewrite !mulmx1 addrK.
Qed.

Lemma word3P A B C D : word true 3 (block_mx A B C D) ->
  exists X Z, [/\ X *m C = A - 1%:M, C *m Z = D - 1%:M & X + A *m Z = B].
Proof.
case=> X [_ [[Y [_ [[Z [N [/= -> ->]]] ->]]]]].
rewrite mulmx1 mul_L mul_U !add0r !mulmx1 => /eq_block_mx[-> -> -> ->]; exists X, Z.
split; first by rewrite addrC addKr.
  by rewrite [_ + _ *m _]addrC addrK // addrC addKr.
by rewrite mulmxDl mulmxDr mul1mx mulmx1 -mulmxA addrCA.
Qed.
Lemma shearK u X M : shear u (- X) *m (shear u X *m M) = M.
Proof. by rewrite mulmxA mul_shears addNr shear0 mul1mx. Qed.

Lemma word4P A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  exists X Y Z W,
    [/\ D = 1%:M + Y *m Z, a = 1%:M + Z *m Y, C = Y + D *m W & B = Z + X *m D].
Proof.
move=> inv [X [_ [[Y [_ [[Z [_ [[W [N [/= -> ->]]] ->]]] ->]]] e]]]; exists X, Y, Z, W.
have : block_mx a b c d = L (- W) *m (U (- Z) *m (L (- Y) *m U (- X))).
  transitivity (L (- W) *m (U (- Z) *m (L (- Y) *m (U (- X) *m block_mx A B C D))) *m
    block_mx a b c d); last by rewrite -!mulmxA inv mulmx1.
  rewrite e (shearK true X) (shearK false Y) (shearK true Z) (shearK false W).
  by rewrite mul1mx.
rewrite mul_L mul_U mul_L => /eq_block_mx[-> _ _ _].
rewrite mulmx1 !mul_U !mul_L !mul_U !mulmx1 !add0r in e.
case/eq_block_mx: e => _ -> -> ->; rewrite add0r mulmx1 mulNmx mulmxN opprK.
by split=> //; rewrite mulmxDr mulmxDl mulmx1 mul1mx mulmxA addrCA addrA.
Qed.

(* C = 0 makes five letters four, with the same blocks D and a. *)
Lemma word5_without_C A B D a b c d :
  block_mx A B 0 D *m block_mx a b c d = 1%:M -> word true 5 (block_mx A B 0 D) ->
  exists Y Z, D = 1%:M + Y *m Z /\ a = 1%:M + Z *m Y.
Proof.
move=> inv [X [_ [[Y [_ [[Z [_ [[W [_ [[V [N [/= -> ->]]] ->]]] ->]]] ->]]] e]]].
have c0 : c = 0.
  move: inv; rewrite mulmx_block scalar_mx_block !mul0mx !add0r.
  case/eq_block_mx=> _ _ Dc /mulmx1C dD.
  by rewrite -[c]mul1mx -dD -mulmxA Dc mulmx0.
have {}e : block_mx A B 0 D *m U (- V) = U X *m (L Y *m (U Z *m (L W *m 1%:M))).
  have UK : U V *m U (- V) = 1%:M.
    by have := mul_shears true V (- V); rewrite subrr (shear0 true).
  by rewrite e -!mulmxA !mul1mx UK.
have w4 : word true 4 (block_mx A (B - A *m V) 0 D).
  exists X, (L Y *m (U Z *m (L W *m 1%:M))); split; last first.
    rewrite -e mulmx_block !(mulmx1, mulmx0, mul0mx, addr0, add0r).
    by rewrite mulmxN addrC.
  exists Y, (U Z *m (L W *m 1%:M)); split=> //; exists Z, (L W *m 1%:M); split=> //.
  by exists W, 1%:M.
have inv' : block_mx A (B - A *m V) 0 D *m block_mx a (b + V *m d) 0 d = 1%:M.
  rewrite -inv c0 !mulmx_block !(mulmx0, mul0mx, addr0, add0r).
  by rewrite mulmxDr mulmxBl mulmxA addrACA subrr addr0.
by have [_ [Y' [Z' [W' [eD ea _ _]]]]] := word4P inv' w4; exists Y', Z'.
Qed.

Definition power k (P : 'M[F]_n) := iter k (mulmx P) 1%:M.

Lemma powerS k P : power k.+1 P = P *m power k P. Proof. by []. Qed.

Lemma power_intertwines D a Y k : D *m Y = Y *m a -> power k D *m Y = Y *m power k a.
Proof.
move=> e; elim: k => [|k IH]; first by rewrite mul1mx mulmx1.
by rewrite !powerS -mulmxA IH !mulmxA e.
Qed.

(* The powers of 1 + Y Z and 1 + Z Y have the same traces. *)
Lemma same_traces Y Z k : \tr (power k (1%:M + Y *m Z)) = \tr (power k (1%:M + Z *m Y)).
Proof.
elim: k => // k IH; rewrite !powerS !mulmxDl !mul1mx !mxtraceD IH; congr (_ + _).
rewrite -mulmxA mxtrace_mulC -2!mulmxA (@power_intertwines _ (1%:M + Z *m Y)) ?mulmxA //.
by rewrite mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
Qed.
End Words.

(* ------------------------------------------- obstructions, by computation *)
(* Trace k: the k-th powers of D and a have different traces.
   Linear Ws: multipliers of linear equations that the letters fulfil. *)
Inductive obstruction := Trace of nat | Linear of seq rows.

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

Definition without_C m C := (m == 4%N) || (m == 5%N) && vanishes n C.

Definition nonzero (s : seq rows) :=
  ~~ is_zero (trace n (foldr (add n) (zero n) s)).

Definition excludes m (o : obstruction) A B C D a : bool :=
  match o, m with
  | Trace k, _ => without_C m C &&
      nonzero [:: iter k (mul n D) I; - iter k (mul n a) I]
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
Notation mx := (matrix_of n).
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

Lemma nonzeroP s : nonzero n s -> \tr (\sum_(P <- s) mx P) != 0.
Proof.
apply: contra => /eqP e; apply/is_zeroP; rewrite traceE -[RHS]e; congr (\tr _).
by elim: s {e} => [|P s IH]; rewrite ?big_nil ?big_cons ?zeroE //= addE IH.
Qed.

Lemma two_words m A B C D a b c d : without_C n m C -> inverse n A B C D a b c d ->
  word true m (block_mx (mx A) (mx B) (mx C) (mx D)) ->
  exists Y Z, mx D = 1%:M + Y *m Z /\ mx a = 1%:M + Z *m Y.
Proof.
move=> + /inverseP inv => /orP[/eqP->|/andP[/eqP-> /vanishesP C0]].
  by case/(word4P inv) => X [Y [Z [W [eD ea _ _]]]]; exists Y, Z.
by move: inv; rewrite C0; apply: word5_without_C.
Qed.

Lemma excludesP m o A B C D a b c d :
  excludes n m o A B C D a -> inverse n A B C D a b c d ->
  ~ word true m (block_mx (mx A) (mx B) (mx C) (mx D)).
Proof.
case: o => [k|Ws] /=.
  case/andP=> m45 /nonzeroP + inv /(two_words m45 inv)[Y [Z [eD ea]]].
  rewrite !big_cons big_nil addr0 oppE !powerE eD ea mxtraceD raddfN /=.
  by rewrite same_traces subrr eqxx.
case: Ws => [|P [|Q [|R [|S [|? ?]]]]]; case: m => [|[|[|[|[|m]]]]] //.
- move/nonzeroP => nz _ /word2P[eD eA]; case/negP: nz.
  by rewrite !big_cons big_nil !listE eD eA !subrr !mulmx0 !addr0 mxtrace0.
- move/nonzeroP => nz _ /word1P[eA eC eD]; case/negP: nz.
  by rewrite !big_cons big_nil !listE eD eA eC !subrr !mulmx0 !addr0 mxtrace0.
- case/and3P => /vanishesP + /vanishesP + /nonzeroP nz _ /word3P[X [Z [eA eD eB]]].
  rewrite !listE => hX hZ; case/negP: nz.
  have fX : \tr (mx P *m (X *m mx C)) + \tr (mx R *m X) = 0.
    by rewrite mulmxA mxtrace_mulC mulmxA -mxtraceD -mulmxDl hX mul0mx mxtrace0.
  have fZ : \tr (mx Q *m (mx C *m Z)) + \tr (mx R *m (mx A *m Z)) = 0.
    by rewrite !mulmxA -mxtraceD -mulmxDl hZ mul0mx mxtrace0.
  rewrite !big_cons big_nil !listE -eA -eD -eB addr0 mulmxDr !mxtraceD.
  by rewrite [X in _ + X]addrCA addrA fX fZ addr0.
- case/and4P => /vanishesP hY /vanishesP hW /vanishesP hX /nonzeroP nz /inverseP inv w.
  have [X [Y [Z [W [eD ea eC eB]]]]] := word4P inv w.
  rewrite !listE in hY hW hX; case/negP: nz.
  have eDY : mx D *m Y = Y *m mx a.
    by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
  have e1 : mx D - 1%:M = Y *m mx B - Y *m X *m mx D.
    by rewrite eB mulmxDr mulmxA addrK eD addrC addKr.
  have fW : \tr (mx Q *m mx C) = \tr (mx Q *m Y).
    by rewrite eC mulmxDr mulmxA hW mul0mx addr0.
  have fX : \tr (mx R *m (mx D - 1%:M)) = \tr (mx B *m mx R *m Y).
    rewrite e1 mulmxDr mulmxN mxtraceD raddfN /= !mulmxA.
    rewrite (mxtrace_mulC _ (mx D)) !mulmxA hX !mul0mx mxtrace0 subr0.
    by rewrite mxtrace_mulC !mulmxA.
  rewrite !big_cons big_nil !listE addr0 mxtraceD fW fX -mxtraceD -mulmxDl.
  have : \tr ((mx a *m mx P - mx P *m mx D) *m Y) = 0.
    rewrite mulmxBl raddfB /= -!mulmxA eDY mxtrace_mulC -mulmxA.
    by rewrite subrr.
  move=> e; rewrite -[X in X == 0]add0r -{1}e -mxtraceD -mulmxDl hY.
  by rewrite mul0mx mxtrace0.
- move/nonzeroP => nz _ /= e; case/negP: nz.
  move: e; rewrite !big_cons big_nil !listE [1%:M]scalar_mx_block.
  by case/eq_block_mx=> -> -> -> ->; rewrite !subrr !mulmx0 !addr0 mxtrace0.
Qed.
End Sound.

(* ----------------------------------------------------------- the whole claim *)
(* A layer: whether it moves the first half, and its block. *)
Definition layer := (bool * rows)%type.

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
      excludes n (size s).-1 of_U A B C D a & excludes n (size s).-1 of_L D C B A d]].

Lemma productP n s : let: (A, B, C, D) := product n s in
  block_mx (matrix_of n A) (matrix_of n B) (matrix_of n C) (matrix_of n D) =
  \big[mulmx/1%:M]_(K <- [seq shear l.1 (matrix_of n l.2) | l <- s]) K.
Proof.
elim: s => [|[u X] s].
  by rewrite /= big_nil oneE zeroE -scalar_mx_block.
rewrite /= big_cons; case: (product n s) => [[[A B] C] D] <-.
by case: u; rewrite !(addE, mulE) (mul_U, mul_L).
Qed.

Lemma is_shearP n (K : 'M[rat]_(n + n)) : is_shear K -> exists u X, K = shear u X.
Proof. by case=> [[X ->]|[Y ->]]; [exists true, X | exists false, Y]. Qed.

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
  exists [seq shear l.1 (matrix_of n l.2) | l <- s].
  rewrite size_map eA eB eC eD e; split=> // K.
  elim: (s) => // [[u X] s' IH]; rewrite inE => /predU1P[->|//].
  by case: u; [left | right]; exists (matrix_of n X).
move=> Ks sh eK; rewrite leqNgt; apply/negP => fewer.
case/orP: why => [/nilP s0|]; first by rewrite s0 in fewer.
case/and4P=> invU invL /excludesP exU /excludesP exL.
have [|||] := @fewer_are_words rat n Ks (size s).-1.
- by move=> K /sh/is_shearP.
- by case: (size s) fewer.
- by rewrite -eK; apply: exU invU.
- by rewrite -eK => /word_swap; rewrite swap_block; apply: exL invL.
Qed.
