"""Zero padding: three additive layers apply any invertible n x n matrix to a vector, to which n
zeros are appended.

Main results
------------
Let A be n x n and invertible. With n zeros, (x, 0) -> (x, A x) -> (A x, A x) -> (A x, 0) are three
additive layers, L(A), U(I - A^-1), L(-I), for A of either orientation. Two suffice only if A = I.

Source: Koehler, Mehta and Risteski (ICML 2021), whose experiments pad.

How it is checked
-----------------
*For all n*: the three layers. *Exact*: layers of instances.
"""

from functools import partial

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import SingularMatrixError
from exactflow.exact import linalg
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.typing import MatrixLike
from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import product_step
from exactflow.explanation.symbolic_identities import IDENTITIES
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling
from exactflow.linear.factor import check_explainable_dimension

__all__ = ["zero_padding"]


def zero_padding(A: MatrixLike) -> CouplingFlow:
    """Return three additive layers that map (x, 0) to (A x, 0), for every invertible A.

    Raises `SingularMatrixError` if A is singular.

    >>> flow = zero_padding([[0, 2], [1, 0]])
    >>> flow.depth, flow.forward([3, 5, 0, 0]).T
    (3, Matrix([[10, 3, 0, 0]]))
    """
    matrix = as_square_matrix(A).to_dense()
    inverse = linalg.inverse_or_none(matrix)
    if inverse is None:
        raise SingularMatrixError(
            "expected an invertible matrix, got a singular one: no flow represents it"
        )
    n = matrix.shape[0]
    one = linalg.identity(n, matrix.domain)
    layers = [
        LinearCoupling((n, n), "second", matrix),
        LinearCoupling((n, n), "first", one - inverse),
        LinearCoupling((n, n), "second", -one),
    ]
    return CouplingFlow(layers, method="zero padding", derivation=partial(_explain_flow, matrix))


def _explain_flow(matrix: DomainMatrix, flow: CouplingFlow) -> Explanation:
    """Explain the three layers by an identity for all n, and by the product of the layers of
    this matrix.
    """
    check_explainable_dimension(flow.dimension)
    identity = IDENTITIES["zero padding"]
    values, ring = identity.define_names_in_ring()
    layers = product_step(flow, flow.domain_matrix()).after
    n = matrix.shape[0]
    J = linalg.identity(2 * n, matrix.domain)[:, :n].to_dense()
    steps = [
        Step(
            "zero padding",
            "Let `A` be invertible. The first layer copies `A x` into the zeros, the second turns "
            "`x` into `A x`, the third takes the copy away.",
            identity.text,
            values,
            {},
            ring,
            identity.source,
        ),
        Step(
            "product",
            "The layers for this matrix; `J x = (x, 0)`.",
            "l3 l2 l1 J = J A",
            {},
            {"A": matrix, "J": J, **layers},
            matrix.domain,
        ),
    ]
    claim = "Three additive layers map `(x, 0)` to `(A x, 0)`."
    return Explanation.from_steps_after_checking(claim, steps, flow, Evidence.EXACT)
