"""What a run uses and costs: counted, priced, kept within a budget, estimated."""
