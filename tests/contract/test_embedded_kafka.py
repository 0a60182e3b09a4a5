"""The embedded broker itself: verified, started, answering, ended without a trace."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from rich.console import Console

from loadtest.kafka import jars, java, quick_start
from loadtest.kafka.broker import Broker
from loadtest.kafka.proxy import PRODUCE, Proxy


def _is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def _until(holds, within_s=10):
    deadline_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline_s
        await asyncio.sleep(0.02)


async def _publish(bootstrap, topic, value):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(topic, value)


async def _read_one(bootstrap, topic):
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    async with consumer:
        return (await asyncio.wait_for(consumer.getone(), 30)).value


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    """A cache whose files are links to the user's, so that nothing is downloaded or formatted."""
    real, formatted = jars.ready(), java._formatted()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = jars.cache() / "jars"
    folder.mkdir()
    for jar in real:
        (folder / jar.name).symlink_to(jar)
    (jars.cache() / "formatted").symlink_to(formatted)
    return folder


def test_every_jar_is_verified(own_cache):
    assert len(jars.ready()) == len(jars.locked()) == 45


def test_a_tampered_jar_is_refused(own_cache):
    victim = own_cache / jars.locked()[3].file_name
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(jars.KafkaUnavailable, match=victim.name):
        jars.ready()


def test_a_failed_download_names_the_other_ways(own_cache, monkeypatch):
    (own_cache / jars.locked()[0].file_name).unlink()
    # A proxy on a closed port of loopback: refused at once, like a machine without a way out.
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(jars.KafkaUnavailable, match=r"(?s)KAFKA_BOOTSTRAP.*compose\.yaml"):
        jars.ready()
    assert [path for path in own_cache.iterdir() if path.is_dir()] == []


def _maps(pid, file):
    return str(file) in Path(f"/proc/{pid}/maps").read_text()


def test_a_broker_starts_from_the_prepared_classes():
    quick_start.prepare(Console(stderr=True))

    with Broker() as broker:
        assert _maps(broker.pid, java.cached_classes())


def test_a_broker_starts_without_classes_that_do_not_fit(own_cache):
    java.cached_classes().write_bytes(b"of another Java")
    with Broker() as broker:
        assert not _maps(broker.pid, java.cached_classes())


def test_a_taken_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        broker = Broker(port=port)
        try:
            with pytest.raises(jars.KafkaUnavailable, match=f"^Port {port} .* is taken"):
                broker.start()
        finally:
            broker.close()


async def test_a_record_comes_back(kafka, topics):
    names = await topics(echo=1)
    await _publish(kafka, names.echo, b"hello")
    assert await _read_one(kafka, names.echo) == b"hello"


async def test_a_killed_broker_keeps_its_records(broker, private_topics):
    names = await private_topics(echo=1)
    await _publish(broker.bootstrap, names.echo, b"kept")
    broker.kill()
    await asyncio.to_thread(broker.start)
    assert await _read_one(broker.bootstrap, names.echo) == b"kept"


def test_a_closed_broker_leaves_nothing():
    with Broker() as broker:
        pid, folder = broker.pid, broker.log.parent
        assert _is_running(pid)
        broker.stop()
        assert not _is_running(pid)
    assert not folder.exists()


def test_a_broker_ends_with_a_killed_parent():
    script = """
        import time
        from loadtest.kafka.broker import Broker
        broker = Broker()
        broker.start()
        print(broker.pid, broker.log.parent, flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    ) as parent:
        pid, folder = parent.stdout.readline().split()
        assert _is_running(int(pid))
        os.kill(parent.pid, signal.SIGKILL)
    asyncio.run(_until(lambda: not _is_running(int(pid)) and not Path(folder).exists()))


async def test_the_proxy_holds_produce_and_lets_fetch_flow(broker, proxy, private_topics):
    names = await private_topics(before=1, held=1)
    await _publish(broker.bootstrap, names.before, b"there")
    proxy.hold(PRODUCE)
    publishing = asyncio.create_task(_publish(proxy.bootstrap, names.held, b"late"))
    await _until(lambda: proxy.waiting == 1)
    assert await _read_one(proxy.bootstrap, names.before) == b"there"
    assert not publishing.done()
    proxy.release()
    await asyncio.wait_for(publishing, 30)
    assert await _read_one(broker.bootstrap, names.held) == b"late"


async def _ends(bootstrap, topic):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    async with consumer:
        (end,) = (await consumer.end_offsets([TopicPartition(topic, 0)])).values()
        return end


@pytest.mark.parametrize("hang_up", [True, False])
async def test_the_proxy_swallows_answers_to_what_is_carried_out(spare, spare_topics, hang_up):
    names = await spare_topics(lost=1)
    async with Proxy(spare.ports) as proxy:
        proxy.swallow(PRODUCE, hang_up=hang_up)
        publishing = asyncio.create_task(_publish(proxy.bootstrap, names.lost, b"there"))
        await _until(lambda: proxy.swallowed)
        told = publishing.done()
        proxy.release()
        proxy.reset()
        await asyncio.wait_for(publishing, 30)
    assert not told
    # Nobody told it the first time, so it sent again, and its producer is not idempotent.
    assert await _end(spare.bootstrap, names.lost) >= 2


@pytest.mark.parametrize(("way", "arrived"), [("requests", 0), ("answers", 1)])
async def test_the_proxy_is_a_hole_in_one_way(spare, spare_topics, way, arrived):
    names = await spare_topics(late=1)
    both = {"requests": False, "answers": False}
    async with (
        Proxy(spare.ports) as proxy,
        AIOKafkaProducer(bootstrap_servers=proxy.bootstrap) as producer,
    ):
        await producer.partitions_for(names.late)
        proxy.fall_silent(**both | {way: True})
        publishing = await producer.send(names.late, b"late")
        await _until(lambda: proxy.waiting or arrived)
        while (there := await _end(spare.bootstrap, names.late)) < arrived:  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.02)
        told = publishing.done()
        proxy.release()
        await asyncio.wait_for(publishing, 30)
    assert (there, told) == (arrived, False)
    assert await _end(spare.bootstrap, names.late) == 1


async def test_the_proxy_delays_without_holding_up(spare, spare_topics):
    names = await spare_topics(slow=1)
    async with (
        Proxy(spare.ports) as proxy,
        AIOKafkaProducer(bootstrap_servers=proxy.bootstrap) as producer,
    ):
        await producer.send_and_wait(names.slow, b"at once")
        proxy.delay(0.3)
        began_s = time.monotonic()
        await producer.send_and_wait(names.slow, b"later")
        proxy.delay(0)
        assert time.monotonic() - began_s >= 0.3


async def _end(bootstrap, topic):
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap) as consumer:
        (end,) = (await consumer.end_offsets([TopicPartition(topic, 0)])).values()
        return end


def test_the_command_serves_until_it_is_told_to_end():
    command = [sys.executable, "-m", "loadtest", "broker", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        said = re.match(r"Apache Kafka on (\S+) \(process (\d+)\)", serving.stdout.readline())
        host, port = said[1].split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        serving.terminate()
        assert serving.wait(10) == 0
    assert not _is_running(said[2])
