"""What a script derives equals what it expects exactly, or not at all."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from sympy import GF, QQ, RR, ZZ
from sympy.combinatorics import Permutation
from sympy.matrices.expressions import PermutationMatrix
from sympy.polys.matrices import DomainMatrix

from exactflow import factor
from exactflow.claims import Check, ProofError
from exactflow.errors import InvalidInputError, UndecidedClaimError
from exactflow.flows.equality import are_equal

T = sympy.Symbol("t", positive=True)
X = sympy.MatrixSymbol("X", sympy.Symbol("n"), 2)
Y = sympy.MatrixSymbol("Y", sympy.Symbol("n"), 2)
ROWS = [[2, 1], [1, 1]]
M = sympy.Matrix(ROWS)
SPARSE = DomainMatrix.from_Matrix(M).to_sparse()
FLOW = factor(M)


@dataclass(frozen=True)
class Point:
    x: int


@pytest.mark.parametrize(
    ("derived", "expected"),
    [
        (1, True),
        (Fraction(1, 2), 0.5),
        (np.float32(0.5), sympy.Rational(1, 2)),
        (np.float32(0.1), float(np.float32(0.1))),
        (np.longdouble(0.5), 0.5),
        (np.int64(2**53), float(2**53)),
        (mpmath.mpf("0.25"), Decimal("0.25")),
        (sympy.Float("0.5", 50), 0.5),
        (T + sympy.Float(0.5), T + sympy.Rational(1, 2)),
        (1 + 0j, 1),
        (np.complex64(1 + 0.5j), 1 + 0.5j),
        (np.clongdouble(1), 1),
        (float("inf"), np.inf),
        (np.float64("inf"), sympy.oo),
        (QQ(1, 2), Fraction(1, 2)),
        ("a", np.str_("a")),
        ((1, 0.5), (1, Fraction(1, 2))),
        ({"a": [0.5]}, {"a": [Fraction(1, 2)]}),
        ({0.5: 1}, {Fraction(1, 2): 1}),
        ({np.float32(0.5)}, frozenset([0.5])),
        (sympy.Identity(2), [[1, 0], [0, 1]]),
        (PermutationMatrix(Permutation([0, 1])), sympy.Identity(2)),
        (sympy.MatrixSymbol("A", 2, 2) * sympy.Identity(2), sympy.MatrixSymbol("A", 2, 2)),
        ({(1 + T) ** 2, 0.5}, {1 + 2 * T + T**2, Fraction(1, 2)}),
        ({(1 + T) ** 2: [1]}, {1 + 2 * T + T**2: [1.0]}),
        ({(0, 1 + 2j)}, {(0, 1 + 2 * sympy.I)}),
        (Point(1), Point(1)),
        (None, None),
        (np.array([1, 2]), [1, 2]),
        (np.array([[0.5, 1]]), sympy.Matrix([[sympy.Rational(1, 2), 1]])),
        (np.array(0.5), 0.5),
        (np.ma.array([1, 2], mask=[False, False]), np.array([1, 2])),
        (FLOW, M),
        (FLOW, ROWS),
        (np.array(ROWS), FLOW),
        (FLOW, factor(M)),
        (SPARSE, SPARSE.to_dense()),
        (SPARSE.convert_to(QQ), DomainMatrix(ROWS, (2, 2), ZZ)),
        (SPARSE, M.as_immutable()),
        (SPARSE, mpmath.matrix(ROWS)),
        (DomainMatrix([[GF(5)(4)]], (1, 1), GF(5)), [[-1]]),
        (DomainMatrix([[GF(5)(4)]], (1, 1), GF(5)), [[9]]),
        (DomainMatrix([[RR(0.5)]], (1, 1), RR), [[0.5]]),
        (factor([[T, 1], [0, 1]]), [[T, 1], [0, (T**2 + T) / (T * (T + 1))]]),
        ([M], [FLOW]),
        (sympy.Matrix([[0, 1], [1, 0]]), PermutationMatrix(Permutation([1, 0]))),
        (X * X.T, X * X.T),
        (1 + sympy.I / 2, 1 + 0.5j),
        ((1 + sympy.sqrt(2)) ** 2, 3 + 2 * sympy.sqrt(2)),
        (sympy.Matrix([[T * (T + 1)]]), sympy.Matrix([[T**2 + T]])),
        (sympy.sin(T) ** 2 + sympy.cos(T) ** 2, 1),
        (sympy.Function("f")(T), sympy.Function("f")(T)),
        ((sympy.exp(3 * T / 2) + sympy.exp(T / 2)) * sympy.exp(-T / 2), sympy.exp(T) + 1),
        ({(1 + T) ** 2, sympy.Function("f")(T)}, {sympy.Function("f")(T), 1 + 2 * T + T**2}),
        (sympy.Identity(10**5), sympy.Identity(10**5)),
    ],
)
def test_equal(derived, expected):
    assert are_equal(derived, expected) is True
    assert are_equal(expected, derived) is True


@pytest.mark.parametrize(
    ("derived", "expected"),
    [
        (np.int64(2**53 + 1), float(2**53)),
        (np.uint64(2**64 - 1), np.float64(2**64)),
        (np.float32(0.1), 0.1),
        (np.float16(0.1), np.float32(0.1)),
        (np.longdouble(1) + np.longdouble(2) ** -60, 1.0),
        (sympy.Float(0.1), sympy.Rational(1, 10)),
        (sympy.Float(0.1, 10), sympy.Float(0.1, 30)),
        (T + sympy.Float(0.1), T + sympy.Rational(1, 10)),
        (mpmath.mpf(1) / 3, Fraction(1, 3)),
        (Decimal("0.1"), 0.1),
        (complex(2**53, 1), (2**53, 1, 0)),
        (1 + 2j, (1, 2)),
        ({1 + 2j}, {(1, 2)}),
        (sympy.Identity(2), [[1, 0], [0, 2]]),
        (PermutationMatrix(Permutation([1, 0])), sympy.Identity(2)),
        (sympy.Identity(2), sympy.Identity(3)),
        ({T, 1}, {T}),
        ({T: 1}, {T + 1: 1}),
        ({T: 1, 2: 3}, {T: 1}),
        (1 + 2j, 1 + 3 * sympy.I),
        ([1, 2], (1, 2)),
        ([1, 2], [1, 2, 3]),
        ({0.1: 1}, {Fraction(1, 10): 1}),
        ({"a": 1}, {"b": 1}),
        (Point(1), Point(2)),
        (1, None),
        ("1/2", Fraction(1, 2)),
        (np.array([2**53 + 1]), np.array([float(2**53)])),
        (np.array([1, 1]), np.array([1])),
        (np.zeros((0, 2)), np.zeros((0, 3))),
        (np.array([1]), None),
        (FLOW, [[2, 1], [1, 2]]),
        (FLOW, factor([[1, 1], [0, 1]])),
        (SPARSE, [[2, 1]]),
        (DomainMatrix([[GF(5)(1)]], (1, 1), GF(5)), DomainMatrix([[GF(7)(1)]], (1, 1), GF(7))),
        (DomainMatrix([[GF(5)(1)]], (1, 1), GF(5)), [["1/5"]]),
        (M, "no matrix"),
        (M, X),
        (X, 1),
        (T, 1),
        (sympy.sqrt(2), Fraction(3, 2)),
        (sympy.pi, Fraction(22, 7)),
        (sympy.oo, T),
        (True, sympy.sqrt(2)),
        (sympy.Inverse(sympy.ImmutableMatrix([[1, 1], [1, 1]])), 3),
    ],
)
def test_different(derived, expected):
    assert are_equal(derived, expected) is False
    assert are_equal(expected, derived) is False


@pytest.mark.parametrize(
    ("derived", "expected"),
    [(sympy.Function("f")(T), sympy.Function("g")(T)), (X.T * (X + Y), X.T * X + X.T * Y)],
)
def test_an_undecided_equality_is_not_refuted(derived, expected):
    check = Check("a")
    with pytest.raises(UndecidedClaimError, match="neither proved nor refuted"):
        check.equal(derived, expected)
    assert (check.instances, check.failures) == (0, [])


NAN = float("nan")


@pytest.mark.parametrize(
    "value",
    [
        NAN,
        np.float32("nan"),
        np.longdouble("nan"),
        Decimal("nan"),
        mpmath.mpf("nan"),
        complex(1, NAN),
        sympy.nan,
        [NAN],
        (1, (NAN,)),
        {NAN},
        {"a": NAN},
        np.array([1, NAN]),
        np.array([NAN], dtype=object),
        sympy.Matrix([[sympy.nan]]),
        np.ma.masked,
        np.ma.array([1, 2], mask=[False, True]),
    ],
)
def test_what_has_no_value_equals_nothing_not_even_itself(value):
    with pytest.raises(InvalidInputError, match=r"NaN|masked"):
        are_equal(value, value)
    with pytest.raises(ProofError, match=r"^a: expected .* to compare, got (NaN|masked)"):
        Check("a").equal(value, value)


def test_tensors_compare_by_their_entries():
    torch = pytest.importorskip("torch")
    assert are_equal(torch.tensor(ROWS, dtype=torch.float32), FLOW)
    assert are_equal(torch.tensor(ROWS).to_sparse(), np.array(ROWS))
    assert not are_equal(torch.tensor([0.1]), [0.1])
    with pytest.raises(InvalidInputError, match="NaN"):
        are_equal(torch.tensor([NAN]), torch.tensor([NAN]))


def test_a_signaling_nan_is_refused():
    with pytest.raises(ProofError, match="got NaN"):
        Check("a").equal(Decimal("snan"), Decimal("snan"))


def test_a_tensor_without_entries_is_refused():
    torch = pytest.importorskip("torch")
    with pytest.raises(ProofError, match="a: the entries of a tensor cannot be read"):
        Check("a").equal(torch.empty(2, device="meta"), [1, 2])
