"""The exact kernel: numbers in and out, linear algebra over a field, enclosures, and draws.

Nothing here knows what a coupling is.
"""
