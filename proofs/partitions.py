# %% [markdown]
# # The choice of partition is no bottleneck
#
# **Theorem** (after Koehler, Mehta, Risteski, ICML 2021; the exact counts are worked out in
# `exactflow.factorization.partition`). Let $p < q$ and $m = \lceil q / p \rceil$. A generic matrix
# of determinant 1 on $p + q$ coordinates is a product of $K = 2m + 1$ additive couplings; no fewer
# do if 1 is an eigenvalue of neither $D$ nor $d$, the lower-right blocks of $M$ and of $M^{-1}$.
# Every one is at most $2m + 4$, and at most $2m + 2$ if $p$ divides $q - 1$: coordinates are peeled
# off the larger half until $p + 1$ are left, and there the route of `six_layers` takes five layers
# (to our knowledge new; sharp by $\operatorname{diag}(A, D)$).
#
# Halves that differ by at most one are the subject of `six_layers`.
#
# *Why no fewer.* Let $e = \begin{pmatrix} 0 & I \end{pmatrix}$ be the lower $q$ rows. Then $e U =
# e$ and $e L(Y) = e + Y \begin{pmatrix} I & 0 \end{pmatrix}$. In a word with $s$ factors $L$, $D -
# I$ is therefore a sum of $s$ products through $\mathbb{F}^p$, of $s - 1$ if the word ends in an
# $L$; likewise $d - I$, by the inverse word, of $s - 1$ if it starts with one. The rank of both is
# $q$, so $s p \ge q$, and $(s - 1) p \ge q$ for a word that starts or ends with $L$: at least $2m +
# 1$ factors.
#
# Both sides are *exact*, on the instances: a construction with K layers, and the two ranks.

# %%
import sympy

from exactflow import factor, random_matrix, verify
from exactflow.claims import Claims, Evidence

claims = Claims("Partitions (after ICML 2021)")


def of_determinant_one(d, seed):
    """Return a random matrix with its last row divided by the determinant."""
    M = random_matrix(d, bits=3, seed=seed)
    M[d - 1, :] = M[d - 1, :] / M.det()
    return M


# %%
for p, q in ((1, 3), (2, 4), (2, 5), (3, 5), (2, 6), (3, 7)):
    K = 2 * -(-q // p) + 1
    with claims.check(f"({p}, {q}): {K} layers do, and fewer do not", Evidence.EXACT) as check:
        M = of_determinant_one(p + q, seed=1)
        flow = factor(M, partition=(p, q))
        check.equal(flow.depth, K, f"({p}, {q}): {K} layers by construction")
        check.equal(verify(flow, M).flow.depth, K)
        for name, block in (("D", M[p:, p:]), ("d", M.inv()[p:, p:])):
            check.equal((block - sympy.eye(q)).rank(), q, f"1 is no eigenvalue of {name}")

# %% [markdown]
# ## Matrices that need more
# $\operatorname{diag}(2^5 I_3, 2^{-3} I_5)$ needs $2m + 4 = 8$ (quoted from the theory; here eight
# are shown to do).

# %%
two = sympy.Integer(2)
hard = {
    "diag(2^5 I_3, 2^-3 I_5)": (sympy.diag(*[two**5] * 3, *[two**-3] * 5), (3, 5)),
    "diag(A, 2 I_4)": (sympy.diag(sympy.Rational(1, 48), 3, 2, 2, 2, 2), (2, 4)),
}
with claims.check("at most 2 m + 4 layers, degenerate matrices included", Evidence.EXACT) as check:
    for name, (M, (p, q)) in hard.items():
        flow = factor(M, method="partition", partition=(p, q))
        bound = 2 * -(-q // p) + 4
        check.true(flow.depth <= bound, f"{name}: {flow.depth} layers, at most {bound}")
        check.equal(flow.matrix(), M)

# %% [markdown]
# ## Where p divides q - 1
# $2m + 2$ layers, and no fewer: $\operatorname{diag}(A, D)$ where 1 is no eigenvalue of $D$ is no
# product of $2m + 1$, since an odd word's last layer can be pushed through it and merged with the
# first; then the rank argument above excludes $2m$.

# %%
sharp = {
    (1, 3): sympy.diag(sympy.Rational(1, 8), 2, 2, 2),
    (2, 5): sympy.diag(sympy.Rational(1, 30), 1, 2, 3, 5, -1, -1),
    (2, 7): sympy.diag(sympy.Rational(1, 128), 1, *[2] * 7),
    (3, 7): sympy.diag(2, 2, sympy.Rational(1, 512), *[2] * 7),
}
with claims.check("2 m + 2 layers where p divides q - 1", Evidence.EXACT) as check:
    for (p, q), M in sharp.items():
        flow, m = factor(M, method="partition", partition=(p, q)), -(-q // p)
        check.equal((flow.depth, M.det()), (2 * m + 2, 1), f"({p}, {q}): {flow.depth} layers")
        check.equal(flow.matrix(), M)
        check.equal((M[p:, p:] - sympy.eye(q)).rank(), q, "1 is no eigenvalue of D")

# %% [markdown]
# ## Masks and odd channel counts
# RGB images have three channels; a checkerboard takes every other coordinate.

# %%
M = random_matrix(3, bits=6, seed=2)
checkerboard = [1, 0, 1, 0, 1, 0]
N = random_matrix(6, bits=4, seed=3)
with claims.check("three channels, and a checkerboard mask", Evidence.EXACT) as check:
    check.equal(factor(M).matrix(), M, f"three channels: {factor(M).depth} layers, split (1, 2)")
    flow = factor(N, partition=checkerboard)
    check.equal(flow.matrix(), N, f"checkerboard: {flow.depth} layers")
    check.equal(flow.order, (0, 2, 4, 1, 3, 5), "the order in which the layers see coordinates")
flow
