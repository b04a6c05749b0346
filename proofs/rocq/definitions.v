(* The words in which headlines.v states the theorems; MathComp alone is used.

   A vector of p + q entries has a first half of p and a second half of q. *)
From mathcomp Require Import all_ssreflect ssralg ssrnum zmodp matrix.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory.
Local Open Scope ring_scope.

(* U X adds X times the second half to the first, L Y adds Y times the first to the second. *)
Definition U (R : comUnitRingType) p q (X : 'M[R]_(p, q)) : 'M[R]_(p + q) :=
  block_mx 1%:M X 0 1%:M.
Definition L (R : comUnitRingType) p q (Y : 'M[R]_(q, p)) : 'M[R]_(p + q) :=
  block_mx 1%:M 0 Y 1%:M.
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
Definition minor (R : comRingType) n (N : 'M[R]_n) (S : {set 'I_n}) :=
  \det (\matrix_(i, j) if (i \in S) && (j \in S) then N i j else (i == j)%:R).
Definition opposed (F : numFieldType) n k (D a : 'M[F]_n) := exists2 z : F, z != 0 &
  (forall S : {set 'I_n}, #|S| = k -> 0 <= z * minor D S /\ z * minor a S <= 0) /\
  exists2 S : {set 'I_n}, #|S| = k & (minor D S != 0) || (minor a S != 0).

(* |X x| <= k |x| for all x, in the Euclidean norm. *)
Definition bounded (R : realFieldType) (k : R) p q (X : 'M[R]_(p, q)) := forall x : 'cV_q,
  ((X *m x)^T *m (X *m x)) 0 0 <= k ^+ 2 * (x^T *m x) 0 0.
