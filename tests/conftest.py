"""Versions in the header; small Hypothesis profiles, else ``--hypothesis-profile=large``."""

import gc
import platform
import signal
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import settings
from sympy.external.gmpy import GROUND_TYPES

signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]  # the shared tables of examples, and proofs/

settings.register_profile("default", max_examples=15, deadline=None)
settings.register_profile("large", max_examples=2000, deadline=None)
settings.load_profile("default")


def pytest_xdist_auto_num_workers(config):
    """Every core for the whole suite; what is named on the command line runs in this process."""
    return None if config.args_source is config.ArgsSource.TESTPATHS else 0


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Collect no garbage among what is imported and collected: it stays, and is large.

    Afterwards seldom: caches fill, of which every collection would visit all.
    """
    gc.disable()
    gc.set_threshold(10_000)
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_report_header():
    packages = ("sympy", "python-flint", "numpy", "mpmath")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    return f"python {platform.python_version()}, {versions}; ground types: {GROUND_TYPES}"
