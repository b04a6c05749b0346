"""A bijection of integers near a matrix, as a certificate that ``apply`` runs."""

import argparse

from exactflow.cli.common import (
    check_output,
    partition,
    read,
    reading_arguments,
    status,
    write_flow,
)

__all__ = ["add_arguments", "run"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.lossless import FLIPPINGS, LIMIT, METHODS

    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--bits", type=int, metavar="B", help="shifts are multiples of 2^-B")
    command.add_argument(
        "--limit",
        type=int,
        default=LIMIT,
        metavar="N",
        help=f"inputs are from -N to N (default: {LIMIT}, all of int16)",
    )
    command.add_argument("--method", choices=METHODS, default="auto")
    command.add_argument("--orientation", choices=FLIPPINGS, default="flip")
    command.add_argument(
        "--partition", type=partition, metavar="P,Q", help="sizes of the halves, or a 0/1 mask"
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "-o", "--output", metavar="L.json", help="a certificate, which exactflow apply runs"
    )
    reading_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    from exactflow.lossless import lossless
    from exactflow.lossless.certificate import claim

    if arguments.output:
        check_output(arguments, certificate_only=True)
    source = read(arguments)
    with status("balancing"):
        result = lossless(
            source.matrix,
            bits=arguments.bits,
            limit=arguments.limit,
            orientation=arguments.orientation,
            partition=arguments.partition,
            method=arguments.method,
            seed=arguments.seed,
        )
    written = ""
    if arguments.output:
        written = write_flow(result.flow, arguments, source, arguments.seed, **claim(result))
    print(result)
    for coordinate in result.flips:
        print(f"orientation: det < 0; coordinate {coordinate} is negated before layer 1")
    print(f"step: {result.step}")
    print(end=written)
    return 0
