// SPDX-License-Identifier: Apache-2.0
//! sockudo-ws on tokio current_thread, default Config apart from limits.
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use sockudo_ws::{client::WebSocketClient, Config, Http1, Message, WebSocketStream};
use wsline_bench_peers::*;

struct C<S>(WebSocketStream<S>);
impl<S: Dial> Client for C<S> {
    type Msg = Bytes;
    async fn open(b: &Bench) -> Result<Self, Err> {
        if b.deflate {
            unsupported("sockudo-ws: its client handshake does not offer permessage-deflate");
        }
        let mut cfg = Config::default();
        cfg.write_buffer_size = 65536;
        let c = WebSocketClient::<Http1>::new(cfg);
        let (ws, _) = c
            .connect_raw(S::dial(b).await?, &b.host, &b.path, None)
            .await?;
        Ok(C(ws))
    }
    async fn send(&mut self, text: bool, p: &Bytes) -> Result<(), Err> {
        Ok(self
            .0
            .feed(if text {
                Message::Text(p.clone())
            } else {
                Message::Binary(p.clone())
            })
            .await?)
    }
    async fn flush(&mut self) -> Result<(), Err> {
        Ok(self.0.flush().await?)
    }
    async fn recv(&mut self) -> Result<Option<(bool, Bytes)>, Err> {
        while let Some(m) = self.0.next().await {
            match m? {
                Message::Text(p) => return Ok(Some((true, p))),
                Message::Binary(p) => return Ok(Some((false, p))),
                _ => {}
            }
        }
        Ok(None)
    }
    async fn close(mut self) -> Result<(), Err> {
        let _ = self.0.close(1000, "").await;
        while let Some(Ok(_)) = self.0.next().await {}
        Ok(())
    }
}
fn main() {
    let b = Bench::args("sockudo-ws");
    if b.tls {
        rt().block_on(drive::<C<Tls>>(b))
    } else {
        rt().block_on(drive::<C<Tcp>>(b))
    }
}
