# %% [markdown]
# # Identities: the constructions, for all n
#
# **Theorem 1c.** The identities below hold for blocks of every size, over every field that has the
# numbers in them.
#
# **Why.** A test at one $n$ says nothing about the next. The papers' constructions are products of
# block matrices (Koehler, Mehta, Risteski, ICML 2021; Urschel 2024); where such a product is a
# given matrix by algebra alone, that can be decided once, for all $n$.
#
# ## How an identity is proved
#
# Blocks are symbols that do not commute; invertible ones have an inverse, $P P^{-1} = P^{-1} P =
# 1$, and where it is named, relations such as $s^\mathsf{T} e = 0$ or $P Y = 1$ hold. Both sides
# are expanded entry by entry into sums of words with rational coefficients, cancelled by these
# relations, and compared word by word. If the sums are equal, so are the sides in every ring that
# has such elements and these coefficients: in matrices of every size, since substitution is a
# homomorphism from the free ring with these relations. So this is a proof *for all n*. It names
# its hypotheses: the relations, and what has to be invertible. A name is defined once, before its
# use; a text of definitions alone is refused, as it claims nothing.
#
# The converse is not claimed: what differs as words might be equal in matrices of a certain size.
# And the hypotheses under which the symbols exist (a commutator, a transvection, an involution) are
# no part of an identity: the constructions build them, and every result of `factor` checks them,
# exactly.

# %%
from exactflow.claims import Claims, Evidence
from exactflow.errors import InvalidInputError
from exactflow.explanation.symbolic_identities import IDENTITIES, FalseIdentityError, Identity

claims = Claims("identities")

# %%
for identity in IDENTITIES.values():
    with claims.check(identity.statement, Evidence.FOR_ALL_N) as check:
        proof = identity.prove()
        check.true(proof.words > 0, str(proof))

# %% [markdown]
# ## What is false is refuted
# Shears of different halves do not commute: the words that survive are shown.

# %%
commute = Identity("commute", "shears commute", "", "U(X) L(Y) = L(Y) U(X)")
with claims.check("a false identity is refuted", Evidence.FOR_ALL_N) as check:
    try:
        commute.prove()
        surviving = ""
    except FalseIdentityError as error:
        surviving = str(error)
    check.true("X Y" in surviving, surviving)

# %% [markdown]
# What defines a name by itself, or twice, is no identity.

# %%
with claims.check("a circular text is refused", Evidence.FOR_ALL_N) as check:
    for text in ("A = A + 1", "D = 1 + Y Z, D = 1 + Z Y", "A = B, B = A + 1, A B = B A", "A = B"):
        try:
            refused = f"proved: {Identity('circular', text, '', text).prove()}"
        except InvalidInputError as error:
            refused = str(error)
        check.true(refused.startswith("expected"), refused)
