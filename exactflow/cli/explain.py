"""The proof of the theorem on one matrix, in numbered steps."""

import argparse

from rich.console import Console

from exactflow.cli import common
from exactflow.errors import InvalidInputError
from exactflow.linear.depth import DEPTH_SCALES, minimal_depth
from exactflow.linear.factor import METHODS, ORIENTATIONS, check_dimension, explain

_FORMS = {
    "latex": "a LaTeX document",
    "markdown": "Markdown with formulas",
    "json": "one JSON object",
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument(
        "--depth",
        choices=DEPTH_SCALES,
        help="explain the least depth, with such scales, in the place of a factorization",
    )
    common.construction_arguments(command, METHODS, ORIENTATIONS)
    common.reading_arguments(command)
    form = command.add_argument_group("what comes out").add_mutually_exclusive_group()
    for name, what in _FORMS.items():
        form.add_argument(f"--{name}", action="store_const", dest="form", const=name, help=what)


def run(arguments: argparse.Namespace) -> int:
    matrix = common.read(arguments).matrix
    if arguments.depth:
        if arguments.method != "auto":
            raise InvalidInputError("expected --depth without --method")
        options = common.fields(arguments, "orientation", "partition")
        depth = minimal_depth(matrix, scales=arguments.depth, **options)
        explanation = depth.explain()
    else:
        check_dimension(matrix.shape[0])
        explanation = explain(matrix, **common.fields(arguments, *common.CONSTRUCTION))
    if arguments.form is not None:
        print(getattr(explanation, arguments.form)().rstrip("\n"))
    else:
        Console(highlight=False).print(explanation)
    return 0
