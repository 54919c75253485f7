"""Calls in batches, at half the price: the Batch API of OpenAI, and of everybody who has the same form.

forms.py    what is sent and what comes back: lines, batches, results
api.py      the calls: upload, create, find, look, download
store.py    the batches of a run folder, so that the same command finds them again
parts.py    calls and batches under way
room.py     when calls become a batch, and how many
model.py    a model whose calls are gathered, sent as batches, and answered when those are done
"""

from anjian.models.batch.model import BatchModel

__all__ = ["BatchModel"]
