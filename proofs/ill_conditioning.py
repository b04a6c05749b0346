# %% [markdown]
# # What ill-conditioning costs
#
# The three layers that approximate a distribution (Koehler, Mehta, Risteski, ICML 2021)
# have Jacobians of huge condition number. How many digits does it take to invert them? And what do
# the exact factorizations of matrices cost, layer by layer?
#
# Condition numbers are *certified*: the Jacobian at a point is a rational matrix, root isolation
# encloses its singular values. Digits are *numeric*: the precision of mpmath at which
# $f^{-1}(f(z))$ returns $z$ to $10^{-6}$, with one digit less failing.
#
# What depth saves of this is in the script `depth_for_conditioning`.

# %%
import sys

import numpy as np
import sympy
from sympy import Rational

from exactflow import factor, permutation, random_matrix
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.conditioning import condition_number, singular_values
from exactflow.exact.numbers import flint_rational
from exactflow.universal import Atoms, Ring, approximate, uniform

sys.path.extend([".", "..", f"{sys.path[0]}/.."])  # the folder of proofs/

from proofs.experiments.study import fit, linear_study, study, worst_point, write_csv

claims = Claims("Ill-conditioning (ICML 2021)")
options = proof_options()

# %% [markdown]
# ## Singular values, enclosed
# $\prod \sigma_i = |\det J|$ and $\sum \sigma_i^2 = \lVert J \rVert_F^2$.

# %%
with claims.check("enclosures of singular values", Evidence.CERTIFIED) as check:
    found = approximate(Atoms([[0, 0], [1, 1], [2, 0]]), "1/100")
    ramp = found.flow.jacobian(worst_point(found))
    for name, J in {
        "a random 6 x 6 matrix": random_matrix(6, seed=1),
        "the worst ramp": ramp,
    }.items():
        values = singular_values(J, digits=40)
        product, squares = 1, 0
        for value in values:
            product, squares = product * value, squares + value * value
        determinant, norm = abs(J.det()), sum(entry**2 for entry in J)
        check.true(product.contains(flint_rational(determinant)), f"{name}: product |det|")
        check.true(squares.contains(flint_rational(norm)), f"{name}: squares add up to |J|_F^2")
        log_kappa = float(condition_number(J).log().mid()) / np.log(10)
        check.true(values[-1] > 0, f"{name}: condition number 10^{log_kappa:.2f}")

# %% [markdown]
# ## eps, condition number, digits
# Three targets. Along Gaussian draws $J = \operatorname{diag}(\delta, \delta^2)$; at the worst ramp
# its condition number is that times the slopes of all three layers.

# %%
powers = range(16 if options.full else 8)
squares = range(1, 8 if options.full else 5)
studies = {
    "three atoms": study(Atoms([[0, 0], [1, 1], [2, 0]]), [Rational(1, 10**k) for k in powers]),
    "circle": study(Ring(1, 1), [Rational(1, 2**k) for k in powers if k < 10]),
    "unit square": study(uniform([0, 0], [1, 1]), [Rational(1, 2**k) for k in squares]),
}
header = "eps delta tau N bound log10(kappa):draws worst digits:draws worst float64-error"
with claims.check("bounds within eps, digits that suffice", Evidence.NUMERIC) as check:
    for name, records in studies.items():
        print(f"    {name}: {header}")
        for r in records:
            check.true(
                bool(r.bound <= r.eps) and r.digits_draws <= r.digits,
                f"{float(r.eps):.1e} {float(r.delta):.1e} {float(r.tau):.1e} {r.atoms} "
                f"{r.bound:.1e} {r.log_kappa_draws:.2f} {r.log_kappa_worst:.2f} "
                f"{r.digits_draws} {r.digits} {r.float_error:.1e}",
            )

# %%
with claims.check("float64 fails where mpmath does not", Evidence.NUMERIC) as check:
    for name, records in studies.items():
        first, last = records[0], records[-1]
        check.true(first.float_error < 1e-6, f"{name}, eps = {first.eps}: {first.float_error:.1e}")
        failing = [r for r in records if r.float_error > 1e-6]
        check.true(bool(failing), f"{name}: error > 10^-6 from eps = {failing[0].eps} on")
        check.true(last.digits > 16, f"{name}, eps = {last.eps}: {last.digits} digits of mpmath do")

# %% [markdown]
# ## The law
# Digits against $\log_{10} \kappa$, $\kappa = |J|\,|J^{-1}|$ at the worst ramp, fitted target by
# target: a line, of a slope below one. The inverse alone amplifies the rounding of $f(z)$, and so
# against $\log_{10} |J^{-1}|$ the slope is nearer to one.

# %%
laws = {}
with claims.check("digits are linear in log10(kappa)", Evidence.NUMERIC) as check:
    for name, records in studies.items():
        law = laws[name] = fit([r.log_kappa_worst for r in records], [r.digits for r in records])
        check.true(
            law.residual < 1 and 0 < law.slope < 1,
            f"{name}: digits = {law.slope:.3f} log10(kappa) + {law.intercept:.2f}, "
            f"residual {law.residual:.2f}",
        )

# %%
with claims.check(
    "digits are linear in log10 |J^-1|, slope nearer to one", Evidence.NUMERIC
) as check:
    for name, records in studies.items():
        law = fit([r.log_inverse_norm for r in records], [r.digits for r in records])
        check.true(
            law.residual < 1 and 0.7 < law.slope < 1.2,
            f"{name}: digits = {law.slope:.3f} log10 |J^-1| + {law.intercept:.2f}, "
            f"residual {law.residual:.2f}",
        )

# %% [markdown]
# ## Linear flows, layer by layer
# Five layers against six, the transvection route against the commutator route, permutations against
# dense matrices: the condition number and the digits of the whole and of every layer.

# %%
d = 12 if options.full else 8
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
with claims.check("digits to invert linear flows", Evidence.NUMERIC) as check:
    linear = linear_study(flows, draws=2)
    for r in linear:
        layers = ", ".join(
            f"{kappa:.1f}/{digits}"
            for kappa, digits in zip(r.log_kappa_layers, r.digits_layers, strict=True)
        )
        check.true(
            r.digits >= max(r.digits_layers) - 1,  # rounding errors may cancel in the whole flow
            f"{r.name}: {r.depth} layers, log10(kappa) {r.log_kappa:.1f}, {r.digits} digits, "
            f"float64 error {r.float_error:.1e}; layers (log10(kappa)/digits): {layers}",
        )


# %% [markdown]
# ## Pictures and tables


# %%
def draw(pyplot, path) -> None:
    """Draw eps against kappa, and digits against log10 of kappa with the fitted laws."""
    styles = {
        "three atoms": ("#0072B2", "o", "-"),
        "circle": ("#D55E00", "s", "--"),
        "unit square": ("#009E73", "^", ":"),
    }
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(13, 5.5), layout="constrained")
    for name, records in studies.items():
        colour, marker, line = styles[name]
        kappas = [r.log_kappa_worst for r in records]
        options_of_line = {"color": colour, "marker": marker, "ms": 8, "lw": 2}
        left.plot([float(r.eps) for r in records], kappas, ls=line, label=name, **options_of_line)
        right.plot(kappas, [r.digits for r in records], ls="none", **options_of_line)
        law = laws[name]
        ends = np.array([min(kappas), max(kappas)])
        label = f"{name}: slope {law.slope:.2f}"
        right.plot(ends, law.slope * ends + law.intercept, ls=line, lw=2, color=colour, label=label)
    left.set_xscale("log")
    left.invert_xaxis()
    left.set_xlabel(r"$\varepsilon$, the distance $W_2$ asked for", fontsize=16)
    left.set_ylabel(r"$\log_{10}\kappa$ at the worst ramp", fontsize=16)
    right.axhline(15.95, color="0.4", lw=2)
    inside = right.get_yaxis_transform()
    right.text(0.97, 16.5, "float64", transform=inside, ha="right", va="bottom", fontsize=14)
    left.set_title("what accuracy costs, to the least $\\varepsilon$ tried", fontsize=16)
    right.set_title("what conditioning costs, with fitted lines", fontsize=16)
    right.set_xlabel(r"$\log_{10}\kappa$ at the worst ramp", fontsize=16)
    right.set_ylabel("digits to invert the flow", fontsize=16)
    for ax in (left, right):
        ax.tick_params(labelsize=13)
        ax.grid(alpha=0.3)
        ax.legend(fontsize=14)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


if options.plot is not None:
    options.plot.mkdir(parents=True, exist_ok=True)
    for name, records in studies.items():
        write_csv(records, options.plot / f"ill_conditioning_{name.replace(' ', '_')}.csv")
    write_csv(linear, options.plot / "ill_conditioning_linear.csv")
options.picture("ill_conditioning", draw)
