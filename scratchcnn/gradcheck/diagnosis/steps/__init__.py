"""Mistakes inside backward: one step of forward is differentiated wrongly, the others are right.

Forward is run once on numbers whose slopes record how they came about (`tape`). From the record the gradient is
computed as it would be if one step were differentiated wrongly in one of the usual ways (`slips`), for all steps and
all ways at once (`sweep`). The one that gives the caller's gradient names the mistake, and the line of forward.
"""
