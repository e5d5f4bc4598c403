//! What a file says of builds, alone. What belongs to running may not be there yet when images are built: an env file
//! that a step writes, say.

use crate::diagnostic::Source;
use crate::yaml::{self, Content, Node};

/// What a build may need of a file: the files that it includes are cut down like it.
const TOP: [&str; 5] = ["version", "name", "include", "services", "secrets"];
/// What a build may need of a service.
const SERVICE: [&str; 6] = ["build", "image", "platform", "extends", "profiles", "provider"];

/// A rewritten file with only what its builds need.
pub fn builds_only(text: &str) -> String {
    let Ok(documents) = yaml::parse_all(&Source::new("build", text)) else {
        // The compose tool tells what is wrong with it.
        return text.to_owned();
    };
    let mut documents: Vec<Node> = documents.into_iter().map(Node::merged).collect();
    for document in &mut documents {
        keep(document, &TOP);
        let Content::Map(entries) = &mut document.content else {
            continue;
        };
        let services = entries.iter_mut().filter(|(name, _)| name.scalar() == Some("services"));
        for (_, services) in services {
            if let Content::Map(services) = &mut services.content {
                services.iter_mut().for_each(|(_, service)| keep(service, &SERVICE));
            }
        }
    }
    yaml::write_all(&documents)
}

fn keep(node: &mut Node, keys: &[&str]) {
    if let Content::Map(entries) = &mut node.content {
        entries.retain(|(name, _)| name.scalar().is_some_and(|name| keys.contains(&name)));
    }
}

#[cfg(test)]
mod tests {
    use super::builds_only;

    #[test]
    fn only_what_builds_need_is_left() {
        let text = "x-common: &common\n  env_file: late.env\n  platform: linux/amd64\nservices:\n  web:\n    <<: *common\n    \
                    build: {context: ./web, secrets: [token]}\n    depends_on: [db]\n  db:\n    image: redis\n    \
                    env_file: late.env\n    volumes: [data:/data]\n  model:\n    provider: {type: model}\nsecrets:\n  token: {file: token}\nvolumes: {data: {}}\n";
        let left = builds_only(text);
        for gone in ["env_file", "late.env", "depends_on", "volumes", "x-common"] {
            assert!(!left.contains(gone), "{left}");
        }
        for kept in [
            "context: ./web",
            "platform: linux/amd64",
            "image: redis",
            "type: model",
            "file: token",
        ] {
            assert!(left.contains(kept), "{left}");
        }
    }
}
