"""The version: of the package, and in what it writes."""

__all__ = ["__version__"]

__version__ = "1.0.0"
