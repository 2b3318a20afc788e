// The registry's text against Prometheus' format 0.0.4, its bound, and its behaviour under many threads.

import Dispatch
import Metrics
import Testing

@testable import Observability

@Suite struct MetricsRegistryTests {
  static let tail = """
    # HELP knutepunkt_metrics_series_refused_total Series that were not made because the limit of series was reached.
    # TYPE knutepunkt_metrics_series_refused_total counter
    knutepunkt_metrics_series_refused_total 0

    """

  @Test func countersAndGaugesInAStableOrder() {
    let registry = MetricsRegistry(help: ["links_frames": "Frames by result.\nSecond \\ line", "queue": "Depth."])
    registry.makeMeter(label: "queue", dimensions: []).set(Int64(3))
    registry.makeCounter(label: "links.frames", dimensions: [("result", "refused")]).increment(by: 2)
    registry.makeCounter(label: "links.frames", dimensions: [("result", "accepted")]).increment(by: 40)
    registry.makeCounter(label: "links.frames", dimensions: [("result", "accepted")]).increment(by: 2)
    registry.makeFloatingPointCounter(label: "busy_seconds_total", dimensions: []).increment(by: 0.25)
    #expect(
      registry.exposition() == """
        # TYPE busy_seconds_total counter
        busy_seconds_total 0.25
        # HELP links_frames_total Frames by result.\\nSecond \\\\ line
        # TYPE links_frames_total counter
        links_frames_total{result="accepted"} 42
        links_frames_total{result="refused"} 2
        # HELP queue Depth.
        # TYPE queue gauge
        queue 3

        """ + Self.tail)
  }

  @Test func histogramsAreCumulative() {
    let registry = MetricsRegistry()
    let timer = registry.makeTimer(label: "commit", dimensions: [("journal", "main")])
    for nanoseconds: Int64 in [50_000, 50_001, 1_000_000, 59_000_000_000, 61_000_000_000] { timer.recordNanoseconds(nanoseconds) }
    let lines = registry.exposition().split(separator: "\n").map(String.init)
    #expect(lines.first == "# TYPE commit_seconds histogram")
    #expect(lines.contains(#"commit_seconds_bucket{journal="main",le="5e-05"} 1"#))
    #expect(lines.contains(#"commit_seconds_bucket{journal="main",le="0.0001"} 2"#))
    #expect(lines.contains(#"commit_seconds_bucket{journal="main",le="0.001"} 3"#))
    #expect(lines.contains(#"commit_seconds_bucket{journal="main",le="60"} 4"#))
    #expect(lines.contains(#"commit_seconds_bucket{journal="main",le="+Inf"} 5"#))
    #expect(lines.contains(#"commit_seconds_count{journal="main"} 5"#))
    #expect(lines.filter { $0.contains("_bucket") }.count == MetricsRegistry.timerBounds.count + 1)
  }

  @Test func namesAndValuesAreMadeLegal() {
    let registry = MetricsRegistry()
    registry.makeCounter(label: "1 odd-name.ø", dimensions: [("le", "a\"b\\c\nd"), ("__x", ""), ("æ b", "å")]).increment(by: 1)
    #expect(registry.exposition().contains(#"__odd_name___total{label___b="å",label___x="",label_le="a\"b\\c\nd"} 1"#))
    let long = String(repeating: "x", count: 500)
    registry.makeCounter(label: "long", dimensions: [("name", long)]).increment(by: 1)
    #expect(registry.exposition().contains("long_total{name=\"\(long.prefix(128))\"} 1"))
    #expect(MetricsRegistry.metricName("") == "_")
  }

  @Test func specialNumbers() {
    let registry = MetricsRegistry()
    for (name, value) in [("nan", Double.nan), ("plus", .infinity), ("minus", -.infinity), ("small", 1e-7), ("big", 1e300), ("half", -0.5)]
    {
      registry.makeMeter(label: name, dimensions: []).set(value)
    }
    let text = registry.exposition()
    for line in ["nan NaN", "plus +Inf", "minus -Inf", "small 1e-07", "big 1e+300", "half -0.5"] { #expect(text.contains("\n\(line)\n")) }
  }

  @Test func theNumberOfSeriesIsBoundedAndTheRestCounted() {
    let registry = MetricsRegistry(seriesMax: 3)
    for index in 0..<10 { registry.makeCounter(label: "c", dimensions: [("n", "\(index)")]).increment(by: 1) }
    registry.makeCounter(label: "c", dimensions: [("n", "0")]).increment(by: 1)
    let text = registry.exposition()
    #expect(text.contains("c_total{n=\"0\"} 2\n"), "an old series goes on")
    #expect(!text.contains("n=\"3\""))
    #expect(text.contains("knutepunkt_metrics_series_refused_total 7\n"))
  }

  @Test func oneNameHasOneKind() {
    let registry = MetricsRegistry()
    registry.makeCounter(label: "x", dimensions: []).increment(by: 1)
    registry.makeMeter(label: "x", dimensions: [("a", "b")]).set(5.0)
    let text = registry.exposition()
    #expect(text.contains("x_total 1\n") && !text.contains("a=\"b\""))
    #expect(text.contains("refused_total 1\n"))
  }

  @Test func aDestroyedSeriesIsGoneAndItsNameIsFree() {
    let registry = MetricsRegistry()
    let counter = registry.makeCounter(label: "x", dimensions: [])
    counter.increment(by: 1)
    registry.destroyCounter(counter)
    #expect(registry.exposition() == Self.tail)
    registry.makeMeter(label: "x", dimensions: []).set(1.0)
    #expect(registry.exposition().contains("# TYPE x gauge\nx 1\n"))
  }

  @Test func countersNeverGoBackNorOver() {
    let registry = MetricsRegistry()
    let counter = registry.makeCounter(label: "x", dimensions: [])
    counter.increment(by: .max)
    counter.increment(by: .max)
    counter.increment(by: -5)
    #expect(registry.exposition().contains("x_total \(Int64.max)\n"))
    let real = registry.makeFloatingPointCounter(label: "y", dimensions: [])
    for amount in [1.5, -1, .nan, .infinity] { real.increment(by: amount) }
    #expect(registry.exposition().contains("y_total 1.5\n"))
    registry.makeTimer(label: "t", dimensions: []).recordNanoseconds(.max)
    registry.makeRecorder(label: "r", dimensions: [], aggregate: true).record(Double.nan)
    #expect(registry.exposition().contains("r_count 0\n"))
  }

  @Test func manyThreadsLoseNothing() {
    let registry = MetricsRegistry()
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for index in 0..<2_000 {
        registry.makeCounter(label: "shared", dimensions: []).increment(by: 1)
        registry.makeRecorder(label: "sizes", dimensions: [("t", "\(thread % 2)")], aggregate: true).record(Int64(index % 10))
      }
    }
    let text = registry.exposition()
    #expect(text.contains("shared_total 16000\n"))
    #expect(text.contains("sizes_count{t=\"0\"} 8000\n"))
  }
}
