# %% [markdown]
# # Depth lower bound: flows need many layers if each has few parameters
#
# **Theorem 3** (Koehler, Mehta, Risteski, *Representational aspects of depth and conditioning in
# normalizing flows*, ICML 2021: asymptotic; here a finite form). Let $f_\theta$, $\theta \in [-R,
# R]^p$, be maps with $E |f_\theta(z) - f_{\theta'}(z)| \le \mathrm{Lip}\, |\theta -
# \theta'|_\infty$ for $z \sim N(0, I)$. If
#
# $$ \Big\lceil \frac{2 R\, \mathrm{Lip}}{\mathrm{sep} - 2 w} \Big\rceil^{\,p} <
#    \text{number of mixtures that are pairwise } \mathrm{sep} \text{ apart in } W_1, $$
#
# then there is a mixture of $k$ Gaussians in $\mathbb{R}^d$ whose $W_1$ distance from every
# $f_{\theta\#} N(0, I)$ is at least $w$, though a ReLU network with one hidden layer generates it.
# With $l$ layers of $p_1$ parameters, $p = l\, p_1$; so the depth $l$ is bounded below.
#
# **Why.** The paper bounds the depth of general flows with few neurons per layer and bounded
# Lipschitz constants. An asymptotic bound does not say from which size on it holds. Here both sides
# are integers, so the bound on parameters, neurons or layers is an explicit number.
#
# ## Proof
#
# *Counting.* Cut $[-R, R]^p$ into cubes of side at most $(\mathrm{sep} - 2w) / \mathrm{Lip}$: the
# left side is their number. Suppose that every mixture is nearer than $w$ to the image of some
# $f_\theta$. Since there are more mixtures than cubes, the $\theta$ of two mixtures are in one
# cube. The images are at most $\mathrm{sep} - 2w$ apart, so the mixtures are nearer than
# $\mathrm{sep}$: a contradiction.
#
# *Centers.* Take words of $d$ signs, times $\rho / \sqrt d$, at Hamming distances at least
# $\Delta$, so $\delta = 2 \rho \sqrt{\Delta / d}$ apart. In a largest such set every word is nearer
# than $\Delta$ to a word of the set, so it has at least $2^d / \sum_{i < \Delta} \binom d i$ words
# (Gilbert and Varshamov); let $N$ be this number.
#
# *Mixtures.* Let $\mu_S = \frac1k \sum_{c \in S} N(c, \sigma^2 I)$ for sets $S$ of $k$ centers that
# meet pairwise in at most $m$. In a largest such family each set of $k$ centers meets a member in
# more than $m$, so there are at least $\binom N k \big/ \sum_{j > m} \binom k j \binom{N - k}{k -
# j}$.
#
# *Separation.* A coupling of the uniform measures on two such sets moves at least the mass $1 - m /
# k$ by $\delta$ or more, and the $W_1$ distance of a Gaussian from its center is at most $\sigma
# \sqrt d$. So
#
# $$ W_1(\mu_S, \mu_{S'}) \ge \mathrm{sep} = \Big(1 - \frac m k\Big) \delta - 2 \sigma \sqrt d. $$
#
# *Lipschitz constants.* If each layer is $\Lambda$-Lipschitz in its input and $\lambda$-Lipschitz
# in its parameters, $l$ layers have $\mathrm{Lip} \le \lambda (1 + \Lambda + \dots +
# \Lambda^{l-1})$: change the parameters of the layers one after another.
#
# *The generator.* $g(z_0, z) = c_1 + \sum_i (c_{i+1} - c_i)\, \mathrm{ramp}_i(z_0) + \sigma z$,
# with steep ramps, each a difference of two ReLUs, at rational numbers near the Gaussian quantiles
# of $i / k$. Its distance from $\mu_S$ is bounded by the mass of the ramps and of the errors of the
# quantiles. $\blacksquare$
#
# *Exact*: the counts. *Certified*: square roots and masses, rounded to the safe side. *Numeric*:
# networks drawn at random, and samples.

# %%
import sys
from fractions import Fraction
from itertools import islice, pairwise
from math import comb

import numpy as np

from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact.numbers import format_down, format_up

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.constructions.capacity import AdditiveCouplings, depth_bound, min_parameters
from proofs.constructions.capacity.packings import SubsetFamily, code_size
from proofs.experiments.generator import Generator
from proofs.experiments.packings import greedy_code, greedy_subsets

claims = Claims("depth lower bound")
full = proof_options().full

# %% [markdown]
# ## Packings found by search are at least as large as counted
# The number of mixtures rests on two counts. A search finds maximal codes and families of sets, and
# they have at least the counted size.

# %%
with claims.check("codes with at least the counted number of words", Evidence.EXACT) as check:
    for d in range(2, 10):
        sizes = [(len(list(greedy_code(d, D))), code_size(d, D)) for D in range(1, d + 1)]
        check.true(
            all(found >= bound for found, bound in sizes), f"d = {d}: found, counted {sizes}"
        )

# %%
with claims.check("families of subsets with at least the counted number", Evidence.EXACT) as check:
    for N in range(2, 8):
        sizes = [
            (len(list(greedy_subsets(N, k, m))), SubsetFamily(N, k, m).size)
            for k in range(1, N + 1)
            for m in range(k)
        ]
        check.true(all(found >= bound for found, bound in sizes), f"N = {N}: {len(sizes)} (k, m)")

# %% [markdown]
# ## Both sides of the inequality, written out for small sizes

# %%
with claims.check("both sides written out", Evidence.EXACT) as check:
    for d, k in ((6, 4), (10, 8), (16, 12)):
        bound = min_parameters(d, k, lipschitz=100, radius=1, w="1/10")
        N, base, p = bound.family.N, bound.base, bound.parameters
        excluded = sum(
            comb(k, j) * comb(N - k, k - j) for j in range(max(bound.m + 1, 2 * k - N), k + 1)
        )
        mixtures = -(-comb(N, k) // excluded)
        check.true(
            base ** (p - 1) < mixtures <= base**p,
            f"d = {d}, k = {k}: {base}^{p - 1} < {mixtures} mixtures <= {base}^{p}",
        )

# %% [markdown]
# ## The number of parameters grows like k d
# Let $\mathrm{Lip} = d$, $R = 1$, $w = 1/10$, and let the mixtures have the second moment of $N(0,
# I)$. The least number $p$ of parameters that the theorem does not rule out, divided by $k d$,
# stays between two constants.

# %%
with claims.check("p / (k d) between 1/25 and 1/8", Evidence.CERTIFIED) as check:
    for d in (32, 64, 128, 256, 512, 1024, 2048, 4096):
        row = []
        for k in (10, 100, 1000, 10_000, 100_000):
            bound = min_parameters(d, k, lipschitz=d, radius=1, w="1/10")
            p = bound.parameters
            decided = bound.rules_out(p - 1) and not bound.rules_out(p)
            ratio = Fraction(p, k * d)
            holds = decided and Fraction(1, 25) < ratio < Fraction(1, 8)
            check.true(holds, f"d = {d}, k = {k}: p = {p}", shown=False)
            row.append(f"{p} (>= {format_down(ratio)} k d)")
        print(f"    d = {d}: {', '.join(row)}")

# %% [markdown]
# ## The least depth of layers with given Lipschitz constants
# Each layer has $p_1$ parameters, is 2-Lipschitz in its input and 1-Lipschitz in its parameters.

# %%
with claims.check("least number of layers not ruled out", Evidence.CERTIFIED) as check:
    for d, k in ((64, 100), (64, 10_000), (256, 10_000)):
        for p1 in (d, d * d // 4):
            bound = depth_bound(
                d, k, p1, layer_lipschitz=2, parameter_lipschitz=1, radius=1, w="1/10"
            )
            check.true(
                bound.depth == 1 or bound.ruled_out.rules_out(p1 * (bound.depth - 1)),
                f"d = {d}, k = {k}, {p1} parameters a layer: at least {bound.depth} layers",
            )

# %% [markdown]
# ## The least depth of additive couplings with given numbers of neurons
#
# Here no Lipschitz constant is assumed. In an additive coupling (NICE) $(x_1, x_2) \to (x_1, x_2 +
# t(x_1))$ let $t$ be a ReLU network with layers of $n_0, n_1, \dots, n_{L+1}$ units and all weights
# and biases in $[-R, R]$. This interval *certifies* a Lipschitz constant. A matrix of such entries
# has at most the norm $N_i = R \sqrt{n_i n_{i-1}}$, and ReLU is 1-Lipschitz. So the units of layer
# $i$ are $A_i$-Lipschitz, at most $A_i |x_1| + B_i$ in norm, and differ by at most $e (\alpha_i
# |x_1| + \beta_i)$ if no parameter changes by more than $e$:
#
# $$ A_i = N_i A_{i-1}, \qquad B_i = N_i B_{i-1} + R \sqrt{n_i}, $$
# $$ \alpha_i = N_i \alpha_{i-1} + \sqrt{n_i n_{i-1}}\, A_{i-1}, \qquad
#    \beta_i = N_i \beta_{i-1} + \sqrt{n_i n_{i-1}}\, B_{i-1} + \sqrt{n_i}, $$
#
# from $A_0 = 1$ and $B_0 = \alpha_0 = \beta_0 = 0$. Let $A, B, \alpha, \beta$ be the numbers of the
# last layer. Then a coupling is $\Lambda$-Lipschitz, $\Lambda = (A + \sqrt{A^2 + 4}) / 2$, and
# $X_j = \Lambda X_{j-1} + B$, $X_0 = \sqrt d$, bounds $E |x|$ behind $j$ of them. Changing one
# coupling after the other,
#
# $$ \mathrm{Lip}_j = \Lambda\, \mathrm{Lip}_{j-1} + \alpha X_{j-1} + \beta. $$
#
# Affine couplings with a varying scale have no such constant: their derivative grows with the half
# that moves.
#
# The network that generates the mixtures has more neurons and parameters than the bound requires of
# the flows, and its ramps have weights far beyond $R$. So the theorem separates the two classes by
# *depth*, not by size.

# %%
SHAPES = [(64, 10**4, 4, 4, 1), (256, 10**4, 4, 4, 1), (256, 10**6, 4, 4, 1)]
SHAPES += [(256, 10**6, 16, 4, 1), (1024, 10**6, 8, 4, "1/8")] * full
with claims.check("least number of couplings of h neurons", Evidence.CERTIFIED) as check:
    for d, k, neurons, width, R in SHAPES:
        bound = depth_bound(d, k, neurons=neurons, width=width, radius=R, w="1/10")
        p1, depth = bound.params_per_layer, bound.depth
        size = 2 * (k - 1) * (d + 2) + 5 * d  # the count of Generator.parameters
        check.true(
            bound.ruled_out.rules_out(p1 * (depth - 1)) and p1 * depth < size,
            f"d = {d}, k = {k}, h = {neurons} in layers of {width}, |weights| <= {R}: at least "
            f"{depth} layers, {neurons * depth} neurons, {p1 * depth} parameters; the generator: 1 "
            f"hidden layer, {2 * (k - 1) + 2 * d} neurons, {size} parameters",
        )
with claims.check("144 couplings of four neurons, d = 256, k = 10^6", Evidence.CERTIFIED) as check:
    bound = depth_bound(256, 10**6, neurons=4, width=4, radius=1, w="1/10")
    check.equal(bound.depth, 144, "no fewer than 144")


# %%
def draw(layers, generator):
    """Return weights and biases of one coupling, uniform in the class."""
    R, sizes = float(layers.radius), layers.sizes
    return [generator.uniform(-R, R, (b, a + 1)) for a, b in pairwise(sizes)]


def perturb(parts, step, generator):
    """Return weights that differ by at most `step`, and stay in the class for R = 1/2."""
    return [np.clip(part + generator.uniform(-step, step, part.shape), -0.5, 0.5) for part in parts]


def apply_couplings(flow, x):
    """Apply the couplings to the columns of x; they move the second and the first half in turn."""
    n = len(x) // 2
    for parts in flow:
        kept, h = x[:n], x[:n]
        for k, part in enumerate(parts):
            h = part[:, :-1] @ h + part[:, -1:]
            h = np.maximum(h, 0) if k < len(parts) - 1 else h
        x = np.concatenate([x[n:] + h, kept])
    return x


with claims.check("networks drawn from the class", Evidence.NUMERIC) as check:
    generator = np.random.default_rng(0)
    for hidden in ((3,), (4, 4), (2, 3, 2)):
        layers = AdditiveCouplings(6, hidden, Fraction(1, 2))
        z = generator.standard_normal((6, 20_000))
        for step in (1e-3, 1.0):
            first = [draw(layers, generator) for _ in range(3)]
            second = [perturb(parts, step, generator) for parts in first]
            apart = np.linalg.norm(
                apply_couplings(first, z) - apply_couplings(second, z), axis=0
            ).mean()
            bound = float(layers.lipschitz(3)) * step
            check.true(
                bool(apart <= bound), f"{hidden}, weights moved by {step}: {apart / bound:.1e}"
            )

# %% [markdown]
# ## A network with one hidden layer generates the mixtures
# It has $2(k - 1) + 2d$ hidden units with rational weights. A certified bound of its distance to
# the mixture is subtracted from the $w$ of the theorem; nothing else is.

# %%
with claims.check("generators within the stated W1 of the mixture", Evidence.CERTIFIED) as check:
    for d, Delta, k in ((4, 2, 8), (8, 4, 16), (12, 4, 64)):
        words = list(islice(greedy_code(d, Delta), k))
        centers = tuple(tuple(2 * (word >> i & 1) - 1 for i in range(d)) for word in words)
        g = Generator(centers, Fraction(1, 100), Fraction(1, 10**9))
        distance = g.distance_bound()
        W1, b1, W2, b2 = g.weights()
        used = sum(bool(x) for x in (*b1, *b2, *(x for row in (*W1, *W2) for x in row)))
        label = (
            f"d = {d}, k = {k}: width {g.width}, {g.parameters} parameters, W1 < "
            f"{format_up(distance, 2)}"
        )
        holds = len(words) == k and used <= g.parameters and distance < Fraction(1, 10**6)
        check.true(holds, label)

# %%
with claims.check("samples of the last generator", Evidence.NUMERIC) as check:
    W1, b1, W2, b2 = (np.array(part, dtype=float) for part in g.weights())
    size = 100_000 if full else 10_000
    z = np.random.default_rng(1).standard_normal((size, d + 1))
    x = np.maximum(z @ W1.T + b1, 0) @ W2.T + b2
    distances = np.linalg.norm(x[:, None] - np.array(centers)[None], axis=2)
    share = np.bincount(distances.argmin(axis=1), minlength=k) / size
    deviation = float(np.sqrt((distances.min(axis=1) ** 2).mean() / d))
    check.true(bool(abs(share - 1 / k).max() < 0.01), f"{size} samples: every center near 1/{k}")
    check.true(abs(deviation - 0.01) < 0.001, f"deviation per coordinate {deviation:.4f}")
