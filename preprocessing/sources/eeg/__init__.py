"""EEG as topographic maps, one image per window: recordings, generated ones, and DEAP."""
