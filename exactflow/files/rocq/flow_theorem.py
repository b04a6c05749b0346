"""The theorem of a flow certificate: a matrix equals, or is near to, a product of couplings.

`flow.v` beside this file proves, with MathComp, that it suffices to multiply matrices of integers
over common denominators. The theorem applies this result to the numbers of the certificate, and the
kernel of Rocq multiplies them.

Main results
------------
After each layer the moved rows of the product, and their denominator, are
divided by a common divisor. The divisors are part of the proof, not of the statement. With this
division the numbers for one random float32 matrix with 12 coordinates have about 2,100 bits instead
of 26,000.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any, NamedTuple

import numpy as np

from exactflow.exact.numbers import format_rational, parse_rational
from exactflow.files.rocq.syntax import (
    RocqTerm,
    TheoremText,
    write_rational,
    write_row,
    write_rows_with_decimal_comments,
)


def flow_theorem(content: dict[str, Any], bound_if_smaller: Fraction | None) -> TheoremText:
    """Return the theorem that states and proves the claim of a flow certificate.

    The theorem is about matrices over the rationals, with the coordinates in their natural order,
    whatever the order of the layers. The two halves are a partition of the coordinates. Each factor
    is a coupling with positive scales. The target's rows at the pads are zero. In the columns off
    the pads, no entry of the product, with the signs of the flips, differs from the target by more
    than the bound; without a bound the entries are equal. For a covariance the product Q is
    replaced by Q Q^T.

    Parameters
    ----------
    bound_if_smaller : a bound that replaces the bound of the certificate if it is smaller.
    """
    d, p = sum(content["partition"]), content["partition"][0]
    order, pads = content.get("order", list(range(d))), content.get("pads", [])
    halves, flips = (order[:p], order[p:]), content.get("flips", [])
    off = [i for i in range(d) if i not in pads]
    target = [[Fraction(0)] * d for _ in range(d)]
    given = content.get("target") or content["covariance"]
    for i, entries in zip(off, given, strict=True):
        for j, entry in zip(off, entries, strict=True):
            target[i][j] = parse_rational(entry)
    layers = [_IntegerLayer.from_json(layer) for layer in content["layers"]]
    denominator, numerators = _denominator_and_numerators(target)
    derived = "(Q *m Q^T) i j" if "covariance" in content else "Q i j"
    told, wanted, claim = "none", "None", f"M i j = {derived}"
    if "within" in content:
        own = parse_rational(content["within"])
        within = own if bound_if_smaller is None else min(own, bound_if_smaller)
        told, wanted = format_rational(within), f"(Some ({write_rational(within)}))"
        num, den = map(format_rational, within.as_integer_ratio())
        claim = f"`|M i j - {derived}| <= fraction {num} {den}"
    places = dict(zip(("first", "second"), map(_write_coordinates, halves), strict=True))
    places |= {"flips": _write_coordinates(flips), "pads": _write_coordinates(pads)}
    names = {"order": order, "flips": flips, "pads": pads}
    named = [f"{name} {' '.join(map(str, found)) or 'none'}" for name, found in names.items()]
    kind = "a covariance" if "covariance" in content else "a matrix"
    return TheoremText(
        about=f"{len(layers)} coupling layers and {kind}; {'; '.join(named)}; bound {told}",
        library="flow",
        name="flow_of_couplings",
        definitions=DEFINITIONS.format(
            denominator=hex(denominator),
            target=write_rows_with_decimal_comments(
                target, [write_row(entries, hex) for entries in numerators]
            ),
            layers=";\n  ".join(map(str, reversed(layers))),
            divisors=write_row(
                reversed(_moved_rows_common_divisor_per_layer(layers, halves, flips)), hex
            ),
            d=d,
            is_covariance=str("covariance" in content).lower(),
            wanted=wanted,
            **places,
        ),
        statement=STATEMENT.format(d=d, size=len(layers), claim=claim, **places),
        proof="exact: claimedP proved",
    )


class _IntegerLayer(NamedTuple):
    """A layer with scale and shift as integers over the common denominator `den`."""

    moves_second: bool
    den: int
    scale: np.ndarray
    shift: np.ndarray

    @classmethod
    def from_json(cls, layer: Any) -> "_IntegerLayer":
        texts = [layer["scale"], *layer["shift"]]
        den, (scale, *shift) = _denominator_and_numerators(
            [list(map(parse_rational, entries)) for entries in texts]
        )
        numbers = np.array(scale, dtype=object), np.array(shift, dtype=object)
        return cls(layer["moves"] == "second", den, *numbers)

    def __str__(self) -> str:
        moves = "moves_second" if self.moves_second else "moves_first"
        shift = ";\n     ".join(write_row(entries, hex) for entries in self.shift)
        return f"{moves} {hex(self.den)} {write_row(self.scale, hex)}\n    [:: {shift}]"


def _denominator_and_numerators(M: Sequence[Sequence[Fraction]]) -> tuple[int, list[list[int]]]:
    """Return the least common denominator of a matrix, and the numerators over this denominator."""
    den = lcm(*(x.denominator for entries in M for x in entries))
    return den, [[x.numerator * (den // x.denominator) for x in entries] for entries in M]


def _moved_rows_common_divisor_per_layer(
    layers: Sequence[_IntegerLayer], halves: tuple[list[int], list[int]], flips: Sequence[int]
) -> list[int]:
    """Return one divisor for each layer, in the order of application.

    Take the product of all layers up to a layer, and its rows that the layer moves. The divisor is
    the gcd of the numerators of these rows and of their common denominator.
    """
    signs = [-1 if i in flips else 1 for i in range(sum(map(len, halves)))]
    state = [(1, np.diag(signs).astype(object)[half]) for half in halves]
    divisors = []
    for moves_second, den, scale, shift in layers:
        (m_den, m), (o_den, o) = state[moves_second], state[not moves_second]
        moved, whole = (o_den * scale)[:, None] * m + m_den * (shift @ o), den * m_den * o_den
        divisors.append(gcd(whole, *moved.flat))
        state[moves_second] = whole // divisors[-1], moved // divisors[-1]
    return divisors


def _write_coordinates(coordinates: Sequence[int]) -> RocqTerm:
    """Return a list of coordinates as Rocq prints it."""
    return f"[:: {'; '.join(f'{i}%N' for i in coordinates)}]" if coordinates else "[::]"


DEFINITIONS = """Open Scope Z_scope.
Definition target : fractions := over {denominator}
  {target}.

(* The first layer in the list is applied last. *)
Definition layers : seq layer := [::
  {layers}].

(* Common divisors of the rows that each layer moves; they only speed up the proof. *)
Definition divisors : seq positive := {divisors}%positive.
Definition checked := claimed {d}
  {first} {second} {flips} {pads} target layers divisors
  {is_covariance} {wanted}.

(* The coordinates of each half; the coordinates that are negated before the first layer; the pads,
   coordinates at which the rows of the target are zero. *)"""

STATEMENT = """let first := {first} in
  let second := {second} in
  let flips := {flips} in
  let pads := {pads} in
  let M := matrix_over {d} target in
  let Ks := [seq matrix_of_layer {d} first second l | l <- layers] in
  let Q := \\big[mulmx/1%:M]_(K <- Ks) K *m signs {d} flips in
  [/\\ perm_eq (first ++ second) (iota 0 {d}), size Ks = {size}%N,
      forall K : 'M_{d}, K \\in Ks -> is_coupling first K \\/ is_coupling second K,
      forall i j : 'I_{d}, among pads i -> M i j = 0
    & forall i j : 'I_{d}, ~~ among pads j -> {claim}]"""
"""The statement, as Rocq prints it."""
