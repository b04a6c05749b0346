# %% [markdown]
# # Affine depth: with positive scales, four layers suffice on an open set of matrices
#
# Almost every matrix of determinant 1 needs five additive layers (`five_is_generic`). Here the
# layers may have positive scales. Let
#
# $$ M = \begin{pmatrix} A & B \\ C & D \end{pmatrix}, \qquad
#    M^{-1} = \begin{pmatrix} a & b \\ c & d \end{pmatrix}, \qquad \det M > 0, $$
#
# with equal halves of $n$ coordinates. A layer $U$ moves the first half, a layer $L$ the second.
#
# **Theorem 11a** (to our knowledge new) has the following parts.
#
# **Theorem C (three).** $M$ is a product $ULU$ iff some positive diagonal $F$ and $G$ solve
#
# $$ C F + G c = 0, \qquad F A k = k \text{ where } C k = 0, \qquad
#    l D = l G \text{ where } l C = 0. $$
#
# If $C$ is invertible, this holds iff $C$ and $-c$ are positively diagonally equivalent, which is a
# condition of $(n - 1)^2$ equations.
#
# **Theorem D (four).** If, in some orders of the coordinates, the leading principal minors of $D$
# and of $a$ are not zero and have equal signs, then $M$ is a product $ULUL$. So, for every $n$, the
# products of four layers contain an open set; most random matrices lie in it.
#
# **Theorems A and B.** If the principal minors of $D$ and $a$, and those of $A$ and $d$, have
# opposite signs, $M$ needs five layers, and so do all matrices near $M$; if also $B = C = 0$, it
# needs six. The minors may be compared for one size or for several sizes together.
#
# **Why.** The layers of Real NVP and Glow have scales, and counts for shears do not apply to them.
# Koehler, Mehta and Risteski (ICML 2021) ask how many layers a linear map needs, and fit them.
# With scales most matrices need no fifth layer, but some do.
#
# Nearest: matrix scaling for diagonal equivalence; Flanders 1951 for YZ and ZY; for Theorem D the
# multiplicative inverse eigenvalue problem, which asks for a diagonal factor that gives a matrix
# prescribed eigenvalues (Hadeler 1969, de Oliveira 1972, Friedland 1975); Krawczyk 1969 for the
# test; Einsiedler and Tuncel 2001 for the multipliers.
#
# ## Proof
#
# *Scales go to the right.* A coupling is a shear times a positive diagonal, and a positive diagonal
# passes through a shear, which becomes another shear. So $M$ is a product of couplings in a pattern
# of two or more letters iff $M P^{-1}$ is a product of shears in this pattern, for some positive
# diagonal $P = \operatorname{diag}(E, G)$.
# Let $F = E^{-1}$. The blocks of $N = M P^{-1}$ are $A F, B G^{-1}, C F, D G^{-1}$, and those of
# $N^{-1}$ are $E a, E b, G c, G d$.
#
# *Theorem C.* $N = U(X) L(Y) U(Z)$ has the lower left block $Y$, and its inverse $-Y$: this is the
# first equation. The diagonal blocks of $N$ are $I + X Y$ and $I + Y Z$, so they are the identity
# on the right and left kernels of $Y = C F$: these are the other two. Conversely, let the three
# hold; write $A, B, C, D$ and $c, d$ for the blocks of $N$ and $N^{-1}$, so that $c = -C$. The
# kernel conditions give $X$ and $Z$ with $X C = A - I$ and $C Z = D - I$. It remains to solve
# $X + A Z = B$. Let $R = B - X - A Z$. From $c A + d C = 0$ and $c B + d D = I$, that is $C A = d
# C$ and $d D = I + C B$,
#
# $$ C X C + C A Z C = (d C - C) + d (D - I) C = C B C, $$
#
# so $C R C = 0$. With a projection $\pi$ onto $\operatorname{im} C$ replace $X$ by $X + R (I -
# \pi)$ and $Z$ by $Z + R \pi$: as $(I - \pi) C = 0$ and $C R \pi = 0$, the first two equations
# still hold, and $A R \pi = R \pi$, since $A$ is the identity on $\ker C$. Now $X + A Z = B$. If
# $C$ is invertible, there are no kernels, and the first equation is $G^{-1} C F = -c$.
#
# *Theorem D.* $N = U(X) L(Y) U(Z) L(W)$ if $D G^{-1} = I + Y Z$ is invertible and $E a = I + Z Y$
# (`six_layers`, "four shears"). If $D G^{-1}$ and $E a$ have the same simple spectrum, they are
# similar, $D G^{-1} Y = Y E a$, and $Z = Y^{-1} (D G^{-1} - I)$ is a solution. Let $x_i$ be the
# entries of $G^{-1}$, and let them grow apart, $x_1 / x_2, x_2 / x_3, \dots \to \infty$, in the
# order in which $D$ has the leading minors $m_1, \dots, m_n$. The sum of the products of $k$
# eigenvalues is the sum of the principal $k$-minors, whose largest term $m_k x_1 \cdots x_k$
# dominates all others. So the eigenvalues are real and
#
# $$ \lambda_k = \frac{m_k}{m_{k-1}}\, x_k\, (1 + o(1)), $$
#
# uniformly in the gaps, and continuously. Brouwer's theorem (a continuous map of a ball that moves
# each point by less than the radius attains the centre), applied to the logarithms, shows that
# every spectrum with wide gaps and the signs of $m_k / m_{k-1}$ is attained. $E a$ attains it, too,
# if its minors have the same signs. The condition on signs is open. $\blacksquare$
#
# *Theorems A and B* are proved in `six_is_sharp` and `lower_bound_open_set`.
#
# - *For all n*: the equations, in noncommuting symbols.
# - *Quoted*: Brouwer's theorem.
# - *Exact*: decisions on three layers, and obstructions to four and five, each checked again.
# - *Certified*: four layers of instances, enclosed in balls.
# - *Numeric*: the shares of Gaussian matrices to which the theorems apply.

# %%
import random
from collections import Counter
from operator import add

import flint
import numpy as np
import sympy

from exactflow import minimal_depth, permutation, verify
from exactflow.claims import Claims, Evidence, proof_options
from exactflow.explanation.symbolic_identities import Identity
from exactflow.linear.depth.minors import MinorEquations

claims = Claims("affine depth")
options = proof_options()

# %% [markdown]
# ## The equations of the proof hold in noncommuting symbols

# %%
for name, statement, sides in (
    (
        "three layers",
        "U(X) L(Y) U(Z) diag(E, G) has C F = Y",
        "U(X) L(Y) U(Z) diag(E, G) = blocks((1 + X Y) E, (X + Z + X Y Z) G, Y E, (1 + Y Z) G)",
    ),
    (
        "their inverse",
        "and its inverse G c = -Y, so C F + G c = 0",
        "diag(E^-1, G^-1) U(-Z) L(-Y) U(-X) "
        "= blocks(E^-1 (1 + Z Y), -E^-1 (X + Z + Z Y X), -G^-1 Y, G^-1 (1 + Y X))",
    ),
    (
        "sufficiency",
        "C X C + C A Z C = C B C if c = -C",
        "D = d^-1 (1 + C B), d C - C + d (D - 1) C = C B C",
    ),
    (
        "four layers",
        "U L U L has D = I + Y Z, and its inverse a = I + Z Y",
        "diag(0, 1) U(X) L(Y) U(Z) L(W) diag(0, 1) = diag(0, 1 + Y Z), "
        "diag(1, 0) L(-W) U(-Z) L(-Y) U(-X) diag(1, 0) = diag(1 + Z Y, 0)",
    ),
):
    with claims.check(statement, Evidence.FOR_ALL_N) as check:
        proof = Identity(name, statement, "expansion", sides).prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## Three layers are decided exactly
#
# Each equation $p x = q y$ relates two of the $2 n + 1$ positive numbers $F_j$, $G_i$ and 1, the
# vertices of a graph. There is no solution if $p$ and $q$ have different signs on an edge, or if
# the product of the ratios around a cycle is not 1. Otherwise a walk through the graph finds one.

# %%
rng = random.Random(13)


def layer(letter: str, n: int, density: float) -> sympy.Matrix:
    """Draw a layer with positive scales and small integers."""
    T = sympy.Matrix(n, n, lambda i, j: rng.randint(-2, 2) * (rng.random() < density))
    S, one, zero = sympy.diag(*(rng.choice((1, 2, 3)) for _ in range(n))), sympy.eye(n), T * 0
    blocks = [[S, T], [zero, one]] if letter == "U" else [[one, zero], [T, S]]
    return sympy.Matrix(sympy.BlockMatrix(blocks))


with claims.check("products of three layers are recognized as such", Evidence.EXACT) as check:
    for n, density in ((1, 1), (2, 0.4), (2, 1), (3, 0.3), (4, 1)):
        for word in ("ULU", "LUL"):
            M = sympy.prod([layer(letter, n, density) for letter in word], sympy.eye(2 * n))
            answer = minimal_depth(M, scales="positive")
            check.true(answer.upper <= 3, f"n = {n}, {word}: {answer.summary}")
            check.true(all(reason.is_valid() for reason in answer.obstructions), "")
            check.equal(verify(answer.flow, M).flow.depth, answer.upper)

with claims.check("a witness excludes three layers of other matrices", Evidence.EXACT) as check:
    for n, density in ((2, 0.5), (2, 1), (3, 0.5)) + ((4, 1),) * options.full:
        lower = 0
        while lower < 4:
            M = sympy.prod([layer(letter, n, density) for letter in "ULUL"], sympy.eye(2 * n))
            answer = minimal_depth(M, scales="positive")
            lower = answer.lower
        for reason in answer.obstructions:
            check.true(reason.is_valid(), f"n = {n}: {reason}")

# %% [markdown]
# ## Four layers of instances are enclosed in balls
#
# $D G^{-1}$ and $E a$ must have one characteristic polynomial. With $x =
# \operatorname{diag}(G^{-1})$, $y = \operatorname{diag}(E)$, and the principal minors $d_S$ and
# $a_S$ of $D$ and $a$,
#
# $$ \sum_{|S| = k} d_S x^S = \sum_{|S| = k} a_S y^S \quad (k < n), \qquad
#    \det M \, x_1 \cdots x_n = y_1 \cdots y_n. $$
#
# *Instances.* Newton's method, started at $x_i$ with large ratios, finds solutions in float64. We
# fix $n$ of the $2 n$ numbers at rationals; for the others Krawczyk's test in ball arithmetic
# proves that there is a solution nearby. The layers are enclosed in balls, and the product of the
# balls must contain $M$.


# %%
def random_integers(d: int, seed: int) -> sympy.Matrix:
    """Return a matrix of integers from -9 to 9, of positive determinant."""
    entries = np.random.default_rng([d, seed]).integers(-9, 10, (d, d))
    M = sympy.Matrix(entries.tolist())
    return M if M.det() > 0 else sympy.diag(-1, *[1] * (d - 1)) * M


def rotation(d: int, seed: int) -> sympy.Matrix:
    """Return a rational rotation, by Cayley's formula."""
    entries = np.random.default_rng([d, seed, 1]).integers(-3, 4, (d, d))
    S, one = sympy.Matrix((entries - entries.T).tolist()), sympy.eye(d)
    return (one - S) * (one + S).inv()


def near_identity(d: int, seed: int) -> sympy.Matrix:
    """Return the identity plus random multiples of 1/100, at most 9/100, in each entry."""
    entries = np.random.default_rng([d, seed, 2]).integers(-9, 10, (d, d))
    return sympy.eye(d) + sympy.Matrix(entries.tolist()) / 100


FAMILIES = {"integers": random_integers, "rotations": rotation, "near I": near_identity}
SIZES, COUNT = (range(2, 6), 12) if options.full else (range(2, 5), 2)


def encloses(answer, M: sympy.Matrix) -> bool:
    """Whether layers are proved to exist, and the product of their balls contains M."""
    existence, entries = answer.existence, [flint.fmpq(int(x.p), int(x.q)) for x in M]
    d, rows = M.rows, flint.arb_mat(*M.shape, 1).tolist()
    halves = [flint.arb_mat(rows[: d // 2]), flint.arb_mat(rows[d // 2 :])]
    with flint.ctx.workprec(existence.bits):
        for layer in existence.layers:
            i = ("first", "second").index(layer.moves)
            halves[i] = layer.scale * halves[i] + layer.shift * halves[1 - i]
    product = flint.arb_mat([*halves[0].tolist(), *halves[1].tolist()])
    return existence.is_valid() and product.contains(flint.fmpq_mat(*M.shape, entries))


depths: dict[str, list[Counter]] = {}
magnitudes: dict[str, list[list[float]]] = {}
with claims.check(
    "four layers suffice for nearly all random matrices", Evidence.CERTIFIED
) as check:
    for family, make in FAMILIES.items():
        depths[family], magnitudes[family] = [], []
        for n in SIZES:
            counted, sizes = Counter(), []
            for seed in range(COUNT):
                M = make(2 * n, seed)
                answer = minimal_depth(M, scales="positive")
                check.true(
                    all(reason.is_valid() for reason in answer.obstructions), "", shown=False
                )
                if answer.evidence is Evidence.CERTIFIED:
                    check.true(encloses(answer, M), f"{family}, n = {n}, {seed}", shown=False)
                    check.true(bool(answer.error < 2**-20), "", shown=False)
                    sizes.append(answer.existence.largest_absolute_midpoint)
                counted[answer.upper if answer.is_decided else 0] += 1
            depths[family].append(counted)
            magnitudes[family].append(sizes)
    decided = sum(c.total() - c[0] for counts in depths.values() for c in counts)
    four = sum(c[4] for counts in depths.values() for c in counts)
    total = len(FAMILIES) * len(SIZES) * COUNT
    check.true(decided >= 0.95 * total, f"{decided} of {total} decided")
    check.true(four >= 0.9 * total, f"{four} of {total} take four")

# %%
print(
    f"{'depth':12}{'n':>4}" + "".join(f"{k:>6}" for k in (3, 4, 5, 6)) + "   open   largest entry"
)
for family in FAMILIES:
    for n, counted, sizes in zip(SIZES, depths[family], magnitudes[family], strict=True):
        row = "".join(f"{counted[k]:>6}" for k in (3, 4, 5, 6, 0))
        largest = f"{np.median(sizes):>10.1f}" if sizes else "  rational"
        print(f"{family:12}{n:>4}{row}{largest}")

# %% [markdown]
# ## Matrices that need five or six layers
#
# *Theorems A and B.* Call $(D, a)$ *opposed at $k$* if all principal $k$-minors of $D$ are $\ge 0$
# and all of $a$ are $\le 0$, or the reverse, and at least one is not zero. Then no positive scales
# make the two spectra equal. If $(D, a)$ and $(A, d)$ are opposed, five layers are needed; if also
# $B = C = 0$, six.
#
# *Several sizes together.* More generally, let $p_1, \dots, p_n$ be polynomials in $x$ and $y$ such
# that all coefficients of the sum of $p_k$ times the $k$-th equation have one sign. This sum does
# not vanish at positive numbers, so the equations have no solution. An example is
# $\operatorname{diag}(1, -1, -1, 1, 1, 1)$. No size alone is opposed, but as $D = I$ the first two
# equations imply $y_1 - y_2 - y_3 > 0$ and $y_2 y_3 - y_1 (y_2 + y_3) > 0$, while the first of
# these gives $y_1 (y_2 + y_3) > (y_2 + y_3)^2 > y_2 y_3$.

# %%
half, J = sympy.Rational(1, 2), sympy.Matrix([[0, 1], [1, 0]])
I2, I3, signs = sympy.eye(2), sympy.eye(3), sympy.diag(1, -1, -1)
THEOREM_A = sympy.diag(-I2, I2)
THEOREM_B = sympy.Matrix([[-3 * half / 2 * I2, half * J], [half * J, I2]])
TOGETHER_A = sympy.diag(signs, I3)
TOGETHER_B = sympy.Matrix([[signs, half * I3], [half * I3, I3]])
answers = {}

for name, M, depth, kind in (
    ("Theorem A: diag(-I_2, I_2) takes six", THEOREM_A, 6, "opposed"),
    ("Theorem B: an open set takes five", THEOREM_B, 5, "opposed"),
    ("diag(1, -1, -1, 1, 1, 1) takes six", TOGETHER_A, 6, "signs"),
    ("an open set around a matrix of n = 3 takes five", TOGETHER_B, 5, "signs"),
):
    with claims.check(name, Evidence.EXACT) as check:
        answer = answers[name] = minimal_depth(M, scales="positive")
        check.equal((answer.lower, answer.upper), (depth, depth), "the bounds meet")
        check.equal(verify(answer.flow, M).flow.depth, depth, f"{depth} layers compose to it")
        for reason in answer.obstructions:
            check.true(reason.is_valid() and reason.kind == kind, str(reason))

with claims.check("kernels of singular D and a exclude four layers", Evidence.EXACT) as check:
    for order in ([2, 3, 0, 1], [4, 2, 5, 1, 0, 3], [3, 6, 7, 5, 0, 1, 4, 2]):
        answer = minimal_depth(permutation(order), scales="positive")
        check.equal((answer.lower, answer.upper), (5, 5), f"permutation {order} takes five")
        for reason in answer.obstructions:
            check.true(reason.is_valid(), str(reason))

with claims.check(
    "no coefficient cancels, so four are excluded nearby, too", Evidence.EXACT
) as check:
    for reason in answers["an open set around a matrix of n = 3 takes five"].obstructions:
        equations = MinorEquations.from_four_or_five_letter_pattern(reason)
        support = {k: [S for S in range(8) if S.bit_count() == k] for k in (1, 2, 3)}
        check.true(
            all(all(x for x in side[1:]) for side in equations.coefficients_of_x_and_y_by_set),
            "no minor is 0",
        )
        left = equations.combine(reason.witness)
        places = {
            tuple(map(add, exponents, [*bits, 0, 0, 0] if side == 0 else [0, 0, 0, *bits]))
            for side in (0, 1)
            for k, p in enumerate(reason.witness, 1)
            for exponents in p
            for S in support[k]
            for bits in [[S >> i & 1 for i in range(3)]]
        }
        check.equal(left.keys(), places, f"{reason.pattern}: {len(places)} terms, all of one sign")

# %% [markdown]
# ## The share of Gaussian matrices to which Theorems B and D apply
#
# For Gaussian matrices we compute in float64 whether D and a, or A and d, have orders in which the
# leading minors have equal signs (Theorem D: four layers), or whether both pairs are opposed
# (Theorem B: five), or neither. An order is a chain of subsets; the sequences of signs are
# collected subset by subset.


# %%
def minor_signs(matrices: np.ndarray) -> np.ndarray:
    """Return the signs of all principal minors of a stack of n x n matrices; True is positive."""
    n = matrices.shape[-1]
    signs = np.ones((len(matrices), 1 << n), dtype=bool)
    for S in range(1, 1 << n):
        chosen = [i for i in range(n) if S >> i & 1]
        signs[:, S] = np.linalg.det(matrices[:, chosen][:, :, chosen]) > 0
    return signs


def sign_sequences(signs: np.ndarray) -> set[int]:
    """Return the sequences of signs of leading minors, over all orders, as bits."""
    n = (len(signs) - 1).bit_length()
    found: list[set[int]] = [{0}] + [set() for _ in signs[1:]]
    for S in range(1, 1 << n):
        for i in range(n):
            if S >> i & 1:
                found[S] |= {w << 1 | int(signs[S]) for w in found[S ^ 1 << i]}
    return found[-1]


def is_opposed(left: np.ndarray, right: np.ndarray) -> bool:
    """Whether at some size all left minors have one sign and all right minors the other."""
    sizes = np.array([S.bit_count() for S in range(len(left))])
    return any(
        len(set(left[sizes == k]) | set(~right[sizes == k])) == 1
        for k in range(1, (len(left) - 1).bit_length())
    )


def shares_of_theorems(n: int, count: int) -> tuple[float, float]:
    """Return the shares of Gaussian matrices to which Theorem D and Theorem B apply."""
    M = np.random.default_rng([14, n]).standard_normal((count, 2 * n, 2 * n))
    M[:, 0] *= np.sign(np.linalg.det(M))[:, None]
    inverse = np.linalg.inv(M)
    pairs = [
        (minor_signs(M[:, n:, n:]), minor_signs(inverse[:, :n, :n])),
        (minor_signs(M[:, :n, :n]), minor_signs(inverse[:, n:, n:])),
    ]
    four, five = 0, 0
    for i in range(count):
        of = [(left[i], right[i]) for left, right in pairs]
        four += any(sign_sequences(left) & sign_sequences(right) for left, right in of)
        five += all(is_opposed(left, right) for left, right in of)
    return four / count, five / count


GAUSSIANS = 1000 if options.full else 200
shares = {n: shares_of_theorems(n, GAUSSIANS) for n in range(2, 7)}
with claims.check(
    "Theorem D applies to over nine in ten Gaussian matrices", Evidence.NUMERIC
) as check:
    for n, (four, five) in shares.items():
        text = f"n = {n}: D applies to {four:.1%}, B to {five:.1%} of {GAUSSIANS}"
        check.true(four > 0.9 and four + five <= 1, text)

# %% [markdown]
# ## Least numbers of layers in a plane of 4 x 4 matrices
#
# Let n = 2 and M = [[s I, J], [J, t I]] + R / 8, where R is a matrix of signs. Without R three
# layers suffice if s t > 1, and five are needed if s t < 1; with R four take the place of three.
# For n = 2 four layers suffice iff one of the pairs is not opposed
# (`exactflow.linear.depth.scaled`).


# %%
def plane(ticks: np.ndarray) -> np.ndarray:
    """Return the depth, 4 or 5, at each point, and 0 if the determinant is not positive."""
    s, t = np.meshgrid(ticks, ticks)
    R = np.array([[1, 1, -1, 1], [-1, 1, 1, 1], [1, -1, 1, 1], [1, 1, 1, -1]]) / 8
    M = R + np.kron([[0, 1], [1, 0]], [[0, 1], [1, 0]])
    M = M + s[..., None, None] * np.diag([1, 1, 0, 0]) + t[..., None, None] * np.diag([0, 0, 1, 1])
    entries, inverse = (np.diagonal(N, axis1=-2, axis2=-1) for N in (M, np.linalg.inv(M)))
    opposed = [
        np.all(left > 0, -1) & np.all(right < 0, -1) | np.all(left < 0, -1) & np.all(right > 0, -1)
        for left, right in (
            (entries[..., 2:], inverse[..., :2]),
            (entries[..., :2], inverse[..., 2:]),
        )
    ]
    return np.where(np.linalg.det(M) > 0, np.where(opposed[0] & opposed[1], 5, 4), 0)


def draw(pyplot, path) -> None:
    """Draw the shares of both theorems, and the plane."""
    figure, axes = pyplot.subplots(1, 2, figsize=(12.5, 5.5), layout="constrained")
    blue, orange, grey = "#0072B2", "#E69F00", "#BBBBBB"
    sizes = list(shares)
    four, five = np.array(list(shares.values())).T
    rest = 1 - four - five
    axes[0].bar(sizes, four, color=blue, label="four suffice (Theorem D)")
    axes[0].bar(sizes, rest, bottom=four, color=grey, label="neither")
    axes[0].bar(sizes, five, bottom=four + rest, color=orange, label="at least five (Theorem B)")
    axes[0].set_ylim(0.9, 1.0)
    axes[0].set_xlabel("n", fontsize=16)
    axes[0].set_ylabel("share of Gaussian matrices", fontsize=16)
    axes[0].legend(fontsize=13, loc="lower right")
    axes[0].set_title("Least number of layers with positive scales", fontsize=14)
    ticks = np.linspace(-3, 3, 401)
    found = plane(ticks)
    palette = pyplot.matplotlib.colors.ListedColormap(["white", blue, orange])
    axes[1].pcolormesh(ticks, ticks, np.searchsorted([0, 4, 5], found), cmap=palette, vmax=2)
    for x, y, text in ((-1.5, 1.5, "five"), (2, 2, "four"), (-2, -2, "four")):
        axes[1].text(x, y, text, ha="center", va="center", fontsize=16, color="white")
    axes[1].set_xlabel("s", fontsize=16)
    axes[1].set_ylabel("t", fontsize=16)
    axes[1].set_title("A plane of 4 x 4 matrices (white: det not positive)", fontsize=14)
    for axis in axes:
        axis.tick_params(labelsize=13)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


options.picture("affine_depth", draw)
