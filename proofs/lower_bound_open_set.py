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
# - *Exact*: the example, its obstructions, five layers that compose to it.
# - *Certified*: a rational radius, such that the signs stay for every real matrix within it.
# - *Quoted*: that opposed diagonals exclude four scaled layers (a trace argument, in the module).

# %%
import sympy

from exactflow import minimal_depth, verify
from exactflow.claims import Claims, Evidence

claims = Claims("An open set needs five layers (Theorem B)")
half, one = sympy.Rational(1, 2), sympy.eye(2)
J = sympy.Matrix([[0, 1], [1, 0]])
M = sympy.Matrix([[-sympy.Rational(3, 4) * one, half * J], [half * J, one]])

# %%
with claims.check(
    "the example needs exactly five layers with positive scales", Evidence.EXACT
) as check:
    answer = minimal_depth(M, scales="positive")
    check.equal(M.det(), 1, "det M = 1")
    check.equal((answer.lower, answer.upper), (5, 5), "the bounds meet at five")
    check.equal(verify(answer.flow, M).flow.depth, 5, "five layers compose to it")
    for reason in answer.obstructions:
        check.true(reason.check(), str(reason))
answer

# %% [markdown]
# ## A ball
# Let every entry of $M$ move by at most $r$. In the maximum row sum norm, the change $E$ has
# $|E| \le 4r$; if $N = |M^{-1}|$ and $4 r N < 1$, the inverse moves by at most
#
# $$ \frac{4 r N^2}{1 - 4 r N}, $$
#
# entry by entry. The matrices stay invertible, so $\det > 0$ stays; the diagonal entries keep their
# signs where they exceed what they can move by.

# %%
with claims.check("all real matrices within r = 1/40, entry by entry", Evidence.CERTIFIED) as check:
    r = sympy.Rational(1, 40)
    inverse = M.inv()
    N = max(sum(abs(entry) for entry in inverse.row(i)) for i in range(4))
    check.true(bool(4 * r * N < 1), f"4 r N = {4 * r * N} < 1: invertible throughout")
    moved = 4 * r * N**2 / (1 - 4 * r * N)
    for name, block, sign, change in (
        ("A", M[:2, :2], -1, r),
        ("D", M[2:, 2:], 1, r),
        ("a", inverse[:2, :2], -1, moved),
        ("d", inverse[2:, 2:], 1, moved),
    ):
        for i in range(2):
            margin = sign * block[i, i] - change
            check.true(bool(margin > 0), f"{name}[{i}, {i}] keeps its sign, margin {margin}")
