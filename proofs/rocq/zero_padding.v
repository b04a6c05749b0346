(* Zero padding: three shears do what no number of them does without.

   n data are padded with n zeros; A acts on the padded data if (x, 0) goes to
   (A x, 0) for every x.

   Main results
     zero_padding_three   an invertible A acts by L A, U (1 - A^-1), L (-1), in
                          this order: (x, 0), (x, A x), (A x, A x), (A x, 0)
     zero_padding_unit    whatever acts by an invertible matrix is invertible
     zero_padding_two     with two shears, in either order, only A = 1 acts

   Role.  The sign of det A plays no part: a flow of
   shears has determinant 1, yet acts as any invertible A on padded data.
   Everything holds over every commutative ring. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix.
From exactflow Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section ZeroPadding.
Variables (R : comUnitRingType) (n : nat).
Implicit Types A X Y : 'M[R]_n.

Definition acts_as (M : 'M[R]_(n + n)) A :=
  forall x : 'cV_n, M *m col_mx x 0 = col_mx (A *m x) 0.

Lemma acts_asP (M : 'M_(n + n)) A :
  acts_as M A <-> ulsubmx M = A /\ dlsubmx M = 0.
Proof.
have ME (x : 'cV_n) : M *m col_mx x 0 = col_mx (ulsubmx M *m x) (dlsubmx M *m x).
  by rewrite -{1}[M]submxK mul_block_col !mulmx0 !addr0.
split=> [act | [uM dM] x]; last by rewrite ME uM dM mul0mx.
have ext (K K' : 'M_n) : (forall x : 'cV_n, K *m x = K' *m x) -> K = K'.
  by move=> e; apply/trmx_inj/row_matrixP => i; rewrite -!tr_col !colE e.
by split; apply: ext => x; have := act x; rewrite ME ?mul0mx => /eq_col_mx[].
Qed.

Theorem zero_padding_three A : A \in unitmx ->
  acts_as (L (- 1%:M) *m U (1%:M - invmx A) *m L A) A.
Proof.
move=> uA; apply/acts_asP; rewrite -mulmxA.
rewrite mul_U mul_L block_mxKul block_mxKdl.
have -> : 1%:M + (1%:M - invmx A) *m A = A.
  by rewrite mulmxBl mul1mx mulVmx // addrC subrK.
by rewrite mulNmx mul1mx subrr.
Qed.

Theorem zero_padding_unit (M : 'M_(n + n)) A :
  M \in unitmx -> acts_as M A -> A \in unitmx.
Proof.
move=> uM /acts_asP[MA M0].
suff /mulmx1_unit[] : ulsubmx (invmx M) *m A = 1%:M by [].
have := mulVmx uM; move: (invmx M) => M'.
rewrite -{1}[M']submxK -[M]submxK mulmx_block scalar_mx_block MA M0.
by case/eq_block_mx => + _ _ _; rewrite mulmx0 addr0.
Qed.

Theorem zero_padding_two X Y A :
  acts_as (U X *m L Y) A \/ acts_as (L Y *m U X) A -> A = 1%:M.
Proof.
case=> /acts_asP; rewrite ?[U X *m L Y]mul_U ?[L Y *m U X]mul_L.
  by rewrite block_mxKul block_mxKdl => -[<- ->]; rewrite mulmx0 addr0.
by rewrite block_mxKul => -[].
Qed.
End ZeroPadding.
