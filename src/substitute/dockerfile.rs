//! Base images of a Dockerfile: named in `FROM`, `COPY --from` and `RUN --mount=…,from=`, also through `ARG` defaults,
//! and replaced there word by word; everything else stays as it is written, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::interpolate::{self, Environment, Value};

/// A Dockerfile after its base images were replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    /// The text.
    pub text: String,
    /// The keys of `from` that matched.
    pub used: BTreeSet<String>,
    /// The base images that it names, `ARG`s filled in; stages are none.
    pub images: BTreeSet<String>,
}

/// Replaces base images: `from` maps names as written or filled in (`name` is `name:latest`) to references; `args` are
/// the build's arguments, which win over the defaults of `ARG`.
pub fn rewrite(text: &str, from: &BTreeMap<String, String>, args: &BTreeMap<String, String>) -> Rewritten {
    let mut reading = Reading {
        text,
        from,
        args,
        scope: Environment::new(),
        stages: BTreeSet::new(),
        staged: false,
        edits: Vec::new(),
    };
    let mut rewritten = Rewritten {
        text: String::new(),
        used: BTreeSet::new(),
        images: BTreeSet::new(),
    };
    for instruction in instructions(text) {
        reading.instruction(&instruction, &mut rewritten);
    }
    let mut at = 0;
    for (range, reference) in &reading.edits {
        rewritten.text.push_str(&text[at..range.start]);
        rewritten.text.push_str(reference);
        at = range.end;
    }
    rewritten.text.push_str(&text[at..]);
    rewritten
}

/// Whether two image names mean the same: `name` is `name:latest`, and that of Docker's own registry.
pub fn same_image(one: &str, other: &str) -> bool {
    fn bare(name: &str) -> &str {
        let of_registry = name.strip_prefix("docker.io/").unwrap_or(name);
        let name = of_registry.strip_prefix("library/").unwrap_or(of_registry);
        name.strip_suffix(":latest").unwrap_or(name)
    }
    bare(one) == bare(other)
}

struct Reading<'t> {
    text: &'t str,
    from: &'t BTreeMap<String, String>,
    args: &'t BTreeMap<String, String>,
    /// The `ARG`s before the first `FROM`: the only ones that a `FROM` sees.
    scope: Environment,
    stages: BTreeSet<String>,
    staged: bool,
    edits: Vec<(Range<usize>, String)>,
}

impl Reading<'_> {
    fn instruction(&mut self, instruction: &Instruction, rewritten: &mut Rewritten) {
        let mut words = &instruction.words[..];
        if words
            .first()
            .is_some_and(|word| word.text.eq_ignore_ascii_case("ONBUILD"))
        {
            words = &words[1..];
        }
        let Some((name, rest)) = words.split_first() else {
            return;
        };
        let flags = rest.iter().take_while(|word| word.text.starts_with("--"));
        match name.text.to_ascii_uppercase().as_str() {
            "ARG" if !self.staged => rest.iter().for_each(|word| self.argument(&word.text)),
            "FROM" => {
                self.staged = true;
                let rest = &rest[flags.count()..];
                if let Some(image) = rest.first() {
                    self.image(image.clone(), rewritten);
                }
                if let [_, r#as, stage, ..] = rest
                    && r#as.text.eq_ignore_ascii_case("as")
                {
                    self.stages.insert(stage.text.to_ascii_lowercase());
                }
            }
            "COPY" | "ADD" => {
                for flag in flags {
                    if flag.text.starts_with("--from=") {
                        self.image(flag.part("--from=".len()..flag.text.len()), rewritten);
                    }
                }
            }
            "RUN" => {
                for flag in flags {
                    for part in mount_from(&flag.text) {
                        self.image(flag.part(part), rewritten);
                    }
                }
            }
            _ => {}
        }
    }

    fn argument(&mut self, word: &str) {
        let (name, default) = word
            .split_once('=')
            .map_or((word, None), |(name, value)| (name, Some(value)));
        if let Some(value) = self.args.get(name) {
            self.scope.insert(name.to_owned(), Value::Known(value.clone()));
        } else if let Some(value) = default.and_then(|default| interpolate::fill(unquote(default), &self.scope).value) {
            self.scope.insert(name.to_owned(), Value::Known(value));
        }
    }

    /// Looks at the name of an image or a stage.
    fn image(&mut self, word: Word, rewritten: &mut Rewritten) {
        let written = unquote(&word.text);
        let filled = interpolate::fill(written, &self.scope).value.unwrap_or_default();
        let stage = self.stages.contains(&filled.to_ascii_lowercase());
        if stage || filled.is_empty() || filled.bytes().all(|byte| byte.is_ascii_digit()) {
            return;
        }
        let hit = self
            .from
            .iter()
            .find(|(key, _)| same_image(key, written) || same_image(key, &filled));
        if let Some((key, reference)) = hit {
            rewritten.used.insert(key.clone());
            if let (Some(start), Some(end)) = (word.places.first(), word.places.last()) {
                let last = self.text[*end..].chars().next().map_or(1, char::len_utf8);
                self.edits.push((*start..*end + last, reference.clone()));
            }
        }
        rewritten.images.insert(filled);
    }
}

/// Where in `--mount=type=bind,from=image,source=/x` the image's name stands.
fn mount_from(flag: &str) -> Vec<Range<usize>> {
    let Some(options) = flag.strip_prefix("--mount=") else {
        return Vec::new();
    };
    let mut at = flag.len() - options.len();
    let mut found = Vec::new();
    for option in options.split(',') {
        if option.starts_with("from=") {
            found.push(at + "from=".len()..at + option.len());
        }
        at += option.len() + 1;
    }
    found
}

fn unquote(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inside) = text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inside;
        }
    }
    text
}

/// One instruction, its continuation lines joined.
#[derive(Debug)]
struct Instruction {
    words: Vec<Word>,
}

/// A word of an instruction, with the place of each of its bytes: a word can go on after a continuation.
#[derive(Debug, Clone)]
struct Word {
    text: String,
    places: Vec<usize>,
}

impl Word {
    fn part(&self, range: Range<usize>) -> Word {
        Word {
            text: self.text[range.clone()].to_owned(),
            places: self.places[range].to_vec(),
        }
    }
}

/// Splits a Dockerfile into instructions; here-documents are passed over.
fn instructions(text: &str) -> Vec<Instruction> {
    let escape = escape_of(text);
    let mut instructions = Vec::new();
    let mut lines = lines(text).peekable();
    while let Some((start, line)) = lines.next() {
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let mut bytes: Vec<(u8, usize)> = Vec::new();
        let mut current = Some((start, line));
        while let Some((start, line)) = current {
            let body = line.trim_end();
            let goes_on = body.strip_suffix(escape);
            bytes.extend(
                goes_on
                    .unwrap_or(body)
                    .bytes()
                    .enumerate()
                    .map(|(at, byte)| (byte, start + at)),
            );
            // Comments and empty lines inside of an instruction are no part of it.
            while goes_on.is_some() && lines.peek().is_some_and(|(_, line)| is_filler(line)) {
                lines.next();
            }
            current = if goes_on.is_some() { lines.next() } else { None };
        }
        let instruction = Instruction { words: words(&bytes) };
        for end in heredocs(&instruction) {
            for (_, line) in lines.by_ref() {
                let line = line.trim_end_matches(['\r', '\n']);
                if (if end.tabs { line.trim_start_matches('\t') } else { line }) == end.name {
                    break;
                }
            }
        }
        instructions.push(instruction);
    }
    instructions
}

fn is_filler(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = at;
        at += line.len();
        (start, line)
    })
}

/// The escape character: a directive may stand only before everything else.
fn escape_of(text: &str) -> char {
    for line in text.trim_start_matches('\u{feff}').lines() {
        let Some(comment) = line.trim().strip_prefix('#') else {
            break;
        };
        let Some((name, value)) = comment.split_once('=') else {
            break;
        };
        if name.trim().eq_ignore_ascii_case("escape") {
            return value.trim().chars().next().unwrap_or('\\');
        }
    }
    '\\'
}

/// Splits at blanks outside of quotes.
fn words(bytes: &[(u8, usize)]) -> Vec<Word> {
    let mut words: Vec<(Vec<u8>, Vec<usize>)> = Vec::new();
    let mut quote = None;
    let mut inside = false;
    for &(byte, place) in bytes {
        if quote.is_none() && byte.is_ascii_whitespace() {
            inside = false;
            continue;
        }
        if quote == Some(byte) {
            quote = None;
        } else if quote.is_none() && matches!(byte, b'"' | b'\'') {
            quote = Some(byte);
        }
        if !inside {
            words.push(Default::default());
            inside = true;
        }
        if let Some((text, places)) = words.last_mut() {
            text.push(byte);
            places.push(place);
        }
    }
    let word = |(text, places): (Vec<u8>, _)| String::from_utf8(text).ok().map(|text| Word { text, places });
    words.into_iter().filter_map(word).collect()
}

struct Heredoc {
    name: String,
    tabs: bool,
}

/// The here-documents that an instruction opens: `<<EOF`, `<<-EOF`, `<<"EOF"`, `3<<EOF`.
fn heredocs(instruction: &Instruction) -> Vec<Heredoc> {
    let name = instruction
        .words
        .iter()
        .find(|word| !word.text.eq_ignore_ascii_case("ONBUILD"));
    let opens = name.is_some_and(|word| {
        ["RUN", "COPY", "ADD"]
            .iter()
            .any(|name| word.text.eq_ignore_ascii_case(name))
    });
    let open = |word: &Word| {
        let rest = word
            .text
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .strip_prefix("<<")?;
        let (tabs, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
        let name = unquote(rest).to_owned();
        // `<<<` is a shell's here-string.
        let plain = name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        plain.then_some(Heredoc { name, tabs })
    };
    if opens {
        instruction.words.iter().filter_map(open).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
