"""The file of a cluster: what it says is what is read, and every mistake is named."""

from __future__ import annotations

import datetime
from dataclasses import fields
from pathlib import Path

import pytest

from stellwerk.catalog import load_catalogue
from stellwerk.errors import InputError
from stellwerk.simulation import Cluster, Multifactor, NodeGroup, cluster_of, read_cluster
from stellwerk.simulation.cluster_rows import MultifactorTable

EXAMPLE = Path(__file__).parents[2] / "examples/cluster.toml"
GROUP = '[[groups]]\nname = "a"\nnodes = 4\ncores = 8\n'


def test_the_example_says_what_it_says() -> None:
    cluster = read_cluster(EXAMPLE)
    assert (cluster.nodes, cluster.accelerators, cluster.processors) == (48, 320, 32 * 96 + 16 * 64)
    assert cluster.groups[0] == NodeGroup("h100", 32, 8, 96, 2_000_000_000_000, nodes_per_switch=16)
    assert cluster.partitions[0].max_limit_s == 48 * 3600
    assert cluster.maintenance[0].start == datetime.datetime(2027, 3, 2, 6, tzinfo=datetime.UTC)
    assert cluster.multifactor == Multifactor(
        weight_age=1000, weight_fair_share=10_000, weight_qos=2000, bf_window_s=172_800
    )


def test_every_setting_of_multifactor_but_the_order_has_a_key() -> None:
    assert set(MultifactorTable.model_fields) == {field.name for field in fields(Multifactor)} - {"order"}


def test_a_file_may_be_a_pool(tmp_path: Path) -> None:
    cluster = read_cluster(write(tmp_path, "processors = 100\n"))
    assert (cluster.is_pooled, cluster.processors, cluster.name) == (True, 100, "cluster")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "groups: a cluster is either of groups of nodes or of pooled processors"),
        (GROUP + "[nodes]\n", "nodes: unknown key"),
        ("processors = 0\n", "processors: must be at least 1 (got 0)"),
        ('processors = 4\nplacement = "packed"\n', "placement: says nothing about pooled processors"),
        ('placement = "tight"\n' + GROUP, "placement: this value cannot stand here (got 'tight'); allowed: packed"),
        ('[[groups]]\nname = "a"\nnodes = 4\n', "processor_is: a processor is a core, but the group 'a' does not say"),
        ('processor_is = "accelerator"\n' + GROUP, "processor_is: the nodes hold 0 of what a processor is"),
        ('[[groups]]\nname = "a"\nnodes = 0\n', "groups[0].nodes: must be at least 1 (got 0)"),
        (GROUP + GROUP, "groups[1].name: groups[0] has the same name (got 'a')"),
        (GROUP + '[[partitions]]\nname = "p"\ngroups = ["b"]\n', "partitions[0].groups: no such name in this file"),
        (GROUP + '[[partitions]]\nname = "p"\ngroups = []\n', "partitions[0].groups: a partition without nodes"),
        (
            GROUP + '[[partitions]]\nname = "p"\ngroups = ["a"]\nmax_limit_h = 2\ndefault_limit_h = 3\n',
            "partitions[0].default_limit_h: is longer than max_limit_h (got 3.0); allowed: at most 2",
        ),
        (GROUP + '[[qos]]\nname = "q"\npreempts = ["q"]\n', "qos[0].preempts: preempts itself (got 'q')"),
        (GROUP + '[[qos]]\nname = "q"\npreempts = ["r"]\n', "qos[0].preempts: no such name in this file (got 'r')"),
        (
            GROUP + '[[accounts]]\nname = "x"\nparent = "y"\n[[accounts]]\nname = "y"\nparent = "x"\n',
            "accounts[0].parent: the account stands below itself (got 'y')",
        ),
        (
            GROUP + "[[maintenance]]\nstart = 2027-01-01T00:00:00\nduration_h = 1\n",
            "maintenance[0].start: says no time zone",
        ),
        (
            GROUP + "[[maintenance]]\nstart = 5\nduration_h = 3\nevery_h = 2\n",
            "maintenance[0].every_h: comes again before it has ended (got 2.0); allowed: at least duration_h = 3",
        ),
        (GROUP + '[[reservations]]\nname = "r"\n', "reservations[0]: says nobody who may use it"),
        (
            GROUP + '[[reservations]]\nname = "r"\nusers = ["u"]\nnodes = 5\n',
            "reservations[0].nodes: is more than its groups hold (got 5); allowed: at most 4",
        ),
        (
            GROUP + '[[reservations]]\nname = "r"\nusers = ["u"]\nshare = 0.5\nnodes = 1\n',
            "reservations[0].share: says its size twice (got 0.5)",
        ),
        (
            GROUP + '[[reservations]]\nname = "r"\nusers = ["u"]\nduration_h = 5\n',
            "reservations[0]: start and duration_h go together",
        ),
        (GROUP + "[failures]\nmtbf_h = 0\nrepair_h = 1\n", "failures.mtbf_h"),
        (GROUP + "[multifactor]\nweight_ages = 1\n", "multifactor.weight_ages: unknown key, did you mean 'weight_age'"),
        (GROUP + "[multifactor]\nbf_interval_s = 0\n", "multifactor.bf_interval_s: must be at least 1 (got 0)"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_value(tmp_path: Path, content: str, said: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_cluster(path)
    assert f"{path}: {said}" in str(caught.value)


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_cluster(write(tmp_path, '[[groups]]\nname = ""\nnodes = 0\n[failures]\nmtbf_h = 1\n'))
    assert len(str(caught.value).splitlines()) == 3


def test_a_system_of_the_catalogue_is_a_cluster() -> None:
    systems = load_catalogue().systems
    cluster = cluster_of(systems["fau-alex-a100-80"])
    assert (cluster.nodes, cluster.accelerators, cluster.processors) == (18, 144, 144)
    with pytest.raises(InputError, match="does not know the nodes of 'daedalus'"):
        cluster_of(systems["daedalus"])


@pytest.mark.parametrize("processors", [0, -1, 10**12])
def test_a_pool_of_impossible_size_is_refused(processors: int) -> None:
    with pytest.raises(InputError, match="processors: no size of a machine"):
        Cluster.pooled(processors)


def write(folder: Path, content: str) -> Path:
    path = folder / "cluster.toml"
    path.write_text("schema = 1\n" + content)
    return path
