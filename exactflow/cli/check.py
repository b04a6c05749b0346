"""``exactflow check``: one certificate or many, each by the stand-alone checker.

The checker reads .json, .csv and .npy themselves; a target in another format is read as `factor`
reads it, and given to it as exact numbers. With --kernel, what the checker verifies must be proved
by Rocq, too, as a theorem that is written from the certificate. With --timeout, each certificate is
checked in a process of its own, which ends with the time.
"""

import argparse
import json
import math
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from exactflow import checker
from exactflow.cli import common
from exactflow.errors import InvalidInputError, join_names, printable
from exactflow.files.atomic import read_bytes
from exactflow.files.checking import MOST_SECONDS, WORDS, CheckResult, check_certificate
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
    claims.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="end a check after so long: the verdict is then incomplete",
    )
    common.reading_arguments(command)
    output = command.add_argument_group("what comes out")
    common.printing_arguments(output, "one JSON object per certificate")
    add("-j", "--jobs", type=int, default=1, metavar="N", help="check N at once (default: 1)")
    common.backend_argument(command)


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict on each certificate, in the order given; return the exit code of all: 1
    where one is refuted, else 2 where one has no verdict, else 3 where one is incomplete. Where
    they differ, stderr says at the end which is which.
    """
    files = arguments.certificates
    if files.count("-") + (arguments.target == "-") > 1:
        raise InvalidInputError("expected - (standard input) once at most")
    outcome = _limited(arguments) if arguments.timeout is not None else None
    outcome = outcome or partial(check_certificate, **_options(arguments))
    said: dict[int, list[str]] = {}
    running = common.fields(arguments, "jobs", "backend")
    for found in parallel_map(outcome, files, label="certificate", lost=_lost, **running):
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
        told = (f"{WORDS[code]}: {join_names(said[code])}" for code in codes if code)
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
        from exactflow.files.rocq.theorem import require_coqc

        require_coqc()
    return {
        "target": target,
        "transposed": arguments.transpose,
        "bound": bound,
        "quick": arguments.quick,
        "kernel": arguments.kernel,
    }


def _limited(arguments: argparse.Namespace) -> partial[CheckResult]:
    """Return a function that checks a file in a process that ends after --timeout seconds."""
    if not 0 < arguments.timeout < math.inf:
        raise InvalidInputError(f"expected --timeout in seconds > 0, got {arguments.timeout}")
    words = ["check", "--json"]
    for name in ("target", "key", "within"):
        value = getattr(arguments, name)
        words += [] if value is None else [f"--{name}={value}"]
    words += [f"--{name}" for name in ("quick", "kernel", "transpose") if getattr(arguments, name)]
    reads = "-" in (*arguments.certificates, arguments.target)
    given = read_bytes("-") if reads else b""
    return partial(
        _check_in_time, words=words, given=given, seconds=min(arguments.timeout, MOST_SECONDS)
    )


def _check_in_time(file: str, words: list[str], given: bytes, seconds: float) -> CheckResult:
    """Check a file by a command of its own; the verdict is incomplete where time ends first."""
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "exactflow", *words, "--", file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": paths},
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(given, timeout=seconds)
            problem = err.decode(errors="replace").strip() or f"exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            out, problem = b"", f"the time limit, {seconds:g} seconds, is over"
        finally:
            _end_session(process)
    try:
        record: dict[str, Any] = json.loads(out)
    except ValueError:
        if process.returncode == 2:  # the target, or an option, is wrong
            raise InvalidInputError(problem.removeprefix("exactflow: error: ")) from None
        lines = f"c incomplete: {problem}", "s NOT VERIFIED"
        return CheckResult(file, 3, WORDS[3], "", lines, None, seconds)
    code = {word: code for code, word in WORDS.items()}.get(record["verdict"], 3)
    return CheckResult(**record | {"code": code, "lines": tuple(record["lines"])})


def _lost(file: str) -> CheckResult:
    """The verdict on a file whose worker process ended."""
    lines = "c incomplete: the worker process ended before the check", "s NOT VERIFIED"
    return CheckResult(file, 3, WORDS[3], "", lines, None, 0.0)


def _end_session(process: subprocess.Popen) -> None:
    """End a process and the processes that it has started."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        process.kill()
        process.wait()


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
