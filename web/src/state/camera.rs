//! Who has the camera, and how it is used.

use serde::{Deserialize, Serialize};

use super::project::ClassId;

/// The part of the page that shows the camera. There is one stream at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CameraOwner {
    /// A class records from it.
    Class(ClassId),
    /// Try watches it.
    Try,
    /// See inside watches it.
    Inside,
}

/// Which way a phone's camera points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facing {
    /// Towards the user.
    #[default]
    User,
    /// Away from the user.
    Environment,
}

/// The user's choices, the same wherever the camera is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraPrefs {
    /// The camera that was picked; otherwise `facing` decides.
    pub device_id: Option<String>,
    pub facing: Facing,
    /// Whether picture and preview are mirrored; `None` mirrors cameras that face the user.
    pub mirror: Option<bool>,
    /// Pictures recorded per second.
    pub rate_hz: u32,
    /// Count 3, 2, 1 before recording.
    pub countdown: bool,
    /// Whether what is recorded is set aside for testing.
    pub is_for_testing: bool,
}

impl CameraPrefs {
    /// Slowest and fastest rate of recording.
    pub const RATES_HZ: std::ops::RangeInclusive<u32> = 1..=24;

    pub fn is_mirrored(&self) -> bool {
        self.mirror.unwrap_or(self.facing == Facing::User)
    }
}

impl Default for CameraPrefs {
    fn default() -> Self {
        Self {
            device_id: None,
            facing: Facing::User,
            mirror: None,
            rate_hz: 8,
            countdown: false,
            is_for_testing: false,
        }
    }
}
