"""The matrices of linear modules of flow libraries, each in the direction that the library means.

========================================  =====================================================
normflows ``Invertible1x1Conv``,          W, or P L U: what ``inverse`` (data to latent) applies
``InvertibleAffine``, ``Permute``         (InvertibleAffine: W^T, ``Permute``: its inverse)
nflows, glasflow ``OneByOneConvolution``  weight times the module's permutation, and the bias
nflows, glasflow ``LULinear``,            weight and bias
``NaiveLinear``
nflows, glasflow permutations             ``forward``
FrEIA ``Fixed1x1Conv``                    its kernel, the transpose of the matrix that it was given
FrEIA ``FixedLinearTransform``            the matrix that it was given, and the offset
FrEIA ``AllInOneBlock``                   ``w_perm`` alone, not the coupling of the block
FrEIA ``PermuteRandom``                   ``forward``
zuko ``LULinearTransform``,               L U, R, the permutation of a call
``RotationTransform``,
``PermutationTransform``
========================================  =====================================================

Classes are known by the names of their modules, so that nothing has to be imported.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from exactflow.errors import InvalidInputError

__all__ = ["LinearMap", "from_conv1x1"]


@dataclass(frozen=True, eq=False)
class LinearMap:
    """The map x -> matrix x + bias, for vectors or for every pixel; float64."""

    matrix: np.ndarray
    bias: np.ndarray


def from_conv1x1(module: object) -> LinearMap:
    """Return the matrix and the bias that a linear module of a flow library applies.

    Parameters are taken in float64: float32 weights exactly, products of factors rounded once.

    Parameters
    ----------
    module : a module of the table above.

    Raises
    ------
    InvalidInputError
        Some other module.

    Examples
    --------
    >>> from normflows.flows import Permute
    >>> from_conv1x1(Permute(3, mode="swap")).matrix
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    kind = type(module)
    library = kind.__module__.split(".")[0]
    library = "nflows" if library == "glasflow" else library
    reader = READERS.get((library, kind.__name__))
    if reader is None:
        known = ", ".join(f"{library} {name}" for library, name in READERS)
        raise InvalidInputError(
            f"expected a module of {known}; got {kind.__module__}.{kind.__name__}: "
            "give its matrix as an array instead"
        )
    matrix, bias = reader(_in_double(module))
    return LinearMap(matrix, np.zeros(len(matrix)) if bias is None else bias)


Reading = tuple[np.ndarray, np.ndarray | None]


def _in_double(module: Any) -> Any:
    return copy.deepcopy(module).double() if hasattr(module, "double") else module


def _square(tensor: Any) -> np.ndarray:
    """Return a matrix, or a 1x1 kernel as a matrix."""
    return tensor.detach().cpu().double().numpy().reshape(tensor.shape[:2])


def _selection(order: Any) -> np.ndarray:
    """Return the matrix of x -> x[order]."""
    return np.eye(len(order))[order.detach().cpu().numpy()]


def _normflows_weight(module: Any) -> Reading:
    return _square(module._assemble_W() if module.use_lu else module.W), None


def _normflows_affine(module: Any) -> Reading:
    return _normflows_weight(module)[0].T, None


def _normflows_permute(module: Any) -> Reading:
    if module.mode == "shuffle":
        return _selection(module.inv_perm), None
    d = module.num_channels
    return np.roll(np.eye(d), -((d + 1) // 2), axis=0), None


def _nflows_linear(module: Any) -> Reading:
    weight = module._weight if hasattr(module, "_weight") else module.weight()
    return _square(weight), module.bias.detach().cpu().numpy()


def _nflows_convolution(module: Any) -> Reading:
    weight, bias = _nflows_linear(module)
    return weight @ _selection(module.permutation._permutation), bias


def _freia_linear(module: Any) -> Reading:
    bias = module.b.detach().cpu().numpy()[0] if hasattr(module.b, "detach") else None
    return _square(module.M).T, bias


def _zuko_lu(transform: Any) -> Reading:
    return _square(transform.L) @ _square(transform.U), None


READERS: dict[tuple[str, str], Callable[..., Reading]] = {
    ("normflows", "Invertible1x1Conv"): _normflows_weight,
    ("normflows", "InvertibleAffine"): _normflows_affine,
    ("normflows", "Permute"): _normflows_permute,
    ("nflows", "OneByOneConvolution"): _nflows_convolution,
    ("nflows", "LULinear"): _nflows_linear,
    ("nflows", "NaiveLinear"): _nflows_linear,
    ("nflows", "Permutation"): lambda module: (_selection(module._permutation), None),
    ("nflows", "RandomPermutation"): lambda module: (_selection(module._permutation), None),
    ("nflows", "ReversePermutation"): lambda module: (_selection(module._permutation), None),
    ("FrEIA", "Fixed1x1Conv"): lambda module: (_square(module.M), None),
    ("FrEIA", "FixedLinearTransform"): _freia_linear,
    ("FrEIA", "AllInOneBlock"): lambda module: (_square(module.w_perm), None),
    ("FrEIA", "PermuteRandom"): lambda module: (_selection(module.perm), None),
    ("zuko", "LULinearTransform"): _zuko_lu,
    ("zuko", "RotationTransform"): lambda transform: (_square(transform.R), None),
    ("zuko", "PermutationTransform"): lambda transform: (_selection(transform.order), None),
}
