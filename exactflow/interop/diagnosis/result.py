"""What `diagnose` returns: a row of facts for each layer, and one for the whole model."""

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

COLUMNS = "round trip", "float64", "digits lost", "condition", "log-det", "off by", "equal runs"


@dataclass(frozen=True)
class LayerFacts:
    """One layer, or the whole model; None stands for what is not known, and `notes` say why.

    Errors are relative, largest entry by largest entry, at the member of the batch that comes back
    worst.

    Attributes
    ----------
    path, kind : where the layer stands in the model, and its class.
    error, error64 : of its own round trip, x -> z -> x, in the model's dtype and in float64.
    digits_lost : decimal digits by which the error grows on the model's way back through the layer;
        for the model, outside of its layers. Their sum is what the model loses.
    condition : the condition number of its Jacobian at x, in float64; with `is_bound` at least so.
    log_det, log_det_due : what it returns as log|det J| at x, and what that is, in float64, at that
        of up to four members where the two differ most.
    spread : how much equal runs, on equal tensors, differ.
    notes : the exception that it raised, and what is not checked, with the reason.
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
        both = self.log_det, self.log_det_due
        return None if both[0] is None or both[1] is None else abs(both[0] - both[1])

    @property
    def cells(self) -> list[str]:
        """The row of the table."""
        ways = (".1e", ".1e", ".1f", ".2g", ".4g", ".1e", ".1e")
        known = self.error, self.error64, self.digits_lost, self.condition, self.log_det
        numbers = zip((*known, self.log_det_error, self.spread), ways, strict=True)
        row = ["-" if x is None else f"{x:{way}}" for x, way in numbers]
        row[3] = ">= " * self.is_bound + row[3]
        return [f"{self.path} ({self.kind})", *row]


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """Facts on a model's round trip; ``str`` is one sentence, `table` all of it.

    Attributes
    ----------
    layers : in the order in which data meets them.
    whole : the same facts of the model.
    dtype, is_training : of the model, and whether some of its modules are in training mode.
    """

    layers: tuple[LayerFacts, ...]
    whole: LayerFacts
    dtype: str
    is_training: bool
    evidence: ClassVar[Evidence] = Evidence.NUMERIC

    @property
    def error(self) -> float:
        """The relative error of x; infinite where it does not come back."""
        return math.inf if self.whole.error is None else self.whole.error

    @property
    def rows(self) -> tuple[LayerFacts, ...]:
        """The layers, and the model where it is no layer itself."""
        return (*self.layers, self.whole) if self.layers != (self.whole,) else self.layers

    def __str__(self) -> str:
        mode = self.dtype + ", in training mode" * self.is_training
        if self.whole.error is None:
            raised = next(row for row in self.rows if row.notes)
            return f"x does not come back in {mode}: {raised.path}: {raised.notes[0]}"
        says = f"x comes back with relative error {self.error:.1e} in {mode}"
        if self.whole.error64 is not None and self.dtype != "float64":
            says += f", {self.whole.error64:.1e} in float64"
        lost = [(row.digits_lost, row.path) for row in self.layers if row.digits_lost is not None]
        if len(lost) > 1:
            digits, path = max(lost)
            says += f"; of {len(lost)} layers {path} loses most, {digits:.1f} digits"
        return says

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def table(self, width: int = 100) -> str:
        """Draw a table of text, and notes below it."""
        table = Table("layer", box=None, pad_edge=False)
        for name in COLUMNS:
            table.add_column(name, overflow="fold", justify="right")
        for row in self.rows:
            table.add_row(*map(Text, row.cells))
        drawn = StringIO()
        Console(file=drawn, width=width).print(table)
        notes = [f"{row.path}: {note}" for row in self.rows for note in row.notes]
        texts = [str(self), "", *drawn.getvalue().splitlines(), *[""] * bool(notes), *notes]
        return "\n".join(p.rstrip() for text in texts for p in textwrap.wrap(text, width) or [""])

    def to_json(self) -> str:
        """Write everything as JSON; numbers that JSON does not have are strings."""
        head = {name: getattr(self, name) for name in ("error", "dtype", "is_training", "evidence")}
        layers = [{k: _json(v) for k, v in vars(x).items()} for x in (*self.layers, self.whole)]
        content = head | {"error": _json(self.error), "layers": layers[:-1], "whole": layers[-1]}
        return json.dumps(content, indent=1, allow_nan=False)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in ("layer", *COLUMNS, "notes"))
        cells = [(*row.cells, "; ".join(row.notes)) for row in self.rows]
        rows = ("".join(f"<td>{escape(text)}</td>" for text in row) for row in cells)
        return (
            f"<p>{escape(str(self))} [{self.evidence}]</p><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"
        )


def _json(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
