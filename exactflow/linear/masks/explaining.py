"""Explanations of flows that `exactflow.linear.masks.merge_masks` returns."""

from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow.explanation import Explanation, Step
from exactflow.explanation.steps import collect_steps, product_step
from exactflow.flows.base import Flow
from exactflow.flows.evidence import Evidence
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import CoordinateLayout
from exactflow.linear.factor import check_explainable_dimension

FlowsAndMatrices: TypeAlias = list[Any]
"""Flows, and matrices as `DomainMatrix`, in order of application."""


def to_dense_matrices(linear_flows_and_matrices: FlowsAndMatrices) -> list[DomainMatrix]:
    """Return, in the given order, the matrices of the linear flows and the given matrices, as dense
    matrices.
    """
    matrices = (
        x if isinstance(x, DomainMatrix) else x.domain_matrix() for x in linear_flows_and_matrices
    )
    return [matrix.to_dense() for matrix in matrices]


def explain_merged_flow(
    given: FlowsAndMatrices, merge_and_record_steps: Callable[[], Any], flow: Flow
) -> Explanation:
    """Explain a flow under one mask by the steps, such as swaps, that `merge_and_record_steps`
    records.

    The last steps compare the flow with the composition of the given flows and matrices.
    """
    check_explainable_dimension(flow.dimension)
    with collect_steps() as derivation:
        merge_and_record_steps()
    items = "one map" if len(given) == 1 else f"{len(given)} maps"
    couplings = "one coupling" if flow.depth == 1 else f"{flow.depth} couplings"
    claim = f"The composition of {items} is a flow of {couplings} under one mask."
    order = tuple(flow.order or range(flow.dimension))
    claim += CoordinateLayout(flow.partition, order).sentences_if_not_default
    steps = [*derivation.steps]
    if isinstance(flow, CouplingFlow):
        steps += _product_steps(given, flow)
    else:
        steps.append(_step_comparing_sample_point_images(given, flow))
    return Explanation.from_steps_after_checking(claim, steps, flow, Evidence.EXACT)


def _product_steps(given: FlowsAndMatrices, flow: CouplingFlow) -> list[Step]:
    """Return two steps: the product of the given matrices, and the product of the layers."""
    named = {f"g{k}": matrix for k, matrix in enumerate(to_dense_matrices(given), 1)}
    M = reduce(lambda product, matrix: matrix * product, named.values())
    text = f"{' '.join(reversed(named))} = M"
    why = "The maps that were given, in the order in which data meets them."
    return [Step("given", why, text, {}, {**named, "M": M}, flow.field), product_step(flow, M)]


def _step_comparing_sample_point_images(given: FlowsAndMatrices, flow: Flow) -> Step:
    """Return the step that compares images of sample points under the flow and the given maps.

    It takes the place of `_product_steps`, since a piecewise-linear flow has no matrix.
    """
    d = flow.dimension
    points = [[QQ((i + 2) * k % 7 - 3, 1 + k % 3) for i in range(d)] for k in range(2 * d)]
    X = DomainMatrix(points, (2 * d, d), QQ).transpose().to_dense()
    image = X
    for item in given:
        image = item * image if isinstance(item, DomainMatrix) else item._map_exact(image)
    why = "The columns of `X` are points, those of `Y` their images under the maps in turn."
    proved = "the flow takes each point to its image, and its inverse takes the image back"

    def are_points_mapped_both_ways() -> bool:
        return bool(flow._map_exact(X) == image and flow.inverse()._map_exact(image) == X)

    values = {"X": X, "Y": image.to_dense()}
    return Step(
        "points", why, "", {}, values, QQ, witness=are_points_mapped_both_ways, proved=proved
    )
