(* A flow of coupling layers and a matrix, over the rationals: written by exactflow.

   Theorem flow_of_couplings, at the end, says that each factor is a coupling, and
   what their product has to do with the target: it is the target, or no entry
   differs by more than a bound.  To trust it, read its statement, is_coupling,
   signs, rational and matrix_of; coqc checks the rest, by computation on lists. *)

(* The identity but for the rows of the coordinates that are moved: there a positive scale on
   the diagonal, and anything in the columns of the others. *)
Definition is_coupling d (moved : pred nat) (K : 'M[rat]_d) := forall i j : 'I_d,
  [/\ ~~ moved i -> K i j = (i == j)%:R, moved i -> i = j -> 0 < K i j &
      moved i -> moved j -> i <> j -> K i j = 0].

(* The diagonal matrix with -1 at the flips. *)
Definition signs d (flips : seq nat) : 'M[rat]_d :=
  diag_mx (\row_i (if (i : nat) \in flips then -1 else 1)).

Definition difference x y := Qplus x (Qopp y).
Lemma differenceE x y : rational (difference x y) = rational x - rational y.
Proof. by rewrite rationalD rationalN. Qed.

Section Within.
Variable d : nat.
Notation mx := (matrix_of d).
Implicit Types (s t : rows) (moved : pred nat).

Definition coupling moved s := everywhere d (fun i j => let x := entry s i j in
  if ~~ moved i then is_zero (difference x (entry (one d) i j))
  else if i == j then ~~ is_zero x && nonnegative x else moved j ==> is_zero x).

Lemma couplingP moved s : coupling moved s -> is_coupling moved (mx s).
Proof.
move/everywhereP=> e i j; move: (e i j); rewrite -val_eqE /= mxE.
case: (moved i) => ok; split=> // _.
- move=> /(congr1 val)/eqP ij; move: ok; rewrite /= ij => /andP[/is_zeroP/eqP nz].
  by move/nonnegativeP; rewrite le0r (negbTE nz).
- by move=> mj /eqP; rewrite -val_eqE /= => /negbTE ij; move: ok; rewrite /= ij mj => /is_zeroP.
have {ok} /is_zeroP/eqP : is_zero (difference (entry s i j) (entry (one d) i j)) := ok.
rewrite differenceE subr_eq0 => /eqP ->.
by have := congr1 (fun M : 'M_d => M i j) (oneE d); rewrite !mxE.
Qed.

Definition signs_list (flips : seq nat) := tabulate d (fun i j =>
  Qmake (if i == j then if i \in flips then (-1)%Z else 1%Z else 0%Z) 1).

Lemma signsE flips : mx (signs_list flips) = signs d flips.
Proof.
apply/matrixP => i j; rewrite tabulateE !mxE val_eqE.
by case: eqP => [->|_]; case: (_ \in _); rewrite /rational /= ?mul0r ?divr1.
Qed.

Definition product (factors : seq rows) flips := foldr (mul d) (signs_list flips) factors.

Lemma productE factors flips : mx (product factors flips) =
  (\big[mulmx/1%:M]_(K <- [seq mx s | s <- factors]) K) *m signs d flips.
Proof.
elim: factors => [|s factors IH]; first by rewrite big_nil mul1mx /= signsE.
by rewrite /= big_cons mulE IH mulmxA.
Qed.

Definition couplings moved factors :=
  all (fun s => coupling moved s || coupling (predC moved) s) factors.

Lemma couplingsP moved factors : couplings moved factors ->
  forall K, K \in [seq mx s | s <- factors] -> is_coupling moved K \/ is_coupling (predC moved) K.
Proof.
elim: factors => //= s factors IH /andP[ok /IH {}IH] K.
by rewrite inE => /predU1P[->|/IH//]; case/orP: ok => /couplingP; [left | right].
Qed.

Definition near bound (pads : seq nat) s t := everywhere d (fun i j =>
  let x := difference (entry s i j) (entry t i j) in
  (j \in pads) || nonnegative (difference bound x) && nonnegative (Qplus bound x)).

Lemma nearP bound pads s t : near bound pads s t -> forall i j : 'I_d, (j : nat) \notin pads ->
  `|mx s i j - mx t i j| <= rational bound.
Proof.
move/everywhereP=> e i j jp; have := e i j; rewrite (negbTE jp) /= => /andP[].
move=> /nonnegativeP + /nonnegativeP; rewrite differenceE rationalD differenceE !mxE.
by rewrite ler_norml subr_ge0 -lerBlDl sub0r => -> ->.
Qed.

Definition holds moved is_covariance bound pads t factors flips :=
  let s := product factors flips in
  couplings moved factors && near bound pads t (if is_covariance then mul d s (tr d s) else s).

Section Claim.
Variables (moved : pred nat) (is_covariance : bool) (bound : Q) (pads : seq nat).
Variables (t : rows) (factors : seq rows) (flips : seq nat).
Hypothesis checked : holds moved is_covariance bound pads t factors flips.
Let Ks := [seq mx s | s <- factors].
Let P := (\big[mulmx/1%:M]_(K <- Ks) K) *m signs d flips.
Let claimed := if is_covariance then P *m P^T else P.

Lemma withinP : (forall K, K \in Ks -> is_coupling moved K \/ is_coupling (predC moved) K) /\
  forall i j : 'I_d, (j : nat) \notin pads -> `|mx t i j - claimed i j| <= rational bound.
Proof.
have /andP[/couplingsP ok /nearP e] := checked; split=> // i j /(e i j).
by rewrite /claimed /P /Ks; case: is_covariance; rewrite ?mulE ?trE productE.
Qed.

Lemma equalP : is_zero bound ->
  (forall K, K \in Ks -> is_coupling moved K \/ is_coupling (predC moved) K) /\
  forall i j : 'I_d, (j : nat) \notin pads -> mx t i j = claimed i j.
Proof.
move=> /is_zeroP b0; have [ok e] := withinP; split=> // i j /(e i j).
by rewrite b0 normr_le0 subr_eq0 => /eqP.
Qed.
End Claim.
End Within.
