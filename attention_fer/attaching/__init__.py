"""Attention for models that have none: `attach` puts modules in, `detach` takes them out."""

from attention_fer.attaching.attach import attach
from attention_fer.attaching.detach import detach
from attention_fer.attaching.receipt import Place, Receipt

__all__ = ["Place", "Receipt", "attach", "detach"]
