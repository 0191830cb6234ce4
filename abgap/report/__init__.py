"""Results become words, tables and pictures: HTML, Markdown and JSON from the same records."""
