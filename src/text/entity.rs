//! Entities: the characters that HTML and Markdown write by name or number.

use unicode_normalization::char::compose;

/// The longest entity, in bytes: leading zeros must not hide one.
const BYTES_LIMIT: usize = 40;

/// The names that spell something a reader could not do without: ASCII, spaces, quotes, dashes, letters that are
/// no base and mark, and what nobody sees.
const NAMED: &[(&str, char)] = &[
    ("AElig", 'Æ'),
    ("AMP", '&'),
    ("ETH", 'Ð'),
    ("GT", '>'),
    ("Hat", '^'),
    ("LT", '<'),
    ("Lstrok", 'Ł'),
    ("MediumSpace", '\u{205f}'),
    ("NewLine", '\n'),
    ("NoBreak", '\u{2060}'),
    ("NonBreakingSpace", ' '),
    ("OElig", 'Œ'),
    ("Oslash", 'Ø'),
    ("QUOT", '"'),
    ("THORN", 'Þ'),
    ("Tab", '\t'),
    ("ThinSpace", ' '),
    ("UnderBar", '_'),
    ("ZeroWidthSpace", '\u{200b}'),
    ("aelig", 'æ'),
    ("af", '\u{2061}'),
    ("amp", '&'),
    ("apos", '\''),
    ("ast", '*'),
    ("bsol", '\\'),
    ("colon", ':'),
    ("comma", ','),
    ("commat", '@'),
    ("dash", '-'),
    ("dollar", '$'),
    ("dstrok", 'đ'),
    ("emsp", ' '),
    ("ensp", ' '),
    ("equals", '='),
    ("eth", 'ð'),
    ("excl", '!'),
    ("grave", '`'),
    ("gt", '>'),
    ("hairsp", ' '),
    ("hyphen", '-'),
    ("ic", '\u{2063}'),
    ("inodot", 'ı'),
    ("it", '\u{2062}'),
    ("lbrace", '{'),
    ("lbrack", '['),
    ("lcub", '{'),
    ("ldquo", '"'),
    ("lowbar", '_'),
    ("lpar", '('),
    ("lrm", '\u{200e}'),
    ("lsqb", '['),
    ("lsquo", '\''),
    ("lstrok", 'ł'),
    ("lt", '<'),
    ("mdash", '—'),
    ("nbsp", ' '),
    ("ndash", '–'),
    ("num", '#'),
    ("numsp", ' '),
    ("oelig", 'œ'),
    ("oslash", 'ø'),
    ("percnt", '%'),
    ("period", '.'),
    ("plus", '+'),
    ("puncsp", ' '),
    ("quest", '?'),
    ("quot", '"'),
    ("rbrace", '}'),
    ("rbrack", ']'),
    ("rcub", '}'),
    ("rdquo", '"'),
    ("rlm", '\u{200f}'),
    ("rpar", ')'),
    ("rsqb", ']'),
    ("rsquo", '\''),
    ("semi", ';'),
    ("shy", '\u{ad}'),
    ("sol", '/'),
    ("szlig", 'ß'),
    ("thinsp", ' '),
    ("thorn", 'þ'),
    ("verbar", '|'),
    ("vert", '|'),
    ("zwj", '\u{200d}'),
    ("zwnj", '\u{200c}'),
];

/// The names of the marks on letters, as in `&eacute;`.
const MARKS: &[(&str, char)] = &[
    ("acute", '\u{301}'),
    ("breve", '\u{306}'),
    ("caron", '\u{30c}'),
    ("cedil", '\u{327}'),
    ("circ", '\u{302}'),
    ("dblac", '\u{30b}'),
    ("dot", '\u{307}'),
    ("grave", '\u{300}'),
    ("macr", '\u{304}'),
    ("ogon", '\u{328}'),
    ("ring", '\u{30a}'),
    ("tilde", '\u{303}'),
    ("uml", '\u{308}'),
];

/// Reads an entity behind its `&`, and returns what follows it.
pub(super) fn entity(text: &str) -> Option<(char, &str)> {
    let end = text.bytes().take(BYTES_LIMIT).position(|b| b == b';')?;
    let (name, after) = (&text[..end], &text[end + 1..]);
    let read = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => number.parse().ok()?,
        })?,
        None => {
            let named = NAMED.binary_search_by_key(&name, |(name, _)| name).ok().map(|at| NAMED[at].1);
            named.or_else(|| marked(name))?
        }
    };
    Some((read, after))
}

/// Reads a letter with its mark.
fn marked(name: &str) -> Option<char> {
    let letter = name.chars().next().filter(char::is_ascii_alphabetic)?;
    let (_, mark) = MARKS.iter().find(|(mark, _)| *mark == &name[1..])?;
    compose(letter, *mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_read_by_name_and_by_number() {
        let table = [
            ("#65;", Some('A')),
            ("#x41;", Some('A')),
            ("#000000000000000000065;", Some('A')),
            ("commat;", Some('@')),
            ("lowbar;", Some('_')),
            ("eacute;", Some('é')),
            ("Scaron;", Some('Š')),
            ("qacute;", None),
            ("nosuch;", None),
            ("#xffffffff;", None),
            ("amp", None),
        ];
        for (text, read) in table {
            assert_eq!(entity(text).map(|(c, _)| c), read, "{text}");
        }
        assert!(NAMED.is_sorted_by_key(|(name, _)| *name), "they are searched by halves");
    }
}
