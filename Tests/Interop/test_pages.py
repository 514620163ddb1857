"""The pages in a real browser: the pay page with and without JavaScript, and the admin's first page."""
import os
import re
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium on this machine")
PASSWORD = "correct horse battery staple"
PAID = re.compile("paid", re.IGNORECASE)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


class Visit:
    """A page that remembers what a strict content policy and a self-contained page must never show."""

    def __init__(self, browser, till, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints, self.strangers = [], []
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.strangers.append(request.url)
                     if not request.url.startswith((till.url, "data:", "blob:")) else None)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.context.close()
        if kind is None:
            assert self.complaints == [] and self.strangers == []


def field(page, name):
    return page.locator(f"[name={name}]").first


def test_pay_with_the_test_wallet(browser, till):
    link = till.link("0.05", title="Report on rain")
    with Visit(browser, till) as visit:
        page = visit.page
        answer = page.goto(link["url"])
        policy = answer.headers["content-security-policy"]
        assert "unsafe-inline" not in policy and "unsafe-eval" not in policy and "default-src" in policy
        expect(page.locator("body")).to_contain_text("Report on rain")
        expect(page.locator("[data-test=price]")).to_contain_text("0.05")
        expect(page.locator("[data-test=status]")).not_to_contain_text(PAID)
        code = page.locator("img[alt*=QR]")
        expect(code).to_be_visible()
        assert code.evaluate("image => image.naturalWidth") > 0
        page.evaluate("() => { window.sameDocument = true }")
        page.locator("[data-test=pay-with-test-wallet]").click()
        expect(page.locator("[data-test=status]")).to_contain_text(PAID, timeout=15_000)
        assert page.evaluate("() => window.sameDocument") is True, "the page was loaded again"
    assert len(till.rows("/api/sales")) == 1


def test_pay_without_javascript(browser, till):
    link = till.link("0.05", title="Report on rain")
    with Visit(browser, till, java_script_enabled=False) as visit:
        page = visit.page
        page.goto(link["url"])
        expect(page.locator("[data-test=price]")).to_contain_text("0.05")
        expect(page.locator("img[alt*=QR]")).to_be_visible()
        page.locator("[data-test=pay-with-test-wallet]").click()
        expect(page.locator("[data-test=status]")).to_contain_text(PAID, timeout=15_000)
    assert len(till.rows("/api/sales")) == 1


def test_a_title_is_text_and_never_markup(browser, till):
    title = "<img src=x onerror=alert(1)>\"'&"
    with Visit(browser, till) as visit:
        visit.page.goto(till.link("0.05", title=title)["url"])
        expect(visit.page.locator("body")).to_contain_text(title)


def test_a_link_that_is_gone_has_a_page(browser, till):
    link = till.link("0.05")
    till.call("POST", f"/api/payment-links/{link['id']}/deactivate", {})
    with Visit(browser, till) as visit:
        assert visit.page.goto(link["url"]).status in (404, 409, 410)
        expect(visit.page.locator("[data-test=pay-with-test-wallet]")).to_have_count(0)
        visit.complaints.clear()  # the browser reports the status itself


@pytest.fixture
def with_setup(fresh):
    """A Till before its first sign-in, and the setup link it printed."""
    till = fresh(start=False)
    done = till.run("init", env={"TILL_LISTEN": f"127.0.0.1:{till.port}"})
    assert done.returncode == 0, done.stderr
    path = re.search(r"https?://[^/\s\"]+(/[^\s\"]+)", done.stdout).group(1)
    return till.start(), path


def test_setup_sign_in_and_overview(browser, with_setup):
    till, path = with_setup
    link = till.link("0.05", title="Report on rain")
    sale = till.document("pay", link["url"])
    with Visit(browser, till) as visit:
        page = visit.page
        page.goto(till.url + path)
        if not field(page, "code").input_value():
            field(page, "code").fill(re.search(r"[?&#/]([^?&#/=]+)$", path).group(1))
        field(page, "name").fill("owner")
        field(page, "password").fill(PASSWORD)
        field(page, "password").press("Enter")
        page.wait_for_load_state()
        page.goto(till.url + "/admin")
        body = page.locator("body")
        expect(body).to_contain_text("Report on rain")
        expect(body).to_contain_text("0.05")
        expect(body).to_contain_text("USD")
        cookie = next(c for c in visit.context.cookies() if c["httpOnly"])
        assert cookie["sameSite"] == "Strict"
    with Visit(browser, till) as visit:
        page = visit.page
        page.goto(till.url + "/admin")
        field(page, "name").fill("owner")
        field(page, "password").fill("not the password")
        field(page, "password").press("Enter")
        page.wait_for_load_state()
        page.goto(till.url + "/admin")
        expect(field(page, "password")).to_be_visible()
        field(page, "name").fill("owner")
        field(page, "password").fill(PASSWORD)
        field(page, "password").press("Enter")
        expect(page.locator("body")).to_contain_text("Report on rain")
        visit.complaints.clear()  # the refused password is a 401, which the browser reports itself
    assert sale


def test_the_setup_link_works_once(browser, with_setup):
    till, path = with_setup
    for n, name in enumerate(("owner", "thief")):
        with Visit(browser, till) as visit:
            page = visit.page
            page.goto(till.url + path)
            if field(page, "code").count() == 0 and n == 1:  # once somebody can sign in, that is all there is to do
                visit.complaints.clear()
                return
            if not field(page, "code").input_value():
                field(page, "code").fill(re.search(r"[?&#/]([^?&#/=]+)$", path).group(1))
            field(page, "name").fill(name)
            field(page, "password").fill(PASSWORD)
            field(page, "password").press("Enter")
            page.wait_for_load_state()
            page.goto(till.url + "/admin")
            signed_in = field(page, "password").count() == 0
            assert signed_in == (n == 0)
            visit.complaints.clear()
