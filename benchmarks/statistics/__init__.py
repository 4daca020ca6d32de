"""Statistics of stored predictions: scores, comparisons and what may be claimed from them."""
