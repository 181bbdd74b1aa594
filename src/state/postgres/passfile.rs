//! The file of passwords that PostgreSQL's own tools read: `host:port:database:user:password`, one a line.

/// What a file of passwords says about one database.
#[derive(Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The password, as it is written.
    password: &'a str,
    /// Whether the line names this very host, and not any.
    pub names_host: bool,
}

impl Listed<'_> {
    /// Returns the password.
    pub fn password(&self) -> String {
        unescaped(self.password)
    }
}

/// Finds the first line that is about a database.
pub fn find<'a>(text: &'a str, host: &str, port: u16, database: &str, user: &str) -> Option<Listed<'a>> {
    let port = port.to_string();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = split(line);
        let wanted = [host, &port, database, user];
        let mut names_host = false;
        let fits = wanted.iter().enumerate().all(|(n, wanted)| {
            let field = fields.next().unwrap_or_default();
            names_host |= n == 0 && field != "*";
            field == "*" || unescaped(field) == *wanted
        });
        if fits && let Some(password) = fields.next() {
            return Some(Listed { password, names_host });
        }
    }
    None
}

/// Splits a line at its colons, but for those behind a backslash.
fn split(line: &str) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    line.split(move |c| {
        let is_end = c == ':' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        is_end
    })
}

fn unescaped(field: &str) -> String {
    let mut text = String::new();
    let mut chars = field.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_counts() {
        let file = "# passwords\ndb:5432:other:me:no\ndb:*:*:me:one\\:two\\\\\n*:*:*:*:any\n";
        let found = find(file, "db", 5432, "dreams", "me").unwrap();
        assert_eq!((found.password().as_str(), found.names_host), ("one:two\\", true));
        let found = find(file, "elsewhere", 5432, "dreams", "me").unwrap();
        assert_eq!((found.password().as_str(), found.names_host), ("any", false));
        assert_eq!(find("db:5432:dreams:me\n", "db", 5432, "dreams", "me"), None);
        assert_eq!(find("", "db", 5432, "dreams", "me"), None);
    }
}
