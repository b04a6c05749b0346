"""``exactflow check``: one certificate or many, each by the stand-alone checker.

The checker reads .json, .csv and .npy themselves; a target in another format is read as `factor`
reads it, and given to it as exact numbers. With --kernel, what the checker verifies must be proved
by Rocq, too, as a theorem that is written from the certificate.
"""

import argparse
import json
import sys
from functools import partial
from pathlib import Path

from exactflow import checker
from exactflow.cli import common
from exactflow.errors import InvalidInputError, listed, printable
from exactflow.files.checking import WORDS, check_certificate
from exactflow.files.parallel import parallel_map

_SHOWN = "file", "verdict", "kind", "lines", "largest_difference", "seconds"


def add_arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "certificates",
        nargs="+",
        metavar="CERT.json",
        help="certificates, of layers or of depth, - for stdin",
    )
    add("--target", metavar="FILE", help="the matrix that all of them must be about")
    claims = command.add_argument_group("what is demanded")
    claims.add_argument(
        "--within", metavar="BOUND", help="that no entry differs by more: 1e-12 or p/q"
    )
    claims.add_argument(
        "--quick", action="store_true", help="test equalities at random vectors only"
    )
    claims.add_argument(
        "--kernel",
        action="store_true",
        help="that Rocq proves it as a theorem, written from the certificate (needs Coq, MathComp)",
    )
    common.reading_arguments(command)
    output = command.add_argument_group("what comes out")
    common.printing_arguments(output, "one JSON object per certificate")
    add("-j", "--jobs", type=int, default=1, metavar="N", help="check N at once (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict on each certificate, in the order given; return the exit code of all: 1
    where one is refuted, else 2 where one has no verdict, else 3 where one is incomplete. Where
    they differ, stderr says at the end which is which.
    """
    files, options = arguments.certificates, _options(arguments)
    if files.count("-") + (arguments.target == "-") > 1:
        raise InvalidInputError("expected - (standard input) once at most")
    outcome = partial(check_certificate, **options)
    said: dict[int, list[str]] = {}
    for found in parallel_map(outcome, files, jobs=arguments.jobs, label="certificate"):
        name = printable(found.file)
        said.setdefault(found.code, []).append(name)
        says = "malformed: target file", f"malformed: {arguments.target}"
        lines = [line.replace(*says, 1) for line in found.lines]
        if arguments.json:
            print(json.dumps(common.fields(found, *_SHOWN) | {"lines": lines}), flush=True)
        elif found.code == 2:
            print(f"{name}:", *map(printable, lines), file=sys.stderr)
        elif not arguments.quiet:
            head = [f"c {name}"] * (len(files) > 1 or found.code > 0)
            print("\n".join([*head, *lines]), flush=True)
    codes = [code for code in (1, 2, 3, 0) if code in said]
    if len(codes) > 1 and not arguments.json:
        told = (f"{WORDS[code]}: {listed(said[code])}" for code in codes if code)
        print("exactflow:", "; ".join(told), file=sys.stderr)
    return codes[0]


def _options(arguments: argparse.Namespace) -> dict:
    """The options of `check_certificate`, with the target read once."""
    if not arguments.target and (arguments.transpose or arguments.key):
        raise InvalidInputError("expected --target FILE with --transpose or --key")
    try:
        within = arguments.within
        bound = None if within is None else checker.read_bound(within, "--within")
    except checker.MalformedError as error:
        raise InvalidInputError(str(error)) from None
    target = _target(arguments.target, arguments.key) if arguments.target else None
    if arguments.kernel:
        if arguments.quick:
            raise InvalidInputError("expected --kernel without --quick, which proves nothing")
        from exactflow.files.rocq.coq import require_coqc

        require_coqc()
    return {
        "target": target,
        "transposed": arguments.transpose,
        "bound": bound,
        "quick": arguments.quick,
        "kernel": arguments.kernel,
    }


def _target(path: str, key: str | None) -> tuple[bytes, str]:
    """Return the target as bytes and suffix that the checker reads."""
    suffix = Path(path).suffix.lower()
    if suffix in (".json", ".csv", ".npy") and key is None:
        try:
            return checker.read_file(path), suffix
        except checker.MalformedError as error:
            raise InvalidInputError(str(error)) from None
    from exactflow.exact.numbers import format_rational
    from exactflow.files.matrices import read_matrix

    rows = read_matrix(path, key=key).matrix.to_dense().to_list()
    return json.dumps([[format_rational(x) for x in row] for row in rows]).encode(), ".json"
