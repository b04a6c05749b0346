(* Couplings as maps: under one mask, rounded, on plateaus for atoms, of finite sets. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finfun finset fingroup perm ssralg ssrnum ssrint archimedean zmodp matrix.
From exactflow.certificates Require Import shears.
From exactflow Require Import permutations.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Local Open Scope ring_scope.

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
destruct (@swap A (s @: M N.+1) (s @: B N.+1)) as [L1 [L2 [t [c [L1A L2A eQ inA]]]]].
- by rewrite imset_disjoint //; apply: perm_inj.
- by rewrite card_imset //; apply: perm_inj.
- by rewrite card_imset //; apply: perm_inj.
case/andP: inA => MA' BA'; set Q := _ *m _ in eQ.
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
destruct (exchange T_size) as [t tK tHT].
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
  destruct (six_LULULU_int e1 MM dM) as [W0 [X [Y [Z [W [V [eM _ _ _ _]]]]]]].
  exists (nth id [seq act (mxsub t t K) | K <- [:: U V; L W; U Z; L Y; U X; L W0]]).
  split=> [|x]; last by rewrite eP eM !mxsub_conj // !actM.
  by intros [|[|[|[|[|[|k]]]]]]; rewrite /= ?nth_nil;
    (exact: tU || exact: tL || exact: coupling_id).
destruct (six_ULULUL_int e1 MM dM) as [X [Y [Z [W [V [W' [eM _ _ _ _]]]]]]].
exists (nth id [seq act (mxsub t t K) | K <- [:: L W'; U V; L W; U Z; L Y; U X]]).
split=> [|x]; last by rewrite eP eM !mxsub_conj // !actM.
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

(* Couplings as maps: rounded shears, plateaus for atoms, finite maps, and what few parameters miss. *)

(* Rounded shears: bijections of integer columns, and how far from the linear map.

   Main results
     rounded_lower_bijective, rounded_upper_bijective
                        a shift may be any function, so a rounded one: x is had
                        back by subtracting what was added
     run_linear         affine steps y <- S y + r compose to the product of the S
                        plus the images of the r by all later S
     run_bound          coordinate by coordinate, the composition is within the sum of
                        the |r|, each times the absolute value of the later products
     round_bound        rounding, floor (x + 1/2), moves by at most 1/2
     rounded_shear_step a shear with rounded shift is a step y <- S y + r whose r
                        is at most 1/2, and zero in the half that stays
     rounded_flow       so rounded shears, of any number, are within half the absolute
                        row sums of the later products, over the halves that move *)
Section Bijections.
Variables (V : zmodType) (p q : nat).
Implicit Types x : 'M[V]_(p + q, 1).

Definition lower (t : 'M[V]_(p, 1) -> 'M[V]_(q, 1)) x :=
  col_mx (usubmx x) (dsubmx x + t (usubmx x)).

Definition upper (t : 'M[V]_(q, 1) -> 'M[V]_(p, 1)) x :=
  col_mx (usubmx x + t (dsubmx x)) (dsubmx x).

Theorem rounded_lower_bijective t : bijective (lower t).
Proof.
by exists (lower (fun y => - t y)) => x;
  rewrite /lower !col_mxKu !col_mxKd ?addrK ?addrNK vsubmxK.
Qed.

Theorem rounded_upper_bijective t : bijective (upper t).
Proof.
by exists (upper (fun y => - t y)) => x;
  rewrite /upper !col_mxKu !col_mxKd ?addrK ?addrNK vsubmxK.
Qed.
End Bijections.

Section Distance.
Variables (R : realDomainType) (d : nat).
Implicit Types (A : 'M[R]_d) (x r : 'cV[R]_d) (s : seq ('M[R]_d * 'cV[R]_d)).

(* affine steps y <- A y + r, in the order in which x meets them *)
Definition run s x := foldl (fun y Ar => Ar.1 *m y + Ar.2) x s.

Definition product s : 'M[R]_d := foldl (fun P Ar => Ar.1 *m P) 1%:M s.

Lemma product_cons A r s : product ((A, r) :: s) = product s *m A.
Proof.
have go (Q : 'M[R]_d) t : foldl (fun P Ar => Ar.1 *m P) Q t = product t *m Q.
  elim/last_ind: t => [|t Ar IH]; first by rewrite /product /= mul1mx.
  by rewrite /product !foldl_rcons -/(product t) IH mulmxA.
by rewrite {1}/product /= mulmx1 go.
Qed.

Theorem run_linear s x : run s x = product s *m x + run s 0.
Proof.
elim: s x => [|[A r] s IH] x; first by rewrite mul1mx addr0.
by rewrite product_cons /run /= -!/(run _ _) IH [in RHS]IH mulmx0 add0r mulmxDr mulmxA addrA.
Qed.

Theorem run_bound s x i :
  `|(run s x - product s *m x) i 0|
    <= \sum_(k < size s) \sum_j `|product (drop k.+1 s) i j| * `|(nth (0, 0) s k).2 j 0|.
Proof.
rewrite run_linear addrC addKr.
elim: s => [|[A r] s IH]; first by rewrite /run /= mxE normr0 big_ord0.
rewrite big_ord_recl {1}/run /= drop0 mulmx0 add0r -/(run _ _) run_linear mxE.
apply: le_trans (ler_normD _ _) _; apply: lerD IH.
by rewrite mxE; apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => j _; rewrite normrM.
Qed.
End Distance.

Section Rounding.
Variable R : archiRealFieldType.

Definition round (x : R) : int := Num.floor (x + 2%:R^-1).

Theorem round_bound x : `|(round x)%:~R - x| <= 2%:R^-1.
Proof.
have /andP[lo hi] := floor_itv (x + 2%:R^-1).
have half : 2%:R^-1 + 2%:R^-1 = 1 :> R by rewrite [RHS]splitr mul1r.
rewrite ler_norml; apply/andP; split.
  move: hi; rewrite intrD mulr1z -ltrBlDr -addrA -{2}half opprD addNKr => /ltW.
  by rewrite lerBrDl.
by rewrite lerBlDl.
Qed.

Definition embed m (x : 'M[int]_(m, 1)) : 'cV[R]_m := map_mx intr x.

Definition rounded_shift m n (T : 'M[R]_(m, n)) (x : 'M[int]_(n, 1)) : 'M[int]_(m, 1) :=
  map_mx round (T *m embed x).

Variables p q : nat.

(* inl T moves the second half, inr T the first. *)
Implicit Types (K : 'M[R]_(q, p) + 'M[R]_(p, q)) (x : 'M[int]_(p + q, 1)).

Definition rounded x K :=
  match K with inl T => lower (rounded_shift T) x | inr T => upper (rounded_shift T) x end.
Definition linear_shear K : 'M[R]_(p + q) := match K with inl T => L T | inr T => U T end.
Definition moves K (j : 'I_(p + q)) := match K with inl _ => p <= j | inr _ => j < p end%N.

Theorem rounded_shear_step x K :
  exists2 r : 'cV[R]_(p + q), embed (rounded x K) = linear_shear K *m embed x + r &
    forall j, `|r j 0| <= if moves K j then 2%:R^-1 else 0.
Proof.
have eE : embed x = col_mx (embed (usubmx x)) (embed (dsubmx x)) by rewrite -map_col_mx vsubmxK.
case: K => T /=.
  exists (col_mx 0 (embed (rounded_shift T (usubmx x)) - T *m embed (usubmx x))) => [|j].
    rewrite eE /lower {1}/embed map_col_mx mul_block_col add_col_mx !mul1mx mul0mx !addr0.
    by congr col_mx; rewrite map_mxD [RHS]addrC addrA subrK addrC.
  case: (split_ordP j) => k ->; rewrite ?(col_mxEu, col_mxEd) /= ?leq_addr; last first.
    by rewrite !mxE; apply: round_bound.
  by rewrite mxE normr0 leqNgt ltn_ord.
exists (col_mx (embed (rounded_shift T (dsubmx x)) - T *m embed (dsubmx x)) 0) => [|j].
  rewrite eE /upper {1}/embed map_col_mx mul_block_col add_col_mx !mul1mx mul0mx add0r addr0.
  by congr col_mx; rewrite map_mxD -addrA [T *m _ + _]addrC subrK.
case: (split_ordP j) => k ->; rewrite ?(col_mxEu, col_mxEd) /= ?ltn_ord.
  by rewrite !mxE; apply: round_bound.
by rewrite mxE normr0.
Qed.

Definition linear_flow s := foldl (fun P K => linear_shear K *m P) 1%:M s.

Theorem rounded_flow x s i :
  `|(embed (foldl rounded x s) - linear_flow s *m embed x) i 0| <=
    \sum_(k < size s) \sum_(j | moves (nth (inl 0) s k) j)
      `|linear_flow (drop k.+1 s) i j| / 2%:R.
Proof.
have [t [st et rt]] : exists t : seq ('M[R]_(p + q) * 'cV_(p + q)),
    [/\ map fst t = map linear_shear s, embed (foldl rounded x s) = run t (embed x) &
    forall k j, (k < size s)%N ->
      `|(nth (0, 0) t k).2 j 0| <= if moves (nth (inl 0) s k) j then 2%:R^-1 else 0].
  elim: s x => [|K s IH] x; first by exists [::].
  destruct (IH (rounded x K)) as [t [st et rt]], (rounded_shear_step x K) as [r er br].
  exists ((linear_shear K, r) :: t); split; first by rewrite /= st.
    by rewrite /= et er.
  by case=> [|k] j; [move=> _; apply: br | apply: rt].
have prodE m : product (drop m t) = linear_flow (drop m s).
  elim: s t m {et rt} st => [|K s IH] [|[A r] t] // [|m] //= [eA st]; last exact: IH.
  have := IH t 0%N st; rewrite !drop0 eA /linear_flow /= product_cons => ->.
  suff go (Q : 'M_(p + q)) : foldl (fun P K => linear_shear K *m P) Q s = linear_flow s *m Q.
    by rewrite mulmx1 (go (linear_shear K)).
  elim/last_ind: s {IH st} => [|s K' IH]; first by rewrite /linear_flow /= mul1mx.
  by rewrite /linear_flow !foldl_rcons IH mulmxA.
have sz : size t = size s by rewrite -(size_map fst) st size_map.
have := prodE 0%N; rewrite !drop0 => <-; rewrite et; apply: le_trans (run_bound _ _ _) _.
rewrite sz; apply: ler_sum => k _; rewrite [X in _ <= X]big_mkcond; apply: ler_sum => j _.
rewrite prodE; have := rt k j (ltn_ord k); case: ifP => _ h; first by rewrite ler_wpM2l.
by rewrite (le_anti (introT andP (conj h (normr_ge0 _)))) mulr0.
Qed.
End Rounding.

(* Two couplings put a copy of the noise around every atom, and one does not.

   Main results
     two_couplings_with_ramps   y2 = delta z2 + t1 z1, x1 = delta z1 + t2 y2, for shifts t1 and
                     t2 that are sums of ramps, put z = (z1, z2) into (a_m + delta z1,
                     b_m + delta z2), if m knots, and no ramp, are below the coordinate j of z1;
                     on a ramp, and wherever it leads y2, into delta z and a point whose halves
                     are between a_m and a_(m + 1), and between b_m and b_(m + 1)
     one_coupling_keeps   what a coupling does not move it keeps; so where it puts two points
                     that differ there into c + delta z, delta is 1

   Plan.  A sum of ramps one behind the other is a ladder: at x the ramps before the m-th are
   1, those behind it 0, so the sum telescopes to c_m and a part of the next step.  y2 stays
   within r of the segment from b_m to b_(m + 1), in the coordinate k, so t2 is on a_m or on
   the way from a_m to a_(m + 1). *)
Section Ramps.
Variable R : realFieldType.
Implicit Types x : R.

(* 0 up to l, 1 from h on, linear between. *)
Definition ramp (l h x : R) := if x <= l then 0 else if h <= x then 1 else (x - l) / (h - l).

Lemma ramp01 (l h x : R) : l < h -> 0 <= ramp l h x <= 1.
Proof.
move=> lh; rewrite /ramp; have [_|lx] := leP x l; first by rewrite lexx ler01.
have [_|xh] := leP h x; first by rewrite lexx ler01.
have pos : 0 < h - l by rewrite subr_gt0.
rewrite ler_pdivrMr // mul1r lerD2r (ltW xh) andbT.
by apply: divr_ge0; rewrite subr_ge0 ltW.
Qed.

(* Of ramps one behind the other those before the m-th are 1, and those behind it 0. *)
Lemma ladder (V : lmodType R) (c : nat -> V) (l h : nat -> R) x m N : (m <= N)%N ->
  (forall i, (i < N)%N -> l i < h i) -> (forall i, (i < m)%N -> h i <= x) ->
  (forall i, (m < i < N)%N -> x <= l i) ->
  c 0%N + \sum_(i < N) ramp (l i) (h i) x *: (c i.+1 - c i)
    = c m + (if (m < N)%N then ramp (l m) (h m) x else 0) *: (c m.+1 - c m).
Proof.
elim: N m => [|N IH] m; first by rewrite leqn0 => /eqP-> _ _ _; rewrite big_ord0 scale0r.
move=> mN lh before behind; rewrite big_ord_recr /= addrA.
have lh' i : (i < N)%N -> l i < h i by move=> iN; apply/lh/ltnW.
have behind' k i : (k < i < N)%N -> (m <= k)%N -> x <= l i.
  by move=> /andP[ki iN] mk; apply: behind; rewrite (leq_ltn_trans mk ki) ltnW.
move: mN before behind'; rewrite leq_eqVlt ltnS => /predU1P[->|mN] before behind'.
  rewrite (IH N) // => [|i iN|i]; last 2 first.
  - by apply/before/ltnW.
  - by case/andP => Ni /(ltn_trans Ni); rewrite ltnn.
  rewrite !ltnn !scale0r !addr0 /ramp before // lt_geF ?scale1r; last first.
    by apply: lt_le_trans (lh _ (ltnSn N)) (before _ _).
  by rewrite addrC subrK.
rewrite (IH m) // => [|i /behind'/(_ (leqnn m))//].
rewrite mN; move: mN; rewrite leq_eqVlt => /predU1P[->|mN].
  by rewrite ltnn scale0r addr0.
by rewrite mN [ramp (l N) _ _]/ramp behind ?mN ?ltnSn // scale0r addr0.
Qed.

Theorem two_couplings_with_ramps p q N (a : nat -> 'cV[R]_p) (b : nat -> 'cV[R]_q)
    (knot : nat -> R) (j : 'I_p) (k : 'I_q) (tau delta r : R) :
  let t1 (z : 'cV_p) := b 0%N +
    \sum_(i < N) ramp (knot i) (knot i + tau) (z j 0) *: (b i.+1 - b i) in
  let t2 (y : 'cV_q) := a 0%N +
    \sum_(i < N) ramp (b i k 0 + r) (b i.+1 k 0 - r) (y k 0) *: (a i.+1 - a i) in
  0 < tau -> (forall i l, (i < l < N)%N -> knot i + tau <= knot l) ->
  (forall i l, (i < l <= N)%N -> r *+ 2 < b l k 0 - b i k 0) ->
  forall (z1 : 'cV_p) (z2 : 'cV_q), `|delta * z2 k 0| <= r -> let y2 := delta *: z2 + t1 z1 in
  exists (m : nat) (u v : R),
  [/\ 0 <= u <= 1, 0 <= v <= 1, y2 = delta *: z2 + (b m + u *: (b m.+1 - b m)) &
      delta *: z1 + t2 y2 = delta *: z1 + (a m + v *: (a m.+1 - a m))] /\
  [/\ (m <= N)%N, forall i, (i < N)%N -> (knot i + tau <= z1 j 0) = (i < m)%N &
      (forall i, (i < N)%N -> ~~ (knot i < z1 j 0 < knot i + tau)) -> u = 0 /\ v = 0].
Proof.
move=> t1 t2 tau_gt0 knots apart z1 z2; rewrite ler_norml => /andP[dz_ge dz_le] y2.
have up i : knot i < knot i + tau by rewrite ltrDl.
have r_ge0 : 0 <= r *+ 2.
  by have := le_trans dz_ge dz_le; rewrite -subr_ge0 opprK -mulr2n.
set x := z1 j 0; pose m := find (fun i => x < knot i + tau) (iota 0 N).
have mN : (m <= N)%N by rewrite -[X in (_ <= X)%N](size_iota 0 N) find_size.
have before i : (i < m)%N -> knot i + tau <= x.
  move=> im; have := before_find 0%N im; rewrite nth_iota ?(leq_trans im) // add0n leNgt.
  by move->.
have at_m : (m < N)%N -> x < knot m + tau.
  move=> m_lt; have : has (fun i => x < knot i + tau) (iota 0 N).
    by rewrite has_find size_iota.
  by move/(nth_find 0%N); rewrite nth_iota // add0n.
have behind i : (m < i < N)%N -> x <= knot i.
  move=> /andP[mi iN]; apply/ltW/(lt_le_trans (at_m (ltn_trans mi iN))).
  by apply: knots; rewrite mi.
pose u := if (m < N)%N then ramp (knot m) (knot m + tau) x else 0.
have u01 : 0 <= u <= 1.
  by rewrite /u; case: ifP => _; rewrite ?ramp01 // lexx ler01.
have t1E : t1 z1 = b m + u *: (b m.+1 - b m).
  by apply: (@ladder _ b knot (fun i => knot i + tau)).
have y2k : y2 k 0 = delta * z2 k 0 + (b m k 0 + u * (b m.+1 k 0 - b m k 0)).
  by rewrite /y2 t1E !mxE.
have b_le i l : (i <= l <= N)%N -> b i k 0 <= b l k 0.
  move=> /andP[]; rewrite leq_eqVlt => /predU1P[->//|il lN].
  by rewrite -subr_ge0 (le_trans r_ge0) // ltW // apart // il.
have steps i : (i < N)%N -> b i k 0 + r < b i.+1 k 0 - r.
  by move=> iN; rewrite ltrBrDr -addrA -mulr2n addrC -ltrBrDr apart // ltnSn.
have [w_ge w_le] : 0 <= u * (b m.+1 k 0 - b m k 0) /\
    ((m < N)%N -> u * (b m.+1 k 0 - b m k 0) <= b m.+1 k 0 - b m k 0).
  have [m_lt|] := boolP (m < N)%N; last by rewrite /u => /negPf->; rewrite mul0r.
  have gap : 0 <= b m.+1 k 0 - b m k 0 by rewrite subr_ge0 b_le // leqnSn.
  by case/andP: u01 => u0 u1; rewrite mulr_ge0 // ler_piMl.
have y_ge : b m k 0 - r <= y2 k 0.
  by rewrite y2k addrCA lerD2l -[- r]addr0 lerD.
have y_le : (m < N)%N -> y2 k 0 <= b m.+1 k 0 + r.
  by move=> /w_le w1; rewrite y2k addrC lerD // -lerBrDl.
pose v := if (m < N)%N then ramp (b m k 0 + r) (b m.+1 k 0 - r) (y2 k 0) else 0.
have v01 : 0 <= v <= 1.
  by rewrite /v; case: ifP => mN'; rewrite ?ramp01 ?steps // lexx ler01.
exists m, u, v; split; split=> //.
- by rewrite /y2 t1E.
- congr (_ + _).
  apply: (@ladder _ a (fun i => b i k 0 + r) (fun i => b i.+1 k 0 - r)) => // [i im|i /andP[mi iN]].
    apply: le_trans y_ge; rewrite lerD2r; apply: b_le.
    by rewrite im.
  apply: le_trans (y_le (ltn_trans mi iN)) _; rewrite lerD2r; apply: b_le.
  by rewrite mi ltnW.
- move=> i iN; have [/before//|mi] := ltnP i m; apply/negbTE; rewrite -ltNge.
  have [im|im] := leqP i m.
    have im' : i = m by apply/anti_leq; rewrite im.
    by rewrite im' in iN *; apply: at_m.
  apply: lt_trans (at_m (ltn_trans im iN)) (le_lt_trans _ (up i)).
  by apply: knots; rewrite im.
- move=> off; have [m_lt|] := boolP (m < N)%N; last by rewrite /u /v => /negPf->.
  have x_le : x <= knot m by have := off m m_lt; rewrite at_m // andbT -leNgt.
  have u0 : u = 0 by rewrite /u m_lt /ramp x_le.
  by split=> //; rewrite /v m_lt /ramp y2k u0 mul0r addr0 addrC lerD2l dz_le.
Qed.
End Ramps.

Theorem one_coupling_keeps (R : idomainType) (G : {pred R}) d (M B : {set 'I_d}) f :
  coupling_map G M B f ->
  (forall x j, j \notin M -> f x j 0 = x j 0) /\
  forall c delta (x y : 'cV[R]_d) j, j \notin M -> x j 0 != y j 0 ->
    f x = c + delta *: x -> f y = c + delta *: y -> delta = 1.
Proof.
intros [s [t [_ _ fE]]]; have keep (x : 'cV[R]_d) j : j \notin M -> f x j 0 = x j 0.
  by move=> /negPf jM; rewrite fE jM.
split=> // c delta x y j jM xy /colP/(_ j) + /colP/(_ j); rewrite !keep // !mxE => fx fy.
have : (1 - delta) * (x j 0 - y j 0) = 0.
  rewrite mulrBl mul1r mulrBr {1}fx {1}fy; move: (c j 0) (delta * _) (delta * _) => u v w.
  by rewrite opprD addrACA subrr add0r subrr.
by move/eqP; rewrite mulf_eq0 !subr_eq0 (negPf xy) orbF => /eqP.
Qed.

(* Finite maps: four couplings realize every one, and three do not.

   A point is a pair of halves; move_first and move_second are those of definitions.v.

   Main results
     four_couplings       a map that is injective on a finite set X of points agrees there with
                          move_first w \o move_second v \o move_first u \o move_second t, for
                          halves in any two infinite abelian groups V and W
     four_couplings_rows  so over rows of p >= 1 and q >= 1 entries of a numDomainType, such as
                          the integers, the rational and the real numbers
     three_couplings      three, in either order, exchange (0, 0) and (0, b) and fix (a, 0) and
                          (a, b) if and only if b + b = 0; then one does (exchange_by_one)
     three_couplings_rows   so over these rows three do not
     three_scaled         nor do three that also multiply each entry of the half that moves by
                          a positive number, in either order, realize the map of {0, 1, 2}^2
                          that exchanges (0, 0) with (0, 1) and (1, 2) with (2, 2), over every
                          numDomainType, for all p, q >= 1
     four_for_exchanges   which four without scales do

   Plan.  Let y = pi x.  Some t makes B = x2 + t x1 injective on X, and some t' makes A =
   y1 + t' y2 injective on pi X: a value of t at a time, each avoids finitely many (spread).
   Hence A - x1 is a function u of B, and y2 - B a function v of A; and y1 = A - t' y2.
   Three layers of which two move the second half act on a fibre x1 = y1 by x2 -> s x2 + t,
   with s = 1 or s > 0, and such maps exchange no two points (no_exchange). *)
(* There are lists without repetitions of any length. *)
Definition infinite (T : eqType) := forall n, exists2 s : seq T, uniq s & (n < size s)%N.

Lemma fresh (T : eqType) (bad : seq T) : infinite T -> exists c, c \notin bad.
Proof.
move=> /(_ (size bad))[s us lt]; have /allPn[c _ cP] : ~~ all (mem bad) s; last by exists c.
by apply/negP => /allP/(uniq_leq_size us); rewrite leqNgt lt.
Qed.

(* If f tells the points of X apart, every function on X is one of f x. *)
Lemma function_of (A B : eqType) (C : zmodType) (X : seq A) (f : A -> B) (h : A -> C) :
  {in X &, injective f} -> exists u, {in X, forall x, u (f x) = h x}.
Proof.
move=> inj; exists (fun b => nth 0 (map h X) (index b (map f X))) => x xX.
by rewrite (nth_map x) ?nth_index_map // -(size_map f) index_mem map_f.
Qed.

Section Additive.
Variables V W : zmodType.
Implicit Types (x y : V * W) (X : seq (V * W)).

Lemma spread X : infinite W -> exists t, {in X &, injective (fun x => x.2 + t x.1)}.
Proof.
move=> infW; suff [t inj] : exists t,
    {in [pred x in X | x.1 \in map fst X] &, injective (fun x => x.2 + t x.1)}.
  by exists t => x y xX yX; apply: inj; rewrite inE ?xX ?yX map_f.
elim: (map fst X) => [|k ks [t inj]]; first by exists (fun=> 0) => x y; rewrite inE andbF.
have [c cP] := fresh [seq y.2 + t y.1 - x.2 | x <- X, y <- X] infW.
have new x y : x \in X -> y \in X -> x.2 + c <> y.2 + t y.1.
  move=> xX yX e; case/negP: cP; apply/allpairsP; exists (x, y); split=> //=.
  by rewrite -e addrC addKr.
exists (fun a => if a == k then c else t a) => x y; rewrite !inE => /andP[xX xk] /andP[yX yk].
case: (eqVneq x.1 k) xk => [xk _|_ xk]; case: (eqVneq y.1 k) yk => [yk _|_ yk].
- by move/addIr => e; rewrite [x]surjective_pairing [y]surjective_pairing e xk yk.
- by move/(new _ _ xX yX).
- by move/esym/(new _ _ yX xX).
by apply: inj; rewrite inE ?xX ?yX.
Qed.
End Additive.

Theorem four_couplings (V W : zmodType) (X : seq (V * W)) (pi : V * W -> V * W) :
  infinite V -> infinite W -> {in X &, injective pi} ->
  exists (t : V -> W) (u : W -> V) (v : V -> W) (w : W -> V),
    {in X, forall x, (move_first w \o move_second v \o move_first u \o move_second t) x = pi x}.
Proof.
move=> infV infW inj; have [t tP] := spread X infW.
have [t' t'P] := spread [seq (y.2, y.1) | y <- map pi X] infV.
have [u uP] := function_of (fun x => (pi x).1 + t' (pi x).2 - x.1) tP.
have inj' : {in X &, injective (fun x => (pi x).1 + t' (pi x).2)}.
  move=> x y xX yX e; apply: inj => //.
  suff [e2 e1] : ((pi x).2, (pi x).1) = ((pi y).2, (pi y).1).
    by rewrite [pi x]surjective_pairing [pi y]surjective_pairing e1 e2.
  by apply: t'P; last exact: e; apply: (map_f (fun z => (z.2, z.1))); apply: map_f.
have [v vP] := function_of (fun x => (pi x).2 - (x.2 + t x.1)) inj'.
exists t, u, v, (fun a => - t' a) => x xX; rewrite /move_first /move_second /=.
have add_sub (Z : zmodType) (a b : Z) : a + (b - a) = b by rewrite addrC subrK.
by rewrite uP // add_sub vP // add_sub addrK -surjective_pairing.
Qed.

Lemma infinite_rows (F : numDomainType) p : (0 < p)%N -> infinite 'rV[F]_p.
Proof.
case: p => // p _ n; exists [seq const_mx i%:R | i <- iota 0 n.+1]; last first.
  by rewrite size_map size_iota.
rewrite map_inj_uniq ?iota_uniq // => i j /matrixP/(_ 0 0)/eqP.
by rewrite !mxE eqr_nat => /eqP.
Qed.

Theorem four_couplings_rows (F : numDomainType) p q (X : seq ('rV[F]_p * 'rV[F]_q))
    (pi : 'rV[F]_p * 'rV[F]_q -> 'rV[F]_p * 'rV[F]_q) :
  (0 < p)%N -> (0 < q)%N -> {in X &, injective pi} ->
  exists (t : 'rV_p -> 'rV_q) (u : 'rV_q -> 'rV_p) (v : 'rV_p -> 'rV_q) (w : 'rV_q -> 'rV_p),
    {in X, forall x, (move_first w \o move_second v \o move_first u \o move_second t) x = pi x}.
Proof. by move=> p0 q0; apply: four_couplings; apply: infinite_rows. Qed.

(* Three do not, in general. *)
Section Three.
Variables V W : zmodType.
Implicit Types (t : V -> W) (u : W -> V) (a : V) (b : W) (f : V * W -> V * W).

Definition exchanges a b f :=
  [/\ f (0, 0) = (0, b), f (0, b) = (0, 0), f (a, 0) = (a, 0) & f (a, b) = (a, b)].

Lemma exchange_by_one a b : a != 0 -> b + b = 0 ->
  exchanges a b (move_second (fun x => if x == 0 then b else 0)).
Proof. by move=> /negbTE a0 bb; split; rewrite /move_second /= ?eqxx ?a0 ?bb ?addr0 ?add0r. Qed.

Theorem three_couplings a b : a != 0 ->
  (exists t u t', exchanges a b (move_second t' \o move_first u \o move_second t)) \/
  (exists u t u', exchanges a b (move_first u' \o move_second t \o move_first u)) <-> b + b = 0.
Proof.
move=> a0; split=> [|bb]; last first.
  left; exists (fun x => if x == 0 then b else 0), (fun=> 0), (fun=> 0).
  have [e1 e2 e3 e4] := exchange_by_one a0 bb.
  by split; rewrite /= ?(e1, e2, e3, e4) /move_first /move_second /= !addr0.
case=> [[t [u [v []]]] | [u [t [v []]]]]; rewrite /move_first /move_second /=.
  move=> [e1 e2] [e3 e4] _ _; rewrite e1 in e2; rewrite e3 in e4.
  by rewrite -{2}e2 add0r addrA.
move=> [_ e2] [e3 e4] [e5 e6] _; rewrite e4 in e3; rewrite e6 -addrA -[RHS]addr0 in e5.
have eu : 0 + u b = 0 + u 0 by apply: (addIr (v 0)); rewrite e3 add0r (addrI _ e5).
by rewrite -{2}e2 add0r -eu.
Qed.
End Three.

Corollary three_couplings_rows (F : numDomainType) p q : (0 < p)%N -> (0 < q)%N ->
  let exchanges11 := exchanges (const_mx 1 : 'rV[F]_p) (const_mx 1 : 'rV[F]_q) in
  (forall t u t', ~ exchanges11 (move_second t' \o move_first u \o move_second t)) /\
  (forall u t u', ~ exchanges11 (move_first u' \o move_second t \o move_first u)).
Proof.
case: p q => // p [//|q] _ _ E; have a0 : const_mx 1 != 0 :> 'rV[F]_p.+1.
  by apply/eqP => /matrixP/(_ 0 0)/eqP; rewrite !mxE oner_eq0.
have two : const_mx 1 + const_mx 1 != 0 :> 'rV[F]_q.+1.
  by apply/eqP => /matrixP/(_ 0 0)/eqP; rewrite !mxE -mulr2n pnatr_eq0.
split=> f g h e; apply/negP: two; rewrite negbK; apply/eqP/(three_couplings _ a0).
  by left; exists f, g, h.
by right; exists f, g, h.
Qed.

(* Nor with positive scales. *)
Section Scales.
Variables (F : numDomainType) (p q : nat).

(* The point (i, j) of {0, 1, 2}^2, all entries of a half being the same, and the map. *)
Definition point (k : nat * nat) : 'rV[F]_p * 'rV[F]_q := (const_mx k.1%:R, const_mx k.2%:R).
Definition two_exchanges (k : nat * nat) : nat * nat :=
  if k == (0, 0)%N then (0, 1)%N else if k == (0, 1)%N then (0, 0)%N else
  if k == (1, 2)%N then (2, 2)%N else if k == (2, 2)%N then (1, 2)%N else k.
Definition realizes_exchanges f :=
  forall k, (k.1 < 3)%N -> (k.2 < 3)%N -> f (point k) = point (two_exchanges k).

Lemma no_exchange (s r t v x y : F) : 0 < s -> 0 < r ->
  r * (s * x + t) + v = y -> r * (s * y + t) + v = x -> x = y.
Proof.
move=> s0 r0 ey ex; have rs0 : r * s + 1 != 0 by rewrite gt_eqF // addr_gt0 ?ltr01 ?mulr_gt0.
have := congr2 (fun a b => a - b) ey ex => /eqP.
rewrite opprD addrACA subrr addr0 -mulrBr opprD addrACA subrr addr0 -mulrBr mulrA -subr_eq0.
by rewrite opprB -[X in _ + X]mul1r -mulrDl mulf_eq0 (negbTE rs0) subr_eq0 => /eqP.
Qed.

Theorem three_scaled : (0 < p)%N -> (0 < q)%N ->
  (forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ realizes_exchanges (scale_second s3 t3 \o scale_first s2 t2 \o scale_second s1 t1)) /\
  (forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ realizes_exchanges (scale_first s3 t3 \o scale_second s2 t2 \o scale_first s1 t1)).
Proof.
move=> p0 q0; split=> s1 t1 s2 t2 s3 t3 pos1 _ pos3 real.
  case: (real (0, 0)%N isT isT) (real (0, 1)%N isT isT) => [e1 e2] [e3 e4].
  rewrite e1 in e2; rewrite e3 in e4.
  move/matrixP/(_ 0 (Ordinal q0)): e4; move/matrixP/(_ 0 (Ordinal q0)): e2; rewrite !mxE /=.
  move/no_exchange => h /h; move/(_ (pos1 _ _) (pos3 _ _))/eqP.
  by rewrite eqr_nat.
case: (real (1, 2)%N isT isT) (real (2, 2)%N isT isT) => [e1 e2] [e3 e4].
rewrite e2 in e1; rewrite e4 in e3.
move/matrixP/(_ 0 (Ordinal p0)): e3; move/matrixP/(_ 0 (Ordinal p0)): e1; rewrite !mxE /=.
move/no_exchange => h /h; move/(_ (pos1 _ _) (pos3 _ _))/eqP.
by rewrite eqr_nat.
Qed.

Lemma exchanges_map : (0 < p)%N -> (0 < q)%N -> exists (X : seq ('rV[F]_p * 'rV[F]_q)) pi,
  {in X &, injective pi} /\ forall f, {in X, f =1 pi} -> realizes_exchanges f.
Proof.
move=> p0 q0; pose K := [seq (i, j) | i <- iota 0 3, j <- iota 0 3].
have inj : injective point.
  move=> [i j] [k l] [/matrixP/(_ 0 (Ordinal p0)) + /matrixP/(_ 0 (Ordinal q0))].
  by rewrite !mxE => /eqP + /eqP; rewrite !eqr_nat => /eqP -> /eqP ->.
have [pi piP] := function_of (X := K) (point \o two_exchanges) (in2W inj).
exists (map point K), pi; split=> [|f e [i j] /= i3 j3].
  move=> _ _ /mapP[k kK ->] /mapP[l lK ->]; rewrite !piP // => /inj kl; congr point.
  have same : all (fun k => all (fun l => (two_exchanges k == two_exchanges l) ==> (k == l)) K) K.
    exact: isT.
  by move/allP/(_ k kK)/allP/(_ l lK): same; rewrite kl eqxx => /eqP.
have kK : (i, j) \in K by apply: allpairs_f; rewrite mem_iota.
by rewrite -[RHS](piP _ kK) e // map_f.
Qed.

Theorem some_map_needs_four : (0 < p)%N -> (0 < q)%N ->
  exists (X : seq ('rV[F]_p * 'rV[F]_q)) pi, [/\ {in X &, injective pi},
  forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ {in X, forall x, scale_second s3 t3 (scale_first s2 t2 (scale_second s1 t1 x)) = pi x} &
  forall s1 t1 s2 t2 s3 t3, positive_scale s1 -> positive_scale s2 -> positive_scale s3 ->
    ~ {in X, forall x, scale_first s3 t3 (scale_second s2 t2 (scale_first s1 t1 x)) = pi x}].
Proof.
move=> p0 q0; destruct (exchanges_map p0 q0) as [X [pi [inj real]]], (three_scaled p0 q0) as [no1 no2].
by exists X, pi; split=> // s1 t1 s2 t2 s3 t3 pos1 pos2 pos3 /real; [apply: no1 | apply: no2].
Qed.

(* Four without scales do. *)
Theorem four_for_exchanges : (0 < p)%N -> (0 < q)%N ->
  exists (t : 'rV[F]_p -> 'rV[F]_q) (u : 'rV[F]_q -> 'rV[F]_p) v w,
  realizes_exchanges (move_first w \o move_second v \o move_first u \o move_second t).
Proof.
move=> p0 q0; destruct (exchanges_map p0 q0) as [X [pi [inj real]]].
destruct (four_couplings_rows p0 q0 inj) as [t [u [v [w e]]]].
by exists t, u, v, w; apply: real.
Qed.
End Scales.

(* Counting: maps of few parameters miss one of many targets.

   f theta are points, theta in the cube |theta_j| <= r, and D is a distance of points: f is Lip-
   Lipschitz in the largest coordinate.  Cut the cube into N^p cubes; two of more than N^p targets
   that are nearer than w to some f theta share one, and so are nearer than 2 w + 2 r Lip / N. *)
Section Counting.
Variable R : realFieldType.

(* An interval of length l from a is N of length l / N. *)
Lemma part_of_interval N (l x : R) : (0 < N)%N -> 0 <= l -> 0 <= x <= l ->
  exists k : 'I_N, k%:R * (l / N%:R) <= x <= k.+1%:R * (l / N%:R).
Proof.
case: N => // N _ l0 /andP[x0 xl].
have end_N : x <= N.+1%:R * (l / N.+1%:R) by rewrite mulrCA mulfV ?mulr1 // pnatr_eq0.
have [k xk least] := ex_minnP (ex_intro (fun k => x <= k.+1%:R * (l / N.+1%:R)) N end_N).
have kN : (k < N.+1)%N by rewrite ltnS least.
exists (Ordinal kN); rewrite xk andbT /=; case: k {kN} xk least => [|k] _ least; first by rewrite mul0r.
by rewrite leNgt; apply/negP => /ltW/least; rewrite ltnn.
Qed.

Theorem few_parameters_miss (T : Type) (D : T -> T -> R) p N n (f : ('I_p -> R) -> T)
    (target : 'I_n -> T) (r Lip sep w : R) :
  (forall x y z, D x z <= D x y + D y z) -> (forall x y, D x y = D y x) ->
  (forall s t h, (forall j, `|s j - t j| <= h) -> D (f s) (f t) <= Lip * h) ->
  (forall i j, i != j -> sep <= D (target i) (target j)) ->
  (0 < N)%N -> 0 <= r -> (N ^ p < n)%N -> Lip * (2 * r / N%:R) <= sep - 2 * w ->
  ~ forall i, exists2 s, forall j, `|s j| <= r & D (f s) (target i) < w.
Proof.
move=> tri sym lip apart N0 r0 many fine near.
have [s sP] := fin_all_exists (fun i => let: ex_intro2 s sr sw := near i in
  ex_intro (fun s => (forall j, `|s j| <= r) /\ D (f s) (target i) < w) s (conj sr sw)).
have cell i : exists g : {ffun 'I_p -> 'I_N}, forall j,
    (g j)%:R * (2 * r / N%:R) <= s i j + r <= (g j).+1%:R * (2 * r / N%:R).
  have [|g gP] := @fin_all_exists _ (fun _ => 'I_N) (fun j (k : 'I_N) =>
      k%:R * (2 * r / N%:R) <= s i j + r <= k.+1%:R * (2 * r / N%:R)).
    move=> j; have [/(_ j)] := sP i; rewrite ler_norml => /andP[lo hi] _.
    apply: part_of_interval; rewrite ?mulr_ge0 //.
    by rewrite -lerBlDr sub0r lo mulrDl !mul1r lerD2r.
  by exists (finfun g) => j; rewrite ffunE.
have [g gP] := fin_all_exists cell.
have /injectivePn[i [k ik gg]] : ~~ injectiveb g.
  apply/negP => /injectiveP/leq_card; rewrite card_ffun !card_ord leqNgt => /negP; exact.
have h : D (f (s i)) (f (s k)) <= sep - 2 * w.
  apply: le_trans fine; apply: lip => j; have := gP k j; have := gP i j; rewrite gg.
  move: (_ / _) (s i j) (s k j) => c x y; rewrite mulrSr mulrDl mul1r => /andP[x1 x2] /andP[y1 y2].
  have e : x - y = (x + r) - (y + r) by rewrite opprD addrACA subrr addr0.
  rewrite e ler_norml; apply/andP; split.
    rewrite lerBrDl -lerBrDr opprK; apply: le_trans y2 _; by rewrite lerD2r.
  rewrite lerBlDl; apply: le_trans x2 _; by rewrite lerD2r.
have [_ near_i] := sP i; have [_ near_k] := sP k.
have := apart i k ik; apply/negP; rewrite -ltNge.
apply: le_lt_trans (tri _ (f (s i)) _) _; apply: le_lt_trans (lerD (lexx _) (tri _ (f (s k)) _)) _.
rewrite sym; have -> : sep = w + ((sep - 2 * w) + w).
  by rewrite addrC -addrA -mulr2n -[w *+ 2]mulr_natl subrK.
by apply: ltrD => //; apply: ler_ltD.
Qed.
End Counting.
