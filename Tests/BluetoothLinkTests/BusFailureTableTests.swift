// Each error of BlueZ 5.66, of dbus-daemon and of libsystemd that has a meaning for the link, as it looks on the bus.

import Testing

@testable import BlueZ
@testable import BluetoothLink

@Suite struct BusFailureTableTests {
  static let failed = "org.bluez.Error.Failed"

  static let table: [(String, String, BluezFailure)] = [
    ("org.bluez.Error.InProgress", "Operation already in progress", .inProgress),
    ("org.bluez.Error.InProgress", "In Progress", .inProgress),
    ("org.bluez.Error.Busy", "", .inProgress),
    (failed, "Operation already in progress", .inProgress),
    (failed, "Operation now in progress", .inProgress),
    (failed, "le-connection-busy", .inProgress),
    (failed, "Operation failed with ATT error: 0xfe", .inProgress),
    ("org.bluez.Error.AlreadyConnected", "Already Connected", .alreadyConnected),
    (failed, "le-connection-already-connected", .alreadyConnected),
    ("org.bluez.Error.AlreadyExists", "Already Exists", .alreadyPaired),
    (failed, "le-connection-abort-by-local", .connectionAborted),
    (failed, "br-connection-aborted-by-local", .connectionAborted),
    (failed, "br-connection-canceled", .connectionAborted),
    (failed, "Software caused connection abort", .connectionAborted),
    ("org.bluez.Error.NotConnected", "Not Connected", .notConnected),
    ("org.bluez.Error.ConnectionAttemptFailed", "Page Timeout", .notConnected),
    (failed, "Not connected", .notConnected),
    (failed, "Transport endpoint is not connected", .notConnected),
    (failed, "No ATT transport", .notConnected),
    ("org.bluez.Error.NotReady", "Resource Not Ready", .notReady),
    (failed, "le-connection-adapter-not-powered", .notReady),
    (failed, "Host is down", .notReady),
    (failed, "br-connection-page-timeout", .notReady),
    ("org.bluez.Error.AuthenticationFailed", "Authentication Failed", .authenticationFailed),
    ("org.bluez.Error.AuthenticationRejected", "Authentication Rejected", .authenticationRejected),
    ("org.bluez.Error.AuthenticationCanceled", "Authentication Canceled", .authenticationCanceled),
    ("org.bluez.Error.AuthenticationTimeout", "Authentication Timeout", .authenticationTimeout),
    ("org.bluez.Error.NotAuthorized", "Operation Not Authorized", .insufficientSecurity),
    ("org.bluez.Error.NotPermitted", "Not paired", .insufficientSecurity),
    (failed, "Not paired", .insufficientSecurity),
    (failed, "Operation failed with ATT error: 0x05", .insufficientSecurity),
    (failed, "Operation failed with ATT error: 0x08", .insufficientSecurity),
    (failed, "Operation failed with ATT error: 0x0c", .insufficientSecurity),
    (failed, "Operation failed with ATT error: 0x0f", .insufficientSecurity),
    ("org.bluez.Error.NotPermitted", "Read not permitted", .notPermitted),
    ("org.bluez.Error.NotPermitted", "Write not permitted", .notPermitted),
    ("org.bluez.Error.NotPermitted", "Notify acquired", .notPermitted),
    ("org.freedesktop.DBus.Error.AccessDenied", "Rejected send message", .notPermitted),
    ("org.bluez.Error.NotSupported", "Operation is not supported", .notSupported),
    (failed, "Operation failed with ATT error: 0x06", .notSupported),
    ("org.bluez.Error.DoesNotExist", "Does Not Exist", .doesNotExist),
    (failed, "Operation failed with ATT error: 0x01", .doesNotExist),
    (failed, "Operation failed with ATT error: 0x0a", .doesNotExist),
    ("org.freedesktop.DBus.Error.UnknownObject", "Method \"Connect\" with signature \"\" ...", .doesNotExist),
    ("org.freedesktop.DBus.Error.UnknownMethod", "", .doesNotExist),
    ("org.freedesktop.DBus.Error.NoReply", "", .noReply),
    ("org.freedesktop.DBus.Error.Timeout", "Method call timed out", .noReply),
    ("org.freedesktop.DBus.Error.ServiceUnknown", "", .stackGone),
    ("org.freedesktop.DBus.Error.NameHasNoOwner", "", .stackGone),
    ("org.freedesktop.DBus.Error.Disconnected", "", .stackGone),
    // What has no remedy of its own keeps its name and text.
    (failed, "le-connection-abort-by-remote", .other(name: failed, message: "le-connection-abort-by-remote")),
    (failed, "No discovery started", .other(name: failed, message: "No discovery started")),
    (failed, "Operation failed with ATT error: 0x80", .other(name: failed, message: "Operation failed with ATT error: 0x80")),
    (failed, "Operation failed with ATT error: 0x", .other(name: failed, message: "Operation failed with ATT error: 0x")),
    (failed, "Operation failed with ATT error: 0x100", .other(name: failed, message: "Operation failed with ATT error: 0x100")),
    (failed, "", .other(name: failed, message: "")),
    ("", "", .other(name: "", message: "")),
    // A text counts only with the names that go with texts.
    ("org.example.Error", "Not connected", .other(name: "org.example.Error", message: "Not connected")),
  ]

  @Test(arguments: table) func anErrorHasItsMeaning(_ row: (name: String, message: String, failure: BluezFailure)) {
    #expect(BluezFailure(name: row.name, message: row.message) == row.failure)
  }

  @Test func whatIsKeptOfAnUnknownErrorIsShort() {
    let long = String(repeating: "x", count: 5_000)
    #expect(
      BluezFailure(name: long, message: long)
        == .other(name: String(repeating: "x", count: 128), message: String(repeating: "x", count: 256)))
  }
}
