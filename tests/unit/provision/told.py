"""Answers of the marketplace as a test wants them told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import msgspec

from monitor.simulator.answers import Answer
from tests.unit.provision.world import World

LIST = "/instances"
ALONE = "/instances/"


def rewrite(world: World, path: str, change: Callable[[Any], Any]) -> None:
    """From now on tell every `GET` of a path that ends so, or of what is below `ALONE`, changed."""
    answer = world._answer

    def changed(request: httpx.Request) -> Answer:
        found = answer(request)
        asked = request.url.path
        meant = path in asked if path == ALONE else asked.endswith(path)
        if request.method != "GET" or not meant:
            return found
        return replace(found, body=msgspec.json.encode(change(msgspec.json.decode(found.body))))

    world._answer = changed  # type: ignore[method-assign]  # the seam that tests turn
