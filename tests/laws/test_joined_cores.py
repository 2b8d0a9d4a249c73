"""The client's core and the server's, joined by a wire that fails at any point of any stream."""

from hypothesis import given

from support.examples import examples
from support.simulated_world import LARGE, MOVES, SMALL, World


@examples(60)
@given(MOVES)
def test_every_frame_has_its_result_as_if_nothing_had_happened(moves):
    world = World("lossless", LARGE)
    for move in moves:
        world.happen(*move)
    world.finish()
    world.check_identities()
    world.check_drops()
    world.check_bye()


@examples(40)
@given(MOVES)
def test_a_client_that_keeps_little_starts_over_where_it_must(moves):
    world = World("lossless", SMALL)
    for move in moves:
        world.happen(*move)
    world.finish()
    world.check_identities()
    world.check_bye()


@examples(40)
@given(MOVES)
def test_every_frame_of_the_newest_first_has_one_outcome(moves):
    """Frames are not sent again there, so that a memory may go back before what was answered."""
    world = World("latest", LARGE)
    for move in moves:
        world.happen(*move)
    world.finish()
    world.check_bye()
