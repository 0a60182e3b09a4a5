"""Faults at random, from a seed, over both deliveries: python -m tests.faults.soak --minutes 30.

Three nodes, a proxy before each, two workers under load. Each minute or so it is judged and begun
anew with the other delivery. The seed makes the same choices again; what comes of them also hangs
on the machine.
"""

import argparse
import asyncio
import logging
import random
import signal
import sys
import tempfile
import time
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import uvloop

from loadtest.kafka.cluster import Cluster
from loadtest.kafka.leaders import Leaders
from loadtest.kafka.proxy import END_TXN, PRODUCE, Proxy
from tests import fault_table
from tests.conftest import Topics
from tests.fault_table import AT_LEAST_ONCE, EXACTLY_ONCE, Run
from tests.faults.trial import trial_maker

_FAULTS_A_ROUND = 6
_RATE_PER_S = 100
_LONGEST_S = 8.0
_PROMISE = 2


class Scene:
    """What can be broken: the nodes, the ways to them, the workers."""

    def __init__(self, cluster, proxies, trial, workers, dice):
        self._cluster = cluster
        self._proxies = proxies
        self._trial = trial
        self._workers = workers
        self._dice = dice

    @property
    def _awhile_s(self):
        return self._dice.uniform(0.5, _LONGEST_S)

    def _node(self):
        return self._dice.choice([*self._cluster.nodes.values()])

    def _signal(self, number):
        with suppress(RuntimeError):  # it is just being started again
            self._dice.choice(self._workers).send(number)

    async def kill_a_node(self):
        """kill -9 of a node, which is started again"""
        self._node().kill()
        await asyncio.sleep(self._awhile_s)
        await asyncio.to_thread(self._cluster.mend)

    async def restart_a_node(self):
        """SIGTERM to a node, which is started again"""
        await asyncio.to_thread(self._node().stop)
        await asyncio.to_thread(self._cluster.mend)

    async def stop_a_node(self):
        """SIGSTOP of a node for up to 8 s"""
        node = self._node()
        node.pause()
        await asyncio.sleep(self._awhile_s)
        node.resume()

    async def move_leaders(self):
        """another leader of input and replies"""
        async with Leaders(self._cluster.bootstrap) as leaders:
            for topic in (self._trial.names.requests, self._trial.names.replies):
                await leaders.lead(topic, self._dice.randrange(3), self._dice.randint(1, 3))

    async def move_the_coordinator(self):
        """another coordinator of the group"""
        async with Leaders(self._cluster.bootstrap) as leaders:
            await leaders.move_coordinator(self._trial.job.topics.group, self._dice.randint(1, 3))

    async def kill_a_worker(self):
        """kill -9 of a worker, which is started again"""
        self._signal(signal.SIGKILL)

    async def restart_a_worker(self):
        """SIGTERM to a worker, which is started again"""
        self._signal(signal.SIGTERM)

    async def stop_a_worker(self):
        """SIGSTOP of a worker for up to 8 s"""
        worker = self._dice.choice(self._workers)
        with suppress(RuntimeError):
            worker.send(signal.SIGSTOP)
            await asyncio.sleep(self._awhile_s)
            worker.send(signal.SIGCONT)

    async def cut_connections(self):
        """all connections of the workers cut, three times"""
        for _ in range(3):
            for proxy in self._proxies:
                proxy.reset()
            await asyncio.sleep(1)

    async def make_a_hole(self):
        """a hole of up to 8 s before all nodes, one way or both"""
        ways = self._dice.choice([(True, False), (False, True), (True, True)])
        for proxy in self._proxies:
            proxy.fall_silent(requests=ways[0], answers=ways[1])
        await asyncio.sleep(self._awhile_s)
        for proxy in self._proxies:
            proxy.release()

    async def delay_everything(self):
        """300 ms latency for up to 8 s"""
        for proxy in self._proxies:
            proxy.delay(0.3)
        await asyncio.sleep(self._awhile_s)
        for proxy in self._proxies:
            proxy.delay(0)

    async def lose_answers(self):
        """answers to Produce or EndTxn lost, with their connections, for up to 8 s"""
        key = self._dice.choice([PRODUCE, END_TXN])
        for proxy in self._proxies:
            proxy.swallow(key)
        await asyncio.sleep(self._awhile_s)
        for proxy in self._proxies:
            proxy.release()


_FAULTS = [name for name, value in vars(Scene).items() if asyncio.iscoroutinefunction(value)]


@asynccontextmanager
async def _through_proxies(cluster):
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(Proxy(node.ports)) for node in cluster.nodes.values()
        ]


async def _one_round(cluster, proxies, delivery, dice, runs):
    """Break six things under load; add a Run for each; raises AssertionError when it is judged."""
    async with Topics(cluster.bootstrap, copies=len(cluster.nodes)) as topics:
        through = ",".join(proxy.bootstrap for proxy in proxies)
        with tempfile.TemporaryDirectory(prefix="tidemill-soak-") as folder:
            make = trial_maker(cluster.bootstrap, topics, Path(folder), delivery)
            async with make(through=through) as trial:
                workers = await trial.start(2)
                scene = Scene(cluster, proxies, trial, workers, dice)
                async with trial.load(_RATE_PER_S):
                    for _ in range(_FAULTS_A_ROUND):
                        runs.append(await _one_fault(scene, trial, dice.choice(_FAULTS)))
                await trial.judge(lambda **found: None)


async def _one_fault(scene, trial, name):
    break_it = getattr(scene, name)
    before, trial.recovery_s = trial.witness.verdict().repeated.total(), 0.0
    async with trial.fault():
        asked = trial.witness.published
        await break_it()
    repeated = trial.witness.verdict().repeated.total() - before
    lost = len(asked - trial.witness.answered)
    kept = not lost and not (repeated and trial.delivery == EXACTLY_ONCE)
    how = break_it.__doc__
    _say(f"{trial.delivery:14} {how:60} {lost:4} {repeated:5} {trial.recovery_s:6.1f} s")
    return Run("soak", how, _PROMISE, trial.delivery, lost, repeated, trial.recovery_s, kept)


async def _soak(minutes, seed, runs):
    dice, until_s = random.Random(seed), time.monotonic() + 60 * minutes
    turns = 0
    with Cluster() as cluster:
        async with _through_proxies(cluster) as proxies:
            while time.monotonic() < until_s:
                delivery = (AT_LEAST_ONCE, EXACTLY_ONCE)[turns % 2]
                await _one_round(cluster, proxies, delivery, dice, runs)
                cluster.mend()
                turns += 1
                _say(f"{turns} rounds judged: nothing lost, nothing wrong")


def _say(text):
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main():
    """Soak, print the table and the seed; return 1 when a promise was broken."""
    typed = argparse.ArgumentParser(description=main.__doc__)
    typed.add_argument("--minutes", type=float, default=30)
    typed.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    given = typed.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it tells of each fault
    runs, broken = [], ""
    _say(f"seed {given.seed}; by delivery and fault: lost, repeated, recovery")
    try:
        uvloop.run(_soak(given.minutes, given.seed, runs))
    except KeyboardInterrupt:
        _say("Ended early.")
    except AssertionError as error:
        broken = str(error)
    _say(fault_table.table(runs))
    _say(f"seed {given.seed}: " + (f"BROKEN: {broken}" if broken else "every promise was kept"))
    return 1 if broken or not all(run.kept for run in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
