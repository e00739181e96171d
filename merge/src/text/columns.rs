//! Tables for a terminal.

/// The rows as lines. Columns are as wide as their longest cell and two spaces apart. Those whose indexes are in
/// `words` are aligned to the left, the others, which are numbers, to the right.
pub fn aligned(rows: &[impl AsRef<[String]>], words: &[usize]) -> String {
    let mut widths = vec![0; rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0)];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in rows {
        let cells = row.as_ref().iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            match words.contains(&column) {
                true => format!("{cell:<width$}"),
                false => format!("{cell:>width$}"),
            }
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_to_the_right_and_words_to_the_left() {
        let rows = [["pid", "name", "n"], ["7", "é", "1,234"], ["4711", "", "5"]].map(|row| row.map(str::to_owned));
        let lines = [" pid  name      n", "   7  é     1,234", "4711            5", ""];
        assert_eq!(aligned(&rows, &[1]), lines.join("\n"));
        assert_eq!(aligned(&Vec::<Vec<String>>::new(), &[]), "");
    }
}
