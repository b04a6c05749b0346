(* Gaussians: which covariances two couplings generate, or one. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import ssralg ssrnum zmodp matrix mxalgebra.
From exactflow.certificates Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Local Open Scope ring_scope.

(* The algebra of Gaussians: which covariances one and two couplings generate.

   From white noise a flow with matrix F generates N(0, F F^T).

   Main results
     two_layers      U (X, D1) L (T, D2) generates Sigma if T T^T = B - D2 D2^T
                     and the Schur complement of B is D1 (1 - T^T B^-1 T) D1^T
     two_layers_R    the same with T = D2 R, from the two equations for R:
                     R R^T = D2^-1 B D2^-1 - 1 and R^T R = D1 S^-1 D1 - 1
     one_layer       one coupling that moves the second half generates Sigma iff
                     Sigma11 = 1 and the Schur complement is its squared scales *)
Section Gaussians.
Variables (R : comUnitRingType) (p q : nat).
Implicit Types (A : 'M[R]_p) (B : 'M[R]_q) (C X : 'M[R]_(p, q)) (T : 'M[R]_(q, p)).

Definition covariance m (F : 'M[R]_m) := F *m F^T.

Lemma two_layers_product (D1 : 'M[R]_p) X T (D2 : 'M[R]_q) :
  block_mx D1 X 0 1%:M *m block_mx 1%:M 0 T D2 = block_mx (D1 + X *m T) (X *m D2) T D2.
Proof. by rewrite mulmx_block !mulmx1 !mulmx0 ?mul0mx !mul1mx !add0r. Qed.

Theorem two_layers A B C (D1 : 'M[R]_p) (D2 : 'M[R]_q) T :
  B \in unitmx -> B^T = B -> T *m T^T = B - D2 *m D2^T ->
  A - C *m invmx B *m C^T = D1 *m (1%:M - T^T *m invmx B *m T) *m D1^T ->
  let X := (C - D1 *m T^T) *m invmx B in
  covariance (block_mx D1 X 0 1%:M *m block_mx 1%:M 0 T D2) = block_mx A C C^T B.
Proof.
move=> uB symB eqT eqS X.
have XB : X *m B = C - D1 *m T^T by rewrite mulmxKV.
have XE : X = (C - D1 *m T^T) *m invmx B by [].
have XT : X^T = invmx B *m (C^T - T *m D1^T).
  by rewrite trmx_mul trmx_inv symB linearB /= trmx_mul trmxK.
clearbody X.
have eqB : T *m T^T + D2 *m D2^T = B by rewrite eqT subrK.
rewrite two_layers_product /covariance tr_block_mx mulmx_block.
have ur : (D1 + X *m T) *m T^T + X *m D2 *m D2^T = C.
  by rewrite mulmxDl -!mulmxA -addrA -mulmxDr eqB XB addrC subrK.
have -> : T *m (D1 + X *m T)^T + D2 *m (X *m D2)^T = C^T.
  by rewrite -ur [in RHS]linearD /= !trmx_mul !trmxK.
have ul : (D1 + X *m T) *m (D1 + X *m T)^T + X *m D2 *m (X *m D2)^T
    = (D1 + X *m T) *m D1^T + C *m X^T.
  rewrite [in X in X + _ = _]linearD /= [in X in X + _ = _]trmx_mul mulmxDr.
  by rewrite [(X *m D2)^T]trmx_mul !mulmxA -addrA -mulmxDl ur.
have AE : A = D1 *m (1%:M - T^T *m invmx B *m T) *m D1^T + C *m invmx B *m C^T.
  by rewrite -eqS subrK.
rewrite ur ul eqB XT; congr block_mx; rewrite [RHS]AE XE.
rewrite !(mulmxDl, mulmxDr, mulmxBl, mulmxBr) ?mulmx1 !mulmxA.
rewrite !(mulNmx, mulmxN) !mulmxA -!addrA; congr (_ + _).
by rewrite addrC -!addrA addNr addr0.
Qed.

Lemma inverse_of_product n (M N : 'M[R]_n) : M \in unitmx -> N \in unitmx ->
  invmx (M *m N) = invmx N *m invmx M.
Proof.
move=> uM uN; have e : M *m N *m (invmx N *m invmx M) = 1%:M.
  by rewrite mulmxA mulmxK // mulmxV.
by rewrite -[LHS]mulmx1 -e mulKmx // unitmx_mul uM.
Qed.

(* push-through: 1 - R^T (1 + R R^T)^-1 R inverts 1 + R^T R *)
Lemma push_through (Q : 'M[R]_(q, p)) :
  1%:M + Q *m Q^T \in unitmx ->
  (1%:M + Q^T *m Q) *m (1%:M - Q^T *m invmx (1%:M + Q *m Q^T) *m Q) = 1%:M.
Proof.
move=> uQ; rewrite mulmxBr mulmx1 !mulmxA mulmxDl mul1mx.
have -> : Q^T + Q^T *m Q *m Q^T = Q^T *m (1%:M + Q *m Q^T).
  by rewrite mulmxDr mulmx1 mulmxA.
by rewrite mulmxK // addrK.
Qed.

(* the equations of the theorem, for a square root T = D2 R; S is the Schur
   complement of B, and D1, D2 are symmetric, as diagonal matrices are *)
Theorem two_layers_R A B C (D1 : 'M[R]_p) (D2 : 'M[R]_q) (Q : 'M[R]_(q, p)) :
  let S := A - C *m invmx B *m C^T in
  [/\ B \in unitmx, B^T = B, S \in unitmx, D1 \in unitmx & D2 \in unitmx] ->
  D1^T = D1 -> D2^T = D2 ->
  Q *m Q^T = invmx D2 *m B *m invmx D2 - 1%:M ->
  Q^T *m Q = D1 *m invmx S *m D1 - 1%:M ->
  exists X : 'M[R]_(p, q),
  covariance (block_mx D1 X 0 1%:M *m block_mx 1%:M 0 (D2 *m Q) D2) = block_mx A C C^T B.
Proof.
move=> S [uB symB uS u1 u2] sym1 sym2 eqQ eqS.
exists ((C - D1 *m (D2 *m Q)^T) *m invmx B); apply: two_layers => //.
  rewrite trmx_mul sym2 mulmxA -[D2 *m Q *m Q^T]mulmxA eqQ mulmxBr mulmx1 mulmxBl.
  by rewrite !mulmxA mulmxV // mul1mx mulmxKV.
have eqB : invmx B = invmx D2 *m invmx (1%:M + Q *m Q^T) *m invmx D2.
  have -> : 1%:M + Q *m Q^T = invmx D2 *m B *m invmx D2 by rewrite eqQ addrC subrK.
  rewrite !inverse_of_product ?unitmx_mul ?unitmx_inv ?u2 ?uB // !invmxK.
  by rewrite !mulmxA mulVmx // mul1mx mulmxK.
have uQ : 1%:M + Q *m Q^T \in unitmx.
  by rewrite eqQ addrC subrK !unitmx_mul !unitmx_inv u2 uB.
have -> : (D2 *m Q)^T *m invmx B *m (D2 *m Q) = Q^T *m invmx (1%:M + Q *m Q^T) *m Q.
  rewrite trmx_mul sym2 eqB !mulmxA mulmxK // -!mulmxA.
  by rewrite [invmx D2 *m (D2 *m Q)]mulmxA mulVmx // mul1mx.
have one := push_through uQ; have [uI _] := mulmx1_unit one.
rewrite -[X in D1 *m X](mulKmx uI) one mulmx1.
have -> : 1%:M + Q^T *m Q = D1 *m invmx S *m D1 by rewrite eqS addrC subrK.
rewrite !inverse_of_product ?unitmx_mul ?unitmx_inv ?u1 ?uS // invmxK sym1.
by rewrite !mulmxA mulmxV // mul1mx mulmxKV.
Qed.

(* one coupling that moves the second half, with the squares of its scales *)
Theorem one_layer A B C (D2 : 'M[R]_q) :
  B^T = B ->
  (exists T, covariance (block_mx 1%:M 0 T D2) = block_mx A C C^T B) <->
  A = 1%:M /\ B - C^T *m C = D2 *m D2^T.
Proof.
move=> symB; split=> [[T]|[-> eqS]].
  rewrite /covariance tr_block_mx mulmx_block trmx1 trmx0 !mulmx1 !mul1mx !mulmx0 !mul0mx !addr0.
  case/eq_block_mx => -> <- _ <-; split=> //.
  by rewrite trmxK addrC addKr.
exists C^T; rewrite /covariance tr_block_mx mulmx_block trmx1 trmx0.
rewrite !mulmx1 !mul1mx !mulmx0 !mul0mx !addr0 trmxK -eqS addrC subrK //.
Qed.
End Gaussians.

(* Couplings with positive scales for a given Gaussian: two exist if the halves have
   one or two entries; when one exists, for every size.

   Main results, for Sigma positive definite over a real closed field
     spiked_small          scales e > 0 turn N, positive definite of size 1 or 2, into
                           the identity and a spike of any length that is large
                           enough: diag(e) N diag(e) = 1 + x x^T with x^T x = rho
     two_layers_exist      hence, for halves of these sizes, some U (X, D1) L (T, D2)
                           generates Sigma, with D1, D2 > 0 diagonal
     two_layers_exist_LU   and so does some L (T, D2) U (X, D1)
     one_layer_L           some L (T, D2) does iff Sigma11 = 1 and the Schur complement
                           is diagonal, for every size
     one_layer_U           the same for U (X, D1), with Sigma22 *)
Section PositiveDefinite.
Variable R : rcfType.

Definition posdef n (M : 'M[R]_n) :=
  M^T = M /\ forall x : 'cV_n, x != 0 -> 0 < (x^T *m M *m x) 0 0.

Lemma posdef_unit n (M : 'M[R]_n) : posdef M -> M \in unitmx.
Proof.
case=> _ pos; rewrite -row_free_unit -kermx_eq0; apply/rowV0P => v /sub_kermxP vM.
apply/eqP; apply: contraT => nv; have := pos v^T.
by rewrite trmxK vM mul0mx mxE ltxx trmx_eq0 => /(_ nv).
Qed.

Lemma posdef_diag n (M : 'M[R]_n) i : posdef M -> 0 < M i i.
Proof.
case=> _ /(_ (delta_mx i 0)); rewrite trmx_delta -rowE -colE !mxE; apply.
by apply/eqP => /matrixP/(_ i 0)/eqP; rewrite !mxE !eqxx oner_eq0.
Qed.

Lemma posdef_congruent m n (M : 'M[R]_m) (K : 'M_(m, n)) L :
  L *m K = 1%:M -> posdef M -> posdef (K^T *m M *m K).
Proof.
move=> LK [sym pos]; split=> [|x nx]; first by rewrite !trmx_mul trmxK sym mulmxA.
rewrite !mulmxA -trmx_mul -mulmxA; apply: pos; apply: contra_neq nx => Kx.
by rewrite -[x]mul1mx -LK -mulmxA Kx mulmx0.
Qed.

Lemma posdef_inv n (M : 'M[R]_n) : posdef M -> posdef (invmx M).
Proof.
move=> pM; have uM := posdef_unit pM; have := posdef_congruent (mulmxV uM) pM.
by rewrite trmx_inv pM.1 mulVmx // mul1mx.
Qed.

Section Blocks.
Variables (p q : nat) (A : 'M[R]_p) (B : 'M[R]_q) (C : 'M[R]_(p, q)).

Lemma posdef_exchange : posdef (block_mx A C C^T B) -> posdef (block_mx B C^T C^T^T A).
Proof.
pose K : 'M[R]_(p + q, q + p) := block_mx 0 1%:M 1%:M 0.
have KK : K^T *m K = 1%:M.
  by rewrite tr_block_mx !(trmx0, trmx1) mulmx_block; expand; rewrite -scalar_mx_block.
rewrite trmxK => /(posdef_congruent KK); rewrite tr_block_mx !(trmx0, trmx1) !mulmx_block.
by expand.
Qed.

Lemma posdef_dr : posdef (block_mx A C C^T B) -> posdef B.
Proof.
have LK : row_mx (0 : 'M[R]_(q, p)) 1%:M *m col_mx 0 1%:M = 1%:M.
  by rewrite mul_row_col; expand.
by move/(posdef_congruent LK); rewrite tr_col_mx trmx0 trmx1 mul_row_block mul_row_col; expand.
Qed.

Lemma posdef_schur : posdef (block_mx A C C^T B) -> posdef (A - C *m invmx B *m C^T).
Proof.
move=> pM; pose K : 'M_(p + q, p) := col_mx 1%:M (- (invmx B *m C^T)).
have LK : row_mx 1%:M 0 *m K = 1%:M by rewrite mul_row_col mul0mx addr0 mulmx1.
have := posdef_congruent LK pM; rewrite -mulmxA mul_block_col !mulmx1 !mulmxN.
rewrite mulKVmx ?(posdef_unit (posdef_dr pM)) // subrr.
by rewrite tr_col_mx trmx1 mul_row_col mulmx0 addr0 mul1mx mulmxA.
Qed.
End Blocks.

Definition spiked n := forall N : 'M[R]_n, posdef N ->
  exists r : R, forall rho, r <= rho -> exists (e : 'rV_n) (x : 'cV_n),
  [/\ forall i, 0 < e 0 i, diag_mx e *m N *m diag_mx e = 1%:M + x *m x^T
    & x^T *m x = rho%:M].

Lemma square_root (x y : R) : 0 <= x -> 0 < y -> exists2 s : R, 0 < s & s ^+ 2 * y = 1 + x.
Proof.
move=> x0 y0; have y1 : 0 < (1 + x) / y by rewrite divr_gt0 // ltr_pwDl.
by exists (Num.sqrt ((1 + x) / y)); rewrite ?sqrtr_gt0 // sqr_sqrtr ?ltW // divfK ?gt_eqF.
Qed.

Lemma spiked_1 : spiked 1.
Proof.
move=> N /posdef_diag-/(_ 0) a0; exists 0 => rho rho0.
have [e e0 ee] := square_root rho0 a0.
exists e%:M, (Num.sqrt rho)%:M; split; first by move=> i; rewrite ord1 mxE.
  apply/matrixP => i j; rewrite !ord1 mul_diag_mx mul_mx_diag !mxE big_ord1 !mxE !mulr1n.
  by rewrite mulrAC -!expr2 ee sqr_sqrtr.
by rewrite tr_scalar_mx -scalar_mxM -expr2 sqr_sqrtr.
Qed.

Lemma sum_of_squares_and_product (rho p : R) :
  `|p *+ 2| <= rho -> exists u v : R, u ^+ 2 + v ^+ 2 = rho /\ u * v = p.
Proof.
rewrite ler_norml -subr_ge0 opprK addrC => /andP[ge_p]; rewrite -subr_ge0 => ge_m.
pose g := Num.sqrt ((rho + p *+ 2) / 4%:R); pose h := Num.sqrt ((rho - p *+ 2) / 4%:R).
have gg : g ^+ 2 = (rho + p *+ 2) / 4%:R by rewrite sqr_sqrtr ?divr_ge0.
have hh : h ^+ 2 = (rho - p *+ 2) / 4%:R by rewrite sqr_sqrtr ?divr_ge0.
have four (x : R) : x *+ 2 *+ 2 / 4%:R = x.
  by rewrite -mulrnA -[x *+ _]mulr_natr mulfK ?pnatr_eq0.
exists (g + h), (g - h); split.
  rewrite sqrrD sqrrB ![_ + _ + h ^+ 2]addrAC addrACA subrr addr0 gg hh -!mulrDl.
  by rewrite [rho + _ + _]addrACA subrr addr0 -!mulr2n four.
by rewrite mulrC -subr_sqr gg hh -mulrBl opprB addrC addrA subrK -mulr2n four.
Qed.

(* with d the determinant, s^2 d = 1 + rho = det (1 + x x^T) gives the product s of
   the scales, and so u v = s b *)
Lemma spike (a b c : R) : 0 < c -> 0 < a * c - b ^+ 2 ->
  exists r : R, forall rho, r <= rho -> exists e f u v : R,
  [/\ 0 < e, 0 < f, u ^+ 2 + v ^+ 2 = rho
    & [/\ e ^+ 2 * a = 1 + u ^+ 2, e * f * b = u * v & f ^+ 2 * c = 1 + v ^+ 2]].
Proof.
move=> c0; set d := a * c - b ^+ 2 => d0; pose k := b ^+ 2 / d.
have k0 : 0 <= k *+ 4 by rewrite mulrn_wge0 // divr_ge0 ?sqr_ge0 ?ltW.
exists (1 + k *+ 4) => rho le_r.
have rho0 : 0 < rho by apply: lt_le_trans le_r; rewrite ltr_pwDl.
have [s s0 ss] := square_root (ltW rho0) d0.
have [|u [v [uv_rho uv]]] := @sum_of_squares_and_product rho (s * b).
  rewrite -ler_sqr ?nnegrE ?(ltW rho0) // real_normK ?num_real // exprMn_n exprMn.
  have -> : b ^+ 2 = d * k by rewrite mulrC divfK ?gt_eqF.
  rewrite mulrA ss -mulrnAr mulrDl mul1r expr2 (le_trans _ (ler_wpM2l (ltW rho0) le_r)) //.
  by rewrite [rho * (1 + _)]mulrDr mulr1 lerD2r (le_trans _ le_r) // lerDr.
have [f f0 ff] := square_root (sqr_ge0 v) c0.
exists (s / f), f, u, v; split; rewrite ?divr_gt0 //; split; rewrite ?divfK ?gt_eqF //.
have v1 : 1 + v ^+ 2 != 0 by rewrite gt_eqF // ltr_pwDl ?sqr_ge0.
apply: (mulfI v1); rewrite -{1}ff mulrACA -exprMn [f * _]mulrC divfK ?gt_eqF // [c * a]mulrC.
rewrite -[a * c](subrK (b ^+ 2)) mulrDr ss -exprMn -uv exprMn -uv_rho.
by rewrite mulrDr mulr1 mulrDl mul1r [v ^+ 2 * _]mulrC; sums.
Qed.

Lemma spiked_2 : spiked (1 + 1).
Proof.
move=> N pN; have sym : dlsubmx N = (ursubmx N)^T by rewrite trmx_ursub pN.1.
have := pN; rewrite -[N]submxK sym.
rewrite [ulsubmx N]mx11_scalar [ursubmx N]mx11_scalar [drsubmx N]mx11_scalar.
move: (ulsubmx N 0 0) (ursubmx N 0 0) (drsubmx N 0 0) => a b c pM.
have := posdef_diag 0 (posdef_schur pM); have := posdef_diag 0 (posdef_dr pM).
rewrite tr_scalar_mx invmx_scalar -!scalar_mxM -raddfB !mxE !mulr1n => c0.
rewrite -(pmulr_lgt0 _ c0) mulrBl mulrAC divfK ?gt_eqF // -expr2.
case/(spike c0) => r h; exists r => rho /h[e [f [u [v [e0 f0 uv [eu euv ev]]]]]].
exists (row_mx (const_mx e) (const_mx f)), (col_mx u%:M v%:M); split.
- by move=> i; rewrite mxE; case: splitP => j _; rewrite mxE.
- rewrite diag_mx_row !diag_const_mx tr_col_mx mul_col_row !mulmx_block.
  rewrite !(mul0mx, mulmx0, addr0, add0r) !tr_scalar_mx -!scalar_mxM (@scalar_mx_block _ 1 1).
  rewrite add_block_mx !add0r -!raddfD -!expr2 -eu -ev [v * u]mulrC -euv.
  by congr block_mx; congr _%:M; rewrite ?expr2 mulrAC ?[f * e]mulrC.
by rewrite tr_col_mx mul_row_col !tr_scalar_mx -!scalar_mxM -raddfD -!expr2 uv.
Qed.

Lemma spiked_small n : (0 < n <= 2)%N -> spiked n.
Proof. by case: n => [|[|[|]]] // _; [apply: spiked_1 | apply: spiked_2]. Qed.

Theorem two_layers_exist p q (A : 'M[R]_p) (B : 'M[R]_q) C :
  (0 < p <= 2)%N -> (0 < q <= 2)%N -> posdef (block_mx A C C^T B) ->
  exists (s1 : 'rV_p) (s2 : 'rV_q) X T, [/\ forall i, 0 < s1 0 i, forall i, 0 < s2 0 i
    & covariance (block_mx (diag_mx s1) X 0 1%:M *m block_mx 1%:M 0 T (diag_mx s2))
      = block_mx A C C^T B].
Proof.
move=> /spiked_small spk_p /spiked_small spk_q pM.
have [pB pS] := (posdef_dr pM, posdef_schur pM).
have [r1 h1] := spk_p _ (posdef_inv pS); have [r2 h2] := spk_q _ pB.
pose rho := Num.max 1 (Num.max r1 r2).
have [|e1 [x [pos1 eqx xx]]] := h1 rho; first by rewrite !le_max lexx orbT.
have [|e2 [y [pos2 eqy yy]]] := h2 rho; first by rewrite !le_max lexx !orbT.
have rho0 : 0 < rho by rewrite lt_max ltr01.
pose s2 := \row_i (e2 0 i)^-1.
have ds : diag_mx s2 *m diag_mx e2 = 1%:M.
  rewrite mulmx_diag -diag_const_mx; congr diag_mx; apply/rowP => i.
  by rewrite !mxE mulVf // gt_eqF.
have [us _] := mulmx1_unit ds.
have is2 : invmx (diag_mx s2) = diag_mx e2 by rewrite -[LHS]mulmx1 -ds mulKmx.
have u1 : diag_mx e1 \in unitmx.
  by rewrite unitmxE det_diag unitfE; apply/prodf_neq0 => i _; rewrite gt_eqF.
pose outer m n (v : 'cV_m) (w : 'cV_n) := (Num.sqrt rho)^-1 *: (v *m w^T).
have outerE m n (v : 'cV_m) (w : 'cV_n) : w^T *m w = rho%:M ->
    outer _ _ v w *m outer _ _ w v = v *m v^T.
  move=> ww; rewrite -scalemxAl -scalemxAr scalerA mulmxA -[v *m w^T *m w]mulmxA ww.
  rewrite mul_mx_scalar -scalemxAl scalerA -invfM -expr2 sqr_sqrtr ?ltW //.
  by rewrite mulVf ?scale1r ?gt_eqF.
have outerT m n (v : 'cV_m) (w : 'cV_n) : (outer _ _ v w)^T = outer _ _ w v.
  by rewrite linearZ /= trmx_mul trmxK.
have [||||| X eqX] := @two_layers_R _ p q A B C (diag_mx e1) (diag_mx s2) (outer _ _ y x).
- by split=> //; [apply: posdef_unit | apply: pB.1 | apply: posdef_unit].
- exact: tr_diag_mx.
- exact: tr_diag_mx.
- by rewrite outerT outerE // is2 eqy addrC addKr.
- by rewrite outerT outerE // eqx addrC addKr.
exists e1, s2, X, (diag_mx s2 *m outer _ _ y x).
by split=> // i; rewrite mxE invr_gt0.
Qed.

(* one coupling, with positive scales s *)
Theorem one_layer_L p q (A : 'M[R]_p) (B : 'M[R]_q) C : posdef (block_mx A C C^T B) ->
  (exists (s : 'rV_q) T, (forall i, 0 < s 0 i) /\
     covariance (block_mx 1%:M 0 T (diag_mx s)) = block_mx A C C^T B) <->
  A = 1%:M /\ is_diag_mx (B - C^T *m C).
Proof.
move=> pM; have one := one_layer A C _ (posdef_dr pM).1.
split=> [[s [T [_ eqs]]]|[A1 /diag_mxP[d eqd]]].
  have [|-> ->] := (one (diag_mx s)).1; first by exists T.
  by rewrite tr_diag_mx mulmx_diag diag_mx_is_diag.
have d0 i : 0 < d 0 i.
  have := posdef_diag i (posdef_schur (posdef_exchange pM)).
  by rewrite trmxK A1 invmx1 mulmx1 eqd mxE eqxx.
pose s := \row_i Num.sqrt (d 0 i); exists s.
have [|T eqT] := (one (diag_mx s)).2; last by exists T; split=> // i; rewrite mxE sqrtr_gt0.
split=> //; rewrite eqd tr_diag_mx mulmx_diag; congr diag_mx; apply/rowP => i.
by rewrite !mxE -expr2 sqr_sqrtr // ltW.
Qed.

(* the other letters, by exchange of the halves *)
Lemma covariance_exchange p q (A A' : 'M[R]_p) (B B' : 'M[R]_q) C C' D D' :
  covariance (block_mx A C D B) = block_mx A' C' D' B' ->
  covariance (block_mx B D C A) = block_mx B' D' C' A'.
Proof.
rewrite /covariance !tr_block_mx !mulmx_block => /eq_block_mx[<- <- <- <-].
by congr block_mx; rewrite addrC.
Qed.

Theorem two_layers_exist_LU p q (A : 'M[R]_p) (B : 'M[R]_q) C :
  (0 < p <= 2)%N -> (0 < q <= 2)%N -> posdef (block_mx A C C^T B) ->
  exists (s1 : 'rV_p) (s2 : 'rV_q) X T, [/\ forall i, 0 < s1 0 i, forall i, 0 < s2 0 i
    & covariance (block_mx 1%:M 0 T (diag_mx s2) *m block_mx (diag_mx s1) X 0 1%:M)
      = block_mx A C C^T B].
Proof.
move=> small_p small_q /posdef_exchange/(two_layers_exist small_q small_p).
move=> [s2 [s1 [T [X [pos2 pos1]]]]]; rewrite trmxK two_layers_product => /covariance_exchange <-.
by exists s1, s2, X, T; split=> //; blocks; rewrite [T *m X + _]addrC.
Qed.

Theorem one_layer_U p q (A : 'M[R]_p) (B : 'M[R]_q) C : posdef (block_mx A C C^T B) ->
  (exists (s : 'rV_p) X, (forall i, 0 < s 0 i) /\
     covariance (block_mx (diag_mx s) X 0 1%:M) = block_mx A C C^T B) <->
  B = 1%:M /\ is_diag_mx (A - C *m C^T).
Proof.
move=> /posdef_exchange/one_layer_L; rewrite trmxK => <-.
by split=> -[s [X [pos /covariance_exchange eqs]]]; exists s, X.
Qed.
End PositiveDefinite.
