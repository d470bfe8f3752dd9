"""Every remedy on one lag axis."""
