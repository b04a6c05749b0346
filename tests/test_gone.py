"""No text for readers names what exactflow no longer has."""

import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GONE = (
    # whole models of integers, and lossless flows as files
    "codec",
    "LosslessModel",
    "LosslessModule",
    r"interop\.lossless",
    r"exactflow (apply|lossless|convert)\b",
    # one mask for a model, and networks as modules
    r"interop\.(one_mask|masked)",
    r"from exactflow\.interop import .*\b(lossless|one_mask)\b",
    "NetworkCoupling",
    # converting what is told by tensors, by names, by probing
    r"convert\(.*permutations=",
    r"--library\b",
    r"to_html\b",
    # theorem files that come in
    r"check (\S+ )*\S+\.v\b",
    # moved beside the scripts that need it
    r"exactflow\.capacity",
    "approximate_well",
    r"universal\.(Sphere|Ring|spheres|segments?|one_layer_bound|QuantileFunction)\b",
    r"method=.classical",
    r"padding\.gaussian_padding",
    r"\.kl_lower_bound\b",
    r"gaussian\.gaussian_depth",
    # routes, estimates, completion, pages, formats
    r"method=.balanced",
    r"--yes\b",
    r"shtab|exactflow completion",
    r"--html\b",
    "Matrix ?Market",
    r"\.mtx\b",
    r"--to (sage|sympy|latex|torch|json)\b",
    r"\bSage\b",
    r"\[report\]",
    "markdown-it|pygments|latex2mathml|mdit-py-plugins",
)
READ = (
    "README.md",
    "CHANGELOG.md",
    "setup.cfg",
    "pyproject.toml",
    ".pre-commit-hooks.yaml",
    ".github/**/*.*",
    "exactflow/**/*.py",
    "exactflow/**/*.toml",
    "proofs/__main__.py",
    "proofs/book/**/*.md",
)


@cache
def texts() -> dict[Path, str]:
    """The texts for readers, by path."""
    paths = (path for pattern in READ for path in ROOT.glob(pattern) if "_build" not in path.parts)
    return {path: path.read_text("utf-8") for path in paths}


@pytest.mark.parametrize("name", GONE)
def test_nothing_names_what_went(name):
    assert len(texts()) > 100
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path, text in texts().items()
        if re.search(name, text)
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(name, line)
    ]
    assert found == []
