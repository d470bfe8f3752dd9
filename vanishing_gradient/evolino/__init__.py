"""Evolino: recurrent cells evolved, not trained. Start with evolino.py."""
