"""The grid training x memory x updater: cells, settings, what is reported; and the ladder of its causes."""

from dataclasses import replace

import numpy as np
import pytest

from common import results
from common.randomness import stream
from smt import factorial, losses
from smt.factorial import BITS, BPTT, DMT, FREE, MORE, SELF, SMT, SPHERE, UPDATERS, Cell, Setting
from smt.memory import BinaryMemory
from smt.model import RNN
from smt.self_prediction import roll
from smt.smt import Config
from smt.studies import causes, disturbance, grid
from smt.training import Trainer
from smt.updaters import CellLSTM

TINY = replace(Config(), size=16, hidden=16, width=16, scale=0.01, test=16, longest=64)
GRU_FREE = Cell(BPTT, FREE, "GRU")


def computed(_name, make):
    """A `part` that keeps nothing."""
    return make()


# ---------------------------------------------------------------- the study as a whole

@pytest.fixture(scope="module")
def record():
    runs = list(grid.run(TINY, [100, 101], computed, choosing=(900,), lengths=(16,), far=(), few=(100,),
                         updaters=("GRU", "tanh-RNN")))
    return {"runs": runs, "config": {"lengths": [16], "far": [], "seeds": [100, 101]}}


def test_every_method_memory_and_updater_is_a_cell_of_the_record(record):
    found = record["runs"][0]["final"]["16"]
    assert set(found) == {SMT, DMT, MORE, BPTT, SELF}
    assert set(found[BPTT]) == {SPHERE, FREE, BITS} and set(found[SMT]) == {SPHERE, BITS} == set(found[SELF])
    assert all(set(updaters) == {"GRU", "tanh-RNN"} for memories in found.values() for updaters in memories.values())


def test_dmt_and_its_control_have_the_same_number_of_updates(record):
    for run in record["runs"]:
        methods = run["final"]["16"]
        for updater in methods[DMT][SPHERE]:
            counts = [methods[method][SPHERE][updater]["updates"] for method in (SMT, DMT, MORE)]
            assert counts[1] == counts[2] > counts[0]


def test_networks_with_bits_and_no_others_carry_a_certificate(record):
    for methods in record["runs"][0]["final"]["16"].values():
        for memory, updaters in methods.items():
            assert all(("certified" in found) == (memory == BITS) for found in updaters.values())


def test_a_lost_network_is_asked_nothing_more_and_a_kept_one_is_enumerated():
    rnn = factorial.network(TINY, 0, Cell(BPTT, BITS, "tanh-RNN"), Setting(1e-3), 16)
    lost = factorial.measured(TINY, 0, rnn, 16, 64)
    assert lost["accuracy"]["64"] is None and lost["codes"] is None and not lost["certified"]
    rnn.arrays()["updater/w"][...] = 0                      # a machine of few codes: the last token's
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(factorial.comparison, "LOST", 0.0)
        kept = factorial.measured(TINY, 0, rnn, 16, 64)
    assert kept["accuracy"]["64"] is not None and 1 < kept["codes"] <= 10 and not kept["certified"]


def test_the_trivial_rows_are_at_chance(record):
    rows = record["runs"][0]["final"]["trivial"]["16"]
    assert rows["chance"] == 0.125 and {"most frequent answer", "untrained encoder", "untrained GRU"} <= set(rows)
    assert max(rows.values()) < 0.5


def test_checks_finding_tables_and_picture_follow_from_a_record(record):
    claims = [*grid.checks(record), *grid.long_claims(record, 16)[:4]]
    assert not any(item["holds"] for item in claims)                            # nothing was learned in six updates
    assert grid.finding(record).endswith(".")
    assert all(len(row) == len(header) for header, rows in grid.table(record).values() for row in rows)
    from common.figures import plt
    plt.close(grid.figure(record, {}))


def one_network(value, seed=100, method=BPTT, memory=FREE, updater="GRU"):
    final = {"16": {method: {memory: {updater: {"accuracy": {"16": value, "4096": None}}}}}}
    return {"runs": [results.entry(seed, final)], "config": {"lengths": [16], "far": []}}


def test_a_network_is_solved_from_0_95_on_and_counts_as_0_where_it_was_lost():
    assert grid.solved(one_network(0.95), 16, BPTT, FREE) == (1, 1)
    assert grid.solved(one_network(0.9499), 16, BPTT, FREE) == (0, 1)
    assert grid.accuracy(one_network(1.0), 16, BPTT, FREE, "GRU", 4096).tolist() == [0.0]


def test_an_updater_without_gates_that_bptt_brings_there_refutes_the_claim():
    record = one_network(1.0, updater="tanh-RNN")
    claim = next(item for item in grid.long_claims(record, 16) if "has no gates" in item["claim"])
    assert not claim["holds"] and claim["measured"] == 1


# ---------------------------------------------------------------- choosing

def chosen(monkeypatch, score, cell=GRU_FREE, length=16, choices=None):
    """What `choose` makes of a score (setting -> accuracy)."""
    def validated(_c, _seed, _cell, setting, _length):
        return {"score": score(setting), "accuracy": score(setting), "loss": 1.0}
    monkeypatch.setattr(factorial, "validated", validated)
    return grid.choose(TINY, cell, length, choices or {}, (16, 64), (900, 901), 2, computed)


def test_a_best_rate_at_the_edge_extends_the_grid_twice_at_most(monkeypatch):
    choice = chosen(monkeypatch, lambda setting: min(0.9, 0.3 + setting.lr))
    assert choice["setting"].lr == pytest.approx(0.3) and choice["seeds"] == "all"
    assert {setting.lr for setting, _ in choice["tried"]} >= {0.003, 0.01, 0.03, 0.09, 0.3}


def test_a_grid_that_solves_the_task_is_not_extended(monkeypatch):
    choice = chosen(monkeypatch, lambda setting: 1.0 if setting.lr == 0.03 else 0.2)
    assert choice["setting"].lr == 0.03 and len(choice["tried"]) == len(dict.fromkeys(grid.settings(GRU_FREE)))


def test_a_cell_at_chance_everywhere_is_reported_on_few_seeds_and_not_tried_again(monkeypatch):
    choice = chosen(monkeypatch, lambda setting: 0.13)
    assert choice["seeds"] == "few"
    later = chosen(monkeypatch, lambda setting: 1.0, length=64, choices={(16, GRU_FREE): choice})
    assert later["seeds"] == "few" and later["tried"] == [] and later["setting"] == choice["setting"]


def test_settings_at_chance_on_the_first_choosing_seed_are_not_tried_on_the_second(monkeypatch):
    tried = dict(chosen(monkeypatch, lambda setting: 1.0 if setting.lr == 0.03 else 0.2)["tried"])
    assert {setting.lr for setting, values in tried.items() if len(values) == 2} == {0.03}
    tried = dict(chosen(monkeypatch, lambda setting: 0.2)["tried"])
    assert sorted(len(values) for values in tried.values()) == [1, 1, 1, 2, 2]


def test_every_method_of_bptt_has_more_settings_than_smt_and_self_prediction():
    counts = {cell: len(dict.fromkeys(grid.settings(cell))) for training, memories in grid.MEMORIES.items()
              for memory in memories for cell in [Cell(training, memory, updater) for updater in UPDATERS]}
    least = min(n for cell, n in counts.items() if cell.training == BPTT)
    assert least >= 5 and all(n <= 2 for cell, n in counts.items() if cell.training != BPTT)


def test_only_what_both_first_seeds_solve_goes_on_to_longer_sequences(monkeypatch):
    values = {(64, 100): 1.0, (64, 101): 0.9, (128, 100): 1.0, (128, 101): 0.9}

    def reported(_c, seed, cell, _setting, length, _longest, _more):
        return {cell.training: {"accuracy": {str(length): values.get((length, seed), 1.0)}}}
    monkeypatch.setattr(factorial, "reported", reported)
    choices = {(64, GRU_FREE): {"setting": Setting(1e-2), "seeds": "all"}}
    ask = lambda seed, length: grid.one_cell(TINY, seed, GRU_FREE, length, choices, (16, 64), (128, 256), (100, 101),
                                             computed)
    assert ask(100, 128) == {}
    values[64, 101] = 0.96
    assert set(ask(100, 128)) == {BPTT} and ask(102, 128) == {} == ask(100, 256)
    values[128, 101] = 0.96
    assert set(ask(101, 256)) == {BPTT}


# ---------------------------------------------------------------- networks, memories, updates

def test_a_memory_is_disturbed_as_the_setting_says_and_bptt_only_if_it_is_asked_for():
    noise = lambda cell, **setting: factorial.memory_of(TINY, Cell(*cell), Setting(1e-3, **setting)).noise
    assert noise((SMT, SPHERE, "GRU")) == 0.15 and noise((SMT, BITS, "GRU")) == 0.02
    assert noise((SMT, SPHERE, "GRU"), noise=0.0) == 0.0 and noise((BPTT, FREE, "GRU"), noise=0.1) == 0.1

    def trained(**setting):
        networks, _ = factorial.train(TINY, 0, Cell(BPTT, FREE, "GRU"), Setting(1e-3, **setting), 4)
        return networks[BPTT].flat
    assert (trained() == trained(noise=0.0)).all() and (trained() != trained(noise=0.1)).any()


def test_the_study_of_disturbance_reports_what_was_chosen_on_the_last_choosing_seed(monkeypatch):
    score = {0.02: 0.6, 0.05: 0.9, 0.1: 0.8}
    monkeypatch.setattr(factorial, "validated", lambda _c, seed, _cell, setting, _length: {
        "score": score[setting.noise] - (0.2 if setting.noise == 0.05 and seed == 901 else 0), "loss": setting.lr})
    cell = next(iter(disturbance.UNROLLED))
    made = disturbance.choose(TINY, cell, 64, (0.02, 0.05, 0.1), (900, 901), computed)
    assert made["setting"].noise == 0.05 and sorted(map(len, made["scores"].values())) == [1, 1, 1, 1, 2, 2]



def test_a_network_with_bits_starts_from_keeping_for_smt_only():
    def carry(training):
        cell = Cell(training, BITS, "residual MLP")
        return factorial.network(TINY, 0, cell, Setting(1e-3), 16).updater.p["carry"].item()
    assert carry(SMT) == 1.5 and carry(BPTT) == 0.0 == carry(SELF)


@pytest.mark.parametrize("start, name, change", [
    ("small table", "table", lambda old: 0.1 * old), ("small", "w2", lambda old: 0.1 * old),
    ("identity", "w", lambda old: np.eye(len(old)))])
def test_a_start_changes_one_matrix(start, name, change):
    updater = "residual MLP" if name == "w2" else "tanh-RNN"
    old, new = (factorial.network(TINY, 0, Cell(BPTT, SPHERE, updater), Setting(1e-3, start=each), 16).updater.p
                for each in ("", start))
    assert new[name] == pytest.approx(change(old[name])) and not np.array_equal(old[name], new[name])
    assert all(np.array_equal(old[other], new[other]) for other in old if other != name)


def test_an_orthogonal_start_is_orthogonal():
    w = factorial.network(TINY, 0, Cell(BPTT, FREE, "tanh-RNN"), Setting(1e-3, start="orthogonal"), 16).updater.p["w"]
    assert w @ w.T == pytest.approx(np.eye(len(w)), abs=1e-5)


def test_a_gain_changes_the_losses_and_not_the_code():
    logits = np.random.default_rng(0).standard_normal((5, 8))
    code = np.sign(np.random.default_rng(1).standard_normal((5, 8)))
    one, four = BinaryMemory(8), BinaryMemory(8, gain=4.0)
    assert np.array_equal(one.normalise(logits)[0], four.normalise(logits)[0])
    assert four.dynamics_error(logits, code)[0] == pytest.approx(one.dynamics_error(4 * logits, code)[0])


def test_with_bits_a_tanh_rnn_is_the_same_network_without_its_tanh():
    squashed, plain = (RNN(stream(0, "init"), 5, BinaryMemory(16), "tanh", squashed=each) for each in (True, False))
    x = np.random.default_rng(0).integers(0, 5, (4, 12))
    assert np.array_equal(roll(squashed, x), roll(plain, x)) and len(np.unique(roll(plain, x)[-1], axis=0)) > 1


def test_with_bits_an_lstm_whose_memory_is_h_and_c_holds_every_bit_twice():
    rnn = RNN(stream(0, "init"), 5, BinaryMemory(16), "lstm")
    hidden, cell = np.split(roll(rnn, np.random.default_rng(0).integers(0, 5, (8, 6)))[1:], 2, axis=-1)
    assert np.array_equal(hidden, cell)
    assert factorial.key(Cell(SMT, BITS, "LSTM")) == "cell" and factorial.key(Cell(SMT, SPHERE, "LSTM")) == "lstm"


def test_one_step_of_the_cell_lstm_is_its_equation():
    rnn = RNN(stream(0, "init"), 5, BinaryMemory(6), "cell", np.float64)
    assert isinstance(rnn.updater, CellLSTM)
    p, memory, token = rnn.updater.p, np.random.default_rng(0).standard_normal((1, 6)), np.array([3])
    net = np.tanh(memory) @ p["w"] + p["table"][token] + p["b"]
    i, f, g = np.split(net, 3, axis=1)
    wanted = memory / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    made = rnn.updater.step(memory, rnn.updater.drive(token), rnn.updater.tape(1, 1), 0)
    assert made == pytest.approx(wanted)


def test_a_faster_network_takes_a_larger_step():
    slow, fast = (factorial.network(TINY, 0, Cell(SMT, SPHERE, "tanh-RNN"), Setting(1e-3), 16) for _ in range(2))
    before = slow.flat.copy()
    for net in (slow, fast):
        net.gradient[:] = 1.0
    Trainer(slow=slow, fast=fast).step(1e-3, fast=3.0)
    assert fast.flat - before == pytest.approx(3 * (slow.flat - before), rel=1e-3, abs=1e-6)


def test_late_cuts_are_near_the_end_and_the_others_draw_as_before():
    memory, length = BinaryMemory(4), 256
    plain, again = (losses.draw_choices(stream(0, "x"), 8, length, memory, groups=2000, late=each).cuts
                    for each in (0.0, 1.0))
    assert np.array_equal(plain, losses.draw_choices(stream(0, "x"), 8, length, memory, groups=2000).cuts)
    assert 110 < np.median(plain) < 146 and np.median(again) > 235
    assert again.min() >= 0 and again.max() == length


# ---------------------------------------------------------------- the causes

def test_the_kinds_of_transitions_are_those_of_a_written_out_sequence():
    x = np.array([[3, 7, 0, 5, 2, 2, 0]])
    errors = np.arange(7.0)[None]
    assert causes.by_kind(errors, x) == {"wait": 0.5, "arm": 2, "store": 3, "hold": 4.5, "answer": 6}


def test_the_network_s_own_memories_have_no_one_step_error():
    rnn = factorial.network(TINY, 0, Cell(SMT, SPHERE, "GRU"), Setting(1e-3), 16)
    x = np.random.default_rng(0).integers(0, 5, (4, 9))
    memories = roll(rnn, x).swapaxes(0, 1)
    assert causes.one_step_errors(rnn, memories, x).max() < 1e-10
    assert causes.one_step_errors(rnn, -memories, x).min() > 0.1


def test_the_ladder_changes_one_thing_at_a_time():
    for rungs in causes.ladders().values():
        whole = rungs["all"]
        for name, setting in rungs.items():
            other = causes.OLD if name.endswith("alone") else whole
            differs = [a != b for a, b in zip(setting, other)]
            assert name in ("all", "no change") or sum(differs) == 1, name


def test_the_causes_run_and_say_what_they_found():
    run, = causes.run(TINY, [100], computed, length=16, long=16, walls=("2 cuts",))
    record = {"runs": [run], "config": {"length": 16, "long": 16, "walls": ["2 cuts"]}}
    assert causes.finding(record).endswith(".") and len(causes.checks(record)) == 7
    assert not any(item["holds"] for item in causes.checks(record) if "solve" in item["claim"])
    assert all(len(row) == len(header) for header, rows in causes.table(record).values() for row in rows)
