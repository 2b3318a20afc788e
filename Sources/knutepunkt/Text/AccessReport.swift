// The access log of one person in plain words, for the person themselves: who saw, changed and sent what, when and why. What the same
// account did again and again (a board that stood open) is one line with a number. What no sentence is known for is shown as the log has it.

import HubRuntime
import LocalAPI
import VitalSigns

/// Rows of the access log as sentences in one language.
struct AccessReport {
  let texts: InstallerTexts

  struct Line: Equatable {
    /// The first and the last time, local.
    var from: String
    var to: String
    var who: String
    var what: String
    var why: String?
    var times: Int
  }

  /// - Parameter rows: newest first, as the core gives them.
  func lines(_ rows: [API.AuditRow]) -> [Line] {
    var lines: [Line] = []
    for row in rows {
      let time = TimeDisplay.local(row.at) ?? row.at
      let line = Line(from: time, to: time, who: who(row.actor), what: what(row), why: why(row), times: 1)
      if let last = lines.last, last.who == line.who, last.what == line.what, last.why == line.why {
        lines[lines.count - 1].from = time
        lines[lines.count - 1].times += 1
      } else {
        lines.append(line)
      }
    }
    return lines
  }

  func text(_ line: Line) -> String {
    let when = line.from == line.to ? line.to : texts("access", "span", ["from": line.from, "to": line.to])
    var text = texts("access", "line", ["when": when, "who": line.who, "what": line.what])
    if line.times > 1 { text += " " + texts("access", "times", ["n": "\(line.times)"]) }
    if let why = line.why { text += " " + texts("access", "why", ["reason": why]) }
    return text
  }

  private func who(_ actor: String) -> String { actor == "the hub" ? texts("access", "hub") : actor }

  /// Which page or command it was is no reason.
  private func why(_ row: API.AuditRow) -> String? {
    let ways = ["", "console", "local API", "sharing agreement", "no sharing agreement", "entered by hand"]
    if ways.contains(row.purpose) { return nil }
    // An alert's id says nothing to the person; that there was one does.
    guard row.purpose.hasPrefix("alert ") else { return row.purpose }
    let rest = row.purpose.split(separator: ": ", maxSplits: 1).dropFirst().first.map { ": \($0)" } ?? ""
    return texts("access", "underAlert") + rest
  }

  private func what(_ row: API.AuditRow) -> String {
    guard let key = Self.key(row.action, row.detail) else {
      return texts("access", "other", ["text": [row.action, row.detail].filter { !$0.isEmpty }.joined(separator: ", ")])
    }
    let sentence = texts("access", key)
    return row.detail.contains(" refused: ") ? sentence + " " + texts("access", "refused") : sentence
  }

  /// Beginnings of a row's detail, and the sentence for it: the first that fits.
  private static let sentences: [String: [(begins: String, key: String)]] = [
    "read": [
      ("board", "board"), ("person page", "page"), ("record", "record"), ("restricted: nothing", "noCode"), ("restricted", "code"),
      ("plan", "plan"), ("alert", "alert"), ("explain", "explain"), ("access log", "log"), ("readings", "readings"),
    ],
    "registry": [
      ("record version", "recordChanged"), ("patientAdded", "registered"), ("patientEnded", "ended"), ("deviceAssigned", "deviceGiven"),
      ("deviceReleased", "deviceTaken"), ("deviceRemoved", "deviceTaken"), ("planItem", "planChanged"), ("recordChanged", "recordChanged"),
    ],
    "command": [("acknowledge", "acknowledged"), ("respond", "responded"), ("resolve", "resolved"), ("delivered", "sent")],
    "observe": [("", "entered")], "forward": [("", "sent")], "resend": [("", "sent")], "forwardRefused": [("", "notTaken")],
    "withheld": [("", "withheld")], "export": [("", "exported")],
  ]

  static func key(_ action: String, _ detail: String) -> String? {
    sentences[action]?.first { detail.hasPrefix($0.begins) }?.key
  }

  /// Every sentence that the code names, for the test of the catalogues.
  static var keys: Set<String> {
    Set(sentences.values.flatMap { $0.map(\.key) })
      .union(["span", "line", "times", "why", "hub", "underAlert", "other", "refused", "title", "empty", "cut"])
  }
}
