"""``exactflow export``: write a certificate as a theorem for Rocq."""

import argparse
import shlex
import sys
from pathlib import Path

from exactflow.cli import common
from exactflow.files.atomic import (
    check_writable,
    prefixing_content_errors_with_file_name,
    read_file_or_stdin,
    write_atomically,
)
from exactflow.files.rocq.theorem import theorem_file_text_if_verified

EXAMPLES = ("exactflow export certificate.json -o theorem.v",)
EXIT_CODES = {0: "the theorem is written; Rocq has not checked it"}


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "certificate",
        metavar="CERT.json",
        help="certificate that factor, balance or depth wrote with -o",
    )
    command.add_argument(
        "--to",
        choices=("rocq",),
        default="rocq",
        help="proof assistant that reads the theorem (default: rocq); to get a module of PyTorch, "
        "which exports to ONNX, use exactflow.to_module in Python",
    )
    command.add_argument(
        "--standalone",
        action="store_true",
        help="put the library into the file, in place of a line that requires it",
    )
    command.add_argument(
        "-o", "--output", metavar="FILE", help="write to this file (default: standard output)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the theorem to the file --output, or print it if this option is not given."""
    if arguments.output is not None:
        check_writable(arguments.output)
        common.check_output_is_not_input(arguments.output, arguments.certificate)
    data = read_file_or_stdin(arguments.certificate, "certificate")
    with prefixing_content_errors_with_file_name(arguments.certificate):
        text = theorem_file_text_if_verified(data, arguments.standalone)
    if arguments.output is None:
        print(text, end="")
        return 0
    write_atomically(arguments.output, text.encode())
    if Path(arguments.output).suffix == ".v":
        words = ["exactflow", "check", arguments.certificate, "--kernel"]
        print(f"next: {shlex.join(words)}", file=sys.stderr)
    return 0
