"""How few layers, and why not fewer."""

import argparse
import sys
from pathlib import Path

from exactflow.cli.common import advice, check_output, read, reading_arguments, status

__all__ = ["add_arguments", "run"]

_SYMBOLS = (
    "where U = [[S, X], [0, I]] and L = [[I, 0], [Y, S]] are layers, with S = I if additive, words "
    "are products from left to right, M = [[A, B], [C, D]], and M^-1 = [[a, b], [c, d]]"
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.depth import DEPTH_SCALES

    command.add_argument("file", metavar="FILE", help="a matrix")
    command.add_argument("--scales", choices=DEPTH_SCALES, default="additive")
    command.add_argument(
        "-o", "--output", metavar="CERT.json", help="write a certificate of both sides, checked"
    )
    reading_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    from exactflow import depth_checker
    from exactflow.depth import minimal_depth
    from exactflow.files.depth_certificate import write_depth_certificate
    from exactflow.flows.result import Evidence

    if arguments.output:
        check_output(arguments, certificate_only=True)
    source = read(arguments)
    with status(f"{source.matrix.shape[0]} x {source.matrix.shape[0]}"):
        answer = minimal_depth(source.matrix, scales=arguments.scales)
    print(answer.count, *answer.obstructions, sep="\n  ")
    if answer.obstructions:
        print(_SYMBOLS)
    if not arguments.output:
        return 0
    if not answer.is_decided or answer.evidence is not Evidence.EXACT:
        reason = "not decided" if not answer.is_decided else "certified, but layers are not exact"
        print(f"exactflow: {reason}, so there is no certificate of it", file=sys.stderr)
        return 3
    name = Path(arguments.file).name
    provenance = {"source": name, "dtype": source.dtype, "sha256": source.sha256}
    write_depth_certificate(answer, arguments.output, provenance)
    print(f"certificate: {arguments.output}\n{advice(arguments)}")
    return depth_checker.check_file(arguments.output)
