"""How a file of numbers is cut: ranges of bytes, what each costs, and what separates numbers."""

from __future__ import annotations

KIND = "numbers.sum_even"

# About 0.05 s of the kernel, and 0.25 s and more of a network's.
PART_BYTES = 64 << 20

MEBIBYTE = 1 << 20

# What a part takes besides its bytes, in mebibytes of the kernel's time.
PART_COST = 4.0

SEPARATORS = b" \t,;\r\n"


def after_separator(chunk: bytes) -> int:
    """The place after the last separator of *chunk*; 0: there is none."""
    return max(chunk.rfind(byte) for byte in SEPARATORS) + 1


def cost_of(size: int) -> float:
    """The expected cost of a part of *size* bytes, in mebibytes."""
    return PART_COST + size / MEBIBYTE


def pieces(size: int) -> list[tuple[int, int]]:
    """Ranges of at most :data:`PART_BYTES` that cover *size* bytes: (start, size)."""
    return [(at, min(PART_BYTES, size - at)) for at in range(0, size, PART_BYTES)]
