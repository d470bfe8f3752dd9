"""One method at growing lags: where a seed ends, and how its record is read."""

from common.tasks import lags

RIGHT = {10: 0.2, 30: 0.95, 100: 0.3, 300: 0.949, 1000: 1.0}


def record(*finals):
    return dict(config=dict(lags=list(RIGHT)), runs=[dict(final=dict(random=dict(guess=final))) for final in finals])


def test_a_seed_ends_after_two_lags_in_a_row_that_it_does_not_solve():
    assert list(lags.along(RIGHT, lambda lag: dict(accuracy=RIGHT[lag]))) == ["10", "30", "100", "300"]


def test_a_seed_that_had_ended_is_counted_as_not_solved_and_has_no_value():
    far = lags.along(RIGHT, lambda lag: dict(accuracy=RIGHT[lag], seen=lag))
    near = lags.along([10, 100], lambda lag: dict(accuracy=0.1, seen=None))
    both = record(far, near)
    assert lags.measured(both, "random", "guess", 30, "accuracy").tolist() == [0.95]
    assert lags.measured(both, "random", "guess", 10, "seen").tolist() == [10]
    assert [lags.solved(both, "random", "guess", lag) for lag in RIGHT] == [0, 1, 0, 0, 0]
    assert lags.lags_run(both, "random", "guess") == [10, 30, 100, 300]
    assert lags.lags_run(both, "cycle", "guess") == []
