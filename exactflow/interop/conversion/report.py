"""The report of `convert`, layer by layer: as a table, as JSON, and as certificates."""

import json
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from math import inf, nextafter
from typing import Any

from exactflow.errors import InvalidInputError
from exactflow.files.certificate import certificate_text
from exactflow.flows.flow import CouplingFlow
from exactflow.interop import tables
from exactflow.interop.affine import AffineMap

__all__ = ["Conversion", "ConvertedLayer", "LeftLayer"]


@dataclass(frozen=True, eq=False)
class ConvertedLayer:
    """One layer that couplings have replaced.

    Attributes
    ----------
    path, kind : where the couplings are in the model, and the class that was there.
    merged : the paths of neighbours that they apply, too; there is an identity now.
    dimension, condition_number : of the matrix W, from data to latent; the latter is rounded.
    dtype : the type of floats in which the model holds what takes its place.
    error : *certified*: no entry of W differs by more from the exact product of the float64 layers,
        or from the float64 matrix.
    stored_error : *certified*: the same for the layers as the model holds them.
    inverse_error : *certified*: the same for the inverse that is stored, and the exact one of the
        matrix that is; None for couplings.
    relative_error : *certified*: the larger of `stored_error` over the largest entry of W, and of
        `inverse_error` over that of the inverse.
    output_difference, log_det_difference : *numeric*: the largest differences to the layer that was
        there, on the data that it meets, in the model's own type; None where there are none.
    round_trip : *numeric*: the largest |x - f^-1(f(x))| of the couplings, likewise.
    flow, target : the couplings exactly, None for a matrix; and W.
    """

    path: str
    kind: str
    merged: tuple[str, ...]
    dimension: int
    condition_number: float
    dtype: str
    error: Fraction
    stored_error: Fraction
    inverse_error: Fraction | None
    relative_error: Fraction
    output_difference: float | None
    log_det_difference: float | None
    round_trip: float | None
    flow: CouplingFlow | None
    target: AffineMap

    @property
    def couplings(self) -> int:
        """The number of couplings; 0 for a matrix."""
        return 0 if self.flow is None else self.flow.depth

    def record(self) -> dict[str, Any]:
        """The layer as a record for JSON; errors are rounded up to floats."""
        values = {name: getattr(self, name) for name in (*_HEADS, *_MORE)}
        return {k: _above(x) if isinstance(x, Fraction) else x for k, x in values.items()}

    def certificate(self) -> str:
        """Return the certificate that the float64 layers are within `error` of W; the bias is no
        part of it. The file can be checked by ``exactflow check``.

        Raises `InvalidInputError` for a matrix, which has no layers.
        """
        if self.flow is None:
            raise InvalidInputError(
                f"expected couplings to certify, got a matrix for {self.path} ({self.kind})"
            )
        within = self.error or None
        provenance = {"source": self.path, "layer": self.kind, "merged": list(self.merged)}
        return certificate_text(self.flow, self.target.matrix, within=within, provenance=provenance)


@dataclass(frozen=True)
class LeftLayer:
    """One layer that is as it was, and why."""

    path: str
    kind: str
    reason: str


_MORE = ("merged", "error", "stored_error", "inverse_error")
_HEADS = {
    "path": "layer",
    "kind": "was",
    "dimension": "d",
    "condition_number": "condition",
    "couplings": "couplings",
    "dtype": "stored in",
    "relative_error": "error",
    "output_difference": "output",
    "log_det_difference": "log-det",
    "round_trip": "round trip",
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
        largest = _above(max(layer.relative_error for layer in self.layers))
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
        return f"<Conversion: {self}>"

    def rows(self) -> list[list[str]]:
        """Return the table, the heads of its columns first."""
        records = [layer.record() for layer in self.layers]
        rows = [[_text(record[name]) for name in _HEADS] for record in records]
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

    def to_json(self) -> str:
        """Return the report as one JSON object."""
        content = {
            "layers": [layer.record() for layer in self.layers],
            "left": [vars(layer) for layer in self.left],
            **{name: getattr(self, name) for name in (*_WAYS, "reason")},
        }
        return json.dumps(content, indent=1) + "\n"

    def _repr_html_(self) -> str:
        left = "".join(f"<li>{escape(line)}</li>" for line in self.reasons())
        return f"{tables.html(self.rows(), str(self))}<ul>{left}</ul>"


def _above(x: Fraction) -> float:
    """Return the least float that is not below x."""
    rounded = float(x)
    return rounded if Fraction(rounded) >= x else nextafter(rounded, inf)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.2g}" if isinstance(value, float) else str(value)
