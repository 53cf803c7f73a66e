"""The client of `reichatd chat`, for a terminal; built on the public contract only, as an example for authors of clients.

Begin with `conversation.py`: how to lose nothing and repeat nothing, whatever becomes of the connection. `server.py` has the calls
and the tokens, `frames.py` what is sent and received; the rest is how it looks.
"""
