// Why bluetoothd did not do what it was asked, in as many words as the state machines need. Error names are BlueZ's; its
// catch-all `org.bluez.Error.Failed` is told apart by its text, which is all that BlueZ 5.66 gives.

/// A failed call. `message` texts come from bluetoothd: they may go to a log at debug level, never to a person.
package enum BluezFailure: Error, Sendable, Hashable {
  /// Somebody's earlier operation is not over: `InProgress`, or `Failed` with "Operation already in progress".
  case inProgress
  case alreadyConnected
  /// `AlreadyExists` as the answer to Pair: there is a bond.
  case alreadyPaired
  /// `le-connection-abort-by-local`: the stack gave the attempt up itself; retrying before Connected=false is futile.
  case connectionAborted
  case notConnected
  /// The adapter is off, or the device is not there yet.
  case notReady
  /// The key does not fit any more, or the passkey was wrong.
  case authenticationFailed
  /// A person or the device said no.
  case authenticationRejected
  case authenticationCanceled
  case authenticationTimeout
  /// A GATT operation needs an encrypted or authenticated link that is not there.
  case insufficientSecurity
  /// The object is gone, or the characteristic's handle is no longer valid.
  case doesNotExist
  case notSupported
  case notPermitted
  /// No answer in time. What became of the operation is unknown.
  case noReply
  /// bluetoothd or the bus went away in the middle.
  case stackGone
  case other(name: String, message: String)
}
