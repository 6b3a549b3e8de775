// SPDX-License-Identifier: Apache-2.0
//! tungstenite, blocking, default WebSocketConfig (128 KiB read and write buffers;
//! BENCH_READBUF=bytes changes the read buffer, which the library zeroes before every read).  No
//! permessage-deflate.
use bytes::Bytes;
use std::net::TcpStream;
use tungstenite::{
    protocol::WebSocketConfig, stream::MaybeTlsStream, Connector, Error, Message, Utf8Bytes,
    WebSocket,
};
use wsline_bench_peers::*;

struct C(WebSocket<MaybeTlsStream<TcpStream>>);
impl Client for C {
    type Msg = Bytes;
    async fn open(b: &Bench) -> Result<C, Err> {
        if b.deflate {
            unsupported("tungstenite: no permessage-deflate");
        }
        let s = TcpStream::connect(ip(b))?;
        s.set_nodelay(true)?;
        let mut cfg = WebSocketConfig::default();
        if let Ok(n) = std::env::var("BENCH_READBUF") {
            cfg = cfg.read_buffer_size(n.parse()?);
        }
        let con = if b.tls {
            Connector::Rustls(tls_config())
        } else {
            Connector::Plain
        };
        let (ws, _) = tungstenite::client_tls_with_config(b.url.as_str(), s, Some(cfg), Some(con))
            .map_err(|e| e.to_string())?;
        Ok(C(ws))
    }
    async fn send(&mut self, text: bool, p: &Bytes) -> Result<(), Err> {
        let m = if text {
            // the payload was validated when it was made; an application would hold a Utf8Bytes
            Message::Text(unsafe { Utf8Bytes::from_bytes_unchecked(p.clone()) })
        } else {
            Message::Binary(p.clone())
        };
        Ok(self.0.write(m)?)
    }
    async fn flush(&mut self) -> Result<(), Err> {
        Ok(self.0.flush()?)
    }
    async fn recv(&mut self) -> Result<Option<(bool, Bytes)>, Err> {
        loop {
            match self.0.read() {
                Ok(Message::Binary(b)) => return Ok(Some((false, b))),
                Ok(Message::Text(t)) => return Ok(Some((true, t.into()))),
                Ok(_) => {}
                Err(Error::ConnectionClosed) | Err(Error::AlreadyClosed) => return Ok(None),
                Err(e) => return Err(e.into()),
            }
        }
    }
    async fn close(mut self) -> Result<(), Err> {
        let _ = self.0.close(None);
        loop {
            match self.0.read() {
                Ok(_) => {}
                Err(_) => return Ok(()),
            }
        }
    }
}
fn main() {
    // no runtime: every future here is ready at once
    futures::executor::block_on(drive::<C>(Bench::args("tungstenite")));
}
