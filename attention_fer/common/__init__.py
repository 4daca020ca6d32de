"""What every package uses: argument checks, registries, atomic writes, text on pictures.

Nothing here imports more than the standard library, or Pillow where text is drawn.
"""
