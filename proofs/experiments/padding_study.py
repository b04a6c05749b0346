"""Run the padding study: ``python -m proofs.experiments.padding_study``.

Five data sets, four paddings, ten seeds, 2,000 steps of Adam each: 200 flows, *numeric*. Each ends
as a row of ``padding_study.csv`` beside this file, which the proof script ``padding`` reads and
shows. An interrupted run continues where it stopped; rows are never trained twice: to train them
again, delete the file, or some of its rows. About two hours on one core.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator
from dataclasses import astuple, fields
from itertools import product
from pathlib import Path

import numpy as np
from rich.progress import track

from proofs.experiments.training import DATASETS, PADDINGS, TrainingRecord, train

__all__ = ["SEEDS", "STEPS", "TABLE", "read", "run", "summary"]

STEPS, SEEDS = 2000, 10
TABLE = Path(__file__).with_suffix(".csv")
NAMES = [field.name for field in fields(TrainingRecord)]


def read(path: Path = TABLE) -> list[TrainingRecord]:
    """Return the rows of the table, the last record of each flow; an empty list without a file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        TrainingRecord(*(field.type(row[field.name]) for field in fields(TrainingRecord)))
        for row in rows
    ]


def run(
    path: Path = TABLE,
    datasets: Iterable[str] = tuple(DATASETS),
    seeds: int = SEEDS,
    steps: int = STEPS,
) -> None:
    """Train the flows that the table does not have, with a progress bar; append each when it ends.

    Numbers are rounded to four digits: the last ones differ between machines.
    """
    done = {(record.dataset, record.padding, record.seed) for record in read(path)}
    wanted = [
        (dataset, padding, seed)
        for seed, dataset, padding in product(range(seeds), datasets, PADDINGS)
        if (dataset, padding, seed) not in done
    ]
    if not path.exists():
        path.write_text(",".join(NAMES) + "\n", encoding="utf-8")
    for key in track(wanted, "flows trained"):
        record = train(*key, steps=steps, looks=1)[-1]
        values = (f"{v:.4g}" if isinstance(v, float) else v for v in astuple(record))
        with path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(values)


def summary(records: Iterable[TrainingRecord], name: str) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield, for each data set and padding, lower quartile, median, upper quartile and extremes
    over the seeds of one field of the records, as (least, lower, median, upper, largest).
    """
    records = list(records)
    for dataset, padding in product(DATASETS, PADDINGS):
        values = [getattr(r, name) for r in records if (r.dataset, r.padding) == (dataset, padding)]
        if values:
            yield dataset, padding, np.quantile(values, [0, 0.25, 0.5, 0.75, 1])


def main() -> None:
    """Run the study; ``--datasets`` names some of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", nargs="+", choices=DATASETS, default=list(DATASETS))
    run(datasets=parser.parse_args().datasets)


if __name__ == "__main__":
    main()
