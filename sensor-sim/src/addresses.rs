//! The addresses under which a server is reached: [`for_this_machine`], [`for_others`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The address under which this machine's own programs reach a server that listens on `bound`.
#[must_use]
pub fn for_this_machine(bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, bound.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, bound.port()).into(),
        _ => bound,
    }
}

/// The addresses under which other machines reach a server that listens on `bound`: the one that it listens on, or if
/// that is all of them, those with which this machine itself would leave its network. Empty on loopback, or without a
/// network.
#[must_use]
pub fn for_others(bound: IpAddr) -> Vec<IpAddr> {
    if bound.is_loopback() {
        return Vec::new();
    }
    if !bound.is_unspecified() {
        return vec![bound];
    }
    // Addresses that are kept for documentation: nobody has them, and a socket of UDP that connects sends nothing.
    let outward = |own: IpAddr, other: IpAddr| -> Option<IpAddr> {
        let socket = UdpSocket::bind((own, 0)).ok()?;
        socket.connect((other, 9)).ok()?;
        let ip = socket.local_addr().ok()?.ip();
        (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
    };
    let v4 = outward(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let v6 = bound.is_ipv6().then(|| {
        outward(
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        )
    });
    v4.into_iter().chain(v6.flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_mean_loopback_here_and_another_one_elsewhere() {
        let here = |bound: &str| for_this_machine(bound.parse().unwrap()).to_string();
        assert_eq!(here("0.0.0.0:9001"), "127.0.0.1:9001");
        assert_eq!(here("[::]:9001"), "[::1]:9001");
        assert_eq!(here("192.0.2.7:9001"), "192.0.2.7:9001");
        let elsewhere = |bound: &str| for_others(bound.parse().unwrap());
        assert!(elsewhere("127.0.0.1").is_empty() && elsewhere("::1").is_empty());
        assert_eq!(elsewhere("192.0.2.7"), ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        for ip in elsewhere("0.0.0.0").into_iter().chain(elsewhere("::")) {
            assert!(!ip.is_loopback() && !ip.is_unspecified(), "{ip}");
        }
    }
}
