"""Backbones with attention. To add a family, add a file here and an import below.

`FERSmall` is a complete recogniser of expressions, with weights.
"""

from attention_fer.models.registry import build, names, options, recognisers, register

# `names()` lists the families in the order of these imports.
# isort: off
from attention_fer.models.vgg import VGG16, VGG19
from attention_fer.models.resnet import (
    ResNet50,
    ResNet101,
    ResNet152,
    ResNet50V2,
    ResNet101V2,
    ResNet152V2,
)
from attention_fer.models.small_cnn import CNNV1, CNNV2
from attention_fer.models.mini_resnet import MiniResNet
from attention_fer.models.small_resnet import SmallResNet
from attention_fer.models.residual_masking import ResidualMaskingNetwork
from attention_fer.models.convnext import ConvNeXt
from attention_fer.models.vision_transformers import ConViT, DeiT, ViT
from attention_fer.models.fer_small import FERSmall

# isort: on
from attention_fer.models.parts.heads import HEADS, Head
from attention_fer.models.pretrained.by_name import LoadReport, load_into
from attention_fer.models.pretrained.transformers import load_pretrained

__all__ = [
    "CNNV1",
    "CNNV2",
    "HEADS",
    "VGG16",
    "VGG19",
    "ConViT",
    "ConvNeXt",
    "DeiT",
    "FERSmall",
    "Head",
    "LoadReport",
    "MiniResNet",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "ResidualMaskingNetwork",
    "SmallResNet",
    "ViT",
    "build",
    "load_into",
    "load_pretrained",
    "names",
    "options",
    "recognisers",
    "register",
]
