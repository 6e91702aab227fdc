"""The article's operations, one file per family: each forward pass with its hand-written derivative beside it."""

from scratchcnn.operations._validate import Array as Array
