# %% [markdown]
# # Bounded depth and bounded conditioning
#
# Koehler, Mehta and Risteski (ICML 2021) ask what depth and conditioning cost affine couplings.
# For linear maps both are bounded at once:
#
# - **Theorem 10.** Every rotation of R^d, d >= 2, halves (n, n) or (n, n + 1), is a product of six
#   shears with condition numbers at most 18, whatever d.
# - **Theorem 11.** Every matrix of determinant 1 is a product of eleven affine couplings, each with
#   a condition number at most a constant times max(|W|, |W^-1|).
#
# *For all n*: the identities, in noncommuting symbols. *Quoted*: that the CS decomposition, the
# real Schur form of a rotation (its planes) and the singular value decomposition exist.
# *Certified*: condition numbers on instances, by enclosed singular values. *Exact*: the stated
# error is that of the product of the floats. *Numeric*: the tables, where nothing is enclosed.

# %%
import sys

import numpy as np
import sympy

from exactflow import factor
from exactflow.balancing import Balanced, balance
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.conditioning import layer_condition_numbers
from exactflow.errors import MethodError
from exactflow.identities import IDENTITIES

sys.path.extend([".", "..", f"{sys.path[0]}/.."])  # the folder of proofs/

from proofs.experiments.descent import adam_shears

claims = Claims("Depth and conditioning at once (Theorems 10 and 11)")
options = proof_options()

# %% [markdown]
# ## The identities
# Let `h Y = I`, `j J = I`, `s J = 0`: in the construction Y, J and C' have orthonormal columns, h
# and j are the transposes of Y and J. D' = I + Y (P - I) h, C' = D' J P^-1, and the rest of M'
# follows. The two involutions K and S generate H = K S, the turn by half angles: (P, g) = (H, K)
# serves q = n, (P, g) = (K, H) serves q = n + 1.

# %%
for name in ("rotation", "two involutions", "eleven layers"):
    with claims.check(IDENTITIES[name].statement, Evidence.FOR_ALL_N) as check:
        proof = IDENTITIES[name].prove()
        check.true(proof.words > 0, str(proof))


# %% [markdown]
# ## Families of rotations
# Generic ones, and those where a construction could break: eigenvalues 1 and -1 many times over,
# angles near 0, pi / 2 and pi, blocks A, B that vanish.


# %%
def oriented(M: np.ndarray) -> np.ndarray:
    """Return an orthogonal matrix with its first column negated where det < 0."""
    return M * np.where(np.arange(len(M)) == 0, np.sign(np.linalg.slogdet(M)[0]), 1)


def rotation(d: int, seed: int) -> np.ndarray:
    """Return the orthogonal factor of a Gaussian matrix, of determinant 1."""
    G = np.random.default_rng([d, seed]).standard_normal((d, d))
    return oriented(np.linalg.qr(G)[0])


def turned(d: int, angle: float, spread: float, seed: int) -> np.ndarray:
    """Return a rotation whose planes turn by angles near `angle`, in a random basis."""
    M = np.eye(d)
    noise = spread * np.random.default_rng([d, seed]).standard_normal(d // 2)
    for k, a in enumerate(angle + noise):
        plane = slice(2 * k, 2 * k + 2)
        M[plane, plane] = [[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]
    Q = rotation(d, seed + 1)
    return Q @ M @ Q.T


def half_turn(d: int, places: tuple[int, int]) -> np.ndarray:
    """Return the reflection of two axes."""
    M = np.eye(d)
    M[places, places] = -1
    return M


FAMILIES = {
    "rotation": lambda d, s: rotation(d, s),
    "permutation": lambda d, s: oriented(np.eye(d)[np.random.default_rng(s).permutation(d)]),
    "signs": lambda d, s: oriented(np.diag(np.random.default_rng(s).choice([-1.0, 1.0], d))),
    "two axes of one half": lambda d, s: half_turn(d, (d - 2, d - 1)),
    "an axis of each half": lambda d, s: half_turn(d, (0, d - 1)),
    "near I": lambda d, s: turned(d, 0, 1e-8, s),
    "near -I": lambda d, s: turned(d, np.pi, 1e-8, s),
    "angles pi / 2": lambda d, s: turned(d, np.pi / 2, 0, s),
    "block swap": lambda d, s: oriented(np.roll(np.eye(d), d // 2, axis=0)),
}

# %% [markdown]
# ## Condition numbers, enclosed

# %%
with claims.check("six shears, condition numbers at most 18", Evidence.CERTIFIED) as check:
    for d in range(2, 9 if options.full else 6):
        for name, family in FAMILIES.items():
            result = balance(family(d, 0))
            worst = max(layer_condition_numbers(result.flow), key=lambda ball: float(ball.mid()))
            all_below = all(ball < 18 for ball in layer_condition_numbers(result.flow))
            check.true(
                len(result.layers) == 6 and bool(all_below),
                f"d = {d}, {name}: at most {float(worst.upper()):.4f}, and the product is within "
                f"{float(result.error):.0e}",
            )

# %%
with claims.check("the stated error is that of the exact product", Evidence.EXACT) as check:
    for d in (2, 3, 8, 9):
        for name, family in FAMILIES.items():
            W = family(d, 1)
            result = balance(W)
            exact = sympy.Matrix(d, d, [sympy.Rational(*w.as_integer_ratio()) for w in W.ravel()])
            difference = max(map(abs, result.flow.matrix() - exact))
            check.equal(difference, result.error, f"d = {d}, {name}")

# %% [markdown]
# ## Over all sizes

# %%
SIZES = (2, 3, 4, 9, 16, 17, 64) + ((128, 256, 512, 513, 1024) if options.full else ())
closed: dict[int, float] = {}
with claims.check("rotations of many sizes, at most 18", Evidence.NUMERIC) as check:
    for d in SIZES:
        for name, family in FAMILIES.items():
            W = family(d, 2)
            result = balance(W)
            worst = max(result.condition_numbers)
            closed[d] = max(worst, closed.get(d, 0.0))
            error = float(result.error) / np.abs(W).max()
            check.true(
                bool(worst < 18 and error < 2e-15),
                f"d = {d:4}, {name:20}: condition {worst:5.2f}, entries to {result.magnitude:.2f}, "
                f"error {error:.0e}",
            )

# %% [markdown]
# ## Theorem 11: every matrix
# For the spectra 1 .. kappa (in equal ratios), and with one singular value apart from the others,
# at determinant 1. The last column is the worst layer over max(|W|, |W^-1|).


# %%
def spectra(d: int, kappa: float) -> dict[str, np.ndarray]:
    """Return lists of d singular values with quotient `kappa` and product 1."""
    even = np.logspace(0, np.log10(kappa), d)
    one = np.where(np.arange(d) == 0, kappa, 1.0)
    lists = {"even": even, "one large": one, "one small": 1 / one}
    return {name: s / np.exp(np.log(s).mean()) for name, s in lists.items()}


with claims.check("eleven layers, conditioned as the matrix is", Evidence.NUMERIC) as check:
    for d in (2, 3, 16, 17) + ((64, 256) if options.full else ()):
        for kappa in (10.0, 1e3, 1e6, 1e9, 1e12):
            for name, s in spectra(d, kappa).items():
                W = rotation(d, 3) * s @ rotation(d, 4)
                result = balance(W, method="closed")
                worst, extent = max(result.condition_numbers), max(s.max(), 1 / s.min())
                error = float(result.error) / np.abs(W).max()
                check.true(
                    bool(len(result.layers) == 11 and worst < 6 * extent and error < 4e-15),
                    f"d = {d:3}, kappa {kappa:.0e}, {name:9}: condition {worst:7.1e}, "
                    f"max(|W|, |W^-1|) {extent:7.1e}, quotient {worst / extent:4.1f}, "
                    f"error {error:.0e}",
                )

# %% [markdown]
# ## Other determinants
# A layer scales one half only, so W = s W1 costs each layer its part of s: for s = 10^12 and a
# rotation W1 three layers move each half, and each scales by 10^4.

# %%
with claims.check("a scalar is spread evenly over the layers", Evidence.NUMERIC) as check:
    for d in (2, 3, 16):
        for exponent in (-12, 12):
            result = balance(10.0**exponent * rotation(d, 0))
            worst = max(result.condition_numbers)
            check.true(
                bool(worst < 18 * 10**4), f"d = {d:2}, s = 1e{exponent}: condition {worst:.1e}"
            )

# %% [markdown]
# ## Beside the other routes
# The search relaxes the closed form to small norm. The exact routes equal W, and pay in
# conditioning. Adam (2000 steps, cosine schedule) stands between the closed form and the search.


# %%
def worst_layer(result: Balanced) -> float:
    """Return the largest condition number of a layer."""
    return max(result.condition_numbers)


def exact_route(W: np.ndarray, method: str) -> float:
    """Return the largest condition number of a layer of an exact route, in float64."""
    norms = [
        [np.linalg.norm(np.array(S.matrix().tolist(), dtype=float), 2) for S in (layer, inverse)]
        for layer in factor(W, method=method)
        for inverse in [layer.inverse()]
    ]
    return max(float(norm) * float(of_inverse) for norm, of_inverse in norms)


def descended(W: np.ndarray) -> float:
    """Return the largest condition number of six shears that Adam finds."""
    norms = np.linalg.norm(adam_shears(W, 6, 2000, rate=0.02, cosine=True), 2, axis=(1, 2))
    return float(((norms + np.sqrt(norms**2 + 4)) / 2).max() ** 2)


compared: dict[str, dict[int, float]] = {"closed form": {}, "search": {}, "Adam": {}}
compared |= {"transvection": {}, "commutator": {}}
with claims.check("closed form against search and exact routes", Evidence.NUMERIC) as check:
    for d in (4, 8, 12, 16, 32) + ((64, 128, 256) if options.full else ()):
        W = np.ldexp(np.rint(np.ldexp(rotation(d, 5), 12)), -12)
        compared["closed form"][d] = worst_layer(balance(rotation(d, 5), method="closed"))
        compared["search"][d] = worst_layer(balance(rotation(d, 5), method="search"))
        if d <= 32:
            compared["Adam"][d] = descended(rotation(d, 5))
        for method in ("transvection", "commutator"):
            if d > 16:
                continue
            try:
                compared[method][d] = exact_route(W, method)
            except MethodError:
                continue
        row = {name: series[d] for name, series in compared.items() if d in series}
        text = ", ".join(f"{name} {value:.3g}" for name, value in row.items())
        check.true(
            row["search"] < row["closed form"] < 18 and max(row.values()) >= row["closed form"],
            f"d = {d:3}: {text}",
        )


# %%
def draw(pyplot, path) -> None:
    """Draw the largest condition number of a layer against d."""
    styles = {
        "closed form": ("#0072B2", "o", "-"),
        "search": ("#009E73", "^", ":"),
        "Adam": ("#E69F00", "v", "-"),
        "transvection": ("#D55E00", "s", "--"),
        "commutator": ("#CC79A7", "D", "-."),
    }
    largest = max(max(series) for series in compared.values())
    figure, axis = pyplot.subplots(figsize=(8, 5.5), layout="constrained")
    for name, series in compared.items():
        colour, marker, line = styles[name]
        style = {"color": colour, "marker": marker, "ls": line, "ms": 8, "lw": 2}
        label = name if max(series) == largest else f"{name}, run to d = {max(series)}"
        axis.plot(list(series), list(series.values()), label=label, **style)
    axis.axhline(18, color="0.4", lw=2)
    inside = axis.get_yaxis_transform()
    axis.text(0.97, 20, "the bound, 18", transform=inside, ha="right", va="bottom", fontsize=14)
    axis.set_title("six shears of a rotation, by each route", fontsize=16)
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xlabel("dimension d", fontsize=16)
    axis.set_ylabel("largest condition number of a layer", fontsize=16)
    axis.tick_params(labelsize=13)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=14)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("rotations", draw)
