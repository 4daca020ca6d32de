"""Defaults of the command and of `Predictor`."""

MODEL = "fer-small"
DETECTOR = "yunet"
WHOLE = "none"
"""Used in place of a detector if pictures are already cropped faces."""

MIN_SIZE = 20
"""Minimum width and height of a face in pixels. Networks of the package lose a quarter of their
accuracy on faces of 16 pixels, see the model card."""

BATCH = 16
"""Frames processed at once."""
