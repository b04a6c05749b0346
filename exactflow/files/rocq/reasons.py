"""Obstructions of a depth certificate, in the syntax of the Rocq library.

Main results
------------
*Traces.* If two characteristic polynomials differ, the traces of some k-th powers differ, k <= n,
by Newton's identities.

*Ranks.* `write_rank_obstruction` looks for rows K, P, Q and polynomials f, p as in `rank_clash` of
`shears.v`.
Let D' = D - C V = I + Y Z, a' = a + V c = I + Z Y, K f(D') p(D') = 0, p(a') Q = 0 and f(1) != 0.
Then the ranks of K p(D') and of f(a') P + Q add up to at most n. For f = x - 1 the same holds of K
f(D') p(D') in the place of K p(D'), if f^2 p annihilates K. Here K, P and Q are such that the
products do not depend on V. In the notation of `checker.jordan_blocks_exclude_pattern`, with
p = f^(k-1), the ranks are e_k(Du), or e_(k+1)(Du) for f = x - 1, and n - r deg f - e_k(aN): so
e_k(D'), or e_(k+1)(D'), would be too large. With P = 0, and f and p products of powers of several
polynomials, the ranks are the sums of these e_k.

*Recurrences.* If c = -k C, then D' = D - C V maps im C to itself, a' = a + V c maps ker C to
itself, and on the quotient a' is k D' on im C
(`checker.five_letter_equation_if_c_proportional_to_C`). Let g_j be the trace of the j-th power of
D' on im C. As the powers of D' and of a' have equal traces, g_j is known: g_j (1 - k^j) is a
difference of two traces that do not depend on V. The traces of the powers of an r x r matrix fulfil
a recurrence g_(i + r) = s_1 g_i + .. + s_r g_(i + r - 1).
`write_trace_recurrence_obstruction` looks for weights that show that the g_j fulfil none.

*Positive scales.* `write_scaled_obstruction` writes an obstruction for `scaled.v`. It has one of
two forms. The first has the multipliers of linear equations, with the sign that makes all weights
>= 0. The second has polynomials p_k in positive x and y, with the sign for which the sum of the
p_k (e_k(D diag(x)) - e_k(diag(y) a)) has no coefficient < 0. Here e_k is the k-th elementary
symmetric function of the eigenvalues.

How it is checked
-----------------
*Exact*: coqc computes the products, traces and sums again, and the e_k from traces of powers.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from sympy import QQ
from sympy.polys.densearith import dup_mul, dup_pow
from sympy.polys.matrices import DomainMatrix

from exactflow.checker import (
    Matrix,
    PatternBlocks,
    Polynomial,
    descending_characteristic_polynomial,
    find_minus_c_over_C,
    quotient_by_krylov_space,
    rank_drops_of_powers,
    transpose_dense,
)
from exactflow.exact import linalg
from exactflow.exact.coerce import as_rectangular_matrix
from exactflow.exact.numbers import to_element, to_elements
from exactflow.exact.typing import DescendingCoefficients
from exactflow.files.rocq.syntax import RocqTerm, write_rational, write_row, write_rows


def write_additive_obstruction(
    obstruction: dict[str, Any], blocks: PatternBlocks, starts_with_L: bool
) -> RocqTerm | None:
    """Return an obstruction for additive layers in the syntax of `depth.v`; None if `depth.v` has
    no form for it. If the pattern starts with L, the caller exchanges the halves in `blocks`.

    Multipliers and factors of the witness are written unchanged. For the kind "trace", and for
    factors that give no ranks, search the least power at which D and a have different traces. The
    highest power is the exponent k of the obstruction or, without an exponent, the size of D.
    """
    letters, n = len(obstruction["pattern"]), len(blocks.D)
    if obstruction["kind"] == "linear" and letters < 5:
        multiplier = obstruction["multiplier"]
        # for the empty pattern the multipliers belong to A = I, C = 0, D = I and B = 0; if the
        # halves are exchanged, the first two change places with the last two
        if not letters and starts_with_L:
            multiplier = multiplier[2:] + multiplier[:2]
        return "Linear [:: " + ";\n    ".join(map(write_rows, multiplier)) + "]"
    zero = [[0] * n] * n
    C, c = (zero, zero) if letters == 4 else (blocks.C, blocks.c)
    of_D, of_a = (blocks.D, C), (transpose_dense(blocks.a), transpose_dense(c))
    if factors := obstruction.get("factors", []):
        found = write_rank_obstruction(factors, *of_D, *of_a, False) or write_rank_obstruction(
            factors, *of_a, *of_D, True
        )
        if found:
            return found
    if not any(map(any, C)):
        D, a = map(as_rectangular_matrix, (blocks.D, blocks.a))
        exponents = range(1, obstruction.get("k", n) + 1)
        powers = (k for k in exponents if linalg.trace(D**k) != linalg.trace(a**k))
        return next((f"Trace {k}" for k in powers), None)
    return write_trace_recurrence_obstruction(blocks) if letters == 5 else None


def write_rank_obstruction(
    factors: Sequence[Polynomial],
    D: Matrix,
    C: Matrix,
    a_transposed: Matrix,
    c_transposed: Matrix,
    are_D_and_a_exchanged: bool,
) -> RocqTerm | None:
    """Return an obstruction by ranks, in the syntax of `depth.v`; None if no such ranks are found.

    The factors are coprime monic polynomials. The text consists of f, p, K and the transposes of P
    and Q (see *Ranks* in the module docstring), right inverses G and H that prove the ranks, and
    the ranks r and s. With `are_D_and_a_exchanged` the obstruction is about transposed matrices:
    the caller passes the transposes of the blocks a and c as D and C, and the blocks D and C as
    `a_transposed` and `c_transposed`.
    """
    candidates = _candidate_rank_polynomials(factors, D, C, a_transposed, c_transposed)
    of_D, of_a = (
        (as_rectangular_matrix(D), as_rectangular_matrix(C)),
        (as_rectangular_matrix(a_transposed), as_rectangular_matrix(c_transposed)),
    )
    n, none = len(D), linalg.zeros(0, len(D), QQ)
    stable_D, stable_a = _left_kernel_of_krylov(*of_D, n), _left_kernel_of_krylov(*of_a, n)
    for at_1, f, p, uses_rows in candidates:
        killer = dup_mul(p, f, QQ)
        K = _left_kernel_of_polynomial_in_span(
            of_D[0], dup_mul(killer, f, QQ) if at_1 else killer, stable_D
        )
        R = K * of_D[0].eval_poly(killer if at_1 else p)
        P = _left_kernel_of_krylov(*of_a, len(f) - 1) if uses_rows else none
        Q = _left_kernel_of_polynomial_in_span(of_a[0], p, stable_a)
        T = (P * of_a[0].eval_poly(f)).vstack(Q)
        of_R, of_T = (list(linalg.rref(M.transpose())[1]) for M in (R, T))
        r, s = len(of_R), len(of_T)
        if r + s > n:
            P, Q = (
                P.vstack(linalg.zeros(Q.shape[0], n, QQ)),
                linalg.zeros(P.shape[0], n, QQ).vstack(Q),
            )
            shown = [_select_rows(K, of_R), _select_rows(P, of_T), _select_rows(Q, of_T)]
            shown += [_right_inverse(_select_rows(R, of_R)), _right_inverse(_select_rows(T, of_T))]
            polynomials = "\n    ".join(write_row(reversed(g)) for g in (f, p))
            witnesses = "\n    ".join(write_rows(M.to_list()) for M in shown)
            flags = f"{str(are_D_and_a_exchanged).lower()} {str(at_1).lower()}"
            return f"Ranks {flags} {polynomials}\n    {witnesses} {r} {s}"
    return None


class _RankPolynomials(NamedTuple):
    """The polynomials f and p of *Ranks* in the module docstring, with the highest degree first.

    `at_1` is whether f is x - 1. `uses_rows` is whether P has rows, so that f(a') P is used.
    """

    at_1: bool
    f: list
    p: list
    uses_rows: bool


def _candidate_rank_polynomials(
    factors: Sequence[Polynomial], D: Matrix, C: Matrix, a_transposed: Matrix, c_transposed: Matrix
) -> Iterator[_RankPolynomials]:
    """Yield the pairs f, p of polynomials for which `write_rank_obstruction` computes ranks."""
    n, Du = len(D), quotient_by_krylov_space(D, C, 0)
    aN = quotient_by_krylov_space(a_transposed, c_transposed, 0)
    all_f, all_p = [QQ.one], [QQ.one]
    for factor in factors:
        lam, mu = (rank_drops_of_powers(factor, M, n + 1, 0) for M in (Du, aN))
        f, at_1 = list(to_elements(reversed(factor))), not sum(factor)
        sizes = range(sum(map(bool, map(max, lam, mu))) + 1)
        for k in sizes:
            yield _RankPolynomials(at_1, f, dup_pow(f, k, QQ), True)
        best = max(sizes, key=lambda j: sum(mu[:j]) + sum(lam[j:]))
        j = sizes[-1] if at_1 else best
        all_p = dup_mul(all_p, dup_pow(f, j, QQ), QQ)
        all_f = dup_mul(all_f, dup_pow(f, sizes[-1] - j, QQ), QQ)
    yield _RankPolynomials(False, all_f, all_p, False)


def _left_kernel_of_krylov(D: DomainMatrix, C: DomainMatrix, k: int) -> DomainMatrix:
    """Return, as rows, a basis of the row vectors l with l D^i C = 0 for all i < k.

    Each such l fulfils l (D - C V)^k = l D^k for every matrix V.
    """
    images = linalg.zeros(D.shape[0], 0, QQ)
    for _ in range(k):
        images = images.hstack(C)
        C = D * C
    return linalg.left_kernel(images)


def _left_kernel_of_polynomial_in_span(
    D: DomainMatrix, polynomial: DescendingCoefficients, spanning_rows: DomainMatrix
) -> DomainMatrix:
    """Return, as rows, a basis of the vectors l in the span of `spanning_rows` with l f(D) = 0,
    where f is the polynomial.
    """
    return linalg.left_kernel(spanning_rows * D.eval_poly(polynomial)) * spanning_rows


def _select_rows(M: DomainMatrix, row_indices: list[int]) -> DomainMatrix:
    return M.extract(row_indices, list(range(M.shape[1])))


def _right_inverse(R: DomainMatrix) -> DomainMatrix:
    """Return a right inverse G of R, with R G = I; the rows of R must be independent."""
    if not R.shape[0]:
        return linalg.zeros(0, 0, QQ)
    return R.transpose() * (R * R.transpose()).inv()


def write_trace_recurrence_obstruction(blocks: PatternBlocks) -> RocqTerm | None:
    """Return, in the syntax of `depth.v`, weights that prove that the traces g_j of *Recurrences*
    in the module docstring fulfil no recurrence; None if no such weights are found.

    The text consists of r = rank C, a matrix G with C G C = C, the number k, the traces g_0, g_1,
    .., and the weights, with the letters of that docstring.
    """
    if not (found := find_minus_c_over_C(blocks, 0)) or abs(found) == 1:
        return None
    C, D, a = map(as_rectangular_matrix, (blocks.C, blocks.D, blocks.a))
    n, k, one = len(blocks.C), to_element(found), linalg.identity(len(blocks.C), QQ)
    # C = Q R: Q has the columns of C at the pivots, R the nonzero rows of the echelon form of C
    echelon, pivots = linalg.rref(C)
    r = len(pivots)
    Q, R = C.extract(list(range(n)), list(pivots)), _select_rows(echelon, list(range(r)))
    G = _right_inverse(R) * _right_inverse(Q.transpose()).transpose()
    of_D, of_a = E, P = one - C * G, one - G * C
    traces = [QQ(r)]
    for j in range(1, n + r + 1):
        of_D, of_a = E * D * of_D, of_a * a * P
        traces.append((linalg.trace(of_a) - linalg.trace(of_D)) / (1 - k**j))
    recurrence = DomainMatrix([traces[i : i + n + 1] for i in range(r)], (r, n + 1), QQ)
    for weights in linalg.kernel(recurrence).transpose().to_list():
        if sum(w * x for w, x in zip(weights, traces[r:], strict=True)):
            lists = f"{write_row(traces)}\n    {write_row(weights)}"
            return f"Multiple {r} {write_rows(G.to_list())} ({write_rational(k)})\n    {lists}"
    return None


def write_scaled_obstruction(
    obstruction: dict[str, Any], blocks: PatternBlocks, target_det: Fraction
) -> RocqTerm | None:
    """Return an obstruction for positive scales in the syntax of `scaled.v`; None if `scaled.v`
    has no form for it.

    The pattern has at least two letters; `target_det` is the determinant of the target.
    """
    letters, n = len(obstruction["pattern"]), len(blocks.D)
    if obstruction["kind"] == "opposed":
        one_term = [[Fraction(1), *[0] * 2 * n]]
        return _write_polynomials_with_sign_for_nonnegative_sum(
            [one_term if k == obstruction["k"] else [] for k in range(1, n + 1)], blocks
        )
    multiplier = obstruction["multiplier"]
    if letters > 3 and len(multiplier) == n:
        det_D = (-1) ** n * descending_characteristic_polynomial(blocks.D, 0)[n]
        if multiplier[-1] and not det_D:
            return None
        factor = target_det / det_D if det_D else 0
        last = [[x * factor, *exponents] for x, *exponents in multiplier[-1]]
        return _write_polynomials_with_sign_for_nonnegative_sum([*multiplier[:-1], last], blocks)
    return _write_multipliers_negated_unless_weights_nonnegative(multiplier, letters, blocks)


def _write_multipliers_negated_unless_weights_nonnegative(
    multipliers: list[Matrix], pattern_length: int, blocks: PatternBlocks
) -> RocqTerm:
    """Return the multipliers of linear equations in Rocq's syntax. All of them are negated unless,
    in the combination of the equations, the weights of the positive unknowns and the constant term
    are nonnegative.
    """
    A, B, C, D, _, c = map(as_rectangular_matrix, blocks)
    W = list(map(as_rectangular_matrix, multipliers))
    last: list[DomainMatrix] = []
    right: list[DomainMatrix] = []
    if pattern_length == 2:
        if (Di := linalg.inverse_or_none(D)) is None:
            Di = W[1] = D - D
        last, weights, right = [Di], W, [W[0] * D, W[1] * (A - B * Di * C)]
    elif pattern_length == 3:
        weights, right = [W[0] * C + A * W[1], c * W[0] + W[2]], [W[1], W[2] * D]
    else:
        weights = [W[0] * C, c * W[0]]
    diagonals = [x for M in weights for x in M.diagonal()]
    if min(diagonals) < 0 or sum(map(linalg.trace, right)) > 0:
        W = [-M for M in W]
    return "Weights [:: " + ";\n    ".join(write_rows(M.to_list()) for M in W + last) + "]"


def _write_polynomials_with_sign_for_nonnegative_sum(
    multipliers: Sequence[Matrix], blocks: PatternBlocks
) -> RocqTerm:
    """Return the polynomials p_k of *Positive scales* in the module docstring, in Rocq's syntax.
    They have a common sign, for which the sum there has no negative coefficient.
    """
    D, a = (descending_characteristic_polynomial(M, 0)[1:] for M in (blocks.D, blocks.a))
    at_1 = sum(
        (-1) ** k * (x - y) * sum(x for x, *_ in p)
        for k, (p, x, y) in enumerate(zip(multipliers, D, a, strict=True), 1)
    )
    sign = 1 if at_1 > 0 else -1
    polynomials = (
        "; ".join(
            f"({write_rational(Fraction(sign * x))}, {write_row(map(int, exponents), str)}%N)"
            for x, *exponents in p
        )
        for p in reversed(multipliers)
    )
    return "Signs [:: " + ";\n    ".join(f"[:: {p}]" if p else "[::]" for p in polynomials) + "]"
