"""A bijection of integers near a matrix, as a certificate."""

import argparse
from typing import Any

from exactflow.cli import common
from exactflow.floats.lossless import FLIPPINGS, LIMIT, METHODS, lossless


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--bits", type=int, metavar="B", help="shifts are multiples of 2^-B")
    command.add_argument(
        "--limit",
        type=int,
        default=LIMIT,
        metavar="N",
        help=f"inputs are from -N to N (default: {LIMIT}, all of int16)",
    )
    command.add_argument("--seed", type=int, default=0, help="of the search (default: 0)")
    common.construction_arguments(command, METHODS, FLIPPINGS)
    common.matrix_arguments(command, "L.json", "a certificate, which exactflow.load reads")


def run(arguments: argparse.Namespace) -> int:
    common.check_output(arguments, arrays=False)
    source = common.read(arguments)
    common.announce(source.matrix, arguments)
    names = "bits", "limit", "method", "orientation", "partition", "seed"
    result = lossless(source.matrix, **common.fields(arguments, *names))
    written = common.write(result, arguments, source)

    def record() -> dict[str, Any]:
        grid = {"step": str(result.step), "bits": result.bits, "limit": result.limit}
        layers = {"layers": len(result.layers), "flips": list(result.flips)}
        return grid | layers | {"summary": str(result)}

    if not common.wants_text(arguments, record):
        return 0
    common.say(result)
    common.print_repairs(result.flow)
    scaled = "two last layers of the certificate multiply the halves by it"
    common.say(f"step: {result.step}; {scaled}")
    print(end=written)
    return 0
