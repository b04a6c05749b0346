"""The result of `diagnose`: a row of facts for each layer, and one for the whole model."""

import json
import math
import textwrap
from dataclasses import dataclass
from html import escape
from io import StringIO
from typing import ClassVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from exactflow.flows.result import Evidence

ERRORS = "round trip", "float64", "digits lost"
COLUMNS = "layer", *ERRORS, "condition", "log-det", "off by", "equal runs"


@dataclass(frozen=True)
class LayerFacts:
    """One layer, or the whole model; None stands for what is not known, and `notes` say why.

    Attributes
    ----------
    path, kind : where the layer stands in the model, and its class.
    notes : the exception that it raised, and what is not checked, with the reason.
    error, error64 : the largest relative error of its own round trip, x -> z -> x, in the model's
        dtype and in float64.
    digits_lost : decimal digits by which the error grows on the model's way back through the layer;
        for the model, outside of its layers. Their sum is what the model loses.
    condition : the condition number of its Jacobian at x; with `is_bound` at least so.
    log_det, log_det_due : what it returns as log|det J| at x, and what that is in float64, at that
        of up to four members where the two differ most.
    spread : the largest relative difference of equal runs.
    """

    path: str
    kind: str
    notes: tuple[str, ...]
    error: float | None = None
    error64: float | None = None
    digits_lost: float | None = None
    condition: float | None = None
    is_bound: bool = False
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
        known = self.error, self.error64, self.digits_lost, self.condition, self.log_det
        forms = ".1e", ".1e", ".1f", ".2g", ".4g", ".1e", ".1e"
        numbers = zip((*known, self.log_det_error, self.spread), forms, strict=True)
        row = ["-" if x is None else f"{x:{form}}" for x, form in numbers]
        row[3] = ">= " * self.is_bound + row[3]
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
        says = f"x comes back with relative error {self.error:.1e} in {self.dtype}"
        if self.whole.error64 is not None and self.dtype != "float64":
            says += f", {self.whole.error64:.1e} in float64"
        return says

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def table(self, width: int = 100) -> str:
        """Draw a table of text, and notes below it."""
        table, drawn = Table(box=None, pad_edge=False), StringIO()
        for k, name in enumerate(COLUMNS):
            table.add_column(name, overflow="fold", justify="right" if k else "left")
        for row in self.rows:
            table.add_row(*map(Text, row.cells))
        Console(file=drawn, width=width).print(table)
        notes = [f"{row.path}: {note}" for row in self.rows for note in row.notes]
        below = [line for note in notes for line in textwrap.wrap(note, width)]
        lines = [*textwrap.wrap(str(self), width), "", *drawn.getvalue().splitlines()]
        return "\n".join(line.rstrip() for line in [*lines, *[""] * bool(below), *below])

    def to_json(self) -> str:
        """Write everything as JSON; numbers that JSON does not have are strings."""
        rows = [{k: _json(v) for k, v in vars(x).items()} for x in (*self.layers, self.whole)]
        head = {"error": _json(self.error), "dtype": self.dtype, "evidence": self.evidence}
        return json.dumps(head | {"layers": rows[:-1], "whole": rows[-1]}, indent=1)

    def _repr_html_(self) -> str:
        rows = [[*COLUMNS, "notes"], *([*row.cells, "; ".join(row.notes)] for row in self.rows)]
        cells = ("".join(f"<td>{escape(text)}</td>" for text in row) for row in rows)
        drawn = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><caption>{escape(str(self))} [{self.evidence}]</caption>{drawn}</table>"


def _json(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
