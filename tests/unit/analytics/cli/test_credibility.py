import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from analytics.cli.main import app
from analytics.rating_files import BadCell, read_anchors, read_ratings
from tests.support.rating_cases import crowd

RUN = CliRunner()


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    """Twelve reporters, the last two of whom lie."""
    file = tmp_path / "ratings.csv"
    rows = [
        f"r{who},s{what},{value * 10:.3f},{what * 86_400 + (who + 5 * what) % 12 * 60}"
        for (who, what), value in np.ndenumerate(crowd(10, 2, 20, 0))
    ]
    file.write_text("rater,subject,rating,timestamp\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_out_holds_every_reporter_with_credibility_and_reasons(ratings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = RUN.invoke(app, ["credibility", str(ratings), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert done.stdout == ""
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["reporter_id"] for row in rows] == [f"r{who}" for who in range(12)]
    found = {row["reporter_id"]: float(row["credibility"]) for row in rows}
    assert all(0 <= value <= 1 for value in found.values())
    assert sorted(found, key=found.__getitem__)[:2] in (["r10", "r11"], ["r11", "r10"])
    assert all(row["reasons"] for row in rows)


def test_json_is_the_only_thing_on_stdout(ratings: Path) -> None:
    done = RUN.invoke(app, ["credibility", str(ratings), "--json", "--without-tenure"])
    rows = json.loads(done.stdout)
    assert len(rows) == 12
    assert set(rows[0]) == {"reporter_id", "credibility", "reasons"}


def test_a_person_sees_the_least_credible(ratings: Path) -> None:
    done = RUN.invoke(app, ["credibility", str(ratings)])
    assert "12 reporters, the 10 least credible shown" in done.stdout


def test_anchors_move_a_reporter(ratings: Path, tmp_path: Path) -> None:
    anchors = tmp_path / "anchors.csv"
    anchors.write_text("r11,probe,50,0\nr11,receipt,4,0\nstranger,outcome,1,1\n", encoding="utf-8")

    def of_last(*options: str) -> float:
        return float(
            json.loads(RUN.invoke(app, ["credibility", str(ratings), "--json", *options]).stdout)[11]["credibility"]
        )

    assert of_last("--anchors", str(anchors)) > 0.8 > of_last()
    known = read_anchors(anchors, ("r11",))
    assert (known.agreed.tolist(), known.contradicted.tolist()) == ([52.0], [0.0])


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("a,b,many,5", "line 2, rating must be a number; got 'many'"),
        ("a,b,nan,5", "line 2, rating must be a number; got 'nan'"),
        ("a,b,1,yesterday", "line 2, timestamp must be epoch seconds or an RFC 3339 time with zone; got 'yesterday'"),
        ("a,b,1", "line 2, line must be rater,subject,rating,timestamp; got 3 cells"),
        (",b,1,5", "line 2, rater must be an id; got an empty cell"),
        ("a,,1,5", "line 2, subject must be given; got an empty cell"),
        ("a,b,11,5", "line 2, rating must be a number from -10 to 10; got 11"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(tmp_path: Path, line: str, sentence: str) -> None:
    file = tmp_path / "bad.csv"
    file.write_text(f"a,b,1,2026-01-31T12:00:00Z\n{line}\n", encoding="utf-8")
    with pytest.raises(BadCell) as caught:
        read_ratings(file, 10.0)
    assert sentence in str(caught.value)
    done = RUN.invoke(app, ["credibility", str(file), "--scale", "10"])
    assert done.exit_code == 2
    assert sentence.split("; got")[0] in " ".join(done.stderr.split())


def test_a_bad_anchor_is_named_by_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "anchors.csv"
    file.write_text("reporter_id,kind,agreed,contradicted\nr1,guess,1,1\n", encoding="utf-8")
    with pytest.raises(BadCell, match="line 2, kind must be one of probe, receipt, outcome; got 'guess'"):
        read_anchors(file, ("r1",))
    file.write_text("r1,probe,-1,1\n", encoding="utf-8")
    with pytest.raises(BadCell, match="line 1, agreed must be a number from 0"):
        read_anchors(file, ("r1",))


def test_missing_files_and_bad_scales_are_refused(ratings: Path, tmp_path: Path) -> None:
    for arguments in (
        [str(tmp_path / "none.csv")],
        [str(ratings), "--anchors", "none.csv"],
        [str(ratings), "--scale", "0"],
    ):
        assert RUN.invoke(app, ["credibility", *arguments]).exit_code == 2


def test_an_empty_file_and_one_of_zeros_are_no_error(tmp_path: Path) -> None:
    file = tmp_path / "empty.csv"
    file.write_text("", encoding="utf-8")
    assert json.loads(RUN.invoke(app, ["credibility", str(file), "--json"]).stdout) == []
    file.write_text("\na,b,0,5\n", encoding="utf-8")
    assert len(json.loads(RUN.invoke(app, ["credibility", str(file), "--json"]).stdout)) == 1
