"""Trained flows have what is forced at the distance of their images from the data."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
zuko = pytest.importorskip("zuko")

from exactflow.laws.conditioning import bound_conditioning  # noqa: E402
from proofs.experiments.distances import exact_w2  # noqa: E402
from proofs.experiments.training import draw  # noqa: E402

PLANE = ["four Gaussians", "Swiss roll", "checkerboard"]
POINTS, DRAWS = 100, 2000


def check(dataset, seed, steps):
    generator = torch.Generator().manual_seed(seed)
    points = draw(dataset, POINTS, generator)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        flow = zuko.flows.RealNVP(2, transforms=3 + seed % 3, hidden_features=(32,))
        optimizer = torch.optim.Adam(flow.parameters(), lr=1e-2)
        for _ in range(steps):
            optimizer.zero_grad()
            (-flow().log_prob(points).mean()).backward()
            optimizer.step()
        noise = torch.randn(DRAWS, 2, requires_grad=True)
    images, volumes = flow().transform.inv.call_and_ladj(noise)
    rows = [torch.autograd.grad(x.sum(), noise, retain_graph=True)[0] for x in images.T]
    used = float(torch.linalg.matrix_norm(torch.stack(rows, dim=1).double(), ord=2).max())
    images, volumes = images.detach().double().numpy(), volumes.detach().double().numpy()
    target = points.double().numpy()
    bounds = bound_conditioning(target, exact_w2(target, images[:POINTS]))
    assert bounds.lipschitz < used
    assert volumes.mean() - 4 * volumes.std() / DRAWS**0.5 < bounds.mean_log_det
    return float(bounds.mean_log_det) - volumes.mean()


@pytest.mark.parametrize("dataset", PLANE)
def test_three_flows(dataset):
    check(dataset, 0, 40)


@pytest.mark.slow
def test_eighteen_flows():
    slack = [check(PLANE[k % 3], k, (10, 60, 150)[k % 3]) for k in range(18)]
    assert np.median(slack) > 0
