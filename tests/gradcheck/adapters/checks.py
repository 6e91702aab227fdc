"""A check that looks at every entry, however slow the machine is."""

from functools import partial

from scratchcnn.gradcheck import check_gradient

checked = partial(check_gradient, max_entries=None)
