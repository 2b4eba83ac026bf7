"""What TrustScore promises, sentence by sentence, and which test keeps each promise.

``tests/architecture/test_promises.py`` checks both directions: every test named here exists, and every test under
``tests/integration`` and ``tests/contract``, and every test marked ``@pytest.mark.promise("id")``, is named here.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["PROMISES", "Promise"]


@dataclass(frozen=True, slots=True)
class Promise:
    """One sentence a reader may rely on.

    Parameters
    ----------
    sentence
        As it would stand in the documentation.
    tests
        That would fail if it were broken: ``tests/…/test_file.py::test_name`` (no parameters in brackets).
    command
        Make target whose printed figures show it, for what a test cannot decide (speed).
    """

    sentence: str
    tests: tuple[str, ...] = ()
    command: str = ""


_BROKERS: Final = "tests/integration/test_brokers.py"
_LIMITS: Final = "tests/integration/test_embedded_limits.py"
_CHILDREN: Final = "tests/integration/test_servers.py"
_LAYERS: Final = "tests/architecture/test_layers.py"
_SOURCE: Final = "tests/architecture/test_source.py"

PROMISES: Final[dict[str, Promise]] = {
    "project.import-contracts": Promise(
        "`scoring` is values in, values out, and `streams` and `analytics` never import each other.",
        (
            f"{_LAYERS}::test_import_contracts_are_kept",
            f"{_LAYERS}::test_scoring_loads_no_stream_or_lake_library",
        ),
    ),
    "project.locked": Promise(
        "Every package is pinned by version and hash, and development runs on the versions that are shipped.",
        (
            f"{_SOURCE}::test_every_locked_package_has_a_version_and_hashes",
            f"{_SOURCE}::test_development_runs_on_what_is_shipped",
        ),
    ),
    "project.no-index-address": Promise(
        "No tracked file names a package index.",
        (f"{_SOURCE}::test_no_file_names_a_package_index",),
    ),
    "project.no-machine-paths": Promise(
        "No tracked file holds a path of one machine.",
        (f"{_SOURCE}::test_no_file_holds_a_path_of_one_machine",),
    ),
    "project.small-modules": Promise(
        "No module is longer than 400 lines.",
        (f"{_SOURCE}::test_no_module_is_longer_than_400_lines",),
    ),
}
