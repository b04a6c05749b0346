# %% [markdown]
# # Six affine coupling layers represent every matrix of positive determinant, in every dimension
#
# **Theorem** (Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021: a bounded number of layers; Urschel 2024: six for halves of one
# size, and six is sharp; halves of $n$ and $n + 1$: to our knowledge new). An invertible real
# matrix $M$ on $d \ge 2$ coordinates, in halves that differ by at most one, is a composition of
# affine couplings
#
# $$ L = \begin{pmatrix} I & 0 \\ T & \operatorname{diag}(s) \end{pmatrix}, \qquad
#    U = \begin{pmatrix} \operatorname{diag}(s) & T \\ 0 & I \end{pmatrix}, \qquad s > 0, $$
#
# if and only if $\det M > 0$. Then six alternating ones do, five of them additive ($s = 1$), and
# one that carries $\det M$ in a single entry of its scale. If an off-diagonal block of $M$ has the
# rank of the smaller half, five layers do.
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
# Halves of $n$ and $q = n + 1$; let $\det M = 1$ and $C$ have rank $n$, and let $a$ and $c$ be the
# left blocks of $M^{-1}$. With a suitable shift $V$, the $q \times q$ matrix $T = D + C V$ is
# similar to $\operatorname{diag}(S, 1)$ with $S = a - V c$: it maps the hyperplane
# $\operatorname{im} c$ onto $\operatorname{im} C$ as $S$ says, and it fixes one row. Where the
# hyperplanes differ, $S$ may have any distinct eigenvalues, and $n$ linear equations give $T$ the
# characteristic polynomial $(x - 1) \chi_S$. Where they are one, $c = -C K$, $T C = C R$ and
# $S = R K$: the spectra of $R$ and $R K$ must differ in $1$ and $\det K$ only, a constructive case
# of Sourour's theorem (*Linear and Multilinear Algebra* 19, 1986). Then $T - I = Y X$ and
# $S - I = X Y$, and
#
# $$ M = U(W)\, L(Y)\, U(X)\, L(-(c + Y) S^{-1})\, U(-V). $$

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
