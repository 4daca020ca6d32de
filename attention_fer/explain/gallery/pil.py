"""Pillow, which reads and draws pictures here and is no requirement of the package."""

from __future__ import annotations

try:
    from PIL import Image, ImageDraw, ImageFont, ImageOps
except ImportError as error:
    raise ImportError(
        'Reading and drawing pictures needs Pillow: pip install "attention-fer[preprocessing]".'
    ) from error

__all__ = ["Image", "ImageDraw", "ImageFont", "ImageOps"]
