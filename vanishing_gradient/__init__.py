"""Hochreiter's fundamental deep learning problem, measured. Start with vanishing_gradient.py."""
