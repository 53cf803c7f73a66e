"""The way here from the older Reis-Chatroom. Its documents are read as they are: nothing in them is taken for granted."""
