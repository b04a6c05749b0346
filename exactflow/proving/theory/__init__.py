"""The table of theorems: statement, hypotheses, evidence and script of each.

    >>> from exactflow import theorems
    >>> theorems["six layers"].check([[0, -1], [1, 0]]).depth
    3

``theorems.toml`` is the single source of the tables in README, in the book, in
``proofs/rocq/proved.md`` and of ``exactflow theorems``. `instance_checks` has the functions that
check the theorems on instances.
"""

import tomllib
from importlib.resources import files as resources
from typing import Any

from exactflow.proving.theory.instance_checks import TRIALS
from exactflow.proving.theory.theorem import (
    Challenge,
    FormalStatements,
    Hypothesis,
    Theorem,
    Theorems,
)

__all__ = ["Challenge", "Hypothesis", "Theorem", "Theorems", "theorems"]

_KMR = (
    "Koehler, Mehta, Risteski, Representational aspects of depth and conditioning in normalizing "
    "flows, ICML 2021"
)
_ROWS = tomllib.loads(
    resources("exactflow.proving.theory").joinpath("theorems.toml").read_text("utf-8")
)


def _build_theorem(name: str, row: dict[str, Any]) -> Theorem:
    row["source"] = row["source"].replace("KMR", _KMR)
    parts: list[dict[str, Any]] = [
        {key: tuple(x) if isinstance(x, list) else x for key, x in part.items()}
        for part in row.get("proved", ())
    ]
    row["proved"] = tuple(FormalStatements(**part) for part in parts)
    return Theorem(name=name, **row, **TRIALS.get(name, {}))


#: The table of theorems: use a theorem by its name, as ``theorems["six layers"].check(M)``.
theorems = Theorems(_build_theorem(name, row) for name, row in _ROWS.items())
