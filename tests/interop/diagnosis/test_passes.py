"""Passes that differ: training mode, state, drawn numbers, and layers that write on their input."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from interop.toy_flows import Affine, Model, Scale, assert_only_numbers, batch_norm_mlp, data, model  # noqa: E402
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


def both(layer):
    """Return a layer in training mode, and the same in eval mode, each in a model."""
    flow = model(at=2, layer=layer).train()
    return diagnose(flow, data()).layers, diagnose(flow.eval(), data())


DRAWN = {
    "dropout of torch.nn.functional": lambda h: functional.dropout(h, 0.5),
    "noise": lambda h: h + torch.randn_like(h) / 9,
    "drop path": lambda h: h * (torch.rand(len(h), 1) > 0.3),
}


@pytest.mark.parametrize("name", DRAWN)
def test_equal_runs_differ_in_training_mode(name):
    torch.manual_seed(0)
    layers, calm = both(changed(DRAWN[name]))
    assert [layer.spread > 1e-3 for layer in layers] == [False, False, True, False]
    assert "repeated runs on the same input differ" in layers[2].notes[0]
    assert_only_numbers(calm)


@pytest.mark.parametrize("net", [normalized_net, batch_norm_mlp])
def test_batch_norm_in_a_conditioner(net):
    """Members of a batch change each other's images: there is no Jacobian of one of them."""
    torch.manual_seed(0)
    layers, calm = both(Affine(4, net))
    assert [layer.condition is None for layer in layers] == [False, False, True, False]
    why = "because the image of a member depends on other members of the batch"
    assert why in layers[2].notes[0]
    assert_only_numbers(calm)


@pytest.mark.parametrize("kind", [lambda: Normalized(4), Doubling])
def test_inverses_of_eval_mode(kind):
    layers, calm = both(kind())
    assert [layer.error > 1e-2 for layer in layers] == [False, False, True, False]
    assert_only_numbers(calm)


def test_power_iterations_that_training_continues():
    torch.manual_seed(0)
    layers, calm = both(Affine(4, spectral))
    assert layers[2].spread > 0
    assert_only_numbers(calm)


@pytest.mark.parametrize("kind", [DroppedBetween, NoisyBetween])
def test_training_mode_between_layers(kind):
    flow = model(kind=kind).train()
    found = diagnose(flow, data())
    assert found.whole.spread > 1e-2
    assert all(layer.spread == 0 and layer.error < 1e-5 for layer in found.layers)
    assert_only_numbers(diagnose(flow.eval(), data()))


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
def test_errors_of_several_members(order):
    """In training mode one member of the batch comes back worst, in eval mode another one."""
    x = data()
    x[4, 0], x[5, 0] = -2.0, 4.0
    layers = [Steep(), NoisyWhere()]
    flow = Model(*(layers[i] for i in order)).train()
    noisy = diagnose(flow, x)
    assert noisy.round_trip_error > 0.1
    assert {row.kind: row.spread > 0.1 for row in noisy.layers} == {"Steep": 0, "NoisyWhere": 1}
    calm = diagnose(flow.eval(), x)
    assert {row.kind: row.error > 1e-4 for row in calm.layers} == {"Steep": 1, "NoisyWhere": 0}
    assert all(row.spread == 0 for row in calm.rows)


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
    assert found.round_trip_error < 1e-5
    assert all(row.spread == 0 for row in found.rows)
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
    "a child's bias": lambda: Changing(grown),
    "a child's weight": lambda: Changing(shifted),
    "a buffer": Counting,
    "an attribute": lambda: Remembering([0.0] * 4),
}


@pytest.mark.parametrize("name", STATE)
def test_what_changes_from_run_to_run(name):
    layers = diagnose(model(at=1, layer=STATE[name]()), data()).layers
    assert [layer.spread > 1e-3 for layer in layers] == [False, True, False, False]


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
    layers = diagnose(model(at=1, layer=NumpyNoise(4)), data()).layers
    assert [layer.spread > 1e-3 for layer in layers] == [False, True, False, False]


def test_faint_noise_of_many_layers():
    torch.manual_seed(1)
    found = diagnose(Model(*(FaintNoise(4) for _ in range(8))).eval(), data())
    assert all(1e-6 < row.spread < 1e-2 for row in found.layers)
    assert all(row.condition is not None for row in found.layers)


def test_noise_that_pads():
    """x comes back: the numbers that are drawn are dropped again; that they are drawn is a fact."""

    class Padded(nn.Module):
        def forward(self, x):
            return torch.cat([x, torch.randn(len(x), 2, dtype=x.dtype)], 1), 0.0

        def inverse(self, y):
            return y[:, :-2], 0.0

    padded, other = diagnose(Model(Padded(), Affine(6)).eval(), data()).layers
    assert (padded.error, padded.spread > 0.1, other.spread) == (0, True, 0)


def test_a_layer_that_the_first_batch_initializes():
    """That of float64 is initialized by all of x, too."""

    class Lazy(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.LazyLinear(8)
            self.out = nn.Linear(8, 4)
            self.register_buffer("size", torch.zeros(1))

        def forward(self, x):
            if not self.size:
                self.size += x.abs().max()
            kept, moved = x.chunk(2, 1)
            a, t = self.out(self.inner(kept)).tanh().chunk(2, 1)
            return torch.cat([kept, moved * a.exp() + t], 1) / self.size, a.sum(
                1
            ) - 4 * self.size.log()

        def inverse(self, y):
            kept, moved = (y * self.size).chunk(2, 1)
            a, t = self.out(self.inner(kept)).tanh().chunk(2, 1)
            return torch.cat([kept, (moved - t) * (-a).exp()], 1), None

    flow = Model(Lazy(), Affine(4))
    assert_only_numbers(diagnose(flow, data(64)))
    assert flow.layers[0].size == 0
    assert isinstance(flow.layers[0].inner.weight, nn.UninitializedParameter)
