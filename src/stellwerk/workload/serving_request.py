"""The service that a few words ask for, with what is usual where they leave something open."""

from __future__ import annotations

from dataclasses import dataclass

from stellwerk.workload.filled_in import FilledIn, said_or
from stellwerk.workload.model import Architecture

# All of these are judgements of ours.
USERS_PER_CONCURRENT_REQUEST = 10
PROMPT_TOKENS = 2000
OUTPUT_TOKENS = 500
TOKENS_PER_S = 15
FIRST_TOKEN_S = 5
WEIGHTS = "fp8"
DURATION = "365d"


@dataclass(frozen=True, slots=True)
class ServingRequest:
    """What a person says about a service, as the file has it ("365d"); None where nothing is said."""

    users: int | str
    concurrent_requests: int | str | None = None
    duration: str | None = None


def serving_section(request: ServingRequest, architecture: Architecture | None) -> dict[str, object]:
    """The values of the file's ``[serving]``, each as it was said or a FilledIn."""
    concurrent = usual_concurrent_requests(request.users)
    return {
        "users": request.users,
        "concurrent_requests": said_or(
            request.concurrent_requests, "serving.concurrent_requests", concurrent, "concurrent_requests"
        ),
        **_lengths(architecture),
        "tokens_per_s": FilledIn("serving.tokens_per_s", TOKENS_PER_S, "tokens_per_s"),
        "first_token_s": FilledIn("serving.first_token_s", FIRST_TOKEN_S, "first_token_s"),
        "weights": FilledIn("serving.weights", WEIGHTS, "weights"),
        "duration": said_or(request.duration, "serving.duration", DURATION, "service_duration"),
    }


def usual_concurrent_requests(users: int | str) -> int:
    """A tenth of the users, rounded up, and at least 1, so also where ``users`` is no number."""
    return max(-(-users // USERS_PER_CONCURRENT_REQUEST), 1) if isinstance(users, int) else 1


def _lengths(architecture: Architecture | None) -> dict[str, FilledIn]:
    """Prompt and answer, in the same proportion where the model has learned fewer positions than both take."""
    prompt, output, positions = PROMPT_TOKENS, OUTPUT_TOKENS, architecture.positions if architecture else 0
    fits = not 0 < positions < prompt + output
    if not fits:
        output = max(positions * output // (prompt + output), 1)
        prompt = max(positions - output, 1)
    return {
        "prompt_tokens": FilledIn("serving.prompt_tokens", prompt, "prompt_tokens" if fits else "positions"),
        "output_tokens": FilledIn("serving.output_tokens", output, "output_tokens" if fits else "positions"),
    }
