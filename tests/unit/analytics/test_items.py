import dataclasses
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from analytics.items import DimensionItem, PeerItem

PEER = PeerItem("task=search", 7, -1.5, 0.25, 0.9)
ALONE = PeerItem("task=search", 3, None, None, None)


def dimension(peer: PeerItem | None) -> DimensionItem:
    return DimensionItem(0.5, 30, 12.5, 0.4, 0.6, 0.1, None, peer, {"p95_ms": 812.0, "mean_ms": None})


@pytest.mark.parametrize("peer", [PEER, ALONE, None])
def test_an_item_is_written_and_read_like_a_dataclass(peer: PeerItem | None) -> None:
    item, adapter = dimension(peer), TypeAdapter(DimensionItem)
    assert adapter.validate_json(adapter.dump_json(item)) == item
    assert adapter.validate_python(adapter.dump_python(item)) == item
    assert adapter.dump_python(item) == dataclasses.asdict(item)


def test_an_item_that_was_made_is_taken_as_it_is() -> None:
    item = dimension(PEER)
    assert TypeAdapter(dict[str, DimensionItem]).validate_python({"latency": item})["latency"] is item


@pytest.mark.parametrize(
    ("field", "wrong"), [("n", -1), ("n", None), ("weight", "heavy"), ("peer", {"group": "task=search"}), ("raw", None)]
)
def test_an_item_with_a_wrong_field_is_refused(field: str, wrong: Any) -> None:
    adapter = TypeAdapter(DimensionItem)
    with pytest.raises(ValidationError, match=field):
        adapter.validate_python({**adapter.dump_python(dimension(PEER)), field: wrong})


def test_the_schema_of_an_item_tells_its_fields() -> None:
    schema = TypeAdapter(PeerItem).json_schema()
    assert schema["required"] == list(schema["properties"]) == ["group", "peers", "z_score", "percentile", "median"]
    assert schema["description"] == PeerItem.__doc__
