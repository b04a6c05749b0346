"""Check one certificate with the stand-alone checker and, on request, the kernel of Rocq."""

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from exactflow import checker

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
    kind, largest = "", None
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
        code, lines = 2, [f"malformed: {error}"]
    except MemoryError:
        code, lines = 3, ["c incomplete: MemoryError", "s NOT VERIFIED"]
    word = "probably verified" if lines[-1].startswith("s PROBABLY") else WORDS[code]
    seconds = round(time.perf_counter() - start, 3)
    return CheckResult(file, code, word, kind, tuple(lines), largest, seconds)
