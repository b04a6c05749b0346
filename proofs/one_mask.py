# %% [markdown]
# # One mask: it does the work of many
#
# **Theorem 17** (to our knowledge new). $N$ affine couplings on $d = 2n$ coordinates, each under a
# mask of its own, moving at most $n$ coordinates and reading at most $n$ others, are at most $2N -
# 1$ couplings under the mask of the *first* one, followed by a signed permutation of determinant 1:
# at most $2N + 4$ couplings in all. Under any other mask they are at most $2N + 1$ and the
# permutation, $2N + 6$ in all. Over every ring this is *formally proved*, and for halves of $p$ and
# $q$ coordinates that differ by 1, too, if each coupling moves at most $p$ and reads at most $q$.
#
# **Why.** A flow is trained with many masks: checkerboards and channels, halves that alternate,
# permutations or 1x1 convolutions between couplings. Does the choice matter for what it can
# represent? For matrices Koehler, Mehta and Risteski (ICML 2021) answer that any partition costs a
# constant number of layers. Here is the answer for whole flows, whatever their networks are.
#
# **Proof.** Keep a book of where each coordinate stands, and with which sign. Say that the last
# coupling moved the first half: write its letter as $U$. The next coupling moves $n$ coordinates,
# $k$ of which stand in the second half. Exchange them with the $k$ in the first half that it keeps:
# with a matrix $E$ of $k$ ones, in different rows and columns,
#
# $$ U(E)\, L(-E^\mathsf{T})\, U(E) $$
#
# exchanges the $k$ pairs, one of each negated. Now the coupling moves the first half: its letter is
# $U$, too. Two couplings of one letter, one after the other, are one coupling, because both keep
# $x_2$: from $x_1 \mapsto S x_1 + T$ and $x_1 \mapsto R x_1 + X$, where $S, T, R, X$ are any
# functions of $x_2$, comes $x_1 \mapsto R S x_1 + (R T + X)$. So both factors $U(E)$ merge, one
# with the coupling before, one with the coupling after, and each new coupling costs two layers,
# $L(-E^\mathsf{T})$ and itself. Signs go into the conditioners: $-x$ moves by $-t$. At the end the
# book holds a signed permutation of determinant 1, which is at most six shears, of either letter
# first (`permutations`), so one of them merges. $\square$
#
# Where consecutive masks agree nothing is added, and where they are complementary one layer is,
# with the other letter. A matrix between couplings takes generically five shears, both ends of
# which merge, and the book may be rewritten there at will: a *Glow of $N$ steps is generically a
# flow of $4N + 1$ couplings under one mask*.
#
# *What does not hold.* A coupling that keeps more than $n$ coordinates, and reads more than $n$ of
# them at once, as $x_0 \mapsto x_0 + x_1 x_2 x_3$ for $d = 4$, cannot be written under one mask.
# Where its shift is a sum of functions of few coordinates, it is as many couplings.

# %%
import random

import sympy

from exactflow import CouplingFlow, LinearCoupling, minimal_depth, random_matrix
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.explanation.symbolic_identities import IDENTITIES
from exactflow.flows.nonlinear import PiecewiseCoupling, PiecewiseFlow
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear
from exactflow.flows.partition import mask_order
from exactflow.linear.masks import merge_masks

options = proof_options()
claims = Claims("one mask")

# %% [markdown]
# ## The identities, for blocks of every size and for all functions

# %%
for name in ("merged couplings", "signed swap", "swap"):
    with claims.check(IDENTITIES[name].statement, Evidence.FOR_ALL_N) as check:
        proof = IDENTITIES[name].prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## Flows with piecewise-linear networks, composed exactly
# Every coupling has a mask, a network and scales of its own. The flow under one mask has the value,
# the inverse and the determinant of the composition, at rational points, with `==`.

# %%
draws = random.Random(0)


def number():
    """Return a small rational number."""
    return sympy.Rational(draws.randint(-6, 6), draws.randint(1, 3))


def coupling(n, mask):
    """Return a coupling with a random network, under a mask."""
    knots = sorted(draws.sample(range(-4, 5), 3))
    network = PiecewiseLinear(knots, [tuple(number() for _ in range(n)) for _ in knots])
    scale = [abs(number()) + 1 for _ in range(n)]
    layer = PiecewiseCoupling((n, n), "second", network, scale, draws.randrange(n))
    return PiecewiseFlow([layer], order=mask_order(mask)[0])


def random_mask(n):
    """Return a mask of n zeros and n ones."""
    return draws.sample([0, 1] * n, 2 * n)


with claims.check("N <= 12, d = 4 .. 16: equal, with 2N + 4 layers", Evidence.EXACT) as check:
    for n in range(2, 9):
        for N in (1, 2, 3, 6, 12):
            flows = [coupling(n, random_mask(n)) for _ in range(N)]
            one, x = merge_masks(flows), [number() for _ in range(2 * n)]
            y = sympy.Matrix(x)
            for flow in flows:
                y = flow.forward(list(y))
            log_det = sum(flow.log_abs_det() for flow in flows)
            check.equal(one.forward(x), y, f"d = {2 * n}, N = {N}: {one.depth} layers")
            check.equal(one.inverse().forward(list(y)), sympy.Matrix(x))
            check.equal(sympy.exp(one.log_abs_det()), sympy.exp(log_det))
            check.true(one.depth <= 2 * N + 4, f"{one.depth} <= 2 * {N} + 4", shown=False)
            other = merge_masks(flows, mask=random_mask(n))
            check.equal(other.forward(x), y)
            check.true(other.depth <= 2 * N + 6, f"{other.depth} <= 2 * {N} + 6", shown=False)

# %% [markdown]
# ## A checkerboard Real NVP
# Masks that are complementary alternate, and cost nothing. Where a checkerboard gives way to
# channels, half of the coordinates change sides.

# %%
checkerboard, channels = [1, 0] * 4, [1] * 4 + [0] * 4
masks = [checkerboard, [1 - b for b in checkerboard]] * 2 + [channels, [1 - b for b in channels]]
real_nvp = [coupling(4, mask) for mask in masks]
one = merge_masks(real_nvp)
with claims.check("a checkerboard Real NVP: six couplings", Evidence.EXACT) as check:
    check.equal(merge_masks(real_nvp[:4]).depth, 4, "four under checkerboards: four layers")
    check.true(one.depth <= 2 * 6 + 4, f"and two under channels: {one.depth} layers in all")
    x = [number() for _ in range(8)]
    y = sympy.Matrix(x)
    for flow in real_nvp:
        y = flow.forward(list(y))
    check.equal(one.forward(x), y)


# %%
def draw(pyplot, path):
    """Draw which coordinates move, layer by layer, before and after."""

    def moving(flow):
        order, p = flow.order or tuple(range(flow.dimension)), flow.partition[0]
        for layer in flow.layers:
            moved = order[:p] if layer.moves == "first" else order[p:]
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
# ## A Glow of N steps: matrix, coupling, matrix, coupling

# %%
with claims.check("N steps of Glow: at most 4N + 1 layers", Evidence.EXACT) as check:
    for n, N in ((1, 3), (2, 1), (2, 4), (3, 2)):
        steps = []
        for k in range(N):
            M = random_matrix(2 * n, bits=6, seed=10 * n + k)
            M[0, :] = M[0, :] / M.det()
            steps += [M, coupling(n, [1] * n + [0] * n)]
        glow, x = merge_masks(steps), [number() for _ in range(2 * n)]
        y = sympy.Matrix(x)
        for step in steps:
            y = step * y if isinstance(step, sympy.MatrixBase) else step.forward(list(y))
        check.equal(glow.forward(x), y, f"d = {2 * n}, N = {N}: {glow.depth} layers")
        check.true(glow.depth <= 4 * N + 1, f"{glow.depth} <= 4 * {N} + 1", shown=False)

# %% [markdown]
# ## Some layers are needed
# $x_2 \mathrel{+}= r x_1$ is *one* coupling under the mask $\{1, 3\}$. Under $\{1, 2\}$ both
# coordinates stand in the first half: $C = 0$, $D = I$, and $A \neq I$, so the equations of up to
# three layers, $X C = A - I$ among them, have no solution. No networks help, which is *formally
# proved*: if the middle one of three layers keeps the first half, the second half has to come back
# as it was, for every value of the first that reaches this layer, and those are all: it is the
# identity, and two layers of one letter make $x_2 \mapsto s x_2 + t$ without $x_1$. If it moves the
# first half, it does the same, by functions of what the layer before it makes of the second half,
# which for every $x_1$ and $x_2$ may be 0. Two layers under the overlapping masks
# $\{1, 2\}$ and $\{1, 3\}$, $x_2 \mathrel{+}= x_3$ and $x_1 \mathrel{+}= x_2$, are likewise no
# two, and no three, under $\{1, 2\}$.

# %%
with claims.check("one or two layers under other masks: not three", Evidence.EXACT) as check:
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
