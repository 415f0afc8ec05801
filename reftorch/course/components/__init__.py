"""Component files that only the course uses: a Function, a convolution with tiles in shared memory, a whole training."""
