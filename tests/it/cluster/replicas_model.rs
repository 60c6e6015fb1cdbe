//! A model of how servers share the work for one driver Pod, gone through state by state for three servers.
//!
//! A step is one request and its answer. Beside the servers' steps there are: a crash, an answer that is lost, a driver that
//! starts, the garbage collector, and time. Of time the model knows one thing: while a call works on its Pod, the Pod is not
//! old, for a call's work ends after 30 s and a Pod is old after 35 s (`cluster/call.rs`). It doesn't have a creation that the API server
//! carries out after its caller gave it up and saw that the object isn't there.
//!
//! Each rule of the protocol can be switched off, and then there is a counterexample: so the model sees what it is for.
// Clippy sees that code is a test's only inside #[test].
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap};

/// A rule of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// An incomplete Pod that is young is waited for.
    WaitWhileYoung,
    /// A call writes its name on a Pod before it completes it.
    TakeOverByName,
    /// A Pod that was looked at is deleted in that version only.
    DeleteByVersion,
    /// After a lost answer the name tells whose the Pod is.
    KnowOwnByName,
    /// What may be there is looked at before a rollback.
    LookBeforeRollback,
}

/// What a server is to submit.
#[derive(Debug, Clone, Copy)]
struct Submission {
    /// The submission id.
    id: usize,
    template_set: u8,
    /// The second object is refused to this server for good.
    fails: bool,
    /// It may not write its name on a Pod.
    may_not_patch: bool,
}

#[derive(Debug, Clone, Copy)]
struct Setup {
    submissions: [Submission; 3],
    /// The rule that is switched off.
    without: Option<Rule>,
    crashes: u8,
    lost_answers: u8,
}

impl Setup {
    fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Pod {
    uid: u8,
    version: u8,
    id: usize,
    template_set: u8,
    /// The call whose name is on it.
    call: usize,
    old: bool,
    started: bool,
}

/// Which of its two objects a Pod has.
type Have = [bool; 2];

/// Where a call is: what it does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    /// Creates the Pod.
    Post,
    /// Doesn't know whether it has created the Pod.
    Unsure,
    /// Reads the Pod.
    Look,
    /// Reads the objects of the Pod that it has read.
    Objects(Pod),
    /// Writes its name on the Pod that it has read.
    TakeOver(Pod, Have),
    /// Deletes the Pod that it has read.
    Remove(Pod),
    /// Creates objects for the Pod of this uid; whether it has found the Pod.
    Furnish(u8, Have, bool),
    /// The same, and it doesn't know whether this object is there.
    Again(u8, Have, bool, usize),
    /// Rolls the Pod of this uid back.
    RollBack(u8, bool),
    /// Has answered that the Pod of this uid is there, complete.
    There(u8),
    /// Has answered that another submission has the name.
    Exists,
    /// Has answered with an error.
    Failed,
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    pod: Option<Pod>,
    /// The owner of each object, by submission id; 0 is none.
    objects: [[u8; 2]; 3],
    last_uid: u8,
    calls: [At; 3],
    crashes: u8,
    lost_answers: u8,
}

/// A step's name and where it leads, or what it violates.
type Step = (String, Result<State, String>);

impl At {
    fn ended(self) -> bool {
        matches!(self, Self::There(_) | Self::Exists | Self::Failed | Self::Dead)
    }
}

impl State {
    fn start(setup: &Setup) -> Self {
        Self {
            pod: None,
            objects: [[0; 2]; 3],
            last_uid: 0,
            calls: [At::Post; 3],
            crashes: setup.crashes,
            lost_answers: setup.lost_answers,
        }
    }

    fn have(&self, pod: Pod) -> Have {
        self.objects[pod.id].map(|owner| owner == pod.uid)
    }

    fn complete(&self, pod: Pod) -> bool {
        self.have(pod) == [true; 2]
    }

    fn at(mut self, call: usize, at: At) -> Self {
        self.calls[call] = at;
        self
    }

    fn losing(mut self) -> Self {
        self.lost_answers -= 1;
        self
    }

    /// Whether a call works on the Pod, and so is within its time.
    fn is_worked_on(&self, pod: Pod) -> bool {
        match self.calls[pod.call] {
            At::Furnish(uid, ..) | At::Again(uid, ..) | At::RollBack(uid, _) => uid == pod.uid,
            At::Unsure => true,
            _ => false,
        }
    }

    /// Every answer that was given is true, now and so at the end.
    fn flaw(&self) -> Option<String> {
        for (n, at) in self.calls.iter().enumerate() {
            if let At::There(uid) = at
                && !self.pod.is_some_and(|pod| pod.uid == *uid && self.complete(pod))
            {
                return Some(format!("call {n} answered that Pod {uid} is there"));
            }
        }
        None
    }

    /// The Pod is deleted by this call.
    fn without(mut self, call: usize, pod: Pod) -> Result<Self, String> {
        if pod.call != call && (self.complete(pod) || pod.started || !pod.old) {
            return Err(format!(
                "call {call} deletes {pod:?}, complete: {}",
                self.complete(pod)
            ));
        }
        self.pod = None;
        Ok(self)
    }

    fn steps(&self, setup: &Setup) -> Vec<Step> {
        let mut steps = Vec::new();
        for call in 0..3 {
            if self.calls[call].ended() {
                continue;
            }
            for (name, next) in self.steps_of(call, setup) {
                steps.push((format!("call {call}: {name}"), next));
            }
            if self.crashes > 0 {
                let mut next = self.at(call, At::Dead);
                next.crashes -= 1;
                steps.push((format!("call {call} dies"), Ok(next)));
            }
        }
        if let Some(pod) = self.pod {
            let mut next = *self;
            if !pod.old && !self.is_worked_on(pod) {
                next.pod = Some(Pod { old: true, ..pod });
                steps.push(("35 s pass".to_owned(), Ok(next)));
            }
            if !pod.started && self.have(pod)[0] {
                let version = pod.version + 1;
                next.pod = Some(Pod {
                    started: true,
                    version,
                    ..pod
                });
                steps.push(("the driver starts".to_owned(), Ok(next)));
            }
        }
        let live = self.pod.map_or(0, |pod| pod.uid);
        let mut next = *self;
        for owner in next.objects.iter_mut().flatten().filter(|owner| **owner != live) {
            *owner = 0;
        }
        if next != *self {
            steps.push(("garbage is collected".to_owned(), Ok(next)));
        }
        steps
    }

    fn steps_of(&self, call: usize, setup: &Setup) -> Vec<(&'static str, Result<Self, String>)> {
        let Submission {
            id,
            template_set,
            fails,
            may_not_patch,
        } = setup.submissions[call];
        let to = |at| Ok(self.at(call, at));
        match self.calls[call] {
            At::Post => self.post(call, setup),
            At::Unsure => {
                let at = match self.pod {
                    None => At::Post,
                    Some(pod) if setup.has(Rule::KnowOwnByName) && pod.call != call => At::Look,
                    Some(pod) if pod.id != id => At::Look,
                    Some(pod) => At::Furnish(pod.uid, [false; 2], false),
                };
                vec![("looks whether the Pod is its own", to(at))]
            }
            At::Look => vec![("looks at the Pod", to(self.pod.map_or(At::Post, At::Objects)))],
            At::Objects(pod) => {
                let (have, complete) = (self.have(pod), self.complete(pod));
                let at = if !complete && !pod.old && setup.has(Rule::WaitWhileYoung) {
                    At::Look
                } else if pod.id == id && complete {
                    At::There(pod.uid)
                } else if pod.id == id && (pod.started || pod.template_set == template_set) {
                    At::TakeOver(pod, have)
                } else if pod.id != id && (complete || pod.started) {
                    At::Exists
                } else {
                    At::Remove(pod)
                };
                vec![("looks at the objects", to(at))]
            }
            At::TakeOver(seen, have) if may_not_patch => {
                // Nobody removes a Pod that has started, so it can be completed without.
                let at = if seen.started {
                    At::Furnish(seen.uid, have, true)
                } else {
                    At::Remove(seen)
                };
                vec![("may not take the Pod over", to(at))]
            }
            At::TakeOver(seen, have) => {
                vec![("takes the Pod over", Ok(self.take_over(call, seen, have, setup)))]
            }
            At::Remove(seen) => {
                let next = match self.pod {
                    Some(pod)
                        if pod.uid == seen.uid
                            && (pod.version == seen.version || !setup.has(Rule::DeleteByVersion)) =>
                    {
                        self.without(call, pod).map(|next| next.at(call, At::Post))
                    }
                    _ => to(At::Look),
                };
                vec![("deletes the Pod", next)]
            }
            At::Furnish(uid, have, found) => self.furnish(call, id, uid, have, found, fails),
            At::Again(uid, mut have, found, n) => {
                have[n] = setup.has(Rule::LookBeforeRollback) && self.objects[id][n] == uid;
                let at = if have[n] {
                    At::Furnish(uid, have, found)
                } else {
                    At::RollBack(uid, found)
                };
                vec![("looks again", to(at))]
            }
            At::RollBack(uid, found) => {
                let next = match self.pod {
                    Some(pod)
                        if pod.uid == uid && !(found && pod.started) && rolls_back(pod, call, setup) =>
                    {
                        self.without(call, pod).map(|next| next.at(call, At::Failed))
                    }
                    _ => to(At::Failed),
                };
                vec![("rolls back", next)]
            }
            At::There(_) | At::Exists | At::Failed | At::Dead => Vec::new(),
        }
    }

    fn post(&self, call: usize, setup: &Setup) -> Vec<(&'static str, Result<Self, String>)> {
        let Submission { id, template_set, .. } = setup.submissions[call];
        let mut next = *self;
        let at = if self.pod.is_none() {
            next.last_uid += 1;
            next.pod = Some(Pod {
                uid: next.last_uid,
                version: 0,
                id,
                template_set,
                call,
                old: false,
                started: false,
            });
            At::Furnish(next.last_uid, [false; 2], false)
        } else {
            At::Look
        };
        let mut steps = vec![("creates the Pod", Ok(next.at(call, at)))];
        if self.lost_answers > 0 {
            steps.push((
                "gets no answer to the Pod's POST",
                Ok(next.losing().at(call, At::Unsure)),
            ));
        }
        steps
    }

    fn take_over(&self, call: usize, seen: Pod, have: Have, setup: &Setup) -> Self {
        let mut next = *self;
        let at = match self.pod {
            Some(pod) if pod.uid == seen.uid && !setup.has(Rule::TakeOverByName) => {
                At::Furnish(pod.uid, have, true)
            }
            Some(pod) if pod.uid == seen.uid && pod.version == seen.version => {
                next.pod = Some(Pod {
                    call,
                    old: false,
                    version: pod.version + 1,
                    ..pod
                });
                At::Furnish(pod.uid, have, true)
            }
            _ => At::Look,
        };
        next.at(call, at)
    }

    fn furnish(
        &self,
        call: usize,
        id: usize,
        uid: u8,
        have: Have,
        found: bool,
        fails: bool,
    ) -> Vec<(&'static str, Result<Self, String>)> {
        if have == [true; 2] {
            return vec![("answers", Ok(self.at(call, At::There(uid))))];
        }
        let mut steps = Vec::new();
        for n in (0..2).filter(|n| !have[*n]) {
            if fails && n == 1 {
                steps.push((
                    "is refused an object",
                    Ok(self.at(call, At::RollBack(uid, found))),
                ));
                continue;
            }
            let mut next = *self;
            next.objects[id][n] = uid;
            let mut more = have;
            more[n] = true;
            steps.push((
                "creates an object",
                Ok(next.at(call, At::Furnish(uid, more, found))),
            ));
            if self.lost_answers > 0 {
                let at = At::Again(uid, have, found, n);
                steps.push(("gets no answer about an object", Ok(next.losing().at(call, at))));
                steps.push(("doesn't reach the API server", Ok(self.losing().at(call, at))));
            }
        }
        steps
    }
}

/// Whether a call that failed may delete the Pod.
fn rolls_back(pod: Pod, call: usize, setup: &Setup) -> bool {
    pod.call == call
        || !setup.has(Rule::DeleteByVersion)
        || !setup.has(Rule::KnowOwnByName)
        || !setup.has(Rule::TakeOverByName)
}

/// What is wrong, and the steps that lead there.
#[derive(Debug)]
struct Counterexample {
    flaw: String,
    steps: Vec<String>,
}

/// Goes through all states; how many there are.
fn explore(setup: &Setup) -> Result<usize, Counterexample> {
    let mut states = vec![State::start(setup)];
    let mut known: HashMap<State, usize> = [(states[0], 0)].into();
    // How each state is reached first, and from where it is reached at all.
    let mut reached: Vec<(usize, String)> = vec![(0, "start".to_owned())];
    let mut before: Vec<Vec<usize>> = vec![Vec::new()];
    let mut ends = Vec::new();
    let path = |reached: &[(usize, String)], mut at: usize, last: Option<String>| {
        let mut steps = Vec::from_iter(last);
        while at != 0 {
            steps.push(reached[at].1.clone());
            at = reached[at].0;
        }
        steps.reverse();
        steps
    };
    let mut at = 0;
    while at < states.len() {
        let state = states[at];
        if let Some(flaw) = state.flaw() {
            let steps = path(&reached, at, None);
            return Err(Counterexample { flaw, steps });
        }
        if state.calls.iter().all(|call| call.ended()) {
            ends.push(at);
            if let Some(flaw) = flaw_at_end(setup, &state) {
                let steps = path(&reached, at, None);
                return Err(Counterexample { flaw, steps });
            }
        }
        for (name, next) in state.steps(setup) {
            let next = match next {
                Ok(next) => next,
                Err(flaw) => {
                    let steps = path(&reached, at, Some(name));
                    return Err(Counterexample { flaw, steps });
                }
            };
            let index = *known.entry(next).or_insert_with(|| {
                states.push(next);
                reached.push((at, name));
                before.push(Vec::new());
                states.len() - 1
            });
            before[index].push(at);
        }
        at += 1;
    }
    // No deadlock, and no ring of waiting calls: from each state an end can be reached.
    let mut ending = vec![false; states.len()];
    while let Some(at) = ends.pop() {
        if !std::mem::replace(&mut ending[at], true) {
            ends.extend(&before[at]);
        }
    }
    match ending.iter().position(|ends| !ends) {
        None => Ok(states.len()),
        Some(stuck) => Err(Counterexample {
            flaw: format!("no call ends any more: {:?}", states[stuck]),
            steps: path(&reached, stuck, None),
        }),
    }
}

/// Where all requests got through, a call that is refused nothing has succeeded, or has found a complete set.
fn flaw_at_end(setup: &Setup, state: &State) -> Option<String> {
    let all_got_through = state.lost_answers == setup.lost_answers;
    for (call, at) in state.calls.iter().enumerate() {
        if all_got_through && !setup.submissions[call].fails && *at == At::Failed {
            return Some(format!("call {call} failed"));
        }
    }
    let healthy = (0..3).any(|call| !setup.submissions[call].fails && state.calls[call] != At::Dead);
    let set = state.pod.is_some_and(|pod| state.complete(pod) || pod.started);
    (healthy && all_got_through && !set).then(|| "there is no set in the end".to_owned())
}

/// All that three servers can have to submit, but for what is the same by another order.
fn setups(without: Option<Rule>) -> Vec<Setup> {
    let mut setups = BTreeMap::new();
    for ids in [[0, 0, 0], [0, 0, 1], [0, 1, 2]] {
        for sets in 0..4_u8 {
            // Of each server two things.
            for flags in 0..64_u8 {
                let flag = |n: usize| (flags >> n) & 1 == 1;
                let submissions = [0, 1, 2].map(|n| Submission {
                    id: ids[n],
                    template_set: (sets >> n) & 1,
                    fails: flag(n),
                    may_not_patch: flag(n + 3),
                });
                // The right matters to who may complete: to servers with the same set, and one without it is enough.
                let without_right = submissions
                    .iter()
                    .filter(|submission| submission.may_not_patch)
                    .count();
                if without_right > 1 || (without_right == 1 && sets != 0) {
                    continue;
                }
                let mut key = submissions.map(|one| (one.id, one.template_set, one.fails, one.may_not_patch));
                key.sort_unstable();
                let setup = Setup {
                    submissions,
                    without,
                    crashes: 1,
                    lost_answers: 1,
                };
                setups.entry(key).or_insert(setup);
            }
        }
    }
    setups.into_values().collect()
}

#[test]
fn three_servers_never_undo_each_others_work() {
    let mut states = 0;
    let setups = setups(None);
    for setup in &setups {
        match explore(setup) {
            Ok(count) => states += count,
            Err(Counterexample { flaw, steps }) => {
                panic!("{setup:?}: {flaw}, by:\n  {}", steps.join("\n  "))
            }
        }
    }
    println!("{states} states of {} setups", setups.len());
    assert!(states > 100_000, "{states}");
}

#[test]
fn without_any_one_rule_there_is_a_counterexample() {
    for rule in [
        Rule::WaitWhileYoung,
        Rule::TakeOverByName,
        Rule::DeleteByVersion,
        Rule::KnowOwnByName,
        Rule::LookBeforeRollback,
    ] {
        let found = setups(Some(rule)).iter().find_map(|setup| explore(setup).err());
        let Some(Counterexample { flaw, steps }) = found else {
            panic!("without {rule:?} nothing goes wrong: the model doesn't see what it is for");
        };
        println!("without {rule:?}: {flaw}\n  {}", steps.join("\n  "));
        assert!(steps.len() > 2, "{rule:?}: {steps:?}");
    }
}
