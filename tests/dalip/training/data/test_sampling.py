"""Sampling: each photo is drawn as often as its weight requires, and the batches do not depend on the start step."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dalip.training.data.sampling import Sampling


def positions(sampling: Sampling, start: int, steps: int) -> list[int]:
    plan = sampling.batches(start, start + steps, lambda progress: 64)
    return [item.position for batch in plan for item in batch]


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_with_equal_weights_every_epoch_draws_every_photo_once(count: int, batch: int, seed: int) -> None:
    sampling = Sampling([1.0] * count, batch, seed)
    drawn = positions(sampling, 0, 3 * count)
    for start in range(0, len(drawn) - count + 1, count):
        assert sorted(drawn[start : start + count]) == list(range(count))


@settings(deadline=None)
@given(st.lists(st.floats(0.05, 4), min_size=1, max_size=40), st.integers(0, 1000))
def test_a_photo_is_drawn_as_often_as_its_weight_rounded_up_or_down(weights: list[float], seed: int) -> None:
    sampling = Sampling(weights, 4, seed)
    times = np.bincount(sampling.epoch(seed), minlength=len(weights))
    expected = np.asarray(weights) * sampling.per_epoch / sum(weights)
    assert times.sum() == sampling.per_epoch
    assert (times >= np.floor(expected - 1e-9)).all()
    assert (times <= np.ceil(expected + 1e-9)).all()


def test_over_many_epochs_the_mean_number_of_draws_is_the_weight() -> None:
    weights = [0.3, 1.0, 2.5, 0.2]
    sampling = Sampling(weights, 4, 0)
    times = np.mean([np.bincount(sampling.epoch(e), minlength=4) for e in range(2000)], axis=0)
    np.testing.assert_allclose(times, weights, atol=0.05)


@pytest.mark.parametrize(("photos", "steps"), [(50, 10), (190, 40), (1000, 208), (96, 20), (3, 1)])
def test_steps_in_twenty_epochs(photos: int, steps: int) -> None:
    assert Sampling([1.0] * photos, 96, 0).steps_in(20) == steps


def test_the_plan_does_not_depend_on_where_it_starts() -> None:
    sampling = Sampling([1.0] * 21 + [0.4] * 5, 8, 3)
    sizes = {0.5: 32, 1.0: 64}

    def size_at(progress: float) -> int:
        return next(size for until, size in sizes.items() if progress < until)

    whole = list(sampling.batches(0, 30, size_at))
    assert list(Sampling(sampling.weights, 8, 3).batches(17, 30, size_at)) == whole[17:]
    assert [batch[0].size for batch in whole] == [32] * 15 + [64] * 15
    assert len({item.draw for batch in whole for item in batch}) == 30 * 8
    assert list(Sampling(sampling.weights, 8, 4).batches(0, 1, size_at)) != whole[:1]
