# %% [markdown]
# # Forced conditioning: every flow near certain laws is ill-conditioned
#
# Let $f$ be a smooth bijection of $\mathbb{R}^d$ with Jacobian $J$, $Q = f_\# N(0, I)$, and $W_2(Q,
# P) \le \varepsilon$. Let $s_1^2, \dots, s_d^2$ be the eigenvalues of $\operatorname{Cov} P$.
#
# **Theorem 16a (Lipschitz constant; to our knowledge new).** If $|J| \le \Lambda$ everywhere then,
# for every orthonormal frame $u_1, \dots, u_d$, with $S_i$ the increasing map of $N(0, 1)$ to the
# law of $\langle u_i, x \rangle$, $x \sim P$,
#
# $$ \sum_i \min_{0 \le T_i' \le \Lambda} \lVert T_i - S_i \rVert^2_{L^2(N(0, 1))} \le \varepsilon^2
#    \quad\text{and}\quad \sum_i (s_i - \Lambda)_+^2 \le \varepsilon^2. $$
#
# **Theorem 16b (volume; to our knowledge new).** For every partition of $P$ into clusters of
# weights $w_i$ whose covariances have the eigenvalues $s_{ij}^2$,
#
# $$ E \log|\det J| \le -\sum_i w_i \log w_i + \max \Big\{ \sum_i w_i \sum_j \log a_{ij} :
#    \sum_i w_i \sum_j (a_{ij} - s_{ij})^2 \le \varepsilon^2 \Big\}. $$
#
# **Theorem 16c (depth).** Let $\Lambda$ be the least number that 16a does not exclude. At least
# $\log \Lambda / \log \kappa$ affine couplings with condition numbers at most $\kappa$ are needed,
# and at least $2 \log \Lambda / \log \kappa$ additive ones.
#
# **Why.** Shallow flows approximate every distribution *if ill-conditioning is allowed* (Koehler,
# Mehta and Risteski, ICML 2021). How much of it is necessary for every architecture? For two points
# at distance $D$ the least $\Lambda$ solves
#
# $$ \varepsilon^2 = \frac{D^2}{2} \int_0^{D / 2\Lambda} \Big(1 - \frac{2 \Lambda z}{D}\Big)^2
#    \phi(z)\, dz, $$
#
# so that $\Lambda\, \varepsilon^2 / D^3 \to 1 / (12 \sqrt{2 \pi}) = 0.0332$ as $\varepsilon \to
# 0$. For data near a subspace, or finitely many points, $E \log|\det J| \to -\infty$.
#
# ## Proof
#
# **16a, by gaps.** $g = \langle u, f \rangle$ is $\Lambda$-Lipschitz; let $F$ be its distribution
# function. All points within $h$ of $\{g \le t\}$ are in $\{g \le t + \Lambda h\}$. By Gaussian
# isoperimetry (Sudakov and Tsirelson 1974; Borell 1975) the mass of such a neighbourhood is at
# least that of a half space:
#
# $$ F(t + \Lambda h) \ge \Phi\big(\Phi^{-1}(F(t)) + h\big). $$
#
# So the increasing map $T = F^{-1} \circ \Phi$ of $N(0, 1)$ to the law of $g$ has slopes at most
# $\Lambda$. On the line $W_2$ is the distance of the increasing maps in $L^2(N(0, 1))$ to both
# laws. A coupling of $Q$ and $P$ projects to one along each $u_i$, and as the $u_i$ are orthonormal
# their costs add up to that of the coupling. *Attained*, in the limit of smooth maps, where $P$ is
# the product of its laws along the frame, so always on the line: by $f = (T_1, \dots, T_d)$ in that
# frame.
#
# **16a, by variance.** $\operatorname{Var} \langle u, f \rangle \le E |J^\mathsf{T} u|^2 \le
# \Lambda^2$ (Poincare's inequality), so all eigenvalues $a_i^2$ of $\operatorname{Cov} Q$ are at
# most $\Lambda^2$. And $W_2(Q, P)^2 \ge \sum (a_i - s_i)^2$, both in order (Gelbrich 1990; von
# Neumann's trace inequality). *Attained* where $P$ is Gaussian, by a linear map.
#
# **16b.** $E \log|\det J|$ is the entropy of $Q$ less that of $N(0, I)$, $h(x) - \frac d2 \log(2
# \pi e)$. Couple $x \sim Q$ with $y \sim P$ optimally, and let $I$ be the cluster of $y$: $h(x) \le
# H(w) + \sum w_i h(x \,|\, I = i)$. Each of these is at most the entropy of a Gaussian of the same
# covariance, with eigenvalues $a_{ij}^2$: $\frac d2 \log(2 \pi e) + \sum_j \log a_{ij}$. Gelbrich's
# bound holds in each cluster, so $\sum_i w_i \sum_j (a_{ij} - s_{ij})^2 \le \varepsilon^2$.
#
# **16c.** A coupling keeps a half. So its Jacobian has a singular value $\ge 1$ and one $\le 1$,
# and none is above $\kappa$. If it is additive, its extreme singular values are $\tau$ and $1 /
# \tau$ with $\tau^2 \le \kappa$ (see `rotations`), so none is above $\sqrt \kappa$. The Lipschitz
# constants of layers multiply. With pads 16a holds as well: take $u$ among the coordinates of the
# data. $\blacksquare$
#
# *Sources.* The slope of the increasing map at $\varepsilon = 0$: Jaini, Kobyzev, Yu and Brubaker,
# *Tails of Lipschitz triangular flows*, ICML 2020 (arXiv:1907.04481). That on the line the best
# Lipschitz map is a projection of the increasing one: Tanguy, Desolneux and Delon, *Constrained
# approximate optimal transport maps* (arXiv:2407.13445). Lower bounds of total variation and KL by
# the Lipschitz constant: Salmona, De Bortoli, Delon and Desolneux, NeurIPS 2022 (arXiv:2206.14476),
# by Gaussian isoperimetry, and for bi-Lipschitz flows Verine, Negrevergne, Chevaleyre and Rossi,
# ACML 2022 (arXiv:2107.07232). What generators leave outside of disconnected sets: Tanielian,
# Issenhuth, Dohmatob and Mary, ICML 2020. Necessary growth of Lipschitz constants for mixtures:
# Hagemann and Neumayer, Inverse Problems 2021 (arXiv:2009.02994); exploding inverses: Behrmann et
# al., AISTATS 2021 (arXiv:2006.09347); the topology: Cornish et al., ICML 2020 (arXiv:1909.13833).
# Entropy and $W_2$: Polyanskiy and Wu, IEEE Transactions on Information Theory 2016
# (arXiv:1504.04419). To our knowledge new: lower and upper bounds of the least Lipschitz constant
# at a tolerance in $W_2$, on the line and for products; the bound of the volume by clusters; and
# that both are certified for a given target.

# %%
import sys

import numpy as np
import sympy
from flint import arb, ctx
from scipy.optimize import isotonic_regression
from scipy.stats import norm
from sympy import QQ, Rational

from exactflow import factor, whiten
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact.balls import ball, lower, normal_cdf, upper
from exactflow.exact.numbers import format_down, format_up
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.laws.conditioning import Gaussian, bound_conditioning, singular_values
from exactflow.laws.conditioning.lipschitz_regression import LipschitzRegression, NormalToAtomsMap
from exactflow.laws.universal import (
    Atoms,
    Boxes,
    GaussianMixture,
    Product,
    approximate,
    checkerboard,
    uniform,
)

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.constructions.segments import Segments
from proofs.constructions.spheres import Ring
from proofs.constructions.well_conditioned import approximate_well
from proofs.experiments.inversion import worst_points

claims = Claims("forced conditioning")
options = proof_options()

# %% [markdown]
# ## A ramp attains 16a for two points, and a linear map 16b for a Gaussian
# For two points at distance $D$, the ramp from $-D/2$ to $D/2$ is the nearest map with slopes at
# most $\Lambda$, for all $D$ and $\Lambda$. With $V = \Lambda z - S$ and $U = \Lambda z - T$, $U$
# increases, and is best iff $\int (V - U) U \phi = 0$ and $\int_t^\infty (V - U) \phi \le 0$ for
# all $t$. On the ramp, $|z| \le R = D / 2 \Lambda$, $U = 0$ and $V = \Lambda z \mp D/2$; beyond it
# $V = U$.

# %%
D, slope, z, t = sympy.symbols("D Lambda z t", positive=True)
density = sympy.exp(-(z**2) / 2) / sympy.sqrt(2 * sympy.pi)
R = D / (2 * slope)
with claims.check("the ramp is the best map to two points", Evidence.EXACT) as check:
    after = slope * z - D / 2  # V where z > 0; before, V(-z) = -V(z), so both integrals vanish
    check.equal(sympy.expand(after.subs(z, R - t) / t), -slope, "V - U < 0 on the rest of the ramp")
    check.equal(after.subs(z, -z).subs(D, -D) + after, 0, "and it is odd: its integral is zero")
    integral = (slope**2 + D**2 / 4) * sympy.erf(z / sympy.sqrt(2)) / 2
    integral += (slope * D - slope**2 * z) * density
    rest = sympy.diff(integral, z) - after**2 * density
    check.equal(sympy.expand(rest), 0, "the integral of V^2 phi")
    square = 2 * (integral.subs(z, R) - integral.subs(z, 0))
    law = sympy.limit((square * slope).subs(slope, 1 / t), t, 0)
    check.equal(law, D**3 / (12 * sympy.sqrt(2 * sympy.pi)), "Lambda D(Lambda)^2 -> D^3/12 phi(0)")

# %% [markdown]
# For a Gaussian: $a(a - s) = \theta$ for all eigenvalues is Lagrange's condition. With $\Sigma$ of
# the eigenvalues $(7/30)^2$ and 0, $\varepsilon = 1/2$, the linear map with $a = 8/15, 2/5$ is at
# this distance exactly, and no smooth bijection has a larger mean log-volume. It is a flow of
# couplings, in any basis.

# %%
theta, a, s = Rational(4, 25), [Rational(8, 15), Rational(2, 5)], [Rational(7, 30), 0]
turn = sympy.Matrix([[3, -4], [4, 3]]) / 5
with claims.check("a linear flow on a Gaussian attains 16b", Evidence.EXACT) as check:
    for x, y in zip(a, s, strict=True):
        check.equal(x * (x - y), theta, f"a = {x}, s = {y}: Lagrange's condition")
    check.equal(sum((x - y) ** 2 for x, y in zip(a, s, strict=True)), Rational(1, 4), "W2 = 1/2")
    A, Sigma = (turn * sympy.diag(*entries) * turn.T for entries in (a, [y**2 for y in s]))
    flow = factor(A)
    check.equal(flow.matrix(), A, f"A is {flow.depth} couplings")
    check.equal(sympy.simplify(flow.log_abs_det() - sympy.log(Rational(16, 75))), 0, "log(16/75)")
with claims.check(
    "the bound 16b equals the volume of this flow, up to 1e-12", Evidence.CERTIFIED
) as check:
    bounds = bound_conditioning(Gaussian(Sigma), Rational(1, 2))
    gap = bounds.mean_log_det - sympy.log(Rational(16, 75))
    check.true(bool(0 <= gap) and bool(gap < Rational(1, 10**12)), str(bounds))

# %% [markdown]
# ## The least slope on the line and for products, bounded from both sides
# The best map is an isotonic regression, which we solve in ball arithmetic. We print a slope that
# is necessary, and one that suffices. They differ for curved laws, because these are quantized.
#
# *The regression*, in the notation of `exactflow.laws.conditioning.lipschitz_regression`: $V = L z
# - S$ and $U = L z - T$. Let $U$ increase, and $c_j$ be a number between $U(q_j^-)$ and $U(q_j^+)$:
# they increase, too. Between $q_{j-1}$ and $q_j$, $c_{j-1} \le U \le c_j$, so that $|V - U| \ge (V
# - c_j)_+$ and $(c_{j-1} - V)_+$, one of which is zero: so the costs add up to at most $\lVert V -
# U \rVert^2$. Conversely let $c_j$ increase, $c_0 = -\infty$, $c_{m+1} = \infty$. On each piece $V$
# increases; $U$, which is $V$ moved into $[c_{j-1}, c_j]$ there, increases on the whole line, and
# $\lVert V - U \rVert^2$ is the sum of the costs. The best $U$ is the derivative of the greatest
# convex minorant of $\int V d\Phi$, a function of $\Phi$. Where $U$ jumped upwards the minorant
# would have a kink, so would touch, and $V$ would jump upwards; $V$ jumps downwards only. So $U$
# has no jumps, $T = L z - U$ climbs with slope $L$ where the minorant does not touch, $T = S$
# elsewhere: it increases.
#
# *From below*: each cost is least somewhere in $[L q_j - s_j,\, L q_j - s_{j-1}]$, so that all
# numbers may be moved into $[A, B]$ without loss. For such $x_1 \le \dots \le x_m$ convexity gives
# $\sum \mathrm{cost}_j(x_j) \ge \sum \mathrm{cost}_j(c_j) + \sum g_j (x_j - c_j)$, $g_j$ the
# derivatives, and by parts the last sum, in a block, is $R_{\mathrm{first}} (x_{\mathrm{first}} -
# c)$ plus the sum of $R_j (x_j - x_{j-1})$ over the others. $\blacksquare$

# %%
HEIGHTS, PIECES = ["9/20", "1/10", "9/20"], [(-2, -1), (-1, 1), (1, 2)]
HUMPS = Boxes([([a], [b]) for a, b in PIECES], HEIGHTS)
TWO = GaussianMixture(["-3/2", "3/2"], "3/5")
PAIR = Atoms([[-1], [1]])
EXACTLY = {
    "two points": PAIR,
    "three points": Atoms([[0], [1], [3]], ["1/2", "1/3", "1/6"]),
    "the corners of a square": Atoms([[x, y] for x in (-1, 1) for y in (-1, 1)]),
    "the corners of a cube in dimension 6": Product([PAIR] * 6),
}
ABOUT = {"two humps": HUMPS, "two normal laws": TWO}
EPSILONS = [Rational(1, 2), Rational(1, 10), Rational(1, 50)]
with claims.check("slopes: lower bound <= upper bound, and near it", Evidence.CERTIFIED) as check:
    for name, target in (EXACTLY | ABOUT).items():
        for eps in EPSILONS[: 3 if name in EXACTLY else 2 if options.full else 1]:
            bounds = bound_conditioning(target, eps)
            near = bounds.attained / bounds.lipschitz - 1
            most = Rational(1, 10**6) if name in EXACTLY else Rational(1, 10)
            check.true(
                bool(0 < near <= most),
                f"{name}, eps = {eps}: {format_down(bounds.lipschitz, 6)} <= Lambda <= "
                f"{format_up(bounds.attained, 6)}",
            )

# %%
with claims.check(
    "the least slope agrees with isotonic regression on a grid", Evidence.NUMERIC
) as check:
    places = np.linspace(-8.5, 8.5, 400_001)
    masses, middles = np.diff(norm.cdf(places)) + 1e-300, (places[1:] + places[:-1]) / 2
    for values, weights in (
        ([-1, 1], [1, 1]),
        ([0, 1, 3], [3, 2, 1]),
        ([0, 1, 2, 9], [1, 9, 9, 2]),
    ):
        steps = np.cumsum(weights) / sum(weights)
        levels = np.searchsorted(steps, norm.cdf(middles)).clip(max=len(values) - 1)
        for L in (0.5, 2, 9):
            V = L * middles - np.array(values, dtype=float)[levels]
            found = np.sqrt(masses @ (isotonic_regression(V, weights=masses).x - V) ** 2)
            with ctx.workprec(128):
                steps = NormalToAtomsMap.from_ascending_atoms([arb(x) for x in values], weights)
                exact = LipschitzRegression(steps, arb(L)).upper_bound_squared_distance()
            check.true(
                bool(abs(found / float(exact.sqrt()) - 1) < 1e-4), f"{values}, {L}", shown=False
            )
    print(f"    {check.instances} distances, to four digits")

# %% [markdown]
# ## The bounds become more severe as eps decreases
# For two points $\Lambda \varepsilon^2 / D^3 \to 0.0332$ as $\varepsilon \to 0$. For a segment $E
# \log|\det J| = \log \varepsilon + O(1)$. For curved data the best number of clusters grows as
# $\varepsilon$ decreases.

# %%
DIAGONAL = Atoms([[-1, -1], [1, 1]])
TARGETS = {
    "two points": DIAGONAL,
    "a segment": uniform([0, 0], [1, 0]),
    "a broken line in dimension 8": Segments(
        [([0] * 8, [1] * 4 + [0] * 4), ([1] * 4 + [0] * 4, [1] * 8)]
    ),
    "a circle": Ring(1, 1),
    "checkerboard": checkerboard(),
    "a normal law of rank 1": Gaussian([[1, 1], [1, 1]]),
}
bounded = {}
with claims.check("a smaller eps makes both bounds more severe", Evidence.CERTIFIED) as check:
    for name, target in TARGETS.items():
        before = None
        for eps in [Rational(1, 2**k) for k in ((1, 2, 4) if options.full else (1, 2))]:
            bounds = bounded[name, eps] = bound_conditioning(target, eps)
            worse = before is None or (
                bounds.lipschitz >= before.lipschitz and bounds.mean_log_det < before.mean_log_det
            )
            check.true(
                bool(worse),
                f"{name}, eps = {eps}: Lambda >= {format_down(bounds.lipschitz, 4)}, "
                f"E log|det J| <= {format_up(bounds.mean_log_det, 4)} ({bounds.clusters} "
                f"clusters), sigma_min <= {format_up(bounds.sigma_min)}, "
                f"rms/gm >= {format_down(bounds.ratio)}",
            )
            before = bounds

# %%
with claims.check("the limits of the bounds as eps -> 0", Evidence.CERTIFIED) as check:
    eps = Rational(1, 10**6)
    with ctx.workprec(128):
        constant = lower(
            ball(bound_conditioning(DIAGONAL, eps).lipschitz * eps**2) / arb(8).sqrt() ** 3
        )
    check.true(
        QQ(3324, 10**5) < constant < QQ(3325, 10**5),
        f"two points: at least {format_down(constant, 4)} D^3 / eps^2",
    )
    for k in (3, 5):
        segment = Gaussian([[Rational(1, 12), 0], [0, 0]])  # one cluster knows no more of it
        with ctx.workprec(128):
            rest = (
                ball(bound_conditioning(segment, Rational(1, 10**k)).mean_log_det)
                + k * arb(10).log()
            )
            check.true(
                abs(rest + arb(12).log() / 2) < arb("0.01"),
                f"a segment: at most log eps - {format_down(lower(-rest), 4)}",
            )

# %% [markdown]
# ## Flows that attain the bounds
# For two points, with ramps $t_1$ from $-1$ to $1$ of width $\tau$, and $t_2$ the identity between,
#
# $$ y_2 = \delta z_2 + t_1(z_1), \qquad x_1 = \delta z_1 + t_2(y_2), $$
#
# $f$ is within $\varepsilon = (1 + \sqrt 2) \delta + \sqrt 2 \lVert t_1 - \operatorname{sign}
# \rVert$, since $t_2$ is 1-Lipschitz. So *two couplings attain the bound 16a*, in the limit
# $\delta \to 0$.


# %%
def log_det(flow):
    """Return an enclosure of log|det J| of a flow with a constant determinant, in 128 bits."""
    with ctx.workprec(128):
        return ball(sympy.exp(flow.log_abs_det())).log()


def steepness(flow, points):
    """Return the largest singular value of the Jacobian at some points."""
    return max((singular_values(flow.jacobian(point))[0] for point in points), key=float)


def by_hand(width, second, delta):
    """Return the two couplings of scale delta, the first with a ramp of some width."""
    first = PiecewiseLinear([-width / 2, width / 2], [-1, 1])
    parts = (("second", first), ("first", second))
    return PiecewiseFlow(PiecewiseCoupling((1, 1), moves, t, delta) for moves, t in parts)


used = []
with claims.check("two couplings attain 16a for two points", Evidence.CERTIFIED) as check:
    for width in (Rational(2), Rational(1, 2), Rational(1, 8), Rational(1, 32)):
        delta = Rational(1, 10**6)
        flow = by_hand(width, PiecewiseLinear([-1, 1], [-1, 1]), delta)
        with ctx.workprec(128):
            half = ball(width / 2)
            steps = NormalToAtomsMap.from_ascending_atoms([arb(-1), arb(1)], [1, 1])
            square = 2 * LipschitzRegression(steps, 1 / half).upper_bound_squared_distance()
            eps = upper((1 + arb(2).sqrt()) * ball(delta) + square.sqrt())
        bounds = bound_conditioning(DIAGONAL, eps)
        slope = steepness(flow, [[width / 5, Rational(1, 3)]])
        lipschitz = ball(bounds.lipschitz)
        used.append(("two points", "two layers, by hand", bounds, float(slope), None))
        check.true(
            bool(lipschitz < slope) and bool(slope < lipschitz * Rational(1001, 1000)),
            f"eps = {format_down(eps, 4)}: |J| <= {format_up(upper(slope), 6)}, bound "
            f"{format_down(bounds.lipschitz, 6)}",
        )

# %% [markdown]
# With plateaus instead, $t_2 = \pm 1$ beyond $\pm \frac12$, and steep ramps, $\varepsilon$ is not
# much larger than $\sqrt 2 \delta$, by the bound of `exactflow.laws.universal.approximation`. So
# *two couplings attain 16b for atoms up to their entropy*, here $\log 2$.

# %%
with claims.check(
    "two couplings attain 16b for two points, up to log 2", Evidence.CERTIFIED
) as check:
    for delta in (Rational(1, 20), Rational(1, 100)):
        width = Rational(1, 10**30)
        flow = by_hand(width, PiecewiseLinear(["-1/2", "1/2"], [-1, 1]), delta)
        with ctx.workprec(128):
            mass = 2 * normal_cdf(-1 / (2 * ball(delta)))  # beyond the plateaus
            ends = ball(width).sqrt() + mass.sqrt()
            eps = upper(arb(2).sqrt() * ball(delta) + arb(8).sqrt() * ends)
            gap = (
                ball(bound_conditioning(DIAGONAL, eps).mean_log_det) - log_det(flow) - arb(2).log()
            )
            check.true(
                0 < gap < arb("0.001"),
                f"delta = {delta}: at most log 2 + {format_up(upper(gap), 2)}",
            )

# %% [markdown]
# For the flows of `approximate` we compute the largest singular value of $J$ on their ramps, where
# it is a rational matrix, and the volume, which is constant. For two layers the order $D^3 /
# \varepsilon^2$ of the Lipschitz constant is that of the lower bound, up to a constant factor.

# %%
AIMS = {
    "two points": (DIAGONAL, [Rational(1, 2**k) for k in range(1, 7 if options.full else 6)]),
    "corners": (EXACTLY["the corners of a square"], [Rational(1, 4), Rational(1, 16)]),
    "a circle": (Ring(1, 1), [Rational(1, 4), Rational(1, 16)][: 2 if options.full else 1]),
    "checkerboard": (checkerboard(), [Rational(1, 2)]),
}
with claims.check("flows of approximate satisfy both bounds", Evidence.CERTIFIED) as check:
    for name, (target, epsilons) in AIMS.items():
        for eps in epsilons:
            bounds = bounded.get((name, eps)) or bound_conditioning(target, eps)
            for count in (2, 3):
                found = approximate(target, eps, layers=count)
                slope = steepness(found.flow, worst_points(found))
                volume = log_det(found.flow)
                used.append((name, f"{count} layers", bounds, float(slope), float(volume)))
                check.true(
                    bool(slope > ball(bounds.lipschitz))
                    and bool(volume < ball(bounds.mean_log_det)),
                    f"{name}, eps = {eps}, {count} layers: |J| >= {format_down(lower(slope), 4)}, "
                    f"bound {format_down(bounds.lipschitz, 4)}; log|det J| <= "
                    f"{format_up(upper(volume), 4)}, bound "
                    f"{format_up(bounds.mean_log_det, 4)}",
                )

# %% [markdown]
# `whiten` rounds two layers to floats, which generate $N(0, F F^T)$; by Powers and Stormer $W_2^2
# \le d^{3/2} \max |F F^T - \Sigma|$. Their volume agrees with the upper bound up to the last
# digits.

# %%
with claims.check("two layers that generate a Gaussian attain 16b", Evidence.CERTIFIED) as check:
    for d in (2, 4, 8):
        B = np.random.default_rng(d).standard_normal((d, d))
        result = whiten(B @ B.T)
        with ctx.workprec(128):
            eps = upper((arb(d) ** 1.5 * ball(result.generator_error)).sqrt())
        bounds = bound_conditioning(Gaussian(B @ B.T), eps)
        with ctx.workprec(128):
            volume, upper_bound = log_det(result.rounded_generator), ball(bounds.mean_log_det)
            check.true(
                bool(volume <= upper_bound) and bool(upper_bound < volume + arb("0.00001")),
                f"d = {d}, eps = {format_down(eps, 2)}: log|det F| >= "
                f"{format_down(lower(volume), 8)}, bound {format_up(bounds.mean_log_det, 8)}",
            )

# %% [markdown]
# ## Lower and upper bounds of the depth
# We compare the number of additive layers with condition numbers at most $\kappa$ that are
# necessary with the number that `approximate_well` uses, whose certified bound is at most the same
# $\varepsilon$.

# %%
with claims.check("numbers of layers: lower bound and number used", Evidence.CERTIFIED) as check:
    for name, target in [*ABOUT.items()][: 2 if options.full else 1]:
        for eps in (Rational(1, 5), Rational(1, 10))[: 2 if options.full else 1]:
            bounds = bound_conditioning(target, eps)
            for condition in (20, 5, 2):
                well = approximate_well(target, condition=condition, eps=eps)
                least = bounds.lower_bound_depth(condition)
                check.true(
                    least <= len(well.flow),
                    f"{name}, eps = {eps}, condition {condition}: at least {least} layers, as "
                    f"Lambda >= {format_down(bounds.lipschitz)}; {len(well.flow)} used",
                )


# %% [markdown]
# ## Picture


# %%
def draw(pyplot, path) -> None:
    """Draw Lipschitz constants and volumes of flows, and the bounds, for two points."""
    figure, axes = pyplot.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    rows = [row for row in used if row[0] == "two points"]
    ways = dict.fromkeys(row[1] for row in rows)
    colours = ["#009E73", "#0072B2", "#D55E00"]
    for k, ax in enumerate(axes):
        for way, marker, colour in zip(ways, "os^", colours, strict=False):
            points = [(float(r[2].eps), r[3 + k]) for r in rows if r[1] == way and r[3 + k]]
            if points:
                style = {"color": colour, "marker": marker, "ms": 8, "lw": 2}
                ax.plot(*zip(*points, strict=True), label=way, **style)
        bounds = sorted((r[2] for r in rows), key=lambda found: found.eps)
        values = [float(b.mean_log_det if k else b.lipschitz) for b in bounds]
        ax.plot([float(b.eps) for b in bounds], values, "k--", lw=2, label="bound")
        ax.set_xscale("log")
        ax.minorticks_off()
        ticks = [2.0**-j for j in range(1, 7 if options.full else 6)]
        ax.set_xticks(ticks, labels=[f"1/{1 / tick:.0f}" for tick in ticks])
        ax.invert_xaxis()
        ax.set_xlabel(r"$\varepsilon$, the distance $W_2$", fontsize=16)
        ax.tick_params(labelsize=13)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=14)
    axes[0].set_yscale("log")
    axes[0].set_ylabel("Lipschitz constant", fontsize=16)
    axes[1].set_ylabel(r"$E\,\log|\det J|$", fontsize=16)
    axes[0].set_title("at least this steep", fontsize=16)
    axes[1].set_title("at most this volume", fontsize=16)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("forced_conditioning", draw)
