"""The Jacobian of a layer at a point: its norms, and whether log-determinants are those of it.

Up to `DENSE` entries J is computed row by row, and its singular values; above, |J| by products with
J and its transpose (power iteration), and |J^-1| likewise through the layer's inverse map: lower
bounds, which more products would raise. *Numeric*, in float64.

What a layer claims for one point is held against log|det J|, and what its inverse claims against
the negative. A model that differs from its own Jacobian leaves out, subtracts, or counts twice what
one layer, or all layers of a kind, contribute. Of what is drawn anew at each pass, an estimate,
nothing is said; nor of numbers that have another meaning, such as a density.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import grad

from exactflow.interop.diagnosis.trace import Call, FailureError
from exactflow.interop.diagnosis.values import State, entries, flat, tensors

__all__ = ["DENSE", "Audit", "Norms", "audit", "audit_layer", "audit_model", "norms"]

DENSE = 256
STEPS = 20
SEED = 0
TOLERANCE = 1e-3
"""Of one, or of the log-determinant: solvers of differential equations and bisections err less."""
TRIES = 16
"""How often a claim is repeated: signs that are drawn, few of them, are often the same."""
STEEPEST = 1e11
"""The largest condition number at which log|det J| is known to `TOLERANCE`."""

Part = tuple[str, str, float | None]
"""Path and class of a layer, and its share of the log-determinant."""


class Norms(NamedTuple):
    """The spectral norms of J and of J^-1, lower bounds where `log_det`, log|det J|, is None."""

    ahead: float
    back: float
    log_det: float | None

    @property
    def condition(self) -> float:
        """The condition number of J."""
        return math.inf if math.isinf(self.back) else self.ahead * self.back


def norms(call: Call) -> Norms | None:
    """Return the norms for a layer that maps one point, a batch of one.

    None where the Jacobian is not square, not finite, or where the layer cannot be differentiated.
    """
    if entries(call.given) != entries(call.made):
        return None
    try:
        if entries(call.given) <= DENSE:
            return _dense(*_graph(call, True))
        ahead, back = (_largest(*_graph(call, along)) for along in (True, False))
    except (FailureError, RuntimeError):  # no derivative, or none that is finite
        return None
    return Norms(ahead, back, None) if math.isfinite(ahead * back) else None


def _graph(call: Call, along: bool) -> tuple[Tensor, Tensor]:
    """Return a point, and its image by the layer or by its inverse, both as vectors."""
    state = call.before if along else call.after
    x = flat(state).requires_grad_()
    parts = torch.split(x, [tensor.numel() for tensor in state])
    given = tuple(part.reshape(t.shape) for part, t in zip(parts, state, strict=True))
    return x, flat(tensors(call.run(given, along)[0]))


def _dense(x: Tensor, y: Tensor) -> Norms | None:
    try:
        (rows,) = grad(y, x, torch.eye(len(y), dtype=y.dtype), True, is_grads_batched=True)
    except RuntimeError:  # a step that knows no batches of gradients
        rows = torch.stack([grad(entry, x, retain_graph=True)[0] for entry in y])
    if not torch.isfinite(rows).all():
        return None
    values = torch.linalg.svdvals(rows)
    least = float(values[-1])
    return Norms(float(values[0]), 1 / least if least else math.inf, float(values.log().sum()))


def _largest(x: Tensor, y: Tensor) -> float:
    """Return the largest singular value of the Jacobian, by products with J^T J."""
    dual = torch.zeros_like(y, requires_grad=True)
    (transposed,) = grad(y, x, dual, create_graph=True)  # J^T dual, linear in dual
    v = torch.randn(len(x), dtype=x.dtype, generator=torch.Generator().manual_seed(SEED))
    for _ in range(STEPS):
        (image,) = grad(transposed, dual, v / v.norm(), retain_graph=True)
        (v,) = grad(y, x, image, retain_graph=True)
    return float(image.norm())


class Audit(NamedTuple):
    """What a layer, or a model, claims on one point in float64, and what is due there.

    `there` and `back` are the numbers, one for the point, that come beside the image, and beside
    the preimage; `due` is log|det J|, None where it is not known.
    """

    call: Call
    there: list[float]
    back: list[float]
    due: float | None

    @property
    def is_right(self) -> tuple[bool, bool]:
        """Whether the log-determinant is that of the Jacobian, ahead and back."""
        if (due := self.due) is None:
            return False, False
        return any(_is_near(c, due) for c in self.there), any(_is_near(c, -due) for c in self.back)

    @property
    def is_drawn(self) -> bool:
        """Whether claims are estimates, which change from pass to pass."""
        passes = (audit(self.call, None) for _ in range(TRIES))
        pairs = (zip(self.there + self.back, x.there + x.back, strict=False) for x in passes)
        return any(not _is_near(one, other) for pair in pairs for one, other in pair)


def audit(call: Call, size: Norms | None) -> Audit:
    """Return the claims; a zero on the way back may be there for the form's sake."""
    due = None if size is None or not size.condition < STEEPEST else size.log_det
    back = [claim for claim in _claimed(call, call.after, False) if claim]
    return Audit(call, _claimed(call, call.before, True), back, due)


def audit_layer(found: Audit, twice: Call, is_right: tuple[bool, bool]) -> tuple[float | None, str]:
    """Return what a layer claims, None if it is drawn, and what is wrong with that, or "".

    `twice` is the call on the point and the point again. Where the model `is_right`, ahead and
    back, nothing is said of its layers.
    """
    call, there, back, due = found
    claimed = min(there, key=lambda c: abs(c - (due or 0.0)), default=None)
    if entries(call.given) != entries(call.made):
        return claimed, ""
    both = zip(there, _claimed(twice, twice.before, True), strict=False)
    is_summed = any(abs(one) > TOLERANCE and _is_near(two, 2 * one) for one, two in both)
    if due is not None:
        ahead, wrong = _wrong(call, there, due), _wrong(call, back, -due)
    else:
        ahead, wrong = _cropped(call), ""
        if not ahead and len(there) == len(back) == 1 and not _is_near(there[0], -back[0]):
            ahead = f"log|det| is {there[0]:.4g} ahead and {back[0]:.4g} back, where the sum "
            ahead += "should be 0"
    if (is_summed or ahead or wrong) and found.is_drawn:
        return None, ""
    if is_summed:
        return claimed, "log|det| is summed over the members of the batch, too"
    if ahead:
        return claimed, "" if is_right[0] else ahead
    return claimed, "" if is_right[1] or not wrong else f"on the way back, {wrong}"


def audit_model(found: Audit, parts: list[Part]) -> str:
    """Return what is wrong with the claims of a model, whose layers are right, or ""."""
    shares = [share for *_, share in parts if share is not None]
    whole = sum(shares) if len(shares) == len(parts) else None
    due = whole if found.due is None else found.due
    if due is None:
        return ""
    for claims, sign in ((found.there, 1), (found.back, -1)):
        if len(claims) != 1 or _is_near(claims[0], sign * due):
            continue
        says = _factor(found.call, claims[0], sign * due)
        says = says or _missing(sign * claims[0], due, parts)
        if not says and whole is not None and _is_near(sign * claims[0], whole):
            says = "leaves out what the model does outside of its layers"
        if says and not found.is_drawn:
            return "on the way back, " * (sign < 0) + _says(says, claims[0], sign * due)
    return ""


def _claimed(call: Call, state: State, along: bool) -> list[float]:
    """Return what a layer claims in a direction; nothing where some of it is not finite."""
    try:
        leaves = call.plain(state, along)[1]
    except FailureError:
        return []
    numbers = [leaf for leaf in leaves if _is_number(leaf, state)]
    found = [float(torch.as_tensor(leaf).flatten()[0]) for leaf in numbers]
    return found if all(map(math.isfinite, found)) else []


def _is_number(leaf: object, state: State) -> bool:
    """Return whether something has one number, or one for each member of the batch."""
    if isinstance(leaf, Tensor):
        return leaf.numel() in (1, len(state[0])) and leaf.is_floating_point()
    return not isinstance(leaf, bool)


def _is_near(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * max(1.0, abs(b))


# ---- what is said


def _says(what: str, claimed: float, due: float) -> str:
    return f"log|det| {what}: {claimed:.4g}, where that of the Jacobian at x is {due:.4g}"


def _wrong(call: Call, found: list[float], due: float) -> str:
    """Return what is wrong with the one claim of a layer, or ""."""
    if len(found) != 1 or _is_near(found[0], due) or _is_density(call, found[0], due):
        return ""
    return _says(_factor(call, found[0], due) or "is wrong", found[0], due)


def _factor(call: Call, claimed: float, due: float) -> str:
    """Return by what factor a claim is wrong, or ""."""
    if _is_near(claimed, -due):
        return "has the wrong sign"
    shape = call.before[0].shape
    for k, what in ((math.prod(shape[2:]), "pixels"), (math.prod(shape[1:]), "entries")):
        if k > 1 and _is_near(k * claimed, due):
            return f"is divided by the number of {what}, {k}"
        if k > 1 and _is_near(claimed, k * due):
            return f"is multiplied by the number of {what}, {k}"
    return ""


def _missing(claimed: float, due: float, parts: list[Part]) -> str:
    """Return which layer, or kind of layers, the log-determinant of a model counts wrongly."""
    named = [(path, share) for path, _, share in parts if share is not None]
    for kind in sorted({kind for _, kind, _ in parts}):
        some = [share for _, other, share in parts if other == kind and share is not None]
        named += [(f"every {kind}", sum(some))] * (len(some) > 1)
    named = [(name, share) for name, share in named if abs(share) > TOLERANCE]
    for factor, verb in ((1, "leaves out"), (2, "subtracts"), (-1, "counts twice")):
        names = [name for name, share in named if _is_near(claimed + factor * share, due)]
        if names:
            return f"{verb} that of {' or '.join(names)}"
    return ""


def _cropped(call: Call) -> str:
    """Return by what factor the claim of a layer is wrong on a few pixels, or ""."""
    image = call.before[0]
    if len(call.before) != 1 or image.ndim != 4 or entries(image) <= DENSE:
        return ""
    side = 2 ** max(0, int(math.log2(DENSE / image.shape[1]) / 2))
    few = call.moved((image[:, :, :side, :side],))
    if few is None:
        return ""
    _, claims, _, due = audit(few, norms(few))
    stored = image.shape[2] * image.shape[3] / side**2  # a layer may keep the number of pixels
    if due is None or len(claims) != 1 or any(_is_near(claims[0], k * due) for k in (1, stored)):
        return ""
    says = _factor(few, claims[0], due)
    return f"{_says(says, claims[0], due)}, on {side} x {side} pixels" if says else ""


def _is_density(call: Call, claimed: float, due: float) -> bool:
    """Return whether a whole model returned the log-density of a standard normal distribution."""
    z = flat(call.after)
    density = due - float(z.square().sum()) / 2 - len(z) / 2 * math.log(2 * math.pi)
    return call.path == "" and _is_near(abs(claimed), abs(density))
