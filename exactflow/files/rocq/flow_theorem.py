"""A certificate of layers as a theorem: this matrix is a product of couplings, or near one.

`flow.v` beside this file proves, with MathComp, what makes products of integers over common
denominators sufficient; a theorem is the certificate's numbers, and the kernel of Rocq multiplies
them.

Main results
------------
After each layer the rows that it moved are divided by what all of them and their denominator have
in common. The divisors are part of the proof, not of the statement: of a float32 matrix with 12
coordinates the numbers then have 2,200 bits at most, not 27,000.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import gcd
from typing import Any, NamedTuple

import numpy as np

from exactflow.exact.numbers import format_rational, parse_rational
from exactflow.files.rocq.writing import Stated, over, rational, row, target_rows


def flow_theorem(content: dict[str, Any], bound: Fraction | None = None) -> Stated:
    """The theorem that proves what a certificate claims.

    It is about matrices over the rationals, their coordinates in their natural order whatever order
    the layers see. The two halves are a partition of the coordinates. Each factor is a coupling
    with positive scales. The target's rows at the pads are zero; in the columns off the pads, no
    entry of the product, with the signs of the flips, differs from the target by more than the
    bound, or they are equal where the certificate has none. With a covariance this is said of Q Q^T
    in the place of the product Q.

    Parameters
    ----------
    bound : a smaller one than the certificate's, if it has one.
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
    layers = [_Layer.read(layer) for layer in content["layers"]]
    denominator, numerators = over(target)
    derived = "(Q *m Q^T) i j" if "covariance" in content else "Q i j"
    told, wanted, claim = "none", "None", f"M i j = {derived}"
    if "within" in content:
        own = parse_rational(content["within"])
        within = own if bound is None else min(own, bound)
        told, wanted = format_rational(within), f"(Some ({rational(within)}))"
        num, den = map(format_rational, within.as_integer_ratio())
        claim = f"`|M i j - {derived}| <= fraction {num} {den}"
    places = dict(zip(("first", "second"), map(_places, halves), strict=True))
    places |= {"flips": _places(flips), "pads": _places(pads)}
    names = {"order": order, "flips": flips, "pads": pads}
    named = [f"{name} {' '.join(map(str, found)) or 'none'}" for name, found in names.items()]
    kind = "a covariance" if "covariance" in content else "a matrix"
    return Stated(
        about=f"{len(layers)} coupling layers and {kind}; {'; '.join(named)}; bound {told}",
        library="flow",
        name="flow_of_couplings",
        definitions=DEFINITIONS.format(
            denominator=hex(denominator),
            target=target_rows(target, [row(entries, hex) for entries in numerators]),
            layers=";\n  ".join(map(str, reversed(layers))),
            divisors=row(reversed(_divisors(layers, halves, flips)), hex),
            d=d,
            is_covariance=str("covariance" in content).lower(),
            wanted=wanted,
            **places,
        ),
        statement=STATEMENT.format(d=d, size=len(layers), claim=claim, **places),
        proof="exact: claimedP proved",
    )


class _Layer(NamedTuple):
    """A layer, in integers over a common denominator."""

    moves_second: bool
    den: int
    scale: np.ndarray
    shift: np.ndarray

    @classmethod
    def read(cls, layer: Any) -> "_Layer":
        texts = [layer["scale"], *layer["shift"]]
        den, (scale, *shift) = over([list(map(parse_rational, entries)) for entries in texts])
        numbers = np.array(scale, dtype=object), np.array(shift, dtype=object)
        return cls(layer["moves"] == "second", den, *numbers)

    def __str__(self) -> str:
        moves = "moves_second" if self.moves_second else "moves_first"
        shift = ";\n     ".join(row(entries, hex) for entries in self.shift)
        return f"{moves} {hex(self.den)} {row(self.scale, hex)}\n    [:: {shift}]"


def _divisors(
    layers: Sequence[_Layer], halves: tuple[list[int], list[int]], flips: Sequence[int]
) -> list[int]:
    """Common divisors of the rows that each layer moves, in the products of `run` of flow.v."""
    signs = [-1 if i in flips else 1 for i in range(sum(map(len, halves)))]
    state = [(1, np.diag(signs).astype(object)[half]) for half in halves]
    divisors = []
    for moves_second, den, scale, shift in layers:
        (m_den, m), (o_den, o) = state[moves_second], state[not moves_second]
        moved, whole = (o_den * scale)[:, None] * m + m_den * (shift @ o), den * m_den * o_den
        divisors.append(gcd(whole, *moved.flat))
        state[moves_second] = whole // divisors[-1], moved // divisors[-1]
    return divisors


def _places(found: Sequence[int]) -> str:
    """A list of coordinates, as Rocq prints it."""
    return f"[:: {'; '.join(f'{i}%N' for i in found)}]" if found else "[::]"


DEFINITIONS = """Open Scope Z_scope.
Definition target : fractions := over {denominator}
  {target}.

(* The first layer is applied last. *)
Definition layers : seq layer := [::
  {layers}].

(* Common divisors of the rows that a layer moved, for the computation alone. *)
Definition divisors : seq positive := {divisors}%positive.
Definition checked := claimed {d}
  {first} {second} {flips} {pads} target layers divisors
  {is_covariance} {wanted}.

(* The coordinates of either half; those that are negated before the first layer; those that the
   data does not have, at which its rows are zero. *)"""

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
