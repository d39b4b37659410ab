"""The named lines at which a test stops the program: between every two durable or outward steps.

The bus calls its crash point with these names and with no others (a test counts that each is reached); `shape.*` and
`read.after` are the adapter's and `send.*` the channel's, on the same walk.
"""

from __future__ import annotations

from typing import Final

DOOR: Final = (
    "door.received",
    "door.verified",
    "intake.before_record",
    "writer.before_begin",
    "writer.after_begin",
    "record.after_event",
    "record.after_deliveries",
    "writer.before_commit",
    "writer.after_commit",
    "intake.after_record",
    "door.before_answer",
)
WORKER: Final = (
    "claim.before",
    "claim.leased",
    "claim.after",
    "deliver.before",
    "shape.before",
    "shape.after",
    "send.before",
    "send.after",
    "read.after",
    "deliver.after",
    "ask.before",
    "ask.after",
    "decide.after",
    "settle.before",
    "settle.after_attempt",
    "settle.after_move",
    "settle.after_head",
    "settle.after",
    "next.before",
)
TELLING: Final = ("tell.before", "tell.after_event", "tell.after")
"""At the end of any transaction with an outcome that somebody is told."""
RUNNING: Final = ("run.leased", "run.before_item", "run.after_act", "run.after_item")
"""Where a person's act on many is carried out, item by item."""
CORRECTING: Final = ("correct.after_event", "correct.after_delivery")
"""In the transaction of a correction."""
ALL: Final = DOOR + WORKER
"""Of every installation; `TELLING` comes to those of which a partner takes outcomes, the others to what persons do."""
