(* A flow of coupling layers equals a matrix, over the rationals: written by exactflow.
   The kernel checks it: coqc FILE.v.  The first factor is applied last. *)
From Coq Require Import QArith List Bool.
Import ListNotations.
Open Scope Q_scope.

Definition matrix := list (list Q).
Definition scale_add (c : Q) (row sum : list Q) : list Q :=
  map (fun p => Qred (c * fst p + snd p)) (combine row sum).
Definition row_times (row : list Q) (M : matrix) : list Q :=
  fold_right (fun p sum => scale_add (fst p) (snd p) sum)
    (map (fun _ => 0) (hd [] M)) (combine row M).
Definition times (M N : matrix) : matrix := map (fun row => row_times row N) M.
Definition product (factors : list matrix) : matrix :=
  match factors with [] => [] | M :: rest => fold_left times rest M end.

Definition equal (M N : matrix) : Prop := Forall2 (Forall2 Qeq) M N.
Fixpoint all2 (A : Type) (f : A -> A -> bool) (s t : list A) : bool :=
  match s, t with
  | [], [] => true
  | x :: s, y :: t => f x y && all2 A f s t
  | _, _ => false
  end.
Lemma all2_sound (A : Type) (f : A -> A -> bool) (R : A -> A -> Prop) :
  (forall x y, f x y = true -> R x y) ->
  forall s t, all2 A f s t = true -> Forall2 R s t.
Proof.
intros sound s; induction s as [|x s IH]; intros [|y t]; simpl; try discriminate.
- constructor.
- intro H; apply andb_true_iff in H; destruct H; constructor; auto.
Qed.
