"""The reference pages say what the code says."""

import pytest

from infra.reference import DIRECTORY, pages


@pytest.mark.promise("docs.reference-is-current")
@pytest.mark.parametrize("name", ["reports.md", "lake.md", "settings.md", "metrics.md"])
def test_the_reference_is_what_the_code_says(name: str) -> None:
    assert (DIRECTORY / name).read_text(encoding="utf-8") == pages()[name], "run 'make docs' and commit docs/reference"
