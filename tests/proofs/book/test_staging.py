"""Pages that are written before Sphinx reads them."""

import json
import re
import sys
from pathlib import Path

import pytest

import exactflow
from exactflow import theorems

pytest.importorskip("sphinx", reason="needs the extra book")
pytest.importorskip("jupytext")

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "proofs" / "book"))
import playground  # noqa: E402
import staging  # noqa: E402


def test_each_formal_statement_stands_on_the_page_of_its_theorem(tmp_path):
    staging.write_formal(tmp_path, ROOT, "")
    named = {row.script: set(row.formal) for row in theorems.values() if row.formal}
    pages = {name: (tmp_path / f"{name}.md").read_text("utf-8") for name in named}
    for name, statements in named.items():
        assert set(re.findall(r"^Theorem (\w+)", pages[name], re.MULTILINE)) == statements
    for text in pages.values():
        for page, anchor in re.findall(r"\(\.\./formal/(\w+)\.md#([\w-]+)\)", text):
            assert f"\n## {anchor.replace('-', ' ')}\n" in pages[page]


def test_each_row_about_formal_proofs_stands_on_a_page(tmp_path):
    staging.write_formal(tmp_path, ROOT, "")
    rows = (ROOT / "proofs" / "rocq" / "proved.md").read_text("utf-8").splitlines()[2:]
    shown = "".join(path.read_text("utf-8") for path in tmp_path.glob("*.md"))
    assert [row for row in rows if f"**{row.split('|')[1].strip()}**" not in shown] == []


def test_the_page_about_formal_proofs_begins_with_what_they_are_and_is_short(tmp_path):
    staging.write_formal(tmp_path, ROOT, "")
    text = (tmp_path / "index.md").read_text("utf-8")
    assert text.startswith("# Formal proofs\n\n`proofs/rocq` proves the statements below")
    assert "```coq" not in text
    assert "](six_layers.md)" in text


def test_the_reference_tells_the_whole_first_paragraph_of_each_name_at_the_root(tmp_path):
    staging.write_reference(tmp_path)
    lines = (tmp_path / "index.md").read_text("utf-8").splitlines()
    for name in exactflow.__all__:
        assert f"- `{name}`: {staging.first_paragraph(name)}" in lines
    assert [line for line in lines if line.startswith("|")] == []


def test_the_playground_opens_with_answers_that_were_computed_before():
    held = re.search(r'id="computed">(.*)</script>', playground.page_source())[1]
    computed = json.loads(held)
    first = computed["answers"][next(iter(computed["examples"].values()))]
    assert first["headline"] == (
        "Six coupling layers equal this matrix exactly. Five additive ones do not."
    )
    assert first["verdict"]["word"] == "proved"
    assert set(computed["answers"]) == set(computed["examples"].values())
    assert "</" not in held
