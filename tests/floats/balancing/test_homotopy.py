"""Paths lead where they should, through rotations, eigenvalues -1 included."""

import numpy as np
import pytest
from matrices import rotation

from exactflow.floats.balancing.homotopy import polar_path_segments, rotation_path


def rotations() -> list[np.ndarray]:
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    signs = np.diag([-1.0, 1, 1, -1])
    return [np.eye(4), -np.eye(4), turn, signs, np.kron(np.eye(2), turn), rotation(6)]


@pytest.mark.parametrize("Q", rotations())
def test_rotation_path(Q):
    turned, one = rotation_path(Q), np.eye(len(Q))
    assert np.allclose(turned(0), one, atol=1e-14)
    assert np.allclose(turned(1), Q, atol=1e-13)
    half = turned(0.5)
    assert np.allclose(half @ half, Q, atol=1e-13)
    assert np.allclose(half @ half.T, one, atol=1e-13)


@pytest.mark.parametrize("stretch", [1, 8])
def test_paths_are_connected_and_keep_the_determinant(stretch):
    d = 6
    generator = np.random.default_rng(stretch)
    logarithms = np.linspace(-stretch, stretch, d)
    M0, M = np.eye(d) + np.triu(generator.standard_normal((d, d)), 1), np.diag(np.exp(logarithms))
    pieces = polar_path_segments(M0, M)
    assert len(pieces) == (2 if stretch > 5 else 1)
    ends = [piece(t) for piece in pieces for t in (0, 1)]
    assert np.allclose(ends[0], M0)
    assert np.allclose(ends[-1], M)
    assert all(np.allclose(a, b) for a, b in zip(ends[1:-1:2], ends[2::2], strict=True))
    assert all(np.isclose(np.linalg.det(piece(0.3)), 1) for piece in pieces)
