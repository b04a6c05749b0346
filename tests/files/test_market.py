"""Matrix Market files that lie, and what the format leaves out."""

import pytest
import sympy

from exactflow.errors import InvalidInputError, SingularMatrixError
from exactflow.files.market import read_market


def market(kind: str, *lines: str) -> str:
    return "\n".join([f"%%MatrixMarket matrix {kind}", *lines])


GOOD = [
    ("coordinate integer symmetric", ["2 2 2", "1 1 5", "2 1 3"], [[5, 3], [3, 0]]),
    ("coordinate integer skew-symmetric", ["2 2 1", "2 1 3"], [[0, -3], [3, 0]]),
    ("coordinate pattern symmetric", ["2 2 1", "2 1"], [[0, 1], [1, 0]]),
    ("array real symmetric", ["2 2", "1 2", "0.5"], [[1, 2], [2, "1/2"]]),
    ("array rational skew-symmetric", ["2 2", "1/3"], [[0, "-1/3"], ["1/3", 0]]),
    ("array integer general", ["2 3", "1 2 3 4 5 6"], [[1, 3, 5], [2, 4, 6]]),
    ("array integer general", ["1 1", "9" * 5000], [[10**5000 - 1]]),
]


@pytest.mark.parametrize(("kind", "lines", "matrix"), GOOD)
def test_reads(kind, lines, matrix):
    assert read_market(market(kind, *lines)).to_Matrix() == sympy.Matrix(matrix)


LIES = [
    ("coordinate real symmetric", ["2 2 3", "1 1 1", "2 1 2", "1 2 3"], "on or below the diag"),
    ("coordinate real symmetric", ["2 2 2", "1 2 3", "2 2 1"], "on or below the diagonal"),
    ("coordinate real skew-symmetric", ["2 2 2", "1 1 1", "2 1 2"], "2 x 2 below the diag"),
    ("coordinate real symmetric", ["2 3 3", "1 1 1", "2 1 2", "2 2 3"], "square symmetric"),
    ("array real skew-symmetric", ["2 2", "0 1 0"], "expected 1 entries, got 3"),
    ("array real symmetric", ["3 2", "1 2 3 4 5"], "square symmetric"),
    ("array real general", ["1000000 1000000", "1"], "expected 1000000000000 entries, got 1"),
    ("array real general", ["9" * 5000 + " 1", "1"], "expected 2 sizes"),
    ("coordinate real general", ["9" * 5000 + " 1 1", "1 1 1"], "expected 3 sizes"),
    ("coordinate real general", ["2 2 1", "9" * 5000 + " 1 1"], "expected 2 sizes"),
    ("coordinate real general", ["2 2 1", "-1 1 1"], "expected 2 sizes"),
    ("coordinate pattern general", ["1 1 1", "1 1 5"], "one value"),
    ("coordinate real general", ["1 1 1", "1 1"], "one value"),
    ("coordinate real general", ["1 1 1", "1 1 1e99999"], "exponent"),
    ("coordinate real general", ["1 1 1", "1 1 nan"], r"entry \(0, 0\)"),
    ("coordinate real hermitian", ["1 1 1", "1 1 1"], "hermitian"),
    ("coordinate real general", [], "expected 3 sizes"),
]


@pytest.mark.parametrize(("kind", "lines", "words"), LIES)
def test_refuses(kind, lines, words):
    with pytest.raises(InvalidInputError, match=words) as raised:
        read_market(market(kind, *lines))
    assert len(str(raised.value)) < 300


def test_a_size_is_no_reason_to_allocate():
    with pytest.raises(SingularMatrixError, match="999999 of them"):
        read_market(market("coordinate real general", "1000000 1000000 1", "1 1 1"))
    with pytest.raises(SingularMatrixError, match="1 of them"):
        read_market(market("coordinate real general", "2 2 2", "1 1 1", "2 1 0"))
