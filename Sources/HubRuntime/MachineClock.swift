// What the machine says of its own wall clock: whether something keeps it right, and whether it could know the time when it started. Reads
// a few small files of the kernel and of systemd; changes nothing. What follows from it decides ClockBelief.swift.

import CLinux
import Foundation
public import VitalSigns

/// One look at the machine's clock. Any thread; reads files of the kernel, so not for the realtime core.
public struct MachineClock: Sendable, Hashable {
  /// Who knew the time when the machine started. Raw values are words of the local API.
  public enum Keeper: String, Sendable, Hashable, CaseIterable {
    /// A clock that runs without power, and agrees with the wall clock.
    case batteryClock
    /// No clock is to be seen, and this is no board of its own: a virtual machine or a container, whose host keeps the time.
    case host
    /// A board without a clock that runs without power, or with one that says something else.
    case nobody
  }

  /// The kernel's word: something keeps the clock right now.
  public var isSynchronised: Bool
  /// systemd-timesyncd has set the clock since the machine started.
  public var wasSynchronised: Bool
  public var keeper: Keeper
  /// By how much the clock that runs without power differs from the wall clock, milliseconds; nil: there is none.
  public var batteryClockOff: Int64?

  public init(isSynchronised: Bool, wasSynchronised: Bool, keeper: Keeper, batteryClockOff: Int64? = nil) {
    self.isSynchronised = isSynchronised
    self.wasSynchronised = wasSynchronised
    self.keeper = keeper
    self.batteryClockOff = batteryClockOff
  }

  /// A battery clock may differ by this much and still be the one that set the clock: it may count local time, and it drifts between
  /// two synchronisations. Milliseconds.
  static let batteryClockOffMax: Int64 = 86_400_000
  private static let timesyncMark = "/run/systemd/timesync/synchronized"

  /// Looks at everything.
  public static func look(at wall: WallTime) -> Self {
    let off = batteryClock().map { wall.rawValue &- $0 }
    var keeper = Keeper.host
    if let off { keeper = off.magnitude <= UInt64(batteryClockOffMax) ? .batteryClock : .nobody } else if isBoard { keeper = .nobody }
    var look = Self(isSynchronised: false, wasSynchronised: false, keeper: keeper, batteryClockOff: off)
    look.lookAgain()
    return look
  }

  /// Looks at what can change while the machine runs: a system call, and a look for a file.
  public mutating func lookAgain() {
    isSynchronised = clinux_clock_is_synchronised() != 0
    wasSynchronised = isSynchronised || BoundedFile.complaint(about: Self.timesyncMark) == nil
  }

  /// Milliseconds since 1970 by the first clock that the kernel knows besides its own.
  private static func batteryClock() -> Int64? {
    for number in 0..<4 {
      if let seconds = text("/sys/class/rtc/rtc\(number)/since_epoch").flatMap({ Int64($0) }) { return seconds &* 1_000 }
    }
    return nil
  }

  /// Boards are described by a device tree; a machine with firmware of its own (a PC, most virtual machines) always has a clock.
  private static var isBoard: Bool { text("/proc/device-tree/model") != nil }

  private static func text(_ path: String) -> String? {
    guard let bytes = try? BoundedFile.read(path, bytesMax: 256) else { return nil }
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}
