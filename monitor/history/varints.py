"""Whole numbers in few bytes: seven bits to a byte, the lowest first; the eighth: more follow."""

from collections.abc import Iterable, Iterator


def packed(numbers: Iterable[int]) -> bytes:
    """Return numbers, none below 0, in few bytes."""
    found = bytearray()
    for number in numbers:
        left = number
        while left > 0x7F:  # noqa: PLR2004  seven bits
            found.append(left & 0x7F | 0x80)
            left >>= 7
        found.append(left)
    return bytes(found)


def unpacked(packed: bytes) -> Iterator[int]:
    """Yield the numbers that were packed."""
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            yield number
            number = shift = 0
