"""Text turned into tokens, and the tokens that a training reads."""

from stellwerk.dataset.check import check_dataset
from stellwerk.dataset.choice import Deduplication
from stellwerk.dataset.documents import Reading
from stellwerk.dataset.excerpt import ByteText, german_excerpt
from stellwerk.dataset.manifest import Manifest, Part, read_manifest
from stellwerk.dataset.model import TokenSource
from stellwerk.dataset.prepare import Preparation, Prepared, Stage, prepare
from stellwerk.dataset.prepared import PreparedText, open_dataset

__all__ = [
    "ByteText",
    "Deduplication",
    "Manifest",
    "Part",
    "Preparation",
    "Prepared",
    "PreparedText",
    "Reading",
    "Stage",
    "TokenSource",
    "check_dataset",
    "german_excerpt",
    "open_dataset",
    "prepare",
    "read_manifest",
]
