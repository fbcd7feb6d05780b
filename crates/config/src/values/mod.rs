//! Readers of argument words, one file per kind of value.
//!
//! Each takes the name of the keyword for the message and the word, and returns the value or a [`Diagnostic`]
//! (HAProxy's usual words, pointing at the word). Where a keyword words its errors in another way, the raw
//! parser beside it returns a plain fault to word oneself: [`parse_time`], [`parse_size`], [`parse_integer`].
//!
//! [`Diagnostic`]: weir_diag::Diagnostic

mod address;
mod name;
mod number;
mod size;
mod switch;
mod time;

pub use address::{Address, Endpoint, Family, Ports, Transport, bind_addresses, endpoint};
pub use name::{check_name, defined_before, invalid_character};
pub use number::{integer, leading_integer, parse_integer};
pub use size::{parse_size, size};
pub use switch::switch;
pub use time::{Time, TimeFault, Unit, parse_time, time, trailing_warning};
