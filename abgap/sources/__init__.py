"""Where rows come from: files, column mapping, and safe SQL text for both."""
