// swift-log to the systemd journal with fields, or to stderr as one plain line, depending on where stderr leads.
//
// Messages are static texts; what varies is metadata, which becomes fields that `journalctl KNUTEPUNKT_LINK=…` can filter.
// No personal data in either: nothing here could remove it, so nobody may put it in.
//
// Metadata `message-id` (a 128-bit id in hexadecimal) becomes MESSAGE_ID, which the message catalogue explains.

import CSystemd
import Foundation
package import Logging

/// A log handler for one label. A value; sending is one datagram or one `write`, from any thread.
package struct JournaldLogHandler: LogHandler {
  package enum Destination: Sendable, Hashable {
    case journal
    case standardError
  }

  package let label: String
  package let destination: Destination
  package var logLevel: Logger.Level
  package var metadata: Logger.Metadata = [:]
  package var metadataProvider: Logger.MetadataProvider?

  /// Prefix of our fields in the journal, so that they never meet systemd's.
  package static let fieldPrefix = "KNUTEPUNKT_"
  /// journald takes 64 characters for a field name.
  static let fieldNameMax = 64
  /// A value beyond this is cut: a log line explains, it does not archive.
  package static let valueBytesMax = 4_096

  package init(label: String, level: Logger.Level = .info, destination: Destination = .detected, provider: Logger.MetadataProvider? = nil) {
    self.label = label
    self.logLevel = level
    self.destination = destination
    self.metadataProvider = provider
  }

  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  package func log(event: LogEvent) {
    var all = metadata
    if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
    if let own = event.metadata { all.merge(own) { _, new in new } }
    if let error = event.error, all["error"] == nil { all["error"] = "\(error)" }
    let line = LogLine(level: event.level, message: event.message.description, label: label, metadata: all)
    if destination == .journal, Self.send(line, event: event) { return }
    Self.write(line.plain(at: Date()))
  }

  private static func send(_ line: LogLine, event: LogEvent) -> Bool {
    let file = event.file.split(separator: "/").last.map(String.init) ?? event.file
    var fields = line.fields
    fields.append(("CODE_FILE", file))
    fields.append(("CODE_LINE", "\(event.line)"))
    fields.append(("CODE_FUNC", event.function))
    let bytes = fields.map { Array("\($0.0)=\($0.1)".utf8) }
    var joined = bytes.flatMap { $0 }
    return joined.withUnsafeMutableBytes { buffer -> Bool in
      guard let base = buffer.baseAddress else { return false }
      var offset = 0
      let vectors = bytes.map { field -> iovec in
        defer { offset += field.count }
        return iovec(iov_base: base + offset, iov_len: field.count)
      }
      return csystemd_journal_send(vectors, Int32(vectors.count)) == 0
    }
  }

  private static func write(_ text: String) {
    // One write, so that lines of several threads do not mix. A closed or full stderr loses the line: a log must not stop the hub.
    let bytes = Array(text.utf8)
    _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}

extension JournaldLogHandler.Destination {
  /// The journal, when stderr leads to it (systemd says by JOURNAL_STREAM which device and inode that is), else stderr.
  static let detected: Self = {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    guard let stream = ProcessInfo.processInfo.environment["JOURNAL_STREAM"], csystemd_stderr_identity(&device, &inode) == 0 else {
      return .standardError
    }
    return matches(stream: stream, device: device, inode: inode) ? .journal : .standardError
  }()

  /// `stream` is "device:inode", decimal. A child of ours whose stderr was redirected inherits the variable, but not the match.
  package static func matches(stream: String, device: UInt64, inode: UInt64) -> Bool { stream == "\(device):\(inode)" }
}

/// One line on its way out, without any I/O.
struct LogLine: Sendable, Equatable {
  var level: Logger.Level
  var message: String
  var label: String
  var metadata: Logger.Metadata

  /// syslog's numbers: 3 error … 7 debug. 2 "critical" and above are for what `wall`s and pages an operator.
  var priority: Int {
    switch level {
    case .trace, .debug: 7
    case .info: 6
    case .notice: 5
    case .warning: 4
    case .error: 3
    case .critical: 2
    }
  }

  /// The journal's fields, ours sorted by name.
  var fields: [(String, String)] {
    var fields = [
      ("MESSAGE", Self.cut(message)), ("PRIORITY", "\(priority)"), ("SYSLOG_IDENTIFIER", "knutepunkt"), ("KNUTEPUNKT_LABEL", label),
    ]
    for key in metadata.keys.sorted() {
      guard let value = metadata[key] else { continue }
      if key == "message-id" {
        fields.append(("MESSAGE_ID", "\(value)"))
      } else {
        fields.append((Self.fieldName(key), Self.cut("\(value)")))
      }
    }
    return fields
  }

  /// `2026-01-31T12:00:00.000Z warning mqtt: message key=value key="with space"`, metadata sorted by key, one line whatever is inside.
  func plain(at date: Date) -> String {
    let time = date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    var text = "\(time) \(level) \(label): \(Self.oneLine(message))"
    for key in metadata.keys.sorted() where key != "message-id" {
      guard let value = metadata[key] else { continue }
      text += " \(key)=\(Self.quoted("\(value)"))"
    }
    return text + "\n"
  }

  /// Upper case, digits and underscores, as journald demands; anything else becomes an underscore.
  static func fieldName(_ key: String) -> String {
    let name = key.unicodeScalars.map { scalar -> Character in
      switch scalar {
      case "a"..."z", "A"..."Z", "0"..."9": Character(String(scalar).uppercased())
      default: "_"
      }
    }
    return String((JournaldLogHandler.fieldPrefix + String(name)).prefix(JournaldLogHandler.fieldNameMax))
  }

  private static func cut(_ text: String) -> String {
    guard text.utf8.count > JournaldLogHandler.valueBytesMax else { return text }
    return String(decoding: text.utf8.prefix(JournaldLogHandler.valueBytesMax), as: UTF8.self) + "…"
  }

  private static func oneLine(_ text: String) -> String {
    String(cut(text).map { $0.isNewline || $0.unicodeScalars.allSatisfy { $0.value < 0x20 } ? " " : $0 })
  }

  private static func quoted(_ text: String) -> String {
    let line = oneLine(text)
    guard line.isEmpty || line.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return line }
    return "\"" + line.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
  }
}
