"""The first-symbol task: what its sequences are, and what the rules score that learn nothing."""

import numpy as np
import pytest

from common.tasks import first_symbol
from common.tasks.first_symbol import FILLER, FORMS, alphabet, asked_lag, batch, rules, sequences


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("K", [2, 8])
def test_the_answer_is_the_first_symbol_and_every_symbol_is_in_the_alphabet(form, K):
    x, answers = sequences(np.random.default_rng(0), 200, 30, K, form)
    assert x.shape == (31, 200) and (x[0] == answers).all()
    assert set(np.unique(answers)) == set(range(K)) and set(np.unique(x)) == set(range(alphabet(form, K)))


@pytest.mark.parametrize("form, first", [("random", 2), ("asked", 2), ("alike", 0)])
def test_distractors_tell_nothing_about_the_answer(form, first):
    x, answers = sequences(np.random.default_rng(0), 8000, 10, 2, form)
    for symbols in x[1:]:
        assert abs((symbols - first)[answers == 0].mean() - (symbols - first)[answers == 1].mean()) < 0.15
        assert symbols.min() == first and (symbols.max() == 1 if form == "alike" else symbols.max() == 1 + FILLER)


def test_a_cycle_has_one_filler_and_as_many_sequences_as_answers():
    x, _ = sequences(np.random.default_rng(0), 500, 12, 2, "cycle")
    assert (x[1:] == x[1:, :1]).all() and (x[1 + FILLER:] == x[1:-FILLER]).all()
    assert len(np.unique(x, axis=1).T) == 2 and x[1, 0] == 2


def test_the_step_of_the_question_is_random_only_where_it_should_be():
    rng = np.random.default_rng(0)
    lags = [asked_lag(rng, 100, "asked") for _ in range(2000)]
    assert min(lags) == 50 and max(lags) == 100
    assert asked_lag(rng, 100, "random") == asked_lag(rng, 100, "cycle") == 100


def test_each_generator_has_its_own_batch():
    rngs = lambda: [np.random.default_rng(k) for k in (1, 2, 3)]
    x, answers = batch(rngs(), 4, 6)
    assert x.shape == (7, 3, 4) and answers.shape == (3, 4)
    alone, _ = sequences(rngs()[1], 4, 6)
    np.testing.assert_array_equal(x[:, 1], alone)


def test_the_trivial_rules_score_what_counting_by_hand_gives():
    x = np.array([[0, 1, 0], [0, 1, 1], [1, 0, 1]])
    found = rules(x, x[0], 2)
    assert found == dict(chance=0.5, last=0.0, frequent=pytest.approx(2 / 3))
    tie = np.array([[0, 1], [1, 0]])
    assert rules(tie, tie[0], 2)["frequent"] == 0.5


@pytest.mark.parametrize("lag", [10, 100, 1000])
def test_no_rule_is_worth_much_at_a_long_lag(lag):
    x, answers = sequences(np.random.default_rng(0), 4000, lag, 8, "alike")
    found = rules(x, answers, 8)
    assert abs(found["last"] - 1 / 8) < 0.03
    assert found["frequent"] < (0.3 if lag == 10 else 0.2)


@pytest.mark.parametrize("form", ["random", "cycle", "asked"])
def test_where_the_filler_is_no_answer_the_rules_are_chance(form):
    x, answers = sequences(np.random.default_rng(0), 300, 50, 8, form)
    assert rules(x, answers, 8) == dict(chance=1 / 8, last=1 / 8, frequent=1 / 8)


def test_the_points_of_the_shootout_have_the_alphabets_of_its_records():
    sizes = {name: (K, alphabet(form, K)) for name, (K, form) in first_symbol.VARIANTS.items()}
    assert sizes == dict(random=(8, 13), two=(2, 7), cycle=(2, 7), asked=(8, 13), alike=(8, 8))


def test_an_unknown_form_is_named():
    with pytest.raises(ValueError, match="form 'none'"):
        sequences(np.random.default_rng(0), 1, 1, form="none")
    assert set(first_symbol.RULES) == {"chance", "last", "frequent"}
