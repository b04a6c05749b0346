# %% [markdown]
# # Depth for conditioning: many well-conditioned layers instead of few ill-conditioned ones
#
# **Theorem 12a** (to our knowledge new, as explicit layers with a bound). For every law on the line
# with second moments, every $\varepsilon > 0$ and *every* bound above 1 on the condition numbers of
# the layers, there is a flow of additive couplings on data $x$ and one pad $z$, both $N(0, 1)$ at
# the start, that maps the data within $\varepsilon$ of the law in $W_2$; the condition number of
# each layer is below the bound at every point. With rotations between the layers, such flows
# approximate laws in several dimensions (*numeric* here).
#
# **Why.** Few affine couplings approximate every distribution if ill-conditioning is allowed
# (Koehler, Mehta and Risteski, ICML 2021; `universal_approximation`). A flow of *few* layers has to
# be ill-conditioned (`forced_conditioning`); each layer of a deep flow need not be.
#
# That this is possible is due to Lee, Pabbaraju, Sevekari and Risteski (*Universal approximation
# using well-conditioned normalizing flows*, NeurIPS 2021), for log-concave laws, in a limit;
# Draxler, Wahl, Schnoerr and Koethe (ICML 2024, arXiv:2402.06578) have well-conditioned blocks for
# all laws, in a limit, and show that additive layers alone do not give every law. They do give
# every law of the data if the law of the pad is arbitrary, as here. If data and pad are both
# prescribed, layers that rescale the pad follow. Turaev (Nonlinearity 16, 2003) shows that
# compositions of Henon-like maps are dense in the volume-preserving ones.
#
# ## Proof
#
# Let $T$ be increasing and piecewise linear with slopes $s > 0$, such that $T_\# N(0, 1)$ is within
# $\varepsilon / 2$ of the law (it can be had: approximate its quantile function in $L^2$). Each
# point $l$ moves on a straight line,
#
# $$ T_t = (1 - t)\,\mathrm{id} + t\, T, \qquad D = T - \mathrm{id}, \qquad v_t(T_t(l)) = D(l). $$
#
# *A pair of steps.* Let $t$ be the time before, $m = t + h$ that in the middle and $t' = t + 2h$
# that behind the pair, and $\alpha, \beta > 0$. Let $x = T_t(l)$, and let the pad be $w = z +
# \alpha D(l)$ (a first layer $w = z_0 + \alpha_0 v_0(x)$ makes it so). Five additive couplings
# follow, the last of which merges with the first of the next pair:
#
# $$ x \to x + \tfrac h \alpha w, \quad w \to w - \alpha v_m(x), $$
# $$ x \to x - \big(\tfrac h \alpha + \tfrac h \beta\big) w, \quad w \to w + \beta v_m(x), \quad
#    x \to x + \tfrac h \beta w. $$
#
# Afterwards $x = T_{t'}(l')$ for some $l'$, and the pad is $z'' + \beta D(l')$. With $z'$ for the
# pad in the middle,
#
# $$ T_m(l') - T_m(l) = \frac h \alpha (z - z') - \frac h \beta (z' - z''). $$
#
# For after the first step $x = T_m(l) + \frac h \alpha z = T_m(\lambda)$, the pad becomes $z' = z +
# \alpha (D(l) - D(\lambda))$, then $x = T_m(\lambda) - (\frac h \alpha + \frac h \beta) z' =
# T_m(\lambda')$, the pad $z' + \beta D(\lambda')$, and $x = T_m(\lambda') + \frac h \beta z' + h
# D(\lambda') = T_{t'}(l')$, $z'' = z' + \beta (D(\lambda') - D(l'))$. As $T_{t'} = T_m + h D$,
# $T_m(l') = T_m(\lambda') + \frac h \beta z''$, and the formula follows. No property of $v$ is
# used. If there is no pad, $z = 0$, there is no error.
#
# *The pad stays bounded.* $z' = (1 - h V) z$ and $z' = (1 + h V'') z''$ with difference quotients
# $V$ and $V''$ of $v_m$. If the slopes of $T$ are between $p$ and $q$, they are values or means of
# $\frac{s - 1}{1 - m + m s}$, $p \le s \le q$; and $1 - h \frac{s - 1}{1 - m + m s} = \frac{1 - t +
# t s}{1 - m + m s}$. So $z$ keeps its sign, and
#
# $$ |z''| \le |z|\, \frac{1 - t + t p}{1 - t' + t' p}, \quad\text{hence always}\quad
#    |z| \le \frac{|z_0|}{1 - t + t p}. $$
#
# *The error.* $z - z' = h V z$ and $z' - z'' = h V'' z''$: so a pair moves the label by at most a
# constant times $h^2 |z_0|$ (with $\alpha, \beta$ fixed), and $K$ pairs of equal length by a
# constant times $|z_0| / K$. At the end $|x - T(l_0)|$ is at most $q$ times that, and in the mean
# square less than $\varepsilon / 2$ for large $K$.
#
# *Conditioning.* An additive layer whose shift is $s$-Lipschitz has a condition number of at most
# $\big((s + \sqrt{s^2 + 4}) / 2\big)^2$, at every point. Those of the pads have $s \le \alpha
# \operatorname{Lip}(v_m)$, or $\beta \operatorname{Lip}(v_m)$, those of the data $s \le h /
# \alpha + h / \beta$. Small $\alpha$ and $\beta$ make the first small, many steps the second.
# $\blacksquare$
#
# The implementation is finer: each cell of labels and pads has its own constants, and steps and
# strengths vary with $t$ (`proofs.constructions.well_conditioned`).
#
# *For all n*: the identities of a step and of a rotation. *Certified*: bounds of W2, condition
# numbers. *Exact*: orbits of rational points. *Numeric*: digits, and distances of samples.

# %%
import sys
from itertools import pairwise

import numpy as np
import sympy
from flint import arb, ctx
from scipy.special import ndtri
from sympy import QQ, Rational

from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact.numbers import format_up, to_element, to_fmpq
from exactflow.explanation.symbolic_identities import Identity
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.conditioning import condition_number
from exactflow.laws.universal import Boxes, GaussianMixture, Product, approximate, checkerboard

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.constructions.spheres import Ring
from proofs.constructions.well_conditioned import approximate_well
from proofs.constructions.well_conditioned.path import Path, cover_by_regions, shear_norm, velocity
from proofs.experiments.distances import exact_w2, sliced_w2
from proofs.experiments.gaussianization import gaussianize
from proofs.experiments.inversion import digits_to_invert, gaussian_points, study

claims = Claims("depth for conditioning")
options = proof_options()

# %% [markdown]
# ## The identities of one step hold for all conditioners
#
# Two kinds of steps. *Five couplings*, by Hamiltonian splitting of $z v = \big((z + a v)^2 - z^2 -
# (a v)^2\big) / 2a$, of which the fifth moves the pad only: after $z \mathrel{+}= a v(x)$, $x
# \mathrel{+}= (h/a) z$, $z \mathrel{-}= a v(x)$, $x \mathrel{-}= (h/a) z$ it is $x + h v(x')$
# *exactly*, $x'$ the place of the second $v$. *A pair of steps in four couplings*, of second order:
# the formula of the proof, for the places of $l, \lambda, \lambda', l'$. Values of $v$ are
# noncommuting symbols, as for vectors.


# %%
def five_couplings():
    h, a = sympy.symbols("h a", positive=True)
    x, z, before, after = sympy.symbols("x z v v'", commutative=False)
    pad = z + a * before
    middle = x + h / a * pad
    return middle - h / a * (pad - a * after), x + h * after


def pair_of_steps():
    h, a, b = sympy.symbols("h a b", positive=True)
    place, z = sympy.symbols("T z", commutative=False)  # T_m(l)
    D = sympy.symbols("D D_lam D_lam' D'", commutative=False)
    pad = z + a * D[0]
    x = place - h * D[0] + h / a * pad
    half = pad - a * D[1]
    pad = half + b * D[2]
    x = x - (h / a + h / b) * half + h / b * pad
    last = pad - b * D[3]
    return x - h * D[3] - place, h / a * (z - half) - h / b * (half - last)


for statement, sides in (
    ("five couplings: x_new = x + h v(x')", five_couplings),
    ("a pair of steps: T_m(l') - T_m(l) = (h/a)(z - z') - (h/b)(z' - z'')", pair_of_steps),
):
    with claims.check(statement, Evidence.FOR_ALL_N) as check:
        left, right = map(sympy.expand, sides())
        check.equal(left, right, "by expansion")

# %%
statement = "U(R - I) L(I) U(R^-1 - I) L(-R) = diag(R, R^-1)"
identity = Identity("turn", statement, "", "U(R - 1) L(1) U(R^-1 - 1) L(-R) = diag(R, R^-1)")
with claims.check(identity.statement, Evidence.FOR_ALL_N) as check:
    proof = identity.prove()
    check.true(proof.words > 0, f"{proof}; and with y, conjugated by diag(I, y)")

# %% [markdown]
# ## The error of each step stays within a certified bound
#
# A cell of labels and pads has slopes $p \le T' \le q$ wherever its labels go, and constants
# $\gamma$ and $\rho$: no label moves by more than $\gamma |z|$, and none goes farther than $\rho
# |z|$. We compute exact orbits of rational points: each stays within the bound of its cell; on one
# piece the pad is exactly $z / T'$; without a pad the error is zero.

# %%
BENT = PiecewiseLinear([-1, 0, "1/4"], [-2, "-1/2", 2], "1/2", 1)


def even_path(T, pairs, strength):
    return Path(T, (QQ(1, 2 * pairs),) * pairs, (to_element(strength),) * (pairs + 1))


with claims.check(
    "exact orbits within the certified bound of their cells", Evidence.CERTIFIED
) as check:
    with ctx.workprec(96):
        path = even_path(BENT, 6, "1/3")
        found = list(cover_by_regions(path))
    flow = PiecewiseFlow(path.layers())
    tightest = Rational(0)
    for label in [Rational(k, 7) for k in range(-14, 15)]:
        for z in (Rational(1, 5), Rational(-3, 2), Rational(0)):
            x, _ = flow([label, z])
            off = abs(x - BENT(label)[0])
            point = to_element(label), to_element(abs(z))
            for cell in found:
                sides = zip(point, (cell.labels, cell.pads), strict=True)
                if all((a is None or a <= u) and (b is None or u <= b) for u, (a, b) in sides):
                    bound = abs(z) * QQ.to_sympy(cell.slopes[1] * cell.moved)
                    check.true(bool(off <= bound), f"label {label}, pad {z}", shown=False)
                    tightest = max(tightest, off / bound) if bound else tightest
    share = format_up(tightest, 2)
    print(
        f"    {check.instances} orbits and cells, the largest share of a bound is at most {share}"
    )

# %%
with claims.check(
    "on one piece the error has second order, the pad is z / T'", Evidence.EXACT
) as check:
    straight = PiecewiseLinear([0], [0], 2, 2)
    errors = []
    for pairs in (8, 16, 32, 64):
        x, pad = PiecewiseFlow(even_path(straight, pairs, 1).layers())([1, 1])
        errors.append(x - 2)
        check.equal(pad, Rational(1, 2), f"{pairs} pairs: error {float(x - 2):.2e}")
    for coarse, fine in pairwise(errors):
        check.true(bool(Rational(38, 10) < coarse / fine < 4), f"ratio {float(coarse / fine):.3f}")

# %% [markdown]
# ## The error decreases with the number of layers
# The target is a mixture of two normal laws at -3/2 and 3/2 of deviation 3/5. All layers are
# additive. The bound of W2 is certified, and so is every layer's condition number, *at every
# point*: Jacobians at far points are enclosed, too.

# %%
TWO = GaussianMixture(["-3/2", "3/2"], "3/5")
CONDITIONS = ["3/2", 2, 5, 20, 150] if options.full else [2, 20]
DEPTHS = [50, 100, 200, 400] if options.full else [50]
table = {}
with claims.check("bounds of W2 and of condition numbers", Evidence.CERTIFIED) as check:
    for condition in CONDITIONS:
        for depth in DEPTHS:
            if condition == "3/2" and depth < 400:
                continue  # the steps would be longer than the condition number allows
            well = table[condition, depth] = approximate_well(
                TWO, condition=condition, layers=depth
            )
            check.true(
                bool(well.condition <= Rational(condition)) and len(well.flow) <= depth,
                f"condition {condition}: {len(well.flow)} layers, W2 <= {format_up(well.bound, 2)}",
            )
            far = well.flow.tangent([10**6, -(10**9)])
            worst = max(condition_number(layer.matrix()) for layer in far[::7])
            check.true(worst <= arb(to_fmpq(to_element(condition))), "far", shown=False)

# %%
fewest = {}
with claims.check(
    "W2 <= 1/20: 310 layers of condition 2, or 65 of condition 20", Evidence.CERTIFIED
) as check:
    for condition in CONDITIONS:
        well = fewest[condition] = approximate_well(TWO, condition=condition, eps="1/20")
        within = len(well.flow) <= {2: 310, 20: 65}.get(condition, 600)
        label = f"normal laws at -3/2 and 3/2, deviation 3/5: {well}"
        check.true(within and bool(well.bound <= Rational(1, 20)), label)

# %% [markdown]
# ## A last layer can make the pad N(0, 1) again
# A layer z <- r(x) z that makes the pad N(0, 1) again has the Jacobian entry z r'(x), which is
# unbounded in z. So we bound its condition number only for pads within four standard deviations,
# and certify the probability of that event.

# %%
with claims.check("data and a pad that is N(0, 1) again", Evidence.CERTIFIED) as check:
    eps = Rational(1, 50 if options.full else 20)
    for condition in CONDITIONS:
        well = approximate_well(TWO, condition=condition, eps=eps, pad="gaussian")
        check.true(bool(well.bound <= eps), str(well))

# %% [markdown]
# ## Second order and graded steps decrease the error
# We compare steps of five couplings (first order, constant strength), pairs with constant steps and
# strengths, and graded pairs. Each has about the same number of layers, of condition number at most
# 2; we report the root mean square error of the data over draws. Both constant strengths are the
# largest that the velocity allows.


# %%
def stepwise(T, steps, strength, x, z):
    """Follow T by steps of five couplings, which is x += h v(x'), and for the pad z -= h v' z."""
    for k in range(steps):
        v = velocity(T, QQ(k, steps))
        knots = np.array([float(knot) for knot in v.knots])
        gradients = np.array([float(s) for (s,) in v.slopes])
        z = z + strength * v(x)[0]
        x = x + z / steps / strength
        z = z - strength * v(x)[0]
        x = x - z / steps / strength
        place = np.searchsorted(knots, x, side="right")
        z = z + strength / steps * v(x)[0] * gradients[place]
    return x


well = fewest[2]
T, pairs = well.path.map, len(well.path.steps)
with ctx.workprec(96):
    steepest = max(abs(s - 1) for (s,) in T.slopes)
    strength = shear_norm(QQ(2)) / steepest
labels = ndtri((np.arange(20_000) + 0.5) / 20_000)
pads = np.random.default_rng(0).standard_normal(20_000)
aim = T(labels)[0]
with claims.check("errors of graded pairs, even pairs, five couplings", Evidence.NUMERIC) as check:
    images = {
        "five couplings a step": stepwise(T, 4 * pairs // 5, float(strength), labels, pads),
        "pairs, even": PiecewiseFlow(even_path(T, pairs, QQ.to_sympy(strength)).layers())(
            np.stack([labels, pads])
        )[0],
        "pairs, graded": PiecewiseFlow(well.path.layers())(np.stack([labels, pads]))[0],
    }
    errors = {name: float(np.sqrt(np.mean((x - aim) ** 2))) for name, x in images.items()}
    worse = np.inf
    for name, error in errors.items():
        check.true(error < worse / 2, f"{name}: {error:.2g}")
        worse = error

# %% [markdown]
# ## Ill-conditioned flows lose digits that deep flows keep
#
# The target has two humps, a mixture of three uniform laws on $[-2, 2]$ with little mass in the
# middle, and a normal second coordinate. We compare two layers, three layers and well-conditioned
# layers (data and pad). We report the precision of mpmath at which $f^{-1}(f(z))$ returns $z$ to
# $10^{-6}$, at Gaussian draws and at the steepest point; digits above six are lost.

# %%
HUMPS = Boxes([([-2], [-1]), ([-1], [1]), ([1], [2])], ["9/20", "1/10", "9/20"])
PLANE = Product([HUMPS, GaussianMixture([0])])
accuracies = ["1/5", "1/10"] if options.full else ["1/5"]
costs = []
with claims.check("digits that few layers lose, and many layers", Evidence.NUMERIC) as check:
    points = [*gaussian_points(2, 6), [QQ(1, 48), QQ(1, 3)]]
    for eps in accuracies:
        least = np.inf
        for layers in (2, 3):
            record = study(approximate(PLANE, eps, layers=layers), draws=6)
            lost = max(record.draws.digits, record.ramp.digits) - 6
            least = min(least, lost)
            costs.append((f"{layers} layers", layers, float(Rational(eps)), lost))
            kappa = 10.0**record.ramp.condition
            print(f"    W2 <= {eps}: {layers} layers, condition {kappa:.1e}, {lost} digits")
        for condition in (20, 5):
            well = approximate_well(HUMPS, condition=condition, eps=eps)
            saved = digits_to_invert(well.flow, points) - 6
            costs.append((f"condition {condition}", len(well.flow), float(Rational(eps)), saved))
            text = f"{len(well.flow)} layers, condition {condition}, {saved} digits"
            check.true(saved < least, f"W2 <= {eps}: {text}")

# %% [markdown]
# ## Flows in several dimensions, compared with two-layer flows
# Gaussianization alternates coordinatewise transports and rotations. We fit 12 rounds to 10,000
# points, with condition numbers at most 6 (for layers that rescale pads, within four standard
# deviations), and compare with the two-layer flow, whose condition number is that of its ramps. We
# report exact and sliced W2 between a few hundred generated points and as many held-out ones. Two
# samples of the law show the sampling error.


# %%
def ring(count, generator):
    radius = np.sqrt(generator.uniform(1, 4, count))
    angle = 2 * np.pi * generator.random(count)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def board(count, generator):
    cells = generator.integers(0, 4, (4 * count, 2))
    return (cells[cells.sum(axis=1) % 2 == 0] - 2)[:count] + generator.random((count, 2))


def boxes(count, generator):
    lower = np.array([[0, 0], [2, 1], [3, 3]])[generator.choice(3, count, p=[1 / 2, 1 / 3, 1 / 6])]
    return lower + generator.random((count, 2)) * [1, 1]


MIXTURE = Boxes([([0, 0], [1, 1]), ([2, 1], [3, 2]), ([3, 3], [4, 4])], ["1/2", "1/3", "1/6"])
LAWS = {
    "ring": (ring, Ring(1, 2)),
    "checkerboard": (board, checkerboard()),
    "three boxes": (boxes, MIXTURE),
}
count, laws = (1000, 3) if options.full else (500, 1)
generated = {}
with claims.check("samples of flows, compared with samples of the laws", Evidence.NUMERIC) as check:
    for name, (draw_law, law) in [*LAWS.items()][:laws]:
        generator = np.random.default_rng(7)
        sample = draw_law(10_000, generator)
        held, other = draw_law(count, generator), draw_law(count, generator)
        flow = gaussianize(sample, condition=6, rounds=12)
        two = approximate(law, "1/8")
        normal = generator.standard_normal((count, 2)) * sample.std(axis=0) + sample.mean(axis=0)
        rows = {
            "two samples": other,
            f"{flow.flow.depth} layers of condition {float(flow.condition):.2g}": flow.sample(
                count
            ),
            "two layers": two.sample(count),
            "a normal law": normal,
        }
        generated[name] = held, *list(rows.values())[1:3]
        distances = {way: (exact_w2(x, held), sliced_w2(x, held)) for way, x in rows.items()}
        for way, (exact, sliced) in distances.items():
            print(f"    {name}, {way}: W2 {exact:.3f}, sliced {sliced:.3f}")
        (error, _), (well, _), _, (far, _) = distances.values()
        check.true(well < error + (far - error) / 3, f"{name}: most of the way from normal")


# %% [markdown]
# ## Pictures


# %%
def draw(pyplot, path) -> None:
    """Draw the certified bound against layers, and digits lost against layers."""
    colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#444444"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    for condition, colour, marker in zip(fewest, colours, "os^Dv", strict=False):
        found = [well for (c, _), well in table.items() if c == condition] + [fewest[condition]]
        found.sort(key=lambda well: len(well.flow))
        left.plot(
            [len(well.flow) for well in found],
            [float(well.bound) for well in found],
            color=colour,
            marker=marker,
            ms=8,
            lw=2,
            label=f"condition {condition}",
        )
    few = [cost for cost in costs if cost[1] < 4]
    label = "two humps: two and three layers"
    left.plot([c[1] for c in few], [c[2] for c in few], "k*", ms=12, label=label)
    left.set_xscale("log")
    left.set_yscale("log")
    left.set_ylim(top=2000)  # room for the legend
    left.set_xlabel("layers", fontsize=16)
    left.set_ylabel(r"certified bound of $W_2$", fontsize=16)
    for way, colour, marker in zip(
        dict.fromkeys(c[0] for c in costs), colours, "os^D", strict=False
    ):
        rows = [cost for cost in costs if cost[0] == way]
        right.plot(
            [row[1] for row in rows],
            [row[3] for row in rows],
            marker,
            color=colour,
            ms=9,
            label=way,
        )
    right.set_xscale("log")
    right.set_ylim(bottom=0)
    right.set_xlabel("layers", fontsize=16)
    right.set_ylabel("digits lost in the inversion", fontsize=16)
    for ax in (left, right):
        ax.minorticks_off()
        ticks = [2, 3, 10, 30, 100, 300, 1000]
        ax.set_xticks(ticks, labels=map(str, ticks))
        ax.tick_params(labelsize=13)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=14, loc="upper right")
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def draw_samples(pyplot, path) -> None:
    """Draw samples of the laws, of the well-conditioned flows and of two layers."""
    size = len(generated)
    options = {"figsize": (11 / 3 * size, 11), "layout": "constrained", "squeeze": False}
    figure, axes = pyplot.subplots(3, size, **options)
    for column, (name, samples) in zip(axes.T, generated.items(), strict=True):
        titles = name, "condition at most 6", "two layers"
        for ax, points, title in zip(column, samples, titles, strict=True):
            ax.scatter(*points.T, s=4, color="#0072B2" if ax is column[0] else "#D55E00", lw=0)
            ax.set_title(title, fontsize=16)
            ax.set_aspect("equal")
            ax.set_xlim(column[0].get_xlim())
            ax.set_ylim(column[0].get_ylim())
            ax.tick_params(labelsize=12)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("depth_for_conditioning", draw)
options.picture("gaussianization", draw_samples)
