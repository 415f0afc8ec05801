"""Component files that only the course needs: an operation of one's own, tiles in shared memory, a whole training."""
