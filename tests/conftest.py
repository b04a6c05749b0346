"""Hypothesis profiles: a small one by default, a large one with ``--hypothesis-profile=large``."""

import sys
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).parent
sys.path[:0] = [str(TESTS), str(TESTS.parent)]  # the shared tables of examples, and proofs/

settings.register_profile("default", max_examples=50, deadline=None)
settings.register_profile("large", max_examples=2000, deadline=None)
settings.load_profile("default")
