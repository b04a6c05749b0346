"""The version of the package; the files that it writes name the version, too."""

__version__ = "1.0.0"
