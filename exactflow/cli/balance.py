"""Float64 layers of small norm, certified within."""

import argparse
from typing import Any

from exactflow.cli import common
from exactflow.exact.numbers import format_up
from exactflow.floats.balancing import METHODS, ORIENTATIONS, balance
from exactflow.flows.orientation import pads_of


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--layers", type=int, metavar="K", help="default: six or eleven")
    command.add_argument("--seed", type=int, default=0, help="of the search (default: 0)")
    common.construction_arguments(command, METHODS, ORIENTATIONS)
    common.matrix_arguments(command, "CERT.json", "a certificate that the layers are as near")


def run(arguments: argparse.Namespace) -> int:
    common.check_output(arguments)
    source = common.read(arguments)
    names = "layers", "method", "orientation", "partition", "seed"
    result = balance(source.matrix, **common.fields(arguments, *names))
    pads = pads_of(result.partition, source.matrix.shape[0])
    written = common.write(result, arguments, source)

    def record() -> dict[str, Any]:
        inverse_error = str(result.inverse_error) if result.inverse_error.is_finite else None
        errors = {"error": str(result.error), "inverse_error": inverse_error}
        numbers = {"condition_numbers": result.condition_numbers, "pads": pads}
        return common.flow_record(result.flow) | numbers | errors | {"summary": str(result)}

    if not common.wants_text(arguments, record):
        return 0
    common.say(result)
    common.print_repairs(result.flow, pads, ", certified within as much")
    inverse = "no certified bound for its inverse"
    if result.inverse_error.is_finite:
        inverse = f"its inverse within {format_up(result.inverse_error)}"
    equal = "do not equal" if result.error else "equal"
    within = f"certified within {format_up(result.error)}, {inverse}"
    common.say(f"{within}: the layers {equal} the matrix")
    print(end=written)
    return 0
