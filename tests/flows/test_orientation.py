"""How a matrix is posed to layers: exact matrices and arrays agree, and so does the flow."""

import numpy as np
import pytest
import sympy
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, append_swap
from exactflow.errors import InvalidInputError, OrientationError
from exactflow.flows.orientation import CoordinateLayout, choose_plain_flipped_or_padded_layout

ROWS = [[2, -3, 5], [7, 11, -13], [17, 19, 23]]
POSES = {
    "as it is": CoordinateLayout((1, 2), (0, 1, 2)),
    "mask": CoordinateLayout((1, 2), (2, 0, 1)),
    "flip": CoordinateLayout((2, 1), (0, 1, 2), flips=(0,)),
    "mask and flip": CoordinateLayout((2, 1), (1, 2, 0), flips=(0,)),
    "pad": choose_plain_flipped_or_padded_layout((0, 1, 2), (1, 2), "pad", True),
}


@pytest.mark.parametrize("name", POSES)
def test_arrays_are_posed_as_exact_matrices_are(name):
    layout = POSES[name]
    M = DomainMatrix(ROWS, (3, 3), sympy.ZZ).convert_to(QQ)
    exact = layout.flip_and_reorder_matrix(layout.append_swapped_pads_if_any(M)).to_Matrix()
    for dtype in (float, object):
        assert exact == sympy.Matrix(
            layout.pad_flip_and_reorder_square_array(np.array(ROWS, dtype)).astype(int)
        )


@pytest.mark.parametrize("name", [name for name in POSES if name != "pad"])
def test_a_flow_has_the_matrix_that_is_posed(name):
    layout = POSES[name]
    p, q = layout.partition
    layers = [LinearCoupling((p, q), "first", sympy.ones(p, q))]
    flow = CouplingFlow(layers, flips=layout.flips, order=layout.order)
    assert (
        layout.flip_and_reorder_matrix(flow.domain_matrix()).to_Matrix()
        == CouplingFlow(layers).matrix()
    )


def test_pads_are_those_of_pad():
    layout = POSES["pad"]
    M = DomainMatrix(ROWS, (3, 3), sympy.ZZ).convert_to(QQ)
    assert layout.append_swapped_pads_if_any(M).to_Matrix() == append_swap(ROWS, p=1)
    assert layout.pads == (1, 4)


def test_what_reverses_orientation_is_repaired_or_refused():
    assert choose_plain_flipped_or_padded_layout(
        (0, 1), (1, 1), "error", False
    ) == choose_plain_flipped_or_padded_layout((0, 1), (1, 1), "pad", False)
    with pytest.raises(OrientationError, match="expected det > 0, got det < 0"):
        choose_plain_flipped_or_padded_layout((0, 1), (1, 1), "error", True)
    with pytest.raises(InvalidInputError, match="got a mask"):
        choose_plain_flipped_or_padded_layout((1, 0), (1, 1), "pad", True)
