"""Fixtures: a folder, a broker, receivers, a hub, each the test's own; everything that a test starts ends with it."""

from __future__ import annotations

from pathlib import Path
import shutil
import tempfile

import pytest

from support import Bridge, Broker, Hub, Receiver, default_binary, stop_all


def pytest_configure(config):
    if not default_binary().exists():
        pytest.exit(f"no binary at {default_binary()}: swift build first", returncode=3)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    setattr(item, f"report_{report.when}", report)
    if report.when == "call" and report.failed:
        for hub in getattr(item, "hubs", []):
            for log in sorted(hub.folder.glob("*.log")):
                report.sections.append((f"{hub.folder.name}/{log.name}", hub.log_tail(log.stem, 40)))


@pytest.fixture
def folder():
    """Short, because a Unix socket's path has 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix="kp."))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def broker(folder):
    broker = Broker(folder / "broker").start()
    yield broker
    broker.stop()


@pytest.fixture
def bridge(broker):
    bridge = Bridge(broker)
    yield bridge
    bridge.close()


@pytest.fixture
def receiver(folder):
    receiver = Receiver(folder / "received").start()
    yield receiver
    receiver.stop()


@pytest.fixture
def make_hub(folder, request):
    """A factory: make_hub(broker, [destinations], start=True, **sections). All are stopped at the end."""
    hubs: list[Hub] = []
    request.node.hubs = hubs

    def make(broker=None, destinations=(), start=True, name="hub", **sections) -> Hub:
        hub = Hub(folder / name, broker.port if broker else 1, list(destinations), **sections)
        hub.broker = broker
        hubs.append(hub)
        return hub.start() if start else hub

    yield make
    stop_all(hubs)


@pytest.fixture
def hub(make_hub, broker):
    """The plainest hub: no destinations."""
    return make_hub(broker)
