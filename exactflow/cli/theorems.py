"""``exactflow theorems``: list the theorems, show one of them, or try it on a matrix."""

import argparse
import json
import shutil

from exactflow.cli import common
from exactflow.errors import InvalidInputError
from exactflow.proving.theory import theorems
from exactflow.proving.theory.instance_checks import PAIR

EXAMPLES = (
    "exactflow theorems",
    "exactflow theorems six layers --check matrix.csv",
    "exactflow theorems six layers --challenge 10",
)
EXIT_CODES = {0: "no counterexample was found", 1: "a counterexample was found"}

_SHOWN = "number", "name", "statement", "latex", "source", "checked", "found", "script", "function"


def add_arguments(command: argparse.ArgumentParser) -> None:
    text = "name or number of a theorem: six layers, 2a"
    command.add_argument("name", nargs="*", metavar="NAME", help=text)
    trial = command.add_mutually_exclusive_group()
    trial.add_argument(
        "--check", dest="file", metavar="FILE", help="try the theorem on the matrix in this file"
    )
    trial.add_argument(
        "--challenge", type=int, metavar="N", help="draw N instances, and look for a counterexample"
    )
    common.add_seed_option(command, "draws")
    command.set_defaults(seed=None)  # so that a seed without --challenge is noticed
    common.add_partition_option(command)
    common.add_key_and_transpose_options(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    about_matrix = common.get_attributes(arguments, "partition", "key").values()
    is_read = arguments.transpose or any(value is not None for value in about_matrix)
    if arguments.file is None and is_read:
        raise InvalidInputError(
            "--partition, --key and --transpose are about the matrix of --check: add --check FILE"
        )
    if arguments.seed is not None and arguments.challenge is None:
        raise InvalidInputError("--seed is about the draws of --challenge: add --challenge N")
    width = min(shutil.get_terminal_size().columns, 88)
    if not arguments.name:
        if arguments.file is not None or arguments.challenge is not None:
            raise InvalidInputError(
                "--check and --challenge need the NAME of a theorem: `exactflow theorems` lists all"
            )
        names = {name: row.statement for name, row in theorems.items()}
        print(json.dumps(names) if arguments.json else theorems.table(width=width))
        return 0
    theorem, is_refuted = theorems[" ".join(arguments.name)], False
    record: dict[str, object] = {"theorem": theorem.name}
    if arguments.partition is not None and PAIR not in theorem.hypotheses:
        raise InvalidInputError(
            f'the theorem "{theorem.name}" is not about a partition: leave out --partition'
        )
    if arguments.file is not None:
        matrix = common.read_matrix_file(arguments).matrix
        instance = matrix if arguments.partition is None else (matrix, arguments.partition)
        depth = theorem.check(instance).depth
        record |= {"checked": theorem.tried, "depth": depth}
        layers = "1 layer" if depth == 1 else f"{depth} layers"
        text = (
            f"{theorem.name}, on this instance: {theorem.tried} ({layers} here).\n"
            f"The theorem says for all: {theorem.statement}"
        )
    elif arguments.challenge is not None:
        if arguments.challenge < 1:
            raise InvalidInputError(
                f"expected a number of instances >= 1 as --challenge, got {arguments.challenge}"
            )
        found = theorem.challenge(
            arguments.challenge, seed=arguments.seed or 0, progress=not arguments.json
        )
        is_refuted = found.counterexample is not None
        record |= {"checked": found.tried, "instances": found.count, "reason": found.reason}
        text = str(found)
    else:
        record = common.get_attributes(theorem, *_SHOWN) | {
            "hypotheses": [h.says for h in theorem.hypotheses],
            "formal": theorem.formal,
        }
        text = theorem.text(width=width)
    print(json.dumps(record) if arguments.json else text)
    return int(is_refuted)
