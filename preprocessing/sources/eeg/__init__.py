"""EEG as topographic maps, one image a window: recordings of any kind, generated ones, DEAP."""
