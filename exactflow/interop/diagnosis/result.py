"""The result of `diagnose`: a row of facts for each layer, and one for the whole model."""

import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from exactflow.flows.evidence import Evidence
from exactflow.interop import tables


@dataclass(frozen=True)
class LayerFacts:
    """One layer, or the whole model; None stands for what is not known, and `notes` say why.

    Attributes
    ----------
    path, kind : where the layer stands in the model, and its class.
    notes : what is not checked, with the reason: an exception that it raised.
    error : the largest relative error of its own round trip, x -> z -> x.
    digits_lost : decimal digits by which the error grows on the model's way back through the layer;
        for the model, outside of its layers. Their sum is what the model loses.
    spread : the largest relative difference of equal runs.
    draw_error, draws_lost : the largest relative error of its own round trip z -> x -> z, where z
        is what draws from the base are on their way; and how many of them it makes infinite or NaN.
    condition, largest, least : the largest condition number of its Jacobian at up to four members
        of x, and the largest and the least singular value there, in float64.
    log_det, log_det_due : what it returns as log|det J| at x, and what that is in float64, at that
        of up to four members where the two differ most.
    log_det_back, log_det_back_due : the same of the inverse; what is due is minus log|det J|, or
        minus what the layer returns where the Jacobian is not known.
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
        """The difference of what is returned and log|det J|."""
        return _apart(self.log_det, self.log_det_due)

    @property
    def log_det_back_error(self) -> float | None:
        """The difference of what the inverse returns and what is due."""
        return _apart(self.log_det_back, self.log_det_back_due)

    @property
    def errors(self) -> dict[str, float]:
        """What is wrong by how much; infinite for NaN, and for draws that do not stay finite."""
        values = self.error, self.draw_error, self.log_det_error, self.log_det_back_error
        found = zip(ERRORS, values, strict=True)
        known = {name: math.inf if x != x else x for name, x in found if x is not None}
        return known | ({"draws": math.inf} if self.draws_lost else {})


ERRORS = "round trip", "draws", "log-determinant", "inverse's log-determinant"
TRIP = {
    "round trip": ("error", ".1e"),
    "digits lost": ("digits_lost", ".1f"),
    "equal runs": ("spread", ".1e"),
    "draws": ("draw_error", ".1e"),
    "not finite": ("draws_lost", "d"),
}
"""Columns of the table of x there and back: heads, attributes of a row, and formats."""
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
        """How many times the bound the error is."""
        return self.error / self.bound if self.bound else math.inf

    def __str__(self) -> str:
        row = self.row
        return f"{row.path} ({row.kind}): {self.name} off by {self.error:.1e}, above {self.bound:g}"


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The `layers`, in the order in which data meets them, and the `whole` model of some dtype;
    and how many latents were drawn.
    """

    layers: tuple[LayerFacts, ...]
    whole: LayerFacts
    dtype: str
    draws: int
    evidence: ClassVar[Evidence] = Evidence.NUMERIC

    @property
    def error(self) -> float:
        """The relative error of x; infinite where it does not come back."""
        return math.inf if self.whole.error is None else self.whole.error

    @property
    def stretch(self) -> float | None:
        """The largest factor by which the map from latents to data stretches at the members of x
        that were measured: a lower bound on its Lipschitz constant. None without a Jacobian, or
        without a way back.

        `exactflow.laws.conditioning.lower_bounds` has the stretch that the data force.
        """
        least = None if self.whole.error is None else self.whole.least
        return least if least is None else 1 / least if least else math.inf

    @property
    def rows(self) -> tuple[LayerFacts, ...]:
        """The layers, and the model where it is no layer itself."""
        return self.layers if self.layers == (self.whole,) else (*self.layers, self.whole)

    def fault(self, bounds: Mapping[str, float]) -> Fault | None:
        """Find the error that is most above its bound; None where each is within.

        Bounds are those of errors by their names: "round trip", "draws", "log-determinant" and
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

    def __str__(self) -> str:
        if self.error == math.inf:
            return ": ".join([f"x does not come back in {self.dtype}", *self.whole.notes[:1]])
        return f"x comes back with relative error {self.error:.1e} in {self.dtype}"

    def __repr__(self) -> str:
        return self.table()

    def table(self, *, width: int = 100) -> str:
        """Draw a table of text, and notes below it."""
        parts = [self._part(columns, width) for columns in (TRIP, JACOBIAN)]
        notes = [f"{row.path}: {note}" for row in self.rows for note in row.notes]
        below = [line for note in notes for line in textwrap.wrap(note, width)]
        parts = [textwrap.wrap(str(self), width), *parts, below]
        return "\n\n".join("\n".join(part) for part in parts if part)

    def _part(self, columns: dict[str, tuple[str, str]], width: int) -> list[str]:
        """Draw a table of some columns."""
        rows = [["layer", *columns]]
        for row in self.rows:
            values = ((getattr(row, name), form) for name, form in columns.values())
            cells = ("-" if value is None else f"{value:{form}}" for value, form in values)
            rows.append([f"{row.path} ({row.kind})", *cells])
        return tables.lines(rows, width)

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
        from exactflow.interop.diagnosis.plot import bars

        return bars(self, ax=ax)

    def to_json(self) -> str:
        """Write everything as JSON; numbers that JSON does not have are strings."""
        rows = [{k: _json(v) for k, v in vars(x).items()} for x in (*self.layers, self.whole)]
        head = {"error": _json(self.error), "dtype": self.dtype, "draws": self.draws}
        head["evidence"] = self.evidence
        return json.dumps(head | {"layers": rows[:-1], "whole": rows[-1]}, indent=1)


def _apart(claim: float | None, due: float | None) -> float | None:
    return None if claim is None or due is None else abs(claim - due)


def _json(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
