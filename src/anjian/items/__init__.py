"""The questions: records, taxonomies, the bundled bank, readers of official releases, answer keys."""
