# %% [markdown]
# # Padding: zeros make three layers suffice, noise repairs orientation, and both have a cost
#
# **Theorem 5** (after Koehler, Mehta, Risteski, ICML 2021). With $n$ zeros appended, every
# invertible $n \times n$ matrix $A$, of either orientation, is represented by three additive
# couplings, and by two only if $A = I$:
#
# $$ \begin{pmatrix} x \\ 0 \end{pmatrix} \to \begin{pmatrix} x \\ A x \end{pmatrix} \to
#    \begin{pmatrix} A x \\ A x \end{pmatrix} \to \begin{pmatrix} A x \\ 0 \end{pmatrix}. $$
#
# With $n$ pads $N(0, I)$ at most six couplings represent $\operatorname{diag}(A, R)$, $R$ a
# reflection if $\det A < 0$, else $I$: the pads stay $N(0, I)$. In the linear model the likelihood
# of zero-padded data has no maximum, and grows as the flow becomes ill-conditioned; that of
# Gaussian-padded data is largest exactly where the model has the covariance of the data.
#
# **Why.** Users pad their data, with zeros or with noise, to give a flow more dimensions. The paper
# reports how padding changes conditioning in training. Padding also repairs orientation, which no
# flow of couplings reverses.
#
# **Proof.** *Zeros.* The three layers are $L(A)$, $U(I - A^{-1})$ and $L(-I)$: $x + (I - A^{-1}) A
# x = A x$, and $A x - A x = 0$. Suppose that two suffice. If the first half moves last, $(x, 0)$
# goes to $(x + X Y x,\, Y x)$: so $Y = 0$, and $x$ stays; if the second half moves last, $x$ stays
# anyway. So $A = I$.
#
# *Noise.* $\operatorname{diag}(A, R)$ has a positive determinant, hence six couplings
# (`six_layers`), and $R N(0, I) = N(0, I)$.
#
# *Likelihood.* A linear flow whose inverse is $W$ gives data of covariance $\Gamma$ the mean
# log-likelihood $-\frac12 \operatorname{tr}(W \Gamma W^\mathsf{T}) + \log|\det W|$ and a constant.
# For $\Gamma = \operatorname{diag}(A A^\mathsf{T}, 0)$ and $W = \operatorname{diag}(A^{-1}, s I)$
# this is a constant plus $n \log s$, which is unbounded, while the condition number of $W$ grows
# like $s$. For $\Gamma = \operatorname{diag}(A A^\mathsf{T}, I)$ let $\lambda_i > 0$ be the
# eigenvalues of $W \Gamma W^\mathsf{T}$: up to a constant it is $\frac12 \sum (\log \lambda_i -
# \lambda_i)$, which is largest if all $\lambda_i = 1$, that is $W \Gamma W^\mathsf{T} = I$.
# $\square$
#
# *For all n*: zero padding. *Exact*: instances, likelihoods. *Certified*: singular values.
# *Numeric*: training.

# %%
import sys
from itertools import pairwise

import numpy as np
import sympy
from sympy import Rational

from exactflow import cayley_rotation, permutation, random_matrix
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.explanation.symbolic_identities import IDENTITIES, Identity
from exactflow.linear.padding import zero_padding

sys.path.extend([f"{sys.path[0]}/..", ".", ".."])  # the folder of proofs/

from proofs.constructions.gaussian_padding import gaussian_padding
from proofs.experiments.likelihood import (
    log_likelihood,
    padded_covariance,
    ray,
    ray_condition_number,
)
from proofs.experiments.padding_study import read, summary
from proofs.experiments.training import AVAILABLE, DATASETS, PADDINGS, train

claims = Claims("padding")
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
    "a rotation of odd dimension": cayley_rotation([[0, 1, "1/2"], [-1, 0, 2], ["-1/2", -2, 0]]),
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
# Two additive layers suffice only if $A = I$: the images of $(x, 0)$ under two layers, in both
# orders, are checked in symbols.

# %%
with claims.check(
    "two additive layers with zero pads give A = I only", Evidence.FOR_ALL_N
) as check:
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
# ## With zero pads the likelihood is unbounded, with Gaussian pads it has a maximum
# The data are $x = A z$, and the model is $\operatorname{diag}(A^{-1}, s I)$, which scales the pads
# by $s$.

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
# Over all linear models the maximum is at $W^\mathsf{T} W = S^{-1}$. For another $W$ let $e$ run
# through the eigenvalues of $S^{1/2} W^\mathsf{T} W S^{1/2}$: the likelihood is smaller by $\sum
# (e - 1 - \log e)/2$, a sum of terms that are zero at $e = 1$ only.

# %%
with claims.check("the maximum is at W^T W = S^-1: each eigenvalue", Evidence.EXACT) as check:
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
# ## The condition number grows with the scale of the pads
# It is enclosed by root isolation. For $A = \operatorname{diag}(2, 1)$ it is $\max(s, 1) / \min(s,
# 1/2)$.

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
# ## Trained flows: zero padding conditions worst, Gaussian padding not better than none
# The paper trains Real NVPs, and observes two things: with zero padding they become
# ill-conditioned, and with Gaussian padding they are *better* conditioned than without. We ran this
# study once and keep its table. It has five data sets, four paddings (none, as many zeros as
# coordinates, as many Gaussians, three times as many Gaussians), ten seeds, 2,000 steps of Adam,
# six layers and batches of 256. It measures the singular values of the Jacobian from data to noise
# at 64 fresh points, and the error of a round trip in float32 at 1,000 points. `python -m
# proofs.experiments.padding_study` computes the table again. All results are *numeric*.

# %%
records = read()
names = ("log_kappa_median", "log_kappa_largest", "sigma_min_median", "round_trip_largest")
for name in names:
    print(f"    {name.replace('_', ' ')}, over seeds: least, quartile, median, quartile, largest")
    for dataset, padding, numbers in summary(records, name):
        print(f"        {dataset:27} {padding:15} {' '.join(f'{x:9.2g}' for x in numbers)}")


def seeds_of(name, dataset, padding):
    """Return one number for each seed."""
    chosen = [r for r in records if (r.dataset, r.padding) == (dataset, padding)]
    return np.array([getattr(r, name) for r in sorted(chosen, key=lambda r: r.seed)])


# %% [markdown]
# **Supported**: zero padding has the largest condition numbers, both by the median and by the
# maximum over the points, for every data set and every seed. Yet the round trip returns $x$ in
# float32, within 3e-5 of the largest coordinate. Samples, which start from noise, are not measured.
#
# **Not supported**: that Gaussian padding conditions better than none. By the median over points it
# is worse for densities in the plane, and about the same for images. Only with three pads per
# coordinate is the *largest* condition number often the smallest of the four. So the observation
# depends on the measure.

# %%
with claims.check("zero pads: larger condition numbers, for every seed", Evidence.NUMERIC) as check:
    for dataset in DATASETS:
        for name in ("log_kappa_median", "log_kappa_largest"):
            zero = float(seeds_of(name, dataset, "zero").min())
            others = max(float(seeds_of(name, dataset, p).max()) for p in PADDINGS if p != "zero")
            check.true(zero > others, f"{dataset}, {name}: {zero:.2f} > {others:.2f}")
with claims.check("zero pads: x comes back within 3e-5 in float32", Evidence.NUMERIC) as check:
    for dataset in DATASETS:
        largest = float(seeds_of("round_trip_largest", dataset, "zero").max())
        check.true(largest < 3e-5, f"{dataset}: {largest:.1e} of the largest coordinate")
with claims.check("Gaussian pads are no better than none, by medians", Evidence.NUMERIC) as check:
    for dataset in DATASETS:
        none, noise = (
            float(np.median(seeds_of("log_kappa_median", dataset, padding)))
            for padding in ("none", "Gaussian")
        )
        check.true(noise > none - 0.1, f"{dataset}: log10(kappa) {noise:.2f} against {none:.2f}")

# %% [markdown]
# ## Zero padding conditions worst already in a short training
# This cell trains on one data set with one seed, for 60 steps (`--full`: 1,000). It needs the extra
# `train`.

# %%
steps = 1000 if options.full else 60
if AVAILABLE:
    with claims.check(
        "zero pads: larger condition numbers in a short training", Evidence.NUMERIC
    ) as check:
        last = {p: train("four Gaussians", p, 0, steps, looks=1)[-1] for p in PADDINGS}
        for padding, record in last.items():
            check.true(
                bool(np.isfinite(record.log_likelihood)),
                f"{padding}: log-likelihood {record.log_likelihood:.2f}, log10(kappa) median "
                f"{record.log_kappa_median:.2f}",
            )
        others = max(r.log_kappa_median for padding, r in last.items() if padding != "zero")
        check.true(last["zero"].log_kappa_median > others, "zero pads: the largest median")
else:
    claims.not_run(
        "zero pads: larger condition numbers in a short training",
        Evidence.NUMERIC,
        "PyTorch and zuko: the extra train",
    )


# %% [markdown]
# ## Picture


# %%
def draw(pyplot, path) -> None:
    """Draw condition numbers, smallest singular values and round trips, a box over the seeds."""
    colours = dict(zip(PADDINGS, ("#0072B2", "#D55E00", "#009E73", "#CC79A7"), strict=True))
    panels = (
        ("log_kappa_median", r"median $\log_{10} \kappa$"),
        ("log_kappa_largest", r"largest $\log_{10} \kappa$"),
        ("round_trip_largest", "largest float32 round trip"),
    )
    figure, axes = pyplot.subplots(1, 3, figsize=(15, 5), layout="constrained")
    for ax, (name, label) in zip(axes, panels, strict=True):
        for k, dataset in enumerate(DATASETS):
            for j, (padding, colour) in enumerate(colours.items()):
                ax.boxplot(
                    seeds_of(name, dataset, padding),
                    positions=[k + 0.2 * (j - 1.5)],
                    widths=0.16,
                    patch_artist=True,
                    boxprops={"facecolor": colour, "alpha": 0.8},
                    medianprops={"color": "black"},
                    flierprops={"markersize": 3},
                )
        ax.set_xticks(
            range(len(DATASETS)),
            [d.replace(" in ", "\nin ").replace("r G", "r\nG") for d in DATASETS],
        )
        ax.set_ylabel(label, fontsize=14)
        ax.grid(alpha=0.3, axis="y")
    axes[2].set_yscale("log")
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=c, label=p) for p, c in colours.items()]
    figure.legend(handles=handles, title="padding", loc="outside upper center", ncols=4)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("padding", draw)
