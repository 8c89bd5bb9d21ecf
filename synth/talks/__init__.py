"""What is said in a contact: its course, its words, and how the channel distorts them."""
