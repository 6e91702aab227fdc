"""TensorFlow, as the tests compare with it: `from tests.peer import tf`.

Its settings are read when it is imported, so nothing else in `tests/` may import it.
"""

import importlib
import os

# On the CPU: a GPU multiplies float32 in fewer bits.
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
# With its own kernels. Those of oneDNN, the default, leave part of a float32 output unwritten for some shapes: in
# TensorFlow 2.21, zeros of (2, 2, 1, 1) with filters (1, 2, 1, 1), strides (1, 2) and padding "SAME" give 1e30.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

tf = importlib.import_module("tensorflow")
