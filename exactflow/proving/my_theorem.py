# %% [markdown]
# # My theorem
#
# What is claimed, for whom, and where it is from. Run this file by ``exactflow prove FILE``, by
# ``python FILE``, or cell by cell as a notebook. Five words are kept apart: *exact*, *for all n*,
# *certified*, *numeric* and *formally proved* (``exactflow.claims.Evidence``).

# %%
from exactflow import factor, permutation
from exactflow.claims import Claims, Evidence, proof_options

claims = Claims("My theorem")
options = proof_options()

# %% [markdown]
# ## Instances
# Each call of `check` is one instance, which holds or ends the script.

# %%
largest = 24 if options.full else 12
with claims.check("six layers rotate the coordinates by two places", Evidence.EXACT) as check:
    for d in range(2, largest + 1, 2):
        M = permutation([*range(2, d), 0, 1])
        flow = factor(M)
        check.true(flow.depth <= 6, f"d = {d}: {flow.depth} layers")
        check.equal(flow.matrix(), M)
