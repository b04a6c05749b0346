"""Flow libraries: trained linear layers in, coupling modules out.

`from_conv1x1` reads the matrix of a linear module; `factor` or `balance` turns it into couplings;
`to_module` builds them as modules of PyTorch, normflows, nflows, glasflow, FrEIA or zuko.

How it is checked
-----------------
*Certified*: the forward error of a module in float64, before it is built (`rounding`). *Numeric*:
the tests compare the real modules' outputs, inverses and log-determinants with W x. Entries are
rounded to float64, which loses nothing for the flow of `balance`, whose entries are floats;
log-scales (normflows, FrEIA) are rounded once more, unless the scale is one.
"""

import io
from importlib import import_module
from numbers import Real
from typing import Any

from exactflow.errors import InvalidInputError, require
from exactflow.flows.flow import LinearFlow
from exactflow.gaussian import Whitening
from exactflow.interop.reading import LinearMap, from_conv1x1
from exactflow.interop.roundoff import Rounding, rounding

__all__ = [
    "LIBRARIES",
    "LinearMap",
    "Rounding",
    "from_conv1x1",
    "rounding",
    "state_dict_bytes",
    "to_module",
]

LIBRARIES = {
    "torch": "plain",
    "normflows": "for_normflows",
    "nflows": "for_nflows",
    "glasflow": "for_nflows",
    "freia": "for_freia",
    "zuko": "for_zuko",
}


def to_module(
    flow: LinearFlow | Whitening,
    library: str = "torch",
    *,
    image: tuple[int, int] | None = None,
    accept_error: float = 1e-6,
) -> Any:
    """Return the flow as a float64 module of a library, or refuse what float64 would ruin.

    ==========  ==========================  ====================================================
    library     module                      the flow is; its scales are
    ==========  ==========================  ====================================================
    torch       ``FlowModule``              ``forward(x) -> (y, log_det)``; raw
    normflows   ``Flow``                    ``inverse``, data to latent; logarithms
    nflows      ``CompositeTransform``      ``forward``; raw
    glasflow    ``CompositeTransform``      ``forward``, of glasflow's fork of nflows; raw
    freia       ``SequenceINN``             ``forward``; logarithms
    zuko        ``ComposedTransform``       a call, on vectors; raw
    ==========  ==========================  ====================================================

    normflows and FrEIA take logarithms of scales, so that a scale is reproduced bit by bit only if
    exp(log(s)) is: for additive layers, always. Flips of the flow are one separate module,
    which is applied first; another order of the coordinates is a permutation before the layers, and
    its inverse after them. ``.float()`` makes a module float32; zuko's transform is no module of
    PyTorch, has neither parameters nor ``.float()``, and takes vectors of float64.

    Parameters
    ----------
    flow : over QQ; or what `whiten` returns: its flow, and its mean subtracted before, rounded to
        float64, so that the module whitens data as a first step of a flow that is trained.
    library : one of the table.
    image : (height, width) of NCHW images, which FrEIA must know; the others (but zuko) take
        vectors (N, d) and images (N, d, height, width) alike.
    accept_error : the largest forward error in float64 that is accepted, as `rounding` bounds it,
        as a multiple of the largest entry of the matrix; ``math.inf`` accepts any. Inverses,
        log-determinants and float32 have errors of their own.

    Raises
    ------
    InvalidInputError
        An unknown library, a flow or shape that the library cannot express, or layers that
        float64 ruins: `exactflow.balancing.balance` makes layers that it does not.
    MissingExtraError
        The library is not installed.

    Examples
    --------
    >>> import torch
    >>> from exactflow import factor, permutation
    >>> module = to_module(factor(permutation([2, 0, 1, 3])))
    >>> y, log_det = module(torch.tensor([[1.0, 2.0, 3.0, 4.0]], dtype=torch.float64))
    >>> y.tolist(), log_det.tolist()
    ([[3.0, 1.0, 2.0, 4.0]], [0.0])
    """
    if library not in LIBRARIES:
        raise InvalidInputError(f"expected one of {', '.join(LIBRARIES)}, got {library!r}")
    mean = flow.mean_floats if isinstance(flow, Whitening) else None
    flow = flow.flow if isinstance(flow, Whitening) else flow
    if not isinstance(flow, LinearFlow):
        raise InvalidInputError(
            f"expected a linear flow, got {type(flow).__name__}: what balance returns has it as "
            "its .flow"
        )
    if not flow.field.is_QQ:
        raise InvalidInputError(
            f"expected a flow over QQ, got one over {flow.field}: modules hold floats"
        )
    if image is not None and library == "zuko":
        raise InvalidInputError("expected vectors for zuko, got an image: move channels last")
    for module in ("torch", "FrEIA" if library == "freia" else library):
        require(module, library, "modules of that library")
    _check_error(flow, library, accept_error)
    builder = import_module(f"exactflow.interop.{LIBRARIES[library]}")
    return builder.build(flow, library, image, mean)


def _check_error(flow: LinearFlow, library: str, accepted: Any) -> None:
    is_number = isinstance(accepted, Real)
    if not (is_number and accepted >= 0):
        raise InvalidInputError(
            "expected accept_error to be a number, zero or larger (math.inf accepts any error), "
            f"got {accepted!r}"
        )
    error = rounding(flow, library).relative
    if error > accepted:
        raise InvalidInputError(
            f"expected layers whose error in float64 is within {float(accepted):.2g} of the "
            f"largest entry, got a bound of {float(error):.2g}: use exactflow.balancing.balance, "
            "whose layers are floats with small entries, or accept_error=.."
        )


def state_dict_bytes(flow: LinearFlow) -> bytes:
    """Return the state dict of ``to_module(flow)``, a plain PyTorch module, as a file's content."""
    module = to_module(flow)
    buffer = io.BytesIO()
    import_module("torch").save(module.state_dict(), buffer)
    return buffer.getvalue()
