// Which machine a hub runs on: the real one, or one that a simulation plays. Clocks are asked for here, so
// that a simulated hour runs the same code as a real one and takes a moment, and the same seed gives the same hour.

package import Synchronization
package import VitalSigns

/// A machine's clocks. Any thread; realtime-safe.
package enum Machine: Sendable {
  case real
  case virtual(VirtualMachine)

  /// CLOCK_BOOTTIME or what stands for it, nanoseconds.
  package func boottime() -> Int64 {
    switch self {
    case .real: SystemClock.boottime()
    case .virtual(let machine): machine.boottime.load(ordering: .relaxed)
    }
  }

  package func wall() -> WallTime {
    switch self {
    case .real: SystemClock.wall()
    case .virtual(let machine): WallTime(rawValue: machine.wall.load(ordering: .relaxed))
    }
  }

  /// Both clocks, and which boot they belong to.
  package func reading() -> ClockReading {
    switch self {
    case .real: .current()
    case .virtual(let machine):
      ClockReading(bootID: "boot-\(machine.boot.load(ordering: .relaxed))", boottime: boottime(), wall: wall())
    }
  }

  /// A number that nobody can foresee; of a simulated machine one that follows from its seed.
  package func random() -> UInt64 {
    switch self {
    case .real:
      var source = SystemRandomNumberGenerator()
      return source.next()
    case .virtual(let machine): return machine.chance.withLock { $0.next() }
    }
  }

  /// What is known of its wall clock.
  package func wallClock() -> MachineClock {
    switch self {
    case .real: return MachineClock.look(at: wall())
    case .virtual:
      var clock = MachineClock(isSynchronised: false, wasSynchronised: false, keeper: .batteryClock, batteryClockOff: 0)
      lookAgain(at: &clock)
      return clock
    }
  }

  /// Looks at what can change while the machine runs.
  package func lookAgain(at clock: inout MachineClock) {
    switch self {
    case .real: clock.lookAgain()
    case .virtual(let machine):
      clock.isSynchronised = machine.isSynchronised.load(ordering: .relaxed)
      clock.wasSynchronised = clock.isSynchronised
    }
  }
}

/// A machine whose clocks stand still until somebody moves them.
package final class VirtualMachine: Sendable {
  /// Nanoseconds since it was switched on.
  package let boottime: Atomic<Int64>
  /// As `WallTime`: milliseconds since 1970.
  package let wall: Atomic<Int64>
  /// Which start of the machine it is.
  package let boot = Atomic<UInt64>(1)
  /// Of its disk.
  package let freeBytes = Atomic<UInt64>(.max)
  /// Something keeps its wall clock right now.
  package let isSynchronised = Atomic<Bool>(true)
  package let chance: Mutex<SeededRandom>

  package init(boottime: Int64, wall: WallTime, seed: UInt64) {
    self.boottime = Atomic(boottime)
    self.wall = Atomic(wall.rawValue)
    chance = Mutex(SeededRandom(seed: seed))
  }
}
