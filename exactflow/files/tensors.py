"""Arrays out of .npy, .npz, .safetensors and .pt files, each with the name of its type there.

What a file claims of its size is compared with the bytes that are there before anything is made
of it, and nothing is unpickled but by ``torch.load(weights_only=True)``, with the names that
PyTorch admits by default and no others: tensors, and containers of them.
"""

import io
import lzma
import math
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from exactflow.errors import InvalidInputError, require
from exactflow.exact.numbers import format_short

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "read_all",
    "read_array",
    "read_npy",
    "read_npz",
    "read_safetensors",
    "read_state",
    "read_torch",
]

LARGEST_MEMBER = 2**30  # bytes of an array that an archive holds compressed
STATES = ("state_dict", "model_state_dict", "model", "net")
"""Where training scripts save the tensors of a model, beside other things."""

_UNREADABLE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    SyntaxError,
    SystemError,
    TokenError,
    lzma.LZMAError,
    pickle.UnpicklingError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the parsers of the libraries raise for bytes that they were not made for."""

_NPY_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}

_SAFETENSORS = {
    "BOOL": "?",
    **{f"I{8 * n}": f"<i{n}" for n in (1, 2, 4, 8)},
    **{f"U{8 * n}": f"<u{n}" for n in (1, 2, 4, 8)},
    **{f"F{8 * n}": f"<f{n}" for n in (2, 4, 8)},
}


@contextmanager
def _reading(expected: str, *errors: type[Exception]) -> Iterator[None]:
    """Say in one line what a library says of bytes that it cannot read."""
    unreadable: tuple[type[Exception], ...] = (*_UNREADABLE, *errors)
    try:
        yield
    except unreadable as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InvalidInputError(f"expected {expected}, got: {reason[:200]}") from None


def _chosen(arrays: dict, key: str | None) -> Any:
    """Return the array under `key`, or the only one."""
    if not arrays:
        raise InvalidInputError("expected at least one array, got none")
    if key is None and len(arrays) == 1:
        (key,) = arrays
    if key not in arrays:
        got = "none" if key is None else repr(key)
        raise InvalidInputError(
            f"expected one of the keys {', '.join(map(repr, sorted(arrays)))} (--key), got {got}"
        )
    return arrays[key]


def _sized(shape: tuple[int, ...], dtype: np.dtype, data: bytes, **layout: Any) -> np.ndarray:
    """Return the array that the bytes are, if they are as many as its shape says."""
    size = math.prod(shape) * dtype.itemsize
    is_sized = size > 0 or shape == (0,)  # an empty list, as that of no flips
    if not is_sized or size != len(data) or min(shape, default=1) < 0:
        raise InvalidInputError(
            f"expected the bytes of {format_short(math.prod(shape))} entries of {dtype}, as the "
            f"header says, got {len(data)}"
        )
    return np.ndarray(shape, dtype, data, **layout)


def read_npy(data: bytes) -> tuple[np.ndarray, str]:
    """Return the array of a .npy file."""
    stream = io.BytesIO(data)
    with _reading("a .npy file of numbers, which is never unpickled"):
        read_header = _NPY_HEADERS[np.lib.format.read_magic(stream)]
        shape, columns_first, dtype = read_header(stream)
    if dtype.hasobject:
        raise InvalidInputError("expected numbers, got objects, which are never unpickled")
    order = "F" if columns_first else "C"
    array = _sized(shape, dtype, data[stream.tell() :], order=order)
    if dtype.kind == "U":
        with _reading("text of Unicode characters"):
            array.tolist()
    return array, str(dtype)


def read_npz(data: bytes, key: str | None) -> tuple[np.ndarray, str]:
    """Return one array of a .npz archive."""
    return _chosen(_npz(data), key)()


def read_safetensors(data: bytes, key: str | None) -> tuple[np.ndarray, str]:
    """Return one array of a .safetensors file."""
    return _chosen(_safetensors(data), key)()


def read_torch(data: bytes, key: str | None) -> tuple[np.ndarray, str]:
    """Return the tensor of a .pt file, or one of its state dict."""
    content = _loaded(data)
    if isinstance(content, dict):
        return _chosen(_torch(data, content), key)()
    if key is not None:
        raise InvalidInputError(f"expected no key for a file of one tensor, got {key!r}")
    return _tensor(data, content)


def read_array(data: bytes, path: Path, key: str | None) -> tuple[np.ndarray, str]:
    """Return one array of a file, of any shape, by the reader that its suffix tells."""
    readers = {".npz": read_npz, ".safetensors": read_safetensors}
    readers |= {".pt": read_torch, ".pth": read_torch}
    suffix = path.suffix.lower()
    if suffix == ".npy" and key is None:
        return read_npy(data)
    if suffix not in readers:
        known = ", ".join((".npy", *readers))
        raise InvalidInputError(f"expected a file of type {known}, got {path.name!r}")
    return readers[suffix](data, key)


def read_all(data: bytes, suffix: str) -> dict[str, np.ndarray]:
    """Return all arrays of a file that holds several, told by its suffix."""
    if suffix == ".npz":
        members = _npz(data)
    elif suffix == ".safetensors":
        members = _safetensors(data)
    else:
        content = _loaded(data)
        if not isinstance(content, dict):
            raise InvalidInputError(f"expected tensors by name, got {type(content).__name__}")
        members = _torch(data, content)
    return {name: read()[0] for name, read in members.items()}


Members = dict[str, Callable[[], tuple[np.ndarray, str]]]


def _npz(data: bytes) -> Members:
    with _reading("a .npz archive"):
        archive = zipfile.ZipFile(io.BytesIO(data))
    members: Members = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name in members:
            raise InvalidInputError(f"expected each array once, got {name!r} twice")
        members[name] = partial(_npz_member, archive, member)
    return members


def _npz_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[np.ndarray, str]:
    if member.file_size > LARGEST_MEMBER:
        raise InvalidInputError(
            f"expected an array of at most {LARGEST_MEMBER} bytes, got {member.file_size}"
        )
    with _reading("a .npz archive"):
        content = archive.read(member)
    return read_npy(content)


def _safetensors(data: bytes) -> Members:
    library = require("safetensors", "safetensors", "a .safetensors file")
    with _reading("a .safetensors file", library.SafetensorError):
        arrays = dict(library.deserialize(data))
    return {name: partial(_safetensor, array) for name, array in arrays.items()}


def _safetensor(array: dict) -> tuple[np.ndarray, str]:
    name, shape, content = array["dtype"], tuple(array["shape"]), bytes(array["data"])
    if name == "BF16":  # the upper half of a float32
        upper = _sized(shape, np.dtype("<u2"), content)
        return (upper.astype("<u4") << 16).view("<f4"), "bfloat16"
    if name not in _SAFETENSORS:
        raise InvalidInputError(
            f"expected one of the types BF16, {', '.join(_SAFETENSORS)}, got {name}"
        )
    dtype = np.dtype(_SAFETENSORS[name])
    return _sized(shape, dtype, content), str(dtype)


def read_state(data: bytes, suffix: str) -> "dict[str, Tensor]":
    """Return the tensors of a state dict, in a .safetensors file or else a .pt file, on the CPU.

    Raises
    ------
    InvalidInputError
        A file with anything else in it, or with none, and what to do instead.
    """
    if suffix == ".safetensors":
        library = require("safetensors.torch", "safetensors", "a .safetensors file")
        with _reading("a .safetensors file", import_module("safetensors").SafetensorError):
            content = library.load(data)
    else:
        content = _loaded(data)
    if not isinstance(content, dict) or not content:
        raise InvalidInputError(
            f"expected tensors by name, got {type(content).__name__}: save the model's state_dict()"
        )
    return {name: _plain(data, tensor) for name, tensor in _named(content).items()}


def _loaded(data: bytes) -> Any:
    """Return what a .pt file holds: tensors, alone or by name."""
    torch = require("torch", "torch", "a .pt file")
    if torch.__version__ < "2.6":
        raise InvalidInputError(
            f"expected PyTorch 2.6 or newer to open a .pt file, got {torch.__version__}, in which "
            "weights_only=True lets a file run code (CVE-2025-32434): use .safetensors"
        )
    if zipfile.is_zipfile(io.BytesIO(data)):
        with _reading("a .pt file"):
            size = sum(member.file_size for member in zipfile.ZipFile(io.BytesIO(data)).infolist())
        if size > len(data):
            raise InvalidInputError(
                f"expected a .pt file as torch.save writes it, which compresses nothing, got one "
                f"of {len(data)} bytes that become {size}"
            )
    with _reading("a .pt file of tensors only"):
        try:
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            raise pickle.UnpicklingError(_forbidden(str(error))) from None
    if isinstance(content, dict):
        held = (content.get(name) for name in STATES)
        return next((state for state in held if isinstance(state, dict)), content)
    return content


def _forbidden(message: str) -> str:
    """Return what PyTorch says of a pickle that it refuses, without its advice to trust it."""
    found = re.search(r"GLOBAL (\S+)", message)
    if found is None:
        return "a pickle that torch.load(weights_only=True) refuses"
    return (
        f"one that names {found[1]!r:.80}: save the model's state_dict(), or convert the model in "
        "Python, exactflow.interop.convert(model)"
    )


def _named(content: dict) -> dict[str, Any]:
    """Return tensors by name, or refuse names that cannot be printed."""
    for name in content:
        if not isinstance(name, str):
            raise InvalidInputError(
                f"expected names as keys, got {type(name).__name__} {format_short(name)}"
            )
        if not name.isprintable():
            raise InvalidInputError(f"expected names that can be printed, got {ascii(name)[:80]}")
    return content


def _torch(data: bytes, content: dict) -> Members:
    return {name: partial(_tensor, data, tensor) for name, tensor in _named(content).items()}


def _tensor(data: bytes, tensor: Any) -> tuple[np.ndarray, str]:
    """Return a tensor of a file of these bytes as an array."""
    tensor = _plain(data, tensor)
    with _reading("integers or floats that NumPy has, or bfloat16 or float8"):
        tensor = tensor.resolve_conj().resolve_neg()
        name = str(tensor.dtype).removeprefix("torch.")
        if name.startswith(("bfloat16", "float8")):
            tensor = tensor.float()
        return tensor.numpy(), name


def _plain(data: bytes, tensor: Any) -> "Tensor":
    """Return a tensor of a file of these bytes without its graph and attributes, if it is dense."""
    torch = require("torch", "torch", "a .pt file")
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        raise InvalidInputError(
            f"expected a tensor, got {type(tensor).__name__}: save the model's state_dict()"
        )
    plain: Tensor = torch.Tensor.detach(tensor)  # a file may say what tensor.detach is
    unusual = plain.is_quantized or plain.is_nested or plain.is_meta
    if unusual or plain.layout != torch.strided:
        raise InvalidInputError(
            f"expected a dense tensor with entries, got {_unusual(plain)}: save it as one"
        )
    if plain.numel() > len(data):
        raise InvalidInputError(
            f"expected as many entries as are in the file, got a view of shape "
            f"{tuple(plain.shape)}: save its .contiguous()"
        )
    return plain


def _unusual(tensor: Any) -> str:
    """Return what is unusual about a tensor."""
    for kind in ("quantized", "nested", "meta"):
        if getattr(tensor, f"is_{kind}"):
            return f"a {kind} one"
    return f"the layout {tensor.layout}"
