"""The caller's own code, run in a world where numbers may be balls."""
