(* Six shears from two involutions, over commutative rings and fields of characteristic 0. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import ssralg ssrnum zmodp poly matrix mxalgebra mxpoly.
From exactflow.certificates Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory letters.
Local Open Scope ring_scope.

(* Orthonormal columns, by blocks. *)
Section Gram.
Variables (R : semiRingType) (m p q : nat).

Lemma gram_row (X : 'M[R]_(m, p)) (Y : 'M[R]_(m, q)) :
  (row_mx X Y)^T *m row_mx X Y = 1%:M ->
  [/\ X^T *m X = 1%:M, X^T *m Y = 0, Y^T *m X = 0 & Y^T *m Y = 1%:M].
Proof. by rewrite tr_row_mx mul_col_row scalar_mx_block => /eq_block_mx[]. Qed.

Lemma gram_block n (A : 'M[R]_(m, p)) B (C : 'M[R]_(n, p)) (D : 'M[R]_(n, q)) :
  (block_mx A B C D)^T *m block_mx A B C D = 1%:M ->
  A^T *m A + C^T *m C = 1%:M /\ B^T *m B + D^T *m D = 1%:M.
Proof. by rewrite tr_block_mx mulmx_block scalar_mx_block => /eq_block_mx[]. Qed.
End Gram.

Lemma gram0 (R : comSemiRingType) m p q (X : 'M[R]_(m, p)) (Y : 'M[R]_(m, q)) :
  X^T *m Y = 0 -> Y^T *m X = 0.
Proof. by move=> XY; rewrite -[LHS]trmxK trmx_mul trmxK XY trmx0. Qed.

Lemma row_gram (R : comSemiRingType) m p q (X : 'M[R]_(m, p)) (Y : 'M[R]_(m, q)) :
  X^T *m X = 1%:M -> X^T *m Y = 0 -> Y^T *m Y = 1%:M -> (row_mx X Y)^T *m row_mx X Y = 1%:M.
Proof.
by move=> XX XY YY; rewrite tr_row_mx mul_col_row XX XY (gram0 XY) YY -scalar_mx_block.
Qed.

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

   References.  The construction is new to our knowledge.  Nearest: products of two
   involutions, Djokovic 1967; Gustafson, Halmos, Radjavi 1976. *)
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

Let uD' : u^T *m D' = v^T.
Proof.
have [uu uC _ _] := gram_row orthC; rewrite !mulmxA mul_mx_row uu uC mul_row_block.
by rewrite !mulmx0 mulmx1 mul0mx !addr0 tr_row_mx mul_row_col mul1mx mul0mx addr0.
Qed.

Let D'c : D' *m c = - (C *m k).
Proof.
have [_ vJ _ JJ] := gram_row orthJ; rewrite -[c]opprK -/J mulmxN -mulmxA tr_row_mx mul_col_mx vJ JJ.
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
have [_ _ _ CC] := gram_row orthC.
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

Lemma five_by_intertwiner g : g \in unitmx ->
  block_mx 1%:M 0 0 k *m (Jh^T *m Ch) *m g = g *m block_mx 1%:M 0 0 k ->
  exists X Y Z W V, block_mx A B C D = U X *m L Y *m U Z *m L W *m U V.
Proof.
move=> ug /(intertwiner_solves ug)[]; move: (rsubmx _) (_ *m dsubmx _) => Y Z ZY YZ.
by rewrite (five_by_involution ZY YZ); do 5!eexists.
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
  have [_ vc _ cc] := gram_row JJ.
  by split; apply: oppr_inj; rewrite -mulmxN ?oppr0 ?opprK.
have D'c : D' *m c = - C.
  by rewrite -mulmxA tr_row_mx mul_col_mx vc cc mul_row_col mulmx0 add0r mulmxN mulmx1.
have [_ _ _ one] := gram_row CC.
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

(* Idempotents S and E of one kernel are conjugate by 1 + S - E. *)
Lemma idempotents_of_one_kernel S E : S *m S = S -> S *m E = S -> E *m S = E -> E *m E = E ->
  1%:M + (S - E) \in unitmx /\ S *m (1%:M + (S - E)) = (1%:M + (S - E)) *m E.
Proof.
move=> SS SE ES EE; have NE : (S - E) *m E = S - E by rewrite mulmxBl SE EE.
have SN : S *m (S - E) = 0 by rewrite mulmxBr SS SE subrr.
have NN : (S - E) *m (S - E) = 0 by rewrite mulmxBl SN mulmxBr ES EE subrr subrr.
split; last by rewrite mulmxDr mulmxDl mulmx1 mul1mx SN NE addr0 addrC subrK.
have /mulmx1_unit[] // : (1%:M + (S - E)) *m (1%:M - (S - E)) = 1%:M.
by rewrite mulmxDl mul1mx mulmxBr mulmx1 NN subr0 subrK.
Qed.

(* With P = L E U, E = pid_mx r, the matrix S = U L E is U P U^-1. *)
Lemma idempotent_pid P : P *m P = P ->
  exists2 g, g \in unitmx & P *m g = g *m pid_mx (\rank P).
Proof.
move=> PP; have := mulmx_ebase P; have uU := row_ebase_unit P.
have := col_ebase_unit P; move: (row_ebase P) uU (col_ebase P) => U uU L uL.
have := pid_mx_id F m m (rank_leq_row P); move: (pid_mx _) => E EE LEU.
have US : U *m P = U *m L *m E *m U by rewrite -LEU !mulmxA.
have ES : E *m (U *m L *m E) = E.
  apply: (can_inj (mulmxK uU)); apply: (can_inj (mulKmx uL)).
  by rewrite -(mulmxA E) -US !mulmxA LEU PP.
move: (U *m L) US ES => K US ES.
have SE : K *m E *m E = K *m E by rewrite -mulmxA EE.
have SS : K *m E *m (K *m E) = K *m E by rewrite -(mulmxA K E) ES.
have [ug Sg] := idempotents_of_one_kernel SS SE ES EE.
move: (1%:M + _) ug Sg => g ug Sg.
exists (invmx U *m g); first by rewrite unitmx_mul unitmx_inv uU.
by apply: (can_inj (mulKmx uU)); rewrite !mulmxA US mulmxK // Sg mulmxV // mul1mx.
Qed.

(* By the idempotent (1 + S) / 2. *)
Lemma involution_diag S : S *m S = 1%:M -> exists r g,
  [/\ g \in unitmx, S *m g = g *m ((2 *: pid_mx r : 'M[F]_m) - 1%:M) & \tr S = 2 * r%:R - m%:R].
Proof.
move=> SS; pose P := 2^-1 *: (1%:M + S).
have two0 : 2 != 0 :> F by rewrite pnatr_eq0.
have SE : S = 2 *: P - 1%:M by rewrite scalerA mulfV // scale1r addrC addKr.
have PP : P *m P = P.
  rewrite -scalemxAl -scalemxAr mulmxDl mul1mx mulmxDr mulmx1 SS.
  by rewrite [S + 1%:M]addrC -mulr2n -scaler_nat scalerA mulVf // scale1r.
have [g ug Pg] := idempotent_pid PP; exists (\rank P), g.
have Sg : S *m g = g *m ((2 *: pid_mx (\rank P) : 'M[F]_m) - 1%:M).
  by rewrite SE mulmxBl mulmxBr mul1mx mulmx1 -scalemxAl -scalemxAr Pg.
split=> //; rewrite -[S](mulmxK ug) Sg mxtrace_mulC mulKmx // mxtraceB mxtraceZ mxtrace1.
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
    *m block_mx (a + b *m - W0) b (c + d *m - W0) d = 1%:M.
  rewrite -mul_L -mul_block_L -mulmxA (mulmxA (block_mx A B C D)) inv mul1mx.
  exact: mulmx1C (mul_LL W0).
have JE : d *m W0 - c = - (c + d *m - W0) by rewrite mulmxN opprB.
rewrite /Jh JE in orthJ gK.
destruct (five_by_intertwiner inv' orthC orthJ uk ug gK) as [X [Y [Z [W [V five]]]]].
by exists X, Y, Z, W, V; apply: move_L; rewrite mul_L.
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

(* Reversals: what orthogonal matrices over the integers and over the reals share.

   A reversal of T is a symmetric K with K^2 = 1 such that K T is symmetric, too: then
   (K T)^2 = 1 and K T K = T^T if T is orthogonal.  reversed T f says that T has one that
   fixes the vector f, and tr K - tr (K T) = 1 - det T.

   Main results, over a commutative ring
     reversed_diag1   if T is reversed, diag(1, T) is
     reversed_step    and s diag(1, T), if s is a reflection that fixes what the reversals
                      of T do: the two traces change places
     reversed_conj    being reversed survives an orthogonal change of coordinates
     reversed_product   T = K L, both symmetric involutions
     reversed_first   if e <= 1 and det T = 1, K = diag(1, k) with the trace of K T *)
Section Reversal.
Variable R : comRingType.

(* An orthogonal N that fixes the first e basis vectors is diag(1, k). *)
Lemma fixes_first e n (N : 'M[R]_(e + n)) :
  N *m col_mx 1%:M 0 = col_mx 1%:M 0 :> 'M_(_, e) -> N^T *m N = 1%:M ->
  exists2 k : 'M_n, N = block_mx 1%:M 0 0 k & k^T *m k = 1%:M.
Proof.
rewrite -[N]submxK mul_block_col !mulmx1 !mulmx0 !addr0 => /eq_col_mx[-> ->].
rewrite tr_block_mx trmx1 trmx0 mulmx_block !mulmx1 !mul0mx mul1mx mulmx0 !addr0.
rewrite scalar_mx_block => /eq_block_mx[_ -> _]; rewrite trmx0 mul0mx add0r => kk.
by exists (drsubmx N).
Qed.

Definition reversed n (T : 'M[R]_n) (f : 'cV[R]_n) := exists K : 'M[R]_n,
  [/\ K^T = K, K *m K = 1%:M, (K *m T)^T = K *m T, K *m f = f &
      \tr K - \tr (K *m T) = 1 - \det T].

Lemma square_of_reversed n (T K : 'M[R]_n) :
  K^T = K -> K *m K = 1%:M -> (K *m T)^T = K *m T -> T^T *m T = 1%:M ->
  K *m T *m (K *m T) = 1%:M.
Proof.
by move=> sym KK KT TT; rewrite -{1}KT trmx_mul sym mulmxA -(mulmxA _ K K) KK mulmx1.
Qed.

Lemma reversed_product n (T : 'M[R]_n) f : T^T *m T = 1%:M -> reversed T f ->
  exists K L : 'M_n,
  [/\ T = K *m L, K *m K = 1%:M /\ K^T = K, L *m L = 1%:M /\ L^T = L &
      \tr K - \tr L = 1 - \det T].
Proof.
move=> TT [K [sym KK KT _ trK]]; exists K, (K *m T).
split=> //; first by rewrite mulmxA KK mul1mx.
by split=> //; apply: square_of_reversed.
Qed.

Lemma orthogonal_conj n (s T : 'M[R]_n) :
  s^T = s -> s *m s = 1%:M -> T^T *m T = 1%:M -> (s *m T *m s)^T *m (s *m T *m s) = 1%:M.
Proof.
move=> sym ss TT.
by rewrite !trmx_mul sym !mulmxA -(mulmxA _ s s) ss mulmx1 -(mulmxA s) TT mulmx1.
Qed.

Lemma reversed_conj n (s T : 'M[R]_n) f :
  s^T = s -> s *m s = 1%:M -> reversed (s *m T *m s) (s *m f) -> reversed T f.
Proof.
move=> s_sym ss [K [sym KK KT Kf trK]].
have KsT : s *m K *m s *m T = s *m (K *m (s *m T *m s)) *m s.
  by rewrite -!mulmxA ss mulmx1.
exists (s *m K *m s); rewrite KsT; split.
- by rewrite !trmx_mul s_sym sym mulmxA.
- by rewrite !mulmxA -(mulmxA _ s s) ss mulmx1 -(mulmxA s) KK mulmx1.
- by rewrite trmx_mul (trmx_mul s) KT s_sym !mulmxA.
- by rewrite -!mulmxA Kf mulmxA ss mul1mx.
have conj M : \tr (s *m M *m s) = \tr M by rewrite mxtrace_mulC mulmxA ss mul1mx.
by rewrite !conj trK !det_mulmx mulrAC -det_mulmx ss det1 mul1r.
Qed.

Lemma reversed_first e n (T : 'M[R]_(e + n)) : (e <= 1)%N ->
  T^T *m T = 1%:M -> \det T = 1 ->
  (forall f, f = 0 \/ f^T *m f = 1%:M -> reversed T f) ->
  exists k : 'M[R]_n, let K : 'M[R]_(e + n) := block_mx 1%:M 0 0 k in
    [/\ k^T = k, k *m k = 1%:M, (K *m T)^T = K *m T, K *m T *m (K *m T) = 1%:M &
        \tr (K *m T) = \tr K].
Proof.
move=> e1 TT dT rev; have [K [sym KK KT Kf trK]] : exists K : 'M[R]_(e + n),
    [/\ K^T = K, K *m K = 1%:M, (K *m T)^T = K *m T,
        K *m col_mx 1%:M 0 = col_mx 1%:M 0 :> 'M_(_, e) & \tr K - \tr (K *m T) = 1 - \det T].
  case: e e1 T {TT dT} rev => [|[|//]] _ T rev; last first.
    by apply: rev; right; rewrite tr_col_mx mul_row_col trmx1 mulmx1 mulmx0 addr0.
  have [|K [? ? ? _ ?]] := rev 0; first by left.
  by exists K; split=> //; rewrite [LHS]thinmx0 [RHS]thinmx0.
have TK := square_of_reversed sym KK KT TT.
have [|k eK kk] := fixes_first Kf; first by rewrite sym.
have symk : k^T = k.
  by move: sym; rewrite eK tr_block_mx => /eq_block_mx[].
exists k; rewrite -eK symk in kk *; split=> //.
by apply/esym/eqP; rewrite -subr_eq0 trK dT subrr.
Qed.

Section Step.
Variable n : nat.
Definition e1 : 'cV[R]_(1 + n) := col_mx 1%:M 0.
Definition diag1 (k : 'M[R]_n) : 'M[R]_(1 + n) := block_mx 1%:M 0 0 k.

Lemma diag1M k l : diag1 k *m diag1 l = diag1 (k *m l).
Proof. by rewrite mulmx_block !mul0mx !mulmx0 mulmx1 !addr0 add0r. Qed.

Lemma diag1_1 : diag1 1%:M = 1%:M. Proof. by rewrite [RHS]scalar_mx_block. Qed.

Lemma diag1_tr k : (diag1 k)^T = diag1 k^T.
Proof. by rewrite tr_block_mx trmx1 !trmx0. Qed.

Lemma diag1_det k : \det (diag1 k) = \det k. Proof. by rewrite det_ublock det1 mul1r. Qed.

Lemma diag1_trace k : \tr (diag1 k) = 1 + \tr k.
Proof. by rewrite mxtrace_block mxtrace1. Qed.

Lemma diag1_mul k a b : diag1 k *m col_mx a b = col_mx a (k *m b) :> 'cV_(1 + n).
Proof. by rewrite mul_block_col !mul0mx mul1mx addr0 add0r. Qed.

Lemma diag1_fix k : diag1 k *m e1 = e1. Proof. by rewrite diag1_mul mulmx0. Qed.

Lemma diag1_inj k l : diag1 k = diag1 l -> k = l. Proof. by case/eq_block_mx. Qed.

Lemma reversed_diag1 T f : reversed T f -> reversed (diag1 T) e1.
Proof.
case=> K [sym KK KT _ trK]; exists (diag1 K).
rewrite !diag1M KK diag1_1 !diag1_tr sym KT diag1_fix diag1_det !diag1_trace -trK; split=> //.
by rewrite opprD addrACA subrr add0r.
Qed.

(* K is diag(1, K' T'), and K T is similar to s diag(1, K'). *)
Lemma reversed_step (s : 'M[R]_(1 + n)) b T :
  (forall K, K^T = K -> K *m b = b ->
     (s *m diag1 K)^T = s *m diag1 K /\ \tr (s *m diag1 K) = \tr K - 1) ->
  \det s = - 1 -> T^T *m T = 1%:M -> reversed T b -> reversed (s *m diag1 T) e1.
Proof.
move=> reflects det_s TT [K [sym KK KT Kb trK]]; pose H := K *m T.
have HH : H *m H = 1%:M by apply: square_of_reversed.
have [symK trace_s] := reflects K sym Kb.
have symH : (diag1 H)^T = diag1 H by rewrite diag1_tr KT.
have eH : diag1 H *m (s *m diag1 T) = diag1 H *m (s *m diag1 K) *m diag1 H.
  by rewrite -!mulmxA diag1M [K *m H]mulmxA KK mul1mx.
exists (diag1 H); rewrite symH eH diag1M HH diag1_1 diag1_fix; split=> //.
  by rewrite trmx_mul (trmx_mul (diag1 H)) symH symK mulmxA.
rewrite mxtrace_mulC (mulmxA (diag1 H) (diag1 H)) diag1M HH diag1_1 mul1mx trace_s diag1_trace.
rewrite det_mulmx det_s diag1_det mulN1r opprK -[\det T](subKr 1) -trK !opprB.
by rewrite -addrA; congr (1 + _); rewrite addrCA.
Qed.
End Step.
End Reversal.
