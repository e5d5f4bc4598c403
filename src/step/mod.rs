//! The step kinds, one file each, and the table KINDS from which parser, schema, manual and did-you-mean derive.
//!
//! A kind is a column through the layers: its YAML (`Shape`), how its names are bound (`Written::bind`) and what it does
//! (`Act::act`). Adding one is a file and two lines here: `mod x;` and an entry of KINDS.

mod advice;
mod again;
mod asks;
mod assert;
mod at_work;
mod balance_assert;
mod bind;
mod bound;
mod case;
mod changing;
mod command;
mod commit;
mod converging;
mod copy;
mod crash_watch;
mod cx;
mod deploy;
mod describe;
mod dns;
mod do_;
mod down;
mod elsewhere;
mod emitter;
mod exec;
mod expect_log;
pub(crate) mod expected;
mod file_assert;
mod fixed_ports;
mod fixed_subnets;
mod for_each;
pub(crate) mod golden;
mod http;
pub(crate) mod inside;
mod junit;
mod lifecycle;
mod log_assert;
mod measure;
pub(crate) mod own_secrets;
mod parallel;
mod place;
mod probed;
mod resource;
mod rollback;
mod run;
mod scale;
mod schema;
mod shell;
mod startable;
mod state_assert;
mod taken;
mod target;
mod tcp;
mod tool;
mod unmade;
mod up;
mod update;
mod use_;
pub(crate) mod volume;
mod written;

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::event::{Detail, Fault};
use crate::expect::{Field, Usual};
use crate::shape::{Problems, Rule, Shape};
use crate::yaml::Node;

pub(crate) use advice::kind_meant;
pub use again::Again;
pub use at_work::AtWork;
pub use bind::{BUILT_IN, Binder, Known, Noted, Static, name_problem, path_problem};
pub use bound::{Block, Body, Bound, Lane, OwnScope, Repeat, SetBy};
pub use case::{Case, NodeHandle, StackState, Started, UNPLACED, Unmarked};
pub use crash_watch::{CrashWatch, Crashes, RunOf};
pub use cx::{Cx, Done};
pub use elsewhere::Elsewhere;
pub use emitter::{Emitter, wall_clock};
pub use expect_log::{ExpectLog, Expected, ExpectedLine};
pub use fixed_ports::{Asker, held};
pub use for_each::{ForEach, Items};
pub use log_assert::JoinWord;
pub use measure::{Baseline, Measuring};
pub use probed::Seen;
pub use resource::OwnNames;
pub use schema::common_schema;
pub use taken::Taken;
pub use target::{ContainerRef, Ref, ServiceRef, StackNames, Unfound, find_container, find_service};
pub use up::Put;
pub use written::{Common, Keep, KnownIssue, Later, Skip, Step, common_keys, no_time};

/// Of a kind that has a service or a container for its target.
const TARGET: Rule = Rule::One(&["service", "container"]);

/// What sort of kind it is: this decides which common keys it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// It changes something; `within` has no meaning for it.
    Action,
    /// It asks; `within` asks again.
    Question,
    /// It judges: a failure of it does not keep the checks that follow directly from being made.
    Check,
    /// It holds other steps.
    Block,
}

/// A step kind: an entry of the table.
pub struct Kind {
    /// What it is written as.
    pub name: &'static str,
    /// What it does, in a sentence; the first line of its manual.
    pub does: &'static str,
    /// The rest of its manual, in Markdown.
    pub manual: &'static str,
    /// A step that shows it, in YAML, beginning with `- `.
    pub example: &'static str,
    /// What sort it is.
    pub sort: Sort,
    /// The default limit of one attempt.
    pub limit: Duration,
    /// The fields of its result.
    pub results: &'static [Field],
    /// What is expected of its result when nothing is said.
    pub defaults: &'static [Usual],
    /// Names that its own expressions see beside the scope's.
    pub locals: &'static [&'static str],
    /// Reads its value.
    pub read: fn(&Node, &mut Problems) -> Option<Arc<dyn Written>>,
    /// The field, by its Rust name, that a value which is no mapping stands for.
    pub short: fn() -> Option<&'static str>,
    /// The keys of its value.
    pub keys: fn() -> &'static [Cow<'static, str>],
    /// Of which of its fields there is a result, by the key of its value that decides it; empty where all are.
    pub results_by: fn() -> &'static [(&'static str, &'static [&'static str])],
    /// The schema of its value.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

impl Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// What a kind's file gives to the table beside its type.
#[derive(Debug)]
pub struct About {
    /// See [`Kind::name`].
    pub name: &'static str,
    /// See [`Kind::does`].
    pub does: &'static str,
    /// See [`Kind::manual`].
    pub manual: &'static str,
    /// See [`Kind::example`].
    pub example: &'static str,
    /// See [`Kind::sort`].
    pub sort: Sort,
    /// See [`Kind::limit`].
    pub limit: Duration,
    /// See [`Kind::results`].
    pub results: &'static [Field],
    /// See [`Kind::defaults`].
    pub defaults: &'static [Usual],
    /// See [`Kind::locals`].
    pub locals: &'static [&'static str],
}

impl Kind {
    /// Puts a type and its description together.
    const fn of<T: Shape + Written + 'static>(about: About) -> Kind {
        Kind {
            name: about.name,
            does: about.does,
            manual: about.manual,
            example: about.example,
            sort: about.sort,
            limit: about.limit,
            results: about.results,
            defaults: about.defaults,
            locals: about.locals,
            read: |node, problems| T::read(node, problems).map(|body| Arc::new(body) as Arc<dyn Written>),
            short: T::short,
            keys: T::own_keys,
            results_by: T::results_by,
            schema: |generator| generator.subschema_for::<T>(),
        }
    }
}

/// A kind's value as written.
pub trait Written: Debug + Send + Sync {
    /// What the step is called when it has no name, beside its kind: its target.
    fn title(&self) -> String;

    /// See [`Kind::results_by`].
    fn results_by() -> &'static [(&'static str, &'static [&'static str])]
    where
        Self: Sized,
    {
        &[]
    }

    /// Judges it together with the common keys beside it; problems go to the binder.
    fn check(&self, _step: &Step, _binder: &mut Binder<'_>) {}

    /// Binds its names; problems go to the binder, `None` when it cannot be bound.
    fn bind(&self, binder: &mut Binder<'_>) -> Option<Body>;
}

/// A kind that is bound: it can be done.
#[async_trait]
pub trait Act: Debug + Send + Sync {
    /// Does it once: its result's fields, or why there is none. The limit and cancelling are the interpreter's.
    async fn act(&self, cx: &Cx) -> Done<Value>;

    /// Waits for something after which asking again makes sense; without one it is asked again every `every`.
    /// Returns at once when it cannot tell.
    async fn changed(&self, _cx: &Cx) {
        std::future::pending().await
    }

    /// What explains a result that is not as it should be: the answer that was judged, or what the containers that it is
    /// about have written. Asked for once, of the last result.
    async fn explain(&self, _cx: &Cx, _outputs: &Value, _faults: &[Fault]) -> Vec<Detail> {
        Vec::new()
    }

    /// The images that it wants, as far as they are known before anything starts.
    fn images(&self) -> Vec<&str> {
        Vec::new()
    }

    /// True for one that asks from inside a service's network.
    fn asks_inside(&self) -> bool {
        false
    }

    /// True for a question that may change what it asks: a command, a `post`.
    fn may_change(&self) -> bool {
        false
    }

    /// What it comes to where only the results that a run left are judged.
    fn again(&self) -> Again {
        Again::AsItWent
    }

    /// True for one that waits until its limit (or `within`) by itself, and tells then what it saw.
    fn waits_itself(&self) -> bool {
        false
    }

    /// True for one that ends at its deadline by itself, and tells then what it saw.
    fn ends_itself(&self) -> bool {
        self.waits_itself()
    }
}

/// The kinds, in the order of the manual.
pub static KINDS: &[Kind] = &[
    Kind::of::<up::Up>(up::ABOUT),
    Kind::of::<deploy::Deploy>(deploy::ABOUT),
    Kind::of::<down::Down>(down::ABOUT),
    Kind::of::<exec::Exec>(exec::ABOUT),
    Kind::of::<run::Run>(run::ABOUT),
    Kind::of::<shell::Shell>(shell::ABOUT),
    Kind::of::<copy::Copy>(copy::ABOUT),
    Kind::of::<http::Http>(http::ABOUT),
    Kind::of::<tcp::Tcp>(tcp::ABOUT),
    Kind::of::<dns::Dns>(dns::ABOUT),
    Kind::of::<log_assert::LogAssert>(log_assert::ABOUT),
    Kind::of::<state_assert::StateAssert>(state_assert::ABOUT),
    Kind::of::<file_assert::FileAssert>(file_assert::ABOUT),
    Kind::of::<balance_assert::BalanceAssert>(balance_assert::ABOUT),
    Kind::of::<assert::Assert>(assert::ABOUT),
    Kind::of::<measure::Measured>(measure::ABOUT),
    Kind::of::<lifecycle::Stop>(lifecycle::STOP),
    Kind::of::<lifecycle::Start>(lifecycle::START),
    Kind::of::<lifecycle::Restart>(lifecycle::RESTART),
    Kind::of::<lifecycle::Kill>(lifecycle::KILL),
    Kind::of::<lifecycle::Pause>(lifecycle::PAUSE),
    Kind::of::<lifecycle::Unpause>(lifecycle::UNPAUSE),
    Kind::of::<commit::Commit>(commit::ABOUT),
    Kind::of::<scale::Scale>(scale::ABOUT),
    Kind::of::<update::Update>(update::ABOUT),
    Kind::of::<rollback::Rollback>(rollback::ABOUT),
    Kind::of::<do_::Do>(do_::ABOUT),
    Kind::of::<use_::Use>(use_::ABOUT),
    Kind::of::<parallel::Parallel>(parallel::ABOUT),
];

/// The kinds of later work: known to schema and parser, and using one says that it is not there yet.
pub const LATER_KINDS: &[&str] = &[
    "drain",
    "activate",
    "promote",
    "demote",
    "leave-swarm",
    "label",
    "switch",
    "fault",
];

/// The kind of a name.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}
