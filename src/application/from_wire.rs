//! stub
/// stub
pub fn from_wire() {}
