"""The pictures of the method: what they are drawn from, and that their numbers can come out false."""

import numpy as np
import pytest

from common.figures import plt
from smt import framework, smt
from smt.studies import gradient_norms, memory_maps


@pytest.fixture
def drawn():
    fig = framework.framework()
    fig.canvas.draw()
    yield fig
    plt.close(fig)


def texts(fig):
    return {text.get_text(): text for text in fig.axes[0].texts if text.get_text()}


def test_the_framework_names_every_loss_and_every_network(drawn):
    said = " ".join(texts(drawn))
    for word in ("dec", "read", "dyn", "dmt", "encoder", "decoder", "readout", "updater", "SMT", "DMT", "stops"):
        assert word in said, word


def test_nothing_in_the_framework_is_cut_off_or_too_small(drawn):
    whole = drawn.bbox
    for text, artist in texts(drawn).items():
        box = artist.get_window_extent()
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1 and whole.y0 <= box.y0 and box.y1 <= whole.y1, text
        assert artist.get_fontsize() >= 9, text


def test_words_of_the_framework_do_not_overlap(drawn):
    boxes = [artist.get_window_extent() for artist in texts(drawn).values()]
    assert not [1 for i, one in enumerate(boxes) for other in boxes[:i] if one.overlaps(other)]


def test_in_dmt_every_update_has_a_bar_before_it_and_every_memory_of_the_encoder_one_above_the_loss(drawn):
    bars = [line for line in drawn.axes[0].lines if line.get_color() == framework.STOP]
    upright = [line for line in bars if np.ptp(line.get_xdata()) == 0]
    assert len(upright) == 3 + 1 and len(bars) - len(upright) == 3               # one stands in the key


# ---------------------------------------------------------------- memory maps

def test_the_content_of_a_memory_is_what_is_asked_next():
    """A stack answers its top when it is popped; String Copy the last letter that it has not said yet."""
    x, y = memory_maps.generate("Stack Operations", np.random.default_rng(0), 50)
    held = memory_maps.contents("Stack Operations", x)
    asked = y >= 0
    assert np.array_equal(held[:, :-1][asked] % memory_maps.BASE, y[asked]) and held.min() == 0
    x, y = memory_maps.generate("String Copy", np.random.default_rng(0), 50)
    asked, held = y >= 0, memory_maps.contents("String Copy", x)
    assert np.array_equal(held[:, 1:][asked] % memory_maps.BASE, y[asked])


@pytest.mark.parametrize("name", memory_maps.SIZES)
def test_a_memory_of_the_content_alone_tells_all_apart_and_an_empty_one_nothing(name):
    x, _ = memory_maps.generate(name, np.random.default_rng(0), 200)
    held = memory_maps.contents(name, x)
    perfect = np.eye(held.max() + 2)[held]
    assert memory_maps.told_apart(name, x, perfect) == 1.0
    assert memory_maps.told_apart(name, x, 0 * perfect) == 0.5
    noise = np.random.default_rng(1).standard_normal((*held.shape, 8))
    assert abs(memory_maps.told_apart(name, x, noise) - 0.5) < 0.05
    assert memory_maps.told_apart(name, x, memory_maps.flat(memory_maps.one_hot(x))) < 0.9


def test_the_rules_are_what_they_say():
    x = np.array([[1, 2, 0, 2]])
    inputs = memory_maps.one_hot(x)
    assert memory_maps.balance(inputs)[0, :, 0].tolist() == [0, 1, 2, 1, 2]                  # the depth of a stack
    assert memory_maps.RULES["number of each token"](inputs)[0, -1].tolist() == [1, 1, 2]
    weights = memory_maps.oldest_first(inputs)[0, -1].reshape(4, 3).sum(1)
    assert np.allclose(weights[:-1] / weights[1:], 1.4) and not memory_maps.flat(inputs)[0, 0].any()


def test_only_memories_with_different_histories_count_as_agreeing():
    memories, held = np.array([[0.0], [0.0], [5.0], [1.0]]), np.array([1, 1, 1, 2])
    assert memory_maps.compared(memories, held, np.array([7, 7, 7, 8])) == (0.0, 0)
    wins, triples = memory_maps.compared(memories, held, np.array([7, 7, 8, 9]))
    assert (wins, triples) == (0.0, 4)            # 0 and 5 agree, 1 differs and is always nearer


def test_arrows_start_near_memories_that_may_read_the_token():
    config = smt.Config(**{name: value for name, value in smt.QUICK.items() if hasattr(smt.Config, name)})
    teacher, rnn = memory_maps.networks(config, 1, "String Copy", trained=False)
    made = memory_maps.picture("String Copy", teacher, rnn, np.zeros((1, 10), int))
    assert len(made["points"]) == len(made["held"]) == 2 ** 6 - 1
    assert made["arrows"].shape == (memory_maps.GRID ** 2, 4)
    drawn = np.isfinite(made["arrows"]).all(1)
    assert 0 < drawn.sum() < len(drawn)


# ---------------------------------------------------------------- gradient norms

FAR = gradient_norms.distances(512, 24)


def test_the_distances_go_from_the_last_memory_but_one_to_the_first_that_holds_the_symbol():
    assert FAR[0] == 1 and FAR[-1] == 510 and np.all(np.diff(FAR) > 0)


def test_a_power_law_is_told_from_an_exponential():
    law = gradient_norms.shape(np.log10(3.0 / FAR), FAR)
    assert law[gradient_norms.SLOPE] == pytest.approx(-1) and law[gradient_norms.BETTER]
    assert law[gradient_norms.FAR] == pytest.approx(-np.log10(510)) == -law[gradient_norms.SPAN]
    assert not gradient_norms.shape(-0.1 * FAR, FAR)[gradient_norms.BETTER]


def test_the_answer_is_judged_by_another_symbol():
    y = np.array([[-1, 1, 8]])
    assert gradient_norms.another(y, 8).tolist() == [[-1, 2, 1]]


def test_the_networks_before_and_after_are_the_same_but_for_the_training():
    config = smt.Config(**{name: value for name, value in smt.QUICK.items() if hasattr(smt.Config, name)})
    _, before, cell = gradient_norms.networks(config, 1, "tanh-RNN", gradient_norms.START, 8)
    _, after, _ = gradient_norms.networks(config, 1, "tanh-RNN", gradient_norms.LEARNED, 8)
    assert before.shapes == after.shapes and np.any(before.flat != after.flat)
    exact, tokens = gradient_norms.double(config, cell, after), np.zeros(3, int)
    assert exact.flat.dtype == np.float64
    assert np.allclose(exact.step(exact.initial(3), tokens), after.step(after.initial(3), tokens), atol=1e-5)


def test_a_claim_about_gradients_can_come_out_false():
    """Everything falls exponentially, and BPTT as far through its own networks as through those of SMT."""
    steep = {gradient_norms.FAR: -20.0, gradient_norms.SPAN: 20.0, gradient_norms.SLOPE: -9.0,
             gradient_norms.BETTER: False}
    moments = {moment: {loss: steep for loss in gradient_norms.LOSSES} for moment in gradient_norms.MOMENTS}
    record = {"runs": [{"final": {name: moments for name in gradient_norms.UPDATERS}}], "config": {}}
    assert [c["holds"] for c in gradient_norms.checks(record)] == [True, *[False] * 5, True, False]
