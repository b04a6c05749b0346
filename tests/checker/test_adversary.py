"""An adversary: degenerate, huge, tiny and hostile inputs, against plain Fractions.

Whatever comes in, the answer is right or one clear refusal, and a refusal is right, too. The truth
is computed here, by Fractions and integers alone: nothing is taken from the package but layers as
they are shown. Few examples by default; ``-m slow`` runs many.
"""

import random
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import sympy
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sympy import GF
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, factor, minimal_depth, verify
from exactflow.errors import (
    FieldTooSmallError,
    InvalidInputError,
    OrientationError,
    SingularMatrixError,
    VerificationError,
)
from exactflow.flows.nonlinear.piecewise import PiecewiseLinear

SMALL, LARGE = 12, 1000

# The truth.


def times(A, B):
    return [
        [sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*B, strict=True)]
        for row in A
    ]


def identity(d):
    return [[Fraction(i == j) for j in range(d)] for i in range(d)]


def det(M):
    """The determinant of a matrix of Fractions, by elimination."""
    M, value = [list(row) for row in M], Fraction(1)
    for k in range(len(M)):
        pivot = next((i for i in range(k, len(M)) if M[i][k]), None)
        if pivot is None:
            return Fraction(0)
        if pivot != k:
            M[k], M[pivot], value = M[pivot], M[k], -value
        value *= M[k][k]
        for i in range(k + 1, len(M)):
            ratio = M[i][k] / M[k][k]
            M[i] = [x - ratio * y for x, y in zip(M[i], M[k], strict=True)]
    return value


def fraction(x):
    return Fraction(int(x.p), int(x.q))


def shears(flow, number=fraction):
    """The layers as matrices, first the flips, in the order in which they see the coordinates."""
    p, d = flow.partition[0], flow.dimension
    order = flow.order or range(d)
    yield [
        [number(sympy.Integer((-1) ** (i in flow.flips) * (i == j))) for j in order] for i in order
    ]
    for layer in flow:
        M = [[number(sympy.Integer(i == j)) for j in range(d)] for i in range(d)]
        moved, kept = (range(p), range(p, d)) if layer.moves == "first" else (range(p, d), range(p))
        scale, shift = layer.scale, layer.shift
        for a, i in enumerate(moved):
            M[i][i] = number(scale[a])
            for b, j in enumerate(kept):
                M[i][j] = number(shift[a, b])
        yield M


def composed(flow, number=fraction):
    """The matrix of a flow in the user's order."""
    matrices = shears(flow, number)
    M = next(matrices)
    for layer in matrices:
        M = times(layer, M)
    order = flow.order or range(flow.dimension)
    places = [list(order).index(i) for i in range(flow.dimension)]
    return [[M[i][j] for j in places] for i in places]


# What the adversary draws.

ENTRIES = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0, 0, 0, 1, -1]),
    st.fractions(max_denominator=7, min_value=-9, max_value=9),
    st.sampled_from([10**400, -(10**400), Fraction(1, 10**400), 10**20 + 1, Fraction(3, 10**9)]),
    st.floats(allow_nan=False, allow_infinity=False).map(Fraction),
).map(Fraction)
NARROW = st.integers(-2, 2).map(Fraction)


def square(entries, d):
    row = st.lists(entries, min_size=d, max_size=d)
    return st.lists(row, min_size=d, max_size=d)


@st.composite
def degenerate(draw, d, kind=None):
    """Matrices that sit on the thin sets: signed permutations, scalars, rank one, blocks, words."""
    n, zero = d // 2, Fraction(0)
    kinds = ["signed", "scalar", "rank one", "blocks", "word", "triangular"]
    kind = kind or draw(st.sampled_from(kinds))
    if kind == "signed":
        images, signs = (
            draw(st.permutations(range(d))),
            draw(st.lists(st.sampled_from([1, -1]), min_size=d, max_size=d)),
        )
        return [[Fraction(signs[i] * (images[i] == j)) for j in range(d)] for i in range(d)]
    if kind == "scalar":
        c, M = draw(ENTRIES), identity(d)
        return [[c * x for x in row] for row in M]
    if kind == "rank one":
        u, v = (draw(st.lists(NARROW, min_size=d, max_size=d)) for _ in range(2))
        return [[Fraction(i == j) + u[i] * v[j] for j in range(d)] for i in range(d)]
    if kind == "blocks":
        M, gone = draw(square(NARROW, d)), draw(st.sampled_from([(0, 1), (1, 0), (0, 0), (1, 1)]))
        return [[zero if (i >= n, j >= n) == gone else M[i][j] for j in range(d)] for i in range(d)]
    if kind == "triangular":
        M = draw(square(NARROW, d))
        return [[M[i][j] if i <= j else zero for j in range(d)] for i in range(d)]
    return draw(words(d))[0]


@st.composite
def words(draw, d, most=5):
    """A product of few additive layers, and their number."""
    n, M = d // 2, identity(d)
    length, upper = draw(st.integers(0, most)), draw(st.booleans())
    for k in range(length):
        T, shear = draw(square(NARROW, n)), identity(d)
        for i in range(n):
            for j in range(n):
                place = (i, n + j) if (k % 2 == 0) == upper else (n + i, j)
                shear[place[0]][place[1]] = T[i][j]
        M = times(shear, M)
    return M, length


@st.composite
def matrices(draw, sizes=(2, 3, 4, 5, 6)):
    d = draw(st.sampled_from(sizes))
    family = [square(ENTRIES, d), square(NARROW, d)] + ([degenerate(d)] if d % 2 == 0 else [])
    return draw(st.one_of(family))


def in_some_form(draw, M):
    """The same numbers as text, Fractions, SymPy numbers, or beside an irrational expression."""
    form = draw(st.sampled_from(["fractions", "text", "sympy", "array", "mixed"]))
    if form == "text":
        return [[str(x) for x in row] for row in M]
    if form == "sympy":
        return sympy.Matrix(
            [[sympy.Rational(x.numerator, x.denominator) for x in row] for row in M]
        )
    if form == "array":
        return np.array(M, dtype=object)
    if form == "mixed":
        return [
            [sympy.sqrt(9) * x / 3 if (i + j) % 2 else str(x) for j, x in enumerate(row)]
            for i, row in enumerate(M)
        ]
    return M


# The attacks.


def attack_factor(data):
    """`factor` equals the matrix, or refuses it for the reason that holds."""
    M = data.draw(matrices())
    d, value = len(M), det(M)
    mask = data.draw(st.none() | st.lists(st.sampled_from([0, 1]), min_size=d, max_size=d))
    mask = mask if mask is None or 0 < sum(mask) < d else None
    orientation = data.draw(st.sampled_from(["error", "flip"]))
    given_form = in_some_form(data.draw, M)
    try:
        flow = factor(given_form, orientation=orientation, partition=mask)
    except SingularMatrixError:
        assert value == 0
    except OrientationError:
        assert value < 0
        assert orientation == "error"
    else:
        assert composed(flow) == M
        assert all(scale > 0 for layer in flow for scale in layer.scale)
        assert len(flow.flips) == (value < 0)
        assert mask is not None or d % 2 or flow.depth <= 6
        assert fraction(sympy.exp(flow.log_abs_det())) == abs(value)


def attack_vectors(data):
    """`forward` and the inverse are the matrix and its inverse on any numbers."""
    M = data.draw(matrices())
    if det(M) == 0:
        return
    flow = factor(M, orientation="flip")
    x = data.draw(st.lists(ENTRIES, min_size=len(M), max_size=len(M)))
    y = [row[0] for row in times(M, [[entry] for entry in x])]
    assert list(map(fraction, flow.forward(x))) == y
    assert list(map(fraction, flow.inverse().forward(y))) == x


def attack_depth(data):
    """A word of k additive layers has depth at most k, and both witnesses hold."""
    M, length = data.draw(words(data.draw(st.sampled_from([2, 4]))))
    answer = minimal_depth(in_some_form(data.draw, M))
    assert answer.lower <= answer.upper <= 6
    assert answer.lower <= length
    assert composed(answer.flow) == M
    assert all(scale == 1 for layer in answer.flow for scale in layer.scale)
    assert all(reason.check() for reason in answer.obstructions)


def attack_verify(data):
    """A matrix that differs in one entry, by however little, is refused."""
    M = data.draw(matrices())
    if det(M) == 0:
        return
    flow = factor(M, orientation="flip")
    i, j = (data.draw(st.integers(0, len(M) - 1)) for _ in range(2))
    change = data.draw(ENTRIES.filter(bool))
    verify(flow, M)
    M[i][j] += change
    with pytest.raises(VerificationError, match=rf"entry \({i}, {j}\)"):
        verify(flow, M)


def attack_prime_fields(data):
    """Over GF(p), against integers modulo p."""
    p, d = data.draw(st.sampled_from([5, 7, 101])), data.draw(st.sampled_from([2, 4]))
    M = data.draw(square(st.integers(0, p - 1), d))
    field = GF(p)
    try:
        flow = factor(
            DomainMatrix([[field(x) for x in row] for row in M], (d, d), field), scales="nonzero"
        )
    except SingularMatrixError:
        assert det([[Fraction(x) for x in row] for row in M]) % p == 0
    except FieldTooSmallError:
        assert p < 101
    else:
        product = composed(flow, lambda x: int(x) % p)
        assert [[x % p for x in row] for row in product] == M
        x = data.draw(st.lists(st.integers(-p, 10**30), min_size=d, max_size=d))
        image = [row[0] % p for row in times(M, [[entry] for entry in x])]
        assert [int(entry) % p for entry in flow.forward(x)] == image


def attack_quadratic_fields(data):
    """Over Q(sqrt 2), as 2 x 2 blocks of rational numbers."""
    pairs = st.tuples(NARROW, NARROW)
    M = data.draw(square(pairs, 2))
    root = sympy.sqrt(2)

    def blocks(rows):
        return [
            [x for a, b in row for x in ((a, 2 * b), (b, a))[k]] for row in rows for k in (0, 1)
        ]

    try:
        flow = factor([[a + b * root for a, b in row] for row in M], orientation="flip")
    except SingularMatrixError:
        assert det(blocks(M)) == 0
        return

    def pair(x):
        b = x.coeff(root)
        return fraction(sympy.expand(x - b * root)), fraction(b)

    product = identity(4)
    for layer in shears(flow, lambda x: pair(sympy.expand(sympy.radsimp(x)))):
        product = times(blocks(layer), product)
    assert product == blocks(M)


def attack_piecewise(data):
    """Evaluation between, on and beyond knots of any size."""
    knots = sorted(set(data.draw(st.lists(ENTRIES, min_size=1, max_size=5))))
    values = data.draw(st.lists(ENTRIES, min_size=len(knots), max_size=len(knots)))
    left, right, x = (
        data.draw(ENTRIES),
        data.draw(ENTRIES),
        data.draw(ENTRIES | st.sampled_from(knots)),
    )
    if x <= knots[0]:
        expected = values[0] + left * (x - knots[0])
    elif x >= knots[-1]:
        expected = values[-1] + right * (x - knots[-1])
    else:
        (a, u), (b, v) = next(
            pair
            for pair in pairwise(zip(knots, values, strict=True))
            if pair[0][0] <= x <= pair[1][0]
        )
        expected = u + (v - u) * (x - a) / (b - a)
    assert fraction(PiecewiseLinear(knots, values, left, right)(x)[0]) == expected


HOSTILE = [
    "",
    "True",
    "1,2",
    "010",
    "2^3",
    "1_000",
    "0x10",
    "I",
    "oo",
    "1/0",
    "1e999999",
    None,
    True,
]
HOSTILE += [b"1", 1j, float("nan"), float("inf"), sympy.nan, sympy.pi, sympy.Float(0.5), sympy.true]
HOSTILE += [sympy.Symbol("A", commutative=False), sympy.zoo, [], {}, object(), np.float32("nan")]


def attack_hostile_entries(data):
    """One entry that is no number, among numbers and expressions, is refused everywhere."""
    M = data.draw(matrices(dimensions=(2, 4)))
    M = [list(row) for row in M]
    bad, i, j = (
        data.draw(st.sampled_from(HOSTILE)),
        *(data.draw(st.integers(0, len(M) - 1)) for _ in "ij"),
    )
    if data.draw(st.booleans()):
        M[j][i] = sympy.sqrt(2)
    M[i][j] = bad
    shear = LinearCoupling((1, 1), "first", [[1]])
    for door in (factor, minimal_depth):
        with pytest.raises(InvalidInputError, match="expected"):
            door(M)
    if not isinstance(bad, float | np.floating):  # floats in, floats out
        with pytest.raises(InvalidInputError, match="expected"):
            CouplingFlow([shear]).forward([1, bad])
    with pytest.raises(InvalidInputError, match="expected"):
        LinearCoupling((1, 1), "first", [[bad]])


# Halves of n and n + 1: six layers, five where an off-diagonal block has rank n.

ODD = (3, 3, 3, 5, 5, 5, 7, 7, 9, 9, 11, 13, 15, 17)


def rectangle(draw, rows, columns):
    """Entries from -2 to 2, from a seed: what is drawn one by one is singular too often."""
    generator = random.Random(draw(st.integers(0, 2**32)))
    return [[Fraction(generator.randint(-2, 2)) for _ in range(columns)] for _ in range(rows)]


def low_rank(draw, rows, columns):
    """A product of two thin matrices."""
    r = draw(st.integers(0, min(rows, columns) - 1))
    thin = rectangle(draw, rows, r), rectangle(draw, r, columns)
    return times(*thin) if r else [[Fraction(0)] * columns for _ in range(rows)]


def of_blocks(A, B, C, D):
    return [[*x, *y] for x, y in [*zip(A, B, strict=True), *zip(C, D, strict=True)]]


def scalar(n, c):
    return [[c * x for x in row] for row in identity(n)]


def zero(rows, columns):
    return [[Fraction(0)] * columns for _ in range(rows)]


def inverse(M):
    """The inverse, by elimination on Fractions."""
    d = len(M)
    rows = [[*row, *one] for row, one in zip(M, identity(d), strict=True)]
    for k in range(d):
        pivot = next(i for i in range(k, d) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [x / rows[k][k] for x in rows[k]]
        for i in range(d):
            if i != k and rows[i][k]:
                ratio = rows[i][k]
                rows[i] = [x - ratio * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [row[d:] for row in rows]


def one_hyperplane(draw, n):
    """M with im c = im C: c = -C K for a K that is scalar, triangular or any other."""
    kind = draw(st.sampled_from(["scalar", "triangular", "any"]))
    unit = draw(UNITS)
    K = scalar(n, unit) if kind == "scalar" else rectangle(draw, n, n)
    if kind == "triangular":
        diagonal = draw(st.lists(st.sampled_from([1, 1, -1, 2]), min_size=n, max_size=n))
        K = [
            [diagonal[i] * Fraction(i == j) or K[i][j] * (i < j) for j in range(n)]
            for i in range(n)
        ]
    if det(K) == 0:
        K = scalar(n, unit)
    A, D = rectangle(draw, n, n), rectangle(draw, n, n)
    product, back = times(A, D), inverse(K)
    B = [[x - y for x, y in zip(r, s, strict=True)] for r, s in zip(product, back, strict=True)]
    top = [[*x, *y, *z] for x, y, z in zip(A, B, rectangle(draw, n, 1), strict=True)]
    middle = [[*x, *y, *z] for x, y, z in zip(identity(n), D, rectangle(draw, n, 1), strict=True)]
    M = [*top, *middle, [Fraction(0)] * (2 * n) + [det(K)]]
    i, j = draw(st.integers(n, 2 * n)), draw(st.integers(n, 2 * n))
    if i != j:  # other coordinates of the larger half: P M P^-1, P elementary
        M[i] = [x + y for x, y in zip(M[i], M[j], strict=True)]
        for row in M:
            row[j] -= row[i]
    return M


def blocks_of(draw, n, A=None, B=None, C=None, D=None):
    """The matrix with these blocks, and drawn ones in the place of those that are left out."""
    shapes, m = ((n, n), (n, n + 1), (n + 1, n), (n + 1, n + 1)), (A, B, C, D)
    return of_blocks(*(X or rectangle(draw, *size) for X, size in zip(m, shapes, strict=True)))


def thin(draw, n):
    """B and C of low rank."""
    return {"B": low_rank(draw, n, n + 1), "C": low_rank(draw, n + 1, n)}


def shift(draw, n):
    """A nilpotent matrix of size n + 1."""
    ones = draw(st.lists(st.sampled_from([1, 1, 0, -2]), min_size=n + 1, max_size=n + 1))
    return [[Fraction(ones[i] * (j == i + 1)) for j in range(n + 1)] for i in range(n + 1)]


def signs(draw, d):
    """A diagonal matrix of ones and an even number of -1's."""
    chosen = draw(st.lists(st.sampled_from([1, -1]), min_size=d - 1, max_size=d - 1))
    chosen.append(int(np.prod(chosen)))
    return [[Fraction(chosen[i] * (i == j)) for j in range(d)] for i in range(d)]


UNITS = st.sampled_from([1, -1, 2, -3, Fraction(1, 2)]).map(Fraction)
FAMILIES_OF_14 = {
    "any": lambda draw, n: draw(square(ENTRIES, 2 * n + 1)) if n < 3 else blocks_of(draw, n),
    "C = 0": lambda draw, n: blocks_of(draw, n, C=zero(n + 1, n)),
    "B and C of low rank": lambda draw, n: blocks_of(draw, n, **thin(draw, n)),
    "D = l I": lambda draw, n: blocks_of(
        draw, n, **thin(draw, n), D=scalar(n + 1, draw(UNITS))),
    "D = l I and C of any rank": lambda draw, n: blocks_of(draw, n, D=scalar(n + 1, draw(UNITS))),
    "scalar blocks": lambda draw, n: of_blocks(
        scalar(n, draw(UNITS)), zero(n, n + 1), zero(n + 1, n), scalar(n + 1, draw(UNITS))),
    "nilpotent D": lambda draw, n: blocks_of(draw, n, D=shift(draw, n)),
    "signed permutation": lambda draw, n: draw(degenerate(2 * n + 1, "signed")),
    "-1's": lambda draw, n: signs(draw, 2 * n + 1),
    "one hyperplane": one_hyperplane,
}  # fmt: skip


P = 2**127 - 1  # long fractions are compared modulo this prime


def residue(p, q):
    return p * pow(q, -1, P) % P


def composed_modulo(flow):
    """The matrix of a flow without an order, modulo P."""
    matrices = shears(flow, lambda x: residue(int(x.p), int(x.q)))
    M = next(matrices)
    for layer in matrices:
        M = [[x % P for x in row] for row in times(layer, M)]
    return [[x % P for x in row] for row in M]


def attack_odd(data, family):
    """At most six layers, five where B or C has the rank of the smaller half, either larger."""
    d = data.draw(st.sampled_from(ODD))
    n, M = d // 2, FAMILIES_OF_14[family](data.draw, d // 2)
    assume(det(M))
    p = n
    if data.draw(st.booleans()):
        p, M = d - n, [[M[(i + n) % d][(j + n) % d] for j in range(d)] for i in range(d)]
    method = data.draw(st.sampled_from(["auto", "hyperplane"]))
    flow = factor(M, method=method, partition=(p, d - p), orientation="flip")
    assert composed_modulo(flow) == [
        [residue(x.numerator, x.denominator) for x in row] for row in M
    ]
    assert flow.depth <= 6
    assert all(scale > 0 for layer in flow for scale in layer.scale)
    if method == "hyperplane":
        assert sum(scale != 1 for layer in flow for scale in layer.scale) <= 1
        assert flow.depth <= 5 or n > max(
            rank(row[p:] for row in M[:p]), rank(row[:p] for row in M[p:])
        )


def rank(rows):
    """The rank, by elimination on Fractions."""
    rows, found = [list(row) for row in rows], 0
    for k in range(len(rows[0])):
        pivot = next((i for i in range(found, len(rows)) if rows[i][k]), None)
        if pivot is not None:
            rows[found], rows[pivot] = rows[pivot], rows[found]
            for i in range(found + 1, len(rows)):
                ratio = rows[i][k] / rows[found][k]
                rows[i] = [x - ratio * y for x, y in zip(rows[i], rows[found], strict=True)]
            found += 1
    return found


ATTACKS = [
    value
    for name, value in list(globals().items())
    if name.startswith("attack_") and value is not attack_odd
]


def run(attack, examples):
    quiet = settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    quiet(given(st.data())(lambda data: attack(data)))()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__[7:])
def test_small(attack):
    run(attack, SMALL)


@pytest.mark.slow
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__[7:])
def test_large(attack):
    run(attack, LARGE)


@pytest.mark.parametrize("family", FAMILIES_OF_14)
def test_odd_dimensions_small(family):
    run(lambda data: attack_odd(data, family), SMALL // 3)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES_OF_14)
def test_odd_dimensions_large(family):
    run(lambda data: attack_odd(data, family), 500)  # ten families: 5,000 matrices
