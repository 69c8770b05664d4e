//! Buttons that stay pressed.

/// The word for `aria-pressed`.
pub fn pressed(is_pressed: bool) -> &'static str {
    if is_pressed { "true" } else { "false" }
}
