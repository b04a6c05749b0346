"""Quantile functions: those that are none are refused by their place."""

import pytest

from exactflow.errors import InvalidInputError
from proofs.constructions.quantiles import QuantileFunction


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: QuantileFunction([0], [1]), "levels from 0 to 1"),
        (lambda: QuantileFunction([0, "1/2"], [0, 1]), "levels from 0 to 1"),
        (
            lambda: QuantileFunction([0, "1/2", 1], [0, 0, 1]),
            "value 0 constant between .* 0 and 1/2",
        ),
        (lambda: QuantileFunction([0, "1/2", "1/2", 1], [0, 1, 2, 3]), "jump from 1 to 2 at"),
        (lambda: QuantileFunction([0, "1/2", 1], [0, 2, 1]), "got 1/2, 2 before 1, 1"),
    ],
)
def test_refuses(make, words):
    with pytest.raises(InvalidInputError, match=words):
        make()
