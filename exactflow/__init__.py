"""exactflow: what affine-coupling normalizing flows represent exactly, and in how many layers."""

from exactflow.depth import minimal_depth
from exactflow.errors import ExactFlowError
from exactflow.factorization import factor
from exactflow.flows.flow import CouplingFlow, LinearCoupling
from exactflow.flows.verification import verify
from exactflow.targets import (
    circulant,
    conv1x1,
    pad,
    permutation,
    random_matrix,
    rotation,
    toeplitz,
)

__all__ = [
    "CouplingFlow",
    "ExactFlowError",
    "LinearCoupling",
    "circulant",
    "conv1x1",
    "factor",
    "minimal_depth",
    "pad",
    "permutation",
    "random_matrix",
    "rotation",
    "toeplitz",
    "verify",
]
