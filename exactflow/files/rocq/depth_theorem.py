"""A depth certificate as a theorem: this matrix is a product of so many shears and of no fewer.

`rational_lists.v`, `words.v`, `depth.v` and `scaled.v` beside this file prove, with MathComp, what
makes layers and obstructions sufficient; a theorem is these texts and the certificate's numbers,
which the kernel of Rocq checks by computation.
"""

from typing import Any

from exactflow import checker
from exactflow.checker import Blocks, DepthClaim, Matrix
from exactflow.errors import CertificateError, InvalidInputError, VerificationError
from exactflow.exact.numbers import parse_rational
from exactflow.files.rocq.ranks import rank_clash
from exactflow.files.rocq.recurrences import recurrence_clash
from exactflow.files.rocq.scales import scaled_reason
from exactflow.files.rocq.writing import rational, row, rows, texts

__all__ = ["depth_theorem"]


def depth_theorem(data: bytes) -> str:
    """Return a file for `coqc` (with MathComp's algebra) that proves what a depth certificate says.

    Its last theorem is about matrices over the rationals: the target is a product of k matrices
    [[1, X], [0, 1]] or [[1, 0], [Y, 1]], and each such product has at least k factors. With
    positive scales, they are [[S, X], [0, 1]] or [[1, 0], [Y, S]], S diagonal and positive.

    Parameters
    ----------
    data : a depth certificate over QQ. Of its obstructions with additive layers, those of kind
        "linear" for words of up to four letters are taken as they are. Where D = I + Y Z and
        a = I + Z Y are known, one of four letters, or of five where C is 0, becomes that the k-th
        powers of D and of a differ in their traces, if some do. Others become ranks that do not go
        together, as `ranks` finds them: all of kind "similarity", and those of kind "chain"
        where numbers of blocks decide; those where linear equations do so are refused. One of kind
        "linear" for five letters becomes what `recurrences` finds, if it does. With positive
        scales all are taken, but for a multiplier of det M x_1 .. x_n = y_1 .. y_n (see
        `checker.is_one_signed`) where D is singular.

    Raises
    ------
    CertificateError, VerificationError
        It is not well formed, or its claim is not verified.
    InvalidInputError
        It is over GF(p), its halves are of two sizes or in another order, or it has an obstruction
        that is not taken.
    """
    try:
        report = checker.check(data)
    except checker.MalformedError as error:
        raise CertificateError(str(error)) from None
    claim = checker.read_certificate(data).depth if report.kind == "depth" else None
    if claim is None or report.verdict is not checker.Verdict.VERIFIED:
        is_false = report.verdict is checker.Verdict.REFUTED
        failure = VerificationError if is_false else CertificateError
        raise failure(f"expected a depth certificate that holds: {report.lines[-1]}")
    if claim.prime:
        raise InvalidInputError(
            f"expected a depth certificate over QQ for a theorem, got one over "
            f"GF({claim.prime}): the checker is evidence in its place"
        )
    content: Any = checker.read_json(data, "certificate")
    if content["version"] != 1:
        raise InvalidInputError(
            "expected halves of one size, in the natural order of coordinates, for a theorem, got "
            "another partition: the checker is evidence in its place"
        )
    is_additive, inverted = claim.scales == "additive", checker.inverse(claim.target, 0)
    layers = [_layer(layer, is_additive) for layer in reversed(content["layers"])]
    reason = _reason if is_additive else _scaled_reason
    of_U, of_L = (reason(claim, inverted, starts_with_L) for starts_with_L in (False, True))
    numbers = {"target": rows(claim.target), "inverse": rows(inverted)}
    numbers |= {"layers": ";\n   ".join(layers), "of_U": of_U, "of_L": of_L}
    kind, parts = (_SHEARS, ()) if is_additive else (_COUPLINGS, ("scaled.v",))
    theorem = _CLAIM.format(n=claim.n, depth=len(layers), **numbers, **kind)
    return texts("rational_lists.v", "words.v", "depth.v", *parts) + theorem


def _layer(layer: dict[str, Any], is_additive: bool) -> str:
    """Return a layer of the certificate, whether it moves the first half before its numbers."""
    scale = "" if is_additive else f" {row(map(parse_rational, layer['scale']))},"
    shift = rows(map(parse_rational, entries) for entries in layer["shift"])
    return f"({str(layer['moves'] == 'first').lower()},{scale}\n    {shift})"


def _reason(claim: DepthClaim, inverted: Matrix, starts_with_L: bool) -> str:
    """Return why the word of one letter fewer that starts so does not do, as depth.v writes it."""
    letters = max(map(len, claim.obstructions), default=-1)
    if letters < 0:
        return "Linear [::]"
    pattern = "ULULUL"[starts_with_L : starts_with_L + letters]
    obstruction = claim.obstructions[pattern]
    if obstruction["kind"] == "linear" and letters < 5:
        multiplier = obstruction["multiplier"]
        if not letters and starts_with_L:  # A = I, C = 0, D = I, B = 0 with the halves exchanged
            multiplier = multiplier[2:] + multiplier[:2]
        return "Linear [:: " + ";\n    ".join(map(rows, multiplier)) + "]"
    blocks = checker.blocks_of(claim.target, inverted, claim.n, starts_with_L)
    zero = [[0] * claim.n] * claim.n
    C, c = (zero, zero) if letters == 4 else (blocks.C, blocks.c)
    if not any(map(any, C)) and (k := _power(blocks)):
        return f"Trace {k}"
    of_D = blocks.D, C
    of_a = checker.transpose(blocks.a), checker.transpose(c)
    for is_of_a, sides in ((False, (*of_D, *of_a)), (True, (*of_a, *of_D))):
        if clash := rank_clash(obstruction.get("factors", []), *sides):
            polynomials = "\n    ".join(map(row, (clash.f, clash.p)))
            witnesses = "\n    ".join(map(rows, clash[3:8]))
            flags = f"{str(is_of_a).lower()} {str(clash.at_1).lower()}"
            return f"Ranks {flags} {polynomials}\n    {witnesses} {clash.r} {clash.s}"
    if letters == 5 and (found := recurrence_clash(blocks)):
        numbers = f"{rows(found.G)} ({rational(found.k)})"
        lists = f"{row(found.traces)}\n    {row(found.weights)}"
        return f"Multiple {found.r} {numbers}\n    {lists}"
    raise InvalidInputError(
        "expected an obstruction by traces, ranks, linear equations for at most four letters, or "
        "where c is a multiple of C, for a theorem, got one of kind "
        f"{obstruction['kind']} for {pattern} that is none of these: the checker is evidence in "
        "its place"
    )


def _scaled_reason(claim: DepthClaim, inverted: Matrix, starts_with_L: bool) -> str:
    """Return the same with positive scales, as scaled.v writes it."""
    letters = max(map(len, claim.obstructions), default=-1)
    if letters < 2:
        return "Weights [::]"  # one layer is known by sight
    pattern = "ULULUL"[starts_with_L : starts_with_L + letters]
    obstruction = claim.obstructions[pattern]
    blocks = checker.blocks_of(claim.target, inverted, claim.n, starts_with_L)
    det = checker.characteristic(claim.target, 0)[-1]  # of an even number of rows
    reason = scaled_reason(obstruction, blocks, det)
    if reason is None:
        raise InvalidInputError(
            "expected no multiplier of the equation of determinants for a theorem, as the block D "
            f"(for {pattern[:1]}..) is singular, got one: the checker is evidence in its place"
        )
    return reason


def _power(blocks: Blocks) -> int:
    """Return the least k for which tr D^k and tr a^k differ, 0 if none does.

    By Newton's identities one does, up to n, iff the characteristic polynomials differ.
    """
    D, a = checker.identity(len(blocks.D)), checker.identity(len(blocks.D))
    for k in range(1, len(D) + 1):
        D, a = checker.times(D, blocks.D, 0), checker.times(a, blocks.a, 0)
        if sum(D[i][i] - a[i][i] for i in range(len(D))):
            return k
    return 0


_SHEARS = {
    "layer": "whether it moves the first half, and its block",
    "layer_type": "layer",
    "theorem": "least_number_of_shears",
    "factor": "is_shear",
    "holds": "holds",
}
_COUPLINGS = {
    "layer": "whether it moves the first half, its scale and its block",
    "layer_type": "scaled_layer",
    "theorem": "least_number_of_couplings",
    "factor": "is_coupling",
    "holds": "scaled_holds",
}
_CLAIM = """
Definition target : rows :=
  {target}.
Definition target_inverse : rows :=
  {inverse}.

(* Of each layer {layer}; the first is applied last. *)
Definition layers : seq {layer_type} :=
  [:: {layers}].

(* Why words of one letter fewer do not do: those that start with U, and with L. *)
Definition of_U := {of_U}.
Definition of_L := {of_L}.

Theorem {theorem} (M := matrix_of ({n} + {n}) target) :
  (exists Ks : seq 'M[rat]_({n} + {n}),
    [/\\ size Ks = {depth}, forall K, K \\in Ks -> {factor} K &
       M = \\big[mulmx/1%:M]_(K <- Ks) K]) /\\
  forall Ks : seq 'M[rat]_({n} + {n}), (forall K, K \\in Ks -> {factor} K) ->
    M = \\big[mulmx/1%:M]_(K <- Ks) K -> ({depth} <= size Ks)%N.
Proof.
have checked : {holds} {n} target target_inverse layers of_U of_L by vm_compute.
exact: ({holds}P checked).
Qed.
Print Assumptions {theorem}.
"""
