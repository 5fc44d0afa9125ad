//! What a stream writes down so that nothing is lost.
//!
//! Not here: files ([`crate::store`]).

pub mod layout;
mod point;
pub mod records;
#[cfg(test)]
mod tests;
