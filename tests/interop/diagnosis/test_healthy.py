"""Forty healthy models of six libraries: no error is above a bound, and no row accuses."""

import warnings
from contextlib import suppress

import pytest

torch = pytest.importorskip("torch")

from interop.modules import library  # noqa: E402
from interop.toy_flows import Affine, Linear, Model, Scale, relu_mlp  # noqa: E402
from torch import nn  # noqa: E402

from exactflow import balance, factor, random_matrix, to_module  # noqa: E402
from exactflow.errors import InvalidInputError  # noqa: E402
from exactflow.interop import convert, diagnose  # noqa: E402
from exactflow.interop.diagnosis.result import ERRORS  # noqa: E402


def convolutions(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, outputs, 1))


def normflows(build):
    def made():
        nf = library("normflows")
        return nf.NormalizingFlow(nf.distributions.DiagGaussian(4), build(nf.flows, nf.nets))

    return made


def nflows(build, *, name="nflows"):
    def made():
        transforms, nets = library(f"{name}.transforms"), library("nflows.nn.nets")
        normal = library(f"{name}.distributions").StandardNormal([4])
        layers = transforms.CompositeTransform(build(transforms, nets))
        return library(f"{name}.flows").Flow(layers, normal)

    return made


def freia(name, shape=(4,), **options):
    def made():
        sequence = library("FrEIA.framework").SequenceINN(*shape)
        for _ in range(2):
            sequence.append(getattr(library("FrEIA.modules"), name), **options)
        return sequence

    return made


def zuko(name, *sizes, **options):
    return lambda: getattr(library("zuko").flows, name)(*sizes, **options)


def glasflow(name, **options):
    def made():
        flows = library("glasflow.flows")
        if not hasattr(flows, name):
            pytest.skip(f"this version of glasflow has no {name}")
        return getattr(flows, name)(4, n_transforms=2, **options)

    return made


def glow():
    nf = library("normflows")
    blocks = [nf.flows.GlowBlock(4, 8, scale=True) for _ in range(2)]
    model = nf.NormalizingFlow(nf.distributions.DiagGaussian((4, 4, 4)), blocks)
    with torch.no_grad():
        model.log_prob(torch.randn(8, 4, 4, 4))
    return model


def two_levels():
    nf = library("normflows")
    levels = [[nf.flows.GlowBlock(24, 4), nf.flows.Squeeze()]]
    levels += [[nf.flows.GlowBlock(12, 4), nf.flows.Squeeze()]]
    bases = [nf.distributions.DiagGaussian(shape) for shape in [(24, 1, 1), (6, 2, 2)]]
    return nf.MultiscaleFlow(bases, levels, [nf.flows.Merge()], class_cond=False)


def coupling(nf, nets):
    return nf.AffineCouplingBlock(nets.MLP([2, 8, 4], init_zeros=False))


def residual(nf, nets):
    made = nets.LipschitzMLP([4, 16, 4], init_zeros=False, lipschitz_const=0.8)
    return nf.Residual(made, reduce_memory=False, exact_trace=True)


MASK = [1, 0, 1, 0]
HIDDEN = {"transforms": 2, "hidden_features": (8,)}
IMAGES = (3, 4, 4)

MODELS = {
    "normflows, affine": normflows(lambda f, n: [coupling(f, n), f.Permute(4), coupling(f, n)]),
    "normflows, swapped": normflows(lambda f, n: [coupling(f, n), f.Permute(4, "swap")]),
    "normflows, masked": normflows(
        lambda f, n: [f.MaskedAffineFlow(torch.tensor(MASK), n.MLP([4, 8, 4]), n.MLP([4, 8, 4]))]
    ),
    "normflows, ActNorm": normflows(lambda f, n: [f.ActNorm(4), coupling(f, n)]),
    "normflows, LU": normflows(lambda f, n: [f.LULinearPermute(4), coupling(f, n)]),
    "normflows, linear": normflows(lambda f, n: [f.InvertibleAffine(4), coupling(f, n)]),
    "normflows, spline": normflows(
        lambda f, n: [f.CoupledRationalQuadraticSpline(4, 1, 8), f.LULinearPermute(4)]
    ),
    "normflows, autoregressive": normflows(
        lambda f, n: [f.AutoregressiveRationalQuadraticSpline(4, 1, 8)]
    ),
    "normflows, MAF": normflows(lambda f, n: [f.MaskedAffineAutoregressive(4, 8)]),
    "normflows, residual": normflows(lambda f, n: [residual(f, n), residual(f, n)]),
    "normflows, Glow": glow,
    "normflows, two levels": two_levels,
    "nflows, affine": nflows(
        lambda t, n: [t.AffineCouplingTransform(MASK, lambda i, o: n.ResidualNet(i, o, 8))]
    ),
    "nflows, additive": nflows(
        lambda t, n: [t.AdditiveCouplingTransform(MASK, lambda i, o: n.ResidualNet(i, o, 8))]
    ),
    "nflows, spline": nflows(
        lambda t, n: [
            t.PiecewiseRationalQuadraticCouplingTransform(
                MASK, lambda i, o: n.ResidualNet(i, o, 8), tails="linear", tail_bound=4.0
            ),
            t.RandomPermutation(4),
        ]
    ),
    "nflows, MAF": nflows(lambda t, n: [t.MaskedAffineAutoregressiveTransform(4, 8)]),
    "nflows, LU": nflows(lambda t, n: [t.LULinear(4), t.ReversePermutation(4)]),
    "nflows, QR": nflows(lambda t, n: [t.QRLinear(4, 2), t.ReversePermutation(4)]),
    "nflows, SVD": nflows(lambda t, n: [t.SVDLinear(4, 2), t.ReversePermutation(4)]),
    "nflows, BatchNorm": nflows(lambda t, n: [t.BatchNorm(4), t.LULinear(4)]),
    "nflows, LeakyReLU": nflows(lambda t, n: [t.LULinear(4), t.LeakyReLU(), t.LULinear(4)]),
    "glasflow, RealNVP": glasflow("RealNVP"),
    "glasflow, NSF": glasflow("CouplingNSF"),
    "glasflow, MAF": glasflow("MaskedAffineAutoregressiveFlow"),
    "FrEIA, all in one": freia("AllInOneBlock", subnet_constructor=relu_mlp),
    "FrEIA, soft": freia("AllInOneBlock", subnet_constructor=relu_mlp, permute_soft=True),
    "FrEIA, GLOW": freia("GLOWCouplingBlock", subnet_constructor=relu_mlp),
    "FrEIA, RNVP": freia("RNVPCouplingBlock", subnet_constructor=relu_mlp),
    "FrEIA, NICE": freia("NICECouplingBlock", subnet_constructor=relu_mlp),
    "FrEIA, GIN": freia("GINCouplingBlock", subnet_constructor=relu_mlp),
    "FrEIA, images": freia("AllInOneBlock", IMAGES, subnet_constructor=convolutions),
    "zuko, NICE": zuko("NICE", 4, **HIDDEN),
    "zuko, RealNVP": zuko("RealNVP", 4, **HIDDEN),
    "zuko, MAF": zuko("MAF", 4, **HIDDEN),
    "zuko, NSF": zuko("NSF", 4, bins=4, **HIDDEN),
    "zuko, BPF": zuko("BPF", 4, **HIDDEN),
    "zuko, CNF": zuko("CNF", 4, hidden_features=(8,)),
    "zuko, coupled": zuko("MAF", 4, passes=2, **HIDDEN),
    "PyTorch": lambda: Model(Affine(4), Scale([0.1, 0.2, 0.3, 0.4]), Linear(2 * torch.eye(4))),
    "exactflow": lambda: to_module(factor(random_matrix(4, seed=2))),
    "exactflow, balanced": lambda: to_module(balance(torch.eye(4).numpy() + 0.3)),
    "converted": lambda: convert(nflows(lambda t, n: [t.LULinear(4)])())[0],
}
SHAPES = {"normflows, Glow": (4, 4, 4), "normflows, two levels": IMAGES, "FrEIA, images": IMAGES}


def built(name):
    """Return a model of the table, in evaluation mode, and data for it."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what libraries have to say on building
        model = MODELS[name]().eval()
    return model, torch.randn(5, *SHAPES.get(name, (4,)))


@pytest.mark.parametrize("name", MODELS)
def test_no_row_of_a_healthy_model_accuses(name):
    found = diagnose(*built(name))
    assert found.find_worst_fault(dict.fromkeys(ERRORS, 2e-3)) is None, found.table()
    assert found.whole.draws_lost == 0
    assert all(row.spread == 0 and row.condition < 1e6 for row in found.rows), found.table()
    assert all("not checked, because" in note for row in found.rows for note in row.notes)
    assert found.whole.log_det_error is not None
    assert found.whole.log_det_back_error is not None or name == "PyTorch"


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"roundtrip": 1}, "got 'roundtrip'"),
        ({"draws": float("nan")}, "the bound of draws, got nan"),
    ],
)
def test_bounds_that_compare_with_nothing_are_refused(bounds, words):
    found = diagnose(Model(Scale(2.0)), torch.randn(3, 2))
    with pytest.raises(InvalidInputError, match=words):
        found.find_worst_fault(bounds)


@pytest.mark.parametrize("run", [diagnose, convert])
@pytest.mark.parametrize("x", [torch.eye(2).to_sparse(), torch.empty(2, 2, device="meta")])
def test_tensors_that_store_no_entries_are_refused(run, x):
    with pytest.raises(InvalidInputError, match="dense tensor"):
        run(Model(Scale([0.1, 0.2])), x)


def test_zuko_inverts_no_draws_beyond_the_bound_of_its_bisection():
    torch.manual_seed(0)
    found = diagnose(zuko("GF", 4, transforms=2)(), torch.randn(5, 4))
    assert found.round_trip_error < 1e-5
    assert found.whole.draw_error > 0.01
    assert found.find_worst_fault({"draws": 1e-3}).name == "draws"


RESULTS = {
    "fewer rows": lambda y: y[:3],
    "more rows": lambda y: torch.cat([y, y]),
    "another axis": lambda y: y[None],
    "the transpose": lambda y: y.T,
    "parts of several lengths": lambda y: [y[:4], y[4:]],
    "no rows": lambda y: y[:0],
    "no columns": lambda y: y[:, :0],
    "a sparse tensor": lambda y: y.to_sparse(),
    "no values": lambda y: y.to("meta"),
}
"""Results that are no batch, or a batch of another number of members."""


class Strange(nn.Module):
    """A model whose two directions return strange results."""

    def __init__(self, to_result, to_result_of_inverse):
        super().__init__()
        self.to_results = to_result, to_result_of_inverse
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, x):
        """Return the result of x times 2."""
        return self.to_results[0](x * self.scale)

    def inverse(self, y):
        """Return the result of y / 2."""
        return self.to_results[1](y / self.scale)


@pytest.mark.parametrize("name", RESULTS)
@pytest.mark.parametrize("is_inverse_strange", [False, True])
def test_results_that_are_no_batches_raise_no_error_of_pytorch(name, is_inverse_strange):
    pair = [RESULTS[name], lambda y: y]
    model, x = Strange(*pair[:: -1 if is_inverse_strange else 1]), torch.randn(6, 2)
    with suppress(InvalidInputError):
        found = diagnose(model, x, draws=5)
        assert found.whole.notes or found.round_trip_error > 0
        assert found.table()
    with suppress(InvalidInputError):
        convert(nn.Sequential(nn.Linear(2, 2), model), x)
