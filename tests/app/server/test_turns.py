"""Who works next when requests wait."""

import asyncio
from typing import Any

import pytest
from starlette.exceptions import HTTPException

from dalip_app.server.turns import Turns


class Clock:
    now = 0.0

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now


class Work:
    """Requests that each take one second of the clock."""

    def __init__(self, at_once: int = 1, most: int = 32) -> None:
        self.clock = Clock()
        self.turns = Turns(at_once, most, self.clock)
        self.done: list[str] = []
        self.refused: list[str] = []

    async def ask(self, name: str, address: str, port: int = 1) -> None:
        try:
            async with self.turns.turn({"client": (address, port)}):
                await asyncio.sleep(0)
                self.clock.now += 1
        except HTTPException as error:
            self.refused.append(f"{name} {error.status_code}")
        else:
            self.done.append(name)

    def all(self, *asked: tuple[Any, ...]) -> list[str]:
        """Ask in this order, all at once, and return the names in the order of the answers."""

        async def ask() -> None:
            await asyncio.gather(*(self.ask(*one) for one in asked))

        asyncio.run(ask())
        return self.done


def test_a_visitor_does_not_wait_for_all_requests_of_another() -> None:
    many = [(f"many{number}", "192.0.2.1", number) for number in range(20)]
    done = Work().all(*many, ("one", "192.0.2.2"))
    assert done[:2] == ["many0", "one"]
    assert done[2:] == [f"many{number}" for number in range(1, 20)]


def test_connections_of_one_address_take_turns() -> None:
    many = [(f"many{number}", "127.0.0.1", 1) for number in range(10)]
    assert Work().all(*many, ("one", "127.0.0.1", 2)).index("one") == 1


def test_the_time_that_a_client_has_used_is_forgotten() -> None:
    work = Work()
    work.all(*[("early", "192.0.2.1")] * 5)
    work.clock.now += 3600
    asked = [
        ("first", "192.0.2.9"),
        ("a", "192.0.2.1"),
        ("b", "192.0.2.2"),
        ("c", "192.0.2.1"),
        ("d", "192.0.2.2"),
    ]
    assert work.all(*asked)[5:] in (["first", *"abcd"], ["first", *"badc"])


def test_who_pauses_goes_before_programs_that_never_do() -> None:
    async def check() -> None:
        work, sent = Work(), 12

        async def program(port: int) -> None:
            for _ in range(sent):
                await work.ask(f"program{port}", "127.0.0.1", port)

        async def visitor() -> None:
            waited = []
            for _ in range(sent // 3):
                before = len(work.done)
                await work.ask("visitor", "127.0.0.1", 99)
                waited.append(len(work.done) - before)
                end = work.clock.now + 3
                while work.clock.now < end:
                    await asyncio.sleep(0)
            # Each program gets every fifth turn, and the visitor would too if only the time were compared.
            assert waited[-1] <= 2, waited

        await asyncio.gather(*(program(port) for port in range(5)), visitor())

    asyncio.run(check())


def test_the_address_with_the_most_waiting_requests_is_refused() -> None:
    work = Work(most=4)
    many = [(f"many{number}", "192.0.2.1", number) for number in range(7)]
    done = work.all(*many, ("one", "192.0.2.2"))
    assert work.refused == ["many5 429", "many6 429", "many4 429"]
    assert done == ["many0", "one", "many1", "many2", "many3"]


def test_cancelled_requests_leave_their_place() -> None:
    async def check() -> None:
        work = Work()
        asked = [asyncio.create_task(work.ask(name, name)) for name in "abcd"]
        await asyncio.sleep(0)
        asked[1].cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        assert sorted(work.done) == ["a", "c", "d"]
        await work.ask("e", "e")
        assert work.done[-1] == "e"

    asyncio.run(check())


def test_a_request_that_is_cancelled_while_it_is_refused_gives_back_no_turn() -> None:
    async def check() -> None:
        turns, end, working = Turns(1, 2), asyncio.Event(), list[str]()

        async def ask(address: str) -> None:
            async with turns.turn({"client": (address, 1)}):
                working.append(address)
                await end.wait()

        many = [asyncio.create_task(ask("192.0.2.1")) for _ in range(3)]
        await asyncio.sleep(0)
        one = asyncio.create_task(ask("192.0.2.2"))  # sends the last of the many away
        await asyncio.sleep(0)
        many[-1].cancel()
        await asyncio.wait([many[-1]])
        assert working == ["192.0.2.1"]
        end.set()
        await asyncio.gather(*many, one, return_exceptions=True)
        assert working == ["192.0.2.1", "192.0.2.2", "192.0.2.1"]

    asyncio.run(check())


@pytest.mark.parametrize("at_once", [1, 3])
def test_a_failed_request_gives_its_turn_back(at_once: int) -> None:
    async def check() -> None:
        turns = Turns(at_once, 10)
        for _ in range(5):
            with pytest.raises(ValueError, match="broken"):
                async with turns.turn({"client": None}):
                    raise ValueError("broken")

    asyncio.run(check())
