// Knows a frame again that the broker sends a second time because our acknowledgement did not leave or did not arrive: after
// a crash, a power cut or a lost connection. Without it a committed observation would be recorded twice, under two identities.
//
// A frame is told by its packet identifier and its content. Both may be those of another message: identifiers are free again
// once they are acknowledged, and a button always says the same. So three things are weighed, and an answer says how sure it is:
//
// - What the broker says. DUP = 1 means that it tried before. DUP = 0 from a broker that was set back to an older state (killed,
//   and started from its last save) may be a second try all the same, or a new message under an old number.
// - Whether our acknowledgement left. One that never left is still owed: then it is the same message.
// - When. A frame that was acknowledged long before its connection ended was heard by the broker, which has given its number
//   to somebody else since.
//
// Whoever uses the answer decides what a doubt costs: for an alarm it is never silence (MQTTFrameIntake.swift).

import MQTTLink
import VitalSigns

/// The redeliveries of one link. Owned by the link's thread. Bound: at most `2 * marksMax` marks, the newest. No more frames than
/// that can be on their way without an acknowledgement.
struct RedeliveryBook {
  /// How a frame is known again.
  struct Mark: Hashable {
    var message: UInt16
    var hash: UInt64
  }

  /// What became of a frame.
  struct Known: Equatable {
    /// The last sequence of its entries; 0 for a frame that gave none.
    var sequence: UInt64
    /// Readings that have an entry; nil: all.
    var taken: Int?
  }

  enum Answer: Equatable {
    case new
    /// The same message. The broker says that it tried before, and our acknowledgement never left or is seconds old.
    case certain(Known)
    /// The same message, or another one that looks alike and was lost on its first way.
    case likely(Known)
    /// Only number and content speak for it; the broker calls it new, or does not say.
    case guess(Known)
  }

  private enum Acknowledgement: Equatable {
    /// The acknowledgement belongs to this run and was never handed to the socket.
    case owed
    case left(WallTime)
    /// The frame is of an earlier run, which may have ended before or after its acknowledgement left.
    case unknown(arrived: WallTime)
  }

  private struct Entry {
    var known: Known
    var acknowledgement: Acknowledgement
    var ordinal: UInt64
  }

  /// An acknowledgement that left this long before the end of its connection has arrived: otherwise TCP or the keep-alive would
  /// have broken the connection. Three times the default keep-alive. Milliseconds.
  static let doubtMilliseconds: Int64 = 90_000
  /// A restarted hub takes a frame for the same as one that came this recently. For it to be another, a button would have to be
  /// pressed twice, the second time while the network was down, and the whole hub to restart, all within this time. Milliseconds.
  static let restartMilliseconds: Int64 = 30_000
  /// How far a stamp of the run before may lie ahead of this run's clock. Milliseconds.
  static let stampMilliseconds: Int64 = 1_000
  /// How long after a connect a frame may be a redelivery that the broker does not call so. The broker's old queue goes out first.
  /// Milliseconds.
  static let searchMilliseconds: Int64 = 30_000

  let marksMax: Int
  private var entries: [Mark: Entry] = [:]
  /// The marks, oldest first, with the ordinal under which each was entered.
  private var order: [(mark: Mark, ordinal: UInt64)] = []
  /// Marks taken on this connection whose acknowledgements are not written yet.
  private var owed: [Mark] = []
  private var lastOrdinal: UInt64 = 0
  private var searchUntil: WallTime?
  /// When the last connection of this run ended.
  private var lastEnd = WallTime.unknown
  /// When the last frame of the run before came, by the wall clock as that run had it: somebody may have set it since.
  private var lastLifeBefore = WallTime.unknown

  init(marksMax: Int, known: [(mark: Mark, known: Known, arrived: WallTime)] = []) {
    self.marksMax = marksMax
    for item in known.suffix(marksMax) {
      enter(item.mark, item.known, .unknown(arrived: item.arrived))
      lastLifeBefore = max(lastLifeBefore, item.arrived)
    }
  }

  /// A connection was accepted; `sessionPresent` says whether the broker still has our session. A session that the broker has
  /// lost starts its identifiers again: then the marks mean nothing and are forgotten.
  mutating func connected(sessionPresent: Bool, at wall: WallTime) {
    owed = []
    searchUntil = sessionPresent ? wall.adding(milliseconds: Self.searchMilliseconds) : nil
    if !sessionPresent {
      entries = [:]
      order = []
    }
  }

  mutating func disconnected(at wall: WallTime) { lastEnd = max(lastEnd, wall) }

  /// Whether this frame was here before.
  func answer(_ mark: Mark, _ delivery: MQTTFrame.Delivery, at wall: WallTime) -> Answer {
    guard let entry = entries[mark] else { return .new }
    let isSearched = searchUntil.map { wall <= $0 } ?? false
    switch delivery {
    case .first, .unknown: return isSearched && isDoubtful(entry) ? .guess(entry.known) : .new
    case .repeated: break
    }
    switch entry.acknowledgement {
    case .owed: return .certain(entry.known)
    case .left: return isDoubtful(entry) ? .likely(entry.known) : .new
    case .unknown(let arrived):
      // The mark was stamped by the wall clock of the run before, which may have been set by a little, and rounds in its own way.
      if let age = Self.milliseconds(from: arrived, to: wall), (-Self.stampMilliseconds...Self.restartMilliseconds).contains(age) {
        return .certain(entry.known)
      }
      return isDoubtful(entry) ? .likely(entry.known) : .new
    }
  }

  /// Whether the acknowledgement may have been lost on its way.
  private func isDoubtful(_ entry: Entry) -> Bool {
    switch entry.acknowledgement {
    case .owed: true
    // Of this run alone: a clock that was set back before its start says nothing of when its connections ended.
    case .left(let wall): lastEnd == .unknown || isWithinDoubt(wall, lastEnd)
    case .unknown(let arrived): isWithinDoubt(arrived, max(lastLifeBefore, lastEnd))
    }
  }

  private func isWithinDoubt(_ wall: WallTime, _ end: WallTime) -> Bool {
    Self.milliseconds(from: wall, to: end).map { $0 <= Self.doubtMilliseconds } ?? false
  }

  /// A frame was taken in, or as much of it as there was room for.
  mutating func took(_ mark: Mark, _ known: Known) {
    enter(mark, known, .owed)
    owed.append(mark)
  }

  /// The acknowledgements of all frames taken on this connection are in the socket.
  mutating func acknowledged(at wall: WallTime) {
    for mark in owed { entries[mark]?.acknowledgement = .left(wall) }
    owed.removeAll(keepingCapacity: true)
  }

  private mutating func enter(_ mark: Mark, _ known: Known, _ acknowledgement: Acknowledgement) {
    lastOrdinal += 1
    entries[mark] = Entry(known: known, acknowledgement: acknowledgement, ordinal: lastOrdinal)
    order.append((mark, lastOrdinal))
    // The book is trimmed in large steps, so that an ordinary frame costs nothing.
    guard order.count >= 2 * marksMax else { return }
    for old in order.prefix(order.count - marksMax) where entries[old.mark]?.ordinal == old.ordinal { entries[old.mark] = nil }
    order.removeFirst(order.count - marksMax)
  }

  /// Nil when one of the two is not known. Negative when the clock was set back in between: then nothing is certain.
  private static func milliseconds(from: WallTime, to: WallTime) -> Int64? {
    if from == .unknown || to == .unknown { return nil }
    let (difference, overflow) = to.rawValue.subtractingReportingOverflow(from.rawValue)
    return overflow ? nil : difference
  }
}
