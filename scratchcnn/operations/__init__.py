"""The article's operations, a family a file: each forward pass with its hand-written derivative beside it."""

from scratchcnn.operations._validate import Array as Array
