"""The client of `reichatd chat` and `reichatd send`: an example for client authors, built on the public contract only.

Start with `conversation.py`: how to lose no message and repeat none, across lost connections. `connection.py` is one WebSocket,
`client.py` has the REST calls and the tokens, `frames.py` the frames. `delivery.py` posts one message for a script. The other
modules are the user interface.
"""
