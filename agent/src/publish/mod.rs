//! Telling what was judged: terminal, JSON, metrics.
