"""A smoke run of the training experiment, where PyTorch and zuko are installed."""

import numpy as np
import pytest

from exactflow.errors import InvalidInputError, MissingExtraError
from proofs.experiments import training

needs_torch = pytest.mark.skipif(not training.AVAILABLE, reason="the extra train is not installed")


@pytest.mark.skipif(training.AVAILABLE, reason="the extra train is installed")
def test_says_what_to_install():
    with pytest.raises(MissingExtraError, match=r"pip install .exactflow\[train\]"):
        training.train("Swiss roll", "zero", 0)


@needs_torch
@pytest.mark.parametrize("padding", training.PADDINGS)
def test_a_few_steps(padding):
    options = {"steps": 6, "looks": 2, "layers": 2, "width": 8, "batch": 16}
    records = training.train("four Gaussians", padding, 1, **options)
    assert [record.step for record in records] == [0, 3, 6]
    assert all(np.isfinite(record.log_likelihood) for record in records)
    assert all(0 <= r.log_kappa_median <= r.log_kappa_largest for r in records)
    assert training.train("four Gaussians", padding, 1, **options) == records


@needs_torch
def test_refuses():
    with pytest.raises(InvalidInputError, match="padding among"):
        training.train("Swiss roll", "ones", 0, steps=1)
    with pytest.raises(InvalidInputError, match="data set among"):
        training.train("two moons", "none", 0, steps=1)
