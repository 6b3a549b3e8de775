// SPDX-License-Identifier: Apache-2.0
//! web-socket on tokio current_thread, with a 64 KiB BufReader and BufWriter, because it reads and
//! writes its stream directly. It has no handshake, so the request is written here; no
//! permessage-deflate, no validation of text.
use bytes::Bytes;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufStream};
use web_socket::{CloseCode, DataType, Event, MessageType, WebSocket};
use wsline_bench_peers::*;

struct C<S>(WebSocket<BufStream<S>>);
impl<S: Dial> Client for C<S> {
    type Msg = Box<[u8]>;
    async fn open(b: &Bench) -> Result<Self, Err> {
        if b.deflate {
            unsupported("web-socket: no permessage-deflate");
        }
        let mut s = BufStream::with_capacity(64 * 1024, 64 * 1024, S::dial(b).await?);
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            b.path, b.host
        );
        s.write_all(request.as_bytes()).await?;
        s.flush().await?;
        let mut line = String::new();
        s.read_line(&mut line).await?;
        if !line.starts_with("HTTP/1.1 101") {
            return Err(line.into());
        }
        while line != "\r\n" {
            line.clear();
            s.read_line(&mut line).await?;
        }
        let mut ws = WebSocket::client(s);
        ws.max_payload_len = 64 << 20;
        Ok(C(ws))
    }
    async fn send(&mut self, text: bool, p: &Bytes) -> Result<(), Err> {
        if text {
            // the payload was validated when it was made; an application would hold a &str
            let p = unsafe { std::str::from_utf8_unchecked(p) };
            return Ok(self.0.send(p).await?);
        }
        Ok(self.0.send(&p[..]).await?)
    }
    async fn flush(&mut self) -> Result<(), Err> {
        Ok(self.0.stream.flush().await?)
    }
    async fn recv(&mut self) -> Result<Option<(bool, Box<[u8]>)>, Err> {
        loop {
            match self.0.recv().await? {
                Event::Data { ty, data } => match ty {
                    DataType::Complete(MessageType::Text) => return Ok(Some((true, data))),
                    DataType::Complete(MessageType::Binary) => return Ok(Some((false, data))),
                    DataType::Stream(_) => return Err("a fragment".into()),
                },
                Event::Ping(data) => {
                    self.0.send_pong(data).await?;
                    self.flush().await?;
                }
                Event::Pong(_) => {}
                Event::Error(what) => return Err(what.into()),
                Event::Close { .. } => return Ok(None),
            }
        }
    }
    async fn close(mut self) -> Result<(), Err> {
        let code = (CloseCode::Normal as u16).to_be_bytes();
        // close() of the library takes the socket along, so the server's close frame could not be
        // read.
        self.0
            .send_raw(web_socket::Frame {
                fin: true,
                opcode: 8,
                data: &code,
            })
            .await?;
        self.flush().await?;
        while let Ok(Some(_)) = self.recv().await {}
        Ok(())
    }
}
fn main() {
    let b = Bench::args("web-socket");
    if b.tls {
        rt().block_on(drive::<C<Tls>>(b))
    } else {
        rt().block_on(drive::<C<Tcp>>(b))
    }
}
