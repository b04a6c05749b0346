"""What claims print, as a page shows it; and names that lead to the reference."""

import contextlib
import io
import sys
from pathlib import Path

import pytest

import exactflow
from exactflow.claims import Claims, Evidence

pytest.importorskip("sphinx", reason="needs the extra book")
pytest.importorskip("jupytext")
sys.path.insert(0, str(Path(__file__).parents[3] / "proofs" / "book"))
import links
import outputs


def test_claims_are_lists_without_the_name_of_the_theorem():
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        claims = Claims("My theorem (of today)")
        with claims.check("a < b: always", Evidence.EXACT) as check:
            check.true(True, "d = 2: 3 layers")
            print("in between")
            check.true(True, "d = 4: 5 layers")
        claims.not_run("for all n", Evidence.FORMAL, "install Rocq")
    html = outputs.claims_html(printed.getvalue().splitlines())
    assert "My theorem" not in html
    first = '<p class="claim">a &lt; b: always <span class="badge" title="equal in exact'
    assert html.startswith(f'<div class="claims">{first}')
    assert "<ul><li>d = 2: 3 layers</li></ul><pre>in between</pre><ul><li>d = 4" in html
    assert html.endswith("formally proved</span> not run: install Rocq</p></div>")


def test_every_name_at_the_root_is_documented():
    homes = links.aliases()
    assert [name for name in exactflow.__all__ if f"exactflow.{name}" not in homes] == []
    assert homes["exactflow.factor"] == "exactflow.linear.factor.factor"
    assert homes["exactflow.theorems"] == "exactflow.proving.theory.theorems"
    assert homes["exactflow.interop.convert"].startswith("exactflow.interop.conversion.")
