//! The time stamp counter of x86-64.

use core::arch::x86_64::{__cpuid, _rdtsc};

/// The current count.
#[inline(always)]
pub fn read() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and it touches no memory.
    unsafe { _rdtsc() }
}

/// Whether the counter runs at one rate on all processors and never stops, and the kernel has not found it unstable: it
/// then falls back to one of these clock sources. CPUID leaf 0x8000_0007, EDX bit 8 (AMD64 manual volume 3, Intel SDM
/// volume 3 section "Invariant TSC").
pub fn is_steady(clock_source: &str) -> bool {
    let is_invariant = __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & 1 << 8 != 0;
    is_invariant && !matches!(clock_source, "hpet" | "acpi_pm" | "jiffies" | "refined-jiffies")
}

/// So many counts, or fewer, are in this time, in ns: no such counter is slower than 1 GHz.
pub fn least_counts(nanoseconds: u64) -> u64 {
    nanoseconds
}
