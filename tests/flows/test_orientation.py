"""How a matrix is posed to layers: exact matrices and arrays agree, and so does the flow."""

import numpy as np
import pytest
import sympy
from sympy import QQ
from sympy.polys.matrices import DomainMatrix

from exactflow import CouplingFlow, LinearCoupling, pad
from exactflow.errors import InvalidInputError, OrientationError
from exactflow.flows.orientation import Pose, posed

ROWS = [[2, -3, 5], [7, 11, -13], [17, 19, 23]]
POSES = {
    "as it is": Pose((1, 2), (0, 1, 2)),
    "mask": Pose((1, 2), (2, 0, 1)),
    "flip": Pose((2, 1), (0, 1, 2), flips=(0,)),
    "mask and flip": Pose((2, 1), (1, 2, 0), flips=(0,)),
    "pad": posed((0, 1, 2), (1, 2), "pad", True),
}


@pytest.mark.parametrize("name", POSES)
def test_arrays_are_posed_as_exact_matrices_are(name):
    pose = POSES[name]
    M = DomainMatrix(ROWS, (3, 3), sympy.ZZ).convert_to(QQ)
    exact = pose.inner(pose.padded(M)).to_Matrix()
    for dtype in (float, object):
        assert exact == sympy.Matrix(pose.inner_array(np.array(ROWS, dtype)).astype(int))


@pytest.mark.parametrize("name", [name for name in POSES if name != "pad"])
def test_a_flow_has_the_matrix_that_is_posed(name):
    pose = POSES[name]
    p, q = pose.partition
    layers = [LinearCoupling((p, q), "first", sympy.ones(p, q))]
    flow = CouplingFlow(layers, flips=pose.flips, order=pose.order)
    assert pose.inner(flow.domain_matrix()).to_Matrix() == CouplingFlow(layers).matrix()


def test_pads_are_those_of_pad():
    pose = POSES["pad"]
    M = DomainMatrix(ROWS, (3, 3), sympy.ZZ).convert_to(QQ)
    assert pose.padded(M).to_Matrix() == pad(ROWS, p=1)
    assert pose.pads == (1, 4)


def test_what_reverses_orientation_is_repaired_or_refused():
    assert posed((0, 1), (1, 1), "error", False) == posed((0, 1), (1, 1), "pad", False)
    with pytest.raises(OrientationError, match="expected det > 0, got det < 0"):
        posed((0, 1), (1, 1), "error", True)
    with pytest.raises(InvalidInputError, match="got a mask"):
        posed((1, 0), (1, 1), "pad", True)
