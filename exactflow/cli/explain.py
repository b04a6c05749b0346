"""The proof of the theorem on one matrix, in numbered steps."""

import argparse

from exactflow.cli import common
from exactflow.errors import InvalidInputError

__all__ = ["add_arguments", "run"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.depth import DEPTH_SCALES

    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument(
        "--depth",
        choices=DEPTH_SCALES,
        help="explain the least depth, with such scales, in the place of a factorization",
    )
    common.construction_arguments(command)
    common.reading_arguments(command)
    form = command.add_argument_group("what comes out").add_mutually_exclusive_group()
    form.add_argument("--latex", action="store_true", help="a LaTeX document")
    form.add_argument("--markdown", action="store_true", help="Markdown with formulas")
    form.add_argument("--json", action="store_true", help="one JSON object")


def run(arguments: argparse.Namespace) -> int:
    matrix = common.read(arguments).matrix
    if arguments.depth:
        from exactflow.depth import minimal_depth

        if (arguments.method, arguments.orientation) != ("auto", "error"):
            raise InvalidInputError("expected --depth without --method and --orientation")
        depth = minimal_depth(matrix, scales=arguments.depth, partition=arguments.partition)
        explanation = depth.explain()
    else:
        from exactflow.factorization import explain
        from exactflow.factorization.telling import check_dimension

        check_dimension(matrix.shape[0])
        if common.stops_first(matrix, arguments, explained=True):
            return 3
        explanation = explain(matrix, **common.fields(arguments, *common.CONSTRUCTION))
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
