"""The studies of proved machines: every row is asked for, records are judged by numbers, pictures need data only."""

import numpy as np
import pytest

from common import results
from common.progress import Diverged
from smt import machine_graphs
from smt import make_machines_gif as machines_film
from smt.languages import LANGUAGES, Automaton, all_words
from smt.studies import machines
from smt.studies import self_prediction as controls


@pytest.fixture(scope="module")
def tiny():
    """One seed of both studies with tiny settings, without files."""
    settings = dict(stages=5, tasks=("parity", "dyck-1"), every=("parity",), unproved=("parity",), updates=5,
                    bptt_updates=2, smt_updates=2, continuous_updates=2, words=50, tests=(16, 2), limit=300,
                    film=("parity",))
    [one] = machines.run(None, [900], lambda name, make: make(), **settings)
    few = dict(tasks=("parity", "tomita 2"), variants=("as it is", "h = 0", "continuous", "no stop", "uniform", "BPTT"),
               updates=2, words=50, tests=(16, 2), limit=300)
    [two] = controls.run(None, [900], lambda name, make: make(), **few)
    return record_of(one, settings), record_of(two, few), {name: a[None] for name, a in one["arrays"].items()}


def record_of(entry, settings):
    return {"runs": [{**entry, "arrays": None}], "config": {**settings, "seeds": [entry["seed"]]}}


def made_up(certified, minimal=1, wrong=0):
    """A record of `machines` in which certified[method] says yes or no for every language."""
    final = {task: {machines.END: {}} for task in LANGUAGES}
    for task in LANGUAGES:
        for method, says in certified.items():
            yes = says(LANGUAGES[task])
            final[task][machines.END][method] = {"certified": yes, "accuracy": {"16": 1.0}, "words wrong": wrong,
                                                 "minimal": minimal and yes}
    return {"runs": [{"seed": 100, "final": final}], "config": {"tasks": list(LANGUAGES), "seeds": [100]}}


def held(record):
    return [check["holds"] for check in machines.checks(record)]


def test_the_stages_ask_for_every_row_once_and_for_the_claims_first():
    rows = [row for stage in range(5)
            for row in machines.rows_of(stage, machines.ALL, machines.STEPWISE, machines.TRIED)]
    assert len(rows) == len(set(rows)) == 3 * 23 + 2 * 12 + 3 * 14
    assert {task for task, _, _ in rows} == set(LANGUAGES)
    assert len(machines.rows_of(0, machines.ALL, (), ())) == 28


def test_the_checks_hold_only_for_what_was_measured():
    always, never = (lambda language: True), (lambda language: False)
    star_free = lambda language: language.star_free
    good = {machines.OWN: always, machines.BPTT: always, machines.SMT: star_free}
    assert held(made_up(good)) == [True] * 5
    assert held(made_up({**good, machines.OWN: never}))[0] is False
    assert held(made_up({**good, machines.BPTT: never}))[1] is False
    assert held(made_up(good, minimal=0))[2] is False and held(made_up(good, wrong=1))[2] is False
    assert held(made_up({**good, machines.SMT: always}))[3] is False
    assert held(made_up({**good, machines.SMT: never}))[4] is False


def test_an_untrained_record_proves_nothing_but_can_be_shown(tiny):
    record = tiny[0]
    certified = machines.share(record, ["dyck-1"], machines.END, machines.OWN)
    assert certified == (0, 1) and len(held(record)) == 5
    assert "self-prediction 0 of 2 runs" in machines.finding(record)
    made = machines.table(record)
    assert len(made) == 4
    for header, rows in made.values():
        assert rows and all(len(row) == len(header) for row in rows)


def test_the_controls_are_counted_by_whether_an_answer_hides_the_state(tiny):
    record = tiny[1]
    assert controls.count(record, "h = 0", ["parity"]) == (0, 1)
    found = controls.checks(record)
    assert [check["holds"] for check in found] == [False, True, False, False, False, True]
    for rules, (header, rows) in zip((0, 3), controls.table(record).values()):
        assert len(rows) == 6 + rules and all(len(row) == len(header) for row in rows)
    assert controls.finding(record).startswith("Self-prediction is certified in 0 of 2 runs")


def test_a_run_that_diverges_is_a_result_and_not_the_end(monkeypatch):
    def diverging(lesson, seed, budget):
        raise Diverged("the loss is not finite")
    monkeypatch.setitem(machines.LEARNERS, machines.BPTT, diverging)
    found = machines.trial("parity", machines.END, machines.BPTT, 900, None, words=50, tests=(16, 2), limit=300)
    assert found["final"]["certified"] is False and found["final"]["words wrong"] == 50


def test_the_figures_and_the_film_are_drawn_from_arrays_alone(tiny):
    record, tried, arrays = tiny
    assert len(machines.figure(record, arrays).axes) == 5
    assert controls.figure(tried, {}).axes
    film = {name.split(": ")[1]: array[0] for name, array in arrays.items() if name.startswith("film")}
    scene = machines_film.Scene(LANGUAGES["parity"], film, 900)
    assert scene.draw(0.0) is scene.draw(len(scene.places) - 1.5) is scene.fig
    assert film["answers"].shape == (len(film["update"]), 2 ** 9 - 1) and film["codes"].shape[1] == 2 ** 6 - 1


def test_behaviour_lists_the_answers_to_all_continuations():
    language = LANGUAGES["tomita 7"]
    answers = np.concatenate([language.answers(all_words(language, length))[:, -1] for length in range(6)])
    found = machines_film.behaviour(answers, 3, 2)
    words = [word for length in range(4) for word in all_words(language, length)]
    for word, row in zip(words, found):
        endings = [np.concatenate([word, more]) for length in range(3) for more in all_words(language, length)]
        assert row.tolist() == [language.answers(ending[None])[0, -1] for ending in endings]
    assert np.allclose(machines_film.mixture(found, found[:4]).sum(1), 1)


def test_codes_of_one_state_are_drawn_together():
    automaton = LANGUAGES["tomita 3"].automaton
    group = np.repeat(np.arange(5), 7)
    places = machine_graphs.clustered(group, 5)
    centres = machine_graphs.around(5)
    nearest = ((places[:, None] - centres) ** 2).sum(-1).argmin(1)
    assert (nearest == group).all() and isinstance(automaton, Automaton)
    assert len(set(map(tuple, places.round(6)))) == len(places)


def test_results_are_values_over_seeds(tiny):
    assert results.values(tiny[0], "parity", "trivial rules", "chance").tolist() == [0.5]
