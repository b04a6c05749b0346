"""A depth certificate as a theorem: this matrix is a product of so many shears and of no fewer.

`depth.v` and `scaled.v` beside this file prove, with MathComp, what makes layers and obstructions
sufficient; a theorem is the certificate's numbers, which the kernel of Rocq checks by computation.
"""

from fractions import Fraction
from typing import Any

from exactflow import checker
from exactflow.checker import DepthClaim, Matrix
from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import parse_rational
from exactflow.files.rocq.reasons import additive_reason, scaled_reason
from exactflow.files.rocq.writing import Stated, row, rows, target_rows


def depth_theorem(claim: DepthClaim, content: dict[str, Any]) -> Stated:
    """The theorem that proves what a depth certificate says.

    It is about matrices over the rationals: the target is a product of k matrices
    [[1, X], [0, 1]] or [[1, 0], [Y, 1]], and no product of fewer. With positive scales, they are
    [[S, X], [0, 1]] or [[1, 0], [Y, S]], S diagonal and positive. With halves of two sizes, it is
    proved of the matrix to which coordinates are appended that no layer moves, and so of the
    matrix.

    Of the obstructions with additive layers, those of kind "linear" for words of up to four letters
    are taken as they are. Those with factors become ranks of polynomials in these that do not go
    together, as `reasons` finds them: all of kind "similarity", and those of kind "chain" where
    numbers of blocks decide; those where linear equations do so are refused. One of kind "trace",
    for coefficient k, becomes that powers of D = I + Y Z and a = I + Z Y up to the k-th differ in
    their traces. One of kind "linear" for five letters becomes a recurrence, if it does. With
    positive scales all are taken, but for a multiplier of det M x_1 .. x_n = y_1 .. y_n
    (see `checker.has_one_sign`) where D is singular.

    Raises `InvalidInputError` for another order of coordinates, or an obstruction that is not
    taken.
    """
    if content.get("order") not in (None, list(range(sum(content["partition"])))):
        raise InvalidInputError(
            "expected the natural order of coordinates for a theorem, got another one: the "
            "checker is evidence in its place"
        )
    is_additive, inverted = claim.scales == "additive", checker.inverse(claim.target, 0)
    layers = [_layer(layer, is_additive) for layer in reversed(content["layers"])]
    p, q = content["partition"]
    n, form = max(p, q), ADDITIVE if is_additive else POSITIVE
    grown = claim, inverted
    if p != q:
        grown, form = _grown(claim, inverted, (p, q)), UNEQUAL
    of_U, of_L = (_reason(*grown, starts_with_L) for starts_with_L in (False, True))
    halves = f"halves of {p} and {q}, in the natural order"
    return Stated(
        about=f"{len(layers)} {claim.scales} layers make a matrix, and no fewer; {halves}",
        library=form["library"],
        name=form["name"],
        definitions=DEFINITIONS.format(
            target=target_rows(claim.target, list(map(row, claim.target))),
            inverse=rows(inverted),
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


def _grown(
    claim: DepthClaim, inverted: Matrix, sizes: tuple[int, int]
) -> tuple[DepthClaim, Matrix]:
    """Return the claim about halves of one size, to which nothing but coordinates was appended
    that no layer moves, as `grow` of unequal.v does, and the inverse matrix.
    """
    n, (p, q) = max(sizes), sizes
    places = [*range(p), *range(n, n + q)]

    def grow(M: Matrix) -> Matrix:
        result = checker.identity(2 * n)
        for i, entries in zip(places, M, strict=True):
            for j, entry in zip(places, entries, strict=True):
                result[i][j] = entry
        return result

    def padded(M: Matrix) -> Matrix:
        zeros = [[Fraction(0)] * n] * (n - len(M))
        return [[*entries, *[Fraction(0)] * (n - len(entries))] for entries in M] + zeros

    obstructions = {
        pattern: found | {"multiplier": list(map(padded, found["multiplier"]))}
        if "multiplier" in found
        else found
        for pattern, found in claim.obstructions.items()
    }
    return claim._replace(n=n, target=grow(claim.target), obstructions=obstructions), grow(inverted)


def _layer(layer: dict[str, Any], is_additive: bool) -> str:
    """Return a layer of the certificate, whether it moves the first half before its numbers."""
    scale = "" if is_additive else f" {row(map(parse_rational, layer['scale']))},"
    shift = rows(map(parse_rational, entries) for entries in layer["shift"])
    return f"({str(layer['moves'] == 'first').lower()},{scale}\n    {shift})"


def _reason(claim: DepthClaim, inverted: Matrix, starts_with_L: bool) -> str:
    """Reason, in the library's terms, that excludes the word of one letter fewer."""
    letters, is_additive = max(map(len, claim.obstructions), default=-1), claim.scales == "additive"
    if letters < (0 if is_additive else 2):  # one layer with scales is known by sight
        return "Linear [::]" if is_additive else "Weights [::]"
    pattern = "ULULUL"[starts_with_L : starts_with_L + letters]
    obstruction = claim.obstructions[pattern]
    blocks = checker.blocks_of(claim.target, inverted, claim.n, starts_with_L)
    if is_additive:
        found = additive_reason(obstruction, blocks, starts_with_L)
        told = (
            "an obstruction by traces, ranks, linear equations for at most four letters, or where "
            "c is a multiple of C, for a theorem, got one of kind "
            f"{obstruction['kind']} for {pattern} that is none of these"
        )
    else:
        det = checker.characteristic_polynomial(claim.target, 0)[-1]  # of an even number of rows
        found = scaled_reason(obstruction, blocks, det)
        told = (
            "no multiplier of the equation of determinants for a theorem, as the block D "
            f"(for {pattern[:1]}..) is singular, got one"
        )
    if found is None:
        raise InvalidInputError(f"expected {told}: the checker is evidence in its place")
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

(* Of each layer {layer}; the first is applied last. *)
Definition layers : seq {layer_type} :=
  [:: {layers}].

(* Why words of one letter fewer do not do: those that start with U, and with L. *)
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
