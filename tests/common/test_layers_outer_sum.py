import numpy as np
import pytest

from common.layers import outer_sum


@pytest.mark.parametrize("N", [(), (3,)])
@pytest.mark.parametrize("B", [1, 2, 5])
def test_outer_sum_is_the_sum_over_steps_and_sequences(N, B):
    rng = np.random.default_rng(0)
    d, y = rng.normal(size=(7, *N, 4, B)), rng.normal(size=(7, *N, 6, B))
    np.testing.assert_allclose(outer_sum(d, y), np.einsum("t...fb,t...hb->...fh", d, y), rtol=1e-12, atol=1e-13)
