"""What one request may cost."""

from __future__ import annotations

from dataclasses import dataclass

from attention_fer.common.checks import positive_float, positive_int


@dataclass(frozen=True)
class Limits:
    """Limits of a server.

    Attributes:
        megabytes: largest size of a request's body.
        megapixels: largest size of a picture.
        seconds: for receiving a request, and again for answering it.
        requests: those being received, waiting or being answered at the same time.

    Raises:
        ValueError: a value that is not above 0.
    """

    megabytes: float = 20.0
    megapixels: float = 40.0
    seconds: float = 30.0
    requests: int = 8

    def __post_init__(self) -> None:
        for name in ("megabytes", "megapixels", "seconds"):
            positive_float(name, getattr(self, name))
        positive_int("requests", self.requests)

    @property
    def bytes(self) -> int:
        """Of a request's body."""
        return int(self.megabytes * 1_000_000)

    @property
    def pixels(self) -> int:
        """Of a picture."""
        return int(self.megapixels * 1_000_000)
