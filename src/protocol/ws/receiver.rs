// SPDX-License-Identifier: Apache-2.0
//! The receiving half of an open connection: bytes in, events out (RFC 6455 sections 5 to 8).
//!
//! ```text
//!   space() ← the transport appends        next_event() → None: feed more
//!                                                        → Event, payload() until the next call
//!                                                        → error: the connection has failed, for good
//! ```

use super::close::CloseFrame;
use super::frame::{Header, MAX_HEADER_BYTES};
use super::opcode::Opcode;
use super::utf8::{self, Utf8Stream};
use crate::base::buffer::{Inbox, READ_MAX};
use crate::base::error::{Error, Kind};

/// What a peer may make us hold or count. `u64::MAX` is no limit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub max_message_bytes: u64,
    pub max_frame_bytes: u64,
    pub max_fragments: u64,
}

/// In which pieces data is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Whole messages.
    Messages,
    /// A data frame as soon as it is whole; text is checked across them.
    Fragments,
    /// Every frame as it came; text is not checked, closing is left to the caller.
    Frames,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A message, or with [`Delivery::Fragments`] a part of one. `opcode` is the message's: text or binary.
    Data {
        opcode: Opcode,
        first: bool,
        last: bool,
    },
    Ping,
    Pong,
    Close(CloseFrame),
    /// With [`Delivery::Frames`] only; `close` is what a close frame says.
    Frame {
        header: Header,
        close: Option<CloseFrame>,
    },
}

#[derive(Debug)]
pub struct Receiver {
    limits: Limits,
    check_utf8: bool,
    inbox: Inbox,
    /// The frame whose header has been read and whose payload has not.
    frame: Option<Header>,
    /// The message whose last fragment is still to come.
    message: Option<Message>,
    /// The text of the message in progress, and how much of the payload in the inbox it has seen.
    text: Utf8Stream,
    checked: usize,
    /// The fragments joined so far; with a NUL behind them while lent.
    joined: Vec<u8>,
    lent: Lent,
    /// What was lent when another thread began to read for itself.
    retired: Option<Vec<u8>>,
    end: End,
}

#[derive(Clone, Copy, Debug)]
struct Message {
    opcode: Opcode,
    fragments: u64,
    begun_as: Delivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lent {
    Nothing,
    Inbox,
    Joined,
}

#[derive(Debug)]
enum End {
    NotYet,
    /// A close frame has come: what follows is discarded (section 5.5.1).
    Closed,
    Failed(Error),
}

impl Receiver {
    pub fn new(limits: Limits, check_utf8: bool) -> Self {
        Self {
            limits,
            check_utf8,
            inbox: Inbox::default(),
            frame: None,
            message: None,
            text: Utf8Stream::default(),
            checked: 0,
            joined: Vec::new(),
            lent: Lent::Nothing,
            retired: None,
            end: End::NotYet,
        }
    }

    /// Where the transport appends what it reads, see [`Inbox::space`]. Ends what the last event lent.
    pub fn space(&mut self) -> Result<&mut Vec<u8>, Error> {
        self.release();
        let missing = match self.frame {
            // The next header comes along, so that one read can end one frame and begin the next.
            Some(header) => {
                header.len - (self.inbox.unread().len() as u64).min(header.len)
                    + MAX_HEADER_BYTES as u64
            }
            None => 0,
        };
        self.inbox.space(missing)
    }

    /// The payload of the last event.
    pub fn payload(&self) -> &[u8] {
        match self.lent {
            Lent::Nothing => &[],
            Lent::Inbox => self.inbox.lent(),
            Lent::Joined => self.joined.split_last().map_or(&[], |(_, payload)| payload),
        }
    }

    /// Ends what the last event lent and finds the next one; `None` when more bytes are needed.
    pub fn next_event(&mut self, delivery: Delivery) -> Result<Option<Event>, Error> {
        self.release();
        match &self.end {
            End::NotYet => {}
            End::Closed => {
                self.inbox.clear();
                return Ok(None);
            }
            End::Failed(error) => return Err(error.clone()),
        }
        self.check_delivery(delivery)?;
        let event = self.advance(delivery);
        if let Err(error) = &event {
            self.end = End::Failed(error.clone());
            self.inbox.clear();
        }
        event
    }

    /// A close frame has been received: there will be no more events.
    pub fn is_closed(&self) -> bool {
        matches!(self.end, End::Closed)
    }

    /// How the fragmented message under way is being received.
    pub fn delivery_under_way(&self) -> Option<Delivery> {
        self.message.map(|message| message.begun_as)
    }

    /// Reads into `memory` from here on, unless there is memory of its own in use; see [`Receiver::give_back`].
    pub fn borrow(&mut self, memory: &mut Vec<u8>) {
        self.inbox.borrow(memory);
    }

    /// Ends what the last event lent, and parts with memory that holds nothing.
    pub fn give_back(&mut self, memory: &mut Vec<u8>) {
        self.release();
        self.inbox.give_back(memory);
        if self.joined.is_empty() {
            self.joined = Vec::new();
        }
    }

    /// Forgets what has arrived.
    pub fn discard_input(&mut self) {
        self.release();
        self.inbox.clear();
    }

    /// A message is received in one way from its first frame to its last.
    fn check_delivery(&self, delivery: Delivery) -> Result<(), Error> {
        if self
            .message
            .is_none_or(|message| message.begun_as == delivery)
        {
            return Ok(());
        }
        Err(Error::new(
            Kind::WrongState,
            "a fragmented message is under way that was begun with another receive function",
        ))
    }

    fn advance(&mut self, delivery: Delivery) -> Result<Option<Event>, Error> {
        loop {
            let header = match self.frame {
                Some(header) => header,
                None => match self.next_header(delivery)? {
                    Some(header) => header,
                    None => return Ok(None),
                },
            };
            if delivery == Delivery::Frames {
                return self.take_frame(header);
            }
            if header.opcode.is_control() {
                return self.take_control(header);
            }
            if delivery == Delivery::Fragments
                || (header.fin && header.opcode != Opcode::Continuation)
            {
                return self.take_data(header);
            }
            if !self.join(header)? {
                return Ok(None);
            }
            if header.fin {
                return self.take_joined().map(Some);
            }
        }
    }

    fn next_header(&mut self, delivery: Delivery) -> Result<Option<Header>, Error> {
        let Some((header, len)) = Header::decode(self.inbox.unread())? else {
            return Ok(None);
        };
        self.check_header(&header, delivery)?;
        self.inbox.consume(len);
        self.frame = Some(header);
        self.checked = 0;
        if !header.opcode.is_control() {
            self.count_fragment(&header, delivery)?;
        }
        Ok(Some(header))
    }

    /// The rules a frame from a server must keep whatever it carries.
    fn check_header(&self, header: &Header, delivery: Delivery) -> Result<(), Error> {
        if header.rsv1 || header.rsv2 || header.rsv3 {
            return Err(Error::protocol(
                "frame with a reserved bit set and no extension to give it a meaning",
            ));
        }
        if header.mask.is_some() {
            // Section 5.1: "A server MUST NOT mask any frames that it sends to the client."
            return Err(Error::protocol("masked frame from the server"));
        }
        header.check_control()?;
        match (header.opcode, &self.message) {
            (Opcode::Continuation, None) => {
                return Err(Error::protocol(
                    "continuation frame without a message to continue",
                ));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(Error::protocol(
                    "new message before the last fragment of the one before",
                ));
            }
            _ => {}
        }
        if header.opcode.is_control() {
            return Ok(());
        }
        too_big(
            "frame",
            header.len,
            self.limits.max_frame_bytes,
            "wsline_options_set_max_frame_bytes",
        )?;
        let held = if delivery == Delivery::Messages {
            self.joined.len() as u64
        } else {
            0
        };
        let whole = held.saturating_add(header.len);
        too_big(
            "message",
            whole,
            self.limits.max_message_bytes,
            "wsline_options_set_max_message_bytes",
        )
    }

    /// Keeps account of a message that comes in fragments (section 5.4).
    fn count_fragment(&mut self, header: &Header, delivery: Delivery) -> Result<(), Error> {
        if header.opcode != Opcode::Continuation {
            self.text = Utf8Stream::default();
            self.message = (!header.fin).then_some(Message {
                opcode: header.opcode,
                fragments: 1,
                begun_as: delivery,
            });
            return Ok(());
        }
        if let Some(message) = &mut self.message {
            message.fragments += 1;
            if message.fragments > self.limits.max_fragments {
                let limit = self.limits.max_fragments;
                return Err(Error::new(
                    Kind::MessageTooBig,
                    format!(
                        "message of more than {limit} fragments (wsline_options_set_max_fragments)"
                    ),
                ));
            }
        }
        Ok(())
    }

    fn take_frame(&mut self, header: Header) -> Result<Option<Event>, Error> {
        if self.lend(header).is_none() {
            return Ok(None);
        }
        if header.fin && !header.opcode.is_control() {
            self.message = None;
        }
        let close = if header.opcode == Opcode::Close {
            Some(self.take_close()?)
        } else {
            None
        };
        Ok(Some(Event::Frame { header, close }))
    }

    fn take_control(&mut self, header: Header) -> Result<Option<Event>, Error> {
        if self.lend(header).is_none() {
            return Ok(None);
        }
        Ok(Some(match header.opcode {
            Opcode::Ping => Event::Ping,
            Opcode::Pong => Event::Pong,
            _ => Event::Close(self.take_close()?),
        }))
    }

    fn take_close(&mut self) -> Result<CloseFrame, Error> {
        let frame = CloseFrame::decode(self.payload())?;
        self.end = End::Closed;
        Ok(frame)
    }

    /// A data frame that is handed out as it is: a whole message, or a fragment where fragments are wanted.
    fn take_data(&mut self, header: Header) -> Result<Option<Event>, Error> {
        let first = header.opcode != Opcode::Continuation;
        let opcode = self.message.map_or(header.opcode, |message| message.opcode);
        if opcode == Opcode::Text && self.check_utf8 {
            self.check_text(header)?;
        }
        if self.lend(header).is_none() {
            return Ok(None);
        }
        if header.fin {
            self.message = None;
        }
        Ok(Some(Event::Data {
            opcode,
            first,
            last: header.fin,
        }))
    }

    /// Checks what has arrived of the frame's text and was not checked before, so that a wrong byte ends the
    /// connection when it comes and not when its message ends.
    fn check_text(&mut self, header: Header) -> Result<(), Error> {
        let arrived = arrived(&self.inbox, header);
        let is_last = header.fin && arrived.len() as u64 == header.len;
        if is_last && self.checked == 0 && header.opcode == Opcode::Text {
            return if utf8::is_valid(arrived) {
                Ok(())
            } else {
                Err(not_utf8())
            };
        }
        let unchecked = arrived.get(self.checked..).unwrap_or_default();
        self.text.feed(unchecked).map_err(|_| not_utf8())?;
        self.checked = arrived.len();
        if is_last && !self.text.is_complete() {
            return Err(not_utf8());
        }
        Ok(())
    }

    /// Appends what has arrived of a fragment to its message. True when the fragment is complete.
    fn join(&mut self, header: Header) -> Result<bool, Error> {
        let part = arrived(&self.inbox, header);
        let len = part.len();
        let left = header.len - len as u64;
        if self
            .message
            .is_some_and(|message| message.opcode == Opcode::Text)
            && self.check_utf8
        {
            self.text.feed(part).map_err(|_| not_utf8())?;
            if header.fin && left == 0 && !self.text.is_complete() {
                return Err(not_utf8());
            }
        }
        // One more for the NUL.
        self.joined
            .try_reserve(len + 1)
            .map_err(|_| Error::no_memory(len as u64))?;
        self.joined.extend_from_slice(part);
        self.inbox.consume(len);
        self.frame = (left > 0).then_some(Header {
            len: left,
            ..header
        });
        Ok(left == 0)
    }

    fn take_joined(&mut self) -> Result<Event, Error> {
        let Some(message) = self.message.take() else {
            return Err(Error::new(Kind::Internal, "fragments without a message"));
        };
        self.joined.push(0);
        self.lent = Lent::Joined;
        Ok(Event::Data {
            opcode: message.opcode,
            first: true,
            last: true,
        })
    }

    /// Lends the payload of the frame in progress if it is all there.
    fn lend(&mut self, header: Header) -> Option<()> {
        if (self.inbox.unread().len() as u64) < header.len {
            return None;
        }
        self.inbox.lend(header.len as usize);
        self.lent = Lent::Inbox;
        self.frame = None;
        Some(())
    }

    /// Keeps what the last event lent alive while others read on, until [`Receiver::drop_retired`].
    pub fn retire(&mut self) {
        if self.retired.is_some() {
            // The user's; what has been lent since was to whoever reads on.
            return self.release();
        }
        let retired = match self.lent {
            Lent::Nothing => return,
            Lent::Inbox => self.inbox.retire(),
            Lent::Joined => Some(std::mem::take(&mut self.joined)),
        };
        self.lent = Lent::Nothing;
        self.retired = retired;
    }

    /// The user has come back: whatever was lent before is no longer in use.
    pub fn drop_retired(&mut self) {
        self.retired = None;
    }

    fn release(&mut self) {
        match self.lent {
            Lent::Nothing => return,
            Lent::Inbox => self.inbox.release(),
            Lent::Joined => {
                self.joined.clear();
                // The memory of a usual message is kept for the next; that of a huge one is given back.
                self.joined.shrink_to(READ_MAX);
            }
        }
        self.lent = Lent::Nothing;
    }
}

/// As much of a frame's payload as is there.
fn arrived(inbox: &Inbox, header: Header) -> &[u8] {
    let unread = inbox.unread();
    let len = header.len.min(unread.len() as u64) as usize;
    unread.get(..len).unwrap_or_default()
}

fn too_big(what: &str, bytes: u64, limit: u64, option: &str) -> Result<(), Error> {
    if bytes <= limit {
        return Ok(());
    }
    Err(Error::new(
        Kind::MessageTooBig,
        format!("{what} of {bytes} bytes or more, the limit is {limit} ({option})"),
    ))
}

fn not_utf8() -> Error {
    Error::new(Kind::Payload, "text message that is not UTF-8")
}
