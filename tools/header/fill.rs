// SPDX-License-Identifier: Apache-2.0
//! Fills the paragraphs of a comment, so that no line is too wide.

/// Each of these starts a new line.
const ITEMS: [&str; 9] = [
    "@",
    "- ",
    "**",
    "Ownership: ",
    "Threads: ",
    "Blocks: ",
    "In callbacks: ",
    "See also: ",
    "Since: ",
];

pub(super) fn fill(lines: &[&str], width: usize) -> Vec<String> {
    let mut filled = Vec::new();
    let mut paragraph = String::new();
    let mut in_code = false;
    for line in lines {
        let fence = line.starts_with("```");
        if in_code || fence || line.is_empty() {
            break_lines(&mut paragraph, width, &mut filled);
            filled.push((*line).to_owned());
            in_code ^= fence;
            continue;
        }
        if ITEMS.iter().any(|item| line.starts_with(item)) {
            break_lines(&mut paragraph, width, &mut filled);
        }
        if paragraph.is_empty() {
            paragraph = (*line).to_owned();
        } else {
            paragraph += &format!(" {}", line.trim_start());
        }
    }
    break_lines(&mut paragraph, width, &mut filled);
    filled
}

/// Moves the paragraph, which is one long line, to the filled lines.
fn break_lines(paragraph: &mut String, width: usize, filled: &mut Vec<String>) {
    let indent = " ".repeat(hanging_indent(paragraph));
    let mut rest = std::mem::take(paragraph);
    while let Some(space) = last_space(&rest, indent.len(), width) {
        filled.push(rest[..space].trim_end().to_owned());
        rest = format!("{indent}{}", rest[space..].trim_start());
    }
    if !rest.is_empty() {
        filled.push(rest);
    }
}

/// Where to break a line that is too long: a space after the indent and within the width.
fn last_space(line: &str, indent: usize, width: usize) -> Option<usize> {
    if line.chars().count() <= width {
        return None;
    }
    let within = line.char_indices().take(width + 1);
    let spaces = within.filter(|&(at, character)| character == ' ' && at > indent);
    spaces.map(|(at, _)| at).last()
}

/// The column of the text after `@param name` and similar tags, at which continuation lines start.
fn hanging_indent(paragraph: &str) -> usize {
    let words = match paragraph.split(' ').next() {
        Some("@param" | "@retval") => 2,
        Some("@return" | "-") => 1,
        _ => return 0,
    };
    let mut text = paragraph;
    for _ in 0..words {
        text = text
            .trim_start_matches(|character| character != ' ')
            .trim_start();
    }
    paragraph.len() - text.len()
}
