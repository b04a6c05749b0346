"""Whole models of every library: the same map in both directions after `convert`."""

import copy
import warnings

import numpy as np
import pytest
import torch
from interop.modules import library

from exactflow.interop import convert
from exactflow.interop.conversion.comparison import run_both_directions

nn = torch.nn


def seeded(model):
    """Give every parameter that is zero something to do."""
    for parameter in model.parameters():
        if not parameter.any() and parameter.is_floating_point():
            nn.init.normal_(parameter, std=0.1)
    return model


def net(inputs: int, outputs: int):
    return nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, outputs))


def glow():
    """A Glow of normflows of two levels, its ActNorms not yet initialised."""
    nf = library("normflows")
    flows = [
        [*(nf.flows.GlowBlock(channels, 8, init_zeros=False) for _ in range(2)), nf.flows.Squeeze()]
        for channels in (24, 12)
    ]
    bases = [nf.distributions.DiagGaussian(shape) for shape in ((24, 2, 2), (6, 4, 4))]
    return nf.MultiscaleFlow(bases, flows, [nf.flows.Merge()], class_cond=False)


def normflows_glow():
    model = glow()
    x = torch.randn(4, 3, 8, 8)
    with torch.no_grad():
        model.inverse_and_log_det(x)  # the first data, for ActNorm
    return model, x


def normflows_vectors():
    nf = library("normflows")
    flows = []
    for k in range(2):
        coupling = nf.flows.AffineCouplingBlock(nf.nets.MLP([3, 8, 4], init_zeros=False))
        linear = nf.flows.LULinearPermute(5) if k else nf.flows.InvertibleAffine(5)
        flows += [coupling, linear, nf.flows.ActNorm(5), nf.flows.Permute(5, "swap")]
    flows.append(nf.flows.Reverse(nf.flows.Composite([nf.flows.InvertibleAffine(5, use_lu=False)])))
    model = seeded(nf.NormalizingFlow(nf.distributions.DiagGaussian(5), flows))
    x = torch.randn(6, 5)
    with torch.no_grad():
        model.inverse(x)
    return model, x


def nflows_vectors():
    t = library("nflows.transforms")
    flows = library("nflows.flows")
    mask = torch.tensor([1, -1, 1, -1, 1])
    transforms = [
        t.CompositeTransform([t.RandomPermutation(5), t.LULinear(5, identity_init=False)]),
        t.AdditiveCouplingTransform(mask, Net),
        t.ActNorm(5),
        t.SVDLinear(5, 4, identity_init=False),
        t.AdditiveCouplingTransform(-mask, Net),
        t.InverseTransform(t.QRLinear(5, 2)),
        t.ReversePermutation(5),
    ]
    from nflows.distributions import StandardNormal

    model = seeded(flows.Flow(t.CompositeTransform(transforms), StandardNormal([5])))
    x = torch.randn(6, 5)
    with torch.no_grad():
        model._transform(x)
    return model.eval(), x


class Net(nn.Module):
    """A conditioner of nflows."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.net = net(inputs, outputs)

    def forward(self, x, context=None):
        """Return the parameters."""
        return self.net(x)


def nflows_images():
    t = library("nflows.transforms")
    model = t.MultiscaleCompositeTransform(2)
    squeeze = t.SqueezeTransform()
    first = t.CompositeTransform([squeeze, t.ActNorm(4), t.OneByOneConvolution(4, False, False)])
    shape = model.add_transform(first, (4, 4, 4))
    model.add_transform(t.CompositeTransform([t.OneByOneConvolution(2)]), shape)
    x = torch.randn(3, 1, 8, 8)
    with torch.no_grad():
        model(x)
    return model.eval(), x


def glasflow_flow(linear: str):
    flows = library("glasflow.flows")
    return seeded(flows.RealNVP(5, 3, linear_transform=linear)).eval(), torch.randn(6, 5)


def freia_sequence(shape=(4, 4, 4), **options):
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    inn = ff.SequenceINN(*shape)

    def subnet(i, o):
        return nn.Sequential(nn.Conv2d(i, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, o, 1))

    inn.append(fm.HaarDownsampling)
    inn.append(fm.AllInOneBlock, subnet_constructor=subnet, **options)
    inn.append(fm.PermuteRandom)
    inn.append(fm.Fixed1x1Conv, M=torch.linalg.qr(torch.randn(16, 16))[0])
    inn.append(fm.AllInOneBlock, subnet_constructor=subnet, permute_soft=True)
    return inn, torch.randn(3, *shape)


def freia_graph():
    ff, fm = library("FrEIA.framework"), library("FrEIA.modules")
    condition = ff.ConditionNode(2)
    nodes = [ff.InputNode(5)]
    nodes.append(ff.Node(nodes[-1], fm.PermuteRandom, {}))
    block = {"subnet_constructor": net, "permute_soft": True}
    nodes.append(ff.Node(nodes[-1], fm.AllInOneBlock, block, conditions=condition))
    nodes.append(ff.Node(nodes[-1], fm.OrthogonalTransform, {}))
    nodes.append(ff.OutputNode(nodes[-1]))
    return ff.GraphINN([*nodes, condition]), (torch.randn(6, 5), [torch.randn(6, 2)])


def zuko_flow():
    zuko = library("zuko")
    return zuko.flows.GF(4, transforms=3), torch.randn(6, 4)


def plain():
    model = nn.Sequential(
        nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1, bias=False), nn.LeakyReLU(), nn.Conv2d(4, 4, 1)
    )
    return model, torch.randn(3, 4, 2, 2)


MODELS = {
    "normflows Glow": (normflows_glow, 4, 4),
    "normflows vectors": (normflows_vectors, 3, 4),
    "nflows": (nflows_vectors, 3, 2),
    "nflows images": (nflows_images, 2, 1),
    "glasflow lu": (lambda: glasflow_flow("lu"), 3, 3),
    "glasflow svd": (lambda: glasflow_flow("svd"), 3, 3),
    "FrEIA sequence": (freia_sequence, 2, 1),
    "FrEIA pre-permuted": (lambda: freia_sequence(reverse_permutation=True), 2, 1),
    "FrEIA reflections": (lambda: freia_sequence(learned_householder_permutation=3), 3, 1),
    "FrEIA GIN": (lambda: freia_sequence(gin_block=True, global_affine_type="EXP"), 2, 1),
    "FrEIA graph": (freia_graph, 1, 0),
    "zuko": (zuko_flow, 2, 0),
    "PyTorch": (plain, 2, 1),
}


def made(name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        np.random.seed(0)
        return MODELS[name][0]()


def results(model, example):
    """All tensors that a model makes of an example."""
    with torch.no_grad():
        return run_both_directions(
            model, example if isinstance(example, tuple) else (example,), None
        ).images


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_a_matrix_and_its_inverse_compute_the_same(name):
    model, example = made(name)
    new, report = convert(model, example, by="inverse")
    assert len(report.layers) == MODELS[name][1]
    for one, two in zip(results(new, example), results(model, example), strict=True):
        assert torch.allclose(one, two, rtol=2e-4, atol=2e-4)
    data = example[0] if isinstance(example, tuple) else example
    with torch.no_grad():
        assert torch.allclose(sampled(new, example), data, atol=1e-3)
    assert all(layer.error <= 1e-5 for layer in report.layers)
    assert all(layer.relative_error <= 1e-4 for layer in report.layers)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_the_model_computes_the_same(name, double):
    model, example = made(name)
    if double:
        model = model.double()
        example = tuple(
            [y.double() for y in x] if isinstance(x, list) else x.double()
            for x in (example if isinstance(example, tuple) else (example,))
        )
    before = copy.deepcopy(model.state_dict())
    expected = results(model, example)
    new, report = convert(model, example)
    _, layers, merged = MODELS[name]
    assert len(report.layers) == layers
    assert sum(len(layer.merged) for layer in report.layers) == merged
    tolerance = 1e-9 if double else 2e-4
    for one, two in zip(results(new, example), expected, strict=True):
        assert one.dtype == two.dtype
        slack = tolerance if one.ndim > 1 else 2e-4  # libraries sum log-determinants in float32
        assert torch.allclose(one, two, rtol=slack, atol=slack)
    assert report.latent_difference < 1e-3
    assert report.log_det_difference is None or report.log_det_difference < 1e-3
    assert all(layer.error <= (1e-12 if double else 1e-4) for layer in report.layers)
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    types = {p.dtype for p in new.parameters() if p.is_floating_point()}
    assert types == {torch.float64 if double else torch.float32}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_the_other_direction_is_the_same(name):
    model, example = made(name)
    new, _ = convert(model, example)
    data = example[0] if isinstance(example, tuple) else example
    with torch.no_grad():
        back = sampled(new, example)
    assert torch.allclose(back, data, atol=1e-3)


def sampled(model, example):
    """Return what the sampling direction of a model makes of the latents of an example."""
    if hasattr(model, "forward_and_log_det"):
        return model.forward_and_log_det(model.inverse_and_log_det(example)[0])[0]
    if hasattr(model, "_transform") or hasattr(model, "_transforms"):
        transform = getattr(model, "_transform", model)
        return transform.inverse(transform(example)[0])[0]
    if hasattr(model, "module_list"):
        x, *c = example if isinstance(example, tuple) else (example,)
        return model(model(x, *c)[0], *c, rev=True)[0]
    if hasattr(model, "transform"):
        transform = model().transform
        return transform.inv(transform(example))
    y = model(example)
    for layer in reversed(model):
        y = (
            nn.functional.leaky_relu(y, 100)
            if isinstance(layer, nn.LeakyReLU)
            else layer.inverse(y)
        )
    return y
