(* An odd number of coordinates: halves of n and n + 1 entries. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import ssralg zmodp matrix mxalgebra.
From exactflow.certificates Require Import shears.
From exactflow Require Import six partitions.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

(* Halves of n and n + 1 entries: five shears if an off-diagonal block has rank n, and six
   always; with six.v, six in every dimension.

   M = [A B; C D] has determinant 1 and halves of n and e + n entries; the field has more
   than n + 1 elements.

   Main results
     ULULU_of_solvable    let C have rank n.  M is five shears U L U L U if N is solvable:
                          some [1 0; t S] carries it to a matrix similar to diag(1, S);
                          here N is D in a basis in which C = [0; 1], up to what a U on
                          the left of M and one on its right can change
     solvable_spanning    N = [v w; k K] is solvable if v + w x = 1 for some x,
     solvable_hyperplane  and always if e = 1
     five_spanning        so five shears do, for every e, if C and D C together have rank
                          e + n,
     five_ULULU_hyperplane   and always if e = 1
     unequal_hyperplane   on halves of n and (m + 1) n + 1 entries 2 m + 6 shears do
     six_every_LULULU, six_every_ULULUL   six shears do, for e = 0 and e = 1

   Plan.  U X * M * U V = [1 0; C N] for some X and V.  For T = [1 0; t S] N, T - 1 is Y Z
   and S - 1 is Z Y (sim_shears), and U L U L can be read off (ULUL_of_schur).  Row and
   column operations make N = [1 w; 0 K] if v + w x = 1 (solvable_L): then S with S K
   similar to S and without eigenvalue 1 does (commutator_avoiding).  If e = 1 this is so
   unless w = 0 and v is another number than 1.  Then S is wanted such that diag(v, S K)
   is similar to diag(1, S) (exchange).  If K is a number l, S = diag(l^-1, l^-2, ..);
   else v K is similar to [1 r; c H], and S = [v 0; - P c, P], where P T is similar to P,
   for T = v^-1 (H - c r), and has neither eigenvalue 1 nor v.

   References.  To our knowledge new.  Nearest: J. Urschel 2024 for halves of one size;
   A. R. Sourour 1986 for products of matrices with prescribed spectra. *)
Section Hyperplane.
Variable F : fieldType.

Lemma sim_shears e n (T : 'M[F]_(e + n)) (S : 'M_n) : sim T (block_mx 1%:M 0 0 S) ->
  exists Y Z, 1%:M + Y *m Z = T /\ 1%:M + Z *m Y = S.
Proof.
case=> Q uQ /(canRL (mulKmx uQ)) ->; have := mulVmx uQ; have := mulmxV uQ.
move: (invmx Q) => P; rewrite -[Q]vsubmxK -[P]hsubmxK.
move: (usubmx Q) (dsubmx Q) (lsubmx P) (rsubmx P) => Qu Qd Pl Pr.
rewrite mul_col_row scalar_mx_block => /eq_block_mx[_ _ _ QP] PQ.
exists Pr, ((S - 1%:M) *m Qd); split; last by rewrite -mulmxA QP mulmx1 addrC subrK.
rewrite -PQ mul_block_col !mul_row_col; blocks.
by rewrite -addrA -mulmxDr mulmxBl mul1mx [Qd + _]addrC subrK.
Qed.

(* Some [1 0; t S] carries N to a matrix similar to diag(1, S). *)
Definition solvable e n (N : 'M[F]_(e + n)) :=
  exists t (S : 'M_n), S \in unitmx /\
    sim (block_mx 1%:M 0 t S *m N) (block_mx 1%:M 0 0 S).

Lemma solvable_L e n x y (N : 'M[F]_(e + n)) : solvable (L y *m N *m L x) -> solvable N.
Proof.
case=> t [S [uS h]]; exists (x + t + S *m y), S; split=> //.
apply: sim_trans h.
have -> : block_mx 1%:M 0 (x + t + S *m y) S = L x *m block_mx 1%:M 0 t S *m L y.
  by rewrite mul_L mul_block_L mul0mx !mulmx0 mulmx1 !addr0 [t + x]addrC.
exists (L (- x)); first exact: unit_L.
by rewrite -!mulmxA mul_LK (mulmx1C (mul_LL x)) mulmx1.
Qed.

Lemma ULULU_block e n (N : 'M[F]_(e + n)) : \det N = 1 -> solvable N ->
  ULU 2 (block_mx 1%:M 0 (col_mx 0 1%:M) N : 'M_(n + (e + n))).
Proof.
move=> dN [t [S [uS h]]]; have [Y [Z [YZ ZY]]] := sim_shears h.
set P := block_mx _ _ t S in h YZ.
have uP : P \in unitmx by rewrite unitmxE det_lblock det1 mul1r -unitmxE.
have uN : N \in unitmx by rewrite unitmxE dN unitr1.
pose E : 'M[F]_(n, e + n) := row_mx 0 1%:M; pose C : 'M[F]_(e + n, n) := col_mx 0 1%:M.
have EC : E *m C = 1%:M by rewrite mul_row_col mul0mx add0r mulmx1.
pose T := P *m N; have uT : T \in unitmx by rewrite unitmx_mul uP.
pose V := E *m (N - T).
have CV : T + C *m V = N.
  have -> : C *m V = N - T.
    rewrite /V mulmxA mul_col_row !mulmx0 !mul0mx mulmx1.
    rewrite -[N]mul1mx -mulmxBl mulmxA; congr (_ *m _).
    rewrite scalar_mx_block opp_block_mx add_block_mx; blocks.
    by rewrite !subrr oppr0 /=; blocks.
  by rewrite addrC subrK.
have NZ : N *m (invmx T *m C) = col_mx 0 (invmx S).
  apply: (can_inj (mulKmx uP)); rewrite mulmxA -/T mulKVmx // mul_block_col.
  by blocks; rewrite mulmxV.
have e4 := ULUL_of_schur (A := 1%:M) (B := - V) (C := C) uT YZ ZY.
exists (invmx T *m (C - Y)), V, (U ((- V - Z) *m invmx T) *m L Y *m U Z); split.
  by exists Y, Z, (U ((- V - Z) *m invmx T)); split=> //; eexists.
rewrite -e4 ?mul_block_U ?CV ?mul1mx ?addNr //.
rewrite mulNmx mulNmx opprK -mulmxA /V -mulmxA [(N - T) *m _]mulmxBl NZ mulKVmx //.
by rewrite mulmxBr EC addrC subrK mul_row_col mul0mx add0r mul1mx mulVmx.
Qed.

Variables (s : seq F).
Hypotheses (us : uniq s).

Lemma solvable_spanning e n nu w k (A : 'M[F]_n) (x : 'M_(n, e)) : (n.+1 < size s)%N ->
  nu + w *m x = 1%:M -> \det (block_mx nu w k A) = 1 -> solvable (block_mx nu w k A).
Proof.
move=> hs nwx dN; pose y := - (k + A *m x).
have e1 : L y *m block_mx nu w k A *m L x = block_mx 1%:M w 0 (A + y *m w).
  by rewrite -mulmxA mul_block_L mul_L nwx mulmx1 subrr.
have dA : \det (A + y *m w) = 1.
  have := congr1 determinant e1; rewrite !det_mulmx !det_L mul1r mulr1 dN.
  by rewrite det_ublock det1 mul1r.
have [S [uS aS] h] := commutator_avoiding us (oner_neq0 F) hs dA.
apply: (@solvable_L _ _ x y); rewrite e1; exists 0, S; split=> //; blocks.
have := sim_not_eigenvalue h aS => /(sim_clear_upper w)/sim_trans; apply.
exact/sim_diag/sim_sym.
Qed.

(* diag(a, b, D) and diag(b, a, D) are similar. *)
Lemma sim_swap n a b (D : 'M[F]_n) :
  sim (block_mx (a%:M : 'M_1) 0 0 (block_mx (b%:M : 'M_1) 0 0 D))
      (block_mx (b%:M : 'M_1) 0 0 (block_mx (a%:M : 'M_1) 0 0 D)).
Proof.
pose Q : 'M[F]_(1 + (1 + n)) :=
  block_mx 0 (row_mx 1%:M 0) (col_mx 1%:M 0) (block_mx 0 0 0 1%:M).
have QQ : Q *m Q = 1%:M.
  rewrite /Q; blocks; rewrite mul_row_col mul_col_row mul_row_block mul_block_col; blocks.
  by rewrite add_block_mx !addr0 !add0r row_mx0 col_mx0 -!scalar_mx_block.
exists Q; first by case/mulmx1_unit: QQ.
by rewrite /Q; blocks; rewrite !(mul_row_block, mul_block_col, mul_mx_row, mul_col_mx); blocks.
Qed.

(* Exchange: S has the eigenvalues of S K with mu exchanged for 1. *)
Section Exchange.
Variable mu : F.
Hypothesis mu0 : mu != 0.

Definition exchange n (K : 'M[F]_n) := exists2 S, S \in unitmx &
  sim (block_mx (mu%:M : 'M_1) 0 0 (S *m K)) (block_mx (1%:M : 'M_1) 0 0 S).

Lemma exchange_sim n (K K' : 'M[F]_n) : sim K K' -> exchange K' -> exchange K.
Proof.
case=> Q uQ h [S uS hS]; exists (invmx Q *m S *m Q).
  by rewrite !unitmx_mul unitmx_inv uQ uS.
have h1 : sim (invmx Q *m S *m Q *m K) (S *m K').
  by exists Q => //; rewrite -!mulmxA mulKVmx // h.
have h2 : sim S (invmx Q *m S *m Q) by apply: sim_conj; rewrite mulmxV.
exact: sim_trans (sim_trans (sim_diag _ h1) hS) (sim_diag _ h2).
Qed.

Lemma exchange_nonscalar n (K : 'M[F]_(1 + n)) : (n.+2 < size s)%N ->
  mu * \det K = 1 -> ~~ is_scalar_mx K -> exchange K.
Proof.
move=> hs dK nK.
have [||r [c [T [h hT]]]] := @nonscalar_split F n (mu *: K).
- rewrite detZ mulf_neq0 ?expf_neq0 //.
  by apply: contra_eq_neq dK => ->; rewrite mulr0 eq_sym oner_eq0.
- apply: contra nK => /is_scalar_mxP[a e]; apply/is_scalar_mxP; exists (mu^-1 * a).
  by rewrite -scale_scalar_mx -e scalerK.
pose T' := mu^-1 *: (T - c *m r).
have [|||P [uP aP] hP] := @com_nonscalar F s us [:: 1; mu] n T'.
- by rewrite addn2.
- rewrite detZ -det_schur -(sim_det h) detZ exprVn exprS -mulrA.
  by rewrite [mu * _]mulrCA dK mulr1 mulVf ?expf_neq0.
- case/orP: hT => [->//|hT]; apply/orP; right; apply: contra hT => /is_scalar_mxP[a e].
  by apply/is_scalar_mxP; exists (mu * a); rewrite -scale_scalar_mx -e scalerKV.
have a1 : 1%:M - P \in unitmx by apply: aP; rewrite inE eqxx.
have amu : mu%:M - P \in unitmx by apply: aP; rewrite !inE eqxx orbT.
apply: (@exchange_sim _ _ (mu^-1 *: block_mx 1%:M r c T)).
  case: h => Q uQ h; exists Q => //.
  by rewrite -scalemxAl -h -scalemxAr scalerK.
have hS := sim_clear_lower (- (P *m c)) amu.
set S := block_mx _ _ _ P in hS.
exists S; first by rewrite unitmxE det_lblock unitrM -!unitmxE uP unitmxE det_scalar1 unitfE mu0.
have -> : S *m (mu^-1 *: block_mx 1%:M r c T) = block_mx 1%:M r 0 (P *m T').
  rewrite -scalemxAr /S; blocks; rewrite scale_block_mx addNr scaler0 mul_scalar_mx.
  rewrite scalerK // scale_scalar_mx mulVf // -scalemxAr mulmxBr mulNmx mulmxA.
  by rewrite addrC.
have := sim_clear_upper r (sim_not_eigenvalue hP a1).
move/sim_trans=> /(_ _ (sim_diag _ (sim_sym hP)))/sim_diag/sim_trans; apply.
exact: sim_trans (sim_swap _ _ _) (sim_sym (sim_diag _ hS)).
Qed.

Let diagonal n (f : nat -> F) : 'M_n := diag_mx (\row_i f i).

Lemma diagonal_split n f :
  diagonal n.+1 f = block_mx ((f 0%N)%:M : 'M_1) 0 0 (diagonal n (f \o S)).
Proof.
rewrite /diagonal -diag_const_mx -diag_mx_row; congr diag_mx; apply/rowP => i.
by rewrite !mxE; case: splitP => j ij; rewrite !mxE ij // ord1.
Qed.

Lemma sim_rotate n f :
  sim (block_mx ((f n)%:M : 'M_1) 0 0 (diagonal n f)) (diagonal n.+1 f).
Proof.
elim: n f => [|n IH] f.
  rewrite diagonal_split; exists 1%:M; rewrite ?unitmx1 // mul1mx mulmx1.
  by congr block_mx; rewrite [LHS]thinmx0 [RHS]thinmx0.
rewrite [diagonal n.+1 f]diagonal_split [diagonal n.+2 f]diagonal_split.
by apply: (sim_trans (sim_swap _ _ _)); apply/sim_diag/IH.
Qed.

Lemma exchange_scalar n l : mu * l ^+ n = 1 -> exchange (l%:M : 'M_n).
Proof.
case: n => [|n] h.
  exists 1%:M; rewrite ?unitmx1 //; move: h; rewrite expr0 mulr1 => ->.
  exists 1%:M; rewrite ?unitmx1 // mul1mx mulmx1.
  by congr block_mx; rewrite [LHS]thinmx0 [RHS]thinmx0.
have l0 : l != 0 by apply: contra_eq_neq h => ->; rewrite expr0n mulr0 eq_sym oner_eq0.
pose f i := l^-1 ^+ i; exists (diagonal n.+1 (f \o S)).
  rewrite unitmxE det_diag unitfE; apply/prodf_neq0 => i _.
  by rewrite mxE expf_neq0 ?invr_eq0.
have := sim_rotate n.+1 f; rewrite [diagonal n.+2 f]diagonal_split.
have -> : f n.+1 = mu by rewrite (canRL (mulfK (expf_neq0 _ l0)) h) mul1r /f exprVn.
suff -> : diagonal n.+1 (f \o S) *m l%:M = diagonal n.+1 f by [].
rewrite mul_mx_scalar -linearZ; congr diag_mx; apply/rowP => i.
by rewrite !mxE /f /= exprS mulVKf.
Qed.
End Exchange.

Lemma solvable_hyperplane n (N : 'M[F]_(1 + n)) : (n.+1 < size s)%N -> \det N = 1 -> solvable N.
Proof.
rewrite -[N]submxK; move: (ulsubmx N) (ursubmx N) (dlsubmx N) (drsubmx N) => nu w k A.
move=> {N} hs dN; have [w0|w0] := eqVneq w 0; last first.
  apply: (@solvable_spanning _ _ _ _ _ _ (pinvmx w *m (1%:M - nu))) => //.
  by rewrite mulmxA mulmxVp ?mul1mx 1?addrC ?subrK // /row_free rank_rV w0.
have [nu1|nu1] := eqVneq nu 1%:M.
  by apply: (@solvable_spanning _ _ _ _ _ _ 0) => //; rewrite nu1 mulmx0 addr0.
move: dN; rewrite w0 [nu]mx11_scalar; set mu := nu 0 0.
rewrite det_lblock det_scalar1 => dN.
have mu0 : mu != 0 by apply: contra_eq_neq dN => ->; rewrite mul0r eq_sym oner_eq0.
have [S uS h] : exchange mu A.
  have [/is_scalar_mxP[l el]|] := boolP (is_scalar_mx A).
    by rewrite el; apply: exchange_scalar; rewrite -det_scalar -el.
  case: n A k w w0 hs dN => [|n] A k w w0 hs dN; last exact: exchange_nonscalar.
  by case/is_scalar_mxP; exists 0; rewrite [LHS]thinmx0 [RHS]thinmx0.
exists (- (mu^-1 *: (S *m k))), S; split=> //; blocks.
rewrite mulNmx mul_mx_scalar scalerA mulfV // scale1r addNr.
exact: h.
Qed.

(* The blocks C and D of M = [A B; C D] in a basis in which C = [0; 1]. *)
Lemma ULULU_of_solvable e n (M : 'M[F]_(n + (e + n))) l : \det M = 1 ->
  l *m dlsubmx M = 1%:M ->
  exists (u : 'M_(e, e + n)) (N : 'M_(e + n)), [/\ u *m dlsubmx M = 0 /\ row_free u, \det N = 1,
    ursubmx N = u *m drsubmx M *m dlsubmx M & solvable N -> ULU 2 M].
Proof.
rewrite -[M]submxK block_mxKdl block_mxKdr.
move: (ulsubmx M) (ursubmx M) (dlsubmx M) (drsubmx M) => A B C D {M} dM lC.
have [u uC uh] := complete_rows lC; set h := col_mx u l in uh; pose g := invmx h.
have hg : h *m g = 1%:M by apply: mulmxV.
have gh : g *m h = 1%:M by apply: mulVmx.
have hC : h *m C = col_mx 0 1%:M by rewrite mul_col_mx uC lC.
have gC : g *m col_mx 0 1%:M = C by rewrite -hC mulmxA gh mul1mx.
have gE : g = row_mx (lsubmx g) C.
  by rewrite -[in RHS]gC -{1 3}[g]hsubmxK mul_row_col mulmx0 add0r mulmx1.
pose X := (1%:M - A) *m l; pose V := - (B + X *m D); pose N := D + C *m V.
have eN : U X *m (block_mx A B C D *m U V) = block_mx 1%:M 0 C N.
  rewrite mulmxA mul_U mul_block_U -[X *m C]mulmxA lC mulmx1 [A + _]addrC subrK mul1mx.
  by rewrite subrr.
have dN : \det N = 1.
  have := congr1 determinant eN; rewrite !det_mulmx !det_U dM !mul1r => ->.
  by rewrite det_lblock det1 mul1r.
exists u, (h *m N *m g); split.
- split=> //; apply/row_freeP; exists (lsubmx g); move: hg; rewrite gE mul_col_row row_mxKl.
  by rewrite scalar_mx_block => /eq_block_mx[].
- by rewrite !det_mulmx mulrAC -det_mulmx hg det1 mul1r.
- rewrite gE mul_col_mx mul_col_row block_mxKur /N mulmxDr mulmxA uC mul0mx addr0.
  by [].
- move/ULULU_block; rewrite !det_mulmx mulrAC -det_mulmx hg det1 mul1r => /(_ dN).
  move/(ULU_basis hg); rewrite /basis; blocks.
  rewrite gC !mulmxA gh mul1mx -mulmxA gh mulmx1 -eN.
  move=> /(ULU_left (- X))/(ULU_right (- V)).
  by rewrite mul_UK -mulmxA mul_UU addNr U0 mulmx1.
Qed.

(* The five shears that ULU 2 stands for. *)
Lemma ULU_five p q (M : 'M[F]_(p + q)) : ULU 2 M ->
  exists X Y Z W V, M = U X *m L Y *m U Z *m L W *m U V.
Proof.
by case=> W [V [_ [[Y [Z [_ [[X ->] ->]]]] ->]]]; exists X, Y, Z, W, V.
Qed.

Variables (n : nat) (large : (n.+1 < size s)%N).

(* No column is out of reach: those of C and of D C span everything. *)
Theorem five_spanning e (M : 'M[F]_(n + (e + n))) : \det M = 1 ->
  \rank (dlsubmx M) = n ->
  \rank (row_mx (dlsubmx M) (drsubmx M *m dlsubmx M)) = (e + n)%N ->
  exists X Y Z W V, M = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> dM /eqP/row_fullP[l lC] /eqP/row_freeP[K CK].
have [u [N [[uC /row_freeP[x ux] dN wE hN]]]] := ULULU_of_solvable dM lC.
apply/ULU_five/hN; rewrite -[N]submxK in dN *.
apply: (@solvable_spanning _ _ _ _ _ _ (dsubmx K *m x *m (1%:M - ulsubmx N))) => //.
rewrite !mulmxA; suff -> : ursubmx N *m dsubmx K *m x = 1%:M by rewrite mul1mx addrC subrK.
rewrite -ux -[u in RHS]mulmx1 -CK -{2}[K]vsubmxK mul_row_col mulmxDr !mulmxA uC mul0mx add0r.
by rewrite wE.
Qed.

Theorem five_ULULU_hyperplane (M : 'M[F]_(n + n.+1)) : \det M = 1 ->
  \rank (dlsubmx M) = n -> exists X Y Z W V, M = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> dM /eqP/row_fullP[l lC]; have [u [N [_ dN _ hN]]] := @ULULU_of_solvable 1 n M l dM lC.
by apply/ULU_five/hN/solvable_hyperplane.
Qed.

Corollary five_LULUL_hyperplane (M : 'M[F]_(n + n.+1)) : \det M = 1 ->
  \rank (ursubmx M) = n -> exists X Y Z W V, M = L X *m U Y *m L Z *m U W *m L V.
Proof.
move=> dM rB; have [||X [Y [Z [W [V e]]]]] := @five_ULULU_hyperplane M^T.
- by rewrite det_tr.
- by rewrite -trmx_ursub mxrank_tr.
exists V^T, W^T, Z^T, Y^T, X^T.
by rewrite -[M]trmxK e !trmx_mul !(tr_U, tr_L) !mulmxA.
Qed.

(* Halves of n and q = m n + 1 entries: 2 m + 3 shears if the lower left block has rank n. *)
Lemma ULU_hyperplane m q (N : 'M[F]_(n + q)) l : q = (m * n + n.+1)%N ->
  \det N = 1 -> l *m dlsubmx N = 1%:M -> ULU m.+2 N.
Proof.
elim: m q N l => [|m IH] q N l e; move: e N l => -> N l dN lC.
  have [u [N' [_ dN' _ hN]]] := @ULULU_of_solvable 1 n N l dN lC.
  by apply/hN/solvable_hyperplane.
have e : ((m * n + n.+1) + n = m.+1 * n + n.+1)%N by rewrite addnC addnA.
move: N l dN lC; rewrite -e => N l dN lC.
have [|N2 [l2 [dN2 lN2]]] := peel (leqnn n) _ dN lC; first by rewrite addnS ltnW // ltnS leq_addl.
by apply; apply: IH lN2.
Qed.

(* So 2 m + 4 always, as many as some matrix needs. *)
Theorem unequal_hyperplane m q (M : 'M[F]_(n + q)) : q = (m.+1 * n).+1 -> \det M = 1 ->
  exists X Y, M = pairs_LU m.+3 X Y.
Proof.
move=> e dM; have nq : (n <= q)%N by rewrite e mulSn ltnW // ltnS leq_addr.
have [W [l lC]] := first_shear nq dM.
have [||X0 [X [Y eN]]] := ULU_pairs (@ULU_hyperplane m q (L W *m M) l _ _ lC).
- by rewrite e mulSn addnS addnC.
- by rewrite det_mulmx det_L mul1r.
exists (fun i => if i is i'.+1 then X i' else X0).
exists (fun i => if i is i'.+1 then Y i' else - W).
by rewrite /pairs_LU big_ord_recl /= -[LHS](mul_LK W) eN mulmxA.
Qed.

(* The halves of every dimension: e = 0 or 1. *)
Theorem six_every_LULULU e (M : 'M[F]_(n + (e + n))) : (e <= 1)%N -> \det M = 1 ->
  exists W0 X Y Z W V, M = L W0 *m U X *m L Y *m U Z *m L W *m U V.
Proof.
case: e M => [|[|//]] M _ dM; first exact: six_LULULU us (ltnW large) M dM.
have [W0 [l lC]] := first_shear (leqnSn n) dM.
have [||X [Y [Z [W [V e]]]]] := @five_ULULU_hyperplane (L W0 *m M).
- by rewrite det_mulmx det_L mul1r.
- by apply/eqP/row_fullP; exists l.
by exists (- W0), X, Y, Z, W, V; rewrite -[LHS](mul_LK W0) e !mulmxA.
Qed.

Corollary six_every_ULULUL e (M : 'M[F]_(n + (e + n))) : (e <= 1)%N -> \det M = 1 ->
  exists X Y Z W V T, M = U X *m L Y *m U Z *m L W *m U V *m L T.
Proof.
move=> e1 dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
have /six_every_LULULU : \det (invmx M) = 1 by rewrite det_inv dM invr1.
case=> // [T [V [W [Z [Y [X h]]]]]]; exists (- X), (- Y), (- Z), (- W), (- V), (- T).
rewrite -[RHS](mulmxKV uM) -[LHS]mul1mx; congr (_ *m _).
by rewrite h -!mulmxA !(mul_LK, mul_UK) -[U X]mulmx1 mul_UK.
Qed.
End Hyperplane.
