import asyncio
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from analytics.pages import landing_page
from analytics.service import Service
from tests.support.services import small_records, small_service
from tests.support.small_answers import FAILING, SLASHED, STEADY


class Cells(HTMLParser):
    """Text of each table row, and every address the page would load or link to."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.in_table = True
        self.rows: list[list[str]] = []
        self.loads: list[str] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        for name, value in attrs:
            if name == "src" or (tag == "link" and name == "href"):
                self.loads.append(str(value))
            elif name == "href":
                self.links.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        self.in_table = self.in_table and tag != "table"

    def handle_data(self, data: str) -> None:
        if self.in_table and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


def page(service: Service) -> str:
    async def made() -> str:
        return landing_page(await service.readiness(), await service.answers.rank(limit=50))

    return asyncio.run(made())


def test_the_page_lists_providers_best_first_with_score_reports_and_flags(tmp_path: Path) -> None:
    records = small_records(tmp_path)
    html = page(small_service(tmp_path, records))
    cells = Cells(html)
    assert [row[0] for row in cells.rows[1:]] == [STEADY, SLASHED, FAILING]
    failing = next(record for record in records if record.provider_id == FAILING and not record.facet)
    assert cells.rows[3][1] == f"{failing.trust_score:.3f}"
    assert cells.rows[3][3] == "120"
    assert cells.rows[3][6] == ", ".join(failing.flags)
    assert f'title="{failing.lower:.3f} to {failing.upper:.3f}"' in html


def test_the_page_loads_nothing_and_links_to_what_the_server_has(tmp_path: Path) -> None:
    cells = Cells(page(small_service(tmp_path, small_records(tmp_path))))
    assert cells.loads == []
    assert {"/mcp", "/openapi.json", "/health/ready", "/metrics"} <= set(cells.links)
    assert all(link.startswith("/") for link in cells.links)


def test_what_others_wrote_is_escaped(tmp_path: Path) -> None:
    record = replace(small_records(tmp_path)[0], facet="", provider_id="x", flags=["<script>alert(1)</script>"])
    html = page(small_service(tmp_path, [record]))
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_an_empty_or_broken_server_says_so(tmp_path: Path) -> None:
    empty, broken = small_service(tmp_path), small_service(tmp_path, live=False)
    assert "No report has been scored yet." in page(empty)
    assert "Nothing to answer from" in landing_page(asyncio.run(broken.readiness()), None)
