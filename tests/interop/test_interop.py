"""Real modules of the installed libraries: outputs, inverses and log-determinants equal W x."""

import sys
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from interop.modules import OF_TORCH, directions, required

from exactflow import CouplingFlow, LinearCoupling, factor, whiten
from exactflow.errors import InvalidInputError, MissingExtraError
from exactflow.floats.balancing import balance
from exactflow.interop import linear_map, to_module

TOLERANCE = 1e-12
VECTORS, IMAGES = None, (3, 5)


def points(d: int, image) -> "torch.Tensor":
    shape = (4, d) if image is None else (4, d, *image)
    return torch.tensor(np.random.default_rng(d).standard_normal(shape))


def applied(W: np.ndarray, x: "torch.Tensor") -> "torch.Tensor":
    return torch.einsum("ij,nj...->ni...", torch.tensor(W), x)


def assert_is(module, library: str, W: np.ndarray, image) -> None:
    """The module maps x to W x and back, with log|det W| at every pixel."""
    x = points(len(W), image)
    forward, backward = directions(module, library)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y, log_det = forward(x)
        back, inverse_log_det = backward(y)
    pixels = 1 if image is None else image[0] * image[1]
    expected = np.linalg.slogdet(W)[1] * pixels
    size, stretch = np.abs(W).max() * len(W), np.linalg.cond(W)
    # Rounding W changes log|det W| by up to d times the rounding times the condition number.
    slack = pixels * len(W) * max(TOLERANCE, np.finfo(float).eps * stretch)
    assert (y - applied(W, x)).abs().max() <= TOLERANCE * size
    assert (back - x).abs().max() <= TOLERANCE * stretch
    assert y.dtype == log_det.dtype == torch.float64
    assert log_det.shape == (len(x),)
    assert (log_det - expected).abs().max() <= slack
    assert (inverse_log_det + expected).abs().max() <= slack


def glow(d: int, seed: int = 0) -> np.ndarray:
    """A Glow-style initial weight; its determinant is often negative."""
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((d, d)))[0]


def flows(W: np.ndarray) -> CouplingFlow:
    """Balanced layers of W, after a flip if det W < 0."""
    return balance(W, orientation="flip").flow


@pytest.mark.parametrize("image", [VECTORS, IMAGES])
@pytest.mark.parametrize("library", OF_TORCH)
@pytest.mark.parametrize("scale", [1.0, 1.7])
@pytest.mark.parametrize("seed", range(3))
def test_every_library_applies_the_matrix(library, image, scale, seed):
    required(library)
    if library == "zuko" and image:
        pytest.skip("zuko has no images")
    W = scale * glow(8, seed)
    assert_is(to_module(flows(W), library=library, image=image), library, W, image)


@pytest.mark.parametrize("library", OF_TORCH)
def test_exact_flows_and_scales_in_one_entry(library):
    required(library)
    W = np.array([[1, 2, 0, 1], [0, 1, 3, 0], [1, 0, 1, 1], [2, 1, 0, 3]])
    assert_is(to_module(factor(W), library=library), library, W.astype(float), None)


@pytest.mark.parametrize("library", OF_TORCH)
def test_unequal_halves(library):
    required(library)
    flow = CouplingFlow(
        [
            LinearCoupling((1, 3), "second", [[1], [2], [3]], [2, 1, 1]),
            LinearCoupling((1, 3), "first", [[1, "1/2", 0]], [3]),
        ],
        flips=[2],
    )
    W = np.array(flow.matrix().tolist(), dtype=float)
    assert_is(to_module(flow, library=library), library, W, None)


@pytest.mark.parametrize("image", [VECTORS, IMAGES])
@pytest.mark.parametrize("partition", [(2, 2), [0, 1, 0, 1]])
@pytest.mark.parametrize("library", OF_TORCH)
def test_a_data_dependent_first_step(library, image, partition):
    """What `whiten` returns, mean included: data in, white noise out, and back."""
    required(library)
    if library == "zuko" and image:
        pytest.skip("zuko has no images")
    rng = np.random.default_rng(0)
    data = rng.standard_normal((4, 4)) @ rng.standard_normal((4, 500)) + 3
    Sigma, mean = np.cov(data), data.mean(axis=1)
    result = whiten(Sigma, mean=mean, partition=partition)
    forward, backward = directions(to_module(result, library=library, image=image), library)
    x = points(4, image) if image else torch.tensor(data.T)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        y, log_det = forward(x)
        back, inverse_log_det = backward(y)
    pixels = 1 if image is None else image[0] * image[1]
    vectors = x.movedim(1, -1).reshape(-1, 4).numpy().T
    expected = np.array(result.forward(vectors), dtype=float)
    assert np.allclose(y.movedim(1, -1).reshape(-1, 4).numpy().T, expected, atol=TOLERANCE)
    assert (back - x).abs().max() < TOLERANCE
    assert np.allclose(log_det, -np.linalg.slogdet(Sigma)[1] / 2 * pixels)
    assert np.allclose(inverse_log_det, -log_det)
    if not image:
        assert np.allclose(np.cov(y.numpy().T), np.eye(4))
        assert np.allclose(y.numpy().mean(axis=0), 0)


def test_a_mean_becomes_a_bias():
    result = whiten(np.diag([4.0, 1]), mean=[1, 2])
    assert to_module(result).bias.tolist() == [-0.5, -2]
    assert to_module(result, bias=[0.5, 3]).bias.tolist() == [0, 1]
    assert to_module(result).bias.requires_grad
    assert to_module(result.flow).bias is None
    assert to_module(whiten(np.eye(2))).bias is None
    bias = torch.nn.Linear(2, 2).bias
    assert to_module(factor(np.eye(2)), bias=bias).bias.tolist() == bias.tolist()


def test_additive_layers_are_exported_bit_by_bit():
    required("normflows")
    layer = LinearCoupling((1, 1), "second", [[0.1]])
    x = torch.tensor([[3.0, 0.7]], dtype=torch.float64)
    expected = 0.7 + 0.1 * 3.0
    with torch.no_grad():
        for library in ("torch", "normflows"):
            forward, _ = directions(to_module(CouplingFlow([layer]), library=library), library)
            assert forward(x)[0][0, 1].item() == expected


def read_and_apply(module, apply, d: int, image=None) -> np.ndarray:
    """Assert that the linear map read from a module is what the module applies; return W."""
    linear = linear_map(module)
    x = points(d, image)
    with torch.no_grad():
        y = apply(x)
    bias = torch.tensor(linear.bias_or_zeros).reshape(-1, *[1] * (x.ndim - 2))
    assert (y - applied(linear.matrix, x) - bias).abs().max() <= TOLERANCE * d
    return linear.matrix


def normflows_modules(d):
    flows = required("normflows").flows
    for lu in (False, True):
        convolution = flows.Invertible1x1Conv(d, use_lu=lu).double()
        yield convolution, lambda x, m=convolution: m.inverse(x)[0], IMAGES
        affine = flows.InvertibleAffine(d, use_lu=lu).double()
        yield affine, lambda x, m=affine: m.inverse(x)[0], VECTORS
    for mode in ("shuffle", "swap"):
        permute = flows.Permute(d, mode)
        yield permute, lambda x, m=permute: m.inverse(x)[0], VECTORS
    linear = flows.LULinearPermute(d, identity_init=False).double()
    torch.nn.init.normal_(linear.linear.bias)
    yield linear, lambda x: linear.inverse(x)[0], VECTORS
    normalization = flows.ActNorm((d, 1, 1)).double()
    normalization(points(d, IMAGES) * 3 + 1)
    yield normalization, lambda x: normalization.inverse(x)[0], IMAGES


def nflows_modules(d, library="nflows"):
    required(library)
    name = "nflows.transforms" if library == "nflows" else "glasflow.nflows.transforms"
    transforms = pytest.importorskip(name)
    convolution = transforms.OneByOneConvolution(d, identity_init=False).double()
    torch.nn.init.normal_(convolution.bias)
    yield convolution, lambda x: convolution(x)[0], IMAGES
    for module in (
        transforms.LULinear(d, identity_init=False),
        transforms.NaiveLinear(d),
        transforms.QRLinear(d, 3),
        transforms.SVDLinear(d, 4, identity_init=False),
        transforms.HouseholderSequence(d, 3),
        transforms.ActNorm(d),
        transforms.RandomPermutation(d),
        transforms.ReversePermutation(d),
    ):
        module = module.double().eval()
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter)
        yield module, lambda x, m=module: m(x)[0], VECTORS


def glasflow_modules(d):
    yield from nflows_modules(d, "glasflow")


def freia_modules(d):
    required("freia")
    modules = pytest.importorskip("FrEIA.modules")
    weight = torch.randn(d, d, dtype=torch.float64)
    convolution = modules.Fixed1x1Conv([(d, *IMAGES)], M=weight)
    yield convolution, lambda x: convolution([x])[0][0], IMAGES
    linear = modules.FixedLinearTransform([(d,)], M=weight, b=torch.randn(d).double())
    yield linear, lambda x: linear([x])[0][0], VECTORS
    orthogonal = modules.OrthogonalTransform([(d,)]).double()
    yield orthogonal, lambda x: orthogonal([x])[0][0], VECTORS
    for fixed in (False, True):
        reflections = modules.HouseholderPerm([(d,)], n_reflections=3, fixed=fixed).double()
        yield reflections, lambda x, m=reflections: m([x])[0][0], VECTORS
    normalization = modules.ActNorm([(d,)]).double()
    normalization([3 * points(d, VECTORS) + 1])
    yield normalization, lambda x: normalization([x])[0][0], VECTORS
    permutation = modules.PermuteRandom([(d,)])
    yield permutation, lambda x: permutation([x])[0][0], VECTORS
    for soft in (False, True):
        block = modules.AllInOneBlock(
            [(d,)], subnet_constructor=torch.nn.Linear, permute_soft=soft, global_affine_init=1.0
        ).double()
        yield block, lambda x, m=block: m.permute_function(x, m.w_perm), VECTORS


def torch_modules(d):
    for bias in (False, True):
        convolution = torch.nn.Conv2d(d, d, 1, bias=bias).double()
        yield convolution, convolution, IMAGES
        linear = torch.nn.Linear(d, d, bias=bias).double()
        yield linear, linear, VECTORS


def zuko_modules(d):
    transforms = required("zuko").transforms
    entries = torch.randn(d, d, dtype=torch.float64)
    for transform in (
        transforms.LULinearTransform(entries),
        transforms.RotationTransform(entries),
        transforms.PermutationTransform(torch.randperm(d)),
    ):
        yield transform, transform, VECTORS
    lazy = zuko_lazy()(transforms.RotationTransform, entries)
    yield lazy, lazy(), VECTORS


def zuko_lazy():
    return pytest.importorskip("zuko.lazy").UnconditionalTransform


READERS = {
    "torch": torch_modules,
    "normflows": normflows_modules,
    "nflows": nflows_modules,
    "glasflow": glasflow_modules,
    "freia": freia_modules,
    "zuko": zuko_modules,
}


@pytest.mark.parametrize("library", READERS)
def test_matrices_are_what_the_modules_apply(library):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for module, apply, image in READERS[library](6):
            read_and_apply(module, apply, 6, image)


@pytest.mark.slow
@pytest.mark.parametrize("library", READERS)
def test_round_trip_of_initial_weights_over_many_seeds(library):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in range(15):
            torch.manual_seed(seed)
            np.random.seed(seed)
            for module, apply, image in READERS[library](8):
                W = read_and_apply(module, apply, 8, image)
                if library == "zuko" and image:
                    continue
                exported = to_module(flows(W), library=library, image=image)
                assert_is(exported, library, W, image)


def test_float32_weights_are_taken_exactly():
    module = SimpleNamespace()
    with pytest.raises(InvalidInputError, match="a linear layer of torch"):
        linear_map(module)
    flows = required("normflows").flows
    convolution = flows.Invertible1x1Conv(4)
    matrix = linear_map(convolution).matrix
    assert (matrix.astype(np.float32) == convolution.W.detach().numpy()).all()
    assert convolution.W.dtype == torch.float32


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (torch.nn.Linear(2, 3), r"square.*\(3, 2\)"),
        (torch.nn.Conv2d(2, 2, 3), r"square.*\(2, 2, 3, 3\)"),
        (torch.nn.Conv2d(2, 2, 1, stride=2), "stride"),
        (torch.nn.Conv2d(2, 2, 1, padding=1), "padding"),
        (torch.nn.Linear(2, 2, device="meta"), "weights on the meta device"),
        (torch.zeros(2, 2), "got torch.Tensor: pass the matrix"),
        (torch.nn.ReLU(), "of torch .Linear"),
        ("conv.weight", "got builtins.str"),
    ],
)
def test_what_has_no_matrix(module, message):
    with pytest.raises(InvalidInputError, match=message):
        linear_map(module)


@pytest.mark.parametrize("kind", ["weight_norm", "hook", "forward", "ActNorm"])
def test_what_may_apply_another_map_than_its_weights_is_not_read(kind):
    module = torch.nn.Linear(2, 2)
    if kind == "weight_norm":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # this form of weight_norm is old
            torch.nn.utils.weight_norm(module)
        module.weight_g.data *= 2  # the weight changes when the module runs
    elif kind == "hook":
        module.register_forward_hook(lambda *arguments: 2 * arguments[2])
    elif kind == "forward":
        module.forward = lambda x: 2 * x
    else:
        module = required("normflows").flows.ActNorm(2)
    with pytest.raises(
        InvalidInputError,
        match=r"applies its weights, got \w+ with .*: (remove it|run it on data) first",
    ):
        linear_map(module)


def test_results_are_taken_as_they_are():
    W = glow(6)
    assert_is(to_module(balance(W, orientation="flip")), "torch", W, None)


def test_bad_requests():
    flow = CouplingFlow([LinearCoupling((1, 2), "second", [[1], [1]])])
    with pytest.raises(InvalidInputError, match="library to be one of 'torch'"):
        to_module(flow, library="tensorflow")
    with pytest.raises(InvalidInputError, match="vectors only: move the channels to the last axis"):
        to_module(flow, library="zuko", image=(2, 2))
    for bias in ([1, 2], [1, 2, float("nan")], "abc", [[1, 2, 3]]):
        with pytest.raises(InvalidInputError, match="3 finite numbers as bias"):
            to_module(flow, bias=bias)


def test_a_library_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "zuko", None)
    with pytest.raises(MissingExtraError, match=r"a module of zuko needs .*'exactflow\[zuko\]'"):
        to_module(CouplingFlow([LinearCoupling((1, 1), "first", [[1]])]), library="zuko")
