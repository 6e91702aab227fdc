"""The article's operations, one file per family: each forward pass with its hand-written derivative beside it."""

from scratchcnn.operations._validate import Array as Array
from scratchcnn.operations.geometry import Padding as Padding
from scratchcnn.operations.geometry import Pair as Pair
from scratchcnn.operations.geometry import pair as pair
