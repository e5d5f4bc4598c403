//! The two tasks of a world: one queues events, one folds them and asks the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;

use super::fold::is_of_use;
use super::state::{ContainerState, State};
use crate::engine::{Container, Engine, EngineError, EngineEvent, EngineResult, Reason};
use crate::wait::{Pace, every, pause};

/// How long an engine may be away before all waits on it end.
const AWAY: Duration = Duration::from_secs(15);
/// The first pause before the engine is asked again; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Somebody who waits at a barrier.
type Reply = oneshot::Sender<EngineResult<()>>;

type Events = BoxStream<'static, EngineResult<EngineEvent>>;

/// What the folder is fed.
pub(super) enum Fed {
    /// An event.
    Event(EngineEvent),
    /// The stream was made anew: some events may be missing.
    Reconnected,
    /// The engine went away and did not come back.
    Away(EngineError),
    /// The engine's answer about a container, to a question asked at a version of its state.
    Answer(String, u64, Box<EngineResult<Container>>),
    /// The engine's list, asked for when so many things had been folded, and those who wait for it.
    List(u64, EngineResult<Vec<Container>>, Vec<Reply>),
    /// Tell when all up to now is known.
    Sync(Reply),
    /// Forget the removed containers with this label and value.
    Forget(String, String),
}

/// Reads events and queues them; connects anew when they end.
pub(super) async fn read(engine: Arc<dyn Engine>, mut events: Events, feed: WeakUnboundedSender<Fed>) {
    let mut last = 0;
    loop {
        let before = last;
        while let Some(Ok(event)) = events.next().await {
            last = event.at.max(last);
            let Some(feed) = feed.upgrade() else { return };
            if is_of_use(&event) && feed.send(Fed::Event(event)).is_err() {
                return;
            }
        }
        if last == before {
            // A stream that ends without an event may do so again and again.
            pause(FIRST_PAUSE).await;
        }
        let connected = reconnect(&engine, last).await;
        let Some(feed) = feed.upgrade() else { return };
        match connected {
            Ok(anew) => {
                events = anew;
                feed.send(Fed::Reconnected).ok();
            }
            Err(error) => {
                feed.send(Fed::Away(error)).ok();
                return;
            }
        }
    }
}

/// Subscribes again, from the last event on: the engine tells what it still remembers.
async fn reconnect(engine: &Arc<dyn Engine>, last: i64) -> EngineResult<Events> {
    let since = (last > 0).then(|| format!("{}.{:09}", last / 1_000_000_000, last % 1_000_000_000));
    let pace = Pace::growing(FIRST_PAUSE, Duration::from_secs(2));
    let events = every(pace, Instant::now() + AWAY, || engine.events(since.clone())).await;
    events.map_err(|error| EngineError {
        reason: Reason::Away,
        ..error
    })
}

/// Folds what it is fed, and publishes the state.
pub(super) struct Folder {
    engine: Arc<dyn Engine>,
    label: String,
    state: State,
    publish: watch::Sender<Arc<State>>,
    feed: WeakUnboundedSender<Fed>,
    /// Counts all that was folded.
    folded: u64,
    /// When each container's state last changed by an event.
    changed: BTreeMap<String, u64>,
    /// The labels and values whose containers nobody asks for once they are removed.
    forgotten: BTreeSet<(String, String)>,
    /// Those who wait for the next list.
    syncs: Vec<Reply>,
    /// Those whose list has come, but not every answer that it led to.
    almost: Vec<Reply>,
    listing: bool,
    /// True when a further list has to be asked for after the one that is under way.
    list_again: bool,
}

/// Folds until nobody feeds any more.
pub(super) async fn fold(mut folder: Folder, mut fed: UnboundedReceiver<Fed>) {
    while let Some(first) = fed.recv().await {
        folder.eat(first);
        // One publication for all that is there: twelve scenarios look at each.
        while let Ok(next) = fed.try_recv() {
            folder.eat(next);
        }
        folder.publish();
    }
}

impl Folder {
    pub(super) fn new(
        engine: Arc<dyn Engine>,
        label: String,
        publish: watch::Sender<Arc<State>>,
        feed: WeakUnboundedSender<Fed>,
    ) -> Folder {
        Folder {
            engine,
            label,
            state: State::default(),
            publish,
            feed,
            folded: 0,
            changed: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            syncs: Vec::new(),
            almost: Vec::new(),
            listing: false,
            list_again: false,
        }
    }

    fn publish(&mut self) {
        self.state.generation += 1;
        self.publish.send_replace(Arc::new(self.state.clone()));
        // A barrier is passed only once the state behind it can be seen.
        if self.state.containers.values().all(|container| !container.asked) {
            for reply in take(&mut self.almost) {
                reply.send(Ok(())).ok();
            }
        }
    }

    fn eat(&mut self, fed: Fed) {
        self.folded += 1;
        match fed {
            Fed::Event(event) if event.of == "container" => self.event(&event),
            Fed::Event(_) => self.state.others += 1,
            Fed::Reconnected => {
                self.state.others += 1;
                self.list();
            }
            Fed::Away(error) => {
                for reply in take(&mut self.syncs).into_iter().chain(take(&mut self.almost)) {
                    reply.send(Err(error.clone())).ok();
                }
                self.state.away = Some(error);
            }
            Fed::Answer(id, version, answer) => self.answer(&id, version, *answer),
            Fed::List(asked, listed, waiting) => self.listed(asked, listed, waiting),
            Fed::Sync(reply) => match &self.state.away {
                Some(error) => drop(reply.send(Err(error.clone()))),
                None => {
                    self.syncs.push(reply);
                    self.list();
                }
            },
            Fed::Forget(label, value) => {
                self.forgotten.insert((label, value));
                self.let_go();
            }
        }
    }

    /// Drops what is removed and was to be forgotten.
    fn let_go(&mut self) {
        let Folder {
            state,
            changed,
            forgotten,
            ..
        } = self;
        state.containers.retain(|id, container| {
            let gone = container.removed && forgotten.iter().any(|(label, value)| container.has(label, value));
            if gone {
                changed.remove(id);
            }
            !gone
        });
    }

    fn event(&mut self, event: &EngineEvent) {
        if !self.state.containers.contains_key(&event.id) {
            if !is_labelled(&event.attributes, &self.label) || event.action == "destroy" {
                return;
            }
            let container = ContainerState::of_event(event);
            self.state.containers.insert(event.id.clone(), Arc::new(container));
            self.fold_event(event);
            self.ask(&event.id);
        } else if self.fold_event(event) {
            self.ask(&event.id);
        }
        if event.action == "destroy" {
            // Its removal may be told after the word to forget it.
            self.let_go();
        }
    }

    fn fold_event(&mut self, event: &EngineEvent) -> bool {
        self.changed.insert(event.id.clone(), self.folded);
        self.change(&event.id, |container| container.fold(event))
            .unwrap_or(false)
    }

    fn change<T>(&mut self, id: &str, change: impl FnOnce(&mut ContainerState) -> T) -> Option<T> {
        self.state
            .containers
            .get_mut(id)
            .map(|container| change(Arc::make_mut(container)))
    }

    /// Asks for a container, unless that is under way: an answer to an old question is asked again.
    fn ask(&mut self, id: &str) {
        let version = self.change(id, |container| {
            (!container.asked && !container.removed).then(|| {
                container.asked = true;
                container.version
            })
        });
        let Some(version) = version.flatten() else {
            return;
        };
        let (engine, feed, id) = (Arc::clone(&self.engine), self.feed.clone(), id.to_owned());
        tokio::spawn(async move {
            let answer = engine.inspect(&id).await;
            if let Some(feed) = feed.upgrade() {
                feed.send(Fed::Answer(id, version, Box::new(answer))).ok();
            }
        });
    }

    fn answer(&mut self, id: &str, version: u64, answer: EngineResult<Container>) {
        let again = self.change(id, |container| {
            container.asked = false;
            match answer {
                Ok(_) if container.removed => false,
                Ok(_) if container.version != version => true,
                Ok(answer) => {
                    container.take(&answer);
                    false
                }
                Err(error) => {
                    if error.reason == Reason::NotFound && !container.removed {
                        container.vanish();
                    }
                    false
                }
            }
        });
        if again == Some(true) {
            self.ask(id);
        }
    }

    /// Asks for the list of all containers; one at a time, so that many barriers cost no more than two lists.
    fn list(&mut self) {
        if self.listing {
            self.list_again = true;
            return;
        }
        self.listing = true;
        let (engine, feed, asked) = (Arc::clone(&self.engine), self.feed.clone(), self.folded);
        let (labels, waiting) = ([self.label.clone()], take(&mut self.syncs));
        tokio::spawn(async move {
            let listed = engine.containers(&labels).await;
            if let Some(feed) = feed.upgrade() {
                feed.send(Fed::List(asked, listed, waiting)).ok();
            }
        });
    }

    fn listed(&mut self, asked: u64, listed: EngineResult<Vec<Container>>, mut waiting: Vec<Reply>) {
        self.listing = false;
        if take(&mut self.list_again) {
            self.list();
        }
        match listed {
            Ok(listed) => {
                self.merge(asked, listed);
                self.let_go();
                self.almost.append(&mut waiting);
            }
            Err(error) => {
                for reply in waiting {
                    reply.send(Err(error.clone())).ok();
                }
            }
        }
    }

    fn merge(&mut self, asked: u64, listed: Vec<Container>) {
        let changed_since = |changed: &BTreeMap<String, u64>, id: &str| changed.get(id).is_some_and(|at| *at > asked);
        let ids: Vec<String> = listed.iter().map(|container| container.id.clone()).collect();
        for container in listed {
            let id = container.id.clone();
            if changed_since(&self.changed, &id) {
                self.ask(&id);
                continue;
            }
            let fresh = || {
                Arc::new(ContainerState {
                    id: id.clone(),
                    ..ContainerState::default()
                })
            };
            let known = self.state.containers.entry(id.clone()).or_insert_with(fresh);
            if !known.removed {
                Arc::make_mut(known).take(&container);
            }
        }
        let gone = self.state.present().map(|container| container.id.clone());
        let gone: Vec<String> = gone
            .filter(|id| !ids.contains(id) && !changed_since(&self.changed, id))
            .collect();
        for id in gone {
            self.change(&id, ContainerState::vanish);
        }
    }
}

fn is_labelled(labels: &BTreeMap<String, String>, label: &str) -> bool {
    match label.split_once('=') {
        Some((name, value)) => labels.get(name).is_some_and(|found| found == value),
        None => labels.contains_key(label),
    }
}
