"""Check a certificate that a matrix is a composition of coupling layers.

Usage:  python checker.py CERT.json [--target FILE]        (CERT or FILE may be -, standard input)

The claim is  target == l_K ... l_2 l_1 F,  exactly: l_k is the matrix of the k-th layer, and F the
identity with -1 at the flips.  A layer has scale s and shift T: [[I, 0], [T, diag(s)]] if it moves
the second half, [[diag(s), T], [0, I]] if it moves the first; scales are positive (over GF(p), not
zero).  With --target, the certificate's target must also equal the matrix in FILE: .json (nested
lists; "p/q" and "0.1" are exact, a bare 0.1 is the float64), .csv (fields exactly as written) or
.npy (a float is the dyadic rational that it is); standard input is read as .json.

    exit 0   s VERIFIED        the claim holds
    exit 1   s NOT VERIFIED    well formed, and false; the first differing entry is printed
    exit 2   (no verdict)      malformed certificate or target, or wrong usage; reason on stderr
    exit 3   s NOT VERIFIED    something could not be decided: the reason follows `c incomplete:`

How.  Rows are dictionaries of nonzero integers over one denominator: after parsing, zeros cost
nothing.  Rows are only ever multiplied on the left by a layer or by its inverse, to compare
l_j ... l_1 F with l_{j+1}^-1 ... l_K^-1 target for one j, reached from both ends (`find_error`).
QQ[x]/(m), with m of degree n, is QQ^n, on which an entry acts by a rational n x n matrix.

Limits.  Primes are decided below 3.3e24, irreducibility of m up to degree 16 (mostly); beyond that,
and where memory ends, the verdict is incomplete.
Rows, columns, layers and coordinates count from 0.  Python 3.11+, standard library only.

To read it: `find_error` and what it calls are the claim; then come the readers of certificate and
target, which only need to refuse what is not exactly as specified; then what GF(p) and number
fields need, of which QQ uses only the sign of a scale; last, the verdict.
"""

import argparse
import contextlib
import enum
import json
import math
import os
import re
import signal
import struct
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, TextIO

Element = tuple[Fraction, ...]  # coefficients of 1, x, x^2, ...; only one over QQ and GF(p)
Polynomial = list[Fraction]  # ascending, without trailing zeros

RATIONAL = re.compile(r"(-?[0-9]+)(?:/([0-9]+))?")
DECIMAL = re.compile(r"(-?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?")
ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]|\\u[dD]([89a-fA-F])|\\.")  # [1]: lone one
SPACE_OR_PLUS = re.compile(r"^ *\+(?=[0-9.])|^ +| +$")  # around a number in a target file
NPY_HEADER = re.compile(
    rb"\{'descr': '([<>|])(..)', 'fortran_order': (True|False), "
    rb"'shape': \(([1-9][0-9]{0,8}), ([1-9][0-9]{0,8})(?:, 1){0,2}\), \}[ \n]*"
)
NPY_CODES = {"f2": "e", "f4": "f", "f8": "d", "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}
NPY_CODES |= {"u1": "B", "u2": "H", "u4": "I", "u8": "Q"}
MAX_EXPONENT = 10_000  # of a decimal: beyond any float, and no memory bomb
MAX_PRIME_BITS = 4096  # beyond, not even compositeness is tested
MAX_DEGREE = 16  # of a modulus
MAX_MODULUS_BITS = 2048  # of all its numerators and denominators
MAX_HALVINGS = 1000  # of an interval around a root, to find a sign there
MAX_TRIED = 1000  # arguments at which a modulus is evaluated
SMALL_PRIMES = [q for q in range(2, 200) if all(q % r for r in range(2, q))]
WITNESSES = SMALL_PRIMES[:13]  # 2, ..., 41 decide primality below the following bound:
# Sorenson and Webster, Strong pseudoprimes to twelve prime bases, Math. Comp. 86 (2017), 985-1003
PROVED_BELOW = 3317044064679887385961981


class MalformedError(Exception):
    """The certificate or the target cannot be read as what it should be: there is no verdict."""

    def __init__(self, where: str, expected: str, found: str) -> None:
        super().__init__(f"{where}: expected {expected}, found {found}")


class UndecidedError(Exception):
    """Something is beyond the limits of this checker: the verdict is incomplete."""


class Verdict(enum.Enum):
    """The outcome: exit code and last line in one value, so that they cannot disagree."""

    VERIFIED = (0, "s VERIFIED")
    REFUTED = (1, "s NOT VERIFIED")
    INCOMPLETE = (3, "s NOT VERIFIED")


class Row(NamedTuple):
    """A sparse row of rationals: entry j is nums[j] / den; den > 0, and no zero is stored."""

    den: int
    nums: dict[int, int]

    def entry(self, j: int) -> Fraction:
        """Return entry j."""
        return Fraction(self.nums.get(j, 0), self.den)


SUM, DIFFERENCE = Row(1, {0: 1, 1: 1}), Row(1, {0: 1, 1: -1})


@dataclass(frozen=True)
class Field:
    """QQ (no prime, no modulus), GF(prime) or QQ[x]/(modulus), with what was learnt of it."""

    name: str
    prime: int = 0
    modulus: tuple[Fraction, ...] = ()
    undecided: str = ""

    @cached_property
    def roots(self) -> list[tuple[Fraction, Fraction]]:
        """Return intervals around the real roots at which signs are asked."""
        return real_roots(self.modulus)

    @property
    def degree(self) -> int:
        """Return the number of coefficients of an element."""
        return max(len(self.modulus) - 1, 1)


@dataclass(frozen=True)
class Layer:
    """A layer: it replaces each row r in scale by (scale[r] + shift[r]) times all the rows."""

    scale: dict[int, Row]
    shift: dict[int, Row]
    sign_unchecked: bool

    def rows(self, prime: int) -> dict[int, Row]:
        """Return the rows in which the matrix of the layer differs from the identity."""
        return {r: combine(SUM, (self.scale[r], self.shift[r]), prime) for r in self.scale}

    def is_easily_inverted(self) -> bool:
        """Return whether the scales are constants (always, save over number fields)."""
        return all(row.nums.keys() == {r} for r, row in self.scale.items())

    def inverse_rows(self, prime: int) -> dict[int, Row]:
        """Return the same for the inverse, whose row r is (unit - shift[r]) / scale[r]."""
        inverse = {}
        for r, (den, nums) in self.scale.items():
            c, d = (pow(nums[r], -1, prime), 1) if prime else (den, nums[r])  # 1/scale is c/d
            inverse[r] = combine(Row(d, {0: c, 1: -c}), (Row(1, {r: 1}), self.shift[r]), prime)
        return inverse


@dataclass(frozen=True)
class Certificate:
    """A well-formed certificate; n rows of target and start (which is F) per row of elements."""

    field: Field
    dimension: int
    target: list[Row]
    start: list[Row]
    layers: list[Layer]


# ------------------------------------------------------------------------- rows, and the claim


def combine(weights: Row, rows: Mapping[int, Row] | Sequence[Row], prime: int) -> Row:
    """Return the sum of weights[k] rows[k], in lowest terms (or modulo the prime)."""
    common = math.lcm(*{rows[k].den for k in weights.nums})
    total: dict[int, int] = {}
    for k, weight in weights.nums.items():
        weight *= common // rows[k].den
        for j, num in rows[k].nums.items():
            total[j] = total.get(j, 0) + weight * num
    if prime:  # every denominator is 1
        return Row(1, {j: num % prime for j, num in total.items() if num % prime})
    total = {j: num for j, num in total.items() if num}
    divisor = math.gcd(den := weights.den * common, *total.values())
    if divisor > 1:
        return Row(den // divisor, {j: num // divisor for j, num in total.items()})
    return Row(den, total)


def act(layer_rows: Mapping[int, Row], rows: Sequence[Row], prime: int) -> list[Row]:
    """Return the product of a layer, given by its nontrivial rows, and a matrix."""
    moved = {r: combine(weights, rows, prime) for r, weights in layer_rows.items()}
    return [moved.get(r, row) for r, row in enumerate(rows)]


def effort(layer: Layer, rows: Sequence[Row]) -> int:
    """Return an estimate, in bit operations, of applying a layer or its inverse to rows."""
    size = [sum(512 + num.bit_length() for num in row.nums.values()) for row in rows]
    shifts = (row.nums.items() for row in layer.shift.values())
    return sum((512 + num.bit_length()) * size[k] for shift in shifts for k, num in shift)


def find_error(certificate: Certificate) -> list[Row]:
    """Return l_K ... l_1 F - target: zero exactly if the claim holds.

    Invariant: data is l_{first-1} ... l_0 F, and goal is l_last^-1 ... l_{K-1}^-1 target.  They
    meet when first == last, and l_{K-1} ... l_last (data - goal) is the error.
    """
    data, goal, layers = certificate.start, certificate.target, certificate.layers
    prime, first, last = certificate.field.prime, 0, len(layers)
    while first < last:
        next_layer, last_layer = layers[first], layers[last - 1]
        if last_layer.is_easily_inverted() and effort(last_layer, goal) < effort(next_layer, data):
            goal = act(last_layer.inverse_rows(prime), goal, prime)
            last -= 1
        else:
            data = act(next_layer.rows(prime), data, prime)
            first += 1
    error = [combine(DIFFERENCE, pair, prime) for pair in zip(data, goal, strict=True)]
    if any(row.nums for row in error):
        for layer in layers[last:]:
            error = act(layer.rows(prime), error, prime)
    return error


def first_difference(
    left: Sequence[Row], error: Sequence[Row], field: Field, names: tuple[str, str]
) -> str | None:
    """Return a line on the first entry, row by row, where left and left + error differ, if any."""
    n = field.degree
    for i in range(len(error) // n):
        rows = range(i * n, i * n + n)
        differing = [j for r in rows for j in error[r].nums]
        if differing:
            j = min(differing)
            right = [combine(SUM, (left[r], error[r]), field.prime) for r in rows]
            a = show_element([left[r].entry(j) for r in rows], field)
            b = show_element([row.entry(j) for row in right], field)
            return f"c first differing entry: row {i}, column {j}: {names[0]} {a}, {names[1]} {b}"
    return None


def expand(elements: Mapping[int, Element], field: Field, width: int) -> list[Row]:
    """Return the n rows of coefficients of a row of elements a, or with width n, of their actions.

    Column j of elements becomes the columns a, a x, ..., a x^(width - 1).
    """
    columns = {}
    for j, a in elements.items():
        for s in range(width):
            columns[j * width + s] = a
            times_x = zip((Fraction(0), *a[:-1]), field.modulus, strict=False)
            a = tuple(c - a[-1] * m for c, m in times_x)
    rows = []
    for t in range(field.degree):
        row = {j: a[t] for j, a in columns.items() if a[t]}
        den = math.lcm(*{c.denominator for c in row.values()})
        rows.append(Row(den, {j: c.numerator * (den // c.denominator) for j, c in row.items()}))
    return rows


# ------------------------------------------------------------------------- reading the certificate


def whole(digits: str) -> int:
    """Return the integer written -?[0-9]+, in pieces that Python's digit limit (>= 640) permits."""
    if len(digits) <= 600:
        return int(digits)
    if digits[0] == "-":
        return -whole(digits[1:])
    half = len(digits) // 2
    return whole(digits[:-half]) * 10**half + whole(digits[-half:])


def show_whole(n: int) -> str:
    """Return n in decimal; of a long one, both ends and the number of digits."""
    magnitude = abs(n)
    if magnitude < 10**40:
        return str(n)
    size = (magnitude.bit_length() - 1) * 3010299 // 10**7  # at most the number of digits
    while magnitude >= 10**size:
        size += 1
    head, last = magnitude // 10 ** (size - 12), magnitude % 10**12
    return f"{'-' * (n < 0)}{head}...{last:012d} ({size} digits)"


def show_element(a: Sequence[Fraction], field: Field) -> str:
    """Return p/q, or over a number field the list of coefficients."""
    shown = [
        show_whole(c.numerator) + (f"/{show_whole(c.denominator)}" if c.denominator > 1 else "")
        for c in a
    ]
    return f"[{', '.join(shown)}]" if field.modulus else shown[0]


def show(found: object) -> str:
    """Return a short description, in ASCII, of a value read from JSON."""
    if isinstance(found, str):
        return ascii(found) if len(found) <= 60 else f"{found[:40]!a}... ({len(found)} long)"
    if isinstance(found, list):
        return f"a list of length {len(found)}"
    if isinstance(found, dict):
        return "an object"
    return f"the number {show_whole(found)}" if type(found) is int else json.dumps(found)


def read_json(data: bytes, where: str) -> Any:
    """Return the value of a JSON text: UTF-8, keys distinct, no NaN and no lone surrogate."""

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
            raise MalformedError(where, "distinct keys in each object", f"{show(twice)} twice")
        return members

    def constant(name: str) -> Any:
        raise MalformedError(where, "JSON, which has no such constant", name)

    try:
        text = data.decode("utf-8")
        value = json.loads(
            text, object_pairs_hook=distinct, parse_int=whole, parse_constant=constant
        )
    except ValueError as error:
        raise MalformedError(where, "JSON in UTF-8", str(error)) from None
    except RecursionError:
        raise MalformedError(where, "moderate nesting", "too many levels of nesting") from None
    if any(match[1] for match in ESCAPE.finditer(text)):
        raise MalformedError(where, "surrogates in pairs only", "a lone surrogate in a string")
    return value


def read_object(found: Any, where: str, keys: Sequence[str], optional: Sequence[str] = ()) -> Any:
    """Return the object, which has all of the keys, perhaps optional ones, and no others."""
    if type(found) is not dict:
        raise MalformedError(where, "an object", show(found))
    for key in keys:
        if key not in found:
            raise MalformedError(where, f"the key {key!r}", "none")
    for key in found:
        if key not in keys and key not in optional:
            raise MalformedError(where, f"no keys but {', '.join((*keys, *optional))}", show(key))
    return found


def read_list(found: Any, where: str, size: int, what: str) -> list[Any]:
    """Return the list, which has the given length."""
    if type(found) is not list or len(found) != size:
        raise MalformedError(where, f"a list of {show_whole(size)} {what}", show(found))
    return found


def read_rational(found: Any, where: str, prime: int = 0) -> Fraction:
    """Return the rational written -?[0-9]+(/[0-9]+)?; modulo p, the integer written -?[0-9]+."""
    match = RATIONAL.fullmatch(found) if type(found) is str else None
    if match is None or (prime and match[2]):
        expected = "digits, as a string, with - before or not" + " or p/q of these" * (not prime)
        raise MalformedError(where, expected, show(found))
    if prime:
        return Fraction(whole(match[1]) % prime)
    denominator = whole(match[2] or "1")
    if denominator == 0:
        raise MalformedError(where, "a denominator that is not zero", show(found))
    return Fraction(whole(match[1]), denominator)


def read_element(found: Any, where: str, field: Field) -> Element:
    """Return an element: a string, or over a number field a list of at most n strings."""
    if not field.modulus:
        return (read_rational(found, where, field.prime),)
    if type(found) is not list or len(found) > field.degree:
        raise MalformedError(where, f"a list of at most {field.degree} strings", show(found))
    read = [read_rational(c, where) for c in found]
    return (*read, *[Fraction(0)] * (field.degree - len(read)))


def read_matrix(
    found: Any, where: str, rows: int, columns: int, field: Field
) -> list[dict[int, Element]]:
    """Return the nonzero elements of each row, by column."""
    matrix = []
    for i, row in enumerate(read_list(found, where, rows, "rows")):
        row = read_list(row, f"{where}, row {i}", columns, "entries")
        written = [(j, a) for j, a in enumerate(row) if a != "0" or field.modulus]  # fast on zeros
        read = {j: read_element(a, f"{where}, row {i}, column {j}", field) for j, a in written}
        matrix.append({j: a for j, a in read.items() if any(a)})
    return matrix


def read_field(found: Any) -> Field:
    """Return the field, with what could be shown of its being one."""
    if found == "QQ":
        return Field("QQ")
    if type(found) is dict:
        coefficients = read_object(found, "field", ["modulus"])["modulus"]
        if type(coefficients) is not list or len(coefficients) < 2:
            raise MalformedError(
                "field, modulus", "a list of 2 or more strings", show(coefficients)
            )
        if len(coefficients) - 1 > MAX_DEGREE:
            raise UndecidedError(
                f"the modulus has degree {len(coefficients) - 1}; those up to {MAX_DEGREE} are read"
            )
        m = tuple(
            read_rational(c, f"field, modulus, coefficient {i}") for i, c in enumerate(coefficients)
        )
        if m[-1] != 1:
            raise MalformedError("field, modulus", "a monic polynomial", show(coefficients[-1]))
        if bits(m) > MAX_MODULUS_BITS:
            raise UndecidedError(f"the modulus has more than {MAX_MODULUS_BITS} bits")
        undecided = "" if is_shown_irreducible(m) else "no proof that the modulus is irreducible"
        return Field("a number field", 0, m, undecided)
    match = re.fullmatch(r"GF\(([1-9][0-9]*)\)", found) if type(found) is str else None
    if match is None:
        raise MalformedError("field", '"QQ", "GF(p)" or {"modulus": [...]}', show(found))
    p = whole(match[1])
    decided = is_prime(p)
    if decided is False:
        raise MalformedError("field", "GF(p) with p prime", f"p = {show_whole(p)}, composite or 1")
    return Field(f"GF({show_whole(p)})", p, (), "" if decided else "no proof that p is prime")


def read_layer(found: Any, where: str, p: int, q: int, field: Field) -> Layer:
    """Return the layer, its scales shown positive (nonzero) or marked as unchecked."""
    optional = ["sign"] if field.modulus else []
    found = read_object(found, where, ["moves", "scale", "shift"], optional)
    if found["moves"] not in ("first", "second"):
        raise MalformedError(f"{where}, moves", '"first" or "second"', show(found["moves"]))
    unchecked = "sign" in found
    if unchecked and found["sign"] != "unchecked":
        raise MalformedError(f"{where}, sign", '"unchecked" or no such key', show(found["sign"]))
    size, moved, fixed = (p, 0, p) if found["moves"] == "first" else (q, p, 0)
    scale, shift, n = {}, {}, field.degree
    scales = read_list(found["scale"], f"{where}, scale", size, "entries")
    matrix = read_matrix(found["shift"], f"{where}, shift", size, p + q - size, field)
    for i, (entry, row) in enumerate(zip(scales, matrix, strict=True)):
        place = f"{where}, scale {i}"
        a = read_element(entry, place, field)
        shown = sign(a, field)
        if shown < 0:
            raise MalformedError(place, "nonzero" if field.prime else "a scale > 0", show(entry))
        if shown == 0 and not unchecked:
            raise MalformedError(place, 'a scale > 0, or "sign": "unchecked"', show(entry))
        at = range((moved + i) * n, (moved + i) * n + n)
        scale |= zip(at, expand({moved + i: a}, field, n), strict=True)
        row = {fixed + j: a for j, a in row.items()}
        shift |= zip(at, expand(row, field, n), strict=True)
    return Layer(scale, shift, unchecked)


def read_certificate(data: bytes) -> Certificate:
    """Return the certificate, which is well formed in every respect."""
    keys = ["format", "version", "field", "partition", "target", "layers"]
    where = "certificate"
    found = read_object(read_json(data, where), where, keys, ["flips", "provenance"])
    if found["format"] != "exactflow-certificate":
        raise MalformedError("format", '"exactflow-certificate"', show(found["format"]))
    if type(found["version"]) is not int or found["version"] != 1:
        raise MalformedError("version", "the number 1", show(found["version"]))
    if type(found.get("provenance", {})) is not dict:
        raise MalformedError("provenance", "an object", show(found["provenance"]))
    field = read_field(found["field"])
    halves = read_list(found["partition"], "partition", 2, "integers >= 1")
    if not all(type(half) is int and half >= 1 for half in halves):
        raise MalformedError("partition", "integers >= 1", ", ".join(map(show, halves)))
    p, q = halves
    d = p + q
    target = read_matrix(found["target"], "target", d, d, field)
    flips = found.get("flips", [])
    if type(flips) is not list:
        raise MalformedError("flips", "a list of coordinates", show(flips))
    for at, i in enumerate(flips):
        if type(i) is not int or not 0 <= i < d or i in flips[:at]:
            raise MalformedError("flips", f"distinct coordinates from 0 to {d - 1}", show(i))
    if type(found["layers"]) is not list:
        raise MalformedError("layers", "a list of objects", show(found["layers"]))
    layers = [read_layer(a, f"layer {k}", p, q, field) for k, a in enumerate(found["layers"])]
    one, rest = Fraction(1), (Fraction(0),) * (field.degree - 1)
    signs = dict.fromkeys(flips, Fraction(field.prime - 1))  # that is -1, modulo p or not
    identity = [{i: (signs.get(i, one), *rest)} for i in range(d)]
    expanded = [[r for row in a for r in expand(row, field, 1)] for a in (target, identity)]
    return Certificate(field, d, *expanded, layers)


# ------------------------------------------------------------------------- reading a target apart


def read_number(found: Any, where: str) -> Fraction:
    """Return the value of an int, a finite float (exactly), or a string p/q or decimal."""
    if type(found) is int or (type(found) is float and math.isfinite(found)):
        return Fraction(found)
    text = SPACE_OR_PLUS.sub("", found) if type(found) is str else ""
    match = DECIMAL.fullmatch(text)
    if match is None:
        return read_rational(text or found, where)
    sign, units, decimals, exponent = match.groups("")
    power = int(exponent or "0")
    if abs(power) > MAX_EXPONENT:
        raise MalformedError(where, f"an exponent up to {MAX_EXPONENT}", show(found))
    return whole(f"{sign}{units}{decimals}") * Fraction(10) ** (power - len(decimals))


def read_cell(found: Any, where: str, field: Field) -> Element:
    """Return the element given by a number or, over a number field, by a list of strings."""
    if type(found) is list and field.modulus:
        return read_element(found, where, field)
    number = read_number(found, where)
    if field.prime:
        if number.denominator != 1:
            raise MalformedError(where, f"an integer, over {field.name}", show(found))
        number %= field.prime
    return (number, *[Fraction(0)] * (field.degree - 1))


def unquoted(cell: str) -> str:
    """Return a field of a .csv file without the blanks and quotes around it."""
    cell = cell.strip(" \t")
    return cell[1:-1].strip(" \t") if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def read_csv(data: bytes, where: str) -> list[list[str]]:
    """Return the fields, separated by commas, without the blanks and quotes around them."""
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError(where, "text in UTF-8", str(error)) from None
    rows = [line.removesuffix("\r").split(",") for line in lines if line not in ("", "\r")]
    return [[unquoted(cell) for cell in row] for row in rows]


def read_npy(data: bytes, where: str) -> list[list[int | float]]:
    """Return the numbers of a NumPy file of shape (d, d), perhaps with ones appended."""
    width = {b"\1\0": 2, b"\2\0": 4, b"\3\0": 4}.get(data[6:8])
    if data[:6] != b"\x93NUMPY" or width is None:
        raise MalformedError(where, "an .npy file, version 1, 2 or 3", f"{data[:8]!r}")
    start = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
    match = NPY_HEADER.fullmatch(data, 8 + width, start) if start <= len(data) else None
    code = NPY_CODES.get(match[2].decode("latin-1")) if match else None
    if match is None or code is None or (match[1] == b"|") != (match[2][1:] == b"1"):
        expected = "a header as NumPy writes it for a matrix of floats, integers or bools"
        raise MalformedError(where, expected, f"{data[8 + width : min(start, 90)]!r}")
    d, columns, fortran = int(match[4]), int(match[5]), match[3] == b"True"
    if d != columns:
        raise MalformedError(where, "as many columns as rows", f"{d} x {columns}")
    size = d * d * int(match[2][1:])
    if len(data) - start != size:
        raise MalformedError(where, f"{size} bytes of numbers", str(len(data) - start))
    order = ">" if match[1] == b">" else "<"
    numbers = struct.unpack(f"{order}{d * d}{code}", data[start:])
    numbers = tuple(map(int, numbers)) if code == "?" else numbers
    return [list(numbers[i::d] if fortran else numbers[i * d : i * d + d]) for i in range(d)]


def read_target(data: bytes, suffix: str, field: Field) -> list[dict[int, Element]]:
    """Return the nonzero elements of each row of the square matrix in a target file."""
    where = "target file"
    data = data.removeprefix(b"\xef\xbb\xbf")
    table = {".csv": read_csv, ".npy": read_npy}.get(suffix, read_json)(data, where)
    if type(table) is not list or not table:
        raise MalformedError(where, "a list of rows", show(table))
    matrix = []
    for i, row in enumerate(table):
        row = read_list(row, f"{where}, row {i}", len(table), "entries, as many as rows")
        read = {j: read_cell(a, f"{where}, row {i}, column {j}", field) for j, a in enumerate(row)}
        matrix.append({j: a for j, a in read.items() if any(a)})
    return matrix


# ----------------------------------------- primes and number fields (of no concern over QQ)


def is_prime(p: int) -> bool | None:
    """Return whether p is prime; None if no Miller-Rabin witness was found for a large p."""
    if p < 2 or any(p % q == 0 for q in WITNESSES):
        return p in WITNESSES
    if p.bit_length() > MAX_PRIME_BITS:
        return None
    twos = ((p - 1) & (1 - p)).bit_length() - 1
    for base in WITNESSES:
        power = pow(base, (p - 1) >> twos, p)
        passes = power == 1
        for _ in range(twos):
            passes = passes or power == p - 1
            power = power * power % p
        if not passes:
            return False
    return True if p < PROVED_BELOW else None


def trim(f: Iterable[Any]) -> Polynomial:
    """Return f without its trailing (highest) zeros."""
    f = list(f)
    while f and not f[-1]:
        f.pop()
    return f


def multiply(f: Sequence[Any], g: Sequence[Any]) -> Polynomial:
    """Return the product f g."""
    product = [0] * (len(f) + len(g))
    for i, a in enumerate(f):
        for j, b in enumerate(g):
            product[i + j] += a * b
    return trim(product)


def remainder(f: Sequence[Fraction], g: Sequence[Fraction]) -> Polynomial:
    """Return the remainder of f by g."""
    rest = list(f)
    for top in range(len(f) - 1, len(g) - 2, -1):
        c = rest[top] / g[-1]
        for i, b in enumerate(g, start=top - len(g) + 1):
            rest[i] -= c * b
    return trim(rest[: len(g) - 1])


def euclid(f: Sequence[Fraction], g: Sequence[Fraction]) -> list[Polynomial]:
    """Return f, g and their negated remainders, but for positive factors; the last is a gcd."""
    chain = [trim(f), trim(g)]
    while chain[-1]:
        rest = remainder(chain[-2], chain[-1])
        chain.append([-c / abs(rest[-1]) for c in rest])
    return chain[:-1]


def derivative(f: Sequence[Fraction]) -> Polynomial:
    """Return f'."""
    return [i * c for i, c in enumerate(f)][1:]


def value(f: Sequence[Any], x: Any) -> Any:
    """Return f(x)."""
    result = 0
    for c in reversed(f):
        result = result * x + c
    return result


def bits(numbers: Iterable[Fraction]) -> int:
    """Return how many bits rationals take."""
    return sum(a.numerator.bit_length() + a.denominator.bit_length() for a in numbers)


def is_shown_irreducible(m: Sequence[Fraction]) -> bool:
    """Return whether a proof was found; a modulus shown to be reducible is malformed.

    Denominators cleared, let f be monic and integral, with complex roots of absolute value below
    bound < x.  A factor g has |g(x)| > x - bound; so if f(x) = k p, p prime and k <= x - bound,
    then f is no product g h, since g(x) or h(x) would divide k (Murty, Prime numbers and
    irreducible polynomials, Amer. Math. Monthly 109 (2002), 452-458).
    """
    n, where, expected = len(m) - 1, "field, modulus", "an irreducible polynomial"
    if n == 1:
        return True
    if len(euclid(m, derivative(m))[-1]) > 1:
        raise MalformedError(where, expected, "a repeated factor")
    c = math.lcm(*(a.denominator for a in m))
    f = [int(a * c ** (n - i)) for i, a in enumerate(m)]  # c^n m(x/c)
    # |f[i]| < 2^((k-1)(n-i)) for all i < n, so where |x| >= 2^k the first term exceeds the others
    bound = 2 ** (1 + max(-(-f[i].bit_length() // (n - i)) for i in range(n)))
    if any(value(f, x) == 0 for x in range(-min(bound, MAX_TRIED), min(bound, MAX_TRIED) + 1)):
        raise MalformedError(where, expected, "a rational root")
    for x in range(bound + 1, bound + MAX_TRIED):
        cofactor, prime = 1, abs(value(f, x))
        if prime >= PROVED_BELOW:
            break
        for q in SMALL_PRIMES:
            while prime % q == 0:
                cofactor, prime = cofactor * q, prime // q
        if cofactor <= x - bound and is_prime(prime):
            return True
    return False


def count_roots(chain: Sequence[Polynomial], low: Fraction, high: Fraction) -> int:
    """Return the number of roots in (low, high] of the first of a chain, by Sturm's theorem."""
    signs = [[value(f, x) > 0 for f in chain if value(f, x)] for x in (low, high)]
    left, right = (sum(s != t for s, t in pairwise(e)) for e in signs)
    return left - right


def real_roots(m: Sequence[Fraction]) -> list[tuple[Fraction, Fraction]]:
    """Return intervals that contain one real root of m each."""
    chain, bound = euclid(m, derivative(m)), Fraction(2 ** math.ceil(sum(map(abs, m))).bit_length())
    found, intervals = [], [(-bound, bound)]
    while intervals:
        low, high = intervals.pop()
        if (count := count_roots(chain, low, high)) == 1:
            found.append((low, high))
        elif count > 1:
            intervals += [(low, (low + high) / 2), ((low + high) / 2, high)]
    return found


def sign_at(a: Element, m: Sequence[Fraction], low: Fraction, high: Fraction) -> int:
    """Return the sign of a at the only root of m in an interval; 0 where it was not found."""
    rises = value(m, high) > 0
    for _ in range(MAX_HALVINGS):
        least = most = Fraction(0)  # of a on the interval, by Horner's rule
        for c in reversed(a):
            ends = [x * y for x in (least, most) for y in (low, high)]
            least, most = min(ends) + c, max(ends) + c
        if least > 0 or most < 0:
            return 1 if least > 0 else -1
        middle = (low + high) / 2
        low, high = (low, middle) if (value(m, middle) > 0) == rises else (middle, high)
    return 0


def sign(a: Element, field: Field) -> int:
    """Return 1 if a is shown positive (over GF(p): invertible), -1 if shown not to be, else 0.

    Over a number field: positive, or negative, at every real root of the modulus, one at least.
    """
    if field.prime:
        return 1 if math.gcd(int(a[0]), field.prime) == 1 else -1
    if not any(a[1:]):
        return 1 if a[0] > 0 else -1
    signs = {sign_at(a, field.modulus, *root) for root in field.roots}
    return signs.pop() if len(signs) == 1 else 0


# ------------------------------------------------------------------------- the verdict


def judge(certificate: Certificate, given: list[dict[int, Element]] | None) -> tuple[Verdict, str]:
    """Return the verdict on a well-formed certificate, and the reason if it is not VERIFIED."""
    field, target = certificate.field, certificate.target
    if given is not None:
        intro = "c the certificate's target is not the given target"
        if len(given) != certificate.dimension:
            sizes = f"{certificate.dimension} rows, given {len(given)}"
            return Verdict.REFUTED, f"{intro}\nc sizes differ: certificate {sizes}"
        rows = [r for row in given for r in expand(row, field, 1)]
        pairs = zip(rows, target, strict=True)
        error = [combine(DIFFERENCE, pair, field.prime) for pair in pairs]
        difference = first_difference(target, error, field, ("certificate", "given"))
        if difference:
            return Verdict.REFUTED, f"{intro}\n{difference}"
    error = find_error(certificate)
    difference = first_difference(target, error, field, ("expected", "derived"))
    if difference:
        return Verdict.REFUTED, f"c the composition is not the target\n{difference}"
    holds = "c incomplete: the composition is the target, but"
    if field.undecided:
        return Verdict.INCOMPLETE, f"{holds} there is {field.undecided}"
    if any(layer.sign_unchecked for layer in certificate.layers):
        return Verdict.INCOMPLETE, f"{holds} the sign of some scales is marked as unchecked"
    return Verdict.VERIFIED, ""


def read_file(path: str) -> bytes:
    """Return the bytes of a file, or of standard input if the path is -."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise MalformedError(ascii(path), "a readable file", ascii(str(error))) from None


def remarks(certificate: Certificate, alone: bool) -> list[str]:
    """Return lines on what the certificate claims."""
    name, d = certificate.field.name, certificate.dimension
    lines = [f"c {len(certificate.layers)} layers over {name}, {d} coordinates"]
    apart = ["c no target given apart: the claim is on the certificate's own"]
    return lines + apart * alone


def check_file(
    path: str | os.PathLike[str],
    target_path: str | os.PathLike[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
) -> int:
    """Check a file: print remarks and verdict on out, or else a reason on err; return the code."""
    try:
        certificate = read_certificate(read_file(os.fspath(path)))
        given = None
        if target_path is not None:
            name = os.fspath(target_path)
            suffix = ".json" if name == "-" else os.path.splitext(name)[1].lower()
            if suffix not in (".json", ".csv", ".npy"):
                raise MalformedError(ascii(name), "a name in .json, .csv or .npy", ascii(suffix))
            given = read_target(read_file(name), suffix, certificate.field)
        verdict, reason = judge(certificate, given)
        lines = remarks(certificate, given is None)
    except MalformedError as error:
        print(f"malformed: {error}", file=err or sys.stderr)
        return 2
    except UndecidedError as error:
        verdict, reason, lines = Verdict.INCOMPLETE, f"c incomplete: {error}", []
    except (MemoryError, OverflowError, RecursionError) as error:
        verdict, reason, lines = Verdict.INCOMPLETE, f"c incomplete: {type(error).__name__}", []
    code, last_line = verdict.value
    lines = [*lines, *([reason] if reason else []), last_line]
    print("\n".join(lines), file=out or sys.stdout, flush=True)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    usage, _, _ = (__doc__ or "").partition("\nHow.")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("checker.py", None, usage, formatter_class=formatter)
    parser.add_argument("certificate", metavar="CERT.json")
    parser.add_argument("--target", metavar="FILE")
    try:
        options = parser.parse_args(argv)
        if options.certificate == options.target == "-":
            parser.error("only one of CERT and FILE can be -, standard input")
    except SystemExit as stop:  # of --help, or of wrong usage
        return int(stop.code or 0)
    return check_file(options.certificate, options.target)


if __name__ == "__main__":
    for name in ("SIGINT", "SIGPIPE"):  # no traceback where one interrupts, or reads no further
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        sys.exit(main())
    except OSError as error:  # of writing, as on a full disk
        with contextlib.suppress(OSError):
            print(f"the verdict could not be written: {error}", file=sys.stderr)
        os._exit(2)
