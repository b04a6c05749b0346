"""The digits that inversion takes, tables of them, and the law that is fitted to them."""

import numpy as np
import pytest
import sympy
from sympy import Rational

from exactflow import CouplingFlow, LinearCoupling, factor, permutation, random_matrix
from exactflow.errors import InvalidInputError
from exactflow.exact.balls import PrecisionError
from exactflow.laws.universal import Atoms, GaussianMixture, approximate
from proofs.constructions.well_conditioned import approximate_well
from proofs.experiments.inversion import (
    digits_to_invert,
    fit,
    float_error,
    linear_study,
    study,
    worst_points,
)

TARGET = Atoms([[0, 0], [1, 1], [2, 0]], ["1/2", "1/3", "1/6"])


@pytest.mark.parametrize("layers", [2, 3])
def test_study(layers):
    coarse, fine = (study(approximate(TARGET, e, layers=layers), 3) for e in ("1/10", "1/1000"))
    for record in (coarse, fine):
        assert record.depth == layers
        assert record.draws.condition < record.ramp.condition
        assert record.ramp.condition == pytest.approx(record.ramp.lipschitz - record.ramp.least)
        assert record.divergence == float("inf")
    assert coarse.ramp.digits < fine.ramp.digits
    assert fine.ramp.least < coarse.ramp.least - 3
    assert coarse.float_error < 1e-3 < fine.float_error
    assert (coarse.draws.condition == 0) == (layers == 2)


def test_well_conditioned_layers_keep_digits():
    record = study(approximate_well(GaussianMixture([-1, 1], "3/5"), condition=5, eps="1/5"), 3)
    assert record.divergence == 0
    assert record.ramp.digits < 9
    assert record.ramp.condition < 3


@pytest.mark.parametrize("layers", [2, 3])
def test_worst_points_are_on_every_ramp(layers):
    found = approximate(TARGET, "1/100", layers=layers)
    points = list(worst_points(found))
    assert points
    for point in points:
        tangent = found.flow.tangent(point).layers
        assert all(layer.shift != sympy.zeros(1, 1) for layer in tangent)
    with pytest.raises(InvalidInputError, match="no ramp"):
        worst_points(approximate(Atoms([[1, 1]]), 1))


def test_linear_study():
    flows = {
        "dense": factor(random_matrix(4, seed=1)),
        "permutation": factor(permutation([2, 0, 1, 3])),
    }
    dense, perm = linear_study(flows, draws=2)
    assert (dense.name, dense.depth) == ("dense", flows["dense"].depth)
    assert len(dense.layer_conditions) == len(dense.layer_digits) == dense.depth
    assert perm.condition == 0
    assert perm.digits <= dense.digits


def test_fit_reports_its_residual():
    law = fit([0, 1, 2, 3], [0, 1, 2, 7])
    assert law.slope == pytest.approx(2.2)
    assert law.residual == pytest.approx(1.08, abs=0.03)
    with pytest.raises(InvalidInputError, match="different"):
        fit([1, 1], [2, 3])


@pytest.mark.parametrize("shift", [10**5, 10**15, 10**30])
def test_digits_of_one_shear(shift):
    """Absolute error 10^-6 after adding and subtracting numbers near `shift`."""
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [[shift]])])
    digits = digits_to_invert(flow, [["1/3", "1/7"]])
    assert len(str(shift)) + 3 <= digits <= len(str(shift)) + 8


def test_digits_are_a_threshold():
    flow = factor(random_matrix(4, seed=3))
    points = [[Rational(1, 3)] * 4]
    digits = digits_to_invert(flow, points)
    assert digits_to_invert(flow, points, limit=digits) == digits
    with pytest.raises(PrecisionError, match="raise the limit"):
        digits_to_invert(flow, points, limit=digits - 1)


@pytest.mark.parametrize("layers", [2, 3])
def test_float64_fails_where_mpmath_does_not(layers):
    found = approximate(Atoms([[0, 0], [1, 1], [2, 0]]), "1/1000", layers=layers)
    points = worst_points(found)
    assert float_error(found.flow, points) > 1e-3
    assert 16 < digits_to_invert(found.flow, points) < 60


def test_float_error_of_numbers_out_of_range():
    flow = CouplingFlow([LinearCoupling((1, 1), "second", [[10**400]])])
    assert float_error(flow, [[1, 1]]) == np.inf


@pytest.mark.parametrize("options", [{"tol": 0}, {"sample": []}, {"tol": "-1"}])
def test_refuses(options):
    arguments = {"sample": [[1, 1]], **options}
    with pytest.raises(InvalidInputError, match="expected tol > 0"):
        digits_to_invert(CouplingFlow([LinearCoupling((1, 1), "first", [[1]])]), **arguments)


@pytest.mark.parametrize("limit", [0, 1.5, "10"])
def test_a_limit_is_a_positive_integer(limit):
    with pytest.raises(InvalidInputError, match="argument limit to be an integer"):
        digits_to_invert(CouplingFlow([], (1, 1)), [[1, 1]], limit=limit)
