//! The command line that gives a running server's stream and model again.

use classifier::{Metric, Preparation};
use datasets::Order;

use crate::config::Config;
use crate::schedule::Pace;

/// Everything that the stream and the model depend on, defaults included; `None` if the data came from elsewhere than a
/// command line. `preparation` is the one in use, also where it was chosen by cross-validation.
pub(crate) fn command_line(config: &Config, preparation: Preparation) -> Option<String> {
    if config.data_arguments.is_empty() {
        return None;
    }
    let mut words: Vec<String> = vec!["sensor-sim".to_owned()];
    words.extend(config.data_arguments.iter().map(|word| quoted(word)));
    if config.filter_iqr {
        words.push("--filter-iqr".to_owned());
    }
    words.push(match &config.pace {
        Pace::Rate(rate) => format!("--rate {rate}"),
        Pace::Recorded(times) => format!("--speed {}", times.speed()),
        Pace::Max => "--rate max".to_owned(),
    });
    let order = match config.order {
        Order::Shuffled => "shuffled",
        Order::File => "file",
    };
    let metric = match config.metric {
        Metric::Euclidean => "euclidean",
        Metric::Manhattan => "manhattan",
    };
    words.push(format!("--order {order} --seed {}", config.seed));
    words.push(format!("--split {}", percentages(config.training_share)));
    words.push(format!(
        "--prepare {preparation} --k {} --metric {metric} --voting {}",
        config.k, config.voting
    ));
    if config.looping {
        words.push("--loop".to_owned());
    }
    Some(words.join(" "))
}

/// `0.8` as `80/20`. Rounded where the share as percentage has digits that only binary fractions have.
fn percentages(training_share: f64) -> String {
    let rounded = |percentage: f64| (percentage * 1e10).round() / 1e10;
    let training = rounded(training_share * 100.0);
    format!("{training}/{}", rounded(100.0 - training))
}

/// A word as a POSIX shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn config_of(line: &str) -> Config {
        let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        cli.serve
            .config()
            .unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn the_line_means_what_it_was_made_from() {
        for arguments in [
            "--dataset wine",
            "--dataset wine --rate max --loop --order file --split 7/93 --k 3 --metric manhattan --voting distance",
            "--dataset wine --rate 0.5 --filter-iqr --seed 7 --split 33.3/66.7",
            "--dataset wine --filter-iqr=whole --binary-at-least 6",
        ] {
            let config = config_of(&format!("sensor-sim {arguments}"));
            let line = command_line(&config, Preparation::MinMax).expect("it has a data set");
            let again = config_of(&line);
            assert_eq!(again.preparation, Some(Preparation::MinMax), "{line}");
            assert_eq!(
                (
                    again.order,
                    again.seed,
                    again.training_share,
                    again.filter_iqr,
                    again.looping
                ),
                (
                    config.order,
                    config.seed,
                    config.training_share,
                    config.filter_iqr,
                    config.looping
                ),
                "{line}"
            );
            assert_eq!(
                (again.k, again.metric, again.voting, &again.pace),
                (config.k, config.metric, config.voting, &config.pace)
            );
            assert_eq!(again.dataset, config.dataset, "{line}");
            assert_eq!(command_line(&again, Preparation::MinMax), Some(line));
        }
    }

    #[test]
    fn data_that_no_command_line_names_have_none() {
        let config = config_of("sensor-sim --dataset wine");
        let own = Config::new(config.dataset.expect("it replays"));
        assert_eq!(command_line(&own, Preparation::Raw), None);
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("data/my-file_2.csv"), "data/my-file_2.csv");
        assert_eq!(quoted("my file.csv"), "'my file.csv'");
        assert_eq!(quoted("it's; rm"), r"'it'\''s; rm'");
        assert_eq!(quoted(""), "''");
    }
}
