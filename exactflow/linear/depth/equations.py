"""Linear equations between the layers of a product, and multipliers that refute them.

The blocks of a matrix M are A, B, C, D, and those of its inverse a, b, c, d
(`exactflow.linear.depth.pattern`).

Main results
------------
If M is a product of additive layers in a pattern that starts with U, these equations hold:

- U: A = I, C = 0, D = I. U L: D = I and A = I + B C.
- U(X) L(C) U(Z): X C = A - I, C Z = D - I, X + A Z = B.
- U(X) L(Y) U(Z) L(W): D = I + Y Z and a = I + Z Y, so that Y a = D Y; C = Y + D W; and
  Y B - T D = D - I for T = Y X.
- U L U L U(V), if c = -k C for a number k: with D' = D - C V and a' = a + V c, D' maps im C to
  itself, and C a' = k D' C. So u(x) g(x) = w(x) k^r g(x / k), where r is the rank of C, g the
  characteristic polynomial of D' on im C, and u and w are the characteristic polynomials of Du and
  aN (`exactflow.linear.depth.fixed_parts`). This is linear in the coefficients of g. If D and a
  differ in size by e, the side of the smaller matrix has the factor (x - 1)^e more.

With positive scales, M is a product of at least two layers in a pattern iff M P^-1 is a product of
additive layers in this pattern, for some positive diagonal P = diag(H^-1, G). These equations hold,
with positive diagonals S, T, H and G:

- U: A = S, C = 0, D = I. U L: D = T and A - B D^-1 C = S.
- U L U: C H + G c = 0, since c = -C for additive layers. With the layers
  U(H^-1 X) L(Y) U(H^-1 Z G^-1) of M P^-1 also H A - X C = I and G + C Z = D.
- U L U L(W): D G^-1 W - W H^-1 a = C H + G c.

*Multipliers.* An equation says that a sum of terms P X Q, with unknowns X, is R. It is multiplied
by a matrix W and traced: tr(W P X Q) = tr((Q W P) X). Let the sum F_X of all Q W P be zero for each
unknown X that is not a positive diagonal. The equations imply that s, the sum of all tr(W R), is
the sum of the diagonal entries of the positive diagonals X, with the diagonal entries of F_X as
weights. This is a contradiction if all weights vanish and s does not, or if no weight is negative,
one is positive, and s <= 0, or if the same holds after all weights and s change their signs.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.exact.exceptional import (
    count_possibly_vanishing_factors,
    record_denominators_as_nonzero,
    record_nonzero,
    record_nonzero_with_fewest_factors,
)
from exactflow.exact.linalg import trace
from exactflow.exact.typing import Element
from exactflow.linear.depth.fixed_parts import FixedParts
from exactflow.linear.depth.pattern import PatternInstance, Pencil, Reason, double_braces

Multiplier = tuple[DomainMatrix, ...]
"""One matrix for each equation of a system."""

POSITIVE = {"H", "G", "S", "T"}
"""The names of the unknowns that are positive diagonals."""


class Equation(NamedTuple):
    """A matrix equation: the sum of P X Q over the terms (X, P, Q) is `right`.

    In a term, X is the name of an unknown matrix, P and Q are known matrices. `name` is the
    equation as a formula, and `shown` a formula for `right`, or "".
    """

    name: str
    right: DomainMatrix
    terms: Sequence[tuple[str, DomainMatrix, DomainMatrix]] = ()
    shown: str = ""


def necessary_layer_equations(instance: PatternInstance) -> list[Equation]:
    """Return linear equations that the layers fulfil if M is their product in the pattern.

    The pattern has at most five letters. For five letters there are no equations, unless c = -k C
    for some number k.
    """
    additive = instance.scales == "additive"
    if len(instance.pattern) == 5:
        return charpoly_coefficient_equations_if_c_proportional(instance.pencil)
    if len(instance.pattern) < 3:
        return _equations_up_to_two_layers(instance, additive)
    (A, B, C, D), (a, _, c, _) = instance.blocks_for_pattern, instance.inverse_blocks_for_pattern
    one, other = (linalg.identity(M.shape[0], M.domain) for M in (A, D))
    if len(instance.pattern) == 3 and additive:
        return [
            Equation("X {C} = {A} - I", A - one, [("X", one, C)], "{A} - I"),
            Equation("{C} Z = {D} - I", D - other, [("Z", C, other)], "{D} - I"),
            Equation("X + {A} Z = {B}", B, [("X", one, other), ("Z", A, other)], "{B}"),
        ]
    if additive:
        return [
            Equation("Y {a} = {D} Y", C - C, [("Y", other, a), ("Y", -D, one)], "0"),
            Equation("Y + {D} W = {C}", C, [("Y", other, one), ("W", D, one)], "{C}"),
            Equation(
                "Y {B} - T {D} = {D} - I",
                D - other,
                [("Y", other, B), ("Y X", other, -D)],
                "{D} - I",
            ),
        ]
    of_C = [("H", C, one), ("G", other, c)]
    if len(instance.pattern) == 3:
        return [
            Equation("{C} H + G {c} = 0", C - C, of_C, "0"),
            Equation("H {A} - X {C} = I", one, [("H", one, A), ("X", one, -C)], "I"),
            Equation("G + {C} Z = {D}", D, [("Z", C, other), ("G", other, other)], "{D}"),
        ]
    name = "{C} H + G {c} = {D} G^-1 W - W H^-1 {a}"
    return [Equation(name, C - C, [*of_C, ("G^-1 W", -D, one), ("W H^-1", other, a)], "0")]


def _equations_up_to_two_layers(instance: PatternInstance, additive: bool) -> list[Equation]:
    """Return the equations for the layers of a pattern of at most two letters."""
    A, B, C, D = instance.blocks_for_pattern
    one, other = (linalg.identity(M.shape[0], M.domain) for M in (A, D))
    S, T = [("S", one, one)], [("T", other, other)]
    D_is_I = Equation("{D} = I", D - other, shown="{D} - I")
    if len(instance.pattern) == 2 and additive:
        shown = "{A} - I - {B} {C}"
        return [D_is_I, Equation("{A} = I + {B} {C}", A - one - B * C, shown=shown)]
    if len(instance.pattern) == 2:
        inverse, schur = linalg.inverse_or_none(D), "{A} - {B} {D}^-1 {C}"
        last = Equation("0 = 0", A - A)
        if inverse is not None:
            last = Equation(f"{schur} = S", A - B * inverse * C, S, schur)
        return [Equation("{D} = T", D, T, "{D}"), last]
    first = Equation("{A} = I", A - one, shown="{A} - I")
    if instance.pattern and not additive:
        first = Equation("{A} = S", A, S, "{A}")
    system = [first, Equation("{C} = 0", C, shown="{C}"), D_is_I]
    return system if instance.pattern else [*system, Equation("{B} = 0", B, shown="{B}")]


def entry_reason_against_at_most_two_letters(instance: PatternInstance) -> Reason | None:
    """Return a reason by one entry against a pattern of at most two letters, or None.

    An entry excludes the pattern if it violates one of `necessary_layer_equations`. Return None if
    no entry is known to do so; if the sign of an entry is not known, the entry does not exclude the
    pattern. If several entries exclude it, the one with the fewest factors that may vanish is
    chosen.
    """
    system, field = necessary_layer_equations(instance), instance.matrix.domain
    wrong = [
        (x, at, i, j)
        for at, (_, right, terms, _) in enumerate(system)
        for i, row in enumerate(right.to_list())
        for j, x in enumerate(row)
        if (sign(x, field) in (0, -1) if terms and i == j else x)
    ]
    if not wrong:
        return None
    _, at, i, j = min(wrong, key=lambda found: count_possibly_vanishing_factors(found[0], field))
    multiplier = [(right - right).transpose() for _, right, *_ in system]
    rows, columns = (linalg.identity(n, field) for n in system[at].right.shape)
    multiplier[at] = columns[:, j] * rows[i, :]
    return Reason("linear", tuple(multiplier))


def sign(x: Element, field: Domain) -> int | None:
    """Return the sign of x, which is 1, 0 or -1; None if it is not known."""
    if not x:
        return 0
    positive = linalg.is_positive(x, field)
    return None if positive is None else 1 if positive else -1


def does_multiplier_refute_by_zeros_or_signs(
    system: Sequence[Equation], multiplier: Multiplier
) -> bool:
    """Whether a multiplier, one matrix for each equation, refutes the system of equations.

    It refutes the system if the combined equation contradicts itself: all its terms vanish, but
    its right side does not, or the signs of its terms and of its right side clash.
    """
    shapes = [W.shape for W in multiplier]
    if not system or shapes != [equation.right.shape[::-1] for equation in system]:
        return False
    sums = factors_of_unknowns(system, multiplier)
    if not all(total.is_zero_matrix for X, total in sums.items() if X not in POSITIVE):
        return False
    s, field = combined_right_side(system, multiplier), system[0].right.domain
    for W, equation in zip(multiplier, system, strict=True):
        if not W.is_zero_matrix:
            record_denominators_as_nonzero([*W.iter_values(), *equation.right.iter_values()], field)
    weights = [x for X, total in sums.items() if X in POSITIVE for x in total.diagonal()]
    if not any(weights):
        record_nonzero(s, field)
        return bool(s)
    record_nonzero_with_fewest_factors(weights, field)
    signs = {sign(x, field) for x in (*weights, -s)}
    return signs - {0} in ({1}, {-1})


def factors_of_unknowns(
    system: Sequence[Equation], multiplier: Multiplier
) -> dict[str, DomainMatrix]:
    """Return the factor F of each unknown X in the combined equation: the sum of all tr(F X) is s.

    F is the sum of Q W P over all terms (X, P, Q), where W is the multiplier of the equation that
    has the term.
    """
    sums: dict[str, DomainMatrix] = {}
    for W, equation in zip(multiplier, system, strict=True):
        for X, P, Q in equation.terms:
            part = Q * (W * P)
            sums[X] = sums[X] + part if X in sums else part
    return sums


def combined_right_side(system: Sequence[Equation], multiplier: Multiplier) -> Element:
    """Return the right side s of the combined equation: the sum of all tr(F X) is s.

    s is the sum of tr(W R) over all equations, where R is the right side of an equation, and W its
    multiplier.
    """
    products = (W * equation.right for W, equation in zip(multiplier, system, strict=True))
    return sum(map(trace, products), system[0].right.domain.zero)


def solve_for_flattened_matrices(
    system: Sequence[Equation], rows: int, columns: int
) -> tuple[Any, Any]:
    """Find all solutions of equations for one unknown matrix of the given shape.

    Return (solutions, None), or (None, multiplier) with a multiplier that refutes the equations.
    Each column of `solutions` has the entries of a matrix, row by row. The first column is a
    particular solution, the others are a basis of the solutions of the homogeneous equations.
    """
    field = system[0].right.domain
    columns_of_K = [
        [
            x
            for _, right, terms, _ in system
            for x in sum((P[:, i] * Q[j, :] for _, P, Q in terms), right - right).to_list_flat()
        ]
        for i in range(rows)
        for j in range(columns)
    ]
    K = linalg.from_columns([linalg.column(entries, field) for entries in columns_of_K])
    b = linalg.column([x for equation in system for x in equation.right.to_list_flat()], field)
    solution, multiplier = linalg.solve(K, b)
    if multiplier is None:
        return solution.hstack(linalg.kernel(K)), None
    parts, at, entries = [], 0, multiplier.to_list_flat()
    for height, width in (equation.right.shape for equation in system):
        part = entries[at : at + height * width]
        parts.append(DomainMatrix.from_list_flat(part, (height, width), field).transpose())
        at += height * width
    return None, tuple(parts)


def negated_ratio(c: DomainMatrix, C: DomainMatrix) -> Element | None:
    """Return k such that c = -k C; None if there is no such k, or if C = 0."""
    pairs = zip(C.to_list_flat(), c.to_list_flat(), strict=True)
    k = next((-y / x for x, y in pairs if x), None)
    return k if k is not None and c == C * (-k) else None


def charpoly_coefficient_equations_if_c_proportional(pencil: Pencil) -> list[Equation]:
    """Return linear equations for the coefficients of the characteristic polynomial g of D - C V on
    the image of C, or [] unless c = -k C for some number k.

    The equations say that
    u(x) g(x) = w(x) k^r g(x / k), where r is the rank of C, and u and w are the characteristic
    polynomials of Du and aN, up to a power of x - 1. The unknown is the column of the coefficients
    of g, without the first coefficient, which is 1.
    """
    k, parts = negated_ratio(pencil.c, pencil.C), FixedParts.from_pencil(pencil)
    if k is None:
        return []
    columns, r, field = [], parts.r, pencil.C.domain
    u = with_roots_at_one(parts.Du.charpoly_berk(), -parts.e)
    w = with_roots_at_one(parts.aN.charpoly_berk(), parts.e)
    for i in range(r + 1):
        difference = [x - k**i * y for x, y in zip(u, w, strict=True)]
        # `padded` has the coefficients of the difference times x^(r - i), with zeros in front.
        padded = [field.zero] * i + difference + [field.zero] * (r - i)
        columns.append(linalg.column(padded, field))
    K, one = linalg.from_columns(columns[1:]), linalg.identity(1, field)
    return [Equation("u(x) g(x) = w(x) k^r g(x / k)", -columns[0], [("g", K, one)])]


def with_roots_at_one(f: Sequence[Element], count_with_negative_as_zero: int) -> list[Element]:
    """Return the coefficients of (x - 1)^k f for k = max(0, count_with_negative_as_zero)."""
    for _ in range(count_with_negative_as_zero):
        f = [x - y for x, y in zip([*f, f[0] * 0], [f[0] * 0, *f], strict=True)]
    return list(f)


def part_with_r_extra_blocks_by_eigenvalue(parts: FixedParts) -> dict[Element, Literal["Du", "aN"]]:
    """Return the eigenvalues s != 1 at which the numbers of blocks of Du and of aN differ by r.

    r is the rank of C. The result maps each such eigenvalue to the name of the fixed part that has
    more blocks.
    """
    found: dict[Element, Literal["Du", "aN"]] = {}
    for f, (sizes_of_Du, sizes_of_aN) in parts.block_sizes_by_factor.items():
        excess = len(sizes_of_aN) - len(sizes_of_Du)
        if len(f) == 2 and sum(f, parts.L.domain.zero) and abs(excess) == parts.r:
            found[-f[1]] = "aN" if excess > 0 else "Du"
    return found


def necessary_shift_equations(pencil: Pencil, parts: FixedParts) -> list[Equation]:
    """Return linear equations that V fulfils if M U(-V) is a product in the pattern U L U L.

    Let D' = D - C V, a' = a + V c, and r the rank of C. Let an eigenvalue s != 1 have g blocks in
    aN and g - r blocks in Du. Then a' has at least g blocks at s, and so has D'. But the kernel of
    D' - s lies in the space of all columns k with (D - s) k in im C, which has the dimension r + (g
    - r) = g. So (D' - s) k = 0 for all these k. If instead Du has r blocks more than aN, then p (a'
    - s) = 0 for all rows p with p (a - s) = 0 on ker c. Moreover tr D' = tr a' + e, where e is the
    size of D minus the size of a. If the least multiplicities of the eigenvalues of the fixed parts
    add up to the size of D, then D' has no other eigenvalues, so that tr D' and tr a' are known.
    """
    C, D, a, c = pencil
    field, system = C.domain, list[Equation]()
    for s, part in part_with_r_extra_blocks_by_eigenvalue(parts).items():
        D_s, a_s = (linalg.subtract_scalar_matrix(M, s) for M in (D, a))
        if part == "aN":
            k = linalg.kernel(linalg.left_kernel(C) * D_s)
            system.append(Equation("{C} V k = ({D} - s) k", D_s * k, [("V", C, k)]))
        else:
            rows = linalg.left_kernel(a_s * linalg.kernel(c))
            system.append(Equation("p V {c} = -p ({a} - s)", -(rows * a_s), [("V", rows, c)]))
    q, p = C.shape
    of_D = [("V", C[i, :], linalg.unit_vector(q, i, field)) for i in range(q)]
    of_a = [("V", linalg.unit_vector(p, i, field).transpose(), c[:, i]) for i in range(p)]
    total, e = parts.forced_trace_of_D_minus_CV, field.convert(parts.e)
    if total is None:
        goal = linalg.column([trace(D) - trace(a) - e], field)
        name = "tr({C} V) + tr(V {c}) = tr({D}) - tr({a})" + (f" - {parts.e}" if parts.e else "")
        return [*system, Equation(name, goal, of_D + of_a)]
    goals = [linalg.column([x], field) for x in (trace(D) - total, total - e - trace(a))]
    sums = [double_braces(str(x)) for x in (total, total - e)]
    names = f"tr({{D}} - {{C}} V) = {sums[0]}", f"tr({{a}} + V {{c}}) = {sums[1]}"
    parts_of = zip(names, goals, (of_D, of_a), strict=True)
    return [*system, *(Equation(*part) for part in parts_of)]
