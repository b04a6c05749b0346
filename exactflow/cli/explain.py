"""The proof of the theorem on one matrix, in numbered steps."""

import argparse
from typing import Any

from exactflow.cli.common import (
    construction_arguments,
    construction_options,
    read,
    reading_arguments,
    stops_first,
)

__all__ = ["add_arguments", "run"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.depth import DEPTH_SCALES

    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument(
        "--depth",
        choices=DEPTH_SCALES,
        help="explain the least depth, with such scales, in the place of a factorization",
    )
    construction_arguments(command)
    reading_arguments(command)
    form = command.add_argument_group("what comes out").add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="a LaTeX document")
    form.add_argument("--markdown", action="store_true", help="Markdown with formulas")
    form.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> int:
    matrix = read(arguments).matrix
    if not arguments.depth and stops_first(matrix, arguments):
        return 3
    explanation = _explained(matrix, arguments)
    if arguments.latex:
        print(explanation.latex(), end="")
    elif arguments.markdown:
        print(explanation.markdown())
    elif arguments.json:
        print(explanation.json())
    else:
        from rich.console import Console

        Console(highlight=False).print(explanation)
    return 0


def _explained(matrix: Any, arguments: argparse.Namespace) -> Any:
    if arguments.depth:
        from exactflow.depth import minimal_depth

        return minimal_depth(matrix, scales=arguments.depth).explain()
    from exactflow.factorization import explain

    return explain(matrix, **construction_options(arguments))
