//! One of them, planned: its words rendered, its real name made.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use super::{ContentPlan, Context, NetworkPlan, SECRETS, VolumePlan};
use crate::diagnostic::{Diagnostic, Span, did_you_mean};
use crate::engine::{Labels, NetworkSpec, VolumeSpec};
use crate::host::file_name_of;
use crate::scenario::declared::{Content, Network, Volume};
use crate::scenario::{Reading, TooLate};
use crate::shape::Text;
use crate::template::Scope;

/// Why none of them waits for anything.
const LATE: TooLate = (
    "this is made before anything starts, and it is known only later",
    "use variables, the matrix, `random()`, `file()`",
);
/// The driver of networks that a swarm's nodes share: one that nobody can join would be for nobody.
const OVERLAY: &str = "overlay";

/// The drivers of networks that an engine has without plugins.
const NETWORK_DRIVERS: [&str; 6] = ["bridge", OVERLAY, "macvlan", "ipvlan", "host", "none"];
/// Those of volumes.
const VOLUME_DRIVERS: [&str; 1] = ["local"];

/// The one of an engine's own drivers that is nearly what was written.
fn meant<'k>(driver: &str, known: &[&'k str]) -> Option<&'k str> {
    let is_other = !driver.is_empty() && !known.contains(&driver);
    is_other.then(|| did_you_mean(driver, known)).flatten()
}

/// Tells a subnet that is none.
fn check_subnet(text: &str) -> Result<(), String> {
    let none = || format!("`{text}` is no subnet");
    let (address, bits) = text.split_once('/').ok_or_else(none)?;
    let address: IpAddr = address.parse().map_err(|_| none())?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits: u32 = bits.parse().ok().filter(|bits| *bits <= most).ok_or_else(none)?;
    let is_set = match address {
        IpAddr::V4(address) => u32::from(address).checked_shl(bits).unwrap_or(0) != 0,
        IpAddr::V6(address) => u128::from(address).checked_shl(bits).unwrap_or(0) != 0,
    };
    match is_set {
        true => Err(format!(
            "`{text}` is an address in a subnet, and no subnet: behind its {bits} bits not all is 0"
        )),
        false => Ok(()),
    }
}

/// Plans one of them.
pub(super) struct Planning<'a> {
    pub(super) scope: &'a Scope,
    pub(super) context: &'a Context<'a>,
    pub(super) problems: &'a mut Vec<Diagnostic>,
}

impl Planning<'_> {
    pub(super) fn content(
        &mut self,
        section: &'static str,
        (name, at): (&str, &Span),
        written: &Content,
    ) -> Option<ContentPlan> {
        let one = section.trim_end_matches('s');
        let real = self.real(one, name, at);
        let bytes = match (&written.content, &written.file) {
            (Some(content), None) => self.reading().text(content)?.into_bytes().into(),
            (None, Some(file)) => self.file(file)?,
            (Some(_), Some(file)) => {
                let message = format!("`content` and `file`: a {one} has one of them");
                self.problems
                    .push(Diagnostic::error(&file.span, message).help("take one out"));
                return None;
            }
            (None, None) => {
                let message = format!("the {one} `{name}` holds nothing");
                let help = "`{content: \"${{ random(24) }}\"}`, or `{file: ./password.txt}`";
                self.problems.push(Diagnostic::error(&written.span, message).help(help));
                return None;
            }
        };
        if section == SECRETS && bytes.trim_ascii().is_empty() {
            let place = written.content.as_ref().or(written.file.as_ref());
            let message = format!("the secret `{name}` is empty: there is nothing to hide");
            let place = place.map_or(&written.span, |text| &text.span);
            self.problems
                .push(Diagnostic::error(place, message).help("give it some text"));
            return None;
        }
        let file = format!("{one}-{}", file_name_of(name));
        Some(ContentPlan {
            section,
            name: name.to_owned(),
            real: real?,
            at: at.clone(),
            bytes,
            file: self.context.hidden.join(file),
        })
    }

    pub(super) fn network(&mut self, (name, at): (&str, &Span), written: &Network) -> Option<NetworkPlan> {
        let real = self.real("network", name, at);
        let driver = self.reading().optional(written.driver.as_ref())?.unwrap_or_default();
        let subnet = self.reading().optional(written.subnet.as_ref())?;
        if let (Some(written), Some(Err(problem))) = (&written.subnet, subnet.as_deref().map(check_subnet)) {
            let problem = Diagnostic::error(&written.span, problem);
            self.problems
                .push(problem.help("an address and how many bits of it are the network's: `10.77.0.0/24`"));
            return None;
        }
        if let (Some(written), Some(near)) = (&written.driver, meant(&driver, &NETWORK_DRIVERS)) {
            self.unknown_driver((&driver, near), &written.span);
        }
        let is = |flag: &Option<crate::diagnostic::Spanned<bool>>| flag.as_ref().map(|flag| flag.value);
        let (options, labels) = (
            self.reading().texts(&written.options)?,
            self.reading().texts(&written.labels)?,
        );
        Some(NetworkPlan {
            name: name.to_owned(),
            at: at.clone(),
            spec: NetworkSpec {
                name: real?,
                attachable: is(&written.attachable).unwrap_or(driver == OVERLAY),
                internal: is(&written.internal).unwrap_or(false),
                ipv6: is(&written.ipv6).unwrap_or(false),
                subnet,
                options,
                labels: self.labels(labels),
                driver,
            },
        })
    }

    pub(super) fn volume(&mut self, (name, at): (&str, &Span), written: &Volume) -> Option<VolumePlan> {
        let real = self.real("volume", name, at);
        let from = match &written.from {
            Some(from) => Some(self.there(from)?),
            None => None,
        };
        let driver = self.reading().optional(written.driver.as_ref())?.unwrap_or_default();
        if let (Some(written), Some(near)) = (&written.driver, meant(&driver, &VOLUME_DRIVERS)) {
            self.unknown_driver((&driver, near), &written.span);
        }
        let (options, labels) = (
            self.reading().texts(&written.options)?,
            self.reading().texts(&written.labels)?,
        );
        Some(VolumePlan {
            name: name.to_owned(),
            at: at.clone(),
            spec: VolumeSpec {
                name: real?,
                driver,
                options,
                labels: self.labels(labels),
            },
            from,
        })
    }

    /// Warns of a driver that is nearly one of the engine's own: others are plugins, which an engine may have.
    fn unknown_driver(&mut self, (driver, near): (&str, &str), at: &Span) {
        let message = format!("the engine has no driver `{driver}` of its own: it is taken for a plugin's");
        let problem = Diagnostic::warning(at, message);
        self.problems.push(problem.help(format!("did you mean `{near}`?")));
    }

    /// The real name, of characters that the engine takes.
    fn real(&mut self, one: &str, name: &str, at: &Span) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if !name.chars().all(plain) {
            let message = format!("`{name}` is no name for a {one}");
            let help = "a name has letters, digits, `_`, `.` and `-`";
            self.problems.push(Diagnostic::error(at, message).help(help));
            return None;
        }
        Some(format!("{}_{name}", self.context.attempt.case))
    }

    /// The case's own labels count: by them it is removed.
    fn labels(&self, more: BTreeMap<String, String>) -> Labels {
        more.into_iter().chain(self.context.attempt.labels.clone()).collect()
    }

    /// A path at which something is.
    fn there(&mut self, text: &Text) -> Option<PathBuf> {
        let path = self.reading().path(text)?;
        if self.context.attempt.files.is_there(&path)? {
            return Some(path);
        }
        let message = format!(
            "there is no file or folder `{}`",
            self.context.attempt.files.shown(&path)
        );
        let help = "its path is relative to the file that it is written in";
        self.problems.push(Diagnostic::error(&text.span, message).help(help));
        None
    }

    /// What is in a file.
    fn file(&mut self, written: &Text) -> Option<Arc<[u8]>> {
        let path = self.reading().path(written)?;
        match self.context.attempt.files.bytes(&path)? {
            Ok(bytes) => Some(bytes),
            Err(why) => {
                let shown = self.context.attempt.files.shown(&path);
                let message = format!("cannot read `{shown}`: {why}");
                let help = "its path is relative to the file that it is written in";
                self.problems.push(Diagnostic::error(&written.span, message).help(help));
                None
            }
        }
    }

    fn reading(&mut self) -> Reading<'_> {
        Reading {
            known: self.context.attempt.known(self.scope),
            late: LATE,
            problems: self.problems,
        }
    }
}
