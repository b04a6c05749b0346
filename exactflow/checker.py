"""Check a certificate that a matrix is a composition of coupling layers.

Usage:  python checker.py CERT.json [--target FILE] [--transpose] [--within BOUND] [--quick]

The flow is Q = E^T l_K ... l_2 l_1 E F: l_k is the matrix of the k-th layer, E permutes coordinates
into the `order` in which the layers see them, and F negates those in `flips`.  A layer has scale s
and shift T: [[I, 0], [T, diag(s)]] if it moves the second half, [[diag(s), T], [0, I]] if it moves
the first; scales are positive (over GF(p), not zero).  The claim is target == Q, exactly; with
`pads`, that Q takes vectors with zeros there to the target's images with zeros there; with
`covariance`, that it equals Q Q^T; with `within`, that no entry differs by more.

--target     the certificate's target must also equal the matrix in FILE: .json (nested lists; "p/q"
             and "0.1" are exact, a bare 0.1 is the float64), .csv (fields exactly as written) or
             .npy (a float is the dyadic rational that it is); CERT or FILE may be -, standard
             input, which is read as .json
--transpose  the transpose of the matrix in FILE
--within     no entry may differ by more than BOUND (1e-12 or p/q), whatever the certificate claims
--quick      an equality is only tested, in the time that reading takes, at random vectors modulo
             random primes: a false one passes with probability at most 2^-100

    exit 0   s VERIFIED        the claim holds; the line before says which, and how closely
    exit 1   s NOT VERIFIED    well formed, and false; the first differing entry is printed
    exit 2   (no verdict)      malformed certificate or target, or wrong usage; reason on stderr
    exit 3   s NOT VERIFIED    something could not be decided: the reason follows `c incomplete:`;
             or s PROBABLY VERIFIED (error <= 2^-100), with --quick

How.  Rows are dictionaries of nonzero integers over one denominator: after parsing, zeros cost
nothing.  An equality is settled by `holds`, which peels layers off both ends of the target until
the identity is left: where the claim is true, numbers stay as short as they can.  QQ[x]/(m), with m
of degree n, is QQ^n, on which an entry acts by a rational n x n matrix.

Limits.  Primes are decided below 3.3e24, irreducibility of m up to degree 16 (mostly); beyond that,
and where memory ends, the verdict is incomplete.  Rows, columns, layers and coordinates count from
0.  Python 3.11+, standard library only.

To read it: `holds` and what comes before it are the claim; then come the quick test, the readers of
certificate and target, which only need to refuse what is not exactly as specified, and what GF(p)
and number fields need, of which QQ uses only the sign of a scale; last, the verdict.
"""

import argparse
import contextlib
import enum
import hashlib
import json
import math
import os
import re
import signal
import struct
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from itertools import count, pairwise
from typing import Any, NamedTuple, TextIO

Pair = tuple[int, int]  # numerator and denominator > 0, not always in lowest terms
Element = tuple[Pair, ...]  # coefficients of 1, x, x^2, ...; only one over QQ and GF(p)
Polynomial = list[Fraction]  # ascending, without trailing zeros

RATIONAL = re.compile(r"(-?[0-9]+)(?:/([0-9]+))?")
DECIMAL = re.compile(r"(-?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?")
AROUND = re.compile(r"^ *\+(?=[0-9.])|^ +| +$")  # a number in a target file
ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]|\\u[dD]([89a-fA-F])|\\.")  # [1]: lone one
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
LONG, PIECE, MANY = 4096, 1536, 8  # bits, bits, rows: from where `product_of_values` is worth it
QUICK_BITS = 100  # the quick test errs with probability 2^-100 at most


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
    PROBABLE = (3, f"s PROBABLY VERIFIED (error <= 2^-{QUICK_BITS})")


class Row(NamedTuple):
    """A sparse row of rationals: entry j is nums[j] / den; den > 0, and no zero is stored."""

    den: int
    nums: dict[int, int]

    def entry(self, j: int) -> Fraction:
        """Return entry j."""
        return Fraction(self.nums.get(j, 0), self.den)


Matrix = list[Row]
SUM, DIFFERENCE = Row(1, {0: 1, 1: 1}), Row(1, {0: 1, 1: -1})


@dataclass(frozen=True)
class Field:
    """QQ (no prime, no modulus), GF(prime) or QQ[x]/(modulus), with what is not known of it."""

    name: str
    prime: int = 0
    modulus: tuple[Fraction, ...] = ()
    root: tuple[Fraction, ...] = ()  # the ends of an interval around it, if one is named
    undecided: str = ""

    @property
    def degree(self) -> int:
        """Return the number of coefficients of an element."""
        return max(len(self.modulus) - 1, 1)

    @cached_property
    def roots(self) -> list[tuple[Fraction, ...]]:
        """Return intervals around the real roots at which scales must be positive."""
        return [self.root] if self.root else real_roots(self.modulus)


@dataclass(frozen=True)
class Layer:
    """The matrix of a layer, in the natural order; whether its scales are constants of QQ[x]/(m)
    (or the field has others), so that it is inverted at once; whether their signs are unchecked."""

    matrix: Matrix
    constant: bool
    sign_unchecked: bool


@dataclass(frozen=True)
class Certificate:
    """A well-formed certificate.  Each row of elements is n rows of rationals; target has its pads
    put back, as rows of zeros and columns that are left out, and start is I without those columns.
    """

    field: Field
    dimension: int
    target: Matrix
    start: Matrix
    layers: list[Layer]
    flips: list[int]
    pads: list[int]
    within: Fraction | None
    is_covariance: bool
    size: int  # in bytes
    digest: bytes


# ------------------------------------------------------------------------- rows, and the claim


def lcm(numbers: Iterable[int]) -> int:
    """Return the least common multiple, fast where most are multiples of others."""
    common = 1
    for n in numbers:
        common = math.lcm(common, n) if common % n else common
    return common


def reduced(den: int, nums: dict[int, int]) -> Row:
    """Return a row without zeros, in lowest terms; a long one only if that halves it, perhaps."""
    nums = {j: num for j, num in nums.items() if num}
    divisor = math.gcd(den, next(iter(nums.values()), 0))
    if den > 2**LONG and divisor**2 < den:
        return Row(den, nums)
    while divisor > 1:
        divided = {j: divmod(num, divisor) for j, num in nums.items()}
        rest = math.gcd(*(remainder for _, remainder in divided.values()))
        if rest == 0:
            return Row(den // divisor, {j: quotient for j, (quotient, _) in divided.items()})
        divisor = math.gcd(divisor, rest)
    return Row(den, nums)


def combine(weights: Row, rows: Mapping[int, Row] | Sequence[Row], prime: int) -> Row:
    """Return the sum of weights[k] rows[k], in lowest terms (or modulo the prime)."""
    if len(weights.nums) == 1 and weights.den == 1:
        ((k, weight),) = weights.nums.items()
        if weight == 1:
            return rows[k]
    common = lcm(rows[k].den for k in weights.nums)
    scaled = {k: weight * (common // rows[k].den) for k, weight in weights.nums.items()}
    total = weighted_sum(scaled, {k: rows[k].nums for k in scaled})
    if prime:  # every denominator is 1
        return Row(1, {j: num % prime for j, num in total.items() if num % prime})
    return reduced(weights.den * common, total)


def product(left: Matrix, right: Matrix, prime: int) -> Matrix:
    """Return the product of two matrices, with short multiplications where many are long.

    Those are the products with the `block`, rows of right that many rows of left use.
    """
    used = Counter(k for row in left for k in row.nums)
    block = {k: right[k] for k, times in used.items() if times >= MANY}
    width = len({j for row in block.values() for j in row.nums})
    is_dense = sum(len(row.nums) for row in block.values()) >= MANY * width > 0
    long = [row for row in left if len(row.nums) > MANY and longest([row]) > LONG]
    if prime or not long or not is_dense or longest(block.values()) < LONG:
        return [combine(weights, right, prime) for weights in left]
    inside = [Row(den, {k: num for k, num in a.items() if k in block}) for den, a in long]
    sums, rows = iter(product_of_values(inside, block)), []
    for weights in left:
        if len(weights.nums) > MANY and longest([weights]) > LONG:
            rest = {k: num for k, num in weights.nums.items() if k not in block}
            pair = next(sums), combine(reduced(weights.den, rest), right, 0)
            rows.append(combine(SUM, pair, 0))
        else:
            rows.append(combine(weights, right, 0))
    return rows


def longest(rows: Iterable[Row]) -> int:
    """Return the bits of the longest numerator in some rows."""
    return max((num.bit_length() for row in rows for num in row.nums.values()), default=0)


def product_of_values(left: Matrix, right: Mapping[int, Row]) -> Matrix:
    """Return the product of two matrices of long rationals, by short multiplications.

    An integer, cut into pieces of w bits, is the value at 2^w of a polynomial with short
    coefficients.  The matrices of these polynomials are multiplied at small points, as many as the
    product's polynomials have coefficients, and its values at 2^w follow by Newton's interpolation,
    of which the divided differences are integers.
    """
    den = lcm(row.den for row in right.values())
    scaled = {
        k: Row(1, {j: n * (den // a.den) for j, n in a.nums.items()}) for k, a in right.items()
    }
    sizes = longest(left), longest(scaled.values())
    w = max(PIECE, sum(sizes) // 64)
    points = [(k + 1) // 2 * (-1) ** k for k in range(sum(size // w + 1 for size in sizes) - 1)]
    a = [{k: pieces(n, w) for k, n in row.nums.items()} for row in left]
    b = {k: {j: pieces(n, w) for j, n in row.nums.items()} for k, row in scaled.items()}
    results: list[dict[int, list[int]]] = [{} for _ in left]
    for x in points:
        rows = {k: {j: value(f, x) for j, f in row.items()} for k, row in b.items()}
        for result, row in zip(results, a, strict=True):
            weights = {k: value(f, x) for k, f in row.items()}
            for j, n in weighted_sum(weights, rows).items():
                result.setdefault(j, []).append(n)
    return [
        Row(row.den * den, {j: interpolate(points, v, w) for j, v in result.items()})
        for row, result in zip(left, results, strict=True)
    ]


def weighted_sum(weights: Mapping[int, int], rows: Any) -> dict[int, int]:
    """Return the sum of weights[k] rows[k]."""
    total: dict[int, int] = {}
    for k, weight in weights.items():
        for j, num in rows[k].items():
            total[j] = total.get(j, 0) + weight * num
    return total


def pieces(n: int, w: int) -> list[int]:
    """Return the coefficients of a polynomial with value n at 2^w."""
    sign, n, mask = (-1 if n < 0 else 1), abs(n), (1 << w) - 1
    return [sign * (n >> shift & mask) for shift in range(0, n.bit_length(), w)]


def interpolate(points: Sequence[int], values: list[int], w: int) -> int:
    """Return the value at 2^w of the polynomial with these values at these points."""
    for step in range(1, len(points)):
        for i in range(len(points) - 1, step - 1, -1):
            values[i] = (values[i] - values[i - 1]) // (points[i] - points[i - step])
    result = 0
    for x, difference in zip(reversed(points), reversed(values), strict=True):
        result = (result << w) - x * result + difference
    return result


def subtract(left: Matrix, right: Matrix, prime: int) -> Matrix:
    """Return left - right."""
    return [combine(DIFFERENCE, pair, prime) for pair in zip(left, right, strict=True)]


def transpose(matrix: Matrix) -> Matrix:
    """Return the transpose of a square matrix."""
    den = lcm(row.den for row in matrix)
    columns: list[dict[int, int]] = [{} for _ in matrix]
    for i, row in enumerate(matrix):
        for j, num in row.nums.items():
            columns[j][i] = num * (den // row.den)
    return [reduced(den, nums) for nums in columns]


def negated_columns(matrix: Matrix, columns: Sequence[int], prime: int) -> Matrix:
    """Return M F, where F negates some coordinates."""
    if not columns:
        return matrix
    negated = set(columns)
    return [
        Row(den, {j: (prime - num if prime else -num) if j in negated else num for j, num in a})
        for den, a in ((row.den, row.nums.items()) for row in matrix)
    ]


def inverse(layer: Layer, prime: int) -> Matrix:
    """Return the inverse of a layer of constant scales: rows (e_r - shift[r]) / scale[r]."""
    rows = []
    for r, (den, nums) in enumerate(layer.matrix):
        if prime:
            c = pow(nums[r], -1, prime)
            rows.append(Row(1, {k: -num * c % prime for k, num in nums.items()} | {r: c}))
        else:
            rows.append(Row(nums[r], {k: -num for k, num in nums.items()} | {r: den}))
    return rows


def effort(left: Matrix, right: Matrix) -> int:
    """Return an estimate, in bit operations, of what a product costs."""
    size = [sum(512 + num.bit_length() for num in row.nums.values()) for row in right]
    weights = (row.nums.items() for row in left if len(row.nums) > 1)
    return sum((512 + num.bit_length()) * size[k] for items in weights for k, num in items)


def derive(certificate: Certificate) -> Matrix:
    """Return Q, without its columns at pads; or Q Q^T."""
    prime, result = certificate.field.prime, certificate.start
    for layer in certificate.layers:
        result = product(layer.matrix, result, prime)
    if certificate.is_covariance:  # F F^T is the identity
        return product(result, transpose(result), prime)
    return negated_columns(result, certificate.flips, prime)


def holds(certificate: Certificate) -> bool:
    """Return whether Q is the target.

    Invariant: the claim is that the layers still there make the matrix (without its columns at
    pads) of entries goal[i][j] / columns[j], or its transpose.  The last layer is undone on the
    left of that matrix; or the first on its right, which is the left of the transpose.
    """
    field, start, target = certificate.field, certificate.start, certificate.target
    if not all(layer.constant for layer in certificate.layers):
        return not any(row.nums for row in subtract(derive(certificate), target, field.prime))
    goal = negated_columns(target, certificate.flips, field.prime)
    columns, is_transposed = [1] * certificate.dimension, False
    is_square = field.degree == 1 and not certificate.pads
    layers = deque(inverse(layer, field.prime) for layer in certificate.layers)
    while layers:
        left, right = layers[-1], layers[0]
        if is_transposed:
            left, right = transpose(right), transpose(left)
        if is_square and effort(goal, right) < effort(left, goal):
            numbers, dens = transpose([Row(1, row.nums) for row in goal]), columns
            columns, is_transposed = [row.den for row in goal], not is_transposed
            goal = [Row(den, row.nums) for den, row in zip(dens, numbers, strict=True)]
            left = transpose(right)
        goal = product(left, goal, field.prime)
        if is_transposed:
            layers.popleft()
        else:
            layers.pop()
    return all(
        row.nums == {j: row.den * columns[j] for j in unit.nums}
        for row, unit in zip(goal, start, strict=True)
    )


def first_beyond(
    left: Matrix, right: Matrix, bound: Fraction, field: Field, names: tuple[str, str]
) -> str:
    """Return a line on the first entry, row by row, that differs by more than bound, or ""."""
    n = field.degree
    for i in range(len(left) // n):
        rows = range(i * n, i * n + n)
        error = [combine(DIFFERENCE, (left[r], right[r]), field.prime) for r in rows]
        beyond = [j for den, nums in error for j in nums if abs(nums[j]) > bound * den]
        if beyond:
            j = min(beyond)
            a, b = (show_element([m[r].entry(j) for r in rows], field) for m in (left, right))
            return f"c first differing entry: row {i}, column {j}: {names[0]} {a}, {names[1]} {b}"
    return ""


# ------------------------------------------------------------------------- the quick test


def image(matrix: Matrix, vector: Sequence[int], prime: int) -> list[int]:
    """Return the image of a vector modulo a prime; ValueError where a denominator is 0 there."""
    return [
        sum(num * vector[k] for k, num in nums.items()) * pow(den, -1, prime) % prime
        for den, nums in matrix
    ]


def seems_to_hold(certificate: Certificate) -> bool:
    """Return whether Q x is target x for random vectors x modulo random primes.

    If not, the claim is false.  If it is false, some entry of target - Q is a fraction with fewer
    than B bits: B = 8 size, times 2^17 over number fields, where entries act by longer matrices.
    Fewer than B / 60 primes of 61 bits divide its numerator, out of more than 2^53 (Rosser and
    Schoenfeld, Illinois J. Math. 6 (1962), corollary 3); modulo any other prime q, a difference
    that is not 0 takes a random x to 0 with probability 1/q.  Over GF(p) q is p.  So each round
    errs with probability 2^-gain at most.  All is drawn from the SHA-256 of the file.
    """
    field = certificate.field
    bits = 8 * certificate.size << (17 if field.modulus else 0)
    gain = field.prime.bit_length() - 1 if field.prime else 52 - (bits // 60).bit_length()
    numbers = (
        int.from_bytes(hashlib.sha256(certificate.digest + i.to_bytes(8, "big")).digest(), "big")
        for i in count()
    )
    target = negated_columns(certificate.target, certificate.flips, field.prime)
    rounds = -(-QUICK_BITS // max(gain, 1))
    while rounds:
        prime = field.prime or next(q for n in numbers if is_prime(q := n % 2**60 + 2**60))
        x = [next(numbers) % prime for _ in range(certificate.dimension)]
        try:
            expected, derived = (image(m, x, prime) for m in (target, certificate.start))
            for layer in certificate.layers:
                derived = image(layer.matrix, derived, prime)
        except ValueError:
            continue
        if expected != derived:
            return False
        rounds -= 1
    return True


def expand(elements: Mapping[int, Element], field: Field, width: int) -> list[Row]:
    """Return the n rows of coefficients of a row of elements a, or with width n, of their actions.

    Column j of elements becomes the columns a, a x, ..., a x^(width - 1).
    """
    columns: dict[int, Any] = {} if field.modulus else dict(elements)
    if field.modulus:
        for j, a in elements.items():
            fractions = tuple(Fraction(*c) for c in a)
            for s in range(width):
                columns[j * width + s] = [c.as_integer_ratio() for c in fractions]
                times_x = zip((Fraction(0), *fractions[:-1]), field.modulus, strict=False)
                fractions = tuple(c - fractions[-1] * m for c, m in times_x)
    rows = []
    for t in range(field.degree):
        row = {j: a[t] for j, a in columns.items() if a[t][0]}
        common = lcm(den for _, den in row.values())
        rows.append(Row(common, {j: num * (common // den) for j, (num, den) in row.items()}))
    return rows


# ------------------------------------------------------------------------- reading the certificate


@cache
def power_of_five(exponent: int) -> int:
    """Return 5^exponent, which times 2^exponent is 10^exponent."""
    return 5**exponent


def whole(digits: str) -> int:
    """Return the integer written -?[0-9]+, in pieces that Python's digit limit (>= 640) permits."""
    if len(digits) <= 640:
        return int(digits)
    if digits[0] == "-":
        return -whole(digits[1:])
    half = 1 << ((len(digits) - 1).bit_length() - 1)
    return (whole(digits[:-half]) * power_of_five(half) << half) + whole(digits[-half:])


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
    if "\\u" in text and any(match[1] for match in ESCAPE.finditer(text)):
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


def read_pair(found: Any, where: str, prime: int = 0) -> Pair:
    """Return the rational written -?[0-9]+(/[0-9]+)?; modulo p, the integer written -?[0-9]+."""
    match = RATIONAL.fullmatch(found) if type(found) is str else None
    if match is None or (prime and match[2]):
        expected = "digits, as a string, with - before or not" + " or p/q of these" * (not prime)
        raise MalformedError(where, expected, show(found))
    if prime:
        return (whole(match[1]) % prime, 1)
    if (denominator := whole(match[2] or "1")) == 0:
        raise MalformedError(where, "a denominator that is not zero", show(found))
    return (whole(match[1]), denominator)


def read_element(found: Any, where: str, field: Field) -> Element:
    """Return an element: a string, or over a number field a list of at most n strings."""
    if not field.modulus:
        return (read_pair(found, where, field.prime),)
    if type(found) is not list or len(found) > field.degree:
        raise MalformedError(where, f"a list of at most {field.degree} strings", show(found))
    read = [read_pair(c, where) for c in found]
    return (*read, *[(0, 1)] * (field.degree - len(read)))


def read_matrix(
    found: Any, where: str, rows: int, columns: int, field: Field
) -> list[dict[int, Element]]:
    """Return the elements of each row, by column, without most zeros."""
    matrix, zero = [], [] if field.modulus else "0"
    for i, row in enumerate(read_list(found, where, rows, "rows")):
        row = read_list(row, f"{where}, row {i}", columns, "entries")
        written = [(j, a) for j, a in enumerate(row) if a != zero]
        matrix.append(
            {j: read_element(a, f"{where}, row {i}, column {j}", field) for j, a in written}
        )
    return matrix


def read_field(found: Any, version: int) -> Field:
    """Return the field, with what could not be shown of its being one."""
    if found == "QQ":
        return Field("QQ")
    if type(found) is dict:
        read_object(found, "field", ["modulus"], ["root"] if version > 1 else [])
        return read_number_field(**found)
    match = re.fullmatch(r"GF\(([1-9][0-9]*)\)", found) if type(found) is str else None
    if match is None:
        raise MalformedError("field", '"QQ", "GF(p)" or {"modulus": [...]}', show(found))
    p = whole(match[1])
    decided = is_prime(p)
    if decided is False:
        raise MalformedError("field", "GF(p) with p prime", f"p = {show_whole(p)}, composite or 1")
    return Field(f"GF({show_whole(p)})", p, undecided="" if decided else "no proof that p is prime")


def read_number_field(modulus: Any, root: Any = ()) -> Field:
    """Return QQ[x]/(m), and the root of m between two rationals if these are given."""
    where, between = "field, modulus", "field, root"
    if type(modulus) is not list or len(modulus) < 2:
        raise MalformedError(where, "a list of 2 or more strings", show(modulus))
    if (degree := len(modulus) - 1) > MAX_DEGREE:
        raise UndecidedError(f"the modulus has degree {degree}; those up to {MAX_DEGREE} are read")
    m = tuple(Fraction(*read_pair(c, f"{where}, coefficient {i}")) for i, c in enumerate(modulus))
    if m[-1] != 1:
        raise MalformedError(where, "a monic polynomial", show(modulus[-1]))
    given = () if root == () else read_list(root, between, 2, "rationals")
    ends = tuple(Fraction(*read_pair(end, between)) for end in given)
    if bit_size((*m, *ends)) > MAX_MODULUS_BITS:
        raise UndecidedError(f"modulus and root have more than {MAX_MODULUS_BITS} bits")
    undecided = "" if is_shown_irreducible(m) else "no proof that the modulus is irreducible"
    if ends and (ends[0] >= ends[1] or value(m, ends[1]) == 0 or count_roots(m, *ends) != 1):
        raise MalformedError(between, "two rationals with one root between", "others")
    return Field("a number field", 0, m, ends, undecided)


def read_layer(found: Any, where: str, halves: tuple[list[int], list[int]], field: Field) -> Layer:
    """Return the layer, its scales shown positive (nonzero) or marked as unchecked."""
    optional = ["sign"] if field.modulus else []
    found = read_object(found, where, ["moves", "scale", "shift"], optional)
    if found["moves"] not in ("first", "second"):
        raise MalformedError(f"{where}, moves", '"first" or "second"', show(found["moves"]))
    unchecked = "sign" in found
    if unchecked and found["sign"] != "unchecked":
        raise MalformedError(f"{where}, sign", '"unchecked" or no such key', show(found["sign"]))
    moved, fixed = halves if found["moves"] == "first" else halves[::-1]
    n, constant = field.degree, True
    matrix = [Row(1, {r: 1}) for r in range(n * (len(moved) + len(fixed)))]
    scales = read_list(found["scale"], f"{where}, scale", len(moved), "entries")
    shift = read_matrix(found["shift"], f"{where}, shift", len(moved), len(fixed), field)
    for i, row in enumerate(shift):
        place = f"{where}, scale {i}"
        a = read_element(scales[i], place, field)
        shown = sign(a, field)
        if shown < 0:
            raise MalformedError(
                place, "nonzero" if field.prime else "a scale > 0", show(scales[i])
            )
        if shown == 0 and not unchecked:
            raise MalformedError(place, 'a scale > 0, or "sign": "unchecked"', show(scales[i]))
        constant = constant and not any(num for num, _ in a[1:])
        row = {fixed[j]: b for j, b in row.items()} | {moved[i]: a}
        matrix[moved[i] * n : moved[i] * n + n] = expand(row, field, n)
    return Layer(matrix, constant, unchecked)


def read_coordinates(found: Any, where: str, d: int) -> list[int]:
    """Return a list of distinct coordinates."""
    if type(found) is not list:
        raise MalformedError(where, "a list of coordinates", show(found))
    for i in found:
        if type(i) is not int or not 0 <= i < d:
            raise MalformedError(where, f"coordinates from 0 to {show_whole(d - 1)}", show(i))
    if len(set(found)) < len(found):
        raise MalformedError(where, "distinct coordinates", "one of them twice")
    return found


def read_certificate(data: bytes) -> Certificate:
    """Return the certificate, which is well formed in every respect."""
    found = read_json(data, "certificate")
    version = found.get("version", 2) if type(found) is dict else 1
    if type(version) is not int or version not in (1, 2):  # before its keys, which may be others
        raise MalformedError("version", "the number 1 or 2", show(version))
    more = ["order", "pads", "within", "covariance"] if version == 2 else []
    is_covariance = version == 2 and "covariance" in found and "target" not in found
    keys = ["format", "version", "field", "partition", "layers"]
    keys.append("covariance" if is_covariance else "target")
    optional = ["flips", "provenance", *[key for key in more if key != "covariance"]]
    read_object(found, "certificate", keys, optional)
    if found["format"] != "exactflow-certificate":
        raise MalformedError("format", '"exactflow-certificate"', show(found["format"]))
    if type(found.get("provenance", {})) is not dict:
        raise MalformedError("provenance", "an object", show(found["provenance"]))
    field = read_field(found["field"], version)
    sizes = read_list(found["partition"], "partition", 2, "integers >= 1")
    if not all(type(half) is int and half >= 1 for half in sizes):
        raise MalformedError("partition", "integers >= 1", ", ".join(map(show, sizes)))
    d = sum(sizes)
    pads = read_coordinates(found.get("pads", []), "pads", d)
    if len(pads) == d:
        raise MalformedError("pads", "fewer than all coordinates", show(pads))
    if pads and is_covariance:
        raise MalformedError("pads", "none, with a covariance", show(pads))
    name = "covariance" if is_covariance else "target"
    table = read_matrix(found[name], name, d - len(pads), d - len(pads), field)
    flips = read_coordinates(found.get("flips", []), "flips", d)
    order = read_coordinates(found["order"], "order", d) if "order" in found else range(d)
    if len(order) != d:
        raise MalformedError("order", f"each coordinate from 0 to {d - 1}", show(order))
    within = Fraction(*read_pair(found["within"], "within")) if "within" in found else None
    if within is not None and within < 0:
        raise MalformedError("within", "a bound >= 0", show(found["within"]))
    if (within is not None or is_covariance) and field.name != "QQ":
        raise MalformedError("field", '"QQ", for within and covariance', show(found["field"]))
    if type(found["layers"]) is not list:
        raise MalformedError("layers", "a list of objects", show(found["layers"]))
    halves = list(order[: sizes[0]]), list(order[sizes[0] :])
    layers = [read_layer(a, f"layer {k}", halves, field) for k, a in enumerate(found["layers"])]
    places = sorted(set(range(d)) - set(pads))
    one = ((1, 1), *[(0, 1)] * (field.degree - 1))
    rows: list[dict[int, Element]] = [{} for _ in range(d)]
    units: list[dict[int, Element]] = [{} for _ in range(d)]
    for i, row in zip(places, table, strict=True):
        rows[i], units[i] = {places[j]: a for j, a in row.items()}, {i: one}
    target, start = ([r for row in a for r in expand(row, field, 1)] for a in (rows, units))
    if is_covariance and any(row.nums for row in subtract(target, transpose(target), 0)):
        raise MalformedError("covariance", "a symmetric matrix", "another")
    digest = hashlib.sha256(data).digest()
    return Certificate(
        field, d, target, start, layers, flips, pads, within, is_covariance, len(data), digest
    )


# ------------------------------------------------------------------------- reading a target apart


def read_number(found: Any, where: str) -> Fraction:
    """Return the value of an int, a finite float (exactly), or a string p/q or decimal."""
    if type(found) is int or (type(found) is float and math.isfinite(found)):
        return Fraction(found)
    text = AROUND.sub("", found) if type(found) is str else ""
    match = DECIMAL.fullmatch(text)
    if match is None:
        return Fraction(*read_pair(text or found, where))
    sign, units, decimals, exponent = match.groups("")
    power = int(exponent or "0")
    if abs(power) > MAX_EXPONENT:
        raise MalformedError(where, f"an exponent up to {MAX_EXPONENT}", show(found))
    return whole(f"{sign}{units}{decimals}") * Fraction(10) ** (power - len(decimals))


def read_bound(text: str, where: str) -> Fraction:
    """Return the bound p/q or decimal, which is not negative."""
    if (bound := read_number(text, where)) < 0:
        raise MalformedError(where, "a bound >= 0", show(text))
    return bound


def read_cell(found: Any, where: str, field: Field) -> Element:
    """Return the element given by a number or, over a number field, by a list of strings."""
    if type(found) is list and field.modulus:
        return read_element(found, where, field)
    number = read_number(found, where)
    if field.prime:
        if number.denominator != 1:
            raise MalformedError(where, f"an integer, over {field.name}", show(found))
        number %= field.prime
    return (number.as_integer_ratio(), *[(0, 1)] * (field.degree - 1))


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
    """Return the elements of each row of the square matrix in a target file."""
    where = "target file"
    data = data.removeprefix(b"\xef\xbb\xbf")
    read: Callable[[bytes, str], Any] = {".csv": read_csv, ".npy": read_npy}.get(suffix, read_json)
    table = read(data, where)
    if type(table) is not list or not table:
        raise MalformedError(where, "a list of rows", show(table))
    matrix = []
    for i, row in enumerate(table):
        row = read_list(row, f"{where}, row {i}", len(table), "entries, as many as rows")
        cells = enumerate(row)
        matrix.append({j: read_cell(a, f"{where}, row {i}, column {j}", field) for j, a in cells})
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


@cache
def sturm_chain(m: tuple[Fraction, ...]) -> list[Polynomial]:
    """Return the signed remainder sequence of m and m'."""
    return euclid(m, derivative(m))


def value(f: Sequence[Any], x: Any) -> Any:
    """Return f(x)."""
    result = 0
    for c in reversed(f):
        result = result * x + c
    return result


def bit_size(numbers: Iterable[Fraction]) -> int:
    """Return how many bits rationals take."""
    return sum(a.numerator.bit_length() + a.denominator.bit_length() for a in numbers)


def is_shown_irreducible(m: tuple[Fraction, ...]) -> bool:
    """Return whether a proof was found; a modulus shown to be reducible is malformed.

    Denominators cleared, let f be monic and integral, with complex roots of absolute value below
    bound < x.  A factor g has |g(x)| > x - bound; so if f(x) = k p, p prime and k <= x - bound,
    then f is no product g h, since g(x) or h(x) would divide k (Murty, Prime numbers and
    irreducible polynomials, Amer. Math. Monthly 109 (2002), 452-458).
    """
    n, where, expected = len(m) - 1, "field, modulus", "an irreducible polynomial"
    if n == 1:
        return True
    if len(sturm_chain(m)[-1]) > 1:
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


def count_roots(m: tuple[Fraction, ...], low: Fraction, high: Fraction) -> int:
    """Return the number of roots of m in (low, high], by Sturm's theorem."""
    signs = [[v > 0 for f in sturm_chain(m) if (v := value(f, x))] for x in (low, high)]
    left, right = (sum(s != t for s, t in pairwise(e)) for e in signs)
    return left - right


def real_roots(m: tuple[Fraction, ...]) -> list[tuple[Fraction, ...]]:
    """Return intervals that contain one real root of m each."""
    bound = Fraction(2 ** math.ceil(sum(map(abs, m))).bit_length())
    found: list[tuple[Fraction, ...]] = []
    intervals = [(-bound, bound)]
    while intervals:
        low, high = intervals.pop()
        if (roots := count_roots(m, low, high)) == 1:
            found.append((low, high))
        elif roots > 1:
            intervals += [(low, (low + high) / 2), ((low + high) / 2, high)]
    return found


def sign_at(a: Sequence[Fraction], m: Sequence[Fraction], low: Fraction, high: Fraction) -> int:
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

    Over a number field: positive, or negative, at the root that is named; where none is, at every
    real root of the modulus, one at least.
    """
    if field.prime:
        return 1 if math.gcd(a[0][0], field.prime) == 1 else -1
    if not any(num for num, _ in a[1:]):
        return 1 if a[0][0] > 0 else -1
    fractions = [Fraction(*c) for c in a]
    signs = {sign_at(fractions, field.modulus, *root) for root in field.roots}
    return signs.pop() if len(signs) == 1 else 0


# ------------------------------------------------------------------------- the verdict


@dataclass(frozen=True)
class Report:
    """A verdict, the lines before its own, the kind of claim, the largest difference if known."""

    verdict: Verdict
    lines: list[str]
    kind: str = ""
    largest: Fraction | None = None


def compare_targets(certificate: Certificate, given: list[dict[int, Element]]) -> list[str]:
    """Return lines on how the certificate's target is not the given one: none if it is."""
    lines = ["c the certificate's target is not the given target"]
    d, pads = certificate.dimension, set(certificate.pads)
    places = [i for i in range(d) if i not in pads]
    if len(given) != len(places):
        return [*lines, f"c sizes differ: certificate {len(places)} rows, given {len(given)}"]
    placed: list[dict[int, Element]] = [{} for _ in range(d)]
    for i, row in zip(places, given, strict=True):
        placed[i] = {places[j]: a for j, a in row.items()}
    rows = [r for row in placed for r in expand(row, certificate.field, 1)]
    names = ("certificate", "given")
    wrong = first_beyond(certificate.target, rows, Fraction(0), certificate.field, names)
    return [*lines, wrong] if wrong else []


def settle_equality(certificate: Certificate, quick: bool) -> Report:
    """Return the verdict on the claim that Q is the target."""
    if quick and seems_to_hold(certificate):
        return Report(Verdict.PROBABLE, ["c equal at random vectors, modulo random primes"])
    if not quick and holds(certificate):
        return Report(Verdict.VERIFIED, ["c equal in all entries"], largest=Fraction(0))
    where = "c the images of a vector differ modulo a prime; without --quick: in which entry"
    if not quick:
        where = first_wrong(certificate, derive(certificate), Fraction(0))
    return Report(Verdict.REFUTED, ["c the composition is not the target", where])


def settle_inequality(certificate: Certificate, bound: Fraction | None) -> Report:
    """Return the verdict on the claim that Q, or Q Q^T, is near the target, over QQ."""
    derived = derive(certificate)
    errors = [(den, nums.values()) for den, nums in subtract(derived, certificate.target, 0)]
    largest = max(Fraction(max(map(abs, nums), default=0), den) for den, nums in errors)
    allowed = certificate.within or Fraction(0)
    allowed = allowed if bound is None else min(allowed, bound)
    shown = [show_element([x], certificate.field) for x in (largest, allowed)]
    power = largest.numerator.bit_length() - largest.denominator.bit_length() + 1
    line = f"c the largest difference is {shown[0]}" + f", below 2^{power}" * (largest > 0)
    if largest <= allowed:
        return Report(Verdict.VERIFIED, [line, f"c within {shown[1]} in all entries"], "", largest)
    lines = [line, f"c not within {shown[1]}", first_wrong(certificate, derived, allowed)]
    return Report(Verdict.REFUTED, lines, "", largest)


def first_wrong(certificate: Certificate, derived: Matrix, bound: Fraction) -> str:
    """Return a line on the first entry that is not as claimed."""
    names = ("expected", "derived")
    return first_beyond(certificate.target, derived, bound, certificate.field, names)


def settle(certificate: Certificate, quick: bool, bound: Fraction | None) -> Report:
    """Return the verdict on the claim, and on what else makes it one about flows."""
    if certificate.within is None and not certificate.is_covariance:
        report = settle_equality(certificate, quick)
    else:
        report = settle_inequality(certificate, bound)
    undecided = certificate.field.undecided
    if not undecided and any(layer.sign_unchecked for layer in certificate.layers):
        undecided = "the sign of some scales is marked as unchecked"
    if undecided and report.verdict is not Verdict.REFUTED:
        lines = [*report.lines, f"c incomplete: apart from that, {undecided}"]
        return Report(Verdict.INCOMPLETE, lines, largest=report.largest)
    return report


def check(
    data: bytes,
    target: tuple[bytes, str] | None = None,
    transposed: bool = False,
    bound: Fraction | None = None,
    quick: bool = False,
) -> Report:
    """Return the report on a certificate and a target file, given as bytes and suffix."""
    lines, kind = [], ""
    try:
        certificate = read_certificate(data)
        kind = "covariance" if certificate.is_covariance else "equality"
        kind = "within" if certificate.within is not None and kind == "equality" else kind
        of = certificate.field.name, certificate.dimension
        lines = [f"c {len(certificate.layers)} layers over {of[0]}, {of[1]} coordinates"]
        if target is None:
            lines.append("c no target given apart: the claim is on the certificate's own")
        else:
            given = read_target(*target, certificate.field)
            if transposed:
                columns = range(len(given))
                given = [{i: row[j] for i, row in enumerate(given)} for j in columns]
            if wrong := compare_targets(certificate, given):
                return Report(Verdict.REFUTED, lines + wrong, kind)
        report = settle(certificate, quick, bound)
    except UndecidedError as error:
        report = Report(Verdict.INCOMPLETE, [f"c incomplete: {error}"])
    except (MemoryError, OverflowError, RecursionError) as error:
        report = Report(Verdict.INCOMPLETE, [f"c incomplete: {type(error).__name__}"])
    return Report(report.verdict, lines + report.lines, kind, report.largest)


def read_file(path: str) -> bytes:
    """Return the bytes of a file, or of standard input if the path is -."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise MalformedError(ascii(path), "a readable file", ascii(str(error))) from None


def check_file(
    path: str | os.PathLike[str],
    target_path: str | os.PathLike[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    **options: Any,
) -> int:
    """Check a file: print remarks and verdict on out, or else a reason on err; return the code.

    The options are those of `check`.
    """
    try:
        data, target = read_file(os.fspath(path)), None
        if target_path is not None:
            name = os.fspath(target_path)
            suffix = ".json" if name == "-" else os.path.splitext(name)[1].lower()
            if suffix not in (".json", ".csv", ".npy"):
                raise MalformedError(ascii(name), "a name in .json, .csv or .npy", ascii(suffix))
            target = read_file(name), suffix
        report = check(data, target, **options)
    except MalformedError as error:
        print(f"malformed: {error}", file=err or sys.stderr)
        return 2
    code, last_line = report.verdict.value
    print("\n".join([*report.lines, last_line]), file=out or sys.stdout, flush=True)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    usage, _, _ = (__doc__ or "").partition("\nHow.")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("checker.py", None, usage, formatter_class=formatter)
    parser.add_argument("certificate", metavar="CERT.json")
    parser.add_argument("--target", metavar="FILE")
    parser.add_argument("--transpose", action="store_true")
    parser.add_argument("--within", metavar="BOUND")
    parser.add_argument("--quick", action="store_true")
    try:
        options = parser.parse_args(argv)
        if options.certificate == options.target == "-":
            parser.error("only one of CERT and FILE can be -, standard input")
        if options.transpose and not options.target:
            parser.error("--transpose is about the matrix of --target")
        bound = None if options.within is None else read_bound(options.within, "--within")
    except MalformedError as error:
        print(f"checker.py: error: {error}", file=sys.stderr)
        return 2
    except SystemExit as stop:  # of --help, or of wrong usage
        return int(stop.code or 0)
    chosen = {"transposed": options.transpose, "bound": bound, "quick": options.quick}
    return check_file(options.certificate, options.target, **chosen)


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
