// Reads a secret from a file (a systemd credential, usually) at the moment that it is needed, and words for what TLS
// says. Holds nothing: a changed file counts from the next connect.

import Glibc

enum SecretFile {
  /// Longer than any password; a wrong path (a disk, a log) is found out before it is read whole.
  static let bytesMax = 4_096

  /// The first line of the file, without its line end. Must not be empty.
  static func firstLine(of path: String) throws(MQTTLinkError) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .fileUnreadable(path: path, detail: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
    guard count >= 0 else { throw .fileUnreadable(path: path, detail: String(cString: strerror(errno))) }
    let line = bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") && $0 != UInt8(ascii: "\r") }
    guard !line.isEmpty else { throw .fileUnreadable(path: path, detail: "its first line is empty") }
    guard count < bytesMax else { throw .fileUnreadable(path: path, detail: "longer than \(bytesMax - 1) bytes") }
    guard let text = String(validating: line, as: UTF8.self) else { throw .fileUnreadable(path: path, detail: "not UTF-8") }
    return text
  }
}

enum TLSFailure {
  /// What the library says when none of the certificate's names is the broker's.
  static let wrongName = "the broker's certificate is for another name"

  /// Which of the ways to fail `detail` is: OpenSSL's words, or ours before them.
  static func kind(_ detail: String) -> MQTTLinkProblem.Kind {
    if detail.hasPrefix(wrongName) { return .certificateName }
    if detail.contains("certificate verify failed") { return .certificateNotTrusted }
    if detail.contains("certificate required") || detail.contains("alert") && detail.contains("certificate") { return .clientCertificate }
    // mosquitto ends the connection at once when it is spoken to in TLS on a port without.
    if detail.contains("wrong version number") || detail.contains("unexpected eof") || detail.contains("no TLS on port") { return .noTLS }
    return .tls
  }

  /// OpenSSL's words, led by what they mean here when that is known.
  static func text(_ detail: String, nameDoesNotFit: Bool, _ configuration: MQTTLinkConfiguration) -> String {
    if nameDoesNotFit { return "\(wrongName) than \(configuration.host) (\(detail))" }
    let trust = configuration.tls?.caFile.map { "an authority in \($0)" } ?? "an authority that this system trusts"
    if detail.contains("certificate verify failed") {
      return "the broker's certificate is not signed by \(trust), has expired, or is not for the name \(configuration.host) (\(detail))"
    }
    if detail.contains("certificate required") || detail.contains("alert") && detail.contains("certificate") {
      return "the broker does not accept our client certificate, or wants one (\(detail))"
    }
    if detail.contains("wrong version number") { return "there is no TLS on port \(configuration.port) of the broker (\(detail))" }
    return detail
  }
}
