From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint zmodp matrix mxalgebra rat.
From mathcomp Require Import perm archimedean poly mxpoly.
From exactflow Require Import shears six_suffice hyperplane.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.
Goal forall (F : fieldType) (s : seq F) e n (M : 'M[F]_(n + (e + n))) ,
  (e <= 1)%N -> uniq s -> (n.+1 < size s)%N -> \det M = 1 ->
  (exists (W0 : 'M[F]_(e + n, n)) (X : 'M[F]_(n, e + n)) (Y : 'M[F]_(e + n, n)) (Z : 'M[F]_(n, e + n)) (W : 'M[F]_(e + n, n)) (V : 'M[F]_(n, e + n)),
    M = block_mx 1%:M 0 W0 1%:M *m block_mx 1%:M X 0 1%:M *m
        block_mx 1%:M 0 Y 1%:M *m block_mx 1%:M Z 0 1%:M *m
        block_mx 1%:M 0 W 1%:M *m block_mx 1%:M V 0 1%:M).
Proof.
move=> F s e n M e1 us hs dM.

apply: (six_every_LULULU us hs e1 dM).
Qed.
