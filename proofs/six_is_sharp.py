# %% [markdown]
# # Six layers are sharp
#
# **Theorem** (Urschel 2024). Some matrices of determinant 1 are no product of five alternating
# additive couplings, in neither order. **Theorem A** (`exactflow.depth.scaled`). For some of them
# positive scales do not help.
#
# - *Exact*: for each instance below, six layers that compose to it, and an obstruction for each of
#   the patterns ULULU and LULUL that re-checks itself from the matrix and its witness.
# - *Quoted*: that six layers suffice for every matrix (Urschel 2024; `proofs/six_layers.py` has the
#   construction, `proofs/rocq` the formal proof).

# %%
from itertools import permutations

import sympy

from exactflow import minimal_depth, permutation, verify
from exactflow.claims import Claims, Evidence

claims = Claims("Six is sharp (Urschel 2024)")

# %%
quarter, fifteenth = sympy.Rational(1, 4), sympy.Rational(1, 15)
instances = {
    "diag(-I_2, I_2)": sympy.diag(-sympy.eye(2), sympy.eye(2)),
    "diag(-I_4, I_4)": sympy.diag(-sympy.eye(4), sympy.eye(4)),
    "diag(I_3, 3-cycle)": permutation([0, 1, 2, 4, 5, 3]),
    "C of rank 2, n = 4": sympy.Matrix(
        [
            [sympy.diag(1, 1, fifteenth, quarter), sympy.zeros(4)],
            [sympy.diag(1, 1, 0, 0), sympy.diag(2, 2, 3, 5)],
        ]
    ),
}
for name, M in instances.items():
    with claims.check(f"{name} needs exactly six additive layers", Evidence.EXACT) as check:
        answer = minimal_depth(M)
        check.equal((answer.lower, answer.upper), (6, 6), "the bounds meet at six")
        check.equal(verify(answer.flow, M).flow.depth, 6, "six layers compose to it")
        check.equal(len(answer.obstructions), 2)
        for reason in answer.obstructions:
            check.true(reason.check(), str(reason))

# %% [markdown]
# ## Every even permutation of 4 and of 6 coordinates
# Exact minimal depths, up to relabelling within the halves and exchanging them for d = 6 in
# `tests/depth`; here all twelve of d = 4, and the four of d = 6 that need six.

# %%
with claims.check(
    "permutations: d = 4 never needs six, d = 6 does four times", Evidence.EXACT
) as check:
    depths = {}
    for perm in permutations(range(4)):
        M = permutation(perm)
        if M.det() == 1:
            depths[perm] = minimal_depth(M).upper
    counts = {k: list(depths.values()).count(k) for k in sorted(set(depths.values()))}
    check.equal(counts, {0: 1, 4: 1, 5: 10}, f"d = 4: {counts}")
    for cycle in ([1, 2, 0], [2, 0, 1]):
        for perm in ([*cycle, 3, 4, 5], [0, 1, 2, *[i + 3 for i in cycle]]):
            answer = minimal_depth(permutation(perm))
            check.equal((answer.lower, answer.upper), (6, 6), f"{perm}")

# %% [markdown]
# ## Positive scales do not help (Theorem A)

# %%
a0 = sympy.Matrix([[-1, 1, 0], [0, -1, 1], [2, 0, -1]])
scaled = {
    "diag(-I_2, I_2)": sympy.diag(-sympy.eye(2), sympy.eye(2)),
    "diag(a0^-1, I_3)": sympy.diag(a0.inv(), sympy.eye(3)),
}
for name, M in scaled.items():
    with claims.check(f"{name} needs six even with positive scales", Evidence.EXACT) as check:
        answer = minimal_depth(M, scales="positive")
        check.equal((answer.lower, answer.upper), (6, 6), "the bounds meet at six")
        for reason in answer.obstructions:
            check.true(reason.check(), str(reason))
