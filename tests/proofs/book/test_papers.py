"""The guide from a proof to a paper: each document that it links to is compiled."""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[3] / "proofs" / "book"))
pytest.importorskip("pypdfium2")
Image = pytest.importorskip("PIL.Image")
import papers  # noqa: E402

GUIDE = Path(papers.__file__).parent / "guides" / "paper.md"


def test_the_guide_links_to_each_document_and_to_no_other():
    text = GUIDE.read_text("utf-8")
    for attribute in (r'<p>.*href="\.\./papers/(\w+)\.pdf"', r'src="\.\./papers/(\w+)\.png"'):
        assert sorted(re.findall(attribute, text)) == sorted(papers.documents())


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
        picture = Image.open(tmp_path / f"{name}.png")
        assert picture.getextrema()[0] < 60  # there is text
        assert picture.size[0] > 300
