"""The result of `diagnose`: the facts of each layer, and of the whole model."""

import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

from exactflow.errors import InvalidInputError, require
from exactflow.exact.numbers import check_nonnegative_number, format_down
from exactflow.flows.evidence import Evidence
from exactflow.interop import tables
from exactflow.laws.conditioning import ConditioningBounds, bound_conditioning


@dataclass(frozen=True)
class LayerFacts:
    """The measured facts of one layer, or of the whole model; None for an unknown fact.

    Attributes
    ----------
    path, kind : the path of the layer in the model, and the name of its class.
    notes : remarks, and the facts that are not checked, with reasons, such as an exception of the
        layer.
    error : the largest relative error of the round trip x -> z -> x through this layer alone.
    digits_lost : the decimal digits by which the error grows when the inverse of the model runs
        through the layer; for the model, the digits lost outside of its layers. The sum over layers
        and model is the loss of the whole round trip.
    spread : the largest relative difference between repeated runs.
    draw_error, draws_lost : the largest relative error of the round trip z -> x -> z of this layer
        alone, where z are the drawn latents as they reach the layer; and the number of draws that
        the layer maps to NaN or inf.
    condition, largest, least : the largest condition number of the Jacobian J at up to four members
        of x, and the largest and the least singular value there, in float64.
    log_det, log_det_due : the returned log|det J| and the true log|det J|, in float64, at the one
        of these members where they differ most.
    log_det_back, log_det_back_due : the same for the inverse. The true number is -log|det J|; if J
        is unknown, it is minus the log-determinant that the layer returns.
    """

    path: str
    kind: str
    notes: tuple[str, ...]
    error: float | None = None
    digits_lost: float | None = None
    spread: float | None = None
    draw_error: float | None = None
    draws_lost: int | None = None
    condition: float | None = None
    largest: float | None = None
    least: float | None = None
    log_det: float | None = None
    log_det_due: float | None = None
    log_det_back: float | None = None
    log_det_back_due: float | None = None

    @property
    def log_det_error(self) -> float | None:
        """The distance of the returned log-determinant from the true one; None if unknown."""
        return _distance_if_known(self.log_det, self.log_det_due)

    @property
    def log_det_back_error(self) -> float | None:
        """The distance of the inverse's log-determinant from the true one; None if unknown."""
        return _distance_if_known(self.log_det_back, self.log_det_back_due)


ERRORS = "round trip", "draws", "log-determinant", "inverse's log-determinant"
TRIP = {
    "round trip": ("error", ".1e"),
    "digits lost": ("digits_lost", ".1f"),
    "run-to-run": ("spread", ".1e"),
    "draws": ("draw_error", ".1e"),
    "not finite": ("draws_lost", "d"),
}
"""For each head of the table of round trips: the attribute of `LayerFacts`, and its format."""
JACOBIAN = {
    "condition": ("condition", ".2g"),
    "largest": ("largest", ".2g"),
    "least": ("least", ".2g"),
    "log-det": ("log_det", ".4g"),
    "off by": ("log_det_error", ".1e"),
    "inverse off by": ("log_det_back_error", ".1e"),
}
"""For each head of the table of Jacobians: the attribute of `LayerFacts`, and its format."""
BARS: dict[str, tuple[str, str, Any]] = {
    "digits lost on the way back": ("digits_lost", "{:.1f}", lambda value: max(value, 0.0)),
    "condition number": ("condition", "{:.3g}", math.log10),
    "log-determinant off by": ("log_det_error", "{:.3g}", lambda value: value),
    "draws that are not finite": ("draws_lost", "{:d}", lambda value: value),
}
"""For each head of the columns of bars: the attribute of `LayerFacts`, its format, and a function
from the value to the length of its bar.
"""
_LONGEST_BAR = 0.62
"""The length of the longest bars, as a fraction of the width of a column."""
_BAR_ROW = 0.26
"""The height of a row of bars in inches, in a figure that `Diagnosis.plot` creates."""


@dataclass(frozen=True)
class Fault:
    """An error of a layer or of the whole model, above the bound that a user gave for the error."""

    row: LayerFacts
    name: str
    error: float
    bound: float

    def __str__(self) -> str:
        row = self.row
        return f"{row.path} ({row.kind}): {self.name} off by {self.error:.1e}, above {self.bound:g}"


@dataclass(frozen=True)
class LipschitzComparison:
    """Lower bounds on Lipschitz constants: of a flow, and of all smooth bijections near the data.

    Attributes
    ----------
    inverse_lipschitz_lower_bound : *numeric*: the bound for the flow's map from latents to data;
        None if it is unknown.
    bounds : *certified*: the bounds for every smooth bijection that maps N(0, I) within eps of the
        data.
    """

    inverse_lipschitz_lower_bound: float | None
    bounds: ConditioningBounds

    def __str__(self) -> str:
        value = self.inverse_lipschitz_lower_bound
        measured = "unknown" if value is None else f"at least {value:.3g}"
        least, eps = format_down(self.bounds.lipschitz), format_down(self.bounds.eps, 4)
        return (
            f"Lipschitz constant of this flow: {measured} (numeric); "
            f"of every smooth bijection within W2 <= {eps}: at least {least} (certified)"
        )


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The facts of a model and of its layers.

    Attributes
    ----------
    layers : the facts of the layers, in the order in which data meets them.
    whole : the facts of the model.
    dtype : the name of the dtype of the model.
    draws : the number of drawn latents.
    """

    layers: tuple[LayerFacts, ...]
    whole: LayerFacts
    dtype: str
    draws: int
    evidence: ClassVar[Evidence] = Evidence.NUMERIC

    @property
    def round_trip_error(self) -> float:
        """The largest relative error of x after the round trip through latents; infinite if the
        inverse fails.
        """
        return math.inf if self.whole.error is None else self.whole.error

    @property
    def inverse_lipschitz_lower_bound(self) -> float | None:
        """A lower bound on the Lipschitz constant of the map from latents to data.

        It is the largest stretch at the measured members of x; None without a Jacobian or an
        inverse.
        """
        least = None if self.whole.error is None else self.whole.least
        return least if least is None else 1 / least if least else math.inf

    def compare_lipschitz_with_bound(self, data: Any, eps: Any) -> LipschitzComparison:
        """Return lower Lipschitz bounds of this flow, and of every smooth bijection near the data.

        The second bounds hold for every smooth bijection that maps N(0, I) to a law within the W2
        distance eps of the data.

        `data` and `eps` are the arguments of `exactflow.laws.conditioning.bound_conditioning`: an
        array, tensor or list of points, or a distribution, and a distance. The base of the flow has
        to be N(0, I). If the bound of the flow is much larger, the flow is steeper than the data
        require.
        """
        return LipschitzComparison(
            self.inverse_lipschitz_lower_bound, bound_conditioning(data, eps)
        )

    @property
    def rows(self) -> tuple[LayerFacts, ...]:
        """The facts of the layers, then of the model, unless the model itself is the only layer."""
        return self.layers if self.layers == (self.whole,) else (*self.layers, self.whole)

    def find_worst_fault(self, bounds: Mapping[str, float]) -> Fault | None:
        """Return the error that exceeds its bound by the largest factor; None if no error does.

        `bounds` has the keys "round trip", "draws", "log-determinant" and "inverse's
        log-determinant", or some of them. An error that is NaN counts as infinite, and so do the
        error "draws" of a layer that loses draws, and the round trip of a model without an inverse.
        An error that could not be measured exceeds no bound; the notes name it. Raises
        `InvalidInputError` for another key, and for a bound that is no number >= 0.
        """
        for name, bound in bounds.items():
            if name not in ERRORS:
                raise InvalidInputError(
                    f"expected bounds of the errors {', '.join(map(repr, ERRORS))}, got {name!r}"
                )
            check_nonnegative_number(f"the bound of {name}", bound)
        rows, above = self.rows, list[Fault]()
        for row in rows:
            values = row.error, row.draw_error, row.log_det_error, row.log_det_back_error
            known = zip(ERRORS, values, strict=True)
            errors = {name: math.inf if x != x else x for name, x in known if x is not None}
            if row.draws_lost:
                errors["draws"] = math.inf
            if row is rows[-1]:
                errors.setdefault("round trip", self.round_trip_error)
            above += [
                Fault(row, name, errors[name], bound)
                for name, bound in bounds.items()
                if errors.get(name, 0.0) > bound
            ]
        return max(above, key=lambda x: x.error / x.bound if x.bound else math.inf, default=None)

    @property
    def summary(self) -> str:
        """A sentence that says whether x comes back from the round trip, and with which error."""
        if self.round_trip_error == math.inf:
            return ": ".join([f"x does not come back in {self.dtype}", *self.whole.notes[:1]])
        return f"x comes back with relative error {self.round_trip_error:.1e} in {self.dtype}"

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def table(self, *, width: int = 100) -> str:
        """Return the summary and the tables as text, with the notes below them."""
        lines = textwrap.wrap(self.summary, width)
        for columns in (TRIP, JACOBIAN):
            lines += tables.draw_table(self._format_head_and_rows(columns), width)
        for note in self._notes_with_paths():
            lines += textwrap.wrap(note, width)
        return "\n".join(lines)

    def _notes_with_paths(self) -> list[str]:
        return [f"{row.path}: {note}" for row in self.rows for note in row.notes]

    def _format_head_and_rows(self, columns: dict[str, tuple[str, str]]) -> list[list[str]]:
        """Return the heads, then the rows of a table, as text; the first column names layers."""
        rows = [["layer", *columns]]
        for row in self.rows:
            values = ((getattr(row, name), form) for name, form in columns.values())
            cells = ("-" if value is None else f"{value:{form}}" for value, form in values)
            rows.append([f"{row.path} ({row.kind})", *cells])
        return rows

    def _repr_html_(self) -> str:
        """Return the summary, both tables with unknown values dimmed, and the notes as HTML."""
        shown = "".join(
            tables.format_html_table(self._format_head_and_rows(columns))
            for columns in (TRIP, JACOBIAN)
        )
        items = "".join(f"<li>{escape(note)}</li>" for note in self._notes_with_paths())
        below = f"<ul>{items}</ul>" if items else ""
        return f"<p><b>{escape(self.summary)}</b> [{self.evidence}]</p>{shown}{below}"

    def plot(self, *, ax: Any = None) -> Any:
        """Draw bars in matplotlib (extra ``plot``), a row for each layer, and return the Axes.

        The columns are the digits lost on the way back, the condition number (with a logarithmic
        bar), the error of the log-determinant and the number of draws that become NaN or inf. Bars
        are scaled so that the longest bar of each column has the same length.

        Parameters
        ----------
        ax : the Axes to draw into; a new figure if None.

        Raises
        ------
        MissingExtraError : without matplotlib.
        """
        if ax is not None and not hasattr(ax, "barh"):
            raise InvalidInputError(
                f"expected Axes of matplotlib as ax=.., got {type(ax).__name__}"
            )
        pyplot = require("matplotlib.pyplot", "plot", "a plot")
        rows = self.rows
        if ax is None:
            size = (10.5, _BAR_ROW * (len(rows) + 2) + 0.4)
            _, ax = pyplot.subplots(figsize=size, layout="constrained")
        for k, (head, (attribute, form, bar_length)) in enumerate(BARS.items()):
            ax.text(k, -0.8, head, va="center", fontsize=9)
            values = [getattr(row, attribute) for row in rows]
            lengths = [bar_length(x) if x is not None and 0 < x < math.inf else 0 for x in values]
            longest = max(lengths) or 1.0
            for i, (x, length) in enumerate(zip(values, lengths, strict=True)):
                shown = _LONGEST_BAR * (1.0 if x == math.inf else length / longest)
                ax.barh(i, shown, left=k, height=0.55, color="#36c")
                text = "-" if x is None else form.format(x)
                ax.text(k + shown + 0.02, i, text, va="center", fontsize=8)
        names = [f"{row.path} ({row.kind})" for row in rows]
        ax.set_yticks(range(len(rows)), names, fontsize=8, family="monospace")
        ax.tick_params(length=0)
        ax.set(xlim=(-0.02, len(BARS)), ylim=(len(rows) - 0.4, -1.2), xticks=[])
        ax.set_title(self.summary, loc="left", fontsize=9)
        ax.spines[:].set_visible(False)
        return ax

    def to_json(self) -> str:
        """Return all facts as JSON, with NaN and infinities as strings."""
        *layers, whole = (
            {name: _text_if_not_finite(x) for name, x in vars(row).items()}
            for row in (*self.layers, self.whole)
        )
        found = {"error": _text_if_not_finite(self.round_trip_error), "dtype": self.dtype}
        found |= {"draws": self.draws, "evidence": self.evidence}
        return json.dumps(found | {"layers": layers, "whole": whole}, indent=1)


def _distance_if_known(returned: float | None, due: float | None) -> float | None:
    return None if returned is None or due is None else abs(returned - due)


def _text_if_not_finite(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
