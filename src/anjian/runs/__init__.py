"""Carrying it out: ledger, engine, resume, progress, run folders."""
