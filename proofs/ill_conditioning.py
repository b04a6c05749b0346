# %% [markdown]
# # Ill conditioning: flows that approximate universally are ill-conditioned
#
# **Theorem 4.** The couplings that approximate a distribution (three in Koehler, Mehta, Risteski,
# ICML 2021; two in `universal_approximation`) have a constant determinant, $\delta^d$ for two
# layers, where $\delta \le \varepsilon$. Where they pass from an atom $c_i$ to the next, on a ramp
# of width $\tau$, their Jacobian has somewhere
#
# $$ \sigma_{\max} \ge \frac{|c_{i+1} - c_i|}{\tau} - \delta, \qquad
#    \sigma_{\min} \le \Big(\frac{|\det J|}{\sigma_{\max}}\Big)^{1/(d-1)}. $$
#
# If the law has a gap, $\sigma_{\max} / \sigma_{\min} \to \infty$ as $\varepsilon \to 0$, like
# $\varepsilon^{-6}$ or faster for $d = 2$.
#
# **Why.** The paper proves universality with ill-conditioned flows, and asks about the conditioning
# of flows in practice. Where is the Jacobian ill-conditioned, how many digits does the inverse lose
# there, and how well conditioned are the layers of exact factorizations? (`forced_conditioning`
# shows how much of this is necessary, `depth_for_conditioning` that deep flows avoid it.)
#
# **Proof.** The layers $y_2 = \delta z_2 + t_1(z_1')$, $x_1 = \delta z_1 + t_2(y_2')$ have the
# determinants $\delta^q$ and $\delta^p$. While $z_1'$ crosses ramp $i$, $f(z) - \delta z$ goes from
# $c_i$ to $c_{i+1}$ (for three layers likewise, with $\delta^2$ in the second half): somewhere its
# derivative is $|c_{i+1} - c_i| / \tau$ or more. The $d - 1$ singular values below the largest have
# the product $|\det J| / \sigma_{\max}$, so the least is at most its root. In the bound of $W_2$
# the noise $\delta \sqrt d$ and $P(R_i)^{1/2} |c_{i+1} - c_i|$ stand, $P(R_i)$ the Gaussian mass of
# the ramp: both are at most $\varepsilon$. Across a gap of width $D$ some $|c_{i+1} - c_i| \ge D$,
# so $P(R_i) \le \varepsilon^2 / D^2$, and $\tau$ goes to zero like $\varepsilon^2$. On plateaus
# $J = \delta I$, of condition number 1; three layers have $\operatorname{diag}(\delta, \delta^2)$
# there. $\square$
#
# *Digits.* If $y = f(z)$ is rounded by a relative $u$, then $f^{-1}(y)$ is off by about $|J^{-1}|\,
# |y|\, u$: it loses $\log_{10}(|J^{-1}|\, |y| / |z|)$ digits, at most about $\log_{10} \kappa$.
# We measure how sharp this estimate is.
#
# Singular values are *certified*: the Jacobian at a point is a rational matrix, root isolation
# encloses them. Digits are *numeric*: the precision of mpmath at which $f^{-1}(f(z))$ returns $z$
# to $10^{-6}$, with one digit less failing.

# %%
import sys
from fractions import Fraction
from itertools import pairwise

import numpy as np
import sympy
from flint import arb
from sympy import Rational

from exactflow import factor, permutation, random_matrix
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.exact.balls import upper
from exactflow.exact.numbers import format_down, format_up, to_fmpq
from exactflow.laws.conditioning import singular_values
from exactflow.laws.universal import Atoms, GaussianMixture, Product, approximate, uniform

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.constructions.spheres import Ring
from proofs.constructions.well_conditioned import approximate_well
from proofs.experiments.inversion import fit, linear_study, study, worst_points

claims = Claims("ill conditioning")
options = proof_options()

# %% [markdown]
# ## Singular values are enclosed in balls
# The enclosures contain $\prod \sigma_i = |\det J|$ and $\sum \sigma_i^2 = \lVert J \rVert_F^2$.

# %%
with claims.check("enclosures of singular values hold", Evidence.CERTIFIED) as check:
    for name, J in {
        "a random 6 x 6 matrix": random_matrix(6, seed=1),
        **{
            f"the worst ramp of {layers} layers": found.flow.jacobian(worst_points(found)[0])
            for layers in (2, 3)
            for found in [approximate(Atoms([[0, 0], [1, 1], [2, 0]]), "1/100", layers=layers)]
        },
    }.items():
        values = singular_values(J, digits=40)
        product, squares = 1, 0
        for value in values:
            product, squares = product * value, squares + value * value
        determinant, norm = abs(J.det()), sum(entry**2 for entry in J)
        check.true(product.contains(to_fmpq(determinant)), f"{name}: product |det|")
        check.true(squares.contains(to_fmpq(norm)), f"{name}: squares add up to |J|_F^2")
        power = format_up(upper((values[0] / values[-1]).log() / arb(10).log()), 4)
        check.true(values[-1] > 0, f"{name}: condition number at most 10^{power}")

# %% [markdown]
# ## Two layers are well conditioned on plateaus, and ill-conditioned on ramps
# Nearly all draws lie on plateaus. There two layers have the Jacobian $\delta I$, of condition
# number one, and three layers have $\operatorname{diag}(\delta, \delta^2)$. On the worst ramp,
# between the atoms that are farthest apart, the Lipschitz constant of both is the height of the
# step over its width, and the determinant, $\delta^d$ or $\delta^{3d/2}$, bounds the least singular
# value.
#
# All numbers are $\log_{10}$: the least singular value (studied in the paper), the largest one, and
# their ratio; then the digits.

# %%
powers = range(10 if options.full else 7)
squares = range(1, 7 if options.full else 6)
targets = {
    "three atoms": (
        Atoms([[0, 0], [1, 1], [2, 0]], ["1/2", "1/3", "1/6"]),
        [Rational(1, 10**k) for k in powers],
    ),
    "circle": (Ring(1, 1), [Rational(1, 2**k) for k in powers]),
    "unit square": (uniform([0, 0], [1, 1]), [Rational(1, 2**k) for k in squares]),
}
studies = {
    (name, layers): [study(approximate(target, eps, layers=layers)) for eps in epsilons]
    for name, (target, epsilons) in targets.items()
    for layers in (2, 3)
}


def shown(place) -> str:
    return f"{place.least:.1f} {place.lipschitz:.1f} {place.condition:.1f}, {place.digits} digits"


with claims.check(
    "bounds within eps; digits at draws and at the worst ramp", Evidence.NUMERIC
) as check:
    for (name, layers), records in studies.items():
        for eps, r in zip(targets[name][1], records, strict=True):
            check.true(
                bool(r.bound <= eps) and r.draws.condition < r.ramp.condition,
                f"{name}, {layers} layers, eps {float(eps):.0e}: draws {shown(r.draws)}; ramp "
                f"{shown(r.ramp)}; float64 error {r.float_error:.0e}",
            )

# %%
with claims.check(
    "two layers have condition number 1 on plateaus, three do not", Evidence.CERTIFIED
) as check:
    for name, (target, epsilons) in targets.items():
        for layers in (2, 3):
            found = approximate(target, epsilons[-1], layers=layers)
            parameters = found.parameters
            point = [Rational(1, 3)] * 2
            point[range(2)[parameters.first_layer_moved_and_kept[1]][0]] = Rational(-6)
            J, delta = found.flow.jacobian(point), Rational(str(parameters.delta))
            plateau = sorted((delta, delta if layers == 2 else delta**2))
            check.equal(sorted(J[i, i] for i in range(2)), plateau, f"{name}, {layers} layers")
            check.equal((J[0, 1], J[1, 0]), (0, 0), "diagonal")

# %% [markdown]
# On plateaus two layers lose about $\log_{10} (1 / \delta)$ digits, three layers twice as many.
# Ramps are steep for both.

# %%
with claims.check("two layers lose fewer digits than three", Evidence.NUMERIC) as check:
    for name in targets:
        two, three = studies[name, 2][-1], studies[name, 3][-1]
        check.true(
            two.draws.digits < three.draws.digits and two.ramp.digits <= three.ramp.digits + 1,
            f"{name}: at draws {two.draws.digits} and {three.draws.digits}, at the worst ramp "
            f"{two.ramp.digits} and {three.ramp.digits}",
        )

# %%
with claims.check("float64 fails at small eps, where mpmath does not", Evidence.NUMERIC) as check:
    for (name, layers), records in studies.items():
        failing = [k for k, r in enumerate(records) if r.float_error > 1e-6]
        text = (
            f"{name}, {layers} layers: error > 10^-6 from eps = {targets[name][1][failing[0]]} on"
        )
        check.true(bool(failing) and failing[0] > 0, text)

# %% [markdown]
# ## Lost digits grow with the condition number
# For each target, a line is fitted to the digits at the worst ramp over $\log_{10} \kappa$, $\kappa
# = |J|\,|J^{-1}|$. Its slope is below one. Only the inverse amplifies the rounding of $f(z)$; so
# over $\log_{10} |J^{-1}|$ the slope is nearer to one.

# %%
laws = {}
with claims.check(
    "lost digits are linear in log10(kappa), and in log10 |J^-1|", Evidence.NUMERIC
) as check:
    for (name, layers), records in studies.items():
        digits = [r.ramp.digits for r in records]
        law = laws[name, layers] = fit([r.ramp.condition for r in records], digits)
        steeper = fit([-r.ramp.least for r in records], digits)
        check.true(
            max(law.residual, steeper.residual) < 3 / 2
            and 0 < law.slope < 1
            and law.slope < steeper.slope < 1.2,
            f"{name}, {layers} layers: digits {law.slope:.2f} log10(kappa) + {law.intercept:.1f}, "
            f"or {steeper.slope:.2f} log10 |J^-1| + {steeper.intercept:.1f}; residuals "
            f"{law.residual:.2f}, {steeper.residual:.2f}",
        )

# %% [markdown]
# ## Two, three and many layers approximate the same law
# The target is a mixture of two normal laws on the line and an independent normal coordinate, as
# `approximate_well` makes it of data and pad. As the certified distance $W_2$ goes to zero, the
# divergence of the law from two or three layers goes to infinity (certified from below), and the
# least singular value to zero. With condition numbers at most 5 hundreds of layers are needed, and
# few digits are lost; the divergence is estimated from draws of the law (numeric).

# %%
LINE = GaussianMixture(["-3/2", "3/2"], "3/5")
PLANE = Product([LINE, GaussianMixture([0])])


def divergence(well) -> float:
    """Return the mean of log p - log q over draws of the law, p that of data and pad, in floats."""
    generator = np.random.default_rng(0)
    centers = generator.choice([-1.5, 1.5], 4000)
    x = np.stack([centers + 0.6 * generator.standard_normal(4000), generator.standard_normal(4000)])
    gaps = [(x[0] - center) ** 2 / 0.72 for center in (-1.5, 1.5)]
    density = np.log((np.exp(-gaps[0]) + np.exp(-gaps[1])) / 1.2) - x[1] ** 2 / 2
    inverse = well.flow.inverse()
    z = inverse.forward(x)
    return float((density + (z * z).sum(axis=0) / 2 - inverse.log_abs_det(x)).mean())


epsilons = [Rational(1, 2**k) for k in range(1, 5 if options.full else 4)]
ways = {
    f"{layers} layers": [study(approximate(PLANE, eps, layers=layers), draws=4) for eps in epsilons]
    for layers in (2, 3)
}
wells = [approximate_well(LINE, condition=5, eps=eps, pad="gaussian") for eps in epsilons]
ways["condition at most 5"] = [study(well, draws=4) for well in wells]
divergences = {name: [r.divergence for r in records] for name, records in ways.items()}
divergences["condition at most 5"] = list(map(divergence, wells))
with claims.check("two and three layers: W2 to 0, KL to infinity", Evidence.CERTIFIED) as check:
    for name in ("2 layers", "3 layers"):
        for eps, r in zip(epsilons, ways[name], strict=True):
            check.true(
                bool(r.bound <= eps),
                f"{name}: W2 <= {format_up(Fraction(r.bound))}, KL >= "
                f"{format_down(Fraction(r.divergence))}, singular values of at most "
                f"10^{format_up(Fraction(r.ramp.least))} and at least "
                f"10^{format_down(Fraction(r.ramp.lipschitz))}",
            )
        growth = min(Fraction(b) / Fraction(a) for a, b in pairwise(divergences[name]))
        times = format_down(growth, 2)
        check.true(growth > 4, f"{name}: KL's bound grows {times} times or more, eps halved")

# %%
with claims.check(
    "lost digits and divergence of well-conditioned layers", Evidence.NUMERIC
) as check:
    for name, records in ways.items():
        print(f"    {name}: {', '.join(str(r.ramp.digits) for r in records)} digits")
    well = "condition at most 5"
    for r, kl in zip(ways[well], divergences[well], strict=True):
        check.true(
            kl < 1 and r.ramp.digits < 9,
            f"{r.depth} layers, W2 <= {r.bound:.3f} (certified), KL about {kl:.2g}, singular "
            f"values from 10^{r.ramp.least:.1f} to 10^{r.ramp.lipschitz:.1f}",
        )

# %% [markdown]
# ## Condition numbers and lost digits of linear flows and of their layers
# We compare five layers with six, the transvection route with the commutator route, and
# permutations with dense matrices.

# %%
d = 10 if options.full else 8
dense, perm = random_matrix(d, bits=3, seed=5), permutation([*range(2, d), 1, 0])
perm = perm if perm.det() > 0 else permutation([1, *range(3, d), 2, 0])
singular = sympy.diag(random_matrix(d // 2, seed=1), random_matrix(d // 2, seed=2))
flows = {
    "dense, transvection route": factor(dense, method="transvection"),
    "dense, commutator route": factor(dense, method="commutator"),
    "block diagonal, transvection route": factor(singular, method="transvection"),
    "block diagonal, commutator route": factor(singular, method="commutator"),
    "permutation, its own route": factor(perm),
    "permutation, commutator route": factor(perm, method="commutator"),
}
with claims.check("digits that the inverses of linear flows lose", Evidence.NUMERIC) as check:
    linear = linear_study(flows, draws=2)
    for r in linear:
        layers = ", ".join(
            f"{kappa:.1f}/{digits}"
            for kappa, digits in zip(r.layer_conditions, r.layer_digits, strict=True)
        )
        check.true(
            r.digits >= max(r.layer_digits) - 1,  # rounding errors may cancel in the whole flow
            f"{r.name}: {r.depth} layers, log10(kappa) {r.condition:.1f}, {r.digits} digits, "
            f"float64 error {r.float_error:.1e}; layers (log10(kappa)/digits): {layers}",
        )


# %% [markdown]
# ## Pictures


# %%
def draw(pyplot, path) -> None:
    """Draw the least singular value, the divergence and digits against the bound of W2."""
    styles = {
        "2 layers": ("#0072B2", "o", "-"),
        "3 layers": ("#D55E00", "s", "--"),
        "condition at most 5": ("#009E73", "^", ":"),
    }
    figure, axes = pyplot.subplots(1, 3, figsize=(16, 5.2), layout="constrained")
    for name, records in ways.items():
        colour, marker, line = styles[name]
        how = {"color": colour, "marker": marker, "ms": 8, "lw": 2, "ls": line, "label": name}
        bounds = [r.bound for r in records]
        axes[0].plot(bounds, [r.ramp.least for r in records], **how)
        axes[1].plot(bounds, np.maximum(divergences[name], 1e-3), **how)
        axes[2].plot(bounds, [r.ramp.digits for r in records], **how)
    axes[0].set_ylabel(r"$\log_{10}$ of the least singular value", fontsize=16)
    axes[1].set_ylabel("KL(law | flow): above, or about", fontsize=16)
    axes[1].set_yscale("log")
    axes[2].set_ylabel("digits to invert the flow", fontsize=16)
    axes[2].axhline(15.95, color="0.4", lw=2)
    inside = axes[2].get_yaxis_transform()
    axes[2].text(0.03, 16.3, "float64", transform=inside, va="bottom", fontsize=14)
    for ax in axes:
        ax.set_xscale("log")
        ax.invert_xaxis()
        ax.minorticks_off()
        ticks = [0.4, 0.2, 0.1, 0.05]
        ax.set_xticks(ticks, labels=map(str, ticks))
        ax.set_xlabel(r"certified bound of $W_2$", fontsize=16)
        ax.tick_params(labelsize=13)
        ax.grid(alpha=0.3)
    axes[0].legend(fontsize=14, loc="center left", bbox_to_anchor=(0, 0.75))
    axes[2].yaxis.get_major_locator().set_params(integer=True)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def draw_law(pyplot, path) -> None:
    """Draw digits against log10 of kappa at the worst ramp, with the fitted laws."""
    colours = {"three atoms": "#0072B2", "circle": "#D55E00", "unit square": "#009E73"}
    figure, ax = pyplot.subplots(figsize=(8, 5.5), layout="constrained")
    for (name, layers), records in studies.items():
        law, kappas = laws[name, layers], [r.ramp.condition for r in records]
        marker, line = ("o", "-") if layers == 2 else ("s", "--")
        label = f"{name}, {layers} layers: slope {law.slope:.2f}"
        how = {"color": colours[name], "marker": marker, "ms": 7}
        ax.plot(kappas, [r.ramp.digits for r in records], ls="none", **how)
        ends = np.array([min(kappas), max(kappas)])
        ax.plot(ends, law.slope * ends + law.intercept, ls=line, lw=2, label=label, **how)
    ax.axhline(15.95, color="0.4", lw=2)
    ax.text(0.97, 16.5, "float64", transform=ax.get_yaxis_transform(), ha="right", fontsize=14)
    ax.set_xlabel(r"$\log_{10}\kappa$ at the worst ramp", fontsize=16)
    ax.set_ylabel("digits to invert the flow", fontsize=16)
    ax.tick_params(labelsize=13)
    ax.grid(alpha=0.3)
    ax.legend(fontsize=12)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("ill_conditioning", draw)
options.picture("ill_conditioning_law", draw_law)
