"""Whether a file for Coq is a theorem as `export` writes it, and whether Coq accepts it.

Main results
------------
A file for Coq is a program: it may declare plugins, write files, admit what it claims, or give our
words another meaning. So nothing is run but what `export` could have written: the file must be one
of its two forms to the letter, with numbers, lists of numbers and the names of a few constructors
where the form has a certificate's own. None of these can end a sentence of Coq.

How it is checked
-----------------
coqc accepts the theorem and prints that it is closed under the global context: verified. It does
not, but accepts that the same computation ends in `false`: refuted. Anything else, such as a coqc
that ran out of memory or time, decides nothing.
"""

import hashlib
import re
import tempfile
from fractions import Fraction
from itertools import product
from pathlib import Path
from string import Formatter
from typing import Any

from exactflow import checker
from exactflow.errors import (
    CertificateError,
    ExactFlowError,
    InvalidInputError,
    VerificationError,
)
from exactflow.exact.rounding import decimal_up
from exactflow.files.rocq.coq import LIMIT, coqc, library
from exactflow.files.rocq.depth_theorem import ADDITIVE, DEPTH, POSITIVE, UNEQUAL, depth_theorem
from exactflow.files.rocq.flow_theorem import CLAIMS, FLOW, flow_theorem
from exactflow.files.rocq.writing import decimals, opening
from exactflow.files.version import __version__

__all__ = ["check_theorem", "theorem"]

CLOSED = "Closed under the global context\n"
_NUMBER = r"-?0x[0-9a-f]+|-?[0-9]+"
_WORDS = "over|moves_first|moves_second|Qmake|true|false|" + "|".join(
    ["Trace", "Linear", "Ranks", "Multiple", "Weights", "Signs"]
)
_DATA = rf"(?:\(\*[-+.,e0-9 ]*+\*\)|\[::|[];, \n]|\((?!\*)|\)|%N|\b(?:{_NUMBER}|{_WORDS})\b|-)*+"
_WITH_WORDS = {"depth": "words"}  # the text that has the words of another
_HOLES = {
    "version": r"[0-9a-z.+]+",
    "about": r"[-A-Za-z0-9;, ]+",
    "certificate": "[0-9a-f]{64}",
    "input": "(?:[0-9a-f]{64}|not told)",
    "place": "the library(?:, which follows)?",
    **dict.fromkeys(("d", "p", "q", "depth"), "[0-9]{1,6}"),
    "sizes": "[0-9]{1,6}(?: [0-9]{1,6} [0-9]{1,6})?",
    "denominator": "0x[0-9a-f]+",
}


def theorem(data: bytes, standalone: bool = False) -> str:
    """Return a file for `coqc` (with MathComp's algebra) that proves what a certificate over QQ, of
    either kind, claims: see `flow_theorem` and `depth_theorem`.

    Parameters
    ----------
    standalone : whether the file holds its library, or requires it.

    Raises
    ------
    CertificateError, VerificationError
        It is not well formed, or its claim is not verified.
    InvalidInputError
        It is over another field, or a depth certificate with what its theorem has no words for.
    """
    try:
        report = checker.check(data)
    except checker.MalformedError as error:
        raise CertificateError(str(error)) from None
    content: Any = checker.read_json(data, "certificate")
    if report.verdict is not checker.Verdict.VERIFIED:
        is_false = report.verdict is checker.Verdict.REFUTED
        failure = VerificationError if is_false else CertificateError
        raise failure(f"expected a certificate that holds: {'; '.join(report.lines[-2:])}")
    if content["field"] != "QQ":
        raise InvalidInputError(
            f"expected a certificate over QQ for a theorem, got one over {content['field']}: "
            "the checker is evidence in its place"
        )
    if depth := checker.read_certificate(data).depth:
        about, name, text = depth_theorem(depth, content)
    else:
        about, name, text = flow_theorem(content)
    known = content.get("provenance", {}).get("sha256")
    is_known = isinstance(known, str) and re.fullmatch(_HOLES["certificate"], known)
    return (
        HEADER.format(
            version=__version__,
            about=about,
            certificate=hashlib.sha256(data).hexdigest(),
            input=known if is_known else "not told",
            words=_WITH_WORDS.get(name, name),
            place="the library, which follows" if standalone else "the library",
            opening=opening(name, standalone),
        )
        + text
    )


def check_theorem(
    text: str, target: list[dict[int, Any]] | None = None, certificate: bytes | None = None
) -> tuple[int, list[str]]:
    """Return the exit code of `exactflow check`, and its lines, on a theorem that export wrote.

    Parameters
    ----------
    target : the rows of a matrix, as `checker.read_target` returns them over QQ, that it must be
        about.
    certificate : what it must have been exported from.
    """
    try:
        parts, says = _read(text)
        if certificate is not None and text not in (theorem(certificate, s) for s in (False, True)):
            return 2, ["malformed: this is not the theorem that export writes of the certificate"]
    except ExactFlowError as error:
        return 2, [f"malformed: {error}"]
    lines = [f"c a theorem for Coq: {says}"]
    if target is None:
        lines.append("c no target given apart: the claim is on the theorem's own")
    wrong = "" if target is None else _differs(parts, target)
    code, reason = (1, wrong) if wrong else _judged(text)
    return code, [*lines, f"c {reason}", "s NOT VERIFIED" if code else "s VERIFIED"]


def _judged(text: str) -> tuple[int, str]:
    """Return the exit code for a theorem of ours, by what coqc says of it, and that."""
    try:
        folder = library()
    except InvalidInputError as error:
        return 3, f"incomplete: {error}"
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "theorem.v")
        source.write_text(text, "utf-8")
        code, printed = coqc(source, folder)
        if code == 0 and printed == CLOSED:
            by = f"coqc -Q {folder} exactflow.certificates"
            return 0, f"closed under the global context, says {by}"
        if code is None:
            return 3, f"incomplete: coqc did not end in {LIMIT} seconds"
        source.write_text(text[: text.rindex("\nTheorem ") + 1] + _REFUTED, "utf-8")
        if coqc(source, folder) == (0, CLOSED):
            return 1, "the numbers do not prove the claim: coqc computes false"
    return 3, f"incomplete: coqc ends with {code}: {' '.join(printed.split())[-200:]}"


def _read(text: str) -> tuple[dict[str, str], str]:
    """Return the parts of a theorem by name, and what it says; raise `InvalidInputError` where it
    is none of ours.
    """
    for (form, name, fixed), standalone in product(_FORMS, (False, True)):
        words = _WITH_WORDS.get(name, name)
        known = {"opening": opening(name, standalone), "words": words, **fixed}
        if known["opening"] in text and (found := re.fullmatch(_pattern(form, known), text)):
            parts = found.groupdict()
            if form is FLOW:
                pads, *halves = (_numbers(parts[x]) for x in ("pads", "first", "second"))
                if len(set(pads)) >= int(parts["d"]) or not all(halves):
                    raise InvalidInputError("expected two halves, and not only pads")
            beside = re.findall(r"\(\* (.*?) \*\)", parts["target"])
            if beside != list(map(decimals, _rows(parts))):
                raise InvalidInputError("expected, beside a row of the target, its decimals")
            return parts, _says(parts, fixed)
    raise InvalidInputError(
        "expected a theorem as exactflow export --to rocq writes it, to the letter (its version "
        "and this one the same); nothing of it was run"
    )


def _says(parts: dict[str, str], fixed: dict[str, str]) -> str:
    """Return in words what a theorem says, by its parts and what its form fixes."""
    if "claim" not in fixed:
        return f"{parts['depth']} layers make the target, and no fewer"
    made = "Q Q^T" if fixed["is_covariance"] == "true" else "Q"
    how = "is"
    if fixed["wanted"] != "None":
        bound = _numbers(parts["bound"])
        if len(bound) != 2 or bound[0] < 0 or not bound[1]:
            raise InvalidInputError("expected a bound p / q that is not negative")
        how = f"is within {decimal_up(Fraction(*bound))} of"
    return f"the target {how} {made}, for a product Q of couplings"


def _pattern(form: str, known: dict[str, str]) -> str:
    """Return a regular expression for a theorem of a form, some of its holes filled."""
    seen: set[str] = set()
    pattern = ""
    for literal, hole, *_ in Formatter().parse(HEADER + form):
        pattern += re.escape(literal)
        if hole in known:
            pattern += re.escape(known[hole])
        elif hole in seen:
            pattern += f"(?P={hole})"
        elif hole:
            seen.add(hole)
            pattern += f"(?P<{hole}>{_HOLES.get(hole, _DATA)})"
    return pattern


def _differs(parts: dict[str, str], target: list[dict[int, Any]]) -> str:
    """Return where the matrix of a theorem is not the given one, if it is not."""
    d = int(parts["d"]) if "d" in parts else int(parts["p"]) + int(parts["q"])
    pads = set(_numbers(parts.get("pads", "")))
    places = [i for i in range(d) if i not in pads]
    rows = _rows(parts)
    if len(rows) != d or len(target) != len(places):
        return f"the theorem's target has {len(places)} rows, the given one {len(target)}"
    for i, given in zip(places, target, strict=True):
        for j, place in enumerate(places):
            wanted = Fraction(*given[j][0]) if j in given else Fraction(0)
            if rows[i][place] != wanted:
                return f"entry ({i}, {place}) of the theorem's target is not that of the given one"
    return ""


def _rows(parts: dict[str, str]) -> list[list[Fraction]]:
    """Return the rows of the target that is written."""
    written = re.sub(r"\(\*.*?\*\)", "", parts["target"])
    rows = [_numbers(row) for row in written.split("[::")[2:]]
    try:
        if "denominator" in parts:
            (den,) = _numbers(parts["denominator"])
            return [[Fraction(x, den) for x in row] for row in rows]
        return [[Fraction(*row[k : k + 2]) for k in range(0, len(row), 2)] for row in rows]
    except ZeroDivisionError:
        raise InvalidInputError("expected denominators that are not zero") from None


def _numbers(written: str) -> list[int]:
    return [int(x, 0) for x in re.findall(_NUMBER, written)]


HEADER = """(* Written by exactflow {version}: {about}.
   From a certificate with sha256 {certificate};
   sha256 of its input: {input}.
   To trust this, read the theorem and the definitions of its words: in {words}.v
   and rationals.v of {place}.  It is proved if coqc prints, at the end,
   Closed under the global context: exactflow check tells. *)
{opening}
"""
_REFUTED = """Lemma refuted : checked = false.
Proof. vm_cast_no_check (erefl false). Qed.
Print Assumptions refuted.
"""
_FORMS = [
    *((FLOW, "flow", claim) for claim in CLAIMS.values()),
    *((DEPTH, form["text"], form) for form in (ADDITIVE, UNEQUAL, POSITIVE)),
]
"""Of each form of a theorem the text, the library that it requires, and what is fixed in it."""
