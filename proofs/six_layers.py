# %% [markdown]
# # Six affine couplings represent every matrix of positive determinant
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
# if and only if $\det M > 0$. Then six alternating ones do, in either order, five of them additive
# ($s = 1$), and one that carries $\det M$ in a single entry of its scale. If an off-diagonal block
# of $M$ has the rank of the smaller half, five do.
#
# **Why.** Flows such as Glow put a 1x1 convolution, or a permutation, between their couplings. The
# paper asks whether couplings alone represent it, and in how many layers: depth would otherwise be
# a reason for such layers. Six is least (`six_is_sharp`).
#
# ## Proof
#
# Every coupling with $s > 0$ has a positive determinant: so $\det M > 0$ is necessary. Let it hold.
# Write $M = S M_1$, $\det M_1 = 1$, with $S$ diagonal, $\det M$ in one entry of the half that the
# leftmost factor of $M_1$ moves, and ones elsewhere: $S$ times that factor is one coupling. So let
# $\det M = 1$; now all layers shall be shears $L(Y)$, $U(X)$, with $s = 1$. The halves have $n$ and
# $q$ coordinates, $q = n$ or $n + 1$ (else exchange them), and
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
# columns of $F$ be a basis of $\ker C$, and take as many columns $G$ that are independent modulo
# $\operatorname{im} C$ (there are, for $q \ge n$). $A F$ is injective, since $M$ is; let $\Pi A F =
# I$ and $W_0 = G \Pi$. From $(C + G \Pi A) x = 0$ follows $C x = 0$ and $G \Pi A x = 0$, so $x = F
# y$ and $G y = 0$, $y = 0$. Replacing $M$ by $L(W_0) M$ costs one layer, the sixth. From here on
# let $\operatorname{rank} C = n$: five layers remain to be found, $U L U L U$. (If
# $\operatorname{rank} B = n$, they are found for $M^\mathsf{T}$, and transposed. The other order of
# six: that of $M^{-1}$, inverted.)
#
# **The fifth shear.** For any $V$, let $T = D + C V$ be the lower right block of $M U(V)$, and $S =
# a - V c$ the upper left one of $U(-V) M^{-1}$. Opposite blocks of a matrix of determinant 1 and
# its inverse have one determinant: $\det T = \det S$. Suppose that $T G = G \operatorname{diag}(S,
# 1)$, or $T G = G S$ if $q = n$, with $G$ and $S$ invertible. With the first $n$ columns $Y$ of $G$
# and the first $n$ rows $P$ of $G^{-1}$, and $Z = (S - I) P$,
#
# $$ T = I + Y Z, \qquad S = I + Z Y, $$
#
# and the four shears of $M U(V)$, with $U(-V)$ behind them, are the five. It remains to find $V$.
#
# **Equal halves.** $C$ is invertible, so $T$ may be any matrix: $V = C^{-1} (T - D)$. Let $E = B -
# A C^{-1} D$; then $B + A V = E + A C^{-1} T$, and as the inverse of a Schur complement
#
# $$ S = \big(A - (B + A V)\, T^{-1} C\big)^{-1} = -C^{-1} T E^{-1} = C^{-1} (T K)\, C, $$
#
# where $K = (-C E)^{-1}$. $\det K = 1$, for $\det M = \det(-C E)$. Take for $T$ the $R$ of the
# paired spectra: then $T$ is similar to $T K$, and so to $S$. $\blacksquare$
#
# **Halves of $n$ and $n + 1$.** Let $u \ne 0$ with $u^\mathsf{T} C = 0$, and $v^\mathsf{T} =
# u^\mathsf{T} D$, which is not zero either. Whatever $V$ is, $u^\mathsf{T} T = v^\mathsf{T}$; and
# $C a + D c = 0$ says $v^\mathsf{T} c = 0$ and $T c = -C S$. The ranks of $C$ and $c$ are $n$. (If
# $c x = 0$ then $C a x = 0$, $a x = 0$, and $M^{-1}$ takes $(x, 0)$ to 0.) So $T$ maps the
# hyperplane $H = \operatorname{im} c = \ker v^\mathsf{T}$ onto $\operatorname{im} C = \ker
# u^\mathsf{T}$, as $S$ says.
#
# *If $H \ne \operatorname{im} C$*, let $S$ have $n$ distinct eigenvalues, neither 0 nor 1, such
# that no eigenvector of $T$, over an algebraically closed field, lies in $H$. There is one: an
# eigenvector $c x$ would have $C S x = -\lambda c x$, so it lies in $H \cap \operatorname{im} C$, a
# space with a basis $c x_1, \dots, c x_{n-1}$. Let $-c x_i = C y_i$. Where $S x_i = y_{i+1}$ for
# all $i$, with any $y_n$ outside of the span of the others, no $\sum t_i (y_{i+1} - \lambda y_i)$
# vanishes but for $t = 0$. Both demands on $S$ hold outside of the zeros of a polynomial that is
# not zero, so together they can be met. Now $V = (a - S) c^+ + w v^\mathsf{T}$, with $c^+ c = I$
# and any $w$, gives $a - V c = S$. Let $T_0$ be the $T$ of $w = 0$:
#
# $$ \det(x - T) = \det(x - T_0) - v^\mathsf{T} \operatorname{adj}(x - T_0)\, C w. $$
#
# As no eigenvector of $T_0$ lies in $\ker v^\mathsf{T}$, $z \mapsto v^\mathsf{T}
# \operatorname{adj}(x - T_0) z$ is a bijection of $F^q$ onto the polynomials of degree at most $n$.
# For $z$ in $\operatorname{im} C$ they vanish at $x = 0$, since $\det T = \det S$ whatever $w$ is:
# by dimension these are all of them that do. So some $w$ gives $T$ the characteristic polynomial
# $(x - 1) \chi_S(x)$, which has the right value at 0 and distinct roots. $T$ is similar to
# $\operatorname{diag}(S, 1)$.
#
# *If $H = \operatorname{im} C$*, then $c = -C K$ and $v = \mu u$. $T C = C R$ for $R = S K^{-1}$,
# which may be any invertible matrix, and $u^\mathsf{T} T = \mu u^\mathsf{T}$. From $\det T = \mu
# \det R$ and $\det T = \det S = \det R K$ follows $\mu = \det K$. Take the $R$ of the paired
# spectra. $w$ is still free, and changes $T x_0$, for any $x_0$ outside of $H$, by any vector of
# $\operatorname{im} C$: let $T x_0 = \mu x_0$. Then $T$ is similar to $\operatorname{diag}(R,
# \mu)$, so to $\operatorname{diag}(R K, 1) = \operatorname{diag}(S, 1)$. $\blacksquare$
#
# `factor` finds $R$ in closed form from a Krylov flag (`exactflow.factorization.spectra`), and for
# generic matrices other solutions with shorter numbers. Everything stays in the field of the
# entries. For equal halves the theorem is *formally proved* over every field of more than $n$
# elements.
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
from exactflow.identities import IDENTITIES

claims = Claims("Six layers (ICML 2021; Urschel 2024)")

# %% [markdown]
# ## A permutation
# $y_i = x_{\pi(i)}$. The permutation is even: an odd one has determinant $-1$.

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
# ## A Glow 1x1 convolution
# Float32 weights as Glow initialises them: the orthogonal factor of a Gaussian matrix. They are
# taken as the exact dyadic rationals that they are, so the determinant is near 1 or -1, but not
# equal to it, and one scale entry carries it.

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
# ## A Toeplitz convolution

# %%
M = toeplitz([1, "1/2", "1/3", 0, 0, 0], [1, "-1/4", 2, 0, 0, 0])
flow = factor(M)
with claims.check("a banded Toeplitz convolution, 6 taps", Evidence.EXACT) as check:
    check.true(flow.depth <= 6, f"{flow.depth} layers by the {flow.method} route")
    check.equal(flow.matrix(), M, "their composition equals the matrix")

# %% [markdown]
# ## Degenerate cases
# Singular and zero blocks, in any combination: the commutator route always applies.

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
with claims.check("degenerate blocks", Evidence.EXACT) as check:
    for name, M in degenerate.items():
        flow = factor(M, orientation="flip")
        check.true(flow.depth <= 6, f"{name}: {flow.depth} layers, flips {list(flow.flips)}")
        check.equal(flow.matrix(), M)

# %% [markdown]
# ## A random matrix, step by step
# Five layers by the commutator route, $M = l_5 \cdots l_1$. Before layer $k + 1$ comes what the
# first $k$ layers make, $l_k \cdots l_1$, and after undoing the others from the left of $M$ the
# same is left: equal at every step.

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
# ## Odd dimensions
#
# Halves of $n$ and $n + 1$, either the larger. The last step of the proof, in noncommuting symbols:
# given $T$ and $S = I + Z Y$, the five shears
#
# $$ M = U(W)\, L(Y)\, U(Z)\, L(-(c + Y) S^{-1})\, U(-V). $$

# %%
identity = IDENTITIES["hyperplane route"]
with claims.check("the layers of odd dimensions, given T and S", Evidence.FOR_ALL_N) as check:
    check.true(identity.prove().words > 0, identity.statement)

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
# ## Negative determinant
# Every coupling with positive scales has positive determinant, so no flow reverses orientation.

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
