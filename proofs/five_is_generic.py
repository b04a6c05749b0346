# %% [markdown]
# # Five is generic: almost every matrix needs five additive layers
#
# **Theorem 2a** (after Koehler, Mehta, Risteski, ICML 2021, and Urschel 2024). Let $n \ge 2$ and
#
# $$ M = \begin{pmatrix} A & B \\ C & D \end{pmatrix}, \qquad
#    M^{-1} = \begin{pmatrix} a & b \\ c & d \end{pmatrix}, \qquad \det M = 1. $$
#
# If $\det C \ne 0$, $M$ is a product of five shears. It is a product of four, $ULUL$ or $LULU$,
# only if it fulfils $n - 1$ equations, for each of the two patterns; neither zero set is all of
# $SL_{2n}$. So a generic matrix of determinant 1 takes exactly five.
#
# **Why.** Only special matrices need six (`six_is_sharp`). A matrix that was trained, or drawn at
# random, takes five. The paper's experiment fits shears to such matrices
# (`linear_depth_experiment`): this theorem says with how many layers the fit can be exact.
#
# ## Proof
#
# Five suffice by `six_layers`. In a product $U(X) L(Y) U(Z) L(W)$ the lower right block is $D = I +
# Y Z$, and the upper left block of the inverse is $a = I + Z Y$ (*for all n*: `identities`, "four
# layers"). $Y Z$ and $Z Y$ have one characteristic polynomial, so
#
# $$ \chi_D = \chi_a. $$
#
# The leading coefficients agree anyway, and so do the constant terms, since $\det a = \det D$ for
# $\det M = 1$: $n - 1$ equations remain. In a product $LULU$, likewise, $\chi_A = \chi_d$. A
# product of fewer layers is one of four, with trivial layers.
#
# The first equation says that the traces agree. It is violated by $M = \operatorname{diag}(A,
# I)$, $A = \operatorname{diag}(2, \frac12, 1, \dots, 1)$, in both patterns: $\operatorname{tr} D =
# n$ and $\operatorname{tr} a = n + \frac12$, $\operatorname{tr} A = n + \frac12$ and
# $\operatorname{tr} d = n$. $SL_{2n}$ is an irreducible variety, so a generic matrix is in neither
# zero set. (For $n = 1$ there are no equations, and four layers suffice for every matrix.)
# $\blacksquare$
#
# All checks are *exact*, on instances.

# %%
import sympy

from exactflow import factor, minimal_depth, random_matrix, verify
from exactflow.claims import Claims, Evidence

claims = Claims("five is generic")
x = sympy.Symbol("x")


def of_determinant_one(d, seed):
    """Return a random matrix with its last row divided by the determinant."""
    M = random_matrix(d, bits=3, seed=seed)
    M[d - 1, :] = M[d - 1, :] / M.det()
    return M


# %% [markdown]
# ## Five layers suffice unless the polynomial det C vanishes

# %%
with claims.check("det C is a nonzero polynomial", Evidence.EXACT) as check:
    for n in (2, 3):
        C = sympy.Matrix(n, n, sympy.symbols(f"c:{n * n}"))
        polynomial = sympy.Poly(C.det(), *C)
        terms = len(polynomial.terms())
        check.equal(terms, sympy.factorial(n), f"n = {n}: {terms} terms")

# %%
with claims.check("det C != 0: five layers", Evidence.EXACT) as check:
    for n in (1, 2, 3, 4, 6):
        for seed in range(3):
            M = of_determinant_one(2 * n, seed)
            if M[n:, :n].det() != 0:
                depth = verify(factor(M, method="commutator"), M).flow.depth
                check.true(depth <= 5, f"n = {n}, seed {seed}: {depth} layers")

# %% [markdown]
# ## Four layers fail for a matrix that violates all n - 1 equations

# %%
with claims.check("four layers fail: n - 1 coefficients differ", Evidence.EXACT) as check:
    for n in (2, 3, 4):
        M = of_determinant_one(2 * n, seed=11)
        inverse = M.inv()
        for pattern, left, right in (
            ("ULUL", M[n:, n:], inverse[:n, :n]),
            ("LULU", M[:n, :n], inverse[n:, n:]),
        ):
            f, g = (block.charpoly(x).all_coeffs() for block in (left, right))
            differing = [k for k in range(n + 1) if f[k] != g[k]]
            check.equal(differing, list(range(1, n)), f"n = {n}: {pattern} violates {differing}")
        answer = minimal_depth(M)
        check.equal((answer.lower, answer.upper), (5, 5), f"n = {n}: exactly five layers")
        check.true(
            all(reason.is_valid() for reason in answer.obstructions), "obstructions re-checked"
        )
