//! Files and folders of this machine.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use bytes::Bytes;

use super::Standing;

/// The longest file that is read whole.
const TEXT_LIMIT: u64 = 64 * 1024 * 1024;
/// Folders are no deeper than this.
const DEPTH_LIMIT: usize = 200;

/// Runs something that blocks where it blocks nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read(path, TEXT_LIMIT)?;
    String::from_utf8(bytes)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "stream did not contain valid UTF-8"))
}

/// A file, whole.
pub(super) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_long(limit));
    }
    Ok(bytes)
}

fn too_long(limit: u64) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is longer than {limit} bytes"))
}

/// What stands at a path, links followed.
pub(super) fn stat(path: &Path) -> io::Result<Option<Standing>> {
    match fs::metadata(path) {
        Ok(there) => Ok(Some(Standing {
            folder: there.is_dir(),
            plain: there.is_file(),
            size: there.len(),
            mode: there.mode() & 0o7777,
            user: there.uid(),
            group: there.gid(),
        })),
        Err(why) if matches!(why.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(why) => Err(why),
    }
}

/// The names of what is in a folder.
pub(super) fn entries(path: &Path) -> io::Result<BTreeSet<String>> {
    let names = fs::read_dir(path)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

/// A file or folder as a tar; the link at the top is followed.
pub(super) fn pack(path: &Path, name: &str, limit: usize) -> io::Result<Bytes> {
    let mut builder = tar::Builder::new(Limited {
        bytes: Vec::new(),
        limit,
    });
    builder.follow_symlinks(false);
    let path = fs::canonicalize(path)?;
    if path.is_dir() {
        builder.append_dir_all(name, &path)?;
    } else {
        builder.append_file(name, &mut File::open(&path)?)?;
    }
    Ok(builder.into_inner()?.bytes.into())
}

/// Takes in no more than so many bytes.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            return Err(too_long(self.limit as u64));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a file. A link is replaced: what it points to may be the author's original.
pub(super) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => fs::remove_file(path)?,
        // A copy has its original's mode, also if that is not to be written to.
        Ok(there) if there.permissions().mode() & 0o200 == 0 => {
            fs::set_permissions(path, fs::Permissions::from_mode(there.permissions().mode() | 0o200))?;
        }
        _ => (),
    }
    fs::write(path, content)
}

/// Writes a file into a folder that is this user's alone. The file itself is anybody's to read: in a container, where it is
/// mounted by itself, its reader may be any user.
pub(super) fn write_hidden(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    write(path, content)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o444))
}

/// Copies a file or a folder; a link at the top is followed, those below are copied as links.
pub(super) fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    copy(from, &fs::metadata(from)?, to, 0).map_err(|why| match why.get_ref() {
        Some(_) => why,
        None => io::Error::new(why.kind(), format!("copy `{}`: {why}", from.display())),
    })
}

fn copy(from: &Path, what: &fs::Metadata, to: &Path, depth: usize) -> io::Result<()> {
    if depth > DEPTH_LIMIT {
        return Err(io::Error::other(format!(
            "`{}` is more than {DEPTH_LIMIT} folders deep",
            from.display()
        )));
    }
    let kind = what.file_type();
    if kind.is_dir() {
        fs::create_dir_all(to)?;
        let entries: Vec<fs::DirEntry> = fs::read_dir(from)?.collect::<io::Result<_>>()?;
        for entry in entries {
            copy(
                &entry.path(),
                &entry.metadata()?,
                &to.join(entry.file_name()),
                depth + 1,
            )?;
        }
        // Last, for a folder that is not to be written to.
        return fs::set_permissions(to, what.permissions());
    }
    // Sockets and pipes are no content; docker leaves them out of a context, too.
    if kind.is_socket() || kind.is_fifo() {
        return Ok(());
    }
    if fs::symlink_metadata(to).is_ok_and(|there| !there.is_dir()) {
        fs::remove_file(to)?;
    }
    if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else {
        fs::copy(from, to).map(drop)
    }
}

pub(super) fn unpack(tar: &[u8], folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    tar::Archive::new(tar).unpack(folder)
}

/// Unpacks the tar of one file or folder as it is read; what it calls `name` stands at a path afterwards, and nothing
/// of what stood there before.
pub(super) fn unpack_as(tar: impl Read, name: &str, to: &Path) -> io::Result<()> {
    let parent = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    let folder = tempfile::tempdir_in(parent)?;
    tar::Archive::new(tar).unpack(folder.path()).map_err(cause)?;
    make_ours(folder.path())?;
    match fs::symlink_metadata(to) {
        Ok(there) if there.is_dir() => fs::remove_dir_all(to)?,
        Ok(_) => fs::remove_file(to)?,
        Err(_) => (),
    }
    fs::rename(folder.path().join(name), to)
}

/// What an archive's error comes from: itself it tells only which file it was at.
fn cause(why: io::Error) -> io::Error {
    let mut cause: &dyn std::error::Error = &why;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    io::Error::new(why.kind(), cause.to_string())
}

/// Lets the owner of files read, change and remove them, whatever their modes were elsewhere.
fn make_ours(path: &Path) -> io::Result<()> {
    let there = fs::symlink_metadata(path)?;
    if there.is_symlink() {
        return Ok(());
    }
    let mode = there.mode() & 0o7777 | if there.is_dir() { 0o700 } else { 0o600 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    if there.is_dir() {
        for entry in fs::read_dir(path)? {
            make_ours(&entry?.path())?;
        }
    }
    Ok(())
}

/// How many bytes are free where a path is, or would be when its folders are made.
pub(super) fn free_space(path: &Path) -> io::Result<u64> {
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    let space = rustix::fs::statvfs(there)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{copy_tree, free_space, pack, read_text, stat, unpack, unpack_as, write, write_hidden};

    #[test]
    fn what_is_hidden_is_found_by_its_user_alone_and_read_by_whom_it_is_mounted_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hidden/word");
        for text in ["one", "two"] {
            write_hidden(&path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o444, 0o700));
    }

    #[test]
    fn a_tree_is_copied_with_links_and_modes_onto_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("a/to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/run.sh"), "run").unwrap();
        fs::set_permissions(from.join("sub/run.sh"), fs::Permissions::from_mode(0o555)).unwrap();
        symlink("sub/run.sh", from.join("link")).unwrap();
        symlink("nowhere", from.join("dangling")).unwrap();
        for _ in 0..2 {
            copy_tree(&from, &to).unwrap();
            assert_eq!(fs::read_link(to.join("link")).unwrap().to_str(), Some("sub/run.sh"));
            assert!(to.join("dangling").is_symlink());
            assert_eq!(
                fs::metadata(to.join("sub/run.sh")).unwrap().permissions().mode() & 0o777,
                0o555
            );
        }
        copy_tree(&from.join("sub/run.sh"), &to.join("one/file")).unwrap();
        assert_eq!(read_text(&to.join("one/file")).unwrap(), "run");
        let why = copy_tree(&folder.path().join("missing"), &to).unwrap_err();
        assert_eq!(why.kind(), std::io::ErrorKind::NotFound);
    }

    #[test]
    fn writing_replaces_a_link_and_not_what_it_points_to() {
        let folder = tempfile::tempdir().unwrap();
        let (original, link) = (folder.path().join("original"), folder.path().join("link"));
        fs::write(&original, "original").unwrap();
        symlink(&original, &link).unwrap();
        write(&link, b"copy").unwrap();
        assert_eq!(
            (
                read_text(&original).unwrap().as_str(),
                read_text(&link).unwrap().as_str()
            ),
            ("original", "copy")
        );
        write(&folder.path().join("new/below/file"), b"x").unwrap();
    }

    #[test]
    fn a_tree_is_packed_under_another_name_and_unpacked_again() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/a"), "A").unwrap();
        fs::set_permissions(from.join("sub/a"), fs::Permissions::from_mode(0o750)).unwrap();
        symlink("sub/a", from.join("link")).unwrap();
        unpack(&pack(&from, "new", 1 << 20).unwrap(), &to).unwrap();
        assert_eq!(read_text(&to.join("new/link")).unwrap(), "A");
        assert!(to.join("new/link").is_symlink());
        assert_eq!(stat(&to.join("new/sub/a")).unwrap().unwrap().mode, 0o750);
        unpack(&pack(&from.join("link"), "file", 1 << 20).unwrap(), &to).unwrap();
        assert!(!to.join("file").is_symlink());
        let why = pack(&from, "new", 1000).unwrap_err();
        assert_eq!(why.to_string(), "it is longer than 1000 bytes");
    }

    #[test]
    fn one_file_or_folder_is_unpacked_under_another_name_in_place_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("some/to"));
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/a"), "A").unwrap();
        let tar = pack(&from, "top", 1 << 20).unwrap();
        // As an engine packs it: readable for root alone.
        let closed = {
            let mut builder = tar::Builder::new(Vec::new());
            let mut header = tar::Header::new_gnu();
            header.set_size(1);
            header.set_mode(0);
            builder.append_data(&mut header, "file", b"F".as_slice()).unwrap();
            builder.into_inner().unwrap()
        };
        for _ in 0..2 {
            unpack_as(tar.as_ref(), "top", &to).unwrap();
            assert_eq!(read_text(&to.join("sub/a")).unwrap(), "A");
            unpack_as(closed.as_slice(), "file", &to).unwrap();
            assert_eq!(read_text(&to).unwrap(), "F");
        }
        let why = unpack_as(&tar[..700], "top", &to).unwrap_err();
        assert!(!why.to_string().is_empty());
        assert_eq!(read_text(&to).unwrap(), "F");
        assert_eq!(fs::read_dir(folder.path().join("some")).unwrap().count(), 1);
    }

    #[test]
    fn what_stands_at_a_path_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "four").unwrap();
        let found = stat(&file).unwrap().unwrap();
        assert_eq!((found.folder, found.size), (false, 4));
        assert!(stat(folder.path()).unwrap().unwrap().folder);
        assert_eq!(stat(&file.join("below")).unwrap(), None);
        assert_eq!(stat(&folder.path().join("missing")).unwrap(), None);
    }

    #[test]
    fn space_is_told_also_where_nothing_is_yet() {
        assert!(free_space("/tmp/not/yet/there".as_ref()).unwrap() > 0);
    }
}
