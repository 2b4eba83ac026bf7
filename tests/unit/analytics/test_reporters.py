import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from analytics.cli.main import app
from analytics.errors import InvalidRequest
from analytics.follower import Span
from analytics.lake import Lake
from analytics.lake_access import LakeAccess
from analytics.models import ReporterAnswer
from analytics.predictions import reporter_answer
from analytics.reporters import ReporterBook, weighed
from analytics.settings import load_settings
from scoring.reporters import ReporterRecord
from tests.support.lake_maker import LakeMaker
from tests.support.services import client, small_service
from tests.support.small_answers import NOW_S

RUN = CliRunner()
HONEST = [f"honest-{number}" for number in range(20)]
LIARS = [f"liar-{number}" for number in range(4)]


def reports(now_s: float = NOW_S) -> Iterator[dict[str, Any]]:
    """Two hours: all find all four providers well, the liars slander one of them."""
    for turn in range(12):
        for reporter_id in (*HONEST, *LIARS, None):
            for provider_id in ("a", "b", "c", "d"):
                lies = provider_id == "a" and str(reporter_id).startswith("liar")
                report = {"provider_id": provider_id, "outcome": "failure" if lies else "success"}
                who = {} if reporter_id is None else {"reporter_id": reporter_id}
                yield {**report, **who, "timestamp": now_s - 7_200 + turn * 600.0}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found: Path = tmp_path_factory.mktemp("reporters")
    LakeMaker(found / "lake").add(reports(), NOW_S)
    return found


@pytest.fixture(scope="module")
def records(root: Path) -> dict[str, ReporterRecord]:
    with Lake(root / "lake") as lake:
        return {record.reporter_id: record for record in weighed(lake, NOW_S, 86_400.0)}


def test_every_named_reporter_of_the_window_is_weighed(records: dict[str, ReporterRecord]) -> None:
    assert set(records) == {*HONEST, *LIARS}
    assert {records[name].weight for name in HONEST} == {1.0}
    assert all(records[name].weight < 0.9 for name in LIARS)
    assert records["liar-0"].reasons == ["contradicts the others about a"]
    assert (records["liar-0"].reports, records["liar-0"].providers) == (48, 4)


def test_only_the_window_counts(root: Path) -> None:
    with Lake(root / "lake") as lake:
        assert weighed(lake, NOW_S + 86_400, 3_600.0) == []
        assert {record.reports for record in weighed(lake, NOW_S, 3_600.0)} == {24}


@dataclass(frozen=True)
class Message:
    key: bytes | None
    value: bytes | None
    offset: int = 0
    timestamp: int = 0


def test_what_is_published_goes_before_what_the_lake_says(root: Path, records: dict[str, ReporterRecord]) -> None:
    async def asked() -> list[ReporterRecord | None]:
        book = ReporterBook(load_settings(), LakeAccess(root / "lake"), lambda: NOW_S)
        found = [await book.get("liar-0"), await book.get("nobody")]
        await book._take([said("liar-0", records["honest-0"]), said("honest-0", records["honest-0"])])
        await book._take([Message(b"x", b"{"), Message(None, None)])
        found += [await book.get("honest-0"), await book.get("liar-0")]
        await book._take([Message(b"honest-0", None)])
        assert book.published == {}
        assert book._begin({0: Span(3, 9, 5)}) == {0: 3}
        return found

    def said(key: str, record: ReporterRecord) -> Any:
        return Message(key.encode(), msgspec.json.encode(record))

    liar, nobody, published, unpublished = asyncio.run(asked())
    assert liar == records["liar-0"]
    assert nobody is None
    assert published == records["honest-0"]
    assert unpublished is None


def test_rest_and_words_say_what_a_reporter_counts(root: Path) -> None:
    async def asked(reporter_id: str) -> ReporterAnswer:
        async with client(small_service(root)) as http:
            answer = await http.get(f"/v1/reporters/{reporter_id}")
            assert answer.status_code == 200
            return ReporterAnswer.model_validate_json(answer.content)

    liar, honest, nobody = (asyncio.run(asked(name)) for name in ("liar-1", "honest-1", "no/body"))
    assert liar.known
    assert liar.weight is not None
    assert liar.summary == (
        f"liar-1: its reports count for {liar.weight:.2f} of their number (48 reports on 4 providers were weighed): "
        "contradicts the others about a."
    )
    assert "its reports count whole" in honest.summary
    assert (nobody.known, nobody.weight) == (False, None)
    assert nobody.summary == "no/body: none of its reports was weighed; they count whole."
    assert nobody == reporter_answer("no/body", None)


def test_an_empty_id_is_no_question(root: Path) -> None:
    with pytest.raises(InvalidRequest, match="reporter_id must be text of 1 to 200 characters"):
        asyncio.run(small_service(root).answers.reporter(""))


def test_the_command_line_weighs_without_publishing(tmp_path: Path) -> None:
    import time

    LakeMaker(tmp_path / "lake").add(reports(time.time()), time.time())
    done = RUN.invoke(app, ["reporters", "weigh", "--lake", str(tmp_path / "lake"), "--no-publish", "--json"])
    assert done.exit_code == 0, done.output
    found = {record["reporter_id"]: record for record in json.loads(done.stdout)}
    assert set(found) == {*HONEST, *LIARS}
    assert found["liar-0"]["weight"] < 0.9 < found["honest-0"]["weight"]
    shown = RUN.invoke(app, ["reporters", "weigh", "--lake", str(tmp_path / "lake"), "--no-publish"])
    assert "24 reporters, 4 of them count less than whole" in " ".join(shown.stdout.split())
