"""Derivatives of a black box, each with an error bound: one idea a file.

Nothing here knows of a backward pass, or of a verdict: these modules import nothing from the rooms above.
"""
