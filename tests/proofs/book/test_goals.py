"""Pages of goals: written once, and again when what they come from is another."""

import sys
from pathlib import Path

import pytest

from proofs.rocq.build import Compiled

ROOT = Path(__file__).parents[3]
sys.path.insert(0, str(ROOT / "proofs" / "book"))
import goals  # noqa: E402


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Write pages for files with these keys; return the names of those that were made."""

    def write(keys, names="*"):
        made = []

        def build(root, scratch, jobs):
            for source, key in keys.items():
                (scratch / source).parent.mkdir(exist_ok=True)
                yield Compiled(source, (scratch / source).with_suffix(".vo"), key, None)

        def alectryon(*command, folder):
            assert f"{folder.parent}/exactflow/files/rocq" in command
            made.append(command[-1])
            (folder / command[-1]).write_text(
                '<head><link href="https://x.y/z.css"></head><body><pre></pre></body>'
            )
            for asset in goals.ASSETS:
                (folder / asset).touch()

        monkeypatch.setattr(goals, "build", build)
        monkeypatch.setattr(goals, "run", alectryon)
        goals.write_goals(tmp_path, ROOT, 2, names)
        return sorted(made)

    monkeypatch.setattr(goals, "version", lambda name: "2.0")
    return write


def test_a_page_is_made_again_if_its_file_is_another(written, tmp_path):
    assert written({"x/a.v": "1", "x/b.v": "2"}) == ["a.html", "b.html"]
    assert written({"x/a.v": "1", "x/b.v": "2"}) == []
    assert written({"x/a.v": "1", "x/b.v": "3"}) == ["b.html"]
    assert all((tmp_path / asset).exists() for asset in goals.ASSETS)


def test_only_files_of_a_name_have_pages(written):
    assert written({"x/a.v": "1", "x/b.v": "2"}, "b") == ["b.html"]


def test_half_a_page_is_none(written, tmp_path):
    written({"x/a.v": "1"})
    page = tmp_path / "a.html"
    page.write_text(page.read_text()[:-9])
    assert written({"x/a.v": "1"}) == ["a.html"]


def test_a_page_asks_no_other_host_and_leads_back(written, tmp_path):
    written({"x/a.v": "1"})
    page = (tmp_path / "a.html").read_text()
    assert page.startswith(f"{goals.HEAD}</head><body><header>")
    assert '<a href="../formal/a.html">' in page
    assert "https://" not in page
