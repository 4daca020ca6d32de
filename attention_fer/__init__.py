"""Attention modules and facial-expression backbones for Keras 3.

`attention_fer.layers` holds the attention modules, `attention_fer.models` the networks that take
any of them. Neither is imported here, so that `import attention_fer` costs nothing.
"""

__version__ = "0.1.0"
