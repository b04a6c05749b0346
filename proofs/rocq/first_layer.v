(* Rotations: the first of the six shears, for every orthogonal matrix.

   M = [A B; C D] is orthogonal, with halves of n and e + n entries.

   Main results
     first_layer   some W0 of norm at most 1 makes the columns of C + W0 A orthonormal,
                   completed to an orthogonal matrix by some u, and so J and v of
                   two_involutions.v
     six_every_rotation   hence, over a real closed field, every M of determinant 1 is six
                   shears of norms at most 1, 4, 1, 2, 2, 2, for halves (n, n), (n, n + 1)

   Plan.  The singular values give the polar decomposition [0 C] = O H of a square matrix:
   O is orthogonal, H symmetric and >= 0.  With G = (1 + H)^-1 let W0 = O G [0 A]^T.  Since
   [0 A]^T [0 A] = diag(0, 1) - H^2, the columns of C + W0 A are the last n of O; u is the
   others.  No basis is chosen, and nothing depends on which singular values agree.

   Role.  The end of the proof that begins in two_involutions.v: nothing is assumed of M.

   References.  The construction is new to our knowledge; see two_involutions.v. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix.
From exactflow Require Import shears rotations real_reversal real_spectral.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Section FirstLayer.
Variables (R : rcfType) (e n : nat).
Variables (A : 'M[R]_n) (B : 'M[R]_(n, e + n)) (C : 'M[R]_(e + n, n)) (D : 'M[R]_(e + n)).
Hypothesis orthM : (block_mx A B C D)^T *m block_mx A B C D = 1%:M.

(* Jh = [B; D]^T G, and [A; C]^T G = [0, - Z^T] with Z Z^T = W0^T W0; the squares of [A; C]
   and [B; D] add up to 1. *)
Lemma orthogonal_J (W0 : 'M_(e + n, n)) (u : 'M_(e + n, e)) :
  let Ch : 'M_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M_(e + n) := row_mx ((D + W0 *m B)^T *m u) (D^T *m W0 - B^T) in
  Ch^T *m Ch = 1%:M -> W0^T *m Ch = row_mx 0 (A - W0^T *m C) -> Jh^T *m Jh = 1%:M.
Proof.
move=> Ch Jh oC W0Ch; set Z := A - _ in W0Ch.
have ZZ : Z *m Z^T = W0^T *m W0.
  have := congr1 (fun X => X *m X^T) W0Ch; rewrite /= trmx_mul trmxK mulmxA -(mulmxA _ Ch).
  by rewrite (mulmx1C oC) mulmx1 tr_row_mx mul_row_col trmx0 mul0mx add0r => ->.
move: W0Ch; rewrite mul_mx_row => /eq_row_mx[W0u _].
have [uu C'u] : u^T *m u = 1%:M /\ (C + W0 *m A)^T *m u = 0.
  by move: oC; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
have Cu : C^T *m u = 0.
  by move: C'u; rewrite [(_ + _)^T]linearD /= mulmxDl trmx_mul -mulmxA W0u mulmx0 addr0.
have uW0 : u^T *m W0 = 0 by rewrite -[LHS]trmxK trmx_mul trmxK W0u trmx0.
pose G : 'M_(n + (e + n), e + n) := block_mx 0 (- 1%:M) u W0.
have -> : Jh = (col_mx B D)^T *m G.
  rewrite tr_col_mx mul_row_block mulmx0 add0r mulmxN mulmx1 [- _ + _]addrC; congr row_mx.
  by rewrite [(_ + _)^T]linearD /= mulmxDl trmx_mul -mulmxA W0u mulmx0 addr0.
have NG : (col_mx A C)^T *m G = row_mx 0 (- Z^T).
  rewrite tr_col_mx mul_row_block mulmx0 add0r mulmxN mulmx1 Cu [Z^T]linearB /= opprB trmx_mul.
  by rewrite trmxK addrC.
have BD : col_mx B D *m (col_mx B D)^T = 1%:M - col_mx A C *m (col_mx A C)^T.
  move: (mulmx1C orthM); rewrite block_mxEh tr_row_mx mul_row_col.
  by move/(canRL (addKr _)) => ->; rewrite addrC.
rewrite trmx_mul trmxK mulmxA -(mulmxA G^T) BD mulmxBr mulmx1 mulmxBl.
have -> : G^T *m (col_mx A C *m (col_mx A C)^T) *m G = block_mx 0 0 0 (W0^T *m W0).
  rewrite mulmxA -mulmxA NG -[col_mx A C]trmxK -trmx_mul NG tr_row_mx mul_col_row trmx0.
  by rewrite !mul0mx !mulmx0 [(- Z^T)^T]linearN /= trmxK mulNmx mulmxN opprK ZZ.
rewrite tr_block_mx mulmx_block !trmx0 [(- 1%:M)^T]linearN /= trmx1.
rewrite !(mul0mx, mulmx0, add0r, addr0) uu W0u uW0.
rewrite mulNmx mulmxN opprK mulmx1 opp_block_mx add_block_mx !(oppr0, addr0) addrK.
by rewrite [RHS]scalar_mx_block.
Qed.

Lemma bounded_diag m (g : 'rV[R]_m) : (forall i, 0 <= g 0 i <= 1) -> bounded 1 (diag_mx g).
Proof.
move=> g01 x; rewrite expr1n mul1r /dot mul_diag_mx !mxE ler_sum // => i _; rewrite !mxE.
by have /andP[g0 g1] := g01 i; rewrite -!expr2 exprMn ler_piMl ?sqr_ge0 ?exprn_ile1.
Qed.

Theorem first_layer : exists (W0 : 'M_(e + n, n)) (u : 'M_(e + n, e)),
  let Ch : 'M_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M_(e + n) := row_mx ((D + W0 *m B)^T *m u) (D^T *m W0 - B^T) in
  [/\ Ch^T *m Ch = 1%:M, Jh^T *m Jh = 1%:M & bounded 1 W0].
Proof.
have [P [Q [d [PP QQ d0 XE]]]] := singular_values (row_mx 0 C : 'M_(e + n)).
pose g := \row_i (1 + d 0 i)^-1; have d1 i : 1 + d 0 i != 0 by rewrite gt_eqF // ltr_pwDl.
pose O := P *m Q^T; pose H := Q *m diag_mx d *m Q^T; pose G := Q *m diag_mx g *m Q^T.
have OO : O^T *m O = 1%:M.
  by rewrite trmx_mul trmxK -mulmxA [P^T *m _]mulmxA PP mul1mx; apply: mulmx1C.
have OH : O *m H = row_mx 0 C by rewrite XE /O /H !mulmxA -(mulmxA P Q^T) QQ mulmx1.
have HT : H^T = H by rewrite !trmx_mul trmxK tr_diag_mx mulmxA.
have GT : G^T = G by rewrite !trmx_mul trmxK tr_diag_mx mulmxA.
have GH : G *m H = 1%:M - G.
  have -> : 1%:M - G = Q *m (1%:M - diag_mx g) *m Q^T.
    by rewrite mulmxBr mulmx1 mulmxBl (mulmx1C QQ).
  rewrite /G /H !mulmxA -(mulmxA _ Q^T Q) QQ mulmx1 -(mulmxA Q); congr (_ *m _ *m _).
  rewrite mulmx_diag -diag_const_mx -raddfB /=; congr diag_mx; apply/rowP=> i; rewrite !mxE.
  by rewrite -[X in _ * X](addKr 1) mulrDr mulrN1 mulVf // addrC.
have bG : bounded 1 (O *m G).
  rewrite -[1]mulr1; apply: bounded_mul; first exact: bounded_isometry.
  rewrite -[1]mulr1; apply: bounded_mul; last by apply/bounded_tr/bounded_isometry.
  rewrite -[1]mulr1; apply: bounded_mul; first exact: bounded_isometry.
  by apply: bounded_diag => i; rewrite mxE invr_ge0 invf_le1 ?ltr_pwDl // addr_ge0 //= lerDl.
clearbody G; clearbody H; clearbody O; clear P Q d PP QQ d0 XE g d1.
pose F : 'M[R]_(e + n) := block_mx 0 0 0 1%:M; pose Ah : 'M_(n, e + n) := row_mx 0 A.
have HF : H *m F = H.
  have -> : H = O^T *m row_mx 0 C by rewrite -OH mulmxA OO mul1mx.
  by rewrite -mulmxA mul_row_block; blocks.
have AA : Ah^T *m Ah = F - H *m H.
  have -> : H *m H = (row_mx 0 C)^T *m row_mx 0 C.
    by rewrite -OH trmx_mul -mulmxA [O^T *m _]mulmxA OO mul1mx HT.
  rewrite !tr_row_mx !mul_col_row !trmx0 !mul0mx !mulmx0.
  move: orthM; rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[AC _ _ _].
  by rewrite opp_block_mx add_block_mx !(oppr0, addr0) -AC addrK.
have GF : G *m F = F - G *m H by rewrite -{1}[G](subKr 1%:M) -GH mulmxBl mul1mx -mulmxA HF.
have GAA : G *m (Ah^T *m Ah) = F - H.
  by rewrite AA mulmxBr GF mulmxA {2}GH mulmxBl mul1mx opprB addrA subrK.
have OF : O *m F = row_mx 0 (rsubmx O) by rewrite -{1}[O]hsubmxK mul_row_block; blocks.
pose W0 : 'M_(e + n, n) := O *m G *m Ah^T; exists W0, (lsubmx O) => Ch Jh.
have ChE : Ch = O.
  have : row_mx 0 C + W0 *m Ah = row_mx 0 (rsubmx O) :> 'M_(e + n).
    by rewrite -!mulmxA GAA mulmxBr OH OF addrC subrK.
  by rewrite mul_mx_row add_row_mx => /eq_row_mx[_ C'E]; rewrite /Ch C'E hsubmxK.
split; first by rewrite ChE.
  apply: orthogonal_J; rewrite -/Ch ChE //.
  have -> : row_mx 0 (A - W0^T *m C) = Ah - W0^T *m (O *m H).
    by rewrite OH mul_mx_row mulmx0 opp_row_mx add_row_mx subr0.
  have WO : W0^T *m O = Ah *m G by rewrite !trmx_mul trmxK GT -!mulmxA OO mulmx1.
  by rewrite mulmxA WO -mulmxA GH mulmxBr mulmx1 subKr.
rewrite -[1]mulr1; apply: bounded_mul bG _; apply: (@bounded_gram _ _ _ _ _ B^T).
rewrite !trmxK tr_row_mx mul_row_col trmx0 mulmx0 add0r.
by move: (mulmx1C orthM); rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[].
Qed.
End FirstLayer.

Theorem six_every_rotation (R : rcfType) e n (M : 'M[R]_(n + (e + n))) :
  (e <= 1)%N -> M^T *m M = 1%:M -> \det M = 1 ->
  exists W0 X Y Z W V,
  [/\ M = L W0 *m U X *m L Y *m U Z *m L W *m U V, bounded 1 W0, bounded 4 X, bounded 1 Y &
      [/\ bounded 2 Z, bounded 2 W & bounded 2 V]].
Proof.
rewrite -[M]submxK => e1 oM dM; have [W0 [u [oC oJ bW0]]] := first_layer oM.
have [X [Y [Z [W [V [eM [bX bY bZ bW bV]]]]]]] := six_rotation e1 oM dM oC oJ bW0.
exists (- W0), X, Y, Z, W, V; split=> // x.
by rewrite mulNmx dotNl dotC dotNl opprK; apply: bW0.
Qed.
