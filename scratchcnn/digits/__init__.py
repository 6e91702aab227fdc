"""Handwritten digits: MNIST, the 200 digits of it that ship with the package, and pictures of single digits."""
