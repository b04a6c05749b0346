"""The theorem that a certificate claims, as a file for Rocq, and its proof by the kernel.

Main results
------------
From the certificate only numbers get into the file, in our own syntax.
`theorem_file_text_if_verified` returns the text of the file for a reader;
`prove_verified_certificate_by_kernel` compiles the file.

How it is checked
-----------------
Exit code 0 of coqc is no verdict. The file makes coqc print the statement and all assumptions: the
output must be the statement that we wrote and *Closed under the global context*. Any other output,
for example if coqc runs out of memory or time, decides nothing; the exact computation of `checker`
has already refuted false claims. The library is compiled from its source in the same file: a
compiled library in a cache, or on Coq's path, could define the words of the theorem differently. So
only the compiled files of Coq and MathComp are trusted.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Literal

from exactflow import checker
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.exact.progress import report_stage
from exactflow.files.atomic import explain_malformed_certificate
from exactflow.files.ctrl_c import raising_keyboard_interrupt_at_first_ctrl_c
from exactflow.files.rocq.depth_theorem import depth_theorem
from exactflow.files.rocq.flow_theorem import flow_theorem
from exactflow.files.rocq.syntax import TheoremText, require_or_include_library
from exactflow.files.version import __version__

LIMIT = 3600
"""The time limit of coqc for a file, in seconds."""
PACKAGES = "Coq 8.20 with MathComp 2.3 (on Debian: apt-get install coq libcoq-mathcomp-algebra)"


def coqc_command_unless_only_rocq() -> list[str]:
    """Return the words of the compiler's command: `rocq compile` if rocq is installed, but coqc is
    not; `coqc` in all other cases.
    """
    return ["coqc"] if shutil.which("coqc") or not shutil.which("rocq") else ["rocq", "compile"]


def require_coqc_or_rocq() -> None:
    """Raise `InvalidInputError` if neither coqc nor rocq is installed."""
    if shutil.which(coqc_command_unless_only_rocq()[0]) is None:
        raise InvalidInputError(f"neither coqc nor rocq is on the PATH: install {PACKAGES}")


def run_coqc_within_limit(source: Path) -> tuple[int | None, str]:
    """Compile a file; return coqc's exit code and output, or (None, "") if the time is over."""
    try:
        done = subprocess.run(
            [*coqc_command_unless_only_rocq(), "-q", "-w", "none", source],
            cwd=source.parent,
            # HOME is always set, since coqc prints a warning without it
            env={"HOME": str(source.parent), **os.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout.decode("utf-8", "replace")


def theorem_file_text_if_verified(certificate: bytes, standalone: bool = False) -> str:
    """Return the text of a file from which `coqc` proves the claim of a certificate.

    The theorem is described under `flow_theorem` and `depth_theorem`. A `standalone` file contains
    the library; any other file requires it. Raises `CertificateError` if the certificate is
    malformed or undecided, `VerificationError` if its claim is false, and `InvalidInputError` for
    another field than QQ, or an obstruction that has no formal counterpart.
    """
    try:
        report = checker.check(certificate)
    except checker.MalformedError as error:
        raise CertificateError(explain_malformed_certificate(certificate, error)) from None
    if report.verdict is not checker.Verdict.VERIFIED:
        is_false = report.verdict is checker.Verdict.REFUTED
        failure = VerificationError if is_false else CertificateError
        raise failure(f"the checker does not verify the claim: {'; '.join(report.lines[-2:])}")
    return _theorem_file_text(_state_theorem(certificate, None), certificate, standalone)


@raising_keyboard_interrupt_at_first_ctrl_c()  # Ctrl-C then also ends coqc and removes its folder
def prove_verified_certificate_by_kernel(
    certificate: bytes, bound_if_smaller: Fraction | None = None
) -> tuple[Literal[0, 3], list[str]]:
    """Prove the theorem of a certificate by coqc, in a fresh folder.

    `checker` must have verified the certificate. `bound_if_smaller` replaces a larger bound
    "within" of the certificate. Returns an exit code of ``exactflow check``, 0 (proved) or 3
    (undecided), and lines: a summary of the theorem, and the statement and the assumptions as coqc
    prints them. Raises `InvalidInputError` if Coq or MathComp is not installed.
    """
    require_coqc_or_rocq()
    try:
        parts = _state_theorem(certificate, bound_if_smaller)
    except InvalidInputError as error:
        return 3, [f"c incomplete: {error}"]
    text = _theorem_file_text(parts, certificate, standalone=True)
    report_stage("coqc compiles the library and the theorem, which can take minutes")
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "theorem.v")
        source.write_text(text, "utf-8")
        code, printed = run_coqc_within_limit(source)
    library_text = text.partition(parts.definitions)[0]
    error_line = re.search(r"\.v\", line (\d+), ", printed)
    if code and error_line and int(error_line[1]) <= library_text.count("\n"):
        told = " ".join(printed.split())[-300:]
        raise InvalidInputError(
            f"coqc could not compile exactflow's library, which needs {PACKAGES}: {told}"
        )
    if code is None:
        return 3, [f"c incomplete: coqc did not end in {LIMIT} seconds"]
    expected = f"{parts.name} : {parts.statement} {CLOSED}"
    # blanks are removed before the comparison, since coqc breaks lines anywhere
    if code or "".join(printed.split()) != "".join(expected.split()):
        told = " ".join(printed.split())[-300:]
        return 3, [f"c incomplete: coqc ends with {code} and prints: {told}"]
    about = [f"c theorem: {parts.about}", "c target is the certificate's; coqc prints:"]
    return 0, [*about, *(f"c   {line}" for line in printed.splitlines())]


def _state_theorem(data: bytes, bound_if_smaller: Fraction | None) -> TheoremText:
    """Return the theorem for a certificate's claim; `bound_if_smaller` is as in `flow_theorem`."""
    certificate, content = checker.read_certificate(data), checker.read_json(data, "certificate")
    if certificate.field.name != "QQ":
        raise InvalidInputError(
            "theorems are exported over QQ only, and this certificate is over "
            f"{certificate.field.name}: to verify the certificate itself, run exactflow check FILE"
        )
    claim = certificate.depth
    return depth_theorem(claim, content) if claim else flow_theorem(content, bound_if_smaller)


def _theorem_file_text(parts: TheoremText, certificate: bytes, standalone: bool) -> str:
    """Return the text of a file that proves a theorem and prints its statement and assumptions."""
    return FILE.format(
        version=__version__,
        certificate=hashlib.sha256(certificate).hexdigest(),
        place="the library, which follows" if standalone else "the library",
        opening=require_or_include_library(parts.library, standalone),
        **parts._asdict(),
    )


CLOSED = "Closed under the global context"
FILE = """(* Written by exactflow {version}: {about}.
   From a certificate with sha256 {certificate}.

   Only a file that you exported yourself counts: in another one the words of the theorem may have
   been given another meaning, whatever coqc prints.  To check the certificate:
     exactflow check CERT.json --kernel
   or, step by step:
     exactflow export CERT.json --to rocq --standalone -o theorem.v
     coqc theorem.v
   It is proved if coqc prints its statement, as it stands here, and
   Closed under the global context.
   To trust this, read the theorem and the definitions of its words, in {place}. *)
{opening}
{definitions}
Open Scope ring_scope.
Unset Printing Implicit Defensive.
Set Printing Width 96.
Set Printing Depth 1000000.
Theorem {name} :
  {statement}.
Proof.
have proved : checked = true by vm_cast_no_check (erefl true).
rewrite /checked in proved; {proof}.
Qed.
Check {name}.
Print Assumptions {name}.
"""
