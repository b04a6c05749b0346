"""Float64 layers of small norm, certified within."""

import argparse

from exactflow.cli.common import (
    check_output,
    halves_arguments,
    output_arguments,
    read,
    reading_arguments,
    search_arguments,
    status,
    wants_text,
    write_flow,
)

__all__ = ["add_arguments", "run"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.balancing import METHODS, ORIENTATIONS

    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--layers", type=int, metavar="K", help="default: six or eleven")
    search_arguments(command, METHODS)
    halves_arguments(command, ORIENTATIONS)
    reading_arguments(command)
    output_arguments(command, "CERT.json", "a certificate that the layers are as near")


def run(arguments: argparse.Namespace) -> int:
    from exactflow.balancing import balance
    from exactflow.cli.report import flow_record, magnitude

    if arguments.output:
        check_output(arguments)
    source = read(arguments)
    with status("balancing"):
        result = balance(
            source.matrix,
            layers=arguments.layers,
            method=arguments.method,
            orientation=arguments.orientation,
            partition=arguments.partition,
            seed=arguments.seed,
        )
    p, q = result.partition
    pads = (p - 1, p + q - 1) if p + q > source.matrix.shape[0] else ()
    claim = {"within": result.error, "pads": pads}
    written = ""
    if arguments.output:
        written = write_flow(result.flow, arguments, source, arguments.seed, **claim)
    record = {
        "condition_numbers": result.condition_numbers,
        "error": str(result.error),
        "inverse_error": str(result.inverse_error) if result.inverse_error.is_finite else None,
    }
    of_flow = flow_record(result.flow)
    if not wants_text(arguments, **of_flow, **record, pads=pads, summary=str(result)):
        return 0
    print(result)
    for coordinate in result.flips:
        print(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")
    if pads:
        print(
            f"pads: feed zeros to coordinates {pads[0]} and {pads[1]}; zeros come out there, "
            "certified within as much"
        )
    inverse = "no certified bound for its inverse"
    if result.inverse_error.is_finite:
        inverse = f"its inverse within {magnitude(result.inverse_error)}"
    equal = "do not equal" if result.error else "equal"
    print(f"certified within {magnitude(result.error)}, {inverse}: the layers {equal} the matrix")
    print(end=written)
    return 0
