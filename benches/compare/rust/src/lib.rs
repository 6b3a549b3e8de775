// SPDX-License-Identifier: Apache-2.0
//! Shared part of the Rust peer clients: arguments, payloads, clock, scenarios, dialling.
//! Same CLI contract and same checks as c/common.h and c/sync_driver.h.
#![allow(async_fn_in_trait)]
use bytes::Bytes;
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite};

pub type Err = Box<dyn std::error::Error + Send + Sync>;

pub struct Bench {
    pub client: &'static str,
    pub scenario: String,
    pub kind: String,
    pub url: String,
    pub host: String,
    pub path: String,
    pub port: u16,
    pub tls: bool,
    pub size: usize,
    pub count: u64,
    pub window: u64,
    pub text: bool,
    pub deflate: bool,
    t0: Instant,
    r0: libc::rusage,
    pub rss: [i64; 3],
}
fn rusage() -> libc::rusage {
    unsafe {
        let mut r = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut r);
        r
    }
}
fn tvd(a: libc::timeval, b: libc::timeval) -> f64 {
    (a.tv_sec - b.tv_sec) as f64 + (a.tv_usec - b.tv_usec) as f64 * 1e-6
}
pub fn unsupported(m: &str) -> ! {
    eprintln!("{m}");
    std::process::exit(3)
}
pub fn rss_kb() -> i64 {
    let s = std::fs::read_to_string("/proc/self/statm").unwrap();
    s.split(' ').nth(1).unwrap().parse::<i64>().unwrap() * 4
}
impl Bench {
    pub fn args(client: &'static str) -> Bench {
        let a: Vec<String> = std::env::args().collect();
        if a.len() < 5 {
            eprintln!("usage: {} URL SCENARIO SIZE COUNT [WINDOW]", a[0]);
            std::process::exit(2);
        }
        let u = url::Url::parse(&a[1]).expect("url");
        Bench {
            client,
            scenario: a[2].clone(),
            kind: a[2].split('-').next().unwrap().into(),
            host: u.host_str().unwrap().into(),
            path: match u.query() {
                Some(q) => format!("{}?{}", u.path(), q),
                None => u.path().into(),
            },
            tls: u.scheme() == "wss",
            port: u.port_or_known_default().unwrap(),
            url: a[1].clone(),
            size: a[3].parse().unwrap(),
            count: a[4].parse().unwrap(),
            window: a.get(5).map(|w| w.parse().unwrap()).unwrap_or(1).max(1),
            text: a[2].contains("-text"),
            deflate: a[2].contains("-z"),
            t0: Instant::now(),
            r0: rusage(),
            rss: [0; 3],
        }
    }
    pub fn start(&mut self) {
        self.r0 = rusage();
        self.t0 = Instant::now();
    }
    pub fn stop(&self) {
        let w = self.t0.elapsed().as_secs_f64();
        let r = rusage();
        let mut s = format!(
            "{{\"client\":\"{}\",\"scenario\":\"{}\",\"size\":{},\"count\":{},\"window\":{},\"wall_s\":{:.6},\"user_s\":{:.6},\"sys_s\":{:.6},\"maxrss_kb\":{},\"msgs_per_s\":{:.1},\"mb_per_s\":{:.3},\"nvcsw\":{}",
            self.client, self.scenario, self.size, self.count, self.window, w,
            tvd(r.ru_utime, self.r0.ru_utime), tvd(r.ru_stime, self.r0.ru_stime), r.ru_maxrss,
            self.count as f64 / w, self.count as f64 * self.size as f64 / w / 1e6, r.ru_nvcsw - self.r0.ru_nvcsw);
        if self.kind == "idle" {
            s += &format!(
                ",\"rss_before_kb\":{},\"rss_conn_kb\":{},\"rss_echo_kb\":{}",
                self.rss[0], self.rss[1], self.rss[2]
            );
        }
        println!("{s}}}");
    }
    /// 64 payloads (all the same one unless deflate).
    pub fn payloads(&self) -> Vec<Bytes> {
        if self.deflate {
            (0..64).map(|i| Bytes::from(json(self.size, i))).collect()
        } else if self.text {
            vec![Bytes::from(text(self.size)); 64]
        } else {
            vec![
                Bytes::from(
                    (0..self.size)
                        .map(|i| (i * 31 + 7) as u8)
                        .collect::<Vec<u8>>()
                );
                64
            ]
        }
    }
    pub fn sends_text(&self) -> bool {
        self.text || self.deflate
    }
}
fn text(n: usize) -> Vec<u8> {
    let u = "Hi wörld ✓ 你好 😀, plain ascii words follow here; ";
    let mut s: Vec<u8> = u.bytes().cycle().take(n).collect();
    let keep = match std::str::from_utf8(&s) {
        Ok(_) => n,
        Err(e) => e.valid_up_to(),
    };
    s[keep..].fill(b'x');
    s
}
fn json(n: usize, idx: u32) -> Vec<u8> {
    let mut x = 2463534242u32.wrapping_add(idx.wrapping_mul(2654435761));
    let mut o = format!("{{\"idx\":{idx},\"items\":[");
    for r in 0.. {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        let k = format!(
            "{}{{\"id\":{},\"symbol\":\"SYM{:03}\",\"price\":{}.{:02},\"qty\":{},\"side\":\"{}\"}}",
            if r > 0 { "," } else { "" },
            idx * 1000 + r,
            x % 997,
            x % 50000,
            (x >> 8) % 100,
            (x >> 16) % 1000,
            if x & 1 == 1 { "buy" } else { "sell" }
        );
        if o.len() + k.len() + 2 > n {
            break;
        }
        o += &k;
    }
    while o.len() + 2 < n {
        o.push(' ');
    }
    o += "]}";
    o.into_bytes()
}

/// Five operations, as in c/sync_driver.h.
pub trait Client: Sized {
    type Msg: AsRef<[u8]>;
    async fn open(b: &Bench) -> Result<Self, Err>;
    async fn send(&mut self, text: bool, p: &Bytes) -> Result<(), Err>;
    async fn flush(&mut self) -> Result<(), Err>;
    /// None = closed
    async fn recv(&mut self) -> Result<Option<(bool, Self::Msg)>, Err>;
    async fn close(self) -> Result<(), Err>;
}

async fn echo<C: Client>(b: &Bench, c: &mut C, count: u64) {
    let pl = b.payloads();
    let text = b.sends_text();
    let mut i = 0;
    while i < count {
        let w = b.window.min(count - i);
        for j in 0..w {
            c.send(text, &pl[((i + j) & 63) as usize])
                .await
                .expect("send");
        }
        c.flush().await.expect("flush");
        for j in 0..w {
            let (t, m) = c.recv().await.expect("recv").expect("closed");
            let (m, p) = (m.as_ref(), &pl[((i + j) & 63) as usize]);
            assert!(
                t == text && m.len() == b.size,
                "echo: text {t}, {} bytes",
                m.len()
            );
            assert!(
                m.is_empty() || m[0] == p[0] && m[m.len() - 1] == p[m.len() - 1],
                "echo content"
            );
        }
        i += w;
    }
}
pub async fn drive<C: Client>(mut b: Bench) {
    match b.kind.as_str() {
        "echo" => {
            let mut c = C::open(&b).await.expect("connect");
            b.start();
            echo(&b, &mut c, b.count).await;
            b.stop();
            let _ = c.close().await;
        }
        "source" => {
            b.start();
            let mut c = C::open(&b).await.expect("connect");
            let mut n = 0;
            while let Some((_, m)) = c.recv().await.expect("recv") {
                assert!(
                    m.as_ref().len() == b.size,
                    "source: {} bytes",
                    m.as_ref().len()
                );
                n += 1;
            }
            assert!(n == b.count, "source: {n} messages");
            let _ = c.close().await;
            b.stop();
        }
        "sink" => {
            let mut c = C::open(&b).await.expect("connect");
            let pl = b.payloads();
            let text = b.sends_text();
            b.start();
            for i in 0..b.count {
                c.send(text, &pl[(i & 63) as usize]).await.expect("send");
            }
            c.flush().await.expect("flush");
            let (_, m) = c.recv().await.expect("recv").expect("closed");
            assert!(m.as_ref().len() == 4);
            b.stop();
            let _ = c.close().await;
        }
        "connect" => {
            // One-time costs of a process are not part of a connect.
            let c = C::open(&b).await.expect("connect");
            c.close().await.expect("close");
            b.start();
            for _ in 0..b.count {
                let c = C::open(&b).await.expect("connect");
                c.close().await.expect("close");
            }
            b.stop();
        }
        "idle" => {
            let _w = C::open(&b).await.expect("connect");
            b.rss[0] = rss_kb();
            b.start();
            let mut v = Vec::new();
            for _ in 0..b.count {
                v.push(C::open(&b).await.expect("connect"));
            }
            b.rss[1] = rss_kb();
            for c in v.iter_mut() {
                echo(&b, c, 1).await;
            }
            b.rss[2] = rss_kb();
            b.stop();
            std::process::exit(0);
        }
        k => panic!("unknown scenario {k}"),
    }
}

pub fn rt() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// BENCH_TLS=ring (default) or aws chooses the rustls provider.
pub fn tls_config() -> Arc<rustls::ClientConfig> {
    use rustls::pki_types::{pem::PemObject, CertificateDer};
    static C: std::sync::OnceLock<Arc<rustls::ClientConfig>> = std::sync::OnceLock::new();
    C.get_or_init(|| {
        let p = if std::env::var("BENCH_TLS").as_deref() == Ok("aws") {
            rustls::crypto::aws_lc_rs::default_provider()
        } else {
            rustls::crypto::ring::default_provider()
        };
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(
                CertificateDer::from_pem_file(std::env::var("BENCH_CA").expect("BENCH_CA"))
                    .unwrap(),
            )
            .unwrap();
        Arc::new(
            rustls::ClientConfig::builder_with_provider(Arc::new(p))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth(),
        )
    })
    .clone()
}
pub fn ip(b: &Bench) -> String {
    format!(
        "{}:{}",
        if b.host == "localhost" {
            "127.0.0.1"
        } else {
            &b.host
        },
        b.port
    )
}
/// The transport of an async WebSocket library.
pub trait Dial: AsyncRead + AsyncWrite + Unpin + Send + Sized + 'static {
    async fn dial(b: &Bench) -> Result<Self, Err>;
}
impl Dial for tokio::net::TcpStream {
    async fn dial(b: &Bench) -> Result<Self, Err> {
        let s = tokio::net::TcpStream::connect(ip(b)).await?;
        s.set_nodelay(true)?;
        Ok(s)
    }
}
impl Dial for tokio_rustls::client::TlsStream<tokio::net::TcpStream> {
    async fn dial(b: &Bench) -> Result<Self, Err> {
        let s = tokio::net::TcpStream::dial(b).await?;
        Ok(tokio_rustls::TlsConnector::from(tls_config())
            .connect("localhost".try_into()?, s)
            .await?)
    }
}
pub type Tcp = tokio::net::TcpStream;
pub type Tls = tokio_rustls::client::TlsStream<tokio::net::TcpStream>;
