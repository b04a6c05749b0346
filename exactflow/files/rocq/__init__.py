"""Certificates as theorems for Rocq, with MathComp: what one claims, and how few layers do.

The texts `*.v` prove once what makes numbers sufficient; a theorem requires one of them and has the
numbers of one certificate, which the kernel checks by computation.
"""
