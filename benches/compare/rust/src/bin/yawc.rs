// SPDX-License-Identifier: Apache-2.0
//! yawc on tokio current_thread, its "tuned" settings: 128 KiB read buffer, 64 KiB write boundary,
//! UTF-8 checks on.
use bytes::Bytes;
use futures::SinkExt;
use wsline_bench_peers::*;
use yawc::{CompressionLevel, Frame, OpCode, Options, WebSocket};

struct C<S>(WebSocket<S>, bool);
impl<S: Dial> Client for C<S> {
    type Msg = Bytes;
    async fn open(b: &Bench) -> Result<Self, Err> {
        let mut o = Options::default()
            .with_limits(64 << 20, 64 << 20)
            .with_read_buffer_capacity(128 * 1024)
            .with_backpressure_boundary(64 * 1024)
            .with_utf8();
        if b.deflate {
            o = o.with_compression_level(CompressionLevel::default());
        }
        let s = S::dial(b).await?;
        Ok(C(WebSocket::handshake(b.url.parse()?, s, o).await?, false))
    }
    async fn send(&mut self, text: bool, p: &Bytes) -> Result<(), Err> {
        Ok(self
            .0
            .feed(if text {
                Frame::text(p.clone())
            } else {
                Frame::binary(p.clone())
            })
            .await?)
    }
    async fn flush(&mut self) -> Result<(), Err> {
        Ok(self.0.flush().await?)
    }
    async fn recv(&mut self) -> Result<Option<(bool, Bytes)>, Err> {
        loop {
            let f = match self.0.next_frame().await {
                Ok(f) => f,
                Err(yawc::WebSocketError::ConnectionClosed) if self.1 => return Ok(None),
                Err(e) => return Err(e.into()),
            };
            match f.opcode() {
                OpCode::Text => return Ok(Some((true, f.into_payload()))),
                OpCode::Binary => return Ok(Some((false, f.into_payload()))),
                OpCode::Close => {
                    self.1 = true;
                    return Ok(None);
                }
                _ => {}
            }
        }
    }
    async fn close(mut self) -> Result<(), Err> {
        let _ = self.0.close().await;
        Ok(())
    }
}
fn main() {
    let b = Bench::args("yawc");
    if b.tls {
        rt().block_on(drive::<C<Tls>>(b))
    } else {
        rt().block_on(drive::<C<Tcp>>(b))
    }
}
