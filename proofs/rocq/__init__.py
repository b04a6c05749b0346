"""The formal proofs, and what compiles and checks them: `proofs.formal` runs it."""
