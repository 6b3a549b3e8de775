/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/websocketpp/uri.hpp
 * @brief URIs. Part of wsline/compat/websocketpp_client.hpp.
 */
#ifndef WSLINE_COMPAT_WEBSOCKETPP_URI_HPP
#define WSLINE_COMPAT_WEBSOCKETPP_URI_HPP

#include <wsline.hpp>
#include <wsline/compat/websocketpp/common.hpp>

namespace websocketpp {

/** A parsed URI. http and https stand for ws and wss. */
class uri {
  public:
    explicit uri(const std::string &text)
        : scheme_(text, 0, text.find("://")), text_(as_websocket(scheme_, text)) {
        lib::error_code failed;
        url_ = wsline::parse_url(text_, failed);
    }
    /** Of its parts; a port is a number or text, and may be left out. */
    uri(bool secure, const std::string &host, std::uint16_t port, const std::string &resource)
        : uri(secure, host, std::to_string(port), resource) {}
    uri(bool secure, const std::string &host, const std::string &resource)
        : uri(scheme_of(secure), host, resource) {}
    uri(bool secure, const std::string &host, const std::string &port, const std::string &resource)
        : uri(scheme_of(secure), host, port, resource) {}
    uri(const std::string &scheme, const std::string &host, std::uint16_t port,
        const std::string &resource)
        : uri(scheme, host, std::to_string(port), resource) {}
    uri(const std::string &scheme, const std::string &host, const std::string &resource)
        : uri(scheme + "://" + bracketed(host) + with_slash(resource)) {}
    uri(const std::string &scheme, const std::string &host, const std::string &port,
        const std::string &resource)
        : uri(scheme + "://" + bracketed(host) + ':' + port + with_slash(resource)) {}

    bool get_valid() const noexcept { return static_cast<bool>(url_); }
    bool get_secure() const noexcept { return url_.is_secure(); }
    const std::string &get_scheme() const noexcept { return scheme_; }
    std::string get_host() const { return std::string(url_.host()); }
    std::uint16_t get_port() const noexcept { return static_cast<std::uint16_t>(url_.port()); }
    std::string get_port_str() const { return std::to_string(url_.port()); }
    std::string get_host_port() const {
        const bool is_default = url_.port() == (url_.is_secure() ? 443 : 80);
        return is_default ? bracketed(get_host()) : get_authority();
    }
    std::string get_authority() const { return bracketed(get_host()) + ':' + get_port_str(); }
    std::string get_resource() const { return std::string(url_.resource()); }
    std::string get_query() const {
        const std::string resource = get_resource();
        const auto mark = resource.find('?');
        return mark == std::string::npos ? std::string() : resource.substr(mark + 1);
    }
    std::string str() const { return scheme_ + "://" + get_host_port() + get_resource(); }

    /** The URL of the WebSocket. */
    const std::string &text() const noexcept { return text_; }

  private:
    static std::string scheme_of(bool secure) { return secure ? "wss" : "ws"; }
    static std::string as_websocket(const std::string &scheme, const std::string &text) {
        if (scheme != "http" && scheme != "https") return text;
        return "ws" + text.substr(4);
    }
    static std::string bracketed(const std::string &host) {
        return host.find(':') == std::string::npos ? host : '[' + host + ']';
    }
    static std::string with_slash(const std::string &resource) {
        return resource.empty() ? "/" : resource;
    }

    std::string scheme_;
    std::string text_;
    wsline::url url_;
};

using uri_ptr = lib::shared_ptr<uri>;

} // namespace websocketpp

#endif
