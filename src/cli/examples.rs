//! The example that each command's help begins with.

use clap::Command;

/// The command by its words, and examples of it.
const EXAMPLES: &[(&[&str], &[&str])] = &[
    (
        &[],
        &[
            "native-submit render cases/pi/application.yaml",
            "native-submit submit cases/pi/application.yaml --namespace default",
        ],
    ),
    (
        &["render"],
        &[
            "native-submit render cases/pi/application.yaml",
            "native-submit render cases/pi/application.yaml --template-dir templates --executor",
        ],
    ),
    (
        &["context"],
        &[
            "native-submit context cases/pi/application.yaml",
            "native-submit context --schema",
        ],
    ),
    (
        &["check"],
        &[
            "native-submit check templates --cases cases",
            "native-submit check templates --live --all-namespaces",
        ],
    ),
    (
        &["diff"],
        &["native-submit diff cases/pi/application.yaml --to templates"],
    ),
    (
        &["golden"],
        &["native-submit golden verify --template-dir templates --cases cases"],
    ),
    (
        &["golden", "verify"],
        &["native-submit golden verify --template-dir templates --cases cases"],
    ),
    (
        &["golden", "update"],
        &["native-submit golden update --template-dir templates --cases cases --case pi"],
    ),
    (&["studio"], &["native-submit studio templates --cases cases"]),
    (&["init"], &["native-submit init my-templates"]),
    (
        &["submit"],
        &[
            "native-submit submit cases/pi/application.yaml --namespace default",
            "native-submit submit cases/pi/application.yaml --apply-to dir:out",
            "native-submit submit cases/pi/application.yaml --server https://native-submit.spark-operator.svc:50051 --tls-ca ca.crt --tls-cert tls.crt --tls-key tls.key",
        ],
    ),
    (
        &["serve"],
        &[
            "native-submit serve --template-dir templates",
            "native-submit serve --apply-to dir:out",
        ],
    ),
    (
        &["spark-submit"],
        &[
            "native-submit spark-submit --master k8s://https://HOST:PORT --deploy-mode cluster --class MAIN local:///opt/app.jar",
        ],
    ),
    (&["install"], &["native-submit install /opt/spark/bin"]),
    (
        &["doctor"],
        &[
            "kubectl exec -n spark-operator deploy/spark-operator-controller -c native-submit -- /native-submit doctor",
        ],
    ),
    (&["healthcheck"], &["native-submit healthcheck --port 9090"]),
    (&["completion"], &["source <(native-submit completion bash)"]),
    (&["man"], &["native-submit man ~/.local/share/man/man1"]),
];

/// The command, with an example before the help of each command.
pub(super) fn with_examples(command: Command) -> Command {
    at(command, &mut Vec::new())
}

fn at(command: Command, words: &mut Vec<String>) -> Command {
    let known = EXAMPLES.iter().find(|(path, _)| path.iter().eq(words.iter()));
    let mut command = match known {
        Some((_, examples)) => command.before_help(text(examples)),
        None => command,
    };
    let names: Vec<_> = command
        .get_subcommands()
        .map(|subcommand| subcommand.get_name().to_owned())
        .collect();
    for name in names {
        words.push(name.clone());
        command = command.mut_subcommand(name, |subcommand| at(subcommand, words));
        words.pop();
    }
    command
}

fn text(examples: &[&str]) -> String {
    let own_files = ["templates", "cases"];
    let has_own_files = examples
        .iter()
        .any(|example| own_files.iter().any(|name| example.contains(&format!(" {name}"))));
    let ending = if examples.len() == 1 { "" } else { "s" };
    let files = if has_own_files {
        ", with templates and cases as `native-submit init` writes them"
    } else {
        ""
    };
    let lines = examples.join("\n  ");
    format!("Example{ending}{files}:\n  {lines}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory as _;

    fn each(command: &Command, path: &mut Vec<String>, seen: &mut Vec<Vec<String>>) {
        seen.push(path.clone());
        for subcommand in command.get_subcommands() {
            path.push(subcommand.get_name().to_owned());
            each(subcommand, path, seen);
            path.pop();
        }
    }

    #[test]
    fn each_command_has_examples_and_each_example_is_of_a_command() {
        let mut commands = Vec::new();
        each(&Cli::command(), &mut Vec::new(), &mut commands);
        let with: Vec<Vec<String>> = EXAMPLES
            .iter()
            .map(|(path, _)| path.iter().map(|word| (*word).to_owned()).collect())
            .collect();
        for command in &commands {
            assert!(with.contains(command), "{command:?} has no example");
        }
        assert_eq!(with.len(), commands.len());
    }

    #[test]
    fn each_example_is_a_command_line_that_is_taken() {
        for (path, examples) in EXAMPLES {
            for example in *examples {
                let words: Vec<_> = example
                    .split(['(', ')', ' '])
                    .skip_while(|word| !word.ends_with("native-submit") || word.starts_with("-c"))
                    .filter(|word| !word.is_empty())
                    .collect();
                let start = words.iter().position(|word| *word == "--").map_or(0, |at| at + 1);
                let words = &words[start..];
                let begins = words
                    .iter()
                    .skip(1)
                    .zip(*path)
                    .all(|(word, command)| word == command);
                assert!(begins && words.len() > path.len(), "{path:?}: {example}");
                if *path == ["spark-submit"] {
                    continue; // Its arguments are read by another parser.
                }
                if let Err(error) = Cli::command().try_get_matches_from(words) {
                    panic!("{example}: {error}");
                }
            }
        }
    }
}
