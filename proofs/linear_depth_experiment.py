# %% [markdown]
# # How many linear couplings does least squares need? Four leave a floor, five do not
#
# The experiment of Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021: fit $K$ linear couplings to a matrix and look at the residual
#
# $$ \frac{\lVert l_K \cdots l_1 - M \rVert_F}{\lVert M \rVert_F}. $$
#
# Theory, for $\det M = 1$ and $n \times n$ blocks:
#
# - *Shears.* Five make nearly every $M$, six make all (Urschel 2024). A product $ULUL$ has a
#   lower-right block $D$ similar to the upper-left block $a$ of the inverse, near eigenvalue 1
#   apart: the characteristic polynomials agree. That is a closed condition, and so is its mirror
#   image; an $M$ that meets neither keeps a positive distance from all products of four shears.
# - *Positive scales* can all be moved to one end: $2n$ more parameters. Four scaled layers have
#   $(4n^2 - n) + 2n \ge 4n^2$ dimensions, enough for an open set of matrices, while another open
#   set needs five; three have at most $3n^2 + 2n$, which is less than $4n^2$ for $n > 2$.
#
# Least squares in float64 finds these numbers to rounding. Plain Adam hides them.

# %%
import itertools
import sys

import numpy as np
from sympy import QQ
from threadpoolctl import threadpool_limits

from exactflow.balancing.homotopy import Attempt, StuckError, find_layers, random_start
from exactflow.balancing.newton import Word
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix

sys.path.extend([".", "..", f"{sys.path[0]}/.."])  # the folder of proofs/

from proofs.experiments.descent import adam
from proofs.experiments.least_squares import least_squares

claims = Claims("The linear experiment (ICML 2021)")
options = proof_options()
dimensions = (4, 8, 16, 32, 64) if options.full else (4, 8, 16)
depths = range(1, 17 if options.full else 9)
grid = list(itertools.product(dimensions, depths))
starts, adam_steps = (20, 3000) if options.full else (3, 300)

# %% [markdown]
# ## Targets
# Divided by a power of the determinant, which is then 1 up to rounding.


# %%
def toeplitz_of(taps: np.ndarray) -> np.ndarray:
    """Return T[i, j] = taps[i - j + d - 1] for 2 d - 1 taps."""
    d = (len(taps) + 1) // 2
    return np.array([[taps[i - j + d - 1] for j in range(d)] for i in range(d)])


def target(kind: str, d: int) -> np.ndarray:
    """Return the first of a seeded sequence of random matrices that has a positive determinant."""
    rng = np.random.default_rng(d)
    while True:
        if kind == "Gaussian":
            M = rng.standard_normal((d, d))
        elif kind == "rotation":
            Q, R = np.linalg.qr(rng.standard_normal((d, d)))
            M = Q * np.sign(np.diag(R))
        else:
            M = toeplitz_of(rng.standard_normal(2 * d - 1))
        sign, log_det = np.linalg.slogdet(M)
        if sign > 0:
            return M / np.exp(log_det / d)


kinds = ("Gaussian", "rotation", "Toeplitz")
targets = {(kind, d): target(kind, d) for d in dimensions for kind in kinds}

# %% [markdown]
# ## Four shears: impossible
# Each target as the dyadic numbers that it stores, its first row divided by the determinant.


# %%
def four_shears_possible(M: np.ndarray) -> bool:
    """Return whether the necessary condition for U L U L, or for L U L U, holds."""
    exact, n = as_matrix(M).to_dense(), len(M) // 2
    exact = linalg.scale_rows([QQ.one / exact.det(), *[QQ.one] * (2 * n - 1)], exact)
    inverse = exact.inv()
    return any(
        exact[half, half].charpoly_berk() == inverse[other, other].charpoly_berk()
        for half, other in itertools.permutations((slice(0, n), slice(n, 2 * n)))
    )


with claims.check("no four shears come near any of the targets", Evidence.EXACT) as check:
    for (kind, d), M in targets.items():
        if d <= 16:
            check.true(not four_shears_possible(M), f"{kind}, d = {d}: polynomials differ")

# %% [markdown]
# ## Least squares
# Levenberg-Marquardt (`proofs/experiments/least_squares.py`). Where its steps cost much, at d = 64,
# from K = 5 it is Newton's method along a path of matrices that finds the zero
# (`exactflow.balancing`).


# %%
def along_a_path(M: np.ndarray, K: int) -> float:
    """Return |product - M| / |M| after Newton's method, from the first random shears that lead to
    M, or infinity.
    """
    word = Word(K, len(M) // 2, first=0)
    for seed in range(5):
        try:
            start = random_start(word, np.random.default_rng(seed))
            T = find_layers(M, word, Attempt(pull=0.1, tol=0.01), start)
        except StuckError:
            continue
        return float(np.linalg.norm(word.product(T) - M) / np.linalg.norm(M))
    return np.inf


def residual(M: np.ndarray, K: int) -> float:
    """Return the least |product - M| / |M| found for K shears."""
    if len(M) > 32 and K >= 5:
        return along_a_path(M, K)
    seeds = range(starts if len(M) <= 16 and K <= 4 else 1)
    return min(least_squares(M, K, False, seed) for seed in seeds)


# %%
shears: dict[tuple[str, int, int], float] = {}
scaled: dict[tuple[str, int, int], float] = {}
with claims.check("fits: a floor for K <= 4 shears", Evidence.NUMERIC) as check:
    with threadpool_limits(1):
        for (d, K), kind in itertools.product(grid, kinds):
            M = targets[kind, d]
            shears[kind, d, K] = residual(M, K)
            if K <= 4 and d <= 32:
                scaled[kind, d, K] = min(
                    least_squares(M, K, True, seed) for seed in range(starts if d <= 8 else 1)
                )
    for (kind, d, K), found in shears.items():
        if K <= 4:
            check.true(found > 1e-6, f"{kind}, d = {d}, K = {K}: {found:.0e}", shown=False)
with claims.check("fits: zero from K = 5 shears", Evidence.NUMERIC) as check:
    for (kind, d, K), found in shears.items():
        if K >= 5:
            check.true(found < 1e-11, f"{kind}, d = {d}, K = {K}: {found:.0e}", shown=False)
with claims.check("fits with scales: a floor for K <= 3, n > 2", Evidence.NUMERIC) as check:
    for (kind, d, K), found in scaled.items():
        if d > 4 and K <= 3:
            check.true(found > 1e-3, f"{kind}, d = {d}, K = {K}: {found:.0e}", shown=False)
hits = [f"{kind}, d = {d}" for (kind, d, K), r in scaled.items() if K == 4 and r < 1e-11]
print(f"    four scaled layers: zero for {len(hits)} of {len(targets)} targets: {hits}")

# %% [markdown]
# ## Adam on the same problem
# Shears, a constant rate of 1e-2, all targets of one size at a time. The residual at the end: with
# patience and more layers than needed it can be zero, or again large, since steps of a constant
# rate leave what they have found.


# %%
adams: dict[tuple[str, int, int], float] = {}
with claims.check("Adam: no zero at K = 5 and 6, d >= 16", Evidence.NUMERIC) as check:
    for d, K in grid:
        Ms = np.array([targets[kind, d] for kind in kinds])
        products = adam(Ms, K, adam_steps, rate=1e-2)
        residuals = np.linalg.norm(products - Ms, axis=(1, 2)) / np.linalg.norm(Ms, axis=(1, 2))
        adams |= {(kind, d, K): float(r) for kind, r in zip(kinds, residuals, strict=True)}
    for (kind, d, K), found in adams.items():
        if d >= 16 and K in (5, 6):
            check.true(found > 1e-5, f"{kind}, d = {d}, K = {K}: {found:.0e}", shown=False)

# %%
for d, kind in itertools.product(dimensions, kinds):
    print(f"    d = {d}, {kind}, K = {depths[0]} .. {depths[-1]}")
    for name, found in (("shears", shears), ("scaled", scaled), ("Adam", adams)):
        row = [f"{found[kind, d, K]:.0e}" for K in depths if (kind, d, K) in found]
        print(f"        {name:8} {' '.join(row) or 'not run'}")


# %% [markdown]
# ## The picture


# %%
def draw(pyplot, path) -> None:
    """Write one panel for each dimension: residual against the number of layers."""
    colours = dict(zip(kinds, ("#0072B2", "#D55E00", "#009E73"), strict=True))
    styles = (
        (shears, "-", "o", "shears, fitted"),
        (scaled, ":", "s", "scaled layers, fitted"),
        (adams, "--", "^", f"shears, Adam, {adam_steps} steps"),
    )
    figure, axes = pyplot.subplots(
        1, len(dimensions), sharey=True, figsize=(4.2 * len(dimensions), 5), layout="constrained"
    )
    for axis, d in zip(axes, dimensions, strict=True):
        axis.axvspan(0.5, 4.5, color="0.93", zorder=0)
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
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=14)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


options.picture("linear_depth_experiment", draw)
