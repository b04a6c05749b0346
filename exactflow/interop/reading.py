"""The affine maps of modules of flow libraries, each in the direction that the library means.

========================================  =====================================================
an array, a tensor, ``nn.Parameter``      d x d, or d x d x 1 x 1
``nn.Linear``, ``nn.Conv2d`` (1x1)        weight and bias
glow-pytorch ``InvConv2d``,               its kernel
``InvConv2dLU``, ``ActNorm``
normflows ``Invertible1x1Conv``,          W, or P L U: what ``inverse`` (data to latent) applies
``InvertibleAffine``, ``Permute``,        (InvertibleAffine: W^T, ``Permute``: its inverse)
``LULinearPermute``, ``ActNorm``,
``AffineConstFlow``
nflows, glasflow ``OneByOneConvolution``  weight times the module's permutation, and the bias
nflows, glasflow ``LULinear``,            weight and bias
``NaiveLinear``, ``QRLinear``,
``SVDLinear``
nflows, glasflow permutations,            ``forward``
``HouseholderSequence``, ``ActNorm``
FrEIA ``Fixed1x1Conv``                    its kernel, the transpose of the matrix that it was given
FrEIA ``FixedLinearTransform``            the matrix that it was given, and the offset
FrEIA ``AllInOneBlock``                   ``w_perm`` alone, not the coupling of the block
FrEIA ``HaarDownsampling``,               the four wavelets of the four pixels of a square
``HaarUpsampling``
FrEIA ``PermuteRandom``, ``ActNorm``,     ``forward``
``OrthogonalTransform``,
``HouseholderPerm``
zuko ``LULinearTransform``,               L U, R, the permutation of a call; lazy ones, too
``RotationTransform``,
``PermutationTransform``
========================================  =====================================================
"""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap, dense
from exactflow.interop.libraries import library_of

__all__ = ["LinearMap", "is_initialized", "linear_map", "reading"]


@dataclass(frozen=True, eq=False)
class LinearMap:
    """The map x -> matrix x + bias, for vectors or for every pixel; float64."""

    matrix: np.ndarray
    bias: np.ndarray


def linear_map(module: object) -> LinearMap:
    """Return the matrix and the bias that a linear module of a flow library applies.

    Parameters are taken in float64: float32 weights exactly, products of factors rounded once.

    Parameters
    ----------
    module : a module of the table above, or its weight.

    Raises
    ------
    InvalidInputError
        Some other module, or one whose map has no inverse for sure: not square, or kernels larger
        than a pixel.

    Examples
    --------
    >>> from normflows.flows import Permute
    >>> linear_map(Permute(3, mode="swap")).matrix
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    found = reading(module)
    return LinearMap(found.matrix, found.shift)


def reading(module: Any) -> AffineMap:
    """Return what `linear_map` does, permutations and diagonals as such."""
    if _is_weight(module):
        return dense(module)
    library = library_of(module)
    reader = library.reader_of(module)
    if reader is None:
        known = ", ".join(kind.__name__ for kind in library.readers)
        kind = type(module)
        raise InvalidInputError(
            f"expected a weight, or a linear layer of {library.name} ({known}), got "
            f"{kind.__module__}.{kind.__name__}: give its matrix as an array instead"
        )
    return reader(_in_double(module))


def is_initialized(module: Any) -> bool:
    """Return whether an ActNorm has met the data that set its scales; true for other modules."""
    flags = (getattr(module, name, True) for name in ("data_dep_init_done", "initialized"))
    return all(map(bool, flags)) and not getattr(module, "init_on_next_batch", False)


def _in_double(module: Any) -> Any:
    return copy.deepcopy(module).double() if hasattr(module, "double") else module


def _is_weight(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (hasattr(value, "detach") and hasattr(value, "shape"))
