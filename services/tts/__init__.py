"""Speech from any provider, measured and kept."""

import os

# Engines run as child processes; gRPC's fork handlers, on by default, have nothing to do there and say so each time.
# gRPC reads this when it is first imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
