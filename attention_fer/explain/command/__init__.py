"""The parts of `python -m attention_fer.explain`."""
