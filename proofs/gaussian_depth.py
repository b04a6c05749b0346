# %% [markdown]
# # Gaussian depth: two layers generate any Gaussian, though a linear map may need six
#
# **Theorem 12** (to our knowledge new). For halves that differ by at most one, two affine couplings
# with positive scales
#
# $$ F = \begin{pmatrix} D_1 & X \\ 0 & I \end{pmatrix}
#        \begin{pmatrix} I & 0 \\ T & D_2 \end{pmatrix} $$
#
# generate every $N(0, \Sigma)$ from white noise: $F F^\mathsf{T} = \Sigma$. One suffices iff
# $\Sigma_{11} = I$ and the Schur complement of $\Sigma_{11}$ is diagonal, or the same with the
# halves exchanged.
#
# **Additive layers** (to our knowledge new). For equal halves and $\det \Sigma = 1$, three additive
# couplings suffice, in closed form. For halves $(n, n + 1)$, three that move the second half, the
# first, and the second suffice iff the Schur complement of $\Sigma_{11}$ has an eigenvalue $\le 1$
# and one $\ge 1$.
#
# **Other halves** (to our knowledge new). For halves $(p, q)$, $p < q$, and $\det \Sigma = 1$, the
# numbers of eigenvalues below and above 1 decide how many additive couplings are needed. $2 \lceil
# q / p \rceil$ always suffice, and some $\Sigma$ need them. With positive scales $1 + \lceil (q -
# 1) / p \rceil$ always suffice.
#
# **Why.** A flow is trained on a distribution, not on a map: it may use any $F$ with $F
# F^\mathsf{T} = \Sigma$, and $F^{-1}$ whitens. That freedom saves four layers of six. Draxler,
# Schnoerr and Koethe (*Whitening convergence rate of coupling-based normalizing flows*, NeurIPS
# 2022, arXiv:2210.14032) bound how fast training layer by layer whitens with random rotations
# between the layers: the residual shrinks by a factor per layer. Here no rotation is needed, and
# the residual is zero after two layers. To give a matrix any eigenvalues with wide gaps by diagonal
# factors is the multiplicative inverse eigenvalue problem (Hadeler 1969, de Oliveira 1972,
# Friedland 1975); here two matrices get equal eigenvalues.
#
# The proofs stand beside the checks: two and three layers in the next three sections, other halves
# after them. *One layer*: $\begin{pmatrix} I & 0 \\ T & D \end{pmatrix}$ times its transpose is
# $\begin{pmatrix} I & T^\mathsf{T} \\ T & T T^\mathsf{T} + D^2 \end{pmatrix}$, whose Schur
# complement is $D^2$. Conversely, if $\Sigma$ has this form, take $T = \Sigma_{21}$.
#
# - *For all n*: the equations of two and of three layers, in noncommuting symbols.
# - *Quoted*: Brouwer's fixed point theorem, by which the equations of two layers have a solution;
#   for $q \ge p + 2$ Klyachko's theorem on eigenvalues of products.
# - *Exact*: the depth of examples; six layers for a map whose distribution needs none.
# - *Certified*: layers found in float64, whose exact product whitens within a rational error.
# - *Numeric*: what training layer by layer needs; three additive layers for $q = p + 2$.

# %%
import itertools
import sys

import numpy as np
import sympy
from scipy.optimize import least_squares

from exactflow import LinearCoupling, minimal_depth, whiten
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.errors import MethodError
from exactflow.explanation.symbolic_identities import Identity

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.constructions.gaussian_depth import gaussian_depth
from proofs.constructions.three_layers import whiten_by_three

claims = Claims("gaussian depth")
options = proof_options()

# %% [markdown]
# ## Two layers generate a Gaussian if two equations hold
# First $x_2 \leftarrow D_2 x_2 + T x_1$, then $x_1 \leftarrow D_1 x_1 + X x_2$. Write $B =
# \Sigma_{22}$, $C = \Sigma_{12}$ and let $X = (C - D_1 T^\mathsf{T}) B^{-1}$. The first equation
# below gives the blocks $C$ and $B$, and the first block is $C B^{-1} C^\mathsf{T} + D_1 (I -
# T^\mathsf{T} B^{-1} T) D_1$. That it is $\Sigma_{11}$ says that the Schur complement $S$ of $B$ is
# $D_1 (I - T^\mathsf{T} B^{-1} T) D_1$. The inverse of the bracket is $I + T^\mathsf{T} D_2^{-2}
# T$, so the two equations are
#
# $$ T T^\mathsf{T} = B - D_2^2, \qquad I + T^\mathsf{T} D_2^{-2} T = D_1 S^{-1} D_1. $$

# %%
TWO = (
    Identity(
        "two layers",
        "F F^T = [[C B^-1 C^T + D1 (I - T^T B^-1 T) D1, C], [C^T, B]] if T T^T = B - D2^2",
        "expansion",
        "X = (C - D1 T') B^-1, X' = B^-1 (C' - T D1), "
        "blocks(D1, X, 0, 1) L(T) diag(1, B - T T') U(T') blocks(D1, 0, X', 1) "
        "= blocks(C B^-1 C' + D1 (1 - T' B^-1 T) D1, C, C', B)",
    ),
    Identity(
        "the bracket",
        "(I + T^T D2^-2 T) (I - T^T B^-1 T) = I if T T^T = B - D2^2",
        "Woodbury",  # E is D2^-2, and T T^T is written B - E^-1
        "1 + T' E T - T' B^-1 T - T' E (B - E^-1) B^-1 T = 1",
    ),
)
for identity in TWO:
    with claims.check(identity.statement, Evidence.FOR_ALL_N) as check:
        proof = identity.prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## The two equations have a solution
#
# With $R = D_2^{-1} T$ they are
#
# $$ R R^\mathsf{T} = D_2^{-1} B D_2^{-1} - I, \qquad R^\mathsf{T} R = D_1 S^{-1} D_1 - I. $$
#
# Such an $R$ exists iff $D_2^{-1} B D_2^{-1}$ and $D_1 S^{-1} D_1$ have the same eigenvalues, all
# at least 1 (halves $(n, n + 1)$: and the larger one the eigenvalue 1 besides): $R = \sum_i
# \sqrt{\lambda_i - 1}\, w_i v_i^\mathsf{T}$ in orthonormal eigenvectors $w_i$ and $v_i$ of the two.
#
# *Existence.* Let $A$ be positive definite, and $D_1 = \operatorname{diag}(e^{u_1}, e^{u_2},
# \dots)$ with $u_1 > u_2 > \dots$. The sum of the products of $k$ eigenvalues of $D_1 A D_1$ is the
# sum of its principal $k$-minors; as the gaps of $u$ grow, the largest of both dominate, so that
#
# $$ \log \lambda_i(D_1 A D_1) = 2 u_i + c_i + o(1), $$
#
# where $c_i$ are the logarithms of the pivots of $A$, uniformly and continuously in $u$. So by
# Brouwer's theorem (a continuous map of a ball that moves no point by as much as the radius attains
# the centre) every list of eigenvalues with wide gaps is attained, by $A = S^{-1}$ and by $A = B$
# alike. A common factor makes the least eigenvalue 1. For $(n, n + 1)$ the larger matrix gets the
# list of the smaller one and, below it, the eigenvalue 1. $\blacksquare$

# %% [markdown]
# ## Three additive layers suffice, in closed form
#
# Let $S = N N^\mathsf{T}$ now be the Schur complement of $\Sigma_{11}$, and $\Sigma_{11}^{-1} = M
# M^\mathsf{T}$. With $Y = N R M^\mathsf{T}$ the layer $x_2 \leftarrow x_2 + (Y - \Sigma_{21}
# \Sigma_{11}^{-1}) x_1$ gives the second half the covariance $Z$, and the inverse of its Schur
# complement is $Z'$:
#
# $$ Z = S + Y \Sigma_{11} Y^\mathsf{T} = N (I + R R^\mathsf{T}) N^\mathsf{T}, $$
# $$ Z' = \Sigma_{11}^{-1} + Y^\mathsf{T} S^{-1} Y = M (I + R^\mathsf{T} R) M^\mathsf{T}. $$
#
# By the equations of two layers with $D_1 = D_2 = I$, two more layers suffice iff $Z = I + T
# T^\mathsf{T}$ and $Z' = I + T^\mathsf{T} T$ for some $T$.
#
# In eigenbases $u_i$ of $S$ and $v_i$ of $\Sigma_{11}^{-1}$, with eigenvalues $s_i$ and $r_i$, and
# $N = S^{1/2}$, $M = \Sigma_{11}^{-1/2}$, this is solved by
#
# $$ R = \sum_i \sqrt{g_i - 1}\, u_i v_i^\mathsf{T}, \qquad
#    T = \sum_i \sqrt{z_i - 1}\, u_i v_{i-1}^\mathsf{T}, $$
#
# where $z_i = s_i g_i$ and $z_{i+1} = r_i g_i$: the levels $z_1, g_1, z_2, g_2, \dots$ are a walk,
# divided by $s_i$ and multiplied by $r_i$ in turn, and none may be below 1.
#
# - Equal halves: a cycle. It closes, as $\det S = \det \Sigma_{11}^{-1}$, and may begin at any high
#   level.
# - Halves $(n, n + 1)$: a path from $z_1 = 1$ to $g_{n+1} = 1$. If $s_1$ is the least of the $s$
#   and $s_{n+1}$ the greatest, $s$ ascending, $r$ descending, then $\log z_{i+1} - \log z_i = \log
#   r_i - \log s_i$ descends, so that $\log z$ is concave; its ends are 0 and $\log s_{n+1}$. So is
#   $\log g$, from $-\log s_1$ to 0. If $s_1 \le 1 \le s_{n+1}$ no level is below 1. Conversely the
#   least eigenvalue of $Z = I + T T^\mathsf{T}$ is 1. So $S \le Z$ has one that is at most 1, and
#   as $Z - S$ has rank $n$ at most, one that is at least 1, by Weyl's inequality.

# %%
THREE = (
    Identity(
        "second half",
        "S + Y Sigma11 Y^T = N (I + R R^T) N^T",
        "expansion",
        "Y = N R M', Y' = M R' N', N N' + Y M'^-1 M^-1 Y' = N (1 + R R') N'",
    ),
    Identity(
        "Schur complement",
        "Sigma11^-1 + Y^T S^-1 Y = M (I + R^T R) M^T",
        "expansion",
        "Y = N R M', Y' = M R' N', M M' + Y' N'^-1 N^-1 Y = M (1 + R' R) M'",
    ),
)
for identity in THREE:
    with claims.check(identity.statement, Evidence.FOR_ALL_N) as check:
        proof = identity.prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## Additive layers on halves that differ by more than one
#
# A layer that moves the second half, the larger one, replaces $\Sigma_{22}$ by $S + Y \Sigma_{11}
# Y^\mathsf{T}$ for any $Y$: it adds to $S$ a positive semidefinite matrix of rank at most $p$. A
# layer that moves the first half adds such a matrix to $\Sigma_{22}^{-1}$, and the sum is the next
# $S^{-1}$. So a matrix is increased and decreased in turn, from $S$ or from $\Sigma_{22}$ to $I$;
# the last layer only decorrelates. By Weyl's inequalities an increase moves at most $p$ eigenvalues
# from below 1 to 1 or above, and a decrease at most $p$ from above 1.
#
# **Claim.** $k \ge 3$ additive layers of which the first moves the second half suffice iff $S$ has
# at most $p \lceil (k - 1) / 2 \rceil$ eigenvalues below 1 and at most $p \lfloor (k - 1) / 2
# \rfloor$ above. If the first one moves the first half, they suffice iff $\Sigma_{22}$ has at most
# as many above and below.
#
# *Sufficiency.* All steps but two bring $p$ eigenvalues each to 1, in an eigenbasis. That leaves
# three layers and a matrix $S$ with at most $p$ eigenvalues below 1 and at most $p$ above. We need
# $R$ and $T$ as before, with $Z = S^{1/2} (I + R R^\mathsf{T}) S^{1/2} = I + T T^\mathsf{T}$ and
# $Z' = I + T^\mathsf{T} T$.
#
# By a theorem of Klyachko (*Random walks on symmetric spaces and inequalities for matrix spectra*,
# Linear Algebra Appl. 319, 2000; Alekseev, Meinrenken and Woodward, *Linearization of Poisson
# actions and singular values of matrix products*, Ann. Inst. Fourier 51, 2001) the logarithms of
# the eigenvalues that positive definite $Z$, $S$ and $S^{-1/2} Z S^{-1/2}$ can have are the
# eigenvalues that symmetric $Z$, $S$ and $Z - S$ can have, and these are given by finitely many
# homogeneous linear inequalities. So now let $S$ and $G$ be symmetric, with the logarithms of the
# eigenvalues of $S$ and of $\Sigma_{11}^{-1}$ as eigenvalues. We need $q \times q$ matrices $Z \ge
# 0$ and $Z - S \ge 0$ of rank $p$, and a $p \times p$ matrix $Z'$ with the nonzero eigenvalues of
# $Z$ such that $Z' - G$ has those of $Z - S$.
#
# $S$ has at most $p$ positive and at most $p$ negative eigenvalues, so that in some basis a block
# of $S$ of size $q - p$ is zero. Let $H$ be the block of size $p$ beside it. $H$ and $G$ have equal
# traces, say $p\, \theta$, so each has the diagonal $(\theta, \dots, \theta)$ in some basis
# (Schur and Horn). Take $Z' = \operatorname{diag}(t w)$ and $Z = \operatorname{diag}(t w, 0)$, $w =
# (p, \dots, 1)$. As $t$ grows, $Z' - G$ has the eigenvalues $t w_i - \theta$ up to $o(1)$, and $Z -
# S$ these and 0 up to $o(1)$. So each of the inequalities holds for $t w$ and 0, $t w - \theta$ and
# 0, and the eigenvalues of $S$ with an error of $o(1)$. For $w$ and 0, $w$ and 0, and $S = 0$ it
# holds exactly, with $<$ or with $=$; so for large $t$ every inequality holds. The same argument
# serves $Z'$ and $G$.
#
# *The largest number.* If $S > I$, and so $\Sigma_{22} > I$, then $2 \lceil q / p \rceil$ are
# needed. Since $\Sigma_{22} \ge S$, more are never needed.


# %%
def one_side(p, q):
    """Return a covariance of determinant 1 whose second half lies above 1 in all directions."""
    return sympy.diag(sympy.Rational(1, 2**q), *[1] * (p - 1), *[2] * q)


with claims.check(
    "at most 2 ceil(q / p) layers are needed, by eigenvalues", Evidence.EXACT
) as check:
    for p, q in ((1, 2), (1, 3), (2, 3), (2, 4), (1, 4), (2, 5)):
        needed = gaussian_depth(one_side(p, q), partition=(p, q))
        check.equal((needed.lower, needed.upper), (2 * -(-q // p),) * 2, f"({p}, {q}): {needed}")
        for entries in itertools.combinations_with_replacement((sympy.Rational(1, 2), 1, 2), q):
            Sigma = sympy.diag(sympy.Integer(1) / sympy.prod(entries), *[1] * (p - 1), *entries)
            found = gaussian_depth(Sigma, partition=(p, q))
            check.true(found.upper <= needed.upper, str(found), shown=False)

# %%
with claims.check("the smallest Gaussian that needs four layers", Evidence.CERTIFIED) as check:
    Sigma = one_side(1, 2)
    check.equal(gaussian_depth(Sigma).lower, 4, "diag(1/4, 2, 2), halves (1, 2)")
    first = LinearCoupling((1, 2), "first", [[1, 0]]).matrix()
    rest = whiten_by_three(first * Sigma * first.T)
    check.true(rest.is_additive, f"after x1 <- x1 + x2: {rest}")

# %%
with claims.check(
    "three layers exist iff eigenvalues lie on both sides of 1", Evidence.CERTIFIED
) as check:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        F = sympy.diag(1, 1, 2, sympy.Rational(1, 2), 1).permute(rng.permutation(5).tolist())
        for i, j in rng.permutation(list(itertools.permutations(range(5), 2)))[:8]:
            F[i, :] += F[j, :]
        found = gaussian_depth(F * F.T)
        is_found = whiten_by_three(F * F.T).is_additive
        check.true(is_found is (found.upper <= 3), str(found), shown=False)


# %%
def additive_residual(Sigma, p, layers):
    """Return the largest entry of Q Sigma Q^T - I that least squares ends at, from six starts."""
    d = len(Sigma)
    root, size = np.linalg.cholesky(Sigma), p * (d - p)

    def residual(entries):
        Q = root
        for k in range(layers):
            layer, shift = np.eye(d), entries[k * size : (k + 1) * size]
            if k % 2:
                layer[:p, p:] = shift.reshape(p, -1)
            else:
                layer[p:, :p] = shift.reshape(-1, p)
            Q = layer @ Q
        return (Q @ Q.T - np.eye(d))[np.tril_indices(d)]

    rng = np.random.default_rng(0)
    starts = rng.standard_normal((6, layers * size))
    return min(
        np.abs(least_squares(residual, x, max_nfev=300, xtol=1e-15).fun).max() for x in starts
    )


with claims.check(
    "halves (2, 4): three layers if the eigenvalues allow it", Evidence.NUMERIC
) as check:
    rng = np.random.default_rng(0)
    for entries, exist in (((0.4, 0.7, 1.5, 2.5), True), ((0.4, 1.2, 1.5, 2.5), False)):
        U = np.linalg.qr(rng.standard_normal((4, 4)))[0]
        first = np.sqrt(1 / np.prod(entries)) * np.diag([2, 1 / 2])
        Sigma = np.block([[first, np.zeros((2, 4))], [np.zeros((4, 2)), U * entries @ U.T]])
        found = additive_residual(Sigma, 2, 3)
        text = f"S with eigenvalues {entries}: residual {found:.0e}"
        check.true(bool(found < 1e-9 if exist else found > 1e-3), text)

# %% [markdown]
# ## Layers with positive scales on halves with q >= p + 2
#
# A factor for the second half can make one eigenvalue of $S$ equal to 1 and any number of the
# others less than 1. So $k$ layers suffice if $p (k - 1) + 1 \ge q$. (A factor for the first half
# corrects the determinant.) So $1 + \lceil (q - 1) / p \rceil$ always suffice. For $q = p + 2$ the
# layers have a closed form again: the eigenvalue 1 is a path of its own, from $z = 1$ to $g = 1$.
#
# Two suffice only if $\Sigma_{22}$ or the same block of $\Sigma^{-1}$ is $D + L L^\mathsf{T}$, with
# $D > 0$ diagonal and $L$ of rank $p$, since $T T^\mathsf{T} = B - D_2^2$. That is Frisch's problem
# in factor analysis, generically solvable only if $(q - p) (q - p + 1) / 2 \le q$ (Ledermann). For
# $p = 1$ the condition is sufficient, as $D_1$ is free, and it is Spearman's: $l_1^2 = s_{12}
# s_{13} / s_{23} < s_{11}$, and its permutations. For $p \ge 2$ it is open which $\Sigma$ two
# layers generate. The search finds them for $q = p + 2$, and none on $(3, 6)$, which the bound also
# allows.

# %%
with claims.check("halves (1, 3): two or three layers, decided", Evidence.EXACT) as check:
    a, b = sympy.Rational(1, 2), sympy.Rational(1, 10)
    Sigma = sympy.diag(1, sympy.Matrix([[1, a, a], [a, 1, b], [a, b, 1]]))
    answer = gaussian_depth(Sigma, scales="positive", partition=(1, 3))
    check.equal((answer.lower, answer.upper), (3, 3), f"correlations 1/2, 1/2, 1/10: {answer}")
    Sigma = sympy.diag(1, sympy.Matrix([[1, a, a], [a, 1, a], [a, a, 1]]))
    check.equal(
        gaussian_depth(Sigma, scales="positive", partition=(1, 3)).upper,
        2,
        "correlations 1/2: exactly two",
    )


# %%
def covariances(d):
    """Return covariances of d coordinates by name."""
    rng = np.random.default_rng(d)
    lags = np.abs(np.subtract.outer(np.arange(d), np.arange(d)))
    Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    stretched = Q * np.logspace(0, 10, d) @ Q.T
    return {
        "Wishart": np.cov(rng.standard_normal((d, 2 * d))),
        "stationary, 0.9": 0.9**lags,
        "stationary, 0.999": 0.999**lags,
        "condition 10^10": (stretched + stretched.T) / 2,
        "white": np.eye(d),
    }


def search_two_layers(p, q, seed):
    """Return whether the search finds two layers for a Wishart matrix, and that matrix."""
    Sigma = np.cov(np.random.default_rng(seed).standard_normal((p + q, 3 * (p + q))))
    try:
        return bool(whiten(Sigma, partition=(p, q)).error < 1e-12), Sigma
    except MethodError:
        return False, Sigma


with claims.check("halves (1, 3): two layers are found if they exist", Evidence.CERTIFIED) as check:
    outcomes = [search_two_layers(1, 3, seed) for seed in range(20)]
    for is_found, Sigma in outcomes:
        check.equal(is_found, gaussian_depth(Sigma, scales="positive", partition=(1, 3)).upper == 2)
    print(f"    {sum(is_found for is_found, _ in outcomes)} of {len(outcomes)} Wishart matrices")

seeds = 10 if options.full else 4
with claims.check(
    "no two layers are found where Ledermann excludes them", Evidence.NUMERIC
) as check:
    for p, q in ((1, 4), (2, 5), (1, 5), (3, 7)):
        count = sum(search_two_layers(p, q, seed)[0] for seed in range(seeds))
        check.true((q - p) * (q - p + 1) > 2 * q and count == 0, f"({p}, {q}): 0 of {seeds}")

with claims.check("halves (p, p + 2), p > 1: two layers are found", Evidence.NUMERIC) as check:
    for p, q in ((2, 4), (3, 5), (4, 6)):
        count = sum(search_two_layers(p, q, seed)[0] for seed in range(seeds))
        check.true(count > 0, f"({p}, {q}): {count} of {seeds}")
    count = sum(search_two_layers(3, 6, seed)[0] for seed in range(seeds))
    print(f"    (3, 6), which the bound allows, too: {count} of {seeds}")

with claims.check("three layers on halves (n, n + 2), in closed form", Evidence.CERTIFIED) as check:
    for p in (1, 2, 8):
        for name, Sigma in covariances(2 * p + 2).items():
            result = whiten_by_three(Sigma, partition=(p, p + 2))
            bound = 8 * np.finfo(float).eps * np.sqrt(np.linalg.cond(Sigma))
            check.true(bool(result.error < bound), f"{name}: {result}")

# %% [markdown]
# ## A map of six layers whose Gaussian needs none
# As a map, $\operatorname{diag}(-I, I)$ needs six layers with any positive scales. But its image of
# white noise is white noise.

# %%
with claims.check("the map needs six layers, and its Gaussian none", Evidence.EXACT) as check:
    mirror = sympy.diag(-1, -1, 1, 1)
    answer = minimal_depth(mirror, scales="positive")
    check.equal((answer.lower, answer.upper), (6, 6), "diag(-I, I) takes exactly six layers")
    check.equal(gaussian_depth(mirror * mirror.T).upper, 0, "its Gaussian takes none")

# %%
with claims.check("the depth is decided over QQ", Evidence.EXACT) as check:
    half = sympy.Rational(1, 2)
    for Sigma, scales, depth in (
        ([[1, 2], [2, 9]], "positive", 1),
        ([[2, 1], [1, 1]], "additive", 1),
        ([[2, 0], [0, 2]], "positive", 2),
        ([[2, 0], [0, half]], "additive", 2),
        (sympy.diag(2, half, 2, half), "additive", 3),
    ):
        answer = gaussian_depth(Sigma, scales=scales)
        check.equal((answer.lower, answer.upper), (depth, depth), str(answer))

# %% [markdown]
# ## Layers of floats whiten instances, up to rounding
#
# The layers are floats, and so dyadic rationals; $Q \Sigma Q^\mathsf{T} - I$ is computed in
# integers. Rounding the layers leaves an error of the order of $2^{-52}
# \operatorname{cond}(\Sigma)^{1/2}$.


# %%
with claims.check("two layers whiten on halves (n, n) and (n, n + 1)", Evidence.CERTIFIED) as check:
    for d in (2, 3, 8, 9, 32):
        for name, Sigma in covariances(d).items():
            result = whiten(Sigma)
            bound = 8 * np.finfo(float).eps * np.sqrt(np.linalg.cond(Sigma))
            check.true(bool(result.error < bound), f"{name}, d = {d}: {result}")

# %%
with claims.check("three additive layers whiten", Evidence.CERTIFIED) as check:
    for d in (2, 4, 16):
        F = sympy.Matrix(d, d, lambda i, j: 0 if j > i else 1 if i == j else (3 * i + j) % 4 - 1)
        result = whiten_by_three(F * F.T)
        check.true(result.is_additive, f"d = {d}: {result}")
        check.true(bool(result.error < 2**-30), "")

# %% [markdown]
# ## Two layers whiten all components of a mixture with one covariance
#
# Linear layers map a mixture of Gaussians to a mixture of equally many. Two layers $Q$ map the
# covariance of the whole to $I$, as they can for any covariance. If the components $N(m_i, \Sigma)$
# have one covariance $\Sigma$, two layers map each of them to $N(Q m_i, I)$.
#
# For components with different covariances two layers may not suffice. If $F$ takes two of them to
# $I$ and to a diagonal matrix, and the generalized eigenvalues differ, $F$ is determined up to
# signs and the order of its rows. These are finitely many maps, so that the depth of a map counts.
# In $d = 2$ that is two, since some choice has $F_{11} > 0$ and $\det F > 0$. The smallest example
# where two layers do not suffice has $d = 3$. (Layers whose scales and shifts are functions can do
# more: `universal_approximation`.)


# %%
def is_two_layers(F, p):
    """Whether two layers on halves (p, d - p) compose to F, in one of both orders."""
    upper, lower = F[:p, :p], F[p:, p:]
    pairs = []
    if upper.det() != 0:
        pairs.append((upper, lower - F[p:, :p] * upper.inv() * F[:p, p:]))
    if lower.det() != 0:
        pairs.append((lower, upper - F[:p, p:] * lower.inv() * F[p:, :p]))
    return any(all(M.is_diagonal() and min(M.diagonal()) > 0 for M in pair) for pair in pairs)


def signed_permutations(d):
    for order in itertools.permutations(range(d)):
        for signs in itertools.product((1, -1), repeat=d):
            yield sympy.diag(*signs) * sympy.eye(d)[list(order), :]


with claims.check(
    "two covariances at once: two layers in d = 2, not in d = 3", Evidence.EXACT
) as check:
    for F in (sympy.Matrix([[0, 1], [-1, 0]]), sympy.Matrix([[3, -4], [4, 3]]) / 5):
        check.true(any(is_two_layers(P * F, 1) for P in signed_permutations(2)), f"{F.tolist()}")
    F = sympy.Matrix([[2, -1, 2], [2, 2, -1], [-1, 2, 2]]) / 3
    check.equal(F * F.T, sympy.eye(3))
    candidates = [P * F for P in signed_permutations(3)]
    found = any(is_two_layers(M, p) for M in candidates for p in (1, 2))
    check.true(not found, f"none of {len(candidates)} maps takes I and F^T diag(1, 2, 3) F there")

# %% [markdown]
# ## Layers fitted one by one converge more slowly
#
# Draxler, Schnoerr and Koethe train one layer after the other, with random rotations in between.
# The best single layer makes the second half $x_2 \leftarrow D (x_2 - \Sigma_{21} \Sigma_{11}^{-1}
# x_1)$, $D^{-2}$ the diagonal of its Schur complement. Without rotations that comes to a halt after
# two layers, where the halves are uncorrelated, each with its own correlations left; with them the
# Kullback-Leibler divergence from white noise, $\frac12 (\operatorname{tr} \Sigma - d - \log \det
# \Sigma)$, shrinks by a factor per layer. Two layers chosen together leave what rounding leaves.


# %%
def divergence(Sigma):
    return float(np.trace(Sigma) - len(Sigma) - np.linalg.slogdet(Sigma)[1]) / 2


def layer_by_layer(Sigma, layers, rng=None):
    """Return the divergences before and after each layer; halves are exchanged without an rng."""
    d = len(Sigma)
    p, history = d // 2, [divergence(Sigma)]
    for _ in range(layers):
        turn = np.roll(np.eye(d), p, axis=0)
        Q = turn if rng is None else np.linalg.qr(rng.standard_normal((d, d)))[0]
        Sigma = Q @ Sigma @ Q.T
        layer, regression = np.eye(d), np.linalg.solve(Sigma[:p, :p], Sigma[:p, p:]).T
        scale = np.diag(Sigma[p:, p:] - regression @ Sigma[:p, p:]) ** -0.5
        layer[p:, p:], layer[p:, :p] = np.diag(scale), -scale[:, None] * regression
        Sigma = layer @ Sigma @ layer.T
        history.append(divergence((Sigma + Sigma.T) / 2))
    return history


LAYERS, D = 60, 16
stationary = covariances(D)["stationary, 0.9"]
rotated = [layer_by_layer(stationary, LAYERS, np.random.default_rng(seed)) for seed in range(5)]
alternating = layer_by_layer(stationary, LAYERS)
together = whiten(stationary)
# For E = Q Sigma Q^T - I, of norm e <= 1/2:
# (trace E - log det(I + E)) / 2 <= e^2 / (4 (1 - e)) <= e^2 / 2.
left = float(D * together.error) ** 2 / 2
with claims.check("layers fitted one by one, and two layers together", Evidence.NUMERIC) as check:
    needed = [next(k for k, rest in enumerate(run) if rest < 1e-10) for run in rotated]
    text = f"AR(1) with 0.9, d = {D}: divergence {rotated[0][0]:.1f}, below 1e-10 after"
    check.true(min(needed) > 10, f"{text} {needed} layers with rotations between them")
    check.true(
        abs(alternating[-1] - alternating[2]) < 1e-12, f"no rotations: {alternating[-1]:.1f} remain"
    )
    check.true(left < 1e-20, f"two layers together: at most {left:.0e} remains")


# %%
def draw(pyplot, path) -> None:
    """Draw the divergence from white noise against the number of layers."""
    figure, axis = pyplot.subplots(figsize=(8, 5.5), layout="constrained")
    for i, run in enumerate(rotated):
        shown = [max(rest, 1e-16) for rest in run if rest > 1e-15]
        label = "layer by layer, random rotations between" if i == 0 else None
        axis.plot(range(len(shown)), shown, color="#E69F00", lw=2, alpha=0.8, label=label)
    label = "layer by layer, halves exchanged"
    axis.plot(range(LAYERS + 1), alternating, color="#D55E00", lw=2, ls="--", label=label)
    label = "two layers together (at most)"
    axis.plot([0, 2], [rotated[0][0], left], "o-", color="#0072B2", lw=2, ms=8, label=label)
    axis.set_yscale("log")
    axis.set_xlabel("layers", fontsize=16)
    axis.set_ylabel("divergence from white noise", fontsize=16)
    axis.tick_params(labelsize=13)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=13)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("gaussian_depth", draw)
