"""Flow libraries: trained models and linear layers in, coupling modules out.

`convert` takes a whole model. For one layer, `linear_map` reads the matrix of a linear module,
`factor` or `balance` turns it into couplings, and `to_module` builds them as a module of PyTorch,
normflows, nflows, glasflow, FrEIA, zuko or flowjax. `diagnose` measures, layer by layer,
what a model does with x there and back.

How it is checked
-----------------
*Certified*: the forward error of a module in float64, before it is built (`rounding_error_bound`).
*Numeric*: the tests compare the real modules' outputs, inverses and log-determinants with W x.
Entries are rounded to float64, which loses nothing for the flow of `balance`, whose entries are
floats.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from exactflow.errors import InvalidInputError, require
from exactflow.exact.typing import check_option
from exactflow.floats.lossless.bijection import Lossless
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.nonlinear import PiecewiseFlow
from exactflow.flows.result import FlowResult
from exactflow.interop import libraries
from exactflow.interop.affine import AffineMap
from exactflow.interop.libraries import LIBRARIES
from exactflow.interop.reading import linear_map
from exactflow.interop.roundoff import check_error, rounding_error_bound
from exactflow.laws.gaussian import Whitening

if TYPE_CHECKING:
    import numpy as np

    from exactflow.interop.conversion import convert as convert
    from exactflow.interop.conversion.restoring import restore as restore
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

_HOMES = {"convert": "conversion", "diagnose": "diagnosis", "restore": "conversion.restoring"}
"""Names that need PyTorch, imported when they are first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'exactflow.interop' has no attribute {name!r}")
    require("torch", "torch", "whole models")
    return getattr(import_module(f"exactflow.interop.{_HOMES[name]}"), name)


def to_module(
    flow: CouplingFlow | FlowResult,
    *,
    library: str = "torch",
    image: tuple[int, int] | None = None,
    bias: "np.ndarray | None" = None,
    accept_error: float | None = None,
) -> Any:
    """Return the flow as a float64 module of a library, or refuse what float64 would ruin.

    ==========  ========================  ======================================================
    library     module                    the flow is
    ==========  ========================  ======================================================
    torch       ``FlowModule``            ``forward(x) -> (y, log_det)``; ``inverse`` undoes it
    normflows   ``Flow``                  ``inverse``, from data to latent
    nflows      ``Transform``             ``forward``
    glasflow    ``Transform``             ``forward``, of glasflow's fork of nflows
    freia       ``InvertibleModule``      ``forward``, on tuples
    zuko        ``LazyTransform``         the transform that a call of the module returns, on the
                                          last axis
    flowjax     ``AbstractBijection``     ``inverse``, from data to latent; in JAX's type of floats
    ==========  ========================  ======================================================

    Each is a class that can be imported, so that modules are pickled, saved and loaded;
    ``.float()`` makes a module float32. Inside is one `FlowModule`, whose numbers are those of the
    flow, bit by bit where they are floats.

    Parameters
    ----------
    flow : over QQ; or what `balance` or `whiten` returned, which has such a flow. That of `whiten`
        subtracts the mean besides: a first step, from the data, of a flow that is to be trained.
    library : one of the table.
    image : (height, width) of images (N, d, height, width), which FrEIA must know; the others (but
        zuko and flowjax) take vectors (N, d) and images alike.
    bias : d numbers that are added to the image.
    accept_error : the largest forward error that is accepted, in float64 (flowjax: in the floats
        that JAX runs in), as `rounding_error_bound` bounds it, as a multiple of the largest entry
        of the matrix: 1e-6 in float64 and 1e-2 in float32, unless it is given; ``math.inf`` accepts
        any.
        Inverses, log-determinants and what ``.float()`` makes of a module have their own errors.

    Raises
    ------
    InvalidInputError
        An unknown library or option, a flow or shape that the library cannot express, or layers
        that float64 ruins: `exactflow.floats.balancing.balance` makes layers that it does not.
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
    found = _found(flow)
    shift = _shift(flow, bias, found.dimension)
    require("torch", library, "modules of that library")
    home = libraries.library(library)
    if image is not None and not home.takes_images:
        raise InvalidInputError(f"expected vectors for {library}, got an image: move channels last")
    check_error(found, accept_error, home.floats())
    from exactflow.interop.modules.flow import FlowModule

    return home.couplings(FlowModule(found, shift), (found.dimension, *(image or ())))


def _found(flow: Any) -> CouplingFlow:
    """Return a linear flow, or that of a result."""
    found = flow.flow if isinstance(flow, FlowResult) else flow
    is_of_integers = isinstance(flow, Lossless)
    if is_of_integers or not isinstance(found, CouplingFlow):
        remedy = ": its .flow is that of its real numbers" if is_of_integers else ""
        if isinstance(found, PiecewiseFlow):
            remedy = ", whose layers are steep piecewise functions: modules have linear layers only"
        raise InvalidInputError(
            f"expected a linear flow, or a result that has one, got {type(flow).__name__}{remedy}"
        )
    return found


def _shift(flow: Any, bias: Any, dimension: int) -> "np.ndarray | None":
    """Return the bias, and what subtracts the mean where `whiten` returned the flow, as float64."""
    import numpy as np

    center = flow.center if isinstance(flow, Whitening) else None
    if bias is None:
        return center
    try:
        values = np.asarray(bias, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (dimension,) or not np.isfinite(values).all():
        raise InvalidInputError(f"expected {dimension} finite numbers as bias, got {bias!r:.80}")
    return values if center is None else values + center
