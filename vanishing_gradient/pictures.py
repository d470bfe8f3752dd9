"""What the figures of this room have in common: powers of ten on an axis, time that runs to the right."""


def powers_of_ten(axis):
    """Tick labels 10^k for an axis (ax.xaxis or ax.yaxis) whose values are log10."""
    axis.set_major_formatter(lambda value, _: rf"$10^{{{value:g}}}$" if value == round(value) else "")


def back_in_time(ax, lags, label="steps back from the end"):
    """The error starts at the right edge, lag 0, and flows to the left."""
    ax.set(xlim=(lags, 0), xlabel=label)
