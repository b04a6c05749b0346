# %% [markdown]
# # Linear depth experiment: an optimiser fits matrices by few layers
#
# **Theorem 8a.** For halves of $n \ge 2$ coordinates, let the least residual of $K$ couplings be
#
# $$ \rho_K(M) = \inf \frac{\lVert l_K \cdots l_1 - M \rVert_F}{\lVert M \rVert_F}: $$
#
# - *Shears*, $\det M = 1$: $\rho_5 = 0$ for all $M$, though some need six; $\rho_4 > 0$ unless
#   $\chi_D = \chi_a$ or $\chi_A = \chi_d$, in the blocks of $M$ and $M^{-1}$.
# - *Positive scales*: products of four layers contain an open set (`affine_depth`), which has most
#   random matrices; products of three have at most $3 n^2 + 2 n$ dimensions, too few for $n > 2$.
#
# **Why.** Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021, fit $K$ linear couplings to a matrix and look at the residual. A
# small residual proves that layers exist *near* $M$, not that they exist for $M$: five shears are
# within $10^{-12}$ of a matrix that needs six. A large residual proves nothing: another optimiser
# may find a smaller one. So this page tells which layers exist, and which of them an optimiser
# finds.
#
# **Proof.** Six shears make every $M$ (`six_layers`), and five every $M$ with $\det C \ne 0$, which
# are dense: $\rho_5 = 0$. A product $ULUL$ has a lower right block $D$ whose characteristic
# polynomial is that of the upper left block $a$ of the inverse (`five_is_generic`); that is a
# closed condition on $M$ in $SL_{2n}$, which is closed itself, and so is the mirror image. So an
# $M$ of determinant 1 that meets neither keeps a positive distance from all products of four
# shears. A coupling has $n^2$ numbers in its shift and $n$ scales. Of three, the scales can be
# pushed to one side, where only $2 n$ numbers remain: $3 n^2 + 2 n < 4 n^2$ for $n > 2$. $\square$
#
# *Exact* and *certified*: which layers exist. *Numeric*, what an optimiser finds:
# Levenberg-Marquardt from random layers; Adam. The residual of a scaled family is never larger than
# that of the shears inside it, once the fit starts from them; from random layers it often is.

# %%
import itertools
import sys

import numpy as np
import sympy
from scipy.linalg import toeplitz
from sympy import QQ, Rational
from threadpoolctl import threadpool_limits

from exactflow import minimal_depth, permutation
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.floats.balancing.homotopy import (
    StuckError,
    draw_random_padded_shifts,
    find_shears_along_path,
)
from exactflow.floats.balancing.newton import ShearPattern
from exactflow.floats.balancing.tuning import Attempt

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.experiments.descent import adam
from proofs.experiments.least_squares import Fit, least_squares, random_start

claims = Claims("linear depth experiment")
options = proof_options()
dimensions = (4, 8, 16, 32, 64) if options.full else (4, 8, 16)
depths = range(1, 17 if options.full else 7)
grid = list(itertools.product(dimensions, depths))
starts, adam_steps = (20, 3000) if options.full else (1, 150)
OF_FOUR_LAYERS = 20  # starts for four layers with scales: at least one in ten succeeds
fitted = dimensions if options.full else dimensions[:2]
decided = [d for d in fitted if d <= 16]

# %% [markdown]
# ## The matrices to be fitted
# Gaussian, rotation and Toeplitz matrices are divided by a power of the determinant, which is then
# 1 up to rounding. The 3-cycle permutes three coordinates of the second half, all others stay: a
# permutation that needs six layers. The last target is Gaussian with determinant 4.


# %%
def target(kind: str, d: int) -> np.ndarray:
    """Return the first of a seeded sequence of random matrices that has a positive determinant."""
    if kind == "3-cycle":
        n = d // 2
        return np.array(permutation([*range(n), n + 1, n + 2, n, *range(n + 3, d)]), dtype=float)
    rng, det = np.random.default_rng(d), 4 if kind == "determinant 4" else 1
    while True:
        if kind in ("Gaussian", "determinant 4"):
            M = rng.standard_normal((d, d))
        elif kind == "rotation":
            Q, R = np.linalg.qr(rng.standard_normal((d, d)))
            M = Q * np.sign(np.diag(R))
        else:
            taps = rng.standard_normal(2 * d - 1)  # of the diagonals, from the upper right
            M = toeplitz(taps[d - 1 :], taps[d - 1 :: -1])
        sign, log_det = np.linalg.slogdet(M)
        if sign > 0:
            return M * np.exp((np.log(det) - log_det) / d)


kinds = ("Gaussian", "rotation", "Toeplitz", "3-cycle", "determinant 4")
targets = {
    (kind, d): target(kind, d)
    for d, kind in itertools.product(dimensions, kinds)
    if d >= 6 or kind != "3-cycle"
}
of_one = [kind for kind in kinds if kind != "determinant 4"]

# %% [markdown]
# ## Four shears cannot fit the targets, and five or six can
# Each target is read as exact dyadic numbers, and its first row is divided by the determinant. The
# two polynomials differ for all targets except the 3-cycle, which `minimal_depth` decides.


# %%
def four_shears_possible(M: np.ndarray) -> bool:
    """Whether the necessary condition for U L U L, or for L U L U, holds."""
    exact, n = as_square_matrix(M).to_dense(), len(M) // 2
    exact = linalg.scale_rows([QQ.one / exact.det(), *[QQ.one] * (2 * n - 1)], exact)
    inverse = exact.inv()
    return any(
        exact[half, half].charpoly_berk() == inverse[other, other].charpoly_berk()
        for half, other in itertools.permutations((slice(0, n), slice(n, 2 * n)))
    )


with claims.check("no four shears come arbitrarily near a target", Evidence.EXACT) as check:
    for (kind, d), M in targets.items():
        if d <= 16 and kind in of_one and kind != "3-cycle":
            check.true(not four_shears_possible(M), f"{kind}, d = {d}: polynomials differ")
with claims.check("the 3-cycle needs six shears", Evidence.EXACT) as check:
    for (kind, d), M in targets.items():
        if d <= 16 and kind == "3-cycle":
            answer = minimal_depth(M.astype(int))
            check.true((answer.lower, answer.upper) == (6, 6), f"d = {d}: {answer.summary}")

# %% [markdown]
# ## Five shears come arbitrarily near a matrix that needs six
# $\operatorname{diag}(-I, I)$ needs six shears. With $t I$ as its lower left block, for any
# $t \ne 0$, it needs five. So a fit of five shears reaches a residual below $10^{-12}$, although
# six are needed.

# %%
with claims.check(
    "five shears have residual 7e-13 for a matrix that needs six", Evidence.EXACT
) as check:
    mirror = sympy.diag(-1, -1, 1, 1)
    near = mirror.copy()
    near[2, 0] = near[3, 1] = Rational(1, 10**12)
    check.equal(minimal_depth(near).upper, 5, "t = 1e-12: five")
    check.equal(minimal_depth(mirror).lower, 6, "t = 0: six")
    residual = (near - mirror).norm() / mirror.norm()
    check.true(bool(residual < Rational(8, 10**13)), f"residual {float(residual):.0e}")

# %% [markdown]
# ## Four layers with positive scales suffice for all targets except the 3-cycle
# Whether three layers suffice is decided exactly (for $C$ invertible, by the quotients of entries
# of $-c^{-1}$ and $C^{-1}$); four layers are enclosed rigorously. `affine_depth` has the proofs.
# (For the 3-cycle at d = 16 only an interval is known.)

# %%
answers = {
    (kind, d): minimal_depth(M.astype(int) if kind == "3-cycle" else M, scales="positive")
    for (kind, d), M in targets.items()
    if d in decided
}
with claims.check("three layers with scales do not suffice, for n > 2", Evidence.EXACT) as check:
    for (kind, d), answer in answers.items():
        if d > 4:
            check.true(answer.lower >= 4, f"{kind}, d = {d}: {answer.summary}")
with claims.check("the 3-cycle needs six layers, even with scales", Evidence.EXACT) as check:
    for (kind, d), answer in answers.items():
        if kind == "3-cycle" and answer.lower == answer.upper:
            check.equal(answer.lower, 6, f"d = {d}: {answer.summary}")
with claims.check("four layers with scales suffice for the others", Evidence.CERTIFIED) as check:
    for (kind, d), answer in answers.items():
        if kind != "3-cycle":
            check.true(answer.upper == 4, f"{kind}, d = {d}: {answer.summary}")

# %% [markdown]
# ## Least squares finds five shears, and four layers with scales from some starts
# Levenberg-Marquardt (`proofs/experiments/least_squares.py`): shears from random shears; layers
# with scales from the shears that were found for the same $K$, and from random ones. Four layers
# with scales need several starts: of the first twenty, two to twenty lead to a zero. At d = 64
# steps are expensive: from K = 5 on, Newton's method along a path of matrices finds the zero
# (`exactflow.floats.balancing`).


# %%
def fit_along_a_path(M: np.ndarray, K: int) -> Fit:
    """Return the fit of Newton's method from the first random shears that lead to M; if none do,
    the residual is infinite.
    """
    n = len(M) // 2
    pattern = ShearPattern(K, n, first=0)
    for seed in range(5):
        try:
            start = draw_random_padded_shifts(pattern, np.random.default_rng(seed))
            T = find_shears_along_path(M, pattern, Attempt(pull=0.1, tol=0.01), start)
        except StuckError:
            continue
        size = np.linalg.norm(pattern.product(T.X) - M) / np.linalg.norm(M)
        return Fit(float(size), np.zeros((K, n, n)), np.zeros((K, n)))
    return Fit(np.inf, np.zeros((K, n, n)), np.zeros((K, n)))


def best_fit(M: np.ndarray, found: list[Fit], scaled: bool) -> Fit:
    """Return the best fit from several starts; stop at a residual of zero."""
    fit = least_squares(M, found[0], scaled)
    for start in found[1:]:
        if fit.residual < 1e-12:
            break
        fit = min(fit, least_squares(M, start, scaled), key=lambda fit: fit.residual)
    return fit


def fit_shears(M: np.ndarray, K: int) -> Fit:
    """Return the best fit of K shears."""
    if len(M) > 32 and K >= 5:
        return fit_along_a_path(M, K)
    seeds = range(starts if len(M) <= 16 and K <= 4 else 1)
    return best_fit(M, [random_start(K, len(M) // 2, seed) for seed in seeds], scaled=False)


def count_starts_with_scales(d: int, K: int) -> int:
    """Return the number of random starts for a fit of K layers with scales."""
    if d > 8 or K > 4:
        return 1
    return OF_FOUR_LAYERS if K == 4 else starts


# %%
shears: dict[tuple[str, int, int], float] = {}
scaled: dict[tuple[str, int, int], float] = {}
with threadpool_limits(1):
    for (d, K), kind in itertools.product(grid, kinds):
        if (kind, d) in targets and d in fitted:
            M, n = targets[kind, d], d // 2
            fit = fit_shears(M, K)
            shears[kind, d, K] = fit.residual
            if d <= 32:
                seeds = range(count_starts_with_scales(d, K))
                random = [random_start(K, n, seed) for seed in seeds]
                scaled[kind, d, K] = best_fit(M, [fit, *random], scaled=True).residual

with claims.check(
    "fits by five shears have residual zero, if five suffice", Evidence.NUMERIC
) as check:
    for (kind, d, K), found in shears.items():
        if K >= 5 and kind in of_one and kind != "3-cycle":
            check.true(found < 1e-11, f"{kind}, d = {d}, K = {K}: {found:.0e}", shown=False)
with claims.check(
    "fits by four layers with scales: zero for one of twenty starts", Evidence.NUMERIC
) as check:
    for (kind, d, K), found in scaled.items():
        if kind != "3-cycle" and d <= 8 and K == 4:
            check.true(found < 1e-11, f"{kind}, d = {d}: {found:.0e}")
with claims.check("no fit has a residual below what is possible", Evidence.NUMERIC) as check:
    for (kind, d, K), found in shears.items():
        if K <= 4 or kind == "determinant 4":
            check.true(found > 1e-6, f"{kind}, d = {d}, K = {K}: {found:.0e}", shown=False)

# %% [markdown]
# ## Adam does not find five shears
# Adam fits shears and layers with scales at a constant rate of 1e-2, to all targets of one size at
# a time. With many steps and more layers than needed the final residual can be zero, or large
# again, since steps at a constant rate leave a minimum. It does not show which layers exist.


# %%
adams: dict[tuple[str, int, int], float] = {}
adams_scaled: dict[tuple[str, int, int], float] = {}
with claims.check("Adam ends above 1e-5 although five shears exist", Evidence.NUMERIC) as check:
    for d, K in grid:
        here = [kind for kind in kinds if (kind, d) in targets]
        Ms = np.array([targets[kind, d] for kind in here])
        for found, with_scales in ((adams, False), (adams_scaled, True)):
            products = adam(Ms, K, adam_steps, rate=1e-2, scaled=with_scales)
            sizes = np.linalg.norm(products - Ms, axis=(1, 2)) / np.linalg.norm(Ms, axis=(1, 2))
            found |= {(kind, d, K): float(r) for kind, r in zip(here, sizes, strict=True)}
    for (kind, d, K), found in adams.items():
        if d >= 16 and K in (5, 6) and kind in of_one and kind != "3-cycle":
            check.true(found > 1e-5, f"{kind}, d = {d}, K = {K}: {found:.0e}", shown=False)

# %% [markdown]
# ## Table of the residuals
# Each number is an upper bound of the least residual. Four shears, and three layers with scales,
# are impossible, as shown above; but the distance may be smaller than the number in the table.

# %%
tables = (("shears", shears), ("scaled", scaled), ("Adam", adams), ("Adam, scaled", adams_scaled))
for d, kind in itertools.product(dimensions, kinds):
    if (kind, d) in targets:
        print(f"    d = {d}, {kind}, K = {depths[0]} .. {depths[-1]}")
        for name, found in tables:
            row = [f"{found[kind, d, K]:.0e}" for K in depths if (kind, d, K) in found]
            print(f"        {name:12} {' '.join(row) or 'not run'}")


# %% [markdown]
# ## Picture


# %%
def draw(pyplot, path) -> None:
    """Write one panel for each dimension: residual against the number of layers."""
    colours = dict(zip(kinds, ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "0.4"), strict=True))
    styles = (
        (shears, "-", "o", "shears, fitted"),
        (scaled, ":", "s", "layers with scales, fitted"),
        (adams, "--", "^", f"shears, Adam, {adam_steps} steps"),
        (adams_scaled, "-.", "v", f"layers with scales, Adam, {adam_steps} steps"),
    )
    figure, axes = pyplot.subplots(
        1, len(dimensions), sharey=True, figsize=(4.2 * len(dimensions), 5), layout="constrained"
    )
    for axis, d in zip(axes, dimensions, strict=True):
        axis.axvspan(0.5, 4.5, color="0.93", zorder=0)  # no four shears
        for (found, line, marker, _), kind in itertools.product(styles, kinds):
            Ks = [K for K in depths if (kind, d, K) in found]
            values = [max(found[kind, d, K], 1e-16) for K in Ks]
            axis.semilogy(Ks, values, line, marker=marker, color=colours[kind], lw=2, ms=7)
        axis.set_title(f"d = {d}", fontsize=16)
        axis.set_xlabel("layers K", fontsize=15)
        axis.set_xticks(range(1, depths[-1] + 1, 2))
        axis.set_xlim(0.5, depths[-1] + 0.5)
        axis.tick_params(labelsize=13)
    axes[0].set_ylabel("|product - M| / |M|", fontsize=15)
    handles = [pyplot.Line2D([], [], color=colours[kind], lw=4, label=kind) for kind in kinds]
    handles += [
        pyplot.Line2D([], [], color="0.3", ls=line, marker=marker, lw=2, ms=7, label=label)
        for _, line, marker, label in styles
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=13)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


options.picture("linear_depth_experiment", draw)
