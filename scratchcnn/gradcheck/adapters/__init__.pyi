from .cache import from_cache as from_cache
from .jax import from_jax as from_jax
from .layer import from_layer as from_layer
from .loss import from_loss as from_loss
from .tensorflow import from_tensorflow as from_tensorflow
from .torch import from_torch as from_torch
