# %% [markdown]
# # Permutations of every dimension in six integer layers, in linear time
#
# **Theorem** (Koehler, Mehta, Risteski, ICML 2021, for permutations; six after Urschel 2024). Every
# even permutation of $d$ coordinates, and every signed one of determinant 1, is a composition of at
# most six additive couplings with halves $(n, q)$, $q = n$ or $n + 1$. The entries are integers of
# absolute value at most 2, at most $11 n$ of them ($11 n + 1$ if $q = n + 1$) are not zero, and
# everything takes $O(n)$ operations.
#
# **Proof** (two involutions). Let $M = \begin{pmatrix} A & B \\ C & D \end{pmatrix}$, and let $W_0$
# carry the nonzero rows of $A$ to zero rows of $C$: $W_0 B = 0$, and $C' = C + W_0 A$ and $J =
# D^\mathsf{T} W_0 - B^\mathsf{T}$ have signed unit vectors as columns; if $q = n + 1$, append to
# them the missing unit vector $u$ and $D^\mathsf{T} u$. $\Theta = J^\mathsf{T} C'$ is a signed
# permutation of determinant 1. On each cycle $f_i = \Theta^i f_0$ let $K f_i = \pm f_{-i}$: then
# $K$ and $K \Theta$ are involutions. They have one trace, once the signs are right, so $(K \Theta)
# g = g K$; $g$ is made of signed swaps and of $\begin{pmatrix} 1 & 1 \\ 1 & -1 \end{pmatrix}$. With
# $D' = C' K J^\mathsf{T}$ and $G = C' g$,
#
# $$ M = L(-W_0)\, U(X)\, L(Y)\, U(Z)\, L(W)\, U(V), \qquad Y = G, \quad Z = (K - I) G^{-1}, $$
# $$ V = C'^\mathsf{T} (D - D'), \quad W = D' (C' - Y), \quad X = (B - A V - Z) D', $$
#
# cut back to $n$ coordinates in the first half, since $D' = I + Y Z$ and $Z Y = K - I$. For $q = n$
# this is the commutator route, whose identity `proofs/identities.py` proves for all n, with an
# involution $K$ in the place of $P$. The bounds 2 and $11 n$ are derived in the docstring of
# `exactflow.factorization.permutation`. Here all of it is *exact*, on instances.

# %%
from itertools import permutations, product
from random import Random

from sympy import diag
from sympy.combinatorics import Permutation

from exactflow import factor, pad, permutation, verify
from exactflow.claims import Claims, Evidence
from exactflow.errors import OrientationError

claims = Claims("Permutations (ICML 2021)")


def in_bounds(flow, d):
    """Return whether depth, magnitudes and the number of nonzero entries are as claimed."""
    small = all(layer.magnitude <= 2 and layer.is_additive for layer in flow)
    return flow.depth <= 6 and small and sum(layer.nnz for layer in flow) <= 11 * (d // 2) + d % 2


# %% [markdown]
# ## All even permutations of 2 to 6 coordinates, all signed ones of 2 to 4

# %%
for d in range(2, 7):
    with claims.check(f"all even permutations of {d} coordinates", Evidence.EXACT) as check:
        for perm in permutations(range(d)):
            if Permutation(list(perm)).is_even:
                M = permutation(perm)
                flow = factor(M, method="permutation")
                check.true(flow.matrix() == M and in_bounds(flow, d), str(perm))

for d in (2, 3, 4):
    with claims.check(f"all signed permutations of {d} coordinates", Evidence.EXACT) as check:
        for perm, signs in product(permutations(range(d)), product((1, -1), repeat=d)):
            M = diag(*signs) * permutation(perm)
            if M.det() == 1:
                flow = factor(M, method="permutation")
                check.true(flow.matrix() == M and in_bounds(flow, d), f"{perm} {signs}")

# %% [markdown]
# ## Structure: swaps of halves, long cycles, involutions, 20,000 coordinates
# A matrix of this size is never written out: construction, check and application are sparse.

# %%
n = 1000
shuffled = Random(0).sample(range(20_000), 20_000)
if Permutation(shuffled).is_odd:
    shuffled[:2] = shuffled[1::-1]
cases = {
    "swap of halves, d = 2000": [*range(n, 2 * n), *range(n)],
    "one cycle on one half, d = 2002": [*range(n + 1), *range(n + 2, 2 * n + 2), n + 1],
    "reversal, d = 2000": list(range(2 * n - 1, -1, -1)),
    "random, d = 20000": shuffled,
    "one cycle, d = 20001": [*range(1, 20_001), 0],
}
with claims.check("large permutations with structure", Evidence.EXACT) as check:
    for name, perm in cases.items():
        flow = factor(permutation(perm))
        verify(flow, permutation(perm))
        check.true(in_bounds(flow, len(perm)), f"{name}: {flow.depth} layers")
        check.equal(list(flow.forward(range(len(perm)))), perm)

# %% [markdown]
# ## Masks
# Any mask whose halves differ by at most one is a relabelling, and a permutation relabelled is a
# permutation.

# %%
mask = [0, 1] * 1000 + [0]
with claims.check("a checkerboard mask, 2001 coordinates", Evidence.EXACT) as check:
    perm = [*range(1, 2001), 0]
    flow = factor(permutation(perm), partition=mask)
    verify(flow, permutation(perm))
    check.true(in_bounds(flow, 2001), f"{flow.depth} layers")
    check.equal(list(flow.forward(range(2001))), perm)

# %% [markdown]
# ## Odd permutations
# Their determinant is -1, so no flow of couplings represents them. One sign repairs that; so do two
# pad coordinates that the flow swaps: zeros there stay zeros.

# %%
odd = [1, 0, 2, 3, 4, 5]
with claims.check("an odd permutation, by a flip or by two pads", Evidence.EXACT) as check:
    try:
        factor(permutation(odd))
        refused = False
    except OrientationError:
        refused = True
    check.true(refused, "refused without either")
    check.equal(factor(permutation(odd), orientation="flip").matrix(), permutation(odd), "a flip")
    flow = factor(permutation(odd), orientation="pad")
    check.equal(flow.matrix(), pad(permutation(odd)), "two pads")
    check.equal(list(flow.forward([10, 20, 30, 0, 40, 50, 60, 0])), [20, 10, 30, 0, 40, 50, 60, 0])
flow
