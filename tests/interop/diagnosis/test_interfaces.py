"""Models that return, and take, more than one tensor; conditions; latents of several scales."""

import dataclasses
import warnings
from typing import NamedTuple

import pytest

torch = pytest.importorskip("torch")

from interop.modules import library  # noqa: E402
from interop.toy_flows import Affine, Model, assert_only_numbers, data, model, relu_mlp  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.interop import diagnose  # noqa: E402


class Pair(NamedTuple):
    z: Tensor
    log_det: Tensor


@dataclasses.dataclass
class Record:
    z: Tensor


def returning(ahead, back=lambda x: x):
    class Returning(Model):
        def forward(self, x):
            return ahead(*super().forward(x))

        def inverse(self, y):
            return back(super().inverse(y))

    return model(kind=Returning)


RETURNED = {
    "the log-determinant first": lambda: returning(lambda z, log_det: (log_det, z)),
    "and back": lambda: returning(lambda z, log_det: (log_det, z), lambda x: (x.sum(1), x)),
    "a dictionary": lambda: returning(
        lambda z, log_det: {"log_det": log_det, "z": z}, lambda x: {"x": x}
    ),
    "a list": lambda: returning(lambda z, log_det: [z, log_det], lambda x: [x]),
    "a tuple with names": lambda: returning(Pair),
    "a number": lambda: returning(lambda z, log_det: (z, None), lambda x: (x, 0)),
    "nested": lambda: returning(lambda z, log_det: ((z, {"log_det": log_det}), None)),
}


@pytest.mark.parametrize("name", RETURNED)
def test_what_models_return(name):
    found = diagnose(RETURNED[name](), data())
    assert_only_numbers(found)
    assert [layer.path for layer in found.layers] == [f"layers.{i}" for i in range(4)]


@pytest.mark.parametrize(
    "pair", [lambda y, log_det: (log_det, y), lambda y, log_det: {"log_det": log_det, "y": y}]
)
def test_what_layers_return(pair):
    class Layer(Affine):
        def forward(self, x):
            return pair(*super().forward(x))

        def inverse(self, y):
            return pair(*super().inverse(y))

    class Flow(Model):
        def forward(self, x):
            for layer in self.layers:
                x = self.image(layer(x))
            return x

        def inverse(self, y):
            for layer in reversed(self.layers):
                y = self.image(layer.inverse(y))
            return y

        @staticmethod
        def image(value):
            return value["y"] if isinstance(value, dict) else value[1]

    found = diagnose(Flow(Layer(4), Layer(4)).eval(), data())
    assert_only_numbers(found)
    assert all(layer.log_det == pytest.approx(layer.log_det_due) for layer in found.layers)
    both = "log-determinant, log-determinant of the inverse"
    assert found.whole.notes == (
        f"{both} not checked, because the module returns no log-determinant",
    )


@pytest.mark.parametrize(
    ("ahead", "name"),
    [
        (lambda z, log_det: Record(z), "Record"),
        (lambda z, log_det: None, "NoneType"),
        (lambda z, log_det: (), "tuple"),
        (lambda z, log_det: log_det, "Tensor"),
        (lambda z, log_det: {"log_det": log_det}, "dict"),
    ],
)
def test_what_is_no_image_is_refused_by_name(ahead, name):
    with pytest.raises(InvalidInputError, match=f"the result, of type {name}, is neither"):
        diagnose(returning(ahead), data())


def test_a_way_back_without_an_image():
    found = diagnose(returning(lambda z, log_det: z, lambda x: None), data())
    assert found.whole.notes[0].startswith("on the way back the result, of type NoneType, is")
    assert found.round_trip_error == float("inf")


class Halves(nn.Module):
    """A layer of two tensors."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, a, b):
        return b + self.net(a), a

    def inverse(self, a, b):
        return b, a - self.net(b)


class Halved(Model):
    def forward(self, x):
        return self.through(self.layers, "forward", x)

    def inverse(self, y):
        return self.through(reversed(self.layers), "inverse", y)

    def through(self, layers, name, x):
        halves = x.chunk(2, 1)
        for layer in layers:
            halves = getattr(layer, name)(*halves)
        return torch.cat(halves, 1)


def test_layers_of_two_arguments_are_no_rows():
    found = diagnose(Halved(Halves(), Halves()).eval(), data())
    assert_only_numbers(found)
    assert [layer.path for layer in found.layers] == ["the model"]


class Flattened(Model):
    """Sets of vectors, whose layers map all of them as one batch."""

    def forward(self, x):
        y = x.flatten(0, 1)
        for layer in self.layers:
            y, _ = layer(y)
        return y.reshape(x.shape)

    def inverse(self, y):
        x = y.flatten(0, 1)
        for layer in reversed(self.layers):
            x, _ = layer.inverse(x)
        return x.reshape(y.shape)


class SteepWhere(nn.Module):
    """Loses most digits of one entry where the first is large."""

    def forward(self, x):
        steep = 1e-6 * x[:, 1:2] + 5
        return torch.where(x[:, :1] > 3, torch.cat([x[:, :1], steep, x[:, 2:]], 1), x), None

    def inverse(self, y):
        flat = 1e6 * (y[:, 1:2] - 5)
        return torch.where(y[:, :1] > 3, torch.cat([y[:, :1], flat, y[:, 2:]], 1), y), None


def test_layers_that_map_another_batch():
    x = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    x[2, 3, 0] = 4.0
    found = diagnose(Flattened(Affine(4), Affine(4)).eval(), x)
    assert_only_numbers(found)
    steep, other = diagnose(Flattened(SteepWhere(), Affine(4)).eval(), x).layers
    assert steep.error > 1e-2 > 1e-5 > other.error


class Shifted(Affine):
    def forward(self, x, context):
        return super().forward(x + context)

    def inverse(self, y, context):
        x, log_det = super().inverse(y)
        return x - context, log_det


class Forgetful(Shifted):
    """Its inverse does not know the context."""

    def inverse(self, y, context):
        return Affine.inverse(self, y)


class Conditional(Model):
    def forward(self, x, context):
        for layer in self.layers:
            x, _ = layer(x, context)
        return x

    def inverse(self, y, *, context):
        for layer in reversed(self.layers):
            y, _ = layer.inverse(y, context=context)
        return y


def test_contexts():
    torch.manual_seed(0)
    context = data(6) / 2
    found = diagnose(Conditional(Shifted(4), Shifted(4)).eval(), data(), context=context)
    assert_only_numbers(found)
    assert all(layer.condition for layer in found.layers)
    flow = Conditional(Shifted(4), Forgetful(4), Shifted(4)).eval()
    layers = diagnose(flow, data(), context=context).layers
    assert [layer.error > 1e-2 for layer in layers] == [False, True, False]


def test_a_context_that_a_model_does_not_take():
    with pytest.raises(InvalidInputError, match="unexpected keyword argument 'context'"):
        diagnose(model(), data(), context=data())


def conditional_nflows():
    transforms, nets = library("nflows.transforms"), library("nflows.nn.nets")
    layers = [
        transforms.MaskedAffineAutoregressiveTransform(4, 8, context_features=3),
        transforms.AffineCouplingTransform(
            [1, 0, 1, 0], lambda i, o: nets.ResidualNet(i, o, 8, context_features=3)
        ),
    ]
    normal = library("nflows.distributions").StandardNormal([4])
    flow = library("nflows.flows").Flow
    return flow(transforms.CompositeTransform(layers), normal, nn.Linear(2, 3))


def conditional_normflows():
    nf = library("normflows")
    layers = [nf.flows.AutoregressiveRationalQuadraticSpline(4, 1, 8, num_context_channels=2)]
    layers += [nf.flows.LULinearPermute(4)]
    return nf.ConditionalNormalizingFlow(nf.distributions.DiagGaussian(4), layers)


def conditional_freia():
    sequence = library("FrEIA.framework").SequenceINN(4)
    block = library("FrEIA.modules").AllInOneBlock
    sequence.append(block, cond=0, cond_shape=(2,), subnet_constructor=relu_mlp)
    sequence.append(block, subnet_constructor=relu_mlp)
    return sequence


CONDITIONAL = {
    "nflows, embedded": conditional_nflows,
    "normflows": conditional_normflows,
    "FrEIA": conditional_freia,
    "zuko": lambda: library("zuko").flows.NSF(4, 2, transforms=2, hidden_features=(8,)),
    "glasflow": lambda: library("glasflow").RealNVP(4, n_transforms=2, n_conditional_inputs=2),
}


@pytest.mark.parametrize("name", CONDITIONAL)
def test_contexts_of_libraries(name):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        flow = CONDITIONAL[name]()
    found = diagnose(flow, data(), context=data(6, 2))
    assert_only_numbers(found)


class TwoScales(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = Affine(4), Affine(2)

    def forward(self, x):
        y, _ = self.first(x)
        return self.second(y[:, :2])[0], y[:, 2:]

    def inverse(self, latents):
        y = torch.cat([self.second.inverse(latents[0])[0], latents[1]], 1)
        return self.first.inverse(y)[0]


class Swapped(TwoScales):
    """Its way ahead hands the scales on in the other order."""

    def forward(self, x):
        return super().forward(x)[::-1]


def test_latents_of_two_scales():
    found = diagnose(TwoScales().eval(), data(5))
    assert_only_numbers(found)
    assert [layer.path for layer in found.layers] == ["first", "second"]
    assert diagnose(Swapped().eval(), data(5)).round_trip_error > 1e-2


def test_a_compiled_conditioner_and_one_that_catches_errors():
    class Caught(nn.Module):
        def __init__(self):
            super().__init__()
            self.bad, self.good = Affine(6), Affine(4)

        def forward(self, x):
            try:
                return self.bad(x)
            except RuntimeError:
                return self.good(x)

        def inverse(self, y):
            return self.good.inverse(y)[0]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is on its way out
        compiled = torch.jit.script(model().layers[1].net)
    flow = model()
    flow.layers[1].net = compiled
    for healthy in (flow, Caught().eval()):
        found = diagnose(healthy, data())
        assert_only_numbers(found)


def test_layers_are_recorded_after_a_call_with_an_argument_that_they_do_not_take():
    class Trying(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Affine(4)

        def forward(self, x):
            try:
                return self.layer(x, None)
            except TypeError:
                return self.layer(x)

        def inverse(self, y):
            return self.layer.inverse(y)

    found = diagnose(Trying(), data())
    assert_only_numbers(found)
    assert [layer.path for layer in found.layers] == ["layer"]
