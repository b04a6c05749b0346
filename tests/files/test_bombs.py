"""Small files that claim, or unpack to, large matrices are refused before anything is made."""

import io
import time
import zipfile

import numpy as np
import pytest

from exactflow import cli
from exactflow.errors import InvalidInputError
from exactflow.files.arrays import read_arrays
from exactflow.files.matrices import read_matrix


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
    for read in (read_matrix, read_arrays):
        with pytest.raises(InvalidInputError, match=r"w\.pt: .*compresses nothing, got one"):
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
    with pytest.raises(InvalidInputError, match=r"and some, got shape \(1000000000, 0\)"):
        read_matrix(path)


def test_many_members_count_together(tmp_path, monkeypatch):
    monkeypatch.setattr("exactflow.files.tensors.LARGEST_ARCHIVE", 2**20)
    path = tmp_path / "flow.npz"
    np.savez_compressed(path, **{f"layer_{k}_shift": np.zeros((200, 200)) for k in range(4)})
    with pytest.raises(InvalidInputError, match="archive of at most 1048576 bytes, got one of"):
        read_arrays(path)
