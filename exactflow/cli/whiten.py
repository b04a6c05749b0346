"""Two layers that whiten, and generate, a Gaussian."""

import argparse
from typing import Any

from exactflow.cli import common
from exactflow.exact.numbers import format_up
from exactflow.laws.gaussian import whiten


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a covariance matrix")
    common.partition_argument(command)
    common.matrix_arguments(command, "CERT.json", "a certificate of the flow that generates")


def run(arguments: argparse.Namespace) -> int:
    common.check_output(arguments)
    source = common.read(arguments)
    result = whiten(source.matrix, **common.fields(arguments, "partition"))
    within = result.generator_error
    written = common.write(result, arguments, source)

    def record() -> dict[str, Any]:
        errors = {"error": str(result.error), "generator_error": str(within)}
        return common.flow_record(result.flow) | errors | {"summary": str(result)}

    if not common.wants_text(arguments, record):
        return 0
    within_what = f"generates the covariance within {format_up(within)}"
    common.say(result, f"the inverse, rounded to floats, {within_what}")
    print(end=written)
    return 0
