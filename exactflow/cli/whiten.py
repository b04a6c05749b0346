"""``exactflow whiten``: two layers that whiten a Gaussian, and whose inverse generates it."""

import argparse

from exactflow.cli import common
from exactflow.exact.numbers import format_up
from exactflow.laws.gaussian import whiten
from exactflow.laws.gaussian.covariance import COVARIANCE_OF_DATA

EXAMPLES = ("exactflow whiten covariance.csv -o certificate.json",)
EXIT_CODES = {0: "the error of the layers is certified"}


def add_arguments(command: argparse.ArgumentParser) -> None:
    common.add_matrix_file_argument(command, "covariance matrix")
    common.add_partition_option(command)
    common.add_reading_output_printing_options(
        command, "write a certificate of the generating flow, or its layers"
    )


def run(arguments: argparse.Namespace) -> int:
    common.check_output_path(arguments)
    source = common.read_matrix_file(arguments, remedy_if_not_square=COVARIANCE_OF_DATA)
    result = whiten(source.matrix, partition=arguments.partition)
    within = result.generator_error
    written = common.write_output_if_asked_and_describe(result, arguments, source)
    if arguments.json:
        errors = {"error": str(result.error), "generator_error": str(within)}
        record = common.flow_summary_record(result.flow) | errors | {"summary": str(result)}
        common.print_json_with_output_name(arguments.output, record)
    if common.wants_text(arguments):
        error = f"generates the covariance within {format_up(within, 2)}"
        common.print_wrapped_lines(result, f"the inverse, rounded to floats, {error}")
        print(end=written)
    return 0
