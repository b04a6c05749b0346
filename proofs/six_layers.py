# %% [markdown]
# # Six layers: they represent every matrix of positive determinant
#
# **Theorem 1** (Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021: a bounded number of layers; Urschel 2024: six, for halves of one
# size). **Theorem 14** (halves of $n$ and $n + 1$: to our knowledge new). An invertible real matrix
# $M$ on $d \ge 2$ coordinates, in halves that differ by at most one, is a composition of affine
# couplings
#
# $$ L = \begin{pmatrix} I & 0 \\ T & \operatorname{diag}(s) \end{pmatrix}, \qquad
#    U = \begin{pmatrix} \operatorname{diag}(s) & T \\ 0 & I \end{pmatrix}, \qquad s > 0, $$
#
# if and only if $\det M > 0$. Then six alternating couplings suffice, in either order: five of them
# are additive ($s = 1$), and one carries $\det M$ in a single entry of its scale. If an
# off-diagonal block of $M$ has the rank of the smaller half, five suffice.
#
# **Why.** Flows such as Glow put a 1x1 convolution, or a permutation, between their couplings. The
# paper asks whether couplings alone represent it, and in how many layers: depth would otherwise be
# a reason for such layers. Six is the least number (`six_is_sharp`). Over rings, a matrix of
# determinant 1 is a product of few *unitriangular* matrices (Vaserstein and Wheland, *Commutators
# and companion matrices over rings of stable rank 1*, Linear Algebra Appl. 142, 1990); but such a
# factor mixes coordinates within a half, and a coupling does not.
#
# ## Proof
#
# Every coupling with $s > 0$ has a positive determinant: so $\det M > 0$ is necessary. Let it hold.
# Write $M = S M_1$, $\det M_1 = 1$, with a diagonal $S$ that has $\det M$ in one entry of the half
# that the leftmost factor of $M_1$ moves, and ones elsewhere: $S$ times that factor is one
# coupling. So let $\det M = 1$; from now on all layers are shears $L(Y)$, $U(X)$, with $s = 1$. The
# halves have $n$ and $q$ coordinates, $q = n$ or $n + 1$ (otherwise exchange them), and
#
# $$ M = \begin{pmatrix} A & B \\ C & D \end{pmatrix}, \qquad
#    M^{-1} = \begin{pmatrix} a & b \\ c & d \end{pmatrix}. $$
#
# **Four shears.** *Let $N$ have the blocks $A', B', C', D'$, $D'$ invertible, and let $a'$ be the
# upper left block of $N^{-1}$. If $D' = I + Y Z$ and $a' = I + Z Y$, then*
#
# $$ N = U(X)\, L(Y)\, U(Z)\, L(W), \qquad W = D'^{-1} (C' - Y), \quad X = (B' - Z)\, D'^{-1}. $$
#
# The product on the right has the lower blocks $Y + (I + Y Z) W = C'$ and $I + Y Z = D'$, the upper
# right one $X (I + Y Z) + Z = B'$, and its inverse has the upper left one $I + Z Y = a'$. These
# four blocks determine a matrix.
#
# **Paired spectra.** *For every invertible $n \times n$ matrix $K$ over an infinite field, $\mu =
# \det K$, there is an invertible $R$ such that $\operatorname{diag}(R, \mu)$ is similar to
# $\operatorname{diag}(R K, 1)$; if $\mu = 1$, $R$ is similar to $R K$.* If $K = l I$ let $R =
# \operatorname{diag}(1, l, \dots, l^{n-1})$: then $R K = \operatorname{diag}(l, \dots, l^n)$ and
# $\mu = l^n$. Else some $x$ and $K x$ are independent. In a basis that begins with $x$ and $K x -
# x$,
#
# $$ K = \begin{pmatrix} 1 & r \\ k & S' \end{pmatrix}, \qquad
#    R = \begin{pmatrix} \beta & 0 \\ -R' k & R' \end{pmatrix}, \qquad
#    R K = \begin{pmatrix} \beta & \beta r \\ 0 & R' T' \end{pmatrix}, $$
#
# where $T' = S' - k r$ has the determinant $\mu$, $R'$ belongs to $T'$ by induction, and $\beta \ne
# 0$ is an eigenvalue of neither $R'$ nor $R' T'$. So $R$ is similar to $\operatorname{diag}(\beta,
# R')$ and $R K$ to $\operatorname{diag}(\beta, R' T')$, and the claim for $T'$ is that for $K$.
#
# **A first shear.** If $\operatorname{rank} C < n$, some $C + W_0 A$ has the rank $n$. Let the
# columns of $F$ be a basis of $\ker C$, and let $G$ have as many columns, independent modulo
# $\operatorname{im} C$ (they exist, for $q \ge n$). $A F$ is injective, since $M$ is; let $\Pi A
# F = I$ and $W_0 = G \Pi$. From $(C + G \Pi A) x = 0$ follows $C x = 0$ and $G \Pi A x = 0$, so
# $x = F y$ and $G y = 0$, $y = 0$. Replacing $M$ by $L(W_0) M$ costs one layer, the sixth. From
# here on let $\operatorname{rank} C = n$: five layers remain to be found, $U L U L U$. (If
# $\operatorname{rank} B = n$, they are found for $M^\mathsf{T}$, and transposed. The other order of
# six: that of $M^{-1}$, inverted.)
#
# **A normal form.** Factors $U$ on the left and on the right of $M$ cost nothing: they merge with
# the outer $U$. In a basis of the second half in which $C$ consists of the last $n$ columns of $I$,
# the left factor makes the upper left block $I$, and the right one makes the upper right block 0:
#
# $$ M = \begin{pmatrix} I & 0 \\ C & N \end{pmatrix}, \qquad \det N = 1. $$
#
# If $q = n$, let $S$ be any invertible $n \times n$ matrix, and $T = S N$. If $q = n + 1$, let $T =
# \begin{pmatrix} 1 & 0 \\ t & S \end{pmatrix} N$, with any column $t$. Then $T = N - C V$ with $V =
# (I - S) N$, or $V = \begin{pmatrix} -t & I - S \end{pmatrix} N$: $T$ is the lower right block of
# $M U(-V)$, and the upper left one of the inverse is $I - V N^{-1} C = S$. *If $T$ is similar to
# $S$, or for $q = n + 1$ to $\operatorname{diag}(1, S)$*, let $T G = G S$ or $T G = G
# \operatorname{diag}(1, S)$, and let $Y$ be the last $n$ columns of $G$, $P$ the last $n$ rows of
# $G^{-1}$ and $Z = (S - I) P$:
#
# $$ T = I + Y Z, \qquad S = I + Z Y. $$
#
# So $M U(-V)$ is a product of four shears, and $M$, with a last factor $U(V)$, of five.
#
# **Equal halves.** $T = S N$ must be similar to $S$: the lemma on paired spectra, for $K = N$,
# gives such an $S$. $\blacksquare$
#
# **Halves of $n$ and $n + 1$.** Let $N = \begin{pmatrix} v & w \\ k & K \end{pmatrix}$, with a
# number $v$.
#
# *If $v + w x = 1$ for some $x$*: with $\begin{pmatrix} 1 & 0 \\ x & I \end{pmatrix}$ on the right
# and another such matrix on the left, $N$ becomes $\begin{pmatrix} 1 & w \\ 0 & K' \end{pmatrix}$,
# $\det K' = 1$. Up to similarity this changes only the column $t$ of $T$. Take $S$ such that $S K'$
# is similar to $S$, and multiply $S$ by a number so that 1 is no eigenvalue of it. Then, with $t =
# 0$, $T = \begin{pmatrix} 1 & w \\ 0 & S K' \end{pmatrix}$ is similar to $\operatorname{diag}(1, S
# K')$, and so to $\operatorname{diag}(1, S)$.
#
# *Otherwise* $w = 0$ and $v \ne 1$. With $t = -S k / v$, $T = \operatorname{diag}(v, S K)$, where
# $\det K = 1 / v$. The lemma, for $K$, gives an $R$ such that $\operatorname{diag}(R, 1 / v)$ is
# similar to $\operatorname{diag}(R K, 1)$. Times $v$: with $S = v R$, $\operatorname{diag}(S, 1)$
# is similar to $\operatorname{diag}(S K, v)$. $\blacksquare$
#
# `factor` finds $R$ in closed form from a Krylov flag (`exactflow.linear.factor.commutator`); for
# unequal halves it works in the coordinates of $M$ (`exactflow.linear.factor.hyperplane`). For
# generic matrices it finds other layers, with shorter numbers. All numbers stay in the field of the
# entries. The *formal* proof follows the proof above, and holds over every field of more than $n +
# 1$ elements.
#
# Every cell factors a matrix and compares the composition with it: *exact*, entry by entry.

# %%
from itertools import permutations

import numpy as np
import sympy
from sympy.combinatorics import Permutation

from exactflow import conv1x1, factor, permutation, random_matrix, toeplitz, verify
from exactflow.claims import Claims, Evidence
from exactflow.errors import OrientationError
from exactflow.explanation.symbolic_identities import IDENTITIES

claims = Claims("six layers")

# %% [markdown]
# ## Permutations in at most six layers
# A permutation maps $x$ to $y_i = x_{\pi(i)}$. It must be even: an odd one has determinant $-1$.

# %%
M = permutation([3, 0, 1, 4, 5, 2, 7, 6])
flow = factor(M)
with claims.check("a permutation of 8 coordinates", Evidence.EXACT) as check:
    check.true(flow.depth <= 6, f"{flow.depth} layers")
    check.equal(flow.matrix(), M, "their composition equals the permutation")
    check.equal(list(flow.forward(range(8))), [3, 0, 1, 4, 5, 2, 7, 6], "applied to a vector")
    check.equal(list(flow.inverse().forward([3, 0, 1, 4, 5, 2, 7, 6])), list(range(8)), "inverse")
flow

# %%
with claims.check("every even permutation of 4 coordinates", Evidence.EXACT) as check:
    for perm in permutations(range(4)):
        if Permutation(list(perm)).is_even:
            flow = factor(permutation(perm))
            check.true(flow.depth <= 6 and flow.matrix() == permutation(perm), f"{perm}")

# %% [markdown]
# ## A Glow 1x1 convolution equals its layers to the last bit
# Glow initialises its float32 weights as the orthogonal factor of a Gaussian matrix. Each float is
# an exact dyadic rational. So the determinant is near 1 or -1, but not equal to it, and one scale
# entry carries it.

# %%
gaussian = np.random.default_rng(7).standard_normal((12, 12))
weight = np.linalg.qr(gaussian)[0].astype(np.float32).reshape(12, 12, 1, 1)
M = conv1x1(weight)
flow = factor(M, orientation="flip")
with claims.check("a Glow 1x1 convolution, 12 channels, float32", Evidence.EXACT) as check:
    check.equal(M[3, 5], sympy.Rational(*weight[3, 5, 0, 0].as_integer_ratio()), "dyadic entries")
    check.true(flow.depth <= 6, f"{flow.depth} layers, flips {list(flow.flips)}")
    check.equal(flow.matrix(), M, "their composition equals the convolution, to the last bit")
    scales = [s for layer in flow for s in layer.scale if s != 1]
    check.equal(scales, [abs(M.det())], "one scale differs from 1: it is |det|")

# %% [markdown]
# ## A Toeplitz convolution in at most six layers

# %%
M = toeplitz([1, "1/2", "1/3", 0, 0, 0], [1, "-1/4", 2, 0, 0, 0])
flow = factor(M)
with claims.check("a banded Toeplitz convolution, 6 taps", Evidence.EXACT) as check:
    check.true(flow.depth <= 6, f"{flow.depth} layers by the {flow.method} route")
    check.equal(flow.matrix(), M, "their composition equals the matrix")

# %% [markdown]
# ## Singular and zero blocks take at most six layers
# The commutator route applies to every combination of singular and zero blocks.

# %%
one, zero = sympy.eye(2), sympy.zeros(2)
nilpotent = sympy.Matrix([[0, 1], [0, 0]])
degenerate = {
    "diag(-I, I), which needs six": sympy.diag(-one, one),
    "-I": -sympy.eye(4),
    "a swap of halves": sympy.Matrix([[zero, one], [one, zero]]),
    "four singular blocks": sympy.Matrix([[nilpotent, nilpotent.T], [nilpotent.T, nilpotent]]),
    "a huge entry": sympy.Matrix([[1, 10**40], [0, 1]]),
}
with claims.check("degenerate blocks take at most six layers", Evidence.EXACT) as check:
    for name, M in degenerate.items():
        flow = factor(M, orientation="flip")
        check.true(flow.depth <= 6, f"{name}: {flow.depth} layers, flips {list(flow.flips)}")
        check.equal(flow.matrix(), M)

# %% [markdown]
# ## The layers of a random matrix
# The commutator route gives five layers, $M = l_5 \cdots l_1$. For every $k$ the product $l_k
# \cdots l_1$ of the first $k$ layers equals $l_{k+1}^{-1} \cdots l_5^{-1} M$, in which the other
# layers are undone.

# %%
M = random_matrix(6, bits=5, seed=3)
flow = factor(M, method="commutator")
with claims.check("a random 6 x 6 matrix, layer by layer", Evidence.EXACT) as check:
    made, undone = [sympy.eye(6)], [M]
    for layer in flow:
        made.append(layer.matrix() * made[-1])
    for layer in reversed(flow.layers):
        undone.append(layer.inverse().matrix() * undone[-1])
    for k, (left, right) in enumerate(zip(made, reversed(undone), strict=True)):
        check.equal(left, right, f"after {k} of {flow.depth} layers")
    check.equal(verify(flow, M).flow.depth, 5, "five layers compose to M")
flow

# %% [markdown]
# ## Odd dimensions take at most six layers, in symbols and on degenerate matrices
#
# The halves have $n$ and $n + 1$ coordinates, in either order. The last step of the proof is here
# checked in noncommuting symbols, in the coordinates of $M$. With $T = D - C V = I + Y Z$ and $S =
# a + V c = I + Z Y$ the five shears are
#
# $$ M = U(X)\, L(Y)\, U(Z)\, L(-(c + Y) S^{-1})\, U(V). $$

# %%
identity = IDENTITIES["hyperplane route"]
with claims.check("the layers of odd dimensions, given T and S", Evidence.FOR_ALL_N) as check:
    proof = identity.prove()
    check.true(proof.words > 0, str(proof))

# %%
one, zero = sympy.eye(2), sympy.zeros(2, 3)
full = sympy.Matrix([[1, 0], [2, 1], [0, 3]])
thin = sympy.Matrix([[1, 1], [1, 1], [0, 0]])
nilpotent = sympy.Matrix([[0, 1, 0], [0, 0, 1], [0, 0, 0]])
odd = {
    "C = 0": sympy.Matrix([[one, full.T], [zero.T, sympy.diag(2, 3, 5)]]),
    "D = 2 I, C of rank 1": sympy.Matrix([[3 * one, full.T], [thin, 2 * sympy.eye(3)]]),
    "D = 2 I, C of rank 2": sympy.Matrix([[3 * one, zero], [full, 2 * sympy.eye(3)]]),
    "scalar blocks": sympy.diag(3 * one, 2 * sympy.eye(3)),
    "a nilpotent D": sympy.Matrix([[one, full.T + thin.T], [full, nilpotent]]),
    "a signed permutation": sympy.diag(-1, permutation([2, 0, 1]), -1),
    "two -1's": sympy.diag(1, -1, 1, 1, -1),
    "four -1's": sympy.diag(-1, -1, -1, 1, -1),
    "-1's in three coordinates": sympy.diag(-1, -1, 1),
}
with claims.check("halves of n and n + 1, either the larger", Evidence.EXACT) as check:
    for name, M in odd.items():
        for p in (M.rows // 2, M.rows - M.rows // 2):
            sizes = p, M.rows - p
            flow = factor(M, method="hyperplane", partition=sizes, orientation="flip")
            check.true(flow.depth <= 6, f"{name}: {flow.depth} layers, {flow.partition}")
            check.equal(flow.matrix(), M)
            full_rank = M.rows // 2 in (M[:p, p:].rank(), M[p:, :p].rank())
            check.true(flow.depth <= 5 or not full_rank, "five where a block has full rank")

# %%
with claims.check("random matrices of 3 to 17 coordinates", Evidence.EXACT) as check:
    for d in range(3, 18, 2):
        M = random_matrix(d, bits=4, seed=d)
        flow = factor(M)
        check.true(flow.depth == 5, f"{d} coordinates: {flow.depth} layers")
        check.equal(flow.matrix(), M)

# %% [markdown]
# ## A negative determinant is refused, or repaired by a flip
# Every coupling with positive scales has a positive determinant, so no flow of them reverses
# orientation.

# %%
with claims.check("no flow for det < 0; a recorded flip repairs it", Evidence.EXACT) as check:
    M = sympy.diag(-1, 1, 1, 1)
    try:
        factor(M)
        refused = False
    except OrientationError:
        refused = True
    check.true(refused, "det = -1 is refused")
    flow = factor(M, orientation="flip")
    check.equal((flow.matrix(), flow.depth), (M, 0), "one flip and no layer")
