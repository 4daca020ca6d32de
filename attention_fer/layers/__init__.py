"""Attention modules as Keras layers. A new module is one file here and one import below."""

from attention_fer.layers.base import AttentionModule
from attention_fer.layers.cbam import CBAM, ChannelAttention, SpatialAttention
from attention_fer.layers.eca import ECA
from attention_fer.layers.registry import Spec, get, names, register
from attention_fer.layers.se import SE

__all__ = [
    "CBAM",
    "ECA",
    "SE",
    "AttentionModule",
    "ChannelAttention",
    "SpatialAttention",
    "Spec",
    "get",
    "names",
    "register",
]
