"""Certificates as theorems for Rocq, with MathComp: what one claims, and how few layers do.

The texts `*.v` prove once what makes lists of rationals sufficient; a theorem is some of them and
the numbers of one certificate, which the kernel checks by computation.
"""
