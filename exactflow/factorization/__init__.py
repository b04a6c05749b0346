"""The constructions. `factor` is the only door; each other module is one route."""

from collections.abc import Callable

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import (
    InvalidInputError,
    MethodError,
    OrientationError,
    SingularMatrixError,
)
from exactflow.exact import linalg
from exactflow.exact.coerce import as_matrix
from exactflow.exact.linalg import Blocks
from exactflow.exact.numbers import format_short
from exactflow.factorization.classical import classical_layers
from exactflow.factorization.commutator import commutator_shifts, stable_range_shift
from exactflow.factorization.exact_balanced import balanced_layers
from exactflow.factorization.partition import partition_layers
from exactflow.factorization.permutation import (
    permutation_layers,
    permutation_sign,
    signed_permutation,
)
from exactflow.factorization.short import short_layers
from exactflow.factorization.transvection import transvection_shifts
from exactflow.flows.flow import CouplingFlow, LinearCoupling, LinearFlow
from exactflow.flows.halves import resolve_partition
from exactflow.flows.relabelled import relabelled
from exactflow.flows.verification import verify
from exactflow.targets import with_pads

__all__ = ["METHODS", "ORIENTATIONS", "SCALES", "factor"]

METHODS = (
    "auto",
    "transvection",
    "commutator",
    "permutation",
    "partition",
    "classical",
    "balanced",
)
ORIENTATIONS = ("error", "flip", "pad")
SCALES = ("positive", "nonzero")


def factor(
    M,
    method: str = "auto",
    orientation: str = "error",
    scales: str = "positive",
    partition=None,
) -> LinearFlow:
    """Return a flow of affine coupling layers that equals `M` exactly: at most six of them where
    the two halves have one size.

    Every real matrix of positive determinant on an even number d = 2n of coordinates is a product
    of at most six alternating couplings, all additive but for one scale entry that carries det M;
    for halves of p < q it takes 2 m + 1 generically and at most 2 m + 4, m = ceil(q / p) (Koehler,
    Mehta and Risteski, *Representational aspects of depth and conditioning in normalizing flows*,
    ICML 2021, Theorem 1, for a bounded number; Urschel 2024 for six, which is sharp). The result
    is checked against `M` before it is returned.

    Parameters
    ----------
    M : d x d matrix, d >= 2: SymPy, NumPy (floats are the exact dyadic rationals that they are),
        nested lists of integers, Fractions and "p/q" strings, or a DomainMatrix.
    method : "transvection" (six layers, the shortest numbers; for M with an invertible diagonal
        block and cyclic vectors), "commutator" (five layers if an off-diagonal block is
        invertible, else six; always applies), "permutation" (signed permutation matrices: integers
        of absolute value at most 2, in linear time), "partition" (halves of any sizes; five layers
        generically where they are equal), "classical" (the paper's own kind of route, over QQ: at
        most 18 layers, to be read rather than used), "balanced" (over QQ, d <= 20: layers with
        entries near the least possible, but long fractions), or "auto":
        permutation where M is one, at most two layers where the entries show them, else
        transvection where it applies, else commutator; partition where the halves are not equal.
    orientation : what to do if det M < 0, which no flow of couplings with positive scales can
        represent: "error"; "flip": negate coordinate 0 of the input first, a step that the flow
        records in its `flips`, so that flow and flip together equal M; or "pad": return a flow of
        d + 2 coordinates that equals `pad(M)`.
    scales : "positive", or "nonzero", which lets one scale carry any determinant over a field
        where "positive" has no meaning or is not known.
    partition : (p, q) with p + q = d, or a mask of d zeros and ones, 1 for the first half (see
        `exactflow.flows.halves`); (d // 2, d - d // 2) where it is left out.

    Returns
    -------
    CouplingFlow, or a `exactflow.flows.relabelled.Relabelled` one where a mask was given
        Its `method` says which construction made it.

    Raises
    ------
    InvalidInputError, SingularMatrixError, OrientationError, MethodError, FieldTooSmallError

    Examples
    --------
    >>> flow = factor([[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])
    >>> flow.depth
    6
    >>> flow.forward([1, 2, 3, 4])
    Matrix([
    [3],
    [1],
    [2],
    [4]])
    """
    _check_option("method", method, METHODS)
    _check_option("orientation", orientation, ORIENTATIONS)
    _check_option("scales", scales, SCALES)
    target = as_matrix(M)
    order, halves = resolve_partition(partition, target.shape[0])
    flips: tuple[int, ...] = ()
    if _reverses_orientation(target, scales):
        if orientation == "error":
            raise OrientationError(_NEGATIVE)
        if orientation == "flip":
            flips = (0,)
        else:
            target, order, halves = _padded(target, order, halves)
    oriented = _columns_negated(target, flips)
    if list(order) != sorted(order):
        oriented = oriented.extract(list(order), list(order))
    layers, used = _layers(oriented, halves, method, scales)
    inner = [order.index(i) for i in flips]
    flow = relabelled(CouplingFlow(_merged(layers), halves, inner, used, target.domain), order)
    verify(flow, target)
    return flow


def _padded(
    target: DomainMatrix, order: tuple[int, ...], halves: tuple[int, int]
) -> tuple[DomainMatrix, tuple[int, ...], tuple[int, int]]:
    """Return the target with pads, and the order and partition of d + 2 coordinates."""
    if list(order) != sorted(order):
        raise InvalidInputError(
            "expected a partition (p, q) with orientation='pad', got a mask: list the coordinates "
            "of the first half first, or use orientation='flip'"
        )
    p, q = halves
    return with_pads(target, p), tuple(range(p + q + 2)), (p + 1, q + 1)


_NEGATIVE = (
    "expected det > 0, got det < 0: every coupling with positive scales preserves orientation, so "
    "no flow of couplings represents this matrix; orientation='flip' (--orientation flip) negates "
    "coordinate 0 first and records that; orientation='pad' (--orientation pad) appends one "
    "coordinate to each half and swaps these two, so that zeros there stay zeros"
)


def _check_option(name: str, value: str, options: tuple[str, ...]) -> None:
    if value not in options:
        choices = ", ".join(map(repr, options))
        raise InvalidInputError(f"expected {name} to be one of {choices}, got {value!r}")


def _reverses_orientation(target: DomainMatrix, scales: str) -> bool:
    """Return whether det < 0; refuse det = 0, and a det that no scale may carry."""
    if (monomial := signed_permutation(target)) is not None:
        return permutation_sign(*monomial) < 0
    field, det = target.domain, target.to_dense().det()
    if not det:
        d = target.shape[0]
        raise SingularMatrixError(
            f"expected an invertible matrix, got rank {linalg.rank(target)} of {d}: "
            "a flow is invertible, so no flow represents it"
        )
    positive = linalg.is_positive(det, field)
    if positive is None and det != field.one and scales == "positive":
        raise OrientationError(
            f"expected determinant 1 over {field}, where no other is known to be positive, got "
            f"{format_short(field.to_sympy(det))}: scales='nonzero' lets one scale carry it"
        )
    return positive is False


def _columns_negated(M: DomainMatrix, flips: tuple[int, ...]) -> DomainMatrix:
    """Return M F, where F negates the coordinates in `flips`."""
    if not flips:
        return M
    signs = [M.domain.one] * M.shape[0]
    for i in flips:
        signs[i] = -signs[i]
    return linalg.scale_rows(signs, M.transpose()).transpose()


def _layers(
    M: DomainMatrix, partition: tuple[int, int], method: str, scales: str
) -> tuple[list[LinearCoupling], str]:
    """Return layers, in order of application, that compose to M; and the method's name."""
    equal = partition[0] == partition[1]
    if (
        method in ("transvection", "commutator", "permutation", "classical", "balanced")
        and not equal
    ):
        raise MethodError(
            f"expected halves of one size for method={method!r}, got {partition}: use "
            "method='partition' or 'auto'"
        )
    if method in ("auto", "permutation") and equal:
        if (monomial := signed_permutation(M)) is not None:
            return permutation_layers(*monomial), "permutation"
        if method == "permutation":
            raise MethodError(
                "expected a signed permutation matrix for method='permutation', got another: use "
                "method='auto'"
            )
    blocks = linalg.split(M.to_dense(), partition[0])
    if method == "classical":
        return classical_layers(blocks), "classical"
    if method == "balanced":
        if (layers := balanced_layers(blocks)) is None:
            raise MethodError(
                "expected a matrix with regular balanced layers for method='balanced', got one all "
                "of whose short ones are nearly singular, as for scalar matrices, reflections and "
                "block swaps: use method='auto'"
            )
        return layers, "balanced"
    if method == "auto" and (layers := short_layers(blocks, scales)) is not None:
        return layers, "short"
    if method == "partition" or not equal:
        return partition_layers(blocks), "partition"
    if method != "commutator":
        if (layers := _either_way(transvection_shifts, blocks, "second")) is not None:
            return layers, "transvection"
        if method == "transvection":
            raise MethodError(
                "expected a matrix one of whose diagonal blocks is invertible and, with its Schur "
                "complement, has a cyclic vector among those tried; got one for which the "
                "transvection route does not apply: use method='commutator' or 'auto'"
            )
    if (layers := _either_way(commutator_shifts, blocks, "first")) is not None:
        return layers, "commutator"
    return _constructed(_six_shifts, blocks, "second"), "commutator"


def _six_shifts(blocks: Blocks) -> list[DomainMatrix]:
    A, B, C, D = blocks
    W0 = stable_range_shift(blocks)
    return [-W0, *commutator_shifts(Blocks(A, B, C + W0 * A, D + W0 * B))]


Route = Callable[[Blocks], list[DomainMatrix] | None]


def _either_way(route: Route, blocks: Blocks, last: str) -> list[LinearCoupling] | None:
    """Try a route on the matrix, then with its halves exchanged."""
    layers = _constructed(route, blocks, last)
    if layers is None:
        layers = _constructed(route, linalg.swap_halves(blocks), last)
        layers = None if layers is None else [layer.swap_halves() for layer in layers]
    return layers


def _constructed(route: Route, blocks: Blocks, last: str) -> list[LinearCoupling] | None:
    """Return the layers of a route that needs determinant 1 and ends in a layer moving `last`.

    The determinant is divided out of one row of the half that moves last, and comes back as one
    entry of that layer's scale.
    """
    field, n = blocks.A.domain, blocks.A.shape[0]
    det = linalg.join(blocks).det()
    scale = [det] + [field.one] * (n - 1)
    inverse = [field.one / s for s in scale]
    A, B, C, D = blocks
    if last == "first":
        A, B = linalg.scale_rows(inverse, A), linalg.scale_rows(inverse, B)
    else:
        C, D = linalg.scale_rows(inverse, C), linalg.scale_rows(inverse, D)
    shifts = route(Blocks(A, B, C, D))
    if shifts is None:
        return None
    halves = (last, "first" if last == "second" else "second")
    layers = [LinearCoupling((n, n), halves[i % 2], T) for i, T in enumerate(shifts)]
    determinant = LinearCoupling(
        (n, n), last, linalg.zeros(n, n, field), linalg.column(scale, field)
    )
    return [*reversed(layers), determinant]


def _merged(layers: list[LinearCoupling]) -> list[LinearCoupling]:
    """Merge neighbours that move the same half, and drop layers that change nothing."""
    result: list[LinearCoupling] = []
    for layer in layers:
        if result and result[-1].moves == layer.moves:
            layer = layer.after(result.pop())
        if not layer.is_identity:
            result.append(layer)
    return result
