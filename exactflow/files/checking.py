"""Check one certificate with the stand-alone checker and, on request, the kernel of Rocq.

`run_exactflow` runs a command, such as the check, in a process of its own.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from exactflow import checker
from exactflow.files.atomic import explain_malformed_certificate

WORDS = {0: "verified", 1: "refuted", 2: "malformed", 3: "incomplete"}
MOST_SECONDS = 10**6
"""The longest time limit of a check in seconds; a process cannot wait for much longer times."""

FileBytesAndSuffix: TypeAlias = tuple[bytes, str]
"""The content of a file, and the suffix that tells its type."""


@dataclass(frozen=True)
class CheckResult:
    """Result of checking a certificate, with the checker's output in `lines`.

    `code` is the exit code of ``exactflow check``, `seconds` the time of the check.
    """

    file: str
    code: int
    verdict: str
    kind: str
    lines: tuple[str, ...]
    largest_difference: str | None
    seconds: float


def check_certificate(
    file: str,
    *,
    target: FileBytesAndSuffix | None = None,
    transpose_target: bool = False,
    bound_if_smaller: Fraction | None = None,
    quick: bool = False,
    also_prove_by_rocq: bool = False,
) -> CheckResult:
    """Check the certificate in a file, or on standard input for "-".

    The certificate's target must equal the matrix in the file `target`, transposed first if
    `transpose_target`. `bound_if_smaller` replaces a larger bound of a flow certificate; a depth
    certificate has no bound. With `quick` an equality is only tested at random vectors: the verdict
    is then "probably verified". "malformed" is a verdict, too. With `also_prove_by_rocq`, Rocq must
    prove the theorem, too: this raises `InvalidInputError` if Coq or MathComp is not installed.
    """
    start = time.perf_counter()
    kind, largest, data = "", None, None
    try:
        data = checker.read_file_or_stdin(file)
        report = checker.check(data, target, transpose_target, bound_if_smaller, quick)
        (code, last_line), kind = report.verdict.value, report.kind
        largest = None if report.largest is None else str(report.largest)
        lines = [*report.lines, last_line]
        if also_prove_by_rocq and code == 0:
            from exactflow.files.rocq.theorem import prove_verified_certificate_by_kernel

            code, told = prove_verified_certificate_by_kernel(data, bound_if_smaller)
            lines = [*report.lines, *told, "s NOT VERIFIED" if code else last_line]
    except checker.MalformedError as error:
        code, lines = 2, [str(error).removeprefix(f"{file!a}: ")]
        if data is not None:
            lines = [f"malformed: {explain_malformed_certificate(data, error)}"]
    except MemoryError:
        code, lines = 3, ["c incomplete: MemoryError", "s NOT VERIFIED"]
    word = "probably verified" if lines[-1].startswith("s PROBABLY") else WORDS[code]
    seconds = round(time.perf_counter() - start, 3)
    return CheckResult(file, code, word, kind, tuple(lines), largest, seconds)


def run_exactflow(
    arguments: Sequence[str],
    most_seconds: float | None,
    *,
    stdin_bytes: bytes = b"",
    **popen_options: Any,
) -> tuple[int | None, str, str]:
    """Run an exactflow command in a new process; return its exit code, stdout and stderr.

    If the process takes more than `most_seconds`, it is killed with its child processes. Then the
    exit code is None, and the text in the place of stderr says so. Modules in the folder of the
    process are not imported (-P). `popen_options` are passed to `subprocess.Popen`.
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "exactflow", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **popen_options,
    ) as process:
        try:
            timeout = most_seconds and min(most_seconds, MOST_SECONDS)
            out, err = process.communicate(stdin_bytes, timeout)
        except subprocess.TimeoutExpired:
            return None, "", f"the time limit, {most_seconds:g} seconds, is over"
        finally:  # Ctrl-C does not reach the process: it has its own session
            if process.poll() is None:
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()
                process.wait()
    return process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
