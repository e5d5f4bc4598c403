//! What the docker tools and a swarm's tasks say of the copies, in the words of who wrote the files: the file's own path, the
//! names that things have there, and the place of what is complained of.

use std::path::PathBuf;

use super::files::{Files, Found};
use crate::diagnostic::Span;
use crate::yaml::Node;

/// The absolute paths of copies, in the order in which they are merged, each with the file that it is a copy of.
pub type Originals = Vec<(PathBuf, PathBuf)>;

/// What the tool said, each copy called by the file that it is a copy of.
pub fn of_originals(said: &str, originals: &Originals, files: &dyn Files) -> String {
    let copies = originals.iter();
    let mut copies: Vec<(String, String)> = copies
        .map(|(copy, original)| (copy.display().to_string(), files.shown(original)))
        .collect();
    // One may begin as another one does.
    copies.sort_by_key(|(copy, _)| std::cmp::Reverse(copy.len()));
    let replace = |said: String, (copy, shown): &(String, String)| said.replace(copy, shown);
    copies.iter().fold(said.to_owned(), replace)
}

/// What was said, each thing that has a name of its own in each run called as the files call it; pairs of both.
pub fn of_names(said: &str, names: &[(String, String)]) -> String {
    let mut names: Vec<&(String, String)> = names.iter().collect();
    // One may begin as another one does.
    names.sort_by_key(|(real, _)| std::cmp::Reverse(real.len()));
    let replace = |said: String, (real, own): &&(String, String)| said.replace(real.as_str(), own);
    names.iter().fold(said.to_owned(), replace)
}

/// The place of what the tool complains of: `services.web Additional property enviroment is not allowed`, or only
/// `service "web" …`. None where it says none, or no file has it.
pub fn place_of(said: &str, originals: &Originals, files: &dyn Files) -> Option<Span> {
    let said = said.lines().rev().find_map(Said::read)?;
    let places = originals.iter().filter_map(|(_, original)| {
        let Some(Found::File(source)) = files.look(original) else {
            return None;
        };
        let parsed = files.parsed(original, &source).ok()?;
        let places = parsed.documents.iter().filter_map(|document| said.within(document));
        places.max_by_key(|(depth, _)| *depth)
    });
    // The later file has the last word.
    places.max_by_key(|(depth, _)| *depth).map(|(_, span)| span)
}

/// A complaint: the path in the file, and the key there that should not be.
struct Said {
    path: Vec<String>,
    key: Option<String>,
}

const SECTIONS: [&str; 5] = ["services", "networks", "volumes", "secrets", "configs"];

impl Said {
    fn read(line: &str) -> Option<Said> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let bare = |word: &str| word.trim_matches(['"', '\'', '`', ':', ',', ';']).to_owned();
        let after = |one: &str, two: &str| {
            let mut pairs = words.windows(3);
            pairs.find_map(|words| (words[0].eq_ignore_ascii_case(one) && words[1] == two).then(|| bare(words[2])))
        };
        let key = after("additional", "property").or_else(|| after("additional", "properties"));
        let dotted = words.iter().map(|word| bare(word)).find(|word| {
            let section = word.split_once('.').map(|(section, _)| section);
            section.is_some_and(|section| SECTIONS.contains(&section))
        });
        let named = || {
            let mut pairs = words.windows(2);
            pairs.find_map(|words| {
                let is_name = words[1].starts_with('"') || words[1].ends_with(':');
                let section = SECTIONS
                    .iter()
                    .find(|section| section.strip_suffix('s') == Some(words[0]));
                section
                    .filter(|_| is_name)
                    .map(|section| vec![(*section).to_owned(), bare(words[1])])
            })
        };
        if line.contains("unsupported Compose file version") {
            return Some(Said {
                path: Vec::new(),
                key: Some("version".to_owned()),
            });
        }
        let path = match dotted {
            Some(dotted) => dotted.split('.').map(str::to_owned).collect(),
            None if words.contains(&"(root)") => Vec::new(),
            None => named()?,
        };
        Some(Said { path, key })
    }

    /// Where it is in a document, and how much of it is there; nothing where not even its thing is.
    fn within(&self, document: &Node) -> Option<(usize, Span)> {
        let (mut node, mut found) = (document, None);
        let mut rest = &self.path[..];
        let mut depth = 0;
        while let Some((taken, key, value)) = step(node, rest) {
            (rest, node, depth) = (&rest[taken..], value, depth + taken);
            found = Some(key.clone());
        }
        if let Some(key) = self.key.as_ref().filter(|_| rest.is_empty())
            && let Some((key, _)) = entry(node, key)
        {
            return Some((depth + 1, key.span.clone()));
        }
        // Of a whole section nothing is said.
        found.filter(|_| depth > 1).map(|span| (depth, span))
    }
}

/// The next part of a path in a node: how many words of it, where, and what is there. A name may have dots in it.
fn step<'n>(node: &'n Node, path: &[String]) -> Option<(usize, Span, &'n Node)> {
    if let Some(items) = node.list() {
        let number = path.first()?.trim_matches(['[', ']']).parse::<usize>().ok()?;
        return items.get(number).map(|item| (1, item.span.clone(), item));
    }
    (1..=path.len()).rev().find_map(|taken| {
        let (key, value) = entry(node, &path[..taken].join("."))?;
        Some((taken, key.span.clone(), value))
    })
}

fn entry<'n>(node: &'n Node, name: &str) -> Option<&'n (Node, Node)> {
    node.map()?.iter().find(|(key, _)| key.scalar() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::Said;
    use crate::diagnostic::Source;
    use crate::yaml;

    const FILE: &str = "services:
  web:
    image: a
    enviroment: {A: b}
    ports: [\"80\", x]
    healthcheck:
      tst: a
  a.b: {comand: c}
netwrks: {}
version: '9'
networks: {inner: {}}
";

    fn place(said: &str) -> Option<String> {
        let document = yaml::parse(&Source::new("compose.yml", FILE)).expect("YAML");
        let (_, span) = Said::read(said)?.within(&document)?;
        let place = span.place();
        Some(format!("{}:{} {}", place.line, place.column, span.text()))
    }

    #[test]
    fn what_the_tool_complains_of_is_found() {
        for (said, expected) in [
            (
                "validating /x.yml: services.web Additional property enviroment is not allowed",
                "4:5 enviroment",
            ),
            (
                "validating /x.yml: services.web additional properties 'enviroment' not allowed",
                "4:5 enviroment",
            ),
            (
                "services.web.healthcheck Additional property tst is not allowed",
                "7:7 tst",
            ),
            ("services.a.b Additional property comand is not allowed", "8:9 comand"),
            ("(root) Additional property netwrks is not allowed", "9:1 netwrks"),
            ("services.web.ports.1 must be a number", "5:19 x"),
            (
                "service ports services.web.ports.[1] is missing a target port",
                "5:19 x",
            ),
            ("services.web.ports: invalid type float64 for port", "5:5 ports"),
            (
                "service \"web\" depends on undefined service \"db\": invalid compose project",
                "2:3 web",
            ),
        ] {
            assert_eq!(place(said).as_deref(), Some(expected), "{said}");
        }
    }

    #[test]
    fn what_docker_stack_complains_of_is_found() {
        for (said, expected) in [
            ("unsupported Compose file version: 9", "10:1 version"),
            ("service web: undefined network \"x\"", "2:3 web"),
            (
                "failed to create service web: Error response from daemon: rpc error: code = InvalidArgument",
                "2:3 web",
            ),
            (
                "network \"inner\" is declared as external, but could not be found",
                "11:12 inner",
            ),
        ] {
            assert_eq!(place(said).as_deref(), Some(expected), "{said}");
        }
    }

    #[test]
    fn unique_names_become_those_of_the_files() {
        let names = [("e2e-1-s_web", "web"), ("e2e-1-s_web-net", "net")].map(|(a, b)| (a.to_owned(), b.to_owned()));
        assert_eq!(
            super::of_names("service e2e-1-s_web: network e2e-1-s_web-net not found", &names),
            "service web: network net not found"
        );
    }

    #[test]
    fn what_no_file_has_has_no_place() {
        for said in [
            "Error response from daemon: no such image",
            "service \"db\" is not running",
            "services.db Additional property a is not allowed",
            "networks.front must be a mapping",
            "(root) Additional property other is not allowed",
        ] {
            assert_eq!(place(said), None, "{said}");
        }
    }
}
