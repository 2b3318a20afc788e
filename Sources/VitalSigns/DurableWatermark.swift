// How a link learns that what it took in is safe: links acknowledge their devices by it, and never earlier.

/// The journal's promise, as a number: every entry up to `sequence` is in a committed transaction.
///
/// Thread-safe. `sequence` never goes back. After each advance the conformer adds 1 to every registered eventfd, so
/// that a waiting link wakes at once.
public protocol DurableWatermark: AnyObject, Sendable {
  var sequence: UInt64 { get }
  /// Somebody waits for the watermark: end the current group early. A conformer may ignore the request; it never blocks.
  func requestCommit()
  /// Has `descriptor` rung at each advance. `descriptor` is a non-blocking eventfd of the link, valid until `unregister` returns.
  func register(wakeDescriptor descriptor: Int32)
  func unregister(wakeDescriptor descriptor: Int32)
}
