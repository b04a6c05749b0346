"""Small files that claim, or unpack to, large matrices are refused before anything is made."""

import io
import struct
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from exactflow import cli
from exactflow.errors import InvalidInputError
from exactflow.files.arrays import read_arrays
from exactflow.files.matrices import read_square_matrix


def deflated(name: str, header: bytes, zeros: int) -> bytes:
    """Return an archive of one member: a header, and zeros, which take a thousandth of the room."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        member.write(header)
        for _ in range(zeros // 2**20):
            member.write(bytes(2**20))
        member.write(bytes(zeros % 2**20))
    return buffer.getvalue()


def npy_header(shape: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    content = {"descr": "<f8", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, content)
    return buffer.getvalue()


@pytest.fixture(scope="module", params=[3000, pytest.param(11_000, marks=pytest.mark.slow)])
def zeros(request, tmp_path_factory):
    """Return an archive of d x d zeros: for d = 11000 it has 1 MB, and they take 968 MB."""
    d = request.param
    path = tmp_path_factory.mktemp("bombs") / "zeros.npz"
    path.write_bytes(deflated("W.npy", npy_header((d, d)), 8 * d**2))
    assert path.stat().st_size < 2**20
    return path


@pytest.mark.parametrize("command", ["factor", "depth", "balance", "whiten"])
def test_an_archive_of_zeros(zeros, capsys, command):
    start = time.process_time()
    assert cli.main([command, str(zeros)]) == 2
    assert time.process_time() - start < 1
    assert "zeros.npz: expected a .npz archive of at most 67108864 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("size", [2**26, pytest.param(5 * 2**28, marks=pytest.mark.slow)])
def test_a_state_dict_that_is_compressed(tmp_path, size):
    pytest.importorskip("torch")
    path = tmp_path / "w.pt"
    path.write_bytes(deflated("archive/data/0", b"", size))
    start = time.process_time()
    for read in (read_square_matrix, read_arrays):
        with pytest.raises(InvalidInputError, match=r"w\.pt: .*without compression"):
            read(path)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_rows_without_entries(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    if suffix == ".pt":
        torch = pytest.importorskip("torch")
        torch.save(torch.zeros(10**9, 0), path)
    else:
        save = pytest.importorskip("safetensors.numpy").save
        path.write_bytes(save({"w": np.zeros((10**9, 0))}))
    with pytest.raises(InvalidInputError, match=r"entry, got shape \(1000000000, 0\)"):
        read_square_matrix(path)


def test_many_members_count_together(tmp_path, monkeypatch):
    monkeypatch.setattr("exactflow.files.tensors.LARGEST_ARCHIVE", 2**20)
    path = tmp_path / "flow.npz"
    np.savez_compressed(path, **{f"layer_{k}_shift": np.zeros((200, 200)) for k in range(4)})
    with pytest.raises(InvalidInputError, match=r"archive of at most 1048576 bytes, got [0-9]+"):
        read_arrays(path)


def pickled(path, pickle):
    """Write a .pt file as torch.save does, with a pickle of a stranger."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        archive.writestr("archive/version", "3\n")


LARGE = b"\x80\x02cbuiltins\nbytearray\n\x8a\x04\xff\xff\xff\x7f\x85R."
DICTIONARIES = (
    b"\x80\x02ccollections\nOrderedDict\nq\0]q\1("
    + b"".join(b"J" + struct.pack("<i", i) + b"N\x86" for i in range(10_000))
    + b"eq\2"
    + b"h\0h\2\x85R" * 10_000
    + b"."
)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="limits of memory of Linux")
@pytest.mark.parametrize("pickle", [LARGE, pytest.param(DICTIONARIES, marks=pytest.mark.slow)])
def test_a_pickle_gets_the_memory_that_its_size_explains(tmp_path, pickle):
    """bytearray(2**31 - 1), and 10^4 dictionaries of 10^4 entries, are what PyTorch admits."""
    import resource

    pytest.importorskip("torch")
    path, limits = tmp_path / "w.pt", resource.getrlimit(resource.RLIMIT_AS)
    pickled(path, pickle)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in (read_square_matrix, read_arrays):
        with pytest.raises(InvalidInputError, match=r"w\.pt: expected a \.pt file .*MemoryError"):
            read(path)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 2**19  # kilobytes
    assert resource.getrlimit(resource.RLIMIT_AS) == limits


LONG = {"integer": "7" * 3_000_000, "decimal": "0." + "7" * 10**6, "quotient": "1/" + "3" * 10**6}
FORMS = {"w.csv": "{},1\n1,3\n", "w.json": '[["{}", 1], [1, 3]]', "bare.json": "[[{}, 1], [1, 3]]"}


@pytest.mark.parametrize(
    ("number", "name"),
    [(n, name) for n in LONG for name in FORMS if name != "bare.json" or n == "integer"],
)
def test_numbers_without_end(tmp_path, number, name):
    path = tmp_path / name
    path.write_text(FORMS[name].format(LONG[number]))
    start = time.process_time()
    told = "than field limit" if name == "w.csv" else "at most 100000 digits, got '.{20,30}[.][.]"
    with pytest.raises(InvalidInputError, match=told):
        read_square_matrix(path)
    assert time.process_time() - start < 2


def test_long_numbers_are_read_fast(tmp_path):
    path = tmp_path / "w.csv"
    path.write_text(f"{'7' * 99_000},0.{'3' * 99_000}\n0,1/{'3' * 99_000}\n")
    start = time.process_time()
    matrix = read_square_matrix(path).matrix.to_list()
    assert time.process_time() - start < 2
    assert matrix[0][1] * 10**99_000 == (10**99_000 - 1) // 3
    assert matrix[1][1] * (10**99_000 - 1) == 3


def test_a_file_has_a_largest_size(tmp_path, monkeypatch):
    monkeypatch.setattr("exactflow.files.atomic.MOST_BYTES", 10)
    path = tmp_path / "w.csv"
    path.write_text("1,2\n3,7\n")
    assert read_square_matrix(path).matrix.shape == (2, 2)
    path.write_text("1,2\n3,7777\n")
    with pytest.raises(InvalidInputError, match="it has more than 10 bytes"):
        read_square_matrix(path)
