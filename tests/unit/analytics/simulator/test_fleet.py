from collections import Counter
from pathlib import Path

from analytics.catalog import Catalog
from analytics.simulator import FLEET, NETWORKS, REGIMES, Regime, fleet
from scoring.reports import PROVIDER_ID


def test_no_provider_is_named_without_the_demo_prefix() -> None:
    assert len(FLEET) >= 24
    assert all(provider.provider_id.startswith("demo-") for provider in fleet(200))


def test_every_provider_is_named_after_an_entry_of_the_catalog(tmp_path: Path) -> None:
    named = [f"{entry.provider_id} {entry.name}".lower() for entry in Catalog.open(tmp_path).all()]
    unknown = [
        provider.provider_id
        for provider in FLEET
        if not any(all(word in name for word in provider.provider_id.split("-")[1:]) for name in named)
    ]
    assert unknown == []


def test_the_first_nine_cover_every_regime() -> None:
    assert {provider.regime for provider in fleet(9)} == set(REGIMES)


def test_each_task_has_enough_providers_for_peers() -> None:
    assert min(Counter(provider.task_types[0] for provider in FLEET).values()) >= 6


def test_more_providers_than_names_get_numbers_and_stay_unique() -> None:
    ids = [provider.provider_id for provider in fleet(2 * len(FLEET) + 1)]
    assert len(set(ids)) == len(ids)
    assert ids[len(FLEET)] == f"{ids[0]}-2"
    assert all(PROVIDER_ID.match(provider_id) for provider_id in ids)


def test_only_wanted_regimes_are_taken() -> None:
    assert {provider.regime for provider in fleet(5, frozenset({Regime.SLOW}))} == {Regime.SLOW}
    assert fleet(5, frozenset()) == ()


def test_networks_are_simulated_only_where_asked_for() -> None:
    assert not {provider.regime for provider in fleet(100)} & set(NETWORKS)
    assert [provider.regime for provider in fleet(5, frozenset(NETWORKS))] == list(NETWORKS)
    assert all(provider.provider_id.startswith("demo-") for provider in fleet(5, frozenset(NETWORKS)))
