"""Layers looked into: where they keep parameters and gradients, and how they are run."""
