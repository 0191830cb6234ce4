"""What models said in production, joined with what came of it, and measured by the metrics of the test set."""
