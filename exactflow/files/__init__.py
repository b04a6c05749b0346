"""Read matrices from files; write and read layers and certificates; export theorems for Rocq."""
