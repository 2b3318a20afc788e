"""A person on the nurses' board and on a page of their own: where help must go, whom to call, what is restricted, and who changed what."""

import os
import re
import sqlite3
from pathlib import Path

import pytest

axe_playwright = pytest.importorskip("axe_playwright_python.sync_playwright")
from playwright.sync_api import expect  # noqa: E402

from support import escalation, wait_for  # noqa: E402
from test_console import browser, card, home, nurse, sign_in  # noqa: E402,F401  (fixtures)

CODE = "4711-hemmelig"
BOX = "boks-9382-hemmelig"
FULL = {
    "birthDate": "1941-05-17", "street": "Storgata 4", "floor": "H0201", "postalCode": "0182", "city": "Oslo",
    "entry": "Ring på hos naboen i 2. etasje", "phone.1": "+47 22 22 55 55", "phone.2": "90011222",
    "kin.1.name": "Per Nordmann", "kin.1.relation": "sønn", "kin.1.phone": "48011222", "kin.1.consent": "yes",
    "kin.2.name": "Liv Nordmann", "kin.2.relation": "søster", "kin.2.phone": "77777777", "kin.2.consent": "no",
    "language": "pl", "interpreter": "yes", "critical": "Allergisk mot penicillin. Hund i gangen",
    "plan": "Ring først", "plan.sos": "Rykk ut med en gang. Ring sønnen på veien", "doorCode": CODE, "keyBox": BOX,
}


def write(hub, fields, person=None, **more):
    """Writes a person's record, as somebody at the hub does."""
    body = {"fields": fields, "actor": "Siri Saksbehandler", "reason": "hjemmebesøk"} | more
    return hub.post(f"/v1/patients/{person or hub.patient}/record", body)


def shot(page, name):
    """A picture for whoever looks at the pages: in the folder PICTURES, when it is set."""
    if folder := os.environ.get("PICTURES"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def looks_right(page, name):
    """No accessibility violation at all in light and dark, and nothing to scroll sideways for on the narrowest phone."""
    wide = page.viewport_size
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        violations = axe_playwright.Axe().run(page).response["violations"]
        assert violations == [], (name, scheme, [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in violations])
        shot(page, f"{name}-{scheme}")
    page.emulate_media(color_scheme="light")
    for width in (320, 390):
        page.set_viewport_size({"width": width, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        shot(page, f"{name}-{width}")
    page.set_viewport_size(wide)


def test_a_card_says_where_how_to_get_in_and_whom_to_call(home, nurse, bridge):
    write(home, FULL)
    page = nurse()
    sign_in(home, page)
    bridge.sos("sos1")
    one = card(page)
    expect(one.locator(".place")).to_have_text("Storgata 4, H0201, 0182 Oslo")
    for text in (
        "Allergisk mot penicillin. Hund i gangen", "Rykk ut med en gang. Ring sønnen på veien", "Ring på hos naboen i 2. etasje",
        "Språk: polsk, trenger tolk",
    ):
        expect(one.get_by_text(text)).to_be_visible()
    assert [link.get_attribute("href") for link in one.locator(".call a").all()] == ["tel:+4722225555", "tel:90011222"]
    one.get_by_text("Pårørende (2)").click()
    expect(one.get_by_role("link", name="480 11 222")).to_be_visible()
    expect(one.get_by_text("skal ikke ringes")).to_be_visible()
    expect(one).not_to_contain_text("777")
    # What she has opened stays open when the card is drawn anew.
    one.get_by_role("button", name="Kvitter").click()
    expect(one).to_contain_text("Kvittert av Nina Nurse")
    expect(one.get_by_role("link", name="480 11 222")).to_be_visible()
    looks_right(page, "board")


def test_an_address_is_on_the_card_before_the_disk_has_the_alarm(home, nurse, bridge):
    write(home, {"street": "Storgata 4", "city": "Oslo"})
    page = nurse()
    sign_in(home, page)
    thief = sqlite3.connect(home.state / "journal.sqlite", isolation_level=None, timeout=10)
    thief.execute("BEGIN IMMEDIATE")
    try:
        bridge.sos("sos1")
        expect(card(page).locator(".place")).to_have_text("Storgata 4, Oslo")
        assert home.stored() == 0, "it came before the disk"
    finally:
        thief.execute("ROLLBACK")
        thief.close()


def test_who_has_no_address_has_words_in_its_place_and_who_is_no_adult_a_reason_for_the_score(home, nurse, bridge):
    page = nurse()
    sign_in(home, page)
    bridge.sos("sos1")
    expect(card(page).locator(".unplaced")).to_have_text("Ingen adresse registrert")
    write(home, {"birthDate": "2015-02-03", "street": "Skoleveien 1"})
    page.reload()
    expect(card(page).locator(".place")).to_have_text("Skoleveien 1")
    expect(card(page).locator(".not-scored")).to_have_text("NEWS2 lages ikke: personen er under 16 år")


# MARK: What is restricted


def rows(hub, detail: str) -> list[tuple[str, str, str]]:
    """Who, purpose and detail of the access log's rows whose detail begins so, oldest first."""
    sql = (
        "SELECT x.display_name who, l.purpose purpose, l.detail detail FROM access_log l JOIN actor x ON x.id = l.actor"
        f" WHERE l.detail LIKE '{detail}%' ORDER BY l.rowid")
    return [(row["who"], row["purpose"], row["detail"]) for row in hub.sql(sql)]


def lives_without(hub, page, secrets):
    """No secret in the page as it is loaded, in the events that a screen gets, in a log, or in a metric."""
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in page.context.cookies())
    base = f"http://127.0.0.1:{hub.console_port}"
    texts = [page.request.get(f"{base}{path}").text() for path in ("/", f"/personer/{hub.patient}", f"/personer/{hub.patient}/rediger")]
    events = page.evaluate("""() => new Promise((done) => {
      const source = new EventSource("/hendelser");
      const got = [];
      source.addEventListener("board", (event) => got.push(event.data));
      source.addEventListener("heartbeat", (event) => { got.push(event.data); if (got.length > 1) { source.close(); done(got.join()); } });
    })""")
    assert "Kari Nordmann" in events and cookie
    texts += [events, hub.http("/metrics")[1], *(path.read_text(errors="replace") for path in Path(hub.folder).rglob("*.log"))]
    for secret in secrets:
        assert [text[:200] for text in texts if secret in text] == [], secret


def test_a_code_is_shown_to_who_asks_is_in_the_log_each_time_and_goes_again(home, nurse, bridge):
    write(home, FULL)
    page, other = nurse(), nurse()
    page.clock.install()
    sign_in(home, page)
    sign_in(home, other, "Ola Vakt")
    bridge.sos("sos1")
    button = card(page).get_by_role("button", name="Vis dørkode / nøkkelboks")
    lives_without(home, other, (CODE, BOX))
    button.click()
    shown = card(page).locator(".codes")
    expect(shown).to_contain_text(CODE)
    expect(shown).to_contain_text(BOX)
    expect(shown).to_contain_text("Oppslaget er skrevet i loggen.")
    assert len(rows(home, "restricted")) == 1
    expect(card(other)).to_be_visible()
    expect(card(other)).not_to_contain_text(CODE)
    lives_without(home, other, (CODE, BOX))
    assert CODE not in page.url
    looks_right(page, "codes")
    expect(shown).to_contain_text(CODE)
    page.clock.run_for(61_000)
    expect(shown).to_have_count(0)
    # Again is another row. It stays for its minute though its card is drawn anew, and is gone with the page.
    button.click()
    expect(shown).to_contain_text(CODE)
    card(other).get_by_role("button", name="Kvitter").click()
    expect(card(page)).to_contain_text("Kvittert av Ola Vakt")
    expect(shown).to_contain_text(CODE)
    page.clock.run_for(61_000)
    expect(shown).to_have_count(0)
    button.click()
    expect(shown).to_contain_text(CODE)
    page.reload()
    expect(card(page)).to_be_visible()
    expect(shown).to_have_count(0)
    alert = home.alert("sos")
    told = rows(home, "restricted")
    assert told == [("Nina Nurse", f"alert {alert['id']}", "restricted: doorCode keyBox")] * 3
    assert not any(secret in "".join(row) for row in told for secret in (CODE, BOX))


def test_without_a_script_the_code_is_a_page_that_leaves_by_itself(home, browser, bridge):
    write(home, FULL)
    context = browser.new_context(java_script_enabled=False, locale="nb-NO")
    page = context.new_page()
    try:
        sign_in(home, page)
        bridge.sos("sos1")
        home.alert("sos")
        page.reload()
        card(page).get_by_text("Pårørende (2)").click()
        expect(card(page).get_by_role("link", name="480 11 222")).to_be_visible()
        page.reload()
        card(page).get_by_role("button", name="Vis dørkode / nøkkelboks").click()
        expect(page.locator(".codes")).to_contain_text(CODE)
        assert "60;url=/" in page.content()
        page.get_by_role("link", name="Skjul").click()
        expect(card(page)).to_be_visible()
        assert CODE not in page.content()
    finally:
        context.close()


def test_without_an_alert_a_reason_is_demanded(home, nurse):
    write(home, FULL)
    page = nurse()
    sign_in(home, page)
    page.goto(f"http://127.0.0.1:{home.console_port}/personer/{home.patient}")
    show = page.get_by_role("button", name="Vis dørkode / nøkkelboks")
    show.click()
    expect(page.get_by_role("heading", name="Kari Nordmann")).to_be_visible()
    assert rows(home, "restricted") == []
    page.get_by_label("Hvorfor trenger du å se dette?").fill("Planlagt tilsyn")
    show.click()
    expect(page.locator(".codes")).to_contain_text(CODE)
    assert CODE not in page.url
    assert rows(home, "restricted") == [("Nina Nurse", "Planlagt tilsyn", "restricted: doorCode keyBox")]
    looks_right(page, "access")


# MARK: The person's page and the form


def test_a_name_leads_to_the_person_and_the_look_is_in_the_log(home, nurse, bridge):
    write(home, FULL)
    write(home, {"street": "Storgata 5"}, reason="feil nummer", actor="Ola Vakt")
    page = nurse()
    sign_in(home, page)
    bridge.sos("sos1")
    card(page).get_by_role("link", name="Kari Nordmann").click()
    for text in ("Versjon 2, skrevet av Ola Vakt", "Storgata 5", "17.05.1941", "Har trykket på trygghetsalarmen", "Endret: Gateadresse"):
        expect(page.locator("main")).to_contain_text(text)
    looks_right(page, "person")
    page.get_by_role("link", name=re.compile("Versjon 1, Siri")).click()
    expect(page.locator("main")).to_contain_text("Storgata 4")
    expect(page.locator("main")).to_contain_text("Dette er en eldre versjon")
    wait_for(lambda: rows(home, "person page"), 30, "the look is logged")
    assert rows(home, "person page") == [("Nina Nurse", "console", "person page")]
    assert home.get("/v1/audit/verify")["intact"]


def test_a_record_is_changed_by_the_form_and_is_on_the_card(home, nurse, bridge):
    write(home, {"street": "Storgata 4", "doorCode": CODE})
    page = nurse()
    sign_in(home, page)
    bridge.sos("sos1")
    card(page).get_by_role("link", name="Kari Nordmann").click()
    page.get_by_role("link", name="Endre opplysninger").click()
    looks_right(page, "form")
    page.get_by_label("Gateadresse").fill("Parkveien 2")
    page.get_by_label("Viktig å vite").fill("Bruker hjerteventil")
    page.get_by_label("Postnummer").fill("12")
    page.get_by_label("Hvorfor endrer du?").fill("flyttet")
    page.get_by_role("button", name="Lagre").click()
    expect(page.locator("#problem")).to_contain_text("1 felt passer ikke")
    expect(page.get_by_label("Gateadresse")).to_have_value("Parkveien 2")
    looks_right(page, "form-refused")
    page.get_by_label("Postnummer").fill("0350")
    page.get_by_role("button", name="Lagre").click()
    expect(page.locator("main")).to_contain_text("Opplysningene om Kari Nordmann er lagret.")
    record = home.get(f"/v1/patients/{home.patient}/record")
    assert record["author"] == "Nina Nurse" and record["reason"] == "flyttet" and record["version"] == 2
    assert record["fields"] == {"street": "Parkveien 2", "critical": "Bruker hjerteventil", "postalCode": "0350"}
    assert record["withheld"] == ["doorCode"], "an empty restricted field keeps what is set"
    page.goto(f"http://127.0.0.1:{home.console_port}/")
    expect(card(page).locator(".place")).to_have_text("Parkveien 2, 0350")
    expect(card(page)).to_contain_text("Bruker hjerteventil")


def test_two_who_write_at_once_lose_nothing(home, nurse):
    write(home, {"street": "Storgata 4", "city": "Oslo"})
    page = nurse()
    sign_in(home, page)
    page.goto(f"http://127.0.0.1:{home.console_port}/personer/{home.patient}/rediger")
    page.get_by_label("Poststed").fill("Moss")
    page.get_by_label("Hvorfor endrer du?").fill("flyttet")
    write(home, {"street": "Storgata 9"}, actor="Ola Vakt", reason="feil nummer")
    page.get_by_role("button", name="Lagre").click()
    expect(page.locator(".conflict")).to_contain_text("Gateadresse: Storgata 9")
    expect(page.get_by_label("Poststed")).to_have_value("Moss")
    expect(page.get_by_label("Gateadresse")).to_have_value("Storgata 9")
    looks_right(page, "form-conflict")
    page.get_by_role("button", name="Lagre").click()
    expect(page.locator("main")).to_contain_text("er lagret")
    assert home.get(f"/v1/patients/{home.patient}/record")["fields"] == {"street": "Storgata 9", "city": "Moss"}
