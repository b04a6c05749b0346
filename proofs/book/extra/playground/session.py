"""Code of the playground, in the browser or anywhere: text in, an answer as JSON out.

The browser has no NumPy and no SciPy: a permutation is factored there as any other matrix, and how
few layers there are is not decided where `minimal_depth` has to search for scales.
"""

import base64
import json
import re
from dataclasses import dataclass
from itertools import accumulate
from math import log10
from pathlib import PurePath

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import checker, factor, minimal_depth, permutation
from exactflow.errors import ExactFlowError, InvalidInputError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.numbers import format_rational, format_short
from exactflow.exact.typing import Element
from exactflow.files.certificate import certificate_text
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.partition import LETTERS
from exactflow.linear.depth.result import MinimalDepth

MOST_COORDINATES = 24
MOST_COORDINATES_FOR_DEPTH = 12
MOST_COORDINATES_FOR_PROOF = 8
MOST_LETTERS = 32
"""Letters of a row, each entry as long as the longest, up to which the strip has the entries."""
PALEST = 0.15
LOGARITHMIC_ABOVE = 3
"""Decimal digits between the largest and the least entry above which colours are logarithmic."""
MOST_BYTES = 4_000_000

PASTED = str.maketrans({"\u2212": "-", "\u2013": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " "})
"""What copied formulas have in the place of minus signs and spaces."""

VERDICTS = {
    checker.Verdict.VERIFIED: "proved",
    checker.Verdict.REFUTED: "refuted",
    checker.Verdict.INCOMPLETE: "not decided",
    checker.Verdict.PROBABLE: "not decided",
}

WORDS = "no one two three four five six seven eight nine ten".split()  # noqa: SIM905

EXAMPLES = {
    "three coordinates rotate": "0 1 2 4 5 3",
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

    ``orientation`` is "flip" or "pad", what `factor` does where det < 0; ``data`` is in base 64.
    """
    asked = json.loads(request)
    try:
        if "data" in asked:
            found = from_file(asked["name"], base64.b64decode(asked["data"]))
        else:
            found = from_text(asked["text"])
        if isinstance(found, bytes):
            return json.dumps(check(found))
        return json.dumps(factored(found, asked.get("orientation", "flip")))
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
        return limited(as_square_matrix(permutation([int(entry) for entry in rows[0]])))
    return limited(as_square_matrix(rows))


def from_json(text: str) -> DomainMatrix | bytes:
    """Read a list of rows, or return a certificate as it is."""
    if re.search(r"([\[{]\s*){9}", text):  # a browser's stack is short
        raise InvalidInputError("expected a list of rows, got brackets nested nine deep or more")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"expected JSON after the bracket, got {error}") from None
    return text.encode() if isinstance(content, dict) else limited(as_square_matrix(content))


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
        return limited(as_square_matrix(checker.read_npy(data, name)))
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
    """Return what the page shows of a matrix: layers, why not fewer, proofs, certificate, verdict.

    The layers are those of `factor`, or those of `minimal_depth` where it finds fewer.
    """
    flow = factor(matrix, orientation=orientation)
    found = least(matrix, orientation)
    constructed = flow.depth
    if found and found.depth < constructed and found.evidence is Evidence.EXACT:
        flow = found.flow
    p = flow.partition[0]
    pads = (p - 1, flow.dimension - 1) if flow.dimension > matrix.shape[0] else ()
    certificate = certificate_text(flow, matrix, pads=pads)
    return {
        "kind": "flow",
        "headline": headline(flow, found, pads),
        "notes": notes(flow, found, constructed, pads),
        "half": p,
        **strip(flow),
        "why": why_not_fewer(flow, found),
        "proofs": proofs(flow, found),
        "python": python(matrix, flow, orientation, constructed),
        "certificate": certificate,
        "verdict": verdict(certificate.encode()),
    }


def least(matrix: DomainMatrix, orientation: str) -> MinimalDepth | None:
    """Return bounds for the least number of layers; None for a matrix that takes too long."""
    if matrix.shape[0] > MOST_COORDINATES_FOR_DEPTH:
        return None
    return minimal_depth(matrix, orientation=orientation)


def headline(flow: CouplingFlow, found: MinimalDepth | None, pads: tuple[int, ...]) -> str:
    """A sentence about the layers, and another one about fewer of them."""
    if not flow.depth:
        negated = "once coordinate 0 is negated" if flow.flips else "this matrix is the identity"
        return f"No coupling layer is needed{':' * (not flow.flips)} {negated}."
    many = "layers equal" if flow.depth > 1 else "layer equals"
    repair = ", after coordinate 0 is negated" * bool(flow.flips)
    repair += ", with a pad in each half" * bool(pads)
    told = f"{number(flow.depth).capitalize()} coupling {many} this matrix exactly{repair}."
    if not found or found.lower < 2:
        return told
    if flow.depth < found.lower:  # scales save layers
        return f"{told} Without scales it takes {number(found.lower)}."
    fewer = found.lower - 1
    kind = ""
    if found.scales == "additive":
        kind = " additive ones" if fewer > 1 else " additive layer"
    return f"{told} {number(fewer).capitalize()}{kind} {'do' if fewer > 1 else 'does'} not."


def notes(
    flow: CouplingFlow, found: MinimalDepth | None, constructed: int, pads: tuple[int, ...]
) -> list[str]:
    """Sentences about the sign of the determinant, and about numbers of layers between bounds."""
    told = []
    if flow.flips or pads:
        repair = (
            f"so a pad was added to each half, at coordinates {pads[0]} and {pads[1]}"
            if pads
            else "so coordinate 0 is negated first"
        )
        told.append(f"The determinant is negative, and couplings preserve orientation: {repair}.")
    if flow.depth < constructed:
        told.append(f"factor constructs {number(constructed)} layers; minimal_depth found these.")
    if not found:
        most = MOST_COORDINATES_FOR_DEPTH
        told.append(
            f"Whether fewer do is not decided here, above {most} coordinates; minimal_depth "
            "answers on your own machine."
        )
    elif found.evidence is not Evidence.EXACT:
        told.append(
            f"{number(found.upper).capitalize()} layers of real scales are proved to exist, in "
            "ball arithmetic; minimal_depth encloses them."
        )
    elif not found.is_decided:
        told.append(
            f"Whether fewer than {number(found.upper)} do is not decided here; minimal_depth may "
            "decide it on your own machine."
        )
    return told


def why_not_fewer(flow: CouplingFlow, found: MinimalDepth | None) -> dict | None:
    """A question about fewer layers, and the reasons why there are none."""
    if not found or not found.obstructions:
        return None
    fewer = found.lower - 1
    question = f"Why not {number(fewer)}?" if fewer else "Why is a layer needed?"
    if found.scales == "additive" and fewer >= flow.depth:
        question = f"Why not {number(fewer)} without scales?"
    legend = (
        "U is a layer that moves the first half, L one that moves the second. A, B, C, D are the "
        "blocks of the matrix, a, b, c, d those of its inverse."
    )
    legend += " S, T, G, H are diagonal and positive." * (found.scales == "positive")
    return {
        "question": question,
        "reasons": [str(obstruction) for obstruction in found.obstructions],
        "legend": legend,
    }


def proofs(flow: CouplingFlow, found: MinimalDepth | None) -> dict[str, str]:
    """Return proofs on this matrix in HTML, by title; none for a large one: they take long."""
    if flow.dimension > MOST_COORDINATES_FOR_PROOF:
        return {}
    told = {}
    if flow.derivation:
        told["The proof, step by step"] = flow.explain()._repr_html_()
    if found and found.obstructions:
        told["The proof that fewer do not exist"] = found.explain()._repr_html_()
    return told


def python(matrix: DomainMatrix, flow: CouplingFlow, orientation: str, constructed: int) -> str:
    """Return the call that gives these layers in Python; nothing for a large matrix."""
    if matrix.shape[0] > MOST_COORDINATES_FOR_DEPTH:
        return ""
    rows = matrix.to_dense().to_list()
    ones = [[j for j, x in enumerate(row) if x == 1] for row in rows]
    indices = [j[0] for j in ones if len(j) == 1]
    if sorted(indices) == [*range(len(rows))] and matrix.nnz() == len(rows):
        given = f"permutation({indices})"
    else:
        entries = [[int(x) if x.denominator == 1 else format_rational(x) for x in r] for r in rows]
        given = str(entries)
    repaired = flow.flips or flow.dimension > len(rows)
    options = f', orientation="{orientation}"' if repaired else ""
    if flow.depth < constructed:
        return f"minimal_depth({given}{options}).flow"
    return f"factor({given}{options})"


def number(count: int) -> str:
    """A number as a word, up to ten."""
    return WORDS[count] if count < len(WORDS) else str(count)


def strip(flow: CouplingFlow) -> dict:
    """Return the matrix, its factors from the first, and their products so far, as they are shown.

    The factors are the layers, after the flips if there are any; a product so far has all up to
    one of them. All have one scale of colours.
    """
    signs = linalg.diagonal([-1 if i in flow.flips else 1 for i in range(flow.dimension)], QQ)
    named = [("flip", signs)] * bool(flow.flips)
    named += [
        (f"{k}: {LETTERS[layer.moves]}", layer.domain_matrix()) for k, layer in enumerate(flow, 1)
    ]
    matrices = [matrix for _, matrix in named]
    made = [*accumulate(matrices, lambda so_far, matrix: matrix * so_far)]
    given = made[-1] if made else signs
    scale = Scale.of([given, *matrices, *made])
    return {
        "matrix": scale.shown(given),
        "factors": [
            {"name": name, "matrix": scale.shown(matrix), "made": scale.shown(so_far)}
            for (name, matrix), so_far in zip(named, made, strict=True)
        ],
        "scale": scale.told,
        "written": flow.dimension * scale.longest <= MOST_LETTERS,
    }


@dataclass(frozen=True)
class Scale:
    """One scale of colours for several matrices: logarithms above a ratio of 1,000.

    `most` and `least` are decimal logarithms of nonzero entries, `longest` is the number of letters
    of the longest entry.
    """

    most: float
    least: float
    longest: int

    @classmethod
    def of(cls, matrices: list[DomainMatrix]) -> "Scale":
        """Return the scale for all entries of matrices."""
        entries = {x for matrix in matrices for x in matrix.iter_values()}
        sizes = [size_of(x) for x in entries]
        return cls(max(sizes), min(sizes), max(len(format_rational(x)) for x in entries))

    @property
    def is_logarithmic(self) -> bool:
        """Whether colours show logarithms."""
        return self.most - self.least > LOGARITHMIC_ABOVE

    @property
    def told(self) -> str:
        """A sentence about the colours."""
        exponent = int(self.most // 1)
        largest = f"{10 ** (self.most - exponent):.3g}e{exponent}"
        if -3 <= exponent < 5:
            largest = f"{10**self.most:.3g}"
        scale = ", on a logarithmic scale" * self.is_logarithmic
        return f"Red is positive, blue negative; the darkest is {largest}{scale}."

    def shown(self, matrix: DomainMatrix) -> dict:
        """Return the entries as text, and their tints, from -1 to 1."""
        rows = matrix.to_dense().to_list()
        return {
            "text": [[format_rational(x) for x in row] for row in rows],
            "tint": [[self.tint(x) for x in row] for row in rows],
        }

    def tint(self, entry: Element) -> float:
        """Return how dark an entry is, with its sign; 0 for 0."""
        if not entry:
            return 0.0
        below = self.most - size_of(entry)
        share = 1 - below / (self.most - self.least) if self.is_logarithmic else 10**-below
        return round((1 if entry > 0 else -1) * (PALEST + (1 - PALEST) * share), 3)


def size_of(entry: Element) -> float:
    """Return the decimal logarithm of the absolute value of a rational that is not zero."""
    return log10(abs(int(entry.numerator))) - log10(int(entry.denominator))


def check(data: bytes) -> dict:
    """Return the verdict of the stand-alone checker on a certificate of either kind."""
    return {"kind": "check", "verdict": verdict(data)}


def verdict(data: bytes) -> dict:
    """Verdict and lines of the stand-alone checker."""
    report = checker.check(data)
    return {
        "word": VERDICTS[report.verdict],
        "lines": [line.removeprefix("c ") for line in report.lines],
    }
