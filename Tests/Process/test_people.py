"""The record of a person, from the command line to the response centre: who is called knows where, how to get in and what to do; what an
agreement does not name stays here; a door code is shown under an open alert or for a reason, and each showing is one row."""

import json

from support import escalation, heard, hospital, wait_for, wait_heard, webhook

EVERYTHING = ["name", "address", "phones", "nextOfKin", "critical", "actionPlan", "access"]


def furnish(hub):
    kari = hub.person("Kari Nordmann", "21815410014")
    hub.device("zigbee2mqtt/sos-button", "sos1", kari)
    hub.command(
        "patient", "edit", kari, "street=Storgata 1", "floor=3. etasje", "postalCode=0155", "city=Oslo", "entry=Ring på hos Olsen.",
        "phone.1=22 22 55 55", "kin.1.name=Per", "kin.1.relation=sønn", "kin.1.phone=90000000", "kin.1.consent=ja",
        "kin.2.name=Ola", "kin.2.phone=90000002", "kin.2.consent=nei", "critical=Penicillinallergi",
        "plan.sos=Ring først. Svarer hun ikke, rykk ut.", "plan=Ring Per.", "--reason", "flyttet inn")
    hub.command("patient", "edit", kari, "doorCode=-", "--reason", "kode", input="4711\n")
    return kari


def configure(hub, **person):
    for agreement in hub.configuration["sharing"]:
        if agreement["destination"] in person:
            agreement["person"] = person[agreement["destination"]]
    hub.write_configuration()


def start(make_hub, broker, destinations, **person):
    hub = make_hub(broker, destinations, start=False, escalation=escalation(*(d.name for d in destinations if d.kind == "webhook")))
    configure(hub, **person)
    hub.start()
    hub.link_is_up()
    return hub


def test_who_is_called_knows_where_and_what_to_do(make_hub, broker, bridge, receiver):
    hub = start(make_hub, broker, [webhook(receiver), webhook(receiver, "second")], nurses=EVERYTHING)
    kari = furnish(hub)

    def call_with(holds) -> dict:
        """The person in the first new call for which this holds: the forward role hears of a change within a second or two."""
        def again():
            for alert in hub.open_alerts():
                if alert["rule"] == "sos":
                    hub.alert_action(alert["id"], "resolve", comment="hjulpet")
            count = len(heard(receiver, rule="sos", kind="raised"))
            bridge.sos("sos1")
            person = wait_heard(receiver, "sos", count=count + 1)[-1]["patient"]
            return person if holds(person) else None
        return wait_for(again, 30, "a call with what was changed", every=0.5)

    person = call_with(lambda person: "access" in person)
    assert person["name"] == "Kari Nordmann" and "nationalId" not in person, "the agreement names the name alone"
    assert person["address"] == {
        "street": "Storgata 1", "floor": "3. etasje", "postalCode": "0155", "city": "Oslo", "entry": "Ring på hos Olsen."}
    assert person["nextOfKin"] == [{"name": "Per", "relation": "sønn", "phone": "90000000"}], "who said no is not told of"
    assert person["critical"] == "Penicillinallergi" and person["instruction"] == "Ring først. Svarer hun ikke, rykk ut."
    assert person["access"] == {"doorCode": "4711"}
    # The other agreement says nothing of persons: name and number, as ever.
    other = wait_heard(receiver, "sos", name="second")[0]
    assert set(other["patient"]) == {"hubPatient", "name", "nationalId"}
    # Somebody moves; the next call has the new door, and a closed one none.
    hub.command("patient", "edit", kari, "street=Storgata 2", "--reason", "flyttet")
    assert call_with(lambda person: person["address"]["street"] == "Storgata 2")
    closed = wait_heard(receiver, "sos", kind="resolved")[0]["patient"]
    assert "access" not in closed and "4711" not in json.dumps(closed) and closed["address"]


def test_an_explanation_says_where_to_go(make_hub, broker, bridge, receiver):
    hub = start(make_hub, broker, [webhook(receiver)])
    furnish(hub)
    bridge.sos("sos1")
    alert = hub.alert("sos")
    said = hub.command("explain", alert["id"]).stdout
    for words in ("Where: Storgata 1, 3. etasje, 0155 Oslo", "Way in: Ring på hos Olsen.", "Know first: Penicillinallergi",
                  "Do: Ring først. Svarer hun ikke, rykk ut."):
        assert words in said, said
    assert "4711" not in said


def test_a_door_code_is_shown_under_an_alert_or_for_a_reason_and_each_time_is_a_row(make_hub, broker, bridge, receiver):
    hub = start(make_hub, broker, [webhook(receiver)])
    kari = furnish(hub)
    ola = hub.person("Ola Nordmann")
    shown = lambda *words, check=True: hub.command("patient", "show", kari, "--restricted", *words, check=check)  # noqa: E731
    rows = lambda: hub.sql("SELECT purpose, detail FROM access_log WHERE detail LIKE 'restricted%' ORDER BY id")  # noqa: E731
    assert shown(check=False).returncode == 64
    assert "4711" in shown("--reason", "brannvesenet ringte").stdout
    bridge.sos("sos1")
    alert = hub.alert("sos")["id"]
    assert "4711" in shown("--alert", alert).stdout
    assert hub.command("patient", "show", ola, "--restricted", "--alert", alert, check=False).returncode == 65, "another person's alert"
    hub.alert_action(alert, "resolve", comment="hjulpet")
    assert shown("--alert", alert, check=False).returncode == 65, "it is closed"
    assert [row["purpose"] for row in rows()] == ["brannvesenet ringte", f"alert {alert}"]
    # It is in nothing else: no list, no ordinary show, no export, no log, no status.
    for words in (["patient", "list", "--json"], ["patient", "show", kari, "--json"], ["patient", "show", kari, "--history"], ["status", "--json"],
                  ["audit", "list", "--json"], ["export", "registry", "--reason", "innsyn", "--config", str(hub.folder / "knutepunkt.yaml")]):
        assert "4711" not in hub.command(*words).stdout, words
    assert "4711" not in hub.log_tail("all", 100_000)
    assert hub.command("audit", "verify").returncode == 0


def test_a_file_of_people_is_taken_whole_or_not_at_all(make_hub, broker, receiver, folder):
    hub = start(make_hub, broker, [webhook(receiver)])
    kari = hub.person("Kari Nordmann", "21815410014")
    file = folder / "people.csv"
    file.write_text(
        "\ufeffname;nationalID;street;birthDate\r\nKari Nordmann;21815410014;Storgata 1;1941-05-17\r\n\"Strand; Eva\";;\"Storgata 2\";17.5.41\r\n")
    refused = hub.command("patient", "import", str(file), check=False)
    assert refused.returncode == 65 and f"{file}:3: column birthDate does not fit" in refused.stderr
    assert len(hub.get("/v1/patients")) == 1 and hub.get(f"/v1/patients/{kari}/record")["version"] == 0
    file.write_text(file.read_text().replace("17.5.41", "1941-05-17"))
    assert "Nothing was done." in hub.command("patient", "import", str(file), "--dry-run").stdout
    assert len(hub.get("/v1/patients")) == 1
    hub.command("patient", "import", str(file))
    people = {p["name"]: p["id"] for p in hub.get("/v1/patients")}
    assert set(people) == {"Kari Nordmann", "Strand; Eva"} and people["Kari Nordmann"] == kari
    assert hub.get(f"/v1/patients/{people['Strand; Eva']}/record")["fields"] == {"street": "Storgata 2", "birthDate": "1941-05-17"}
    # Once more: nothing new, and no second version.
    hub.command("patient", "import", str(file))
    assert len(hub.get("/v1/patients")) == 2 and hub.get(f"/v1/patients/{kari}/record")["version"] == 1


def test_who_is_young_or_pregnant_is_not_scored_also_after_a_kill(make_hub, broker, receiver):
    hub = start(make_hub, broker, [webhook(receiver), hospital(receiver)])
    kari, eva = hub.person("Kari Nordmann"), hub.person("Eva Strand")
    full = dict(respiration=30, temperature="37.0", systolic=120, spo2=97, pulse=70, consciousness="A", oxygen="air")
    hub.command("patient", "edit", eva, "pregnant=ja", "--reason", "meldt")
    for person in (kari, eva):
        hub.enter(person, **full)
    assert hub.alert("news2SingleThree")["patient"] == kari
    hub.kill()
    hub.start()
    hub.enter(eva, **full)
    people = {p["id"]: p for p in hub.get("/v1/patients")}
    assert people[kari]["score"]["low"] == 3 and "score" not in people[eva] and people[eva]["notScored"] == "pregnant"
    refused = hub.command("explain", eva, check=False)
    assert refused.returncode == 65 and "NEWS2 is not made" in refused.stderr and "pregnant" in refused.stderr
    assert [a["patient"] for a in hub.all_alerts() if a["rule"].startswith("news2")] == [kari]
    # The record says otherwise: scored at once, by what was measured.
    hub.command("patient", "edit", eva, "pregnant=nei", "--reason", "født")
    assert hub.alert("news2SingleThree", patient=eva)


def test_a_record_outlives_the_journal(make_hub, broker, bridge, receiver):
    """The emergency journal is made of the copies of the registry: who is on the floor must be found in it, too."""
    hub = start(make_hub, broker, [webhook(receiver)], nurses=EVERYTHING)
    kari = furnish(hub)
    wait_for(lambda: hub.status()["store"] == "writing", 10, "the store is well")
    assert hub.stop() == 0
    for file in hub.state.glob("journal.sqlite*"):
        file.rename(hub.folder / file.name)
    hub.start()
    hub.link_is_up()
    assert hub.get(f"/v1/patients/{kari}/record")["fields"]["street"] == "Storgata 1"
    bridge.sos("sos1")
    person = wait_heard(receiver, "sos")[0]["patient"]
    assert person["address"]["street"] == "Storgata 1" and person["access"] == {"doorCode": "4711"}, "who starts reads everybody first"
    # Changed meanwhile, and the journal comes back.
    hub.command("patient", "edit", kari, "street=Storgata 3", "--reason", "flyttet")
    assert hub.stop() == 0
    for file in hub.folder.glob("journal.sqlite*"):
        file.rename(hub.state / file.name)
    hub.start()
    wait_for(lambda: hub.get(f"/v1/patients/{kari}/record")["fields"]["street"] == "Storgata 3", 20, "what was changed meanwhile is taken over")
    record = hub.get(f"/v1/patients/{kari}/record")
    assert record["withheld"] == ["doorCode"] and record["fields"]["city"] == "Oslo"
