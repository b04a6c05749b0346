(* Rounded shears: bijections of integer columns, and how far from the linear map.

   Main results
     rounded_lower_bijective, rounded_upper_bijective
                        a shift may be any function, so a rounded one: x is had
                        back by subtracting what was added
     run_linear         affine steps y <- S y + r compose to the product of the S
                        plus the images of the r by all later S
     run_bound          coordinate by coordinate, if every |r| <= rho, the
                        composition is within rho times the absolute row sums of
                        the later products
     round_bound        rounding, floor (x + 1/2), moves by at most 1/2
     rounded_shear_step a shear with rounded shift is a step y <- S y + r whose r
                        is at most 1/2, and zero in the half that stays

   Role.  Together: six rounded shears of a matrix are a bijection of Z^d, within
   a stated bound of the linear map. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum ssrint zmodp matrix archimedean.
From exactflow Require Import shears.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory Order.Theory.
Local Open Scope ring_scope.

Section Bijections.
Variables (V : zmodType) (p q : nat).
Implicit Types x : 'M[V]_(p + q, 1).

Definition lower (t : 'M[V]_(p, 1) -> 'M[V]_(q, 1)) x :=
  col_mx (usubmx x) (dsubmx x + t (usubmx x)).

Definition upper (t : 'M[V]_(q, 1) -> 'M[V]_(p, 1)) x :=
  col_mx (usubmx x + t (dsubmx x)) (dsubmx x).

Theorem rounded_lower_bijective t : bijective (lower t).
Proof.
by exists (lower (fun y => - t y)) => x;
  rewrite /lower !col_mxKu !col_mxKd ?addrK ?addrNK vsubmxK.
Qed.

Theorem rounded_upper_bijective t : bijective (upper t).
Proof.
by exists (upper (fun y => - t y)) => x;
  rewrite /upper !col_mxKu !col_mxKd ?addrK ?addrNK vsubmxK.
Qed.
End Bijections.

Section Distance.
Variables (R : realDomainType) (d : nat).
Implicit Types (A : 'M[R]_d) (x r : 'cV[R]_d) (s : seq ('M[R]_d * 'cV[R]_d)).

(* affine steps y <- A y + r, in the order in which x meets them *)
Definition run s x := foldl (fun y Ar => Ar.1 *m y + Ar.2) x s.

Definition product s : 'M[R]_d := foldl (fun P Ar => Ar.1 *m P) 1%:M s.

Lemma product_cons A r s : product ((A, r) :: s) = product s *m A.
Proof.
have go (Q : 'M[R]_d) t : foldl (fun P Ar => Ar.1 *m P) Q t = product t *m Q.
  elim/last_ind: t => [|t Ar IH]; first by rewrite /product /= mul1mx.
  by rewrite /product !foldl_rcons -/(product t) IH mulmxA.
by rewrite {1}/product /= mulmx1 go.
Qed.

Theorem run_linear s x : run s x = product s *m x + run s 0.
Proof.
elim: s x => [|[A r] s IH] x; first by rewrite mul1mx addr0.
by rewrite product_cons /run /= -!/(run _ _) IH [in RHS]IH mulmx0 add0r mulmxDr mulmxA addrA.
Qed.

Theorem run_bound rho s x i :
  (forall Ar, Ar \in s -> forall j, `|Ar.2 j 0| <= rho) ->
  `|(run s x - product s *m x) i 0|
    <= (\sum_(k < size s) \sum_j `|product (drop k.+1 s) i j|) * rho.
Proof.
rewrite run_linear addrC addKr.
elim: s => [|[A r] s IH] small; first by rewrite /run /= mxE normr0 big_ord0 mul0r.
rewrite big_ord_recl mulrDl {1}/run /= drop0 mulmx0 add0r -/(run _ _) run_linear mxE.
apply: le_trans (ler_normD _ _) _; apply: lerD; last first.
  by apply: IH => Ar insd; apply: small; rewrite inE insd orbT.
rewrite mxE mulr_suml; apply: le_trans (ler_norm_sum _ _ _) _.
apply: ler_sum => j _; rewrite normrM ler_wpM2l //.
by have /(_ j) := small (A, r) (mem_head _ _).
Qed.
End Distance.

Section Rounding.
Variable R : archiRealFieldType.

Definition round (x : R) : int := Num.floor (x + 2%:R^-1).

Theorem round_bound x : `|(round x)%:~R - x| <= 2%:R^-1.
Proof.
have /andP[lo hi] := floor_itv (x + 2%:R^-1).
have half : 2%:R^-1 + 2%:R^-1 = 1 :> R by rewrite [RHS]splitr mul1r.
rewrite ler_norml; apply/andP; split.
  move: hi; rewrite intrD mulr1z -ltrBlDr -addrA -{2}half opprD addNKr => /ltW.
  by rewrite lerBrDl.
by rewrite lerBlDl.
Qed.

Variables p q : nat.
Implicit Types (T : 'M[R]_(q, p)) (x : 'M[int]_(p + q, 1)).

Definition embed m (x : 'M[int]_(m, 1)) : 'cV[R]_m := map_mx intr x.

Definition rounded_shift T (x : 'M[int]_(p, 1)) : 'M[int]_(q, 1) :=
  map_mx round (T *m embed x).

Theorem rounded_shear_step T x :
  exists r : 'cV[R]_(p + q),
    [/\ embed (lower (rounded_shift T) x) = block_mx 1%:M 0 T 1%:M *m embed x + r,
        usubmx r = 0 & forall j, `|r j 0| <= 2%:R^-1].
Proof.
pose r : 'cV[R]_(p + q) := col_mx 0 (embed (rounded_shift T (usubmx x)) - T *m embed (usubmx x)).
exists r; split; first last.
- move=> j; rewrite /r mxE; case: split => k; first by rewrite mxE normr0 invr_ge0 ler0n.
  by rewrite !mxE; apply: round_bound.
- by rewrite /r col_mxKu.
have -> : embed x = col_mx (embed (usubmx x)) (embed (dsubmx x)).
  by rewrite -map_col_mx vsubmxK.
rewrite /r /lower {1}/embed map_col_mx mul_block_col add_col_mx.
rewrite !mul1mx mul0mx !addr0; congr col_mx.
by rewrite map_mxD [RHS]addrC addrA subrK addrC.
Qed.
End Rounding.
