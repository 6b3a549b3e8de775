-- SPDX-License-Identifier: Apache-2.0
-- LuaJIT: blocking connections, and apps that a loop drives on LuaJIT's own thread.
local ffi = require 'ffi'
package.path = arg[0]:match('^(.*/)') .. '?.lua;' .. package.path
local wsline = require 'wsline'

ffi.cdef 'unsigned alarm(unsigned seconds);'

local WAIT_MS = 30000
local DEADLINE_S = 60
local TEXT, BINARY = wsline.lib.WSLINE_OPCODE_TEXT, wsline.lib.WSLINE_OPCODE_BINARY

-- ---- harness ----

local tests = {}
local raised -- in callbacks

wsline.on_callback_error = function(message)
    table.insert(raised, message)
end

local function run_tests()
    for _, test in ipairs(tests) do
        ffi.C.alarm(DEADLINE_S) -- SIGALRM ends the program
        raised = {}
        test.run()
        assert(#raised == 0, raised[1])
        assert(next(wsline.registered) == nil, 'callbacks that were not released')
        print('ok   ' .. test.name)
    end
end

local function test(name, run)
    table.insert(tests, {name = name, run = run})
end

local function equal(want, got)
    if want ~= got then
        error(('want %s, got %s'):format(tostring(want), tostring(got)), 2)
    end
end

local function fails(status, func, ...)
    local ok, failure = pcall(func, ...)
    assert(not ok, 'did not fail')
    assert(type(failure) == 'table', failure)
    equal(status, failure.status)
    return failure
end

-- The address of a server that tests/peers/run.py has started.
local function url(peer, path)
    return assert(os.getenv('WSLINE_TEST_' .. peer .. '_URL')) .. (path or '/')
end

local function trusting_options()
    local options = wsline.options()
    options:set_tls_ca_file(os.getenv 'WSLINE_TEST_CA')
    return options
end

-- Drives the loop until `condition()` is true, or a callback raises an error.
local function drive(loop, condition)
    while not condition() and #raised == 0 do
        loop:run_once(WAIT_MS)
    end
end

-- ---- connections ----

test('messages are echoed', function()
    local options = trusting_options()
    for _, peer in ipairs {'WEBSOCKETS', 'WS_TLS'} do
        local conn = wsline.connect(url(peer), options)
        for _, payload in ipairs {'grüße', '', ('x'):rep(100000)} do
            conn:send(TEXT, payload)
            local received, opcode = conn:recv(WAIT_MS)
            equal(payload, received)
            equal(TEXT, opcode)
        end
        conn:send(BINARY, '\0\255')
        equal('\0\255', (conn:recv(WAIT_MS)))
        conn:close(1000, 'done', WAIT_MS)
        conn:free()
    end
    options:free()
end)

test('calls may be compiled', function()
    local conn = wsline.connect(url 'WEBSOCKETS')
    for number = 1, 1000 do
        conn:send(TEXT, tostring(number))
        equal(tostring(number), (conn:recv(WAIT_MS)))
    end
    conn:free()
end)

test('errors describe what happened', function()
    local failure = fails(wsline.lib.WSLINE_ERR_INVALID_URL, wsline.connect, 'http://localhost/')
    assert(failure.message:find 'http')
    equal(failure.message, ffi.string(wsline.lib.wsline_last_error_message()))

    local refusing = url('WEBSOCKETS', '/status?code=403')
    failure = fails(wsline.lib.WSLINE_ERR_HTTP_STATUS, wsline.connect, refusing)
    equal(403, failure.http_status)
    equal(wsline.lib.WSLINE_PHASE_UPGRADE, failure.phase)

    local conn = wsline.connect(url 'WEBSOCKETS')
    fails(wsline.lib.WSLINE_ERR_TIMEOUT, conn.recv, conn, 0)
    conn:free()
    fails(wsline.lib.WSLINE_ERR_INVALID_ARGUMENT, conn.send, conn, TEXT, 'after free')
end)

test('close info has the code and reason of the server', function()
    local conn = wsline.connect(url('WEBSOCKETS', '/close?code=3001&reason=bye'))
    fails(wsline.lib.WSLINE_ERR_CLOSED, conn.recv, conn, WAIT_MS)
    local info = conn:close_info()
    equal(3001, info.code)
    equal('bye', info.reason)
    equal(true, info.clean)
    conn:free()
end)

-- ---- apps in a loop ----

test('several apps echo concurrently', function()
    local options, loop, apps, closed = trusting_options(), wsline.loop(), {}, 0
    for _, peer in ipairs {'WEBSOCKETS', 'WS', 'WEBSOCKETS_TLS', 'WS_TLS'} do
        for _ = 1, 3 do
            local app, count = wsline.app(url(peer), options), 0
            app:on_open(function() app:send(TEXT, '0') end)
            app:on_message(function(payload)
                equal(tostring(count), payload)
                count = count + 1
                if count < 200 then
                    app:send(TEXT, tostring(count))
                else
                    app:close(1000, 'done')
                end
            end)
            app:on_close(function(code)
                equal(1000, code)
                closed = closed + 1
            end)
            loop:add(app)
            table.insert(apps, app)
        end
    end
    drive(loop, function() return closed == #apps end)
    for _, app in ipairs(apps) do
        app:free()
    end
    loop:free()
    options:free()
end)

test('callbacks are replaced in callbacks', function()
    local loop, app, told = wsline.loop(), wsline.app(url 'WEBSOCKETS'), {}
    app:on_open(function()
        app:send(TEXT, 'a')
        app:send(TEXT, 'b')
    end)
    app:on_message(function(first)
        table.insert(told, 'first ' .. first)
        app:on_message(function(second) table.insert(told, 'second ' .. second) end)
    end)
    loop:add(app)
    drive(loop, function() return #told == 2 end)
    equal('first a, second b', table.concat(told, ', '))
    app:free()
    loop:free()
end)

test('errors in callbacks do not break the app', function()
    local loop, app = wsline.loop(), wsline.app(url 'WEBSOCKETS')
    app:on_open(function()
        app:send(TEXT, 'a')
        app:send(TEXT, 'b')
    end)
    app:on_message(function(payload) error('<' .. payload .. '>') end)
    loop:add(app)
    while #raised < 2 do
        loop:run_once(WAIT_MS)
    end
    assert(raised[1]:find '<a>' and raised[2]:find '<b>', raised[1])
    raised = {}
    app:free()
    loop:free()
end)

test('pings are sent automatically', function()
    local options, loop, pongs = wsline.options(), wsline.loop(), {}
    options:set_ping(10, WAIT_MS, 'alive?')
    local app = wsline.app(url 'WS', options)
    app:on_pong(function(payload) table.insert(pongs, payload) end)
    loop:add(app)
    drive(loop, function() return #pongs >= 2 end)
    assert(pongs[1]:find '^alive%?' and pongs[1] ~= pongs[2])
    app:free()
    loop:free()
    options:free()
end)

test('the app reconnects', function()
    local options, loop, told = wsline.options(), wsline.loop(), {}
    options:set_reconnect(10, 10, 1, 0, 0)
    local app = wsline.app(url('FAULTS', '/eof-after-101'), options)
    app:on_open(function() table.insert(told, 'open') end)
    app:on_error(function(failure)
        equal(wsline.lib.WSLINE_ERR_CONNECTION_LOST, failure.status)
        equal(10, failure.retry_in_ms)
        table.insert(told, 'error')
    end)
    app:on_close(function(code) table.insert(told, code) end)
    app:on_reconnect(function()
        table.insert(told, 'again')
        app:on_error(nil)
    end)
    loop:add(app)
    drive(loop, function() return told[4] == 'again' end)
    equal('open error 1006 again', table.concat(told, ' ', 1, 4))
    app:free()
    loop:free()
    options:free()
end)

test('posted functions are called', function()
    local loop, called = wsline.loop(), false
    loop:post(function() called = true end)
    equal(false, called)
    drive(loop, function() return called end)
    loop:free()
end)

run_tests()
