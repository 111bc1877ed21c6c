"""What a prepared dataset is, as people read it."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from rich.table import Table

from stellwerk.cli.output import console
from stellwerk.dataset import Manifest


def show_manifest(folder: Path, manifest: Manifest) -> None:
    """Prints the counts, and the table of sources with their licences."""
    console.print(f"{folder}: {manifest.training.tokens:,} tokens to learn from", markup=False)
    parts = Table(box=None, header_style="bold", title_justify="left")
    for heading in ("", "documents", "bytes of text", "tokens", "bytes per token", "shards"):
        parts.add_column(heading, justify="right" if heading else "left")
    for name, part in (("training", manifest.training), ("held out", manifest.held_out)):
        per_token = f"{part.text_bytes / part.tokens:.2f}" if part.tokens else "–"
        parts.add_row(
            name,
            f"{part.documents:,}",
            f"{part.text_bytes:,}",
            f"{part.tokens:,}",
            per_token,
            f"{len(part.shards):,}",
        )
    console.print(parts)
    console.print(_dropped(manifest))
    made = "trained on this text" if manifest.tokenizer_trained else "loaded"
    console.print(f"Tokenizer: {manifest.vocabulary:,} tokens, {made}; {manifest.token_type}; seed {manifest.seed}.")
    sources = Table(box=None, header_style="bold")
    for heading in ("source", "version", "licence", "documents", "bytes of text"):
        sources.add_column(heading, justify="right" if heading in ("documents", "bytes of text") else "left")
    for source in manifest.sources:
        sources.add_row(
            escape(source.source),
            escape(source.version) or "–",
            escape(source.licence),
            f"{source.documents:,}",
            f"{source.text_bytes:,}",
        )
    console.print(sources)


def _dropped(manifest: Manifest) -> str:
    dropped, how = manifest.dropped, manifest.deduplication["how"]
    words = [f"{dropped.empty:,} empty"]
    if how != "off":
        words.append(f"{dropped.exact_duplicates:,} exact duplicates")
    if how == "near":
        words.append(f"{dropped.near_duplicates:,} near duplicates")
    return f"Dropped documents: {', '.join(words)}."
