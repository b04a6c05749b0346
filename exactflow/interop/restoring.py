"""Converted models and their state dicts: layers rebuilt from names and shapes of tensors.

`skeleton` makes a model of a state dict alone, with the linear layers of a library in their places
and nothing but tensors between them, so that it can be converted; `restore` puts converted layers
into a new model.

==========================  ======================================================================
library                     layers that their tensors tell
==========================  ======================================================================
torch                       ``nn.Linear`` and 1x1 ``nn.Conv2d``: any square ``weight``
normflows                   ``Permute``, ``LULinearPermute``; and ``Invertible1x1Conv`` in a state
                            that has convolutions, else ``InvertibleAffine``
nflows, glasflow            permutations, ``LULinear``, ``OneByOneConvolution``, ``NaiveLinear``,
                            ``QRLinear``, ``SVDLinear``, ``HouseholderSequence``
freia                       ``PermuteRandom``, ``FixedLinearTransform``, ``Fixed1x1Conv``
==========================  ======================================================================
"""

from collections.abc import Callable, Mapping
from importlib import import_module

import torch
from torch import Tensor, nn

from exactflow.errors import InvalidInputError, require
from exactflow.interop.chains import place_of
from exactflow.interop.placing import in_the_place_of, put
from exactflow.interop.plain import Bijection, FlowModule, Identity
from exactflow.interop.runs import copied, first_line

__all__ = ["LAYERS", "restore", "skeleton"]

State = Mapping[str, Tensor]
MARK = "couplings._extra_state"


def restore(model: nn.Module, state: State) -> nn.Module:
    """Return a copy of a model with the couplings and the tensors of a converted one.

    Parameters
    ----------
    model : as it was before `exactflow.interop.convert`, with any numbers.
    state : ``state_dict()`` of the converted model, or what ``exactflow convert --library`` wrote.

    Raises
    ------
    InvalidInputError
        A state without couplings, or one of another model.

    Examples
    --------
    >>> from exactflow.interop import convert
    >>> model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    >>> converted, _ = convert(model)
    >>> again = restore(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), converted.state_dict())
    >>> x = torch.randn(3, 4)
    >>> torch.equal(again(x), converted(x))
    True
    """
    heads = [name.removesuffix(MARK) for name in state if f".{name}".endswith(f".{MARK}")]
    if not heads:
        raise InvalidInputError(
            "expected the state of a converted model, got one without couplings"
        )
    new = copied(model)
    try:
        for head in heads:
            path = head.removesuffix(".")
            place = place_of(new, path)
            couplings = _bijection(_under(state, f"{head}couplings."))
            trained = any(p.requires_grad for p in place.module.parameters())
            couplings.requires_grad_(trained)
            new = put(new, place, in_the_place_of(place.module, couplings, None))
        new.load_state_dict(state)
    except (AttributeError, KeyError, RuntimeError, ValueError) as error:
        raise InvalidInputError(
            f"expected the state of this model after its conversion, got: {first_line(error)}"
        ) from None
    return new


def _bijection(state: State) -> Bijection:
    return FlowModule.of_state(state) if state["_extra_state"].numel() else Identity()


def _under(state: State, head: str) -> dict[str, Tensor]:
    """Return the part of a state whose names begin with a head, without it."""
    return {name.removeprefix(head): t for name, t in state.items() if name.startswith(head)}


def skeleton(state: State, library: str) -> nn.Module:
    """Return a model that has the tensors of a state dict, and the linear layers of a library.

    Raises
    ------
    InvalidInputError
        A state in which there is no such layer.
    MissingExtraError
        The library is not installed.
    """
    require("FrEIA" if library == "freia" else library, library, "modules of that library")
    heads = {name.rpartition(".")[0] for name in state}
    heads |= {head.rpartition(".")[0] for head in heads}
    layers: dict[str, nn.Module] = {}
    for head in sorted(heads, key=len):
        if not any(_is_under(head, other) for other in layers):
            layer = _layer(_under(state, f"{head}." if head else ""), state, library)
            layers |= {} if layer is None else {head: layer}
    if not layers:
        raise InvalidInputError(
            f"expected a linear layer of {library} in the state dict, found none among "
            f"{', '.join(list(state)[:8])}"
        )
    if "" in layers:
        return layers[""]
    model = nn.ModuleDict()
    for path, layer in layers.items():
        parent, _, name = path.rpartition(".")
        _holder(model, parent)._modules[name] = layer
    for name, tensor in state.items():
        if not any(_is_under(name, path) for path in layers):
            path, _, last = name.rpartition(".")
            _holder(model, path)._buffers[last] = tensor
    return model


def _is_under(name: str, head: str) -> bool:
    return not head or f"{name}.".startswith(f"{head}.")


def _holder(model: nn.Module, path: str) -> nn.Module:
    """Return the module under a path, made where it is not there."""
    for name in filter(None, path.split(".")):
        if name not in model._modules:
            model._modules[name] = nn.ModuleDict()
        model = model.get_submodule(name)
    return model


def _layer(own: State, whole: State, library: str) -> nn.Module | None:
    """Return the layer that a state is the state of, None where it is of no such layer."""
    build = LAYERS[library].get(frozenset(own))
    if build is None:
        return None
    try:
        layer = build(own, whole)
        if layer is not None:
            layer.load_state_dict(own, assign=True)
    except (IndexError, RuntimeError, TypeError, ValueError):
        return None  # tensors of these names, and of other shapes
    return layer


Build = Callable[[State, State], nn.Module | None]


def _torch_layer(own: State, whole: State) -> nn.Module | None:
    shape = own["weight"].shape
    if len(shape) not in (2, 4) or shape[0] != shape[1] or set(shape[2:]) - {1}:
        return None
    bias = "bias" in own
    d = shape[0]
    return nn.Linear(d, d, bias) if len(shape) == 2 else nn.Conv2d(d, d, 1, bias=bias)


def _normflows_layer(own: State, whole: State) -> nn.Module:
    flows = import_module("normflows.flows")
    has_images = any(tensor.ndim == 4 for tensor in whole.values())
    kind = flows.Invertible1x1Conv if has_images else flows.InvertibleAffine
    return kind(len(own["W"] if "W" in own else own["L"]), use_lu="L" in own)


def _normflows(name: str, size: str) -> Build:
    def build(own: State, whole: State) -> nn.Module:
        return getattr(import_module("normflows.flows"), name)(len(own[size]))

    return build


def _nflows(home: str) -> dict[frozenset[str], Build]:
    """Return how the layers of nflows, or of its fork, are built."""

    def of(name: str, size: str, *options: Callable[[State], int]) -> Build:
        def build(own: State, whole: State) -> nn.Module:
            kind = getattr(import_module(home), name)
            return kind(own[size].shape[-1], *(option(own) for option in options))

        return build

    def reflections(name: str) -> Callable[[State], int]:
        return lambda own: len(own[name])

    def permutation(own: State, whole: State) -> nn.Module:
        return import_module(home).Permutation(own["_permutation"])

    lu = ("bias", "lower_entries", "upper_entries", "unconstrained_upper_diag")
    qr = ("bias", "upper_entries", "log_upper_diag", "orthogonal.q_vectors")
    svd = ("bias", "unconstrained_diagonal", "orthogonal_1.q_vectors", "orthogonal_2.q_vectors")
    return {
        frozenset(("_permutation",)): permutation,
        frozenset(lu): of("LULinear", "bias"),
        frozenset((*lu, "permutation._permutation")): of("OneByOneConvolution", "bias"),
        frozenset(("bias", "_weight")): of("NaiveLinear", "bias"),
        frozenset(qr): of("QRLinear", "bias", reflections("orthogonal.q_vectors")),
        frozenset(svd): of("SVDLinear", "bias", reflections("orthogonal_1.q_vectors")),
        frozenset(("q_vectors",)): of("HouseholderSequence", "q_vectors", reflections("q_vectors")),
    }


def _freia_permutation(own: State, whole: State) -> nn.Module:
    return import_module("FrEIA.modules").PermuteRandom([(len(own["perm"]),)])


def _freia_matrix(own: State, whole: State) -> nn.Module:
    modules, M = import_module("FrEIA.modules"), own["M"]
    d = len(M)
    if M.ndim == 4:
        return modules.Fixed1x1Conv([(d, 1, 1)], M=torch.eye(d))
    return modules.FixedLinearTransform(
        [(d,)], M=torch.eye(d), b=own["b"][0] if "b" in own else None
    )


LAYERS: dict[str, dict[frozenset[str], Build]] = {
    "torch": {
        frozenset(("weight",)): _torch_layer,
        frozenset(("weight", "bias")): _torch_layer,
    },
    "normflows": {
        frozenset(("perm", "inv_perm")): _normflows("Permute", "perm"),
        frozenset(("W",)): _normflows_layer,
        frozenset(("P", "L", "U", "sign_S", "log_S", "eye")): _normflows_layer,
        frozenset(
            (
                "permutation._permutation",
                "linear.bias",
                "linear.lower_entries",
                "linear.upper_entries",
                "linear.unconstrained_upper_diag",
            )
        ): _normflows("LULinearPermute", "linear.bias"),
    },
    "nflows": _nflows("nflows.transforms"),
    "glasflow": _nflows("glasflow.nflows.transforms"),
    "freia": {
        frozenset(("perm", "perm_inv")): _freia_permutation,
        frozenset(("M", "M_inv", "logDetM")): _freia_matrix,
        frozenset(("M", "M_inv", "b", "logDetM")): _freia_matrix,
    },
}
