"""Tolerances and measures of any magnitude: a certified flow, or one clear refusal."""

from fractions import Fraction

import pytest
import sympy

from exactflow.errors import InvalidInputError
from exactflow.laws.universal import Atoms, Boxes, approximate, uniform
from proofs.constructions.spheres import Ring

HUGE = 10**300
TWO = Atoms([[0, 0], [1, 1]])


@pytest.mark.parametrize(
    ("target", "eps"),
    [
        (TWO, 10**400),
        (TWO, Fraction(1, 10**250)),
        (uniform([0, 0], [1, 1]), 10**400),
        (Atoms([[0, 0], [10**400, 1]]), 10**399),
        (Atoms([[0, 0], ["1e-400", 1]]), 10**400),
        (Atoms([[0, 0], [1, 1]], ["1e-300", 1 - Fraction(1, HUGE)]), "1/10"),
        (Boxes([([0, 0], [HUGE, 0])]), HUGE),
        (Atoms([[0, 1], [0, 2], [0, 3], [10**300, 0]]), "1/10"),
        (
            Atoms(
                [[0, 1], [0, 2], [0, 3], [2**600, 0]],
                ["1e-300", "1/2", "1/4", Fraction(1, 4) - Fraction(1, 10**300)],
            ),
            "1/10",
        ),
        (Ring(1, 1), 10**400),
        (Ring(HUGE, HUGE), 10**299),
        (Ring(0, HUGE), 10**299),
        (Ring(HUGE, HUGE + 1), 10**310),
        (Ring("1e-20", "1e-20"), "1e-21"),
        (Ring(0, "1e-20"), "1e-21"),
        (Ring("1e-20", "1e-20"), "1/10"),
        (Ring(1, 1, 0, "1e-30"), "1/10"),
    ],
)
def test_any_magnitude(target, eps):
    found = approximate(target, eps)
    assert 0 < found.bound <= found.eps == sympy.Rational(Fraction(eps))
    assert found.flow.depth == 2
    assert "inf" not in repr(found)
    assert len(repr(found)) < 400


@pytest.mark.parametrize(
    ("eps", "words"),
    [
        (0, "eps >= 2"),
        (-1, "eps >= 2"),
        (Fraction(1, 10**1000), r"2\^-900.* number is 2\^-1074$"),
        ("1e-400", "2.-900"),
        ("a", "such as"),
        (None, "NoneType"),
        (float("nan"), "finite"),
        (sympy.sqrt(2), "rational"),
    ],
)
def test_refuses_eps(eps, words):
    with pytest.raises(InvalidInputError, match=words):
        approximate(TWO, eps)


def test_too_many_atoms_is_a_short_message():
    with pytest.raises(InvalidInputError, match="atoms, and at most 1048576") as error:
        approximate(Ring(HUGE, HUGE), "1/10")
    assert len(str(error.value)) < 300
