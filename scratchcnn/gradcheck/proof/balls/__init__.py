"""Numbers with a rigorous error bound and a slope, arrays of them, and the functions that they know."""
