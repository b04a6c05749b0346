"""A certificate's flow for another system."""

import argparse
import shlex
import sys
from pathlib import Path

from exactflow import checker
from exactflow.errors import InvalidInputError
from exactflow.files.arrays import array_writer, flow_arrays
from exactflow.files.atomic import check_place, read_bytes, write_bytes
from exactflow.files.certificate import read_certificate
from exactflow.files.rocq.theorem import theorem
from exactflow.files.systems import FORMATS, export
from exactflow.interop.roundoff import check_error


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "certificate",
        metavar="CERT.json",
        help="what factor -o wrote, or balance; depth -o, for rocq",
    )
    command.add_argument(
        "--to",
        choices=(*FORMATS, "rocq", "json", "torch"),
        required=True,
        help="the system that reads it",
    )
    command.add_argument(
        "--standalone",
        action="store_true",
        help="for rocq: the library within the file, in the place of a line that requires it",
    )
    command.add_argument("-o", "--output", metavar="FILE", help="default: standard output")


def run(arguments: argparse.Namespace) -> int:
    """Write the text, or print it; raise `InvalidInputError` for a format that does not fit."""
    if arguments.output:
        check_place(arguments.output)
    elif arguments.to == "torch":
        raise InvalidInputError("expected an output file (-o flow.pt) with --to torch")
    if arguments.standalone and arguments.to != "rocq":
        raise InvalidInputError(f"expected --to rocq with --standalone, got {arguments.to}")
    data = read_bytes(arguments.certificate, "certificate")
    flow = None if arguments.to == "rocq" else read_certificate(arguments.certificate)
    claim = None if flow is None else checker.read_certificate(data)
    if claim and claim.depth:
        raise InvalidInputError(
            f"expected --to rocq for a depth certificate, got {arguments.to}: its layers are "
            "the flow that factor -o writes"
        )
    said = ""
    if flow is None:
        content = theorem(data, arguments.standalone).encode()
        if Path(arguments.output or "").suffix == ".v":
            words = ["exactflow", "check", arguments.certificate, "--kernel"]
            said = f"next: {shlex.join(words)}\n"
    elif arguments.to == "torch":
        check_error(flow)
        content = array_writer("flow.pt")(flow_arrays(flow, rounded=True))
    elif arguments.to == "json":  # the claim itself, pads, bound and covariance included
        content = data
    else:
        content = export(flow, arguments.to).encode()
        if claim and (claim.pads or not claim.is_equality):
            said = (
                f"exactflow: {arguments.to} gets the flow and its own matrix; --to rocq or json "
                "says what the certificate claims of it\n"
            )
    if arguments.output:
        write_bytes(arguments.output, content)
    else:
        print(content.decode(), end="")
    print(end=said, file=sys.stderr)
    return 0
