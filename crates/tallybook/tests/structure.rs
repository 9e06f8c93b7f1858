//! The structure of the source: folders import downwards only, and no two files import each other,
//! however far apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use syn::visit::Visit;
use syn::{Attribute, ItemMod, ItemUse, Meta, UseTree};

/// The folders and lone files at the root, each of which imports only those before it.
/// ARCHITECTURE.md says what they are.
const LAYERS: [&str; 16] = [
    "support",
    "error",
    "clock",
    "distribution",
    "schema",
    "phase",
    "row",
    "metric",
    "event",
    "record",
    "read",
    "walk",
    "report",
    "collect",
    "registry",
    "process",
];

/// What the protocol may import: nothing that knows what it counts.
const BELOW_PHASE: [&str; 2] = ["support", "clock"];

/// A module, by its path from the root.
type Module = Vec<String>;

#[derive(Default)]
struct File {
    /// All paths that are imported or named.
    paths: Vec<Vec<String>>,
    /// What is imported under which name.
    names: BTreeMap<String, Vec<String>>,
    /// How deep in modules within the file the visitor is.
    depth: usize,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.tokens.to_string().split(|c: char| !c.is_alphanumeric()).any(|word| word == "test")
        }
        _ => false,
    })
}

/// All paths of a tree of imports, with the names that they get.
fn flatten(tree: &UseTree, prefix: &[String], into: &mut Vec<(Vec<String>, String)>) {
    let with = |ident: String| prefix.iter().cloned().chain([ident]).collect::<Vec<_>>();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(path.ident.to_string()), into),
        UseTree::Name(name) if name.ident == "self" => {
            into.push((prefix.to_vec(), prefix.last().cloned().unwrap_or_default()));
        }
        UseTree::Name(name) => into.push((with(name.ident.to_string()), name.ident.to_string())),
        UseTree::Rename(rename) => {
            into.push((with(rename.ident.to_string()), rename.rename.to_string()));
        }
        UseTree::Glob(_) => into.push((prefix.to_vec(), "*".to_owned())),
        UseTree::Group(group) => group.items.iter().for_each(|tree| flatten(tree, prefix, into)),
    }
}

impl File {
    /// A path as it is from the file's own module: in a module within the file, `super` is the
    /// file.
    fn own(&self, mut path: Vec<String>) -> Vec<String> {
        for _ in 0..self.depth {
            if path.first().is_some_and(|first| first == "super") {
                path[0] = "self".to_owned();
            }
        }
        path
    }
}

impl<'ast> Visit<'ast> for File {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if is_test(&item.attrs) || item.content.is_none() {
            return;
        }
        self.depth += 1;
        syn::visit::visit_item_mod(self, item);
        self.depth -= 1;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if is_test(&item.attrs) {
            return;
        }
        let mut all = Vec::new();
        flatten(&item.tree, &[], &mut all);
        for (path, name) in all {
            let path = self.own(path);
            self.names.insert(name, path.clone());
            // A re-export is no import: what it exports is imported where it is used.
            if matches!(item.vis, syn::Visibility::Inherited) {
                self.paths.push(path);
            }
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|it| it.ident.to_string()).collect();
        let segments = self.own(segments);
        // Of a single name, only if it is imported: a re-export may be used in its own file, too.
        if segments.len() > 1 || self.names.contains_key(&segments[0]) {
            self.paths.push(segments);
        }
        syn::visit::visit_path(self, path);
    }
}

fn read(folder: &Path, module: &Module, into: &mut BTreeMap<Module, File>) {
    for entry in fs::read_dir(folder).expect("the source is there") {
        let path = entry.expect("it can be listed").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("names are ASCII");
        let mut own = module.clone();
        own.push(name.to_owned());
        if path.is_dir() {
            read(&path, &own, into);
        } else if name != "lib" && !own.contains(&"models".to_owned()) {
            let text = fs::read_to_string(&path).expect("it can be read");
            let parsed = syn::parse_file(&text).expect("it compiles");
            let mut file = File::default();
            // Twice: what is imported may be used before.
            file.visit_file(&parsed);
            file.visit_file(&parsed);
            into.insert(own, file);
        }
    }
}

/// The module that something named in another lies in; `None` for what is of another crate.
fn resolve(
    files: &BTreeMap<Module, File>,
    from: &Module,
    path: &[String],
    steps: u32,
) -> Option<Module> {
    let mut at = from.clone();
    let mut rest = path;
    match path.first()?.as_str() {
        "crate" | "tallybook" => {
            at.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while let Some((first, more)) = rest.split_first()
                && first == "super"
            {
                at.pop();
                rest = more;
            }
        }
        first => {
            let mut child = at.clone();
            child.push(first.to_owned());
            if !files.contains_key(&child) {
                let known = files.get(&at)?.names.get(first)?;
                if steps == 0 || known.as_slice() == path {
                    return None;
                }
                let whole: Vec<String> = known.iter().chain(&path[1..]).cloned().collect();
                return resolve(files, from, &whole, steps - 1);
            }
        }
    }
    while let Some((first, more)) = rest.split_first() {
        let mut child = at.clone();
        child.push(first.clone());
        if files.contains_key(&child) {
            (at, rest) = (child, more);
            continue;
        }
        if steps > 0
            && let Some(known) = files.get(&at).and_then(|file| file.names.get(first))
        {
            let whole: Vec<String> = known.iter().chain(more).cloned().collect();
            return resolve(files, &at, &whole, steps - 1);
        }
        break;
    }
    Some(at).filter(|at| !at.is_empty())
}

/// Which modules each module imports.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let mut files = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &Vec::new(), &mut files);
    let edges = files.iter().map(|(module, file)| {
        let found = file.paths.iter().filter_map(|path| resolve(&files, module, path, 8));
        (module.clone(), found.filter(|other| other != module).collect())
    });
    edges.collect()
}

#[test]
fn folders_import_downwards_only() {
    let level = |module: &Module| {
        let folder = module.first().expect("not the root");
        let found = LAYERS.iter().position(|layer| layer == folder);
        found.unwrap_or_else(|| panic!("`{folder}` has no place in the order of layers"))
    };
    let mut wrong = BTreeSet::new();
    for (module, others) in imports() {
        for other in others {
            if level(&other) > level(&module) {
                wrong.insert(format!("{} imports {}", module.join("::"), other.join("::")));
            }
            if module[0] == "phase"
                && other[0] != "phase"
                && !BELOW_PHASE.contains(&other[0].as_str())
            {
                wrong.insert(format!("the protocol imports {}", other.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_files_import_each_other() {
    let imports = imports();
    assert!(imports.len() > 100, "the source was not found");
    // Modules whose imports are all in here are in no circle: take them away until nothing changes.
    let mut done = BTreeSet::<&Module>::new();
    loop {
        let is_done = |others: &BTreeSet<Module>| others.iter().all(|other| done.contains(other));
        let more: Vec<&Module> = imports
            .iter()
            .filter(|(module, others)| !done.contains(module) && is_done(others))
            .map(|(module, _)| module)
            .collect();
        if more.is_empty() {
            break;
        }
        done.extend(more);
    }
    let circle: Vec<String> = imports
        .iter()
        .filter(|(module, _)| !done.contains(module))
        .map(|(module, others)| {
            let others = others.iter().filter(|other| !done.contains(other));
            let others: Vec<String> = others.map(|other| other.join("::")).collect();
            format!("{} imports {}", module.join("::"), others.join(", "))
        })
        .collect();
    assert!(circle.is_empty(), "in circles, or above them: {circle:#?}");
}
