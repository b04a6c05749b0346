"""The result of `diagnose`: a row of facts for each layer, and one for the whole model."""

import json
import math
import textwrap
from dataclasses import dataclass
from typing import ClassVar

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
    condition : the condition number of its Jacobian at x, in float64.
    log_det, log_det_due : what it returns as log|det J| at x, and what that is in float64, at that
        of up to four members where the two differ most.
    spread : the largest relative difference of equal runs.
    """

    path: str
    kind: str
    notes: tuple[str, ...]
    error: float | None = None
    digits_lost: float | None = None
    condition: float | None = None
    log_det: float | None = None
    log_det_due: float | None = None
    spread: float | None = None

    @property
    def log_det_error(self) -> float | None:
        """The difference of what is returned and log|det J|."""
        claim, due = self.log_det, self.log_det_due
        return None if claim is None or due is None else abs(claim - due)

    @property
    def cells(self) -> list[str]:
        """The row of the table."""
        known = self.error, self.digits_lost, self.condition, self.log_det, self.log_det_error
        forms = ".1e", ".1f", ".2g", ".4g", ".1e", ".1e"
        numbers = zip((*known, self.spread), forms, strict=True)
        row = ["-" if x is None else f"{x:{form}}" for x, form in numbers]
        return [f"{self.path} ({self.kind})", *row]


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """The `layers`, in the order in which data meets them, and the `whole` model of some dtype."""

    layers: tuple[LayerFacts, ...]
    whole: LayerFacts
    dtype: str
    evidence: ClassVar[Evidence] = Evidence.NUMERIC

    @property
    def error(self) -> float:
        """The relative error of x; infinite where it does not come back."""
        return math.inf if self.whole.error is None else self.whole.error

    @property
    def rows(self) -> tuple[LayerFacts, ...]:
        """The layers, and the model where it is no layer itself."""
        return self.layers if self.layers == (self.whole,) else (*self.layers, self.whole)

    def __str__(self) -> str:
        if self.whole.error is None:
            return f"x does not come back in {self.dtype}: {self.whole.notes[0]}"
        return f"x comes back with relative error {self.error:.1e} in {self.dtype}"

    def __repr__(self) -> str:
        return self.table()

    def table(self, *, width: int = 100) -> str:
        """Draw a table of text, and notes below it."""
        head = "layer", "round trip", "digits lost", "condition", "log-det", "off by", "equal runs"
        rows = tables.lines([head, *(row.cells for row in self.rows)], width)
        notes = [f"{row.path}: {note}" for row in self.rows for note in row.notes]
        below = [line for note in notes for line in textwrap.wrap(note, width)]
        return "\n".join([*textwrap.wrap(str(self), width), "", *rows, *[""] * bool(below), *below])

    def to_json(self) -> str:
        """Write everything as JSON; numbers that JSON does not have are strings."""
        rows = [{k: _json(v) for k, v in vars(x).items()} for x in (*self.layers, self.whole)]
        head = {"error": _json(self.error), "dtype": self.dtype, "evidence": self.evidence}
        return json.dumps(head | {"layers": rows[:-1], "whole": rows[-1]}, indent=1)


def _json(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
