//! Services (`ValidateService`): ports that differ, and address families that agree with their policy.

use super::{Kind, Report};
use crate::{
    finding::{expected, rule},
    kubernetes::at::At,
};
use serde_json::Value;
use std::{collections::BTreeSet, net::IpAddr};

pub(crate) fn service(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if kind != Kind::Service {
        return;
    }
    ports(document, report);
    families(document, report);
}

fn ports(document: &At<'_, '_>, report: &mut Report<'_>) {
    let several = document
        .get("spec.ports")
        .and_then(Value::as_array)
        .is_some_and(|ports| ports.len() > 1);
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    document.each("spec.ports[]", &mut |port| {
        match port.text("name") {
            Some(name) if !names.insert(name) => {
                report.wrong(&port, "name", rule("is used twice").name(name));
            }
            None if several => report.wrong(
                &port,
                "name",
                expected("a name where there are several ports").nothing(),
            ),
            _ => {}
        }
        let protocol = port.text("protocol").unwrap_or("TCP");
        if let Some(number) = port.get("port").and_then(Value::as_u64)
            && !numbers.insert((number, protocol))
        {
            report.wrong(&port, "port", rule("is used twice").shown(&number.to_string()));
        }
    });
}

fn families(document: &At<'_, '_>, report: &mut Report<'_>) {
    let Some(Value::Array(families)) = document.get("spec.ipFamilies") else {
        return;
    };
    let distinct: BTreeSet<_> = families.iter().filter_map(Value::as_str).collect();
    if distinct.len() < families.len() {
        report.wrong(document, "spec.ipFamilies", expected("each family once"));
    }
    if families.len() > 1 && document.text("spec.ipFamilyPolicy") == Some("SingleStack") {
        report.wrong(
            document,
            "spec.ipFamilyPolicy",
            expected("PreferDualStack or RequireDualStack for two families").kind("SingleStack"),
        );
    }
}

/// `ValidateNetworkPolicySpec`: each peer is one thing, and a range of ports ends behind its beginning.
pub(crate) fn policy(kind: Kind, document: &At<'_, '_>, report: &mut Report<'_>) {
    if kind != Kind::NetworkPolicy {
        return;
    }
    for peers in ["spec.ingress[].from[]", "spec.egress[].to[]"] {
        document.each(peers, &mut |peer| {
            let has = |field| peer.get(field).is_some();
            let selects = has("podSelector") || has("namespaceSelector");
            match (has("ipBlock"), selects) {
                (false, false) => report.wrong(
                    &peer,
                    "",
                    expected("podSelector, namespaceSelector or ipBlock").nothing(),
                ),
                (true, true) => report.wrong(&peer, "ipBlock", expected("no selectors beside it")),
                _ => {}
            }
            if has("ipBlock")
                && peer
                    .text("ipBlock.cidr")
                    .is_none_or(|block| !is_address_block(block))
            {
                report.wrong(
                    &peer,
                    "ipBlock.cidr",
                    expected("a block of addresses such as 10.9.8.0/24 or 2001:db8::/64"),
                );
            }
        });
    }
    for ports in ["spec.ingress[].ports[]", "spec.egress[].ports[]"] {
        document.each(ports, &mut |port| {
            let Some(last) = port.get("endPort").and_then(Value::as_i64) else {
                return;
            };
            let first = port.get("port").and_then(Value::as_i64);
            if first.is_none_or(|first| last < first) {
                report.wrong(
                    &port,
                    "endPort",
                    expected("a number that is not below port, which must be a number")
                        .shown(&last.to_string()),
                );
            }
        });
    }
}

/// An address, `/`, and how many of its bits all addresses of the block have.
fn is_address_block(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    let is_number = !bits.is_empty() && bits.bytes().all(|byte| byte.is_ascii_digit());
    is_number && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;
    use serde_json::json;

    #[test]
    fn peers_and_ports_of_policies_are_checked() {
        let of = |spec: Value| found(Kind::NetworkPolicy, &json!({"spec": spec}));
        for (spec, said) in [
            (
                json!({"egress": [{"to": [{}]}]}),
                "spec.egress[0].to[0]: expected podSelector, namespaceSelector or ipBlock",
            ),
            (
                json!({"ingress": [{"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}]}),
                "spec.ingress[0].from[0].ipBlock: expected no selectors",
            ),
            (
                json!({"egress": [{"to": [{"ipBlock": {}}]}]}),
                "to[0].ipBlock.cidr: expected a block",
            ),
            (
                json!({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0"}}]}]}),
                "to[0].ipBlock.cidr: expected a block",
            ),
            (
                json!({"egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/33"}}]}]}),
                "to[0].ipBlock.cidr: expected a block",
            ),
            (
                json!({"egress": [{"ports": [{"port": 5, "endPort": 4}]}]}),
                "ports[0].endPort: expected a number",
            ),
            (
                json!({"ingress": [{"ports": [{"endPort": 4}]}]}),
                "ports[0].endPort: expected a number",
            ),
            (
                json!({"ingress": [{"ports": [{"port": 0}]}]}),
                "ports[0].port: expected a number from 1",
            ),
        ] {
            let found = of(spec.clone());
            assert!(found.len() == 1 && found[0].contains(said), "{spec}: {found:#?}");
        }
        let right = json!({"podSelector": {}, "ingress": [{"from": [{"podSelector": {}, "namespaceSelector": {}}]}, {}], "egress": [
            {"to": [{"ipBlock": {"cidr": "::/0", "except": ["2001:db8::/64"]}}], "ports": [{"port": 5, "endPort": 5}, {"port": "dns"}]}]});
        assert_eq!(of(right), Vec::<String>::new());
    }
}
