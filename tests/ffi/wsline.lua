-- SPDX-License-Identifier: Apache-2.0
-- wsline for LuaJIT: the parts that the tests need, as a model to copy.
--
-- $WSLINE_LIBRARY is the path of libwsline.so, $WSLINE_HEADER that of wsline.h, which LuaJIT reads
-- itself.
--
-- LuaJIT accepts callbacks only on its own thread. So there is no wsline_app_start() here: a loop
-- drives the apps, and run_once() drives the loop.
local ffi = require 'ffi'

-- LuaJIT already knows int32_t, bool and similar types, and cannot read the system's headers.
local function read_header(path)
    local command = "grep -v '^#include' '%s' | ${CC:-cc} -E -P -x c -"
    local preprocessor = assert(io.popen(command:format(path)))
    local declarations = preprocessor:read '*a'
    preprocessor:close()
    return declarations
end

ffi.cdef(read_header(assert(os.getenv 'WSLINE_HEADER')))
local lib = ffi.load(assert(os.getenv 'WSLINE_LIBRARY'))

local wsline = {lib = lib, FOREVER = -1}

-- ---- errors ----

-- The error of a call as a table, which prints as its text.
local Error = {__tostring = function(self) return self.message end}

local function error_from(info)
    return setmetatable({
        status = tonumber(info.status),
        phase = info.phase,
        http_status = info.http_status,
        retry_in_ms = tonumber(info.retry_in_ms),
        message = ffi.string(info.message),
    }, Error)
end

local function check(status)
    if status ~= lib.WSLINE_OK then
        local info = ffi.new 'wsline_error_info'
        lib.wsline_last_error(info)
        error(error_from(info))
    end
end

-- ---- callbacks ----

-- The library receives one C function for each kind of callback, because LuaJIT can create only a
-- few hundred, and a number as userdata, which identifies the Lua function here. The library calls
-- userdata_free when it will not call the function again.
wsline.registered = {}
local last_number = 0

local function number_of(userdata)
    return tonumber(ffi.cast('intptr_t', userdata))
end

local function register(func)
    last_number = last_number + 1
    wsline.registered[last_number] = func
    return ffi.cast('void *', ffi.cast('intptr_t', last_number))
end

local release = ffi.cast('wsline_free_fn', function(userdata)
    wsline.registered[number_of(userdata)] = nil
end)

-- Catches errors of callbacks, because an error must not pass through the library's stack frames.
function wsline.on_callback_error(message)
    io.stderr:write(message, '\n')
end

local function call(userdata, ...)
    local ok, message = xpcall(wsline.registered[number_of(userdata)], debug.traceback, ...)
    if not ok then
        wsline.on_callback_error(message)
    end
end

local call_on_app = ffi.cast('wsline_app_fn', function(_, userdata)
    call(userdata)
end)
local call_on_message = ffi.cast('wsline_message_fn', function(_, message, userdata)
    call(userdata, ffi.string(message.data, message.len), message.opcode)
end)
local call_on_error = ffi.cast('wsline_error_fn', function(_, info, userdata)
    call(userdata, error_from(info))
end)
local call_on_close = ffi.cast('wsline_close_fn', function(_, info, userdata)
    call(userdata, info.code, ffi.string(info.reason))
end)
local call_posted = ffi.cast('wsline_post_fn', function(_, userdata)
    call(userdata)
end)

-- A call that may run callbacks must not be compiled: it would end the program with "bad callback".
-- Setters and free may call userdata_free.
local function calling_back(func)
    jit.off(func)
    return func
end

-- ---- objects ----

-- The value of a constructor's output parameter.
local function made(kind, constructor, ...)
    local out = ffi.new(kind .. '*[1]')
    local arguments = {...}
    arguments[select('#', ...) + 1] = out
    check(constructor(unpack(arguments, 1, select('#', ...) + 1)))
    return out[0]
end

-- Creates a class whose objects hold a pointer; free() may be called twice.
local function class(free)
    local methods = {}
    methods.__index = methods
    methods.free = calling_back(function(self)
        local pointer = self.pointer
        self.pointer = nil
        free(pointer)
    end)
    return methods
end

local function pointer_of(object)
    return object and object.pointer
end

local Options = class(lib.wsline_options_free)

function wsline.options()
    return setmetatable({pointer = made('wsline_options', lib.wsline_options_new)}, Options)
end

function Options:set_tls_ca_file(path)
    check(lib.wsline_options_set_tls_ca_file(self.pointer, path))
end

function Options:set_ping(interval_ms, timeout_ms, payload)
    check(lib.wsline_options_set_ping(self.pointer, interval_ms, timeout_ms))
    check(lib.wsline_options_set_ping_payload(self.pointer, payload, #payload))
end

function Options:set_reconnect(initial_ms, max_ms, multiplier, jitter, max_attempts)
    check(lib.wsline_options_set_reconnect(self.pointer, true))
    check(lib.wsline_options_set_reconnect_delay_ms(self.pointer, initial_ms, max_ms))
    check(lib.wsline_options_set_reconnect_backoff(self.pointer, multiplier, jitter))
    check(lib.wsline_options_set_reconnect_max_attempts(self.pointer, max_attempts))
end

local Conn = class(lib.wsline_conn_free)

function wsline.connect(url, options)
    local pointer = made('wsline_conn', lib.wsline_connect, url, pointer_of(options))
    return setmetatable({pointer = pointer}, Conn)
end

function Conn:send(opcode, payload)
    check(lib.wsline_conn_send(self.pointer, opcode, payload, #payload))
end

function Conn:recv(timeout_ms)
    local message = ffi.new 'wsline_message'
    check(lib.wsline_conn_recv(self.pointer, timeout_ms, message))
    return ffi.string(message.data, message.len), message.opcode
end

function Conn:close(code, reason, timeout_ms)
    check(lib.wsline_conn_close(self.pointer, code, reason, timeout_ms))
end

function Conn:close_info()
    local info = ffi.new 'wsline_close_info'
    check(lib.wsline_conn_close_info(self.pointer, info))
    return {code = info.code, reason = ffi.string(info.reason), clean = info.clean}
end

-- Its on_... methods take a function, or nil to remove it.
local App = class(lib.wsline_app_free)

function wsline.app(url, options)
    local pointer = made('wsline_app', lib.wsline_app_new, url, pointer_of(options))
    return setmetatable({pointer = pointer}, App)
end

local function setter(set, caller)
    return calling_back(function(self, func)
        if func then
            check(set(self.pointer, caller, register(func), release))
        else
            check(set(self.pointer, nil, nil, nil))
        end
    end)
end

App.on_open = setter(lib.wsline_app_on_open, call_on_app) -- func()
App.on_reconnect = setter(lib.wsline_app_on_reconnect, call_on_app) -- func()
App.on_message = setter(lib.wsline_app_on_message, call_on_message) -- func(payload, opcode)
App.on_pong = setter(lib.wsline_app_on_pong, call_on_message) -- func(payload, opcode)
App.on_error = setter(lib.wsline_app_on_error, call_on_error) -- func(error)
App.on_close = setter(lib.wsline_app_on_close, call_on_close) -- func(code, reason)

function App:send(opcode, payload)
    check(lib.wsline_app_send(self.pointer, opcode, payload, #payload))
end

function App:close(code, reason)
    check(lib.wsline_app_close(self.pointer, code, reason))
end

local Loop = class(lib.wsline_loop_free)

function wsline.loop()
    return setmetatable({pointer = made('wsline_loop', lib.wsline_loop_new)}, Loop)
end

function Loop:add(app)
    check(lib.wsline_loop_add(self.pointer, app.pointer))
end

Loop.run_once = calling_back(function(self, timeout_ms)
    check(lib.wsline_loop_run_once(self.pointer, timeout_ms))
end)

Loop.post = calling_back(function(self, func)
    check(lib.wsline_loop_post(self.pointer, call_posted, register(func), release))
end)

return wsline
