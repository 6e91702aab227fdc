"""The article's operations, a family a file: each forward pass with its hand-written derivative beside it."""
