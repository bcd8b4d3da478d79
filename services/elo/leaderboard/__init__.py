"""Published boards: computed from votes, read, watched, kept as daily snapshots, exported."""
