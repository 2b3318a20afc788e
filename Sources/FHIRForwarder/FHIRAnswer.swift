// What a FHIR server's answer says about each item. Pure: status and body in, report out.
//
// A transaction stands or falls as a whole, so its refusal blames no item unless it held a single one; the lane halves
// the batch. A 2xx counts only when it is a bundle with an answer for every entry: anything else leaves the outcome unknown
// and the batch is sent again under the same identifiers. Server texts are kept short and without personal data.

internal import Forwarding

#if canImport(FoundationEssentials)
  internal import FoundationEssentials
#else
  internal import Foundation
#endif

/// A response bundle as far as it is read.
private struct ResponseBundle: Decodable {
  struct Entry: Decodable {
    struct Response: Decodable {
      var status: String
      var location: String?
      var outcome: OperationOutcome?
    }
    var response: Response?
  }
  var resourceType: String
  var entry: [Entry]?
}

struct OperationOutcome: Decodable {
  struct Issue: Decodable {
    struct Details: Decodable { var text: String? }
    var severity: String?
    var code: String?
    var diagnostics: String?
    var details: Details?
    var expression: [String]?
  }
  var resourceType: String
  var issue: [Issue]?
}

/// The meaning of an answer.
enum FHIRAnswer {
  /// Entry-level ids longer than this are not ids.
  static let locationCharactersMax = 200

  enum Reading: Sendable, Hashable {
    case report(DeliveryReport)
    /// 412 for a bundle about one thing: only a look at the destination tells whether it is there (several times) or whether
    /// another resource, such as the Patient, matched several.
    case severalMatches
  }

  static func reading(status: Int, body: [UInt8], retryAfter: Duration?, bundle: FHIRBundle, items: [DeliveryItem]) -> Reading {
    switch HTTPVerdict(status: status) {
    case .success:
      return .report(confirmed(body, bundle, items))
    case .retry(let reason):
      return .report(DeliveryReport(.failed(reason, retryAfter: retryAfter)))
    case .preconditionFailed where bundle.isSolo:
      return .severalMatches
    case .refused, .tooLarge, .preconditionFailed:
      let text = diagnostics(try? JSONDecoder().decode(OperationOutcome.self, from: Data(body)), items)
      return .report(DeliveryReport(.refusedTogether(Refusal(status: status, diagnostics: text))))
    }
  }

  private static func confirmed(_ body: [UInt8], _ bundle: FHIRBundle, _ items: [DeliveryItem]) -> DeliveryReport {
    guard let response = try? JSONDecoder().decode(ResponseBundle.self, from: Data(body)), response.resourceType == "Bundle",
      let entries = response.entry, entries.count == bundle.entries.count
    else { return DeliveryReport(.failed(.malformedAnswer, retryAfter: nil)) }
    var results: [ItemResult] = []
    var notes: [RepairNote] = []
    for (item, index) in zip(items, bundle.entryOfItem) {
      guard let answer = entries[index].response, let status = Int(answer.status.prefix(3)) else {
        return DeliveryReport(.failed(.malformedAnswer, retryAfter: nil))
      }
      switch HTTPVerdict(status: status) {
      case .success:
        results.append(.delivered(remoteID: answer.location.map { String($0.prefix(locationCharactersMax)) }))
      case .preconditionFailed:
        // A batch server's per-entry answer: this very resource exists several times. It is there.
        results.append(.delivered(remoteID: nil))
        notes.append(.severalMatches(item.key))
      case .refused, .tooLarge:
        results.append(.refused(Refusal(status: status, diagnostics: diagnostics(answer.outcome, items))))
      case .retry(let reason):
        results.append(.retry(reason, after: nil))
      }
    }
    return DeliveryReport(.each(results), notes: notes)
  }

  /// The first issues of an OperationOutcome: code, where, and what it says, without anybody's data.
  static func diagnostics(_ outcome: OperationOutcome?, _ items: [DeliveryItem]) -> String {
    guard let outcome, outcome.resourceType == "OperationOutcome", let issues = outcome.issue, !issues.isEmpty else {
      return "no OperationOutcome in the answer"
    }
    let lines = issues.prefix(3).map { issue in
      let place = issue.expression?.first.map { " at \($0)" } ?? ""
      return "\(issue.code ?? "unknown")\(place): \(issue.diagnostics ?? issue.details?.text ?? "no text")"
    }
    return redacted(lines.joined(separator: "; "), items)
  }

  /// Names, numbers and serials of this batch, and every run of six digits or more, are replaced: servers like to quote
  /// what they refuse, and dead letters are read by people who are not to know whose they are.
  static func redacted(_ text: String, _ items: [DeliveryItem]) -> String {
    var result = text
    for item in items {
      let personal = [
        item.record.patient?.displayName, item.record.patient?.nationalID?.value, item.record.device?.serialNumber,
        item.record.device?.label,
      ]
      for word in personal.compactMap(\.self) where word.count > 1 { result = result.replacing(word, with: "…") }
    }
    var output = ""
    var digits = ""
    for character in result {
      if character.isNumber {
        digits.append(character)
        continue
      }
      output += digits.count >= 6 ? "…" : digits
      digits = ""
      output.append(character)
    }
    output += digits.count >= 6 ? "…" : digits
    return output
  }

  /// The `total` of a search's answer.
  static func total(_ body: [UInt8]) -> Int? {
    struct SearchBundle: Decodable {
      var resourceType: String
      var total: Int?
    }
    guard let bundle = try? JSONDecoder().decode(SearchBundle.self, from: Data(body)), bundle.resourceType == "Bundle" else { return nil }
    return bundle.total
  }
}
