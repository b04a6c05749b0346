(* Rounded shears: bijections of integer columns, and how far from the linear map.

   Main results
     rounded_lower_bijective, rounded_upper_bijective
                        a shift may be any function, so a rounded one: x is had
                        back by subtracting what was added
     run_linear         affine steps y <- S y + r compose to the product of the S
                        plus the images of the r by all later S
     run_bound          coordinate by coordinate, the composition is within the sum of
                        the |r|, each times the absolute value of the later products
     round_bound        rounding, floor (x + 1/2), moves by at most 1/2
     rounded_shear_step a shear with rounded shift is a step y <- S y + r whose r
                        is at most 1/2, and zero in the half that stays
     rounded_flow       so rounded shears, of any number, are within half the absolute
                        row sums of the later products, over the halves that move

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

Theorem run_bound s x i :
  `|(run s x - product s *m x) i 0|
    <= \sum_(k < size s) \sum_j `|product (drop k.+1 s) i j| * `|(nth (0, 0) s k).2 j 0|.
Proof.
rewrite run_linear addrC addKr.
elim: s => [|[A r] s IH]; first by rewrite /run /= mxE normr0 big_ord0.
rewrite big_ord_recl {1}/run /= drop0 mulmx0 add0r -/(run _ _) run_linear mxE.
apply: le_trans (ler_normD _ _) _; apply: lerD IH.
by rewrite mxE; apply: le_trans (ler_norm_sum _ _ _) _; apply: ler_sum => j _; rewrite normrM.
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

Definition embed m (x : 'M[int]_(m, 1)) : 'cV[R]_m := map_mx intr x.

Definition rounded_shift m n (T : 'M[R]_(m, n)) (x : 'M[int]_(n, 1)) : 'M[int]_(m, 1) :=
  map_mx round (T *m embed x).

Variables p q : nat.

(* inl T moves the second half, inr T the first. *)
Implicit Types (K : 'M[R]_(q, p) + 'M[R]_(p, q)) (x : 'M[int]_(p + q, 1)).

Definition rounded x K :=
  match K with inl T => lower (rounded_shift T) x | inr T => upper (rounded_shift T) x end.
Definition linear_shear K : 'M[R]_(p + q) := match K with inl T => L T | inr T => U T end.
Definition moves K (j : 'I_(p + q)) := match K with inl _ => p <= j | inr _ => j < p end%N.

Theorem rounded_shear_step x K :
  exists2 r : 'cV[R]_(p + q), embed (rounded x K) = linear_shear K *m embed x + r &
    forall j, `|r j 0| <= if moves K j then 2%:R^-1 else 0.
Proof.
have eE : embed x = col_mx (embed (usubmx x)) (embed (dsubmx x)) by rewrite -map_col_mx vsubmxK.
case: K => T /=.
  exists (col_mx 0 (embed (rounded_shift T (usubmx x)) - T *m embed (usubmx x))) => [|j].
    rewrite eE /lower {1}/embed map_col_mx mul_block_col add_col_mx !mul1mx mul0mx !addr0.
    by congr col_mx; rewrite map_mxD [RHS]addrC addrA subrK addrC.
  case: (split_ordP j) => k ->; rewrite ?(col_mxEu, col_mxEd) /= ?leq_addr; last first.
    by rewrite !mxE; apply: round_bound.
  by rewrite mxE normr0 leqNgt ltn_ord.
exists (col_mx (embed (rounded_shift T (dsubmx x)) - T *m embed (dsubmx x)) 0) => [|j].
  rewrite eE /upper {1}/embed map_col_mx mul_block_col add_col_mx !mul1mx mul0mx add0r addr0.
  by congr col_mx; rewrite map_mxD -addrA [T *m _ + _]addrC subrK.
case: (split_ordP j) => k ->; rewrite ?(col_mxEu, col_mxEd) /= ?ltn_ord.
  by rewrite !mxE; apply: round_bound.
by rewrite mxE normr0.
Qed.

Definition linear_flow s := foldl (fun P K => linear_shear K *m P) 1%:M s.

Theorem rounded_flow x s i :
  `|(embed (foldl rounded x s) - linear_flow s *m embed x) i 0| <=
    \sum_(k < size s) \sum_(j | moves (nth (inl 0) s k) j)
      `|linear_flow (drop k.+1 s) i j| / 2%:R.
Proof.
have [t [st et rt]] : exists t : seq ('M[R]_(p + q) * 'cV_(p + q)),
    [/\ map fst t = map linear_shear s, embed (foldl rounded x s) = run t (embed x) &
    forall k j, (k < size s)%N ->
      `|(nth (0, 0) t k).2 j 0| <= if moves (nth (inl 0) s k) j then 2%:R^-1 else 0].
  elim: s x => [|K s IH] x; first by exists [::].
  have [t [st et rt]] := IH (rounded x K); have [r er br] := rounded_shear_step x K.
  exists ((linear_shear K, r) :: t); split; first by rewrite /= st.
    by rewrite /= et er.
  by case=> [|k] j; [move=> _; apply: br | apply: rt].
have prodE m : product (drop m t) = linear_flow (drop m s).
  elim: s t m {et rt} st => [|K s IH] [|[A r] t] // [|m] //= [eA st]; last exact: IH.
  have := IH t 0%N st; rewrite !drop0 eA /linear_flow /= product_cons => ->.
  suff go (Q : 'M_(p + q)) : foldl (fun P K => linear_shear K *m P) Q s = linear_flow s *m Q.
    by rewrite mulmx1 (go (linear_shear K)).
  elim/last_ind: s {IH st} => [|s K' IH]; first by rewrite /linear_flow /= mul1mx.
  by rewrite /linear_flow !foldl_rcons IH mulmxA.
have sz : size t = size s by rewrite -(size_map fst) st size_map.
have := prodE 0%N; rewrite !drop0 => <-; rewrite et; apply: le_trans (run_bound _ _ _) _.
rewrite sz; apply: ler_sum => k _; rewrite [leRHS]big_mkcond; apply: ler_sum => j _.
rewrite prodE; have := rt k j (ltn_ord k); case: ifP => _ h; first by rewrite ler_wpM2l.
by rewrite (le_anti (introT andP (conj h (normr_ge0 _)))) mulr0.
Qed.
End Rounding.
