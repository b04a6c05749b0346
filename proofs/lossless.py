# %% [markdown]
# # Lossless: rounded shears make any linear layer a bijection of integers
#
# **Theorem 13** (to our knowledge new, with a bounded number of well-conditioned shears of blocks;
# that a matrix of determinant $\pm 1$ is a bijection of integers, up to rounding: Hao and Shi
# 2001). Let $W = s W_1$ with $s > 0$ and $\det W_1 = \pm 1$, and
# let $W_1$ be the product $S_6 \cdots S_1$ of six shears, up to a sign of one coordinate if $\det
# W_1 < 0$. With the shifts rounded,
#
# $$ y_2 = x_2 + \lfloor T x_1 + \tfrac12 \rfloor, $$
#
# they are a bijection $f$ of $\mathbb{Z}^d$. Coordinates $j$ of $f(x)$ and of $W_1 x$ differ by at
# most half the sum, over the layers $i$ and the columns that layer $i$ moves, of the entries of row
# $j$ of $|S_6 \cdots S_{i+1}|$. In steps of $s$, $f(x)$ is near $W x$. In float64 the map has the
# same bits on every machine.
#
# **Why.** Users of flows ask why the inverse does not return their data. Here the inverse is exact,
# and a codec built on the flow can be decoded on another machine. Well-conditioned shears
# (`rotations`) make the bound small.
#
# **Proof.** *A bijection.* The half that is kept determines the shift: $x_2 = y_2 - \lfloor T x_1 +
# \frac12 \rfloor$.
#
# *The distance.* Layer $i$ maps $x$ to $S_i x + r_i$ with the rounding error $r_i$, which is zero
# on the half that is kept, and at most $\frac12$ in absolute value on the other half. So
#
# $$ f(x) = S_6 \cdots S_1 x + \sum_i S_6 \cdots S_{i+1} r_i. $$
#
# Shears found in floating point are rounded to multiples of $2^{-b}$. The distance of their product
# from $W_1$ is computed exactly; times the largest admitted $|x|$, it is added to the bound.
#
# *The same bits.* With shifts $T$ in multiples of $2^{-b}$, $b \ge 1$, and integers $|x_i| \le r$,
# every partial sum of $T x_1 + \frac12$ is a multiple of $2^{-b}$. As long as $2^b (r \max_j \sum_k
# |T_{jk}| + 2) \le 2^{53}$, float64 holds each exactly: in any order of summation, on any number of
# threads, in NumPy and in PyTorch. For inputs beyond that range the map raises an error. $\square$
#
# To our knowledge block lifting of an arbitrary matrix with a bounded number of well-conditioned
# shears is new. Beside it: PLUS (Hao and Shi, *Matrix factorizations for reversible integer
# mapping*, IEEE Trans. Signal Processing 49, 2001: triangular factors, whose inverses go row by
# row), LU as in iVPF (Zhang, Zhang, Kang and Li, CVPR 2021, arXiv:2103.16211), rounding W itself in
# float32 and float64. Multi-dimensional lifting (Geiger, Yokotani and Schuller, *Improved integer
# transforms using multi-dimensional lifting*, ICASSP 2004) lifts blocks of special transforms. Why
# coders must agree to the last bit: Balle, Johnston and Minnen, ICLR 2019.
#
# - *For all n*: that rounded shears are undone, and how roundings travel.
# - *Exact*: all integers of a box, and Python's integers beside float64.
# - *Certified*: the bound, on instances; samples stay below it.
# - *Numeric*: errors and times beside the other routes.

# %%
import sys
import time
from fractions import Fraction

import numpy as np
from threadpoolctl import threadpool_limits

from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact.numbers import format_up
from exactflow.explanation.symbolic_identities import Identity
from exactflow.floats.lossless import lossless

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.experiments.lifting import LiftedLU, PlusFactorization

options = proof_options()
claims = Claims("lossless")

# %% [markdown]
# ## Rounded shears are bijections, and rounding errors stay bounded
#
# The two identities of the proof. $R = \lfloor T x_1 + \frac12 \rfloor$ may be any function of the
# half that is kept: $x_2 + R - R = x_2$.

# %%
six = "A6 (A5 (A4 (A3 (A2 (A1 x + r1) + r2) + r3) + r4) + r5) + r6"
for name, statement, sides in (
    (
        "undone",
        "x2 + R - R = x2 for whatever R the kept half gives",
        "U(-R) U(R) blocks(x, 0, 1, 0) = blocks(x, 0, 1, 0)",
    ),
    (
        "roundings",
        "y = A_6 .. A_1 x + sum over i of A_6 .. A_(i+1) r_i",
        f"{six} = A6 A5 A4 A3 A2 A1 x + A6 A5 A4 A3 A2 r1 + A6 A5 A4 A3 r2 + A6 A5 A4 r3 "
        "+ A6 A5 r4 + A6 r5 + r6",
    ),
):
    with claims.check(statement, Evidence.FOR_ALL_N) as check:
        proof = Identity(name, statement, "expansion", sides).prove()
        check.true(proof.words > 0, str(proof))


# %%
def rotation(d: int, seed: int = 0) -> np.ndarray:
    """Return a random rotation."""
    Q = np.linalg.qr(np.random.default_rng([d, seed]).standard_normal((d, d)))[0]
    return Q * np.where(np.arange(d) == 0, np.linalg.slogdet(Q)[0], 1)


def gaussian(d: int) -> np.ndarray:
    """Return a random matrix with |det| = 1."""
    W = np.random.default_rng(d).standard_normal((d, d))
    return W / np.exp(np.linalg.slogdet(W)[1] / d)


def conditioned(d: int, exponent: int) -> np.ndarray:
    """Return a matrix of condition 10^exponent and determinant 1."""
    return rotation(d, 1) * np.logspace(-exponent / 2, exponent / 2, d) @ rotation(d, 2)


FAMILIES = {
    "rotation": rotation,
    "Gaussian": gaussian,
    "condition 10^3": lambda d: conditioned(d, 3),
    "condition 10^6": lambda d: conditioned(d, 6),
}

with claims.check("all integer vectors of a box have different images", Evidence.EXACT) as check:
    for d, side in ((2, 30), (3, 8), (4, 4)):
        for name, family in FAMILIES.items():
            result = lossless(family(d), limit=side, orientation="flip")
            box = np.indices((2 * side + 1,) * d).reshape(d, -1) - side
            y = result.forward(box)
            check.equal(
                len(np.unique(y, axis=1).T), box.shape[1], f"d = {d}, {name}, |x| <= {side}"
            )
            check.true(bool((result.backward(y) == box).all()), "", shown=False)


# %%
def in_integers(result, x: list[int]) -> list[int]:
    """Return the image of one vector by the layers in Python's integers."""
    p, bits = result.partition[0], result.bits
    x = [-v if i in result.flips else v for i, v in enumerate(x)]
    halves = [x[:p], x[p:]]
    for layer in result.layers:
        i = 0 if layer.moves == "first" else 1
        rows = [[int(t * 2**bits) for t in row] for row in layer.float_shift.tolist()]
        sums = [sum(t * v for t, v in zip(row, halves[1 - i], strict=True)) for row in rows]
        halves[i] = [
            v + (s + 2 ** (bits - 1) >> bits) for v, s in zip(halves[i], sums, strict=True)
        ]
    return [*halves[0], *halves[1]]


with claims.check("float64 gives the same images as integer arithmetic", Evidence.EXACT) as check:
    for d in (2, 7, 24):
        for bits, limit in ((20, 2**15), (30, 2**20), (44, 2**31)):
            result = lossless(gaussian(d), bits=bits, limit=limit, orientation="flip")
            x = np.random.default_rng(d).integers(-limit, limit + 1, (d, 5))
            y = result.forward(x)
            by_hand = [in_integers(result, column) for column in x.T.tolist()]
            check.equal(
                y.T.tolist(), by_hand, f"d = {d:2}, {bits} bits, limit 2^{limit.bit_length() - 1}"
            )

# %% [markdown]
# ## Samples stay within the certified bound

# %%
SAMPLES = 10**5 if options.full else 2 * 10**4
with claims.check("samples stay within the certified bound", Evidence.CERTIFIED) as check:
    for d in (2, 8, 24):
        for name, family in FAMILIES.items():
            W = family(d)
            result = lossless(W, orientation="flip")
            rng = np.random.default_rng(d)
            largest = 0.0
            for _ in range(10):
                x = rng.integers(-result.limit, result.limit + 1, (d, SAMPLES // 10))
                distance = np.abs(result.forward(x) - W @ x / float(result.step))
                largest = max(largest, float(distance.max()))
            check.true(
                bool(largest <= result.bound.largest),
                f"d = {d:2}, {name:14}: in samples <= {format_up(Fraction(largest))}, bound "
                f"{result.bound}",
            )

# %% [markdown]
# ## Errors and times of shears, PLUS, LU and floats
#
# Each route maps the same integers of absolute value at most 1000. *Lost* is the fraction of
# vectors that the inverse does not return. For floats $W^{-1} y$ is rounded; $y = W x$ is stored as
# a float, or rounded to integers as in the other routes.

# %%
SIZES = (2, 8, 24, 48) + ((96, 192) if options.full else ())
ROUTES = {
    "shears": lambda W: lossless(W, limit=1000, orientation="flip"),
    "PLUS": lambda W: PlusFactorization.of(W, 26),
    "LU": lambda W: LiftedLU.of(W, 26),
}
errors: dict[tuple[str, str], dict[int, float]] = {}
seconds: dict[tuple[str, int], tuple[float, float]] = {}


def timed(run, *arguments):
    """Return the result of a call, and the processor time that it takes on one thread: the least
    of three.
    """
    best = np.inf
    with threadpool_limits(1):
        for _ in range(3):
            start = time.process_time()
            result = run(*arguments)
            best = min(best, time.process_time() - start)
    return result, best


def routed(route, d: int, W: np.ndarray, x: np.ndarray) -> tuple[float, float]:
    """Return the root mean square of the error of a route, and the part that is lost; nan and 1
    where the route breaks down.
    """
    try:
        made = ROUTES[route](W)
        with np.errstate(all="ignore"):
            y, forward = timed(made.forward, x)
            images = y if isinstance(y, tuple) else (y,)
            back, inverse = timed(made.backward, *images)
    except OverflowError:
        return np.nan, 1.0
    seconds.setdefault((route, d), (forward, inverse))
    return float(np.sqrt(np.mean((images[0] - W @ x) ** 2))), float((back != x).any(axis=0).mean())


def lost_by_floats(W: np.ndarray, x: np.ndarray) -> dict[str, float]:
    """Return the part of the vectors that W^-1 does not give back."""
    single = W.astype(np.float32) @ x.astype(np.float32)
    inverse = np.linalg.inv(W)
    backward = {
        "float32": np.linalg.inv(W.astype(np.float32)) @ single,
        "float64": inverse @ (W @ x),
        "rounded": inverse @ np.rint(W @ x),
    }
    return {name: float((np.rint(v) != x).any(axis=0).mean()) for name, v in backward.items()}


with claims.check("errors of rounded shears, PLUS, LU and floats", Evidence.NUMERIC) as check:
    for name, family in FAMILIES.items():
        for d in SIZES:
            W = family(d)
            x = np.random.default_rng(d).integers(-1000, 1001, (d, 2000)).astype(float)
            integers = x.astype(np.int64)
            row = {"shears": routed("shears", d, W, integers)}
            row |= {route: routed(route, d, W, x) for route in ("PLUS", "LU")}
            for route, (error, _) in row.items():
                errors.setdefault((route, name), {})[d] = error
            text = ", ".join(f"{route} {e:.3g} ({p:.0%} lost)" for route, (e, p) in row.items())
            floats = ", ".join(f"{k} {v:.0%}" for k, v in lost_by_floats(W, x).items())
            check.true(row["shears"][1] == 0, f"{name}, d = {d}: {text}; lost by {floats}")

with claims.check("rotations: an error of at most 0.6 steps, rms", Evidence.NUMERIC) as check:
    for d, error in errors["shears", "rotation"].items():
        check.true(error <= 0.6, f"d = {d}: {error:.3f}")

# %% [markdown]
# Processor time in milliseconds for 2,000 columns, forward and inverse, for rotations. The
# triangular factors take two products forward and d successive rows in the inverse; the shears take
# six products of half the size in both directions. (Times are no claims.)

# %%
for d in SIZES[3:]:
    shown = {route: seconds[route, d] for route in ROUTES if (route, d) in seconds}
    times = (f"{name} {1e3 * a:.1f}, {1e3 * b:.1f}" for name, (a, b) in shown.items())
    print(f"d = {d}: {'; '.join(times)}")


# %%
def draw(pyplot, path) -> None:
    """Draw the error of the three routes against d, for two families."""
    styles = {
        "shears": ("#0072B2", "o", "rounded shears"),
        "PLUS": ("#D55E00", "s", "PLUS"),
        "LU": ("#E69F00", "^", "LU with a modular diagonal"),
    }
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
    for axis, name in zip(axes, ("rotation", "condition 10^3"), strict=True):
        for route, (colour, marker, label) in styles.items():
            series = errors[route, name]
            axis.plot(
                list(series), list(series.values()), label=label, color=colour, marker=marker, lw=2
            )
        axis.set_title(name, fontsize=14)
        axis.set_xscale("log", base=2)
        axis.set_yscale("log")
        axis.set_ylim(0.1, 1e8)
        axis.set_xlabel("dimension d", fontsize=14)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("rms error, in steps", fontsize=14)
    axes[0].legend(fontsize=12)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("lossless", draw)
