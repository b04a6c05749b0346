"""What a converted model keeps: types, modes, training, contexts, the interface of each layer."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from interop.modules import data, descend, library, linear
from torch import nn

from exactflow.interop import convert


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("trained", [True, False])
def test_what_is_kept(dtype, training, trained):
    model = nn.Sequential(linear(), nn.Tanh(), linear(bias=False)).to(dtype).train(training)
    model[0].requires_grad_(trained)
    new, report = convert(model, data(5, 4).to(dtype))
    assert {p.dtype for p in new.parameters()} == {dtype}
    assert {m.training for m in new.modules()} == {training}
    assert {p.requires_grad for p in new[0].parameters()} == {trained}
    assert {p.requires_grad for p in new[2].parameters()} == {True}
    assert [layer.couplings.bias is None for layer in (new[0], new[2])] == [False, True]
    eps = torch.finfo(dtype).eps
    for layer in report.layers:
        assert layer.error < 10 * eps
        assert (layer.error < 1e-15) == (dtype == torch.float64)


def test_the_error_is_exact():
    model = linear()
    new, report = convert(model)
    (layer,) = report.layers
    product = np.eye(4, dtype=object)
    for coupling in new.couplings.layers:
        A = np.array([[Fraction(float(i == j)) for j in range(4)] for i in range(4)])
        moved = slice(2) if coupling.moves == "first" else slice(2, 4)
        kept = slice(2, 4) if coupling.moves == "first" else slice(2)
        weight = coupling.weight.detach().double().numpy()
        scale = coupling.scales()
        scale = np.ones(2) if scale is None else scale.detach().double().numpy()
        A[moved, kept] = np.vectorize(Fraction, otypes=[object])(weight)
        A[moved, moved] = np.diag([Fraction(s) for s in scale.tolist()])
        product = A @ product
    signs = np.ones(4) if new.couplings.signs is None else new.couplings.signs.double().numpy()
    W = np.vectorize(Fraction, otypes=[object])(model.weight.detach().double().numpy() * signs)
    assert layer.error == abs(W - product).max() > 0


def test_training_goes_on():
    new, _ = convert(nn.Sequential(linear(), nn.Tanh(), linear()), data(8, 4))
    x, goal = data(64, 4), torch.flip(data(64, 4), (1,)).tanh()
    losses = []
    for _ in range(60):
        loss = ((new(x) - goal) ** 2).mean()
        descend(loss, new, 0.2)
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert torch.allclose(new[0].inverse(new[0](x)), x, atol=1e-5)


def test_the_model_itself_may_be_the_layer():
    for model, x in (
        (linear(), data(2, 3, 4)),
        (linear(), data(4)),
        (nn.Conv2d(4, 4, 1), data(2, 4, 3, 3)),
        (nn.Conv2d(4, 4, 1), data(4, 3, 3)),
    ):
        new, report = convert(model, x)
        assert torch.allclose(new(x), model(x), atol=1e-5)
        assert torch.allclose(new.inverse(new(x)), x, atol=1e-4)
        assert report.table_head_and_rows()[1][0] == "(model)"


@pytest.mark.parametrize("size", [1e-30, 1e30])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_weights_of_any_size(size, dtype):
    layer = linear(bias=False).to(dtype)
    layer.weight.data *= size
    x = data(5, 4).to(dtype)
    new, report = convert(layer, x)
    assert report.layers[0].relative_error < 10 * torch.finfo(dtype).eps
    assert report.latent_difference < 1e-5 * size
    assert torch.allclose(new.inverse(new(x)), x, atol=1e-4)


@pytest.mark.filterwarnings("ignore:torch.lu is deprecated")
def test_a_context_reaches_the_couplings_that_take_one():
    nf = library("normflows")
    flows = [
        nf.flows.AutoregressiveRationalQuadraticSpline(4, 1, 8, num_context_channels=2),
        nf.flows.LULinearPermute(4, False),
    ]
    model, example = nf.ConditionalNormalizingFlow(None, flows), (data(5, 4), data(5, 2))
    new, report = convert(model, example)
    assert report.layers[0].path == "flows.1"
    assert torch.allclose(new.inverse(*example), model.inverse(*example), atol=1e-5)
