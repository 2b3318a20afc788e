// Work that may take only so long: a connection, a read, the end of a thread.

/// What `work` gives; nil when `limit` is over before. Whichever ends first ends the other: work that is over its time is cancelled,
/// and awaited all the same, so it must heed that. Any task; a task that is cancelled itself ends both.
package func within<Value: Sendable>(_ limit: Duration, _ work: @escaping @Sendable () async -> Value) async -> Value? {
  await withTaskGroup(of: Value?.self) { group in
    group.addTask { await work() }
    group.addTask {
      try? await Task.sleep(for: limit)
      return nil
    }
    let first = await group.next()
    group.cancelAll()
    return first ?? nil
  }
}
