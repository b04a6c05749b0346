# %% [markdown]
# # A Gaussian needs two layers, where the map needs six
#
# A flow is trained on a distribution, not on a map: with matrix F it generates N(0, Sigma) from
# white noise iff F F^T = Sigma, and then its inverse whitens. How few layers?
#
# **Theorem 12.** For halves that differ by at most one, two affine couplings with positive scales
# generate every N(0, Sigma). One does iff Sigma11 = I and the Schur complement of Sigma11 is
# diagonal, or with the halves exchanged.
#
# **Theorem 12a.** For equal halves and det Sigma = 1, three additive couplings do, in closed form.
# For halves (n, n + 1) three that move the second half, the first, the second do iff the Schur
# complement of Sigma11 has an eigenvalue <= 1 and one >= 1.
#
# Both are new, to our knowledge. Draxler, Schnoerr and Koethe (*Whitening convergence rate of
# coupling-based normalizing flows*, NeurIPS 2022, arXiv:2210.14032) bound how fast training layer
# by layer whitens when random rotations stand between the layers: the rest shrinks by a factor per
# layer. Here no rotation is needed, and the rest is zero after two.
#
# - *For all n*: the equations of two and of three layers, in noncommuting symbols.
# - *Quoted*: Brouwer's fixed point theorem, by which the two equations have a solution.
# - *Exact*: depth 0 to 3 of the examples; six layers for a map whose distribution needs none.
# - *Certified*: layers found in float64, whose exact product whitens within a rational error.

# %%
import numpy as np
import sympy

from exactflow import minimal_depth, whiten
from exactflow.claims import Claims, Evidence
from exactflow.gaussian import gaussian_depth
from exactflow.identities.symbolic import Identity, WordMatrix, lower, symbols, upper

claims = Claims("Gaussians need two layers (Theorem 12)")

# %% [markdown]
# ## Two layers: two equations
# First x2 <- D2 x2 + T x1, then x1 <- D1 x1 + X x2. Write B = Sigma22, C = Sigma12 and let
# X = (C - D1 T^T) B^-1. The first equation, **T T^T = B - D2^2**, gives the blocks C and B, and the
# first block is C B^-1 C^T + D1 (I - T^T B^-1 T) D1. That it is Sigma11 says that the Schur
# complement S of B is D1 (I - T^T B^-1 T) D1. The inverse of the bracket is I + T^T D2^-2 T, so the
# second equation is **I + T^T D2^-2 T = D1 S^-1 D1**.


# %%
def two_layers():
    D1, B, C, Ct, T, Tt = symbols("D1 B C Ct T Tt")
    X, Xt = (C - D1 * Tt) * B.inverse(), B.inverse() * (Ct - T * D1)
    middle = lower(T) @ WordMatrix.of([[1, 0], [0, B - T * Tt]]) @ upper(Tt)
    outer = WordMatrix.of([[D1, X], [0, 1]]), WordMatrix.of([[D1, 0], [Xt, 1]])
    first = C * B.inverse() * Ct + D1 * (1 - Tt * B.inverse() * T) * D1
    return outer[0] @ middle @ outer[1], WordMatrix.of([[first, C], [Ct, B]])


def bracket():
    B, E, T, Tt = symbols("B E T Tt")  # E = D2^-2, and T T^T is written B - E^-1
    crossed = Tt * E * (B - E.inverse()) * B.inverse() * T
    product = 1 + Tt * E * T - Tt * B.inverse() * T - crossed
    return WordMatrix.of([[product]]), WordMatrix.of([[1]])


TWO = (
    Identity(
        "two layers",
        "F F^T = [[C B^-1 C^T + D1 (I - T^T B^-1 T) D1, C], [C^T, B]] if T T^T = B - D2^2",
        "expansion",
        two_layers,
    ),
    Identity(
        "the bracket",
        "(I + T^T D2^-2 T) (I - T^T B^-1 T) = I if T T^T = B - D2^2",
        "Woodbury",
        bracket,
    ),
)
for identity in TWO:
    with claims.check(identity.statement, Evidence.FOR_ALL_N) as check:
        check.true(identity.prove().words > 0, identity.name)

# %% [markdown]
# ## That they have a solution
# With R = D2^-1 T they read R R^T = D2^-1 B D2^-1 - I and R^T R = D1 S^-1 D1 - I. Such an R exists
# iff D2^-1 B D2^-1 and D1 S^-1 D1 have the same eigenvalues, all at least 1 (halves (n, n + 1): and
# the larger one the eigenvalue 1 besides).
#
# *Existence.* Let u be the logarithms of D1. As their gaps grow, log l_i(D1 A D1) = 2 u_i + c_i +
# o(1), where c_i are the logarithms of the pivots of A in the order of u, uniformly and
# continuously in u. So by Brouwer's theorem (a continuous map of a ball that moves no point far
# attains every point well inside) every list of eigenvalues with wide gaps is attained, by A = S^-1
# and by B alike. A common factor makes the least eigenvalue 1. For (n, n + 1) the larger matrix
# has one logarithm more, which makes its least eigenvalue 1.

# %% [markdown]
# ## Three additive layers, in closed form
# Let S = N N^T now be the Schur complement of Sigma11, and Sigma11^-1 = M M^T. With Y = N R M^T the
# layer x2 <- x2 + (Y - Sigma21 Sigma11^-1) x1 makes the covariance of the second half
# Z = S + Y Sigma11 Y^T = N (I + R R^T) N^T, and the inverse of its Schur complement
# Z' = Sigma11^-1 + Y^T S^-1 Y = M (I + R^T R) M^T. By the equations of two layers with D1 = D2 = I
# two more layers do iff Z = I + T T^T and Z' = I + T^T T for some T.
#
# In eigenbases u_i of S and v_i of Sigma11^-1, with eigenvalues s_i and r_i, this is solved by
# R = sum (g_i - 1)^(1/2) u_i v_i^T and T = sum (z_i - 1)^(1/2) u_i v_(i-1)^T where z_i = s_i g_i
# and z_(i+1) = r_i g_i: a walk of levels, divided by s_i and multiplied by r_i in turn, none
# below 1.
#
# - Equal halves: a cycle. It closes, as det S = det Sigma11^-1, and may begin as high as needed.
# - Halves (n, n + 1): a path from z_1 = 1 to g_(n+1) = 1. If s_1 is the least of the s and s_(n+1)
#   the greatest, s ascending, r descending, then log z_(i+1) - log z_i = log r_i - log s_i
#   descends, so that log z is concave; its ends are 0 and log s_(n+1). So is log g, from -log s_1
#   to 0. If s_1 <= 1 <= s_(n+1) no level is below 1.


# %%
def second_half():
    M, Mt, N, Nt, R, Rt = symbols("M Mt N Nt R Rt")
    Y, Yt = N * R * Mt, M * Rt * Nt
    moved = N * Nt + Y * Mt.inverse() * M.inverse() * Yt
    return WordMatrix.of([[moved]]), WordMatrix.of([[N * (1 + R * Rt) * Nt]])


def schur_complement():
    M, Mt, N, Nt, R, Rt = symbols("M Mt N Nt R Rt")
    Y, Yt = N * R * Mt, M * Rt * Nt
    inverse = M * Mt + Yt * Nt.inverse() * N.inverse() * Y
    return WordMatrix.of([[inverse]]), WordMatrix.of([[M * (1 + Rt * R) * Mt]])


THREE = (
    Identity("second half", "S + Y Sigma11 Y^T = N (I + R R^T) N^T", "", second_half),
    Identity(
        "Schur complement",
        "Sigma11^-1 + Y^T S^-1 Y = M (I + R^T R) M^T",
        "",
        schur_complement,
    ),
)
for identity in THREE:
    with claims.check(identity.statement, Evidence.FOR_ALL_N) as check:
        check.true(identity.prove().words > 0, identity.name)

# %% [markdown]
# ## The distribution against the map
# diag(-I, I) takes six layers as a map, whatever the positive scales. Its distribution, of white
# noise, is white noise.

# %%
with claims.check("a map of six layers, a Gaussian of none", Evidence.EXACT) as check:
    mirror = sympy.diag(-1, -1, 1, 1)
    answer = minimal_depth(mirror, scales="positive")
    check.equal((answer.lower, answer.upper), (6, 6), "diag(-I, I) takes exactly six layers")
    check.equal(gaussian_depth(mirror * mirror.T).upper, 0, "its Gaussian takes none")

# %%
with claims.check("depth, decided over QQ", Evidence.EXACT) as check:
    half = sympy.Rational(1, 2)
    for Sigma, scales, depth in (
        ([[1, 2], [2, 9]], "positive", 1),
        ([[2, 1], [1, 1]], "additive", 1),
        ([[2, 0], [0, 2]], "positive", 2),
        ([[2, 0], [0, half]], "additive", 2),
        (sympy.diag(2, half, 2, half), "additive", 3),
    ):
        check.equal(gaussian_depth(Sigma, scales).upper, depth, str(gaussian_depth(Sigma, scales)))

# %% [markdown]
# ## Instances
# The layers are floats, and so dyadic rationals; Q Sigma Q^T - I is computed in integers. Rounding
# the layers leaves an error of the order of 2^-52 cond(Sigma)^(1/2).


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


with claims.check("two layers whiten, also (n, n + 1)", Evidence.CERTIFIED) as check:
    for d in (2, 3, 8, 9, 32):
        for name, Sigma in covariances(d).items():
            result = whiten(Sigma)
            bound = 8 * np.finfo(float).eps * np.sqrt(np.linalg.cond(Sigma))
            check.true(bool(result.error < bound), f"{name}, d = {d}: {result}")

# %%
with claims.check("three additive layers whiten", Evidence.CERTIFIED) as check:
    for d in (2, 4, 16):
        F = sympy.Matrix(d, d, lambda i, j: 0 if j > i else 1 if i == j else (3 * i + j) % 4 - 1)
        result = whiten(F * F.T, layers=3)
        check.true(result.is_additive, f"d = {d}: {result}")
        check.true(bool(result.error < 2**-30), "")
