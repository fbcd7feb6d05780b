//! Balancing algorithms, queues, slow start and health state, without sockets or clocks.
