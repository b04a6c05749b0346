"""Proofs that a matrix is no product of layers in a pattern, and a table of their kinds.

Main results
------------
`KINDS` has a row for each kind of obstruction: its theorem, its names in a certificate, a check, a
reason in one clause, and an explanation that a person can follow. The blocks are named as in
`exactflow.linear.depth.pattern`. A product of additive layers in a pattern of four letters, or of
five letters if C = 0, has D = I + Y Z and a = I + Z Y. So D and a alone can exclude the pattern.
With positive scales, D G^-1 replaces D and H^-1 a replaces a, for some positive diagonals H and G.

How it is checked
-----------------
*Exact*. The `check` of an obstruction multiplies matrices out, and compares entries, signs and
numbers of blocks. Ranks and kernels that an elimination gives are confirmed by products and minors.
The check shares no algorithm with the search that found the witness.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from math import prod
from typing import Any, NamedTuple, TypeAlias

from sympy import QQ, Expr, Symbol
from sympy.polys.domains.domain import Domain
from sympy.polys.euclidtools import dup_discriminant, dup_resultant
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import VerificationError
from exactflow.exact import linalg
from exactflow.exact.assumptions import Assumptions, assuming, current_assumptions
from exactflow.exact.exceptional import (
    collect_exceptional_factors,
    is_collecting_factors_over,
    record_denominators_as_nonzero,
    record_nonzero,
    sort_factors,
)
from exactflow.exact.flanders import pad_smaller_by_identity
from exactflow.exact.linalg import trace
from exactflow.exact.normal_forms import (
    companion_block_exponents,
    format_polynomial,
    irreducible_factors,
)
from exactflow.exact.numbers import format_element_short
from exactflow.exact.typing import Element
from exactflow.explanation.sentences import strip_backticks
from exactflow.flows.evidence import Checkable
from exactflow.flows.result import DepthScales
from exactflow.linear.depth import equations, rank_obstructions
from exactflow.linear.depth.fixed_parts import FixedParts, proved_rank
from exactflow.linear.depth.minors import MinorEquations, are_minors_of_D_and_a_opposed
from exactflow.linear.depth.pattern import (
    PatternInstance,
    Pencil,
    Reason,
    SplitMatrix,
    alternating_patterns,
    double_braces,
)

TemplateValues = dict[str, Any]
Obstructions: TypeAlias = "tuple[Obstruction, ...]"


class Kind(NamedTuple):
    """A kind of obstruction: a row of `KINDS`.

    Attributes
    ----------
    theorem : the reason why such a witness excludes a pattern.
    letters : the lengths of the patterns to which the kind applies, for each choice of scales.
    written : the name of the kind in a certificate; "" if no certificate has this kind.
    key : the name of the witness in a certificate; "" if no certificate has this kind.
    is_of_pair : whether the kind is about D and a alone, so that it applies to five letters only if
        C = 0.
    is_proof : a function that returns whether the witness of an obstruction excludes its pattern.
    template_values : a function that returns the values for the names in braces in `reason` and
        `explanation`.
    reason : a template for a clause.
    explanation : a template for sentences.
    proved : the computation of the check, in words.
    """

    theorem: str
    letters: dict[str, Sequence[int]]
    written: str
    key: str
    is_of_pair: bool
    is_proof: Callable[["Obstruction"], bool]
    template_values: Callable[["Obstruction"], TemplateValues]
    reason: str
    explanation: str
    proved: str


@dataclass(frozen=True, eq=False, repr=False)
class Obstruction(PatternInstance, Checkable):
    """A proof that a matrix is no product of layers in a pattern.

    `kind` and `witness` are as in `Reason`. `assumptions` are inequalities between the symbols.
    """

    kind: str
    witness: Any
    assumptions: Assumptions = field(default_factory=current_assumptions, kw_only=True)

    @staticmethod
    def from_unchecked_reason(instance: PatternInstance, reason: Reason) -> "Obstruction":
        """Return an obstruction to `instance` with the given `reason`, which is not checked."""
        return Obstruction(instance.pattern, instance.split, instance.scales, *reason)

    @property
    def kind_row(self) -> Kind:
        """The row of `KINDS` for this kind of obstruction."""
        return KINDS[self.kind]

    @property
    def pattern_text(self) -> str:
        """The letters of the pattern, or "the identity" if it has none."""
        return self.pattern or "the identity"

    def check(self) -> None:
        """Raise `VerificationError` unless fresh arithmetic confirms the obstruction."""
        length, row = len(self.pattern), self.kind_row
        about = f"an obstruction of kind {self.kind!r}"
        lengths = row.letters.get(self.scales, ())
        if length not in lengths or self.pattern not in alternating_patterns(length):
            raise VerificationError(
                f"{about} does not apply to {self.pattern_text} with scales={self.scales!r}"
            )
        if row.is_of_pair and length == 5 and not self.blocks_for_pattern.C.is_zero_matrix:
            zero = self.fill_in_block_names("{C} = 0")
            raise VerificationError(
                f"{about} applies to {self.pattern_text} only if {zero}, which is false here"
            )
        with assuming(self.assumptions):
            if not row.is_proof(self):
                raise VerificationError(
                    f"the witness of {about} does not exclude {self.pattern_text}"
                )

    @cached_property
    def exceptional_polynomials(self) -> tuple[Expr, ...]:
        """The irreducible polynomials in the symbols whose roots the proof leaves out.

        The proof holds for all values of the symbols at which none of these polynomials vanishes,
        and M and its inverse are defined. Without symbols there are no such polynomials.
        """
        field = self.matrix.domain
        if not field.is_FractionField:
            return ()
        with collect_exceptional_factors() as factors:
            record_denominators_as_nonzero(_witness_elements(self.witness, field), field)
            self.is_valid()
        return sort_factors(factors)

    def reason(self) -> str:
        """Return the reason why the pattern is impossible, as a clause."""
        pair = "`{C} = 0`, and " * (len(self.pattern) == 5) + self._names_of_D_a_padded_if_trace
        return strip_backticks(self._fill_in_kind_values_and_blocks(self.kind_row.reason, pair))

    def explanation(self, *, name: str = "M") -> str:
        """Return the proof that the matrix is no product of the pattern, in a few sentences.

        Parameters
        ----------
        name : the letter that stands for the matrix, after its coordinates are in the order of the
            layers.
        """
        return strip_backticks(self._proof_with_backticks(name))

    def claim_and_proof_with_backticks(self, *, name: str = "M") -> str:
        """Return the excluded pattern and the proof as sentences, with formulas in backticks."""
        return f"Not {self.pattern_text}: {self._proof_with_backticks(name)}"

    def _proof_with_backticks(self, name: str) -> str:
        """Return the proof as sentences, with formulas in backticks."""
        length, positive = len(self.pattern), self.scales == "positive"
        name = double_braces(double_braces(name))  # the text is filled in twice
        shifts = [*"XYZWV"] if length < 6 else [f"X{k}" for k in range(1, length + 1)]
        if positive and length == 3:
            # Named in this way, the shifts X and Z enter the equations linearly.
            shifts = ["H^-1 X", "Y", "H^-1 Z G^-1"]
        layers = [f"{letter}({X})" for letter, X in zip(self.pattern, shifts, strict=False)]
        product = " ".join(layers) or "I"
        text = f"Suppose `{name} = {product}`."
        D, a = "{D}", "{a}"
        if positive and length > 2:
            P = "diag(G, H^-1)" if self.is_exchanged else "diag(H^-1, G)"
            text = (
                f"Suppose `{name} P^-1 = {product}` for `P = {P}`, where `H` and `G` are diagonal "
                "with positive entries: a diagonal matrix passes a shear and only changes its "
                "block, so all scales can stand at the right."
            )
            D, a = "{D} G^-1", "H^-1 {a}"
        elif positive and length:
            scales = ["S", "T" if length == 2 else "I"]
            shown = ", ".join(reversed(scales) if self.is_exchanged else scales)
            which = "positive diagonals `S` and `T`" if length == 2 else "a positive diagonal `S`"
            text = f"Suppose `{name} = {product} diag({shown})` for {which}."
        if self.kind_row.is_of_pair:
            last = " As `{C} = 0`, the last factor changes neither `{D}` nor `{a}`."
            text += last * (length == 5) + f" So `{D} = I + Y Z` and `{a} = I + Z Y`."
        return self._fill_in_kind_values_and_blocks(
            f"{text} {self.kind_row.explanation}", self._names_of_D_a_padded_if_trace
        )

    @property
    def _names_of_D_a_padded_if_trace(self) -> str:
        """The names of D and a; for kind "trace" the smaller matrix is padded with ones."""
        size = max(self.split.partition) if self.kind == "trace" else 0
        missing = size - min(self.split.partition)
        ones = "1" if missing == 1 else f"I_{missing}"
        named = ("{D}", self.blocks_for_pattern.D), ("{a}", self.inverse_blocks_for_pattern.A)
        return " and ".join(
            f"`diag({X}, {ones})`" if M.shape[0] < size else f"`{X}`" for X, M in named
        )

    def _fill_in_kind_values_and_blocks(self, text: str, pair: str) -> str:
        """Return the template filled in with `pair`, the names of D and a, and with values of the
        kind, and then with names of blocks.
        """
        values = self.kind_row.template_values(self)
        return self.fill_in_block_names(self.fill_in_block_names(text, pair=pair, **values))

    def __str__(self) -> str:
        return f"not {self.pattern_text}: {self.reason()}"

    def __repr__(self) -> str:
        return f"<Obstruction {self}>"


def obstructions_to_greatest_excluded_length(
    lengths: range,
    split: SplitMatrix,
    scales: DepthScales,
    search: Callable[[PatternInstance], Reason | None],
) -> Obstructions:
    """Return obstructions to both patterns of the greatest length that the search excludes.

    Only the given `lengths` are tried. Return () if none of them is excluded.
    """
    for length in reversed(lengths):
        found = []
        for instance in split.instances_of_length(length, scales):
            if (reason := search(instance)) is None:
                break
            found.append(Obstruction.from_unchecked_reason(instance, reason))
        else:
            return tuple(found)
    return ()


def _witness_elements(witness: Any, field: Domain) -> Iterator[Element]:
    """Yield the elements of the field that a witness contains."""
    if isinstance(witness, DomainMatrix):
        yield from witness.iter_values()
    elif isinstance(witness, list | tuple):
        for part in witness:
            yield from _witness_elements(part, field)
    elif field.of_type(witness):
        yield witness


# ------------------- obstructions of kind "trace": check, and values for the templates


def _has_different_charpoly_coefficients(o: Obstruction) -> bool:
    """Whether the characteristic polynomials of D and a differ at the index in the witness."""
    if not 1 <= o.witness <= max(o.split.partition):
        return False
    x, y = _charpoly_coefficient_of_D_and_a(o)
    record_nonzero(x - y, o.matrix.domain)
    return bool(x != y)


def _charpoly_coefficient_of_D_and_a(o: Obstruction) -> list[Element]:
    """Return two characteristic coefficients: of D and of a, at the index in the witness.

    If D and a differ in size, the smaller matrix is padded with ones on the diagonal.
    """
    pair = pad_smaller_by_identity(o.blocks_for_pattern.D, o.inverse_blocks_for_pattern.A)
    return [_charpoly_coefficient_from_top(M, o.witness) for M in pair]


def _charpoly_coefficient_from_top(M: DomainMatrix, k: int) -> Element:
    """Return the coefficient of x^(n - k) in det(x I - M), where M is n x n.

    The method of Faddeev and LeVerrier computes it from traces, and divides by integers up to k. So
    a matrix over GF(p) is lifted to the integers.
    """
    field = M.domain
    if field.is_FiniteField:
        integers = [[QQ(field.to_int(x)) for x in row] for row in M.to_list()]
        return field(
            int(_charpoly_coefficient_from_top(linalg.from_entries(integers, M.shape, QQ), k))
        )
    one, N, c = linalg.identity(M.shape[0], field), M - M, field.one
    for j in range(1, k + 1):
        N = M * (N + one * c)
        c = -trace(N) / field.convert(j)
    return c


def _template_values_of_trace(o: Obstruction) -> TemplateValues:
    """Return the values that fill the text templates of an obstruction of kind "trace"."""
    k, sign = o.witness, -1 if o.witness == 1 else 1
    pair, field = _charpoly_coefficient_of_D_and_a(o), o.matrix.domain
    x, y = (double_braces(format_element_short(value * sign, field)) for value in pair)
    what = "traces" if k == 1 else f"characteristic coefficients of index {k}"
    power = "" if len(set(o.split.partition)) == 1 else " up to a power of `x`"
    return {"what": what, "x": x, "y": y, "power": power}


# ------------- obstructions of kinds "similarity" and "chain": check, and values for the templates


def _pencil_with_C_and_c_zeroed_if_of_pair(o: Obstruction) -> Pencil:
    """Return the pencil, with C and c set to 0 if the kind is about D and a alone."""
    C, D, a, c = o.pencil
    return Pencil(C - C, D, a, c - c) if o.kind_row.is_of_pair else o.pencil


def _has_clashing_fixed_part_block_sizes(o: Obstruction) -> bool:
    """Whether the block sizes of the fixed parts Du and aN exclude the pattern.

    Only the sizes at the factors in the witness are compared.
    """
    pencil = _pencil_with_C_and_c_zeroed_if_of_pair(o)
    parts = FixedParts.from_pencil(pencil)
    _record_roots_and_one_as_distinct(o.witness, o.matrix.domain)
    return parts.is_valid(pencil) and _find_clashing_factor_or_dimension(o, parts) is not None


def _record_roots_and_one_as_distinct(factors: Sequence[Sequence[Element]], field: Domain) -> None:
    """Record that the discriminants of the factors, and all resultants, must not vanish.

    The resultants are those of two factors, or of a factor and x - 1. If none of these values
    vanishes, the roots of all factors and 1 are distinct.
    """
    if is_collecting_factors_over(field):
        one = field.one
        at_one = (one, -one)
        every = [list(f) for f in dict.fromkeys([*factors, at_one])]
        for f, g in combinations(every, 2):
            record_nonzero(dup_resultant(f, g, field), field)
        for f in every:
            if len(f) > 2:
                record_nonzero(dup_discriminant(f, field), field)


class _ClashingFactor(NamedTuple):
    """An irreducible factor, and the block sizes of Du and of aN at it, which exclude a pattern."""

    factor: tuple[Element, ...]
    sizes_of_Du: list[int]  # noqa: N815 (Du and aN are the names in the theory)
    sizes_of_aN: list[int]  # noqa: N815


def _find_clashing_factor_or_dimension(
    o: Obstruction, parts: FixedParts
) -> _ClashingFactor | int | None:
    """Find a factor whose block sizes exclude the pattern, or a total dimension that is too large.

    Only the factors in the witness are considered. Return None if neither excludes the pattern, or
    if the factors are not distinct and irreducible.
    """
    total = 0
    for f in o.witness:
        if irreducible_factors(f, o.matrix.domain) != [(f, 1)] or o.witness.count(f) > 1:
            return None
        sizes = [companion_block_exponents(M, f, proved_rank) for M in (parts.Du, parts.aN)]
        counts = parts.least_shifted_block_counts_at_factor(f, *sizes)
        if counts is None:
            return _ClashingFactor(f, *map(list, sizes))
        total += (len(f) - 1) * sum(counts[0])
    return total if total > parts.n else None


def _template_values_of_similarity_or_chain(o: Obstruction) -> TemplateValues:
    """Return the values for the templates of kind "similarity" or "chain"."""
    parts = FixedParts.from_pencil(_pencil_with_C_and_c_zeroed_if_of_pair(o))
    r, n, clash = parts.r, parts.n, _find_clashing_factor_or_dimension(o, parts)
    if not isinstance(clash, _ClashingFactor):
        need = f"both need dimension {clash} to hold the parts that no `V` changes, but have {n}"
        return {"clash": f"{need} (`rank({{C}}) = {r}`)"}
    f, of_D, of_a = clash
    at_one = "" if sum(f, o.matrix.domain.zero) else ", where they may differ by one each"
    factor = double_braces(format_polynomial(f, o.matrix.domain))
    at = f"blocks of sizes {of_D} and {of_a} at ``{factor}``"
    return {"at": at + at_one, "clash": f"have fixed {at}, too far apart for `rank({{C}}) = {r}`"}


# ------------- obstructions of kinds "tight" and "linear": checks, and values for the templates


def _is_every_shift_refuted(o: Obstruction) -> bool:
    """Whether no shift V solves the linear equations that it must satisfy, as a multiplier shows.

    The witness must consist of all irreducible factors of the fixed parts.
    """
    pencil, parts = o.pencil, FixedParts.from_pencil(o.pencil)
    _record_roots_and_one_as_distinct(o.witness, o.matrix.domain)
    if not parts.is_valid(pencil) or set(o.witness) != parts.block_sizes_by_factor.keys():
        return False
    system = equations.necessary_shift_equations(pencil, parts)
    _, multiplier = equations.solve_for_flattened_matrices(system, *pencil.c.shape[::-1])
    return multiplier is not None and equations.does_multiplier_refute_by_zeros_or_signs(
        system, multiplier
    )


def _template_values_of_tight(o: Obstruction) -> TemplateValues:
    """Return the values for the templates of kind "tight"."""
    pencil, parts = o.pencil, FixedParts.from_pencil(o.pencil)
    shown = ", ".join(
        f"``{double_braces(format_element_short(s, o.matrix.domain))}``"
        for s in equations.part_with_r_extra_blocks_by_eigenvalue(parts)
    )
    names = _join_equation_names(equations.necessary_shift_equations(pencil, parts))
    return {"blocks": f"blocks at {shown}" if shown else "fixed blocks", "names": names}


def _does_multiplier_refute_layer_equations(o: Obstruction) -> bool:
    """Whether the multiplier in the witness refutes the necessary equations for the layers."""
    if len(o.pattern) == 5 and not FixedParts.from_pencil(o.pencil).is_valid(o.pencil):
        return False
    return equations.does_multiplier_refute_by_zeros_or_signs(
        equations.necessary_layer_equations(o), o.witness
    )


def _join_equation_names(system: Iterable[equations.Equation]) -> str:
    """Return the names of the equations, each once and in backticks, joined by commas."""
    return ", ".join(dict.fromkeys(f"`{equation.name}`" for equation in system))


def _template_values_of_linear(o: Obstruction) -> TemplateValues:
    """Return the values for the templates of kind "linear"."""
    system = equations.necessary_layer_equations(o)
    pairs = zip(system, o.witness, strict=True)
    entries = [(e, place) for e, W in pairs for place, _ in W.to_sparse().iter_items()]
    names, used = _join_equation_names(system), _join_equation_names(e for e, _ in entries)
    letters = {letter for e, _ in entries for name, _, _ in e.terms for letter in name}
    diagonals = [f"`{letter}`" for letter in sorted(letters & equations.POSITIVE)]
    plural, shown = "s" * (len(diagonals) > 1), " and ".join(diagonals)
    if len(o.pattern) < 3 and len(entries) == 1:
        j, i = entries[0][1]
        problem = f"{used} fails at {i, j}" + f" for each positive diagonal {shown}" * bool(shown)
        why = f"But {problem}"
    elif diagonals and o.scales == "positive":
        free = "".join(f" and matrix `{letter}`" for letter in sorted(letters & {"W", "X", "Z"}))
        problem = f"{used} for no positive diagonal{plural} {shown}{free}"
        why = f"{_MULTIPLIED} says that a sum of positive numbers is at most 0"
    else:
        right_side = equations.combined_right_side(system, o.witness)
        s = double_braces(format_element_short(right_side, o.matrix.domain))
        problem = f"a multiplier of {names} gives ``0 = {s}``"
        why = f"{_MULTIPLIED} has no unknowns: it says ``0 = {s}``"
    return {"names": names, "problem": problem, "why": why}


# ------------- obstructions of kinds "opposed" and "signs": checks, and values for the templates


def _are_minors_opposed(o: Obstruction) -> bool:
    """Whether the principal minors of D and a of the size in the witness have opposite signs."""
    return 1 <= o.witness < o.blocks_for_pattern.D.shape[0] and are_minors_of_D_and_a_opposed(
        o, o.witness
    )


def _template_values_of_opposed(o: Obstruction) -> TemplateValues:
    """Return the values for the templates of kind "opposed"."""
    return {"what": "diagonal entries" if o.witness == 1 else f"principal {o.witness}-minors"}


def _is_combination_one_signed(o: Obstruction) -> bool:
    """Whether the multipliers in the witness combine the equations to coefficients of one sign.

    The combined polynomial must not be zero, and the field must be QQ.
    """
    if not (o.matrix.domain.is_QQ and len(o.witness) == o.blocks_for_pattern.D.shape[0]):
        return False
    total = MinorEquations.from_four_or_five_letter_pattern(o).combine(o.witness)
    return {x > 0 for x in total.values()} in ({True}, {False})


def _template_values_of_signs(o: Obstruction) -> TemplateValues:
    """Return the values for the templates of kind "signs"."""
    variables = [Symbol(f"{letter}{i}") for letter in "xy" for i in range(1, len(o.witness) + 1)]
    multipliers = {
        k: sum(
            QQ.to_sympy(x) * prod(v**power for v, power in zip(variables, powers, strict=True))
            for powers, x in p.items()
        )
        for k, p in enumerate(o.witness, 1)
        if p
    }
    shown = ", ".join(f"``{p}``" for p in multipliers.values())
    return {"sizes": ", ".join(map(str, multipliers)), "multipliers": shown}


_ANY = range(2, 10**6)
"""The lengths of patterns to which obstructions by ranks apply."""
_MULTIPLIED = (
    "Multiply the equations by the matrices `K1`, `K2`, .. (those that are not shown are 0), take "
    "traces and add: the result"
)

KINDS = {
    "trace": Kind(
        "`Y Z` and `Z Y` have one characteristic polynomial, up to a power of x (Sylvester)",
        {"additive": (4, 5)}, "trace", "k", True,
        _has_different_charpoly_coefficients, _template_values_of_trace,
        "{pair} have different {what}",
        "{pair} have one characteristic polynomial, as `det(x I - Y Z) = det(x I - Z Y)`{power} "
        "(Sylvester). But their {what} are ``{x}`` and ``{y}``.",
        "the coefficients of both characteristic polynomials, from traces of powers",
    ),
    "similarity": Kind(
        "`I + Y Z` and `I + Z Y` have equal elementary divisors away from eigenvalue 1, and block "
        "sizes there that differ by at most one each (Flanders 1951)",
        {"additive": (4, 5)}, "similarity", "factors", True,
        _has_clashing_fixed_part_block_sizes, _template_values_of_similarity_or_chain,
        "{pair} have different elementary divisors: {at}",
        "For a polynomial `f`, `Z` carries the kernel of `f({D})` into that of `f({a})`, and `Y` "
        "carries it back, injectively unless `f(1) = 0`. So `{D}` and `{a}` have equal blocks at "
        "each irreducible polynomial except `x - 1`, and at `x - 1` sizes that differ by at most "
        "one each (Flanders 1951). But they have {at}.",
        "the sizes of the blocks, from ranks of powers",
    ),
    "linear": Kind(
        "the layers fulfil linear equations, of which a combination is absurd",
        {"additive": range(6), "positive": range(5)}, "linear", "multiplier", False,
        _does_multiplier_refute_layer_equations, _template_values_of_linear,
        "{problem}",
        "Then {names}. {why}.",
        "the product of the multipliers, and the signs of its entries",
    ),
    "chain": Kind(
        "the blocks that no shift changes fit into no two matrices of one product (Thompson and Sa "
        "1979, Flanders 1951)",
        {"additive": (5,)}, "chain", "factors", False,
        _has_clashing_fixed_part_block_sizes, _template_values_of_similarity_or_chain,
        "`{D} - {C} V` and `{a} + V {c}` {clash}",
        "Then `{D} - {C} V = I + Y Z` and `{a} + V {c} = I + Z Y`. For every `V`, the first acts "
        "as `{D}` on the quotient by the `{D}`-invariant space that the image of `{C}` generates, "
        "and the second acts as `{a}` on the largest `{a}`-invariant space in the kernel of `{c}`: "
        "these are their fixed parts. Each number of blocks of a size exceeds that of the fixed "
        "part by at most the rank of `{C}` (Thompson and Sa 1979), while both matrices have equal "
        "blocks except at `x - 1` (Flanders 1951). But they {clash}.",
        "the fixed parts, and the sizes of their blocks, from ranks of powers",
    ),
    "tight": Kind(
        "eigenvalues that leave no freedom make linear equations for the shift, with no solution",
        {"additive": (5,)}, "chain", "factors", False,
        _is_every_shift_refuted, _template_values_of_tight,
        "the {blocks} of `{D} - {C} V` and `{a} + V {c}` imply linear equations for `V` without a "
        "solution",
        "Then `{D} - {C} V = I + Y Z` and `{a} + V {c} = I + Z Y` have equal traces, up to the "
        "difference of their sizes, and equal numbers of blocks at each eigenvalue except 1. At an "
        "eigenvalue `s` where one fixed part has `rank({C})` blocks more than the other, there is "
        "room for no other eigenvectors; let the columns of `k`, or the rows of `p`, span them. "
        "This says {names}. But these are linear equations for `V` with no solution.",
        "the fixed parts, and a multiplier of the equations for `V` that gives 0 = 1",
    ),
    "opposed": Kind(
        "the principal minors of a size have opposite signs in two matrices that positive "
        "diagonals give one characteristic polynomial",
        {"positive": (4, 5)}, "opposed", "k", True,
        _are_minors_opposed, _template_values_of_opposed,
        "{pair} have {what} of opposite signs",
        "They have one characteristic polynomial, whose coefficients are sums of principal minors "
        "of `{D}` and of `{a}` with positive weights. But `{D}` and `{a}` have {what} of opposite "
        "signs: one sum is at least zero, the other at most, and not both vanish.",
        "the signs of all principal minors of that size",
    ),
    "signs": Kind(
        "a combination of the equations between minors has coefficients of one sign",
        {"positive": (4, 5)}, "linear", "multiplier", True,
        _is_combination_one_signed, _template_values_of_signs,
        "{pair} have principal minors whose signs clash at the sizes {sizes} together",
        "They have one characteristic polynomial: for each k the sum of the principal k-minors of "
        "`{D}`, with products of entries of `x = G^-1` as weights, is that of `{a}`, with `y = "
        "H^-1`. The polynomials {multipliers} at the sizes {sizes} combine these equations to a "
        "polynomial in the diagonals of `x` and `y` all of whose coefficients have one sign. But "
        "it vanishes at no positive `x` and `y`.",
        "the signs of all coefficients of the combined polynomial",
    ),
    "rank": Kind(
        "a layer changes a half by a matrix through the other half",
        {"additive": _ANY, "positive": _ANY}, "", "", False,
        lambda o: rank_obstructions.is_block_of_excessive_rank(o, o.witness),
        lambda o: rank_obstructions.rank_template_values(o, o.witness[0]),
        "{whose} has rank at least {rank}, but the factors `{letter}` allow at most {most}",
        "{passing}A factor `{letter}` adds to the {half} half a matrix times the other half, of "
        "size {size}; the last factor does not enter the block of the matrix, nor the first one "
        "that of the inverse. So the rank of {whose} is at most {count} times {size}{somewhere}. "
        "But it is at least {rank}.",
        "the rank, from minors and products",
    ),
    "chain of eigenvalues": Kind(
        "two blocks, scalar or nearly, force the eigenvalues 1, `r`, `r^2`, .. on a matrix of the "
        "size of the smaller one (exactflow.linear.depth.rank_obstructions)",
        {"additive": (6, 7)}, "", "", False,
        lambda o: rank_obstructions.are_eigenvalues_excluding_six_letters(o, o.witness),
        lambda o: rank_obstructions.eigenvalue_template_values(o),
        "the scalars ``{alpha}`` and ``{beta}`` force the eigenvalues {eigenvalues} on a `{p}` x "
        "`{p}` matrix",
        "{passing}{inverse}{argument}: {eigenvalues}. {clash}.",
        "the eigenvalues, one by one",
    ),
}  # fmt: skip
