# %% [markdown]
# # Bounded depth and bounded conditioning
#
# Koehler, Mehta and Risteski (ICML 2021) ask what depth and conditioning cost affine couplings.
# For linear maps both are bounded at once:
#
# - **Theorem 10.** Every rotation of $\mathbb{R}^d$, $d \ge 2$, halves $(n, n)$ or $(n, n + 1)$, is
#   a product of six shears with condition numbers at most 18, whatever $d$.
# - **Theorem 11.** Every matrix $W$ of determinant 1 is a product of eleven affine couplings, each
#   with a condition number at most a constant times $\max(\lVert W \rVert, \lVert W^{-1} \rVert)$.
# - **From below.** Six shears whose product is block diagonal and has the eigenvalue $-1$ cannot
#   all have condition numbers below $(3 + \sqrt 5) / 2$. For $-I$ that is the least, on equal
#   halves.
#
# The six shears of a rotation $M$ come from two involutions, $K$ and $K \Theta$, of a rotation
# $\Theta$ (theorem 10's construction, which `permutations` has over the integers):
#
# $$ M = L(-W_0)\, U(X)\, L(Y)\, U(Z)\, L(W)\, U(V). $$
#
# *For all n*: the identities, in noncommuting symbols. *Quoted*: that the CS decomposition, the
# real Schur form of a rotation (its planes) and the singular value decomposition exist.
# *Certified*: condition numbers on instances, by enclosed singular values. *Exact*: the stated
# error is that of the product of the floats. *Numeric*: the tables, where nothing is enclosed.

# %%
import sys

import numpy as np
import sympy

from exactflow import factor, whiten
from exactflow.balancing import Balanced, balance
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.conditioning import layer_condition_numbers
from exactflow.errors import MethodError
from exactflow.identities import IDENTITIES

sys.path.extend([".", "..", f"{sys.path[0]}/.."])  # the folder of proofs/

from proofs.experiments.descent import adam_layers

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
SIZES = (2, 3, 4, 9, 16, 17, 64) + ((128, 257, 512, 1024) if options.full else ())
OF_MANY_COORDINATES = ("rotation", "permutation", "near -I")
closed: dict[int, float] = {}
with claims.check("rotations of many sizes, at most 18", Evidence.NUMERIC) as check:
    for d in SIZES:
        for name in FAMILIES if d < 500 else OF_MANY_COORDINATES:
            W = FAMILIES[name](d, 2)
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
# at determinant 1. The quotient is the worst layer over max(|W|, |W^-1|); the error is that of the
# worst entry over |W|, as the singular value decomposition that the layers start from has it.


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
                error = float(result.error) / s.max()
                check.true(
                    bool(len(result.layers) == 11 and worst < 6 * extent and error < 1e-15),
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
# ## What six shears cost at least
# Let U(A) L(B) U(C) L(D) U(E) L(F) = diag(P, R), y^T P = -y^T, for halves of any two sizes. Then
# U(A) L(B) U(C) = diag(P, R) (L(D) U(E) L(F))^-1, and the upper left blocks say
# I + A B = P (I + E D), so that y^T (A B + E D) = -2 y^T: of these four norms one is at least 1. A
# word that starts with L, or an eigenvector of R, is the same with the halves, or the inverse. A
# shear of norm s has the condition number ((s + sqrt(s^2 + 4)) / 2)^2.
#
# The smallest example is -I for d = 2: shears of norm 1 do. The closed form has 5.8 there.

# %%
with claims.check(
    "six shears with a block diagonal product and the eigenvalue -1: a norm is at least 1",
    Evidence.FOR_ALL_N,
) as check:
    for name in ("blocks of three layers", "last three layers"):
        proof = IDENTITIES[name].prove()
        check.true(proof.words > 0, f"{proof.name}: {IDENTITIES[name].statement}")

with claims.check("-I on equal halves: norms 1 are reached", Evidence.EXACT) as check:
    for n in (1, 2, 3):
        one, zero = sympy.eye(n), sympy.zeros(n)
        up = sympy.BlockMatrix([[one, one], [zero, one]]).as_explicit()
        down = sympy.BlockMatrix([[one, zero], [-one, one]]).as_explicit()
        check.equal((up * down) ** 3, -sympy.eye(2 * n), f"(U(I) L(-I))^3 = -I, n = {n}")
        largest = max(map(sympy.sqrt, (up.T * up).eigenvals()))
        condition = sympy.simplify(largest**2)  # a shear and its inverse have the same norm
        check.equal(
            sympy.expand(condition - (3 + sympy.sqrt(5)) / 2), 0, "condition (3 + sqrt 5) / 2"
        )

# %%
with claims.check("the search stays above the bound, and near it", Evidence.NUMERIC) as check:
    least = (3 + 5**0.5) / 2
    for d in (2, 4, 6):
        for name, W in (("-I", -np.eye(d)), ("two axes", half_turn(d, (d - 2, d - 1)))):
            worst = min(
                max(balance(W, method="search", layers=6, seed=seed).condition_numbers)
                for seed in range(3)
            )
            check.true(least < worst < 6, f"d = {d}, {name}: condition {worst:.3f} > {least:.3f}")

# %% [markdown]
# ## Halves that differ by more than one
# With m = q / p rounded up, 2 m + 1 layers suffice for almost every matrix, not for every rotation:
# for -I, halves (1, 3), eight are needed (the depth of unequal halves, `exactflow.factor`), and the
# search finds eight and not seven. For 2 m + 2 layers of random rotations condition numbers do not
# grow with d. No closed form is known to us: an involution that reverses Theta and fixes q - p > 1
# given axes need not exist.

# %%
with claims.check("unequal halves: 2 m + 2 layers of random rotations", Evidence.NUMERIC) as check:
    for p, q in ((1, 3), (1, 4), (2, 4), (4, 8), (8, 16)) + ((16, 32),) * options.full:
        layers = 2 * -(-q // p) + 2
        results = [
            balance(rotation(p + q, seed), partition=(p, q), layers=layers) for seed in (0, 1)
        ]
        worst = max(max(result.condition_numbers) for result in results)
        check.true(bool(worst < 18), f"halves {(p, q)}, {layers} layers: condition {worst:.2f}")

# %%
with claims.check("-I, halves (1, 3): eight layers, not seven", Evidence.NUMERIC) as check:
    check.true(max(balance(-np.eye(4), partition=(1, 3), layers=8).condition_numbers) < 6, "eight")
    try:
        balance(-np.eye(4), partition=(1, 3), layers=7)
        found = True
    except MethodError:
        found = False
    check.true(not found, "seven are not found")

# %% [markdown]
# ## Fewer than eleven
# Two affine layers G whiten W W^T (`exactflow.whiten`), G W is a rotation of six shears, and the
# last of one word and the first of the other move the same half: W = G^-1 (G W) is *seven* affine
# couplings, wherever two whitening layers are found. But conditioning is not bounded by that of W:
# already for d = 5 and kappa = 10^3 a layer of G is worse than all eleven. The search has six
# layers of far smaller condition numbers; that eleven is least, nothing says.

# %%
with claims.check("seven layers, worse conditioned than eleven", Evidence.NUMERIC) as check:
    for d, kappa in ((4, 10.0), (5, 1e3), (8, 1e3)) + ((16, 1e3),) * options.full:
        W = rotation(d, 3) * spectra(d, kappa)["even"] @ rotation(d, 4)
        G = whiten(W @ W.T)
        Q = np.array(G.flow.matrix().tolist(), dtype=float) @ W
        whitening = max(np.linalg.cond(np.array(S.matrix().tolist(), dtype=float)) for S in G.flow)
        eleven = max(balance(W, method="closed").condition_numbers)
        six = max(balance(W, method="search").condition_numbers)
        check.true(
            bool(
                np.abs(Q @ Q.T - np.eye(d)).max() < 1e-10
                and np.linalg.det(Q) > 0
                and (whitening > eleven) == (kappa > 100)
                and six < eleven
            ),
            f"d = {d:2}, kappa {kappa:.0e}: the worst of G {whitening:8.1f}, of eleven "
            f"{eleven:6.1f}, of six that the search finds {six:5.1f}",
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
    norms = np.linalg.norm(adam_layers(W, 6, 2000, rate=0.02, cosine=True)[0], 2, axis=(1, 2))
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
