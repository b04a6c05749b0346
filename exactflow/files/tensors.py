"""Read arrays from .npy, .npz, .safetensors and .pt files, with the names of their types.

The size of a file limits the memory of its arrays; an archive may unpack to four times its size.
Only ``torch.load(weights_only=True)`` unpickles, and only classes that PyTorch admits by default:
tensors and containers of tensors.
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
from typing import IO, Any

import numpy as np

from exactflow.errors import InvalidInputError, hint_at_similar_name, join_names, require
from exactflow.exact.numbers import format_short

# PyTorch may take this many bytes of memory, plus 8 times the size of a file, to open the file.
UNPICKLING = 2**28
# An archive of any size is accepted if it unpacks to at most this many bytes.
LARGEST_ARCHIVE = 2**26
MOST_ENTRIES = 2**22  # of an array; exact arithmetic takes minutes even for smaller matrices
STATE_KEYS = ("state_dict", "model_state_dict", "model", "net")
"""The keys under which training scripts save a model's dictionary of tensors."""

ArrayReaders = Mapping[str | None, Callable[[], tuple[np.ndarray, str]]]
"""Name of an array (None for the only array) -> a function that reads the array and its dtype."""

_SAFETENSORS_DTYPES = {
    "BF16": "<u2",
    "BOOL": "?",
    **{f"I{8 * n}": f"<i{n}" for n in (1, 2, 4, 8)},
    **{f"U{8 * n}": f"<u{n}" for n in (1, 2, 4, 8)},
    **{f"F{8 * n}": f"<f{n}" for n in (2, 4, 8)},
}


@contextmanager
def _translating_errors_and_ignoring_warnings(expected_content: str) -> Iterator[None]:
    """Replace any exception in this context by an `InvalidInputError`; ignore warnings.

    The message is one line, and names the `expected_content` of the file.
    """
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InvalidInputError(
            f"expected {expected_content}; reading failed: {reason[:200]}"
        ) from None


def read_array_and_dtype(data: bytes, suffix: str, key: str | None) -> tuple[np.ndarray, str]:
    """Return the array under `key`, or the only array of the file, and the name of its dtype.

    Raises `InvalidInputError` for an unknown suffix or key, and for an array that has no entries,
    or more than 2^22.
    """
    arrays = array_readers_by_name(data, suffix)
    if not arrays:
        raise InvalidInputError(
            "expected a file with at least one array, got a file without arrays"
        )
    if key is None and len(arrays) == 1:
        (key,) = arrays
    if None in arrays and key is not None:
        raise InvalidInputError(f"expected no key for a file of one array, got {key!r}")
    if key not in arrays:
        names = join_names(_list_names_with_shapes_square_first(arrays))
        got = "none" if key is None else format_short(key)
        hint = hint_at_similar_name(key or "", map(str, arrays))
        raise InvalidInputError(f"expected one of the keys {names} (--key), got {got}{hint}")
    array, dtype = arrays[key]()
    if not array.size:
        raise InvalidInputError(
            f"expected an array with at least one entry, got shape {array.shape}"
        )
    if array.size > MOST_ENTRIES:
        raise InvalidInputError(
            f"expected an array of at most {MOST_ENTRIES} entries, got shape {array.shape}: pass "
            "a larger sparse matrix in Python, as a DomainMatrix"
        )
    return array, dtype


def _list_names_with_shapes_square_first(arrays: ArrayReaders) -> list[str]:
    """Return a text such as "'weight' 2 x 2" for each array, possible matrices first."""
    rows = []
    for name, read in arrays.items():
        try:
            shape = read()[0].shape
        except InvalidInputError:
            shape = ()
        is_square = len(shape) > 1 and shape[0] == shape[1] and set(shape[2:]) <= {1}
        size = " x ".join(map(str, shape))
        rows.append((not is_square, str(name), f"{format_short(name)} {size}".rstrip()))
    return [text for *_, text in sorted(rows)]


def array_readers_by_name(data: bytes, suffix: str) -> ArrayReaders:
    """Return the name of each array in a file, with a function that reads the array.

    Raises `InvalidInputError` for an unknown suffix.
    """
    if suffix == ".npy":
        return {None: partial(_read_npy_and_dtype, io.BytesIO(data))}
    if suffix == ".npz":
        return _npz_readers_by_name(data)
    if suffix == ".safetensors":
        library = require("safetensors", "safetensors", "a .safetensors file")
        with _translating_errors_and_ignoring_warnings("a .safetensors file"):
            arrays = library.deserialize(data)
        return {name: partial(_read_safetensor, **array) for name, array in arrays}
    if suffix not in (".pt", ".pth"):
        raise InvalidInputError(
            "expected an array in a .npy, .npz, .safetensors, .pt or .pth file, got the suffix "
            f"{suffix!r}: write the array by np.save"
        )
    content = _load_pt_tensor_or_named_tensors(data)
    if not isinstance(content, dict):
        return {None: partial(_tensor_to_array_and_dtype_name, content, data)}
    for name in content:
        if not isinstance(name, str):
            raise InvalidInputError(
                f"expected names as keys of tensors, got {type(name).__name__} {format_short(name)}"
            )
        if not name.isprintable():
            raise InvalidInputError(f"expected names that can be printed, got {ascii(name)[:80]}")
    return {
        name: partial(_tensor_to_array_and_dtype_name, tensor, data)
        for name, tensor in content.items()
    }


def _read_npy_and_dtype(stream: IO[bytes]) -> tuple[np.ndarray, str]:
    with _translating_errors_and_ignoring_warnings(
        "a .npy file of numbers or text (objects are never unpickled)"
    ):
        array = np.lib.format.read_array(stream, allow_pickle=False)
        if stream.read(1) or (array.size and not array.nbytes):
            raise InvalidInputError(
                "the shape and type in the header need another number of bytes than the data has"
            )
        if array.dtype.kind == "U":
            array.tolist()  # this raises an error for text that is not valid Unicode
    return array, str(array.dtype)


def _open_zip_within(
    data: bytes, expected_content: str, most_unpacked_bytes: int
) -> zipfile.ZipFile:
    """Open a .zip archive; raise an error if it unpacks to more than `most_unpacked_bytes`."""
    with _translating_errors_and_ignoring_warnings(expected_content):
        archive = zipfile.ZipFile(io.BytesIO(data))
    size = sum(member.file_size for member in archive.infolist())
    if size > most_unpacked_bytes:
        raise InvalidInputError(
            f"expected {expected_content}, got {len(data)} bytes that unpack to {size} bytes"
        )
    return archive


def _npz_readers_by_name(data: bytes) -> ArrayReaders:
    most = max(LARGEST_ARCHIVE, 4 * len(data))
    expected = f"a .npz archive of at most {most} bytes"
    archive = _open_zip_within(data, expected, most)

    def read_member(name: str) -> tuple[np.ndarray, str]:
        with _translating_errors_and_ignoring_warnings(expected):
            stream = archive.open(name)
        return _read_npy_and_dtype(stream)

    arrays: dict[str | None, Callable] = {}
    for member in archive.namelist():
        name = member.removesuffix(".npy")
        if name in arrays:
            raise InvalidInputError(f"expected each array once, got {name!r} twice")
        arrays[name] = partial(read_member, member)
    return arrays


def _read_safetensor(dtype: str, shape: list[int], data: bytes) -> tuple[np.ndarray, str]:
    if dtype not in _SAFETENSORS_DTYPES:
        raise InvalidInputError(
            f"expected an array of type {', '.join(_SAFETENSORS_DTYPES)}, got {dtype}"
        )
    with _translating_errors_and_ignoring_warnings("the shape of an array"):
        array: np.ndarray = np.ndarray(shape, _SAFETENSORS_DTYPES[dtype], bytes(data))
    if dtype == "BF16":  # bfloat16 is the upper half of a float32
        return (array.astype("<u4") << 16).view("<f4"), "bfloat16"
    return array, str(array.dtype)


def _load_pt_tensor_or_named_tensors(data: bytes) -> Any:
    """Return the content of a .pt file: a tensor, or a dictionary of tensors by name.

    A dictionary under one of `STATE_KEYS` is returned in place of the dictionary that contains it.
    """
    torch = require("torch", "torch", "a .pt file")
    if torch.__version__ < "2.6":
        raise InvalidInputError(
            f"a .pt file needs PyTorch 2.6 or newer: in {torch.__version__} weights_only=True lets "
            "a file run code (CVE-2025-32434); update PyTorch, or use .safetensors"
        )
    if zipfile.is_zipfile(io.BytesIO(data)):
        expected = "a .pt file without compression, as torch.save writes it"
        _open_zip_within(data, expected, len(data))
    with (
        _translating_errors_and_ignoring_warnings("a .pt file of tensors only"),
        _limiting_extra_memory_on_linux(UNPICKLING + 8 * len(data)),
    ):
        try:
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            # PyTorch's message is replaced, since it advises the user to trust the file
            found = re.search(r"GLOBAL (\S+)", str(error))
            raise pickle.UnpicklingError(
                f"the pickle uses {found[1]!r:.80}: save the model's state_dict(), or convert "
                "the model in Python, exactflow.interop.convert(model)"
                if found
                else "torch.load(weights_only=True) refuses the pickle"
            ) from None
    if isinstance(content, dict):
        held = (content.get(name) for name in STATE_KEYS)
        return next((state for state in held if isinstance(state, dict)), content)
    return content


@contextmanager
def _limiting_extra_memory_on_linux(most_extra_bytes: int) -> Iterator[None]:
    """On Linux, let this process take at most `most_extra_bytes` more memory in this context.

    A pickle can ask for memory of any size.
    """
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = taken + most_extra_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if soft < 0 else min(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _tensor_to_array_and_dtype_name(loaded_tensor: Any, file_data: bytes) -> tuple[np.ndarray, str]:
    """Convert a tensor that PyTorch has loaded; return an array, and PyTorch's name of the dtype.

    `file_data` is the content of the tensor's file. Raises `InvalidInputError` for another object
    than a tensor, for a tensor that is not dense, and for a tensor that has more entries than the
    file has bytes.
    """
    torch = require("torch", "torch", "a .pt file")
    if type(loaded_tensor) not in (torch.Tensor, torch.nn.Parameter):
        raise InvalidInputError(
            f"expected a tensor, got {type(loaded_tensor).__name__}: save the model's state_dict()"
        )
    # the detached tensor lacks the Python attributes that its file gives it; detach is called on
    # the class, since a file can set another function as loaded_tensor.detach
    plain = torch.Tensor.detach(loaded_tensor)
    kinds = [kind for kind in ("quantized", "nested", "meta") if getattr(plain, f"is_{kind}")]
    if kinds or plain.layout != torch.strided:
        got = f"a {kinds[0]} tensor" if kinds else f"the layout {plain.layout}"
        raise InvalidInputError(f"expected a dense tensor, got {got}: convert it before saving")
    if plain.numel() > len(file_data):
        raise InvalidInputError(
            f"expected a tensor no larger than its file, got a view of shape {tuple(plain.shape)}: "
            "save tensor.contiguous()"
        )
    name = str(plain.dtype).removeprefix("torch.")
    with _translating_errors_and_ignoring_warnings(
        "integers or floats that NumPy has, or bfloat16 or float8"
    ):
        number = plain.resolve_conj().resolve_neg()
        is_short = name.startswith(("bfloat16", "float8"))
        return (number.float() if is_short else number).numpy(), name
