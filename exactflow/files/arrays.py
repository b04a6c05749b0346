"""Flows as float64 arrays in a file, for code that has no rationals: exactly, or not at all.

========================  ==========================================================
``.npz``                  NumPy
``.safetensors``          needs the extra ``safetensors``
``.pt``, ``.pth``         a dictionary of tensors; needs the extra ``torch``
========================  ==========================================================

Layer k, counted from 0 in the order of application, is ``layer_k_shift``, ``layer_k_scale`` and
``layer_k_moves_first`` (0 or 1); ``partition``, ``flips`` and ``order`` complete the flow.
"""

import io
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, require
from exactflow.exact.numbers import format_short
from exactflow.files.atomic import write_bytes
from exactflow.flows.flow import LinearFlow

__all__ = ["ARRAY_SUFFIXES", "array_writer", "flow_arrays", "npy", "write_arrays"]

ARRAY_SUFFIXES = (".npz", ".safetensors", ".pt", ".pth")


def flow_arrays(flow: LinearFlow) -> dict[str, np.ndarray]:
    """Return the flow as arrays, shifts and scales in float64.

    Raises `InvalidInputError` for an entry that no float64 equals: nothing is rounded.

    >>> from exactflow import factor
    >>> flow_arrays(factor([[1, 0.5], [0, 1]]))["layer_0_shift"]
    array([[0.5]])
    """
    arrays = {
        "partition": np.array(flow.partition),
        "flips": np.array(flow.flips, dtype=np.int64),
        "order": np.array(flow.order or range(flow.dimension)),
    }
    for k, layer in enumerate(flow):
        arrays[f"layer_{k}_shift"] = _float64(layer.shift_matrix, k)
        scale = DomainMatrix([list(layer.scale_elements)], (1, len(layer.scale)), layer.field)
        arrays[f"layer_{k}_scale"] = _float64(scale, k)[0]
        arrays[f"layer_{k}_moves_first"] = np.array(int(layer.moves == "first"))
    return arrays


def write_arrays(flow: LinearFlow, path: str | Path) -> None:
    """Write `flow_arrays` to a file, told by its suffix; the whole file appears or none."""
    convert = array_writer(path)
    write_bytes(path, convert(flow_arrays(flow)))


def array_writer(path: str | Path) -> Callable[[dict[str, np.ndarray]], bytes]:
    """Return what turns arrays into the content of a file of this type, told by its suffix.

    Raises
    ------
    InvalidInputError
        A suffix that is none of `ARRAY_SUFFIXES`.
    MissingExtraError
        A type whose library is not installed.
    """
    match Path(path).suffix.lower():
        case ".npz":
            return _npz
        case ".safetensors":
            return require("safetensors.numpy", "safetensors", "a .safetensors file").save
        case ".pt" | ".pth":
            return partial(_torch, require("torch", "torch", "a .pt file"))
    raise InvalidInputError(
        f"expected a file of type {', '.join(ARRAY_SUFFIXES)} for the layers of a flow, "
        f"got {Path(path).name!r}"
    )


def _float64(M: DomainMatrix, k: int) -> np.ndarray:
    if not M.domain.is_QQ:
        raise InvalidInputError(f"expected a rational flow for float64 arrays, got {M.domain}")
    result = np.zeros(M.shape)
    for (i, j), value in M.iter_items():
        numerator, denominator = int(value.numerator), int(value.denominator)
        try:
            number = numerator / denominator
        except OverflowError:
            number = np.inf
        if not np.isfinite(number) or number.as_integer_ratio() != (numerator, denominator):
            raise InvalidInputError(
                f"expected entries that a float64 equals, got {format_short(value)} at {(i, j)} of "
                f"layer {k}: a certificate (.json) holds it exactly, and balance finds layers of "
                "floats for a matrix of floats"
            )
        result[i, j] = number
    return result


def npy(array: np.ndarray) -> bytes:
    """Return the content of a .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def _npz(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _torch(torch: ModuleType, arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, buffer)
    return buffer.getvalue()
