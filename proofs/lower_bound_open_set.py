# %% [markdown]
# # An open set of matrices needs five layers, whatever the positive scales
#
# **Theorem B** (`exactflow.depth.scaled`). Let $A, D$ be the diagonal blocks of $M$ and $a, d$
# those of $M^{-1}$. If
#
# $$ \operatorname{diag}(D) > 0 > \operatorname{diag}(a) \quad\text{and}\quad
#    \operatorname{diag}(A) > 0 > \operatorname{diag}(d), $$
#
# or with opposite signs, entry by entry, then $M$ is no product of four couplings with positive
# scales. These conditions are open, so four layers miss an open set: no density argument rescues
# them.
#
# - *Exact*: examples for n = 2 and n = 3, their obstructions, layers that compose to them.
# - *Certified*: a rational radius, such that the signs stay for every real matrix within it.
# - *Quoted*: that opposed diagonals exclude four scaled layers (a trace argument, in the module).

# %%
import sympy

from exactflow import minimal_depth, verify
from exactflow.claims import Claims, Evidence

claims = Claims("An open set needs five layers (Theorem B)")
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
        check.equal(answer.lower, 5, f"n = {n}: {answer.count}")
        check.equal(verify(answer.flow, M).flow.depth, answer.upper)
        for reason in answer.obstructions:
            check.true(reason.check(), str(reason))
    check.equal(minimal_depth(examples[2], scales="positive").upper, 5, "n = 2: five do")
minimal_depth(examples[2], scales="positive")

# %% [markdown]
# ## A ball around each
# Let every entry of $M$ move by at most $r$. In the maximum row sum norm, the change $E$ has
# $|E| \le 2 n r$; if $N = |M^{-1}|$ and $2 n r N < 1$, the inverse moves by at most
#
# $$ \frac{2 n r N^2}{1 - 2 n r N}, $$
#
# entry by entry. The matrices stay invertible, so $\det > 0$ stays; the diagonal entries keep their
# signs where they exceed what they can move by.

# %%
radii = {2: sympy.Rational(1, 40), 3: sympy.Rational(1, 120)}
with claims.check("all real matrices within r, entry by entry", Evidence.CERTIFIED) as check:
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
