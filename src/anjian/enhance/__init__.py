"""Making a model safer: data, training, export, verification."""
