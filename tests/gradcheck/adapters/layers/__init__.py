"""Thirty small layers in as many conventions, as public NumPy code has them; a third of them are wrong."""
