"""Import from the older program, Reis-Chatroom. Nothing in its documents is assumed to be valid."""
