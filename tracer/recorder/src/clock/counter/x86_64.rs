//! The time stamp counter of x86-64.

use core::arch::x86_64::{__cpuid, _rdtsc};

/// The current count.
#[inline(always)]
pub fn read() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and it touches no memory.
    unsafe { _rdtsc() }
}

/// Whether the counter runs at one rate on all processors and never stops, and the kernel takes its own time from it.
///
/// The kernel takes another one, such as `hpet` or `acpi_pm`, if it has found the counter unstable. In a virtual machine it
/// may take what the host offers: `kvm-clock`, `xen` or `hyperv_clocksource_tsc_page`. That corrects the counter for each
/// virtual processor, and when the machine moves to another host, although the processor may call it invariant.
pub fn is_steady(clock_source: &str) -> bool {
    is_trusted(clock_source, is_invariant())
}

fn is_trusted(clock_source: &str, is_invariant: bool) -> bool {
    is_invariant && clock_source == "tsc"
}

/// CPUID leaf 0x8000_0007, EDX bit 8 (AMD64 manual volume 3, Intel SDM volume 3 section "Invariant TSC").
fn is_invariant() -> bool {
    __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & 1 << 8 != 0
}

/// So many counts, or fewer, are in this time, in ns: no such counter is slower than 1 GHz.
pub fn least_counts(nanoseconds: u64) -> u64 {
    nanoseconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_used_only_if_the_kernel_uses_it() {
        assert!(is_trusted("tsc", true) && !is_trusted("tsc", false));
        let machines = ["hpet", "acpi_pm", "jiffies", "refined-jiffies"];
        let virtual_machines = ["kvm-clock", "xen", "hyperv_clocksource_tsc_page", "hyperv_clocksource_msr"];
        let unknown = ["", "tsc-early", "arch_sys_counter"];
        for source in machines.iter().chain(&virtual_machines).chain(&unknown) {
            assert!(!is_trusted(source, true), "{source:?}");
            assert!(!is_steady(source), "{source:?}");
        }
    }
}
