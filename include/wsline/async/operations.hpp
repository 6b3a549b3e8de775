/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/async/operations.hpp
 * @brief Operations of one connection that somebody waits for. Part of wsline/coroutine.hpp and
 * wsline/asio.hpp.
 */
#ifndef WSLINE_ASYNC_OPERATIONS_HPP
#define WSLINE_ASYNC_OPERATIONS_HPP

#include <wsline/app.hpp>
#include <wsline/async/waiter.hpp>
#include <wsline/loop.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>

namespace wsline::detail {

/** Somebody who has to know whether there is a connection, or an attempt to connect. */
class observer {
  public:
    virtual void begins() = 0;
    virtual void ends() noexcept = 0;

  protected:
    ~observer() = default;
};

/**
 * Makes the callbacks of an app operations with one result: connect, receive, send, close. At most
 * one of each kind waits.
 *
 * While nobody receives, it reads one message ahead, and then pauses the app. So somebody who is
 * late for the next message costs no system call, and pings are answered on a quiet connection.
 *
 * An operation returns true if it has ended at once; its result is then in the waiter. All calls
 * are made on the thread that drives the loop. A waiter that continues may destroy this object.
 */
class operations {
  public:
    explicit operations(loop_ref loop, observer *watching = nullptr) noexcept
        : loop_(loop), observer_(watching) {}
    operations(const operations &) = delete;
    operations &operator=(const operations &) = delete;
    ~operations() {
        for (watch *each = watches_; each != nullptr; each = each->outer) each->self = nullptr;
        drop_app();
    }

    /** The loop that drives the connection. */
    loop_ref loop() const noexcept { return loop_; }

    /** The app of the last connect; none before it. */
    app_ref app() const noexcept { return app_; }

    /** Connects `made`, an app that does not reconnect. */
    bool connect(wsline::app made, waiter<nothing> &who, timeout wait) {
        if (is_running_) return refuse(who, status::busy, "this client is already connected");
        drop_app();
        app_ = std::move(made);
        std::error_code ec;
        app_.set_callbacks(this, ec);
        loop_.add(app_, ec);
        if (ec) return fail_at_once(who, ec);
        is_running_ = true;
        end_.reset();
        close_info_ = {};
        if (observer_ != nullptr) observer_->begins();
        begin_wait(connecting, who, wait);
        return false;
    }

    bool receive(waiter<message_view> &who, timeout wait) {
        if (receiving) return refuse(who, status::busy, "another receive is pending");
        if (std::exchange(has_next_, false)) {
            std::error_code ec;
            app_.resume(ec);
            lent_.swap(next_payload_);
            next_.data =
                static_cast<const std::uint8_t *>(static_cast<const void *>(lent_.c_str()));
            who.result = message_view(next_);
            return true;
        }
        if (!is_open_) return refuse_unconnected(who);
        begin_wait(receiving, who, wait);
        return false;
    }

    /** The payload is copied if it has to wait. */
    bool send(opcode code, bytes data, waiter<nothing> &who, timeout wait) {
        if (sending) return refuse(who, status::busy, "another send is pending");
        if (!is_open_) return refuse_unconnected(who);
        std::error_code ec;
        app_.send(code, data, ec);
        if (ec != status::would_block) return ec ? fail_at_once(who, ec) : true;
        unsent_code_ = code;
        unsent_.assign(static_cast<const char *>(data.data()), data.size());
        begin_wait(sending, who, wait);
        return false;
    }

    bool close(close_code code, std::string_view reason, waiter<wsline::close_info> &who,
               timeout wait) {
        if (closing) return refuse(who, status::busy, "another close is pending");
        if (!is_open_ && end_ && end_->status() == status::closed) {
            who.result = close_info_;
            return true;
        }
        if (!is_open_) return refuse_unconnected(who);
        std::error_code ec;
        app_.close(code, reason.empty() ? c_string(nullptr) : c_string(reason), ec);
        if (ec) return fail_at_once(who, ec);
        is_closing_ = true;
        begin_wait(closing, who, wait);
        return false;
    }

    /** Drops the connection. What is pending reports `info`, later. */
    void abort(const error_info &info) {
        if (is_open_) end_ = info;
        drop_app();
        connecting.fail(info, when::later);
        receiving.fail(info, when::later);
        sending.fail(info, when::later);
        closing.fail(info, when::later);
    }

    /** What drives the loop is being destroyed: nobody continues. */
    void abandon() noexcept {
        connecting.abandon();
        receiving.abandon();
        sending.abandon();
        closing.abandon();
    }

    /** Ends the wait with this serial number, unless it has ended already. */
    template <class R>
    void cancel(slot<R> operations::*at, std::uint64_t serial, const error_info &info, when how) {
        if (this->*at && (this->*at).serial == serial) give_up(this->*at, info, how);
    }

    /* ---- Callbacks of the app ---- */

    void on_open(app_ref) {
        is_open_ = true;
        connecting.finish({});
    }

    void on_message(app_ref, message_view message) {
        if (receiving) return receiving.finish(message);
        /* The closing handshake must be read. */
        if (is_closing_) return;
        next_ = message.raw();
        next_payload_.assign(message.text());
        has_next_ = true;
        std::error_code ec;
        app_.pause(ec);
    }

    void on_drain(app_ref) {
        if (!sending) return;
        std::error_code ec;
        app_.send(unsent_code_, bytes(unsent_), ec);
        if (ec == status::would_block) return;
        forget_unsent();
        if (ec)
            sending.fail(info_of(static_cast<wsline_status>(ec.value())));
        else
            sending.finish({});
    }

    void on_error(app_ref, const error_info &info) {
        /* It tries the next of several URLs. */
        if (info.retry_in()) return;
        if (is_open_) {
            end_ = info; /* on_close follows. */
            return;
        }
        note_end();
        connecting.fail(info);
    }

    void on_close(app_ref, const wsline::close_info &info) {
        const bool is_failure = end_.has_value();
        if (!is_failure) end_ = closed(info);
        close_info_ = info;
        note_end();
        /* One that continues may connect again, and then others wait here. */
        auto receive = std::move(receiving);
        auto send = std::move(sending);
        auto close = std::move(closing);
        const error_info why = *end_;
        receive.fail(why);
        send.fail(why);
        if (is_failure)
            close.fail(why);
        else
            close.finish(info);
    }

    slot<nothing> connecting{*this, &operations::drop_app};
    slot<message_view> receiving{*this, &operations::forget_nothing};
    slot<nothing> sending{*this, &operations::forget_unsent};
    slot<wsline::close_info> closing{*this, &operations::forget_nothing};

  private:
    using clock = std::chrono::steady_clock;

    /** Notices that a waiter has destroyed this object, or has connected it again. */
    struct watch {
        explicit watch(operations &of) noexcept
            : self(&of), outer(std::exchange(of.watches_, this)), epoch(of.epoch_) {}
        watch(const watch &) = delete;
        watch &operator=(const watch &) = delete;
        ~watch() {
            if (self != nullptr) self->watches_ = outer;
        }
        explicit operator bool() const noexcept { return self != nullptr && self->epoch_ == epoch; }

        operations *self;
        watch *outer;
        std::uint64_t epoch;
    };

    template <class R> static bool refuse(waiter<R> &who, status code, const char *why) {
        who.failure = error_info(code, why);
        return true;
    }

    template <class R> bool refuse_unconnected(waiter<R> &who) {
        if (is_running_) return refuse(who, status::wrong_state, "this client is still connecting");
        if (!end_) return refuse(who, status::wrong_state, "this client is not connected");
        who.failure = end_;
        return true;
    }

    template <class R> static bool fail_at_once(waiter<R> &who, std::error_code ec) {
        who.failure = info_of(static_cast<wsline_status>(ec.value()));
        return true;
    }

    static error_info closed(const wsline::close_info &info) {
        wsline_error_info raw{};
        raw.status = WSLINE_ERR_CLOSED;
        raw.phase = WSLINE_PHASE_CLOSE;
        raw.close_code = static_cast<std::int32_t>(info.code());
        raw.retry_in_ms = -1;
        std::string message = "the connection was closed: " + std::to_string(raw.close_code);
        if (!info.reason().empty()) message += ' ' + info.reason();
        raw.message = message.c_str();
        return error_info(raw);
    }

    /** Frees the app, and with it what was posted to it. */
    void drop_app() noexcept {
        connecting.disarm();
        receiving.disarm();
        sending.disarm();
        closing.disarm();
        if (is_running_) note_end();
        ++epoch_;
        timer_at_ = clock::time_point::max();
        has_next_ = false;
        app_ = wsline::app();
    }

    void note_end() noexcept {
        is_running_ = is_open_ = is_closing_ = false;
        timer_at_ = clock::time_point::max();
        if (observer_ != nullptr) observer_->ends();
    }

    void forget_unsent() noexcept { std::string().swap(unsent_); }
    void forget_nothing() noexcept {}

    /* ---- Timeouts ---- */

    template <class R> void begin_wait(slot<R> &at, waiter<R> &who, timeout wait) {
        /* A longer time would overflow the clock. */
        constexpr std::int64_t longest = std::int64_t{1} << 40;
        const bool is_limited = wait.ms() >= 0 && wait.ms() < longest;
        at.put(who, is_limited ? clock::now() + wait.duration() : clock::time_point::max());
        if (is_limited) look_at(at.deadline);
    }

    /**
     * Has on_timer() called by `deadline`. If it will be called earlier anyway, that is enough: so
     * a timeout for each message does not cost a timer for each.
     */
    void look_at(clock::time_point deadline) {
        if (deadline >= timer_at_) return;
        std::error_code ec;
        if (timer_at_ != clock::time_point::max()) app_.cancel_post(timer_, ec);
        timer_at_ = deadline;
        timer_ = app_.post_after(deadline - clock::now(), [this] { on_timer(); }, ec);
    }

    void on_timer() {
        const clock::time_point now = clock::now();
        watch present(*this);
        timer_at_ = clock::time_point::max();
        expire(present, now, connecting, "the connect was not finished in time");
        expire(present, now, receiving, "no complete message received in time");
        expire(present, now, sending, "send timed out before any of the message was sent");
        expire(present, now, closing, "the server has not ended the connection in time");
    }

    template <class R>
    void expire(const watch &present, clock::time_point now, slot<R> &at, const char *why) {
        if (!present || !at || at.deadline == clock::time_point::max()) return;
        if (at.deadline > now)
            look_at(at.deadline);
        else
            give_up(at, error_info(status::timeout, why), when::now);
    }

    template <class R> void give_up(slot<R> &at, const error_info &info, when how) {
        auto who = std::move(at);
        /* A connect cannot be continued. */
        if constexpr (std::is_same_v<R, nothing>) {
            if (&at == &connecting)
                drop_app();
            else
                forget_unsent();
        }
        who.fail(info, how);
    }

    loop_ref loop_;
    observer *observer_;
    wsline::app app_;
    watch *watches_ = nullptr;
    /** Counts the apps. */
    std::uint64_t epoch_ = 0;
    clock::time_point timer_at_ = clock::time_point::max();
    std::uint64_t timer_ = 0;
    bool is_running_ = false, is_open_ = false, is_closing_ = false;
    /** Why the last connection has ended. */
    std::optional<error_info> end_;
    wsline::close_info close_info_;
    /** The message that was read ahead, if any, and the payload of the one before it, still lent.
     */
    bool has_next_ = false;
    wsline_message next_{};
    std::string next_payload_, lent_;
    /** The message that waits for room in the send queue. */
    opcode unsent_code_ = opcode::text;
    std::string unsent_;
};

/** An app for one connection: it does not reconnect. */
struct made_app {
    wsline::app app;
    std::optional<error_info> failure;

    explicit made_app(const c_string &url) {
        make(url, [] { return options(); });
    }
    made_app(const c_string &url, const reference<wsline_options> &from) {
        make(url, [&from] { return options(options_ref(from.get())); });
    }

  private:
    template <class Make> void make(const c_string &url, Make make_options) {
        try {
            options once = make_options();
            once.set_reconnect(false);
            app = wsline::app(url, once);
        } catch (const error &thrown) {
            failure = thrown.info();
        }
    }
};

} // namespace wsline::detail

#endif
