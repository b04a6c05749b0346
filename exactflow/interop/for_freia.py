"""FrEIA: modules take and return tuples, and know the shape of the data."""

from collections.abc import Iterable, Sequence

from FrEIA.modules import InvertibleModule
from torch import Tensor

from exactflow.interop.plain import Bijection

__all__ = ["Couplings"]


class Couplings(InvertibleModule):
    """Couplings as an ``InvertibleModule``, for a ``SequenceINN`` or a ``GraphINN``:
    ``inn.append(Couplings, couplings=to_module(flow))``.
    """

    def __init__(
        self,
        dims_in: Iterable[tuple[int, ...]],
        dims_c: Iterable[tuple[int, ...]] | None = None,
        couplings: Bijection | None = None,
    ):
        super().__init__(dims_in, dims_c)
        self.couplings = couplings

    def forward(
        self,
        x_or_z: Sequence[Tensor],
        c: Iterable[Tensor] | None = None,
        rev: bool = False,
        jac: bool = True,
    ) -> tuple[tuple[Tensor], Tensor]:
        """Return the image, or the preimage, and the log-determinant of that direction."""
        assert self.couplings is not None
        run = self.couplings.inverse if rev else self.couplings
        y, log_det = run(x_or_z[0])
        return (y,), log_det

    def output_dims(self, input_dims: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
        """Return the shapes, unchanged."""
        return input_dims
