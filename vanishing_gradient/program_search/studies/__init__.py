"""Studies of the program search, one question each."""
