//! Runs `sensor-sim`.
fn main() {}
