# %% [markdown]
# # Lower bound open set: all matrices near some examples need five layers
#
# **Theorem 2b** (the statement: Koehler, Mehta, Risteski, ICML 2021). Let $A, D$ be
# the diagonal blocks of $M$, $n \times n$, and $a, d$ those of $M^{-1}$. If, entry by entry,
#
# $$ \operatorname{diag}(D) > 0 > \operatorname{diag}(a) \quad\text{and}\quad
#    \operatorname{diag}(A) < 0 < \operatorname{diag}(d), $$
#
# or the same with opposite signs in either pair, then $M$ is not a product of four affine couplings
# with positive scales. For every $n \ge 2$ the matrices of positive determinant with these signs
# are a nonempty open set.
#
# **Why.** Four layers do not represent every matrix. Do they approximate every matrix? On an open
# set they do not. (Four layers with scales suffice for *typical* matrices all the same:
# `affine_depth`.)
#
# ## Proof
#
# A coupling with scales is a shear times a positive diagonal, and a diagonal passes through a
# shear. So if $M$ is a product $ULUL$ of couplings, then $M P^{-1}$ is one of shears, $P =
# \operatorname{diag}(E, \Delta)$ positive, and its blocks are $D \Delta^{-1} = I + Y Z$ and, of the
# inverse, $E a = I + Z Y$ (`six_is_sharp`). The traces agree:
#
# $$ \sum_i D_{ii} / \delta_i = \sum_i \varepsilon_i a_{ii}. $$
#
# But one side is positive and the other negative. For a product $LULU$ the traces of $A$ and $d$
# must agree in the same way. Fewer layers are four layers with trivial ones among them.
#
# The conditions are strict inequalities between continuous functions of $M$, so they hold on an
# open set. It is not empty: below are matrices $M$ for $n = 2$ and $n = 3$ with the displayed
# signs. For $n = 2 i + 3 j$ take block diagonal blocks, $A = \operatorname{diag}(A_1, A_2, \dots)$
# and so on for $B$, $C$ and $D$. Then the blocks of the inverse are block diagonal, too, and the
# determinants multiply. $\blacksquare$
#
# - *Exact*: examples for n = 2 and n = 3, their obstructions, layers that compose to them.
# - *Certified*: a rational radius within which every real matrix has the same signs.

# %%
import sympy

from exactflow import minimal_depth, verify
from exactflow.claims import Claims, Evidence

claims = Claims("lower bound open set")
half, one = sympy.Rational(1, 2), sympy.eye(2)
J = sympy.Matrix([[0, 1], [1, 0]])
examples = {
    2: sympy.Matrix([[-sympy.Rational(3, 4) * one, half * J], [half * J, one]]),
    3: sympy.Matrix(
        [
            [-1, 0, -1, 0, -2, -2],
            [-2, -2, -1, -1, 2, 2],
            [2, 2, -2, -2, -1, 1],
            [0, -1, -2, 1, 1, 1],
            [0, -2, 0, -1, 1, -2],
            [1, -2, -2, 2, -2, 2],
        ]
    ),
}

# %%
with claims.check(
    "the examples need at least five layers with positive scales", Evidence.EXACT
) as check:
    for n, M in examples.items():
        answer = minimal_depth(M, scales="positive")
        check.true(bool(M.det() > 0), f"n = {n}: det M = {M.det()}")
        check.equal(answer.lower, 5, f"n = {n}: {answer.summary}")
        check.equal(verify(answer.flow, M).flow.depth, answer.upper)
        for reason in answer.obstructions:
            check.true(reason.is_valid(), str(reason))
    check.equal(minimal_depth(examples[2], scales="positive").upper, 5, "n = 2: five suffice")
minimal_depth(examples[2], scales="positive")

# %% [markdown]
# ## All matrices in a ball around each example need five layers
# Change every entry of $M$ by at most $r$. In the maximum row sum norm, the change $E$ has
# $|E| \le 2 n r$. If $N = |M^{-1}|$ and $2 n r N < 1$, the inverse changes by at most
#
# $$ \frac{2 n r N^2}{1 - 2 n r N}, $$
#
# entry by entry. The matrices stay invertible, so their determinants stay positive. A diagonal
# entry keeps its sign if its absolute value exceeds the bound of its change.

# %%
radii = {2: sympy.Rational(1, 40), 3: sympy.Rational(1, 120)}
with claims.check(
    "all real matrices within 1/40 and 1/120 need five layers, too", Evidence.CERTIFIED
) as check:
    for n, M in examples.items():
        r, inverse = radii[n], M.inv()
        N = max(sum(abs(entry) for entry in inverse.row(i)) for i in range(2 * n))
        norm = 2 * n * r * N
        check.true(bool(norm < 1), f"n = {n}, r = {r}: 2 n r N = {norm} < 1: invertible throughout")
        moved = norm * N / (1 - norm)
        for name, block, sign, change in (
            ("A", M[:n, :n], -1, r),
            ("D", M[n:, n:], 1, r),
            ("a", inverse[:n, :n], -1, moved),
            ("d", inverse[n:, n:], 1, moved),
        ):
            for i in range(n):
                margin = sign * block[i, i] - change
                check.true(bool(margin > 0), f"{name}[{i}, {i}] keeps its sign, margin {margin}")
