"""The nurses' board in a real browser: sign-in, live alerts, acknowledge and resolve, two screens, a dead core."""

import re
import sqlite3
import time

import pytest

axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
from playwright.sync_api import expect, sync_playwright  # noqa: E402

from support import escalation, wait_for, wait_heard, webhook  # noqa: E402

# For a browser that shares its processors with everything else.
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def nurse(browser, request):
    """A factory: a browser of its own (cookies apart), whose scripts' errors fail the test."""
    pages, errors = [], []

    def make():
        context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="nb-NO")
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        pages.append(context)
        return page

    yield make
    for context in pages:
        context.close()
    assert errors == []


@pytest.fixture
def home(make_hub, broker):
    hub = make_hub(broker, escalation=escalation())
    hub.patient = hub.person("Kari Nordmann")
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.patient)
    return hub


def sign_in(hub, page, name="Nina Nurse"):
    """Opening the link asks; a person presses the button, so that a scanner of mail cannot use the link up."""
    url = hub.post("/v1/console/links", {"actor": name})["url"]
    page.goto(url)
    page.get_by_role("button", name=re.compile("Logg inn som")).click()
    page.wait_for_url(re.compile(r"/$"))
    return url


def card(page, text="Kari Nordmann"):
    return page.locator(".card", has_text=text)


def test_the_sign_in_link_works_once(home, nurse):
    page = nurse()
    url = sign_in(home, page)
    expect(page.locator("header")).to_contain_text("Nina Nurse")
    stranger = nurse()
    stranger.goto(url)
    button = stranger.get_by_role("button", name=re.compile("Logg inn som"))
    if button.count():
        button.click()
        stranger.wait_for_load_state()
    expect(stranger.locator("body")).to_contain_text("allerede brukt")
    stranger.goto(f"http://127.0.0.1:{home.console_port}/")
    expect(stranger.locator("body")).to_contain_text("ikke logget inn")
    page.get_by_role("button", name="Logg ut").click()
    expect(page.locator("body")).to_contain_text("ikke logget inn")


def test_the_page_says_how_to_get_a_link_and_the_command_works(home, nurse):
    page = nurse()
    page.goto(f"http://127.0.0.1:{home.console_port}/")
    import shlex

    words = shlex.split(page.locator("code").inner_text())
    assert words[0] == "knutepunkt"
    assert home.command(*words[1:]).stdout.startswith("http")


def test_nothing_is_shown_without_signing_in(home, nurse, bridge):
    bridge.sos("sos1")
    home.alert("sos")
    page = nurse()
    page.goto(f"http://127.0.0.1:{home.console_port}/")
    expect(page.locator("body")).not_to_contain_text("Kari Nordmann")
    for path in ("/hendelser", "/varsler", "/board", "/live", f"/varsler/{home.alert('sos')['id']}/avslutt"):
        assert "Kari" not in home.http(path, home.console_port)[1]


def test_acknowledge_and_resolve_by_clicking_and_the_second_screen_sees_it(home, nurse, bridge):
    first, second = nurse(), nurse()
    sign_in(home, first)
    sign_in(home, second, "Ola Vakt")
    bridge.sos("sos1")
    for page in (first, second):
        expect(card(page)).to_be_visible()
    card(first).get_by_role("button", name="Kvitter").click()
    alert = home.alert("sos", state="acknowledged")
    assert alert["actor"] == "Nina Nurse"
    expect(card(second)).to_contain_text("Kvittert av Nina Nurse")
    card(second).get_by_role("button", name="Jeg rykker ut").click()
    expect(card(first)).to_contain_text("Ola Vakt er på vei")
    card(first).get_by_role("link", name="Avslutt").click()
    first.get_by_label("Hva fant du").fill("Hjulpet opp, ingen skade")
    first.get_by_label("Årsak").select_option(label="Fall")
    first.get_by_label("Tiltak").select_option(label="Besøkte personen")
    first.get_by_label("Ja, det var riktig").check()
    first.get_by_role("button", name="Avslutt varselet").click()
    alert = home.alert("sos", state="resolved")
    assert alert["comment"] == "Hjulpet opp, ingen skade"
    for page in (first, second):
        expect(card(page)).to_have_count(0)
        expect(page.locator("body")).to_contain_text("Ingen åpne varsler")
        expect(page.locator("body")).to_contain_text("Avsluttet av Nina Nurse")


def test_the_page_says_times_by_the_rule_of_all_screens(home, nurse):
    """The script ticks what the server has rendered: where one unit ends and the next begins must be the same for both."""
    page = nurse()
    sign_in(home, page)
    # Half a unit from each border, so that no second of the test's own changes a text.
    ages = {
        -60: "akkurat nå", 95: re.compile(r"for (9|10)\d s siden"), 150: "for 2 min siden", 3_630: "for 60 min siden",
        7_290: "for 2 t 1 min siden", 7_230: "for 2 t siden", 90_030: "for 25 t siden", 172_750: "for 47 t 59 min siden",
        174_600: "for 2 døgn siden", 178_200: "for 2 døgn 1 t siden",
    }
    waits = {-5: "nå", 95: re.compile(r"om (8|9)\d s"), 150: "om 2 min", 10_770: "om 2 t 59 min", 257_400: "om 2 døgn 23 t"}
    page.evaluate(
        """([ages, waits]) => {
          const add = (key, seconds, time) => {
            const line = document.createElement("p");
            line.id = `${key}${seconds}`;
            line.dataset[key] = String(time);
            document.body.append(line);
          };
          for (const s of ages) add("since", s, Date.now() - s * 1000);
          for (const s of waits) add("until", s, Date.now() + s * 1000);
        }""",
        [list(ages), list(waits)],
    )
    for key, texts in (("since", ages), ("until", waits)):
        for seconds, text in texts.items():
            expect(page.locator(f"[id='{key}{seconds}']")).to_have_text(text)


def test_without_a_comment_an_alert_stays_open_in_the_browser(home, nurse, bridge):
    page = nurse()
    sign_in(home, page)
    bridge.sos("sos1")
    card(page).get_by_role("link", name="Avslutt").click()
    page.get_by_role("button", name="Avslutt varselet").click()
    assert home.alert("sos")["state"] in ("raised", "notified")


def test_an_alarm_is_on_the_board_while_the_store_is_stuck(home, nurse, bridge):
    page = nurse()
    sign_in(home, page)
    thief = sqlite3.connect(home.state / "journal.sqlite", isolation_level=None, timeout=10)
    thief.execute("BEGIN IMMEDIATE")
    try:
        bridge.sos("sos1")
        expect(card(page)).to_be_visible()
        assert home.stored() == 0, "it came before the disk"
    finally:
        thief.execute("ROLLBACK")
        thief.close()


def test_a_comment_is_required_to_resolve(home, bridge):
    bridge.sos("sos1")
    alert = home.alert("sos")
    home.alert_action(alert["id"], "resolve", expect=400)
    home.alert_action(alert["id"], "resolve", comment="In order")
    assert home.alert("sos")["state"] == "resolved"


def test_a_banner_within_five_seconds_when_the_core_is_dead(make_hub, broker, nurse):
    hub = make_hub(broker, start=False)
    hub.start("core")
    hub.start("console")
    wait_for(lambda: connected(hub), 60, "the console answers")
    page = nurse()
    sign_in(hub, page)
    banners = page.locator(".banner:visible")
    expect(banners).to_have_count(0)
    hub.kill("core")
    began = time.monotonic()
    expect(banners.first).to_be_visible()
    # Five seconds by the page's own clock (no line for 4 s, looked at each second), and as many for a slow browser to show it.
    assert time.monotonic() - began < 10
    expect(banners.first).to_contain_text("nye alarmer kommer ikke fram")
    hub.start("core")
    expect(banners).to_have_count(0)


def test_a_banner_when_the_console_itself_is_gone(make_hub, broker, nurse):
    hub = make_hub(broker, start=False)
    hub.start("core")
    hub.start("console")
    wait_for(lambda: connected(hub), 60, "the console answers")
    page = nurse()
    sign_in(hub, page)
    hub.kill("console")
    expect(page.locator(".banner:visible").first).to_contain_text("nye alarmer vises ikke her")


def connected(hub) -> bool:
    try:
        return hub.http("/", hub.console_port)[0] < 500
    except OSError:
        return False


def test_no_serious_accessibility_violation(home, nurse, bridge):
    page = nurse()
    sign_in(home, page)
    bridge.sos("sos1")
    expect(page.locator("body")).to_contain_text("Kari Nordmann")
    alert = home.alert("sos")
    door = nurse()
    for where, path in ((page, "/"), (page, f"/varsler/{alert['id']}/avslutt"), (door, "/")):
        where.goto(f"http://127.0.0.1:{home.console_port}{path}")
        for scheme in ("light", "dark"):
            where.emulate_media(color_scheme=scheme)
            results = axe_playwright.Axe().run(where)
            serious = [v for v in results.response["violations"] if v["impact"] in ("serious", "critical")]
            assert serious == [], (path, scheme, [(v["id"], [n["html"] for n in v["nodes"]][:2]) for v in serious])


def test_names_with_markup_are_shown_and_not_run(make_hub, broker, nurse, bridge):
    hub = make_hub(broker)
    patient = hub.person("<script>document.title='owned'</script> & \"Per\"")
    hub.device("zigbee2mqtt/sos-button", "sos1", patient)
    page = nurse()
    sign_in(hub, page)
    bridge.sos("sos1")
    expect(page.locator("body")).to_contain_text("<script>")
    assert page.title() != "owned"


def test_headers_and_cookies_are_strict(home):
    import http.client
    from urllib.parse import urlparse

    url = urlparse(home.post("/v1/console/links", {"actor": "Nina Nurse"})["url"])
    connection = http.client.HTTPConnection("127.0.0.1", home.console_port, timeout=20)
    connection.request("GET", f"{url.path}?{url.query}")
    response = connection.getresponse()
    response.read()
    headers = {k.lower(): v for k, v in response.getheaders()}
    assert "content-security-policy" in headers
    assert "unsafe-inline" not in headers["content-security-policy"].split("style-src")[0]
    assert headers.get("x-content-type-options") == "nosniff"
    cookie = headers.get("set-cookie")
    if cookie:
        assert "httponly" in cookie.lower() and "samesite" in cookie.lower()
    # A form sent from another site changes nothing.
    connection.request("POST", "/varsler/00000000-0000-0000-0000-000000000000/kvitter", "", {"Origin": "https://evil.example"})
    assert connection.getresponse().status in (400, 401, 403, 404)


def test_the_card_of_a_person_for_whom_nobody_is_called_says_so(make_hub, broker, bridge, receiver, nurse):
    hub = make_hub(broker, [webhook(receiver, patients=["P1"])], escalation=escalation("nurses"))
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person("Kari Nordmann"))
    hub.device("zigbee2mqtt/sos-button", "sos2", hub.person("Ola Hansen"))
    page = nurse()
    sign_in(hub, page)
    expect(page.locator("body")).to_contain_text("Varsler om én person vises bare på tavlen")
    bridge.sos("sos1")
    bridge.sos("sos2")
    words = "Bare tavlen vet om dette: ingen andre er varslet"
    expect(card(page, "Ola Hansen")).to_contain_text(words)
    wait_heard(receiver, "sos")
    expect(card(page)).to_be_visible()
    expect(card(page)).not_to_contain_text(words)
    card(page, "Ola Hansen").get_by_role("button", name="Kvitter").click()
    expect(card(page, "Ola Hansen")).to_contain_text("Kvittert av Nina Nurse")
    expect(card(page, "Ola Hansen")).not_to_contain_text(words)


def test_a_press_counts_though_its_card_is_drawn_anew_in_that_moment(home, bridge, nurse):
    hub = home
    page = nurse()
    sign_in(hub, page)
    bridge.sos("sos1")
    expect(card(page)).to_be_visible()
    # As an update of the board does that comes between the press and its request.
    page.evaluate("""() => {
      const ask = window.fetch;
      window.fetch = async (place, options) => {
        const answer = await ask(place, options);
        const shown = document.querySelector("li.card");
        if (place === "/livez") shown.replaceWith(shown.cloneNode(true));
        return answer;
      };
    }""")
    card(page).get_by_role("button", name="Kvitter").click()
    expect(card(page)).to_contain_text("Kvittert av Nina Nurse")
