"""The version: of the package, and in what it writes."""

__version__ = "1.0.0"
