"""Models of the libraries: healthy ones come back, with every layer named; faults are found."""

import warnings

import pytest

torch = pytest.importorskip("torch")
from interop.modules import library  # noqa: E402
from interop.toy_flows import assert_only_numbers, relu_mlp  # noqa: E402

from exactflow import factor, random_matrix, to_module  # noqa: E402
from exactflow.interop import diagnose  # noqa: E402


def vectors(d=4):
    return torch.randn(5, d, generator=torch.Generator().manual_seed(0))


def images():
    return torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))


def normflows_vectors():
    nf = library("normflows")
    flows = []
    for _ in range(2):
        mlp = nf.nets.MLP([2, 8, 4])
        flows += [nf.flows.AffineCouplingBlock(mlp), nf.flows.Permute(4, "swap")]
        flows += [nf.flows.ActNorm(4), nf.flows.InvertibleAffine(4)]
    return nf.NormalizingFlow(nf.distributions.DiagGaussian(4), flows)


def normflows_images():
    nf = library("normflows")
    levels = [[nf.flows.GlowBlock(c, 2), nf.flows.Squeeze()] for c in (24, 12)]
    bases = [nf.distributions.DiagGaussian(shape) for shape in [(24, 1, 1), (6, 2, 2)]]
    return nf.MultiscaleFlow(bases, levels, [nf.flows.Merge()], class_cond=False)


def nflows_transform(*added):
    transforms, nets = library("nflows.transforms"), library("nflows.nn.nets")
    mask = torch.tensor([1, 0, 1, 0])
    return transforms.CompositeTransform(
        [
            transforms.AffineCouplingTransform(mask, lambda i, o: nets.ResidualNet(i, o, 8)),
            transforms.LULinear(4),
            transforms.CompositeTransform([transforms.RandomPermutation(4), *added]),
        ]
    )


def nflows_flow():
    normal = library("nflows.distributions").StandardNormal([4])
    return library("nflows.flows").Flow(nflows_transform(), normal)


def freia_sequence():
    framework, modules = library("FrEIA.framework"), library("FrEIA.modules")
    sequence = framework.SequenceINN(4)
    for _ in range(2):
        sequence.append(modules.AllInOneBlock, subnet_constructor=relu_mlp)
    return sequence


def freia_graph():
    framework, modules = library("FrEIA.framework"), library("FrEIA.modules")
    nodes = [framework.InputNode(4)]
    options = {"subnet_constructor": relu_mlp}
    nodes.append(framework.Node(nodes[0], modules.GLOWCouplingBlock, options))
    nodes.append(framework.Node(nodes[1], modules.Split, {}))
    nodes.append(framework.Node(nodes[2].out0, modules.PermuteRandom, {"seed": 1}))
    nodes.append(framework.OutputNode(nodes[3]))
    nodes.append(framework.OutputNode(nodes[2].out1))
    return framework.GraphINN(nodes)


def freia_images():
    """Wavelets, whose inverse writes on what it is given, and a norm that the first batch sets."""
    modules = library("FrEIA.modules")
    sequence = library("FrEIA.framework").SequenceINN(3, 4, 4)
    sequence.append(modules.HaarDownsampling)
    sequence.append(modules.ActNorm)
    return sequence


def freia_residual():
    """A layer that needs gradients on its way."""
    modules = library("FrEIA.modules")
    sequence = library("FrEIA.framework").SequenceINN(4)
    sequence.append(modules.IResNetLayer, internal_size=8, n_internal_layers=1)
    sequence.module_list[0].lipschitz_correction()
    return sequence


def normflows_residual():
    """Log-determinants by traces."""
    nf = library("normflows")
    flows = []
    for _ in range(2):
        net = nf.nets.LipschitzMLP([4, 16, 4], init_zeros=False, lipschitz_const=0.8)
        flows.append(nf.flows.Residual(net, reduce_memory=False, exact_trace=True))
    return nf.NormalizingFlow(nf.distributions.DiagGaussian(4), flows)


MODELS = {
    "normflows": (normflows_vectors, vectors, [f"flows.{i}" for i in range(7, -1, -1)]),
    "normflows, two levels": (
        normflows_images,
        images,
        ["flows.1.1", "flows.1.0", "merges.0", "flows.0.1", "flows.0.0"],
    ),
    "nflows": (nflows_flow, vectors, [f"_transform._transforms.{i}" for i in range(3)]),
    "glasflow": (
        lambda: library("glasflow").RealNVP(5, n_transforms=2),
        lambda: vectors(5),
        [f"_transform._transforms.{i}" for i in range(2)],
    ),
    "FrEIA": (freia_sequence, vectors, ["module_list.0", "module_list.1"]),
    "normflows, residual": (normflows_residual, vectors, [f"flows.{i}" for i in (1, 0)]),
    "FrEIA, images": (freia_images, images, ["module_list.0", "module_list.1"]),
    "FrEIA, residual": (freia_residual, vectors, ["module_list.0"]),
    "zuko, continuous": (
        lambda: library("zuko").flows.CNF(3, hidden_features=(8,)),
        lambda: vectors(3),
        ["transform"],
    ),
    "FrEIA, a graph": (freia_graph, vectors, [f"module_list.{i}" for i in range(3)]),
    "zuko": (
        lambda: library("zuko").flows.NSF(3, transforms=2, bins=4, hidden_features=(8,)),
        lambda: vectors(3),
        ["transform.transforms.0", "transform.transforms.1"],
    ),
    "exactflow": (
        lambda: to_module(factor(random_matrix(4, seed=2))),
        vectors,
        [f"layers.{i}" for i in range(6)],
    ),
}


def built(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries have to say on building
        return MODELS[name][0]()


@pytest.mark.parametrize("name", MODELS)
def test_a_healthy_model_comes_back(name):
    _, x, paths = MODELS[name]
    torch.manual_seed(0)
    found = diagnose(built(name), x())
    assert [layer.path for layer in found.layers] == paths
    assert_only_numbers(found)
    conditions = [x.condition for x in found.layers if x.condition is not None]
    assert all(1 - 1e-9 <= condition < 1e8 for condition in conditions)
    assert len(conditions) == len(found.layers)


def test_dropout_in_normflows():
    nf = library("normflows")
    mlp = nf.nets.MLP([2, 8, 4], dropout=0.5, init_zeros=False)
    layers = [nf.flows.AffineCouplingBlock(mlp), nf.flows.ActNorm(4)]
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian(4), layers)
    actnorm, coupling = diagnose(model, vectors()).layers
    assert (actnorm.path, actnorm.spread) == ("flows.1", 0)
    assert (coupling.path, coupling.spread > 1e-3) == ("flows.0", True)
    facts = "condition number, log-determinant"
    reason = "repeated runs on the same input differ"
    assert f"{facts} not checked, because {reason}" in coupling.notes
    assert_only_numbers(diagnose(model.eval(), vectors()))


def test_the_batch_norm_of_nflows_has_no_inverse_in_training():
    model = nflows_transform(library("nflows.transforms").BatchNorm(4))
    found = diagnose(model, vectors())
    (layer,) = [row for row in found.layers if row.notes]
    assert "_transforms.2._transforms.1 raises InverseNotAvailable: " in found.whole.notes[0]
    assert layer.path == "_transforms.2"
    assert "_transforms.2 raises InverseNotAvailable: " in layer.notes[0]
    assert found.round_trip_error == float("inf")
    assert_only_numbers(diagnose(model.eval(), vectors()))


def test_an_inverse_that_was_stored_in_fewer_digits():
    framework, modules = library("FrEIA.framework"), library("FrEIA.modules")
    sequence = framework.SequenceINN(4)
    W = torch.diag(torch.tensor([1.0, 0.1, 1e-4, 1e-5])) + torch.ones(4, 4) / 3
    sequence.append(modules.FixedLinearTransform, M=W)
    found = diagnose(sequence.double(), vectors())
    (layer,) = found.layers
    assert layer.error > 1e-8
    assert 1e4 < layer.condition < 1e6
