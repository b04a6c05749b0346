"""A certificate as a theorem: a product of couplings is this matrix, or within a bound of it.

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

from exactflow.exact.numbers import parse_rational
from exactflow.files.rocq.writing import over, rational, row, target_rows

__all__ = ["CLAIMS", "FLOW", "flow_theorem"]

BITS_A_SECOND = 1e8
"""Products of bits that the virtual machine of Coq 8.20 forms in a second, as measured."""


def flow_theorem(content: dict[str, Any]) -> tuple[str, str, str]:
    """Return what is proved, in brief, the text of the library that it requires, and what follows
    that: the theorem that proves what a certificate claims.

    It is about matrices over the rationals, their coordinates in their natural order whatever order
    the layers see. Each factor is a coupling with positive scales; in the columns off the pads, no
    entry of their product, with the signs of the flips, differs from the target by more than the
    bound, or they are equal where the certificate has none. With a covariance this is said of Q Q^T
    in the place of the product Q.
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
    divisors, work = _divisors(layers, halves, flips)
    denominator, numerators = over(target)
    listed = ";\n  ".join(map(str, reversed(layers)))
    about = f"{len(layers)} coupling layers and a matrix; coqc takes about {4 + round(work)} s"
    return (
        about,
        "flow",
        FLOW.format(
            denominator=hex(denominator),
            target=target_rows(target, [row(entries, hex) for entries in numerators]),
            layers=f"[::\n  {listed}]",
            first=_places(halves[0]),
            second=_places(halves[1]),
            flips=_places(flips),
            pads=_places(pads),
            bound=rational(parse_rational(content.get("within", "0"))),
            divisors=row(reversed(divisors), hex),
            d=d,
            **CLAIMS["covariance" in content, "within" in content],
        ),
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
) -> tuple[list[int], float]:
    """Return what the rows moved by each layer may be divided by, and the seconds this takes.

    The same products as in `run` of flow.v; a product of k and l bits is counted as k l, a
    quotient of k bits by l bits as 2.7 k l.
    """
    signs = [-1 if i in flips else 1 for i in range(sum(map(len, halves)))]
    state = [(1, np.diag(signs).astype(object)[half]) for half in halves]
    bits, divisors, work = np.frompyfunc(int.bit_length, 1, 1), [], 0.0
    for moves_second, den, scale, shift in layers:
        (m_den, m), (o_den, o) = state[moves_second], state[not moves_second]
        sums = shift @ o
        moved, whole = (o_den * scale)[:, None] * m + m_den * sums, den * m_den * o_den
        divisor = gcd(whole, *moved.flat)
        moved //= divisor
        work += (bits(shift) @ bits(o)).sum() + m_den.bit_length() * bits(sums).sum()
        work += (bits(o_den * scale) @ bits(m)).sum()
        work += 2.7 * divisor.bit_length() * bits(moved).sum()
        state[moves_second] = whole // divisor, moved
        divisors.append(divisor)
    return divisors, work / BITS_A_SECOND


def _places(found: Sequence[int]) -> str:
    return f"{row(found, str)}%N" if found else "[::]"


CLAIMS = {
    (is_covariance, is_within): {
        "is_covariance": str(is_covariance).lower(),
        "wanted": "(Some bound)" if is_within else "None",
        "lemma": ("covariance_" if is_covariance else "") + ("withinP" if is_within else "equalP"),
        "claim": ("`|M i j - {}| <= rational bound" if is_within else "M i j = {}").format(
            "(Q *m Q^T) i j" if is_covariance else "Q i j"
        ),
    }
    for is_covariance in (False, True)
    for is_within in (False, True)
}
"""What the theorem says of Q or of Q Q^T, and by which lemma of flow.v."""

FLOW = """Open Scope Z_scope.
Definition target : fractions := over {denominator}
  {target}.

(* The first layer is applied last. *)
Definition layers : seq layer := {layers}.

(* The coordinates of either half, those that are negated before the first layer, and those that
   the data does not have: its rows at the pads are zero. *)
Definition first : seq nat := {first}.
Definition second : seq nat := {second}.
Definition flips : seq nat := {flips}.
Definition pads : seq nat := {pads}.
Definition bound := {bound}.

(* Common divisors of the rows that a layer moved, for the computation alone. *)
Definition divisors : seq positive := {divisors}%positive.
Definition checked :=
  holds {d} first second flips {is_covariance} {wanted} pads target layers divisors.

Open Scope ring_scope.
Theorem flow_of_couplings (M := matrix_over {d} target)
    (Ks := [seq matrix_of_layer {d} first second l | l <- layers])
    (Q := (\\big[mulmx/1%:M]_(K <- Ks) K) *m signs {d} flips) :
  (forall K, K \\in Ks -> is_coupling first K \\/ is_coupling second K) /\\
  forall i j : 'I_{d}, (j : nat) \\notin pads -> {claim}.
Proof.
have proved : checked = true by vm_cast_no_check (erefl true).
rewrite /checked in proved; exact: {lemma} proved.
Qed.
Print Assumptions flow_of_couplings.
"""
