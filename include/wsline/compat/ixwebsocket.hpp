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
#include <wsline/compat/ixwebsocket/types.hpp>

#include <atomic>
#include <mutex>
#include <thread>

namespace ix {

/** A client that stays connected; any thread may call its functions. */
class WebSocket {
  public:
    WebSocket() = default;
    WebSocket(const WebSocket &) = delete;
    WebSocket &operator=(const WebSocket &) = delete;
    ~WebSocket() { stop(); }

    /* ---- Settings; for the next start(), connect() or run() ---- */

    /** Also changes where a running WebSocket connects the next time. */
    void setUrl(const std::string &url) {
        std::lock_guard<std::mutex> lock(mutex_);
        std::error_code ignored;
        url_ = url;
        if (session_) session_->app.set_url(url, ignored);
    }
    std::string getUrl() const { return get(url_); }
    void setExtraHeaders(const WebSocketHttpHeaders &headers) { set(headers_, headers); }
    void addSubProtocol(const std::string &name) {
        std::lock_guard<std::mutex> lock(mutex_);
        subprotocols_.push_back(name);
    }
    const std::vector<std::string> &getSubProtocols() const noexcept { return subprotocols_; }
    void setTLSOptions(const SocketTLSOptions &tls) { set(tls_, tls); }
    void setPerMessageDeflateOptions(const WebSocketPerMessageDeflateOptions &deflate) {
        set(deflate_, deflate);
    }
    WebSocketPerMessageDeflateOptions getPerMessageDeflateOptions() const { return get(deflate_); }
    void enablePerMessageDeflate() { set(deflate_, WebSocketPerMessageDeflateOptions(true)); }
    void disablePerMessageDeflate() { set(deflate_, WebSocketPerMessageDeflateOptions(false)); }
    void setHandshakeTimeout(int seconds) { set(handshake_timeout_, seconds); }
    /** Sends a ping after each interval, and drops the connection if no pong comes in another. */
    void setPingInterval(int seconds) { set(ping_interval_, seconds); }
    int getPingInterval() const { return get(ping_interval_); }
    /** The payload of these pings. They are pings whatever the second argument is. */
    void setPingMessage(const std::string &text, SendMessageKind = SendMessageKind::Ping) {
        set(ping_message_, text);
    }
    std::string getPingMessage() const { return get(ping_message_); }
    void enablePong() { set(answers_pings_, true); }
    void disablePong() { set(answers_pings_, false); }
    void enableAutomaticReconnection() { reconnects_ = true; }
    void disableAutomaticReconnection() { reconnects_ = false; }
    bool isAutomaticReconnectionEnabled() const noexcept { return reconnects_; }
    void setMinWaitBetweenReconnectionRetries(std::uint32_t ms) { set(min_wait_ms_, ms); }
    void setMaxWaitBetweenReconnectionRetries(std::uint32_t ms) { set(max_wait_ms_, ms); }
    std::uint32_t getMinWaitBetweenReconnectionRetries() const { return get(min_wait_ms_); }
    std::uint32_t getMaxWaitBetweenReconnectionRetries() const { return get(max_wait_ms_); }
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
        if (thread_.joinable() || !session_of_run()) return;
        thread_ = std::thread([this] {
            own_thread_ = std::this_thread::get_id();
            run();
        });
    }

    /** Closes the connection for good, and waits for the thread. */
    void stop(std::uint16_t code = WebSocketCloseConstants::kNormalClosureCode,
              const std::string &reason = WebSocketCloseConstants::kNormalClosureMessage) {
        std::error_code ignored;
        auto session = current();
        if (session) {
            leave_open();
            session->app.close(wsline::close_code(code), reason, ignored);
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
        auto session = std::make_shared<Session>();
        WebSocketInitResult result;
        try {
            session->app = wsline::app(getUrl(), make_options(timeout_seconds));
            session->result = &result;
            prepare(session);
            /* stop() on another thread ends the app. */
            while (session->result != nullptr && session->app.is_running())
                session->loop.run_once(wsline::no_timeout);
            session->result = nullptr;
        } catch (const wsline::error &failure) {
            result.errorStr = failure.what();
        }
        if (!result.success) end(session);
        return result;
    }

    /** Connects, unless connect() has, and stays connected until stop(). */
    void run() {
        if (auto session = session_of_run()) finish(session);
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
        if (kind == SendMessageKind::Ping) return send_as(wsline::opcode::ping, text, nullptr);
        return send(text, kind == SendMessageKind::Binary);
    }

    /** Closes the connection; with automatic reconnection, another one follows. */
    void close(std::uint16_t code = WebSocketCloseConstants::kNormalClosureCode,
               const std::string &reason = WebSocketCloseConstants::kNormalClosureMessage) {
        std::error_code ignored;
        auto session = current();
        if (!session || !leave_open()) return;
        if (reconnects_)
            session->app.reconnect(wsline::close_code(code), reason, ignored);
        else
            session->app.close(wsline::close_code(code), reason, ignored);
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

    /** The session of connect() or start(), or a new one; none if the settings are invalid. */
    SessionPtr session_of_run() {
        if (auto session = current()) return session;
        auto session = std::make_shared<Session>();
        try {
            session->app = wsline::app(getUrl(), make_options(get(handshake_timeout_)));
            prepare(session);
            return session;
        } catch (const wsline::error &failure) {
            WebSocketErrorInfo info;
            info.reason = failure.what();
            call(WebSocketMessageType::Error, {}, info);
            return nullptr;
        }
    }

    void prepare(const SessionPtr &session) {
        /* The loop runs only while `session` is kept by who runs it. */
        Session *raw = session.get();
        raw->app.on_connecting([this](wsline::attempt_view, wsline::options_ref) {
            state_ = ReadyState::Connecting;
            return wsline::connect_decision::now;
        });
        raw->app.on_open([this, raw] { opened(*raw); });
        raw->app.on_message([this](wsline::message_view message) {
            receive(WebSocketMessageType::Message, message);
        });
        raw->app.on_ping(
            [this](wsline::message_view message) { receive(WebSocketMessageType::Ping, message); });
        raw->app.on_pong(
            [this](wsline::message_view message) { receive(WebSocketMessageType::Pong, message); });
        raw->app.on_error([this, raw](const wsline::error_info &info) { failed(*raw, info); });
        raw->app.on_close([this, raw](const wsline::close_info &info) { closed(*raw, info); });
        raw->loop.add(raw->app);
        state_ = ReadyState::Connecting;
        set(session_, session);
    }

    void opened(Session &session) {
        WebSocketInitResult result;
        result.success = true;
        result.http_status = session.app.http_status();
        for (const wsline::header &each : session.app.response_headers())
            result.headers[std::string(each.name)] = each.value;
        result.uri = getUrl();
        result.protocol = session.app.subprotocol();
        session.retries = 0;
        state_ = ReadyState::Open;
        if (session.result != nullptr) *session.result = result;
        session.result = nullptr;
        call(WebSocketMessageType::Open, {}, {},
             WebSocketOpenInfo(result.uri, result.headers, result.protocol));
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
        const auto code = static_cast<std::uint16_t>(info.code());
        state_ = ReadyState::Closed;
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
    bool leave_open() noexcept {
        auto expected = ReadyState::Open;
        return state_.compare_exchange_strong(expected, ReadyState::Closing);
    }

    WebSocketSendInfo send_as(wsline::opcode code, const IXWebSocketSendData &data,
                              const OnProgressCallback &progress) {
        auto session = current();
        if (!session || state_ != ReadyState::Open) return false;
        std::error_code failed;
        session->app.send(code, wsline::bytes(data.data(), data.size()), failed);
        if (failed) return false;
        if (progress) progress(0, 1);
        const std::size_t length = data.size() < 126 ? 0 : data.size() < 65536 ? 2 : 8;
        const std::size_t size = 2 + length + 4 + data.size();
        if (traffic_tracker()) traffic_tracker()(size, false);
        return WebSocketSendInfo(true, false, data.size(), size);
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

    /** The same defaults as IXWebSocket has. */
    wsline::options make_options(int timeout_seconds) const {
        std::lock_guard<std::mutex> lock(mutex_);
        wsline::options options;
        options.set_max_message_bytes(0).set_max_send_queue_bytes(0);
        options.set_proxy_from_environment(false).set_max_redirects(9);
        if (timeout_seconds > 0) options.set_connect_timeout(std::chrono::seconds(timeout_seconds));
        options.set_reconnect(true).set_reconnect_always(true).set_reconnect_backoff(2, 0);
        const std::uint32_t first =
            std::clamp(100U, std::min(min_wait_ms_, max_wait_ms_), max_wait_ms_);
        options.set_reconnect_delay(std::chrono::milliseconds(first),
                                    std::chrono::milliseconds(max_wait_ms_));
        if (headers_.find("User-Agent") == headers_.end())
            options.set_header_line("User-Agent: " + userAgent());
        for (const auto &[name, value] : headers_) options.set_header_line(name + ": " + value);
        for (const std::string &name : subprotocols_) options.add_subprotocol(name);
        options.set_auto_pong(answers_pings_);
        if (ping_interval_ > 0) {
            const auto interval = std::chrono::seconds(ping_interval_);
            options.set_ping(interval, interval);
        }
        if (!ping_message_.empty()) options.set_ping_numbers(false).set_ping_payload(ping_message_);
        set_deflate(options);
        set_tls(options);
        return options;
    }

    void set_deflate(wsline::options &options) const {
        if (!deflate_.enabled()) return;
        const auto bits = [](std::uint8_t wanted) { return std::clamp<int>(wanted, 9, 15); };
        options.set_deflate(true);
        options.set_deflate_no_context_takeover(deflate_.getClientNoContextTakeover(),
                                                deflate_.getServerNoContextTakeover());
        options.set_deflate_window_bits(bits(deflate_.getClientMaxWindowBits()),
                                        bits(deflate_.getServerMaxWindowBits()));
    }

    void set_tls(wsline::options &options) const {
        if (!tls_.certFile.empty()) options.set_tls_certificate_file(tls_.certFile);
        if (!tls_.keyFile.empty()) options.set_tls_key_file(tls_.keyFile);
        if (!tls_.isUsingDefaultCiphers()) options.set_tls_ciphers(tls_.ciphers);
        if (tls_.isPeerVerifyDisabled())
            options.set_tls_verify(false);
        else if (tls_.disable_hostname_validation)
            options.set_tls_verify_host(false);
        if (tls_.isUsingInMemoryCAs())
            options.set_tls_ca_pem(tls_.caFile);
        else if (!tls_.isUsingSystemDefaults() && !tls_.isPeerVerifyDisabled())
            options.set_tls_ca_file(tls_.caFile);
    }

    mutable std::mutex mutex_;
    std::string url_;
    WebSocketHttpHeaders headers_;
    std::vector<std::string> subprotocols_;
    SocketTLSOptions tls_;
    WebSocketPerMessageDeflateOptions deflate_;
    std::string ping_message_;
    int handshake_timeout_ = 60;
    int ping_interval_ = -1;
    bool answers_pings_ = true;
    std::uint32_t min_wait_ms_ = 1;
    std::uint32_t max_wait_ms_ = 10'000;
    OnMessageCallback callback_;
    std::atomic<bool> reconnects_{true};
    std::atomic<ReadyState> state_{ReadyState::Closed};
    SessionPtr session_;
    std::thread thread_;
    /** Known before a callback runs on it. */
    std::atomic<std::thread::id> own_thread_{};
};

} // namespace ix

#endif
