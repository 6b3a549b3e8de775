/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/ixwebsocket/settings.hpp
 * @brief The settings of an ix::WebSocket, as options of wsline. Part of
 * wsline/compat/ixwebsocket.hpp.
 */
#ifndef WSLINE_COMPAT_IXWEBSOCKET_SETTINGS_HPP
#define WSLINE_COMPAT_IXWEBSOCKET_SETTINGS_HPP

#include <wsline.hpp>
#include <wsline/compat/ixwebsocket/types.hpp>

namespace ix::detail {

/** What a WebSocket is configured with, with the defaults of IXWebSocket. */
struct settings {
    std::string url;
    WebSocketHttpHeaders headers;
    std::vector<std::string> subprotocols;
    SocketTLSOptions tls;
    WebSocketPerMessageDeflateOptions deflate;
    std::string ping_message;
    SendMessageKind ping_kind = SendMessageKind::Ping;
    int handshake_timeout = 60;
    int ping_interval = -1;
    bool answers_pings = true;
    std::uint32_t min_wait_ms = 1;
    std::uint32_t max_wait_ms = 10'000;

    /** The time before another attempt, after as many as have failed before. */
    std::chrono::milliseconds delay_after(std::uint32_t failures) const {
        std::uint64_t wait = 100ULL << std::min(failures, 26U);
        wait = std::max<std::uint64_t>(wait, min_wait_ms);
        return std::chrono::milliseconds(std::min<std::uint64_t>(wait, max_wait_ms));
    }

    /** The options of all connections. */
    wsline::options make_options(int timeout_seconds) const {
        wsline::options options;
        options.set_max_message_bytes(0).set_max_send_queue_bytes(0);
        options.set_proxy_from_environment(false).set_max_redirects(9);
        options.set_close_timeout(std::chrono::milliseconds(300));
        if (timeout_seconds > 0) options.set_connect_timeout(std::chrono::seconds(timeout_seconds));
        options.set_reconnect(true).set_reconnect_always(true).set_reconnect_backoff(2, 0);
        options.set_reconnect_delay(delay_after(0), std::chrono::milliseconds(max_wait_ms));
        options.set_auto_pong(answers_pings);
        set_deflate(options);
        set_tls(options);
        return options;
    }

    /** Adds what each connection requests. */
    void set_request(wsline::options_ref options) const {
        if (headers.find("User-Agent") == headers.end())
            options.set_header_line("User-Agent: " + userAgent());
        for (const auto &[name, value] : headers) options.set_header_line(name + ": " + value);
        for (const std::string &name : subprotocols) options.add_subprotocol(name);
    }

  private:
    void set_deflate(wsline::options &options) const {
        if (!deflate.enabled()) return;
        const auto bits = [](std::uint8_t wanted) { return std::clamp<int>(wanted, 9, 15); };
        options.set_deflate(true);
        options.set_deflate_no_context_takeover(deflate.getClientNoContextTakeover(),
                                                deflate.getServerNoContextTakeover());
        options.set_deflate_window_bits(bits(deflate.getClientMaxWindowBits()),
                                        bits(deflate.getServerMaxWindowBits()));
    }

    void set_tls(wsline::options &options) const {
        if (!tls.certFile.empty()) options.set_tls_certificate_file(tls.certFile);
        if (!tls.keyFile.empty()) options.set_tls_key_file(tls.keyFile);
        if (!tls.isUsingDefaultCiphers()) options.set_tls_ciphers(tls.ciphers);
        if (tls.isPeerVerifyDisabled())
            options.set_tls_verify(false);
        else if (tls.disable_hostname_validation)
            options.set_tls_verify_host(false);
        if (tls.isUsingInMemoryCAs())
            options.set_tls_ca_pem(tls.caFile);
        else if (!tls.isUsingSystemDefaults() && !tls.isPeerVerifyDisabled())
            options.set_tls_ca_file(tls.caFile);
    }
};

} // namespace ix::detail

#endif
