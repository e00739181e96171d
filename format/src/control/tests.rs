//! Control blocks: what is written is read, and nothing else is believed.

use super::*;
use proptest::prelude::*;

fn description() -> Description {
    Description { pid: 42, session_id: [7; 16], boot_id: [8; 16], process_start: 9, created: 10, ..Description::new() }
}

#[test]
fn what_is_written_is_read() {
    let session =
        Session::parse(&description().to_block(b"/dev/shm/viztracer_42_07", b"python\0a b.py\0")[..]).unwrap();
    assert_eq!(session.directory, b"/dev/shm/viztracer_42_07");
    assert_eq!(session.command, ["python", "a b.py"]);
    assert_eq!((session.description.pid, session.joined, session.refused), (42, 0, 0));
}

#[test]
fn a_long_command_is_cut_and_a_long_directory_left_out() {
    let long = [b'x'; BLOCK_SIZE];
    let session = Session::parse(&description().to_block(b"/tmp", &long)[..]).unwrap();
    assert_eq!((session.directory, session.command[0].len()), (b"/tmp".to_vec(), TEXT_MAX - 4));
    let session = Session::parse(&description().to_block(&long, b"python\0")[..]).unwrap();
    assert_eq!((session.directory, session.command), (vec![], vec!["python".to_owned()]));
}

#[test]
fn every_flipped_bit_of_the_unchanging_part_is_noticed() {
    let block = description().to_block(b"/tmp", b"python\0");
    for byte in (0..COUNTS_OFFSET).chain(TEXT_OFFSET..TEXT_OFFSET + 11) {
        for bit in 0..8 {
            let mut damaged = block.clone();
            damaged[byte] ^= 1 << bit;
            assert!(Session::parse(&damaged[..]).is_err(), "bit {bit} of byte {byte}");
        }
    }
}

#[test]
fn blocks_of_other_versions_are_refused() {
    for version in [0, 1, 3, u32::MAX] {
        let block = Description { version, ..description() }.to_block(b"", b"");
        assert_eq!(Session::parse(&block[..]), Err(FormatError::Version(version)));
    }
}

/// `CONTROL.md` lists every field of the description with its offset and size.
#[test]
fn the_document_has_every_field() {
    let document = include_str!("../../CONTROL.md");
    let rows = [
        ("magic", offset_of!(Description, magic), 8),
        ("version", offset_of!(Description, version), 4),
        ("pid", offset_of!(Description, pid), 4),
        ("session_id", offset_of!(Description, session_id), 16),
        ("boot_id", offset_of!(Description, boot_id), 16),
        ("process_start", offset_of!(Description, process_start), 8),
        ("pid_namespace", offset_of!(Description, pid_namespace), 8),
        ("created", offset_of!(Description, created), 8),
        ("directory_size", offset_of!(Description, directory_size), 4),
        ("command_size", offset_of!(Description, command_size), 4),
        ("crc", CRC_OFFSET, 4),
        ("over", COUNTS_OFFSET + offset_of!(Counts, over), 8),
        ("joined", COUNTS_OFFSET + offset_of!(Counts, joined), 8),
        ("refused", COUNTS_OFFSET + offset_of!(Counts, refused), 8),
        ("messages", COUNTS_OFFSET + offset_of!(Counts, messages), 8),
    ];
    for (name, offset, size) in rows {
        let row = format!("| {offset} | {size} | `{name}` |");
        assert!(document.contains(&row), "CONTROL.md has no row {row}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 256 }))]

    /// Garbage is refused or read, but never a reason to panic; the texts are parts of the block.
    #[test]
    fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2 * BLOCK_SIZE)) {
        prop_assert!(Session::parse(&bytes).is_err());
    }

    #[test]
    fn garbage_behind_a_good_begin_is_refused(
        changes in proptest::collection::vec((8..BLOCK_SIZE, any::<u8>()), 1..64),
        length in 0..=BLOCK_SIZE,
    ) {
        let good = description().to_block(b"/tmp", b"python\0");
        let mut block = good.clone();
        for (index, byte) in changes {
            block[index] = byte;
        }
        if let Ok(session) = Session::parse(&block[..length]) {
            prop_assert_eq!(length, BLOCK_SIZE);
            prop_assert_eq!(&session.directory, b"/tmp");
            prop_assert_eq!(session.description, Session::parse(&good[..]).unwrap().description);
        }
    }

    /// Any block whose checksum is right is read as it is, or refused for its sizes.
    #[test]
    fn any_block_with_a_good_checksum_is_read(
        mut block in proptest::collection::vec(any::<u8>(), BLOCK_SIZE),
        sizes in (any::<u16>(), any::<u16>()),
    ) {
        let (directory, command) = (usize::from(sizes.0) % TEXT_MAX, usize::from(sizes.1) % TEXT_MAX);
        block[..8].copy_from_slice(&MAGIC);
        block[8..12].copy_from_slice(&VERSION.to_le_bytes());
        block[72..76].copy_from_slice(&(directory as u32).to_le_bytes());
        block[76..80].copy_from_slice(&(command as u32).to_le_bytes());
        let fits = directory + command <= TEXT_MAX;
        if fits {
            let crc = checksum(&block, directory + command);
            block[CRC_OFFSET..][..4].copy_from_slice(&crc.to_le_bytes());
        }
        let session = Session::parse(&block);
        prop_assert_eq!(session.is_ok(), fits);
        if let Ok(session) = session {
            prop_assert_eq!(&session.directory[..], &block[TEXT_OFFSET..][..directory]);
        }
    }
}
