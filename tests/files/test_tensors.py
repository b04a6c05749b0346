"""Binary files that lie are refused before anything is made of them; unusual ones are read."""

import io
import json
import pickle
import subprocess
import sys
import warnings
import zipfile

import numpy as np
import pytest
import sympy

from exactflow import cli
from exactflow.errors import InvalidInputError
from exactflow.files.matrices import read_square_matrix

WEIGHT = np.array([[0.5, -2.0], [1.5, 3.0]], dtype=np.float32)
EXACT = sympy.Matrix([["1/2", -2], ["3/2", 3]])


ENTRIES = WEIGHT.tobytes()


def npy(shape="(2, 2)", descr="'<f4'", entries=ENTRIES, version=b"\1\0") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header + entries


def archive(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
            for name, content in members:
                file.writestr(name, content)
    return buffer.getvalue()


def corrupted(data: bytes) -> bytes:
    """Change a byte of the compressed content of a member w.npy, behind its header of 35."""
    return data[:45] + bytes([data[45] ^ 255]) + data[46:]


def test_the_helper_writes_what_numpy_does(tmp_path):
    for name, content in (("w.npy", npy()), ("w.npz", archive(("w.npy", npy())))):
        (tmp_path / name).write_bytes(content)
        read = read_square_matrix(tmp_path / name)
        assert (read.matrix.to_Matrix(), read.dtype) == (EXACT, "float32")


BAD = {
    "a size that is a lie": ("w.npy", npy("(100000000, 100000000)"), "allocate"),
    "a size of many digits": ("w.npy", npy(f"({'9' * 4000}, {'9' * 4000})"), "too large"),
    "a size beyond what is parsed": ("w.npy", npy(f"({'9' * 5000}, 1)"), "npy"),
    "two negative sizes": ("w.npy", npy("(-2, -2)"), "unknown dimension"),
    "entries of no bytes": (
        "w.npy",
        npy("(100000000, 100000000)", "'<U0'", b""),
        "header need another number of bytes",
    ),
    "rows of no entries": ("w.npy", npy("(1000000000, 0)", entries=b""), "entry, got shape"),
    "bytes to spare": ("w.npy", npy(entries=ENTRIES + b"1"), "header need another number of bytes"),
    "an unknown version": ("w.npy", npy(version=b"\7\7"), r"\(7, 7\)"),
    "a nested header": ("w.npy", npy("(" * 5000), "npy"),
    "a header of signs": ("w.npy", npy("-" * 5000 + "1"), "npy"),
    "no such characters": ("w.npy", npy("(1, 1)", "'<U1'", b"\xff" * 4), "text"),
    "records": ("w.npy", npy("(2, 2)", "[('a', '<f4')]"), "dtype"),
    "complex numbers": ("w.npy", npy("(1, 2)", "'<c8'"), "dtype complex64"),
    "dates": ("w.npy", npy("(1, 2)", "'<M8[s]'"), "dtype datetime64"),
    "a member twice": ("w.npz", archive(("w.npy", npy()), ("w.npy", npy())), "'w' twice"),
    "a name twice": ("w.npz", archive(("w.npy", npy()), ("w", npy())), "'w' twice"),
    "an empty archive": ("w.npz", archive(), "at least one array, got a file without arrays"),
    "a member that lies": ("w.npz", archive(("w.npy", npy("(9999, 9999)"))), "EOF"),
    "a corrupted member": (
        "w.npz",
        corrupted(archive(("w.npy", npy()))),
        "reading failed: Bad CRC",
    ),
    "an empty torch file": ("w.pt", b"", "tensors only; reading failed: EOFError"),
    "junk for torch": ("w.pt", b"junk", "tensors only"),
    "junk in an archive for torch": ("w.pt", b"PK\3\4", "tensors only"),
    "an integer for torch": ("w.pt", pickle.dumps(1, protocol=2), "tensors only"),
    "an exponent": ("w.csv", b"9e99999,1\n1,9e-99999", "exponent"),
    "a long field": ("w.csv", b"1" * 200_000, "field larger"),
    "a line": ("w.csv", b"1,2\r3", "equal length"),
}


@pytest.mark.parametrize("name", BAD)
def test_refuses(tmp_path, name):
    file, content, words = BAD[name]
    if file == "w.pt":
        pytest.importorskip("torch")
    (tmp_path / file).write_bytes(content)
    with pytest.raises(InvalidInputError, match=words) as raised:
        read_square_matrix(tmp_path / file)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400


def test_no_more_of_an_archive_is_unpacked_than_its_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("exactflow.files.tensors.LARGEST_ARCHIVE", 1)
    zeros = io.BytesIO()
    np.save(zeros, np.zeros((200, 200)))
    (tmp_path / "w.npz").write_bytes(archive(("w.npy", zeros.getvalue())))
    with pytest.raises(InvalidInputError, match="bytes that unpack to 320128"):
        read_square_matrix(tmp_path / "w.npz")


def test_bfloat16_is_read_alike(tmp_path):
    torch = pytest.importorskip("torch")
    save = pytest.importorskip("safetensors.torch").save
    weight = torch.tensor(WEIGHT).bfloat16()
    torch.save(weight, tmp_path / "w.pt")
    (tmp_path / "w.safetensors").write_bytes(save({"w": weight}))
    for name in ("w.pt", "w.safetensors"):
        read = read_square_matrix(tmp_path / name)
        assert (read.matrix.to_Matrix(), read.dtype) == (EXACT, "bfloat16")


def test_safetensors_of_every_type(tmp_path):
    save = pytest.importorskip("safetensors.numpy").save
    path = tmp_path / "w.safetensors"
    for dtype in ("float64", "float32", "float16", "int64", "int16", "int8", "uint32"):
        path.write_bytes(save({"w": np.eye(2, dtype=dtype)}))
        read = read_square_matrix(path)
        assert (read.matrix.to_Matrix(), read.dtype) == (sympy.eye(2), dtype)
    for refused, words in (
        ({}, "at least one array"),
        ({"w": np.eye(2, dtype=bool)}, r"bool: write \.astype\(int\)"),
    ):
        path.write_bytes(save(refused))
        with pytest.raises(InvalidInputError, match=words):
            read_square_matrix(path)
    torch = pytest.importorskip("torch")
    save = pytest.importorskip("safetensors.torch").save
    path.write_bytes(save({"w": torch.eye(2).to(torch.float8_e4m3fn)}))
    with pytest.raises(InvalidInputError, match="got F8_E4M3"):
        read_square_matrix(path)


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_unusual_tensors(tmp_path):
    torch = pytest.importorskip("torch")
    eye, path = torch.eye(2), tmp_path / "w.pt"
    complex_eye = torch.eye(2, dtype=torch.complex64)
    for refused, words in (
        (torch.quantize_per_tensor(eye, 0.5, 0, torch.qint8), "quantized"),
        (eye.to_sparse(), "sparse_coo"),
        (torch.eye(2, device="meta"), "meta"),
        (torch.nested.nested_tensor([eye, eye]), "nested"),
        (complex_eye.conj(), "complex64"),
        (torch.ones(1).expand(10**8, 10**8), "contiguous"),
        (torch.zeros(2, 2, dtype=torch.uint8).view(torch.bits8), "Bits8"),
        ({1: eye, "a": eye}, "expected names as keys of tensors, got int 1"),
        ({}, "at least one array"),
        ({"a": [1]}, "expected a tensor, got list"),
        ([eye], "expected a tensor, got list"),
    ):
        torch.save(refused, path)
        with pytest.raises(InvalidInputError, match=words):
            read_square_matrix(path)
    for read, matrix, dtype in (
        (eye.to(torch.float8_e4m3fn), sympy.eye(2), "float8_e4m3fn"),
        ((complex_eye * 1j).conj().imag, -sympy.eye(2), "float32"),
        (torch.tensor([[1, 2], [3, 4]]).t(), sympy.Matrix([[1, 3], [2, 4]]), "int64"),
    ):
        torch.save(read, path)
        got = read_square_matrix(path)
        assert (got.matrix.to_Matrix(), got.dtype) == (matrix, dtype)
    torch.save(eye, path)
    with pytest.raises(InvalidInputError, match="no key for a file of one array"):
        read_square_matrix(path, key="a")


def test_a_header_with_more_axes_than_numpy_has(tmp_path, capsys):
    pytest.importorskip("safetensors")
    entry = {"dtype": "F64", "shape": [1] * 71, "data_offsets": [0, 8]}
    header = json.dumps({"w": entry}).encode()
    path = tmp_path / "w.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(InvalidInputError, match=r"w\.safetensors: expected the shape of an array"):
        read_square_matrix(path)
    assert cli.main(["factor", str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_warnings_of_a_library_do_not_come_before_our_line(tmp_path):
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings(action="ignore"):
        torch.save(torch.eye(2).to_sparse_csr(), tmp_path / "csr.pt")
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2L, 2L), }\n"  # of Python 2
    start = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header
    (tmp_path / "w.npy").write_bytes(start + np.eye(2).tobytes())
    command = [sys.executable, "-m", "exactflow", "factor"]
    for name, lines in (("csr.pt", 1), ("w.npy", 0)):
        done = subprocess.run([*command, name], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
                              stdout=subprocess.DEVNULL, check=False)  # fmt: skip
        assert done.stderr.count("\n") == lines, done.stderr
