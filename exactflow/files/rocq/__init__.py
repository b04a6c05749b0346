"""Write certificates as theorems for Rocq, and prove them by its kernel.

The library, `*.v`, proves with MathComp which computations suffice for a claim. A theorem requires
a file of the library and contains the numbers of one certificate. The kernel of Rocq checks these
numbers by computation.
"""
