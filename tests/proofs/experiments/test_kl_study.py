"""The study of trained couplings goes on where it stopped, and its table is complete."""

from itertools import product

import pytest

from proofs.experiments import kl_study
from proofs.experiments.training import AVAILABLE


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch):
    path, trained = tmp_path / "table.csv", []

    def train(law, depth, seed, steps):
        trained.append((law, depth, seed))
        if len(trained) == 4:
            raise KeyboardInterrupt
        return depth / 7

    monkeypatch.setattr(kl_study, "train", train)
    with pytest.raises(KeyboardInterrupt):
        kl_study.run(path, seeds=1, steps=7)
    assert len(kl_study.read(path)) == 3
    kl_study.run(path, seeds=1, steps=7)
    rows = kl_study.read(path)
    assert len(rows) == 9
    assert rows[0]["kl"] == "0.5714"


def test_the_committed_table():
    keys = {(row["law"], int(row["couplings"])) for row in kl_study.read()}
    assert keys == set(product(kl_study.LAWS, kl_study.DEPTHS))
    assert all(float(row["kl"]) > 0 for row in kl_study.read())


@pytest.mark.skipif(not AVAILABLE, reason="needs the extra train")
def test_training_lowers_kl():
    law = kl_study.LAWS["uniform on the unit square"]
    assert 0 < kl_study.train(law, 4, 0, steps=60) < kl_study.train(law, 4, 0, steps=1)
