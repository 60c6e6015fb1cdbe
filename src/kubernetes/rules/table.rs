//! Tables of rules: what holds at each place that a pattern names.
//!
//! Most of their rows are about fields that a document doesn't have. So the rows are arranged as the tree of their fields, and
//! a document is walked once for each table, and only where it has something.

use super::Kind;
use crate::kubernetes::at::{At, Step};
use std::sync::OnceLock;

/// To which kinds a row applies.
#[derive(Clone, Copy)]
pub(crate) enum For {
    /// The driver Pod and the executor pod template.
    Pods,
    /// The driver Pod: Spark completes the executor's.
    Driver,
    /// One kind.
    Only(Kind),
}

impl For {
    fn applies(self, kind: Kind) -> bool {
        match self {
            For::Pods => kind.is_pod(),
            For::Driver => kind == Kind::Pod,
            For::Only(only) => kind == only,
        }
    }
}

/// The patterns under which containers stand.
pub(crate) const CONTAINERS: [&str; 2] = ["spec.containers[]", "spec.initContainers[]"];

/// Rows of a kind, a pattern below the document, and what holds there.
type Rows<T> = &'static [(For, &'static str, T)];

/// Rows of a pattern below each container, and what holds there.
type ContainerRows<T> = &'static [(&'static str, T)];

/// What holds at which place of which kind.
pub(crate) struct Table<T: 'static> {
    rows: Rows<T>,
    in_container: ContainerRows<T>,
    arranged: [OnceLock<Node<T>>; Kind::COUNT],
}

impl<T> Table<T> {
    pub(crate) const fn new(rows: Rows<T>, in_container: ContainerRows<T>) -> Self {
        Self {
            rows,
            in_container,
            arranged: [const { OnceLock::new() }; Kind::COUNT],
        }
    }

    /// Visits every place of a document about which there is a row.
    pub(crate) fn each(
        &self,
        kind: Kind,
        document: &At<'_, '_>,
        visit: &mut dyn FnMut(&At<'_, '_>, &'static T),
    ) {
        let arranged = &self.arranged[kind as usize];
        arranged.get_or_init(|| self.arrange(kind)).each(document, visit);
    }

    fn arrange(&self, kind: Kind) -> Node<T> {
        let mut root = Node::default();
        for (_, pattern, row) in self.rows.iter().filter(|(rows_for, ..)| rows_for.applies(kind)) {
            root.add(pattern, row);
        }
        for containers in CONTAINERS.into_iter().filter(|_| kind.is_pod()) {
            let steps = containers.split('.');
            let node = steps.fold(&mut root, |node, step| node.below(Step::first_of(step).0));
            for (pattern, row) in self.in_container {
                node.add(pattern, row);
            }
        }
        root
    }
}

/// The rows about one place, and the places below it that have any.
struct Node<T: 'static> {
    rows: Vec<&'static T>,
    below: Vec<Below<T>>,
}

struct Below<T: 'static> {
    step: Step<'static>,
    node: Node<T>,
}

impl<T> Default for Node<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            below: Vec::new(),
        }
    }
}

impl<T> Node<T> {
    /// Adds a row at a pattern. Where a step has several names, as in `configMap|secret`, the row holds at each.
    fn add(&mut self, pattern: &'static str, row: &'static T) {
        if pattern.is_empty() {
            return self.rows.push(row);
        }
        let (names, rest) = pattern.split_once('.').unwrap_or((pattern, ""));
        for name in names.split('|') {
            self.below(Step::first_of(name).0).add(rest, row);
        }
    }

    fn below(&mut self, step: Step<'static>) -> &mut Self {
        let known = self.below.iter().position(|below| below.step == step);
        let index = known.unwrap_or(self.below.len());
        if known.is_none() {
            let node = Node::default();
            self.below.push(Below { step, node });
        }
        &mut self.below[index].node
    }

    fn each(&self, at: &At<'_, '_>, visit: &mut dyn FnMut(&At<'_, '_>, &'static T)) {
        for row in &self.rows {
            visit(at, row);
        }
        for Below { step, node } in &self.below {
            at.step(*step, &mut |at| node.each(at, visit));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_place_with_a_row_is_visited_and_no_other() {
        static TABLE: Table<u8> = Table::new(
            &[
                (For::Pods, "", 0),
                (For::Pods, "spec.volumes[].name", 1),
                (For::Driver, "spec.volumes[].name", 2),
                (For::Only(Kind::Service), "spec.type", 3),
                (For::Pods, "spec.nothing[].here", 4),
                (For::Pods, "spec.volumes[].secret|configMap.name", 7),
            ],
            &[("limits{}", 5), ("limits", 6)],
        );
        let document = json!({"spec": {
            "containers": [{"limits": {"cpu": "1", "memory": null}}],
            "type": "ClusterIP",
            "volumes": [{"name": "a", "configMap": {"name": "b"}}, {"name": null}],
        }});
        let visited = |kind| {
            let mut visited = Vec::new();
            let visit = &mut |at: &At<'_, '_>, row: &'static u8| visited.push((at.path(), *row));
            TABLE.each(kind, &At::document(&document), visit);
            visited.sort_by_key(|(_, row)| *row);
            visited
        };
        let place = |path: &str, row| (path.to_owned(), row);
        let of_pods = [
            place("", 0),
            place("spec.volumes[0].name", 1),
            place("spec.volumes[0].name", 2),
            place("spec.containers[0].limits.cpu", 5),
            place("spec.containers[0].limits", 6),
            place("spec.volumes[0].configMap.name", 7),
        ];
        assert_eq!(visited(Kind::Pod), of_pods);
        assert_eq!(
            visited(Kind::ExecutorTemplate),
            of_pods
                .into_iter()
                .filter(|(_, row)| *row != 2)
                .collect::<Vec<_>>()
        );
        assert_eq!(visited(Kind::Service), [place("spec.type", 3)]);
        assert_eq!(visited(Kind::ConfigMap), []);
    }
}
