(* Reversals: every rotation of halves (n, n) or (n, n + 1) is six shears of norms at most
   1, 4, 1, 2, 2, 2, given the first of them.

   Main results, over a real closed field
     orthogonal_reversed   an orthogonal T is reversed by a symmetric K with K^2 = 1 that
                           fixes a given vector, and tr K - tr (K T) = 1 - det T
     orthogonal_product    hence T = K L, both symmetric involutions
     orthogonal_similar    symmetric involutions of one trace are similar by an orthogonal
                           matrix
     six_rotation          an orthogonal M of determinant 1 is six shears of these norms
                           if L W0 * M has orthonormal columns, |W0| <= 1

   Idea.  No eigenvalue is needed.  The reflection s in T e1 - e1 takes T e1 back to e1,
   so s T = diag(1, T'), and by induction some K' that fixes the lower part of T e1
   reverses T'.  If s = 1 then K = diag(1, K'), else K = diag(1, K' T'): the two traces
   change places.  A square root is taken only to turn a given vector into c e1.

   Role.  What integral_involutions.v is for the integers; reversal.v has what both share.
   first_layer.v finds W0.

   References.  Products of two involutions in orthogonal groups: Wonenburger, J. Math.
   Mech. 16 (1966); the six shears are new to our knowledge, see two_involutions.v. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix.
From exactflow Require Import shears two_involutions rotations reversal.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

(* The reflection that takes w to - w. *)
Section Reflections.
Variables (R : realFieldType) (m : nat).
Implicit Types (w x y : 'cV[R]_m) (K : 'M[R]_m).

Definition refl w : 'M_m := 1%:M - (2 / dot w w) *: (w *m w^T).

Lemma dot_eq0 x : (dot x x == 0) = (x == 0).
Proof.
apply/eqP/eqP => [xx|->]; last by rewrite /dot mulmx0 mxE.
by apply: gram_eq0; rewrite [_ *m _]mx11_scalar -/(dot x x) xx -scalemx1 scale0r.
Qed.

Lemma rank1_mul w x : w *m w^T *m x = dot w x *: w.
Proof. by rewrite -mulmxA [w^T *m x]mx11_scalar mul_mx_scalar. Qed.

Lemma refl_mul w x : refl w *m x = x - (2 / dot w w * dot w x) *: w.
Proof. by rewrite mulmxBl mul1mx -scalemxAl rank1_mul scalerA. Qed.

Lemma refl_sym w : (refl w)^T = refl w.
Proof. by rewrite linearB linearZ /= trmx1 trmx_mul trmxK. Qed.

Lemma refl_commute w K : K^T = K -> K *m w = w -> K *m refl w = refl w *m K.
Proof.
move=> symK Kw; rewrite mulmxBr mulmxBl mulmx1 mul1mx -scalemxAr -scalemxAl mulmxA Kw.
by rewrite -mulmxA -[in w^T *m K]symK -trmx_mul Kw.
Qed.

Lemma refl_swap x y : dot x x = dot y y -> refl (x - y) *m x = y.
Proof.
move=> xy; set w := x - y; have ww : dot w w = dot w x *+ 2.
  by rewrite dotB -xy dotDl dotNl [dot y x]dotC mulrnBl mulr2n.
rewrite refl_mul; have [/eqP|w0] := eqVneq (dot w w) 0.
  by rewrite dot_eq0 => /eqP w0; rewrite w0 scaler0 subr0; apply/eqP; rewrite -subr_eq0 -/w w0.
by rewrite mulrAC mulr_natl -ww divff // scale1r opprB addrC subrK.
Qed.

Lemma reflK w : refl w *m refl w = 1%:M.
Proof.
have : 2 / dot w w * (2 / dot w w * dot w w) = 2 / dot w w + 2 / dot w w.
  have [->|ww] := eqVneq (dot w w) 0; first by rewrite invr0 !mulr0 addr0.
  by rewrite divfK // mulr_natr mulr2n.
rewrite /refl; move: (2 / dot w w) => c cc.
rewrite mulmxBl mul1mx -scalemxAl mulmxBr mulmx1 -scalemxAr mulmxA rank1_mul -scalemxAl.
by rewrite scalerBr !scalerA cc scalerDl opprB addrK subrK.
Qed.

Lemma trace_refl w K : w != 0 -> K *m w = w -> \tr (refl w *m K) = \tr K - 2.
Proof.
move=> w0 Kw; rewrite mulmxBl mul1mx linearB /= -scalemxAl linearZ /= -mulmxA mxtrace_mulC.
by rewrite -mulmxA Kw trace_mx11 divfK // dot_eq0.
Qed.

Lemma det_refl w : w != 0 -> \det (refl w) = - 1.
Proof.
move=> w0; pose c := 2 / dot w w; pose N : 'M_(1 + m) := block_mx 1%:M (c *: w^T) w 1%:M.
have <- : \det N = \det (refl w).
  rewrite -[LHS]mul1r -(det_L (- w)) -det_mulmx mul_L mulmx1 subrr mulNmx det_ublock det1 mul1r.
  by rewrite -scalemxAr.
rewrite -[LHS]mul1r -(det_U (- (c *: w^T))) -det_mulmx mul_U mulmx1 subrr det_lblock det1 mulr1.
rewrite mulNmx -scalemxAl [w^T *m w]mx11_scalar -/(dot w w) scale_scalar_mx divfK ?dot_eq0 //.
by rewrite det_mx11 !mxE eqxx !mulr1n [2]mulr2n opprD addrA subrr sub0r det_U.
Qed.
End Reflections.

Section Reversal.
Variable R : rcfType.

Lemma dot_e1 n : dot (e1 R n) (e1 R n) = 1.
Proof. by rewrite /dot tr_col_mx mul_row_col trmx1 mulmx1 mulmx0 addr0 mxE eqxx. Qed.

Lemma refl_reversed_step n a b T (w : 'cV[R]_(1 + n) := col_mx a b) : w != 0 ->
  T^T *m T = 1%:M -> reversed T b -> reversed (refl w *m diag1 T) (e1 _ n).
Proof.
move=> w0; apply: reversed_step (det_refl w0) => K sym Kb.
have Kw : diag1 K *m w = w by rewrite diag1_mul Kb.
have symK : (diag1 K)^T = diag1 K by rewrite diag1_tr sym.
split; first by rewrite trmx_mul symK refl_sym refl_commute.
by rewrite trace_refl // diag1_trace [2]mulr2n opprD addrACA subrr add0r.
Qed.

Lemma to_e1 n (f : 'cV[R]_(1 + n)) :
  exists c, refl (f - c *: e1 R n) *m f = c *: e1 R n.
Proof.
have dotZ a (x y : 'cV[R]_(1 + n)) : dot x (a *: y) = a * dot x y.
  by rewrite /dot -scalemxAr mxE.
exists (Num.sqrt (dot f f)); apply: refl_swap.
by rewrite dotZ dotC dotZ dot_e1 mulr1 -expr2 sqr_sqrtr // dot_ge0.
Qed.

Theorem orthogonal_reversed n (T : 'M[R]_n) f : T^T *m T = 1%:M -> reversed T f.
Proof.
elim: n T f => [|n IH] T f TT.
  by exists 1%:M; rewrite !mul1mx trmx1 [T]flatmx0 trmx0 det_mx00 /mxtrace !big_ord0 !subrr.
have {IH} first (M : 'M[R]_(1 + n)) : M^T *m M = 1%:M -> reversed M (e1 R n).
  move=> MM; pose g : 'cV_(1 + n) := M *m e1 R n.
  have gg : dot g g = dot (e1 R n) (e1 R n) by rewrite dot_mul mulmxA MM mul1mx.
  have sg := refl_swap gg; set w := g - e1 R n in sg.
  have [||T' eT TT'] := @fixes_first R 1 n (refl w *m M); first by rewrite -mulmxA.
    by rewrite trmx_mul refl_sym mulmxA -(mulmxA _ (refl w) (refl w)) reflK mulmx1.
  have -> : M = refl w *m diag1 T' by rewrite /diag1 -eT mulmxA reflK mul1mx.
  have [w0|w0] := eqVneq w 0.
    by rewrite w0 /refl mul0mx scaler0 subr0 mul1mx; apply: reversed_diag1 (IH T' 0 TT').
  by rewrite -[w]vsubmxK; apply: refl_reversed_step; rewrite ?vsubmxK //; apply: IH.
have [c sf] := to_e1 (f : 'cV_(1 + n)); set s := refl _ in sf.
have ss : s *m s = 1%:M by apply: reflK.
apply: (reversed_conj (refl_sym _) ss); rewrite -/s sf.
have [|K [? ? ? Ke ?]] := first (s *m T *m s); first exact: orthogonal_conj (refl_sym _) ss TT.
by exists K; split=> //; rewrite -scalemxAr Ke.
Qed.

Corollary orthogonal_product n (T : 'M[R]_n) : T^T *m T = 1%:M -> exists K L : 'M_n,
  [/\ T = K *m L, K *m K = 1%:M /\ K^T = K, L *m L = 1%:M /\ L^T = L &
      \tr K - \tr L = 1 - \det T].
Proof.
by move=> TT; apply: (reversed_product TT (orthogonal_reversed 0 TT)).
Qed.

(* A symmetric involution other than -1 fixes a vector; a reflection takes it to e1. *)
Lemma involution_step n (S : 'M[R]_(1 + n)) : S^T = S -> S *m S = 1%:M -> S != - 1%:M ->
  exists (h : 'M[R]_(1 + n)) k,
    [/\ h^T *m h = 1%:M, S *m h = h *m diag1 k, k^T = k & k *m k = 1%:M].
Proof.
move=> symS SS; rewrite -subr_eq0 opprK => nS.
have [x x0] : exists x : 'cV[R]_(1 + n), S *m x + x != 0.
  have /matrix0Pn[i [j nij]] := nS; exists (delta_mx j 0).
  rewrite -[X in _ + X]mul1mx -mulmxDl -colE; apply: contra_neq nij => /colP/(_ i).
  by rewrite !mxE.
pose f := S *m x + x; have Sf : S *m f = f by rewrite mulmxDr mulmxA SS mul1mx addrC.
have [c sf] := to_e1 f; set s := refl _ in sf; have ss : s *m s = 1%:M by apply: reflK.
have sym : s^T = s by apply: refl_sym.
have c0 : c != 0.
  by apply: contra_neq x0 => c0; rewrite -/f -[f]mul1mx -ss -mulmxA sf c0 scale0r mulmx0.
have Ne : s *m S *m s *m e1 R n = e1 R n.
  have -> : e1 R n = c^-1 *: (s *m f) by rewrite sf scalerA mulVf // scale1r.
  by rewrite -!scalemxAr -!mulmxA (mulmxA s s) ss mul1mx Sf.
have NN : (s *m S *m s)^T *m (s *m S *m s) = 1%:M.
  by apply: (orthogonal_conj sym ss); rewrite symS.
have [k eN kk] := @fixes_first R 1 n _ Ne NN.
have symk : k^T = k.
  by apply: diag1_inj; rewrite -diag1_tr /diag1 -eN !trmx_mul sym symS mulmxA.
exists s, k; rewrite sym ss symk; split=> //; last by rewrite -{1}symk.
by rewrite /diag1 -eN !mulmxA ss mul1mx.
Qed.

(* Symmetric involutions of one trace are similar by an orthogonal matrix. *)
Theorem orthogonal_similar n (S T : 'M[R]_n) :
  S^T = S -> T^T = T -> S *m S = 1%:M -> T *m T = 1%:M -> \tr S = \tr T ->
  exists2 g, g^T *m g = 1%:M & S *m g = g *m T.
Proof.
elim: n S T => [|n IH] S T symS symT SS TT trST.
  by exists 1%:M; [rewrite trmx1 mulmx1 | rewrite [S]flatmx0 [T]flatmx0 mul0mx mulmx0].
have [g ug Sg] := similar_involutions SS TT trST.
have [S1|nS] := eqVneq S (- 1%:M).
  exists 1%:M; first by rewrite trmx1 mulmx1.
  by apply: (can_inj (mulKmx ug)); rewrite mul1mx mulmx1 -Sg S1 mulNmx mulmxN mulmx1 mul1mx.
have nT : T != - 1%:M.
  apply: contra_neq nS => T1; apply: (can_inj (mulmxK ug)).
  by rewrite Sg T1 mulNmx mulmxN mulmx1 mul1mx.
have [h [k [hh Sh symk kk]]] := @involution_step n S symS SS nS.
have [h' [k' [hh' Th symk' kk']]] := @involution_step n T symT TT nT.
have conj (h0 S0 : 'M[R]_(1 + n)) D : h0^T *m h0 = 1%:M -> S0 *m h0 = h0 *m D -> \tr S0 = \tr D.
  move=> hh0 Sh0; rewrite -[D]mul1mx -hh0 -mulmxA -Sh0 mulmxA mxtrace_mulC mulmxA.
  by rewrite (mulmx1C hh0) mul1mx.
have trk : \tr k = \tr k'.
  by apply: (addrI 1); rewrite -!diag1_trace -(conj h S (diag1 k)) // -(conj h' T (diag1 k')).
have [l ll kl] := IH k k' symk symk' kk kk' trk.
exists (h *m diag1 l *m h'^T).
  rewrite !trmx_mul trmxK -!mulmxA (mulmxA h^T) hh mul1mx (mulmxA (diag1 l)^T).
  by rewrite diag1_tr diag1M ll diag1_1 mul1mx; apply: mulmx1C.
rewrite !mulmxA Sh -(mulmxA h (diag1 k)) diag1M kl -diag1M -!mulmxA; congr (_ *m (_ *m _)).
by rewrite -[RHS]mulmx1 -(mulmx1C hh') mulmxA -(mulmxA h'^T T) Th mulmxA hh' mul1mx.
Qed.

(* K = diag(1, k) reverses Theta, and g carries K Theta to K. *)
Theorem reversal_exists e n (Theta : 'M[R]_(e + n)) : (e <= 1)%N ->
  Theta^T *m Theta = 1%:M -> \det Theta = 1 ->
  exists (k : 'M[R]_n) (g : 'M[R]_(e + n)),
    [/\ k^T *m k = 1%:M, g^T *m g = 1%:M &
        block_mx 1%:M 0 0 k *m Theta *m g = g *m block_mx 1%:M 0 0 k].
Proof.
move=> e1 TT dT; have [|k [symk kk KT KTKT trK]] := reversed_first e1 TT dT.
  by move=> f _; apply: orthogonal_reversed.
have KK : (block_mx 1%:M 0 0 k : 'M_(e + n)) *m block_mx 1%:M 0 0 k = 1%:M.
  by rewrite mulmx_block !mul0mx !mulmx0 mulmx1 !addr0 add0r kk -scalar_mx_block.
have sym : (block_mx 1%:M 0 0 k : 'M_(e + n))^T = block_mx 1%:M 0 0 k.
  by rewrite tr_block_mx trmx1 !trmx0 symk.
have [g gg gK] := orthogonal_similar KT sym KTKT KK trK.
by exists k, g; rewrite symk.
Qed.

(* Only W0 is left to choose. *)
Theorem six_rotation e n (A : 'M[R]_n) (B : 'M_(n, e + n)) (C W0 : 'M_(e + n, n))
    (D : 'M_(e + n)) (u : 'M_(e + n, e)) :
  let Ch : 'M_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M_(e + n) := row_mx ((D + W0 *m B)^T *m u) (D^T *m W0 - B^T) in
  (e <= 1)%N -> (block_mx A B C D)^T *m block_mx A B C D = 1%:M ->
  \det (block_mx A B C D) = 1 -> Ch^T *m Ch = 1%:M -> Jh^T *m Jh = 1%:M -> bounded 1 W0 ->
  exists X Y Z W V,
    block_mx A B C D = L (- W0) *m U X *m L Y *m U Z *m L W *m U V /\
    [/\ bounded 4 X, bounded 1 Y, bounded 2 Z, bounded 2 W & bounded 2 V].
Proof.
move=> Ch Jh e1 oM dM oC oJ bW0.
have oT : (Jh^T *m Ch)^T *m (Jh^T *m Ch) = 1%:M.
  by rewrite trmx_mul trmxK -mulmxA (mulmxA Jh) (mulmx1C oJ) mul1mx.
have dT : \det (Jh^T *m Ch) = 1 by rewrite -dM; apply: det_Theta.
have [k [g [kk gg gK]]] := reversal_exists e1 oT dT.
exact: six_bounded oM oC oJ kk gg bW0 gK.
Qed.
End Reversal.
