# %% [markdown]
# # Permutations: six layers of small integers, in linear time
#
# **Theorem 6** (Koehler, Mehta, Risteski, ICML 2021, for permutations; six after Urschel 2024).
# Every even permutation of $d$ coordinates, and every signed one of determinant 1, is a composition
# of at most six additive couplings with halves $(n, q)$, $q = n$ or $n + 1$. The entries are
# integers of absolute value at most 2, and at most $11 n$ of them ($11 n + 1$ if $q = n + 1$) are
# not zero. The construction takes $O(n)$ operations.
#
# **Why.** Flows permute channels between couplings. Couplings can permute them as well, exactly and
# on integers, at the cost of copying the vector a few times. An odd permutation has determinant
# $-1$ and needs a sign or two pads.
#
# **Proof** (two involutions). Let $M = \begin{pmatrix} A & B \\ C & D \end{pmatrix}$ be a signed
# permutation of determinant 1, so that $M^{-1} = M^\mathsf{T}$.
#
# *A first layer.* The number of nonzero rows of $A$ is that of zero columns of $C$, and $C$ has at
# least as many zero rows. Let $W_0$, of zeros and ones, carry the nonzero rows of $A$ to zero rows
# of $C$. Then $W_0 B = 0$ and $W_0^\mathsf{T} C = 0$; $C' = C + W_0 A$ has $n$ different
# signed unit vectors as columns, and so has $J = D^\mathsf{T} W_0 - B^\mathsf{T}$. $L(W_0) M$ has
# the lower blocks $C'$ and $D$, and its inverse the left blocks $A^\mathsf{T}$ and $-J$. If $q =
# n + 1$, append to $C'$ the missing unit vector $u$, and to $J$ the vector $D^\mathsf{T} u$, which
# is a signed unit vector and not among the others. Write $\hat C$ and $\hat J$ for the square
# matrices, and $\Theta = \hat J^\mathsf{T} \hat C$: a signed permutation, of determinant 1
# (`rotations`, step 3).
#
# *An involution that reverses $\Theta$.* On each cycle $f_i = \Theta^i f_0$, $0 \le i < m$,
# $\Theta^m f_0 = \sigma f_0$, let $K f_i = \varepsilon f_{-i}$, with $\varepsilon = \pm 1$. Then
# $K^2 = I$ and $K \Theta K = \Theta^{-1}$, so that $K \Theta$ is an involution, too. If $q = n +
# 1$, let $f_0$ be the last unit vector on its cycle, and $\varepsilon = 1$: $K$ fixes it. On a
# cycle the trace of $K$ is $\varepsilon$ for $m$ odd and $\varepsilon (1 + \sigma)$ for $m$ even;
# that of $K \Theta$ is $\varepsilon \sigma$ for $m$ odd and $0$ for $m$ even. They differ, by $2
# \varepsilon$, exactly where $\Theta$ has the determinant $-1$ on the cycle. There are evenly many
# such cycles: give half of them $\varepsilon = -1$. Now $K$ and $K \Theta$ have one trace.
#
# *They are similar.* Each is made of signed swaps and of ones and minus ones on the diagonal. Since
# sizes and traces agree, a $g$ with $(K \Theta) g = g K$ matches swaps with swaps, ones with ones,
# minus ones with minus ones, and each remaining swap on one side with a pair $(1, -1)$ on the
# other, by $\begin{pmatrix} 1 & 1 \\ 1 & -1 \end{pmatrix}$. Its inverse has halves, but $K - I$ is
# there $\begin{pmatrix} -1 & 1 \\ 1 & -1 \end{pmatrix}$ or $\begin{pmatrix} 0 & 0 \\ 0 & -2
# \end{pmatrix}$, so $(K - I) g^{-1}$ is a matrix of integers.
#
# *The shears.* With $D' = \hat C K \hat J^\mathsf{T}$ and $G = \hat C g$, $D' = G K G^{-1}$, and
#
# $$ M = L(-W_0)\, U(X)\, L(Y)\, U(Z)\, L(W)\, U(V), \qquad Y = G, \quad Z = (K - I) G^{-1}, $$
# $$ V = C'^\mathsf{T} (D - D'), \quad W = D' (C' - Y), \quad X = (B - A V - Z) D', $$
#
# cut back to $n$ coordinates in the first half. For $D - C' V = D'$, the upper left block of the
# inverse is $A^\mathsf{T} - V J = C'^\mathsf{T} D' J$, which is $K$ cut back, and $D' = I + Y Z$,
# $Z Y = K - I$: four shears, as in `six_layers`.
#
# This is the commutator route, whose identity `identities` proves for all n, with an involution $K$
# in place of $P$.
#
# *Size of the entries.* Only entries of $X$ can exceed 2, if an entry of $B - A V$ and one of $Z$
# add up. Each piece of $g$ that has rows of $Z$ has a free sign; choose the sign for which these
# rows of $X$ are small. A swap has two rows and one sign. Both rows cannot have a 2 of $B - A V$ in
# the two columns of $Z$, since $\Theta$ would then have a fixed point that $K$ swaps.
#
# *Number of the entries.* $W_0$, $V$, $C'$ and $B - A V$ have at most $6 n$ entries. Those of $g$
# and $Z$ count twice, since they enter $W$ and $X$, too. For two coordinates there are at most 6.
# If there are 6, $g$ carries one of the two coordinates to itself (and to another). Then either
# $I - g$ has two entries less than $g$ and $I$ together; or the sign was changed, $I - g$ has one
# less, and $X$ has one less than $B - A V$ and $Z$ together. Fixed vectors have at most two
# entries. If $q = n + 1$, the column of $g$ that is cut off costs at most one entry more. $\square$
#
# All checks are *exact*, on instances.

# %%
from itertools import permutations, product
from random import Random

from sympy import diag
from sympy.combinatorics import Permutation

from exactflow import append_swap, factor, permutation, verify
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.errors import OrientationError

claims = Claims("permutations")


def in_bounds(flow, d):
    """Whether depth, magnitudes and the number of nonzero entries are as claimed."""
    small = all(layer.magnitude <= 2 and layer.is_additive for layer in flow)
    return flow.depth <= 6 and small and sum(layer.nnz for layer in flow) <= 11 * (d // 2) + d % 2


# %% [markdown]
# ## The bounds hold for all even permutations of 2 to 6 coordinates, and all signed ones of 2 to 4

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
# ## The bounds hold for structured permutations, and for 20,000 coordinates
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
}
if proof_options().full:
    cases["one cycle, d = 20001"] = [*range(1, 20_001), 0]
with claims.check("large permutations with structure", Evidence.EXACT) as check:
    for name, perm in cases.items():
        flow = factor(permutation(perm))
        verify(flow, permutation(perm))
        check.true(in_bounds(flow, len(perm)), f"{name}: {flow.depth} layers")
        check.equal(list(flow.forward(range(len(perm)))), perm)

# %% [markdown]
# ## Masks cost no further layers
# A mask whose halves differ by at most one relabels the coordinates, and a relabelled permutation
# is a permutation.

# %%
mask = [0, 1] * 1000 + [0]
with claims.check("a checkerboard mask, 2001 coordinates", Evidence.EXACT) as check:
    perm = [*range(1, 2001), 0]
    flow = factor(permutation(perm), partition=mask)
    verify(flow, permutation(perm))
    check.true(in_bounds(flow, 2001), f"{flow.depth} layers")
    check.equal(list(flow.forward(range(2001))), perm)

# %% [markdown]
# ## Odd permutations need a sign, or two pads
# Their determinant is -1, so no flow of couplings equals them. Either one sign repairs this, or
# two appended coordinates that the flow swaps: zeros in them stay zeros.

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
    check.equal(flow.matrix(), append_swap(permutation(odd)), "two pads")
    check.equal(list(flow.forward([10, 20, 30, 0, 40, 50, 60, 0])), [20, 10, 30, 0, 40, 50, 60, 0])
flow
