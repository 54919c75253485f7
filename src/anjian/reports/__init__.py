"""What people look at: terminal tables, one-file HTML, published results."""
