"""Modules as they are used: printed, trained, saved and loaded, compiled, exported."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
from interop.modules import OF_TORCH, descend, directions, in_onnxruntime, required

from exactflow import CouplingFlow, LinearCoupling, factor, permutation
from exactflow.floats.balancing import balance
from exactflow.interop import to_module
from exactflow.interop.modules import FlowModule, IdentityModule
from exactflow.testing import assert_invertible

W = np.random.default_rng(0).standard_normal((6, 6))
FLOWS = {
    "balanced": lambda: balance(W, orientation="flip").flow,
    "masked": lambda: balance(W, orientation="flip", partition=[0, 1, 0, 1, 1, 0]).flow,
    "permutation": lambda: factor(permutation(np.roll(np.arange(40), 2).tolist())),
    "scaled": lambda: CouplingFlow(
        [LinearCoupling((1, 2), "second", [[1], [0]], [2, "1/3"])], flips=[1]
    ),
    "none": lambda: CouplingFlow([], (1, 1)),
}
SHAPES = [(), (3,), (2, 3), (1, 2, 2)]


def batch(d: int, shape=(), n: int = 4):
    return torch.tensor(np.random.default_rng(d).standard_normal((n, d, *shape)))


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [0, 1, 4])
def test_every_shape_and_size(name, shape, n):
    flow = FLOWS[name]()
    module = to_module(flow, bias=np.arange(flow.dimension))
    x = batch(flow.dimension, shape, n)
    M = torch.tensor(np.array(flow.matrix().tolist(), dtype=float))
    bias = torch.arange(flow.dimension).reshape(-1, *[1] * len(shape))
    with torch.no_grad():
        y, log_det = module(x)
        _, inverse = module.inverse(y)
        assert_invertible(module, x, tol=1e-11)
    assert y.shape == x.shape
    assert torch.allclose(y, torch.einsum("ij,nj...->ni...", M, x) + bias, atol=1e-12)
    expected = torch.linalg.slogdet(M)[1] * np.prod(shape)
    assert torch.allclose(log_det, expected.expand(n), atol=1e-12)
    assert torch.equal(inverse, -log_det)


@pytest.mark.parametrize("library", OF_TORCH)
def test_saved_and_loaded(library):
    required(library)
    x = batch(6)
    for name in ("balanced", "masked"):
        module = to_module(FLOWS[name](), library=library, bias=np.ones(6))
        other = to_module(FLOWS[name](), library=library, bias=np.zeros(6))
        other.load_state_dict(module.state_dict())
        buffer = io.BytesIO()
        torch.save(module, buffer)
        buffer.seek(0)
        loaded = torch.load(buffer, weights_only=False)
        copies = [other, pickle.loads(pickle.dumps(module)), copy.deepcopy(module), loaded]
        for again in copies:
            for one, two in zip(
                directions(module, library), directions(again, library), strict=True
            ):
                assert torch.equal(one(x)[0], two(x)[0])


@pytest.mark.parametrize("name", FLOWS)
def test_a_module_is_rebuilt_from_its_state_alone(name):
    flow = FLOWS[name]()
    module = to_module(flow)
    again = FlowModule.from_state({k: v.clone() for k, v in module.state_dict().items()})
    x = batch(flow.dimension)
    assert torch.equal(module(x)[0], again(x)[0])
    assert [n for n, _ in module.named_parameters()] == [n for n, _ in again.named_parameters()]


def test_what_a_module_is_printed_as():
    assert repr(to_module(factor([[1, 0.5], [3, 7]]))) == (
        "FlowModule(\n  (layers): ModuleList(\n"
        "    (0): CouplingModule(moves='second', scaled=True)\n"
        "    (1): CouplingModule(moves='first', scaled=True)\n  )\n)"
    )


def test_the_state_of_other_layers_is_refused():
    one, two = (to_module(factor(m)) for m in ([[2, 1], [1, 1]], [[1, 2], [0, 1]]))
    with pytest.raises(ValueError, match="expected the state of a module with layout"):
        one.load_state_dict(two.state_dict())
    with pytest.raises(ValueError, match="identity"):
        IdentityModule().load_state_dict({"_extra_state": torch.tensor([1, 1])})
    IdentityModule().load_state_dict(IdentityModule().state_dict())


def trained(module, steps: int = 40):
    """Train towards a determinant of zero, with a large rate."""
    x = batch(3, n=64)
    for _ in range(steps):
        descend(module(x)[1].mean(), module, 0.5)
    return module


def test_training_keeps_scales_positive_and_the_map_invertible():
    module = trained(to_module(FLOWS["scaled"]()))
    scales = module.layers[0].scales()
    assert (scales > 0).all()
    assert (scales < 1e-6).all()
    x = batch(3)
    assert torch.allclose(module.inverse(module(x)[0])[0], x, atol=1e-6)


def test_additive_layers_have_no_scale_and_untrained_scales_are_exact():
    additive = to_module(FLOWS["permutation"]())
    assert not any("scale" in name or "gain" in name for name, _ in additive.named_parameters())
    assert torch.equal(
        to_module(FLOWS["scaled"]()).layers[0].scales(),
        torch.tensor([2.0, 1 / 3], dtype=torch.float64),
    )


def test_wide_permutations():
    flow = factor(permutation(np.roll(np.arange(1000), 100).tolist()))
    x = batch(1000).float()
    assert torch.allclose(to_module(flow).float()(x)[0], torch.roll(x, 100, 1), atol=1e-5)


@pytest.mark.parametrize("name", ["masked", "permutation", "scaled"])
def test_gradients_are_those_of_the_map(name):
    module = to_module(FLOWS[name]())
    x = batch(FLOWS[name]().dimension, (2,), 2).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: module(x), (x,))
    assert torch.autograd.gradcheck(lambda x: module.inverse(x), (x,))


class Inverse(torch.nn.Module):
    """The other direction of a module, as the exporters want it."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, y):
        """Return the preimage and the log-determinant."""
        return self.module.inverse(y)


@pytest.mark.parametrize("name", ["masked", "permutation"])
def test_torch_export_with_any_number_of_rows(name):
    module = to_module(FLOWS[name](), bias=np.ones(FLOWS[name]().dimension))
    x = batch(module(batch(FLOWS[name]().dimension))[0].shape[1], (2, 3))
    for direction in (module, Inverse(module)):
        sizes = {0: torch.export.Dim("n"), 2: torch.export.Dim("h"), 3: torch.export.Dim("w")}
        program = torch.export.export(direction, (x,), dynamic_shapes=(sizes,)).module()
        for shape, n in (((2, 3), 4), ((4, 5), 7)):
            z = batch(x.shape[1], shape, n)
            for one, two in zip(program(z), direction(z), strict=True):
                assert torch.allclose(one, two, atol=1e-12)


@pytest.mark.slow
def test_torch_compile():
    module = to_module(FLOWS["masked"](), bias=np.ones(6))
    for direction in (module, Inverse(module)):
        compiled = torch.compile(direction, fullgraph=True, backend="aot_eager", dynamic=True)
        for n in (3, 5):
            x = batch(6, (2, 2), n)
            for one, two in zip(compiled(x), direction(x), strict=True):
                assert torch.allclose(one, two, atol=1e-12)


@pytest.mark.parametrize("name", ["masked", "permutation", "scaled"])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_onnx_in_both_directions(name, shape):
    d = FLOWS[name]().dimension
    module = to_module(FLOWS[name](), bias=np.ones(d)).float().eval()
    for direction in (module, Inverse(module)):
        run = in_onnxruntime(direction, batch(d, shape).float(), ["y", "log_det"])
        x = batch(d, shape, 7).float()
        with torch.no_grad():
            for one, two in zip(run(x), direction(x), strict=True):
                assert torch.allclose(one, two, atol=1e-5)
