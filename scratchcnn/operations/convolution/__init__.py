"""Convolution: as the article defines it (`conv2d`), and the same, faster (`fast`)."""
