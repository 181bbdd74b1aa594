//! Reading Rust, as far as the house rules need it: modules, paths, and what is code at all.

/// Returns the modules a file declares, in order: `mod x;`, whatever its visibility.
pub(crate) fn modules(code: &str) -> Vec<String> {
    let declared = code.lines().filter_map(|line| {
        let line = line.trim().rsplit(']').next().unwrap_or_default().trim();
        let (before, rest) = line.split_once("mod ")?;
        let visible =
            before.is_empty() || before == "pub " || (before.starts_with("pub(") && before.ends_with(") "));
        visible.then(|| rest.strip_suffix(';'))?.map(|name| name.trim().trim_start_matches("r#").to_owned())
    });
    declared.collect()
}

/// Returns the top-level modules that code reaches through `crate::` or enough `super::`, with the
/// line of each; `*` stands for all of them.
pub(crate) fn root_uses(module: &str, code: &str) -> Vec<(usize, String)> {
    let depth = if module.is_empty() { 0 } else { module.split("::").count() };
    let mut found = Vec::new();
    for (start, _) in code.match_indices("crate::") {
        if !is_part_of_word(code[..start].chars().next_back()) {
            found.push(start + "crate::".len());
        }
    }
    let up = "super::".repeat(depth);
    if depth > 0 {
        for (start, _) in code.match_indices(&up) {
            let before = code[..start].chars().next_back();
            let is_longer =
                code[..start].ends_with("super::") || code[start + up.len()..].starts_with("super::");
            if !is_part_of_word(before) && !is_longer {
                found.push(start + up.len());
            }
        }
    }
    found.sort_unstable();
    let mut uses = Vec::new();
    for start in found {
        let line = code[..start].matches('\n').count() + 1;
        uses.extend(heads(&code[start..]).into_iter().map(|head| (line, head)));
    }
    uses
}

/// Returns the first names of a path or of each path in a brace group.
fn heads(rest: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        let text = text.trim_start().trim_start_matches("r#");
        match text.starts_with('*') {
            true => "*".to_owned(),
            false => text.chars().take_while(|&c| is_part_of_word(Some(c))).collect(),
        }
    };
    let Some(group) = rest.strip_prefix('{') else { return vec![name(rest)] };
    let mut names = vec![name(group)];
    let mut depth = 1;
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => break,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(name(&group[i + 1..])),
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn is_part_of_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// Says whether a line has a word, and not merely as part of a longer one.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    let whole = |&(start, _): &(usize, &str)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        let runs_on_left = is_part_of_word(word.chars().next()) && is_part_of_word(before);
        let runs_on_right = is_part_of_word(word.chars().next_back()) && is_part_of_word(after);
        !runs_on_left && !runs_on_right
    };
    line.match_indices(word).any(|hit| whole(&hit))
}

/// Returns the source with comments and the insides of literals blanked out, line for line.
pub(crate) fn code(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut out = bytes.to_vec();
    let mut i = 0;
    while i < bytes.len() {
        let end = match bytes[i] {
            b'/' if bytes[i..].starts_with(b"//") => find(bytes, i, b"\n").unwrap_or(bytes.len()),
            b'/' if bytes[i..].starts_with(b"/*") => block_comment_end(bytes, i),
            b'"' => quoted_end(bytes, i),
            b'r' | b'b' | b'c' if !is_word_byte(i.checked_sub(1).map(|p| bytes[p])) => {
                match raw_string_end(bytes, i) {
                    Some(end) => end,
                    None => {
                        i += 1;
                        continue;
                    }
                }
            }
            b'\'' => match character_end(source, i) {
                Some(end) => end,
                None => {
                    i += 1;
                    continue;
                }
            },
            _ => {
                i += 1;
                continue;
            }
        };
        for byte in &mut out[i..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        i = end;
    }
    String::from_utf8(out).expect("whole characters were replaced by spaces")
}

fn is_word_byte(byte: Option<u8>) -> bool {
    byte.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn find(bytes: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    bytes[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
}

fn block_comment_end(bytes: &[u8], start: usize) -> usize {
    let (mut depth, mut i) = (0, start);
    while i < bytes.len() {
        if bytes[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if bytes[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    bytes.len()
}

fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let mut i = start + 1;
    while i < bytes.len() {
        match bytes[i] {
            b'\\' => i += 2,
            b'"' => return i + 1,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// Returns the end of `r"…"`, `br#"…"#` and their like, if one starts here.
fn raw_string_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut i = start;
    if matches!(bytes[i], b'b' | b'c') {
        i += 1;
    }
    if bytes.get(i) != Some(&b'r') {
        return None;
    }
    i += 1;
    let hashes = bytes[i..].iter().take_while(|&&b| b == b'#').count();
    i += hashes;
    if bytes.get(i) != Some(&b'"') {
        return None;
    }
    let close = [&b"\""[..], &b"#".repeat(hashes)].concat();
    Some(find(bytes, i + 1, &close).map_or(bytes.len(), |at| at + close.len()))
}

/// Returns the end of a character literal, or nothing for a lifetime.
fn character_end(source: &str, start: usize) -> Option<usize> {
    let mut rest = source[start + 1..].chars();
    match rest.next()? {
        '\\' => {
            let escaped = rest.next()?;
            let from = start + 2 + escaped.len_utf8();
            source[from..].find('\'').map(|at| from + at + 1)
        }
        c => (rest.next()? == '\'').then(|| start + 2 + c.len_utf8()),
    }
}

/// Returns code without its `#[cfg(test)]` items, line for line. Takes what [`code`] returns.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(start) = rest.find(MARK) {
        out.push_str(&rest[..start]);
        let item = &rest[start..];
        let end = item_end(&item[MARK.len()..]) + MARK.len();
        out.extend(item[..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = &item[end..];
    }
    out.push_str(rest);
    out
}

/// Returns where an item ends: after its `;`, or after the brace that closes its body.
fn item_end(item: &str) -> usize {
    let (mut braces, mut others) = (0_usize, 0_usize);
    for (i, c) in item.char_indices() {
        match c {
            '{' => braces += 1,
            '}' if braces <= 1 => return i + 1,
            '}' => braces -= 1,
            '(' | '[' => others += 1,
            ')' | ']' => others = others.saturating_sub(1),
            ';' if braces == 0 && others == 0 => return i + 1,
            _ => {}
        }
    }
    item.len()
}
