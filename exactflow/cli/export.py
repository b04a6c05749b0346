"""A certificate's flow for another system."""

import argparse
import os
import sys
from pathlib import Path

from exactflow.errors import InvalidInputError

__all__ = ["add_arguments", "run"]


def add_arguments(command: argparse.ArgumentParser) -> None:
    from exactflow.files.export import FORMATS

    command.add_argument(
        "certificate",
        metavar="CERT.json",
        help="what factor -o wrote, or balance; depth -o, for rocq",
    )
    command.add_argument(
        "--to", choices=(*FORMATS, "torch"), required=True, help="the system that reads it"
    )
    command.add_argument("-o", "--output", metavar="FILE", help="default: standard output")


def run(arguments: argparse.Namespace) -> int:
    """Write the text, or print it; raise `InvalidInputError` for a format that does not fit."""
    from exactflow.files.arrays import array_bytes
    from exactflow.files.atomic import check_place
    from exactflow.files.certificate import read_certificate
    from exactflow.files.checking import is_depth_certificate
    from exactflow.files.export import export
    from exactflow.files.rocq.claim_theorem import claim_theorem, claims_more
    from exactflow.files.rocq.depth_theorem import depth_theorem
    from exactflow.interop.roundoff import check_error

    if arguments.output:
        check_place(arguments.output)
    elif arguments.to == "torch":
        raise InvalidInputError("expected an output file (-o flow.pt) with --to torch")
    place = Path(arguments.certificate)
    is_readable = place.is_file() and os.access(place, os.R_OK)
    if is_readable and is_depth_certificate(data := place.read_bytes()):
        if arguments.to != "rocq":
            raise InvalidInputError(
                f"expected --to rocq for a depth certificate, got {arguments.to}: its layers are "
                "the flow that factor -o writes"
            )
        _write(depth_theorem(data).encode(), arguments.output)
        return 0
    flow = read_certificate(arguments.certificate)
    if arguments.to == "torch":
        check_error(flow)
        content = array_bytes(flow, "flow.pt", rounded=True)
    elif arguments.to == "json":  # the claim itself, pads, bound and covariance included
        content = place.read_bytes()
    elif not claims_more(place):
        content = export(flow, arguments.to).encode()
    elif arguments.to == "rocq":
        content = claim_theorem(place).encode()
    else:
        content = export(flow, arguments.to).encode()
        print(
            f"exactflow: {arguments.to} gets the flow and its own matrix; --to rocq or json says "
            "what the certificate claims of it",
            file=sys.stderr,
        )
    _write(content, arguments.output)
    return 0


def _write(content: bytes, output: str | None) -> None:
    from exactflow.files.atomic import write_bytes

    if output:
        write_bytes(output, content)
    else:
        print(content.decode(), end="")
