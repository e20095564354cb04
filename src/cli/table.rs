//! Tables in plain text: columns as wide as their widest cell, in terminal cells and not in bytes.

use super::out::{Out, clean};
use super::tone::Tone;
use std::io;
use unicode_width::UnicodeWidthStr;

/// A table under construction.
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

struct Column {
    title: &'static str,
    right: bool,
}

impl Table {
    /// A table with these columns; a title that starts with `>` aligns its column to the right.
    pub fn new(titles: &[&'static str]) -> Self {
        let column = |title: &&'static str| match title.strip_prefix('>') {
            Some(title) => Column { title, right: true },
            None => Column { title, right: false },
        };
        Self { columns: titles.iter().map(column).collect(), rows: Vec::new() }
    }

    /// Adds a row; cells that are missing are empty.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell).replace('\n', " ")).collect());
    }

    /// Prints it, titles first.
    pub fn print(&self, out: &mut Out) -> io::Result<()> {
        let mut lines = self.lines().into_iter();
        if let Some(titles) = lines.next() {
            out.row(&[(Tone::Muted, &titles)])?;
        }
        lines.try_for_each(|line| out.row(&[(Tone::Plain, &line)]))
    }

    fn lines(&self) -> Vec<String> {
        let titles = self.columns.iter().map(|column| column.title.to_owned()).collect();
        let all: Vec<Vec<String>> = std::iter::once(titles).chain(self.rows.iter().cloned()).collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|index| all.iter().filter_map(|row| row.get(index)).map(|cell| cell.width()).max().unwrap_or(0))
            .collect();
        all.iter().map(|row| self.join(row, &widths)).collect()
    }

    fn join(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((column, width), cell) in self.columns.iter().zip(widths).zip(row) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            let (before, after) = if column.right { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
            line.push_str(before);
            line.push_str(cell);
            line.push_str(after);
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_terminal_cells() {
        let mut table = Table::new(&["NAME", ">SIZE", "POOL"]);
        table.row(["日本.iso".into(), "5 GiB".into(), "isos".into()]);
        table.row(["a".into(), "700 MiB".into(), "x\ny".into()]);
        assert_eq!(table.lines(), ["NAME         SIZE  POOL", "日本.iso    5 GiB  isos", "a         700 MiB  x y"]);
    }

    #[test]
    fn an_empty_first_cell_keeps_its_column() {
        let mut table = Table::new(&["A", "B"]);
        table.row([String::new(), "b".into()]);
        assert_eq!(table.lines(), ["A  B", "   b"]);
    }
}
