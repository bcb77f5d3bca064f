"""`tunewright demo`: a client of the public API, as any other program with the `openai` SDK would be."""
