"""The broker goes, comes back, remembers retained messages, and asks for certificates and passwords."""

import shutil
import ssl
import subprocess

import pytest

from support import LINKED, ROOT, Bridge, Broker, free_port, normal, numbered_temperatures, subscriptions, wait_for


def link(hub) -> dict:
    return hub.status()["links"][0]


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_broker_down_and_up(make_hub, broker, how):
    hub = make_hub(broker)
    hub.device("bridge/thermometer", "t1", hub.person())
    bridge = Bridge(broker)
    values = numbered_temperatures(100)
    for value in values[:50]:
        bridge.temperature("t1", value)
    hub.wait_stored(50)
    getattr(broker, how)()
    wait_for(lambda: link(hub)["state"] != "connected", 15, "status says that the broker is gone")
    assert hub.get("/livez") is not None and hub.status()["live"], "the core is live without a broker"
    broker.start()
    wait_for(lambda: link(hub)["state"] == "connected", LINKED, "the hub is back at the broker")
    wait_for(bridge.client.is_connected, 30, "the bridge is back")
    for value in values[50:]:
        bridge.temperature("t1", value)
    hub.wait_stored(100)
    assert sorted(hub.values("temperature")) == normal(values)
    assert link(hub)["reconnects"] >= 1
    bridge.close()


def test_the_broker_keeps_what_is_sent_while_the_hub_is_away(make_hub, broker, bridge):
    hub = make_hub(broker)
    hub.device("bridge/thermometer", "t1", hub.person())
    wait_for(lambda: link(hub)["state"] == "connected", LINKED, "a session exists")
    bridge.temperature("t1", "36.500")
    hub.wait_stored(1)
    hub.stop()
    values = numbered_temperatures(100)
    last = None
    for value in values:
        last = bridge.temperature("t1", value)
    bridge.flush(last)
    hub.start()
    hub.wait_stored(101)
    assert sorted(hub.values("temperature")) == sorted(normal(values + ["36.500"]))


def test_the_hub_starts_before_the_broker(make_hub, folder):
    broker = Broker(folder / "late-broker")
    hub = make_hub(broker)
    assert hub.status()["live"]
    hub.device("bridge/thermometer", "t1", hub.person())
    broker.start()
    wait_for(lambda: link(hub)["state"] == "connected" and subscriptions(broker), LINKED, "connected and subscribed")
    bridge = Bridge(broker)
    bridge.temperature("t1", "36.9")
    hub.wait_stored(1)
    bridge.close()
    broker.stop()


def test_a_retained_state_is_recorded_and_raises_nothing(make_hub, broker, bridge):
    """A retained `emergency` is a memory, not a call: it was heard when it was pressed."""
    bridge.flush(bridge.send("zigbee2mqtt/sos1", '{"action":"emergency","battery":80}', retain=True))
    hub = make_hub(broker)
    hub.device("zigbee2mqtt/sos-button", "sos1", hub.person())
    hub.kill()
    hub.start()  # A new subscription hands the retained message out.
    bridge.send("zigbee2mqtt/sos1", '{"action":"","battery":79}')
    wait_for(lambda: hub.stored() >= 1, 20, "the live message")
    assert [a for a in hub.open_alerts() if a["rule"] == "sos"] == []
    bridge.send("zigbee2mqtt/sos1", '{"action":"emergency","battery":79}')
    hub.alert("sos")


def certificate(folder, name: str, authority: str | None = None):
    """A key and a certificate for `name`, self-signed or by `authority`."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    if authority:
        (folder / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.crt", "-CAkey", f"{authority}.key", "-CAcreateserial",
                "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt")
    else:
        (folder / f"{name}.ext").write_text("basicConstraints=critical,CA:TRUE\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-signkey", f"{name}.key", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt")


@pytest.fixture
def shipped_broker(folder):
    """mosquitto with the drop-in that we ship; only its paths and ports are this test's own."""
    etc = folder / "etc"
    etc.mkdir()
    for name, authority in (("ca", None), ("hub", "ca"), ("client", "ca"), ("stranger-ca", None), ("stranger", "stranger-ca")):
        certificate(etc, name, authority)
    passwords = etc / "knutepunkt.passwd"
    passwords.touch()
    for user in ("knutepunkt", "ble-bridge", "zigbee2mqtt"):
        subprocess.run(["mosquitto_passwd", "-b", str(passwords), user, f"{user}-password"], check=True, capture_output=True)
    shutil.copy(ROOT / "Deploy/mosquitto/knutepunkt.acl", etc / "knutepunkt.acl")
    tls, plain = free_port(), free_port()
    text = (ROOT / "Deploy/mosquitto/knutepunkt.conf").read_text()
    text = text.replace("/etc/mosquitto/certs", str(etc)).replace("/etc/mosquitto", str(etc))
    text = text.replace("listener 8883", f"listener {tls} 127.0.0.1").replace("listener 1883", f"listener {plain}")
    broker = Broker(folder / "shipped", text, tls)
    broker.etc, broker.plain = etc, plain
    yield broker.start()
    broker.stop()


def tls_link(broker, **changes) -> dict:
    etc = broker.etc
    password = etc / "password"
    password.write_text("knutepunkt-password\n")
    password.chmod(0o600)
    (etc / "client.key").chmod(0o600)
    settings = {
        "name": "homes", "host": "localhost", "port": broker.port, "username": "knutepunkt", "passwordFile": str(password),
        "tls": {"ca": str(etc / "ca.crt"), "certificate": str(etc / "client.crt"), "key": str(etc / "client.key")},
    }
    return {"mqtt": [{**settings, **changes}]}


@pytest.mark.parametrize("version", ["5", "3.1.1"])
def test_tls_client_certificate_and_passwords_with_the_shipped_drop_in(make_hub, shipped_broker, version):
    hub = make_hub(shipped_broker, links=tls_link(shipped_broker, version=version))
    wait_for(lambda: link(hub)["state"] == "connected", LINKED, "connected with TLS")
    hub.device("bridge/thermometer", "t1", hub.person())
    etc = shipped_broker.etc

    def secure(client):
        client.username_pw_set("ble-bridge", "ble-bridge-password")
        client.tls_set(str(etc / "ca.crt"), str(etc / "client.crt"), str(etc / "client.key"), tls_version=ssl.PROTOCOL_TLS_CLIENT)

    bridge = Bridge(shipped_broker, host="localhost", configure=secure)
    bridge.temperature("t1", "37.7")
    hub.wait_stored(1)
    # The ACL: this account may write ble/#, and nothing else.
    bridge.flush(bridge.send("zigbee2mqtt/sos1", '{"action":"emergency"}'))
    bridge.temperature("t1", "37.8")
    hub.wait_stored(2)
    assert hub.quarantined().total() == 0, "what the ACL forbids never reaches the hub"
    bridge.close()


@pytest.mark.parametrize("wrong", ["authority", "password", "no certificate"])
def test_a_wrong_credential_is_said_and_stops_nothing_else(make_hub, shipped_broker, wrong):
    links = tls_link(shipped_broker)
    settings = links["mqtt"][0]
    if wrong == "authority":
        settings["tls"]["ca"] = str(shipped_broker.etc / "stranger-ca.crt")
    elif wrong == "password":
        (shipped_broker.etc / "password").write_text("something else\n")
    else:
        del settings["tls"]["certificate"], settings["tls"]["key"]
    hub = make_hub(shipped_broker, links=links)
    wait_for(lambda: link(hub).get("lastError"), LINKED, "status says what is wrong")
    assert link(hub)["state"] != "connected"
    assert hub.status()["live"]
    assert "password" not in (link(hub).get("lastError") + hub.log_text()).replace("user name or password", "").lower() or wrong == "password"
    assert "knutepunkt-password" not in hub.log_text()
