// SPDX-License-Identifier: Apache-2.0
//! fastwebsockets on tokio current_thread, its documented client path (hyper handshake,
//! FragmentCollector).
use bytes::Bytes;
use fastwebsockets::{handshake, FragmentCollector, Frame, OpCode, Payload};
use http_body_util::Empty;
use hyper::{header, upgrade::Upgraded, Request};
use hyper_util::rt::TokioIo;
use std::{future::Future, marker::PhantomData};
use wsline_bench_peers::*;

struct Spawn;
impl<F> hyper::rt::Executor<F> for Spawn
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, f: F) {
        tokio::task::spawn(f);
    }
}
struct C<S>(FragmentCollector<TokioIo<Upgraded>>, bool, PhantomData<S>);
struct M(Frame<'static>);
impl AsRef<[u8]> for M {
    fn as_ref(&self) -> &[u8] {
        &self.0.payload
    }
}
impl<S: Dial> Client for C<S> {
    type Msg = M;
    async fn open(b: &Bench) -> Result<Self, Err> {
        if b.deflate {
            unsupported("fastwebsockets: no permessage-deflate");
        }
        let req = Request::builder()
            .method("GET")
            .uri(&b.path)
            .header("Host", format!("{}:{}", b.host, b.port))
            .header(header::UPGRADE, "websocket")
            .header(header::CONNECTION, "upgrade")
            .header("Sec-WebSocket-Key", handshake::generate_key())
            .header("Sec-WebSocket-Version", "13")
            .body(Empty::<Bytes>::new())?;
        let (ws, _) = handshake::client(&Spawn, req, S::dial(b).await?).await?;
        Ok(C(FragmentCollector::new(ws), false, PhantomData))
    }
    async fn send(&mut self, text: bool, p: &Bytes) -> Result<(), Err> {
        let op = if text { OpCode::Text } else { OpCode::Binary };
        Ok(self
            .0
            .write_frame(Frame::new(true, op, None, Payload::Borrowed(p)))
            .await?)
    }
    async fn flush(&mut self) -> Result<(), Err> {
        Ok(())
    }
    async fn recv(&mut self) -> Result<Option<(bool, M)>, Err> {
        loop {
            let f = self.0.read_frame().await?;
            match f.opcode {
                OpCode::Text => return Ok(Some((true, M(f)))),
                OpCode::Binary => return Ok(Some((false, M(f)))),
                OpCode::Close => {
                    self.1 = true; // already answered by the library
                    return Ok(None);
                }
                _ => {}
            }
        }
    }
    async fn close(mut self) -> Result<(), Err> {
        if !self.1 {
            self.0.write_frame(Frame::close(1000, b"")).await?;
            while let Ok(f) = self.0.read_frame().await {
                if f.opcode == OpCode::Close {
                    break;
                }
            }
        }
        Ok(())
    }
}
fn main() {
    let b = Bench::args("fastwebsockets");
    if b.tls {
        rt().block_on(drive::<C<Tls>>(b))
    } else {
        rt().block_on(drive::<C<Tcp>>(b))
    }
}
