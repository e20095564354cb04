//! Words put together as prose has them.

/// `a`, `a and b`, `a, b and c`; nothing of nothing.
pub fn listed(items: &[impl AsRef<str>]) -> String {
    let [most @ .., last] = items else { return String::new() };
    let most: Vec<&str> = most.iter().map(AsRef::as_ref).collect();
    if most.is_empty() { last.as_ref().to_owned() } else { format!("{} and {}", most.join(", "), last.as_ref()) }
}

/// The text with a capital letter at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_prose() {
        let items = ["a", "b", "c"];
        assert_eq!([0, 1, 2, 3].map(|count| listed(&items[..count])), ["", "a", "a and b", "a, b and c"]);
    }

    #[test]
    fn the_first_letter_becomes_a_capital_one() {
        assert_eq!(["", "über", "x y"].map(capitalised), ["", "Über", "X y"]);
    }
}
