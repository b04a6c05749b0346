"""Numbers under a certified claim are rounded to the safe side, in what scripts print."""

import ast
import re
import runpy
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from sympy import Rational

from exactflow.laws.conditioning import bound_conditioning
from exactflow.proving.theorem_scripts import find_theorem_scripts

ROOT = Path(__file__).parents[2]
DURATION = "perf_counter() - start", "built", "done"
PADDED = re.compile(r"\d+")  # a width is no rounding


def nearest_roundings(path):
    """Yield what certified claims of a script round to nearest, with the line."""
    for block in ast.walk(ast.parse(path.read_text())):
        heads = block.items if isinstance(block, ast.With) else []
        if any("Evidence.CERTIFIED" in ast.unparse(item.context_expr) for item in heads):
            for part in ast.walk(block):
                if isinstance(part, ast.FormattedValue):
                    spec = part.format_spec and ast.unparse(part.format_spec)[2:-1]
                    value = ast.unparse(part.value)
                    is_plain = not spec or PADDED.fullmatch(spec) or value.endswith(DURATION)
                    if not is_plain or "float(" in value:
                        yield f"{part.lineno}: {value}"


@pytest.mark.parametrize("name", find_theorem_scripts())
def test_certified_claims_round_to_a_side(name):
    assert list(nearest_roundings(find_theorem_scripts()[name])) == []


def test_a_nearest_rounding_is_found(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "with claims.check('a', Evidence.CERTIFIED):\n    print(f'{x:.3g} {y:8} {float(z)}')\n"
    )
    assert list(nearest_roundings(script)) == ["2: x", "2: float(z)"]


@pytest.fixture(scope="module")
def printed():
    """The lines and the names of the script on forced conditioning."""
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["forced_conditioning"])
        patch.setattr("builtins.print", lambda *words, **_: lines.append(" ".join(map(str, words))))
        names = runpy.run_path(str(ROOT / "proofs" / "forced_conditioning.py"))
    return "\n".join(lines), names


@pytest.mark.slow
def test_slopes_that_are_forced_and_attained_are_between_what_is_printed(printed):
    text, names = printed
    rows = re.findall(r"^ +(.+), eps = (\S+): (\S+) <= Lambda <= (\S+)$", text, re.M)
    assert len(rows) >= 14
    for name, eps, low, high in rows:
        if name in names["EXACTLY"]:
            bounds = bound_conditioning(names["EXACTLY"][name], Rational(eps))
            assert Fraction(low) <= bounds.lipschitz <= bounds.attained <= Fraction(high)


@pytest.mark.slow
def test_bounds_are_weaker_as_printed(printed):
    text, names = printed
    rows = re.findall(
        r"^ +(.+), eps = (\S+): Lambda >= (\S+), E log\|det J\| <= (\S+) \(\d+ clusters\), "
        r"sigma_min <= (\S+), rms/gm >= (\S+)$",
        text,
        re.M,
    )
    assert len(rows) == len(names["bounded"]) >= 12
    for name, eps, slope, volume, least, ratio in rows:
        bounds = names["bounded"][name, Rational(eps)]
        assert Fraction(slope) <= bounds.lipschitz
        assert Fraction(volume) >= bounds.mean_log_det
        assert Fraction(least) >= bounds.sigma_min
        assert Fraction(ratio) <= bounds.ratio
