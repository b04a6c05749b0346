"""Models in files: the command that converts them, what it refuses, and state dicts put back."""

import io
import json

import numpy as np
import pytest
from interop.modules import library

from exactflow import checker, cli
from exactflow.errors import InvalidInputError

torch = pytest.importorskip("torch")

from exactflow.interop import convert, restore  # noqa: E402

nn = torch.nn

from exactflow.interop.restoring import skeleton  # noqa: E402
from exactflow.interop.saved import read_model, saved_bytes  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:torch.(lu|qr) is deprecated")


def run(capsys, *arguments):
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
    from exactflow.interop.interfaces import run_model

    with torch.no_grad():
        return run_model(model, (x,))[0]


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
    code, out, err = run(
        capsys, "convert", source, "-o", output, "--library", name.split()[0], "--report", report
    )
    assert (code, err) == (0, "")
    assert "exactflow.interop.restore" in out
    assert len(json.loads(report.read_text())["layers"]) == layers
    fresh = make().eval()
    for parameter in fresh.parameters():
        nn.init.ones_(parameter) if parameter.is_floating_point() else None
    again = restore(fresh, torch.load(output, weights_only=True))
    assert torch.allclose(direct(again, x), direct(model, x), atol=1e-4)


@pytest.mark.parametrize("name", ["torch", "normflows", "normflows vectors", "freia"])
def test_a_model_is_converted_as_a_whole(name, tmp_path, capsys):
    make, shape, _ = MODELS[name]
    model, x = make(), data(*shape)
    source, output = tmp_path / "m.pt", tmp_path / "out.pt"
    torch.save(model, source)
    np.save(tmp_path / "x.npy", x.double().numpy())
    certificates = tmp_path / "certificates"
    certificates.mkdir()
    arguments = ["--example", tmp_path / "x.npy", "--certificates", certificates]
    arguments += ["--report", tmp_path / "r.html"]
    code, out, err = run(capsys, "convert", source, "-o", output, *arguments)
    assert (code, err) == (0, "")
    assert "outputs differ by at most" in out
    assert "<table>" in (tmp_path / "r.html").read_text()
    for file in certificates.iterdir():
        assert checker.main([str(file)]) == 0
    again = read_model(output.read_bytes())
    assert torch.allclose(direct(again, x), direct(model, x), atol=1e-4)
    code, _, err = run(capsys, "convert", output, "-o", tmp_path / "o.pt")
    assert code == 2
    assert "couplings already" in err


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


class Own(nn.Module):
    """A class of a user's."""


class Evil:
    """Runs a function when it is unpickled."""

    def __reduce__(self):
        return (print, ("run",))


def pickled(value) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: pickled(Own()), r"names .*\.Own: load it in Python"),
        (lambda: pickled(Evil()), r"names builtins\.print"),
        (lambda: pickled(nn.Sequential(nn.ReLU())), "ReLU"),
        (lambda: pickled({"a": 3}), "tensors by name, got dict"),
        (lambda: pickled({}), "tensors by name, got dict"),
        (lambda: pickled(torch.eye(2)), "tensors by name, got Tensor"),
        (lambda: b"nothing", "expected a .pt file of a model"),
        (lambda: b"", "expected a .pt file of a model"),
        (lambda: pickled(plain())[:-400], "expected a .pt file of a model"),
    ],
)
def test_files_that_are_refused(content, message, tmp_path, capsys):
    path = tmp_path / "m.pt"
    path.write_bytes(content())
    code, out, err = run(capsys, "convert", path, "-o", tmp_path / "o.pt")
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    import re

    assert re.search(message, err)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.pt"]


def test_tensors_of_a_gpu_are_read_without_one(monkeypatch):
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    data_ = pickled(plain())
    monkeypatch.undo()
    assert {p.device.type for p in read_model(data_).parameters()} == {"cpu"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["m.pt", "-o", "m.pt"], "beside the model"),
        (["m.pt", "-o", "o.txt"], "a .pt file as output"),
        (["m.pt", "-o", "none/o.pt"], "no such folder"),
        (["none.pt", "-o", "o.pt"], "readable file"),
        (["m.pt", "-o", "o.pt", "--library", "torch"], "a model with one"),
        (["s.pt", "-o", "o.pt"], "a state dict without one"),
        (["s.pt", "-o", "o.pt", "--library", "normflows"], "linear layer of normflows"),
        (["m.pt", "-o", "o.pt", "--report", "r.txt"], ".json or .html"),
        (["m.pt", "-o", "o.pt", "--certificates", "none"], "folder for certificates"),
        (["m.pt", "-o", "o.pt", "--key", "x"], "--example FILE with --key"),
        (["m.pt", "-o", "o.pt", "--example", "x.txt"], "readable file"),
        (["m.pt", "-o", "o.pt", "--example", "m.txt"], "type .npy"),
        (["m.pt", "-o", "o.pt", "--only", "7"], "got '7'"),
        (["m.pt", "-o", "o.pt", "--within", "0"], "within 0.0e+00"),
        (["m.pt", "-o", "o.pt", "--jobs", "0"], "at least one job"),
    ],
)
def test_bad_requests(arguments, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(plain(), "m.pt")
    torch.save(plain().state_dict(), "s.pt")
    (tmp_path / "m.txt").write_text("1")
    code, out, err = run(capsys, "convert", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.pt", "m.txt", "s.pt"]


def test_models_that_cannot_be_pickled():
    model = plain()
    model.act = lambda x: x
    with pytest.raises(InvalidInputError, match=r"torch\.save takes"):
        saved_bytes(model)
