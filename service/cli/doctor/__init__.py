"""`tunewright doctor`: looks for what would lose work or stop it. One module for each kind of check."""
