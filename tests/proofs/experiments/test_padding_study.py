"""The padding study goes on where it stopped, and its table is read as it was written."""

from dataclasses import astuple

import numpy as np
import pytest

from proofs.experiments import padding_study
from proofs.experiments.training import AVAILABLE, DATASETS, PADDINGS, TrainingRecord

RECORD = TrainingRecord("digits", "zero", 3, 5, *map(float, range(1, 8)))


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    path, trained = tmp_path / "table.csv", []

    def train(dataset, padding, seed, steps, looks):
        trained.append((dataset, padding, seed))
        if len(trained) == 6:
            raise KeyboardInterrupt
        return [TrainingRecord(dataset, padding, seed, steps, *np.arange(1.0, 8.0) / 3)]

    monkeypatch.setattr(padding_study, "train", train)
    with pytest.raises(KeyboardInterrupt):
        padding_study.run(path, ["digits"], seeds=2, steps=7)
    assert len(padding_study.read(path)) == 5
    padding_study.run(path, ["digits"], seeds=2, steps=7)
    records = padding_study.read(path)
    assert len(records) == 2 * len(PADDINGS)
    assert len(trained) == 2 * len(PADDINGS) + 1
    assert records[0].step == 7
    assert records[0].sigma_min_median == 0.6667


def test_the_committed_table():
    records = padding_study.read()
    keys = {(r.dataset, r.padding) for r in records}
    assert keys == {(dataset, padding) for dataset in DATASETS for padding in PADDINGS}
    assert {r.step for r in records} == {padding_study.STEPS}
    assert all(np.isfinite(astuple(r)[3:]).all() for r in records)


def test_a_summary_has_quartiles():
    ((dataset, padding, numbers),) = padding_study.summary([RECORD], "log_likelihood")
    assert (dataset, padding, list(numbers)) == ("digits", "zero", [1.0] * 5)


@pytest.mark.slow
@pytest.mark.skipif(not AVAILABLE, reason="the extra train is not installed")
def test_the_table_is_reproduced_within_seed_noise():
    from proofs.experiments.training import train

    again = train("four Gaussians", "zero", 0, padding_study.STEPS, looks=1)[-1]
    known = [
        r for r in padding_study.read() if (r.dataset, r.padding) == ("four Gaussians", "zero")
    ]
    medians = [r.log_kappa_median for r in known]
    assert min(medians) - 0.5 < again.log_kappa_median < max(medians) + 0.5
