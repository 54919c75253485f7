"""How a question is asked: alone, after a history, with scripted follow-ups."""
