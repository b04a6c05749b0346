(* Integer matrices with small absolute row sums, and involutions made of them.

   rows c M says that in every row of M the absolute values add up to at most c.

   Main results
     rows_add, rows_mul   row sums of sums and products
     rows_unit     they are at most 1 if the rows have length at most 1
     small_PQ, small_QP, small_EP, small_rows   a symmetric K with K^2 = 1 is 1 - P Q with Q P = 2 and a left inverse E
                   of P, the row sums of P, P^T, E, E^T, Q^T and 2 E - Q being at most
                   1, 2, 1, 1, 2 and 2

   Role.  So the Y and Z of equal_traces are small where K1 and K2 are symmetric
   (signed_permutations.v).

   Plan.  K is a signed permutation s that is its own inverse.  S has one index of each
   swap, and those that K negates.  The columns of P are e_i - K e_i for a swap, e_i where
   K e_i = - e_i; the rows of E are those of 1, the rows of Q those of 1 - K. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint zmodp perm matrix.
From exactflow Require Import shears reversal integral_involutions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

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
rewrite {1}small_PQ raddfB /= mxtrace1 opprB addrC subrK mxtrace_mulC small_QP raddfMn /=.
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
  move=> g0; apply: le_trans; rewrite sum_S [leRHS](bigID (mem S)) /= lerDl.
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
  rewrite -[leRHS](delta (if i \in S then i else s i)) [leRHS](bigID (mem S)) /=.
  rewrite ler_wpDr ?sumr_ge0 //; apply: ler_sum => x xS; rewrite /off entry.
  have [e|ix] := eqVneq i x; first by rewrite -e in xS *; rewrite xS eqxx mulr0n subr0.
  rewrite sub0r normrN mulr1n normrMn normrX normrN1 expr1n; case: ifP => [iS|_]; last first.
    by rewrite normr_nat.
  by case: eqP => [e|]; rewrite ?normr_ge0 //; rewrite -e (partner iS) ?e // eqxx in ix.
- under eq_bigr do rewrite 2!mxE; apply: two; first by rewrite delta'.
  by rewrite -[leRHS](one' (f a)); apply: ler_sum => i _.
- under eq_bigr do rewrite 2!mxE; rewrite -[leRHS](delta' j).
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
