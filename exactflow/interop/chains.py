"""The layers of a model in the order in which data meets them: those that may be linear, in chains.

Two layers are in one chain if nothing stands between them, so that they can be merged. What is
inside a coupling, its conditioner, is no layer of the flow and is not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from torch import nn

from exactflow.interop.interfaces import FLOW_LIBRARIES

__all__ = ["Place", "chains", "place_of"]

LISTS = {
    ("normflows", "NormalizingFlow"): "flows",
    ("normflows", "ClassCondFlow"): "flows",
    ("normflows", "NormalizingFlowVAE"): "flows",
    ("normflows", "GlowBlock"): "flows",
    ("normflows", "Composite"): "_flows",
    ("nflows", "CompositeTransform"): "_transforms",
    ("glasflow", "CompositeTransform"): "_transforms",
    ("FrEIA", "SequenceINN"): "module_list",
    ("zuko", "LazyComposedTransform"): "transforms",
    ("torch", "Sequential"): "",
}
"""Where modules keep the layers that follow each other; those of normflows from latent to data."""

HOLDERS = {
    ("normflows", "MultiscaleFlow"): "flows",
    ("normflows", "Reverse"): "flow",
    ("nflows", "MultiscaleCompositeTransform"): "_transforms",
    ("glasflow", "MultiscaleCompositeTransform"): "_transforms",
    ("nflows", "InverseTransform"): "_transform",
    ("glasflow", "InverseTransform"): "_transform",
    ("nflows", "Flow"): "_transform",
    ("glasflow", "Flow"): "_transform",
    ("FrEIA", "GraphINN"): "module_list",
    ("zuko", "Flow"): "transform",
    ("zuko", "LazyInverse"): "transform",
}
"""Where modules keep layers, other ones between them or of unknown direction."""

GLOW = ("actnorm", "invconv", "coupling")
"""The children of a ``Flow`` of glow-pytorch, in the order of the data."""


@dataclass(frozen=True, eq=False)
class Place:
    """A module, its dotted path, and the module that holds it, None for the model itself.

    `is_plain` says that only ``nn.Sequential``, ``nn.ModuleList`` and ``nn.ModuleDict`` are above
    it: a linear layer of PyTorch is a layer of the flow there, elsewhere maybe of a conditioner.
    """

    path: str
    module: nn.Module
    parent: nn.Module | None
    is_plain: bool

    @property
    def name(self) -> str:
        """The name of the module in its parent."""
        return self.path.rpartition(".")[2]

    @property
    def kind(self) -> str:
        """The name of the module's class."""
        return type(self.module).__name__

    def children(self, attribute: str = "") -> list["Place"]:
        """Return the places of the children; or those in one list, or the one, of them."""
        held: nn.Module = getattr(self.module, attribute) if attribute else self.module
        path = ".".join(filter(None, (self.path, attribute)))
        if attribute and not isinstance(held, nn.ModuleList):
            return [Place(path, held, self.module, False)]
        plain = self.is_plain and isinstance(
            self.module, nn.Sequential | nn.ModuleList | nn.ModuleDict
        )
        return [
            Place(".".join(filter(None, (path, name))), child, held, plain)
            for name, child in held._modules.items()
            if child is not None
        ]


def place_of(model: nn.Module, path: str) -> Place:
    """Return the place of the module under a dotted path, of the model itself where it is empty."""
    parent = model.get_submodule(path.rpartition(".")[0]) if path else None
    return Place(path, model.get_submodule(path), parent, not path)


def chains(model: nn.Module) -> list[list[Place]]:
    """Return the layers of a model, in chains, in the order in which data meets them.

    >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Sequential(nn.Linear(2, 2)))
    >>> [[place.path for place in chain] for chain in chains(model)]
    [['0', '1', '2.0']]
    """
    stream = groupby(_stream(place_of(model, "")), key=lambda place: place is not None)
    return [[place for place in group if place] for is_chain, group in stream if is_chain]


def _stream(place: Place) -> Iterator[Place | None]:
    """Yield the layers of a module, and None where nothing is known about what is between them."""
    names = [(kind.__module__.split(".")[0], kind.__name__) for kind in type(place.module).__mro__]
    attribute = next((LISTS[name] for name in names if name in LISTS), None)
    if attribute is not None:
        children = place.children(attribute)
        for child in reversed(children) if names[0][0] == "normflows" else children:
            yield from _stream(child)
        return
    if names[0][1] == "Flow" and set(GLOW) <= set(place.module._modules):
        held = {child.name: child for child in place.children()}
        for name in GLOW:
            yield from _stream(held[name])
        return
    attribute = next((HOLDERS[name] for name in names if name in HOLDERS), None)
    if attribute is None and (_is_layer(place.module, names) or not place.children()):
        yield place
        return
    for child in place.children(attribute or ""):
        yield None
        yield from _stream(child)
    yield None


def _is_layer(module: nn.Module, names: list[tuple[str, str]]) -> bool:
    """Return whether a module is one layer, whatever is in it."""
    if isinstance(module, nn.ModuleList | nn.ModuleDict):
        return False
    return names[0][0] in (*FLOW_LIBRARIES, "torch", "exactflow")
