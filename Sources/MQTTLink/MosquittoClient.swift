// One libmosquitto client for one connection: made, configured, connected, and freed with it. A new connection gets a new
// client, so that no acknowledgement queued for the old one can slip out on the new one.
//
// Callbacks copy and enqueue into `events`; nobody else is called from inside the library. The library runs with
// `mosquitto_threaded_set`, so that it writes nothing outside `write()` (reference: loop.c, packet_mosq.c of 2.0.11).

import CMosquitto
import Glibc

/// What the library told us during one call.
enum ClientEvent {
  case connectAnswer(code: Int32, sessionPresent: Bool)
  case frame(MQTTFrame, payloadBytes: Int)
  case published(messageID: Int32, reasonCode: Int32)
  case subscribed(messageID: Int32, granted: [Int32])
  case unsubscribed(messageID: Int32)
  case disconnected(code: Int32)
}

/// Used by the thread that runs the link, and by no other: the library calls back on the calling thread only.
final class MosquittoClient {
  /// `mosquitto_lib_init` is not thread-safe; Swift's lazy globals are. Never cleaned up: it lives as long as the process.
  private static let libraryIsReady: Bool = mosquitto_lib_init() == MOSQ_ERR_SUCCESS.rawValue

  private let handle: OpaquePointer
  private let configuration: MQTTLinkConfiguration
  /// In the order in which they happened. Emptied by the link after each call.
  private(set) var events: [ClientEvent] = []
  /// Frames and payload bytes in `events`: one read of a TLS record can bring many.
  private var framesHeld = 0
  private var bytesHeld = 0
  /// QoS 0 frames that did not fit.
  var framesDropped: UInt64 = 0
  /// A QoS 1 frame did not fit: the connection is broken on purpose, without acknowledging.
  private(set) var overflowed = false
  /// The last error line that the library logged before CONNACK. TLS failures are explained there and nowhere else.
  private(set) var lastLogLine = ""
  /// The library logged that no name of the certificate fits the broker's name. `lastLogLine` may hold a later line by then.
  private var nameDoesNotFit = false
  private var isAccepted = false
  /// The log line about the PUBLISH that the message callback hands over next.
  private var announced: PublishLogLine?
  /// The library wants to write. Kept here because `mosquitto_want_write` says so only once for TLS: reading it clears it.
  private var wantedWrite = false

  /// Payload bytes held in `events` after one read. Above the limit a QoS 0 frame is dropped; a QoS 1 frame breaks the connection, and the
  /// broker sends it again.
  static let bytesHeldLimit = 16 << 20
  /// The longest packet that the link reads: the longest payload that a configuration can allow, and 1 MiB for topic and properties.
  /// An MQTT 5 broker is told this limit and drops what is longer. A 3.1.1 broker cannot be told, and the library reserves whatever
  /// length a packet's header announces (packet__read of 2.0.11 has no limit for clients). So the link breaks the connection when this
  /// many bytes have arrived without a whole packet. The broker's own limit is `max_packet_size` in our drop-in.
  static let packetBytesMax = 17 << 20
  /// Bytes that TCP had received on this connection when the last whole packet was read.
  private var bytesAtLastPacket: UInt64 = 0
  /// Reads without a packet since then. The first is how the socket runs empty, and asks the kernel nothing.
  private var readsWithoutPacket = 0
  private var framesHeldLimit: Int { configuration.receiveMaximum + 64 }

  init(_ configuration: MQTTLinkConfiguration) throws(MQTTLinkError) {
    guard Self.libraryIsReady, let handle = mosquitto_new(configuration.clientID, !configuration.keepsSession, nil) else {
      throw .library("mosquitto_new: no memory or an invalid client id")
    }
    self.handle = handle
    self.configuration = configuration
    mosquitto_user_data_set(handle, Unmanaged.passUnretained(self).toOpaque())
    setCallbacks()
    try setOptions()
    try setCredentials()
    try setTLS()
    try setWill()
  }

  deinit { mosquitto_destroy(handle) }

  func takeEvents() -> [ClientEvent] {
    guard !events.isEmpty else { return [] }
    defer {
      events.removeAll(keepingCapacity: true)
      framesHeld = 0
      bytesHeld = 0
    }
    return events
  }

  // MARK: - The loop's calls

  var socket: Int32 { mosquitto_socket(handle) }

  /// Connects over TCP, starts TLS and queues CONNECT. Blocks until TCP answers; `BrokerProbe` has shown just before that it does.
  func connect() throws(MQTTLinkError) {
    var properties: OpaquePointer?
    defer { mosquitto_property_free_all(&properties) }
    if configuration.protocolVersion == .v5 {
      let expiry = configuration.keepsSession ? UInt32(clamping: configuration.sessionExpirySeconds) : 0
      try check(
        mosquitto_property_add_int32(&properties, Int32(MQTT_PROP_SESSION_EXPIRY_INTERVAL.rawValue), expiry), "session expiry")
      try check(
        mosquitto_property_add_int32(&properties, Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue), UInt32(Self.packetBytesMax)),
        "maximum packet size")
    }
    let result = mosquitto_connect_bind_v5(
      handle, configuration.host, Int32(configuration.port), Int32(configuration.keepAliveSeconds), nil, properties)
    guard result == MOSQ_ERR_SUCCESS.rawValue else { throw failure(result, errno: cmosquitto_errno()) }
  }

  /// Reads at most one packet, or what TLS has decrypted already. `isDry`: the socket had no more.
  func read() -> (failure: MQTTLinkError?, isDry: Bool) {
    var wouldBlock = false
    let before = events.count
    let result = cmosquitto_loop_read(handle, &wouldBlock)
    if overflowed { return (.inboundOverflow, true) }
    if result != MOSQ_ERR_SUCCESS.rawValue { return (failure(result, errno: cmosquitto_errno()), true) }
    if events.count > before {
      readsWithoutPacket = 0
    } else if wouldBlock {
      readsWithoutPacket = min(readsWithoutPacket + 1, 3)
    }
    if wouldBlock, readsWithoutPacket >= 2 {
      // Keep-alive and acknowledgements bring no event either. They are some forty bytes a minute and never reach this limit.
      let received = cmosquitto_bytes_received(socket)
      if readsWithoutPacket == 2 { bytesAtLastPacket = received }
      if received > bytesAtLastPacket &+ UInt64(Self.packetBytesMax) + UInt64(Self.bytesHeldLimit) { return (.packetTooLong, true) }
    }
    // EAGAIN may be left over from the library's wake-up socket. The socket counts as empty only if this read delivered no packet.
    return (nil, wouldBlock && events.count == before)
  }

  var wantsWrite: Bool {
    if mosquitto_want_write(handle) { wantedWrite = true }
    return wantedWrite
  }

  /// Writes the whole queue, as far as the socket takes it.
  func write() -> MQTTLinkError? {
    wantedWrite = false
    let result = mosquitto_loop_write(handle, 1)
    return result == MOSQ_ERR_SUCCESS.rawValue ? nil : failure(result, errno: cmosquitto_errno())
  }

  /// Keep-alive. Queues PINGREQ when it is due. Fails when the last PINGREQ was not answered in time.
  func keepAlive() -> MQTTLinkError? {
    let result = mosquitto_loop_misc(handle)
    return result == MOSQ_ERR_SUCCESS.rawValue ? nil : failure(result, errno: cmosquitto_errno())
  }

  func publish(topic: String, payload: [UInt8], qos: UInt8, retain: Bool) throws(MQTTLinkError) -> Int32 {
    var messageID: Int32 = 0
    let result = payload.withUnsafeBytes {
      mosquitto_publish_v5(handle, &messageID, topic, Int32(clamping: $0.count), $0.baseAddress, Int32(qos), retain, nil)
    }
    try check(result, "publish")
    return messageID
  }

  func send(_ request: SubscriptionBook.Request) throws(MQTTLinkError) -> Int32 {
    var messageID: Int32 = 0
    let result: Int32
    switch request {
    case .subscribe(let filters, let qos):
      // In a persistent session the broker still has the subscription, and its retained messages were sent when it was new.
      let options = configuration.protocolVersion == .v5 ? Int32(MQTT_SUB_OPT_SEND_RETAIN_NEW.rawValue) : 0
      result = withCStrings(filters) {
        mosquitto_subscribe_multiple(handle, &messageID, Int32(filters.count), $0, Int32(qos), options, nil)
      }
    case .unsubscribe(let filters):
      result = withCStrings(filters) { mosquitto_unsubscribe_multiple(handle, &messageID, Int32(filters.count), $0, nil) }
    }
    try check(result, "subscribe")
    return messageID
  }

  /// Queues DISCONNECT; the library closes the socket when it is written.
  func disconnect() { _ = mosquitto_disconnect_v5(handle, 0, nil) }

  // MARK: - Configuration

  private func setOptions() throws(MQTTLinkError) {
    let isVersion5 = configuration.protocolVersion == .v5
    try check(mosquitto_threaded_set(handle, true), "threaded")
    try check(
      mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, isVersion5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311), "protocol version")
    // Nagle's algorithm would hold a small acknowledgement for a round trip, and the broker waits for it.
    try check(mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1), "no delay")
    if isVersion5 {
      try check(mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, Int32(configuration.receiveMaximum)), "receive maximum")
    }
  }

  private func setCredentials() throws(MQTTLinkError) {
    var username = configuration.username
    if let usernameFile = configuration.usernameFile { username = try SecretFile.firstLine(of: usernameFile) }
    guard let username else { return }
    let password: String?
    if let passwordFile = configuration.passwordFile { password = try SecretFile.firstLine(of: passwordFile) } else { password = nil }
    try check(mosquitto_username_pw_set(handle, username, password), "user name")
  }

  private func setTLS() throws(MQTTLinkError) {
    guard let tls = configuration.tls else { return }
    for path in [tls.caFile, tls.certificateFile, tls.keyFile] {
      if let path, access(path, R_OK) != 0 { throw .fileUnreadable(path: path, detail: String(cString: strerror(errno))) }
    }
    if tls.caFile == nil { try check(mosquitto_int_option(handle, MOSQ_OPT_TLS_USE_OS_CERTS, 1), "system certificates") }
    // Without a callback OpenSSL asks for the key's password on the terminal, and a daemon would hang there.
    try check(
      mosquitto_tls_set(handle, tls.caFile, tls.caFile == nil ? "/etc/ssl/certs" : nil, tls.certificateFile, tls.keyFile) { _, _, _, _ in
        0
      }, "TLS")
  }

  private func setWill() throws(MQTTLinkError) {
    guard let topic = configuration.stateTopic else { return }
    let payload = Array(configuration.offlinePayload.utf8)
    try check(mosquitto_will_set(handle, topic, Int32(payload.count), payload, 1, true), "will")
  }

  private func check(_ result: Int32, _ what: String) throws(MQTTLinkError) {
    guard result == MOSQ_ERR_SUCCESS.rawValue else { throw .library("\(what): \(String(cString: mosquitto_strerror(result)))") }
  }

  /// A result of the library as a failure that says what a person can do.
  private func failure(_ result: Int32, errno code: Int32) -> MQTTLinkError {
    let text = result == MOSQ_ERR_ERRNO.rawValue ? String(cString: strerror(code)) : String(cString: mosquitto_strerror(result))
    let isHandshake = configuration.tls != nil && !lastLogLine.isEmpty
    switch result {
    case MOSQ_ERR_TLS.rawValue, MOSQ_ERR_TLS_HANDSHAKE.rawValue:
      return .tls(TLSFailure.text(lastLogLine.isEmpty ? text : lastLogLine, nameDoesNotFit: nameDoesNotFit, configuration))
    case _ where isHandshake && lastLogLine.contains("OpenSSL Error"):
      return .tls(TLSFailure.text(lastLogLine, nameDoesNotFit: nameDoesNotFit, configuration))
    case MOSQ_ERR_INVAL.rawValue, MOSQ_ERR_NOMEM.rawValue:
      return .library(lastLogLine.isEmpty ? text : lastLogLine)
    case MOSQ_ERR_EAI.rawValue, MOSQ_ERR_LOOKUP.rawValue:
      return .unreachable("the name \(configuration.host) is not known")
    case MOSQ_ERR_KEEPALIVE.rawValue:
      return .connectionLost("no sign of life from the broker for \(configuration.keepAliveSeconds) s")
    default:
      return isAccepted ? .connectionLost(text) : .closedBeforeAnswer
    }
  }

  // MARK: - Callbacks: copy, enqueue, return

  private func setCallbacks() {
    mosquitto_connect_v5_callback_set(handle) { _, object, code, flags, _ in
      guard let client = MosquittoClient.from(object) else { return }
      client.events.append(.connectAnswer(code: code, sessionPresent: flags & 1 != 0))
      if code == 0 { client.isAccepted = true }
    }
    mosquitto_disconnect_v5_callback_set(handle) { _, object, code, _ in
      MosquittoClient.from(object)?.events.append(.disconnected(code: code))
    }
    mosquitto_message_callback_set(handle) { _, object, message in
      guard let client = MosquittoClient.from(object), let message = message?.pointee else { return }
      client.received(message)
    }
    mosquitto_publish_v5_callback_set(handle) { _, object, messageID, reason, _ in
      MosquittoClient.from(object)?.events.append(.published(messageID: messageID, reasonCode: reason))
    }
    mosquitto_subscribe_v5_callback_set(handle) { _, object, messageID, count, granted, _ in
      let codes = Array(UnsafeBufferPointer(start: granted, count: granted == nil ? 0 : Int(max(0, count))))
      MosquittoClient.from(object)?.events.append(.subscribed(messageID: messageID, granted: codes))
    }
    mosquitto_unsubscribe_v5_callback_set(handle) { _, object, messageID, _ in
      MosquittoClient.from(object)?.events.append(.unsubscribed(messageID: messageID))
    }
    mosquitto_log_callback_set(handle) { _, object, level, text in
      guard let text, let client = MosquittoClient.from(object) else { return }
      client.logged(level, text)
    }
  }

  private static func from(_ object: UnsafeMutableRawPointer?) -> MosquittoClient? {
    object.map { Unmanaged<MosquittoClient>.fromOpaque($0).takeUnretainedValue() }
  }

  /// Called for each packet and takes some microseconds. Keeps the line about a PUBLISH and, before CONNACK, the last error.
  private func logged(_ level: Int32, _ text: UnsafePointer<CChar>) {
    if level & Int32(MOSQ_LOG_DEBUG) != 0 {
      if let line = PublishLogLine(text) { announced = line }
    } else if !isAccepted, level & Int32(MOSQ_LOG_ERR) != 0 {
      lastLogLine = String(cString: text)
      if lastLogLine.contains("host name verification failed") { nameDoesNotFit = true }
    }
  }

  private func delivery(of message: mosquitto_message) -> MQTTFrame.Delivery {
    defer { announced = nil }
    guard let announced, Int32(announced.messageID) == message.mid, Int32(announced.qos) == message.qos else { return .unknown }
    return announced.isDuplicate ? .repeated : .first
  }

  private func received(_ message: mosquitto_message) {
    let delivery = delivery(of: message)
    let bytes = UnsafeRawBufferPointer(start: message.payload, count: message.payload == nil ? 0 : Int(max(0, message.payloadlen)))
    let kept = bytes.count > configuration.maximumPayloadBytes ? min(bytes.count, MQTTLinkConfiguration.quarantinePrefixBytes) : bytes.count
    guard framesHeld < framesHeldLimit, bytesHeld + kept <= Self.bytesHeldLimit else {
      if message.qos == 0 {
        framesDropped += 1
      } else if !overflowed {
        overflowed = true
        _ = shutdown(socket, Int32(SHUT_RDWR))
      }
      return
    }
    framesHeld += 1
    bytesHeld += kept
    let frame = MQTTFrame(
      topic: message.topic.map { String(cString: $0) } ?? "", payload: Array(bytes.prefix(kept)), retained: message.retain,
      messageID: UInt16(truncatingIfNeeded: message.mid), qos: UInt8(truncatingIfNeeded: message.qos), delivery: delivery)
    events.append(.frame(frame, payloadBytes: bytes.count))
  }
}

/// Takes the place of the C library's own, for the whole process.
///
/// libmosquitto (2.0.11, log__printf under property__read) asserts a client where it has none to give: one property of MQTT 5 that
/// it does not know, from a broker gone mad or from whoever speaks in its place, would end the hub. It then holds no lock and has
/// called nobody; the call ends as a protocol error, and the connection with it. Every other assertion ends the process, as ever.
@_cdecl("__assert_fail")
public func assertionFailed(
  _ expression: UnsafePointer<CChar>?, _ file: UnsafePointer<CChar>?, _ line: UInt32, _ function: UnsafePointer<CChar>?
) {
  if let file, let function, strstr(file, "logging_mosq.c") != nil, strcmp(function, "log__printf") == 0 { cmosquitto_leave() }
  var text = "assertion failed: "
  for part in [expression, function, file] { text += part.map { String(cString: $0) + " " } ?? "" }
  text += "line \(line)\n"
  text.withCString { _ = write(STDERR_FILENO, $0, strlen($0)) }
  abort()
}

/// Calls `body` with C copies of the strings, which it must not keep.
private func withCStrings<Result>(
  _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>?) -> Result
) -> Result {
  let copies = strings.map { strdup($0) }
  defer { for copy in copies { free(copy) } }
  return copies.withUnsafeBufferPointer { body($0.baseAddress) }
}
