"""No other map in silence: containers by exact type, the whole model compared, nothing lost."""

import random
from fractions import Fraction
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from interop.modules import data, library, linear

from exactflow.errors import InvalidInputError, MethodError
from exactflow.exact.numbers import format_up
from exactflow.interop import convert, restore

nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries


class Bent(nn.Sequential):
    """A sequence with something between its layers."""

    def forward(self, x):
        """Return the image."""
        for layer in self:
            x = layer(x).tanh()
        return x


class Backwards(nn.Sequential):
    """A sequence in another order."""

    def forward(self, x):
        """Return the image."""
        for layer in reversed(self):
            x = layer(x)
        return x


class Stepping(nn.Module):
    """A model that takes a sequence apart."""

    def __init__(self, layers):
        super().__init__()
        self.layers = layers

    def forward(self, x):
        """Return the image."""
        for layer in self.layers:
            x = layer(x).sin()
        return x


def normflows_flow():
    nf = library("normflows")
    torch.manual_seed(0)

    class Bent(nf.NormalizingFlow):
        """A flow with something between its layers."""

        def inverse(self, x):
            """Return latents."""
            for layer in reversed(self.flows):
                x = layer.inverse(x)[0].asinh()
            return x

        def inverse_and_log_det(self, x):
            """Return latents, and a number."""
            return self.inverse(x), x.new_zeros(len(x))

        def forward_and_log_det(self, z):
            """Return data, and a number."""
            for layer in self.flows:
                z = layer.forward(z.sinh())[0]
            return z, z.new_zeros(len(z))

    flows = [nf.flows.InvertibleAffine(4, use_lu=False) for _ in range(3)]
    return Bent(nf.distributions.DiagGaussian(4), flows)


def nflows_transform():
    t = library("nflows.transforms")
    torch.manual_seed(0)

    class Bent(t.CompositeTransform):
        """Transforms with something between them."""

        def forward(self, inputs, context=None):
            """Return the image and the log-determinant."""
            total = 0.0
            for transform in self._transforms:
                inputs, log_det = transform(inputs.asinh())
                total = total + log_det
            return inputs, total

        def inverse(self, inputs, context=None):
            """Return the preimage and the log-determinant."""
            total = 0.0
            for transform in reversed(self._transforms):
                inputs, log_det = transform.inverse(inputs)
                inputs, total = inputs.sinh(), total + log_det
            return inputs, total

    return Bent([t.LULinear(4, identity_init=False), t.NaiveLinear(4), t.ReversePermutation(4)])


CONTAINERS = {
    "Sequential": lambda: Bent(linear(), linear(bias=False)),
    "Sequential, backwards": lambda: Backwards(linear(), nn.Linear(4, 4)),
    "NormalizingFlow": normflows_flow,
    "CompositeTransform": nflows_transform,
    "a sequence in a model": lambda: Stepping(nn.Sequential(linear(), nn.Linear(4, 4))),
}


@pytest.mark.parametrize("has_example", [True, False])
@pytest.mark.parametrize("name", CONTAINERS)
def test_within_containers_of_another_type_nothing_is_merged(name, has_example):
    model, x = CONTAINERS[name](), data(6, 4)
    only = ["layers.*"] if isinstance(model, Stepping) else None
    new, report = convert(model, x if has_example else None, only=only)
    assert len(report.layers) >= 2
    assert all(layer.merged == () for layer in report.layers)
    run = (lambda m: m.inverse(x)) if name == "NormalizingFlow" else (lambda m: m(x))
    one, two = (out[0] if isinstance(out, tuple) else out for out in (run(new), run(model)))
    assert torch.allclose(one, two, atol=1e-5)


class Unlike(nn.Module):
    """A model that runs a layer otherwise where it is no longer of its class."""

    def __init__(self, what, factor=2):
        super().__init__()
        self.first, self.second, self.what, self.factor = linear(), linear(), what, factor

    def _is_other(self, what):
        return self.what == what and not isinstance(self.second, nn.Linear)

    def forward(self, x):
        """Return the image and the log-determinant."""
        y = self.first(x)
        y = self.second(self.factor * y if self._is_other("latents") else y)
        return y, torch.full((len(x),), 3.0 if self._is_other("log-determinants") else 0.0)

    def inverse(self, y):
        """Return the preimage and the log-determinant."""
        for layer in (self.second, self.first):
            y = torch.linalg.solve(layer.weight, (y - layer.bias).T).T
        return 3 * y if self._is_other("inverse") else y, y.new_zeros(len(y))


@pytest.mark.parametrize(
    ("what", "where"),
    [("latents", "first at second"), ("log-determinants", "no layer"), ("inverse", "no layer")],
)
def test_a_model_that_differs_is_not_returned(what, where):
    model, x = Unlike(what), data(6, 4)
    with pytest.raises(
        MethodError, match=f"differs from the given one in its {what}, (first at|although) "
    ):
        convert(model, x, only=["first", "second"])
    with pytest.raises(MethodError, match=where):
        convert(model, x, only=["first", "second"])
    new, report = convert(model, x, only="first")
    assert torch.allclose(new(x)[0], model(x)[0], atol=1e-5)
    assert report.reason is None
    assert report.inverse_difference < 1e-4


class Holding(nn.Module):
    """A model that calls a layer which it also holds elsewhere than among its modules."""

    def __init__(self, hold):
        super().__init__()
        self.layer = linear()
        self.held = hold(self.layer)

    def forward(self, x):
        """Return the image."""
        held = self.held
        held = held["layer"][0] if isinstance(held, dict) else getattr(held, "layer", held)
        return held(x).tanh()


@pytest.mark.parametrize(
    "hold",
    [lambda layer: {"layer": [layer]}, lambda layer: layer.forward, lambda layer: partial(layer)],
)
def test_a_layer_that_the_model_also_holds_otherwise_is_left(hold):
    model = nn.Sequential(Holding(hold), linear())
    new, report = convert(model, data(6, 4), only=["0.layer", "1"])
    assert [layer.path for layer in report.layers] == ["1"]
    assert "would keep the layer" in report.unconverted[0].reason
    assert type(new[0].layer) is nn.Linear


def test_a_replacement_that_the_model_does_not_call_is_refused():
    model = Holding(lambda layer: SimpleNamespace(layer=layer))
    with pytest.raises(MethodError, match="does not call the replacement of layer, since"):
        convert(model, data(6, 4), only="layer")


def test_a_difference_of_a_thousandth_is_found_in_float32():
    with pytest.raises(MethodError, match="in its latents, first at second"):
        convert(Unlike("latents", 1.002), data(6, 4), only=["first", "second"])


def test_a_model_of_float32_alone_is_compared_as_it_is():
    class Strict(nn.Module):
        """A layer that refuses other types."""

        def forward(self, x):
            """Return the image."""
            if x.dtype != torch.float32:
                raise TypeError("float32 only")
            return x.tanh()

    _, report = convert(nn.Sequential(linear(), Strict(), linear()), data(5, 4))
    assert report.latent_difference < 1e-5
    assert report.reason is None


def test_noise_is_drawn_again():
    class Noisy(nn.Module):
        """Adds noise of all three generators."""

        def forward(self, x):
            """Return the image."""
            return x + torch.rand_like(x) + np.random.rand() + random.random()

    _, report = convert(nn.Sequential(linear(), Noisy(), linear()), data(5, 4))
    assert report.latent_difference < 1e-5


@pytest.mark.parametrize("condition", [1e2, 1e6, 1e9])
def test_ill_conditioned_models_are_no_other_maps(condition):
    nf = library("normflows")
    torch.manual_seed(0)
    flows = [nf.flows.InvertibleAffine(8, use_lu=False) for _ in range(2)]
    with torch.no_grad():
        flows[0].W[:] = flows[0].W * torch.logspace(0, -torch.tensor(condition).log10(), 8)
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian(8), flows)
    for by in ("couplings", "inverse"):
        _, report = convert(model, data(5, 8), by=by)
        assert report.reason is None


def test_an_inverse_that_is_not_finite_is_not_held_against_the_other():
    class Overflowing(nn.Module):
        """Layers whose way back overflows."""

        def __init__(self):
            super().__init__()
            self.layer = linear()

        def forward(self, x):
            """Return the image."""
            return self.layer(x)

        def inverse(self, y):
            """Return nothing of use."""
            return y / 0

    _, report = convert(Overflowing(), data(5, 4), only="layer")
    assert "the inverse was not compared" in report.summary


def test_what_was_not_compared_is_said():
    model = nn.Sequential(linear(), nn.Tanh(), linear())
    assert "the whole model was not compared: there is no example" in str(convert(model)[1])
    _, report = convert(model, data(0, 4))
    assert "the whole model was not compared: the example is empty" in report.summary
    assert (report.latent_difference, report.inverse_difference) == (None, None)
    assert "differ by" not in report.summary
    assert "the inverse was not compared" in str(convert(model, data(5, 4))[1])


def frozen_weight():
    layer = linear()
    layer.weight.requires_grad_(False)
    return layer


def orthogonal():
    return nn.utils.parametrizations.orthogonal(linear())


def hooked():
    layer = linear()
    layer.register_full_backward_hook(lambda module, one, two: None)
    return layer


def with_own_forward():
    layer = linear()
    layer.forward = layer.forward
    return layer


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (
            with_own_forward,
            "the layer has a method forward of its own, which a replacement would lose",
        ),
        (frozen_weight, "some parameters of the layer require gradients, and others do not"),
        (orthogonal, "the layer has a parametrization, which a replacement would lose"),
        (hooked, "the layer has a backward hook, which a replacement would lose"),
    ],
)
def test_layers_that_would_lose_something_are_left(make, reason):
    model = nn.Sequential(make(), nn.Tanh(), linear())
    new, report = convert(model, data(5, 4))
    assert [layer.path for layer in report.layers] == ["2"]
    assert {x.path: x.reason for x in report.unconverted}["0"] == reason
    assert type(new[0]) is type(model[0])


def test_a_hook_within_a_layer_would_be_lost():
    nf = library("normflows")
    flows = [nf.flows.LULinearPermute(4), nf.flows.InvertibleAffine(4)]
    flows[0].linear.register_forward_hook(lambda module, x, y: None)
    _, report = convert(nf.NormalizingFlow(None, flows))
    reason = "a module inside the layer has a forward hook, which a replacement would lose"
    assert {x.path: x.reason for x in report.unconverted}["flows.0"] == reason


@pytest.mark.parametrize("k", [0, 1])
def test_a_frozen_layer_is_not_merged_with_a_trained_one(k):
    model = nn.Sequential(linear(), linear())
    model[k].requires_grad_(False)
    new, report = convert(model, data(5, 4))
    assert [layer.merged for layer in report.layers] == [(), ()]
    for i in range(2):
        assert {p.requires_grad for p in new[i].parameters()} == {i != k}
    again = restore(model, new.state_dict())
    assert [p.requires_grad for p in again.parameters()] == [
        p.requires_grad for p in new.parameters()
    ]


def test_a_soft_permutation_that_is_not_trained_stays_frozen():
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    inn = ff.SequenceINN(4)
    inn.append(fm.AllInOneBlock, subnet_constructor=nn.Linear, permute_soft=True)
    new, _ = convert(inn, data(5, 4))
    assert not any(p.requires_grad for p in new.module_list[0].couplings.parameters())
    assert any(p.requires_grad for p in new.module_list[0].subnet.parameters())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_weight_of_a_merged_layer_is_that_of_the_identity(dtype):
    for kind in (nn.Linear, lambda i, o: nn.Conv2d(i, o, 1)):
        new, report = convert(nn.Sequential(kind(4, 4), kind(4, 4)).to(dtype))
        assert report.layers[0].merged == ("1",)
        assert torch.equal(new[1].weight.reshape(4, 4), torch.eye(4, dtype=dtype))
        assert new[1].bias is None
        assert new[0].weight.shape == new[1].weight.shape


@pytest.mark.parametrize("by", ["couplings", "inverse"])
def test_the_headline_is_of_what_the_model_holds(by):
    layer = linear(8, bias=False)
    with torch.no_grad():
        layer.weight.mul_(torch.logspace(0, -8, 8))
    _, report = convert(layer, by=by)
    (record,) = report.layers
    largest = float(layer.weight.abs().max())
    assert record.dtype == "float32"
    assert record.relative_error >= record.error / Fraction(largest)
    assert 1e-9 < record.relative_error < 1e-6
    assert (
        f"certified within {format_up(record.relative_error, 2)} as they are stored (float32)"
        in (report.summary)
    )
    if by == "inverse":
        assert record.error == 0


@pytest.mark.parametrize("home", ["nflows.transforms", "glasflow.nflows.transforms"])
@pytest.mark.parametrize("has_grad", [True, False])
def test_a_cache_that_is_full(home, has_grad):
    t = library(home)
    torch.manual_seed(0)
    layers = [
        t.LULinear(4, using_cache=True, identity_init=False),
        t.NaiveLinear(4, using_cache=True),
    ]
    model, x = t.CompositeTransform(layers).eval(), data(5, 4)
    with torch.set_grad_enabled(has_grad):
        expected, _ = model(x)
        model.inverse(x)
    new, report = convert(model, x)
    assert report.layers[0].merged == ("_transforms.1",)
    assert torch.allclose(new(x)[0], expected, atol=1e-5)


@pytest.mark.parametrize(
    "options", [{"permute_soft": True}, {"learned_householder_permutation": 2}]
)
def test_blocks_that_permute_twice(options):
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    torch.manual_seed(0)
    inn = ff.SequenceINN(6)
    inn.append(fm.AllInOneBlock, subnet_constructor=nn.Linear, reverse_permutation=True, **options)
    x = data(5, 6)
    new, report = convert(inn, x)
    assert [layer.kind for layer in report.layers] == ["AllInOneBlock"]
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(new(x), inn(x), strict=True))


def test_one_layer_that_fails_leaves_the_others_alone(monkeypatch):
    from exactflow.interop.affine import AffineMap
    from exactflow.interop.libraries import load_library

    readers = load_library("torch").readers

    def wrong(module):
        found = readers_before(module)
        return found if module.weight[0, 0] > 5 else AffineMap(2 * found.matrix, found.bias)

    readers_before = readers[nn.Linear]
    model = nn.Sequential(linear(), nn.Tanh(), linear())
    with torch.no_grad():
        model[2].weight[0, 0] = 9
    monkeypatch.setitem(readers, nn.Linear, wrong)
    _, report = convert(model, data(5, 4))
    assert [layer.path for layer in report.layers] == ["2"]
    assert (
        "another map than was read from it" in {x.path: x.reason for x in report.unconverted}["0"]
    )


WRAPPED = {
    "module": (
        lambda model: nn.DataParallel(model),
        lambda model: torch.optim.swa_utils.AveragedModel(model),
    ),
    "_orig_mod": (lambda model: torch.compile(model, backend="eager"),),
}


@pytest.mark.parametrize(
    ("name", "wrap"), [(name, wrap) for name, wraps in WRAPPED.items() for wrap in wraps]
)
def test_wrappers_are_named(name, wrap):
    with pytest.raises(InvalidInputError, match=rf"the wrapper .*: convert its \.{name}$"):
        convert(wrap(nn.Sequential(linear())))
    model = nn.Sequential(wrap(nn.Sequential(linear())), nn.Tanh(), linear())
    _, report = convert(model)
    assert f"convert its .{name}" in {x.path: x.reason for x in report.unconverted}["0"]


def test_a_bad_inverse_of_the_given_model_excuses_no_other_latents():
    class BadInverse(Unlike):
        """A model whose inverse was wrong before."""

        def inverse(self, y):
            """Return something else than the preimage."""
            x, log_det = super().inverse(y)
            return x + 100, log_det

    with pytest.raises(MethodError, match="in its latents"):
        convert(BadInverse("latents"), data(6, 4), only=["first", "second"])
    _, report = convert(BadInverse("nothing"), data(6, 4), only=["first", "second"])
    assert len(report.layers) == 2


def test_a_layer_without_coordinates_leaves_the_others_alone():
    _, report = convert(nn.ModuleList([nn.Linear(0, 0), linear()]))
    assert [layer.path for layer in report.layers] == ["1"]
    reason = "a layer of fewer than two coordinates has no couplings"
    assert [x.reason for x in report.unconverted] == [reason]
