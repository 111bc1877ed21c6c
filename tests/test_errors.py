from __future__ import annotations

from stellwerk.errors import InputError, InputErrors, MissingExtraError, nearest_match


def test_a_mistake_names_file_key_value_allowed_and_nearest() -> None:
    error = InputError("is unknown", file="w.toml", key="training.precision", value="bf61", allowed=["bf16", "fp16"])
    assert str(error) == (
        "w.toml: training.precision: is unknown (got 'bf61'); allowed: bf16, fp16; did you mean 'bf16'?"
    )
    assert error.exit_code == 2


def test_long_lists_are_counted_and_long_values_cut() -> None:
    allowed = [f"model-{number}" for number in range(50)]
    text = str(InputError("no such model", value="model-7b" + "x" * 500, allowed=allowed))
    assert "one of 50 values" in text
    assert len(text) < 300


def test_several_mistakes_stand_on_a_line_each() -> None:
    errors = InputErrors([InputError("one", key="a"), InputError("two", key="b")])
    assert str(errors) == "a: one\nb: two"
    assert len(errors.errors) == 2


def test_a_missing_extra_names_the_command() -> None:
    assert "pip install 'stellwerk[sim]'" in str(MissingExtraError("stellwerk simulate", "sim"))


def test_nothing_close_is_no_suggestion() -> None:
    assert nearest_match("zebra", ["bf16", "fp16"]) is None
    assert nearest_match("BF-16", ["bf16", "fp16"]) == "bf16"
