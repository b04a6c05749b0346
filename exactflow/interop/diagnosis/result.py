"""The result of `diagnose`: a row of facts for each layer, and one for the whole model."""

import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any, ClassVar

from exactflow.exact.numbers import format_down
from exactflow.flows.evidence import Evidence
from exactflow.interop import tables
from exactflow.laws.conditioning import ConditioningBounds, bound_conditioning


@dataclass(frozen=True)
class LayerFacts:
    """The measured facts of one layer, or of the whole model; None for an unknown fact.

    Attributes
    ----------
    path, kind : the path of the layer in the model, and its class.
    notes : the facts that are not checked, with reasons, such as an exception of the layer.
    error : the largest relative error of its own round trip, x -> z -> x.
    digits_lost : the decimal digits by which the error grows on the model's way back through the
        layer; for the model, outside of its layers. The sum is the loss of the model.
    spread : the largest relative difference between repeated runs.
    draw_error, draws_lost : the largest relative error of its own round trip z -> x -> z, where z
        are latents drawn from the base as they reach the layer; and the number of draws that it
        maps to inf or NaN.
    condition, largest, least : the largest condition number of its Jacobian at up to four members
        of x, and the largest and the least singular value there, in float64.
    log_det, log_det_due : the returned log|det J| at x, and the true one in float64, at the member
        of up to four with the largest difference.
    log_det_back, log_det_back_due : the same for the inverse. The true one is minus log|det J|, or
        minus the number that the layer returns if the Jacobian is unknown.
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
        """The error of the returned log-determinant."""
        return _difference(self.log_det, self.log_det_due)

    @property
    def log_det_back_error(self) -> float | None:
        """The error of the log-determinant that the inverse returns."""
        return _difference(self.log_det_back, self.log_det_back_due)

    @property
    def errors(self) -> dict[str, float]:
        """The known errors by name; infinite for NaN, and for draws that do not stay finite."""
        values = self.error, self.draw_error, self.log_det_error, self.log_det_back_error
        found = zip(ERRORS, values, strict=True)
        known = {name: math.inf if x != x else x for name, x in found if x is not None}
        return known | ({"draws": math.inf} if self.draws_lost else {})


ERRORS = "round trip", "draws", "log-determinant", "inverse's log-determinant"
TRIP = {
    "round trip": ("error", ".1e"),
    "digits lost": ("digits_lost", ".1f"),
    "run-to-run": ("spread", ".1e"),
    "draws": ("draw_error", ".1e"),
    "not finite": ("draws_lost", "d"),
}
"""Columns of the table of round trips: heads, attributes of a row, and formats."""
JACOBIAN = {
    "condition": ("condition", ".2g"),
    "largest": ("largest", ".2g"),
    "least": ("least", ".2g"),
    "log-det": ("log_det", ".4g"),
    "off by": ("log_det_error", ".1e"),
    "inverse off by": ("log_det_back_error", ".1e"),
}
"""Columns of the table of Jacobians."""


@dataclass(frozen=True)
class Fault:
    """An error of a layer, or of the whole model, that is above its bound."""

    row: LayerFacts
    name: str
    error: float
    bound: float

    @property
    def excess(self) -> float:
        """The error as a multiple of its bound."""
        return self.error / self.bound if self.bound else math.inf

    def __str__(self) -> str:
        row = self.row
        return f"{row.path} ({row.kind}): {self.name} off by {self.error:.1e}, above {self.bound:g}"


@dataclass(frozen=True)
class StretchComparison:
    """The measured `stretch` of a flow, None if it is unknown, beside the certified `bounds` for
    every smooth bijection that maps N(0, I) as near to the data.
    """

    stretch: float | None
    bounds: ConditioningBounds

    def __str__(self) -> str:
        measured = "unknown" if self.stretch is None else f"at least {self.stretch:.3g}"
        least, eps = format_down(self.bounds.lipschitz), format_down(self.bounds.eps, 4)
        return (
            f"Lipschitz constant of this flow: {measured} (numeric); "
            f"of every smooth bijection within W2 <= {eps}: at least {least} (certified)"
        )


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The facts of the `layers`, in the order in which data meets them, and of the `whole` model;
    the `dtype` of the model, and the number of `draws`.
    """

    layers: tuple[LayerFacts, ...]
    whole: LayerFacts
    dtype: str
    draws: int
    evidence: ClassVar[Evidence] = Evidence.NUMERIC

    @property
    def error(self) -> float:
        """The relative error of x after the round trip; infinite if x does not come back."""
        return math.inf if self.whole.error is None else self.whole.error

    @property
    def stretch(self) -> float | None:
        """The largest stretch of the map from latents to data at the measured members of x, a lower
        bound on its Lipschitz constant. None without a Jacobian or an inverse.
        """
        least = None if self.whole.error is None else self.whole.least
        return least if least is None else 1 / least if least else math.inf

    def compare_stretch(self, data: Any, eps: Any) -> StretchComparison:
        """Compare the stretch with that of every smooth bijection within W2 <= eps of the data.

        `data` and `eps` are the arguments of `exactflow.laws.conditioning.bound_conditioning`: an
        array, tensor or list of points, or a distribution, and a distance. The base of the flow has
        to be N(0, I). A flow of much larger stretch than the bound is steeper than the data
        require.
        """
        return StretchComparison(self.stretch, bound_conditioning(data, eps))

    @property
    def rows(self) -> tuple[LayerFacts, ...]:
        """The facts of the layers, and of the model unless it is its only layer."""
        return self.layers if self.layers == (self.whole,) else (*self.layers, self.whole)

    def find_worst_fault(self, bounds: Mapping[str, float]) -> Fault | None:
        """Find the error that exceeds its bound by the largest factor, or None.

        `bounds` has the names of errors as keys: "round trip", "draws", "log-determinant" and
        "inverse's log-determinant".
        """
        errors = [(row, row.errors) for row in self.rows]
        errors[-1][1].setdefault("round trip", self.error)
        above = [
            Fault(row, name, found[name], bound)
            for row, found in errors
            for name, bound in bounds.items()
            if found.get(name, 0.0) > bound
        ]
        return max(above, key=lambda fault: fault.excess, default=None)

    @property
    def summary(self) -> str:
        """Whether x comes back, in a sentence."""
        if self.error == math.inf:
            return ": ".join([f"x does not come back in {self.dtype}", *self.whole.notes[:1]])
        return f"x comes back with relative error {self.error:.1e} in {self.dtype}"

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def table(self, *, width: int = 100) -> str:
        """Draw the tables as text, with the notes below them."""
        parts = [
            tables.draw_table(self._format_cells(columns), width) for columns in (TRIP, JACOBIAN)
        ]
        notes = [f"{row.path}: {note}" for row in self.rows for note in row.notes]
        below = [line for note in notes for line in textwrap.wrap(note, width)]
        parts = [textwrap.wrap(self.summary, width), *parts, below]
        return "\n".join(line for part in parts for line in part)

    def _format_cells(self, columns: dict[str, tuple[str, str]]) -> list[list[str]]:
        """Return the cells of a table as text, starting with the heads of its columns."""
        rows = [["layer", *columns]]
        for row in self.rows:
            values = ((getattr(row, name), form) for name, form in columns.values())
            cells = ("-" if value is None else f"{value:{form}}" for value, form in values)
            rows.append([f"{row.path} ({row.kind})", *cells])
        return rows

    def _repr_html_(self) -> str:
        """Return the sentence, both tables with unknown values dimmed, and the notes."""
        shown = "".join(
            tables.table_html(self._format_cells(columns)) for columns in (TRIP, JACOBIAN)
        )
        notes = [f"{row.path}: {note}" for row in self.rows for note in row.notes]
        items = "".join(f"<li>{escape(note)}</li>" for note in notes)
        below = f"<ul>{items}</ul>" if items else ""
        return f"<p><b>{escape(self.summary)}</b> [{self.evidence}]</p>{shown}{below}"

    def plot(self, *, ax: Any = None) -> Any:
        """Draw bars in matplotlib (extra ``plot``), a row for each layer, and return the Axes.

        The columns are the digits lost on the way back, the condition number (its bar is
        logarithmic), the error of the log-determinant and the draws that are not finite. The
        longest bar of a column is its largest number.

        Parameters
        ----------
        ax : the Axes to draw into; without it, a figure is made.

        Raises
        ------
        MissingExtraError : without matplotlib.
        """
        from exactflow.interop.diagnosis.plot import draw_bars

        return draw_bars(self, ax=ax)

    def to_json(self) -> str:
        """Return all facts as JSON, with NaN and infinities as strings."""
        rows = [
            {k: _to_json_number(v) for k, v in vars(x).items()} for x in (*self.layers, self.whole)
        ]
        head = {"error": _to_json_number(self.error), "dtype": self.dtype, "draws": self.draws}
        head["evidence"] = self.evidence
        return json.dumps(head | {"layers": rows[:-1], "whole": rows[-1]}, indent=1)


def _difference(claim: float | None, due: float | None) -> float | None:
    return None if claim is None or due is None else abs(claim - due)


def _to_json_number(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
