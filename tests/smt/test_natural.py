"""Natural sequences: tables without a network, no leak of what is asked, gradients, choosing, reading."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import smt
from common import gradcheck, results
from common.progress import Diverged
from common.randomness import stream
from smt import density, modelling, natural
from smt.density import BPTT, DMT, ENCODER, GRU, SELF, SMT, TRANSFORMER, TRUNCATED, Setting, Task, asked
from smt.memory import SphereMemory
from smt.model import RNN
from smt.self_prediction import roll
from smt.smt import Config

TINY = replace(Config(), size=8, hidden=8, width=8, scale=1.0)
SAVED = Path(smt.__file__).parent / "studies"
SEQUENCES = np.random.default_rng(0).integers(0, 3, (40, 12))


def task(sequences=SEQUENCES, vocabulary=3):
    return Task(lambda rng, batch: asked(sequences[rng.integers(0, len(sequences), batch)], vocabulary), sequences,
                vocabulary)


# ---------------------------------------------------------------- what is asked, what is scored

def test_every_token_is_asked_and_the_input_before_it_is_the_one_before():
    x, y = asked(np.array([[2, 0, 1]]), 3)
    assert x.tolist() == [[3, 2, 0]] and y.tolist() == [[2, 0, 1]]


def models():
    rnn = density.rnn_of(TINY, 0, task(), Setting(1e-3))
    trained = density.by_smt(TINY, 0, task(), Setting(1e-3, 4), 2, 2)
    return {"RNN": density.rnn_score(rnn), ENCODER: trained[ENCODER].score,
            TRANSFORMER: density.by_transformer(TINY, 0, task(), Setting(1e-3, 4), 2).score}


@pytest.mark.parametrize("name", ("RNN", ENCODER, TRANSFORMER))
def test_a_token_does_not_change_what_was_said_before_it_was_read(name):
    score, (x, y) = models()[name], asked(SEQUENCES, 3)
    changed = x.copy()
    changed[:, 6:] = (changed[:, 6:] + 1) % 3
    before, after = score(x, y), score(changed, y)
    assert before[:6] == pytest.approx(after[:6], abs=1e-6) and abs(before[6:] - after[6:]).max() > 1e-4


def test_nats_are_minus_the_log_of_the_probability():
    logits = np.log(np.array([[[0.2, 0.5, 0.3]]]))
    assert density.nats(logits + 7, np.array([[1]])).item() == pytest.approx(-np.log(0.5))


def test_the_clock_does_not_count_the_looking():
    def slow(x, y):
        stop = density.time.process_time() + 0.05
        while density.time.process_time() < stop:
            pass
        return np.zeros(3)
    watch = density.Watch(task(), slow, 4, 2, before=[[10, 20, 1.0, 0.5]])
    for _ in range(4):
        watch()
    assert [look[:2] for look in watch.curve] == [[10, 20], [11, 22], [12, 24], [13, 26], [14, 28]]
    assert 1.0 <= watch.curve[-1][2] < 1.05


# ---------------------------------------------------------------- losses

@pytest.mark.parametrize("updater, memory", (("mlp", SphereMemory), ("gru", density.FreeMemory)))
@pytest.mark.parametrize("window", (1, 3, 6))
def test_the_gradient_of_truncated_bptt_is_that_of_its_loss_with_the_memories_at_the_cuts_held(updater, memory, window):
    rng = stream(900, "gradient check")
    rnn = RNN(rng, 4, memory(8), updater, np.float64)
    x, y = rng.integers(0, 4, (5, 6)), rng.integers(0, 4, (5, 6))
    density.truncated_loss(rnn, x, y, window)
    gradient, cuts = rnn.gradient.copy(), roll(rnn, x)[:-1:window]

    def slow():
        total = 0.0
        for n, state in enumerate(cuts):
            for t in range(n * window, (n + 1) * window):
                state = rnn.step(state, x[:, t])
                total += density.nats(rnn.readout.forward(state)[0], y[:, t]).sum()
        return total / y.size
    assert density.truncated_loss(rnn, x, y, window) == pytest.approx(slow())
    assert gradcheck.directional_error(slow, {"rnn": rnn.flat}, {"rnn": gradient}, rng, step=1e-5) < 1e-6


def test_truncated_at_the_whole_length_is_bptt_but_for_the_first_memory():
    rnn = RNN(stream(0, "init"), 4, SphereMemory(8), "mlp", np.float64)
    x, y = asked(SEQUENCES[:5], 3)
    density.truncated_loss(rnn, x, y, 12)
    truncated = rnn.gradient.copy()
    density.losses.bptt_loss(rnn, x, y)
    names, full, cut = rnn.arrays().keys(), rnn.arrays(rnn.gradient), rnn.arrays(truncated)
    assert all(cut[name] == pytest.approx(full[name], abs=1e-12) for name in names if not name.startswith("start"))
    assert abs(full["start/logits"]).max() > 0 == abs(cut["start/logits"]).max()


def test_the_windows_of_dmt_divide_the_length_and_end_with_it():
    assert density.growing(196) == [4, 14, 28, 98, 196] and density.growing(64) == [4, 8, 16, 32, 64]
    assert density.growing(7) == [7]


@pytest.mark.parametrize("method, setting", (
    (SELF, Setting(3e-3, 4, horizon=4, places=8)), (BPTT, Setting(3e-3, 4)), (TRUNCATED, Setting(3e-3, 4, window=3)),
    (GRU, Setting(1e-2, 4, memory="free", updater="gru", start="chrono")), (TRANSFORMER, Setting(3e-3, 4)),
    (DMT, Setting(3e-3, 4))))
def test_every_method_learns_a_sequence_that_repeats_itself(method, setting):
    sequences = np.tile([0, 1, 2, 2], (30, 3))
    pace = {kind: {(setting.updater, setting.batch): 150} for kind in (method, SMT)}
    rows = modelling.train(TINY, 900, task(sequences), modelling.Contest({}, pace), method, setting, 1.0)
    assert set(rows) == ({SMT, DMT, ENCODER} if method == DMT else {method})
    assert modelling.scored(task(sequences), rows[method]).mean() < 0.45 < np.log(3)
    assert rows[method].work > 0 and rows[method].curve[-1][0] == (90 + 60 if method == DMT else 150)


# ---------------------------------------------------------------- tables

def slow_table(train, held_out, near, vocabulary, order):
    """Witten & Bell's rule in the words of its definition."""
    def probability(context, token, k):
        if k < 0:
            return 1 / vocabulary
        seen = [s for c, s in pairs[k] if c == context[:k]]
        shorter = probability(context, token, k - 1)
        kinds = len(set(seen))
        return (seen.count(token) + kinds * shorter) / (len(seen) + kinds) if seen else shorter

    def context_of(sequence, t):
        return tuple(sequence[p] if p >= 0 else vocabulary for p in near[t][:order])
    found = [(context_of(s, t), s[t]) for s in train.tolist() for t in range(len(s))]
    pairs = {k: [(c[:k], s) for c, s in found] for k in range(order + 1)}
    return float(np.mean([-np.log(probability(context_of(s, t), s[t], order))
                          for s in held_out.tolist() for t in range(len(s))]))


def test_the_tables_are_witten_and_bells():
    near = np.array([[t - 1, t - 2] if t > 1 else [t - 1, -1] for t in range(12)])
    found = natural.table_nats(SEQUENCES[:20], SEQUENCES[20:25], near, 3)
    assert found == pytest.approx([slow_table(SEQUENCES[:20], SEQUENCES[20:25], near, 3, k) for k in range(3)])


def test_the_nearest_pixels_come_from_the_past_in_any_order():
    assert natural.nearest(np.arange(9), 3, 4)[4].tolist() == [1, 3, 0, 2]
    order = np.random.default_rng(0).permutation(9)
    near = natural.nearest(order, 3, 4)
    assert (near < np.arange(9)[:, None]).all() and near[0].tolist() == [-1] * 4


def test_pictures_come_back_from_any_order(monkeypatch):
    monkeypatch.setattr(natural.stand_ins, "digits", lambda count: (np.random.default_rng(0).integers(
        0, 256, (count, 28, 28)).astype(np.uint8), np.zeros(count, np.uint8)))
    plain, mixed = (natural.pictures(None, count=20, permuted=permuted) for permuted in (False, True))
    assert len(plain.train) == 16 and len(plain.choosing) == 2 == len(plain.report)
    shown = [natural.as_pictures(data, data.train, "grey") for data in (plain, mixed)]
    assert np.array_equal(*shown) and not np.array_equal(plain.train, mixed.train)


def test_choosing_and_reporting_pictures_are_never_drawn_for_training():
    data = SimpleNamespace(train=np.zeros((5, 4), int), choosing=np.ones((5, 4), int), report=np.full((5, 4), 2),
                           vocabulary=3, stream=None)
    made = natural.task(data, natural.REPORT)
    assert made.draw(stream(0, "train"), 50)[1].max() == 0 and made.held_out.min() == 2
    assert natural.task(data, natural.CHOOSE).held_out.max() == 1


def test_samples_follow_the_networks_probabilities():
    rnn = density.rnn_of(TINY, 0, task(), Setting(1e-3))
    rnn.readout.p["w2"][:], rnn.readout.p["b2"][:] = 0, np.log([0.7, 0.2, 0.1, 1e-9])
    drawn = natural.rnn_samples(rnn, stream(0, "samples"), 200, 12, 3)
    assert drawn.shape == (200, 12)
    assert np.bincount(drawn.ravel()) / drawn.size == pytest.approx([0.7, 0.2, 0.1], abs=0.03)


# ---------------------------------------------------------------- choosing, reading

def chosen(monkeypatch, score, grid, seeds=(900,), extensions=2):
    monkeypatch.setattr(modelling, "validated", lambda *given: score(given[5], given[1]))
    data = SimpleNamespace(train=SEQUENCES, choosing=SEQUENCES, report=SEQUENCES, vocabulary=3, stream=None)
    contest = modelling.Contest({BPTT: grid}, {})
    return modelling.choose(TINY, data, contest, 1, seeds, lambda _name, make: make(), extensions)[BPTT]


def test_an_edge_extends_the_rates_until_the_best_lies_inside_or_the_bound_is_reached(monkeypatch):
    grid = tuple(Setting(rate) for rate in (1e-3, 3e-3))
    rising = lambda setting, _: 1 - setting.lr
    choice = chosen(monkeypatch, rising, grid)
    assert choice["setting"].lr == 0.03 and len(choice["tried"]) == 4 and modelling.told({BPTT: choice})[BPTT]["edge"]
    assert len(chosen(monkeypatch, rising, grid, extensions=0)["tried"]) == 2
    inside = chosen(monkeypatch, lambda setting, _: abs(setting.lr - 3e-3), (*grid, Setting(1e-2)))
    assert inside["setting"].lr == 3e-3 and len(inside["tried"]) == 3 and not modelling.beyond(inside["tried"], BPTT)


def test_a_rate_that_stands_alone_is_extended_to_both_sides(monkeypatch):
    grid = Setting(1e-3), Setting(1e-2, 32)
    choice = chosen(monkeypatch, lambda setting, _: abs(setting.lr - 1e-3), grid)
    assert sorted(setting.lr for setting in choice["tried"]) == [3e-4, 1e-3, 3e-3, 1e-2]


def test_the_weights_of_smts_losses_are_extended_too():
    tried = {Setting(1e-2, dynamics=weight): [score] for weight, score in ((2.0, 2.3), (5.0, 2.5))}
    tried |= {Setting(rate, dynamics=2.0): [9.0] for rate in (3e-3, 3e-2)}
    found = [(setting.dynamics, setting.uniformity) for setting in modelling.beyond(tried, DMT)]
    assert found == [(0.7, 0.05), (2.0, 0.02), (2.0, 0.2)] and not modelling.beyond(tried, BPTT)


def test_the_mean_over_the_choosing_seeds_decides(monkeypatch):
    found = {1e-3: [2.0, 4.0], 3e-3: [2.5, 2.5], 1e-2: [9.0, 9.0]}
    choice = chosen(monkeypatch, lambda setting, seed: found[setting.lr][seed - 900], tuple(map(Setting, found)),
                    (900, 901))
    assert choice["setting"].lr == 3e-3 and list(choice["tried"].values()) == list(found.values())


def test_a_setting_that_diverges_is_never_chosen(monkeypatch):
    choice = chosen(monkeypatch, lambda setting, seed: None if (setting.lr, seed) == (1e-2, 901) else 5 - setting.lr,
                    (Setting(3e-4), Setting(1e-3), Setting(1e-2)), (900, 901))
    assert choice["setting"].lr == 1e-3 and choice["tried"][Setting(1e-2)][1] is None

    def diverge(*_):
        raise Diverged("no longer finite")
    monkeypatch.undo()
    monkeypatch.setattr(modelling, "train", diverge)
    assert modelling.validated(TINY, 0, task(), None, BPTT, Setting(1.0), 1) is None


def test_a_curve_is_read_between_its_looks_and_not_beyond_its_end():
    curve = [[1, 10, 1.0, 2.0], [2, 20, 3.0, 1.0]]
    assert modelling.at_mark(curve, 2, 2.0) == pytest.approx(1.5) and modelling.at_mark(curve, 1, 20) == 1.0
    assert modelling.at_mark(curve, 2, 4.0) is None and modelling.at_mark(curve, 2, 0.5) is None


# ---------------------------------------------------------------- the studies

def recorded(study, **settings):
    """A tiny record of a study, made as --quick makes it."""
    knobs = {k: v for k, v in study.QUICK.items() if hasattr(Config(), k)}
    config = replace(Config(), **{**knobs, "size": 8, "hidden": 8, "width": 8})
    given = {k: v for k, v in study.QUICK.items() if not hasattr(Config(), k)} | settings
    runs = list(study.run(config, [100, 101], lambda _name, make: make(), **given))
    arrays = [entry.pop("arrays", {}) for entry in runs]
    return results.finite({"runs": runs, "config": {**given, "seeds": [100, 101]}}), arrays[0]


def test_pixels_reports_every_method_and_its_claims_can_fail(monkeypatch):
    from smt.studies import pixels
    record, arrays = recorded(pixels, count=60)
    rows = record["runs"][0]["final"]["grey"]
    assert set(modelling.ROWS) | {"tables"} == set(rows)
    assert {f"grey, {row}" for row in modelling.IN_USE} | {"grey, MNIST"} == set(arrays)
    claims = pixels.checks(record)
    draw(pixels, record, arrays)
    for run in record["runs"]:
        for row in (BPTT, GRU):
            run["final"]["grey"][row]["nats"] = 9.0
    assert [a["holds"] for a in pixels.checks(record)][0] is False and len(claims) == 2
    assert all(len(row) == len(header) for header, rows in pixels.table(record).values() for row in rows)
    assert pixels.finding(record).endswith(".")
    both = {"permuted": {DMT: 1, SELF: 1}, pixels.LONGER: {DMT: 4}}
    assert pixels.with_longer(both)["permuted"] == {DMT: 4, SELF: 1}


def draw(study, record, arrays=()):
    """The picture of a study can be drawn."""
    from common.figures import plt
    fig = study.figure(record, {name: a[None] for name, a in dict(arrays).items()})
    fig.canvas.draw()
    plt.close(fig)


def test_text_reports_every_method_also_far_beyond_its_windows():
    from smt.studies import text
    record, _ = recorded(text, most=8_000, far=128)
    rows = record["runs"][0]["final"]["text"]
    assert set(modelling.ROWS) | {"tables"} == set(rows) and all("far" in rows[row] for row in modelling.ROWS)
    draw(text, record)
    assert all(len(line) == 64 for lines in record["runs"][0]["written"].values() for line in lines)
    assert [a["holds"] for a in text.checks(record)][-1] is False           # a few updates do not beat a table
    assert all(len(row) == len(header) for header, rows in text.table(record).values() for row in rows)
    assert text.finding(record).endswith(".")


def test_a_text_is_cut_into_parts_that_share_no_character():
    data = natural.characters(None, 64, most=10_000)
    assert [len(part) for part in (data.train, data.choosing, data.report)] == [140, 7, 7]
    made, text = natural.task(data, natural.REPORT), natural.text.load(None)
    last = natural.text.split(text.codes[:10_000])[2]
    assert np.array_equal(made.held_out.ravel(), last[:448]) and len(data.stream) == 9_000


def measured(_c, _seed, _task, _contest, _choices, methods, *_more):
    """What modelling.report returns, made up: SMT + DMT one nat behind BPTT."""
    rows = [row for method in methods for row in ((SMT, DMT, ENCODER) if method == DMT else (method,))]
    return {"final": {row: {"nats": 2.0 if row in (SMT, DMT) else 1.0, "updates": 1, "seconds": 1.0,
                            "multiply-adds": 1.0} for row in rows}}


def test_scaling_finds_a_cell_in_which_the_order_turns(monkeypatch):
    from smt.studies import scaling
    monkeypatch.setattr(modelling, "report", measured)
    record, _ = recorded(scaling, most=8_000, axes=tuple(scaling.AXES), methods=tuple(scaling.SETTINGS))
    at = lambda axis, value: [run["final"][axis][value] for run in record["runs"]]
    assert scaling.overtaken(record) == [] and scaling.checks(record)[0]["holds"]
    for rows in at("memory", "256"):
        rows[DMT] = {**rows[DMT], "nats": 0.5}
    assert scaling.overtaken(record) == [("memory", 256)] and not scaling.checks(record)[0]["holds"]
    assert "Of 11 cells SMT + DMT has fewer nats than BPTT in: numbers in the memory 256 (" in scaling.finding(record)
    for nats, holds in ((9.0, [True, False]), (1.9, [False, True])):
        for rows in (*at("context, longer", "256"), *at("updates, long", "16")):
            rows[DMT] = {**rows[DMT], "nats": nats}
        assert [check["holds"] for check in scaling.checks(record)][-2:] == holds
    draw(scaling, record)
    assert all(len(row) == len(header) for header, rows in scaling.table(record).values() for row in rows)


def test_every_cell_of_scaling_sees_the_same_number_of_characters(monkeypatch):
    from smt.studies import scaling
    seen = {}

    def report(c, seed, task, _contest, _choices, methods, _seconds, _part, name):
        seen[name] = c.scale * task.length, c.size, c.width, c.hidden, TRANSFORMER in methods
        return {"final": {}}
    monkeypatch.setattr(modelling, "report", report)
    list(scaling.run(Config(), [100], lambda _name, make: make() if "floors" not in _name else {}, most=8_000))
    assert len(seen) == 11 and {found[0] / 64 for found in seen.values()} == {1, 4, 16}
    assert {found[1:] for found in seen.values()} == {
        (16, 64, 256, False), (64, 64, 256, True), (256, 64, 256, False), (64, 32, 128, True), (64, 128, 512, True),
        (64, 64, 256, False)}
    assert {name: found[0] / 64 for name, found in seen.items() if ", 256, 64, " in name} == {
        f"(64, 256, 64, {times})": times for times in (1, 4, 16)}


def test_scaling_uses_the_settings_that_the_study_of_the_text_chose():
    from smt.studies import scaling
    record = results.read(SAVED / "text.json", "git checkout")
    chosen = {method: choice["setting"] for method, choice in record["runs"][0]["choices"].items()}
    used = {method: modelling.describe(setting) for method, setting in scaling.SETTINGS.items()}
    assert used.items() <= chosen.items()


def test_a_curve_ends_at_the_nats_of_all_held_out_sequences():
    run = results.entry(0, {"a": {BPTT: {"nats": 1.5}}}, {"a": {BPTT: [[1, 8, 0.5, 3.0], [2, 16, 1.0, 2.0]]}})
    curve, = modelling.curves_of({"runs": [run, results.entry(1, {"a": {}})]}, ("a",), BPTT)
    assert curve[:, 3].tolist() == [2.5, 1.5] and curve[:, :3].tolist() == [[1, 8, 0.5], [2, 16, 1.0]]
