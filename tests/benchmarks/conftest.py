"""With ``--benchmark-disable`` each benchmark runs once, on its first instance, so that none rots.

Goals, which compare times, have no fixture of pytest-benchmark and are left out then.
"""


def pytest_collection_modifyitems(config, items):
    if config.getoption("benchmark_disable", False):
        timed = [item for item in items if "benchmark" in item.fixturenames]
        first = {(item.path, item.originalname): item for item in reversed(timed)}
        left_out = [item for item in items if item not in first.values()]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
