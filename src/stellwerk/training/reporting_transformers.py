"""The Reporter as a callback of ``transformers``' Trainer: ``Trainer(…, callbacks=[StellwerkCallback()])``."""

# ruff: noqa: ARG002, the Trainer hands over more than is used

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from stellwerk.training.reporting import Reporter


class StellwerkCallback(TrainerCallback):
    """Reports what the Trainer logs (set ``logging_steps=1`` for each step), and has it save and stop when asked to."""

    def __init__(self, reporter: Reporter | None = None) -> None:
        self.reporter = reporter or Reporter()

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        if self.reporter.should_stop:
            control.should_save = True
            control.should_training_stop = True
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        logs = logs or {}
        if "loss" in logs or "eval_loss" in logs:
            self.reporter.step(
                state.global_step,
                logs.get("loss"),
                tokens=int(state.num_input_tokens_seen) or None,
                learning_rate=logs.get("learning_rate"),
                gradient_norm=logs.get("grad_norm"),
                held_out_loss=logs.get("eval_loss"),
            )
