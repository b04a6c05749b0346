"""The theorem of a depth certificate: a matrix is a product of k layers, and of no fewer.

`depth.v`, `scaled.v` and `unequal.v` beside this file prove, with MathComp, which equations and
inequalities between numbers imply the claim. The theorem applies them to the numbers of the
certificate, which the kernel of Rocq checks by computation.
"""

from fractions import Fraction
from typing import Any

from exactflow import checker
from exactflow.checker import DepthClaim, Matrix
from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import parse_rational
from exactflow.files.rocq.reasons import write_additive_obstruction, write_scaled_obstruction
from exactflow.files.rocq.syntax import (
    RocqTerm,
    TheoremText,
    write_row,
    write_rows,
    write_rows_with_decimal_comments,
)


def depth_theorem(claim: DepthClaim, content: dict[str, Any]) -> TheoremText:
    """Return the theorem that states and proves the claim of a depth certificate.

    The theorem is about matrices over the rationals: the target is a product of k matrices
    [[1, X], [0, 1]] or [[1, 0], [Y, 1]], and no product of fewer. With positive scales, the factors
    are [[S, X], [0, 1]] or [[1, 0], [Y, S]], where S is diagonal and positive. With halves of two
    sizes, coordinates that no layer moves are appended to the matrix; the theorem about the larger
    matrix implies the theorem about the target.

    For additive layers the kinds of obstructions are written as follows. "linear" for up to four
    letters is written as it is. "similarity" and "chain" become ranks whose sum is too large, of
    polynomials in the block D of the matrix and in the block a of the inverse
    (`write_rank_obstruction`); a "chain" that only linear equations exclude is refused. "trace",
    for coefficient k, becomes a power, up to the k-th, for which D = I + Y Z and a = I + Z Y have
    different traces. "linear" for five letters becomes a recurrence, if there is one.

    For positive scales all kinds are written, except a multiplier of the equation
    det M x_1 .. x_n = y_1 .. y_n (see `checker.has_one_signed_polynomial_combination`) if D is
    singular.

    Raises `InvalidInputError` for another order of coordinates, or an obstruction without a formal
    counterpart.
    """
    if content.get("order") not in (None, list(range(sum(content["partition"])))):
        raise InvalidInputError(
            "this certificate cannot be exported as a theorem: its coordinates are permuted; to "
            "verify the certificate itself, run exactflow check FILE"
        )
    is_additive, inverse = claim.scales == "additive", checker.inverse(claim.target, 0)
    layers = []
    for layer in reversed(content["layers"]):
        scale = "" if is_additive else f" {write_row(map(parse_rational, layer['scale']))},"
        shift = write_rows(map(parse_rational, entries) for entries in layer["shift"])
        layers.append(f"({str(layer['moves'] == 'first').lower()},{scale}\n    {shift})")
    p, q = content["partition"]
    n, form = max(p, q), ADDITIVE if is_additive else POSITIVE
    grown = claim, inverse
    if p != q:
        grown, form = _append_fixed_coordinates_to_equalize_halves(claim, inverse, (p, q)), UNEQUAL
    of_U, of_L = (
        _write_obstruction_to_one_layer_fewer(*grown, starts_with_L)
        for starts_with_L in (False, True)
    )
    halves = f"halves of {p} and {q}, in the natural order"
    return TheoremText(
        about=f"{len(layers)} {claim.scales} layers make a matrix, and no fewer; {halves}",
        library=form["library"],
        name=form["name"],
        definitions=DEFINITIONS.format(
            target=write_rows_with_decimal_comments(
                claim.target, list(map(write_row, claim.target))
            ),
            inverse=write_rows(inverse),
            layers=";\n   ".join(layers),
            of_U=of_U,
            of_L=of_L,
            sizes=f"{n}" if p == q else f"{n} {p} {q}",
            d=f"{p} + {q}",
            **form,
        ),
        statement=STATEMENT.format(d=f"{p} + {q}", depth=len(layers), **form),
        proof=f"case/andP: proved => _ proved; exact: no_fewer ({form['holds']}P proved)",
    )


def _append_fixed_coordinates_to_equalize_halves(
    claim: DepthClaim, inverse: Matrix, half_sizes: tuple[int, int]
) -> tuple[DepthClaim, Matrix]:
    """Append coordinates that no layer moves, so that both halves have the same size.

    Return the claim about the larger matrix, and the inverse of the larger matrix. The
    construction is `grow` in unequal.v.
    """
    n, (p, q), zero = max(half_sizes), half_sizes, Fraction(0)
    places = [*range(p), *range(n, n + q)]

    def embed_in_identity_of_equal_halves(M: Matrix) -> Matrix:
        result = checker.identity(2 * n)
        for i, entries in zip(places, M, strict=True):
            for j, entry in zip(places, entries, strict=True):
                result[i][j] = entry
        return result

    obstructions = dict(claim.obstructions)
    for pattern, found in claim.obstructions.items():
        if "multiplier" in found:
            padded = [
                [[*entries, *[zero] * (n - len(entries))] for entries in W]
                + [[zero] * n] * (n - len(W))
                for W in found["multiplier"]
            ]
            obstructions[pattern] = found | {"multiplier": padded}
    return claim._replace(
        n=n, target=embed_in_identity_of_equal_halves(claim.target), obstructions=obstructions
    ), embed_in_identity_of_equal_halves(inverse)


def _write_obstruction_to_one_layer_fewer(
    claim: DepthClaim, inverse: Matrix, starts_with_L: bool
) -> RocqTerm:
    """Return, in Rocq's syntax, the obstruction to a pattern of one layer fewer than claimed.

    `starts_with_L` tells whether the pattern starts with L or with U. Raises `InvalidInputError`
    for an obstruction without a formal counterpart.
    """
    letters, is_additive = max(map(len, claim.obstructions), default=-1), claim.scales == "additive"
    # for positive scales, scaled.v refutes patterns of at most one letter without a witness
    if letters < (0 if is_additive else 2):
        return "Linear [::]" if is_additive else "Weights [::]"
    pattern = "ULULUL"[starts_with_L : starts_with_L + letters]
    obstruction = claim.obstructions[pattern]
    blocks = checker.split_into_blocks(claim.target, inverse, claim.n, starts_with_L)
    if is_additive:
        found = write_additive_obstruction(obstruction, blocks, starts_with_L)
        unsupported = (
            f"the obstruction of kind {obstruction['kind']} to {pattern} follows from neither "
            "traces, ranks nor linear equations for at most four letters, and the block c of the "
            "inverse is no multiple of C"
        )
    else:
        # the last coefficient of the characteristic polynomial is the determinant of the target,
        # since the number of rows is even
        det = checker.descending_characteristic_polynomial(claim.target, 0)[-1]
        found = write_scaled_obstruction(obstruction, blocks, det)
        unsupported = (
            f"the obstruction to {pattern} has a multiplier of the equation of determinants, and "
            f"the block D (for {pattern[:1]}..) is singular"
        )
    if found is None:
        raise InvalidInputError(
            f"this certificate cannot be exported as a theorem: {unsupported}; to verify the "
            "certificate itself, run exactflow check FILE"
        )
    return found


ADDITIVE = {
    "library": "depth",
    "layer": "whether it moves the first half, and its block",
    "layer_type": "layer",
    "name": "least_number_of_shears",
    "factor": "is_shear",
    "holds": "holds",
}
UNEQUAL = ADDITIVE | {"library": "unequal", "factor": "is_unequal_shear", "holds": "unequal_holds"}
POSITIVE = {
    "library": "scaled",
    "layer": "whether it moves the first half, its scale and its block",
    "layer_type": "scaled_layer",
    "name": "least_number_of_couplings",
    "factor": "is_coupling",
    "holds": "scaled_holds",
}
DEFINITIONS = """Open Scope ring_scope.
Definition target : rows :=
  {target}.
Definition target_inverse : rows :=
  {inverse}.

(* For each layer {layer}; the first layer in the list is applied last. *)
Definition layers : seq {layer_type} :=
  [:: {layers}].

(* Obstructions to the patterns with one letter fewer, starting with U and with L. *)
Definition of_U := {of_U}.
Definition of_L := {of_L}.
Definition checked := square ({d}) target &&
  {holds} {sizes} target target_inverse layers of_U of_L.
"""
STATEMENT = """let M := matrix_of ({d}) target in
  (exists Ks : seq 'M_({d}),
     [/\\ size Ks = {depth}%N, forall K : 'M_({d}), K \\in Ks -> {factor} K
       & M = \\big[mulmx/1%:M]_(K <- Ks) K]) /\\
  (forall Ks : seq 'M_({d}),
   (forall K : 'M_({d}), K \\in Ks -> {factor} K) ->
   (size Ks < {depth})%N -> M <> \\big[mulmx/1%:M]_(K <- Ks) K)"""
"""The statement, as Rocq prints it."""
