"""The pytest plugin: certificates and proof scripts as tests, and `certificate_regression`.

It is loaded in every run of pytest, so it imports nothing else before there is something to do.

    pytest --exactflow               *.cert.json, *.depth.json and proof scripts, wherever it looks
    pytest c.json                    a certificate, by its name

A proof script is a file that makes `exactflow.claims.Claims` outside of its functions, and has no
function that is a test; in a folder proofs, every file.

In a configuration, ``exactflow_files`` and ``exactflow_scripts`` name patterns of what is always
collected, and nothing else is. A certificate is one item, ``c.cert.json::verified``: it fails where
it is refuted, with the first differing entry, and is an error where it is malformed. A proof script
is one item for each place where it checks a claim, marked with its kind of evidence (``-m exact``),
and one for running to its end; the script runs once, in a process of its own. A false claim is one
failure: what follows it is skipped, as not reached.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from fnmatch import fnmatch
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from exactflow.proving.regression import CertificateRegression

FILES = ("*.cert.json", "*.depth.json")
SCRIPTS = ("proofs/*.py",)
FORMATS = b'"exactflow-certificate"', b'"exactflow-depth-certificate"'
HEAD = 4096  # bytes in which a certificate says what it is


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("exactflow", "certificates and proof scripts (exactflow)")
    add = group.addoption
    add("--exactflow", action="store_true", help="collect certificates and proof scripts")
    add("--exactflow-quick", action="store_true", help="test equalities at random vectors only")
    add("--exactflow-within", metavar="BOUND", help="demand that no entry differs by more")
    add(
        "--exactflow-incomplete",
        choices=("fail", "skip", "xfail"),
        default="fail",
        help="what a certificate is that could not be decided (default: fail)",
    )
    add("--exactflow-timeout", type=float, metavar="SECONDS", help="time limit for each file")
    if find_spec("pytest_regressions") is None:  # else its --force-regen serves both
        add(
            "--force-regen",
            action="store_true",
            help="certificate_regression writes what has changed, and fails then",
        )
    files = " ".join(FILES)
    parser.addini("exactflow_files", f"certificates; with --exactflow: {files}", "args", [])
    parser.addini("exactflow_scripts", "proof scripts; with --exactflow: any", "args", [])


def pytest_configure(config: pytest.Config) -> None:
    for word in ("exact", "for_all_n", "certified", "numeric", "formal"):
        if _patterns(config, "exactflow_scripts", SCRIPTS):
            text = word.replace("formal", "formally proved").replace("_", " ")
            config.addinivalue_line("markers", f"{word}: a claim of a proof script, {text}")
    limit, within = config.option.exactflow_timeout, config.option.exactflow_within
    if limit is not None and not limit > 0:
        raise pytest.UsageError(f"--exactflow-timeout: expected seconds > 0, got {limit}")
    if within is not None:
        from exactflow import checker

        try:
            checker.read_bound(within, "--exactflow-within")
        except checker.MalformedError as error:
            raise pytest.UsageError(str(error)) from None


def _patterns(config: pytest.Config, name: str, usual: tuple[str, ...]) -> list[str]:
    """Return the patterns of the configuration, or the usual ones with --exactflow."""
    configured: list[str] = config.getini(name)
    return configured or [pattern for pattern in usual if config.option.exactflow]


def _matches(path: Path, patterns: list[str]) -> bool:
    """Whether a path ends in a pattern; ``**/`` matches any number of folders."""
    return any(
        path.match(pattern.replace("**/", ""))
        or ("**/" in pattern and fnmatch(path.as_posix(), f"*/{pattern}"))
        for pattern in patterns
    )


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect what is ours; a proof script is not imported as a test module besides."""
    others = yield
    if file_path.suffix.lower() == ".json" and _is_certificate(file_path, parent):
        from exactflow.proving.items import CertificateFile

        return [*others, CertificateFile.from_parent(parent, path=file_path)]
    if file_path.suffix == ".py" and _is_script(file_path, parent):
        from exactflow.proving.items import ScriptFile

        return [ScriptFile.from_parent(parent, path=file_path)]
    return others


def pytest_report_collectionfinish(
    config: pytest.Config, items: Sequence[pytest.Item]
) -> list[str]:
    """Count the certificates and scripts that --exactflow has found, even if none."""
    if not config.option.exactflow:
        return []
    from exactflow.proving.items import CertificateFile, ScriptFile

    files = {item.parent for item in items}
    certificates = sum(isinstance(file, CertificateFile) for file in files)
    scripts = sum(isinstance(file, ScriptFile) for file in files)
    return [f"exactflow: certificates: {certificates}, proof scripts: {scripts}"]


def _is_certificate(path: Path, parent: pytest.Collector) -> bool:
    config = parent.config
    patterns = [pattern.lower() for pattern in _patterns(config, "exactflow_files", FILES)]
    if _matches(Path(str(path).lower()), patterns):  # C.Cert.JSON is no less a certificate
        return True
    if not parent.session.isinitpath(path):
        return False
    return config.option.exactflow or any(word in _content(path, HEAD) for word in FORMATS)


def _is_script(path: Path, parent: pytest.Collector) -> bool:
    config = parent.config
    if _matches(path, _patterns(config, "exactflow_scripts", SCRIPTS)):
        return not path.name.startswith("_")
    is_named = parent.session.isinitpath(path)
    if not config.option.exactflow or (config.getini("exactflow_scripts") and not is_named):
        return False
    if b"exactflow.claims" not in _content(path):
        return False
    from exactflow.proving.sites import makes_claims

    is_test = _matches(path, config.getini("python_files"))
    return (is_named and not is_test) or makes_claims(path)


def _content(path: Path, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError:
        return b""


@pytest.fixture
def certificate_regression(request: pytest.FixtureRequest) -> CertificateRegression:
    """Hold a flow, or a least depth, against the certificate that an earlier run of the test wrote.

    ``certificate_regression.check(flow)`` writes TEST_FILE/TEST_NAME.cert.json in the first run,
    and fails; later runs fail where the flow no longer equals the matrix of the certificate, or
    has become deeper or longer in bits. What `minimal_depth` returned is written to
    TEST_NAME.depth.json. ``--force-regen`` writes either anew.
    """
    from exactflow.proving.regression import CertificateRegression

    return CertificateRegression(request)
