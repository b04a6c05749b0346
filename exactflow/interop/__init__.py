"""Trained models of flow libraries: measure errors, and replace linear layers by couplings.

`convert` takes a whole model. For one layer, `linear_map` reads the matrix of a linear module,
`factor` or `balance` writes this matrix as a product of couplings, and `to_module` builds a module
of PyTorch, normflows, nflows, glasflow, FrEIA, zuko or flowjax from the couplings. `diagnose`
measures the errors of a model on given data, forward and inverse, layer by layer.

How it is checked
-----------------
*Certified*: a bound on the forward error of a module in float64, computed before the module is
built (`rounding_error_bound`). *Numeric*: the tests compare the outputs, inverses and
log-determinants of modules of each library with those of the matrix. `to_module` rounds the entries
of a flow to float64; a flow of `balance` has entries in float64 already.
"""

from importlib import import_module
from numbers import Integral
from typing import TYPE_CHECKING, Any

from exactflow.errors import InvalidInputError, require
from exactflow.exact.typing import check_option
from exactflow.floats.lossless.bijection import Lossless
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.result import FlowResult
from exactflow.interop.affine import AffineMap
from exactflow.interop.libraries import LIBRARIES, load_library
from exactflow.interop.roundoff import check_rounding_error, rounding_error_bound
from exactflow.laws.gaussian import Whitening

if TYPE_CHECKING:
    import numpy as np

    from exactflow.interop.conversion import convert as convert
    from exactflow.interop.conversion.reading import linear_map as linear_map
    from exactflow.interop.conversion.replacements import restore as restore
    from exactflow.interop.diagnosis import diagnose as diagnose

__all__ = [
    "LIBRARIES",
    "AffineMap",
    "convert",
    "diagnose",
    "linear_map",
    "restore",
    "rounding_error_bound",
    "to_module",
]

_HOMES = {
    "convert": "conversion",
    "diagnose": "diagnosis",
    "linear_map": "conversion.reading",
    "restore": "conversion.replacements",
}
"""The submodule of each function that needs PyTorch. The first use of the function imports it."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'exactflow.interop' has no attribute {name!r}")
    require("torch", "torch", "a whole model")
    return getattr(import_module(f"exactflow.interop.{_HOMES[name]}"), name)


def to_module(
    flow: CouplingFlow | FlowResult,
    *,
    library: str = "torch",
    image: tuple[int, int] | None = None,
    bias: "np.ndarray | None" = None,
    accept_error: float | None = None,
) -> Any:
    """Return a flow as a float64 module of a library; refuse a flow with large rounding errors.

    ==========  ========================  ======================================================
    library     module                    the method that applies the flow
    ==========  ========================  ======================================================
    torch       ``FlowModule``            ``forward``, which returns (y, log_det)
    normflows   ``Flow``                  ``inverse``, from data to latent
    nflows      ``Transform``             ``forward``
    glasflow    ``Transform``             ``forward``, of glasflow's fork of nflows
    freia       ``InvertibleModule``      ``forward``, on tuples
    zuko        ``LazyTransform``         a call of the transform that ``forward`` returns; it acts
                                          on the last axis
    flowjax     ``AbstractBijection``     ``inverse``, from data to latent; in the dtype of JAX
    ==========  ========================  ======================================================

    Modules take vectors as rows, (N, d), or images (N, d, ..) with channels along axis 1; the
    methods of a flow take vectors as columns, d x N. Modules can be pickled, saved and loaded, and
    ``.float()`` converts a module to float32. The module of each library wraps a `FlowModule`,
    which stores the numbers of the flow, rounded to float64.

    Parameters
    ----------
    flow : a flow over QQ, or a result of `balance` or `whiten` with such a flow. The module of a
        result of `whiten` also subtracts the mean of the data; this module can be the first layer
        of a flow to train.
    library : a name of the table.
    image : (height, width) of images (N, d, height, width). FrEIA needs these sizes for a module of
        images; modules of torch, normflows, nflows and glasflow take vectors and images without
        them; modules of zuko and flowjax take vectors only.
    bias : numbers to add to the result of the flow, one for each coordinate.
    accept_error : the largest accepted value of `rounding_error_bound`, in float64 (flowjax: in the
        dtype of JAX). The default is 1e-6 in float64 and 1e-2 in float32; ``math.inf`` accepts any
        error. The bound does not cover inverses, log-determinants, or a module after ``.float()``.

    Raises
    ------
    InvalidInputError
        An unknown library or option, a flow or shape that the library cannot express, or layers
        whose rounding error may exceed `accept_error`; the layers of
        `exactflow.floats.balancing.balance` have small rounding errors.
    MissingExtraError
        The library is not installed.

    Examples
    --------
    >>> import torch
    >>> from exactflow import factor, permutation
    >>> module = to_module(factor(permutation([2, 0, 1, 3])), bias=[0, 0, 0, 1])
    >>> y, log_det = module(torch.tensor([[1.0, 2.0, 3.0, 4.0]], dtype=torch.float64))
    >>> y.tolist(), log_det.tolist()
    ([[3.0, 1.0, 2.0, 5.0]], [0.0])
    """
    check_option("library", library, LIBRARIES)
    linear: Any = flow.flow if isinstance(flow, FlowResult) else flow
    is_of_integers = isinstance(flow, Lossless)
    if is_of_integers or not isinstance(linear, CouplingFlow):
        remedy = ": pass its .flow, which maps real numbers" if is_of_integers else ""
        if isinstance(linear, PiecewiseFlow):
            remedy = ", which has piecewise layers: modules are built from linear layers only"
        raise InvalidInputError(
            "expected a linear flow, or a result with a linear flow, got "
            f"{type(flow).__name__}{remedy}"
        )
    total_bias = _check_bias_and_add_whitening_bias(flow, bias, linear.dimension)
    require("torch", library, f"a module of {library}")
    home = load_library(library)
    if image is not None:
        if not home.takes_images:
            raise InvalidInputError(
                f"modules of {library} take vectors only: move the channels to the last axis, and "
                "omit image=.."
            )
        sizes: Any = image if isinstance(image, tuple | list) else ()
        if len(sizes) != 2 or not all(isinstance(n, Integral) and int(n) > 0 for n in sizes):
            raise InvalidInputError(
                f"expected two positive integers as image=(height, width), got {image!r:.80}"
            )
    check_rounding_error(linear, accept_error, home.float_type())
    from exactflow.interop.modules import FlowModule

    return home.make_module(FlowModule(linear, total_bias), (linear.dimension, *(image or ())))


def _check_bias_and_add_whitening_bias(flow: Any, bias: Any, dimension: int) -> "np.ndarray | None":
    """Return `bias` plus the bias that a result of `whiten` has; None if both are missing.

    A result of `whiten` subtracts the mean of the data by its bias. Raises `InvalidInputError`
    unless the given bias has `dimension` finite numbers.
    """
    import numpy as np

    whitening_bias = flow.bias if isinstance(flow, Whitening) else None
    if bias is None:
        return whitening_bias
    try:
        bias = bias.detach().cpu() if hasattr(bias, "detach") else bias
        values = np.asarray(bias, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (dimension,) or not np.isfinite(values).all():
        raise InvalidInputError(f"expected {dimension} finite numbers as bias=.., got {bias!r:.80}")
    return values if whitening_bias is None else values + whitening_bias
