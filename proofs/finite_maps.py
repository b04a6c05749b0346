# %% [markdown]
# # Finite maps: four couplings suffice, three do not
#
# **Theorem 18** (to our knowledge new). Let $X$ be a finite set of points of $F^p \times F^q$,
# where $p, q \geq 1$ and $F$ is $\mathbb{Z}$, $\mathbb{Q}$ or $\mathbb{R}$. Every injective map
# $\pi : X \to F^p \times F^q$ is the restriction of a composition of *four* additive couplings,
# whichever half moves first. Three do not suffice in general, not even with positive scales. The
# least number of additive couplings is decided exactly.
#
# **Why.** The paper asks which *matrices* few couplings represent, permutations of coordinates
# among them. But conditioners need not be linear: which maps of *points* do few couplings
# represent? Integer discrete flows compose additive couplings of integers (Hoogeboom, Peters, van
# den Berg and Welling, NeurIPS 2019, arXiv:1905.07376), and are more flexible than had been claimed
# (van den Berg, Gritsenko, Dehghani, Sønderby and Salimans, *IDF++*, ICLR 2021, arXiv:2006.12459).
# On finite sets four layers represent every injective map.
#
# *Related work.* On bits, where sums are sums mod 2, additive couplings of equal halves are the
# rounds of a Feistel network. Three such rounds with random functions look like a random
# permutation, four also if the inverse can be queried (Luby and Rackoff, SIAM J. Comput. 1988), and
# rounds generate the alternating group (Coppersmith and Grossman, SIAM J. Appl. Math. 1975). Here
# points may move to places outside the finite set, and four rounds make every map. Compositions of
# affine couplings and linear maps approximate every diffeomorphism (Teshima et al., NeurIPS 2020,
# arXiv:2006.11469), in any number. Flows of controlled differential equations interpolate any
# finite number of points: *universal interpolation* (Cuchiero, Larsson and Teichmann, SIAM J. Math.
# Data Sci. 2020, arXiv:1908.07838), with a number of pieces in time that grows with the number of
# points if the width is fixed (Álvarez-López, Slimane and Zuazua, 2024, arXiv:2401.09902). On a
# grid, three rounds of *arbitrary* permutations of each row, each column, each row make every
# permutation of its cells (with Hall's theorem; Alon, Chung and Graham, SIAM J. Discrete Math.
# 1994, for such routing). Our rows are only *shifted*, which costs a fourth round and places
# outside the grid.
#
# **Proof.** Write $x = (x_1, x_2)$, $y = \pi(x)$, and let the second half move first; $e$ is the
# first unit vector of a half. Choose constants $c(x_1)$, one for each value of the first half on
# $X$, such that the points $x_2 + c(x_1) e$ of different $x_1$ differ; these are finitely many
# conditions. Choose $c'(y_2)$ such that $y_1 + c'(y_2) e$ differ for different $y_2$. Put
#
# $$ B = x_2 + c(x_1)\, e, \qquad A = y_1 + c'(y_2)\, e . $$
#
# $B$ determines $x_1$, hence $x_2$, hence the point. $A$ determines $y_2$, hence $y_1$, and hence
# the point, since $\pi$ is injective. So each of the following four maps adds a function of the
# kept half:
#
# $$ x_2 \mapsto B, \qquad x_1 \mapsto A = x_1 + u(B), \qquad B \mapsto y_2 = B + v(A), \qquad
# A \mapsto y_1 = A - c'(y_2)\, e . \qquad \square $$
#
# The functions are prescribed at finitely many places. Between these they may be linear, as ReLU
# networks are, or constant, so that integers are mapped to integers.
#
# **The least number.** Let the second half move first; the other case is the same.
#
# - *One*: $y_1 = x_1$, and $y_2 - x_2$ is a function of $x_1$.
# - *Two*: $y_2 - x_2$ is a function of $x_1$, and $y_1 - x_1$ one of $y_2$.
# - *Three*: $y_2 - x_2 = t(x_1) + v(y_1)$. This is a linear system on a bipartite graph, whose
#   vertices are the values of $x_1$ and those of $y_1$, and whose edges are the points. It has a
#   solution exactly if on every cycle the alternating sum of $y_2 - x_2$ is zero, and then $t$ is
#   unique up to a constant for each component. The middle layer exists exactly if $y_1 - x_1$ is a
#   function of $x_2 + t(x_1)$. Within a component the constant does not matter; constants keep
#   different components apart.
#
# So a pattern of three letters is excluded by a cycle, or by two points and a path between them
# that forces their moved halves to agree after the first layer. $\square$
#
# **Three do not suffice.** On $\{0, 1\}^2$ exchange $(0, 0)$ and $(0, 1)$, and fix the others.
# First $L U L$: both points have $x_1 = y_1 = 0$, and $y_2 - x_2$ is 1 and $-1$. Then $U L U$:
# $y_1 - x_1 = 0 = t(x_2) + v(y_2)$, and the graph is all of $K_{2, 2}$, so $t$ is constant. The
# first layer then translates $x_1$, and after it $y_2 - x_2$ would be a function of $x_1$, which it
# is not, as shown for $L U L$.
#
# With *positive scales* and $q = 1$, $L U L$ maps $x_2$ by an increasing function on the points of
# one $x_1$ and one $y_1$, so it preserves their order. In the same way $U L U$ preserves the order
# of $x_1$ on the points of one $x_2$ and one $y_2$. On $\{0, 1, 2\}^2$ the exchange of $(0, 0)$
# with $(0, 1)$, and of $(1, 2)$ with $(2, 2)$, reverses an order of either kind.

# %%
import itertools
import math
import random
from collections import Counter

import numpy as np
import sympy

from exactflow import interpolate
from exactflow.claims import Claims, Evidence, proof_options

options = proof_options()
claims = Claims("finite maps")
draws = random.Random(0)


def equals(found, points, images):
    """Whether the flow maps the points to the images, and its inverse maps them back."""
    x, y = sympy.Matrix(points).T, sympy.Matrix(images).T
    return found.flow.forward(x) == y and found.flow.backward(y) == x


# %% [markdown]
# ## Four couplings represent every finite map
# The points have small integer coordinates, many of them equal, on halves of several sizes.

# %%
with claims.check("random finite maps: at most four couplings", Evidence.EXACT) as check:
    for p, q, size in ((1, 1, 3), (1, 2, 2), (2, 2, 2), (2, 3, 2), (1, 4, 2)):
        box, depths = [*itertools.product(range(size), repeat=p + q)], Counter()
        for _ in range(25):
            count = draws.randint(1, 8)
            points, images = draws.sample(box, count), draws.sample(box, count)
            found = interpolate(points, images, partition=(p, q))
            check.true(equals(found, points, images), "the images", shown=False)
            check.true(all(x.is_valid() for x in found.obstructions), "obstructions", shown=False)
            depths[found.depth] += 1
        numbers = ", ".join(f"{depths[k]} take {k}" for k in sorted(depths))
        check.true(max(depths) <= 4, f"halves of {p} and {q}: {numbers}")

# %% [markdown]
# ## Least numbers of couplings for permutations of four and of nine points
# Of the 24 permutations of $\{0, 1\}^2$ one takes no coupling, four take three, and nineteen take
# four. Of $\{0, 1, 2\}^2$ nearly all take four.

# %%
square, grid = ([*itertools.product(range(n), repeat=2)] for n in (2, 3))
with claims.check(
    "{0, 1}^2: of 24 maps 1, 4 and 19 need 0, 3 and 4 couplings", Evidence.EXACT
) as check:
    every = [interpolate(square, images) for images in itertools.permutations(square)]
    check.equal(Counter(found.depth for found in every), {0: 1, 3: 4, 4: 19})
    check.true(all(x.is_valid() for found in every for x in found.obstructions), "all obstructions")
with claims.check("{0, 1, 2}^2: nearly all of 200 permutations need four", Evidence.EXACT) as check:
    depths = Counter(interpolate(grid, draws.sample(grid, 9)).depth for _ in range(200))
    check.true(depths[4] >= 190, f"four: {depths[4]} of 200")

# %% [markdown]
# ## Three couplings do not represent every finite map


# %%
def exchange(points, *pairs):
    """Return the images of points under an exchange of some pairs."""
    other = dict(pairs) | {b: a for a, b in pairs}
    return [other.get(x, x) for x in points]


with claims.check(
    "an exchange of two of four points needs four couplings", Evidence.EXACT
) as check:
    found = interpolate(square, exchange(square, ((0, 0), (0, 1))))
    check.equal(found.depth, 4)
    for reason in found.obstructions:
        check.true(reason.is_valid(), str(reason))

with claims.check(
    "a map of nine points needs four even with positive scales", Evidence.EXACT
) as check:
    images = exchange(grid, ((0, 0), (0, 1)), ((1, 2), (2, 2)))
    found = interpolate(grid, images)
    check.equal(found.depth, 4, "additive: four")
    for kept, pattern in ((0, "LUL"), (1, "ULU")):
        reversed_pairs = [
            (x, z)
            for (x, y), (z, w) in itertools.product(zip(grid, images, strict=True), repeat=2)
            if x[kept] == y[kept] == z[kept] == w[kept]
            and (x[1 - kept] - z[1 - kept]) * (y[1 - kept] - w[1 - kept]) < 0
        ]
        check.true(len(reversed_pairs) > 0, f"{pattern} keeps the order of {reversed_pairs[0]}")

# %% [markdown]
# ## Two couplings suffice for points in general position
# All $x_1$ are different, and so are all $y_2$.

# %%
with claims.check("two couplings suffice for 200 Gaussian points", Evidence.EXACT) as check:
    rng = np.random.default_rng(0)
    for d in (2, 3, 6):
        points, images = rng.standard_normal((2, 200, d))
        found = interpolate(points, images)
        check.equal(found.depth, 2, f"d = {d}: {found.summary}")

# %% [markdown]
# ## Four couplings of integers turn a letter into another
# Couplings map the eighteen pixels of an A to the pixels of an E, in any order. Each coupling is a
# shear of the rows or of the columns.

# %%
LETTERS = {
    "A": (".###.", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"),
    "E": ("#####", "#....", "#....", "####.", "#....", "#....", "#####"),
}


def pixels(letter):
    """Return the places of the pixels of a letter."""
    rows = enumerate(reversed(LETTERS[letter]))
    return [(i, j) for j, row in rows for i, pixel in enumerate(row) if pixel == "#"]


letter_a, letter_e = pixels("A"), draws.sample(pixels("E"), 18)
letters = interpolate(letter_a, letter_e, bijective_on_integers=True)
with claims.check("four couplings of integers turn an A into an E", Evidence.EXACT) as check:
    check.true(equals(letters, letter_a, letter_e), letters.summary)
    check.true(all(x.is_valid() for x in letters.obstructions), "none of the shorter patterns")


# %%
def draw(pyplot, path):
    """Draw the points after each coupling, in the colours of where they come from."""
    states = [np.array(letter_a, dtype=float).T]
    for layer in letters:
        states.append(layer.forward(states[-1]))
    x, y = states[0]
    colours = pyplot.get_cmap("hsv")((np.arctan2(y - 3, x - 2) / math.tau) % 1)
    figure, axes = pyplot.subplots(1, 5, figsize=(12, 3), layout="constrained")
    for k, (axis, (x, y)) in enumerate(zip(axes, states, strict=True)):
        axis.scatter(x, y, c=colours, s=22)
        axis.set(title=f"{k}. {letters[k - 1].moves} half moved" if k else "points")
        axis.margins(0.15)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


options.picture("finite_maps", draw)

# %% [markdown]
# ## Four couplings permute the cells of a grid
# Let the grid be $[0, N)^2$, with unit squares as cells. Four shears by integers, constant between
# integers, permute the cells as they permute the corners, and preserve every place within a cell: a
# point at $i + o$ with $0 \leq o < 1$ moves as $i$ does, because shifts are integers. So every
# permutation of the cells of a picture consists of four piecewise constant shears, and translates
# each cell.

# %%
N = 12
cells = [*itertools.product(range(N), repeat=2)]
onto = draws.sample(cells, N * N)
shears = interpolate(cells, onto, bijective_on_integers=True)


def sheared(x):
    """Return the image of a point under the shears, whose shifts are those at the floors."""
    for layer in shears:
        kept = int(layer.moves == "first")
        (shift,) = layer.conditioner(math.floor(x[kept]))
        x = (x[0] + shift, x[1]) if kept else (x[0], x[1] + shift)
    return x


with claims.check(f"{N} x {N} cells, each translated to its image", Evidence.EXACT) as check:
    check.equal(shears.depth, 4)
    for _ in range(3):
        o = tuple(sympy.Rational(draws.randrange(97), 97) for _ in range(2))
        ends = [sheared((i + o[0], j + o[1])) for i, j in cells]
        check.equal(ends, [(i + o[0], j + o[1]) for i, j in onto], f"places {o} within the cells")

# %% [markdown]
# ## The same four couplings are a bijection of all integer points
# They map $\mathbb{Z}^2$ onto itself; in int64 they are computed for entries within a bound that
# excludes overflow.

# %%
with claims.check(
    "the couplings are a bijection of integer points, in int64", Evidence.EXACT
) as check:
    x = rng.integers(-shears.int64_limit, shears.int64_limit, (2, 1000))
    y = shears.forward(x)
    check.equal(y.dtype, np.int64)
    check.true(
        bool((shears.backward(y) == x).all()), f"entries up to {shears.int64_limit} come back"
    )
    near = np.array([*itertools.product(range(-5, 20), repeat=2)]).T
    check.equal(shears.flow.forward(near), sympy.Matrix(shears.forward(near).tolist()))
