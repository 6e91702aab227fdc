"""The article's operations, one file per family: each forward pass with its hand-written derivative beside it."""

from scratchcnn.operations._geometry import Padding as Padding
from scratchcnn.operations._geometry import Pair as Pair
from scratchcnn.operations._geometry import pair as pair
from scratchcnn.operations._validate import Array as Array
