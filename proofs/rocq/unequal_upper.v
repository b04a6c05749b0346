(* Unequal splits p + q with p <= q: at most 2 m + 4 layers, m = ceil(q/p).

   M has determinant 1 and the field more than p elements.

   Main results
     peel                 if the lower left block of N has rank p, and k <= p,
                          q - k >= p, then N is diag(N2, 1_k), up to a change of
                          basis of the second half and up to U's on both sides and
                          one L; and N2 is again such a matrix, on p + (q - k)
     unequal_rank_p       N is then a product U L U .. L U of 2 m + 3 layers
     first_shear          L W * M is such a matrix N for some W
     unequal_upper_bound  every M is a product of 2 m + 4, starting with L

   Plan.  Write N = [A B; C D], N^-1 = [a b; c d].  Both C and c have rank p, so
   by stable_range some H has H C = 1 and H c invertible.  With V = H D - H,
   D' = D - C V satisfies H D' = H, and is invertible because the upper left
   block of (N U(-V))^-1 is a + V c = - H c.  Let K consist of k rows of H,
   completed to a basis h.  In this basis D' = [d1 d2; 0 1] and K C = [1 0], and
   d1 is invertible, so that one L turns C into [C2; 0] with C2 at will: let it
   be of rank p, with d2 = C2 x.  Then a U clears d2, and a U on the other side
   clears what is above 1_k.  Repeat until q = p, where five shears do. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix mxalgebra.
From exactflow Require Import shears stable_range six_suffice unequal_lower.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section UpperBound.
Variable F : fieldType.

(* ULU r M: M is a product U L U .. L U with r factors L. *)
Fixpoint ULU p q r (M : 'M[F]_(p + q)) : Prop :=
  if r is r'.+1 then
    exists (Y : 'M_(q, p)) (X : 'M_(p, q)) (N : 'M_(p + q)),
      ULU r' N /\ M = N *m L Y *m U X
  else exists X : 'M_(p, q), M = U X.

Lemma ULU_left p q r X (M : 'M[F]_(p + q)) : ULU r M -> ULU r (U X *m M).
Proof.
elim: r M => [|r IH] M /=; first by case=> X' ->; exists (X' + X); rewrite mul_UU.
by case=> Y [X' [N [/IH hN ->]]]; exists Y, X', (U X *m N); rewrite !mulmxA.
Qed.

Lemma ULU_right p q r X (M : 'M[F]_(p + q)) : ULU r M -> ULU r (M *m U X).
Proof.
case: r => [|r] /=; first by case=> X' ->; exists (X + X'); rewrite mul_UU.
by case=> Y [X' [N [hN ->]]]; exists Y, (X + X'), N; rewrite -mul_UU !mulmxA.
Qed.

(* A change of basis in the second half. *)
Definition basis p q (h : 'M[F]_q) : 'M[F]_(p + q) := block_mx 1%:M 0 0 h.

Lemma basisM p q (h g : 'M[F]_q) : basis p h *m basis p g = basis p (h *m g).
Proof. by rewrite /basis; blocks. Qed.

Lemma basis1 p q : basis p (1%:M : 'M[F]_q) = 1%:M.
Proof. by rewrite /basis -scalar_mx_block. Qed.

Lemma conj_basisM p q (g h : 'M[F]_q) (M N : 'M_(p + q)) : h *m g = 1%:M ->
  basis p g *m (M *m N) *m basis p h
  = (basis p g *m M *m basis p h) *m (basis p g *m N *m basis p h).
Proof.
move=> hg; rewrite -!mulmxA (mulmxA (basis p h)) basisM hg basis1 mul1mx.
by rewrite !mulmxA.
Qed.

Lemma conj_basisU p q (g h : 'M[F]_q) (X : 'M_(p, q)) : h *m g = 1%:M ->
  basis p g *m U X *m basis p h = U (X *m h).
Proof. by move=> hg; rewrite /basis /U; blocks; rewrite (mulmx1C hg). Qed.

Lemma conj_basisL p q (g h : 'M[F]_q) (Y : 'M_(q, p)) : h *m g = 1%:M ->
  basis p g *m L Y *m basis p h = L (g *m Y).
Proof. by move=> hg; rewrite /basis /L; blocks; rewrite (mulmx1C hg). Qed.

Lemma ULU_basis p q r (g h : 'M[F]_q) (M : 'M[F]_(p + q)) :
  h *m g = 1%:M -> ULU r M -> ULU r (basis p g *m M *m basis p h).
Proof.
move=> hg; elim: r M => [|r IH] M /=.
  by case=> X ->; exists (X *m h); apply: conj_basisU.
case=> Y [X [N [/IH hN ->]]]; exists (g *m Y), (X *m h), (basis p g *m N *m basis p h).
by rewrite -(conj_basisU X hg) -(conj_basisL Y hg) !conj_basisM.
Qed.

(* N2 on p + q coordinates, and the identity on k more. *)
Definition embed p q k (N : 'M[F]_(p + q)) : 'M[F]_(p + (q + k)) :=
  block_mx (ulsubmx N) (row_mx (ursubmx N) 0)
           (col_mx (dlsubmx N) 0) (block_mx (drsubmx N) 0 0 1%:M).

Lemma embed_block p q k A (B : 'M[F]_(p, q)) C D : embed k (block_mx A B C D) =
  block_mx A (row_mx B 0) (col_mx C 0) (block_mx D 0 0 1%:M).
Proof. by rewrite /embed block_mxKul block_mxKur block_mxKdl block_mxKdr. Qed.

Lemma embedM p q k (M N : 'M[F]_(p + q)) :
  embed k (M *m N) = embed k M *m embed k N.
Proof.
rewrite -[M]submxK -[N]submxK mulmx_block !embed_block [RHS]mulmx_block.
rewrite mul_row_col mul_col_row mulmx_block mul_mx_row mul_col_mx.
rewrite mul_row_block mul_block_col; blocks.
by rewrite add_row_mx add_col_mx add_block_mx !addr0 !add0r.
Qed.

Lemma embedU p q k (X : 'M[F]_(p, q)) : embed k (U X) = U (row_mx X 0).
Proof. by rewrite embed_block col_mx0 -scalar_mx_block. Qed.

Lemma embedL p q k (Y : 'M[F]_(q, p)) : embed k (L Y) = L (col_mx Y 0).
Proof. by rewrite embed_block row_mx0 -scalar_mx_block. Qed.

Lemma det_embed p q k (N : 'M[F]_(p + q)) : \det (embed k N) = \det N.
Proof.
rewrite /embed block_mxA row_mx0 col_mx0 submxK -[RHS]mulr1 -[in RHS](det1 _ k).
rewrite -(det_ublock _ 0); move: (block_mx _ _ _ _) => K.
by case: _ / (esym _) K => K; rewrite castmx_id.
Qed.

Lemma ULU_embed p q r k (N : 'M[F]_(p + q)) : ULU r N -> ULU r (embed k N).
Proof.
elim: r N => [|r IH] N /=; first by case=> X ->; exists (row_mx X 0); rewrite embedU.
case=> Y [X [N' [/IH hN ->]]].
by exists (col_mx Y 0), (row_mx X 0), (embed k N'); rewrite !embedM embedU embedL.
Qed.

(* Three choices of matrices. *)
Lemma complete_rows k q (K : 'M[F]_(k, q + k)) (J : 'M_(q + k, k)) :
  K *m J = 1%:M -> exists2 h0 : 'M_(q, q + k), h0 *m J = 0 & col_mx h0 K \in unitmx.
Proof.
move=> KJ; have rJ : \rank (kermx J) = q.
  have rJ : \rank J = k.
    by apply/anti_leq; rewrite rank_leq_col -{1}(mxrank1 F k) -KJ mxrankM_maxr.
  by rewrite mxrank_ker rJ addnK.
have [h0 free_h0 h0J] : exists2 h0 : 'M_(q, q + k), row_free h0 & h0 *m J = 0.
  have : exists2 h0 : 'M_(\rank (kermx J), q + k), row_free h0 & h0 *m J = 0.
    exists (row_base (kermx J)); first exact: row_base_free.
    by apply/sub_kermxP; rewrite eq_row_base.
  by rewrite rJ.
have [r h0r] : exists r, h0 *m r = 1%:M by exists (pinvmx h0); apply: mulmxVp.
exists h0 => //; suff /mulmx1_unit[] : col_mx h0 K *m row_mx (r - J *m K *m r) J = 1%:M by [].
rewrite mul_col_row !mulmxBr !mulmxA h0J KJ !mul0mx mul1mx subrr subr0 h0r.
by rewrite -scalar_mx_block.
Qed.

Lemma exists_span p q k (d : 'M[F]_(q, k)) : (k <= p)%N -> (p <= q)%N ->
  exists (C : 'M_(q, p)) (x : 'M_(p, k)) (l : 'M_(p, q)),
    C *m x = d /\ l *m C = 1%:M.
Proof.
move=> kp pq; exists (col_ebase d *m pid_mx p), (pid_mx (\rank d) *m row_ebase d),
  (pid_mx p *m invmx (col_ebase d)); split.
  rewrite mulmxA -(mulmxA (col_ebase d)) mul_pid_mx minnA minnn (minn_idPr _).
    exact: mulmx_ebase.
  exact: leq_trans (rank_leq_col _) kp.
rewrite mulmxA mulmxKV ?col_ebase_unit // mul_pid_mx minnn (minn_idPr pq).
exact: pid_mx_1.
Qed.

Lemma exists_projection p q (C c : 'M[F]_(q, p)) (l l' : 'M_(p, q)) :
  l *m C = 1%:M -> l' *m c = 1%:M ->
  exists H : 'M_(p, q), H *m C = 1%:M /\ H *m c \in unitmx.
Proof.
move=> lC lc; have [|W uW] :=
    @stable_range F q p (c - C *m (l *m c)) (l *m c) l' (l' *m C).
  by rewrite mulmxBr lc !mulmxA subrK.
exists (l + W *m (1%:M - C *m l)); split.
  by rewrite mulmxDl lC -mulmxA mulmxBl mul1mx -mulmxA lC mulmx1 subrr mulmx0 addr0.
by rewrite mulmxDl -mulmxA mulmxBl mul1mx -mulmxA.
Qed.

(* stable_range for a tall block: its rank becomes p. *)
Lemma stable_range_tall p k (A a : 'M[F]_p) (C : 'M_(p + k, p)) c :
  a *m A + c *m C = 1%:M -> exists W l, l *m (C + W *m A) = 1%:M.
Proof.
move=> e.
pose A' := block_mx A 0 0 (1%:M : 'M_k); pose C' := row_mx C (0 : 'M_(p + k, k)).
have [|W uW] := @stable_range F _ _ A' C' (block_mx a 0 0 1%:M) (col_mx c 0).
  rewrite mulmx_block mul_col_row; blocks.
  by rewrite add_block_mx e !addr0 -scalar_mx_block.
exists (lsubmx W), (usubmx (invmx (C' + W *m A'))).
have := mulVmx uW; move: (invmx _) => N.
rewrite -{1}[W]hsubmxK /A' /C' mul_row_block.
rewrite add_row_mx; blocks; rewrite -{1}[N]vsubmxK mul_col_row scalar_mx_block.
by case/eq_block_mx.
Qed.

(* The blocks of N^-1. *)
Lemma inverse_blocks p q (N : 'M[F]_(p + q)) (l : 'M_(p, q)) : \det N = 1 ->
  l *m dlsubmx N = 1%:M -> exists a b c d l',
  [/\ N *m block_mx a b c d = 1%:M, dlsubmx N *m a + drsubmx N *m c = 0 &
      l' *m c = 1%:M :> 'M_p].
Proof.
move=> dN lC; have uN : N \in unitmx by rewrite unitmxE dN unitr1.
have := mulmxV uN; rewrite -[invmx N]submxK -{1}[N]submxK.
move: (invmx N) => N'.
move: (ulsubmx N') (ursubmx N') (dlsubmx N') (drsubmx N') => a b c d e.
exists a, b, c, d, (ursubmx N - ulsubmx N *m (l *m drsubmx N)).
move: (e); rewrite mulmx_block scalar_mx_block => /eq_block_mx[e1 _ e2 _].
split=> //; first by rewrite -[N in LHS]submxK e scalar_mx_block.
have ea : a = - (l *m drsubmx N *m c).
  rewrite -[a]mul1mx -lC -!mulmxA; apply/eqP; rewrite -addr_eq0 -mulmxDr.
  by rewrite e2 mulmx0.
by rewrite mulmxBl -mulmxA addrC -mulmxN -ea e1.
Qed.

Lemma unit_lower_right p q (A : 'M[F]_p) B C (D : 'M_q) a b c d :
  block_mx A B C D *m block_mx a b c d = 1%:M -> a \in unitmx -> D \in unitmx.
Proof.
rewrite mulmx_block scalar_mx_block => /eq_block_mx[_ _ e1 e2] ua.
suff /mulmx1_unit[] : D *m (d - c *m invmx a *m b) = 1%:M by [].
have eC : C = - (D *m c *m invmx a).
  by rewrite -[C](mulmxK ua); apply/eqP; rewrite -addr_eq0 -mulmxDl e1 mul0mx.
by rewrite mulmxBr -e2 eC !mulmxA addrC mulNmx.
Qed.

(* What remains when D' = [d1 d2; 0 1] and C = [c1; E] in the new basis. *)
Lemma clear_corner p q k (A : 'M[F]_p) B c1 E d1 d2 :
  d1 \in unitmx -> (k <= p)%N -> (p <= q)%N ->
  exists T X Y (N2 : 'M_(p + q)) (l : 'M_(p, q)), l *m dlsubmx N2 = 1%:M /\
  U T *m (block_mx A B (col_mx c1 E) (block_mx d1 d2 0 (1%:M : 'M_k)) *m L Y *m U X)
  = embed k N2.
Proof.
move=> u1 kp pq; have [C2 [x [l [C2x lC2]]]] := exists_span d2 kp pq.
pose Y : 'M_(q + k, p) := - col_mx (invmx d1 *m (c1 - d2 *m E - C2)) E.
pose X : 'M_(p, q + k) := - row_mx 0 x.
pose A2 := A + B *m Y; pose B2 := B + A2 *m X.
exists (row_mx 0 (- rsubmx B2)), X, Y, (block_mx A2 (lsubmx B2) C2 d1), l.
rewrite block_mxKdl; split=> //.
have eC : col_mx c1 E + block_mx d1 d2 0 1%:M *m Y = col_mx C2 0.
  rewrite /Y mulmxN mul_block_col mulKVmx //; blocks.
  rewrite opp_col_mx add_col_mx subrr; congr col_mx.
  by rewrite addrAC subrK subKr.
have eD : block_mx d1 d2 0 1%:M + col_mx C2 0 *m X = block_mx d1 0 0 1%:M.
  rewrite /X mulmxN mul_col_row C2x; blocks.
  by rewrite opp_block_mx add_block_mx !oppr0 !addr0 subrr.
rewrite mul_block_L eC -/A2 mul_block_U eD -/B2 mul_U mul_row_col mul_row_block.
blocks.
by rewrite embed_block -{1}[B2]hsubmxK add_row_mx addr0 subrr.
Qed.

Theorem peel p q k (N : 'M[F]_(p + (q + k))) (l : 'M_(p, q + k)) :
  (k <= p)%N -> (p <= q)%N -> \det N = 1 -> l *m dlsubmx N = 1%:M ->
  exists (N2 : 'M_(p + q)) (l2 : 'M_(p, q)),
  [/\ \det N2 = 1, l2 *m dlsubmx N2 = 1%:M & forall r, ULU r N2 -> ULU r.+1 N].
Proof.
move=> kp pq dN lC; have [a [b [c [d [l' [NN' e0 lc]]]]]] := inverse_blocks dN lC.
have [H [HC uHc]] := exists_projection lC lc.
move: dN HC e0 NN' {lC}; rewrite -[N]submxK block_mxKdl block_mxKdr.
move: (ulsubmx N) (ursubmx N) (dlsubmx N) (drsubmx N) => A B C D dN HC e0 NN'.
pose V := H *m D - H; pose D' := D - C *m V; pose B' := B - A *m V.
have HD' : H *m D' = H by rewrite mulmxBr mulmxA HC mul1mx subKr.
have eNV : block_mx A B C D *m U (- V) = block_mx A B' C D'.
  by rewrite mul_block_U !mulmxN.
have uD' : D' \in unitmx.
  apply: (@unit_lower_right _ _ A B' C D' (a + V *m c) (b + V *m d) c d).
    by rewrite -eNV -mul_U -mulmxA mul_UK NN'.
  have -> : a + V *m c = - (H *m c).
    rewrite mulmxBl -[a]mul1mx -HC -!mulmxA addrA -mulmxDr e0 mulmx0 add0r.
    by [].
  by rewrite -scaleN1r unitmxZ ?unitrN1.
pose E : 'M[F]_(k, p) := pid_mx k; pose K := E *m H.
have KC : K *m C = E by rewrite -mulmxA HC mulmx1.
have KD' : K *m D' = K by rewrite -mulmxA HD'.
have [|h0 _ uh] := @complete_rows _ _ K (C *m pid_mx k).
  by rewrite mulmxA KC mul_pid_mx minnn (minn_idPr kp) pid_mx_1.
set h := col_mx h0 K in uh; pose g := invmx h.
have hg : h *m g = 1%:M by apply: mulmxV.
have Kg : K *m g = row_mx 0 1%:M.
  by move: hg; rewrite mul_col_mx scalar_mx_block block_mxEv => /eq_col_mx[].
pose d1 := lsubmx (h0 *m D' *m g); pose d2 := rsubmx (h0 *m D' *m g).
have hD'g : h *m D' *m g = block_mx d1 d2 0 1%:M.
  by rewrite !mul_col_mx KD' Kg block_mxEv hsubmxK.
have u1 : d1 \in unitmx.
  have : h *m D' *m g \in unitmx by rewrite !unitmx_mul uh uD' unitmx_inv.
  by rewrite hD'g !unitmxE det_ublock det1 mulr1.
have [T [X [Y [N2 [l2 [lN2 eN2]]]]]] :=
  clear_corner A (B' *m g) (h0 *m C) E d2 u1 kp pq.
pose P := basis p h *m block_mx A B' C D' *m basis p g.
have eP : P = block_mx A (B' *m g) (col_mx (h0 *m C) E) (block_mx d1 d2 0 1%:M).
  by rewrite /P /basis; blocks; rewrite hD'g mul_col_mx KC.
rewrite -eP in eN2; exists N2, l2; split=> // [|r].
  rewrite -(det_embed k) -eN2 !det_mulmx !(det_U, det_L) mul1r !mulr1 mulrAC.
  rewrite -!det_mulmx basisM hg basis1 mul1mx -eNV det_mulmx dN det_U mulr1.
  by [].
move/(ULU_embed k); rewrite -eN2 => /(ULU_left (- T))/(ULU_right (- X)).
rewrite mul_UK -(mulmxA _ (U X)) mul_UU addNr U0 mulmx1.
have gh : g *m h = 1%:M by apply: mulVmx.
move/(ULU_basis hg) => hP.
exists (g *m (- Y)), V, (basis p g *m (P *m L Y) *m basis p h).
split=> //; rewrite -(conj_basisL _ hg) -conj_basisM // -(mulmxA P).
rewrite -[in L Y](opprK Y) mul_LL mulmx1 /P !mulmxA basisM gh basis1 mul1mx.
by rewrite -(mulmxA _ (basis p g)) basisM gh basis1 mulmx1 -eNV -mulmxA mul_UU subrr
           U0 mulmx1.
Qed.

Lemma ULU_pairs p q r (M : 'M[F]_(p + q)) :
  ULU r M -> exists X0 X Y, M = U X0 *m pairs_LU r X Y.
Proof.
elim: r M => [|r IH] M /=.
  case=> X0 ->; exists X0, (fun=> 0), (fun=> 0).
  by rewrite /pairs_LU big_ord0 mulmx1.
case=> Y' [X' [N [/IH[X0 [X [Y ->]]] ->]]]; exists X0.
exists (fun i => if (i < r)%N then X i else X').
exists (fun i => if (i < r)%N then Y i else Y').
rewrite /pairs_LU big_ord_recr /= ltnn -!mulmxA; congr (_ *m (_ *m _)).
by apply: eq_bigr => i _; rewrite ltn_ord.
Qed.

Variables (s : seq F) (p : nat).
Hypotheses (us : uniq s) (large : (p < size s)%N).

Lemma ULU_full_rank m q (N : 'M[F]_(p + q)) (l : 'M_(p, q)) :
  (p <= q)%N -> (q <= m.+1 * p)%N -> \det N = 1 -> l *m dlsubmx N = 1%:M ->
  ULU m.+2 N.
Proof.
elim: m q N l => [|m IH] q N l pq qm dN lC.
  have e : p = q by apply/anti_leq; rewrite pq -[p]mul1n.
  case: _ / e N l dN lC {pq qm} => N l dN /mulmx1_unit[_ uC].
  have [X [Y [Z [W [V ->]]]]] := five_ULULU us large uC dN.
  exists W, V, (U X *m L Y *m U Z); split=> //.
  by exists Y, Z, (U X); split=> //; exists X.
have [q' [k [eq kp pq' q'm]]] : exists q' k,
    [/\ q = q' + k, k <= p, p <= q' & q' <= m.+1 * p]%N.
  exists (q - minn p (q - p))%N, (minn p (q - p)).
  have [pqp|/ltnW qpp] := leqP p (q - p).
    by rewrite subnK //; split; rewrite // leq_subLR -mulSn.
  by rewrite subKn // subnKC // leq_pmull.
subst q; have [N2 [l2 [dN2 lN2]]] := peel kp pq' dN lC.
by apply; apply: IH lN2.
Qed.

Theorem unequal_rank_p m q (N : 'M[F]_(p + q)) : (0 < m)%N ->
  (p <= q)%N -> (q <= m * p)%N -> \det N = 1 -> \rank (dlsubmx N) = p ->
  exists X0 X Y, N = U X0 *m pairs_LU m.+1 X Y.
Proof.
case: m => // m _ pq qm dN rC.
have /row_fullP[l lC] : row_full (dlsubmx N) by rewrite /row_full rC.
exact: ULU_pairs (ULU_full_rank pq qm dN lC).
Qed.

Lemma first_shear q (M : 'M[F]_(p + q)) : (p <= q)%N -> \det M = 1 ->
  exists W l, l *m dlsubmx (L W *m M) = 1%:M.
Proof.
move=> pq dM; have uM : M \in unitmx by rewrite unitmxE dM unitr1.
suff [W [l lC]] : exists W l, l *m (dlsubmx M + W *m ulsubmx M) = 1%:M.
  by exists W, l; rewrite -[M]submxK mul_L block_mxKdl.
have := mulVmx uM; move: (invmx M) => M'; rewrite -{1}[M']submxK -{1}[M]submxK.
rewrite mulmx_block scalar_mx_block => /eq_block_mx[e _ _ _].
move: (ulsubmx M) (ulsubmx M') (dlsubmx M) (ursubmx M') e.
by rewrite -(subnKC pq) => A a C c; apply: stable_range_tall.
Qed.

Theorem unequal_upper_bound m q (M : 'M[F]_(p + q)) : (0 < m)%N ->
  (p <= q)%N -> (q <= m * p)%N -> \det M = 1 ->
  exists X Y, M = pairs_LU m.+2 X Y.
Proof.
move=> m0 pq qm dM; have [W [l lC]] := first_shear pq dM.
have [|| X0 [X [Y e]]] := @unequal_rank_p m q (L W *m M) m0 pq qm.
- by rewrite det_mulmx det_L mul1r.
- by apply/eqP/row_fullP; exists l.
exists (fun i => if i is i'.+1 then X i' else X0).
exists (fun i => if i is i'.+1 then Y i' else - W).
by rewrite /pairs_LU big_ord_recl /= -[LHS](mul_LK W) e mulmxA.
Qed.
End UpperBound.
