"""How a backward pass of other people is called, and what it returns."""
