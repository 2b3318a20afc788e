"""Whether the nurses' board can be trusted when things go wrong: green only when all works, nobody hidden, nothing said that is not so."""

import http.client
import json
import signal
import socket
import time
from urllib.parse import urlencode

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect  # noqa: E402

from support import OVER, SECRET, TOLD, Destination, escalation, free_port, wait_for  # noqa: E402
from test_console import browser, card, connected, nurse, sign_in  # noqa: E402,F401  (fixtures)


@pytest.fixture
def roles(make_hub, broker):
    """Core and console as processes of their own, so that one can freeze or die without the other."""
    hub = make_hub(broker, start=False)
    hub.start("core")
    hub.start("console")
    wait_for(lambda: connected(hub), 60, "the console answers")
    hub.patient = hub.person("Kari Nordmann")
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.patient)
    return hub


def in_view(page, locator) -> bool:
    box, size = locator.bounding_box(), page.viewport_size
    return box is not None and 0 <= box["y"] and box["y"] + box["height"] <= size["height"]


def test_green_only_while_the_broker_is_there(make_hub, broker, nurse):
    hub = make_hub(broker)
    page = nurse()
    sign_in(hub, page)
    wait_for(lambda: page.locator(".empty-calm").is_visible(), 2 * OVER, "a calm board")
    expect(page.locator("#core-status")).to_contain_text("Varslingen virker")
    broker.stop()
    banner = page.locator("#banner-hub")
    expect(banner).to_be_visible(timeout=TOLD * 1000)
    expect(banner).to_contain_text("nødrutinen")
    expect(page.locator(".empty-calm")).not_to_be_visible()
    assert page.locator("#core-status .core-text-live").is_hidden()
    assert page.title().startswith("⚠")
    # A page loaded now says the same without a script's help.
    assert "Ingen forbindelse" in page.request.get(page.url).text()
    broker.start()
    expect(banner).not_to_be_visible(timeout=TOLD * 1000)


def test_an_alarm_that_does_not_arrive_says_so_on_its_card(make_hub, broker, bridge, nurse):
    hub = make_hub(
        broker, [Destination("responder", "webhook", f"http://127.0.0.1:{free_port()}/x", secret=SECRET, share=("alerts",))],
        escalation=escalation("responder"))
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person("Kari Nordmann"))
    page = nurse()
    sign_in(hub, page)
    bridge.sos("sos1")
    expect(card(page).locator(".undelivered")).to_have_text("Ikke levert til responder – ring", timeout=40_000)


def test_an_alarm_that_arrives_says_where(make_hub, broker, bridge, receiver, nurse):
    hub = make_hub(
        broker, [Destination("responder", "webhook", receiver.url("responder"), secret=SECRET, share=("alerts",))],
        escalation=escalation("responder"))
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person("Kari Nordmann"))
    page = nurse()
    sign_in(hub, page)
    bridge.sos("sos1")
    expect(card(page)).to_contain_text("Sendt til responder kl. ")
    expect(card(page).locator(".undelivered")).to_have_count(0)


def test_one_stuck_button_hides_nobody(make_hub, broker, bridge, nurse):
    hub = make_hub(broker, escalation=escalation())
    people = [hub.person("Stuck Button"), hub.person("Needs Help")]
    hub.device("zigbee2mqtt/sos-button", "stuck", people[0])
    hub.device("zigbee2mqtt/sos-button", "other", people[1])
    page = nurse()
    sign_in(hub, page)
    for number in range(300):
        bridge.send("zigbee2mqtt/stuck", json.dumps({"action": "emergency", "linkquality": number}))
    bridge.sos("other")
    expect(card(page, "Needs Help").first).to_be_visible()
    expect(card(page, "Stuck Button")).to_have_count(1)


def test_a_core_that_does_not_answer_is_not_said_to_have_recorded_nothing(roles, bridge, nurse):
    page = nurse()
    sign_in(roles, page)
    bridge.sos("sos1")
    expect(card(page)).to_be_visible()
    roles.processes["core"].send_signal(signal.SIGSTOP)
    try:
        # The console gives up (after 6 s) before the page does (after 8 s): there is an answer.
        with page.expect_response(lambda answer: answer.url.endswith("/kvitter")):
            card(page).get_by_role("button", name="Kvitter").click()
        notice = card(page).locator(".card-notice")
        expect(notice).to_contain_text("Usikkert om det ble registrert")
        expect(notice).not_to_contain_text("IKKE")
    finally:
        roles.processes["core"].send_signal(signal.SIGCONT)
    # And it was recorded.
    roles.alert("sos", state="acknowledged", seconds=30)


def test_only_a_refused_connection_says_not_recorded(roles, bridge, nurse):
    page = nurse()
    sign_in(roles, page)
    bridge.sos("sos1")
    expect(card(page)).to_be_visible()
    roles.kill("console")
    card(page).get_by_role("button", name="Kvitter").click()
    expect(card(page).locator(".card-notice")).to_contain_text("IKKE registrert")


def test_on_a_phone_the_answer_is_beside_the_button_and_focus_stays(roles, bridge, nurse):
    page = nurse()
    page.set_viewport_size({"width": 390, "height": 844})
    for number in range(6):
        roles.device("zigbee2mqtt/sos-button", f"b{number}", roles.person(f"Person {number}"))
        bridge.sos(f"b{number}")
    bridge.sos("sos1")
    sign_in(roles, page)
    last = card(page, "Person 0")
    expect(last).to_be_visible()
    button = last.get_by_role("button", name="Kvitter")
    button.focus()
    page.keyboard.press("Enter")
    notice = last.locator(".card-notice")
    expect(notice).to_contain_text("Du har kvittert")
    expect(last).to_contain_text("Kvittert av")
    # The card has moved below those that nobody has taken, and the focus with it.
    focused = "document.activeElement.closest('li.card')?.id"
    wait_for(lambda: page.evaluate(focused) == last.get_attribute("id"), 10, "the focus is on the card")
    roles.kill("core")
    last = card(page, "Person 1")
    last.get_by_role("button", name="Kvitter").click()
    notice = last.locator(".card-notice")
    expect(notice).to_be_visible()
    wait_for(lambda: in_view(page, notice), 10, "the notice is in sight")


def test_a_new_alarm_out_of_sight_is_pinned_until_it_is_seen(roles, bridge, nurse):
    page = nurse()
    for number in range(8):
        roles.device("zigbee2mqtt/sos-button", f"b{number}", roles.person(f"Person {number}"))
        bridge.sos(f"b{number}")
    sign_in(roles, page)
    expect(page.locator(".card")).to_have_count(8)
    strip = page.locator("#unseen")
    # Everything is looked at once.
    for number in range(8):
        one = card(page, f"Person {number}")
        one.scroll_into_view_if_needed()
        page.wait_for_function("id => JSON.parse(sessionStorage.getItem('seen') ?? '[]').includes(id)", arg=one.get_attribute("id"))
    expect(strip).not_to_be_visible()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    gunn = roles.person("Gunn Lund")
    roles.device("zigbee2mqtt/sos-button", "gunn", gunn)
    bridge.sos("gunn")
    expect(strip).to_have_text("1 ny: Gunn Lund – trygghetsalarm")
    wait_for(lambda: in_view(page, strip), 10, "the strip is in sight")
    strip.get_by_role("link").click()
    wait_for(lambda: in_view(page, card(page, "Gunn Lund").locator(".story")), 10, "the card is in sight")
    expect(strip).not_to_be_visible()


def test_looks_at_the_board_are_in_the_access_log(roles, bridge, nurse):
    bridge.sos("sos1")
    roles.alert("sos")
    page = nurse()
    sign_in(roles, page)
    expect(card(page)).to_be_visible()
    page.reload()
    read = "SELECT x.display_name who, l.patient p FROM access_log l JOIN actor x ON x.id = l.actor WHERE l.action = 'read' AND l.purpose = 'console'"
    wait_for(lambda: roles.sql(read), 30, "the look is logged")
    time.sleep(1)
    assert [(row["who"], f"P{row['p']}") for row in roles.sql(read)] == [("Nina Nurse", roles.patient)]
    assert roles.get("/v1/audit/verify")["intact"]


def test_silent_connections_do_not_lock_nurses_out(roles):
    silent = [socket.create_connection(("127.0.0.1", roles.console_port)) for _ in range(400)]
    try:
        began = time.monotonic()
        link = roles.post("/v1/console/links", {"actor": "Nina Nurse"})["url"].split("lenke=")[1]
        connection = http.client.HTTPConnection("127.0.0.1", roles.console_port, timeout=30)
        connection.request("POST", "/inn", urlencode({"link": link}), {"Content-Type": "application/x-www-form-urlencoded"})
        assert connection.getresponse().status == 303
        assert time.monotonic() - began < 5
        # And they are sent away.
        silent[-1].settimeout(30)
        assert silent[-1].recv(1) == b""
    finally:
        for one in silent:
            one.close()


def test_the_console_ends_at_once_with_open_boards(roles, bridge, nurse):
    bridge.sos("sos1")
    pages = [nurse() for _ in range(3)]
    for page in pages:
        sign_in(roles, page)
        expect(card(page)).to_be_visible()
    began = time.monotonic()
    roles.stop("console", seconds=30)
    assert time.monotonic() - began < 5


@pytest.mark.timeout(600)
def test_the_console_ends_at_once_with_thousands_of_open_alerts(make_hub, broker, bridge, nurse):
    hub = make_hub(broker, start=False, realtime={"alertsMax": 8192, "lockMemory": False})
    hub.start("core")
    hub.start("console")
    wait_for(lambda: connected(hub), 60, "the console answers")
    buttons = 40
    for number in range(buttons):
        hub.device("zigbee2mqtt/sos-button", f"b{number}", hub.person(f"Person {number}"))
    page = nurse()
    sign_in(hub, page)
    for number in range(5000):
        bridge.send(f"zigbee2mqtt/b{number % buttons}", json.dumps({"action": "emergency", "linkquality": number % 250}))
    wait_for(lambda: len(page.locator(".card").all()) >= buttons, 120, "everybody is on the board", every=0.2)
    wait_for(lambda: hub.sql("SELECT count(*) n FROM device_event")[0]["n"] >= 5000, 120, "the flood is in", every=0.2)
    # A change of one alert is on the screen soon, however many are open.
    hub.device("zigbee2mqtt/sos-button", "late", hub.person("Late Person"))
    bridge.sos("late")
    expect(card(page, "Late Person")).to_be_visible()
    began = time.monotonic()
    hub.stop("console", seconds=30)
    assert time.monotonic() - began < 5
