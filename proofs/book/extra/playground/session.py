"""Code of the playground, in the browser or anywhere: text in, an answer as JSON out.

The browser has no NumPy and no SciPy: a permutation is factored there as any other matrix, and how
few layers there are is not decided where minimal_depth has to search for scales.
"""

import base64
import json
import re
from fractions import Fraction
from pathlib import PurePath

from sympy.polys.matrices import DomainMatrix

from exactflow import checker, factor, minimal_depth, permutation
from exactflow.errors import ExactFlowError, InvalidInputError, OrientationError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.exact.numbers import format_rational, format_short
from exactflow.files.certificate import certificate_text
from exactflow.flows.flow import CouplingFlow

MOST_COORDINATES = 24
MOST_COORDINATES_FOR_DEPTH = 12
MOST_COORDINATES_FOR_PROOF = 8
MOST_BYTES = 4_000_000

PASTED = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " "})
"""What copied formulas have in the place of minus signs and spaces."""

NEGATIVE = (
    "expected a positive determinant, got a negative one: no layers with positive scales have it; "
    "choose above to negate a coordinate first, or to add pads"
)

WORDS = {
    checker.Verdict.VERIFIED: "proved",
    checker.Verdict.REFUTED: "refuted",
    checker.Verdict.INCOMPLETE: "not decided",
    checker.Verdict.PROBABLE: "not decided",
}

EXAMPLES = {
    "a permutation of eight coordinates": "3 0 1 4 5 2 7 6",
    "a rotation in two planes": "3/5 0 -4/5 0\n0 5/13 0 -12/13\n4/5 0 3/5 0\n0 12/13 0 5/13",
    "a Glow weight, three channels": (
        "-0.7246 -0.3514 0.5929\n0.2046 -0.9319 -0.3003\n0.6580 -0.0963 0.7472"
    ),
    "diag(-I, I), which needs six layers": "-1 0 0 0\n0 -1 0 0\n0 0 1 0\n0 0 0 1",
    "singular and zero blocks": "0 1 0 0\n0 0 1 0\n0 0 0 1\n-1 0 0 0",
    "a negative determinant": "0 1\n1 0",
    "a singular matrix": "1 2\n2 4",
}


def answer(request: str) -> str:
    """Return the answer to a request, a JSON object with ``text``, or ``name`` and ``data``.

    ``orientation`` says what to do where det < 0, as `factor` takes it; ``data`` is in base 64.
    """
    asked = json.loads(request)
    try:
        if "data" in asked:
            found = from_file(asked["name"], base64.b64decode(asked["data"]))
        else:
            found = from_text(asked["text"])
        if isinstance(found, bytes):
            return json.dumps(check(found))
        return json.dumps(factored(found, asked.get("orientation", "error")))
    except OrientationError:
        return json.dumps({"error": NEGATIVE})
    except ExactFlowError as error:
        return json.dumps({"error": str(error)})
    except checker.MalformedError as error:
        return json.dumps({"error": f"malformed: {error}"})


def from_text(text: str) -> DomainMatrix | bytes:
    """Read a matrix, or return a certificate as it is.

    Rows are lines, or end with a semicolon; entries stand between spaces or commas. One line of
    the indices 0, 1, .. in some order is a permutation, y[i] = x[perm[i]]. JSON is read, too.

    Raises `InvalidInputError` on what is none of these, such as a line of the indices 1, 2, ..
    """
    if len(text) > MOST_BYTES:
        raise InvalidInputError(
            f"expected at most {MOST_BYTES:,} characters in a browser, got {len(text):,}: use "
            "exactflow on your own machine"
        )
    text = text.translate(PASTED).strip()
    if not text:
        raise InvalidInputError("expected a matrix or a certificate, got nothing: type or drop one")
    if text.startswith(("{", "[")):
        return from_json(text)
    lines = [line.strip() for line in text.replace(";", "\n").splitlines()]
    rows = [
        [entry.strip() for entry in line.rstrip(",").split(",")] if "," in line else line.split()
        for line in lines
        if line
    ]
    d = len(rows[0])
    if len(rows) == 1 and d > 1 and sorted(rows[0]) == sorted(map(str, range(1, d + 1))):
        raise InvalidInputError(
            f"expected the indices 0 to {d - 1} in a line of a permutation, got 1 to {d}: indices "
            "start at 0, so subtract 1 from each"
        )
    if len(rows) == 1 and sorted(rows[0]) == sorted(map(str, range(d))):
        return limited(as_matrix(permutation([int(entry) for entry in rows[0]])))
    return limited(as_matrix(rows))


def from_json(text: str) -> DomainMatrix | bytes:
    """Read a list of rows, or return a certificate as it is."""
    if re.search(r"([\[{]\s*){9}", text):  # a browser's stack is short
        raise InvalidInputError("expected a list of rows, got brackets nested nine deep or more")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"expected JSON after the bracket, got {error}") from None
    return text.encode() if isinstance(content, dict) else limited(as_matrix(content))


def from_file(name: str, data: bytes) -> DomainMatrix | bytes:
    """Read the file of a matrix, or return a certificate as it is."""
    suffix = PurePath(name).suffix.lower()
    if suffix not in (".csv", ".json", ".npy", ".txt"):
        raise InvalidInputError(
            f"expected a file of type .csv, .json, .npy or .txt, got {format_short(name)}: the "
            "browser reads no others"
        )
    if len(data) > MOST_BYTES:
        raise InvalidInputError(
            f"expected a file of at most {MOST_BYTES:,} bytes in a browser, got {len(data):,}: use "
            "exactflow on your own machine"
        )
    if suffix == ".npy":
        return limited(as_matrix(checker.read_npy(data, name)))
    try:
        return from_text(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise InvalidInputError(f"expected text in UTF-8 in {name}, got other bytes") from None


def limited(matrix: DomainMatrix) -> DomainMatrix:
    """Return a matrix that a browser can take."""
    d = matrix.shape[0]
    if d > MOST_COORDINATES:
        raise InvalidInputError(
            f"expected at most {MOST_COORDINATES} coordinates in a browser, got {d}: use exactflow "
            "on your own machine"
        )
    return matrix


def factored(matrix: DomainMatrix, orientation: str) -> dict:
    """Return the layers of a matrix, what they have made so far, depth, certificate, verdict."""
    flow = factor(matrix, orientation=orientation)
    p = flow.partition[0]
    pads = (p - 1, flow.dimension - 1) if flow.dimension > matrix.shape[0] else ()
    certificate = certificate_text(flow, matrix, pads=pads)
    return {
        "kind": "flow",
        "sentence": sentence(flow, pads),
        "partition": flow.partition,
        "target": shown(matrix),
        "steps": [*steps(flow)],
        "depth": depth(matrix, flow, orientation),
        "explanation": explanation(flow),
        "certificate": certificate,
        "verdict": verdict(certificate.encode()),
    }


def sentence(flow: CouplingFlow, pads: tuple[int, ...]) -> str:
    """A sentence about the flow: layers, halves, flips and pads."""
    layers = f"{flow.depth} coupling layer{'s' * (flow.depth != 1)}"
    more = f", after coordinate {flow.flips[0]} is negated" if flow.flips else ""
    more += f", with pads at coordinates {pads[0]} and {pads[1]}" if pads else ""
    return f"{layers}, halves {flow.partition[0]} and {flow.partition[1]}{more}: equal, exactly."


def steps(flow: CouplingFlow):
    """Yield each layer beside the product of all up to it; first what there is before them."""
    d = flow.dimension
    made = linalg.diagonal([-1 if i in flow.flips else 1 for i in range(d)], flow.field)
    yield {"title": "Before the first layer", "layer": None, "made": shown(made)}
    for k, layer in enumerate(flow, 1):
        made = layer.domain_matrix() * made
        half = f"moves the {layer.moves} half, {'U' if layer.moves == 'first' else 'L'}"
        yield {
            "title": f"Layer {k} of {flow.depth} {half}",
            "layer": shown(layer.domain_matrix()),
            "made": shown(made),
        }


def explanation(flow: CouplingFlow) -> str:
    """Return the proof on this matrix in HTML; nothing for a large one, which takes too long."""
    if flow.dimension > MOST_COORDINATES_FOR_PROOF:
        return ""
    return flow.explain()._repr_html_()


def shown(matrix: DomainMatrix) -> dict:
    """Return the entries as text, and for colours their quotients by the largest."""
    rows = matrix.to_dense().to_list()
    values = [[Fraction(int(x.numerator), int(x.denominator)) for x in row] for row in rows]
    most = max(abs(x) for row in values for x in row) or 1
    return {
        "text": [[format_rational(x) for x in row] for row in rows],
        "tint": [[float(x / most) for x in row] for row in values],
    }


def depth(matrix: DomainMatrix, flow: CouplingFlow, orientation: str) -> dict:
    """The least number of layers, or bounds, with their reasons; or why it is not decided here."""
    d = matrix.shape[0]
    if d > MOST_COORDINATES_FOR_DEPTH:
        return undecided(f"{MOST_COORDINATES_FOR_DEPTH} coordinates are the most in a browser")
    try:
        found = minimal_depth(matrix, orientation=orientation)
    except ModuleNotFoundError:  # NumPy
        return undecided("the search for scales needs NumPy, which this page does not have")
    told = f"It takes {found.summary}."
    if found.scales == "additive":
        told = f"With scales, {flow.depth} layers do. " * (not flow.is_additive)
        told += f"Without scales, it takes {found.summary}."
    letters = (
        " U is a layer that moves the first half, L one that moves the second. A, B, C, D are the "
        "blocks of the matrix, a, b, c, d those of its inverse."
    )
    letters += " S, T, G, H are diagonal and positive." * (found.scales == "positive")
    return {
        "sentence": told + letters * bool(found.obstructions),
        "reasons": [str(o) for o in found.obstructions],
    }


def undecided(why: str) -> dict:
    """What is shown in the place of a least number of layers."""
    told = f"Not decided here: {why}. minimal_depth decides it on your own machine."
    return {"sentence": told, "reasons": []}


def check(data: bytes) -> dict:
    """Return the verdict of the stand-alone checker on a certificate of either kind."""
    return {"kind": "check", "verdict": verdict(data)}


def verdict(data: bytes) -> dict:
    """Verdict and lines of the stand-alone checker."""
    report = checker.check(data)
    return {
        "word": WORDS[report.verdict],
        "lines": [line.removeprefix("c ") for line in report.lines],
    }
