"""Float64 layers with certified errors, and their rounding to bijections of integer vectors."""
