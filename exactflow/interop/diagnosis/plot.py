"""Draw a diagnosis as bars in matplotlib: a row for each layer, a column for each fact."""

import math
from collections.abc import Sequence
from typing import Any

from exactflow.errors import InvalidInputError, require

_COLUMNS = {
    "digits lost on the way back": ("digits_lost", "{:.1f}", lambda value: max(value, 0.0)),
    "condition number": ("condition", "{:.3g}", math.log10),
    "log-determinant off by": ("log_det_error", "{:.3g}", lambda value: value),
    "draws that are not finite": ("draws_lost", "{:d}", lambda value: value),
}
"""For the head of each column: the attribute of `LayerFacts`, its format, and a function from the
value to the length of its bar.
"""
_BAR = 0.62
"""The length of the longest bars, as a fraction of the width of a column."""
_ROW = 0.26
"""The height of a row in inches, in a figure that this module creates."""


def draw_bars(diagnosis: Any, *, ax: Any) -> Any:
    """Draw a diagnosis, as `Diagnosis.plot` describes it, and return the Axes."""
    if ax is not None and not hasattr(ax, "barh"):
        raise InvalidInputError(f"expected Axes of matplotlib as ax=.., got {type(ax).__name__}")
    pyplot = require("matplotlib.pyplot", "plot", "a plot")
    rows = diagnosis.rows
    if ax is None:
        size = (10.5, _ROW * (len(rows) + 2) + 0.4)
        _, ax = pyplot.subplots(figsize=size, layout="constrained")
    for k, (head, (attribute, form, bar_length)) in enumerate(_COLUMNS.items()):
        ax.text(k, -0.8, head, va="center", fontsize=9)
        texts = _texts_and_relative_bar_lengths(rows, attribute, form, bar_length)
        for i, (text, share) in enumerate(texts):
            ax.barh(i, _BAR * share, left=k, height=0.55, color="#36c")
            ax.text(k + _BAR * share + 0.02, i, text, va="center", fontsize=8)
    names = [f"{row.path} ({row.kind})" for row in rows]
    ax.set_yticks(range(len(rows)), names, fontsize=8, family="monospace")
    ax.tick_params(length=0)
    ax.set(xlim=(-0.02, len(_COLUMNS)), ylim=(len(rows) - 0.4, -1.2), xticks=[])
    ax.set_title(diagnosis.summary, loc="left", fontsize=9)
    ax.spines[:].set_visible(False)
    return ax


def _texts_and_relative_bar_lengths(
    rows: Sequence[Any], attribute: str, text_template: str, value_to_length: Any
) -> list[tuple[str, float]]:
    """Return, for each row, a fact as text, and the length of its bar relative to the longest."""
    values = [getattr(row, attribute) for row in rows]
    lengths = [value_to_length(x) if x is not None and 0 < x < math.inf else 0.0 for x in values]
    most = max(lengths) or 1.0
    texts = ["-" if x is None else text_template.format(x) for x in values]
    shares = [
        size / most if x != math.inf else 1.0 for size, x in zip(lengths, values, strict=True)
    ]
    return list(zip(texts, shares, strict=True))
