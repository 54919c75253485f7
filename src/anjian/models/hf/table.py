"""The keys and values of all live rows: each row has a slot, filled from the left.

Row i attends to the first `length_i` columns of its slot, whatever stands behind them. So a row is put in, or moved
into a hole, without touching the others.
"""

from collections.abc import Sequence
from typing import Any

import torch
from transformers.cache_utils import Cache

COLUMNS = 64
"""The table grows in steps of so many columns, and by a half at least."""


class Table(Cache):
    """What a model reads from and writes to, a pair of tensors (slots, heads, columns, size of a head) a layer."""

    def __init__(self) -> None:
        """Starts without room."""
        super().__init__(layers=[])
        self._pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
        self._slots = self._columns = self._width = 0
        self._rows = self._places = torch.zeros(0, dtype=torch.long)

    def put(self, slot: int, read: Sequence[Any], lengths: Sequence[int]) -> None:
        """Fills slots, from `slot` on, with the rows of another cache's layers, as many columns of each as it has."""
        self._pairs = self._pairs or [(layer.keys[:0], layer.values[:0]) for layer in read]
        self.reserve(slot + len(lengths), max(lengths) + 1)
        for pair, layer in zip(self._pairs, read, strict=True):
            for table, new in zip(pair, (layer.keys, layer.values), strict=True):
                for row, length in enumerate(lengths):
                    table[slot + row, :, :length] = new[row, :, :length]
                    # What stood here is masked, but must be no NaN.
                    table[slot + row, :, length:] = 0

    def move(self, slot: int, to: int, length: int) -> None:
        """Copies the first columns of a slot to another."""
        for pair in self._pairs:
            for table in pair:
                table[to, :, :length] = table[slot, :, :length]

    def reserve(self, slots: int, columns: int) -> None:
        """Makes room; what is there stays."""
        if slots <= self._slots and columns <= self._columns:
            return
        if columns > self._columns:
            self._columns = -(-max(columns, self._columns * 3 // 2) // COLUMNS) * COLUMNS
        self._slots = max(slots, self._slots)
        self._pairs = [(self._grown(keys), self._grown(values)) for keys, values in self._pairs]

    def expect(self, places: torch.Tensor, width: int) -> None:
        """Says where the next column of each live row goes, and how many columns the longest then has."""
        self.reserve(len(places), width)
        self._rows, self._places, self._width = torch.arange(len(places), device=places.device), places, width

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Writes a column of each live row; returns all columns of them."""
        keys, values = self._pairs[layer_idx]
        live, place = len(key_states), (self._rows.to(keys.device), slice(None), self._places.to(keys.device))
        keys[place] = key_states[:, :, 0]
        values[place] = value_states[:, :, 0]
        return keys[:live, :, : self._width], values[:live, :, : self._width]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Columns before the one that is being written."""
        return self._width - 1

    def _grown(self, table: torch.Tensor) -> torch.Tensor:
        grown = table.new_zeros(self._slots, table.shape[1], self._columns, table.shape[3])
        grown[: table.shape[0], :, : table.shape[2]] = table
        return grown
