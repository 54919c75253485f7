"""Labels by people: sheets out, sheets in, how far people agree, and what that says of a run's judge and its rates."""
