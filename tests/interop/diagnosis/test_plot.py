"""The bars of a diagnosis: each fact is written beside its bar."""

import math
import sys

import pytest

from exactflow.errors import InvalidInputError, MissingExtraError
from exactflow.interop.diagnosis.result import Diagnosis, LayerFacts

pyplot = pytest.importorskip("matplotlib.pyplot")
pyplot.switch_backend("agg")

LAYERS = (
    LayerFacts("a", "Linear", (), 1e-7, 0.5, 0.0, 1e-7, 0, 100.0, 10, 0.1, 3.0, 1.0),
    LayerFacts("b", "Exp", ("no inverse",), condition=math.inf, digits_lost=-0.2, draws_lost=7),
    LayerFacts("c", "Linear", (), digits_lost=math.nan, condition=10.0, log_det=1.0),
)
WHOLE = LayerFacts("the model", "Sequential", (), 1e-6)
FOUND = Diagnosis(LAYERS, WHOLE, "float32", 8)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    pyplot.close("all")


def test_each_fact_is_written_and_what_is_unknown_is_a_dash():
    axes = FOUND.plot()
    texts = [text.get_text() for text in axes.texts]
    assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["a (Linear)", "b (Exp)"]
    assert {"0.5", "-0.2", "nan", "100", "inf", "10", "2", "7", "-"} <= set(texts)
    axes.figure.canvas.draw()


def test_bars_are_within_their_columns_and_the_longest_is_the_largest_number():
    bars = FOUND.plot().patches
    assert all(math.isfinite(bar.get_width()) and 0 <= bar.get_width() < 1 for bar in bars)
    conditions = [bar.get_width() for bar in bars[4:7]]
    assert conditions[1] >= conditions[0] > conditions[2] > 0  # infinite, 100, 10


def test_it_draws_into_the_axes_that_it_is_given():
    _, axes = pyplot.subplots()
    assert FOUND.plot(ax=axes) is axes


def test_what_is_no_axes_is_refused():
    with pytest.raises(InvalidInputError, match=r"Axes of matplotlib as ax=\.\., got str"):
        FOUND.plot(ax="left")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingExtraError, match="plot"):
        FOUND.plot()
