"""Certificates as theorems for Rocq: a matrix is a product of layers, and of no fewer.

The library, `*.v`, proves with MathComp, once and for all, which computations suffice. A theorem
requires a file of the library and contains the numbers of one certificate, which the kernel checks
by computation.
"""
