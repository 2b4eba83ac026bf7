"""The documentation points to what exists: files, headings, commands, targets, settings."""

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from trustscore_client.settings import __file__ as client_settings

from analytics.cli.main import COMMANDS
from analytics.settings import Settings
from streams.settings import WorkerSettings

ROOT: Final = Path(__file__).resolve().parents[2]
PAGES: Final = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "sdks/python/README.md"]
)
LINK: Final = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
COMMAND: Final = re.compile(r"(?:^|[`$&>] |`)trustscore ([a-z]+(?:-[a-z]+)*)\b", re.MULTILINE)
SETTING: Final = re.compile(r"\bTRUSTSCORE_[A-Z_]+[A-Z]\b")
TARGET: Final = re.compile(r"(?:`|^    )make ([a-z-]+)", re.MULTILINE)
# Read elsewhere than in the settings classes.
OTHER_SETTINGS: Final = {"TRUSTSCORE_TANSU"}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


@cache
def anchors(path: Path) -> frozenset[str]:
    """Anchors that a Markdown page gets from its headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.strip().replace(" ", "-") for heading in plain)


def dead_links(page: str, text: str) -> list[str]:
    """Relative links of a page that lead nowhere."""
    dead = []
    for link in LINK.findall(text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = link.partition("#")
        target = (ROOT / page).parent / name if name else ROOT / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


def named_settings() -> set[str]:
    fields = {*Settings.model_fields, *WorkerSettings.model_fields}
    client = SETTING.findall(Path(client_settings).read_text(encoding="utf-8"))
    return {f"TRUSTSCORE_{name.upper()}" for name in fields} | set(client) | OTHER_SETTINGS


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    assert dead_links(page, text_of(page)) == []


def test_a_dead_link_is_seen() -> None:
    text = (
        "[a](docs/none.md) [b](docs/methods.md#no-such-heading) [c](docs/methods.md#7-ranking) [d](https://example.org)"
    )
    assert dead_links("README.md", text) == ["docs/none.md", "docs/methods.md#no-such-heading"]


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    assert set(COMMAND.findall(text_of(page))) <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES)
def test_make_targets_exist(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(TARGET.findall(text_of(page))) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_settings_exist(page: str) -> None:
    assert set(SETTING.findall(text_of(page))) <= named_settings()


def test_every_command_is_in_the_documentation() -> None:
    assert set(COMMANDS) <= set(re.findall(r"^\| `([a-z-]+)", text_of("docs/cli.md"), re.MULTILINE))


def test_the_readme_shows_the_two_commands_the_picture_and_the_way_of_a_report() -> None:
    readme = text_of("README.md")
    for shown in ("make up", "make test", "docs/images/up.svg", "trust.reports ──▶ fold ──▶ trust.panes ──▶ score"):
        assert shown in readme


def test_a_decision_says_context_choice_and_cost() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [path.name[:4] for path in decisions] == [f"{number:04d}" for number in range(1, len(decisions) + 1)]
    for path in decisions:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert all(part in text for part in ("**Context.**", "**Choice.**", "**What it costs.**")), path.name
        assert len(text.split()) < 400, f"{path.name}: half a page"
