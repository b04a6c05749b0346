# %% [markdown]
# # Permutations in six integer layers, in linear time
#
# **Theorem** (Koehler, Mehta, Risteski, ICML 2021, Theorem 1, for permutations; six after Urschel
# 2024). Every even permutation of 2n coordinates, and every signed one of determinant 1, is a
# composition of at most six additive couplings with the equal split.
#
# The entries are integers of absolute value at most 2 (nearly always 1), at most 12 n of them are
# not zero, and everything takes O(n) operations. All of it is *exact*; the bounds 2 and 12 n are
# asserted on the instances, not proved here.

# %%
from itertools import permutations
from random import Random

from sympy.combinatorics import Permutation

from exactflow import factor, pad, permutation, verify
from exactflow.claims import Claims, Evidence
from exactflow.errors import OrientationError

claims = Claims("Permutations (ICML 2021, Theorem 1)")


def in_bounds(flow, n):
    """Return whether depth, magnitudes and the number of nonzero entries are as claimed."""
    small = all(layer.magnitude <= 2 and layer.is_additive for layer in flow)
    return flow.depth <= 6 and small and sum(layer.nnz for layer in flow) <= 12 * n


# %% [markdown]
# ## All even permutations of 4 and 6 coordinates

# %%
for d in (4, 6):
    with claims.check(f"all even permutations of {d} coordinates", Evidence.EXACT) as check:
        for perm in permutations(range(d)):
            if Permutation(list(perm)).is_even:
                M = permutation(perm)
                flow = factor(M, method="permutation")
                check.true(flow.matrix() == M and in_bounds(flow, d // 2), str(perm))

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
}
with claims.check("large permutations with structure", Evidence.EXACT) as check:
    for name, perm in cases.items():
        flow = factor(permutation(perm))
        verify(flow, permutation(perm))
        check.true(in_bounds(flow, len(perm) // 2), f"{name}: {flow.depth} layers")
        check.equal(list(flow.forward(range(len(perm)))), perm)

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
