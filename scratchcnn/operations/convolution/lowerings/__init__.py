"""Lowerings: ways to bring a convolution to products of matrices."""
