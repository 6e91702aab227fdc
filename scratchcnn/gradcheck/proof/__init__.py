"""Both sides in ball arithmetic: numbers with a rigorous error bound and a slope, on which the caller's code runs."""
