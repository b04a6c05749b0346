"""Strangers' models: conditional, tied, hooked, hand-written, in half precision."""

import copy
import random

import numpy as np
import pytest
import torch
from interop.modules import data, library

from exactflow.errors import InvalidInputError, MethodError
from exactflow.interop import convert, restore

nn = torch.nn

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries


class Conditioner(nn.Module):
    """A network of nflows that takes a context."""

    def __init__(self, inputs, outputs, context=3):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(inputs + context, 8), nn.Tanh(), nn.Linear(8, outputs))

    def forward(self, x, context=None):
        """Return the parameters."""
        return self.net(torch.cat((x, context), 1))


@pytest.mark.parametrize("home", ["nflows", "glasflow.nflows"])
@pytest.mark.parametrize("has_example", [True, False])
def test_flows_with_a_network_for_the_context(home, has_example):
    t, flows = library(f"{home}.transforms"), library(f"{home}.flows")
    base = library(f"{home}.distributions").StandardNormal([4])
    torch.manual_seed(0)
    parts = [t.LULinear(4, identity_init=False), t.RandomPermutation(4)]
    parts.insert(1, t.AffineCouplingTransform([1, 0, 1, 0], Conditioner))
    model = flows.Flow(t.CompositeTransform(parts), base, embedding_net=nn.Linear(2, 3)).eval()
    x, context = data(6, 4), data(6, 2)
    new, report = convert(model, x if has_example else None, context=context)
    assert [layer.kind for layer in report.layers] == ["LULinear"]
    assert torch.allclose(new.log_prob(x, context), model.log_prob(x, context), atol=1e-5)
    with pytest.raises(InvalidInputError, match=r"TypeError: .*NoneType"):
        convert(model, x)


def test_a_conditional_flow_of_normflows():
    nf = library("normflows")
    torch.manual_seed(0)
    flows = [
        nf.flows.MaskedAffineAutoregressive(4, 8, context_features=2),
        nf.flows.LULinearPermute(4),
    ]
    model = nf.ConditionalNormalizingFlow(nf.distributions.DiagGaussian(4), flows)
    x, context = data(6, 4), data(6, 2)
    new, report = convert(model, x, context=context)
    assert [layer.kind for layer in report.layers] == ["LULinearPermute"]
    assert torch.allclose(new.log_prob(x, context), model.log_prob(x, context), atol=1e-5)


def class_conditional():
    nf = library("normflows")
    flows = [nf.flows.GlowBlock(4, 8, init_zeros=False) for _ in range(2)]
    base = nf.distributions.ClassCondDiagGaussian((4, 2, 2), 3)
    return nf.ClassCondFlow(base, flows), data(5, 4, 2, 2)


def class_conditional_levels():
    nf = library("normflows")
    small, large = (nf.flows.GlowBlock(c, 8, init_zeros=False) for c in (2, 4))
    flows = [[small], [large, nf.flows.Squeeze()]]
    bases = [nf.distributions.ClassCondDiagGaussian((2, 2, 2), 3) for _ in range(2)]
    return nf.MultiscaleFlow(bases, flows, [nf.flows.Merge()]), data(5, 1, 4, 4)


@pytest.mark.parametrize("make", [class_conditional, class_conditional_levels])
def test_class_conditional_flows(make):
    torch.manual_seed(0)
    model, x = make()
    y = torch.tensor([0, 1, 2, 0, 1])
    model.log_prob(x, y)  # the first data, for ActNorm
    new, report = convert(model, x)
    assert len(report.layers) == 2
    assert report.latent_difference < 1e-5
    assert torch.allclose(new.log_prob(x, y), model.log_prob(x, y), atol=1e-4)


class Potential(nn.Module):
    """x + half the gradient of a potential, for which it needs autograd."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(data(4))

    def forward(self, x):
        """Return the image."""
        x = x.requires_grad_()
        (slope,) = torch.autograd.grad(torch.tanh(x @ self.w).sum(), x, create_graph=True)
        return x + slope / 2


def residual():
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    inn = ff.SequenceINN(4)
    inn.append(fm.FixedLinearTransform, M=data(4, 4))
    inn.append(fm.IResNetLayer, hutchinson_samples=1)
    return inn


@pytest.mark.parametrize("make", [residual, lambda: nn.Sequential(nn.Linear(4, 4), Potential())])
def test_layers_that_need_autograd(make):
    _, report = convert(make(), data(5, 4))
    assert len(report.layers) == 1
    assert report.latent_difference < 1e-5
    assert report.log_det_difference is None or report.log_det_difference < 1e-4


@pytest.mark.parametrize("by", ["couplings", "inverse"])
@pytest.mark.parametrize("shape", [(4,), (4, 2, 2)])
def test_fixed_layers_of_freia_in_bfloat16(shape, by):
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    kind = fm.FixedLinearTransform if len(shape) == 1 else fm.Fixed1x1Conv
    inn = ff.SequenceINN(*shape)
    inn.append(kind, M=torch.eye(4) + data(4, 4) / 4)
    inn, x = inn.bfloat16(), data(5, *shape).bfloat16()
    new, report = convert(inn, x, by=by)
    (layer,) = report.layers
    size = float(inn(x)[0].abs().max())
    assert report.latent_difference < 0.05 * size
    assert new(x)[0].dtype == torch.bfloat16
    if by == "inverse":
        assert layer.error == 0 < layer.relative_error < 0.01


def test_what_is_not_finite_is_named():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    x = data(5, 4)
    for bad in (float("nan"), float("inf")):
        x[2, 3] = bad
        with pytest.raises(
            InvalidInputError, match="example of finite numbers, got an example with NaN or inf"
        ):
            convert(model, x)
    with pytest.raises(InvalidInputError, match="the model returns NaN or inf on the example"):
        convert(nn.Sequential(nn.Linear(4, 4), Root()), data(5, 4))


class Root(nn.Module):
    """NaN for what is negative."""

    def forward(self, x):
        """Return the root."""
        return x.sqrt()


class Reading(nn.Module):
    """A hand-written layer that reads the weight of its linear layer on the way back."""

    def __init__(self, kernel=False):
        super().__init__()
        self.layer = nn.Conv2d(4, 4, 1) if kernel else nn.Linear(4, 4)

    def forward(self, x):
        """Return the image and the log-determinant."""
        log_det = torch.linalg.slogdet(self.layer.weight.reshape(4, 4))[1]
        return self.layer(x), log_det * x[0, 0].numel()

    def inverse(self, y):
        """Return the preimage."""
        flat = (y - self.layer.bias.reshape(-1, *[1] * (y.ndim - 2))).reshape(len(y), 4, -1)
        return torch.linalg.solve(self.layer.weight.reshape(4, 4), flat).reshape(y.shape)


@pytest.mark.parametrize("by", ["couplings", "inverse"])
@pytest.mark.parametrize("has_example", [True, False])
@pytest.mark.parametrize("kernel", [True, False])
def test_models_that_read_a_weight(kernel, has_example, by):
    torch.manual_seed(0)
    model, x = Reading(kernel), data(5, 4, 2, 2) if kernel else data(5, 4)
    new, _ = convert(model, x if has_example else None, only="layer", by=by)
    assert new.layer.weight.shape == model.layer.weight.shape
    (y, log_det), (z, other) = new(x), model(x)
    assert torch.allclose(y, z, atol=1e-5)
    assert torch.allclose(log_det, other, atol=1e-5)
    assert torch.allclose(new.inverse(y), x, atol=1e-4)


class Asking(nn.Module):
    """A hand-written layer that asks its linear layer for more."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        """Return the image."""
        return self.layer(x) + self.layer.in_features


def test_models_that_read_more_are_refused_with_the_reason():
    with pytest.raises(MethodError, match=r"has no attribute 'in_features'.*only="):
        convert(Asking(), data(5, 4), only="layer")


class Failing(nn.Module):
    """Raises an error because of another one."""

    def forward(self, x):
        """Raise."""
        try:
            {}["weights"]
        except KeyError as error:
            raise RuntimeError("something went wrong") from error


def test_the_first_cause_of_a_failure_is_shown():
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(Failing()))
    with pytest.raises(
        InvalidInputError, match=r"does not run on the example: KeyError: 'weights' \(in 1.0\)"
    ):
        convert(model, data(5, 4))
    with pytest.raises(InvalidInputError, match=r"RuntimeError: mat1 and mat2 .*\(in 0\)"):
        convert(model, data(5, 3))


def tied():
    torch.manual_seed(0)
    one, two = nn.Linear(4, 4), nn.Linear(4, 4)
    two.weight = one.weight
    return nn.Sequential(one, nn.Tanh(), two)


def test_layers_that_share_a_parameter_stay():
    model, x = nn.Sequential(*tied(), nn.Tanh(), nn.Linear(4, 4)), data(5, 4)
    new, report = convert(model, x)
    assert [layer.path for layer in report.layers] == ["4"]
    reasons = {x.path: x.reason for x in report.unconverted}
    assert [reasons[path] for path in ("0", "2")] == [
        "the layer shares its parameter weight with 2",
        "the layer shares its parameter weight with 0",
    ]
    assert new[0].weight is new[2].weight
    assert torch.allclose(new(x), model(x), atol=1e-5)


def test_a_module_in_two_places_stays():
    layer = nn.Linear(4, 4)
    new, report = convert(nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(4, 4)))
    assert [layer.path for layer in report.layers] == ["4"]
    reasons = {x.path: x.reason for x in report.unconverted}
    assert reasons["2"] == "the model uses the layer in two places"
    assert new[0] is new[2]


class Held(nn.Module):
    """A weight under two names, and a decoder that is its transpose."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        self.weight = self.net[0].weight

    def forward(self, x):
        """Return the image."""
        return self.net(x) @ self.weight


def test_a_parameter_that_something_else_holds_stays():
    model = nn.Sequential(Held(), nn.Linear(4, 4))
    new, report = convert(model, data(5, 4), only=["0.net.0", "1"])
    assert [layer.path for layer in report.layers] == ["1"]
    assert {x.path: x.reason for x in report.unconverted}[
        "0.net.0"
    ] == "the layer shares its parameter weight with 0"
    assert new[0].weight is new[0].net[0].weight


@pytest.mark.parametrize("name", ["torch", "FrEIA"])
def test_forward_hooks_are_kept(name):
    if name == "torch":
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4), nn.Tanh())
        hooked = model[0]
    else:
        ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
        model = ff.SequenceINN(4)
        for _ in range(2):
            model.append(fm.FixedLinearTransform, M=data(4, 4) + torch.eye(4))
        hooked = model.module_list[0]
    seen = []
    hooked.register_forward_hook(lambda module, given, made: seen.append(made))
    x = data(5, 4)
    new, report = convert(model, x)
    assert [layer.merged for layer in report.layers] == [(), ()]
    seen.clear()
    for m in (model, new):
        m(x)
    before, after = (made if name == "torch" else made[0][0] for made in seen)
    assert torch.allclose(before, after, atol=1e-5)
    again = restore(model, new.state_dict())
    again(x)
    assert len(seen) == 3


class Drawing(nn.Module):
    """Draws numbers of all three generators."""

    def forward(self, x):
        """Return the image."""
        torch.rand(3), np.random.rand(), random.random()
        return x


def freia_permutation():
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    inn = ff.SequenceINN(4)
    inn.append(fm.PermuteRandom)
    inn.append(fm.FixedLinearTransform, M=data(4, 4))
    return inn


@pytest.mark.parametrize(
    "make", [lambda: nn.Sequential(nn.Linear(4, 4), Drawing()), freia_permutation]
)
def test_random_number_generators_are_kept(make):
    model, x = make(), data(5, 4)

    def states():
        return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()

    before = states()
    new, _ = convert(model, x)
    restore(model, new.state_dict())
    assert states() == before


def rotation():
    zuko = library("zuko")
    lazy = library("zuko.lazy")
    kind = zuko.transforms.RotationTransform
    return lazy.UnconditionalTransform(kind, data(4, 4))


def triangles():
    zuko = library("zuko")
    lazy = library("zuko.lazy")
    return lazy.UnconditionalTransform(
        zuko.transforms.LULinearTransform, torch.eye(4) + data(4, 4) / 4
    )


@pytest.mark.slow  # torch.compile
@pytest.mark.parametrize("make", [rotation, triangles])
def test_models_of_zuko_are_compiled_before_and_after(make):
    lazy = library("zuko.lazy")
    soft = lazy.UnconditionalTransform(library("zuko").transforms.SoftclipTransform, bound=9.0)
    model, x = lazy.LazyComposedTransform(make(), soft), data(5, 4)
    new, report = convert(model, x)
    assert len(report.layers) == 1
    expected = model().call_and_ladj(x)
    for found in (new().call_and_ladj(x), torch.compile(lambda x: new().call_and_ladj(x))(x)):
        assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(found, expected, strict=True))


def test_restore_keeps_the_reason():
    new, _ = convert(nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)))
    with pytest.raises(InvalidInputError, match=r"size mismatch for 2\.weight"):
        restore(nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)), new.state_dict())
    with pytest.raises(InvalidInputError, match=r"Unexpected key.*2\.weight"):
        restore(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), new.state_dict())


class Lying(nn.Module):
    """A wrapper whose log-determinant is what its layer is called."""

    def __init__(self):
        super().__init__()
        self.flow = nn.Sequential(nn.Linear(4, 4))

    def forward(self, x):
        """Return the image, and log-determinants of another size."""
        return self.flow(x), 1e3 * self.flow(x).sum(1)


class Breaking(nn.Module):
    """NaN where the layer is no longer an ``nn.Linear``."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        """Return the image."""
        return self.layer(x) if isinstance(self.layer, nn.Linear) else self.layer(x) / 0


def test_latents_and_log_determinants_are_told_apart_and_nan_is_no_success():
    _, report = convert(Lying(), data(5, 4), only=["flow.0"])
    assert report.latent_difference < 1e-5 < report.log_det_difference
    assert "latents differ by at most" in report.summary
    assert "log-dets differ by at most" in report.summary
    with pytest.raises(MethodError, match="NaN or inf"):
        convert(Breaking(), data(5, 4), only=["layer"])


class Located(nn.Module):
    """A layer that knows where its files are."""

    def __init__(self):
        super().__init__()
        self.path = ["weights", "0.pt"]

    def forward(self, x):
        """Return the image."""
        return x.tanh()


def test_attributes_of_any_name_do_no_harm():
    _, report = convert(nn.Sequential(nn.Linear(4, 4), Located()), data(5, 4))
    assert len(report.layers) == 1


def test_the_model_stays_as_it_is():
    model = nn.Sequential(*tied(), nn.Linear(4, 4))
    before = copy.deepcopy(model.state_dict())
    convert(model, data(5, 4), by="inverse")
    assert all(torch.equal(model.state_dict()[k], v) for k, v in before.items())
    assert model[0].weight is model[2].weight
