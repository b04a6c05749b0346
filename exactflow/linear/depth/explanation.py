"""Steps of the proof that fewer layers are impossible; each step checks itself.

An obstruction of kind "linear" is about equations that say that a sum of terms P X Q, with unknowns
X, is R. It has a multiplier K_j for each equation j. The equation is multiplied by K_j and traced,
and the traces are added over all j. In the result, the factor of an unknown X is the sum of Q K_j P
over all terms P X Q. If X is not a positive diagonal, this factor is zero. If X is a positive
diagonal, the diagonal of the factor has the weights of the entries of X.
"""

from collections.abc import Mapping, Sequence
from math import comb
from typing import Any

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.explanation import Step
from exactflow.explanation.identity_text import names_and_functions_in_formula
from exactflow.explanation.steps import nontrivial_order_and_flip_matrices
from exactflow.explanation.symbolic_identities import Identity
from exactflow.flows.orientation import CoordinateLayout
from exactflow.linear.depth import equations
from exactflow.linear.depth.obstruction import Obstruction
from exactflow.linear.depth.pattern import alternating_patterns
from exactflow.linear.depth.rank_obstructions import find_scalars_forcing_too_many_eigenvalues

_MOST_MINORS = 100
"""A step has no inequalities between minors if there are more minors of one size."""


def rename_clashing_letters(step: Step, earlier: Sequence[Step]) -> Step:
    """Return a copy of the step, with a prime at letters that have other values in `earlier`."""
    known = {name: value for other in earlier for name, value in other.after.items()}
    names = {name: f"{name}'" for name, x in step.after.items() if known.get(name, x) != x}
    return step.rename(names)


_ADDITIVE = "U(X) U(Y) = U(X + Y), L(X) L(Y) = L(X + Y), U(0) = I, L(0) = I"
_SCALED = (
    "diag(S, I) U(X) diag(T, I) U(Y) = diag(S T, I) U(T^-1 X + Y), "
    "diag(I, S) L(X) diag(I, T) L(Y) = diag(I, S T) L(T^-1 X + Y), U(0) = I, L(0) = I"
)


def shorter_patterns_step(found: Obstruction) -> Step:
    """Return a step: if both patterns of this length are excluded, so are all shorter patterns.

    `found` is an obstruction to one of the two patterns.
    """
    length, (first, second) = len(found.pattern), alternating_patterns(len(found.pattern))
    letters = "one letter" if length == 1 else f"{length} letters"
    text = _ADDITIVE if found.scales == "additive" else _SCALED
    values, ring = Identity("shorter patterns", "", "", text).define_names_in_ring()
    why = (
        "Two neighbours of one kind are one layer, so that the layers of a shortest product "
        f"alternate. A layer may be `I`. So every product of at most {letters} is also a product "
        f"in the pattern {first} or {second}. Both patterns are excluded, so that fewer than "
        f"{length + 1} layers are impossible."
    )
    return Step("shorter patterns", why, text, values, {}, ring)


def obstruction_step(
    found: Obstruction,
    layout: CoordinateLayout | None = None,
    given_matrix: DomainMatrix | None = None,
) -> Step:
    """Return the proof that a pattern is impossible, as a step.

    The values of the step are M and the blocks of M and of M^-1. If `layout` has an order, with the
    permutation matrix E, or flips, with the sign matrix F, the values are the blocks of
    N = E M F E^T and of N^-1, where M is the given matrix.
    """
    names = "DCBA" if found.is_exchanged else "ABCD"
    blocks = dict(zip(names, found.blocks_for_pattern, strict=True))
    blocks |= dict(zip(names.lower(), found.inverse_blocks_for_pattern, strict=True))
    field = found.matrix.domain
    posed = nontrivial_order_and_flip_matrices(layout.order, layout.flips, field) if layout else {}
    left, right = ("E ", " E^T") if "E" in posed else ("", "")
    right = " F" * ("F" in posed) + right
    name = "N" if posed else "M"
    text = [f"N = {left}M{right}"] * bool(posed)
    text += [f"{name} = blocks(A, B, C, D)", f"blocks(a, b, c, d) {name} = I"]
    if found.kind_row.is_of_pair and len(found.pattern) == 5:
        text.append(found.fill_in_block_names("{C} = 0"))
    if found.kind == "trace" and found.witness == 1:
        missing = found.blocks_for_pattern.D.shape[0] - found.inverse_blocks_for_pattern.A.shape[0]
        ones = [f" + {count}" * (count > 0) for count in (-missing, missing)]
        text.append(found.fill_in_block_names(f"tr({{D}}){ones[0]} != tr({{a}}){ones[1]}"))
    identities, values = _witness_identities_and_values(found, blocks)
    text += identities
    p, q = found.split.partition
    why = (
        f"`A`, `B`, `C`, `D` are the blocks of `{name}` for halves of {p} and {q} coordinates, "
        "`a`, `b`, `c`, `d` those of its inverse. "
        f"{found.claim_and_proof_with_backticks(name=name)}"
    )
    if any("minors(" in identity for identity in identities):
        why += " In the formulas, minors(.., k) is the row of all principal minors of size k."
    blocks |= values
    return Step(
        found.kind,
        why,
        ", ".join(text),
        {"M": found.matrix if given_matrix is None else given_matrix},
        dict(sorted(blocks.items())) | posed | ({"N": found.matrix} if posed else {}),
        field,
        found.kind_row.theorem,
        witness=found.is_valid,
        proved=found.kind_row.proved,
    )


def _witness_identities_and_values(
    found: Obstruction, blocks: Mapping[str, DomainMatrix]
) -> tuple[list[str], dict[str, Any]]:
    """Return identities that the witness of an obstruction proves, and the values of the letters.

    Return ([], {}) for a kind without such identities. Inequalities between minors are returned
    only over QQ, and only for at most `_MOST_MINORS` minors of one size.
    """
    field = found.matrix.domain
    if found.kind == "linear":
        return _multiplier_identities_and_values(found, blocks)
    if found.kind == "opposed":
        k = found.witness
        of_D, of_a = (minors.minors_of_size(k) for minors in found.minors_of_D_and_a_for_pattern)
        if not field.is_QQ or max(len(of_D), len(of_a)) > _MOST_MINORS:
            return [], {}
        D, a = (found.fill_in_block_names(f"minors({X}, {k})") for X in ("{D}", "{a}"))
        signs = (">=", "<=") if min(of_D) >= 0 and max(of_a) <= 0 else ("<=", ">=")
        return [f"{D} {signs[0]} 0", f"{a} {signs[1]} 0", f"largest({D}) + largest({a}) > 0"], {}
    if found.kind == "rank":
        name, kept = found.witness
        block, size, n = blocks[name], blocks[name].shape[0], len(kept)
        if found.scales == "additive":
            rank = linalg.rank(linalg.subtract_scalar_matrix(block, field.one))
            return [f"rank({name} - I) = {rank}"], {}
        if not field.is_QQ or comb(n, n // 2) > _MOST_MINORS:
            return [], {}
        # The matrix J selects a submatrix K of the block; no principal minor of -K is negative.
        J = linalg.identity(size, field).extract(range(size), kept).to_dense()
        text = [f"K = J^T {name} J", *(f"minors(-K, {k}) >= 0" for k in range(1, n + 1))]
        return text, {"J": J, "K": block.extract(kept, kept)}
    if found.kind == "chain of eigenvalues" and (
        excluding := find_scalars_forcing_too_many_eigenvalues(found)
    ):
        scalars, _ = excluding
        small, large = "AD" if found.split.partition[0] < found.split.partition[1] else "DA"
        text = [
            "r alpha beta = 1",
            f"rank({small} - alpha I) = {scalars.rank}",
            f"{large} = beta I",
        ]
        return text, {name: getattr(scalars, name) for name in ("alpha", "beta", "r")}
    return [], {}


def _multiplier_identities_and_values(
    found: Obstruction, blocks: Mapping[str, DomainMatrix]
) -> tuple[list[str], dict[str, Any]]:
    """Return identities by which multipliers refute linear equations, and values of the letters.

    If an equation without unknowns does not hold, it is returned with "!=" in the place of "=".
    """
    system = equations.necessary_layer_equations(found)
    used = [(e, W) for e, W in zip(system, found.witness, strict=True) if not W.is_zero_matrix]
    if len(found.pattern) < 3 and not any(e.terms for e, _ in used):
        return [found.fill_in_block_names(e.name).replace(" = ", " != ") for e, _ in used], {}
    values: dict[str, Any] = {}
    sums: dict[str, list[str]] = {}
    right = []
    for j, (equation, W) in enumerate(used, 1):
        K = f"K{j}"
        values[K] = W
        letters = names_and_functions_in_formula(found.fill_in_block_names(equation.name))
        mentioned = {name: blocks[name] for name in letters if name in blocks}
        for X, P, Q in equation.terms:
            left, right_factor = (_write_as_known_term_or_add(N, mentioned, values) for N in (Q, P))
            names = [name for name in (left, K, right_factor) if name != "I"]
            sums.setdefault(X, []).append(" ".join(names))
        shown = found.fill_in_block_names(equation.shown) or _add_under_new_name(
            equation.right, values
        )
        if shown != "0":
            factor = f"({shown})" if " " in shown else shown
            right.append(f"tr({K})" if shown == "I" else f"tr({K} {factor})")
    factors = equations.factors_of_unknowns(system, found.witness)
    values |= {f"K{X}": factors[X] for X in sums if X in equations.POSITIVE}
    text = [
        f"{' + '.join(parts)} = {f'K{X}' if X in equations.POSITIVE else '0'}"
        for X, parts in sums.items()
    ]
    values["s"] = equations.combined_right_side(system, found.witness)
    return [*text, f"{' + '.join(right) or '0'} = s"], values


def _write_as_known_term_or_add(
    coefficient: DomainMatrix, blocks: Mapping[str, DomainMatrix], values: dict[str, Any]
) -> str:
    """Write a coefficient as "I", as the name X of an equal block, or as "(-X)" if it equals -X.

    Any other coefficient is added to `values` under a new name, and this name is returned.
    """
    M = coefficient
    if (name := next((name for name, block in blocks.items() if block is M), None)) is not None:
        return name
    if M.shape[0] == M.shape[1] and linalg.identity(M.shape[0], M.domain) == M:
        return "I"
    negative = next((name for name, block in blocks.items() if -block == M), None)
    return f"(-{negative})" if negative else _add_under_new_name(M, values)


def _add_under_new_name(M: DomainMatrix, values: dict[str, Any]) -> str:
    """Add a matrix to `values` under a new name R1, R2, .., and return the name."""
    name = f"R{sum(known.startswith('R') for known in values) + 1}"
    values[name] = M
    return name
