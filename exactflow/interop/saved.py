"""Models in .pt files: brought back without running anything that the file names.

A file is opened by ``torch.load(weights_only=True)``. Beside tensors it may hold objects of the
classes of PyTorch's modules and of the flow libraries, the functions of ``torch.nn.functional`` and
arrays of NumPy; a file with any other name in it is refused before anything is made of it.
"""

import io
from importlib import import_module
from inspect import isclass, isfunction
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError
from exactflow.interop.runs import first_line

__all__ = ["read_model", "saved_bytes"]

PACKAGES = ("normflows", "nflows", "glasflow", "FrEIA", "zuko", "torch.nn.modules")
OWN = "exactflow.interop"
FUNCTIONS = "torch.nn.functional"
ARRAYS = {
    f"numpy.{core}.multiarray.{name}"
    for core in ("_core", "core")
    for name in ("_reconstruct", "scalar")
}
ARRAYS |= {"numpy.ndarray", "numpy.dtype"}


def read_model(data: bytes) -> nn.Module | dict[str, Tensor]:
    """Return the model, or the state dict, that a .pt file holds, on the CPU.

    Raises
    ------
    InvalidInputError
        No .pt file; one that names what is not admitted; or neither a model nor tensors by name.
    """
    serialization: Any = torch.serialization
    if not hasattr(serialization, "get_unsafe_globals_in_checkpoint"):
        raise InvalidInputError("expected PyTorch 2.6 or newer, which can read models safely")
    try:
        names = serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(data))
        admitted = [*map(_admitted, names), *(type(np.dtype(kind)) for kind in "bhilqfd?")]
        with serialization.safe_globals(admitted):
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except InvalidInputError:
        raise
    except Exception as error:  # whatever PyTorch raises for bytes that it did not write
        raise InvalidInputError(
            f"expected a .pt file of a model or of tensors, got: {first_line(error)}"
        ) from None
    if isinstance(found, nn.Module):
        return found
    if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
        found = found["state_dict"]  # as training scripts save it, beside other things
    is_state = isinstance(found, dict) and all(
        isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()
    )
    if not is_state or not found:
        raise InvalidInputError(
            f"expected a model, or tensors by name, got {type(found).__name__}: save the model, or "
            "its state_dict()"
        )
    return dict(found)


def saved_bytes(content: Any) -> bytes:
    """Return a model or a state dict as the content of a .pt file.

    Raises `InvalidInputError` for a model that cannot be pickled.
    """
    buffer = io.BytesIO()
    try:
        torch.save(content, buffer)
    except Exception as error:  # a lambda in a module, for one
        raise InvalidInputError(
            f"expected a model that torch.save takes, got: {first_line(error)}; its state dict may "
            "be converted with --library"
        ) from None
    return buffer.getvalue()


def _admitted(name: str) -> Any:
    """Return what a file names, if it may be made from a file."""
    home, _, attribute = name.rpartition(".")
    if name in ARRAYS:
        return getattr(import_module(home), attribute)
    if home == FUNCTIONS or _is_in(home, (*PACKAGES, OWN)):
        try:
            found = getattr(import_module(home), attribute, None)
        except ImportError as error:
            raise InvalidInputError(
                f"expected the library of {name}, which is not installed: {error}"
            ) from None
        is_own = getattr(found, "__module__", "") == home
        if is_own and (isclass(found) or (isfunction(found) and home == FUNCTIONS)):
            return found
    raise InvalidInputError(
        f"expected a model of the classes of {', '.join(PACKAGES)}, got one that names {name}: "
        "load it in Python and call exactflow.interop.convert, or give its state dict with "
        "--library"
    )


def _is_in(home: str, packages: tuple[str, ...]) -> bool:
    return any(f"{home}.".startswith(f"{package}.") for package in packages)
