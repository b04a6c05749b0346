"""A certificate's flow for another system."""

import argparse
from pathlib import Path

from exactflow.errors import InvalidInputError

__all__ = ["add_arguments", "run"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.files.export import FORMATS

    command.add_argument(
        "certificate", metavar="CERT.json", help="what factor -o wrote, or balance"
    )
    command.add_argument(
        "--to", choices=(*FORMATS, "torch"), required=True, help="the system that reads it"
    )
    command.add_argument("-o", "--output", metavar="FILE", help="default: standard output")


def run(arguments: argparse.Namespace) -> int:
    from exactflow.files.arrays import array_bytes
    from exactflow.files.atomic import check_place, write_bytes
    from exactflow.files.certificate import read_certificate
    from exactflow.files.export import export
    from exactflow.interop.roundoff import check_error

    if arguments.output:
        check_place(arguments.output)
    elif arguments.to == "torch":
        raise InvalidInputError("expected an output file (-o flow.pt) with --to torch")
    flow = read_certificate(arguments.certificate)
    if arguments.to == "torch":
        check_error(flow)
        content = array_bytes(flow, "flow.pt", rounded=True)
    elif arguments.to == "json":  # the claim itself, pads, bound and covariance included
        content = Path(arguments.certificate).read_bytes()
    else:
        content = export(flow, arguments.to).encode()
    if arguments.output:
        write_bytes(arguments.output, content)
    else:
        print(content.decode(), end="")
    return 0
