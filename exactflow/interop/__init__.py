"""Flow libraries: trained linear layers in, coupling modules out.

`from_conv1x1` reads the matrix of a linear module; `factor` or `balance` turns it into couplings;
`to_module` builds them as modules of PyTorch, normflows, nflows, glasflow, FrEIA or zuko.

How it is checked
-----------------
*Numeric*: the tests compare the real modules' outputs, inverses and log-determinants with W x.
Entries are rounded to float64, which loses nothing for the flow of `balance`, whose entries are
floats; log-scales (normflows, FrEIA) are rounded once more, unless the scale is one.
"""

import io
from importlib import import_module

from exactflow.errors import InvalidInputError, require
from exactflow.flows.flow import CouplingFlow
from exactflow.interop.reading import LinearMap, from_conv1x1

__all__ = ["LIBRARIES", "LinearMap", "from_conv1x1", "state_dict_bytes", "to_module"]

LIBRARIES = {
    "torch": "plain",
    "normflows": "for_normflows",
    "nflows": "for_nflows",
    "glasflow": "for_nflows",
    "freia": "for_freia",
    "zuko": "for_zuko",
}


def to_module(flow: CouplingFlow, library: str = "torch", image: tuple[int, int] | None = None):
    """Return the flow as a float64 module of a library; ``.float()`` makes it float32.

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
    which is applied first.

    Parameters
    ----------
    flow : over QQ, the coordinates in their natural order.
    library : one of the table.
    image : (height, width) of NCHW images, which FrEIA must know; the others (but zuko) take
        vectors (N, d) and images (N, d, height, width) alike.

    Raises
    ------
    InvalidInputError
        An unknown library, or a flow or shape that the library cannot express.
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
    if not flow.field.is_QQ:
        raise InvalidInputError(
            f"expected a flow over QQ, got one over {flow.field}: modules hold floats"
        )
    if flow.order:
        raise InvalidInputError(
            "expected a flow on coordinates in their natural order, got one with an order of its "
            "own: factor the matrix without a partition"
        )
    if image is not None and library == "zuko":
        raise InvalidInputError("expected vectors for zuko, got an image: move channels last")
    for module in ("torch", "FrEIA" if library == "freia" else library):
        require(module, library, "modules of that library")
    builder = import_module(f"exactflow.interop.{LIBRARIES[library]}")
    return builder.build(flow, library, image)


def state_dict_bytes(flow: CouplingFlow) -> bytes:
    """Return the state dict of ``to_module(flow)``, a plain PyTorch module, as a file's content."""
    module = to_module(flow)
    buffer = io.BytesIO()
    import_module("torch").save(module.state_dict(), buffer)
    return buffer.getvalue()
