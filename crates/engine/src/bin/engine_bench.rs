//! The engine's work without page and messages, for `cargo xtask bench`.

// Links the library, whose exported class `Bench` the benchmark's worker uses.
use headstart_engine as _;

fn main() {}
