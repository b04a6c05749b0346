"""Two layers that whiten, and generate, a Gaussian."""

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
    command.add_argument("file", metavar="FILE", help="a covariance matrix")
    command.add_argument(
        "--layers", type=int, default=2, metavar="K", help="2 affine, or 3: additive if det is 1"
    )
    command.add_argument(
        "--partition", type=partition, metavar="P,Q", help="sizes of the halves, or a 0/1 mask"
    )
    command.add_argument(
        "-o", "--output", metavar="CERT.json", help="a certificate of the flow that generates"
    )
    reading_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    from exactflow.cli.report import magnitude
    from exactflow.gaussian import whiten

    if arguments.output:
        check_output(arguments)
    source = read(arguments)
    with status("whitening"):
        result = whiten(source.matrix, layers=arguments.layers, partition=arguments.partition)
    written, within = "", result.generator_error
    if arguments.output:
        claim = {"subject": "covariance", "within": within}
        written = write_flow(result.generator, arguments, source, **claim)
    print(result)
    print(f"the inverse, rounded to floats, generates the covariance within {magnitude(within)}")
    print(end=written)
    return 0
