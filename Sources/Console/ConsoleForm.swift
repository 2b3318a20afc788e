// What a browser posts: parsed, bounded, and checked against forgery before anybody looks at it.

import AlertTexts
import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import VitalSigns

/// A posted form.
struct ConsoleForm {
  private let fields: [String: String]

  /// Throws `NIOTooManyBytesError` beyond `bytesMax`. A body that is no form gives no fields.
  init(_ request: Request, upTo bytesMax: Int = ConsoleContext.bodyBytesMax) async throws {
    let body = try await request.body.collect(upTo: bytesMax)
    fields = (try? URLEncodedFormDecoder().decode([String: String].self, from: String(buffer: body))) ?? [:]
  }

  subscript(_ name: String) -> String { fields[name] ?? "" }

  /// Whether the browser sent the field, empty or not.
  func has(_ name: String) -> Bool { fields[name] != nil }

  /// Whether the form was made for this session. Digests compare in constant time.
  func belongs(to session: Session) -> Bool {
    SHA256.hash(data: Array(self["csrf"].utf8)) == SHA256.hash(data: Array(session.csrf.utf8))
  }
}

extension Request {
  /// Whether a POST can have come from our own pages. `Sec-Fetch-Site` decides where the browser sends it; `Origin` else. With
  /// `no-referrer` browsers send `Origin: null` for our own forms, so null proves nothing, and the session's token decides.
  func isSameSite(as publicURL: String) -> Bool {
    if let site = headers[.named("Sec-Fetch-Site")] { return site == "same-origin" }
    guard let origin = headers[.origin], origin != "null" else { return true }
    if origin == publicURL { return true }
    // Reached by another name (an address, a tunnel): the browser's own Host must match what it says it came from.
    return head.authority.map { origin == "http://\($0)" || origin == "https://\($0)" } ?? false
  }

  /// Whether the page's script asks, and wants a short answer instead of a page.
  var wantsJSON: Bool { headers[.accept]?.contains("application/json") ?? false }
}

/// What was written in the form that closes an alert.
struct ResolveForm {
  var comment = ""
  var cause: ResolutionCause?
  var measure: ResolutionMeasure?
  var usefulness = AlertUsefulness.notStated

  init() {}

  init(_ form: ConsoleForm) {
    let lines = form["comment"].replacing("\r\n", with: "\n").replacing("\r", with: "\n")
    comment = String(
      String.UnicodeScalarView(lines.unicodeScalars.filter { $0 == "\n" || $0.properties.generalCategory != .control })
    ).trimmingCharacters(in: .whitespacesAndNewlines)
    cause = ResolutionCause(rawValue: form["cause"])
    measure = ResolutionMeasure(rawValue: form["measure"])
    usefulness =
      switch form["useful"] {
      case "yes": .actionable
      case "no": .notActionable
      default: .notStated
      }
  }

  /// The resolution, or what is missing, in the reader's language.
  func resolution(_ catalogue: Catalogue) -> Result<BoardResolution, ResolveProblem> {
    if comment.isEmpty { return .failure(ResolveProblem(text: catalogue.text("problem", "commentMissing"))) }
    if comment.count > BoardResolution.commentCharactersMax {
      let most = "\(BoardResolution.commentCharactersMax)"
      return .failure(ResolveProblem(text: catalogue.text("problem", "commentTooLong", ["n": most])))
    }
    guard let cause, let measure, usefulness != .notStated else {
      return .failure(ResolveProblem(text: catalogue.text("problem", "choiceMissing")))
    }
    return .success(BoardResolution(comment: comment, cause: cause, measure: measure, usefulness: usefulness))
  }
}

/// Why a resolution was not accepted.
struct ResolveProblem: Error {
  let text: String
}
