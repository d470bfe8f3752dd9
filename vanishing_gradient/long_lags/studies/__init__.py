"""One question a file; found by its name."""
