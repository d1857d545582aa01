"""Reading ahead: results come in order, a few are computed in advance, and an error takes the place of its result."""

import threading

import pytest

from dalip.cpus import available_cpus
from dalip.photos import map_ahead


def test_results_come_in_order_regardless_of_duration() -> None:
    last_is_done = threading.Event()

    def work(item: int) -> int:
        if item == 0 and available_cpus() > 1:
            assert last_is_done.wait(600)  # the first item finishes last
        if item == 1:
            last_is_done.set()
        return item * item

    assert list(map_ahead(work, range(2), 2)) == [(0, 0), (1, 1)]
    assert list(map_ahead(lambda item: -item, range(100), 3)) == [(item, -item) for item in range(100)]
    assert list(map_ahead(lambda item: item, (), 3)) == []


def test_items_are_consumed_lazily() -> None:
    taken: list[int] = []

    def items() -> object:
        for item in range(1000):
            taken.append(item)
            yield item

    results = map_ahead(lambda item: item, items(), 3)  # type: ignore[arg-type]
    assert taken == []
    for count in range(1, 20):
        next(results)
        assert len(taken) <= count + 3 + available_cpus()
    results.close()  # type: ignore[attr-defined]


def test_an_error_is_raised_in_the_place_of_its_result() -> None:
    def work(item: int) -> float:
        return 1 / (item - 2)

    results = map_ahead(work, range(5), 3)
    assert [next(results) for _ in range(2)] == [(0, -0.5), (1, -1.0)]
    with pytest.raises(ZeroDivisionError):
        next(results)
