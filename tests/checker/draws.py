"""What the adversary draws: numbers, matrices on the thin sets, forms of writing them."""

import random
from fractions import Fraction
from math import prod

import numpy as np
import sympy
from hypothesis import strategies as st
from truth import determinant, identity, inverse, times

ENTRIES = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([0, 0, 0, 1, -1]),
    st.fractions(max_denominator=7, min_value=-9, max_value=9),
    st.sampled_from([10**400, -(10**400), Fraction(1, 10**400), 10**20 + 1, Fraction(3, 10**9)]),
    st.floats(allow_nan=False, allow_infinity=False).map(Fraction),
).map(Fraction)
NARROW = st.integers(-2, 2).map(Fraction)
UNITS = st.sampled_from([1, -1, 2, -3, Fraction(1, 2)]).map(Fraction)

NO_NUMBERS = ["", "True", "1,2", "010", "2^3", "1_000", "0x10", "I", "oo", "1/0", "1e999999"]
NO_NUMBERS += [None, True, b"1", 1j, [], {}, object()]
NO_NUMBERS += [float("nan"), float("inf"), np.float32("nan"), sympy.nan, sympy.pi]
NO_NUMBERS += [sympy.Float(0.5), sympy.true, sympy.Symbol("A", commutative=False), sympy.zoo]


# Matrices of any size.


def tuples(entries, length):
    return st.tuples(*[entries] * length)


def square(entries, d):
    return tuples(tuples(entries, d), d)


@st.composite
def matrices(draw, sizes=(2, 3, 4, 5, 6)):
    """Any entries, narrow ones, or a matrix on a thin set."""
    d = draw(st.sampled_from(sizes))
    family = [square(ENTRIES, d), square(NARROW, d)] + ([degenerate(d)] if d % 2 == 0 else [])
    return draw(st.one_of(family))


@st.composite
def degenerate(draw, d):
    """Signed permutations, scalars, the identity and rank one, a block of zeros, words."""
    n, M = d // 2, draw(square(NARROW, d))
    kinds = ["signed", "scalar", "rank one", "blocks", "word", "triangular"]
    kind = draw(st.sampled_from(kinds))
    if kind == "signed":
        return draw(signed_permutations(d))
    if kind == "scalar":
        return scalar(d, draw(ENTRIES))
    if kind == "rank one":
        return tuple(tuple((i == j) + M[0][i] * M[1][j] for j in range(d)) for i in range(d))
    if kind == "blocks":
        i, j = (draw(st.sampled_from([0, n])) for _ in "ij")
        return tuple(
            tuple(x * (not (i <= a < i + n and j <= b < j + n)) for b, x in enumerate(row))
            for a, row in enumerate(M)
        )
    if kind == "triangular":
        return tuple(tuple(x * (i <= j) for j, x in enumerate(row)) for i, row in enumerate(M))
    return draw(words(d))[0]


@st.composite
def signed_permutations(draw, d):
    images, signs = draw(st.permutations(range(d))), draw(tuples(st.sampled_from([1, -1]), d))
    return tuple(tuple(signs[i] * (images[i] == j) for j in range(d)) for i in range(d))


@st.composite
def words(draw, d, most=5):
    """A product of few additive layers, and their number."""
    n, M = d // 2, identity(d)
    length, upper = draw(st.integers(0, most)), draw(st.booleans())
    one, none = identity(n), zero(n, n)
    for k in range(length):
        T = draw(square(NARROW, n))
        shear = joined(one, T, none, one) if (k % 2 == 0) == upper else joined(one, none, T, one)
        M = times(shear, M)
    return M, length


def in_some_form(draw, M):
    """The same numbers as text, Fractions, SymPy numbers, or beside an irrational expression."""
    form = draw(st.sampled_from(["fractions", "text", "sympy", "array", "mixed"]))
    if form == "text":
        return [[str(x) for x in row] for row in M]
    if form == "sympy":
        return sympy.Matrix(M)
    if form == "array":
        return np.array(M, dtype=object)
    if form == "mixed":
        return [
            [sympy.sqrt(9) * x / 3 if (i + j) % 2 else str(x) for j, x in enumerate(row)]
            for i, row in enumerate(M)
        ]
    return M


# Halves of n and n + 1. What is drawn one by one is singular too often, hence the seeds.


def rectangle(draw, rows, columns):
    """Entries from -2 to 2, from a seed."""
    generator = random.Random(draw(st.integers(0, 2**32)))
    return tuple(
        tuple(Fraction(generator.randint(-2, 2)) for _ in range(columns)) for _ in range(rows)
    )


def low_rank(draw, rows, columns):
    """A product of two thin matrices."""
    r = draw(st.integers(0, min(rows, columns) - 1))
    thin = rectangle(draw, rows, r), rectangle(draw, r, columns)
    return times(*thin) if r else zero(rows, columns)


def joined(A, B, C, D):
    return tuple((*x, *y) for x, y in [*zip(A, B, strict=True), *zip(C, D, strict=True)])


def scalar(n, c):
    return tuple(tuple(c * x for x in row) for row in identity(n))


def zero(rows, columns):
    return ((0,) * columns,) * rows


def of_blocks(draw, n, A=None, B=None, C=None, D=None):
    """The matrix with these blocks, and drawn ones in the place of those that are left out."""
    shapes, given = ((n, n), (n, n + 1), (n + 1, n), (n + 1, n + 1)), (A, B, C, D)
    return joined(*(X or rectangle(draw, *size) for X, size in zip(given, shapes, strict=True)))


def thin(draw, n):
    """B and C of low rank."""
    return {"B": low_rank(draw, n, n + 1), "C": low_rank(draw, n + 1, n)}


def shift(draw, n):
    """A nilpotent matrix of size n + 1."""
    ones = draw(tuples(st.sampled_from([1, 1, 0, -2]), n + 1))
    return tuple(tuple(ones[i] * (j == i + 1) for j in range(n + 1)) for i in range(n + 1))


def signs(draw, d):
    """A diagonal matrix of ones and an even number of -1's."""
    chosen = draw(tuples(st.sampled_from([1, -1]), d - 1))
    chosen = *chosen, prod(chosen)
    return tuple(tuple(chosen[i] * (i == j) for j in range(d)) for i in range(d))


def one_hyperplane(draw, n):
    """M with im c = im C: c = -C K for a K that is scalar, triangular or any other."""
    kind, unit = draw(st.sampled_from(["scalar", "triangular", "any"])), draw(UNITS)
    K = scalar(n, unit) if kind == "scalar" else rectangle(draw, n, n)
    if kind == "triangular":
        diagonal = draw(tuples(st.sampled_from([1, 1, -1, 2]), n))
        K = tuple(
            tuple(diagonal[i] if i == j else K[i][j] * (i < j) for j in range(n)) for i in range(n)
        )
    if not determinant(K):
        K = scalar(n, unit)
    A, D, last = rectangle(draw, n, n), rectangle(draw, n, n), rectangle(draw, n, 2)
    B = tuple(
        tuple(x - y for x, y in zip(*rows, strict=True))
        for rows in zip(times(A, D), inverse(K), strict=True)
    )
    M = [[*a, *b, x] for a, b, (x, _) in zip(A, B, last, strict=True)]
    M += [[*c, *d, y] for c, d, (_, y) in zip(identity(n), D, last, strict=True)]
    M += [[0] * (2 * n) + [determinant(K)]]
    i, j = draw(st.integers(n, 2 * n)), draw(st.integers(n, 2 * n))
    if i != j:  # other coordinates of the larger half: P M P^-1, P elementary
        M[i] = [x + y for x, y in zip(M[i], M[j], strict=True)]
        for row in M:
            row[j] -= row[i]
    return tuple(map(tuple, M))


ODD = (3, 3, 3, 5, 5, 5, 7, 7, 9, 9, 11, 13, 15, 17)
FAMILIES = {
    "any": lambda draw, n: draw(square(ENTRIES, 2 * n + 1)) if n < 3 else of_blocks(draw, n),
    "C = 0": lambda draw, n: of_blocks(draw, n, C=zero(n + 1, n)),
    "B and C of low rank": lambda draw, n: of_blocks(draw, n, **thin(draw, n)),
    "D = l I": lambda draw, n: of_blocks(draw, n, **thin(draw, n), D=scalar(n + 1, draw(UNITS))),
    "D = l I and C of any rank": lambda draw, n: of_blocks(draw, n, D=scalar(n + 1, draw(UNITS))),
    "scalar blocks": lambda draw, n: joined(
        scalar(n, draw(UNITS)), zero(n, n + 1), zero(n + 1, n), scalar(n + 1, draw(UNITS))
    ),
    "nilpotent D": lambda draw, n: of_blocks(draw, n, D=shift(draw, n)),
    "signed permutation": lambda draw, n: draw(signed_permutations(2 * n + 1)),
    "-1's": lambda draw, n: signs(draw, 2 * n + 1),
    "one hyperplane": one_hyperplane,
}
"""Matrices of 2n + 1 coordinates: the cases of the theorem on halves of n and n + 1."""
