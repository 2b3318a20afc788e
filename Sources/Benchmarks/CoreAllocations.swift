// Row 1, in life: whether the core's thread takes memory in the real hub, with all that it does there: it waits on its descriptors,
// decides, hands on. The counter of Deploy/bench-allocations.c counts for each thread of the hub, in a file that both sides map.

import Glibc

enum CoreAllocations {
  /// Between two presses: the core sleeps before each, and now and then its pulse wakes it.
  private static let pauseMilliseconds: UInt32 = 5

  static func measure(
    _ scale: Scale, _ surroundings: Surroundings, broker: PrivateBroker, folder: String
  ) throws -> [Measurement] {
    // Without the counter, CoreCost has said so.
    guard let library = AllocationCounter.library else { return [] }
    var progress = ProgressLine("allocations of the core's thread in the hub")
    defer { progress.done() }
    let presses = scale.pick(full: 600, quick: 200)
    let file = folder + "/allocations"
    let hub = try Hub(surroundings, broker: broker.port)
    let settings = HubSettings(alertsMax: 4_096, hasDestination: true)
    let running = try hub.start(
      role: "core", settings, environment: ["LD_PRELOAD": library, "KNUTEPUNKT_BENCH_ALLOCATIONS": file])
    defer { running.process.stop() }
    try AlarmPath.register(hub)
    guard let core = running.process.thread(named: "core") else { throw BenchmarkError.unexpected("the hub has no thread named core") }
    let button = try MQTTClient("bench-allocations", port: broker.port)
    var number = 0
    func press(_ count: Int) throws {
      for _ in 0..<count {
        number += 1
        Clock.sleep(milliseconds: pauseMilliseconds)
        try button.publish(AlarmPath.topic(number), AlarmPath.payload)
        try button.flush(number)
        progress.step(number, of: presses * 2)
      }
      Clock.sleep(milliseconds: 600)
    }
    try press(presses)
    let before = try ThreadCounts(file)
    try press(presses)
    let after = try ThreadCounts(file)
    button.close()
    let others = Double(after.total - before.total) / Double(presses)
    return [
      Measurement(
        key: "core.allocations.hub", what: "core's thread in the hub, waiting included: allocations",
        ours: Double(after.of(core) - before.of(core)), unit: "", target: .init(direction: .atMost, value: 0),
        figures: ["SOS presses": Double(presses), "allocations of all threads a press": others])
    ]
  }

  /// What the counter's file held at one moment: pairs of a thread's number and its count.
  private struct ThreadCounts {
    private var counts: [Int32: UInt64] = [:]

    init(_ file: String) throws(BenchmarkError) {
      let descriptor = open(file, O_RDONLY)
      guard descriptor >= 0 else { throw .system("open \(file)", errno: errno) }
      defer { close(descriptor) }
      var pair: (UInt64, UInt64) = (0, 0)
      while withUnsafeMutableBytes(of: &pair, { read(descriptor, $0.baseAddress, $0.count) }) == 16, pair.0 != 0 {
        counts[Int32(truncatingIfNeeded: pair.0)] = pair.1
      }
    }

    /// A thread that never took memory is not in the file.
    func of(_ thread: Int32) -> UInt64 { counts[thread] ?? 0 }
    var total: UInt64 { counts.values.reduce(0, +) }
  }
}
