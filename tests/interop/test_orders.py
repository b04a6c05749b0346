"""Orders, flips, scales and biases of one flow, in the modules of every library and dtype."""

import itertools

import numpy as np
import pytest
import torch
from interop.modules import OF_TORCH, directions, library, required

from exactflow import CouplingFlow, LinearCoupling, factor
from exactflow.interop import to_module
from exactflow.interop.modules import FlowModule

ORDER, FLIPS = (3, 0, 4, 1, 2), (1, 3)
BIAS = [1.0, -2.0, 3.0, -4.0, 5.0]
LAYERS = (
    LinearCoupling((2, 3), "first", [[1, 2, -3], [4, -5, 6]], [2, 3]),
    LinearCoupling((2, 3), "second", [[1, -1], [2, 0], [0, 3]]),
)
FLOWS = {
    " ".join(name for name, value in zip(("order", "flips", "bias"), values, strict=True) if value)
    or "layers alone": values
    for values in itertools.product(((), ORDER), ((), FLIPS), ([], BIAS))
}
MASK = [1, 0, 0, 1, 0]


def flow_of(name):
    """Return a flow and its bias; the order is no involution, and moves the flipped coordinates."""
    order, flips, bias = FLOWS[name]
    return CouplingFlow(LAYERS, order=order, flips=flips), bias or None


def images(flow, bias, x):
    """Return M x + bias for the rows of x."""
    matrix = np.array(flow.matrix().tolist(), dtype=float)
    return x @ matrix.T + (0 if bias is None else np.array(bias))


def assert_maps(module, name, flow, bias, dtype=torch.float64):
    x = torch.tensor(np.random.default_rng(0).standard_normal((4, 5))).to(dtype)
    forward, inverse = directions(module, name)
    with torch.no_grad():
        y, log_det = forward(x)
        back, inverse_log_det = inverse(y)
    expected = torch.tensor(images(flow, bias, x.double().numpy()))
    bound = 1e-4 if dtype is torch.float32 else 1e-12
    assert y.dtype == dtype
    assert (y - expected).abs().max() <= bound * expected.abs().max()
    assert (back - x).abs().max() <= 100 * bound
    due = float(flow.log_abs_det())
    assert (log_det - due).abs().max() <= bound
    assert (inverse_log_det + due).abs().max() <= bound


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", OF_TORCH)
@pytest.mark.parametrize("flow", FLOWS)
def test_modules_apply_order_flips_and_bias(flow, name, dtype):
    required(name)
    flow, bias = flow_of(flow)
    assert_maps(to_module(flow, library=name, bias=bias).to(dtype), name, flow, bias, dtype)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_state_restores_order_flips_and_bias(flow):
    flow, bias = flow_of(flow)
    module = FlowModule.from_state(to_module(flow, bias=bias).state_dict())
    assert_maps(module, "torch", flow, bias)


@pytest.mark.parametrize("name", ["torch", "normflows", "nflows", "glasflow", "freia"])
@pytest.mark.parametrize("flow", FLOWS)
def test_images_are_mapped_pixel_by_pixel(flow, name):
    required(name)
    flow, bias = flow_of(flow)
    forward, inverse = directions(to_module(flow, library=name, bias=bias, image=(2, 3)), name)
    x = torch.tensor(np.random.default_rng(0).standard_normal((4, 5, 2, 3)))
    with torch.no_grad():
        y, log_det = forward(x)
        back, _ = inverse(y)
    expected = images(flow, bias, x.movedim(1, -1).reshape(-1, 5).numpy())
    assert np.allclose(y.movedim(1, -1).reshape(-1, 5), expected, rtol=1e-12, atol=1e-12)
    assert torch.allclose(back, x, rtol=0, atol=1e-10)
    assert torch.allclose(log_det, torch.full((4,), 6 * float(flow.log_abs_det())).double())


@pytest.mark.parametrize("flow", FLOWS)
def test_flowjax_applies_order_flips_and_bias(flow):
    jax = library("jax")
    library("flowjax")
    flow, bias = flow_of(flow)
    module = to_module(flow, library="flowjax", bias=bias)
    x = np.random.default_rng(0).standard_normal(5)
    y, log_det = module.inverse_and_log_det(jax.numpy.asarray(x))
    back, inverse_log_det = module.transform_and_log_det(y)
    expected = images(flow, bias, x)
    assert np.abs(np.asarray(y) - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.abs(np.asarray(back) - x).max() <= 1e-3
    assert float(log_det) == pytest.approx(float(flow.log_abs_det()), abs=1e-5)
    assert float(inverse_log_det) == pytest.approx(-float(log_det), abs=1e-5)


@pytest.mark.parametrize("name", [*OF_TORCH, "flowjax"])
def test_masks_and_pads_are_applied(name):
    required(name)
    M = [[0, 1, 2, 0, 1], [1, 0, 0, 3, 0], [0, 2, 1, 1, 0], [1, 1, 0, 0, 1], [2, 0, 1, 0, 1]]
    for options in ({"partition": MASK, "orientation": "flip"}, {"orientation": "pad"}):
        flow = factor(M, **options)
        d = flow.dimension
        module = to_module(flow, library=name, accept_error=1)
        x = np.random.default_rng(0).standard_normal((3, d)).astype(np.float32)
        if name == "flowjax":
            y = np.stack([np.asarray(module.inverse(row)) for row in x])
        else:
            with torch.no_grad():
                y = directions(module, name)[0](torch.tensor(x).double())[0].numpy()
        expected = images(flow, None, x.astype(float))
        assert np.abs(y - expected).max() <= 1e-3 * np.abs(expected).max()
