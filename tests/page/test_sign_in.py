"""Where keys are set: the page asks for one, keeps it for the tab, and comes in by tickets."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from page.conftest import Visit
from page.steps import start
from support.server import LiveServer, running_server

if TYPE_CHECKING:
    from playwright.sync_api import Page

KEY = "a-key-for-the-page"


@pytest.fixture(scope="module")
def locked() -> Iterator[LiveServer]:
    with running_server(api_keys=(KEY,)) as server:
        yield server


def sign_in(page: "Page", key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Sign in").click()


def test_a_key_is_asked_for_and_a_wrong_one_refused_in_a_sentence(locked: LiveServer, visit: Visit):
    page = visit(locked.url)
    sign_in(page, "wrong")
    page.get_by_text("The server does not know this key.").wait_for()
    sign_in(page, "schl\u00fcssel \u2713")
    page.get_by_text("A key has no spaces, and no characters beyond ASCII.").wait_for()
    assert page.get_by_role("button", name="Start").count() == 0
    sign_in(page, KEY)
    start(page)
    assert page.evaluate("Object.values(localStorage).concat(document.cookie).join('')") == ""


def test_the_key_lasts_as_long_as_the_tab_and_signing_out_ends_it(locked: LiveServer, visit: Visit):
    page = visit(locked.url)
    sign_in(page, KEY)
    page.get_by_role("button", name="Start").wait_for()
    page.reload()
    page.get_by_role("button", name="Start").wait_for()
    other_tab = page.context.new_page()
    other_tab.goto(locked.url)
    other_tab.get_by_label("API key").wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").wait_for()


def test_a_key_that_is_not_valid_any_more_is_asked_for_again(locked: LiveServer, visit: Visit):
    page = visit(locked.url)
    sign_in(page, KEY)
    start(page)
    page.get_by_role("checkbox", name="Outlines").uncheck()
    page.get_by_role("button", name="Stop").click()
    page.evaluate("sessionStorage.setItem('maskstream-key', 'removed-by-the-operator')")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("The server does not take the key any more.").wait_for()
    assert page.evaluate("Object.values(sessionStorage).join('')") == ""
    sign_in(page, KEY)
    page.get_by_role("button", name="Start").wait_for()
    assert not page.get_by_role("checkbox", name="Outlines").is_checked()
    assert page.locator(".stage-notice").count() == 0
    start(page)
    page.get_by_role("link", name="Videos").click()
    page.evaluate("sessionStorage.setItem('maskstream-key', 'removed-by-the-operator')")
    page.get_by_label("API key").wait_for()
