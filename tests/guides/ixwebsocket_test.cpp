/* SPDX-License-Identifier: Apache-2.0 */
/* Programs as the documentation of IXWebSocket describes them. */
#include "expect.hpp"

#include <wsline/compat/ixwebsocket.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;
using Type = ix::WebSocketMessageType;

/* A program's own name, beside those of IXWebSocket. */
struct Settings {
    std::string url;
};

/* What a callback has got, for threads that wait for it. */
class Events {
  public:
    void add(const ix::WebSocketMessagePtr &message) {
        std::lock_guard<std::mutex> lock(mutex_);
        switch (message->type) {
        case Type::Message:
            list_.push_back((message->binary ? "binary " : "text ") + message->str);
            break;
        case Type::Open:
            list_.push_back("open " + message->openInfo.protocol);
            break;
        case Type::Close:
            list_.push_back("close " + std::to_string(message->closeInfo.code));
            break;
        case Type::Error:
            list_.push_back("error " + std::to_string(message->errorInfo.http_status));
            break;
        case Type::Ping:
            list_.push_back("ping");
            break;
        case Type::Pong:
            list_.push_back("pong " + message->str);
            break;
        case Type::Fragment:
            list_.push_back("fragment");
            break;
        }
        changed_.notify_all();
    }

    std::size_t count() {
        std::lock_guard<std::mutex> lock(mutex_);
        return list_.size();
    }

    /** Waits until there are as many, and returns them in one line. */
    std::string wait(std::size_t wanted) {
        std::unique_lock<std::mutex> lock(mutex_);
        const bool arrived = changed_.wait_for(lock, 30s, [&] { return list_.size() >= wanted; });
        EXPECT(arrived);
        std::string joined;
        for (const std::string &each : list_) joined += (joined.empty() ? "" : ", ") + each;
        return joined;
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> list_;
};

static void listen_to(ix::WebSocket &socket, Events &events) {
    socket.setOnMessageCallback(
        [&](const ix::WebSocketMessagePtr &message) { events.add(message); });
    EXPECT(socket.isOnMessageCallbackRegistered());
}

/* Messages, a ping, and the states, with start() and stop(). */
static void conversation() {
    ix::WebSocket socket;
    Events events;
    std::atomic<std::size_t> incoming{0}, outgoing{0};
    ix::WebSocket::setTrafficTrackerCallback(
        [&](std::size_t size, bool is_incoming) { (is_incoming ? incoming : outgoing) += size; });
    listen_to(socket, events);
    EXPECT_EQUAL(ix::WebSocket::readyStateToString(socket.getReadyState()), "CLOSED");
    socket.setUrl(server("WEBSOCKETS") + "/subprotocol");
    socket.addSubProtocol("chat.v2");
    socket.addSubProtocol("chat.v1");
    EXPECT(!socket.send("before").success);
    socket.start();
    socket.start();
    EXPECT_EQUAL(events.wait(1), "open chat.v2");
    EXPECT_EQUAL(ix::WebSocket::readyStateToString(socket.getReadyState()), "OPEN");

    const ix::WebSocketSendInfo sent = socket.send("hello");
    EXPECT(sent.success && sent.payloadSize == 5 && sent.wireSize == 5);
    EXPECT(socket.sendBinary(std::vector<std::uint8_t>{'a', 'b'}).success);
    EXPECT(socket.sendUtf8Text(ix::IXWebSocketSendData("text", 4)).success);
    events.wait(4);
    EXPECT(socket.ping("payload").success);
    EXPECT(!socket.ping(std::string(126, 'x')).success);
    EXPECT_EQUAL(events.wait(5), "open chat.v2, text hello, binary ab, text text, pong payload");
    socket.stop();
    EXPECT_EQUAL(events.wait(6),
                 "open chat.v2, text hello, binary ab, text text, pong payload, close 1000");
    EXPECT_EQUAL(ix::WebSocket::readyStateToString(socket.getReadyState()), "CLOSED");
    EXPECT_EQUAL(incoming.load(), 5U + 2 + 4 + 7);
    EXPECT_EQUAL(outgoing.load(), 5U + 2 + 4 + 7);
    EXPECT(!socket.send("after").success);
    ix::WebSocket::resetTrafficTrackerCallback();
    socket.stop();

    socket.start();
    events.wait(7);
    socket.stop(1001, "again");
    EXPECT_EQUAL(events.wait(8),
                 "open chat.v2, text hello, binary ab, text text, pong payload, close 1000, "
                 "open chat.v2, close 1001");
}

/* connect() reports how it went; run() receives until stop(). */
static void connect_and_run() {
    ix::WebSocket socket;
    Events events;
    listen_to(socket, events);
    socket.setExtraHeaders({{"X-Test", "yes"}});
    socket.setUrl(server("WEBSOCKETS") + "/status?code=404&body=none");
    ix::WebSocketInitResult result = socket.connect(10);
    EXPECT(!result.success && result.http_status == 404);
    EXPECT(result.errorStr.find("404") != std::string::npos);
    socket.setUrl("not a url");
    EXPECT(!socket.connect(10).success);

    socket.setUrl(server("WEBSOCKETS") + "/headers");
    result = socket.connect(10);
    EXPECT(result.success);
    EXPECT_EQUAL(result.headers["UPGRADE"], "websocket");
    EXPECT_EQUAL(result.uri, "/headers");
    EXPECT_EQUAL(events.wait(1).substr(0, 5), "open ");
    std::thread stopper([&] {
        EXPECT(events.wait(2).find("\"X-Test\", \"yes\"") != std::string::npos);
        /* Only run() receives the echo. */
        EXPECT(socket.send("echo").success);
        events.wait(3);
        socket.stop();
    });
    socket.run();
    stopper.join();
    EXPECT(events.wait(4).find("close 1000") != std::string::npos);

    result = socket.connect(10);
    EXPECT(result.success);
    socket.stop();
    EXPECT_EQUAL(static_cast<int>(socket.getReadyState()),
                 static_cast<int>(ix::ReadyState::Closed));
}

/* stop() ends a connect() that hangs, and a start() that cannot work reports why. */
static void stopping_early() {
    ix::WebSocket socket;
    Events events;
    listen_to(socket, events);
    socket.setUrl(server("FAULTS") + "/hang");
    std::thread stopper([&] {
        while (socket.getReadyState() != ix::ReadyState::Connecting)
            std::this_thread::sleep_for(1ms);
        socket.stop();
    });
    EXPECT(!socket.connect(60).success);
    stopper.join();

    socket.stop();
}

/* Invalid settings are reported on the thread of start() until they are valid, or stop(). */
static void invalid_settings() {
    ix::WebSocket socket;
    Events events;
    std::thread::id reported_on;
    std::vector<double> waits;
    socket.setOnMessageCallback([&](const ix::WebSocketMessagePtr &message) {
        if (message->type == Type::Error) {
            reported_on = std::this_thread::get_id();
            waits.push_back(message->errorInfo.wait_time);
            if (waits.size() == 2) socket.setUrl(server("WEBSOCKETS"));
        }
        events.add(message);
    });
    socket.setUrl("not a url");
    socket.start();
    EXPECT_EQUAL(events.wait(3), "error 0, error 0, open ");
    socket.stop();
    EXPECT(reported_on != std::this_thread::get_id());
    EXPECT(waits == std::vector<double>({100, 200}));

    socket.setUrl("not a url");
    socket.setMinWaitBetweenReconnectionRetries(3'600'000);
    socket.setMaxWaitBetweenReconnectionRetries(3'600'000);
    socket.start();
    EXPECT_EQUAL(events.wait(5), "error 0, error 0, open , close 1000, error 0");
    socket.stop();
    socket.disableAutomaticReconnection();
    socket.run();
    EXPECT_EQUAL(waits.back(), 0);
}

/* A close that this side begins is reported with its own code, whatever the server replies. */
static void closing() {
    for (const std::uint16_t code :
         {std::uint16_t{4000}, std::uint16_t{999}}) { /* the second cannot be sent */
        ix::WebSocket socket;
        Events events;
        listen_to(socket, events);
        socket.setUrl(server("WEBSOCKETS"));
        socket.start();
        events.wait(1);
        socket.stop(code, "mine");
        EXPECT_EQUAL(events.wait(2), "open , close " + std::to_string(code));
    }
    ix::WebSocket socket;
    ix::WebSocketCloseInfo info;
    std::atomic<bool> is_open{false};
    socket.setUrl(server("CHAOS") + "/?stall-after=0");
    socket.setOnMessageCallback([&](const ix::WebSocketMessagePtr &message) {
        is_open = is_open || message->type == Type::Open;
        if (message->type == Type::Close) info = message->closeInfo;
    });
    socket.start();
    while (!is_open) std::this_thread::sleep_for(1ms);
    socket.stop(4001, "gone");
    EXPECT_EQUAL(info.code, 4001);
    EXPECT_EQUAL(info.reason, "gone");
    EXPECT(!info.remote);
}

/* Headers that are set in the callback are those of the next connection. */
static void new_headers() {
    ix::WebSocket socket;
    Events events;
    int connections = 0;
    socket.setOnMessageCallback([&](const ix::WebSocketMessagePtr &message) {
        if (message->type == Type::Message) {
            const bool is_first = ++connections == 1;
            EXPECT_EQUAL(message->str.find("\"X-Token\", \"old\"") != std::string::npos, is_first);
            EXPECT_EQUAL(message->str.find("\"X-Other\", \"new\"") != std::string::npos, !is_first);
            socket.setExtraHeaders({{"X-Other", "new"}});
            if (is_first) socket.close();
        }
        events.add(message);
    });
    socket.setUrl(server("WEBSOCKETS") + "/headers");
    socket.setExtraHeaders({{"X-Token", "old"}});
    socket.start();
    events.wait(5);
    socket.stop();
    EXPECT_EQUAL(connections, 2);
}

/* Failed attempts are errors with a time to wait; a lost connection is followed by another. */
static void reconnecting() {
    ix::WebSocket socket;
    Events events;
    double waits[2] = {};
    unsigned retries[2] = {};
    int errors = 0;
    socket.setOnMessageCallback([&](const ix::WebSocketMessagePtr &message) {
        if (message->type == Type::Error && errors < 2) {
            waits[errors] = message->errorInfo.wait_time;
            retries[errors++] = message->errorInfo.retries;
        }
        if (message->type == Type::Open) socket.send("x");
        events.add(message);
    });
    EXPECT(socket.isAutomaticReconnectionEnabled());
    socket.setUrl(server("CHAOS") + "/echo?refuse=2&code=403&key=ix" + std::to_string(getpid()));
    socket.start();
    EXPECT_EQUAL(events.wait(4), "error 403, error 403, open , text x");
    EXPECT_EQUAL(waits[0], 100);
    EXPECT_EQUAL(waits[1], 200);
    EXPECT_EQUAL(retries[1], 2U);
    socket.close(1001, "again");
    EXPECT_EQUAL(events.wait(7), "error 403, error 403, open , text x, close 1001, open , text x");
    EXPECT(!socket.sendText("\xff").success);
    EXPECT_EQUAL(events.wait(10), "error 403, error 403, open , text x, close 1001, open , text x, "
                                  "close 1007, open , text x");
    socket.stop();
}

/* Without reconnecting, run() returns when the server closes or cannot be reached. */
static void once() {
    for (const char *path : {"/close?code=1011&reason=why", "/status?code=500&body=x"}) {
        ix::WebSocket socket;
        std::string last;
        socket.disableAutomaticReconnection();
        socket.setUrl(server("WEBSOCKETS") + path);
        socket.setOnMessageCallback([&](const ix::WebSocketMessagePtr &message) {
            if (message->type == Type::Close)
                last = std::to_string(message->closeInfo.code) + ' ' + message->closeInfo.reason +
                       (message->closeInfo.remote ? " remote" : " local");
            if (message->type == Type::Error) {
                EXPECT_EQUAL(message->errorInfo.wait_time, 0);
                last = message->errorInfo.reason;
            }
        });
        socket.run();
        if (path[1] == 'c')
            EXPECT_EQUAL(last, "1011 why remote");
        else
            EXPECT(last.find("500") != std::string::npos);
    }
}

/* A missing pong closes the connection; a callback may stop its own thread. */
static void pings() {
    ix::WebSocket socket;
    ix::WebSocketCloseInfo info;
    socket.setUrl(server("CHAOS") + "/?stall-after=0");
    socket.disableAutomaticReconnection();
    socket.setPingInterval(1);
    socket.setOnMessageCallback([&](const ix::WebSocketMessagePtr &message) {
        if (message->type == Type::Close) info = message->closeInfo;
    });
    socket.run();
    EXPECT_EQUAL(info.code, ix::WebSocketCloseConstants::kInternalErrorCode);
    EXPECT_EQUAL(info.reason, ix::WebSocketCloseConstants::kPingTimeoutMessage);

    ix::WebSocket other;
    Events events;
    other.setUrl(server("WEBSOCKETS"));
    other.setPingInterval(1);
    other.setPingMessage("mine");
    EXPECT_EQUAL(other.getPingMessage(), "mine");
    other.setOnMessageCallback([&](const ix::WebSocketMessagePtr &message) {
        events.add(message);
        if (events.count() == 3) other.stop();
    });
    other.start();
    EXPECT_EQUAL(events.wait(4), "open , pong mine, pong mine, close 1000");
}

/* Heartbeats may be messages, which need no pong. They are not traffic. */
static void heartbeat_messages() {
    ix::WebSocket socket;
    std::atomic<std::size_t> outgoing{0};
    ix::WebSocket::setTrafficTrackerCallback(
        [&](std::size_t size, bool is_incoming) { outgoing += is_incoming ? 0 : size; });
    Events events;
    listen_to(socket, events);
    socket.setUrl(server("WEBSOCKETS"));
    socket.setPingInterval(1);
    socket.setPingMessage("still here", ix::SendMessageKind::Text);
    socket.start();
    EXPECT_EQUAL(events.wait(4), "open , text still here, text still here, text still here");
    socket.stop();
    ix::WebSocket::resetTrafficTrackerCallback();
    EXPECT_EQUAL(outgoing.load(), 0U);
}

/* Names that programs use apart from the WebSocket itself. */
static void values() {
    const std::string text = "kept";
    const auto message = std::make_unique<ix::WebSocketMessage>(
        Type::Message, text, 4U, ix::WebSocketErrorInfo(), ix::WebSocketOpenInfo(),
        ix::WebSocketCloseInfo(1000, "bye", true), true);
    EXPECT(message->str == "kept" && message->binary && message->closeInfo.remote);
    ix::SocketTLSOptions tls;
    EXPECT(tls.isValid());
    tls.certFile = "/no/such/file";
    EXPECT(!tls.isValid() && !tls.getErrorMsg().empty());
    EXPECT(tls.getDescription().find("/no/such/file") != std::string::npos);
    ix::WebSocket closed;
    EXPECT(!closed.sendBinary("literal").success && !closed.sendUtf8Text("literal").success);
}

static void compression_and_tls() {
    ix::WebSocket socket;
    Events events;
    listen_to(socket, events);
    socket.setPerMessageDeflateOptions(ix::WebSocketPerMessageDeflateOptions(true, true, false, 8));
    socket.setUrl(server("DEFLATE_WS"));
    ix::WebSocketInitResult result = socket.connect(10);
    EXPECT(result.success);
    EXPECT(result.headers["Sec-WebSocket-Extensions"].find("permessage-deflate") == 0);
    socket.stop();
    socket.disablePerMessageDeflate();

    ix::SocketTLSOptions tls;
    socket.setUrl(server("WEBSOCKETS_TLS"));
    EXPECT(!socket.connect(10).success);
    tls.caFile = std::getenv("WSLINE_TEST_CA");
    socket.setTLSOptions(tls);
    EXPECT(socket.connect(10).success);
    socket.stop();
    tls.caFile = "NONE";
    socket.setTLSOptions(tls);
    EXPECT(socket.connect(10).success);
    socket.stop();
}

static void names_of_the_program() {
    using namespace ix;
    Settings settings{server("WEBSOCKETS")};
    WebSocket socket;
    socket.setUrl(settings.url);
    EXPECT_EQUAL(socket.getUrl(), settings.url);
}

/* An exception of the callback comes out of run(). */
static void exceptions() {
    ix::WebSocket socket;
    socket.setUrl(server("WEBSOCKETS"));
    socket.setOnMessageCallback(
        [](const ix::WebSocketMessagePtr &) { throw std::runtime_error("mine"); });
    for (int i = 0; i < 2; ++i) {
        try {
            socket.run();
            EXPECT(false);
        } catch (const std::runtime_error &thrown) {
            EXPECT_EQUAL(std::string(thrown.what()), "mine");
        }
    }
}

int main() {
    EXPECT(ix::initNetSystem());
    conversation();
    connect_and_run();
    stopping_early();
    invalid_settings();
    closing();
    new_headers();
    reconnecting();
    once();
    pings();
    heartbeat_messages();
    values();
    compression_and_tls();
    names_of_the_program();
    exceptions();
    EXPECT(ix::uninitNetSystem());
    return expect_result();
}
