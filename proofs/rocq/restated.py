"""The statements once more, in a file that knows MathComp alone, each proved by ours."""

import re
from pathlib import Path

from exactflow.files.rocq.syntax import read_library_file

__all__ = ["definitions_of", "restated", "theorems_of"]

HEADER = """\
(* Made by machine.  Whatever definitions, notations or coercions the other files have, here each
   statement is read before they are known; then the theorem of its name proves it. *)
From mathcomp Require Import ssreflect ssrfun ssrbool eqtype ssrnat seq choice fintype div bigop.
From mathcomp Require Import finset perm ssralg ssrnum ssrint archimedean zmodp matrix.
From mathcomp Require Import mxalgebra rat poly mxpoly.
Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.
Import GRing.Theory Num.Theory order.Order.Theory.
Local Open Scope ring_scope.
"""
THEOREM = re.compile(r"^Theorem (\w+)(.*?)\.\nProof\b", re.MULTILINE | re.DOTALL)
DEFINITION = re.compile(
    r"^(?:\(\*(?:(?!\*\)).)*\*\)\n)?Definition .*?\.$", re.MULTILINE | re.DOTALL
)


def theorems_of(file: Path) -> dict[str, str]:
    """Return the theorems of a file: name, and what it says, as one proposition."""
    return {name: proposition(said) for name, said in THEOREM.findall(file.read_text())}


def definitions_of(file: Path) -> list[str]:
    """Return the definitions of a file, each with the comment above it."""
    return DEFINITION.findall(file.read_text())


def proposition(said: str) -> str:
    """Return ``forall BINDERS, STATEMENT`` of ``BINDERS : STATEMENT``."""
    depth = place = 0
    while depth or said[place] != ":":
        depth += (said[place] in "([{") - (said[place] in ")]}")
        place += 1
    return f"forall{said[:place].rstrip()},{said[place + 1 :]}"


def restated(folder: Path) -> str:
    """Return the text of the file.

    The statements of statements.v need MathComp alone there; the headlines need definitions.v, too,
    which is copied as a whole. The definitions of statements.v and headlines.v are read again, as
    the statements are. The last words print the axioms on which all theorems together depend.
    """
    stated, proofs, names = [HEADER], [], []
    for file in ("statements", "headlines"):
        found = theorems_of(folder / f"{file}.v")
        if file == "headlines":
            stated.append(read_library_file("definitions"))
        stated.append(f"Module said_in_{file}.")
        stated += definitions_of(folder / f"{file}.v")
        stated += [f"Definition {name} : Prop := {said}." for name, said in found.items()]
        stated.append(f"End said_in_{file}.")
        for name in found:
            names.append(f"{file}_{name}")
            proofs.append(f"Definition {names[-1]} : said_in_{file}.{name}.")
            proofs.append(f"Proof. exact (@{file}.{name}). Qed.")
    last = [f"Definition all := ({', '.join(names)}).", "Print Assumptions all."]
    ours = "From exactflow Require statements headlines."
    return "\n".join([*stated, ours, *proofs, *last, ""])
