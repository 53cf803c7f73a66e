"""What a machine, or a running daemon, carries: the load generator behind `reichatd bench`.

It knows nothing of the daemon but its public contract: everything here is a client.
"""
