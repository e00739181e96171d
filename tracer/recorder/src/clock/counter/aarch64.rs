//! The virtual counter of the generic timer of aarch64.

use core::arch::asm;

/// The current count. The processor may read the register earlier than the program says, even before an earlier read
/// of it; the barrier prevents that. So no call ends before it began.
#[inline(always)]
pub fn read() -> u64 {
    let count: u64;
    // SAFETY: Linux lets programs read the register, and neither instruction touches memory. The compiler keeps the
    // order of this and of what touches memory, since the instructions are not said to leave memory alone.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) count, options(nostack, preserves_flags)) };
    count
}

/// Counts in a second.
fn frequency() -> u64 {
    let frequency: u64;
    // SAFETY: as above.
    unsafe { asm!("mrs {}, cntfrq_el0", out(reg) frequency, options(nomem, nostack, preserves_flags)) };
    frequency
}

/// Whether the kernel takes its own time from the counter. If it has found a fault in it, it takes another one, or it
/// corrects what programs read: they then enter the kernel for each count.
pub fn is_steady(clock_source: &str) -> bool {
    is_trusted(clock_source, frequency())
}

fn is_trusted(clock_source: &str, frequency: u64) -> bool {
    clock_source == "arch_sys_counter" && frequency > 0
}

/// So many counts, or fewer, are in this time, in ns. Usual rates are from 24 MHz to 1 GHz.
pub fn least_counts(nanoseconds: u64) -> u64 {
    u64::try_from(u128::from(nanoseconds) * u128::from(frequency()) / 1_000_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_used_only_if_the_kernel_uses_it() {
        assert!(is_trusted("arch_sys_counter", 24_000_000));
        assert!(!is_trusted("arch_sys_counter", 0)); // the firmware has not said how fast it is
        for source in ["", "tsc", "jiffies", "kvm-clock", "arch_mem_counter", "timer", "hisi-sysctr"] {
            assert!(!is_trusted(source, 24_000_000) && !is_steady(source), "{source:?}");
        }
    }

    #[test]
    fn the_counter_goes_forward_at_the_rate_that_it_says() {
        let first = read();
        while read() == first {}
        assert!(read() > first && frequency() > 0);
        assert_eq!(least_counts(2_000_000_000), 2 * frequency());
    }
}
