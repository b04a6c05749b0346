"""Zero padding and Gaussian padding, trained side by side: one is ill-conditioned, one is not."""

import pytest

torch = pytest.importorskip("torch")

from interop.toy_flows import Affine, Linear, Model  # noqa: E402

from exactflow.interop import diagnose  # noqa: E402


class Free(Affine):
    """An affine coupling whose scale training may drive anywhere."""

    def parameters_of(self, kept):
        return self.net(kept).chunk(2, 1)


def trained(is_zero, steps=150):
    """Train on curved data in a plane of R^4, padded; return the model in float32, and data.

    A fixed rotation stands first: the plane is not that of the first coordinates.
    """
    torch.manual_seed(0)
    draw = torch.Generator().manual_seed(1)
    Q = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))[0]
    flow = Model(Linear(Q).requires_grad_(False), *(Free(4) for _ in range(3))).double()
    optimizer = torch.optim.Adam(flow.parameters(), lr=0.03)
    mixed = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    for _ in range(steps):
        plane = torch.randn(128, 2, generator=draw)
        plane = plane @ mixed + 0.3 * torch.sin(2 * plane.flip(1))
        pads = torch.zeros(128, 2) if is_zero else torch.randn(128, 2, generator=draw)
        x = torch.cat([plane, pads], 1).double() @ Q
        z, log_det = flow(x)
        loss = (z.square().sum(1) / 2 - log_det).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
        optimizer.step()
    return flow.eval().float(), x[:16].detach()


@pytest.fixture(scope="module", params=[True, False], ids=["zero", "gaussian"])
def case(request):
    return request.param, *trained(request.param)


def test_the_condition_number_tells_them_apart(case):
    is_zero, flow, x = case
    found = diagnose(flow, x)
    worst = max(found.layers, key=lambda layer: layer.condition)
    assert (worst.condition > 1e4) == is_zero
    assert found.round_trip_error < 1e-3  # data does: the pads are scaled up, and down again
