"""The strip of a flow: what it draws is the flow's matrix, and the factors of it."""

import sys

import numpy as np
import pytest
import sympy

from exactflow import (
    append_swap,
    balance,
    cayley_rotation,
    factor,
    interpolate,
    permutation,
    random_matrix,
)
from exactflow.errors import InvalidInputError, MissingExtraError
from exactflow.exact.coerce import convert_to_common_field
from exactflow.flows.plot import _named_factors_left_to_right

pyplot = pytest.importorskip("matplotlib.pyplot")
pyplot.switch_backend("agg")

T = sympy.Symbol("t", positive=True)
SWAP = sympy.Matrix([[0, 1], [1, 0]])
WEIGHT = np.random.default_rng(0).normal(size=(6, 6)).astype(np.float32)
FLOWS = {
    "integers": factor(permutation([0, 1, 2, 4, 5, 3])),
    "identity": factor(sympy.eye(3)),
    "flip": factor(SWAP, orientation="flip"),
    "pads": factor(SWAP, orientation="pad"),
    "mask": factor(permutation([1, 2, 0, 3]), partition=[True, False, True, False]),
    "mask and flip": factor(permutation([1, 0, 2]), partition=[0, 1, 0], orientation="flip"),
    "unequal halves": factor(cayley_rotation([[0, 1, 2], [-1, 0, 1], [-2, -1, 0]])),
    "float32": factor(WEIGHT, orientation="flip"),
    "balanced": balance(WEIGHT, orientation="flip").flow,
    "number field": factor([[sympy.sqrt(2), 1], [1, sympy.sqrt(2)]]),
    "complex": factor([[sympy.I, 0], [0, -sympy.I]]),
    "beyond float64": factor(sympy.diag(sympy.Integer(10) ** 400, sympy.Rational(1, 10**400))),
}


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def texts(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_the_matrices_shown_multiply_to_the_first_one(flow):
    product = sympy.eye(flow.dimension)
    for _, matrix in _named_factors_left_to_right(flow):
        product = (product * matrix.to_Matrix()).applyfunc(sympy.expand)
    assert product == flow.matrix()


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
def test_one_axes_holds_the_matrix_and_each_factor(flow):
    axes = flow.plot()
    count = 1 + max(1, flow.depth + bool(flow.flips))
    assert len(axes.images) == count == len(flow.plot(target=False).images) + 1
    assert texts(axes).count("=") == 1
    axes.figure.canvas.draw()


def test_it_draws_into_the_axes_that_it_is_given():
    _, (above, below) = pyplot.subplots(2)
    assert FLOWS["integers"].plot(ax=below) is below
    assert (len(above.images), len(below.images)) == (0, 7)


def test_the_pixels_tell_signs_and_sizes():
    image = FLOWS["mask and flip"].plot().images[-1].get_array()
    red, blue = image[1, 1], image[0, 0]  # the flip negates coordinate 0
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert red[3] == blue[3] == 1
    assert image[0, 1][3] == 0


def test_short_entries_are_written_in_small_matrices():
    assert "-1" in texts(FLOWS["integers"].plot())
    assert "-1" not in texts(FLOWS["integers"].plot(entries=False))
    large = permutation([*range(1, 9), 0])
    assert "1" not in texts(factor(large).plot())
    assert "1" in texts(factor(large).plot(entries=True))


def test_captions_tell_the_largest_entry_and_logarithmic_colours():
    assert "M\nmax 1e400\nlog colours" in texts(FLOWS["beyond float64"].plot())
    assert "M\nmax 1" in texts(FLOWS["integers"].plot())
    assert "M" in texts(FLOWS["complex"].plot())  # no order, so no largest entry


def test_a_thousand_is_the_ratio_above_which_colours_are_logarithmic():
    for entry, is_logarithmic in ((1000, False), (1001, True)):
        shown = texts(factor([[1, entry], [0, 1]]).plot())
        assert any("log colours" in text for text in shown) == is_logarithmic


@pytest.mark.parametrize("flow", [FLOWS["integers"], factor(random_matrix(4, bits=2, seed=1))])
def test_a_flow_over_a_finite_field_is_grey(flow):
    over = factor(convert_to_common_field(flow.domain_matrix(), sympy.GF(10007)), scales="nonzero")
    pixels = over.plot().images[0].get_array()
    shown = pixels[pixels[..., 3] > 0]
    assert len(shown) > 0
    assert (np.ptp(shown[:, :3], axis=1) == 0).all()


def test_pads_are_drawn_with_the_matrix_that_has_them():
    flow = FLOWS["pads"]
    assert flow.matrix() == append_swap(SWAP)
    assert flow.plot().images[0].get_array().shape == (4, 4, 4)


@pytest.mark.parametrize(
    ("flow", "options", "said"),
    [
        (factor([[T, 1], [0, 1]]), {}, r"over QQ\(t\): replace .* flow.at"),
        (interpolate([[0, 1], [2, 3]], [[1, 1], [0, 5]]).flow, {}, "has no matrix"),
        (FLOWS["identity"], {"entries": "all"}, "got target=True and entries='all'"),
        (FLOWS["identity"], {"target": 1}, "got target=1 and entries=None"),
        (FLOWS["identity"], {"ax": "left"}, "ax=.. to be Axes of matplotlib, got str"),
    ],
)
def test_what_cannot_be_drawn_is_refused(flow, options, said):
    with pytest.raises(InvalidInputError, match=said):
        flow.plot(**options)


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match="plot"):
        FLOWS["identity"].plot()
