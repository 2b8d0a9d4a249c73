"""Resume tokens: what a client gets, and what a store keeps of it."""

import pytest

from maskstream_server.stores.tokens import hash_token, make_token, read_token

SECRET = bytes(range(16))


def test_a_token_names_its_session_and_matches_its_hash():
    token = make_token("a1b2", SECRET)
    claim = read_token(token)
    assert claim is not None
    assert claim.session == "a1b2"
    assert claim.token_hash == hash_token(token)
    assert SECRET.hex() in token
    assert SECRET.hex() not in claim.token_hash


def test_another_secret_or_session_is_another_hash():
    hashes = {
        hash_token(make_token(session, secret))
        for session in ("a", "b")
        for secret in (SECRET, SECRET[::-1])
    }
    assert len(hashes) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a",
        "a.",
        f".{SECRET.hex()}",
        "a.abc",
        "a." + "é" * 32,
        SECRET.hex(),
        "a}{." + SECRET.hex(),
    ],
)
def test_text_that_cannot_be_a_token_claims_nothing(text):
    assert read_token(text) is None


def test_a_token_is_made_of_128_bits_and_a_name_of_letters_and_digits():
    with pytest.raises(ValueError, match="16 random bytes"):
        make_token("a", b"short")
    with pytest.raises(ValueError, match="letters and digits"):
        make_token("a.b", SECRET)
