//! The program `sensor-sim`: arguments, logging, signals; the rest is the library's.
#![forbid(unsafe_code)]

use std::io::{self, IsTerminal as _, Write as _};
use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser as _;
use sensor_sim::access_args::AccessArgs;
use sensor_sim::cli::{Cli, Command, ServeArgs, UsageError};
use sensor_sim::phone::qr_code;
use sensor_sim::publish::PublishArgs;
use sensor_sim::{Access, Config, Host, Prepared, addresses, datasets_command, publish, serve};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging();
    let result = match cli.command {
        Some(Command::Datasets { command }) => datasets_command::run(&command, io::stdout().lock()),
        Some(Command::Publish(args)) => run_publisher(*args),
        None => run_server(cli.serve),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // `sensor-sim datasets export | head` is no error of ours.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Not by way of the log, which RUST_LOG may have silenced. If stderr is gone, the exit code has to do.
            let _ = writeln!(io::stderr(), "sensor-sim: {error:#}");
            ExitCode::from(if error.is::<UsageError>() { 2 } else { 1 })
        }
    }
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
}

#[tokio::main]
async fn run_publisher(args: PublishArgs) -> Result<()> {
    publish::run(args, stop_signal()?).await
}

#[tokio::main]
async fn run_server(args: ServeArgs) -> Result<()> {
    let mut stop = std::pin::pin!(stop_signal()?);
    // Before the long work, so that a taken port is said at once.
    let mut access = args.access.access()?;
    let listener = bind(args.access.bind, args.port).await?;
    let address = listener.local_addr().context("asking for the own address")?;
    access.tls = args.access.tls()?;
    let scheme = if access.tls.is_some() { "https" } else { "http" };
    if args.access.is_open() {
        tell_who_gets_in(&args.access, &access, scheme, address.port());
    }
    let phone_code = phone_code(&args, &access, address.port())?;
    let preparing = spawn_blocking(move || -> Result<Prepared> {
        let config = args.config()?;
        Ok(Prepared::new(Config { access, ..config })?)
    });
    let prepared = tokio::select! {
        prepared = preparing => prepared.context("preparing the model")??,
        () = &mut stop => {
            info!("stopped before the server was ready");
            // The thread that fits the model cannot be called back.
            std::process::exit(0);
        }
    };
    if let Some(code) = phone_code {
        // Where nobody sees it, it need not be seen.
        let _ = io::stderr().write_all(code.as_bytes());
    }
    say_address(&format!("{scheme}://{}/", addresses::for_this_machine(address)))?;
    let summary = serve(listener, prepared, stop).await.context("serving")?;
    info!("{summary}");
    Ok(())
}

/// For whoever starts a server that others can reach.
fn tell_who_gets_in(args: &AccessArgs, access: &Access, scheme: &str, port: u16) {
    let addresses = addresses::for_others(args.bind).into_iter().map(Host::Address);
    for host in addresses.chain(args.hosts.iter().cloned()) {
        info!("for other machines: {scheme}://{host}:{port}/");
    }
    if access.read.is_none() {
        warn!("everybody who reaches this port may read: there is no read token");
    }
    if access.publish.is_none() {
        warn!("everybody who reaches this port may publish: there is no publish token");
    }
    if access.tls.is_none() {
        warn!(
            "tokens and readings cross the network in the clear; --tls-self-signed or --tls-cert encrypts them"
        );
    }
}

/// The address of the phone's page and its QR code, if somebody may look at stderr and a phone can use it: phones give
/// motion sensors to pages over TLS only.
///
/// # Errors
///
/// [`UsageError`] if the code is asked for and there is no such address.
fn phone_code(args: &ServeArgs, access: &Access, port: u16) -> Result<Option<String>> {
    // The names that one asks for come first: a certificate is made out to names.
    let others = addresses::for_others(args.access.bind)
        .into_iter()
        .map(Host::Address);
    let host = args.access.hosts.iter().cloned().chain(others).next();
    match host {
        _ if !args.access.qr && !io::stderr().is_terminal() => Ok(None),
        Some(host) if access.tls.is_some() => {
            let url = format!("https://{host}:{port}/phone");
            let code = qr_code(&url).context("making the QR code")?;
            Ok(Some(format!("{code}a phone's motion as a source: {url}\n")))
        }
        _ if args.access.qr => {
            let message = "--qr: no phone can use this server's page: that takes --bind or --host, and --tls-self-signed or --tls-cert";
            Err(UsageError(message.to_owned()).into())
        }
        _ => Ok(None),
    }
}

async fn bind(ip: IpAddr, port: u16) -> Result<TcpListener> {
    match TcpListener::bind((ip, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            bail!(
                "port {port} is taken: end the program that holds it, or choose another with --port (0 picks a free one)"
            )
        }
        Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => {
            bail!("this machine has no address {ip}: --bind takes one of its own, or 0.0.0.0 for all of them")
        }
        Err(error) => Err(error).with_context(|| {
            format!("listening on {ip}, port {port}; another one may be allowed (--bind, --port)")
        }),
    }
}

/// The one line on stdout.
fn say_address(address: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{address}")
        .and_then(|()| stdout.flush())
        .context("printing the address")
}

/// Completes at Ctrl-C or, where there is such a thing, at SIGTERM.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    // From now on, not from when the future is first looked at: in between a signal would end the program without a word.
    #[cfg(unix)]
    let (mut interrupt, mut terminate) = {
        use tokio::signal::unix::{SignalKind, signal};
        (
            signal(SignalKind::interrupt()).context("listening for SIGINT")?,
            signal(SignalKind::terminate()).context("listening for SIGTERM")?,
        )
    };
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
