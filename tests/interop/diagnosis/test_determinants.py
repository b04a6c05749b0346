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
    "wrong sign": (lambda: times(-1, -1)(4), "has the wrong sign"),
    "wrong sign of a scale": (
        lambda: times(-1, -1, Scale)([0.5, 0.1, 0.2, 0.3]),
        "has the wrong sign: -1.1, where that of the Jacobian at x is 1.1",
    ),
    "wrong sign back": (lambda: times(1, -1)(4), "on the way back, log|det| has the wrong sign"),
    "missing": (lambda: times(0, 0, Scale)([0.5, 0.1, 0.2, 0.3]), "is wrong: 0, where"),
    "half": (lambda: times(0.5, 0.5)(4), "log|det| is wrong"),
    "a mean": (lambda: times(0.25, 0.25)(4), "is divided by the number of entries, 4"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_wrong_log_determinant_of_a_layer(name):
    build, words = LAYERS[name]
    found = diagnose(model(at=1, layer=build()), data())
    assert [(x.fault, x.path) for x in found.guilty] == [(Fault.DETERMINANT, "layers.1")]
    assert words in found.guilty[0].verdict
    assert found.comes_back
    assert "x comes back" in str(found)
    assert "log|det|" in str(found)


@pytest.mark.parametrize("side", [4, 32])
@pytest.mark.parametrize("kind", [Convolution, Normalization])
@pytest.mark.parametrize(
    ("counted", "words"),
    [(lambda x: 1, "divided"), (lambda x: pixels(x) ** 2, "multiplied")],
    ids=["one pixel", "twice"],
)
def test_a_factor_of_the_number_of_pixels(side, kind, counted, words):
    """On large images, a few pixels are tried."""
    found = diagnose(Model(kind(pixels), kind(counted)).eval(), images(side))
    assert [(x.fault, x.path) for x in found.guilty] == [(Fault.DETERMINANT, "layers.1")]
    count = 16 if side == 4 else 64
    assert f"is {words} by the number of pixels, {count}" in found.guilty[0].verdict


@pytest.mark.parametrize("counted", [pixels, lambda x: 1024], ids=["counted", "kept"])
@pytest.mark.parametrize("kind", [Convolution, Normalization])
def test_large_images_whose_pixels_are_counted(kind, counted):
    assert_only_numbers(diagnose(Model(kind(counted), kind(counted)).eval(), images(32)))


def test_ways_that_contradict_each_other_where_the_jacobian_is_too_large():
    found = diagnose(times(1, -1)(300), data(2, 300))
    assert [x.fault for x in found.guilty] == [Fault.DETERMINANT]
    assert "back, where the sum should be 0" in found.guilty[0].verdict


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
    assert "log|det| is wrong: 2, where that of the Jacobian at x is 1.386" in str(found)


def test_the_logarithm_of_a_negative_number():
    class Signed(nn.Module):
        def __init__(self):
            super().__init__()
            self.s = nn.Parameter(torch.tensor([1.5, -0.7, 2.0, 0.3]))

        def forward(self, x):
            return x * self.s, self.s.log().sum().expand(len(x))

        def inverse(self, y):
            return y / self.s, -self.s.log().sum().expand(len(y))

    (layer,) = diagnose(model(at=1, layer=Signed()), data()).guilty
    assert (layer.fault, layer.path) == (Fault.DETERMINANT, "layers.1")
    assert "is not a number; it is -0.5: is it the logarithm of a negative one?" in layer.verdict


@pytest.mark.parametrize("is_expanded", [False, True])
def test_a_sum_over_the_batch(is_expanded):
    class Summed(Affine):
        def forward(self, x):
            y, log_det = super().forward(x)
            return y, log_det.sum().expand(len(x)) if is_expanded else log_det.sum()

    (layer,) = diagnose(model(at=2, layer=Summed(4)), data()).guilty
    assert (layer.fault, layer.path) == (Fault.DETERMINANT, "layers.2")
    assert "summed over the members of the batch" in layer.verdict


class Weighted(Model):
    """Counts the log-determinants of its layers so many times each."""

    weights = (1, 1, 1, 1)

    def forward(self, x):
        total = 0.0
        for weight, layer in zip(self.weights, self.layers, strict=True):
            x, log_det = layer(x)
            total = total + weight * log_det
        return x, total


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ((1, 1, 0, 1), "leaves out that of layers.2"),
        ((0, 1, 1, 1), "leaves out that of layers.0"),
        ((1, -1, 1, 1), "subtracts that of layers.1"),
        ((1, 1, 1, 2), "counts twice that of layers.3"),
        ((-1, -1, -1, -1), "has the wrong sign"),
    ],
)
def test_a_model_that_counts_a_layer_wrongly(weights, words):
    flow = model(kind=Weighted)
    flow.weights = weights
    (place,) = diagnose(flow, data()).guilty
    assert (place.fault, place.path) == (Fault.DETERMINANT, "the model")
    assert words in place.verdict


def test_a_model_that_forgets_all_layers_of_a_kind():
    W = torch.tensor([[2.0, 1.0], [0.5, 1.0]])
    flow = Weighted(Linear(W), Affine(2), Linear(2 * W), Affine(2)).eval()
    flow.weights = (0, 1, 0, 1)
    (place,) = diagnose(flow, data(3, 2)).guilty
    assert "leaves out that of every Linear" in place.verdict


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
    (place,) = diagnose(model(kind=kind), torch.sigmoid(data())).guilty
    assert (place.fault, place.path) == (Fault.DETERMINANT, "the model")
    assert "leaves out what the model does outside of its layers" in place.verdict


class LogDensity(Model):
    def forward(self, x):
        z, log_det = super().forward(x)
        return z, log_det - z.square().sum(1) / 2 - 2 * math.log(2 * math.pi)


class Loss(Model):
    def forward(self, x):
        z, log_det = super().forward(x)
        return z, (z.square().sum(1) / 2 - log_det).mean()


class Several(Model):
    def forward(self, x):
        z, log_det = super().forward(x)
        return z, log_det, z.mean(1)


class Opposite(Model):
    """Its layers return how the log-density changes, which is the opposite; the model knows."""

    def forward(self, x):
        z, change = super().forward(x)
        return z, -change


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
    "a log-density": lambda: model(kind=LogDensity),
    "a loss": lambda: model(kind=Loss),
    "another number": lambda: model(kind=Several),
    "the opposite": lambda: Opposite(*(times(-1, -1)(4) for _ in range(3))).eval(),
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
