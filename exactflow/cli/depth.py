"""``exactflow depth``: the least number of layers, and a proof that fewer are impossible."""

import argparse
import sys
from typing import Any

from exactflow import checker
from exactflow.cli import common
from exactflow.errors import InvalidInputError
from exactflow.files.atomic import write_atomically
from exactflow.files.depth_certificate import depth_certificate_text
from exactflow.files.matrices import MatrixFile
from exactflow.flows.orientation import ORIENTATIONS
from exactflow.linear.depth import DEPTH_SCALES, MinimalDepth, minimal_depth

EXAMPLES = (
    "exactflow depth matrix.csv",
    "exactflow depth matrix.csv --scales positive -o certificate.json",
)
EXIT_CODES = {
    0: "bounds of the depth are proved",
    1: "the checker refutes the certificate",
    3: "there is no certificate, or the checker does not decide it",
}

_SYMBOLS = (
    "where U = [[S, X], [0, I]] and L = [[I, 0], [Y, S]] are layers, with S = I if additive, "
    "patterns are products from left to right, M = [[A, B], [C, D]], and M^-1 = [[a, b], [c, d]]"
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    common.add_matrix_file_argument(command)
    command.add_argument(
        "--scales",
        choices=DEPTH_SCALES,
        default="auto",
        help="allow additive layers only, or any positive scales (default: additive if det = 1)",
    )
    common.add_partition_and_orientation_options(command, ORIENTATIONS)
    common.add_reading_output_printing_options(
        command, "write a certificate of the layers and of the obstructions, and check it"
    )


def run(arguments: argparse.Namespace) -> int:
    common.check_output_path(arguments, allows_arrays=False)
    source = common.read_matrix_file(arguments)
    options = common.get_attributes(arguments, "scales", "orientation", "partition")
    answer = minimal_depth(source.matrix, **options)
    code, lines = 0, list[str]()
    if arguments.output is not None:
        code, lines = _check_and_write_certificate(answer, arguments, source)
    reasons = list(map(str, answer.obstructions))
    record: dict[str, Any] = {"lower": answer.lower, "upper": answer.upper, "scales": answer.scales}
    record |= {"evidence": answer.evidence, "obstructions": reasons}
    is_written = bool(lines) and code != 1  # a refuted certificate is not written
    record |= {"output": arguments.output if is_written else None, "summary": str(answer)}
    if arguments.json:
        common.print_json_with_output_name(arguments.output, record)
    if common.wants_text(arguments):
        print(answer.summary, *reasons, sep="\n  ")
        common.print_wrapped_lines(*[_SYMBOLS] * bool(reasons))
        common.print_orientation_repair(answer.flow, answer.layout.pads)
        if answer.flow.order:
            order = list(answer.flow.order)
            common.print_wrapped_lines(
                f"order: layers and blocks have the coordinates in the order {order}"
            )
        print(*lines, sep="\n", end="\n" * bool(lines))
    return code


def _check_and_write_certificate(
    answer: "MinimalDepth", arguments: argparse.Namespace, source: "MatrixFile"
) -> tuple[int, list[str]]:
    """Check the certificate, and write it unless it is refuted; return the exit code, and lines to
    print.

    If this answer has no certificate, the exit code is 3, and there are no lines.
    """
    try:
        text = depth_certificate_text(answer, common.provenance_of_source(arguments, source))
    except InvalidInputError as error:
        given = common.get_attributes(arguments, "scales", "orientation", "partition").items()
        options = [f", {name}={x!r}" for name, x in given if x not in ("auto", "error", None)]
        call = f"in Python, with answer = minimal_depth(M{''.join(options)})"
        layers = "`exactflow factor -o` certifies layers"
        print(f"exactflow: no certificate was written: {error}, {call}; {layers}", file=sys.stderr)
        return 3, []
    report = checker.check(text.encode())
    code, last_line = report.verdict.value
    lines = [*report.lines, last_line]
    if report.verdict is checker.Verdict.REFUTED:
        return code, lines
    write_atomically(arguments.output, text.encode())
    lines = [f"certificate: {arguments.output}", *lines]
    return code, [*lines, common.suggest_check_command(arguments)]
