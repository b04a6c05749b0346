"""State dicts in files: the command that converts them, what it refuses, and states put back."""

import io
import json
import re
import subprocess
import sys
import time
import zipfile

import numpy as np
import pytest
import torch
from interop.modules import library

from exactflow import checker, cli
from exactflow.errors import InvalidInputError
from exactflow.files.tensors import read_state
from exactflow.interop import convert, restore
from exactflow.interop.conversion.comparison import run
from exactflow.interop.conversion.restoring import skeleton

nn = torch.nn


pytestmark = pytest.mark.filterwarnings("ignore:torch.(lu|qr) is deprecated")


def command(capsys, *arguments):
    """Return exit code, stdout and stderr of one command."""
    code = cli.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def data(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def plain():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4, bias=False))


def images():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(4, 4, 1), nn.Conv2d(4, 8, 3))


def normflows_model(lu=True):
    nf = library("normflows")
    torch.manual_seed(0)
    flows = [
        nf.flows.GlowBlock(4, 8, use_lu=lu),
        nf.flows.Permute(4),
    ]
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian((4, 2, 2)), flows)
    model.inverse(data(3, 4, 2, 2))
    return model


def normflows_vectors():
    nf = library("normflows")
    torch.manual_seed(0)
    flows = [nf.flows.LULinearPermute(5, False), nf.flows.InvertibleAffine(5), nf.flows.ActNorm(5)]
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian(5), flows)
    model.inverse(data(3, 5))
    return model


def nflows_model(name="nflows.transforms"):
    t = library(name)
    torch.manual_seed(0)
    return t.CompositeTransform(
        [
            t.RandomPermutation(5),
            t.LULinear(5, identity_init=False),
            t.NaiveLinear(5),
            t.QRLinear(5, 3),
            t.SVDLinear(5, 4),
            t.HouseholderSequence(5, 3),
        ]
    )


def freia_model():
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    inn = ff.SequenceINN(4)
    inn.append(fm.PermuteRandom)
    inn.append(fm.FixedLinearTransform, M=torch.eye(4) + data(4, 4) / 4, b=data(4))
    return inn


def direct(model, x):
    return run(model, (x,), None, None)[1][0]


MODELS = {
    "torch": (plain, (3, 4), 2),
    "torch images": (images, (3, 4, 5, 5), 1),
    "normflows": (normflows_model, (3, 4, 2, 2), 2),
    "normflows vectors": (normflows_vectors, (3, 5), 2),
    "nflows": (nflows_model, (3, 5), 6),
    "glasflow": (lambda: nflows_model("glasflow.nflows.transforms"), (3, 5), 6),
    "freia": (freia_model, (3, 4), 2),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_state_dict_is_converted_and_restored(name, tmp_path, capsys):
    make, shape, layers = MODELS[name]
    model, x = make().eval(), data(*shape)
    source, output, report = tmp_path / "m.pt", tmp_path / "out.pt", tmp_path / "r.json"
    torch.save(model.state_dict(), source)
    code, out, err = command(
        capsys,
        "convert",
        source,
        "-o",
        output,
        "--library",
        name.split()[0],
        "--report",
        report,
        "--permutations",
    )
    assert (code, err) == (0, "")
    assert "exactflow.interop.restore" in out
    assert len(json.loads(report.read_text())["layers"]) == layers
    fresh = make().eval()
    for parameter in fresh.parameters():
        nn.init.ones_(parameter) if parameter.is_floating_point() else None
    again = restore(fresh, torch.load(output, weights_only=True))
    assert torch.allclose(direct(again, x), direct(model, x), atol=1e-4)


def test_certificates_and_reports(tmp_path, capsys):
    torch.save(normflows_model().state_dict(), tmp_path / "m.pt")
    (tmp_path / "certificates").mkdir()
    arguments = ["--library", "normflows", "--certificates", tmp_path / "certificates"]
    arguments += ["--permutations"]
    arguments += ["--report", tmp_path / "r.html", "-o", tmp_path / "out.pt"]
    code, _, err = command(capsys, "convert", tmp_path / "m.pt", *arguments)
    assert (code, err) == (0, "")
    assert "<table>" in (tmp_path / "r.html").read_text()
    files = list((tmp_path / "certificates").iterdir())
    assert len(files) == 2
    for file in files:
        assert checker.main([str(file)]) == 0


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize("key", ["", "state_dict", "model_state_dict", "model", "net"])
def test_where_tensors_are(suffix, key, tmp_path, capsys):
    state, path = plain().state_dict(), tmp_path / f"m.{suffix}"
    if suffix == "pt":
        torch.save({key: state, "epoch": 3} if key else state, path)
    else:
        path.write_bytes(pytest.importorskip("safetensors.torch").save(state))
    output = tmp_path / "out.pt"
    code, _, err = command(capsys, "convert", path, "-o", output, "--library", "torch")
    assert (code, err) == (0, "")
    again = restore(plain(), torch.load(output, weights_only=True))
    assert torch.allclose(again(data(3, 4)), plain()(data(3, 4)), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_state_of_a_converted_model_with_merged_layers(name):
    make, shape, _ = MODELS[name]
    x = data(*shape)
    new, _ = convert(make().eval(), x)
    again = restore(make().eval(), new.state_dict())
    assert torch.equal(direct(again, x), direct(new, x))
    assert {n: p.requires_grad for n, p in again.named_parameters()} == {
        n: p.requires_grad for n, p in new.named_parameters()
    }


def test_states_of_other_models_are_refused():
    new, _ = convert(plain())
    with pytest.raises(InvalidInputError, match="without couplings"):
        restore(plain(), plain().state_dict())
    with pytest.raises(InvalidInputError, match="this model after its conversion"):
        restore(nn.Sequential(nn.ReLU()), new.state_dict())
    with pytest.raises(InvalidInputError, match="this model after its conversion"):
        restore(nn.Sequential(*plain(), nn.Linear(3, 3)), new.state_dict())
    with pytest.raises(InvalidInputError, match=r"linear layer of torch .*0.weight"):
        skeleton(nn.Sequential(nn.Linear(4, 3)).state_dict(), "torch")


@pytest.mark.parametrize(
    ("by", "changes"),
    [
        ("inverse", {"weight": None}),
        ("inverse", {"junk": torch.ones(2)}),
        ("couplings", {"layers.0.weight": None}),
        ("couplings", {"_extra_state": torch.tensor([2, 2, 5, 5, 5, 5, 5, 5])}),
        ("couplings", {"_extra_state": torch.tensor([4])}),
        ("couplings", {"_extra_state": torch.tensor(2)}),
    ],
)
def test_states_that_lie_are_refused(by, changes):
    new, _ = convert(nn.Sequential(nn.Linear(4, 4)), by=by)
    state = new.state_dict() | {f"0.couplings.{name}": x for name, x in changes.items()}
    with pytest.raises(InvalidInputError, match="this model after its conversion"):
        restore(nn.Sequential(nn.Linear(4, 4)), {k: t for k, t in state.items() if t is not None})


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


def test_no_file_runs_code(tmp_path, capsys):
    (tmp_path / "m.pt").write_bytes(planting())
    code, _, err = command(
        capsys, "convert", tmp_path / "m.pt", "-o", tmp_path / "o.pt", "--library", "torch"
    )
    assert code == 2
    assert "convert the model in Python" in err
    assert not hasattr(nn.Softsign, "planted")


def test_no_file_makes_pointers(tmp_path):
    (tmp_path / "m.pt").write_bytes(pointers())
    command = [sys.executable, "-m", "exactflow", "convert", "m.pt", "-o", "o.pt"]
    ended = subprocess.run(
        [*command, "--library", "torch"], cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode == 2
    assert "convert the model in Python" in ended.stderr


@pytest.mark.parametrize("name", ["/{}", "../x", "a/../../x", "x" * 300, "..", "\u00e4 ?"])
def test_names_stay_in_the_folder_of_certificates(name, tmp_path, capsys):
    name = name.format(str(tmp_path / "outside")[1:])
    (tmp_path / "inside").mkdir()
    torch.save({f"{name}.weight": torch.tensor([[2.0, 1], [1, 1]])}, tmp_path / "m.pt")
    before = sorted(tmp_path.parent.iterdir())
    arguments = ["--library", "torch", "--certificates", tmp_path / "inside"]
    code, _, err = command(
        capsys, "convert", tmp_path / "m.pt", "-o", tmp_path / "o.pt", *arguments
    )
    assert (code, err) == (0, "")
    (file,) = (tmp_path / "inside").iterdir()
    assert checker.main([str(file)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "m.pt", "o.pt"]
    assert sorted(tmp_path.parent.iterdir()) == before


def test_certificates_do_not_follow_links(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "0.json").symlink_to(tmp_path / "x.json")
    _, report = convert(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(InvalidInputError, match="got a link"):
        report.write_certificates(tmp_path / "inside")
    assert not (tmp_path / "x.json").exists()


LU = ("lower_entries", "upper_entries", "unconstrained_upper_diag")
Q, MANY = "orthogonal.q_vectors", torch.zeros(1_000_000)


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("nflows", {"bias": MANY, **dict.fromkeys(LU, torch.zeros(1))}),
        ("nflows", {"bias": MANY, "_weight": MANY[:, None]}),
        (
            "nflows",
            dict.fromkeys(("bias", *LU[1:2]), MANY) | {"log_upper_diag": MANY, Q: MANY[None]},
        ),
        ("nflows", {"q_vectors": MANY[None]}),
        (
            "normflows",
            {
                "permutation._permutation": MANY,
                "linear.bias": MANY,
                **{f"linear.{name}": torch.zeros(1) for name in LU},
            },
        ),
        ("normflows", {"W": MANY[:, None]}),
        ("normflows", dict.fromkeys(("P", "L", "U", "sign_S", "log_S", "eye"), MANY[:, None])),
        ("freia", dict.fromkeys(("M", "M_inv", "logDetM"), MANY[:, None])),
    ],
)
def test_layers_are_no_larger_than_their_tensors(name, state):
    library({"freia": "FrEIA"}.get(name, name))
    start = time.process_time()
    with pytest.raises(InvalidInputError, match=r"linear layer .*(found none among|at most 8192)"):
        convert(skeleton(state, name))
    assert time.process_time() - start < 2


def test_matrices_and_inverses_at_the_shell(tmp_path, capsys):
    torch.save(normflows_model().state_dict(), tmp_path / "m.pt")
    output = tmp_path / "o.pt"
    arguments = ["--library", "normflows", "--by", "inverse"]
    code, out, err = command(capsys, "convert", tmp_path / "m.pt", "-o", output, *arguments)
    assert (code, err) == (0, "")
    assert "matrices and their inverses" in out
    again = restore(normflows_model().eval(), torch.load(output, weights_only=True))
    x = data(3, 4, 2, 2)
    assert torch.allclose(direct(again, x), direct(normflows_model().eval(), x), atol=1e-4)
    (tmp_path / "certificates").mkdir()
    arguments += ["--certificates", tmp_path / "certificates"]
    code, _, err = command(
        capsys, "convert", tmp_path / "m.pt", "-o", tmp_path / "p.pt", *arguments
    )
    assert (code, list((tmp_path / "certificates").iterdir())) == (2, [])
    assert "expected couplings" in err
    assert not (tmp_path / "p.pt").exists()


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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: pickled(Own()), r"names '\S+\.Own': save the model's state_dict\(\)"),
        (lambda: pickled(Made(print, "run")), "names 'print'"),
        (lambda: pickled(plain()), "names 'torch.nn.modules.container.Sequential'"),
        (lambda: pickled({"a": 3}), "expected a tensor, got int"),
        (lambda: pickled({3: torch.eye(2)}), "expected names as keys"),
        (lambda: pickled({"\x1b[1m": torch.eye(2)}), r"printed, got '\\x1b\[1m'"),
        (lambda: pickled({"\ud800": torch.eye(2)}), "printed"),
        (lambda: pickled({}), "tensors by name, got dict"),
        (lambda: pickled(torch.eye(2)), "tensors by name, got Tensor"),
        (lambda: pickled({"a": torch.zeros(1).expand(9999, 9999)}), "as are in the file"),
        (lambda: pickled({"a": torch.eye(2).to_sparse()}), "a dense tensor"),
        (lambda: pickled({"a": torch.eye(2).as_subclass(Loud)}), "Loud"),
        (deflated, "compresses nothing, got one of [0-9]+ bytes that become 1"),
        (lambda: b"nothing", "expected a .pt file of tensors"),
        (lambda: b"", "expected a .pt file of tensors"),
        (lambda: pickled(plain().state_dict())[:-400], "expected a .pt file of tensors"),
    ],
)
def test_files_that_are_refused(content, message, tmp_path, capsys):
    path = tmp_path / "m.pt"
    path.write_bytes(content())
    code, out, err = command(capsys, "convert", path, "-o", tmp_path / "o.pt", "--library", "torch")
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert re.search(message, err)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.pt"]


def test_files_of_safetensors_that_are_refused(tmp_path, capsys):
    pytest.importorskip("safetensors")
    path = tmp_path / "m.safetensors"
    for content in (b"", b"nothing", pickled(plain().state_dict())):
        path.write_bytes(content)
        code, _, err = command(
            capsys, "convert", path, "-o", tmp_path / "o.pt", "--library", "torch"
        )
        assert (code, "Traceback" in err) == (2, False)


def test_attributes_of_tensors_are_dropped(tmp_path):
    weight = torch.tensor([[2.0, 1], [1, 1]])
    weight.detach = weight.numel = torch._utils._rebuild_tensor
    state = read_state(pickled({"weight": weight}), ".pt")
    assert torch.equal(state["weight"], weight)
    assert vars(state["weight"]) == {}


def test_old_versions_of_pytorch_are_refused(monkeypatch):
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion("2.5.1"))
    with pytest.raises(InvalidInputError, match="in which weights_only=True lets"):
        read_state(pickled(plain().state_dict()), ".pt")


def test_tensors_of_a_gpu_are_read_without_one(monkeypatch):
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    data_ = pickled(plain().state_dict())
    monkeypatch.undo()
    assert {tensor.device.type for tensor in read_state(data_, ".pt").values()} == {"cpu"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["s.pt", "-o", "s.pt"], "beside the input"),
        (["s.pt", "-o", "o.txt"], ".pt, .pth (a state dict) as output"),
        (["s.pt", "-o", "none/o.pt"], "no such folder"),
        (["none.pt", "-o", "o.pt"], "readable file"),
        (["s.pt", "-o", "o.pt", "--library", "normflows"], "linear layer of normflows"),
        (["s.pt", "-o", "o.pt", "--report", "r.txt"], ".json, .html (the report)"),
        (["s.pt", "-o", "o.pt", "--certificates", "none"], "folder for certificates"),
        (["s.pt", "-o", "o.pt", "--only", "7"], "got '7'"),
        (["s.pt", "-o", "o.pt", "--within", "0"], "within 0.0e+00"),
        (["s.pt", "-o", "o.pt", "--jobs", "0"], "at least one job"),
    ],
)
def test_bad_requests(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(plain().state_dict(), "s.pt")
    code, out, err = command(capsys, "convert", "--library", "torch", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.pt"]
