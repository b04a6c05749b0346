(* Couplings under many masks, and under one. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finset ssralg ssrint zmodp fingroup perm matrix.
From exactflow.certificates Require Import shears.
From exactflow Require Import permutations.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

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
   last one is six shears (permutations.v), the first of which merges.

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
move=> /subsetP MM' /subsetP BB' [s [t [sG st fE]]].
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
move=> MB [s [t [sG st fE]]] [s' [t' [s'G st' gE]]].
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

Definition signed (s : 'S_d) (b : 'I_d -> bool) : 'M[int]_d :=
  \matrix_(i, j) ((-1) ^+ b i *+ (s i == j)).

Lemma act_signed s b x i : act (signed s b) x i 0 = (-1) ^+ b i * x (s i) 0.
Proof.
rewrite mxE (bigD1 (s i)) //= big1 => [|j ji]; rewrite !mxE.
  by rewrite eqxx addr0 rmorphXn rmorphN1.
by rewrite eq_sym (negPf ji) mul0r.
Qed.

Lemma coupling_conj (s : 'S_d) b M B f (P := signed s b) :
  P *m P^T = 1%:M -> coupling_map G M B f ->
  coupling_map G (s @: M) (s @: B) (act P^T \o f \o act P).
Proof.
move=> PP [u [v [uG uv fE]]].
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
have [t tK tAA] := exchange (esym A'A).
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
  have -> : signed (perm (inv_inj tK)) (fun i => i \in A :\: A') i j
      = (-1) ^+ (j \in A' :\: A) *+ (t j == i).
    rewrite mxE permE (inv_eq tK) [i == _]eq_sym.
    by case: eqVneq => // <-; rewrite tX.
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

(* The half that the k-th of alternating couplings moves, and the one that it reads. *)
Definition side A k := if odd k then ~: A else A.
Definition other A k := if odd k then A else ~: A.
Definition alternate A (g : nat -> 'cV[R]_d -> 'cV[R]_d) :=
  forall k, coupling_map G (side A k) (other A k) (g k).

Lemma eq_iteri_lt T n (f g : nat -> T -> T) :
  (forall k, (k < n)%N -> f k =1 g k) -> iteri n f =1 iteri n g.
Proof. by elim: n => // n IH fg x; rewrite !iteriS fg // IH // => k kn; apply/fg/ltnW. Qed.

Theorem one_mask A N (f : nat -> 'cV[R]_d -> 'cV[R]_d) (M B : nat -> {set 'I_d}) :
  (forall k, (k < N)%N -> coupling_map G (M k) (B k) (f k) /\ [disjoint M k & B k]) ->
  (forall k, (k < N)%N -> (#|M k| <= #|A|)%N /\ (#|B k| <= #|~: A|)%N) ->
  M 0%N \subset A -> B 0%N \subset ~: A ->
  exists (P : 'M[int]_d) (g : nat -> 'cV[R]_d -> 'cV[R]_d),
  [/\ P *m P^T = 1%:M, \det P = 1, alternate A g &
      forall x, iteri N f x = act P (iteri (2 * N).-1 g x)].
Proof.
have AC k : [disjoint side A k & other A k].
  rewrite -setI_eq0 /side /other; apply/eqP.
  by case: (odd k); rewrite ?setICr // setIC setICr.
move=> fC fits M0 B0; elim: N => [|N IH] in fC fits *.
  exists 1%:M, (fun _ => id).
  by split=> [||k|x]; rewrite ?mul1mx ?trmx1 ?det1 ?act1 //; apply: coupling_id.
case: N => [|N] in IH fC fits *.
  exists 1%:M, (fun k => if k == 0%N then f 0%N else id).
  split=> [||[|k]|x]; rewrite ?mul1mx ?trmx1 ?det1 ?act1 //; last exact: coupling_id.
  by apply: coupling_sub M0 B0 _; have [] := fC 0%N isT.
have [k kN|k kN|P [g [PP dP gC fgP]]] := IH; [exact/fC/ltnW | exact/fits/ltnW |].
have [s [b eP]] := (orthogonal_signed_permutation P).1 PP; rewrite -/(signed s b) in eP.
have [fN MB] := fC N.+1 (ltnSn _); have [MA BA] := fits N.+1 (ltnSn _).
pose f' := act P^T \o f N.+1 \o act P.
have f'C : coupling_map G (s @: M N.+1) (s @: B N.+1) f'.
  by rewrite /f' eP; apply: coupling_conj; rewrite // -eP.
have [||| L1 [L2 [t [c [L1A L2A eQ /andP[MA' BA']]]]]] := @swap A (s @: M N.+1) (s @: B N.+1).
- by rewrite imset_disjoint //; apply: perm_inj.
- by rewrite card_imset //; apply: perm_inj.
- by rewrite card_imset //; apply: perm_inj.
set Q := _ *m _ in eQ.
have QQ : Q^T *m Q = 1%:M.
  rewrite -[Q in _ *m Q]trmxK; apply/(orthogonal_signed_permutation _).2.
  by exists t, c.
have QQ' := mulmx1C QQ.
have dQ : \det Q = 1 by rewrite !det_mulmx (det_shear (AC 0%N) L1A) (det_shear (AC 1%N) L2A) !mulr1.
pose h := act Q \o f' \o act Q^T.
have hC : coupling_map G A (~: A) h.
  apply: coupling_sub MA' BA' _; have -> : h = act Q^T^T \o f' \o act Q^T by rewrite trmxK.
  by rewrite eQ; apply: coupling_conj; rewrite // -eQ trmxK.
pose S1 := act (1%:M + L1); pose S2 := act (1%:M + L2).
have QE y : act Q y = S1 (S2 (S1 y)) by rewrite /Q !actM.
clearbody Q; pose m := (2 * N)%N; rewrite mulnS -/m /= in fgP.
pose g' k := if (k < m)%N then g k else nth id [:: S1 \o g m; S2; h \o S1] (k - m).
have g'E j : g' (m + j)%N = nth id [:: S1 \o g m; S2; h \o S1] j.
  by rewrite /g' ltnNge leq_addr addKn.
exists (P *m Q^T), g'; split.
- by rewrite trmx_mul trmxK mulmxA -(mulmxA P) QQ mulmx1.
- by rewrite det_mulmx det_tr dP dQ mul1r.
- move=> k; have [km|mk] := ltnP k m; first by rewrite /g' km.
  have oddm : odd m = false by rewrite /m oddM.
  have S1C : coupling_map G A (~: A) S1 by apply: shear_coupling.
  have gm : coupling_map G A (~: A) (g m) by have := gC m; rewrite /side /other /= oddm.
  rewrite -(subnKC mk) g'E /side /other /= oddD oddm; case: (k - m)%N => [|[|[|j]]] /=.
  + exact: coupling_comp (AC 0%N) S1C gm.
  + exact: shear_coupling.
  + exact: coupling_comp (AC 0%N) hC S1C.
  + by rewrite nth_nil; apply: coupling_id.
- move=> x; have -> : (2 * N.+2).-1 = m.+3 by rewrite !mulnS.
  have -> : iteri m.+3 g' x = g' (m + 2)%N (g' (m + 1)%N (g' (m + 0)%N (iteri m g' x))).
    by rewrite addn2 addn1 addn0.
  rewrite !g'E (@eq_iteri_lt _ m g' g) => [|k km y]; last by rewrite /g' km.
  have QK z : act Q^T (act Q z) = z by rewrite -actM QQ act1.
  have PK z : act P (act P^T z) = z by rewrite -actM PP act1.
  by rewrite /= fgP -!QE actM /h /f' /= !QK PK.
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

(* A signed permutation of determinant 1 is six shears, whose letters begin with A. *)
Lemma six_at_end (R : ringType) (G : {pred R}) e n (A : {set 'I_(n + (e + n))}) P :
  GRing.mulr_closed G -> (e <= 1)%N -> #|A| = n \/ #|~: A| = n ->
  P *m P^T = 1%:M -> \det P = 1 ->
  exists w, alternate G A w /\ act (R := R) P =1 iteri 6 w.
Proof.
move=> Gc e1 An PP dP; pose H := [set lshift (e + n) i | i in [set: 'I_n]].
have H_size : #|H| = n by rewrite card_imset ?cardsT ?card_ord //; apply: lshift_inj.
have inH i : lshift (e + n) i \in H by apply: imset_f.
have outH i : rshift n i \notin H.
  by apply/imsetP=> [[j _ /eqP]]; rewrite eq_rlshift.
have [T TA T_size] : exists2 T, A = T \/ A = ~: T & #|T| = #|H|.
  by case: An => An; [exists A | exists (~: A)]; rewrite ?H_size ?setCK; auto.
have [t tK tHT] := exchange T_size.
have tH i : (t i \in H) = (i \in T) by case: (tHT i).
pose M := mxsub t t P.
have eP : P = mxsub t t M by apply/matrixP=> i j; rewrite !mxE !tK.
have mxsub1 : mxsub t t 1%:M = 1%:M :> 'M[int]_(n + (e + n)).
  by apply/matrixP=> i j; rewrite !mxE (inj_eq (inv_inj tK)).
have MM : M *m M^T = 1%:M by rewrite trmx_mxsub -mxsub_conj // PP.
have dM : \det M = 1 by rewrite det_conj.
have tU V : coupling_map G T (~: T) (act (mxsub t t (U V))).
  have -> : U V = 1%:M + block_mx 0 V 0 0.
    by rewrite (scalar_mx_block n (e + n)) add_block_mx !addr0 add0r.
  rewrite linearD /= mxsub1; apply: shear_coupling => // i j.
  rewrite mxE !inE -!tH; case: (split_ordP (t i)) => k ->; case: (split_ordP (t j)) => l ->;
  by rewrite ?(block_mxEul, block_mxEdl, block_mxEdr) ?mxE ?eqxx ?inH ?(negPf (outH _)).
have tL Y : coupling_map G (~: T) T (act (mxsub t t (L Y))).
  have -> : L Y = 1%:M + block_mx 0 0 Y 0.
    by rewrite (scalar_mx_block n (e + n)) add_block_mx !addr0 add0r.
  rewrite linearD /= mxsub1; apply: shear_coupling => // i j.
  rewrite mxE !inE -!tH; case: (split_ordP (t i)) => k ->; case: (split_ordP (t j)) => l ->;
  by rewrite ?(block_mxEul, block_mxEur, block_mxEdr) ?mxE ?eqxx ?inH ?(negPf (outH _)).
case: TA => ->.
  have [W0 [X [Y [Z [W [V [eM _ _ _ _]]]]]]] := six_LULULU_int e1 MM dM.
  exists (nth id [seq act (mxsub t t K) | K <- [:: U V; L W; U Z; L Y; U X; L W0]]).
  split=> [|x]; last by rewrite eP eM !mxsub_conj // !actM.
  by move=> [|[|[|[|[|[|k]]]]]]; rewrite /= ?nth_nil;
    (exact: tU || exact: tL || exact: coupling_id).
have [X [Y [Z [W [V [W' [eM _ _ _ _]]]]]]] := six_ULULUL_int e1 MM dM.
exists (nth id [seq act (mxsub t t K) | K <- [:: L W'; U V; L W; U Z; L Y; U X]]).
split=> [|x]; last by rewrite eP eM !mxsub_conj // !actM.
move=> [|[|[|[|[|[|k]]]]]]; rewrite /side /other /= ?nth_nil ?setCK;
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
have [P [g [PP dP gC fgP]]] := one_mask Gc fC fits M0 B0.
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
move=> MB [s [t [sG st fE]]].
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
  by move=> [s [t [_ _ hE]]] /negPf lM; rewrite hE lM.
pose e : 'cV[R]_d := delta_mx i 0.
have ek : e k 0 = 0 by rewrite mxE eq_sym (negPf ik).
have ei : e i 0 = 1 by rewrite mxE !eqxx.
have blind h : coupling_map G A (~: A) h -> h 0 k 0 = 0 -> h e k 0 = 0.
  move=> [s [t [_ st hE]]]; rewrite !hE kA mxE ek !mulr0 !add0r.
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
