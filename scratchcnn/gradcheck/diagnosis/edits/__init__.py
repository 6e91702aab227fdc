"""Mistakes in the code of backward: with one expression of it changed, the gradient is right.

A copy of the caller's code is run in which every expression tells its value (`sites`, `watched`). A mistake is undone
by giving one expression another value: another axis, the next index, the array transposed, another variable; or all
expressions that are alike. The change that makes every entry right, at several points with other cotangents, and leaves
right gradients right, names the mistake and its line.

What flows back to an expression of forward, put in place of one of backward, tells where a gradient becomes wrong
(`flows`). In `forward`, it is forward that is changed: backward may be right for another one.
"""
