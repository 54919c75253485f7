"""Models behind servers that speak the chat-completion API of OpenAI."""
