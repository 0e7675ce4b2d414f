"""Pages in a real browser: what people see, that no request leaves the page, that names do nothing, and the keyboard.

Needs chromium and chromedriver (on Debian `apt-get install chromium chromium-driver`). Without them these tests are skipped. The
checks by axe-core, the W3C's validator and Mermaid need the npm packages that `make test-long` installs.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

import pictures
from scenes import DELEGATE, OWNER_SCOPE, REGION, delegate, owner, plan_between
from sesform.cli.page import template
from sesform.planning.routes import Gap, Route, Subject
from sesform.policies.verdict import denied
from sesform.render import mermaid, page
from sesform.render.page import Made

BROWSER, DRIVER, JAVA = (shutil.which(name) for name in ("chromium", "chromedriver", "java"))
PACKAGES = Path(__file__).parents[2] / "build" / "page" / "node_modules"
AXE = PACKAGES / "axe-core" / "axe.min.js"
VALIDATOR = PACKAGES / "vnu-jar" / "build" / "dist" / "vnu.jar"
MERMAID = PACKAGES / "mermaid" / "dist" / "mermaid.min.js"
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1280,900"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
MADE = Made("2026-11-27T08:00:00Z", True)
HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "'-alert(1)-'",
    "{{ 7 * 7 }}",
    "</title></style></script><h1>hacked</h1>",
    "javascript:window.hacked=1",
    "&lt;b&gt;",
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(BROWSER is None or DRIVER is None, reason="chromium and chromedriver are not installed"),
]


class Site:
    """A web server that has some files and remembers every request."""

    def __init__(self) -> None:
        files: dict[str, bytes] = {}
        requests: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                requests.append(self.path)
                content = files.get(self.path)
                kind = "text/javascript" if self.path.endswith(".js") else "text/html"
                self.send_response(404 if content is None else 200)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.end_headers()
                self.wfile.write(content or b"")

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.files, self.requests = files, requests
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for option in (*OPTIONS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
    yield driver
    driver.quit()


class Tab:
    """A page in the browser."""

    def __init__(self, driver: webdriver.Chrome, site: Site) -> None:
        self.driver, self.site = driver, site

    def open(self, content: str) -> None:
        self.site.files["/page.html"] = content.encode()
        self.site.requests.clear()
        self.messages(), self.urls()  # of earlier pages
        self.driver.get(f"{self.site.url}/page.html")

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def shown(self, selector: str) -> list[str]:
        """Return the texts of the elements that can be seen."""
        found = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return [" ".join(each.text.split()) for each in found if each.is_displayed()]

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    def focused(self) -> str:
        """Return the tag and the id or text of the element that has the focus."""
        return str(self.run("const e = document.activeElement; return `${e.tagName} ${e.id || e.textContent.trim()}`"))

    def filter(self, words: str) -> None:
        field = self.find("#words")
        field.clear()
        field.send_keys(words)

    def messages(self) -> list[str]:
        """Return what the console has: errors, and what the policy refused."""
        return [str(entry["message"]) for entry in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def urls(self) -> list[str]:
        """Return the URLs that the browser asked for."""
        events = [json.loads(each["message"])["message"] for each in self.driver.get_log("performance")]  # type: ignore[no-untyped-call]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]


@pytest.fixture
def tab(started: webdriver.Chrome, site: Site) -> Tab:
    started.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    started.set_window_size(1280, 900)
    return Tab(started, site)


def routes(of: pictures.Content) -> str:
    return page.routes(*of, template(), MADE)


def plan() -> str:
    """Return the page of a plan with each kind of change."""
    topic = "topics: {feedback: {display_name: Old}}\n"
    names = "".join(f"  d{number:02}.example: {{notifications: WAYS}}\n" for number in range(30))
    ways = "{bounce: mailer/feedback, complaint: mailer/feedback}"
    before = owner(f"identities:\n{names.replace('WAYS', '{}')}") + "---\n" + delegate(topic)
    after = owner(f"identities:\n{names.replace('WAYS', ways)}") + "---\n" + delegate(topic.replace("Old", "New"))
    return page.plan(plan_between(before, after), template(), MADE)


# --- what people see ---------------------------------------------------------------------------------------------------


def test_gaps_are_seen_without_scrolling(tab: Tab) -> None:
    """The heading and the first identity without a receiver, with its reason, are in the window at once."""
    tab.open(routes(pictures.few()))
    bottom = tab.run("return document.querySelector('.row .reason').getBoundingClientRect().bottom")

    assert ["✕ Bounces or complaints of 1 of 5 identities and sets have no receiver"] == tab.shown("h1")
    assert "not received: it has no confirmed subscription" == tab.shown(".row .reason")[0]
    assert bottom < tab.run("return window.innerHeight")


def test_what_is_lost_is_red_and_said(tab: Tab) -> None:
    """The box of a topic without a receiver has another border than others, and words and a symbol say the same."""
    tab.open(routes(pictures.few()))
    colour = "return getComputedStyle(document.querySelector(arguments[0])).borderTopColor"

    assert tab.run(colour, ".is-not-received .node") != tab.run(colour, ".is-received .node")
    assert "✕ to topic ops 111111111111/eu-west-1" == tab.shown(".is-not-received .node")[0]
    assert "✕ bounce and complaint lost" == tab.shown(".badge")[0]


@pytest.mark.parametrize("width", [1280, 900, 600, 380])
def test_nothing_is_wider_than_the_window(tab: Tab, width: int) -> None:
    """At every width the page scrolls in one direction only, and no text leaves its box."""
    for content in (routes(pictures.few()), plan()):
        tab.open(content)
        tab.driver.set_window_size(width, 900)
        assert tab.run("return document.documentElement.scrollWidth <= window.innerWidth")
        assert [] == tab.run(
            "return [...document.querySelectorAll('.row *')]"
            ".filter(e => !e.children.length && e.clientWidth && e.scrollWidth > e.clientWidth + 1)"
            ".filter(e => !e.closest('.hidden')).map(e => e.outerHTML.slice(0, 200))"
        )


def test_colours_follow_the_system_and_the_switch(tab: Tab) -> None:
    """The page is dark on a dark system, and the switch decides otherwise."""
    tab.open(routes(pictures.few()))
    back = "return getComputedStyle(document.body).backgroundColor"
    light = tab.run(back)
    tab.driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    dark = tab.run(back)
    tab.find("label:has(#theme-light)").click()

    assert light != dark
    assert light == tab.run(back)
    tab.find("label:has(#theme-dark)").click()
    assert dark == tab.run(back)


# --- the filter --------------------------------------------------------------------------------------------------------


def test_the_filter_shows_names_that_match(tab: Tab) -> None:
    """A part of a name leaves the rows and sections with such names, counts them, and opens folded names."""
    tab.open(routes(pictures.many()))
    tab.filter("d99")

    assert ["10 of 1,001 identities and sets"] == tab.shown("#count")
    assert ["No gaps 10"] == tab.shown("h2")
    assert ["10 of 980 identities"] == tab.shown("h3")
    assert [f"d99{number}.example" for number in range(10)] == tab.shown("[data-name]")


def test_the_filter_matches_topics_and_reasons(tab: Tab) -> None:
    """Words match what is said of a row; several words must all match."""
    tab.open(routes(pictures.many()))
    tab.filter("policy allow")

    assert ["10 of 1,001 identities and sets"] == tab.shown("#count")
    tab.filter("policy d201")
    assert ["d201.example"] == tab.shown("[data-name]")
    tab.filter("policy d200")
    assert [] == tab.shown("[data-row]")
    assert ["0 of 1,001 identities and sets"] == tab.shown("#count")


def test_the_filter_by_account(tab: Tab) -> None:
    """One account's identities or sets are left, and the button brings all back."""
    tab.open(routes(pictures.few()))
    Select(tab.find("#scope")).select_by_visible_text(f"{DELEGATE}/{REGION}")

    assert ["main"] == tab.shown("h3")
    tab.find("#filter button").click()
    assert ["5 of 5 identities and sets"] == tab.shown("#count")
    assert 5 == len(tab.shown("h3"))


def test_the_filter_of_a_plan(tab: Tab) -> None:
    """Routes and resources are filtered alike."""
    tab.open(plan())
    tab.filter("d07")

    assert ["Routes that change 1", "Changed 1", "Added 2"] == [text for text in tab.shown("h2") if text != "Calls"]
    tab.filter("display_name")
    assert ["feedback"] == tab.shown("h3")


def test_a_page_of_1000_identities_is_small(tab: Tab) -> None:
    """Few elements besides the names are in a page with many identities, so that it opens and filters at once."""
    tab.open(routes(pictures.many()))

    assert tab.run("return document.querySelectorAll('*').length") < 1500


# --- safety ------------------------------------------------------------------------------------------------------------


def test_no_request_leaves_a_page(tab: Tab) -> None:
    """The browser asks for the page itself and nothing else, also while it is used, and the console stays empty."""
    for content in (routes(pictures.few()), routes(pictures.many(200)), plan()):
        tab.open(content)
        tab.filter("d0")
        for label in ("dark", "light", "system"):
            tab.find(f"label:has(#theme-{label})").click()
        tab.run("document.querySelectorAll('details').forEach(each => each.open = true)")

        assert ["/page.html"] == tab.site.requests
        assert [f"{tab.site.url}/page.html"] == [url for url in tab.urls() if url != "data:,"]
        assert [] == tab.messages()


def test_the_policy_refuses_requests_and_scripts(tab: Tab) -> None:
    """Even a script that runs in the page can neither send a request nor add a script, an image or a style."""
    tab.open(routes(pictures.few()))
    refused = tab.driver.execute_async_script(
        """
        const done = arguments[arguments.length - 1], found = [];
        document.addEventListener("securitypolicyviolation", (e) => {
          found.push(e.effectiveDirective);
          if (found.length === 4) done(found.sort());
        });
        const add = (tag, set) => document.body.append(Object.assign(document.createElement(tag), set));
        fetch("/secret").catch(() => {});
        add("img", { src: "/image" });
        add("script", { textContent: "window.hacked = 1" });
        add("style", { textContent: "body { display: none }" });
        """
    )

    assert ["connect-src", "img-src", "script-src-elem", "style-src-elem"] == refused
    assert ["/page.html"] == tab.site.requests
    assert tab.run("return window.hacked === undefined")


@pytest.mark.parametrize("name", HOSTILE)
def test_names_with_markup_are_inert(tab: Tab, name: str) -> None:
    """A name, topic, endpoint or reason with a script is shown as it is, and does nothing."""
    subject = Subject(OWNER_SCOPE, "identity", name, "bounce")
    other = Subject(OWNER_SCOPE, "identity", f"{name}2", "bounce")
    ways = (Route("sns", name, name, name, denied(name)),)
    subscribers = {name: (pictures.SUBSCRIBERS[pictures.OPS][0]._replace(endpoint=name),)}
    tab.open(routes(pictures.Content({subject: ways, other: ways}, subscribers, [Gap(subject, name), Gap(other, "x")])))

    assert tab.run("return window.hacked === undefined")
    assert [] == tab.messages()
    assert ["/page.html"] == tab.site.requests
    assert " ".join(name.split()) in tab.shown("h3")
    assert 1 == len(tab.shown("h1"))


# --- without a mouse, and without seeing -------------------------------------------------------------------------------


def test_everything_is_reached_with_the_keyboard(tab: Tab) -> None:
    """The tab key goes from the top to the bottom: skip link, colours, sections, filter, folded names."""
    tab.open(routes(pictures.many()))
    order = []
    for _ in range(10):
        tab.press(Keys.TAB)
        order.append(tab.focused())
        assert tab.run(
            "const e = document.activeElement, seen = e.type === 'radio' ? e.nextElementSibling : e;"
            "return getComputedStyle(seen).outlineStyle !== 'none'"
        ), order

    assert [
        "A Skip to the content",
        "INPUT theme-system",
        "A 20 no receiver",
        "A 981 no gaps",
        "INPUT words",
        "SELECT scope",
        "BUTTON Show all",
        "SUMMARY 2 more",
        "SUMMARY 2 more",
        "SUMMARY 972 more",
    ] == order


def test_keys_do_what_the_mouse_does(tab: Tab) -> None:
    """Enter follows the skip link and opens folded names, arrows change the colours, and typing filters."""
    tab.open(routes(pictures.many()))
    tab.press(Keys.TAB, Keys.ENTER)
    assert tab.focused().startswith("MAIN content")
    tab.press(Keys.TAB, "d00")
    assert ["10 of 1,001 identities and sets"] == tab.shown("#count")
    tab.press(Keys.ESCAPE, *[Keys.BACKSPACE] * 3)
    tab.press(Keys.TAB, Keys.TAB, Keys.TAB, Keys.ENTER)
    assert tab.run("return document.activeElement.parentElement.open")
    tab.run("document.getElementById('theme-system').focus()")
    tab.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert tab.run("return document.getElementById('theme-dark').checked")


@pytest.mark.skipif(not AXE.exists(), reason="axe-core is not installed")
@pytest.mark.parametrize("width", [1280, 500])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_barrier(tab: Tab, theme: str, width: int) -> None:
    """The rules of WCAG that a program can check hold, contrast included, in both colours and at both widths."""
    tab.driver.set_window_size(width, 900)
    for content in (routes(pictures.few()), routes(pictures.many(50)), plan()):
        tab.open(content)
        tab.find(f"label:has(#theme-{theme})").click()
        tab.run("document.querySelectorAll('details').forEach(each => each.open = true)")
        tab.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
        found = tab.driver.execute_async_script(
            "const done = arguments[0]; axe.run().then(r => done({passes: r.passes.length, violations: r.violations.map("
            "v => `${v.id}: ${v.nodes.map(n => n.html.slice(0, 120)).join(' ')}`)}))"
        )
        assert [] == found["violations"]
        assert found["passes"] > 20


@pytest.mark.skipif(not VALIDATOR.exists() or JAVA is None, reason="the validator or Java is not installed")
def test_the_validator_of_the_w3c_accepts_pages(tmp_path: Path) -> None:
    """Documents, their ARIA attributes and styles are valid."""
    for name, content in (("few", routes(pictures.few())), ("many", routes(pictures.many(50))), ("plan", plan())):
        (tmp_path / f"{name}.html").write_text(content, encoding="utf-8")
    command = [
        str(JAVA),
        "-jar",
        str(VALIDATOR),
        "--format",
        "json",
        "--also-check-css",
        *map(str, tmp_path.glob("*.html")),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    # The validator does not know hashes of inline elements.
    found = [
        m["message"]
        for m in json.loads(done.stderr)["messages"]
        if "violates Content Security Policy" not in m["message"]
    ]

    assert [] == found


# --- Mermaid -----------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not MERMAID.exists(), reason="mermaid is not installed")
@pytest.mark.parametrize("name", ["few", "many", *HOSTILE])
def test_mermaid_draws_the_diagram(tab: Tab, name: str) -> None:
    """Mermaid itself draws each chart; names with markup are labels, and no element of theirs is in the picture."""
    scenes = {"few": pictures.few(), "many": pictures.many(200)}
    of = scenes.get(name) or pictures.hostile(name)
    tab.site.files["/mermaid.js"] = MERMAID.read_bytes()
    head = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>t</title>'
    tab.open(f'{head}<script src="/mermaid.js"></script></head><body></body></html>')
    found = tab.driver.execute_async_script(
        """
        const [chart, done] = arguments;
        mermaid.initialize({ startOnLoad: false, securityLevel: "strict" });
        mermaid.render("m", chart).then(({ svg }) => {
          document.body.innerHTML = svg;
          const nodes = [...document.querySelectorAll(".nodeLabel")].map((e) => e.innerText.trim());
          const bad = document.querySelectorAll("svg script, svg img, svg h1, svg a, svg b, svg li").length;
          done({ nodes, bad, hacked: window.hacked !== undefined });
        }, (error) => done({ error: String(error) }));
        """,
        mermaid.routes(*of),
    )

    assert {"bad": 0, "hacked": False} == {name: value for name, value in found.items() if name != "nodes"}
    assert [] == [
        subject.name
        for subject in list(of.matrix)[:3]
        if not any(subject.name in label.split("\n")[0] or "identities" in label for label in found["nodes"])
    ]
