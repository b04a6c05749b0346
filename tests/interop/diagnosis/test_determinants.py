"""Log-determinants are held against Jacobians, and the way back against the way ahead."""

import math

import pytest

torch = pytest.importorskip("torch")

from interop.toy_flows import Affine, Linear, Model, Scale, assert_only_numbers, data, model  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from exactflow.interop import diagnose  # noqa: E402


def images(side, channels=3):
    return torch.randn(2, channels, side, side, generator=torch.Generator().manual_seed(0))


def times(ahead, back, kind=Affine):
    """Return a layer whose log-determinants are multiplied."""

    class Multiplied(kind):
        def forward(self, x):
            y, log_det = super().forward(x)
            return y, ahead * log_det

        def inverse(self, y):
            x, log_det = super().inverse(y)
            return x, back * log_det

    return Multiplied


class Convolution(nn.Module):
    """A 1x1 convolution whose log-determinant counts what it is told to count."""

    def __init__(self, counted, channels=3):
        super().__init__()
        draw = torch.Generator().manual_seed(1)
        self.W = nn.Parameter(torch.eye(channels) + torch.randn(channels, channels, generator=draw))
        self.counted = counted

    def forward(self, x):
        log_det = self.counted(x) * torch.linalg.slogdet(self.W)[1]
        return functional.conv2d(x, self.W[:, :, None, None]), log_det.expand(len(x))

    def inverse(self, y):
        log_det = -self.counted(y) * torch.linalg.slogdet(self.W)[1]
        return functional.conv2d(y, self.W.inverse()[:, :, None, None]), log_det.expand(len(y))


class Normalization(nn.Module):
    """A scale and a shift of each channel, likewise."""

    def __init__(self, counted):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor([0.4, -0.1, 0.5])), nn.Parameter(torch.ones(3))
        self.counted = counted

    def forward(self, x):
        a, b = self.a[:, None, None], self.b[:, None, None]
        return x * a.exp() + b, (self.counted(x) * self.a.sum()).expand(len(x))

    def inverse(self, y):
        a, b = self.a[:, None, None], self.b[:, None, None]
        return (y - b) * (-a).exp(), (-self.counted(y) * self.a.sum()).expand(len(y))


def pixels(x):
    return x.shape[2] * x.shape[3]


LAYERS = {
    "wrong sign": (lambda: times(-1, -1)(4), 2.0),
    "missing": (lambda: times(0, 0, Scale)([0.5, 0.1, 0.2, 0.3]), 1.0),
    "half": (lambda: times(0.5, 0.5)(4), 0.5),
    "a mean": (lambda: times(0.25, 0.25)(4), 0.75),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_wrong_log_determinant_of_a_layer(name):
    build, part = LAYERS[name]
    found = diagnose(model(at=1, layer=build()), data())
    first, layer, *others = found.layers
    assert layer.log_det_error == pytest.approx(part * abs(layer.log_det_due))
    assert layer.log_det_error > 0.1
    assert all(x.log_det_error < 1e-9 for x in (first, *others))
    assert found.round_trip_error < 1e-5
    assert found.whole.log_det_error > 0.1


@pytest.mark.parametrize("kind", [Convolution, Normalization])
@pytest.mark.parametrize("counted", [lambda x: 1, lambda x: pixels(x) ** 2], ids=["one", "twice"])
def test_a_factor_of_the_number_of_pixels(kind, counted):
    right, wrong = diagnose(Model(kind(pixels), kind(counted)).eval(), images(4)).layers
    assert right.log_det_error < 1e-9
    assert wrong.log_det_error > 1
    assert wrong.log_det * 16 == pytest.approx(wrong.log_det_due) or (
        wrong.log_det == pytest.approx(16 * wrong.log_det_due)
    )


@pytest.mark.parametrize("kind", [Convolution, Normalization])
def test_large_images(kind):
    """Nothing is checked that needs the Jacobian; log-determinants of both directions are."""
    for layer in diagnose(Model(kind(pixels), kind(pixels)).eval(), images(32)).layers:
        assert (layer.condition, layer.largest, layer.log_det_due) == (None, None, None)
        assert layer.log_det_back_due == -layer.log_det
        assert layer.log_det_back_error < 1e-9
        why = "the Jacobian has 3072 rows, above the limit of 256"
        assert layer.notes == (f"condition number, log-determinant not checked, because {why}",)


class Doubled(torch.autograd.Function):
    """Its derivative is computed in NumPy, which knows no batches of gradients."""

    @staticmethod
    def forward(_, x):
        return 2 * x

    @staticmethod
    def backward(_, gradient):
        return torch.from_numpy(2 * gradient.numpy())


def test_derivatives_one_by_one():
    class Doubling(Scale):
        def forward(self, x):
            return Doubled.apply(x), self.a.sum().expand(len(x))

        def inverse(self, y):
            return y / 2, -self.a.sum().expand(len(y))

    found = diagnose(Doubling([1.0, 1.0]), data(2, 2))
    assert found.layers[0].condition == 1
    assert found.layers[0].log_det_due == pytest.approx(2 * math.log(2))
    assert found.layers[0].log_det == 2


def test_the_logarithm_of_a_negative_number():
    class Signed(nn.Module):
        def __init__(self):
            super().__init__()
            self.s = nn.Parameter(torch.tensor([1.5, -0.7, 2.0, 0.3]))

        def forward(self, x):
            return x * self.s, self.s.log().sum().expand(len(x))

        def inverse(self, y):
            return y / self.s, -self.s.log().sum().expand(len(y))

    layer = diagnose(model(at=1, layer=Signed()), data()).layers[1]
    assert math.isnan(layer.log_det)
    assert layer.log_det_due == pytest.approx(math.log(1.5 * 0.7 * 2 * 0.3))


@pytest.mark.parametrize("of_batch", [torch.sum, torch.mean], ids=["sum", "mean"])
@pytest.mark.parametrize("is_expanded", [False, True])
def test_a_number_for_the_whole_batch(of_batch, is_expanded):
    class Joined(Affine):
        def forward(self, x):
            y, log_det = super().forward(x)
            return y, of_batch(log_det).expand(len(x)) if is_expanded else of_batch(log_det)

    layers = diagnose(model(at=2, layer=Joined(4)), data()).layers
    assert [layer.log_det_error > 1e-2 for layer in layers] == [False, False, True, False]


def under_no_grad(kind):
    class Constant(kind):
        def forward(self, x):
            y, _ = super().forward(x)
            with torch.no_grad():
                return y, super().forward(x)[1]

    return Constant


@pytest.mark.parametrize(
    "layer", [Affine(4), Scale([0.5, 0.1, 0.2, 0.3]), Linear(torch.eye(4) * 2)]
)
def test_a_log_determinant_without_a_gradient(layer):
    layer.__class__ = under_no_grad(type(layer))
    flow = model(at=2, layer=layer)
    layers = diagnose(flow, data()).layers
    note = "the returned log-determinant has no gradient"
    assert [x.notes for x in layers] == [(), (), (note,), ()]
    assert all(x.log_det_error < 1e-9 for x in layers)


class Additive(Affine):
    """No log-determinant that trains: its gradient is zero, whether it is there or not."""

    def forward(self, x):
        kept, moved = x.chunk(2, 1)
        return torch.cat([moved + self.net(kept)[:, :2], kept], 1), torch.zeros(len(x))

    def inverse(self, y):
        moved, kept = y.chunk(2, 1)
        return torch.cat([kept, moved - self.net(kept)[:, :2]], 1), torch.zeros(len(y))


class Leaky(nn.Module):
    """LeakyReLU, whose log-determinant counts zeros as positive; PyTorch as negative."""

    def forward(self, x):
        log_det = (x < 0).sum(1) * math.log(0.1)
        return functional.leaky_relu(x, 0.1), log_det.to(x.dtype)

    def inverse(self, y):
        return functional.leaky_relu(y, 10.0), None


def test_zeros_of_a_leaky_relu_and_layers_without_scales_are_healthy():
    x = data()
    x[0] = x[1, 2] = 0.0
    layers = diagnose(Model(Leaky(), Additive(4), Leaky()).eval(), x).layers
    assert [layer.log_det_error < 1e-9 for layer in layers] == [True] * 3
    none = (
        "log-determinant of the inverse not checked, because the module returns no log-determinant"
    )
    assert [layer.notes for layer in layers] == [(none,), (), (none,)]


class Weighted(Model):
    """Counts the log-determinants of its layers so many times each."""

    weights = (1, 1, 1, 1)

    def forward(self, x):
        total = 0.0
        for weight, layer in zip(self.weights, self.layers, strict=True):
            x, log_det = layer(x)
            total = total + weight * log_det
        return x, total


@pytest.mark.parametrize("weights", [(1, 1, 0, 1), (1, -1, 1, 1), (1, 1, 1, 2), (-1, -1, -1, -1)])
def test_a_model_that_counts_a_layer_wrongly(weights):
    flow = model(kind=Weighted)
    flow.weights = weights
    found = diagnose(flow, data())
    assert found.whole.log_det_error > 0.1
    assert all(layer.log_det_error < 1e-9 for layer in found.layers)


class Logits(Model):
    """Data between 0 and 1, whose logits are mapped: their log-determinant is forgotten."""

    def forward(self, x):
        return super().forward(torch.logit(x))

    def inverse(self, y):
        return torch.sigmoid(super().inverse(y))


class Tripled(Model):
    def forward(self, x):
        return super().forward(3 * x)

    def inverse(self, y):
        return super().inverse(y) / 3


@pytest.mark.parametrize("kind", [Logits, Tripled])
def test_what_a_model_does_outside_of_its_layers_counts(kind):
    found = diagnose(model(kind=kind), torch.sigmoid(data()))
    assert found.whole.log_det_error > 0.5
    assert all(layer.log_det_error < 1e-9 for layer in found.layers)


class Several(Model):
    def forward(self, x):
        z, log_det = super().forward(x)
        return z, log_det, z.mean(1)


class Named(Model):
    def forward(self, x):
        z, log_det = super().forward(x)
        return {"loss": z.square().mean(), "z": z, "log_det": log_det, "prior": z.sum(1)}


class Unnamed(Model):
    def forward(self, x):
        z, _ = super().forward(x)
        return {"z": z, "loss": z.square().mean(), "prior": z.sum(1)}


class Added(nn.Module):
    """A layer that adds to a log-determinant that it is given, as in many a Glow."""

    def __init__(self):
        super().__init__()
        self.inner = Affine(4)

    def forward(self, x, log_det=None, reverse=False):
        y, own = self.inner.inverse(x) if reverse else self.inner(x)
        return y, log_det if log_det is None else log_det + own


class Adding(Model):
    def forward(self, x, reverse=False):
        log_det = x.new_zeros(len(x))
        for layer in reversed(self.layers) if reverse else self.layers:
            x, log_det = layer(x, log_det, reverse=reverse)
        return x, log_det

    inverse = None


class Estimated(Affine):
    """A log-determinant that is drawn, as where traces are estimated."""

    def forward(self, x):
        y, log_det = super().forward(x)
        return y, log_det + torch.randn_like(log_det)


HEALTHY = {
    "another number": lambda: model(kind=Several),
    "a dictionary": lambda: model(kind=Named),
    "a dictionary without": lambda: model(kind=Unnamed),
    "added up": lambda: Adding(Added(), Added()).eval(),
    "estimates": lambda: model(at=1, layer=Estimated(4)),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_numbers_beside_the_image_that_are_no_fault(name):
    found = diagnose(HEALTHY[name](), data())
    assert_only_numbers(found)


def test_what_is_claimed_and_what_is_due_are_told():
    (layer,) = diagnose(Scale([0.1, 0.2, 0.3, 0.4]), data()).layers
    assert layer.log_det == pytest.approx(1.0)
    assert layer.log_det_due == pytest.approx(1.0)
