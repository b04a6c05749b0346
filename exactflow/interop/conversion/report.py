"""The report of `convert`, layer by layer, as a table."""

from dataclasses import dataclass
from fractions import Fraction

from exactflow.exact.numbers import format_up
from exactflow.flows.flow import CouplingFlow
from exactflow.interop import tables
from exactflow.interop.affine import AffineMap


@dataclass(frozen=True, eq=False)
class ConvertedLayer:
    """One layer that couplings have replaced.

    Attributes
    ----------
    path, kind : where the couplings are in the model, and the class that was there.
    merged : the paths of neighbours that they apply, too; there is an identity now.
    dimension, condition_number : of the matrix W, from data to latent; the latter is rounded.
    dtype : the type of floats in which the model holds what takes its place.
    error : *certified*: no entry of W differs by more from the exact product of the layers as the
        model holds them, or from the matrix that it holds.
    relative_error : *certified*: `error` over the largest entry of W; or, if it is larger, the same
        for an inverse that is stored, and the exact one of the matrix that is.
    flow, target : the couplings exactly, None for a matrix; and W.
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
    """One layer that is as it was, and why."""

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
_WAYS = {
    "latent_difference": "latents",
    "log_det_difference": "log-dets",
    "inverse_difference": "inverses",
}


@dataclass(frozen=True, eq=False)
class Conversion:
    """The report of `exactflow.interop.convert`.

    Attributes
    ----------
    layers : what was converted, in the order in which data meets it.
    left : the layers that were not, with reasons.
    latent_difference, log_det_difference, inverse_difference : *numeric*: the largest differences
        of what the whole model makes of the example, and on the way back from its latents, in its
        own type; None where there are none.
    reason : why the whole was not compared; None where it was.
    """

    layers: tuple[ConvertedLayer, ...]
    left: tuple[LeftLayer, ...]
    latent_difference: float | None
    log_det_difference: float | None
    inverse_difference: float | None
    reason: str | None

    def __str__(self) -> str:
        count, total = len(self.layers), sum(layer.couplings for layer in self.layers)
        what = f"{total} couplings" if total else "matrices and their inverses"
        largest = max(layer.relative_error for layer in self.layers)
        types = ", ".join(sorted({layer.dtype for layer in self.layers}))
        said = (
            f"{count} layer{'s' * (count != 1)} converted to {what}, certified within "
            f"{_text(largest)} as they are stored ({types}), relative to the largest entry"
        )
        if self.reason is not None:
            return f"{said}; the whole model was not compared: {self.reason}"
        for name, noun in _WAYS.items():
            difference = getattr(self, name)
            if difference is not None:
                said += f"; {noun} differ by at most {_text(difference)}"
        return said + "; the inverse was not compared" * (self.inverse_difference is None)

    def __repr__(self) -> str:
        return self.table()

    def rows(self) -> list[list[str]]:
        """Return the table, the heads of its columns first."""
        rows = [[_text(getattr(layer, name)) for name in _HEADS] for layer in self.layers]
        for row, layer in zip(rows, self.layers, strict=True):
            row[0] = " + ".join((layer.path or "(model)", *layer.merged))
        return [list(_HEADS.values()), *rows]

    def reasons(self) -> list[str]:
        """Return one line for each kind of layer that was left, and why."""
        found: dict[tuple[str, str], list[str]] = {}
        for layer in self.left:
            found.setdefault((layer.kind, layer.reason), []).append(layer.path or "(model)")
        return [
            f"left: {kind}, {reason}: {', '.join(paths[:3])}{' ..' * (len(paths) > 3)}"
            for (kind, reason), paths in found.items()
        ]

    def table(self, *, width: int = 120) -> str:
        """Return the table as text, and below it what was left."""
        return "\n".join([*tables.lines(self.rows(), width), *self.reasons(), str(self)])


def _text(value: object) -> str:
    if isinstance(value, Fraction):
        return format_up(value)
    return f"{value:.2g}" if isinstance(value, float) else str(value)
