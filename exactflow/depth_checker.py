"""Check a certificate of the least number of coupling layers of a matrix.

Usage:  python depth_checker.py CERT.json [--target FILE [--transpose]]    (either may be -)

The claim, about a matrix M over QQ or GF(p), in two halves of n coordinates: M is a product of
`depth` layers and of no fewer.  A layer is [[I, 0], [T, diag(s)]] or [[diag(s), T], [0, I]], its
scale s being 1 ("scales": "additive") or positive ("positive").  With --target, M must also equal
the matrix in FILE (transposed, with --transpose): .json, where "p/q" and "0.1" are exact and a bare
0.1 is the float64; .csv, fields exactly as written; .npy.  Standard input is read as .json.

    exit 0   s VERIFIED        the claim holds
    exit 1   s NOT VERIFIED    well formed, and false or not proved by its own obstructions
    exit 2   (no verdict)      malformed certificate or target, or wrong usage; reason on stderr
    exit 3   s NOT VERIFIED    `c incomplete`: undecided here, for the reason that is given

The proof.  `layers` are multiplied out.  A pattern is a word such as ULUL, read as a product of
matrices: U(X) = [[I, X], [0, I]] and L(Y) = [[I, 0], [Y, I]] times scales.  Two neighbours of one
letter make one layer, and a layer may be the identity: so products of fewer than `depth` layers are
those of the two alternating words of depth - 1 letters (of the empty word, if depth is 1).  For
each of these words `obstructions` has {"pattern": .., "kind": .., witness}:

    trace        "k"            a coefficient of two characteristic polynomials
    similarity   "factors"      polynomials, each a list of coefficients, ascending and monic
    linear       "multiplier"   a list of matrices, one for each equation of `equations`, or, with
                                positive scales and from four letters on, of `is_one_signed`,
                                or for four the one Q of `is_impossible_on_kernels`
    chain        "factors"
    opposed      "k"            the size of minors

Each function of the section "obstructions" states and proves the theorem that makes it sufficient.
Their names: M = [[A, B], [C, D]], M^-1 = [[a, b], [c, d]]; in words that start with L the halves
are exchanged, A with D, B with C, a with d, b with c.  Python 3.11+, standard library only.
"""

import argparse
import contextlib
import json
import math
import os
import re
import signal
import struct
import sys
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from operator import add, mul
from typing import Any, NamedTuple, TextIO

Matrix = list[list[Any]]  # of Fractions over QQ, of integers in range(p) over GF(p)
Polynomial = list[Any]  # ascending coefficients

KINDS = {  # the key of the witness, and for either scales the lengths of words that it is about
    "trace": ("k", {"additive": [4, 5]}),
    "similarity": ("factors", {"additive": [4, 5]}),
    "linear": ("multiplier", {"additive": [0, 1, 2, 3, 4, 5], "positive": [0, 1, 2, 3, 4, 5]}),
    "chain": ("factors", {"additive": [5]}),
    "opposed": ("k", {"positive": [4, 5]}),
}
EQUATIONS = [4, 3, 2, 3, 3, 1]  # that a multiplier of a word of 0, 1, .., 5 letters is for
MOST_LAYERS = 6  # no kind is about longer words
MOST_MINORS = 5000
MOST_TERMS = 10**6
MOST_DEGREE = 100
MAX_HALF = 10**6  # coordinates
MAX_PRIME_BITS = 4096
WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41)  # decide primality below this bound:
# Sorenson and Webster, Strong pseudoprimes to twelve prime bases, Math. Comp. 86 (2017), 985-1003
WITNESSES_DECIDE_BELOW = 3317044064679887385961981
RATIONAL = re.compile(r"(-?[0-9]+)(?:/([0-9]+))?")
DECIMAL = re.compile(r"(-?)(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,9}))?")
MAX_EXPONENT = 10_000  # of a decimal: beyond any float, and no memory bomb
ESCAPE = re.compile(r"\\u[dD][89abAB]..\\u[dD][c-fC-F]|\\u[dD]([89a-fA-F])|\\.")  # [1]: lone one
NPY_CODES = {"f2": "e", "f4": "f", "f8": "d", "b1": "?", "i1": "b", "i2": "h", "i4": "i", "i8": "q"}
NPY_CODES |= {"u1": "B", "u2": "H", "u4": "I", "u8": "Q"}


class MalformedError(Exception):
    """The certificate or the target cannot be read as what it should be: there is no verdict."""

    def __init__(self, where: str, expected: str, found: object) -> None:
        if isinstance(found, list | dict):
            shown = f"{'a list' if isinstance(found, list) else 'an object'} of length {len(found)}"
        elif isinstance(found, str):
            shown = ascii(found) if len(found) < 80 else f"{found[:60]!a}.. ({len(found)} long)"
        else:
            is_huge = type(found) is int and found.bit_length() > 100
            shown = "a huge number" if is_huge else str(found)
        super().__init__(f"{where}: expected {expected}, found {shown}")


class RefutedError(Exception):
    """The claim is false, or an obstruction does not exclude its pattern."""


class IncompleteError(Exception):
    """Something could not be decided."""


class Layer(NamedTuple):
    """A layer: the rows of one half become scale times themselves, plus shift times the others."""

    moves_first: bool
    scale: list[Any]
    shift: Matrix


class Certificate(NamedTuple):
    """A well-formed certificate of a 2n x 2n matrix; prime is 0 over QQ."""

    n: int
    prime: int
    target: Matrix
    scales: str
    layers: list[Layer]
    obstructions: dict[str, dict[str, Any]]


# ------------------------------------------------------------------------- matrices


def integral(vector: Iterable[Any]) -> tuple[list[int], int]:
    """Return integers and a common denominator of a row or column."""
    vector = list(vector)
    den = math.lcm(*(x.denominator for x in vector))
    return [x.numerator * (den // x.denominator) for x in vector], den


def times(P: Matrix, Q: Matrix, p: int) -> Matrix:
    """Return P Q."""
    columns = [integral(column) for column in zip(*Q, strict=True)]
    product = []
    for row, s in map(integral, P):
        sums = [(sum(map(mul, row, column)), s * t) for column, t in columns]
        product.append([num % p if p else Fraction(num, den) for num, den in sums])
    return product


def plus(P: Matrix, c: Any, Q: Matrix, p: int) -> Matrix:
    """Return P + c Q."""
    pairs = zip(P, Q, strict=True)
    rows = [[x + c * y for x, y in zip(r, s, strict=True)] for r, s in pairs]
    return [[x % p for x in row] for row in rows] if p else rows


def inverse_of(x: Any, p: int) -> Any:
    """Return 1/x."""
    return pow(x, -1, p) if p else 1 / Fraction(x)


def identity(n: int) -> Matrix:
    """Return the identity."""
    return [[int(i == j) for j in range(n)] for i in range(n)]


def transpose(M: Matrix) -> Matrix:
    """Return the transposed matrix."""
    return [list(column) for column in zip(*M, strict=True)]


def eliminate(M: Matrix, p: int) -> tuple[list[int], Matrix]:
    """Return the pivot columns and the nonzero rows of the reduced echelon form.

    Over QQ by Jordan's elimination in integers: each division by the last pivot is exact (Bareiss).
    """
    rows, pivots, last = [integral(row)[0] for row in M], list[int](), 1
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
        inverse = inverse_of(row[j], p)
        reduced.append([x * inverse % p if p else x * inverse for x in row])
    return pivots, reduced


def rank(M: Matrix, p: int) -> int:
    """Return the rank."""
    return len(eliminate(M, p)[0])


def inverse(M: Matrix, p: int) -> Matrix:
    """Return the inverse of an invertible matrix."""
    pairs = zip(M, identity(len(M)), strict=True)
    return [row[len(M) :] for row in eliminate([[*r, *s] for r, s in pairs], p)[1]]


def kernel(M: Matrix, size: int, p: int) -> Matrix:
    """Return columns, as rows, that span {x : M x = 0}, x of this size."""
    pivots, rows = eliminate(M, p)
    basis = []
    for j in range(size):
        if j not in pivots:
            vector = [int(i == j) for i in range(size)]
            for i, row in zip(pivots, rows, strict=True):
                vector[i] = -row[j] % p if p else -row[j]
            basis.append(vector)
    return basis


def evaluate(f: Polynomial, M: Matrix, p: int) -> Matrix:
    """Return f(M)."""
    one = identity(len(M))
    value = plus(one, -1, one, p)
    for c in reversed(f):
        value = plus(times(value, M, p), c, one, p)
    return value


def characteristic(M: Matrix, p: int) -> Polynomial:
    """Return det(x I - M), descending: Samuelson and Berkowitz, without a division."""
    f = [1]
    for r, row in enumerate(M):
        block, column, t = [above[:r] for above in M[:r]], [[above[r]] for above in M[:r]], [1]
        t.append(-row[r])
        for _ in range(r):
            t.append(-sum(x * y for x, (y,) in zip(row, column, strict=False)))
            column = times(block, column, p)
        f = [sum(t[i - j] * f[j] for j in range(min(i, r) + 1)) for i in range(r + 2)]
        f = [x % p for x in f] if p else f
    return f


# ------------------------------------------------------------------------- obstructions
# ULUL.  If M = U(X) L(Y) U(Z) L(W), then D = I + Y Z, a = I + Z Y, C = Y + D W, B = Z + X D.
# ULULU. M = U(X) L(Y) U(Z) L(W) U(V) iff M U(-V) = [[A, B - A V], [C, D']] is of the pattern ULUL,
#        D' = D - C V; the upper left block of its inverse U(V) M^-1 is a' = a + V c.
#        If C = 0, then c = 0: D' = D and a' = a (ULULU_block_upper in proofs/rocq/five_do_not.v).


class Blocks(NamedTuple):
    """The blocks of M and of M^-1, the halves exchanged for a word that starts with L."""

    A: Matrix
    B: Matrix
    C: Matrix
    D: Matrix
    a: Matrix
    c: Matrix


def blocks_of(M: Matrix, inverted: Matrix, starts_with_L: bool) -> Blocks:
    """Return the blocks that a word is about."""
    n = len(M) // 2
    halves = (slice(n, None), slice(n)) if starts_with_L else (slice(n), slice(n, None))
    (A, B), (C, D) = ([[row[j] for row in M[i]] for j in halves] for i in halves)
    (a, _), (c, _) = ([[row[j] for row in inverted[i]] for j in halves] for i in halves)
    return Blocks(A, B, C, D, a, c)


def excludes(obstruction: dict[str, Any], certificate: Certificate, blocks: Blocks) -> bool:
    """Return whether an obstruction shows that M is no product of its pattern."""
    kind, pattern, p = obstruction["kind"], obstruction["pattern"], certificate.prime
    if kind == "linear" and certificate.scales == "positive" and len(pattern) > 3:
        if len(obstruction["multiplier"]) < certificate.n:
            return is_impossible_on_kernels(obstruction["multiplier"][0], blocks)
        need_no_C(kind, pattern, blocks)
        return is_one_signed(obstruction["multiplier"], blocks, certificate.target)
    if kind == "linear":
        system = equations(pattern, certificate.scales, blocks, p)
        return is_inconsistent(obstruction["multiplier"], system, p)
    if kind == "chain":
        Du = quotient(blocks.D, blocks.C, p)
        aN = quotient(transpose(blocks.a), transpose(blocks.c), p)
        r = rank(blocks.C, p)
        factors = obstruction["factors"]
        clash = blocks_clash(factors, Du, aN, r, certificate.n, p)
        return clash or is_overdetermined(factors, Du, aN, blocks, p)
    need_no_C(kind, pattern, blocks)
    if kind == "similarity":
        return blocks_clash(obstruction["factors"], blocks.D, blocks.a, 0, certificate.n, p)
    if kind == "trace":
        k = obstruction["k"]
        return characteristic(blocks.D, p)[k] != characteristic(blocks.a, p)[k]
    return is_opposed(obstruction["k"], blocks.D, blocks.a)


def need_no_C(kind: str, pattern: str, blocks: Blocks) -> None:
    """Raise RefutedError for a word of five letters if C is not 0."""
    if len(pattern) == 5 and any(map(any, blocks.C)):
        raise RefutedError(f"{kind} says nothing of {pattern}, as C (for LULUL: B) is not 0")


# trace.  Theorem: D = I + Y Z and a = I + Z Y have one characteristic polynomial, by Sylvester's
# det(s I - Y Z) = det(s I - Z Y) at s = x - 1 (char_poly_YZ in proofs/rocq/four_affine.v).


def minor(M: Matrix, chosen: Sequence[int]) -> Any:
    """Return a principal minor, over QQ."""
    k = len(chosen)
    return (-1) ** k * characteristic([[M[i][j] for j in chosen] for i in chosen], 0)[k]


def is_opposed(k: int, D: Matrix, a: Matrix) -> bool:
    """Return whether the principal k-minors of D and a have opposite signs, and not all are 0.

    Theorem (positive scales, QQ).  Then M is no product of scaled layers in the pattern ULUL, nor
    ULULU if C = 0.  Proof.  A positive diagonal matrix on the left of U(X) or L(Y) moves to its
    right and changes X or Y only (push_U, push_L in proofs/rocq/opposed_minors.v).  So M P^-1 is a
    product of additive layers for some positive P = diag(E, F).  Its lower right block is D F^-1,
    the upper left one of its inverse E a, its lower left one is 0 if C is; so these have one
    characteristic polynomial.  The coefficients at k are, but for one sign, sums of the principal
    k-minors of D, and of a, with positive weights: one sum is >= 0, one <= 0, and not both are 0.
    Formally proved: opposed_minors_exclude_four and _five in proofs/rocq/statements.v.
    """
    n = len(D)
    if math.comb(n, k) > MOST_MINORS:
        raise IncompleteError(f"more than {MOST_MINORS} minors")
    signs = set()
    for M, factor in ((D, 1), (a, -1)):
        for chosen in combinations(range(n), k):
            value = factor * minor(M, chosen)
            signs.add((value > 0) - (value < 0))
    return signs - {0} in ({1}, {-1})


def is_one_signed(multiplier: list[Matrix], blocks: Blocks, M: Matrix) -> bool:
    """Return whether multipliers leave the equations of four scaled layers with one sign.

    Theorem (positive scales, QQ).  Let x be the diagonal of F^-1, y that of E, as in `is_opposed`.
    Then f_k = sum of d_S x^S - sum of a_S y^S, over the sets S of k coordinates, vanishes for
    k < n, d_S and a_S being principal minors, and so does f_n = det M x_1 .. x_n - y_1 .. y_n, as
    det M = det P.  So any sum of p_k f_k, p_k polynomials in x and y, vanishes at positive numbers:
    its coefficients, if not all 0, cannot have one sign.  The k-th matrix of the multiplier has a
    row for each term of p_k: its coefficient, the exponents of x, those of y.
    """
    n = len(blocks.D)
    total: dict[tuple[Any, ...], Any] = {}
    det = minor(M, range(2 * n))
    if 2**n > MOST_MINORS:
        raise IncompleteError(f"more than {MOST_MINORS} minors")
    if sum(math.comb(n, k) * len(p) for k, p in enumerate(multiplier, 1)) > MOST_TERMS:
        raise IncompleteError(f"more than {MOST_TERMS} terms")
    for k, p in enumerate(multiplier, 1):
        for chosen in combinations(range(n), k):
            minors = det, 1
            if k < n:
                minors = minor(blocks.D, chosen), minor(blocks.a, chosen)
            powers = [int(i in chosen) for i in range(n)]
            for value, at in ((minors[0], powers + [0] * n), (-minors[1], [0] * n + powers)):
                for coefficient, *exponents in p:
                    place = tuple(map(add, exponents, at))
                    total[place] = total.get(place, 0) + coefficient * value
    return {x > 0 for x in total.values() if x} in ({True}, {False})


def is_impossible_on_kernels(Q: Matrix, blocks: Blocks) -> bool:
    """Return whether Q excludes four scaled layers, where D and a are singular.

    Theorem (positive scales, QQ).  With F and G as in `equations`, M P^-1 = U(X) L(Y) U(Z) L(W)
    gives D' = D G^-1 = I + Y Z, C' = C F = Y + D' W, and for the inverse a' = F^-1 a = I + Z Y,
    c' = G c = -Y - W a'.  So D' W - W a' = C' + c'.  If a Q = 0 and Q D = 0, then tr Q (C F + G c)
    = tr(Q D' W) - tr(a' Q W) = 0.  It is the sum of the F_j and G_i with the diagonals of Q C and
    c Q as weights, which cannot have one sign unless all of them vanish.
    """
    _, _, C, D, a, c = blocks
    if any(x for N in (times(a, Q, 0), times(Q, D, 0)) for row in N for x in row):
        return False
    weights = [N[i][i] for N in (times(Q, C, 0), times(c, Q, 0)) for i in range(len(Q))]
    return {x > 0 for x in weights if x} in ({True}, {False})


class Equation(NamedTuple):
    """sum of P X Q over the terms (X, P, Q) equals R; X in POSITIVE is a positive diagonal."""

    R: Matrix
    terms: list[tuple[str, Matrix, Matrix]]


POSITIVE = {"F", "G", "S", "T"}


def equations(pattern: str, scales: str, blocks: Blocks, p: int) -> list[Equation]:
    """Return linear equations that the layers of a product of the pattern fulfil.

    Additive: "" M = I; U: A = I, C = 0, D = I; UL: D = I, A - B C = I; ULU: X C = A - I,
    C Z = D - I, X + A Z = B; ULUL: Y a - D Y = 0, Y + D W = C, Y B - (Y X) D = D - I (see the
    head of this section).  Positive scales: U: A is a positive diagonal S, C = 0, D = I; UL, that
    is [[S + X Y, X T], [Y, T]]: D = T, A - B D^-1 C = S, the latter if D is invertible; ULU: as in
    `is_opposed`, U(x) L(y) U(z) = M P^-1, P = diag(E, G). With F = E^-1: C F = y, G c = -y,
    A F = I + x y, D G^-1 = I + y z. So C F + G c = 0, F A - X C = I, C Z + G = D for X = F x,
    Z = F z G.
    """
    A, B, C, D, a, c = blocks
    one = identity(len(A))
    zero = plus(one, -1, one, p)
    A1, D1 = plus(A, -1, one, p), plus(D, -1, one, p)
    if len(pattern) == 5:
        return [proportional(blocks, p)]
    if len(pattern) == 4:
        minus_D = plus(D, -2, D, p)
        return [
            Equation(zero, [("Y", one, a), ("Y", minus_D, one)]),
            Equation(C, [("Y", one, one), ("W", D, one)]),
            Equation(D1, [("Y", one, B), ("Y X", one, minus_D)]),
        ]
    if len(pattern) == 3 and scales == "positive":
        minus_C = plus(C, -2, C, p)
        first = Equation(zero, [("F", C, one), ("G", one, c)])
        second = Equation(one, [("F", one, A), ("X", one, minus_C)])
        return [first, second, Equation(D, [("Z", C, one), ("G", one, one)])]
    if len(pattern) == 3:
        third = Equation(B, [("X", one, one), ("Z", A, one)])
        return [Equation(A1, [("X", one, C)]), Equation(D1, [("Z", C, one)]), third]
    positive = scales == "positive"
    if len(pattern) == 2 and positive:
        schur = None
        if rank(D, p) == len(D):
            schur = plus(A, -1, times(B, times(inverse(D, p), C, p), p), p)
        second = Equation(schur, [("S", one, one)]) if schur else Equation(zero, [])
        return [Equation(D, [("T", one, one)]), second]
    if len(pattern) == 2:
        return [Equation(R, []) for R in (D1, plus(A1, -1, times(B, C, p), p))]
    first = Equation(A, [("S", one, one)]) if positive and pattern else Equation(A1, [])
    return [first, *(Equation(R, []) for R in (C, D1, *[B] * (not pattern)))]


def multiple(blocks: Blocks, p: int) -> Any:
    """Return k such that c = -k C, None if there is none or C is 0."""
    C, c = blocks.C, blocks.c
    entries = [(x, y) for r, s in zip(C, c, strict=True) for x, y in zip(r, s, strict=True) if x]
    k = next((-y * inverse_of(x, p) for x, y in entries), None)
    return None if k is None or any(map(any, plus(c, k, C, p))) else k


def proportional(blocks: Blocks, p: int) -> Equation:
    """Return the equation for ULULU if c = -k C, C not 0.

    C a + D c = 0 is a block of M M^-1 = I, so C a = k D C and C a' = k (D - C V) C = k D' C.  So D'
    maps im C to itself: let g be its characteristic polynomial there, monic of degree r = rank C.
    On F^n / im C, D' is Du, as D is.  On ker C = ker c, a' is aN, as a is, and C carries the rest
    of a' to k D' on im C.  By `trace`, u(x) g(x) = w(x) k^r g(x / k), u and w the characteristic
    polynomials of Du and aN: an equation, of coefficients from the highest to the constant one, for
    the coefficients g_1, .., g_r of g after the leading one.
    """
    C, n, k = blocks.C, len(blocks.C), multiple(blocks, p)
    if k is None:
        raise RefutedError("linear says nothing of five letters where c is no multiple of C, not 0")
    u = characteristic(quotient(blocks.D, C, p), p)
    w = characteristic(quotient(transpose(blocks.a), transpose(blocks.c), p), p)
    r = n + 1 - len(u)
    columns = []
    for i in range(r + 1):
        column = [x - k**i * y for x, y in zip(u, w, strict=True)]
        columns.append([0] * i + [x % p if p else x for x in column] + [0] * (r - i))
    first, *others = columns
    right = [[-x % p if p else -x] for x in first]
    return Equation(right, [("g", transpose(others), identity(1))])


def is_inconsistent(multiplier: list[Matrix], system: list[Equation], p: int) -> bool:
    """Return whether the multiplier turns the equations into one that nothing fulfils.

    Theorem.  Multiply each equation by its W and take traces: tr(W P X Q) = tr((Q W P) X).  If the
    sum of Q W P is 0 for each X but the positive diagonals, then s, the sum of the tr(W R), is a
    sum of positive unknowns, the weights being the diagonal entries of their sums of Q W P.  That
    is impossible if the weights vanish and s does not, or if, up to one sign for all, no weight is
    < 0, one is > 0, and s <= 0.
    """
    sums: dict[str, Matrix] = {}
    weights, s = set(), 0
    for W, (R, terms) in zip(multiplier, system, strict=True):
        for X, P, Q in terms:
            part = times(Q, times(W, P, p), p)
            sums[X] = plus(sums[X], 1, part, p) if X in sums else part
        s += sum(sum(map(mul, row, column)) for row, column in zip(W, transpose(R), strict=True))
    for X, total in sums.items():
        if X in POSITIVE:
            weights |= {total[i][i] for i in range(len(total))}
        elif any(map(any, total)):
            return False
    if not any(weights):
        return bool(s % p if p else s)
    return (min(weights) >= 0 and s <= 0) or (max(weights) <= 0 and s >= 0)


def quotient(D: Matrix, C: Matrix, p: int) -> Matrix:
    """Return the matrix of D on F^n / <im C, D im C, D^2 im C, ..>, in a basis of unit vectors."""
    to, n = transpose(D), len(D)
    pivots, span = eliminate(transpose(C), p)
    while True:
        more, larger = eliminate(span + times(span, to, p), p)
        if len(more) == len(pivots):
            break
        pivots, span = more, larger
    free = [j for j in range(n) if j not in pivots]
    L = [[int(i == j) for i in range(n)] for j in free]  # L of the span is 0
    for row, j in zip(L, free, strict=True):
        for i, vector in zip(pivots, span, strict=True):
            row[i] = -vector[j]
    return [[row[j] for j in free] for row in times(L, D, p)]


def counts(f: Polynomial, M: Matrix, n: int, p: int) -> list[int]:
    """Return e_k = rank f(M)^(k-1) - rank f(M)^k for k = 1, .., n + 1."""
    value, space, sizes = evaluate(f, M, p), identity(len(M)), [len(M)]
    for _ in range(n + 1):  # the rows of space span those of f(M)^k
        space = eliminate(times(space, value, p), p)[1] if sizes[-1:] != sizes[-2:-1] else space
        sizes.append(len(space))
    return [x - y for x, y in pairwise(sizes)]


def least_multiplicity(lam: list[int], mu: list[int], r: int, at_one: bool) -> int | None:
    """Return a lower bound of sum_k e_k(D'), None if no D' and a' go together: see `blocks_clash`.

    lam and mu are the e_k of Du and aN, r is r deg f.  By (2) and (3) the e_k of D' are some x_k,
    lam_k <= x_k <= lam_k + r, those of a' some y_k, mu_k <= y_k <= mu_k + r.  If f(1) != 0, they
    are equal by (1).  If f = x - 1, x_(k+1) <= y_k, y_(k+1) <= x_k, and the sums agree.  So
    lam_(k+1) <= x_(k+1) <= y_k <= mu_k + r, and the sum of all max(0, mu_k - lam_(k+1) - r) <=
    y_k - x_(k+1) is at most x_1 <= lam_1 + r; moreover y_k >= x_(k+1) >= lam_(k+1), so that the sum
    of all y_k is at least that of max(mu_k, lam_(k+1)).  The same with x and y exchanged.
    """
    if not at_one:
        close = all(abs(x - y) <= r for x, y in zip(lam, mu, strict=True))
        return sum(map(max, lam, mu)) if close else None
    bounds = []
    for x, y in ((lam, mu), (mu, lam)):
        pairs = list(zip([*x[1:], 0], y, strict=True))
        if any(s > t + r for s, t in pairs) or sum(max(0, t - s - r) for s, t in pairs) > x[0] + r:
            return None
        bounds.append(sum(max(s, t) for s, t in pairs))
    return max(bounds)


def blocks_clash(factors: list[Polynomial], Du: Matrix, aN: Matrix, r: int, n: int, p: int) -> bool:
    """Return whether the blocks of Du and aN at these polynomials exclude all D' and a'.

    chain: Du is D on F^n / W, W = <im C, D im C, ..>; aN is a on the largest a-invariant subspace
    of ker c (transposed, so a quotient too); r = rank C.  similarity: Du = D, aN = a, W = 0, r = 0.

    Theorem (Flanders 1951; Thompson and Sa 1979).  Let e_k(M) = rank f(M)^(k-1) - rank f(M)^k, for
    irreducible f (which is not needed here) deg f times the number of blocks of size >= k.
    (1) D' = I + Y Z, a' = I + Z Y.  If f(1) != 0, e_k(D') = e_k(a'): Z maps ker f(D')^k to
        ker f(a')^k, injectively, as Z v = 0 gives D' v = v, f(D')^k v = f(1)^k v; and Y back.  If
        f = x - 1, e_(k+1)(D') <= e_k(a'): with N = Y Z, m = (Z Y)^(k-1), Frobenius' inequality
        twice gives rank m - rank m Z Y >= rank Y m - rank N Y m >= rank Y m Z - rank N Y m Z.
        Likewise with D' and a' exchanged.  The sums of all e_k, the multiplicities of the root 1,
        agree by `trace`.
    (2) e_k(D') - e_k(Du) is from 0 to r deg f.  Let P be F^n, with x acting as D' = D - C V.  W is
        a submodule that r elements generate, P/W is Du.  f^(k-1) P / f^k P has dimension e_k(D')
        and maps onto the same of P/W.  The kernel lies in (W + f^k P) / f^k P, a quotient of W; so
        r elements generate it, and f kills it: its dimension is at most r deg f.
    (3) e_k(a') - e_k(aN) likewise, by transposition, where rank c = rank C: A maps ker C into ker c
        injectively (C v = 0 means M^-1 (A v, 0) = (v, 0)), and a maps ker c into ker C.
    For pairwise coprime f the spaces ker f(D')^n add up directly: the sums of e_k(D') to <= n.
    """
    for f, g in combinations(factors, 2):
        size = len(g) - 1
        companion = [[int(i == j + 1) for j in range(size - 1)] + [-g[i]] for i in range(size)]
        if rank(evaluate(f, companion, p), p) < size:
            raise RefutedError("two of the factors are not coprime")
    total = 0
    for f in factors:
        at_one = not (sum(f) % p if p else sum(f))
        if at_one and len(f) > 2:
            raise RefutedError("a factor with root 1 is not x - 1")
        lam, mu = counts(f, Du, n, p), counts(f, aN, n, p)
        least = least_multiplicity(lam, mu, r * (len(f) - 1), at_one)
        if least is None:
            return True
        total += least
    return total > n


def is_overdetermined(
    factors: list[Polynomial], Du: Matrix, aN: Matrix, blocks: Blocks, p: int
) -> bool:
    """Return whether linear equations for V, with D' = D - C V and a' = a + V c, have no solution.

    Theorem.  The notation is that of `blocks_clash`, whose factors did not clash.
    (4) Let x - s be a factor, s not 1, and e_1(aN) = e_1(Du) + r.  By (1) and (3) e_1(D') = e_1(a')
        >= e_1(aN), and ker(D' - s) lies in K = {k : (D - s) k in im C}.  The rows l with l C = 0,
        l (D - s) = 0 are e_1(Du) many, so dim K = r + e_1(Du) = e_1(aN): the two spaces are equal,
        and C V k = (D - s) k for all k in K.
    (5) If e_1(Du) = e_1(aN) + r, likewise p V c = -p (a - s) for the rows p with p (a - s) = 0 on
        ker c.
    (6) tr(C V) + tr(V c) = tr D - tr a.  If all factors have degree one, and their multiplicities,
        which are at least what `blocks_clash` adds up, fill all n dimensions, then tr D' and tr a'
        are the sum of the roots: tr(C V) and tr(V c) are known.
    """
    _, _, C, D, a, c = blocks
    n, r, total, roots = len(C), rank(C, p), 0, 0
    minus_one = plus(identity(n), -2, identity(n), p)
    equations: list[tuple[Matrix, Matrix, Matrix]] = []  # L V R = S, each as (L, R, S)
    for f in factors:
        at_one = not (sum(f) % p if p else sum(f))
        lam, mu = counts(f, Du, n, p), counts(f, aN, n, p)
        total += least_multiplicity(lam, mu, r * (len(f) - 1), at_one) or 0
        roots += -f[0] * (least_multiplicity(lam, mu, r, at_one) or 0)
        if len(f) > 2 or at_one:
            continue
        D_s, a_s = plus(D, -f[0], minus_one, p), plus(a, -f[0], minus_one, p)
        if mu[0] == lam[0] + r:
            left = kernel(transpose(C), n, p)
            K = transpose(kernel(times(left, D_s, p), n, p))
            equations.append((C, K, times(D_s, K, p)))
        elif lam[0] == mu[0] + r:
            on = times(a_s, transpose(kernel(c, n, p)), p)
            P = kernel(transpose(on), n, p)
            equations.append((P, c, plus(times(P, a_s, p), -2, times(P, a_s, p), p)))
    rows = []
    for L, R, S in equations:
        for left_row, goals in zip(L, S, strict=True):
            for column, goal in zip(transpose(R), goals, strict=True):
                rows.append([x * y for x in left_row for y in column] + [goal])
    of_D, of_a = ([x for row in transpose(M) for x in row] for M in (C, c))
    traces = (sum(M[i][i] for i in range(n)) for M in (D, a))
    trace_D, trace_a = traces
    if total == n and all(len(f) == 2 for f in factors):
        rows += [[*of_D, trace_D - roots], [*of_a, roots - trace_a]]
    else:
        both = [x + y for x, y in zip(of_D, of_a, strict=True)]
        rows.append([*both, trace_D - trace_a])
    rows = [[x % p for x in row] for row in rows] if p else rows
    return rank(rows, p) > rank([row[:-1] for row in rows], p)


# ------------------------------------------------------------------------- reading


def whole(digits: str) -> int:
    """Return the integer written -?[0-9]+, in pieces that Python's digit limit (>= 640) permits."""
    if len(digits) <= 600:
        return int(digits)
    if digits[0] == "-":
        return -whole(digits[1:])
    half = len(digits) // 2
    return whole(digits[:-half]) * 10**half + whole(digits[-half:])


def read_json(data: bytes, where: str) -> Any:
    """Return the value of a JSON text: UTF-8, keys distinct, no NaN and no lone surrogate."""

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise MalformedError(where, "distinct keys in each object", "one key twice")
        return dict(pairs)

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


def read_object(found: Any, where: str, keys: Sequence[str], optional: str = "") -> dict[str, Any]:
    """Return the object, which has all of the keys, perhaps the optional one, and no others."""
    if type(found) is not dict:
        raise MalformedError(where, "an object", found)
    for key in keys:
        if key not in found:
            raise MalformedError(where, f"the key {key!r}", "none")
    for key in found:
        if key not in (*keys, optional):
            raise MalformedError(where, f"no keys but {', '.join(keys)} {optional}".strip(), key)
    return found


def read_list(found: Any, where: str, least: int, most: int) -> list[Any]:
    """Return the list, whose length lies within the bounds."""
    if type(found) is not list or not least <= len(found) <= most:
        size = str(least) if least == most else f"{least} to {most}"
        raise MalformedError(where, f"a list of length {size}", found)
    return found


def read_integer(found: Any, where: str, least: int, most: int) -> int:
    """Return the integer, which lies within the bounds."""
    if type(found) is not int or not least <= found <= most:
        bounds = f"from {least} to {most}" if least < most else f"that is {least}"
        raise MalformedError(where, f"an integer {bounds}", found)
    return found


def read_entry(found: Any, where: str, p: int) -> Any:
    """Return the element written -?[0-9]+(/[0-9]+)?; over GF(p) without a denominator."""
    match = RATIONAL.fullmatch(found) if type(found) is str else None
    if match is None or (p and match[2]):
        raise MalformedError(where, 'digits, as a string, or "p/q" over QQ', found)
    if p:
        return whole(match[1]) % p
    denominator = whole(match[2] or "1")
    if denominator == 0:
        raise MalformedError(where, "a denominator that is not zero", found)
    return Fraction(whole(match[1]), denominator)


def read_row(found: Any, where: str, size: int, p: int) -> list[Any]:
    """Return a list of elements."""
    return [
        read_entry(x, f"{where}, {j}", p) for j, x in enumerate(read_list(found, where, size, size))
    ]


def read_matrix(found: Any, where: str, rows: int, columns: int, p: int) -> Matrix:
    """Return a matrix."""
    found = read_list(found, where, rows, rows)
    return [read_row(row, f"{where}, row {i}", columns, p) for i, row in enumerate(found)]


def is_prime(p: int) -> bool | None:
    """Return whether p is prime; None if no Miller-Rabin witness was found for a large p."""
    if p < 2 or any(p % q == 0 for q in WITNESSES):
        return p in WITNESSES
    if p.bit_length() > MAX_PRIME_BITS:
        return None
    twos = ((p - 1) & (1 - p)).bit_length() - 1
    for base in WITNESSES:
        powers = [pow(base, (p - 1) >> twos, p)]
        for _ in range(twos - 1):
            powers.append(powers[-1] ** 2 % p)
        if powers[0] != 1 and p - 1 not in powers:
            return False
    return True if p < WITNESSES_DECIDE_BELOW else None


def read_prime(found: Any) -> int:
    """Return the prime of GF(p), 0 for QQ."""
    if found == "QQ":
        return 0
    match = re.fullmatch(r"GF\(([1-9][0-9]*)\)", found) if type(found) is str else None
    if match is None:
        raise MalformedError("field", '"QQ" or "GF(p)"', found)
    p = whole(match[1])
    decided = is_prime(p)
    if decided is None:
        raise IncompleteError("whether the p of GF(p) is prime was not decided")
    if not decided:
        raise MalformedError("field", "GF(p) with p prime", found)
    return p


def read_layer(found: Any, where: str, n: int, p: int, additive: bool) -> Layer:
    """Return the layer, its scale 1 or positive as the certificate says."""
    found = read_object(found, where, ["moves", "scale", "shift"])
    if found["moves"] not in ("first", "second"):
        raise MalformedError(f"{where}, moves", '"first" or "second"', found["moves"])
    scale = read_row(found["scale"], f"{where}, scale", n, p)
    for s, written in zip(scale, found["scale"], strict=True):
        if (s != 1) if additive else (s <= 0):
            raise MalformedError(f"{where}, scale", "1" if additive else "a scale > 0", written)
    shift = read_matrix(found["shift"], f"{where}, shift", n, n, p)
    return Layer(found["moves"] == "first", scale, shift)


def read_polynomial(found: Any, where: str, n: int, p: int) -> Polynomial:
    """Return the monic polynomial, of degree 1 to n."""
    f = read_row(found, where, len(read_list(found, where, 2, n + 1)), p)
    if f[-1] != 1:
        raise MalformedError(where, "a monic polynomial, ascending", found[-1])
    return f


def is_single(found: Any) -> bool:
    """Return whether this is a list of one thing."""
    return type(found) is list and len(found) == 1


def read_terms(found: Any, where: str, n: int) -> Matrix:
    """Return the terms of a polynomial in 2n variables, a row each: coefficient, exponents."""
    rows = read_matrix(found, where, len(read_list(found, where, 0, MOST_TERMS)), 2 * n + 1, 0)
    for row in rows:
        for x in row[1:]:
            if x.denominator != 1 or not 0 <= x <= MOST_DEGREE:
                raise MalformedError(where, f"exponents from 0 to {MOST_DEGREE}", x)
    return rows


def read_obstruction(found: Any, where: str, scales: str, n: int, p: int) -> dict[str, Any]:
    """Return the obstruction, its witness read; its kind is one for its pattern."""
    kind = found.get("kind") if type(found) is dict else None
    if type(kind) is not str or kind not in KINDS:
        raise MalformedError(f"{where}, kind", f"one of {', '.join(KINDS)}", kind)
    key, lengths = KINDS[kind]
    read_object(found, where, ["pattern", "kind", key])
    pattern, witness, place = found["pattern"], found[key], f"{where}, {key}"
    if type(pattern) is not str or len(pattern) not in lengths.get(scales, []):
        raise MalformedError(f"{where}, pattern", f"one that {kind} is about, {scales}", pattern)
    if key == "k":
        witness = read_integer(witness, place, 1, n)
    elif key == "factors":
        factors = enumerate(read_list(witness, place, 1, 2 * n))
        witness = [read_polynomial(f, f"{place}, {i}", n, p) for i, f in factors]
        if (degree := sum(len(f) - 1 for f in witness)) > 2 * n:  # that of all there can be
            raise MalformedError(place, f"total degree up to {2 * n}", degree)
    else:
        on_kernels = scales == "positive" and len(pattern) == 4 and is_single(witness) and n > 1
        is_polynomial = scales == "positive" and len(pattern) > 3 and not on_kernels
        shape = (n, n) if len(pattern) < 5 else (1, n + 1)
        number = 1 if on_kernels else n if is_polynomial else EQUATIONS[len(pattern)]
        matrices = enumerate(read_list(witness, place, number, number))
        if is_polynomial:
            witness = [read_terms(W, f"{place}, matrix {i}", n) for i, W in matrices]
        else:
            witness = [read_matrix(W, f"{place}, matrix {i}", *shape, p) for i, W in matrices]
    return {"kind": kind, "pattern": pattern, key: witness}


def read_certificate(data: bytes) -> Certificate:
    """Return the certificate, which is well formed in every respect."""
    where = "certificate"
    keys = ["format", "version", "field", "target", "partition", "scales", "depth", "layers"]
    found = read_json(data, where)
    if type(found) is dict:  # before its keys, which may be others in another version
        read_integer(found.get("version", 1), "version", 1, 1)
    read_object(found, where, [*keys, "obstructions"], "provenance")
    if found["format"] != "exactflow-depth-certificate":
        raise MalformedError("format", '"exactflow-depth-certificate"', found["format"])
    if type(found.get("provenance", {})) is not dict:
        raise MalformedError("provenance", "an object", found["provenance"])
    if found["scales"] not in ("additive", "positive"):
        raise MalformedError("scales", '"additive" or "positive"', found["scales"])
    scales, depth = found["scales"], read_integer(found["depth"], "depth", 0, MOST_LAYERS)
    halves = read_list(found["partition"], "partition", 2, 2)
    n = read_integer(halves[0], "partition", 1, MAX_HALF)
    read_integer(halves[1], "partition", n, n)
    p = read_prime(found["field"])
    if p and scales == "positive":
        raise MalformedError("scales", "additive over GF(p), which has no order", scales)
    target = read_matrix(found["target"], "target", 2 * n, 2 * n, p)
    layers = [
        read_layer(a, f"layer {i}", n, p, scales == "additive")
        for i, a in enumerate(read_list(found["layers"], "layers", depth, depth))
    ]
    words = {"ULULUL"[i : i + depth - 1] for i in (0, 1)} if depth else set()
    obstructions = {}
    for i, a in enumerate(read_list(found["obstructions"], "obstructions", len(words), len(words))):
        read = read_obstruction(a, f"obstruction {i}", scales, n, p)
        obstructions[read["pattern"]] = read
    if obstructions.keys() != words:
        raise MalformedError("obstructions", f"one for each of {sorted(words)}", list(obstructions))
    return Certificate(n, p, target, scales, layers, obstructions)


# ------------------------------------------------------------------------- reading a target apart


def read_number(found: Any, where: str, p: int) -> Any:
    """Return the value of an int, a finite float (exactly), or a string p/q or decimal."""
    match = DECIMAL.fullmatch(found) if type(found) is str else None
    if type(found) is int or (type(found) is float and math.isfinite(found)):
        number = Fraction(found)
    elif match is None:
        number = read_entry(found, where, 0)
    else:
        sign, units, decimals, exponent = match.groups("")
        power = int(exponent or "0")
        if abs(power) > MAX_EXPONENT:
            raise MalformedError(where, f"an exponent up to {MAX_EXPONENT}", found)
        number = whole(f"{sign}{units}{decimals}") * Fraction(10) ** (power - len(decimals))
    if p and number.denominator != 1:
        raise MalformedError(where, "an integer, over GF(p)", found)
    return int(number) % p if p else number


def read_csv(data: bytes, where: str) -> list[list[str]]:
    """Return the fields, separated by commas, without the blanks around them."""
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise MalformedError(where, "text in UTF-8", str(error)) from None
    lines = lines[:-1] if lines[-1] == "" else lines
    return [[cell.strip(" \t") for cell in line.removesuffix("\r").split(",")] for line in lines]


def read_npy(data: bytes, where: str) -> list[list[Any]]:
    """Return the numbers of a NumPy file of shape (d, d), perhaps with ones appended."""
    width = {b"\1\0": 2, b"\2\0": 4, b"\3\0": 4}.get(data[6:8], 0)
    start = 8 + width + int.from_bytes(data[8 : 8 + width], "little")
    match = re.fullmatch(
        rb"\{'descr': '([<>|])([fbiu][1248])', 'fortran_order': (True|False), "
        rb"'shape': \((\d{1,9}), (\d{1,9})((?:, 1){0,2})\), \}\s*",
        data[8 + width : start],
    )
    code = match and NPY_CODES.get(match[2].decode())
    if data[:6] != b"\x93NUMPY" or not width or not match or not code or match[4] != match[5]:
        raise MalformedError(where, "an .npy file of floats, integers or bool, d x d", "another")
    d, order = int(match[4]), match[1].decode().replace("|", "<")
    if len(data) - start != d * d * struct.calcsize(code):
        raise MalformedError(where, f"{d * d} numbers", f"{len(data) - start} bytes")
    numbers = [+x for x in struct.unpack(f"{order}{d * d}{code}", data[start:])]
    rows = [numbers[i * d : i * d + d] for i in range(d)]
    return transpose(rows) if match[3] == b"True" else rows


READERS = {".json": read_json, ".csv": read_csv, ".npy": read_npy}


def read_target(data: bytes, suffix: str, p: int) -> Matrix:
    """Return the square matrix in a target file."""
    where = "target file"
    table = READERS[suffix](data, where)
    if type(table) is not list or not table:
        raise MalformedError(where, "a list of rows", table)
    for i, row in enumerate(table):
        read_list(row, f"{where}, row {i}", len(table), len(table))
    return [[read_number(x, f"{where}, row {i}", p) for x in row] for i, row in enumerate(table)]


# ------------------------------------------------------------------------- the verdict


def compare(left: Matrix, right: Matrix, names: tuple[str, str]) -> None:
    """Raise RefutedError at the first entry where two matrices differ."""
    if len(left) != len(right):
        raise RefutedError(f"sizes differ: {names[0]} {len(left)} rows, {names[1]} {len(right)}")
    for i, (r, s) in enumerate(zip(left, right, strict=True)):
        for j, (x, y) in enumerate(zip(r, s, strict=True)):
            if x != y:
                size = max((abs(z.numerator) + z.denominator).bit_length() for z in (x, y))
                shown = f": {names[0]} {x}, {names[1]} {y}" if size < 200 else f", of {size} bits"
                raise RefutedError(f"first differing entry: row {i}, column {j}{shown}")


def product(certificate: Certificate) -> Matrix:
    """Return the product of the layers, the first one rightmost."""
    n, p, rows = certificate.n, certificate.prime, identity(2 * certificate.n)
    for moves_first, scale, shift in certificate.layers:
        halves = (rows[:n], rows[n:]) if moves_first else (rows[n:], rows[:n])
        moved = [[s * x for x in row] for s, row in zip(scale, halves[0], strict=True)]
        moved = plus(moved, 1, times(shift, halves[1], p), p)
        rows = moved + rows[n:] if moves_first else rows[:n] + moved
    return rows


def judge(certificate: Certificate, given: Matrix | None) -> list[str]:
    """Return a line for each obstruction; raise RefutedError, or IncompleteError."""
    target, lines = certificate.target, []
    if given is not None:
        compare(target, given, ("certificate", "given"))
    compare(target, product(certificate), ("expected", "derived"))
    inverted = inverse(target, certificate.prime)  # there is one, as there is of each layer
    for pattern, obstruction in certificate.obstructions.items():
        blocks = blocks_of(target, inverted, pattern.startswith("L"))
        if not excludes(obstruction, certificate, blocks):
            raise RefutedError(f"{obstruction['kind']} does not exclude {pattern or 'no layers'}")
        lines.append(f"c not {pattern or 'the identity'}: {obstruction['kind']}")
    return lines


def check(
    data: bytes, target: tuple[bytes, str] | None = None, transposed: bool = False
) -> tuple[int, list[str]]:
    """Return the exit code and the lines for a certificate and a target file, bytes and suffix."""
    lines = []
    try:
        certificate = read_certificate(data)
        given = read_target(*target, certificate.prime) if target else None
        field = f"GF({certificate.prime})" if certificate.prime else "QQ"
        sizes = f"{certificate.scales} layers over {field}, {2 * certificate.n} coordinates"
        lines = [f"c depth {len(certificate.layers)}, {sizes}"]
        if given is None:
            lines.append("c no target given apart: the claim is on the certificate's own")
        lines += judge(certificate, transpose(given) if given and transposed else given)
    except RefutedError as error:
        return 1, [*lines, f"c {error}", "s NOT VERIFIED"]
    except IncompleteError as error:
        return 3, [*lines, f"c incomplete: {error}", "s NOT VERIFIED"]
    except (MemoryError, OverflowError, RecursionError) as error:
        return 3, [*lines, f"c incomplete: {type(error).__name__}", "s NOT VERIFIED"]
    return 0, [*lines, "s VERIFIED"]


def read_file(path: str) -> bytes:
    """Return the bytes of a file, or of standard input if the path is -."""
    try:
        with open(0 if path == "-" else path, "rb", closefd=path != "-") as file:
            return file.read()
    except (OSError, ValueError) as error:
        raise MalformedError(ascii(path), "a readable file", str(error)) from None


def check_file(
    path: str | os.PathLike[str],
    target_path: str | os.PathLike[str] | None = None,
    out: TextIO | None = None,
    err: TextIO | None = None,
    transposed: bool = False,
) -> int:
    """Check a file: print remarks and verdict on out, or else a reason on err; return the code."""
    try:
        data, target = read_file(os.fspath(path)), None
        if target_path is not None:
            name = os.fspath(target_path)
            suffix = ".json" if name == "-" else os.path.splitext(name)[1].lower()
            if suffix not in READERS:
                raise MalformedError(ascii(name), f"a name in {', '.join(READERS)}", suffix)
            target = read_file(name), suffix
        code, lines = check(data, target, transposed)
    except MalformedError as error:
        print(f"malformed: {error}", file=err or sys.stderr)
        return 2
    except MemoryError:
        code, lines = 3, ["c incomplete: MemoryError", "s NOT VERIFIED"]
    print("\n".join(lines), file=out or sys.stdout, flush=True)
    return code


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    usage, _, _ = (__doc__ or "").partition("\nThe proof.")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("depth_checker.py", None, usage, formatter_class=formatter)
    parser.add_argument("certificate", metavar="CERT.json")
    parser.add_argument("--target", metavar="FILE")
    parser.add_argument("--transpose", action="store_true")
    try:
        options = parser.parse_args(argv)
        if options.certificate == options.target == "-":
            parser.error("only one of CERT and FILE can be -, standard input")
        if options.transpose and not options.target:
            parser.error("--transpose is about the matrix of --target")
    except SystemExit as stop:  # of --help, or of wrong usage
        return int(stop.code or 0)
    return check_file(options.certificate, options.target, transposed=options.transpose)


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
