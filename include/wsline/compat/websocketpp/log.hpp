/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/log.hpp
 * @brief The two logs of an endpoint. Part of wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_LOG_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_LOG_HPP

#include <wsline/compat/websocketpp/common.hpp>

#include <atomic>
#include <ctime>
#include <ostream>

namespace websocketpp::log {

/** A set of channels. */
using level = std::uint32_t;

/** The channels of the access log. Of these, connect, disconnect and fail have lines here. */
struct alevel {
    static constexpr level none = 0;
    static constexpr level connect = 1;
    static constexpr level disconnect = 2;
    static constexpr level control = 4;
    static constexpr level frame_header = 8;
    static constexpr level frame_payload = 0x10;
    static constexpr level message_header = 0x20;
    static constexpr level message_payload = 0x40;
    static constexpr level endpoint = 0x80;
    static constexpr level debug_handshake = 0x100;
    static constexpr level debug_close = 0x200;
    static constexpr level devel = 0x400;
    static constexpr level app = 0x800;
    static constexpr level http = 0x1000;
    static constexpr level fail = 0x2000;
    static constexpr level access_core = connect | disconnect | http | fail;
    static constexpr level all = 0xffffffff;

    /** How a line names its channel. */
    static const char *channel_name(level channel) {
        switch (channel) {
        case connect:
            return "connect";
        case disconnect:
            return "disconnect";
        case control:
            return "control";
        case frame_header:
            return "frame_header";
        case frame_payload:
            return "frame_payload";
        case message_header:
            return "message_header";
        case message_payload:
            return "message_payload";
        case endpoint:
            return "endpoint";
        case debug_handshake:
            return "debug_handshake";
        case debug_close:
            return "debug_close";
        case devel:
            return "devel";
        case app:
            return "application";
        case http:
            return "http";
        case fail:
            return "fail";
        default:
            return "unknown";
        }
    }
};

/** The channels of the error log, to which only the program writes. */
struct elevel {
    static constexpr level none = 0;
    static constexpr level devel = 1;
    static constexpr level library = 2;
    static constexpr level info = 4;
    static constexpr level warn = 8;
    static constexpr level rerror = 0x10;
    static constexpr level fatal = 0x20;
    static constexpr level all = 0xffffffff;

    /** How a line names its channel. */
    static const char *channel_name(level channel) {
        switch (channel) {
        case devel:
            return "devel";
        case library:
            return "library";
        case info:
            return "info";
        case warn:
            return "warning";
        case rerror:
            return "error";
        case fatal:
            return "fatal";
        default:
            return "unknown";
        }
    }
};

/** A log with the channels of `Names`; any thread may write to it. */
template <class Names> class basic {
  public:
    explicit basic(std::ostream *out) noexcept : out_(out) {}

    /** Where lines are written. */
    void set_ostream(std::ostream *out = &std::cout) {
        std::lock_guard<std::mutex> lock(mutex_);
        out_ = out;
    }

    /** Enables channels; `none` disables all. */
    void set_channels(level channels) {
        if (channels == Names::none)
            channels_ = 0;
        else
            channels_ |= channels;
    }

    /** Disables channels. */
    void clear_channels(level channels) { channels_ &= ~channels; }

    /** Whether a line for this channel would be written. */
    bool dynamic_test(level channel) const noexcept { return (channels_ & channel) != 0; }
    bool static_test(level channel) const noexcept { return channel != Names::none; }

    /** Writes a line, if its channel is enabled. */
    void write(level channel, const std::string &line) {
        if (!dynamic_test(channel)) return;
        char time[32] = "";
        const std::time_t now = std::time(nullptr);
        std::tm local{};
        if (localtime_r(&now, &local) != nullptr)
            std::strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", &local);
        std::lock_guard<std::mutex> lock(mutex_);
        *out_ << '[' << time << "] [" << Names::channel_name(channel) << "] " << line << std::endl;
    }

  private:
    std::mutex mutex_;
    std::ostream *out_;
    std::atomic<level> channels_{Names::all};
};

} // namespace websocketpp::log

#endif
