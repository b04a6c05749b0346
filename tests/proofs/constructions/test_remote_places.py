"""Places far apart: the flow rectangle by rectangle, and its KL against the closed form."""

import numpy as np
import pytest
from flint import ctx
from sympy import QQ

from exactflow.flows.nonlinear import PiecewiseFlow
from proofs.constructions.remote_places import entropy, place_remotely

SHARE = QQ(3, 4)


@pytest.fixture(scope="module")
def zones():
    return place_remotely(SHARE, QQ(3, 2), lanes=2, blocks=4, groups=5, radius=QQ(3), repeats=2)


@pytest.mark.slow
def test_cells_go_to_their_places_by_diagonal_maps(zones):
    """Spike and body of a zone are the distance apart, whatever the group is."""
    inverse = PiecewiseFlow(list(zones.layers((QQ(1, 1024),)))).inverse()
    for zone, groups in zip(
        zones.zones, zones.group_start_and_length_by_zone_and_block, strict=True
    ):
        spike, body = (cell.place for cell in zone.cells)
        assert abs(body[0] - spike[0]) == QQ(3, 2)
        for block, (x, length) in zip(zone.blocks, groups, strict=True):
            for k in range(len(block.shifts)):
                for cell in zone.cells:
                    scale = length / cell.place_length_in_z1
                    point = x + (k + QQ(1, 3)) * length, cell.low + cell.width / 3
                    image = inverse.forward(list(map(QQ.to_sympy, point)))
                    assert image[0] == QQ.to_sympy(cell.place[0] + cell.place_length_in_z1 / 3)
                    jacobian = inverse.jacobian(list(map(QQ.to_sympy, point)))
                    assert jacobian.is_diagonal()
                    assert jacobian[0, 0] == QQ.to_sympy(1 / scale)
                    assert jacobian[1, 1] == QQ.to_sympy(1 / cell.scale)


def test_closed_form_is_the_mean_of_rectangles(zones):
    with ctx.workprec(128):
        _, (cells, _) = zones.choose_margin_share_and_bound_kl_terms(entropy(SHARE), QQ(1, 100))
    generator, count = np.random.default_rng(0), 400_000
    flow = PiecewiseFlow(list(zones.layers((QQ(1, 2**40),)))).inverse()
    in_body = generator.random(count) > float(SHARE)
    x = np.stack([generator.random(count), (generator.random(count) + in_body) / 2])
    latents = flow.forward(x)
    density = np.log(2 * np.where(in_body, 1 - float(SHARE), float(SHARE)))
    lost = density + np.log(2 * np.pi) + (latents**2).sum(axis=0) / 2 - flow.log_abs_det(x)
    assert abs(lost.mean() - float(cells)) < 5 * lost.std() / np.sqrt(count)


def test_far_places_lose_less_than_the_deficit():
    zones = place_remotely(SHARE, QQ(1), lanes=12, blocks=40, groups=100, radius=QQ(7, 2))
    with ctx.workprec(128):
        _, (cells, ramps) = zones.choose_margin_share_and_bound_kl_terms(entropy(SHARE), QQ(1, 100))
        assert cells + ramps < entropy(SHARE) / 3
