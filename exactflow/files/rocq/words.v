(* Words of shears: what alternating products of up to five shears fulfil.

   Halves are of n entries, over a field.  The lemmas are about words that start with U; [a b; c d]
   is the inverse of M = [A B; C D].  shears_alternate and word_swap reduce all others to these. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype bigop.
From mathcomp Require Import ssralg zmodp matrix mxalgebra poly mxpoly.
From exactflow.certificates Require Export shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Open Scope ring_scope.

Definition is_shear (F : fieldType) n (K : 'M[F]_(n + n)) :=
  (exists X, K = block_mx 1%:M X 0 1%:M) \/ (exists Y, K = block_mx 1%:M 0 Y 1%:M).

Section Words.
Variables (F : fieldType) (n : nat).
Implicit Types (A B C D a b c d X Y Z V W : 'M[F]_n) (M N : 'M[F]_(n + n)).

Lemma word1P A B C D : word true 1 (block_mx A B C D) ->
  [/\ A = 1%:M, C = 0 & D = 1%:M].
Proof. by case=> _ [_ [[X ->] /= ->]]; rewrite mulmx1 => /eq_block_mx[]. Qed.

Lemma word2P A B C D : word true 2 (block_mx A B C D) ->
  D = 1%:M /\ A - B *m C = 1%:M.
Proof.
case=> _ [_ [[X ->] [_ [_ [[Y ->] /= -> ->]]]]]; rewrite mulmx1 mul_U add0r => /eq_block_mx[-> -> -> ->].
by rewrite !mulmx1 addrK.
Qed.

Lemma word3P A B C D : word true 3 (block_mx A B C D) ->
  exists X Z, [/\ X *m C = A - 1%:M, C *m Z = D - 1%:M & X + A *m Z = B].
Proof.
case=> _ [_ [[X ->] [_ [_ [[Y ->] [_ [_ [[Z ->] /= -> ->]]] ->]]]]].
rewrite mulmx1 mul_L mul_U !add0r !mulmx1 => /eq_block_mx[-> -> -> ->]; exists X, Z.
split; first by rewrite addrC addKr.
  by rewrite [_ + _ *m _]addrC addrK // addrC addKr.
by rewrite mulmxDl mulmxDr mul1mx mulmx1 -mulmxA addrCA.
Qed.

Lemma word4P A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  exists X Y Z W,
    [/\ D = 1%:M + Y *m Z, a = 1%:M + Z *m Y, C = Y + D *m W & B = Z + X *m D].
Proof.
move=> inv [_ [_ [[X ->] [_ [_ [[Y ->] [_ [_ [[Z ->] [_ [_ [[W ->] /= -> ->]]] ->]]] ->]]] e]]].
exists X, Y, Z, W.
have : block_mx a b c d = L (- W) *m (U (- Z) *m (L (- Y) *m U (- X))).
  transitivity (L (- W) *m (U (- Z) *m (L (- Y) *m (U (- X) *m block_mx A B C D))) *m
    block_mx a b c d); last by rewrite -!mulmxA inv mulmx1.
  by rewrite e mul_UK mul_LK mul_UK mul_LK mul1mx.
rewrite mul_L mul_U mul_L => /eq_block_mx[-> _ _ _].
rewrite mulmx1 !mul_U !mul_L !mul_U !mulmx1 !add0r in e.
case/eq_block_mx: e => _ -> -> ->; rewrite add0r mulmx1 mulNmx mulmxN opprK.
by split=> //; rewrite mulmxDr mulmxDl mulmx1 mul1mx mulmxA addrCA addrA.
Qed.

(* What follows for the lower left block c of the inverse. *)
Lemma word3_inverse A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 3 (block_mx A B C D) -> c = - C.
Proof.
move=> inv [_ [_ [[X ->] [_ [_ [[Y ->] [_ [_ [[Z ->] /= -> ->]]] ->]]] e]]].
have : L Y *m (U Z *m block_mx a b c d) = U (- X).
  by rewrite -[RHS]mulmx1 -inv e -!mulmxA mul_UK mul1mx.
rewrite mul_U mul_L => /eq_block_mx[-> _ + _]; rewrite mulmx1 => /eqP.
rewrite addr_eq0 => /eqP ->; move: e; rewrite mulmx1 mul_L mul_U.
by case/eq_block_mx=> _ _ -> _; rewrite mulmx1 add0r.
Qed.

Lemma word4_inverse A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  exists W, C + c = D *m W - W *m a.
Proof.
move=> inv [_ [_ [[X ->] [_ [_ [[Y ->] [_ [_ [[Z ->] [_ [_ [[W ->] /= -> ->]]] ->]]] ->]]] e]]].
exists W.
have LK : L W *m L (- W) = 1%:M.
  by rewrite -{1}[W]opprK mul_LL.
have e' : block_mx A B C D *m L (- W) = block_mx (A - B *m W) B (C - D *m W) D.
  by rewrite mulmx_block !mulmx1 !mulmx0 !add0r !mulmxN.
have w3 : word true 3 (block_mx (A - B *m W) B (C - D *m W) D).
  by rewrite -e' e -!mulmxA mul1mx LK; do 3?[apply: word_U | apply: word_L].
have inv' : block_mx (A - B *m W) B (C - D *m W) D
    *m block_mx a b (c + W *m a) (d + W *m b) = 1%:M.
  by rewrite -e' -mul_L -!mulmxA [L (- W) *m _]mulmxA (mulmx1C LK) mul1mx.
move/eqP: (word3_inverse inv' w3); rewrite opprB -subr_eq0 opprB addrACA -opprB.
rewrite subr_eq0 => /eqP <-; by rewrite addrC.
Qed.

(* Of five letters, M U(-V) is of four: its blocks D - C V and a + V c are as D and a there. *)
Definition linked D C a c := exists V Y Z,
  D - C *m V = 1%:M + Y *m Z /\ a + V *m c = 1%:M + Z *m Y.

Lemma linkedT D C a c : linked D C a c -> linked a^T c^T D^T C^T.
Proof.
case=> V [Y [Z [eD ea]]]; exists (- V^T), Y^T, Z^T.
split; first by rewrite mulmxN opprK -trmx_mul -linearD /= ea linearD /= trmx1 trmx_mul.
by rewrite mulNmx -trmx_mul -linearB /= eD linearD /= trmx1 trmx_mul.
Qed.

Lemma word4_linked A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  linked D 0 a 0.
Proof.
move=> inv /(word4P inv)[_ [Y [Z [_ [eD ea _ _]]]]]; exists 0, Y, Z.
by rewrite !mul0mx subr0 addr0.
Qed.

Lemma word5_linked A B C D a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 5 (block_mx A B C D) ->
  linked D C a c.
Proof.
move=> inv [_ [_ [[X ->] [_ [_ [[Y ->] [_ [_ [[Z ->] [_ [_ [[W ->] [_ [_ [[V ->] /= -> ->]]] ->]]] ->]]] ->]]] e]]].
have UK : U V *m U (- V) = 1%:M.
  by rewrite mul_UU addNr U0.
have e' : block_mx A B C D *m U (- V) = block_mx A (B - A *m V) C (D - C *m V).
  by rewrite mulmx_block !mulmx1 !mulmx0 !addr0 !mulmxN ![- _ + _]addrC.
have w4 : word true 4 (block_mx A (B - A *m V) C (D - C *m V)).
  by rewrite -e' e -!mulmxA mul1mx UK; do 4?[apply: word_U | apply: word_L].
have inv' : block_mx A (B - A *m V) C (D - C *m V)
    *m block_mx (a + V *m c) (b + V *m d) c d = 1%:M.
  by rewrite -e' -mul_U -!mulmxA [U (- V) *m _]mulmxA (mulmx1C UK) mul1mx.
have [_ [Y' [Z' [_ [eD ea _ _]]]]] := word4P inv' w4.
by exists V, Y', Z'.
Qed.

(* Five letters, if C = 0, or in the other order if B = 0. *)
Lemma word5_upper A B D a b c d :
  block_mx A B 0 D *m block_mx a b c d = 1%:M -> word true 5 (block_mx A B 0 D) ->
  exists Y Z, D = 1%:M + Y *m Z /\ a = 1%:M + Z *m Y.
Proof.
move=> inv w; have [V [Y [Z []]]] := word5_linked inv w.
move: inv; rewrite mulmx_block !mul0mx !add0r scalar_mx_block => /eq_block_mx[_ _ Dc /mulmx1C dD].
have -> : c = 0 by rewrite -[c]mul1mx -dD -mulmxA Dc mulmx0.
by rewrite mulmx0 subr0 addr0 => eD ea; exists Y, Z.
Qed.

Lemma word5_lower A C D a b c d :
  block_mx A 0 C D *m block_mx a b c d = 1%:M -> word false 5 (block_mx A 0 C D) ->
  exists Y Z, D = 1%:M + Y *m Z /\ a = 1%:M + Z *m Y.
Proof.
move=> inv /word_swap; rewrite swap_block => w.
have inv' : block_mx D C 0 A *m block_mx d c b a = 1%:M.
  by have := congr1 (@swap _ _ _) inv; rewrite swap_mul !swap_block swap1.
have [Y [Z [eA ed]]] := word5_upper inv' w; exists (- Z *m a), Y.
move: inv; rewrite mulmx_block !mul0mx !addr0 scalar_mx_block => /eq_block_mx[Aa Ab _ dD].
have b0 : b = 0 by rewrite -[b]mul1mx -(mulmx1C Aa) -mulmxA Ab mulmx0.
rewrite b0 mulmx0 add0r in dD.
have ea : a = 1%:M + Y *m (- Z *m a).
  by rewrite mulNmx mulmxN -[X in X - _]Aa {1}eA mulmxDl mul1mx mulmxA addrK.
split=> //; have dZ : d *m (1%:M + - Z *m a *m Y) = 1%:M.
  have da : d *m Z = Z *m A by rewrite ed eA mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
  rewrite mulmxDr mulmx1 !mulNmx mulmxN !mulmxA da -(mulmxA Z) Aa mulmx1 ed.
  by rewrite addrK.
by rewrite -[LHS]mulmx1 -[X in _ *m X = _]dZ mulmxA dD mul1mx.
Qed.

(* ------------------------------------------------------------------- traces *)
Definition power k (P : 'M[F]_n) := iter k (mulmx P) 1%:M.

Lemma powerS k P : power k.+1 P = P *m power k P. Proof. by []. Qed.

Lemma same_traces D a k : linked D 0 a 0 -> \tr (power k D - power k a) = 0.
Proof.
case=> V [Y [Z []]]; rewrite mul0mx mulmx0 subr0 addr0 => eD ea.
have DY : D *m Y = Y *m a by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
have kDY j : power j D *m Y = Y *m power j a.
  elim: j => [|j IH]; first by rewrite mul1mx mulmx1.
  by rewrite !powerS -mulmxA IH !mulmxA DY.
apply/eqP; rewrite linearB subr_eq0 /=; apply/eqP; elim: k => // k IH.
rewrite !powerS {1}eD {1}ea !mulmxDl !mul1mx !mxtraceD IH.
by congr (_ + _); rewrite -[in LHS]mulmxA [LHS]mxtrace_mulC -[in LHS]mulmxA kDY mulmxA.
Qed.

(* --------------------------------------------------------- linear equations *)
Lemma multiplier3 A B C D P Q R : word true 3 (block_mx A B C D) ->
  C *m P + R = 0 -> Q *m C + R *m A = 0 ->
  \tr (P *m (A - 1%:M) + (Q *m (D - 1%:M) + R *m B)) = 0.
Proof.
case/word3P=> X [Z [<- <- <-]] hX hZ.
rewrite mulmxDr !mxtraceD !mulmxA mxtrace_mulC mulmxA.
rewrite [X in _ + X]addrCA addrA -!mxtraceD -!mulmxDl hX hZ.
by rewrite !mul0mx addr0 mxtrace0.
Qed.

Lemma multiplier4 A B C D a b c d P Q R :
  block_mx A B C D *m block_mx a b c d = 1%:M -> word true 4 (block_mx A B C D) ->
  a *m P - P *m D + (Q + B *m R) = 0 -> Q *m D = 0 -> D *m R = 0 ->
  \tr (Q *m C + R *m (D - 1%:M)) = 0.
Proof.
move=> inv /(word4P inv)[X [Y [Z [W [eD ea -> eB]]]]] hY hW hX.
have DY : D *m Y = Y *m a by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
have -> : D - 1%:M = Y *m (B - X *m D) by rewrite eB addrK eD addrC addKr.
have -> : Q *m (Y + D *m W) = Q *m Y by rewrite mulmxDr mulmxA hW mul0mx addr0.
have fX : \tr (R *m (Y *m (B - X *m D))) = \tr (B *m R *m Y).
  rewrite mulmxA mxtrace_mulC mulmxBl -(mulmxA X) [D *m _]mulmxA hX mul0mx mulmx0.
  by rewrite subr0 mulmxA.
have fP : \tr ((a *m P - P *m D) *m Y) = 0.
  rewrite mulmxBl linearB /= -!mulmxA DY mxtrace_mulC -mulmxA subrr //.
by rewrite mxtraceD fX -[LHS]add0r -{1}fP -!mxtraceD -!mulmxDl hY mul0mx mxtrace0.
Qed.

(* -------------------------------------------------------------------- ranks *)
(* The value at D of the polynomial of these coefficients, ascending. *)
Definition value (f : seq F) D : 'M[F]_n := foldr (fun x E => x%:M + E *m D) (0 : 'M_n) f.
Implicit Types (f p : seq F) (S P Q : 'M[F]_n).

Lemma value_mul f D X a : D *m X = X *m a -> value f D *m X = X *m value f a.
Proof.
move=> e; elim: f => [|x f IH] /=; first by rewrite mul0mx mulmx0.
by rewrite mulmxDl mulmxDr scalar_mxC -mulmxA e !mulmxA IH.
Qed.

Lemma valueT f D : (value f D)^T = value f D^T.
Proof.
elim: f => [|x f IH] /=; first by rewrite trmx0.
by rewrite linearD /= tr_scalar_mx trmx_mul IH (value_mul f (erefl _)).
Qed.

Lemma value_fixed f D (v : 'rV_n) : v *m D = v -> v *m value f D = foldr +%R 0 f *: v.
Proof.
move=> e; elim: f => [|x f IH] /=; first by rewrite mulmx0 scale0r.
by rewrite mulmxDr mulmxA IH -scalemxAl e mul_mx_scalar scalerDl.
Qed.

(* The rows R that f(D) kills, and images of f(a) and of what p(a) kills. *)
Lemma rank_clash D a Y Z f p S P Q : D = 1%:M + Y *m Z -> a = 1%:M + Z *m Y ->
  foldr +%R 0 f != 0 -> S *m value p D *m value f D = 0 -> value p a *m Q = 0 ->
  (\rank (S *m value p D) + \rank (value f a *m P + Q)%R <= n)%N.
Proof.
move=> eD ea f1; set R := S *m value p D => Rf pQ; set T := (_ + Q)%R.
have DY : D *m Y = Y *m a by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
have RYT : R *m Y *m T = 0.
  rewrite mulmxDr mulmxA -(mulmxA R) -(value_mul f DY) !mulmxA Rf !mul0mx add0r.
  by rewrite -(mulmxA S) (value_mul p DY) -!mulmxA pQ !mulmx0.
apply: (leq_trans _ (mulmx0_rank_max RYT)); rewrite leq_add2r -(mxrank_mul_ker R Y).
rewrite -[leqRHS]addn0 leq_add2l leqn0 mxrank_eq0 -submx0; apply/rV_subP => v.
rewrite sub_capmx => /andP[/submxP[w ew]] /sub_kermxP vY; rewrite submx0.
have vf : v *m value f D = 0 by rewrite ew -mulmxA Rf mulmx0.
have vD : v *m D = v by rewrite eD mulmxDr mulmx1 mulmxA vY mul0mx addr0.
by move/eqP: vf; rewrite (value_fixed f vD) scaler_eq0 (negbTE f1).
Qed.

(* The same at the eigenvalue 1. *)
Lemma rank_clash_at_one D a Y Z p S P Q (f := [:: -1; 1]) :
  D = 1%:M + Y *m Z -> a = 1%:M + Z *m Y ->
  S *m value p D *m value f D *m value f D = 0 -> value p a *m Q = 0 ->
  (\rank (S *m value p D *m value f D) + \rank (value f a *m P + Q)%R <= n)%N.
Proof.
move=> eD ea; have fE E : value f E = E - 1%:M by rewrite /= mul0mx addr0 mul1mx addrC raddfN.
have [eN em] : D - 1%:M = Y *m Z /\ a - 1%:M = Z *m Y by rewrite eD ea !(addrC 1%:M) !addrK.
rewrite !fE eN em.
set R := S *m value p D *m (Y *m Z) => Rf pQ; set T := (_ + Q)%R.
have DY : D *m Y = Y *m a by rewrite eD ea mulmxDl mulmxDr mul1mx mulmx1 mulmxA.
have Za : a *m (Z *m Y) = Z *m Y *m a by rewrite ea mulmxDl mulmxDr mul1mx mulmx1.
pose G := S *m value p D *m Y; pose K := kermx (R *m Y).
have RE : R = G *m Z by rewrite /R /G -!mulmxA.
have GQ : G *m Q = 0 by rewrite /G -(mulmxA S) (value_mul p DY) -!mulmxA pQ !mulmx0.
have RYQ : R *m Y *m Q = 0.
  have -> : R *m Y *m Q = S *m Y *m (value p a *m (Z *m Y)) *m Q.
    by rewrite /R -!mulmxA [Y *m (value p a *m _)]mulmxA -(value_mul p DY) -!mulmxA.
  by rewrite (value_mul p Za) -!mulmxA pQ !mulmx0.
pose H := col_mx (R *m Y) (K *m G).
have HT : H *m T = 0.
  have RYm : R *m Y *m (Z *m Y) = 0 by rewrite -mulmxA (mulmxA Y) mulmxA Rf mul0mx.
  have KGm : K *m G *m (Z *m Y) = 0 by rewrite -mulmxA (mulmxA G) -RE mulmx_ker.
  rewrite mul_col_mx !mulmxDr !(mulmxA _ (Z *m Y)) RYm KGm RYQ -(mulmxA K) GQ.
  by rewrite !mul0mx mulmx0 !addr0 col_mx0.
apply: (leq_trans _ (mulmx0_rank_max HT)); rewrite leq_add2r.
rewrite -(mxrank_mul_ker R Y) -(mxrank_mul_ker H Z) addnC leq_add //.
  rewrite mul_col_mx -(mulmxA R) Rf -mulmxA -RE.
  rewrite mxrankS // -addsmxE; apply: (submx_trans _ (addsmxSr _ _)).
  apply/rV_subP => v; rewrite sub_capmx => /andP[/submxP[w ->]] /sub_kermxP wRY.
  by rewrite submxMr //; apply/sub_kermxP; rewrite mulmxA.
rewrite mxrankS // sub_capmx; apply/andP; split.
  by rewrite -addsmxE addsmxSl.
by apply/sub_kermxP; rewrite -mulmxA.
Qed.
End Words.

(* ------------------------------------------------ c a multiple of C, five letters *)
Section Multiple.
Variables (F : fieldType) (n : nat).
Implicit Types (C D G V Y Z a c : 'M[F]_n).

(* Traces of powers of an r x r matrix fulfil a linear recurrence. *)
Lemma recurrence r (T : 'M[F]_r) : exists s : 'rV_r, forall j,
  \tr (power (j + r) T) = \sum_(i < r) s 0 i * \tr (power (j + i) T).
Proof.
case: r T => [|r] T; first by exists 0 => j; rewrite big_ord0 /mxtrace big_ord0.
pose p := char_poly T; have sp : size p = r.+2 by rewrite size_char_poly.
have powerE j : power j T = T ^+ j by elim: j => // j IH; rewrite powerS IH exprS.
exists (\row_i - p`_i) => j.
have e : \sum_(i < r.+2) p`_i *: T ^+ i = 0.
  have e0 : horner_mx T (\sum_(i < r.+2) p`_i *: 'X^i) = 0.
    by rewrite -sp -poly_def coefK Cayley_Hamilton.
  rewrite -[RHS]e0 raddf_sum; apply: eq_bigr => i _.
  by rewrite /= horner_mxZ rmorphXn /= horner_mx_X.
have {e} : \tr (\sum_(i < r.+2) p`_i *: T ^+ (j + i)) = 0.
  rewrite -[RHS](mxtrace0 F r.+1) -[X in _ = \tr X](mulr0 (T ^+ j)) -[X in _ * X]e mulr_sumr.
  by congr (\tr _); apply: eq_bigr => i _; rewrite -scalerAr exprD.
have -> : \tr (\sum_(i < r.+2) p`_i *: T ^+ (j + i)) = \sum_(i < r.+2) p`_i * \tr (T ^+ (j + i)).
  by rewrite raddf_sum; apply: eq_bigr => i _; rewrite /= mxtraceZ.
have p1 : p`_r.+1 = 1 by have /monicP := char_poly_monic T; rewrite /lead_coef -/p sp.
rewrite big_ord_recr /= p1 mul1r addrC => /eqP; rewrite addr_eq0 powerE => /eqP ->.
by rewrite -sumrN; apply: eq_bigr => i _; rewrite mxE powerE mulNr.
Qed.

Lemma traces_of_multiple D C a c k V Y Z G :
  D - C *m V = 1%:M + Y *m Z -> a + V *m c = 1%:M + Z *m Y ->
  k != 0 -> c = (- k) *: C -> C *m a + D *m c = 0 -> C *m G *m C = C ->
  let E := 1%:M - C *m G in let P := 1%:M - G *m C in
  exists r (T : 'M[F]_r), r%:R = \tr (C *m G) /\
    forall j, \tr (power j (E *m D) *m E) + \tr (power j T)
      = \tr (P *m power j (a *m P)) + k ^+ j * \tr (power j T).
Proof.
move=> eD ea k0 ec inv GC E P; set D' := D - _ in eD *; set a' := a + _ in ea *.
have Ca : C *m a' = k *: (D' *m C).
  move/eqP: inv; rewrite addr_eq0 => /eqP; rewrite ec -scalemxAr scaleNr opprK => inv.
  by rewrite mulmxDr inv ec -!scalemxAr scaleNr mulmxA mulmxBl scalerBr.
have DC : D' *m C = C *m (k^-1 *: a') by rewrite -scalemxAr Ca scalerA mulVf ?scale1r.
have EC : E *m C = 0 by rewrite mulmxBl mul1mx GC subrr.
have CP : C *m P = 0 by rewrite mulmxBr mulmx1 mulmxA GC subrr.
have ED : E *m D = E *m D' by rewrite mulmxBr mulmxA EC mul0mx subr0.
have aP : a *m P = a' *m P.
  by rewrite mulmxDl ec -scalemxAr -scalemxAl -mulmxA CP mulmx0 scaler0 addr0.
have EDC : E *m D' *m C = 0 by rewrite -mulmxA DC mulmxA EC mul0mx.
have EDE : E *m D' = E *m D' *m E by rewrite [RHS]mulmxBr mulmx1 mulmxA EDC mul0mx subr0.
have PaP : a *m P = P *m (a *m P).
  rewrite aP [RHS]mulmxBl mul1mx -(mulmxA G) (mulmxA C) Ca -scalemxAl -mulmxA CP.
  by rewrite !mulmx0 scaler0 mulmx0 subr0.
have DE j : E *m power j D' = power j (E *m D) *m E.
  elim: j => [|j IH]; first by rewrite mulmx1 mul1mx.
  by rewrite !powerS mulmxA EDE -mulmxA IH ED !mulmxA.
have aPj j : power j a' *m P = P *m power j (a *m P).
  elim: j => [|j IH]; first by rewrite mulmx1 mul1mx.
  by rewrite !powerS -mulmxA IH mulmxA -aP {1}PaP -!mulmxA.
have Caj j : C *m power j a' = k ^+ j *: (power j D' *m C).
  elim: j => [|j IH]; first by rewrite mulmx1 mul1mx expr0 scale1r.
  rewrite !powerS mulmxA Ca -scalemxAl -(mulmxA D' C) IH -scalemxAr scalerA exprS.
  by rewrite mulmxA.
have [r [Q [R [H [K [QR HQ RK]]]]]] : exists r (Q : 'M_(n, r)) R H K,
    [/\ Q *m R = C, H *m Q = 1%:M & R *m K = 1%:M].
  have [H HQ] := row_fullP (col_base_full C); have [K RK] := row_freeP (row_base_free C).
  by exists (\rank C), (col_base C), (row_base C), H, K; rewrite mulmx_base.
pose T := H *m D' *m Q; exists r, T.
have DT j : power j D' *m Q = Q *m power j T.
  have D1 : D' *m Q = Q *m T.
    have e : D' *m Q = Q *m (R *m (k^-1 *: a') *m K).
      by rewrite -[LHS]mulmx1 -RK !mulmxA -(mulmxA D') QR DC.
    by rewrite /T -mulmxA e (mulmxA H) HQ mul1mx.
  elim: j => [|j IH]; first by rewrite mulmx1 mul1mx.
  by rewrite !powerS -mulmxA IH (mulmxA D') D1 -mulmxA.
have CGC : R *m G *m Q = 1%:M.
  have : H *m (C *m G *m C) *m K = H *m C *m K by rewrite GC.
  by rewrite -QR !mulmxA HQ mul1mx -!mulmxA RK !mulmx1 !mulmxA.
have gT j : \tr (power j D' *m (C *m G)) = \tr (power j T).
  rewrite -{1}QR -(mulmxA Q) mulmxA DT -mulmxA mxtrace_mulC -mulmxA.
  by rewrite CGC mulmx1.
split=> [|j]; first by have := gT 0%N; rewrite mul1mx mxtrace1.
have link : linked D' 0 a' 0 by exists 0, Y, Z; rewrite !mul0mx subr0 addr0.
have /eqP := same_traces j link; rewrite linearB subr_eq0 => /eqP tj.
rewrite -gT; transitivity (\tr (power j D')).
  by rewrite -DE mxtrace_mulC -mxtraceD -mulmxDr subrK mulmx1.
have -> : k ^+ j * \tr (power j D' *m (C *m G)) = \tr (power j a' *m (G *m C)).
  by rewrite -mxtraceZ mulmxA scalemxAl -Caj -mulmxA mxtrace_mulC -mulmxA.
by rewrite tj -aPj -mxtraceD -mulmxDr subrK mulmx1.
Qed.
End Multiple.
