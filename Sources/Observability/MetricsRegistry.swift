// The back-end of swift-metrics: every series of this process in memory, shown as Prometheus text by `/metrics`
// (MetricsRegistry+exposition.swift). Bounded: at most `seriesMax` series; a new one beyond it is counted in
// `knutepunkt_metrics_series_refused_total` and goes nowhere, because the old ones are those that dashboards know.
//
// Labels are closed vocabularies (a destination's name from the configuration, a reason, a role). Never a person, a
// device or a topic: `/metrics` is read by people who may not know who lives where.

import Foundation
import Metrics
package import Synchronization

/// Thread-safe. Handlers stay valid for the life of the process: `destroy…` only ends their series.
package final class MetricsRegistry: MetricsFactory {
  package enum Kind: String, Sendable, Hashable {
    case counter
    case gauge
    case histogram
  }

  struct SeriesKey: Sendable, Hashable {
    var name: String
    /// Sorted by label name.
    var labels: [Label]
  }

  struct Label: Sendable, Hashable {
    var name: String
    var value: String
  }

  package struct State {
    package var kinds: [String: Kind] = [:]
    var series: [SeriesKey: any Series] = [:]
    package var help: [String: String]
    package var refused: UInt64 = 0
  }

  /// Enough for every destination, link and rule of a large hub; 2000 histograms of 16 buckets are 500 kB.
  static let seriesMaxDefault = 2_000
  /// A value longer than this is cut: labels are names, not texts.
  static let labelValueBytesMax = 128
  /// Seconds. From a core decision (µs) to a destination that is slow (a minute).
  static let timerBounds: [Double] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 15, 60,
  ]
  /// Plain numbers: group sizes, queue lengths, bytes.
  static let recorderBounds: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000, 10_000, 100_000, 1_000_000]

  let seriesMax: Int
  package let state: Mutex<State>

  /// `help`: a sentence for each metric name, as it is after ``metricName(_:)`` and without a unit suffix.
  package init(seriesMax: Int = MetricsRegistry.seriesMaxDefault, help: [String: String] = [:]) {
    precondition(seriesMax > 0)
    self.seriesMax = seriesMax
    self.state = Mutex(State(help: help))
  }

  // MARK: - MetricsFactory

  func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
    series(label, dimensions, .counter) { CounterSeries() }
  }

  func makeFloatingPointCounter(label: String, dimensions: [(String, String)]) -> any FloatingPointCounterHandler {
    series(label, dimensions, .counter) { FloatingPointCounterSeries() }
  }

  func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
    series(label, dimensions, .gauge) { GaugeSeries() }
  }

  /// `aggregate` false is swift-metrics' old way to say gauge.
  func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
    if aggregate { return series(label, dimensions, .histogram) { HistogramSeries(bounds: Self.recorderBounds) } }
    return series(label, dimensions, .gauge) { GaugeSeries() }
  }

  func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
    series(label + "_seconds", dimensions, .histogram) { HistogramSeries(bounds: Self.timerBounds) }
  }

  func destroyCounter(_ handler: any CounterHandler) { remove(handler) }
  func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { remove(handler) }
  func destroyMeter(_ handler: any MeterHandler) { remove(handler) }
  func destroyRecorder(_ handler: any RecorderHandler) { remove(handler) }
  func destroyTimer(_ handler: any TimerHandler) { remove(handler) }

  /// The series of this name and these labels: the one that exists, a new one, or, beyond the limit or when the name is of
  /// another kind already, one that nobody sees.
  private func series<Wanted: Series>(
    _ name: String, _ dimensions: [(String, String)], _ kind: Kind, _ make: () -> Wanted
  ) -> Wanted {
    let key = SeriesKey(name: Self.metricName(name), labels: Self.labels(dimensions))
    return state.withLock { state in
      if let known = state.series[key] as? Wanted { return known }
      guard state.series[key] == nil, state.kinds[key.name] ?? kind == kind, state.series.count < seriesMax else {
        state.refused += 1
        return make()
      }
      let new = make()
      state.kinds[key.name] = kind
      state.series[key] = new
      return new
    }
  }

  private func remove(_ handler: AnyObject) {
    state.withLock { state in
      for key in state.series.filter({ $0.value === handler }).map(\.key) {
        state.series[key] = nil
        if !state.series.keys.contains(where: { $0.name == key.name }) { state.kinds[key.name] = nil }
      }
    }
  }

  // MARK: - Names

  /// Prometheus' letters: `[a-zA-Z_:][a-zA-Z0-9_:]*`; others become underscores (`core.ingest` → `core_ingest`).
  static func metricName(_ label: String) -> String { name(label, allowsColon: true) }

  private static func labels(_ dimensions: [(String, String)]) -> [Label] {
    var byName: [String: String] = [:]
    for (key, value) in dimensions {
      // `le` is the histogram's own, and names with two leading underscores are Prometheus' own.
      let label = name(key, allowsColon: false)
      let isReserved = label == "le" || label.hasPrefix("__")
      byName[isReserved ? "label_" + label : label] = String(decoding: value.utf8.prefix(labelValueBytesMax), as: UTF8.self)
    }
    return byName.map { Label(name: $0.key, value: $0.value) }.sorted { $0.name < $1.name }
  }

  private static func name(_ text: String, allowsColon: Bool) -> String {
    let characters = text.unicodeScalars.enumerated().map { index, scalar -> Character in
      switch scalar {
      case "a"..."z", "A"..."Z", "_": Character(scalar)
      case "0"..."9" where index > 0: Character(scalar)
      case ":" where allowsColon: ":"
      default: "_"
      }
    }
    return characters.isEmpty ? "_" : String(characters)
  }
}
