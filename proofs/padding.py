# %% [markdown]
# # Padding: three layers with zeros, orientation with noise, and the price in conditioning
#
# **Theorem.** With $n$ zeros appended, every invertible $n \times n$ matrix $A$, of either
# orientation, acts in three additive couplings:
#
# $$ \begin{pmatrix} x \\ 0 \end{pmatrix} \to \begin{pmatrix} x \\ A x \end{pmatrix} \to
#    \begin{pmatrix} A x \\ A x \end{pmatrix} \to \begin{pmatrix} A x \\ 0 \end{pmatrix}. $$
#
# With $n$ pads $N(0, I)$ at most six couplings represent $\operatorname{diag}(A, R)$, $R$ a
# reflection if $\det A < 0$: the pads stay $N(0, I)$. But the likelihood of zero-padded data has no
# maximum: it grows as the flow becomes ill-conditioned, which the experiments of Koehler, Mehta and
# Risteski (ICML 2021) showed in training.

# %%
import sys
from itertools import pairwise

import numpy as np
import sympy
from sympy import Rational

from exactflow import permutation, random_matrix, rotation
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.identities import IDENTITIES, Identity
from exactflow.padding import gaussian_padding, zero_padding

sys.path.extend([".", "..", f"{sys.path[0]}/.."])  # the folder of proofs/

from proofs.experiments.likelihood import (
    log_likelihood,
    padded_covariance,
    ray,
    ray_condition_number,
)
from proofs.experiments.training import AVAILABLE, DATASETS, PADDINGS, train

claims = Claims("Padding (ICML 2021)")
options = proof_options()

# %% [markdown]
# ## Zero padding in three layers

# %%
with claims.check("L(-I) U(I - A^-1) L(A) maps (x, 0) to (A x, 0)", Evidence.FOR_ALL_N) as check:
    proof = IDENTITIES["zero padding"].prove()
    check.true(proof.words > 0, str(proof))

# %%
matrices = {
    "a random matrix": random_matrix(4, seed=2),
    "negative determinant": sympy.diag(-1, 1, 1),
    "an odd permutation": permutation([1, 0, 2, 3, 4]),
    "a rotation of odd dimension": rotation([[0, 1, "1/2"], [-1, 0, 2], ["-1/2", -2, 0]]),
    "the identity": sympy.eye(2),
    "one dimension, negative": sympy.Matrix([[Rational(-7, 3)]]),
}
with claims.check("zero padding: three additive layers", Evidence.EXACT) as check:
    for name, A in matrices.items():
        flow, n = zero_padding(A), A.rows
        image = flow.matrix() * sympy.Matrix.vstack(sympy.eye(n), sympy.zeros(n))
        check.equal(image, sympy.Matrix.vstack(A, sympy.zeros(n)), name)
        check.true(flow.depth == 3 and all(layer.is_additive for layer in flow), "additive")

# %% [markdown]
# Two additive layers do for $A = I$ only. If the first half moves last then $(x, 0)$ goes to
# $(x + X Y x,\, Y x)$, so that $Y = 0$ and $x$ stays; if the second half does, $x$ stays anyway.

# %%
with claims.check("two additive layers: A = I only", Evidence.FOR_ALL_N) as check:
    for image, sides in (
        ("(x + X Y x, Y x)", "U(X) L(Y) diag(1, 0) = blocks(1 + X Y, 0, Y, 0)"),
        ("(x, Y x)", "L(Y) U(X) diag(1, 0) = blocks(1, 0, Y, 0)"),
    ):
        proof = Identity(f"(x, 0) -> {image}", image, "expansion", sides).prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## Gaussian padding repairs orientation

# %%
with claims.check("Gaussian padding: diag(A, R) in at most six layers", Evidence.EXACT) as check:
    for name, A in matrices.items():
        flow, n = gaussian_padding(A), A.rows
        M = flow.matrix()
        check.equal(M[:n, :], A.row_join(sympy.zeros(n)), f"{name}: {flow.depth} layers")
        check.equal(M[n:, n:] * M[n:, n:].T, sympy.eye(n), "pads stay N(0, I)")
        check.true(flow.depth <= 6 and flow.flips == () and bool(M.det() > 0), "no flip")

# %% [markdown]
# ## The likelihood along a ray
# Data $x = A z$, the model $\operatorname{diag}(A^{-1}, s I)$ with the pads scaled by $s$.

# %%
s = sympy.Symbol("s", positive=True)
with claims.check("zero pads: unbounded; Gaussian pads: maximum at s = 1", Evidence.EXACT) as check:
    for name in ("a random matrix", "an odd permutation", "one dimension, negative"):
        A = matrices[name]
        n = A.rows
        zero, noise = (
            log_likelihood(ray(A, s), padded_covariance(A, pads)) for pads in ("zero", "gaussian")
        )
        check.equal(
            sympy.simplify(zero - zero.subs(s, 1) - n * sympy.log(s)), 0, f"{name}: n log s"
        )
        check.equal(sympy.limit(zero, s, sympy.oo), sympy.oo, "zero pads: no upper bound")
        check.equal(
            sympy.solve(sympy.diff(noise, s), s), [1], "Gaussian pads: stationary at 1 only"
        )
        check.equal(sympy.diff(noise, s, 2).subs(s, 1), -2 * n, "a maximum, as -n/s^2 - n < 0")

# %% [markdown]
# The maximum over all linear models: with $e$ the eigenvalues of $S^{1/2} W^\mathsf{T} W S^{1/2}$,
# the likelihood falls short of that of $W^\mathsf{T} W = S^{-1}$ by $\sum (e - 1 - \log e)/2$, zero
# at $e = 1$ only.

# %%
with claims.check("the maximum is at W^T W = S^-1, for every dimension", Evidence.EXACT) as check:
    e = sympy.Symbol("e", positive=True)
    short = (e - 1 - sympy.log(e)) / 2
    check.equal(short.subs(e, 1), 0, "no shortfall at e = 1")
    check.equal(sympy.solve(sympy.diff(short, e), e), [1], "stationary at e = 1 only")
    check.equal(sympy.diff(short, e, 2), 1 / (2 * e**2), "convex")
    A = matrices["a random matrix"]
    W = random_matrix(4, seed=9)
    gap = log_likelihood(A.inv(), A * A.T) - log_likelihood(W, A * A.T)
    P = A.T * W.T * W * A
    expected = (P.trace() - 4 - sympy.log(P.det())) / 2
    check.equal(sympy.simplify(sympy.expand_log(gap - expected, force=True)), 0, "an instance")

# %% [markdown]
# ## Condition numbers along the ray
# Enclosed by root isolation; for $A = \operatorname{diag}(2, 1)$ they are
# $\max(s, 1) / \min(s, 1/2)$.

# %%
scales = [Rational(10) ** k for k in range(-2, 7)]
with claims.check("condition numbers along the ray", Evidence.CERTIFIED) as check:
    for scale in scales:
        kappa = ray_condition_number([[2, 0], [0, 1]], scale)
        expected = max(scale, 1) / min(scale, Rational(1, 2))
        check.true(bool(kappa.contains(int(expected))), f"s = {scale}: {expected}")
    generic = [ray_condition_number(matrices["a random matrix"], scale) for scale in scales]
    increasing = all(bool(a < b) for a, b in pairwise(generic[3:]))
    check.true(increasing, "a random matrix: increasing without bound")

# %% [markdown]
# ## The experiment, in small
# A Real NVP trained by maximum likelihood (*numeric*; needs the extra `train`). By default a smoke
# run; `--full` takes some minutes: two densities, three paddings, three seeds.

# %%
seeds, steps, looks = (range(3), 1000, 10) if options.full else (range(1), 60, 6)
trained = f"Real NVP trained for {steps} steps"
ordered = "median condition number: zero padding above the others, every seed"
records = []
if AVAILABLE:
    with claims.check(trained, Evidence.NUMERIC) as check:
        for dataset in DATASETS if options.full else list(DATASETS)[:1]:
            for padding in PADDINGS:
                runs = [train(dataset, padding, seed, steps, looks) for seed in seeds]
                records += [record for run in runs for record in run]
                last = [run[-1] for run in runs]
                shown = [
                    " ".join(f"{getattr(record, name):.2f}" for record in last)
                    for name in ("log_likelihood", "log_kappa_median", "log_kappa_largest")
                ]
                check.true(
                    all(bool(np.isfinite(record.log_likelihood)) for record in last),
                    f"{dataset}, {padding}: log-likelihood {shown[0]}; log10(kappa) median "
                    f"{shown[1]}, largest {shown[2]}",
                )
    with claims.check(ordered, Evidence.NUMERIC) as check:
        for dataset in dict.fromkeys(record.dataset for record in records):
            final = [r for r in records if (r.dataset, r.step) == (dataset, steps)]
            zero = min(r.log_kappa_median for r in final if r.padding == "zero")
            others = max(r.log_kappa_median for r in final if r.padding != "zero")
            check.true(zero > others, f"{dataset}: {zero:.2f} > {others:.2f}")
else:
    for claim in (trained, ordered):
        claims.not_run(claim, Evidence.NUMERIC, "PyTorch and zuko: the extra exactflow[train]")


# %% [markdown]
# ## Picture


# %%
def draw(pyplot, path) -> None:
    """Draw log-likelihood and condition number over training, with a band over the seeds."""
    styles = {"none": ("#0072B2", "-"), "zero": ("#D55E00", "--"), "Gaussian": ("#009E73", ":")}
    shown = list(dict.fromkeys(record.dataset for record in records))
    figure, axes = pyplot.subplots(
        2, len(shown), figsize=(6 * len(shown), 8), squeeze=False, layout="constrained"
    )
    for column, dataset in zip(axes.T, shown, strict=True):
        for padding, (colour, line) in styles.items():
            chosen = [r for r in records if (r.dataset, r.padding) == (dataset, padding)]
            times = sorted({r.step for r in chosen})
            for ax, quantity in zip(column, ("log_likelihood", "log_kappa_median"), strict=True):
                values = [[getattr(r, quantity) for r in chosen if r.step == t] for t in times]
                ax.plot(times, np.mean(values, axis=1), line, color=colour, lw=2.5, label=padding)
                band = np.min(values, axis=1), np.max(values, axis=1)
                ax.fill_between(times, *band, color=colour, alpha=0.2, lw=0)
        column[0].set_title(dataset, fontsize=17)
        column[0].set_ylabel("log-likelihood (nats)", fontsize=16)
        column[1].set_ylabel(r"median $\log_{10}\kappa$", fontsize=16)
        for ax in column:
            ax.set_xlabel("training step", fontsize=16)
            ax.tick_params(labelsize=13)
            ax.grid(alpha=0.3)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, labels, title="padding", loc="outside upper center", ncols=3, fontsize=14
    )
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


if records:
    options.picture("padding", draw)
