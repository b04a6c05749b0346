"""Tables and the law that is fitted to them."""

import csv

import pytest
import sympy

from exactflow import factor, permutation, random_matrix
from exactflow.errors import InvalidInputError
from exactflow.universal import Atoms, approximate
from proofs.experiments.study import fit, linear_study, study, worst_point, write_csv

TARGET = Atoms([[0, 0], [1, 1], [2, 0]])


def test_study(tmp_path):
    records = study(TARGET, ["1/10", "1/1000"], draws=3)
    for record in records:
        assert record.bound <= record.eps
        assert record.log_kappa_draws < record.log_kappa_worst
        assert record.digits_draws <= record.digits
    coarse, fine = records
    assert coarse.digits < fine.digits
    assert coarse.float_error < 1e-3 < fine.float_error
    write_csv(records, tmp_path / "study.csv")
    with (tmp_path / "study.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["eps"] for row in rows] == ["1/10", "1/1000"]
    assert [int(row["digits"]) for row in rows] == [coarse.digits, fine.digits]


def test_worst_point_is_on_every_ramp():
    found = approximate(TARGET, "1/100")
    layers = found.flow.tangent(worst_point(found)).layers
    assert all(layer.shift != sympy.zeros(1, 1) for layer in layers)
    with pytest.raises(InvalidInputError, match="no ramp"):
        worst_point(approximate(Atoms([[1, 1]]), 1))


def test_linear_study():
    flows = {
        "dense": factor(random_matrix(4, seed=1)),
        "permutation": factor(permutation([2, 0, 1, 3])),
    }
    dense, perm = linear_study(flows, draws=2)
    assert (dense.name, dense.depth) == ("dense", flows["dense"].depth)
    assert len(dense.log_kappa_layers) == len(dense.digits_layers) == dense.depth
    assert perm.log_kappa == 0
    assert perm.digits <= dense.digits


def test_fit_reports_its_residual():
    law = fit([0, 1, 2, 3], [0, 1, 2, 7])
    assert law.slope == pytest.approx(2.2)
    assert law.residual == pytest.approx(1.08, abs=0.03)
    with pytest.raises(InvalidInputError, match="different"):
        fit([1, 1], [2, 3])
