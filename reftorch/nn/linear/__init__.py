"""Linear layers: each output is a weighted sum of all inputs."""
