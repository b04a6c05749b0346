"""A certificate as a theorem for Rocq: its file, and whether the kernel proves it.

Main results
------------
The theorem is written from the certificate: of what the certificate has, nothing but numbers that
we write gets into the file. `theorem` is that file for a reader, `proved` compiles it.

How it is checked
-----------------
That coqc ends with 0 is no verdict. The file asks for the statement and for all assumptions, and
what coqc prints must be the statement that we wrote and *Closed under the global context*. Anything
else, such as a coqc that ran out of memory or time, decides nothing: what is false was refuted
before, by the exact computation of `checker`. The library is compiled from its source in the same
file, so that no compiled file but those of Coq and MathComp is believed.
"""

import hashlib
import re
import tempfile
from fractions import Fraction
from pathlib import Path

from exactflow import checker
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.files.atomic import interruptible
from exactflow.files.rocq.coq import LIMIT, PACKAGES, coqc, require_coqc
from exactflow.files.rocq.depth_theorem import depth_theorem
from exactflow.files.rocq.flow_theorem import flow_theorem
from exactflow.files.rocq.writing import Stated, opening
from exactflow.files.version import __version__


def theorem(data: bytes, standalone: bool = False) -> str:
    """A file for `coqc` (with MathComp's algebra) that proves what a certificate over QQ, of either
    kind, claims: see `flow_theorem` and `depth_theorem`. It holds its library, or requires it.

    Raises `CertificateError` or `VerificationError` for a certificate that is not well formed, or
    not verified, and `InvalidInputError` for one over another field, or of a depth with what its
    theorem has no words for.
    """
    try:
        report = checker.check(data)
    except checker.MalformedError as error:
        raise CertificateError(str(error)) from None
    if report.verdict is not checker.Verdict.VERIFIED:
        is_false = report.verdict is checker.Verdict.REFUTED
        failure = VerificationError if is_false else CertificateError
        raise failure(f"expected a certificate that holds: {'; '.join(report.lines[-2:])}")
    return _file(_stated(data, None), data, standalone)


@interruptible()  # Ctrl-C ends coqc, too, and its folder
def proved(data: bytes, bound: Fraction | None = None) -> tuple[int, list[str]]:
    """Compile the theorem of a certificate that `checker` has verified, in a fresh folder; none of
    the entries of one "within" may differ by more than `bound`.

    Returns 0, or 3 where nothing is decided, and lines: what the theorem is about, the statement
    and the assumptions as coqc prints them. Raises `InvalidInputError` where Coq or MathComp is not
    there.
    """
    require_coqc()
    try:
        stated = _stated(data, bound)
    except InvalidInputError as error:
        return 3, [f"c incomplete: {error}"]
    text = _file(stated, data, standalone=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "theorem.v")
        source.write_text(text, "utf-8")
        code, printed = coqc(source)
    if code and _is_of_library(printed, text.partition(stated.definitions)[0]):
        told = " ".join(printed.split())[-300:]
        raise InvalidInputError(
            f"expected {PACKAGES}, got one that does not compile the library: {told}"
        )
    if code is None:
        return 3, [f"c incomplete: coqc did not end in {LIMIT} seconds"]
    expected = f"{stated.name} : {stated.statement} {CLOSED}"
    if code or "".join(printed.split()) != "".join(expected.split()):  # it breaks lines anywhere
        told = " ".join(printed.split())[-300:]
        return 3, [f"c incomplete: coqc ends with {code} and prints: {told}"]
    about = [f"c theorem: {stated.about}", "c target is the certificate's; coqc prints:"]
    return 0, [*about, *(f"c   {line}" for line in printed.splitlines())]


def _is_of_library(printed: str, library: str) -> bool:
    """Whether an error that coqc prints is in the text of the library, which comes first."""
    found = re.search(r"\.v\", line (\d+), ", printed)
    return found is not None and int(found[1]) <= library.count("\n")


def _stated(data: bytes, bound: Fraction | None) -> Stated:
    """The theorem of a certificate."""
    certificate, content = checker.read_certificate(data), checker.read_json(data, "certificate")
    if certificate.field.name != "QQ":
        raise InvalidInputError(
            f"expected a certificate over QQ for a theorem, got one over {certificate.field.name}: "
            "the checker is evidence in its place"
        )
    claim = certificate.depth
    return depth_theorem(claim, content) if claim else flow_theorem(content, bound)


def _file(stated: Stated, data: bytes, standalone: bool) -> str:
    """The file that states a theorem, proves it and has the statement and assumptions printed."""
    return FILE.format(
        version=__version__,
        certificate=hashlib.sha256(data).hexdigest(),
        place="the library, which follows" if standalone else "the library",
        opening=opening(stated.library, standalone),
        **stated._asdict(),
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
