# %% [markdown]
# # Families: one flow represents a matrix with parameters, over every field
#
# **Theorem 1b.** `factor` finds its layers by field arithmetic alone. So a family of matrices over
# $\mathbb{Q}(t)$ has *one* flow for all values of $t$ except finitely many, which are reported. A
# matrix over a number field, or over a finite field of enough elements, has a flow over that field.
#
# **Why.** Layers of a model often depend on a parameter: an angle, a tap of a convolution. One
# factorization then holds for a whole family, and reports where it fails. Over finite fields
# minimal depths can be counted by exhaustion (`six_is_sharp`), and theorems for all fields have
# small exceptions.
#
# ## Proof
#
# The proofs of Theorems 1 and 14 (`six_layers`) use sums, products and quotients, choices of
# vectors outside of proper subspaces or of zero sets of polynomials, and distinct numbers, of which
# an infinite field has enough. So they hold over $\mathbb{Q}(t)$. The entries of the layers are
# rational functions of $t$. Let $N$ be the product of all their denominators and of the
# denominators of $M$. If $N(t_0) \ne 0$, substitution of $t_0$ is a homomorphism from the ring of
# rational functions without a pole at $t_0$ to the numbers: it maps the equation $l_6 \cdots l_1 =
# M$ to the equation of the values. $N$ has finitely many roots, and a flow refuses them. Another
# choice of layers may have other roots: the report is about this flow, not about the family.
#
# *Signs.* Over an ordered field $\det M > 0$ is needed; one scale carries the determinant. Over
# $\mathbb{Q}(t)$ the determinant may have no fixed sign: `scales="nonzero"` allows a scale of any
# sign, and at values where it is negative a flip carries the sign. Over $\mathbb{Q}(\sqrt 2)$ signs
# are the signs of the real numbers.
#
# Everything here is *exact*.

# %%
import sympy
from sympy import GF
from sympy.polys.matrices import DomainMatrix

from exactflow import factor, toeplitz, verify
from exactflow.claims import Claims, Evidence
from exactflow.errors import ExactFlowError

claims = Claims("families")
t = sympy.Symbol("t")

# %% [markdown]
# ## $\mathbb{Q}(t)$: a rotation by its Cayley parameter
# $$ \cos = \frac{1 - t^2}{1 + t^2}, \qquad \sin = \frac{2t}{1 + t^2}: \quad
#    \text{every angle but the half turn.} $$

# %%
c, s = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
M = sympy.Matrix([[c, 0, -s, 0], [0, c, 0, -s], [s, 0, c, 0], [0, s, 0, c]])
flow = factor(M)
with claims.check(
    "two planes rotated at once, for all t except finitely many", Evidence.EXACT
) as check:
    check.equal(flow, M, str(verify(flow, M)))
    check.true(flow.depth <= 6, f"{flow.depth} layers")
    check.true(
        flow.exceptional_polynomials() != (),
        f"exceptional: roots of {flow.exceptional_polynomials()}",
    )
    for value in (sympy.Rational(1, 3), 2, -5):
        check.equal(flow.at({t: value}).matrix(), M.subs(t, value), f"t = {value}")
    root = sympy.roots(flow.exceptional_polynomials()[0], t)
    try:
        flow.at({t: next(iter(root))})
        refused = False
    except ExactFlowError:
        refused = True
    check.true(refused, "an exceptional value is refused")
flow.matrix()

# %% [markdown]
# ## $\mathbb{Q}(t)$: a convolution with a symbolic tap
# Its determinant, $4t^2 - 6t + 1$, has no fixed sign: one scale carries it as it is, and where it
# is negative a flip takes the sign.

# %%
M = toeplitz([1, t, 0, 0], [1, 2, 0, 0])
flow = factor(M, scales="nonzero")
with claims.check("a Toeplitz convolution with the tap t", Evidence.EXACT) as check:
    check.equal(flow, M, str(verify(flow, M)))
    for value in (3, sympy.Rational(-1, 7)):
        check.equal(flow.at({t: value}).matrix(), M.subs(t, value), f"t = {value}")
    reflected = flow.at({t: 1})
    check.equal(reflected.matrix(), M.subs(t, 1), "t = 1, where det = -1")
    check.equal(len(reflected.flips), 1, "t = 1: one flip has the sign")

# %% [markdown]
# ## $\mathbb{F}_7$ and $\mathbb{F}_{101}$

# %%
with claims.check("matrices of determinant 1 over GF(7) and GF(101)", Evidence.EXACT) as check:
    for p in (7, 101):
        field = GF(p)
        rows = [[1, 2, 0, 1], [0, 1, 3, 0], [1, 0, 1, 0], [1, 1, 1, 1]]
        M = DomainMatrix([[field(x) for x in row] for row in rows], (4, 4), field).to_dense()
        flow = factor(M, scales="nonzero")
        check.equal(flow.domain_matrix().to_dense(), M, f"GF({p}): {flow.depth} layers")
        minus = DomainMatrix.diag([field(-1), field(-1), field(1), field(1)], field)
        flow = factor(minus)
        check.equal(flow.domain_matrix().to_dense(), minus.to_dense(), f"diag(-I, I): {flow.depth}")

# %% [markdown]
# ## $\mathbb{Q}(\sqrt 2)$: a rotation by 45 degrees
# Positivity of the scales is decided in the reals.

# %%
r = sympy.sqrt(2) / 2
M = sympy.diag(sympy.Matrix([[r, -r], [r, r]]), sympy.Matrix([[1, 1], [0, 1 + sympy.sqrt(2)]]))
flow = factor(M)
with claims.check("an irrational rotation and a scale 1 + sqrt(2)", Evidence.EXACT) as check:
    check.equal(
        flow.domain_matrix().to_dense(), M.to_DM(extension=True).to_dense(), f"{flow.depth}"
    )
    scales = {s for layer in flow for s in layer.scale}
    check.true(all(s.is_positive for s in scales), "all scales are positive")
