# %% [markdown]
# # Three affine couplings approximate every distribution, at the price of ill-conditioning
#
# **Theorem** (Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021). For every distribution $P$ on $\mathbb{R}^d$ ($d$
# even) with second moments and every $\varepsilon > 0$, three affine couplings $f$ have
#
# $$ W_2\big(f_\# N(0, I),\, P\big) \le \varepsilon. $$
#
# Here f is constructed, with rational weights, and the bound is *certified* by ball arithmetic; its
# proof is in the docstring of `exactflow.universal`.

# %%
import time

import numpy as np
import sympy
from sympy import QQ, Rational

from exactflow.claims import Claims, Evidence, proof_options
from exactflow.universal import Atoms, Boxes, Ring, approximate, checkerboard, empirical, uniform

claims = Claims("Universal approximation (ICML 2021)")
options = proof_options()

# %% [markdown]
# ## A certified bound
# For each target and each $\varepsilon$: $W_2 \le \text{bound} \le \varepsilon$, its terms
# itemised.

# %%
mixture = Boxes([([0, 0], [1, 1]), ([2, 1], [3, 2]), ([3, 3], [3, 3])], ["1/2", "1/3", "1/6"])
sample = np.random.default_rng(1).standard_normal((60, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
targets = {
    "uniform on the unit square": (uniform([0, 0], [1, 1]), "1/20"),
    "checkerboard": (checkerboard(), "1/12"),
    "ring of radii 1 and 2": (Ring(1, 2), "1/12"),
    "half a circle": (Ring(1, 1, 0, "1/2"), "1/50"),
    "two boxes and an atom": (mixture, "1/12"),
    "three atoms": (Atoms([[0, 0], [1, 1], [2, 0]], ["1/2", "1/3", "1/6"]), "1/1000000"),
    "a sample of 60 points": (empirical(sample), "1/20"),
    "a box in dimension 4": (uniform([0] * 4, [1] * 4), "1/4"),
}
found = {}
with claims.check("W2 <= bound <= eps, eight targets", Evidence.CERTIFIED) as check:
    for name, (target, eps) in targets.items():
        approximation = found[name] = approximate(target, eps)
        terms = approximation.pieces._asdict().items()
        check.true(
            bool(approximation.bound <= Rational(eps)),
            f"{name}: {len(approximation.parameters.weights)} atoms, "
            f"{float(approximation.bound):.3g} <= {eps}; "
            + ", ".join(f"{term} {float(value):.1e}" for term, value in terms),
        )

# %%
epsilons = [Rational(1, 2**k) for k in range(1, 7 if options.full else 6)]
with claims.check("the bound follows eps, on the unit square", Evidence.CERTIFIED) as check:
    for eps in epsilons:
        approximation = approximate(uniform([0, 0], [1, 1]), eps)
        atoms = len(approximation.parameters.weights)
        check.true(
            bool(approximation.bound <= eps),
            f"eps = {eps}: {float(approximation.bound):.3g}, {atoms}",
        )

# %% [markdown]
# ## The flow, exactly
# Three layers that move the second, the first, the second half. In the middle of cell i the output
# is $(a_i + \delta z_1,\, b_i + \delta^2 z_2)$; the determinant is $\delta^3$ (per coordinate of a
# half) everywhere; the inverse undoes the flow. Equal, on rational points.

# %%
with claims.check("three layers, plateaus, inverse, determinant", Evidence.EXACT) as check:
    for name in ("checkerboard", "three atoms", "a box in dimension 4"):
        flow, parameters = found[name].flow, found[name].parameters
        n, delta = parameters.half, QQ.to_sympy(parameters.delta)
        check.equal([layer.moves for layer in flow], ["second", "first", "second"], name)
        check.equal(flow.log_abs_det(), sympy.log(delta ** (3 * n)))
        for i in range(len(parameters.knots) - 1):
            middle = (parameters.knots[i] + parameters.knots[i + 1]) / 2
            z = [QQ.to_sympy(middle)] + [Rational(1, 3)] * (2 * n - 1)
            noise = [delta * x for x in z[:n]] + [delta**2 * x for x in z[n:]]
            point = map(QQ.to_sympy, parameters.points[i + 1])
            image = sympy.Matrix([a + b for a, b in zip(point, noise, strict=True)])
            check.equal(flow.forward(z), image)
            if i < 5:
                check.equal(flow.inverse().forward(image), sympy.Matrix(z))

# %% [markdown]
# ## Against samples
# The quantile coupling of a coordinate is optimal in one dimension, and no coordinate is farther
# apart than the whole. Samples of the flow and of the target have sampling errors, which two
# samples of the target show.


# %%
def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest W2 distance of a coordinate of two samples of equal size."""
    return float(np.sqrt(np.mean((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2, axis=0)).max())


generator = np.random.default_rng(0)
count = 100_000
cells = generator.integers(0, 4, (4 * count, 2))
cells = cells[cells.sum(axis=1) % 2 == 0]
angles = np.pi * generator.random((2, count))
samples = {
    "uniform on the unit square": generator.random((2, count, 2)),
    "checkerboard": (cells[: 2 * count] - 2 + generator.random((2 * count, 2))).reshape(2, -1, 2),
    "half a circle": np.stack([np.cos(angles), np.sin(angles)], axis=2),
    "a box in dimension 4": generator.random((2, count, 4)),
}
with claims.check(
    "samples of flow and target, no farther than the bound", Evidence.NUMERIC
) as check:
    for name, (first, second) in samples.items():
        distance, error = apart(found[name].sample(count), first), apart(first, second)
        bound = float(found[name].bound)
        check.true(
            distance <= bound + 2 * error,
            f"{name}: {distance:.4f} (sampling {error:.4f}), bound {bound:.4f}",
        )

# %% [markdown]
# ## Scale
# No loop over atoms per point: a layer finds its piece by bisection.

# %%
eps = Rational(26, 10000) if options.full else Rational(1, 80)
with claims.check("many atoms: built, certified and sampled", Evidence.CERTIFIED) as check:
    start = time.perf_counter()
    approximation = approximate(uniform([0, 0], [1, 1]), eps)
    built = time.perf_counter() - start
    points = approximation.sample(100_000)
    done = time.perf_counter() - start - built
    atoms = len(approximation.parameters.weights)
    check.true(
        bool(approximation.bound <= eps),
        f"{atoms} atoms: bound {float(approximation.bound):.2g} in {built:.1f} s, "
        f"{len(points)} points in {done:.1f} s",
    )


# %% [markdown]
# ## Pictures
# Target against flow.


# %%
def draw(pyplot, path) -> None:
    """Draw samples of three targets beside samples of their flows."""
    shown = {
        "checkerboard": samples["checkerboard"][0][:4000],
        "half a circle": samples["half a circle"][0][:4000],
        "a sample of 60 points": sample,
    }
    figure, axes = pyplot.subplots(2, 3, figsize=(12, 8), layout="constrained")
    for column, (name, points) in zip(axes.T, shown.items(), strict=True):
        image = found[name].sample(4000)
        size = 40 if len(points) < 100 else 3
        column[0].scatter(*points.T, s=size, color="#0072B2", linewidths=0)
        column[1].scatter(*image.T, s=size / 2 if size > 3 else 3, color="#D55E00", linewidths=0)
        column[0].set_title(name, fontsize=17)
        column[1].set_title(f"flow, W2 <= {float(found[name].bound):.2g}", fontsize=17)
        for ax in column:
            ax.set_aspect("equal")
            ax.set_xlabel("$x_1$", fontsize=16)
            ax.set_ylabel("$x_2$", fontsize=16)
            ax.tick_params(labelsize=13)
        column[1].set_xlim(column[0].get_xlim())
        column[1].set_ylim(column[0].get_ylim())
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("universal_approximation", draw)
