"""Sizes that both Python and compiled code know; this file imports nothing."""

LINE = 16
"""32-bit entries in one line of the table: 64 bytes, what a processor fetches at once"""

BATCH = 64
"""states that are expanded before the first of their successors is looked up"""

CHUNKS = 64
"""most chunks of a block"""

MOST_CHUNK = 256
"""most states in a chunk"""

KEPT_BITS = 11
KEEPS = 1 << KEPT_BITS
"""most states a chunk can keep"""

MOST_PENDING = CHUNKS * KEEPS
"""most states that a block can find"""
