//! The classifier as WebAssembly.

// Links the library, whose exported class the page's script uses.
use headstart_classifier as _;

fn main() {}
