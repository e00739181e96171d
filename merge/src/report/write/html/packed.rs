//! Data of the page: compressed, as text, in elements that a browser does not run.

use crate::parallel::lock::lock;
use crate::report::write::gzip::{Gzip, LEVEL};
use crate::report::write::text::Text;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::sync::Mutex;

/// Compresses bytes, and encodes them as text. It keeps its compressors.
#[derive(Debug, Default)]
pub struct Packer(Mutex<Vec<Gzip>>);

impl Packer {
    /// Packs bytes.
    pub fn packed(&self, bytes: &[u8]) -> String {
        let spare = lock(&self.0).pop();
        let mut gzip = spare.unwrap_or_else(|| Gzip::new(LEVEL));
        let packed = STANDARD.encode(gzip.member(bytes));
        lock(&self.0).push(gzip);
        packed
    }
}

/// Appends data as a script element, which a browser does not run.
pub fn put_script(attributes: &str, data: &str, text: &mut Text) {
    text.put(b"<script type=\"text/plain\" ");
    text.put(attributes.as_bytes());
    text.put(b">");
    text.put(data.as_bytes());
    text.put(b"</script>\n");
}
