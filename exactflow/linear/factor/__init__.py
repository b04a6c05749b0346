"""Factorization of a matrix into coupling layers, and its explanation step by step."""

import re
from collections.abc import Iterable
from functools import partial
from textwrap import fill
from typing import Any

from sympy import BlockMatrix
from sympy.logic.boolalg import Boolean

from exactflow.errors import InvalidInputError
from exactflow.exact.assumptions import Assumptions, assuming
from exactflow.exact.coerce import as_square_matrix
from exactflow.exact.progress import report_stage
from exactflow.exact.typing import MatrixLike, PartitionLike, check_option
from exactflow.explanation import Explanation
from exactflow.explanation.steps import collect_steps, product_step
from exactflow.flows.display import field_suffix_unless_rational
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import ORIENTATIONS, Orientation
from exactflow.flows.verification import verify
from exactflow.linear.factor.assembly import SCALES, Scales
from exactflow.linear.factor.problem import Problem
from exactflow.linear.factor.routes import METHODS, ROUTES, factor_by_route
from exactflow.linear.factor.symbolic_blocks import explain_blocks

__all__ = ["METHODS", "ORIENTATIONS", "SCALES", "explain", "factor"]

LARGEST_EXPLAINED = 64
"""The largest number of coordinates of a flow that is explained; the steps of an explanation are
checked by slow arithmetic.
"""


def factor(
    M: MatrixLike,
    *,
    method: str = "auto",
    orientation: Orientation = "error",
    scales: Scales = "positive",
    partition: "PartitionLike | None" = None,
    assume: "Iterable | Boolean" = (),
) -> CouplingFlow:
    """Return a flow of affine coupling layers that equals `M` exactly: at most six layers if the
    sizes of the two halves differ by at most one.

    Every real matrix of positive determinant, in every dimension d >= 2, is a product of at most
    six alternating couplings, all additive except for one scale entry that carries det M; for
    halves of p < q it takes 2 m + 1 generically and at most 2 m + 4, m = ceil(q / p), or 2 m + 2 if
    p divides q - 1 (Koehler, Mehta and Risteski, *Representational aspects of depth and
    conditioning in normalizing flows*, ICML 2021, for a bounded number; Urschel 2024 for six in
    even dimensions, which is sharp; the rest is to our knowledge new). The result is checked
    against `M` before it is returned. Fewer layers may equal `M`: `minimal_depth` finds the least
    number.

    Parameters
    ----------
    M : d x d matrix, d >= 2: SymPy, NumPy (a float stands for its exact dyadic value), nested lists
        of integers, Fractions and "p/q" strings, or a DomainMatrix.
    method : "auto", the first route below that applies, or one of

        ROUTES

    orientation : repair for det M < 0, which no flow of couplings with positive scales can
        represent: "error": raise; "flip": negate coordinate 0 of the input first, a step that the
        flow records in its `flips`, so that flow and flip together equal M; "pad": return a flow of
        d + 2 coordinates that equals `append_swap(M)`.
    scales : "positive", or "nonzero", which lets one scale carry any determinant over a field
        where signs have no meaning or are unknown.
    partition : (p, q) with p + q = d, or a mask of d zeros and ones, 1 for the first half (see
        `exactflow.flows.partition`); (d // 2, d - d // 2) by default.
    assume : strict inequalities between symbols, such as ``[t > 1, s < t]``, or one inequality,
        such as ``a**2 > 1``; their symbols are real. Assumptions declared with a symbol
        (``Symbol("t", positive=True)``) hold in addition.

    Returns
    -------
    CouplingFlow
        Its `method` names the construction; its `order` lists the coordinates of a mask.

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
    check_option("method", method, METHODS)
    check_option("orientation", orientation, ORIENTATIONS)
    check_option("scales", scales, SCALES)
    target = as_square_matrix(M)
    report_stage("the determinant", 0)
    assumptions = Assumptions.from_inequalities(assume)
    with assuming(assumptions):
        problem = Problem.from_matrix(target, partition, orientation, scales)
        layers, used = factor_by_route(problem, method)
    flow = problem.merge_into_unverified_flow(
        layers, used, partial(_explain_flow, problem, assumptions)
    )
    report_stage("composing the layers", 0.7)
    verify(flow, problem.target)
    return flow


def explain(M: "MatrixLike | BlockMatrix", **options: Any) -> Explanation:
    """Return the proof, in steps, that `M` is a product of layers: ``factor(M, ..).explain()``.

    A ``BlockMatrix`` [[A, B], [C, D]] of four different ``MatrixSymbol``, or diag(X, X^-1) for any
    expression X, is explained *for all n*; other blocks, and symbols named like a function, such as
    U, raise `InvalidInputError`. Otherwise parameters and errors are those of `factor`.

    >>> explanation = explain([[2, 0], [1, 3]])
    >>> explanation.claim, [step.rule for step in explanation.steps]
    ('`M` is the product of 2 couplings.', ['blocks', 'product'])
    >>> from sympy import MatrixSymbol, ZeroMatrix
    >>> X = MatrixSymbol("X", 3, 3)
    >>> explanation = explain(BlockMatrix([[X, ZeroMatrix(3, 3)], [ZeroMatrix(3, 3), X.I]]))
    >>> print(explanation.evidence, [step.is_valid() for step in explanation.steps])
    for all n [True, True]
    """
    if isinstance(M, BlockMatrix) and not options:
        return explain_blocks(M)
    matrix = as_square_matrix(M)
    check_explainable_dimension(matrix.shape[0])
    explanation: Explanation = factor(matrix, **options).explain()
    return explanation


def _explain_flow(problem: Problem, assumptions: Assumptions, flow: CouplingFlow) -> Explanation:
    """Repeat the route that built a flow; explain the flow by the steps of the repetition and by
    the product of the layers.
    """
    check_explainable_dimension(flow.dimension)
    with assuming(assumptions), collect_steps() as derivation:
        factor_by_route(problem, flow.method)
    couplings = "one coupling" if flow.depth == 1 else f"{flow.depth} couplings"
    field = field_suffix_unless_rational(flow.field, quote="``")
    named = f"`M`{field}{',' * (not flow.field.is_QQ)}"
    where = assumptions.format_for_and_unless_clauses(flow.exceptional_polynomials(), quote="``")
    claim = f"{named} is the product of {couplings}{where}."
    claim += problem.layout.sentences_if_not_default
    steps = [*derivation.steps, product_step(flow, problem.target)]
    return Explanation.from_steps_after_checking(claim, steps, flow, Evidence.EXACT)


def check_explainable_dimension(d: int) -> None:
    """Raise `InvalidInputError` if d exceeds `LARGEST_EXPLAINED`."""
    if d > LARGEST_EXPLAINED:
        raise InvalidInputError(
            f"expected at most {LARGEST_EXPLAINED} coordinates, got {d}: an explanation is checked "
            "by slow arithmetic; explain a smaller matrix of the same kind"
        )


if factor.__doc__:  # python -OO removes docstrings
    _before, _indent, _after = re.split(r"^( *)ROUTES$", factor.__doc__, flags=re.MULTILINE)
    _routes = (
        fill(f"- {route}", 100, initial_indent=_indent, subsequent_indent=_indent + "  ")
        for route in ROUTES
    )
    factor.__doc__ = _before + "\n".join(_routes) + _after
