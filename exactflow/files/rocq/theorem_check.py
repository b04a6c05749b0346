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

import re
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.exact.rounding import decimal_up
from exactflow.files.checking import is_depth_certificate
from exactflow.files.rocq.coq import LIMIT, coqc, library
from exactflow.files.rocq.depth_theorem import ADDITIVE, DEPTH, POSITIVE, UNEQUAL, depth_theorem
from exactflow.files.rocq.flow_theorem import CLAIMS, FLOW, HEADER, flow_theorem
from exactflow.files.rocq.writing import decimals, opening

__all__ = ["check_theorem", "theorem"]

CLOSED = "Closed under the global context\n"
_NUMBER = r"-?0x[0-9a-f]+|-?[0-9]+"
_WORDS = "over|moves_first|moves_second|Qmake|true|false|" + "|".join(
    ["Trace", "Linear", "Ranks", "Multiple", "Weights", "Signs"]
)
_DATA = rf"(?:\(\*[-+.,e0-9 ]*+\*\)|\[::|[];, \n]|\((?!\*)|\)|%N|\b(?:{_NUMBER}|{_WORDS})\b|-)*+"
_HOLES = {
    "version": r"[0-9a-z.+]+",
    "about": r"[-A-Za-z0-9;, ]+",
    "certificate": "[0-9a-f]{64}",
    "input": "(?:[0-9a-f]{64}|not told)",
    "words": "(?:flow|words|scaled|unequal)",
    "place": "the library(?:, which follows)?",
    "d": "[0-9]{1,6}",
    "p": "[0-9]{1,6}",
    "q": "[0-9]{1,6}",
    "sizes": "[0-9]{1,6}(?: [0-9]{1,6} [0-9]{1,6})?",
    "depth": "[0-9]{1,6}",
    "denominator": "0x[0-9a-f]+",
}


class Found(NamedTuple):
    """A theorem: its parts by name, what it says, and the text with a claim that it is refuted in
    its place.
    """

    parts: dict[str, str]
    says: str
    refutation: str


def theorem(data: bytes, standalone: bool = False) -> str:
    """Return the theorem of a certificate of either kind."""
    write = depth_theorem if is_depth_certificate(data) else flow_theorem
    return write(data, standalone)


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
        found = _read(text)
        if certificate is not None and text not in (theorem(certificate, s) for s in (False, True)):
            return 2, ["malformed: this is not the theorem that export writes of the certificate"]
    except ExactFlowError as error:
        return 2, [f"malformed: {error}"]
    lines = [f"c a theorem for Coq: {found.says}"]
    if target is None:
        lines.append("c no target given apart: the claim is on the theorem's own")
    elif wrong := _differs(found.parts, target):
        return 1, [*lines, f"c {wrong}", "s NOT VERIFIED"]
    try:
        folder = library()
    except InvalidInputError as error:
        return 3, [*lines, f"c incomplete: {error}", "s NOT VERIFIED"]
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch, "theorem.v")
        source.write_text(text, "utf-8")
        code, printed = coqc(source, folder)
        if code == 0 and printed == CLOSED:
            by = f"coqc -Q {folder} exactflow.certificates"
            return 0, [*lines, f"c closed under the global context, says {by}", "s VERIFIED"]
        if code is None:
            reason = f"coqc did not end in {LIMIT} seconds"
            return 3, [*lines, f"c incomplete: {reason}", "s NOT VERIFIED"]
        source.write_text(found.refutation, "utf-8")
        if coqc(source, folder) == (0, CLOSED):
            reason = "the numbers do not prove the claim: coqc computes false"
            return 1, [*lines, f"c {reason}", "s NOT VERIFIED"]
    told = " ".join(printed.split())[-200:]
    return 3, [*lines, f"c incomplete: coqc ends with {code}: {told}", "s NOT VERIFIED"]


def _read(text: str) -> Found:
    """Return the parts of a theorem; raise `InvalidInputError` where it is none of ours."""
    forms = [(FLOW, "flow", claim) for claim in CLAIMS.values()]
    forms += [(DEPTH, claim["text"], claim) for claim in (ADDITIVE, UNEQUAL, POSITIVE)]
    for form, name, fixed in forms:
        for standalone in (False, True):
            known = {"opening": opening(name, standalone), **fixed}
            if known["opening"] not in text:
                continue
            if found := re.fullmatch(_pattern(HEADER + form, known), text):
                parts = found.groupdict()
                if form is FLOW:
                    pads, *halves = (_numbers(parts[x]) for x in ("pads", "first", "second"))
                    if len(set(pads)) >= int(parts["d"]) or not all(halves):
                        raise InvalidInputError("expected two halves, and not only pads")
                beside = re.findall(r"\(\* (.*?) \*\)", parts["target"])
                if beside != list(map(decimals, _rows(parts))):
                    raise InvalidInputError("expected, beside a row of the target, its decimals")
                refutation = text[: text.rindex("\nTheorem ") + 1] + _REFUTED
                return Found(parts, _says(parts, fixed), refutation)
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
    """Return a regular expression for a form, some of its holes filled."""
    seen: set[str] = set()
    pattern = ""
    for i, part in enumerate(re.split(r"(?<!\{)\{(\w+)\}(?!\})", form)):
        if i % 2 == 0:
            pattern += re.escape(part.replace("{{", "{").replace("}}", "}"))
        elif part in known:
            pattern += re.escape(known[part])
        elif part in seen:
            pattern += f"(?P={part})"
        else:
            seen.add(part)
            pattern += f"(?P<{part}>{_HOLES.get(part, _DATA)})"
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


_REFUTED = """Lemma refuted : checked = false.
Proof. vm_cast_no_check (erefl false). Qed.
Print Assumptions refuted.
"""
