// Whether an answer is a page for people. No interface of ours gives one: a proxy, a sign-in or a captive portal has answered
// in the receiver's place, whatever the status says, and nothing was delivered.

extension HTTPAnswer {
  /// How far the beginning of a page is looked for.
  private static let lookedAt = 8_192
  /// What only the beginning of a page is. A word, JSON, or XML of a receiver's own begins with none of these.
  private static let beginnings = [
    "<!doctype html", "<html", "<head", "<body", "<title", "<meta", "<link", "<base", "<script", "<style", "<frameset", "<iframe",
    "<form",
  ]

  /// True for a page, also behind comments, an XML declaration, white space and byte order marks, in UTF-16 or longer than is
  /// read; for one that is compressed so that it cannot be read, what its media type says decides.
  public var isWebPage: Bool {
    let saysSo = mediaType == "text/html" || mediaType == "application/xhtml+xml"
    if isUnreadable || isTooLong, saysSo { return true }
    // Without the zeroes UTF-16 is ASCII.
    let marks: Set<UInt8> = [0xEF, 0xBB, 0xBF, 0xFE, 0xFF]
    let bytes = body.prefix(Self.lookedAt).filter { $0 != 0 }.drop { marks.contains($0) }
    var rest = String(decoding: bytes, as: UTF8.self).lowercased()[...]
    while true {
      rest = rest.drop { $0.isWhitespace }
      if rest.hasPrefix("<!--") {
        guard let end = rest.firstRange(of: "-->") else { return saysSo }
        rest = rest[end.upperBound...]
      } else if rest.hasPrefix("<?xml") {
        guard let end = rest.firstRange(of: "?>") else { return saysSo }
        rest = rest[end.upperBound...]
      } else if rest.isEmpty, body.count > Self.lookedAt {
        return saysSo
      } else {
        return Self.beginnings.contains { rest.hasPrefix($0) }
      }
    }
  }
}
