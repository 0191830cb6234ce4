"""What models predict, by task: each makes its predictions into terms of examples, whose sums scores are made of."""
