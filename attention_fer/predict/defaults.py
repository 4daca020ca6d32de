"""Defaults of the command and of `Predictor`."""

MODEL = "fer-small"
DETECTOR = "yunet"
WHOLE = "none"
"""Used in place of a detector if pictures are already cropped faces."""

MIN_SIZE = 20
"""Minimum width and height of a face in pixels. The network of the package loses a third of its
accuracy on faces of 16 pixels, see its model card."""

BATCH = 16
"""Frames processed at once."""
