//! The counter that a processor has beside the clocks of the system. Each kind of processor has a file with the same
//! functions.

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod aarch64;
#[cfg(any(miri, not(any(target_arch = "aarch64", target_arch = "x86_64"))))]
mod none;
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86_64;

#[cfg(all(target_arch = "aarch64", not(miri)))]
pub use aarch64::*;
#[cfg(any(miri, not(any(target_arch = "aarch64", target_arch = "x86_64"))))]
pub use none::*;
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub use x86_64::*;
