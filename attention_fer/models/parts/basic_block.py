"""The residual block of two 3x3 convolutions.

He et al. 2015, https://arxiv.org/abs/1512.03385, figure 5, left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import layers as kl

from attention_fer.models.parts.common import draw_seed, torch_batch_normalization
from attention_fer.models.parts.residual_layers import StochasticDepth
from attention_fer.models.parts.seeded_layers import SeededLayers

POSITIONS = ("pre-add", "post-add", "pre", "identity", "pre-norm", "pre-conv")


@dataclass(frozen=True)
class BasicBlocks(SeededLayers):
    """Convolutions without bias, batch normalisation and activation, as usual in PyTorch.

    Attributes:
        attend: the places of the attention layers, at positions in `POSITIONS`.
        activation: any Keras activation; None for the one with `negative_slope`.
        kernel_initializer, seed: of the convolutions; see `common.seeded`.
        negative_slope: slope of the activation; 0 is a ReLU.
        projection: kernel size of a shortcut whose number of channels changes.
        branch_gamma: initializer for the scale of the last normalisation of a branch; with "zeros"
            a block starts as its shortcut (Goyal et al. 2017, https://arxiv.org/abs/1706.02677).
    """

    negative_slope: float
    projection: int
    branch_gamma: str = "ones"

    def padded_conv(self, x: Any, filters: int, size: int, stride: int, name: str) -> Any:
        """Pad by half the kernel on every side, which "same" does not do at stride 2."""
        if stride > 1 and size == 1:
            # On a CPU, TensorFlow 2.21 writes out of bounds in the gradient of a strided 1x1 kernel
            # on few channels. The max-pool picks the pixels that such a kernel reads.
            x = kl.MaxPooling2D(1, strides=stride, name=f"{name}_pick")(x)
            stride = 1
        elif stride > 1:
            x = kl.ZeroPadding2D(size // 2, name=f"{name}_pad")(x)
        padding = "same" if stride == 1 else "valid"
        name = f"{name}_conv"
        return self.conv(x, filters, size, name, strides=stride, padding=padding, use_bias=False)

    def conv_norm(self, x: Any, filters: int, size: int, stride: int, name: str) -> Any:
        x = self.padded_conv(x, filters, size, stride, name)
        return torch_batch_normalization(f"{name}_bn")(x)

    def act(self, x: Any, name: str) -> Any:
        if self.activation is not None:
            return super().act(x, name)
        if self.negative_slope == 0:
            return kl.ReLU(name=name)(x)
        return kl.LeakyReLU(negative_slope=self.negative_slope, name=name)(x)

    def conv_norm_act(self, x: Any, filters: int, size: int, stride: int, name: str) -> Any:
        return self.act(self.conv_norm(x, filters, size, stride, name), f"{name}_relu")

    def block(
        self,
        x: Any,
        filters: int,
        stride: int,
        project: bool,
        name: str,
        stage: int,
        drop_path: float = 0.0,
    ) -> Any:
        """Add the branch to the shortcut and activate the sum.

        `drop_path` is the probability of dropping the branch for a sample in training.
        """
        shortcut = x
        if project:
            shortcut = self.attend(x, "pre-conv", stage, f"{name}_0")
            shortcut = self.conv_norm(shortcut, filters, self.projection, stride, f"{name}_0")
        shortcut = self.attend(shortcut, "identity", stage, name)
        x = self.attend(x, "pre", stage, name)
        x = self.attend(x, "pre-conv", stage, f"{name}_1")
        x = self.conv_norm_act(x, filters, 3, stride, f"{name}_1")
        x = self.attend(x, "pre-conv", stage, f"{name}_2")
        x = self.padded_conv(x, filters, 3, 1, f"{name}_2")
        x = self.attend(x, "pre-norm", stage, name)
        x = torch_batch_normalization(f"{name}_2_bn", self.branch_gamma)(x)
        x = self.attend(x, "pre-add", stage, name)
        if drop_path:
            drop = f"{name}_drop_path"
            x = StochasticDepth(drop_path, draw_seed(self.seed, drop), name=drop)(x)
        x = self.act(kl.Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")
        return self.attend(x, "post-add", stage, name)
