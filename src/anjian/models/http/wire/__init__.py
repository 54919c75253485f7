"""The chat-completion API on the wire: what is sent, what comes back, and what its errors mean."""
