"""The pytest plugin: certificates and proof scripts as tests, and `certificate_regression`.

Every run of pytest loads this plugin, so it imports other modules only when it needs them.

    pytest --exactflow               collect *.cert.json, *.depth.json and proof scripts
    pytest c.json                    collect a certificate by its name

A proof script is a file that makes or checks claims of `exactflow.claims` outside of its functions;
it may import this module by any name. A file with tests and a name of ``python_files`` is a test
module instead. In a folder proofs every file is a script. The terminal lists the collected scripts,
and the other files that import `exactflow.claims`, with the reasons.

The configuration options ``exactflow_files`` and ``exactflow_scripts`` are patterns of certificates
and scripts. Files that match are collected even without --exactflow, and no other files are
collected then.

A certificate is one item, ``c.cert.json::verified``. A refuted certificate is a failure, with the
first differing entry; a malformed certificate is an error. A proof script has one item for each
place where it checks a claim, marked with the kind of evidence (``-m exact``), and one item for
running to its end. The script runs once, in a process of its own. A false claim is one failure: the
items after this claim are skipped, as not reached.
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
HEAD = 4096  # the first bytes of a certificate, which contain the name of the format
SKIPPED = pytest.StashKey[dict[Path, str]]()
"""File that uses claims, but is not collected as a proof script -> the reason."""


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("exactflow", "certificates and proof scripts (exactflow)")
    add = group.addoption
    add("--exactflow", action="store_true", help="collect certificates and proof scripts")
    add("--exactflow-quick", action="store_true", help="test equalities at random vectors only")
    add(
        "--exactflow-within", metavar="BOUND", help="demand that no entry differs by more than this"
    )
    add(
        "--exactflow-incomplete",
        choices=("fail", "skip", "xfail"),
        default="fail",
        help="outcome for a certificate that could not be decided, or a claim that its script does "
        "not reach (default: fail)",
    )
    add("--exactflow-timeout", type=float, metavar="SECONDS", help="time limit for each file")
    # if pytest-regressions is installed, its option --force-regen serves both plugins
    if find_spec("pytest_regressions") is None:
        add(
            "--force-regen",
            action="store_true",
            help="certificate_regression writes changed certificates anew, and fails",
        )
    files = " ".join(FILES)
    parser.addini("exactflow_files", f"certificates; with --exactflow: {files}", "args", [])
    parser.addini("exactflow_scripts", "proof scripts; with --exactflow: any", "args", [])


def pytest_configure(config: pytest.Config) -> None:
    config.stash[SKIPPED] = {}
    for word in ("exact", "for_all_n", "certified", "numeric", "formal"):
        if _configured_patterns_or_default(config, "exactflow_scripts", SCRIPTS):
            text = word.replace("formal", "formally proved").replace("_", " ")
            config.addinivalue_line("markers", f"{word}: a claim of a proof script, {text}")
    limit, within = config.option.exactflow_timeout, config.option.exactflow_within
    if limit is not None and not limit > 0:
        raise pytest.UsageError(
            f"--exactflow-timeout: expected a number of seconds > 0, got {limit}"
        )
    if within is not None:
        from exactflow import checker

        try:
            checker.read_bound(within, "--exactflow-within")
        except checker.MalformedError as error:
            raise pytest.UsageError(str(error)) from None


def _configured_patterns_or_default(
    config: pytest.Config, option_name: str, default_with_exactflow_option: tuple[str, ...]
) -> list[str]:
    """Return the patterns of a configuration option.

    If none are configured, return `default_with_exactflow_option` with --exactflow, else [].
    """
    configured: list[str] = config.getini(option_name)
    return configured or [
        pattern for pattern in default_with_exactflow_option if config.option.exactflow
    ]


def _matches_a_pattern(path: Path, patterns: list[str]) -> bool:
    """Whether the end of a path matches a pattern; ``**/`` matches any number of folders."""
    return any(
        path.match(pattern.replace("**/", ""))
        or ("**/" in pattern and fnmatch(path.as_posix(), f"*/{pattern}"))
        for pattern in patterns
    )


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> Generator[None, list[pytest.Collector], list[pytest.Collector]]:
    """Collect certificates and proof scripts; a proof script is not collected as a test module."""
    others = yield
    if file_path.suffix.lower() == ".json" and _is_certificate_to_collect(file_path, parent):
        from exactflow.proving.pytest_items import CertificateFile

        return [*others, CertificateFile.from_parent(parent, path=file_path)]
    if file_path.suffix == ".py":
        is_script, reason = _is_script_and_skip_reason(file_path, parent)
        if reason:
            parent.config.stash[SKIPPED][file_path] = reason
        if is_script:
            from exactflow.proving.pytest_items import ScriptFile

            return [ScriptFile.from_parent(parent, path=file_path)]
    return others


def pytest_report_collectionfinish(
    config: pytest.Config, items: Sequence[pytest.Item]
) -> list[str]:
    """Report the number of certificates, the proof scripts, and the reasons for skipped files."""
    if not (config.option.exactflow or config.getini("exactflow_scripts")):
        return []
    from exactflow.errors import printable
    from exactflow.proving.pytest_items import CertificateFile, ScriptFile

    files = list(dict.fromkeys(item.parent for item in items))
    certificates = sum(isinstance(file, CertificateFile) for file in files)
    scripts = [file.path for file in files if isinstance(file, ScriptFile)]
    lines = [f"certificates: {certificates}, proof scripts: {len(scripts)}"]
    lines += [f"proof script {_relative_path_if_inside(path, config)}" for path in scripts]
    lines += [
        f"skipped {_relative_path_if_inside(path, config)}: {reason}"
        for path, reason in config.stash[SKIPPED].items()
    ]
    return [printable(f"exactflow: {line}") for line in lines]


def _relative_path_if_inside(path: Path, config: pytest.Config) -> str:
    """Return a path relative to pytest's root folder; return a path outside of it unchanged."""
    root = config.rootpath
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _is_certificate_to_collect(path: Path, parent: pytest.Collector) -> bool:
    config = parent.config
    patterns = [
        pattern.lower()
        for pattern in _configured_patterns_or_default(config, "exactflow_files", FILES)
    ]
    if _matches_a_pattern(Path(str(path).lower()), patterns):  # C.Cert.JSON matches, too
        return True
    if not parent.session.isinitpath(path):
        return False
    return config.option.exactflow or any(
        word in _read_regular_file_or_empty(path, HEAD) for word in FORMATS
    )


def _is_script_and_skip_reason(path: Path, parent: pytest.Collector) -> tuple[bool, str]:
    """Return whether a file is a proof script to collect; and why not, if it uses
    `exactflow.claims`.

    The reason is "" for a script, for a file that does not use `exactflow.claims`, and for a file
    that the options of pytest leave out.
    """
    config, is_named = parent.config, parent.session.isinitpath(path)
    if _matches_a_pattern(
        path, _configured_patterns_or_default(config, "exactflow_scripts", SCRIPTS)
    ):
        is_hidden = path.name.startswith("_")
        return not is_hidden, "its name begins with _" if is_hidden else ""
    if not config.option.exactflow or (config.getini("exactflow_scripts") and not is_named):
        return False, ""
    content = _read_regular_file_or_empty(path)
    if b"exactflow" not in content or b"claims" not in content:
        return False, ""
    from exactflow.errors import InvalidInputError
    from exactflow.proving.claim_sites import find_claims_use, read_script

    has_test_module_name = _matches_a_pattern(path, config.getini("python_files"))
    try:
        use = find_claims_use(read_script(path))
    except InvalidInputError:  # the error is reported when the script runs
        return True, ""
    if not (use.imports or use.makes):
        return False, ""
    if has_test_module_name and use.tests:
        return False, f"a test module, since it has {use.tests[0]} and a name of python_files"
    # a file that only imports the module is a script if the command line names it
    if use.makes or (is_named and not has_test_module_name):
        return True, ""
    return False, "claims in functions alone: name it on the command line, or in exactflow_scripts"


def _read_regular_file_or_empty(path: Path, most_bytes: int = -1) -> bytes:
    if not path.is_file():  # named pipes and devices are not read, since they can be endless
        return b""
    try:
        with path.open("rb") as file:
            return file.read(most_bytes)
    except OSError:
        return b""


@pytest.fixture
def certificate_regression(request: pytest.FixtureRequest) -> CertificateRegression:
    """An object that compares a flow or a minimal depth with the certificate of an earlier run.

    ``certificate_regression.check(flow)`` writes TEST_FILE/TEST_NAME.cert.json in the first run,
    and fails. Later runs fail if the flow no longer equals the matrix of the certificate, or has
    more layers or longer entries. A result of `minimal_depth` is written to TEST_NAME.depth.json.
    ``--force-regen`` replaces a changed file, and fails.
    """
    from exactflow.proving.regression import CertificateRegression

    return CertificateRegression(request)
