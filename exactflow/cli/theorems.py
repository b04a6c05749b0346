"""The table of theorems; one of them; and one of them on a matrix."""

import argparse
import json
import shutil
from typing import TYPE_CHECKING

from exactflow.cli import common
from exactflow.errors import InvalidInputError

if TYPE_CHECKING:
    from exactflow.theory import Theorem

__all__ = ["add_arguments", "run"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", nargs="*", metavar="NAME", help="of a theorem: six layers")
    command.add_argument("--check", dest="file", metavar="FILE", help="a matrix to try it on")
    command.add_argument(
        "--challenge", type=int, metavar="N", help="draw N instances, and look for a counterexample"
    )
    command.add_argument("--seed", type=int, default=0, help="of the draws (default: 0)")
    common.partition_argument(command.add_argument_group("coordinates"))
    common.reading_arguments(command)
    command.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> int:
    from exactflow.theory import theorems

    width = min(shutil.get_terminal_size().columns, 88)
    if not arguments.name:
        if arguments.file or arguments.challenge is not None:
            raise InvalidInputError("expected the NAME of a theorem with --check and --challenge")
        names = {name: row.statement for name, row in theorems.items()}
        print(json.dumps(names) if arguments.json else theorems.table(width))
        return 0
    theorem = theorems[" ".join(arguments.name)]
    if arguments.file:
        return _check(theorem, arguments)
    if arguments.challenge is not None:
        return _challenge(theorem, arguments)
    print(json.dumps(_record(theorem)) if arguments.json else theorem.text(width))
    return 0


def _record(theorem: "Theorem") -> dict[str, object]:
    shown = ("number", "name", "statement", "latex", "source", "checked", "found", "script", "door")
    return common.fields(theorem, *shown) | {
        "hypotheses": [h.says for h in theorem.hypotheses],
        "formal": theorem.formal.split(),
    }


def _check(theorem: "Theorem", arguments: argparse.Namespace) -> int:
    matrix = common.read(arguments).matrix
    instance = matrix if arguments.partition is None else (matrix, arguments.partition)
    result = theorem.check(instance)
    sentence = f"{theorem.name}: holds here, with {result.depth} layers"
    record = {"theorem": theorem.name, "depth": result.depth}
    print(json.dumps(record) if arguments.json else sentence)
    return 0


def _challenge(theorem: "Theorem", arguments: argparse.Namespace) -> int:
    if arguments.challenge < 1:
        raise InvalidInputError(f"expected at least one instance, got {arguments.challenge}")
    found = theorem.challenge(arguments.challenge, arguments.seed, progress=not arguments.json)
    record = {"theorem": theorem.name, "instances": found.count, "reason": found.reason}
    print(json.dumps(record) if arguments.json else found)
    return 0 if found.counterexample is None else 1
