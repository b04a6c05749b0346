(* The words in which theorems are stated; MathComp alone is used.

   A vector of p + q entries has a first half of p and a second half of q. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq fintype finset bigop.
From mathcomp Require Import ssralg ssrnum zmodp matrix.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* U X adds X times the second half to the first, L Y adds Y times the first to the second: with
   these letters, if they are imported. *)
Definition upper_shear (R : comUnitRingType) p q (X : 'M[R]_(p, q)) : 'M[R]_(p + q) :=
  block_mx 1%:M X 0 1%:M.
Definition lower_shear (R : comUnitRingType) p q (Y : 'M[R]_(q, p)) : 'M[R]_(p + q) :=
  block_mx 1%:M 0 Y 1%:M.
Module letters.
Notation U := upper_shear.
Notation L := lower_shear.
End letters.
Import letters.
Definition shear (R : comUnitRingType) p q (K : 'M[R]_(p + q)) :=
  (exists X, K = U X) \/ (exists Y, K = L Y).
Arguments shear {R p q} K.

(* A coupling also multiplies the entries of the half that moves, by positive scales s. *)
Definition coupling (F : numFieldType) p q (K : 'M[F]_(p + q)) :=
  (exists (s : 'rV[F]_p) X, (forall i, 0 < s 0 i) /\ K = block_mx (diag_mx s) X 0 1%:M) \/
  (exists (s : 'rV[F]_q) Y, (forall i, 0 < s 0 i) /\ K = block_mx 1%:M 0 Y (diag_mx s)).
Arguments coupling {F p q} K.

(* M is a product of at most k matrices of some kind, in any order. *)
Definition product_of_at_most (R : comUnitRingType) n k (kind : 'M[R]_n -> Prop) (M : 'M[R]_n) :=
  exists Ks : seq 'M[R]_n, [/\ (size Ks <= k)%N, forall K, K \in Ks -> kind K
    & M = \big[mulmx/1%:M]_(K <- Ks) K].

(* The principal minor of N at S; D and a are opposed at k if, up to one common factor z, those of
   D of size k are >= 0, those of a are <= 0, and not all of them vanish. *)
Definition principal_minor (R : comRingType) n (N : 'M[R]_n) (S : {set 'I_n}) :=
  \det (\matrix_(i, j) if (i \in S) && (j \in S) then N i j else (i == j)%:R).
Definition opposed (F : numFieldType) n k (D a : 'M[F]_n) := exists2 z : F, z != 0 &
  (forall S : {set 'I_n}, #|S| = k ->
     0 <= z * principal_minor D S /\ z * principal_minor a S <= 0) /\
  exists2 S : {set 'I_n}, #|S| = k & (principal_minor D S != 0) || (principal_minor a S != 0).

(* |X x| <= k |x| for all x, in the Euclidean norm. *)
Definition bounded (R : realFieldType) (k : R) p q (X : 'M[R]_(p, q)) := forall x : 'cV_q,
  ((X *m x)^T *m (X *m x)) 0 0 <= k ^+ 2 * (x^T *m x) 0 0.

(* So its condition number is at most k, if M is invertible. *)
Definition condition_at_most (R : realFieldType) (k : R) n (M : 'M[R]_n) := exists a b : R,
  [/\ 0 <= a, 0 <= b, a * b <= k, bounded a M & bounded b (invmx M)].

(* Maps of columns: a coupling moves the coordinates in M, x_i to s_i x_i + t_i, where the scales
   s_i, all in G, and the shifts t_i are any functions of the coordinates in B. *)
Definition coupling_map (R : ringType) (G : {pred R}) d (M B : {set 'I_d})
    (f : 'cV[R]_d -> 'cV[R]_d) := exists s t : 'I_d -> 'cV[R]_d -> R,
  [/\ forall i x, s i x \in G,
      forall i (x y : 'cV_d), (forall j, j \in B -> x j 0 = y j 0) -> s i x = s i y /\ t i x = t i y
    & forall x i, f x i 0 = if i \in M then s i x * x i 0 + t i x else x i 0].

(* Maps of pairs: one half moves by any function of the other, after positive scales of it; inl
   says that the first half moves, inr that the second does. *)
Definition move_first (V W : zmodType) (u : W -> V) (x : V * W) := (x.1 + u x.2, x.2).
Definition move_second (V W : zmodType) (t : V -> W) (x : V * W) := (x.1, x.2 + t x.1).
Definition move_half (V W : zmodType) (layer : (W -> V) + (V -> W)) : V * W -> V * W :=
  match layer with inl u => move_first u | inr t => move_second t end.
Definition scale_first (F : numDomainType) p q (s u : 'rV[F]_q -> 'rV[F]_p)
  (x : 'rV[F]_p * 'rV[F]_q) := (\row_i (s x.2 0 i * x.1 0 i + u x.2 0 i), x.2).
Definition scale_second (F : numDomainType) p q (s t : 'rV[F]_p -> 'rV[F]_q)
  (x : 'rV[F]_p * 'rV[F]_q) := (x.1, \row_j (s x.1 0 j * x.2 0 j + t x.1 0 j)).
Definition positive_scale (F : numDomainType) p q (s : 'rV[F]_p -> 'rV[F]_q) :=
  forall x i, 0 < s x 0 i.
