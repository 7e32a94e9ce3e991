"""What the number kernel and its callers share: limits, and the places of its state."""

from __future__ import annotations

LIMIT_DIGITS = 100_000
OFFENDERS_MOST = 10
# Bytes of an offender that are shown.
TEXT_BYTES = 64
# One accumulator for each 8 digits, and room for what many numbers carry over.
LIMB_DIGITS = 8
LIMBS = LIMIT_DIGITS // LIMB_DIGITS + 4
# The kernel looks at most so far before a token's end (a word) and needs no bounds check.
PAD = 64

# Places in the state: line feeds, tokens, even ones, offenders noted so far; whether the token left
# open is an offender whatever follows.
LINES, NUMBERS, EVENS, OFFENDERS, BAD = range(5)
STATE_SIZE = 5
