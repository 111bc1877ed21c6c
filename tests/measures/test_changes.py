from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.measures.changes import (
    FORMS,
    Checkpoint,
    Effect,
    FailureTimes,
    Load,
    PolicyNamed,
    PolicySetting,
    Reserve,
    Resize,
    WallTimeLimit,
    parse_change,
    parse_sweep,
)


@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("nodes+32", Resize("nodes", "", 32, relative=False)),
        ("nodes-10%", Resize("nodes", "", -0.1, relative=True)),
        ("nodes:gpu-a100+8", Resize("nodes", "gpu-a100", 8, relative=False)),
        ("processors+64", Resize("processors", "", 64, relative=False)),
        ("policy=conservative", PolicyNamed("conservative")),
        ("policy.bf_max_job_test=500", PolicySetting("bf_max_job_test", "500")),
        ("reserve=startup:10%", Reserve("startup", 0.1)),
        ("reserve=a:b:12.5%", Reserve("a:b", 0.125)),
        ("limit=24", WallTimeLimit(86_400)),
        ("limit=2d", WallTimeLimit(172_800)),
        ("load=×1.2", Load(1.2)),
        ("load=x0.5", Load(0.5)),
        ("load=+20%", Load(1.2)),
        ("checkpoint=1", Checkpoint(3_600)),
        ("checkpoint=never", Checkpoint(None)),
        ("failures=2000h", FailureTimes(7_200_000)),
        ("failures=2000/4", FailureTimes(7_200_000, 14_400)),
        ("failures=never", FailureTimes(None)),
        (" nodes+1 ", Resize("nodes", "", 1, relative=False)),
    ],
)
def test_a_change_is_read_as_it_is_written(text: str, effect: Effect) -> None:
    found = parse_change(text)
    assert found.effect == effect
    assert found.text == text.strip()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("node+32", r"did you mean 'nodes\+N'"),
        ("nodes=32", "nodes"),
        ("nodes+1.5", "whole number"),
        ("processors:gpu+1", "no groups"),
        ("reserv=startup:10%", "did you mean 'reserve=GROUP:SHARE%'"),
        ("reserve=startup", "a share above 0 and below 100%"),
        ("reserve=startup:100%", "a share above 0 and below 100%"),
        ("limit=soon", "is no duration"),
        ("limit=0", "is no duration"),
        ("limit=0.0001", "shorter than a second"),
        ("failures=2000/soon", "is no duration"),
        ("load=fast", "is no factor"),
        ("load=-100%", "is no factor"),
        ("policy=", "is no change"),
        ("policy.=3", "is no change"),
        ("", "is no change"),
    ],
)
def test_a_bad_change_is_named_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        parse_change(text)
    assert str(caught.value).startswith("--change: ")
    assert "allowed: " in str(caught.value)


@given(st.text(max_size=30))
def test_any_other_text_is_a_mistake_and_never_a_failure(text: str) -> None:
    try:
        parse_change(text)
    except InputError:
        return


def test_a_sweep_is_a_change_per_value() -> None:
    assert [change.text for change in parse_sweep("nodes=+0,+16, +32")] == ["nodes+0", "nodes+16", "nodes+32"]
    assert [change.text for change in parse_sweep("policy=easy,fcfs")] == ["policy=easy", "policy=fcfs"]
    assert [change.text for change in parse_sweep("nodes:gpu=-1,+10%")] == ["nodes:gpu-1", "nodes:gpu+10%"]


@pytest.mark.parametrize("text", ["nodes", "nodes=", "nodes=+1,,+2"])
def test_a_sweep_without_values_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"--sweep: names no values"):
        parse_sweep(text)


def test_every_form_is_explained() -> None:
    assert all(FORMS.values())
