# %% [markdown]
# # Universal in KL: four couplings, in likelihood
#
# **Theorem 19** (to our knowledge new). For every distribution $P$ on $\mathbb{R}^{p + q}$ with a
# density, second moments and finite entropy, and every $\varepsilon > 0$, there are **four** affine
# couplings $f$, without pads and under one partition, with
#
# $$ \mathrm{KL}\big(P \,\big|\, f_\# N(0, I)\big) \le \varepsilon. $$
#
# Four *additive* couplings come within every $\varepsilon$ of the least KL of all volume-preserving
# maps, three affine ones within $\frac{1}{2} \log \frac{\pi e}{6} < 0.1766$ nats for each
# coordinate of the half that moves first, and **two** are not universal, not even in total
# variation.
#
# **Why.** Flows are trained by likelihood, and $W_2$, in which two couplings are universal
# (`universal_approximation`), does not see it: for these two layers KL goes to infinity. Draxler,
# Wahl, Schnörr and Köthe (*On the universality of volume-preserving and coupling-based normalizing
# flows*, ICML 2024, arXiv:2402.06578) prove convergence in KL for ever more blocks, with rotations
# between them, and show that flows of constant volume are not universal in KL. Iske and Schoenlieb
# (2026, arXiv:2605.06172) approximate bi-Lipschitz maps in $L^1$. Here the number of layers is
# fixed, the partition, too, the flow is explicit with rational weights, and its KL is certified.
#
# ## Proof
#
# Let $g = f^{-1}$, from data $x = (x_1, x_2)$ to latents. Cut a box into columns of $x_1$, numbered
# $c$, and each column into *tiles*, intervals of $x_2$. Choose disjoint *bands* of $z_2$, numbered
# $j$, give each tile a band, and in that band a *slot*, an interval of $z_1$; slots of one band are
# disjoint. Let $x_1 = s z_1 + t$, $x_2 = u z_2 + v$ take slot and band to the tile. With numbers
# $n_c$ and $m_j$ that are far enough apart, the layers of $g$ are
#
# $$ x_2 \mathrel{+}= n_c, \qquad x_1 \mapsto \frac{x_1 - t}{s} + m_j, \qquad
# x_2 \mapsto \frac{x_2 - n_c - v}{u}, \qquad x_1 \mathrel{-}= m_j. $$
#
# Each reads what it needs off the half that it keeps: the first the column off $x_1$; the second
# the tile off $x_2$, whose high digit is the column; the third the tile off $x_1$, whose high digit
# is the band, where the slot tells the tile; the fourth the band off $x_2$. So a tile goes to its
# slot and band by a *diagonal* map, and there $f_\# N(0, I)$ has the density $\varphi(z) / (s u)$.
# Take bands, and slots in a band, of about the mass of their tiles: then the density is about
# $P(\text{tile}) / \text{area}$, and KL on tiles tends to zero as they shrink. Conditioners are
# continuous, so steps are *ramps*, between tiles and in margins of tiles of width $w$. There scales
# and latents are bounded, and so is $-\log$ of the density, while the mass of margins is
# proportional to $w$: take it last. For halves of more coordinates cells are boxes, $c$ and $j$
# number them, and slots are taken coordinate by coordinate.
#
# *The tails: the order of choices.* Surround a box of half-width $r$ by shells up to the
# half-widths $r^2, r^4, r^8, \dots, R$, which continue its columns and tiles; some of the mass of
# slots and bands is kept for them from the start, and no tile gets less of it than a power of $1 /
# R$. A shell $S$ that begins at $r_S$ loses at most $\int_S p \log p + P(S) \log(\mathrm{area}(S) /
# P(S))$, by Jensen's inequality. As $P(S) \le E |x|^2 / r_S^2$ and $\mathrm{area}(S) \le 4 r_S^4$,
# all shells lose little if $r$ is large, whatever the tiles inside (in the plane; else
# $\mathrm{vol}(S) \le (2 r_S^2)^{p + q}$). So $r$ is chosen first. The tiles inside the box come
# next. They settle the least scales, for no outer tile is narrower or lower. $R$ comes *last*:
# beyond it $-\log q \le C (k R + |x|)^2$, where $C$ depends on the tiles in the box and $k$, the
# number of shells, grows like $\log \log R$. The mean of this beyond $R$ tends to zero along some
# $R \to \infty$: otherwise $R^2 \log R \cdot P(|x| > R)$ stays above a constant, and $E |x|^2 =
# \int 2 R\, P(|x| > R)\, dR$ is infinite. $\blacksquare$
#
# **The terms.** All of them, with their constants, are in the docstring of
# `exactflow.laws.universal.likelihood`; what is evaluated are laws in the plane, and products of
# them, coordinates in pairs. *Proof.* In a tile and off the margins the layers of $g$ meet plateaus
# only: $x_1$ is in column $c$, so $x_2$ becomes $x_2 + n_c$, in the tile's own interval; then $x_1$
# becomes $(x_1 - t) / s + m_j$, in the tile's slot moved by $m_j$, as different tiles of band $j$
# have disjoint slots; then $x_2$ becomes $(x_2 - v) / u$, in band $j$, and $m_j$ is taken away. So
# the density of $f_\# N(0, I)$ is $q = e^{-|z|^2 / 2} / (2 \pi s u)$ there. Everywhere $-\log q =
# |z|^2 / 2 + \log 2 \pi$ plus the logs of two scales, and these are between the least, $s_-$ and
# $u_-$, and the greatest. On ramps $(s, t - s m_j)$ lies between two such pairs, so that the second
# layer takes $x_1$ to a convex combination of the $(x_1 - t) / s + m_j$: inside the hull $|z_1| \le
# Z_1$, likewise $|z_2| \le Z_2$, and beyond it each grows by the distance over $s_-$, or $u_-$, at
# most. In the margins the formula for cells is at least $P \log (2 \pi s_- u_-)$, which is given
# back where it is negative. $\blacksquare$
#
# **When ill-conditioning is allowed.** The Jacobian of the composition is $\mathrm{diag}(s, u)$ on
# all but the ramps: the ratio of local widths of $P$ and $N$. At the median of the mass its
# condition number is between 1.5 and 43 for the laws below. It is above 100 on a quarter of the
# mass of two moons, and on at most a tenth of that of the other laws: on outer tiles, and where
# there is little mass. The rest of the ill-conditioning is in intermediate layers, whose high
# digits cost floats the `digits` of the table, and on ramps, which $P$ hardly meets.
#
# *Certified*: bounds, from both sides. *Exact*: flows, inverses and Jacobians on rational points.
# *Numeric*: samples.

# %%
import sys
import time

import numpy as np
import sympy
from flint import arb, ctx
from sympy import QQ, Rational

from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact.balls import lower, normal_cdf, upper
from exactflow.exact.numbers import format_above, format_below
from exactflow.laws.universal import (
    GaussianMixture,
    Histogram,
    Product,
    approximate,
    checkerboard,
    uniform,
)

sys.path.extend([".", "..", f"{sys.path[0]}/.."])  # the folder of proofs/

from proofs.experiments.densities import banana, draw_and_density, moons, ring
from proofs.experiments.kl_study import read

claims = Claims("universal in kl")
options = proof_options()

# %% [markdown]
# ## A certified bound
# Ten laws; a sample stands for its histogram. *Median* and *worst* are the condition numbers of the
# Jacobian, which is constant on a tile, over tiles by mass, beside the shares of the mass of tiles
# where it is above 10 and above 100; *ramps* is what margins add to KL.

# %%
four = GaussianMixture([[-2, -2], [-2, 2], [2, -2], [2, 2]], "1/2")
empty = Histogram([[1, 0, 2], [0, 0, 0], [3, 0, 1]], ([0, 0], [3, "1/3"]))
laws = {
    "uniform on the unit square": uniform([0, 0], [1, 1]),
    "checkerboard": checkerboard(),
    "ring, 24 x 24 bins": Histogram.of(ring(100_000), bins=24),
    "two moons, 32 x 32 bins": Histogram.of(moons(100_000), bins=32),
    "banana, 24 x 24 bins": Histogram.of(banana(100_000), bins=24),
    "nine bins, some empty": empty,
    "four bumps": four,
    "deviations 1 and 1/1000": GaussianMixture([[0, 0], [1, 1]], [1, "1/1000"]),
    "a bump at 10^6": GaussianMixture([[0, 0], [10**6, 10**6]]),
    "four bumps x nine bins": Product([four, empty]),
}
epsilons = ["1/4", "1/20", "1/100"] if options.full else ["1/4", "1/20"]
found = {}
with claims.check(
    f"four layers: KL <= bound <= eps, {len(laws)} laws", Evidence.CERTIFIED
) as check:
    for name, law in laws.items():
        for eps in epsilons:
            start = time.perf_counter()
            result = found[name, eps] = approximate(law, eps, distance="KL")
            pieces = result.pieces
            check.true(
                bool(result.bound <= Rational(eps)) and result.depth == 4,
                f"{name}: KL <= {format_above(result.bound)} <= {eps}, {pieces.tiles} tiles, "
                f"{pieces.columns} columns, {pieces.bands} bands, ramps "
                f"{format_above(pieces.ramps, 2)}, {pieces.digits} digits, "
                f"{time.perf_counter() - start:.1f} s",
            )


def conditions(result) -> str:
    """Return the median and worst condition number over tiles, by mass, and shares of the mass."""
    rows = sorted(
        (max(s, u) / min(s, u), tile.mass)
        for part in result.parts
        for tile, ((s, _), (u, _)) in zip(part.tiling.tiles, part.tiling.maps, strict=True)
    )
    numbers, masses = zip(*rows, strict=True)
    behind = np.cumsum(masses)
    median = numbers[int(np.searchsorted(behind, behind[-1] / 2))]
    above = {k: sum(m for x, m in rows if x > k) / sum(masses) for k in (10, 100)}
    shares = ", ".join(f"{float(share):.1%} of the mass above {k}" for k, share in above.items())
    at_most = format_above(median), format_above(numbers[-1])
    return f"condition number {at_most[0]} at the median, {at_most[1]} at the worst tile; {shares}"


with claims.check("the Jacobian is diagonal where the data lies", Evidence.EXACT) as check:
    for name in laws:
        result = found[name, epsilons[1]]
        inverse, d = result.flow.inverse(), result.target.dimension
        for k in range(0, min(len(part.tiling.tiles) for part in result.parts), 37):
            x, scales = [], []
            for part in result.parts:
                tile, ((s, _), (u, _)) = part.tiling.tiles[k], part.tiling.maps[k]
                a, b = part.tiling.columns[tile.column]
                x += [QQ.to_sympy((a + 2 * b) / 3), QQ.to_sympy((tile.low + tile.high) / 2)]
                scales += [QQ.to_sympy(1 / s), QQ.to_sympy(1 / u)]
            check.equal(inverse.jacobian(x), sympy.diag(*scales))
            check.equal(result.flow.forward(inverse.forward(x)), sympy.Matrix(x))
        print(f"    {name}: {conditions(result)}")

# %% [markdown]
# ## Against samples
# The mean of $\log p - \log q$ over samples estimates KL.

# %%
count = 2 * 10**5 if options.full else 2 * 10**4
generator = np.random.default_rng(0)
with claims.check(f"{count} samples: KL within the bound", Evidence.NUMERIC) as check:
    for name, law in laws.items():
        for eps in epsilons[1:]:
            x, density = draw_and_density(law, count, generator)
            lost = density - found[name, eps].log_prob(x)
            error, bound = lost.std() / np.sqrt(count), float(found[name, eps].bound)
            check.true(
                bool(lost.mean() <= bound + 4 * error),
                f"{name}, eps = {eps}: {lost.mean():.4f} (error {error:.4f}), bound {bound:.4f}",
            )

# %% [markdown]
# ## Beside trained couplings
# Real NVP of 4, 8 and 16 couplings, trained by Adam on 100,000 points of the same laws: their KL
# from fresh points, a table that `python -m proofs.experiments.kl_study` made. The four couplings
# of the theorem lose less than four that were trained; on the square eight and sixteen that were
# trained lose less than both. Trained flows are smooth, and their layers are tame; those of the
# theorem show what is possible, not what is learned.

# %%
trained = read()
with claims.check("four layers lose less than four that were trained", Evidence.NUMERIC) as check:
    for name in dict.fromkeys(row["law"] for row in trained):
        rows = [row for row in trained if row["law"] == name]
        bound = found[name, "1/20"].bound
        check.true(
            all(bound < Rational(row["kl"]) for row in rows if row["couplings"] == "4"),
            f"{name}: "
            + ", ".join(f"{row['couplings']} couplings {row['kl']}" for row in rows)
            + f"; four of the theorem {format_above(bound)}",
        )

# %% [markdown]
# ## Additive couplings: the least KL of volume-preserving maps
# A volume-preserving $f$ has $\mathrm{KL}(P \,|\, f_\# N) \ge \mathrm{KL}(p^* \,|\, N)$, with $p^*$
# the symmetric decreasing rearrangement of the density: $\log p$ keeps its mean, and of all
# densities whose level sets have these areas $p^*$ has the least $E|z|^2$ (Hardy and Littlewood:
# the disc of area $v$ is where $|z|^2$ is least). Equal cells in the order of their density go to
# cells of the plane in the order of $|z|$, which four additive couplings do, as above with all
# scales one. So in KL additive depth beyond four buys nothing.

# %%
with claims.check("additive: least KL <= KL <= least KL + eps", Evidence.CERTIFIED) as check:
    for name in ("uniform on the unit square", "checkerboard", "two moons, 32 x 32 bins"):
        result = approximate(laws[name], "1/100", distance="KL", scales="additive")
        check.true(
            bool(0 < result.lower_bound < result.bound <= result.lower_bound + Rational(1, 100))
            and all(layer.is_additive for layer in result.flow),
            f"{name}: {format_below(result.lower_bound, 5)} <= least, four layers "
            f"{format_above(result.bound, 5)}",
        )

# %% [markdown]
# ## Three layers lose the shaping of one coordinate
# With one band no label is to be taken away, and the first layer from the latents can be left out:
# $x_2$ in its tile goes to $[-\sqrt 3, \sqrt 3]$, uniformly, and $\mathrm{KL}(U \,|\, N(0, 1)) =
# \frac12 \log \frac{\pi e}{6} < 0.1766$ is lost, no more. With two bands in each tile, as below, it
# is argued that 0.0880 are. Whether three do for every law is open.

# %%
with claims.check("three layers: KL <= 0.1766 + 1/40", Evidence.CERTIFIED) as check:
    names = ("uniform on the unit square", "two moons, 32 x 32 bins", "four bumps")
    for name in names[: 3 if options.full else 2]:
        result = approximate(
            laws[name], Rational(176, 1000) + Rational(1, 40), distance="KL", layers=3
        )
        check.true(
            bool(result.bound <= result.eps) and result.depth == 3,
            f"{name}: {format_above(result.bound)} by three layers, {result.pieces.tiles} tiles",
        )

# %% [markdown]
# ## Two layers are not universal, not even in total variation
# **Theorem 19b.** For $P$ uniform on the unit square every flow $Q = f_\# N(0, I)$ of two couplings
# with measurable conditioners, in either order, has $\mathrm{TV}(P, Q) > 2 \cdot 10^{-8}$. So
# $\mathrm{KL}(P \,|\, Q) \ge 2\, \mathrm{TV}^2$ is bounded below.
#
# *Proof.* By symmetry the layer that meets the latents last moves the first coordinate. Write $b =
# x_2$ and $a = s'(b) x_1 + t'(b)$, which the inverse of that layer makes of $x_1$. Under $P$ the
# pair $(a, b)$ has the law $\mu$ of density $h(b)$ on $\{b \in [0, 1], a \in I_b\}$, $I_b$ an
# interval of length $1 / h(b)$; under $Q$ the law $\nu$ of density $q = \varphi(a) g_a(b)$, $g_a$
# the density of $N(m(a), \sigma(a)^2)$, as the first layer is affine in $b$. Let $\epsilon =
# \mathrm{TV}(P, Q) = \mathrm{TV}(\mu, \nu)$, $\zeta_a(b) = (b - m(a)) / \sigma(a)$, and $\delta,
# \kappa, z_0$ positive numbers, $\delta' = -\log(1 - \delta)$.
#
# 1. Let $G = \{a \in I_b, |q / h - 1| \le \delta\}$. Then $\mu(G^c) \le 2 \epsilon / \delta$, so
#    $\nu(G^c) \le e_1 = \epsilon + 2 \epsilon / \delta$, and on $G$ $|\log q - \log h| \le
#    \delta'$.
# 2. Let $B_a = \{b : (a, b) \notin G\}$, and $M_a$ the set of $b$ for which $|B_a \cap [b - r, b +
#    r]| > 2 r \kappa$ for some $r \le \sigma(a) / 2$. A finite family of intervals has a subfamily
#    of the same union that meets no point more than twice, so $|M_a \cap \{|\zeta| \le z_0\}| \le
#    \frac{2}{\kappa} |B_a \cap \{|\zeta| \le z_0 + \frac12\}|$, and $\nu(b \in M_a, |\zeta| \le
#    z_0) \le \frac{2}{\kappa} e^{(z_0 + 1/2)^2 / 2} e_1$.
# 3. Draw $(a, b)$ from $\mu$, and $a'$ uniformly from $I_b$: $(a', b)$ has the law $\mu$, too. But
#    for a probability $F = 2 \big[\epsilon + \frac{2}{\kappa} e^{(z_0 + 1/2)^2 / 2} e_1 + 2 \Phi(-
#    z_0)\big]$, $b$ is in neither $M_a$ nor $M_{a'}$ and $|\zeta| \le z_0$ for both. Let $\sigma' =
#    \sigma(a') \le \sigma(a)$, the other case being the same, $\rho = \sigma' / \sigma$, $d = (m -
#    m') / \sigma'$, $r = \sigma' / 2$, and $D(v) = \log q(a, b + r v) - \log q(a', b + r v) = D_0 +
#    D_1 v + D_2 v^2$, with $D_2 = (1 - \rho^2) / 8$ and $D_1 = \frac12 [(1 - \rho^2) \zeta' +
#    \rho^2 d]$. Of $v \in [-1, 1]$ at most the length $4 \kappa$ is bad for $a$ or $a'$, and there
#    are good $v$ as near to $0$ as one likes. So $|D| \le 2 \delta'$ at $0$, at some $v_+$ and at
#    some $-v_-$, with $v_\pm \in [1 - 4 \kappa, 1]$ and $v_+ v_- \ge 1 - 4 \kappa$. Divided
#    differences give $|D_2| \le 4 \delta' / (v_+ v_-)$ and $|D_1| \le 2 \delta' (1 + 4 \kappa) / (1
#    - 4 \kappa)$:
#    $$ 1 - \rho^2 \le y = \frac{32 \delta'}{1 - 4 \kappa}, \qquad \rho^2 |d| \le R = 4 \delta'
#    \frac{1 + 4 \kappa}{1 - 4 \kappa} + z_0 y. $$
#    So $\mathrm{KL}(g_{a'} | g_a) \le \frac12 \big[\frac{y^2}{2 (1 - y)} + \frac{R^2}{1 - y}\big]$,
#    and by Pinsker $\mathrm{TV}(g_a, g_{a'}) \le \tau = \frac12 \big[\frac{y^2}{2 (1 - y)} +
#    \frac{R^2}{1 - y}\big]^{1/2}$.
# 4. Draw $b'$ from $g_a$, independently of $a'$. Since $\nu(b \notin [0, 1] \text{ or } a \notin
#    I_b) \le \epsilon$, $P(a' \in I_{b'}) \ge 1 - \tau - F - 2 \epsilon$.
# 5. But $P(a' \in I_{b'}) \le E\, |I_b \cap I_{b'}| / |I_b| \le E \min(1, h(b) / h(b'))$, and but
#    for $2 e_1 + \epsilon$ one has $h(b) / h(b') \le e^{2 \delta'} e^{(\zeta'^2 - \zeta^2) / 2}$
#    with independent normal $\zeta, \zeta'$. As $\zeta'^2 - \zeta^2 = 2 U V$ and $E e^{-|U V|} =
#    2 / \pi$, this is at most $e^{2 \delta'} (\frac12 + \frac1\pi) + 2 e_1 + \epsilon$.
#
# At $\epsilon = 2 \cdot 10^{-8}$ the right side of 5 is below that of 4, and both move apart as
# $\epsilon$ decreases. $\blacksquare$


# %%
def sides(epsilon: str, delta: str, kappa: str, z0: str) -> tuple[arb, arb]:
    """Return enclosures of what step 4 is at least, and step 5 at most."""
    e, delta_, k, z = map(arb, (epsilon, delta, kappa, z0))
    log = -(1 - delta_).log()
    off = e + 2 * e / delta_
    failing = 2 * (e + 2 / k * ((z + arb(1) / 2) ** 2 / 2).exp() * off + 2 * normal_cdf(-z))
    y = 32 * log / (1 - 4 * k)
    R = 4 * log * (1 + 4 * k) / (1 - 4 * k) + z * y
    tau = (y * y / (2 * (1 - y)) + R * R / (1 - y)).sqrt() / 2
    return 1 - tau - failing - 2 * e, (2 * log).exp() * (arb(1) / 2 + 1 / arb.pi()) + 2 * off + e


with (
    claims.check("two layers: TV > 2e-8 on the square", Evidence.CERTIFIED) as check,
    ctx.workprec(96),
):
    for epsilon, numbers in {
        "8e-9": ("8.04e-4", "0.05", "2.2"),
        "2e-8": ("6.94e-4", "0.125", "2.115"),
    }.items():
        at_least, at_most = sides(epsilon, *numbers)
        check.true(
            bool(at_least > at_most),
            f"TV = {epsilon} is impossible: {format_below(lower(at_least), 6)} > "
            f"{format_above(upper(at_most), 6)}",
        )

# %% [markdown]
# The best two layers for the square that we know of have KL 0.0880: $K$ windows of $b$, cells of
# $z_1$ of equal mass, and zones of width $w$ between windows that send $x_1$ to two cells. For $K
# \to \infty$ the loss is $\frac12 \log(2 \pi e V) - w \log 2$, $V = \frac{(1 - w)^3}{12} +
# \frac{w}{4} + \frac{w^3}{12}$, least near $w = 0.2889$ (the limit is argued).

# %%
w = 0.2889
V = (1 - w) ** 3 / 12 + w / 4 + w**3 / 12
print(f"two layers on the square: KL near {np.log(2 * np.pi * np.e * V) / 2 - w * np.log(2):.4f}")

# %% [markdown]
# ## Pictures
# The density of two moons and of its flow; and what the four layers make of a grid of latents.


# %%
def draw(pyplot, path) -> None:
    """Draw the density of a histogram, that of its flow, and a grid of latents through layers."""
    name = "two moons, 32 x 32 bins"
    result, law = found[name, "1/20"], laws[name]
    ends = np.array([[float(x) for x in corner] for pair in law.ends for corner in pair])
    low, high = ends.min(axis=0), ends.max(axis=0)
    places = (np.arange(384) + 0.5) / 384  # on no ramp
    x, y = (a + (b - a) * places for a, b in zip(low, high, strict=True))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    flow = np.exp(result.log_prob(points)).reshape(len(y), len(x))
    target = np.zeros_like(flow)
    for ((a, c), (b, d)), weight in zip(law.ends, law.weights, strict=True):
        rows, columns = (y > float(c)) & (y <= float(d)), (x > float(a)) & (x <= float(b))
        target[np.ix_(rows, columns)] = float(weight / ((b - a) * (d - c)))
    figure, axes = pyplot.subplots(2, 3, figsize=(14, 8.5), layout="constrained")
    top = target.max()
    for ax, values, title in zip(axes[0], (target, flow), (name, "four layers"), strict=False):
        extent = (low[0], high[0], low[1], high[1])
        ax.imshow(values, origin="lower", extent=extent, vmin=0, vmax=top, cmap="cividis")
        ax.set_title(title, fontsize=16)
    generator = np.random.default_rng(4)
    state = draw_and_density(law, 6000, generator)[0].T
    colours = state[1]
    shown = [(state, "data")]
    names = "column marked", "tile to slot, band marked", "tile to band", "band unmarked: N(0, I)"
    for layer, title in zip(result.flow.inverse().layers, names, strict=True):
        state = layer.forward(state)
        shown.append((state, title))
    for ax, (state, title) in zip(axes.flat[2:], shown[1:], strict=True):
        ax.scatter(*state, s=2, c=colours, cmap="viridis", linewidths=0)
        ax.set_title(title, fontsize=16)
        ax.tick_params(labelsize=12)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("universal_in_kl", draw)
