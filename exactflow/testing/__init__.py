"""For other people's tests: what the pytest plugin collects, and its fixture.

`exactflow.pytest_plugin` is the plugin; it imports this room when there is something to do.
"""
