"""Backbones with attention as functional builders; a family is one file and one import line."""

from attention_fer.models.registry import build, names, options, register

from attention_fer.models.vgg import VGG16, VGG19  # isort: skip
from attention_fer.models.resnet import (
    ResNet50,
    ResNet50V2,
    ResNet101,
    ResNet101V2,
    ResNet152,
    ResNet152V2,
)
from attention_fer.models.weights import LoadReport, load_into

__all__ = [
    "VGG16",
    "VGG19",
    "LoadReport",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "build",
    "load_into",
    "names",
    "options",
    "register",
]
