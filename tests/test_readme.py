"""README says only what was run."""

import doctest
import re
import runpy
from pathlib import Path

import pytest

from exactflow.interop.libraries import PACKAGES
from proofs.rocq.restated import theorems_of

ROOT = Path(__file__).parent.parent


README = (ROOT / "README.md").read_text("utf-8")
SESSIONS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
TRAINED = [session for session in SESSIONS if "proofs.experiments" in session]


def examples(sessions):
    text = "\n".join(sessions)
    return doctest.DocTestParser().get_doctest(text, {}, "README", "README.md", 0)


def test_it_is_read_in_five_minutes():
    assert len(README.splitlines()) <= 120
    assert len(README.split()) <= 1000


def test_sessions():
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    sessions = examples([session for session in SESSIONS if session not in TRAINED])
    runner = doctest.DocTestRunner(optionflags=options)
    assert runner.run(sessions).failed == 0
    assert runner.tries > 4


@pytest.mark.slow
def test_the_trained_flow_is_diagnosed_as_readme_shows():
    """The table has the same layers and columns, and the convolution that is wrong stands out."""
    pytest.importorskip("normflows")
    pytest.importorskip("sklearn")
    from exactflow import diagnose
    from proofs.experiments.glow import model, x

    found = diagnose(model, x)
    (shown,) = (example.want for example in examples(TRAINED).examples if example.want)
    number = r" *-?(\d[\d.]*(e[+-]\d+)?|inf|nan)(?= |$)"
    drawn, printed = (
        [re.sub(number, " #", line, flags=re.MULTILINE) for line in text.strip().splitlines()]
        for text in (str(found), shown)
    )
    assert [line.split() for line in drawn] == [line.split() for line in printed]
    wrong = next(row for row in found.layers if row.path == "flows.1")
    assert wrong.log_det_error == pytest.approx(3 * abs(wrong.log_det))  # three pixels of four
    assert wrong.log_det_error > 100
    assert all(row.log_det_error < 1e-6 for row in found.layers if row is not wrong)
    assert max(found.layers, key=lambda row: row.condition) is wrong


COUNTING = ("index.md", "tutorial.md", "coupling.md", "playground.html")


@pytest.mark.parametrize("page", ["README.md", *(f"proofs/book/{page}" for page in COUNTING)])
def test_where_layers_are_counted_it_is_said_that_they_need_not_be_the_fewest(page):
    assert re.search(r"\bnot\s+(give|be|always)?\s*the\s+fewest", (ROOT / page).read_text())


def test_the_libraries_that_are_named_are_those_that_are_read():
    read = set(PACKAGES.values()) - {"torch", "flowjax"}  # test_flowjax.py says that it is not
    named = re.search(r"# yours: (.*), PyTorch$", README, re.MULTILINE)[1]
    assert {name.casefold() for name in named.split(", ")} == {name.casefold() for name in read}


@pytest.mark.parametrize(("file", "column"), [("headlines.v", -3), ("statements.v", -2)])
def test_the_table_of_formal_proofs_names_each_theorem_once(file, column):
    rows = (ROOT / "proofs" / "rocq" / "proved.md").read_text().splitlines()[2:]
    found = re.findall(r"`(\w+)`", " ".join(row.split("|")[column] for row in rows))
    assert sorted(found) == sorted(theorems_of(ROOT / "proofs" / "rocq" / file))


def test_the_table_of_formal_proofs_is_written_from_the_rows():
    write = runpy.run_path(str(ROOT / ".ci" / "tables"))["formal_table"]
    assert (ROOT / "proofs" / "rocq" / "proved.md").read_text() == write()


def test_no_link_is_relative_on_an_index():
    """The address of a link ends in a path of the tree; an image is not a page about it."""
    write = runpy.run_path(str(ROOT / ".ci" / "links"))["with_absolute_links"]
    written = write(README, "https://example.org/owner/exactflow/", "v1.0.0")
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", written)
    assert len(links) > 15
    for mark, address in links:
        base = f"https://example.org/owner/exactflow/{'raw' if mark else 'blob'}/v1.0.0/"
        assert address.startswith(base)
        assert (ROOT / address.removeprefix(base)).is_file()
    assert write(written, "https://example.org/other", "v1") == written
