"""Defaults of the command and of `Predictor`."""

MODEL = "fer-small"
DETECTOR = "yunet"
WHOLE = "none"
"""In place of a detector: pictures are cropped faces already."""

MIN_SIZE = 20
"""Least width and height of a face in pixels. Networks of the package lose a quarter of their
accuracy on faces of 16 pixels, see the model card."""

BATCH = 16
"""Frames that are worked on at once."""
