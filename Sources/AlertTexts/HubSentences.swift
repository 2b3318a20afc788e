// What is wrong with the hub itself, in a sentence for nurses: from the same catalogues as the alerts' sentences.

public import HubRuntime
import VitalSigns

extension AlertSentences {
  /// One sentence: what it means and what to do. `kind`: an alert rule's key, or `coreStill`, `storeFull`, `journalBehind`, `bondsLost`,
  /// `callRefused`, `nobodyCalled`, `portClosed` or `backupOverdue`.
  ///
  /// - Parameters:
  ///   - isSettling: it works again, but not yet for long enough.
  ///   - variant: `files`: a record system, which calls nobody; `alarm`: calls for help come from it.
  ///   - count: how many people or devices it concerns.
  public func hubProblem(
    _ kind: String, name: String?, isSettling: Bool = false, variant: String? = nil, count: Int? = nil, language: TextLanguage
  ) -> String {
    guard let catalogue = catalogues[language] else { return kind }
    let variants = [name, isSettling ? "settling" : nil, count == 1 ? "one" : nil, variant]
    let keys = variants.compactMap { $0.map { "\(kind).\($0)" } } + [kind]
    if let key = keys.first(where: { catalogue.has("hub", $0) }) {
      return catalogue.text("hub", key, ["name": name ?? "", "n": "\(count ?? 0)"])
    }
    return catalogue.has("rule", kind) ? catalogue.text("rule", kind) : kind
  }
}
