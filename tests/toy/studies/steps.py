"""Does a larger step count further?

It should: nothing else is varied.
"""

import numpy as np

from common import results
from tests.toy.toy import count

SEEDS, MINUTES = range(4), 0.1
USES = ("length",)
QUICK = dict(length=3, steps=(1,))


def run(config, seeds, steps=(1, 2)):
    for seed in seeds:
        final = {f"step_{step}": step * count(seed, config.length)[-1] for step in steps}
        yield results.entry(seed, final, arrays=dict(counted=count(seed, config.length)))


def checks(record):
    s = record["summary"]
    return [results.check("the larger step counts further", s["step_2"]["min"], "above 4", s["step_2"]["min"] > 4)
            ] if "step_2" in s else []


def finding(record):
    return f"The first step counts to {record['summary']['step_1']['mean']:.2f} on average."


def table(record):
    return ["step", "reaches"], [[name, f"{e['mean']:.2f}"] for name, e in record["summary"].items()]


def figure(record, arrays):
    from common.figures import plt
    fig, ax = plt.subplots(figsize=(3, 2))
    ax.plot(np.atleast_2d(arrays["counted"]).T)
    return fig
