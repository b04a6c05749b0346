"""minimal_depth: what it takes and refuses, on degenerate matrices over several fields."""

import random

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from linear.depth.examples import blocks, checked, diagonal, matrix, matrix_of_determinant_one
from sympy import GF, QQ, Rational, sqrt
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, OrientationError, SingularMatrixError
from exactflow.exact import linalg
from exactflow.linear.depth import minimal_depth

ONE, ZERO = diagonal(1, 1), diagonal(0, 0)
NILPOTENT = matrix([[0, 1], [0, 0]])
ROTATION = matrix([[0, -1], [1, 0]])
HUGE = QQ(10) ** 400

TABLE = {
    "identity of size 2": (diagonal(1, 1), 0),
    "identity": (diagonal(1, 1, 1, 1), 0),
    "one shear": (blocks(ONE, NILPOTENT, ZERO, ONE), 1),
    "the other shear": (blocks(ONE, ZERO, NILPOTENT, ONE), 1),
    "two shears": (blocks(ONE + NILPOTENT * NILPOTENT.transpose(), NILPOTENT,
                          NILPOTENT.transpose(), ONE), 2),
    "size 1, three shears": (matrix([[2, 3], [1, 2]]), 3),
    "size 1, diagonal": (diagonal(2, Rational(1, 2)), 4),
    "minus identity of size 2": (diagonal(-1, -1), 4),
    "swap": (blocks(ZERO, ONE, -ONE, ZERO), 3),
    "scalar": (diagonal(-1, -1, -1, -1), 4),
    "diag(X, X^-1)": (blocks(ROTATION, ZERO, ZERO, ROTATION.inv()), 4),
    "diag(-I, I)": (diagonal(-1, -1, 1, 1), 6),
    "Jordan blocks 2 and 1, 1 at one": (blocks(ONE + NILPOTENT, ZERO, ZERO, ONE), 4),
    "Jordan blocks 3 and 1, 1, 1 at one": (
        blocks(matrix([[1, 1, 0], [0, 1, 1], [0, 0, 1]]), diagonal(0, 0, 0), diagonal(0, 0, 0),
               diagonal(1, 1, 1)), 6),
    "Jordan block 2 and 1, 1 at two": (
        blocks(matrix([[2, 1], [0, 2]]), ZERO, ZERO, diagonal(Rational(1, 2), Rational(1, 2))), 6),
    "equal scaled blocks": (
        blocks(diagonal(1, 1, Rational(1, 15), Rational(1, 4)), diagonal(0, 0, 0, 0),
               diagonal(1, 1, 0, 0), diagonal(2, 2, 3, 5)), 6),
    "irrational eigenvalues": (
        blocks(matrix([[0, 2], [1, 0]]), ZERO, ZERO, matrix([[0, 1], [Rational(1, 2), 0]])), 4),
    "huge": (blocks(diagonal(HUGE, 1 / HUGE), ZERO, ZERO, ONE), 6),
    "huge and cyclic": (blocks(diagonal(HUGE, 1), ZERO, ZERO, diagonal(1, 1 / HUGE)), 4),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_table(name):
    M, depth = TABLE[name]
    answer = checked(M)
    assert (answer.lower, answer.upper) == (depth, depth)


@pytest.mark.parametrize("name", [name for name in TABLE if name != "huge"])
def test_depth_is_that_of_the_transpose_and_of_the_inverse(name):
    M, depth = TABLE[name]
    assert checked(M.transpose()).lower == checked(M.inv().to_dense()).lower == depth


@pytest.mark.parametrize(
    "field", [GF(2), GF(3), GF(101), QQ.algebraic_field(sqrt(2)), QQ.frac_field(sympy.Symbol("t"))],
    ids=str,
)  # fmt: skip
def test_fields(field):
    t = field.gens[0] if field.is_FractionField else field.convert(1)
    u = field.unit if field.is_AlgebraicField else t
    shear = matrix([[1, u, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, u, 1]], field)
    dense = linalg.from_entries(
        [[field.convert((3 * i + j) % 5) for j in range(2)] for i in range(2)], (2, 2), field
    )
    one, zero = linalg.identity(2, field), linalg.zeros(2, 2, field)
    upper, lower = blocks(one, dense, zero, one), blocks(one, zero, dense * u, one)
    for M in (shear, upper, upper * lower, upper * lower * upper, lower * upper * shear * lower):
        checked(M)


@st.composite
def products(draw):
    """A product of a few shears, often of low rank, over a small field or QQ."""
    field = draw(st.sampled_from([QQ, GF(2), GF(3), GF(5)]))
    n = draw(st.integers(1, 3))
    small = st.integers(-1, 1)
    one, zero = linalg.identity(n, field), linalg.zeros(n, n, field)
    length = draw(st.integers(0, 6))
    M = linalg.identity(2 * n, field)
    for i in range(length):
        rows = [[draw(small) for _ in range(n)] for _ in range(n)]
        X = matrix(rows, field) * draw(st.sampled_from([one, linalg.diagonal(
            [field.one] + [field.zero] * (n - 1), field)]))  # fmt: skip
        M = M * (blocks(one, X, zero, one) if i % 2 else blocks(one, zero, X, one))
    return M, length


@settings(max_examples=30)
@given(products())
def test_products_of_shears(case):
    M, length = case
    answer = checked(M)
    assert answer.lower <= length
    assert answer.upper <= 6


def test_generic_matrices_have_five_layers():
    for d in (4, 6, 10, 16):
        M = matrix_of_determinant_one(d)
        answer = checked(M)
        assert answer.lower == answer.upper == 5


def test_five_or_six_is_said_to_be_open():
    """Du = 2 I and aN = 3 I of size 2 with rank C = 3: the procedure does not decide."""
    third, zero = Rational(1, 3), diagonal(0, 0, 0, 0, 0)
    D = diagonal(1, Rational(9, 4), 1, 2, 2)
    M = blocks(diagonal(1, 1, 1, third, third), zero, diagonal(1, 1, 1, 0, 0), D)
    answer = checked(M)
    assert (answer.lower, answer.upper, answer.is_decided) == (5, 6, False)
    assert str(answer).startswith("from 5 to 6 additive layers (not decided)")


def test_forms_of_input():
    rows = [[1, 2], [3, 7]]
    expected = minimal_depth(rows)
    for M in (sympy.Matrix(rows), DomainMatrix.from_Matrix(sympy.Matrix(rows)), [["1", 2], [3, 7]]):
        assert minimal_depth(M).flow == expected.flow


@pytest.mark.parametrize(
    ("M", "error", "message"),
    [
        ([[1, 0], [0, -1]], OrientationError, "flip"),
        ([[1, 1], [1, 1]], SingularMatrixError, "rank 1 of 2"),
        (sympy.eye(1), InvalidInputError, "at least two coordinates"),
        ([[1, 2]], InvalidInputError, "square"),
    ],
)
def test_refusals(M, error, message):
    with pytest.raises(error, match=message):
        minimal_depth(M)


def test_refusals_of_scales():
    with pytest.raises(InvalidInputError, match=r"det\(M\) = 6: use scales='positive'"):
        minimal_depth([[2, 0], [0, 3]], scales="additive")
    with pytest.raises(InvalidInputError, match="'auto', 'additive', 'positive'"):
        minimal_depth([[1, 0], [0, 1]], scales="any")
    with pytest.raises(OrientationError, match="flip"):
        minimal_depth([[1, 0], [0, -1]], scales="positive")
    with pytest.raises(InvalidInputError, match=r"GF\(7\) .*scales='additive'"):
        minimal_depth(linalg.identity(2, GF(7)), scales="positive")


@pytest.mark.slow
@pytest.mark.parametrize("p", [2, 3, 5, 7])
def test_random_matrices_over_small_fields(p):
    field, generator = GF(p), random.Random(p)
    for n in (3, 4):
        for _ in range(40):
            one, zero, M = linalg.identity(n, field), linalg.zeros(n, n, field), None
            for i in range(7):
                X = matrix([[generator.randrange(p) for _ in range(n)] for _ in range(n)], field)
                layer = blocks(one, X, zero, one) if i % 2 else blocks(one, zero, X, one)
                M = layer if M is None else M * layer
            assert checked(M).is_decided
