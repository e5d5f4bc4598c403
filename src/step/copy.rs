//! `copy`: files and folders between this machine, containers and volumes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};

use super::place::{self, MAX_BYTES, Place};
use super::{About, Act, Binder, Body, Cx, Done, Sort, Written};
use crate::diagnostic::Diagnostic;
use crate::shape::{Rule, Text, shape};

/// See the table.
pub(super) const ABOUT: About = About {
    name: "copy",
    does: "Copies a file or a folder between this machine, containers and volumes, or writes a file.",
    manual: "`from` and `to` are each a path here, from the file that it is written in, `service:path`, or \
             `volume:shop/data:/path` with a volume as `state-assert` names it. As with `docker cp`, what is copied to a folder that is there goes into it under its own name, a folder written as \
             `folder/.` without it; otherwise `to` is its new name. Modes and owners are kept, but what comes here is the \
             caller's own, as it has its modes without set-user-id and the like. A link at `from` is followed. A container need not run for it. What is only in memory there (a tmpfs, `/dev`) the engine does not \
             reach: that is carried by `tar` in the container, which has to run and to have one. With `content` instead of `from` a file of that text is written.",
    example: "- copy: {from: ./dump.sql, to: 'db:/tmp/dump.sql'}\n- copy: {from: 'web:/var/log/.', to: \"${{ scratch }}/logs\"}\n\
              - copy: {content: 'limit = 5', to: 'web:/etc/app.conf'}",
    sort: Sort::Action,
    limit: Duration::from_secs(60),
    results: &[],
    defaults: &[],
    locals: &[],
};

shape! {
    /// What is copied where.
    pub struct Copy ("`copy`") rules [Rule::One(&["from", "content"])] {
        /// The file or folder: a path here, `service:path`, or `volume:NAME:/path`.
        from: Option<Text>,
        /// The text of a file, instead of `from`.
        content: Option<Text>,
        /// Where to: a path here, `service:path`, or `volume:NAME:/path`.
        to: Text,
    }
}

impl Written for Copy {
    fn title(&self) -> String {
        match &self.from {
            Some(from) => format!("{} to {}", from.shown(), self.to.shown()),
            None => format!("to {}", self.to.shown()),
        }
    }

    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body> {
        let from = match (&self.from, &self.content) {
            (Some(from), None) => {
                check_from(from, binder);
                From::Path(from.clone())
            }
            (None, Some(content)) => From::Content(content.clone()),
            (Some(_), Some(content)) => {
                binder.error(
                    &content.span,
                    "`from` and `content`: one of them is wanted",
                    "take one out",
                );
                return None;
            }
            (None, None) => {
                let help = "add a line `from: …`, or `content: …` for a file of that text";
                binder.lacks(Diagnostic::error(&self.span, "nothing to copy: `from` is missing").help(help));
                return None;
            }
        };
        place::check(&self.to, binder);
        if !place::is_inside(&self.to) {
            binder.makes_files();
        }
        Some(Body::Act(Arc::new(Bound {
            from,
            to: self.to.clone(),
        })))
    }
}

/// Tells a target that is none, and a path here at which nothing is and nothing will be.
fn check_from(from: &Text, binder: &mut Binder<'_>) {
    if let Some(path) = place::check(from, binder)
        && binder.is_missing(from, &path)
    {
        let help = "its path is relative to the file that it is written in; one in a container is `service:/path`";
        binder.error(&from.span, format!("there is no file or folder `{path}`"), help);
    }
}

#[derive(Debug)]
enum From {
    Path(Text),
    Content(Text),
}

#[derive(Debug)]
struct Bound {
    from: From,
    to: Text,
}

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
}

/// What is copied.
struct Source {
    /// Its own name.
    name: String,
    kind: Kind,
    /// Only what is in the folder.
    contents: bool,
    tar: Vec<u8>,
}

#[async_trait]
impl Act for Bound {
    async fn act(&self, cx: &Cx) -> Done<Value> {
        let source = match &self.from {
            From::Path(from) => source(cx, from).await?,
            From::Content(content) => {
                let content = cx.text(content).await?;
                let tar = place::single("content", content.as_bytes(), (0o644, (0, 0)));
                Source {
                    name: String::new(),
                    kind: Kind::File,
                    contents: false,
                    tar: tar.map_err(|why| cx.error(why.to_string()))?,
                }
            }
        };
        let place = place::find(cx, &self.to).await?;
        let written = self.write(cx, &source, &place).await;
        let left = place.leave(cx).await;
        // Why it could not be written says more.
        written.and(left).map(|()| json!({}))
    }

    fn asks_inside(&self) -> bool {
        let from = matches!(&self.from, From::Path(from) if place::is_in_volume(from));
        from || place::is_in_volume(&self.to)
    }
}

impl Bound {
    async fn write(&self, cx: &Cx, source: &Source, place: &Place) -> Done<()> {
        match place {
            Place::Here(path) => {
                let text = cx.text(&self.to).await?;
                let there = cx.case.host.stat(path).await;
                let there = there.map_err(|why| cx.error(format!("cannot look at `{text}`: {why}")))?;
                let there = there.map(|there| if there.folder { Kind::Folder } else { Kind::File });
                let to = format!("{}{}", path.display(), slash(&text));
                let (folder, name) = landing(source, &to, there, str::to_owned).map_err(|why| cx.failure(why))?;
                let tar = landed(source, name.as_deref()).map_err(|why| cx.failure(why))?;
                let unpacked = cx.case.host.unpack(tar, folder.as_ref()).await;
                unpacked.map_err(|why| cx.error(format!("cannot write `{text}`: {why}")))
            }
            Place::In(to) => {
                let (path, there) = to.stat(cx).await?;
                let there = there.map(|stat| match place::is_folder(&stat) {
                    true => Kind::Folder,
                    false => Kind::File,
                });
                let path = format!("{path}{}", slash(&to.path));
                let landing = landing(source, &path, there, |path| to.told(path));
                let (folder, name) = landing.map_err(|why| cx.failure(why))?;
                let tar = landed(source, name.as_deref()).map_err(|why| cx.failure(why))?;
                to.write(cx, &folder, (name.as_deref(), tar)).await
            }
            Place::NoVolume(name) => Err(cx.failure(format!("there is no volume `{name}`"))),
        }
    }
}

/// Reads what is copied.
async fn source(cx: &Cx, from: &Text) -> Done<Source> {
    let text = cx.text(from).await?;
    let place = place::find(cx, from).await?;
    let read = read(cx, &text, &place).await;
    let left = place.leave(cx).await;
    // Why it could not be read says more.
    read.and_then(|source| left.map(|()| source))
}

async fn read(cx: &Cx, text: &str, place: &Place) -> Done<Source> {
    let contents = text.ends_with("/.");
    let missing = || cx.failure(format!("`{text}` is not there"));
    match place {
        Place::Here(path) => {
            let told = |why: std::io::Error| cx.error(format!("cannot read `{text}`: {why}"));
            let stat = cx.case.host.stat(path).await.map_err(told)?;
            let stat = stat.ok_or_else(missing)?;
            let tar = cx.case.host.pack(path, "content", MAX_BYTES).await;
            Ok(Source {
                name: file_name(path),
                kind: if stat.folder { Kind::Folder } else { Kind::File },
                contents,
                tar: tar.map_err(told)?.into(),
            })
        }
        Place::In(inside) => {
            let name = file_name(inside.path.trim_end_matches("/.").as_ref());
            let (path, stat) = inside.stat(cx).await?;
            let stat = stat.ok_or_else(missing)?;
            let tar = inside.read(cx, &path, MAX_BYTES).await?;
            if tar.len() >= MAX_BYTES {
                return Err(cx.error(format!(
                    "`{text}` has more than the {} MiB that can be copied",
                    MAX_BYTES >> 20
                )));
            }
            let kind = if place::is_folder(&stat) {
                Kind::Folder
            } else {
                Kind::File
            };
            Ok(Source {
                name,
                kind,
                contents,
                tar,
            })
        }
        Place::NoVolume(name) => Err(cx.failure(format!("there is no volume `{name}`"))),
    }
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Whether a path ends with a slash is lost where it is followed.
fn slash(path: &str) -> &'static str {
    if path.ends_with('/') { "/" } else { "" }
}

/// The tar with the names for where it is unpacked.
fn landed(source: &Source, name: Option<&str>) -> Result<Bytes, String> {
    let tar = place::renamed(&source.tar, name);
    tar.map(Bytes::from)
        .map_err(|why| format!("what is copied cannot be read: {why}"))
}

/// Where it goes: the folder, and the name in it; none where only what is in the copied folder goes there.
fn landing(
    source: &Source,
    to: &str,
    there: Option<Kind>,
    told: impl Fn(&str) -> String,
) -> Result<(String, Option<String>), String> {
    let path = to.trim_end_matches("/.").trim_end_matches('/');
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = if parent.is_empty() { "/" } else { parent };
    match (source.kind, there) {
        (Kind::File, None) if to.ends_with('/') => Err(format!("`{}` is no folder that is there", told(to))),
        (Kind::Folder, Some(Kind::File)) => Err(format!("a folder cannot be copied onto the file `{}`", told(to))),
        (_, Some(Kind::Folder)) if source.name.is_empty() && !source.contents => {
            Err(format!("`{}` is a folder: name the file in it", told(to)))
        }
        (_, Some(Kind::Folder)) => {
            let folder = if path.is_empty() { "/" } else { path };
            let name = (!source.contents).then(|| source.name.clone());
            Ok((folder.to_owned(), name))
        }
        (_, None | Some(Kind::File)) => Ok((parent.to_owned(), Some(name.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, Source, landing};

    fn check(from: &str, kind: Kind, to: &str, there: Option<Kind>, expected: Result<(&str, Option<&str>), &str>) {
        let contents = from.ends_with("/.");
        let source = Source {
            name: from.trim_end_matches("/.").to_owned(),
            kind,
            contents,
            tar: Vec::new(),
        };
        let found = landing(&source, to, there, str::to_owned);
        let found = found.as_ref().map(|(folder, name)| (folder.as_str(), name.as_deref()));
        assert_eq!(found.map_err(String::as_str), expected, "{from} to {to}");
    }

    #[test]
    fn files_go_into_folders_or_get_a_new_name() {
        check("f", Kind::File, "/a/b", None, Ok(("/a", Some("b"))));
        check("f", Kind::File, "/b", Some(Kind::File), Ok(("/", Some("b"))));
        check("f", Kind::File, "/a", Some(Kind::Folder), Ok(("/a", Some("f"))));
        check("f", Kind::File, "/a/", Some(Kind::Folder), Ok(("/a", Some("f"))));
        check("f", Kind::File, "/", Some(Kind::Folder), Ok(("/", Some("f"))));
        check("f", Kind::File, "/a/", None, Err("`/a/` is no folder that is there"));
        check(
            "",
            Kind::File,
            "/a",
            Some(Kind::Folder),
            Err("`/a` is a folder: name the file in it"),
        );
    }

    #[test]
    fn folders_go_into_folders_whole_or_their_contents() {
        check("d", Kind::Folder, "/a/b", None, Ok(("/a", Some("b"))));
        check("d/.", Kind::Folder, "/a/b/", None, Ok(("/a", Some("b"))));
        check("d", Kind::Folder, "/a", Some(Kind::Folder), Ok(("/a", Some("d"))));
        check("d/.", Kind::Folder, "/a", Some(Kind::Folder), Ok(("/a", None)));
        check(
            "d",
            Kind::Folder,
            "/a",
            Some(Kind::File),
            Err("a folder cannot be copied onto the file `/a`"),
        );
    }
}
