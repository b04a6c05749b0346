"""Check a certificate: its coupling layers equal a matrix, or no fewer layers equal it.

Usage:  python checker.py CERT.json [--target FILE] [--transpose] [--within BOUND] [--quick]

The member "format" of a certificate names one of two kinds of claim.

exactflow-certificate.  The flow is Q = E^T l_K ... l_2 l_1 E F: l_k is the matrix of the k-th
layer, E permutes coordinates into the `order` of the layers, and F negates the coordinates in
`flips`.  A layer has scale s and shift T: [[I, 0], [T, diag(s)]] if it moves the second half,
[[diag(s), T], [0, I]] if it moves the first; scales are positive (over GF(p), not zero).  The claim
is target == Q, exactly.  With `pads` it is: Q maps each vector that is zero at the pads to its
image under the target, again with zeros at the pads.  With `covariance` it is: the covariance
equals Q Q^T.  With `within` it is: no entry differs by more than this bound.

exactflow-depth-certificate.  The claim, over QQ or GF(p): the target, in the `order` of the layers,
is the product of `depth` layers, and of no fewer.  With "scales": "additive" every scale is 1; with
"positive" the halves have equal sizes.  A pattern is a word such as ULUL, read as a product of
matrices U(X) = [[I, X], [0, I]] and L(Y) = [[I, 0], [Y, I]] times scales.  The product
of neighbours with one letter is one layer, and a layer may be the identity.  So each product of
fewer than `depth` layers has one of the two alternating patterns of depth - 1 letters (the empty
pattern, if depth is 1).
For each of these, `obstructions` has {"pattern": .., "kind": .., witness}:

    trace        "k"            a coefficient of two characteristic polynomials
    similarity   "factors"      polynomials, each a list of coefficients, ascending and monic
    linear       "multiplier"   a list of matrices, one for each equation of `layer_equations`; or,
                                with positive scales and four or more letters, of
                                `has_one_signed_polynomial_combination`; or, with four letters, the
                                single Q of `excludes_four_scaled_layers`
    chain        "factors"
    opposed      "k"            the size of minors

--target     the certificate's target must also equal the matrix in FILE: .json (nested lists; "p/q"
             and "0.1" are exact, a bare 0.1 is the float64), .csv (fields exactly as written) or
             .npy (a float is a dyadic rational); CERT or FILE may be -, standard input, which is
             read as .json
--transpose  transpose the matrix in FILE first
--within     no entry may differ by more than BOUND (1e-12 or p/q), whatever the certificate claims
--quick      only test an equality, in the time that reading takes, at random vectors modulo random
             primes: a false equality passes with probability at most 2^-100

    exit 0   s VERIFIED        the claim holds; the lines before state it, and the accuracy
    exit 1   s NOT VERIFIED    well formed, but false, or not proved by its own obstructions
    exit 2   (no verdict)      malformed certificate or target, or wrong usage; reason on stderr
    exit 3   s NOT VERIFIED    undecided: the reason follows `c incomplete:`;
             or s PROBABLY VERIFIED (error <= 2^-100), with --quick

How.  The layers are multiplied.  Rows are dictionaries of nonzero integers over one denominator:
zeros cost nothing.  QQ[x]/(m), with m of degree n, is QQ^n, on which an entry acts by a rational
n x n matrix.  Differences and bounds are compared exactly; the lines write them as decimals,
rounded up in a verified claim and down in a refuted one.  The section "obstructions" states and
proves why each kind of obstruction suffices.

Limits.  Primality is decided below 3.3e24, irreducibility of m mostly up to degree 16; beyond that,
or if memory runs out, the verdict is incomplete.  A file has at most 2^28 bytes.  The verdict is
incomplete, too, if 3 times its bytes and 72 times its values exceed 2^29, if the target takes more
than 2^26 bytes and 24 times the bytes of the certificate, or a product of layers more than 2^26
bytes and 12 times these bytes.  Time has no limit: set one from outside, as by `timeout 60 python
checker.py CERT.json`.  Rows, columns, layers and coordinates count from 0.  Python 3.11+, standard
library only.

How to read this file.  Everything up to `compose_product_or_covariance` is about the first
kind of claim, the section "obstructions" about the second.  The readers of certificates and targets
only refuse input that violates the format.  Then come prime and number fields (over QQ only the
sign of a scale is needed), and at the end the verdict.
"""

import argparse
import contextlib
import enum
import errno
import hashlib
import json
import math
import os
import re
import signal
import stat
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from itertools import combinations, count, islice, pairwise
from operator import add, mul
from typing import Any, BinaryIO, NamedTuple, TextIO

Pair = tuple[int, int]  # numerator and denominator > 0, not always in lowest terms
Element = tuple[Pair, ...]  # coefficients of 1, x, x^2, ...; over QQ and GF(p) only the first
Matrix = list[list[Any]]  # of Fractions over QQ, of integers in range(p) over GF(p)
Characteristic = int  # 0 over QQ, p over GF(p)
SignOrZeroIfUndecided = int  # 1, -1, or 0
LowAndHigh = tuple[Fraction, ...]  # the two ends of an interval, or no ends
Polynomial = list[Any]  # ascending coefficients; moduli have Fractions, and no trailing zeros

FORMATS = ("exactflow-certificate", "exactflow-depth-certificate")
RATIONAL = re.compile(r"(-?[0-9]+)(?:/([0-9]+))?")
DECIMAL = re.compile(r"(-?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?")
AROUND = re.compile(r"^ *\+(?=[0-9.])|^ +| +$")  # blanks around a number, and a plus sign before it
ESCAPE = re.compile(  # group 1 matches if a surrogate has no partner
    r"\\u[dD][89abAB]..\\u[dD][c-fC-F]|\\u[dD]([89a-fA-F])|\\."
)
NPY_HEADER = re.compile(
    rb"\{'descr': '([<>|])(..)', 'fortran_order': (True|False), "
    rb"'shape': \(([1-9][0-9]{0,8}), ([1-9][0-9]{0,8})(?:, 1){0,2}\), \}[ \n]*"
)
NPY_CODES = {"f2": "e", "f4": "f", "f8": "d", "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}
NPY_CODES |= {"u1": "B", "u2": "H", "u4": "I", "u8": "Q"}
OTHER_TARGET = "the certificate's target is not the given target"
MAX_BYTES = 2**29  # the most bytes of memory that reading a file may take
VALUE_BYTES = 72  # an upper estimate of the bytes of memory of a JSON value
OBJECT_BYTES = 240  # an upper estimate of the additional bytes of a JSON object
PATIENCE = 10  # seconds of waiting for a process to write to a named pipe
# The most characters that two differing entries have in a message about a claim with a bound. If
# the entries have more characters, the message states their difference instead.
MAX_SHOWN = 40
MAX_EXPONENT = 10_000  # the largest exponent of a decimal; the exponents of floats are smaller
MAX_PRIME_BITS = 4096  # the primality of numbers with more bits is not tested
MAX_DEGREE = 16  # largest degree of a modulus
MAX_MODULUS_BITS = 2048  # total bits of the numerators and denominators of a modulus
MAX_HALVINGS = 1000  # the most bisections of an interval around a root, to find a sign at the root
# The largest absolute value of the integers tried as roots of a modulus, and the number of integers
# tried in a proof that the modulus is irreducible.
MAX_TRIED = 1000
SMALL_PRIMES = [q for q in range(2, 200) if all(q % r for r in range(2, q))]
# The bases 2, ..., 41 of the Miller-Rabin test decide primality below `PROVED_BELOW`: Sorenson and
# Webster, Strong pseudoprimes to twelve prime bases, Math. Comp. 86 (2017), 985-1003.
WITNESSES = SMALL_PRIMES[:13]
PROVED_BELOW = 3317044064679887385961981
QUICK_BITS = 100  # the quick test errs with probability at most 2^-100
# Each kind of obstruction has a key for its witness and, for "additive" or "positive" scales, the
# lengths of the patterns that it can exclude.
KINDS = {
    "trace": ("k", {"additive": [4, 5]}),
    "similarity": ("factors", {"additive": [4, 5]}),
    "linear": ("multiplier", {"additive": [0, 1, 2, 3, 4, 5], "positive": [0, 1, 2, 3, 4, 5]}),
    "chain": ("factors", {"additive": [5]}),
    "opposed": ("k", {"positive": [4, 5]}),
}
# The shapes of the matrices of a multiplier, for patterns of 0, 1, .., 4 letters, where p and q are
# the sizes of the halves. For 5 letters the multiplier is one row, of length max(p, q) + 1.
EQUATIONS = [
    "pp pq qq qp", "pp pq qq", "qq pp", "pp qq qp", "pq pq qq", "",
]  # fmt: skip
# The largest depth that a certificate can claim: no kind of obstruction excludes a pattern of six
# letters, as a claim of depth 7 would need.
MOST_LAYERS = 6
# For positive scales: the most minors and the most terms that the check of a witness may need, and
# the largest exponent in a witness.
MOST_MINORS, MOST_TERMS, MOST_DEGREE = 5000, 10**6, 100


class MalformedError(Exception):
    """The certificate or the target violates its format: there is no verdict."""


class RefutedError(Exception):
    """The claim is false, or an obstruction does not exclude its pattern; the message says why."""

    def __init__(self, *lines: str, largest: Fraction | None = None) -> None:
        super().__init__("\n".join(f"c {line}" for line in lines))
        self.largest = largest


class UndecidedError(Exception):
    """A question exceeds the limits of this checker: the verdict is incomplete."""


class Verdict(enum.Enum):
    """The result of a check, as a pair of exit code and last line, which thus cannot disagree."""

    VERIFIED = (0, "s VERIFIED")
    REFUTED = (1, "s NOT VERIFIED")
    INCOMPLETE = (3, "s NOT VERIFIED")
    PROBABLE = (3, f"s PROBABLY VERIFIED (error <= 2^-{QUICK_BITS})")


class Row(NamedTuple):
    """A sparse row of rationals: entry j is nums[j] / den with den > 0; zeros are not stored."""

    den: int
    nums: dict[int, int]

    def entry(self, j: int) -> Fraction:
        """Return entry j."""
        return Fraction(self.nums.get(j, 0), self.den)


Rows = list[Row]
EMPTY = Row(1, {})
DIFFERENCE = Row(1, {0: 1, 1: -1})


@dataclass(frozen=True)
class Field:
    """QQ (no prime, no modulus), GF(prime) or QQ[x]/(modulus).

    `undecided` says why no proof was found that this ring is a field; it is empty if one was found.
    """

    name: str
    prime: int = 0
    modulus: tuple[Fraction, ...] = ()
    root: LowAndHigh = ()  # an interval around the chosen root; empty if no root is chosen
    undecided: str = ""

    @property
    def degree(self) -> int:
        """Return the number of coefficients of an element."""
        return max(len(self.modulus) - 1, 1)

    @property
    def one(self) -> Element:
        """Return the element 1."""
        return ((1, 1), *[(0, 1)] * (self.degree - 1))

    @cached_property
    def intervals_of_roots_with_positive_scales(self) -> list[LowAndHigh]:
        """Return an interval around each root of the modulus at which scales must be positive.

        These roots are the chosen root or, if the file names none, all real roots.
        """
        return [self.root] if self.root else isolate_real_roots(self.modulus)


class Layer(NamedTuple):
    """A well-formed layer: the moved and the fixed coordinates; scale and shift as in the file."""

    moved: list[int]
    fixed: list[int]
    scale: list[Any]
    shift: list[Any]
    sign_unchecked: bool

    def changed_rows_expanded_to_QQ(self, field: Field) -> Iterator[tuple[int, Row]]:
        """Yield (index, row) for the rows of the layer's matrix, expanded to rationals; omit rows
        that are rows of the identity.
        """
        shift = read_rows_as_sparse(self.shift, "shift", len(self.moved), len(self.fixed), field)
        for i, written, row in zip(self.moved, self.scale, shift, strict=True):
            a = read_element(written, "scale", field)
            if row or a != field.one:
                elements = {self.fixed[j]: b for j, b in row.items()} | {i: a}
                yield from enumerate(
                    expand_row_to_rational_rows(elements, field, field.degree), i * field.degree
                )


class DepthClaim(NamedTuple):
    """Claim that the target, over QQ (prime 0) or GF(prime), is no product of fewer layers.

    `n` is the size of the first half; the keys of `obstructions` are patterns.
    """

    n: int
    prime: int
    target: Matrix
    scales: str
    obstructions: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Certificate:
    """A well-formed certificate; each row of elements is stored as n rows of rationals, where n is
    the degree of the field.

    `target` has a row of zeros at each pad, and no columns at pads; `start` is the matrix F of the
    flips, without these columns.
    """

    field: Field
    dimension: int
    target: Rows
    start: Rows
    layers: list[Layer]
    pads: list[int]
    within: Fraction | None
    is_covariance: bool
    depth: DepthClaim | None
    size: int  # the number of bytes of the file
    digest: bytes

    @property
    def claims_product_is_target(self) -> bool:
        """Whether the claim is that the product Q of the layers equals the target."""
        return self.within is None and not self.is_covariance


# ------------------------------------------------- sparse rows, and the product that is claimed


def reduce_row(den: int, nums: dict[int, int]) -> Row:
    """Return the row nums / den in lowest terms, without zeros."""
    divisor = math.gcd(den, *nums.values())
    return Row(den // divisor, {j: num // divisor for j, num in nums.items() if num})


def combine_rows(weights: Row, rows: Mapping[int, Row] | Sequence[Row], p: Characteristic) -> Row:
    """Return the sum of the rows times the entries of `weights`, in lowest terms or modulo p."""
    if len(weights.nums) == 1 and weights.den == 1:
        ((k, weight),) = weights.nums.items()
        if weight == 1:
            return rows[k]
    common = math.lcm(*(rows[k].den for k in weights.nums))
    scaled = {k: weight * (common // rows[k].den) for k, weight in weights.nums.items()}
    total: dict[int, int] = {}
    for k, weight in scaled.items():
        for j, num in rows[k].nums.items():
            total[j] = total.get(j, 0) + weight * num
    if p:  # every denominator is 1 over GF(p)
        return Row(1, {j: num % p for j, num in total.items() if num % p})
    return reduce_row(weights.den * common, total)


def estimate_row_bytes(row: Row) -> int:
    """Return an estimate of the bytes of memory that a row takes."""
    return 300 + sum(90 + num.bit_length() // 8 for num in row.nums.values())


def subtract_bytes(spare: int, rows: Iterable[Row], name: str) -> int:
    """Return `spare` less the bytes that the rows take; raise UndecidedError if this is negative.

    `name` is the word for all rows in the error message.
    """
    spare -= sum(map(estimate_row_bytes, rows))
    if spare < 0:
        raise UndecidedError(f"{name} takes much more memory than the certificate")
    return spare


def multiply_rows(
    left: Iterable[tuple[int, Row]], right: Rows, p: Characteristic, most_bytes: int
) -> dict[int, Row]:
    """Return the numbered rows of left, times right; raise UndecidedError if these products take
    more than `most_bytes`.
    """
    found = {}
    for r, weights in left:
        found[r] = combine_rows(weights, right, p)
        most_bytes = subtract_bytes(most_bytes, [found[r]], "a product of layers")
    return found


def subtract_rows(left: Rows, right: Rows) -> Rows:
    """Return left - right, over QQ."""
    return [combine_rows(DIFFERENCE, pair, 0) for pair in zip(left, right, strict=True)]


def transpose_rows(square_matrix: Rows) -> Rows:
    """Return the transpose of a square matrix."""
    den = math.lcm(*(row.den for row in square_matrix))
    columns: list[dict[int, int]] = [{} for _ in square_matrix]
    for i, row in enumerate(square_matrix):
        for j, num in row.nums.items():
            columns[j][i] = num * (den // row.den)
    return [reduce_row(den, nums) for nums in columns]


def expand_row_to_rational_rows(
    elements: Mapping[int, Element], field: Field, columns_per_element: int
) -> Rows:
    """Return the n rows of rationals that represent a row of elements; n is the field's degree.

    Column s of an element a has the coefficients of a x^s.  So with one column, an element becomes
    its vector in QQ^n; with n columns, the matrix by which it acts on QQ^n.
    """
    columns: dict[int, Any] = {} if field.modulus else dict(elements)
    if field.modulus:
        for j, a in elements.items():
            if not any(num for num, _ in a[1:]):  # a is rational
                for s in range(columns_per_element):
                    columns[j * columns_per_element + s] = (
                        [(0, 1)] * s + [a[0]] + [(0, 1)] * (len(a) - s - 1)
                    )
                continue
            fractions = tuple(Fraction(*c) for c in a)
            for s in range(columns_per_element):
                columns[j * columns_per_element + s] = [c.as_integer_ratio() for c in fractions]
                times_x = zip((Fraction(0), *fractions[:-1]), field.modulus, strict=False)
                fractions = tuple(c - fractions[-1] * m for c, m in times_x)
    rows = []
    for t in range(field.degree):
        row = {j: a[t] for j, a in columns.items() if a[t][0]}
        if not row:
            rows.append(EMPTY)
            continue
        common = math.lcm(*(den for _, den in row.values()))
        rows.append(Row(common, {j: num * (common // den) for j, (num, den) in row.items()}))
    return rows


def compose_product_or_covariance(certificate: Certificate) -> Rows:
    """Return the product Q of the layers, without the columns of pads; for a covariance, Q Q^T."""
    field, result = certificate.field, certificate.start
    most = 2**26 + 12 * certificate.size  # the most bytes of memory that a product may take
    for layer in certificate.layers:
        rows = layer.changed_rows_expanded_to_QQ(field)
        changed = multiply_rows(rows, result, field.prime, most)
        result = [changed.get(r, row) for r, row in enumerate(result)]
    if certificate.is_covariance:
        return [*multiply_rows(enumerate(result), transpose_rows(result), 0, most).values()]
    return result


def describe_first_difference_if_any(
    left: Rows, right: Rows, bound: Fraction, field: Field, names_of_sides: tuple[str, str]
) -> str:
    """Return a line about the first entry that differs by more than `bound`, or "" if none does."""
    n = field.degree
    for i in range(len(left) // n):
        rows = range(i * n, i * n + n)
        error = [combine_rows(DIFFERENCE, (left[r], right[r]), field.prime) for r in rows]
        beyond = [j for den, nums in error for j in nums if abs(nums[j]) > bound * den]
        if beyond:
            j = min(beyond)
            a, b = (format_element([m[r].entry(j) for r in rows], field) for m in (left, right))
            values = f"{names_of_sides[0]} {a}, {names_of_sides[1]} {b}"
            if bound and len(a) + len(b) > MAX_SHOWN:
                difference = Fraction(abs(error[0].nums[j]), error[0].den)
                shown = format_rounded_with_remark(difference, rounds_up=False)
                values = f"the difference is {shown}"
            return f"first differing entry: row {i}, column {j}: {values}"
    return ""


# ------------------------------------------------------- test of products at random vectors


class Draw(NamedTuple):
    """The images of a random vector modulo a random prime: under the target (`expected`), and under
    the layers applied so far (`image`).
    """

    prime: int
    expected: list[int]
    image: list[int]


def multiply_by_vector_modulo(
    matrix: Iterable[Row], vector: Sequence[int], prime: int
) -> list[int]:
    """Return matrix times vector modulo a prime; raise ValueError if the prime divides a
    denominator of the matrix.
    """
    return [
        sum(num * vector[k] for k, num in nums.items()) * pow(den, -1, prime) % prime
        for den, nums in matrix
    ]


def passes_quick_test(certificate: Certificate) -> bool:
    """Whether the product Q of the layers takes random vectors x, modulo random primes, to the same
    images as the target.

    If not, the claim is false.  If the claim is false, some entry of target - Q is a fraction with
    fewer than B bits, where B is the number of bits of the file, over number fields times 2^17,
    because entries act by matrices.
    Fewer than B / 60 primes of 61 bits divide its numerator, out of more than 2^53 (Rosser and
    Schoenfeld, Illinois J. Math. 6 (1962), corollary 3); modulo any other prime q, a difference
    that is not 0 takes a random x to 0 with probability 1/q.  Over GF(p) q is p.  So each round
    errs with probability at most 2^-gain.  All numbers are drawn from the SHA-256 of the file.
    """
    field = certificate.field
    bits = 8 * certificate.size << (17 if field.modulus else 0)
    gain = field.prime.bit_length() - 1 if field.prime else 52 - (bits // 60).bit_length()
    numbers = (
        int.from_bytes(hashlib.sha256(certificate.digest + i.to_bytes(8, "big")).digest(), "big")
        for i in count()
    )
    rounds = -(-QUICK_BITS // max(gain, 1))
    while rounds:
        draws: list[Draw] = []
        for _ in range(rounds):
            prime = field.prime or next(q for n in numbers if is_prime(q := n % 2**60 + 2**60))
            x = [next(numbers) % prime for _ in range(certificate.dimension)]
            with contextlib.suppress(ValueError):
                expected, y = (
                    multiply_by_vector_modulo(M, x, prime)
                    for M in (certificate.target, certificate.start)
                )
                draws.append(Draw(prime, expected, y))
        for layer in certificate.layers:
            draws = apply_layer_dropping_bad_primes(layer.changed_rows_expanded_to_QQ(field), draws)
        if any(draw.expected != draw.image for draw in draws):
            return False
        rounds -= len(draws)
    return True


def apply_layer_dropping_bad_primes(
    changed_rows: Iterable[tuple[int, Row]], draws: list[Draw]
) -> list[Draw]:
    """Apply a layer to the image in each draw; omit draws whose prime divides a denominator of the
    layer.
    """
    images: list[list[int]] = [list(draw.image) for draw in draws]
    bad = set()
    for r, row in changed_rows:
        for k, (prime, _, y) in enumerate(draws):
            try:
                [images[k][r]] = multiply_by_vector_modulo([row], y, prime)
            except ValueError:
                bad.add(k)
    found = zip(draws, images, strict=True)
    return [draw._replace(image=y) for k, (draw, y) in enumerate(found) if k not in bad]


# ------------------------------------------------------ dense matrices over QQ (p is 0) or GF(p)


def clear_denominators(vector: Iterable[Any]) -> tuple[list[int], int]:
    """Return the numerators of a vector over its least common denominator, and this denominator."""
    vector = list(vector)
    den = math.lcm(*(x.denominator for x in vector))
    return [x.numerator * (den // x.denominator) for x in vector], den


def multiply(P: Matrix, Q: Matrix, p: Characteristic) -> Matrix:
    """Return the product P Q."""
    columns = [clear_denominators(column) for column in zip(*Q, strict=True)]
    product = []
    for row, s in map(clear_denominators, P):
        sums = [(sum(map(mul, row, column)), s * t) for column, t in columns]
        product.append([num % p if p else Fraction(num, den) for num, den in sums])
    return product


def add_multiple(P: Matrix, c: Any, Q: Matrix, p: Characteristic) -> Matrix:
    """Return P + c Q."""
    pairs = zip(P, Q, strict=True)
    rows = [[x + c * y for x, y in zip(r, s, strict=True)] for r, s in pairs]
    return [[x % p for x in row] for row in rows] if p else rows


def reciprocal(x: Any, p: Characteristic) -> Any:
    """Return 1/x, in QQ or GF(p)."""
    return pow(x, -1, p) if p else 1 / Fraction(x)


def identity(n: int) -> Matrix:
    """Return the n x n identity matrix."""
    return [[int(i == j) for j in range(n)] for i in range(n)]


def transpose_dense(M: Matrix) -> Matrix:
    """Return the transpose of a dense matrix."""
    return [list(column) for column in zip(*M, strict=True)]


def eliminate(M: Matrix, p: Characteristic) -> tuple[list[int], Matrix]:
    """Return the indices of the pivot columns, and the nonzero rows of the reduced echelon form.

    Over QQ the rows are integers: each division by the previous pivot is exact (Jordan, Bareiss).
    """
    rows, pivots, last = [clear_denominators(row)[0] for row in M], list[int](), 1
    for j in range(len(M[0]) if M else 0):
        r = len(pivots)
        i = next((i for i in range(r, len(rows)) if rows[i][j]), None)
        if i is None:
            continue
        rows[r], rows[i] = rows[i], rows[r]
        top, pivot = rows[r], rows[r][j]
        for i, row in enumerate(rows):
            if i != r:
                new = [pivot * x - row[j] * y for x, y in zip(row, top, strict=True)]
                rows[i] = [x % p for x in new] if p else [x // last for x in new]
        last = pivot
        pivots.append(j)
    reduced = []
    for j, row in zip(pivots, rows, strict=False):
        inverse = reciprocal(row[j], p)
        reduced.append([x * inverse % p if p else x * inverse for x in row])
    return pivots, reduced


def rank(M: Matrix, p: Characteristic) -> int:
    """Return the rank of M."""
    return len(eliminate(M, p)[0])


def inverse(M: Matrix, p: Characteristic) -> Matrix:
    """Return the inverse of an invertible matrix."""
    pairs = zip(M, identity(len(M)), strict=True)
    return [row[len(M) :] for row in eliminate([[*r, *s] for r, s in pairs], p)[1]]


def kernel_basis_rows(M: Matrix, column_count: int, p: Characteristic) -> Matrix:
    """Return a basis of {x : M x = 0} as the rows of a matrix; M may have no rows."""
    pivots, rows = eliminate(M, p)
    basis = []
    for j in range(column_count):
        if j not in pivots:
            vector = [int(i == j) for i in range(column_count)]
            for i, row in zip(pivots, rows, strict=True):
                vector[i] = -row[j] % p if p else -row[j]
            basis.append(vector)
    return basis


def evaluate_at_matrix(f: Polynomial, M: Matrix, p: Characteristic) -> Matrix:
    """Return f(M)."""
    one = identity(len(M))
    value = add_multiple(one, -1, one, p)
    for c in reversed(f):
        value = add_multiple(multiply(value, M, p), c, one, p)
    return value


def descending_characteristic_polynomial(M: Matrix, p: Characteristic) -> Polynomial:
    """Return the coefficients of det(x I - M), descending, by the algorithm of Samuelson and
    Berkowitz.
    """
    f = [1]
    for r, row in enumerate(M):
        block, column, t = [above[:r] for above in M[:r]], [[above[r]] for above in M[:r]], [1]
        t.append(-row[r])
        for _ in range(r):
            t.append(-sum(x * y for x, (y,) in zip(row, column, strict=False)))
            column = multiply(block, column, p)
        f = [sum(t[i - j] * f[j] for j in range(min(i, r) + 1)) for i in range(r + 2)]
        f = [x % p for x in f] if p else f
    return f


# ------------------------------------------------------------------------- obstructions
# M = [[A, B], [C, D]], M^-1 = [[a, b], [c, d]]; X, Y, Z, W, V are the unknown shifts of layers.
# ULUL.  If M = U(X) L(Y) U(Z) L(W), then D = I + Y Z, a = I + Z Y, C = Y + D W, B = Z + X D.
# ULULU. M = U(X) L(Y) U(Z) L(W) U(V) iff M U(-V) = [[A, B - A V], [C, D']] is of the pattern ULUL,
#        D' = D - C V; the upper left block of its inverse U(V) M^-1 is a' = a + V c.
#        If C = 0, then c = 0: D' = D and a' = a (word5_upper in files/rocq/shears.v).


class PatternBlocks(NamedTuple):
    """The blocks of M = [[A, B], [C, D]], and the blocks a, c of M^-1 = [[a, b], [c, d]].

    If the pattern starts with L, the halves are exchanged.
    """

    A: Matrix
    B: Matrix
    C: Matrix
    D: Matrix
    a: Matrix
    c: Matrix


def split_into_blocks(
    M: Matrix, inverse_of_M: Matrix, first_half_size: int, exchange_halves: bool
) -> PatternBlocks:
    """Return the blocks of M = [[A, B], [C, D]], and the blocks a, c of M^-1 = [[a, b], [c, d]].

    If `exchange_halves`, the blocks refer to the halves in exchanged order. Patterns that start
    with L need this.
    """
    n = first_half_size
    halves = (slice(n, None), slice(n)) if exchange_halves else (slice(n), slice(n, None))
    (A, B), (C, D) = ([[row[j] for row in M[i]] for j in halves] for i in halves)
    (a, _), (c, _) = ([[row[j] for row in inverse_of_M[i]] for j in halves] for i in halves)
    return PatternBlocks(A, B, C, D, a, c)


def excludes_pattern(obstruction: dict[str, Any], claim: DepthClaim, blocks: PatternBlocks) -> bool:
    """Whether the obstruction to a pattern proves that no product with this pattern is M."""
    kind, pattern, p = obstruction["kind"], obstruction["pattern"], claim.prime
    sizes = len(blocks.D), len(blocks.a)
    if kind == "linear" and claim.scales == "positive" and len(pattern) > 3:
        if len(obstruction["multiplier"]) < claim.n:
            return excludes_four_scaled_layers(obstruction["multiplier"][0], blocks)
        require_zero_C_if_five_letters(kind, pattern, blocks)
        return has_one_signed_polynomial_combination(
            obstruction["multiplier"], blocks, claim.target
        )
    if kind == "linear":
        system = layer_equations(pattern, claim.scales, blocks, p)
        return has_contradiction_given_positive_diagonals(obstruction["multiplier"], system, p)
    if kind == "chain":
        Du = quotient_by_krylov_space(blocks.D, blocks.C, p)
        aN = quotient_by_krylov_space(transpose_dense(blocks.a), transpose_dense(blocks.c), p)
        r = rank(blocks.C, p)
        factors = obstruction["factors"]
        clash = jordan_blocks_exclude_pattern(factors, Du, aN, r, sizes, p)
        return clash or shift_equations_exclude_pattern(factors, Du, aN, blocks, p)
    require_zero_C_if_five_letters(kind, pattern, blocks)
    if kind == "similarity":
        return jordan_blocks_exclude_pattern(
            obstruction["factors"], blocks.D, blocks.a, 0, sizes, p
        )
    if kind == "trace":
        k = obstruction["k"]
        D, a = (append_diagonal_ones(M, max(sizes)) for M in (blocks.D, blocks.a))
        u, w = (descending_characteristic_polynomial(M, p) for M in (D, a))
        return u[k] != w[k]
    return opposed_principal_minors_exclude_pattern(obstruction["k"], blocks.D, blocks.a)


def require_zero_C_if_five_letters(kind: str, pattern: str, blocks: PatternBlocks) -> None:
    """Raise RefutedError if the pattern has five letters and the block C is not 0."""
    if len(pattern) == 5 and any(map(any, blocks.C)):
        raise RefutedError(
            f'an obstruction of kind "{kind}" excludes {pattern} only if the block C (for '
            "LULUL: B) is 0, but this block is not 0"
        )


# trace.  Theorem: D = I + Y Z and a = I + Z Y of one size have the same characteristic polynomial,
# by Sylvester's det(s I - Y Z) = det(s I - Z Y) at s = x - 1 (char_poly_YZ in
# proofs/rocq/layers.v). If one matrix has e more rows, append e ones to the diagonal of the smaller
# matrix: the polynomial of the larger matrix is (x - 1)^e times that of the smaller.


def append_diagonal_ones(M: Matrix, final_size: int) -> Matrix:
    """Return diag(M, 1, .., 1)."""
    extra = final_size - len(M)
    return [[*row, *[0] * extra] for row in M] + identity(final_size)[len(M) :]


def principal_minor(M: Matrix, chosen: Sequence[int]) -> Any:
    """Return the determinant of the submatrix of the chosen rows and columns, over QQ."""
    k, submatrix = len(chosen), [[M[i][j] for j in chosen] for i in chosen]
    return (-1) ** k * descending_characteristic_polynomial(submatrix, 0)[k]


def opposed_principal_minors_exclude_pattern(minor_size: int, D: Matrix, a: Matrix) -> bool:
    """Whether all principal minors of size `minor_size` are >= 0 for one of the matrices D and a,
    and <= 0 for the other, and at least one minor is not 0.

    Theorem (positive scales, QQ).  If so, M is no product of scaled layers with the pattern ULUL,
    nor with ULULU if C = 0.  Proof.  A positive diagonal matrix on the left of U(X) or L(Y) moves
    to the right of it and changes X or Y only (word_push in files/rocq/shears.v).  So M P^-1 is a
    product of additive layers for some positive P = diag(E, F).  The lower right block of M P^-1 is
    D F^-1, its lower left block is 0 if C is, and the upper left block of its inverse is E a.  So
    D F^-1 and E a have the same characteristic polynomial.  Up to one sign, its coefficient at k =
    `minor_size` is a sum of the principal k-minors of D with positive weights, and also a sum of
    the principal k-minors of a with positive weights.  But one of these sums is >= 0, the other is
    <= 0, and not both are 0.
    Formally proved: opposed_minors_exclude_four and _five in proofs/rocq/statements.v.
    """
    n = len(D)
    if math.comb(n, minor_size) > MOST_MINORS:
        raise UndecidedError(
            f"the check of the witness needs more than {MOST_MINORS} minors, which is the limit"
        )
    signs = set()
    for M, factor in ((D, 1), (a, -1)):
        for chosen in combinations(range(n), minor_size):
            value = factor * principal_minor(M, chosen)
            signs.add((value > 0) - (value < 0))
    return signs - {0} in ({1}, {-1})


def has_one_signed_polynomial_combination(
    polynomial_multipliers: list[Matrix], blocks: PatternBlocks, target: Matrix
) -> bool:
    """Whether the multipliers, one for each equation of four scaled layers, combine the equations
    into a polynomial whose coefficients have one sign.

    Theorem (positive scales, QQ).  With E, F of `opposed_principal_minors_exclude_pattern`, let x
    and y be the diagonals of F^-1 and E.  Let f_k = sum of d_S x^S - sum of a_S y^S over the sets S
    of k coordinates, d_S and a_S being principal minors, for k < n; and f_n = det M x_1 .. x_n -
    y_1 .. y_n.  All f_k vanish; f_n does because det M = det P.  So any sum of p_k f_k, with
    polynomials p_k in x and y, vanishes at positive numbers, and its coefficients, if not all 0,
    cannot have one sign.
    The k-th multiplier is a matrix with a row for each term of p_k: the coefficient, the exponents
    of x, and the exponents of y.
    """
    n = len(blocks.D)
    total: dict[tuple[Any, ...], Any] = {}
    det = principal_minor(target, range(2 * n))
    if 2**n > MOST_MINORS:
        raise UndecidedError(
            f"the check of the witness needs more than {MOST_MINORS} minors, which is the limit"
        )
    if sum(math.comb(n, k) * len(p) for k, p in enumerate(polynomial_multipliers, 1)) > MOST_TERMS:
        raise UndecidedError(
            f"the check of the witness needs more than {MOST_TERMS} terms, which is the limit"
        )
    for k, p in enumerate(polynomial_multipliers, 1):
        for chosen in combinations(range(n), k):
            minors = det, 1
            if k < n:
                minors = principal_minor(blocks.D, chosen), principal_minor(blocks.a, chosen)
            powers = [int(i in chosen) for i in range(n)]
            for value, at in ((minors[0], powers + [0] * n), (-minors[1], [0] * n + powers)):
                for coefficient, *exponents in p:
                    place = tuple(map(add, exponents, at))
                    total[place] = total.get(place, 0) + coefficient * value
    return {x > 0 for x in total.values() if x} in ({True}, {False})


def excludes_four_scaled_layers(Q: Matrix, blocks: PatternBlocks) -> bool:
    """Whether the matrix Q proves that M is no product of four scaled layers with the pattern.

    It does if a Q = 0, Q D = 0, and the diagonals of Q C and c Q, not all 0, have one sign.

    Theorem (positive scales, QQ).  With F and G of `layer_equations`, M P^-1 = U(X) L(Y) U(Z) L(W)
    gives D' = D G^-1 = I + Y Z, C' = C F = Y + D' W, and for the inverse a' = F^-1 a = I + Z Y,
    c' = G c = -Y - W a'.  So D' W - W a' = C' + c'.  If a Q = 0 and Q D = 0, then tr Q (C F + G c)
    = tr(Q D' W) - tr(a' Q W) = 0.  This trace is the sum of all F_j and G_i with the diagonals of
    Q C and c Q as weights, which thus cannot have one sign unless all of them vanish.
    """
    _, _, C, D, a, c = blocks
    if any(x for N in (multiply(a, Q, 0), multiply(Q, D, 0)) for row in N for x in row):
        return False
    weights = [N[i][i] for N in (multiply(Q, C, 0), multiply(c, Q, 0)) for i in range(len(Q))]
    return {x > 0 for x in weights if x} in ({True}, {False})


class BlockEquation(NamedTuple):
    """The equation R = sum of P X Q over the terms (X, P, Q); X is the name of an unknown matrix.

    The unknowns in `POSITIVE` are diagonal matrices with positive entries.
    """

    R: Matrix
    terms: list[tuple[str, Matrix, Matrix]]


POSITIVE = {"F", "G", "S", "T"}


def layer_equations(
    pattern: str, scales: str, blocks: PatternBlocks, p: Characteristic
) -> list[BlockEquation]:
    """Return linear equations that the layers of every product with the pattern satisfy.

    Additive: "" M = I; U: A = I, C = 0, D = I; UL: D = I, A - B C = I; ULU: X C = A - I,
    C Z = D - I, X + A Z = B; ULUL: Y a - D Y = 0, Y + D W = C, Y B - (Y X) D = D - I (see the
    head of this section).  Positive scales: U: A is a positive diagonal S, C = 0, D = I; UL, that
    is [[S + X Y, X T], [Y, T]]: D = T, A - B D^-1 C = S, the latter if D is invertible; ULU: as in
    `opposed_principal_minors_exclude_pattern`, U(x) L(y) U(z) = M P^-1, P = diag(E, G).
    With F = E^-1: C F = y, G c = -y, A F = I + x y, D G^-1 = I + y z. So C F + G c = 0,
    F A - X C = I, C Z + G = D for X = F x, Z = F z G.
    """
    A, B, C, D, a, c = blocks
    one, other, zero = identity(len(A)), identity(len(D)), add_multiple(C, -1, C, p)
    A1, D1 = add_multiple(A, -1, one, p), add_multiple(D, -1, other, p)
    if len(pattern) == 5:
        return [five_letter_equation_if_c_proportional_to_C(blocks, p)]
    if len(pattern) == 4:
        minus_D = add_multiple(D, -2, D, p)
        return [
            BlockEquation(zero, [("Y", other, a), ("Y", minus_D, one)]),
            BlockEquation(C, [("Y", other, one), ("W", D, one)]),
            BlockEquation(D1, [("Y", other, B), ("Y X", other, minus_D)]),
        ]
    if len(pattern) == 3 and scales == "positive":
        minus_C = add_multiple(C, -2, C, p)
        first = BlockEquation(zero, [("F", C, one), ("G", one, c)])
        second = BlockEquation(one, [("F", one, A), ("X", one, minus_C)])
        return [first, second, BlockEquation(D, [("Z", C, one), ("G", one, one)])]
    if len(pattern) == 3:
        third = BlockEquation(B, [("X", one, other), ("Z", A, other)])
        return [BlockEquation(A1, [("X", one, C)]), BlockEquation(D1, [("Z", C, other)]), third]
    positive = scales == "positive"
    if len(pattern) == 2 and positive:
        schur = None
        if rank(D, p) == len(D):
            schur = add_multiple(A, -1, multiply(B, multiply(inverse(D, p), C, p), p), p)
        second = BlockEquation(schur, [("S", one, one)]) if schur else BlockEquation(zero, [])
        return [BlockEquation(D, [("T", one, one)]), second]
    if len(pattern) == 2:
        return [BlockEquation(R, []) for R in (D1, add_multiple(A1, -1, multiply(B, C, p), p))]
    first = BlockEquation(A, [("S", one, one)]) if positive and pattern else BlockEquation(A1, [])
    return [first, *(BlockEquation(R, []) for R in (C, D1, *[B] * (not pattern)))]


def find_minus_c_over_C(blocks: PatternBlocks, p: Characteristic) -> Any | None:
    """Return the number k for which c = -k C; None if there is no such number, or if C is 0."""
    C, c = blocks.C, blocks.c
    entries = [(x, y) for r, s in zip(C, c, strict=True) for x, y in zip(r, s, strict=True) if x]
    k = next((-y * reciprocal(x, p) for x, y in entries), None)
    return None if k is None or any(map(any, add_multiple(c, k, C, p))) else k


def five_letter_equation_if_c_proportional_to_C(
    blocks: PatternBlocks, p: Characteristic
) -> BlockEquation:
    """Return one linear equation that holds in every product with the pattern ULULU.

    It needs C != 0, and c = -k C for a number k; otherwise the function raises RefutedError.

    C a + D c = 0 is a block of M M^-1 = I, so C a = k D C and C a' = k (D - C V) C = k D' C.  So D'
    maps im C to itself: let g be its characteristic polynomial there, monic of degree r = rank C.
    On F^n / im C, D' is Du, as D is.  On ker C = ker c, a' is aN, as a is, and C carries the rest
    of a' to k D' on im C.  By `trace`, u(x) g(x) = w(x) k^r g(x / k), u and w the characteristic
    polynomials of Du and aN, the smaller side times (x - 1)^e: an equation, of coefficients from
    the highest to the constant one, for the coefficients g_1, .., g_r of g after the leading one.
    """
    C, k, r = blocks.C, find_minus_c_over_C(blocks, p), rank(blocks.C, p)
    if k is None:
        raise RefutedError(
            'an obstruction of kind "linear" excludes a pattern of five letters only if the block '
            "C of the target is not 0, and the block c of its inverse is k C for a number k; this "
            "does not hold here"
        )
    Du = quotient_by_krylov_space(blocks.D, C, p)
    aN = quotient_by_krylov_space(transpose_dense(blocks.a), transpose_dense(blocks.c), p)
    n = max(len(Du), len(aN))
    u, w = (descending_characteristic_polynomial(append_diagonal_ones(M, n), p) for M in (Du, aN))
    columns = []
    for i in range(r + 1):
        column = [x - k**i * y for x, y in zip(u, w, strict=True)]
        columns.append([0] * i + [x % p if p else x for x in column] + [0] * (r - i))
    first, *others = columns
    right = [[-x % p if p else -x] for x in first]
    return BlockEquation(right, [("g", transpose_dense(others), identity(1))])


def has_contradiction_given_positive_diagonals(
    multiplier: list[Matrix], system: list[BlockEquation], p: Characteristic
) -> bool:
    """Whether the multiplier combines the equations into an equation that has no solution with
    positive diagonals.

    Theorem.  Multiply each equation by its matrix W of the multiplier and take traces: tr(W P X Q)
    = tr((Q W P) X).  If the sum of Q W P is 0 for each unknown X except the positive diagonals,
    then s, the sum of all tr(W R), is a weighted sum of positive unknowns: the weights are the
    diagonals of the sums of Q W P for these unknowns.  That is impossible if the weights vanish and
    s does not, or if, up to one sign for all, no weight is < 0, one is > 0, and s <= 0.
    """
    sums: dict[str, Matrix] = {}
    weights, s = set(), 0
    for W, (R, terms) in zip(multiplier, system, strict=True):
        for X, P, Q in terms:
            part = multiply(Q, multiply(W, P, p), p)
            sums[X] = add_multiple(sums[X], 1, part, p) if X in sums else part
        s += sum(
            sum(map(mul, row, column)) for row, column in zip(W, transpose_dense(R), strict=True)
        )
    for X, total in sums.items():
        if X in POSITIVE:
            weights |= {total[i][i] for i in range(len(total))}
        elif any(map(any, total)):
            return False
    if not any(weights):
        return bool(s % p if p else s)
    return (min(weights) >= 0 and s <= 0) or (max(weights) <= 0 and s >= 0)


def quotient_by_krylov_space(D: Matrix, C: Matrix, p: Characteristic) -> Matrix:
    """Return the matrix of D on the quotient of F^n by the span of im C, D im C, D^2 im C, .., in a
    basis of unit vectors; F is the field.
    """
    to, n = transpose_dense(D), len(D)
    pivots, span = eliminate(transpose_dense(C), p)
    while True:
        more, larger = eliminate(span + multiply(span, to, p), p)
        if len(more) == len(pivots):
            break
        pivots, span = more, larger
    free = [j for j in range(n) if j not in pivots]
    L = [[int(i == j) for i in range(n)] for j in free]  # rows that are 0 on the span
    for row, j in zip(L, free, strict=True):
        for i, vector in zip(pivots, span, strict=True):
            row[i] = -vector[j]
    return [[row[j] for j in free] for row in multiply(L, D, p)]


def rank_drops_of_powers(f: Polynomial, M: Matrix, last_power: int, p: Characteristic) -> list[int]:
    """Return the list of e_k = rank f(M)^(k-1) - rank f(M)^k for k = 1, .., last_power."""
    value, space, sizes = evaluate_at_matrix(f, M, p), identity(len(M)), [len(M)]
    for _ in range(last_power):  # the rows of `space` are a basis of the row space of f(M)^k
        space = eliminate(multiply(space, value, p), p)[1] if sizes[-1:] != sizes[-2:-1] else space
        sizes.append(len(space))
    return [x - y for x, y in pairwise(sizes)]


def lower_bound_shifted_D_rank_drop_sum_if_possible(
    drops_of_Du: list[int],
    drops_of_aN: list[int],
    most_drop_change: int,
    D_size_excess_if_root_is_one: int | None,
) -> int | None:
    """Return a lower bound, for every possible V, of the sum of the rank drops of D' = D - C V;
    None if the rank drops of Du and aN prove that no V is possible.

    The matrices Du, aN, D' and a', the rank drops e_k of a matrix, the number e, and the parts (1)
    to (3) of the theorem are defined in `jordan_blocks_exclude_pattern`.  Let lam and mu be the
    rank drops of Du and aN, and r = `most_drop_change` = rank C times deg f.  If f is x - 1, then e
    is `D_size_excess_if_root_is_one`, which is None for other f.

    By (2) and (3) the e_k of D' are some x_k, lam_k <= x_k <= lam_k + r, those of a' some y_k, mu_k
    <= y_k <= mu_k + r.  If f(1) != 0, x_k = y_k by (1).
    If f = x - 1, x_(k+1) <= y_k, y_(k+1) <= x_k, and the sum of the x_k is larger by e.  So
    lam_(k+1) <= x_(k+1) <= y_k <= mu_k + r, and the sum of all max(0, mu_k - lam_(k+1) - r) <= y_k
    - x_(k+1) is at most x_1 - e <= lam_1 + r - e; moreover y_k >= x_(k+1) >= lam_(k+1), so that the
    sum of all y_k is at least that of max(mu_k, lam_(k+1)).  The same with x and y exchanged, and
    -e for e.
    """
    lam, mu, r, e = drops_of_Du, drops_of_aN, most_drop_change, D_size_excess_if_root_is_one
    if e is None:
        close = all(abs(x - y) <= r for x, y in zip(lam, mu, strict=True))
        return sum(map(max, lam, mu)) if close else None
    bounds = []
    for x, y, more in ((lam, mu, e), (mu, lam, -e)):
        pairs = list(zip([*x[1:], 0], y, strict=True))
        excess = sum(max(0, t - s - r) for s, t in pairs)
        if any(s > t + r for s, t in pairs) or excess > x[0] + r - more:
            return None
        bounds.append(sum(max(s, t) for s, t in pairs))
    return max(bounds[0] + e, bounds[1])


def jordan_blocks_exclude_pattern(
    factors: list[Polynomial],
    D_on_quotient: Matrix,
    a_on_invariant_subspace: Matrix,
    rank_of_C: int,
    sizes_of_D_and_a: tuple[int, int],
    p: Characteristic,
) -> bool:
    """Whether the Jordan blocks of Du and aN, at the roots of the factors, prove that M is no
    product of layers with the pattern.

    Du is `D_on_quotient`, aN is `a_on_invariant_subspace`, r = `rank_of_C`.  For the kind chain, Du
    is D on F^n / W, where W = <im C, D im C, ..>; aN is a on the largest a-invariant subspace of
    ker c (by transposition a quotient, too).  For the kind similarity, Du = D, aN = a, W = 0 and
    r = 0.

    Theorem (Flanders 1951; Thompson and Sa 1979).  Let e_k(M) = rank f(M)^(k-1) - rank f(M)^k, for
    irreducible f (which is not needed here) deg f times the number of blocks of size >= k.
    (1) D' = I + Y Z, a' = I + Z Y.  If f(1) != 0, e_k(D') = e_k(a'): Z maps ker f(D')^k to
        ker f(a')^k, injectively, as Z v = 0 gives D' v = v, f(D')^k v = f(1)^k v; and Y back.  If
        f = x - 1, e_(k+1)(D') <= e_k(a'): with N = Y Z, m = (Z Y)^(k-1), Frobenius' inequality
        twice gives rank m - rank m Z Y >= rank Y m - rank N Y m >= rank Y m Z - rank N Y m Z.
        Likewise with D' and a' exchanged.  The sums of all e_k, the multiplicities of the root 1,
        differ by e, D being larger than a by e, by `trace`.
    (2) e_k(D') - e_k(Du) is from 0 to r deg f.  Let P be F^n, with x acting as D' = D - C V.  W is
        a submodule that r elements generate, P/W is Du.  f^(k-1) P / f^k P has dimension e_k(D')
        and maps onto the same quotient of P/W.  The kernel of this map lies in (W + f^k P) / f^k P,
        a quotient of W.  So r elements generate the kernel, and f kills it: the dimension of the
        kernel is at most r deg f.
    (3) e_k(a') - e_k(aN) likewise, by transposition, where rank c = rank C: A maps ker C into ker c
        injectively (C v = 0 means M^-1 (A v, 0) = (v, 0)), and a maps ker c into ker C.
    For pairwise coprime f the spaces ker f(D')^n add up directly: the sums of e_k(D') to at most
    the size of D, and to that of a, too, unless x - 1 is among them.
    """
    for f, g in combinations(factors, 2):
        size = len(g) - 1
        companion = [[int(i == j + 1) for j in range(size - 1)] + [-g[i]] for i in range(size)]
        if rank(evaluate_at_matrix(f, companion, p), p) < size:
            raise RefutedError('two polynomials in the list "factors" are not coprime')
    sizes, r = sizes_of_D_and_a, rank_of_C
    total, most, n = 0, min(sizes), max(sizes)
    for f in factors:
        at_one = not (sum(f) % p if p else sum(f))
        if at_one and len(f) > 2:
            raise RefutedError(
                'a polynomial in the list "factors" has the root 1, but is not x - 1'
            )
        most = sizes[0] if at_one else most
        e = sizes[0] - sizes[1] if at_one else None
        least = lower_bound_shifted_D_rank_drop_sum_if_possible(
            rank_drops_of_powers(f, D_on_quotient, n + 1, p),
            rank_drops_of_powers(f, a_on_invariant_subspace, n + 1, p),
            r * (len(f) - 1),
            e,
        )
        if least is None:
            return True
        total += least
    return total > most


def shift_equations_exclude_pattern(
    factors: list[Polynomial], Du: Matrix, aN: Matrix, blocks: PatternBlocks, p: Characteristic
) -> bool:
    """Whether linear equations that every possible shift V satisfies have no solution, so that the
    pattern is excluded.  They are conditions on D' = D - C V and a' = a + V c.

    Theorem, in the notation of `jordan_blocks_exclude_pattern`, if that function returned False.
    (4) Let x - s be a factor, s not 1, and e_1(aN) = e_1(Du) + r.  By (1) and (3) e_1(D') = e_1(a')
        >= e_1(aN), and ker(D' - s) lies in K = {k : (D - s) k in im C}.  The rows l with l C = 0,
        l (D - s) = 0 are e_1(Du) many, so dim K = r + e_1(Du) = e_1(aN): the two spaces are equal,
        and C V k = (D - s) k for all k in K.
    (5) If e_1(Du) = e_1(aN) + r, likewise p V c = -p (a - s) for the rows p with p (a - s) = 0 on
        ker c.
    (6) tr(C V) + tr(V c) = tr D - tr a - e, D being larger than a by e.  If all factors have degree
        one, and their multiplicities, at least the sum in `jordan_blocks_exclude_pattern`, fill
        all dimensions of D, x - 1 being one of them if e is not 0, then tr D' is the sum of
        the roots, and tr a' is this sum minus e: tr(C V) and tr(V c) are known.
    """
    _, _, C, D, a, c = blocks
    q, n, r, total, roots = len(D), len(a), rank(C, p), 0, 0
    excess, has_one = q - n, q == n
    equations: list[tuple[Matrix, Matrix, Matrix]] = []  # L V R = S, each as (L, R, S)
    for f in factors:
        at_one = not (sum(f) % p if p else sum(f))
        has_one = has_one or at_one
        lam, mu = (rank_drops_of_powers(f, M, max(q, n) + 1, p) for M in (Du, aN))
        e = excess if at_one else None
        total += lower_bound_shifted_D_rank_drop_sum_if_possible(lam, mu, r * (len(f) - 1), e) or 0
        roots += -f[0] * (lower_bound_shifted_D_rank_drop_sum_if_possible(lam, mu, r, e) or 0)
        if len(f) > 2 or at_one:
            continue
        D_s, a_s = add_multiple(D, f[0], identity(q), p), add_multiple(a, f[0], identity(n), p)
        if mu[0] == lam[0] + r:
            left = kernel_basis_rows(transpose_dense(C), q, p)
            K = transpose_dense(kernel_basis_rows(multiply(left, D_s, p), q, p))
            equations.append((C, K, multiply(D_s, K, p)))
        elif lam[0] == mu[0] + r:
            on = multiply(a_s, transpose_dense(kernel_basis_rows(c, n, p)), p)
            P = kernel_basis_rows(transpose_dense(on), n, p)
            product = multiply(P, a_s, p)
            equations.append((P, c, add_multiple(product, -2, product, p)))
    rows = []
    for L, R, S in equations:
        for left_row, goals in zip(L, S, strict=True):
            for column, goal in zip(transpose_dense(R), goals, strict=True):
                rows.append([x * y for x in left_row for y in column] + [goal])
    of_D, of_a = ([x for row in transpose_dense(M) for x in row] for M in (C, c))
    trace_D, trace_a = (sum(M[i][i] for i in range(len(M))) for M in (D, a))
    if total == q and has_one and all(len(f) == 2 for f in factors):
        rows += [[*of_D, trace_D - roots], [*of_a, roots - excess - trace_a]]
    else:
        both = [x + y for x, y in zip(of_D, of_a, strict=True)]
        rows.append([*both, trace_D - trace_a - excess])
    rows = [[x % p for x in row] for row in rows] if p else rows
    return rank(rows, p) > rank([row[:-1] for row in rows], p)


# ------------------------------------------------------------------------- reading the certificate
# Readers return a checked value or raise MalformedError; `where` is the place of the value in the
# file, as messages name it.


@cache
def power_of_five(exponent: int) -> int:
    """Return 5^exponent, which a shift of bits turns into 10^exponent."""
    return 5**exponent


def parse_integer(digits: str) -> int:
    """Return the integer written -?[0-9]+, even if it has more digits than int() may accept."""
    if len(digits) <= 640:  # Python's limit can be set to 640 digits, but not below
        return int(digits)
    if digits[0] == "-":
        return -parse_integer(digits[1:])
    half = 1 << ((len(digits) - 1).bit_length() - 1)
    high, low = parse_integer(digits[:-half]), parse_integer(digits[-half:])
    return (high * power_of_five(half) << half) + low


def format_abbreviated_integer(n: int) -> str:
    """Return n in decimal; if it has more than 40 digits, only its first and last digits, and the
    number of its digits.
    """
    magnitude = abs(n)
    if magnitude < 10**40:
        return str(n)
    size = (magnitude.bit_length() - 1) * 3010299 // 10**7  # at most the number of digits
    while magnitude >= 10**size:
        size += 1
    head, last = magnitude // 10 ** (size - 12), magnitude % 10**12
    return f"{'-' * (n < 0)}{head}...{last:012d} ({size} digits)"


def format_element(a: Sequence[Fraction], field: Field) -> str:
    """Return an element as text: p/q, or over a number field a list of coefficients."""
    shown = [
        format_abbreviated_integer(c.numerator)
        + (f"/{format_abbreviated_integer(c.denominator)}" if c.denominator > 1 else "")
        for c in a
    ]
    return f"[{', '.join(shown)}]" if field.modulus else shown[0]


def format_rounded_with_remark(x: Fraction, rounds_up: bool) -> str:
    """Return x >= 0 as a decimal of three digits, with the remark "rounded up" or "rounded down" if
    it is rounded.

    If the numerator has b bits more than the denominator, x > 2^(b - 1).
    """
    if not x:
        return "0"
    power = x.numerator.bit_length() - x.denominator.bit_length() - 1
    exponent = power * (3010299 if power > 0 else 3010300) // 10**7 - 2  # 10^(exponent + 2) <= x
    digits, rest = divmod(
        x.numerator * 10 ** max(-exponent, 0), x.denominator * 10 ** max(exponent, 0)
    )
    while digits >= 1000:
        digits, last = divmod(digits, 10)
        exponent, rest = exponent + 1, rest or last
    digits += bool(rounds_up and rest)
    text = f"{digits / 100:.3g}e{exponent + 2:+}"
    text = f"{float(text):.3g}" if abs(exponent) < 290 else text
    return text + (f" (rounded {'up' if rounds_up else 'down'})" if rest else "")


def describe_json(found: object) -> str:
    """Return a short description, in ASCII, of a value read from JSON."""
    if isinstance(found, str):
        return ascii(found) if len(found) <= 60 else f"{found[:40]!a}... ({len(found)} long)"
    if isinstance(found, list):
        return f"a list of length {len(found)}"
    if isinstance(found, dict):
        return "an object"
    if type(found) is int:
        return f"the number {format_abbreviated_integer(found)}"
    return json.dumps(found)


def expect(holds: object, where: str, expected: str, found: object) -> None:
    """Raise MalformedError unless `holds`."""
    if not holds:
        raise MalformedError(f"{where}: expected {expected}, found {describe_json(found)}")


def check_file_memory(data: bytes, where: str, bytes_of_all_values: int) -> None:
    """Raise UndecidedError if a file may take too much memory: the `bytes_of_all_values`, and the
    bytes of the text.
    """
    text = len(data) * (3 if data.isascii() else 9)
    if text + bytes_of_all_values > MAX_BYTES:
        raise UndecidedError(f"{where}: reading it may take more than {MAX_BYTES} bytes of memory")


def read_json(data: bytes, where: str) -> Any:
    """Return the value of a JSON text in UTF-8; refuse duplicate keys, NaN and lone surrogates."""

    def refuse_duplicate_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) < len(pairs):
            twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
            expect(False, where, "no key twice in an object", twice)
        return members

    def refuse_nan_or_infinity(name: str) -> Any:
        expect(False, where, "a number that JSON allows", name)

    # Before each value is one of these characters. The string "0" takes memory only once.
    values = sum(map(data.count, (b"[", b",", b":"))) - (b"\\" not in data) * data.count(b'"0"')
    check_file_memory(data, where, values * VALUE_BYTES + data.count(b"{") * OBJECT_BYTES)
    try:
        text = data.decode("utf-8")
        value = json.loads(
            text,
            object_pairs_hook=refuse_duplicate_keys,
            parse_int=parse_integer,
            parse_constant=refuse_nan_or_infinity,
        )
    except ValueError as error:
        raise MalformedError(f"{where}: expected JSON in UTF-8: {error}") from None
    except RecursionError:
        raise MalformedError(f"{where}: expected JSON with fewer levels of nesting") from None
    is_lone = "\\u" in text and any(match[1] for match in ESCAPE.finditer(text))
    expect(not is_lone, where, "surrogates in pairs only", "a surrogate in no pair")
    return value


def read_object(found: Any, where: str, keys: Sequence[str], optional: Sequence[str] = ()) -> Any:
    """Return a JSON object that has all of `keys`, and no other keys except those in `optional`."""
    expect(type(found) is dict, where, "an object", found)
    for key in keys:
        expect(key in found, where, f"the key {key!r}", found)
    for key in found:
        expect(
            key in (*keys, *optional), where, f"no keys but {', '.join((*keys, *optional))}", key
        )
    return found


def read_list(found: Any, where: str, sizes: int | range, name_of_members: str) -> list[Any]:
    """Return `found`, which must be a list whose length is `sizes`, or in the range `sizes`.

    `name_of_members` is the word for the members in the error message.
    """
    allowed = sizes if isinstance(sizes, range) else range(sizes, sizes + 1)
    size = format_abbreviated_integer(allowed[0]) + (
        f" to {allowed[-1]}" if len(allowed) > 1 else ""
    )
    is_such = type(found) is list and len(found) in allowed
    expect(is_such, where, f"a list of {size} {name_of_members}", found)
    return found


def read_integer(found: Any, where: str, allowed: range) -> int:
    """Return an integer in the range `allowed`."""
    is_such = type(found) is int and found in allowed
    expect(is_such, where, f"an integer from {allowed[0]} to {allowed[-1]}", found)
    return found


def read_numerator_and_denominator(found: Any, where: str, p: Characteristic = 0) -> Pair:
    """Return the numerator and the denominator that a string -?[0-9]+(/[0-9]+)? denotes.

    Over GF(p) the string must denote an integer n, and the result is n modulo p, and 1.
    """
    match = RATIONAL.fullmatch(found) if type(found) is str else None
    if match is None or (p and match[2]):
        expected = 'a string of digits, such as "-3"' + ' or "1/2"' * (not p)
        raise MalformedError(f"{where}: expected {expected}, found {describe_json(found)}")
    if p:
        return (parse_integer(match[1]) % p, 1)
    denominator = parse_integer(match[2] or "1")
    expect(denominator, where, "a denominator that is not zero", found)
    return (parse_integer(match[1]), denominator)


def read_rational(found: Any, where: str) -> Fraction:
    """Return the rational number that a string -?[0-9]+(/[0-9]+)? denotes."""
    return Fraction(*read_numerator_and_denominator(found, where))


def read_element(found: Any, where: str, field: Field) -> Element:
    """Return an element from a string or, over a number field, from a list of strings: coefficients
    of 1, x, x^2, .., as many as the degree or fewer.
    """
    if not field.modulus:
        return (read_numerator_and_denominator(found, where, field.prime),)
    read_list(found, where, range(field.degree + 1), "strings")
    read = [read_numerator_and_denominator(c, where) for c in found]
    return (*read, *[(0, 1)] * (field.degree - len(read)))


def read_rows_as_sparse(
    found: Any, where: str, rows: int, columns: int, field: Field
) -> Iterator[dict[int, Element]]:
    """Yield each row as a dictionary from columns to elements, in which most zeros are omitted."""
    zero = [] if field.modulus else "0"
    for i, row in enumerate(read_list(found, where, rows, "rows")):
        row = read_list(row, f"{where}, row {i}", columns, "entries")
        written = [(j, a) for j, a in enumerate(row) if a != zero]
        yield {j: read_element(a, f"{where}, row {i}, column {j}", field) for j, a in written}


def read_dense_row(found: Any, where: str, sizes: int | range, p: Characteristic) -> list[Any]:
    """Return a row of elements of QQ or GF(p), whose length is `sizes`, or in the range `sizes`."""
    pairs = [
        read_numerator_and_denominator(x, where, p)
        for x in read_list(found, where, sizes, "entries")
    ]
    return [num if p else Fraction(num, den) for num, den in pairs]


def read_dense_matrix(found: Any, where: str, rows: int, columns: int, p: Characteristic) -> Matrix:
    """Return a matrix over QQ or GF(p)."""
    found = read_list(found, where, rows, "rows")
    return [read_dense_row(row, f"{where}, row {i}", columns, p) for i, row in enumerate(found)]


def read_field(found: Any, version: int) -> Field:
    """Return the field; if it could not be proved to be a field, its `undecided` says why."""
    if found == "QQ":
        return Field("QQ")
    if type(found) is dict:
        read_object(found, "field", ["modulus"], ["root"] if version > 1 else [])
        return read_number_field(found["modulus"], found.get("root", ()))
    match = re.fullmatch(r"GF\(([1-9][0-9]*)\)", found) if type(found) is str else None
    expect(match, "field", '"QQ", "GF(p)" or {"modulus": [...]}', found)
    p = parse_integer(match[1]) if match else 0
    decided = is_prime(p)
    expect(decided is not False, "field", "GF(p) with p prime", found)
    return Field(
        f"GF({format_abbreviated_integer(p)})",
        p,
        undecided="" if decided else "no proof that p is prime",
    )


def read_number_field(modulus: Any, root_interval: Any) -> Field:
    """Return QQ[x]/(m), where m is the modulus.

    If the file chooses the root of m that x represents, `root_interval` has the two ends of an
    interval around this root.
    """
    where, between = "field, modulus", "field, root"
    is_such = type(modulus) is list and len(modulus) > 1
    expect(is_such, where, "a list of 2 or more strings", modulus)
    if (degree := len(modulus) - 1) > MAX_DEGREE:
        raise UndecidedError(f"the modulus has degree {degree}, and the limit is {MAX_DEGREE}")
    m = tuple(read_rational(c, f"{where}, coefficient {i}") for i, c in enumerate(modulus))
    expect(m[-1] == 1, where, "a monic polynomial", modulus[-1])
    given = () if root_interval == () else read_list(root_interval, between, 2, "rationals")
    ends = tuple(read_rational(end, between) for end in given)
    written = [n for a in (*m, *ends) for n in a.as_integer_ratio()]
    if sum(n.bit_length() for n in written) > MAX_MODULUS_BITS:
        raise UndecidedError(
            f"modulus and root have more than {MAX_MODULUS_BITS} bits, which is the limit"
        )
    decided = is_irreducible(m)
    reducible = "one with a repeated factor or a rational root"
    expect(decided is not False, where, "an irreducible polynomial", reducible)
    undecided = "" if decided else "no proof that the modulus is irreducible"
    is_one = (
        ends
        and ends[0] < ends[1]
        and evaluate_ascending_polynomial(m, ends[1]) != 0
        and count_distinct_real_roots(m, *ends) == 1
    )
    expect(
        is_one or not ends, between, "two rationals with exactly one root between", root_interval
    )
    return Field("a number field", 0, m, ends, undecided)


def read_layer(found: Any, where: str, halves: tuple[list[int], list[int]], field: Field) -> Layer:
    """Return a layer whose scales are proved positive (over GF(p), nonzero); if the file marks the
    signs as unchecked, scales of undecided sign are accepted, too.
    """
    optional = ["sign"] if field.modulus else []
    found = read_object(found, where, ["moves", "scale", "shift"], optional)
    is_such = found["moves"] in ("first", "second")
    expect(is_such, f"{where}, moves", '"first" or "second"', found["moves"])
    unchecked, marks = "sign" in found, found.get("sign", "unchecked")
    expect(marks == "unchecked", f"{where}, sign", '"unchecked" or no such key', marks)
    moved, fixed = halves if found["moves"] == "first" else halves[::-1]
    scales = read_list(found["scale"], f"{where}, scale", len(moved), "entries")
    shift = read_rows_as_sparse(found["shift"], f"{where}, shift", len(moved), len(fixed), field)
    for i, _ in enumerate(shift):
        place = f"{where}, scale {i}"
        a = read_element(scales[i], place, field)
        shown = decide_positivity_or_invertibility(a, field)
        expected = "a scale that is not 0" if field.prime else "a scale > 0"
        expect(shown >= 0, place, expected, scales[i])
        expect(shown or unchecked, place, 'a scale > 0, or "sign": "unchecked"', scales[i])
    return Layer(moved, fixed, scales, found["shift"], unchecked)


def read_distinct_coordinates(found: Any, where: str, d: int) -> list[int]:
    """Return a list of distinct coordinates, integers from 0 to d - 1."""
    expect(type(found) is list, where, "a list of coordinates", found)
    expected = f"coordinates from 0 to {format_abbreviated_integer(d - 1)}"
    for i in found:
        expect(type(i) is int and 0 <= i < d, where, expected, i)
    expect(len(set(found)) == len(found), where, "distinct coordinates", found)
    return found


def read_monic_polynomial(
    found: Any, where: str, most_degree: int, p: Characteristic
) -> Polynomial:
    """Return the coefficients of a monic polynomial of degree 1 to `most_degree`, ascending."""
    f = read_dense_row(found, where, range(2, most_degree + 2), p)
    expect(f[-1] == 1, where, "a monic polynomial, ascending", found[-1])
    return f


def read_coefficient_and_exponent_rows(
    found: Any, where: str, half_size: int, p: Characteristic
) -> Matrix:
    """Return a row for each term of a polynomial in 2 `half_size` variables: the coefficient, then
    the exponents of all variables.
    """
    size = len(read_list(found, where, range(MOST_TERMS + 1), "terms"))
    rows = read_dense_matrix(found, where, size, 2 * half_size + 1, p)
    powers = {x for row in rows for x in row[1:]}
    is_such = powers <= set(range(MOST_DEGREE + 1))
    expect(is_such, where, f"exponents from 0 to {MOST_DEGREE}", found)
    return rows


def read_obstruction(
    found: Any, where: str, scales: str, half_sizes: Sequence[int], p: Characteristic
) -> dict[str, Any]:
    """Return the kind, the pattern and the witness of an obstruction, in a dictionary.

    Raises MalformedError if no obstruction of the kind can exclude the pattern.
    """
    n = max(half_sizes)
    kind: Any = found.get("kind") if type(found) is dict else None
    expect(kind in [*KINDS], f"{where}, kind", f"one of {', '.join(KINDS)}", kind)
    key, lengths = KINDS[kind]
    read_object(found, where, ["pattern", "kind", key])
    pattern, witness, place = found["pattern"], found[key], f"{where}, {key}"
    is_such = type(pattern) is str and len(pattern) in lengths.get(scales, [])
    expected = f"a pattern that {kind} can exclude with {scales} scales"
    expect(is_such, f"{where}, pattern", expected, pattern)
    if key == "k":
        witness = read_integer(witness, place, range(1, n + 1))
    elif key == "factors":
        most = sum(half_sizes)  # largest total degree of the factors
        factors = enumerate(read_list(witness, place, range(1, most + 1), "polynomials"))
        witness = [read_monic_polynomial(f, f"{place}, {i}", n, p) for i, f in factors]
        degree = sum(len(f) - 1 for f in witness)
        expect(degree <= most, place, f"total degree up to {most}", degree)
    else:
        on_kernels = scales == "positive" and len(pattern) == 4 and n > 1
        on_kernels = on_kernels and type(witness) is list and len(witness) == 1
        is_polynomial = scales == "positive" and len(pattern) > 3 and not on_kernels
        named = dict(zip("pq", half_sizes[:: -1 if pattern.startswith("L") else 1], strict=True))
        shapes = [(named[xy[0]], named[xy[1]]) for xy in EQUATIONS[len(pattern)].split()]
        shapes = [(n, n)] if on_kernels else shapes or [(1, n + 1)]
        number = n if is_polynomial else len(shapes)
        matrices = enumerate(read_list(witness, place, number, "matrices"))
        if is_polynomial:
            witness = [
                read_coefficient_and_exponent_rows(W, f"{place}, matrix {i}", n, p)
                for i, W in matrices
            ]
        else:
            witness = [
                read_dense_matrix(W, f"{place}, matrix {i}", *shapes[i], p) for i, W in matrices
            ]
    return {"kind": kind, "pattern": pattern, key: witness}


def read_depth_claim(
    found: Any, field: Field, half_sizes: list[int], target: Rows, layers: list[Layer]
) -> DepthClaim:
    """Return the claim that no fewer layers suffice; raise MalformedError if the layers do not have
    the claimed number or the claimed scales.
    """
    scales, n, p = found["scales"], half_sizes[0], field.prime
    expect(not field.modulus, "field", '"QQ" or "GF(p)"', found["field"])
    possible = ["additive"] if p else ["additive", "positive"]
    expect(scales in possible, "scales", f"{' or '.join(possible)} over {field.name}", scales)
    if found["version"] == 1 or scales == "positive":
        expect(half_sizes == [n, n], "partition", f"{n} twice", half_sizes[1])
    depth = read_integer(found["depth"], "depth", range(MOST_LAYERS + 1))
    read_list(found["layers"], "layers", depth, "layers")
    for i, layer in enumerate(layers):
        is_such = scales == "positive" or all(
            row.entry(r) == 1 for r, row in layer.changed_rows_expanded_to_QQ(field)
        )
        expect(is_such, f"layer {i}, scale", "1 in additive layers", found["layers"][i]["scale"])
    words = {"ULULUL"[i : i + depth - 1] for i in (0, 1)} if depth else set()
    written = read_list(found["obstructions"], "obstructions", len(words), "objects")
    read = [
        read_obstruction(a, f"obstruction {i}", scales, half_sizes, p)
        for i, a in enumerate(written)
    ]
    obstructions = {obstruction["pattern"]: obstruction for obstruction in read}
    expected = f"one for each of {' and '.join(sorted(words))}"
    expect(obstructions.keys() == words, "obstructions", expected, ", ".join(obstructions))
    if field.undecided:
        raise UndecidedError(field.undecided)
    order = found.get("order", range(len(target)))
    seen = [target[i] for i in order]
    rows = [[row.nums.get(j, 0) if p else row.entry(j) for j in order] for row in seen]
    return DepthClaim(n, p, rows, scales, obstructions)


def read_certificate(data: bytes) -> Certificate:
    """Return the certificate in a JSON file; raise MalformedError if it violates the format."""
    found = read_json(data, "certificate")
    head = found if type(found) is dict else {}
    is_depth = head.get("format") == FORMATS[1]
    version = head.get("version", 1)
    expect(type(version) is int and version in (1, 2), "version", "the number 1 or 2", version)
    is_covariance = version == 2 and "covariance" in head and "target" not in head
    is_covariance = is_covariance and not is_depth
    name = "covariance" if is_covariance else "target"
    keys, optional = ["format", "version", "field", "partition", name, "layers"], ["provenance"]
    if is_depth:
        keys += ["scales", "depth", "obstructions"]
        optional += ["order"] if version == 2 else []
    else:
        optional += ["flips", *(["order", "pads", "within"] if version == 2 else [])]
    read_object(found, "certificate", keys, optional)
    expect(found["format"] in FORMATS, "format", " or ".join(FORMATS), found["format"])
    made = found.get("provenance", {})
    expect(type(made) is dict, "provenance", "an object", made)
    field = read_field(found["field"], version)
    sizes = read_list(found["partition"], "partition", 2, "integers >= 1")
    for half in sizes:
        expect(type(half) is int and half >= 1, "partition", "integers >= 1", half)
    d = sum(sizes)
    pads = read_distinct_coordinates(found.get("pads", []), "pads", d)
    expect(len(pads) < d, "pads", "fewer than all coordinates", pads)
    expect(not (pads and is_covariance), "pads", "no pads with a covariance", pads)
    table = found[name]
    for _ in read_rows_as_sparse(table, name, d - len(pads), d - len(pads), field):
        pass  # read all entries before anything is computed
    flips = set(read_distinct_coordinates(found.get("flips", []), "flips", d))
    order = read_distinct_coordinates(found["order"], "order", d) if "order" in found else range(d)
    expect(len(order) == d, "order", f"each coordinate from 0 to {d - 1}", order)
    within = read_rational(found["within"], "within") if "within" in found else None
    expect((within or 0) >= 0, "within", "a bound >= 0", found.get("within"))
    is_such = field.name == "QQ" or (within is None and not is_covariance)
    expect(is_such, "field", '"QQ", which within and covariance need', found["field"])
    expect(type(found["layers"]) is list, "layers", "a list of objects", found["layers"])
    halves = list(order[: sizes[0]]), list(order[sizes[0] :])
    layers = [read_layer(a, f"layer {k}", halves, field) for k, a in enumerate(found["layers"])]
    places = sorted(set(range(d)) - set(pads))
    target, start = ([EMPTY] * (d * field.degree) for _ in range(2))
    elements = read_rows_as_sparse(table, name, len(places), len(places), field)
    spare = 2**26 + 24 * len(data)  # the most bytes of memory that the target may take
    for i, row in zip(places, elements, strict=True):
        here = slice(i * field.degree, (i + 1) * field.degree)
        target[here] = expand_row_to_rational_rows({places[j]: a for j, a in row.items()}, field, 1)
        spare = subtract_bytes(spare, target[here], f"the {name}")
        signed = (field.prime - 1 if i in flips else 1, 1)
        start[here] = expand_row_to_rational_rows({i: (signed, *field.one[1:])}, field, 1)
    is_such = not is_covariance or not any(
        r.nums for r in subtract_rows(target, transpose_rows(target))
    )
    expect(is_such, "covariance", "a symmetric matrix", table)
    depth = read_depth_claim(found, field, sizes, target, layers) if is_depth else None
    size, digest = len(data), hashlib.sha256(data).digest()
    return Certificate(
        field, d, target, start, layers, pads, within, is_covariance, depth, size, digest
    )


# ------------------------------------------------------------------------- reading a target file


def read_int_float_or_number_text(found: Any, where: str) -> Fraction:
    """Return the exact value of an int, a finite float or a string (p/q or decimal)."""
    if type(found) is int or (type(found) is float and math.isfinite(found)):
        return Fraction(found)
    text = AROUND.sub("", found) if type(found) is str else ""
    match = DECIMAL.fullmatch(text)
    if match is None:
        return read_rational(text or found, where)
    sign, units, decimals, exponent = match.groups("")
    power = int(exponent or "0")
    expect(abs(power) <= MAX_EXPONENT, where, f"an exponent up to {MAX_EXPONENT}", found)
    return parse_integer(f"{sign}{units}{decimals}") * Fraction(10) ** (power - len(decimals))


def read_bound(text: str, where: str) -> Fraction:
    """Return a bound >= 0, written p/q or as a decimal."""
    is_number = any(form.fullmatch(AROUND.sub("", text)) for form in (DECIMAL, RATIONAL))
    expect(is_number, where, "a bound such as 1e-12 or 1/1000", text)
    bound = read_int_float_or_number_text(text, where)
    expect(bound >= 0, where, "a bound >= 0", text)
    return bound


def read_target_element(found: Any, where: str, field: Field) -> Element:
    """Return an element from a number or, over a number field, a list of strings."""
    if type(found) is list and field.modulus:
        return read_element(found, where, field)
    number = read_int_float_or_number_text(found, where)
    if field.prime:
        expect(number.denominator == 1, where, f"an integer, over {field.name}", found)
        number %= field.prime
    return (number.as_integer_ratio(), *[(0, 1)] * (field.degree - 1))


def strip_blanks_and_quotes(cell: str) -> str:
    """Return a field of a .csv file without the blanks and quotes around it."""
    cell = cell.strip(" \t")
    return cell[1:-1].strip(" \t") if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def read_csv(data: bytes, where: str) -> list[list[str]]:
    """Return the rows of a .csv file, as lists of fields without blanks and quotes around them."""
    check_file_memory(data, where, (data.count(b",") + data.count(b"\n")) * VALUE_BYTES)
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError(f"{where}: expected text in UTF-8: {error}") from None
    rows = [line.removesuffix("\r").split(",") for line in lines if line not in ("", "\r")]
    return [[strip_blanks_and_quotes(cell) for cell in row] for row in rows]


def read_npy(data: bytes, where: str) -> list[list[int | float]]:
    """Return the rows of an .npy file of shape (d, d), (d, d, 1) or (d, d, 1, 1)."""
    width = {b"\1\0": 2, b"\2\0": 4, b"\3\0": 4}.get(data[6:8], 0)
    start = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
    match = NPY_HEADER.fullmatch(data, 8 + width, start) if start <= len(data) else None
    code = NPY_CODES.get(match[2].decode("latin-1")) if match else None
    is_npy = data[:6] == b"\x93NUMPY" and width
    if not is_npy or match is None or code is None or (match[1] == b"|") != (match[2][1:] == b"1"):
        expected = "an .npy file, as NumPy writes it for a matrix of floats, integers or bools"
        raise MalformedError(f"{where}: expected {expected}, found {data[:90]!r}")
    d, columns, fortran = int(match[4]), int(match[5]), match[3] == b"True"
    expect(d == columns, where, f"{d} columns, as many as rows", columns)
    size = d * d * int(match[2][1:])
    expect(len(data) - start == size, where, f"{size} bytes of numbers", len(data) - start)
    check_file_memory(data, where, d * d * VALUE_BYTES)
    order = ">" if match[1] == b">" else "<"
    numbers = struct.unpack(f"{order}{d * d}{code}", data[start:])
    numbers = tuple(map(int, numbers)) if code == "?" else numbers
    return [list(numbers[i::d] if fortran else numbers[i * d : i * d + d]) for i in range(d)]


def read_target(data: bytes, suffix: str, field: Field, row_count: int) -> list[dict[int, Element]]:
    """Return the rows of a target file as dictionaries from columns to elements, in which most
    zeros are omitted.

    Raises RefutedError if the matrix does not have `row_count` rows.
    """
    where = "target file"
    data = data.removeprefix(b"\xef\xbb\xbf")
    read: Callable[[bytes, str], Any] = {".csv": read_csv, ".npy": read_npy}.get(suffix, read_json)
    table = read(data, where)
    expect(type(table) is list and table, where, "a list of rows", table)
    matrix = []
    for i, row in enumerate(table):
        row = read_list(row, f"{where}, row {i}", len(table), "entries, as many as rows")
        cells = [(j, a) for j, a in enumerate(row) if a != "0" and not (type(a) is int and a == 0)]
        taken = {
            j: read_target_element(a, f"{where}, row {i}, column {j}", field) for j, a in cells
        }
        matrix += [taken] if len(table) == row_count else []
    if len(table) != row_count:
        sizes = f"{row_count} rows in the certificate, {len(table)} in the given matrix"
        raise RefutedError(OTHER_TARGET, f"sizes differ: {sizes}")
    return matrix


# ------------------------------------------ primes and number fields (not needed over QQ)


def is_prime(p: int) -> bool | None:
    """Whether p is prime; None if p is too large for a proof and passes the Miller-Rabin test."""
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


def polynomial_remainder(f: Polynomial, g: Polynomial) -> Polynomial:
    """Return the remainder of f divided by g, without trailing (highest) zeros."""
    rest = list(f)
    for top in range(len(f) - 1, len(g) - 2, -1):
        c = rest[top] / g[-1]
        for i, b in enumerate(g, start=top - len(g) + 1):
            rest[i] -= c * b
    rest = rest[: len(g) - 1]
    while rest and not rest[-1]:
        rest.pop()
    return rest


@cache
def sturm_sequence(m: tuple[Fraction, ...]) -> list[Polynomial]:
    """Return the Sturm sequence of m: m, its derivative and the negated remainders, up to positive
    factors.  The last polynomial is a greatest common divisor of m and its derivative.
    """
    chain = [list(m), [i * c for i, c in enumerate(m)][1:]]
    while rest := polynomial_remainder(chain[-2], chain[-1]):
        chain.append([-c / abs(rest[-1]) for c in rest])
    return chain


def evaluate_ascending_polynomial(f: Sequence[Any], x: Any) -> Any:
    """Return f(x); the coefficients of f ascend."""
    result = 0
    for c in reversed(f):
        result = result * x + c
    return result


def is_irreducible(m: tuple[Fraction, ...]) -> bool | None:
    """Whether a monic polynomial over QQ is irreducible; None if neither answer is proved.

    After denominators are cleared, let f be monic and integral, with complex roots of absolute
    value below bound < x.  Every factor g of f has |g(x)| > x - bound.  So if f(x) = k p, where p
    is prime and k <= x - bound, then f is no product g h, since g(x) or h(x) would divide k (Murty,
    Prime numbers and irreducible polynomials, Amer. Math. Monthly 109 (2002), 452-458).
    """
    n = len(m) - 1
    if n == 1:
        return True
    if len(sturm_sequence(m)[-1]) > 1:  # m has a repeated factor
        return False
    c = math.lcm(*(a.denominator for a in m))
    f = [int(a * c ** (n - i)) for i, a in enumerate(m)]  # c^n m(x/c)
    # The bound is a power 2^k with |f[i]| < 2^((k-1)(n-i)) for all i < n. If |x| >= 2^k, the term
    # x^n then exceeds the sum of the other terms of f(x).
    bound = 2 ** (1 + max(-(-f[i].bit_length() // (n - i)) for i in range(n)))
    tried = range(-min(bound, MAX_TRIED), min(bound, MAX_TRIED) + 1)
    if not all(evaluate_ascending_polynomial(f, x) for x in tried):
        return False
    for x in range(bound + 1, bound + MAX_TRIED):
        cofactor, prime = 1, abs(evaluate_ascending_polynomial(f, x))
        if prime >= PROVED_BELOW:
            break
        for q in SMALL_PRIMES:
            while prime % q == 0:
                cofactor, prime = cofactor * q, prime // q
        if cofactor <= x - bound and is_prime(prime):
            return True
    return None


def count_distinct_real_roots(m: tuple[Fraction, ...], low: Fraction, high: Fraction) -> int:
    """Return the number of distinct real roots of m in (low, high], by Sturm's theorem."""
    signs = [
        [v > 0 for f in sturm_sequence(m) if (v := evaluate_ascending_polynomial(f, x))]
        for x in (low, high)
    ]
    left, right = (sum(s != t for s, t in pairwise(e)) for e in signs)
    return left - right


def isolate_real_roots(m: tuple[Fraction, ...]) -> list[LowAndHigh]:
    """Return, for each real root of m from the largest to the least, an interval (low, high] that
    contains no other root.
    """
    bound = Fraction(2 ** math.ceil(sum(map(abs, m))).bit_length())
    found: list[LowAndHigh] = []
    intervals = [(-bound, bound)]
    while intervals:
        low, high = intervals.pop()
        if (roots := count_distinct_real_roots(m, low, high)) == 1:
            found.append((low, high))
        elif roots > 1:
            intervals += [(low, (low + high) / 2), ((low + high) / 2, high)]
    return found


def sign_at_root_if_found(
    a: Sequence[Fraction], m: Sequence[Fraction], low: Fraction, high: Fraction
) -> SignOrZeroIfUndecided:
    """Return the sign of the polynomial `a` at the only root of m in (low, high].

    The result is 1 or -1, or 0 if the sign was not found.
    """
    rises = evaluate_ascending_polynomial(m, high) > 0
    for _ in range(MAX_HALVINGS):
        least = most = Fraction(0)  # bounds of `a` on the interval, by Horner's rule
        for c in reversed(a):
            ends = [x * y for x in (least, most) for y in (low, high)]
            least, most = min(ends) + c, max(ends) + c
        if least > 0 or most < 0:
            return 1 if least > 0 else -1
        middle = (low + high) / 2
        if (evaluate_ascending_polynomial(m, middle) > 0) == rises:
            high = middle
        else:
            low = middle
    return 0


def decide_positivity_or_invertibility(a: Element, field: Field) -> SignOrZeroIfUndecided:
    """Return 1 if `a` is proved positive (over GF(p): invertible), -1 if this is disproved, else 0.

    Over a number field the sign is taken at the root that the file names.  If it names none, the
    modulus must have a real root, and the signs at all real roots must agree.
    """
    if field.prime:
        return 1 if math.gcd(a[0][0], field.prime) == 1 else -1
    if not any(num for num, _ in a[1:]):
        return 1 if a[0][0] > 0 else -1
    fractions = [Fraction(*c) for c in a]
    signs = {
        sign_at_root_if_found(fractions, field.modulus, *root)
        for root in field.intervals_of_roots_with_positive_scales
    }
    return signs.pop() if len(signs) == 1 else 0


# ------------------------------------------------------------------------- the verdict


class Report(NamedTuple):
    """A verdict, the lines before it, the kind of claim, and the largest difference from the target
    (None if it was not computed).
    """

    verdict: Verdict
    lines: list[str]
    kind: str = ""
    largest: Fraction | None = None


def require_same_target(certificate: Certificate, given: list[dict[int, Element]]) -> None:
    """Raise RefutedError if the certificate's target differs from the given one."""
    d, pads = certificate.dimension, set(certificate.pads)
    places = [i for i in range(d) if i not in pads]
    placed: list[dict[int, Element]] = [{} for _ in range(d)]
    for i, row in zip(places, given, strict=True):
        placed[i] = {places[j]: a for j, a in row.items()}
    rows = [r for row in placed for r in expand_row_to_rational_rows(row, certificate.field, 1)]
    names = ("certificate", "given")
    if wrong := describe_first_difference_if_any(
        certificate.target, rows, Fraction(0), certificate.field, names
    ):
        raise RefutedError(OTHER_TARGET, wrong)


def check_product_or_covariance(
    certificate: Certificate, bound: Fraction | None, quick: bool
) -> Report:
    """Check that the product Q (for a covariance, Q Q^T) equals the target, or differs from it by
    at most a bound; return the report.

    The bound is the least of `bound` and the bound that the certificate claims.  Raises
    RefutedError if the claim is false.
    """
    if quick and certificate.claims_product_is_target:
        if not passes_quick_test(certificate):
            where = "the images of a vector differ modulo a prime: omit --quick to see the entry"
            raise RefutedError("the composition is not the target", where)
        return Report(Verdict.PROBABLE, ["c equal at random vectors, modulo random primes"])
    field, target = certificate.field, certificate.target
    derived = compose_product_or_covariance(certificate)
    names = ("expected", "derived")
    if certificate.claims_product_is_target:
        if wrong := describe_first_difference_if_any(target, derived, Fraction(0), field, names):
            raise RefutedError("the composition is not the target", wrong)
        return Report(Verdict.VERIFIED, ["c equal in all entries"], largest=Fraction(0))
    errors = [(den, nums.values()) for den, nums in subtract_rows(derived, target)]
    largest = max(Fraction(max(map(abs, nums), default=0), den) for den, nums in errors)
    allowed = certificate.within or Fraction(0)
    allowed = allowed if bound is None else min(allowed, bound)
    shown, bound_shown = (
        format_rounded_with_remark(x, rounds_up=largest <= allowed) for x in (largest, allowed)
    )
    line = f"the largest difference is {shown}"
    if wrong := describe_first_difference_if_any(target, derived, allowed, field, names):
        raise RefutedError(line, f"not within {bound_shown}", wrong, largest=largest)
    within = f"within {bound_shown} in all entries"
    return Report(Verdict.VERIFIED, [f"c {line}", f"c {within}"], largest=largest)


def verify_and_describe_obstructions(claim: DepthClaim) -> list[str]:
    """Return a line about each obstruction; raise RefutedError if one does not exclude its pattern.

    The target is invertible, since it was found equal to a product of layers.
    """
    lines, inverted = [], inverse(claim.target, claim.prime)
    for pattern, obstruction in claim.obstructions.items():
        blocks = split_into_blocks(claim.target, inverted, claim.n, pattern.startswith("L"))
        if not excludes_pattern(obstruction, claim, blocks):
            raise RefutedError(
                f'the obstruction of kind "{obstruction["kind"]}" does not exclude '
                f"{pattern or 'the empty pattern'}"
            )
        lines.append(f"c not {pattern or 'the identity'}: {obstruction['kind']}")
    return lines


def check(
    data: bytes,
    target: tuple[bytes, str] | None = None,
    transposed: bool = False,
    bound: Fraction | None = None,
    quick: bool = False,
) -> Report:
    """Return the report on a certificate; `target` has the bytes and the suffix of a matrix file.

    If `transposed`, the matrix of this file is transposed first.
    """
    lines: list[str] = []
    kind, largest = "", None
    try:
        certificate = read_certificate(data)
        field, claim = certificate.field, certificate.depth
        kind = (
            "depth" if claim else "equality" if certificate.claims_product_is_target else "within"
        )
        kind = "covariance" if certificate.is_covariance else kind
        layers = f"{len(certificate.layers)} layers"
        if claim:
            layers = f"depth {len(certificate.layers)}, {claim.scales} layers"
        lines = [f"c {layers} over {field.name}, {certificate.dimension} coordinates"]
        if target is None:
            lines.append(
                "c compared with the matrix in the certificate: --target FILE compares with yours"
            )
        else:
            given = read_target(*target, field, certificate.dimension - len(certificate.pads))
            if transposed:
                columns = range(len(given))
                given = [{i: row[j] for i, row in enumerate(given) if j in row} for j in columns]
            require_same_target(certificate, given)
        report = check_product_or_covariance(certificate, bound, quick and not claim)
        lines, largest = lines + report.lines, report.largest
        if claim:
            lines += verify_and_describe_obstructions(claim)
        undecided = field.undecided
        if not undecided and any(layer.sign_unchecked for layer in certificate.layers):
            undecided = "the sign of some scales is marked as unchecked"
        if undecided:
            raise UndecidedError(f"all other checks passed, but {undecided}")
        return Report(report.verdict, lines, kind, largest)
    except RefutedError as error:
        return Report(Verdict.REFUTED, [*lines, *str(error).split("\n")], kind, error.largest)
    except UndecidedError as error:
        reason = str(error)
    except (MemoryError, OverflowError, RecursionError) as error:
        reason = type(error).__name__
    return Report(Verdict.INCOMPLETE, [*lines, f"c incomplete: {reason}"], kind, largest)


def open_file_or_stdin(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a file or, if the path is -, standard input; do not block if a pipe has no writer."""

    def open_without_blocking(name: str, flags: int) -> int:
        is_pipe = stat.S_ISFIFO(os.stat(name).st_mode)
        return os.open(name, flags | os.O_NONBLOCK if is_pipe else flags)

    if path == "-":
        return open(0, "rb", closefd=False)
    return open(path, "rb", opener=open_without_blocking)


def await_writer_if_named_pipe(file: BinaryIO) -> bytes:
    """Wait until a process has opened a named pipe for writing; return the first byte of the pipe
    if it was read while waiting, else b"".

    Returns b"" for a file that is no pipe. Raises OSError after `PATIENCE` seconds.
    """
    if not hasattr(os, "O_NONBLOCK") or os.get_blocking(file.fileno()):
        return b""
    head = b""
    for _ in range(20 * PATIENCE):
        try:
            head = os.read(file.fileno(), 1)
        except BlockingIOError:  # a process has opened the pipe, and has written nothing yet
            break
        if head:
            break
        time.sleep(0.05)
    else:
        raise OSError(errno.EPIPE, "no process writes to this pipe")
    os.set_blocking(file.fileno(), True)
    return head


def read_file_or_stdin(path: str) -> bytes:
    """Return the bytes, at most 2^28, of a file or, if the path is -, of standard input."""
    try:
        with open_file_or_stdin(path) as file:
            head = await_writer_if_named_pipe(file)
            data = head + b"".join(islice(iter(lambda: file.read(2**20), b""), 2**8))
            expect(not file.read(1), ascii(path), "a file of at most 2^28 bytes", "more")
            return data
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise MalformedError(f"{path!a}: expected a readable file: {reason}") from None


def check_file(
    path: str | os.PathLike[str],
    target_path: str | os.PathLike[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    **options: Any,
) -> int:
    """Check a file, print the report to `out` or an error to `err`, and return the exit code.

    The options are the keyword arguments of `check`: transposed, bound, quick.
    """
    try:
        data, target = read_file_or_stdin(os.fspath(path)), None
        if target_path is not None:
            name = os.fspath(target_path)
            suffix = ".json" if name == "-" else os.path.splitext(name)[1].lower()
            is_known = suffix in (".json", ".csv", ".npy")
            expect(is_known, ascii(name), "a name that ends in .json, .csv or .npy", suffix)
            target = read_file_or_stdin(name), suffix
        report = check(data, target, **options)
    except MalformedError as error:
        print(f"malformed: {error}", file=err or sys.stderr)
        return 2
    except MemoryError:
        report = Report(Verdict.INCOMPLETE, ["c incomplete: MemoryError"])
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
        options, unknown = parser.parse_known_args(argv)
        if unknown:
            parser.error(f"expected one certificate and known options, got also {unknown[0]!a}")
        if options.certificate == options.target == "-":
            parser.error("only one of CERT and FILE can be -, standard input")
        if options.transpose and not options.target:
            parser.error("--transpose needs the matrix of --target")
        bound = None if options.within is None else read_bound(options.within, "--within")
    except MalformedError as error:
        print(f"checker.py: error: {error}", file=sys.stderr)
        return 2
    except SystemExit as stop:  # argparse has printed help, or an error
        return int(stop.code or 0)
    chosen = {"transposed": options.transpose, "bound": bound, "quick": options.quick}
    return check_file(options.certificate, options.target, **chosen)


if __name__ == "__main__":
    # Print no traceback on Ctrl-C, or if the reader of a pipe has gone.
    for name in ("SIGINT", "SIGPIPE"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        sys.exit(main())
    except OSError as error:  # the disk may be full
        with contextlib.suppress(OSError):
            print(f"the verdict could not be written: {error}", file=sys.stderr)
        os._exit(2)
