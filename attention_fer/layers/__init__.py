"""Attention modules as Keras layers. A new module is one file here and one import below."""

from attention_fer.layers.base import AttentionModule, IdentityStartError
from attention_fer.layers.cbam import CBAM, ChannelAttention, SpatialAttention
from attention_fer.layers.combinators import Parallel, Sequence
from attention_fer.layers.eca import ECA
from attention_fer.layers.registry import Spec, combinators, get, names, register
from attention_fer.layers.se import SE

__all__ = [
    "CBAM",
    "ECA",
    "SE",
    "AttentionModule",
    "ChannelAttention",
    "IdentityStartError",
    "Parallel",
    "Sequence",
    "SpatialAttention",
    "Spec",
    "combinators",
    "get",
    "names",
    "register",
]
