# %% [markdown]
# # One mask: couplings under one mask replace couplings under many
#
# **Theorem 17** (to our knowledge new). Let $N$ affine couplings on $d = 2n$ coordinates have a
# mask each, and let each move at most $n$ coordinates and read at most $n$ others. Their
# composition equals at most $2N - 1$ couplings under the mask of the *first* one, followed by a
# signed permutation of determinant 1: at most $2N + 4$ couplings in all. Under any other mask it
# equals at most $2N + 1$ couplings and the permutation: $2N + 6$ in all. Over every ring this is
# *formally proved*, and for halves of $p$ and $q$ coordinates that differ by 1, too, if each
# coupling moves at most $p$ and reads at most $q$.
#
# **Why.** A flow is trained with many masks: checkerboards and channels, halves that alternate,
# permutations or 1x1 convolutions between couplings. Does this choice change which maps the flow
# can represent? For matrices Koehler, Mehta and Risteski (ICML 2021) show that any partition costs
# a constant number of layers. Theorem 17 is the answer for whole flows with any networks.
#
# **Proof.** Record the place and the sign of each coordinate. Let the last coupling move the first
# half, and write its letter as $U$. The next coupling moves $n$ coordinates, of which $k$ stand in
# the second half. Exchange these with the $k$ coordinates of the first half that it keeps: for a
# matrix $E$ of $k$ ones, in different rows and columns, the product
#
# $$ U(E)\, L(-E^\mathsf{T})\, U(E) $$
#
# exchanges the $k$ pairs, and negates one coordinate of each. After it the coupling moves the first
# half, so its letter is $U$, too. Two consecutive couplings of one letter merge to one coupling,
# because both keep $x_2$: the maps $x_1 \mapsto S x_1 + T$ and $x_1 \mapsto R x_1 + X$, where $S,
# T, R, X$ are any functions of $x_2$, compose to $x_1 \mapsto R S x_1 + (R T + X)$. So one factor
# $U(E)$ merges with the coupling before, the other with the coupling after, and each new coupling
# costs two layers: $L(-E^\mathsf{T})$ and itself. Signs go into the conditioners: $-x$ moves by
# $-t$. At the end the record is a signed permutation of determinant 1. It is a product of at most
# six shears with either letter first (`permutations`), so one of them merges. $\square$
#
# If two consecutive masks agree, no layer is added; if they are complementary, one layer with the
# other letter is added. A matrix between couplings takes generically five shears. Its first and its
# last shear merge with the neighbours, and the places after it can be chosen. So a *Glow of $N$
# steps is generically a flow of $4N + 1$ couplings under one mask*.
#
# *Limits.* A coupling that reads more than $n$ coordinates at once, such as $x_0 \mapsto x_0 + x_1
# x_2 x_3$ for $d = 4$, cannot be written under one mask. If its shift is a sum of functions of few
# coordinates, it is a composition of as many couplings.

# %%
import random

import sympy

from exactflow import CouplingFlow, LinearCoupling, minimal_depth, random_matrix
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.explanation.symbolic_identities import IDENTITIES
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.partition import mask_order, moved_and_kept
from exactflow.linear.masks import merge_masks

options = proof_options()
claims = Claims("one mask")

# %% [markdown]
# ## The identities hold for blocks of every size and for all functions

# %%
for name in ("merged couplings", "signed swap", "swap"):
    with claims.check(IDENTITIES[name].statement, Evidence.FOR_ALL_N) as check:
        proof = IDENTITIES[name].prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## Flows with piecewise-linear networks are merged exactly
# Every coupling has its own mask, network and scales. At rational points the flow under one mask
# and the composition have equal values, inverses and determinants (`==`).

# %%
draws = random.Random(0)


def number():
    """Return a small rational number."""
    return sympy.Rational(draws.randint(-6, 6), draws.randint(1, 3))


def random_coupling(n, mask):
    """Return a flow of one coupling with a random network, under a mask."""
    knots = sorted(draws.sample(range(-4, 5), 3))
    network = PiecewiseLinear(knots, [tuple(number() for _ in range(n)) for _ in knots])
    scale = [abs(number()) + 1 for _ in range(n)]
    layer = PiecewiseCoupling((n, n), "second", network, scale, draws.randrange(n))
    return PiecewiseFlow([layer], order=mask_order(mask)[0])


def random_mask(n):
    """Return a mask of n zeros and n ones."""
    return draws.sample([0, 1] * n, 2 * n)


def image_of(x, steps):
    """Return the image of a point under flows and matrices, one after the other."""
    y = sympy.Matrix(x)
    for step in steps:
        y = step * y if isinstance(step, sympy.MatrixBase) else step.forward(list(y))
    return y


with claims.check("N <= 12, d = 4 .. 16: equal, with 2N + 4 layers", Evidence.EXACT) as check:
    for n in range(2, 9):
        for N in (1, 2, 3, 6, 12):
            flows = [random_coupling(n, random_mask(n)) for _ in range(N)]
            one, x = merge_masks(flows), [number() for _ in range(2 * n)]
            y = image_of(x, flows)
            log_det = sum(flow.log_abs_det() for flow in flows)
            check.equal(one.forward(x), y, f"d = {2 * n}, N = {N}: {one.depth} layers")
            check.equal(one.inverse().forward(list(y)), sympy.Matrix(x))
            check.equal(sympy.exp(one.log_abs_det()), sympy.exp(log_det))
            check.true(one.depth <= 2 * N + 4, f"{one.depth} <= 2 * {N} + 4", shown=False)
            other = merge_masks(flows, mask=random_mask(n))
            check.equal(other.forward(x), y)
            check.true(other.depth <= 2 * N + 6, f"{other.depth} <= 2 * {N} + 6", shown=False)

# %% [markdown]
# ## A checkerboard Real NVP becomes six couplings
# Complementary masks that alternate cost no extra layer. Where the masks change from checkerboards
# to channels, half of the coordinates change their half.

# %%
checkerboard, channels = [1, 0] * 4, [1] * 4 + [0] * 4
masks = [checkerboard, [1 - b for b in checkerboard]] * 2 + [channels, [1 - b for b in channels]]
real_nvp = [random_coupling(4, mask) for mask in masks]
one = merge_masks(real_nvp)
with claims.check("a checkerboard Real NVP: six couplings", Evidence.EXACT) as check:
    check.equal(merge_masks(real_nvp[:4]).depth, 4, "four under checkerboards: four layers")
    check.true(one.depth <= 2 * 6 + 4, f"and two under channels: {one.depth} layers in all")
    x = [number() for _ in range(8)]
    check.equal(one.forward(x), image_of(x, real_nvp))


# %%
def draw(pyplot, path):
    """Draw which coordinates each layer moves, before and after the merging of masks."""

    def moving(flow):
        for layer in flow.layers:
            moved, _ = moved_and_kept(layer.moves, flow.halves)
            yield [int(i in moved) for i in range(flow.dimension)]

    before = [row for flow in real_nvp for row in moving(flow)]
    figure, axes = pyplot.subplots(1, 2, figsize=(9, 4.5))
    titles = f"{len(before)} couplings, four masks", f"{one.depth} couplings, one mask"
    for axis, rows, title in zip(axes, (before, list(moving(one))), titles, strict=True):
        axis.imshow(rows, cmap="Blues", vmin=-0.3, vmax=1.2, aspect="auto")
        axis.set(title=title, xlabel="coordinate (dark: moves)", ylabel="layer")
        axis.set_xticks(range(8))
        axis.set_yticks(range(len(rows)), range(1, len(rows) + 1))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


options.picture("one_mask", draw)

# %% [markdown]
# ## N steps of Glow become at most 4N + 1 couplings

# %%
with claims.check("N steps of Glow: at most 4N + 1 layers", Evidence.EXACT) as check:
    for n, N in ((1, 3), (2, 1), (2, 4), (3, 2)):
        steps = []
        for k in range(N):
            M = random_matrix(2 * n, bits=6, seed=10 * n + k)
            M[0, :] = M[0, :] / M.det()
            steps += [M, random_coupling(n, [1] * n + [0] * n)]
        glow, x = merge_masks(steps), [number() for _ in range(2 * n)]
        label = f"d = {2 * n}, N = {N}: {glow.depth} layers"
        check.equal(glow.forward(x), image_of(x, steps), label)
        check.true(glow.depth <= 4 * N + 1, f"{glow.depth} <= 4 * {N} + 1", shown=False)

# %% [markdown]
# ## Three layers do not suffice for one coupling under another mask
# The map $x_2 \mathrel{+}= r x_1$ is *one* coupling under the mask $\{1, 3\}$. Under $\{1, 2\}$
# both coordinates belong to the first half: $C = 0$, $D = I$, and $A \neq I$. So the equations of
# up to three layers, among them $X C = A - I$, have no solution. Networks do not help either, which
# is *formally proved*. If the middle one of three layers keeps the first half, then it must not
# change the second half, whatever the first half is. So it is the identity, and the two others, of
# one letter, map $x_2$ to $s x_2 + t$ without $x_1$. If the middle layer moves the first half, it
# maps $x_2$ to $s x_2 + t$, where $s$ and $t$ are functions of the second half after the first
# layer. For all $x_1$ and $x_2$ some second half makes that 0, so that $s$ and $t$ are constants,
# without $x_1$. The two layers $x_2 \mathrel{+}= x_3$ and $x_1 \mathrel{+}= x_2$, under the
# overlapping masks $\{1, 2\}$ and $\{1, 3\}$, are no composition of two or three layers under $\{1,
# 2\}$ either.

# %%
with claims.check("one coupling needs more than three under another mask", Evidence.EXACT) as check:
    for r in (1, -2, sympy.Rational(1, 3)):
        single = LinearCoupling((2, 2), "second", [[r, 0], [0, 0]])
        flow = CouplingFlow([single], order=[0, 2, 1, 3])
        M = sympy.eye(4)
        M[1, 0] = r
        check.equal(flow.matrix(), M)
        answer = minimal_depth(M)
        check.true(answer.lower > 3, f"x2 += {r} x1: {answer.summary}")
    pair = [
        CouplingFlow([LinearCoupling((2, 2), "first", [[0, 0], [1, 0]])]),
        CouplingFlow([LinearCoupling((2, 2), "first", [[1, 0], [0, 0]])], order=[0, 2, 1, 3]),
    ]
    answer = minimal_depth(pair[1].matrix() * pair[0].matrix())
    check.true(answer.lower > 3, f"x2 += x3, then x1 += x2: {answer.summary}")
    check.true(merge_masks(pair).depth <= 8, f"by the theorem: {merge_masks(pair).depth} layers")
