"""A person on the nurses' board and on a page of their own: where help must go, whom to call, what is restricted, and who changed what."""

import json
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
