// Row 2: from the moment at which somebody has an entry to the moment at which the core has decided on it, while every
// processor is busy with other work. The core's side is as in the gateway: a thread under SCHED_FIFO that blocks on an
// eventfd. cyclictest takes turns with it under the same load and priority, and so does a bare wake-up between two threads: what the
// machine itself allows.
//
// The producer runs under SCHED_FIFO too, at a lower priority: being interrupted between the look at the clock and the
// push is the producer's delay, not the core's.

import CLinux
import CMosquitto
import CoreRings
import Foundation
import HubRuntime
import RealtimeCore
import Synchronization
import VitalSigns

enum WakeLatency {
  /// The gateway's default priority.
  private static let priority: Int32 = 50
  private static let producerPriority: Int32 = 40
  /// Between two wakes, microseconds, ours and cyclictest's.
  private static let intervalMicroseconds: UInt32 = 500
  /// Turns that the two take: what disturbs the machine for a while then disturbs both.
  private static let turns = 6
  private static let patients = 1_000

  static func measure(_ scale: Scale, folder: String) throws -> [Measurement] {
    let each = scale.pick(full: 42_000, quick: 6_000) / turns
    // The pages of the measured path stay in memory, as in the gateway and in cyclictest.
    let isLocked = clinux_lock_memory() == 0
    defer { if isLocked { munlockall() } }
    let load = BackgroundLoad()
    defer { load.stop() }
    var progress = ProgressLine("wake to decision under load, beside cyclictest")
    let bench = WakeBench(patients: patients, wakes: each * turns)
    let bareWake = BareWake(wakes: each * turns)
    var ours = Latencies()
    var bare = Latencies()
    var reference = CyclictestResult()
    for turn in 0..<turns {
      try bench.run(wakes: each, interval: intervalMicroseconds, priorities: (priority, producerPriority), into: &ours)
      try bareWake.run(wakes: each, interval: intervalMicroseconds, priorities: (priority, producerPriority), into: &bare)
      reference.add(try cyclictest(wakes: each, folder: folder))
      progress.step(turn + 1, of: turns)
    }
    progress.done()
    return report(ours, bare, reference, isRealtime: bench.isRealtime.load(ordering: .acquiring), isLocked: isLocked)
  }

  private static func report(_ ours: Latencies, _ bare: Latencies, _ reference: CyclictestResult, isRealtime: Bool, isLocked: Bool)
    -> [Measurement]
  {
    var figures = ours.microseconds(prefix: "wake")
    for (name, value) in [("p50", 50.0), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99), ("max", 100)] {
      if let microseconds = reference.at(value) { figures["cyclictest \(name) µs"] = microseconds }
    }
    var remark: String?
    if !isRealtime { remark = "SCHED_FIFO was refused: measured under ordinary scheduling" }
    if !isLocked { remark = (remark.map { $0 + "; " } ?? "") + "mlockall was refused" }
    if reference.total == 0 { remark = (remark.map { $0 + "; " } ?? "") + "cyclictest could not run" }
    let lines: [(String, Double)] = [("p50", 50), ("p99", 99), ("p99.9", 99.9), ("p99.99", 99.99)]
    let between = Measurement(
      key: "wake.bare", what: "  beside it: a bare wake-up between two threads, p99.9", ours: bare.at(99.9) / 1_000, unit: "µs",
      baseline: reference.at(99.9), baselineWhat: "cyclictest", figures: bare.microseconds(prefix: "bare wake"))
    return [between]
      + lines.map { name, percentile in
        var target: Measurement.Target?
        if name == "p99.9" { target = .init(direction: .atMost, value: reference.at(percentile).map { $0 + 50 } ?? 150) }
        if name == "p99.99", let floor = reference.at(percentile) { target = .init(direction: .atMost, value: floor + 100) }
        return Measurement(
          key: "wake.\(name)", what: "wake to decision under load, \(name)", ours: ours.at(percentile) / 1_000, unit: "µs",
          baseline: reference.at(percentile), baselineWhat: "cyclictest", target: target, figures: name == "p50" ? figures : [:],
          remark: name == "p50" ? remark : nil)
      }
  }

  /// One turn of cyclictest; an empty result where it is not allowed to run.
  private static func cyclictest(wakes: Int, folder: String) throws -> CyclictestResult {
    let arguments = [
      "--quiet", "--mlockall", "--priority=\(priority)", "--interval=\(intervalMicroseconds)", "--loops=\(wakes)", "--threads=1",
      "--histogram=\(CyclictestResult.microsecondsMax)",
    ]
    let process = try ChildProcess(try findProgram("cyclictest"), arguments, log: folder + "/cyclictest.log")
    let seconds = Double(wakes) * Double(intervalMicroseconds) / 1e6
    guard process.wait(within: seconds * 3 + 10) else { throw BenchmarkError.timedOut("cyclictest ends") }
    return CyclictestResult(process.logText)
  }
}

/// cyclictest's histogram: how many wakes had which latency, in whole microseconds.
struct CyclictestResult {
  static let microsecondsMax = 20_000
  private(set) var counts = [Int](repeating: 0, count: microsecondsMax + 1)
  private(set) var total = 0

  init() {}

  /// Reads lines of the form `000012 000345`, and how many were beyond the histogram.
  init(_ text: String) {
    for line in text.split(separator: "\n") {
      if line.hasPrefix("# Histogram Overflows:") {
        add(Int(line.split(separator: " ").last ?? "") ?? 0, at: Self.microsecondsMax)
      } else if !line.hasPrefix("#") {
        let parts = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
        if parts.count == 2, let value = Int(parts[0]), let count = Int(parts[1]) { add(count, at: value) }
      }
    }
  }

  mutating func add(_ other: CyclictestResult) {
    for (value, count) in other.counts.enumerated() where count > 0 { add(count, at: value) }
  }

  private mutating func add(_ count: Int, at value: Int) {
    counts[min(max(value, 0), Self.microsecondsMax)] += count
    total += count
  }

  /// Microseconds at a percentile; nil when nothing was measured.
  func at(_ percentile: Double) -> Double? {
    if total == 0 { return nil }
    let rank = max(1, Int((Double(total) * percentile / 100).rounded(.up)))
    var sum = 0
    for (value, count) in counts.enumerated() {
      sum += count
      if sum >= rank { return Double(value) }
    }
    return Double(Self.microsecondsMax)
  }
}

/// The core's side and the producer's.
///
/// @unchecked Sendable: `core`, `outcomes` and `decided` belong to the consumer thread of the current turn, `population` and
/// `offered` to the producer's; `run` reads them only after both threads have ended.
final class WakeBench: @unchecked Sendable {
  let isRealtime = Atomic<Bool>(true)
  private var population: Population
  private var core: RealtimeCore
  private var outcomes = OutcomeBuffer(capacity: 512)
  private let ring: IntakeRing
  private let firstSequence: UInt64
  private let wake = clinux_eventfd()
  /// By wake since the beginning; written in place, so that no page is new in the measured path.
  private var offered: [UInt64]
  private var decided: [UInt64]
  private var done = 0

  init(patients: Int, wakes: Int) {
    population = Population(patients: patients)
    core = RealtimeCore(Population.coreConfiguration(patients: patients))
    for var entry in population.registration() {
      while !core.ingest(&entry, into: &outcomes) { outcomes.removeAll() }
      outcomes.removeAll()
    }
    firstSequence = population.sequence + 1
    ring = IntakeRing(capacity: 4_096, reserve: 512, firstSequence: firstSequence)
    offered = [UInt64](repeating: 0, count: wakes)
    decided = [UInt64](repeating: 0, count: wakes)
  }

  deinit { close(wake) }

  /// One turn. Blocks until both threads have ended.
  func run(
    wakes: Int, interval: UInt32, priorities: (consumer: Int32, producer: Int32), into latencies: inout Latencies
  ) throws(BenchmarkError) {
    let first = done
    let ended = DispatchSemaphore(value: 0)
    let consumer = Thread { [self] in
      if clinux_schedule_fifo(priorities.consumer) != 0 { isRealtime.store(false, ordering: .releasing) }
      consume(first, wakes)
      ended.signal()
    }
    let producer = Thread { [self] in
      _ = clinux_schedule_fifo(priorities.producer)
      produce(first, wakes, interval)
      ended.signal()
    }
    consumer.start()
    producer.start()
    let limit = DispatchTime.now() + .seconds(Int(interval) * wakes / 1_000_000 * 4 + 30)
    for _ in 0..<2 where ended.wait(timeout: limit) == .timedOut { throw .timedOut("the wakes of one turn") }
    done += wakes
    for index in first..<done { latencies.record(decided[index] - offered[index]) }
  }

  private func produce(_ first: Int, _ wakes: Int, _ interval: UInt32) {
    for index in first..<(first + wakes) {
      usleep(interval)
      let entry = population.next()
      offered[index] = Clock.now()
      _ = ring.push(entry)
      WakeDescriptor.ring(wake)
    }
  }

  private func consume(_ first: Int, _ wakes: Int) {
    var entry = IntakeEntry(instant: .zero, wall: .unknown, payload: .clock(ClockAnchor(utcOffsetSeconds: 0)))
    var taken = 0
    var waiting = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
    while taken < wakes {
      _ = poll(&waiting, 1, 1_000)
      var count: UInt64 = 0
      _ = read(wake, &count, 8)
      while ring.pop(into: &entry) {
        while !core.ingest(&entry, into: &outcomes) { outcomes.removeAll() }
        outcomes.removeAll()
        decided[first + taken] = Clock.now()
        taken += 1
      }
    }
  }
}

/// One thread wakes another through an eventfd, and nothing else: what the machine allows a wake-up between threads. cyclictest's
/// thread is woken by the timer of its own processor; the core is woken by another thread, mostly on another processor, and where
/// processors are virtual that takes its time now and then. The same priorities and pauses as WakeBench, without ring and core.
///
/// @unchecked Sendable: `rung` belongs to the ringer's thread and `woken` to the sleeper's; `run` reads them after both have ended.
final class BareWake: @unchecked Sendable {
  private let wake = clinux_eventfd()
  private var rung: [UInt64]
  private var woken: [UInt64]
  private var done = 0

  init(wakes: Int) {
    rung = [UInt64](repeating: 0, count: wakes)
    woken = [UInt64](repeating: 0, count: wakes)
  }

  deinit { close(wake) }

  /// One turn. Blocks until both threads have ended.
  func run(
    wakes: Int, interval: UInt32, priorities: (sleeper: Int32, ringer: Int32), into latencies: inout Latencies
  ) throws(BenchmarkError) {
    let first = done
    let ended = DispatchSemaphore(value: 0)
    let sleeper = Thread { [self] in
      _ = clinux_schedule_fifo(priorities.sleeper)
      var waiting = pollfd(fd: wake, events: Int16(POLLIN), revents: 0)
      var index = first
      while index < first + wakes {
        _ = poll(&waiting, 1, 1_000)
        let now = Clock.now()
        // How often it rang since the last time: more than once when this thread came late.
        var count: UInt64 = 0
        guard read(wake, &count, 8) == 8 else { continue }
        for _ in 0..<min(Int(count), first + wakes - index) {
          woken[index] = now
          index += 1
        }
      }
      ended.signal()
    }
    let ringer = Thread { [self] in
      _ = clinux_schedule_fifo(priorities.ringer)
      for index in first..<(first + wakes) {
        usleep(interval)
        rung[index] = Clock.now()
        WakeDescriptor.ring(wake)
      }
      ended.signal()
    }
    sleeper.start()
    ringer.start()
    let limit = DispatchTime.now() + .seconds(Int(interval) * wakes / 1_000_000 * 4 + 30)
    for _ in 0..<2 where ended.wait(timeout: limit) == .timedOut { throw .timedOut("the bare wakes of one turn") }
    done += wakes
    // A ring between the look at the clock and the read has no time of its own.
    for index in first..<done where woken[index] > rung[index] { latencies.record(woken[index] - rung[index]) }
  }
}

/// One busy thread a processor, under ordinary scheduling: arithmetic over more memory than the nearest caches hold.
final class BackgroundLoad: Sendable {
  private let stopWanted = Atomic<Bool>(false)

  init() {
    for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
      let thread = Thread { [self] in
        var words = [UInt64](repeating: 1, count: 1 << 18)
        var index = 0
        while !stopWanted.load(ordering: .relaxed) {
          for _ in 0..<100_000 {
            index = (index &* 1_103_515_245 &+ 12_345) & (words.count - 1)
            words[index] = words[index] &* 6_364_136_223_846_793_005 &+ UInt64(index)
          }
        }
      }
      thread.start()
    }
  }

  func stop() { stopWanted.store(true, ordering: .relaxed) }
}
