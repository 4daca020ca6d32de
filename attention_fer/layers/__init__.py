"""Attention modules as Keras layers. A new module is one file here and one import below."""

from attention_fer.layers.base import AttentionModule, IdentityStartError
from attention_fer.layers.cbam import CBAM, ChannelAttention, SpatialAttention
from attention_fer.layers.combinators import Parallel, Sequence
from attention_fer.layers.eca import ECA
from attention_fer.layers.ese import ESE
from attention_fer.layers.gct import GCT
from attention_fer.layers.nam import NAM
from attention_fer.layers.pfaam import PfAAM
from attention_fer.layers.registry import Spec, combinators, get, names, register
from attention_fer.layers.se import SE
from attention_fer.layers.sge import SGE
from attention_fer.layers.simam import SimAM
from attention_fer.layers.srm import SRM

__all__ = [
    "CBAM",
    "ECA",
    "ESE",
    "GCT",
    "NAM",
    "SE",
    "SGE",
    "SRM",
    "AttentionModule",
    "ChannelAttention",
    "IdentityStartError",
    "Parallel",
    "PfAAM",
    "Sequence",
    "SimAM",
    "SpatialAttention",
    "Spec",
    "combinators",
    "get",
    "names",
    "register",
]
