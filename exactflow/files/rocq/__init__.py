"""Certificates as theorems for Rocq, with MathComp: about layers, and about the least number.

The texts `*.v` prove, once and for all, which computations suffice. A theorem requires one of them
and contains the numbers of one certificate, which the kernel checks by computation.
"""
