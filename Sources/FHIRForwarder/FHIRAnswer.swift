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

      private enum Name: String, CodingKey { case status, location, outcome }

      init(from decoder: any Decoder) throws {
        let members = try decoder.container(keyedBy: Name.self)
        // R4 says text ("201 Created"); some servers write the bare number.
        if let text = try? members.decode(String.self, forKey: .status) {
          status = text
        } else {
          status = String(try members.decode(Int.self, forKey: .status))
        }
        location = try members.decodeIfPresent(String.self, forKey: .location)
        // What a server says beside its status must not make the status unreadable.
        outcome = try? members.decodeIfPresent(OperationOutcome.self, forKey: .outcome)
      }
    }
    var fullUrl: String?
    var response: Response?
  }
  var resourceType: String
  var type: String?
  var entry: [Entry]?
}

/// What stands in a successful answer, read once.
private enum Confirmation: Decodable {
  case bundle(ResponseBundle)
  case complaint(OperationOutcome)

  private enum Name: String, CodingKey { case resourceType }

  init(from decoder: any Decoder) throws {
    let type = try decoder.container(keyedBy: Name.self).decode(String.self, forKey: .resourceType)
    self = type == "OperationOutcome" ? .complaint(try OperationOutcome(from: decoder)) : .bundle(try ResponseBundle(from: decoder))
  }
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

extension OperationOutcome {
  enum Gravity: Sendable {
    /// Nothing but information and warnings.
    case none
    /// It may pass: come again.
    case passing
    /// Who we are is not accepted.
    case credential
    /// What we sent is not accepted.
    case content
  }

  /// The gravest of its errors.
  var gravity: Gravity {
    var worst = Gravity.none
    for issue in issue ?? [] where issue.severity == "error" || issue.severity == "fatal" {
      switch issue.code {
      case "security", "login", "unknown", "expired", "forbidden", "suppressed": worst = worst == .content ? .content : .credential
      case "transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled":
        if worst == .none { worst = .passing }
      default: worst = .content
      }
    }
    return worst
  }
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
    let read = try? JSONDecoder().decode(Confirmation.self, from: Data(body))
    if case .complaint(let outcome)? = read { return complained(outcome, items) }
    guard case .bundle(let response)? = read, let answers = answers(response, bundle) else {
      return DeliveryReport(.failed(.malformedAnswer, retryAfter: nil))
    }
    var results: [ItemResult] = []
    var notes: [RepairNote] = []
    for (item, index) in zip(items, bundle.entryOfItem) {
      var result = answers[index].result(items)
      if answers[index].verdict == .preconditionFailed {
        // A batch server's per-entry answer: this very resource exists several times. It is there.
        result = .delivered(remoteID: nil)
        notes.append(.severalMatches(item.key))
      }
      // What the entry refers to must be there as well: a value of nobody, or of no device, is not delivered.
      for needed in bundle.neededOfItem[results.count] where answers[needed].verdict != .success {
        guard case .delivered = result else { break }
        result = answers[needed].result(items)
      }
      results.append(result)
    }
    return DeliveryReport(.each(results), notes: notes)
  }

  /// A success that holds nothing but a complaint.
  private static func complained(_ outcome: OperationOutcome, _ items: [DeliveryItem]) -> DeliveryReport {
    switch outcome.gravity {
    case .none: return DeliveryReport(.failed(.malformedAnswer, retryAfter: nil))
    case .passing: return DeliveryReport(.failed(.busy(status: 200), retryAfter: nil))
    case .credential: return DeliveryReport(.failed(.unauthorised(status: 200), retryAfter: nil))
    case .content: return DeliveryReport(.refusedTogether(Refusal(status: 200, diagnostics: diagnostics(outcome, items))))
    }
  }

  /// What the server said about one entry.
  private struct EntryAnswer {
    var status: Int
    var verdict: HTTPVerdict
    var location: String?
    var outcome: OperationOutcome?

    func result(_ items: [DeliveryItem]) -> ItemResult {
      switch verdict {
      case .success: .delivered(remoteID: location.map { String($0.prefix(locationCharactersMax)) })
      case .preconditionFailed: .retry(.conflictAtDestination, after: nil)
      case .refused, .tooLarge: .refused(Refusal(status: status, diagnostics: diagnostics(outcome, items)))
      case .retry(let reason): .retry(reason, after: nil)
      }
    }
  }

  /// One answer for each entry of the bundle, in its order; nil when the body is no answer to it.
  private static func answers(_ response: ResponseBundle, _ bundle: FHIRBundle) -> [EntryAnswer]? {
    guard response.resourceType == "Bundle",
      ["transaction-response", "batch-response", nil].contains(response.type), var entries = response.entry,
      entries.count == bundle.entries.count
    else { return nil }
    // R4 demands the order of the request. A server that names entries may have another.
    let places = Dictionary(bundle.entries.enumerated().map { ($1.fullURL, $0) }, uniquingKeysWith: { first, _ in first })
    let named = entries.map { $0.fullUrl.flatMap { places[$0] } }
    if Set(named.compactMap(\.self)).count == entries.count {
      var ordered = entries
      for (entry, place) in zip(entries, named) { if let place { ordered[place] = entry } }
      entries = ordered
    } else if named.enumerated().contains(where: { $1 != nil && $1 != $0 }) {
      // Only some are named, and not in their places, or one twice: whose the others are is a guess.
      return nil
    }
    var answers: [EntryAnswer] = []
    for (entry, sent) in zip(entries, bundle.entries) {
      guard let answer = entry.response, let status = Int(answer.status.prefix(3)), !isAboutAnother(answer.location, than: sent.type) else {
        return nil
      }
      var verdict = HTTPVerdict(status: status)
      // 304: what a conditional update would write is there already.
      if status == 304 { verdict = .success }
      if verdict == .success {
        switch answer.outcome?.gravity {
        case .content?: verdict = .refused
        case .credential?: verdict = .retry(.unauthorised(status: status))
        case .passing?: verdict = .retry(.busy(status: status))
        case .some(.none), nil: break
        }
      }
      answers.append(EntryAnswer(status: status, verdict: verdict, location: answer.location, outcome: answer.outcome))
    }
    return answers
  }

  /// Whether a location names another type than the entry's: answers in another order would confirm the wrong things.
  private static func isAboutAnother(_ location: String?, than type: String) -> Bool {
    guard let location else { return false }
    let types = location.split(separator: "/").map(String.init).filter {
      ["Patient", "Device", "Observation", "DetectedIssue", "MedicationDispense"].contains($0)
    }
    return !types.isEmpty && !types.contains(type)
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
