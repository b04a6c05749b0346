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

Classes are known by the names of their modules, so that nothing has to be imported; those of
glow-pytorch, which is copied rather than installed, by their names and attributes.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from exactflow.errors import InvalidInputError
from exactflow.interop.affine import AffineMap

__all__ = ["LinearMap", "from_conv1x1", "is_initialized", "library_of", "reader_of", "reading"]


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
    module : a module of the table above, or its weight.

    Raises
    ------
    InvalidInputError
        Some other module, or one whose map has no inverse for sure: not square, or kernels larger
        than a pixel.

    Examples
    --------
    >>> from normflows.flows import Permute
    >>> from_conv1x1(Permute(3, mode="swap")).matrix
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    """
    found = reading(module)
    return LinearMap(found.matrix, found.shift)


def reading(module: Any) -> AffineMap:
    """Return what `from_conv1x1` does, permutations and diagonals as such."""
    if _is_weight(module):
        return AffineMap(_square(module))
    reader = reader_of(module)
    if reader is None:
        known = ", ".join(f"{library} {name}" for library, name in READERS)
        raise InvalidInputError(
            f"expected a weight, or a module of {known}; got {_named(module)}: give its matrix as "
            "an array instead"
        )
    return reader(_in_double(module))


Reader = Callable[[Any], AffineMap]


def library_of(module: Any) -> str:
    """Return the name of the library that a module is from, as the readers call it."""
    home = type(module).__module__.split(".")[0]
    return "nflows" if home == "glasflow" else home


def reader_of(module: Any) -> Reader | None:
    """Return what reads a module, if there is such a reader."""
    kind = type(module)
    if kind.__module__ == "torch.nn.utils.parametrize":
        kind = kind.__bases__[0]
    if kind.__module__ == "exactflow.interop.for_zuko" and kind.__name__ == "Given":
        return reader_of(module.transform) and (lambda module: reading(module.transform))
    if library_of(module) == "zuko" and kind.__name__ == "UnconditionalTransform":
        lazy = READERS.get(("zuko", getattr(module.f, "__name__", "")))
        return None if lazy is None else lambda module: lazy(module())
    reader = READERS.get((library_of(module), kind.__name__))
    if reader is None and kind.__name__ in _BY_ATTRIBUTES:
        attributes, duck = _BY_ATTRIBUTES[kind.__name__]
        return duck if all(hasattr(module, name) for name in attributes) else None
    return reader


def is_initialized(module: Any) -> bool:
    """Return whether an ActNorm has met the data that set its scales; true for other modules."""
    flags = (getattr(module, name, True) for name in ("data_dep_init_done", "initialized"))
    return all(map(bool, flags)) and not getattr(module, "init_on_next_batch", False)


def _named(module: Any) -> str:
    return f"{type(module).__module__}.{type(module).__name__}"


def _in_double(module: Any) -> Any:
    return copy.deepcopy(module).double() if hasattr(module, "double") else module


def _is_weight(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (hasattr(value, "detach") and hasattr(value, "shape"))


def _array(tensor: Any) -> np.ndarray:
    """Return a tensor, or an array, as float64."""
    if hasattr(tensor, "detach"):
        if tensor.is_complex():
            raise InvalidInputError("expected real numbers as weight, got complex ones")
        tensor = tensor.detach().cpu().double().numpy()
    try:
        return np.asarray(tensor, dtype=np.float64)
    except (TypeError, ValueError):
        raise InvalidInputError("expected numbers in the range of float64 as weight") from None


def _square(tensor: Any) -> np.ndarray:
    """Return a matrix, or a 1x1 kernel as a matrix."""
    values, shape = _array(tensor), tuple(tensor.shape)
    if len(shape) < 2 or shape[0] != shape[1] or any(size != 1 for size in shape[2:]):
        raise InvalidInputError(
            f"expected a square matrix, or a kernel of shape (d, d, 1, 1), got {shape}"
        )
    return values.reshape(shape[:2])


def _vector(tensor: Any) -> np.ndarray:
    """Return one number per channel of a tensor that is broadcast along the other axes."""
    shape = [size for size in tensor.shape if size != 1]
    if len(shape) > 1:
        raise InvalidInputError(
            f"expected one number per channel, got the shape {tuple(tensor.shape)}"
        )
    return _array(tensor).reshape(-1)


def _permutation(order: Any) -> AffineMap:
    """Return x -> x[order]."""
    return AffineMap(order.detach().cpu().numpy())


def _nflows_permutation(module: Any) -> AffineMap:
    if module._dim != 1:
        raise InvalidInputError(f"expected a permutation of axis 1, got one of axis {module._dim}")
    return _permutation(module._permutation)


def _torch_linear(module: Any) -> AffineMap:
    bias = None if module.bias is None else _array(module.bias)
    return AffineMap(_square(module.weight), bias)


def _torch_convolution(module: Any) -> AffineMap:
    plain = module.groups == 1 and set(module.stride) == {1}
    if not plain or any(module.padding if isinstance(module.padding, tuple) else ()):
        raise InvalidInputError(
            "expected a 1x1 convolution without groups, stride and padding, got "
            f"groups={module.groups}, stride={module.stride}, padding={module.padding}"
        )
    return _torch_linear(module)


def _glow_normalization(module: Any) -> AffineMap:
    scale, loc = _vector(module.scale), _vector(module.loc)
    return AffineMap(scale, scale * loc)


def _normflows_weight(module: Any) -> AffineMap:
    return AffineMap(_square(module._assemble_W() if module.use_lu else module.W))


def _normflows_affine(module: Any) -> AffineMap:
    return AffineMap(_normflows_weight(module).matrix.T)


def _normflows_permute(module: Any) -> AffineMap:
    if module.mode == "shuffle":
        return _permutation(module.inv_perm)
    d = module.num_channels
    return AffineMap(np.roll(np.arange(d), -((d + 1) // 2)))


def _normflows_lu(module: Any) -> AffineMap:
    linear = module.linear
    dense = AffineMap(_square(linear.weight()), _array(linear.bias))
    return dense.after(_permutation(module.permutation._permutation))


def _normflows_constants(module: Any) -> AffineMap:
    scale = np.exp(-_vector(module.s))
    return AffineMap(scale, -scale * _vector(module.t))


def _nflows_linear(module: Any) -> AffineMap:
    weight = module._weight if hasattr(module, "_weight") else module.weight()
    return AffineMap(_square(weight), _array(module.bias))


def _nflows_convolution(module: Any) -> AffineMap:
    return _nflows_linear(module).after(_permutation(module.permutation._permutation))


def _nflows_factors(module: Any) -> AffineMap:
    """Return the map of a product of factors, from what `forward` makes of the unit vectors."""
    import torch

    with torch.no_grad():
        device = next(module.parameters()).device
        one = torch.eye(module.features, dtype=torch.float64, device=device)
        origin = module(torch.zeros_like(one[:1]))[0]
        images = module(one)[0] - origin
    return AffineMap(_array(images).T, _array(origin)[0] if hasattr(module, "bias") else None)


def _nflows_normalization(module: Any) -> AffineMap:
    return AffineMap(_array(module.scale), _array(module.shift))


def _freia_linear(module: Any) -> AffineMap:
    bias = _array(module.b)[0] if hasattr(module.b, "detach") else None
    return AffineMap(_square(module.M).T, bias)


def _freia_normalization(module: Any) -> AffineMap:
    return AffineMap(np.exp(_vector(module.scale)), _vector(module.bias))


def _freia_orthogonal(module: Any) -> AffineMap:
    scale = np.exp(_vector(module._log_e(module.scaling)))
    return AffineMap(scale[:, None] * _square(module.weights).T, scale * _vector(module.bias))


def _freia_householder(module: Any) -> AffineMap:
    import torch

    with torch.no_grad():
        one = torch.eye(module.width, dtype=torch.float64, device=module.Vs.device)
        (images,), _ = module([one])
    return AffineMap(_array(images).T)


def _freia_haar(module: Any) -> AffineMap:
    return AffineMap(module.fac_fwd * _array(module.haar_weights[:4]).reshape(4, 4))


def _freia_block(module: Any) -> AffineMap:
    if module.householder:
        return AffineMap(_square(module._construct_householder_permutation()))
    return AffineMap(_square(module.w_perm)).simplified()


def _zuko_lu(transform: Any) -> AffineMap:
    return AffineMap(_square(transform.L) @ _square(transform.U))


READERS: dict[tuple[str, str], Reader] = {
    ("torch", "Linear"): _torch_linear,
    ("torch", "Conv2d"): _torch_convolution,
    ("normflows", "Invertible1x1Conv"): _normflows_weight,
    ("normflows", "InvertibleAffine"): _normflows_affine,
    ("normflows", "Permute"): _normflows_permute,
    ("normflows", "LULinearPermute"): _normflows_lu,
    ("normflows", "ActNorm"): _normflows_constants,
    ("normflows", "AffineConstFlow"): _normflows_constants,
    ("nflows", "OneByOneConvolution"): _nflows_convolution,
    ("nflows", "LULinear"): _nflows_linear,
    ("nflows", "NaiveLinear"): _nflows_linear,
    ("nflows", "QRLinear"): _nflows_factors,
    ("nflows", "SVDLinear"): _nflows_factors,
    ("nflows", "HouseholderSequence"): _nflows_factors,
    ("nflows", "ActNorm"): _nflows_normalization,
    ("nflows", "Permutation"): _nflows_permutation,
    ("nflows", "RandomPermutation"): _nflows_permutation,
    ("nflows", "ReversePermutation"): _nflows_permutation,
    ("FrEIA", "Fixed1x1Conv"): lambda module: AffineMap(_square(module.M)),
    ("FrEIA", "FixedLinearTransform"): _freia_linear,
    ("FrEIA", "OrthogonalTransform"): _freia_orthogonal,
    ("FrEIA", "HouseholderPerm"): _freia_householder,
    ("FrEIA", "ActNorm"): _freia_normalization,
    ("FrEIA", "AllInOneBlock"): _freia_block,
    ("FrEIA", "HaarDownsampling"): _freia_haar,
    ("FrEIA", "HaarUpsampling"): _freia_haar,
    ("FrEIA", "PermuteRandom"): lambda module: _permutation(module.perm),
    ("zuko", "LULinearTransform"): _zuko_lu,
    ("zuko", "RotationTransform"): lambda transform: AffineMap(_square(transform.R)),
    ("zuko", "PermutationTransform"): lambda transform: _permutation(transform.order),
}

_BY_ATTRIBUTES: dict[str, tuple[tuple[str, ...], Reader]] = {
    "InvConv2d": (("weight",), lambda module: AffineMap(_square(module.weight))),
    "InvConv2dLU": (("calc_weight",), lambda module: AffineMap(_square(module.calc_weight()))),
    "ActNorm": (("loc", "scale", "initialized"), _glow_normalization),
}
