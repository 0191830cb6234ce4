"""Many experiments at once: true effects behind noisy ones, by numpy on effects and their covariances."""
