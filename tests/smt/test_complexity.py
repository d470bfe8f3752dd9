"""What is counted is what happens: paths, calls, the Transformer that keeps its keys, truncated BPTT."""

from types import SimpleNamespace

import numpy as np
import pytest

from common import results
from smt import cost, losses, work
from smt.model import CausalEncoder, RegisterEncoder
from smt.studies import complexity

SIZES = SimpleNamespace(elements=3, size=8, hidden=8, width=8, heads=2)
LENGTHS = (70, 96)                     # beyond the window of truncated BPTT


def made(name, length, vocabulary=None, dtype=np.float64):
    return cost.METHODS[name](SIZES, 900, vocabulary or length, length, dtype)


def sequences(length, batch=4):
    return np.random.default_rng(900).integers(0, 4, (2, batch, length))


# ---------------------------------------------------------------- what an error passes and reaches

@pytest.mark.parametrize("name, path, reach", [
    ("SMT", 3, None), ("DMT", 1, 1), ("self-prediction", 2, 1 + cost.HORIZON), ("BPTT, residual MLP", None, None),
    ("BPTT, GRU", None, None), ("Transformer", 2, None)])
def test_an_error_passes_so_many_calls_and_reaches_so_many_inputs(name, path, reach):
    for length in LENGTHS:
        found = cost.path_and_reach(made(name, length), np.arange(length)[None])
        assert found == (path or length, reach or length)           # None: all


def test_an_error_of_truncated_bptt_stays_in_its_window():
    for length, last in ((70, 6), (96, 32), (128, 64)):
        assert cost.path_and_reach(made("BPTT, truncated", length), np.arange(length)[None]) == (last, last)


@pytest.mark.parametrize("name, calls", [
    ("SMT", lambda T: 8), ("DMT", lambda T: 2 + 2 * T), ("self-prediction", lambda T: T + 4),
    ("BPTT, residual MLP", lambda T: 2 * T), ("BPTT, GRU", lambda T: 2 * T), ("BPTT, truncated", lambda T: 2 * T),
    ("Transformer", lambda T: 4)])
def test_calls_of_one_update_are_counted(name, calls):
    for length in LENGTHS:
        assert cost.calls_of_update(made(name, length, 4), *sequences(length)) == calls(length)


def test_counting_changes_nothing_and_ends_with_the_block():
    method, (x, y) = made("BPTT, residual MLP", 12, 4), sequences(12)
    method.update(x, y)
    before = method.rnn.gradient.copy()
    cost.calls_of_update(method, x, y)
    assert np.array_equal(method.rnn.gradient, before)
    assert not set(vars(method.rnn.updater)) & set(cost.Calls.NAMES)


# ---------------------------------------------------------------- multiply-adds

def counted(name, length=12):
    method, (x, y) = made(name, length, 4), sequences(length)
    return work.of_update(method.networks.values(), lambda: method.update(x, y))


def test_the_multiply_adds_of_bptt_are_three_products_with_every_matrix_at_every_step():
    steps, (Z, H, V) = 4 * 12, (8, 8, 4)
    readout = Z * 64 + 64 * V
    assert counted("BPTT, residual MLP") == 3 * steps * (2 * Z * H + readout)
    assert counted("BPTT, GRU") == 3 * steps * (3 * Z * Z + readout)
    assert counted("BPTT, truncated") == counted("BPTT, residual MLP")


def test_those_of_a_transformer_have_two_squares_of_attention_in_every_block():
    rows, (D, V) = 4 * 12, (8, 4)
    assert counted("Transformer") == 3 * rows * (2 * (12 * D * D + 2 * 12 * D) + D * V)


class Products(np.ndarray):
    """An array that counts the products it takes part in, as do all arrays that come from it."""
    multiplied = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        plain = [np.asarray(each) for each in inputs]
        if ufunc is np.matmul and min(plain[1].shape[-1:] or (1,)) > 1 and plain[1].ndim > 1:
            Products.multiplied += np.prod(plain[0].shape[:-1]) * plain[1].shape[-2] * plain[1].shape[-1]
        into = {} if out is None else {"out": tuple(np.asarray(each) for each in out)}
        return np.asarray(getattr(ufunc, method)(*plain, **into, **options)).view(Products)


@pytest.mark.parametrize("encoder, options", [(CausalEncoder, {}), (RegisterEncoder, {"count": 2})])
def test_what_is_counted_from_the_architecture_is_what_numpy_multiplies(encoder, options):
    method, (x, _) = made("SMT", 12, 4), sequences(12)
    teacher = cost.Teacher(np.random.default_rng(0), 4, method.rnn.memory, np.float64, 8, encoder=encoder, **options)
    expected = work.of_update([teacher], lambda: teacher.encoder.forward(x))
    teacher.encoder.p = teacher._views(teacher.flat.view(Products), "encoder")
    Products.multiplied = 0
    teacher.encoder.forward(x)
    assert Products.multiplied == expected


def test_counting_multiply_adds_ends_with_the_block():
    method, forward = made("SMT", 12, 4), work.Stack.forward
    work.of_update(method.networks.values(), lambda: method.update(*sequences(12)))
    assert work.Stack.forward is forward and losses.uniformity is work.losses.uniformity
    assert "step" not in vars(method.rnn.updater) and "forward" not in vars(method.rnn.readout)


# ---------------------------------------------------------------- truncated BPTT

def test_one_window_over_the_whole_sequence_is_bptt():
    method, (x, y) = made("BPTT, residual MLP", 12, 4), sequences(12)
    y[:, ::3] = -1
    whole, _ = losses.bptt_loss(method.rnn, x, y)
    expected = method.rnn.gradient.copy()
    assert np.isclose(cost.truncated_loss(method.rnn, x, y, 12), whole, rtol=1e-12)
    first = method.rnn.arrays(method.rnn.gradient)["start/logits"]
    method.rnn.arrays(expected)["start/logits"][:] = first           # m_0 is fixed here, trained there
    assert np.allclose(method.rnn.gradient, expected, rtol=1e-9, atol=1e-14)


def test_windows_do_not_change_the_loss_but_cut_the_gradient():
    method, (x, y) = made("BPTT, residual MLP", 12, 4), sequences(12)
    whole = cost.truncated_loss(method.rnn, x, y, 12)
    full = method.rnn.gradient.copy()
    for window in (1, 5, 6):
        assert np.isclose(cost.truncated_loss(method.rnn, x, y, window), whole, rtol=1e-12)
        assert not np.allclose(method.rnn.gradient, full, rtol=1e-3)
        for name, gradient in method.rnn.arrays(method.rnn.gradient).items():        # no window cuts the readout's
            if name.startswith("readout/"):
                assert np.allclose(gradient, method.rnn.arrays(full)[name], rtol=1e-9, atol=1e-14), name


# ---------------------------------------------------------------- one token at a time

def test_the_transformer_one_token_at_a_time_is_the_transformer():
    method, (x, _) = made("Transformer", 11, 4), sequences(11)
    for name, gain in method.networks["transformer"].arrays().items():
        if "norm" in name:
            gain += np.random.default_rng(1).normal(0, 0.3, gain.shape)
    expected = method.baseline.forward(x)[0]
    network = cost.TokenByToken(method.baseline, len(x), 11)
    found = np.stack([network.step(x[:, t]) for t in range(11)], axis=1)
    assert np.allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_what_is_kept_between_tokens():
    assert cost.Recurrent(made("BPTT, GRU", 9, 4, np.float32), 9).bytes == 4 * SIZES.size
    kept = cost.Attending(made("Transformer", 9, 4, np.float32), 9)
    assert kept.bytes == 4 * 2 * 2 * 9 * SIZES.width                # float32, two blocks, keys and values, T, width


# ---------------------------------------------------------------- measures

def test_peak_is_what_was_allocated_at_the_same_time():
    def allocate():
        for _ in range(3):
            first = np.ones(100_000)
            second = np.ones(50_000)
            del first, second
    assert 1.19e6 < cost.peak(allocate) < 1.21e6


def test_fastest_takes_the_best_of_all_turns():
    turns = []
    found = cost.fastest({"a": lambda: turns.append("a"), "b": lambda: turns.append("b")}, 2, times=2)
    assert turns == list("aabbaabb") and set(found) == {"a", "b"} and min(found.values()) >= 0


def test_an_exponent_is_the_slope_in_logarithms():
    lengths = [64, 128, 512]
    assert cost.exponent(lengths, [7.0 * T ** 1.5 for T in lengths]) == pytest.approx(1.5)
    assert cost.exponent(lengths, [3, 3, 3]) == pytest.approx(0, abs=1e-12)
    assert cost.exponent(lengths, [1, None, 2]) is None and cost.exponent(lengths, [1, 0, 2]) is None


# ---------------------------------------------------------------- the study's claims

def record(change=lambda final: None):
    """A record in which everything is as claimed, but for `change`."""
    lengths, contexts = [64, 128, 256], [1024, 4096]
    runs = [results.entry(seed, final_of(lengths, contexts)) for seed in (0, 1)]
    for run in runs:
        change(run["final"])
    config = {"lengths": lengths, "contexts": contexts, "batch": 4, "compared": 64, "batches": [1, 4], "wider": [1, 4],
              "size": 8, "hidden": 8}
    return {"config": config, "runs": runs,
            "summary": results.summary(runs, {})}


def final_of(lengths, contexts):
    growing = {"path": lambda T: T, "calls": lambda T: 2 * T, "reach": lambda T: T, "bytes": lambda T: 9.0 * T,
               "multiply-adds": lambda T: 5.0 * T, "seconds": lambda T: 1e-3 * T}
    steady = {"SMT": {"path": 3, "calls": 8}, "Transformer": {"path": 2, "calls": 4}, "DMT": {"path": 1, "reach": 1}}
    final = {}
    for name in cost.METHODS:
        found = {what: {str(T): steady.get(name, {}).get(what, f(T)) for T in lengths} for what, f in growing.items()}
        final[name] = found
    final["SMT"] |= {"bytes": {str(T): T ** 1.5 for T in lengths}, "seconds": {str(T): 2e-3 * T for T in lengths}}
    final["BPTT, truncated"]["bytes"] = {str(T): 5.0 for T in lengths}
    for name in cost.IN_USE:
        grows = name == "Transformer"
        final[name] |= {what: {str(T): (T if grows else 1) * 1e-4 for T in contexts} for what in complexity.USE}
    for found in final.values():
        found["order"] = {what: complexity.slope(values) for what, values in found.items()}
    final[complexity.RATIO] = {"1": {"1": 0.8, "4": 2.0}, "4": {"1": 0.3, "4": 0.5}}
    final[complexity.WORK_RATIO] = {"1": {"1": 5.0, "4": 5.0}, "4": {"1": 1.5, "4": 1.5}}
    return final


def test_a_record_as_claimed_holds_every_claim():
    assert all(check["holds"] for check in complexity.checks(record()))


@pytest.mark.parametrize("name, what, value, claim", [
    ("SMT", "path", 4, "an error of SMT passes"), ("SMT", "calls", 9, "calls in a row in one update of SMT"),
    ("BPTT, residual MLP", "path", 3, "an error of BPTT passes"), ("SMT", "reach", 3, "reaches all 256 inputs"),
    ("DMT", "reach", 256, "reaches all 256 inputs"), ("SMT", "seconds", 1e-9, "takes longer than one of BPTT")])
def test_a_claim_fails_where_its_count_is_another(name, what, value, claim):
    def change(final):
        final[name][what]["256"] = value
    failed = [check["claim"] for check in complexity.checks(record(change)) if not check["holds"]]
    assert any(claim in text for text in failed)


def test_the_claim_about_a_wider_updater_can_fail():
    def change(final):
        final[complexity.RATIO]["4"]["1"] = 1.1
    failed = [check["claim"] for check in complexity.checks(record(change)) if not check["holds"]]
    assert len(failed) == 1 and "4 times as wide" in failed[0]


@pytest.mark.parametrize("name, what, claim", [
    ("BPTT, residual MLP", "bytes", "BPTT's activation memory"), ("BPTT, truncated", "bytes", "does not grow"),
    ("SMT", "bytes", "faster than T"), ("BPTT, residual MLP", "seconds in use", "next token does not grow"),
    ("Transformer", "bytes in use", "Transformer in use"), ("Transformer", "seconds in use", "next token grows")])
def test_a_claim_fails_where_its_order_is_another(name, what, claim):
    for value in (-3.0, 9.0):
        def change(final):
            final[name]["order"][what] = value
        failed = [check["claim"] for check in complexity.checks(record(change)) if not check["holds"]]
        assert any(claim in text for text in failed)


def test_tables_name_every_method_and_the_papers_order():
    parts = complexity.table(record())
    (_, rows), (_, others), (_, ratios) = parts.values()
    assert all([row[0] for row in part] == list(cost.METHODS) for part in (rows, others))
    assert ratios == [["8 and 8", "0.80 [0.80, 0.80]; 5", "2.00 [2.00, 2.00]; 5"],
                      ["32 and 32", "0.30 [0.30, 0.30]; 1.5", "0.50 [0.50, 0.50]; 1.5"]]
    smt = rows[0]
    assert smt[1] == "1 → 0.00" and smt[4] == "T → 1.50" and rows[3][1] == "T → 1.00"
    sentence = complexity.finding(record())
    assert "passes 3 calls (BPTT's 256)" in sentence and "takes 2.0 times as long" in sentence
