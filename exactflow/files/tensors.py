"""Arrays out of .npy, .npz, .safetensors and .pt files, each with the name of its type there.

Of a file no more is made than it has room for, of an archive four times as much; nothing is
unpickled but by ``torch.load(weights_only=True)``, with the names that PyTorch admits by default
and no others: tensors, and containers of them, in the memory that the file's size explains.
"""

import io
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from exactflow.errors import InvalidInputError, join_names, require
from exactflow.exact.numbers import format_short

if TYPE_CHECKING:
    from torch import Tensor

UNPICKLING = 2**28  # bytes of memory for PyTorch to open a file, beside eight times its size
LARGEST_ARCHIVE = 2**26  # bytes that an archive may unpack to, or four times its own size
MOST_ENTRIES = 2**22  # of a matrix: exact arithmetic takes minutes for fewer
STATES = ("state_dict", "model_state_dict", "model", "net")
"""Where training scripts save the tensors of a model, beside other things."""

Arrays = Mapping[str | None, Callable[[], tuple[np.ndarray, str]]]

_SAFETENSORS = {
    "BF16": "<u2",
    "BOOL": "?",
    **{f"I{8 * n}": f"<i{n}" for n in (1, 2, 4, 8)},
    **{f"U{8 * n}": f"<u{n}" for n in (1, 2, 4, 8)},
    **{f"F{8 * n}": f"<f{n}" for n in (2, 4, 8)},
}


@contextmanager
def _reading(expected: str) -> Iterator[None]:
    """Turn any exception of a reader into an error of one line, and pass over its warnings."""
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InvalidInputError(f"expected {expected}, got: {reason[:200]}") from None


def read_array(data: bytes, suffix: str, key: str | None) -> tuple[np.ndarray, str]:
    """Return the array of a file under `key`, or the only one, with the name of its type.

    Raises `InvalidInputError` for what is no such file, a key that is not there, and no entries or
    more than 2^22.
    """
    arrays = held_arrays(data, suffix)
    if not arrays:
        raise InvalidInputError("expected at least one array, got none")
    if key is None and len(arrays) == 1:
        (key,) = arrays
    if None in arrays and key is not None:
        raise InvalidInputError(f"expected no key for a file of one array, got {key!r}")
    if key not in arrays:
        names = join_names([format_short(name) for name in sorted(map(str, arrays))])
        got = "none" if key is None else format_short(key)
        raise InvalidInputError(f"expected one of the keys {names} (--key), got {got}")
    array, dtype = arrays[key]()
    if not 0 < array.size <= MOST_ENTRIES:
        raise InvalidInputError(
            f"expected a matrix of at most {MOST_ENTRIES} entries, and some, got shape "
            f"{array.shape}: a larger one that is sparse is for Python, as a DomainMatrix"
        )
    return array, dtype


def held_arrays(data: bytes, suffix: str) -> Arrays:
    """Return the arrays of a file by name, or None, each to be read with the name of its type."""
    if suffix == ".npy":
        return {None: partial(_npy, io.BytesIO(data))}
    if suffix == ".npz":
        return _npz(data)
    if suffix == ".safetensors":
        library = require("safetensors", "safetensors", "a .safetensors file")
        with _reading("a .safetensors file"):
            arrays = library.deserialize(data)
        return {name: partial(_safetensor, **array) for name, array in arrays}
    content = _loaded(data)
    tensors = _named(content) if isinstance(content, dict) else {None: content}
    return {name: partial(_tensor, data, tensor) for name, tensor in tensors.items()}


def _npy(stream: IO[bytes]) -> tuple[np.ndarray, str]:
    with _reading("a .npy file of numbers or text, which is never unpickled"):
        array = np.lib.format.read_array(stream, allow_pickle=False)
        if stream.read(1) or (array.size and not array.nbytes):
            raise InvalidInputError("another number of bytes than its header says")
        if array.dtype.kind == "U":
            array.tolist()  # which may be no Unicode
    return array, str(array.dtype)


def _archive(data: bytes, expected: str, most: int) -> zipfile.ZipFile:
    """Return an archive that unpacks to at most so many bytes."""
    with _reading(expected):
        archive = zipfile.ZipFile(io.BytesIO(data))
    size = sum(member.file_size for member in archive.infolist())
    if size > most:
        raise InvalidInputError(
            f"expected {expected}, got one of {len(data)} bytes that become {size}"
        )
    return archive


def _npz(data: bytes) -> Arrays:
    most = max(LARGEST_ARCHIVE, 4 * len(data))
    expected = f"a .npz archive of at most {most} bytes"
    archive = _archive(data, expected, most)

    def read(name: str) -> tuple[np.ndarray, str]:
        with _reading(expected):
            stream = archive.open(name)
        return _npy(stream)

    arrays: dict[str | None, Callable] = {}
    for member in archive.namelist():
        name = member.removesuffix(".npy")
        if name in arrays:
            raise InvalidInputError(f"expected each array once, got {name!r} twice")
        arrays[name] = partial(read, member)
    return arrays


def _safetensor(dtype: str, shape: list[int], data: bytes) -> tuple[np.ndarray, str]:
    if dtype not in _SAFETENSORS:
        raise InvalidInputError(f"expected one of the types {', '.join(_SAFETENSORS)}, got {dtype}")
    with _reading("the shape of an array"):
        array: np.ndarray = np.ndarray(shape, _SAFETENSORS[dtype], bytes(data))
    if dtype == "BF16":  # the upper half of a float32
        return (array.astype("<u4") << 16).view("<f4"), "bfloat16"
    return array, str(array.dtype)


def _loaded(data: bytes) -> Any:
    """The content of a .pt file: a tensor, or tensors by name."""
    torch = require("torch", "torch", "a .pt file")
    if torch.__version__ < "2.6":
        raise InvalidInputError(
            f"expected PyTorch 2.6 or newer to open a .pt file, got {torch.__version__}, in which "
            "weights_only=True lets a file run code (CVE-2025-32434): use .safetensors"
        )
    if zipfile.is_zipfile(io.BytesIO(data)):
        expected = "a .pt file as torch.save writes it, which compresses nothing"
        _archive(data, expected, len(data))
    with _reading("a .pt file of tensors only"), _limited(UNPICKLING + 8 * len(data)):
        try:
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:  # without PyTorch's advice to trust the file
            found = re.search(r"GLOBAL (\S+)", str(error))
            raise pickle.UnpicklingError(
                f"one that names {found[1]!r:.80}: save the model's state_dict(), or convert the "
                "model in Python, exactflow.interop.convert(model)"
                if found
                else "a pickle that torch.load(weights_only=True) refuses"
            ) from None
    if isinstance(content, dict):
        held = (content.get(name) for name in STATES)
        return next((state for state in held if isinstance(state, dict)), content)
    return content


@contextmanager
def _limited(most: int) -> Iterator[None]:
    """Limit the memory of this process (on Linux) to so many more bytes: pickles call bytearray."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = taken + most
    resource.setrlimit(resource.RLIMIT_AS, (wanted if soft < 0 else min(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


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


def _tensor(data: bytes, tensor: Any) -> tuple[np.ndarray, str]:
    """Return a tensor of a file of these bytes as an array, and the name of its type."""
    plain = _plain(data, tensor)
    name = str(plain.dtype).removeprefix("torch.")
    with _reading("integers or floats that NumPy has, or bfloat16 or float8"):
        number = plain.resolve_conj().resolve_neg()
        is_short = name.startswith(("bfloat16", "float8"))
        return (number.float() if is_short else number).numpy(), name


def _plain(data: bytes, tensor: Any) -> "Tensor":
    """Return a tensor of a file of these bytes without its graph and attributes, if it is dense."""
    torch = require("torch", "torch", "a .pt file")
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter):
        raise InvalidInputError(
            f"expected a tensor, got {type(tensor).__name__}: save the model's state_dict()"
        )
    plain: Tensor = torch.Tensor.detach(tensor)  # a file may say what tensor.detach is
    kinds = [kind for kind in ("quantized", "nested", "meta") if getattr(plain, f"is_{kind}")]
    if kinds or plain.layout != torch.strided:
        got = f"a {kinds[0]} one" if kinds else f"the layout {plain.layout}"
        raise InvalidInputError(f"expected a dense tensor with entries, got {got}: save it as one")
    if plain.numel() > len(data):
        raise InvalidInputError(
            f"expected as many entries as are in the file, got a view of shape "
            f"{tuple(plain.shape)}: save its .contiguous()"
        )
    return plain
