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
PAYING: Final = (
    "pay.after_payment",
    "pay.after_reference",
    "pay.after_answer",
    "pay.after_fresh_reference",
    "pay.after_news",
    "pay.after_record",
    "pay.after_asked",
    "pay.after_expiry",
    "hear.before",
    "hear.after_attempt",
    "hear.after_follow_ups",
    "hear.after",
)
"""Where payments are asked for, opened, asked about and ended, and where what a gateway tells is written down."""
SIGNING: Final = (
    "sign.after_signature",
    "sign.after_delivery",
    "sign.after_prepared",
    "sign.after_answer",
    "sign.after_asked",
    "sign.after_end",
    "sign.after_expiry",
    "sign.after_news",
    "sign.after_unblocked",
    "sign.after_try_again",
    "hear.before",
    "hear.after_attempt",
    "hear.after_follow_ups",
    "hear.after",
)
"""Where signatures are asked for, sent, asked about and ended, and where what a service tells is written down."""
PREPARING: Final = ("desk.fetched", "desk.stored", "desk.prepared")
"""At the desk that makes documents ready to be signed; nothing of it is sent."""
FINISHING: Final = (
    "finish.leased",
    "finish.before",
    "finish.after_documents",
    "finish.after_made",
    "finish.after",
)
"""Between a person's signature and the document that is made of it."""
CALLED_BACK: Final = ("callback.received", "callback.before_answer")
"""At the door of callbacks, around what `hear.*` writes down."""
ASKING: Final = ("asking.leased", "asking.before", "asking.after", "asking.answered")
"""Beside the lanes, where a gateway is asked about what is open."""
REFUNDING: Final = ("refund.after_delivery", "refund.after_row", "refund.after_payment")
"""In the transactions that ask for a refund and that end it."""
COMPARING: Final = ("compare.begun", "compare.read", "compare.found", "compare.page", "compare.ended")
"""Between the transactions of a settlement's run."""
SETTLING_DAYS: Final = (
    "settlement_repair.before_page",
    "settlement_repair.after_act",
    "settlement_repair.after_page",
)
"""Where a settlement's differences are repaired, page by page."""
ALL: Final = DOOR + WORKER
"""Of every installation; `TELLING` comes to those of which a partner takes outcomes, the others to what persons do."""
