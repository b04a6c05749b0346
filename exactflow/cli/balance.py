"""``exactflow balance``: float64 layers of small norm, with a certified error."""

import argparse

from exactflow.cli import common
from exactflow.exact.numbers import format_up
from exactflow.floats.balancing import METHODS, ORIENTATIONS, balance
from exactflow.flows.orientation import pad_coordinates_or_empty

EXAMPLES = ("exactflow balance matrix.csv -o certificate.json",)
EXIT_CODES = {0: "the error of the layers is certified"}


def add_arguments(command: argparse.ArgumentParser) -> None:
    common.add_matrix_file_argument(command)
    command.add_argument(
        "--layers", type=int, metavar="K", help="number of layers (default: six or eleven)"
    )
    common.add_seed_option(command, "search")
    common.add_method_partition_orientation_options(command, METHODS, ORIENTATIONS)
    common.add_reading_output_printing_options(
        command, "write a certificate of the error, or the layers"
    )


def run(arguments: argparse.Namespace) -> int:
    common.check_output_path(arguments)
    source = common.read_matrix_file(arguments)
    names = "layers", "method", "orientation", "partition", "seed"
    result = balance(source.matrix, **common.get_attributes(arguments, *names))
    pads = pad_coordinates_or_empty(result.partition, source.matrix.shape[0])
    written = common.write_output_if_asked_and_describe(result, arguments, source)
    bound = result.inverse_difference_bound
    if arguments.json:
        inverse_error = str(bound) if bound.is_finite else None
        errors = {"error": str(result.error), "inverse_error": inverse_error}
        numbers = {"condition_numbers": result.condition_numbers, "pads": pads}
        record = (
            common.flow_summary_record(result.flow) | numbers | errors | {"summary": str(result)}
        )
        common.print_json_with_output_name(arguments.output, record)
    if not common.wants_text(arguments):
        return 0
    common.print_wrapped_lines(result)
    common.print_orientation_repair(result.flow, pads, ", within as much")
    inverse = "there is no certified bound for their inverse"
    if bound.is_finite:
        inverse = f"their inverse is within {format_up(bound, 2)} of its inverse"
    equal = "do not equal" if result.error else "equal"
    common.print_wrapped_lines(f"the layers {equal} the matrix; {inverse}")
    print(end=written)
    return 0
