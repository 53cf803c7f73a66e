"""The client of `reichatd chat` and `reichatd send`; built on the public contract only, as an example for authors of clients.

Begin with `conversation.py`: how to lose nothing and repeat nothing, whatever becomes of the connection; `connection.py` is one of
them. `server.py` has the calls and the tokens, `frames.py` what is sent and received; `delivery.py` posts one message for a script.
The rest is how it looks.
"""
