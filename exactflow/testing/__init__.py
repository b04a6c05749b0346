"""For your own tests: assertions that name the entry, and with the pytest plugin a fixture.

`assert_equal`, `assert_within`, `assert_depth` and `assert_invertible` are here; the strategies for
Hypothesis are in `exactflow.testing.strategies` (extra ``testing``). The plugin,
`exactflow.pytest_plugin`, collects certificates and proof scripts, and has the fixture
``certificate_regression``.
"""

from exactflow.testing.assertions import (
    assert_depth,
    assert_equal,
    assert_invertible,
    assert_within,
)

__all__ = ["assert_depth", "assert_equal", "assert_invertible", "assert_within"]
