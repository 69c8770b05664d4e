//! From image files and decoded pixels to model input.
//!
//! The browser decodes (its decoders know more formats and are faster than any code that we could ship); everything before and after that is here, and is the same code natively and in the browser:
//! what a file is ([`inspect`], [`check`]), what a zip of class folders holds ([`Archive`], [`place()`]), how pixels become the model's input ([`Pixels`]), and how they are varied before that ([`augment()`]).

mod archive;
mod augment;
mod declared;
mod header;
mod look;
mod pixels;
mod place;

pub use archive::{Archive, ArchiveItem, ArchiveLimits};
pub use augment::augment;
pub use declared::declared_entries;
pub use header::{Format, ImageHeader, MAX_MEGAPIXELS, check, inspect};
pub use headstart_project::Normalization;
pub use look::look;
pub use pixels::{Pixels, PixelsError};
pub use place::{Placement, is_junk, place};
