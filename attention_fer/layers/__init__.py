"""Attention modules as Keras layers. To add a module, add a file here and an import below."""

from attention_fer.layers.bam import BAM
from attention_fer.layers.base import AttentionModule, IdentityStartError
from attention_fer.layers.cbam import CBAM, ChannelAttention, SpatialAttention
from attention_fer.layers.combinators import Parallel, Sequence
from attention_fer.layers.coord import CoordinateAttention
from attention_fer.layers.dan import DAN
from attention_fer.layers.eca import ECA
from attention_fer.layers.ema import EMA
from attention_fer.layers.ese import ESE
from attention_fer.layers.fca import FCA
from attention_fer.layers.gc import GlobalContext
from attention_fer.layers.gct import GCT
from attention_fer.layers.lka import LKA, VANAttention
from attention_fer.layers.nam import NAM
from attention_fer.layers.pfaam import PfAAM
from attention_fer.layers.registry import Spec, combinators, get, names, register
from attention_fer.layers.scse import SCSE, ChannelSE, SpatialSE
from attention_fer.layers.se import SE
from attention_fer.layers.sge import SGE
from attention_fer.layers.shuffle import ShuffleAttention
from attention_fer.layers.simam import SimAM
from attention_fer.layers.srm import SRM
from attention_fer.layers.triplet import TripletAttention

__all__ = [
    "BAM",
    "CBAM",
    "DAN",
    "ECA",
    "EMA",
    "ESE",
    "FCA",
    "GCT",
    "LKA",
    "NAM",
    "SCSE",
    "SE",
    "SGE",
    "SRM",
    "AttentionModule",
    "ChannelAttention",
    "ChannelSE",
    "CoordinateAttention",
    "GlobalContext",
    "IdentityStartError",
    "Parallel",
    "PfAAM",
    "Sequence",
    "ShuffleAttention",
    "SimAM",
    "SpatialAttention",
    "SpatialSE",
    "Spec",
    "TripletAttention",
    "VANAttention",
    "combinators",
    "get",
    "names",
    "register",
]
