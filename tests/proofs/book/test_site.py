"""The site in a real browser: ``python -m sphinx -W proofs/book site``, ``pytest -m browser``."""

import functools
import html.parser
import http.server
import io
import itertools
import json
import re
import threading
import zlib
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest

import exactflow
from exactflow import checker, factor
from exactflow.files.certificate import certificate_text

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser
SITE = Path(__file__).parents[3] / "site"
MEASURE = (Path(__file__).parent / "measure.js").read_text(encoding="utf-8")
READY = "document.getElementById('status').textContent === 'Ready.'"
PATIENCE = 120_000  # milliseconds: a machine may be busy
SHOWN = "document.querySelector('#strip table') !== null"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def host():
    if not (SITE / "index.html").exists():
        pytest.fail("expected the built site: python -m sphinx -W proofs/book site")
    handler = functools.partial(Quiet, directory=SITE)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *arguments: None  # a page that is left drops its connections
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as tools:
        options = {"args": FLAGS, "ignore_default_args": ["--hide-scrollbars"]}
        browser = tools.chromium.launch(executable_path="/usr/bin/chromium", **options)
        yield browser
        browser.close()


def watched(browser, host):
    """Return a page whose errors, failed requests and requests to other hosts are recorded."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.problems = []
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("response", lambda r: page.problems.append(r.url) if r.status >= 400 else None)
    page.on("request", lambda r: page.problems.append(r.url) if foreign(r.url, host) else None)
    return page


@pytest.fixture
def page(browser, host):
    page = watched(browser, host)
    yield page
    page.close()


def foreign(url, host):
    return not url.startswith((host, "data:", "blob:"))


def pages():
    return sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html"))


@pytest.mark.parametrize("path", pages())
def test_a_page_loads_without_errors_asks_no_other_host_and_cuts_nothing_off(page, host, path):
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto(f"{host}/{path}", wait_until="networkidle")
    assert page.title()
    assert page.problems == []
    assert page.locator("mjx-merror").count() == 0
    cut = []
    for width, scheme in itertools.product((1280, 400), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        for kind, words, is_marked in page.evaluate(MEASURE):
            may_scroll = {"output", "code"} | ({"table"} if is_marked else set())
            if width == 1280 or kind not in may_scroll:
                cut.append(f"at {width} px, {scheme}: {words}")
    assert not cut, "\n".join(cut)


def test_a_page_has_one_title():
    titles = {path: re.findall(r"<h1\b", (SITE / path).read_text("utf-8")) for path in pages()}
    assert [path for path, found in titles.items() if len(found) != 1] == ["search.html"]


@pytest.mark.parametrize("path", ["index.html", "goals/shears.html", "playground/index.html"])
def test_a_page_is_dark_in_the_dark(page, host, path):
    image = pytest.importorskip("PIL.Image")
    page.emulate_media(color_scheme="dark")
    page.goto(f"{host}/{path}")
    title = image.open(io.BytesIO(page.locator("h1").first.screenshot())).convert("L")
    darkest, lightest = title.getextrema()
    assert (darkest < 60, lightest > 180) == (True, True)
    assert title.getpixel((0, 0)) < 60


@pytest.mark.parametrize("path", ["coupling.html", "theorems/six_layers.html"])
def test_formulas_are_rendered(page, host, path):
    page.goto(f"{host}/{path}")
    page.wait_for_selector("mjx-container svg")
    assert page.locator("mjx-container").count() > 3


class Hrefs(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "a":
            self.found += [value for name, value in attributes if name == "href" and value]


def test_links_hold():
    links = {}
    for path in pages():
        for href in Hrefs((SITE / path).read_text("utf-8")).found:
            link = urljoin(f"http://site/{path}", href)
            if link.startswith("http://site/"):
                links.setdefault(link, path)
    assert len(links) > 500
    broken = []
    for link, path in sorted(links.items()):
        parts = urlsplit(link)
        file = SITE / (unquote(parts.path).lstrip("/") or "index.html")
        text = file.read_text("utf-8", "replace") if file.is_file() else None
        if text is None or (parts.fragment and f'id="{unquote(parts.fragment)}"' not in text):
            broken.append((link, path))
    assert broken == []


def test_the_inventory_has_every_name_at_the_root():
    _, _, _, _, packed = (SITE / "objects.inv").read_bytes().split(b"\n", 4)
    names = {line.split()[0] for line in zlib.decompress(packed).decode().splitlines()}
    assert [name for name in exactflow.__all__ if f"exactflow.{name}" not in names] == []


def test_search_finds_factor(page, host):
    page.goto(f"{host}/search.html?q=factor")
    page.wait_for_selector("#search-results li")
    found = page.locator("#search-results li a").all_inner_texts()
    assert any("factor" in text for text in found)


@pytest.fixture(scope="module")
def playground(browser, host):
    page = watched(browser, host)
    page.goto(f"{host}/playground/")
    page.wait_for_function(READY)
    yield page
    assert page.problems == []
    page.close()


def factored(page, text):
    page.fill("#matrix", text)
    page.click("#run")
    return answered(page)


def answered(page):
    page.wait_for_function("document.getElementById('run').ariaDisabled === 'false'")
    return page.text_content("#status")


def entries(page, figure):
    """Return the entries of a matrix of the strip."""
    return page.locator(f"#strip figure[data-k='{figure}'] td").all_inner_texts()


def test_the_playground_opens_with_an_answer_before_python_starts(browser, host):
    page = watched(browser, host)
    page.route("**/worker.js", lambda route: route.abort())
    page.goto(f"{host}/playground/")
    page.wait_for_function(SHOWN)
    assert page.text_content("#headline").startswith("Six coupling layers equal this matrix exac")
    assert page.text_content("#question") == "Why not five?"
    assert page.locator("#strip figure").count() == 7
    page.get_by_text("a negative determinant").click()
    assert "after coordinate 0 is negated" in page.text_content("#headline")
    page.close()


def test_python_that_cannot_start_tells_the_last_cause(browser, host):
    page = watched(browser, host)
    page.route("**/session.py", lambda route: route.fulfill(body="import nothing_of_this_name"))
    page.goto(f"{host}/playground/")
    page.wait_for_selector("#status.bad")
    said = "Python could not start in this browser: ModuleNotFoundError: No module named"
    assert page.text_content("#status").startswith(said)
    assert "Traceback" not in page.inner_text("body")
    page.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("2 1 0 1\n1 3 1 0\n0 1 2 1\n1/3 0 1 5/2", "Done, and checked."),
        ("-1 0 0 0\n0 -1 0 0\n0 0 1 0\n0 0 0 1", "Done, and checked."),
        ("3 0 1 4 5 2 7 6", "Done, and checked."),
        ("4 0 1 2 3 5", "Done, and checked."),
        ("1 0\n0 1", "Done, and checked."),
        ("0 1\n1 0", "Done, and checked."),
        ("-5 2 6 5\n5 -6 -3 -6\n0 5 0 0\n3 -1 5 -4", "Done, and checked."),
        ("1 2\n3 oops", "expected"),
    ],
)
def test_matrices(playground, text, says):
    assert says in factored(playground, text)


def test_a_layer_that_is_chosen_shows_the_product_so_far(playground):
    factored(playground, "-1 0 0 0\n0 -1 0 0\n0 0 1 0\n0 0 0 1")
    assert "Five additive ones do not." in playground.text_content("#headline")
    assert playground.locator("#reasons li").count() == 2
    matrix = entries(playground, 0)
    playground.click("#strip figure[data-k='1']")
    assert entries(playground, 0) == entries(playground, 1) != matrix
    assert playground.text_content("#strip figure[data-k='0'] figcaption") == "up to 1: U"
    assert playground.locator("#strip figure.later").count() == 5
    for _ in range(7):
        playground.keyboard.press("ArrowLeft")
    focused = "document.activeElement.closest('figure').dataset.k"
    assert playground.evaluate(f"document.activeElement.closest('#strip') ? {focused} : ''") == ""
    playground.focus("#strip figure[data-k='1'] button")
    for _ in range(7):
        playground.keyboard.press("ArrowLeft")
    assert playground.evaluate(focused) == "6"
    assert entries(playground, 0) == matrix
    playground.keyboard.press("ArrowRight")
    assert playground.get_attribute("#strip [data-k='5'] button", "aria-pressed") == "true"


def test_the_answer_is_above_the_form_and_fits(playground):
    playground.get_by_text("three coordinates rotate").click()
    try:
        playground.set_viewport_size({"width": 1280, "height": 800})
        playground.evaluate("window.scrollTo(0, 0)")
        shown, form = (playground.locator(name).bounding_box() for name in ("#shown", "#form"))
        assert shown["y"] + shown["height"] <= form["y"]
        tops = [box.bounding_box()["y"] for box in playground.locator("#strip figure").all()]
        assert max(tops) - min(tops) < 40
        assert max(tops) < 800
        playground.set_viewport_size({"width": 400, "height": 800})
        root = "document.documentElement"
        assert playground.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    finally:
        playground.set_viewport_size({"width": 1280, "height": 720})


def test_the_proofs_are_read(playground):
    factored(playground, "2 1\n3 2")
    for fold in playground.locator("#proofs > details").all():
        fold.locator("summary").first.click()
    playground.locator("#proofs details details summary").first.click()
    assert "checked: " in playground.inner_text("#proofs")


def test_a_link_has_the_matrix_and_the_option(playground, host):
    playground.select_option("#orientation", "pad")
    playground.fill("#matrix", "0 1\n1 0")
    playground.press("#matrix", "Control+Enter")
    assert answered(playground) == "Done, and checked."
    assert playground.evaluate("document.activeElement.id") == "matrix"
    link = playground.url.partition("#")[2]
    assert link == "matrix=0+1%3B1+0&orientation=pad"
    assert playground.get_attribute("#link", "href") == f"#{link}"
    playground.select_option("#orientation", "flip")
    factored(playground, "2 1\n3 2")
    playground.evaluate(f"location.hash = {link!r}")
    playground.wait_for_function(
        "document.getElementById('headline').textContent.includes('a pad in each half')"
    )
    assert playground.input_value("#matrix") == "0 1\n1 0"
    playground.select_option("#orientation", "flip")


def test_the_certificate_is_copied(browser, host):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(f"{host}/playground/")
    page.wait_for_function(SHOWN)
    page.click("#copy-certificate")
    page.wait_for_function("document.getElementById('copied').textContent === 'Copied.'")
    page.wait_for_function(READY)
    assert page.text_content("#copied") == "Copied."  # the start of Python does not overwrite it
    text = page.evaluate("navigator.clipboard.readText()")
    assert checker.check(text.encode()).verdict is checker.Verdict.VERIFIED
    context.close()


def test_the_way_back_is_that_of_the_theme(playground):
    assert playground.get_attribute(".sidebar-brand", "href") == "../index.html"
    assert playground.locator(".theme-toggle:visible").count() == 1


def test_long_entries_are_read_without_a_pointer(playground):
    factored(playground, "1/3 1234567890123456789012345678901234567890/7\n0 1")
    playground.click("#entries summary")
    cell = playground.locator("#entries td").nth(1)
    assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    assert len(cell.inner_text()) == 42


def test_the_certificate_that_is_downloaded_is_checked(playground, tmp_path):
    factored(playground, "2 1\n3 2")
    with playground.expect_download() as download:
        playground.click("#download")
    path = tmp_path / "certificate.json"
    download.value.save_as(path)
    playground.set_input_files("#file", path)
    playground.wait_for_selector("#checked:not([hidden])")
    assert "its claim is proved" in playground.text_content("#status")
    assert "equal in all entries" in playground.text_content("#lines")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c, "The certificate was checked: its claim is proved."),
        (lambda c: c | {"target": [["5", "1"], ["3", "2"]]}, "its claim is refuted."),
        (lambda c: c | {"version": 99}, "malformed"),
    ],
)
def test_certificates(playground, change, says):
    certificate = json.loads(certificate_text(factor([[2, 1], [3, 2]])))
    assert says in factored(playground, json.dumps(change(certificate)))


def test_files_that_are_too_large_are_refused_unread(playground, tmp_path):
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    playground.set_input_files("#file", path)
    playground.wait_for_selector("#status.bad")
    assert "large.csv has 50,000,000" in playground.text_content("#status")


def test_size_of_the_playground():
    files = [path for path in (SITE / "playground").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 30_000_000
