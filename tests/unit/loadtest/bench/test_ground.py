"""Turns are taken."""

from loadtest.bench.ground import by_turns


async def test_who_goes_first_takes_turns_too():
    called = []

    def measure(name):
        async def measured(what):
            called.append(what)
            return name.upper()

        return measured

    results = await by_turns(3, {"loop": measure("loop"), "daemon": measure("daemon")})
    assert called == [
        *("loop 1 of 3", "daemon 1 of 3"),
        *("daemon 2 of 3", "loop 2 of 3"),
        *("loop 3 of 3", "daemon 3 of 3"),
    ]
    assert results == {"loop": ["LOOP"] * 3, "daemon": ["DAEMON"] * 3}
