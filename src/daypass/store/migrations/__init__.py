"""The schema's history, one file a step, applied in the order of their names."""
