(* Involutions over the integers.

   Main results
     equal_traces   matrices K1 and K2 of any two sizes with K1^2 = 1 and K2^2 = 1 are
                    1 + Z Y and 1 + Y Z for integer matrices Y and Z iff
                    n - tr K1 = q - tr K2
     orthogonal_reversed   an orthogonal integer matrix T is reversed, K T K = T^T, by a
                    symmetric K with K^2 = 1 that fixes a given unit vector, and
                    tr K - tr (K T) = 1 - det T
     product_of_involutions   so T = K L with K^2 = L^2 = 1, and tr K = tr L if det T = 1

   Idea.  If K^2 = 1 then K = 1 - P Q with Q P = 2, where the columns of P are a basis of
   the x with K x = - x; P has a left inverse, by the Smith normal form.  Transposed, this
   gives a right inverse of Q instead.  With one of them for each of K1 and K2 no similarity
   is needed, and there may be none: [0 1; 1 0] and diag(1, -1) are not similar over the
   integers.
   T takes the first basis vector to a unit vector, and a symmetric s with s^2 = 1 takes it
   back: s T = diag(1, T').  The rest b of that vector is 0 or a unit vector, for the entries
   are integers; by induction some K' that fixes b reverses T'.  If s = 1 then diag(1, K')
   reverses T; if not, diag(1, K' T') does, and the two traces change places.

   Role.  signed_permutations.v makes integer shears of it; reversal.v has what is true over
   every ring.

   References.  equal_traces is new to our knowledge; nearest: Reiner, Integral
   representations of cyclic groups of prime order, Proc. AMS 8 (1957).  Products of two
   involutions over fields: Wonenburger, J. Math. Mech. 16 (1966). *)
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint zmodp matrix intdiv.
From exactflow Require Import shears reversal.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

(* In A N the rows of N that vanish may be left out. *)
Lemma skip_zero_rows l m n (A : 'M[int]_(l, m)) (N : 'M[int]_(m, n)) (S : {set 'I_m}) :
  (forall i, i \notin S -> row i N = 0) ->
  colsub (enum_val : 'I_#|S| -> _) A *m rowsub enum_val N = A *m N.
Proof.
move=> N0; apply/matrixP=> i j; rewrite !mxE [RHS](bigID (mem S)) /=.
rewrite [X in _ + X]big1 ?addr0 => [|a /N0/rowP/(_ j)]; last by rewrite !mxE => ->; rewrite mulr0.
by rewrite [RHS]big_enum_val; apply: eq_bigr => a _; rewrite !mxE.
Qed.

(* The columns of P are a basis of the integer vectors that N spans over the rationals. *)
Lemma rank_factorization m n (N : 'M[int]_(m, n)) :
  exists r (P : 'M_(m, r)) (E : 'M_(r, m)) (Q : 'M_(r, n)),
  [/\ N = P *m Q, E *m P = 1%:M & forall k (X : 'M_(k, r)), X *m Q = 0 -> X = 0].
Proof.
have [L uL [R uR [d _ ->]]] := int_Smith_normal_form N.
set D := \matrix_(i, j) _; pose S := [set i | row i D != 0].
pose f : 'I_#|S| -> 'I_m := enum_val.
exists #|S|, (colsub f L), (rowsub f (invmx L)), (rowsub f D *m R); split.
- by rewrite mulmxA skip_zero_rows // => i; rewrite inE negbK => /eqP.
- by rewrite -mxsub_mul mulVmx //; apply/matrixP=> i j; rewrite !mxE (inj_eq enum_val_inj).
move=> k X; rewrite mulmxA => /(canRL (mulmxK uR)); rewrite mul0mx => XD0.
apply/matrixP=> x a; have := enum_valP a; rewrite inE => /rV0Pn[b]; rewrite !mxE => Dab.
have ab : enum_val a = b :> nat by apply/eqP; apply: contraNT Dab => /negPf->.
move/matrixP/(_ x b): XD0; rewrite !mxE (bigD1 a) //= big1 ?addr0 => [|c ca]; last first.
  by rewrite !mxE -ab (inj_eq val_inj) (inj_eq enum_val_inj) (negPf ca) mulr0.
by rewrite !mxE => /eqP; rewrite mulf_eq0 (negPf Dab) orbF => /eqP.
Qed.

(* P is a basis of the x with K x = - x, and 2 r = n - tr K of its length r *)
Lemma involution_factorization n (K : 'M[int]_n) : K *m K = 1%:M ->
  exists r (P : 'M_(n, r)) (E Q : 'M_(r, n)),
  [/\ K = 1%:M - P *m Q, Q *m P = 1%:M *+ 2, E *m P = 1%:M & n%:R - \tr K = r%:R *+ 2].
Proof.
move=> KK; have [r [P [E [Q [PQ EP Qreg]]]]] := rank_factorization (1%:M - K).
have PQPQ : P *m Q *m (P *m Q) = P *m Q *+ 2.
  by rewrite -PQ mulmxBl mul1mx mulmxBr mulmx1 KK -[K - _]opprB opprK mulr2n.
have QP : Q *m P = 1%:M *+ 2.
  apply/eqP; rewrite -subr_eq0; apply/eqP/Qreg.
  rewrite mulmxBl -[Q *m P *m Q]mul1mx -{1}EP -!mulmxA (mulmxA P) PQPQ !mulr2n.
  by rewrite mulmxDl mul1mx mulmxDr mulmxA EP mul1mx subrr.
exists r, P, E, Q; split=> //; first by rewrite -PQ opprB addrC subrK.
rewrite -mxtrace1 -[LHS](raddfB (@mxtrace _ n)) /= PQ mxtrace_mulC QP raddfMn /=.
by rewrite mxtrace1.
Qed.

(* Factorizations of 1 - K1^T and 1 - K2 of one length give Y and Z. *)
Lemma factors_solve n q r (K1 : 'M[int]_n) (K2 : 'M[int]_q)
    (P1 : 'M_(n, r)) (E1 Q1 : 'M_(r, n)) (P2 : 'M_(q, r)) (E2 Q2 : 'M_(r, q)) :
  [/\ K1^T = 1%:M - P1 *m Q1, Q1 *m P1 = 1%:M *+ 2 & E1 *m P1 = 1%:M] ->
  [/\ K2 = 1%:M - P2 *m Q2, Q2 *m P2 = 1%:M *+ 2 & E2 *m P2 = 1%:M] ->
  let Y := P2 *m P1^T in let Z := E1^T *m (E2 *+ 2 - Q2) - Q1^T *m E2 in
  1%:M + Z *m Y = K1 /\ 1%:M + Y *m Z = K2.
Proof.
move=> [eK1 QP1 EP1] [-> QP2 EP2] Y Z; rewrite /Y /Z.
have PE1 : P1^T *m E1^T = 1%:M by rewrite -trmx_mul EP1 trmx1.
have PQ1 : P1^T *m Q1^T = 1%:M *+ 2 by rewrite -trmx_mul QP1 raddfMn /= trmx1.
rewrite -[K1]trmxK eK1 [(_ - _)^T]linearB /= trmx1 trmx_mul; split; congr (_ + _).
  rewrite mulmxA mulmxBl -!mulmxA EP2 [(_ - Q2) *m P2]mulmxBl QP2 !mulr2n.
  by rewrite [(E2 + E2) *m P2]mulmxDl EP2 subrr mulmx0 sub0r mulmx1 mulNmx.
rewrite -mulmxA mulmxBr !mulmxA PE1 PQ1 mul1mx !mulr2n mulmxDl mul1mx.
by rewrite addrAC subrr sub0r mulmxN.
Qed.

Theorem equal_traces n q (K1 : 'M[int]_n) (K2 : 'M[int]_q) :
  K1 *m K1 = 1%:M -> K2 *m K2 = 1%:M ->
  n%:R - \tr K1 = q%:R - \tr K2 <->
  exists (Y : 'M_(q, n)) (Z : 'M_(n, q)), 1%:M + Z *m Y = K1 /\ 1%:M + Y *m Z = K2.
Proof.
move=> KK1 KK2; split=> [|[Y [Z [<- <-]]]]; last first.
  by rewrite !mxtraceD !mxtrace1 mxtrace_mulC !opprD !addrA !subrr.
have [r [P2 [E2 [Q2 [eK2 QP2 EP2 ->]]]]] := involution_factorization KK2.
have [|s [P1 [E1 [Q1 [eK1 QP1 EP1]]]]] := @involution_factorization _ K1^T.
  by rewrite -trmx_mul KK1 trmx1.
rewrite mxtrace_tr => -> /eqP; rewrite eqrMn2r //= eqr_nat => /eqP sr.
case: r / sr in P2 E2 Q2 eK2 QP2 EP2 *.
exists (P2 *m P1^T), (E1^T *m (E2 *+ 2 - Q2) - Q1^T *m E2).
exact: factors_solve (And3 eK1 QP1 EP1) (And3 eK2 QP2 EP2).
Qed.

(* Over the integers one of two vectors is 0 if their squared lengths add up to 1. *)
Lemma unit_vector_in_half p q (a : 'rV[int]_p) (b : 'rV[int]_q) :
  a *m a^T + b *m b^T = 1%:M -> a = 0 \/ b = 0.
Proof.
pose norm n (v : 'rV[int]_n) := \sum_j v 0 j ^+ 2.
have normE n (v : 'rV[int]_n) : (v *m v^T) 0 0 = norm n v.
  by rewrite mxE; apply: eq_bigr => j _; rewrite mxE.
have norm_ge0 n v : 0 <= norm n v by rewrite sumr_ge0 // => j _; rewrite sqr_ge0.
have norm_eq0 n v : norm n v = 0 -> v = 0.
  move=> /psumr_eq0P v0; apply/rowP=> j; apply/eqP.
  by rewrite mxE -sqrf_eq0 v0 // => i _; rewrite sqr_ge0.
move/matrixP/(_ 0 0); rewrite [LHS]mxE !normE [RHS]mxE => ab.
suff [/norm_eq0|/norm_eq0] : norm p a = 0 \/ norm q b = 0 by [left | right].
case: (norm p a) (norm q b) (norm_ge0 p a) (norm_ge0 q b) ab => [[|x]|//] [[|y]|//] _ _; auto.
by rewrite -PoszD addnS.
Qed.

(* A symmetric involution that takes a unit vector to the first one. *)
Lemma to_first n (a : 'M[int]_1) (b : 'cV[int]_n) :
  (col_mx a b)^T *m col_mx a b = 1%:M -> let s := block_mx a b^T b (1%:M - b *m b^T) in
  [/\ s^T = s, s *m s = 1%:M, s *m col_mx a b = col_mx 1%:M 0,
      b = 0 \/ b^T *m b = 1%:M &
      s = 1%:M \/ a - b^T *m b = - 1%:M /\ \det s = - 1].
Proof.
have a_sym : a^T = a by apply/matrixP=> i j; rewrite mxE !ord1.
rewrite tr_col_mx mul_row_col a_sym => aabb s.
have [ba ub cases] : [/\ b *m a = 0, b = 0 \/ b^T *m b = 1%:M &
    a = 1%:M /\ b = 0 \/ a - b^T *m b = - 1%:M].
  case: (@unit_vector_in_half _ _ a b^T); rewrite ?a_sym ?trmxK //.
    by move=> a0; move: aabb; rewrite a0 !mulmx0 add0r sub0r => ->; split=> //; right.
  move/(congr1 trmx); rewrite trmxK trmx0 => b0; move: aabb.
  rewrite b0 mul0mx mulmx0 addr0 subr0 => /(congr1 determinant)/eqP.
  rewrite det_mulmx det1 det_mx11 -expr2 sqrf_eq1 => a1; split; auto.
  by case/pred2P: a1 => a1; [left | right]; rewrite [a]mx11_scalar a1 ?raddfN.
have ab : a *m b^T = 0 by rewrite -a_sym -trmx_mul ba trmx0.
have bbb : b *m b^T *m b = b.
  by rewrite -mulmxA (canRL (addKr _) aabb) mulmxDr mulmxN mulmxA ba mul0mx oppr0 add0r mulmx1.
have bbbT : b^T *m b *m b^T = b^T by rewrite -{4}bbb !trmx_mul trmxK mulmxA.
split=> //.
- by rewrite tr_block_mx a_sym trmxK linearB /= trmx1 trmx_mul trmxK.
- rewrite mulmx_block aabb mulmxBr mulmx1 mulmxA bbbT ab.
  rewrite mulmxBl mul1mx bbb ba mulmxBl !mulmxBr !mulmx1 mul1mx mulmxA bbb !subrr !addr0.
  by rewrite subr0 addrC subrK -scalar_mx_block.
- by rewrite mul_block_col aabb mulmxBl ba mul1mx bbb subrr add0r.
case: cases => [[a1 b0]|ab1]; [left | right; split=> //].
  by rewrite /s a1 b0 trmx0 mulmx0 subr0 -scalar_mx_block.
have : U (- b^T) *m s *m U b^T = block_mx (- 1%:M) 0 b 1%:M.
  by rewrite -mulmxA mul_block_U mul_U ab addr0 subrK !mulNmx mulmx1 ab1 subrr.
move/(congr1 determinant); rewrite !det_mulmx !det_U mulr1 mul1r det_lblock det1 mulr1 => ->.
by rewrite det_mx11 !mxE.
Qed.

Lemma int_reversed_step n (a : 'M[int]_1) (b : 'cV[int]_n) T :
  let s := block_mx a b^T b (1%:M - b *m b^T) in
  a - b^T *m b = - 1%:M -> \det s = - 1 -> T^T *m T = 1%:M ->
  reversed T b -> reversed (s *m diag1 T) (e1 _ n).
Proof.
move=> s ab1 det_s TT; apply: reversed_step => // K sym Kb.
have -> : s *m diag1 K = block_mx a b^T b (K - b *m b^T).
  rewrite mulmx_block !mulmx1 !mulmx0 !addr0 !add0r mulmxBl mul1mx -mulmxA.
  by rewrite (_ : b^T *m K = b^T) // -[b in RHS]Kb trmx_mul sym.
split; first by rewrite tr_block_mx trmxK linearB /= sym trmx_mul trmxK [a]mx11_scalar tr_scalar_mx.
rewrite mxtrace_block [\tr (K - _)]raddfB /= addrCA -[\tr (b *m _)]mxtrace_mulC.
by rewrite -raddfB ab1 raddfN /= mxtrace1.
Qed.

Theorem orthogonal_reversed n (T : 'M[int]_n) f :
  T^T *m T = 1%:M -> f = 0 \/ f^T *m f = 1%:M -> reversed T f.
Proof.
elim: n T f => [|n IH] T f TT uf.
  by exists 1%:M; rewrite !mul1mx trmx1 [T]flatmx0 trmx0 det_mx00 /mxtrace !big_ord0 !subrr.
have {IH} first (M : 'M[int]_(1 + n)) : M^T *m M = 1%:M -> reversed M (e1 _ n).
  move=> MM; pose g : 'cV_(1 + n) := M *m col_mx 1%:M 0.
  have gg : (col_mx (usubmx g) (dsubmx g))^T *m col_mx (usubmx g) (dsubmx g) = 1%:M.
    rewrite vsubmxK trmx_mul mulmxA -(mulmxA _ M^T) MM mulmx1 tr_col_mx mul_row_col.
    by rewrite trmx1 mulmx1 mulmx0 addr0.
  have [] := to_first gg; set s := block_mx _ _ _ _; rewrite vsubmxK => s_sym ss sg ub cases.
  have [||T' eT TT'] := @fixes_first _ 1 n (s *m M); first by rewrite -mulmxA.
    by rewrite trmx_mul s_sym mulmxA -(mulmxA _ s s) ss mulmx1.
  have revT' := IH T' _ TT' ub; have -> : M = s *m (s *m M) by rewrite mulmxA ss mul1mx.
  rewrite eT; case: cases => [->|[ab1 det_s]]; last exact: int_reversed_step.
  by rewrite mul1mx; apply: reversed_diag1 revT'.
case: uf => [->|].
  by have [K [? ? ? _ ?]] := first T TT; exists K; rewrite mulmx0.
rewrite -{1 2}(@vsubmxK _ 1 n 1 f) => /to_first[].
move: (block_mx _ _ _ _) => s s_sym ss; rewrite vsubmxK => sf _ _.
by apply: (reversed_conj s_sym ss); rewrite sf; apply/first/orthogonal_conj.
Qed.

Corollary product_of_involutions n (T : 'M[int]_n) : T^T *m T = 1%:M ->
  exists K L : 'M_n,
  [/\ T = K *m L, K *m K = 1%:M /\ K^T = K, L *m L = 1%:M /\ L^T = L &
      \tr K - \tr L = 1 - \det T].
Proof.
by move=> TT; apply: (reversed_product TT (f := 0)); apply: orthogonal_reversed TT _; left.
Qed.
