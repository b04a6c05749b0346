# %% [markdown]
# # Five additive layers are generic, four are not
#
# **Theorem** (after Koehler, Mehta, Risteski, ICML 2021, and Urschel 2024). Let
#
# $$ M = \begin{pmatrix} A & B \\ C & D \end{pmatrix}, \qquad
#    M^{-1} = \begin{pmatrix} a & b \\ c & d \end{pmatrix}, \qquad \det M = 1, \quad n \ge 2. $$
#
# Off the zero set of the polynomial $\det C$, five additive layers do. Four do only on the zero set
# of $n - 1$ equations: a product $ULUL$ gives $D = I + Y Z$ and $a = I + Z Y$ one characteristic
# polynomial (*for all n*: `proofs/identities.py`, "four layers"), and likewise $LULU$ gives $A$ and
# $d$ one; the constant terms agree by themselves, since $\det a = \det D$ for $\det M = 1$.
#
# Everything here is *exact*, on instances.

# %%
import sympy

from exactflow import factor, minimal_depth, random_matrix, verify
from exactflow.claims import Claims, Evidence

claims = Claims("Five is generic (ICML 2021; Urschel 2024)")
x = sympy.Symbol("x")


def of_determinant_one(d, seed):
    """Return a random matrix with its last row divided by the determinant."""
    M = random_matrix(d, bits=3, seed=seed)
    M[d - 1, :] = M[d - 1, :] / M.det()
    return M


# %% [markdown]
# ## The polynomial is not zero, and where it does not vanish five layers do

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
# ## Four layers: n - 1 equations, and a matrix that violates all of them

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
        check.true(all(reason.check() for reason in answer.obstructions), "obstructions re-checked")
