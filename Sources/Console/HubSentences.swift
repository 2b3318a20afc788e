// What is wrong with the hub itself, in a sentence for nurses: from the same catalogues as the alerts' sentences.

import VitalSigns

extension AlertSentences {
  /// One sentence: what it means and what to do. `kind`: an alert rule's key, or `coreStill`, `storeFull`, `journalBehind`, `callRefused`, `nobodyCalled` or
  /// `portClosed`.
  ///
  /// - Parameters:
  ///   - isSettling: it works again, but not yet for long enough.
  ///   - count: how many people it concerns.
  ///   - files: it is a record system, which calls nobody.
  public func hubProblem(
    _ kind: String, name: String?, isSettling: Bool = false, files: Bool = false, count: Int? = nil, language: ConsoleLanguage
  ) -> String {
    guard let catalogue = catalogues[language] else { return kind }
    let keys = [
      name.map { "\(kind).\($0)" }, isSettling ? "\(kind).settling" : nil, count == 1 ? "\(kind).one" : nil, files ? "\(kind).files" : nil,
      kind,
    ].compactMap { $0 }
    if let key = keys.first(where: { catalogue.has("hub", $0) }) {
      return catalogue.text("hub", key, ["name": name ?? "", "n": "\(count ?? 0)"])
    }
    return catalogue.has("rule", kind) ? catalogue.text("rule", kind) : kind
  }
}
