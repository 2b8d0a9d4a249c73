"""The client's core in JavaScript and the server's, joined by a wire that fails at any point."""

from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given

from support.examples import examples
from support.javascript import NO_NODE, NODE, Bridge, bridge
from support.javascript_session import JavaScriptSession
from support.simulated_world import LARGE, MOVES, SMALL, World

pytestmark = pytest.mark.skipif(NODE is None, reason=NO_NODE)


@pytest.fixture(scope="module")
def core() -> Iterator[Bridge]:
    with bridge() as running:
        yield running


def lived(core: Bridge, policy: str, max_kept_bytes: int, moves) -> World:
    world = World(policy, max_kept_bytes, partial(JavaScriptSession, core))
    for move in moves:
        world.happen(*move)
    world.finish()
    return world


@examples(20)
@given(MOVES)
def test_every_frame_has_its_result_as_if_nothing_had_happened(core: Bridge, moves):
    world = lived(core, "lossless", LARGE, moves)
    world.check_identities()
    world.check_drops()
    world.check_bye()


@examples(20)
@given(MOVES)
def test_a_client_that_keeps_little_starts_over_where_it_must(core: Bridge, moves):
    world = lived(core, "lossless", SMALL, moves)
    world.check_identities()
    world.check_bye()


@examples(20)
@given(MOVES)
def test_every_frame_of_the_newest_first_has_one_outcome(core: Bridge, moves):
    lived(core, "latest", LARGE, moves).check_bye()
