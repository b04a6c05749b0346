(* Signed permutations are six shears of small integers; so couplings under many masks are couplings
   under one. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype tuple div
  bigop ssrAC finfun finset fingroup perm ssralg ssrnum ssrint zmodp matrix mxalgebra
  intdiv.
From exactflow.certificates Require Import shears.
From exactflow Require Import involutions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Local Open Scope ring_scope.

(* Involutions over the integers.

   Main results
     equal_traces   matrices K1 and K2 of any two sizes with K1^2 = 1 and K2^2 = 1 are
                    1 + Z Y and 1 + Y Z for integer matrices Y and Z iff
                    n - tr K1 = q - tr K2
     orthogonal_reversed   an orthogonal integer matrix T is reversed, K T K = T^T, by a
                    symmetric K with K^2 = 1 that fixes a given unit vector, and
                    tr K - tr (K T) = 1 - det T
     product_of_involutions   so T = K L with K^2 = L^2 = 1, and tr K = tr L if det T = 1

   Idea.  If K^2 = 1, the integer x with K x = - x have a basis P, by the Smith normal form,
   and P has a left inverse E: a frame of K, and K = 1 - P E (1 - K).  If P1, E1 are one of
   K1^T and P2, E2 one of K2, then P2 P1^T and E1^T E2 K2 + K1 E1^T E2 are Y and Z.  No
   similarity is needed, and there may be none: [0 1; 1 0] and diag(1, -1) are not similar
   over the integers.
   T takes the first basis vector to a unit vector, and a symmetric s with s^2 = 1 takes it
   back: s T = diag(1, T').  The rest b of that vector is 0 or a unit vector, for the entries
   are integers; by induction some K' that fixes b reverses T'.  If s = 1 then diag(1, K')
   reverses T; if not, diag(1, K' T') does, and the two traces change places.

   References.  equal_traces is new to our knowledge; nearest: Reiner, Integral
   representations of cyclic groups of prime order, Proc. AMS 8 (1957).  Products of two
   involutions over fields: Wonenburger, J. Math. Mech. 16 (1966). *)
(* In A N the rows of N that vanish may be left out. *)
Lemma skip_zero_rows (R : ringType) l m n (A : 'M[R]_(l, m)) (N : 'M[R]_(m, n)) (S : {set 'I_m}) :
  (forall i, i \notin S -> row i N = 0) ->
  colsub (enum_val : 'I_#|S| -> _) A *m rowsub enum_val N = A *m N.
Proof.
move=> N0; apply/matrixP=> i j; rewrite !mxE [RHS](bigID (mem S)) /=.
rewrite [X in _ + X]big1 ?addr0 => [|a /N0/rowP/(_ j)]; last by rewrite !mxE => ->; rewrite mulr0.
by rewrite [RHS]big_enum_val; apply: eq_bigr => a _; rewrite !mxE.
Qed.

(* The columns of P are a basis of the integer vectors that N spans over the rationals. *)
Lemma rank_factorization m n (N : 'M[int]_(m, n)) :
  exists r (P : 'M_(m, r)) (E : 'M_(r, m)) (Q : 'M_(r, n)),
  [/\ N = P *m Q, E *m P = 1%:M & forall k (X : 'M_(k, r)), X *m Q = 0 -> X = 0].
Proof.
have [L uL [R uR [d _ ->]]] := int_Smith_normal_form N.
set D := \matrix_(i, j) _; pose S := [set i | row i D != 0].
pose f : 'I_#|S| -> 'I_m := enum_val.
exists #|S|, (colsub f L), (rowsub f (invmx L)), (rowsub f D *m R); split.
- by rewrite mulmxA skip_zero_rows // => i; rewrite inE negbK => /eqP.
- by rewrite -mxsub_mul mulVmx //; apply/matrixP=> i j; rewrite !mxE (inj_eq enum_val_inj).
move=> k X; rewrite mulmxA => /(canRL (mulmxK uR)); rewrite mul0mx => XD0.
apply/matrixP=> x a; have := enum_valP a; rewrite inE => /rV0Pn[b]; rewrite !mxE => Dab.
have ab : enum_val a = b :> nat by apply/eqP; apply: contraNT Dab => /negPf->.
move/matrixP/(_ x b): XD0; rewrite !mxE (bigD1 a) //= big1 ?addr0 => [|c ca]; last first.
  by rewrite !mxE -ab (inj_eq val_inj) (inj_eq enum_val_inj) (negPf ca) mulr0.
by rewrite !mxE => /eqP; rewrite mulf_eq0 (negPf Dab) orbF => /eqP.
Qed.

(* The columns of P are a basis of the integer x with K x = - x, and the rows of E its dual
   basis: E takes such an x to its coordinates. *)
Definition frame (R : comRingType) n r (K : 'M[R]_n) (P : 'M_(n, r)) (E : 'M_(r, n)) :=
  [/\ K *m P = - P, E *m P = 1%:M & P *m (E *m (1%:M - K)) = 1%:M - K].

Lemma involution_frame n (K : 'M[int]_n) : K *m K = 1%:M ->
  exists r (P : 'M_(n, r)) (E : 'M_(r, n)), frame K P E.
Proof.
move=> KK; have [r [P [E [Q [PQ EP Qreg]]]]] := rank_factorization (1%:M - K).
exists r, P, E; split=> //; last by rewrite PQ (mulmxA E) EP mul1mx.
apply/eqP; rewrite -addr_eq0 -{2}[P]mul1mx -mulmxDl; apply/eqP/Qreg.
by rewrite -mulmxA -PQ mulmxDl mulmxBr KK mul1mx mulmx1 addrC addrA subrK subrr.
Qed.

Lemma frame_trace (R : comRingType) n r (K : 'M[R]_n) (P : 'M_(n, r)) E :
  frame K P E -> n%:R - \tr K = r%:R *+ 2.
Proof.
case=> KP EP PEK; rewrite -mxtrace1 -mxtraceB -PEK mxtrace_mulC -mulmxA mulmxBl mul1mx KP.
by rewrite opprK mulmxDr EP mxtraceD mxtrace1.
Qed.

(* Frames of one length, of K1^T and K2, give Y and Z. *)
Lemma frames_solve (R : comRingType) n q r (K1 : 'M[R]_n) (K2 : 'M[R]_q)
    (P1 : 'M_(n, r)) (E1 : 'M_(r, n)) (P2 : 'M_(q, r)) (E2 : 'M_(r, q)) :
  frame K1^T P1 E1 -> frame K2 P2 E2 ->
  let Y := P2 *m P1^T in let Z := E1^T *m (E2 *m K2) + (E1 *m K1^T)^T *m E2 in
  1%:M + Z *m Y = K1 /\ 1%:M + Y *m Z = K2.
Proof.
move=> [KP1 EP1 PEK1] [KP2 EP2 PEK2] Y Z.
have ZP : Z *m P2 = - (E1 *m (1%:M - K1^T))^T.
  rewrite mulmxDl -!mulmxA KP2 mulmxN EP2 mulmxN !mulmx1 mulmxBr mulmx1 (trmxB E1).
  by rewrite opprB addrC.
have PE : P1^T *m E1^T = 1%:M by rewrite -trmx_mul EP1 trmx1.
have PEK : P1^T *m (E1 *m K1^T)^T = - 1%:M.
  by rewrite -trmx_mul -mulmxA KP1 mulmxN EP1; apply/matrixP=> i j; rewrite !mxE eq_sym.
have PZ : P1^T *m Z = - (E2 *m (1%:M - K2)).
  by rewrite mulmxDr 2!(mulmxA P1^T) PE PEK mulNmx !mul1mx mulmxBr mulmx1 opprB.
rewrite /Y mulmxA ZP mulNmx -trmx_mul -mulmxA PZ mulmxN PEK1 PEK2 subKr.
by rewrite (trmxB 1%:M) trmxK trmx1 subKr.
Qed.

(* A basis of a frame may have other signs, and other representatives of the swaps. *)
Lemma frame_change (R : comRingType) n r (K : 'M[R]_n) (P : 'M_(n, r)) E S T :
  K *m K = 1%:M -> S *m S = 1%:M -> frame K P E ->
  frame K (P *m S) (S *m (E - T *m (E + E *m K))).
Proof.
move=> KK SS [KP EP PEK]; split; first by rewrite mulmxA KP mulNmx.
  rewrite -mulmxA (mulmxA _ P) mulmxBl EP -(mulmxA T) mulmxDl EP -mulmxA KP mulmxN EP subrr.
  by rewrite mulmx0 subr0 mul1mx.
have K0 : (1%:M + K) *m (1%:M - K) = 0.
  by rewrite mulmxDl mul1mx mulmxBr mulmx1 KK addrA subrK subrr.
rewrite -!mulmxA (mulmxA S) SS mul1mx mulmxBl -{2}[E]mulmx1 -mulmxDr -!mulmxA K0.
by rewrite !mulmx0 subr0.
Qed.

Theorem equal_traces n q (K1 : 'M[int]_n) (K2 : 'M[int]_q) :
  K1 *m K1 = 1%:M -> K2 *m K2 = 1%:M ->
  n%:R - \tr K1 = q%:R - \tr K2 <->
  exists (Y : 'M_(q, n)) (Z : 'M_(n, q)), 1%:M + Z *m Y = K1 /\ 1%:M + Y *m Z = K2.
Proof.
move=> KK1 KK2; split=> [|[Y [Z [<- <-]]]]; last first.
  by rewrite !mxtraceD !mxtrace1 mxtrace_mulC !opprD !addrA !subrr.
have [r [P2 [E2 F2]]] := involution_frame KK2; have [|s [P1 [E1 F1]]] := @involution_frame _ K1^T.
  by rewrite -trmx_mul KK1 trmx1.
rewrite (frame_trace F2) -mxtrace_tr (frame_trace F1) => /eqP.
rewrite eqrMn2r //= eqr_nat => /eqP sr; case: r / sr in P2 E2 F2 *.
by eexists; eexists; apply: frames_solve F1 F2.
Qed.

(* From here to the end of the section the integers are the elements of any ordered domain R in
   which no absolute value lies between 0 and 1: the proofs use nothing else of them.  Over such an
   R the kernel has less to do than over int, whose structure it would unfold at every step. *)
Section Discrete.
Variable R : realDomainType.
Hypothesis discrete : forall x : R, x != 0 -> 1 <= `|x|.

(* One of two vectors is 0 if their squared lengths add up to 1. *)
Lemma unit_vector_in_half p q (a : 'rV[R]_p) (b : 'rV[R]_q) :
  a *m a^T + b *m b^T = 1%:M -> a = 0 \/ b = 0.
Proof.
pose norm n (v : 'rV[R]_n) := \sum_j v 0 j ^+ 2.
have normE n (v : 'rV[R]_n) : (v *m v^T) 0 0 = norm n v.
  by rewrite mxE; apply: eq_bigr => j _; rewrite mxE.
have ge1 n (v : 'rV[R]_n) : v != 0 -> 1 <= norm n v.
  case/rV0Pn=> j vj; rewrite /norm (bigD1 j) //= -[1]addr0 lerD ?sumr_ge0 // => [|k _].
    by rewrite -real_normK ?num_real // exprn_ege1 // discrete.
  exact: sqr_ge0.
move/matrixP/(_ 0 0); rewrite [LHS]mxE !normE [RHS]mxE => ab.
have [->|/ge1 a1] := eqVneq a 0; first by left.
have [->|/ge1 b1] := eqVneq b 0; first by right.
by have := lerD a1 b1; rewrite ab gerDl ler10.
Qed.

(* A symmetric involution that takes a unit vector to the first one. *)
Lemma to_first n (a : 'M[R]_1) (b : 'cV[R]_n) :
  (col_mx a b)^T *m col_mx a b = 1%:M -> let s := block_mx a b^T b (1%:M - b *m b^T) in
  [/\ s^T = s, s *m s = 1%:M, s *m col_mx a b = col_mx 1%:M 0,
      b = 0 \/ b^T *m b = 1%:M &
      s = 1%:M \/ a - b^T *m b = - 1%:M /\ \det s = - 1].
Proof.
have a_sym : a^T = a by apply/matrixP=> i j; rewrite mxE !ord1.
rewrite tr_col_mx mul_row_col a_sym => aabb s.
have [ba ub cases] : [/\ b *m a = 0, b = 0 \/ b^T *m b = 1%:M &
    a = 1%:M /\ b = 0 \/ a - b^T *m b = - 1%:M].
  case: (@unit_vector_in_half _ _ a b^T); rewrite ?a_sym ?trmxK //.
    by move=> a0; move: aabb; rewrite a0 !mulmx0 add0r sub0r => ->; split=> //; right.
  move/(congr1 trmx); rewrite trmxK trmx0 => b0; move: aabb.
  rewrite b0 mul0mx mulmx0 addr0 subr0 => /(congr1 determinant)/eqP.
  rewrite det_mulmx det1 det_mx11 -expr2 sqrf_eq1 => a1; split; auto.
  by case/pred2P: a1 => a1; [left | right]; rewrite [a]mx11_scalar a1 ?scalar_mxN.
have ab : a *m b^T = 0 by rewrite -a_sym -trmx_mul ba trmx0.
have bbb : b *m b^T *m b = b.
  by rewrite -mulmxA (canRL (addKr _) aabb) mulmxDr mulmxN mulmxA ba mul0mx oppr0 add0r mulmx1.
have bbbT : b^T *m b *m b^T = b^T by rewrite -{4}bbb !trmx_mul trmxK mulmxA.
split=> //.
- by rewrite tr_block_mx a_sym trmxK linearB /= trmx1 trmx_mul trmxK.
- rewrite mulmx_block aabb mulmxBr mulmx1 mulmxA bbbT ab.
  rewrite mulmxBl mul1mx bbb ba mulmxBl !mulmxBr !mulmx1 mul1mx mulmxA bbb !subrr !addr0.
  by rewrite subr0 addrC subrK -scalar_mx_block.
- by rewrite mul_block_col aabb mulmxBl ba mul1mx bbb subrr add0r.
case: cases => [[a1 b0]|ab1]; [left | right; split=> //].
  by rewrite /s a1 b0 trmx0 mulmx0 subr0 -scalar_mx_block.
have : U (- b^T) *m s *m U b^T = block_mx (- 1%:M) 0 b 1%:M.
  by rewrite -mulmxA mul_block_U mul_U ab addr0 subrK !mulNmx mulmx1 ab1 subrr.
move/(congr1 determinant); rewrite !det_mulmx !det_U mulr1 mul1r det_lblock det1 mulr1 => ->.
by rewrite det_mx11 !mxE.
Qed.

Lemma to_first_step n (a : 'M[R]_1) (b : 'cV[R]_n) T :
  let s := block_mx a b^T b (1%:M - b *m b^T) in
  a - b^T *m b = - 1%:M -> \det s = - 1 -> T^T *m T = 1%:M ->
  reversed T b -> reversed (s *m diag1 T) (e1 _ n).
Proof.
move=> s ab1 det_s TT; apply: reversed_step => // K sym Kb.
have -> : s *m diag1 K = block_mx a b^T b (K - b *m b^T).
  rewrite mulmx_block !mulmx1 !mulmx0 !addr0 !add0r mulmxBl mul1mx -mulmxA.
  by rewrite (_ : b^T *m K = b^T) // -[b in RHS]Kb trmx_mul sym.
split; first by rewrite tr_block_mx trmxK linearB /= sym trmx_mul trmxK [a]mx11_scalar tr_scalar_mx.
rewrite mxtrace_block [\tr (K - _)]mxtraceB addrCA -[\tr (b *m _)]mxtrace_mulC.
by rewrite -mxtraceB ab1 mxtraceN mxtrace1.
Qed.

Theorem orthogonal_reversed n (T : 'M[R]_n) f :
  T^T *m T = 1%:M -> f = 0 \/ f^T *m f = 1%:M -> reversed T f.
Proof.
elim: n T f => [|n IH] T f TT uf.
  by exists 1%:M; rewrite !mul1mx trmx1 [T]flatmx0 trmx0 det_mx00 /mxtrace !big_ord0 !subrr.
have {IH} first (M : 'M[R]_(1 + n)) : M^T *m M = 1%:M -> reversed M (e1 _ n).
  move=> MM; pose g : 'cV_(1 + n) := M *m col_mx 1%:M 0.
  have gg : (col_mx (usubmx g) (dsubmx g))^T *m col_mx (usubmx g) (dsubmx g) = 1%:M.
    rewrite vsubmxK trmx_mul mulmxA -(mulmxA _ M^T) MM mulmx1 tr_col_mx mul_row_col.
    by rewrite trmx1 mulmx1 mulmx0 addr0.
  have [] := to_first gg; set s := block_mx _ _ _ _; rewrite vsubmxK => s_sym ss sg ub cases.
  have [||T' eT TT'] := @fixes_first _ 1 n (s *m M); first by rewrite -mulmxA.
    by rewrite trmx_mul s_sym mulmxA -(mulmxA _ s s) ss mulmx1.
  have revT' := IH T' _ TT' ub; have -> : M = s *m (s *m M) by rewrite mulmxA ss mul1mx.
  rewrite eT; case: cases => [->|[ab1 det_s]]; last exact: to_first_step.
  by rewrite mul1mx; apply: reversed_diag1 revT'.
case: uf => [->|].
  by have [K [? ? ? _ ?]] := first T TT; exists K; rewrite mulmx0.
rewrite -{1 2}(@vsubmxK _ 1 n 1 f) => /to_first[].
move: (block_mx _ _ _ _) => s s_sym ss; rewrite vsubmxK => sf _ _.
by apply: (reversed_conj s_sym ss); rewrite sf; apply/first/orthogonal_conj.
Qed.

Corollary product_of_involutions n (T : 'M[R]_n) : T^T *m T = 1%:M ->
  exists K L : 'M_n,
  [/\ T = K *m L, K *m K = 1%:M /\ K^T = K, L *m L = 1%:M /\ L^T = L &
      \tr K - \tr L = 1 - \det T].
Proof.
by move=> TT; apply: (reversed_product TT (f := 0)); apply: orthogonal_reversed TT _; left.
Qed.

(* Signed permutations: six shears with small integers. *)

(* Small integer matrices, and involutions made of them.

   rows c M says that in every row of M the absolute values add up to at most c, entries c M
   that none exceeds c; nonzeros M is the number of entries that are not 0.

   Main results
     rows_add, rows_mulr, rows_mull, entries_mul, nonzeros_mul   of sums and products
     rows_unit       row sums are at most 1 if the rows have length at most 1
     orthogonal_signed_permutation   an integer matrix is orthogonal, M M^T = 1, iff it is
                     a signed permutation
     two_colours     for two involutions the indices have two colours, which both involutions
                     exchange, but for what they fix
     small_frame     a symmetric K with K^2 = 1 has a frame P, E of small integers
     saved           how many pieces of two such share an index
     small_solution  two such, K and L of one trace, are 1 + Z Y and 1 + Y Z, where the entries
                     of Y are at most 1, and those of N - Z at most 2, for a given N with such
                     entries, if in no row and in no column of N two of them exceed 1; and Y, Z,
                     N - Z and 1 - Y have few entries

   Plan.  K is a signed permutation s that is its own inverse.  Chosen are one index of each
   swap, by its colour, and those that K negates.  The columns of P are e_i - K e_i for a swap,
   e_i where K e_i = - e_i; the rows of E are those of 1.  A basis vector may change its sign,
   and its swap the index in E: four choices for each piece of Z.  A piece has two entries of
   absolute value 1, or one of 2.  It gets the sign that suits the entry of N there that
   exceeds 1; if there are two such, the piece of the other index has its entries elsewhere.

   Count.  K and L have r pieces each; let d1 or d2 be 1 where one is a swap of K or of L, and
   D1 and D2 their sums.  A piece has (1 + d1) (1 + d2) entries in Y and 1 + max(d1, d2) in Z:
   2 + 2 d1 + 2 d2 in all.  Pieces of K and L that choose the same index x go together.  If the
   sign is free, Y has 1 at (x, x), and 1 - Y loses two entries.  If it is not, N has 2 or -2
   where Z has an entry, which saves two as well: N counts by its weight.
   Let h be the number of swaps of L that share x with their piece of K.  The others have x where
   K has 1.  So in every coordinate at most one of these happens: K chooses it; K moves it and
   does not choose it; it is that of such a swap of L; it is one of the e where K has 1 and that
   have the other colour: r + D1 + (D2 - h) + e <= q.  With 2 h <= 2 D2 <= q,
   4 r + 4 D1 + 4 D2 - 2 h is at most 5 q - 4 e. *)
Definition rows m n (c : R) (M : 'M[R]_(m, n)) := forall i, \sum_j `|M i j| <= c.

Lemma rows_le m n c d (M : 'M_(m, n)) : c <= d -> rows c M -> rows d M.
Proof. by move=> cd cM i; apply: le_trans cd. Qed.

Lemma rows_add m n c d (M N : 'M_(m, n)) : rows c M -> rows d N -> rows (c + d) (M + N).
Proof.
move=> cM dN i; apply: le_trans (lerD (cM i) (dN i)); rewrite -big_split /=.
by apply: ler_sum => j _; rewrite mxE ler_normD.
Qed.

Lemma rows_opp m n c (M : 'M_(m, n)) : rows c M -> rows c (- M).
Proof. by move=> cM i; rewrite (eq_bigr (fun j => `|M i j|)) // => j _; rewrite mxE normrN. Qed.

Lemma row_sum_mul l m n d (M : 'M_(l, m)) (N : 'M_(m, n)) i : rows d N ->
  \sum_j `|(M *m N) i j| <= (\sum_k `|M i k|) * d.
Proof.
move=> dN; rewrite mulr_suml; apply: le_trans (_ : \sum_k \sum_j `|M i k| * `|N k j| <= _).
  rewrite exchange_big; apply: ler_sum => j _; rewrite mxE.
  by apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => k _; rewrite normrM.
by apply: ler_sum => k _; rewrite -mulr_sumr ler_wpM2l.
Qed.

Lemma rows_mulr l m n c (M : 'M_(l, m)) (N : 'M_(m, n)) :
  rows c M -> rows 1 N -> rows c (M *m N).
Proof. by move=> cM N1 i; apply: le_trans (row_sum_mul _ _ N1) _; rewrite mulr1. Qed.

Lemma rows_mull l m n c (M : 'M_(l, m)) (N : 'M_(m, n)) : 0 <= c ->
  rows 1 M -> rows c N -> rows c (M *m N).
Proof. by move=> c0 M1 cN i; apply: le_trans (row_sum_mul _ _ cN) _; rewrite ler_piMl. Qed.

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
by rewrite ler_peMr // discrete.
Qed.

Lemma rows_orthogonal m n (M : 'M_(m, n)) : M *m M^T = 1%:M -> rows 1 M.
Proof. by move=> MM; apply: rows_unit => i; rewrite MM mxE eqxx. Qed.

Definition entries m n c (M : 'M[R]_(m, n)) := forall i j, `|M i j| <= c.

Lemma entries_mul l m n c (M : 'M_(l, m)) (N : 'M_(m, n)) :
  0 <= c -> rows 1 M -> entries c N -> entries c (M *m N).
Proof.
move=> c0 M1 Nc i j; rewrite mxE; apply: le_trans (ler_norm_sum _ _ _) _.
apply: le_trans (_ : \sum_k `|M i k| * c <= _); last by rewrite -mulr_suml ler_piMl.
by apply: ler_sum => k _; rewrite normrM ler_wpM2l.
Qed.

Lemma entries_mulr l m n c (M : 'M_(l, m)) (P : 'M_(m, n)) :
  0 <= c -> rows 1 P^T -> entries c M -> entries c (M *m P).
Proof.
move=> c0 P1 cM i j; have /(_ j i) : entries c (P^T *m M^T).
  by apply: entries_mul => // x y; rewrite mxE.
by rewrite -trmx_mul mxE.
Qed.

Lemma rows_once m n (M : 'M_(m, n)) x y z : rows 1 M -> M x y != 0 -> M x z != 0 -> y = z.
Proof.
move=> rM /discrete My /discrete Mz; apply/eqP; apply: contraT => yz.
suff: (2 : R) <= 1 by rewrite leNgt ltr1n.
apply: le_trans (rM x); rewrite (bigD1 y) //= (bigD1 z) 1?eq_sym //=.
by rewrite addrA -[2]addr0 lerD ?sumr_ge0 // -[2]/(1 + 1 : R) lerD.
Qed.

Definition signed m n (f : 'I_m -> 'I_n) (b : 'I_m -> bool) : 'M[R]_(m, n) :=
  \matrix_(i, j) ((-1) ^+ b i *+ (f i == j)).

Lemma signed_norm m n (f : 'I_m -> 'I_n) b i j : `|signed f b i j| = (f i == j)%:R.
Proof. by rewrite mxE normrMn normrX normrN1 expr1n. Qed.

Lemma rows_signed m n (f : 'I_m -> 'I_n) b : rows 1 (signed f b).
Proof.
move=> i; rewrite (bigD1 (f i)) //= signed_norm eqxx big1 ?addr0 // => j.
by rewrite signed_norm eq_sym => /negPf->.
Qed.

Lemma signed_mul m n p (f : 'I_m -> 'I_n) b (M : 'M_(n, p)) i j :
  (signed f b *m M) i j = (-1) ^+ b i * M (f i) j.
Proof.
rewrite mxE (bigD1 (f i)) //= mxE eqxx mulr1n big1 ?addr0 // => k.
by rewrite mxE eq_sym => /negPf->; rewrite mul0r.
Qed.

Lemma signed_gram d (f : 'I_d -> 'I_d) (b : 'I_d -> bool) i k :
  (signed f b *m (signed f b)^T) i k = (-1) ^+ b i * (-1) ^+ b k *+ (f i == f k).
Proof. by rewrite signed_mul !mxE eq_sym mulrnAr. Qed.

Theorem orthogonal_signed_permutation d (M : 'M[R]_d) :
  M *m M^T = 1%:M <->
  exists (s : 'S_d) (b : 'I_d -> bool), M = \matrix_(i, j) ((-1) ^+ b i *+ (s i == j)).
Proof.
split=> [MM|[s [b ->]]]; last first.
  apply/matrixP=> i k; rewrite -/(signed s b) signed_gram (inj_eq perm_inj) mxE.
  by case: eqP => // ->; rewrite -expr2 sqrr_sign.
have row i : exists jb : 'I_d * bool, forall l, M i l = (-1) ^+ jb.2 *+ (jb.1 == l).
  have squares : \sum_l M i l ^+ 2 = 1.
    have <- : (M *m M^T) i i = 1 by rewrite MM mxE eqxx.
    by rewrite mxE; apply: eq_bigr => l _; rewrite mxE.
  have [j Mij] : exists j, M i j != 0.
    apply/existsP; apply: contraTT (oner_neq0 R) => /existsPn M0; rewrite negbK -squares.
    by rewrite big1 // => l _; have := M0 l; rewrite negbK => /eqP->; rewrite expr0n.
  rewrite (bigD1 j) //= in squares.
  have rest l : l != j -> M i l ^+ 2 = 0.
    move: l; apply: psumr_eq0P => [l _|]; first exact: sqr_ge0.
    apply/eqP; rewrite eq_le sumr_ge0 ?andbT => [|l _]; last exact: sqr_ge0.
    rewrite -(lerD2l (M i j ^+ 2)) addr0 squares.
    by rewrite -real_normK ?num_real // exprn_ege1 // discrete.
  move: squares => /eqP; rewrite big1 ?addr0 //.
  rewrite sqrf_eq1 => Mij1; have [b Mb] : exists b : bool, M i j = (-1) ^+ b.
    by case/pred2P: Mij1 => ->; [exists false | exists true].
  exists (j, b) => l /=; rewrite mulrb; case: eqVneq => [<- // | jl].
  by apply/eqP; rewrite -sqrf_eq0 rest // eq_sym.
have [f Mf] := fin_all_exists row.
have eM : M = signed (fun i => (f i).1) (fun i => (f i).2).
  by apply/matrixP=> i j; rewrite mxE Mf.
have f_inj : injective (fun i => (f i).1).
  move=> i k fik; move/matrixP/(_ i k): MM; rewrite eM signed_gram fik eqxx mxE.
  by case: eqP => // _ /eqP; rewrite mulr1n mulf_eq0 !signr_eq0.
by exists (perm f_inj), (fun i => (f i).2); rewrite eM; apply/matrixP=> i j; rewrite !mxE permE.
Qed.

(* What s moves changes its colour o. *)
Definition alternates n (s : 'I_n -> 'I_n) (o : 'I_n -> bool) :=
  forall x, s x != x -> o (s x) = ~~ o x.

Section Recolouring.
Variables (n : nat) (s t : 'I_n -> 'I_n) (x y : 'I_n) (o : 'I_n -> bool).
Hypotheses (sK : involutive s) (tK : involutive t).

Definition unswapped z := if (z == x) || (z == t x) then z else t z.
Definition recoloured c z := if z == x then c else if z == y then ~~ c else o z.

Let t_x z : (t z == x) = (z == t x). Proof. by rewrite -{1}[x]tK (inj_eq (inv_inj tK)). Qed.

Lemma unswappedK : involutive unswapped.
Proof.
move=> z; rewrite /unswapped; have [zxy|/negPf zxy] := boolP ((z == x) || (z == t x)).
  by rewrite zxy.
by rewrite t_x (inj_eq (inv_inj tK)) orbC zxy tK.
Qed.

Lemma unswapped_moves : t x != x ->
  (#|[pred z | unswapped z != z]| < #|[pred z | t z != z]|)%N.
Proof.
move=> tx; apply/proper_card/properP; split; last first.
  by exists x; rewrite !inE ?tx // /unswapped !eqxx.
by apply/subsetP=> z; rewrite !inE /unswapped; case: ifP => // _; rewrite eqxx.
Qed.

Lemma recoloured_swap c : t x != x -> y = t x -> alternates unswapped o ->
  alternates t (recoloured c).
Proof.
move=> tx yt t'o z; rewrite /recoloured yt t_x (inj_eq (inv_inj tK)); have := t'o z.
rewrite /unswapped; have [->|_] := eqVneq z x; first by rewrite [x == t x]eq_sym (negPf tx).
by have [->|_ /= to_z] := eqVneq z (t x); rewrite ?negbK.
Qed.

(* What s keeps may have any colour, *)
Lemma recoloured_fixed : s x = x -> alternates s o -> alternates s (recoloured (~~ o y)).
Proof.
move=> sx so; have e z : z != x -> recoloured (~~ o y) z = o z.
  by rewrite /recoloured negbK => /negPf->; case: eqP => // ->.
move=> z sz; have zx : z != x by apply: contraNneq sz => ->; rewrite sx.
by rewrite !e ?so // -[X in _ != X]sx (inj_eq (inv_inj sK)).
Qed.

(* and swaps x - x' and y - y' may replace x - y and x' - y'. *)
Lemma recoloured_rerouted (q := tperm y (s x)) : s x != x -> s y != y -> x != y ->
  alternates (fun z => q (s (q z))) o -> alternates s (recoloured (~~ o (s x))).
Proof.
move=> sx sy /negPf xy so; have yx : (y == x) = false by rewrite eq_sym.
have oy : s x != y -> o (s y) = ~~ o (s x).
  move=> sxy; have s'sx : q (s (q (s x))) = s y.
    by rewrite /q tpermR tpermD // 1?eq_sym // (inj_eq (inv_inj sK)) yx.
  by rewrite -s'sx so // s'sx (inj_eq (inv_inj sK)) yx.
have sxz z : (s z == x) = (z == s x) by rewrite -{1}[x]sK (inj_eq (inv_inj sK)).
have syz z : (s z == y) = (z == s y) by rewrite -{1}[y]sK (inj_eq (inv_inj sK)).
move=> z sz; rewrite /recoloured negbK sxz syz.
have [->|zx] := eqVneq z x; first by rewrite eq_sym (negPf sx) negbK; case: ifP.
have [->|zy] := eqVneq z y.
  rewrite [y == s y]eq_sym (negPf sy); case: ifP => // /negbT ysx.
  by rewrite oy // eq_sym.
have [->//|zsx] := eqVneq z (s x).
have [e|zsy] := eqVneq z (s y).
  by rewrite e oy ?negbK //; apply: contraNneq zx => xy'; rewrite e -xy' sK.
have e : q (s (q z)) = s z by rewrite /q !tpermD // eq_sym ?syz ?(inj_eq (inv_inj sK)).
by rewrite -e so // e.
Qed.
End Recolouring.

(* By induction on the swaps of t: without x - y, and with x - y and x' - y' in the place of the
   swaps x - x' and y - y' of s, there are two colours; those of x and y are chosen again. *)
Lemma two_colours n (s t : 'I_n -> 'I_n) : involutive s -> involutive t ->
  exists o, alternates s o /\ alternates t o.
Proof.
have [k] := ubnP #|[pred x | t x != x]|; elim: k s t => // k IH s t tk sK tK.
have [x tx|t1] := pickP (fun x => t x != x); last first.
  exists (fun x : 'I_n => (x < s x)%N); split=> x; last by rewrite (eqP (negbFE (t1 x))) eqxx.
  by move=> sx; rewrite sK -leqNgt ltn_neqAle (inj_eq val_inj) sx.
have {}IH z s' : involutive s' -> t z != z ->
    exists o, alternates s' o /\ forall c, alternates t (recoloured z (t z) o c).
  move=> s'K tz; have [||o [s'o t'o]] := IH s' (unswapped t z) _ s'K.
  - by apply: leq_trans (unswapped_moves tz) _; rewrite -ltnS.
  - exact: unswappedK.
  by exists o; split=> // c; apply: recoloured_swap.
have ttx : t (t x) != t x by rewrite (inj_eq (inv_inj tK)).
have [sx|sx] := eqVneq (s x) x.
  have [o [so t_o]] := IH x s sK tx; exists (recoloured x (t x) o (~~ o (t x))).
  by split=> //; apply: recoloured_fixed.
have [sy|sy] := eqVneq (s (t x)) (t x).
  have [o [so t_o]] := IH _ s sK ttx; exists (recoloured (t x) (t (t x)) o (~~ o (t (t x)))).
  by split=> //; apply: recoloured_fixed.
have s'K : involutive (fun z => tperm (t x) (s x) (s (tperm (t x) (s x) z))).
  by move=> z; rewrite tpermK sK tpermK.
have [o [so t_o]] := IH x _ s'K tx; exists (recoloured x (t x) o (~~ o (s x))); split=> //.
by apply: recoloured_rerouted so; rewrite // eq_sym.
Qed.

(* An index of each swap, and what is negated. *)
Definition chosen n (s : 'S_n) (b o : 'I_n -> bool) := [set i | if s i == i then b i else o i].

Section Involution.
Variables (n r : nat) (s : 'S_n) (b o : 'I_n -> bool) (f : 'I_r -> 'I_n).
Let K : 'M[R]_n := signed s b.
Hypothesis K_sym : K^T = K.

Let entry i j : K i j = (-1) ^+ b i *+ (s i == j). Proof. by rewrite mxE. Qed.

Let entry_norm i j : `|K i j| = (s i == j)%:R. Proof. exact: signed_norm. Qed.

Lemma symmetric_involutive : involutive s.
Proof.
move=> i; apply/eqP; have : `|K (s i) i| = 1 by rewrite -K_sym mxE entry_norm eqxx.
by rewrite entry_norm; case: eqP => // _ /eqP; rewrite eq_sym oner_eq0.
Qed.

Let sK := symmetric_involutive.

Let sym i j : K i j = K j i. Proof. by rewrite -{1}K_sym mxE. Qed.

Let S := chosen s b o.
Hypotheses (so : alternates s o) (f_inj : injective f) (fS : f @: 'I_r = S).

Let f_in a : f a \in S. Proof. by rewrite -fS imset_f. Qed.

Let partner i : i \in S -> s i \in S -> s i = i.
Proof.
by rewrite !inE sK; case: eqVneq => // si; rewrite so // => ->.
Qed.

Let fixed i : i \in S -> s i = i -> b i.
Proof. by rewrite inE => + si; rewrite si eqxx. Qed.

Let off i j := K i j *+ (i != j).

Definition small_P : 'M[R]_(n, r) := \matrix_(i, a) ((i == f a)%:R - off i (f a)).
Definition small_E : 'M[R]_(r, n) := signed f (fun=> false).

Let sum_S (g : 'I_n -> R) : \sum_a g (f a) = \sum_(i in S) g i.
Proof. by rewrite -fS big_imset /= => [|a c _ _ /f_inj//]; apply: eq_bigl. Qed.

Let E_mul m (M : 'M[R]_(n, m)) a j : (small_E *m M) a j = M (f a) j.
Proof. by rewrite signed_mul mul1r. Qed.

Let EP : small_E *m small_P = 1%:M.
Proof.
apply/matrixP=> a c; rewrite E_mul !mxE (inj_eq f_inj) /off.
have [<-|ac] := eqVneq a c; first by rewrite eqxx mulr0n subr0.
rewrite (inj_eq f_inj) ac mulr1n entry; case: eqP => [e|_]; last by rewrite subr0.
have := partner (f_in a); rewrite e => /(_ (f_in c)) /f_inj ca.
by rewrite ca eqxx in ac.
Qed.

Let bs i : (-1) ^+ b (s i) = (-1) ^+ b i :> R.
Proof. by have := sym (s i) i; rewrite !entry sK !eqxx !mulr1n. Qed.

Let KP : K *m small_P = - small_P.
Proof.
apply/matrixP=> i a; rewrite signed_mul !mxE /off !entry sK bs.
have [e|ne] := eqVneq (s i) (f a); last first.
  by rewrite mulr1n mulr0n mul0rn subr0 sub0r mulrN mulrnAr -expr2 sqrr_sign.
rewrite mulr0n subr0 mulr1 mulr1n; have [ia|ia] := eqVneq i (f a); last by rewrite sub0r opprK.
have iS : i \in S by rewrite ia.
by rewrite (fixed iS) ?mulr0n ?subr0 // e -ia.
Qed.

(* The rest is 0 in S, and K negates it. *)
Let PE : small_P *m (small_E *m (1%:M - K)) = 1%:M - K.
Proof.
have KK : K *m K = 1%:M by rewrite -{2}K_sym; apply/orthogonal_signed_permutation; exists s, b.
apply/eqP; rewrite -subr_eq0; set W := _ - _; apply/eqP/matrixP=> i j.
have WS x : x \in S -> W x j = 0.
  rewrite -fS => /imsetP[a _ ->]; rewrite -E_mul mulmxBr (mulmxA small_E small_P) EP mul1mx.
  by rewrite subrr mxE.
have KW : K *m W = - W.
  by rewrite mulmxBr (mulmxA K small_P) KP mulNmx (mulmxBr K) KK mulmx1 -(opprB 1%:M K) -opprD.
clearbody W; move/matrixP/(_ i j): KW; rewrite signed_mul [RHS]mxE => Ki; rewrite [RHS]mxE.
have [/WS//|] := boolP (i \in S); rewrite inE; have [si|si] := eqVneq (s i) i => iS.
  move: Ki; rewrite si (negPf iS) mul1r => /eqP.
  by rewrite -addr_eq0 -mulr2n mulrn_eq0 => /eqP.
by apply: oppr_inj; rewrite -Ki oppr0 WS ?mulr0 // inE sK eq_sym (negPf si) so.
Qed.

Lemma small_frame : frame K small_P small_E. Proof. by []. Qed.

Lemma small_rows : rows 1 small_P /\ rows 2 small_P^T.
Proof.
split=> [i|a].
  under eq_bigr do rewrite mxE; rewrite (sum_S (fun x => `|(i == x)%:R - off i x|)).
  have := rows_signed (fun=> if i \in S then i else s i) b i; apply: le_trans.
  rewrite [X in _ <= X](bigID (mem S)) /= ler_wpDr ?sumr_ge0 //; apply: ler_sum => x xS.
  rewrite signed_norm /off; have [e|ix] := eqVneq i x.
    by rewrite -e in xS *; rewrite xS eqxx mulr0n subr0 normr1.
  rewrite sub0r normrN mulr1n entry_norm; case: ifP => // iS.
  by case: eqP => // e; rewrite -(partner iS) ?e // eqxx in ix.
under eq_bigr do rewrite 2!mxE.
apply: le_trans (_ : \sum_i (`|small_E a i| + `|(small_E *m K) a i|) <= _); last first.
  rewrite big_split /= -[2]/(1 + 1 : R); apply: lerD; first exact: rows_signed.
  exact: rows_mulr (@rows_signed _ _ f _) (@rows_signed _ _ s b) a.
apply: ler_sum => i _; rewrite signed_norm E_mul; apply: le_trans (ler_normB _ _) _.
by rewrite eq_sym normr_nat lerD2l /off sym; case: eqP => // _; rewrite normr0.
Qed.

Lemma small_diagonal a : small_P (f a) a = 1.
Proof. by have /matrixP/(_ a a) := EP; rewrite E_mul => ->; rewrite mxE eqxx. Qed.

Lemma small_EK : small_E *m K = signed (s \o f) (b \o f).
Proof. by apply/matrixP=> a j; rewrite E_mul !mxE. Qed.

Lemma small_count a : (\sum_x (small_P x a != 0%R) <= (s (f a) != f a).+1)%N.
Proof.
rewrite eq_sym -cards2 -sum1_card [X in (_ <= X)%N]big_mkcond; apply: leq_sum => x _.
case: ifP => [_|/negbT]; first exact: leq_b1.
rewrite !inE negb_or leqn0 eqb0 negbK => /andP[/negPf xf /negPf xs].
by rewrite mxE /off sym entry xf [s _ == x]eq_sym xs mul0rn subr0.
Qed.

Lemma small_dominates a x :
  `|small_E a x| <= `|small_P x a| /\ `|(small_E *m K) a x| <= `|small_P x a|.
Proof.
have Pf := small_diagonal a; have Ps : `|small_P (s (f a)) a| = 1.
  have /matrixP/(_ (f a) a) := KP; rewrite signed_mul [RHS]mxE Pf => /(congr1 Num.norm).
  by rewrite normrMsign normrN1.
split; first by rewrite signed_norm; case: eqP => [<-|_]; rewrite ?Pf ?normr1 ?normr_ge0.
by rewrite small_EK signed_norm /=; case: eqP => [<-|_]; rewrite ?Ps ?normr_ge0.
Qed.
End Involution.

(* What a pair of pieces of K and L has in Z, but for its sign. *)
Definition piece n q (p p' : 'I_n * 'I_q) (b b' : bool) x y : R :=
  (-1) ^+ b *+ (p == (x, y)) + (-1) ^+ b' *+ (p' == (x, y)).

(* One sign suits a piece of Z, with entries at p and p', if one of the two of N is at most 1. It
   is 1 unless a larger entry of N asks for -1. *)
Lemma sign_choice n q (N : 'M[R]_(n, q)) p p' (b b' : bool) :
  (forall x y, `|N x y| <= 2) -> (p = p' -> b = b') ->
  [|| p == p', `|N p.1 p.2| <= 1 | `|N p'.1 p'.2| <= 1] ->
  exists s : bool, (forall x y, `|N x y - (-1) ^+ s * piece p p' b b' x y| <= 2) /\
    (p != p' -> s -> exists x y, (1 < `|N x y|) && (piece p p' b b' x y != 0)).
Proof.
have sign (u : R) (c : bool) : `|u| <= 2 -> exists s : bool,
    `|u - (-1) ^+ s * (-1) ^+ c| <= 2 /\ `|u - (-1) ^+ s * ((-1) ^+ c *+ 2)| <= 2.
  have far (k : nat) : `|u - (-1) ^+ (u < 0)%R *+ k| = `|`|u| - k%:R|.
    by rewrite {1}[u]numEsign -mulr_natr -mulrBr normrMsign.
  move=> u2; exists (c (+) (u < 0)); rewrite signr_addb mulrnAr mulrAC -expr2 sqrr_sign mul1r.
  have k2 (k : R) : 0 <= k <= 2 -> `|`|u| - k| <= 2.
    case/andP=> k0 k2; rewrite ler_norml -[- 2]sub0r -[X in _ && (_ <= X)]subr0.
    by apply/andP; split; apply: lerB.
  by rewrite -{1}[_ ^+ _]mulr1n !far !k2 ?ler01 ?ler0n ?ler_nat ?(ler1n _ 2).
move=> N2; have [<-{p'} /(_ erefl) <- _|pp' _ /=] := eqVneq p p'.
  have [s [_ s2]] := sign _ b (N2 p.1 p.2); exists s; split=> // x y; rewrite /piece -mulr2n.
  by case: eqP s2 => [->|_ _] //; rewrite mulr0n mul0rn mulr0 subr0.
have main p1 p2 (c1 c2 : bool) : p1 != p2 -> `|N p2.1 p2.2| <= 1 ->
    exists s : bool, (forall x y, `|N x y - (-1) ^+ s * piece p1 p2 c1 c2 x y| <= 2) /\
      (s -> exists x y, (1 < `|N x y|) && (piece p1 p2 c1 c2 x y != 0)).
  move=> p12 N1; have near u (s c : bool) : `|u| <= 1 -> `|u - (-1) ^+ s * (-1) ^+ c| <= 2 :> R.
    by move=> u1; apply: le_trans (ler_normB _ _) _; rewrite normrMsign normr_sign lerD2r.
  have [s [s1 big]] : exists s : bool, `|N p1.1 p1.2 - (-1) ^+ s * (-1) ^+ c1| <= 2
      /\ (s -> 1 < `|N p1.1 p1.2|).
    have [le1|gt1] := lerP `|N p1.1 p1.2| 1; first by exists false; split=> //; apply: near.
    by have [s [? _]] := sign _ c1 (N2 p1.1 p1.2); exists s.
  exists s; split=> [x y|/big N2p]; last first.
    exists p1.1, p1.2; rewrite N2p /piece -surjective_pairing eqxx [p2 == _]eq_sym (negPf p12).
    by rewrite addr0 signr_eq0.
  rewrite /piece; have [e|_] := eqVneq p1 (x, y).
    by rewrite -e [p2 == _]eq_sym (negPf p12) addr0; rewrite e in s1.
  have [e|_] := eqVneq p2 (x, y); last by rewrite addr0 mulr0 subr0.
  by rewrite add0r; apply: near; rewrite e in N1.
case/orP=> N1; last by have [s [? ?]] := main p p' b b' pp' N1; exists s.
have [|s [sP big]] := main p' p b' b _ N1; first by rewrite eq_sym.
exists s; split=> [x y|_ /big[x [y xy]]]; first by rewrite /piece [X in _ * X]addrC; apply: sP.
by exists x, y; rewrite /piece [X in X != 0]addrC.
Qed.

Lemma piece_count n q p p' b b' :
  (\sum_(x < n) \sum_(y < q) (piece p p' b b' x y != 0%R) <= (p != p').+1)%N.
Proof.
rewrite pair_big /= -cards2 -sum1_card [X in (_ <= X)%N]big_mkcond; apply: leq_sum => -[x y] _ /=.
rewrite !inE /piece [p == _]eq_sym [p' == _]eq_sym.
by case: (_ == p); case: (_ == p'); rewrite /= ?leq_b1 // addr0 eqxx.
Qed.

(* The piece of Z from the rows a of E1, E1 K, E2 and E2 L, with the sign h.1; if h.2, the other
   index of the swap of L is chosen: E2 a is replaced by - E2 a L. *)
Definition joined n q r (E1 EK : 'M[R]_(r, n)) (E2 EL : 'M[R]_(r, q)) (h : bool * bool) a x y :=
  (-1) ^+ h.1 * (E1 a x * (if h.2 then - E2 a y else EL a y) +
    EK a x * (if h.2 then - EL a y else E2 a y)).

Lemma pair_choice n q r (N : 'M[R]_(n, q)) (f1 g1 : 'I_r -> 'I_n) b1 (f2 g2 : 'I_r -> 'I_q) b2 a :
  let E1 := signed f1 (fun=> false) in let E2 := signed f2 (fun=> false) in
  let Z := joined E1 (signed g1 b1) E2 (signed g2 b2) in
  entries 2 N ->
  (forall x y x' y', 1 < `|N x y| -> 1 < `|N x' y'| -> (x == x') = (y == y')) ->
  (f1 a = g1 a -> b1 a) -> (f2 a = g2 a -> b2 a) ->
  exists h : bool * bool, [/\ forall x y, `|N x y - Z h a x y| <= 2,
    (\sum_x \sum_y (Z h a x y != 0%R) <= ((f1 a != g1 a) || (f2 a != g2 a)).+1)%N &
    f2 a != g2 a -> h.1 -> exists x y, (1 < `|N x y|) && (Z h a x y != 0)].
Proof.
move=> E1 E2 Z N2 once fg1 fg2.
have deltaN (b u : bool) : - ((-1) ^+ b *+ u) = (-1) ^+ (~~ b) *+ u :> R.
  by rewrite signrN mulNrn.
have deltaM (b c u v : bool) :
    (-1) ^+ b *+ u * ((-1) ^+ c *+ v) = (-1) ^+ (b (+) c) *+ (u && v) :> R.
  by rewrite mulrnAl mulrnAr -mulrnA mulnC mulnb signr_addb.
set k := f1 a in fg1 *; set l := g1 a in fg1 *; set i := f2 a in fg2 *; set j := g2 a in fg2 *.
have conclude p p' b b' s t : (forall x y, Z (s, t) a x y = (-1) ^+ s * piece p p' b b' x y) ->
    (p != p') = (k != l) || (i != j) ->
    (forall x y, `|N x y - (-1) ^+ s * piece p p' b b' x y| <= 2) ->
    (p != p' -> s -> exists x y, (1 < `|N x y|) && (piece p p' b b' x y != 0)) ->
    exists h : bool * bool, [/\ forall x y, `|N x y - Z h a x y| <= 2,
    (\sum_x \sum_y (Z h a x y != 0%R) <= ((k != l) || (i != j)).+1)%N &
    i != j -> h.1 -> exists x y, (1 < `|N x y|) && (Z h a x y != 0)].
  move=> eZ pp' sP big; exists (s, t); split=> [x y||ij s1]; first by rewrite eZ.
    apply: leq_trans (_ : _ <= (p != p').+1)%N _; last by rewrite pp'.
    apply: leq_trans (piece_count p p' b b'); apply: leq_sum => x _; apply: leq_sum => y _.
    by rewrite eZ mulf_eq0 signr_eq0.
  have [|x [y xy]] := big _ s1; first by rewrite pp' ij orbT.
  by exists x, y; rewrite eZ mulf_eq0 signr_eq0.
have [good|] := boolP [|| (k, j) == (l, i), `|N k j| <= 1 | `|N l i| <= 1].
  have [|s [sP big]] := @sign_choice _ _ _ (k, j) (l, i) (b2 a) (b1 a) N2 _ good.
    by case=> kl ji; rewrite fg1 ?fg2.
  apply: (conclude _ _ _ _ s false _ _ sP big); last by rewrite xpair_eqE negb_and [j == i]eq_sym.
  by move=> x y; rewrite /piece /Z /joined !xpair_eqE !mxE !deltaM /= addbF.
rewrite !negb_or -!ltNge => /and3P[kjli Nkj Nli].
have kl := once _ _ _ _ Nkj Nli; rewrite xpair_eqE kl andbb in kjli.
have [||s [sP big]] := @sign_choice _ _ _ (k, i) (l, j) true (~~ (b1 a (+) b2 a)) N2.
- by case=> /eqP; rewrite kl (negPf kjli).
- apply/orP; right; rewrite leNgt (contraNN _ kjli) // => /(once _ _ _ _ Nkj).
  by rewrite eqxx => <-.
apply: (conclude _ _ _ _ s true _ _ sP big); last by rewrite xpair_eqE kl negb_and.
by move=> x y; rewrite /piece /Z /joined !xpair_eqE !mxE !deltaN !deltaM /= addbN.
Qed.

(* Enumerations of two sets of one size that agree on what they share. *)
Lemma enumerations n r (A B : {set 'I_n}) : #|A| = r -> #|B| = r ->
  exists f g : 'I_r -> 'I_n, [/\ injective f, injective g, f @: 'I_r = A, g @: 'I_r = B &
    forall a, g a \in A -> f a = g a].
Proof.
pose t (A B : {set 'I_n}) := enum (A :&: B) ++ enum (A :\: B).
have t_size (C D : {set _}) : #|C| = r -> size (t C D) == r.
  by rewrite size_cat -!cardE cardsID => ->.
have t_inj (C D : {set _}) (Cr : #|C| = r) : injective (tnth (Tuple (t_size C D Cr))).
  apply/tuple_uniqP; rewrite cat_uniq !enum_uniq andbT; apply/hasPn=> x.
  by rewrite /= !mem_enum !inE => /andP[/negPf-> ->].
have t_image (C D : {set _}) (Cr : #|C| = r) : tnth (Tuple (t_size C D Cr)) @: 'I_r = C.
  apply/setP=> x; have -> : (x \in C) = (x \in Tuple (t_size C D Cr)).
    by rewrite /t mem_cat !mem_enum !inE; case: (x \in D); rewrite ?andbT ?orbF ?andbF.
  by apply/imsetP/tnthP=> [[a _ ->]|[a ->]]; exists a.
move=> Ar Br; exists (tnth (Tuple (t_size A B Ar))), (tnth (Tuple (t_size B A Br))).
split; [exact: t_inj | exact: t_inj | exact: t_image | exact: t_image | move=> a].
have x0 : 'I_n := tnth (Tuple (t_size A B Ar)) a.
rewrite !(tnth_nth x0) /= /t !nth_cat [B :&: A]setIC.
have [//|le] := ltnP; set x := nth _ _ _; suff : x \in B :\: A by rewrite inE => /andP[/negPf->].
rewrite -mem_enum mem_nth // -(ltn_add2l (size (enum (A :&: B)))) subnKC // setIC -size_cat.
by rewrite (eqP (t_size B A Br)).
Qed.

Definition nonzeros m n (M : 'M[R]_(m, n)) : nat := \sum_i \sum_j (M i j != 0%R).

Lemma sum_neq0 (I : finType) (F : I -> R) : ((\sum_a F a != 0)%R <= \sum_a (F a != 0%R))%N.
Proof.
have [/existsP[a Fa]|/existsPn F0] := boolP [exists a, F a != 0].
  by apply: leq_trans (leq_b1 _) _; rewrite (bigD1 a) //= Fa.
by rewrite big1 ?eqxx // => a _; apply/eqP; rewrite -[_ == _]negbK F0.
Qed.

Lemma nonzeros_outer l m r (P : 'M_(l, r)) (Q : 'M_(r, m)) :
  (nonzeros (P *m Q) <= \sum_a (\sum_i (P i a != 0%R)) * (\sum_j (Q a j != 0%R)))%N.
Proof.
apply: leq_trans (_ : \sum_i \sum_j \sum_a (P i a != 0%R) * (Q a j != 0%R) <= _)%N.
  apply: leq_sum => i _; apply: leq_sum => j _; rewrite mxE; apply: leq_trans (sum_neq0 _) _.
  by apply: leq_sum => a _; rewrite mulf_eq0 negb_or; case: (_ == 0); case: (_ == 0).
rewrite (eq_bigr _ (fun i _ => exchange_big _ _ _ _ _ _)) exchange_big; apply: leq_sum => a _.
by rewrite big_distrl; apply: leq_sum => i _; rewrite big_distrr.
Qed.

Lemma rows_count m n c (M : 'M[R]_(m, n)) i : rows c%:R M -> (\sum_j (M i j != 0%R) <= c)%N.
Proof.
move/(_ i); rewrite -(ler_nat R); apply: le_trans; rewrite natr_sum; apply: ler_sum => j _.
by case: eqVneq => [->|/discrete//]; rewrite normr0.
Qed.

Lemma nonzeros_rows m n c (M : 'M_(m, n)) : rows c%:R M -> (nonzeros M <= m * c)%N.
Proof.
move=> cM; rewrite -[m in (m * _)%N]card_ord -sum_nat_const.
by apply: leq_sum => i _; apply: rows_count.
Qed.

Lemma nonzeros_tr m n (M : 'M_(m, n)) : nonzeros M^T = nonzeros M.
Proof.
rewrite /nonzeros exchange_big; apply: eq_bigr => i _; apply: eq_bigr => j _.
by rewrite mxE.
Qed.

Lemma nonzeros_opp m n (M : 'M_(m, n)) : nonzeros (- M) = nonzeros M.
Proof. by apply: eq_bigr => i _; apply: eq_bigr => j _; rewrite mxE oppr_eq0. Qed.

Lemma nonzeros_mul l m n (M : 'M_(l, m)) (P : 'M_(m, n)) :
  rows 1 P -> (nonzeros (M *m P) <= nonzeros M)%N.
Proof.
move=> P1; apply: leq_trans (nonzeros_outer _ _) _; rewrite [X in (_ <= X)%N]exchange_big.
by apply: leq_sum => a _; rewrite -[X in (_ <= X)%N]muln1 leq_mul2l rows_count ?orbT.
Qed.

Lemma nonzeros_mull l m n (P : 'M_(l, m)) (M : 'M_(m, n)) :
  rows 1 P^T -> (nonzeros (P *m M) <= nonzeros M)%N.
Proof. by move=> P1; rewrite -nonzeros_tr -(nonzeros_tr M) trmx_mul nonzeros_mul. Qed.

Lemma nonzeros_row_mx m n p (M : 'M_(m, n + p)) :
  nonzeros M = (nonzeros (lsubmx M) + nonzeros (rsubmx M))%N.
Proof.
rewrite /nonzeros -big_split; apply: eq_bigr => i _; rewrite big_split_ord /=.
by congr addn; apply: eq_bigr => j _; rewrite mxE.
Qed.

(* What is larger than 1 counts twice. *)
Definition weight m n (M : 'M[R]_(m, n)) := \sum_i \sum_j ((M i j != 0%R) + (1 < `|M i j|)%R)%N.

Lemma weight_rows m n (M : 'M_(m, n)) : rows 2 M -> (weight M <= m * 2)%N.
Proof.
move=> M2; rewrite -[m in (m * _)%N]card_ord -sum_nat_const; apply: leq_sum => i _.
rewrite -(ler_nat R); apply: le_trans (M2 i); rewrite natr_sum; apply: ler_sum => j _.
have [->|x0] := eqVneq (M i j) 0; first by rewrite normr0 ltr10.
case: ltP => [lt1|_]; last exact: discrete.
have x1 : `|M i j| - 1 != 0 by rewrite subr_eq0 gt_eqF.
by have := discrete x1; rewrite ger0_norm ?subr_ge0 ?(ltW lt1) // lerBrDr (natrD _ 1 1).
Qed.

Lemma nonzeros_sub_one n (Y : 'M_n) :
  (nonzeros (1%:M - Y) + 2 * (\sum_x (Y x x == 1%R)) <= n + nonzeros Y)%N.
Proof.
rewrite -[n in (_ <= n + _)%N]card_ord -sum1_card big_distrr -!big_split /=.
apply: leq_sum => x _; rewrite !(bigD1 (P := xpredT) x) //= addnAC addnA leq_add //; last first.
  by apply: leq_sum => y; rewrite !mxE eq_sym => /negPf->; rewrite sub0r oppr_eq0.
by rewrite !mxE eqxx subr_eq0 eq_sym; case: eqVneq => [->|] //; rewrite oner_neq0.
Qed.

Lemma nonzeros_sub m n (N Z : 'M_(m, n)) :
  (nonzeros (N - Z) + 2 * (\sum_x \sum_y ((1 < `|N x y|)%R && (Z x y != 0%R)))
     <= weight N + nonzeros Z)%N.
Proof.
rewrite big_distrr -!big_split /=; apply: leq_sum => x _; rewrite big_distrr -!big_split /=.
apply: leq_sum => y _; rewrite !mxE; have [->|z0] := eqVneq (Z x y) 0.
  by rewrite andbF subr0 muln0 !addn0 leq_addr.
rewrite andbT; case: ltP => [lt1|_]; last first.
  by rewrite muln0 !addn0 addn1; apply: leq_trans (leq_b1 _) _.
have -> : N x y != 0 by rewrite -normr_gt0 (lt_trans ltr01).
exact: leq_add (leq_b1 _) (leqnn 2).
Qed.

(* The colours may be exchanged, so that one point has the colour false. *)
Lemma two_colours_off n (s t : 'I_n -> 'I_n) (X : pred 'I_n) :
  involutive s -> involutive t -> (#|X| <= 1)%N ->
  exists o, [/\ alternates s o, alternates t o & forall x, X x -> o x = false].
Proof.
move=> sK tK X1; have [o [so t_o]] := two_colours sK tK.
have [x Xx|X0] := pickP X; last by exists o; split=> // x; rewrite X0.
exists (fun y => o y (+) o x); split=> y; last first.
  by move=> Xy; rewrite (_ : y = x) ?addbb //; apply: (card_le1_eqP X1).
all: by [move/so->; rewrite addNb | move/t_o->; rewrite addNb].
Qed.

Lemma chosen_card n (s : 'S_n) b o : (signed s b)^T = signed s b -> alternates s o ->
  n%:R - \tr (signed s b) = #|chosen s b o|%:R *+ 2.
Proof.
pose S := chosen s b o => sym so.
have [f [_ [fi _ fS _ _]]] := enumerations (A := S) (B := S) erefl erefl.
exact: frame_trace (small_frame sym so fi fS).
Qed.

Lemma saved q r (s1 s2 : 'S_q) b1 b2 o (f1 f2 : 'I_r -> 'I_q) (X : pred 'I_q) :
  involutive s1 -> involutive s2 -> alternates s1 o -> alternates s2 o ->
  injective f1 -> injective f2 -> f1 @: 'I_r = chosen s1 b1 o -> f2 @: 'I_r = chosen s2 b2 o ->
  (forall a, f2 a \in chosen s1 b1 o -> f1 a = f2 a) ->
  (forall x, X x -> [/\ s1 x = x, b1 x = false & o x = false]) ->
  let swaps s (f : 'I_r -> 'I_q) := (\sum_a (s (f a) != f a))%N in
  let shared := (\sum_a ((f1 a == f2 a) && (s2 (f2 a) != f2 a)))%N in
  (r + swaps s1 f1 + swaps s2 f2 + #|X| <= q + shared)%N /\ (2 * shared <= q)%N.
Proof.
move=> s1K s2K s1o s2o f1i f2i f1S f2S agree Xfix swaps shared.
have over (s : 'S_q) b (f : 'I_r -> 'I_q) (h : 'I_q -> bool) :
    injective f -> f @: 'I_r = chosen s b o ->
    (\sum_a h (f a) = \sum_x ((x \in chosen s b o) && h x))%N.
  move=> fi fS; transitivity (\sum_(x in chosen s b o) h x)%N.
    by rewrite -fS big_imset /= => [|a c _ _ /fi//]; apply: eq_bigl.
  by rewrite big_mkcond; apply: eq_bigr => x _; case: (_ \in _).
have half (s : 'S_q) b f : involutive s -> alternates s o -> injective f ->
    f @: 'I_r = chosen s b o -> swaps s f = (\sum_x ((s x != x) && o x))%N /\
    swaps s f = (\sum_x ((s x != x) && ~~ o x))%N.
  move=> sK so fi fS; rewrite /swaps (over s b f (fun x => s x != x)) //.
  have e : (\sum_x ((x \in chosen s b o) && (s x != x)) = \sum_x ((s x != x) && o x))%N.
    by apply: eq_bigr => x _; rewrite inE; case: (s x == x); rewrite ?andbF ?andbT.
  split=> //; rewrite e (reindex_inj (inv_inj sK)); apply: eq_bigr => x _.
  by rewrite sK eq_sym; case: eqVneq => //= sx; rewrite so.
have [_ e1] := half s1 b1 f1 s1K s1o f1i f1S; have [e2 e2'] := half s2 b2 f2 s2K s2o f2i f2S.
have card : q = (\sum_(x < q) 1)%N by rewrite sum1_card card_ord.
split; last first.
  rewrite mul2n -addnn [X in (_ <= X)%N]card.
  apply: leq_trans (_ : swaps s2 f2 + swaps s2 f2 <= _)%N.
    by apply: leq_add; apply: leq_sum => a _; case: (_ == f2 a).
  rewrite {1}e2 e2' -big_split; apply: leq_sum => x _ /=.
  by case: (s2 x == x); case: (o x).
have er : r = (\sum_x (x \in chosen s1 b1 o))%N.
  rewrite -[LHS]card_ord -sum1_card (over s1 b1 f1 xpredT) //.
  by apply: eq_bigr => x _; rewrite andbT.
have es : (swaps s2 f2 <= shared + \sum_x ((x \in chosen s2 b2 o) &&
    ((x \notin chosen s1 b1 o) && (s2 x != x))))%N.
  rewrite -(over s2 b2 f2) // -big_split; apply: leq_sum => a _ /=.
  have := agree a; case: (s2 (f2 a) != f2 a); rewrite ?andbF ?andbT //.
  by case: (f2 a \in _) => [->//|_]; rewrite ?eqxx // addn1.
apply: leq_trans (leq_add (leq_add (leqnn _) es) (leqnn _)) _.
rewrite addn.[AC (2*2*1) (1*2*4*5*3)] leq_add2r {1}er e1 -sum1_card [X in (_ + X)%N]big_mkcond.
rewrite -!big_split [X in (_ <= X)%N]card; apply: leq_sum => x _ /=.
case: ifP => [/Xfix[sx bx ox]|_]; rewrite !inE.
  by rewrite sx eqxx bx ox; case: (s2 x == x); rewrite ?andbF.
by case: (s1 x == x); case: (s2 x == x); case: (b1 x); case: (b2 x); case: (o x).
Qed.

(* The sum of what small_solution counts. *)
Lemma sum_saved y z c d x s q r e g h : (c + 2 * h <= s + z -> d + 2 * g <= q + y ->
  e <= g + h -> y + z <= 2 * r -> r + x <= q + e -> 2 * e <= q ->
  y + z + c + d + 4 * x <= s + 6 * q)%N.
Proof.
move=> c_le d_le e_le yz rx e2; rewrite -(leq_add2r (2 * g + 2 * h)).
rewrite addn.[AC (5*2) (5*(1*2)*((3*7)*(4*6)))].
apply: leq_trans (leq_add (leqnn _) (leq_add c_le d_le)) _.
rewrite addn.[AC ((1*2)*(2*2)) (4*6*(1*((2*3)*(7*5))))].
have yz4 : (4 * x + (y + z + (y + z)) <= 5 * q + 2 * e)%N.
  apply: leq_trans (_ : 4 * (r + x) <= _)%N.
    by rewrite mulnDr addnC leq_add2r addnn -mul2n -[4%N]/(2 * 2)%N -mulnA leq_mul2l yz.
  apply: leq_trans (leq_mul (leqnn 4) rx) _; rewrite mulnDr -[5%N]/(4 + 1)%N mulnDl mul1n.
  by rewrite -addnA leq_add2l -[4%N]/(2 + 2)%N mulnDl leq_add2r.
apply: leq_trans (leq_add (leqnn _) yz4) _.
apply: leq_trans (_ : s + 6 * q + 2 * e <= _)%N.
  by rewrite -[6%N]/(1 + 5)%N mulnDl mul1n !addnA.
by rewrite leq_add2l -mulnDr leq_mul2l.
Qed.

(* Y and Z of chosen signs and indices h, piece by piece. *)
Section Solution.
Variables (q r : nat) (s1 s2 : 'S_q) (b1 b2 o : 'I_q -> bool) (f1 f2 : 'I_r -> 'I_q).
Variables (N : 'M[R]_q) (h : 'I_r -> bool * bool).
Let K := signed s1 b1.
Let L := signed s2 b2.
Let P1 := small_P s1 b1 f1.
Let P2 := small_P s2 b2 f2.
Let E1 := small_E f1.
Let E2 := small_E f2.
Let EK := signed (s1 \o f1) (b1 \o f1).
Let EL := signed (s2 \o f2) (b2 \o f2).
Let Za a := joined E1 EK E2 EL (h a) a.
Hypotheses (symK : K^T = K) (symL : L^T = L) (LL : L *m L = 1%:M).
Hypotheses (s1o : alternates s1 o) (f1i : injective f1) (f1S : f1 @: 'I_r = chosen s1 b1 o).
Hypotheses (s2o : alternates s2 o) (f2i : injective f2) (f2S : f2 @: 'I_r = chosen s2 b2 o).
Hypothesis N2 : entries 2 N.
Hypothesis choice : forall a, [/\ forall x y, `|N x y - Za a x y| <= 2,
  (\sum_x \sum_y (Za a x y != 0%R) <= ((f1 a != s1 (f1 a)) || (f2 a != s2 (f2 a))).+1)%N &
  f2 a != s2 (f2 a) -> (h a).1 -> exists x y, (1 < `|N x y|) && (Za a x y != 0)].

Let S : 'M[R]_r := signed id (fun a => (h a).1).
Let T : 'M[R]_r := diag_mx (\row_a (h a).2%:R).
Let P := P2 *m S.
Let E := S *m (E2 - T *m (E2 + E2 *m L)).
Definition solution_Y := P *m P1^T.
Definition solution_Z := E1^T *m (E *m L) + EK^T *m E.

Let F1 : frame K P1 E1. Proof. exact: small_frame symK s1o f1i f1S. Qed.

Let P1r : rows 1 P1. Proof. by case: (small_rows symK s1o f1i f1S). Qed.

Let E1K : E1 *m K = EK. Proof. exact: small_EK. Qed.

Let P1f a : P1 (f1 a) a = 1. Proof. exact: small_diagonal symK s1o f1i f1S a. Qed.

Let ST (A B : 'M_(r, q)) a y : (S *m (A - T *m (A + B))) a y =
  (-1) ^+ (h a).1 * (if (h a).2 then - B a y else A a y).
Proof.
rewrite signed_mul mxE [(- _ : 'M_(_, _)) _ _]mxE mul_diag_mx !mxE; congr (_ * _).
by case: (h a).2; rewrite ?mul0r ?subr0 // mul1r opprD addrA subrr add0r.
Qed.

Let E_entry a y : E a y = (-1) ^+ (h a).1 * (if (h a).2 then - EL a y else E2 a y).
Proof. by rewrite /E ST small_EK. Qed.

Let EL_entry a y : (E *m L) a y = (-1) ^+ (h a).1 * (if (h a).2 then - E2 a y else EL a y).
Proof.
by rewrite -ST -mulmxA mulmxBl -(mulmxA T) mulmxDl -(mulmxA E2) LL mulmx1 small_EK.
Qed.

Let P_entry x a : P x a = (-1) ^+ (h a).1 * P2 x a.
Proof.
have St : S^T = S by apply/matrixP=> c d; rewrite !mxE eq_sym; case: eqP => // ->.
by rewrite -[P]trmxK trmx_mul St mxE signed_mul mxE.
Qed.

Lemma solves : 1%:M + solution_Z *m solution_Y = K /\ 1%:M + solution_Y *m solution_Z = L.
Proof.
have SS : S *m S = 1%:M.
  by apply/matrixP=> a c; rewrite signed_mul !mxE mulrnAr -expr2 sqrr_sign.
have FK : frame K^T P1 E1 by rewrite symK.
have := frames_solve FK (frame_change T LL SS (small_frame symL s2o f2i f2S)).
by rewrite symK E1K.
Qed.

Let Z_entry x y : solution_Z x y = \sum_a Za a x y.
Proof.
rewrite mxE [X in X + _]mxE [X in _ + X]mxE -big_split; apply: eq_bigr => a _ /=.
by rewrite [E1^T _ _]mxE [EK^T _ _]mxE E_entry EL_entry /Za /joined mulrDr !(mulrCA ((-1) ^+ _)).
Qed.

Let dominated a x : `|E1 a x| <= `|P1 x a| /\ `|EK a x| <= `|P1 x a|.
Proof. by rewrite -E1K; apply: small_dominates symK s1o f1i f1S a x. Qed.

Let outside a x y : P1 x a = 0 -> Za a x y = 0.
Proof.
have [+ +] := dominated a x; move=> + + P0; rewrite P0 normr0 !normr_le0 => /eqP e1 /eqP e2.
by rewrite /Za /joined e1 e2 !mul0r addr0 mulr0.
Qed.

Let inside a x y : P1 x a != 0 -> solution_Z x y = Za a x y.
Proof.
move=> Pa; rewrite Z_entry (bigD1 a) //= big1 ?addr0 // => c ca.
by apply/outside/eqP; apply: contraNT ca => Pc; rewrite (rows_once P1r Pc Pa).
Qed.

Lemma solution_small :
  [/\ entries 1 solution_Y, rows 2 solution_Y, rows 2 solution_Z & entries 2 (N - solution_Z)].
Proof.
have sign_rows (c t : bool) (g g' : 'I_q -> R) : \sum_y `|g y| <= 1 -> \sum_y `|g' y| <= 1 ->
    \sum_y `|(-1) ^+ c * (if t then - g' y else g y)| <= 1.
  by case: t => g1 g2; [apply: le_trans g2 | apply: le_trans g1];
    apply: ler_sum => y _; rewrite normrMsign ?normrN.
have rE : rows 1 E.
  by move=> a; under eq_bigr do rewrite E_entry; apply: sign_rows; apply: rows_signed.
have rEL : rows 1 (E *m L).
  by move=> a; under eq_bigr do rewrite EL_entry; apply: sign_rows; apply: rows_signed.
have cE1 : rows 1 E1^T.
  move=> x; apply: le_trans (P1r x); apply: ler_sum => a _; rewrite mxE.
  by case: (dominated a x).
have cEK : rows 1 EK^T.
  move=> x; apply: le_trans (P1r x); apply: ler_sum => a _; rewrite mxE.
  by case: (dominated a x).
have [P2r _] := small_rows symL s2o f2i f2S; have [_ P1c] := small_rows symK s1o f1i f1S.
have rP : rows 1 P := rows_mulr P2r (@rows_signed _ _ _ _).
split; [| exact: rows_mull | |].
- by apply: entries_mul => // a x; rewrite mxE; apply: rows_entry.
- by rewrite -[2]/(1 + 1 : R); apply: rows_add; apply: rows_mulr.
move=> x y; rewrite mxE [(- solution_Z) x y]mxE; have [a Pa|P0] := pickP (fun a => P1 x a != 0).
  by rewrite (inside _ Pa); case: (choice a).
by rewrite Z_entry big1 ?subr0 // => a _; apply/outside/eqP; rewrite -[_ == 0]negbK P0.
Qed.

(* 1 - Y or N - Z has two entries less for each swap of L that shares its index. *)
Lemma solution_meets : (\sum_a ((f1 a == f2 a) && (s2 (f2 a) != f2 a)) <=
  \sum_x (solution_Y x x == 1%R) + \sum_x \sum_y ((1 < `|N x y|)%R && (solution_Z x y != 0%R)))%N.
Proof.
rewrite -big_split /=; pose g x := ((solution_Y x x == 1%R) +
  \sum_y ((1 < `|N x y|)%R && (solution_Z x y != 0%R)))%N.
apply: leq_trans (_ : \sum_a \sum_x (P1 x a != 0%R) * g x <= _)%N; last first.
  rewrite exchange_big; apply: leq_sum => x _ /=; rewrite -big_distrl /=.
  by rewrite -[X in (_ <= X)%N]mul1n leq_mul2r rows_count ?orbT.
apply: leq_sum => a _; have [/andP[/eqP fa swap]|//] := boolP (_ && _).
suff [x Px gx] : exists2 x, P1 x a != 0 & (0 < g x)%N.
  by rewrite (bigD1 x) //= Px mul1n; apply: leq_trans (leq_addr _ _).
have [ha|/negPf ha] := boolP (h a).1.
  have [_ _ large] := choice a; have [|x [y /andP[+ Zxy]]] := large _ ha.
    by rewrite eq_sym.
  move=> Nxy; have Px : P1 x a != 0.
    by apply: contraNneq Zxy => /outside->.
  by exists x => //; rewrite /g (bigD1 y) //= Nxy (inside _ Px) Zxy addnCA.
exists (f1 a); rewrite ?P1f ?oner_neq0 // /g.
suff -> : solution_Y (f1 a) (f1 a) = 1 by rewrite eqxx.
rewrite mxE (bigD1 a) //= big1 ?addr0 => [|c ca]; last first.
  rewrite [P1^T _ _]mxE [P1 _ c](_ : _ = 0) ?mulr0 //; apply/eqP; apply: contraNT ca => Pc.
  by rewrite (rows_once (z := a) P1r Pc) // P1f oner_neq0.
rewrite [P1^T _ _]mxE P1f P_entry ha mulr1 mul1r fa.
exact: small_diagonal symL s2o f2i f2S a.
Qed.

Lemma solution_sparse : (nonzeros solution_Y + nonzeros solution_Z <=
  2 * (r + \sum_a (s1 (f1 a) != f1 a) + \sum_a (s2 (f2 a) != f2 a)))%N.
Proof.
have cZ : (nonzeros solution_Z <= \sum_a ((f1 a != s1 (f1 a)) || (f2 a != s2 (f2 a))).+1)%N.
  apply: leq_trans (_ : \sum_a \sum_x \sum_y (Za a x y != 0%R) <= _)%N; last first.
    by apply: leq_sum => a _; case: (choice a).
  rewrite exchange_big; apply: leq_sum => x _; rewrite exchange_big; apply: leq_sum => y _.
  by rewrite Z_entry; apply: sum_neq0.
apply: leq_trans (leq_add (nonzeros_outer _ _) cZ) _.
rewrite -[X in (_ <= 2 * (X + _ + _))%N]card_ord -sum1_card -!big_split big_distrr /=.
apply: leq_sum => a _.
have c1 : (\sum_y (P1^T a y != 0%R) <= (s1 (f1 a) != f1 a).+1)%N.
  by under eq_bigr do rewrite mxE; apply: small_count.
have c2 : (\sum_x (P x a != 0%R) <= (s2 (f2 a) != f2 a).+1)%N.
  by under eq_bigr do rewrite P_entry mulf_eq0 signr_eq0; apply: small_count.
apply: leq_trans (leq_add (leq_mul c2 c1) (leqnn _)) _.
rewrite [f1 a == _]eq_sym [f2 a == _]eq_sym.
by case: (s1 (f1 a) != f1 a); case: (s2 (f2 a) != f2 a).
Qed.

(* Y has nothing where K has a fixed vector. *)
Lemma solution_fixes x y : s1 x = x -> b1 x = false -> solution_Y y x = 0.
Proof.
move=> sx bx; rewrite mxE big1 // => a _; rewrite [P1^T _ _]mxE.
have [/matrixP/(_ x a) + _ _] := F1; rewrite signed_mul [RHS]mxE sx bx mul1r => /eqP.
by rewrite -addr_eq0 -mulr2n mulrn_eq0 => /eqP->; rewrite mulr0.
Qed.
End Solution.

Theorem small_solution q (K L N : 'M[R]_q) (X : pred 'I_q) :
  K^T = K -> K *m K = 1%:M -> L^T = L -> L *m L = 1%:M -> \tr K = \tr L ->
  (#|X| <= 1)%N -> (forall x, X x -> K x x = 1) -> entries 2 N ->
  (forall x y x' y', 1 < `|N x y| -> 1 < `|N x' y'| -> (x == x') = (y == y')) ->
  exists Y Z, [/\ 1%:M + Z *m Y = K /\ 1%:M + Y *m Z = L, entries 1 Y /\ rows 2 Y,
    rows 2 Z /\ entries 2 (N - Z), forall x y, X x -> Y y x = 0 &
    (nonzeros Y + nonzeros Z + nonzeros (N - Z) + nonzeros (1%:M - Y) + 4 * #|X|
       <= weight N + 6 * q)%N].
Proof.
move=> symK KK symL LL trKL X1 Xfix N2 once.
have [|s1 [b1 eK]] := (orthogonal_signed_permutation K).1; first by rewrite symK.
have [|s2 [b2 eL]] := (orthogonal_signed_permutation L).1; first by rewrite symL.
rewrite -/(signed s1 b1) in eK; rewrite -/(signed s2 b2) in eL.
rewrite {}eK {K KK} in symK trKL Xfix *; rewrite {}eL {L} in symL LL trKL *.
have [s1K s2K] := (symmetric_involutive symK, symmetric_involutive symL).
have [o [s1o s2o oX]] := two_colours_off s1K s2K X1.
have cards : #|chosen s1 b1 o| = #|chosen s2 b2 o|.
  have := chosen_card symK s1o; rewrite trKL (chosen_card symL s2o) => /esym/eqP.
  by rewrite eqrMn2r // eqr_nat => /eqP.
have [f1 [f2 [f1i f2i f1S f2S agree]]] := enumerations cards erefl.
have fixed x : X x -> [/\ s1 x = x, b1 x = false & o x = false].
  move=> Xx; have := Xfix x Xx; rewrite mxE; case: eqVneq => [-> b1x|_]; last first.
    by rewrite mulr0n => /eqP; rewrite eq_sym oner_eq0.
  split=> //; last exact: oX.
  by move: b1x; case: (b1 x) => // /eqP; rewrite expr1 eq_sym -addr_eq0 -mulr2n pnatr_eq0.
have [few half] := saved s1K s2K s1o s2o f1i f2i f1S f2S agree fixed.
have fix1 a : f1 a = s1 (f1 a) -> b1 (f1 a).
  by move=> e; have : f1 a \in chosen s1 b1 o; [rewrite -f1S imset_f | rewrite inE -e eqxx].
have fix2 a : f2 a = s2 (f2 a) -> b2 (f2 a).
  by move=> e; have : f2 a \in chosen s2 b2 o; [rewrite -f2S imset_f | rewrite inE -e eqxx].
have [h hP] := fin_all_exists (fun a => @pair_choice _ _ _ N f1 (s1 \o f1) (b1 \o f1)
  f2 (s2 \o f2) (b2 \o f2) a N2 once (fix1 a) (fix2 a)).
destruct (solution_small symK symL LL s1o f1i f1S s2o f2i f2S N2 hP) as [eY rY rZ eN].
do 2!eexists; split; [| by split; [exact: eY | exact: rY] | by split; [exact: rZ | exact: eN] | |].
- exact: (solves h symK symL LL s1o f1i f1S s2o f2i f2S).
- by move=> x y /fixed[sx bx _]; apply: (solution_fixes s2 b2 f2 h symK s1o f1i f1S).
apply: sum_saved (nonzeros_sub N _) (nonzeros_sub_one _) _ _ few half.
  exact: (solution_meets symK symL LL s1o f1i f1S s2o f2i f2S hP).
exact: (solution_sparse symK symL LL hP).
Qed.

(* Signed permutations: six shears with integer entries, in every dimension.

   The halves have n and e + n entries: e = 0 is the equal split, e = 1 that of an odd
   number of coordinates.

   Main results
     six_small_LULULU   M = L W0 * U X * L Y * U Z * L W * U V with integer entries, for
                      every integer M with M M^T = 1 and det M = 1, in every dimension: none
                      exceeds 2 in absolute value, at most 11 n + e are not 0, and the
                      absolute row sums are at most 4
     six_small_ULULUL   and M = U X * L Y * U Z * L W * U V * L T

   Plan.  M = [A B; C D].  A row of M has its one entry that is not 0 in one of the halves,
   and so has a column: A C^T = 0, A^T B = 0, C^T D = 0.  There are e more rows of D that
   are not 0 than of A; a W0 that takes those of A to some of those of D, and u, which
   selects the others, give W0 B = 0 and square orthogonal matrices Ch = [u, C + W0 A] and
   Jh = [D^T u, D^T W0 - B^T] (first_layer).  Theta = Jh^T Ch has the determinant of M, 1,
   so it is reversed by an involution K = diag(1, k) with tr K = tr (K Theta)
   (above).  Then D' = Ch K Jh^T is an involution, too, and with k it is
   1 + Y Z and 1 + Z Y: the two equations above.
   N = B - A V = (B - G D) + G D' with G = A (C + W0 A)^T: the rows of the first part are those of
   B or of - G D, and the second has one entry in a row and in a column.  In the coordinates of
   the columns of Ch, D' is K Theta, C' is [0; 1], and the small solution for N Ch gives Y = Ch Y0
   and Z = Z0 Ch^T: so the entries of N - Z, which are those of X, are at most 2.
   W0 has n entries that are not 0, V and N at most 2 n, C' has n, and those of Y and Z count
   twice, less what meets: 6 n + 5 (n + e) - 4 e.

   Reference.  The theorem is new to our knowledge. *)
(* In every row of [X Y] the one entry that is not 0 is in X or in Y. *)
Lemma row_in_half m p q (X : 'M[R]_(m, p)) (Y : 'M[R]_(m, q)) :
  X *m X^T + Y *m Y^T = 1%:M -> forall i, row i X = 0 \/ row i Y = 0.
Proof.
move=> /matrixP XY i; apply: unit_vector_in_half; apply/matrixP=> j k.
have := XY i i; rewrite !ord1 !mxE !eqxx => <-.
by congr (_ + _); apply: eq_bigr => l _; rewrite !mxE.
Qed.

Lemma halves_disjoint m p q (X : 'M[R]_(m, p)) (Y : 'M[R]_(m, q)) :
  X *m X^T + Y *m Y^T = 1%:M -> X^T *m Y = 0.
Proof.
move/row_in_half => XY; apply/matrixP=> j k; rewrite !mxE big1 // => i _; rewrite mxE.
by case: (XY i) => /rowP; [move/(_ j) | move/(_ k)]; rewrite !mxE => ->; rewrite ?mul0r ?mulr0.
Qed.

(* X X^T projects to the coordinates of the rows of X that are not 0; S selects them *)
Lemma selection m p q (X : 'M[R]_(m, p)) (Y : 'M[R]_(m, q)) :
  X *m X^T + Y *m Y^T = 1%:M ->
  exists r (S : 'M[R]_(m, r)), X *m X^T = S *m S^T /\ S^T *m S = 1%:M.
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
Lemma first_layer e n (A : 'M[R]_n) (B : 'M[R]_(n, e + n)) C (D : 'M[R]_(e + n)) :
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
  rewrite [(_ + _)^T]trmxD trmx_mul mulmxDl !mulmxDr mulmxA CG mul0mx addr0.
  rewrite -[T1 *m G *m C^T]mulmxA GC mulmx0 add0r -[T1 *m G *m _]mulmxA (mulmxA G) GG mul1mx.
  by rewrite addrCA -DT.
have BS : B^T *m S = 0 by rewrite -[LHS]trmxK trmx_mul trmxK SB trmx0.
rewrite tr_row_mx mul_row_col trmxB !trmx_mul !trmxK mulmxBl !mulmxBr.
rewrite -!mulmxA (mulmxA S^T) SS mul1mx SB !mulmx0 subr0 (mulmxA B^T) BS mul0mx sub0r opprK.
rewrite addrA -mulmxDr !mulmxA -mulmxDl -DT.
by rewrite (canRL (addKr _) CCDD) mulmxDl mulNmx -mulmxA CD mulmx0 oppr0 add0r mul1mx addrC.
Qed.

(* In an orthogonal [X Y] both blocks have small rows. *)
Lemma rows_half m p q (X : 'M[R]_(m, p)) (Y : 'M[R]_(m, q)) :
  X *m X^T + Y *m Y^T = 1%:M -> rows 1 X /\ rows 1 Y.
Proof.
have ge0 n (N : 'M[R]_(m, n)) i : 0 <= (N *m N^T) i i.
  by rewrite mxE sumr_ge0 // => j _; rewrite [N^T j i]mxE -expr2 sqr_ge0.
move=> XY; split; apply: rows_unit => i;
  have <- : (X *m X^T + Y *m Y^T) i i = 1 by [rewrite XY mxE eqxx];
  by rewrite [X in _ <= X]mxE ?lerDl ?lerDr ge0.
Qed.

(* So are those of Y - X T. *)
Lemma rows_half_sub m p q (X : 'M[R]_(m, p)) (Y : 'M[R]_(m, q)) (T : 'M_(p, q)) :
  X *m X^T + Y *m Y^T = 1%:M -> rows 1 T -> rows 1 (Y - X *m T).
Proof.
move=> XY rT i; have [rX rY] := rows_half XY; have rXT := rows_mulr rX rT.
have e j : (Y - X *m T) i j = row i Y 0 j - (row i X *m T) 0 j by rewrite -row_mul !mxE.
under eq_bigr do rewrite e; case: (row_in_half XY i) => ->.
  by under eq_bigr do rewrite mul0mx [(0 : 'M_(_, _)) _ _]mxE subr0 mxE; apply: rY.
by under eq_bigr do rewrite [(0 : 'M_(_, _)) _ _]mxE sub0r normrN -row_mul mxE; apply: rXT.
Qed.

(* All entries are at most 2 in absolute value, and those of a row add up to at most 4. *)
Definition small m n (M : 'M[R]_(m, n)) := entries 2 M /\ rows 4 M.

Lemma rows_small c m n (M : 'M_(m, n)) : c <= 2 -> rows c M -> small M.
Proof.
move=> c2 rM; split=> [i j|]; first exact: le_trans (rows_entry i j rM) c2.
by apply: rows_le rM; apply: le_trans c2 _; rewrite ler_nat.
Qed.

(* The last n of e + n coordinates. *)
Section Last.
Variables e n : nat.
Let I1 : 'M[R]_(e + n, n) := col_mx 0 1%:M.

Lemma mul_last m (Q : 'M_(m, e + n)) : Q *m I1 = rsubmx Q.
Proof. by rewrite -{1}[Q]hsubmxK mul_row_col mulmx0 mulmx1 add0r. Qed.

Lemma last_gram : I1^T *m I1 = 1%:M.
Proof. by rewrite mul_last tr_col_mx row_mxKr trmx1. Qed.

Lemma rows_last : rows 1 I1 /\ rows 1 I1^T.
Proof.
split; last by apply: rows_orthogonal; rewrite trmxK last_gram.
have [|_ //] := @rows_half _ _ _ (col_mx 1%:M 0 : 'M_(e + n, e)) I1.
rewrite !tr_col_mx !trmx1 !trmx0 !mul_col_row add_block_mx !mul0mx !mulmx0 !mulmx1.
by rewrite !addr0 add0r [RHS]scalar_mx_block.
Qed.
End Last.

(* What first_layer finds, and the involution K T. *)
Section Frames.
Variables (e n : nat) (A : 'M[R]_n) (B : 'M[R]_(n, e + n)) (C : 'M[R]_(e + n, n)).
Variables (D : 'M[R]_(e + n)) (W0 : 'M[R]_(e + n, n)) (u : 'M[R]_(e + n, e)).
Let C' : 'M_(e + n, n) := C + W0 *m A.
Let Ch : 'M_(e + n) := row_mx u C'.
Let Jh : 'M_(e + n) := row_mx (D^T *m u) (- (B^T - D^T *m W0)).
Let T : 'M_(e + n) := Jh^T *m Ch.
Hypotheses (MM : block_mx A B C D *m (block_mx A B C D)^T = 1%:M) (WB : W0 *m B = 0).
Hypotheses (CC : Ch^T *m Ch = 1%:M) (JJ : Jh^T *m Jh = 1%:M).

Lemma after_first_layer : block_mx A B C' D = L W0 *m block_mx A B C D.
Proof. by rewrite mul_L WB addr0. Qed.

Lemma inverse_after_first_layer : block_mx A B C' D *m
  block_mx (A^T - C^T *m W0) C^T (B^T - D^T *m W0) D^T = 1%:M.
Proof.
rewrite after_first_layer -!mulmxN -mul_block_L -tr_block_mx -mulmxA.
by rewrite (mulmxA (block_mx A B C D)) MM mul1mx; apply: mulmx1C; apply: mul_LL.
Qed.

Lemma frames_reversed : (e <= 1)%N -> \det (block_mx A B C D) = 1 ->
  exists k : 'M_n, let K := block_mx 1%:M 0 0 k in
    [/\ k^T = k, k *m k = 1%:M, (K *m T)^T = K *m T, K *m T *m (K *m T) = 1%:M &
        \tr (K *m T) = \tr K].
Proof.
move=> e1 dM; apply: reversed_first (e1) _ _ _ => [||f]; last first.
- apply: orthogonal_reversed; rewrite trmx_mul trmxK mulmxA -(mulmxA _ Jh) (mulmx1C JJ).
  by rewrite mulmx1.
- rewrite (det_frames inverse_after_first_layer CC JJ) after_first_layer.
  by rewrite (det_mulmx (L W0)) det_L dM mulr1.
by rewrite trmx_mul trmxK mulmxA -(mulmxA _ Jh) (mulmx1C JJ) mulmx1.
Qed.

Variable k : 'M[R]_n.
Let K : 'M_(e + n) := block_mx 1%:M 0 0 k.
Let D' := Ch *m K *m Jh^T.
Let V := C'^T *m (D - D').
Let N : 'M_(n, e + n) := B - A *m V.
Hypotheses (symk : k^T = k) (kk : k *m k = 1%:M).
Hypotheses (symT : (K *m T)^T = K *m T) (TT : K *m T *m (K *m T) = 1%:M).

Lemma middle_in_frame : D' = Ch *m (K *m T) *m Ch^T.
Proof. by rewrite /D' -!mulmxA (mulmx1C CC) mulmx1. Qed.

Lemma middle_involution : D'^T = D' /\ D' *m D' = 1%:M.
Proof.
rewrite middle_in_frame trmx_mul trmxK (trmx_mul Ch) symT mulmxA; split=> //.
move: (K *m T) TT => X XX.
by rewrite !mulmxA -(mulmxA _ Ch^T) CC mulmx1 -(mulmxA Ch) XX mulmx1 (mulmx1C CC).
Qed.

Lemma rows_frame : [/\ rows 1 Ch, rows 1 Ch^T, rows 1 C', rows 1 C'^T & rows 1 D'].
Proof.
have [symD DD] := middle_involution; have CC' := mulmx1C CC.
split; try by apply: rows_orthogonal; rewrite ?trmxK ?symD.
  by move: CC'; rewrite tr_row_mx mul_row_col => /rows_half[].
apply: rows_orthogonal; rewrite trmxK; move: CC.
by rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
Qed.

Lemma rows_blocks : [/\ rows 1 A, rows 1 A^T, rows 1 D & C *m A^T = 0].
Proof.
have [AABB CCDD] : A *m A^T + B *m B^T = 1%:M /\ C *m C^T + D *m D^T = 1%:M.
  by move: (MM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[].
have [[rA _] [_ rD]] := (rows_half AABB, rows_half CCDD).
move: (mulmx1C MM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[+ _ _ _].
rewrite -{2}[A]trmxK -{2}[C]trmxK => AC; have [rAt _] := rows_half AC; split=> //.
by rewrite -[LHS]trmxK trmx_mul -[A^T^T]/(A^T^T) (halves_disjoint AC) trmx0.
Qed.

Lemma first_shift : W0 = (A *m C'^T)^T.
Proof.
have [_ _ _ CA] := rows_blocks.
have AABB : A *m A^T + B *m B^T = 1%:M.
  by move: (MM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[].
rewrite trmx_mul trmxK /C' mulmxDl CA add0r -mulmxA (canRL (addrK _) AABB) mulmxBr mulmx1.
by rewrite mulmxA WB mul0mx subr0.
Qed.

(* N is B - G D with small rows, and G D' with small rows and columns. *)
Lemma target_parts : exists F H, [/\ N = F + H, rows 1 F, rows 1 H & rows 1 H^T].
Proof.
have [[symD _] [rA rAt rD _]] := (middle_involution, rows_blocks).
have [_ _ rC' rCt rD'] := rows_frame; pose G := A *m C'^T.
have rG : rows 1 G := rows_mulr rA rCt.
have cG : rows 1 G^T by rewrite trmx_mul trmxK; apply: rows_mulr.
exists (B - G *m D), (G *m D'); split.
- by rewrite /N /V mulmxA mulmxBr opprB addrA addrAC.
- rewrite /G -mulmxA; apply: rows_half_sub; last exact: rows_mulr.
  by move: (MM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[].
- exact: rows_mulr.
by rewrite (trmx_mul G) symD; apply: rows_mulr.
Qed.

Lemma rows_target : rows 2 N /\ rows 2 V.
Proof.
have [F [H [-> rF rH _]]] := target_parts; have [_ _ _ rCt rD'] := rows_frame.
have [_ _ rD _] := rows_blocks.
split; first by rewrite -[2]/(1 + 1 : R); apply: rows_add.
by apply: rows_mull => //; rewrite -[2]/(1 + 1 : R); apply/rows_add/rows_opp.
Qed.

(* In the coordinates of the columns of Ch, below e rows of zeros. *)
Let I1 : 'M[R]_(e + n, n) := col_mx 0 1%:M.
Let N' := I1 *m (N *m Ch).

Lemma target_once : rows 2 N' /\
  forall x y x' y', 1 < `|N' x y| -> 1 < `|N' x' y'| -> (x == x') = (y == y').
Proof.
have [rI1 rI1t] := rows_last e n; have [rN _] := rows_target.
have [rCh rCht _ _ _] := rows_frame; split; first exact: rows_mull (rows_mulr rN rCh).
have [F [H [eN rF rH cH]]] := target_parts.
pose H' := I1 *m (H *m Ch); have rH' : rows 1 H' := rows_mull ler01 rI1 (rows_mulr rH rCh).
have cH' : rows 1 H'^T.
  by rewrite trmx_mul (trmx_mul H); apply: rows_mulr (rows_mulr rCht cH) rI1t.
have far x y : 1 < `|N' x y| -> H' x y != 0.
  apply: contraTneq => z; rewrite -leNgt /N' eN mulmxDl mulmxDr mxE z addr0.
  exact: rows_entry (rows_mull ler01 rI1 (rows_mulr rF rCh)).
move=> x y x' y' /far xy /far xy'; apply/eqP/eqP => same; rewrite same in xy.
  exact: rows_once rH' xy xy'.
by apply: (rows_once cH' (x := y')); rewrite mxE.
Qed.

Lemma weight_target : (weight N' <= n * 2)%N.
Proof.
have [rN _] := rows_target; have [rCh _ _ _ _] := rows_frame.
rewrite -[X in (_ <= X)%N]add0n /weight big_split_ord /N' mul_col_mx mul0mx mul1mx.
apply: leq_add.
  by rewrite big1 // => i _; rewrite big1 // => j _; rewrite col_mxEu mxE eqxx normr0 ltr10.
apply: leq_trans (weight_rows (rows_mulr rN rCh)).
by apply: leq_sum => i _; apply: leq_sum => j _; rewrite col_mxEd.
Qed.

(* A solution in these coordinates gives the letters. *)
Variables Y0 Z0 : 'M[R]_(e + n).
Hypotheses (ZY0 : 1%:M + Z0 *m Y0 = K) (YZ0 : 1%:M + Y0 *m Z0 = K *m T).
Hypothesis YX : forall x y : 'I_(e + n), (x < e)%N -> Y0 y x = 0.
Let Y := Ch *m (Y0 *m I1).
Let Z := I1^T *m Z0 *m Ch^T.

Lemma target_minus : N - Z = I1^T *m (N' - Z0) *m Ch^T.
Proof.
rewrite mulmxBr mulmxBl /N' !mulmxA last_gram mul1mx.
by rewrite -[_ *m Ch *m Ch^T]mulmxA (mulmx1C CC) mulmx1.
Qed.

Lemma lower_minus : C' - Y = Ch *m ((1%:M - Y0) *m I1).
Proof. by rewrite mulmxBl mul1mx mulmxBr [Ch *m I1]mul_last row_mxKr. Qed.

Lemma letters_product : block_mx A B C D =
  L (- W0) *m U ((N - Z) *m D') *m L Y *m U Z *m L (D' *m (C' - Y)) *m U V.
Proof.
have [_ DD] := middle_involution; have [_ uD] := mulmx1_unit DD.
have invD : invmx D' = D' by rewrite -[LHS]mulmx1 -DD mulKmx.
have YI : Y0 *m I1 *m I1^T = Y0.
  rewrite mul_last tr_col_mx trmx1 trmx0 mul_mx_row mulmx0 mulmx1 -[RHS]hsubmxK.
  congr row_mx; apply/matrixP => y i; rewrite !mxE.
  by rewrite (YX (x := lshift n i) y (ltn_ord i)).
have ZY : 1%:M + Z *m Y = k.
  have <- : I1^T *m K *m I1 = k.
    rewrite mul_last tr_col_mx trmx0 trmx1 mul_row_block row_mxKr.
    by rewrite mul0mx mul1mx add0r.
  rewrite -ZY0 mulmxDr mulmxDl mulmx1 last_gram /Z /Y !mulmxA.
  by rewrite -[_ *m Ch^T *m Ch]mulmxA CC mulmx1.
have YZ : 1%:M + Y *m Z = D'.
  rewrite middle_in_frame -YZ0 mulmxDr mulmxDl mulmx1 (mulmx1C CC) /Y /Z !mulmxA.
  by rewrite -[Ch *m Y0 *m I1]mulmxA -[Ch *m (Y0 *m I1) *m I1^T]mulmxA YI.
have uk := (mulmx1_unit kk).1.
have := five_by_involution inverse_after_first_layer CC JJ uk ZY YZ.
by rewrite -/V -/N -/D' -/Y -/Z invD after_first_layer => /move_L.
Qed.

Lemma letters_small : entries 1 Y0 -> rows 2 Y0 -> rows 2 Z0 -> entries 2 (N' - Z0) ->
  [/\ small (- W0) /\ small ((N - Z) *m D'), small Y /\ small Z &
      small (D' *m (C' - Y)) /\ small V].
Proof.
move=> eY0 rY0 rZ0 eZ0; have two0 : 0 <= 2 :> R by [].
have [[rI1 rI1t] [symD _]] := (rows_last e n, middle_involution).
have [rCh rCht rC' rCt rD'] := rows_frame; have [rA _ _ _] := rows_blocks.
have [rN rV] := rows_target.
have eY : entries 1 Y := entries_mul ler01 rCh (entries_mulr ler01 rI1t eY0).
have rY : rows 2 Y := rows_mull two0 rCh (rows_mulr rY0 rI1).
have rZ : rows 2 Z := rows_mulr (rows_mull two0 rI1t rZ0) rCht.
have rX : rows 4 (N - Z) by move=> i; have := rows_add rN (rows_opp rZ) i; rewrite -natrD.
have eC : entries 2 (C' - Y).
  move=> i j; rewrite mxE [(- Y) i j]mxE; apply: le_trans (ler_normB _ _) _.
  by rewrite -[2]/(1 + 1 : R) lerD // rows_entry.
split; split; try exact: (rows_small (c := 2)).
- apply: (rows_small (c := 1)); first by rewrite ler1n.
  rewrite first_shift trmx_mul trmxK; apply/rows_opp/rows_mulr => //.
  by have [] := rows_blocks.
- split; last exact: rows_mulr rX rD'.
  rewrite target_minus; apply: (entries_mulr two0); first by rewrite symD.
  by apply: entries_mulr two0 _ (entries_mul two0 rI1t eZ0); rewrite trmxK.
split; first exact: entries_mul.
by apply: rows_le (rows_mull _ rD' (rows_add rC' (rows_opp rY)));
  rewrite -[1 + 2]/(1%:R + 2) -natrD ?ler_nat ?ler0n.
Qed.

Lemma letters_sparse :
  (nonzeros Y0 + nonzeros Z0 + nonzeros (N' - Z0)%R + nonzeros (1%:M - Y0)%R + 4 * e
     <= weight N' + 6 * (e + n))%N ->
  (nonzeros (- W0)%R + nonzeros ((N - Z) *m D')%R + nonzeros Y + nonzeros Z
     + nonzeros (D' *m (C' - Y))%R + nonzeros V <= 11 * n + e)%N.
Proof.
move=> count; have [[rI1 rI1t] [symD _]] := (rows_last e n, middle_involution).
have [rCh rCht _ rCt rD'] := rows_frame; have [_ rV] := rows_target.
have nW0 : (nonzeros (- W0)%R <= n)%N.
  rewrite nonzeros_opp first_shift nonzeros_tr -[n in X in (_ <= X)%N]muln1.
  by apply: nonzeros_rows; have [rA _ _ _] := rows_blocks; apply: rows_mulr.
have nX : (nonzeros ((N - Z) *m D')%R <= nonzeros (N' - Z0)%R)%N.
  rewrite target_minus; apply: leq_trans (nonzeros_mul _ rD') (leq_trans (nonzeros_mul _ rCht) _).
  by apply: nonzeros_mull; rewrite trmxK.
have nY : (nonzeros Y <= nonzeros Y0)%N.
  exact: leq_trans (nonzeros_mull _ rCht) (nonzeros_mul _ rI1).
have nZ : (nonzeros Z <= nonzeros Z0)%N.
  by apply: leq_trans (nonzeros_mul _ rCht) _; apply: nonzeros_mull; rewrite trmxK.
have nW : (nonzeros (D' *m (C' - Y))%R + e <= nonzeros (1%:M - Y0)%R)%N.
  rewrite nonzeros_row_mx addnC leq_add //; last first.
    rewrite lower_minus mul_last.
    by apply: leq_trans (nonzeros_mull _ _) (nonzeros_mull _ rCht); rewrite symD.
  rewrite -[e in (e <= _)%N]card_ord -sum1_card /nonzeros exchange_big; apply: leq_sum => i _.
  rewrite (bigD1 (lshift n i)) //= !mxE eqxx (YX (x := lshift n i) _ (ltn_ord i)) subr0.
  by rewrite oner_neq0 leq_addr.
have nV : (nonzeros V <= n * 2)%N by apply: nonzeros_rows.
rewrite -(leq_add2r (e + 4 * e)) addn.[AC (6*2) (3*4*2*(5*7)*8*(1*6))].
apply: leq_trans (leq_add (leq_add (leq_add (leq_add (leq_add nY nZ) nX) nW) (leqnn _))
  (leq_add nW0 nV)) _.
apply: leq_trans (leq_add (leq_trans count (leq_add weight_target (leqnn _))) (leqnn _)) _.
rewrite -(mulSn 4 e) -[X in (_ <= X)%N]addnA -(mulSn 5 e) -(mulnS n 2) !(mulnC n) mulnDr.
by rewrite addn.[AC ((1*2)*1) (1*3*4*2)] -!mulnDl.
Qed.
End Frames.

Theorem six_small_LULULU e n (M : 'M[R]_(n + (e + n))) :
  (e <= 1)%N -> M *m M^T = 1%:M -> \det M = 1 ->
  exists W0 X Y Z W V, [/\ M = L W0 *m U X *m L Y *m U Z *m L W *m U V,
    small W0 /\ small X, small Y /\ small Z, small W /\ small V &
    (nonzeros W0 + nonzeros X + nonzeros Y + nonzeros Z + nonzeros W + nonzeros V
       <= 11 * n + e)%N].
Proof.
move=> e1; rewrite -[M]submxK.
move: (ulsubmx M) (ursubmx M) (dlsubmx M) (drsubmx M) => A B C D MM dM.
have [W0 [u [WB + +]]] := first_layer MM; rewrite -[D^T *m W0 - _]opprB => CC JJ.
move: CC JJ => /mulmx1C CC /mulmx1C JJ.
have [k [symk kk symT TT trT]] := frames_reversed MM WB CC JJ e1 dM.
pose first := [pred x : 'I_(e + n) | (x < e)%N].
have first_e : #|first| = e.
  rewrite -[RHS]card_ord -(card_imset _ (@lshift_inj e n)); apply: eq_card => x.
  apply/idP/imsetP => [xe|[i _ ->]]; last exact: (ltn_ord i).
  by exists (Ordinal xe); last apply: val_inj.
have [rN' once] := target_once MM CC symT TT.
have [||||x xe|x y|Y0 [Z0 [[ZY0 YZ0] [eY0 rY0] [rZ0 eZ0] YX]]] :=
  @small_solution _ (block_mx 1%:M 0 0 k) _ _ first _ _ symT TT _ _ _ _ once.
- by rewrite tr_block_mx symk trmx1 !trmx0.
- by rewrite [RHS]scalar_mx_block; blocks; rewrite kk.
- by rewrite trT.
- by rewrite first_e.
- have -> : x = lshift n (Ordinal xe) by apply: val_inj.
  by rewrite block_mxEul mxE eqxx.
- exact: rows_entry.
have [sWX sYZ sWV] := letters_small MM WB CC symT TT eY0 rY0 rZ0 eZ0.
rewrite first_e => /(letters_sparse MM WB CC symT TT YX) few; do 6!eexists.
split; [| exact: sWX | exact: sYZ | exact: sWV | exact: few].
exact: (letters_product MM WB CC JJ kk symT TT ZY0 YZ0 YX).
Qed.

(* The other order, by inversion: the inverse of M is M^T. *)
Corollary six_small_ULULUL e n (M : 'M[R]_(n + (e + n))) :
  (e <= 1)%N -> M *m M^T = 1%:M -> \det M = 1 ->
  exists X Y Z W V T, [/\ M = U X *m L Y *m U Z *m L W *m U V *m L T,
    small X /\ small Y, small Z /\ small W, small V /\ small T &
    (nonzeros X + nonzeros Y + nonzeros Z + nonzeros W + nonzeros V + nonzeros T
       <= 11 * n + e)%N].
Proof.
move=> e1 MM dM.
have [||T [V [W [Z [Y [X [eM [sT sV] [sW sZ] [sY sX] few]]]]]]] := @six_small_LULULU e n M^T e1.
- by rewrite trmxK; apply: mulmx1C.
- by rewrite det_tr.
have opp m p (N : 'M_(m, p)) : small N -> small (- N).
  by case=> N2 N4; split=> [i j|]; [rewrite mxE normrN | apply: rows_opp].
exists (- X), (- Y), (- Z), (- W), (- V), (- T); split; try by split; apply: opp.
  by rewrite -[RHS]mulmx1 -(mulmx1C MM) mulmxA eM -!mulmxA !(mul_LK, mul_UK).
by rewrite !nonzeros_opp (ACl (6*5*4*3*2*1))%AC.
Qed.

End Discrete.
Arguments signed {R m n} f b.

Lemma int_discrete (x : int) : x != 0 -> 1 <= `|x|.
Proof. by rewrite -normr_gt0 gtz0_ge1. Qed.

(* Couplings under many masks, and under one. *)

(* One mask for everything: couplings under many masks are couplings under one.

   Points are columns x of d entries in a ring, commutative or not.  A coupling moves the
   coordinates of a set M: it takes x_i to s_i x_i + t_i, where the scales s_i and the shifts
   t_i are any functions of the coordinates in a set B, and the scales belong to a set G that
   is closed under products: 1 alone, the units, or what is positive.

   Main results
     one_mask         N couplings that move at most #|A| coordinates and read at most
                      #|~: A| are 2 N - 1 couplings that move A and ~: A in turn, followed
                      by a signed permutation of determinant 1, if A suits the first
     one_mask_all     2 N + 4 in all, if A is a half of the coordinates
     one_mask_other   2 N + 6, if A does not suit the first coupling
     permutation_needed   x_k += r x_i is no three couplings that move A and ~: A in turn,
                      whatever their functions, if A has i and k, and scales are units

   Plan.  Let P g_m .. g_1 be what is written so far, P a signed permutation, and g_m move A.
   The next coupling f is P^-1 f P behind g_m.  A signed swap Q = U L U, with U = 1 + E and
   L = 1 - E^T, brings what that one moves into A and what it reads out of A (swap), so
   f P = P Q^-1 h U L U where h moves A (coupling_conj).  Both U merge with a coupling that
   moves A (coupling_comp): L and h are new, and P Q^-1 is the next signed permutation.  The
   last one is six shears (six_small_LULULU), the first of which merges.

   Reference.  The theorem is new to our knowledge. *)
(* A set of n elements between two others. *)
Lemma set_between (T : finType) (M C : {set T}) n : M \subset C -> (#|M| <= n <= #|C|)%N ->
  exists A : {set T}, [/\ M \subset A, A \subset C & #|A| = n].
Proof.
move=> MC /andP[Mn nC]; pose s := take (n - #|M|) (enum (C :\: M)).
have sCM i : i \in s -> i \in C :\: M by move/mem_take; rewrite mem_enum.
have s_size : size s = (n - #|M|)%N.
  by rewrite size_takel // -cardE cardsD (setIidPr MC) leq_sub2r.
exists (M :|: [set i in s]); split; first exact: subsetUl.
  rewrite subUset MC; apply/subsetP=> i; rewrite inE => /sCM.
  by rewrite inE => /andP[].
rewrite cardsU (_ : _ :&: _ = set0) ?cards0 ?subn0; last first.
  apply/setP=> i; rewrite !inE; apply/negP=> /andP[iM /sCM].
  by rewrite inE iM.
by rewrite cardsE (card_uniqP _) ?s_size ?subnKC // take_uniq ?enum_uniq.
Qed.

(* Two sets of one size are exchanged by an involution that keeps what is in both, or none. *)
Lemma exchange (T : finType) (A B : {set T}) : #|A| = #|B| ->
  exists2 t : T -> T, involutive t & forall i,
    [/\ (t i \in A) = (i \in B), (t i \in B) = (i \in A) & (i \in A) = (i \in B) -> t i = i].
Proof.
move=> AB; pose X := A :\: B; pose Y := B :\: A.
have XY : #|X| = #|Y| by rewrite !cardsD AB setIC.
pose e (C D : {set T}) i := nth i (enum D) (index i (enum C)).
have e_in (C D : {set T}) i : #|C| = #|D| -> i \in C -> e C D i \in D.
  by move=> CD iC; rewrite -mem_enum mem_nth // -cardE -CD cardE index_mem mem_enum.
have eK (C D : {set T}) i : #|C| = #|D| -> i \in C -> e D C (e C D i) = i.
  move=> CD iC; have ltD : (index i (enum C) < size (enum D))%N.
    by rewrite -cardE -CD cardE index_mem mem_enum.
  by rewrite {1}/e index_uniq ?enum_uniq // nth_index // mem_enum.
have eX i : i \in X -> (e X Y i \in X) = false.
  by move=> iX; have := e_in X Y i XY iX; rewrite !inE => /andP[/negPf-> _]; rewrite andbF.
exists (fun i => if i \in X then e X Y i else if i \in Y then e Y X i else i) => i.
  case iX: (i \in X); first by rewrite eX // e_in // eK.
  by case iY: (i \in Y); [rewrite e_in ?eK | rewrite iX iY].
case iX: (i \in X).
  have := e_in _ _ _ XY iX; move: iX; rewrite !inE.
  by move=> /andP[/negPf-> ->] /andP[/negPf-> ->].
case iY: (i \in Y).
  have := e_in _ _ _ (esym XY) iY; move: iY; rewrite !inE.
  by move=> /andP[/negPf-> ->] /andP[/negPf-> ->].
by move: iX iY; rewrite !inE; case: (i \in A) (i \in B) => [] [].
Qed.

Section OneMask.
Variables (R : ringType) (G : {pred R}) (d : nat).
Hypothesis G_closed : GRing.mulr_closed G.
Implicit Types (A M B : {set 'I_d}) (f g h : 'cV[R]_d -> 'cV[R]_d) (x y : 'cV[R]_d).

Lemma coupling_id M B : coupling_map G M B id.
Proof.
exists (fun _ _ => 1), (fun _ _ => 0); split=> [_ _|//|x i]; first by case: G_closed.
by rewrite mul1r addr0 if_same.
Qed.

Lemma coupling_sub M B M' B' f :
  M \subset M' -> B \subset B' -> coupling_map G M B f -> coupling_map G M' B' f.
Proof.
move=> /subsetP MM' /subsetP BB'; intros [s [t [sG st fE]]].
exists (fun i x => if i \in M then s i x else 1), (fun i x => if i \in M then t i x else 0).
split=> [i x|i x y xy|x i].
- by case: ifP => _; [apply: sG | case: G_closed].
- by case: ifP => _ //; apply: st => j /BB'/xy.
- rewrite fE; case: (boolP (i \in M)) => [/MM'->//|_].
  by rewrite mul1r addr0 if_same.
Qed.

Lemma coupling_comp M B f g : [disjoint M & B] ->
  coupling_map G M B f -> coupling_map G M B g -> coupling_map G M B (f \o g).
Proof.
intros MB [s [t [sG st fE]]] [s' [t' [s'G st' gE]]].
exists (fun i x => s i (g x) * s' i x), (fun i x => s i (g x) * t' i x + t i (g x)).
split=> [i x|i x y xy|x i].
- by case: G_closed => _; apply; [apply: sG | apply: s'G].
- have [-> ->] := st' i x y xy.
  have [|-> ->//] := st i (g x) (g y).
  by move=> j jB; rewrite !gE (disjointFl MB jB); apply: xy.
- by rewrite /= fE gE; case: (i \in M); rewrite ?mulrDr ?mulrA ?addrA.
Qed.

(* Integer matrices act on columns. *)
Definition act (P : 'M[int]_d) x : 'cV[R]_d := map_mx intr P *m x.

Lemma actM P Q x : act (P *m Q) x = act P (act Q x).
Proof. by rewrite /act map_mxM mulmxA. Qed.

Lemma act1 x : act 1%:M x = x.
Proof. by rewrite /act map_mx1 mul1mx. Qed.

(* Where rows in A have entries in the columns in B besides the diagonal of ones. *)
Lemma shear_coupling A B (N : 'M[int]_d) :
  (forall i j, N i j != 0 -> (i \in A) && (j \in B)) -> coupling_map G A B (act (1%:M + N)).
Proof.
move=> NAB; exists (fun _ _ => 1), (fun i x => \sum_j (N i j)%:~R * x j 0).
split=> [_ _|i x y xy|x i]; first by case: G_closed.
  split=> //; apply: eq_bigr => j _; have [->|/NAB/andP[_ /xy->//]] := eqVneq (N i j) 0.
  by rewrite !mul0r.
rewrite /act map_mxD map_mx1 mulmxDl mul1mx !mxE mul1r.
case: ifP => [_|iA]; first by congr (_ + _); apply: eq_bigr => j _; rewrite mxE.
rewrite big1 ?addr0 // => j _; rewrite mxE.
by have [->|/NAB] := eqVneq (N i j) 0; rewrite ?mul0r ?iA.
Qed.

Lemma det_shear A B (N : 'M[int]_d) : [disjoint A & B] ->
  (forall i j, N i j != 0 -> (i \in A) && (j \in B)) -> \det (1%:M + N) = 1.
Proof.
move=> AB NAB; rewrite /determinant (bigD1 1%g) //= odd_perm1 mul1r.
rewrite [X in _ + X]big1 ?addr0 => [|s s1]; last first.
  have [i si] : exists i, s i != i.
    apply/existsP; apply: contraNT s1 => /existsPn s1; apply/eqP/permP=> i.
    by rewrite perm1; apply/eqP; have := s1 i; rewrite negbK.
  (* either the entry at i is 0, or that at s i *)
  have [N0|/NAB/andP[iA siB]] := eqVneq (N i (s i)) 0.
    by rewrite (bigD1 i) //= !mxE N0 eq_sym (negPf si) addr0 mul0r mulr0.
  rewrite (bigD1 (s i)) //= !mxE (inj_eq perm_inj) eq_sym (negPf si) add0r.
  have [->|/NAB/andP[siA]] := eqVneq (N (s i) (s (s i))) 0; first by rewrite mul0r mulr0.
  by rewrite (disjointFr AB siA) in siB.
rewrite big1 // => i _; rewrite perm1 !mxE eqxx.
by have [->|/NAB/andP[/(disjointFr AB)->]] := eqVneq (N i i) 0; rewrite ?addr0.
Qed.

Lemma act_signed (s : 'S_d) b x i : act (signed s b) x i 0 = (-1) ^+ b i * x (s i) 0.
Proof.
rewrite mxE (bigD1 (s i)) //= big1 => [|j ji]; rewrite !mxE.
  by rewrite eqxx addr0 rmorphXn rmorphN1.
by rewrite eq_sym (negPf ji) mul0r.
Qed.

Lemma coupling_conj (s : 'S_d) b M B f (P := signed s b) :
  P *m P^T = 1%:M -> coupling_map G M B f ->
  coupling_map G (s @: M) (s @: B) (act P^T \o f \o act P).
Proof.
intros PP [u [v [uG uv fE]]].
exists (fun i x => u (s^-1 i)%g (act P x)),
  (fun i x => (-1) ^+ b (s^-1 i)%g * v (s^-1 i)%g (act P x)).
split=> [i x|i x y xy|x i]; first exact: uG.
  have [|-> ->//] := uv (s^-1 i)%g (act P x) (act P y).
  by move=> j jB; rewrite !act_signed xy ?imset_f.
have [k ->] : exists k, i = s k by exists (s^-1 i)%g; rewrite permKV.
rewrite permK (mem_imset _ _ perm_inj) -[LHS](signrMK (b k)) -act_signed -/P -actM PP act1 fE.
rewrite act_signed; case: ifP => _; last by rewrite signrMK.
by rewrite mulrDr mulrA -[_ * u _ _]commr_sign -mulrA signrMK.
Qed.

(* A signed swap brings M into A and B out of it: U L U, with letters that move A and ~: A. *)
Lemma swap A M B : [disjoint M & B] -> (#|M| <= #|A|)%N -> (#|B| <= #|~: A|)%N ->
  exists (N N' : 'M[int]_d) (s : 'S_d) b,
  [/\ forall i j, N i j != 0 -> (i \in A) && (j \in ~: A),
      forall i j, N' i j != 0 -> (i \in ~: A) && (j \in A),
      ((1%:M + N) *m (1%:M + N') *m (1%:M + N))^T = signed s b &
      (s @: M \subset A) && (s @: B \subset ~: A)].
Proof.
move=> MB MA BA; have [|| A' [MA' A'B A'A]] := @set_between _ M (~: B) #|A|.
- by rewrite subsets_disjoint setCK.
- by rewrite MA /= -(leq_add2l #|B|) cardsC -(cardsC A) addnC leq_add2l.
destruct (exchange (esym A'A)) as [t tK tAA].
have tA i : (t i \in A) = (i \in A') by case: (tAA i).
have tX i : (t i \in A :\: A') = (i \in A' :\: A) by have [_ tA' _] := tAA i; rewrite !inE tA tA'.
have tY i : (t i \in A' :\: A) = (i \in A :\: A') by have [_ tA' _] := tAA i; rewrite !inE tA tA'.
pose D (c : int) (Z : {set 'I_d}) := \matrix_(i, j) (c *+ ((i \in Z) && (t i == j))).
have mulD c Z (K : 'M[int]_d) i j :
    ((1%:M + D c Z) *m K) i j = K i j + c * K (t i) j *+ (i \in Z).
  rewrite mulmxDl mul1mx !mxE (bigD1 (t i)) //= big1 => [|k ki]; rewrite !mxE.
    by rewrite eqxx andbT addr0 mulrnAl.
  by rewrite eq_sym (negPf ki) andbF mul0r.
exists (D 1 (A :\: A')), (D (-1) (A' :\: A)), (perm (inv_inj tK)), (fun i => i \in A :\: A').
split=> [i j|i j||].
- rewrite mxE; case: andP => [[]|_]; last by rewrite eqxx.
  by rewrite !inE => /andP[iA' ->] /eqP<- _; rewrite tA.
- rewrite mxE; case: andP => [[]|_]; last by rewrite eqxx.
  by rewrite !inE => /andP[-> iA'] /eqP<- _; rewrite tA.
- apply/matrixP=> i j; rewrite mxE -mulmxA -[1%:M + D 1 _ in X in _ *m X]mulmx1.
  have -> : signed (R := int) (perm (inv_inj tK)) (fun i => i \in A :\: A') i j
      = (-1) ^+ (j \in A' :\: A) *+ (t j == i).
    by rewrite mxE permE (inv_eq tK) [j == _]eq_sym; case: eqVneq => // <-; rewrite tY.
  rewrite !mulD !mxE !tK tX tY !mul1r !mulN1r -[RHS]mulr_natr.
  have [_ _] := tAA j; rewrite !inE; case: (j \in A) (j \in A') => [] [] /= tid.
  - by rewrite !mulr0n !addr0 mul1r tid.
  - by rewrite !mulr0n !addr0 mul1r addrC subrK.
  - by rewrite !mulr0n !addr0 mulN1r opprD addrCA subrr addr0.
  - by rewrite !mulr0n !addr0 mul1r tid.
- apply/andP; split; apply/subsetP=> _ /imsetP[i iM ->]; rewrite permE ?inE tA.
    exact: (subsetP MA').
  by apply: contraL iM => /(subsetP A'B); rewrite inE.
Qed.

Lemma act_unfold P Q x : P *m Q = 1%:M -> act P (act Q x) = x.
Proof. by move=> PQ; rewrite -actM PQ act1. Qed.

(* One coupling more, behind P: h U L U before P Q^-1, where Q = U L U. *)
Lemma next_coupling A M B f (P : 'M[int]_d) : coupling_map G M B f -> [disjoint M & B] ->
  (#|M| <= #|A|)%N -> (#|B| <= #|~: A|)%N -> P *m P^T = 1%:M ->
  exists (Q : 'M[int]_d) u l h, [/\ Q^T *m Q = 1%:M /\ \det Q = 1,
    coupling_map G A (~: A) u, coupling_map G (~: A) A l, coupling_map G A (~: A) h &
    forall x, f (act P x) = act (P *m Q^T) (h (u (l (u x))))].
Proof.
move=> fC MB MA BA PP.
have [s [b eP]] := (orthogonal_signed_permutation int_discrete P).1 PP.
rewrite -/(signed s b) in eP; pose f' := act P^T \o f \o act P.
have f'C : coupling_map G (s @: M) (s @: B) f'.
  by rewrite /f' eP; apply: coupling_conj; rewrite // -eP.
destruct (@swap A (s @: M) (s @: B)) as [L1 [L2 [t [c [L1A L2A eQ inA]]]]].
- by rewrite imset_disjoint //; apply: perm_inj.
- by rewrite card_imset //; apply: perm_inj.
- by rewrite card_imset //; apply: perm_inj.
case/andP: inA => MA' BA'; set Q := _ *m _ in eQ.
have QQ : Q^T *m Q = 1%:M.
  rewrite -[Q in _ *m Q]trmxK; apply/(orthogonal_signed_permutation int_discrete _).2.
  by exists t, c.
have AC : [disjoint A & ~: A] by rewrite -setI_eq0 setICr.
exists Q, (act (1%:M + L1)), (act (1%:M + L2)), (act Q \o f' \o act Q^T).
split; [| exact: shear_coupling | exact: shear_coupling | |].
- by split=> //; rewrite !det_mulmx (det_shear AC L1A) (det_shear _ L2A) ?mulr1 // disjoint_sym.
- apply: coupling_sub MA' BA' _; have -> : act Q = act Q^T^T by rewrite trmxK.
  by rewrite eQ; apply: coupling_conj; rewrite // -eQ trmxK.
move=> x; have <- : act Q x = act (1%:M + L1) (act (1%:M + L2) (act (1%:M + L1) x)).
  by rewrite /Q !actM.
by rewrite /f' /= actM !(act_unfold _ QQ) act_unfold.
Qed.

(* The half that the k-th of alternating couplings moves, and the one that it reads. *)
Definition side A k := if odd k then ~: A else A.
Definition other A k := if odd k then A else ~: A.
Definition alternate A (g : nat -> 'cV[R]_d -> 'cV[R]_d) :=
  forall k, coupling_map G (side A k) (other A k) (g k).

Lemma eq_iteri_lt T n (f g : nat -> T -> T) :
  (forall k, (k < n)%N -> f k =1 g k) -> iteri n f =1 iteri n g.
Proof. by elim: n => // n IH fg x; rewrite !iteriS fg // IH // => k kn; apply/fg/ltnW. Qed.

(* Three couplings behind an even number and one more, with which the first of them merges. *)
Lemma three_more A (g : nat -> 'cV[R]_d -> 'cV[R]_d) m (u l h : 'cV[R]_d -> 'cV[R]_d) :
  odd m = false -> alternate A g ->
  coupling_map G A (~: A) u -> coupling_map G (~: A) A l -> coupling_map G A (~: A) h ->
  exists2 g', alternate A g' & forall x, iteri m.+3 g' x = h (u (l (u (iteri m.+1 g x)))).
Proof.
move=> oddm gC uC lC hC; have AC : [disjoint A & ~: A] by rewrite -setI_eq0 setICr.
pose g' k := if (k < m)%N then g k else nth id [:: u \o g m; l; h \o u] (k - m).
have g'E j : g' (m + j)%N = nth id [:: u \o g m; l; h \o u] j.
  by rewrite /g' ltnNge leq_addr addKn.
exists g' => [k|x].
  have [km|mk] := ltnP k m; first by rewrite /g' km.
  have gm : coupling_map G A (~: A) (g m) by have := gC m; rewrite /side /other /= oddm.
  rewrite -(subnKC mk) g'E /side /other /= oddD oddm; case: (k - m)%N => [|[|[|j]]] //=.
  + exact: coupling_comp AC uC gm.
  + exact: coupling_comp AC hC uC.
  + by rewrite nth_nil; apply: coupling_id.
have -> : iteri m.+3 g' x = g' (m + 2)%N (g' (m + 1)%N (g' (m + 0)%N (iteri m g' x))).
  by rewrite addn2 addn1 addn0.
by rewrite !g'E (@eq_iteri_lt _ m g' g) // => k km y; rewrite /g' km.
Qed.

Theorem one_mask A N (f : nat -> 'cV[R]_d -> 'cV[R]_d) (M B : nat -> {set 'I_d}) :
  (forall k, (k < N)%N -> coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|A|)%N /\ (#|B k| <= #|~: A|)%N) ->
  M 0%N \subset A -> B 0%N \subset ~: A ->
  exists (P : 'M[int]_d) (g : nat -> 'cV[R]_d -> 'cV[R]_d),
  [/\ P *m P^T = 1%:M, \det P = 1, alternate A g &
      forall x, iteri N f x = act P (iteri (2 * N).-1 g x)].
Proof.
move=> fC fits M0 B0; elim: N => [|N IH] in fC fits *.
  exists 1%:M, (fun _ => id).
  by split=> [||k|x]; rewrite ?mul1mx ?trmx1 ?det1 ?act1 //; apply: coupling_id.
case: N => [|N] in IH fC fits *.
  exists 1%:M, (fun k => if k == 0%N then f 0%N else id).
  split=> [||[|k]|x]; rewrite ?mul1mx ?trmx1 ?det1 ?act1 //; last exact: coupling_id.
  by apply: coupling_sub M0 B0 _; have [] := fC 0%N isT.
have [k kN|k kN|P [g [PP dP gC fgP]]] := IH; [exact/fC/ltnW | exact/fits/ltnW |].
have [[fN MB] [MA BA]] := (fC N.+1 (ltnSn _), fits N.+1 (ltnSn _)).
destruct (next_coupling fN MB MA BA PP) as [Q [u [l [h [[QQ dQ] uC lC hC fP]]]]].
have [|g' g'C gg'] := three_more (m := (2 * N)%N) _ gC uC lC hC; first by rewrite oddM.
exists (P *m Q^T), g'; split=> // [||x].
- by rewrite trmx_mul trmxK mulmxA -(mulmxA P) QQ mulmx1.
- by rewrite det_mulmx det_tr dP dQ mul1r.
have [e1 e3] : ((2 * N.+1).-1 = (2 * N).+1 /\ (2 * N.+2).-1 = (2 * N).+3)%N by rewrite !mulnS.
by rewrite e3 gg' -fP -e1 -fgP.
Qed.
End OneMask.

Lemma mxsub_conj d (t : 'I_d -> 'I_d) (K K' : 'M[int]_d) : involutive t ->
  mxsub t t (K *m K') = mxsub t t K *m mxsub t t K'.
Proof.
move=> tK; apply/matrixP=> i j; rewrite !mxE (reindex_inj (inv_inj tK)).
by apply: eq_bigr => k _; rewrite !mxE.
Qed.

Lemma det_conj d (t : 'I_d -> 'I_d) (K : 'M[int]_d) : involutive t ->
  \det (mxsub t t K) = \det K.
Proof.
move=> tK; pose s := perm (inv_inj tK).
have -> : mxsub t t K = row_perm s (col_perm s K) by apply/matrixP=> i j; rewrite !mxE !permE.
by rewrite row_permE col_permE !det_mulmx !det_perm odd_permV mulrCA -signr_addb addbb mulr1.
Qed.

(* A shear in coordinates that t permutes moves one half and reads the other. *)
Lemma shear_in_coordinates (R : ringType) (G : {pred R}) d (t : 'I_d -> 'I_d)
    (A B : {set 'I_d}) (K : 'M[int]_d) : GRing.mulr_closed G -> involutive t ->
  (forall i j, (K - 1%:M) (t i) (t j) != 0 -> (i \in A) && (j \in B)) ->
  coupling_map G A B (act (mxsub t t K)).
Proof.
move=> Gc tK KAB; have -> : mxsub t t K = 1%:M + mxsub t t (K - 1%:M).
  by apply/matrixP=> i j; rewrite !mxE (inj_eq (inv_inj tK)) addrC subrK.
by apply: (shear_coupling Gc) => i j; rewrite mxE; apply: KAB.
Qed.

Lemma entries_of_shears p q (V : 'M[int]_(p, q)) (Y : 'M[int]_(q, p)) i j :
  ((U V - 1%:M) i j != 0 -> (i < p)%N && ~~ (j < p)%N) /\
  ((L Y - 1%:M) i j != 0 -> ~~ (i < p)%N && (j < p)%N).
Proof.
have [-> ->] : U V - 1%:M = block_mx 0 V 0 0 /\ L Y - 1%:M = block_mx 0 0 Y 0.
  by rewrite (scalar_mx_block p q) opp_block_mx !add_block_mx !subrr !oppr0 !addr0.
by rewrite !mxE; case: splitP => k _; rewrite !mxE; case: splitP => l _; rewrite ?mxE ?eqxx.
Qed.

(* A signed permutation of determinant 1 is six shears, whose letters begin with A. *)
Lemma six_at_end (R : ringType) (G : {pred R}) e n (A : {set 'I_(n + (e + n))}) P :
  GRing.mulr_closed G -> (e <= 1)%N -> #|A| = n \/ #|~: A| = n ->
  P *m P^T = 1%:M -> \det P = 1 ->
  exists w, alternate G A w /\ act (R := R) P =1 iteri 6 w.
Proof.
move=> Gc e1 An PP dP; pose H := [set i : 'I_(n + (e + n)) | (i < n)%N].
have H_size : #|H| = n.
  rewrite -[RHS]card_ord -(card_imset _ (@lshift_inj n (e + n))); apply: eq_card => x.
  rewrite inE; apply/idP/imsetP => [xn|[i _ ->]]; last exact: (ltn_ord i).
  by exists (Ordinal xn); last apply: val_inj.
have [T TA T_size] : exists2 T, A = T \/ A = ~: T & #|T| = #|H|.
  by case: An => An; [exists A | exists (~: A)]; rewrite ?H_size ?setCK; auto.
destruct (exchange T_size) as [t tK tHT].
have tH i : (t i < n)%N = (i \in T) by have [_ <- _] := tHT i; rewrite inE.
pose M := mxsub t t P.
have MM : M *m M^T = 1%:M.
  rewrite trmx_mxsub -mxsub_conj // PP; apply/matrixP=> i j.
  by rewrite !mxE (inj_eq (inv_inj tK)).
have dM : \det M = 1 by rewrite det_conj.
have back K : M = K -> P = mxsub t t K by move<-; apply/matrixP=> i j; rewrite !mxE !tK.
have tU V : coupling_map G T (~: T) (act (mxsub t t (U V))).
  by apply: shear_in_coordinates => // i j /(entries_of_shears V 0 _ _).1; rewrite !tH inE.
have tL Y : coupling_map G (~: T) T (act (mxsub t t (L Y))).
  by apply: shear_in_coordinates => // i j /(entries_of_shears 0 Y _ _).2; rewrite !tH inE.
case: TA => ->.
  destruct (six_small_LULULU int_discrete e1 MM dM) as [W0 [X [Y [Z [W [V [eM _ _ _ _]]]]]]].
  exists (nth id [seq act (mxsub t t K) | K <- [:: U V; L W; U Z; L Y; U X; L W0]]).
  split=> [|x]; last by rewrite (back _ eM) !mxsub_conj // !actM.
  by intros [|[|[|[|[|[|k]]]]]]; rewrite /= ?nth_nil;
    (exact: tU || exact: tL || exact: coupling_id).
destruct (six_small_ULULUL int_discrete e1 MM dM) as [X [Y [Z [W [V [W' [eM _ _ _ _]]]]]]].
exists (nth id [seq act (mxsub t t K) | K <- [:: L W'; U V; L W; U Z; L Y; U X]]).
split=> [|x]; last by rewrite (back _ eM) !mxsub_conj // !actM.
intros [|[|[|[|[|[|k]]]]]]; rewrite /side /other /= ?nth_nil ?setCK;
  by (exact: tU || exact: tL || exact: coupling_id).
Qed.

Lemma six_at_end_halves (R : ringType) (G : {pred R}) d (A : {set 'I_d}) P :
  GRing.mulr_closed G -> (d./2 <= #|A| <= uphalf d)%N -> P *m P^T = 1%:M -> \det P = 1 ->
  exists w, alternate G A w /\ act (R := R) P =1 iteri 6 w.
Proof.
move=> Gc A2 PP dP.
have eqd : d = (d./2 + (odd d + d./2))%N by rewrite addnCA addnn odd_double_half.
have An : #|A| = d./2 \/ #|~: A| = d./2.
  have : (#|A| + #|~: A| = d./2 + (odd d + d./2))%N by rewrite cardsC card_ord -eqd.
  move: A2; rewrite uphalf_half; case: (odd d) => /andP[] /=.
    rewrite leq_eqVlt => /predU1P[->|ltA geA Ad]; [by left | right].
    by apply/eqP; rewrite -(eqn_add2l #|A|) Ad (@anti_leq #|A| (1 + d./2)) ?geA ?ltA // addnCA.
  by rewrite add0n => ge le _; left; apply/anti_leq; rewrite le.
move: (d./2) (odd d) (leq_b1 (odd d)) eqd An => n e e1 eqd.
by subst d => An; apply: six_at_end Gc e1 An PP dP.
Qed.

(* The first of l + 1 couplings merges with the last of m + 1. *)
Lemma merge_words (R : ringType) (G : {pred R}) d (A : {set 'I_d}) m l g w :
  GRing.mulr_closed G -> ~~ odd m ->
  alternate G A g ->
  alternate G A w ->
  exists2 h, alternate G A h &
    forall x, iteri (m + l.+1) h x = iteri l.+1 w (iteri m.+1 g x).
Proof.
move=> Gc /negbTE m2 gC wC.
pose h k := if (k < m)%N then g k else
  if (k - m)%N is 0%N then w 0%N \o g m else w (k - m)%N.
exists h => [k|x].
  rewrite /h; case: ltnP => // mk; rewrite -(subnKC mk) /side /other !oddD m2 !addKn.
  case: (k - m)%N => [|j]; last exact: (wC j.+1).
  apply: coupling_comp (wC 0%N) _; rewrite // -?setI_eq0 ?setICr //.
  by have := gC m; rewrite /side /other m2.
elim: l => [|l IH] /=.
  rewrite addn1 /= /h ltnn subnn /= (@eq_iteri_lt _ m h g) // => k km y.
  by rewrite /h km.
by rewrite addnS [LHS]/= IH /= {1}/h ltnNge leq_addr addKn.
Qed.

Theorem one_mask_all (R : ringType) (G : {pred R}) d (A : {set 'I_d}) N f M B :
  GRing.mulr_closed G -> (d./2 <= #|A| <= uphalf d)%N ->
  (forall k, (k < N)%N -> coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|A|)%N /\ (#|B k| <= #|~: A|)%N) ->
  M 0%N \subset A -> B 0%N \subset ~: A ->
  exists2 g, alternate G A g &
    forall x, iteri N f x = iteri (2 * N + 4) g x.
Proof.
move=> Gc A2 fC fits M0 B0; case: N => [|N] in fC fits *.
  by exists (fun _ => id) => // k; apply: coupling_id.
destruct (one_mask Gc fC fits M0 B0) as [P [g [PP dP gC fgP]]].
have [w [wC wP]] := six_at_end_halves Gc A2 PP dP.
have [|h hC hE] := @merge_words R G d A (2 * N) 5 g w Gc _ gC wC; first by rewrite oddM.
exists h => // x; have -> : (2 * N.+1 + 4 = 2 * N + 6)%N by rewrite mulnS addnAC addnC.
by rewrite hE fgP wP mulnS.
Qed.

(* Under a mask C of one's choice: the identity, a coupling of every mask, comes first. *)
Corollary one_mask_other (R : ringType) (G : {pred R}) d (C : {set 'I_d}) N f
    (M B : nat -> {set 'I_d}) :
  GRing.mulr_closed G -> (d./2 <= #|C| <= uphalf d)%N ->
  (forall k, (k < N)%N -> coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|C|)%N /\ (#|B k| <= #|~: C|)%N) ->
  exists2 g, alternate G C g &
    forall x, iteri N f x = iteri (2 * N + 6) g x.
Proof.
move=> Gc C2 fC fits; pose f' k := if k is j.+1 then f j else id.
have [|||| g gC gE] := @one_mask_all R G d C N.+1 f' (fun k => if k is j.+1 then M j else C)
  (fun k => if k is j.+1 then B j else ~: C) Gc C2.
- case=> [|k] kN; last exact: fC.
  by split; rewrite /= -?setI_eq0 ?setICr ?eqxx //; apply: coupling_id.
- by case=> [|k] kN; [rewrite /= !leqnn | apply: fits].
- exact: subxx.
- exact: subxx.
exists g => // x; rewrite (_ : 2 * N + 6 = 2 * N.+1 + 4)%N; last by rewrite mulnS addnAC addnC.
by rewrite -gE; elim: (N) => //= n ->.
Qed.

Section Needed.
Variables (R : unitRingType) (G : {pred R}) (d : nat).
Hypothesis G_unit : forall a, a \in G -> a \is a GRing.unit.

(* Where scales are units a coupling reaches every column. *)
Lemma coupling_onto (M B : {set 'I_d}) (f : 'cV[R]_d -> 'cV[R]_d) z : [disjoint M & B] ->
  coupling_map G M B f -> exists x, f x = z.
Proof.
intros MB [s [t [sG st fE]]].
pose x : 'cV[R]_d := \col_i (if i \in M then (s i z)^-1 * (z i 0 - t i z) else z i 0).
exists x; apply/colP=> i; rewrite fE; have [|-> ->] := st i x z.
  by move=> j jB; rewrite mxE (disjointFl MB jB).
rewrite [x i 0]mxE; case: (i \in M); rewrite // mulVKr ?subrK //; exact/G_unit/sG.
Qed.

(* x_k += r x_i is a coupling under a mask of k and not i, and no three under one of both. *)
Theorem permutation_needed (A : {set 'I_d}) i k r
    (f := fun x : 'cV[R]_d => x + (r * x i 0) *: delta_mx k 0) :
  GRing.mulr_closed G -> i \in A -> k \in A -> i != k -> r != 0 ->
  coupling_map G [set k] [set i] f /\
  forall g, alternate G A g \/ (forall j, coupling_map G (other A j) (side A j) (g j)) ->
    ~ f =1 iteri 3 g.
Proof.
move=> Gc iA kA ik r0.
have fE x l : f x l 0 = if l == k then x l 0 + r * x i 0 else x l 0.
  by rewrite !mxE eqxx andbT; case: ifP; rewrite ?mulr1 // mulr0 addr0.
split.
  exists (fun _ _ => 1), (fun l x => r * x i 0); split=> [_ _|l x y xy|x l]; first by case: Gc.
    by rewrite xy ?set11.
  by rewrite fE inE mul1r.
have AC : [disjoint A & ~: A] by rewrite -setI_eq0 setICr.
have CA : [disjoint ~: A & A] by rewrite disjoint_sym.
have keep (M B : {set 'I_d}) (h : 'cV[R]_d -> 'cV[R]_d) x l :
  coupling_map G M B h -> l \notin M -> h x l 0 = x l 0.
  by intros [s [t [_ _ hE]]] lM; rewrite hE (negPf lM).
pose e : 'cV[R]_d := delta_mx i 0.
have ek : e k 0 = 0 by rewrite mxE eq_sym (negPf ik).
have ei : e i 0 = 1 by rewrite mxE !eqxx.
have blind h : coupling_map G A (~: A) h -> h 0 k 0 = 0 -> h e k 0 = 0.
  intros [s [t [_ st hE]]]; rewrite !hE kA mxE ek !mulr0 !add0r.
  have [|_ ->//] := st k e 0.
  move=> j; rewrite inE !mxE andbT => jA.
  by case: eqP jA => // ->; rewrite iA.
move=> g [] gC fg; move: (gC 0%N) (gC 1%N) (gC 2%N); rewrite /side /other /= => g0 g1 g2.
  have g1id z : g 1%N z = z.
    have [x <-] := coupling_onto z AC g0; apply/colP=> j.
    have [jA|jA] := boolP (j \in A); first by rewrite (keep _ _ _ _ _ g1) // inE jA.
    have := congr1 (fun y : 'cV_d => y j 0) (fg x); rewrite /= (keep _ _ _ _ _ g2) // => <-.
    rewrite fE (keep _ _ _ _ _ g0) //.
    by case: eqP jA => // ->; rewrite kA.
  have h := coupling_comp Gc AC g2 g0.
  have fh x : (g 2%N \o g 0%N) x = f x by rewrite fg /= g1id.
  have := blind _ h; rewrite !fh !fE eqxx ek ei !mxE mulr0 addr0 mulr1 add0r => /(_ erefl) r00.
  by rewrite r00 eqxx in r0.
have [x xe] := coupling_onto e CA g0; have [y y0] := coupling_onto 0 CA g0.
have fgk z : f z k 0 = g 1%N (g 0%N z) k 0.
  by rewrite fg /= (keep _ _ _ _ _ g2) // inE kA.
have zA (z : 'cV[R]_d) l : l \in A -> z l 0 = g 0%N z l 0.
  by move=> lA; rewrite (keep _ _ _ _ _ g0) // inE lA.
have fk z : f z k 0 = g 0%N z k 0 + r * g 0%N z i 0.
  by rewrite fE eqxx (zA z k kA) (zA z i iA).
have := blind _ g1; rewrite -{1}y0 -fgk -{1}xe -fgk !fk y0 xe ek ei !mxE.
by rewrite mulr0 addr0 mulr1 add0r => /(_ erefl) r00; rewrite r00 eqxx in r0.
Qed.
End Needed.
