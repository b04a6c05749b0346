"""The classical route: P L U, and triangular factors with distinct positive eigenvalues.

Main results
------------
Every M = [[A, B], [C, D]] of positive determinant, n x n blocks over an ordered field, is a product
of at most `LAYERS` = 18 couplings, made of pivots, eigenvectors of triangular matrices and
permutations alone. The tools are those of Koehler, Mehta and Risteski, *Representational aspects of
depth and conditioning in normalizing flows*, ICML 2021; this is a construction to read, and
`exactflow.factor` has shorter ones.

The proof, in these letters, and the count are in the script classical_route. Without swaps and
negative pivots (Sigma = I) at most 12 layers are left; with an invertible C at most 17, and with
both at most 11.

How it is checked
-----------------
*Exact* on every call of `classical`; the count is that of the lists below, asserted in the tests.
"""

from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import MethodError
from exactflow.exact import krylov, linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.linalg import Blocks
from exactflow.exact.typing import Element, Half, MatrixLike
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.flows.partition import opposite
from exactflow.flows.verification import verify
from exactflow.linear.factor.assembly import (
    alternate_shears,
    layers_in_application_order,
    merge_neighbours_drop_identities,
    merge_scale_into_last_layer_of_half,
    shear_layer,
)
from exactflow.linear.factor.commutator import give_C_full_column_rank
from exactflow.linear.factor.permutation import at_most_six_layers_of_det_1_permutation
from exactflow.linear.factor.problem import Problem

__all__ = ["LAYERS", "classical"]

LAYERS = 18


def classical(M: MatrixLike) -> CouplingFlow:
    """Return a flow of at most `LAYERS` couplings that equals M exactly.

    M is 2n x 2n, of positive determinant. Raises `MethodError` for an odd number of coordinates,
    and over a field whose elements have no known sign; else as `exactflow.factor` does.

    >>> classical([[-1, 0], [0, -1]]).matrix()
    Matrix([
    [-1,  0],
    [ 0, -1]])
    """
    problem = Problem.from_matrix(as_square_matrix(M))
    p, q = problem.partition
    if p != q:
        raise MethodError(f"expected halves of one size, got {p} and {q}: use exactflow.factor")
    layers, field = _layers(problem.split_into_blocks()), problem.target.domain
    flow = CouplingFlow(
        merge_neighbours_drop_identities(layers), problem.partition, method="classical", field=field
    )
    verify(flow, problem.target)
    return flow


def _layers(blocks: Blocks) -> list[LinearCoupling]:
    """Return layers, in order of application, that compose to the given n x n blocks.

    At most `LAYERS` are left once neighbours that move the same half are merged.
    """
    C_inverse = linalg.inverse_or_none(blocks.C)
    if C_inverse is not None:
        return _around_one_block(blocks, C_inverse)
    W0, rest = give_C_full_column_rank(blocks)
    return [*_around_one_block(rest, rest.C.inv()), shear_layer("second", -W0)]


def _around_one_block(blocks: Blocks, C_inverse: DomainMatrix) -> list[LinearCoupling]:
    """Return the layers of U(X) diag(T, I) L(C) U(V)."""
    A, B, C, D = blocks
    V = C_inverse * (D - linalg.identity(A.shape[0], A.domain))
    X = B - A * V
    T = A - X * C
    return [
        shear_layer("first", V),
        shear_layer("second", C),
        *_block_layers(T),
        shear_layer("first", X),
    ]


def _block_layers(T: DomainMatrix) -> list[LinearCoupling]:
    """Return the layers of diag(T, I), for det T > 0."""
    perm, signs, L, R = _signed_plu(T)
    permuted = _permutation_layers(perm, signs, T.domain)
    leftmost = permuted[0].moves if permuted else "first"
    return _triangular_layers(L, R, leftmost) + permuted


def _signed_plu(T: DomainMatrix) -> tuple[list[int], list[int], DomainMatrix, DomainMatrix]:
    """Return perm, signs, L, R with ``T[i] = signs[i] (L R)[perm[i]]`` row by row; L is unit lower
    triangular, R upper triangular with a positive diagonal.
    """
    L, R, swaps = T.lu()
    field, n = T.domain, T.shape[0]
    order = list(range(n))
    for i, j in swaps:
        order[i], order[j] = order[j], order[i]
    perm = [order.index(i) for i in range(n)]
    pivots = [_sign(pivot, field) for pivot in R.diagonal()]
    units = [field.convert(sign) for sign in pivots]
    L = linalg.scale_columns(linalg.scale_rows(units, L), units)
    return perm, [pivots[i] for i in perm], L, linalg.scale_rows(units, R)


def _sign(pivot: Element, field: Domain) -> int:
    positive = linalg.is_positive(pivot, field)
    if positive is None:
        raise MethodError(
            "expected numbers whose signs are known, since pivots become positive scales, got "
            f"entries in {field}: use exactflow.factor"
        )
    return 1 if positive else -1


def _permutation_layers(perm: list[int], signs: list[int], field: Domain) -> list[LinearCoupling]:
    """Return the layers of diag(Sigma, I), where Sigma has determinant 1 and signs[i] in row i,
    column perm[i]; none for the identity.
    """
    n = len(perm)
    layers = at_most_six_layers_of_det_1_permutation([*perm, *range(n, 2 * n)], signs + [1] * n)
    return [
        shear_layer(layer.moves, layer.shift_matrix.convert_to(field).to_dense())
        for layer in layers
    ]


def _triangular_layers(L: DomainMatrix, R: DomainMatrix, leftmost: Half) -> list[LinearCoupling]:
    """Return the layers of diag(L R, I); the last one applied moves the half `leftmost`."""
    field = L.domain
    E = _splitting_diagonal(R.diagonal(), field)
    F = [r / e for r, e in zip(R.diagonal(), E, strict=True)]
    lower = linalg.diagonal(E, field)
    S = krylov.upper_triangular_eigenvectors((L * lower).transpose()).transpose().inv()
    H = krylov.upper_triangular_eigenvectors(linalg.diagonal([field.one / e for e in E], field) * R)
    S_inverse, H_inverse, one = S.inv(), H.inv(), linalg.identity(L.shape[0], field)
    middle = _conjugate_pair(S_inverse * H, H_inverse * S, one, one, opposite(leftmost))
    return [
        *merge_scale_into_last_layer_of_half(
            _conjugate_pair(H_inverse, H, S, S_inverse, leftmost), "first", F
        ),
        *merge_scale_into_last_layer_of_half(middle, "first", E),
        *_conjugate_pair(S, S_inverse, one, one, leftmost),
    ]


def _splitting_diagonal(r: list, field: Domain) -> list:
    """Return distinct positive e_0 .. e_(n-1) such that the quotients r_i / e_i are distinct."""
    chosen: list = []
    quotients: set = set()
    for value in r:
        units = linalg.distinct_units_or_raise(field)
        e = next(e for e in units if e not in chosen and value / e not in quotients)
        chosen.append(e)
        quotients.add(value / e)
    return chosen


def _conjugate_pair(
    X: DomainMatrix,
    X_inverse: DomainMatrix,
    Q: DomainMatrix,
    Q_inverse: DomainMatrix,
    leftmost: Half,
) -> list[LinearCoupling]:
    """Return four shears that make diag(X, Q^-1 X^-1 Q), in order of application; the last one
    applied moves the half `leftmost`.
    """
    one = linalg.identity(X.shape[0], X.domain)
    if leftmost == "first":
        shifts = [(X - one) * Q, Q_inverse, (X_inverse - one) * Q, -Q_inverse * X]
    else:
        shifts = [Q_inverse * (X_inverse - one), Q, Q_inverse * (X - one), -X_inverse * Q]
    return layers_in_application_order(alternate_shears(shifts, leftmost))
