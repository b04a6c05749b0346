"""The guide from a proof to a paper: each document that it links to is compiled."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "proofs" / "book"))
import papers

GUIDE = Path(papers.__file__).parent / "guides" / "paper.md"


def test_the_guide_links_to_each_document_and_to_no_other():
    linked = re.findall(r'href="\.\./papers/(\w+)\.pdf"', GUIDE.read_text("utf-8"))
    assert sorted(linked) == sorted(papers.documents())


def test_the_theorem_has_the_steps_of_the_explanation():
    documents = papers.documents()
    steps = papers.steps(documents["identity"])
    assert steps.startswith("\\begin{enumerate}")
    assert steps.endswith("\\end{enumerate}")
    assert steps in documents["theorem"]


@pytest.mark.slow
@pytest.mark.skipif(not papers.has_tools(), reason="needs pdflatex")
def test_each_document_is_compiled(tmp_path):
    papers.write_papers(tmp_path)
    for name in papers.documents():
        assert (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")
