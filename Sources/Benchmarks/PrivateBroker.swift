// A mosquitto of our own on a free loopback port, and a small MQTT client for publishing to it and for timing the broker's
// own round trip. The client works on one thread and sends at once: what libmosquitto does without threads.

import CMosquitto
import Foundation

/// A loopback TCP port that was free a moment ago.
func freePort() throws(BenchmarkError) -> UInt16 {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  guard descriptor >= 0 else { throw .system("socket", errno: errno) }
  defer { close(descriptor) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
  var length = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = withUnsafeMutablePointer(to: &address) {
    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1 }
  }
  guard result == 0 else { throw .system("bind", errno: errno) }
  return UInt16(bigEndian: address.sin_port)
}

/// The broker. Anonymous, on loopback only, without a store.
final class PrivateBroker {
  let port: UInt16
  private let process: ChildProcess

  init(in folder: String) throws {
    port = try freePort()
    let file = folder + "/mosquitto.conf"
    // As the product's own drop-in asks: room for a link's in-flight window, and small packets at once. The broker would
    // drop root for a user who cannot read a private folder, so it stays who it is.
    let text = """
      listener \(port) 127.0.0.1
      allow_anonymous true
      persistence false
      max_inflight_messages 1000
      max_queued_messages 0
      set_tcp_nodelay true
      log_dest none

      """
    try (geteuid() == 0 ? "user root\n" + text : text).write(toFile: file, atomically: true, encoding: .utf8)
    process = try ChildProcess(try findProgram("mosquitto"), ["-c", file], log: folder + "/mosquitto.log")
    let deadline = Clock.now() + 10_000_000_000
    while true {
      if let client = try? MQTTClient("bench-probe", port: port) {
        client.close()
        return
      }
      if !process.isRunning { throw BenchmarkError.processEnded("mosquitto", log: process.logText) }
      if Clock.now() > deadline { throw BenchmarkError.timedOut("mosquitto listens") }
      Clock.sleep(milliseconds: 10)
    }
  }

  func stop() { process.stop() }
}

/// A connected client. One thread.
final class MQTTClient {
  private let handle: OpaquePointer
  /// What the callbacks write. They run inside `mosquitto_loop*`, on the caller's thread.
  private final class Seen {
    var connected = false
    var subscribed = false
    var messages = 0
    var lastArrival: UInt64 = 0
    var acknowledged = 0
  }
  private let seen = Seen()

  init(_ clientID: String, port: UInt16) throws(BenchmarkError) {
    mosquitto_lib_init()
    guard let handle = mosquitto_new(clientID, true, Unmanaged.passUnretained(seen).toOpaque()) else {
      throw .library("mosquitto_new", code: errno)
    }
    self.handle = handle
    mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1)
    mosquitto_connect_callback_set(handle) { _, seen, code in MQTTClient.seen(seen)?.connected = code == 0 }
    mosquitto_subscribe_callback_set(handle) { _, seen, _, _, _ in MQTTClient.seen(seen)?.subscribed = true }
    mosquitto_publish_callback_set(handle) { _, seen, _ in MQTTClient.seen(seen)?.acknowledged += 1 }
    mosquitto_message_callback_set(handle) { _, seen, _ in
      guard let seen = MQTTClient.seen(seen) else { return }
      seen.lastArrival = Clock.now()
      seen.messages += 1
    }
    try Self.check("mosquitto_connect", mosquitto_connect(handle, "127.0.0.1", Int32(port), 60))
    try turn(until: { self.seen.connected }, "the broker accepts the connection")
  }

  deinit { mosquitto_destroy(handle) }

  private static func seen(_ pointer: UnsafeMutableRawPointer?) -> Seen? {
    pointer.map { Unmanaged<Seen>.fromOpaque($0).takeUnretainedValue() }
  }

  private static func check(_ call: String, _ code: Int32) throws(BenchmarkError) {
    if code != MOSQ_ERR_SUCCESS.rawValue { throw .library(call, code: code) }
  }

  func subscribe(_ topic: String) throws(BenchmarkError) {
    try Self.check("mosquitto_subscribe", mosquitto_subscribe(handle, nil, topic, 1))
    try turn(until: { self.seen.subscribed }, "the broker grants the subscription")
  }

  /// Sends with QoS 1, at once.
  func publish(_ topic: String, _ payload: String) throws(BenchmarkError) {
    let bytes = Array(payload.utf8)
    try Self.check("mosquitto_publish", mosquitto_publish(handle, nil, topic, Int32(bytes.count), bytes, 1, false))
  }

  /// Waits until the broker has acknowledged everything that was published: `count` messages since the beginning.
  func flush(_ count: Int) throws(BenchmarkError) {
    try turn(until: { self.seen.acknowledged >= count }, "the broker acknowledges")
  }

  /// Waits for message number `count` of this client; gives the moment at which it arrived.
  func message(_ count: Int) throws(BenchmarkError) -> UInt64 {
    try turn(until: { self.seen.messages >= count }, "the message comes back")
    return seen.lastArrival
  }

  func close() { mosquitto_disconnect(handle) }

  private func turn(until condition: () -> Bool, _ what: String) throws(BenchmarkError) {
    let deadline = Clock.now() + 10_000_000_000
    while !condition() {
      try Self.check("mosquitto_loop", mosquitto_loop(handle, 100, 1))
      if Clock.now() > deadline { throw .timedOut(what) }
    }
  }
}
