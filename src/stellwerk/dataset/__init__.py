"""Text turned into tokens, and the tokens that a training reads."""

from stellwerk.dataset.excerpt import ByteText, german_excerpt
from stellwerk.dataset.model import TokenSource

__all__ = ["ByteText", "TokenSource", "german_excerpt"]
