"""Flows as text for other systems: SymPy, Sage, LaTeX, and the proof assistants Rocq and Lean.

The SymPy and Sage texts end with a check that the layers multiply to the target; for Rocq and Lean
this is a theorem, proved by computation in the kernel.
"""

from collections.abc import Callable

from sympy.polys.matrices import DomainMatrix

from exactflow.errors import InvalidInputError
from exactflow.exact.numbers import format_rational
from exactflow.exact.typing import Element
from exactflow.files.certificate import certificate_text
from exactflow.flows.flow import CouplingFlow

__all__ = ["FORMATS", "export"]


def export(flow: CouplingFlow, to: str) -> str:
    """Return a flow over QQ as text.

    Parameters
    ----------
    flow : the flow; its factors are written as d x d matrices on the coordinates in their natural
        order, the first to be applied last. A layer of a mask is no block matrix then.
    to : "sympy" (a Python script), "sage" (a Sage script), "latex" (an equation), "rocq" (a
        theorem that compiles with the standard library), "lean" (one for Lean 4 with Mathlib) or
        "json" (the certificate).

    Raises
    ------
    InvalidInputError
        An unknown format, or entries that are not rational.

    >>> from exactflow import factor
    >>> print(export(factor([[2, 1], [0, 1]]), "sage").splitlines()[0])
    target = matrix(QQ, [
    """
    if to not in FORMATS:
        raise InvalidInputError(f"expected a format of {', '.join(FORMATS)}, got {to!r}")
    if to == "json":
        return certificate_text(flow)
    if not flow.field.is_QQ:
        raise InvalidInputError(f"expected a flow over QQ for {to}, got one over {flow.field}")
    return FORMATS[to](flow)


def _factors(flow: CouplingFlow) -> list[DomainMatrix]:
    """Return the factors of the flow's matrix from left to right, the signs of the flips last.

    All are about the coordinates in their natural order, whatever order the layers see.
    """
    order = flow.order or range(flow.dimension)
    places = sorted(range(flow.dimension), key=order.__getitem__)
    factors = [
        CouplingFlow([layer]).domain_matrix().extract(places, places)
        for layer in reversed(flow.layers)
    ]
    if flow.flips or not factors:
        factors.append(CouplingFlow([], flow.partition, flow.flips).domain_matrix())
    return factors


def _script(flow: CouplingFlow, head: str, entry: Callable, constructor: str) -> str:
    def matrix(M: DomainMatrix) -> str:
        rows = ("[" + ", ".join(map(entry, row)) + "]" for row in M.to_list())
        return f"{constructor}[\n        " + ",\n        ".join(rows) + "])"

    factors = ",\n    ".join(map(matrix, _factors(flow)))
    return (
        f"{head}target = {matrix(flow.domain_matrix())}\n"
        f"factors = [\n    {factors}\n]\n"
        "product = factors[0]\n"
        "for factor in factors[1:]:\n"
        "    product = product * factor\n"
        "print(product == target)\n"
    )


def _sympy(flow: CouplingFlow) -> str:
    return _script(flow, "from sympy import Matrix, Rational\n\n", _python, "Matrix(")


def _python(x: Element) -> str:
    """Return a rational as Python source: hexadecimal where decimal digits would hit a limit."""
    parts = int(x.numerator), int(x.denominator)
    return "Rational({}, {})".format(*(hex(n) if n.bit_length() > 14_000 else n for n in parts))


def _sage(flow: CouplingFlow) -> str:
    return _script(flow, "", format_rational, "matrix(QQ, ")


def _latex(flow: CouplingFlow) -> str:
    def entry(x: Element) -> str:
        numerator, _, denominator = format_rational(x).partition("/")
        sign, digits = ("-", numerator[1:]) if numerator[0] == "-" else ("", numerator)
        return f"{sign}\\frac{{{digits}}}{{{denominator}}}" if denominator else numerator

    def matrix(M: DomainMatrix) -> str:
        rows = (" & ".join(map(entry, row)) for row in M.to_list())
        return "\\begin{pmatrix} " + " \\\\ ".join(rows) + " \\end{pmatrix}"

    return f"{matrix(flow.domain_matrix())} = {' '.join(map(matrix, _factors(flow)))}"


def _rocq(flow: CouplingFlow) -> str:
    def entry(x: Element) -> str:
        numerator, _, denominator = format_rational(x).partition("/")
        return f"({numerator}) # {denominator or 1}"

    def matrix(M: DomainMatrix) -> str:
        rows = ("[" + "; ".join(map(entry, row)) + "]" for row in M.to_list())
        return "[" + ";\n   ".join(rows) + "]"

    factors = ";\n  ".join(map(matrix, _factors(flow)))
    return _ROCQ.format(target=matrix(flow.domain_matrix()), factors=factors)


_ROCQ = """(* A flow of coupling layers equals a matrix, over the rationals: written by exactflow.
   The kernel checks it: coqc FILE.v.  The first factor is applied last. *)
From Coq Require Import QArith List Bool.
Import ListNotations.
Open Scope Q_scope.

Definition matrix := list (list Q).
Definition scale_add (c : Q) (row sum : list Q) : list Q :=
  map (fun p => Qred (c * fst p + snd p)) (combine row sum).
Definition row_times (row : list Q) (M : matrix) : list Q :=
  fold_right (fun p sum => scale_add (fst p) (snd p) sum)
    (map (fun _ => 0) (hd [] M)) (combine row M).
Definition times (M N : matrix) : matrix := map (fun row => row_times row N) M.
Definition product (factors : list matrix) : matrix :=
  match factors with [] => [] | M :: rest => fold_left times rest M end.

Definition equal (M N : matrix) : Prop := Forall2 (Forall2 Qeq) M N.
Fixpoint all2 (A : Type) (f : A -> A -> bool) (s t : list A) : bool :=
  match s, t with
  | [], [] => true
  | x :: s, y :: t => f x y && all2 A f s t
  | _, _ => false
  end.
Lemma all2_sound (A : Type) (f : A -> A -> bool) (R : A -> A -> Prop) :
  (forall x y, f x y = true -> R x y) ->
  forall s t, all2 A f s t = true -> Forall2 R s t.
Proof.
intros sound s; induction s as [|x s IH]; intros [|y t]; simpl; try discriminate.
- constructor.
- intro H; apply andb_true_iff in H; destruct H; constructor; auto.
Qed.

Definition target : matrix :=
  {target}.
Definition factors : list matrix :=
  [{factors}].

Theorem flow_equals_target : equal target (product factors).
Proof.
apply (all2_sound _ (all2 _ Qeq_bool)); [|vm_compute; reflexivity].
apply (all2_sound _ Qeq_bool); exact Qeq_bool_eq.
Qed.
Print Assumptions flow_equals_target.
"""


def _lean(flow: CouplingFlow) -> str:
    d = flow.dimension

    def matrix(M: DomainMatrix) -> str:
        rows = (", ".join(map(format_rational, row)) for row in M.to_list())
        return "!![" + ";\n    ".join(rows) + "]"

    def definition(name: str, M: DomainMatrix) -> str:
        return f"def {name} : Matrix (Fin {d}) (Fin {d}) Rat :=\n  {matrix(M)}\n"

    factors = _factors(flow)
    names = [f"factor{k}" for k in range(len(factors))]
    definitions = map(definition, ["target", *names], [flow.domain_matrix(), *factors])
    return (
        "/- A flow of coupling layers equals a matrix, over the rationals: written by exactflow.\n"
        "   For Lean 4 with Mathlib. Not compiled by exactflow: the kernel's word is the first.\n"
        "   The first factor is applied last. -/\n"
        "import Mathlib.Data.Matrix.Notation\nimport Mathlib.Data.Rat.Defs\n\n"
        f"{chr(10).join(definitions)}\n"
        f"theorem flow_equals_target : target = {' * '.join(names)} := by\n  decide +kernel\n"
    )


FORMATS: dict[str, Callable] = {
    "sympy": _sympy,
    "sage": _sage,
    "latex": _latex,
    "rocq": _rocq,
    "lean": _lean,
    "json": certificate_text,
}
