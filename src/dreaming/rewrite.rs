//! Rewriting: taking statements out of a memory, or putting others in their place, and leaving the
//! rest byte for byte as it was.

use std::ops::Range;

/// One edit: what stands at `span` gives way to `with`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) span: Range<usize>,
    pub(super) with: String,
}

/// Applies edits that are in order and apart, then closes the gaps they leave: no blank lines
/// where there were none, no space at the end of a line that was cut.
pub(super) fn apply(content: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(content.len());
    let mut from = 0;
    for edit in edits {
        out.push_str(&content[from..edit.span.start]);
        out.push_str(&edit.with);
        from = edit.span.end;
        if !edit.with.is_empty() {
            continue;
        }
        let rest = &content[from..];
        if rest.is_empty() || rest.starts_with(['\n', '\r']) {
            let kept = out.trim_end_matches([' ', '\t']).len();
            out.truncate(kept);
        }
        // Between two blank lines one is enough.
        if ends_blank(&out) {
            let blank = rest.find('\n').filter(|&end| rest[..end].trim().is_empty());
            if let Some(end) = blank {
                from += end + 1;
            } else if rest.trim().is_empty() {
                from = content.len();
                let kept = out.trim_end().len();
                out.truncate(kept);
                if kept > 0 {
                    out.push('\n');
                }
            }
        }
    }
    out.push_str(&content[from..]);
    out
}

/// Says whether a text is empty or ends in an empty line.
fn ends_blank(text: &str) -> bool {
    let mut lines = text.rsplit('\n');
    let last = lines.next().unwrap_or("");
    last.trim().is_empty() && lines.next().is_none_or(|line| line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(content: &str, part: &str) -> String {
        let start = content.find(part).unwrap();
        apply(content, &[Edit { span: start..start + part.len(), with: String::new() }])
    }

    #[test]
    fn a_cut_closes_its_gap_and_touches_nothing_else() {
        assert_eq!(cut("# A\n\n- one\n- two\n", "- one\n"), "# A\n\n- two\n");
        assert_eq!(cut("# A\n\nOne.\n\nTwo.\n", "One.\n"), "# A\n\nTwo.\n");
        assert_eq!(cut("# A\n\nOne.\n\nTwo.\n", "Two.\n"), "# A\n\nOne.\n");
        assert_eq!(cut("One. Two.\n", "Two."), "One.\n");
        assert_eq!(cut("One. Two.\r\nx  \r\n", "Two."), "One.\r\nx  \r\n");
        assert_eq!(cut("One.\n", "One.\n"), "");
    }
}
