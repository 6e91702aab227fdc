"""Derivatives of a black box, each with an error bound: one idea a file."""
