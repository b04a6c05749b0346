"""What `convert` leaves alone, and the reasons that it names."""

import warnings
from importlib import import_module

import numpy as np
import pytest
import torch
from interop.modules import data, library, linear
from torch import nn

from exactflow.errors import InvalidInputError
from exactflow.interop import convert


class Chain(nn.Module):
    """A user's own model."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.net = nn.Sequential(nn.Linear(3, 3))

    def forward(self, x):
        """Return the image."""
        for layer in self.layers:
            x = layer(x)
            x = x[0] if isinstance(x, tuple) else x
        return x


class Tails(nn.Module):
    """The identity up to 8, beyond it a logarithm."""

    def forward(self, x):
        """Return the image."""
        return torch.where(x.abs() <= 8, x, x.sign() * (8 + (x.abs() - 7).log()))

    def inverse(self, y):
        """Return the preimage."""
        return torch.where(y.abs() <= 8, y, y.sign() * (7 + (y.abs() - 8).exp()))


class Starting(nn.Module):
    """A layer that starts as the identity and is trained."""

    def __init__(self, d):
        super().__init__()
        self.a = nn.Parameter(torch.zeros(d))

    def forward(self, x):
        """Return the image."""
        return x + self.a * torch.tanh(x)

    def inverse(self, y):
        """Return the preimage where it is the identity."""
        return y


class Dequantized(nn.Module):
    """Noise in training mode."""

    def forward(self, x):
        """Return the image."""
        return x + torch.rand_like(x) if self.training else x

    def inverse(self, y):
        """Return the preimage."""
        return y.floor()


@pytest.mark.parametrize("stranger", [Tails, lambda: Starting(4), Dequantized])
def test_what_is_linear_at_the_example_alone_stays(stranger):
    model, x = nn.Sequential(linear(), stranger(), linear()), data(6, 4)
    new, report = convert(model, x)
    assert [layer.path for layer in report.layers] == ["0", "2"]
    assert type(new[1]) is type(model[1])
    assert len(list(new[1].parameters())) == len(list(model[1].parameters()))
    far = 100 * data(6, 4)
    model.eval(), new.eval()
    assert torch.allclose(new(far), model(far), rtol=1e-4)


def test_a_transform_of_nflows_that_clips_stays():
    t = library("nflows.transforms")

    class Clipped(t.Transform):
        """A user's own transform."""

        def forward(self, inputs, context=None):
            """Return the image."""
            return inputs.clamp(-30, 30), inputs.new_zeros(len(inputs))

        inverse = forward

    model = t.CompositeTransform([t.LULinear(4), Clipped(), t.ReversePermutation(4)])
    new, report = convert(model, data(6, 4))
    assert [layer.path for layer in report.layers] == ["_transforms.0"]
    assert torch.equal(new(1e4 * data(6, 4))[0].abs().max(), torch.tensor(30.0))


def test_what_may_be_a_conditioner_is_left_unless_it_is_named():
    model, x = Chain(linear(3), linear(3)), data(5, 3)
    with pytest.raises(InvalidInputError, match="only="):
        convert(model, x)
    new, report = convert(model, x, only=["layers.0", "net.0"])
    assert [layer.path for layer in report.layers] == ["layers.0", "net.0"]
    assert report.unconverted == ()
    assert torch.allclose(new(x), model(x), atol=1e-5)
    with pytest.raises(
        InvalidInputError, match=r"'layers.7', which matches none of the layers layers.0"
    ):
        convert(model, x, only=["layers.7"])
    with pytest.raises(InvalidInputError, match=r"a list of paths or patterns.*got \[\]"):
        convert(model, x, only=[])


def test_only_is_advised_for_layers_alone_that_it_converts():
    flow = Chain(linear(3), linear(3))
    flow.net = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 8), nn.Linear(8, 1), nn.Linear(1, 1))
    with pytest.raises(InvalidInputError) as raised:
        convert(flow, only=["net.0", "net.2", "net.3"])
    assert "only=" not in str(raised.value)
    flow.layers = nn.ModuleList([linear(3)])
    _, report = convert(nn.Sequential(linear(4), flow))
    advised = [layer.path for layer in report.unconverted if "only=" in layer.reason]
    assert advised == ["1.layers.0", "1.net.1"]


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_an_inner_layer_of_a_coupling_can_be_named():
    nf = library("normflows")
    coupling = nf.flows.AffineCouplingBlock(nf.nets.MLP([2, 2, 4], init_zeros=False))
    model, x = nf.NormalizingFlow(None, [coupling, nf.flows.InvertibleAffine(4)]), data(5, 4)
    path = "flows.0.flows.1.param_map.net.0"
    new, report = convert(model, x, only=[path])
    assert [layer.path for layer in report.layers] == [path]
    assert torch.allclose(new.inverse(x), model.inverse(x), atol=1e-5)


def test_permutations_and_diagonals_alone_are_left():
    t = library("nflows.transforms")
    layers = [t.RandomPermutation(8), t.ReversePermutation(8), t.ActNorm(8)]
    model = t.CompositeTransform([*layers, t.AdditiveCouplingTransform([1, -1] * 4, nn.Linear)])
    layers[2].initialized.fill_(True)
    with pytest.raises(InvalidInputError, match=r"Permutation \(a permutation without a matrix"):
        convert(model.eval())
    model = t.CompositeTransform([*layers, t.LULinear(8)]).eval()
    _, report = convert(model, data(5, 8))
    assert report.layers[0].path == "_transforms.3"
    assert len(report.layers[0].merged) == 3
    assert report.unconverted == ()


def test_an_actnorm_that_waits_for_data_is_left():
    nf = library("normflows")
    model, x = nf.NormalizingFlow(None, [nf.flows.GlowBlock(4, 8)]), data(5, 4, 2, 2)
    new, report = convert(model, x)
    assert report.layers[0].merged == ()
    assert (
        "the scales of the layer are not initialized"
        in {left.kind: left.reason for left in report.unconverted}["ActNorm"]
    )
    assert not model.flows[0].flows[2].data_dep_init_done
    assert not new.flows[0].flows[2].data_dep_init_done
    assert torch.allclose(new.inverse(x), model.inverse(x), atol=1e-4)


def singular():
    layer = linear()
    layer.weight.data[1] = layer.weight.data[0]
    return layer


def hooked():
    layer = linear()
    layer.register_forward_pre_hook(lambda module, x: None)
    return layer


def infinite():
    layer = linear()
    layer.weight.data[0, 0] = float("inf")
    return layer


class Own(nn.Linear):
    """A linear layer of a user's, which may do anything."""


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (singular, "singular"),
        (infinite, "finite numbers"),
        (lambda: nn.Linear(1, 1), "fewer than two coordinates"),
        (lambda: nn.Linear(4, 4, dtype=torch.complex64), "complex weights"),
        (hooked, "a forward pre-hook"),
        (lambda: Own(4, 4), "not a type that convert knows"),
        (nn.ReLU, "not a type that convert knows"),
        (lambda: nn.Linear(4, 3), "square"),
        (lambda: nn.Conv2d(4, 4, 1, groups=2), "groups=2"),
        (lambda: nn.Conv2d(4, 4, 3), "square"),
        (lambda: nn.Conv2d(4, 4, 1, padding=1), "padding"),
        (lambda: convert(linear())[0], "consists of couplings already"),
    ],
)
def test_layers_that_are_left_alone_are_named(layer, reason):
    with pytest.raises(
        InvalidInputError, match=f"no layer of the model can be converted: .*{reason}"
    ):
        convert(nn.Sequential(layer()))
    _, report = convert(nn.Sequential(nn.Sequential(layer()), nn.ReLU(), linear()))
    assert reason in {left.path: left.reason for left in report.unconverted}["0.0"]


def test_a_layer_that_is_read_otherwise_than_it_acts_is_left(monkeypatch):
    from exactflow.interop.affine import AffineMap
    from exactflow.interop.libraries import load_library

    def wrong(module):
        return AffineMap(2 * np.eye(4))

    monkeypatch.setitem(load_library("torch").readers, nn.Linear, wrong)
    with pytest.raises(InvalidInputError, match="applies another map than was read from it"):
        convert(linear(), data(5, 4))


def scripted():
    with warnings.catch_warnings(action="ignore"):
        return torch.jit.script(linear())


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"weight": torch.eye(2)}, "a module of PyTorch, got dict: build the model by its code"),
        (torch.eye(2), "a module of PyTorch, got Tensor$"),
        (nn.Linear(2, 2, device="meta"), "meta"),
        (scripted(), "before its compilation by torch.jit, got RecursiveScriptModule"),
        (nn.Sequential(), "no layers"),
    ],
)
def test_what_is_no_model(model, message):
    with pytest.raises(InvalidInputError, match=message):
        convert(model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"example": data(5, 3)}, r"does not run on the example: RuntimeError: mat1 .*\(in 0\)"),
        ({"example": data(5, 4).double()}, "does not run on the example: "),
        ({"example": "x"}, "does not run on the example: "),
        ({"only": [0]}, "list of paths or patterns"),
        ({"only": 3}, "list of paths or patterns"),
        ({"by": "magic"}, "by to be one of"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InvalidInputError, match=message):
        convert(nn.Sequential(linear()), **options)


def test_a_layer_with_couplings_that_are_not_near_is_left(monkeypatch):
    model, x = nn.Sequential(linear(), nn.Tanh(), linear()), data(5, 4)
    before = dict(model.named_modules())
    monkeypatch.setattr(import_module("exactflow.interop.conversion.replacements"), "WITHIN", 0.0)
    with pytest.raises(
        InvalidInputError, match=r"Linear \(the error of the replacement in float64 is .* above 0"
    ):
        convert(model, x)
    assert dict(model.named_modules()) == before


def test_models_that_cannot_be_copied():
    class Locked(nn.Linear):
        def __deepcopy__(self, memo):
            raise RuntimeError("locked")

    with pytest.raises(InvalidInputError, match=r"cannot be copied \(RuntimeError: locked\)"):
        convert(nn.Sequential(Locked(2, 2)))
