// SPDX-License-Identifier: Apache-2.0
//! Makes cbindgen's output read as if written by hand.
//!
//! * comments are filled, and short ones take one line;
//! * `@@ Title`, as a line of a doc comment or on its own, becomes a banner, and the lines up to
//!   the next empty one become a comment on the whole section;
//! * `enum wsline_x` and `struct wsline_x` in signatures become the typedef's name;
//! * long signatures are broken, arguments aligned;
//! * the comma after the last enumerator is removed, as pedantic compilers warn about it.

use super::fill::fill;

const WIDTH: usize = 100;

pub(super) fn prettify(raw: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    let mut lines = raw.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "/**" {
            let body: Vec<&str> = lines
                .by_ref()
                .take_while(|line| line.trim() != "*/")
                .collect();
            comment(indent(line), &body, &mut out);
        } else {
            code(line, &mut out);
        }
    }
    out.join("\n") + "\n"
}

fn comment(indent: &str, body: &[&str], out: &mut Vec<String>) {
    let mut lines = body.iter().map(|line| without_star(line)).peekable();
    while lines.next_if(|line| line.is_empty()).is_some() {}
    if let Some(title) = lines.peek().and_then(|line| line.strip_prefix("@@ ")) {
        out.extend([banner(title), String::new()]);
        let section: Vec<_> = lines
            .by_ref()
            .skip(1)
            .take_while(|line| !line.is_empty())
            .collect();
        if !section.is_empty() {
            let heading = std::iter::once("Unless a function says otherwise:");
            block("", "/*", heading.chain(section).collect(), out);
            out.push(String::new());
        }
    }
    block(indent, "/**", lines.collect(), out);
}

/// Writes the text as a comment that starts with `open`.
fn block(indent: &str, open: &str, text: Vec<&str>, out: &mut Vec<String>) {
    match &fill(&text, WIDTH - indent.len() - " * ".len())[..] {
        [] => {}
        [line] if indent.len() + line.len() + open.len() + "  */".len() <= WIDTH => {
            out.push(format!("{indent}{open} {line} */"));
        }
        lines => {
            out.push(format!("{indent}{open}"));
            for line in lines {
                out.push(format!("{indent} * {line}").trim_end().to_owned());
            }
            out.push(format!("{indent} */"));
        }
    }
}

fn code(line: &str, out: &mut Vec<String>) {
    let after_blank = out.last().is_some_and(String::is_empty);
    if line.is_empty() && after_blank {
        return;
    }
    if line.starts_with("} ") {
        drop_last_comma(out);
    }
    let line = typedef_names(line);
    out.push(match line.strip_prefix("@@ ") {
        Some(title) => banner(title),
        None if line.len() > WIDTH && line.ends_with(");") => wrap(&line),
        None => line,
    });
}

/// The text of a comment line, without ` * `.
fn without_star(line: &str) -> &str {
    let line = line.trim();
    let text = line.strip_prefix('*').unwrap_or(line);
    text.strip_prefix(' ').unwrap_or(text)
}

fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

fn banner(title: &str) -> String {
    let bar = "-".repeat(WIDTH.saturating_sub(title.len() + "/* ---   */".len()));
    format!("/* --- {title} {bar} */")
}

fn drop_last_comma(out: &mut [String]) {
    if let Some(last) = out.last_mut() {
        if last.ends_with(',') {
            last.pop();
        }
    }
}

fn typedef_names(line: &str) -> String {
    if line.starts_with("typedef struct") || line.starts_with("typedef enum") {
        return line.to_owned();
    }
    line.replace("enum wsline_", "wsline_")
        .replace("struct wsline_", "wsline_")
}

/// Breaks `type name(a, b);` after the type and, if that is not enough, between parameters;
/// `typedef type (*name)(a, b);` between parameters only.
fn wrap(line: &str) -> String {
    let (head, parameters) = line.split_at(line.rfind('(').map_or(0, |open| open + 1));
    let (mut text, name) = match head.rfind("wsline_") {
        Some(start) if !head.starts_with("typedef") => {
            (format!("{}\n", head[..start].trim_end()), &head[start..])
        }
        _ => (String::new(), head),
    };
    let mut current = name.to_owned();
    for parameter in parameters.split_inclusive(", ") {
        if current.len() + parameter.trim_end().len() > WIDTH {
            text += &format!("{}\n", current.trim_end());
            current = " ".repeat(name.len());
        }
        current += parameter;
    }
    text + &current
}
