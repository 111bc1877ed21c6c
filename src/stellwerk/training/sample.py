"""Text that a trained model writes."""

from __future__ import annotations

import torch

from stellwerk.training.transformer import Decoder

PROMPT = "§ 1 "


@torch.no_grad()
def sample_text(decoder: Decoder, *, context: int, length: int, temperature: float, seed: int) -> str:
    """``length`` bytes drawn one after the other, after the prompt; what is no valid UTF-8 shows as U+FFFD.

    ``decoder`` is whole (not sharded); ``context`` is the longest sequence it takes.
    """
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.tensor([list(PROMPT.encode())])
    for _ in range(length):
        logits = decoder(tokens[:, -context:])[:, -1].float()
        drawn = torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator)
        tokens = torch.cat((tokens, drawn), dim=1)
    return bytes(tokens[0].tolist()).decode("utf-8", errors="replace")
