# SPDX-License-Identifier: Apache-2.0
# Ruby with Fiddle: Ctrl-C ends a waiting call with Interrupt. The library needs no wrapper for
# that.

require 'fiddle'

LIBRARY = Fiddle.dlopen(ENV.fetch('WSLINE_LIBRARY'))
OK = 0
FOREVER = -1
# More than the sockets buffer when nobody reads.
MUCH = 64 << 20
# Works where Ctrl-C does not.
DEADLINE_S = 60

def function(name, arguments, result = Fiddle::TYPE_INT)
  Fiddle::Function.new(LIBRARY[name], arguments, result)
end

POINTER = Fiddle::TYPE_VOIDP
SIZE = -Fiddle::TYPE_LONG_LONG
OPTIONS_NEW = function('wsline_options_new', [POINTER])
SET_INTERRUPTIBLE = function('wsline_options_set_interruptible', [POINTER, Fiddle::TYPE_CHAR])
SET_CA_FILE = function('wsline_options_set_tls_ca_file', [POINTER, POINTER])
CONNECT = function('wsline_connect', [POINTER, POINTER, POINTER])
RECV = function('wsline_conn_recv', [POINTER, Fiddle::TYPE_LONG_LONG, POINTER])
SEND = function('wsline_conn_send_binary', [POINTER, POINTER, SIZE])
CLOSE = function('wsline_conn_close', [POINTER, -Fiddle::TYPE_SHORT, POINTER, Fiddle::TYPE_LONG_LONG])
FREE = function('wsline_conn_free', [POINTER], Fiddle::TYPE_VOID)

def ok(status)
  raise "status #{status}" unless status == OK
end

def made
  place = Fiddle::Pointer.malloc(Fiddle::SIZEOF_VOIDP, Fiddle::RUBY_FREE)
  ok(yield(place))
  place.ptr
end

OPTIONS = made { |place| OPTIONS_NEW.call(place) }
ok(SET_INTERRUPTIBLE.call(OPTIONS, 1))
ok(SET_CA_FILE.call(OPTIONS, "#{ENV.fetch('WSLINE_TEST_PKI')}/ca.pem"))

def url(peer, path)
  ENV.fetch("WSLINE_TEST_#{peer}_URL") + path
end

def connect(peer, path)
  made { |place| CONNECT.call(url(peer, path), OPTIONS, place) }
end

# One signal is enough; later ones, even at the end of the program, are ignored.
is_armed = false
trap('INT') do
  if is_armed
    is_armed = false
    raise Interrupt
  end
end

# The block ends with Interrupt.
ctrl_c = lambda do |name, &work|
  is_armed = true
  sender = Thread.new do
    while is_armed
      sleep 0.1
      Process.kill('INT', Process.pid)
    end
  end
  begin
    work.call
    abort "FAIL #{name}: returned"
  rescue Interrupt
    puts "ok   #{name}"
  end
  sender.join
end

Thread.new do
  sleep DEADLINE_S
  warn 'FAIL: still waiting'
  exit!(1)
end

message = Fiddle::Pointer.malloc(64, Fiddle::RUBY_FREE)
much = Fiddle::Pointer.malloc(MUCH, Fiddle::RUBY_FREE)
%w[FAULTS FAULTS_TLS].each do |peer|
  conn = connect(peer, '/stall')
  ctrl_c.call("#{peer} receive") { RECV.call(conn, FOREVER, message) }
  # The first send keeps the unsent rest, so the second one is interrupted.
  ctrl_c.call("#{peer} send") { 2.times { SEND.call(conn, much, MUCH) } }
  FREE.call(conn)
  conn = connect(peer, '/no-close-reply')
  ctrl_c.call("#{peer} close") { CLOSE.call(conn, 1000, nil, FOREVER) }
  FREE.call(conn)
  ctrl_c.call("#{peer} connect") { connect(peer, '/hang') }
end
