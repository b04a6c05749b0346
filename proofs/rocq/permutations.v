(* Signed permutations: six shears with small integers. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finset ssralg ssrnum ssrint zmodp perm matrix.
From exactflow.certificates Require Import shears.
From exactflow Require Import involutions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Local Open Scope ring_scope.

(* Integer matrices with small absolute row sums, and involutions made of them.

   rows c M says that in every row of M the absolute values add up to at most c.

   Main results
     rows_add, rows_mul   row sums of sums and products
     rows_unit     they are at most 1 if the rows have length at most 1
     small_PQ, small_QP, small_EP, small_rows   a symmetric K with K^2 = 1 is 1 - P Q with Q P = 2 and a left inverse E
                   of P, the row sums of P, P^T, E, E^T, Q^T and 2 E - Q being at most
                   1, 2, 1, 1, 2 and 2

   Plan.  K is a signed permutation s that is its own inverse.  S has one index of each
   swap, and those that K negates.  The columns of P are e_i - K e_i for a swap, e_i where
   K e_i = - e_i; the rows of E are those of 1, the rows of Q those of 1 - K. *)
Definition rows m n (c : int) (M : 'M[int]_(m, n)) := forall i, \sum_j `|M i j| <= c.

Lemma rows_le m n c d (M : 'M_(m, n)) : c <= d -> rows c M -> rows d M.
Proof. by move=> cd cM i; apply: le_trans cd. Qed.

Lemma rows0 m n c : 0 <= c -> rows c (0 : 'M_(m, n)).
Proof. by move=> c0 i; rewrite big1 // => j _; rewrite mxE normr0. Qed.

Lemma rows_add m n c d (M N : 'M_(m, n)) : rows c M -> rows d N -> rows (c + d) (M + N).
Proof.
move=> cM dN i; apply: le_trans (lerD (cM i) (dN i)); rewrite -big_split /=.
by apply: ler_sum => j _; rewrite mxE ler_normD.
Qed.

Lemma rows_opp m n c (M : 'M_(m, n)) : rows c M -> rows c (- M).
Proof. by move=> cM i; rewrite (eq_bigr (fun j => `|M i j|)) // => j _; rewrite mxE normrN. Qed.

Lemma rows_mul l m n c d (M : 'M_(l, m)) (N : 'M_(m, n)) : 0 <= d ->
  rows c M -> rows d N -> rows (c * d) (M *m N).
Proof.
move=> d0 cM dN i; apply: le_trans (ler_wpM2r d0 (cM i)); rewrite mulr_suml.
apply: le_trans (_ : \sum_k \sum_j `|M i k| * `|N k j| <= _); last first.
  by apply: ler_sum => k _; rewrite -mulr_sumr ler_wpM2l.
rewrite exchange_big /=; apply: ler_sum => j _; rewrite mxE.
by apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => k _; rewrite normrM.
Qed.

Lemma rows_entry m n c (M : 'M_(m, n)) i j : rows c M -> `|M i j| <= c.
Proof.
move/(_ i); apply: le_trans; rewrite (bigD1 j) //= lerDl.
by apply: sumr_ge0 => k _.
Qed.

Lemma rows_unit m n (M : 'M_(m, n)) : (forall i, (M *m M^T) i i <= 1) -> rows 1 M.
Proof.
move=> M1 i; apply: le_trans (M1 i); rewrite mxE; apply: ler_sum => j _.
rewrite [M^T j i]mxE -expr2 -real_normK ?num_real // expr2; have [->|x0] := eqVneq (M i j) 0.
  by rewrite normr0 mul0r.
by rewrite ler_peMr // -gtz0_ge1 normr_gt0.
Qed.

Lemma rows_orthogonal m n (M : 'M_(m, n)) : M *m M^T = 1%:M -> rows 1 M.
Proof. by move=> MM; apply: rows_unit => i; rewrite MM mxE eqxx. Qed.

(* What s does, an involution, and the signs b; S as in the plan. *)
Section Involution.
Variables (n : nat) (s : 'S_n) (b : 'I_n -> bool).
Let K : 'M[int]_n := \matrix_(i, j) ((-1) ^+ b i *+ (s i == j)).
Hypothesis K_sym : K^T = K.

Let entry i j : K i j = (-1) ^+ b i *+ (s i == j). Proof. by rewrite mxE. Qed.

Let entry_norm i j : `|K i j| = (s i == j)%:R.
Proof. by rewrite entry normrMn normrX normrN1 expr1n. Qed.

Let sK i : s (s i) = i.
Proof.
apply/eqP; have : `|K (s i) i| = 1 by rewrite -K_sym mxE entry_norm eqxx.
by rewrite entry_norm; case: eqP.
Qed.

Let sym i j : K i j = K j i. Proof. by rewrite -{1}K_sym mxE. Qed.

Let S := [set i : 'I_n | (i < s i)%N || ((s i == i) && b i)].
Let f : 'I_#|S| -> 'I_n := enum_val.

Let fS a : f a \in S. Proof. exact: enum_valP. Qed.

Let partner i : i \in S -> s i \in S -> s i = i.
Proof.
rewrite !inE sK => /orP[lt|/andP[/eqP //]] /orP[gt|/andP[/eqP/esym //]].
by move: (ltn_trans lt gt); rewrite ltnn.
Qed.

Let fixed i : i \in S -> s i = i -> b i.
Proof. by rewrite inE => /orP[lt e|/andP[]//]; rewrite e ltnn in lt. Qed.

Let off i j := K i j *+ (i != j).

Definition small_P : 'M[int]_(n, #|S|) := \matrix_(i, a) ((i == f a)%:R - off i (f a)).
Definition small_E : 'M[int]_(#|S|, n) := \matrix_(a, j) (f a == j)%:R.
Definition small_Q : 'M[int]_(#|S|, n) := \matrix_(a, j) ((f a == j)%:R - K (f a) j).

Let sum_S (g : 'I_n -> int) : \sum_a g (f a) = \sum_(i in S) g i.
Proof. by rewrite [RHS]big_enum_val. Qed.

Let E_mul m (M : 'M[int]_(n, m)) : small_E *m M = rowsub f M.
Proof.
apply/matrixP=> a j; rewrite !mxE (bigD1 (f a)) //= mxE eqxx mul1r big1 ?addr0 // => i ia.
by rewrite mxE eq_sym (negPf ia) mul0r.
Qed.

Lemma small_EP : small_E *m small_P = 1%:M.
Proof.
rewrite E_mul; apply/matrixP=> a c; rewrite !mxE (inj_eq enum_val_inj) /off.
have [<-|ac] := eqVneq a c; first by rewrite eqxx mulr0n subr0.
rewrite (inj_eq enum_val_inj) ac mulr1n entry; case: eqP => [e|_]; last by rewrite subr0.
have := partner (fS a); rewrite e => /(_ (fS c)) /enum_val_inj ca.
by rewrite ca eqxx in ac.
Qed.

Let bs i : (-1) ^+ b (s i) = (-1) ^+ b i :> int.
Proof. by have := sym (s i) i; rewrite !entry sK !eqxx !mulr1n. Qed.

Lemma small_PQ : K = 1%:M - small_P *m small_Q.
Proof.
suff e : small_P *m small_Q = 1%:M - K by rewrite e subKr.
apply/matrixP=> i j.
transitivity (\sum_(x in S) ((i == x)%:R - off i x) * ((x == j)%:R - K x j)).
  by rewrite -sum_S mxE; apply: eq_bigr => a _; rewrite !mxE.
rewrite [RHS]mxE [(1%:M : 'M_n) i j]mxE [(- K) i j]mxE.
have zero x : s i != x -> i != x -> (i == x)%:R - off i x = 0.
  by move=> sx /negPf ix; rewrite ix /off ix entry (negPf sx) !mulr0n subr0.
have [iS|iS] := boolP (i \in S).
  rewrite (bigD1 i) //= big1 ?addr0 => [|x /andP[xS xi]]; last first.
    rewrite zero ?mul0r //; last by rewrite eq_sym.
    by apply: contraNneq xi => sx; rewrite -sx in xS *; rewrite (partner iS xS).
  by rewrite eqxx /off eqxx mulr0n subr0 mul1r.
have notS x : x \in S -> i != x by move=> xS; apply: contraNneq iS => ->.
move: (iS); rewrite inE negb_or -leqNgt => /andP[le nb].
have [si|si] := eqVneq (s i) i.
  rewrite si eqxx /= in nb; rewrite big1 => [|x xS]; last by rewrite zero ?mul0r ?si // notS.
  by rewrite entry si (negPf nb) expr0 subrr.
have sS : s i \in S by rewrite inE sK ltn_neqAle le si.
rewrite (bigD1 (s i)) //= big1 ?addr0 => [|x /andP[xS xi]]; last first.
  by rewrite zero ?mul0r ?notS //; rewrite eq_sym.
rewrite /off eq_sym (negPf si) !entry eqxx sK bs !mulr1n sub0r mulNr mulrBr opprB.
by rewrite !mulrnAr mulr1 -expr2 sqrr_sign.
Qed.

Lemma small_QP : small_Q *m small_P = 1%:M *+ 2.
Proof.
have KP : K *m small_P = - small_P.
  apply/matrixP=> i a; rewrite mxE (bigD1 (s i)) //= big1 ?addr0 => [|x xi]; last first.
    by rewrite entry eq_sym (negPf xi) mul0r.
  rewrite !mxE eqxx mulr1n /off !entry sK bs.
  have [e|ne] := eqVneq (s i) (f a); last first.
    rewrite mulr1n mulr0n mul0rn subr0 sub0r mulrN mulrnAr -expr2 sqrr_sign.
    by [].
  rewrite mulr0n subr0 mulr1 mulr1n; have [ia|ia] := eqVneq i (f a); last by rewrite sub0r opprK.
  have iS : i \in S by rewrite ia; apply: fS.
  by rewrite (fixed iS) ?mulr0n ?subr0 // e -ia.
have QE : small_Q = small_E *m (1%:M - K).
  by rewrite E_mul; apply/matrixP=> a j; rewrite !mxE.
rewrite QE -mulmxA mulmxBl mul1mx KP opprK mulmxDr small_EP mulr2n.
by [].
Qed.

Lemma small_trace : n%:R - \tr K = #|S|%:R *+ 2.
Proof.
rewrite {1}small_PQ mxtraceB mxtrace1 opprB addrC subrK mxtrace_mulC small_QP raddfMn /=.
by rewrite mxtrace1.
Qed.

Lemma small_rows : [/\ rows 1 small_P, rows 2 small_P^T, rows 1 small_E^T, rows 2 small_Q^T &
  rows 1 small_E /\ rows 2 (small_E *+ 2 - small_Q)].
Proof.
have delta (x : 'I_n) : \sum_j `|(x == j)%:R| = 1 :> int.
  rewrite (bigD1 x) //= eqxx normr1 big1 ?addr0 // => j; rewrite eq_sym => /negPf->.
  by rewrite normr0.
have one i : \sum_j `|K i j| = 1.
  by rewrite -[RHS](delta (s i)); apply: eq_bigr => j _; rewrite entry_norm normr_nat.
have sumS (g : 'I_n -> int) c : (forall x, 0 <= g x) -> \sum_x g x <= c -> \sum_a g (f a) <= c.
  move=> g0; apply: le_trans; rewrite sum_S [X in _ <= X](bigID (mem S)) /= lerDl.
  by apply: sumr_ge0.
have delta' (x : 'I_n) : \sum_j `|(j == x)%:R| = 1 :> int.
  by rewrite -[RHS](delta x); apply: eq_bigr => j _; rewrite eq_sym.
have one' j : \sum_i `|K i j| = 1 by rewrite -[RHS](one j); apply: eq_bigr => i _; rewrite sym.
have off_le i x : `|off i x| <= `|K i x| by rewrite /off; case: eqP => // _; rewrite normr0.
have two (g h : 'I_n -> int) : \sum_x `|g x| <= 1 -> \sum_x `|h x| <= 1 ->
    \sum_x `|g x - h x| <= 2.
  move=> g1 h1; apply: le_trans (lerD g1 h1); rewrite -big_split /=.
  by apply: ler_sum => x _; apply: ler_normB.
split=> [i|a|j|j|].
- rewrite (eq_bigr (fun a => `|(i == f a)%:R - off i (f a)|)) => [|a _]; last by rewrite mxE.
  rewrite (sum_S (fun x => `|(i == x)%:R - off i x|)).
  rewrite -[X in _ <= X](delta (if i \in S then i else s i)) [X in _ <= X](bigID (mem S)) /=.
  rewrite ler_wpDr ?sumr_ge0 //; apply: ler_sum => x xS; rewrite /off entry.
  have [e|ix] := eqVneq i x; first by rewrite -e in xS *; rewrite xS eqxx mulr0n subr0.
  rewrite sub0r normrN mulr1n normrMn normrX normrN1 expr1n; case: ifP => [iS|_]; last first.
    by rewrite normr_nat.
  by case: eqP => [e|]; rewrite ?normr_ge0 //; rewrite -e (partner iS) ?e // eqxx in ix.
- under eq_bigr do rewrite 2!mxE; apply: two; first by rewrite delta'.
  by rewrite -[X in _ <= X](one' (f a)); apply: ler_sum => i _.
- under eq_bigr do rewrite 2!mxE; rewrite -[X in _ <= X](delta' j).
  exact: (sumS (fun x => `|(x == j)%:R|)).
- under eq_bigr do rewrite 2!mxE; apply: (sumS (fun x => `|(x == j)%:R - K x j|)) => //.
  by apply: two; rewrite (delta', one').
split=> a; first by under eq_bigr do rewrite mxE; rewrite delta.
have -> : small_E *+ 2 - small_Q = \matrix_(a, j) ((f a == j)%:R - - K (f a) j).
  by apply/matrixP=> c j; rewrite mulr2n !mxE opprB opprK addrCA addrK addrC.
under eq_bigr do rewrite mxE; apply: two; first by rewrite delta.
by rewrite (eq_bigr (fun j => `|K (f a) j|)) ?one // => j _; rewrite normrN.
Qed.
End Involution.

(* Signed permutations: six shears with integer entries, in every dimension.

   The halves have n and e + n entries: e = 0 is the equal split, e = 1 that of an odd
   number of coordinates.

   Main results
     orthogonal_signed_permutation   an integer matrix is orthogonal, M M^T = 1, iff it is
                      a signed permutation
     six_LULULU_int   M = L W0 * U X * L Y * U Z * L W * U V with integer entries, for
                      every integer M with M M^T = 1 and det M = 1, of absolute row sums
                      at most 1, 7, 2, 4, 3, 2 in every dimension
     six_ULULUL_int   and M = U X * L Y * U Z * L W * U V * L T

   Plan.  M = [A B; C D].  A row of M has its one entry that is not 0 in one of the halves,
   and so has a column: A C^T = 0, A^T B = 0, C^T D = 0.  There are e more rows of D that
   are not 0 than of A; a W0 that takes those of A to some of those of D, and u, which
   selects the others, give W0 B = 0 and square orthogonal matrices Ch = [u, C + W0 A] and
   Jh = [D^T u, D^T W0 - B^T] (first_layer).  Theta = Jh^T Ch has the determinant of M, 1,
   so it is reversed by an involution K = diag(1, k) with tr K = tr (K Theta)
   (involutions.v).  Then Ch K Jh^T is an involution, too, and with k it is
   1 + Y Z and 1 + Z Y: the two equations of involutions.v.

   Reference.  The theorem is new to our knowledge. *)
(* The rows of M are f i, with signs; M M^T = 1 says that f is injective. *)
Lemma signed_gram d (f : 'I_d -> 'I_d) (b : 'I_d -> bool) i k :
  let M : 'M[int]_d := \matrix_(i, j) ((-1) ^+ b i *+ (f i == j)) in
  (M *m M^T) i k = (-1) ^+ b i * (-1) ^+ b k *+ (f i == f k).
Proof.
move=> M; rewrite mxE (bigD1 (f i)) //= big1 => [|j ji]; rewrite !mxE; last first.
  by rewrite eq_sym (negPf ji) mul0r.
by rewrite eqxx addr0 mulr1n mulrnAr eq_sym.
Qed.

Theorem orthogonal_signed_permutation d (M : 'M[int]_d) :
  M *m M^T = 1%:M <->
  exists (s : 'S_d) (b : 'I_d -> bool), M = \matrix_(i, j) ((-1) ^+ b i *+ (s i == j)).
Proof.
split=> [MM|[s [b ->]]]; last first.
  apply/matrixP=> i k; rewrite signed_gram (inj_eq perm_inj) mxE.
  by case: eqP => // ->; rewrite -expr2 sqrr_sign.
have row i : exists jb : 'I_d * bool, forall l, M i l = (-1) ^+ jb.2 *+ (jb.1 == l).
  have squares : \sum_l M i l ^+ 2 = 1.
    have <- : (M *m M^T) i i = 1 by rewrite MM mxE eqxx.
    by rewrite mxE; apply: eq_bigr => l _; rewrite mxE.
  have [j Mij] : exists j, M i j != 0.
    apply/existsP; apply: contraTT (oner_neq0 int) => /existsPn M0; rewrite negbK -squares.
    by rewrite big1 // => l _; have := M0 l; rewrite negbK => /eqP->; rewrite expr0n.
  rewrite (bigD1 j) //= in squares.
  have rest l : l != j -> M i l ^+ 2 = 0.
    move: l; apply: psumr_eq0P => [l _|]; first exact: sqr_ge0.
    apply/eqP; rewrite eq_le sumr_ge0 ?andbT => [|l _]; last exact: sqr_ge0.
    rewrite -(lerD2l (M i j ^+ 2)) addr0 squares.
    by rewrite -gtz0_ge1 lt_def sqrf_eq0 Mij sqr_ge0.
  move: squares => /eqP; rewrite big1 ?addr0 //.
  rewrite sqrf_eq1 => Mij1; have [b Mb] : exists b : bool, M i j = (-1) ^+ b.
    by case/pred2P: Mij1 => ->; [exists false | exists true].
  exists (j, b) => l /=; rewrite mulrb; case: eqVneq => [<- // | jl].
  by apply/eqP; rewrite -sqrf_eq0 rest // eq_sym.
have [f Mf] := fin_all_exists row.
have eM : M = \matrix_(i, j) ((-1) ^+ (f i).2 *+ ((f i).1 == j)).
  by apply/matrixP=> i j; rewrite mxE Mf.
have f_inj : injective (fun i => (f i).1).
  move=> i k fik; move/matrixP/(_ i k): MM; rewrite eM signed_gram fik eqxx mxE.
  by case: eqP => // _ /eqP; rewrite mulr1n mulf_eq0 !signr_eq0.
by exists (perm f_inj), (fun i => (f i).2); rewrite eM; apply/matrixP=> i j; rewrite !mxE permE.
Qed.

(* A symmetric involution is a signed permutation, and so has small factors. *)
Lemma small_factors n (K : 'M[int]_n) : K^T = K -> K *m K = 1%:M ->
  exists r (P : 'M_(n, r)) (E Q : 'M_(r, n)),
  [/\ K = 1%:M - P *m Q, Q *m P = 1%:M *+ 2, E *m P = 1%:M, n%:R - \tr K = r%:R *+ 2 &
    [/\ rows 1 P, rows 2 P^T, rows 1 E^T, rows 2 Q^T & rows 1 E /\ rows 2 (E *+ 2 - Q)]].
Proof.
move=> sym KK; have [|s [b e]] := (orthogonal_signed_permutation K).1; first by rewrite sym.
rewrite {K KK}e in sym *; exists _, (small_P s b), (small_E s b), (small_Q s b).
split; [exact: small_PQ | exact: small_QP | exact: small_EP | exact: small_trace |].
exact: small_rows.
Qed.

Theorem small_solution n q (K1 : 'M[int]_n) (K2 : 'M[int]_q) :
  K1^T = K1 -> K1 *m K1 = 1%:M -> K2^T = K2 -> K2 *m K2 = 1%:M ->
  n%:R - \tr K1 = q%:R - \tr K2 ->
  exists (Y : 'M_(q, n)) (Z : 'M_(n, q)),
  [/\ 1%:M + Z *m Y = K1, 1%:M + Y *m Z = K2, rows 2 Y & rows 4 Z].
Proof.
move=> sym1 KK1 sym2 KK2; have [r [P2 [E2 [Q2 [e2 QP2 EP2 -> r2]]]]] := small_factors sym2 KK2.
have [s [P1 [E1 [Q1 [e1 QP1 EP1 -> [_ P1r E1r Q1r _]]]]]] := small_factors sym1 KK1.
move/eqP; rewrite eqrMn2r //= eqr_nat => /eqP sr.
case: r / sr in P2 E2 Q2 e2 QP2 EP2 r2 *; have [P2r _ _ _ [E2r EQ2r]] := r2.
rewrite -sym1 in e1.
have [Z1 Y1] := factors_solve (And3 e1 QP1 EP1) (And3 e2 QP2 EP2).
exists (P2 *m P1^T), (E1^T *m (E2 *+ 2 - Q2) - Q1^T *m E2); split=> //.
  by rewrite -[2]mul1r; apply: rows_mul.
rewrite -[4]/(1 * 2 + 2 * 1 : int); apply: rows_add; first exact: rows_mul.
by apply/rows_opp/rows_mul.
Qed.

(* In every row of [X Y] the one entry that is not 0 is in X or in Y. *)
Lemma row_in_half m p q (X : 'M[int]_(m, p)) (Y : 'M[int]_(m, q)) :
  X *m X^T + Y *m Y^T = 1%:M -> forall i, row i X = 0 \/ row i Y = 0.
Proof.
move=> /matrixP XY i; apply: unit_vector_in_half; apply/matrixP=> j k.
have := XY i i; rewrite !ord1 !mxE !eqxx => <-.
by congr (_ + _); apply: eq_bigr => l _; rewrite !mxE.
Qed.

Lemma halves_disjoint m p q (X : 'M[int]_(m, p)) (Y : 'M[int]_(m, q)) :
  X *m X^T + Y *m Y^T = 1%:M -> X^T *m Y = 0.
Proof.
move/row_in_half => XY; apply/matrixP=> j k; rewrite !mxE big1 // => i _; rewrite mxE.
by case: (XY i) => /rowP; [move/(_ j) | move/(_ k)]; rewrite !mxE => ->; rewrite ?mul0r ?mulr0.
Qed.

(* X X^T projects to the coordinates of the rows of X that are not 0; S selects them *)
Lemma selection m p q (X : 'M[int]_(m, p)) (Y : 'M[int]_(m, q)) :
  X *m X^T + Y *m Y^T = 1%:M ->
  exists r (S : 'M[int]_(m, r)), X *m X^T = S *m S^T /\ S^T *m S = 1%:M.
Proof.
move=> XY; pose N := X *m X^T.
have N_sym : N^T = N by rewrite trmx_mul trmxK.
have NN : N *m N = N.
  rewrite {2}/N (canRL (addrK _) XY) mulmxBr mulmx1 /N -!mulmxA [X^T *m (Y *m _)]mulmxA.
  by rewrite halves_disjoint // mul0mx mulmx0 subr0.
have NN' : N *m N^T + (1%:M - N) *m (1%:M - N)^T = 1%:M.
  by rewrite linearB /= trmx1 N_sym mulmxBl mul1mx mulmxBr mulmx1 NN subrr subr0 addrC subrK.
pose S := [set i | row i N != 0]; pose f : 'I_#|S| -> 'I_m := enum_val.
exists #|S|, (colsub f N); rewrite trmx_mxsub N_sym; split.
  by rewrite skip_zero_rows ?NN // => i; rewrite inE negbK => /eqP.
rewrite -mxsub_mul NN; apply/matrixP=> i j; rewrite !mxE.
case: (row_in_half NN' (f i)) => [Ni0|/rowP/(_ (f j))].
  by have := enum_valP i; rewrite inE Ni0 eqxx.
by rewrite !mxE (inj_eq enum_val_inj) => /eqP; rewrite subr_eq0 eq_sym => /eqP.
Qed.

(* The first layer: W0 takes the rows of A that are not 0 to rows of C that are; u selects
   the e rows of C that are still 0. *)
Lemma first_layer e n (A : 'M[int]_n) (B : 'M[int]_(n, e + n)) C (D : 'M[int]_(e + n)) :
  block_mx A B C D *m (block_mx A B C D)^T = 1%:M ->
  exists (W0 : 'M_(e + n, n)) (u : 'M_(e + n, e)),
    let Ch := row_mx u (C + W0 *m A) in
    let Jh := row_mx (D^T *m u) (D^T *m W0 - B^T) in
    [/\ W0 *m B = 0, Ch *m Ch^T = 1%:M & Jh *m Jh^T = 1%:M].
Proof.
move=> MM; have := mulmx1C MM; move: MM.
rewrite tr_block_mx !mulmx_block !(scalar_mx_block n (e + n)).
case/eq_block_mx=> AABB _ _ CCDD /eq_block_mx[AACC _ _ BBDD].
have AB := halves_disjoint AABB; have CD := halves_disjoint CCDD.
have AC : A *m C^T = 0 by rewrite -[A]trmxK halves_disjoint // !trmxK.
have [r [S [AS SS]]] := selection AABB.
have [s [T [DT TT]]] : exists s (T : 'M_(e + n, s)), D *m D^T = T *m T^T /\ T^T *m T = 1%:M.
  by apply: (@selection _ _ _ D C); rewrite addrC.
have er : s = (e + r)%N.
  move: (congr1 mxtrace CCDD) (congr1 mxtrace AACC); rewrite !mxtraceD !mxtrace1.
  rewrite DT [\tr (T *m _)]mxtrace_mulC TT [\tr (A^T *m _)]mxtrace_mulC AS.
  rewrite [\tr (S *m _)]mxtrace_mulC SS [\tr (C^T *m _)]mxtrace_mulC !mxtrace1 natrD.
  move=> es er; move: es; rewrite -er addrA addrC => /addIr/eqP.
  by rewrite -natrD eqr_nat => /eqP.
move/esym: er => er; case: s / er T DT TT => T; rewrite -[T]hsubmxK.
move: (lsubmx T) (rsubmx T) => u T1; rewrite tr_row_mx mul_row_col mul_col_row.
rewrite scalar_mx_block => DT /eq_block_mx[uu uT Tu TT1].
have SB : S^T *m B = 0.
  by rewrite -[LHS]mul1mx -SS -!mulmxA (mulmxA S) -AS -mulmxA AB !mulmx0.
have GG : S^T *m A *m (S^T *m A)^T = 1%:M.
  by rewrite trmx_mul trmxK mulmxA -(mulmxA _ A) AS mulmxA SS mul1mx SS.
have GC : S^T *m A *m C^T = 0 by rewrite -mulmxA AC mulmx0.
have CG : C *m (S^T *m A)^T = 0 by rewrite -[LHS]trmxK trmx_mul trmxK GC trmx0.
exists (T1 *m S^T), u; split; first by rewrite -mulmxA SB mulmx0.
  rewrite tr_row_mx mul_row_col -[T1 *m _ *m _]mulmxA; move: (S^T *m A) GG GC CG => G GG GC CG.
  rewrite [(_ + _)^T]linearD /= trmx_mul mulmxDl !mulmxDr mulmxA CG mul0mx addr0.
  rewrite -[T1 *m G *m C^T]mulmxA GC mulmx0 add0r -[T1 *m G *m _]mulmxA (mulmxA G) GG mul1mx.
  by rewrite addrCA -DT.
have BS : B^T *m S = 0 by rewrite -[LHS]trmxK trmx_mul trmxK SB trmx0.
rewrite tr_row_mx mul_row_col linearB /= !trmx_mul !trmxK mulmxBl !mulmxBr.
rewrite -!mulmxA (mulmxA S^T) SS mul1mx SB !mulmx0 subr0 (mulmxA B^T) BS mul0mx sub0r opprK.
rewrite addrA -mulmxDr !mulmxA -mulmxDl -DT.
by rewrite (canRL (addKr _) CCDD) mulmxDl mulNmx -mulmxA CD mulmx0 oppr0 add0r mul1mx addrC.
Qed.

(* In an orthogonal [X Y] both blocks have small rows. *)
Lemma rows_half m p q (X : 'M[int]_(m, p)) (Y : 'M[int]_(m, q)) :
  X *m X^T + Y *m Y^T = 1%:M -> rows 1 X /\ rows 1 Y.
Proof.
have ge0 n (N : 'M[int]_(m, n)) i : 0 <= (N *m N^T) i i.
  by rewrite mxE sumr_ge0 // => j _; rewrite [N^T j i]mxE -expr2 sqr_ge0.
move=> XY; split; apply: rows_unit => i;
  have <- : (X *m X^T + Y *m Y^T) i i = 1 by [rewrite XY mxE eqxx];
  by rewrite [X in _ <= X]mxE ?lerDl ?lerDr ge0.
Qed.

Theorem six_LULULU_int e n (M : 'M[int]_(n + (e + n))) :
  (e <= 1)%N -> M *m M^T = 1%:M -> \det M = 1 ->
  exists W0 X Y Z W V, [/\ M = L W0 *m U X *m L Y *m U Z *m L W *m U V,
    rows 1 W0, rows 7 X, rows 2 Y & [/\ rows 4 Z, rows 3 W & rows 2 V]].
Proof.
move=> e1; rewrite -[M]submxK.
move: (ulsubmx M) (ursubmx M) (dlsubmx M) (drsubmx M) => A B C D MM dM.
have [W0 [u [WB CC JJ]]] := first_layer MM; move/mulmx1C: CC => CC; move/mulmx1C: JJ => JJ.
have LM : block_mx A B (C + W0 *m A) D = L W0 *m block_mx A B C D by rewrite mul_L WB addr0.
have inv : block_mx A B (C + W0 *m A) D *m
    block_mx (A^T - C^T *m W0) C^T (B^T - D^T *m W0) D^T = 1%:M.
  rewrite LM -!mulmxN -mul_block_L -tr_block_mx -mulmxA.
  by rewrite (mulmxA (block_mx A B C D)) MM mul1mx; apply: mulmx1C; apply: mul_LL.
rewrite -[D^T *m W0 - _]opprB in JJ.
set Ch := row_mx u _ in CC; set Jh := row_mx _ _ in JJ.
have dT : \det (Jh^T *m Ch) = 1.
  by rewrite (det_frames inv CC JJ) LM (det_mulmx (L W0)) det_L dM mulr1.
have CC' : Ch *m Ch^T = 1%:M by apply: mulmx1C.
have JJ' : Jh *m Jh^T = 1%:M by apply: mulmx1C.
have TT : (Jh^T *m Ch)^T *m (Jh^T *m Ch) = 1%:M.
  by rewrite trmx_mul trmxK mulmxA -(mulmxA _ Jh) JJ' mulmx1.
have [f|k [symk kk symK KT trK]] := reversed_first e1 TT dT; first exact: orthogonal_reversed.
set K := block_mx _ _ _ _ in symK KT trK; pose D' := Ch *m K *m Jh^T.
have D'E : D' = Ch *m (K *m (Jh^T *m Ch)) *m Ch^T by rewrite -!mulmxA CC' mulmx1 /D' mulmxA.
have symD : D'^T = D' by rewrite D'E trmx_mul trmxK (trmx_mul Ch) symK mulmxA.
have DD : D' *m D' = 1%:M.
  rewrite D'E; move: (K *m _) KT => X XX.
  by rewrite !mulmxA -(mulmxA _ Ch^T) CC mulmx1 -(mulmxA Ch) XX mulmx1.
have [|Y [Z [ZY YZ Yr Zr]]] := small_solution symk kk symD DD.
  rewrite D'E mxtrace_mulC (mulmxA Ch^T) CC mul1mx trK mxtrace_block mxtrace1 natrD.
  by rewrite opprD addrACA subrr add0r.
have uk := proj1 (mulmx1_unit kk); have [_ uD] := mulmx1_unit DD.
have invD : invmx D' = D' by rewrite -[LHS]mulmx1 -DD mulKmx.
have [rA rB rC rD] : [/\ rows 1 A, rows 1 B, rows 1 C & rows 1 D].
  move: (MM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[AB _ _ CD].
  by have [? ?] := rows_half AB; have [? ?] := rows_half CD.
have [rAt CA] : rows 1 A^T /\ C *m A^T = 0.
  move: (mulmx1C MM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[+ _ _ _].
  rewrite -{2}[A]trmxK -{2}[C]trmxK => AC; have [? _] := rows_half AC; split=> //.
  by rewrite -[LHS]trmxK trmx_mul -[A^T^T]/(A^T^T) (halves_disjoint AC) trmx0.
have rD' : rows 1 D' by apply: rows_orthogonal; rewrite symD.
have rCt : rows 1 (C + W0 *m A)^T.
  apply: rows_orthogonal; rewrite trmxK; move: CC; rewrite tr_row_mx mul_col_row.
  by rewrite scalar_mx_block => /eq_block_mx[].
have rC' : rows 1 (C + W0 *m A).
  by move: CC'; rewrite tr_row_mx mul_row_col => /rows_half[].
set C' := C + _ in inv CC JJ rCt rC' LM *.
pose V := C'^T *m (D - D').
have rV : rows 2 V by rewrite -[2]/(1 * (1 + 1) : int); apply/rows_mul/rows_add/rows_opp.
have eM : block_mx A B C' D = U ((B - A *m V - Z) *m invmx D') *m L Y *m U Z *m
    L (invmx D' *m (C' - Y)) *m U V by apply: (five_by_involution inv CC JJ uk ZY YZ).
rewrite invD in eM; exists (- W0), ((B - A *m V - Z) *m D'), Y, Z, (D' *m (C' - Y)), V; split=> //; last split=> //.
- by rewrite -[LHS](mul_LK W0) -LM eM !mulmxA.
- apply: rows_opp; have -> : W0 = C' *m A^T.
    rewrite /C' mulmxDl CA add0r -mulmxA.
    move: (MM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[AB _ _ _].
    by rewrite (canRL (addrK _) AB) mulmxBr mulmx1 mulmxA WB mul0mx subr0.
  by rewrite -[1]mulr1; apply: rows_mul.
- rewrite -[7]/((1 + 1 * 2 + 4) * 1 : int); apply: rows_mul => //.
  by apply/rows_add/rows_opp => //; apply/rows_add/rows_opp/rows_mul.
by rewrite -[3]/(1 * (1 + 2) : int); apply/rows_mul/rows_add/rows_opp.
Qed.

(* The other order, by inversion: the inverse of M is M^T. *)
Corollary six_ULULUL_int e n (M : 'M[int]_(n + (e + n))) :
  (e <= 1)%N -> M *m M^T = 1%:M -> \det M = 1 ->
  exists X Y Z W V T, [/\ M = U X *m L Y *m U Z *m L W *m U V *m L T,
    rows 2 X, rows 3 Y, rows 4 Z & [/\ rows 2 W, rows 7 V & rows 1 T]].
Proof.
move=> e1 MM dM.
have [||T [V [W [Z [Y [X [eM rT rV rW [rZ rY rX]]]]]]]] := @six_LULULU_int e n M^T e1.
- by rewrite trmxK; apply: mulmx1C.
- by rewrite det_tr.
exists (- X), (- Y), (- Z), (- W), (- V), (- T); split; try exact: rows_opp.
  by rewrite -[RHS]mulmx1 -(mulmx1C MM) mulmxA eM -!mulmxA !(mul_LK, mul_UK).
by split; apply: rows_opp.
Qed.
