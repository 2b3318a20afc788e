// BlueZ's errors as the link's failures: one table. Names and texts are those of BlueZ 5.66 (src/error.c, src/error.h,
// src/device.c, src/gatt-client.c), of dbus-daemon and of libsystemd. `org.bluez.Error.Failed` is told apart by its text,
// among them the C library's texts for errno, because bluetoothd passes `strerror` on.

extension BluezFailure {
  /// The failure for an error reply. A name or text that is in no table comes back as `.other`, cut to sane lengths.
  package init(name: String, message: String) {
    if name == "org.bluez.Error.Failed" || name == "org.bluez.Error.NotPermitted", let failure = Self.byText(message) {
      self = failure
    } else {
      self = Self.byName[name] ?? .other(name: String(name.prefix(128)), message: String(message.prefix(256)))
    }
  }

  package static let byName: [String: BluezFailure] = [
    "org.bluez.Error.InProgress": .inProgress,
    "org.bluez.Error.Busy": .inProgress,
    "org.bluez.Error.AlreadyConnected": .alreadyConnected,
    // Of RegisterAgent it means that we are registered; `BusConnection` takes that as done.
    "org.bluez.Error.AlreadyExists": .alreadyPaired,
    "org.bluez.Error.NotConnected": .notConnected,
    // Pair: the connection was not made ("Page Timeout").
    "org.bluez.Error.ConnectionAttemptFailed": .notConnected,
    "org.bluez.Error.NotReady": .notReady,
    "org.bluez.Error.AuthenticationFailed": .authenticationFailed,
    "org.bluez.Error.AuthenticationRejected": .authenticationRejected,
    "org.bluez.Error.Rejected": .authenticationRejected,
    "org.bluez.Error.AuthenticationCanceled": .authenticationCanceled,
    "org.bluez.Error.Canceled": .authenticationCanceled,
    "org.bluez.Error.AuthenticationTimeout": .authenticationTimeout,
    // ATT error 0x08, insufficient authorization.
    "org.bluez.Error.NotAuthorized": .insufficientSecurity,
    "org.bluez.Error.DoesNotExist": .doesNotExist,
    "org.bluez.Error.NotSupported": .notSupported,
    "org.bluez.Error.NotAvailable": .notSupported,
    "org.bluez.Error.NotPermitted": .notPermitted,
    "org.freedesktop.DBus.Error.NoReply": .noReply,
    "org.freedesktop.DBus.Error.Timeout": .noReply,
    "org.freedesktop.DBus.Error.TimedOut": .noReply,
    // What gdbus says of an object or interface that is no longer there.
    "org.freedesktop.DBus.Error.UnknownObject": .doesNotExist,
    "org.freedesktop.DBus.Error.UnknownInterface": .doesNotExist,
    "org.freedesktop.DBus.Error.UnknownMethod": .doesNotExist,
    "org.freedesktop.DBus.Error.UnknownProperty": .notSupported,
    "org.freedesktop.DBus.Error.NotSupported": .notSupported,
    "org.freedesktop.DBus.Error.AccessDenied": .notPermitted,
    "org.freedesktop.DBus.Error.ServiceUnknown": .stackGone,
    "org.freedesktop.DBus.Error.NameHasNoOwner": .stackGone,
    "org.freedesktop.DBus.Error.Disconnected": .stackGone,
  ]

  package static let byMessage: [String: BluezFailure] = [
    "Operation already in progress": .inProgress,
    "Operation now in progress": .inProgress,
    "In Progress": .inProgress,
    "Device or resource busy": .inProgress,
    "le-connection-busy": .inProgress,
    "br-connection-busy": .inProgress,
    "le-connection-already-connected": .alreadyConnected,
    "br-connection-already-connected": .alreadyConnected,
    "Transport endpoint is already connected": .alreadyConnected,
    "le-connection-abort-by-local": .connectionAborted,
    "br-connection-aborted-by-local": .connectionAborted,
    "br-connection-canceled": .connectionAborted,
    "Software caused connection abort": .connectionAborted,
    "Operation canceled": .connectionAborted,
    "Not connected": .notConnected,
    "Not Connected": .notConnected,
    "Transport endpoint is not connected": .notConnected,
    "Connection reset by peer": .notConnected,
    "Broken pipe": .notConnected,
    "No ATT transport": .notConnected,
    "le-connection-adapter-not-powered": .notReady,
    "br-connection-adapter-not-powered": .notReady,
    "No route to host": .notReady,
    "Network is down": .notReady,
    // The device did not answer at all: it is not there.
    "Host is down": .notReady,
    "br-connection-page-timeout": .notReady,
    "le-connection-not-supported": .notSupported,
    "br-connection-not-supported": .notSupported,
    "br-connection-profile-unavailable": .notSupported,
    "Operation not supported": .notSupported,
    // `Failed` while browsing, `NotPermitted` for ATT 0x05, 0x0c and 0x0f (gatt-client.c, create_gatt_dbus_error).
    "Not paired": .insufficientSecurity,
    "Permission denied": .notPermitted,
    "No such file or directory": .doesNotExist,
    "No such device": .doesNotExist,
  ]

  /// ATT error codes (Bluetooth Core 5.3, volume 3, part F, 3.4.1.1) that need a remedy of their own.
  package static let byATTCode: [UInt8: BluezFailure] = [
    0x01: .doesNotExist,  // invalid handle: the attribute table has changed
    0x02: .notPermitted,
    0x03: .notPermitted,
    0x05: .insufficientSecurity,
    0x06: .notSupported,
    0x08: .insufficientSecurity,
    0x0A: .doesNotExist,  // attribute not found
    0x0C: .insufficientSecurity,
    0x0F: .insufficientSecurity,
    0xFE: .inProgress,  // procedure already in progress: the record access control point
  ]

  private static func byText(_ message: String) -> BluezFailure? {
    let prefix = "Operation failed with ATT error: 0x"
    guard message.hasPrefix(prefix) else { return byMessage[message] }
    return UInt8(message.dropFirst(prefix.count), radix: 16).flatMap { byATTCode[$0] }
  }
}
