// SPDX-License-Identifier: Apache-2.0
//! Which file of a crate names which, and the cycles among them. Comments and test-only code do not
//! count.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};

/// The text of each file, by its path below `src/`.
pub(crate) type Sources = BTreeMap<String, String>;

/// For each file, the files that it names, and for each of them the names it uses.
pub(crate) type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

type Path = Vec<String>;

/// Starts at `lib.rs` and follows each `mod x;`.
pub(crate) fn imports(sources: &Sources) -> Imports {
    let modules = modules(sources);
    let mut imports = Imports::new();
    for (module, file) in &modules {
        let named = imports.entry(file.clone()).or_default();
        let mut paths = Vec::new();
        collect_paths(&tokens(sources, file), &mut paths);
        for path in paths {
            let Some((target, name)) = resolve(module, &path, &modules) else {
                continue;
            };
            if target != *file {
                named.entry(target).or_default().insert(name);
            }
        }
    }
    imports
}

/// The sets of files that name each other, directly or indirectly.
pub(crate) fn circles(imports: &Imports) -> Vec<BTreeSet<String>> {
    let reached: BTreeMap<_, _> = imports
        .keys()
        .map(|file| (file, reach(file, imports)))
        .collect();
    let circle = |file: &String| {
        let mutual = reached[file]
            .iter()
            .filter(|other| reached[other].contains(file));
        mutual.cloned().collect::<BTreeSet<_>>()
    };
    let circles: BTreeSet<_> = imports.keys().map(circle).collect();
    circles
        .into_iter()
        .filter(|circle| !circle.is_empty())
        .collect()
}

/// The edges within a cycle, one per line, with the names that create it.
pub(crate) fn ties(circle: &BTreeSet<String>, imports: &Imports) -> String {
    let mut lines = String::new();
    for file in circle {
        for (target, names) in imports[file]
            .iter()
            .filter(|(file, _)| circle.contains(*file))
        {
            let names = names.iter().map(String::as_str).collect::<Vec<_>>();
            lines += &format!("  {file} -> {target}: {}\n", names.join(", "));
        }
    }
    lines
}

/// The files that can be reached from `file` in one or more steps.
fn reach(file: &String, imports: &Imports) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        for target in imports[file].keys() {
            if reached.insert(target.clone()) {
                next.push(target);
            }
        }
    }
    reached
}

fn tokens(sources: &Sources, file: &str) -> Vec<TokenTree> {
    let text = sources.get(file).unwrap_or_else(|| panic!("no {file}"));
    let stream: TokenStream = text
        .parse()
        .unwrap_or_else(|error| panic!("{file}: {error}"));
    without_tests(stream)
}

fn modules(sources: &Sources) -> BTreeMap<Path, String> {
    let mut modules = BTreeMap::from([(Path::new(), "lib.rs".to_owned())]);
    let mut next = vec![Path::new()];
    while let Some(parent) = next.pop() {
        for name in declared(&tokens(sources, &modules[&parent])) {
            let module = [parent.clone(), vec![name]].concat();
            let path = module.join("/");
            let folder = format!("{path}/mod.rs");
            let is_folder = sources.contains_key(&folder);
            let file = if is_folder {
                folder
            } else {
                format!("{path}.rs")
            };
            modules.insert(module.clone(), file);
            next.push(module);
        }
    }
    modules
}

/// The `x` of each `mod x;`.
fn declared(trees: &[TokenTree]) -> Vec<String> {
    let declaration = |three: &[TokenTree]| match three {
        [TokenTree::Ident(keyword), TokenTree::Ident(name), end]
            if keyword == "mod" && is_punct(end, ';') =>
        {
            Some(name.to_string())
        }
        _ => None,
    };
    trees.windows(3).filter_map(declaration).collect()
}

/// Leaves out each item or statement after a `#[cfg(test)]`.
fn without_tests(stream: TokenStream) -> Vec<TokenTree> {
    let mut kept = Vec::new();
    let mut trees = stream.into_iter().peekable();
    while let Some(tree) = trees.next() {
        let attribute = trees.peek().map(ToString::to_string).unwrap_or_default();
        if is_punct(&tree, '#') && attribute.replace(' ', "") == "[cfg(test)]" {
            let ends = |tree: &TokenTree| is_punct(tree, ';') || braces(tree).is_some();
            let _ = trees.by_ref().find(ends);
        } else {
            kept.push(tree);
        }
    }
    kept
}

/// Every path that starts with `crate::`, `super::` or `self::`, in a `use` or elsewhere.
fn collect_paths(trees: &[TokenTree], paths: &mut Vec<Path>) {
    for (i, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => collect_paths(&without_tests(group.stream()), paths),
            TokenTree::Ident(word)
                if ["crate", "super", "self"].iter().any(|start| word == start)
                    && is_separator(&trees[i + 1..])
                    && !(i >= 2 && is_separator(&trees[i - 2..])) =>
            {
                collect_use_tree(&trees[i..], Path::new(), paths);
            }
            _ => {}
        }
    }
}

/// `a::b`, `a::*` or `a::{b, c::d}` at the start of `trees`.
fn collect_use_tree(trees: &[TokenTree], mut path: Path, paths: &mut Vec<Path>) {
    match trees {
        [TokenTree::Ident(word), rest @ ..] => {
            path.push(word.to_string());
            if is_separator(rest) {
                return collect_use_tree(&rest[2..], path, paths);
            }
        }
        [first, ..] if is_punct(first, '*') => path.push("*".to_owned()),
        [first, ..] if braces(first).is_some() => {
            let inner: Vec<_> = braces(first).into_iter().flatten().collect();
            for branch in inner.split(|tree| is_punct(tree, ',')) {
                if !branch.is_empty() {
                    collect_use_tree(branch, path.clone(), paths);
                }
            }
            return;
        }
        // The `<` of `a::<B>`.
        _ => {}
    }
    paths.push(path);
}

/// The file that a path in `module` refers to, and the name it uses.
fn resolve(
    module: &Path,
    path: &Path,
    modules: &BTreeMap<Path, String>,
) -> Option<(String, String)> {
    let mut absolute = Path::new();
    for (i, word) in path.iter().enumerate() {
        match word.as_str() {
            "crate" => {}
            "self" if i == 0 => absolute.clone_from(module),
            "self" => {}
            "super" if i == 0 => absolute = module.split_last()?.1.to_vec(),
            "super" => drop(absolute.pop()),
            _ => absolute.push(word.clone()),
        }
    }
    let prefixes = (0..=absolute.len()).rev().map(|len| absolute.split_at(len));
    let mut found = prefixes.filter_map(|(prefix, rest)| Some((modules.get(prefix)?, rest)));
    let (file, rest) = found.next()?;
    let name = rest.first().map_or("the module", String::as_str);
    Some((file.clone(), name.to_owned()))
}

fn is_separator(trees: &[TokenTree]) -> bool {
    matches!(trees, [first, second, ..] if is_punct(first, ':') && is_punct(second, ':'))
}

fn is_punct(tree: &TokenTree, wanted: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == wanted)
}

fn braces(tree: &TokenTree) -> Option<TokenStream> {
    match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Some(group.stream()),
        _ => None,
    }
}

#[test]
fn a_cycle_is_found_wherever_it_is_closed() {
    let planted = |tie: &str| {
        let text = [
            (
                "lib.rs",
                "pub mod a; pub mod c; #[cfg(test)] mod only_tests;",
            ),
            ("a/mod.rs", "pub mod b; pub mod d;"),
            ("a/b.rs", "use crate::c::{self, Inner, other::{X, Y as Z}};"),
            ("a/d.rs", "use super::b::B; use std::{fmt, io};"),
            ("c.rs", tie),
        ];
        let owned = |(file, text): (&str, &str)| (file.to_owned(), text.to_owned());
        let imports = imports(&text.into_iter().map(owned).collect());
        let circles = circles(&imports);
        let ties = circles.iter().map(|circle| ties(circle, &imports));
        ties.collect::<Vec<_>>()
    };
    let down = "  a/b.rs -> c.rs: Inner, other, the module\n";
    for tie in [
        "use crate::a::b::B;",
        "use crate::{a::{b::{B}, b::B}, a::b::B};",
        "use super::a::b::{B};",
        "pub(crate) use crate::a::b::B as C;",
        "fn f(b: crate::a::b::B) -> u8 { 0 }",
        "fn f() { println!(\"{}\", crate::a::b::B::new::<u8>()); }",
    ] {
        assert_eq!(
            planted(tie),
            [format!("{down}  c.rs -> a/b.rs: B\n")],
            "{tie}"
        );
    }
    let through_d = format!("{down}  a/d.rs -> a/b.rs: B\n  c.rs -> a/d.rs: *\n");
    assert_eq!(planted("use crate::a::d::*;"), [through_d]);
    for no_tie in [
        "use crate::c::Inner; use std::b::B; use self::inner::B;",
        "/// As [`crate::a::b::B`].\n// crate::a::b::B\nfn f() {}",
        "#[cfg(test)] mod tests { use crate::a::b::B; }",
        "#[cfg(test)] use crate::a::b::B;",
        "fn f() { #[cfg(test)] crate::a::b::B::check(); }",
        "const TEXT: &str = \"crate::a::b::B\";",
    ] {
        assert!(planted(no_tie).is_empty(), "{no_tie}");
    }
}
