//! Data of the page: as text, in elements that a browser does not run. A file has it compressed. A server of this machine
//! does not compress: its page has thousands of small blocks, and each decompression takes the browser long to start.

use crate::parallel::lock::lock;
use crate::report::write::gzip::{Gzip, LEVEL};
use crate::report::write::text::Text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Mutex;

/// Encodes bytes as text. It keeps its compressors.
#[derive(Debug)]
pub struct Packer {
    compresses: bool,
    spare: Mutex<Vec<Gzip>>,
}

impl Packer {
    /// One that compresses, for a file.
    pub fn for_file() -> Packer {
        Packer { compresses: true, spare: Mutex::default() }
    }

    /// One that does not, for what a server of this machine sends.
    pub fn for_server() -> Packer {
        Packer { compresses: false, spare: Mutex::default() }
    }

    /// Appends bytes as a script element with these attributes.
    pub fn put_script(&self, attributes: &str, bytes: &[u8], text: &mut Text) {
        text.put(b"<script type=\"text/plain\" ");
        text.put(attributes.as_bytes());
        text.put(if self.compresses { b">" } else { b" data-uncompressed>" });
        text.put(self.packed(bytes).as_bytes());
        text.put(b"</script>\n");
    }

    fn packed(&self, bytes: &[u8]) -> String {
        if !self.compresses {
            return STANDARD.encode(bytes);
        }
        let spare = lock(&self.spare).pop();
        let mut gzip = spare.unwrap_or_else(|| Gzip::new(LEVEL));
        let packed = STANDARD.encode(gzip.member(bytes));
        lock(&self.spare).push(gzip);
        packed
    }
}
