"""A coupling of nflows that changes its kept half, too: `apply_unconditional_transform=True`.

It keeps no half, so that no linear layer may move through it; the layers around it are converted.
"""

import pytest

torch = pytest.importorskip("torch")

from interop.modules import library  # noqa: E402

from exactflow.interop import convert  # noqa: E402


class Net(torch.nn.Sequential):
    """A conditioner of nflows."""

    def __init__(self, inputs, outputs):
        super().__init__(torch.nn.Linear(inputs, 8), torch.nn.Tanh(), torch.nn.Linear(8, outputs))

    def forward(self, x, context=None):
        return super().forward(x)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("is_unconditional", [False, True])
def test_a_coupling_that_changes_both_halves(is_unconditional):
    t = library("nflows.transforms")
    torch.manual_seed(0)
    coupling = t.PiecewiseRationalQuadraticCouplingTransform(
        torch.tensor([1, -1, 1, -1]),
        Net,
        num_bins=4,
        tails="linear",
        tail_bound=3.0,
        apply_unconditional_transform=is_unconditional,
    )
    ends = [t.LULinear(4, identity_init=False) for _ in range(2)]
    model = t.CompositeTransform([ends[0], coupling, ends[1]]).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(std=0.5)
        x = torch.randn(50, 4, dtype=torch.float64)
        kept = coupling(x)[0][:, 1::2]
        assert torch.equal(kept, x[:, 1::2]) != is_unconditional
        new, report = convert(model, x)
        assert len(report.layers) == 2
        for one, two in zip(new(x), model(x), strict=True):
            assert torch.allclose(one, two, atol=1e-8)
        assert torch.allclose(new.inverse(new(x)[0])[0], x, atol=1e-6)
