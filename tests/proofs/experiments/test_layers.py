"""Every partial product is the product of the layers that it names."""

import numpy as np

from proofs.experiments.layers import layer_matrices, moved_and_kept, partial_products


def test_a_layer_scales_and_shifts_one_half():
    generator = np.random.default_rng(0)
    T, t, x = (generator.standard_normal(shape) for shape in ((3, 2, 2), (3, 2), 4))
    for i, layer in enumerate(layer_matrices(T, t)):
        moved, kept = moved_and_kept(i, 2)
        y = layer @ x
        assert (y[kept] == x[kept]).all()
        assert np.allclose(y[moved], np.exp(t[i]) * x[moved] + T[i] @ x[kept])


def test_partial_products():
    layers = list(np.random.default_rng(0).standard_normal((4, 2, 2)))
    (whole, *after), before = partial_products(layers)
    a, b, c, d = layers
    for found, expected in (
        (whole, d @ c @ b @ a),
        (before[-1], d @ c @ b @ a),
        *zip(after, (d @ c @ b, d @ c, d, np.eye(2)), strict=True),
        *zip(before, (np.eye(2), a, b @ a, c @ b @ a, d @ c @ b @ a), strict=True),
    ):
        assert np.allclose(found, expected, rtol=1e-12)
