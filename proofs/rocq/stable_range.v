(* Stable range: one shear makes the lower left block as good as it can be.

   Main result
     stable_range   if a A + c C = 1, with C square and A of any height, then
                    C + W A is invertible for some W

   Role.  Left multiplication by L W turns [A B; C D] into
   [A B; C + W A, D + W B], so that C' = C + W A is invertible.  The columns of an
   invertible matrix have a left inverse, hence the hypothesis.

   Plan.  Induction on the corank of C.  While C is singular, some row a_i of A
   is not in its row space (otherwise 1 = a A + c C would be).  Take u in the
   left kernel of C and w with u w = 1: the rows of C + w a_i span those of C
   and, through u, the row a_i.  So the rank grows. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix mxalgebra.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section StableRange.
Variable F : fieldType.

Lemma dual_vector n (u : 'rV[F]_n) : u != 0 -> exists w : 'cV_n, u *m w = 1%:M.
Proof.
move=> u0; exists (pinvmx u); apply: mulmxVp.
by rewrite /row_free rank_rV u0.
Qed.

Theorem stable_range m n (A : 'M[F]_(m, n)) (C : 'M_n) (a : 'M_(n, m)) (c : 'M_n) :
  a *m A + c *m C = 1%:M -> exists W, C + W *m A \in unitmx.
Proof.
have [k] := ubnP (n - \rank C); elim: k C c a => // k IH C c a le_k aAcC.
have [fC | sC] := boolP (row_free C).
  by exists 0; rewrite mul0mx addr0 -row_free_unit.
have [AC|/row_subPn[i ai]] := boolP (A <= C)%MS.
  case/negP: sC; rewrite row_free_unit -row_full_unit -sub1mx -aAcC.
  by rewrite addmx_sub // mulmx_sub.
have: kermx C != 0 by rewrite kermx_eq0.
case/rowV0Pn => u /sub_kermxP uC /dual_vector[w uw].
pose V := w *m delta_mx 0 i; pose C' := C + V *m A.
have ai_C' : (row i A <= C')%MS.
  apply/submxP; exists u.
  by rewrite mulmxDr uC add0r /V !mulmxA uw mul1mx rowE.
have C_C' : (C <= C')%MS.
  rewrite -{1}[C](addrK (V *m A)) addmx_sub // eqmx_opp /V -mulmxA -rowE.
  exact: mulmx_sub.
have lt_rank : (\rank C < \rank C')%N.
  by apply: rank_ltmx; rewrite /ltmx C_C'; apply: contra ai; apply: submx_trans.
have [||W uW] := IH C' c (a - c *m V).
- apply: leq_trans (ltn_sub2l (leq_trans lt_rank (rank_leq_row _)) lt_rank) _.
  exact: le_k.
- by rewrite /C' mulmxBl mulmxDr -mulmxA addrC addrAC addrA subrK addrC.
by exists (V + W); rewrite mulmxDl addrA.
Qed.
End StableRange.
