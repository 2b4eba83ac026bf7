"""Checksums are those of Kafka's clients, where the processor has the instruction."""

import ctypes
import platform

import pytest
from aiokafka.record.util import calc_crc32c
from hypothesis import given
from hypothesis import strategies as st

from compiled.library import address_of, library

HAS_INSTRUCTION = platform.machine() in {"x86_64", "AMD64"}


def wanted(crc: int) -> int:
    """What is to be found: elsewhere nothing is computed."""
    return crc if HAS_INSTRUCTION else -1


def checksum(data: bytes, first: int) -> int:
    compiled = library()
    assert compiled is not None
    size = ctypes.c_int64(len(data) - first)
    return int(compiled.trustscore_crc32c(ctypes.c_void_p(address_of(data) + first), size))


@given(st.binary(min_size=8, max_size=200), st.integers(0, 8))
def test_the_checksum_is_that_of_aiokafka_wherever_the_bytes_begin(data: bytes, first: int) -> None:
    assert checksum(data, first) == wanted(calc_crc32c(data[first:]))


@pytest.mark.parametrize(
    ("data", "crc"), [(b"123456789", 0xE3069283), (bytes(32), 0x8A9136AA), (b"\xff" * 32, 0x62A8AB43)]
)
def test_the_checksums_that_rfc_3720_gives_as_examples(data: bytes, crc: int) -> None:
    assert checksum(data, 0) == wanted(crc)
