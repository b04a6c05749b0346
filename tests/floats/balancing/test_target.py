"""What a target says of a matrix: its digits, and the root of its determinant."""

from fractions import Fraction

import numpy as np
import pytest

from exactflow.exact import coerce
from exactflow.floats.balancing import balance
from exactflow.floats.balancing.target import Target
from exactflow.floats.lossless import lossless

THIRD = Fraction(1, 3)


@pytest.mark.parametrize(
    ("W", "root"),
    [
        ([[2, 1], [1, 1]], 1),
        ([[4, 0], [0, 9]], 6),
        ([[THIRD, 0], [0, THIRD]], THIRD),
        ([[2, 0], [0, 1]], None),  # no rational number
        (np.diag([2.0**-1000, 2.0**1000, 1, 1, 1]), None),  # too long
    ],
)
def test_the_root_of_the_determinant_where_it_is_rational(W, root):
    assert Target.check_and_orient(W).rational_determinant_root_if_cheap == root


@pytest.mark.parametrize(("bits", "is_known"), [(2048, True), (2049, False)])
def test_the_root_is_exact_up_to_the_limit_of_dimension_times_bits(bits, is_known):
    size = 2 ** (bits - 1)
    entries = np.array([[Fraction(1, size), 0], [0, Fraction(1, size)]], dtype=object)
    root = Target.from_floats((1, 1), entries).rational_determinant_root_if_cheap
    assert root == (Fraction(1, size) if is_known else None)


def test_the_root_is_that_of_the_matrix_after_its_flips():
    assert Target.check_and_orient([[0, 3], [3, 0]], "flip").rational_determinant_root_if_cheap == 3


def test_a_matrix_over_its_root_is_on_the_same_halves():
    target = Target.check_and_orient(
        4 * np.diag([1.0, 2, 3, 0.5]), partition=[1, 0, 1, 1]
    ).with_unit_determinant
    assert target.halves == (3, 1)
    assert np.linalg.det(target.entries) == pytest.approx(1)


@pytest.mark.parametrize("method", [balance, lossless])
@pytest.mark.parametrize("W", [[[2, 1], [1, 1]], [[THIRD, 1], [0, 3]], [[0, -1], [1, 0]]])
def test_an_argument_is_converted_once(method, W, monkeypatch):
    seen, convert = [], coerce.as_rectangular_matrix
    monkeypatch.setattr(
        coerce, "as_rectangular_matrix", lambda M: seen.append(M is W) or convert(M)
    )
    method(W)
    assert seen.count(True) == 1
