# %% [markdown]
# # Six is sharp: some matrices need six layers
#
# **Theorem 2** (Urschel 2024). For every $n \ge 2$ some matrix of determinant 1 with halves $(n,
# n)$ is no product of five alternating shears, neither $ULULU$ nor $LULUL$. **Theorem A.** For some
# of these matrices positive scales do not help: they need six affine couplings.
#
# **Why.** Six layers suffice for every matrix (`six_layers`). Koehler, Mehta and Risteski (ICML
# 2021) ask how deep a flow must be to represent a linear map: is six the best constant? A lower
# bound needs a proof for each matrix; here each proof is a witness that is checked again.
#
# ## Proof
#
# Let $\begin{pmatrix} a & b \\ c & d \end{pmatrix}$ be the inverse of $M = \begin{pmatrix} A & B \\
# C & D \end{pmatrix}$. *In a product $U(X) L(Y) U(Z) L(W)$ the lower right block is $D = I + Y Z$,
# and the upper left block of the inverse is $a = I + Z Y$* (multiply; `identities`, "four layers").
#
# *Block diagonal matrices.* Let $M = \operatorname{diag}(A, D) = U(X) L(Y) U(Z) L(W) U(V)$.
# Multiplying by $U(-V)$ from the right changes neither $D$ nor $a = A^{-1}$, as $C = c = 0$. So
#
# $$ D = I + Y Z, \qquad A^{-1} = I + Z Y. $$
#
# - $n$ even, $M = \operatorname{diag}(-I, I)$: $Y Z = 0$, and $Z Y = -2 I$ is invertible, hence $Y$
#   and $Z$ are, hence $Y Z \ne 0$: a contradiction.
# - $n \ge 3$, $M = \operatorname{diag}(I, R)$, where $R$ rotates three coordinates: $Z Y = 0$, so
#   $(Y Z)^2 = 0$. But $(R - I)^2 \ne 0$, for $R$ is diagonalizable over $\mathbb{C}$ and not $I$.
#
# For $LULUL$ exchange the halves: $A = I + Z Y$ and $D^{-1} = I + Y Z$ fail in the same way.
# $\blacksquare$ (For halves $(n, n + 1)$ some $\operatorname{diag}(A, D)$ needs six, too:
# `partitions`, with $m = 2$.)
#
# *A matrix that is not block diagonal.* $M = \begin{pmatrix} A & 0 \\ C & D \end{pmatrix}$ with
# $A = \operatorname{diag}(1, 1, \frac1{15}, \frac14)$, $C = \operatorname{diag}(1, 1, 0, 0)$, $D =
# \operatorname{diag}(2, 2, 3, 5)$ has $c = \operatorname{diag}(-\frac12, -\frac12, 0, 0)$. Let
# $V_1$ be the upper left $2 \times 2$ block of $V$. The blocks $D - C V$ and $a + V c$ of $M U(-V)$
# and its inverse are block triangular, with diagonal blocks $2 I - V_1$, $\operatorname{diag}(3,
# 5)$ and $I - \frac12 V_1$, $\operatorname{diag}(15, 4)$. As $Y Z$ and $Z Y$ have one
# characteristic polynomial, $2 I - V_1$ must have the eigenvalues $15, 4$ and $I - \frac12 V_1$ the
# eigenvalues $3, 5$; but the first is twice the second. For $LULUL$ the blocks $A$ and $d$ are free
# of $V$, and their eigenvalues differ.
#
# *In general* a pattern of four shears exists iff $D$ and $a$ have the same elementary divisors
# away from the eigenvalue 1, and there Jordan blocks whose sizes, in order, differ by at most one
# (Flanders 1951, where $D$ is invertible); five are four after some $U(-V)$.
# `exactflow.minimal_depth` decides this, and its obstructions are of such kinds.
#
# *Positive scales (Theorem A).* A coupling is a shear times a positive diagonal, and a diagonal
# passes through a shear: so $M$ is a product of couplings in a pattern of at least two iff $M
# P^{-1}$ is one of shears, for some positive diagonal $P = \operatorname{diag}(E, \Delta)$. For
# $ULULU$ and $M = \operatorname{diag}(A, D)$, $D \Delta^{-1}$ and $E A^{-1}$ then have one
# characteristic polynomial. Its coefficients are sums of principal minors:
#
# $$ \sum_{|S| = k} \det D[S] \prod_{i \in S} \delta_i^{-1} =
#    \sum_{|S| = k} \det A^{-1}[S] \prod_{i \in S} \varepsilon_i. $$
#
# If for some $k$ no $k$-minor of $D$ is negative, none of $A^{-1}$ positive, and not all vanish (or
# with the signs exchanged), the two sides cannot be equal: the pair is *opposed*. Then $LULUL$ is
# excluded as well, since $\det A[S] = \det A \cdot \det A^{-1}[S^c]$ and $\det A \det D > 0$ make
# $(A, D^{-1})$ opposed at $n - k$. Two examples: $\operatorname{diag}(-I, I)$, $n$ even, and
# $\operatorname{diag}(a_0^{-1}, I)$ below, both at $k = 1$. $\blacksquare$
#
# - *Exact*: for each instance below, six layers compose to it, and each of the patterns ULULU and
#   LULUL has an obstruction, which is checked again from the matrix and its witness.
# - *Exact, exhaustive*: all 4 x 4 matrices of determinant 1 over the field of two elements, by a
#   search that uses no theorem.

# %%
from itertools import permutations, product

import numpy as np
import sympy
from sympy import GF
from sympy.polys.matrices import DomainMatrix

from exactflow import minimal_depth, permutation, verify
from exactflow.claims import Claims, Evidence

claims = Claims("six is sharp")

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
            check.true(reason.is_valid(), str(reason))

# %% [markdown]
# ## Depths of all even permutations of 4 and of 6 coordinates
# The least number of layers is decided exactly. Relabelling coordinates within the halves, or
# exchanging equal halves, does not change it, so one permutation of each class suffices.


# %%
def relabelled(perm):
    """Return all permutations that differ by names of coordinates, within halves or exchanged."""
    d = len(perm)
    halves = [permutations(half) for half in (range(d // 2), range(d // 2, d))]
    names = [pair for a, b in product(*halves) for pair in ((*a, *b), (*b, *a))]
    return {tuple(name[perm[name.index(i)]] for i in range(d)) for name in names}


with claims.check(
    "no permutation of 4 coordinates needs six layers; 4 of 360 of 6 coordinates do", Evidence.EXACT
) as check:
    for d, expected in ((4, {0: 1, 4: 1, 5: 10}), (6, {0: 1, 4: 13, 5: 342, 6: 4})):
        left, counts = {perm for perm in permutations(range(d)) if permutation(perm).det() == 1}, {}
        while left:
            same = relabelled(min(left))
            answer = minimal_depth(permutation(min(left)))
            check.true(answer.lower == answer.upper, str(answer), shown=False)
            counts[answer.upper] = counts.get(answer.upper, 0) + len(same)
            left -= same
        found = dict(sorted(counts.items()))
        check.equal(found, expected, f"d = {d}, least numbers of layers: {found}")

# %% [markdown]
# ## Matrices for which positive scales do not help (Theorem A)

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
            check.true(reason.is_valid(), str(reason))

# %% [markdown]
# ## Six layers reach all of SL_4(F_2), and five do not
# This repeats a computation of Urschel: products of shears reach every element, and all elements
# with an invertible upper right block are of the pattern LULUL. A row is an integer with a bit for
# each entry, so that adding rows is XOR; a matrix is the integer of its four rows.

# %%
ROWS = 4 * np.arange(4)[::-1]


def sheared(matrices, upper):
    """Return all products of one of the 16 shears and one of the matrices, of 16 bits each."""
    rows = matrices[:, None] >> ROWS & 15
    kept = rows[:, 2:] if upper else rows[:, :2]
    sums = np.stack([kept[:, 0] * 0, kept[:, 0], kept[:, 1], kept[:, 0] ^ kept[:, 1]], axis=1)
    added = sums[:, :, None] << 4 | sums[:, None, :]
    shift = 8 if upper else 0
    return np.unique(matrices[:, None] ^ added.reshape(-1, 16) << shift)


identity = np.array([0b1000_0100_0010_0001])
# keys: whether the leftmost shear is upper, and the number of shears
words = {(True, 0): identity, (False, 0): identity}
for k in range(1, 7):
    for upper in (True, False):
        words[upper, k] = sheared(words[not upper, k - 1], upper)
reached = [np.union1d(words[True, k], words[False, k]) for k in range(7)]
order = (16 - 1) * (16 - 2) * (16 - 4) * (16 - 8)

with claims.check("SL_4(F_2): six layers reach all, five do not", Evidence.EXACT) as check:
    counts = np.diff([0, *map(len, reached)])
    check.equal(len(words[True, 6]), order, "UL..UL reaches every element")
    check.equal(len(words[False, 6]), order, "LU..LU reaches every element")
    check.true(len(reached[5]) < order, f"least numbers of layers 0 to 6: {counts.tolist()}")

with claims.check("SL_4(F_2): an invertible upper right block takes five", Evidence.EXACT) as check:
    entries = reached[6][:, None] >> np.arange(16)[::-1] & 1
    a, b, c, d = (entries[:, i] for i in (2, 3, 6, 7))
    invertible = reached[6][(a & d ^ b & c) == 1]
    check.true(bool(np.isin(invertible, words[False, 5]).all()), f"all {len(invertible)} in LULUL")
    rest = np.isin(invertible, words[True, 5], invert=True).sum()
    check.true(bool(rest > 0), f"{rest} of them are not in ULULU")

with claims.check("SL_4(F_2): the elements of depth six are diag(A, D)", Evidence.EXACT) as check:
    for code in np.setdiff1d(reached[6], reached[5]):
        bits = (int(code) >> np.arange(16)[::-1] & 1).reshape(4, 4)
        check.true(not bits[:2, 2:].any() and not bits[2:, :2].any(), "")
        answer = minimal_depth(DomainMatrix(bits.tolist(), (4, 4), GF(2)))
        check.equal((answer.lower, answer.upper), (6, 6), str(bits.tolist()))
