"""FrEIA: modules take and return tuples, and know the shape of the data."""

from collections.abc import Iterable, Sequence

from FrEIA.modules import AllInOneBlock, InvertibleModule
from torch import Tensor

from exactflow.interop.plain import Bijection

__all__ = ["CoupledBlock", "Couplings"]


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


class CoupledBlock(AllInOneBlock):
    """An ``AllInOneBlock`` whose permutation, hard, soft or learned, is applied by couplings.

    The coupling of the block, its global scale and its offset are as they were.
    """

    couplings: Bijection

    @classmethod
    def of(cls, block: AllInOneBlock, couplings: Bijection) -> "CoupledBlock":
        """Return a block with the modules and parameters of another one."""
        new = cls.__new__(cls)
        new.__dict__.update(block.__dict__)
        new._parameters = {
            name: value
            for name, value in block._parameters.items()
            if name not in ("w_perm", "w_perm_inv", "w_0", "vk_householder")
        }
        new._modules = {**block._modules, "couplings": couplings}
        for name in ("w_perm", "w_perm_inv"):
            new.__dict__.pop(name, None)
            setattr(new, name, None)
        new.householder = 0
        return new

    def _permute(self, x: Tensor, rev: bool = False) -> tuple[Tensor, Tensor | float]:
        scale, log_det = 1.0, 0.0
        if not self.GIN:
            scale = self.global_scale_activation(self.global_scale)
            log_det = scale.log().sum()
        if rev:
            return (self.couplings.inverse(x)[0] - self.global_offset) / scale, log_det
        return self.couplings(x * scale + self.global_offset)[0], log_det

    def _pre_permute(self, x: Tensor, rev: bool = False) -> Tensor:
        return (self.couplings(x) if rev else self.couplings.inverse(x))[0]
