(* Reversals: what orthogonal matrices over the integers and over the reals share.

   A reversal of T is a symmetric K with K^2 = 1 such that K T is symmetric, too: then
   (K T)^2 = 1 and K T K = T^T if T is orthogonal.  reversed T f says that T has one that
   fixes the vector f, and tr K - tr (K T) = 1 - det T.

   Main results, over a commutative ring
     reversed_diag1   if T is reversed, diag(1, T) is
     reversed_step    and s diag(1, T), if s is a reflection that fixes what the reversals
                      of T do: the two traces change places
     reversed_conj    being reversed survives an orthogonal change of coordinates
     reversed_product   T = K L, both symmetric involutions
     reversed_first   if e <= 1 and det T = 1, K = diag(1, k) with the trace of K T

   Role.  integral_involutions.v and real_reversal.v find the reflections. *)
From mathcomp Require Import all_ssreflect ssralg zmodp matrix.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory.
Local Open Scope ring_scope.

Section Reversal.
Variable R : comRingType.

(* An orthogonal N that fixes the first e basis vectors is diag(1, k). *)
Lemma fixes_first e n (N : 'M[R]_(e + n)) :
  N *m col_mx 1%:M 0 = col_mx 1%:M 0 :> 'M_(_, e) -> N^T *m N = 1%:M ->
  exists2 k : 'M_n, N = block_mx 1%:M 0 0 k & k^T *m k = 1%:M.
Proof.
rewrite -[N]submxK mul_block_col !mulmx1 !mulmx0 !addr0 => /eq_col_mx[-> ->].
rewrite tr_block_mx trmx1 trmx0 mulmx_block !mulmx1 !mul0mx mul1mx mulmx0 !addr0.
rewrite scalar_mx_block => /eq_block_mx[_ -> _]; rewrite trmx0 mul0mx add0r => kk.
by exists (drsubmx N).
Qed.

Definition reversed n (T : 'M[R]_n) (f : 'cV[R]_n) := exists K : 'M[R]_n,
  [/\ K^T = K, K *m K = 1%:M, (K *m T)^T = K *m T, K *m f = f &
      \tr K - \tr (K *m T) = 1 - \det T].

Lemma square_of_reversed n (T K : 'M[R]_n) :
  K^T = K -> K *m K = 1%:M -> (K *m T)^T = K *m T -> T^T *m T = 1%:M ->
  K *m T *m (K *m T) = 1%:M.
Proof.
by move=> sym KK KT TT; rewrite -{1}KT trmx_mul sym mulmxA -(mulmxA _ K K) KK mulmx1.
Qed.

Lemma reversed_product n (T : 'M[R]_n) f : T^T *m T = 1%:M -> reversed T f ->
  exists K L : 'M_n,
  [/\ T = K *m L, K *m K = 1%:M /\ K^T = K, L *m L = 1%:M /\ L^T = L &
      \tr K - \tr L = 1 - \det T].
Proof.
move=> TT [K [sym KK KT _ trK]]; exists K, (K *m T).
split=> //; first by rewrite mulmxA KK mul1mx.
by split=> //; apply: square_of_reversed.
Qed.

Lemma orthogonal_conj n (s T : 'M[R]_n) :
  s^T = s -> s *m s = 1%:M -> T^T *m T = 1%:M -> (s *m T *m s)^T *m (s *m T *m s) = 1%:M.
Proof.
move=> sym ss TT.
by rewrite !trmx_mul sym !mulmxA -(mulmxA _ s s) ss mulmx1 -(mulmxA s) TT mulmx1.
Qed.

Lemma reversed_conj n (s T : 'M[R]_n) f :
  s^T = s -> s *m s = 1%:M -> reversed (s *m T *m s) (s *m f) -> reversed T f.
Proof.
move=> s_sym ss [K [sym KK KT Kf trK]].
have KsT : s *m K *m s *m T = s *m (K *m (s *m T *m s)) *m s.
  by rewrite -!mulmxA ss mulmx1.
exists (s *m K *m s); rewrite KsT; split.
- by rewrite !trmx_mul s_sym sym mulmxA.
- by rewrite !mulmxA -(mulmxA _ s s) ss mulmx1 -(mulmxA s) KK mulmx1.
- by rewrite trmx_mul (trmx_mul s) KT s_sym !mulmxA.
- by rewrite -!mulmxA Kf mulmxA ss mul1mx.
have conj M : \tr (s *m M *m s) = \tr M by rewrite mxtrace_mulC mulmxA ss mul1mx.
by rewrite !conj trK !det_mulmx mulrAC -det_mulmx ss det1 mul1r.
Qed.

Lemma reversed_first e n (T : 'M[R]_(e + n)) : (e <= 1)%N ->
  T^T *m T = 1%:M -> \det T = 1 ->
  (forall f, f = 0 \/ f^T *m f = 1%:M -> reversed T f) ->
  exists k : 'M[R]_n, let K : 'M[R]_(e + n) := block_mx 1%:M 0 0 k in
    [/\ k^T = k, k *m k = 1%:M, (K *m T)^T = K *m T, K *m T *m (K *m T) = 1%:M &
        \tr (K *m T) = \tr K].
Proof.
move=> e1 TT dT rev; have [K [sym KK KT Kf trK]] : exists K : 'M[R]_(e + n),
    [/\ K^T = K, K *m K = 1%:M, (K *m T)^T = K *m T,
        K *m col_mx 1%:M 0 = col_mx 1%:M 0 :> 'M_(_, e) & \tr K - \tr (K *m T) = 1 - \det T].
  case: e e1 T {TT dT} rev => [|[|//]] _ T rev; last first.
    by apply: rev; right; rewrite tr_col_mx mul_row_col trmx1 mulmx1 mulmx0 addr0.
  have [|K [? ? ? _ ?]] := rev 0; first by left.
  by exists K; split=> //; rewrite [LHS]thinmx0 [RHS]thinmx0.
have TK := square_of_reversed sym KK KT TT.
have [|k eK kk] := fixes_first Kf; first by rewrite sym.
have symk : k^T = k.
  by move: sym; rewrite eK tr_block_mx => /eq_block_mx[].
exists k; rewrite -eK symk in kk *; split=> //.
by apply/esym/eqP; rewrite -subr_eq0 trK dT subrr.
Qed.

Section Step.
Variable n : nat.
Definition e1 : 'cV[R]_(1 + n) := col_mx 1%:M 0.
Definition diag1 (k : 'M[R]_n) : 'M[R]_(1 + n) := block_mx 1%:M 0 0 k.

Lemma diag1M k l : diag1 k *m diag1 l = diag1 (k *m l).
Proof. by rewrite mulmx_block !mul0mx !mulmx0 mulmx1 !addr0 add0r. Qed.

Lemma diag1_1 : diag1 1%:M = 1%:M. Proof. by rewrite [RHS]scalar_mx_block. Qed.

Lemma diag1_tr k : (diag1 k)^T = diag1 k^T.
Proof. by rewrite tr_block_mx trmx1 !trmx0. Qed.

Lemma diag1_det k : \det (diag1 k) = \det k. Proof. by rewrite det_ublock det1 mul1r. Qed.

Lemma diag1_trace k : \tr (diag1 k) = 1 + \tr k.
Proof. by rewrite mxtrace_block mxtrace1. Qed.

Lemma diag1_mul k a b : diag1 k *m col_mx a b = col_mx a (k *m b) :> 'cV_(1 + n).
Proof. by rewrite mul_block_col !mul0mx mul1mx addr0 add0r. Qed.

Lemma diag1_fix k : diag1 k *m e1 = e1. Proof. by rewrite diag1_mul mulmx0. Qed.

Lemma diag1_inj k l : diag1 k = diag1 l -> k = l. Proof. by case/eq_block_mx. Qed.

Lemma reversed_diag1 T f : reversed T f -> reversed (diag1 T) e1.
Proof.
case=> K [sym KK KT _ trK]; exists (diag1 K).
rewrite !diag1M KK diag1_1 !diag1_tr sym KT diag1_fix diag1_det !diag1_trace -trK; split=> //.
by rewrite opprD addrACA subrr add0r.
Qed.

(* K is diag(1, K' T'), and K T is similar to s diag(1, K'). *)
Lemma reversed_step (s : 'M[R]_(1 + n)) b T :
  (forall K, K^T = K -> K *m b = b ->
     (s *m diag1 K)^T = s *m diag1 K /\ \tr (s *m diag1 K) = \tr K - 1) ->
  \det s = - 1 -> T^T *m T = 1%:M -> reversed T b -> reversed (s *m diag1 T) e1.
Proof.
move=> reflects det_s TT [K [sym KK KT Kb trK]]; pose H := K *m T.
have HH : H *m H = 1%:M by apply: square_of_reversed.
have [symK trace_s] := reflects K sym Kb.
have symH : (diag1 H)^T = diag1 H by rewrite diag1_tr KT.
have eH : diag1 H *m (s *m diag1 T) = diag1 H *m (s *m diag1 K) *m diag1 H.
  by rewrite -!mulmxA diag1M [K *m H]mulmxA KK mul1mx.
exists (diag1 H); rewrite symH eH diag1M HH diag1_1 diag1_fix; split=> //.
  by rewrite trmx_mul (trmx_mul (diag1 H)) symH symK mulmxA.
rewrite mxtrace_mulC (mulmxA (diag1 H) (diag1 H)) diag1M HH diag1_1 mul1mx trace_s diag1_trace.
rewrite det_mulmx det_s diag1_det mulN1r opprK -[\det T](subKr 1) -trK !opprB.
by rewrite -addrA; congr (1 + _); rewrite addrCA.
Qed.
End Step.
End Reversal.
