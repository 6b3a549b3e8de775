/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file wsline/compat/ixwebsocket/types.hpp
 * @brief What the functions and callbacks of ix::WebSocket take and return. Part of
 * wsline/compat/ixwebsocket.hpp.
 */
#ifndef WSLINE_COMPAT_IXWEBSOCKET_TYPES_HPP
#define WSLINE_COMPAT_IXWEBSOCKET_TYPES_HPP

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ix {

/** Orders names of headers. */
struct CaseInsensitiveLess {
    bool operator()(const std::string &a, const std::string &b) const {
        return std::lexicographical_compare(
            a.begin(), a.end(), b.begin(), b.end(),
            [](unsigned char x, unsigned char y) { return std::tolower(x) < std::tolower(y); });
    }
};

using WebSocketHttpHeaders = std::map<std::string, std::string, CaseInsensitiveLess>;

/** The state of a WebSocket. */
enum class ReadyState { Connecting = 0, Open = 1, Closing = 2, Closed = 3 };

/** What a message is about. There are no messages of the type Fragment. */
enum class WebSocketMessageType {
    Message = 0,
    Open = 1,
    Close = 2,
    Error = 3,
    Ping = 4,
    Pong = 5,
    Fragment = 6
};

/** What ping() and setPingMessage() send. */
enum class SendMessageKind { Text, Binary, Ping };

/** Why an attempt to connect has failed. */
struct WebSocketErrorInfo {
    std::uint32_t retries = 0;
    /** Milliseconds until the next attempt; 0 if there is none. */
    double wait_time = 0;
    int http_status = 0;
    std::string reason;
    bool decompressionError = false;
};

/** How a connection has ended. */
struct WebSocketCloseInfo {
    WebSocketCloseInfo(std::uint16_t c = 0, const std::string &r = {}, bool is_remote = false)
        : code(c), reason(r), remote(is_remote) {}

    std::uint16_t code;
    std::string reason;
    bool remote;
};

/** What is known of a connection that has opened. */
struct WebSocketOpenInfo {
    WebSocketOpenInfo(const std::string &u = {}, const WebSocketHttpHeaders &h = {},
                      const std::string &p = {})
        : uri(u), headers(h), protocol(p) {}

    /** Path and query of the URL. */
    std::string uri;
    WebSocketHttpHeaders headers;
    std::string protocol;
};

/** What the callback gets. */
struct WebSocketMessage {
    WebSocketMessage(WebSocketMessageType t, const std::string &s, std::size_t w,
                     WebSocketErrorInfo e, WebSocketOpenInfo o, WebSocketCloseInfo c,
                     bool b = false)
        : type(t), str(s), wireSize(w), errorInfo(std::move(e)), openInfo(std::move(o)),
          closeInfo(std::move(c)), binary(b) {}
    /** The text must outlive the message. */
    WebSocketMessage(WebSocketMessageType, std::string &&, std::size_t, WebSocketErrorInfo,
                     WebSocketOpenInfo, WebSocketCloseInfo, bool = false) = delete;

    WebSocketMessageType type;
    /** The payload of a message, ping or pong; valid until the callback returns. */
    const std::string &str;
    /** The size of the payload: that after decompression. */
    std::size_t wireSize;
    WebSocketErrorInfo errorInfo;
    WebSocketOpenInfo openInfo;
    WebSocketCloseInfo closeInfo;
    bool binary;
};

using WebSocketMessagePtr = std::unique_ptr<WebSocketMessage>;
using OnMessageCallback = std::function<void(const WebSocketMessagePtr &)>;
using OnTrafficTrackerCallback = std::function<void(std::size_t size, bool incoming)>;
using OnProgressCallback = std::function<bool(int current, int total)>;

/** The result of a send. */
struct WebSocketSendInfo {
    WebSocketSendInfo(bool s = false, bool c = false, std::size_t p = 0, std::size_t w = 0)
        : success(s), compressionError(c), payloadSize(p), wireSize(w) {}

    bool success;
    bool compressionError;
    std::size_t payloadSize;
    /** The size of the payload, as if it was not compressed. */
    std::size_t wireSize;
};

/** The result of connect(). */
struct WebSocketInitResult {
    bool success = false;
    int http_status = 0;
    std::string errorStr;
    WebSocketHttpHeaders headers;
    std::string uri;
    std::string protocol;
};

/** Data to send, lent for the call. */
class IXWebSocketSendData {
  public:
    IXWebSocketSendData(const std::string &text) : data_(text.data()), size_(text.size()) {}
    IXWebSocketSendData(const std::vector<char> &bytes)
        : data_(bytes.data()), size_(bytes.size()) {}
    IXWebSocketSendData(const std::vector<std::uint8_t> &bytes)
        : data_(reinterpret_cast<const char *>(bytes.data())), size_(bytes.size()) {}
    IXWebSocketSendData(const char *data, std::size_t size)
        : data_(data), size_(data == nullptr ? 0 : size) {}

    bool empty() const noexcept { return size_ == 0; }
    const char *c_str() const noexcept { return data_; }
    const char *data() const noexcept { return data_; }
    std::size_t size() const noexcept { return size_; }
    const char *begin() const noexcept { return data_; }
    const char *end() const noexcept { return data_ + size_; }

  private:
    const char *data_;
    std::size_t size_;
};

/** How TLS is used. */
struct SocketTLSOptions {
    std::string certFile;
    std::string keyFile;
    /** A file, PEM text, `SYSTEM`, or `NONE` to verify nothing. */
    std::string caFile = "SYSTEM";
    /** For TLS 1.2 and older. */
    std::string ciphers = "DEFAULT";
    /** Only for servers, which do not exist here. */
    bool tls = false;
    bool disable_hostname_validation = false;

    bool hasCertAndKey() const { return !certFile.empty() && !keyFile.empty(); }
    bool isUsingSystemDefaults() const { return caFile == "SYSTEM"; }
    bool isUsingInMemoryCAs() const {
        return caFile.find("-----BEGIN CERTIFICATE-----") != std::string::npos;
    }
    bool isPeerVerifyDisabled() const { return caFile == "NONE"; }
    bool isUsingDefaultCiphers() const { return ciphers.empty() || ciphers == "DEFAULT"; }

    /** Whether there is a certificate and a key, or neither, and all files can be read. */
    bool isValid() const { return getErrorMsg().empty(); }
    /** What isValid() has found; empty if nothing. */
    std::string getErrorMsg() const {
        if (certFile.empty() != keyFile.empty()) return "a certificate and its key go together";
        const bool has_ca_file =
            !isUsingSystemDefaults() && !isUsingInMemoryCAs() && !isPeerVerifyDisabled();
        for (const std::string &file : {certFile, keyFile, has_ca_file ? caFile : std::string()})
            if (!file.empty() && !std::ifstream(file)) return "cannot read " + file;
        return {};
    }
    /** The settings in one line. */
    std::string getDescription() const {
        return "certificate " + certFile + ", key " + keyFile + ", CA " +
               (isUsingInMemoryCAs() ? "in memory" : caFile) + ", ciphers " + ciphers;
    }
};

/** What is offered for compression. */
class WebSocketPerMessageDeflateOptions {
  public:
    WebSocketPerMessageDeflateOptions(bool enabled = false, bool clientNoContextTakeover = false,
                                      bool serverNoContextTakeover = false,
                                      std::uint8_t clientMaxWindowBits = 15,
                                      std::uint8_t serverMaxWindowBits = 15, bool = true)
        : enabled_(enabled), client_no_context_takeover_(clientNoContextTakeover),
          server_no_context_takeover_(serverNoContextTakeover), client_bits_(clientMaxWindowBits),
          server_bits_(serverMaxWindowBits) {}

    bool enabled() const noexcept { return enabled_; }
    bool getClientNoContextTakeover() const noexcept { return client_no_context_takeover_; }
    bool getServerNoContextTakeover() const noexcept { return server_no_context_takeover_; }
    std::uint8_t getClientMaxWindowBits() const noexcept { return client_bits_; }
    std::uint8_t getServerMaxWindowBits() const noexcept { return server_bits_; }

  private:
    bool enabled_, client_no_context_takeover_, server_no_context_takeover_;
    std::uint8_t client_bits_, server_bits_;
};

/** The codes and texts of close frames. */
struct WebSocketCloseConstants {
    static constexpr std::uint16_t kNormalClosureCode = 1000;
    static constexpr std::uint16_t kProtocolErrorCode = 1002;
    static constexpr std::uint16_t kNoStatusCodeErrorCode = 1005;
    static constexpr std::uint16_t kAbnormalCloseCode = 1006;
    static constexpr std::uint16_t kInvalidFramePayloadData = 1007;
    static constexpr std::uint16_t kInternalErrorCode = 1011;

    inline static const std::string kNormalClosureMessage = "Normal closure";
    inline static const std::string kInternalErrorMessage = "Internal error";
    inline static const std::string kAbnormalCloseMessage = "Abnormal closure";
    inline static const std::string kPingTimeoutMessage = "Ping timeout";
    inline static const std::string kProtocolErrorMessage = "Protocol error";
    inline static const std::string kNoStatusCodeErrorMessage = "No status code";
    inline static const std::string kInvalidFramePayloadDataMessage = "Invalid frame payload data";
};

/** Does nothing; only Windows needs it. */
inline bool initNetSystem() { return true; }
inline bool uninitNetSystem() { return true; }

/** The User-Agent of the request. */
inline std::string userAgent() { return "ixwebsocket (wsline)"; }

} // namespace ix

#endif
