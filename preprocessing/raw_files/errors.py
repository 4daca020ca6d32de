"""How the loss of an item is recorded, so that nothing is lost silently."""

from __future__ import annotations

from dataclasses import dataclass


class UnreadableError(Exception):
    """An item that cannot be read.

    Args:
        reason: its category, the same words for every item of a kind: `"undecodable image"`.
        detail: what was found in this item, and what was expected; the message of the error.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True)
class Rejected:
    """A raw item that did not become an image of the dataset.

    Attributes:
        source: where it lies, e.g. `archive.zip/train/angry/Training_1.jpg`.
        reason: its category, the same words for every item of a kind.
        detail: what was found in this item.
        label: its class name if known.
    """

    source: str
    reason: str
    detail: str = ""
    label: str = ""
