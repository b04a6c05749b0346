"""What claims print, as a page shows it; and names that lead to the reference."""

import contextlib
import io
import sys
from html import escape
from pathlib import Path
from types import SimpleNamespace

import pytest

import exactflow
from exactflow import theorems
from exactflow.claims import Claims, Evidence

pytest.importorskip("sphinx", reason="needs the extra book")
pytest.importorskip("jupytext")
from docutils import nodes
from docutils.utils import new_document

sys.path.insert(0, str(Path(__file__).parents[3] / "proofs" / "book"))
import gallery
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
    first = '<p class="claim">a &lt; b: always <span class="badge" title="an equality in exact'
    assert html.startswith(f'<div class="claims">{first}')
    assert "<ul><li>d = 2: 3 layers</li></ul><pre>in between</pre><ul><li>d = 4" in html
    assert html.endswith("formally proved</span> not run: install Rocq</p></div>")


def test_every_name_at_the_root_is_documented():
    homes = links.aliases()
    assert [name for name in exactflow.__all__ if f"exactflow.{name}" not in homes] == []
    assert homes["exactflow.factor"] == "exactflow.linear.factor.factor"
    assert homes["exactflow.theorems"] == "exactflow.proving.theory.theorems"
    assert homes["exactflow.interop.convert"].startswith("exactflow.interop.conversion.")


@pytest.mark.parametrize("draws", [True, False])
def test_a_card_without_a_picture_of_its_own_shows_what_is_drawn_or_the_statement(draws):
    page = new_document("padding")
    if draws:
        page += nodes.image(uri="drawn.svg")
    builder = SimpleNamespace(imagedir="_images")
    images = {"drawn.svg": ({"theorems/padding"}, "1.svg")}
    env = SimpleNamespace(get_doctree={"theorems/padding": page}.get, images=images)
    context = {"body": gallery.DRAWN.format("padding"), "pathto": lambda path, _: f"../{path}"}
    gallery.insert_pictures(
        SimpleNamespace(env=env, builder=builder), "index", "page.html", context, None
    )
    image = '<img class="drawn" alt="" src="../_images/1.svg">'
    assert context["body"] == (image if draws else escape(theorems["padding"].statement))


def test_of_a_traceback_a_page_shows_the_last_exception():
    traceback = (
        "Traceback (most recent call last)\n    raise ValueError: no\nOddError: a, got b:\n  x"
    )
    doctree = new_document("a page")
    doctree += nodes.literal_block(traceback, traceback, classes=["output", "traceback"])
    outputs.format_outputs(SimpleNamespace(env=SimpleNamespace(docname="tutorial")), doctree)
    (block,) = doctree.findall(nodes.literal_block)
    assert block.astext() == block.rawsource == "OddError: a, got b:\n  x"
