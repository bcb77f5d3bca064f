"""`tunewright data`: preparing datasets without server, key or network."""
