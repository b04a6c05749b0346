"""``exactflow explain``: the proof of a factorization or of a depth, in numbered steps."""

import argparse

from rich.console import Console

from exactflow.cli import common
from exactflow.errors import InvalidInputError
from exactflow.linear.depth import DEPTH_SCALES, minimal_depth
from exactflow.linear.factor import METHODS, ORIENTATIONS, check_explainable_dimension, explain

EXAMPLES = ("exactflow explain matrix.csv", "exactflow explain matrix.csv --depth additive --latex")
EXIT_CODES = {0: "every step holds"}

_FORMS = {
    "latex": "a LaTeX document",
    "markdown": "Markdown with formulas",
    "json": "one JSON object",
}


def add_arguments(command: argparse.ArgumentParser) -> None:
    common.add_matrix_file_argument(command)
    command.add_argument(
        "--depth",
        choices=DEPTH_SCALES,
        help="explain the least depth, with such scales, in place of a factorization",
    )
    common.add_method_partition_orientation_options(command, METHODS, ORIENTATIONS)
    common.add_key_and_transpose_options(command)
    form = command.add_argument_group("output").add_mutually_exclusive_group()
    for name, what in _FORMS.items():
        text = f"print {what}"
        form.add_argument(f"--{name}", action="store_const", dest="form", const=name, help=text)


def run(arguments: argparse.Namespace) -> int:
    matrix = common.read_matrix_file(arguments).matrix
    if arguments.depth:
        if arguments.method != "auto":
            raise InvalidInputError(
                "--depth and --method cannot be combined: leave out one of them"
            )
        options = common.get_attributes(arguments, "orientation", "partition")
        explanation = minimal_depth(matrix, scales=arguments.depth, **options).explain()
    else:
        check_explainable_dimension(matrix.shape[0])
        explanation = explain(matrix, **common.get_attributes(arguments, *common.CONSTRUCTION))
    if arguments.form is not None:
        print(getattr(explanation, arguments.form)().rstrip("\n"))
    else:
        Console(highlight=False).print(explanation)
    return 0
