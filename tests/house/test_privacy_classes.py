"""The privacy tables and the event's schema name the same members."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from bus.privacy import PERSONAL, PUBLIC
from contracts.one_stop.results import RESULTS
from contracts.one_stop.signed import SIGNED

SCHEMA = json.loads(files("contracts.intake").joinpath("event.schema.json").read_text())

MESSAGES = json.loads(files("contracts.one_stop").joinpath("v1/messages.schema.json").read_text())
PARTS = SCHEMA["$defs"] | MESSAGES["$defs"]


def leaves(node: dict[str, Any], place: str = "") -> Iterator[str]:
    """The pointers of all members that are neither objects nor arrays, `*` for an index."""
    while "$ref" in node:
        # One member of another shape, `…/properties/id`, has no parts of its own.
        node = PARTS.get(node["$ref"].rpartition("/")[2], {}) if "/properties/" not in node["$ref"] else {}
    branches = [branch for branch in node.get("anyOf", node.get("oneOf", [])) if branch.get("type") != "null"]
    if "properties" in node:
        for name, member in node["properties"].items():
            yield from leaves(member, f"{place}/{name}")
    elif "items" in node:
        yield from leaves(node["items"], f"{place}/*")
    elif branches:
        for branch in branches:
            yield from leaves(branch, place)
    else:
        yield place


def test_every_member_of_the_schema_is_classed():
    """A field added to the event, or to what is told of payments and signatures, is called public or personal first."""
    kinds = [branch["then"]["properties"]["data"] for branch in SCHEMA["allOf"]]
    kinds += [MESSAGES["$defs"][f"payment_{result}"] for result in RESULTS]
    kinds += [MESSAGES["$defs"][f"signature_{result}"] for result in SIGNED]
    members = {place for kind in kinds for place in leaves(kind)}

    assert set() == members - PUBLIC - PERSONAL.keys()
    assert set() == (PUBLIC | PERSONAL.keys()) - members
