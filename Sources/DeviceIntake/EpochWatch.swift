// When alert ids begin a new epoch (AlertIdentity.swift): once in a run, when nobody sends again any more what the run before was told.
//
// A call is told before the disk has it. When the hub dies in between, the broker usually sends it again, and it must rise under the id
// that it had. When the broker has lost it too, the next call must get another id, or a response centre drops it as one that it knows.
// So the epoch changes when every link is past the point at which its broker repeats: at once where the broker kept no session,
// else half a minute after the connection, and at the latest two minutes after the start. A broker whose window is full, because a disk stands
// still, pauses for longer; docs/endurance.md says what that costs.

import VitalSigns

/// Which links may still bring what the run before was told. Pure; one owner.
struct EpochWatch: Sendable {
  /// A broker sends what it kept as soon as it is connected. The time that a link searches for redeliveries.
  static let repeatsNanoseconds = RedeliveryBook.searchMilliseconds * 1_000_000
  /// A link that is not connected for this long does not hold up the epoch for the others. Nanoseconds.
  static let longestNanoseconds: Int64 = 120_000_000_000

  private enum Standing {
    case away
    case repeating(until: MonotonicInstant)
  }
  /// Links that are not past it, by name.
  private var links: [String: Standing]
  private var endsAt: MonotonicInstant
  private var isOver = false

  /// - Parameter bluetooth: devices that keep what nobody confirmed send it again when they are met, most of them soon after the start.
  init(links: [String], bluetooth: Bool, at instant: MonotonicInstant) {
    self.links = Dictionary(links.map { ($0, .away) }, uniquingKeysWith: { first, _ in first })
    endsAt = instant.adding(nanoseconds: Self.longestNanoseconds)
    if bluetooth { self.links[BluetoothFrameIntake.linkName] = .repeating(until: instant.adding(nanoseconds: Self.repeatsNanoseconds)) }
  }

  /// `hasSession`: the broker kept what it owed us.
  mutating func connected(_ link: String, hasSession: Bool, at instant: MonotonicInstant) {
    guard links[link] != nil else { return }
    links[link] = hasSession ? .repeating(until: instant.adding(nanoseconds: Self.repeatsNanoseconds)) : nil
  }

  /// The connection ended: what was under way comes with the next one.
  mutating func lost(_ link: String) { if links[link] != nil { links[link] = .away } }

  /// True once in a run: the epoch is to begin now. Whoever cannot do it calls `notBegun`.
  mutating func passes(at instant: MonotonicInstant) -> Bool {
    guard !isOver else { return false }
    links = links.filter { if case .repeating(let end) = $0.value { instant < end } else { true } }
    isOver = links.isEmpty || instant >= endsAt
    return isOver
  }

  /// The intake had no room for it.
  mutating func notBegun() { isOver = false }
}
