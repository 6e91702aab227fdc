"""A sweep: some 150 functions each of torch, JAX and TensorFlow, whose gradients are taken to be right.

What the check calls WRONG is either a mistake of a framework or a false accusation; mpmath says which. It is run by
request, and is no part of the suite:

    python -m tests.gradcheck.adapters.sweep torch
    python -m tests.gradcheck.adapters.sweep jax sinc logit --seed 3
"""
