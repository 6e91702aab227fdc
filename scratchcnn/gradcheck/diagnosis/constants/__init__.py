"""Mistakes of a constant: backward has another one than forward, an axis, a shift, a guard, a table.

Forward's code is copied with one constant changed (`variant`), in each of the ways in which that is usually got wrong
(`places`). If the caller's gradient is the true one of such a forward, the constant is named.
"""
