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
    """A layer that was replaced by couplings, or by a matrix and its inverse.

    Attributes
    ----------
    path, kind : the path of the layer in the model, and the class of the original layer.
    merged : the paths of neighbours that were merged into it, and are identities now.
    dimension, condition_number : of the matrix W, from data to latent; the latter is rounded.
    dtype : the dtype of the stored numbers.
    error : *certified*: the largest difference between an entry of W and of the exact product of
        the stored layers, or of the stored matrix.
    relative_error : *certified*: `error` as a multiple of the largest entry of W; or, if it is
        larger, the error of the stored inverse, as a multiple of its largest entry.
    flow : the couplings exactly; None for a matrix.
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
class LeftLayer:
    """A layer that was not converted, and the reason."""

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
    left : the other layers, with reasons.
    latent_difference, log_det_difference, inverse_difference : *numeric*: the largest differences
        between both models on the example, in their dtype: in latents, in log-determinants, and in
        the data that the inverse returns. None for a part that they do not return.
    reason : why the models were not compared as a whole; None if they were.
    """

    layers: tuple[ConvertedLayer, ...]
    left: tuple[LeftLayer, ...]
    latent_difference: float | None
    log_det_difference: float | None
    inverse_difference: float | None
    reason: str | None

    @property
    def summary(self) -> str:
        """The number of converted layers, and how near they and the whole model are."""
        count, total = len(self.layers), sum(layer.couplings for layer in self.layers)
        what = f"{total} couplings" if total else "matrices and their inverses"
        largest = max(layer.relative_error for layer in self.layers)
        types = ", ".join(sorted({layer.dtype for layer in self.layers}))
        said = (
            f"{count} layer{'s' * (count != 1)} converted to {what}, certified within "
            f"{_format(largest)} as they are stored ({types}), relative to the largest entry"
        )
        if self.reason is not None:
            return f"{said}; the whole model was not compared: {self.reason}"
        for name, noun in _DIFFERENCES.items():
            difference = getattr(self, name)
            if difference is not None:
                said += f"; {noun} differ by at most {_format(difference)}"
        return said + "; the inverse was not compared" * (self.inverse_difference is None)

    def __str__(self) -> str:
        return self.table()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Return the sentence, the table of the layers, and the layers that were left."""
        left = "".join(f"<li>{escape(line)}</li>" for line in self.reasons())
        below = f"<ul>{left}</ul>" if left else ""
        return f"<p><b>{escape(self.summary)}</b></p>{tables.table_html(self.rows())}{below}"

    def rows(self) -> list[list[str]]:
        """Return the rows of the table, starting with the heads of its columns."""
        rows = [[_format(getattr(layer, name)) for name in _HEADS] for layer in self.layers]
        for row, layer in zip(rows, self.layers, strict=True):
            row[0] = " + ".join((layer.path or "(model)", *layer.merged))
        return [list(_HEADS.values()), *rows]

    def reasons(self) -> list[str]:
        """Return one line for each kind of layer that was left, with the reason and paths."""
        found: dict[tuple[str, str], list[str]] = {}
        for layer in self.left:
            found.setdefault((layer.kind, layer.reason), []).append(layer.path or "(model)")
        return [
            f"left: {kind}, {reason}: {', '.join(paths[:3])}{' ..' * (len(paths) > 3)}"
            for (kind, reason), paths in found.items()
        ]

    def table(self, *, width: int = 120) -> str:
        """Draw the table as text, with the layers that were left below it."""
        return "\n".join([*tables.draw_table(self.rows(), width), *self.reasons(), self.summary])


def _format(value: object) -> str:
    if isinstance(value, Fraction):
        return format_up(value, 2)
    return f"{value:.2g}" if isinstance(value, float) else str(value)
