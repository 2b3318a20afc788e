// The core's local API spoken with plain system calls, so that nothing of ours but the hub itself is in the measured path:
// short requests, and the event stream with the moment at which each event arrived.

import Foundation

enum LocalSocket {
  /// POSTs JSON and gives the `id` of the answer.
  static func post(_ socketPath: String, _ path: String, _ body: [String: any Sendable]) throws -> String {
    let payload = try JSONSerialization.data(withJSONObject: body)
    let descriptor = try connect(socketPath)
    defer { close(descriptor) }
    var request = Data(
      """
      POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: \(payload.count)\r
      Connection: close\r\n\r\n
      """.utf8)
    request.append(payload)
    try send(descriptor, request)
    var answer = Data()
    var bytes = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = read(descriptor, &bytes, bytes.count)
      if count < 0 { throw BenchmarkError.system("read \(path)", errno: errno) }
      if count == 0 { break }
      answer.append(contentsOf: bytes[..<count])
    }
    let text = String(decoding: answer, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 2"), let start = text.firstIndex(of: "{"), let end = text.lastIndex(of: "}"),
      let object = try JSONSerialization.jsonObject(with: Data(text[start...end].utf8)) as? [String: Any], let id = object["id"] as? String
    else { throw BenchmarkError.unexpected("\(path) answered: \(text)") }
    return id
  }

  static func connect(_ path: String) throws(BenchmarkError) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw .system("socket", errno: errno) }
    var timeout = timeval(tv_sec: 30, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = try unixAddress(path)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    if result != 0 {
      let number = errno
      close(descriptor)
      throw .system("connect to the hub's socket", errno: number)
    }
    return descriptor
  }

  static func send(_ descriptor: Int32, _ data: Data) throws(BenchmarkError) {
    var rest = Array(data)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count <= 0 { throw .system("write to the hub's socket", errno: errno) }
      rest = rest.dropFirst(count)
    }
  }

  static func unixAddress(_ path: String) throws(BenchmarkError) -> sockaddr_un {
    var address = sockaddr_un()
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw .unexpected("the path of a socket is too long: \(path)") }
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    return address
  }
}

/// One event of `GET /v1/events`.
struct StreamedEvent {
  var name: String
  var data: [UInt8]
  /// When the read that completed it returned.
  var arrival: UInt64

  /// The number after `"key":`, or nil. Cheaper than a JSON decoder, because it runs between two arrivals.
  func number(_ key: String) -> UInt64? {
    let pattern = Array("\"\(key)\":".utf8)
    guard let start = data.firstRange(of: pattern)?.upperBound else { return nil }
    var value: UInt64 = 0
    var index = start
    while index < data.count, data[index] >= 0x30, data[index] <= 0x39 {
      value = value &* 10 &+ UInt64(data[index] - 0x30)
      index += 1
    }
    return index == start ? nil : value
  }

  func contains(_ text: String) -> Bool { data.firstRange(of: Array(text.utf8)) != nil }
}

/// The open event stream. One thread.
final class EventStream {
  private let descriptor: Int32
  private var buffer: [UInt8] = []
  private var arrival: UInt64 = 0
  private var bytes = [UInt8](repeating: 0, count: 65_536)

  init(_ socketPath: String) throws {
    descriptor = try LocalSocket.connect(socketPath)
    let request = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    try LocalSocket.send(descriptor, Data(request.utf8))
    while buffer.firstRange(of: Array("\r\n\r\n".utf8)) == nil { try fill("the event stream opens") }
    guard buffer.starts(with: Array("HTTP/1.1 200".utf8)) else {
      throw BenchmarkError.unexpected("/v1/events answered: \(String(decoding: buffer, as: UTF8.self))")
    }
  }

  deinit { close(descriptor) }

  /// The next event. The hub sends each in one chunk, so the chunk marks stand between events and are read over.
  func next() throws(BenchmarkError) -> StreamedEvent {
    let (begin, middle, end) = (Array("event: ".utf8), Array("\ndata: ".utf8), Array("\n\n".utf8))
    while true {
      if let start = buffer.firstRange(of: begin) {
        let rest = buffer[start.upperBound...]
        if let data = rest.firstRange(of: middle), let stop = buffer[data.upperBound...].firstRange(of: end) {
          let event = StreamedEvent(
            name: String(decoding: buffer[start.upperBound..<data.lowerBound], as: UTF8.self),
            data: Array(buffer[data.upperBound..<stop.lowerBound]), arrival: arrival)
          buffer.removeSubrange(..<stop.upperBound)
          return event
        }
      }
      try fill("an event")
    }
  }

  private func fill(_ what: String) throws(BenchmarkError) {
    let count = read(descriptor, &bytes, bytes.count)
    arrival = Clock.now()
    if count == 0 { throw .unexpected("the hub closed the event stream") }
    if count < 0 { throw .timedOut(what) }
    buffer.append(contentsOf: bytes[..<count])
  }
}
