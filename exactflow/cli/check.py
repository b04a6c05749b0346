"""``exactflow check``: verify certificates by the stand-alone checker.

The checker reads targets in .json, .csv and .npy; a target that it cannot read is read as `factor`
reads it, and passed on as exact numbers. With --kernel, Rocq must also prove each verified claim,
as a theorem written from the certificate. With --timeout, each certificate is checked in a process
of its own, which is killed after that time.
"""

import argparse
import json
import math
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from exactflow import checker
from exactflow.cli import common
from exactflow.errors import InvalidInputError, join_names, printable
from exactflow.files.atomic import read_file_or_stdin
from exactflow.files.checking import (
    MOST_SECONDS,
    WORDS,
    CheckResult,
    FileBytesAndSuffix,
    check_certificate,
    run_exactflow,
)
from exactflow.files.parallel import parallel_map

EXAMPLES = (
    "exactflow check certificate.json --target matrix.csv",
    "exactflow check first.json second.json --jobs 2",
)
EXIT_CODES = {
    0: "every certificate is verified",
    1: "a certificate is refuted",
    2: "a certificate is malformed, or the usage is wrong",
    3: "a certificate is neither verified nor refuted",
}

_SHOWN = "file", "verdict", "kind", "lines", "largest_difference", "seconds"


def add_arguments(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add(
        "certificates",
        nargs="+",
        metavar="CERT.json",
        help="files of certificates, of layers or of a depth; - reads stdin",
    )
    add("--target", metavar="FILE", help="require that all certificates are about this matrix")
    claims = command.add_argument_group("requirements")
    claims.add_argument(
        "--within", metavar="BOUND", help="require that no entry differs by more: 1e-12 or p/q"
    )
    claims.add_argument(
        "--quick", action="store_true", help="test equalities at random vectors only"
    )
    claims.add_argument(
        "--kernel",
        action="store_true",
        help="require that Rocq proves the claim as a theorem (needs Coq and MathComp)",
    )
    claims.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="end each check after this time; its verdict is then incomplete",
    )
    common.add_key_and_transpose_options(command)
    output = command.add_argument_group("output")
    common.add_json_and_quiet_options(output, "print one JSON object per certificate")
    common.add_jobs_and_backend_options(command, "check N certificates at once (default: 1)", 1)


def run(arguments: argparse.Namespace) -> int:
    """Print the verdict on each certificate, in the given order, and return one exit code for all.

    The exit code is 1 if a certificate is refuted, else 2 if one is malformed, else 3 if one is
    incomplete, else 0. If verdicts differ, the last line on stderr lists the files by verdict.
    """
    files = arguments.certificates
    if files.count("-") + (arguments.target == "-") > 1:
        raise InvalidInputError("expected - (standard input) at most once, got it several times")
    if arguments.timeout is not None:
        check = _make_check_with_timeout(arguments)
    else:
        check = partial(check_certificate, **_read_check_certificate_arguments(arguments))
    files_by_code: dict[int, list[str]] = {}
    running = common.get_attributes(arguments, "jobs", "backend")
    lost = partial(_incomplete_result, reason="the worker process ended before the check")
    for found in parallel_map(check, files, label="certificate", result_if_lost=lost, **running):
        name = printable(found.file)
        files_by_code.setdefault(found.code, []).append(name)
        target = str(arguments.target)
        lines = [line.replace("malformed: target file", target) for line in found.lines]
        if arguments.json:
            print(json.dumps(common.get_attributes(found, *_SHOWN) | {"lines": lines}), flush=True)
        elif found.code == 2:
            is_about_target = lines[0].startswith((f"{target}:", f"{target},"))
            head = [] if is_about_target else [f"{name}:"]
            print(*head, *map(printable, lines), file=sys.stderr)
        elif not arguments.quiet:
            head = [f"c {name}"] * (len(files) > 1 or found.code > 0)
            print("\n".join([*head, *lines]), flush=True)
    codes = [code for code in (1, 2, 3, 0) if code in files_by_code]
    if len(codes) > 1 and not arguments.json:
        verdicts = (f"{WORDS[code]}: {join_names(files_by_code[code])}" for code in codes if code)
        print("exactflow:", "; ".join(verdicts), file=sys.stderr)
    return codes[0]


def _read_check_certificate_arguments(arguments: argparse.Namespace) -> dict:
    """Return the keyword arguments of `check_certificate`; read the file of the target, if any."""
    given = arguments.target
    if given is None and (arguments.transpose or arguments.key is not None):
        raise InvalidInputError("--transpose and --key say how to read a target: add --target FILE")
    try:
        within = arguments.within
        bound = None if within is None else checker.read_bound(within, "--within")
    except checker.MalformedError as error:
        raise InvalidInputError(str(error)) from None
    target = None if given is None else _read_target_for_checker(given, arguments.key)
    if arguments.kernel:
        if arguments.quick:
            raise InvalidInputError(
                "--quick proves nothing, but --kernel requires a proof: use one of them"
            )
        from exactflow.files.rocq.theorem import require_coqc_or_rocq

        require_coqc_or_rocq()
    return {
        "target": target,
        "transpose_target": arguments.transpose,
        "bound_if_smaller": bound,
        "quick": arguments.quick,
        "also_prove_by_rocq": arguments.kernel,
    }


def _make_check_with_timeout(arguments: argparse.Namespace) -> partial[CheckResult]:
    """Return a function that checks a file in a new process, for at most --timeout seconds."""
    if not 0 < arguments.timeout < math.inf:
        raise InvalidInputError(
            f"expected a finite number of seconds > 0 for --timeout, got {arguments.timeout}"
        )
    command = ["check", "--json"]
    for name in ("target", "key", "within"):
        value = getattr(arguments, name)
        command += [] if value is None else [f"--{name}={value}"]
    command += [
        f"--{name}" for name in ("quick", "kernel", "transpose") if getattr(arguments, name)
    ]
    reads_stdin = "-" in (*arguments.certificates, arguments.target)
    stdin = read_file_or_stdin("-") if reads_stdin else b""
    return partial(
        _check_in_new_process_else_incomplete,
        command=command,
        stdin_bytes=stdin,
        most_seconds=min(arguments.timeout, MOST_SECONDS),
    )


def _check_in_new_process_else_incomplete(
    file: str, command: list[str], stdin_bytes: bytes, most_seconds: float
) -> CheckResult:
    """Check a file in a new process. The verdict is incomplete if this takes more than
    `most_seconds`, or if the process dies.
    """
    package = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    exit_code, out, err = run_exactflow(
        [*command, "--", file],
        most_seconds,
        stdin_bytes=stdin_bytes,
        env=os.environ | {"PYTHONPATH": paths},
    )
    problem = err.strip() or f"exit code {exit_code}"
    try:
        record: dict[str, Any] = json.loads(out)
    except ValueError:
        if exit_code == 2:  # exit code 2 means a wrong target or option
            raise InvalidInputError(problem.removeprefix("exactflow: error: ")) from None
        return _incomplete_result(file, problem, most_seconds)
    code = {word: code for code, word in WORDS.items()}.get(record["verdict"], 3)
    return CheckResult(**record | {"code": code, "lines": tuple(record["lines"])})


def _incomplete_result(file: str, reason: str, seconds: float = 0.0) -> CheckResult:
    lines = f"c incomplete: {reason}", "s NOT VERIFIED"
    return CheckResult(file, 3, WORDS[3], "", lines, None, seconds)


def _read_target_for_checker(path: str, key: str | None) -> FileBytesAndSuffix:
    """Return the content of a target's file and its suffix. A file that the checker cannot read is
    converted to JSON, if `factor` can read it.
    """
    from exactflow.exact.numbers import format_rational
    from exactflow.files.matrices import parse_square_matrix, read_square_matrix

    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".csv", ".npy") or key is not None:
        source = read_square_matrix(path, key=key)
    else:
        try:
            data = checker.read_file_or_stdin(path)
        except checker.MalformedError as error:
            raise InvalidInputError(str(error)) from None
        if _can_checker_read_target(data, suffix):
            return data, suffix
        try:
            source = parse_square_matrix(data, suffix, path)
        except InvalidInputError:
            return data, suffix  # the checker says what is wrong
    rows = source.matrix.to_dense().to_list()
    return json.dumps([[format_rational(x) for x in row] for row in rows]).encode(), ".json"


def _can_checker_read_target(data: bytes, suffix: str) -> bool:
    """Whether the checker can read the rows of a target over QQ."""
    try:
        checker.read_target(data, suffix, checker.Field("QQ"), 0)
    except checker.MalformedError:
        return False
    except (checker.RefutedError, checker.UndecidedError, MemoryError, OverflowError):
        pass  # the number of rows is compared, and a limit is reported, by the check itself
    return True
