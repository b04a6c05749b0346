"""Steps of a proof on one instance, and functions by which a construction records steps.

A construction calls `record_step` with a rule, a sentence, identities, and the matrices that the
identities name. Steps are recorded only within `collect_steps`; elsewhere `record_step` does
nothing. A step has the matrices from which the construction makes the layers, so that it explains
the returned flow. The check of a step uses the arithmetic of `exactflow.explanation.identity_text`,
which the constructions do not use.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from html import escape
from typing import Any

from sympy import QQ
from sympy.polys.domains.domain import Domain
from sympy.polys.matrices import DomainMatrix

from exactflow.errors import VerificationError
from exactflow.exact import linalg
from exactflow.exact.rational_matrix import to_dense_if_rational_matrix
from exactflow.explanation.identity_text import (
    ParsedIdentity,
    names_and_functions_in_formula,
    parse_comma_separated_identities,
    rename_in_formula,
)
from exactflow.explanation.sentences import (
    names_and_functions_in_single_backticks,
    rename_in_formulas_of_sentence,
    sentence_html,
    strip_backticks,
)
from exactflow.flows.display import shortened_html
from exactflow.flows.evidence import Checkable
from exactflow.flows.flow import CouplingFlow
from exactflow.flows.orientation import signs_from_flips


@dataclass(frozen=True, repr=False)
class Step(Checkable):
    """One step of a proof about one instance.

    Parameters
    ----------
    rule : the name of the step, often of a theorem in `exactflow.theorems` or of an identity.
    why : sentences, with formulas in backticks as `exactflow.explanation.sentences` reads them.
    text : the identities, in the language of `exactflow.explanation.identity_text`; "" if the step
        only names values.
    before : the values of earlier steps that the text uses, by their names.
    after : the new values, by their names.
    field : the field of all values; a free ring if the step holds for all n.
    reference : the theorem and its source.
    witness : a function that returns whether a witness proves the step, if no identity does.
    proved : the statement that the witness proves.
    """

    rule: str
    why: str
    text: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    field: Any
    reference: str = ""
    witness: Callable[[], bool] | None = None
    proved: str = "the claim of this step, computed anew"

    def __repr__(self) -> str:
        return f"<Step: {strip_backticks(self.why)} ({self.rule})>"

    @cached_property
    def identities(self) -> tuple[ParsedIdentity, ...]:
        """The identities, parsed from the text."""
        return parse_comma_separated_identities(self.text) if self.text else ()

    def check(self) -> None:
        """Raise `VerificationError` if an identity is false, or if the witness returns False."""
        values = {**self.before, **self.after}
        for identity in self.identities:
            if not identity.holds(values, self.field):
                raise VerificationError(f"the identity {identity} does not hold")
        if self.witness is not None and not self.witness():
            raise VerificationError(
                f"the witness returned False, so this is not proved: {strip_backticks(self.proved)}"
            )

    @property
    def checked(self) -> list[str]:
        """The checked identities as texts, and the statement that the witness proves, if any."""
        return [*map(str, self.identities), *[strip_backticks(self.proved)] * bool(self.witness)]

    def head_and_body_html(self) -> tuple[str, str]:
        """Return two texts in HTML: the sentences of the step; and its values, checked identities
        and reference.
        """
        values = "".join(
            '<span style="display: inline-block; margin: 0.4em 1.5em 0.4em 0">'
            f"{escape(name)} = {shortened_html(value, self.field)}</span>"
            for name, value in self.after.items()
        )
        checked = "".join(f"<p>checked: <code>{escape(said)}</code></p>" for said in self.checked)
        source = f"<p><small>{sentence_html(self.reference)}</small></p>" * bool(self.reference)
        head = f"{sentence_html(self.why)} <small>({escape(self.rule)})</small>"
        return head, f"{values}{checked}{source}"

    def _repr_html_(self) -> str:
        head, body = self.head_and_body_html()
        verdict = "holds" if self.is_valid() else "does not hold"
        return f"<p>{head}: <b>{verdict}</b></p>{body}"

    @property
    def names_and_functions(self) -> set[str]:
        """All names in the values, the text, the sentences and the reference of the step.

        The names of functions, and I, are included.
        """
        written = {
            *names_and_functions_in_formula(self.text),
            *names_and_functions_in_single_backticks(self.why + self.reference),
        }
        return written.union(self.before, self.after)

    @property
    def user_symbols(self) -> set[str]:
        """The names of the user's symbols that occur in the fields of the values."""
        fields = [self.field, *(getattr(x, "domain", None) for x in self.after.values())]
        given = [x for field in fields for x in getattr(field, "symbols", ())]
        return {str(symbol) for x in given for symbol in (x, *getattr(x, "free_symbols", ()))}

    def rename(self, names: Mapping[str, str]) -> "Step":
        """Return a copy of the step with new names; `names` maps old names to new names."""
        before, after = (
            {names.get(name, name): value for name, value in values.items()}
            for values in (self.before, self.after)
        )
        why, reference = (
            rename_in_formulas_of_sentence(said, names) for said in (self.why, self.reference)
        )
        text = rename_in_formula(self.text, names)
        return replace(self, why=why, text=text, before=before, after=after, reference=reference)


class Derivation:
    """The recorded steps of a construction, in order; the steps are built on demand."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.notes: list[Callable[[dict[str, Any]], Step]] = []
        self.names = names

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The steps; each contains the values of earlier steps that its text uses."""
        known: dict[str, Any] = {}
        return tuple(step(known) for step in self.notes)


_RECORDING: ContextVar[Derivation | None] = ContextVar("_RECORDING", default=None)


@contextmanager
def collect_steps() -> Iterator[Derivation]:
    """Context manager: collect the steps that constructions record within the block.

    A nested call collects the steps of an attempt, with the matrices renamed as in the outer call.
    If the attempt succeeds, `adopt_steps` adds its steps to the outer steps.
    """
    outer = _RECORDING.get()
    derivation = Derivation(outer.names if outer else {})
    token = _RECORDING.set(derivation)
    try:
        yield derivation
    finally:
        _RECORDING.reset(token)


def adopt_steps(attempt: Derivation) -> None:
    """Add the steps of a successful attempt to the collected steps, if steps are collected."""
    if (derivation := _RECORDING.get()) is not None:
        derivation.notes += attempt.notes


@contextmanager
def rename_matrices(**names: str) -> Iterator[None]:
    """Context manager: rename matrices, such as C to C', in the steps recorded within the block."""
    derivation = _RECORDING.get()
    if derivation is None:
        yield
        return
    before, derivation.names = derivation.names, {**derivation.names, **names}
    try:
        yield
    finally:
        derivation.names = before


def record_step(
    rule: str,
    why: str,
    text: str,
    values: "Mapping[str, Any] | Callable[[], Mapping[str, Any]]",
    reference: str = "",
) -> None:
    """Record a step if steps are being collected. Its matrices are renamed inside of
    `rename_matrices`.

    `values` maps new names in `text` to matrices or elements of the field. It can be a function
    that returns this mapping, and that is called when the step is displayed or checked. The other
    arguments are as in `Step`.
    """
    derivation = _RECORDING.get()
    if derivation is None:
        return
    names = derivation.names

    def build_step_and_add_its_values(known: dict[str, Any]) -> Step:
        """Return the step, and add its values to `known`, which has those of all earlier steps."""
        renamed = rename_in_formula(text, names)
        told = values() if callable(values) else values
        after = {names.get(k, k): to_dense_if_rational_matrix(value) for k, value in told.items()}
        used = set(names_and_functions_in_formula(renamed)) - set(after)
        before = {name: known[name] for name in sorted(used & set(known))}
        known.update(after)
        both = [*after.values(), *before.values()]
        fields = [value.domain for value in both if isinstance(value, DomainMatrix)]
        field = reduce(lambda one, other: one.unify(other), fields) if fields else QQ
        said = rename_in_formulas_of_sentence(why, names)
        return Step(rule, said, renamed, before, after, field, reference)

    derivation.notes.append(build_step_and_add_its_values)


def nontrivial_order_and_flip_matrices(
    order: Sequence[int], flips: Sequence[int], field: Domain
) -> dict[str, DomainMatrix]:
    """Return a dict with the permutation matrix under "E", and the sign matrix under "F".

    A matrix that equals I is left out.
    """
    d, named = len(order), {}
    if list(order) != list(range(d)):
        named["E"] = linalg.identity(d, field).extract(list(order), list(range(d)))
    if flips:
        named["F"] = linalg.diagonal(signs_from_flips(flips, range(d), field), field)
    return named


def product_step(flow: CouplingFlow, target: DomainMatrix) -> Step:
    """Return the step which states that the product of the layers of `flow` is M, the `target`."""
    d, field = flow.dimension, flow.field
    names = [f"l{k}" for k in range(1, flow.depth + 1)]
    values = {
        name: layer.domain_matrix().to_dense() for name, layer in zip(names, flow, strict=True)
    }
    values |= nontrivial_order_and_flip_matrices(flow.order or range(d), flow.flips, field)
    left, right = ("E^T ", " E") if flow.order else ("", "")
    right += " F" if flow.flips else ""
    product = " ".join(reversed(names)) or "I"
    why = (
        "These are the layers, in the order in which data meets them. Neighbours that move the "
        "same half are merged."
    )
    return Step(
        "product",
        why if names else "`M` is the identity: there is no layer.",
        f"{left}{product}{right} = M",
        {"M": target.to_dense()},
        values,
        field,
    )
