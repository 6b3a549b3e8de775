/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/ixwebsocket.hpp
 * @brief ix::WebSocket of IXWebSocket 12, on wsline: for programs that were written for
 * IXWebSocket.
 *
 * Include it instead of all headers of IXWebSocket:
 *
 * ```cpp
 * #include <wsline/compat/ixwebsocket.hpp>
 * ```
 *
 * docs/coming-from/ixwebsocket.md says what differs and what is missing.
 */
#ifndef WSLINE_COMPAT_IXWEBSOCKET_HPP
#define WSLINE_COMPAT_IXWEBSOCKET_HPP

#include <wsline.hpp>
#include <wsline/compat/ixwebsocket/settings.hpp>
#include <wsline/compat/ixwebsocket/types.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
/* Programs rely on these, which the headers of IXWebSocket include. */
#include <chrono>
#include <list>
#include <tuple>
#include <unistd.h>
#include <unordered_map>

namespace ix {

/** A client that stays connected; any thread may call its functions. */
class WebSocket {
  public:
    WebSocket() = default;
    WebSocket(const WebSocket &) = delete;
    WebSocket &operator=(const WebSocket &) = delete;
    ~WebSocket() { stop(); }

    /*
     * ---- Settings; for the next start(), connect() or run() ----
     *
     * The URL, headers, subprotocols and pings of a running WebSocket are for its next connection.
     */

    void setUrl(const std::string &url) {
        std::lock_guard<std::mutex> lock(mutex_);
        std::error_code ignored;
        settings_.url = url;
        if (session_) session_->app.set_url(url, ignored);
    }
    std::string getUrl() const { return get(settings_.url); }
    void setExtraHeaders(const WebSocketHttpHeaders &headers) { set(settings_.headers, headers); }
    void addSubProtocol(const std::string &name) {
        std::lock_guard<std::mutex> lock(mutex_);
        settings_.subprotocols.push_back(name);
    }
    const std::vector<std::string> &getSubProtocols() const noexcept {
        return settings_.subprotocols;
    }
    void setTLSOptions(const SocketTLSOptions &tls) { set(settings_.tls, tls); }
    void setPerMessageDeflateOptions(const WebSocketPerMessageDeflateOptions &deflate) {
        set(settings_.deflate, deflate);
    }
    WebSocketPerMessageDeflateOptions getPerMessageDeflateOptions() const {
        return get(settings_.deflate);
    }
    void enablePerMessageDeflate() { setPerMessageDeflateOptions(true); }
    void disablePerMessageDeflate() { setPerMessageDeflateOptions(false); }
    void setHandshakeTimeout(int seconds) { set(settings_.handshake_timeout, seconds); }
    /**
     * Sends a ping when the connection has opened, and after each interval. If none was answered
     * with a pong in an interval, the connection is closed with 1011, "Ping timeout".
     */
    void setPingInterval(int seconds) { set(settings_.ping_interval, seconds); }
    int getPingInterval() const { return get(settings_.ping_interval); }
    /** What is sent as a ping; if it is a text or binary message, no pong is expected. */
    void setPingMessage(const std::string &text, SendMessageKind kind = SendMessageKind::Ping) {
        std::lock_guard<std::mutex> lock(mutex_);
        settings_.ping_message = text;
        settings_.ping_kind = kind;
    }
    std::string getPingMessage() const { return get(settings_.ping_message); }
    void enablePong() { set(settings_.answers_pings, true); }
    void disablePong() { set(settings_.answers_pings, false); }
    void enableAutomaticReconnection() { reconnects_ = true; }
    void disableAutomaticReconnection() { reconnects_ = false; }
    bool isAutomaticReconnectionEnabled() const noexcept { return reconnects_; }
    void setMinWaitBetweenReconnectionRetries(std::uint32_t ms) { set(settings_.min_wait_ms, ms); }
    void setMaxWaitBetweenReconnectionRetries(std::uint32_t ms) { set(settings_.max_wait_ms, ms); }
    std::uint32_t getMinWaitBetweenReconnectionRetries() const {
        return get(settings_.min_wait_ms);
    }
    std::uint32_t getMaxWaitBetweenReconnectionRetries() const {
        return get(settings_.max_wait_ms);
    }
    void setAutoThreadName(bool) {}

    /** Called with everything that happens, on the thread of start(), run() or connect(). */
    void setOnMessageCallback(const OnMessageCallback &callback) { callback_ = callback; }
    bool isOnMessageCallbackRegistered() const { return callback_ != nullptr; }
    static void setTrafficTrackerCallback(const OnTrafficTrackerCallback &callback) {
        traffic_tracker() = callback;
    }
    static void resetTrafficTrackerCallback() { setTrafficTrackerCallback(nullptr); }

    /* ---- Running ---- */

    /** Connects, and stays connected, on a thread of its own. */
    void start() {
        if (thread_.joinable()) return;
        set(is_stopped_, false);
        thread_ = std::thread([this] {
            own_thread_ = std::this_thread::get_id();
            drive();
        });
    }

    /** Closes the connection for good, and waits for the thread. */
    void stop(std::uint16_t code = WebSocketCloseConstants::kNormalClosureCode,
              const std::string &reason = WebSocketCloseConstants::kNormalClosureMessage) {
        set(is_stopped_, true);
        stopped_.notify_all();
        auto session = current();
        if (session) {
            leave_open(*session, code, reason);
            close_app(*session, code, reason);
        }
        if (own_thread_ == std::this_thread::get_id()) return;
        if (thread_.joinable()) {
            thread_.join();
            own_thread_ = std::thread::id();
        } else if (session) /* after connect() alone, nobody else carries out the handshake */
            finish(session);
    }

    /** Connects once; run() then receives. */
    WebSocketInitResult connect(int timeout_seconds) {
        WebSocketInitResult result;
        SessionPtr session;
        set(is_stopped_, false);
        try {
            session = make_session(timeout_seconds);
            session->result = &result;
            /* stop() on another thread ends the app. */
            while (session->result != nullptr && session->app.is_running())
                session->loop.run_once(wsline::no_timeout);
            session->result = nullptr;
        } catch (const wsline::error &failure) {
            result.errorStr = failure.what();
        }
        if (!result.success && session) end(session);
        return result;
    }

    /** Connects, unless connect() has, and stays connected until stop(). */
    void run() {
        set(is_stopped_, false);
        drive();
    }

    /* ---- Sending ---- */

    WebSocketSendInfo send(const std::string &data, bool binary = false,
                           const OnProgressCallback &progress = nullptr) {
        return binary ? sendBinary(data, progress) : sendText(data, progress);
    }
    WebSocketSendInfo sendBinary(const std::string &data,
                                 const OnProgressCallback &progress = nullptr) {
        return send_as(wsline::opcode::binary, data, progress);
    }
    WebSocketSendInfo sendBinary(const IXWebSocketSendData &data,
                                 const OnProgressCallback &progress = nullptr) {
        return send_as(wsline::opcode::binary, data, progress);
    }
    /** Text that is not UTF-8 is rejected, and closes the connection. */
    WebSocketSendInfo sendText(const std::string &text,
                               const OnProgressCallback &progress = nullptr) {
        if (wsline::utf8_is_valid(text)) return send_as(wsline::opcode::text, text, progress);
        close(WebSocketCloseConstants::kInvalidFramePayloadData,
              WebSocketCloseConstants::kInvalidFramePayloadDataMessage);
        return false;
    }
    /** Text that is not UTF-8 is rejected. */
    WebSocketSendInfo sendUtf8Text(const std::string &text,
                                   const OnProgressCallback &progress = nullptr) {
        return send_as(wsline::opcode::text, text, progress);
    }
    WebSocketSendInfo sendUtf8Text(const IXWebSocketSendData &text,
                                   const OnProgressCallback &progress = nullptr) {
        return send_as(wsline::opcode::text, text, progress);
    }
    WebSocketSendInfo ping(const std::string &text, SendMessageKind kind = SendMessageKind::Ping) {
        if (text.size() > 125) return false;
        return send_as(opcode_of(kind), text, nullptr);
    }

    /** Closes the connection; with automatic reconnection, another one follows. */
    void close(std::uint16_t code = WebSocketCloseConstants::kNormalClosureCode,
               const std::string &reason = WebSocketCloseConstants::kNormalClosureMessage) {
        auto session = current();
        if (!session || !leave_open(*session, code, reason)) return;
        std::error_code failed;
        if (reconnects_) session->app.reconnect(wsline::close_code(code), reason, failed);
        if (!reconnects_ || failed) close_app(*session, code, reason);
    }

    /* ---- State ---- */

    ReadyState getReadyState() const noexcept { return state_; }
    static std::string readyStateToString(ReadyState state) {
        switch (state) {
        case ReadyState::Connecting:
            return "CONNECTING";
        case ReadyState::Open:
            return "OPEN";
        case ReadyState::Closing:
            return "CLOSING";
        case ReadyState::Closed:
            return "CLOSED";
        }
        return "UNKNOWN";
    }
    /** Bytes that the system has not accepted yet. */
    std::size_t bufferedAmount() const {
        auto session = current();
        return session ? session->app.send_queue_bytes() : 0;
    }

  private:
    /** One run: a loop with an app. Senders on other threads may keep it for a moment. */
    struct Session {
        wsline::loop loop;
        wsline::app app;
        /** Set while connect() waits. */
        WebSocketInitResult *result = nullptr;
        std::uint32_t retries = 0;
        /** Connections that have opened. */
        std::uint32_t opened = 0;
        std::uint32_t pings = 0;
        bool has_pong = false;
        /** How this side closes the connection. */
        WebSocketCloseInfo closed_as;
    };
    using SessionPtr = std::shared_ptr<Session>;

    template <class T> void set(T &member, const T &value) {
        std::lock_guard<std::mutex> lock(mutex_);
        member = value;
    }
    template <class T> T get(const T &member) const {
        std::lock_guard<std::mutex> lock(mutex_);
        return member;
    }
    SessionPtr current() const { return get(session_); }

    /** Runs the session of connect(), or new ones until one can be created and has ended. */
    void drive() {
        for (std::uint32_t failures = 0;; ++failures) {
            try {
                auto session = current();
                if (!session) session = make_session(get(settings_.handshake_timeout));
                return finish(session);
            } catch (const wsline::error &failure) {
                if (!report(failure.what(), failures)) return;
            }
        }
    }

    /** Reports invalid settings, and waits. Returns whether there is to be another attempt. */
    bool report(const std::string &reason, std::uint32_t failures) {
        const auto wait = get(settings_).delay_after(failures);
        WebSocketErrorInfo error;
        error.reason = reason;
        if (reconnects_) {
            error.wait_time = static_cast<double>(wait.count());
            error.retries = failures + 1;
        }
        call(WebSocketMessageType::Error, {}, error);
        std::unique_lock<std::mutex> lock(mutex_);
        if (reconnects_) stopped_.wait_for(lock, wait, [this] { return is_stopped_; });
        return reconnects_ && !is_stopped_;
    }

    SessionPtr make_session(int timeout_seconds) {
        auto session = std::make_shared<Session>();
        /* The loop runs only while `session` is kept by who runs it. */
        Session *raw = session.get();
        const detail::settings settings = get(settings_);
        wsline::options options = settings.make_options(timeout_seconds);
        settings.set_request(options);
        raw->app = wsline::app(settings.url, options);
        raw->app.on_connecting([this](wsline::attempt_view, wsline::options_ref attempt) {
            state_ = ReadyState::Connecting;
            attempt.clear_headers().clear_subprotocols();
            get(settings_).set_request(attempt);
            return wsline::connect_decision::now;
        });
        raw->app.on_open([this, raw] { opened(*raw); });
        raw->app.on_message([this](wsline::message_view message) {
            receive(WebSocketMessageType::Message, message);
        });
        raw->app.on_ping(
            [this](wsline::message_view message) { receive(WebSocketMessageType::Ping, message); });
        raw->app.on_pong([this, raw](wsline::message_view message) {
            raw->has_pong = true;
            receive(WebSocketMessageType::Pong, message);
        });
        raw->app.on_error([this, raw](const wsline::error_info &info) { failed(*raw, info); });
        raw->app.on_close([this, raw](const wsline::close_info &info) { closed(*raw, info); });
        raw->loop.add(raw->app);
        std::lock_guard<std::mutex> lock(mutex_);
        if (is_stopped_) raw->app.close();
        state_ = ReadyState::Connecting;
        session_ = session;
        return session;
    }

    void opened(Session &session) {
        WebSocketInitResult result;
        result.success = true;
        result.http_status = session.app.http_status();
        for (const wsline::header &each : session.app.response_headers())
            result.headers[std::string(each.name)] = each.value;
        if (const auto url = wsline::parse_url(getUrl())) result.uri = url.resource();
        result.protocol = session.app.subprotocol();
        session.retries = 0;
        ++session.opened;
        state_ = ReadyState::Open;
        if (session.result != nullptr) *session.result = result;
        session.result = nullptr;
        call(WebSocketMessageType::Open, {}, {},
             WebSocketOpenInfo(result.uri, result.headers, result.protocol));
        if (getPingInterval() > 0) beat(session, std::chrono::seconds(getPingInterval()));
    }

    static wsline::opcode opcode_of(SendMessageKind kind) {
        switch (kind) {
        case SendMessageKind::Text:
            return wsline::opcode::text;
        case SendMessageKind::Binary:
            return wsline::opcode::binary;
        default:
            return wsline::opcode::ping;
        }
    }

    /** Sends a ping now and after each interval, while the connection is open. */
    void beat(Session &session, std::chrono::seconds interval) {
        const detail::settings settings = get(settings_);
        session.has_pong = false;
        std::error_code failed; /* then the connection ends */
        session.app.send(opcode_of(settings.ping_kind),
                         settings.ping_message.empty() ? std::to_string(session.pings++)
                                                       : settings.ping_message,
                         failed);
        session.loop.post_after(interval, [this, interval, &session, number = session.opened] {
            if (session.opened != number || state_ != ReadyState::Open) return;
            if (get(settings_.ping_kind) == SendMessageKind::Ping && !session.has_pong)
                close(WebSocketCloseConstants::kInternalErrorCode,
                      WebSocketCloseConstants::kPingTimeoutMessage);
            else
                beat(session, interval);
        });
    }

    void receive(WebSocketMessageType type, wsline::message_view message) {
        call(type, std::string(message.text()), {}, {}, {}, message.is_binary());
        if (traffic_tracker()) traffic_tracker()(message.size(), true);
    }

    /** Of a connection that was open, on_close reports the end. */
    void failed(Session &session, const wsline::error_info &info) {
        if (!reconnects_ || session.result != nullptr) session.app.close();
        if (state_ != ReadyState::Connecting) return;
        state_ = ReadyState::Closed;
        if (session.result != nullptr) {
            session.result->http_status = info.http_status();
            session.result->errorStr = info.message();
            session.result = nullptr;
            return;
        }
        WebSocketErrorInfo error;
        const auto wait = reconnects_ ? info.retry_in() : std::nullopt;
        if (wait) {
            error.retries = ++session.retries;
            error.wait_time = static_cast<double>(wait->count());
        }
        error.http_status = info.http_status();
        error.reason = info.message();
        call(WebSocketMessageType::Error, {}, error);
    }

    void closed(Session &session, const wsline::close_info &info) {
        if (!reconnects_) session.app.close();
        const bool is_ours = state_.exchange(ReadyState::Closed) == ReadyState::Closing &&
                             info.closed_by() != wsline::side::server;
        if (is_ours) {
            call(WebSocketMessageType::Close, {}, {}, {}, get(session.closed_as));
            return;
        }
        const auto code = static_cast<std::uint16_t>(info.code());
        std::string reason = info.reason();
        if (code == WebSocketCloseConstants::kAbnormalCloseCode)
            reason = WebSocketCloseConstants::kAbnormalCloseMessage;
        if (code == WebSocketCloseConstants::kNoStatusCodeErrorCode)
            reason = WebSocketCloseConstants::kNoStatusCodeErrorMessage;
        call(WebSocketMessageType::Close, {}, {}, {},
             WebSocketCloseInfo(code, reason, info.closed_by() == wsline::side::server));
    }

    /** Runs the session until it has ended, unless another thread is doing so, as stop() may. */
    void finish(const SessionPtr &session) {
        std::error_code busy;
        try {
            session->loop.run(busy);
        } catch (...) { /* of the callback */
            end(session);
            throw;
        }
        if (!busy) end(session);
    }

    void end(const SessionPtr &session) {
        std::lock_guard<std::mutex> lock(mutex_);
        if (session_ == session) session_ = nullptr;
        state_ = ReadyState::Closed;
    }

    /** Whether the connection was open, and is now closing. */
    bool leave_open(Session &session, std::uint16_t code, const std::string &reason) {
        std::lock_guard<std::mutex> lock(mutex_);
        auto expected = ReadyState::Open;
        if (!state_.compare_exchange_strong(expected, ReadyState::Closing)) return false;
        session.closed_as = WebSocketCloseInfo(code, reason);
        return true;
    }

    /** Closes for good; without a code if this one cannot be sent. */
    static void close_app(Session &session, std::uint16_t code, const std::string &reason) {
        std::error_code failed;
        session.app.close(wsline::close_code(code), reason, failed);
        if (failed) session.app.close(wsline::close_code::none, "", failed);
    }

    WebSocketSendInfo send_as(wsline::opcode code, const IXWebSocketSendData &data,
                              const OnProgressCallback &progress) {
        auto session = current();
        if (!session || state_ != ReadyState::Open) return false;
        std::error_code failed;
        session->app.send(code, wsline::bytes(data.data(), data.size()), failed);
        if (failed) return false;
        if (progress) progress(0, 1);
        if (traffic_tracker()) traffic_tracker()(data.size(), false);
        return WebSocketSendInfo(true, false, data.size(), data.size());
    }

    void call(WebSocketMessageType type, const std::string &text,
              const WebSocketErrorInfo &error = {}, const WebSocketOpenInfo &open = {},
              const WebSocketCloseInfo &closed_as = {}, bool binary = false) {
        if (!callback_) return;
        callback_(WebSocketMessagePtr(
            new WebSocketMessage{type, text, text.size(), error, open, closed_as, binary}));
    }

    static OnTrafficTrackerCallback &traffic_tracker() {
        static OnTrafficTrackerCallback callback;
        return callback;
    }

    mutable std::mutex mutex_;
    detail::settings settings_;
    OnMessageCallback callback_;
    std::atomic<bool> reconnects_{true};
    std::atomic<ReadyState> state_{ReadyState::Closed};
    SessionPtr session_;
    bool is_stopped_ = false;
    std::condition_variable stopped_;
    std::thread thread_;
    /** Known before a callback runs on it. */
    std::atomic<std::thread::id> own_thread_{};
};

} // namespace ix

#endif
