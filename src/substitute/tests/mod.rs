//! Whole rewritings: files and substitutions in, the copy's text or the diagnostics out.

mod bad;
mod elsewhere;
mod expected;
mod format;
mod isolation;
mod known;
mod own_secrets;
mod refused;
mod several;
mod substitutions;
mod swarm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{
    BuildReplacement, Files, Found, Given, PortRange, Ports, Refused, Replacement, Rewritten, StackInput, StackKind,
    Substitutions, TextReplacement, Value, rewrite,
};
use crate::diagnostic::{Diagnostic, Source, Span, Spanned};

/// A disk in memory: every folder on the way to a file is there.
struct Disk(BTreeMap<PathBuf, Arc<Source>>);

impl Files for Disk {
    fn look(&self, path: &Path) -> Option<Found> {
        Some(match self.0.get(path) {
            Some(source) => Found::File(Arc::clone(source)),
            None if self.0.keys().any(|file| file.starts_with(path)) => Found::Folder,
            None => Found::Missing,
        })
    }
}

/// A stack under test; its files are below `/app`, its scenario's words in `scenario.yaml`.
struct Stack {
    input: StackInput,
    disk: Disk,
    scenario: Vec<String>,
}

/// A stack of one compose file.
fn stack(compose: &str) -> Stack {
    files(&["/app/compose.yml"], &[("/app/compose.yml", compose)])
}

/// A swarm stack of one file.
fn swarm(text: &str) -> Stack {
    let mut stack = files(&["/app/stack.yml"], &[("/app/stack.yml", text)]);
    stack.input.kind = StackKind::Swarm;
    stack.input.contexts = None;
    stack
}

/// A stack of several named files, among others on the disk.
fn files(named: &[&str], disk: &[(&str, &str)]) -> Stack {
    let disk = disk
        .iter()
        .map(|(path, text)| (PathBuf::from(path), Source::new(*path, *text)))
        .collect();
    let mut stack = Stack {
        input: StackInput {
            kind: StackKind::Compose,
            at: nowhere(),
            project: "p1".to_owned(),
            files: Vec::new(),
            env: BTreeMap::new(),
            env_files: Vec::new(),
            profiles: Default::default(),
            substitutions: Substitutions {
                ports: Ports::None,
                ..Substitutions::default()
            },
            given: Vec::new(),
            anew: BTreeMap::new(),
            labels: BTreeMap::new(),
            build_labels: BTreeMap::new(),
            built: BTreeMap::new(),
            folder: PathBuf::from("/copies"),
            contexts: Some(PathBuf::from("/copies/contexts")),
            copies: None,
            home: Some(PathBuf::from("/home/me")),
        },
        disk: Disk(disk),
        scenario: Vec::new(),
    };
    let named = named
        .iter()
        .map(|path| Spanned::new(PathBuf::from(path), stack.word(path)))
        .collect();
    stack.input.files = named;
    stack
}

fn nowhere() -> Span {
    Span {
        source: Source::new("scenario.yaml", ""),
        start: 0,
        end: 0,
    }
}

impl Stack {
    /// A place in the scenario: the line is the word itself.
    fn word(&mut self, text: &str) -> Span {
        self.scenario.push(text.to_owned());
        Span {
            source: Source::new("scenario.yaml", text),
            start: 0,
            end: text.len(),
        }
    }

    fn key(&mut self, text: &str) -> Spanned<String> {
        Spanned::new(text.to_owned(), self.word(text))
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.disk.0.insert(PathBuf::from(path), Source::new(path, text));
        self
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.input.env.insert(name.to_owned(), Value::from(value));
        self
    }

    fn late(mut self, name: &str) -> Self {
        self.input.env.insert(name.to_owned(), Value::Late);
        self
    }

    fn image(mut self, from: &str, to: &str) -> Self {
        let from = self.key(from);
        self.input.substitutions.images.push(Replacement {
            from,
            to: Value::from(to),
        });
        self
    }

    fn path(mut self, from: &str, to: &str) -> Self {
        let from = self.key(from);
        self.input.substitutions.host_paths.push(Replacement {
            from,
            to: Value::from(to),
        });
        self
    }

    fn external(mut self, from: &str, to: &str) -> Self {
        let from = self.key(from);
        self.input.substitutions.external.push(Replacement {
            from,
            to: Value::from(to),
        });
        self
    }

    fn text(mut self, from: &str, to: &str, count: Option<u64>) -> Self {
        let from = self.key(from);
        self.input.substitutions.text.push(TextReplacement {
            from,
            to: Value::from(to),
            count,
        });
        self
    }

    fn build(mut self, from: &str, context: Option<&str>, dockerfiles: &[&str]) -> Self {
        let from = self.key(from);
        let context = context.map(|context| Spanned::new(PathBuf::from(context), self.word(context)));
        let dockerfiles = dockerfiles.iter().map(|file| self.key(file)).collect();
        self.input.substitutions.builds.push(BuildReplacement {
            from,
            context,
            dockerfiles,
            add: Vec::new(),
        });
        self
    }

    fn all_ports(mut self) -> Self {
        self.input.substitutions.ports = Ports::All;
        self
    }

    fn ports(mut self, ports: &[&str]) -> Self {
        let range = |text: &&str| Spanned::new(PortRange::parse(text).unwrap(), self.word(text));
        let listed = ports.iter().map(range).collect();
        self.input.substitutions.ports = Ports::Listed(listed);
        self
    }

    fn labels(mut self) -> Self {
        self.input.labels = [("run".to_owned(), "r1".to_owned())].into();
        self.input.build_labels = [("owner".to_owned(), "e2e".to_owned())].into();
        self
    }

    fn rewrite(&self) -> Result<Rewritten, Refused> {
        rewrite(&self.input, &self.disk)
    }

    fn rewritten(&self) -> Rewritten {
        match self.rewrite() {
            Ok(rewritten) => rewritten,
            Err(Refused::Problems(problems)) => panic!("{}", shown(&problems)),
            Err(needs) => panic!("{needs:?}"),
        }
    }

    /// The only file's text is this after rewriting.
    #[track_caller]
    fn gives(&self, expected: &str) {
        let rewritten = self.rewritten();
        assert_eq!(rewritten.files.len(), 1);
        assert_eq!(rewritten.files[0].text, expected);
    }

    /// The texts of all copies by path.
    fn copies(&self) -> BTreeMap<String, String> {
        self.rewritten()
            .files
            .into_iter()
            .map(|file| (file.path, file.text))
            .collect()
    }

    /// It is refused with these problems.
    #[track_caller]
    fn refused(&self, expected: &str) {
        match self.rewrite() {
            Err(Refused::Problems(problems)) => assert_eq!(shown(&problems), expected),
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// Diagnostics, one a line: place, message, help.
fn shown(problems: &[Diagnostic]) -> String {
    let line = |problem: &Diagnostic| {
        let help = problem
            .help
            .as_ref()
            .map(|help| format!(" [{help}]"))
            .unwrap_or_default();
        format!("{}: {}{help}\n", problem.span.place(), problem.message)
    };
    problems.iter().map(line).collect()
}
