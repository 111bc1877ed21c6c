"""What a prepared dataset is, as people read it."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from stellwerk.cli.output import console
from stellwerk.dataset import Manifest


def show_manifest(folder: Path, manifest: Manifest) -> None:
    """Prints the counts, and the table of sources with their licences."""
    console.print(f"{folder}: {manifest.training.tokens:,} tokens to learn from", markup=False, soft_wrap=True)
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
    console.print("Sources:")
    for source in manifest.sources:
        version = f", version {source.version}" if source.version else ""
        click.echo(f"- {source.source}{version}")
        click.echo(f"  licence: {source.licence}")
        click.echo(f"  kept: {source.documents:,} documents, {source.text_bytes:,} bytes of {source.files:,} files")


def _dropped(manifest: Manifest) -> str:
    dropped, how = manifest.dropped, manifest.deduplication["how"]
    words = [f"{dropped.empty:,} empty"]
    if how != "off":
        words.append(f"{dropped.exact_duplicates:,} exact duplicates")
    if how == "near":
        words.append(f"{dropped.near_duplicates:,} near duplicates")
    return f"Dropped documents: {', '.join(words)}."
