"""Certificates as theorems for Rocq with MathComp, on products of layers and their least number.

The library, `*.v`, proves once and for all which computations suffice. A theorem requires a file of
the library and contains the numbers of one certificate, which the kernel checks by computation.
"""
