import json

import pytest

from benchmarks.support.timeline import Timeline


def test_event_times_ascend_evenly_and_ids_are_distinct() -> None:
    line = Timeline(5, 100, 1_000.0, 2_000.0, "run")
    reports = [json.loads(value) for _, _, value in line.messages()]
    assert [report["timestamp"] for report in reports] == pytest.approx([1_000.0 + 10 * n for n in range(100)])
    assert len({report["report_id"] for report in reports}) == 100


def test_two_timelines_of_one_run_share_no_id() -> None:
    ids = [
        {json.loads(value)["report_id"] for _, _, value in Timeline(2, 50, 0.0, 9.0, name).messages()}
        for name in ("steady", "missed")
    ]
    assert not ids[0] & ids[1]


def test_panes_are_counted_for_each_length_and_facet() -> None:
    now_s = 1_800_000_000.0
    recent = Timeline(1, 1, now_s - 60.0, now_s, "a").pane_rows(now_s)
    old = Timeline(1, 1, now_s - 30 * 86_400.0, now_s, "a").pane_rows(now_s)
    assert (recent, old) == (9, 3), "after thirty days only the day is held"
