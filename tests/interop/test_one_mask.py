"""Affine-coupling models of the libraries under one mask: equal, with the networks of the model."""

from itertools import pairwise

import numpy as np
import pytest
from interop.modules import library, onnx_session

from exactflow.errors import InvalidInputError

torch = library("torch")
nn = torch.nn
one_mask = pytest.importorskip("exactflow.interop.masked").one_mask

D = 6


def network(d_in, d_out):
    return nn.Sequential(nn.Linear(d_in, 12), nn.Tanh(), nn.Linear(12, d_out))


def masks(kind):
    generator = torch.Generator().manual_seed(0)
    for k in range(4):
        if kind == "checkerboard":
            yield torch.tensor([float((i + k) % 2) for i in range(D)])
        else:
            yield torch.tensor([1.0] * 3 + [0.0] * 3)[torch.randperm(D, generator=generator)]


def of_normflows(kind):
    nf = library("normflows")
    flows = []
    for mask in masks(kind):
        flows.append(nf.flows.MaskedAffineFlow(mask, network(D, D), network(D, D)))
        if kind == "permutations":
            flows += [nf.flows.Permute(D), nf.flows.ActNorm(D)]
        if kind == "linear":
            flows += [nf.flows.LULinearPermute(D)]
    if kind == "blocks":
        flows = [
            nf.flows.AffineCouplingBlock(network(D // 2, D), split_mode=mode)
            for mode in ("channel", "channel_inv", "checkerboard", "channel")
        ]
    return nf.NormalizingFlow(nf.distributions.DiagGaussian(D), flows)


def of_nflows(kind):
    library("nflows")
    from nflows import distributions, flows
    from nflows import transforms as t

    class Net(nn.Module):
        def __init__(self, inside, outside):
            super().__init__()
            self.net = network(inside, outside)

        def forward(self, x, context=None):
            return self.net(x)

    parts = []
    for mask in masks(kind):
        kinds = t.AffineCouplingTransform, t.AdditiveCouplingTransform
        parts.append(kinds[len(parts) % 2](mask, Net))
        if kind == "permutations":
            parts += [t.ReversePermutation(D), t.RandomPermutation(D)]
        if kind == "linear":
            parts.append(t.LULinear(D))
    return flows.Flow(t.CompositeTransform(parts), distributions.StandardNormal([D]))


def of_freia(kind):
    library("FrEIA")
    import FrEIA.framework as ff
    import FrEIA.modules as fm

    model = ff.SequenceINN(D)
    for k, block in enumerate((fm.GLOWCouplingBlock, fm.RNVPCouplingBlock, fm.NICECouplingBlock)):
        model.append(block, subnet_constructor=network)
        if kind in ("permutations", "linear"):
            model.append(fm.PermuteRandom, seed=k)
    return model


def of_zuko(kind):
    zuko = library("zuko")
    if kind == "random":
        return zuko.flows.RealNVP(D, transforms=4, randmask=True, hidden_features=(8,))
    return zuko.flows.NICE(D, transforms=4, hidden_features=(8,))


MODELS = [
    *(
        (of_normflows, kind)
        for kind in ("checkerboard", "random", "permutations", "linear", "blocks")
    ),
    *((of_nflows, kind) for kind in ("checkerboard", "random", "permutations", "linear")),
    *((of_freia, kind) for kind in ("random", "permutations")),
    *((of_zuko, kind) for kind in ("checkerboard", "random")),
]


def made(build, kind, dtype=torch.float64):
    torch.manual_seed(1)
    model = build(kind).to(dtype)
    for parameter in filter(torch.is_floating_point, model.parameters()):
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model, torch.randn(16, D, dtype=dtype)


@pytest.mark.parametrize(("build", "kind"), MODELS)
def test_a_model_under_one_mask_equals_it(build, kind):
    model, x = made(build, kind)
    if kind == "permutations" and build is of_normflows:
        model.inverse(x)  # an ActNorm takes its numbers from the first batch
    found = one_mask(model, x)
    assert found.error < 1e-12
    assert found.log_det_error < (1e-6 if build is of_normflows else 1e-12)  # it sums in float32
    assert found.after == len(found.module.layers)
    assert found.bound is None or found.after <= found.bound
    with torch.no_grad():
        z, log_det = found.module(x)
        back, inverse_log_det = found.module.inverse(z)
    torch.testing.assert_close(back, x, rtol=0, atol=1e-10)
    torch.testing.assert_close(inverse_log_det, -log_det, rtol=0, atol=1e-10)


@pytest.mark.parametrize("mask", [[1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 1, 0], (3, 3)])
def test_each_layer_moves_one_half_in_turn(mask):
    model, x = made(of_normflows, "random")
    found = one_mask(model, x, mask)
    assert found.error < 1e-12
    p, z = found.partition[0], x[:, list(found.order)]
    halves = []
    with torch.no_grad():
        for layer in found.module.layers:
            y = z
            for part in layer:
                y, _ = part(y)
            moved = (y != z).any(0)
            halves.append("first" if moved[:p].any() else "second")
            assert not (moved[:p].any() and moved[p:].any())
            z = y
    assert all(a != b for a, b in pairwise(halves))


def test_the_networks_are_those_of_the_model():
    model, x = made(of_nflows, "random")
    found = one_mask(model, x)
    own = {id(parameter) for parameter in model.parameters()}
    assert {id(parameter) for parameter in found.module.parameters()} <= own
    optimizer = torch.optim.SGD(found.module.parameters(), lr=1e-2)
    before = model.log_prob(x).mean().item()
    z, log_det = found.module(x)
    loss = (z.pow(2).sum(1) / 2 - log_det).mean()
    loss.backward()
    optimizer.step()
    assert model.log_prob(x).mean().item() > before


def test_float32_and_a_copy_in_float64():
    model, x = made(of_normflows, "permutations", torch.float32)
    model.inverse(x)
    found = one_mask(model, x)
    assert found.error < 1e-4
    assert found.module(x)[0].dtype == torch.float32


def test_onnx():
    model, x = made(of_normflows, "random", torch.float32)
    found = one_mask(model, x)
    session = onnx_session(found.module.eval(), x, ["z", "log_det"])
    z, log_det = session.run(None, {"x": x.numpy()})
    with torch.no_grad():
        expected, total = found.module(x)
    np.testing.assert_allclose(z, expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(log_det, total.numpy(), atol=1e-5)


def test_a_model_of_ones_own_whose_layers_are_its_steps():
    flow, x = made(of_nflows, "checkerboard")

    class Own(nn.Module):
        def __init__(self, steps):
            super().__init__()
            self.steps = steps

        def forward(self, x):
            return flow._transform(x)

    transforms = flow._transform._transforms
    found = one_mask(Own(transforms), x)
    assert (found.before, found.error) == (4, one_mask(flow, x).error)
    with pytest.raises(InvalidInputError, match="not with a spline"):
        one_mask(Own(3), x)


def test_what_reads_aloud():
    model, x = made(of_normflows, "checkerboard")
    text = str(one_mask(model, x))
    assert text.startswith("4 couplings are 4 under one mask (the theorem: at most 12)")


def test_refusals():
    nf = library("normflows")
    zuko = library("zuko")
    x = torch.randn(4, D)
    spline = nf.NormalizingFlow(
        nf.distributions.DiagGaussian(D), [nf.flows.CoupledRationalQuadraticSpline(D, 1, 8)]
    )
    with pytest.raises(InvalidInputError, match="not with a spline"):
        one_mask(spline, x)
    with pytest.raises(InvalidInputError, match="spline"):
        one_mask(zuko.flows.NSF(D, transforms=1), x)
    with pytest.raises(InvalidInputError, match=r"shape \(N, d\)"):
        one_mask(spline, x[None])
    with pytest.raises(InvalidInputError, match="N > 0"):
        one_mask(spline, x[:0])
    with pytest.raises(InvalidInputError, match=r"move 4 or 2 of 6 .* one that moves 3"):
        one_mask(made(of_normflows, "checkerboard")[0], x.double(), mask=(4, 2))
    linear = nf.NormalizingFlow(nf.distributions.DiagGaussian(D), [nf.flows.LULinearPermute(D)])
    with pytest.raises(InvalidInputError, match="affine couplings, got none"):
        one_mask(linear, x)
    with pytest.raises(InvalidInputError, match="expected"):
        one_mask(made(of_normflows, "random", torch.float32)[0], x, mask=[1, 0])
