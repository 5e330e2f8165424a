//! Prequential accuracy, kappas, confusion matrix, baselines and latency percentiles; pure computation.
#![forbid(unsafe_code)]
