"""Bad messages mixed into good traffic: the good ones count, the bad ones are kept, the worker does not mind."""

import random
import time
from pathlib import Path

import pytest

from analytics.local.children import resident_bytes
from streams.topics import REPORTS
from tests.support.fault_line import FaultLine
from tests.support.fuzz import KINDS, is_usable, poison
from tests.support.traffic import traffic
from tests.support.worker import produce

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(1_800)]

WAVES = 3
STEP = 20_000
"""Bad messages drawn and sent at once."""
GOOD_FOR_BAD = 2
"""So that rejects stay below the half of the messages at which a worker stops; a third of the good ones share one."""
GROWTH = 1.1
ROOM_BYTES = 48 << 20
"""What the last wave may leave the allocator holding beyond what the one before left."""

Places = set[tuple[int, int]]


@pytest.mark.parametrize(
    "bad", [pytest.param(20_000, id="short"), pytest.param(1_000_000, id="long", marks=pytest.mark.chaos_long)]
)
def test_fuzzed_messages_cost_no_good_report_and_no_memory(bad: int, tmp_path: Path, seed: int) -> None:
    good, rejects, kinds, held = Places(), Places(), set[str](), list[int]()
    with FaultLine(tmp_path, seed, poll_records=20_000) as line:
        worker = line.ready_worker()
        for wave in range(WAVES):
            for at in range(wave * bad // WAVES, (wave + 1) * bad // WAVES, STEP):
                n = min(STEP, (wave + 1) * bad // WAVES - at)
                send_mixed(line, n, seed * 1_000_003 + at, good, rejects, kinds)
            worker.wait_until("trustscore_rejects_total", len(rejects), 600)
            worker.wait_until("trustscore_lake_reports_total", len(line.receipts.acknowledged), 600)
            held.append(resident_bytes(worker.process.pid) or 0)
        truth = line.equal_to_recomputation(within_s=300)
    assert kinds == set(KINDS)
    assert {place[:2] for place in truth.places} == good
    assert {place[:2] for place in truth.bad} == rejects
    assert held[-1] < GROWTH * held[-2] + ROOM_BYTES, [f"{size >> 20} MiB" for size in held]


def send_mixed(line: FaultLine, n: int, seed: int, good: Places, rejects: Places, kinds: set[str]) -> None:
    """Send ``n`` bad messages among good ones, and take note of where each of both came to stand."""
    now_s = time.time()
    messages = []
    for message, ids in line.messages(GOOD_FOR_BAD * n):
        line.receipts.acknowledged.update(ids)
        messages.append((True, message))
    for kind, message in poison(seed, [report | {"report_id": None} for report in traffic(seed, n)]):
        kinds.add(kind)
        messages.append((is_usable(message, now_s), message))
    random.Random(seed).shuffle(messages)
    places = produce(line.broker, [message for _, message in messages], REPORTS)
    for place, (usable, _) in zip(places, messages, strict=True):
        (good if usable else rejects).add(place)
