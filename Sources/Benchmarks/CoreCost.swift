// Row 1: what one observation costs the realtime core, and whether it takes memory. Entries are made beforehand and only
// numbered and timed in the loop, which counts towards the cost as it does in life.

import CoreRings
import Glibc
import RealtimeCore
import VitalSigns

/// Counts `malloc`, `calloc`, `realloc`, `aligned_alloc` and `posix_memalign` of the calling thread, when the process runs
/// with the counter of `Deploy/bench-allocations.c` preloaded.
struct AllocationCounter {
  private let read: @convention(c) () -> UInt64

  /// Nil when the counter is not preloaded.
  init?() {
    guard let symbol = dlsym(nil, "knutepunkt_bench_allocations") else { return nil }
    read = unsafeBitCast(symbol, to: (@convention(c) () -> UInt64).self)
  }

  /// The counter's file, to preload it into another process; nil when it is not preloaded here.
  static var library: String? {
    guard let symbol = dlsym(nil, "knutepunkt_bench_counter") else { return nil }
    let path = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<CChar>).self)
    let text = String(cString: path())
    return text.isEmpty ? nil : text
  }

  /// Of this thread since it began.
  var count: UInt64 { read() }
}

enum CoreCost {
  private static let patients = 10_000
  /// A home gateway's population: all its state stays in the caches.
  private static let patientsOfOneHome = 10
  /// Entries made beforehand, a power of two: six for each person, 8 MB, so that they come from memory and not from the cache.
  private static let prepared = 1 << 16

  static func measure(_ scale: Scale) throws -> [Measurement] {
    let total = scale.pick(full: 10_000_000, quick: 1_000_000)
    var full = Stage(patients: patients)
    let direct = full.run(total, "core: cost of an observation")
    let throughRing = full.runThroughRing(total / 10)
    var home = Stage(patients: patientsOfOneHome)
    let small = home.run(total / 10, "core: cost of an observation, one home")
    var measurements = [
      Measurement(
        key: "core.cost", what: "core: one observation scored, ruled, decided (CPU)", ours: direct.nanoseconds, unit: "ns",
        baseline: nil, baselineWhat: nil, target: .init(direction: .atMost, value: 200),
        figures: [
          "observations": Double(total), "patients": Double(patients), "outcomes per observation": direct.outcomesEach,
          "with the intake ring ns": throughRing, "slowest tenth ns": direct.slowestTenth, "with 10 patients ns": small.nanoseconds,
        ])
    ]
    if let allocations = direct.allocations {
      measurements.append(
        Measurement(
          key: "core.allocations", what: "core: allocations over these observations", ours: Double(allocations), unit: "",
          target: .init(direction: .atMost, value: 0), remark: "locks: 0, the compiler refuses them (@_noLocks)"))
    } else {
      measurements[0].remark = "allocations not counted: start it with Deploy/bench.sh"
    }
    return measurements
  }

  /// Only the loop, for a tool that looks on from outside.
  static func loop(_ total: Int) {
    var stage = Stage(patients: patients)
    _ = stage.run(total, "core loop")
  }

  private struct Cost {
    var nanoseconds: Double
    var slowestTenth: Double
    var outcomesEach: Double
    var allocations: UInt64?
  }

  /// A core with its people, everybody with a full set of inputs and a score, and entries made beforehand.
  private struct Stage: ~Copyable {
    private var population: Population
    private var core: RealtimeCore
    private var outcomes = OutcomeBuffer(capacity: 512)
    private var entries: [IntakeEntry] = []

    init(patients: Int) {
      population = Population(patients: patients)
      core = RealtimeCore(Population.coreConfiguration(patients: patients))
      for var entry in population.registration() { ingest(&entry) }
      entries.reserveCapacity(prepared)
      for _ in 0..<prepared { entries.append(population.next()) }
      for var entry in entries { ingest(&entry) }
    }

    private mutating func ingest(_ entry: inout IntakeEntry) {
      while !core.ingest(&entry, into: &outcomes) { outcomes.removeAll() }
      outcomes.removeAll()
    }

    mutating func run(_ total: Int, _ what: String) -> Cost {
      var progress = ProgressLine(what)
      let counter = AllocationCounter()
      var (spent, slowest, told, allocations) = (UInt64(0), UInt64(0), 0, UInt64(0))
      let slice = total / 10
      for tenth in 0..<10 {
        let before = counter?.count ?? 0
        let start = Clock.threadCPU()
        for index in 0..<slice {
          var entry = entries[index & (prepared - 1)]
          population.restamp(&entry)
          while !core.ingest(&entry, into: &outcomes) {
            told += outcomes.count
            outcomes.removeAll()
          }
          told += outcomes.count
          outcomes.removeAll()
        }
        let cost = Clock.threadCPU() - start
        allocations += (counter?.count ?? 0) - before
        spent += cost
        slowest = max(slowest, cost)
        progress.step(tenth + 1, of: 10)
      }
      progress.done()
      return Cost(
        nanoseconds: Double(spent) / Double(slice * 10), slowestTenth: Double(slowest) / Double(slice),
        outcomesEach: Double(told) / Double(slice * 10), allocations: counter == nil ? nil : allocations)
    }

    /// Nanoseconds with a push and a pop of the intake ring between, on one thread.
    mutating func runThroughRing(_ total: Int) -> Double {
      let ring = IntakeRing(capacity: 4_096, reserve: 512, firstSequence: population.sequence + 1)
      var taken = entries[0]
      let start = Clock.threadCPU()
      for index in 0..<total {
        var entry = entries[index & (prepared - 1)]
        population.restamp(&entry)
        _ = ring.push(entry)
        if ring.pop(into: &taken) { ingest(&taken) }
      }
      return Double(Clock.threadCPU() - start) / Double(total)
    }
  }
}
