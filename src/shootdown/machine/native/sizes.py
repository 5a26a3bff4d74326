"""Sizes that both Python and compiled code know; this file imports nothing."""

LINE = 16
"""32-bit entries in one line of the table: 64 bytes, what a processor fetches at once"""

REGIONS = 64
"""parts of the table that have nothing to do with each other"""

CHUNKS = 64
"""most chunks of a block"""

KEPT_BITS = 12
KEEPS = 1 << KEPT_BITS
"""most states a chunk can keep"""

MOST_PENDING = CHUNKS * KEEPS
"""most states that a block can find"""
