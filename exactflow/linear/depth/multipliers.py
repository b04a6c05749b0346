"""The multipliers of linear equations, as identities that a person can follow.

Equation j, the sum of P X Q over its terms = R, is multiplied by K_j and traced. The factor of an
unknown X is the sum of Q K_j P: zero, or for a positive diagonal a matrix whose diagonal has its
weights.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sympy.polys.matrices import DomainMatrix

from exactflow.exact import linalg
from exactflow.explanation.identity_text import letters_in_formula
from exactflow.linear.depth import equations
from exactflow.linear.depth.obstruction import Obstruction

Used: TypeAlias = tuple[equations.Equation, DomainMatrix]


def tell_multipliers(
    found: Obstruction, blocks: Mapping[str, DomainMatrix]
) -> tuple[list[str], dict[str, Any]]:
    """Return identities between multipliers and blocks, and the values that these name, for a
    linear obstruction.
    """
    system = equations.equations_for(found)
    used = [(e, W) for e, W in zip(system, found.witness, strict=True) if not W.is_zero_matrix]
    if len(found.pattern) < 3 and not any(e.terms for e, _ in used):
        return [found.named(e.name).replace(" = ", " != ") for e, _ in used], {}
    values: dict[str, Any] = {}
    sums: dict[str, list[str]] = {}
    right = []
    for j, (equation, W) in enumerate(used, 1):
        K = f"K{j}"
        values[K] = W
        named = [name for name in letters_in_formula(found.named(equation.name)) if name in blocks]
        mentioned = {name: blocks[name] for name in named}
        for X, P, Q in equation.terms:
            names = _name(Q, mentioned, values), K, _name(P, mentioned, values)
            sums.setdefault(X, []).append(" ".join(name for name in names if name != "I"))
        shown = found.named(equation.shown) or _new(equation.right, values)
        if shown != "0":
            factor = f"({shown})" if " " in shown else shown
            right.append(f"tr({K})" if shown == "I" else f"tr({K} {factor})")
    text = [f"{' + '.join(parts)} = {_weights(X, values, used)}" for X, parts in sums.items()]
    values["s"] = equations.right_side(system, found.witness)
    return [*text, f"{' + '.join(right) or '0'} = s"], values


def _weights(X: str, values: dict[str, Any], used: Sequence[Used]) -> str:
    """Return "0", or a new name for the matrix whose diagonal has the weights of X."""
    if X not in equations.POSITIVE:
        return "0"
    parts = [Q * (W * P) for e, W in used for Y, P, Q in e.terms if Y == X]
    values[f"K{X}"] = sum(parts[1:], parts[0])
    return f"K{X}"


def _name(M: DomainMatrix, blocks: Mapping[str, DomainMatrix], values: dict[str, Any]) -> str:
    """Return the name of a coefficient: that of a block, I, the negative of a block, or a new one.

    `blocks` are those that the equation names.
    """
    if (name := next((name for name, block in blocks.items() if block is M), None)) is not None:
        return name
    if M.shape[0] == M.shape[1] and linalg.identity(M.shape[0], M.domain) == M:
        return "I"
    negative = next((name for name, block in blocks.items() if -block == M), None)
    return f"(-{negative})" if negative else _new(M, values)


def _new(M: DomainMatrix, values: dict[str, Any]) -> str:
    """Return a name for a matrix that has none, R1, R2, .., and let `values` have it."""
    name = f"R{sum(known.startswith('R') for known in values) + 1}"
    values[name] = M
    return name
