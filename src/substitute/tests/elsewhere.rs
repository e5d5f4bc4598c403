//! Files of this machine for an engine that has them not.

use std::path::PathBuf;

use super::super::{Content, CopiedFile, Mounted};
use super::{Stack, stack};

const FILES: &str = "services:
  web:
    image: x
    volumes:
      - ./www/:/www:ro
      - type: bind
        source: ./www
        target: /also
      - ./one.conf:/etc/one.conf
      - data:/data
      - /var/run/docker.sock:/var/run/docker.sock
    secrets: [token, {source: key, target: /etc/key}, given]
    configs:
      - source: site
        target: /etc/site
volumes:
  data:
secrets:
  token:
    file: ./token.txt
  key:
    file: ./key.txt
  given:
    environment: GIVEN
configs:
  site:
    file: ./site.conf
";

/// The stack for an engine that has not these paths; those that end in `/` are folders.
fn elsewhere(text: &str, paths: &[&str]) -> Stack {
    let mut stack = stack(text);
    let kind = |path: &&str| (PathBuf::from(path.trim_end_matches('/')), path.ends_with('/'));
    stack.input.copies = Some(paths.iter().map(kind).collect());
    stack
}

/// What is copied: a path, or a text with its mode and owner.
fn shown(content: &Content) -> String {
    match content {
        Content::Path(path) => path.display().to_string(),
        Content::Text { text, mode, owner } => format!("{text:?} {mode:o} {owner:?}"),
    }
}

#[test]
fn what_a_service_has_of_this_machine_is_told() {
    let told = stack(FILES).rewritten().mounted;
    let place = |mounted: &Mounted| format!("{} {}", mounted.target, mounted.at.place());
    let told: Vec<String> = told
        .iter()
        .map(|mounted| format!("{} {}", shown(&mounted.content), place(mounted)))
        .collect();
    let expected = [
        "/app/www /also /app/compose.yml:7:17",
        "/app/one.conf /etc/one.conf /app/compose.yml:9:9",
        "/app/www /www /app/compose.yml:5:9",
        "/app/token.txt /run/secrets/token /app/compose.yml:12:15",
        "/app/key.txt /etc/key /app/compose.yml:12:22",
        "/app/site.conf /etc/site /app/compose.yml:14:9",
    ];
    assert_eq!(told, expected);
}

#[test]
fn of_one_destination_the_last_counts_however_it_is_written() {
    let text = "services:
  web:
    image: x
    read_only: True
    volumes:
      - ./www:/www/
      - ./gone:/data
      - {type: bind, source: ./other, target: /www, read_only: yes}
      - /data/
";
    let mounted = stack(text).rewritten().mounted;
    let told: Vec<_> = mounted
        .iter()
        .map(|one| (one.source.as_str(), one.target.as_str(), one.read_only))
        .collect();
    assert_eq!(told, [("./other", "/www", true)]);
    assert!(stack(text).rewritten().writable.is_empty());
}

#[test]
fn folders_become_volumes_and_files_are_left_out() {
    let paths = [
        "/app/www/",
        "/app/one.conf",
        "/app/token.txt",
        "/app/key.txt",
        "/app/site.conf",
    ];
    let rewritten = elsewhere(FILES, &paths).rewritten();
    let text = &rewritten.files[0].text;
    for expected in [
        "- \"copied-9c0cb8c3:/www:ro,nocopy\"",
        "- \"copied-9c0cb8c3:/also:nocopy\"",
        "- data:/data",
        "- /var/run/docker.sock:/var/run/docker.sock",
        "- \"copied-secrets-web:/run/secrets:ro\"",
        "    secrets:\n      - given\n",
        "    configs: []\n",
        "  copied-9c0cb8c3:\n    external: true\n    name: \"p1_copied-9c0cb8c3\"\n",
        "  copied-secrets-web:\n    external: true\n    name: \"p1_copied-secrets-web\"\n",
    ] {
        assert!(text.contains(expected), "no {expected} in\n{text}");
    }
    assert!(!text.contains("one.conf"), "{text}");
    let volumes = rewritten.copied.volumes.values();
    let parts = volumes.flat_map(|volume| volume.parts.iter().map(move |part| (&volume.name, part)));
    let volumes: Vec<String> = parts
        .map(|(name, (content, place))| format!("{name} {} {place:?}", shown(content)))
        .collect();
    let expected = [
        "p1_copied-9c0cb8c3 /app/www \"\"",
        "p1_copied-secrets-web /app/token.txt \"token\"",
    ];
    assert_eq!(volumes, expected);
    let files: Vec<String> = rewritten.copied.files.iter().map(file).collect();
    let expected = [
        "/app/one.conf /etc/one.conf",
        "/app/key.txt /etc/key",
        "/app/site.conf /etc/site",
    ];
    assert_eq!(files, expected);
}

fn file(file: &CopiedFile) -> String {
    format!("{} {}", shown(&file.mounted.content), file.mounted.target)
}

#[test]
fn what_the_files_say_themselves_is_put_there_as_a_file_is() {
    let text = "services:
  web:
    image: x
    read_only: true
    secrets: [token, {source: key, mode: 0400, uid: '7', gid: 8}]
    configs: [{source: site, target: /etc/site, mode: '0440'}, unset]
secrets:
  token: {environment: TOKEN}
  key: {environment: KEY}
configs:
  site: {content: 'a $$ b'}
  unset: {environment: NOWHERE}
";
    let mut stack = elsewhere(text, &[]);
    stack.input.env.insert("TOKEN".to_owned(), "t0ken".into());
    stack.input.env.insert("KEY".to_owned(), "key of t0ken".into());
    let rewritten = stack.rewritten();
    let secrets = &rewritten.copied.volumes["copied-secrets-web"].parts;
    let secrets: Vec<String> = secrets
        .iter()
        .map(|(content, place)| format!("{} {place}", shown(content)))
        .collect();
    assert_eq!(
        secrets,
        [r#""key of t0ken" 400 (7, 8) key"#, r#""t0ken" 444 (0, 0) token"#]
    );
    let files: Vec<String> = rewritten.copied.files.iter().map(file).collect();
    assert_eq!(files, [r#""a $ b" 440 (0, 0) /etc/site"#]);
    assert!(rewritten.copied.files[0].mounted.read_only);
    let copy = &rewritten.files[0].text;
    // One that nothing gives stays the compose tool's to tell.
    assert!(
        copy.contains("    secrets: []\n    configs:\n      - unset\n"),
        "{copy}"
    );
}

#[test]
fn the_home_is_that_of_who_runs_the_compose_tool() {
    let text = "services: {web: {image: x, volumes: ['~/a:/a', '~:/all', '~other/c:/c']}}\n";
    let paths = |own: Option<&str>| -> Vec<String> {
        let mut stack = stack(text);
        stack.input.env.extend(own.map(|own| ("HOME".to_owned(), own.into())));
        let told = stack.rewritten().mounted;
        told.iter().map(|mounted| shown(&mounted.content)).collect()
    };
    assert_eq!(paths(None), ["/home/me/a", "/home/me", "~other/c"]);
    assert_eq!(paths(Some("/own")), ["/own/a", "/own", "~other/c"]);
    let rewritten = elsewhere(text, &["/home/me/a/"]).rewritten();
    let copy = &rewritten.files[0].text;
    assert!(copy.contains(":/a:nocopy"), "{copy}");
}

#[test]
fn a_volume_that_is_made_of_a_path_is_told_if_a_service_mounts_it() {
    let bound = "\n    driver_opts: {type: none, o: bind, device: ./d}\n";
    let text = format!("services:\n  web: {{image: x, volumes: [one:/d]}}\nvolumes:\n  one:{bound}  other:{bound}");
    let told = stack(&text).rewritten().mounted;
    let told: Vec<String> = told
        .iter()
        .map(|mounted| format!("{} {:?} {}", shown(&mounted.content), mounted.how, mounted.at.place()))
        .collect();
    assert_eq!(told, ["/app/d Device /app/compose.yml:5:48"]);
}
