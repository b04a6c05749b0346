"""Passes that differ: training mode, state, drawn numbers, and layers that write on their input."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from interop.toy_flows import Affine, Model, Scale, assert_only_numbers, data, model  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.nn.utils import parametrizations  # noqa: E402

from exactflow.interop import diagnose  # noqa: E402


class Net(nn.Module):
    """A conditioner that does something of its own in training mode."""

    def __init__(self, change, inputs, outputs):
        super().__init__()
        self.first, self.last = nn.Linear(inputs, 8), nn.Linear(8, outputs)
        self.change = change

    def forward(self, x):
        hidden = torch.tanh(self.first(x))
        return self.last(self.change(hidden) if self.training else hidden)


def changed(change):
    return Affine(4, lambda i, o: Net(change, i, o))


class Normalized(nn.Module):
    """A batch norm written by hand: its inverse knows the running moments only."""

    def __init__(self, d):
        super().__init__()
        self.register_buffer("mean", torch.zeros(d))
        self.register_buffer("variance", torch.ones(d))

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
            self.variance = 0.9 * self.variance + 0.1 * x.var(0)
            return (x - x.mean(0)) / x.std(0), -x.std(0).log().sum().expand(len(x))
        return (x - self.mean) / self.variance.sqrt(), -self.variance.log().sum().expand(len(x)) / 2

    def inverse(self, y):
        log_det = self.variance.log().sum().expand(len(y)) / 2
        return y * self.variance.sqrt() + self.mean, log_det


def normalized_net(inputs, outputs):
    class Only(Normalized):
        def forward(self, x):
            return super().forward(x)[0]

    return nn.Sequential(nn.Linear(inputs, 8), Only(8), nn.Linear(8, outputs))


class Doubling(nn.Module):
    """Doubles in training mode; its inverse never halves."""

    def forward(self, x):
        return (2 * x if self.training else x), 0.0

    def inverse(self, y):
        return y, None


def spectral(inputs, outputs):
    """Weights by power iterations, which training continues: not yet converged."""
    wide = [parametrizations.spectral_norm(nn.Linear(*s)) for s in ((inputs, 64), (64, 64))]
    for layer in wide:
        normal = layer.parametrizations.weight[0]
        nn.init.normal_(normal._u)
        nn.init.normal_(normal._v)
    return nn.Sequential(wide[0], nn.ReLU(), wide[1], nn.ReLU(), nn.Linear(64, outputs))


class DroppedBetween(Model):
    def forward(self, x):
        return super().forward(functional.dropout(x, 0.3, training=self.training))


class NoisyBetween(Model):
    def forward(self, x):
        x, _ = self.layers[0](x)
        x = x + torch.rand_like(x) / 8 if self.training else x
        for layer in self.layers[1:]:
            x, _ = layer(x)
        return x


TRAINING = {
    "dropout of torch.nn.functional": (
        lambda: changed(lambda h: functional.dropout(h, 0.5)),
        "layers.2.net (Net) in training mode draws anew",
    ),
    "noise": (lambda: changed(lambda h: h + torch.randn_like(h) / 9), "draws anew at each pass"),
    "drop path": (
        lambda: changed(lambda h: h * (torch.rand(len(h), 1) > 0.3)),
        "draws anew at each pass",
    ),
    "own batch norm": (lambda: Normalized(4), "Normalized in training mode depends on the batch"),
    "own batch norm in a conditioner": (
        lambda: Affine(4, normalized_net),
        "layers.2.net.1 (Only) in training mode depends on the batch",
    ),
    "doubled": (Doubling, "Doubling in training mode does not undo what it did, as it does in"),
    "spectral norm": (lambda: Affine(4, spectral), "(_SpectralNorm) in training mode changes at"),
}


@pytest.mark.parametrize("name", TRAINING)
def test_training_mode_is_known_by_what_it_does(name):
    build, words = TRAINING[name]
    torch.manual_seed(0)
    flow = model(at=2, layer=build()).train()
    found = diagnose(flow, data())
    assert [(x.fault, x.path) for x in found.guilty] == [(Fault.TRAINING, "layers.2")]
    assert words in found.guilty[0].verdict
    healthy = diagnose(flow.eval(), data())
    assert_only_numbers(healthy)


@pytest.mark.parametrize("kind", [DroppedBetween, NoisyBetween])
def test_training_mode_between_layers(kind):
    flow = model(kind=kind).train()
    (place,) = diagnose(flow, data()).guilty
    assert (place.fault, place.path) == (Fault.TRAINING, "the model")
    assert "as it does in eval mode: call model.eval()" in place.verdict
    assert_only_numbers(diagnose(flow.eval(), data()))


def test_a_dropout_of_nothing_is_innocent_of_a_nan_and_of_an_overflow():
    class Dropped(Scale):
        def forward(self, x):
            y, log_det = super().forward(x)
            return functional.dropout(y, 0.0, training=self.training), log_det

    for value in (float("nan"), 95.0):
        flow = model(at=2, layer=Dropped([0.0, value, 0.0, 0.0])).train()
        (layer,) = diagnose(flow, data()).guilty
        assert (layer.fault, layer.path) == (Fault.NOT_FINITE, "layers.2")

    flow = model(at=2, layer=Affine(4, lambda i, o: nn.Sequential(nn.Linear(i, o), nn.Dropout(0))))
    with torch.no_grad():
        flow.layers[2].net[0].bias[0] = float("nan")
    assert diagnose(flow.train(), data()).guilty[0].fault is Fault.NOT_FINITE


class Steep(nn.Module):
    """Returns x with an error where x is large, in either mode."""

    def forward(self, x):
        return x, 0.0

    def inverse(self, y):
        return y * (1 + 1e-3 * (y[:, :1] > 3)), 0.0


class NoisyWhere(nn.Module):
    """Draws numbers in training mode, for some members of the batch only."""

    def forward(self, x):
        noise = torch.randn_like(x) * (x[:, :1] < -1)
        return (x + noise if self.training else x), 0.0

    def inverse(self, y):
        return y, 0.0


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_member_that_is_judged_is_the_worst_as_the_model_stands(order):
    """In eval mode another member of the batch is the worst, because of another layer."""
    x = data()
    x[4, 0], x[5, 0] = -2.0, 4.0
    layers = [Steep(), NoisyWhere()]
    flow = Model(*(layers[i] for i in order)).train()
    found = diagnose(flow, x)
    assert [(x.fault, x.kind) for x in found.guilty] == [(Fault.TRAINING, "NoisyWhere")]
    assert found.error > 0.1
    assert diagnose(flow.eval(), x).guilty[0].kind == "Steep"


class WritesScale(Scale):
    def forward(self, x):
        return x.mul_(self.a.exp()), self.a.sum().expand(len(x))

    def inverse(self, y):
        return y.div_(self.a.exp()), -self.a.sum().expand(len(y))


class WritesHalf(Affine):
    def forward(self, x):
        kept, moved = x.chunk(2, 1)
        a, t = self.parameters_of(kept)
        return torch.cat([moved.mul_(a.exp()).add_(t), kept], 1), a.sum(1)

    def inverse(self, y):
        moved, kept = y.chunk(2, 1)
        a, t = self.parameters_of(kept)
        return torch.cat([kept, moved.sub_(t).mul_((-a).exp())], 1), -a.sum(1)


@pytest.mark.parametrize("at", [0, 2])
@pytest.mark.parametrize("layer", [WritesScale([0.5, -1.0, 2.0, 0.1]), WritesHalf(4)])
def test_layers_that_write_on_what_they_are_given(layer, at):
    x = data()
    found = diagnose(model(at=at, layer=layer), x)
    assert_only_numbers(found)
    assert all(layer.error < 1e-6 for layer in found.layers)
    assert torch.equal(x, data())


class Changing(nn.Module):
    """Changes a child on the way back."""

    def __init__(self, change):
        super().__init__()
        self.child, self.change = Affine(4), change

    def forward(self, x):
        return self.child(x)

    def inverse(self, y):
        self.change(self.child)
        return self.child.inverse(y)


def grown(child):
    with torch.no_grad():
        child.net[2].bias.add_(0.1)


def shifted(child):
    child.net[0].weight.data *= 1.1


class Counting(Scale):
    """Counts its calls, in a buffer."""

    def __init__(self):
        super().__init__([0.0] * 4)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x * (1 + self.calls / 9), 4 * (1 + self.calls / 9).log().expand(len(x))


class Remembering(Scale):
    """Counts its calls, in an attribute."""

    calls = 0

    def inverse(self, y):
        self.calls += 1
        return y * (1 + self.calls / 9), None


STATE = {
    "a child's bias": (lambda: Changing(grown), "layers.1.child", "net.2.bias changes"),
    "a child's weight": (lambda: Changing(shifted), "layers.1.child", "net.0.weight changes"),
    "a buffer": (Counting, "layers.1", "calls changes from pass to pass"),
    "an attribute": (lambda: Remembering([0.0] * 4), "layers.1", "something that it keeps changes"),
}


@pytest.mark.parametrize("name", STATE)
def test_state_is_no_randomness(name):
    build, path, words = STATE[name]
    (layer,) = diagnose(model(at=1, layer=build()), data()).guilty
    assert (layer.fault, layer.path) == (Fault.STATE, path)
    assert words in layer.verdict


class NumpyNoise(Affine):
    def forward(self, x):
        y, log_det = super().forward(x)
        return y + torch.tensor(np.random.randn(*y.shape), dtype=y.dtype) / 50, log_det


class FaintNoise(Affine):
    """Noise below the level at which x does not come back; that of several layers is above."""

    def forward(self, x):
        y, log_det = super().forward(x)
        return y + 4e-5 * torch.randn_like(y), log_det


def test_numbers_that_numpy_draws():
    (layer,) = diagnose(model(at=1, layer=NumpyNoise(4)), data()).guilty
    assert (layer.fault, layer.path) == (Fault.RANDOM, "layers.1")


def test_faint_noise_of_many_layers():
    torch.manual_seed(1)
    found = diagnose(Model(*(FaintNoise(4) for _ in range(8))).eval(), data())
    assert not found.comes_back
    assert {layer.fault for layer in found.guilty} == {Fault.RANDOM}


def test_noise_that_pads_is_no_fault():
    """x comes back: the numbers that are drawn are dropped again."""

    class Padded(nn.Module):
        def forward(self, x):
            return torch.cat([x, torch.randn(len(x), 2, dtype=x.dtype)], 1), 0.0

        def inverse(self, y):
            return y[:, :-2], 0.0

    found = diagnose(Model(Padded(), Affine(6)).eval(), data())
    assert_only_numbers(found)
