# %% [markdown]
# # Universal approximation: two couplings suffice in Wasserstein distance
#
# **Theorem 15** (Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021, with three couplings; two: to our knowledge new). For every
# distribution $P$ on $\mathbb{R}^{p + q}$ with second moments and every $\varepsilon > 0$, **two**
# affine couplings $f$, without pads and under one partition, have
#
# $$ W_2\big(f_\# N(0, I),\, P\big) \le \varepsilon, $$
#
# and **one** coupling suffices for every $\varepsilon$ only if a marginal of $P$ on a half is $N(0,
# I)$. While $W_2$ goes to zero, $\mathrm{KL}(P \,|\, f_\# N(0, I))$ goes to infinity for these
# flows, as fast as $1/\delta^2$.
#
# **Why.** Are shallow coupling flows universal? The paper says yes, if ill-conditioning is allowed
# (`ill_conditioning` shows its cost, `forced_conditioning` how much of it is necessary). Here the
# flow is explicit, with rational weights, its bound is certified, and the least number of layers is
# known.
#
# Related work uses couplings on data *and* noise (the appendix of NICE, Dinh, Krueger and Bengio
# 2014, arXiv:1410.8516; Augmented Normalizing Flows, Huang, Dinh and Courville 2020,
# arXiv:2002.07101), many couplings with linear layers between (in $L^p$: Teshima et al., NeurIPS
# 2020, Ishikawa et al., JMLR 24, 2023), autoregressive blocks (STARFlow, Gu et al. 2025,
# arXiv:2506.06276), bi-Lipschitz maps in $L^1$ (Iske and Schoenlieb 2026, arXiv:2605.06172). That
# flows of constant determinant, as these are, are not universal in KL is in Draxler et al. (ICML
# 2024, arXiv:2402.06578).
#
# ## Proof
#
# **Two layers.** $P$ is near a law of finitely many atoms $c_i = (a_i, b_i)$ with weights $w_i >
# 0$, $i = 1, \dots, N$. Move them a little, so that the first coordinates $b_i'$ of the $b_i$ are
# distinct, more than $2r$ apart, and number them in their order. Let $z_1, z_2$ be the halves of
# $z$ and $z_1'$ a coordinate of $z_1$, and take knots $q_1 < \dots < q_{N-1}$, rational and more
# than $\tau$ apart, with $\Phi(q_i) \approx w_1 + \dots + w_i$. The two layers are
#
# $$ y_2 = \delta z_2 + t_1(z_1'), \qquad x_1 = \delta z_1 + t_2(y_2'), \qquad x_2 = y_2, $$
#
# where $t_1$ takes the values $b_1, \dots, b_N$ and changes on ramps of width $\tau$ around the
# knots, and $t_2 = a_i$ on $[b_i' - r,\, b_i' + r]$, linear between. Where $z_1'$ is on no ramp, in
# cell $i$, and $|\delta z_2'| \le r$, the image is $(a_i + \delta z_1,\, b_i + \delta z_2)$. So
# $W_2(f_\# N(0, I), P)$ is at most the sum of
#
# - *quantization and spread*: the distance of $P$ from the first atoms, and the root mean square of
#   their moves;
# - *weights*: $\mathcal{D} \big(\sum_i |\Phi(q_i) - w_1 - \dots - w_i|\big)^{1/2}$, $\mathcal{D}$
#   the diameter of the atoms: labels drawn by one uniform number from the two lists of weights
#   differ with at most that probability;
# - *noise*: $\delta \sqrt{p + q}$;
# - *ramps*: $\big(\sum_i P(R_i)\, |c_{i+1} - c_i|^2\big)^{1/2}$, where $R_i$ is the event of ramp
#   $i$;
# - *tails*: $\mathcal{V}\, P(|z_2'| > r / \delta)^{1/2}$, $\mathcal{V}^2 =
#   \operatorname{diam}(a)^2 + \operatorname{diam}(b)^2$.
#
# For let $I$ be the label of the cell, $I - 1$ knots being below $z_1'$: then $f(z) - c_I = \delta
# z + v$. Off the ramps and tails $v = 0$. On ramp $i$, off the tails, $t_1$ lies between $b_i$ and
# $b_{i+1}$, so $t_2$ between $a_i$ and $a_{i+1}$, and $|v| \le |c_{i+1} - c_i|$. And always $|v|
# \le \mathcal{V}$, since $t_1$ and $t_2$ are convex combinations of the $b_i$ and of the $a_i$. The
# claim follows by Minkowski's inequality in $L^2$. Each term can be made arbitrarily small: choose
# atoms first, then $\delta$, knots and $\tau$.
#
# **Three layers**, as in the paper, use labels instead of the $b_i$: $t_1 = 1, \dots, N$ in one
# coordinate, $t_2 = a_i$ on $[i - \frac14,\, i + \frac14]$, and a third layer $x_2 = \delta y_2 +
# t_3(x_1')$ removes the labels, $t_3 = b_i - \delta i$ on $[a_i' - r,\, a_i' + r]$. The
# proof is the same, with $f(z) - c_I = (\delta z_1,\, \delta^2 z_2) + v$, $v = (t_2(y_2') - a_I,\,
# \delta t_1(z_1') + t_3(x_1') - b_I)$: since $t_1$ is in $[1, N]$, and in $[i, i + 1]$ on ramp $i$,
# $\delta (N - 1)$ is added to $\operatorname{diam}(b)$ and $\delta$ to $|c_{i+1} - c_i|$; the event
# of the tails also includes $|z_2'| > 1 / 4 \delta$.
#
# **One layer** keeps one half of the coordinates, whose law stays $N(0, I)$, and projection to it
# does not increase $W_2$. So $W_2(f_\# N(0, I), P)$ is at least the distance of that marginal of
# $P$ from $N(0, I)$, a positive number unless they are equal. If they are equal, one layer suffices
# for every $\varepsilon$: on each small cell of $z_1$ let $t(z_1)$ run through the law of $x_2$,
# given that $x_1$ is in the cell.
#
# **Likelihood.** $\mathrm{KL}(P \,|\, Q) \ge m \log \frac{m}{1 - \eta} + (1 - m) \log \frac{1 -
# m}{\eta}$ for any set to which $P$ gives the mass $m$ and $Q$ the mass $1 - \eta$. Let $x_i$ be a
# coordinate that the second layer moves, and take the set where $|x_i - t_{2, i}(x_2')| \le R
# \delta$: there $|z_i| \le R$, so that $\eta \le e^{-R^2 / 2}$, while $P$ gives it about $R
# \delta$, for a bounded density. So, with $m \le \frac12$,
#
# $$ \mathrm{KL} \ge (1 - m) \frac{R^2}{2} - \log 2, $$
#
# for $R$ up to about $1 / \delta$. If $P$ has mass on a set of volume zero, $\mathrm{KL}$ is
# infinite for every flow. $\blacksquare$
#
# *Certified*: each term, by ball arithmetic. *Exact*: the flow on rational points. *Numeric*:
# samples.

# %%
import sys
import time

import numpy as np
import sympy
from sympy import QQ, Rational

from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact.numbers import format_down, format_up
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Product,
    approximate,
    checkerboard,
    empirical_measure,
    uniform,
)

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.constructions.one_layer import one_layer_bound
from proofs.constructions.quantiles import QuantileFunction
from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring, Sphere
from proofs.constructions.strips import kl_lower_bound
from proofs.experiments.relu import ReluNetwork, function_of, value

claims = Claims("universal approximation")
options = proof_options()

# %% [markdown]
# ## The certified bound is at most eps for every kind of target
# For each target and each $\varepsilon$ we print the terms of the bound, $W_2 \le \text{bound} \le
# \varepsilon$. A law spread over $k$ dimensions needs about $(\text{size}/\varepsilon)^k$ atoms in
# a space of any dimension.

# %%
fine = "1/20" if options.full else "1/10"
mixture = Boxes([([0, 0], [1, 1]), ([2, 1], [3, 2]), ([3, 3], [3, 3])], ["1/2", "1/3", "1/6"])
generator = np.random.default_rng(1)
sample = generator.standard_normal((60, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
targets = {
    "uniform on the unit square": (uniform([0, 0], [1, 1]), "1/20"),
    "checkerboard": (checkerboard(), fine),
    "ring of radii 1 and 2": (Ring(1, 2), fine),
    "half a circle": (Ring(1, 1, 0, "1/2"), "1/50"),
    "two boxes and an atom": (mixture, "1/20"),
    "three atoms": (Atoms([[0, 0], [1, 1], [2, 0]], ["1/2", "1/3", "1/6"]), "1/1000000"),
    "a sample of 60 points": (empirical_measure(sample), "1/20"),
    "two normal laws": (GaussianMixture([[-1, 0], [1, 1]], ["1/2", ["1/4", 1]]), fine),
    "normal beside uniform": (Product([GaussianMixture([0]), uniform([0], [1])]), "1/20"),
    "a law on the line": (QuantileFunction([0, "1/2", 1], [-1, 0, 4]), "1/20"),
    "500 points in dimension 4": (generator.standard_normal((500, 4)), "1/20"),
    "500 points in dimension 8": (generator.standard_normal((500, 8)), "1/20"),
    "segments in dimension 4": (Segments([([0] * 4, [1, 2, 3, 4]), ([1] * 4, [0] * 4)]), "1/20"),
    "segments in dimension 8": (Segments([([0] * 8, [1] * 8), ([1] * 8, [2] + [1] * 7)]), "1/20"),
    "a sphere in dimension 4": (Sphere([0] * 4, axes=np.eye(4)[:3]), fine),
    "a sphere in dimension 8": (Sphere([0] * 8, axes=np.eye(8)[[0, 4, 7]]), fine),
    "a box in dimension 4": (uniform([0] * 4, [1] * 4), "1/4"),
    "a normal law in dimension 3": (GaussianMixture([[0, 0, 0]]), "1/2"),
}
found = {}
for layers in (2, 3):
    statement = f"{layers} layers: W2 <= bound <= eps, {len(targets)} targets"
    with claims.check(statement, Evidence.CERTIFIED) as check:
        for name, (target, eps) in targets.items():
            start = time.perf_counter()
            approximation = found[name, layers] = approximate(target, eps, layers=layers)
            terms = approximation.terms._asdict().items()
            check.true(
                bool(approximation.bound <= Rational(eps)) and approximation.flow.depth == layers,
                f"{name}: {len(approximation.parameters.weights)} atoms, "
                f"{format_up(approximation.bound)} <= {eps}, "
                f"{time.perf_counter() - start:.1f} s; "
                + ", ".join(f"{term} {format_up(value, 2)}" for term, value in terms),
            )

# %% [markdown]
# ## One layer does not suffice
# A coupling keeps one half of the coordinates, whose law stays $N(0, I)$. So, whatever its scale
# and shift are, $W_2$ is at least the distance of that marginal of $P$ from $N(0, I)$; in dimension
# one this is the root of $\int (Q(\Phi(l)) - l)^2 \varphi(l)\, dl$, with the quantile function $Q$.
# We print the smaller of the bounds for the two halves. One layer suffices if and only if one of
# the two marginals is $N(0, I)$, as for two of the targets.

# %%
with claims.check(
    "one layer: W2 >= a positive bound, unless a half is normal", Evidence.CERTIFIED
) as check:
    for name, (target, eps) in targets.items():
        least = one_layer_bound(target)
        if "normal" in name and name != "two normal laws":
            check.equal(least, 0, f"{name}: a half is N(0, I)")
        else:
            check.true(bool(least > 2 * Rational(eps)), f"{name}: W2 >= {format_down(least)}")

# %% [markdown]
# ## W2 goes to zero while KL goes to infinity
# We apply the data processing inequality to the set $|z_i| \le R$, where $i$ is a coordinate that
# the second layer moves. The flow gives it the mass $1 - e^{-R^2/2}$ or more, the target about $R
# \delta$. If a target has mass on a set of volume zero, its divergence from every flow is infinite.

# %%
epsilons = [Rational(1, 2**k) for k in range(1, 6 if options.full else 4)]
spread = {
    name: targets[name][0] for name in ("checkerboard", "ring of radii 1 and 2", "two normal laws")
}
with claims.check("W2 -> 0 and KL -> infinity", Evidence.CERTIFIED) as check:
    for layers in (2, 3):
        for name, target in spread.items():
            before, steps = 0, []
            for eps in epsilons:
                approximation = approximate(target, eps, layers=layers)
                divergence = kl_lower_bound(approximation)
                check.true(bool(approximation.bound <= eps), name, shown=False)
                check.true(bool(divergence >= 3 * before), f"{name}: {divergence}", shown=False)
                steps.append(f"{format_up(approximation.bound, 2)} {format_down(divergence, 2)}")
                before = divergence
            print(f"    {name}, {layers} layers, W2 <= and KL >=: {', '.join(steps)}")
    for name in ("three atoms", "half a circle", "a law on the line", "a sphere in dimension 8"):
        check.equal(kl_lower_bound(found[name, 2]), sympy.oo, f"{name}: infinite")

# %% [markdown]
# ## Plateaus, inverse and determinant are exact
# In the middle of cell $i$ the image under two layers is $(a_i + \delta z_1,\, b_i + \delta z_2)$,
# under three $(a_i + \delta z_1,\, b_i + \delta^2 z_2)$. The determinant is the product of these
# scales everywhere, and the inverse undoes the flow. All are equalities at rational points.

# %%
with claims.check("plateaus, inverse and determinant are as stated", Evidence.EXACT) as check:
    for name in ("checkerboard", "three atoms", "a box in dimension 4", "a sphere in dimension 8"):
        for layers in (2, 3):
            flow, parameters = found[name, layers].flow, found[name, layers].parameters
            d, delta = flow.dimension, QQ.to_sympy(parameters.delta)
            moved, kept = (range(d)[half] for half in parameters.first_layer_moved_and_kept)
            inverse = flow.inverse()
            scales = [delta**2 if layers == 3 and i in moved else delta for i in range(d)]
            check.equal(
                flow.log_abs_det(), sympy.log(sympy.prod(scales)), f"{name}, {layers} layers"
            )
            for i in range(min(16 if options.full else 8, len(parameters.knots) - 1)):
                z = [Rational(1, 3)] * d
                z[kept[0]] = QQ.to_sympy((parameters.knots[i] + parameters.knots[i + 1]) / 2)
                point = map(QQ.to_sympy, parameters.exact_atoms[i + 1])
                image = sympy.Matrix([c + s * x for c, s, x in zip(point, scales, z, strict=True)])
                check.equal(flow.forward(z), image)
                if i < 5:
                    check.equal(inverse.forward(image), sympy.Matrix(z))

# %% [markdown]
# ## Conditioners are ReLU networks
# Every conditioner equals a ReLU network with one hidden layer and rational weights: we compare
# them as functions, interval by interval, and at rational points.

# %%
with claims.check("conditioners are ReLU networks with rational weights", Evidence.EXACT) as check:
    for name in ("checkerboard", "three atoms", "500 points in dimension 4") + (
        ("a sphere in dimension 8", "500 points in dimension 8") if options.full else ()
    ):
        for layers in (2, 3):
            widths = []
            for layer in found[name, layers].flow:
                network = ReluNetwork.of(layer.conditioner)
                check.equal(function_of(network), layer.conditioner)
                check.equal(value(network, QQ(1, 3)), layer.conditioner.value_at(QQ(1, 3)))
                widths.append(len(network.weights))
            print(f"    {name}, {layers} layers: of widths {widths}")

# %% [markdown]
# ## Samples are no farther apart than the bound
# For each coordinate the quantile coupling is optimal, and its $W_2$ is at most that of the laws.
# Samples of the flow and of the target have sampling errors, which we estimate by two samples of
# the target.


# %%
def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest W2 distance of a coordinate of two samples of equal size."""
    return float(np.sqrt(np.mean((np.sort(a, axis=0) - np.sort(b, axis=0)) ** 2, axis=0)).max())


generator = np.random.default_rng(0)
count = 50_000 if options.full else 20_000
cells = generator.integers(0, 4, (5 * count, 2))
cells = cells[cells.sum(axis=1) % 2 == 0]
angles = np.pi * generator.random((2, count))
samples = {
    "uniform on the unit square": generator.random((2, count, 2)),
    "checkerboard": (cells[: 2 * count] - 2 + generator.random((2 * count, 2))).reshape(2, -1, 2),
    "half a circle": np.stack([np.cos(angles), np.sin(angles)], axis=2),
    "a box in dimension 4": generator.random((2, count, 4)),
    "a sphere in dimension 8": np.zeros((2, count, 8)),
}
round_points = generator.standard_normal((2, count, 3))
round_points /= np.linalg.norm(round_points, axis=2, keepdims=True)
samples["a sphere in dimension 8"][:, :, [0, 4, 7]] = round_points
with claims.check(
    "samples of flow and target, no farther than the bound", Evidence.NUMERIC
) as check:
    for name, (first, second) in samples.items():
        for layers in (2, 3):
            approximation = found[name, layers]
            distance = apart(approximation.sample(count), first)
            error, bound = apart(first, second), float(approximation.bound)
            check.true(
                distance <= bound + 2 * error,
                f"{name}, {layers} layers: {distance:.4f} (sampling {error:.4f}), bound "
                f"{bound:.4f}",
            )

# %% [markdown]
# ## Many atoms take little time
# A layer finds the interval of a point by bisection, without a loop over atoms.

# %%
eps = Rational(26, 10000) if options.full else Rational(1, 80)
with claims.check("many atoms: constructed, certified and sampled", Evidence.CERTIFIED) as check:
    start = time.perf_counter()
    approximation = approximate(uniform([0, 0], [1, 1]), eps)
    built = time.perf_counter() - start
    points = approximation.sample(100_000)
    done = time.perf_counter() - start - built
    atoms = len(approximation.parameters.weights)
    check.true(
        bool(approximation.bound <= eps),
        f"{atoms} atoms: bound {format_up(approximation.bound, 2)} in {built:.1f} s, "
        f"{len(points)} points in {done:.1f} s",
    )


# %% [markdown]
# ## Pictures
# Samples of three targets, above, and of their flows, below.


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
        image = found[name, 2].sample(4000)
        size = 40 if len(points) < 100 else 3
        column[0].scatter(*points.T, s=size, color="#0072B2", linewidths=0)
        column[1].scatter(*image.T, s=size / 2 if size > 3 else 3, color="#D55E00", linewidths=0)
        column[0].set_title(name, fontsize=17)
        column[1].set_title(f"two layers, W2 <= {float(found[name, 2].bound):.2g}", fontsize=17)
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
