"""Text that a trained model writes."""

from __future__ import annotations

import torch

from stellwerk.dataset import TokenSource
from stellwerk.training.decoder.transformer import Decoder
from stellwerk.training.parallel import whole_logits


@torch.no_grad()
def sample_text(
    decoder: Decoder, source: TokenSource, prompt: str, *, length: int, temperature: float, seed: int, device: str
) -> str:
    """``length`` tokens drawn one after the other, after the prompt. Every process that shares the decoder has to
    call it, and gets the same text."""
    decoder.eval()
    for layer in decoder.decoder_layers():
        layer.run = layer.block  # each length would be translated anew
    generator = torch.Generator(device).manual_seed(seed)
    tokens = torch.tensor([source.encode(prompt)], device=device)
    for _ in range(length):
        logits = whole_logits(decoder(tokens[:, -decoder.max_length :]), decoder.vocabulary_group)[:, -1].float()
        drawn = torch.multinomial(torch.softmax(logits / temperature, dim=-1), 1, generator=generator)
        tokens = torch.cat((tokens, drawn), dim=1)
    return source.decode(tokens[0].tolist())
