"""Pickles: nothing in a .pt file runs, and no more is made than it has room for."""

import io
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from exactflow import cli
from exactflow.errors import InvalidInputError
from exactflow.files.tensors import read_array_and_dtype

torch = pytest.importorskip("torch")

nn = torch.nn


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4, bias=False))


class Own(nn.Module):
    """A class of a user's."""


class Made:
    """What is unpickled as a call of a function, and then given a state."""

    def __init__(self, function, *arguments, state=None):
        self.parts = [function, arguments] if state is None else [function, arguments, state]

    def __reduce__(self):
        return tuple(self.parts)


def pickled(value) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def holding(value) -> bytes:
    """Return a .pt file of a model that carries a value."""
    model = nn.Sequential(nn.Linear(4, 4))
    vars(model)["value"] = value
    return pickled(model)


def planting() -> bytes:
    """Return a file that calls a method that it brings, and sets an attribute of a class."""
    gadget = nn.Identity()
    vars(gadget)["as_subclass"] = nn.Identity()
    arguments = (nn.Identity(), nn.Softsign, (gadget,), {"planted": True})
    return holding(Made(torch._tensor._rebuild_from_type_v2, *arguments))


def pointers() -> bytes:
    """Return a file of an array whose bytes NumPy takes for pointers once it is made."""
    kind = Made(np.dtype, ">f8")
    array = Made(np.ndarray, (16,), kind, b"A" * 128)
    fields = {"a": (Made(np.dtype, "O"), 0)}
    kind.parts.append((4, ">", None, ("a",), fields, 8, 8, 1, {"array": array}))
    return holding([kind, array])


class Loud(torch.Tensor):
    """A kind of tensor."""


def deflated() -> bytes:
    """Return a file in which the zeros of a tensor take no place."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(pickled({"a": torch.zeros(500, 500)}))) as source,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file,
    ):
        for member in source.namelist():
            file.writestr(member, source.read(member))
    return buffer.getvalue()


def test_no_file_runs_code(tmp_path, capsys):
    (tmp_path / "m.pt").write_bytes(planting())
    assert cli.main(["factor", str(tmp_path / "m.pt")]) == 2
    assert "convert the model in Python" in capsys.readouterr().err
    assert not hasattr(nn.Softsign, "planted")


def test_no_file_makes_pointers(tmp_path):
    (tmp_path / "m.pt").write_bytes(pointers())
    command = [sys.executable, "-m", "exactflow", "factor", "m.pt"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "convert the model in Python" in ended.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: pickled(Own()), r"uses '\S+\.Own': save the model's state_dict\(\)"),
        (lambda: pickled(Made(print, "run")), "uses 'print'"),
        (lambda: pickled(plain()), "uses 'torch.nn.modules.container.Sequential'"),
        (lambda: pickled({"a": 3}), "expected a tensor, got int"),
        (lambda: pickled({3: torch.eye(2)}), "expected names as keys"),
        (lambda: pickled({"\x1b[1m": torch.eye(2)}), r"printed, got '\\x1b\[1m'"),
        (lambda: pickled({"\ud800": torch.eye(2)}), "printed"),
        (lambda: pickled({}), "at least one array"),
        (lambda: pickled({"a": torch.zeros(1).expand(9999, 9999)}), "no larger than its file"),
        (lambda: pickled({"a": torch.eye(2).to_sparse()}), "a dense tensor"),
        (lambda: pickled({"a": torch.eye(2).as_subclass(Loud)}), "Loud"),
        (
            deflated,
            "without compression, as torch.save writes it, got [0-9]+ bytes that unpack to 1",
        ),
        (lambda: b"nothing", "expected a .pt file of tensors"),
        (lambda: b"", "expected a .pt file of tensors"),
        (lambda: pickled(plain().state_dict())[:-400], "expected a .pt file of tensors"),
    ],
)
def test_files_that_are_refused(content, message):
    with pytest.raises(InvalidInputError, match=message):
        read_array_and_dtype(content(), ".pt", None)


def test_files_of_safetensors_that_are_refused():
    pytest.importorskip("safetensors")
    for content in (b"", b"nothing", pickled(plain().state_dict())):
        with pytest.raises(InvalidInputError, match=r"a \.safetensors file"):
            read_array_and_dtype(content, ".safetensors", None)


def test_attributes_of_tensors_are_dropped():
    weight = torch.tensor([[2.0, 1], [1, 1]])
    weight.detach = weight.numel = torch._utils._rebuild_tensor
    found, kind = read_array_and_dtype(pickled({"weight": weight}), ".pt", None)
    assert (found.tolist(), kind) == ([[2, 1], [1, 1]], "float32")


def test_old_versions_of_pytorch_are_refused(monkeypatch):
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion("2.5.1"))
    with pytest.raises(InvalidInputError, match="weights_only=True lets"):
        read_array_and_dtype(pickled(torch.eye(2)), ".pt", None)


def test_tensors_of_a_gpu_are_read_without_one(monkeypatch):
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    content = pickled(torch.eye(2))
    monkeypatch.undo()
    assert read_array_and_dtype(content, ".pt", None)[0].tolist() == [[1, 0], [0, 1]]
