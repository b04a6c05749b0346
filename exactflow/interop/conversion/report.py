"""The report of `convert`, with a table of the layers."""

from dataclasses import dataclass
from fractions import Fraction
from html import escape

from exactflow.exact.numbers import format_up
from exactflow.flows.flow import CouplingFlow
from exactflow.interop import tables
from exactflow.interop.affine import AffineMap


@dataclass(frozen=True, eq=False)
class ConvertedLayer:
    """A linear layer that was replaced by couplings, or by a matrix and its inverse.

    Attributes
    ----------
    path, kind : the path of the layer in the model, and the class of the original layer.
    merged : the paths of the neighbours that were merged into the layer; identities replace them.
    dimension, condition_number : the size and the rounded condition number of the matrix W of the
        merged layers, from data to latent.
    dtype : the dtype of the stored numbers.
    error : *certified*: the largest difference between an entry of W and the same entry of the
        exact product of the stored couplings, or of the stored matrix.
    relative_error : *certified*: `error` as a multiple of the largest entry of W; for a matrix with
        a stored inverse, the larger of this ratio and the same ratio for the inverse.
    flow : the exact couplings; None for a matrix.
    target : W and the bias.
    """

    path: str
    kind: str
    merged: tuple[str, ...]
    dimension: int
    condition_number: float
    dtype: str
    error: Fraction
    relative_error: Fraction
    flow: CouplingFlow | None
    target: AffineMap

    @property
    def couplings(self) -> int:
        """The number of couplings; 0 for a matrix."""
        return 0 if self.flow is None else self.flow.depth


@dataclass(frozen=True)
class UnconvertedLayer:
    """A layer that was not converted: its path in the model, its class, and the reason."""

    path: str
    kind: str
    reason: str


_HEADS = {
    "path": "layer",
    "kind": "was",
    "dimension": "d",
    "condition_number": "condition",
    "couplings": "couplings",
    "dtype": "stored in",
    "relative_error": "error",
}
_DIFFERENCES = {
    "latent_difference": "latents",
    "log_det_difference": "log-dets",
    "inverse_difference": "inverses",
}


@dataclass(frozen=True, eq=False)
class Conversion:
    """The report of `exactflow.interop.convert`.

    Attributes
    ----------
    layers : the converted layers, in the order in which data meets them.
    unconverted : the layers that were not converted, with reasons.
    latent_difference, log_det_difference, inverse_difference : *numeric*: the largest differences
        between the given and the converted model on the example, in their own dtype: of latents, of
        log-determinants, and of the data that the inverses return. None if the models do not return
        such numbers.
    reason : the reason why the whole models were not compared; None if they were.
    """

    layers: tuple[ConvertedLayer, ...]
    unconverted: tuple[UnconvertedLayer, ...]
    latent_difference: float | None
    log_det_difference: float | None
    inverse_difference: float | None
    reason: str | None

    @property
    def summary(self) -> str:
        """A sentence about the converted layers, their errors and the differences of the models."""
        count, total = len(self.layers), sum(layer.couplings for layer in self.layers)
        what = f"{total} couplings" if total else "matrices and their inverses"
        largest = max(layer.relative_error for layer in self.layers)
        types = ", ".join(sorted({layer.dtype for layer in self.layers}))
        said = (
            f"{count} layer{'s' * (count != 1)} converted to {what}, certified within "
            f"{_format_number_or_text(largest)} as they are stored ({types}), relative to the "
            "largest entry"
        )
        if self.reason is not None:
            return f"{said}; the whole model was not compared: {self.reason}"
        for name, noun in _DIFFERENCES.items():
            difference = getattr(self, name)
            if difference is not None:
                said += f"; {noun} differ by at most {_format_number_or_text(difference)}"
        return said + "; the inverse was not compared" * (self.inverse_difference is None)

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the summary, the table of converted layers and the unconverted layers as HTML."""
        items = "".join(
            f"<li>{escape(line)}</li>" for line in self.describe_unconverted_by_class_and_reason()
        )
        below = f"<ul>{items}</ul>" if items else ""
        table = tables.format_html_table(self.table_head_and_rows())
        return f"<p><b>{escape(self.summary)}</b></p>{table}{below}"

    def table_head_and_rows(self) -> list[list[str]]:
        """Return the rows of the table as text; the first row has the heads of the columns."""
        rows = [list(_HEADS.values())]
        for layer in self.layers:
            _, *others = (_format_number_or_text(getattr(layer, name)) for name in _HEADS)
            rows.append([" + ".join((layer.path or "(model)", *layer.merged)), *others])
        return rows

    def describe_unconverted_by_class_and_reason(self) -> list[str]:
        """Return a line for each class and reason of unconverted layers, with up to three paths."""
        found: dict[tuple[str, str], list[str]] = {}
        for layer in self.unconverted:
            found.setdefault((layer.kind, layer.reason), []).append(layer.path or "(model)")
        return [
            f"not converted: {kind}, {reason}: {', '.join(paths[:3])}{' ..' * (len(paths) > 3)}"
            for (kind, reason), paths in found.items()
        ]

    def table(self, *, width: int = 120) -> str:
        """Return the table as text, with the unconverted layers and the summary below it."""
        lines = tables.draw_table(self.table_head_and_rows(), width)
        return "\n".join([*lines, *self.describe_unconverted_by_class_and_reason(), self.summary])


def _format_number_or_text(value: object) -> str:
    if isinstance(value, Fraction):
        return format_up(value, 2)
    return f"{value:.2g}" if isinstance(value, float) else str(value)
