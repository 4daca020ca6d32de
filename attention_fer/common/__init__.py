"""Shared by every package: argument checks, registries, atomic writes, progress, text on pictures.

Nothing here needs more than the standard library, except Pillow to draw text, rich for bars and
Keras for `keras_private`.
"""
