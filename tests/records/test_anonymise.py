from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stellwerk.errors import InputError
from stellwerk.records import KEY_BYTES, JobTable, anonymise, rarity_of
from tests.records.tables import job_table, words

KEY, OTHER_KEY = bytes(range(KEY_BYTES)), bytes(KEY_BYTES)
ZERO = datetime.datetime(2024, 3, 30, 23, tzinfo=datetime.UTC)
WEEK = datetime.timedelta(weeks=1)
UNCHANGED = (
    *("submit_s", "eligible_s", "wait_s", "run_s", "requested_s", "memory_bytes"),
    *("requested_processors", "allocated_processors", "requested_nodes", "allocated_nodes"),
    *("requested_accelerators", "allocated_accelerators"),
)
NAMED = ("user", "account", "partition", "qos")


def _log() -> JobTable:
    return job_table(
        job_id=[70, 60, 80],
        submit_s=[0, 5, 5],
        eligible_s=[0, 9, -1],
        wait_s=[1, 2, -1],
        run_s=[10, 20, -1],
        requested_s=[60, 60, 120],
        allocated_processors=[4, 8, -1],
        requested_accelerators=[1, -1, 2],
        user=["ada", "bea", "ada"],
        account=["ada", None, "physik"],
        partition=["gpu", "gpu", "cpu"],
        qos=["normal", None, "normal"],
        state=["completed", "failed", "cancelled"],
        header=("; Acknowledge: Institut für Geheimes",),
        zero=ZERO,
    )


def _names(jobs: JobTable, column: str) -> list[str | None]:
    return words(getattr(jobs, column))


def test_the_schedule_stays_and_all_names_go() -> None:
    jobs = _log()
    anonymous, _ = anonymise(jobs, key=KEY)
    for column in UNCHANGED:
        np.testing.assert_array_equal(getattr(anonymous, column), getattr(jobs, column), err_msg=column)
    assert _names(anonymous, "state") == _names(jobs, "state")
    assert anonymous.job_id.tolist() == [1, 2, 3]
    assert (anonymous.header, anonymous.source.name) == ((), "")
    for column in NAMED:
        assert not set(_names(anonymous, column)) - {None} & set(_names(jobs, column))


@given(st.lists(st.sampled_from(["ada", "bea", "cyd", "dan", None]), min_size=1, max_size=20))
def test_equal_names_and_only_equal_names_stay_equal(users: list[str | None]) -> None:
    renamed = _names(anonymise(job_table(submit_s=[0] * len(users), user=users), key=KEY)[0], "user")
    for name, pseudonym in zip(users, renamed, strict=True):
        assert [other == name for other in users] == [other == pseudonym for other in renamed]
        assert (name is None) == (pseudonym is None)


def test_a_user_and_an_account_of_one_name_are_not_seen_to_be_one() -> None:
    anonymous, _ = anonymise(_log(), key=KEY)
    user, account = _names(anonymous, "user")[0], _names(anonymous, "account")[0]
    assert user is not None
    assert account is not None
    assert user.removeprefix("user-") != account.removeprefix("account-")


def test_the_key_decides_the_pseudonyms_and_the_weeks() -> None:
    one, again, other = (anonymise(_log(), key=key) for key in (KEY, KEY, OTHER_KEY))
    assert (_names(one[0], "user"), one[1]) == (_names(again[0], "user"), again[1])
    assert not set(_names(one[0], "user")) & set(_names(other[0], "user"))
    assert one[1] != other[1]


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_the_clock_moves_back_by_whole_weeks(key: bytes) -> None:
    anonymous, weeks = anonymise(_log(), key=key)
    assert 1 <= weeks <= 520
    assert anonymous.zero == ZERO - weeks * WEEK


def test_the_weeks_may_be_said_and_a_log_without_dates_has_none() -> None:
    assert anonymise(_log(), key=KEY, shift_weeks=0)[0].zero == ZERO
    assert anonymise(_log(), key=KEY, shift_weeks=3)[0].zero == ZERO - 3 * WEEK
    assert anonymise(job_table(submit_s=[0]), key=KEY)[1] == 0


def test_instants_count_from_the_first_of_them_whatever_the_log_counts_from() -> None:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    since_s = int((ZERO - epoch).total_seconds())
    jobs = _log()
    late = replace(
        jobs,
        zero=epoch,
        submit_s=jobs.submit_s + since_s,
        eligible_s=np.where(jobs.eligible_s >= 0, jobs.eligible_s + since_s, -1),
    )
    one, other = anonymise(jobs, key=KEY), anonymise(late, key=KEY)
    assert (one[0].zero, one[1]) == (other[0].zero, other[1])
    assert one[0].submit_s.tolist() == other[0].submit_s.tolist() == [0, 5, 5]
    assert one[0].eligible_s.tolist() == other[0].eligible_s.tolist() == [0, 9, -1]


def test_no_log_moves_to_before_1970() -> None:
    early = replace(_log(), zero=datetime.datetime(1970, 1, 20, tzinfo=datetime.UTC))
    assert {anonymise(early, key=bytes([byte]) * KEY_BYTES)[1] for byte in range(40)} == {1, 2}
    with pytest.raises(InputError, match="before 1970"):
        anonymise(early, key=KEY, shift_weeks=3)
    assert anonymise(replace(early, zero=early.zero - 2 * WEEK), key=KEY)[1] == 0


@pytest.mark.parametrize("weeks", [-1, 10**9])
def test_weeks_that_cannot_be_moved_are_a_mistake(weeks: int) -> None:
    with pytest.raises(InputError, match="shift_weeks"):
        anonymise(_log(), key=KEY, shift_weeks=weeks)


def test_a_column_may_be_kept() -> None:
    anonymous, _ = anonymise(_log(), key=KEY, keep=["partition"])
    assert _names(anonymous, "partition") == ["gpu", "gpu", "cpu"]
    assert _names(anonymous, "qos") != ["normal", None, "normal"]


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32 bytes"):
        anonymise(_log(), key=b"secret")


def test_rarity_counts_the_users_who_share_a_size_and_an_account() -> None:
    jobs = job_table(
        submit_s=[0] * 9,
        allocated_processors=[4] * 8 + [512],
        account=["a"] * 8 + ["b"],
        user=["u1", "u2", "u3", "u4", "u5", "u1", "u1", "u1", "u1"],
    )
    rarity = rarity_of(jobs)
    assert (rarity.of_users, rarity.combinations, rarity.rare, rarity.rare_jobs) == (True, 2, 1, 1)
    assert rarity.smallest == 1
    assert rarity.sizes == ((512, 1),)
    assert rarity_of(jobs.take(np.arange(8))).smallest == 5


def test_rarity_counts_jobs_where_the_log_knows_no_users() -> None:
    rarity = rarity_of(job_table(submit_s=[0] * 6, requested_accelerators=[1] * 5 + [8]))
    assert (rarity.of_users, rarity.combinations, rarity.rare_jobs, rarity.sizes) == (False, 2, 1, ((8, 1),))
