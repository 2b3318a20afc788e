// The same advertisement again: what counts as said once, and what is said anew.

import DeviceProfile
import Testing
import VitalSigns

/// The memory of one device, and the moments in seconds.
private final class Listener {
  private var filter = RepeatFilter()
  private let rule: RepeatRule

  init(_ rule: RepeatRule) { self.rule = rule }

  func hearsAgain(_ frame: [UInt8], mark: UInt64?, at seconds: Double) -> Bool {
    filter.hear(frame, mark: mark, rule: rule, at: MonotonicInstant(rawValue: Int64(seconds * 1_000_000_000))) == .repeated
  }
}

@Suite struct RepeatFilterTests {
  @Test func aPacketIsTakenOnce() {
    let filter = Listener(.packet(withinSeconds: 60))
    #expect(!filter.hearsAgain([1], mark: 7, at: 0))
    // It goes on for ten minutes, and stays the same packet, whatever else changes in it.
    for second in stride(from: 0.1, through: 600, by: 30) { #expect(filter.hearsAgain([2], mark: 7, at: second)) }
    #expect(!filter.hearsAgain([2], mark: 8, at: 601))
    #expect(filter.hearsAgain([2], mark: 8, at: 602))
    // The number before is new again: two devices never share a filter, so it was said anew.
    #expect(!filter.hearsAgain([2], mark: 7, at: 603))
  }

  @Test func theSameNumberAfterSilenceIsNew() {
    let filter = Listener(.packet(withinSeconds: 60))
    #expect(!filter.hearsAgain([1], mark: 0, at: 1_000))
    #expect(filter.hearsAgain([1], mark: 0, at: 1_059.9))
    #expect(!filter.hearsAgain([1], mark: 0, at: 1_119.9))
  }

  @Test func aFrameWithoutANumberFallsBackToItsBytes() {
    let filter = Listener(.packet(withinSeconds: 60))
    #expect(!filter.hearsAgain([1], mark: nil, at: 0))
    #expect(filter.hearsAgain([1], mark: nil, at: 9.9))
    #expect(!filter.hearsAgain([2], mark: nil, at: 9.95))
    #expect(!filter.hearsAgain([2], mark: nil, at: 19.95))
  }

  @Test func identicalBytesAreHeardAgainInTime() {
    let filter = Listener(.identical(seconds: 10))
    var taken: [Int] = []
    // A device that repeats itself each second for ever: never silenced for longer than the window.
    for second in 0..<35 where !filter.hearsAgain([9], mark: nil, at: Double(second)) { taken.append(second) }
    #expect(taken == [0, 10, 20, 30])
    #expect(!filter.hearsAgain([9, 0], mark: nil, at: 35))
    #expect(!filter.hearsAgain([9], mark: nil, at: 36))
  }

  @Test func theFirstFrameEverIsNew() {
    let filter = Listener(.identical(seconds: 600))
    #expect(!filter.hearsAgain([], mark: nil, at: 0))
    #expect(filter.hearsAgain([], mark: nil, at: 0))
  }
}
