"""The pictures of the method: what they are drawn from, and that their numbers can come out false."""

import numpy as np
import pytest

from common.figures import plt
from smt import framework


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
