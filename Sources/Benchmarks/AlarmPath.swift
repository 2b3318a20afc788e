// Row 3: somebody presses the SOS button. From the publish to the alert on the core's event stream and to the commit that
// makes it durable, through the real binary and a real broker; beside the broker's own round trip and SQLite's own commit.
// One press at a time, with a pause, each by the next of many people: latency, not throughput. (One person's changes are told at
// 50 a second at most, FairLane.swift: a single button would measure that.)

import Foundation

enum AlarmPath {
  /// Between two presses: the hub and the broker come to rest.
  private static let pauseMilliseconds: UInt32 = 3
  private static let warmUp = 50
  /// People with a button each: with these pauses nobody presses more than some ten times a second.
  private static let people = 100
  static let payload = #"{"action":"emergency","linkquality":87}"#

  static func measure(_ scale: Scale, _ surroundings: Surroundings, broker: PrivateBroker) throws -> [Measurement] {
    let presses = scale.pick(full: 2_000, quick: 200)
    let hub = try Hub(surroundings, broker: broker.port)
    let settings = HubSettings(alertsMax: 16_384, hasDestination: true)
    let running = try hub.start(role: "core", settings)
    defer { running.process.stop() }
    try register(hub)

    let path = try run(presses, hub, broker, surroundings.work)
    var figures = path.whole.microseconds(prefix: "path")
    figures.merge(path.alert.microseconds(prefix: "alert out")) { $1 }
    figures.merge(path.commit.microseconds(prefix: "committed")) { $1 }
    figures.merge(path.bareTrip.microseconds(prefix: "bare MQTT")) { $1 }
    figures.merge(path.bareCommit.microseconds(prefix: "bare commit")) { $1 }
    // The ratios are asked of the middle: a machine that does something else now and then does it to floor and figure by chance.
    func asked(_ ratio: Double, at percentile: Double) -> Measurement.Target? {
      percentile == 50 ? .init(direction: .atMost, value: ratio) : nil
    }
    return [("p50", 50.0, 300.0), ("p99", 99, 1_000)].flatMap { name, percentile, target in
      let floor = (path.bareTrip.at(percentile) + path.bareCommit.at(percentile)) / 1_000
      return [
        Measurement(
          key: "alarm.\(name)", what: "MQTT in → committed → alert out, \(name)", ours: path.whole.at(percentile) / 1_000, unit: "µs",
          baseline: floor, baselineWhat: "bare MQTT round trip + bare commit", target: .init(direction: .atMost, value: target),
          ratioTarget: asked(1.5, at: percentile), figures: name == "p50" ? figures : [:]),
        Measurement(
          key: "alarm.out.\(name)", what: "  of it: alert on the event stream, \(name)", ours: path.alert.at(percentile) / 1_000,
          unit: "µs", baseline: path.bareTrip.at(percentile) / 1_000, baselineWhat: "bare MQTT round trip",
          ratioTarget: asked(2, at: percentile)),
        Measurement(
          key: "alarm.committed.\(name)", what: "  of it: durable, \(name)", ours: path.commit.at(percentile) / 1_000, unit: "µs",
          baseline: path.bareCommit.at(percentile) / 1_000, baselineWhat: "bare SQLite WAL FULL commit, one row"),
      ]
    }
  }

  static func register(_ hub: Hub) throws {
    for number in 0..<people {
      let patient = try LocalSocket.post(
        hub.socketPath, "/v1/patients", ["name": "Benchmark Person \(number)", "actor": "Benchmark", "reason": "measurement"])
      _ = try LocalSocket.post(
        hub.socketPath, "/v1/devices",
        [
          "label": "SOS button", "profile": "zigbee2mqtt/sos-button", "address": address(number), "patient": patient,
          "actor": "Benchmark", "reason": "measurement",
        ])
    }
  }

  static func topic(_ number: Int) -> String { "zigbee2mqtt/" + address(number) }
  private static func address(_ number: Int) -> String { "bench_sos_\(number % people)" }

  private struct Path {
    var alert = Latencies()
    var commit = Latencies()
    /// Until both have come.
    var whole = Latencies()
    var bareTrip = Latencies()
    var bareCommit = Latencies()
  }

  /// Presses the button, sends a message from client to client, commits a row; one after the other and again, so that
  /// whatever else the machine does disturbs all three alike.
  private static func run(_ presses: Int, _ hub: Hub, _ broker: PrivateBroker, _ work: String) throws -> Path {
    var progress = ProgressLine("MQTT in → committed → alert out, beside a bare broker and bare SQLite")
    defer { progress.done() }
    let events = try EventStream(hub.socketPath)
    let button = try MQTTClient("bench-button", port: broker.port)
    let trip = try BareTrip(broker)
    let commit = try BareCommit(work)
    var path = Path()
    for number in 1...(presses + warmUp) {
      let isMeasured = number > warmUp
      Clock.sleep(milliseconds: pauseMilliseconds)
      let begin = Clock.now()
      try button.publish(topic(number), payload)
      let (alert, committed) = try answers(events)
      try button.flush(number)
      if isMeasured {
        path.alert.record(alert - begin)
        path.commit.record(committed - begin)
        path.whole.record(max(alert, committed) - begin)
      }
      Clock.sleep(milliseconds: pauseMilliseconds)
      let tripTime = try trip.once(number)
      Clock.sleep(milliseconds: pauseMilliseconds)
      let commitTime = try commit.once(number)
      if isMeasured {
        path.bareTrip.record(tripTime)
        path.bareCommit.record(commitTime)
      }
      progress.step(number, of: presses + warmUp)
    }
    button.close()
    trip.close()
    return path
  }

  /// When the alert came, and when the commit that makes it durable.
  private static func answers(_ events: EventStream) throws -> (alert: UInt64, committed: UInt64) {
    var alert: StreamedEvent?
    var committed: StreamedEvent?
    while true {
      let event = try events.next()
      if event.name == "alert", event.contains(#""rule":"sos""#), event.contains(#""change":"raised""#) { alert = event }
      // The alert usually comes first; a commit that came before it is looked at again when its sequence is known.
      if event.name == "committed" { committed = event }
      if let alert, let committed, let cause = alert.number("firstCause"), let sequence = committed.number("sequence"), sequence >= cause {
        return (alert.arrival, committed.arrival)
      }
    }
  }

  /// The same payload through the same broker, from one client to another, with QoS 1.
  private struct BareTrip {
    private let sender: MQTTClient
    private let receiver: MQTTClient

    init(_ broker: PrivateBroker) throws {
      sender = try MQTTClient("bench-sender", port: broker.port)
      receiver = try MQTTClient("bench-receiver", port: broker.port)
      try receiver.subscribe("bench/roundtrip")
    }

    /// Nanoseconds.
    func once(_ number: Int) throws -> UInt64 {
      let begin = Clock.now()
      try sender.publish("bench/roundtrip", payload)
      let arrival = try receiver.message(number)
      try sender.flush(number)
      return arrival - begin
    }

    func close() {
      sender.close()
      receiver.close()
    }
  }

  /// One row, one transaction, flushed.
  private struct BareCommit {
    private let folder: WorkFolder
    private let database: BareSQLite
    private let table: BareSQLite.Table

    init(_ work: String) throws {
      folder = try WorkFolder(in: work)
      database = try BareSQLite(path: folder.path + "/bare.sqlite")
      table = try database.table("observation", columns: 8)
    }

    /// Nanoseconds.
    func once(_ number: Int) throws -> UInt64 {
      let begin = Clock.now()
      try database.execute("BEGIN IMMEDIATE")
      try database.insert(into: table)
      try database.execute("COMMIT")
      let time = Clock.now() - begin
      if number % 1_000 == 0 { try database.execute("PRAGMA wal_checkpoint(PASSIVE)") }
      return time
    }
  }
}
