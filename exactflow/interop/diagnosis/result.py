"""What `diagnose` returns: a verdict for each layer, and one for the whole model."""

import json
import math
import textwrap
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from itertools import zip_longest
from typing import ClassVar

from exactflow.flows.result import Evidence

__all__ = ["Diagnosis", "Fault", "LayerDiagnosis"]


class Fault(StrEnum):
    """Why a layer, or the model around its layers, does not return what it was given."""

    ILL_CONDITIONED = "ill-conditioned"
    TRAINING = "training mode"
    RANDOM = "random"
    STATE = "state"
    DROPPED = "latents dropped"
    NOT_FINITE = "not finite"
    DETERMINANT = "determinant"
    INVERSE = "wrong inverse"
    NOT_CONVERGED = "not converged"
    DIRECTION = "wrong direction"
    ORDER = "wrong order"
    BETWEEN = "between layers"
    FAILS = "fails"


@dataclass(frozen=True)
class LayerDiagnosis:
    """One layer, or a place between layers.

    Errors are relative, largest entry by largest entry, at the member of the batch that comes back
    worst; digits are decimal. None stands for what cannot be computed.

    Attributes
    ----------
    path, kind : where the layer stands in the model, and its class.
    error : of the layer's own round trip, in the model's dtype and in eval mode.
    error64 : the same in float64.
    share : of all digits that are lost on the model's way back, those that this layer loses.
    condition : the condition number of its Jacobian at x, in float64; with `is_bound` at least so.
    digits_lost : how the error grows, on the model's way back, from the layer's output to input.
    log_det, log_det_due : what it says that log|det| of its Jacobian is at x, and what that is, in
        float64; None where it says nothing, or draws it, and where its Jacobian is too large.
    fault : what is wrong with it, or None.
    verdict : one sentence.
    """

    path: str
    kind: str
    fault: Fault | None
    verdict: str
    share: float
    digits_lost: float
    error: float | None = None
    error64: float | None = None
    condition: float | None = None
    is_bound: bool = False
    log_det: float | None = None
    log_det_due: float | None = None

    @property
    def head(self) -> str:
        """Path and class."""
        return f"{self.path} ({self.kind})"

    @property
    def says(self) -> str:
        """The fault, if there is one, and the verdict."""
        return f"{self.fault}: {self.verdict}" if self.fault else self.verdict

    def __str__(self) -> str:
        return f"{self.head}: {self.verdict}"


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """Why x does not come back, or that it does; ``str`` is one sentence.

    Attributes
    ----------
    layers : in the order in which data meets them, then the places between them that are at fault.
    error, error64 : the relative error of x, as the model stands, and in float64 in eval mode;
        None where float64 is not to be had.
    dtype : of the model, and the decimal digits that it has.
    digits : those digits.
    comes_back : whether half of the digits are left.
    """

    layers: tuple[LayerDiagnosis, ...]
    error: float
    error64: float | None
    dtype: str
    digits: float
    comes_back: bool
    evidence: ClassVar[Evidence] = Evidence.NUMERIC

    @property
    def ranked(self) -> tuple[LayerDiagnosis, ...]:
        """The guilty first: what is no rounding, then by share."""

        def rank(layer: LayerDiagnosis) -> tuple[bool, bool, float]:
            return layer.fault is None, layer.fault is Fault.ILL_CONDITIONED, -layer.share

        return tuple(sorted(self.layers, key=rank))

    @property
    def guilty(self) -> tuple[LayerDiagnosis, ...]:
        """The layers at fault, the worst first."""
        return tuple(layer for layer in self.ranked if layer.fault)

    @property
    def head(self) -> str:
        """Whether x comes back, and with what error."""
        head = "x comes back" if self.comes_back else "x does not come back"
        head += f": relative error {_number(self.error)} in {self.dtype}"
        if self.error64 is None or self.dtype == "float64":
            return head
        return f"{head}, {_number(self.error64)} in float64"

    def __str__(self) -> str:
        if self.guilty:
            count = len(self.guilty) - 1
            return f"{self.head}; {self.guilty[0]}" + (f"; and {count} more" if count else "")
        if self.comes_back:
            return self.head
        worst = self.ranked[0]
        return f"{self.head}; no layer alone is at fault, {worst.path} loses most: {worst.verdict}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self}>"

    def table(self, width: int = 100) -> str:
        """Return a table of text, the guilty first: layers and their verdicts, wrapped."""
        first = min(max(len(layer.head) for layer in self.ranked), 2 * width // 5)
        lines = textwrap.wrap(self.head, width)
        for layer in self.ranked:
            cells = textwrap.wrap(layer.head, first), textwrap.wrap(layer.says, width - first - 2)
            rows = zip_longest(*cells, fillvalue="")
            lines += ["", *(f"{head:{first}}  {text}".rstrip() for head, text in rows)]
        return "\n".join(lines)

    def to_json(self) -> str:
        """Return everything as JSON; numbers that JSON does not have are strings."""
        names = ("comes_back", "error", "error64", "dtype", "digits", "evidence")
        content = {name: _json(getattr(self, name)) for name in names}
        layers = [{name: _json(x) for name, x in vars(layer).items()} for layer in self.layers]
        return json.dumps(content | {"layers": layers}, indent=1, allow_nan=False)

    def _repr_html_(self) -> str:
        rows = [f"<tr><td>{escape(x.head)}</td><td>{escape(x.says)}</td></tr>" for x in self.ranked]
        return (
            f"<p>{escape(self.head)} [{self.evidence}]</p><table><thead><tr><th>layer</th>"
            f"<th>verdict</th></tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )


def _number(value: float) -> str:
    return f"{value:.1e}" if math.isfinite(value) else "not finite"


def _json(value: object) -> object:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
