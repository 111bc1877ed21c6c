"""The file of a policy: what is written is read again, and every mistake in one is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stellwerk.errors import InputError, InputErrors
from stellwerk.simulation import (
    POLICIES,
    Cluster,
    Multifactor,
    NodeGroup,
    PolicySettings,
    policy_as_toml,
    policy_named,
    read_policy,
)


@pytest.mark.parametrize("name", POLICIES)
def test_a_written_policy_is_read_as_it_was(name: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    settings = PolicySettings(name, policy_named(name), 0.125)
    file.write_text(policy_as_toml(settings, ("what it was fitted to",)), encoding="utf-8")
    assert read_policy(file) == settings


def test_what_a_file_leaves_out_is_as_by_default(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text('schema = 1\npolicy = "multifactor"\nweight_age = 7\n', encoding="utf-8")
    assert read_policy(file) == PolicySettings("multifactor", replace(Multifactor(), weight_age=7))


def test_every_mistake_is_named_with_its_key_and_what_is_allowed(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    lines = [
        "schema = 1", 'policy = "multifactor"', "out_of_service = 1.0", "bf_interval_s = 0", "favour_small = 1",
        'fair_share = "none"', "wieght_age = 3",
    ]  # fmt: skip
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(InputErrors) as mistakes:
        read_policy(file)
    assert [one.key for one in mistakes.value.errors] == [line.partition(" =")[0] for line in lines[2:]]
    assert "did you mean 'weight_age'?" in str(mistakes.value)


@pytest.mark.parametrize("text", ['policy = "easy"', "schema = 1", 'schema = 1\npolicy = ["easy"]', "schema = 2"])
def test_a_file_without_its_schema_or_a_policy_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"policy\.toml: (schema|policy): "):
        read_policy(file)


def test_what_is_out_of_service_is_a_share_of_each_group_and_never_all() -> None:
    settings = PolicySettings("easy", policy_named("easy"), 0.1)
    nodes = Cluster.of_nodes((NodeGroup("a", 100, 4), NodeGroup("b", 2, 8)), processor_is="accelerator")
    left = settings.in_service(nodes)
    assert [group.nodes for group in left.groups] == [90, 2]
    assert left.processors == 90 * 4 + 2 * 8
    assert settings.in_service(Cluster.pooled(100)).processors == 90
    assert settings.in_service(Cluster.pooled(1)).processors == 1
