//! What a build is made of, as one name: the same content gives the same image, built once.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// All that decides what a build makes.
#[derive(Debug, Clone, Default)]
pub struct Ingredients {
    /// The context's entries after `.dockerignore`, and what is added to it; in any order.
    pub entries: Vec<Entry>,
    /// The text of the Dockerfile after its images were replaced.
    pub dockerfile: String,
    /// The base images, each with the id that it has on the engine; those that are not known, or say all by their names, apart.
    pub bases: BTreeMap<String, String>,
    /// The build's arguments; none for one that is taken from the environment.
    pub args: BTreeMap<String, Option<String>>,
    /// The stage to stop at.
    pub target: Option<String>,
    /// Whatever else is written in the build: platform, secrets, additional contexts, …, as text.
    pub options: String,
}

/// An entry of a context.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its path in the context, with `/`.
    pub path: String,
    /// Its permission bits.
    pub mode: u32,
    /// What it is.
    pub content: EntryContent,
}

/// What an entry of a context is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EntryContent {
    /// A folder.
    Folder,
    /// A file, by the digest of its bytes.
    File([u8; 32]),
    /// A link, by where it points.
    Link(String),
}

/// The digest of a file's bytes; a large one is fed to it piece by piece.
#[derive(Debug, Default)]
pub struct FileDigest(Sha256);

impl FileDigest {
    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The name of a build's content: 32 hexadecimal digits.
pub fn build_hash(ingredients: &Ingredients) -> String {
    let mut hash = Sha256::new();
    // Each part is preceded by its length: no two lists of parts run together to the same bytes.
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(b"e2erun build 1");
    let mut entries: Vec<&Entry> = ingredients.entries.iter().collect();
    entries.sort();
    entries.dedup();
    for entry in entries {
        part(entry.path.as_bytes());
        match &entry.content {
            EntryContent::Folder => part(b"folder"),
            EntryContent::File(digest) => part(digest),
            EntryContent::Link(to) => part(format!("link {to}").as_bytes()),
        }
        // A link's own mode differs between systems and means nothing.
        let mode = if matches!(entry.content, EntryContent::Link(_)) {
            0
        } else {
            entry.mode & 0o7777
        };
        part(&mode.to_le_bytes());
    }
    part(b"dockerfile");
    part(ingredients.dockerfile.as_bytes());
    for (name, value) in &ingredients.args {
        part(name.as_bytes());
        part(
            &value
                .as_ref()
                .map_or_else(Vec::new, |value| [b"=", value.as_bytes()].concat()),
        );
    }
    for (name, id) in &ingredients.bases {
        part(b"base");
        part(name.as_bytes());
        part(id.as_bytes());
    }
    part(b"target");
    part(ingredients.target.as_deref().unwrap_or_default().as_bytes());
    part(ingredients.options.as_bytes());
    hash.finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, EntryContent, FileDigest, Ingredients, build_hash};

    fn file(path: &str, mode: u32, text: &str) -> Entry {
        let mut digest = FileDigest::default();
        digest.feed(text.as_bytes());
        Entry {
            path: path.to_owned(),
            mode,
            content: EntryContent::File(digest.finish()),
        }
    }

    fn link(path: &str, to: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            mode: 0o777,
            content: EntryContent::Link(to.to_owned()),
        }
    }

    fn base() -> Ingredients {
        Ingredients {
            entries: vec![file("a", 0o644, "x"), file("b", 0o644, "y"), link("l", "a")],
            dockerfile: "FROM x".to_owned(),
            args: [("A".to_owned(), Some("1".to_owned()))].into(),
            ..Ingredients::default()
        }
    }

    #[test]
    fn the_order_of_entries_does_not_count() {
        let mut other = base();
        other.entries.reverse();
        assert_eq!(build_hash(&base()), build_hash(&other));
        assert_eq!(build_hash(&base()).len(), 32);
    }

    #[test]
    fn each_ingredient_counts() {
        let changes: [fn(&mut Ingredients); 12] = [
            |i| i.entries[0] = file("a", 0o755, "x"),
            |i| i.entries[0] = file("a", 0o644, "z"),
            |i| i.entries[0] = file("c", 0o644, "x"),
            |i| i.entries[2] = link("l", "b"),
            |i| drop(i.entries.pop()),
            |i| i.dockerfile.push('\n'),
            |i| drop(i.args.insert("A".into(), None)),
            |i| drop(i.args.insert("A".into(), Some("2".into()))),
            |i| i.target = Some("t".into()),
            |i| i.options = "platform: x".into(),
            |i| drop(i.bases.insert("x".into(), "sha256:1".into())),
            |i| drop(i.bases.insert("x".into(), "sha256:2".into())),
        ];
        let mut seen = std::collections::BTreeSet::from([build_hash(&base())]);
        for (index, change) in changes.iter().enumerate() {
            let mut changed = base();
            change(&mut changed);
            assert!(seen.insert(build_hash(&changed)), "change {index} does not count");
        }
    }
}
