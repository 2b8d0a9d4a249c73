"""What a user catches, compares and names is where he looks for it."""

from dataclasses import fields
from typing import get_args, get_type_hints

import maskstream_client
from maskstream_client import events
from maskstream_client.errors import MaskstreamError
from maskstream_client.stream_options import StreamFields, StreamOptions
from maskstream_client.videos.retrying import TransientError
from maskstream_client.videos.video_options import VideoFields, VideoOptions
from maskstream_protocol.errors import ProtocolError


def below(kind):
    return {kind, *(each for child in kind.__subclasses__() for each in below(child))}


def test_every_error_that_a_user_may_catch_is_exported():
    raised = below(MaskstreamError) | below(ProtocolError)
    ours = {each for each in raised if each.__module__.startswith("maskstream_")}
    assert {each.__name__ for each in ours} <= set(maskstream_client.__all__)
    assert TransientError not in raised  # never leaves its package


def test_everything_that_is_exported_is_there():
    for name in maskstream_client.__all__:
        assert getattr(maskstream_client, name)
    assert maskstream_client.Status.EMERGED.name == "EMERGED"
    assert {each.__name__ for each in get_args(maskstream_client.Event)} <= set(vars(events))


def test_options_are_typed_as_their_classes_are():
    for keywords, options in ((StreamFields, StreamOptions), (VideoFields, VideoOptions)):
        assert get_type_hints(keywords) == get_type_hints(options)
        assert keywords.__required_keys__ == frozenset()
        assert list(get_type_hints(keywords)) == [each.name for each in fields(options)]
