"""Checksums are those of Kafka's clients, where the processor has the instruction."""

import ctypes
import platform

import pytest
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from compiled.library import address_of, library


def checksum(data: bytes, first: int) -> int:
    compiled = library()
    assert compiled is not None
    size = ctypes.c_int64(len(data) - first)
    return int(compiled.trustscore_crc32c(ctypes.c_void_p(address_of(data) + first), size))


@given(st.binary(min_size=8, max_size=200), st.integers(0, 8))
def test_the_checksum_is_that_of_aiokafka_wherever_the_bytes_begin(data: bytes, first: int) -> None:
    assert checksum(data, first) in {calc_crc32c(data[first:]), -1}


@pytest.mark.parametrize(
    ("data", "wanted"), [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]
)
def test_the_checksums_that_rfc_3720_gives_as_examples(data: bytes, wanted: int) -> None:
    assert checksum(data, 0) in {wanted, -1}


def test_no_processor_of_this_kind_is_without_the_instruction() -> None:
    is_known = platform.machine() in {"x86_64", "AMD64"}
    assert (checksum(b"123456789", 0) >= 0) == is_known
