"""Flows in files of float64 arrays, for code without rationals; no entry is rounded.

========================  ==========================================================
``.npz``                  NumPy
``.safetensors``          needs the extra ``safetensors``
``.pt``, ``.pth``         a dictionary of tensors; needs the extra ``torch``
========================  ==========================================================

The arrays of layer k, counted from 0 in the order of application, are ``layer_k_shift``,
``layer_k_scale`` and ``layer_k_moves_first`` (0 or 1). The arrays of the flow are ``partition``,
``flips`` and ``order``.
`read_arrays` reads such a file back; ``exactflow.to_module(read_arrays("flow.pt"))`` is a module.
"""

import io
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError, require
from exactflow.exact.numbers import format_field, format_short, to_float, to_fraction
from exactflow.exact.typing import Half
from exactflow.files.atomic import (
    prefixing_content_errors_with_file_name,
    read_file_or_stdin,
    write_atomically,
)
from exactflow.files.tensors import array_readers_by_name
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.linear import LinearCoupling

ARRAY_SUFFIXES = (".npz", ".safetensors", ".pt", ".pth")
_FLOW_ARRAYS = "partition", "flips", "order"


def flow_to_exact_float64_arrays(flow: CouplingFlow) -> dict[str, np.ndarray]:
    """Return the arrays of a flow, named as in the module docstring; no entry is rounded.

    Raises `InvalidInputError` for a flow over another field than QQ, and for an entry that equals
    no float64.
    """
    for field in [layer.field for layer in flow] or [flow.field]:
        if not field.is_QQ:
            raise InvalidInputError(
                f"expected a flow over QQ for float64 arrays, got a flow over {format_field(field)}"
            )
    arrays = {
        "partition": np.array(flow.partition),
        "flips": np.array(flow.flips, dtype=np.int64),
        "order": np.array(flow.order or range(flow.dimension)),
    }
    for k, layer in enumerate(flow):
        arrays[f"layer_{k}_shift"] = _to_float64_exactly(layer.shift_matrix, k)
        scale = DomainMatrix([list(layer.scale_elements)], (1, len(layer.scale)), layer.field)
        arrays[f"layer_{k}_scale"] = _to_float64_exactly(scale, k)[0]
        arrays[f"layer_{k}_moves_first"] = np.array(int(layer.moves == "first"))
    return arrays


def write_arrays(flow: CouplingFlow, path: str | Path) -> None:
    """Write the float64 arrays of a flow to a file; the suffix of the file selects its type.

    The file appears complete or not at all.
    """
    write_atomically(path, select_encoder(path)(flow_to_exact_float64_arrays(flow)))


def read_arrays(path: str | Path) -> CouplingFlow:
    """Read a flow from a file that `write_arrays` wrote; floats become dyadic rationals.

    Raises `InvalidInputError` for a missing or unreadable file, another suffix, or arrays that are
    no flow, and `MissingExtraError` if the library for this type is not installed.
    """
    path = Path(path)
    _check_suffix(path)
    data = read_file_or_stdin(path)
    with prefixing_content_errors_with_file_name(path):
        arrays = array_readers_by_name(data, path.suffix.lower())
        if None in arrays:
            raise InvalidInputError(
                "expected the arrays of a flow by name, got an array without a name"
            )
        return _build_flow({str(name): read()[0] for name, read in arrays.items()})


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in ARRAY_SUFFIXES:
        raise InvalidInputError(
            f"expected a file of type {', '.join(ARRAY_SUFFIXES)} for the layers of a flow, got "
            f"{path.name!r}"
        )


def _build_flow(arrays: Mapping[str, np.ndarray]) -> CouplingFlow:
    depth = sum(name.endswith("_shift") for name in arrays)
    parts = "shift", "scale", "moves_first"
    names = {f"layer_{k}_{part}" for k in range(depth) for part in parts} | set(_FLOW_ARRAYS)
    if differ := sorted(set(arrays) ^ names):
        raise InvalidInputError(
            "expected the arrays partition, flips, order, layer_0_shift, layer_0_scale, "
            "layer_0_moves_first, layer_1_shift, ..; missing or unknown: "
            f"{', '.join(map(repr, differ[:4]))}"
        )
    partition, flips, order = (_read_integers(arrays, name) for name in _FLOW_ARRAYS)
    if len(partition) != 2 or len(order) != sum(partition):
        raise InvalidInputError(
            f"expected an array 'partition' of two sizes, and an array 'order' with each "
            f"coordinate once, got the partition {partition} and the order {format_short(order)}"
        )
    p, q = partition
    layers = []
    for k in range(depth):
        is_first = _read_integers(arrays, name := f"layer_{k}_moves_first")
        if is_first not in ([0], [1]):
            raise InvalidInputError(f"expected 0 or 1 as the array {name!r}, got {is_first}")
        moves: Half = "first" if is_first == [1] else "second"
        shift, scale = arrays[f"layer_{k}_shift"], arrays[f"layer_{k}_scale"]
        if scale.ndim != 1:
            raise InvalidInputError(
                f"expected a row of numbers as the array 'layer_{k}_scale', got an array of shape "
                f"{scale.shape}"
            )
        layers.append(LinearCoupling((p, q), moves, shift, scale))
    return CouplingFlow(layers, (p, q), flips=flips, order=order)


def _read_integers(arrays: Mapping[str, np.ndarray], name: str) -> list[int]:
    array = arrays[name]
    if array.dtype.kind not in "iu" or array.ndim > 1:
        raise InvalidInputError(
            f"expected a row of integers as the array {name!r}, got an array of {array.dtype} with "
            f"the shape {array.shape}"
        )
    return [int(value) for value in array.reshape(-1)]


def select_encoder(path: str | Path) -> Callable[[dict[str, np.ndarray]], bytes]:
    """Return a function from arrays by name to the bytes of a file. The suffix of `path` tells the
    type of the file.

    Raises `InvalidInputError` for another suffix, and `MissingExtraError` if the library for this
    type is not installed.
    """
    path = Path(path)
    _check_suffix(path)
    match path.suffix.lower():
        case ".npz":
            return _encode_npz
        case ".safetensors":
            return require("safetensors.numpy", "safetensors", "a .safetensors file").save
    return partial(_encode_torch, require("torch", "torch", "a .pt file"))


def _to_float64_exactly(M: DomainMatrix, layer_index: int) -> np.ndarray:
    result = np.zeros(M.shape)
    for (i, j), value in M.iter_items():
        number = to_float(value)
        if not np.isfinite(number) or to_fraction(value) != Fraction(number):
            raise InvalidInputError(
                f"expected entries that equal a float64, got {format_short(value)} at {(i, j)} of "
                f"layer {layer_index}: save a certificate (.json), which keeps every entry "
                "exact, or use balance, which finds float64 layers of a float matrix"
            )
        result[i, j] = number
    return result


def _encode_npz(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _encode_torch(torch: ModuleType, arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, buffer)
    return buffer.getvalue()
