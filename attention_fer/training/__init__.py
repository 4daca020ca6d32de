"""The parts of a training, usable without the benchmark.

`training_model` in `model` puts a network behind augmentation and preprocessing; `augmentation`,
`losses`, `distillation`, `optimizers`, `schedules`, `sampling`, `freezing` and `sam` are its parts.
Nothing is imported here: `sampling` and checking an augmentation need no Keras.
"""
