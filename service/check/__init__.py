"""The streaming dataset checker: reads a file once, finds every defect, counts every token."""
