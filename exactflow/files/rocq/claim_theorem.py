"""A certificate as a theorem: a product of couplings is this matrix, or within a bound of it.

`rational_lists.v` and `within.v` beside this file prove, with MathComp, what makes lists of
rationals sufficient; a theorem is these texts and the certificate's numbers, which the kernel of
Rocq checks by computation.
"""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from exactflow import checker
from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import parse_rational
from exactflow.files.certificate import read_certificate
from exactflow.files.rocq.writing import rational, rows, texts

__all__ = ["claim_theorem", "claims_more"]


def claims_more(path: str | Path) -> bool:
    """Return whether a well-formed certificate claims more than that the target is the product."""
    claim = checker.read_certificate(Path(path).read_bytes())
    return bool(claim.pads or claim.is_covariance) or claim.within is not None


def claim_theorem(path: str | Path) -> str:
    """Return a file for `coqc` (with MathComp's algebra) that proves what a certificate claims.

    `export` proves less: that the product is the flow's own matrix; MathComp is not needed there.

    Its last theorem is about matrices over the rationals, their coordinates in their natural order
    whatever order the layers see. Each factor is a coupling with positive scales; in the columns
    off the pads, no entry of their product, with the signs of the flips, differs from the target
    by more than the bound, or they are equal where the certificate has none. With a covariance
    this is said of Q Q^T in the place of the product Q.

    Parameters
    ----------
    path : a certificate over QQ.

    Raises
    ------
    CertificateError, VerificationError
        It is not well formed, or its claim is not verified.
    InvalidInputError
        It is over another field.
    """
    read_certificate(path)
    content: Any = checker.read_json(Path(path).read_bytes(), "certificate")
    if content["field"] != "QQ":
        raise InvalidInputError(
            f"expected a certificate over QQ for a theorem, got one over {content['field']}: "
            "the checker is evidence in its place"
        )
    d, p = sum(content["partition"]), content["partition"][0]
    order, pads = content.get("order", list(range(d))), content.get("pads", [])
    first, second = order[:p], order[p:]
    off = [i for i in range(d) if i not in pads]
    is_covariance, is_exact = "covariance" in content, "within" not in content
    target = [[Fraction(0)] * d for _ in range(d)]
    for i, entries in zip(off, content["covariance" if is_covariance else "target"], strict=True):
        for j, entry in zip(off, entries, strict=True):
            target[i][j] = _number(entry)
    factors = [_factor(layer, first, second) for layer in reversed(content["layers"])]
    value = "(Q *m Q^T)" if is_covariance else "Q"
    return texts("rational_lists.v", "within.v") + _CLAIM.format(
        d=d,
        target=rows(target),
        factors=";\n   ".join(map(rows, factors)),
        first=_numbers(first),
        flips=_numbers(content.get("flips", [])),
        pads=_numbers(pads),
        bound=rational(_number(content.get("within", "0"))),
        is_covariance=str(is_covariance).lower(),
        claim=f"M i j = {value} i j" if is_exact else f"`|M i j - {value} i j| <= rational bound",
        proof="(equalP checked)" if is_exact else "(withinP checked)",
    )


def _number(text: str) -> Fraction:
    value = parse_rational(text)
    return Fraction(int(value.numerator), int(value.denominator))


def _numbers(found: Sequence[int]) -> str:
    return f"[:: {'; '.join(map(str, found))}]%N" if found else "[::]"


def _factor(layer: Any, first: Sequence[int], second: Sequence[int]) -> list[list[Fraction]]:
    """Return the matrix of a layer, about the coordinates in their natural order."""
    moved, others = (first, second) if layer["moves"] == "first" else (second, first)
    d = len(moved) + len(others)
    K = [[Fraction(i == j) for j in range(d)] for i in range(d)]
    for i, scale, shift in zip(moved, layer["scale"], layer["shift"], strict=True):
        K[i][i] = _number(scale)
        for j, entry in zip(others, shift, strict=True):
            K[i][j] = _number(entry)
    return K


_CLAIM = """
Definition target : rows :=
  {target}.

(* The first factor is applied last. *)
Definition factors : seq rows :=
  [:: {factors}].

(* The coordinates of the first half, those that are negated before the first layer, and those that
   the data does not have: its rows at the pads are zero. *)
Definition first_half : pred nat := fun i => i \\in {first}.
Definition flips : seq nat := {flips}.
Definition pads : seq nat := {pads}.
Definition bound := {bound}.

Theorem flow_of_couplings (M := matrix_of {d} target) (Ks := [seq matrix_of {d} s | s <- factors])
    (Q := (\\big[mulmx/1%:M]_(K <- Ks) K) *m signs {d} flips) :
  (forall K, K \\in Ks -> is_coupling first_half K \\/ is_coupling (predC first_half) K) /\\
  forall i j : 'I_{d}, (j : nat) \\notin pads -> {claim}.
Proof.
have checked : holds {d} first_half {is_covariance} bound pads target factors flips by vm_compute.
exact: {proof}.
Qed.
Print Assumptions flow_of_couplings.
"""
