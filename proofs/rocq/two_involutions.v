(* Two involutions: orthonormal columns give six shears in closed form.

   The halves have n and e + n entries: e = 0 is the equal split, e = 1 that of an odd
   number of coordinates.  M = [A B; C D] has the inverse [a b; c d].  The columns of C
   and those of J = -c are orthonormal; e columns u complete C to a square orthogonal
   matrix Ch = [u C], and v = D^T u completes J to Jh = [v J].  K is diag(1, k).

   Main results
     five_by_involution   M = U X * L Y * U Z * L W * U V with X, W and V in closed
                          form, for every solution Y, Z of the two equations
                          1 + Z Y = k and 1 + Y Z = Ch K Jh^T
     det_frames           Theta = Jh^T Ch has the determinant of M
     intertwiner_solves   they are solved by the columns of Ch g and the rows of its
                          inverse if K Theta g = g K, where Theta = Jh^T Ch
     similar_involutions  involutions of one trace are similar, in characteristic 0
     six_by_intertwiner   hence M is L (-W0) and five shears if L W0 * M is such a matrix
     six_by_involution    and if K and K Theta are involutions of one trace

   Role.  What a permutation or a rotation needs; K Theta is an involution if K is one
   that reverses Theta, which is K Theta K = Theta^-1.  X, W and V are products of what
   is given: over the integers they are integer.

   References.  The construction is new to our knowledge.  Nearest: products of two
   involutions, Djokovic 1967; Gustafson, Halmos, Radjavi 1976. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix mxalgebra.
From exactflow Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

Section FiveByInvolution.
Variables (R : comUnitRingType) (e n : nat).
Variables (A : 'M[R]_n) (B : 'M[R]_(n, e + n)) (C : 'M[R]_(e + n, n)) (D : 'M[R]_(e + n)).
Variables (a : 'M[R]_n) (b : 'M[R]_(n, e + n)) (c : 'M[R]_(e + n, n)) (d : 'M[R]_(e + n)).
Variables (u : 'M[R]_(e + n, e)) (k : 'M[R]_n).

Let J : 'M_(e + n, n) := - c.
Let v : 'M_(e + n, e) := D^T *m u.
Let Ch : 'M_(e + n) := row_mx u C.
Let Jh : 'M_(e + n) := row_mx v J.
Let D' := Ch *m block_mx 1%:M 0 0 k *m Jh^T.
Let V := C^T *m (D - D').
Let B' : 'M_(n, e + n) := B - A *m V.

Hypothesis inv : block_mx A B C D *m block_mx a b c d = 1%:M.
Hypotheses (orthC : Ch^T *m Ch = 1%:M) (orthJ : Jh^T *m Jh = 1%:M).
Hypothesis uk : k \in unitmx.

Let gramC : [/\ u^T *m u = 1%:M, u^T *m C = 0, C^T *m u = 0 & C^T *m C = 1%:M].
Proof.
by move: orthC; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
Qed.

Let gramJ : v^T *m J = 0 /\ J^T *m J = 1%:M.
Proof.
by move: orthJ; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
Qed.

Let uD' : u^T *m D' = v^T.
Proof.
have [uu uC _ _] := gramC; rewrite !mulmxA mul_mx_row uu uC mul_row_block.
by rewrite !mulmx0 mulmx1 mul0mx !addr0 tr_row_mx mul_row_col mul1mx mul0mx addr0.
Qed.

Let D'c : D' *m c = - (C *m k).
Proof.
have [vJ JJ] := gramJ; rewrite -[c]opprK -/J mulmxN -mulmxA tr_row_mx mul_col_mx vJ JJ.
by rewrite -mulmxA mul_block_col !mulmx0 !mulmx1 !add0r mul_row_col mulmx0 add0r.
Qed.

Let unitD' : D' \in unitmx.
Proof.
have [_ uC] := mulmx1_unit orthC; have [uJ _] := mulmx1_unit orthJ.
by rewrite !unitmx_mul uC uJ andbT unitmxE det_ublock det1 mul1r.
Qed.

(* D' = D - C V, for the columns of C span what is orthogonal to u. *)
Let eqD : D' + C *m V = D.
Proof.
have : Ch *m Ch^T = 1%:M by apply: mulmx1C.
rewrite tr_row_mx mul_row_col mulmxA addrC => /(canRL (addrK _)) ->.
by rewrite mulmxBl mul1mx -mulmxA mulmxBr uD' trmx_mul trmxK subrr mulmx0 subr0 addrC subrK.
Qed.

Let eqA : A *m k + B' *m c = 1%:M.
Proof.
have [_ _ _ CC] := gramC.
move: inv; rewrite mulmx_block scalar_mx_block => /eq_block_mx[ABac _ CDac _].
have -> : k = a + V *m c.
  rewrite -[LHS]mul1mx -CC -mulmxA -[C *m k]opprK -D'c.
  rewrite -[a]mul1mx -CC -mulmxA (canRL (addrK _) CDac) sub0r.
  by rewrite -[V *m c]mulmxA -mulmxDr mulmxBl addKr.
by rewrite mulmxDr mulmxBl mulmxA addrA addrAC addrK.
Qed.

Theorem five_by_involution (Y : 'M_(e + n, n)) (Z : 'M_(n, e + n)) :
  1%:M + Z *m Y = k -> 1%:M + Y *m Z = D' ->
  let W := invmx D' *m (C - Y) in
  let X := (B' - Z) *m invmx D' in
  block_mx A B C D = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> ZY YZ W X; have D'Ck : invmx D' *m C *m k = - c.
  by rewrite -mulmxA -[C *m k]opprK -D'c mulmxN mulKmx.
have e4 := ULUL_of_schur (A := A) (B := B') (C := C) unitD' YZ ZY.
rewrite /X /W -e4; first by rewrite mul_block_U eqD subrK.
by rewrite mulmxBl -!mulmxA (mulmxA _ C) D'Ck mulmxN opprK eqA.
Qed.

(* If g carries K Theta to K, with K = diag(1, k) and Theta = Jh^T Ch, then the columns
   of Ch g and the rows of its inverse solve the two equations. *)
Lemma intertwiner_solves g : g \in unitmx ->
  block_mx 1%:M 0 0 k *m (Jh^T *m Ch) *m g = g *m block_mx 1%:M 0 0 k ->
  let Y := rsubmx (Ch *m g) in let Z := (k - 1%:M) *m dsubmx (invmx g *m Ch^T) in
  1%:M + Z *m Y = k /\ 1%:M + Y *m Z = D'.
Proof.
move=> ug gK Y Z.
have : Ch *m g *m (invmx g *m Ch^T) = 1%:M by rewrite mulmxA mulmxK // (mulmx1C orthC).
have : D' = Ch *m g *m block_mx 1%:M 0 0 k *m (invmx g *m Ch^T).
  by rewrite -[Ch *m g *m _]mulmxA -gK !mulmxA mulmxK // -mulmxA (mulmx1C orthC) mulmx1.
rewrite /Y /Z; move: (Ch *m g) (invmx g *m Ch^T) => Q P -> QP.
split; last rewrite -QP.
  have : P *m Q = 1%:M by apply: mulmx1C.
  rewrite -[P]vsubmxK -[Q]hsubmxK mul_col_row scalar_mx_block col_mxKd row_mxKr.
  by case/eq_block_mx=> _ _ _ PQ; rewrite -mulmxA PQ mulmx1 addrC subrK.
rewrite -[P]vsubmxK -[Q]hsubmxK col_mxKd row_mxKr mul_row_block !mulmx0 mulmx1 addr0 add0r.
by rewrite !mul_row_col -addrA mulmxA mulmxBr mulmx1 mulmxBl [_ + (_ - _)]addrC subrK.
Qed.
End FiveByInvolution.

(* Theta = Jh^T Ch has the determinant of M. *)
Lemma det_frames (R : comUnitRingType) e n (A a : 'M[R]_n) (B b : 'M[R]_(n, e + n))
    (C c : 'M[R]_(e + n, n)) (D d : 'M[R]_(e + n)) (u : 'M[R]_(e + n, e)) :
  let Ch : 'M[R]_(e + n) := row_mx u C in
  let Jh : 'M[R]_(e + n) := row_mx (D^T *m u) (- c) in
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  Ch^T *m Ch = 1%:M -> Jh^T *m Jh = 1%:M -> \det (Jh^T *m Ch) = \det (block_mx A B C D).
Proof.
move=> Ch Jh inv CC JJ; pose V := C^T *m D - (- c)^T; pose D' := Ch *m Jh^T.
have CV : C *m V = D - D'.
  move: (mulmx1C CC); rewrite /D' !tr_row_mx !mul_row_col trmx_mul trmxK => uuCC.
  rewrite mulmxBr !mulmxA (canRL (addKr _) uuCC) mulmxDl mulNmx mul1mx.
  by rewrite opprD addrA [- _ + D]addrC.
have [vc cc] : (D^T *m u)^T *m c = 0 /\ (- c)^T *m c = - 1%:M.
  move: JJ; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[_ vc _ cc].
  by split; apply: oppr_inj; rewrite -mulmxN ?oppr0 ?opprK.
have D'c : D' *m c = - C.
  by rewrite -mulmxA tr_row_mx mul_col_mx vc cc mul_row_col mulmx0 add0r mulmxN mulmx1.
have one : C^T *m C = 1%:M.
  by move: CC; rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[].
move: inv; rewrite mulmx_block (scalar_mx_block n (e + n)) => /eq_block_mx[ABac _ CDac _].
have Vc : V *m c = 1%:M - a.
  by rewrite mulmxBl cc opprK -mulmxA (canRL (addKr _) CDac) addr0 mulmxN mulmxA one mul1mx addrC.
have : block_mx A B C D *m U (- V) *m L c = block_mx 1%:M (B - A *m V) 0 D'.
  rewrite mul_block_U mul_block_L !mulmxN CV subKr D'c subrr mulmxBl -mulmxA Vc mulmxBr mulmx1.
  by rewrite opprB [A + _]addrC addrA subrK addrC ABac.
move/(congr1 determinant); rewrite !det_mulmx det_U det_L !mulr1 => ->.
by rewrite det_ublock det1 mul1r !det_mulmx mulrC.
Qed.

Section SimilarInvolutions.
Variables (F : numFieldType) (m : nat).
Implicit Types P Q S T : 'M[F]_m.

(* With P = L E U, E = pid_mx r, the matrix S = U L E is U P U^-1, and S and E are
   idempotents of the same kernel: 1 + S - E conjugates them. *)
Lemma idempotent_pid P : P *m P = P ->
  exists2 g, g \in unitmx & P *m g = g *m pid_mx (\rank P).
Proof.
move=> PP; have := mulmx_ebase P; have uU := row_ebase_unit P.
have := col_ebase_unit P; move: (row_ebase P) uU (col_ebase P) => U uU L uL.
set E : 'M_m := pid_mx _ => LEU; pose S := U *m L *m E.
have EE : E *m E = E by rewrite pid_mx_id // rank_leq_row.
have SE : S *m E = S by rewrite -mulmxA EE.
have US : U *m P = S *m U by rewrite -LEU !mulmxA.
have ES : E *m S = E.
  apply: (can_inj (mulmxK uU)); apply: (can_inj (mulKmx uL)).
  by rewrite -[_ *m S *m U]mulmxA -US !mulmxA LEU PP.
have SS : S *m S = S by rewrite {1}/S -mulmxA ES.
have uh : 1%:M + (S - E) \in unitmx.
  have /mulmx1_unit[] // : (1%:M + (S - E)) *m (1%:M - (S - E)) = 1%:M.
  rewrite mulmxDl mul1mx mulmxBr mulmx1 mulmxBl !mulmxBr SS SE ES EE.
  by rewrite !subrr !subr0 subrK.
exists (invmx U *m (1%:M + (S - E))); first by rewrite unitmx_mul unitmx_inv uU.
apply: (can_inj (mulKmx uU)); rewrite !mulmxA US mulmxK // mulmxV // mul1mx.
by rewrite mulmxDl mulmxDr mul1mx mulmx1 mulmxBl mulmxBr SS SE EE subrr addr0 addrC subrK.
Qed.

(* By the idempotent (1 + S) / 2. *)
Lemma involution_diag S : S *m S = 1%:M -> exists r g,
  [/\ g \in unitmx, S *m g = g *m (2 *: pid_mx r - 1%:M) & \tr S = 2 * r%:R - m%:R].
Proof.
move=> SS; pose P := 2^-1 *: (1%:M + S).
have two0 : 2 != 0 :> F by rewrite pnatr_eq0.
have SE : S = 2 *: P - 1%:M by rewrite scalerA mulfV // scale1r addrC addKr.
have PP : P *m P = P.
  rewrite -scalemxAl -scalemxAr mulmxDl mul1mx mulmxDr mulmx1 SS.
  by rewrite [S + 1%:M]addrC -mulr2n -scaler_nat scalerA mulVf // scale1r.
have [g ug Pg] := idempotent_pid PP; exists (\rank P), g.
have Sg : S *m g = g *m (2 *: pid_mx (\rank P) - 1%:M).
  by rewrite SE mulmxBl mulmxBr mul1mx mulmx1 -scalemxAl -scalemxAr Pg.
split=> //; rewrite -[S](mulmxK ug) Sg mxtrace_mulC mulKmx // linearB /= linearZ /= mxtrace1.
rewrite -(pid_mx_id _ _ _ (leqnn _)) mxtrace_mulC pid_mx_id ?rank_leq_row //.
by rewrite pid_mx_1 mxtrace1.
Qed.

Theorem similar_involutions S T : S *m S = 1%:M -> T *m T = 1%:M -> \tr S = \tr T ->
  exists2 g, g \in unitmx & S *m g = g *m T.
Proof.
case/involution_diag=> r [gS [uS eS ->]]; case/involution_diag=> r' [gT [uT eT ->]].
move/addIr/mulfI; rewrite pnatr_eq0 => /(_ isT)/eqP; rewrite eqr_nat => /eqP rr'.
exists (gS *m invmx gT); first by rewrite unitmx_mul uS unitmx_inv.
by apply: (can_inj (mulmxK uT)); rewrite mulmxA mulmxKV // -!mulmxA eT mulKmx // eS rr'.
Qed.
End SimilarInvolutions.

Section SixByInvolution.
Variables (R : comUnitRingType) (e n : nat).
Variables (A : 'M[R]_n) (B : 'M[R]_(n, e + n)) (C : 'M[R]_(e + n, n)) (D : 'M[R]_(e + n)).
Variables (a : 'M[R]_n) (b : 'M[R]_(n, e + n)) (c : 'M[R]_(e + n, n)) (d : 'M[R]_(e + n)).
Variables (W0 : 'M[R]_(e + n, n)) (u : 'M[R]_(e + n, e)) (k : 'M[R]_n).

Let Ch : 'M_(e + n) := row_mx u (C + W0 *m A).
Let Jh : 'M_(e + n) := row_mx ((D + W0 *m B)^T *m u) (d *m W0 - c).
Let K : 'M_(e + n) := block_mx 1%:M 0 0 k.

Theorem six_by_intertwiner g :
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  Ch^T *m Ch = 1%:M -> Jh^T *m Jh = 1%:M -> k \in unitmx -> g \in unitmx ->
  K *m (Jh^T *m Ch) *m g = g *m K ->
  exists X Y Z W V,
    block_mx A B C D = L (- W0) *m U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> inv orthC orthJ uk ug gK.
have inv' : block_mx A B (C + W0 *m A) (D + W0 *m B)
    *m block_mx (a - b *m W0) b (c - d *m W0) d = 1%:M.
  rewrite -mul_L -[a - _]/(a + - _) -[c - _]/(c + - _) -!mulmxN -mul_block_L -mulmxA.
  by rewrite [block_mx A _ _ _ *m _]mulmxA inv mul1mx mulmx1C // mul_LL.
have JE : Jh = row_mx ((D + W0 *m B)^T *m u) (- (c - d *m W0)) by rewrite opprB.
rewrite -[block_mx A B C D](mul_LK W0) mul_L.
rewrite JE in orthJ gK; have [ZY YZ] := intertwiner_solves orthC ug gK.
by rewrite (five_by_involution inv' orthC orthJ uk ZY YZ); do 5!eexists; rewrite !mulmxA.
Qed.
End SixByInvolution.

Theorem six_by_involution (R : numFieldType) e n A B C D a b c d
    (W0 : 'M[R]_(e + n, n)) (u : 'M_(e + n, e)) (k : 'M_n) :
  let Ch : 'M_(e + n) := row_mx u (C + W0 *m A) in
  let Jh : 'M_(e + n) := row_mx ((D + W0 *m B)^T *m u) (d *m W0 - c) in
  let K := block_mx 1%:M 0 0 k in let T := K *m (Jh^T *m Ch) in
  block_mx A B C D *m block_mx a b c d = 1%:M ->
  Ch^T *m Ch = 1%:M -> Jh^T *m Jh = 1%:M ->
  k *m k = 1%:M -> T *m T = 1%:M -> \tr T = \tr K ->
  exists X Y Z W V,
    block_mx A B C D = L (- W0) *m U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> Ch Jh K T inv orthC orthJ kk TT trT; have [uk _] := mulmx1_unit kk.
have KK : K *m K = 1%:M by rewrite [RHS]scalar_mx_block; blocks; rewrite kk.
have [g ug gK] := similar_involutions TT KK trT.
exact: six_by_intertwiner inv orthC orthJ uk ug gK.
Qed.
