"""TensorFlow with the settings that the tests compare with: `from tests.peer import tf`.

TensorFlow reads its settings when it is imported, so that no other file in `tests/` may import it.
"""

import importlib
import os

# The CPU alone: a GPU may multiply float32 with fewer bits.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
# TensorFlow's own kernels. Those of oneDNN, the default, leave part of a float32 output unwritten for some shapes. For
# example, TensorFlow 2.21 gives 1e30 for zeros (2, 2, 1, 1), filters (1, 2, 1, 1), strides (1, 2) and padding "SAME".
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

tf = importlib.import_module("tensorflow")
