# %% [markdown]
# # Depth versus conditioning: the fewer the layers, the larger their norms
#
# **Theorem 8.** Let $W$ be a product of shears of norms $s_1, \dots, s_K$. Then
#
# $$ \sum_i 2 \operatorname{asinh} \frac{s_i}{2} \ge \ln \kappa(W), \qquad
#    \sum_i 2 \arctan \frac{s_i}{2} \ge \angle(x, W x), $$
#
# the latter for every $x \ne 0$.
#
# **Why.** Koehler, Mehta and Risteski, *Representational aspects of depth and conditioning in
# normalizing flows* (ICML 2021), ask what more depth gains. Six couplings represent every matrix of
# positive determinant (`six_layers`), but the exact ones lose digits when they are rounded to
# floats. Here we search $K = 5, 6, 8, 10, 16$ layers of least norm in float64
# (`exactflow.floats.balancing`), and measure their entries, the condition number of each layer, and
# the error of forward and inverse in float64 and float32. We compare with the exact routes, rounded
# to floats, and with gradient descent (Adam). No search can find layers below the bounds.
#
# **Proof.** A shear with a shift $T$ of norm $s$ splits, by singular vectors of $T$, into planes
# with $\begin{pmatrix} 1 & 0 \\ \sigma & 1 \end{pmatrix}$, $\sigma \le s$, whose singular values
# are $\tau$ and $1 / \tau$ with $\tau - 1 / \tau = \sigma$, that is $\ln \tau =
# \operatorname{asinh}(\sigma / 2)$. So the logarithm of its condition number is $2
# \operatorname{asinh}(s / 2)$, and the condition number of a product is at most the product of the
# condition numbers. For the angle let $x = (x_1, x_2)$, where $x_1$ is kept. Then $x$ and its image
# differ by at most $s |x_1|$, in the second half, and the segment between them is at least $|x_1|$
# away from the origin. A segment of length $\ell$ at a distance of at least $r$ is seen under an
# angle of at most $2 \arctan \frac{\ell}{2 r}$. The angle of a product is at most the sum of the
# angles. $\square$
#
# For a rotation with the eigenvalue $-1$ some $s_i$ is at least $2 \tan(\pi / 2K)$. A failed search
# proves nothing.
#
# *Numeric*, except the error of the layers' exact product, which is an *exact* rational.
#
#     python proofs/depth_versus_conditioning.py --plot DIR      also write a picture
#     python proofs/depth_versus_conditioning.py --full          d = 16 and 48, two seeds

# %%
import sys
from dataclasses import astuple, dataclass
from statistics import median

import numpy as np
import sympy

from exactflow import CouplingFlow, factor
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.errors import MethodError
from exactflow.floats.balancing import Balanced, balance

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.experiments.descent import adam

options = proof_options()
claims = Claims("depth versus conditioning")
DEPTHS = (5, 6, 8, 10, 16) if options.full else (5, 6, 8, 16)
SIZES = (16, 48) if options.full else (16,)
SEEDS = range(2 if options.full else 1)

# %% [markdown]
# ## Families of targets, scaled to determinant 1


# %%
def oriented(W: np.ndarray) -> np.ndarray:
    """Return W with row 0 negated if det W < 0, and divided by det^(1/d)."""
    sign, log_det = np.linalg.slogdet(W)
    return W * np.where(np.arange(len(W)) == 0, sign, 1)[:, None] / np.exp(log_det / len(W))


def rotation(d: int, generator: np.random.Generator) -> np.ndarray:
    """The orthogonal factor of a Gaussian matrix, as Glow initialises its convolutions."""
    return oriented(np.linalg.qr(generator.standard_normal((d, d)))[0])


def gaussian(d: int, generator: np.random.Generator) -> np.ndarray:
    """A Gaussian matrix."""
    return oriented(generator.standard_normal((d, d)))


def trained_plu(d: int, generator: np.random.Generator) -> np.ndarray:
    """A permutation times unit lower times upper triangular, as trained weights look."""
    noise = generator.standard_normal((d, d)) * 0.6 / d**0.5
    diagonal = np.exp(0.2 * generator.standard_normal(d))
    W = (np.eye(d) + np.tril(noise, -1)) @ (np.diag(diagonal) + np.triu(noise, 1))
    return oriented(W[generator.permutation(d)])


def toeplitz(d: int, generator: np.random.Generator) -> np.ndarray:
    """A band of seven taps, one on the diagonal and six below 0.3."""
    taps = dict(enumerate(generator.uniform(-0.3, 0.3, 7), -3)) | {0: 1.0}
    return oriented(sum(tap * np.eye(d, k=-k) for k, tap in taps.items()))


def ill_conditioned(d: int, generator: np.random.Generator) -> np.ndarray:
    """Singular values from 1 to 10^6."""
    stretch = np.logspace(0, 6, d)
    return oriented(rotation(d, generator) * stretch @ rotation(d, generator))


def permutation(d: int, generator: np.random.Generator) -> np.ndarray:
    """A permutation, one sign changed if it is odd."""
    return oriented(np.eye(d)[generator.permutation(d)])


FAMILIES = {
    "rotation": rotation,
    "Gaussian": gaussian,
    "trained PLU": trained_plu,
    "Toeplitz": toeplitz,
    "condition 1e6": ill_conditioned,
    "permutation": permutation,
}

# %% [markdown]
# ## The quantities that are measured


# %%
@dataclass(frozen=True)
class Record:
    """Sizes of the layers of one target, and their relative errors in float64 and float32."""

    magnitude: float
    condition: float
    log10_product: float
    exact_error: float
    forward64: float
    inverse64: float
    forward32: float
    inverse32: float

    def __str__(self) -> str:
        return (
            f"entries to {self.magnitude:7.2g}, condition {self.condition:7.2g}, product "
            f"10^{self.log10_product:.1f}, float64 {self.forward64:.0e} back {self.inverse64:.0e}, "
            f"float32 {self.forward32:.0e} back {self.inverse32:.0e}"
        )


def measured(result: Balanced, W: np.ndarray) -> Record:
    """Return the record of balanced layers of W; points are the columns of a Gaussian matrix."""
    conditions = np.array(result.condition_numbers)
    x = np.random.default_rng(0).standard_normal((len(W), 8))
    errors = []
    for dtype in (np.float64, np.float32):
        y = W @ x
        forward = np.abs(result.forward(x.astype(dtype)) - y).max() / np.abs(y).max()
        back = result.backward(result.forward(x.astype(dtype)))
        errors += [float(forward), float(np.abs(back - x).max() / np.abs(x).max())]
    return Record(
        result.magnitude,
        float(conditions.max()),
        float(np.log10(conditions).sum()),
        float(result.error) / float(np.abs(W).max()),
        *errors,
    )


def middle(records: list[Record]) -> Record:
    """Return the median of each number over the records."""
    return Record(*(median(column) for column in zip(*map(astuple, records), strict=True)))


def target(name: str, d: int, seed: int) -> np.ndarray:
    """Return the target of a family."""
    return FAMILIES[name](d, np.random.default_rng([d, seed]))


# %% [markdown]
# ## Six families of matrices, by K = 5 to 16 layers
# Six layers always exist. Five exist for almost every matrix; near the exceptions they are hard to
# find.


# %%
def search_layers(W: np.ndarray, K: int, seed: int) -> Balanced | None:
    """Return K balanced layers of W, or None if the search fails."""
    try:
        return balance(W, layers=K, method="search", seed=seed)
    except MethodError:
        return None


records: dict[tuple[int, str, int], Record] = {}
with claims.check("K balanced layers, K = 5 .. 16, in six families", Evidence.NUMERIC) as check:
    for d in SIZES:
        for name in FAMILIES:
            for K in DEPTHS:
                cases = [(target(name, d, seed), seed) for seed in SEEDS]
                pairs = [(W, result) for W, seed in cases if (result := search_layers(W, K, seed))]
                record = middle([measured(result, W) for W, result in pairs])
                records[d, name, K] = record
                check.true(
                    (K == 5 or len(pairs) == len(cases)) and record.exact_error < 1e-14,
                    f"d = {d:2}, {name:13}, K = {K:2}, {len(pairs)} of {len(cases)}: {record}",
                )

with claims.check("condition numbers of six layers, d = 16", Evidence.NUMERIC) as check:
    for name in FAMILIES:
        least, most = {"rotation": (3, 5), "permutation": (3, 5), "condition 1e6": (2, 40)}.get(
            name, (2, 7)
        )
        condition = records[16, name, 6].condition
        check.true(least < condition < most, f"{name:13}: {condition:.2g}, in {least} .. {most}")

# %% [markdown]
# ## The stated error is that of the exact product
# The difference between the product of the layers and the target is computed in integers, without
# rounding.

# %%
with claims.check("the stated error is that of the exact composition", Evidence.EXACT) as check:
    for name in FAMILIES:
        W = target(name, 8, 0)
        result = balance(W)
        product = result.flow.matrix()
        exact = sympy.Matrix(8, 8, [sympy.Rational(*w.as_integer_ratio()) for w in W.ravel()])
        check.equal(max(map(abs, product - exact)), result.error, f"{name}, d = 8, six layers")

# %% [markdown]
# ## No layers are smaller than the bounds
# Both bounds of the theorem, for shears that the search finds: the first for one matrix of each
# family, the second for a half-turn.

# %%
with claims.check("no layers are smaller than the bounds", Evidence.NUMERIC) as check:
    for name in FAMILIES:
        W = target(name, 16, 0)
        for K in (6, 16):
            sizes = [
                np.linalg.norm(layer.shift, 2)
                for layer in balance(W, layers=K, method="search").layers
            ]
            stretch = sum(2 * np.arcsinh(s / 2) for s in sizes)
            label = f"{name:13}, K = {K:2}: {stretch:.1f} >= {np.log(np.linalg.cond(W)):.1f}"
            check.true(bool(stretch > np.log(np.linalg.cond(W)) - 1e-9), label)
    sizes = [
        np.linalg.norm(layer.shift, 2) for layer in balance(-np.eye(2), method="search").layers
    ]
    turn = sum(2 * np.arctan(s / 2) for s in sizes)
    check.true(bool(turn > np.pi - 1e-9), f"half-turn, K =  6: {turn:.4f} >= pi")

# %% [markdown]
# ## Exact layers, rounded to floats, lose more digits
# The exact layers multiply to W. Here they are rounded to float64, and we measure the error of the
# rounded product.


# %%
def rounded_errors(flow: CouplingFlow, W: np.ndarray) -> tuple[float, float]:
    """Return log10 of the largest entry, and the relative float64 error of the layers' product."""
    product = np.eye(len(W))
    layers = [np.array(layer.matrix().tolist(), dtype=float) for layer in flow]
    for layer in layers:
        product = layer @ product
    largest = max(float(np.abs(layer).max()) for layer in layers)
    return float(np.log10(largest)), float(np.abs(product - W).max() / np.abs(W).max())


with claims.check(
    "errors of exact routes, rounded, and of balanced layers", Evidence.NUMERIC
) as check:
    for method in ("transvection", "commutator", "partition"):
        for d in (4, 8, 12, 16) if options.full else (4, 8, 12):
            W = np.ldexp(np.rint(np.ldexp(rotation(d, np.random.default_rng(d)), 12)), -12)
            size, error = rounded_errors(factor(W, method=method), W)
            mine = balance(W, method="search")
            label = f"{method:12}, d = {d:2}: entries to 10^{size:.1f}, float64 error {error:.0e};"
            balanced = f"balanced: {mine.magnitude:.2g}, {float(mine.error):.0e}"
            check.true(bool(mine.error <= max(error, 2.0**-51)), f"{label} {balanced}")

# %% [markdown]
# ## Gradient descent is not more accurate than the search
# Adam optimizes the same layers from the same start, with a cosine schedule.


# %%
with claims.check(
    "gradient descent is not more accurate, up to rounding", Evidence.NUMERIC
) as check:
    for name in ("rotation", "Gaussian", "condition 1e6"):
        W = target(name, 16, 0)
        steps = 4000 if options.full else 500
        product = adam(W, 6, steps, rate=0.02, cosine=True)
        reached = np.abs(product - W).max() / np.abs(W).max()
        mine = float(balance(W, method="search").error) / np.abs(W).max()
        least = max(reached, 2.0**-51)
        check.true(bool(mine <= least), f"{name}: Adam {reached:.0e}, balanced {mine:.0e}")

# %% [markdown]
# ## Picture


# %%
def draw(pyplot, path) -> None:
    """Draw condition number and errors over depth."""
    colours = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00")  # Okabe and Ito
    markers = "os^Dvx"
    d = SIZES[-1]
    figure = pyplot.figure(figsize=(11, 4.4), layout="constrained")
    axes = figure.subplots(1, 2)
    for colour, marker, name in zip(colours, markers, FAMILIES, strict=True):
        style = {"color": colour, "marker": marker, "markersize": 8, "linewidth": 2}
        series = [records[d, name, K] for K in DEPTHS]
        axes[0].plot(DEPTHS, [r.condition for r in series], label=name, **style)
        axes[1].plot(DEPTHS, [r.inverse64 for r in series], **style)
        axes[1].plot(DEPTHS, [r.inverse32 for r in series], linestyle="--", **style)
    labels = ("largest condition number of a layer", "error of inverse(forward(x)), relative")
    for axis, label in zip(axes, labels, strict=True):
        axis.set_yscale("log")
        axis.set_xticks(DEPTHS)
        axis.set_xlabel("layers K", fontsize=14)
        axis.set_ylabel(label, fontsize=14)
        axis.tick_params(labelsize=13)
        axis.grid(alpha=0.3)
    axes[1].set_title("solid: float64, dashed: float32", fontsize=14)
    axes[0].set_title(f"balanced layers, d = {d}", fontsize=14)
    axes[0].legend(fontsize=12)
    figure.savefig(path, dpi=150)
    pyplot.close(figure)


options.picture("depth_versus_conditioning", draw)
