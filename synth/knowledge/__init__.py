"""The knowledge base: articles, what was planted in them, and what people search for in them."""
