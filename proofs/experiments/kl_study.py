"""Compare trained couplings with four constructed ones: ``python -m proofs.experiments.kl_study``.

Three laws, Real NVP (Dinh, Sohl-Dickstein and Bengio 2017) of 4, 8 and 16 couplings, 1,500 steps of
Adam on batches of a fixed sample of 100,000 points: *numeric*. Each flow ends as a row of
``kl_study.csv`` beside this file, which the proof script ``universal_in_kl`` shows: KL(P | flow)
from 100,000 fresh points, in nats. Rows are never trained twice. Needs the extra ``train``.
"""

import csv
from itertools import product
from pathlib import Path

import numpy as np

from exactflow.errors import require
from exactflow.laws.universal import Histogram, TargetMeasure, checkerboard, uniform
from proofs.experiments.densities import draw_and_density, moons

__all__ = ["DEPTHS", "LAWS", "TABLE", "read", "run", "train"]

TABLE = Path(__file__).with_suffix(".csv")
DEPTHS, SEEDS, STEPS, COUNT = (4, 8, 16), 1, 1500, 100_000
LAWS = {
    "uniform on the unit square": uniform([0, 0], [1, 1]),
    "checkerboard": checkerboard(),
    "two moons, 32 x 32 bins": Histogram.of(moons(100_000), bins=32),
}


def read(path: Path = TABLE) -> list[dict[str, str]]:
    """Return the rows of the table; an empty list without a file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def train(law: TargetMeasure, depth: int, seed: int, steps: int = STEPS) -> float:
    """Return an estimate of KL(law | flow) for a flow of `depth` couplings, trained by Adam."""
    torch, zuko = (require(name, "train", "training flows") for name in ("torch", "zuko"))
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    sample, _ = draw_and_density(law, COUNT, rng)
    mean, deviation = sample.mean(axis=0), sample.std(axis=0)
    points = torch.from_numpy((sample - mean) / deviation).float()
    flow = zuko.flows.RealNVP(2, transforms=depth, hidden_features=(64, 64))
    optimizer = torch.optim.Adam(flow.parameters(), lr=1e-3)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        loss = -flow().log_prob(points[torch.randint(COUNT, (256,))]).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 10.0)
        optimizer.step()
        decay.step()
    fresh, density = draw_and_density(law, COUNT, rng)
    with torch.no_grad():
        values = flow().log_prob(torch.from_numpy((fresh - mean) / deviation).float()).double()
    return float((density - values.numpy() + np.log(deviation).sum()).mean())


def run(path: Path = TABLE, seeds: int = SEEDS, steps: int = STEPS) -> None:
    """Train the flows that the table does not have; append each when it ends."""
    done = {(row["law"], int(row["couplings"]), int(row["seed"])) for row in read(path)}
    if not path.exists():
        path.write_text("law,couplings,seed,kl\n", encoding="utf-8")
    for seed, name, depth in product(range(seeds), LAWS, DEPTHS):
        if (name, depth, seed) not in done:
            divergence = train(LAWS[name], depth, seed, steps)
            with path.open("a", encoding="utf-8", newline="") as file:
                row = name, depth, seed, f"{divergence:.4g}"
                csv.writer(file, lineterminator="\n").writerow(row)


if __name__ == "__main__":
    run()
